//! `loom run`: a goal in, a verified result out.

use crate::cli::ModelChoice;
use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::interrupt::Interrupts;
use crate::models;
use crate::render::{exit, report, result_json};
use crate::show::{Show, Stream};
use crate::ui::{Tone, clean, first_line};
use crate::watch::{Watched, watch};
use clap::{Args, ValueEnum};
use loom_engine::{Config, Engine, Flag, SubmitError, TaskView};
use loom_events::{NewTask, TaskId};
use loom_workspace::Bounds;
use std::path::{Path, PathBuf};

/// Arguments of `loom run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom run \"fix the failing test in parser.py\"
  loom run \"add a --quiet flag and document it\" -w ~/src/tool --server http://127.0.0.1:8080/v1
  loom run \"update the changelog\" --json > events.jsonl

Progress goes to standard error, the report to standard output. Ctrl-C leaves the task unfinished
and says how to go on; a second Ctrl-C ends at once.")]
pub(crate) struct RunArgs {
    /// What is to be done, in plain language
    goal: String,
    /// The directory to work in
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
    /// When you must agree to a result: as sure as it is, below a confidence, to each
    #[arg(long, value_enum, value_name = "MODE")]
    approval: Option<Approval>,
    /// Show the plan before anything runs, to be agreed to or edited
    #[arg(long)]
    review_plan: bool,
    /// Let its commands use the network without asking each time
    #[arg(long)]
    network: bool,
    /// Work on up to N independent steps at once, each in a copy of the directory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    parallel: Option<u32>,
    #[command(flatten)]
    model: ModelChoice,
    /// Print each event as a line of JSON, and a last line {"result": …}
    #[arg(long)]
    json: bool,
}

/// When a human must agree.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Approval {
    /// Less than sure ones are shown, unsure ones asked about
    Auto,
    /// To every subtask
    Manual,
    /// When the confidence is below the threshold
    Threshold,
}

impl Approval {
    const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
            Self::Threshold => "threshold",
        }
    }
}

pub(super) async fn run(arguments: RunArgs, context: &mut Context) -> Outcome {
    if arguments.goal.trim().is_empty() {
        return Err(Fault::usage(SubmitError::EmptyGoal));
    }
    let approval = arguments.approval.map(|mode| Flag {
        name: "--approval",
        key: "approval.mode",
        value: mode.word().to_owned(),
    });
    let network = arguments.network.then(|| Flag {
        name: "--network",
        key: "sandbox.network",
        value: "true".to_owned(),
    });
    let review = arguments.review_plan.then(|| Flag {
        name: "--review-plan",
        key: "approval.review_plan",
        value: "true".to_owned(),
    });
    let parallel = arguments.parallel.map(|steps| Flag {
        name: "--parallel",
        key: "execution.max_parallel_subtasks",
        value: steps.to_string(),
    });
    let flags = approval
        .into_iter()
        .chain(network)
        .chain(review)
        .chain(parallel);
    let flags: Vec<Flag> = flags.collect();
    let mut config = context.load(&flags)?.config;
    let data_dir = context.data_dir()?;
    let workspace = check_workspace(context, &config, &data_dir, &arguments.workspace)?;
    // Whoever cannot be asked must not be waited for.
    context.ui.attended &= !arguments.json;
    config.task.attended = context.ui.attended;
    let models = models::choose(&config, &arguments.model, context).await?;
    if !arguments.json {
        models.announce(context);
    }
    let models = models.usable();
    let new = NewTask {
        goal: arguments.goal,
        workspace: Some(workspace.to_string_lossy().into_owned()),
        context: None,
        settings: config.task.clone(),
        metadata: None,
    };
    let mut interrupts = Interrupts::catch()?;
    let engine = context.engine(config, models, &data_dir).await?;
    let task = match engine.submit(new).await {
        Ok(task) => task,
        Err(error) => {
            engine.shutdown().await;
            return Err(submit_fault(error));
        }
    };
    announce(context, task, &workspace, arguments.json);
    let show = Show::new(&context.ui, arguments.json, Stream::Err, None);
    let view = TaskView::new(task);
    let go_on = go_on(&arguments.model);
    follow(context, engine, view, show, &mut interrupts, &go_on).await
}

/// Everything that can be wrong with a directory, before anything is made.
fn check_workspace(
    context: &Context,
    config: &Config,
    data_dir: &Path,
    workspace: &Path,
) -> Result<PathBuf, Fault> {
    let bounds = Bounds {
        data_dir: data_dir.to_owned(),
        home: context.here.home.clone(),
        roots: config.workspace.roots.clone(),
    };
    let dir = context.here.absolute(workspace);
    bounds
        .check(&dir)
        .map_err(|error| Fault::from(error).exit(Exit::Usage))
}

pub(super) fn submit_fault(error: SubmitError) -> Fault {
    match error {
        SubmitError::EmptyGoal | SubmitError::LongGoal(_) | SubmitError::Workspace(_) => {
            Fault::usage(crate::fault::chain(&error))
        }
        SubmitError::NoModel(_) => Fault::usage(crate::fault::chain(&error))
            .hint("give the role to a model under [models.NAME], or use --model NAME"),
        SubmitError::Rejected(_) => Fault::usage(crate::fault::chain(&error)),
        SubmitError::Place(_) | SubmitError::Runner(_) => Fault::cannot(error),
    }
}

fn announce(context: &Context, task: TaskId, workspace: &Path, json: bool) {
    if !json {
        let text = format!(
            "task {} in {}",
            task.short(),
            clean(&workspace.to_string_lossy())
        );
        context.ui.note(Tone::Dim, &text);
    }
}

/// The options that a later `loom resume` needs again.
pub(super) fn go_on(choice: &ModelChoice) -> String {
    let option = |name: &str, value: &Option<String>| {
        value
            .as_ref()
            .map_or_else(String::new, |value| format!(" {name} {value}"))
    };
    option("--server", &choice.server) + &option("--model", &choice.model)
}

/// Follows a task of this process to its end, reports it, and closes the engine.
pub(super) async fn follow(
    context: &mut Context,
    engine: Engine,
    mut view: TaskView,
    mut show: Show,
    interrupts: &mut Interrupts,
    go_on: &str,
) -> Outcome {
    let json = matches!(show, Show::Json);
    let watched = watch(context, &engine, &mut view, &mut show, interrupts).await;
    drop(show);
    if let Ok(Watched::Interrupted) = &watched {
        context
            .ui
            .note(Tone::Caught, "stopping; Ctrl-C again ends at once");
    }
    interrupts.guard(engine.shutdown()).await;
    match watched? {
        Watched::Ended => {}
        Watched::Interrupted => {
            let task = view.id.short();
            context.ui.note(
                Tone::Plain,
                "the task is left unfinished; nothing that was done is lost",
            );
            context
                .ui
                .labelled("hint", &format!("go on with  loom resume {task}{go_on}"));
        }
    }
    if json {
        context.ui.raw(&format!("{}\n", result_json(&view)));
    } else if view.status.is_final() {
        context.ui.line(Tone::Plain, "");
        for (tone, text) in report(&view) {
            context.ui.line(tone, &text);
        }
    }
    if exit(&view) == Exit::Failed
        && let Some(reason) = &view.reason
    {
        // Whoever sends the report elsewhere still sees why.
        if !context.ui.out_screen {
            context
                .ui
                .labelled("error", &format!("the task failed: {}", first_line(reason)));
        }
    }
    Ok(exit(&view))
}
