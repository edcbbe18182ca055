//! What a model had said when its call failed: kept for people, never shown to a model again.

use loom_router::Delta;

/// Bytes that are kept: enough to see what a model was at; the rest of a long answer is like it.
const MAX_BYTES: usize = 64 * 1024;

/// Collects the pieces of an answer as they come.
#[derive(Default)]
pub(super) struct Partial {
    text: String,
    in_thought: bool,
}

impl Partial {
    pub(super) fn add(&mut self, delta: &Delta<'_>) {
        match delta {
            Delta::Text(piece) => self.push(piece, false),
            Delta::Thought(piece) => self.push(piece, true),
            Delta::Call(name) => self.push(&format!("\n[call of {name}]\n"), false),
        }
    }

    fn push(&mut self, piece: &str, thought: bool) {
        if self.in_thought != thought {
            self.in_thought = thought;
            self.push(
                if thought {
                    "[thought]\n"
                } else {
                    "\n[answer]\n"
                },
                thought,
            );
        }
        let room = MAX_BYTES - self.text.len();
        self.text
            .push_str(&piece[..piece.floor_char_boundary(room)]);
    }

    /// What had come; none when that is nothing.
    pub(super) fn into_text(self) -> Option<String> {
        (!self.text.trim().is_empty()).then_some(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_and_words_are_told_apart_and_nothing_is_kept_of_nothing() {
        assert_eq!(Partial::default().into_text(), None);
        let mut partial = Partial::default();
        for delta in [
            Delta::Thought("hm"),
            Delta::Text("I "),
            Delta::Text("see"),
            Delta::Call("read_file"),
        ] {
            partial.add(&delta);
        }
        let text = partial.into_text().unwrap();
        assert_eq!(
            text,
            "[thought]\nhm\n[answer]\nI see\n[call of read_file]\n"
        );
    }

    #[test]
    fn it_is_bounded_between_characters() {
        let mut partial = Partial::default();
        for _ in 0..MAX_BYTES {
            partial.add(&Delta::Text("éé"));
        }
        assert_eq!(partial.into_text().unwrap().len(), MAX_BYTES);
    }
}
