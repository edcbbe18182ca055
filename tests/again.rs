//! A task that begins where another one was.

use crate::world::World;
use loom_engine::{Again, AgainError, Point, TaskStatus};
use loom_events::{Event, Seq, SubtaskId, TaskId, TaskSettings};
use loom_sim::{Options, Reply, Request, Role};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Three steps, each on the one before; the last is not done until it is said to be possible.
async fn world_of_three(possible: &Arc<AtomicBool>, planned: &Arc<AtomicU32>) -> World {
    let step = |id: &str, on: &[&str]| {
        json!({"id": id, "title": format!("Write {id}.txt"), "depends_on": on,
            "description": format!("Put the word {id} into {id}.txt."),
            "criteria": [format!("{id}.txt says {id}.")],
            "checks": [{"kind": "file_contains", "path": format!("{id}.txt"), "regex": id}]})
    };
    let plan: Vec<Value> = vec![
        step("one", &[]),
        step("two", &["one"]),
        step("three", &["two"]),
    ];
    let (possible, planned) = (Arc::clone(possible), Arc::clone(planned));
    let respond = move |request: &Request| match request.role {
        Some(Role::Planner | Role::Replanner) => {
            planned.fetch_add(1, Ordering::SeqCst);
            Reply::json(&json!({"subtasks": plan}))
        }
        Some(Role::Extractor) => Reply::json(&json!({"summary": "it is written", "entries": [
            {"kind": "artifact", "summary": "the file has a word", "detail": "", "tags": [], "relevance_to": ""}]})),
        Some(Role::Executor) => {
            let said = request.opening().iter().filter_map(|m| m.text.as_deref());
            let mut said = said.filter_map(|text| text.rsplit_once("Put the word "));
            let id = said
                .next_back()
                .and_then(|(_, rest)| rest.split(' ').next());
            let id = id.unwrap_or("nothing");
            let can = id != "three" || possible.load(Ordering::SeqCst);
            let own = format!("{id}.txt");
            match request.turn() {
                0 => Reply::call("read_file", &json!({"path": own})),
                1 if can => Reply::call(
                    "write_file",
                    &json!({"path": own, "content": format!("{id}\n")}),
                ),
                1 => Reply::call("read_file", &json!({"path": "one.txt"})),
                _ => Reply::text("Done."),
            }
        }
        _ => Reply::text("no"),
    };
    World::code_in(respond, Options::default(), None).await
}

fn settings() -> TaskSettings {
    let mut settings = TaskSettings {
        ladder: vec![loom_events::Rung::Planned],
        learning: false,
        ..TaskSettings::default()
    };
    settings.limits.plan_versions = 1;
    settings.limits.nudges = 0;
    settings.verification.tier = 1;
    settings.verification.final_gate = false;
    settings
}

fn again(point: Point, restore: bool) -> Again {
    Again {
        point,
        restore,
        settings: settings(),
    }
}

fn id(text: &str) -> SubtaskId {
    SubtaskId::new(text).unwrap()
}

/// The task that fails at its third step, in a world in which that has become possible.
async fn failed() -> (World, TaskId, Arc<AtomicU32>) {
    let (possible, planned) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let world = world_of_three(&possible, &planned).await;
    let mut new = world.task("write three files");
    new.settings = settings();
    let ended = world.run_task(new).await;
    assert_eq!(ended.view.status, TaskStatus::Failed);
    assert_eq!(
        ended.count("subtask_completed"),
        2,
        "{:?}",
        ended.view.reason
    );
    possible.store(true, Ordering::SeqCst);
    (world, ended.id, planned)
}

fn started(ended: &crate::world::Ended) -> Vec<String> {
    let started = ended.events().filter_map(|e| match e {
        Event::SubtaskStarted { subtask, .. } => Some(subtask.to_string()),
        _ => None,
    });
    started.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_completed_counts_and_the_rest_is_done_again_without_a_new_plan() {
    let (world, old, planned) = failed().await;
    let asked = planned.load(Ordering::SeqCst);
    let new = world
        .engine
        .again(old, again(Point::End, false))
        .await
        .unwrap();
    let ended = world.ended(new).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(started(&ended), ["three"]);
    assert_eq!(planned.load(Ordering::SeqCst), asked, "it was planned anew");
    assert_eq!(ended.view.continues.map(|(from, _)| from), Some(old));
    assert_eq!(ended.view.summary.clone().unwrap().verified.len(), 3);
    let noted = |view: &loom_engine::TaskView, step: &str| {
        let entries = view.memory.iter().map(|fact| &fact.entry);
        let of = |m: &&loom_events::MemoryEntry| m.subtask == Some(id(step));
        entries.filter(of).cloned().collect::<Vec<_>>()
    };
    let before = world.engine.reader().task(old).await.unwrap();
    for step in ["one", "two"] {
        assert!(!noted(&before, step).is_empty());
        assert_eq!(noted(&ended.view, step), noted(&before, step));
    }
    assert_eq!(world.read("three.txt").as_deref(), Some("three\n"));
    world.assert_replays(new).await;
    // It goes on from a continued task as from any other.
    let refused = world.engine.again(new, again(Point::End, false)).await;
    assert!(matches!(refused, Err(AgainError::NothingLeft(_))));
    let third = world
        .engine
        .again(new, again(Point::Subtask(id("three")), true))
        .await
        .unwrap();
    let ended = world.ended(third).await;
    assert_eq!(ended.view.status, TaskStatus::Completed);
    assert_eq!(started(&ended), ["three"]);
    world.assert_replays(third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_subtask_on_all_that_stands_on_it_is_done_again_and_files_only_on_request() {
    let (world, old, _) = failed().await;
    let before = (world.read("one.txt"), world.read("two.txt"));
    let missing = world
        .engine
        .again(old, again(Point::Subtask(id("four")), false))
        .await;
    assert!(missing.unwrap_err().to_string().contains("one, two, three"));

    world.write("two.txt", "mine\n");
    let conflict = world
        .engine
        .again(old, again(Point::Subtask(id("two")), true))
        .await;
    assert!(
        matches!(conflict, Err(AgainError::Conflicts(_))),
        "what the user wrote was taken"
    );
    assert_eq!(world.read("two.txt").as_deref(), Some("mine\n"));

    world.write("two.txt", "two\n");
    let new = world
        .engine
        .again(old, again(Point::Subtask(id("two")), true))
        .await
        .unwrap();
    let ended = world.ended(new).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(started(&ended), ["two", "three"]);
    let created = ended.events().any(|e| {
        matches!(e, Event::FileChanged { change, .. }
        if change.path == "two.txt" && change.before.is_none())
    });
    assert!(created, "the file was not taken away first");
    assert_eq!((world.read("one.txt"), world.read("two.txt")), before);
    world.assert_replays(new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_begins_at_every_event_of_another_one() {
    let (world, old, _) = failed().await;
    let records = world.engine.reader().records(old).await.unwrap();
    let last = records.last().unwrap().envelope.seq;
    let beyond = world
        .engine
        .again(old, again(Point::Event(Seq(last.0 + 1)), false))
        .await;
    assert!(matches!(beyond, Err(AgainError::NoEvent { .. })));
    for record in records.iter().step_by(7).chain(records.last()) {
        let at = record.envelope.seq;
        let done = records.iter().filter(|r| {
            r.envelope.seq <= at && matches!(r.envelope.event, Event::SubtaskCompleted { .. })
        });
        let done = done.count();
        let new = world
            .engine
            .again(old, again(Point::Event(at), false))
            .await
            .unwrap();
        let ended = world.ended(new).await;
        assert_eq!(
            ended.view.status,
            TaskStatus::Completed,
            "at {at}: {:?}",
            ended.view.reason
        );
        assert_eq!(ended.count("subtask_kept"), done, "at {at}");
        assert_eq!(started(&ended).len(), 3 - done, "at {at}");
        world.assert_replays(new).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn putting_back_to_an_event_takes_back_what_came_after_it() {
    let (world, old, _) = failed().await;
    let records = world.engine.reader().records(old).await.unwrap();
    let first = records
        .iter()
        .find(|r| matches!(r.envelope.event, Event::SubtaskCompleted { .. }));
    let at = first.unwrap().envelope.seq;
    let new = world
        .engine
        .again(old, again(Point::Event(at), true))
        .await
        .unwrap();
    let ended = world.ended(new).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    let created: Vec<_> = ended
        .events()
        .filter_map(|e| match e {
            Event::FileChanged { change, .. } if change.before.is_none() => {
                Some(change.path.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(created, ["two.txt", "three.txt"]);
}
