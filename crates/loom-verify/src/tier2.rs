//! Tier 2: a verifier model is asked criterion by criterion, and believed only as far as its quotes
//! are found again. The harness derives the verdict; the model never says pass or fail.

use crate::canary::{control, order};
use crate::material::{Shown, show};
use crate::quote::Material;
use crate::{GateInput, Judge, JudgeError, JudgeReply, Question, Tier1Report};
use loom_events::{CriterionResult, CriterionVerdict, Failure, Tier, Usage, VerdictResult};
use loom_prompts::{CheckLine, CriterionAnswer, CriterionLine, VerifierInput};

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

/// Asks the verifier about every criterion.
pub(crate) async fn tier2(
    input: &GateInput,
    report: &Tier1Report,
    judge: &dyn Judge,
) -> Result<Tier2, Failure> {
    let Shown { blocks, degraded } = show(input).await;
    let checks = check_lines(report);
    let mut asked = Asked {
        degraded,
        ..Asked::default()
    };
    let criteria: Vec<&String> = input.step.criteria.iter().take(MAX_CRITERIA).collect();
    if input.step.criteria.len() > MAX_CRITERIA {
        let hidden = input.step.criteria.len() - MAX_CRITERIA;
        asked
            .degraded
            .push(format!("{hidden} criteria were not judged"));
    }
    for (call, chunk) in criteria.chunks(CRITERIA_PER_CALL).enumerate() {
        let first = call * CRITERIA_PER_CALL;
        let mut lines: Vec<CriterionLine> = chunk
            .iter()
            .enumerate()
            .map(|(at, text)| line(first + at, text))
            .collect();
        // Another round asks in another order, so that it is not the same question again.
        let seed = input.attempt.seed ^ (u64::from(input.round) << 32) ^ call as u64;
        let control_line = line(criteria.len() + call, &control(seed, &blocks));
        lines.push(control_line.clone());
        let question = Question {
            prompt: VerifierInput {
                task: input.step.task.clone(),
                criteria: order(seed, lines.len())
                    .into_iter()
                    .map(|at| lines[at].clone())
                    .collect(),
                checks: checks.clone(),
                material: blocks.clone(),
                budget: None,
            },
            executor: input.attempt.model.clone(),
            tier: input.attempt.tier,
        };
        match judge.judge(&question).await {
            Ok(reply) => {
                let material = Material {
                    blocks: &blocks,
                    checks: &checks,
                };
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

fn line(at: usize, text: &str) -> CriterionLine {
    CriterionLine {
        id: format!("c{}", at + 1),
        text: text.to_owned(),
    }
}

fn check_lines(report: &Tier1Report) -> Vec<CheckLine> {
    report
        .checks
        .iter()
        .map(|check| CheckLine {
            check: check.check.clone(),
            passed: check.passed,
            detail: check.detail.lines().next().unwrap_or_default().to_owned(),
        })
        .collect()
}

impl Asked {
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
