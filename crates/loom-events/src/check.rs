//! The checks that a subtask is judged by: data that a model proposes.

use serde::{Deserialize, Serialize};

/// One deterministic condition on the workspace. Paths are relative to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// A number of files, or a number that a command prints, compares as told.
    Count {
        /// What is counted.
        of: Counted,
        /// How it compares.
        op: CountOp,
        /// With what.
        n: u64,
    },
    /// A test run is green by the runner's own report, and tests were run.
    Tests {
        /// A line for `sh -c`.
        command: String,
        /// Fewest tests that must have passed; one when not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<u64>,
        /// Names of tests that must be among those that passed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        must_pass: Vec<String>,
    },
    /// No file that matches was changed, added or removed by the work.
    Unchanged {
        /// A glob, relative to the workspace.
        glob: String,
    },
    /// A file of code defines a name.
    Symbol {
        /// Relative path.
        path: String,
        /// The name, such as `parse` or `Parser.parse`.
        name: String,
    },
}

/// What [`Check::Count`] counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// The files that match a glob.
    Glob(String),
    /// The number that a command prints, or else the lines that it prints.
    Command(String),
}

/// How [`Check::Count`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CountOp {
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
    /// More than.
    #[serde(rename = ">")]
    MoreThan,
    /// Less than.
    #[serde(rename = "<")]
    LessThan,
}

impl CountOp {
    /// Every way to compare.
    pub const ALL: [Self; 5] = [
        Self::Equal,
        Self::AtLeast,
        Self::AtMost,
        Self::MoreThan,
        Self::LessThan,
    ];

    /// As it is written.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::MoreThan => ">",
            Self::LessThan => "<",
        }
    }

    /// Whether a number compares as told.
    #[must_use]
    pub const fn holds(self, seen: u64, n: u64) -> bool {
        match self {
            Self::Equal => seen == n,
            Self::AtLeast => seen >= n,
            Self::AtMost => seen <= n,
            Self::MoreThan => seen > n,
            Self::LessThan => seen < n,
        }
    }
}

impl std::fmt::Display for CountOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.symbol())
    }
}

impl Check {
    /// The line for a shell, if the check runs one.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        match self {
            Self::Command { command, .. }
            | Self::Tests { command, .. }
            | Self::Count {
                of: Counted::Command(command),
                ..
            } => Some(command),
            Self::FileExists { .. }
            | Self::FileAbsent { .. }
            | Self::FileContains { .. }
            | Self::JsonPath { .. }
            | Self::Count { .. }
            | Self::Unchanged { .. }
            | Self::Symbol { .. } => None,
        }
    }

    /// The path the check looks at, if it looks at one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::FileExists { path }
            | Self::FileAbsent { path }
            | Self::FileContains { path, .. }
            | Self::JsonPath { path, .. }
            | Self::Symbol { path, .. } => Some(path),
            Self::Command { .. }
            | Self::Count { .. }
            | Self::Tests { .. }
            | Self::Unchanged { .. } => None,
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
            Self::Count { of, op, n } => match of {
                Counted::Glob(glob) => write!(f, "the number of files {glob} is {op} {n}"),
                Counted::Command(command) => write!(f, "the count of `{command}` is {op} {n}"),
            },
            Self::Tests {
                command,
                min,
                must_pass,
            } => {
                write!(f, "the tests of `{command}` pass")?;
                if let Some(min) = min {
                    write!(f, ", at least {min}")?;
                }
                if must_pass.is_empty() {
                    Ok(())
                } else {
                    write!(f, ", among them {}", must_pass.join(", "))
                }
            }
            Self::Unchanged { glob } => write!(f, "{glob} is unchanged"),
            Self::Symbol { path, name } => write!(f, "{path} defines {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_with_an_unknown_field_is_refused() {
        let text = r#"{"kind":"file_exists","path":"a","regexp":"x"}"#;
        assert!(serde_json::from_str::<Check>(text).is_err());
    }

    #[test]
    fn the_kinds_that_count_are_written_and_said_in_one_way() {
        let cases = [
            (
                r#"{"kind":"count","of":{"glob":"*.md"},"op":">=","n":3}"#,
                "the number of files *.md is >= 3",
            ),
            (
                r#"{"kind":"count","of":{"command":"wc -l < a"},"op":"=","n":0}"#,
                "the count of `wc -l < a` is = 0",
            ),
            (
                r#"{"kind":"tests","command":"pytest","min":2,"must_pass":["test_a"]}"#,
                "the tests of `pytest` pass, at least 2, among them test_a",
            ),
            (
                r#"{"kind":"unchanged","glob":"src/**"}"#,
                "src/** is unchanged",
            ),
            (
                r#"{"kind":"symbol","path":"a.py","name":"A.f"}"#,
                "a.py defines A.f",
            ),
        ];
        for (text, words) in cases {
            let check: Check = serde_json::from_str(text).unwrap();
            assert_eq!(check.to_string(), words);
            assert_eq!(serde_json::to_string(&check).unwrap(), text);
        }
    }

    #[test]
    fn every_comparison_holds_on_one_side_of_its_number_only() {
        let held = |op: CountOp| [1, 2, 3].map(|seen| op.holds(seen, 2));
        assert_eq!(
            CountOp::ALL.map(held),
            [
                [false, true, false],
                [false, true, true],
                [true, true, false],
                [false, false, true],
                [true, false, false],
            ]
        );
    }
}
