//! A shell line, read just well enough to see its commands and how they are joined. What this
//! cannot read is left to the command policy, which parses for real.

/// One command of a line: its words without quotes, and what ends it.
pub(super) type Segment = (Vec<String>, Joint);

/// What a segment ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    And,
    Or,
    Then,
    Pipe,
    Background,
    End,
}

/// Splits a line at `&&`, `||`, `;`, `|`, `&` and line ends outside of quotes.
pub(super) fn segments(line: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(open) = quote {
            match c {
                '\\' if open == '"' => word.extend(chars.next()),
                _ if c == open => quote = None,
                _ => word.push(c),
            }
            continue;
        }
        let joint = match c {
            '\'' | '"' => {
                quote = Some(c);
                continue;
            }
            '\\' => {
                word.extend(chars.next());
                continue;
            }
            ';' | '\n' => Joint::Then,
            '|' if chars.next_if_eq(&'|').is_some() => Joint::Or,
            '|' => Joint::Pipe,
            '&' if chars.next_if_eq(&'&').is_some() => Joint::And,
            // `2>&1` and `&>file` are redirections.
            '&' if word.ends_with('>') || chars.peek() == Some(&'>') => {
                word.push(c);
                continue;
            }
            '&' => Joint::Background,
            c if c.is_whitespace() => {
                flush(&mut words, &mut word);
                continue;
            }
            c => {
                word.push(c);
                continue;
            }
        };
        flush(&mut words, &mut word);
        segments.push((std::mem::take(&mut words), joint));
    }
    flush(&mut words, &mut word);
    if !words.is_empty() {
        segments.push((words, Joint::End));
    }
    segments
}

fn flush(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// The program of a command, without its directory, and its arguments.
pub(super) fn program(words: &[String]) -> Option<(&str, &[String])> {
    let at = words.iter().position(|w| !is_assignment(w))?;
    let program = words[at].as_str();
    let name = program.rsplit('/').next().unwrap_or(program);
    Some((name, &words[at + 1..]))
}

pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
    })
}
