//! The verifier behind the router: renders the question, asks for a verdict by schema, reads it.

use crate::{Judge, JudgeError, JudgeReply, Question};
use async_trait::async_trait;
use loom_events::{Failure, FailureClass, Role, Usage};
use loom_prompts::{Prompts, RenderError, Rendered, VerifierInput, parse_verdict, verdict_schema};
use loom_router::{
    ChatRequest, JsonError, JsonReply, JsonSchema, NoModel, Router, Selected, ToolChoice, Tried,
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Asks a verifier model, another one than the executor's if there is one.
pub struct ModelJudge {
    router: Arc<Router>,
    prompts: Arc<Prompts>,
}

/// A verdict on six criteria with quotes fits well; what is longer is prose.
const MAX_ANSWER_TOKENS: u32 = 3_000;

/// Of a window, this share in percent is left for the answer and for errors of the estimate.
const RESERVE_PERCENT: u64 = 25;

/// How many models are tried when one gives no readable verdict.
const MODELS_TRIED: usize = 2;

impl ModelJudge {
    /// A judge over these models.
    #[must_use]
    pub const fn new(router: Arc<Router>, prompts: Arc<Prompts>) -> Self {
        Self { router, prompts }
    }

    /// Another model that is not weaker than the executor's; else the executor's own, asked in a
    /// fresh context; else whatever has the role.
    fn select(&self, question: &Question, failed: &[Tried]) -> Result<Selected, NoModel> {
        let next = |tried: &[Tried]| {
            self.router
                .select_next(Role::Verifier, question.tier, tried)
        };
        let own = Tried {
            name: question.executor.clone(),
            failure: Failure {
                class: FailureClass::Policy,
                message: "did the work itself".to_owned(),
                retry_after_ms: None,
            },
        };
        let others: Vec<Tried> = failed.iter().cloned().chain([own]).collect();
        let not_weaker = |model: &Selected| model.tier >= question.tier;
        let other = next(&others);
        let chosen = match (other, next(failed)) {
            (Ok(other), _) if not_weaker(&other) => other,
            (_, Ok(any)) => any,
            (other, Err(_)) => other?,
        };
        Ok(Selected {
            degraded: degraded(&chosen, question, failed),
            ..chosen
        })
    }

    fn render(&self, question: &Question, model: &str) -> Result<Rendered, RenderError> {
        let window = self
            .router
            .entry(model)
            .and_then(|entry| entry.context_length);
        let budget = window.map(|tokens| u64::from(tokens) * (100 - RESERVE_PERCENT) / 100);
        self.prompts.verifier(&VerifierInput {
            budget,
            ..question.prompt.clone()
        })
    }

    async fn ask(&self, question: &Question, model: &Selected) -> Result<JudgeReply, JudgeError> {
        let unusable = |errors: Vec<String>, usage: Usage| JudgeError::Unusable {
            model: model.name.clone(),
            errors,
            usage,
        };
        let rendered = self
            .render(question, &model.name)
            .map_err(|error| unusable(vec![error.to_string()], Usage::default()))?;
        let request = ChatRequest {
            tool_choice: ToolChoice::None,
            max_tokens: Some(MAX_ANSWER_TOKENS),
            temperature: Some(0.0),
            think: false,
            ..ChatRequest::new(rendered.messages)
        };
        let schema = JsonSchema {
            name: "verdict".to_owned(),
            schema: verdict_schema(),
        };
        // Dropping this future drops the call; nobody else may cancel it.
        let cancel = CancellationToken::new();
        let reply = self
            .router
            .json(&model.name, &schema, &request, &cancel)
            .await;
        let JsonReply {
            value,
            reply,
            mut degraded,
            ..
        } = reply.map_err(|error| match error {
            JsonError::Call(error) => JudgeError::Failed(error.to_failure()),
            JsonError::NoModel(error) => JudgeError::Missing(error.to_string()),
            JsonError::Invalid { errors, reply, .. } => unusable(errors, reply.usage),
            JsonError::BadSchema { reason, .. } => unusable(vec![reason], Usage::default()),
        })?;
        let answer = parse_verdict(&value).map_err(|errors| unusable(errors, reply.usage))?;
        degraded.extend(model.degraded.clone());
        degraded.extend(
            rendered
                .trimmed
                .iter()
                .map(|what| format!("shown to the verifier: {what}")),
        );
        Ok(JudgeReply {
            answer,
            model: model.name.clone(),
            tier: model.tier,
            usage: reply.usage,
            degraded,
        })
    }
}

#[async_trait]
impl Judge for ModelJudge {
    async fn judge(&self, question: &Question) -> Result<JudgeReply, JudgeError> {
        let mut failed: Vec<Tried> = Vec::new();
        let mut spent = Usage::default();
        let mut last: Option<JudgeError> = None;
        for _ in 0..MODELS_TRIED {
            let model = match self.select(question, &failed) {
                Ok(model) => model,
                Err(none) => return Err(last.unwrap_or(JudgeError::Missing(none.to_string()))),
            };
            match self.ask(question, &model).await {
                Ok(mut reply) => {
                    reply.usage = reply.usage.plus(spent);
                    return Ok(reply);
                }
                Err(error) => {
                    if let JudgeError::Unusable { usage, .. } = &error {
                        spent = spent.plus(*usage);
                    }
                    failed.push(Tried {
                        name: model.name,
                        failure: failure(&error),
                    });
                    last = Some(with_usage(error, spent));
                }
            }
        }
        Err(last.unwrap_or_else(|| JudgeError::Missing("no model was tried".to_owned())))
    }
}

/// That the executor's own model was passed over is as it should be; only the rest is a fallback.
fn degraded(chosen: &Selected, question: &Question, failed: &[Tried]) -> Option<String> {
    let Selected { name, tier, .. } = chosen;
    if let Some(tried) = failed.first() {
        let why = &tried.failure.message;
        return Some(format!(
            "the verifier {name} was asked in place of {}: {why}",
            tried.name
        ));
    }
    (*tier < question.tier).then(|| {
        format!(
            "the verifier {name} (tier {tier}) is weaker than the executor (tier {})",
            question.tier
        )
    })
}

/// What all tries together cost.
fn with_usage(error: JudgeError, spent: Usage) -> JudgeError {
    match error {
        JudgeError::Unusable { model, errors, .. } => JudgeError::Unusable {
            model,
            errors,
            usage: spent,
        },
        JudgeError::Missing(_) | JudgeError::Failed(_) => error,
    }
}

fn failure(error: &JudgeError) -> Failure {
    match error {
        JudgeError::Failed(failure) => failure.clone(),
        JudgeError::Missing(_) | JudgeError::Unusable { .. } => Failure {
            class: FailureClass::Model,
            message: error.to_string(),
            retry_after_ms: None,
        },
    }
}
