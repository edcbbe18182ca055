//! Waiting for another task, and beginning where another one was.

use crate::desk::*;
use crate::{Input, TaskStatus, status};
use loom_events::{Command, Continued, Event, Kept, Plan, Seq, TaskId};

fn other() -> TaskId {
    "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap()
}

fn waits() -> Input {
    Input::Queue {
        first: None,
        behind: other(),
    }
}

#[test]
fn a_new_task_that_waits_starts_nothing_until_it_is_taken_up() {
    let mut desk = Desk::empty(&crate::step::LOOM);
    desk.feed(&Input::Queue {
        first: Some(Command::Create(goal(loom_events::TaskSettings::default()))),
        behind: other(),
    });
    assert_eq!(desk.names(), ["task_created", "task_queued"]);
    assert_eq!(status(&desk.state), TaskStatus::Queued);
    assert!(desk.running.is_empty());
    desk.crash();
    assert_eq!(desk.running_kinds(), ["plan"]);
}

#[test]
fn a_cancel_ends_what_waits_and_has_nothing_in_flight() {
    let mut desk = Desk::empty(&crate::step::LOOM);
    desk.feed(&Input::Queue {
        first: Some(Command::Create(goal(loom_events::TaskSettings::default()))),
        behind: other(),
    });
    desk.command(Command::Cancel {
        reason: "enough".into(),
    });
    assert_eq!(status(&desk.state), TaskStatus::Cancelled);
}

/// What an earlier process left in flight is settled when the workspace is this task's again.
#[test]
fn a_cancel_of_what_waits_touches_nothing_until_its_turn() {
    let mut desk = Desk::acting(|_| {});
    let journal = desk.journal.clone();
    desk = Desk::resume(&crate::step::LOOM, &journal);
    desk.feed(&waits());
    desk.command(Command::Cancel {
        reason: "enough".into(),
    });
    assert_eq!(status(&desk.state), TaskStatus::Stopping);
    assert!(desk.running.is_empty());
    desk.crash();
    assert_eq!(status(&desk.state), TaskStatus::Cancelled);
}

fn past(kept: &[&str]) -> Continued {
    let planned = Desk::planned("a b", |_| {});
    let plan = planned.state.plan().unwrap().1.clone();
    Continued {
        task: goal(loom_events::TaskSettings::default()),
        from: other(),
        at: Seq(9),
        plan,
        kept: kept
            .iter()
            .map(|name| Kept {
                subtask: id(name),
                summary: "done".into(),
                confidence: 0.9,
                proven: true,
            })
            .collect(),
        facts: Vec::new(),
    }
}

#[test]
fn what_counts_of_another_task_is_not_done_again() {
    let mut desk = Desk::empty(&crate::step::LOOM);
    desk.command(Command::Continue(past(&["a"])));
    assert_eq!(
        desk.names()[..5],
        [
            "task_created",
            "task_continued",
            "task_plan_ready",
            "subtask_kept",
            "subtask_started"
        ]
    );
    let started = desk.find(|e| match e {
        Event::SubtaskStarted { subtask, .. } => Some(subtask.clone()),
        _ => None,
    });
    assert_eq!(started, id("b"));
}

#[test]
fn without_a_plan_another_task_gives_only_its_goal() {
    let mut desk = Desk::empty(&crate::step::LOOM);
    desk.command(Command::Continue(Continued {
        plan: Plan::default(),
        ..past(&[])
    }));
    assert_eq!(desk.running_kinds(), ["plan"]);
}

#[test]
fn a_result_of_no_planned_subtask_is_refused() {
    let mut desk = Desk::empty(&crate::step::LOOM);
    let refused = desk.try_feed(&Input::Command(Command::Continue(past(&["z"]))));
    assert!(refused.is_err());
    assert_eq!(desk.state.last_seq(), Seq::ZERO);
}
