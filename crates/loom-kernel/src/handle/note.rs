//! Facts from inside a running effect.

use super::{Rejection, outcome::fence};
use crate::state::State;
use loom_events::{EffectId, Event, Note, Origin};

pub(super) fn handle(state: &State, id: EffectId, note: &Note) -> Result<Vec<Event>, Rejection> {
    let found = fence(state, id)?;
    // A file tool asks before it writes: this is what stops a superseded one. A change that a
    // command has made already, or that Loom makes to put things back, is real and is recorded.
    let asks = matches!(
        note,
        Note::FileChanged(change) | Note::ForkChanged(change) if change.origin == Origin::Tool
    );
    if asks && !state.wanted_by_owner(&found.work) {
        return Err(Rejection::OwnerGone { effect: id });
    }
    let effect = id;
    Ok(vec![match note.clone() {
        Note::FileChanged(change) => Event::FileChanged { effect, change },
        Note::ForkChanged(change) => Event::ForkChanged { effect, change },
        Note::Prompt(prompt) => Event::PromptAssembled { effect, prompt },
        Note::Progress { text } => Event::SubtaskProgress { effect, text },
        Note::Memory(entry) => Event::MemoryEntryCreated { effect, entry },
        Note::Degraded { what } => Event::Degraded { what },
        Note::ContextTrimmed {
            elided,
            before_turn,
        } => Event::ContextTrimmed {
            effect,
            elided,
            before_turn,
        },
        Note::Learned(adjustment) => Event::LearningApplied { effect, adjustment },
        Note::Snapshot { manifest } => Event::SnapshotTaken { effect, manifest },
        Note::Surveyed(survey) => Event::WorkspaceSurveyed { effect, survey },
    }])
}
