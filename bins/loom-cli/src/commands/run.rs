//! `loom run`: a goal in, a verified result out.

use crate::cli::ModelChoice;
use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::interrupt::Interrupts;
use crate::render::{exit, report, result_json};
use crate::service::Work;
use crate::show::{Show, Stream};
use crate::ui::{Tone, clean, first_line};
use crate::watch::{Watched, watch};
use clap::{Args, ValueEnum};
use loom_client::wire::{self, NewTaskRequest};
use loom_engine::{Config, SubmitError, TaskView};
use loom_events::TaskId;
use loom_workspace::Bounds;
use loomd::Service;
use std::path::{Path, PathBuf};

/// Arguments of `loom run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom run \"fix the failing test in parser.py\"
  loom run \"add a --quiet flag and document it\" -w ~/src/tool --server http://127.0.0.1:8080/v1
  loom run \"make the parser faster\" --check \"cargo test\" --check \"./bench.sh --under 2s\"
  loom run \"update the changelog\" --json > events.jsonl

Progress goes to standard error, the report to standard output. Ctrl-C leaves the task unfinished \
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
    /// A command line that must succeed when all is done; can be given several times
    #[arg(long = "check", value_name = "COMMAND")]
    checks: Vec<String>,
    /// Work on up to N independent steps at once, each in a copy of the directory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    parallel: Option<u32>,
    /// Use nothing of what earlier tasks taught, and keep nothing of what this one teaches
    #[arg(long)]
    no_learning: bool,
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

impl From<Approval> for wire::Approval {
    fn from(approval: Approval) -> Self {
        match approval {
            Approval::Auto => Self::Auto,
            Approval::Manual => Self::Manual,
            Approval::Threshold => Self::ConfidenceThreshold,
        }
    }
}

pub(super) async fn run(arguments: RunArgs, context: &mut Context) -> Outcome {
    if arguments.goal.trim().is_empty() {
        return Err(Fault::usage(SubmitError::EmptyGoal));
    }
    let loaded = context.load(&[])?;
    let data_dir = context.data_dir()?;
    let workspace = check_workspace(context, &loaded.config, &data_dir, &arguments.workspace)?;
    // Whoever cannot be asked must not be waited for.
    context.ui.attended &= !arguments.json;
    let request = NewTaskRequest {
        goal: arguments.goal,
        workspace: Some(workspace.to_string_lossy().into_owned()),
        approval_mode: arguments.approval.map(wire::Approval::from),
        attended: Some(context.ui.attended),
        review_plan: arguments.review_plan.then_some(true),
        network: arguments.network.then_some(true),
        max_parallel_subtasks: arguments.parallel,
        checks: arguments.checks,
        learning: arguments.no_learning.then_some(false),
        ..NewTaskRequest::default()
    };
    let go_on = go_on(&arguments.model);
    let mut work = Work::new(loaded, arguments.model, data_dir, arguments.json);
    let mut interrupts = Interrupts::catch()?;
    let service = work.service(context).await?;
    let task = match service.client().submit(&request, None).await {
        Ok(created) => created.task_id,
        Err(error) => {
            service.leave().await;
            return Err(client_fault(error));
        }
    };
    announce(context, task, &workspace, arguments.json);
    let show = Show::new(&context.ui, arguments.json, Stream::Err, None);
    let view = TaskView::new(task);
    follow(context, work, service, view, show, &mut interrupts, &go_on).await
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

/// Follows a task to its end, reports it, and leaves the service.
pub(super) async fn follow(
    context: &mut Context,
    mut work: Work,
    mut service: Service,
    mut view: TaskView,
    mut show: Show,
    interrupts: &mut Interrupts,
    go_on: &str,
) -> Outcome {
    let json = matches!(show, Show::Json);
    let watched = watch(
        context,
        &mut work,
        &mut service,
        &mut view,
        &mut show,
        interrupts,
    )
    .await;
    drop(show);
    let ours = service.is_carried();
    if let (Ok(Watched::Interrupted), true) = (&watched, ours) {
        context
            .ui
            .note(Tone::Caught, "stopping; Ctrl-C again ends at once");
    }
    interrupts.guard(service.leave()).await;
    match watched? {
        Watched::Ended => {}
        Watched::Interrupted => {
            let task = view.id.short();
            let (text, hint) = match ours {
                true => (
                    "the task is left unfinished; nothing that was done is lost",
                    format!("go on with  loom resume {task}{go_on}"),
                ),
                false => (
                    "the task goes on without you",
                    format!("watch it with  loom resume {task}  end it with  loom cancel {task}"),
                ),
            };
            context.ui.note(Tone::Plain, text);
            context.ui.labelled("hint", &hint);
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
