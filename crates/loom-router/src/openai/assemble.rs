//! Joins the pieces of a streamed answer, whatever order and form they come in, within bounds.

use super::wire::{CallChunk, Chunk, DeltaChunk, UsageChunk};
use crate::repetition::Guard;
use crate::{Delta, DeltaSink};
use loom_dialect::{RawAnswer, RawArguments, RawCall, Watcher};
use loom_events::{Finish, Usage};
use serde_json::Value;

/// Everything that is kept of one answer. A model that writes ten times what any context holds is
/// not writing an answer.
pub(super) const MAX_ANSWER_BYTES: usize = 8 << 20;

/// The arguments of one call: a source file of twenty thousand lines. What is longer is refused as
/// cut off, so that it is never run.
const MAX_ARGUMENT_BYTES: usize = 1 << 20;

/// Calls in one answer; a model that needs more has lost the thread.
const MAX_CALLS: usize = 64;

/// Calls beyond [`MAX_CALLS`] that are counted for the model to be told; one that goes on after
/// these does not end by itself.
const MAX_DROPPED_CALLS: usize = 1000;

/// Why an answer is not read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Abort {
    /// It is larger than [`MAX_ANSWER_BYTES`].
    TooLarge,
    /// It says this over and over.
    Repeating(String),
}

/// An answer under way.
#[derive(Default)]
pub(super) struct Assembly {
    text: String,
    thought: String,
    calls: Vec<Slot>,
    dropped_calls: usize,
    finish: Option<Finish>,
    usage: Option<UsageChunk>,
    reported: Option<String>,
    kept: usize,
    watcher: Watcher,
    text_guard: Guard,
    thought_guard: Guard,
}

/// A complete answer.
pub(super) struct Done {
    pub(super) answer: RawAnswer,
    pub(super) usage: Option<Usage>,
    pub(super) reported: Option<String>,
}

/// A call under way.
struct Slot {
    index: Option<u64>,
    call: RawCall,
}

impl Assembly {
    /// Takes the next piece. True when it brought something of the answer.
    pub(super) fn take(&mut self, chunk: Chunk, sink: &mut dyn DeltaSink) -> Result<bool, Abort> {
        self.usage = chunk.usage.or(self.usage);
        self.reported = chunk.model.or(self.reported.take());
        let mut progress = false;
        for choice in chunk.choices.into_iter().flatten() {
            if choice.index.unwrap_or(0) != 0 {
                // A second answer was not asked for.
                continue;
            }
            if let Some(delta) = choice.delta {
                progress |= self.delta(delta, sink)?;
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.finish = Some(finish(&reason));
                progress = true;
            }
        }
        Ok(progress)
    }

    fn delta(&mut self, delta: DeltaChunk, sink: &mut dyn DeltaSink) -> Result<bool, Abort> {
        let before = self.kept;
        let thought = delta.thought();
        if !thought.is_empty() {
            sink.delta(Delta::Thought(&thought));
            self.keep(thought.len())?;
            self.thought.push_str(&thought);
            check(self.thought_guard.piece(&thought))?;
        }
        let text = delta.text();
        if !text.is_empty() {
            self.keep(text.len())?;
            self.watcher.piece(&text, sink);
            self.text.push_str(&text);
            check(self.text_guard.piece(&text))?;
        }
        for call in delta.tool_calls.into_iter().flatten() {
            self.call(call, sink)?;
        }
        Ok(self.kept > before)
    }

    fn call(&mut self, piece: CallChunk, sink: &mut dyn DeltaSink) -> Result<(), Abort> {
        let id = piece.id.filter(|id| !id.is_empty());
        let function = piece.function.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let arguments = function.arguments.unwrap_or(Value::Null);
        self.keep(name.len() + length(&arguments) + 1)?;
        let place = self.place_of(piece.index, id.as_deref(), &name);
        let slot = match place {
            Some(place) => &mut self.calls[place],
            None if self.calls.len() >= MAX_CALLS => {
                self.dropped_calls += 1;
                if self.dropped_calls > MAX_DROPPED_CALLS {
                    return Err(Abort::Repeating(name));
                }
                return Ok(());
            }
            None => {
                let slot = Slot {
                    index: piece.index,
                    call: RawCall::default(),
                };
                self.calls.push(slot);
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

    /// Whether the server has said why the model stopped.
    pub(super) const fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// How much the model has written, in bytes.
    pub(super) const fn written(&self) -> u64 {
        self.kept as u64
    }

    /// The answer, at the end of the stream.
    pub(super) fn finish(self) -> Done {
        Done {
            answer: RawAnswer {
                text: self.text,
                thought: self.thought,
                calls: self.calls.into_iter().map(|slot| slot.call).collect(),
                dropped_calls: self.dropped_calls,
                finish: self.finish.unwrap_or(Finish::Other),
            },
            usage: self.usage.and_then(UsageChunk::figures),
            reported: self.reported,
        }
    }
}

fn check(repeated: Option<String>) -> Result<(), Abort> {
    repeated.map_or(Ok(()), |unit| Err(Abort::Repeating(unit)))
}

fn finish(reason: &str) -> Finish {
    match reason {
        "stop" | "end_turn" | "eos" => Finish::Stop,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "length" | "max_tokens" => Finish::Length,
        _ => Finish::Other,
    }
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

    fn chunk(delta: Value) -> Chunk {
        serde_json::from_value(json!({"choices": [{"index": 0, "delta": delta}]})).unwrap()
    }

    /// Each call as `id name arguments`, from pieces of `tool_calls`.
    fn calls(pieces: &[Value]) -> Vec<String> {
        let mut assembly = Assembly::default();
        for piece in pieces {
            let chunk = chunk(json!({"tool_calls": [piece]}));
            assembly.take(chunk, &mut Discard).unwrap();
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

    fn piece(index: Value, id: Value, name: Value, arguments: Value) -> Value {
        json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}})
    }

    #[test]
    fn pieces_are_joined_by_index_even_when_they_alternate() {
        let null = Value::Null;
        let pieces = [
            piece(json!(0), json!("a"), json!("f"), json!("{")),
            piece(json!(1), json!("b"), json!("g"), json!("[")),
            piece(json!(0), null.clone(), null.clone(), json!("}")),
            piece(json!(1), null.clone(), null, json!("]")),
        ];
        assert_eq!(calls(&pieces), ["a f {}", "b g []"]);
    }

    #[test]
    fn another_id_or_a_new_name_after_arguments_begins_a_new_call() {
        let pieces = [
            piece(json!(0), json!("a"), json!("f"), json!("{}")),
            piece(json!(0), json!("b"), json!("f"), json!("{}")),
        ];
        assert_eq!(calls(&pieces), ["a f {}", "b f {}"]);
        let null = Value::Null;
        let pieces = [
            piece(null.clone(), null.clone(), json!("f"), json!({"x": 1})),
            piece(null.clone(), null.clone(), json!("f"), json!({"x": 2})),
        ];
        assert_eq!(calls(&pieces), [" f = {\"x\":1}", " f = {\"x\":2}"]);
    }

    #[test]
    fn a_repeated_name_and_pieces_without_index_belong_to_the_last_call() {
        let null = Value::Null;
        let pieces = [
            piece(null.clone(), json!("a"), json!("f"), json!("")),
            piece(null.clone(), null.clone(), json!("f"), json!("{")),
            piece(null.clone(), json!("a"), json!("f"), json!("\"x\":")),
            piece(null.clone(), null.clone(), null, json!("1}")),
        ];
        assert_eq!(calls(&pieces), ["a f {\"x\":1}"]);
    }

    #[test]
    fn arguments_beyond_the_bound_are_marked_and_calls_beyond_it_are_counted() {
        let long = "x".repeat(MAX_ARGUMENT_BYTES + 1);
        let pieces = [
            piece(json!(0), json!("a"), json!("f"), json!(long)),
            piece(json!(0), Value::Null, Value::Null, json!("}")),
        ];
        assert_eq!(calls(&pieces), ["a f 1048576 bytes"]);

        let mut assembly = Assembly::default();
        for number in 0..500 {
            let call = piece(json!(number), Value::Null, json!("f"), json!("{}"));
            let chunk = chunk(json!({"tool_calls": [call]}));
            assembly.take(chunk, &mut Discard).unwrap();
        }
        let answer = assembly.finish().answer;
        assert_eq!((answer.calls.len(), answer.dropped_calls), (64, 436));
    }

    #[test]
    fn an_answer_without_end_is_given_up() {
        let mut assembly = Assembly::default();
        let mut last = Ok(true);
        for number in 0.. {
            let lines = (0..1000).map(|line| format!("{number}/{line} "));
            let text: String = lines.collect();
            last = assembly.take(chunk(json!({"content": text})), &mut Discard);
            if last.is_err() {
                break;
            }
        }
        assert_eq!(last, Err(Abort::TooLarge));
    }

    #[test]
    fn thoughts_come_under_two_names_and_content_may_be_in_parts() {
        let mut assembly = Assembly::default();
        for delta in [
            json!({"role": "assistant", "content": null}),
            json!({"reasoning_content": "a"}),
            json!({"reasoning": "b"}),
            json!({"reasoning_content": "c", "reasoning": "c"}),
            json!({"content": [{"type": "text", "text": "yes"}]}),
        ] {
            assembly.take(chunk(delta), &mut Discard).unwrap();
        }
        let answer = assembly.finish().answer;
        assert_eq!(
            (answer.thought.as_str(), answer.text.as_str()),
            ("abc", "yes")
        );
    }

    #[test]
    fn empty_chunks_are_no_progress() {
        let mut assembly = Assembly::default();
        for text in [
            r#"{"choices":[]}"#,
            r#"{}"#,
            r#"{"choices":null,"usage":null}"#,
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
        ] {
            let chunk = serde_json::from_str(text).unwrap();
            assert_eq!(assembly.take(chunk, &mut Discard), Ok(false), "{text}");
        }
    }
}
