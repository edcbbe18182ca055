//! A step that nothing strong can judge, done several times: each time in a copy of the same state, and
//! what most of them made is brought in.

use crate::by_hand::{answer, asked};
use crate::forks::{assert_swept, completed, tree, until};
use crate::world::{Ended, World};
use loom_engine::{RevertScope, TaskStatus};
use loom_events::{
    AttemptEnd, Command, Compared, Confidence, Event, NewTask, Response, Seq, TakenBy, Voting,
};
use loom_sim::{Options, Reply, Request, Role};
use serde_json::{Value, json};
use std::sync::Mutex;

/// A step that takes something away and has no check.
fn step() -> Value {
    json!({"id": "tidy", "title": "Remove the old notes",
        "description": "Remove what is old, and put a word about it into new.txt.",
        "criteria": ["There is a word about it."], "checks": []})
}

/// Models of which each execution writes the next of these words, and finds nothing of the others.
fn writing(words: &[&str]) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let begun = Mutex::new(0_usize);
    move |request: &Request| match request.role {
        Some(Role::Planner | Role::Replanner) => Reply::json(&json!({"subtasks": [step()]})),
        Some(Role::Extractor) => Reply::json(&json!({"summary": "done", "entries": []})),
        Some(Role::Executor) => {
            let mut begun = begun.lock().unwrap();
            *begun += usize::from(request.turn() == 0);
            let word = words.get(*begun - 1).cloned().unwrap_or_default();
            let seen = request.messages.iter().any(|m| m.contains("│written"));
            match request.turn() {
                0 => Reply::call("read_file", &json!({"path": "new.txt"})),
                1 if seen => {
                    Reply::call("write_file", &json!({"path": "seen.txt", "content": "!"}))
                }
                1 => Reply::call(
                    "write_file",
                    &json!({"path": "new.txt", "content": format!("written\n{word}\n")}),
                ),
                _ => Reply::text("It is there."),
            }
        }
        _ => Reply::text("no"),
    }
}

async fn world(words: &[&str]) -> World {
    let world = World::code_in(writing(words), Options::default(), None).await;
    world.write("old.txt", "old\n");
    world
}

/// A task whose executions vote, judged by what code can see.
fn voting(world: &World) -> NewTask {
    let mut new = world.task("tidy up");
    new.settings.verification.vote = Voting::Executions;
    new.settings.verification.tier = 1;
    new.settings.verification.final_gate = false;
    new.settings.bands.proceed = 0.0;
    new.settings.bands.ask = 0.0;
    new
}

fn outcome(ended: &Ended) -> Option<Compared> {
    ended.events().find_map(|event| match event {
        Event::ExecutionsCompared { outcome, .. } => Some(outcome.clone()),
        _ => None,
    })
}

fn outvoted(ended: &Ended) -> usize {
    let outvoted = |event: &&Event| {
        matches!(
            event,
            Event::AttemptEnded {
                why: AttemptEnd::Outvoted,
                ..
            }
        )
    };
    ended.events().filter(outvoted).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_of_three_executions_made_is_brought_in_and_the_rest_is_gone() {
    let world = world(&["red", "blue", "red"]).await;
    let before = tree(&world.work());
    let ended = world.run_task(voting(&world)).await;
    completed(&ended);
    assert_eq!(world.read("new.txt").as_deref(), Some("written\nred\n"));
    assert_eq!(tree(&world.work()).len(), 2, "one saw what another wrote");
    let taken = outcome(&ended);
    let by = TakenBy::Agreement;
    assert!(
        matches!(taken, Some(Compared::Taken { by: why, .. }) if why == by),
        "{taken:?}"
    );
    // The last one knew of the others, so it is the surest of those that are alike.
    let verdicts = ended.events().filter_map(|event| match event {
        Event::VerificationPassed { verdict, .. } => Some(&verdict.confidence),
        _ => None,
    });
    let words = "another execution made the same, 1 something else";
    let agreed = |of: &&Confidence| of.parts.iter().any(|part| part.why == words);
    let agreed: Vec<f64> = verdicts.filter(agreed).map(|of| of.value).collect();
    let stated = ended.view.summary.as_ref().unwrap().confidence;
    assert_eq!(
        agreed.iter().copied().reduce(f64::max),
        stated,
        "{agreed:?}"
    );
    let forks: Vec<_> = ended
        .events()
        .filter_map(|event| match event {
            Event::AttemptPrepared { prepared, .. } => {
                Some((prepared.fork.clone(), prepared.base.clone()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(forks.len(), 3);
    let names: std::collections::BTreeSet<_> = forks.iter().map(|(fork, _)| fork).collect();
    assert_eq!(names.len(), 3, "each has its own: {forks:?}");
    assert!(
        forks.iter().all(|(_, base)| *base == forks[0].1),
        "{forks:?}"
    );
    assert_eq!((ended.count("merged"), outvoted(&ended)), (1, 2));
    let spent: u64 = ended
        .events()
        .map(|event| match event {
            Event::ModelCallCompleted { reply, .. } => reply.usage.total(),
            Event::PlanProposed { usage, .. } | Event::ExtractionFinished { usage, .. } => {
                usage.total()
            }
            _ => 0,
        })
        .sum();
    let summary = ended.view.summary.clone().unwrap();
    assert_eq!(summary.usage.total(), spent, "every execution costs");
    world.assert_well_formed();
    world.assert_replays(ended.id).await;
    assert_swept(&world, ended.id).await;
    let report = world.engine.revert(ended.id, RevertScope::Task).await;
    assert!(report.unwrap().conflicts.is_empty());
    assert_eq!(tree(&world.work()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_that_differ_are_shown_side_by_side_and_the_answer_brings_one_in() {
    let world = world(&["red", "blue", "green"]).await;
    let mut new = voting(&world);
    new.settings.attended = true;
    let id = world.engine.submit(new).await.unwrap();
    let question = asked(&world, id, None).await;
    let shown = &question.question;
    let places = ["red", "blue", "green"].map(|word| shown.action.find(&format!("+{word}")));
    assert!(places.iter().all(Option::is_some), "{}", shown.action);
    assert!(shown.action.contains("new.txt:"), "{}", shown.action);
    assert_eq!(
        world.read("new.txt"),
        None,
        "nothing is in before the answer"
    );
    let at = shown.choices.iter().position(|choice| choice == "take 2");
    assert_eq!(at, Some(1), "{:?}", shown.choices);
    // In the order in which they are shown.
    let second = match places[0] < places[1] && places[1] < places[2] {
        true => "blue",
        false => unreachable!("they are shown in another order: {}", shown.action),
    };
    let text = "take 2".to_owned();
    answer(&world, id, &question, Response::Text { text }).await;
    let ended = world.ended(id).await;
    completed(&ended);
    assert_eq!(world.read("new.txt"), Some(format!("written\n{second}\n")));
    assert_eq!((ended.count("merged"), outvoted(&ended)), (1, 2));
    world.assert_replays(id).await;
    assert_swept(&world, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_in_the_second_execution_neither_loses_the_first_nor_leaves_a_copy() {
    for name in ["prepare_started", "fork_changed", "verification_started"] {
        // A call that is made again after the death takes the next word, and red it is all the same. The
        // second one differs, so that the end is far when the death comes.
        let mut world = world(&["red", "blue", "red", "red", "red"]).await;
        let id = world.engine.submit(voting(&world)).await.unwrap();
        let first = until(&world, id, Seq::ZERO, "execution_set_aside")
            .await
            .unwrap();
        until(&world, id, first, name).await.unwrap();
        world.crash_and_recover().await;
        let ended = world.ended(id).await;
        completed(&ended);
        assert_eq!(
            world.read("new.txt").as_deref(),
            Some("written\nred\n"),
            "{name}"
        );
        assert_eq!(tree(&world.work()).len(), 2, "{name}");
        world.assert_replays(id).await;
        assert_swept(&world, id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_between_executions_leaves_nothing_of_them() {
    let world = world(&["red", "blue", "red"]).await;
    let before = tree(&world.work());
    let id = world.engine.submit(voting(&world)).await.unwrap();
    until(&world, id, Seq::ZERO, "execution_set_aside")
        .await
        .unwrap();
    let reason = "enough".to_owned();
    world
        .engine
        .command(id, Command::Cancel { reason })
        .await
        .unwrap();
    let ended = world.ended(id).await;
    assert_eq!(ended.view.status, TaskStatus::Cancelled);
    assert_eq!(tree(&world.work()), before);
    world.assert_replays(id).await;
    assert_swept(&world, id).await;
}

/// Two attempts fail in the workspace itself, each at another guard; then executions begin from the state
/// that the step began with.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_failed_in_two_ways_is_executed_from_a_clean_state() {
    let guarded = |path: &str| json!({"kind": "file_contains", "path": path, "regex": "mine"});
    let plan = json!({"subtasks": [{"id": "write", "title": "Write a word",
        "description": "Put a word into new.txt, and leave a.txt and b.txt as they are.",
        "criteria": ["There is a word."], "checks": [guarded("a.txt"), guarded("b.txt")]}]});
    let begun = Mutex::new(0_usize);
    let respond = move |request: &Request| match request.role {
        Some(Role::Planner | Role::Replanner) => Reply::json(&plan),
        Some(Role::Extractor) => Reply::json(&json!({"summary": "done", "entries": []})),
        Some(Role::Executor) => {
            let mut begun = begun.lock().unwrap();
            *begun += usize::from(request.turn() == 0);
            let write = |path: &str, text: &str| {
                Reply::call("write_file", &json!({"path": path, "content": text}))
            };
            let read = |path: &str| Reply::call("read_file", &json!({"path": path}));
            match (*begun, request.turn()) {
                (1, 0) => read("a.txt"),
                (1, 1) => write("a.txt", "broken\n"),
                (2, 0) => read("a.txt").and_call("read_file", &json!({"path": "b.txt"})),
                (2, 1) => write("a.txt", "mine\n"),
                (2, 2) => write("b.txt", "broken\n"),
                (3.., 0) => write("new.txt", "word\n"),
                _ => Reply::text("It is there."),
            }
        }
        _ => Reply::text("no"),
    };
    let world = World::code_in(respond, Options::default(), None).await;
    world.write("a.txt", "mine\n");
    world.write("b.txt", "mine\n");
    let mut new = voting(&world);
    new.settings.limits.nudges = 0;
    let ended = world.run_task(new).await;
    completed(&ended);
    let executions: Vec<_> = ended
        .events()
        .filter_map(|event| match event {
            Event::SubtaskStarted { execution, .. } => Some(*execution),
            _ => None,
        })
        .collect();
    assert_eq!(executions, [None, None, Some(1), Some(2)]);
    let read = |path: &str| world.read(path);
    assert_eq!(read("a.txt").as_deref(), Some("mine\n"));
    assert_eq!(read("b.txt").as_deref(), Some("mine\n"));
    assert_eq!(read("new.txt").as_deref(), Some("word\n"));
    world.assert_replays(ended.id).await;
    assert_swept(&world, ended.id).await;
    let report = world.engine.revert(ended.id, RevertScope::Task).await;
    assert!(report.unwrap().conflicts.is_empty());
    assert_eq!(tree(&world.work()).len(), 2);
}
