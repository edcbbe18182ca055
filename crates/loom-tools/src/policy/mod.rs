//! Which command lines may run, which need a human, and which are refused.
//!
//! The line is parsed as bash, not searched as text: `grep -r "rm -rf /"` looks for something. All
//! that runs is followed: pipes, lists, substitutions, functions, wrappers, code for interpreters,
//! and text that is fed to a shell. `rules` holds the rules as data; `walk` follows the line,
//! `words` expands it, `place` says where paths lead, `command` and its children look at operands.
//!
//! A program that no rule knows may run: the sandbox is the boundary, and everything in the
//! workspace can be put back. What cannot be parsed is asked for.

mod argv;
mod code;
mod command;
mod decode;
mod feed;
mod files;
mod git;
mod many;
mod network;
mod output;
mod parse;
mod place;
mod programs;
mod repair;
mod rules;
mod scripts;
mod sql;
mod text;
mod variables;
mod walk;
mod words;
mod wrappers;

pub(crate) use text::is_hidden;

use rules::Rule;
use std::path::Path;

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

/// Judges a command line that runs in a workspace whose path is not known.
#[must_use]
pub fn judge(line: &str) -> Judgement {
    judge_line(line, None)
}

/// Judges a command line; absolute paths into the workspace are inside.
#[must_use]
pub fn judge_in(line: &str, workspace: &Path) -> Judgement {
    judge_line(line, workspace.to_str())
}

fn judge_line(line: &str, workspace: Option<&str>) -> Judgement {
    let mut walk = walk::Walk::new(workspace);
    match text::hidden(line) {
        // Characters that mislead a reader may mislead the parser too.
        Some(what) => walk.matched(rules::HIDDEN_TEXT, what),
        None => walk.line(line),
    }
    conclude(walk.finish())
}

/// Longest part of a line that is repeated in a reason.
const SHOWN_CHARS: usize = 120;

fn conclude(mut matched: Vec<(Rule, String)>) -> Judgement {
    // Stable: among equally strict rules the first one in the line gives the reason.
    matched.sort_by_key(|(rule, _)| std::cmp::Reverse(rule.decision));
    let reason = matched.first().map_or(String::new(), |(rule, what)| {
        let shown: String = what.chars().take(SHOWN_CHARS).map(visible).collect();
        format!("`{}`: {}", shown.trim(), rule.why)
    });
    let mut rules: Vec<String> = Vec::new();
    for (rule, _) in &matched {
        if !rules.iter().any(|name| name == rule.name) {
            rules.push(rule.name.to_owned());
        }
    }
    Judgement {
        decision: matched
            .first()
            .map_or(Decision::Allow, |(rule, _)| rule.decision),
        network: matched.iter().any(|(rule, _)| rule.network),
        rules,
        reason,
    }
}

fn visible(c: char) -> char {
    match c {
        place::UNKNOWN | place::OUTPUT => '…',
        c if c.is_control() => ' ',
        c => c,
    }
}
