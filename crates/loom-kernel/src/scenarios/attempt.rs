//! Turns, nudges, gates.

use crate::desk::*;
use crate::{TaskStatus, status};
use loom_events::{
    AttemptEnd, AttemptId, Class, Command, Envelope, Event, FailureClass, Limit, Nudge, Outcome,
    Said, VerdictResult,
};

fn nudge(desk: &Desk) -> Nudge {
    desk.find(|e| match e {
        Event::NudgeGiven { nudge, .. } => Some(*nudge),
        _ => None,
    })
}

fn ended(desk: &Desk) -> (AttemptEnd, bool) {
    desk.find(|e| match e {
        Event::AttemptEnded { why, counts, .. } => Some((why.clone(), *counts)),
        _ => None,
    })
}

#[test]
fn each_kind_of_useless_answer_has_its_own_nudge() {
    for (words, expected) in [
        (Said::Nothing, Nudge::Nothing),
        (Said::OnlyThought, Nudge::OnlyThought),
        (Said::Announced, Nudge::Announced),
        (Said::Asked, Nudge::Asked),
    ] {
        let mut desk = Desk::acting(|_| {});
        desk.done("model", said(words));
        assert_eq!(nudge(&desk), expected);
        assert_eq!(desk.running_kinds(), ["model"]);
    }
    let mut desk = Desk::acting(|_| {});
    let mut garbled = reply(Vec::new(), Said::Done);
    garbled.unreadable = 1;
    desk.done("model", Outcome::Replied(garbled));
    assert_eq!(nudge(&desk), Nudge::Unreadable);
}

/// How the next call is made: whether a call is forced, and which other sampling is used.
fn manner(desk: &Desk) -> (bool, u32) {
    let started = |e: &&Envelope| matches!(e.event, Event::SubtaskStarted { .. });
    let started = desk.journal.iter().rfind(started).unwrap();
    let attempt = desk.state.attempt(AttemptId(started.seq));
    let manner = attempt.unwrap().manner;
    (manner.force_call, manner.vary)
}

#[test]
fn who_announces_and_does_nothing_must_call() {
    let mut desk = Desk::acting(|_| {});
    assert_eq!(manner(&desk), (false, 0));
    desk.done("model", said(Said::Announced));
    assert_eq!(manner(&desk), (true, 0));
    desk.done("model", called(&[("read_file", Class::Pure)]));
    assert_eq!(manner(&desk), (false, 0), "it is said once");
    desk.done("tool", ran(1));
    assert_eq!(manner(&desk), (false, 0));
}

#[test]
fn who_says_nothing_may_say_that_it_is_done_before_it_must_call() {
    for empty in [Said::Nothing, Said::OnlyThought] {
        let mut desk = Desk::acting(|_| {});
        desk.done("model", said(empty.clone()));
        assert_eq!(manner(&desk), (false, 0));
        desk.done("model", said(empty));
        assert_eq!(manner(&desk), (true, 1), "and is asked in another way");
        desk.done("model", said(Said::Done));
        assert_eq!(desk.running_kinds(), ["verify"]);
    }
}

#[test]
fn a_call_that_failed_is_made_again_in_the_same_manner() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", said(Said::Announced));
    desk.done("model", broke(FailureClass::Transient));
    assert_eq!(manner(&desk), (true, 0));
}

#[test]
fn a_question_in_plain_text_is_no_reason_to_force_a_call() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", said(Said::Asked));
    assert_eq!(manner(&desk), (false, 0));
    desk.done("model", said(Said::Asked));
    assert_eq!(manner(&desk), (false, 1));
}

#[test]
fn useless_answers_in_a_row_end_the_attempt_and_a_completed_call_resets_the_row() {
    let mut desk = Desk::acting(|_| {});
    for _ in 0..2 {
        desk.done("model", said(Said::Nothing));
    }
    desk.done("model", called(&[("read_file", Class::Pure)]));
    desk.done("tool", ran(1));
    for _ in 0..3 {
        desk.done("model", said(Said::Announced));
    }
    assert_eq!(ended(&desk), (AttemptEnd::Unusable, true));
}

#[test]
fn without_nudges_one_useless_answer_ends_the_attempt_and_a_circle_does_not() {
    let mut desk = Desk::acting(|s| s.defences.nudges = false);
    desk.done("model", said(Said::Announced));
    assert_eq!(ended(&desk), (AttemptEnd::Unusable, true));
    let mut desk = Desk::acting(|s| s.defences.nudges = false);
    for _ in 0..6 {
        desk.done("model", called(&[("read_file", Class::Pure)]));
        desk.done("tool", ran(1));
    }
    assert_eq!(desk.running_kinds(), ["model"]);
}

#[test]
fn refused_calls_are_answered_and_a_turn_of_them_is_useless() {
    let mut desk = Desk::acting(|_| {});
    let mut refused = call("rm", Class::Pure);
    refused.refusal = Some(loom_events::Refusal {
        code: "unknown_tool".into(),
        message: "there is no tool `rm`".into(),
    });
    let answer = || Outcome::Replied(reply(vec![refused.clone()], Said::Called));
    desk.done("model", answer());
    assert_eq!(desk.running_kinds(), ["model"]);
    desk.done("model", answer());
    desk.done("model", answer());
    assert_eq!(ended(&desk), (AttemptEnd::Unusable, true));
}

#[test]
fn a_circle_is_told_once_and_then_ends_the_attempt() {
    let mut desk = Desk::acting(|s| s.limits.turns_per_attempt = 50);
    let turn = |desk: &mut Desk, text| {
        desk.done("model", called(&[("read_file", Class::Pure)]));
        desk.done("tool", ran(text));
    };
    for text in [1, 2, 3] {
        turn(&mut desk, text);
    }
    assert!(!desk.names().contains(&"nudge_given"), "the results differ");
    for _ in 0..2 {
        turn(&mut desk, 3);
    }
    assert_eq!(nudge(&desk), Nudge::Loop);
    assert_eq!(
        manner(&desk),
        (false, 1),
        "the same words would bring the same"
    );
    for _ in 0..3 {
        turn(&mut desk, 3);
    }
    assert_eq!(ended(&desk), (AttemptEnd::Looping, true));
}

#[test]
fn a_gate_that_failed_cheaply_is_answered_in_the_same_attempt() {
    let mut desk = Desk::acting(|s| s.limits.nudges = 1);
    desk.done("model", said(Said::Done));
    desk.mark();
    desk.done("verify", verified(VerdictResult::Fail));
    assert_eq!(
        desk.names(),
        ["verification_failed", "nudge_given", "model_call_started"]
    );
    desk.done("model", said(Said::Done));
    desk.done("verify", verified(VerdictResult::Fail));
    assert_eq!(ended(&desk), (AttemptEnd::GateFailed, true));
}

#[test]
fn what_a_check_of_the_content_saw_is_for_a_fresh_context() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", said(Said::Done));
    let mut judged = verdict(VerdictResult::Fail);
    judged.checks = vec![loom_events::CheckResult {
        check: "a.txt matches /right/".into(),
        passed: false,
        power: loom_events::CheckPower::Discriminating,
        detail: String::new(),
        evidence: None,
    }];
    desk.done("verify", Outcome::Verified(judged));
    assert_eq!(ended(&desk), (AttemptEnd::GateFailed, true));
}

#[test]
fn a_doubt_that_reviewers_do_not_share_is_said_in_the_same_context() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", said(Said::Done));
    let mut judged = verdict(VerdictResult::Fail);
    (judged.tier, judged.contested) = (2, true);
    desk.mark();
    desk.done("verify", Outcome::Verified(judged));
    assert_eq!(desk.names()[1], "nudge_given");
}

#[test]
fn a_gate_that_a_model_failed_or_a_full_context_needs_a_fresh_attempt() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", said(Said::Done));
    let mut judged = verdict(VerdictResult::Fail);
    judged.tier = 2;
    desk.done("verify", Outcome::Verified(judged));
    assert_eq!(ended(&desk), (AttemptEnd::GateFailed, true));

    let mut desk = Desk::acting(|_| {});
    let mut full = reply(Vec::new(), Said::Done);
    full.context_percent = 50;
    desk.done("model", Outcome::Replied(full));
    desk.done("verify", verified(VerdictResult::Fail));
    assert_eq!(ended(&desk), (AttemptEnd::GateFailed, true));
}

#[test]
fn an_inconclusive_gate_is_asked_again_and_never_passes() {
    let mut desk = Desk::acting(|s| s.limits.inconclusive_rounds = 1);
    desk.done("model", said(Said::Done));
    desk.done("verify", verified(VerdictResult::Inconclusive));
    desk.done("verify", verified(VerdictResult::Inconclusive));
    assert_eq!(ended(&desk), (AttemptEnd::Inconclusive, true));
}

#[test]
fn an_unheard_instruction_comes_before_the_gate() {
    let mut desk = Desk::acting(|_| {});
    desk.command(Command::Steer {
        text: "in French".into(),
    });
    desk.done("model", said(Said::Done));
    assert_eq!(nudge(&desk), Nudge::Unheard);
    desk.done("model", said(Said::Done));
    assert_eq!(desk.running_kinds(), ["verify"]);
}

#[test]
fn an_instruction_during_the_gate_spends_the_gate() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", said(Said::Done));
    desk.command(Command::Steer {
        text: "in French".into(),
    });
    desk.done("verify", verified(VerdictResult::Pass));
    assert_eq!(nudge(&desk), Nudge::Unheard);
    desk.pass();
    assert!(desk.names().contains(&"subtask_completed"));
}

#[test]
fn an_instruction_is_heard_when_the_call_completes_and_not_when_it_starts() {
    let mut desk = Desk::acting(|_| {});
    desk.command(Command::Steer {
        text: "in French".into(),
    });
    let steered = desk.state.last_seq();
    desk.done("model", called(&[("read_file", Class::Pure)]));
    desk.done("tool", ran(1));
    // The call that carries it is on its way, and its attempt is dropped.
    assert!(
        matches!(desk.last(), Event::ModelCallStarted { steer_upto, .. } if *steer_upto == steered)
    );
    let mut other = plan("a");
    other.subtasks[0].description = "do a differently".into();
    desk.command(Command::EditPlan { plan: other });
    let reply = said(Said::Done);
    desk.done("model", reply);
    assert!(desk.state.unheard(), "only a dead attempt has heard it");
}

#[test]
fn the_turn_limit_ends_the_attempt_and_is_an_event() {
    let mut desk = Desk::acting(|s| s.limits.turns_per_attempt = 1);
    desk.done("model", called(&[("read_file", Class::Pure)]));
    desk.mark();
    desk.done("tool", ran(1));
    assert_eq!(
        desk.names()[..3],
        ["tool_call_completed", "limit_reached", "attempt_ended"]
    );
    assert_eq!(ended(&desk), (AttemptEnd::TurnLimit, true));
    let limit = desk
        .journal
        .iter()
        .find(|e| matches!(e.event, Event::LimitReached { .. }));
    assert_eq!(limit.unwrap().subtask_id, Some(id("a")));
}

#[test]
fn transient_failures_wait_and_use_no_rung_until_they_are_too_many() {
    let mut desk = Desk::acting(|s| s.limits.transient_retries = 1);
    desk.done("model", broke(FailureClass::Transient));
    assert!(desk.running.is_empty());
    let wake = desk.wake_at.unwrap();
    assert_eq!(wake.since(desk.now).as_millis(), 1_000);
    desk.later(1_000);
    desk.done("model", broke(FailureClass::Transient));
    let (why, counts) = ended(&desk);
    assert!(
        matches!(why, AttemptEnd::Failed { failure } if failure.class == FailureClass::Environment)
    );
    assert!(counts);
}

#[test]
fn the_limits_of_the_task_are_failures_with_their_reason() {
    for which in [Limit::Tokens, Limit::Iterations, Limit::WorkingTime] {
        let mut desk = Desk::acting(|s| match which {
            Limit::Tokens => s.limits.tokens = 20,
            Limit::Iterations => s.limits.iterations = 1,
            _ => s.limits.working_time_ms = 5_000,
        });
        desk.later(4_999);
        desk.done("model", said(Said::Blocked { reason: "x".into() }));
        if which == Limit::Iterations {
            desk.plan("b");
        }
        desk.later(1);
        let found = desk.find(|e| match e {
            Event::LimitReached { which, .. } => Some(*which),
            _ => None,
        });
        assert_eq!(found, which);
        assert!(matches!(
            status(&desk.state),
            TaskStatus::Failed | TaskStatus::Stopping
        ));
    }
}
