//! What a verifier is told: criteria, checks and numbered material. Never the conversation, never
//! a claim, never who did the work.

use crate::budget::Input;
use crate::tokens::{clip_tokens, estimate_tokens};
use loom_events::Role;
use minijinja::{Value, context};

/// Everything that goes into a verifier prompt.
#[derive(Clone, Debug, Default)]
pub struct VerifierInput {
    /// What was asked for: the subtask's description, or the goal.
    pub task: String,
    /// The conditions to judge, at most six a call.
    pub criteria: Vec<CriterionLine>,
    /// Checks that the harness ran itself.
    pub checks: Vec<CheckLine>,
    /// Diff first, then excerpts, the least important last; quotes must come from here.
    pub material: Vec<Block>,
    /// Which part of the work the material is; none: it is all of it.
    pub part: Option<Part>,
    /// Titles of material that did not fit.
    pub left_out: Vec<String>,
    /// Tokens that the prompt may cost; none means no bound.
    pub budget: Option<u64>,
}

/// A part of work that is too large to be looked at at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Files of the other parts.
    pub elsewhere: Vec<String>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriterionLine {
    /// Short name for the answer: `c1`.
    pub id: String,
    /// The condition in a sentence.
    pub text: String,
}

/// One check in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckLine {
    /// The check in words.
    pub check: String,
    /// Whether it holds.
    pub passed: bool,
    /// What was seen.
    pub detail: String,
}

/// One numbered block of material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Short name for quotes: `D1`.
    pub label: String,
    /// What it is: `diff of src/main.rs`.
    pub title: String,
    /// The text, whose lines are numbered from 1 when it is shown.
    pub text: String,
}

impl Input for VerifierInput {
    const ROLE: Role = Role::Verifier;
    const NAME: &'static str = "verifier";
    const PARTS: &'static [&'static str] = &[
        "role",
        "constraints",
        "output_format",
        "task",
        "checks",
        "material",
        "criteria",
    ];
    const STABLE: &'static [&'static str] = &[];

    fn context(&self) -> Value {
        let checks: Vec<Value> = self.checks.iter().map(check).collect();
        let material: Vec<Value> = self.material.iter().map(block).collect();
        let criteria: Vec<Value> = self.criteria.iter().map(criterion).collect();
        let part = self.part.as_ref().map(part);
        let left_out = &self.left_out;
        context! { task => self.task.as_str(), checks, material, part, left_out, criteria }
    }

    fn budget(&self) -> Option<u64> {
        self.budget
    }

    /// Cuts the last block, which is the least important; the first is only shortened, since a
    /// verdict without any material is not one. After that checks that passed go, the last first.
    fn shrink(&mut self, excess: u64) -> Option<String> {
        /// Below this a rest of a block tells nothing.
        const WORTH_KEEPING: u64 = 100;
        let only = self.material.len() <= 1;
        if let Some(last) = self.material.last_mut() {
            let title = last.title.clone();
            let now = estimate_tokens(&last.text);
            // Line numbers are shown but not counted here, hence a third more.
            let keep = now.saturating_sub(excess.saturating_add(excess / 3 + 1));
            if keep >= WORTH_KEEPING {
                last.text = clip_tokens(&last.text, keep);
                return Some(format!("{title}: cut"));
            }
            if !only {
                self.material.pop();
                self.left_out.push(title.clone());
                return Some(format!("{title}: left out"));
            }
        }
        let (before, mut left) = (self.checks.len(), excess);
        while let Some(at) = self.checks.iter().rposition(|line| line.passed) {
            if left == 0 {
                break;
            }
            let line = self.checks.remove(at);
            let shown = format!("- passed: {} ({})", line.check, line.detail);
            left = left.saturating_sub(estimate_tokens(&shown));
        }
        let dropped = before - self.checks.len();
        (dropped > 0).then(|| {
            let what = format!("{dropped} checks that passed");
            self.left_out.push(what.clone());
            format!("{what}: left out")
        })
    }

    fn samples() -> [Self; 2] {
        [crate::samples::verifier(), crate::samples::bare_verifier()]
    }
}

fn check(line: &CheckLine) -> Value {
    context! {
        check => line.check.as_str(),
        passed => line.passed,
        detail => line.detail.as_str(),
    }
}

fn block(block: &Block) -> Value {
    context! {
        label => block.label.as_str(),
        title => block.title.as_str(),
        text => block.text.as_str(),
    }
}

fn part(part: &Part) -> Value {
    context! {
        number => part.number,
        of => part.of,
        elsewhere => &part.elsewhere,
    }
}

fn criterion(line: &CriterionLine) -> Value {
    context! { id => line.id.as_str(), text => line.text.as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Prompts, samples};
    use loom_events::Message;

    #[test]
    fn the_criteria_come_after_the_material_and_the_rules_before() {
        let rendered = Prompts::builtin()
            .unwrap()
            .verifier(&samples::verifier())
            .unwrap();
        let [Message::System { .. }, Message::User { text }] = rendered.messages.as_slice() else {
            panic!("{rendered:?}");
        };
        let at = |needle: &str| {
            text.find(needle)
                .unwrap_or_else(|| panic!("{needle}: {text}"))
        };
        assert!(at("D1") < at("c1: cli.py accepts"));
    }

    #[test]
    fn a_part_says_where_the_rest_is_looked_at_and_the_whole_says_nothing_of_it() {
        let mut input = samples::verifier();
        let said = |input: &VerifierInput| {
            format!(
                "{:?}",
                Prompts::builtin()
                    .unwrap()
                    .verifier(input)
                    .unwrap()
                    .messages
            )
        };
        let part = said(&input);
        assert!(part.contains("This is part 1 of 2."), "{part}");
        assert!(part.contains("Others look at: README.md."), "{part}");
        (input.part, input.left_out) = (None, Vec::new());
        let whole = said(&input);
        assert!(
            !whole.contains("part") && !whole.contains("no room"),
            "{whole}"
        );
    }

    #[test]
    fn with_many_checks_those_that_passed_go_and_a_red_one_stays() {
        let mut input = samples::verifier();
        let line = |n: usize| CheckLine {
            check: format!("file number {n} of the plan contains its heading"),
            passed: n != 150,
            detail: "seen".to_owned(),
        };
        input.checks = (0..300).map(line).collect();
        input.budget = Some(1_200);
        let rendered = Prompts::builtin().unwrap().verifier(&input).unwrap();
        let said = format!("{:?}", rendered.messages);
        assert!(said.contains("FAILED: file number 150"), "{said}");
        assert!(
            said.contains("add_argument") && said.contains("file number 0 of"),
            "{said}"
        );
        assert!(said.contains("checks that passed"), "{said}");
        assert!(
            rendered
                .trimmed
                .iter()
                .any(|what| what.contains("checks that passed"))
        );
    }

    #[test]
    fn the_least_important_block_is_cut_first_and_named() {
        let mut input = samples::verifier();
        let excerpt = Block {
            label: "D2".to_owned(),
            title: "README.md".to_owned(),
            text: "a line of the manual\n".repeat(2_000),
        };
        input.material.push(excerpt);
        input.budget = Some(1_500);
        let rendered = Prompts::builtin().unwrap().verifier(&input).unwrap();
        assert!(
            rendered.trimmed[0].starts_with("README.md: "),
            "{:?}",
            rendered.trimmed
        );
        let said = format!("{:?}", rendered.messages);
        assert!(said.contains("add_argument"));
        // Whole blocks that go are named to the model, too.
        input.budget = Some(900);
        let rendered = Prompts::builtin().unwrap().verifier(&input).unwrap();
        let said = format!("{:?}", rendered.messages);
        assert!(
            said.contains("There was no room for: test.sh as it is now, README.md."),
            "{said}"
        );
    }
}
