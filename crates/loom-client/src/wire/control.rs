//! What is asked of a task that exists.

use loom_events::{Choices, Plan, QuestionId, Response, Scope, Seq, SubtaskId, TaskId, Time};
use loom_view::TaskStatus;
use serde::{Deserialize, Serialize};

/// The body of `PATCH /tasks/{id}`: an instruction that the next model call must hear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SteerRequest {
    /// The instruction.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), regex(pattern = r"\S")))]
    pub instruction: String,
}

/// The body of `DELETE /tasks/{id}`; may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CancelRequest {
    /// Why, for the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The body of `POST /tasks/{id}/approve`; may be left out when one question waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ApproveRequest {
    /// The question; none means the one that waits. With several it must be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionId>,
    /// The subtask whose question it is, instead of the question's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtask_id: Option<SubtaskId>,
    /// Of a yes: for this once, or for the same thing in this task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Whether it is a yes; without a word it is. A no is what `reject` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// Of a no: why. It becomes feedback for the next attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The body of `POST /tasks/{id}/reject`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RejectRequest {
    /// The question; none means the one that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionId>,
    /// Becomes feedback for the next attempt.
    pub reason: String,
}

/// The body of `POST /tasks/{id}/answer`: any answer to an open question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// The question; none means the one that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionId>,
    /// The answer.
    pub response: Response,
}

/// The body of `POST /tasks/{id}/feedback`: words for a task. A question of the model is answered
/// with them, a subtask that has no attempt left is tried again with them as guidance; where
/// neither waits, they are an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeedbackRequest {
    /// The words.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), regex(pattern = r"\S")))]
    pub feedback: String,
    /// The question they answer; none means the one that waits, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<QuestionId>,
    /// The subtask that they are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtask_id: Option<SubtaskId>,
}

/// The body of `POST /tasks/{id}/rate`: whether what a task did is right, as a human sees it who has
/// looked. Nothing of the task changes; it teaches how sure results are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RateRequest {
    /// Whether it is right.
    pub right: bool,
    /// The steps that are meant; none means the whole, which is right when each of its steps is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtasks: Vec<SubtaskId>,
}

/// The body of `POST /tasks/{id}/message`: an instruction, as whoever talks to a task sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MessageRequest {
    /// What is said.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), regex(pattern = r"\S")))]
    pub message: String,
    /// Who says it: nobody else than the user is heard.
    #[serde(default)]
    pub role: Speaker,
}

/// Who may say something to a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The user, or a program in their place.
    #[default]
    User,
}

/// Something that was said to a task while it ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Said {
    /// Its event.
    pub id: Seq,
    /// What was said.
    pub message: String,
    /// When.
    pub timestamp: Time,
}

/// The body of `PUT /tasks/{id}/plan`: replaces what is still to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The whole plan; completed subtasks must be in it unchanged.
    pub plan: Plan,
}

/// The body of `POST /tasks/{id}/retry`. Of a task that runs, a subtask that failed or is blocked is
/// tried again; of one that has ended, a new task does what it did not bring about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RetryRequest {
    /// The subtask to begin from; none means whatever was not completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtask: Option<SubtaskId>,
    /// What to do differently, of a task that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guidance: Option<String>,
    /// Whether the directory is first put back to what it was there.
    pub restore: bool,
    /// Whether somebody will answer the questions of the new task; without a word, somebody will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attended: Option<bool>,
}

/// The body of `POST /tasks/{id}/fork`: a new task that begins at any event of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForkRequest {
    /// The event after which to begin.
    pub at: Seq,
    /// Whether the directory is first put back to what it was there.
    #[serde(default)]
    pub restore: bool,
    /// Whether somebody will answer the questions of the new task; without a word, somebody will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attended: Option<bool>,
}

/// The body of a revert whose path says what is taken back; may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RevertOptions {
    /// What to do about paths that the user changed since.
    pub choices: Choices,
    /// Whether nothing is done, only said.
    pub dry_run: bool,
}

/// The answer to a request that was taken: it is durable, and what follows from it is in the events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Taken {
    /// The task.
    pub task_id: TaskId,
    /// Where it stood right after.
    pub status: TaskStatus,
    /// What was taken, in a sentence.
    pub message: String,
}
