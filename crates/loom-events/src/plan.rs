//! Plans, subtasks and the checks they are judged by. These are data that a model proposes and the
//! kernel validates; nothing here decides whether a plan is good.

use crate::SubtaskId;
use serde::{Deserialize, Serialize};

/// A set of subtasks with dependencies. Its version is in the event that accepted it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order in which a person would do them; the scheduler keeps this order.
    pub subtasks: Vec<SubtaskSpec>,
}

/// One scoped, verifiable step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Files that must exist and be non-empty afterwards, relative to the workspace.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// Whether the step only looks and reports; then nothing needs to change.
    #[serde(default)]
    pub inspect: bool,
}

/// Size class of a model: 1 small and fast, 2 medium, 3 large.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
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

/// One deterministic condition on the workspace. Paths are relative to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// A regular file or directory is there.
    FileExists {
        /// Relative path.
        path: String,
    },
    /// Nothing is there.
    FileAbsent {
        /// Relative path.
        path: String,
    },
    /// The text of a file matches.
    FileContains {
        /// Relative path.
        path: String,
        /// Regular expression, multi-line mode.
        regex: String,
    },
    /// A command, run in the workspace under policy and sandbox, ends as told.
    Command {
        /// A line for `sh -c`.
        command: String,
        /// Expected exit status.
        #[serde(default)]
        exit: i32,
        /// Regular expression that standard output must match, when given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdout_regex: Option<String>,
    },
    /// A JSON file holds a value at a place.
    JsonPath {
        /// Relative path.
        path: String,
        /// RFC 6901 pointer, such as `/scripts/test`.
        pointer: String,
        /// The value it must equal; anything but absence when not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        equals: Option<serde_json::Value>,
    },
}

impl Check {
    /// The path the check looks at, if it looks at one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::FileExists { path }
            | Self::FileAbsent { path }
            | Self::FileContains { path, .. }
            | Self::JsonPath { path, .. } => Some(path),
            Self::Command { .. } => None,
        }
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FileExists { path } => write!(f, "{path} exists"),
            Self::FileAbsent { path } => write!(f, "{path} is absent"),
            Self::FileContains { path, regex } => write!(f, "{path} matches /{regex}/"),
            Self::Command {
                command,
                exit,
                stdout_regex,
            } => {
                write!(f, "`{command}` exits {exit}")?;
                match stdout_regex {
                    Some(regex) => write!(f, " and prints /{regex}/"),
                    None => Ok(()),
                }
            }
            Self::JsonPath {
                path,
                pointer,
                equals,
            } => match equals {
                Some(value) => write!(f, "{path}{pointer} is {value}"),
                None => write!(f, "{path} has {pointer}"),
            },
        }
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
    fn a_check_with_an_unknown_field_is_refused() {
        let text = r#"{"kind":"file_exists","path":"a","regexp":"x"}"#;
        assert!(serde_json::from_str::<Check>(text).is_err());
    }

    #[test]
    fn tier_zero_and_four_do_not_exist() {
        assert!(serde_json::from_str::<Tier>("0").is_err());
        assert!(serde_json::from_str::<Tier>("4").is_err());
    }
}
