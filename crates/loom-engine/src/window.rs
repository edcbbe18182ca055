//! How full a model's window is, by an estimate that begins with what the server counted last.
//!
//! The only place where the engine turns bytes into tokens.

use crate::conversation::Conversation;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Bytes of a token of what was added since the last count: on the low side of what code has, so
/// that the estimate is rather too high.
const BYTES_ADDED: u64 = 3;

/// Bytes of a token of what was left out: on the high side, for the same reason.
const BYTES_LEFT_OUT: u64 = 4;

/// From this share of the room for prompts on, in percent, old outputs are left out.
const NEAR_PERCENT: u64 = 75;

/// And down to this one in one step: each step costs the cached prefix, so there must be few.
const TARGET_PERCENT: u64 = 50;

/// Less than this share, in percent, is not worth the cached prefix unless nothing else helps.
const WORTH_PERCENT: u64 = 10;

/// An answer gets at most this share of a small window, in percent.
const ANSWER_PERCENT: u64 = 25;

/// A prompt that leaves less than these tokens for an answer does not fit: the shortest call of a
/// tool needs about as many.
const LEAST_ANSWER: u64 = 256;

/// The windows that servers have shown, by model: what one said when a prompt was too long is truer
/// than any setting.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<BTreeMap<String, u32>>);

impl Windows {
    /// The server of a model takes no more than this.
    pub(crate) fn learn(&self, model: &str, tokens: u64) {
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.entry(model.to_owned()).or_insert(tokens);
        *entry = tokens.min(*entry);
    }

    pub(crate) fn get(&self, model: &str) -> Option<u32> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(model).copied()
    }
}

/// What a window has room for, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    window: u64,
    answer: u64,
}

impl Room {
    /// Room in a window where answers may have `max_tokens`.
    pub(crate) fn new(window: u32, max_tokens: u32) -> Self {
        let window = u64::from(window);
        Self {
            window,
            answer: u64::from(max_tokens).min(percent(window, ANSWER_PERCENT)),
        }
    }

    pub(crate) const fn window(self) -> u64 {
        self.window
    }

    /// Whether a prompt is so long that old outputs should go.
    pub(crate) const fn is_near(self, tokens: u64) -> bool {
        tokens > percent(self.window - self.answer, NEAR_PERCENT)
    }

    /// Whether a prompt can be answered at all.
    pub(crate) const fn fits(self, tokens: u64) -> bool {
        tokens.saturating_add(LEAST_ANSWER) <= self.window
    }

    /// Bytes by which a prompt should become shorter when it does.
    pub(crate) fn surplus(self, tokens: u64) -> usize {
        let target = percent(self.window - self.answer, TARGET_PERCENT);
        let bytes = tokens.saturating_sub(target).saturating_mul(BYTES_LEFT_OUT);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Whether leaving out so many bytes is worth the cached prefix.
    pub(crate) fn is_worth(self, bytes: usize) -> bool {
        bytes as u64 / BYTES_LEFT_OUT >= percent(self.window, WORTH_PERCENT)
    }
}

/// Tokens of the conversation as it is; none while nothing was counted, since an estimate from bytes
/// alone is not good enough to leave anything out for.
pub(crate) fn estimate(conversation: &Conversation) -> Option<u64> {
    let counted = conversation.counted()?;
    let gained = (counted.gained as u64).div_ceil(BYTES_ADDED);
    let lost = counted.lost as u64 / BYTES_LEFT_OUT;
    Some(counted.tokens.saturating_add(gained).saturating_sub(lost))
}

const fn percent(of: u64, percent: u64) -> u64 {
    of / 100 * percent + of % 100 * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_room_for_an_answer_before_it_is_near() {
        let room = Room::new(32_768, 8_192);
        assert!(!room.is_near(18_432));
        assert!(room.is_near(18_433));
        assert!(room.fits(32_512) && !room.fits(32_513));
        // Down to half of what prompts may have.
        assert_eq!(room.surplus(18_433), (18_433 - 12_288) * 4);
        assert_eq!(room.surplus(5), 0);
        assert!(room.is_worth(13_108) && !room.is_worth(13_000));
    }

    #[test]
    fn a_small_window_is_not_given_to_the_answer_alone() {
        let room = Room::new(4_096, 8_192);
        assert!(!room.is_near(2_304));
        assert!(room.is_near(2_305));
    }

    #[test]
    fn of_what_was_said_about_a_window_the_least_counts() {
        let windows = Windows::default();
        assert_eq!(windows.get("m"), None);
        for said in [8_192, 4_096, 16_384] {
            windows.learn("m", said);
        }
        assert_eq!(windows.get("m"), Some(4_096));
    }
}
