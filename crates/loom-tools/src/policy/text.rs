//! Characters that make a line look like something that it is not.

/// Why the text cannot be reviewed by reading it, if so.
pub(super) fn hidden(line: &str) -> Option<String> {
    if let Some(c) = line.chars().find(|c| is_hidden(*c)) {
        return Some(format!("U+{:04X}", u32::from(c)));
    }
    line.split(|c: char| !c.is_alphanumeric())
        .find(|word| mixes_scripts(word))
        .map(str::to_owned)
}

/// Whether it is a character that cannot be seen, or that looks like another one.
pub(crate) fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffc}'
            | '\u{e0000}'..='\u{e0fff}' | '\u{f8fe}' | '\u{f8ff}')
        // Spaces that are none to the shell.
        || matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Letters of another script that look like Latin ones, in a word of Latin ones.
fn mixes_scripts(word: &str) -> bool {
    let latin = word.chars().any(|c| c.is_ascii_alphabetic());
    let alike = |c: char| {
        matches!(c,
            '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' | '\u{530}'..='\u{58f}'
            | '\u{13a0}'..='\u{13ff}' | '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}')
    };
    latin && word.chars().any(alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_found() {
        for line in [
            "a\u{200b}b",
            "a\rb",
            "l\u{455}",
            "\u{202e}abc",
            "a\u{1b}[2K",
            "a\u{a0}b",
        ] {
            assert!(hidden(line).is_some(), "{line:?}");
        }
    }

    #[test]
    fn other_languages_are_fine() {
        for line in [
            "echo naïve",
            "grep Привет a",
            "echo 日本語",
            "a\n\tb",
            "echo '→ done ✓'",
        ] {
            assert_eq!(hidden(line), None, "{line:?}");
        }
    }
}
