//! Text as it fits on a screen: cleaned of what a terminal would obey, measured, cut, counted. Public
//! for whatever else writes on a terminal.

use std::time::Duration;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Control characters, which a terminal would obey, as a visible mark; a tab becomes spaces.
/// Models and files write what is shown, and neither is trusted.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => cleaned.push_str("    "),
            '\n' | '\r' => cleaned.push(' '),
            c if c.is_control() || turns_text(c) => cleaned.push('\u{fffd}'),
            c => cleaned.push(c),
        }
    }
    cleaned
}

/// Marks that turn the direction of text or are not seen at all: with them a line can look like
/// another one.
const fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
}

/// The lines of a text, each cleaned; a carriage return before the line's end goes with it.
pub fn clean_lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(|line| clean(line.trim_end_matches('\r')))
}

/// The first line that says something, cleaned.
#[must_use]
pub fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    clean(line.unwrap_or_default())
}

/// Columns of a text.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The beginning of a text in at most `max` columns, with `…` when something was cut.
#[must_use]
pub fn clip(text: &str, max: usize) -> String {
    // Most texts fit, and bytes are at least columns.
    if text.len() <= max || width(text) <= max {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
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
#[must_use]
pub fn fit(text: &str, to: usize) -> String {
    let mut fitted = clip(text, to);
    let missing = to.saturating_sub(width(&fitted));
    fitted.extend(std::iter::repeat_n(' ', missing));
    fitted
}

/// A cleaned line in rows of at most `columns`, broken between words where there are any, and at
/// most `max` of them; the last one says when there is more.
#[must_use]
pub fn wrap(text: &str, columns: usize, max: usize) -> Vec<String> {
    let columns = columns.max(1);
    if text.len() <= columns || width(text) <= columns {
        return vec![text.to_owned()];
    }
    // The rows after the first one stand below the text, not below its indentation.
    let indent = text.len() - text.trim_start_matches(' ').len();
    let indent = if indent > columns / 2 { 0 } else { indent };
    let mut rows = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let inside = if rows.is_empty() { 0 } else { indent };
        let room = columns - inside;
        if rows.len() + 1 == max {
            rows.push(" ".repeat(inside) + &clip(rest, room));
            break;
        }
        let cut = row_end(rest, room);
        let (row, after) = rest.split_at(cut);
        rows.push(" ".repeat(inside) + row.trim_end());
        rest = after.trim_start();
    }
    rows
}

/// Where a row of at most `columns` ends: after the last space in it, or in the middle of a word
/// that is longer.
fn row_end(text: &str, columns: usize) -> usize {
    let mut used = 0;
    let mut space = None;
    // Indentation is no place to break a line at.
    let mut begun = false;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns && c == ' ' {
            return at;
        }
        if used > columns {
            // A character wider than the row still moves on.
            return space
                .unwrap_or(at)
                .max(text.chars().next().map_or(1, char::len_utf8));
        }
        if c != ' ' {
            begun = true;
        } else if begun {
            space = Some(at + 1);
        }
    }
    text.len()
}

/// `1 subtask`, `3 subtasks`.
#[must_use]
pub fn plural(n: usize, word: &str) -> String {
    match n {
        1 => format!("1 {word}"),
        n => format!("{} {word}s", count(n as u64)),
    }
}

/// A number with separators: `34,567`.
#[must_use]
pub fn count(n: u64) -> String {
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

/// A number in few columns: `950`, `34.5k`, `1.2M`.
#[must_use]
pub fn short(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => format!("{}.{}k", n / 1_000, n % 1_000 / 100),
        _ => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// `4s`, `3m 20s`, `2h 5m`, `3d`.
#[must_use]
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The same in one unit, for a column: `4s`, `3m`, `2h`, `3d`.
#[must_use]
pub fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A bar of `cells`, `part` of `whole` of them full.
#[must_use]
pub fn bar(part: u64, whole: u64, cells: usize) -> String {
    let full = match whole {
        0 => 0,
        _ => usize::try_from(part.min(whole) * cells as u64 / whole).unwrap_or(cells),
    };
    "█".repeat(full) + &"░".repeat(cells - full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_made_visible() {
        assert_eq!(
            clean("a\x1b[31mb\tc\u{202e}d\u{200b}"),
            "a\u{fffd}[31mb    c\u{fffd}d\u{fffd}"
        );
        let lines: Vec<_> = clean_lines("one\r\n\x07two").collect();
        assert_eq!(lines, ["one", "\u{fffd}two"]);
        assert_eq!(first_line("\n  \n  one \n two"), "one");
    }

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
    fn a_text_is_broken_between_words_and_within_long_ones() {
        assert_eq!(wrap("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrap("unbreakable x", 5, 9), ["unbre", "akabl", "e x"]);
        assert_eq!(wrap("one two three", 7, 1), ["one tw…"]);
        assert_eq!(wrap("  one two", 5, 9), ["  one", "  two"]);
        assert_eq!(wrap("", 5, 9), [""]);
        // Wider than the row it is in, and still an end is found.
        assert_eq!(wrap("日本", 1, 9).len(), 2);
    }

    #[test]
    fn numbers_and_times_take_few_columns() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!((short(999), short(34_567)), ("999".into(), "34.5k".into()));
        for (seconds, long, brief) in [
            (4, "4s", "4s"),
            (200, "3m 20s", "3m"),
            (7_500, "2h 5m", "2h"),
            (90_000, "1d", "1d"),
        ] {
            let time = Duration::from_secs(seconds);
            assert_eq!((duration(time).as_str(), age(time).as_str()), (long, brief));
        }
        assert_eq!(bar(1, 2, 4), "██░░");
        assert_eq!(bar(0, 0, 2), "░░");
    }
}
