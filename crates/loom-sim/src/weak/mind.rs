//! What a model has before its eyes: where it is in its work, how much of it was wrong, how long the
//! context is, what it was told. Read from the request alone, every time.

use super::chance::Chance;
use super::world::{CLAUSES, Item, World};
use super::{Nature, Profile};
use crate::request::{ChatMessage, PastCall, Request, Speaker};
use serde_json::Value;
use std::collections::HashMap;

/// Turns of a step: look, read, read what there is, write, note, report.
pub(crate) const PHASES: usize = 6;

/// The phase before which a step that was judged is taken up again.
const REWORK: usize = 2;

/// Begins the text of every turn that does its part of a step.
const MARK: &str = "Step ";

/// Begins the text that says that a step is done.
pub(crate) const CLAIM: &str = "Done with ";

/// The state of a conversation.
#[derive(Debug, Default)]
pub(crate) struct Mind<'a> {
    /// The step and the phase that were carried out last.
    pub(crate) at: Option<(String, usize)>,
    /// Times that it said it was done.
    pub(crate) claims: usize,
    /// Answers so far.
    pub(crate) turns: usize,
    /// Whether each try at a step that is visible came out wrong.
    pub(crate) tries: Vec<bool>,
    /// Writes that were refused since the last one that was not.
    pub(crate) refused: usize,
    /// The last two answers were the same call.
    pub(crate) repeats: bool,
    /// What it called last.
    pub(crate) last_call: Option<&'a PastCall>,
    /// What files were last seen to hold, as the tools showed them.
    seen: HashMap<String, String>,
    /// Reasons that name what was expected and seen, and reasons in prose.
    pub(crate) reasons: (usize, usize),
    /// All that it was told was wrong.
    pub(crate) told: String,
    /// It was just told that it goes round in circles.
    pub(crate) warned: bool,
    /// Tokens of the context, and how often it was made shorter.
    pub(crate) length: f64,
    pub(crate) shortened: usize,
}

impl<'a> Mind<'a> {
    pub(crate) fn of(
        request: &'a Request,
        world: &World,
        profile: &Profile,
        nature: &Nature,
    ) -> Self {
        let mut mind = Self::default();
        let opening = request.opening();
        for message in opening {
            let text = message.text.as_deref().unwrap_or_default();
            if let Some(feedback) = between(text, "What was found:\n", "Look at the present state")
            {
                mind.hear(feedback);
            }
        }
        let mut written: Option<(String, String)> = None;
        let mut calls: HashMap<&str, &PastCall> = HashMap::new();
        for message in &request.messages[opening.len()..] {
            mind.take(message, world, (&mut calls, &mut written));
        }
        mind.repeats = repeats(request);
        mind.measure(opening, request, profile, nature);
        mind
    }

    /// Share of the tries that are visible which came out wrong.
    #[expect(clippy::cast_precision_loss, reason = "a task has few steps")]
    pub(crate) fn wrong(&self) -> f64 {
        if self.tries.is_empty() {
            return 0.0;
        }
        self.tries.iter().filter(|wrong| **wrong).count() as f64 / self.tries.len() as f64
    }

    /// The key in a file, if it was read and has one.
    pub(crate) fn key_in(&self, path: &str) -> Option<u64> {
        let text = self.seen.get(path)?;
        text.lines()
            .filter_map(|line| content(line).strip_prefix("key: "))
            .find_map(|key| key.trim().parse().ok())
    }

    /// Whether a file was seen to have this line.
    pub(crate) fn saw(&self, path: &str, line: &str) -> bool {
        let text = self.seen.get(path);
        text.is_some_and(|text| text.lines().any(|seen| content(seen) == line))
    }

    #[expect(clippy::cast_precision_loss, reason = "few reasons")]
    pub(crate) fn feedback(&self, nature: &Nature) -> f64 {
        let (checks, prose) = self.reasons;
        let sum = nature.feedback_check * checks as f64 + nature.feedback_prose * prose as f64;
        sum.min(nature.feedback_most)
    }

    fn take(
        &mut self,
        message: &'a ChatMessage,
        world: &World,
        (calls, written): (
            &mut HashMap<&'a str, &'a PastCall>,
            &mut Option<(String, String)>,
        ),
    ) {
        let text = message.text.as_deref().unwrap_or_default();
        match message.speaker {
            Speaker::Assistant => {
                self.turns += 1;
                self.warned = false;
                for call in &message.calls {
                    calls.insert(&call.id, call);
                    self.last_call = Some(call);
                }
                self.answered(text, !message.calls.is_empty(), world, written);
            }
            Speaker::Tool => {
                self.note_warning(text);
                let call = message.call_id.as_deref().and_then(|id| calls.get(id));
                if let Some(call) = call {
                    self.result(call, text, written);
                }
            }
            Speaker::User => {
                self.note_warning(text);
                if self.claims > 0 && text.contains("expected:") {
                    self.hear(text);
                }
            }
            Speaker::System | Speaker::Other(_) => {}
        }
    }

    fn answered(
        &mut self,
        text: &str,
        acted: bool,
        world: &World,
        written: &mut Option<(String, String)>,
    ) {
        if let Some(id) = text.strip_prefix(CLAIM) {
            self.claims += 1;
            let id = id.split('.').next().unwrap_or_default();
            self.tried(id, world, written);
            self.at = Some((id.to_owned(), REWORK));
        } else if let Some((id, phase)) = marked(text).filter(|_| acted) {
            let before = self.at.take();
            if let Some((earlier, _)) = before.filter(|(earlier, _)| *earlier != id) {
                self.tried(&earlier, world, written);
            }
            self.at = Some((id, phase));
        }
    }

    /// A try at a step is over: was it right?
    fn tried(&mut self, id: &str, world: &World, written: &mut Option<(String, String)>) {
        let right = world
            .item(id)
            .zip(written.take())
            .is_some_and(|(item, (path, text))| path == item.path && world.is_right(item, &text));
        self.tries.push(!right);
    }

    fn result(&mut self, call: &PastCall, text: &str, written: &mut Option<(String, String)>) {
        let arguments = call.object().unwrap_or_default();
        let path = arguments["path"].as_str().unwrap_or_default();
        match call.name.as_str() {
            "read_file" => {
                self.seen.insert(path.to_owned(), text.to_owned());
            }
            "write_file" if !is_written(text) => {
                self.refused += 1;
                // The phase is still to be done.
                if let Some((_, phase)) = &mut self.at {
                    *phase = phase.saturating_sub(1);
                }
            }
            "write_file" => {
                self.refused = 0;
                let content = arguments["content"].as_str().unwrap_or_default();
                *written = Some((path.to_owned(), content.to_owned()));
            }
            _ => {}
        }
    }

    fn note_warning(&mut self, text: &str) {
        self.warned |= text.contains("You repeat the same calls");
    }

    fn hear(&mut self, feedback: &str) {
        let count = |needle| feedback.matches(needle).count();
        let prose = count("not met: ");
        if count("expected:") > prose {
            self.reasons.0 += 1;
        }
        if prose > 0 {
            self.reasons.1 += 1;
        }
        self.told.push_str(feedback);
        self.told.push('\n');
    }

    /// How long the context is: its beginning as it is, its turns as they would be with real files.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn measure(
        &mut self,
        opening: &[std::sync::Arc<ChatMessage>],
        request: &Request,
        profile: &Profile,
        nature: &Nature,
    ) {
        let texts = opening.iter().filter_map(|m| m.text.as_ref());
        // A tool takes about a hundred tokens.
        let prompt = texts.map(String::len).sum::<usize>() / 4 + 100 * request.tools.len();
        let (most, left) = nature.compaction;
        self.length = prompt as f64;
        for _ in 0..self.turns {
            self.length += nature.tokens_per_turn;
            if self.length > most * profile.window {
                self.length = left * profile.window;
                self.shortened += 1;
            }
        }
    }
}

/// Adds a mark to a turn that does its part of a step.
pub(crate) fn mark(item: &Item, phase: usize) -> String {
    format!("{MARK}{} {phase}/{PHASES}.", item.id())
}

fn marked(text: &str) -> Option<(String, usize)> {
    let (id, rest) = text.strip_prefix(MARK)?.split_once(' ')?;
    let phase = rest.split('/').next()?.parse().ok()?;
    Some((id.to_owned(), phase))
}

/// Whether the last two answers ended in the same call.
fn repeats(request: &Request) -> bool {
    let mut answers = request
        .messages
        .iter()
        .rev()
        .filter(|message| message.speaker == Speaker::Assistant);
    let (Some(last), Some(before)) = (answers.next(), answers.next()) else {
        return false;
    };
    let call = |message: &ChatMessage| {
        let last = message.calls.last()?;
        Some((last.name.clone(), last.arguments.clone()))
    };
    let last = call(last);
    last.is_some() && last == call(before)
}

/// What `write_file` says when it has written.
fn is_written(result: &str) -> bool {
    [" created: ", " replaced: ", " has this content already"]
        .iter()
        .any(|said| result.contains(said))
}

/// A line without the number that the tool puts before it.
fn content(line: &str) -> &str {
    line.split_once('│').map_or(line, |(_, text)| text)
}

pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = &text[text.find(start)? + start.len()..];
    Some(rest.split(end).next().unwrap_or(rest))
}

/// The first clause that a text names.
pub(crate) fn clause_named(text: &str) -> Option<usize> {
    (0..CLAUSES).find(|at| text.contains(&format!("c{:02}: ", at + 1)))
}

/// Chances at one try at a step, be it an attempt or, after a gate, another round of it.
pub(crate) fn chance_of_try(
    seed: u64,
    world: &World,
    item: &Item,
    (attempt, round): (u64, usize),
) -> Chance {
    Chance::new(seed)
        .about(&world.name)
        .with(item.number as u64)
        .with(attempt)
        .with(round as u64)
}

/// A call as the model sends it.
pub(crate) fn argument(path: &str) -> Value {
    serde_json::json!({ "path": path })
}
