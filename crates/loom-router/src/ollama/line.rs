//! One line of an answer, which is also the whole of one that is not streamed.

use crate::DeltaSink;
use crate::assembly::{Assembly, CallPiece};
use crate::http::{Bad, Took};
use loom_events::{Finish, Usage};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(super) struct Line {
    model: Option<String>,
    message: Option<MessageLine>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MessageLine {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<CallLine>>,
}

#[derive(Debug, Deserialize)]
struct CallLine {
    id: Option<String>,
    function: FunctionLine,
}

#[derive(Debug, Deserialize)]
struct FunctionLine {
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: Value,
}

impl Line {
    /// Whether this is an error where a piece was due; the status has said 200 by then.
    pub(super) fn is_error(&self) -> bool {
        self.error.as_ref().is_some_and(|error| !error.is_null())
    }

    pub(super) fn add_to(
        self,
        assembly: &mut Assembly,
        sink: &mut dyn DeltaSink,
    ) -> Result<Took, Bad> {
        assembly.reported(self.model);
        let message = self.message.unwrap_or_default();
        assembly.thought(&message.thinking.unwrap_or_default(), sink)?;
        assembly.text(&message.content.unwrap_or_default(), sink)?;
        for call in message.tool_calls.into_iter().flatten() {
            // Every call is whole, and each chunk numbers its own from zero, so numbers say nothing.
            assembly.call(
                CallPiece {
                    index: None,
                    id: call.id,
                    name: call.function.name,
                    arguments: call.function.arguments,
                },
                sink,
            )?;
        }
        if !self.done {
            return Ok(Took::Piece);
        }
        if self.eval_count.is_some() || self.prompt_eval_count.is_some() {
            assembly.usage(Usage {
                prompt: self.prompt_eval_count.unwrap_or(0),
                cached: 0,
                completion: self.eval_count.unwrap_or(0),
                estimated: false,
            });
        }
        assembly.finished(match self.done_reason.as_deref() {
            // An answer that ends in calls says `stop` as well.
            Some("stop") | None => Finish::Stop,
            Some("length") => Finish::Length,
            Some(_) => Finish::Other,
        });
        Ok(Took::End)
    }
}
