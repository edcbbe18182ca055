//! Joins the pieces of calls. Which piece belongs to which call is told in as many ways as there are
//! servers: by number, by id, by order, or not at all.

use crate::{Delta, DeltaSink};
use loom_dialect::{RawArguments, RawCall};
use serde::de::IgnoredAny;
use serde_json::Value;

/// The arguments of one call: a source file of twenty thousand lines. What is longer is refused as
/// cut off, so that it is never run.
const MAX_ARGUMENT_BYTES: usize = 1 << 20;

/// Calls in one answer; a model that needs more has lost the thread.
const MAX_CALLS: usize = 64;

/// Calls beyond [`MAX_CALLS`] that are counted for the model to be told; one that goes on after
/// these does not end by itself.
const MAX_DROPPED_CALLS: usize = 1000;

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

/// The calls of one answer.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<Slot>,
    dropped: usize,
}

/// A call under way.
struct Slot {
    index: Option<u64>,
    call: RawCall,
}

impl CallPiece {
    /// The bytes that it brings. A call of nothing still counts.
    pub(super) fn weight(&self) -> usize {
        self.name.len() + length(&self.arguments) + 1
    }
}

impl Calls {
    /// Takes a piece; gives the name of a call that comes without end.
    pub(super) fn add(&mut self, piece: CallPiece, sink: &mut dyn DeltaSink) -> Option<String> {
        let CallPiece {
            index,
            id,
            name,
            arguments,
        } = piece;
        let id = id.filter(|id| !id.is_empty());
        let place = self.place_of(index, id.as_deref(), &name);
        let slot = match place {
            Some(place) => &mut self.calls[place],
            None if self.calls.len() >= MAX_CALLS => {
                self.dropped += 1;
                return (self.dropped > MAX_DROPPED_CALLS).then_some(name);
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
        None
    }

    /// The call that a piece belongs to; none when it begins a new one.
    ///
    /// A piece belongs to the call of its index, or without an index to the last one. It begins a
    /// new one when it brings another id than that call has, or a name when that call already has
    /// arguments: some servers give every call the index 0, some give none. One that goes on in the
    /// middle of the arguments goes on, whatever its id: some give every piece one of its own, or the
    /// name once more.
    fn place_of(&self, index: Option<u64>, id: Option<&str>, name: &str) -> Option<usize> {
        let same = |slot: &Slot| index.is_none() || slot.index.is_none() || slot.index == index;
        let place = self.calls.iter().rposition(same)?;
        let call = &self.calls[place].call;
        let other_id = matches!((id, call.id.as_deref()), (Some(new), Some(old)) if new != old);
        let open = index.is_some() && is_open(&call.arguments);
        let goes_on = open && (name.is_empty() || (name == call.name && !other_id));
        let same_id = id.is_some() && id == call.id.as_deref();
        let begun = !matches!(&call.arguments, RawArguments::Text(text) if text.is_empty());
        let begins = !goes_on && (other_id || (!same_id && !name.is_empty() && begun));
        (!begins).then_some(place)
    }

    /// The arguments of each.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &RawArguments> {
        self.calls.iter().map(|slot| &slot.call.arguments)
    }

    /// Each as it was written, for the record.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        self.calls.iter().map(|slot| {
            let arguments = match &slot.call.arguments {
                RawArguments::Text(text) | RawArguments::TooLong(text) => text.clone(),
                RawArguments::Value(value) => value.to_string(),
            };
            format!("{} {arguments}", slot.call.name)
        })
    }

    /// All of them, and how many more there were.
    pub(super) fn finish(self) -> (Vec<RawCall>, usize) {
        let calls = self.calls.into_iter().map(|slot| slot.call).collect();
        (calls, self.dropped)
    }
}

/// Whether arguments have begun and are not at their end.
fn is_open(arguments: &RawArguments) -> bool {
    matches!(arguments, RawArguments::Text(text)
        if serde_json::from_str::<IgnoredAny>(text).is_err_and(|error| error.is_eof()))
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
        let mut calls = Calls::default();
        for piece in pieces {
            calls.add(piece, &mut Discard);
        }
        let calls = calls.finish().0.into_iter().map(|call| {
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
    fn an_id_for_each_piece_parts_no_call_but_a_whole_one_ends_it() {
        let pieces = [
            piece(0, "a", "f", json!("{\"x\":")),
            piece(0, "b", "", json!("1")),
            piece(0, "c", "", json!("}")),
        ];
        assert_eq!(calls(pieces), ["a f {\"x\":1}"]);
        let pieces = [
            piece(0, "a", "f", json!("{}")),
            piece(0, "b", "", json!("{\"x\":1}")),
        ];
        assert_eq!(calls(pieces), ["a f {}", "b  {\"x\":1}"]);
        let pieces = [
            piece(0, "a", "f", json!("{\"x\":")),
            piece(0, "", "f", json!("1}")),
            piece(0, "b", "f", json!("{}")),
        ];
        assert_eq!(calls(pieces), ["a f {\"x\":1}", "b f {}"]);
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

        let mut calls = Calls::default();
        for number in 0..500 {
            calls.add(piece(number, "", "f", json!("{}")), &mut Discard);
        }
        let (kept, dropped) = calls.finish();
        assert_eq!((kept.len(), dropped), (64, 436));
    }
}
