//! Text as the command line writes it, in words where the terminal UI has few columns. What both need
//! is `loom_tui::text`.

use loom_tui::text::plural;
use std::time::Duration;

/// A text in lines of at most `columns`, broken between words, whatever its own lines are.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let words: Vec<_> = text.split_whitespace().collect();
    match words.is_empty() {
        true => Vec::new(),
        false => loom_tui::text::wrap(&words.join(" "), columns, usize::MAX),
    }
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
    fn numbers_and_times_read_easily() {
        assert_eq!(
            (size(900), size(13_107_200)),
            ("900 bytes".into(), "12.5 MiB".into())
        );
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

    #[test]
    fn a_text_is_broken_between_words_and_no_word_is_lost() {
        assert_eq!(wrap("one\ntwo  three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable x", 5), ["unbre", "akabl", "e x"]);
        assert_eq!(wrap("", 5), Vec::<String>::new());
    }
}
