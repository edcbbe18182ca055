//! For tests: a real workspace in a temporary directory, a real shell, judges by function.

use crate::{
    AttemptFacts, Baseline, CheckRunner, Ended, GateInput, GateTools, Judge, JudgeError,
    JudgeReply, NoEvidence, Question, Scope, ScriptedJudge, Seen, Step, baseline, gate,
};
use async_trait::async_trait;
use loom_events::{
    Check, CriterionVerdict, Defences, FileChange, Size, Tier, Usage, Verdict, Verification,
};
use loom_prompts::{CriterionAnswer, VerdictAnswer};
use loom_workspace::{
    Bounds, CommandLine, CommandSpec, Manifest, RunStatus, Sandbox, Store, Workspace, run,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A workspace and the state that the work begins with.
pub(crate) struct Place {
    root: tempfile::TempDir,
    pub(crate) workspace: Arc<Workspace>,
    base: Manifest,
}

impl Place {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let project = root.path().join("project");
        let data = root.path().join("data");
        std::fs::create_dir(&project).unwrap();
        std::fs::create_dir(&data).unwrap();
        for (path, text) in files {
            put(&project, path, text);
        }
        let bounds = Bounds {
            data_dir: data.clone(),
            home: None,
            roots: Vec::new(),
        };
        let store = Arc::new(Store::open(&data.join("objects")).unwrap());
        let workspace = Arc::new(Workspace::open(&project, &bounds, store).unwrap());
        let base = workspace.take_manifest().unwrap();
        Self {
            root,
            workspace,
            base,
        }
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        put(&self.project(), path, text);
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.project().join(path)).unwrap();
    }

    pub(crate) fn changes(&self) -> Vec<FileChange> {
        self.workspace.changes_since(&self.base).unwrap().1
    }

    pub(crate) fn shell(&self) -> Shell {
        Shell {
            dir: self.project(),
            scratch: self.root.path().to_owned(),
            label: format!("loom-verify-test-{}", self.root.path().display()),
        }
    }

    /// What the checks of a step say now.
    pub(crate) async fn baseline(&self, step: &Step) -> Baseline {
        baseline(&self.workspace, step, &self.shell()).await
    }

    /// An attempt that did its work as the workspace now shows.
    pub(crate) fn input(&self, step: Step, baseline: Baseline) -> GateInput {
        GateInput {
            step,
            workspace: Some(Arc::clone(&self.workspace)),
            changes: self.changes(),
            attempt: facts(),
            baseline,
            done: Vec::new(),
            earlier: Vec::new(),
            settings: Verification::default(),
            defences: Defences::default(),
            round: 0,
            redactor: Arc::default(),
        }
    }

    /// Judges an input with a real shell.
    pub(crate) async fn gate(&self, input: &GateInput, judge: &dyn Judge) -> Verdict {
        self.try_gate(input, judge).await.unwrap()
    }

    pub(crate) async fn try_gate(
        &self,
        input: &GateInput,
        judge: &dyn Judge,
    ) -> Result<Verdict, loom_events::Failure> {
        let shell = self.shell();
        let tools = GateTools {
            runner: &shell,
            judge,
            evidence: &NoEvidence,
        };
        gate(input, &tools).await
    }
}

fn put(dir: &std::path::Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub(crate) fn facts() -> AttemptFacts {
    AttemptFacts {
        by_hand: false,
        execution: None,
        touched: true,
        answer: "I am done. Everything works, trust me.".to_owned(),
        model: "worker".to_owned(),
        tier: Tier::Small,
        ordinal: 1,
        red_before: Vec::new(),
        degraded: Vec::new(),
        seed: 7,
    }
}

/// A step with these checks and one criterion.
pub(crate) fn step(checks: Vec<Check>) -> Step {
    Step {
        scope: Scope::Subtask,
        task: "Greet in English.\nLet greet.sh print hello.".to_owned(),
        criteria: vec!["greet.sh prints hello.".to_owned()],
        checks,
        held_out: Vec::new(),
        outputs: Vec::new(),
        inspect: false,
        expected_files: Vec::new(),
        size: Size::M,
        edits_tests: None,
    }
}

pub(crate) fn command(line: &str) -> Check {
    Check::Command {
        command: line.to_owned(),
        exit: 0,
        stdout_regex: None,
    }
}

pub(crate) fn contains(path: &str, regex: &str) -> Check {
    Check::FileContains {
        path: path.to_owned(),
        regex: regex.to_owned(),
    }
}

/// Runs lines for real, without a sandbox.
pub(crate) struct Shell {
    dir: PathBuf,
    scratch: PathBuf,
    label: String,
}

#[async_trait]
impl CheckRunner for Shell {
    async fn run(&self, line: &str, timeout: Duration) -> Seen {
        let spec = CommandSpec {
            command: CommandLine::Shell(line.to_owned()),
            workspace: self.dir.clone(),
            cwd: self.dir.clone(),
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            timeout,
            output_cap: 64 * 1024,
            sandbox: Sandbox::None,
            scratch: self.scratch.clone(),
            readable: Vec::new(),
            writable: Vec::new(),
            network: false,
            label: self.label.clone(),
        };
        let finished = run(&spec, &CancellationToken::new()).await.unwrap();
        Seen {
            ended: match finished.status {
                RunStatus::Exit(code) => Ended::Exit(code),
                RunStatus::Signal(signal) => Ended::Signal(signal),
                RunStatus::TimedOut => Ended::TimedOut,
                // The limit kills as the system does.
                RunStatus::OutOfMemory => Ended::Signal(9),
                RunStatus::Cancelled => Ended::NotRun("cancelled".to_owned()),
            },
            output: finished.output,
            duration: finished.duration,
            degraded: Vec::new(),
        }
    }
}

/// An answer on one criterion.
pub(crate) fn says(id: &str, verdict: CriterionVerdict, quote: &str) -> CriterionAnswer {
    CriterionAnswer {
        id: id.to_owned(),
        verdict,
        quote: quote.to_owned(),
        at: "D1:1".to_owned(),
        searched: Vec::new(),
        why: "because".to_owned(),
    }
}

pub(crate) fn reply(criteria: Vec<CriterionAnswer>) -> JudgeReply {
    JudgeReply {
        answer: VerdictAnswer {
            criteria,
            unrequested_changes: Vec::new(),
            worst_problem: "none".to_owned(),
        },
        model: "reviewer".to_owned(),
        tier: Tier::Medium,
        usage: Usage::default(),
        degraded: Vec::new(),
    }
}

/// A judge that answers the first criterion in this way and leaves the control question open.
pub(crate) fn answering(
    verdict: CriterionVerdict,
    quote: &'static str,
) -> ScriptedJudge<impl Fn(&Question) -> Result<JudgeReply, JudgeError> + Send + Sync> {
    ScriptedJudge(move |_: &Question| Ok(reply(vec![says("c1", verdict, quote)])))
}
