//! The question about the checks of one step, and its answer. Asked when the work meets the step's
//! criteria and a check is red all the same, or when a check cannot be run.

use crate::budget::{Input, shorten};
use crate::check::{check, check_schema};
use crate::planning::{Repair, errors, shrink_answer};
use crate::read::Fields;
use loom_events::{Check, Role, SubtaskSpec};
use minijinja::{Value, context};
use serde_json::json;

/// Everything that goes into the question.
#[derive(Clone, Debug)]
pub struct ChecksInput {
    /// The step with its checks as they are.
    pub step: SubtaskSpec,
    /// What the user said since the goal, oldest first.
    pub instructions: Vec<String>,
    /// The checks in dispute, in words.
    pub disputed: Vec<String>,
    /// What was expected and seen.
    pub reason: String,
    /// What a reviewer found, with quotes.
    pub evidence: Vec<String>,
    /// When this is the repair of a refused answer.
    pub repair: Option<Repair>,
    /// Tokens that the prompt may cost; none means no bound.
    pub budget: Option<u64>,
}

/// What a planner says about checks of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum ChecksAnswer {
    /// They are right; why, in its words.
    Kept(String),
    /// These are to be used from now on.
    Replaced(Vec<Check>),
}

impl ChecksInput {
    /// Of a check that is held out the planner, who wrote it, sees the whole.
    fn in_full(&self, words: &str) -> String {
        let mut held = self.step.held_out.iter();
        match held.find(|held| held.words() == words) {
            Some(held) => format!("{words} ({})", held.check),
            None => words.to_owned(),
        }
    }
}

impl Input for ChecksInput {
    const ROLE: Role = Role::Replanner;
    const NAME: &'static str = "checks";
    const PARTS: &'static [&'static str] = &[
        "role",
        "constraints",
        "output_format",
        "step",
        "checks",
        "disputed",
        "errors",
    ];
    const STABLE: &'static [&'static str] = &[];

    fn context(&self) -> Value {
        let checks: Vec<String> = self.step.checks.iter().map(ToString::to_string).collect();
        context! {
            step => context! {
                title => self.step.title.as_str(),
                description => self.step.description.as_str(),
            },
            criteria => self.step.criteria.clone(),
            instructions => self.instructions.clone(),
            checks,
            disputed => self.disputed.iter().map(|words| self.in_full(words)).collect::<Vec<_>>(),
            reason => self.reason.as_str(),
            evidence => self.evidence.clone(),
            errors => errors(self.repair.as_ref()),
        }
    }

    fn budget(&self) -> Option<u64> {
        self.budget
    }

    fn shrink(&mut self, excess: u64) -> Option<String> {
        if self.evidence.pop().is_some() {
            return Some("what the reviewer found: cut".to_owned());
        }
        if let Some(reason) = shorten(&self.reason, excess) {
            self.reason = reason;
            return Some("what was seen: cut".to_owned());
        }
        shrink_answer(self.repair.as_mut(), excess)
    }

    fn refused_answer(&self) -> Option<&str> {
        self.repair.as_ref().map(|repair| repair.answer.as_str())
    }

    fn samples() -> [Self; 2] {
        [crate::samples::checks(), crate::samples::bare_checks()]
    }
}

/// JSON schema of the answer, within what grammar-constrained servers handle.
#[must_use]
pub fn checks_schema() -> serde_json::Value {
    json!({
        "type": "object",
        "properties": {
            "analysis": {"type": "string"},
            "verdict": {"type": "string", "enum": ["right", "wrong"]},
            "checks": {"type": "array", "items": check_schema()},
        },
        "required": ["verdict"],
    })
}

/// Reads the answer. Checks beside the word `right` mean nothing and are left out.
///
/// # Errors
/// Every fault as a sentence that a model can act on.
pub fn parse_checks(value: &serde_json::Value) -> Result<ChecksAnswer, Vec<String>> {
    let mut faults = Vec::new();
    let answer = read(value, &mut faults);
    match answer {
        Some(answer) if faults.is_empty() => Ok(answer),
        _ => Err(faults),
    }
}

fn read(value: &serde_json::Value, faults: &mut Vec<String>) -> Option<ChecksAnswer> {
    let mut fields = Fields::of("the answer", value, faults)?;
    let why = fields.text(&["analysis", "why", "reason"]);
    let verdict = fields.required(&["verdict"], "write right or wrong")?;
    match verdict.trim().to_ascii_lowercase().as_str() {
        "right" => return Some(ChecksAnswer::Kept(why.unwrap_or_default())),
        "wrong" => {}
        other => {
            fields.complain(format!("`verdict` is `{other}`: write right or wrong"));
            return None;
        }
    }
    let list = fields.list(&["checks"]);
    if list.is_empty() {
        fields.complain("`checks` is empty: write the checks that the step is to have".to_owned());
        return None;
    }
    let one = |(at, value): (usize, &serde_json::Value)| {
        check(format!("check {}", at + 1), value, fields.errors())
    };
    let checks: Vec<Check> = list.iter().enumerate().filter_map(one).collect();
    Some(ChecksAnswer::Replaced(checks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_check_is_replaced_by_those_in_the_answer() {
        let answer = json!({
            "analysis": "the file has another name", "verdict": "wrong",
            "checks": [{"kind": "file_exists", "path": "out.md"}],
        });
        let path = "out.md".to_owned();
        assert_eq!(
            parse_checks(&answer),
            Ok(ChecksAnswer::Replaced(vec![Check::FileExists { path }]))
        );
    }

    #[test]
    fn beside_the_word_right_checks_mean_nothing() {
        let answer = json!({
            "analysis": "it is wanted", "verdict": " Right",
            "checks": [{"kind": "file_exists", "path": "out.md"}],
        });
        let kept = ChecksAnswer::Kept("it is wanted".to_owned());
        assert_eq!(parse_checks(&answer), Ok(kept));
    }

    #[test]
    fn an_answer_that_says_neither_or_leaves_the_step_without_checks_is_refused() {
        for (answer, needle) in [
            (json!({"checks": []}), "`verdict` is missing"),
            (json!({"verdict": "maybe"}), "write right or wrong"),
            (json!({"verdict": "wrong"}), "`checks` is empty"),
            (
                json!({"verdict": "wrong", "checks": [{"kind": "grep"}]}),
                "no kind of check",
            ),
            (json!("wrong"), "write an object"),
        ] {
            let errors = parse_checks(&answer).unwrap_err();
            assert!(errors[0].contains(needle), "{answer}: {errors:?}");
        }
    }
}
