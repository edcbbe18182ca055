//! Joins the pieces of an answer, whatever protocol, order and form they come in, within bounds.

mod calls;

pub(crate) use calls::CallPiece;

use crate::repetition::Guard;
use crate::{Delta, DeltaSink};
use calls::Calls;
use loom_dialect::{RawAnswer, RawArguments, Watcher};
use loom_events::{Finish, Usage};

/// Everything that is kept of one answer. A model that writes ten times what any context holds is
/// not writing an answer.
pub(crate) const MAX_ANSWER_BYTES: usize = 8 << 20;

/// What is kept of an answer that came to no end: enough to see what the model was about.
const MAX_PARTIAL_BYTES: usize = 64 << 10;

/// Bytes of a token, where nobody counts them: between code and prose.
pub(crate) const BYTES_PER_TOKEN: u64 = 4;

/// What opens a thought in the text, for the watcher of a stream that begins inside of one.
const OPENED: &str = "<think>";

/// Why an answer is not read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// It is larger than [`MAX_ANSWER_BYTES`].
    TooLarge,
    /// It says this over and over.
    Repeating(String),
    /// It has thought for more tokens than it may.
    Overthinking(u32),
}

/// An answer under way.
#[derive(Default)]
pub(crate) struct Assembly {
    text: String,
    thought: String,
    calls: Calls,
    finish: Option<Finish>,
    usage: Option<Usage>,
    reported: Option<String>,
    kept: usize,
    thought_bytes: u64,
    limits: Limits,
    watcher: Watcher,
    text_guard: Guard,
    thought_guard: Guard,
}

/// What is known of an answer before it begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Whether it begins inside of a thought that the template has opened.
    pub(crate) in_thought: bool,
    /// Tokens that it may think for.
    pub(crate) thoughts: Option<u32>,
}

/// A complete answer.
pub(crate) struct Done {
    pub(crate) answer: RawAnswer,
    pub(crate) usage: Option<Usage>,
    pub(crate) reported: Option<String>,
}

/// Counts what of a stream is thought, on its way to who watches.
struct Tally<'a> {
    sink: &'a mut dyn DeltaSink,
    thought_bytes: &'a mut u64,
}

impl DeltaSink for Tally<'_> {
    fn delta(&mut self, delta: Delta<'_>) {
        if let Delta::Thought(thought) = delta {
            *self.thought_bytes += thought.len() as u64;
        }
        self.sink.delta(delta);
    }
}

impl Assembly {
    /// An answer of which nothing has come.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes a piece that the server says is thought.
    pub(crate) fn thought(&mut self, piece: &str, sink: &mut dyn DeltaSink) -> Result<(), Abort> {
        if piece.is_empty() {
            return Ok(());
        }
        sink.delta(Delta::Thought(piece));
        self.keep(piece.len())?;
        self.thought_bytes += piece.len() as u64;
        self.thought.push_str(piece);
        check(self.thought_guard.piece(piece))?;
        self.within_thoughts()
    }

    /// Takes a piece of text, in which there may be thoughts too.
    pub(crate) fn text(&mut self, piece: &str, sink: &mut dyn DeltaSink) -> Result<(), Abort> {
        if piece.is_empty() {
            return Ok(());
        }
        self.keep(piece.len())?;
        let mut tally = Tally {
            sink,
            thought_bytes: &mut self.thought_bytes,
        };
        // Thoughts that came apart before the text were those that the template had opened.
        if self.text.is_empty() && self.limits.in_thought && self.thought.is_empty() {
            self.watcher.piece(OPENED, &mut tally);
        }
        self.watcher.piece(piece, &mut tally);
        self.text.push_str(piece);
        check(self.text_guard.piece(piece))?;
        self.within_thoughts()
    }

    /// Takes a piece of a call.
    pub(crate) fn call(&mut self, piece: CallPiece, sink: &mut dyn DeltaSink) -> Result<(), Abort> {
        self.keep(piece.weight())?;
        self.calls.add(piece, sink);
        Ok(())
    }

    /// Takes why the model stopped.
    pub(crate) const fn finished(&mut self, finish: Finish) {
        self.finish = Some(finish);
    }

    /// Takes what the server counted; the last figures count.
    pub(crate) const fn usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    /// What the server has counted so far.
    pub(crate) const fn counted(&self) -> Option<Usage> {
        self.usage
    }

    /// Takes the model's id as the server gives it.
    pub(crate) fn reported(&mut self, id: Option<String>) {
        self.reported = id.or(self.reported.take());
    }

    fn keep(&mut self, bytes: usize) -> Result<(), Abort> {
        self.kept = self.kept.saturating_add(bytes);
        if self.kept > MAX_ANSWER_BYTES {
            return Err(Abort::TooLarge);
        }
        Ok(())
    }

    /// Servers tell the number of thought tokens at the end, if at all, so it is estimated.
    fn within_thoughts(&self) -> Result<(), Abort> {
        match self.limits.thoughts {
            Some(limit) if self.thought_bytes > u64::from(limit) * BYTES_PER_TOKEN => {
                Err(Abort::Overthinking(limit))
            }
            _ => Ok(()),
        }
    }

    /// Whether the server has said why the model stopped.
    pub(crate) const fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Why the model stopped.
    pub(crate) const fn reason(&self) -> Option<Finish> {
        self.finish
    }

    /// The arguments of the calls so far.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &RawArguments> {
        self.calls.arguments()
    }

    /// How much the model has written, in bytes.
    pub(crate) const fn written(&self) -> u64 {
        self.kept as u64
    }

    /// What has come so far, for the record of an answer that came to no end.
    pub(crate) fn partial(&self) -> Option<String> {
        let mut parts = vec![self.thought.clone(), self.text.clone()];
        parts.extend(self.calls.words());
        parts.retain(|part| !part.trim().is_empty());
        let mut partial = parts.join("\n\n");
        partial.truncate(partial.floor_char_boundary(MAX_PARTIAL_BYTES));
        (!partial.is_empty()).then_some(partial)
    }

    /// The answer, at the end of the stream.
    pub(crate) fn finish(self) -> Done {
        let (calls, dropped_calls) = self.calls.finish();
        Done {
            answer: RawAnswer {
                text: self.text,
                thought: self.thought,
                calls,
                dropped_calls,
                finish: self.finish.unwrap_or(Finish::Other),
            },
            usage: self.usage,
            reported: self.reported,
        }
    }
}

fn check(repeated: Option<String>) -> Result<(), Abort> {
    repeated.map_or(Ok(()), |unit| Err(Abort::Repeating(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Discard;

    #[test]
    fn an_answer_without_end_is_given_up() {
        let mut assembly = Assembly::default();
        let mut last = Ok(());
        for number in 0.. {
            let text: String = (0..1000).map(|line| format!("{number}/{line} ")).collect();
            last = assembly.text(&text, &mut Discard);
            if last.is_err() {
                break;
            }
        }
        assert_eq!(last, Err(Abort::TooLarge));
        assert_eq!(
            assembly.partial().map(|text| text.len()),
            Some(MAX_PARTIAL_BYTES)
        );
    }

    #[test]
    fn thoughts_are_bounded_wherever_they_stand_and_text_is_not() {
        let limits = |in_thought| Limits {
            in_thought,
            thoughts: Some(2),
        };
        let over = Err(Abort::Overthinking(2));
        let apart = Assembly::new(limits(false)).thought("nine byte", &mut Discard);
        assert_eq!(apart, over);
        let text = |in_thought, text| Assembly::new(limits(in_thought)).text(text, &mut Discard);
        assert_eq!(text(false, "<think>nine byte"), over);
        assert_eq!(text(true, "nine byte, and more than a mark"), over);
        assert_eq!(text(false, "nine byte, and more than a mark"), Ok(()));
    }
}
