//! Output of any size in bounded memory: the head and the tail are kept.
//!
//! Errors tend to stand at the end, and what a command set out to do at its start.

use std::collections::VecDeque;

pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_cap: usize,
    tail_cap: usize,
    total: u64,
}

impl Capture {
    pub(super) const fn new(cap: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_cap: cap / 2,
            tail_cap: cap - cap / 2,
            total: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.head_cap - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        // Of a chunk larger than the tail only its end can stay.
        let rest = &rest[rest.len().saturating_sub(self.tail_cap)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(self.tail_cap);
        self.tail.drain(..over);
        self.tail.extend(rest);
    }

    pub(super) fn omitted(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// What was kept as text, with a mark where the middle is missing.
    pub(super) fn into_text(self) -> String {
        let omitted = self.omitted();
        let tail: Vec<u8> = self.tail.into();
        if omitted == 0 {
            return String::from_utf8_lossy(&[self.head, tail].concat()).into_owned();
        }
        let (head, tail) = whole_lines(&self.head, &tail);
        let omitted = self.total - (head.len() + tail.len()) as u64;
        let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
        let end = if head.ends_with('\n') { "" } else { "\n" };
        format!("{head}{end}[… {omitted} bytes left out …]\n{tail}")
    }
}

/// Longer parts of a line are shown although they are not the whole of it.
const MAX_CUT: usize = 4 * 1024;

/// Without the line that is cut at the end of the head, and at the start of the tail: of half a line
/// nobody can tell what it was, and whether it was a secret.
fn whole_lines<'a>(head: &'a [u8], tail: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let last = &head[head.len().saturating_sub(MAX_CUT)..];
    let first = &tail[..tail.len().min(MAX_CUT)];
    let end = last.iter().rposition(|byte| *byte == b'\n');
    let start = first.iter().position(|byte| *byte == b'\n');
    (
        end.map_or(head, |at| &head[..head.len() - last.len() + at + 1]),
        start.map_or(tail, |at| &tail[at + 1..]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_output_is_kept_whole() {
        let mut capture = Capture::new(10);
        capture.push(b"hello");
        capture.push("wörld".as_bytes().get(..5).unwrap());
        assert_eq!(capture.omitted(), 0);
        assert_eq!(capture.into_text(), "hellowörl");
    }

    #[test]
    fn of_a_long_output_head_and_tail_are_kept() {
        let mut capture = Capture::new(6);
        for chunk in ["ab", "cd", "efgh", "xyz"] {
            capture.push(chunk.as_bytes());
        }
        assert_eq!(capture.into_text(), "abc\n[… 5 bytes left out …]\nxyz");
    }

    #[test]
    fn lines_are_left_out_as_a_whole() {
        let mut capture = Capture::new(16);
        capture.push(b"one\ntwo-half");
        capture.push(b"-and-half\nthree\nfour\n");
        assert_eq!(capture.into_text(), "one\n[… 24 bytes left out …]\nfour\n");
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(data in proptest::collection::vec(any::<u8>(), 0..200), cap in 0usize..50, chunk in 1usize..60) {
            let (mut whole, mut parts) = (Capture::new(cap), Capture::new(cap));
            whole.push(&data);
            data.chunks(chunk).for_each(|part| parts.push(part));
            prop_assert_eq!(whole.omitted(), data.len().saturating_sub(cap) as u64);
            prop_assert_eq!(whole.into_text(), parts.into_text());
        }
    }
}
