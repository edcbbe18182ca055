//! State × input → what happens. Generated, so that a reviewer sees every change of a transition in
//! one diff: a scene for each state that the machine can rest in, and each input that can reach it.

use super::executions;
use crate::desk::*;
use crate::{Input, StepError, status};
use loom_events::{
    ApprovalMode, Class, Command, FailureClass, Note, Outcome, Proposal, Reconciled, Response,
    Said, Scope, TaskSettings, VerdictResult, Voting, Work,
};
use std::fmt::Write as _;

type Scene = (&'static str, fn() -> Desk);

fn attended(s: &mut TaskSettings) {
    s.attended = true;
}

fn acting_on(class: Class, change: fn(&mut TaskSettings)) -> Desk {
    let mut desk = Desk::acting(change);
    desk.done("model", called(&[("x", class)]));
    desk
}

fn forks() -> Desk {
    let mut desk = Desk::planned("a b", |s| s.max_parallel_subtasks = 2);
    desk.done("prepare", prepared(Some("f1")));
    desk.done("prepare", prepared(Some("f2")));
    desk.done("model", said(Said::Done));
    desk.done("verify", verified(VerdictResult::Pass));
    desk
}

/// The second fork is merged onto what the first one left.
fn rechecking() -> Desk {
    let mut desk = forks();
    desk.done("merge", Outcome::Merged { base_moved: false });
    desk.done("model", said(Said::Done));
    desk.done("verify", verified(VerdictResult::Pass));
    desk.done("merge", Outcome::Merged { base_moved: true });
    desk
}

fn held() -> Desk {
    let mut desk = acting_on(Class::Unknowable, attended);
    let effect = desk.effect("tool");
    let outcome = hold(&desk.running[&effect].0.clone(), 7);
    desk.done("tool", outcome);
    desk
}

fn exhausted() -> Desk {
    let mut desk = Desk::acting(|s| {
        s.attended = true;
        s.ladder.truncate(1);
        s.limits.plan_versions = 1;
    });
    desk.done("model", broke(FailureClass::Model));
    desk
}

fn last_gate() -> Desk {
    let mut desk = Desk::acting(|_| {});
    desk.pass();
    desk.done("extract", extracted());
    desk
}

fn crashed(mut desk: Desk) -> Desk {
    desk.crash();
    desk
}

fn commanded(mut desk: Desk, command: Command) -> Desk {
    desk.command(command);
    desk
}

fn cancel() -> Command {
    Command::Cancel {
        reason: "enough".into(),
    }
}

/// Two executions that made different things, and no third one is wanted.
fn differing() -> Desk {
    let mut desk = Desk::planned("a b<a c<a d<a", |s| {
        s.attended = true;
        s.verification.vote = Voting::Executions;
        s.verification.votes = 2;
    });
    executions::execute(&mut desk, 1);
    executions::execute(&mut desk, 2);
    desk
}

const SCENES: [Scene; 27] = [
    ("nothing", || Desk::empty(&crate::step::LOOM)),
    ("planning", || Desk::new(|_| {})),
    ("repairing the plan", || {
        let mut desk = Desk::new(|_| {});
        desk.plan("a<gone");
        desk
    }),
    ("reviewing the plan", || {
        let mut desk = Desk::new(|s| {
            s.attended = true;
            s.review_plan = true;
        });
        desk.plan("a");
        desk
    }),
    ("preparing", || Desk::planned("a", |_| {})),
    ("asking the model", || Desk::acting(|_| {})),
    ("reading", || acting_on(Class::Pure, |_| {})),
    ("writing a file", || acting_on(Class::Hashed, |_| {})),
    ("running a sandboxed command", || {
        acting_on(Class::Restorable, |_| {})
    }),
    ("running a command", || acting_on(Class::Unknowable, |_| {})),
    ("holding a call", held),
    ("judging", || {
        let mut desk = Desk::acting(|_| {});
        desk.done("model", said(Said::Done));
        desk
    }),
    ("asking about the result", || {
        let mut desk = Desk::acting(|s| {
            s.attended = true;
            s.approval = ApprovalMode::Manual;
        });
        desk.pass();
        desk
    }),
    ("merging", forks),
    ("rechecking", rechecking),
    ("taking back", || {
        let mut desk = rechecking();
        desk.done("recheck", Outcome::Rechecked(verdict(VerdictResult::Fail)));
        desk
    }),
    ("judging the second execution", || {
        let mut desk = executions::voting(false);
        executions::execute(&mut desk, 1);
        desk.done("prepare", prepared(Some("f")));
        desk.done("model", said(Said::Done));
        desk
    }),
    ("asking which execution counts", differing),
    ("asking about an exhausted subtask", exhausted),
    ("in a human's hands", || {
        let mut desk = exhausted();
        let (question, ..) = desk.state.open_questions().next().unwrap();
        desk.command(Command::Answer {
            question,
            response: Response::TakeOver,
            by: "me".into(),
        });
        desk.done("prepare", prepared(None));
        desk
    }),
    ("extracting", || {
        let mut desk = Desk::acting(|_| {});
        desk.pass();
        desk
    }),
    ("last gate", last_gate),
    ("paused", || commanded(Desk::acting(|_| {}), Command::Pause)),
    ("looking up a file", || {
        crashed(acting_on(Class::Hashed, |_| {}))
    }),
    ("asking about a doubt", || {
        let mut desk = crashed(acting_on(Class::Unknowable, attended));
        desk.done("reconcile", Outcome::Reconciled(Reconciled::Recorded));
        desk
    }),
    ("stopping", || commanded(Desk::acting(|_| {}), cancel())),
    ("done", || {
        let mut desk = last_gate();
        desk.done("final", verified(VerdictResult::Pass));
        desk
    }),
];

/// Every input that can reach a scene, by name. Outcomes are those of the first effect in flight.
fn inputs(desk: &Desk) -> Vec<(String, Input)> {
    let mut inputs: Vec<(String, Input)> = Vec::new();
    let mut add = |name: String, input: Input| inputs.push((name, input));
    add("tick".into(), Input::Tick);
    add("recover".into(), Input::Recover { build: "t".into() });
    let (build, reason) = ("t".into(), "it died".into());
    add("abandon".into(), Input::Abandon { build, reason });
    for (name, command) in commands(desk) {
        add(name.into(), Input::Command(command));
    }
    if let Some((id, (work, _))) = desk.running.first_key_value() {
        let kind = kind_of(work);
        for (name, outcome) in outcomes(work) {
            add(
                format!("{kind}: {name}"),
                Input::Outcome { id: *id, outcome },
            );
        }
        let note = Note::Progress { text: "…".into() };
        add(format!("{kind}: note"), Input::Note { id: *id, note });
    }
    inputs
}

fn commands(desk: &Desk) -> Vec<(&'static str, Command)> {
    let mut edited = desk
        .state
        .plan()
        .map(|(_, plan)| plan.clone())
        .unwrap_or_default();
    edited.subtasks.extend(plan("z").subtasks);
    let mut commands = vec![
        ("create", Command::Create(goal(TaskSettings::default()))),
        ("pause", Command::Pause),
        ("resume", Command::Resume),
        ("cancel", cancel()),
        (
            "steer",
            Command::Steer {
                text: "in red".into(),
            },
        ),
        ("edit the plan", Command::EditPlan { plan: edited }),
        (
            "retry",
            Command::Retry {
                subtask: id("a"),
                guidance: String::new(),
            },
        ),
    ];
    let responses = [
        ("grant", Response::Grant { scope: Scope::Once }),
        ("grant for the task", Response::Grant { scope: Scope::Task }),
        (
            "deny",
            Response::Deny {
                reason: "no".into(),
            },
        ),
        (
            "text",
            Response::Text {
                text: "blue".into(),
            },
        ),
        (
            "answer retry",
            Response::Retry {
                guidance: String::new(),
            },
        ),
        ("answer skip", Response::Skip),
        ("take over", Response::TakeOver),
        ("done by hand", Response::Done),
        ("another plan", Response::EditPlan { plan: plan("y") }),
        ("abort", Response::Abort),
    ];
    if let Some((question, ..)) = desk.state.open_questions().next() {
        commands.extend(responses.map(|(name, response)| {
            let by = "me".to_owned();
            (
                name,
                Command::Answer {
                    question,
                    response,
                    by,
                },
            )
        }));
    }
    commands
}

fn outcomes(work: &Work) -> Vec<(String, Outcome)> {
    let mut outcomes: Vec<(String, Outcome)> = match work {
        Work::Plan { .. } => vec![
            ("plan".into(), proposed(plan("a b"))),
            ("bad plan".into(), proposed(plan("a<gone"))),
            (
                "no plan".into(),
                proposal(Proposal::Unreadable {
                    errors: vec!["no".into()],
                }),
            ),
        ],
        Work::Prepare { .. } => vec![
            ("in place".into(), prepared(None)),
            ("fork".into(), prepared(Some("f"))),
        ],
        Work::Model { .. } => vec![
            ("called".into(), called(&[("x", Class::Pure)])),
            ("done".into(), said(Said::Done)),
            ("announced".into(), said(Said::Announced)),
            (
                "blocked".into(),
                said(Said::Blocked {
                    reason: "stuck".into(),
                }),
            ),
        ],
        Work::Tool { .. } => vec![("ran".into(), ran(1)), ("held".into(), hold(work, 7))],
        Work::Verify { .. } | Work::Final { .. } => verdicts(Outcome::Verified),
        Work::Recheck { .. } => verdicts(Outcome::Rechecked),
        Work::Merge { .. } => vec![
            ("merged".into(), Outcome::Merged { base_moved: false }),
            ("merged, moved".into(), Outcome::Merged { base_moved: true }),
            (
                "conflict".into(),
                Outcome::Conflicted {
                    paths: vec!["x".into()],
                },
            ),
        ],
        Work::Unmerge { .. } => vec![("unmerged".into(), Outcome::Unmerged)],
        Work::Extract { .. } => vec![("extracted".into(), extracted())],
        Work::Reconcile { .. } => vec![
            ("clean".into(), Outcome::Reconciled(Reconciled::Clean)),
            (
                "applied".into(),
                Outcome::Reconciled(Reconciled::Applied { result: result(1) }),
            ),
        ],
    };
    for class in [
        FailureClass::Transient,
        FailureClass::Model,
        FailureClass::Tool,
        FailureClass::Policy,
        FailureClass::Environment,
        FailureClass::Plan,
        FailureClass::Budget,
    ] {
        outcomes.push((format!("failed {class:?}"), broke(class)));
    }
    outcomes.push(("stopped".into(), Outcome::Interrupted { maybe: false }));
    outcomes.push((
        "stopped, maybe".into(),
        Outcome::Interrupted { maybe: true },
    ));
    outcomes
}

fn verdicts(outcome: fn(loom_events::Verdict) -> Outcome) -> Vec<(String, Outcome)> {
    let results = [
        VerdictResult::Pass,
        VerdictResult::Fail,
        VerdictResult::Inconclusive,
    ];
    let named = results.map(|r| (format!("{r:?}").to_lowercase(), outcome(verdict(r))));
    named.into_iter().collect()
}

fn line(desk: &mut Desk, input: &Input) -> String {
    desk.mark();
    match desk.try_feed(input) {
        Ok(_) => {
            let names = desk.names().join(" ");
            let running = desk.running_kinds().join(" ");
            let status = status(&desk.state);
            let stop = if desk.stop.is_empty() { "" } else { ", stop" };
            format!("{names} → {status:?} [{running}]{stop}")
        }
        Err(StepError::Rejected(why)) => format!("✗ {why}"),
        Err(StepError::Impossible(bug)) => unreachable!("{bug}"),
    }
}

#[test]
fn every_input_in_every_state_does_what_the_table_says() {
    let mut table = String::new();
    for (name, scene) in SCENES {
        writeln!(table, "## {name}").unwrap();
        for (said, input) in inputs(&scene()) {
            let mut desk = scene();
            writeln!(table, "{said}: {}", line(&mut desk, &input)).unwrap();
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}
