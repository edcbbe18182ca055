//! Forks: parallel attempts, merges one at a time, rechecks, taking back.

use crate::desk::*;
use crate::{TaskStatus, status};
use loom_events::{AttemptEnd, Command, Event, FailureClass, Outcome, Said, VerdictResult, Work};

/// Two forks side by side, `a` and `b`, both past their gate; `a` is merging.
fn two() -> Desk {
    let mut desk = Desk::planned("a b", |s| s.max_parallel_subtasks = 2);
    desk.done("prepare", prepared(Some("f1")));
    desk.done("prepare", prepared(Some("f2")));
    for _ in 0..2 {
        desk.done("model", said(Said::Done));
    }
    for _ in 0..2 {
        desk.done("verify", verified(VerdictResult::Pass));
    }
    desk.mark();
    desk
}

fn merging(desk: &Desk) -> Vec<u64> {
    let works = desk.running.values().filter_map(|(work, _)| match work {
        Work::Merge { attempt } => Some(attempt.0.0),
        _ => None,
    });
    works.collect()
}

#[test]
fn forks_are_merged_one_at_a_time_in_plan_order() {
    let mut desk = two();
    let first = merging(&desk);
    assert_eq!(first.len(), 1);
    desk.done("merge", Outcome::Merged { base_moved: false });
    assert_eq!(
        desk.names()[..3],
        ["merged", "attempt_ended", "subtask_completed"]
    );
    assert!(merging(&desk)[0] > first[0]);
}

#[test]
fn a_merge_onto_a_moved_base_is_checked_again_before_it_counts() {
    let mut desk = two();
    desk.done("merge", Outcome::Merged { base_moved: false });
    desk.mark();
    desk.done("merge", Outcome::Merged { base_moved: true });
    assert_eq!(desk.names(), ["merged", "verification_started"]);
    desk.done("recheck", Outcome::Rechecked(verdict(VerdictResult::Pass)));
    assert_eq!(
        desk.names()[..3],
        ["verification_passed", "attempt_ended", "subtask_completed"]
    );
}

#[test]
fn a_failed_recheck_is_taken_back_and_uses_no_rung() {
    let mut desk = two();
    desk.done("merge", Outcome::Merged { base_moved: false });
    desk.done("extract", extracted());
    desk.done("merge", Outcome::Merged { base_moved: true });
    desk.mark();
    desk.done(
        "recheck",
        Outcome::Rechecked(verdict(VerdictResult::Inconclusive)),
    );
    assert_eq!(
        desk.names(),
        [
            "verification_inconclusive",
            "attempt_ended",
            "subtask_retrying",
            "unmerge_started"
        ]
    );
    let end = desk.find(|e| match e {
        Event::AttemptEnded { why, counts, .. } => Some((why.clone(), *counts)),
        _ => None,
    });
    assert_eq!(end, (AttemptEnd::Conflict, false));
    desk.done("unmerge", Outcome::Unmerged);
    assert_eq!(
        desk.names(),
        ["unmerged", "subtask_started", "prepare_started"]
    );
}

#[test]
fn a_conflict_leaves_nothing_to_take_back() {
    let mut desk = two();
    desk.done(
        "merge",
        Outcome::Conflicted {
            paths: vec!["x".into()],
        },
    );
    assert!(!desk.names().contains(&"unmerge_started"));
}

#[test]
fn a_cancel_while_merging_takes_the_merge_back() {
    let mut desk = two();
    desk.command(Command::Cancel {
        reason: "enough".into(),
    });
    assert!(
        desk.stop.is_empty(),
        "a merge is short and is left to finish"
    );
    desk.done("merge", Outcome::Merged { base_moved: false });
    assert_eq!(desk.running_kinds(), ["unmerge"]);
    desk.done("unmerge", Outcome::Unmerged);
    assert_eq!(status(&desk.state), TaskStatus::Cancelled);
}

#[test]
fn a_broken_merge_ends_the_attempt_and_is_taken_back() {
    let mut desk = two();
    desk.mark();
    desk.done("merge", broke(FailureClass::Environment));
    assert_eq!(
        desk.names(),
        [
            "effect_failed",
            "attempt_ended",
            "subtask_retrying",
            "unmerge_started"
        ]
    );
}

#[test]
fn an_unmerge_that_never_works_ends_the_task_as_unclean() {
    let mut desk = two();
    desk.done("merge", broke(FailureClass::Environment));
    for _ in 0..3 {
        desk.done("unmerge", broke(FailureClass::Environment));
        desk.later(60_000);
    }
    let Event::TaskFailed { summary, .. } = desk.last() else {
        unreachable!("{:?}", desk.last())
    };
    assert!(summary.unclean);
}

#[test]
fn a_replan_waits_for_a_merge_so_that_what_it_completes_is_kept() {
    let mut desk = Desk::planned("a b c", |s| {
        s.max_parallel_subtasks = 2;
        s.ladder.truncate(1);
    });
    desk.done("prepare", prepared(Some("f1")));
    desk.done("prepare", prepared(Some("f2")));
    desk.done("model", said(Said::Done));
    desk.done("verify", verified(VerdictResult::Pass));
    desk.done("model", said(Said::Blocked { reason: "x".into() }));
    desk.mark();
    desk.plan("d");
    assert_eq!(desk.names(), ["plan_proposed"]);
    desk.done("merge", Outcome::Merged { base_moved: false });
    assert_eq!(
        desk.names()[..4],
        [
            "merged",
            "attempt_ended",
            "subtask_completed",
            "task_plan_ready"
        ]
    );
    assert_eq!(desk.state.plan().unwrap().1.subtasks[0].id, id("a"));
}

#[test]
fn attempts_that_got_no_fork_wait_for_one_another() {
    let mut desk = Desk::planned("a b", |s| s.max_parallel_subtasks = 2);
    desk.done("prepare", prepared(None));
    desk.done("prepare", prepared(None));
    assert_eq!(desk.running_kinds(), ["model"]);
    desk.pass();
    assert_eq!(desk.running_kinds(), ["model", "extract"]);
}
