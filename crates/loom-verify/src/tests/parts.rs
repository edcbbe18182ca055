//! Work that is too large to be looked at at once.

use crate::harness::{Place, reply, says, step};
use crate::{GateInput, JudgeError, JudgeReply, Question, Scope, ScriptedJudge};
use loom_events::{CriterionVerdict, Tier, VerdictResult};
use std::collections::BTreeMap;
use std::sync::Mutex;

use CriterionVerdict::{CannotTell, Met, NotMet};

/// A change to so many new files of two lines, each with a word of its own.
fn large(files: usize, scope: Scope) -> (Place, GateInput) {
    let place = Place::with(&[("README.md", "hello\n")]);
    for n in 0..files {
        place.write(
            &format!("src/f{n:03}.txt"),
            &format!("file {n:03}\nword{n:03}\n"),
        );
    }
    let mut step = step(Vec::new());
    step.scope = scope;
    (step.outputs, step.expected_files) = (Vec::new(), Vec::new());
    let baseline = crate::Baseline::default();
    let mut input = place.input(step, baseline);
    input.defences.scope = false;
    (place, input)
}

/// Everything that the material of a question says.
fn text(question: &Question) -> String {
    let blocks = question.prompt.material.iter();
    blocks
        .map(|block| format!("{}\n{}\n", block.title, block.text))
        .collect()
}

/// A line that can be quoted.
fn quote(question: &Question) -> String {
    question.prompt.material[0]
        .text
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

/// Whether a criterion is the control question.
fn is_control(text: &str) -> bool {
    ["--probe-", "checklist-", "appendix"]
        .iter()
        .any(|mark| text.contains(mark))
}

/// Answers each real criterion of a question.
fn each(
    question: &Question,
    said: impl Fn(&str) -> (CriterionVerdict, String),
) -> Result<JudgeReply, JudgeError> {
    let criteria = question.prompt.criteria.iter();
    let answer = |c: &loom_prompts::CriterionLine| {
        let (verdict, quote) = said(&c.text);
        says(&c.id, verdict, &quote)
    };
    Ok(reply(
        criteria
            .filter(|c| !is_control(&c.text))
            .map(answer)
            .collect(),
    ))
}

/// Finds everything as it should be.
fn content(question: &Question) -> Result<JudgeReply, JudgeError> {
    each(question, |_| (Met, quote(question)))
}

fn incomplete(degraded: &[String]) -> bool {
    degraded.iter().any(|what| what.contains("shown"))
}

#[tokio::test]
async fn a_small_change_is_one_sheet_and_nothing_is_said_of_parts() {
    let (place, input) = large(30, Scope::Goal);
    let judge = ScriptedJudge(|question: &Question| {
        assert_eq!(question.prompt.part, None);
        assert_eq!(question.prompt.material.len(), 30);
        content(question)
    });
    let verdict = place.gate(&input, &judge).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{verdict:?}");
}

#[tokio::test]
async fn of_a_large_change_every_file_is_looked_at_and_the_list_of_all_last() {
    let (place, input) = large(90, Scope::Goal);
    let seen: Mutex<BTreeMap<usize, String>> = Mutex::default();
    let judge = ScriptedJudge(|question: &Question| {
        let part = question.prompt.part.clone().expect("it is a part");
        assert!(question.prompt.material.len() <= 20);
        assert_eq!(part.of, 6);
        let text = text(question);
        let named = part
            .elsewhere
            .iter()
            .filter(|path| text.contains(path.as_str()));
        assert_eq!(named.count(), 0, "what is shown is not elsewhere");
        seen.lock().unwrap().insert(part.number, text);
        content(question)
    });
    let verdict = place.gate(&input, &judge).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{verdict:?}");
    assert!(!incomplete(&verdict.degraded), "{:?}", verdict.degraded);
    // Two for each part, and one for the list.
    assert_eq!(verdict.criteria.len(), 11);
    let seen = seen.into_inner().unwrap();
    let parts = || seen.iter().filter(|(number, _)| **number < 6);
    for n in 0..90 {
        let with = parts().filter(|(_, text)| text.contains(&format!("word{n:03}")));
        assert_eq!(with.count(), 1, "file {n}");
        assert!(seen[&6].contains(&format!("src/f{n:03}.txt (+2 -0)")));
    }
}

#[tokio::test]
async fn one_part_of_the_goal_that_nobody_can_tell_of_is_no_pass() {
    for (verdict, result) in [
        (CannotTell, VerdictResult::Inconclusive),
        (NotMet, VerdictResult::Fail),
    ] {
        let (place, input) = large(90, Scope::Goal);
        let judge = ScriptedJudge(move |question: &Question| {
            let third = question
                .prompt
                .part
                .as_ref()
                .is_some_and(|part| part.number == 3);
            each(question, |_| match third {
                true => (verdict, quote(question)),
                false => (Met, quote(question)),
            })
        });
        let judged = place.gate(&input, &judge).await;
        assert_eq!(judged.result, result);
        assert!(
            judged.feedback.contains("part 3 of 6"),
            "{}",
            judged.feedback
        );
        assert!(
            !judged.feedback.contains("part 2 of 6"),
            "{}",
            judged.feedback
        );
    }
}

#[tokio::test]
async fn what_is_said_to_be_missing_and_is_in_another_part_is_not_believed() {
    for (searched, result) in [
        ("word089", VerdictResult::Inconclusive),
        ("word090", VerdictResult::Fail),
    ] {
        let (place, input) = large(90, Scope::Goal);
        let judge = ScriptedJudge(move |question: &Question| {
            let first = question
                .prompt
                .part
                .as_ref()
                .is_some_and(|part| part.number == 1);
            let mut reply = content(question)?;
            if let Some(answer) = reply.answer.criteria.first_mut().filter(|_| first) {
                (answer.verdict, answer.quote) = (NotMet, String::new());
                answer.searched = vec![searched.to_owned()];
            }
            Ok(reply)
        });
        let verdict = place.gate(&input, &judge).await;
        assert_eq!(verdict.result, result, "{searched}: {}", verdict.feedback);
    }
}

#[tokio::test]
async fn a_criterion_of_a_step_may_be_shown_by_any_part_and_refuted_by_any() {
    // What the third part says, what the others say, and what follows.
    for (third, others, result) in [
        (Met, CannotTell, VerdictResult::Pass),
        (NotMet, Met, VerdictResult::Fail),
        (NotMet, CannotTell, VerdictResult::Fail),
        (CannotTell, CannotTell, VerdictResult::Inconclusive),
    ] {
        let (place, input) = large(90, Scope::Subtask);
        let judge = ScriptedJudge(move |question: &Question| {
            let part = question.prompt.part.as_ref().expect("it is a part");
            assert_eq!(part.of, 5, "a step has no list");
            let verdict = if part.number == 3 { third } else { others };
            each(question, |_| (verdict, quote(question)))
        });
        let verdict = place.gate(&input, &judge).await;
        assert_eq!(
            verdict.result, result,
            "{third:?}, {others:?}: {}",
            verdict.feedback
        );
        assert_eq!(verdict.criteria.len(), 1);
    }
}

/// A judge with a small window.
struct Narrow<J>(J, u64);

#[async_trait::async_trait]
impl<J: crate::Judge> crate::Judge for Narrow<J> {
    async fn judge(&self, question: &Question) -> Result<JudgeReply, JudgeError> {
        self.0.judge(question).await
    }

    fn room(&self, _: Tier) -> Option<u64> {
        Some(self.1)
    }
}

#[tokio::test]
async fn a_long_file_goes_in_pieces_that_fit_the_window_and_no_line_is_lost() {
    let place = Place::with(&[("README.md", "hello\n")]);
    let lines: Vec<String> = (0..1_000)
        .map(|n| format!("the line with number {n}"))
        .collect();
    place.write("long.txt", &lines.join("\n"));
    let mut input = place.input(step(Vec::new()), crate::Baseline::default());
    input.defences.scope = false;
    let seen: Mutex<Vec<String>> = Mutex::default();
    let judge = ScriptedJudge(|question: &Question| {
        let text = text(question);
        assert!(
            loom_prompts::estimate_tokens(&text) <= 3_300,
            "{}",
            text.len()
        );
        seen.lock().unwrap().push(text);
        content(question)
    });
    let verdict = place.gate(&input, &Narrow(judge, 3_000)).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{verdict:?}");
    assert!(!incomplete(&verdict.degraded), "{:?}", verdict.degraded);
    let seen = seen.into_inner().unwrap().concat();
    for line in &lines {
        assert!(seen.contains(&format!("+{line}\n")), "{line}");
    }
}

#[tokio::test]
async fn what_is_too_much_even_in_parts_is_said() {
    let (place, input) = large(300, Scope::Goal);
    let judge = ScriptedJudge(content);
    let verdict = place.gate(&input, &judge).await;
    let said = "the verifier was shown only 240 of 300 pieces of the work";
    assert!(
        verdict.degraded.iter().any(|what| what == said),
        "{:?}",
        verdict.degraded
    );
    assert!(verdict.confidence.value <= 0.79);
}
