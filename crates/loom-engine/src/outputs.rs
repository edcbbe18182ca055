//! Which outputs of tools stand in a conversation, and what is left out when it becomes too long.
//!
//! An output is left out as a whole, in place, by a line that says how to recall it. What the harness
//! said after it in the same message stays. Given the same entries of the journal the result is the
//! same to the byte.

use loom_events::Message;

/// Shorter outputs stay: the line in their place would save next to nothing.
const WORTH_BYTES: usize = 400;

/// The newest turns whose outputs are never left out: the model is at work on them.
const FRESH_TURNS: u32 = 2;

/// Outputs that can be recalled, oldest first; those that were left out are not here any more.
#[derive(Clone, Debug)]
pub(crate) struct Outputs(Vec<Output>);

#[derive(Clone, Debug)]
struct Output {
    turn: u32,
    /// Index of its message.
    message: usize,
    /// How much of the message's text it is; what was said after it is not the tool's.
    bytes: usize,
    /// The line that takes its place.
    line: String,
}

/// What leaving out would bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trim {
    /// The outputs of every turn before this one go.
    pub(crate) before_turn: u32,
    /// How many those are.
    pub(crate) outputs: u32,
    /// How much shorter the conversation gets.
    pub(crate) bytes: usize,
}

impl Outputs {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes note of an output that stands at the start of a message, and is of this call.
    pub(crate) fn add(
        &mut self,
        (turn, message): (u32, usize),
        (summary, id): (&str, &str),
        bytes: usize,
    ) {
        let how = loom_tools::Recall::example(id);
        let line = format!(
            "[output of `{summary}`, {bytes} bytes, left out to save room: {how} shows it]"
        );
        if bytes >= WORTH_BYTES.max(line.len()) {
            self.0.push(Output {
                turn,
                message,
                bytes,
                line,
            });
        }
    }

    /// What to leave out, oldest first, to become shorter by `wanted` bytes; less when there is not
    /// so much, and none when there is nothing. `turn` is the newest.
    pub(crate) fn plan(&self, turn: u32, wanted: usize) -> Option<Trim> {
        let fresh = (turn + 1).saturating_sub(FRESH_TURNS);
        let mut planned: Option<Trim> = None;
        for output in self.0.iter().filter(|output| output.turn < fresh) {
            let so_far = planned.unwrap_or(Trim {
                before_turn: 0,
                outputs: 0,
                bytes: 0,
            });
            // A turn goes as a whole.
            if so_far.bytes >= wanted && output.turn >= so_far.before_turn {
                break;
            }
            planned = Some(Trim {
                before_turn: output.turn + 1,
                outputs: so_far.outputs + 1,
                bytes: so_far.bytes + output.bytes - output.line.len(),
            });
        }
        planned
    }

    /// Puts the lines in the places of the outputs of every turn before this one, and says how many
    /// bytes that saved.
    pub(crate) fn leave_out(&mut self, before_turn: u32, messages: &mut [Message]) -> usize {
        let kept = self.0.iter().position(|o| o.turn >= before_turn);
        let mut saved = 0;
        for output in self.0.drain(..kept.unwrap_or(self.0.len())) {
            if let Some(Message::Tool { text, .. }) = messages.get_mut(output.message) {
                text.replace_range(..output.bytes, &output.line);
                saved += output.bytes - output.line.len();
            }
        }
        saved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One output of 1,000 bytes a turn, two in turn 1.
    fn outputs() -> (Outputs, Vec<Message>) {
        let mut outputs = Outputs::new();
        let mut messages = Vec::new();
        for (turn, call) in [(0, 0), (1, 0), (1, 1), (2, 0), (3, 0), (4, 0)] {
            let id = format!("call_{turn}_{call}");
            outputs.add((turn, messages.len()), ("read a.txt", &id), 1_000);
            messages.push(Message::Tool {
                call_id: id,
                name: "read_file".into(),
                text: format!("{} Goal: g.", "o".repeat(1_000)),
            });
        }
        (outputs, messages)
    }

    fn texts(messages: &[Message]) -> Vec<&str> {
        let texts = messages.iter().map(|message| match message {
            Message::Tool { text, .. } => text.as_str(),
            Message::System { .. } | Message::User { .. } | Message::Assistant { .. } => "",
        });
        texts.collect()
    }

    #[test]
    fn the_oldest_go_first_turn_by_turn_and_never_those_of_the_last_two() {
        let (outputs, _) = outputs();
        let plan = |wanted| outputs.plan(4, wanted).map(|t| (t.before_turn, t.outputs));
        assert_eq!(plan(1), Some((1, 1)));
        assert_eq!(plan(1_000), Some((2, 3)));
        assert_eq!(plan(usize::MAX), Some((3, 4)));
        assert_eq!(outputs.plan(1, 1), None);
        assert_eq!(outputs.plan(0, 1), None);
    }

    #[test]
    fn only_the_output_goes_and_a_second_time_changes_nothing() {
        let (mut outputs, mut messages) = outputs();
        outputs.leave_out(2, &mut messages);
        let once = messages.clone();
        outputs.leave_out(2, &mut messages);
        assert_eq!(messages, once);
        let texts = texts(&messages);
        assert_eq!(
            texts[2],
            "[output of `read a.txt`, 1000 bytes, left out to save room: recall {\"output\":\"call_1_1\"} shows it] Goal: g."
        );
        assert!(texts[3].starts_with("ooo"));
        assert_eq!(outputs.plan(4, usize::MAX).map(|t| t.outputs), Some(1));
    }

    #[test]
    fn what_is_short_or_shorter_than_its_line_stays() {
        let mut outputs = Outputs::new();
        outputs.add((0, 0), ("read a.txt", "call_0_0"), WORTH_BYTES - 1);
        outputs.add((0, 0), (&"é".repeat(500), "call_0_1"), 1_000);
        assert_eq!(outputs.plan(9, 1), None);
    }
}
