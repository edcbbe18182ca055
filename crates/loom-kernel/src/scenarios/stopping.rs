//! Ending: a drain, then exactly one terminal event.

use crate::desk::*;
use crate::{Input, TaskStatus, status};
use loom_events::{Class, Command, Event, Outcome};

fn cancel() -> Command {
    Command::Cancel {
        reason: "enough".into(),
    }
}

#[test]
fn a_cancel_stops_what_runs_skips_the_rest_and_ends_when_it_has_drained() {
    let mut desk = Desk::planned("a b<a", |_| {});
    desk.done("prepare", prepared(None));
    desk.done("model", called(&[("x", Class::Unknowable)]));
    desk.mark();
    desk.command(cancel());
    assert_eq!(
        desk.names(),
        [
            "task_stopping",
            "attempt_ended",
            "subtask_skipped",
            "subtask_skipped"
        ]
    );
    assert_eq!(desk.stop.len(), 1);
    assert_eq!(status(&desk.state), TaskStatus::Stopping);
    desk.done("tool", Outcome::Interrupted { maybe: true });
    assert_eq!(desk.names(), ["effect_interrupted", "task_cancelled"]);
    let Event::TaskCancelled { summary, .. } = desk.last() else {
        unreachable!()
    };
    assert!(summary.unclean, "nobody knows what the call did");
}

#[test]
fn nothing_is_taken_after_the_end_is_decided() {
    let mut desk = Desk::acting(|_| {});
    desk.command(cancel());
    for command in [
        cancel(),
        Command::Pause,
        Command::Steer { text: "x".into() },
    ] {
        let refused = desk.try_feed(&Input::Command(command)).unwrap_err();
        assert_eq!(refused.to_string(), "the task is stopping");
    }
    desk.done("model", Outcome::Interrupted { maybe: false });
    let refused = desk.try_feed(&Input::Command(cancel())).unwrap_err();
    assert_eq!(refused.to_string(), "the task is cancelled");
}

#[test]
fn a_paused_task_can_be_cancelled() {
    let mut desk = Desk::acting(|_| {});
    desk.command(Command::Pause);
    desk.command(cancel());
    desk.done("model", Outcome::Interrupted { maybe: false });
    assert_eq!(status(&desk.state), TaskStatus::Cancelled);
}

#[test]
fn a_crash_while_stopping_still_ends() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", called(&[("x", Class::Restorable)]));
    desk.command(cancel());
    desk.crash();
    assert_eq!(desk.running_kinds(), ["reconcile"]);
    desk.done(
        "reconcile",
        Outcome::Reconciled(loom_events::Reconciled::Clean),
    );
    assert_eq!(status(&desk.state), TaskStatus::Cancelled);
}
