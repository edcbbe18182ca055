//! What a task is allowed and how it is to be run: journaled with its creation, so that replay
//! needs no configuration.

use serde::{Deserialize, Serialize};

/// Settings of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TaskSettings {
    /// Where it must stop.
    pub limits: Limits,
    /// What the attempts of a subtask are, in order; after the last one a human is asked.
    pub ladder: Vec<Rung>,
    /// When a human must agree to a result.
    pub approval: ApprovalMode,
    /// What a confidence means where [`ApprovalMode::Auto`] decides.
    pub bands: Bands,
    /// Whether somebody can answer questions. If not, a question fails the task at once.
    pub attended: bool,
    /// Whether the plan is shown to a human before anything runs.
    pub review_plan: bool,
    /// Whether its commands may use the network without a question each time. Off, a command that
    /// needs it is asked for.
    pub network: bool,
    /// How results are judged.
    pub verification: Verification,
    /// Which defences are on; all are, unless somebody measures what one is worth.
    pub defences: Defences,
    /// Re-plan after so many completed subtasks; 0 means never for this reason.
    pub replan_interval: u32,
    /// How many subtasks may run at once, each in a fork when more than one.
    pub max_parallel_subtasks: u32,
    /// How long a question waits, in milliseconds; none means for ever.
    pub question_timeout_ms: Option<u64>,
    /// What becomes of a question of the model that nobody answers.
    pub unanswered: Unanswered,
    /// Nothing expires in so many milliseconds after a start or a resume.
    pub grace_ms: u64,
    /// Whether what earlier tasks taught is used, and what this one teaches is kept.
    pub learning: bool,
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            ladder: vec![Rung::Planned, Rung::Feedback, Rung::NextTier, Rung::TopTier],
            approval: ApprovalMode::Auto,
            bands: Bands::default(),
            attended: false,
            review_plan: false,
            network: false,
            verification: Verification::default(),
            defences: Defences::default(),
            replan_interval: 10,
            max_parallel_subtasks: 1,
            question_timeout_ms: Some(24 * 60 * 60 * 1000),
            unanswered: Unanswered::Default,
            grace_ms: 60_000,
            learning: true,
        }
    }
}

/// Bounds of a task. Reaching one is a failure with that reason, never a completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Attempts started in the whole task.
    pub iterations: u32,
    /// Model calls in one attempt.
    pub turns_per_attempt: u32,
    /// Accepted plans.
    pub plan_versions: u32,
    /// Subtasks in a plan.
    pub max_subtasks: u32,
    /// Prompt and completion tokens in the whole task.
    pub tokens: u64,
    /// Milliseconds in which the task worked: not paused, not down, not waiting only for a human.
    pub working_time_ms: u64,
    /// Nudges in one attempt after a failed gate.
    pub nudges: u32,
    /// Answers in a row that held nothing usable before an attempt ends.
    pub unusable_answers: u32,
    /// Transient failures of one slot in a row before it counts as a failure of the environment.
    pub transient_retries: u32,
    /// Times an inconclusive gate is asked again.
    pub inconclusive_rounds: u32,
    /// Attempts to settle an effect in doubt before the task ends as unclean.
    pub reconciliations: u32,
    /// Bytes of one tool's output that a model is shown.
    pub tool_output_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            iterations: 50,
            turns_per_attempt: 20,
            plan_versions: 5,
            max_subtasks: 40,
            tokens: 5_000_000,
            working_time_ms: 8 * 60 * 60 * 1000,
            nudges: 2,
            unusable_answers: 3,
            transient_retries: 5,
            inconclusive_rounds: 2,
            reconciliations: 3,
            tool_output_bytes: 10_240,
        }
    }
}

/// One rung of the ladder: how an attempt differs from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The planned tier.
    Planned,
    /// The same model, with the verdict's feedback.
    Feedback,
    /// The next tier up, from the attempt's base.
    NextTier,
    /// The highest tier, thinking, from the attempt's base.
    TopTier,
    /// The user's own hands: never part of a ladder, always their own choice.
    ByHand,
}

/// What becomes of a passed result by its confidence, where [`ApprovalMode::Auto`] decides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Bands {
    /// From here on it counts at once. Below, it is shown first, and counts unless somebody objects.
    pub proceed: f64,
    /// Below this somebody is asked, and it does not count without an answer.
    pub ask: f64,
    /// Below this the task stops.
    pub stop: f64,
    /// How long an objection is waited for, in milliseconds. Where nobody is, it is not.
    pub objection_ms: u64,
}

impl Default for Bands {
    fn default() -> Self {
        Self {
            proceed: 0.8,
            ask: 0.5,
            stop: 0.2,
            objection_ms: 10_000,
        }
    }
}

/// When a human must agree to a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalMode {
    /// By its confidence, as [`Bands`] say.
    Auto,
    /// For every subtask.
    Manual,
    /// When the confidence is below the threshold.
    Threshold,
}

/// What becomes of a question that a model put and nobody answers, in time or at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unanswered {
    /// It waits as long as it takes. Where nobody can answer, the task fails.
    Wait,
    /// The model goes on with what it named as its default, or decides. The result says so.
    Default,
    /// The task fails.
    Fail,
}

/// How results are judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Verification {
    /// Highest tier of the gate: 1 deterministic only, 2 with a verifier model, 3 with several. 0
    /// believes every claim, to measure what gates are worth; no configuration can ask for it.
    pub tier: u8,
    /// How many verdicts tier 3 asks for, of different models as far as there are any; and how many
    /// executions of a step are compared, when those vote.
    pub votes: u32,
    /// What votes on a step that nothing strong can judge.
    pub vote: Voting,
    /// Whether the whole goal is judged at the end.
    pub final_gate: bool,
    /// Below this confidence [`ApprovalMode::Threshold`] asks.
    pub threshold: f64,
    /// The user's own checks of the whole result: command lines that must end with status 0. They
    /// rank above those of a plan: no plan can leave them out, and nobody can dispute them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
}

impl Verification {
    /// Whether the whole result is judged at the end: it is asked for, or the user has checks of it.
    #[must_use]
    pub const fn judges_the_whole(&self) -> bool {
        self.final_gate || !self.checks.is_empty()
    }
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            tier: 2,
            votes: 3,
            vote: Voting::Verdicts,
            final_gate: true,
            threshold: 0.8,
            checks: Vec::new(),
        }
    }
}

/// What votes on a step for which no check is evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Voting {
    /// Verdicts on one result, where tier 3 is asked for.
    Verdicts,
    /// Several executions of the step, each in a fork of the same state: for a step where much is at
    /// stake, or that failed in two ways.
    Executions,
}

/// Defences that can be switched off to measure what each is worth. They are no settings of a user:
/// nothing reads them from a configuration. Others have switches of their own: [`Verification`], the
/// ladder, [`Limits::plan_versions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, and every combination makes sense"
)]
pub struct Defences {
    /// A goal is planned into steps with a fresh context each. Off: one step, which is the goal.
    pub plan: bool,
    /// An answer that holds nothing usable is followed by a nudge, and going round in circles is
    /// noticed. Off: such an answer ends the attempt.
    pub nudges: bool,
    /// Planned checks are validated and tried before the work, and only one that was red then is
    /// evidence. Off: a check counts as planned.
    pub check_rules: bool,
    /// Tests, and whatever a check relies on, are put back before they are run.
    pub protection: bool,
    /// Rules on the change itself: size, place, lost content, elisions, syntax.
    pub scope: bool,
    /// A check that stays red although its criterion is met goes back to the planner.
    pub disputes: bool,
}

impl Default for Defences {
    fn default() -> Self {
        Self {
            plan: true,
            nudges: true,
            check_rules: true,
            protection: true,
            scope: true,
            disputes: true,
        }
    }
}
