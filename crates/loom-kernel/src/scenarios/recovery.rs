//! After a crash, by class of the effect in doubt.

use crate::desk::*;
use crate::{Input, TaskStatus, status};
use loom_events::{
    Class, Command, Event, FailureClass, Outcome, Reconciled, Response, Said, Scope,
};

/// A call of a class whose runner has died.
fn doubt(class: Class, attended: bool) -> Desk {
    let mut desk = Desk::acting(|s| s.attended = attended);
    desk.done("model", called(&[("x", class)]));
    desk.mark();
    desk.crash();
    desk
}

#[test]
fn a_pure_effect_is_asked_again() {
    let mut desk = doubt(Class::Pure, false);
    assert_eq!(
        desk.names(),
        ["runner_started", "effect_interrupted", "tool_call_started"]
    );
}

#[test]
fn a_restorable_effect_is_put_back_and_run_again() {
    let mut desk = doubt(Class::Restorable, false);
    assert_eq!(desk.names(), ["runner_started", "reconcile_started"]);
    desk.done("reconcile", Outcome::Reconciled(Reconciled::Clean));
    assert_eq!(desk.names(), ["effect_reconciled", "tool_call_started"]);
}

#[test]
fn a_file_tool_is_looked_up() {
    let mut desk = doubt(Class::Hashed, false);
    let applied = Reconciled::Applied { result: result(1) };
    desk.done("reconcile", Outcome::Reconciled(applied));
    assert_eq!(desk.running_kinds(), ["model"], "it had been applied");
    let mut desk = doubt(Class::Hashed, false);
    desk.done("reconcile", Outcome::Reconciled(Reconciled::Clean));
    assert_eq!(desk.running_kinds(), ["tool"], "it had not");
}

/// A lost call of which nobody can say whether it was done, and what it changed is recorded.
fn recorded(attended: bool) -> Desk {
    let mut desk = doubt(Class::Unknowable, attended);
    assert_eq!(desk.names(), ["runner_started", "reconcile_started"]);
    desk.done("reconcile", Outcome::Reconciled(Reconciled::Recorded));
    desk
}

#[test]
fn what_nobody_can_look_up_is_never_run_again_by_itself() {
    let mut desk = recorded(false);
    assert_eq!(
        desk.names(),
        [
            "effect_reconciled",
            "effect_interrupted",
            "model_call_started"
        ]
    );
    assert!(matches!(
        desk.find(|e| matches!(e, Event::EffectInterrupted { .. }).then(|| e.clone())),
        Event::EffectInterrupted { maybe: true, .. }
    ));

    for (response, kind) in [
        (Response::Grant { scope: Scope::Once }, "tool"),
        (
            Response::Deny {
                reason: String::new(),
            },
            "model",
        ),
    ] {
        let mut desk = recorded(true);
        assert_eq!(desk.names(), ["effect_reconciled", "approval_requested"]);
        assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);
        let (question, ..) = desk.state.open_questions().next().unwrap();
        desk.command(Command::Answer {
            question,
            response,
            by: "me".into(),
        });
        assert_eq!(desk.running_kinds(), [kind]);
    }
}

#[test]
fn what_a_lost_call_changed_is_recorded_once_and_also_when_nobody_waits_for_it() {
    let mut desk = recorded(true);
    desk.mark();
    desk.crash();
    assert_eq!(desk.names(), ["runner_started"]);

    let mut desk = doubt(Class::Unknowable, true);
    desk.command(Command::Cancel {
        reason: String::new(),
    });
    assert_eq!(desk.running_kinds(), ["reconcile"]);
    desk.done("reconcile", Outcome::Reconciled(Reconciled::Recorded));
    assert_eq!(status(&desk.state), TaskStatus::Cancelled);
}

#[test]
fn a_lost_call_whose_changes_cannot_be_recorded_ends_the_task_as_unclean() {
    let mut desk = doubt(Class::Unknowable, true);
    for _ in 0..3 {
        desk.done("reconcile", broke(FailureClass::Environment));
        desk.later(60_000);
    }
    let Event::TaskFailed { summary, .. } = desk.last() else {
        unreachable!("{:?}", desk.last())
    };
    assert!(summary.unclean);
}

#[test]
fn nobody_finds_out_that_an_unknowable_call_was_done_or_was_not() {
    for (class, found) in [
        (Class::Unknowable, Reconciled::Clean),
        (Class::Unknowable, Reconciled::Applied { result: result(1) }),
        (Class::Hashed, Reconciled::Recorded),
    ] {
        let mut desk = doubt(class, false);
        let id = desk.effect("reconcile");
        let outcome = Outcome::Reconciled(found);
        let refused = desk.try_feed(&Input::Outcome { id, outcome });
        assert!(matches!(refused, Err(crate::StepError::Impossible(_))));
    }
}

#[test]
fn an_outcome_of_an_earlier_runner_is_rejected() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", called(&[("x", Class::Restorable)]));
    let id = desk.effect("tool");
    desk.crash();
    let late = Input::Outcome {
        id,
        outcome: ran(1),
    };
    let refused = desk.try_feed(&late).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("effect {id} was started by an earlier runner")
    );
}

#[test]
fn reconciling_is_bounded_and_then_the_task_ends_as_unclean() {
    let mut desk = doubt(Class::Restorable, false);
    for _ in 0..3 {
        desk.done("reconcile", broke(FailureClass::Environment));
        desk.later(60_000);
    }
    let Event::TaskFailed { summary, .. } = desk.last() else {
        unreachable!("{:?}", desk.last())
    };
    assert!(summary.unclean);
}

#[test]
fn a_crash_while_reconciling_reconciles_again() {
    let mut desk = doubt(Class::Restorable, false);
    desk.crash();
    assert_eq!(desk.running_kinds(), ["reconcile"]);
}

#[test]
fn a_crash_while_paused_settles_when_it_goes_on() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", called(&[("x", Class::Restorable)]));
    desk.command(Command::Pause);
    desk.crash();
    assert!(desk.running.is_empty());
    desk.command(Command::Resume);
    assert_eq!(desk.running_kinds(), ["reconcile"]);
}

#[test]
fn the_time_while_down_is_no_working_time() {
    let mut desk = Desk::acting(|s| s.limits.working_time_ms = 10_000);
    desk.now = desk.now.after(std::time::Duration::from_secs(3_600));
    desk.crash();
    assert_eq!(status(&desk.state), TaskStatus::Executing);
    desk.done("model", said(Said::Done));
    assert_eq!(desk.running_kinds(), ["verify"]);
}
