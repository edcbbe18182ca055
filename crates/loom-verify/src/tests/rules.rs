//! The rules that no work may break to pass.

use super::{TEST, agreeable, greeting};
use crate::harness::{Place, answering, command, step};
use crate::{Earlier, NoJudge};
use loom_events::{Check, CheckPower, CriterionVerdict, SubtaskId, VerdictResult};

#[tokio::test]
async fn tests_are_run_as_they_were_and_tampering_with_them_fails_whatever_they_say() {
    let place = Place::with(&[
        ("greet.sh", "echo hallo\n"),
        ("tests/run.sh", "test \"$(sh greet.sh)\" = hello\n"),
    ]);
    let step = step(vec![command("sh tests/run.sh")]);
    let baseline = place.baseline(&step).await;
    assert_eq!(baseline.trials[0].power, CheckPower::Discriminating);
    place.write("tests/run.sh", "exit 0\n");
    place.write("tests/new.sh", "exit 0\n");
    let input = place.input(step.clone(), baseline.clone());
    let verdict = place.gate(&input, &agreeable()).await;
    assert_eq!((verdict.result, verdict.tier), (VerdictResult::Fail, 1));
    assert_eq!(verdict.tampered, ["tests/run.sh"]);
    assert!(verdict.feedback.contains("tests/run.sh stays as it was"));
    assert!(
        verdict.feedback.contains("`sh tests/run.sh` exits 0"),
        "the check ran with the old test: {}",
        verdict.feedback
    );
    // With the defence off the gate believes what is there.
    place.write("tests/run.sh", "exit 0\n");
    let mut input = place.input(step, baseline);
    input.defences.protection = false;
    let judge = answering(CriterionVerdict::Met, "exit 0");
    let verdict = place.gate(&input, &judge).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{}", verdict.feedback);
    assert!(verdict.tampered.is_empty());
}

#[tokio::test]
async fn a_deleted_test_and_a_new_runner_are_put_back_before_the_checks() {
    let place = Place::with(&[
        ("greet.sh", "echo hello\n"),
        ("tests/a.sh", "test -f tests/a.sh\n"),
    ]);
    let step = step(vec![command("test -f tests/a.sh && test ! -f conftest.py")]);
    let baseline = place.baseline(&step).await;
    place.remove("tests/a.sh");
    place.write("conftest.py", "import os\nos._exit(0)\n");
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Fail);
    assert_eq!(verdict.tampered, ["conftest.py", "tests/a.sh"]);
    let check = verdict.checks.iter().find(|c| c.check.contains("conftest"));
    assert!(check.is_some_and(|c| c.passed), "{:?}", verdict.checks);
}

#[tokio::test]
async fn the_rules_on_the_change_have_a_switch() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let mut step = step(vec![command(TEST)]);
    step.expected_files = vec!["other.sh".to_owned()];
    let baseline = place.baseline(&step).await;
    greeting(&place);
    place.write("a.json", "{");
    let mut input = place.input(step, baseline);
    let verdict = place.gate(&input, &agreeable()).await;
    assert!(
        verdict.feedback.contains("a change in other.sh"),
        "{}",
        verdict.feedback
    );
    assert!(verdict.feedback.contains("a.json can be read as JSON"));
    input.defences.scope = false;
    let verdict = place.gate(&input, &agreeable()).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{}", verdict.feedback);
}

#[tokio::test]
async fn with_the_rules_for_checks_off_a_check_counts_as_planned() {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let step = step(vec![command(TEST)]);
    greeting(&place);
    let mut input = place.input(step, crate::Baseline::default());
    assert_eq!(
        place.gate(&input, &NoJudge).await.result,
        VerdictResult::Inconclusive
    );
    input.defences.check_rules = false;
    assert_eq!(
        place.gate(&input, &NoJudge).await.result,
        VerdictResult::Pass
    );
}

#[tokio::test]
async fn files_of_a_glob_that_changed_and_counts_that_are_off_fail() {
    let place = Place::with(&[("greet.sh", "echo hallo\n"), ("keep/a.txt", "a\n")]);
    let step = step(vec![
        command(TEST),
        Check::Unchanged {
            glob: "keep/**".to_owned(),
        },
        Check::Count {
            of: loom_events::Counted::Glob("*.sh".to_owned()),
            op: loom_events::CountOp::Equal,
            n: 1,
        },
        Check::Symbol {
            path: "greet.sh".to_owned(),
            name: "greet".to_owned(),
        },
    ]);
    let baseline = place.baseline(&step).await;
    let powers: Vec<CheckPower> = baseline.trials.iter().map(|t| t.power).collect();
    let (red, green) = (CheckPower::Discriminating, CheckPower::Guard);
    assert_eq!(powers, [red, green, green, red]);
    place.write("greet.sh", "greet() { echo hello; }\ngreet\n");
    place.write("keep/b.txt", "b\n");
    place.write("more.sh", "exit 0\n");
    let verdict = place.gate(&place.input(step, baseline), &agreeable()).await;
    assert!(
        verdict.feedback.contains("changed: keep/b.txt"),
        "{}",
        verdict.feedback
    );
    assert!(
        verdict.feedback.contains("seen: 2 files"),
        "{}",
        verdict.feedback
    );
    assert!(
        !verdict.feedback.contains("defines greet"),
        "{}",
        verdict.feedback
    );
}

#[tokio::test]
async fn an_entry_of_another_step_in_a_file_that_many_add_to_is_kept_or_the_worker_is_told_once() {
    let place = Place::with(&[("LIST", "begin\n")]);
    let step_of = |n: usize| {
        let before = place.workspace.take_manifest().unwrap();
        let text = std::fs::read_to_string(place.project().join("LIST")).unwrap();
        place.write("LIST", &format!("{text}entry {n}\n"));
        Earlier {
            step: SubtaskId::new(format!("s{n}")).unwrap(),
            changes: place.workspace.changes_since(&before).unwrap().1,
        }
    };
    let earlier: Vec<Earlier> = (1..=3).map(step_of).collect();
    let before = place.workspace.take_manifest().unwrap();
    let entries = "begin\nentry 1\nentry 2\nentry 3\n";
    let mut step = step(vec![]);
    step.outputs = vec!["LIST".to_owned()];
    let judged = async |text: &str, earlier: &[Earlier], told: bool| {
        place.write("LIST", text);
        let mut input = place.input(step.clone(), crate::Baseline::default());
        input.changes = place.workspace.changes_since(&before).unwrap().1;
        input.earlier = earlier.to_vec();
        if told {
            input.attempt.red_before = vec!["what other steps made is as it was".to_owned()];
        }
        let judge = answering(CriterionVerdict::Met, "entry 4");
        place.gate(&input, &judge).await
    };
    let spoiled = entries.replace("entry 2", "entry 2 (old)") + "entry 4\n";
    let verdict = judged(&spoiled, &earlier, false).await;
    assert_eq!((verdict.result, verdict.tier), (VerdictResult::Fail, 1));
    let said = "LIST keeps the entry of the step `s2`";
    assert!(verdict.feedback.contains(said), "{}", verdict.feedback);
    assert!(!verdict.feedback.contains("`s1`"), "{}", verdict.feedback);

    // Who was told may need it. It is said.
    let verdict = judged(&spoiled, &earlier, true).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{}", verdict.feedback);
    let parts = &verdict.confidence.parts;
    assert!(
        parts.iter().any(|part| part.why.contains(said)),
        "{parts:?}"
    );

    let right = format!("{entries}entry 4\n");
    let verdict = judged(&right, &earlier, false).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{}", verdict.feedback);
    // Two steps are no custom, and a third that added nothing makes it none.
    let verdict = judged(&spoiled, &earlier[1..], false).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{}", verdict.feedback);
    place.write("LIST", entries);
    let full = place.workspace.take_manifest().unwrap();
    place.write("LIST", &entries.replace("begin\n", ""));
    let sweeper = Earlier {
        step: SubtaskId::new("sweeper").unwrap(),
        changes: place.workspace.changes_since(&full).unwrap().1,
    };
    let with_sweeper = [&earlier[1..], &[sweeper]].concat();
    let verdict = judged(&spoiled, &with_sweeper, false).await;
    assert_eq!(verdict.result, VerdictResult::Pass, "{}", verdict.feedback);
}
