//! [`Flow`]: a text that comes in pieces, as a model writes it, shown a few words late so that what is
//! a secret only as a whole is not shown in halves.

use crate::Redactor;
use crate::block;

/// Words that are held back. A name and what is assigned to it are at most so far apart.
const HELD_WORDS: usize = 3;

/// Bytes of what was shown already that are looked at again: the name in front of a value.
const LOOK_BACK: usize = 256;

/// A line without a blank, or a private key, is held back for so long: longer than any key.
const MAX_HELD: usize = 20 * 1024;

/// One text on its way. What it gives out is the text without secrets, only later: a name, a value and
/// a private key that the pieces cut apart are told as in the whole. Of a known value that has more
/// than `HELD_WORDS` blanks the first words may be shown.
#[derive(Debug, Default)]
pub struct Flow {
    /// What was shown last, as it came.
    before: String,
    /// What was not shown yet, as it came.
    held: String,
}

impl Flow {
    /// Takes a piece, and gives what may be shown now; often nothing.
    pub fn push(&mut self, redactor: &Redactor, piece: &str) -> String {
        self.held.push_str(piece);
        match self.cut(redactor) {
            0 => String::new(),
            cut => self.give(redactor, cut),
        }
    }

    /// The rest, when nothing more comes.
    pub fn finish(&mut self, redactor: &Redactor) -> String {
        let all = self.held.len();
        self.give(redactor, all)
    }

    /// How much of what is held may be shown.
    fn cut(&self, redactor: &Redactor) -> usize {
        if self.held.len() > MAX_HELD {
            return self.held.len();
        }
        if self.is_in_a_key() {
            return 0;
        }
        let blanks = self.held.match_indices(char::is_whitespace).rev();
        // Behind the blank: it belongs to the word before it.
        let mut ends = blanks.map(|(at, blank)| at + blank.len());
        let Some(cut) = ends.nth(HELD_WORDS - 1) else {
            return 0;
        };
        // A secret over the cut is known by this: its parts are not what it is.
        let whole = redactor.text(&self.held);
        let first = redactor.text(&self.held[..cut]);
        let rest = redactor.text(&self.held[cut..]);
        let is_apart = whole.len() == first.len() + rest.len()
            && whole.starts_with(first.as_ref())
            && whole.ends_with(rest.as_ref());
        if is_apart { cut } else { 0 }
    }

    /// Whether a private key has begun and not ended.
    fn is_in_a_key(&self) -> bool {
        let begun = self.held.rfind(block::BEGIN);
        begun.is_some_and(|at| {
            let rest = &self.held.as_bytes()[at..];
            let is_whole = self.held[at..].contains(block::END);
            // Before its first line has ended nobody knows what it is.
            !is_whole && (rest.len() < block::MAX_HEADER || block::is_private(rest, 0))
        })
    }

    fn give(&mut self, redactor: &Redactor, cut: usize) -> String {
        let shown = {
            let with = format!("{}{}", self.before, &self.held[..cut]);
            let with = redactor.text(&with);
            let before = redactor.text(&self.before);
            match with.strip_prefix(before.as_ref()) {
                Some(shown) => shown.to_owned(),
                None => redactor.text(&self.held[..cut]).into_owned(),
            }
        };
        self.before.push_str(&self.held[..cut]);
        self.held.drain(..cut);
        let much = self.before.len().saturating_sub(LOOK_BACK);
        let from = (much..=self.before.len())
            .find(|at| self.before.is_char_boundary(*at))
            .unwrap_or_default();
        self.before.drain(..from);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    // In two pieces, so that nobody takes this file for a leak.
    const TOKEN: &str = concat!("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a");

    /// What is shown of a text that comes in pieces of so many characters.
    fn shown(redactor: &Redactor, text: &str, size: usize) -> String {
        let mut flow = Flow::default();
        let letters: Vec<char> = text.chars().collect();
        let mut shown: String = letters
            .chunks(size)
            .map(|piece| flow.push(redactor, &piece.iter().collect::<String>()))
            .collect();
        shown.push_str(&flow.finish(redactor));
        shown
    }

    #[test]
    fn in_pieces_of_any_size_it_is_what_it_is_as_a_whole() {
        let redactor = Redactor::new([Secret::new("HOUSE_KEY", "k3Yk3Yk3Y-41")]);
        let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n\
                   AgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R4\n-----END PRIVATE KEY-----\n";
        let texts = [
            format!("I use {TOKEN} for it, and then go on with more words.\nAnd lines."),
            "API_KEY = \"q8Zr2vTn5xWb7LmK4sPd\" stands in the file, I think, somewhere.".to_owned(),
            "The key is k3Yk3Yk3Y-41, said once. The key is k3Yk3Yk3Y-41.".to_owned(),
            format!("Here it is:\n{key}That was it, and nothing else."),
            "Nothing of it is secret: äöü, 你好, and\n\nblank lines.  Two blanks.".to_owned(),
        ];
        for text in &texts {
            let whole = redactor.text(text);
            for size in [1, 2, 3, 5, 8, 13, 40] {
                assert_eq!(shown(&redactor, text, size), whole, "in pieces of {size}");
            }
        }
        assert!(texts[..4].iter().all(|text| redactor.text(text) != *text));
    }

    #[test]
    fn most_of_a_text_is_shown_before_it_ends_and_a_line_without_blanks_is_not_held_for_ever() {
        let redactor = Redactor::default();
        let mut flow = Flow::default();
        assert_eq!(flow.push(&redactor, "one two three four fi"), "one two ");
        assert_eq!(flow.push(&redactor, "ve six"), "three ");
        let mut flow = Flow::default();
        assert_eq!(flow.push(&redactor, &"x".repeat(MAX_HELD)), "");
        assert_eq!(flow.push(&redactor, "y").len(), MAX_HELD + 1);
    }
}
