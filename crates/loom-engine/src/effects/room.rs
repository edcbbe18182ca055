//! Keeping an attempt's conversation within the window of its model: old outputs are left out, in
//! one step and rarely. What is left out is journaled before the shortened request is sent.

use super::{Cx, Talk};
use crate::broken::Broken;
use crate::window::estimate;
use loom_events::Note;
use loom_router::CallError;

/// What came of making room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// There was room, as far as anybody knows.
    Nothing,
    /// Old outputs were left out, and now there is.
    Trimmed,
    /// There is none, and nothing is left to leave out. So many tokens are there.
    Full(u64),
}

/// A request that is about to be made.
#[derive(Clone, Copy)]
pub(super) struct Next<'a> {
    pub(super) model: &'a str,
    pub(super) turn: u32,
    /// Whether the server has just said that it does not fit.
    pub(super) refused: bool,
}

/// Leaves out old outputs when the next request comes near the window.
pub(super) async fn make(talk: &mut Talk, next: Next<'_>, cx: &Cx) -> Result<Made, Broken> {
    let conversation = &mut talk.conversation;
    let room = cx.shared.room(next.model);
    let (Some(room), Some(tokens)) = (room, estimate(conversation)) else {
        return Ok(Made::Nothing);
    };
    if !next.refused && !room.is_near(tokens) {
        return Ok(Made::Nothing);
    }
    let newest = next.turn.saturating_sub(1);
    let planned = conversation.outputs().plan(newest, room.surplus(tokens));
    let needed = next.refused || !room.fits(tokens);
    let Some(trim) = planned.filter(|trim| needed || room.is_worth(trim.bytes)) else {
        return Ok(match room.fits(tokens) {
            true => Made::Nothing,
            false => Made::Full(tokens),
        });
    };
    cx.signals
        .must_note(Note::ContextTrimmed {
            elided: trim.outputs,
            before_turn: trim.before_turn,
        })
        .await?;
    // The entry comes back with the journal and then finds its work done.
    conversation.trim(trim.before_turn);
    let left = estimate(conversation).unwrap_or(tokens);
    tracing::debug!(tokens, left, trim.outputs, "old outputs were left out");
    Ok(match room.fits(left) {
        true => Made::Trimmed,
        false => Made::Full(left),
    })
}

/// Believes a server that says that a prompt is too long.
pub(super) fn believe(talk: &mut Talk, model: &str, error: &CallError, cx: &Cx) {
    let CallError::Overflow { prompt, window, .. } = error else {
        return;
    };
    // What the server counted is the truth; without it the prompt was a little longer than fits.
    let tokens = prompt.or_else(|| estimate(&talk.conversation));
    if let Some(tokens) = tokens {
        talk.conversation.count(tokens);
    }
    if let Some(window) = window.or_else(|| shown_by(tokens?)) {
        cx.shared.windows.learn(model, window);
    }
}

/// A prompt shorter than this fits into every window in which work is done. What refuses it all the
/// same, and does not say how much it takes, has another reason, which is not held against the model.
const SHORT: u64 = 4096;

/// The window that a refused prompt of so many tokens shows.
const fn shown_by(refused: u64) -> Option<u64> {
    if refused > SHORT {
        Some(refused - 1)
    } else {
        None
    }
}

/// The failure of an attempt whose conversation has outgrown the window.
pub(super) fn overflow(model: &str, tokens: u64, cx: &Cx) -> CallError {
    let entry = cx.shared.router.entry(model);
    CallError::Overflow {
        server: entry.map(|e| e.base_url.clone()).unwrap_or_default(),
        model: model.to_owned(),
        prompt: Some(tokens),
        window: cx.shared.room(model).map(|room| room.window()),
        said: "the attempt's conversation has outgrown it, and nothing is left to leave out"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_prompt_that_is_refused_shows_no_window() {
        assert_eq!(shown_by(9000), Some(8999));
        assert_eq!(shown_by(1800), None);
        assert_eq!(shown_by(0), None);
    }
}
