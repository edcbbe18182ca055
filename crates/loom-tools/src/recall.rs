//! `recall`: what was left out of the conversation, and what the task remembers.

use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, Found, PastError, ShellSettings, Tool};
use loom_events::{Class, Fact, ToolSpec};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Its name; other tools point to it.
pub(crate) const NAME: &str = "recall";

/// Room for the lines around an output.
const FRAME_BYTES: usize = 400;

/// Memory entries that are shown when the call does not say.
const ENTRIES: usize = 5;

/// Most memory entries that may be asked for: more of them are noise.
const MAX_ENTRIES: usize = 20;

/// Ids that are named when the one that was asked for is not known.
const SHOWN_IDS: usize = 10;

/// Characters that are repeated of what the model sent.
const ECHO_CHARS: usize = 80;

/// The tool. What it looks in is given with each call (`ToolContext::past`).
pub struct Recall(ToolSpec);

impl Default for Recall {
    fn default() -> Self {
        let spec = ToolSpec::new(
            NAME,
            "Look up what is not in front of you: the whole output of an earlier call by its id, \
             from a byte offset, or facts that this task has noted, by words.",
            json!({
                "type": "object",
                "properties": {
                    "output": {"type": "string", "description": "id of the call, e.g. call_3_0"},
                    "query": {"type": "string"},
                    "offset": {"type": "integer", "minimum": 0},
                    "limit": {"type": "integer", "minimum": 1}
                }
            }),
        );
        Self(spec.read_only())
    }
}

impl Recall {
    /// The call that shows the output of a call, as a model is told it.
    #[must_use]
    pub fn example(id: &str) -> String {
        example(id, 0)
    }
}

/// The call that shows an output from a place on.
pub(crate) fn example(id: &str, offset: usize) -> String {
    let id = Value::from(id);
    match offset {
        0 => format!("{NAME} {{\"output\":{id}}}"),
        _ => format!("{NAME} {{\"output\":{id},\"offset\":{offset}}}"),
    }
}

#[async_trait::async_trait]
impl Tool for Recall {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Pure
    }

    fn summary(&self, arguments: &Value) -> String {
        let text = |name| arguments.get(name).and_then(Value::as_str);
        match (text("output"), text("query")) {
            (Some(id), _) => format!("recall {id}"),
            (None, Some(query)) => format!("recall {query:?}"),
            (None, None) => NAME.to_owned(),
        }
    }

    fn needs_workspace(&self) -> bool {
        false
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        let given = |name| {
            call.text(name)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let told = match (given("output"), given("query")) {
            (Some(id), None) => output(call, id).await,
            (None, Some(query)) => memory(call, query).await,
            (Some(_), Some(_)) => Ok(ToolOutput::negative(
                "send either output or query, not both",
            )),
            (None, None) => Ok(ToolOutput::negative(
                "send output, the id of an earlier call, or query, words to look for",
            )),
        };
        told.unwrap_or_else(|error| ToolOutput::negative(error.to_string()))
            .into()
    }
}

/// A part of an output, with where it is in the whole.
async fn output(call: &Call<'_>, id: &str) -> Result<ToolOutput, PastError> {
    let (what, text) = match call.context.past.output(id).await? {
        Found::Output { call, text } => (call, text),
        Found::Nothing { known } => return Ok(ToolOutput::negative(unknown(id, &known))),
    };
    let id = echo(id);
    let offset = call.number("offset").unwrap_or(0);
    if offset >= text.len() && offset > 0 {
        return Ok(ToolOutput::negative(format!(
            "the output of {id} has only {} bytes: use a smaller offset",
            text.len()
        )));
    }
    let start = text.floor_char_boundary(offset);
    let room = call.context.output_bytes.saturating_sub(FRAME_BYTES);
    let limit = call.number("limit").unwrap_or(room).min(room);
    let end = text.floor_char_boundary(start.saturating_add(limit));
    // A part always has something in it, or asking for the next one would never end.
    let end = match end > start {
        true => end,
        false => text.ceil_char_boundary(start + 1),
    };
    let whole = text.len();
    let mut shown = format!(
        "{id} ({what}): bytes {start} to {end} of {whole}\n{}\n",
        &text[start..end]
    );
    if end < whole {
        let next = example(&id, end);
        shown.push_str(&format!("[{} bytes more: {next}]\n", whole - end));
    }
    Ok(ToolOutput {
        ok: true,
        text: shown,
        summary: format!("{id}: bytes {start} to {end} of {whole}"),
        ..ToolOutput::default()
    })
}

fn unknown(id: &str, known: &[String]) -> String {
    let id = echo(id);
    let from = known.len().saturating_sub(SHOWN_IDS);
    match known.get(from..) {
        None | Some([]) => {
            format!("there is no output {id:?}: no call before this one has an output that is kept")
        }
        Some(some) => format!(
            "there is no output {id:?}; some that there are: {}",
            some.join(", ")
        ),
    }
}

async fn memory(call: &Call<'_>, query: &str) -> Result<ToolOutput, PastError> {
    let limit = call.number("limit").unwrap_or(ENTRIES).min(MAX_ENTRIES);
    let found = call.context.past.memory(query, limit).await?;
    let query = echo(query);
    if found.is_empty() {
        return Ok(ToolOutput::negative(format!(
            "nothing that was noted has a word of {query:?}: try other words, or look at the files"
        )));
    }
    let room = call.context.output_bytes.saturating_sub(FRAME_BYTES);
    let mut text = format!("noted earlier, best match for {query:?} first:\n");
    let mut shown = 0;
    if found.iter().any(|fact| fact.about.is_some()) {
        text.push_str("(what is dated was noted otherwise before or after: go by the newest that you can confirm)\n");
    }
    for fact in &found {
        let lines = fact_text(fact);
        // The first is shown in any case, cut by the caller if it must be.
        if shown > 0 && text.len() + lines.len() > room {
            text.push_str(&format!(
                "[{} more: send fewer words]\n",
                found.len() - shown
            ));
            break;
        }
        text.push_str(&lines);
        shown += 1;
    }
    Ok(ToolOutput {
        ok: true,
        summary: format!("{} noted for {query:?}", crate::files::count(shown, "fact")),
        text,
        ..ToolOutput::default()
    })
}

fn fact_text(fact: &Fact) -> String {
    let entry = &fact.entry;
    let step = entry.subtask.as_ref().map(|id| format!("step {id}"));
    let from: Vec<String> = step.into_iter().chain(fact.noted()).collect();
    let from = match from.is_empty() {
        true => String::new(),
        false => format!(" ({})", from.join(", ")),
    };
    let mut text = format!("- {}: {}{from}\n", entry.kind.name(), entry.summary);
    for line in entry.detail.lines() {
        writeln!(text, "  {line}").expect("BUG: text can be written to a string");
    }
    text
}

/// What the model sent, short enough to repeat.
fn echo(text: &str) -> String {
    match text.char_indices().nth(ECHO_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
