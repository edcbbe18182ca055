//! Several executions of one step, compared.

use crate::desk::*;
use crate::{StepError, TaskStatus, status};
use loom_events::{
    AttemptEnd, AttemptId, CheckPower, Command, Compared, Event, FailureClass, Outcome, Prepared,
    Product, Response, Rung, Said, TakenBy, VerdictResult, Voting, Work,
};

/// A task whose first step is one that three others rest on; its executions vote.
pub(super) fn voting(attended: bool) -> Desk {
    Desk::planned("a b<a c<a d<a", |s| {
        s.verification.vote = Voting::Executions;
        s.attended = attended;
    })
}

/// Prepares an execution, in a fork, with what its checks can prove.
fn prepare(desk: &mut Desk, baseline: &[CheckPower]) {
    let Outcome::Prepared(ready) = prepared(Some("f")) else {
        unreachable!()
    };
    let baseline = baseline.to_vec();
    let ready = Prepared { baseline, ..ready };
    desk.done("prepare", Outcome::Prepared(ready));
}

/// A passed gate over something that has this print.
pub(super) fn made(print: u64) -> Outcome {
    let mut passed = verdict(VerdictResult::Pass);
    passed.checks[0].power = CheckPower::Guard;
    passed.product = Some(Product {
        print: blob(print),
        lines: print,
        files: Vec::new(),
    });
    Outcome::Verified(passed)
}

/// An execution from its preparation to a passed gate.
pub(super) fn execute(desk: &mut Desk, print: u64) {
    prepare(desk, &[CheckPower::Guard]);
    desk.done("model", said(Said::Done));
    desk.done("verify", made(print));
}

/// One that fails its gate for good.
fn fail(desk: &mut Desk, what: &str) {
    prepare(desk, &[CheckPower::Guard]);
    desk.done("model", said(Said::Done));
    let mut failed = verdict(VerdictResult::Fail);
    failed.tier = 2;
    failed.checks[0].check = what.into();
    desk.done("verify", Outcome::Verified(failed));
}

/// The number of each attempt among its executions, and its rung.
fn executions(desk: &Desk) -> Vec<(Option<u32>, u32)> {
    let events = desk.journal.iter().filter_map(|e| match &e.event {
        Event::SubtaskStarted {
            execution, rung, ..
        } => Some((*execution, *rung)),
        _ => None,
    });
    events.collect()
}

fn attempts(desk: &Desk) -> Vec<AttemptId> {
    let started = desk.journal.iter();
    let started = started.filter(|e| matches!(e.event, Event::SubtaskStarted { .. }));
    started.map(|e| AttemptId(e.seq)).collect()
}

fn outcome(desk: &Desk) -> Compared {
    desk.find(|e| match e {
        Event::ExecutionsCompared { outcome, .. } => Some(outcome.clone()),
        _ => None,
    })
}

fn outvoted(desk: &Desk) -> Vec<AttemptId> {
    let events = desk.journal.iter().filter_map(|e| match &e.event {
        Event::AttemptEnded {
            attempt,
            why: AttemptEnd::Outvoted,
            ..
        } => Some(*attempt),
        _ => None,
    });
    events.collect()
}

fn merging(desk: &Desk) -> AttemptId {
    let effect = desk.effect("merge");
    desk.running[&effect].0.attempt().unwrap()
}

#[test]
fn two_of_three_that_made_the_same_win_and_the_third_is_thrown_away() {
    let mut desk = voting(false);
    execute(&mut desk, 1);
    execute(&mut desk, 2);
    assert_eq!(desk.running_kinds(), ["prepare"], "nothing is merged yet");
    execute(&mut desk, 1);
    assert_eq!(
        executions(&desk),
        [(Some(1), 0), (Some(2), 0), (Some(3), 0)]
    );
    let [first, second, third] = attempts(&desk)[..] else {
        unreachable!()
    };
    let by = TakenBy::Agreement;
    assert_eq!(outcome(&desk), Compared::Taken { attempt: first, by });
    assert_eq!(outvoted(&desk), [second, third]);
    assert_eq!(merging(&desk), first);
    desk.done("merge", Outcome::Merged { base_moved: false });
    assert_eq!(
        desk.find(|e| match e {
            Event::SubtaskCompleted { attempt, .. } => Some(*attempt),
            _ => None,
        }),
        first
    );
}

#[test]
fn when_the_first_two_agree_no_third_is_made() {
    let mut desk = voting(false);
    execute(&mut desk, 1);
    desk.mark();
    execute(&mut desk, 1);
    assert_eq!(executions(&desk).len(), 2);
    assert!(desk.names().contains(&"merge_started"));
}

#[test]
fn the_one_that_passes_is_taken_when_the_others_fail() {
    let mut desk = voting(false);
    fail(&mut desk, "x");
    execute(&mut desk, 1);
    fail(&mut desk, "x");
    let attempt = attempts(&desk)[1];
    let by = TakenBy::Alone;
    assert_eq!(outcome(&desk), Compared::Taken { attempt, by });
    assert_eq!(executions(&desk).len(), 3);
}

#[test]
fn when_none_passes_one_rung_is_used_up_and_the_next_has_executions_of_its_own() {
    let mut desk = voting(false);
    for _ in 0..3 {
        fail(&mut desk, "x");
    }
    assert_eq!(executions(&desk).last(), Some(&(Some(1), 1)));
}

#[test]
fn a_check_that_is_evidence_makes_it_an_attempt_like_any_other() {
    let mut desk = voting(false);
    prepare(&mut desk, &[CheckPower::Guard, CheckPower::Discriminating]);
    desk.done("model", said(Said::Done));
    desk.done("verify", verified(VerdictResult::Pass));
    assert_eq!(desk.running_kinds(), ["merge"]);
    assert_eq!(executions(&desk), [(Some(1), 0)]);
}

#[test]
fn where_no_fork_can_be_had_there_is_no_vote() {
    let mut desk = voting(false);
    desk.done("prepare", prepared(None));
    desk.pass();
    assert_eq!(executions(&desk)[1], (None, 0), "of the next step");
}

#[test]
fn only_a_step_with_much_at_stake_has_several() {
    let vote = |s: &mut loom_events::TaskSettings| s.verification.vote = Voting::Executions;
    for (plan_text, votes) in [("a", false), ("a b<a c<b", false), ("a b<a c<b d<c", true)] {
        let desk = Desk::planned(plan_text, vote);
        assert_eq!(executions(&desk)[0].0.is_some(), votes, "{plan_text}");
    }
    let destructive = |change: fn(&mut loom_events::SubtaskSpec)| {
        let mut desk = Desk::new(vote);
        let mut one = plan("a");
        change(&mut one.subtasks[0]);
        desk.done("plan", proposed(one));
        executions(&desk)[0].0.is_some()
    };
    assert!(destructive(
        |s| s.description = "Remove the old logs.".into()
    ));
    assert!(!destructive(|s| s.description = "Describe removal.".into()));
    assert!(!destructive(|s| {
        s.description = "Say which logs to remove.".into();
        s.inspect = true;
    }));
    let desk = Desk::planned("a b<a c<a d<a", |_| {});
    assert_eq!(executions(&desk)[0].0, None, "it was not asked for");
}

/// A plan of one step and of two that rest on it, with what a human says of the first one.
fn edited(vote: Option<Voting>) -> Command {
    let mut plan = plan("a b<a c<a");
    plan.subtasks[0].vote = vote;
    Command::EditPlan { plan }
}

#[test]
fn what_is_said_of_one_step_goes_before_what_is_said_of_all() {
    for (of_all, of_step, votes) in [
        (Voting::Verdicts, Some(Voting::Executions), true),
        (Voting::Verdicts, None, false),
        // With nothing at stake, but asked for.
        (Voting::Executions, Some(Voting::Executions), true),
        (Voting::Executions, Some(Voting::Verdicts), false),
        (Voting::Executions, None, false),
    ] {
        let mut desk = Desk::planned("a b<a c<a", |s| s.verification.vote = of_all);
        desk.command(edited(of_step));
        // Where the edit changed the step, its first attempt is over.
        if of_step.is_some() {
            desk.done("prepare", Outcome::Interrupted { maybe: false });
        }
        let last = executions(&desk).pop().unwrap();
        assert_eq!(last.0.is_some(), votes, "{of_all:?} {of_step:?}");
    }
}

#[test]
fn a_planner_neither_asks_for_executions_nor_takes_them_away() {
    let mut desk = Desk::new(|s| s.replan_interval = 1);
    let mut first = plan("a b<a");
    first.subtasks[0].vote = Some(Voting::Executions);
    desk.done("plan", proposed(first));
    assert_eq!(executions(&desk)[0].0, None, "it is no model's to say");
    let mut edited = plan("a b<a");
    edited.subtasks[1].vote = Some(Voting::Executions);
    desk.command(Command::EditPlan { plan: edited });
    desk.done("prepare", prepared(None));
    desk.pass();
    let mut again = plan("b c<b");
    again.subtasks[1].vote = Some(Voting::Executions);
    desk.done("plan", proposed(again));
    let (version, plan) = desk.state.plan().unwrap();
    let votes: Vec<_> = plan.subtasks.iter().map(|spec| spec.vote).collect();
    assert_eq!(version, 3);
    assert_eq!(votes, [None, Some(Voting::Executions), None]);
    assert_eq!(executions(&desk).last().unwrap().0, Some(1), "of `b`");
}

#[test]
fn a_step_that_failed_in_two_ways_has_several_and_one_that_failed_twice_in_one_has_not() {
    for (second, votes) in [("x", None), ("y", Some(1))] {
        let mut desk = Desk::planned("a", |s| s.verification.vote = Voting::Executions);
        fail(&mut desk, "x");
        fail(&mut desk, second);
        assert_eq!(executions(&desk)[2].0, votes, "{second}");
    }
}

/// Three executions that made three things.
fn diverged(attended: bool) -> Desk {
    let mut desk = voting(attended);
    for print in 1..=3 {
        execute(&mut desk, print);
    }
    desk
}

#[test]
fn three_that_differ_are_put_before_a_human_who_takes_one() {
    let mut desk = diverged(true);
    assert_eq!(outcome(&desk), Compared::Diverged);
    assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);
    let (question, asked, _) = desk.state.open_questions().next().unwrap();
    assert_eq!(
        asked.choices,
        [
            "take 1",
            "take 2",
            "take 3",
            "retry",
            "skip",
            "take over",
            "abort"
        ]
    );
    desk.mark();
    let text = "take 2".to_owned();
    answer(&mut desk, question, Response::Text { text }).unwrap();
    let second = attempts(&desk)[1];
    let by = TakenBy::Human;
    assert_eq!(
        outcome(&desk),
        Compared::Taken {
            attempt: second,
            by
        }
    );
    assert_eq!(merging(&desk), second);
    assert_eq!(outvoted(&desk).len(), 2);
}

fn answer(
    desk: &mut Desk,
    question: loom_events::QuestionId,
    response: Response,
) -> Result<(), StepError> {
    let by = "me".to_owned();
    let answer = Command::Answer {
        question,
        response,
        by,
    };
    desk.try_feed(&crate::Input::Command(answer)).map(drop)
}

#[test]
fn a_human_can_also_want_it_again_leave_it_out_or_do_it() {
    let text = |text: &str| Response::Text { text: text.into() };
    for (response, follows) in [
        (text("2"), "merge_started"),
        (text("use the second file"), "subtask_reset"),
        (text("retry"), "subtask_reset"),
        (text("skip"), "subtask_skipped"),
        (text("take over"), "subtask_reset"),
        (text("abort"), "task_failed"),
        (Response::Skip, "subtask_skipped"),
        (Response::TakeOver, "subtask_reset"),
        (
            Response::Deny {
                reason: "none".into(),
            },
            "subtask_failed",
        ),
    ] {
        let mut desk = diverged(true);
        let (question, ..) = desk.state.open_questions().next().unwrap();
        desk.mark();
        answer(&mut desk, question, response.clone()).unwrap();
        let names = desk.names();
        assert!(names.contains(&follows), "{response:?}: {names:?}");
        assert_eq!(desk.state.aside().count(), 0, "{response:?}");
    }
}

#[test]
fn a_number_that_none_has_is_no_answer() {
    let mut desk = diverged(true);
    let (question, ..) = desk.state.open_questions().next().unwrap();
    for text in ["4", "take 0", ""] {
        let text = text.to_owned();
        assert!(answer(&mut desk, question, Response::Text { text }).is_err());
    }
}

#[test]
fn with_nobody_to_ask_none_of_three_that_differ_counts() {
    let desk = diverged(false);
    assert_eq!(outcome(&desk), Compared::Diverged);
    assert_eq!(outvoted(&desk).len(), 3);
    assert_eq!(
        executions(&desk).last(),
        Some(&(Some(1), 1)),
        "the ladder goes on"
    );
}

#[test]
fn a_retry_by_command_ends_those_that_wait() {
    let mut desk = diverged(true);
    desk.command(Command::Retry {
        subtask: id("a"),
        guidance: "in red".into(),
    });
    assert_eq!(outvoted(&desk).len(), 3);
    assert_eq!(executions(&desk).last(), Some(&(Some(1), 0)));
}

#[test]
fn a_plan_that_changes_the_step_ends_those_that_wait_before_it_begins_anew() {
    let mut desk = voting(false);
    execute(&mut desk, 1);
    let waiting = attempts(&desk)[0];
    let mut other = plan("a b<a");
    other.subtasks[0].description = "otherwise".into();
    desk.mark();
    desk.command(Command::EditPlan { plan: other });
    let ended = desk.journal.iter().find_map(|e| match &e.event {
        Event::AttemptEnded { attempt, why, .. } if *attempt == waiting => Some(why.clone()),
        _ => None,
    });
    assert_eq!(ended, Some(AttemptEnd::Superseded));
    desk.done("prepare", Outcome::Interrupted { maybe: false });
    assert_eq!(executions(&desk).last(), Some(&(None, 0)));
}

#[test]
fn a_cancel_ends_those_that_wait_and_the_one_that_runs() {
    let mut desk = voting(false);
    execute(&mut desk, 1);
    prepare(&mut desk, &[]);
    desk.command(Command::Cancel {
        reason: "enough".into(),
    });
    desk.done("model", Outcome::Interrupted { maybe: false });
    assert_eq!(status(&desk.state), TaskStatus::Cancelled);
    let ended = desk.journal.iter().filter(|e| {
        let why = |why: &AttemptEnd| *why == AttemptEnd::Stopped;
        matches!(&e.event, Event::AttemptEnded { why: w, .. } if why(w))
    });
    assert_eq!(ended.count(), 2);
}

#[test]
fn a_crash_in_the_second_execution_loses_neither() {
    let mut desk = voting(false);
    execute(&mut desk, 1);
    prepare(&mut desk, &[]);
    desk.crash();
    assert_eq!(desk.running_kinds(), ["model"], "it is asked again");
    assert_eq!(desk.state.aside().count(), 1);
    desk.done("model", said(Said::Done));
    desk.done("verify", made(1));
    assert_eq!(merging(&desk), attempts(&desk)[0]);
}

#[test]
fn an_instruction_that_came_meanwhile_is_heard_before_the_merge() {
    let mut desk = voting(false);
    execute(&mut desk, 1);
    let text = "in red".to_owned();
    desk.command(Command::Steer { text });
    execute(&mut desk, 1);
    assert_eq!(
        desk.running_kinds(),
        ["model"],
        "the one that is taken goes on"
    );
    let effect = desk.effect("model");
    let work = desk.running[&effect].0.clone();
    assert!(matches!(work, Work::Model { attempt, .. } if attempt == attempts(&desk)[0]));
    desk.pass();
    assert_eq!(desk.running_kinds(), ["merge"], "and is not compared again");
}

#[test]
fn a_taken_execution_that_does_not_fit_is_followed_by_others() {
    let mut desk = voting(false);
    execute(&mut desk, 1);
    execute(&mut desk, 1);
    let paths = vec!["x".to_owned()];
    desk.done("merge", Outcome::Conflicted { paths });
    assert_eq!(
        executions(&desk).last(),
        Some(&(Some(1), 0)),
        "no rung is used up"
    );
}

#[test]
fn a_transient_failure_is_no_execution_less() {
    let mut desk = voting(false);
    prepare(&mut desk, &[]);
    desk.done("model", broke(FailureClass::Transient));
    desk.later(60_000);
    desk.done("model", said(Said::Done));
    desk.done("verify", made(1));
    assert_eq!(executions(&desk).len(), 2);
    assert_eq!(desk.state.aside().count(), 1);
}

#[test]
fn the_next_rung_is_of_the_kind_that_the_ladder_says() {
    let mut desk = diverged(false);
    let kind = desk.find(|e| match e {
        Event::SubtaskStarted { kind, .. } => Some(*kind),
        _ => None,
    });
    assert_eq!(kind, Rung::Feedback);
    desk.mark();
}
