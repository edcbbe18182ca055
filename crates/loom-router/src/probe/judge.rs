//! What the answers mean. Pure: an answer in, a finding out.

use super::advice;
use super::questions::{CONTENT, Words};
use super::{Canary, Finding, Verdict};
use crate::{Calls, ChatReply, ChatRequest, ProviderKind, Thinking};
use loom_dialect::{Family, ThinkingSwitch, Traits};
use loom_events::{Finish, Message};
use serde_json::Value;

/// No tokenizer makes so few tokens of plain English. What is reported below this was not read.
const MOST_BYTES_PER_TOKEN: u64 = 10;

/// Fewer tokens than these are read faster than they travel.
const LEAST_READ: u64 = 100;

/// Fewer tokens than these are no measure of speed.
const LEAST_WRITTEN: u64 = 16;

/// What takes less time came in one piece, which says how it was sent and not how it was made.
const LEAST_MILLIS: u64 = 20;

/// An answer, and what was seen while it came.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) reply: ChatReply,
    /// The text as it was streamed, with whatever the server left in it.
    pub(super) text: String,
    /// Calls that the server set apart.
    pub(super) calls: usize,
}

impl Heard {
    fn was_cut(&self) -> bool {
        self.reply.finish == Finish::Length
    }

    fn thought(&self) -> bool {
        let thought = self.reply.answer.thought.as_deref();
        thought.is_some_and(|thought| !thought.trim().is_empty())
    }
}

/// What is known before anything is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    pub(super) kind: ProviderKind,
    pub(super) traits: Traits,
}

/// Whether the start of the prompt reached the model.
pub(super) fn canary(heard: &Heard, words: &Words) -> Canary {
    let answer = &heard.reply.answer;
    let said = |word: &str| {
        answer.text.contains(word) || answer.thought.as_ref().is_some_and(|t| t.contains(word))
    };
    match (said(&words.canary), said(&words.control)) {
        (true, _) => Canary::Found,
        (false, true) => Canary::Lost,
        (false, false) => Canary::Unclear,
    }
}

pub(super) fn canary_finding(canary: Canary, about: About) -> Option<Finding> {
    Some(match canary {
        Canary::Found => Finding::new(
            Verdict::Good,
            "it follows an instruction and sees the start of the prompt",
        ),
        Canary::Lost => Finding::new(
            Verdict::Problem,
            "it sees the end of the prompt and not its start: the prompt was cut, or its template drops the system message",
        )
        .way_out(advice::cut(about.kind)),
        Canary::Unclear => Finding::new(
            Verdict::Unclear,
            "it did not do what it was asked, so whether it sees the whole prompt could not be told",
        )
        .way_out("base models and very small ones are like this: take an instruct model"),
    })
}

/// Whether the server counts, and whether it read all that was sent.
pub(super) fn counted(heard: &Heard, sent: &ChatRequest, about: About) -> Option<Finding> {
    let usage = heard.reply.usage;
    if usage.estimated {
        let text = "the server does not report tokens; Loom estimates them";
        return Some(Finding::new(Verdict::Note, text));
    }
    let bytes = |message: &Message| match message {
        Message::System { text } | Message::User { text } => text.len() as u64,
        Message::Assistant { .. } | Message::Tool { .. } => 0,
    };
    let bytes: u64 = sent.messages.iter().map(bytes).sum();
    let least = bytes / MOST_BYTES_PER_TOKEN;
    (usage.prompt < least).then(|| {
        let text = format!(
            "the server says it read {} tokens of a prompt that has {least} at the very least: it cuts prompts without saying so",
            usage.prompt
        );
        Finding::new(Verdict::Problem, text).way_out(advice::cut(about.kind))
    })
}

/// Whether anybody knows how much fits into a prompt. Ollama gives what it is asked for.
pub(super) fn window(known: Option<u32>, about: About) -> Option<Finding> {
    (known.is_none() && about.kind != ProviderKind::Ollama).then(|| {
        let text =
            "nobody says how large its window is, so Loom cannot tell when a prompt is too long";
        Finding::new(Verdict::Note, text)
            .way_out("set `context_length` of the model to what it is served with")
    })
}

/// Whether it thinks, and whether that follows the switch. A model that does not follow instructions
/// may write the marks of a thought anywhere.
pub(super) fn thinking(
    off: &Heard,
    on: &Heard,
    follows: bool,
    about: About,
) -> (Thinking, Finding) {
    let switch = about.traits.thinking;
    match (off.thought(), on.thought()) {
        (false, true) => (
            Thinking::Switchable,
            Finding::new(Verdict::Good, "it thinks when it is told to, and only then"),
        ),
        (true, true) if matches!(switch, ThinkingSwitch::Always | ThinkingSwitch::Effort) => (
            Thinking::Always,
            Finding::new(Verdict::Note, "it always thinks, as its family does"),
        ),
        (true, true) if !follows => (
            Thinking::Unknown,
            Finding::new(
                Verdict::Unclear,
                "the marks of a thought came with the switch on and off, among words that make no sense; whether it works could not be told",
            ),
        ),
        (true, true) => (
            Thinking::Always,
            Finding::new(
                Verdict::Problem,
                "it thinks although it was told not to, which costs time in every step",
            )
            .way_out(advice::stuck_thinking(about.kind)),
        ),
        (false, false) if on.was_cut() && on.reply.answer.text.trim().is_empty() => (
            Thinking::Unknown,
            Finding::new(
                Verdict::Unclear,
                "no words came before the end, so whether it thinks could not be told",
            ),
        ),
        (false, false) => (
            Thinking::None,
            Finding::new(Verdict::Note, "it does not think aloud, told to or not"),
        ),
        (true, false) => (
            Thinking::Unknown,
            Finding::new(
                Verdict::Unclear,
                "it thought when told not to and not when told to; whether the switch works could not be told",
            ),
        ),
    }
}

/// How its calls arrive, in which form, and whether their arguments are whole.
pub(super) fn call(
    heard: &Heard,
    follows: bool,
    about: About,
) -> (Calls, Option<Family>, Vec<Finding>) {
    let answer = &heard.reply.answer;
    let unreadable = answer.unreadable.first();
    let any = !answer.calls.is_empty() || unreadable.is_some();
    if !any {
        let (calls, finding) = no_call(heard, follows, about);
        return (calls, None, vec![finding]);
    }
    let mut findings = Vec::new();
    let in_text = heard.calls == 0;
    let family = in_text.then(|| family_of(&heard.text).unwrap_or(about.traits.family));
    let (calls, arrival) = match family {
        None => (
            Calls::Structured,
            Finding::new(Verdict::Good, "tool calls arrive structured"),
        ),
        Some(family) => {
            let text = format!(
                "tool calls arrive in the text, in the form of {}; Loom reads them there",
                family_name(family)
            );
            let way_out = advice::calls_in_text(about.kind, family);
            (
                Calls::InText,
                Finding::new(Verdict::Note, text).way_out(way_out),
            )
        }
    };
    findings.push(arrival);
    if let Some(call) = answer.calls.first() {
        findings.push(arguments(call.arguments.get("content")));
    } else if let Some(unreadable) = unreadable {
        findings.push(if heard.was_cut() {
            Finding::new(
                Verdict::Unclear,
                "the call was cut off by the bound of the probe",
            )
        } else {
            let said = &unreadable.refusal.message;
            Finding::new(
                Verdict::Problem,
                format!("a call could not be read: {said}"),
            )
        });
    }
    (
        calls,
        family.filter(|family| *family != Family::Unknown),
        findings,
    )
}

fn no_call(heard: &Heard, follows: bool, about: About) -> (Calls, Finding) {
    if follows && !heard.was_cut() {
        let text = "it was asked for a tool call and made none";
        let finding = Finding::new(Verdict::Problem, text);
        return (Calls::None, finding.way_out(advice::no_tools(about.kind)));
    }
    let text = "no tool call came, and it does not follow instructions well enough to tell why";
    (Calls::Unknown, Finding::new(Verdict::Unclear, text))
}

/// Whether the content came as it was to be copied.
fn arguments(content: Option<&Value>) -> Finding {
    let Some(came) = content.and_then(Value::as_str) else {
        return Finding::new(
            Verdict::Unclear,
            "the call has no content to compare; whether arguments arrive whole could not be told",
        );
    };
    let way_out = "have files checked after they are written (verification tier 2), and try a newer server: this is a fault of its tool parser, or a habit of the model";
    let lines = |text: &str| {
        text.lines()
            .map(|line| line.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let changed = if came == CONTENT {
        return Finding::new(Verdict::Good, "code in arguments arrives byte for byte");
    } else if came == CONTENT.trim_end() {
        return Finding::new(
            Verdict::Note,
            "the line break at the end of an argument is lost, by the server or the model",
        );
    } else if came.trim() == CONTENT.trim() {
        "spaces or line breaks at the start or end of arguments are changed"
    } else if lines(came) == lines(CONTENT) || lines(came.trim()) == lines(CONTENT.trim()) {
        "the indentation in arguments is changed"
    } else if entities_read(came).trim() == entities_read(CONTENT).trim() {
        "marks such as `<` and `&` in arguments are changed"
    } else if came.replace("\\n", "\n").replace("\\\"", "\"").trim() == CONTENT.trim() {
        "line breaks or quotes in arguments arrive escaped"
    } else {
        return Finding::new(
            Verdict::Unclear,
            "the model did not copy the text it was given; whether arguments arrive whole could not be told",
        );
    };
    Finding::new(Verdict::Problem, changed).way_out(way_out)
}

fn entities_read(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// Whether two calls come in one answer.
pub(super) fn two_calls(heard: &Heard) -> Finding {
    match heard.reply.answer.calls.len() {
        0 => Finding::new(
            Verdict::Unclear,
            "two calls at once were asked for and none came",
        ),
        1 => Finding::new(Verdict::Note, "it makes one call at a time"),
        _ => Finding::new(Verdict::Good, "several calls come in one answer"),
    }
}

/// Whether a call can be forced.
pub(super) fn forced(heard: &Heard) -> (Option<bool>, Finding) {
    let answer = &heard.reply.answer;
    if !answer.calls.is_empty() {
        let text = "a call can be forced: it came although nothing asked for it";
        return (Some(true), Finding::new(Verdict::Good, text));
    }
    if heard.was_cut() || !answer.unreadable.is_empty() {
        let text =
            "whether a call can be forced could not be told: none was complete before the end";
        return (None, Finding::new(Verdict::Unclear, text));
    }
    let text = "a call cannot be forced here; Loom asks again in words";
    (Some(false), Finding::new(Verdict::Note, text))
}

/// Whether an answer can be bound to a schema.
pub(super) fn schema(heard: &Heard) -> (Option<bool>, Finding) {
    let answer: Option<Value> = serde_json::from_str(heard.reply.answer.text.trim()).ok();
    let word = answer
        .as_ref()
        .and_then(|answer| answer.get("answer")?.as_str());
    if matches!(word, Some("yes" | "no")) {
        let text = "answers can be bound to a schema";
        return (Some(true), Finding::new(Verdict::Good, text));
    }
    if heard.was_cut() {
        let text = "whether answers can be bound to a schema could not be told: none was complete before the end";
        return (None, Finding::new(Verdict::Unclear, text));
    }
    let text = "answers are not bound to a schema here; Loom asks in words, checks, and asks again";
    (Some(false), Finding::new(Verdict::Note, text))
}

/// Tokens that are read and written in a second: read in the quickest of the answers, since the
/// others waited for the model to be loaded or for someone else; written in the longest.
pub(super) fn speed(timed: &[Heard]) -> (Option<f32>, Option<f32>) {
    let prefill = |heard: &Heard| {
        let usage = heard.reply.usage;
        let read = usage.prompt.saturating_sub(usage.cached);
        let enough = !usage.estimated && read >= LEAST_READ;
        enough.then(|| rate(read, heard.reply.latency.first_token_ms))?
    };
    let decode = |heard: &Heard| {
        let (usage, latency) = (heard.reply.usage, heard.reply.latency);
        let enough = !usage.estimated && usage.completion >= LEAST_WRITTEN;
        let millis = latency.total_ms.saturating_sub(latency.first_token_ms);
        // The first token belongs to the reading.
        let written = enough.then(|| rate(usage.completion - 1, millis))??;
        Some((usage.completion, written))
    };
    let read = timed.iter().filter_map(prefill).max_by(f32::total_cmp);
    let written = timed
        .iter()
        .filter_map(decode)
        .max_by_key(|(tokens, _)| *tokens);
    (read, written.map(|(_, rate)| rate))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a speed is shown with three digits"
)]
fn rate(tokens: u64, millis: u64) -> Option<f32> {
    (millis >= LEAST_MILLIS).then(|| (tokens as f64 * 1000.0 / millis as f64) as f32)
}

/// The marks of each family in a text, the more exact ones first.
const MARKS: &[(&str, Family)] = &[
    ("<minimax:tool_call>", Family::MiniMax),
    ("<seed:tool_call>", Family::Seed),
    ("<function=", Family::Qwen3Coder),
    ("<arg_key>", Family::Glm),
    ("<｜tool▁call", Family::DeepSeek),
    ("<｜DSML｜", Family::DeepSeek),
    ("<|tool_calls_section_begin|>", Family::Kimi),
    ("[TOOL_CALLS]", Family::Mistral),
    ("<|channel|>", Family::GptOss),
    ("<|tool_call>call:", Family::Gemma),
    ("```tool_code", Family::Gemma),
    ("<|tool_call_start|>", Family::Lfm),
    ("<|tool_call|>", Family::Granite),
    ("functools[", Family::Phi),
    ("<|START_ACTION|>", Family::Command),
    ("<TOOLCALL>", Family::Nemotron),
    ("<function_calls>", Family::Olmo),
    ("<|action_start|>", Family::InternLm),
    ("<|python_tag|>", Family::Llama),
    ("<tool_call>", Family::Hermes),
];

/// The family whose marks are in the text.
fn family_of(text: &str) -> Option<Family> {
    let row = MARKS.iter().find(|(mark, _)| text.contains(mark));
    row.map(|(_, family)| *family)
}

fn family_name(family: Family) -> String {
    let name = serde_json::to_value(family).unwrap_or_default();
    match name.as_str() {
        None | Some("unknown") => "no known family".to_owned(),
        Some(name) => format!("the family `{name}`"),
    }
}

#[cfg(test)]
mod tests;
