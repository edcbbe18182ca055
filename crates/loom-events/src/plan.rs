//! Plans and subtasks. These are data that a model proposes and the kernel validates; nothing here
//! decides whether a plan is good.

use crate::{Check, SubtaskId, Voting};
use serde::{Deserialize, Serialize};

/// A set of subtasks with dependencies. Its version is in the event that accepted it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Plan {
    /// In the order in which a person would do them; the scheduler keeps this order.
    pub subtasks: Vec<SubtaskSpec>,
}

/// One scoped, verifiable step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubtaskSpec {
    /// Unique in the plan.
    pub id: SubtaskId,
    /// A few words for people.
    pub title: String,
    /// What is to be done, complete enough for someone who knows nothing else.
    pub description: String,
    /// What must be true at the end, one sentence each.
    #[serde(default)]
    pub criteria: Vec<String>,
    /// Subtasks that must be completed first.
    #[serde(default)]
    pub depends_on: Vec<SubtaskId>,
    /// Model tier to start with.
    #[serde(default)]
    pub tier: Tier,
    /// Deterministic conditions, judged on the final state.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// More of them, which whoever works is never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_out: Vec<HeldOut>,
    /// Files that must exist and be non-empty afterwards, relative to the workspace.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// Whether the step only looks and reports; then nothing needs to change.
    #[serde(default)]
    pub inspect: bool,
    /// Globs of the files that the step is expected to change. None: nobody said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_files: Vec<String>,
    /// How large a change is expected.
    #[serde(default, skip_serializing_if = "Size::is_default")]
    pub size: Size,
    /// Whether tests, or other files that judge the work, may be changed. Adding new tests needs no leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edits_tests: Option<EditsTests>,
    /// What votes on this step, whatever the settings say of all. Said by humans only: no planner is
    /// asked for it, and a new plan of a planner takes it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vote: Option<Voting>,
}

impl SubtaskSpec {
    /// A step of which nothing is known but what is to be done.
    #[must_use]
    pub fn new(id: SubtaskId, title: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            id,
            title: title.into(),
            description: description.into(),
            criteria: Vec::new(),
            depends_on: Vec::new(),
            tier: Tier::default(),
            checks: Vec::new(),
            held_out: Vec::new(),
            outputs: Vec::new(),
            inspect: false,
            expected_files: Vec::new(),
            size: Size::default(),
            edits_tests: None,
            vote: None,
        }
    }

    /// Every check, those that are held out last.
    pub fn every_check(&self) -> impl Iterator<Item = &Check> {
        let held_out = self.held_out.iter().map(|held| &held.check);
        self.checks.iter().chain(held_out)
    }
}

/// A check that whoever works is never shown, nor what it says: with other inputs than the ones that
/// are shown, it sees work that fits only those.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// What it is about, in a sentence without its inputs: all that is ever told of it.
    pub criterion: String,
    /// The check.
    pub check: Check,
}

impl HeldOut {
    /// What it is called wherever whoever works may read of it.
    #[must_use]
    pub fn words(&self) -> String {
        format!("held out: {}", self.criterion)
    }
}

/// How large a change is expected, in changed lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Size {
    /// Up to 50.
    S,
    /// Up to 200.
    #[default]
    M,
    /// Up to 600.
    L,
}

impl Size {
    /// The lines that a change of this size has at most.
    #[must_use]
    pub const fn lines(self) -> u64 {
        match self {
            Self::S => 50,
            Self::M => 200,
            Self::L => 600,
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Leave to change what judges the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EditsTests {
    /// Globs of the files that may be changed.
    pub paths: Vec<String>,
    /// Why they must be.
    #[serde(default)]
    pub reason: String,
}

/// Size class of a model: 1 small and fast, 2 medium, 3 large.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = 3)))]
#[serde(try_from = "u8", into = "u8")]
pub enum Tier {
    /// Small and fast.
    #[default]
    Small,
    /// Medium.
    Medium,
    /// Large.
    Large,
}

impl Tier {
    /// The next tier up, if there is one.
    #[must_use]
    pub const fn up(self) -> Option<Self> {
        match self {
            Self::Small => Some(Self::Medium),
            Self::Medium => Some(Self::Large),
            Self::Large => None,
        }
    }
}

impl From<Tier> for u8 {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Small => 1,
            Tier::Medium => 2,
            Tier::Large => 3,
        }
    }
}

impl TryFrom<u8> for Tier {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::Small),
            2 => Ok(Self::Medium),
            3 => Ok(Self::Large),
            other => Err(format!("tier {other} is not 1, 2 or 3")),
        }
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        u8::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtask_needs_only_id_title_and_description() {
        let spec: SubtaskSpec =
            serde_json::from_str(r#"{"id":"a","title":"A","description":"do a"}"#).unwrap();
        assert_eq!(spec.tier, Tier::Small);
        assert!(spec.checks.is_empty() && !spec.inspect);
    }

    #[test]
    fn what_a_plan_does_not_say_of_its_extent_is_not_written() {
        let spec = SubtaskSpec::new(SubtaskId::new("a").unwrap(), "A", "do a");
        let text = serde_json::to_string(&spec).unwrap();
        for field in ["held_out", "expected_files", "size", "edits_tests", "vote"] {
            assert!(!text.contains(field), "{text}");
        }
        assert_eq!(serde_json::from_str::<SubtaskSpec>(&text).unwrap(), spec);
    }

    #[test]
    fn tier_zero_and_four_do_not_exist() {
        assert!(serde_json::from_str::<Tier>("0").is_err());
        assert!(serde_json::from_str::<Tier>("4").is_err());
    }
}
