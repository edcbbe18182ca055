//! Runs the path cases of `tests/data/security/paths.jsonl` through the API as a file tool would,
//! over both resolvers: each in a fresh directory with canaries outside of the workspace.
//!
//! The rules of the cases: no canary or outside name in an answer, ever; the post-condition holds;
//! the verdict is the expected one where it is scored; nothing takes longer than its time.

use crate::resolve::Resolver;
use crate::{Bounds, Edit, FsError, Location, Scratch, Store, Workspace};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const CASES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/data/security/paths.jsonl"
));

/// Cases that race run this often with each resolver.
const RACES: usize = 5;

/// How long one race lasts; what disturbs it goes on for four seconds.
const RACE_TIME: Duration = Duration::from_millis(500);

#[derive(Clone, Deserialize)]
struct Case {
    id: String,
    tag: String,
    op: String,
    setup: String,
    path: String,
    expect: String,
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
}

/// What a tool would have answered.
type Answer = Result<Vec<u8>, String>;

#[test]
#[cfg(target_os = "linux")]
fn every_path_case_holds_by_the_kernel() {
    every_case_holds(Resolver::Kernel);
}

#[test]
fn every_path_case_holds_by_walking() {
    every_case_holds(Resolver::Walking);
}

fn every_case_holds(resolver: Resolver) {
    let cases: Vec<Case> = CASES
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(cases.len() > 100, "the cases are there");
    let mut failures = Vec::new();
    for case in &cases {
        let runs = if case.repeat.is_some() { RACES } else { 1 };
        for _ in 0..runs {
            let faults = run(case, resolver);
            if !faults.is_empty() {
                failures.push(format!(
                    "{} ({} {}): {faults:?}",
                    case.id, case.tag, case.op
                ));
                break;
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

fn run(case: &Case, resolver: Resolver) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().to_owned();
    prepare(&base);
    shell(&base, &case.setup).expect("the setup of a case works");
    let limit = Duration::from_secs(case.timeout_s.unwrap_or(5));
    let (sender, receiver) = mpsc::channel();
    let (tool, at) = (case.clone(), base.clone());
    // In a thread of its own: a hang must fail the case, not the test run.
    std::thread::spawn(move || sender.send(answers(&tool, &at, resolver)));
    let started = Instant::now();
    let Ok((allowed, leaked)) = receiver.recv_timeout(limit) else {
        return vec![format!("no answer within {limit:?}")];
    };
    let mut faults = Vec::new();
    if started.elapsed() > limit {
        faults.push("too slow".to_owned());
    }
    // Reading a hard link cannot be told from reading a file.
    if leaked && !(case.tag == "hardlink" && case.op == "read") {
        faults.push("leak".to_owned());
    }
    let verdict = if allowed { "allow" } else { "deny" };
    let counts = case.scored.unwrap_or(true) && case.score.as_deref() != Some("safety");
    if counts && verdict != case.expect {
        faults.push(format!("{verdict} instead of {}", case.expect));
    }
    if let Some(post) = &case.post
        && shell(&base, post).is_err()
    {
        faults.push("post-condition".to_owned());
    }
    faults
}

fn prepare(base: &Path) {
    for sub in ["workspace", "outside", "home/.ssh", "loom-data"] {
        fs::create_dir_all(base.join(sub)).unwrap();
    }
    for (file, canary) in [
        ("outside/secret.txt", "OUTSIDE"),
        ("home/.ssh/id_test", "KEY"),
        ("loom-data/loom.db", "DB"),
        ("loom-data/loom.db-wal", "WAL"),
        ("loom-data/token", "TOKEN"),
    ] {
        fs::write(base.join(file), format!("LOOM_CANARY_{canary}\n")).unwrap();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the cases are prepared and judged by bash, outside of what is tested"
)]
fn shell(base: &Path, line: &str) -> Result<(), String> {
    let done = Command::new("bash")
        .args(["-c", line])
        .current_dir(base)
        .env("T", base)
        .env("HOME", base.join("home"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|e| e.to_string())?;
    if done.success() {
        Ok(())
    } else {
        Err(format!("{done}"))
    }
}

/// Whether the last answer was a success, and whether any gave away what is outside.
fn answers(case: &Case, base: &Path, resolver: Resolver) -> (bool, bool) {
    let tool = match Tool::open(case, base, resolver) {
        Ok(tool) => tool,
        Err(error) => return (false, leaks(case, error.as_bytes())),
    };
    if let Some(mid) = &case.mid {
        shell(base, mid).expect("the change in the middle works");
    }
    let mut leaked = false;
    let mut allowed = false;
    let started = Instant::now();
    for _ in 0..case.repeat.unwrap_or(1) {
        let answer = tool.answer(case, base);
        allowed = answer.is_ok();
        let text = answer.unwrap_or_else(String::into_bytes);
        leaked |= leaks(case, &text);
        if leaked || (case.repeat.is_some() && started.elapsed() > RACE_TIME) {
            break;
        }
    }
    (allowed, leaked)
}

fn leaks(case: &Case, answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let names = matches!(case.op.as_str(), "list" | "glob");
    text.contains("LOOM_CANARY") || (names && text.lines().any(|line| line.ends_with("secret.txt")))
}

struct Tool {
    workspace: Workspace,
    scratch: Scratch,
}

impl Tool {
    fn open(case: &Case, base: &Path, resolver: Resolver) -> Result<Self, String> {
        let bounds = Bounds {
            data_dir: base.join("loom-data"),
            home: Some(base.join("home")),
            roots: Vec::new(),
        };
        let store = Store::open(&base.join("loom-data/store")).map_err(|e| e.to_string())?;
        let root: PathBuf = base.join(case.root.as_deref().unwrap_or("workspace"));
        Ok(Self {
            workspace: Workspace::open(&root, &bounds, Arc::new(store))
                .map_err(|e| e.to_string())?
                .with_resolver(resolver),
            scratch: Scratch::open(&base.join("loom-data/scratch")).map_err(|e| e.to_string())?,
        })
    }

    fn answer(&self, case: &Case, base: &Path) -> Answer {
        let filled = |text: &str| text.replace("{T}", base.to_str().unwrap());
        let path = filled(&case.path);
        let dest = case.dest.as_deref().map(filled).unwrap_or_default();
        let content = case.content.as_deref().unwrap_or("WRITTEN\n").as_bytes();
        self.call(case, &path, &dest, content)
            .map_err(|error| error.to_string())
    }

    fn call(
        &self,
        case: &Case,
        path: &str,
        dest: &str,
        content: &[u8],
    ) -> Result<Vec<u8>, FsError> {
        const MAX: u64 = 1 << 20;
        if let Location::Scratch(name) = Location::of(path) {
            return match case.op.as_str() {
                "write" => self.scratch.write(name, content).map(|()| Vec::new()),
                _ => self.scratch.read(name, MAX),
            };
        }
        let workspace = &self.workspace;
        match case.op.as_str() {
            "read" => workspace.read(path, MAX),
            "write" => self.write(path, content),
            "edit" | "patch" => {
                let mut bytes = workspace.read(path, MAX)?;
                bytes.push(b'x');
                self.write(path, &bytes)
            }
            "copy" => self.write(dest, &workspace.read(path, MAX)?),
            "delete" | "delete_recursive" => self.edit(Edit::Delete {
                path: path.to_owned(),
                recursive: case.op == "delete_recursive",
            }),
            "rename" => self.edit(Edit::Rename {
                from: path.to_owned(),
                to: dest.to_owned(),
            }),
            "mkdir" => self.edit(Edit::MakeDir {
                path: path.to_owned(),
            }),
            "list" => {
                let entries = workspace.list(path, 2)?;
                let names: Vec<String> = entries.into_iter().map(|entry| entry.path).collect();
                Ok(names.join("\n").into_bytes())
            }
            "glob" => self.glob(path),
            "grep" => self.grep(path, case.pattern.as_deref().unwrap_or_default()),
            other => panic!("no operation {other}"),
        }
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<Vec<u8>, FsError> {
        self.edit(Edit::Write {
            path: path.to_owned(),
            bytes: bytes.to_vec(),
        })
    }

    fn edit(&self, edit: Edit) -> Result<Vec<u8>, FsError> {
        let pending = self.workspace.intend(edit)?;
        self.workspace.commit(pending).map(|()| Vec::new())
    }

    /// As a tool would: a pattern that climbs is refused like a path that does, and names are
    /// matched during a walk.
    fn glob(&self, pattern: &str) -> Result<Vec<u8>, FsError> {
        let climbs = |pattern: &str| pattern.split(['/', '{', '}', ',']).any(|part| part == "..");
        if pattern.starts_with('/') || climbs(pattern) {
            let path = pattern.to_owned();
            return Err(FsError::Outside { path });
        }
        let wanted = pattern
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches('*');
        let named = |path: &String| {
            path.rsplit('/')
                .next()
                .unwrap_or_default()
                .starts_with(wanted)
        };
        let found: Vec<String> = self
            .workspace
            .walk()
            .map(|e| e.path)
            .filter(named)
            .collect();
        Ok(found.join("\n").into_bytes())
    }

    fn grep(&self, path: &str, pattern: &str) -> Result<Vec<u8>, FsError> {
        let mut found = Vec::new();
        for entry in self.workspace.walk_from(path)? {
            // What cannot be read, such as a link that leads out, is not searched.
            let Ok(text) = self.workspace.read(&entry.path, 1 << 20) else {
                continue;
            };
            if String::from_utf8_lossy(&text).contains(pattern) {
                found.extend(text);
            }
        }
        Ok(found)
    }
}
