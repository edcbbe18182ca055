//! The verdict of a simulated verifier: criterion by criterion, with quotes that are in the material.
//!
//! Criteria are read out of the prompt tolerantly, since their layout is not ours: a line that begins with
//! a short id such as `c1`. So are places: a line number, after the label of a block such as `D2`.

use crate::request::{Request, Speaker};
use crate::when::OneOrMany;
use serde::Deserialize;
use serde_json::{Value, json};

/// Answers whatever criteria the request lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Judge {
    /// The first one that fits a criterion answers it; without any the answer is `cannot_tell`.
    pub criteria: Vec<CriterionRule>,
    /// Texts that tell a criterion which is known to be false: `not_met`.
    pub canary: OneOrMany<String>,
    /// Changes that nobody asked for.
    pub unrequested_changes: Vec<String>,
    /// The worst problem in one sentence; `none` when absent.
    pub worst_problem: Option<String>,
}

/// The answer to the criteria that contain one of some texts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriterionRule {
    /// The texts; upper and lower case do not matter.
    pub contains: OneOrMany<String>,
    /// What is answered.
    pub verdict: String,
    /// Quotes of which the first that is in the material is given, with its place. When there are
    /// quotes and none is there, the answer is `cannot_tell`: this verifier does not invent evidence.
    #[serde(default)]
    pub quote: OneOrMany<String>,
    /// Texts that it looked for and did not find.
    #[serde(default)]
    pub searched: Vec<String>,
    /// Why, in a few words.
    #[serde(default)]
    pub why: String,
}

/// A criterion as listed in a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Criterion {
    id: String,
    text: String,
}

impl Judge {
    /// The verdict on a request.
    pub(crate) fn verdict(&self, request: &Request) -> Value {
        let prompt = user_text(request);
        let answers: Vec<_> = criteria(&prompt)
            .iter()
            .map(|criterion| self.answer(criterion, &prompt))
            .collect();
        json!({
            "criteria": answers,
            "unrequested_changes": self.unrequested_changes,
            "worst_problem": self.worst_problem.as_deref().unwrap_or("none"),
        })
    }

    fn answer(&self, criterion: &Criterion, prompt: &str) -> Value {
        let text = criterion.text.to_lowercase();
        let told = |marks: &OneOrMany<String>| {
            marks
                .0
                .iter()
                .any(|mark| text.contains(&mark.to_lowercase()))
        };
        if told(&self.canary) {
            return answer(
                criterion,
                "not_met",
                None,
                "nothing in the material shows it",
            );
        }
        match self.criteria.iter().find(|rule| told(&rule.contains)) {
            Some(rule) => rule.answer(criterion, prompt),
            None => answer(criterion, "cannot_tell", None, "no rule for this criterion"),
        }
    }
}

impl CriterionRule {
    fn answer(&self, criterion: &Criterion, prompt: &str) -> Value {
        let found = self.quote.0.iter().find_map(|quote| {
            let at = place(prompt, quote)?;
            Some((quote.as_str(), at))
        });
        if found.is_none() && !self.quote.0.is_empty() {
            return answer(criterion, "cannot_tell", None, "the material does not say");
        }
        let mut answer = answer(criterion, &self.verdict, found, &self.why);
        answer["searched"] = json!(self.searched);
        answer
    }
}

fn answer(criterion: &Criterion, verdict: &str, found: Option<(&str, String)>, why: &str) -> Value {
    let (quote, at) = found.unwrap_or_default();
    json!({"id": criterion.id, "verdict": verdict, "quote": quote, "at": at, "searched": [], "why": why})
}

/// What the harness said before the first answer. Its first message alone holds the rules and often an
/// example of a verdict, so it is left out.
fn user_text(request: &Request) -> String {
    let texts: Vec<_> = request
        .opening()
        .iter()
        .filter(|message| message.speaker != Speaker::System)
        .filter_map(|message| message.text.as_deref())
        .collect();
    texts.join("\n")
}

/// The criteria of a prompt in their order. Of two with the same id the last counts, because examples
/// come before what is asked.
fn criteria(prompt: &str) -> Vec<Criterion> {
    let mut found: Vec<Criterion> = Vec::new();
    let mut lines = prompt.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((id, rest)) = criterion_line(line) else {
            continue;
        };
        let text = match rest {
            "" => lines.peek().map_or("", |next| after_text_key(next)),
            rest => rest,
        };
        found.retain(|criterion| criterion.id != id);
        found.push(Criterion {
            id: id.to_owned(),
            text: text.to_owned(),
        });
    }
    found
}

/// The id and the rest of `- c1: text`, `[c1] text`, `1. c1 — text`, `id: c1`, `{"id": "c1", "text": "…"}`.
fn criterion_line(line: &str) -> Option<(&str, &str)> {
    let start = line.trim_start_matches(|c: char| !c.is_alphabetic());
    let start = start
        .strip_prefix("id")
        .map_or(start, |rest| rest.trim_start_matches(['"', ':', ' ', '\'']));
    let digits = start.strip_prefix('c')?;
    let length = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let (id, rest) = start.split_at(1 + length);
    let separated = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '=');
    (length > 0 && separated).then(|| (id, after_text_key(rest)))
}

fn after_text_key(text: &str) -> &str {
    let bare = |text: &'static [char], from| str::trim_start_matches(from, text);
    let text = bare(
        &['"', '\'', ']', ')', ':', '.', ',', '-', '–', '—', '*', ' '],
        text,
    );
    let value = text
        .strip_prefix("text")
        .or_else(|| text.strip_prefix("criterion"))
        .map_or(text, |rest| bare(&['"', ':', ' ', '\''], rest));
    value.trim_end_matches(['"', '}', ',', ' '])
}

/// Where a quote is in the material: `D1:12`. `None` when it is not there.
fn place(prompt: &str, quote: &str) -> Option<String> {
    let mut block = "";
    for line in prompt.lines() {
        let label = block_label(line);
        if let Some((label, _)) = label {
            block = label;
        }
        // Before the first block and in the list of criteria a text proves nothing.
        if block.is_empty() || criterion_line(line).is_some() {
            continue;
        }
        if line.contains(quote) {
            let number = match label {
                Some((_, Some(number))) => number,
                _ => line_number(line),
            };
            return Some(format!("{block}:{number}"));
        }
    }
    None
}

/// The label at the start of a line, and the number that follows it in `D1:12`.
fn block_label(line: &str) -> Option<(&str, Option<&str>)> {
    let start = line.trim_start_matches(['#', '[', '<', '-', '=', '*', '`', ' ']);
    let letters = start.find(|c: char| !c.is_ascii_uppercase())?;
    let end = letters + digits(&start[letters..]);
    if !(1..=2).contains(&letters) || end == letters {
        return None;
    }
    let number = start[end..]
        .strip_prefix(':')
        .map(|rest| &rest[..digits(rest)]);
    Some((&start[..end], number.filter(|number| !number.is_empty())))
}

/// The number at the start of a line, or nothing.
fn line_number(line: &str) -> &str {
    let start = line.trim_start();
    &start[..digits(start)]
}

fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(prompt: &str) -> Request {
        Request::read(&json!({"messages": [
            {"role": "system", "content": "Example: c1: nonsense"},
            {"role": "user", "content": prompt}]}))
    }

    fn judge() -> Judge {
        serde_json::from_value(json!({
            "criteria": [{"contains": "adds up", "verdict": "met", "quote": ["gone", "sum + x"], "why": "it adds"},
                         {"contains": "documented", "verdict": "not_met", "searched": ["README"]}],
            "canary": "moon"}))
        .unwrap()
    }

    #[test]
    fn each_criterion_is_answered_by_its_rule_with_a_quote_and_its_place() {
        let prompt = "## D1 diff of a.sh\n 1| -old\n 2| +sum + x\nCriteria:\n\
            - c1: It adds up all lines\n- c2: It is DOCUMENTED\n- c3: It flies to the Moon\n- c4: unknown";
        let verdict = judge().verdict(&asked(prompt));
        let told: Vec<_> = verdict["criteria"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| (c["id"].as_str().unwrap(), c["verdict"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("c1", "met"),
                ("c2", "not_met"),
                ("c3", "not_met"),
                ("c4", "cannot_tell")
            ]
        );
        assert_eq!(verdict["criteria"][0]["quote"], "sum + x");
        assert_eq!(verdict["criteria"][0]["at"], "D1:2");
        assert_eq!(verdict["criteria"][1]["searched"], json!(["README"]));
    }

    #[test]
    fn without_its_quote_in_the_material_nothing_is_met() {
        let verdict = judge().verdict(&asked("- c1: it adds up"));
        assert_eq!(verdict["criteria"][0]["verdict"], "cannot_tell");
    }

    #[test]
    fn criteria_are_read_from_many_layouts() {
        for line in [
            "c1: works",
            "- [c1] works",
            "* **c1** — works",
            "1. c1. works",
            r#"{"id": "c1", "text": "works"},"#,
            "- id: c1\n  text: \"works\"",
        ] {
            let found = criteria(line);
            assert_eq!(found.len(), 1, "{line}");
            assert_eq!(
                (found[0].id.as_str(), found[0].text.as_str()),
                ("c1", "works")
            );
        }
        assert_eq!(criteria("code1: x\nc1x = 3\nc: y"), []);
    }

    #[test]
    fn a_place_is_read_from_labelled_lines_too() {
        assert_eq!(place("D2:41 +let x", "let x").unwrap(), "D2:41");
        assert_eq!(place("[D3] file\n  7  let x", "let x").unwrap(), "D3:7");
    }
}
