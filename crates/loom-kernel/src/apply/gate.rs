//! Verdicts: of an attempt's gate, of a recheck, of the last gate.

use super::model::{SEED, fnv, mix};
use super::{Place, take, wrong};
use crate::Impossible;
use crate::compare::Candidate;
use crate::state::{FinaleStage, Last, Proof, State};
use loom_events::{
    AttemptId, CheckPower, CriterionVerdict, EffectId, Verdict, VerdictResult, Work,
};

pub(super) fn judged(
    state: &mut State,
    at: &Place,
    effect: EffectId,
    verdict: &Verdict,
) -> Result<(), Impossible> {
    let taken = take(state, at, effect)?;
    state.usage = state.usage.plus(verdict.usage);
    for what in &verdict.degraded {
        state.degrade(what);
    }
    match taken.effect.work {
        Work::Verify { attempt, round, .. } => gate(state, at, attempt, (round, verdict)),
        Work::Recheck { attempt } => recheck(state, at, attempt, verdict),
        Work::Final { .. } if taken.alive => last(state, verdict),
        Work::Final { .. } => {}
        work @ (Work::Plan { .. }
        | Work::Prepare { .. }
        | Work::Model { .. }
        | Work::Tool { .. }
        | Work::Merge { .. }
        | Work::Unmerge { .. }
        | Work::Extract { .. }
        | Work::Reconcile { .. }) => return Err(wrong(at, effect, &work)),
    }
    Ok(())
}

fn proof(at: &Place, verdict: &Verdict) -> Proof {
    let evidence = |c: &loom_events::CheckResult| c.passed && c.power == CheckPower::Discriminating;
    Proof {
        verdict: at.seq,
        confidence: verdict.confidence.value,
        evidence: verdict.confidence.evidence(),
        proven: verdict.checks.iter().any(evidence),
    }
}

fn gate(state: &mut State, at: &Place, attempt: AttemptId, (round, verdict): (u32, &Verdict)) {
    let Some(attempt) = state.attempt_mut(attempt) else {
        return;
    };
    attempt.backoff.clear();
    let feedback = verdict.feedback.clone();
    let passed = verdict.result == VerdictResult::Pass && attempt.votes;
    attempt.candidate = passed.then(|| Box::new(Candidate::new(attempt.id, verdict)));
    if verdict.result == VerdictResult::Fail {
        attempt.failed_by = Some(found(verdict));
    }
    attempt.last = match verdict.result {
        VerdictResult::Pass => Last::Passed(proof(at, verdict)),
        VerdictResult::Fail => Last::GateFailed {
            feedback,
            cheap: verdict.contested || is_slip(verdict),
            disputed: verdict.disputed.clone(),
        },
        VerdictResult::Inconclusive => Last::Unsure { round, feedback },
    };
}

/// What a gate found against some work, as a fingerprint: which checks and criteria, not in which words.
fn found(verdict: &Verdict) -> u64 {
    let red = verdict.checks.iter().filter(|c| !c.passed);
    let red = red.map(|c| c.check.as_str());
    let criteria = verdict.criteria.iter();
    let against = criteria.filter(|c| c.verdict == CriterionVerdict::NotMet);
    let found = red.chain(against.map(|c| c.criterion.as_str()));
    // In whatever order they are told.
    found.fold(0, |sum, what| {
        sum.wrapping_add(mix(fnv(SEED, what.as_bytes())))
    })
}

/// Whether rules alone failed it: a file in the wrong place, a test that was changed, a list that was
/// cut. Whoever is told puts that right. What a check of the content saw is another matter: the wrong
/// thought is in the context, and the next answer follows it.
fn is_slip(verdict: &Verdict) -> bool {
    let content = |check: &loom_events::CheckResult| {
        !check.passed && check.power == CheckPower::Discriminating
    };
    verdict.tier == 1 && !verdict.checks.iter().any(content)
}

/// The verdict now rests on the merged tree; what the gate proved about the work still holds.
fn recheck(state: &mut State, at: &Place, attempt: AttemptId, verdict: &Verdict) {
    let Some(attempt) = state.attempt_mut(attempt) else {
        return;
    };
    attempt.backoff.clear();
    let Last::Merged { proof: gate, .. } = &attempt.last else {
        return;
    };
    attempt.last = match verdict.result {
        VerdictResult::Pass => {
            let again = proof(at, verdict);
            Last::Rechecked(Proof {
                verdict: again.verdict,
                confidence: gate.confidence,
                evidence: gate.evidence,
                proven: gate.proven || again.proven,
            })
        }
        // Inconclusive fails closed: the merged tree was not shown to be right.
        VerdictResult::Fail | VerdictResult::Inconclusive => {
            Last::Conflict(verdict.feedback.clone())
        }
    };
}

fn last(state: &mut State, verdict: &Verdict) {
    let finale = &mut state.finale;
    finale.backoff.clear();
    match verdict.result {
        VerdictResult::Pass => finale.stage = FinaleStage::Passed,
        VerdictResult::Fail => {
            finale.stage = FinaleStage::Failed {
                feedback: verdict.feedback.clone(),
                answered: false,
            };
        }
        VerdictResult::Inconclusive => {
            finale.round = finale.round.saturating_add(1);
            finale.unsure = finale.unsure.saturating_add(1);
        }
    }
}
