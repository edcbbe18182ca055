//! What a restart must not change.

use crate::support::{ONE_STEP, Service, read, soon};
use loom_view::TaskStatus;
use loomd::Limits;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn begin(service: &Service, key: &str, goal: &str) -> (StatusCode, Value) {
    let body = json!({"goal": goal, "workspace": service.work()});
    let asked = service.request(Method::POST, "/tasks").json(&body);
    read(asked.header("idempotency-key", key)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_begins_one_task_also_after_a_restart() {
    let service = Service::new(ONE_STEP).await;
    let (first, second) = tokio::join!(begin(&service, "k", "goal"), begin(&service, "k", "goal"));
    assert_eq!(
        (first.0, second.0),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    assert_eq!(first.1["task_id"], second.1["task_id"]);
    let other = begin(&service, "k2", "goal").await;
    assert_ne!(other.1["task_id"], first.1["task_id"]);
    let ground = service.end().await;

    let service = Service::on(ground, Limits::default()).await;
    let again = begin(&service, "k", "goal").await;
    assert_eq!(again.0, StatusCode::CREATED);
    assert_eq!(again.1["task_id"], first.1["task_id"]);
    let (status, problem) = begin(&service, "k", "another goal").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert_eq!(problem["error"], "idempotency_key");
    assert_eq!(problem["task_id"], first.1["task_id"]);
    // A request that was refused has used up nothing.
    let refused = begin(&service, "k3", " ").await;
    assert_eq!(refused.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(begin(&service, "k3", "goal").await.0, StatusCode::CREATED);
    let (status, _) = begin(&service, "a key with spaces", "goal").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_tasks_are_taken_up_and_finished_by_the_next_service() {
    let service = Service::new(ONE_STEP).await;
    let task = service.waiting().await;
    let ground = service.end().await;
    let service = Service::on(ground, Limits::default()).await;
    let ready = async {
        while read(service.bare(Method::GET, "/ready")).await.0 != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    soon(ready).await;
    assert!(service.engine.is_running(task));
    let view = service.until(task, |view| !view.questions.is_empty()).await;
    let mut answered = Vec::new();
    let mut view = view;
    while !view.status.is_final() {
        for question in &view.questions {
            if !answered.contains(&question.id) {
                answered.push(question.id);
                let yes = json!({"question": question.id});
                let (status, said) = service.post(&format!("/tasks/{task}/approve"), yes).await;
                assert_eq!(status, StatusCode::OK, "{said}");
            }
        }
        let known = answered.clone();
        view = service
            .until(task, move |view| {
                view.status.is_final() || view.questions.iter().any(|q| !known.contains(&q.id))
            })
            .await;
    }
    assert_eq!(view.status, TaskStatus::Completed, "{:?}", view.reason);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_beyond_the_bound_are_not_taken() {
    let limits = Limits {
        tasks: 1,
        ..Limits::default()
    };
    let service = Service::with(ONE_STEP, limits).await;
    let task = service.waiting().await;
    let (status, problem) = service.post("/tasks", json!({"goal": "g"})).await;
    assert_eq!(
        (status, &problem["error"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("tasks"))
    );
    let ended = service.request(Method::DELETE, &format!("/tasks/{task}"));
    assert_eq!(read(ended).await.0, StatusCode::OK);
    service.until(task, |view| view.status.is_final()).await;
    let (status, _) = service.post("/tasks", json!({"goal": "g"})).await;
    assert_eq!(status, StatusCode::CREATED);
    service.end().await;
}
