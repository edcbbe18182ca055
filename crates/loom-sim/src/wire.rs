//! Answers as JSON on the wire, in the shape of `llama-server`.

use crate::conversations::{PromptStats, tokens};
use crate::reply::{Call, Reply};
use crate::server::SimModel;
use serde_json::{Value, json};

/// Characters a chunk of text or arguments carries: a few words, so that a short answer has several.
const CHUNK_CHARS: usize = 24;

/// Seconds since 1970 that every answer is dated with: answers must not depend on the clock.
const CREATED: u64 = 1_700_000_000;

/// What an answer needs to know of its request.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) number: u64,
    pub(crate) model: String,
    pub(crate) turn: usize,
    pub(crate) stats: PromptStats,
}

impl Frame {
    /// The answer in one piece.
    pub(crate) fn completion(&self, reply: &Reply) -> Value {
        let mut message = json!({"role": "assistant", "content": reply.text});
        if let Some(thought) = &reply.thought {
            message["reasoning_content"] = json!(thought);
        }
        if !reply.calls.is_empty() {
            let calls = reply.calls.iter().enumerate();
            message["tool_calls"] = calls
                .map(|(index, call)| {
                    json!({"id": self.call_id(index), "type": "function",
                           "function": {"name": call.name, "arguments": call.arguments}})
                })
                .collect();
        }
        let choice =
            json!({"index": 0, "message": message, "finish_reason": reply.finish().name()});
        let mut answer = self.envelope("chat.completion", json!([choice]));
        answer["usage"] = self.usage(reply);
        answer
    }

    /// The answer as chunks of a stream, without the `[DONE]` that ends it.
    pub(crate) fn chunks(&self, reply: &Reply, include_usage: bool) -> Vec<Value> {
        let mut chunks = vec![self.chunk(&json!({"role": "assistant", "content": null}), None)];
        let text = |key: &str, text: &str| -> Vec<Value> {
            let pieces = pieces(text).into_iter();
            pieces
                .map(|piece| self.chunk(&json!({ key: piece }), None))
                .collect()
        };
        chunks.extend(text(
            "reasoning_content",
            reply.thought.as_deref().unwrap_or_default(),
        ));
        chunks.extend(text("content", &reply.text));
        for (index, call) in reply.calls.iter().enumerate() {
            chunks.extend(self.call_chunks(index, call));
        }
        chunks.push(self.chunk(&json!({}), Some(reply.finish().name())));
        if include_usage {
            let mut last = self.envelope("chat.completion.chunk", json!([]));
            last["usage"] = self.usage(reply);
            chunks.push(last);
        }
        chunks
    }

    /// The first piece names the call, the others only go on with its arguments.
    fn call_chunks(&self, index: usize, call: &Call) -> Vec<Value> {
        let pieces = pieces(&call.arguments);
        let (first, rest) = match pieces.split_first() {
            Some((first, rest)) => (*first, rest),
            None => ("", &[][..]),
        };
        let named = json!({"index": index, "id": self.call_id(index), "type": "function",
                           "function": {"name": call.name, "arguments": first}});
        let more = rest
            .iter()
            .map(|piece| json!({"index": index, "function": {"arguments": piece}}));
        std::iter::once(named)
            .chain(more)
            .map(|call| self.chunk(&json!({"tool_calls": [call]}), None))
            .collect()
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Value {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        self.envelope("chat.completion.chunk", json!([choice]))
    }

    fn envelope(&self, object: &str, choices: Value) -> Value {
        json!({"id": format!("chatcmpl-{}", self.number), "object": object, "created": CREATED,
               "model": self.model, "system_fingerprint": "loom-sim", "choices": choices})
    }

    /// The same for the same turn, so that an answer that is asked for twice is the same to the byte.
    fn call_id(&self, index: usize) -> String {
        format!("call{:05}{index:02}", self.turn)
    }

    fn usage(&self, reply: &Reply) -> Value {
        let calls: usize = reply
            .calls
            .iter()
            .map(|call| call.name.len() + call.arguments.len())
            .sum();
        let written = reply.text.len() + reply.thought.as_ref().map_or(0, String::len) + calls;
        let (prompt, completion) = (self.stats.prompt_tokens, tokens(written).max(1));
        json!({"prompt_tokens": prompt, "completion_tokens": completion,
               "total_tokens": prompt + completion,
               "prompt_tokens_details": {"cached_tokens": self.stats.cached_tokens}})
    }
}

/// The list of models, in OpenAI's shape with `llama-server`'s `meta`.
pub(crate) fn models(models: &[SimModel]) -> Value {
    let data: Vec<_> = models
        .iter()
        .map(|model| {
            let mut row = json!({"id": model.id, "object": "model", "created": CREATED, "owned_by": "loom-sim"});
            if let Some(context) = model.context {
                row["meta"] = json!({"n_ctx": context, "n_ctx_train": context});
            }
            row
        })
        .collect();
    json!({"object": "list", "data": data})
}

/// The body of an error.
pub(crate) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        503 => "unavailable_error",
        _ => "server_error",
    };
    json!({"error": {"code": status, "message": message, "type": kind}})
}

/// A prompt that does not fit, with both figures.
pub(crate) fn context_exceeded(prompt: usize, context: usize) -> Value {
    let message = format!(
        "request ({prompt} tokens) exceeds the available context size ({context} tokens), try increasing it"
    );
    json!({"error": {"code": 400, "message": message, "type": "exceed_context_size_error",
                     "n_prompt_tokens": prompt, "n_ctx": context}})
}

fn pieces(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .nth(CHUNK_CHARS)
            .map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text_and_respect_characters() {
        let text = "ä€𝄞 and so on, ".repeat(9);
        assert_eq!(pieces(&text).concat(), text);
        assert!(pieces(&text).len() > 4);
        assert!(pieces("").is_empty());
    }
}
