//! Small pieces of text for those who are told of a task over a protocol. What a model or a file wrote
//! is shown as text, never as anything else.

/// Without control characters and marks that change the direction of writing, line breaks and tabs
/// aside: whoever is asked for consent sees what is there.
#[must_use]
pub fn clean(text: &str) -> String {
    let shown = |c: &char| matches!(c, '\n' | '\t') || !(c.is_control() || turns(*c));
    text.chars().filter(shown).collect()
}

/// Whether a character changes the direction of what follows, or cannot be seen.
const fn turns(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// At most so many characters; what is left out is said.
#[must_use]
pub fn clip(text: &str, max: usize) -> String {
    let text = clean(text);
    match text.char_indices().nth(max) {
        None => text,
        Some((at, _)) => {
            let more = text[at..].chars().count();
            format!("{} … ({more} more characters)", text[..at].trim_end())
        }
    }
}

/// The first line, short.
#[must_use]
pub fn line(text: &str) -> String {
    const LONG: usize = 200;
    let first = text.lines().find(|line| !line.trim().is_empty());
    clip(first.unwrap_or_default().trim(), LONG)
}

/// “1 file”, “2 files”.
#[must_use]
pub fn plural(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// An error with its causes, in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        text = format!("{text}: {one}");
        cause = one.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_hides_or_turns_text_is_left() {
        assert_eq!(
            clean("rm \u{202e}txt\u{1b}[2K\n\tx\u{200b}"),
            "rm txt[2K\n\tx"
        );
    }

    #[test]
    fn what_is_left_out_is_said_and_characters_stay_whole() {
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(clip("äöüß", 2), "äö … (2 more characters)");
    }
}
