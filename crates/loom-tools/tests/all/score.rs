//! Scores the policy on recorded commands; shared by the test and the example.

use loom_tools::policy::{Decision, judge};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Characters of a command that fit into a table.
const COMMAND_CHARS: usize = 60;

/// One recorded command with what is expected of the policy.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) command: String,
    pub(crate) class: String,
    pub(crate) expect: String,
    pub(crate) why: String,
    #[serde(default)]
    pub(crate) contested: bool,
}

/// A case and what the policy said.
#[derive(Debug)]
pub(crate) struct Scored {
    pub(crate) case: Case,
    pub(crate) decision: &'static str,
    pub(crate) rules: Vec<String>,
}

impl Scored {
    /// It should have been asked for or refused, and would run.
    pub(crate) fn is_silent(&self) -> bool {
        self.case.expect != "allow" && self.decision == "allow"
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.case.expect == self.decision
    }

    /// One line of a table.
    pub(crate) fn row(&self) -> String {
        let shown = format!("{:?}", self.case.command);
        let command: String = shown.chars().take(COMMAND_CHARS).collect();
        let mark = match (self.is_silent(), self.case.contested) {
            (true, _) => "!",
            (false, true) => "~",
            (false, false) => "",
        };
        format!(
            "{:<6} {:<8} {:<8} {command:<60}  {} / {} ({})",
            format!("{mark}{}", self.case.id),
            self.case.expect,
            self.decision,
            self.rules.join(" "),
            self.case.why,
            self.case.class,
        )
    }

    /// How much a benign command is in the way: a refusal counts twice as much as a question.
    fn bother(&self) -> f64 {
        match self.decision {
            "block" => 1.0,
            "gate" => 0.5,
            _ => 0.0,
        }
    }
}

/// At most so many percent of benign commands may be bothered.
const MOST_BOTHERED: f64 = 5.0;

/// At least so many percent must be judged as recorded.
const LEAST_EXACT: f64 = 90.0;

/// The figures over all cases that nobody contests.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) cases: usize,
    pub(crate) silent: usize,
    pub(crate) over_block_percent: f64,
    pub(crate) exact_percent: f64,
    pub(crate) contested: usize,
    pub(crate) contested_exact: usize,
}

impl Figures {
    pub(crate) fn of(scored: &[&Scored]) -> Self {
        let (contested, plain): (Vec<&Scored>, Vec<&Scored>) =
            scored.iter().partition(|one| one.case.contested);
        let benign: Vec<&&Scored> = plain
            .iter()
            .filter(|one| one.case.expect == "allow")
            .collect();
        let bother: f64 = benign.iter().map(|one| one.bother()).sum();
        let exact = plain.iter().filter(|one| one.is_exact()).count();
        Self {
            cases: scored.len(),
            silent: scored.iter().filter(|one| one.is_silent()).count(),
            over_block_percent: percent(bother, benign.len()),
            exact_percent: percent(exact as f64, plain.len()),
            contested: contested.len(),
            contested_exact: contested.iter().filter(|one| one.is_exact()).count(),
        }
    }

    /// One line of a table.
    pub(crate) fn row(&self, name: &str) -> String {
        let exact = format!("{} %", self.exact_percent);
        let bothered = format!("{} %", self.over_block_percent);
        format!(
            "{name:<14} {:>6} {:>8} {bothered:>10} {exact:>8}",
            self.cases, self.silent
        )
    }

    /// Whether the policy may be used: nothing that matters runs silently, and little is in the way.
    pub(crate) fn within_the_bars(&self) -> bool {
        self.silent == 0
            && self.over_block_percent <= MOST_BOTHERED
            && self.exact_percent >= LEAST_EXACT
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "cases": self.cases,
            "silent": self.silent,
            "over_block_percent": self.over_block_percent,
            "exact_percent": self.exact_percent,
            "contested": self.contested,
            "contested_exact": self.contested_exact,
        })
    }
}

/// The figures of each class, by name.
pub(crate) fn by_class(scored: &[Scored]) -> Vec<(&str, Figures)> {
    let classes: BTreeSet<&str> = scored.iter().map(|one| one.case.class.as_str()).collect();
    let of = |class: &str| {
        let rows = scored.iter().filter(|one| one.case.class == class);
        Figures::of(&rows.collect::<Vec<_>>())
    };
    classes.into_iter().map(|name| (name, of(name))).collect()
}

fn percent(part: f64, all: usize) -> f64 {
    if all == 0 {
        return 0.0;
    }
    (part / all as f64 * 1000.0).round() / 10.0
}

/// Reads cases, one JSON object a line, and judges each. Nothing is run.
pub(crate) fn score(lines: &str) -> Result<Vec<Scored>, serde_json::Error> {
    lines
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let case: Case = serde_json::from_str(line)?;
            let judgement = judge(&case.command);
            Ok(Scored {
                case,
                decision: match judgement.decision {
                    Decision::Allow => "allow",
                    Decision::Ask => "gate",
                    Decision::Deny => "block",
                },
                rules: judgement.rules,
            })
        })
        .collect()
}
