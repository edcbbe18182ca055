//! How much of the context window a request takes, before it is sent.
//!
//! Tokens are estimated from bytes by a ratio for each model, which follows what its server reports.
//! Main types: [`Budget`] for callers and [`Gauge`], the ratio. Whether a server has cut a prompt is
//! `cut`'s to say.

use crate::ChatRequest;
use loom_events::Message;

/// Between code (three) and prose (four and more), so that a first guess is wrong by a third at most.
const BYTES_PER_TOKEN: f64 = 3.5;

/// What any tokenizer was seen to do: from one token for each CJK character to long English words.
const RATIOS: std::ops::RangeInclusive<f64> = 1.5..=8.0;

/// What a template puts around a message: its role and two or three marks.
const PER_MESSAGE: u64 = 6;

/// What a template puts around a tool beside its name, description and schema.
const PER_TOOL: u64 = 14;

/// Prompts with less text than this say more about the template than about the ratio.
const LEAST_BYTES: u64 = 400;

/// Reports after which the ratio is trusted.
const CALIBRATED: u32 = 3;

/// The shortest answer that is worth asking for: one call with a path, or a sentence.
pub(crate) const LEAST_ANSWER: u32 = 256;

/// What of the context window a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the window, when known.
    pub window: Option<u64>,
    /// Tokens that are left for the answer: `max_tokens`, or less where the window ends before.
    pub answer: u64,
    /// Whether the server has counted; otherwise `prompt` is an estimate.
    pub exact: bool,
}

impl Budget {
    /// Tokens of the window that neither prompt nor answer take.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        let taken = self.prompt.saturating_add(self.answer);
        self.window.map(|window| window.saturating_sub(taken))
    }
}

/// What a request weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Bytes of everything that the model reads.
    pub(crate) bytes: u64,
    /// Tokens of the frame around it.
    pub(crate) frame: u64,
}

impl Weight {
    /// Weighs a request.
    pub(crate) fn of(request: &ChatRequest) -> Self {
        let messages: u64 = request.messages.iter().map(bytes_of).sum();
        let tool = |tool: &loom_events::ToolSpec| {
            length(&tool.name) + length(&tool.description) + json_length(&tool.parameters)
        };
        let tools: u64 = request.tools.iter().map(tool).sum();
        let number = |of: usize| u64::try_from(of).unwrap_or(u64::MAX);
        Self {
            // A schema is put into the prompt by some servers and into a grammar by others.
            bytes: messages + tools,
            frame: PER_MESSAGE * number(request.messages.len() + 1)
                + PER_TOOL * number(request.tools.len()),
        }
    }
}

/// Bytes of what one message says.
pub(crate) fn bytes_of(message: &Message) -> u64 {
    match message {
        Message::System { text } | Message::User { text } => length(text),
        Message::Tool { text, name, .. } => length(text) + length(name),
        Message::Assistant {
            text,
            thought,
            calls,
        } => {
            let call =
                |call: &loom_events::ToolCall| length(&call.name) + json_length(&call.arguments);
            length(text)
                + thought.as_deref().map_or(0, length)
                + calls.iter().map(call).sum::<u64>()
        }
    }
}

pub(crate) fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn json_length(value: &serde_json::Value) -> u64 {
    length(&value.to_string())
}

/// The ratio of one model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauge {
    bytes_per_token: f64,
    reports: u32,
}

impl Default for Gauge {
    fn default() -> Self {
        Self {
            bytes_per_token: BYTES_PER_TOKEN,
            reports: 0,
        }
    }
}

impl Gauge {
    /// Whether enough was reported to trust the ratio.
    pub(crate) const fn is_calibrated(&self) -> bool {
        self.reports >= CALIBRATED
    }

    /// Tokens of a request.
    pub(crate) fn tokens(&self, weight: Weight) -> u64 {
        self.tokens_of(weight.bytes) + weight.frame
    }

    /// Tokens of so many bytes of text.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an estimate of a positive number far below 2^52"
    )]
    pub(crate) fn tokens_of(&self, bytes: u64) -> u64 {
        (bytes as f64 / self.bytes_per_token).ceil() as u64
    }

    /// Tokens that a request has at least, as far as can be said: what is refused for more than this
    /// would have been refused by the server.
    pub(crate) fn at_least(&self, weight: Weight) -> u64 {
        // Text differs more between two requests than a calibrated ratio is off.
        let percent = if self.is_calibrated() { 85 } else { 65 };
        self.tokens(weight).saturating_mul(percent) / 100
    }

    /// Takes account of a report on a whole prompt.
    #[expect(
        clippy::cast_precision_loss,
        reason = "an estimate of a positive number far below 2^52"
    )]
    pub(crate) fn report(&mut self, weight: Weight, tokens: u64) {
        let of_text = tokens.saturating_sub(weight.frame);
        if weight.bytes < LEAST_BYTES || of_text == 0 {
            return;
        }
        let seen = weight.bytes as f64 / of_text as f64;
        let seen = seen.clamp(*RATIOS.start(), *RATIOS.end());
        // The first report says more than the guess before it; later ones only follow the text.
        let share = if self.reports == 0 { 0.8 } else { 0.25 };
        self.bytes_per_token += share * (seen - self.bytes_per_token);
        self.reports = self.reports.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::ToolSpec;
    use serde_json::json;

    fn user(bytes: usize) -> ChatRequest {
        ChatRequest::new(vec![Message::User {
            text: "x".repeat(bytes),
        }])
    }

    #[test]
    fn a_guess_is_near_for_any_text_and_grows_with_everything_that_is_sent() {
        let gauge = Gauge::default();
        let tokens = |request: &ChatRequest| gauge.tokens(Weight::of(request));
        let plain = user(7000);
        assert_eq!(tokens(&plain), 2000 + 2 * PER_MESSAGE);
        let with_tool = ChatRequest {
            tools: vec![ToolSpec::new("read", "Reads.", json!({"type": "object"}))],
            ..plain.clone()
        };
        assert!(tokens(&with_tool) > tokens(&plain) + PER_TOOL);
        let mut longer = plain.clone();
        longer.messages.push(Message::Assistant {
            text: String::new(),
            thought: Some("y".repeat(350)),
            calls: Vec::new(),
        });
        assert_eq!(tokens(&longer), tokens(&plain) + 100 + PER_MESSAGE);
    }

    #[test]
    fn the_ratio_follows_the_reports_within_bounds() {
        let weight = Weight::of(&user(8000));
        for (reported, expected) in [(1600, 1600), (3200, 3200), (1_000_000, 5345), (14, 1012)] {
            let mut gauge = Gauge::default();
            assert!(!gauge.is_calibrated());
            for _ in 0..20 {
                gauge.report(weight, reported);
            }
            assert!(gauge.is_calibrated());
            let tokens = gauge.tokens(weight);
            assert!(tokens.abs_diff(expected) <= 10, "{reported}: {tokens}");
        }
    }

    #[test]
    fn short_prompts_say_nothing_of_the_ratio() {
        let mut gauge = Gauge::default();
        gauge.report(Weight::of(&user(5)), 300);
        assert_eq!(gauge.tokens_of(7000), 2000);
    }

    #[test]
    fn what_is_left_is_never_negative() {
        let budget = Budget {
            prompt: 5000,
            window: Some(4096),
            answer: 256,
            exact: false,
        };
        assert_eq!(budget.left(), Some(0));
    }
}
