//! What the tools do, and how they are described.

use crate::client::{Era, Human, Peer, call, structured, text};
use crate::fake::World;
use crate::lines::{lines, stdio};
use loom_client::wire::RateRequest;
use loom_events::{SubtaskId, TaskId};
use rmcp::model::{ClientRequest, Request};
use rmcp::service::PeerRequestOptions;
use serde_json::{Value, json};

const NAMES: [&str; 11] = [
    "loom_execute_task",
    "loom_task_status",
    "loom_wait",
    "loom_list_tasks",
    "loom_steer",
    "loom_answer",
    "loom_approve",
    "loom_cancel",
    "loom_diff",
    "loom_revert",
    "loom_task_events",
];

const READ_ONLY: [&str; 5] = [
    "loom_task_status",
    "loom_wait",
    "loom_list_tasks",
    "loom_diff",
    "loom_task_events",
];

/// Words of JSON Schema that some clients do not take.
fn unportable(schema: &Value) -> Option<String> {
    match schema {
        Value::Object(object) => object.iter().find_map(|(key, value)| {
            let bad = matches!(key.as_str(), "$ref" | "$defs" | "anyOf" | "oneOf" | "allOf")
                || (key == "type" && !value.is_string());
            if bad {
                Some(key.clone())
            } else {
                unportable(value)
            }
        }),
        Value::Array(items) => items.iter().find_map(unportable),
        _ => None,
    }
}

#[tokio::test]
async fn every_tool_says_what_it_takes_gives_and_does_in_words_that_every_client_takes() {
    let service = World::new().serve().await;
    for line in lines(&service, Human::Absent).await {
        let tools = line.session.list_all_tools().await.unwrap();
        let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, NAMES, "{}", line.name);
        for tool in tools {
            let name = &*tool.name;
            assert!(tool.title.is_some() && tool.description.is_some(), "{name}");
            let hints = tool.annotations.unwrap();
            assert_eq!(
                hints.read_only_hint,
                Some(READ_ONLY.contains(&name)),
                "{name}"
            );
            assert!(
                hints.destructive_hint.is_some() && hints.idempotent_hint.is_some(),
                "{name}"
            );
            assert!(hints.open_world_hint.is_some(), "{name}");
            for schema in [tool.input_schema, tool.output_schema.unwrap()] {
                let schema = Value::Object((*schema).clone());
                assert_eq!(schema["type"], "object", "{name}");
                assert_eq!(unportable(&schema), None, "{name}: {schema}");
            }
        }
    }
}

/// Names under which an agent would look for a way to say of its own work that it is right.
const RATING: [&str; 4] = [
    "loom_rate",
    "loom_rate_task",
    "loom_feedback",
    "loom_verify",
];

#[tokio::test]
async fn no_tool_says_of_an_agents_own_work_that_it_is_right() {
    let world = World::new();
    let service = world.serve().await;
    let begun = stdio(&service, Era::Handshake, Peer::new(Human::Absent), &[]).await;
    begun
        .call(call(
            "loom_execute_task",
            json!({"goal": "mend it", "workspace": "/tmp"}),
        ))
        .await;
    let task = world.until("task_created").await;
    world.complete(task);
    // What the API takes with a rating, whatever the tool were called.
    let fields = serde_json::to_value(RateRequest {
        right: true,
        subtasks: vec![SubtaskId::new("s1").unwrap()],
    });
    let fields = fields.unwrap();
    let fields: Vec<&String> = fields.as_object().unwrap().keys().collect();
    assert!(!fields.is_empty());
    for line in lines(&service, Human::Approves).await {
        let tools = line.session.list_all_tools().await.unwrap();
        assert!(!tools.is_empty(), "{}", line.name);
        for tool in &tools {
            let takes = tool.input_schema["properties"].as_object().unwrap();
            for field in &fields {
                assert!(!takes.contains_key(*field), "{} takes {field}", tool.name);
            }
            let said = tool.description.as_deref().unwrap_or_default();
            let name = format!("{} {}", tool.name, said).to_lowercase();
            let words: Vec<&str> = name.split(|c: char| !c.is_alphabetic()).collect();
            let rates = |word: &&str| matches!(*word, "rate" | "rates" | "rating" | "feedback");
            assert!(!words.iter().any(rates), "{name}");
        }
        for name in RATING {
            let told = json!({"task_id": task, "right": true});
            let refused = line.session.call_tool(call(name, told)).await;
            assert!(refused.is_err(), "{}: {name}: {refused:?}", line.name);
        }
    }
}

#[tokio::test]
async fn a_task_is_begun_and_its_id_comes_back_at_once() {
    let world = World::new();
    let service = world.serve().await;
    for line in lines(&service, Human::Absent).await {
        let goal = json!({"goal": "mend it", "workspace": "/tmp", "key": line.name});
        let first = structured(&line.call(call("loom_execute_task", goal.clone())).await);
        assert_eq!(first["finished"], false, "{}", line.name);
        // A call that was lost is made again, and is the same task.
        let again = structured(&line.call(call("loom_execute_task", goal)).await);
        assert_eq!(again["task_id"], first["task_id"], "{}", line.name);
    }
    let tasks = world.tasks();
    assert_eq!(tasks.len(), 4);
    assert!(tasks.iter().all(|task| world.goal(*task) == "mend it"));
}

#[tokio::test]
async fn waiting_tells_how_it_goes_and_ends_with_the_task() {
    for nth in 0..4 {
        let world = World::new();
        let service = world.serve().await;
        let line = lines(&service, Human::Absent).await.remove(nth);
        let peer = line.peer.clone();
        let goal = json!({"goal": "mend it", "wait": true});
        let waits = line.call(call("loom_execute_task", goal));
        let work = async {
            let task = world.until("task_created").await;
            let told = peer.progress(1).await;
            assert!(
                told[0]
                    .message
                    .as_ref()
                    .unwrap()
                    .starts_with(&task.to_string())
            );
            world.add(
                task,
                loom_events::Event::SteerInstruction {
                    text: "hurry".to_owned(),
                },
            );
            world.complete(task);
        };
        let (result, ()) = tokio::join!(waits, work);
        let shown = structured(&result);
        assert_eq!(shown["status"], "completed", "{}", line.name);
        assert_eq!(shown["finished"], true);
        assert!(text(&result).contains("completed"));
        let links: Vec<String> = result
            .content
            .iter()
            .filter_map(|block| {
                Some(
                    serde_json::to_value(block).unwrap()["uri"]
                        .as_str()?
                        .to_owned(),
                )
            })
            .collect();
        assert_eq!(
            links,
            [
                shown["diff"].as_str().unwrap(),
                shown["log"].as_str().unwrap()
            ]
        );
        let told = peer.progress(1).await;
        assert!(
            told.is_sorted_by(|a, b| a.progress < b.progress),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_cancelled_call_leaves_its_task_alone_unless_it_was_to_go_with_it() {
    for (on_cancel, ends) in [("detach", false), ("cancel", true)] {
        for nth in 0..4 {
            let world = World::new();
            let service = world.serve().await;
            let line = lines(&service, Human::Absent).await.remove(nth);
            let goal = json!({"goal": "mend it", "wait": true, "on_cancel": on_cancel});
            let request =
                ClientRequest::CallToolRequest(Request::new(call("loom_execute_task", goal)));
            let handle = line
                .session
                .send_cancellable_request(request, PeerRequestOptions::no_options())
                .await
                .unwrap();
            let task = world.until("task_created").await;
            line.peer.progress(1).await;
            handle.cancel(None).await.unwrap();
            if ends {
                assert_eq!(world.until("task_cancelled").await, task, "{}", line.name);
                continue;
            }
            // Whatever the cancellation does is done before the next call is answered by the task
            // itself, which goes on.
            world.complete(task);
            let id = task.to_string();
            let shown = structured(&line.call(call("loom_wait", json!({"task": id}))).await);
            assert_eq!(shown["status"], "completed", "{}", line.name);
            assert!(!world.names(task).contains(&"task_cancelled"));
        }
    }
}

#[tokio::test]
async fn the_other_tools_do_what_they_say() {
    let world = World::new();
    let service = world.serve().await;
    let line = stdio(&service, Era::Stateless, Peer::new(Human::Absent), &[]).await;
    let begun = structured(
        &line
            .call(call("loom_execute_task", json!({"goal": "mend it"})))
            .await,
    );
    let id = begun["task_id"].as_str().unwrap().to_owned();
    let task: TaskId = id.parse().unwrap();
    let short = &id[id.len() - 6..];

    let listed = structured(&line.call(call("loom_list_tasks", json!({}))).await);
    assert_eq!(listed["tasks"][0]["task_id"], id.as_str());
    let shown = structured(
        &line
            .call(call("loom_task_status", json!({"task": short})))
            .await,
    );
    assert_eq!(shown["goal"], "mend it");
    let steered = json!({"task": id, "instruction": "use git mv"});
    structured(&line.call(call("loom_steer", steered)).await);
    let events = structured(
        &line
            .call(call("loom_task_events", json!({"task": id, "after": 1})))
            .await,
    );
    assert_eq!(
        events["events"][0]["text"], "an instruction: use git mv",
        "{events}"
    );
    assert_eq!(events["next_after"], 2);
    let diff = structured(&line.call(call("loom_diff", json!({"task": id}))).await);
    assert!(diff["patch"].as_str().unwrap().contains("+b"), "{diff}");
    let reverted = json!({"task": id, "path": "a.txt", "dry_run": true});
    let reverted = structured(&line.call(call("loom_revert", reverted)).await);
    assert_eq!(reverted["dry_run"], true);
    structured(
        &line
            .call(call("loom_cancel", json!({"task": id, "reason": "enough"})))
            .await,
    );
    assert_eq!(*world.names(task).last().unwrap(), "task_cancelled");
    // A second time it stays as it is, and says so.
    let again = structured(&line.call(call("loom_cancel", json!({"task": id}))).await);
    assert_eq!(again["status"], "cancelled");
    assert_eq!(
        world
            .names(task)
            .iter()
            .filter(|name| **name == "task_cancelled")
            .count(),
        1
    );
}

#[tokio::test]
async fn a_wrong_call_is_explained_to_the_model_that_made_it() {
    let world = World::new();
    let service = world.serve().await;
    let line = stdio(&service, Era::Handshake, Peer::new(Human::Absent), &[]).await;
    for (tool, arguments, said) in [
        ("loom_execute_task", json!({}), "goal"),
        (
            "loom_execute_task",
            json!({"goal": "x", "workdir": "/"}),
            "workdir",
        ),
        ("loom_execute_task", json!({"goal": ""}), "invalid"),
        ("loom_task_status", json!({"task": "ffff"}), "not_found"),
        (
            "loom_task_status",
            json!({"task": "../models"}),
            "not the id of a task",
        ),
        (
            "loom_revert",
            json!({"task": "1", "path": "a", "entry": 3}),
            "at most one",
        ),
    ] {
        let result = line.call(call(tool, arguments.clone())).await;
        assert_eq!(result.is_error, Some(true), "{tool} {arguments}");
        assert!(
            text(&result).contains(said),
            "{tool} {arguments}: {}",
            text(&result)
        );
    }
    let unknown = line
        .session
        .call_tool(call("loom_rm", json!({})))
        .await
        .unwrap_err();
    assert!(unknown.to_string().contains("loom_rm"), "{unknown}");
}
