//! A temporary workspace with everything that a call needs.

use loom_events::{Digest, Fact, FileChange, Operation};
use loom_redact::Redactor;
use loom_tools::policy::Policy;
use loom_tools::{
    CallOutcome, Found, Held, Past, PastError, RecordError, Recorder, Registry, Seen,
    ShellSettings, ToolContext, ToolOutput,
};
use loom_workspace::{Bounds, Sandbox, Store, Workspace, detect_sandbox};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) struct Bench {
    dir: PathBuf,
    /// Removed in the end, where it is the bench's own.
    _temporary: Option<TempDir>,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) registry: Registry,
    pub(crate) recorder: Recorded,
    pub(crate) seen: Seen,
    pub(crate) shell: ShellSettings,
    pub(crate) cancel: CancellationToken,
    pub(crate) output_bytes: usize,
    pub(crate) past: Kept,
    pub(crate) redactor: Arc<Redactor>,
}

/// Remembers every change; can be made to refuse them.
#[derive(Default)]
pub(crate) struct Recorded {
    changes: Mutex<Vec<FileChange>>,
    pub(crate) broken: bool,
}

#[async_trait::async_trait]
impl Recorder for Recorded {
    async fn changing(&self, change: FileChange) -> Result<(), RecordError> {
        if self.broken {
            return Err(RecordError::new("the journal is closed"));
        }
        self.changes.lock().unwrap().push(change);
        Ok(())
    }

    async fn progress(&self, _: String) {}
}

impl Recorded {
    /// What was recorded, in the order in which it was.
    pub(crate) fn all(&self) -> Vec<FileChange> {
        self.changes.lock().unwrap().clone()
    }

    /// What was recorded, in short: `create a.txt`.
    pub(crate) fn take(&self) -> Vec<String> {
        let changes = std::mem::take(&mut *self.changes.lock().unwrap());
        changes.iter().map(short).collect()
    }
}

fn short(change: &FileChange) -> String {
    let path = &change.path;
    match (&change.operation, &change.new_path) {
        (Operation::Create, _) => format!("create {path}"),
        (Operation::Modify, _) => format!("modify {path}"),
        (Operation::Delete, _) => format!("delete {path}"),
        (Operation::Rename, Some(to)) => format!("rename {path} {to}"),
        (Operation::Rename, None) => format!("rename {path}"),
    }
}

impl Bench {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join("work");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::create_dir_all(temporary.path().join("scratch")).unwrap();
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut bench = Self::at(temporary.path());
        bench.shell.sandbox = detect_sandbox(&bench.shell.path_env);
        bench._temporary = Some(temporary);
        bench
    }

    /// A bench in a directory that is there, with its `work` and `scratch`.
    pub(crate) fn at(dir: &Path) -> Self {
        let root = dir.join("work");
        let bounds = Bounds {
            data_dir: dir.join("data"),
            ..Bounds::default()
        };
        let store = Arc::new(Store::open(&dir.join("objects")).unwrap());
        let path_env = OsStr::new("/usr/local/bin:/usr/bin:/bin");
        Self {
            workspace: Arc::new(Workspace::open(&root, &bounds, store).unwrap()),
            registry: Registry::builtin(),
            recorder: Recorded::default(),
            seen: Seen::default(),
            shell: ShellSettings {
                sandbox: Sandbox::None,
                path_env: path_env.to_owned(),
                home: None,
                readable: Vec::new(),
                writable: Vec::new(),
                network: false,
                timeout: Duration::from_secs(20),
                max_timeout: Duration::from_secs(60),
                policy: Policy::default(),
            },
            cancel: CancellationToken::new(),
            output_bytes: 10_000,
            past: Kept::default(),
            redactor: Arc::default(),
            dir: dir.to_owned(),
            _temporary: None,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join("work").join(name)
    }

    /// What is in a file now.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) async fn call(&self, name: &str, arguments: Value) -> CallOutcome {
        self.granted(name, arguments, None).await
    }

    pub(crate) async fn granted(
        &self,
        name: &str,
        arguments: Value,
        grant: Option<&Digest>,
    ) -> CallOutcome {
        let checked = self.registry.check(name, arguments).unwrap();
        let scratch = self.dir.join("scratch");
        let context = ToolContext {
            workspace: Some(&self.workspace),
            scratch: &scratch,
            recorder: &self.recorder,
            cancel: &self.cancel,
            seen: &self.seen,
            grant,
            output_bytes: self.output_bytes,
            shell: &self.shell,
            label: "loom-tools-test",
            call_id: "call_7_0",
            past: &self.past,
            redactor: &self.redactor,
        };
        self.registry.call(&checked, &context).await
    }

    /// A call that must have run.
    pub(crate) async fn done(&self, name: &str, arguments: Value) -> ToolOutput {
        done(self.call(name, arguments).await)
    }

    /// The text of a call that must have worked.
    pub(crate) async fn ok(&self, name: &str, arguments: Value) -> String {
        let output = self.done(name, arguments).await;
        assert!(output.ok, "{}", output.text);
        output.text
    }

    /// The text of a call that must not have worked.
    pub(crate) async fn negative(&self, name: &str, arguments: Value) -> String {
        match self.call(name, arguments).await {
            CallOutcome::Done(output) => {
                assert!(!output.ok, "{}", output.text);
                output.text
            }
            CallOutcome::Refused(refusal) => format!("{}: {}", refusal.code, refusal.message),
            CallOutcome::Held(held) => panic!("held: {}", held.reason),
        }
    }

    pub(crate) async fn held(&self, name: &str, arguments: Value) -> Held {
        match self.call(name, arguments).await {
            CallOutcome::Held(held) => held,
            other => panic!("not held: {other:?}"),
        }
    }
}

pub(crate) fn done(outcome: CallOutcome) -> ToolOutput {
    match outcome {
        CallOutcome::Done(output) => output,
        other => panic!("not done: {other:?}"),
    }
}

/// A past that is given by the test.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) outputs: Vec<(&'static str, String)>,
    pub(crate) facts: Vec<Fact>,
}

#[async_trait::async_trait]
impl Past for Kept {
    async fn output(&self, id: &str) -> Result<Found, PastError> {
        let found = self.outputs.iter().find(|(known, _)| *known == id);
        Ok(match found {
            Some((_, text)) => Found::Output {
                call: "run x".to_owned(),
                text: text.clone(),
            },
            None => Found::Nothing {
                known: self
                    .outputs
                    .iter()
                    .map(|(id, _)| (*id).to_owned())
                    .collect(),
            },
        })
    }

    async fn memory(&self, text: &str, limit: usize) -> Result<Vec<Fact>, PastError> {
        let fits = |fact: &&Fact| text.contains(fact.entry.summary.as_str());
        Ok(self
            .facts
            .iter()
            .filter(fits)
            .take(limit)
            .cloned()
            .collect())
    }
}
