//! What is done otherwise because of what earlier tasks taught. Journaled with its reason, so that a
//! task is decided again as it was, whatever is known by then.

use crate::{SubtaskId, Tier};
use serde::{Deserialize, Serialize};

/// One thing that is done otherwise, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Adjustment {
    /// What.
    #[serde(flatten)]
    pub what: Adjusted,
    /// Why, in a sentence with its evidence.
    pub why: String,
}

/// What is done otherwise. Never less than the settings of the task ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Adjusted {
    /// A step begins with a larger model than it was planned for.
    StartingTier {
        /// The step.
        subtask: SubtaskId,
        /// The tier that it begins at.
        tier: Tier,
    },
    /// More care than the settings ask for, while little is known of the models.
    Caution(Caution),
    /// The planner is shown plans that brought goals like this one about.
    Plans {
        /// The plans, a text each.
        plans: Vec<String>,
    },
    /// Planner and executors are told what the user asked for in earlier tasks.
    Preferences {
        /// Word for word.
        texts: Vec<String>,
    },
    /// In which of several wordings a model is told a step.
    Wording {
        /// The step.
        subtask: SubtaskId,
        /// The model entry.
        model: String,
        /// Name of the wording; none is the usual one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wording: Option<String>,
    },
    /// What is stated of a result is what such results turned out to be. Whether a human is asked does
    /// not become less by it.
    Calibration(Calibration),
}

/// How sure results turned out to be, by what their evidence alone says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Calibration {
    /// Completed steps of which it is known how they turned out.
    pub looked_at: u32,
    /// What is stated, in rising order; between two points in proportion.
    pub points: Vec<CalibrationPoint>,
}

/// One point of a calibration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CalibrationPoint {
    /// What the evidence alone says, between 0 and 1.
    pub evidence: f64,
    /// What is stated then.
    pub stated: f64,
}

/// How careful to be. Each is the least that is done: a setting that asks for more stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Caution {
    /// Least tier of the gates, but for gates that are switched off.
    pub verification_tier: u8,
    /// Least confidence below which a result is asked about, where a threshold decides.
    pub threshold: f64,
    /// Most completed subtasks after which the plan is looked at again, unless it never is.
    pub replan_interval: u32,
    /// Whether the planner is asked for smaller steps.
    pub small_steps: bool,
}
