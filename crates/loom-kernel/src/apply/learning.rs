//! What earlier tasks taught. It can only add: whatever an adjustment says, the task is given no less
//! than its settings and its plan ask for.

use crate::state::State;
use loom_events::{Adjusted, Adjustment, Caution, SubtaskId, Tier};

pub(super) fn adjusted(state: &mut State, adjustment: &Adjustment) {
    match &adjustment.what {
        Adjusted::StartingTier { subtask, tier } => begin_at(state, subtask, *tier),
        Adjusted::Caution(caution) => take_care(state, caution),
        // For prompts and for what is stated. What is decided by a confidence is in its verdict.
        Adjusted::Plans { .. }
        | Adjusted::Preferences { .. }
        | Adjusted::Calibration(_)
        | Adjusted::Wording { .. } => {}
    }
}

fn begin_at(state: &mut State, subtask: &SubtaskId, tier: Tier) {
    let floor = state.floors.entry(subtask.clone()).or_default();
    *floor = tier.max(*floor);
}

fn take_care(state: &mut State, caution: &Caution) {
    let settings = &mut state.new.settings;
    let gates = &mut settings.verification;
    // Gates that are off are off to be measured.
    if gates.tier > 0 {
        gates.tier = gates.tier.max(caution.verification_tier.min(MOST_TIERS));
    }
    if caution.threshold <= 1.0 {
        gates.threshold = gates.threshold.max(caution.threshold);
    }
    // What is never asked for stays so, and a plan is not made anew after every step of nothing.
    if settings.replan_interval > 0 && caution.replan_interval > 0 {
        settings.replan_interval = settings.replan_interval.min(caution.replan_interval);
    }
}

/// There are no more tiers of verification.
const MOST_TIERS: u8 = 3;
