//! What finished tasks taught, over HTTP.

use crate::support::{ONE_STEP, Service, read};
use loomd::Scope;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_is_shown_to_everybody_and_forgotten_by_its_owner_only() {
    let service = Service::new(ONE_STEP).await;
    let task = service.finished().await;
    while service.engine.is_running(task) {
        tokio::task::yield_now().await;
    }
    let shown = service.client().learning().await.unwrap();
    assert_eq!((shown.enabled, shown.attempts), (true, 1));
    assert_eq!(shown.records[0].passed, 1);
    assert!(
        shown.adjustments[0]
            .why
            .contains("(seen in 1 of 60 attempts)"),
        "{shown:?}"
    );
    let export = service.client().export_learning().await.unwrap();
    assert_eq!(export.lessons.len(), 3, "{export:?}");

    let asked = service.as_scope(Scope::Agent, Method::DELETE, "/learning");
    assert_eq!(read(asked).await.0, StatusCode::FORBIDDEN);
    assert_eq!(service.client().export_learning().await.unwrap(), export);
    let asked = service.as_scope(Scope::Owner, Method::DELETE, "/learning");
    assert_eq!(
        read(asked).await,
        (StatusCode::OK, json!({ "forgotten": 3 }))
    );
    let export = service.client().export_learning().await.unwrap();
    assert!(export.lessons.is_empty(), "{export:?}");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_human_says_of_a_task_that_has_ended_whether_it_is_right() {
    let service = Service::new(ONE_STEP).await;
    let task = service.finished().await;
    let path = format!("/tasks/{task}/rate");
    let right = json!({"right": true});
    let asked = service
        .as_scope(Scope::Agent, Method::POST, &path)
        .json(&right);
    assert_eq!(
        read(asked).await.0,
        StatusCode::FORBIDDEN,
        "an agent is no human"
    );
    let (status, taken) = service.post(&path, right.clone()).await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    assert_eq!(taken["message"], "what you say of 1 result is kept");
    let step = json!({"right": false, "subtasks": ["write-out"]});
    let (status, taken) = service.post(&path, step).await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    let rated = service.client().task(&task.to_string()).await.unwrap();
    let said: Vec<_> = rated
        .ratings
        .iter()
        .map(|one| (one.subtask.as_str(), one.right))
        .collect();
    assert_eq!(said, [("write-out", 0.0)], "what was said last");
    let other = json!({"right": false, "subtasks": ["other"]});
    let (status, problem) = service.post(&path, other).await;
    assert_eq!(
        (status, &problem["error"]),
        (StatusCode::CONFLICT, &json!("no_such_subtask"))
    );
    while service.engine.is_running(task) {
        tokio::task::yield_now().await;
    }
    let export = service.client().export_learning().await.unwrap();
    let turned = export.lessons.iter().find(|one| one.section == "turned");
    let turned = &turned.unwrap().value;
    let seen = ["results", "right", "wrong", "found"].map(|count| turned[count].as_f64().unwrap());
    // It fades a little between the words and the end of the reading.
    for (seen, expected) in seen.into_iter().zip([1.0, 0.0, 1.0, 0.0]) {
        assert!((seen - expected).abs() < 1e-3, "{turned}");
    }
    let waits = service.waiting().await;
    let (status, problem) = service.post(&format!("/tasks/{waits}/rate"), right).await;
    assert_eq!(
        (status, &problem["error"]),
        (StatusCode::CONFLICT, &json!("unfinished"))
    );
    service.end().await;
}
