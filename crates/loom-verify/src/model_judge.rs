//! The verifier behind the router: renders the question, asks for a verdict by schema, reads it.

use crate::{Judge, JudgeError, JudgeReply, Question};
use async_trait::async_trait;
use loom_events::{Failure, FailureClass, Role, TaskId, Tier, Usage};
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
    task: Option<TaskId>,
    sink: Option<Arc<dyn PromptSink>>,
}

/// Takes note of what a verifier is about to be asked.
#[async_trait]
pub trait PromptSink: Send + Sync {
    /// Keeps it, before it is sent.
    async fn asking(&self, rendered: &Rendered);
}

/// A verdict on six criteria with quotes fits well; what is longer is prose.
const MAX_ANSWER_TOKENS: u32 = 3_000;

/// Of a window, this share in percent is left for the answer and for errors of the estimate.
const RESERVE_PERCENT: u64 = 25;

/// Rules, criteria and file names beside what is judged.
const BESIDE_TOKENS: u64 = 1_500;

/// How many models are tried when one gives no readable verdict.
const MODELS_TRIED: usize = 2;

impl ModelJudge {
    /// A judge over these models.
    #[must_use]
    pub const fn new(router: Arc<Router>, prompts: Arc<Prompts>) -> Self {
        Self {
            router,
            prompts,
            task: None,
            sink: None,
        }
    }

    /// The same, and every question is kept.
    #[must_use]
    pub fn keeping(self, sink: Arc<dyn PromptSink>) -> Self {
        Self {
            sink: Some(sink),
            ..self
        }
    }

    /// The same, asking for this task: slots are shared fairly between tasks.
    #[must_use]
    pub fn for_task(self, task: TaskId) -> Self {
        Self {
            task: Some(task),
            ..self
        }
    }

    /// Another model that is not weaker than the executor's, best one that has not been asked about
    /// this work; else the executor's own, asked in a fresh context; else whatever has the role.
    fn select(&self, question: &Question, failed: &[Tried]) -> Result<Selected, NoModel> {
        let next = |tried: &[Tried]| {
            self.router
                .select_next(Role::Verifier, question.tier, tried)
        };
        let own = passed_over(&question.executor, "did the work itself");
        let unusable: Vec<Tried> = failed.iter().cloned().chain(self.advisers()).collect();
        let others: Vec<Tried> = unusable.iter().cloned().chain([own]).collect();
        let asked = question.asked.iter();
        let asked = asked.map(|name| passed_over(name, "was asked already"));
        let fresh: Vec<Tried> = others.iter().cloned().chain(asked).collect();
        let not_weaker = |model: &Selected| model.tier >= question.tier;
        let chosen = match (next(&fresh), next(&others), next(&unusable)) {
            (Ok(fresh), _, _) if not_weaker(&fresh) => fresh,
            (_, Ok(other), _) if not_weaker(&other) => other,
            (_, _, Ok(any)) => any,
            (_, other, Err(_)) => other?,
        };
        Ok(Selected {
            degraded: degraded(&chosen, question, failed),
            ..chosen
        })
    }

    /// Models that were measured and tell right from wrong no better than a coin: nothing is to hang
    /// on what they say.
    fn advisers(&self) -> Vec<Tried> {
        let verifiers = self.router.names_of(Role::Verifier).into_iter();
        let adviser = |name: String| {
            let judging = self.router.capabilities(&name)?.judging?;
            let why = format!(
                "its verdicts are not counted: of {} wrong changes it caught {}, of {} right ones it passed {}",
                judging.wrong, judging.caught, judging.right, judging.passed
            );
            judging.is_advice_only().then(|| passed_over(&name, &why))
        };
        verifiers.filter_map(adviser).collect()
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
        if let Some(sink) = &self.sink {
            sink.asking(&rendered).await;
        }
        let request = ChatRequest {
            tool_choice: ToolChoice::None,
            max_tokens: Some(MAX_ANSWER_TOKENS),
            temperature: Some(0.0),
            think: false,
            role: Some(Role::Verifier),
            task: self.task,
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

    /// By the smallest window of those that may be asked: other views are other models.
    fn room(&self, executor: Tier) -> Option<u64> {
        let advisers = self.advisers();
        let names = self.router.names_of(Role::Verifier).into_iter();
        let entries = names
            .filter(|name| !advisers.iter().any(|tried| tried.name == *name))
            .filter_map(|name| self.router.entry(&name))
            .filter_map(|entry| Some((entry.tier, u64::from(entry.context_length?))));
        let windows: Vec<(Tier, u64)> = entries.collect();
        let able = windows.iter().filter(|(tier, _)| *tier >= executor);
        let smallest = able.map(|(_, window)| *window).min();
        let window = smallest.or_else(|| windows.iter().map(|(_, window)| *window).min())?;
        let left = (window * (100 - RESERVE_PERCENT) / 100).saturating_sub(BESIDE_TOKENS);
        // The numbers of the lines are shown, too.
        Some(left * 3 / 4)
    }
}

/// A model that could be asked and is not, as long as there is another.
fn passed_over(name: &str, why: &str) -> Tried {
    Tried {
        name: name.to_owned(),
        failure: Failure {
            class: FailureClass::Policy,
            message: why.to_owned(),
            retry_after_ms: None,
        },
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

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{Answer, CriterionVerdict, Finish, Latency};
    use loom_prompts::{Block, CriterionLine};
    use loom_router::{
        CallError, ChatReply, DeltaSink, ListedModel, ModelEntry, Provider, ProviderFactory,
        RouterError,
    };

    /// Says the same thing whatever it is asked.
    struct Parrot {
        name: String,
        text: String,
    }

    #[async_trait]
    impl Provider for Parrot {
        async fn chat(
            &self,
            _: &ChatRequest,
            _: &mut dyn DeltaSink,
        ) -> Result<ChatReply, CallError> {
            Ok(ChatReply {
                answer: Answer {
                    text: self.text.clone(),
                    ..Answer::default()
                },
                usage: Usage {
                    prompt: 100,
                    completion: 10,
                    ..Usage::default()
                },
                latency: Latency::default(),
                finish: Finish::Stop,
                model: self.name.clone(),
                reported: None,
            })
        }

        async fn list(&self) -> Result<Vec<ListedModel>, CallError> {
            Ok(Vec::new())
        }
    }

    /// Parrots by the name of their entry.
    struct Parrots(Vec<(&'static str, Tier, &'static str)>);

    impl ProviderFactory for Parrots {
        fn provider(&self, entry: &ModelEntry) -> Result<Arc<dyn Provider>, RouterError> {
            let (name, _, text) = self
                .0
                .iter()
                .find(|(name, ..)| *name == entry.name)
                .unwrap();
            Ok(Arc::new(Parrot {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
            }))
        }
    }

    fn judge(parrots: Vec<(&'static str, Tier, &'static str)>) -> ModelJudge {
        let entries = parrots
            .iter()
            .map(|(name, tier, _)| ModelEntry {
                tier: *tier,
                roles: vec![Role::Verifier],
                ..ModelEntry::new(*name, "http://127.0.0.1:1/v1")
            })
            .collect();
        let router = Router::with_providers(entries, &Parrots(parrots)).unwrap();
        ModelJudge::new(Arc::new(router), Arc::new(Prompts::builtin().unwrap()))
    }

    fn question(executor: &str, tier: Tier) -> Question {
        Question {
            prompt: VerifierInput {
                task: "Say hello.".to_owned(),
                criteria: vec![CriterionLine {
                    id: "c1".to_owned(),
                    text: "It says hello.".to_owned(),
                }],
                checks: Vec::new(),
                part: None,
                left_out: Vec::new(),
                material: vec![Block {
                    label: "D1".to_owned(),
                    title: "diff of a.sh".to_owned(),
                    text: "+echo hello".to_owned(),
                }],
                budget: None,
            },
            executor: executor.to_owned(),
            tier,
            asked: Vec::new(),
        }
    }

    #[test]
    fn the_room_is_that_of_the_smallest_window_that_may_be_asked() {
        let windows = |entries: &[(&'static str, Tier, Option<u32>)]| {
            let entry = |(name, tier, window): &(&'static str, Tier, Option<u32>)| ModelEntry {
                tier: *tier,
                roles: vec![Role::Verifier],
                context_length: *window,
                ..ModelEntry::new(*name, "http://127.0.0.1:1/v1")
            };
            let parrots = entries
                .iter()
                .map(|(name, tier, _)| (*name, *tier, VERDICT))
                .collect();
            let entries = entries.iter().map(entry).collect();
            let router = Router::with_providers(entries, &Parrots(parrots)).unwrap();
            ModelJudge::new(Arc::new(router), Arc::new(Prompts::builtin().unwrap()))
        };
        let large = ("large", Tier::Large, Some(32_000));
        let medium = ("medium", Tier::Medium, Some(16_000));
        let small = ("small", Tier::Small, Some(8_000));
        let of = |window: u64| Some((window * 3 / 4 - 1_500) * 3 / 4);
        let all = windows(&[large, medium, small]);
        assert_eq!(
            all.room(Tier::Medium),
            of(16_000),
            "a weaker one is not asked"
        );
        assert_eq!(all.room(Tier::Small), of(8_000));
        assert_eq!(
            windows(&[small]).room(Tier::Large),
            of(8_000),
            "there is no other"
        );
        let unknown = ("unknown", Tier::Large, None);
        assert_eq!(windows(&[unknown]).room(Tier::Small), None);
        let tiny = ("tiny", Tier::Large, Some(512));
        assert_eq!(windows(&[tiny]).room(Tier::Small), Some(0));
    }

    const VERDICT: &str =
        r#"{"criteria": [{"id": "c1", "verdict": "met", "quote": "echo hello", "at": "D1:1"}]}"#;

    #[tokio::test]
    async fn another_model_than_the_executors_is_asked_when_it_is_not_weaker() {
        let judge = judge(vec![
            ("worker", Tier::Small, VERDICT),
            ("other", Tier::Medium, VERDICT),
        ]);
        let reply = judge.judge(&question("worker", Tier::Small)).await.unwrap();
        assert_eq!((reply.model.as_str(), reply.tier), ("other", Tier::Medium));
        assert_eq!(reply.answer.criteria[0].verdict, CriterionVerdict::Met);
        assert_eq!(reply.degraded, [""; 0]);
        let reply = judge.judge(&question("other", Tier::Medium)).await.unwrap();
        assert_eq!(reply.model, "other");
    }

    #[tokio::test]
    async fn who_was_measured_and_is_no_better_than_a_coin_decides_nothing() {
        let judge = judge(vec![
            ("worker", Tier::Small, VERDICT),
            ("coin", Tier::Medium, VERDICT),
        ]);
        let measured = |passed, caught| loom_router::Capabilities {
            judging: Some(loom_router::Judging {
                right: 12,
                passed,
                wrong: 12,
                caught,
            }),
            ..loom_router::Capabilities::default()
        };
        assert!(judge.router.learn("coin", measured(12, 1)));
        let reply = judge.judge(&question("worker", Tier::Small)).await.unwrap();
        assert_eq!(
            reply.model, "worker",
            "asked in a fresh context, as where it is alone"
        );
        assert!(judge.router.learn("worker", measured(6, 6)));
        let nobody = judge.judge(&question("worker", Tier::Small)).await;
        let Err(JudgeError::Missing(why)) = nobody else {
            panic!("{nobody:?}");
        };
        assert!(why.contains("of 12 wrong changes it caught 1"), "{why}");
        assert!(judge.router.learn("coin", measured(11, 8)));
        let reply = judge.judge(&question("worker", Tier::Small)).await.unwrap();
        assert_eq!(reply.model, "coin");
    }

    #[tokio::test]
    async fn a_model_that_was_asked_already_is_asked_again_only_when_there_is_no_other() {
        let judge = judge(vec![
            ("worker", Tier::Small, VERDICT),
            ("one", Tier::Medium, VERDICT),
            ("two", Tier::Medium, VERDICT),
        ]);
        let ask = async |asked: &[&str]| {
            let asked = asked.iter().map(|name| (*name).to_owned()).collect();
            let question = Question {
                asked,
                ..question("worker", Tier::Small)
            };
            judge.judge(&question).await.unwrap().model
        };
        assert_ne!(ask(&["one"]).await, ask(&["two"]).await);
        assert_ne!(ask(&["one", "two"]).await, "worker");
    }

    #[tokio::test]
    async fn prose_asked_twice_of_every_model_is_unusable_and_what_it_cost_is_known() {
        let judge = judge(vec![("prose", Tier::Small, "Looks good to me!")]);
        let error = judge
            .judge(&question("worker", Tier::Small))
            .await
            .unwrap_err();
        let JudgeError::Unusable { model, usage, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(model, "prose");
        assert_eq!(usage.prompt, 200);
    }

    #[tokio::test]
    async fn when_one_model_gives_no_verdict_another_is_asked_and_that_is_said() {
        let judge = judge(vec![
            ("prose", Tier::Small, "Looks good to me!"),
            ("good", Tier::Medium, VERDICT),
        ]);
        let reply = judge.judge(&question("worker", Tier::Small)).await.unwrap();
        assert_eq!(reply.model, "good");
        assert_eq!(reply.usage.prompt, 300);
        assert!(
            reply.degraded[0].contains("in place of prose"),
            "{:?}",
            reply.degraded
        );
    }

    #[tokio::test]
    async fn without_a_model_for_the_role_the_verifier_is_missing() {
        let error = judge(Vec::new())
            .judge(&question("worker", Tier::Small))
            .await
            .unwrap_err();
        assert!(matches!(error, JudgeError::Missing(_)), "{error:?}");
    }
}
