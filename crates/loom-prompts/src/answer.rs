//! The executor's words outside of tool calls, and the reminder that ends every tool message.

use crate::tokens::clip_chars;
use serde_json::Value;

/// What an executor's answer without tool calls says, in the forms that its prompt asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FinalAnswer {
    /// The reason, when it says that it cannot go on.
    pub blocked: Option<String>,
    /// What it found that may change the plan.
    pub discovery: Option<String>,
}

/// Longest reason or discovery kept: it is shown to people and to the replanner.
const MAX_CHARS: usize = 500;

/// Reads `{"status":"blocked","reason":…}` and lines that start with `DISCOVERY:`.
///
/// The object counts when it is the whole answer, or stands alone on a line or in a fence;
/// inside other text it may be a quotation.
#[must_use]
pub fn read_answer(text: &str) -> FinalAnswer {
    let trimmed = text.trim();
    let blocked = blocked_reason(trimmed)
        .or_else(|| blocked_reason(unfenced(trimmed)))
        .or_else(|| trimmed.lines().find_map(|line| blocked_reason(line.trim())));
    let discovery = trimmed
        .lines()
        .find_map(|line| {
            line.trim_start_matches(['-', '*', ' '])
                .strip_prefix("DISCOVERY:")
        })
        .map(|found| clip_chars(found.trim_matches(['*', ' ']), MAX_CHARS))
        .filter(|found| !found.is_empty());
    FinalAnswer { blocked, discovery }
}

fn blocked_reason(text: &str) -> Option<String> {
    if !text.starts_with('{') {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    if value.get("status")?.as_str()? != "blocked" {
        return None;
    }
    let reason = value
        .get("reason")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let reason = clip_chars(reason, MAX_CHARS);
    Some(if reason.is_empty() {
        "no reason given".to_owned()
    } else {
        reason
    })
}

/// The inside of a fence that is the whole text.
fn unfenced(text: &str) -> &str {
    let inside = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"))
        .and_then(|rest| rest.strip_suffix("```"));
    inside.unwrap_or(text).trim()
}

/// Ends every tool message: goal and subtask in one short line, so that they are the last thing read.
#[must_use]
pub fn tool_reminder(goal: &str, subtask_title: &str) -> String {
    format!(
        "[Reminder: your step is \"{}\", part of the goal \"{}\". Go on with it, or answer if it is done.]",
        clip_chars(subtask_title, 100),
        clip_chars(goal, 160)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocked_is_read_alone_in_a_fence_and_on_a_line_of_its_own() {
        let object = "{\"status\": \"blocked\", \"reason\": \"no compiler here\"}";
        for text in [
            object.to_owned(),
            format!("```json\n{object}\n```"),
            format!("I tried.\n{object}"),
        ] {
            assert_eq!(
                read_answer(&text).blocked.as_deref(),
                Some("no compiler here"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_quotation_or_another_status_is_not_blocked() {
        for text in [
            "I would answer {\"status\":\"blocked\",\"reason\":\"x\"} if it failed.",
            "{\"status\":\"done\"}",
            "{\"status\":\"blocked\"",
            "The step is not blocked.",
        ] {
            assert_eq!(read_answer(text).blocked, None, "{text}");
        }
    }

    #[test]
    fn blocked_without_a_reason_says_so() {
        let answer = read_answer("{\"status\":\"blocked\"}");
        assert_eq!(answer.blocked.as_deref(), Some("no reason given"));
    }

    #[test]
    fn a_discovery_is_a_line_of_its_own() {
        let answer = read_answer("Done.\nDISCOVERY: the tests call the old name");
        assert_eq!(
            answer.discovery.as_deref(),
            Some("the tests call the old name")
        );
        assert_eq!(read_answer("No DISCOVERY: here").discovery, None);
    }

    #[test]
    fn a_reminder_stays_short_whatever_the_goal() {
        let reminder = tool_reminder(&"goal ".repeat(10_000), &"title ".repeat(1_000));
        assert!(reminder.chars().count() < 400, "{reminder}");
    }
}
