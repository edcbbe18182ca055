//! What a verifier is worth: it is shown changes of which it is known whether they are right, by the
//! same questions as in a gate. Judges agree too much, so one that was never measured is a guess.

use crate::asked::Tier2;
use crate::look::Look;
use crate::parts::Sheets;
use crate::{AttemptFacts, Baseline, GateInput, Judge, Scope, Step};
use loom_events::{Defences, Failure, Size, Tier, VerdictResult, Verification};
use loom_prompts::Block;
use loom_router::Judging;
use serde::Deserialize;
use std::sync::Arc;

/// A right and a wrong change for one criterion.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    task: String,
    file: String,
    criterion: String,
    right: String,
    wrong: String,
}

/// Twelve of them.
fn pairs() -> Vec<Pair> {
    serde_yaml::from_str(include_str!("pairs.yaml")).expect("BUG: the pairs are valid")
}

/// Why a verifier was not measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// Nobody can be asked.
    #[error("ask the verifier: {0}")]
    Missing(String),
    /// A call failed.
    #[error("ask the verifier: {}", .0.message)]
    Failed(Failure),
}

/// Shows a verifier 24 small changes, half of them wrong, and counts. `progress` is told how many were
/// shown. The order is fixed and mixed; each is asked about in a fresh context.
///
/// # Errors
/// [`MeasureError`]: then nothing is known.
pub async fn measure_judge(
    judge: &dyn Judge,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Result<Judging, MeasureError> {
    let pairs = pairs();
    let total = pairs.len() * 2;
    let mut judging = Judging::default();
    for (at, pair) in pairs.iter().enumerate() {
        // Neither always first, so that who answers by turns learns nothing.
        let order = if at % 3 == 0 {
            [false, true]
        } else {
            [true, false]
        };
        for (second, right) in order.into_iter().enumerate() {
            progress(at * 2 + second, total);
            let said = ask(pair, right, at as u64, judge).await?;
            match right {
                true => {
                    judging.right += 1;
                    judging.passed += u32::from(said == VerdictResult::Pass);
                }
                false => {
                    judging.wrong += 1;
                    judging.caught += u32::from(said == VerdictResult::Fail);
                }
            }
        }
    }
    progress(total, total);
    Ok(judging)
}

async fn ask(
    pair: &Pair,
    right: bool,
    seed: u64,
    judge: &dyn Judge,
) -> Result<VerdictResult, MeasureError> {
    let diff = if right { &pair.right } else { &pair.wrong };
    let block = Block {
        label: "D1".to_owned(),
        title: format!("diff of {}", pair.file),
        text: diff.clone(),
    };
    let input = input(pair, seed);
    let sheets = Sheets::of(block, input.step.criteria.clone());
    let look = Look {
        input: &input,
        sheets: &sheets,
        checks: &[],
        judge,
        asked: Vec::new(),
        look: 0,
    };
    match look.ask(&input.step.criteria).await {
        Ok(Tier2::Asked(asked)) => Ok(asked.result()),
        Ok(Tier2::Missing(why)) => Err(MeasureError::Missing(why)),
        Err(failure) => Err(MeasureError::Failed(failure)),
    }
}

fn input(pair: &Pair, seed: u64) -> GateInput {
    GateInput {
        step: Step {
            scope: Scope::Subtask,
            task: pair.task.clone(),
            criteria: vec![pair.criterion.clone()],
            checks: Vec::new(),
            held_out: Vec::new(),
            outputs: Vec::new(),
            inspect: false,
            expected_files: Vec::new(),
            size: Size::S,
            edits_tests: None,
        },
        workspace: None,
        changes: Vec::new(),
        attempt: AttemptFacts {
            by_hand: false,
            execution: None,
            touched: true,
            answer: String::new(),
            // Nobody did this work, so nobody is passed over for it.
            model: String::new(),
            tier: Tier::Small,
            ordinal: 1,
            red_before: Vec::new(),
            degraded: Vec::new(),
            seed,
        },
        baseline: Baseline::default(),
        done: Vec::new(),
        earlier: Vec::new(),
        settings: Verification::default(),
        defences: Defences::default(),
        round: 0,
        redactor: Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{reply, says};
    use crate::{JudgeError, JudgeReply, NoJudge, Question, ScriptedJudge};
    use loom_events::CriterionVerdict;
    use loom_prompts::CriterionAnswer;

    /// Answers each real question by a function of the material, and the control question rightly.
    fn judge(
        says_of: impl Fn(&str) -> CriterionVerdict + Send + Sync,
    ) -> ScriptedJudge<impl Fn(&Question) -> Result<JudgeReply, JudgeError> + Send + Sync> {
        let pairs = pairs();
        ScriptedJudge(move |question: &Question| {
            let material = &question.prompt.material[0].text;
            let quote = material.lines().find(|line| line.starts_with('+'));
            let quote = quote.unwrap_or_default();
            let answer = |line: &loom_prompts::CriterionLine| -> CriterionAnswer {
                let asked = pairs.iter().any(|pair| pair.criterion == line.text);
                match asked {
                    true => says(&line.id, says_of(material), quote),
                    false => says(&line.id, CriterionVerdict::NotMet, quote),
                }
            };
            Ok(reply(question.prompt.criteria.iter().map(answer).collect()))
        })
    }

    async fn measured(judge: &dyn Judge) -> Judging {
        let mut steps = 0;
        let judging = measure_judge(judge, &mut |_, _| steps += 1).await.unwrap();
        assert_eq!(steps, 25);
        judging
    }

    #[tokio::test]
    async fn who_knows_right_from_wrong_counts_and_who_agrees_to_all_gives_advice() {
        let right: Vec<String> = pairs().into_iter().map(|pair| pair.right).collect();
        let knows = judge(
            move |material| match right.iter().any(|one| one == material) {
                true => CriterionVerdict::Met,
                false => CriterionVerdict::NotMet,
            },
        );
        let perfect = measured(&knows).await;
        assert_eq!((perfect.passed, perfect.caught), (12, 12));
        assert!((perfect.youden() - 1.0).abs() < 1e-9);
        assert!(!perfect.is_advice_only());
        for (verdict, counts) in [
            (CriterionVerdict::Met, (12, 0)),
            (CriterionVerdict::NotMet, (0, 12)),
            (CriterionVerdict::CannotTell, (0, 0)),
        ] {
            let same = measured(&judge(move |_| verdict)).await;
            assert_eq!((same.passed, same.caught), counts, "{verdict:?}");
            assert!(same.is_advice_only(), "{verdict:?}");
        }
    }

    #[tokio::test]
    async fn without_anybody_to_ask_nothing_is_known() {
        let said = measure_judge(&NoJudge, &mut |_, _| {}).await;
        assert!(matches!(said, Err(MeasureError::Missing(_))), "{said:?}");
    }

    #[test]
    fn the_two_changes_of_a_pair_differ_and_both_are_diffs() {
        for pair in pairs() {
            assert_ne!(pair.right, pair.wrong, "{}", pair.criterion);
            for diff in [&pair.right, &pair.wrong] {
                assert!(diff.starts_with("@@ "), "{diff}");
                assert!(diff.lines().any(|line| line.starts_with('+')), "{diff}");
            }
        }
    }
}
