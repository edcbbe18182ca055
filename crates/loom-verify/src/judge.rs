//! The seam to a verifier model, and its twin for tests.

use async_trait::async_trait;
use loom_events::{Failure, Tier, Usage};
use loom_prompts::{VerdictAnswer, VerifierInput};

/// Answers questions about finished work. What an answer is worth is not its to say.
#[async_trait]
pub trait Judge: Send + Sync {
    /// Asks once, in a fresh context.
    ///
    /// # Errors
    /// See [`JudgeError`].
    async fn judge(&self, question: &Question) -> Result<JudgeReply, JudgeError>;

    /// How much can be judged at once, in tokens, of work by a model of this tier: task, checks and
    /// material; none: nobody knows. Material that is more goes in parts.
    fn room(&self, _executor: Tier) -> Option<u64> {
        None
    }
}

/// A question to a verifier.
#[derive(Clone, Debug)]
pub struct Question {
    /// Criteria, checks and material.
    pub prompt: VerifierInput,
    /// The model that did the work: another one is to be asked if there is one.
    pub executor: String,
    /// The tier of that model: the verifier should not be weaker.
    pub tier: Tier,
    /// Models that were asked about this work already: another one tells more.
    pub asked: Vec<String>,
}

/// A readable answer.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeReply {
    /// What it said, criterion by criterion.
    pub answer: VerdictAnswer,
    /// Name of the model entry that answered.
    pub model: String,
    /// Its tier.
    pub tier: Tier,
    /// Tokens.
    pub usage: Usage,
    /// Fallbacks taken, such as material that was cut.
    pub degraded: Vec<String>,
}

/// Why there is no readable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// Nobody to ask is configured.
    #[error("no verifier: {0}")]
    Missing(String),
    /// It answered, asked twice, with something that is not a verdict.
    #[error("the verifier {model} gave no readable verdict: {}", errors.join("; "))]
    Unusable {
        /// Name of the model entry.
        model: String,
        /// What was wrong with the last answer.
        errors: Vec<String>,
        /// Tokens spent.
        usage: Usage,
    },
    /// The call failed; the work is not to blame.
    #[error("the verifier could not be asked: {}", .0.message)]
    Failed(Failure),
}

/// For installations without a verifier model.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJudge;

#[async_trait]
impl Judge for NoJudge {
    async fn judge(&self, _: &Question) -> Result<JudgeReply, JudgeError> {
        Err(JudgeError::Missing(
            "no model has the role verifier".to_owned(),
        ))
    }
}

/// Answers by a function: the twin for tests.
pub struct ScriptedJudge<F>(pub F);

#[async_trait]
impl<F> Judge for ScriptedJudge<F>
where
    F: Fn(&Question) -> Result<JudgeReply, JudgeError> + Send + Sync,
{
    async fn judge(&self, question: &Question) -> Result<JudgeReply, JudgeError> {
        (self.0)(question)
    }
}
