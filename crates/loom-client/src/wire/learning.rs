//! What was learned from finished tasks.

use loom_events::{Tier, Time};
use serde::{Deserialize, Serialize};

/// The answer to `GET /learning`: what is known, and what is done otherwise because of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearningShown {
    /// Whether tasks use it, where they do not say otherwise.
    pub enabled: bool,
    /// Attempts that were seen in all.
    pub attempts: u32,
    /// What is done otherwise because of it, as it stands now.
    pub adjustments: Vec<LearnedAdjustment>,
    /// Models that do now what they did not do before, a sentence each.
    pub changes: Vec<String>,
    /// How models did at kinds of work.
    pub records: Vec<LearnedRecord>,
    /// What the user asked for in earlier tasks, the most frequent first.
    pub preferences: Vec<LearnedPreference>,
    /// Plans that brought their goal about, the newest first.
    pub plans: Vec<LearnedPlan>,
}

/// Something that is done otherwise because of what was learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedAdjustment {
    /// What it is about: a kind of work, `caution`, or a wish of the user.
    pub about: String,
    /// What is done and why, in a sentence with its evidence.
    pub why: String,
}

/// How a model did at a kind of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedRecord {
    /// The kind, such as `fix rust`.
    pub kind: String,
    /// Name of the model entry.
    pub model: String,
    /// The tier that was asked for.
    pub tier: Tier,
    /// Steps that it was tried at.
    pub seen: u32,
    /// Those that it brought about at its first attempt.
    pub passed: u32,
    /// Further attempts at steps that it had failed at.
    pub again: u32,
    /// The share of steps that it is expected to bring about at the first attempt now; older ones count
    /// less.
    pub expected: f64,
    /// Milliseconds of an attempt, on average.
    pub millis: u64,
    /// Tokens of an attempt, on average.
    pub tokens: u64,
    /// The last one.
    pub last: Time,
}

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedPreference {
    /// Word for word.
    pub text: String,
    /// In how many tasks.
    pub seen: u32,
    /// When last.
    pub last: Time,
}

/// A plan that brought its goal about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearnedPlan {
    /// The goal, shortened.
    pub goal: String,
    /// Titles of its steps.
    pub steps: Vec<String>,
    /// How often it did.
    pub seen: u32,
    /// When last.
    pub last: Time,
}

/// The answer to `GET /learning/export`: everything that was learned, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LearningExport {
    /// By section and name.
    pub lessons: Vec<LessonShown>,
}

/// One thing that was learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LessonShown {
    /// `tally`, `correction` or `plan`.
    pub section: String,
    /// What it is about.
    pub name: String,
    /// What is known.
    pub value: serde_json::Value,
    /// When it was last added to.
    pub last: Time,
}

/// The answer to `DELETE /learning`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Forgotten {
    /// How many things were known and are not any more.
    pub forgotten: u64,
}
