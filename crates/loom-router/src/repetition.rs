//! Notices a stream that says the same over and over, long before it runs into its limit of tokens.

use std::collections::VecDeque;

/// As much as must be one repetition: about a thousand tokens, more than any table or ruler has.
const WINDOW: usize = 4096;

/// The longest unit of a repetition, so that the window holds at least sixteen.
const LONGEST_UNIT: usize = 256;

/// Looking is linear in the window; done once per so many bytes it costs next to nothing.
const LOOK_EVERY: usize = 1024;

/// Keeps the end of one stream of text.
#[derive(Default)]
pub(crate) struct Guard {
    tail: VecDeque<u8>,
    since_look: usize,
}

impl Guard {
    /// Takes the next piece; gives the repeated unit when the end is nothing else any more.
    pub(crate) fn piece(&mut self, piece: &str) -> Option<String> {
        self.tail.extend(piece.as_bytes());
        let surplus = self.tail.len().saturating_sub(WINDOW);
        self.tail.drain(..surplus);
        self.since_look += piece.len();
        if self.since_look < LOOK_EVERY || self.tail.len() < WINDOW {
            return None;
        }
        self.since_look = 0;
        let tail = self.tail.make_contiguous();
        let unit = period(tail);
        (unit <= LONGEST_UNIT).then(|| String::from_utf8_lossy(&tail[..unit]).into_owned())
    }
}

/// The least distance at which the text equals itself: its length less its longest border.
fn period(text: &[u8]) -> usize {
    let mut borders = vec![0_usize; text.len()];
    for end in 1..text.len() {
        let mut border = borders[end - 1];
        while border > 0 && text[border] != text[end] {
            border = borders[border - 1];
        }
        borders[end] = border + usize::from(text[border] == text[end]);
    }
    text.len() - borders.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_without_end_is_noticed_in_pieces_of_any_size() {
        for size in [1, 7, 5000] {
            let text = "I will now fix it. ".repeat(600);
            let mut guard = Guard::default();
            let noticed = text
                .as_bytes()
                .chunks(size)
                .filter_map(|piece| guard.piece(std::str::from_utf8(piece).unwrap()))
                .next();
            assert_eq!(noticed.map(|unit| unit.len()), Some(19), "{size}");
        }
    }

    #[test]
    fn text_that_goes_on_is_left_alone() {
        let mut guard = Guard::default();
        for line in 0..5000 {
            assert_eq!(guard.piece(&format!("| row {line} | ok | ok |\n")), None);
        }
    }
}
