//! Wordings of the executor's prompt: which of them a step is told in, and what decides that.

use crate::world::{Ended, World};
use loom_engine::TaskStatus;
use loom_events::{Adjusted, Event, NewTask};
use loom_sim::{Reply, Request, Role};
use serde_json::json;
use std::collections::BTreeSet;

/// Steps of a task: each is told in a wording of its own.
const STEPS: usize = 8;

/// Tasks after which nobody can have been so unlucky that the other wording was not tried five times.
const MOST_TASKS: usize = 40;

/// A model that does as it is told at once in the other wording only; in the usual one it has to be told
/// what it had not done.
fn worker(request: &Request) -> Reply {
    match request.role {
        Some(Role::Planner | Role::Replanner) => {
            let step = |n: usize| {
                json!({"id": format!("write-{n}"), "title": format!("Write {n}.txt"),
                    "description": format!("Write the word hello into {n}.txt."),
                    "criteria": [format!("{n}.txt says hello.")],
                    "checks": [{"kind": "file_contains", "path": format!("{n}.txt"), "regex": "hello"}]})
            };
            Reply::json(&json!({"subtasks": (0..STEPS).map(step).collect::<Vec<_>>()}))
        }
        Some(Role::Executor) => {
            let step = |n: &usize| request.contains(&format!("Your step: Write {n}.txt"));
            let n = (0..STEPS).find(step).unwrap();
            let understood =
                request.contains("a terse worker") || request.contains("An earlier attempt");
            let written = request.past_calls().any(|call| call.name == "write_file");
            match understood && !written {
                true => Reply::call(
                    "write_file",
                    &json!({"path": format!("{n}.txt"), "content": "hello\n"}),
                ),
                false => Reply::text("Done."),
            }
        }
        Some(Role::Extractor) => Reply::json(&json!({"summary": "done", "entries": []})),
        _ => Reply::text("no"),
    }
}

fn task(world: &World, learning: bool) -> NewTask {
    let mut new = world.task("write the word hello into some files");
    new.settings.learning = learning;
    // Whatever was not done is a failed attempt, not a word in its ear.
    new.settings.limits.nudges = 0;
    // Only the checks decide: the simulated model is no judge.
    new.settings.verification.tier = 1;
    new.settings.verification.final_gate = false;
    new
}

/// Runs a task in an empty workspace, until what it teaches is kept.
async fn run(world: &World, learning: bool) -> Ended {
    for n in 0..STEPS {
        if world.read(&format!("{n}.txt")).is_some() {
            std::fs::remove_file(world.work().join(format!("{n}.txt"))).unwrap();
        }
    }
    let ended = world.run_task(task(world, learning)).await;
    let reason = ended.view.reason.clone();
    assert_eq!(ended.view.status, TaskStatus::Completed, "{reason:?}");
    while world.engine.is_running(ended.id) {
        tokio::task::yield_now().await;
    }
    ended
}

/// The templates of the attempts, without their hashes.
fn told(ended: &Ended) -> Vec<&str> {
    let prepared = ended.events().filter_map(|event| match event {
        Event::AttemptPrepared { prepared, .. } => prepared.template.split('@').next(),
        _ => None,
    });
    prepared.collect()
}

/// The wordings that were chosen, with why.
fn chosen(ended: &Ended) -> Vec<(Option<&str>, &str)> {
    let chosen = ended.events().filter_map(|event| match event {
        Event::LearningApplied { adjustment, .. } => match &adjustment.what {
            Adjusted::Wording { wording, .. } => {
                Some((wording.as_deref(), adjustment.why.as_str()))
            }
            _ => None,
        },
        _ => None,
    });
    chosen.collect()
}

/// What the gates looked at.
fn checked(ended: &Ended) -> BTreeSet<String> {
    let of = |event: &Event| match event {
        Event::VerificationPassed { verdict, .. } => Some(verdict.checks.clone()),
        _ => None,
    };
    let checks = ended.events().filter_map(of).flatten();
    checks.map(|check| check.check.to_string()).collect()
}

/// A world that has another wording beside the usual one.
async fn with_another() -> World {
    let mut world = World::code(worker).await;
    let dir = world.home.path().join("prompts");
    std::fs::create_dir(&dir).unwrap();
    let usual = include_str!("../prompts/executor.yaml");
    let terse = usual.replace("You are a careful worker.", "You are a terse worker.");
    assert_ne!(terse, usual);
    std::fs::write(dir.join("executor.terse.yaml"), terse).unwrap();
    world.reopen_after(0).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wording_that_works_better_is_found_by_trials_and_used_from_then_on() {
    let mut world = with_another().await;
    let mut trials = 0;
    let mut tasks = 0;
    let first = loop {
        let ended = run(&world, true).await;
        let chosen = chosen(&ended);
        assert_eq!(
            chosen.len(),
            STEPS,
            "each step is chosen for once: {chosen:?}"
        );
        trials += chosen.iter().filter(|(name, _)| name.is_some()).count();
        tasks += 1;
        assert!(tasks < MOST_TASKS, "{trials} trials in {tasks} tasks");
        let learned = world.engine.learned().await.adjustments;
        if learned
            .iter()
            .any(|(_, why)| why.contains("the wording `terse`, which is known to be better"))
        {
            break ended;
        }
    };
    assert!(trials >= 5, "{trials}");
    world.assert_replays(first.id).await;

    // The next process knows it as well.
    world.reopen_after(0).await;
    let ended = run(&world, true).await;
    assert_eq!(told(&ended), ["executor.terse"; STEPS]);
    for (name, why) in chosen(&ended) {
        assert_eq!(name, Some("terse"));
        assert!(why.contains("of first attempts sim passed 0 of"), "{why}");
    }
    assert_eq!(checked(&ended), checked(&first), "nothing is checked less");
    world.assert_replays(ended.id).await;

    let off = run(&world, false).await;
    assert!(told(&off).iter().all(|template| *template == "executor"));
    assert_eq!(off.count("learning_applied"), 0);
    assert_eq!(checked(&off), checked(&first));
    world.assert_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_other_wordings_nothing_is_chosen_and_nothing_kept() {
    let world = World::code(worker).await;
    let ended = run(&world, true).await;
    assert_eq!(chosen(&ended), []);
    let lessons = world.engine.lessons().await.unwrap();
    assert!(lessons.iter().all(|lesson| lesson.section != "wording"));
}
