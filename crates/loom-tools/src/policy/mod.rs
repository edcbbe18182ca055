//! Which command lines may run, which need a human, and which are refused.
//!
//! The line is parsed as bash, not searched as text: `grep -r "rm -rf /"` looks for something. All
//! that runs is followed: pipes, lists, substitutions, functions, wrappers, code for interpreters,
//! and text that is fed to a shell. `rules` holds the rules as data; `walk` follows the line,
//! `words` expands it, `place` says where paths lead, `command` and its children look at operands.
//!
//! Rules of the user (`user`) are matched against the same simple commands: the strictest rule wins,
//! whoever made it, and what the user allows is not asked for. `matched` puts all of it together.
//!
//! A program that no rule knows may run: the sandbox is the boundary, and everything in the
//! workspace can be put back. What cannot be parsed is asked for.

mod argv;
mod budget;
mod code;
mod command;
mod control;
mod decode;
mod feed;
mod files;
mod functions;
mod git;
mod local;
mod many;
mod matched;
mod network;
mod output;
mod parse;
mod pattern;
mod place;
mod programs;
mod repair;
mod rules;
mod scripts;
mod sql;
mod state;
mod text;
mod user;
mod variables;
mod walk;
mod words;
mod wrappers;

pub(crate) use text::is_hidden;
pub use user::{PatternError, UserRule};

use std::path::Path;
use std::sync::Arc;

/// What is to be done with a command; the strictest rule wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// It runs in the sandbox without a question.
    Allow,
    /// It runs after a human agreed to exactly this line.
    Ask,
    /// It does not run.
    Deny,
}

/// A decision and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The strictest of all rules that matched.
    pub decision: Decision,
    /// The names of all rules that matched, the strictest first.
    pub rules: Vec<String>,
    /// Why, in words for people and models; empty when nothing matched.
    pub reason: String,
    /// Whether it is of no use without the network.
    pub network: bool,
}

impl Decision {
    /// The word for it in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// Where a line would run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Where<'a> {
    /// The workspace, when its path is known: absolute paths into it are inside.
    pub workspace: Option<&'a Path>,
    /// Whether the task may use the network: nothing is asked for only because of it.
    pub network: bool,
}

/// The built-in rules, and those of the user. The default has none of the user's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    rules: Arc<[UserRule]>,
}

impl Policy {
    /// The built-in rules and these.
    #[must_use]
    pub fn new(rules: Vec<UserRule>) -> Self {
        let rules = rules.into();
        Self { rules }
    }

    /// The same with further rules, from somebody who may make it stricter but not looser.
    ///
    /// # Errors
    /// When one of them allows something.
    pub fn tightened(&self, rules: Vec<UserRule>) -> Result<Self, Loosens> {
        if let Some(rule) = rules.iter().find(|one| one.decision() == Decision::Allow) {
            let rule = rule.name().to_owned();
            return Err(Loosens { rule });
        }
        Ok(Self {
            rules: self.rules.iter().cloned().chain(rules).collect(),
        })
    }

    /// The rules of the user.
    #[must_use]
    pub fn rules(&self) -> &[UserRule] {
        &self.rules
    }

    /// Judges a command line. Nothing is run, and nothing is looked up.
    #[must_use]
    pub fn judge(&self, line: &str, place: &Where<'_>) -> Judgement {
        let workspace = place.workspace.and_then(Path::to_str);
        let mut walk = walk::Walk::new(workspace, &self.rules);
        match text::hidden(line) {
            // Characters that mislead a reader may mislead the parser too.
            Some(what) => walk.matched(rules::HIDDEN_TEXT, what),
            None => walk.line(line),
        }
        matched::conclude(walk.finish(), place.network)
    }
}

/// A rule that allows something, from where only stricter rules may come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{rule}` allows something; here a rule may only ask or deny")]
pub struct Loosens {
    /// The name of the rule.
    rule: String,
}

/// Judges a command line by the built-in rules, in a workspace whose path is not known.
#[must_use]
pub fn judge(line: &str) -> Judgement {
    Policy::default().judge(line, &Where::default())
}
