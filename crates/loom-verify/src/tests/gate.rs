//! What passes and what fails by its checks.

use super::{TEST, agreeable, greeting, right_work};
use crate::NoJudge;
use crate::harness::{Place, answering, command, contains, step};
use loom_events::{Check, CheckPower, CriterionVerdict, VerdictResult};

#[tokio::test]
async fn a_check_that_goes_from_red_to_green_passes_with_the_verifiers_word() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let step = step(vec![command(TEST)]);
    let baseline = place.baseline(&step).await;
    assert_eq!(baseline.trials[0].power, CheckPower::Discriminating);
    greeting(&place);
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{verdict:?}");
    assert_eq!((verdict.tier, verdict.feedback.as_str()), (2, ""));
    assert!(verdict.confidence.value > 0.8, "{:?}", verdict.confidence);
    assert!(verdict.tree.is_some());
}

#[tokio::test]
async fn an_attempt_that_says_done_and_touched_nothing_never_passes() {
    let place = Place::with(&[("greet.sh", "echo hello\n")]);
    for checks in [vec![], vec![command(TEST)]] {
        let step = step(checks);
        let baseline = place.baseline(&step).await;
        let mut input = place.input(step, baseline);
        input.attempt.touched = false;
        input.attempt.answer = "Done.".to_owned();
        let verdict = place.gate(&input, &agreeable()).await;
        assert_eq!(verdict.result, VerdictResult::Fail);
        assert!(
            verdict.feedback.contains("no tool call of this attempt"),
            "{}",
            verdict.feedback
        );
    }
}

#[tokio::test]
async fn without_any_tier_a_claim_counts_and_is_worth_little() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let step = step(vec![command(TEST)]);
    let baseline = place.baseline(&step).await;
    let mut input = place.input(step, baseline);
    input.settings.tier = 0;
    let verdict = place.gate(&input, &NoJudge).await;
    assert_eq!((verdict.result, verdict.tier), (VerdictResult::Pass, 0));
    assert!(verdict.checks.is_empty() && verdict.confidence.value < 0.7);
}

#[tokio::test]
async fn an_attempt_that_only_looked_does_not_pass_a_step_that_asks_for_a_change() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let input = place.input(step(Vec::new()), crate::Baseline::default());
    let verdict = place.gate(&input, &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Fail);
    assert!(verdict.feedback.contains("nothing was changed"));
}

#[tokio::test]
async fn a_red_check_fails_with_what_was_expected_and_seen() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let step = step(vec![
        command("sh greet.sh; sh -c 'exit 3'"),
        contains("greet.sh", "hello"),
    ]);
    let baseline = place.baseline(&step).await;
    place.write("greet.sh", "echo hullo\n");
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert_eq!((verdict.result, verdict.tier), (VerdictResult::Fail, 1));
    assert_eq!(
        verdict.feedback,
        "1. greet.sh matches /hello/\n  expected: a match of /hello/\n  seen: no match in its 1 lines\n  \
         where: greet.sh\n2. `sh greet.sh; sh -c 'exit 3'` exits 0\n  expected: exit 0\n  \
         seen: exit 3\n    | hullo"
    );
    assert!(verdict.confidence.value <= 0.1);
}

#[tokio::test]
async fn cheap_faults_of_every_rule_are_reported_together() {
    let long: String = (0..30)
        .map(|n| format!("setting number {n} = {n}\n"))
        .collect();
    let place = Place::with(&[
        ("a.json", "{}"),
        ("long.txt", &long),
        ("tests/a.sh", "exit 1\n"),
    ]);
    let mut step = step(vec![command("sh tests/a.sh")]);
    step.outputs = vec!["out.md".to_owned(), "empty.md".to_owned()];
    let baseline = place.baseline(&step).await;
    place.write("a.json", "{\"a\": }");
    place.write("long.txt", "setting number 1 = 1\n# ... rest unchanged\n");
    place.write("tests/a.sh", "exit 0\n");
    place.write("empty.md", "");
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Fail);
    for needle in [
        "a.json can be read as JSON",
        "long.txt is written in full",
        "long.txt keeps its content",
        "tests/a.sh stays as it was",
        "the output out.md is there",
        "the output empty.md is there",
    ] {
        assert!(
            verdict.feedback.contains(needle),
            "{needle} in {}",
            verdict.feedback
        );
    }
}

#[tokio::test]
async fn a_guard_that_breaks_fails_the_attempt() {
    let place = Place::with(&[("greet.sh", "echo hallo\n"), ("data.json", "{\"n\": 1}")]);
    let guard = Check::JsonPath {
        path: "data.json".to_owned(),
        pointer: "/n".to_owned(),
        equals: Some(serde_json::json!("1")),
    };
    let step = step(vec![command(TEST), guard]);
    let baseline = place.baseline(&step).await;
    assert_eq!(baseline.trials[1].power, CheckPower::Guard);
    greeting(&place);
    place.write("data.json", "{\"n\": 2}");
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Fail);
    assert!(verdict.feedback.contains("/n is 2"), "{}", verdict.feedback);
}

#[tokio::test]
async fn what_was_absent_or_red_on_the_way_is_no_fault() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let absent = Check::FileAbsent {
        path: "old.sh".to_owned(),
    };
    let exit_one = Check::Command {
        command: "grep -q hallo greet.sh".to_owned(),
        exit: 1,
        stdout_regex: None,
    };
    let step = step(vec![absent, exit_one]);
    let baseline = place.baseline(&step).await;
    greeting(&place);
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{}", verdict.feedback);
}

#[tokio::test]
async fn a_check_whose_program_is_not_installed_neither_fails_nor_proves_anything() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let step = step(vec![command("no-such-test-runner --all")]);
    let baseline = place.baseline(&step).await;
    assert!(baseline.trials[0].unusable.is_some() && !baseline.discriminates());
    greeting(&place);
    let input = place.input(step, baseline);
    let verdict = place.gate(&input, &NoJudge).await;
    assert_eq!(verdict.result, VerdictResult::Inconclusive);
    assert!(
        verdict
            .degraded
            .iter()
            .any(|what| what.contains("is not installed")),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn a_check_that_was_green_gets_a_second_chance_and_is_called_unstable() {
    let place = Place::with(&[("greet.sh", "echo hallo\n"), ("count", "")]);
    // Green twice, then red on its third run, then green again.
    let flaky = "echo x >> count; test \"$(wc -l < count)\" -ne 3";
    let step = step(vec![command(flaky)]);
    let baseline = place.baseline(&step).await;
    assert_eq!(baseline.trials[0].power, CheckPower::Guard);
    greeting(&place);
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{}", verdict.feedback);
    assert!(
        verdict
            .degraded
            .iter()
            .any(|what| what.contains("unstable"))
    );
}

#[tokio::test]
async fn a_check_that_is_not_the_same_twice_before_the_work_informs_and_decides_nothing() {
    let place = Place::with(&[("greet.sh", "echo hallo\n"), ("count", "")]);
    // Red in its first run, green in four, red ever after.
    let flaky = "echo x >> count; n=$(wc -l < count); test $n -gt 1 -a $n -lt 6";
    let step = step(vec![command(flaky), command(TEST)]);
    let baseline = place.baseline(&step).await;
    assert_eq!(baseline.trials[0].power, CheckPower::Quarantined);
    assert!(baseline.trials[0].seen.contains("green in 4 of 5 runs"));
    greeting(&place);
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{}", verdict.feedback);
    assert!(
        !verdict
            .checks
            .iter()
            .any(|c| c.power == CheckPower::Quarantined && c.passed)
    );
    assert!(
        verdict
            .degraded
            .iter()
            .any(|what| what.contains("decides nothing"))
    );
}

#[tokio::test]
async fn a_slow_command_is_not_run_when_a_cheap_fault_comes_first() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let mut step = step(vec![command("touch was-run; sh greet.sh")]);
    step.outputs = vec!["missing.txt".to_owned()];
    let mut baseline = place.baseline(&step).await;
    place.remove("was-run");
    baseline.trials[0].duration_ms = 60_000;
    greeting(&place);
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Fail);
    assert!(!place.project().join("was-run").exists());
}

#[tokio::test]
async fn a_step_that_only_looks_passes_by_its_report_and_not_by_done() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let mut step = step(Vec::new());
    step.inspect = true;
    let mut input = place.input(step, crate::Baseline::default());
    input.attempt.answer = "Done.".to_owned();
    let judge = answering(CriterionVerdict::Met, "greet.sh says: echo hallo");
    assert_eq!(place.gate(&input, &judge).await.result, VerdictResult::Fail);
    input.attempt.answer = "I read it. greet.sh says: echo hallo. Nothing else greets.".to_owned();
    assert_eq!(place.gate(&input, &judge).await.result, VerdictResult::Pass);
}

#[tokio::test]
async fn what_cannot_be_looked_at_for_want_of_a_workspace_does_not_pass() {
    let (place, mut input) = right_work().await;
    input.workspace = None;
    input.changes.clear();
    input.step.outputs = vec!["greet.sh".to_owned()];
    let verdict = place.gate(&input, &agreeable()).await;
    assert_eq!((verdict.result, verdict.tier), (VerdictResult::Fail, 1));
    for what in ["exits 0", "the output greet.sh", "this task has none"] {
        assert!(verdict.feedback.contains(what), "{}", verdict.feedback);
    }
    // Where nothing was to be looked at, what was answered is for the verifier to judge.
    input.step.outputs.clear();
    input.step.checks.clear();
    let verdict = place.gate(&input, &agreeable()).await;
    assert_ne!((verdict.result, verdict.tier), (VerdictResult::Fail, 1));
}
