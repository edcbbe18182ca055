//! `loom demo`: the whole engine at work on a small project, with or without a model of one's own.

use super::revert;
use crate::cli::ModelChoice;
use crate::context::{Context, client_fault, front_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::interrupt::Interrupts;
use crate::models;
use crate::render::{Catch, exit, report};
use crate::service::Work;
use crate::show::{Show, Stream};
use crate::ui::{Tone, duration, plural};
use crate::watch::{Watched, watch};
use anyhow::Context as _;
use clap::Args;
use loom_client::Client;
use loom_client::wire::NewTaskRequest;
use loom_engine::{Config, Loaded, RevertScope, SandboxMode, TaskStatus, TaskView};
use loom_events::TaskId;
use loom_router::Usable;
use loom_sim::{Demo, Options, SimServer};
use loom_workspace::{CommandLine, CommandSpec, RunStatus, Sandbox, survey_sandboxes};
use loomd::{Service, Visible};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time before each piece of a simulated answer on a screen: slow enough to be read in passing,
/// fast enough for the whole to take some ten seconds.
const PACE: Duration = Duration::from_millis(20);

/// The project's tests take a tenth of a second.
const TEST_TIME: Duration = Duration::from_secs(30);

/// Bytes of the tests' output that are shown: all of it, many times over.
const TEST_OUTPUT: usize = 16 * 1024;

/// Arguments of `loom demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom demo
  loom demo --keep
  loom demo --server http://127.0.0.1:8080/v1 --model qwen3-8b

Everything happens in a temporary directory, with default settings, and is removed at the end.")]
pub(crate) struct DemoArgs {
    /// Keep the directory with the project, its changes and the journal
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    model: ModelChoice,
}

/// Where the demo plays.
struct Stage {
    /// Removed when dropped, unless it is to be kept.
    dir: tempfile::TempDir,
    project: PathBuf,
    data_dir: PathBuf,
    /// The simulated model; none with a server of the user's own.
    model: Option<SimServer>,
}

pub(super) async fn run(arguments: DemoArgs, context: &mut Context) -> Outcome {
    let mut interrupts = Interrupts::catch()?;
    let mut stage = Stage::build(context, &arguments.model).await?;
    let mut config = stage.config(context);
    let bare = stage.is_scripted() && !can_contain(context).await?;
    if bare {
        config.sandbox.mode = SandboxMode::None;
    }
    let models = stage.models(context, &config, &arguments.model).await?;
    introduce(context, &stage);
    if bare {
        let text = "No sandbox works here (`loom doctor` says why). The demo's commands are Loom's own, so they run without; a model's would not be run.";
        context.ui.line(Tone::Caught, text);
    }
    let before = stage.test(context).await?;
    context.ui.line(Tone::Plain, "");
    context
        .ui
        .line(Tone::Strong, "$ ./test.sh        before the work");
    print_tests(context, &before);
    let attended = config.task.attended;
    let setup = context.setup(config, models, &stage.data_dir);
    let carried = Service::carry(setup, Vec::new(), Visible::Yes).await;
    let mut service = carried.map_err(front_fault)?;
    let keeps = arguments.keep;
    let played = play(
        context,
        &stage,
        &mut service,
        &mut interrupts,
        attended,
        keeps,
    )
    .await;
    interrupts.guard(service.leave()).await;
    if let Some(model) = &mut stage.model {
        model.stop().await;
    }
    let played = played?;
    if arguments.keep {
        keep(context, stage, played);
    }
    Ok(played.exit)
}

/// What came of the demo.
#[derive(Clone, Copy)]
struct Played {
    exit: Exit,
    task: TaskId,
}

/// Whether commands of a model would be run here at all.
async fn can_contain(context: &Context) -> Result<bool, Fault> {
    let (path_env, helper) = (context.here.path_env.clone(), context.here.helper.clone());
    let look = move || survey_sandboxes(&path_env, helper.as_deref()).strongest();
    let strongest = tokio::task::spawn_blocking(look).await?;
    Ok(strongest.is_contained())
}

impl Stage {
    /// Whether everything that the model says is Loom's own.
    const fn is_scripted(&self) -> bool {
        self.model.is_some()
    }

    async fn build(context: &Context, choice: &ModelChoice) -> Result<Self, Fault> {
        let dir = tempfile::Builder::new().prefix("loom-demo-").tempdir();
        let dir = dir.context("make a temporary directory for the demo")?;
        let project = dir.path().join("expenses");
        unpack(&project).context("write the demo project")?;
        let model = match choice.server {
            Some(_) => None,
            None => {
                let pace = if context.ui.out_screen {
                    PACE
                } else {
                    Duration::ZERO
                };
                let options = Options {
                    pace,
                    ..Options::default()
                };
                Some(
                    SimServer::start(Demo::playbook(), options)
                        .await
                        .map_err(Fault::cannot)?,
                )
            }
        };
        Ok(Self {
            data_dir: dir.path().join("loom"),
            project,
            dir,
            model,
        })
    }

    /// Default settings: the demo is the same for everybody.
    fn config(&self, context: &Context) -> Config {
        let mut config = Config::default();
        // Its data directory is new each time, so nothing could be known; the caution for that is no news.
        config.task.learning = false;
        config.task.attended = context.ui.attended && self.model.is_none();
        crate::log::start(config.logging.level, loom_redact::Redactor::default());
        config
    }

    /// The simulated model or the user's own.
    async fn models(
        &self,
        context: &Context,
        config: &Config,
        choice: &ModelChoice,
    ) -> Result<Vec<Usable>, Fault> {
        let choice = match &self.model {
            None => choice.clone(),
            Some(model) => ModelChoice {
                server: Some(model.base_url()),
                model: None,
            },
        };
        let models = models::choose(config, &choice, context).await?;
        if self.model.is_none() {
            models.announce(context);
        }
        Ok(models.usable())
    }

    /// Runs the project's own tests.
    async fn test(&self, context: &Context) -> Result<loom_workspace::Finished, Fault> {
        let scratch = self.dir.path().to_owned();
        let spec = CommandSpec {
            command: CommandLine::Shell("./test.sh".to_owned()),
            workspace: self.project.clone(),
            cwd: self.project.clone(),
            env: vec![("PATH".into(), context.here.path_env.clone())],
            timeout: TEST_TIME,
            output_cap: TEST_OUTPUT,
            // The script is Loom's own, compiled in.
            sandbox: Sandbox::None,
            scratch,
            readable: Vec::new(),
            writable: Vec::new(),
            network: false,
            label: format!("loom-demo-{}", std::process::id()),
        };
        let cancel = CancellationToken::new();
        loom_workspace::run(&spec, &cancel)
            .await
            .map_err(Fault::from)
    }
}

fn unpack(project: &Path) -> std::io::Result<()> {
    for file in Demo::files() {
        let path = project.join(file.path);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(&path, file.contents)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(file.mode))?;
    }
    Ok(())
}

fn introduce(context: &mut Context, stage: &Stage) {
    let ui = &mut context.ui;
    match &stage.model {
        Some(_) => {
            ui.line(Tone::Caught, "SIMULATED MODEL: its answers are scripted, mistakes included. Everything else is real:");
            ui.line(Tone::Plain, "HTTP, the journal, files, commands, checks.");
        }
        None => ui.line(Tone::Strong, "Your own model works on the demo project."),
    }
    ui.line(Tone::Plain, "");
    for text in [
        "Small models stop early, claim work they did not do and break their own JSON. Loom does not",
        "argue with them: it gives them one small step at a time, runs the checks itself, and believes",
        "only what it sees. Here is a small project whose tests fail. Watch what is caught.",
    ] {
        ui.line(Tone::Plain, text);
    }
    ui.line(Tone::Plain, "");
    ui.line(Tone::Strong, &format!("goal: {}", Demo::goal()));
}

fn print_tests(context: &mut Context, tests: &loom_workspace::Finished) {
    for line in tests.output.lines() {
        let tone = if line.starts_with("FAILED") {
            Tone::Bad
        } else {
            Tone::Plain
        };
        context
            .ui
            .line(tone, &format!("  {}", crate::ui::clean(line)));
    }
}

/// What the demo adds to a mistake that was caught.
const fn remark(catch: Catch) -> &'static str {
    match catch {
        Catch::FalseClaim => {
            "A claim is not evidence: Loom ran the checks and told the model what it saw."
        }
        Catch::Unreadable => {
            "To repair it would be to guess. It was refused, with the reason, and is sent again."
        }
        Catch::Refused => "Nothing was run. The model is told which tools there are.",
        Catch::BadPlan => "The exact errors go back to the planner, once.",
        Catch::NoAction => "Only actions count: one precise nudge, then a forced call.",
        Catch::Loop => "The loop is cut, and the next attempt starts fresh.",
    }
}

async fn play(
    context: &mut Context,
    stage: &Stage,
    service: &mut Service,
    interrupts: &mut Interrupts,
    attended: bool,
    keep: bool,
) -> Result<Played, Fault> {
    let new = NewTaskRequest {
        goal: Demo::goal().to_owned(),
        workspace: Some(stage.project.to_string_lossy().into_owned()),
        attended: Some(attended),
        ..NewTaskRequest::default()
    };
    let created = service.client().submit(&new, None).await;
    let task = created.map_err(client_fault)?.task_id;
    context.ui.line(Tone::Plain, "");
    let mut view = TaskView::new(task);
    let mut show = Show::new(&context.ui, false, Stream::Out, Some(remark));
    // A demo is over with its process, so there is nothing to go on with.
    let mut work = Work::new(
        Loaded::default(),
        ModelChoice::default(),
        stage.data_dir.clone(),
        true,
    );
    let watched = watch(
        context, &mut work, service, &mut view, &mut show, interrupts,
    )
    .await;
    drop(show);
    if let Watched::Interrupted = watched? {
        context
            .ui
            .note(Tone::Caught, "the demo was stopped, and is removed");
        let exit = Exit::Cancelled;
        return Ok(Played { exit, task });
    }
    if view.status != TaskStatus::Completed {
        context.ui.line(Tone::Plain, "");
        for (tone, text) in report(&view) {
            context.ui.line(tone, &text);
        }
        let exit = exit(&view);
        return Ok(Played { exit, task });
    }
    conclude(context, &view);
    let after = stage.test(context).await?;
    context.ui.line(Tone::Plain, "");
    context
        .ui
        .line(Tone::Strong, "$ ./test.sh        after the work");
    print_tests(context, &after);
    if after.status != RunStatus::Exit(0) {
        return Err(Fault::from(anyhow::anyhow!(
            "the task is completed, and its tests fail"
        )));
    }
    show_diff(context, service.client(), task).await?;
    if !keep {
        take_back(context, stage, service.client(), task).await?;
        next_steps(context);
    }
    let exit = Exit::Done;
    Ok(Played { exit, task })
}

fn conclude(context: &mut Context, view: &TaskView) {
    let verified = view.summary.as_ref().map_or(0, |s| s.verified.len());
    let took = duration(view.updated.since(view.created));
    let text = format!(
        "✓ completed in {took}: {} verified by checks that were red before the work",
        plural(verified, "subtask"),
    );
    context.ui.line(Tone::Plain, "");
    context.ui.line(Tone::Good, &text);
    for what in &view.degraded {
        context
            .ui
            .line(Tone::Caught, &format!("! {}", crate::ui::clean(what)));
    }
}

async fn show_diff(context: &mut Context, client: &Client, task: TaskId) -> Result<(), Fault> {
    let diffs = client.diff(task).await.map_err(client_fault)?.files;
    context.ui.line(Tone::Plain, "");
    context
        .ui
        .line(Tone::Strong, "$ loom diff        what was changed");
    for diff in diffs {
        let patch = context.ui.out.patch(&diff.patch);
        context.ui.raw(&patch);
    }
    Ok(())
}

/// Reverts the task and proves that everything is back.
async fn take_back(
    context: &mut Context,
    stage: &Stage,
    client: &Client,
    task: TaskId,
) -> Result<(), Fault> {
    let report = client.revert(task, &RevertScope::Task.into()).await;
    let report = report.map_err(client_fault)?;
    context.ui.line(Tone::Plain, "");
    context.ui.line(Tone::Strong, "$ loom revert      and back");
    for (tone, text) in revert::lines(&report) {
        context.ui.line(tone, &text);
    }
    let left = differences(&stage.project).context("compare the project with its beginning")?;
    if !left.is_empty() {
        let left = left.join(", ");
        return Err(Fault::from(anyhow::anyhow!(
            "not everything is back: {left}"
        )));
    }
    context.ui.line(
        Tone::Good,
        "✓ every file is byte for byte what it was before",
    );
    Ok(())
}

/// Paths that are not as the demo began.
fn differences(project: &Path) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for file in Demo::files() {
        let there = std::fs::read(project.join(file.path));
        if there.ok().as_deref() != Some(file.contents.as_bytes()) {
            found.push(file.path.to_owned());
        }
    }
    for entry in std::fs::read_dir(project)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let begins = |path: &str| path == name || path.starts_with(&format!("{name}/"));
        if !Demo::files().iter().any(|file| begins(file.path)) {
            found.push(name);
        }
    }
    Ok(found)
}

fn next_steps(context: &mut Context) {
    context.ui.line(Tone::Plain, "");
    context.ui.line(Tone::Strong, "next");
    for (what, command) in [
        (
            "your own model, same project",
            "loom demo --server http://127.0.0.1:8080/v1",
        ),
        ("what Loom finds on this machine", "loom models"),
        (
            "your own project",
            "loom run \"fix the failing test\" -w DIR",
        ),
    ] {
        let text = format!("  {what:<33}{command}");
        context.ui.line(Tone::Hint, &text);
    }
}

fn keep(context: &mut Context, stage: Stage, played: Played) {
    let (project, data_dir) = (stage.project.clone(), stage.data_dir.clone());
    // From here on nobody removes it.
    let _kept = stage.dir.keep();
    let task = played.task.short();
    let data_dir = data_dir.display();
    context.ui.line(Tone::Plain, "");
    context.ui.line(Tone::Strong, "kept");
    for (what, text) in [
        ("project", project.display().to_string()),
        (
            "what happened",
            format!("loom --data-dir {data_dir} logs {task}"),
        ),
        (
            "the changes",
            format!("loom --data-dir {data_dir} diff {task}"),
        ),
        (
            "take them back",
            format!("loom --data-dir {data_dir} revert {task}"),
        ),
    ] {
        context.ui.line(Tone::Hint, &format!("  {what:<15}{text}"));
    }
}
