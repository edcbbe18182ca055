//! The tasks extension, where the client knows it.

use crate::client::{Era, Human, Peer, call, structured};
use crate::fake::World;
use crate::lines::{Line, http, stdio};
use rmcp::model::{
    CallToolResponse, CancelTaskParams, GetTaskParams, TaskPayload, TaskStatus, UpdateTaskParams,
};
use serde_json::json;
use std::collections::BTreeMap;

fn peer(human: Human) -> Peer {
    Peer {
        tasks: true,
        ..Peer::new(human)
    }
}

async fn begin(line: &Line) -> String {
    let goal = json!({"goal": "mend it", "wait": true});
    match line
        .session
        .call_tool_once(call("loom_execute_task", goal))
        .await
        .unwrap()
    {
        CallToolResponse::Task(created) => {
            assert_eq!(created.task.status, TaskStatus::Working);
            created.task.task_id
        }
        other => panic!("{}: no handle but {other:?}", line.name),
    }
}

async fn payload(line: &Line, id: &str) -> TaskPayload {
    line.session
        .get_task(GetTaskParams::new(id))
        .await
        .unwrap()
        .task
        .payload
}

#[tokio::test]
async fn a_handle_is_the_id_of_the_task_and_outlives_the_server() {
    let world = World::new();
    let service = world.serve().await;
    let first = stdio(&service, Era::Stateless, peer(Human::Absent), &[]).await;
    let id = begin(&first).await;
    assert_eq!(id, world.tasks()[0].to_string());
    assert_eq!(payload(&first, &id).await, TaskPayload::Working);
    drop(first);
    for line in [
        stdio(&service, Era::Stateless, peer(Human::Absent), &[]).await,
        http(&service, Era::Stateless, peer(Human::Absent)).await,
    ] {
        assert_eq!(
            payload(&line, &id).await,
            TaskPayload::Working,
            "{}",
            line.name
        );
    }
    world.complete(id.parse().unwrap());
    let line = http(&service, Era::Stateless, peer(Human::Absent)).await;
    let TaskPayload::Completed { result } = payload(&line, &id).await else {
        panic!("it has completed");
    };
    assert_eq!(result["structuredContent"]["status"], "completed");
    assert_eq!(result["isError"], false);
}

#[tokio::test]
async fn a_question_is_an_input_that_is_required_and_only_a_clear_yes_grants() {
    let world = World::new();
    let service = world.serve().await;
    let line = http(&service, Era::Stateless, peer(Human::Approves)).await;
    let id = begin(&line).await;
    let task = id.parse().unwrap();
    let question = world.ask(task);
    let key = format!("question-{question}");
    let TaskPayload::InputRequired { input_requests } = payload(&line, &id).await else {
        panic!("a question waits");
    };
    assert_eq!(input_requests.keys().collect::<Vec<_>>(), [&key]);
    for (input, last) in [
        (json!({"action": "decline"}), "approval_requested"),
        (
            json!({"action": "accept", "content": {"decision": "decide_later"}}),
            "approval_requested",
        ),
        (json!("approve"), "approval_requested"),
        (
            json!({"action": "accept", "content": {"decision": "approve"}}),
            "approval_granted",
        ),
        // Again: it does not wait any more, and that is no error.
        (
            json!({"action": "accept", "content": {"decision": "approve"}}),
            "approval_granted",
        ),
    ] {
        let answers = BTreeMap::from([(key.clone(), input)]);
        line.session
            .update_task(UpdateTaskParams::new(&id, answers))
            .await
            .unwrap();
        assert_eq!(*world.names(task).last().unwrap(), last);
    }
    assert_eq!(payload(&line, &id).await, TaskPayload::Working);
}

#[tokio::test]
async fn a_client_that_cannot_ask_is_given_the_question_for_its_model() {
    let world = World::new();
    let service = world.serve().await;
    let line = stdio(&service, Era::Stateless, peer(Human::Absent), &[]).await;
    let id = begin(&line).await;
    world.ask(id.parse().unwrap());
    let TaskPayload::Completed { result } = payload(&line, &id).await else {
        panic!("it would poll for ever");
    };
    assert_eq!(result["structuredContent"]["status"], "waiting_approval");
}

#[tokio::test]
async fn cancelling_is_asked_for_as_often_as_one_likes() {
    let world = World::new();
    let service = world.serve().await;
    let line = stdio(&service, Era::Stateless, peer(Human::Absent), &[]).await;
    let id = begin(&line).await;
    for _ in 0..2 {
        line.session
            .cancel_task(CancelTaskParams::new(&id))
            .await
            .unwrap();
        assert_eq!(payload(&line, &id).await, TaskPayload::Cancelled);
    }
    assert_eq!(
        world.names(id.parse().unwrap()),
        ["task_created", "task_cancelled"]
    );
    let unknown = line
        .session
        .get_task(GetTaskParams::new("ffff"))
        .await
        .unwrap_err();
    assert!(unknown.to_string().contains("-32602"), "{unknown}");
}

#[tokio::test]
async fn an_older_client_is_never_given_a_handle_whatever_it_declares() {
    let world = World::new();
    let service = world.serve().await;
    let line = stdio(&service, Era::Handshake, peer(Human::Absent), &[]).await;
    let goal = json!({"goal": "mend it", "wait": true});
    let waits = line.call(call("loom_execute_task", goal));
    let work = async {
        let task = world.until("task_created").await;
        world.complete(task);
    };
    let (result, ()) = tokio::join!(waits, work);
    assert_eq!(structured(&result)["status"], "completed");
}
