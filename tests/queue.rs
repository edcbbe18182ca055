//! Several tasks: how many run, who waits for whom, and that a directory has one writer.

use crate::world::World;
use loom_engine::{Feed, TaskStatus};
use loom_events::{Command, Event, NewTask, Seq, TaskId};
use loom_sim::{Options, Reply, Request, Role};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The file that the goal names.
fn file(request: &Request) -> String {
    let said = request.messages.iter().filter_map(|m| m.text.as_deref());
    let said = said.filter_map(|text| text.split_once("word into "));
    let name = said.map(|(_, rest)| rest.split(".txt").next()).next();
    format!("{}.txt", name.flatten().unwrap_or("nothing"))
}

/// Tasks that write a file. While the gate is shut they look around, and come to no end.
fn world_behind(gate: Arc<AtomicBool>) -> impl std::future::Future<Output = World> {
    let respond = move |request: &Request| match request.role {
        Some(Role::Planner) => Reply::json(&json!({"subtasks": [{
            "id": "write", "title": "Write it",
            "description": "Put a word there.",
            "criteria": ["It has a word."],
            "checks": [{"kind": "file_contains", "path": file(request), "regex": "word"}]}]})),
        Some(Role::Executor) if !gate.load(Ordering::SeqCst) => {
            let path = format!("nothing-{}.txt", request.turn());
            Reply::call("read_file", &json!({"path": path}))
        }
        Some(Role::Executor) if !request.past_calls().any(|c| c.name == "write_file") => {
            Reply::call(
                "write_file",
                &json!({"path": file(request), "content": "word\n"}),
            )
        }
        Some(Role::Executor) => Reply::text("It has a word."),
        Some(Role::Extractor) => Reply::json(&json!({"summary": "wrote", "entries": []})),
        _ => Reply::text("no"),
    };
    World::code_in(respond, Options::default(), None)
}

fn task_in(world: &World, dir: &str) -> NewTask {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let file = FILES.fetch_add(1, Ordering::SeqCst);
    let path = world.home.path().join(dir);
    std::fs::create_dir_all(&path).unwrap();
    let mut new = world.task(&format!("write a word into file-{file}.txt"));
    new.workspace = Some(path.to_string_lossy().into_owned());
    new.settings.verification.tier = 1;
    new.settings.verification.final_gate = false;
    new.settings.limits.turns_per_attempt = 100_000;
    new.settings.limits.tokens = u64::MAX;
    new
}

async fn status(world: &World, task: TaskId) -> (TaskStatus, Option<TaskId>) {
    let view = world.engine.reader().task(task).await.unwrap();
    (view.status, view.behind)
}

async fn until(world: &World, task: TaskId, name: &str) {
    until_after(world, task, Seq::ZERO, name).await;
}

async fn until_after(world: &World, task: TaskId, after: Seq, name: &str) {
    let mut feed = world.engine.follow(task, after);
    while let Some(Ok(item)) = futures_util::StreamExt::next(&mut feed).await {
        if let Feed::Record(record) = item
            && record.envelope.event.name() == name
        {
            return;
        }
    }
    panic!("{name} never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_task_of_a_directory_waits_says_for_whom_and_then_runs() {
    let gate = Arc::new(AtomicBool::new(false));
    let world = world_behind(Arc::clone(&gate)).await;
    let first = world.engine.submit(task_in(&world, "a")).await.unwrap();
    until(&world, first, "task_planning").await;
    // Taken at once, though it will not run for long.
    let second = world
        .engine
        .submit(task_in(&world, "a/inner"))
        .await
        .unwrap();
    let other = world.engine.submit(task_in(&world, "b")).await.unwrap();
    until(&world, second, "task_queued").await;
    assert_eq!(
        status(&world, second).await,
        (TaskStatus::Queued, Some(first))
    );
    let row = world.engine.reader().row(second).await.unwrap().unwrap();
    assert_eq!(row.status.name(), "queued");
    until(&world, other, "task_planning").await;
    gate.store(true, Ordering::SeqCst);
    let mut began = Vec::new();
    for task in [first, second, other] {
        let ended = world.ended(task).await;
        assert_eq!(
            ended.view.status,
            TaskStatus::Completed,
            "{:?}",
            ended.view.reason
        );
        assert_eq!(ended.view.behind, None);
        world.assert_replays(task).await;
        began.push(ended);
    }
    let last = began[0].records.last().unwrap().id;
    let taken_up = began[1]
        .records
        .iter()
        .find(|r| matches!(r.envelope.event, Event::RunnerStarted { .. }));
    assert!(
        taken_up.unwrap().id > last,
        "it began before the other had ended"
    );
    assert_eq!(
        began[2].count("task_queued"),
        0,
        "another directory had to wait"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_waits_can_be_cancelled_and_the_next_one_moves_up() {
    let gate = Arc::new(AtomicBool::new(false));
    let world = world_behind(Arc::clone(&gate)).await;
    let first = world.engine.submit(task_in(&world, "a")).await.unwrap();
    let second = world.engine.submit(task_in(&world, "a")).await.unwrap();
    let third = world.engine.submit(task_in(&world, "a")).await.unwrap();
    let reason = "not needed".to_owned();
    world
        .engine
        .command(second, Command::Cancel { reason })
        .await
        .unwrap();
    let ended = world.ended(second).await;
    assert_eq!(ended.view.status, TaskStatus::Cancelled);
    assert_eq!(ended.count("task_planning"), 0, "it had begun");
    world.assert_replays(second).await;
    gate.store(true, Ordering::SeqCst);
    for task in [first, third] {
        assert_eq!(world.ended(task).await.view.status, TaskStatus::Completed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limit_the_first_come_is_the_first_served() {
    let gate = Arc::new(AtomicBool::new(false));
    let world = world_behind(Arc::clone(&gate)).await;
    let mut tasks = Vec::new();
    for n in 0..6 {
        let dir = format!("dir-{n}");
        tasks.push(world.engine.submit(task_in(&world, &dir)).await.unwrap());
    }
    let mut waiting = Vec::new();
    for task in &tasks {
        waiting.push(status(&world, *task).await.0 == TaskStatus::Queued);
    }
    // Four at once is the default.
    assert_eq!(waiting, [false, false, false, false, true, true]);
    gate.store(true, Ordering::SeqCst);
    for task in tasks {
        assert_eq!(world.ended(task).await.view.status, TaskStatus::Completed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_death_those_that_waited_wait_again() {
    let gate = Arc::new(AtomicBool::new(false));
    let mut world = world_behind(Arc::clone(&gate)).await;
    let first = world.engine.submit(task_in(&world, "a")).await.unwrap();
    let second = world.engine.submit(task_in(&world, "a")).await.unwrap();
    let before = world.engine.reader().task(second).await.unwrap().last_seq;
    world.crash_and_recover().await;
    until_after(&world, second, before, "task_queued").await;
    assert_eq!(
        status(&world, second).await,
        (TaskStatus::Queued, Some(first))
    );
    gate.store(true, Ordering::SeqCst);
    for task in [first, second] {
        let ended = world.ended(task).await;
        assert_eq!(
            ended.view.status,
            TaskStatus::Completed,
            "{:?}",
            ended.view.reason
        );
        world.assert_replays(task).await;
    }
}
