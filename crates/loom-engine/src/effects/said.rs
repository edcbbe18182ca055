//! What an answer without tool calls amounts to. A claim at best: the gate decides what is done.

use loom_events::Said;

/// Words with which weak models announce an action in the sentence that should have been the action.
const ANNOUNCING: [&str; 12] = [
    "i will",
    "i'll",
    "let me",
    "i'm going to",
    "i am going to",
    "next, i",
    "now i",
    "let's",
    "i need to",
    "first, i",
    "i should",
    "going to",
];

/// Classifies the words of an answer that has no call. `blocked` is the reason that the answer
/// itself gives in the form that the prompt asks for.
pub(super) fn classify(text: &str, has_thought: bool, blocked: Option<String>) -> Said {
    if let Some(reason) = blocked {
        return Said::Blocked { reason };
    }
    let text = text.trim();
    if text.is_empty() {
        return match has_thought {
            true => Said::OnlyThought,
            false => Said::Nothing,
        };
    }
    let last = last_sentence(text);
    if last.ends_with('?') {
        return Said::Asked;
    }
    let lower = last.to_lowercase();
    let announces = ANNOUNCING.iter().any(|words| lower.starts_with(words));
    if announces || last.ends_with(':') {
        return Said::Announced;
    }
    Said::Done
}

/// From the last sentence end (or line end) to the end of the text.
fn last_sentence(text: &str) -> &str {
    let body = text.trim_end_matches(['.', '!', '?', '…', ' ']);
    let cut = body.rfind(['\n', '.', '!', '?']).map_or(0, |at| at + 1);
    text.get(cut..).unwrap_or(text).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        classify(text, false, None)
    }

    #[test]
    fn an_announcement_is_not_a_claim() {
        for text in [
            "I'll read the file now.",
            "The bug is in calc.sh. Let me fix it.",
            "Now I will run the tests:",
            "Here is what comes next:",
        ] {
            assert_eq!(said(text), Said::Announced, "{text}");
        }
    }

    #[test]
    fn a_claim_is_a_claim_whatever_was_announced_before() {
        for text in [
            "Done.",
            "Let me summarise. Everything is fixed and the tests pass.",
            "I changed add() so that it adds.",
        ] {
            assert_eq!(said(text), Said::Done, "{text}");
        }
    }

    #[test]
    fn a_question_at_the_end_is_a_question() {
        assert_eq!(
            said("Both are possible. Which one do you want?"),
            Said::Asked
        );
    }

    #[test]
    fn nothing_and_thoughts_alone_are_told_apart() {
        assert_eq!(classify(" \n", false, None), Said::Nothing);
        assert_eq!(classify("", true, None), Said::OnlyThought);
    }
}
