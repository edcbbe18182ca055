//! Structured answers: asked for with a schema, validated, asked for once more with the exact errors.

use crate::{
    CallError, ChatReply, ChatRequest, Discard, JsonSchema, NoModel, Router, ToolChoice, Tried,
};
use loom_dialect::read_object;
use loom_events::{Answer, Failure, FailureClass, Latency, Message, Role, Tier, ToolSpec};
use serde_json::Value;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// An error repeats the value it is about, which may be half the answer.
const MAX_ERROR_BYTES: usize = 1200;

/// A JSON answer that fits its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonReply {
    /// The object.
    pub value: Value,
    /// The reply that held it. Its usage and total time include the first answer when two were needed.
    pub reply: ChatReply,
    /// Whether the model had to be asked twice.
    pub asked_again: bool,
    /// Fallbacks taken, such as another model; the caller records each as `degraded`.
    pub degraded: Vec<String>,
}

/// Why there is no JSON answer.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum JsonError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no model to ask.
    #[error(transparent)]
    NoModel(#[from] NoModel),
    /// Two answers did not fit.
    #[error("get an answer of model {model} that fits the schema `{schema}`: {}", errors.join("; "))]
    Invalid {
        /// Name of the entry.
        model: String,
        /// Name of the schema.
        schema: String,
        /// What was wrong with the second answer.
        errors: Vec<String>,
        /// The second answer; its usage and total time include the first.
        reply: Box<ChatReply>,
    },
    /// The schema itself is none.
    #[error("use the schema `{schema}`: {reason}")]
    BadSchema {
        /// Name of the schema.
        schema: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl JsonError {
    /// The failure as it is journaled.
    #[must_use]
    pub fn to_failure(&self) -> Failure {
        let class = match self {
            Self::Call(error) => return error.to_failure(),
            Self::NoModel(error) => return error.to_failure(),
            Self::Invalid { .. } => FailureClass::Model,
            Self::BadSchema { .. } => FailureClass::Environment,
        };
        Failure {
            class,
            message: format!("failed to {self}"),
            retry_after_ms: None,
        }
    }
}

impl Router {
    /// Asks the model of that name for an object that fits the schema. Tools are not offered.
    ///
    /// # Errors
    /// See [`JsonError`].
    pub async fn json(
        &self,
        model: &str,
        schema: &JsonSchema,
        request: &ChatRequest,
        cancel: &CancellationToken,
    ) -> Result<JsonReply, JsonError> {
        self.json_asking(Asks::Twice, model, schema, request, cancel)
            .await
    }

    async fn json_asking(
        &self,
        asks: Asks,
        model: &str,
        schema: &JsonSchema,
        request: &ChatRequest,
        cancel: &CancellationToken,
    ) -> Result<JsonReply, JsonError> {
        sound(schema)?;
        let mut request = ChatRequest {
            tools: Vec::new(),
            tool_choice: ToolChoice::None,
            schema: Some(schema.clone()),
            ..request.clone()
        };
        let first = self.chat(model, &request, &mut Discard, cancel).await?;
        let errors = match read(schema, &first) {
            Ok(value) => return Ok(accepted(value, first, false)),
            Err(errors) => errors,
        };
        if asks == Asks::Once {
            return Err(invalid(model, schema, errors, first));
        }
        ask_again(&mut request, schema, &first.answer, &errors);
        let second = self.chat(model, &request, &mut Discard, cancel).await?;
        let second = including(second, &first);
        match read(schema, &second) {
            Ok(value) => Ok(accepted(value, second, true)),
            Err(errors) => Err(invalid(model, schema, errors, second)),
        }
    }

    /// The same by role: falls back to the next candidate when a model cannot be called. Answers that
    /// do not fit are the model's fault and returned; whether a larger one is asked is the caller's to say.
    ///
    /// # Errors
    /// See [`JsonError`].
    pub async fn json_for(
        &self,
        role: Role,
        min_tier: Tier,
        schema: &JsonSchema,
        request: &ChatRequest,
        cancel: &CancellationToken,
    ) -> Result<JsonReply, JsonError> {
        self.json_by_role(Asks::Twice, role, min_tier, schema, request, cancel)
            .await
    }

    /// [`Router::json_for`] without the second question, for a caller that has a way of its own to
    /// repair an answer.
    ///
    /// # Errors
    /// See [`JsonError`].
    pub async fn json_once_for(
        &self,
        role: Role,
        min_tier: Tier,
        schema: &JsonSchema,
        request: &ChatRequest,
        cancel: &CancellationToken,
    ) -> Result<JsonReply, JsonError> {
        self.json_by_role(Asks::Once, role, min_tier, schema, request, cancel)
            .await
    }

    async fn json_by_role(
        &self,
        asks: Asks,
        role: Role,
        min_tier: Tier,
        schema: &JsonSchema,
        request: &ChatRequest,
        cancel: &CancellationToken,
    ) -> Result<JsonReply, JsonError> {
        let request = ChatRequest {
            role: Some(request.role.unwrap_or(role)),
            ..request.clone()
        };
        let mut tried: Vec<Tried> = Vec::new();
        // Ends: every round takes one of the models out of the choice.
        loop {
            let selected = self.select_next(role, min_tier, &tried)?;
            let asked = self
                .json_asking(asks, &selected.name, schema, &request, cancel)
                .await;
            match asked {
                Ok(mut reply) => {
                    reply.degraded.extend(selected.degraded);
                    return Ok(reply);
                }
                Err(JsonError::Call(error)) if error.is_worth_another_model() => {
                    tried.push(Tried {
                        name: selected.name,
                        failure: error.to_failure(),
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// How often a model may answer before its answer is taken as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Once,
    Twice,
}

fn invalid(model: &str, schema: &JsonSchema, errors: Vec<String>, reply: ChatReply) -> JsonError {
    JsonError::Invalid {
        model: model.into(),
        schema: schema.name.clone(),
        errors,
        reply: Box::new(reply),
    }
}

fn accepted(value: Value, reply: ChatReply, asked_again: bool) -> JsonReply {
    JsonReply {
        value,
        reply,
        asked_again,
        degraded: Vec::new(),
    }
}

/// The second reply with what both of them cost.
fn including(second: ChatReply, first: &ChatReply) -> ChatReply {
    ChatReply {
        usage: first.usage.plus(second.usage),
        latency: Latency {
            first_token_ms: first.latency.first_token_ms,
            total_ms: first
                .latency
                .total_ms
                .saturating_add(second.latency.total_ms),
        },
        ..second
    }
}

/// Whether the schema is one at all: said before anything is asked.
fn sound(schema: &JsonSchema) -> Result<(), JsonError> {
    jsonschema::validator_for(&schema.schema)
        .map(|_| ())
        .map_err(|error| JsonError::BadSchema {
            schema: schema.name.clone(),
            reason: error.to_string(),
        })
}

/// The object of a reply, or what is wrong with it.
fn read(schema: &JsonSchema, reply: &ChatReply) -> Result<Value, Vec<String>> {
    let form = ToolSpec::new(&schema.name, "", schema.schema.clone());
    read_object(&reply.answer.text, false, reply.finish, &form)
        .map_err(|refusal| vec![capped(refusal.message)])
}

fn capped(mut text: String) -> String {
    let end = text.floor_char_boundary(MAX_ERROR_BYTES);
    if end < text.len() {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Shows the model its answer and what was wrong with it. The conversation only grows at its end.
fn ask_again(request: &mut ChatRequest, schema: &JsonSchema, answer: &Answer, errors: &[String]) {
    request.messages.push(Message::Assistant {
        text: answer.text.clone(),
        thought: None,
        calls: Vec::new(),
    });
    request.messages.push(Message::User {
        text: format!(
            "That answer cannot be used:\n- {}\n\nAnswer again with one JSON object and nothing else. It must fit this JSON Schema:\n{}",
            errors.join("\n- "),
            schema.schema
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::Finish;
    use serde_json::json;

    #[test]
    fn an_answer_that_does_not_fit_is_told_where_and_why() {
        let schema = JsonSchema {
            name: "plan".into(),
            schema: json!({
                "type": "object",
                "required": ["steps"],
                "properties": {"steps": {"type": "array", "items": {"type": "string"}}},
            }),
        };
        let reply = |text: &str| ChatReply {
            answer: Answer {
                text: text.into(),
                ..Answer::default()
            },
            usage: Default::default(),
            latency: Default::default(),
            finish: Finish::Stop,
            model: "m".into(),
            reported: None,
        };
        let told = |text: &str| read(&schema, &reply(text)).unwrap_err().remove(0);
        assert!(
            told(r#"{"steps":[{}]}"#).contains("`steps.0`"),
            "{}",
            told(r#"{"steps":[{}]}"#)
        );
        assert!(
            told("{}").contains("`steps` (array) is missing"),
            "{}",
            told("{}")
        );
        assert!(told(r#"{"steps":["a"#).contains("cut off"));
        assert_eq!(
            read(&schema, &reply("Sure:\n```json\n{'steps': ['a',]}\n```")),
            Ok(json!({"steps": ["a"]}))
        );
    }

    #[test]
    fn a_schema_that_is_none_is_reported_before_anything_is_asked() {
        let schema = JsonSchema {
            name: "plan".into(),
            schema: json!({"type": 3}),
        };
        assert!(matches!(sound(&schema), Err(JsonError::BadSchema { .. })));
    }
}
