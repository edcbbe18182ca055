//! Tier 3: several verdicts, each in a fresh context and of another model if there is one.
//!
//! Judges agree too much, so their votes are not counted as if they were independent: a pass needs a
//! majority and nobody with evidence against it; a split is nobody's verdict and goes to a human.

use crate::asked::{Asked, Tier2};
use crate::look::Look;
use crate::tier2::laid_out;
use crate::{GateInput, Judge};
use loom_events::{CriterionResult, CriterionVerdict, Failure, Vote};
use loom_prompts::CheckLine;

/// Most verdicts asked for: more of the same few models say nothing new.
const MAX_VOTES: u32 = 7;

/// Asks several verifiers about every criterion of the step.
pub(crate) async fn panel(
    input: &GateInput,
    checks: &[CheckLine],
    judge: &dyn Judge,
) -> Result<Tier2, Failure> {
    let sheets = laid_out(input, checks, judge).await;
    let criteria = sheets.criteria();
    let mut views: Vec<Asked> = Vec::new();
    let votes = input.settings.votes.clamp(1, MAX_VOTES);
    // Of those that were wanted: a verdict that could not be had is none in favour.
    let needed = usize::try_from(votes / 2 + 1).unwrap_or(usize::MAX);
    for vote in 0..votes {
        let look = Look {
            input,
            sheets: &sheets,
            checks,
            judge,
            asked: views.iter().filter_map(Asked::model).collect(),
            look: u64::from(vote),
        };
        match look.ask(&criteria).await? {
            Tier2::Asked(asked) => views.push(asked),
            missing @ Tier2::Missing(_) if views.is_empty() => return Ok(missing),
            Tier2::Missing(why) => {
                let mut asked = combined(views, &criteria, needed);
                asked.degraded.push(format!("a verifier is missing: {why}"));
                return Ok(Tier2::Asked(asked));
            }
        }
    }
    Ok(Tier2::Asked(combined(views, &criteria, needed)))
}

/// One view out of several.
fn combined(views: Vec<Asked>, criteria: &[String], needed: usize) -> Asked {
    let mut all = Asked {
        votes: views.iter().filter_map(vote).collect(),
        ..Asked::default()
    };
    let mut usable: Vec<Asked> = Vec::new();
    for view in views {
        all.usage = all.usage.plus(view.usage);
        for what in &view.degraded {
            if !all.degraded.contains(what) {
                all.degraded.push(what.clone());
            }
        }
        if view.void.is_none() {
            usable.push(view);
        } else if all.void.is_none() {
            all.void = view.void;
        }
    }
    if usable.len() < needed {
        return all;
    }
    all.void = None;
    // The weakest of them carries the result: it cannot be surer than that.
    all.verifier = usable
        .iter()
        .filter_map(|view| view.verifier.clone())
        .min_by_key(|(_, tier)| *tier);
    for criterion in criteria {
        let said = usable.iter().flat_map(|view| &view.criteria);
        let answers: Vec<&CriterionResult> =
            said.filter(|said| said.criterion == *criterion).collect();
        all.criteria.push(judged(criterion, &answers, needed));
    }
    for view in usable {
        for change in view.unrequested {
            if !all.unrequested.contains(&change) {
                all.unrequested.push(change);
            }
        }
    }
    all
}

/// What follows for one criterion: met by a majority and against nobody's evidence, not met by a
/// majority, or open.
fn judged(criterion: &str, answers: &[&CriterionResult], needed: usize) -> CriterionResult {
    let of = |verdict| answers.iter().filter(move |a| a.verdict == verdict);
    let count = |verdict| of(verdict).count();
    let met = count(CriterionVerdict::Met);
    let not_met = count(CriterionVerdict::NotMet);
    let verdict = if not_met >= needed {
        CriterionVerdict::NotMet
    } else if met >= needed && not_met == 0 {
        CriterionVerdict::Met
    } else {
        CriterionVerdict::CannotTell
    };
    let speaker = of(verdict).next();
    let why = match (verdict, speaker) {
        (CriterionVerdict::CannotTell, _) => {
            let against = of(CriterionVerdict::NotMet).next();
            let doubt = against.map(|a| format!("; against it: {}", a.why));
            format!(
                "{met} of {} say met, {not_met} not met{}",
                answers.len(),
                doubt.unwrap_or_default()
            )
        }
        (_, Some(speaker)) => speaker.why.clone(),
        (_, None) => String::new(),
    };
    CriterionResult {
        criterion: criterion.to_owned(),
        verdict,
        quote: speaker.map(|a| a.quote.clone()).unwrap_or_default(),
        why,
    }
}

fn vote(view: &Asked) -> Option<Vote> {
    Some(Vote {
        model: view.model()?,
        result: view.result(),
    })
}
