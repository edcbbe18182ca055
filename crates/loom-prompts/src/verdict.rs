//! The verdict as a verifier writes it: schema and reading. What it is worth is decided elsewhere.

use crate::read::{Fields, kind};
use loom_events::CriterionVerdict;
use serde_json::{Value, json};

/// What a verifier answered, before any of it was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerdictAnswer {
    /// One answer for each criterion that it judged.
    pub criteria: Vec<CriterionAnswer>,
    /// Changes that nobody asked for, with their place.
    pub unrequested_changes: Vec<String>,
    /// `none`, or one sentence.
    pub worst_problem: String,
}

/// The answer on one criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriterionAnswer {
    /// The criterion's short name.
    pub id: String,
    /// What it says.
    pub verdict: CriterionVerdict,
    /// Copied from the material, it says.
    pub quote: String,
    /// Where in the material: `D3:41`.
    pub at: String,
    /// Plain texts that it looked for and did not find, when something is absent.
    pub searched: Vec<String>,
    /// Why, in its words.
    pub why: String,
}

/// JSON schema of a verdict. Quote and place come before the reason and after the verdict word, in
/// the order in which they are written.
#[must_use]
pub fn verdict_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "criteria": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string"},
                        "verdict": {"type": "string", "enum": ["met", "not_met", "cannot_tell"]},
                        "quote": {"type": "string"},
                        "at": {"type": "string"},
                        "searched": {"type": "array", "items": {"type": "string"}},
                        "why": {"type": "string"},
                    },
                    "required": ["id", "verdict", "quote"],
                },
            },
            "unrequested_changes": {"type": "array", "items": {"type": "string"}},
            "worst_problem": {"type": "string"},
        },
        "required": ["criteria"],
    })
}

/// Reads a verdict. Prose is never searched for one.
///
/// # Errors
/// Every fault as a sentence.
pub fn parse_verdict(value: &Value) -> Result<VerdictAnswer, Vec<String>> {
    let mut errors = Vec::new();
    let Some(list) = value.get("criteria").and_then(Value::as_array) else {
        return Err(vec![format!(
            "the answer has no list `criteria`: write {{\"criteria\": [ … ]}}, not {}",
            kind(value)
        )]);
    };
    if list.is_empty() {
        errors.push("`criteria` is empty: judge every criterion".to_owned());
    }
    let criteria = list
        .iter()
        .enumerate()
        .filter_map(|(at, value)| criterion(at + 1, value, &mut errors))
        .collect();
    let (unrequested_changes, worst_problem) = match Fields::of("the answer", value, &mut errors) {
        Some(mut fields) => (
            fields.texts(&["unrequested_changes"]),
            fields.text(&["worst_problem"]).unwrap_or_default(),
        ),
        None => (Vec::new(), String::new()),
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(VerdictAnswer {
        criteria,
        unrequested_changes,
        worst_problem,
    })
}

fn criterion(number: usize, value: &Value, errors: &mut Vec<String>) -> Option<CriterionAnswer> {
    let mut fields = Fields::of(format!("criterion {number}"), value, errors)?;
    let id = fields.required(&["id"], "write its id, such as c1");
    let word = fields.required(&["verdict"], "write met, not_met or cannot_tell")?;
    let verdict = match word.to_ascii_lowercase().replace([' ', '-'], "_").as_str() {
        "met" => CriterionVerdict::Met,
        "not_met" => CriterionVerdict::NotMet,
        "cannot_tell" => CriterionVerdict::CannotTell,
        _ => {
            fields.complain(format!(
                "`verdict` is `{word}`: write met, not_met or cannot_tell"
            ));
            return None;
        }
    };
    Some(CriterionAnswer {
        id: id?,
        verdict,
        quote: fields.text(&["quote"]).unwrap_or_default(),
        at: fields.text(&["at"]).unwrap_or_default(),
        searched: fields.texts(&["searched"]),
        why: fields.text(&["why"]).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read_criterion_by_criterion() {
        let answer = parse_verdict(&json!({
            "criteria": [
                {"id": "c1", "verdict": "met", "quote": "x = 1", "at": "D1:3", "searched": [], "why": "there"},
                {"id": "c2", "verdict": "Not met", "searched": "surface"},
            ],
            "unrequested_changes": ["D2:1 blank line"],
            "worst_problem": "none",
        }))
        .unwrap();
        assert_eq!(answer.criteria[0].at, "D1:3");
        assert_eq!(answer.criteria[1].verdict, CriterionVerdict::NotMet);
        assert_eq!(answer.criteria[1].searched, ["surface"]);
        assert_eq!(answer.unrequested_changes, ["D2:1 blank line"]);
    }

    #[test]
    fn prose_and_overall_approval_are_not_verdicts() {
        for value in [
            json!("Looks good to me!"),
            json!({"verdict": "met"}),
            json!({"criteria": []}),
            json!({"criteria": "all met"}),
            json!({"approved": true}),
            json!(null),
        ] {
            assert!(parse_verdict(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn an_unknown_word_is_an_error_not_a_pass() {
        let errors =
            parse_verdict(&json!({"criteria": [{"id": "c1", "verdict": "pass"}]})).unwrap_err();
        assert_eq!(
            errors,
            ["criterion 1: `verdict` is `pass`: write met, not_met or cannot_tell"]
        );
    }
}
