//! What an answer without calls amounts to. A claim at best: the gate decides what is done.

use loom_events::Said;

/// Words with which weak models announce an action in the sentence that should have been the action.
const ANNOUNCING: [&str; 15] = [
    "i will",
    "i'll",
    "i’ll",
    "let me",
    "i'm going to",
    "i am going to",
    "next, i",
    "next i",
    "let's",
    "let us",
    "i need to",
    "first, i",
    "first i",
    "i should",
    "going to",
];

/// Languages of fences that are commands: a model that offers one has not run it.
const SHELLS: [&str; 8] = [
    "bash",
    "sh",
    "shell",
    "zsh",
    "console",
    "shell-session",
    "powershell",
    "cmd",
];

/// Classifies the words of an answer that has no call. `blocked` is the reason that the answer
/// itself gives in the form that the prompt asks for.
#[must_use]
pub fn classify(text: &str, has_thought: bool, blocked: Option<String>) -> Said {
    if let Some(reason) = blocked {
        return Said::Blocked { reason };
    }
    let text = text.trim();
    // Marks and brackets say nothing, but a sign such as ✅ may be meant as an answer.
    if text
        .chars()
        .all(|c| c.is_ascii() && !c.is_ascii_alphanumeric())
    {
        return match has_thought {
            true => Said::OnlyThought,
            false => Said::Nothing,
        };
    }
    if ends_in_commands(text) {
        return Said::Announced;
    }
    let last = last_sentence(text);
    if last.ends_with('?') {
        return Said::Asked;
    }
    if announces(last) || last.ends_with(':') {
        return Said::Announced;
    }
    Said::Done
}

/// What follows the words of an announcement when something else is meant: a courtesy, a refusal, an
/// explanation.
const NO_ACTION: [&str; 22] = [
    "know",
    "not",
    "never",
    "be",
    "leave",
    "stop",
    "need",
    "keep",
    "explain",
    "summarize",
    "summarise",
    "say",
    "note",
    "point",
    "wait",
    "assume",
    "only",
    "have",
    "mention",
    "clarify",
    "recap",
    "answer",
];

/// Actions that are announced by their name alone: "Reading the file now."
const ACTIONS: [&str; 18] = [
    "reading",
    "creating",
    "running",
    "calling",
    "checking",
    "writing",
    "updating",
    "opening",
    "looking",
    "searching",
    "fixing",
    "editing",
    "listing",
    "deleting",
    "executing",
    "starting",
    "adding",
    "inspecting",
];

/// Whether a sentence says that something is about to be done.
fn announces(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    let mut body = lower.trim();
    for courtesy in [
        "okay", "ok", "sure", "alright", "great", "now", "so", "then",
    ] {
        let rest = body.strip_prefix(courtesy);
        let rest = rest.and_then(|rest| rest.strip_prefix([',', '.', '!', ' ']));
        body = rest.map_or(body, str::trim_start);
    }
    if ACTIONS.iter().any(|action| body.starts_with(action)) {
        return true;
    }
    let mut after = ANNOUNCING
        .iter()
        .filter_map(|words| body.strip_prefix(words));
    after.any(|after| {
        let mut words = after.split(|c: char| !c.is_alphanumeric());
        let next = words.find(|word| !word.is_empty());
        !next.is_some_and(|word| NO_ACTION.contains(&word))
    })
}

/// Whether the text ends in a fence of commands, in place of a call that would run them.
fn ends_in_commands(text: &str) -> bool {
    let Some(inner) = text.strip_suffix("```") else {
        return false;
    };
    let Some(at) = inner.rfind("```") else {
        return false;
    };
    let language = inner[at + 3..].lines().next().unwrap_or_default().trim();
    SHELLS.contains(&language.to_lowercase().as_str())
}

/// From the last sentence end (or line end) to the end of the text.
fn last_sentence(text: &str) -> &str {
    let body = text.trim_end_matches(['.', '!', '?', '…', ' ']);
    let ends = |(at, c): (usize, char)| {
        let stops = matches!(c, '.' | '!' | '?') && body[at + 1..].starts_with(char::is_whitespace);
        (c == '\n' || stops).then_some(at + 1)
    };
    let cut = body.char_indices().rev().find_map(ends).unwrap_or(0);
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
            "Let me open src/main.rs and look.",
            "Reading the file now...",
            "Okay, calling the tool.",
            "```bash\nrm -rf build && make\n```",
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
            "All is done. Let me know if you need anything else.",
            "I will not delete it without your approval.",
            "I'll leave it as it is.",
            "Let me explain: the parser reads a line.",
            "I have created `a.md` with the requested content.",
            "Run this:\n```bash\nmake\n```\nThat is all.",
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
        for marks in ["```", "{}", "[]", "...", "---\n"] {
            assert_eq!(classify(marks, false, None), Said::Nothing, "{marks}");
        }
        assert_eq!(classify("✅", false, None), Said::Done);
    }
}
