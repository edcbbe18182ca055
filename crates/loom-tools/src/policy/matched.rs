//! From the rules that applied to one judgement.

use super::rules::{self, Rule};
use super::{Decision, Judgement, place};
use std::collections::BTreeSet;

/// Longest part of a line that is repeated in a reason.
const SHOWN_CHARS: usize = 120;

/// The number of a simple command, in the order in which they were seen.
pub(super) type CommandId = usize;

/// A rule that applied.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matched<'a> {
    pub(super) rule: Rule<'a>,
    /// To which part of the line.
    pub(super) what: String,
    /// The simple command that it is about; none for the line and what is around commands.
    pub(super) command: Option<CommandId>,
}

/// A command that could use the network if it had it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Program {
    pub(super) id: CommandId,
    pub(super) shown: String,
}

/// All that a walk found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Findings<'a> {
    pub(super) matched: Vec<Matched<'a>>,
    /// The programs of the line that are more than text and names; empty without rules of the user.
    pub(super) programs: Vec<Program>,
}

/// Decides. With `network` the task may use the network: what would only be asked for because of it
/// is not.
pub(super) fn conclude(findings: Findings<'_>, network: bool) -> Judgement {
    let needs_network = findings.matched.iter().any(|one| one.rule.network);
    let mut matched = lift(findings);
    if network {
        matched.retain(|one| one.rule != rules::NETWORK && one.rule != rules::INSTALL);
    }
    // Stable: among equally strict rules the first one in the line gives the reason.
    matched.sort_by_key(|one| std::cmp::Reverse(one.rule.decision));
    let reason = matched.first().map_or(String::new(), |one| {
        let shown: String = one.what.chars().take(SHOWN_CHARS).map(visible).collect();
        format!("`{}`: {}", shown.trim(), one.rule.why)
    });
    let mut names: Vec<String> = Vec::new();
    for one in &matched {
        if !names.iter().any(|name| name == one.rule.name) {
            names.push(one.rule.name.to_owned());
        }
    }
    Judgement {
        decision: matched
            .first()
            .map_or(Decision::Allow, |one| one.rule.decision),
        network: needs_network,
        rules: names,
        reason,
    }
}

/// Takes away the built-in questions about commands that the user allows. A refusal stays.
fn lift(findings: Findings<'_>) -> Vec<Matched<'_>> {
    let allowed: BTreeSet<CommandId> = findings
        .matched
        .iter()
        .filter(|one| one.rule.by_user && one.rule.decision == Decision::Allow)
        .filter_map(|one| one.command)
        .collect();
    let is_allowed = |one: &Matched<'_>| one.command.is_some_and(|id| allowed.contains(&id));
    let is_lifted = |one: &Matched<'_>| {
        !one.rule.by_user && one.rule.decision == Decision::Ask && is_allowed(one)
    };
    let mut kept = Vec::new();
    let mut opens_network = false;
    for one in findings.matched {
        match is_lifted(&one) {
            true => opens_network |= one.rule.network,
            false => kept.push(one),
        }
    }
    // The network is the line's, not one command's: nobody has agreed that the others use it.
    let other = findings.programs.into_iter();
    let other = other.into_iter().find(|one| !allowed.contains(&one.id));
    if let Some(other) = other.filter(|_| opens_network) {
        kept.push(Matched {
            rule: rules::SHARED_NETWORK,
            what: other.shown,
            command: None,
        });
    }
    kept
}

fn visible(c: char) -> char {
    match c {
        place::UNKNOWN | place::OUTPUT => '…',
        place::WORKSPACE => '.',
        place::INNER_SPACE => ' ',
        c if c.is_control() => ' ',
        c => c,
    }
}
