//! A text that is typed: its characters, its cursor, the keys that edit it.

use crate::keys::{Key, Move};
use crate::text;

/// Longest text that can be typed or pasted; the service takes no longer goal.
const MAX_BYTES: usize = 64 * 1024;

/// A text that is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    text: String,
    /// A character boundary in it.
    at: usize,
}

impl Input {
    /// With a text, the cursor behind it.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let at = text.len();
        Self { text, at }
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text, and an empty one in its place.
    pub(crate) fn take(&mut self) -> String {
        self.at = 0;
        std::mem::take(&mut self.text)
    }

    /// Adds a text at the cursor; what a terminal would obey stays out.
    pub(crate) fn insert(&mut self, text: &str) {
        for c in text.replace("\r\n", "\n").replace('\r', "\n").chars() {
            let fits = self.text.len() + c.len_utf8() <= MAX_BYTES;
            if fits && (c == '\n' || c == '\t' || !c.is_control()) {
                self.text.insert(self.at, c);
                self.at += c.len_utf8();
            }
        }
    }

    /// Whether the key was one that edits.
    pub(crate) fn key(&mut self, key: Key) -> bool {
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Backspace => {
                if let Some(c) = self.text[..self.at].chars().next_back() {
                    self.at -= c.len_utf8();
                    self.text.remove(self.at);
                }
            }
            Key::Delete | Key::Ctrl('d') => {
                if self.at < self.text.len() {
                    self.text.remove(self.at);
                }
            }
            Key::Ctrl('u') => {
                self.text.drain(..self.at);
                self.at = 0;
            }
            Key::Ctrl('k') => self.text.truncate(self.at),
            Key::Ctrl('w') => self.delete_word(),
            Key::Go(Move::Left) | Key::Ctrl('b') => {
                let before = self.text[..self.at].chars().next_back();
                self.at -= before.map_or(0, char::len_utf8);
            }
            Key::Go(Move::Right) | Key::Ctrl('f') => {
                let after = self.text[self.at..].chars().next();
                self.at += after.map_or(0, char::len_utf8);
            }
            Key::Go(Move::Home) | Key::Ctrl('a') => self.at = 0,
            Key::Go(Move::End) | Key::Ctrl('e') => self.at = self.text.len(),
            _ => return false,
        }
        true
    }

    fn delete_word(&mut self) {
        let before = &self.text[..self.at];
        let kept = before.trim_end();
        let start = kept
            .char_indices()
            .rev()
            .find(|(_, c)| c.is_whitespace() || *c == '/')
            .map_or(0, |(at, c)| at + c.len_utf8());
        // A slash at the end is a word of its own.
        let start = if start == self.at {
            start.saturating_sub(1)
        } else {
            start
        };
        self.text.drain(start..self.at);
        self.at = start;
    }

    /// All of it in rows of so many columns, broken between words, and the row and column of the cursor.
    pub(crate) fn rows(&self, columns: usize) -> (Vec<String>, usize, u16) {
        // The cursor stands behind the last character.
        let columns = columns.saturating_sub(1).max(1);
        let (mut rows, mut cursor) = (Vec::new(), (0, 0));
        for (start, end) in breaks(&self.text, columns) {
            if start <= self.at {
                let before = text::clean(&self.text[start..self.at.min(end)]);
                cursor = (rows.len(), text::width(&before).min(columns));
            }
            rows.push(text::clean(self.text[start..end].trim_end()));
        }
        (rows, cursor.0, u16::try_from(cursor.1).unwrap_or(u16::MAX))
    }

    /// What is shown in so many columns on one row, and the column of the cursor in it. A line break
    /// is shown as a mark.
    pub(crate) fn window(&self, columns: usize) -> (String, u16) {
        let shown = |text: &str| text::clean(&text.replace('\n', "⏎"));
        let before = shown(&self.text[..self.at]);
        let columns = columns.max(2);
        // The tail of what is before the cursor, as much as fits beside it.
        let mut tail = before.as_str();
        while text::width(tail) > columns - 1 {
            tail = &tail[tail.chars().next().map_or(1, char::len_utf8)..];
        }
        let column = text::width(tail);
        let mut row = tail.to_owned();
        row.push_str(&shown(&self.text[self.at..]));
        (
            text::clip(&row, columns),
            u16::try_from(column).unwrap_or(u16::MAX),
        )
    }
}

/// Where each row of a text begins and ends, in bytes. What is longer than a row goes on in the next
/// one, behind its last space where it has one; a line break belongs to neither row.
fn breaks(text: &str, columns: usize) -> Vec<(usize, usize)> {
    let (mut rows, mut start) = (Vec::new(), 0);
    for line in text.split('\n') {
        let end = start + line.len();
        let (mut from, mut used, mut space) = (start, 0, None);
        for (at, c) in line.char_indices().map(|(at, c)| (start + at, c)) {
            used += text::width(&text::clean(c.encode_utf8(&mut [0; 4])));
            // Spaces at the end of a row are not seen, and do not break it.
            if used > columns && c != ' ' && at > from {
                let next = space.unwrap_or(at);
                rows.push((from, next));
                used = text::width(&text::clean(&text[next..at + c.len_utf8()]));
                (from, space) = (next, None);
            }
            if c == ' ' {
                space = Some(at + 1);
            }
        }
        rows.push((from, end));
        start = end + 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(input: &mut Input, text: &str) {
        for c in text.chars() {
            assert!(input.key(Key::Char(c)));
        }
    }

    #[test]
    fn a_text_is_edited_where_the_cursor_is() {
        let mut input = Input::default();
        typed(&mut input, "fix teh bug");
        for _ in 0..4 {
            input.key(Key::Go(Move::Left));
        }
        input.key(Key::Backspace);
        input.key(Key::Backspace);
        typed(&mut input, "he");
        assert_eq!(input.text(), "fix the bug");
        input.key(Key::Ctrl('w'));
        assert_eq!(input.text(), "fix  bug");
        input.key(Key::Ctrl('k'));
        input.key(Key::Ctrl('u'));
        assert_eq!(input.text(), "");
    }

    #[test]
    fn a_word_of_a_path_is_deleted_up_to_its_slash() {
        let mut input = Input::new("/home/me/project");
        input.key(Key::Ctrl('w'));
        assert_eq!(input.text(), "/home/me/");
        input.key(Key::Ctrl('w'));
        assert_eq!(input.text(), "/home/me");
    }

    #[test]
    fn characters_of_any_length_are_edited_whole() {
        let mut input = Input::new("日本");
        input.key(Key::Backspace);
        input.key(Key::Go(Move::Left));
        typed(&mut input, "ü");
        input.key(Key::Delete);
        assert_eq!(input.text(), "ü");
    }

    #[test]
    fn what_is_pasted_cannot_steer_a_terminal_and_is_bounded() {
        let mut input = Input::default();
        input.insert("a\x1b[2J\r\nb");
        assert_eq!(input.text(), "a[2J\nb");
        input.insert(&"x".repeat(2 * MAX_BYTES));
        assert_eq!(input.text().len(), MAX_BYTES);
    }

    #[test]
    fn the_cursor_is_always_within_what_is_shown() {
        let mut input = Input::new("a long text that does not fit");
        assert_eq!(input.window(10), ("s not fit".to_owned(), 9));
        input.key(Key::Go(Move::Home));
        assert_eq!(input.window(10), ("a long te…".to_owned(), 0));
    }
    #[test]
    fn a_long_text_goes_on_in_the_next_row_and_the_cursor_with_it() {
        let mut input = Input::new("fix the last line\n\nand the unbreakablelongword");
        let (rows, row, column) = input.rows(11);
        let expected = [
            "fix the",
            "last line",
            "",
            "and the",
            "unbreakabl",
            "elongword",
        ];
        assert_eq!(rows, expected);
        assert_eq!((row, column), (5, 9));
        for _ in 0.."and the unbreakablelongword".len() {
            input.key(Key::Go(Move::Left));
        }
        let (_, row, column) = input.rows(11);
        assert_eq!((row, column), (3, 0));
        assert_eq!(Input::default().rows(11), (vec![String::new()], 0, 0));
    }

    #[test]
    fn every_character_is_in_exactly_one_row_and_the_cursor_in_reach() {
        let text = "日本語のとても長い文 with words\tand  spaces   \nü\n";
        for columns in 1..40 {
            let mut input = Input::new(text);
            let rows = breaks(text, columns);
            let joined: Vec<_> = rows.iter().map(|&(from, to)| &text[from..to]).collect();
            assert_eq!(joined.concat(), text.replace('\n', ""), "{columns}");
            loop {
                let (rows, row, column) = input.rows(columns + 1);
                assert!(
                    row < rows.len() && usize::from(column) <= columns,
                    "{columns}"
                );
                let before = input.at;
                input.key(Key::Go(Move::Left));
                if input.at == before {
                    break;
                }
            }
        }
    }
}
