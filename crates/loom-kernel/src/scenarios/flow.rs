//! From creation to completion, and the order of subtasks.

use crate::desk::*;
use crate::{SubtaskStatus, TaskStatus, status, subtask_status};
use loom_events::{Class, Command, Event, Said, VerdictResult, Work};

#[test]
fn a_task_with_one_subtask_runs_to_completion() {
    let mut desk = Desk::new(|_| {});
    assert_eq!(
        desk.names(),
        ["task_created", "task_planning", "model_call_started"]
    );
    assert_eq!(status(&desk.state), TaskStatus::Planning);
    desk.plan("a");
    assert_eq!(
        desk.names(),
        [
            "plan_proposed",
            "task_plan_ready",
            "subtask_started",
            "prepare_started"
        ]
    );
    desk.done("prepare", prepared(None));
    desk.done("model", called(&[("read_file", Class::Pure)]));
    desk.done("tool", ran(1));
    assert_eq!(status(&desk.state), TaskStatus::Executing);
    desk.done("model", said(Said::Done));
    assert_eq!(
        subtask_status(&desk.state, &id("a")),
        Some(SubtaskStatus::Verifying)
    );
    desk.mark();
    desk.done("verify", verified(VerdictResult::Pass));
    assert_eq!(
        desk.names(),
        [
            "verification_passed",
            "attempt_ended",
            "subtask_completed",
            "extraction_started"
        ]
    );
    desk.done("extract", extracted());
    assert_eq!(
        desk.names(),
        ["extraction_finished", "verification_started"]
    );
    desk.done("final", verified(VerdictResult::Pass));
    assert_eq!(
        desk.names(),
        ["verification_passed", "task_stopping", "task_completed"]
    );
    assert_eq!(status(&desk.state), TaskStatus::Completed);
    let Event::TaskCompleted(summary) = desk.last() else {
        unreachable!()
    };
    assert_eq!(summary.verified, [id("a")]);
    assert!((summary.expected_wrong - 0.25).abs() < 1e-9);
    assert!((summary.confidence.unwrap() - 0.75).abs() < 1e-9);
    assert_eq!(summary.usage.total(), 11 * 6);
}

#[test]
fn a_completion_without_a_discriminating_check_is_only_claimed() {
    let mut desk = Desk::acting(|s| s.verification.final_gate = false);
    desk.done("model", said(Said::Done));
    let mut soft = verdict(VerdictResult::Pass);
    soft.checks.clear();
    desk.done("verify", loom_events::Outcome::Verified(soft));
    desk.done("extract", extracted());
    let Event::TaskCompleted(summary) = desk.last() else {
        unreachable!()
    };
    assert_eq!((summary.verified.len(), summary.claimed.len()), (0, 1));
}

#[test]
fn subtasks_run_in_plan_order_as_their_dependencies_complete() {
    let mut desk = Desk::planned("a<b b c<a", |_| {});
    let mut order = Vec::new();
    for _ in 0..3 {
        let next = desk.find(|e| match e {
            Event::SubtaskStarted { subtask, .. } => Some(subtask.to_string()),
            _ => None,
        });
        order.push(next);
        desk.done("prepare", prepared(None));
        desk.pass();
    }
    assert_eq!(order, ["b", "a", "c"]);
}

#[test]
fn extraction_does_not_hold_up_dependents_but_the_end_waits_for_it() {
    let mut desk = Desk::planned("a b<a", |_| {});
    desk.done("prepare", prepared(None));
    desk.pass();
    assert_eq!(desk.running_kinds(), ["prepare", "extract"]);
    desk.done("prepare", prepared(None));
    desk.pass();
    assert_eq!(desk.running_kinds(), ["extract"]);
    desk.done("extract", extracted());
    assert_eq!(desk.running_kinds(), ["extract"]);
    desk.done("extract", extracted());
    assert_eq!(desk.running_kinds(), ["final"]);
}

#[test]
fn envelopes_say_subtask_attempt_and_correlation_and_times_never_step_back() {
    let mut desk = Desk::planned("a", |_| {});
    desk.now = loom_events::Time::EPOCH;
    desk.done("prepare", prepared(None));
    let started = desk.find(|e| match e {
        Event::ModelCallStarted {
            work: Work::Model { attempt, .. },
            ..
        } => Some(*attempt),
        _ => None,
    });
    let envelope = desk.journal.last().unwrap();
    assert_eq!(envelope.subtask_id, Some(id("a")));
    assert_eq!(envelope.attempt, Some(1));
    assert_eq!(envelope.correlation_id, started.0);
    assert!(desk.journal.is_sorted_by_key(|e| e.timestamp));
}

#[test]
fn commands_that_make_no_sense_say_what_the_task_is() {
    let mut desk = Desk::new(|_| {});
    let mut refused = |command| {
        let input = crate::Input::Command(command);
        desk.try_feed(&input).unwrap_err().to_string()
    };
    assert_eq!(
        refused(Command::Create(goal(Default::default()))),
        "the task exists already"
    );
    assert_eq!(
        refused(Command::Resume),
        "the task is not paused, it is being planned"
    );
    let steer = Command::Steer { text: " ".into() };
    assert_eq!(
        refused(steer),
        "the instruction has 0 bytes: 1 to 16384 are taken"
    );
    let plan = plan("a");
    assert_eq!(refused(Command::EditPlan { plan }), "there is no plan yet");
    let subtask = id("x");
    let retry = Command::Retry {
        subtask,
        guidance: String::new(),
    };
    assert_eq!(refused(retry), "the plan has no subtask `x`");
}
