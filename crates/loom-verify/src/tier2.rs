//! Tier 2: a verifier model is asked criterion by criterion, and believed only as far as its quotes
//! are found again. The harness derives the verdict; the model never says pass or fail.

use crate::asked::Tier2;
use crate::look::Look;
use crate::material::show;
use crate::parts::{Sheets, sheets};
use crate::{GateInput, Judge, Scope, Tier1Report};
use loom_events::{Failure, VerdictResult};
use loom_prompts::{CheckLine, estimate_tokens};
use loom_redact::Redactor;

/// Asks the verifier about every criterion of the step, and again: in another order, and another one if
/// there is one. Judges agree too much, so one word in favour is no pass, and evidence against
/// the work counts even when a second view does not share it. Whether the work is thrown away for it
/// is another matter: see [`Asked::contested`].
pub(crate) async fn tier2(
    input: &GateInput,
    checks: &[CheckLine],
    judge: &dyn Judge,
) -> Result<Tier2, Failure> {
    let sheets = laid_out(input, checks, judge).await;
    let criteria = sheets.criteria();
    let mut look = Look {
        input,
        sheets: &sheets,
        checks,
        judge,
        asked: Vec::new(),
        look: 0,
    };
    let mut asked = match look.ask(&criteria).await? {
        Tier2::Asked(asked) => asked,
        missing @ Tier2::Missing(_) => return Ok(missing),
    };
    look.asked.extend(asked.model());
    for number in 1..looks(input) {
        let again = match asked.result() {
            // One confirmation is enough.
            VerdictResult::Fail if number > 1 => break,
            VerdictResult::Fail => asked.against(),
            VerdictResult::Pass => criteria.clone(),
            VerdictResult::Inconclusive => break,
        };
        look.look = number;
        // Without another view the first one stands.
        match look.ask(&again).await? {
            Tier2::Asked(view) => {
                look.asked.extend(view.model());
                asked.compare(view);
            }
            Tier2::Missing(_) => break,
        }
    }
    if matches!(input.step.scope, Scope::Goal) {
        asked.settle(&input.attempt.red_before);
    }
    Ok(Tier2::Asked(asked))
}

/// What a verifier is shown of the work, beside what it is told anyway.
pub(crate) async fn laid_out(input: &GateInput, checks: &[CheckLine], judge: &dyn Judge) -> Sheets {
    let shown = show(input).await;
    let lines = checks
        .iter()
        .map(|line| estimate_tokens(&line.check) + estimate_tokens(&line.detail));
    let told = lines
        .sum::<u64>()
        .saturating_add(estimate_tokens(&input.step.task));
    let room = judge.room(input.attempt.tier);
    sheets(input, shown, room.map(|room| room.saturating_sub(told)))
}

/// How many views a pass needs. More where the work is more likely to be wrong: a step that failed
/// before is a hard one. And for the whole, which nobody looks at again.
const fn looks(input: &GateInput) -> u64 {
    if matches!(input.step.scope, Scope::Goal) || input.attempt.ordinal > 1 {
        3
    } else {
        2
    }
}

/// What a verifier is told of the checks.
pub(crate) fn check_lines(report: &Tier1Report, redactor: &Redactor) -> Vec<CheckLine> {
    report
        .checks
        .iter()
        .map(|check| CheckLine {
            check: check.check.clone(),
            passed: check.passed,
            detail: {
                let first = check.detail.lines().next().unwrap_or_default();
                redactor.text(first).into_owned()
            },
        })
        .collect()
}
