//! The trait of a tool, and what can come of a call.

use crate::{Ask, ShellSettings, ToolContext};
use loom_events::{Class, Digest, Refusal, Risk, ToolSpec};
use serde_json::Value;

/// Something that a model may call.
#[async_trait::async_trait]
pub trait Tool: Send + Sync {
    /// Name, description and parameters, as the model sees them.
    fn spec(&self) -> &ToolSpec;

    /// What is to be done when the outcome of such a call is lost.
    fn class(&self, arguments: &Value, shell: &ShellSettings) -> Class;

    /// One line for people: the tool with its main argument.
    fn summary(&self, arguments: &Value) -> String;

    /// Whether it makes no sense without a workspace.
    fn needs_workspace(&self) -> bool {
        true
    }

    /// Does it. The arguments fit the schema.
    async fn run(&self, call: &Call<'_>) -> CallOutcome;
}

/// One call that was checked and is about to run.
pub struct Call<'a> {
    /// The surroundings.
    pub context: &'a ToolContext<'a>,
    /// The arguments; they fit the tool's schema.
    pub arguments: &'a Value,
    /// Names exactly this call: tool, arguments and workspace.
    pub digest: &'a Digest,
}

impl Call<'_> {
    /// Whether a human agreed to exactly this call.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.context.grant == Some(self.digest)
    }

    /// Holds the call back until a human agrees.
    #[must_use]
    pub fn hold(&self, reason: String, action: String, risk: Risk, rules: Vec<String>) -> Held {
        Held {
            digest: self.digest.clone(),
            reason,
            action,
            risk,
            rules,
            ask: None,
        }
    }

    /// A text argument.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.arguments.get(name)?.as_str()
    }

    /// A whole number, zero or more.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<usize> {
        usize::try_from(self.arguments.get(name)?.as_u64()?).ok()
    }

    /// A yes or no; no when it is not given.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.arguments.get(name).and_then(Value::as_bool) == Some(true)
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It ran.
    Done(ToolOutput),
    /// Nothing was done; a human must be asked first.
    Held(Held),
    /// Nothing was done, and asking would not help.
    Refused(Refusal),
}

impl From<ToolOutput> for CallOutcome {
    fn from(output: ToolOutput) -> Self {
        Self::Done(output)
    }
}

impl From<Held> for CallOutcome {
    fn from(held: Held) -> Self {
        Self::Held(held)
    }
}

impl From<Refusal> for CallOutcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The result of a tool that ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolOutput {
    /// Whether it did what it was asked.
    pub ok: bool,
    /// What the model is shown, capped.
    pub text: String,
    /// The whole text, when the other one was capped.
    pub full: Option<String>,
    /// One line for people.
    pub summary: String,
    /// Whether it looked at or changed something.
    pub touched: bool,
    /// How many files it changed.
    pub files_changed: u32,
    /// Fallbacks taken.
    pub degraded: Vec<String>,
}

impl ToolOutput {
    /// A tool that could not do what it was asked; nothing was changed.
    pub fn negative(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            summary: first_line(&text),
            text,
            ..Self::default()
        }
    }

    /// A tool that looked at something.
    #[must_use]
    pub fn looked(text: String, summary: String) -> Self {
        Self {
            ok: true,
            text,
            summary,
            touched: true,
            ..Self::default()
        }
    }
}

/// A call that is held back for a human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Names exactly this call; the grant must be equal.
    pub digest: Digest,
    /// Why a human is asked.
    pub reason: String,
    /// Exactly what would be done.
    pub action: String,
    /// How much is at stake.
    pub risk: Risk,
    /// The rules that asked for it.
    pub rules: Vec<String>,
    /// For a question of the model's own, which wants an answer and no consent.
    pub ask: Option<Box<Ask>>,
}

/// Characters of a summary; it has one line of a terminal.
const SUMMARY_CHARS: usize = 100;

/// The first line of a text, short enough for a summary.
pub(crate) fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    match line.char_indices().nth(SUMMARY_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

/// A refusal with a stable code.
pub(crate) fn refusal(code: &str, message: impl Into<String>) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message: message.into(),
    }
}
