//! One event of an answer, which is also the whole of one that is not streamed.

use crate::DeltaSink;
use crate::assembly::{Assembly, CallPiece};
use crate::http::{Bad, Took, integer};
use loom_events::{Finish, Usage};
use serde_json::Value;

/// An event; its own `type` says of what kind, and new kinds may come at any time.
#[derive(Debug)]
pub(super) struct Event(Value);

impl Event {
    pub(super) fn read(data: &[u8]) -> Result<Self, Bad> {
        Ok(Self(serde_json::from_slice(data)?))
    }

    pub(super) fn add_to(
        self,
        assembly: &mut Assembly,
        sink: &mut dyn DeltaSink,
    ) -> Result<Took, Bad> {
        let event = self.0;
        match text(&event, "/type") {
            Some("error") => Err(Bad::Reported),
            _ if event.get("error").is_some_and(|error| !error.is_null()) => Err(Bad::Reported),
            Some("message_start") => {
                begun(event.get("message"), assembly);
                Ok(Took::Piece)
            }
            Some("content_block_start") => {
                block(&event, integer(&event, "index"), assembly, sink)?;
                Ok(Took::Piece)
            }
            Some("content_block_delta") => {
                delta(&event, assembly, sink)?;
                Ok(Took::Piece)
            }
            Some("message_delta") => {
                count(event.get("usage"), assembly);
                if let Some(reason) = text(&event, "/delta/stop_reason") {
                    assembly.finished(finish(reason));
                }
                Ok(Took::Piece)
            }
            Some("message_stop") => Ok(Took::End),
            Some("message") => whole(&event, assembly, sink),
            // A ping, the end of a block, or what is not known yet.
            Some(_) => Ok(Took::Piece),
            None => Err(Bad::Malformed("an event has no type".into())),
        }
    }
}

fn begun(message: Option<&Value>, assembly: &mut Assembly) {
    let Some(message) = message else { return };
    assembly.reported(text(message, "/model").map(Into::into));
    count(message.get("usage"), assembly);
}

/// A block begins. That of a call brings its name; its input comes in pieces, and is empty here.
fn block(
    event: &Value,
    index: Option<u64>,
    assembly: &mut Assembly,
    sink: &mut dyn DeltaSink,
) -> Result<(), Bad> {
    let Some(block) = event.get("content_block") else {
        return Ok(());
    };
    match text(block, "/type") {
        Some("tool_use") => assembly.call(call(block, index, Value::Null), sink)?,
        Some("thinking") => assembly.thought(text(block, "/thinking").unwrap_or(""), sink)?,
        _ => assembly.text(text(block, "/text").unwrap_or(""), sink)?,
    }
    Ok(())
}

fn delta(event: &Value, assembly: &mut Assembly, sink: &mut dyn DeltaSink) -> Result<(), Bad> {
    if let Some(piece) = text(event, "/delta/thinking") {
        assembly.thought(piece, sink)?;
    }
    if let Some(piece) = text(event, "/delta/text") {
        assembly.text(piece, sink)?;
    }
    if let Some(piece) = text(event, "/delta/partial_json") {
        let piece = CallPiece {
            index: integer(event, "index"),
            arguments: piece.into(),
            ..CallPiece::default()
        };
        assembly.call(piece, sink)?;
    }
    Ok(())
}

fn whole(message: &Value, assembly: &mut Assembly, sink: &mut dyn DeltaSink) -> Result<Took, Bad> {
    begun(Some(message), assembly);
    let blocks = message.get("content").and_then(Value::as_array);
    for (index, block) in blocks.into_iter().flatten().enumerate() {
        match text(block, "/type") {
            Some("tool_use") => {
                let input = block.get("input").cloned().unwrap_or_default();
                assembly.call(call(block, Some(index as u64), input), sink)?;
            }
            Some("thinking") => assembly.thought(text(block, "/thinking").unwrap_or(""), sink)?,
            _ => assembly.text(text(block, "/text").unwrap_or(""), sink)?,
        }
    }
    assembly.finished(finish(text(message, "/stop_reason").unwrap_or("")));
    Ok(Took::End)
}

fn call(block: &Value, index: Option<u64>, arguments: Value) -> CallPiece {
    CallPiece {
        index,
        id: text(block, "/id").map(Into::into),
        name: text(block, "/name").unwrap_or("").into(),
        arguments,
    }
}

/// The figures so far. Prompt tokens come in three parts: evaluated, read from the cache and written
/// to it. Not every event brings every part, so what is missing stays as it was.
fn count(usage: Option<&Value>, assembly: &mut Assembly) {
    let Some(usage) = usage else { return };
    let before = assembly.counted().unwrap_or_default();
    let part = |name| integer(usage, name);
    let cached = part("cache_read_input_tokens").unwrap_or(before.cached);
    let prompt = part("input_tokens").map_or(before.prompt, |evaluated| {
        let written = part("cache_creation_input_tokens").unwrap_or(0);
        evaluated.saturating_add(cached).saturating_add(written)
    });
    assembly.usage(Usage {
        prompt,
        cached,
        completion: part("output_tokens").unwrap_or(before.completion),
        estimated: false,
    });
}

fn finish(reason: &str) -> Finish {
    match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "tool_use" => Finish::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        _ => Finish::Other,
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}
