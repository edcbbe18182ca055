//! Joins the pieces of an answer, whatever protocol, order and form they come in, within bounds.

use crate::repetition::Guard;
use crate::{Delta, DeltaSink};
use loom_dialect::{RawAnswer, RawArguments, RawCall, Watcher};
use loom_events::{Finish, Usage};
use serde_json::Value;

/// Everything that is kept of one answer. A model that writes ten times what any context holds is
/// not writing an answer.
pub(crate) const MAX_ANSWER_BYTES: usize = 8 << 20;

/// The arguments of one call: a source file of twenty thousand lines. What is longer is refused as
/// cut off, so that it is never run.
const MAX_ARGUMENT_BYTES: usize = 1 << 20;

/// Calls in one answer; a model that needs more has lost the thread.
const MAX_CALLS: usize = 64;

/// What is kept of an answer that came to no end: enough to see what the model was about.
const MAX_PARTIAL_BYTES: usize = 64 << 10;

/// Bytes of a token, where nobody counts them: between code and prose.
pub(crate) const BYTES_PER_TOKEN: u64 = 4;

/// What opens a thought in the text, for the watcher of a stream that begins inside of one.
const OPENED: &str = "<think>";

/// Why an answer is not read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// It is larger than [`MAX_ANSWER_BYTES`].
    TooLarge,
    /// It says this over and over.
    Repeating(String),
    /// It has thought for more tokens than it may.
    Overthinking(u32),
}

/// An answer under way.
#[derive(Default)]
pub(crate) struct Assembly {
    text: String,
    thought: String,
    calls: Vec<Slot>,
    dropped_calls: usize,
    finish: Option<Finish>,
    usage: Option<Usage>,
    reported: Option<String>,
    kept: usize,
    thought_bytes: u64,
    limits: Limits,
    watcher: Watcher,
    text_guard: Guard,
    thought_guard: Guard,
}

/// What is known of an answer before it begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Whether it begins inside of a thought that the template has opened.
    pub(crate) in_thought: bool,
    /// Tokens that it may think for.
    pub(crate) thoughts: Option<u32>,
}

/// A complete answer.
pub(crate) struct Done {
    pub(crate) answer: RawAnswer,
    pub(crate) usage: Option<Usage>,
    pub(crate) reported: Option<String>,
}

/// A piece of a call, or the whole of it.
#[derive(Debug, Default)]
pub(crate) struct CallPiece {
    /// The server's number for it.
    pub(crate) index: Option<u64>,
    /// The server's id for it.
    pub(crate) id: Option<String>,
    /// The name, or a part of it.
    pub(crate) name: String,
    /// A part of the arguments as text, or all of them as an object.
    pub(crate) arguments: Value,
}

/// A call under way.
struct Slot {
    index: Option<u64>,
    call: RawCall,
}

/// Counts what of a stream is thought, on its way to who watches.
struct Tally<'a> {
    sink: &'a mut dyn DeltaSink,
    thought_bytes: &'a mut u64,
}

impl DeltaSink for Tally<'_> {
    fn delta(&mut self, delta: Delta<'_>) {
        if let Delta::Thought(thought) = delta {
            *self.thought_bytes += thought.len() as u64;
        }
        self.sink.delta(delta);
    }
}

impl Assembly {
    /// An answer of which nothing has come.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes a piece that the server says is thought.
    pub(crate) fn thought(&mut self, piece: &str, sink: &mut dyn DeltaSink) -> Result<(), Abort> {
        if piece.is_empty() {
            return Ok(());
        }
        sink.delta(Delta::Thought(piece));
        self.keep(piece.len())?;
        self.thought_bytes += piece.len() as u64;
        self.thought.push_str(piece);
        check(self.thought_guard.piece(piece))?;
        self.within_thoughts()
    }

    /// Takes a piece of text, in which there may be thoughts too.
    pub(crate) fn text(&mut self, piece: &str, sink: &mut dyn DeltaSink) -> Result<(), Abort> {
        if piece.is_empty() {
            return Ok(());
        }
        self.keep(piece.len())?;
        let mut tally = Tally {
            sink,
            thought_bytes: &mut self.thought_bytes,
        };
        // Thoughts that came apart before the text were those that the template had opened.
        if self.text.is_empty() && self.limits.in_thought && self.thought.is_empty() {
            self.watcher.piece(OPENED, &mut tally);
        }
        self.watcher.piece(piece, &mut tally);
        self.text.push_str(piece);
        check(self.text_guard.piece(piece))?;
        self.within_thoughts()
    }

    /// Takes a piece of a call.
    pub(crate) fn call(&mut self, piece: CallPiece, sink: &mut dyn DeltaSink) -> Result<(), Abort> {
        let CallPiece {
            index,
            id,
            name,
            arguments,
        } = piece;
        let id = id.filter(|id| !id.is_empty());
        self.keep(name.len() + length(&arguments) + 1)?;
        let place = self.place_of(index, id.as_deref(), &name);
        let slot = match place {
            Some(place) => &mut self.calls[place],
            None if self.calls.len() >= MAX_CALLS => {
                self.dropped_calls += 1;
                return Ok(());
            }
            None => {
                self.calls.push(Slot {
                    index,
                    call: RawCall::default(),
                });
                self.calls.last_mut().expect("BUG: just pushed")
            }
        };
        if slot.call.id.is_none() {
            slot.call.id = id;
        }
        if !name.is_empty() && slot.call.name != name {
            slot.call.name.push_str(&name);
            sink.delta(Delta::Call(&slot.call.name));
        }
        add_arguments(&mut slot.call.arguments, arguments);
        Ok(())
    }

    /// Takes why the model stopped.
    pub(crate) const fn finished(&mut self, finish: Finish) {
        self.finish = Some(finish);
    }

    /// Takes what the server counted; the last figures count.
    pub(crate) const fn usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    /// What the server has counted so far.
    pub(crate) const fn counted(&self) -> Option<Usage> {
        self.usage
    }

    /// Takes the model's id as the server gives it.
    pub(crate) fn reported(&mut self, id: Option<String>) {
        self.reported = id.or(self.reported.take());
    }

    /// The call that a piece belongs to; none when it begins a new one.
    ///
    /// A piece belongs to the call of its index, or without an index to the last one. It begins a
    /// new one when it brings another id than that call has, or a name when that call already has
    /// arguments: some servers give every call the index 0, some give none.
    fn place_of(&self, index: Option<u64>, id: Option<&str>, name: &str) -> Option<usize> {
        let same = |slot: &Slot| index.is_none() || slot.index.is_none() || slot.index == index;
        let place = self.calls.iter().rposition(same)?;
        let call = &self.calls[place].call;
        let other_id = matches!((id, call.id.as_deref()), (Some(new), Some(old)) if new != old);
        let same_id = id.is_some() && id == call.id.as_deref();
        let begun = !matches!(&call.arguments, RawArguments::Text(text) if text.is_empty());
        let begins = other_id || (!same_id && !name.is_empty() && begun);
        (!begins).then_some(place)
    }

    fn keep(&mut self, bytes: usize) -> Result<(), Abort> {
        self.kept = self.kept.saturating_add(bytes);
        if self.kept > MAX_ANSWER_BYTES {
            return Err(Abort::TooLarge);
        }
        Ok(())
    }

    /// Servers tell the number of thought tokens at the end, if at all, so it is estimated.
    fn within_thoughts(&self) -> Result<(), Abort> {
        match self.limits.thoughts {
            Some(limit) if self.thought_bytes > u64::from(limit) * BYTES_PER_TOKEN => {
                Err(Abort::Overthinking(limit))
            }
            _ => Ok(()),
        }
    }

    /// Whether the server has said why the model stopped.
    pub(crate) const fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Why the model stopped.
    pub(crate) const fn reason(&self) -> Option<Finish> {
        self.finish
    }

    /// The arguments of the calls so far.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &RawArguments> {
        self.calls.iter().map(|slot| &slot.call.arguments)
    }

    /// How much the model has written, in bytes.
    pub(crate) const fn written(&self) -> u64 {
        self.kept as u64
    }

    /// What has come so far, for the record of an answer that came to no end.
    pub(crate) fn partial(&self) -> Option<String> {
        let calls = self.calls.iter().map(|slot| {
            let arguments = match &slot.call.arguments {
                RawArguments::Text(text) | RawArguments::TooLong(text) => text.clone(),
                RawArguments::Value(value) => value.to_string(),
            };
            format!("{} {arguments}", slot.call.name)
        });
        let mut parts = vec![self.thought.clone(), self.text.clone()];
        parts.extend(calls);
        parts.retain(|part| !part.trim().is_empty());
        let mut partial = parts.join("\n\n");
        partial.truncate(partial.floor_char_boundary(MAX_PARTIAL_BYTES));
        (!partial.is_empty()).then_some(partial)
    }

    /// The answer, at the end of the stream.
    pub(crate) fn finish(self) -> Done {
        Done {
            answer: RawAnswer {
                text: self.text,
                thought: self.thought,
                calls: self.calls.into_iter().map(|slot| slot.call).collect(),
                dropped_calls: self.dropped_calls,
                finish: self.finish.unwrap_or(Finish::Other),
            },
            usage: self.usage,
            reported: self.reported,
        }
    }
}

fn check(repeated: Option<String>) -> Result<(), Abort> {
    repeated.map_or(Ok(()), |unit| Err(Abort::Repeating(unit)))
}

fn length(arguments: &Value) -> usize {
    match arguments {
        Value::Null => 0,
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

/// Adds a piece of text, or takes a whole value. A second value is a second call's: joined as text
/// the two are no JSON object, so that neither runs.
fn add_arguments(arguments: &mut RawArguments, piece: Value) {
    let piece = match piece {
        Value::Null => return,
        Value::String(text) => text,
        value => {
            if matches!(arguments, RawArguments::Text(text) if text.is_empty()) {
                *arguments = RawArguments::Value(value);
                return;
            }
            value.to_string()
        }
    };
    let mut text = match std::mem::take(arguments) {
        RawArguments::TooLong(text) => {
            *arguments = RawArguments::TooLong(text);
            return;
        }
        RawArguments::Text(text) => text,
        RawArguments::Value(value) => value.to_string(),
    };
    text.push_str(&piece);
    *arguments = if text.len() > MAX_ARGUMENT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_ARGUMENT_BYTES));
        RawArguments::TooLong(text)
    } else {
        RawArguments::Text(text)
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Discard;
    use serde_json::json;

    /// Each call as `id name arguments`.
    fn calls(pieces: impl IntoIterator<Item = CallPiece>) -> Vec<String> {
        let mut assembly = Assembly::default();
        for piece in pieces {
            assembly.call(piece, &mut Discard).unwrap();
        }
        let calls = assembly.finish().answer.calls.into_iter().map(|call| {
            let arguments = match call.arguments {
                RawArguments::Text(text) => text,
                RawArguments::Value(value) => format!("= {value}"),
                RawArguments::TooLong(text) => format!("{} bytes", text.len()),
            };
            format!("{} {} {arguments}", call.id.unwrap_or_default(), call.name)
        });
        calls.collect()
    }

    fn piece(index: impl Into<Option<u64>>, id: &str, name: &str, arguments: Value) -> CallPiece {
        CallPiece {
            index: index.into(),
            id: Some(id.into()),
            name: name.into(),
            arguments,
        }
    }

    #[test]
    fn pieces_are_joined_by_index_even_when_they_alternate() {
        let pieces = [
            piece(0, "a", "f", json!("{")),
            piece(1, "b", "g", json!("[")),
            piece(0, "", "", json!("}")),
            piece(1, "", "", json!("]")),
        ];
        assert_eq!(calls(pieces), ["a f {}", "b g []"]);
    }

    #[test]
    fn another_id_or_a_new_name_after_arguments_begins_a_new_call() {
        let pieces = [
            piece(0, "a", "f", json!("{}")),
            piece(0, "b", "f", json!("{}")),
        ];
        assert_eq!(calls(pieces), ["a f {}", "b f {}"]);
        let pieces = [
            piece(None, "", "f", json!({"x": 1})),
            piece(None, "", "f", json!({"x": 2})),
        ];
        assert_eq!(calls(pieces), [" f = {\"x\":1}", " f = {\"x\":2}"]);
    }

    #[test]
    fn a_repeated_name_and_pieces_without_index_belong_to_the_last_call() {
        let pieces = [
            piece(None, "a", "f", json!("")),
            piece(None, "", "f", json!("{")),
            piece(None, "a", "f", json!("\"x\":")),
            piece(None, "", "", json!("1}")),
        ];
        assert_eq!(calls(pieces), ["a f {\"x\":1}"]);
    }

    #[test]
    fn arguments_beyond_the_bound_are_marked_and_calls_beyond_it_are_counted() {
        let long = "x".repeat(MAX_ARGUMENT_BYTES + 1);
        let pieces = [
            piece(0, "a", "f", json!(long)),
            piece(0, "", "", json!("}")),
        ];
        assert_eq!(calls(pieces), ["a f 1048576 bytes"]);

        let mut assembly = Assembly::default();
        for number in 0..500 {
            let call = piece(number, "", "f", json!("{}"));
            assembly.call(call, &mut Discard).unwrap();
        }
        let answer = assembly.finish().answer;
        assert_eq!((answer.calls.len(), answer.dropped_calls), (64, 436));
    }

    #[test]
    fn an_answer_without_end_is_given_up() {
        let mut assembly = Assembly::default();
        let mut last = Ok(());
        for number in 0.. {
            let text: String = (0..1000).map(|line| format!("{number}/{line} ")).collect();
            last = assembly.text(&text, &mut Discard);
            if last.is_err() {
                break;
            }
        }
        assert_eq!(last, Err(Abort::TooLarge));
        assert_eq!(
            assembly.partial().map(|text| text.len()),
            Some(MAX_PARTIAL_BYTES)
        );
    }

    #[test]
    fn thoughts_are_bounded_wherever_they_stand_and_text_is_not() {
        let limits = |in_thought| Limits {
            in_thought,
            thoughts: Some(2),
        };
        let over = Err(Abort::Overthinking(2));
        let apart = Assembly::new(limits(false)).thought("nine byte", &mut Discard);
        assert_eq!(apart, over);
        let text = |in_thought, text| Assembly::new(limits(in_thought)).text(text, &mut Discard);
        assert_eq!(text(false, "<think>nine byte"), over);
        assert_eq!(text(true, "nine byte, and more than a mark"), over);
        assert_eq!(text(false, "nine byte, and more than a mark"), Ok(()));
    }
}
