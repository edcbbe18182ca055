//! Runs recorded path cases through the tools; shared by the test and the example.
//!
//! Each case gets a fresh directory with canaries outside of the workspace. The rules: no canary
//! and no outside name in an answer, ever; the post-condition holds; nothing takes longer than its
//! time; the verdict is the expected one where it is scored. What no tool does (copy, mkdir) goes
//! through the workspace, on which all tools stand.

use super::nowhere::Nowhere;
use loom_tools::policy::Policy;
use loom_tools::{CallOutcome, Registry, Seen, ShellSettings, ToolContext};
use loom_workspace::{Bounds, Edit, FsError, Location, Sandbox, Store, Workspace};
use serde::Deserialize;
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long a case may take that does not say.
const TIME: Duration = Duration::from_secs(5);

/// Time for what a setup starts in the background to begin.
const HEAD_START: Duration = Duration::from_millis(300);

/// Bytes of an answer: nothing may hide behind a cap.
const OUTPUT: usize = 1 << 20;

/// Names that exist outside of the workspace only.
const OUTSIDE_NAMES: &[&str] = &["secret.txt", "id_test"];

/// One recorded case.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) tag: String,
    op: String,
    setup: String,
    path: String,
    expect: String,
    #[serde(default)]
    why: String,
    dest: Option<String>,
    content: Option<String>,
    pattern: Option<String>,
    root: Option<String>,
    mid: Option<String>,
    post: Option<String>,
    repeat: Option<usize>,
    timeout_s: Option<u64>,
    score: Option<String>,
    scored: Option<bool>,
    #[serde(default)]
    gate_ok: bool,
    #[serde(default)]
    contested: bool,
}

/// How hard races are tried: a race that is won once in a thousand times is lost.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Runs of each case that races.
    pub(crate) runs: usize,
    /// The longest that one run repeats its call.
    pub(crate) time: Duration,
}

/// What came of a case.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) case: Case,
    /// Why it could not be set up; nothing is known then.
    pub(crate) not_run: Option<String>,
    pub(crate) leak: bool,
    pub(crate) post: bool,
    pub(crate) hang: bool,
    /// What was wrong about the verdict.
    pub(crate) wrong: Option<String>,
}

impl Judged {
    fn fine(case: &Case) -> Self {
        Self {
            case: case.clone(),
            not_run: None,
            leak: false,
            post: false,
            hang: false,
            wrong: None,
        }
    }

    pub(crate) const fn passed(&self) -> bool {
        !self.leak && !self.post && !self.hang && self.wrong.is_none() && self.not_run.is_none()
    }

    /// One line of a table.
    pub(crate) fn row(&self) -> String {
        let marks = [
            (self.leak, "LEAK"),
            (self.post, "post-condition"),
            (self.hang, "hang"),
        ];
        let mut faults: Vec<&str> = marks.iter().filter(|m| m.0).map(|m| m.1).collect();
        faults.extend(self.wrong.as_deref());
        faults.extend(self.not_run.as_deref());
        let Case {
            id, tag, op, why, ..
        } = &self.case;
        format!("{id:<8} {tag:<16} {op:<8} {}  ({why})", faults.join(", "))
    }
}

/// Reads cases, one JSON object a line. What people could not agree on is left out.
pub(crate) fn cases(lines: &str) -> Result<Vec<Case>, serde_json::Error> {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let cases: Result<Vec<Case>, _> = lines.map(serde_json::from_str).collect();
    Ok(cases?.into_iter().filter(|case| !case.contested).collect())
}

/// Runs one case, a race as often as the effort says; the first fault ends it.
pub(crate) fn judge(case: &Case, effort: Effort) -> Judged {
    let races = case.repeat.is_some() || case.tag == "toctou";
    let runs = if races { effort.runs } else { 1 };
    for _ in 1..runs {
        let judged = judge_once(case, effort);
        if !judged.passed() {
            return judged;
        }
    }
    judge_once(case, effort)
}

fn judge_once(case: &Case, effort: Effort) -> Judged {
    let mut judged = Judged::fine(case);
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let base = dir.path().canonicalize().expect("it was just made");
    let mut setup = match Setup::run(&base, &case.setup) {
        Ok(setup) => setup,
        Err(error) => {
            judged.not_run = Some(format!("NOT RUN: its setup {error}"));
            return judged;
        }
    };
    if case.repeat.is_some() {
        std::thread::sleep(HEAD_START);
    }
    let limit = case.timeout_s.map_or(TIME, Duration::from_secs);
    let (sender, receiver) = mpsc::channel();
    let (of_call, at) = (case.clone(), base.clone());
    // In a thread of its own: a hang must fail the case, not the run.
    std::thread::spawn(move || sender.send(answer_in_time(&of_call, &at, effort.time)));
    match receiver.recv_timeout(limit) {
        Ok(answered) => {
            // Nobody can tell a hard link from a file.
            judged.leak = answered.leaked && case.tag != "hardlink";
            judged.wrong = wrong(case, answered.verdict, &answered.text);
        }
        Err(_) => judged.hang = true,
    }
    if let Some(post) = &case.post {
        judged.post = Setup::run(&base, post).is_err();
    }
    setup.end();
    judged
}

/// What a tool said in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allow,
    Ask,
    Deny,
}

fn wrong(case: &Case, verdict: Verdict, text: &str) -> Option<String> {
    let counts = case.scored.unwrap_or(true) && case.score.as_deref() != Some("safety");
    let right = match verdict {
        Verdict::Allow => case.expect == "allow",
        Verdict::Deny => case.expect == "deny",
        Verdict::Ask => case.expect == "deny" && case.gate_ok,
    };
    let shown: String = text
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .take(120)
        .collect();
    (counts && !right).then(|| format!("{verdict:?} instead of {}: {shown}", case.expect))
}

struct Answered {
    verdict: Verdict,
    leaked: bool,
    text: String,
}

fn answer_in_time(case: &Case, base: &Path, race_time: Duration) -> Answered {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime can be made");
    let hands = Hands::open(case, base);
    if let Some(mid) = &case.mid {
        Setup::run(base, mid).expect("the change in the middle works");
    }
    let (started, mut leaked) = (Instant::now(), false);
    let mut last = (Verdict::Deny, String::new());
    for _ in 0..case.repeat.unwrap_or(1) {
        last = match &hands {
            Ok(hands) => runtime.block_on(hands.answer(case, base)),
            Err(error) => (Verdict::Deny, error.clone()),
        };
        leaked |= leaks(case, base, &last.1);
        if leaked || (case.repeat.is_some() && started.elapsed() > race_time) {
            break;
        }
    }
    Answered {
        verdict: last.0,
        leaked,
        text: last.1,
    }
}

/// Whether an answer gives away what is outside. What the caller said itself is no leak.
fn leaks(case: &Case, base: &Path, answer: &str) -> bool {
    let said = filled(&case.path, base);
    let answer = answer.replace(&said, "").replace(&case.path, "");
    let looks = matches!(case.op.as_str(), "list" | "glob" | "grep");
    let named = |text: &str| OUTSIDE_NAMES.iter().any(|name| text.contains(name));
    let pattern = case.pattern.as_deref().unwrap_or("\0");
    match pattern.contains("LOOM_CANARY") {
        // Looking for it repeats it in the answer; then its rest must not be there.
        true => answer.contains("LOOM_CANARY_") || (looks && named(&answer)),
        false => answer.contains("LOOM_CANARY") || (looks && named(&answer)),
    }
}

fn filled(text: &str, base: &Path) -> String {
    text.replace("{T}", &base.to_string_lossy())
}

/// The directory of a case as its setup left it, and what runs there still.
struct Setup(Option<u32>);

impl Setup {
    fn run(base: &Path, line: &str) -> Result<Self, String> {
        if !base.join("workspace").exists() && !base.join("outside").exists() {
            canaries(base).map_err(|error| error.to_string())?;
        }
        let mut bash = bash(base, line).map_err(|error| error.to_string())?;
        let group = bash.id();
        let status = bash.wait().map_err(|error| error.to_string())?;
        match status.success() {
            true => Ok(Self(Some(group))),
            false => Err(format!("ended with {status}")),
        }
    }

    /// Ends what the setup left running in the background.
    #[expect(
        clippy::disallowed_methods,
        reason = "what the setup started is not Loom's"
    )]
    fn end(&mut self) {
        if let Some(group) = self.0.take() {
            let mut kill = Command::new("kill");
            kill.args(["-KILL", "--", &format!("-{group}")]);
            // Mostly nothing is left.
            kill.stderr(Stdio::null()).status().ok();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the cases are prepared and judged by bash, outside of what is tested"
)]
fn bash(base: &Path, line: &str) -> std::io::Result<std::process::Child> {
    Command::new("bash")
        .args(["-c", line])
        .current_dir(base)
        .env("T", base)
        .env("HOME", base.join("home"))
        .env("LOOM_CANARY_ENV", "LOOM_CANARY_ENV")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

fn canaries(base: &Path) -> std::io::Result<()> {
    for sub in ["workspace", "outside", "home/.ssh", "loom-data"] {
        std::fs::create_dir_all(base.join(sub))?;
    }
    for (file, canary) in [
        ("outside/secret.txt", "OUTSIDE"),
        ("home/.ssh/id_test", "KEY"),
        ("loom-data/loom.db", "DB"),
        ("loom-data/loom.db-wal", "WAL"),
        ("loom-data/token", "TOKEN"),
    ] {
        std::fs::write(base.join(file), format!("LOOM_CANARY_{canary}\n"))?;
    }
    Ok(())
}

/// The tools over the workspace of a case.
struct Hands {
    workspace: Arc<Workspace>,
    registry: Registry,
    seen: Seen,
    scratch: PathBuf,
    shell: ShellSettings,
    cancel: CancellationToken,
}

impl Hands {
    fn open(case: &Case, base: &Path) -> Result<Self, String> {
        let bounds = Bounds {
            data_dir: base.join("loom-data"),
            home: Some(base.join("home")),
            roots: Vec::new(),
        };
        let store = Store::open(&base.join("loom-data/store")).map_err(|e| e.to_string())?;
        let root = base.join(case.root.as_deref().unwrap_or("workspace"));
        let workspace = Workspace::open(&root, &bounds, Arc::new(store));
        Ok(Self {
            workspace: Arc::new(workspace.map_err(|e| e.to_string())?),
            registry: Registry::builtin(),
            seen: Seen::default(),
            scratch: base.join("loom-data/scratch"),
            shell: ShellSettings {
                sandbox: Sandbox::None,
                path_env: "/usr/bin:/bin".into(),
                home: Some(base.join("home")),
                timeout: TIME,
                max_timeout: TIME,
                policy: Policy::default(),
                readable: Vec::new(),
                writable: Vec::new(),
                network: false,
            },
            cancel: CancellationToken::new(),
        })
    }

    async fn call(&self, name: &str, arguments: Value) -> (Verdict, String) {
        let checked = match self.registry.check(name, arguments) {
            Ok(checked) => checked,
            Err(refusal) => return (Verdict::Deny, refusal.message),
        };
        let context = ToolContext {
            workspace: Some(&self.workspace),
            scratch: &self.scratch,
            recorder: &Nowhere,
            cancel: &self.cancel,
            seen: &self.seen,
            grant: None,
            output_bytes: OUTPUT,
            shell: &self.shell,
            label: "loom-path-cases",
            call_id: "call_1_0",
            past: &Nowhere,
            redactor: &Arc::default(),
        };
        match self.registry.call(&checked, &context).await {
            CallOutcome::Done(output) => {
                let verdict = if output.ok {
                    Verdict::Allow
                } else {
                    Verdict::Deny
                };
                let full = output.full.unwrap_or_default();
                (verdict, [output.text, output.summary, full].join("\n"))
            }
            CallOutcome::Held(held) => (Verdict::Ask, [held.reason, held.action].join("\n")),
            CallOutcome::Refused(refusal) => (Verdict::Deny, refusal.message),
        }
    }

    async fn answer(&self, case: &Case, base: &Path) -> (Verdict, String) {
        let path = filled(&case.path, base);
        let dest = filled(case.dest.as_deref().unwrap_or_default(), base);
        let content = case.content.as_deref().unwrap_or("WRITTEN\n");
        let pattern = case.pattern.as_deref().unwrap_or_default();
        match case.op.as_str() {
            "read" => self.call("read_file", json!({"path": path})).await,
            "write" => self.write(&path, content).await,
            "edit" | "patch" => self.edit(&path).await,
            "delete" => self.call("delete_file", json!({"path": path})).await,
            "delete_recursive" => {
                let arguments = json!({"path": path, "recursive": true});
                self.call("delete_file", arguments).await
            }
            "rename" => {
                let arguments = json!({"from": path, "to": dest});
                self.call("move_file", arguments).await
            }
            "list" => self.call("list_directory", json!({"path": path})).await,
            "glob" => {
                let arguments = json!({"pattern": "", "glob": path});
                self.call("search_files", arguments).await
            }
            "grep" => {
                let arguments = json!({"pattern": pattern, "path": path});
                self.call("search_files", arguments).await
            }
            "copy" => self.by_workspace(|| self.copy(&path, &dest)),
            "mkdir" => self.by_workspace(|| self.commit(Edit::MakeDir { path: path.clone() })),
            other => (Verdict::Deny, format!("there is no operation {other}")),
        }
    }

    /// As a model does: an existing file is read first. What that says must not leak either.
    async fn write(&self, path: &str, content: &str) -> (Verdict, String) {
        let (_, before) = self.call("read_file", json!({"path": path})).await;
        let arguments = json!({"path": path, "content": content});
        let (verdict, text) = self.call("write_file", arguments).await;
        (verdict, format!("{text}\n{before}"))
    }

    /// Puts a line in front.
    async fn edit(&self, path: &str) -> (Verdict, String) {
        let read = self.call("read_file", json!({"path": path})).await;
        let Some(hash) = read
            .1
            .lines()
            .next()
            .and_then(|line| line.rsplit(' ').next())
        else {
            return read;
        };
        if read.0 != Verdict::Allow {
            return read;
        }
        let arguments =
            json!({"path": path, "start_line": 1, "end_line": 0, "hash": hash, "new_text": "x"});
        let (verdict, text) = self.call("edit_file", arguments).await;
        (verdict, format!("{text}\n{}", read.1))
    }

    fn by_workspace(&self, work: impl Fn() -> Result<(), FsError>) -> (Verdict, String) {
        match work() {
            Ok(()) => (Verdict::Allow, String::new()),
            Err(error @ FsError::NeedsApproval { .. }) => (Verdict::Ask, error.to_string()),
            Err(error) => (Verdict::Deny, error.to_string()),
        }
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), FsError> {
        let (Location::Workspace(from), Location::Workspace(to)) =
            (Location::of(from), Location::of(to))
        else {
            let path = from.to_owned();
            return Err(FsError::Outside { path });
        };
        let bytes = self.workspace.read(from, OUTPUT as u64)?;
        let path = to.to_owned();
        self.commit(Edit::Write { path, bytes })
    }

    fn commit(&self, edit: Edit) -> Result<(), FsError> {
        self.workspace.commit(self.workspace.intend(edit)?)
    }
}
