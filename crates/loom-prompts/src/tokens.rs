//! Estimates of token counts and cuts that respect them.
//!
//! The server's own tokenizer is not at hand here; callers that have one keep a margin.

/// Tokens a text costs, estimated: 3.5 ASCII characters a token, one token for any other character.
///
/// English prose and code lie between 3.3 and 4.2 characters a token with the vocabularies of
/// today's open models, so this errs on the high side, as a budget should.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let other = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    (ascii * 2).div_ceil(7) + other
}

/// The text in at most `max` characters, on one line, with `…` where it was cut.
#[must_use]
pub fn clip_chars(text: &str, max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max {
        return line;
    }
    let mut cut: String = line.chars().take(max.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// The head of the text that costs about `max` tokens, with a line that says how much is missing.
#[must_use]
pub fn clip_tokens(text: &str, max: u64) -> String {
    if estimate_tokens(text) <= max {
        return text.to_owned();
    }
    // Counted in sevenths so that 3.5 characters a token need no fractions.
    let mut left = max.saturating_mul(7);
    let end = text
        .char_indices()
        .find(|(_, c)| {
            let cost = if c.is_ascii() { 2 } else { 7 };
            let fits = left >= cost;
            left = left.saturating_sub(cost);
            !fits
        })
        .map_or(text.len(), |(at, _)| at);
    let missing = text[end..].chars().count();
    format!("{} […{missing} characters cut]", text[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_rounds_up_and_counts_other_scripts_by_character() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("a"), 1);
        assert_eq!(estimate_tokens("seven c"), 2);
        assert_eq!(estimate_tokens("日本語"), 3);
    }

    #[test]
    fn a_clipped_line_never_exceeds_its_length() {
        assert_eq!(clip_chars("one  two\nthree", 40), "one two three");
        assert_eq!(clip_chars("one two three", 8), "one two…");
        assert_eq!(clip_chars(&"é".repeat(200), 100).chars().count(), 100);
    }

    #[test]
    fn a_cut_text_says_how_much_is_missing() {
        let text = "x".repeat(700);
        let cut = clip_tokens(&text, 100);
        assert!(cut.ends_with("[…350 characters cut]"), "{cut}");
        assert_eq!(clip_tokens(&text, 200), text);
        assert!(clip_tokens("日本語", 1).starts_with("日 "));
    }
}
