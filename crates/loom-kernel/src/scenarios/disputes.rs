//! Checks that the work speaks against: asked about once, replaced or kept, never silently dropped.

use crate::desk::*;
use crate::{SubtaskStatus, subtask_status};
use loom_events::{
    AttemptEnd, Check, Event, FailureClass, Outcome, PlanReason, Proposal, Rung, Said,
    VerdictResult,
};

fn disputed() -> Outcome {
    let mut judged = verdict(VerdictResult::Fail);
    judged.disputed = vec!["out.txt exists".into()];
    Outcome::Verified(judged)
}

/// A task whose attempt at `a` has just had a disputed verdict.
fn in_dispute() -> Desk {
    let mut desk = Desk::acting(|s| s.limits.plan_versions = 1);
    desk.done("model", said(Said::Done));
    desk.mark();
    desk.done("verify", disputed());
    desk
}

fn checks(path: &str) -> Outcome {
    let path = path.to_owned();
    proposal(Proposal::Checks {
        checks: vec![Check::FileExists { path }],
    })
}

fn last_started(desk: &Desk) -> (u32, Rung, u32) {
    let started = desk.journal.iter().rev().find_map(|e| match &e.event {
        Event::SubtaskStarted {
            rung,
            kind,
            ordinal,
            ..
        } => Some((*rung, *kind, *ordinal)),
        _ => None,
    });
    started.unwrap()
}

#[test]
fn a_disputed_check_goes_to_the_planner_and_nothing_is_held_against_the_work() {
    let mut desk = in_dispute();
    assert_eq!(
        desk.names(),
        [
            "verification_failed",
            "attempt_ended",
            "task_replanning",
            "model_call_started"
        ]
    );
    let ended = desk.journal.iter().rev().find_map(|e| match &e.event {
        Event::AttemptEnded { why, counts, .. } => Some((why.clone(), *counts)),
        _ => None,
    });
    let checks = vec!["out.txt exists".to_owned()];
    assert_eq!(ended, Some((AttemptEnd::Disputed { checks }, false)));
    assert!(matches!(
        desk.state.planning().unwrap().why,
        PlanReason::Checks { checks, .. } if checks == &["out.txt exists"]
    ));
}

#[test]
fn other_checks_are_a_new_version_beyond_the_limit_and_the_step_begins_at_the_foot_of_the_ladder() {
    let mut desk = in_dispute();
    desk.done("plan", checks("result.txt"));
    let (version, plan) = desk.state.plan().unwrap();
    assert_eq!(version, 2, "the limit of one version is for whole plans");
    assert_eq!(plan.subtasks[0].checks[0].path(), Some("result.txt"));
    assert_eq!(last_started(&desk), (0, Rung::Planned, 2));
}

#[test]
fn a_check_that_the_planner_stands_by_counts_from_then_on() {
    let mut desk = in_dispute();
    let why = "the file is wanted".to_owned();
    desk.done("plan", proposal(Proposal::Kept { why }));
    assert_eq!(last_started(&desk), (1, Rung::Feedback, 2));
    desk.done("prepare", prepared(None));
    desk.done("model", said(Said::Done));
    desk.mark();
    desk.done("verify", disputed());
    assert!(
        !desk.names().contains(&"task_replanning"),
        "the planner has had its say"
    );
}

#[test]
fn a_planner_that_writes_a_whole_plan_is_told_once_and_then_its_checks_stand() {
    let mut desk = in_dispute();
    desk.plan("a b c");
    assert_eq!(desk.state.planning().unwrap().round, 1);
    desk.plan("a b c");
    assert!(desk.state.planning().is_none());
    assert_eq!(desk.state.plan().unwrap().0, 1);
    assert_eq!(last_started(&desk), (1, Rung::Feedback, 2));
}

#[test]
fn a_planner_that_cannot_be_asked_about_a_check_does_not_end_the_task() {
    let mut desk = in_dispute();
    desk.done("plan", broke(FailureClass::Environment));
    assert_eq!(
        subtask_status(&desk.state, &id("a")),
        Some(SubtaskStatus::Running)
    );
    assert_eq!(last_started(&desk).0, 1);
}

#[test]
fn without_the_defence_a_disputed_check_is_a_failed_one() {
    let mut desk = Desk::acting(|s| s.defences.disputes = false);
    desk.done("model", said(Said::Done));
    desk.mark();
    desk.done("verify", disputed());
    assert_eq!(
        desk.names(),
        ["verification_failed", "nudge_given", "model_call_started"]
    );
}
