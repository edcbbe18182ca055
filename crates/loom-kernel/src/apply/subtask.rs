//! Subtasks from started to completed, failed, blocked, skipped or begun again.

use super::{Place, take, wrong};
use crate::Impossible;
use crate::state::{
    Attempt, Backoff, Done, Extraction, Finale, Last, Loops, Manner, Proof, Round, Stage, State,
    Subtask,
};
use loom_events::{AttemptId, Event, Kept, Seq, SkippedBy, SubtaskId, Work};

pub(super) fn started(state: &mut State, at: &Place, event: &Event) -> Result<(), Impossible> {
    let Event::SubtaskStarted {
        subtask,
        rung,
        kind,
        ordinal,
        tier,
        execution,
    } = event
    else {
        return Ok(());
    };
    let sub = find(state, at, subtask, |stage| matches!(stage, Stage::Pending))?;
    let further = execution.is_some_and(|execution| execution > 1);
    if !further {
        // Nobody may wait for executions that are never compared.
        idle(sub, at, subtask)?;
        sub.round = Round::default();
    }
    sub.round.made = execution.unwrap_or(0);
    let id = AttemptId(at.seq);
    sub.rung = *rung;
    sub.ordinal = *ordinal;
    sub.last = Some(id);
    sub.stage = Stage::Running(Attempt {
        id,
        ordinal: *ordinal,
        kind: *kind,
        tier: *tier,
        turn: 0,
        gate: 0,
        nudges: 0,
        unusable: 0,
        manner: Manner::default(),
        heard: Seq::ZERO,
        context: 0,
        fork: false,
        prepared: Seq::ZERO,
        merged: false,
        votes: execution.is_some(),
        chosen: false,
        candidate: None,
        failed_by: None,
        backoff: Backoff::default(),
        loops: Loops::default(),
        last: Last::Started,
    });
    state.attempts = state.attempts.saturating_add(1);
    Ok(())
}

pub(super) fn retrying(
    state: &mut State,
    at: &Place,
    subtask: &SubtaskId,
    rung: u32,
) -> Result<(), Impossible> {
    let sub = find(state, at, subtask, tried)?;
    sub.rung = rung;
    sub.stage = Stage::Pending;
    Ok(())
}

/// The one guard that a claim cannot pass: a completion names the verdict it rests on.
pub(super) fn completed(
    state: &mut State,
    subtask: &SubtaskId,
    attempt: AttemptId,
    verdict: Seq,
) -> Result<(), Impossible> {
    let unproven = || Impossible::NoVerdict {
        subtask: subtask.clone(),
        verdict,
    };
    let sub = state.subs.get_mut(subtask).ok_or_else(unproven)?;
    let running = sub.attempt().filter(|running| running.id == attempt);
    let (ordinal, proof) = match running.map(|running| (running.ordinal, &running.last)) {
        Some((ordinal, Last::Ended(proof))) if proof.verdict == verdict => (ordinal, proof.clone()),
        Some(_) | None => return Err(unproven()),
    };
    sub.why.clear();
    sub.stage = Stage::Completed(Done {
        attempt,
        ordinal,
        proof,
        extraction: Extraction::Owed(Backoff::default()),
        summary: String::new(),
    });
    state.completed = state.completed.saturating_add(1);
    Ok(())
}

/// A result of the task that this one continues: it counts as it did there.
pub(super) fn kept(state: &mut State, at: &Place, kept: &Kept) -> Result<(), Impossible> {
    let sub = find(state, at, &kept.subtask, |stage| {
        matches!(stage, Stage::Pending)
    })?;
    sub.stage = Stage::Completed(Done {
        attempt: AttemptId(at.seq),
        ordinal: sub.ordinal,
        proof: Proof {
            verdict: at.seq,
            confidence: kept.confidence,
            evidence: kept.confidence,
            proven: kept.proven,
        },
        extraction: Extraction::Finished,
        summary: kept.summary.clone(),
    });
    Ok(())
}

pub(super) fn failed(
    state: &mut State,
    at: &Place,
    subtask: &SubtaskId,
    reason: &str,
) -> Result<(), Impossible> {
    let sub = find(state, at, subtask, open)?;
    reason.clone_into(&mut sub.why);
    sub.help = None;
    sub.stage = Stage::Failed;
    Ok(())
}

pub(super) fn blocked(
    state: &mut State,
    at: &Place,
    subtask: &SubtaskId,
    reason: &str,
) -> Result<(), Impossible> {
    let sub = find(state, at, subtask, tried)?;
    reason.clone_into(&mut sub.why);
    sub.stage = Stage::Blocked;
    Ok(())
}

pub(super) fn skipped(
    state: &mut State,
    at: &Place,
    subtask: &SubtaskId,
    by: SkippedBy,
) -> Result<(), Impossible> {
    let sub = find(state, at, subtask, |stage| {
        open(stage) || matches!(stage, Stage::Pending | Stage::Failed)
    })?;
    sub.help = None;
    sub.stage = Stage::Skipped(by);
    Ok(())
}

pub(super) fn reset(
    state: &mut State,
    at: &Place,
    subtask: &SubtaskId,
    by_hand: bool,
) -> Result<(), Impossible> {
    let spec = state.plan.subtasks.iter().find(|s| &s.id == subtask);
    let spec = spec.cloned();
    let sub = find(state, at, subtask, |stage| {
        open(stage) || matches!(stage, Stage::Failed | Stage::Skipped(_))
    })?;
    idle(sub, at, subtask)?;
    let spec = spec.unwrap_or_else(|| sub.spec.clone());
    sub.restart(spec);
    sub.by_hand = by_hand;
    if !by_hand {
        sub.replanned = false;
        sub.disputed = false;
    }
    // The last gate may be in flight over a tree that is not the last one any more.
    let round = state.finale.round.saturating_add(1);
    state.finale = Finale {
        round,
        ..Finale::default()
    };
    Ok(())
}

pub(super) fn extracted(state: &mut State, at: &Place, event: &Event) -> Result<(), Impossible> {
    let Event::ExtractionFinished {
        effect,
        subtask,
        summary,
        fallback,
        usage,
    } = event
    else {
        return Ok(());
    };
    let taken = take(state, at, *effect)?;
    state.usage = state.usage.plus(*usage);
    if !matches!(taken.effect.work, Work::Extract { .. }) {
        return Err(wrong(at, *effect, &taken.effect.work));
    }
    if *fallback {
        state.degrade("memory was written without a model");
    }
    if let Some(done) = done_mut(state, subtask).filter(|_| taken.alive) {
        done.summary.clone_from(summary);
        done.extraction = Extraction::Finished;
    }
    Ok(())
}

pub(super) fn done_mut<'a>(state: &'a mut State, subtask: &SubtaskId) -> Option<&'a mut Done> {
    match &mut state.subs.get_mut(subtask)?.stage {
        Stage::Completed(done) => Some(done),
        Stage::Pending
        | Stage::Running(_)
        | Stage::Tried { .. }
        | Stage::Failed
        | Stage::Blocked
        | Stage::Skipped(_) => None,
    }
}

const fn tried(stage: &Stage) -> bool {
    matches!(stage, Stage::Tried { .. })
}

const fn open(stage: &Stage) -> bool {
    matches!(stage, Stage::Tried { .. } | Stage::Blocked)
}

/// Whether no execution of it waits.
fn idle(sub: &Subtask, at: &Place, subtask: &SubtaskId) -> Result<(), Impossible> {
    if sub.round.aside.is_empty() {
        return Ok(());
    }
    Err(Impossible::Subtask {
        subtask: subtask.clone(),
        event: at.name,
    })
}

fn find<'a>(
    state: &'a mut State,
    at: &Place,
    subtask: &SubtaskId,
    fits: impl Fn(&Stage) -> bool,
) -> Result<&'a mut Subtask, Impossible> {
    let found = state.subs.get_mut(subtask).filter(|sub| fits(&sub.stage));
    found.ok_or_else(|| Impossible::Subtask {
        subtask: subtask.clone(),
        event: at.name,
    })
}
