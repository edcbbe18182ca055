//! One verifier's view of some work: every sheet in a fresh context, each call with a control question, and
//! no answer believed further than its quote is found again.

use crate::asked::{Asked, Tier2};
use crate::canary::{control, order};
use crate::parts::{Sheet, Sheets};
use crate::quote::Material;
use crate::{GateInput, Judge, JudgeError, Question};
use loom_events::{CriterionResult, CriterionVerdict, Failure};
use loom_prompts::{Block, CheckLine, CriterionAnswer, CriterionLine, VerifierInput};

/// Criteria of one call, beside the control question: beyond six, answers get careless.
const CRITERIA_PER_CALL: usize = 5;

/// One verifier's view of some work.
pub(crate) struct Look<'a> {
    pub(crate) input: &'a GateInput,
    pub(crate) sheets: &'a Sheets,
    pub(crate) checks: &'a [CheckLine],
    pub(crate) judge: &'a dyn Judge,
    /// Models that have looked at it before.
    pub(crate) asked: Vec<String>,
    /// Which look at the same round this is: another one asks in another order.
    pub(crate) look: u64,
}

impl Look<'_> {
    /// Asks a verifier about these criteria, wherever there is something to judge them by.
    pub(crate) async fn ask(&self, criteria: &[String]) -> Result<Tier2, Failure> {
        let mut asked = Asked {
            degraded: self.sheets.degraded.clone(),
            ..Asked::default()
        };
        let everything: Vec<&Block> = self.sheets.sheets.iter().flat_map(|s| &s.blocks).collect();
        let mut calls = 0;
        for sheet in &self.sheets.sheets {
            let wanted: Vec<&String> = sheet
                .criteria
                .iter()
                .filter(|c| criteria.contains(c))
                .collect();
            let material = Material {
                blocks: &sheet.blocks,
                everything: &everything,
                checks: self.checks,
            };
            for (call, chunk) in wanted.chunks(CRITERIA_PER_CALL).enumerate() {
                let seed = self.seed(calls);
                calls += 1;
                let first = call * CRITERIA_PER_CALL;
                let named = |(at, text): (usize, &&String)| line(first + at, text);
                let mut lines: Vec<CriterionLine> = chunk.iter().enumerate().map(named).collect();
                let control_line = line(wanted.len() + call, &control(seed, &sheet.blocks));
                lines.push(control_line.clone());
                match self.judge.judge(&self.question(sheet, seed, &lines)).await {
                    Ok(reply) => {
                        lines.pop();
                        asked.take(reply, &lines, &control_line, &material);
                    }
                    Err(JudgeError::Missing(why)) => return Ok(Tier2::Missing(why)),
                    Err(error @ JudgeError::Unusable { .. }) => asked.unusable(&error),
                    Err(JudgeError::Failed(failure)) => return Err(failure),
                }
                if asked.void.is_some() {
                    return Ok(Tier2::Asked(asked));
                }
            }
        }
        Ok(Tier2::Asked(asked))
    }

    /// Another round, and another look of the same round, is not the same question again.
    fn seed(&self, call: usize) -> u64 {
        let round = u64::from(self.input.round) << 32;
        self.input.attempt.seed ^ round ^ (self.look << 48) ^ call as u64
    }

    fn question(&self, sheet: &Sheet, seed: u64, lines: &[CriterionLine]) -> Question {
        let in_order = order(seed, lines.len());
        Question {
            prompt: VerifierInput {
                task: self.input.step.task.clone(),
                criteria: in_order.into_iter().map(|at| lines[at].clone()).collect(),
                checks: self.checks.to_vec(),
                material: sheet.blocks.clone(),
                part: sheet.part.clone(),
                left_out: Vec::new(),
                budget: None,
            },
            executor: self.input.attempt.model.clone(),
            tier: self.input.attempt.tier,
            asked: self.asked.clone(),
        }
    }
}

fn line(at: usize, text: &str) -> CriterionLine {
    CriterionLine {
        id: format!("c{}", at + 1),
        text: text.to_owned(),
    }
}

/// What an answer is worth: without a quote that is found again it says nothing.
pub(crate) fn weigh(
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
