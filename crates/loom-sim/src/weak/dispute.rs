//! A planner that is asked about checks of its own: is the check wrong, or the work?

use super::mind::between;
use super::planner::{Planning, Plans};
use super::world::{CLAUSES, Item};
use crate::reply::Reply;
use crate::request::Request;
use serde_json::json;

/// Whether a request is that question.
pub(crate) fn is_asked(request: &Request) -> bool {
    let properties = request
        .schema
        .as_ref()
        .map(|schema| &schema.schema["properties"]);
    properties.is_some_and(|p| p.get("verdict").is_some() && p.get("checks").is_some())
}

impl Planning<'_> {
    /// Says which of the two is wrong, as well as it judges other people's work, and plans the checks
    /// anew where they are.
    pub(crate) fn settle(&self, request: &Request, plans: &mut Plans) -> Reply {
        let mut texts = request.opening().iter().filter_map(|m| m.text.as_deref());
        let prompt = texts.next_back().unwrap_or_default();
        let title = between(prompt, "The step: ", "\n").unwrap_or_default();
        let item = title
            .split_whitespace()
            .find_map(|word| self.world.item(word.strip_suffix(':')?));
        let Some(item) = item else {
            return right();
        };
        let disputed = between(prompt, "In dispute:\n", "\n\n").unwrap_or_default();
        let errs = self.chance_of_dispute(item, prompt);
        let found = if is_wrong(disputed, item) {
            !errs.about("wrong").hit(self.profile.false_pass_obvious)
        } else {
            errs.about("right").hit(self.profile.false_fail)
        };
        if !found {
            return right();
        }
        let checks = self.other_checks(item, plans);
        Reply::json(
            &json!({"analysis": "The check asks for something else.", "verdict": "wrong",
            "checks": checks}),
        )
    }
}

fn right() -> Reply {
    Reply::json(
        &json!({"analysis": "The check asks for what the step says.", "verdict": "right",
        "checks": []}),
    )
}

/// Whether checks cannot pass on right work: they look at a file that nobody makes, or expect a value
/// that is wrong.
fn is_wrong(checks: &str, item: &Item) -> bool {
    let expects_wrong = (0..CLAUSES).any(|at| {
        let right = item.clause(at, 0);
        let (start, value) = right.split_at(5);
        let expected = checks.split(start).skip(1);
        expected
            .map(|rest| {
                rest.chars()
                    .take_while(char::is_ascii_digit)
                    .collect::<String>()
            })
            .any(|found| found != value)
    });
    checks.contains("results/") || expects_wrong
}

#[cfg(test)]
mod tests {
    use super::super::World;
    use super::*;

    #[test]
    fn a_check_is_wrong_by_its_path_or_its_value() {
        let world = World::new(1, 3, 1);
        let item = &world.items[0];
        let (right, wrong) = (item.clause(4, 0), item.clause(4, 11));
        assert!(!is_wrong(
            &format!("- {} matches /^{right}$/", item.path),
            item
        ));
        assert!(is_wrong(
            &format!("- {} matches /^{wrong}$/", item.path),
            item
        ));
        assert!(is_wrong(
            &format!("- results/s01.txt matches /^{right}$/"),
            item
        ));
    }
}
