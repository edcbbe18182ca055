//! Tier 2: a verifier model is asked criterion by criterion, and believed only as far as its quotes
//! are found again. The harness derives the verdict; the model never says pass or fail.

use crate::canary::{control, order};
use crate::material::{Shown, show};
use crate::quote::Material;
use crate::{GateInput, Judge, JudgeError, JudgeReply, Question, Scope, Tier1Report};
use loom_events::{CriterionResult, CriterionVerdict, Failure, Tier, Usage, VerdictResult, Vote};
use loom_prompts::{CheckLine, CriterionAnswer, CriterionLine, VerifierInput};
use loom_redact::Redactor;

/// Criteria of one call, beside the control question: beyond six, answers get careless.
const CRITERIA_PER_CALL: usize = 5;

/// Most criteria that are judged: eight calls. A step with more is a plan of its own.
const MAX_CRITERIA: usize = 40;

/// What tier 2 found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tier2 {
    /// There is nobody to ask.
    Missing(String),
    /// Asked and answered, usably or not.
    Asked(Asked),
}

/// What came of asking.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    /// In the order of the step.
    pub(crate) criteria: Vec<CriterionResult>,
    pub(crate) usage: Usage,
    pub(crate) degraded: Vec<String>,
    /// Why nothing that was answered counts, when that is so.
    pub(crate) void: Option<String>,
    /// Who answered.
    pub(crate) verifier: Option<(String, Tier)>,
    /// Changes that the verifier thinks nobody asked for; a note.
    pub(crate) unrequested: Vec<String>,
    /// What each of several verifiers said; empty when one was asked.
    pub(crate) votes: Vec<Vote>,
    /// Whether one view has evidence against the work and another finds the same criterion met.
    pub(crate) contested: bool,
}

impl Asked {
    /// All met is a pass, one not met with a valid quote is a fail, all else is neither.
    pub(crate) fn result(&self) -> VerdictResult {
        let any = |verdict| self.criteria.iter().any(|c| c.verdict == verdict);
        if self.void.is_some() || self.criteria.is_empty() {
            VerdictResult::Inconclusive
        } else if any(CriterionVerdict::NotMet) {
            VerdictResult::Fail
        } else if any(CriterionVerdict::CannotTell) {
            VerdictResult::Inconclusive
        } else {
            VerdictResult::Pass
        }
    }

    /// How many criteria could not be told.
    pub(crate) fn untold(&self) -> usize {
        let untold = |c: &&CriterionResult| c.verdict == CriterionVerdict::CannotTell;
        self.criteria.iter().filter(untold).count()
    }
}

/// One verifier's view of some work.
pub(crate) struct Look<'a> {
    pub(crate) input: &'a GateInput,
    pub(crate) shown: &'a Shown,
    pub(crate) checks: &'a [CheckLine],
    pub(crate) judge: &'a dyn Judge,
    /// Models that have looked at it before.
    pub(crate) asked: Vec<String>,
    /// Which look at the same round this is: another one asks in another order.
    pub(crate) look: u64,
}

impl Look<'_> {
    /// Asks a verifier about these criteria.
    pub(crate) async fn ask(&self, criteria: &[String]) -> Result<Tier2, Failure> {
        let mut asked = Asked {
            degraded: self.shown.degraded.clone(),
            ..Asked::default()
        };
        let blocks = &self.shown.blocks;
        let material = Material {
            blocks,
            checks: self.checks,
        };
        for (call, chunk) in criteria.chunks(CRITERIA_PER_CALL).enumerate() {
            let first = call * CRITERIA_PER_CALL;
            let mut lines: Vec<CriterionLine> = chunk
                .iter()
                .enumerate()
                .map(|(at, text)| line(first + at, text))
                .collect();
            let seed = self.seed(call);
            let control_line = line(criteria.len() + call, &control(seed, blocks));
            lines.push(control_line.clone());
            match self.judge.judge(&self.question(seed, &lines)).await {
                Ok(reply) => {
                    lines.pop();
                    asked.take(reply, &lines, &control_line, &material);
                }
                Err(JudgeError::Missing(why)) => return Ok(Tier2::Missing(why)),
                Err(error @ JudgeError::Unusable { .. }) => asked.unusable(&error),
                Err(JudgeError::Failed(failure)) => return Err(failure),
            }
            if asked.void.is_some() {
                break;
            }
        }
        Ok(Tier2::Asked(asked))
    }

    /// Another round, and another look of the same round, is not the same question again.
    fn seed(&self, call: usize) -> u64 {
        let round = u64::from(self.input.round) << 32;
        self.input.attempt.seed ^ round ^ (self.look << 48) ^ call as u64
    }

    fn question(&self, seed: u64, lines: &[CriterionLine]) -> Question {
        let in_order = order(seed, lines.len());
        Question {
            prompt: VerifierInput {
                task: self.input.step.task.clone(),
                criteria: in_order.into_iter().map(|at| lines[at].clone()).collect(),
                checks: self.checks.to_vec(),
                material: self.shown.blocks.clone(),
                budget: None,
            },
            executor: self.input.attempt.model.clone(),
            tier: self.input.attempt.tier,
            asked: self.asked.clone(),
        }
    }
}

/// Asks the verifier about every criterion of the step, and again: in another order, and another one if
/// there is one. Judges agree too much, so one word in favour is no pass, and evidence against
/// the work counts even when a second view does not share it. Whether the work is thrown away for it
/// is another matter: see [`Asked::contested`].
pub(crate) async fn tier2(
    input: &GateInput,
    checks: &[CheckLine],
    judge: &dyn Judge,
) -> Result<Tier2, Failure> {
    let shown = show(input).await;
    let (criteria, hidden) = criteria(input);
    let mut look = Look {
        input,
        shown: &shown,
        checks,
        judge,
        asked: Vec::new(),
        look: 0,
    };
    let mut asked = match look.ask(&criteria).await? {
        Tier2::Asked(asked) => asked,
        missing @ Tier2::Missing(_) => return Ok(missing),
    };
    asked.degraded.extend(hidden);
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

/// How many views a pass needs. More where the work is more likely to be wrong: a step that failed
/// before is a hard one. And for the whole, which nobody looks at again.
const fn looks(input: &GateInput) -> u64 {
    if matches!(input.step.scope, Scope::Goal) || input.attempt.ordinal > 1 {
        3
    } else {
        2
    }
}

/// The criteria that are judged, and what is said when they are not all.
pub(crate) fn criteria(input: &GateInput) -> (Vec<String>, Option<String>) {
    let all = &input.step.criteria;
    let judged = all.iter().take(MAX_CRITERIA).cloned().collect();
    let hidden = all.len().saturating_sub(MAX_CRITERIA);
    let said = (hidden > 0).then(|| format!("{hidden} criteria were not judged"));
    (judged, said)
}

fn line(at: usize, text: &str) -> CriterionLine {
    CriterionLine {
        id: format!("c{}", at + 1),
        text: text.to_owned(),
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

impl Asked {
    /// Criteria that are not met, it says.
    fn against(&self) -> Vec<String> {
        let not_met = |c: &&CriterionResult| c.verdict == CriterionVerdict::NotMet;
        let not_met = self.criteria.iter().filter(not_met);
        not_met.map(|c| c.criterion.clone()).collect()
    }

    /// Who answered.
    pub(crate) fn model(&self) -> Option<String> {
        self.verifier.as_ref().map(|(name, _)| name.clone())
    }

    /// Another view. What either of them has evidence against is not met; where nothing of that is
    /// seen by both, it is contested.
    fn compare(&mut self, second: Self) {
        self.usage = self.usage.plus(second.usage);
        if second.void.is_some() {
            return;
        }
        let mut confirmed = false;
        for again in second.criteria {
            let same = |c: &&mut CriterionResult| c.criterion == again.criterion;
            let Some(first) = self.criteria.iter_mut().find(same) else {
                continue;
            };
            match (first.verdict, again.verdict) {
                (CriterionVerdict::NotMet, CriterionVerdict::NotMet) => confirmed = true,
                (CriterionVerdict::Met, CriterionVerdict::NotMet) => *first = again,
                _ => {}
            }
        }
        self.contested = !confirmed && !self.against().is_empty();
    }

    /// A doubt that was followed up and is still not shared is none any more: else one reviewer's
    /// fancy would have right work done again for ever.
    fn settle(&mut self, followed_up: &[String]) {
        if !self.contested {
            return;
        }
        for criterion in &mut self.criteria {
            let known = !criterion.quote.is_empty() && followed_up.contains(&criterion.quote);
            if criterion.verdict == CriterionVerdict::NotMet && known {
                criterion.verdict = CriterionVerdict::Met;
                criterion.why = format!("followed up before, and not shared: {}", criterion.why);
            }
        }
        self.contested = !self.against().is_empty();
    }

    fn take(
        &mut self,
        reply: JudgeReply,
        lines: &[CriterionLine],
        control: &CriterionLine,
        material: &Material<'_>,
    ) {
        self.usage = self.usage.plus(reply.usage);
        for what in reply.degraded {
            if !self.degraded.contains(&what) {
                self.degraded.push(what);
            }
        }
        let answers = &reply.answer.criteria;
        let answer_to = |line: &CriterionLine| {
            answers
                .iter()
                .find(|answer| answer.id.trim().eq_ignore_ascii_case(&line.id))
        };
        if answer_to(control).is_some_and(|answer| answer.verdict == CriterionVerdict::Met) {
            self.void = Some(format!(
                "the verifier {} said met to a control question that is false",
                reply.model
            ));
        }
        self.criteria.extend(
            lines
                .iter()
                .map(|line| weigh(line, answer_to(line), material)),
        );
        self.unrequested.extend(reply.answer.unrequested_changes);
        self.verifier = Some((reply.model, reply.tier));
    }

    fn unusable(&mut self, error: &JudgeError) {
        if let JudgeError::Unusable { usage, .. } = error {
            self.usage = self.usage.plus(*usage);
        }
        self.void = Some(error.to_string());
    }
}

/// What an answer is worth: without a quote that is found again it says nothing.
fn weigh(
    line: &CriterionLine,
    answer: Option<&CriterionAnswer>,
    material: &Material<'_>,
) -> CriterionResult {
    let Some(answer) = answer else {
        return CriterionResult {
            criterion: line.text.clone(),
            verdict: CriterionVerdict::CannotTell,
            quote: String::new(),
            why: "the verifier gave no answer".to_owned(),
        };
    };
    let quoted = material.holds(&answer.quote);
    // What is said to be absent is looked for again.
    let absent = answer.quote.trim().is_empty()
        && !answer.searched.is_empty()
        && answer.searched.iter().all(|text| !material.has_now(text));
    let valid = match answer.verdict {
        CriterionVerdict::Met => quoted,
        CriterionVerdict::NotMet => quoted || absent,
        CriterionVerdict::CannotTell => true,
    };
    let (verdict, why) = if valid {
        (answer.verdict, answer.why.clone())
    } else {
        let what = if answer.quote.trim().is_empty() {
            "without a quote"
        } else {
            "with a quote that is not in the material"
        };
        let why = format!("the verifier answered {what}: {}", answer.why);
        (CriterionVerdict::CannotTell, why)
    };
    CriterionResult {
        criterion: line.text.clone(),
        verdict,
        quote: if quoted {
            answer.quote.clone()
        } else {
            String::new()
        },
        why,
    }
}
