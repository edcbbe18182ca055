//! Plans: repaired, replaced by a fallback, made again.

use crate::desk::*;
use crate::{Input, StepError, TaskStatus, status};
use loom_events::{
    Command, Event, FailureClass, NewTask, Plan, PlanReason, Proposal, Response, Said, Scope,
    TaskSettings, VerdictResult,
};

fn unreadable() -> loom_events::Outcome {
    proposal(Proposal::Unreadable {
        errors: vec!["no JSON".into()],
    })
}

#[test]
fn an_invalid_plan_is_repaired_once_with_the_exact_errors() {
    let mut desk = Desk::new(|_| {});
    desk.mark();
    desk.plan("a<gone");
    assert_eq!(
        desk.names(),
        ["plan_proposed", "plan_rejected", "model_call_started"]
    );
    let planning = desk.state.planning().unwrap();
    assert_eq!(planning.round, 1);
    assert_eq!(
        planning.errors,
        ["`a` depends on `gone`, which is no subtask of the plan"]
    );
    desk.plan("a");
    assert_eq!(desk.state.plan().unwrap().0, 1);
}

#[test]
fn after_the_repair_round_one_subtask_keeps_the_task_alive_and_says_so() {
    let mut desk = Desk::new(|_| {});
    desk.done("plan", unreadable());
    desk.mark();
    desk.done("plan", unreadable());
    assert_eq!(
        desk.names()[..4],
        [
            "plan_proposed",
            "plan_rejected",
            "degraded",
            "task_plan_ready"
        ]
    );
    let (_, plan) = desk.state.plan().unwrap();
    assert_eq!(plan.subtasks[0].description, "make it work");
    assert_eq!(desk.state.degraded().len(), 1);
}

#[test]
fn a_check_that_stays_faulty_is_left_out_and_the_plan_stays() {
    let mut desk = Desk::new(|_| {});
    let faulty = || {
        let mut plan = plan("a b");
        let check = |command: &str| loom_events::Check::Command {
            command: command.to_owned(),
            exit: 0,
            stdout_regex: None,
        };
        plan.subtasks[1].checks = vec![check("true"), check("sh tests/b.sh")];
        proposal(Proposal::Plan { plan })
    };
    desk.done("plan", faulty());
    assert_eq!(desk.state.planning().unwrap().round, 1, "it may repair it");
    desk.mark();
    desk.done("plan", faulty());
    assert_eq!(
        desk.names()[..3],
        ["plan_proposed", "degraded", "task_plan_ready"]
    );
    let (_, plan) = desk.state.plan().unwrap();
    assert_eq!(plan.subtasks.len(), 2);
    let left: Vec<String> = plan.subtasks[1]
        .checks
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(left, ["`sh tests/b.sh` exits 0"]);
    assert!(desk.state.degraded()[0].starts_with("a check of `b` was left out"));
}

#[test]
fn without_planning_the_goal_is_its_own_step_and_nothing_fell_back() {
    let mut desk = Desk::new(|s| s.defences.plan = false);
    assert_eq!(desk.running_kinds(), ["prepare"]);
    assert!(!desk.names().contains(&"model_call_started"));
    let (version, plan) = desk.state.plan().unwrap();
    assert_eq!((version, plan.subtasks.len()), (1, 1));
    assert_eq!(plan.subtasks[0].description, "make it work");
    assert!(desk.state.degraded().is_empty());
}

#[test]
fn a_planner_that_cannot_be_asked_fails_the_task_with_its_message() {
    let mut desk = Desk::new(|_| {});
    desk.done("plan", broke(FailureClass::Environment));
    assert_eq!(status(&desk.state), TaskStatus::Failed);
    let Event::TaskFailed { reason, .. } = desk.last() else {
        unreachable!()
    };
    assert_eq!(reason, "no plan could be made: Environment trouble");
}

#[test]
fn a_transient_failure_of_the_planner_waits_and_is_asked_again_up_to_the_limit() {
    let mut desk = Desk::new(|s| s.limits.transient_retries = 2);
    for wait in [1_000, 2_000] {
        desk.done("plan", broke(FailureClass::Transient));
        assert!(desk.running.is_empty());
        desk.later(wait - 1);
        assert!(desk.running.is_empty());
        desk.later(1);
    }
    desk.mark();
    desk.done("plan", broke(FailureClass::Transient));
    assert_eq!(
        desk.names(),
        [
            "model_call_failed",
            "limit_reached",
            "task_stopping",
            "planning_abandoned",
            "task_failed"
        ]
    );
}

#[test]
fn a_failed_final_gate_makes_a_new_plan_that_keeps_what_is_done() {
    let mut desk = Desk::acting(|_| {});
    desk.pass();
    desk.done("extract", extracted());
    desk.done("final", verified(VerdictResult::Fail));
    assert!(matches!(
        desk.state.planning().unwrap().why,
        PlanReason::FinalGate { feedback } if feedback == "the check is red"
    ));
    desk.plan("b");
    let (version, plan) = desk.state.plan().unwrap();
    assert_eq!(version, 2);
    let ids: Vec<_> = plan.subtasks.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn without_versions_left_a_failed_final_gate_fails_the_task_with_its_feedback() {
    let mut desk = Desk::acting(|s| s.limits.plan_versions = 1);
    desk.pass();
    desk.done("extract", extracted());
    desk.mark();
    desk.done("final", verified(VerdictResult::Fail));
    assert_eq!(
        desk.names(),
        [
            "verification_failed",
            "limit_reached",
            "task_stopping",
            "task_failed"
        ]
    );
}

#[test]
fn with_a_human_there_one_more_version_can_be_allowed() {
    let mut desk = Desk::acting(|s| {
        s.limits.plan_versions = 1;
        s.bands.proceed = 0.5;
        s.attended = true;
    });
    desk.pass();
    desk.done("extract", extracted());
    desk.done("final", verified(VerdictResult::Fail));
    assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);
    let (question, ..) = desk.state.open_questions().next().unwrap();
    let response = Response::Grant { scope: Scope::Once };
    desk.command(Command::Answer {
        question,
        response,
        by: "me".into(),
    });
    assert_eq!(desk.running_kinds(), ["plan"]);
}

#[test]
fn an_inconclusive_final_gate_is_asked_again_and_then_fails_closed() {
    let mut desk = Desk::acting(|s| s.limits.inconclusive_rounds = 1);
    desk.pass();
    desk.done("extract", extracted());
    desk.done("final", verified(VerdictResult::Inconclusive));
    assert_eq!(desk.running_kinds(), ["final"]);
    desk.done("final", verified(VerdictResult::Inconclusive));
    assert_eq!(status(&desk.state), TaskStatus::Failed);
}

#[test]
fn a_replan_ends_changed_attempts_and_leaves_unchanged_ones_alone() {
    let mut desk = Desk::planned("a b c", |s| s.max_parallel_subtasks = 2);
    desk.mark();
    let edited = {
        let mut edited = plan("a b d");
        edited.subtasks[1].description = "do b differently".into();
        edited
    };
    desk.command(Command::EditPlan { plan: edited });
    // c is not in it any more, b begins again once its old effect has ended.
    assert_eq!(
        desk.names(),
        ["task_plan_ready", "attempt_ended", "subtask_skipped"]
    );
    assert_eq!(desk.stop.len(), 1);
    let id = desk.stop[0];
    let outcome = loom_events::Outcome::Interrupted { maybe: false };
    desk.feed(&crate::Input::Outcome { id, outcome });
    assert_eq!(
        desk.names(),
        ["effect_interrupted", "subtask_started", "prepare_started"]
    );
}

#[test]
fn an_invalid_replan_keeps_the_old_plan() {
    let mut desk = Desk::acting(|s| s.ladder.truncate(1));
    desk.done(
        "model",
        said(Said::Blocked {
            reason: "no key".into(),
        }),
    );
    assert_eq!(desk.running_kinds(), ["plan"]);
    desk.done("plan", unreadable());
    desk.mark();
    desk.done("plan", unreadable());
    assert_eq!(
        desk.names(),
        [
            "plan_proposed",
            "plan_rejected",
            "planning_abandoned",
            "task_stopping",
            "task_failed"
        ]
    );
    assert_eq!(desk.state.plan().unwrap().0, 1);
}

#[test]
fn a_replan_comes_every_so_many_completions_and_on_a_discovery() {
    let mut desk = Desk::planned("a b c", |s| s.replan_interval = 1);
    desk.done("prepare", prepared(None));
    desk.pass();
    assert!(matches!(
        desk.state.planning().unwrap().why,
        PlanReason::Interval
    ));

    let mut desk = Desk::acting(|_| {});
    desk.command(Command::EditPlan { plan: plan("a b") });
    let mut reply = reply(Vec::new(), Said::Done);
    reply.discovery = Some("the parser is generated".into());
    desk.done("model", loom_events::Outcome::Replied(reply));
    assert!(
        desk.state.planning().is_none(),
        "not while the attempt runs"
    );
    desk.done("verify", verified(VerdictResult::Pass));
    assert!(matches!(
        desk.state.planning().unwrap().why,
        PlanReason::Discovery { .. }
    ));
}

#[test]
fn a_plan_under_review_runs_only_when_it_is_granted() {
    let mut desk = Desk::new(|s| {
        s.review_plan = true;
        s.attended = true;
    });
    desk.plan("a");
    assert_eq!(status(&desk.state), TaskStatus::WaitingApproval);
    let (question, ..) = desk.state.open_questions().next().unwrap();
    let deny = Response::Deny {
        reason: "too coarse".into(),
    };
    desk.command(Command::Answer {
        question,
        response: deny,
        by: "me".into(),
    });
    desk.plan("b");
    let (question, ..) = desk.state.open_questions().next().unwrap();
    let grant = Response::Grant { scope: Scope::Once };
    desk.command(Command::Answer {
        question,
        response: grant,
        by: "me".into(),
    });
    assert_eq!(desk.running_kinds(), ["prepare"]);
}

#[test]
fn an_instruction_after_the_last_step_reaches_a_planner() {
    let mut desk = Desk::acting(|_| {});
    desk.pass();
    desk.done("extract", extracted());
    assert_eq!(desk.running_kinds(), ["final"]);
    desk.command(Command::Steer {
        text: "also in German".into(),
    });
    assert!(desk.running_kinds().contains(&"plan"));
}

/// A task without a workspace that is being planned.
fn nowhere() -> Desk {
    let mut desk = Desk::empty(&crate::step::LOOM);
    desk.command(Command::Create(NewTask {
        workspace: None,
        ..goal(TaskSettings::default())
    }));
    desk
}

/// A plan of one step that leaves a file.
fn for_files() -> Plan {
    let mut plan = plan("a");
    plan.subtasks[0].outputs = vec!["a.txt".to_owned()];
    plan
}

#[test]
fn a_plan_for_files_is_repaired_where_there_is_no_workspace_or_ends_the_task() {
    let mut desk = nowhere();
    desk.mark();
    desk.done("plan", proposed(for_files()));
    assert!(desk.names().contains(&"plan_rejected"));
    assert_eq!(status(&desk.state), TaskStatus::Planning);
    let repaired = {
        let mut desk = nowhere();
        desk.done("plan", proposed(for_files()));
        desk.plan("a");
        status(&desk.state)
    };
    assert_eq!(repaired, TaskStatus::Executing);
    // Nobody could do it, nor see whether it is done.
    desk.done("plan", proposed(for_files()));
    assert_eq!(status(&desk.state), TaskStatus::Failed);
    let reason = desk
        .journal
        .iter()
        .rev()
        .find_map(|line| match &line.event {
            Event::TaskFailed { reason, .. } => Some(reason.clone()),
            _ => None,
        });
    let reason = reason.unwrap();
    assert!(
        reason.contains("has no workspace") && reason.contains("`a`"),
        "{reason}"
    );
}

#[test]
fn a_human_gives_no_plan_for_files_to_a_task_without_a_workspace() {
    let mut desk = nowhere();
    desk.plan("a b");
    let edited = Command::EditPlan { plan: for_files() };
    let Err(StepError::Rejected(refused)) = desk.try_feed(&Input::Command(edited)) else {
        unreachable!("it is taken")
    };
    let refused = format!("{refused:?}");
    assert!(refused.contains("no workspace"), "{refused}");
}
