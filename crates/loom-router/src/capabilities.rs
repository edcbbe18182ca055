//! What a model at a server can do: data, so that what differs between servers is not a branch.
//!
//! Three sources, each overruling the one before: the kind of server, what the server says of itself
//! ([`crate::Provider::describe`]), and what a probe saw. `None` and `Unknown` mean that nobody has
//! looked.

use loom_dialect::Family;
use serde::{Deserialize, Serialize};

/// What is known of one model at one server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// The server and its version in its own words, such as `llama-server b11669`.
    pub server: Option<String>,
    /// Context window of one request in tokens: what one slot has, not what the model was trained with.
    pub window: Option<u32>,
    /// The window that the model was trained with, in tokens.
    pub trained_window: Option<u32>,
    /// Requests that the server works on at once.
    pub slots: Option<u32>,
    /// Whether the model is in memory now.
    pub loaded: Option<bool>,
    /// Number of parameters.
    pub parameters: Option<u64>,
    /// The form in which it writes calls that the server leaves in the text.
    pub family: Option<Family>,
    /// How its calls arrive.
    pub calls: Calls,
    /// Whether it thinks, and whether that can be switched.
    pub thinking: Thinking,
    /// Whether an answer can be bound to a JSON Schema.
    pub schema: Option<bool>,
    /// Whether a call can be forced.
    pub forced_calls: Option<bool>,
    /// Whether the server counts the tokens of a request.
    pub counts_tokens: bool,
    /// Whether a request can name the slot, and so the cache, that it wants.
    pub picks_slot: bool,
    /// Whether the server holds one model at a time, so that another one's call evicts it.
    pub swaps: bool,
    /// Tokens of a prompt that are read in a second.
    pub prefill_per_s: Option<f32>,
    /// Tokens that are written in a second.
    pub decode_per_s: Option<f32>,
    /// What its verdicts are worth, once that was measured.
    pub judging: Option<Judging>,
}

impl Capabilities {
    /// The same with what a better source knows in its place; where that one does not know, this
    /// one holds.
    #[must_use]
    pub fn updated(self, by: &Self) -> Self {
        Self {
            server: by.server.clone().or(self.server),
            window: by.window.or(self.window),
            trained_window: by.trained_window.or(self.trained_window),
            slots: by.slots.or(self.slots),
            loaded: by.loaded.or(self.loaded),
            parameters: by.parameters.or(self.parameters),
            family: by.family.or(self.family),
            calls: match by.calls {
                Calls::Unknown => self.calls,
                known => known,
            },
            thinking: match by.thinking {
                Thinking::Unknown => self.thinking,
                known => known,
            },
            schema: by.schema.or(self.schema),
            forced_calls: by.forced_calls.or(self.forced_calls),
            counts_tokens: by.counts_tokens || self.counts_tokens,
            picks_slot: by.picks_slot || self.picks_slot,
            swaps: by.swaps || self.swaps,
            prefill_per_s: by.prefill_per_s.or(self.prefill_per_s),
            decode_per_s: by.decode_per_s.or(self.decode_per_s),
            judging: by.judging.or(self.judging),
        }
    }
}

/// What a model said of changes of which it is known whether they are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judging {
    /// Right changes that it was shown.
    pub right: u32,
    /// How many of them it passed.
    pub passed: u32,
    /// Wrong changes that it was shown.
    pub wrong: u32,
    /// How many of them it failed, with a quote that was found.
    pub caught: u32,
}

/// Verdicts below this are no better than a coin's.
const LEAST_YOUDEN: f64 = 0.2;

impl Judging {
    /// How well it tells right from wrong: 1 always, 0 like a coin, below 0 worse.
    #[must_use]
    pub fn youden(self) -> f64 {
        let share = |part: u32, whole: u32| f64::from(part) / f64::from(whole.max(1));
        share(self.passed, self.right) + share(self.caught, self.wrong) - 1.0
    }

    /// Whether its verdicts say too little to decide anything.
    #[must_use]
    pub fn is_advice_only(self) -> bool {
        self.youden() < LEAST_YOUDEN
    }
}

/// How the calls of a model arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// In the field that the protocol has for them.
    Structured,
    /// In the text, where Loom finds them.
    InText,
    /// Not at all: the model does not call.
    None,
}

/// Whether a model thinks aloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// Never.
    None,
    /// When it is told to, and not when it is told not to.
    Switchable,
    /// Whatever it is told.
    Always,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_better_source_does_not_know_the_other_one_still_tells() {
        let server = Capabilities {
            window: Some(4096),
            slots: Some(2),
            calls: Calls::Structured,
            counts_tokens: true,
            ..Capabilities::default()
        };
        let probe = Capabilities {
            window: Some(2048),
            calls: Calls::InText,
            thinking: Thinking::Always,
            ..Capabilities::default()
        };
        let both = server.updated(&probe);
        assert_eq!((both.window, both.slots), (Some(2048), Some(2)));
        assert_eq!(
            (both.calls, both.thinking),
            (Calls::InText, Thinking::Always)
        );
        assert!(both.counts_tokens);
    }
}
