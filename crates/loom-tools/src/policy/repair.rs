//! What bash understands and the grammar does not.

/// The text with the same meaning, without what is known to confuse the grammar: braces where a
/// command starts, a home directory in a test, a file opened both ways.
pub(super) fn without_quirks(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut at_start = true;
    for (word, quoted) in words(text) {
        let end = word.trim_end_matches(SEPARATORS).len();
        let (bare, separators) = word.split_at(end);
        let inner = bare
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.filter(|inner| inner.contains(',') && !inner.contains(['{', '}']));
        // At the start of a line the grammar loses `\\rm`; the backslash only keeps aliases away.
        let named = bare.strip_prefix('\\').filter(|rest| {
            rest.starts_with(|c: char| c.is_ascii_alphabetic()) && (at_start || plain.is_empty())
        });
        at_start = separators.contains('\n');
        if let Some(named) = named.filter(|_| !quoted) {
            plain.push_str(named);
            plain.push_str(separators);
            continue;
        }
        match inner.filter(|_| !quoted) {
            Some(inner) => plain.push_str(&inner.replace(',', " ")),
            None if !quoted && (bare == "~" || bare.starts_with("~/")) => {
                plain.push_str("$HOME");
                plain.push_str(&bare[1..]);
            }
            None if !quoted && bare.contains("<>") => plain.push_str(&bare.replace("<>", ">")),
            None => plain.push_str(bare),
        }
        plain.push_str(separators);
    }
    plain
}

/// What ends a word or a command.
const SEPARATORS: [char; 6] = [' ', '\t', '\n', ';', '|', '&'];

/// Words with what follows them, and whether each starts within quotes.
fn words(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut quote = None;
    text.split_inclusive(SEPARATORS).map(move |word| {
        let quoted = quote.is_some();
        for c in word.chars().filter(|c| matches!(c, '\'' | '"')) {
            match quote {
                None => quote = Some(c),
                Some(open) if open == c => quote = None,
                Some(_) => {}
            }
        }
        (word, quoted)
    })
}

/// The parts between what separates commands, outside of quotes.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, c) in text.char_indices() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('\n' | ';' | '|' | '&' | '(' | ')' | '{' | '}', None) => {
                pieces.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(text[start..].trim());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirks_are_written_in_another_way() {
        assert_eq!(without_quirks("{a,-b,c} d"), "a -b c d");
        assert_eq!(
            without_quirks("[ -d ~ ] && ls ~/x"),
            "[ -d $HOME ] && ls $HOME/x"
        );
        assert_eq!(without_quirks("exec 5<>f"), "exec 5>f");
        for same in ["echo '~ {a,b}'", "a{b,c}", "echo \" ~ \"", "{ a; }"] {
            assert_eq!(without_quirks(same), same);
        }
    }

    #[test]
    fn commands_are_separated_outside_of_quotes() {
        assert_eq!(pieces("a 'b;c' && (d | e)"), ["a 'b;c'", "d", "e"]);
    }
}
