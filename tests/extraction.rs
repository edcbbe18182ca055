//! Writing down what a step found out: beside the work, and never at its cost.

use crate::world::{Ended, World};
use loom_engine::TaskStatus;
use loom_events::{Event, MemoryKind, SubtaskId};
use loom_router::{Deadlines, ModelEntry};
use loom_sim::{Fault, Options, Refused, Reply, Request, Role, SimServer};
use loom_state::MemoryQuery;
use serde_json::json;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Longer than a busy machine takes, and shorter than a test hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two steps that need nothing of each other, and an extractor that does as it is told.
async fn world_of_two(extractor: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> World {
    world_with(|_| {}, extractor).await
}

async fn world_with(
    began: impl Fn(&str) + Send + Sync + 'static,
    extractor: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> World {
    let step = |id: &str| {
        json!({"id": id, "title": format!("Write {id}.txt"),
            "description": format!("Put the word {id} into {id}.txt."),
            "criteria": [format!("{id}.txt says {id}.")],
            "checks": [{"kind": "file_contains", "path": format!("{id}.txt"), "regex": id}]})
    };
    let plan = json!({"subtasks": [step("one"), step("two")]});
    let respond = move |request: &Request| match request.role {
        Some(Role::Planner | Role::Replanner) => Reply::json(&plan),
        Some(Role::Extractor) => extractor(request),
        Some(Role::Executor) => {
            let said = request.opening().iter().filter_map(|m| m.text.as_deref());
            let mut said = said.filter_map(|text| text.rsplit_once("Put the word "));
            let id = said
                .next_back()
                .and_then(|(_, rest)| rest.split(' ').next());
            let id = id.unwrap_or("nothing");
            began(id);
            match request.turn() {
                0 => Reply::call(
                    "write_file",
                    &json!({"path": format!("{id}.txt"), "content": format!("{id}\n")}),
                ),
                _ => Reply::text("Done."),
            }
        }
        _ => Reply::text("no"),
    };
    let server = SimServer::with_responder(respond, Options::default())
        .await
        .unwrap();
    let mut entry = ModelEntry::new("sim", server.url());
    entry.context_length = Some(32_768);
    // A second call may run beside the first, as where the utility model is another one.
    entry.max_concurrency = 2;
    entry.deadlines = Deadlines {
        connect: PATIENCE,
        first_token: PATIENCE,
        stall: PATIENCE,
        total: PATIENCE,
    };
    World::with_entry(server, entry).await
}

/// Only the checks decide: the simulated model is no judge.
async fn run(world: &World) -> Ended {
    let mut new = world.task("write two files");
    new.settings.verification.tier = 1;
    new.settings.verification.final_gate = false;
    world.run_task(new).await
}

/// The end of every extraction: its step, and whether code had to do it.
fn extractions(ended: &Ended) -> Vec<(String, bool)> {
    let found = ended.events().filter_map(|event| match event {
        Event::ExtractionFinished {
            subtask, fallback, ..
        } => Some((subtask.to_string(), *fallback)),
        _ => None,
    });
    found.collect()
}

async fn noted(world: &World, ended: &Ended) -> Vec<(MemoryKind, Option<SubtaskId>, String)> {
    let query = MemoryQuery {
        task: Some(ended.id),
        ..MemoryQuery::default()
    };
    let rows = world.engine.reader().search_memory(query).await.unwrap();
    let rows = rows.into_iter().rev().map(|row| row.entry);
    rows.map(|entry| (entry.kind, entry.subtask, entry.summary))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_next_step_works_while_the_extractor_of_the_one_before_still_thinks() {
    // The extractor of the first step answers once the second step is at work, and no sooner.
    let (at_work, seen): (Sender<()>, Receiver<()>) = channel();
    let (at_work, seen) = (Mutex::new(at_work), Mutex::new(seen));
    let world = world_with(
        move |id| {
            if id == "two" {
                at_work.lock().unwrap().send(()).ok();
            }
        },
        move |request| {
            let text = request.opening().iter().filter_map(|m| m.text.as_deref());
            let of_one = text
                .into_iter()
                .any(|text| text.contains("Put the word one"));
            let waited = match of_one {
                true => seen.lock().unwrap().recv_timeout(PATIENCE).is_ok(),
                false => true,
            };
            let summary = if waited {
                "noted beside the work"
            } else {
                "held up the work"
            };
            Reply::json(&json!({"summary": summary, "entries": []}))
        },
    )
    .await;
    let ended = run(&world).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    let mut done = extractions(&ended);
    done.sort();
    assert_eq!(done, [("one".to_owned(), false), ("two".to_owned(), false)]);
    let summaries: Vec<_> = ended
        .view
        .subtasks
        .iter()
        .map(|s| s.summary.as_str())
        .collect();
    assert_eq!(summaries, ["noted beside the work"; 2]);
    world.assert_replays(ended.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extractor_that_answers_rubbish_fails_no_step_and_code_notes_the_files() {
    let rubbish = [
        "no JSON at all",
        "{\"entries\": [",
        "{\"entries\": 7}",
        "[]",
        "{\"summary\": \"s\", \"entries\": [{\"type\": \"fun\", \"summary\": \"s\"}]}",
        "",
    ];
    for text in rubbish {
        let world = world_of_two(move |_| Reply::text(text)).await;
        let ended = run(&world).await;
        assert_eq!(
            ended.view.status,
            TaskStatus::Completed,
            "{text}: {:?}",
            ended.view.reason
        );
        let done = extractions(&ended);
        assert_eq!(
            done,
            [("one".to_owned(), true), ("two".to_owned(), true)],
            "{text}"
        );
        let file = |id: &str| {
            let step = SubtaskId::new(id).ok();
            (MemoryKind::Artifact, step, format!("changed {id}.txt"))
        };
        assert_eq!(
            noted(&world, &ended).await,
            [file("one"), file("two")],
            "{text}"
        );
        world.assert_replays(ended.id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extractor_whose_server_fails_costs_no_step_either() {
    let world = world_of_two(|_| {
        let mut reply = Reply::text("x");
        reply.fault = Some(Fault::Http(Refused {
            status: 400,
            message: None,
            retry_after: None,
        }));
        reply
    })
    .await;
    let ended = run(&world).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert!(extractions(&ended).iter().all(|(_, by_code)| *by_code));
    assert_eq!(noted(&world, &ended).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_noted_twice_is_one_fact_and_what_differs_is_shown_with_dates() {
    let says = |request: &Request| {
        let text = request.opening().iter().filter_map(|m| m.text.as_deref());
        let of_one = text
            .into_iter()
            .any(|text| text.contains("Put the word one"));
        let port = if of_one {
            "the port is 80"
        } else {
            "The port is 81."
        };
        Reply::json(&json!({"summary": "done", "entries": [
            {"type": "discovery", "summary": "words are put into files"},
            {"type": "discovery", "summary": port},
            {"type": "discovery", "summary": "Words are put into `files`."},
        ]}))
    };
    let world = world_of_two(says).await;
    let ended = run(&world).await;
    assert_eq!(ended.count("memory_entry_created"), 6);
    let query = MemoryQuery {
        task: Some(ended.id),
        text: Some("port 81 words".to_owned()),
        ..MemoryQuery::default()
    };
    let rows = world.engine.reader().search_memory(query).await.unwrap();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.entry.summary.as_str(), row.seen, row.about.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            ("the port is 80", 1, true),
            ("The port is 81.", 1, true),
            ("words are put into files", 4, false),
        ]
    );
    assert_eq!(ended.view.memory.len(), 3);
    world.assert_replays(ended.id).await;
}
