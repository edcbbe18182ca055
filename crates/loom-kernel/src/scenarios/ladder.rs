//! After a failed attempt.

use crate::desk::*;
use crate::{SubtaskStatus, TaskStatus, status, subtask_status};
use loom_events::{Command, Event, FailureClass, Response, Rung, Said, Tier, VerdictResult};

/// Fails the running attempt at its gate, for good.
fn fail(desk: &mut Desk) {
    desk.done("prepare", prepared(None));
    desk.done("model", said(Said::Done));
    let mut judged = verdict(VerdictResult::Fail);
    judged.tier = 2;
    desk.done("verify", loom_events::Outcome::Verified(judged));
}

fn rungs(desk: &Desk) -> Vec<(Rung, u32, Tier)> {
    let events = desk.journal.iter().filter_map(|e| match &e.event {
        Event::SubtaskStarted {
            kind,
            ordinal,
            tier,
            ..
        } => Some((*kind, *ordinal, *tier)),
        _ => None,
    });
    events.collect()
}

#[test]
fn the_rungs_are_climbed_then_the_plan_is_made_again_then_the_subtask_fails() {
    let mut desk = Desk::planned("a", |_| {});
    for _ in 0..4 {
        fail(&mut desk);
    }
    assert_eq!(
        rungs(&desk),
        [
            (Rung::Planned, 1, Tier::Small),
            (Rung::Feedback, 2, Tier::Small),
            (Rung::NextTier, 3, Tier::Medium),
            (Rung::TopTier, 4, Tier::Large),
        ]
    );
    assert_eq!(desk.running_kinds(), ["plan"]);
    desk.mark();
    desk.plan("a");
    assert_eq!(
        desk.names(),
        [
            "plan_proposed",
            "task_plan_ready",
            "subtask_failed",
            "task_stopping",
            "task_failed"
        ]
    );
    let Event::TaskFailed { summary, reason } = desk.last() else {
        unreachable!()
    };
    assert!(
        !summary.needs_human,
        "an exhausted ladder is a plain failure"
    );
    assert_eq!(
        reason,
        "`a` failed: no attempt is left; the last one: the check is red"
    );
}

#[test]
fn an_exhausted_subtask_does_not_stop_independent_work() {
    let mut desk = Desk::planned("a b c<a", |s| {
        s.ladder.truncate(1);
        s.limits.plan_versions = 1;
    });
    fail(&mut desk);
    assert_eq!(
        subtask_status(&desk.state, &id("a")),
        Some(SubtaskStatus::Failed)
    );
    desk.done("prepare", prepared(None));
    desk.pass();
    desk.done("extract", extracted());
    let Event::TaskFailed { reason, summary } = desk.last() else {
        unreachable!()
    };
    assert!(
        reason.contains("`c` depends on what was not done"),
        "{reason}"
    );
    assert_eq!(summary.verified, [id("b")]);
    assert_eq!(summary.unfinished, [id("a"), id("c")]);
}

#[test]
fn a_human_can_retry_skip_or_give_up_what_is_exhausted() {
    for (response, expected) in [
        (
            Response::Retry {
                guidance: "look in src".into(),
            },
            "subtask_reset",
        ),
        (Response::Skip, "subtask_skipped"),
        (
            Response::Deny {
                reason: "forget it".into(),
            },
            "subtask_failed",
        ),
        (Response::Abort, "task_stopping"),
    ] {
        let mut desk = Desk::planned("a b<a", |s| {
            s.ladder.truncate(1);
            s.limits.plan_versions = 1;
            s.attended = true;
        });
        fail(&mut desk);
        assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);
        let (question, asked, _) = desk.state.open_questions().next().unwrap();
        let ways = ["retry", "skip", "edit the plan", "take over", "abort"];
        assert_eq!(asked.choices, ways);
        desk.mark();
        desk.command(Command::Answer {
            question,
            response,
            by: "me".into(),
        });
        assert_eq!(desk.names()[1], expected);
    }
}

#[test]
fn a_blocked_subtask_is_told_replanned_for_and_can_be_retried_by_hand() {
    let mut desk = Desk::planned("a b", |s| s.limits.plan_versions = 1);
    desk.done("prepare", prepared(None));
    desk.done(
        "model",
        said(Said::Blocked {
            reason: "no key".into(),
        }),
    );
    assert_eq!(
        subtask_status(&desk.state, &id("a")),
        Some(SubtaskStatus::Blocked)
    );
    assert_eq!(desk.running_kinds(), ["prepare"], "b goes on");
    desk.command(Command::Retry {
        subtask: id("a"),
        guidance: "here it is".into(),
    });
    assert_eq!(
        subtask_status(&desk.state, &id("a")),
        Some(SubtaskStatus::Pending)
    );
}

#[test]
fn a_fault_of_the_plan_goes_to_the_planner_at_once() {
    let mut desk = Desk::planned("a", |_| {});
    desk.done("prepare", prepared(None));
    desk.done("model", broke(FailureClass::Plan));
    assert_eq!(desk.running_kinds(), ["plan"]);
}

#[test]
fn a_failure_of_the_environment_climbs_since_the_next_rung_may_have_another_model() {
    let mut desk = Desk::planned("a", |_| {});
    desk.done("prepare", prepared(None));
    desk.done("model", broke(FailureClass::Environment));
    assert_eq!(rungs(&desk).last().unwrap().0, Rung::Feedback);
}
