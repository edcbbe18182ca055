//! Text as it fits on a line: cleaned of what a terminal would obey, measured, cut.

use std::time::Duration;

/// Control characters, which a terminal would obey, as a visible mark; a tab becomes spaces.
/// Models and files write what is shown, and neither is trusted.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => cleaned.push_str("    "),
            '\n' | '\r' => cleaned.push(' '),
            c if c.is_control() || is_direction_mark(c) => cleaned.push('\u{fffd}'),
            c => cleaned.push(c),
        }
    }
    cleaned
}

/// Marks that turn the direction of text: with them a line can look like another one.
const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Columns of a character on a terminal: the wide East Asian ranges and emoji take two, combining
/// marks none. The common ranges are enough: a line that is one column off is only less pretty.
const fn columns(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Columns of a text without escape sequences.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// The beginning of a text in at most `max` columns, with `…` when something was cut.
pub(crate) fn clip(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += columns(c);
        if used > max {
            break;
        }
        cut.push(c);
    }
    if max > 0 {
        cut.push('…');
    }
    cut
}

/// Cut or filled up to exactly `to` columns.
pub(crate) fn fit(text: &str, to: usize) -> String {
    let mut fitted = clip(text, to);
    let missing = to.saturating_sub(width(&fitted));
    fitted.extend(std::iter::repeat_n(' ', missing));
    fitted
}

/// A text in lines of at most `columns`, broken between words. A word that is longer has a line of
/// its own, cut.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(clip(word, columns)),
        }
    }
    lines
}

/// The first line that says something, cleaned.
pub(crate) fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    clean(line.unwrap_or_default())
}

/// `1 subtask`, `3 subtasks`.
pub(crate) fn plural(n: usize, word: &str) -> String {
    match n {
        1 => format!("1 {word}"),
        n => format!("{} {word}s", count(n as u64)),
    }
}

/// A number with separators: `34,567`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes: `900 bytes`, `12.5 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        None => format!("{bytes} bytes"),
        Some((name, unit)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 days`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => plural(
            usize::try_from(seconds / 86_400).unwrap_or(usize::MAX),
            "day",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_width_on_the_screen() {
        assert_eq!(clip("hello", 5), "hello");
        assert_eq!(clip("hello", 4), "hel…");
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(clip("x", 0), "");
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(width(&fit("日本語", 4)), 4);
    }

    #[test]
    fn a_text_is_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable x", 5), ["unbr…", "x"]);
        assert_eq!(wrap("", 5), Vec::<String>::new());
    }

    #[test]
    fn what_a_terminal_would_obey_is_made_visible() {
        assert_eq!(
            clean("a\x1b[31mb\tc\u{202e}d"),
            "a\u{fffd}[31mb    c\u{fffd}d"
        );
        assert_eq!(first_line("\n  \n  one \n two"), "one");
    }

    #[test]
    fn numbers_and_times_read_easily() {
        assert_eq!(count(0), "0");
        assert_eq!(
            (size(900), size(13_107_200)),
            ("900 bytes".into(), "12.5 MiB".into())
        );
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(plural(1, "file"), "1 file");
        assert_eq!(plural(2, "file"), "2 files");
        for (millis, text) in [
            (420, "0.4 s"),
            (12_000, "12 s"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
            (90_000_000, "1 day"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
