//! Tests of the gate where one view is not enough: disputes over checks, second views, votes.

use crate::harness::{Place, command, contains, reply, says, step};
use crate::{GateInput, JudgeReply, Question, ScriptedJudge};
use loom_events::{CriterionVerdict, Tier, VerdictResult};
use std::sync::Mutex;

const NEVER: &str = "Guten Tag";

/// Work that meets its criterion and fails a check that asks for something else.
async fn unjustly_red() -> (Place, GateInput) {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let step = step(vec![contains("greet.sh", NEVER)]);
    let baseline = place.baseline(&step).await;
    place.write("greet.sh", "echo hello\n");
    let input = place.input(step, baseline);
    (place, input)
}

fn red_before(mut input: GateInput) -> GateInput {
    input.attempt.red_before = vec![contains("greet.sh", NEVER).to_string()];
    input
}

/// What verifiers say about the first criterion, one after the other; the last goes on for ever.
fn saying(
    answers: &[(&'static str, CriterionVerdict)],
) -> ScriptedJudge<impl Fn(&Question) -> Result<JudgeReply, crate::JudgeError> + Send + Sync + use<>>
{
    let mut left = answers.to_vec();
    left.reverse();
    let left = Mutex::new(left);
    ScriptedJudge(move |question: &Question| {
        let mut left = left.lock().unwrap();
        let (model, verdict) = *left.last().unwrap();
        if left.len() > 1 {
            left.pop();
            let known = model == "same" || !question.asked.contains(&model.to_owned());
            assert!(known, "{model} was asked already");
        }
        let mut reply = reply(vec![says("c1", verdict, "echo hello")]);
        reply.model = model.to_owned();
        reply.tier = Tier::Medium;
        Ok(reply)
    })
}

use CriterionVerdict::{CannotTell, Met, NotMet};

#[tokio::test]
async fn a_check_that_is_red_again_while_every_criterion_is_met_is_in_dispute() {
    let (place, input) = unjustly_red().await;
    let judge = saying(&[("one", Met)]);
    let first = place.gate(&input, &judge).await;
    assert_eq!((first.result, first.tier), (VerdictResult::Fail, 1));
    assert!(first.disputed.is_empty(), "once may be the work's fault");

    let again = place.gate(&red_before(input), &judge).await;
    assert_eq!((again.result, again.tier), (VerdictResult::Fail, 2));
    assert_eq!(again.disputed, [contains("greet.sh", NEVER).to_string()]);
    assert!(again.feedback.contains(NEVER), "{}", again.feedback);
    assert!(again.confidence.value <= 0.1);
}

#[tokio::test]
async fn the_verifier_is_not_shown_the_check_that_is_in_dispute() {
    let (place, input) = unjustly_red().await;
    let seen = Mutex::new(String::new());
    let judge = ScriptedJudge(|question: &Question| {
        *seen.lock().unwrap() = format!("{:?}", question.prompt.checks);
        Ok(reply(vec![says("c1", Met, "echo hello")]))
    });
    place.gate(&red_before(input), &judge).await;
    let seen = seen.into_inner().unwrap();
    assert!(
        !seen.contains(NEVER) && seen.contains("well-formed"),
        "{seen}"
    );
}

#[tokio::test]
async fn no_dispute_without_the_verifiers_word_or_with_another_fault_or_when_switched_off() {
    for verdict in [NotMet, CannotTell] {
        let (place, input) = unjustly_red().await;
        let judge = saying(&[("one", verdict)]);
        let judged = place.gate(&red_before(input), &judge).await;
        assert_eq!((judged.disputed.len(), judged.tier), (0, 1), "{verdict:?}");
    }
    let judge = saying(&[("one", Met)]);
    let (place, mut input) = unjustly_red().await;
    input.step.outputs = vec!["missing.md".to_owned()];
    assert!(
        place
            .gate(&red_before(input), &judge)
            .await
            .disputed
            .is_empty()
    );
    let (place, mut input) = unjustly_red().await;
    input.defences.disputes = false;
    assert!(
        place
            .gate(&red_before(input), &judge)
            .await
            .disputed
            .is_empty()
    );
}

async fn right_work() -> (Place, GateInput) {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let step = step(vec![command("test \"$(sh greet.sh)\" = hello")]);
    let baseline = place.baseline(&step).await;
    place.write("greet.sh", "echo hello\n");
    let input = place.input(step, baseline);
    (place, input)
}

#[tokio::test]
async fn one_word_in_favour_is_no_pass_and_one_against_it_is_contested() {
    for (first, second, result, contested) in [
        (Met, Met, VerdictResult::Pass, false),
        (Met, CannotTell, VerdictResult::Pass, false),
        (Met, NotMet, VerdictResult::Fail, true),
        (NotMet, Met, VerdictResult::Fail, true),
        (NotMet, CannotTell, VerdictResult::Fail, true),
        (NotMet, NotMet, VerdictResult::Fail, false),
        (CannotTell, NotMet, VerdictResult::Inconclusive, false),
    ] {
        let (place, input) = right_work().await;
        let judge = saying(&[("one", first), ("two", second)]);
        let verdict = place.gate(&input, &judge).await;
        let seen = (verdict.result, verdict.contested);
        assert_eq!(
            seen,
            (result, contested),
            "{first:?}, {second:?}: {verdict:?}"
        );
    }
}

#[tokio::test]
async fn of_three_verdicts_a_pass_needs_two_and_no_evidence_against_it() {
    let cases = [
        ([Met, Met, Met], VerdictResult::Pass),
        ([Met, CannotTell, Met], VerdictResult::Pass),
        ([Met, NotMet, Met], VerdictResult::Inconclusive),
        ([Met, CannotTell, CannotTell], VerdictResult::Inconclusive),
        ([NotMet, Met, NotMet], VerdictResult::Fail),
    ];
    for (votes, result) in cases {
        let (place, mut input) = right_work().await;
        input.settings.tier = 3;
        let names = ["one", "two", "three"];
        let answers: Vec<_> = names.into_iter().zip(votes).collect();
        let verdict = place.gate(&input, &saying(&answers)).await;
        assert_eq!((verdict.result, verdict.tier), (result, 3), "{votes:?}");
        let models: Vec<_> = verdict.votes.iter().map(|v| v.model.as_str()).collect();
        assert_eq!(models, names);
    }
}

#[tokio::test]
async fn votes_of_different_models_count_for_more_than_those_of_one() {
    let mut values = Vec::new();
    for names in [["same", "same", "same"], ["one", "two", "three"]] {
        let (place, mut input) = right_work().await;
        input.settings.tier = 3;
        let answers: Vec<_> = names.into_iter().map(|name| (name, Met)).collect();
        let confidence = place.gate(&input, &saying(&answers)).await.confidence;
        let sum: f64 = confidence.parts.iter().map(|part| part.delta).sum();
        values.push(sum);
    }
    assert!(values[0] < values[1], "{values:?}");
}

#[tokio::test]
async fn a_verdict_that_could_not_be_had_is_none_in_favour() {
    let (place, mut input) = right_work().await;
    input.settings.tier = 3;
    let judge = ScriptedJudge(|question: &Question| match question.asked.len() {
        0 => Ok(reply(vec![says("c1", Met, "echo hello")])),
        _ => Err(crate::JudgeError::Missing("it is gone".to_owned())),
    });
    let verdict = place.gate(&input, &judge).await;
    assert_eq!(verdict.result, VerdictResult::Inconclusive);
}
