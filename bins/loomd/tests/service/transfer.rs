//! A task that goes from one data directory to another, in a file.

use crate::support::{ONE_STEP, Service, read, soon};
use loom_client::ClientError;
use loom_events::{SubtaskId, TaskId};
use loom_redact::Secret;
use loomd::Scope;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const KNOWN: &str = "k3Yk3Yk3Y-41";

async fn exported(playbook: &str) -> (Service, TaskId, Vec<u8>) {
    let playbook = playbook.replace("hello\\n", &format!("hello {KNOWN}\\n"));
    let service = Service::knowing(&playbook, [Secret::new("HOUSE_KEY", KNOWN)]).await;
    let task = service.finished().await;
    let file = service.client().export(task).await.unwrap();
    (service, task, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_task_is_all_that_it_was_but_for_secrets_and_nothing_goes_on_with_it() {
    let (there, task, file) = exported(ONE_STEP).await;
    assert!(!String::from_utf8_lossy(&file).contains(KNOWN));
    let here = Service::new(ONE_STEP).await;
    let imported = here.client().import(file.clone()).await.unwrap();
    assert_eq!(
        (imported.task_id, imported.status.name()),
        (task, "completed")
    );

    let (before, after) = (
        there.client().task(&task.to_string()).await.unwrap(),
        here.client().task(&task.to_string()).await.unwrap(),
    );
    assert_eq!(
        serde_json::to_value(&before.view).unwrap(),
        serde_json::to_value(&after.view).unwrap()
    );
    assert!(before.imported.is_none() && after.imported.is_some());
    let step = SubtaskId::new("write-out").unwrap();
    let (before, after) = (
        there.client().trace(task, &step).await.unwrap(),
        here.client().trace(task, &step).await.unwrap(),
    );
    assert_eq!(
        serde_json::to_value(&before).unwrap(),
        serde_json::to_value(&after).unwrap(),
        "prompts, answers and outputs came along"
    );
    let report = here.engine.reader().replay_check(task).await.unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    let again = here.client().export(task).await.unwrap();
    let lines = |file: &[u8]| {
        let text = String::from_utf8(file.to_vec()).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        // The first says when, and the last is the hash of all.
        lines[1..lines.len() - 1].to_vec()
    };
    assert_eq!(lines(&again), lines(&file), "exported again it is the same");

    for (method, path, body) in [
        (Method::GET, "diff", Value::Null),
        (Method::POST, "revert", json!({})),
        (Method::POST, "retry", json!({"subtask": "write-out"})),
        (Method::POST, "fork", json!({"at": 3})),
    ] {
        let asked = here.request(method, &format!("/tasks/{task}/{path}"));
        let asked = if body.is_null() {
            asked
        } else {
            asked.json(&body)
        };
        let (status, problem) = read(asked).await;
        assert_eq!(
            (status, &problem["error"]),
            (StatusCode::CONFLICT, &json!("imported")),
            "{path}"
        );
    }
    let file_there = here.work().join("out.txt");
    assert!(!file_there.exists(), "no file came along");
    here.engine.collect(true).await.unwrap();
    there.end().await;
    here.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_had_not_ended_is_not_taken_up() {
    let there = Service::new(ONE_STEP).await;
    let task = there.waiting().await;
    let file = there.client().export(task).await.unwrap();
    let here = Service::new(ONE_STEP).await;
    here.client().import(file).await.unwrap();
    assert_eq!(here.engine.recover().await.unwrap(), []);
    for path in ["resume", "approve", "pause"] {
        let (status, problem) = here.post(&format!("/tasks/{task}/{path}"), json!({})).await;
        assert_eq!(
            (status, &problem["error"]),
            (StatusCode::CONFLICT, &json!("imported")),
            "{path}"
        );
    }
    let shown = here.client().task(&task.to_string()).await.unwrap();
    assert!(!shown.running && shown.imported.is_some());
    there.end().await;
    here.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_is_never_replaced_and_what_was_changed_is_refused() {
    let (there, task, file) = exported(ONE_STEP).await;
    let refused = |error: ClientError| error.code().unwrap_or_default().to_owned();
    let error = there.client().import(file.clone()).await.unwrap_err();
    assert_eq!(refused(error), "exists");
    let here = Service::new(ONE_STEP).await;
    let mut changed = file.clone();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    let error = here.client().import(changed).await.unwrap_err();
    assert_eq!(refused(error), "export");
    let newer = String::from_utf8(file.clone()).unwrap();
    let newer = newer.replacen("\"loom_export\":1", "\"loom_export\":2", 1);
    let error = here.client().import(newer.into_bytes()).await.unwrap_err();
    assert_eq!(refused(error), "newer");
    assert!(here.engine.reader().row(task).await.unwrap().is_none());
    here.client().import(file.clone()).await.unwrap();
    let error = here.client().import(file.clone()).await.unwrap_err();
    assert_eq!(refused(error), "exists");

    // Not by an agent, and not as the JSON that everything else is.
    let asked = here.as_scope(Scope::Agent, Method::POST, "/import");
    let asked = asked.header("content-type", "application/x-ndjson");
    let answer = soon(asked.body(file.clone()).send()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let asked = here.request(Method::POST, "/import");
    let asked = asked.header("content-type", "application/json");
    let answer = soon(asked.body(file).send()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    there.end().await;
    here.end().await;
}
