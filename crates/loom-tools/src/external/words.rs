//! Text of a server that a model or a human reads: made visible and bounded.
//!
//! Nobody vouches for it. Characters that cannot be seen can carry instructions to a model past the
//! eyes of the human who looked at the same text, so they go.

use crate::policy::is_hidden;

/// What stands where text was cut.
const CUT: char = '…';

/// The text without characters that cannot be seen, in at most so many characters.
pub(super) fn visible(text: &str, max_chars: usize) -> String {
    let mut shown: String = text.chars().filter_map(seen).take(max_chars + 1).collect();
    if let Some((at, _)) = shown.char_indices().nth(max_chars) {
        shown.truncate(at);
        shown.push(CUT);
    }
    shown
}

/// The same in one line.
pub(super) fn one_line(text: &str, max_chars: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    visible(&words.join(" "), max_chars)
}

/// Whether there is anything in it that cannot be seen.
pub(super) fn hides(text: &str) -> bool {
    text.chars().any(|c| seen(c) != Some(c))
}

fn seen(c: char) -> Option<char> {
    match c {
        _ if !is_hidden(c) => Some(c),
        // A space of another kind is a space.
        _ if c.is_whitespace() && !c.is_control() => Some(' '),
        _ => None,
    }
}

/// JSON in which nothing hides: what cannot be seen is written as its number.
pub(super) fn json(value: &serde_json::Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_hidden(c) {
            shown.push(c);
            continue;
        }
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_seen_is_gone_and_the_rest_is_bounded() {
        let text = "Adds\u{200b} two\u{a0}numbers.\u{e0041}\u{e0042}\u{1b}[2K\nThen more.";
        assert_eq!(visible(text, 100), "Adds two numbers.[2K\nThen more.");
        assert_eq!(visible("ä ö ü", 3), "ä ö…");
        assert_eq!(visible("abc", 3), "abc");
        assert_eq!(one_line("a\n\n b\u{2028}c", 100), "a b c");
        assert!(hides("a\u{202e}b") && !hides("naïve 日本語\n"));
    }

    #[test]
    fn what_hides_in_arguments_is_shown_as_its_number_and_means_the_same() {
        let value = json!({"a": "x\u{202e}y\u{e0041}"});
        let shown = json(&value);
        assert!(shown.contains(r"x\u202ey\udb40\udc41"), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
    }
}
