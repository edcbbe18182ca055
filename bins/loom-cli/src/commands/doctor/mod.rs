//! `loom doctor`: what of Loom works on this machine, and how to get the rest.

mod service;

use crate::cli::ModelChoice;
use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome, chain};
use crate::models::{HOW_TO_START, Model, facts, survey};
use crate::render::{examination, judging_words};
use clap::Args;
use loom_engine::{Config, ShellPlace};
use loom_events::Role;
use loom_router::{Finding, Haste, Router, Verdict};
use loom_workspace::{CommandLine, CommandSpec, RunStatus, Rung, Sandbox, SandboxSurvey};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a program may take to say its version.
const VERSION_TIME: Duration = Duration::from_secs(5);

/// How long the model that makes vectors may take for one: it may have to be loaded first.
const VECTOR_TIME: Duration = Duration::from_secs(30);

/// Free space below which a task may not get far: its journal and its snapshots need some.
const LEAST_FREE: u64 = 1 << 30;

/// Arguments of `loom doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom doctor
  loom doctor --json

Ends with 0 when commands can run contained here, and with 1 when they cannot. docs/sandbox.md says \
what each sandbox gives.")]
pub(crate) struct DoctorArgs {
    /// Print all of it as one JSON object
    #[arg(long)]
    json: bool,
}

/// One part of the examination, with its heading.
type Part = (&'static str, Vec<Finding>);

pub(super) async fn run(arguments: &DoctorArgs, context: &mut Context) -> Outcome {
    let (config, configuration) = configuration(context);
    let sandboxes = sandboxes(context, config.as_ref()).await?;
    let scratch = tempfile::tempdir()?;
    let config = config.unwrap_or_default();
    let parts: Vec<Part> = vec![
        ("commands", sandboxes.findings),
        ("data", data(context)),
        ("service", service::findings(context).await),
        ("programs", programs(context, scratch.path()).await),
        ("configuration", vec![configuration]),
        ("models", models(context, &config).await),
        ("memory", memory(context, &config).await),
    ];
    if arguments.json {
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, findings)| json!({"name": name, "findings": findings}))
            .collect();
        let all = json!({
            "contained": sandboxes.used.is_contained(),
            "sandbox": sandboxes.used.name(),
            "rungs": sandboxes.rungs,
            "parts": parts,
        });
        context.ui.raw(&format!("{all}\n"));
    } else {
        for (tone, text) in examination(&parts, context.ui.columns()) {
            context.ui.line(tone, &text);
        }
    }
    match sandboxes.used.is_contained() {
        true => Ok(Exit::Done),
        false => Ok(Exit::Failed),
    }
}

fn finding(verdict: Verdict, text: impl Into<String>, way_out: &str) -> Finding {
    Finding {
        verdict,
        text: text.into(),
        way_out: (!way_out.is_empty()).then(|| way_out.to_owned()),
    }
}

/// The configuration, when it can be used.
fn configuration(context: &Context) -> (Option<Config>, Finding) {
    match context.load(&[]) {
        Ok(loaded) => {
            let changed = loaded.origins.len();
            let text = match changed {
                0 => "everything has its default".to_owned(),
                _ => format!("it loads; {} set", crate::ui::plural(changed, "key")),
            };
            (Some(loaded.config), finding(Verdict::Good, text, ""))
        }
        Err(fault) => (None, problem(&fault)),
    }
}

fn problem(fault: &Fault) -> Finding {
    let hint = fault.hint.as_deref().unwrap_or_default();
    finding(Verdict::Problem, chain(fault.error.as_ref()), hint)
}

/// What there is to run commands in.
struct Sandboxes {
    used: Sandbox,
    findings: Vec<Finding>,
    rungs: Vec<serde_json::Value>,
}

/// Without a configuration nothing would run.
async fn sandboxes(context: &Context, config: Option<&Config>) -> Result<Sandboxes, Fault> {
    let survey = look(context, config.cloned().unwrap_or_default()).await?;
    let (used, wrong) = match config.map(|config| config.sandbox_of(&survey)) {
        Some(Ok(used)) => (used, None),
        Some(Err(error)) => (Sandbox::Missing, Some(error.to_string())),
        None => (Sandbox::Missing, None),
    };
    let mut findings: Vec<_> = survey
        .rungs
        .iter()
        .map(|rung| of_rung(rung, &used))
        .collect();
    findings.extend(wrong.map(|text| finding(Verdict::Problem, text, "")));
    findings.extend(of_all(&survey, &used));
    let rungs = survey.rungs.iter().map(|rung| {
        json!({
            "name": rung.name,
            "works": rung.sandbox.is_some(),
            "used": is_used(rung, &used),
            "found": rung.found,
            "way_out": rung.way_out,
        })
    });
    Ok(Sandboxes {
        rungs: rungs.collect(),
        used,
        findings,
    })
}

/// Tries every sandbox that may be used, also containers when the configuration asks for them.
async fn look(context: &Context, mut config: Config) -> Result<SandboxSurvey, Fault> {
    context.find_containers(&mut config);
    let (path_env, helper) = (context.here.path_env.clone(), context.here.helper.clone());
    let home = context.here.home.clone();
    let data_dir = nearest(&context.data_dir().unwrap_or_default());
    let survey = move || {
        config.survey(&ShellPlace {
            path_env: &path_env,
            home: home.as_deref(),
            data_dir: &data_dir,
            helper: helper.as_deref(),
        })
    };
    Ok(tokio::task::spawn_blocking(survey).await?)
}

/// What does not exist yet is made where its nearest parent is; looking makes nothing.
fn nearest(dir: &Path) -> PathBuf {
    let there = dir.ancestors().find(|dir| dir.is_dir());
    there.unwrap_or(Path::new("/")).to_owned()
}

fn is_used(rung: &Rung, used: &Sandbox) -> bool {
    rung.sandbox.as_ref() == Some(used)
}

fn of_rung(rung: &Rung, used: &Sandbox) -> Finding {
    let name = rung.name.word();
    let (verdict, name) = match (&rung.sandbox, is_used(rung, used)) {
        (Some(sandbox), true) if sandbox.weakness().is_none() => {
            (Verdict::Good, format!("{name}, which is used"))
        }
        (Some(_), true) => (Verdict::Note, format!("{name}, which is used")),
        (Some(_), false) => (Verdict::Note, format!("{name} works, too")),
        (None, _) if used.is_contained() => (Verdict::Note, format!("{name} does not work")),
        (None, _) => (Verdict::Problem, format!("{name} does not work")),
    };
    finding(verdict, format!("{name}: {}", rung.found), &rung.way_out)
}

/// What the ladder as a whole comes to, when that is not well.
fn of_all(survey: &SandboxSurvey, used: &Sandbox) -> Option<Finding> {
    match used {
        Sandbox::Bubblewrap(_) | Sandbox::Landlock(_) | Sandbox::Seatbelt | Sandbox::Docker(_) => {
            None
        }
        Sandbox::None => Some(finding(
            Verdict::Problem,
            "commands run without a sandbox, as `sandbox.mode = \"none\"` says",
            "set it to \"auto\"",
        )),
        Sandbox::Missing => {
            let way_out = match survey.rungs.is_empty() {
                true => {
                    "there is no sandbox for this system but containers (docs/sandbox.md): `sandbox.mode = \"none\"` runs commands without one, on your word"
                }
                false => {
                    "get one of these to work, use containers (docs/sandbox.md), or, on your word, run commands without by `sandbox.mode = \"none\"`"
                }
            };
            Some(finding(Verdict::Problem, "no command is run here", way_out))
        }
    }
}

/// The data directory: whether it can be written, and how much room there is.
fn data(context: &Context) -> Vec<Finding> {
    let dir = match context.data_dir() {
        Ok(dir) => dir,
        Err(fault) => return vec![problem(&fault)],
    };
    let there = nearest(&dir);
    let name = dir.display();
    let mut findings = vec![match tempfile::tempfile_in(&there) {
        Ok(_) => finding(Verdict::Good, format!("{name} can be written"), ""),
        Err(error) => finding(
            Verdict::Problem,
            format!("{name} cannot be written: {error}"),
            "give another place with --data-dir DIR or LOOM_HOME",
        ),
    }];
    findings.extend(free(&there).map(|bytes| {
        let text = format!("{} MiB are free there", crate::ui::count(bytes >> 20));
        match bytes < LEAST_FREE {
            true => finding(Verdict::Problem, text, "make room before a long task"),
            false => finding(Verdict::Good, text, ""),
        }
    }));
    findings
}

/// Bytes that this user may still write.
fn free(dir: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(dir).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Programs that Loom uses where they are.
async fn programs(context: &Context, scratch: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let without_git = "without it there are no repositories to work with; install `git`";
    for (program, without) in [("git", without_git), ("bwrap", "")] {
        if program == "bwrap" && !cfg!(target_os = "linux") {
            continue;
        }
        findings.push(match version(context, program, scratch).await {
            Some(version) => finding(Verdict::Good, version, ""),
            None => finding(Verdict::Note, format!("{program} is not there"), without),
        });
    }
    findings
}

/// The first line of what a program says of its version.
async fn version(context: &Context, program: &str, scratch: &Path) -> Option<String> {
    let spec = CommandSpec {
        command: CommandLine::Program(vec![program.into(), "--version".into()]),
        workspace: scratch.to_owned(),
        cwd: scratch.to_owned(),
        env: vec![("PATH".into(), context.here.path_env.clone())],
        timeout: VERSION_TIME,
        output_cap: 1_000,
        // It is the user's own program, asked for its name.
        sandbox: Sandbox::None,
        scratch: scratch.to_owned(),
        readable: Vec::new(),
        writable: Vec::new(),
        network: false,
        label: format!("loom-doctor-{}", std::process::id()),
    };
    let said = loom_workspace::run(&spec, &CancellationToken::new())
        .await
        .ok()?;
    let line = said.output.lines().next()?.to_owned();
    (said.status == RunStatus::Exit(0)).then_some(line)
}

/// A model that answers, with what decides how far it gets: its window and its slots.
fn answers(model: &Model) -> Finding {
    let slots = match model.slots() {
        Some(slots) => format!(", {}", crate::ui::plural(count_of(slots), "slot")),
        None => ", slots unknown".to_owned(),
    };
    let name = &model.entry.name;
    match model.window() {
        None => finding(
            Verdict::Note,
            format!("{name} answers; its window is unknown{slots}"),
            "say it with `context_length` in its entry, or `loom models --probe` finds it out",
        ),
        Some(window) => {
            let tokens = crate::ui::count(u64::from(window));
            let text = format!("{name} answers; a window of {tokens} tokens{slots}");
            match model.is_too_small() {
                true => finding(
                    Verdict::Problem,
                    text,
                    "start its server with a larger context; Loom's prompts do not fit",
                ),
                false => finding(Verdict::Good, text, ""),
            }
        }
    }
}

/// What `loom models` says of a model besides; that no prompt fits into its window is said already.
fn noted(model: &Model) -> Vec<Finding> {
    let notes = model.notes.iter().filter(|_| !model.is_too_small());
    notes
        .map(|note| finding(Verdict::Note, crate::ui::clean(note), ""))
        .collect()
}

fn count_of(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// The models that a task would use.
async fn models(context: &Context, config: &Config) -> Vec<Finding> {
    let facts = facts(context).await;
    let asked = match survey(config, &ModelChoice::default(), context, &facts).await {
        Ok((asked, _)) => asked,
        Err(fault) => return vec![problem(&fault)],
    };
    if asked.is_empty() {
        return vec![finding(Verdict::Problem, "no model answers", HOW_TO_START)];
    }
    let of_each = asked.into_iter().flat_map(|one| match one.down {
        None => std::iter::once(answers(&one.model))
            .chain(noted(&one.model))
            .chain(verdicts(&one.model))
            .collect(),
        Some(why) => vec![finding(
            Verdict::Problem,
            format!("{}: {why}", one.model.entry.name),
            "",
        )],
    });
    of_each.collect()
}

/// Whether the model that makes vectors does; nothing where none is set.
async fn memory(context: &Context, config: &Config) -> Vec<Finding> {
    let entry = match config.embedding_entry(&context.here.env) {
        Ok(Some(entry)) => entry,
        Ok(None) => {
            let text = "notes are found by their words";
            return vec![finding(Verdict::Good, text, "")];
        }
        Err(error) => return vec![finding(Verdict::Problem, error.to_string(), "")],
    };
    let name = entry.name.clone();
    let asked = async {
        let router = Router::new(vec![entry]).map_err(|error| error.to_string())?;
        let text = ["whether it makes vectors".to_owned()];
        let never = CancellationToken::new();
        let asked = router.embed(&name, &text, Haste::Now, &never);
        match tokio::time::timeout(VECTOR_TIME, asked).await {
            Ok(Ok(vectors)) => Ok(vectors.first().map_or(0, Vec::len)),
            Ok(Err(error)) => Err(format!("cannot {error}")),
            Err(_) => Err(format!("no vector came within {VECTOR_TIME:?}")),
        }
    };
    vec![match asked.await {
        Ok(numbers) => {
            let text = format!("{name} makes vectors of {numbers} numbers");
            finding(Verdict::Good, text, "")
        }
        Err(why) => finding(
            Verdict::Problem,
            format!("notes are found by their words only: {name}: {why}"),
            "start its server, and for llama.cpp with --embeddings; docs/memory.md",
        ),
    }]
}

/// Whether it is known what the verdicts of a verifier are worth.
fn verdicts(model: &Model) -> Option<Finding> {
    if !model.entry.roles.contains(&Role::Verifier) {
        return None;
    }
    let name = &model.entry.name;
    Some(match model.known.judging {
        None => finding(
            Verdict::Note,
            format!("what verdicts of {name} are worth was never measured"),
            "`loom models --judge` shows it 24 changes, half of them wrong",
        ),
        Some(judging) if judging.is_advice_only() => finding(
            Verdict::Problem,
            format!(
                "{}: it is not asked for verdicts",
                judging_words(name, judging)
            ),
            "give the role `verifier` to a larger model",
        ),
        Some(judging) => finding(Verdict::Good, judging_words(name, judging), ""),
    })
}
