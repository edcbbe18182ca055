//! What a tool is given to work with: the places, the limits, and where changes are recorded.

use crate::Seen;
use crate::policy::Policy;
use loom_events::{Digest, Fact, FileChange};
use loom_redact::Redactor;
use loom_workspace::{Sandbox, Workspace};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How commands are run.
#[derive(Clone, Debug)]
pub struct ShellSettings {
    /// What stands between a command and the machine.
    pub sandbox: Sandbox,
    /// Where programs are looked for.
    pub path_env: OsString,
    /// The user's home directory: hidden in the sandbox, except for its toolchains.
    pub home: Option<PathBuf>,
    /// More that commands may read, as the user says.
    pub readable: Vec<PathBuf>,
    /// More that commands may write, as the user says. Nothing of it can be put back.
    pub writable: Vec<PathBuf>,
    /// Whether the commands of this task may use the network without a question each time.
    pub network: bool,
    /// How long a command may take when it does not say.
    pub timeout: Duration,
    /// The longest that it may ask for.
    pub max_timeout: Duration,
    /// Which commands run, and which are asked for.
    pub policy: Policy,
}

/// The surroundings of one call.
pub struct ToolContext<'a> {
    /// The user's directory, when the task has one.
    pub workspace: Option<&'a Arc<Workspace>>,
    /// The task's own directory, `scratch://`.
    pub scratch: &'a Path,
    /// Where changes go before they happen.
    pub recorder: &'a dyn Recorder,
    /// Ends the call early.
    pub cancel: &'a CancellationToken,
    /// What this attempt has read and written.
    pub seen: &'a Seen,
    /// The held call that a human agreed to, if any.
    pub grant: Option<&'a Digest>,
    /// Most bytes of a result that the model is shown.
    pub output_bytes: usize,
    /// How commands are run.
    pub shell: &'a ShellSettings,
    /// Marks every process of the call.
    pub label: &'a str,
    /// The id under which the model knows this call.
    pub call_id: &'a str,
    /// What can be looked up of what was before.
    pub past: &'a dyn Past,
    /// Leaves secrets out of what the model is shown.
    pub redactor: &'a Arc<Redactor>,
}

/// What a call can look up of its task's past. Kept elsewhere; here is only the question.
#[async_trait::async_trait]
pub trait Past: Send + Sync {
    /// The whole output of an earlier call that the model knows by this id.
    async fn output(&self, id: &str) -> Result<Found, PastError>;

    /// What the task noted that has words of the text, the best first; statements about the same come
    /// together, the newest last. Any text is taken as words.
    async fn memory(&self, text: &str, limit: usize) -> Result<Vec<Fact>, PastError>;

    /// A skill that may be used here, or another file of it.
    async fn skill(&self, name: &str, file: Option<&str>) -> Result<SkillFile, PastError> {
        let _nobody_has_skills = (name, file);
        Ok(SkillFile::NoSkill { known: Vec::new() })
    }
}

/// What was found of a skill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkillFile {
    /// Its instructions, or the file that was asked for.
    Text {
        /// The text.
        text: String,
        /// The other files of the skill.
        files: Vec<String>,
    },
    /// The skill has no such file, but these.
    NoFile {
        /// Their names.
        files: Vec<String>,
    },
    /// There is no skill of that name, but these.
    NoSkill {
        /// Their names.
        known: Vec<String>,
    },
}

/// What was found of an earlier call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its output.
    Output {
        /// The call in one line.
        call: String,
        /// All of it.
        text: String,
    },
    /// There is no output of that id; these are some ids that have one, the newest last.
    Nothing {
        /// The ids.
        known: Vec<String>,
    },
}

/// The past could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was kept could not be read: {message}")]
pub struct PastError {
    message: String,
}

impl PastError {
    /// Says why.
    pub fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { message }
    }
}

/// Takes note of what a tool is about to do.
#[async_trait::async_trait]
pub trait Recorder: Send + Sync {
    /// Makes a change durable in the journal. The tool must not go on when this fails.
    async fn changing(&self, change: FileChange) -> Result<(), RecordError>;

    /// Shows a line to whoever watches.
    async fn progress(&self, text: String);
}

/// A change that could not be recorded, and so must not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the change could not be recorded: {message}")]
pub struct RecordError {
    message: String,
}

impl RecordError {
    /// Says why.
    pub fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { message }
    }
}
