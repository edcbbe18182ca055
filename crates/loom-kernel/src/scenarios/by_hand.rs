//! Steps that a human takes over, and plans that a human changes, when nothing else is left.

use crate::desk::*;
use crate::{Input, Rejection, StepError, SubtaskStatus, TaskStatus, status, subtask_status};
use loom_events::{
    Command, Event, GivenAnswer, OnExpiry, Outcome, Question, QuestionId, Response, Rung, Subject,
    VerdictResult, Work,
};

/// A task whose step `a` has no attempt left, with a human who is asked about it.
fn exhausted(plan: &str) -> Desk {
    let mut desk = Desk::planned(plan, |s| {
        s.ladder.truncate(1);
        s.limits.plan_versions = 1;
        s.attended = true;
    });
    desk.done("prepare", prepared(None));
    desk.done("model", said(loom_events::Said::Done));
    let mut judged = verdict(VerdictResult::Fail);
    judged.tier = 2;
    desk.done("verify", Outcome::Verified(judged));
    desk.mark();
    desk
}

fn open(desk: &Desk) -> (QuestionId, Question) {
    let (id, question, _) = desk.state.open_questions().next().unwrap();
    (id, question.clone())
}

fn answer(desk: &mut Desk, response: Response) {
    let (question, _) = open(desk);
    desk.command(Command::Answer {
        question,
        response,
        by: "me".into(),
    });
}

fn refused(desk: &mut Desk, response: Response) -> Rejection {
    let (question, _) = open(desk);
    let answer = Command::Answer {
        question,
        response,
        by: "me".into(),
    };
    match desk.try_feed(&Input::Command(answer)) {
        Err(StepError::Rejected(why)) => why,
        other => unreachable!("{other:?}"),
    }
}

/// The step is the human's, who has not said yet that it is done.
fn taken_over(plan: &str) -> Desk {
    let mut desk = exhausted(plan);
    answer(&mut desk, Response::TakeOver);
    desk.done("prepare", prepared(None));
    desk
}

#[test]
fn a_step_that_is_taken_over_is_asked_of_no_model_and_judged_on_the_humans_word() {
    let mut desk = exhausted("a b<a");
    answer(&mut desk, Response::TakeOver);
    assert_eq!(
        desk.names(),
        [
            "question_answered",
            "subtask_reset",
            "subtask_started",
            "prepare_started"
        ]
    );
    let kind = desk.find(|event| match event {
        Event::SubtaskStarted { kind, .. } => Some(*kind),
        _ => None,
    });
    assert_eq!(kind, Rung::ByHand);
    desk.done("prepare", prepared(None));
    assert_eq!(desk.running_kinds(), Vec::<&str>::new());
    assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);
    let (_, asked) = open(&desk);
    assert!(matches!(asked.subject, Subject::ByHand { .. }), "{asked:?}");
    assert!(asked.action.contains("do a"), "{asked:?}");
    answer(&mut desk, Response::Done);
    assert_eq!(desk.running_kinds(), ["verify"]);
    desk.done("verify", verified(VerdictResult::Pass));
    assert_eq!(
        subtask_status(&desk.state, &id("a")),
        Some(SubtaskStatus::Completed)
    );
    assert_eq!(desk.running_kinds(), ["prepare", "extract"], "b goes on");
}

#[test]
fn a_red_check_is_told_and_asked_about_again_without_end() {
    let mut desk = taken_over("a");
    for result in [
        VerdictResult::Fail,
        VerdictResult::Inconclusive,
        VerdictResult::Fail,
    ] {
        answer(&mut desk, Response::Done);
        desk.mark();
        desk.done("verify", verified(result));
        let (_, asked) = open(&desk);
        assert!(asked.reason.contains("the check is red"), "{asked:?}");
        assert!(desk.names().contains(&"approval_requested"));
    }
    answer(&mut desk, Response::Done);
    desk.done("verify", verified(VerdictResult::Pass));
    assert_eq!(
        subtask_status(&desk.state, &id("a")),
        Some(SubtaskStatus::Completed)
    );
}

#[test]
fn whoever_works_by_hand_has_all_the_time_and_can_leave_it_out_or_give_it_back() {
    let mut desk = taken_over("a b<a");
    let asked = desk.find(|event| match event {
        Event::ApprovalRequested {
            question,
            deadline,
            on_expiry,
        } => Some((question.subject.clone(), *deadline, *on_expiry)),
        _ => None,
    });
    assert!(matches!(
        asked,
        (Subject::ByHand { .. }, None, OnExpiry::Fail)
    ));
    desk.later(100 * 24 * 3_600_000);
    assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);

    answer(
        &mut desk,
        Response::Deny {
            reason: "no".into(),
        },
    );
    let (_, asked) = open(&desk);
    assert!(matches!(asked.subject, Subject::Exhausted { .. }));
    answer(&mut desk, Response::TakeOver);
    desk.crash();
    while desk.running_kinds().contains(&"reconcile") {
        desk.done(
            "reconcile",
            Outcome::Reconciled(loom_events::Reconciled::Clean),
        );
    }
    desk.done("prepare", prepared(None));
    let (_, asked) = open(&desk);
    assert!(matches!(asked.subject, Subject::ByHand { .. }));
    answer(&mut desk, Response::Skip);
    assert_eq!(desk.running_kinds(), ["prepare"], "b goes on");
    assert_eq!(
        subtask_status(&desk.state, &id("a")),
        Some(SubtaskStatus::Skipped)
    );
}

#[test]
fn a_changed_plan_answers_and_one_that_leaves_the_step_as_it_was_does_not() {
    let mut desk = exhausted("a b<a");
    let same = refused(
        &mut desk,
        Response::EditPlan {
            plan: plan("a b<a c"),
        },
    );
    assert!(same.to_string().contains("is as it was"), "{same}");
    let bad = refused(
        &mut desk,
        Response::EditPlan {
            plan: plan("x<nobody"),
        },
    );
    assert!(matches!(bad, Rejection::Plan { .. }), "{bad}");
    answer(
        &mut desk,
        Response::EditPlan {
            plan: plan("x b<x"),
        },
    );
    assert_eq!(
        desk.names(),
        [
            "question_answered",
            "task_plan_ready",
            "subtask_skipped",
            "subtask_started",
            "prepare_started"
        ]
    );
    let given = desk.find(|event| match event {
        Event::QuestionAnswered { answer, .. } => Some(answer.clone()),
        _ => None,
    });
    assert_eq!(given, GivenAnswer::EditPlan);
}

#[test]
fn nothing_is_merged_while_the_workspace_is_in_a_humans_hands() {
    let mut desk = Desk::planned("a b", |s| {
        s.ladder.truncate(1);
        s.limits.plan_versions = 1;
        s.attended = true;
        s.max_parallel_subtasks = 2;
        s.bands.proceed = 0.0;
    });
    desk.done("prepare", prepared(Some("fa")));
    desk.done("prepare", prepared(Some("fb")));
    desk.done("model", said(loom_events::Said::Done));
    let mut judged = verdict(VerdictResult::Fail);
    judged.tier = 2;
    desk.done("verify", Outcome::Verified(judged));
    answer(&mut desk, Response::TakeOver);
    desk.done("prepare", prepared(None));
    desk.pass();
    assert_eq!(desk.running_kinds(), Vec::<&str>::new(), "b waits");
    answer(&mut desk, Response::Done);
    desk.done("verify", verified(VerdictResult::Pass));
    let merging = |work: &Work| matches!(work, Work::Merge { .. });
    assert!(desk.running.values().any(|(work, _)| merging(work)));
}
