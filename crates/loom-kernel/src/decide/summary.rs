//! What a result rests on: how much of it is verified, how much only claimed.

use crate::state::{Stage, State};
use loom_events::{End, Summary};

pub(super) fn summary(state: &State, end: &End) -> Summary {
    let mut summary = Summary {
        usage: state.usage,
        degraded: state.degraded.clone(),
        unclean: state.unclean,
        needs_human: matches!(
            end,
            End::Failed {
                needs_human: true,
                ..
            }
        ),
        ..Summary::default()
    };
    for (id, sub) in state.current() {
        match &sub.stage {
            Stage::Completed(done) => {
                let sure = done.proof.confidence;
                summary.expected_wrong += 1.0 - sure;
                summary.confidence = Some(summary.confidence.unwrap_or(1.0) * sure);
                if done.proof.proven {
                    summary.verified.push(id.clone());
                } else {
                    summary.claimed.push(id.clone());
                }
            }
            Stage::Pending
            | Stage::Running(_)
            | Stage::Tried { .. }
            | Stage::Failed
            | Stage::Blocked
            | Stage::Skipped(_) => summary.unfinished.push(id.clone()),
        }
    }
    summary
}
