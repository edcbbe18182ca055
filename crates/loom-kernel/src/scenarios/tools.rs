//! Tool calls: order, batches, failures, pause.

use crate::desk::*;
use crate::{Input, TaskStatus, status};
use loom_events::{
    AttemptEnd, Class, Command, Event, FailureClass, FileChange, FileKind, FileState, LineCount,
    Note, Operation, Origin, Outcome, Work,
};

fn tools(desk: &Desk) -> Vec<u32> {
    let works = desk.running.values();
    let mut calls: Vec<u32> = works
        .filter_map(|(work, _)| match work {
            Work::Tool { call, .. } => Some(*call),
            _ => None,
        })
        .collect();
    calls.sort_unstable();
    calls
}

#[test]
fn calls_run_in_order_and_a_row_of_read_only_ones_runs_at_once() {
    let mut desk = Desk::acting(|_| {});
    let calls = [
        ("read_file", Class::Pure),
        ("read_file", Class::Pure),
        ("write_file", Class::Hashed),
        ("read_file", Class::Pure),
    ];
    let batch = desk.done("model", called(&calls));
    assert_eq!(tools(&desk), [0, 1]);
    assert_eq!(batch.events.len(), 3, "both intents are in one commit");
    desk.done("tool", ran(1));
    assert_eq!(tools(&desk), [1]);
    desk.done("tool", ran(1));
    assert_eq!(tools(&desk), [2]);
    desk.done("tool", ran(1));
    assert_eq!(tools(&desk), [3]);
    desk.done("tool", ran(1));
    assert_eq!(desk.running_kinds(), ["model"]);
}

#[test]
fn a_broken_tool_is_the_result_of_the_call_and_a_broken_machine_ends_the_attempt() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", called(&[("shell", Class::Unknowable)]));
    desk.done("tool", broke(FailureClass::Tool));
    assert_eq!(desk.running_kinds(), ["model"]);
    desk.done("model", called(&[("shell", Class::Unknowable)]));
    desk.done("tool", broke(FailureClass::Environment));
    assert!(desk.names().contains(&"attempt_ended"));
}

#[test]
fn a_transient_failure_of_a_call_is_tried_again_only_if_that_is_safe() {
    for (class, again) in [
        (Class::Pure, true),
        (Class::Restorable, true),
        (Class::Unknowable, false),
        (Class::Hashed, false),
    ] {
        let mut desk = Desk::acting(|_| {});
        desk.done("model", called(&[("x", class)]));
        desk.done("tool", broke(FailureClass::Transient));
        desk.later(1_000);
        assert_eq!(desk.running_kinds() == ["tool"], again, "{class:?}");
    }
}

#[test]
fn pausing_drops_what_can_be_asked_again_and_leaves_the_rest_to_finish() {
    for (class, stopped) in [
        (Class::Pure, 1),
        (Class::Restorable, 1),
        (Class::Hashed, 0),
        (Class::Unknowable, 0),
    ] {
        let mut desk = Desk::acting(|_| {});
        desk.done("model", called(&[("x", class)]));
        desk.command(Command::Pause);
        assert_eq!(desk.stop.len(), stopped, "{class:?}");
        assert_eq!(status(&desk.state), TaskStatus::Paused);
        if stopped == 1 {
            desk.done("tool", Outcome::Interrupted { maybe: false });
            assert!(desk.running.is_empty());
            desk.command(Command::Resume);
            assert_eq!(desk.running_kinds(), ["tool"]);
        } else {
            desk.done("tool", ran(1));
            assert!(desk.running.is_empty());
            desk.command(Command::Resume);
            assert_eq!(desk.running_kinds(), ["model"]);
        }
    }
}

#[test]
fn a_call_that_may_have_run_is_answered_and_not_run_again() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", called(&[("x", Class::Unknowable)]));
    desk.command(Command::Pause);
    desk.done("tool", Outcome::Interrupted { maybe: true });
    desk.command(Command::Resume);
    assert_eq!(desk.running_kinds(), ["model"]);
}

#[test]
fn a_dead_attempts_outcome_is_booked_without_influence_and_its_write_is_stopped() {
    let mut desk = Desk::acting(|_| {});
    desk.done("model", called(&[("write_file", Class::Hashed)]));
    let mut other = plan("a");
    other.subtasks[0].description = "do a differently".into();
    desk.command(Command::EditPlan { plan: other });
    let effect = desk.effect("tool");
    let state = FileState {
        kind: FileKind::File,
        digest: None,
        mode: 0o644,
        size: 1,
    };
    let change = |origin| FileChange {
        operation: Operation::Create,
        path: "x".into(),
        new_path: None,
        before: None,
        after: Some(state.clone()),
        lines: LineCount::default(),
        origin,
    };
    let note = |origin| Input::Note {
        id: effect,
        note: Note::FileChanged(change(origin)),
    };
    let refused = desk.try_feed(&note(Origin::Tool)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("effect {effect} was superseded")
    );
    desk.feed(&note(Origin::Shell));
    desk.mark();
    desk.done("tool", ran(1));
    assert_eq!(
        desk.names(),
        ["tool_call_completed", "subtask_started", "prepare_started"]
    );
    let why = desk.find(|e| match e {
        Event::AttemptEnded { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert_eq!(why, AttemptEnd::Superseded);
}
