//! One thing that is wrong, in the words that the next attempt is told.

use std::fmt;

/// One thing that is wrong: what was looked at, what was expected, what was seen, where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The check or rule, in words.
    pub what: String,
    /// What should be.
    pub expected: String,
    /// What is.
    pub seen: String,
    /// File and line, when there is one place.
    pub place: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  expected: {}", self.what, indented(&self.expected))?;
        write!(f, "\n  seen: {}", indented(&self.seen))?;
        match &self.place {
            Some(place) => write!(f, "\n  where: {place}"),
            None => Ok(()),
        }
    }
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

/// Longest feedback: it is repeated in the next prompt, where the step itself must stay visible.
const MAX_FEEDBACK_CHARS: usize = 6_000;

/// All faults as one text, numbered when there are several.
pub(crate) fn feedback(faults: &[Fault]) -> String {
    let text = match faults {
        [] => return String::new(),
        [only] => only.to_string(),
        several => several
            .iter()
            .enumerate()
            .map(|(at, fault)| format!("{}. {fault}", at + 1))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    if text.chars().count() <= MAX_FEEDBACK_CHARS {
        return text;
    }
    let head: String = text.chars().take(MAX_FEEDBACK_CHARS).collect();
    format!("{head}\n[… the rest is cut; correct these first]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(what: &str) -> Fault {
        Fault {
            what: what.to_owned(),
            expected: "exit 0".to_owned(),
            seen: "exit 1\n| 1 failed".to_owned(),
            place: Some("test.sh:3".to_owned()),
        }
    }

    #[test]
    fn a_fault_says_what_was_expected_what_was_seen_and_where() {
        assert_eq!(
            fault("`sh test.sh` exits 0").to_string(),
            "`sh test.sh` exits 0\n  expected: exit 0\n  seen: exit 1\n    | 1 failed\n  where: test.sh:3"
        );
    }

    #[test]
    fn several_faults_are_numbered_and_reported_together() {
        let text = feedback(&[fault("a"), fault("b")]);
        assert!(
            text.starts_with("1. a") && text.contains("\n2. b"),
            "{text}"
        );
    }

    #[test]
    fn feedback_has_a_bound_and_says_when_it_is_cut() {
        let text = feedback(&vec![fault(&"x".repeat(500)); 100]);
        assert!(text.chars().count() < 6_100 && text.ends_with("correct these first]"));
    }
}
