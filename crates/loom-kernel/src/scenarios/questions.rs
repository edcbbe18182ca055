//! Questions to a human, and nobody to answer them.

use crate::desk::*;
use crate::{Input, TaskStatus, status};
use loom_events::{
    ApprovalMode, Class, Command, Event, Outcome, QuestionId, Response, Said, Scope, TaskSettings,
    Unanswered, VerdictResult,
};

fn attended(s: &mut TaskSettings) {
    s.attended = true;
}

/// A call that is held for the digest 7.
fn held(change: impl FnOnce(&mut TaskSettings)) -> Desk {
    let mut desk = Desk::acting(change);
    desk.done("model", called(&[("shell", Class::Unknowable)]));
    hold_tool(&mut desk, 7);
    desk
}

fn hold_tool(desk: &mut Desk, digest: u64) {
    let effect = desk.effect("tool");
    let outcome = hold(&desk.running[&effect].0.clone(), digest);
    desk.done("tool", outcome);
}

fn open(desk: &Desk) -> QuestionId {
    desk.state.open_questions().next().unwrap().0
}

fn answer(desk: &mut Desk, response: Response) {
    let question = open(desk);
    desk.command(Command::Answer {
        question,
        response,
        by: "me".into(),
    });
}

#[test]
fn a_held_call_runs_after_a_grant_under_exactly_that_digest() {
    let mut desk = held(attended);
    assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);
    let question = open(&desk);
    answer(&mut desk, Response::Grant { scope: Scope::Once });
    let effect = desk.effect("tool");
    assert_eq!(desk.state.grant(effect), Some(&blob(7)));
    assert!(matches!(desk.last(), Event::ToolCallStarted { grant: Some(q), .. } if *q == question));
    hold_tool(&mut desk, 8);
    assert_eq!(
        status(&desk.state),
        TaskStatus::WaitingApproval,
        "other bytes, another question"
    );
}

#[test]
fn a_grant_for_the_task_is_remembered_by_digest_and_used_once_a_call() {
    let mut desk = held(attended);
    answer(&mut desk, Response::Grant { scope: Scope::Task });
    desk.done("tool", ran(1));
    desk.done("model", called(&[("shell", Class::Unknowable)]));
    hold_tool(&mut desk, 7);
    let effect = desk.effect("tool");
    assert_eq!(desk.state.grant(effect), Some(&blob(7)), "granted before");
    hold_tool(&mut desk, 7);
    assert!(
        desk.running.is_empty(),
        "a tool that does not honour it is not called for ever"
    );
    assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);
}

#[test]
fn a_denied_call_is_answered_and_the_attempt_goes_on() {
    let mut desk = held(attended);
    answer(
        &mut desk,
        Response::Deny {
            reason: "no".into(),
        },
    );
    assert_eq!(desk.running_kinds(), ["model"]);
}

#[test]
fn with_nobody_there_a_held_call_fails_the_task_and_names_the_command() {
    let desk = held(|_| {});
    let Event::TaskFailed { reason, summary } = desk.last() else {
        unreachable!()
    };
    assert_eq!(
        reason,
        "nobody is here to answer: it deletes files: rm -r target"
    );
    assert!(summary.needs_human);
}

#[test]
fn an_answer_to_ask_user_is_the_result_of_the_call() {
    let mut desk = Desk::acting(attended);
    desk.done("model", called(&[("ask_user", Class::Pure)]));
    let effect = desk.effect("tool");
    let asked = asks(&desk.running[&effect].0.clone(), None);
    desk.done("tool", asked);
    let question = open(&desk);
    let wrong = Command::Answer {
        question,
        response: Response::Grant { scope: Scope::Once },
        by: "me".into(),
    };
    let refused = desk.try_feed(&Input::Command(wrong)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("question {question} takes text, deny or abort")
    );
    answer(
        &mut desk,
        Response::Text {
            text: "blue".into(),
        },
    );
    assert_eq!(desk.running_kinds(), ["model"]);
}

/// The model asks under these settings, and a long time passes.
fn unanswered(change: impl FnOnce(&mut TaskSettings)) -> Desk {
    let mut desk = Desk::acting(change);
    desk.done("model", called(&[("ask_user", Class::Pure)]));
    let effect = desk.effect("tool");
    let asked = asks(&desk.running[&effect].0.clone(), Some("blue"));
    desk.done("tool", asked);
    desk.later(24 * 60 * 60 * 1000);
    desk
}

#[test]
fn what_becomes_of_a_question_of_the_model_that_nobody_answers_is_the_tasks_to_settle() {
    for attended in [true, false] {
        let desk = unanswered(|s| s.attended = attended);
        assert_eq!(desk.running_kinds(), ["model"], "it goes on");
        assert_eq!(
            desk.state.degraded(),
            ["a question of the model was not answered"]
        );

        let desk = unanswered(|s| {
            s.attended = attended;
            s.unanswered = Unanswered::Fail;
        });
        assert_eq!(status(&desk.state), TaskStatus::Failed);
    }
    let wait = |attended: bool| {
        unanswered(|s| {
            s.attended = attended;
            s.unanswered = Unanswered::Wait;
        })
    };
    assert_eq!(status(&wait(true).state), TaskStatus::WaitingApproval);
    assert_eq!(status(&wait(false).state), TaskStatus::Failed);
}

#[test]
fn two_answers_to_one_question_one_wins() {
    let mut desk = held(attended);
    let question = open(&desk);
    answer(
        &mut desk,
        Response::Deny {
            reason: String::new(),
        },
    );
    let again = Command::Answer {
        question,
        response: Response::Grant { scope: Scope::Once },
        by: "you".into(),
    };
    let refused = desk.try_feed(&Input::Command(again)).unwrap_err();
    assert!(refused.to_string().contains("is not open"), "{refused}");
}

#[test]
fn results_are_asked_about_by_mode() {
    for (mode, asked) in [
        (ApprovalMode::Manual, true),
        (ApprovalMode::Threshold, true),
    ] {
        let mut desk = Desk::acting(|s| {
            s.approval = mode;
            s.attended = true;
        });
        desk.pass();
        assert_eq!(desk.state.open_questions().count() == 1, asked, "{mode:?}");
        answer(&mut desk, Response::Grant { scope: Scope::Once });
        assert!(desk.names().contains(&"subtask_completed"));
    }
}

/// A result of this confidence under `auto`: whether it counts at once, whether somebody is asked,
/// and whether the task has stopped.
fn under_auto(confidence: f64, attended: bool) -> (Desk, [bool; 3]) {
    let mut desk = Desk::acting(|s| s.attended = attended);
    desk.done("model", said(Said::Done));
    desk.mark();
    let mut passed = verdict(VerdictResult::Pass);
    passed.confidence.value = confidence;
    desk.done("verify", Outcome::Verified(passed));
    let names = desk.names();
    let seen = [
        names.contains(&"subtask_completed"),
        names.contains(&"approval_requested"),
        names.contains(&"task_stopping"),
    ];
    (desk, seen)
}

#[test]
fn under_auto_the_confidence_of_a_result_says_what_it_needs() {
    for (confidence, attended, seen) in [
        (0.8, true, [true, false, false]),
        (0.79, true, [false, true, false]),
        (0.79, false, [true, false, false]),
        (0.49, true, [false, true, false]),
        (0.49, false, [false, false, true]),
        (0.19, true, [false, false, true]),
    ] {
        assert_eq!(
            under_auto(confidence, attended).1,
            seen,
            "{confidence} {attended}"
        );
    }
}

/// The same of a result that is stated to be so sure, whatever its evidence says.
fn stated(confidence: f64, evidence: f64, attended: bool) -> (Desk, [bool; 3]) {
    let mut desk = Desk::acting(|s| s.attended = attended);
    desk.done("model", said(Said::Done));
    desk.mark();
    let mut passed = verdict(VerdictResult::Pass);
    passed.confidence.value = confidence;
    passed.confidence.by_evidence = Some(evidence);
    desk.done("verify", Outcome::Verified(passed));
    let names = desk.names();
    let seen = ["subtask_completed", "approval_requested", "task_stopping"];
    let seen = seen.map(|name| names.contains(&name));
    (desk, seen)
}

#[test]
fn what_results_turned_out_to_be_never_takes_a_question_away() {
    for (evidence, attended) in [
        (0.8, true),
        (0.79, true),
        (0.79, false),
        (0.49, true),
        (0.49, false),
        (0.19, true),
    ] {
        assert_eq!(
            stated(0.95, evidence, attended).1,
            under_auto(evidence, attended).1,
            "{evidence} {attended}"
        );
    }
    let (desk, _) = stated(0.95, 0.49, true);
    let reason = desk.find(|e| match e {
        Event::ApprovalRequested { question, .. } => Some(question.reason.clone()),
        _ => None,
    });
    assert!(
        reason.ends_with("49 % by its evidence (such results turned out right in 95 %)"),
        "{reason}"
    );
}

#[test]
fn what_results_turned_out_to_be_adds_a_question_where_somebody_is_there_and_ends_nothing() {
    let asked = [false, true, false];
    assert_eq!(stated(0.6, 0.9, true).1, asked);
    assert_eq!(
        stated(0.1, 0.9, true).1,
        asked,
        "it is not refused for that"
    );
    assert_eq!(stated(0.1, 0.9, false).1, [true, false, false]);
}

#[test]
fn a_summary_says_what_is_stated() {
    let (mut desk, _) = stated(0.95, 0.9, true);
    desk.done("extract", extracted());
    desk.done("final", verified(VerdictResult::Pass));
    let summary = desk.find(|e| match e {
        Event::TaskCompleted(summary) => Some(summary.clone()),
        _ => None,
    });
    assert!((summary.confidence.unwrap() - 0.95).abs() < 1e-9);
}

#[test]
fn a_result_that_is_shown_counts_when_nobody_objects_and_is_feedback_when_somebody_does() {
    let (mut desk, _) = under_auto(0.7, true);
    desk.later(9_999);
    assert_eq!(desk.state.open_questions().count(), 1);
    desk.mark();
    desk.later(1);
    assert!(desk.names().contains(&"subtask_completed"));

    let (mut desk, _) = under_auto(0.7, true);
    desk.mark();
    let reason = "not like this".to_owned();
    answer(&mut desk, Response::Deny { reason });
    assert!(desk.names().contains(&"subtask_retrying"));
}

#[test]
fn a_result_below_the_band_that_asks_fails_the_task_when_nobody_answers() {
    let (mut desk, _) = under_auto(0.4, true);
    desk.later(24 * 60 * 60 * 1000);
    assert_eq!(status(&desk.state), TaskStatus::Failed);
}

#[test]
fn a_refused_result_is_feedback_for_the_next_attempt() {
    let mut desk = Desk::acting(|s| {
        s.approval = ApprovalMode::Manual;
        s.attended = true;
    });
    desk.pass();
    desk.mark();
    answer(
        &mut desk,
        Response::Deny {
            reason: "wrong colour".into(),
        },
    );
    assert_eq!(
        desk.names()[..3],
        ["approval_denied", "attempt_ended", "subtask_retrying"]
    );
    assert_eq!(desk.state.subtask(&id("a")).unwrap().why, "wrong colour");
}

#[test]
fn steering_withdraws_the_question_about_a_result_it_changes() {
    let mut desk = Desk::acting(|s| {
        s.approval = ApprovalMode::Manual;
        s.attended = true;
    });
    desk.pass();
    desk.mark();
    desk.command(Command::Steer {
        text: "in red".into(),
    });
    assert_eq!(
        desk.names(),
        [
            "steer_instruction",
            "nudge_given",
            "approval_withdrawn",
            "model_call_started"
        ]
    );
}

#[test]
fn nothing_expires_before_its_time_nor_within_the_grace() {
    let mut desk = held(|s| {
        s.attended = true;
        s.question_timeout_ms = Some(10_000);
        s.grace_ms = 60_000;
    });
    desk.later(9_999);
    assert_eq!(desk.state.open_questions().count(), 1, "its time");
    desk.crash();
    desk.later(59_999);
    assert_eq!(
        desk.state.open_questions().count(),
        1,
        "the grace of the start"
    );
    desk.later(1);
    assert!(desk.names().contains(&"approval_expired"));
    assert_eq!(
        desk.running_kinds(),
        ["model"],
        "an expired call is a denied one"
    );
}

#[test]
fn waiting_only_for_a_human_is_no_working_time() {
    let mut desk = held(|s| {
        s.attended = true;
        s.limits.working_time_ms = 10_000;
    });
    desk.later(1_000_000);
    assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);
    answer(&mut desk, Response::Grant { scope: Scope::Once });
    desk.later(9_999);
    assert_eq!(status(&desk.state), TaskStatus::Executing);
    desk.later(1);
    assert_eq!(status(&desk.state), TaskStatus::Stopping);
}

#[test]
fn a_question_in_plain_text_is_not_a_question() {
    let mut desk = Desk::acting(attended);
    desk.done("model", said(Said::Asked));
    assert_eq!(desk.state.open_questions().count(), 0);
}
