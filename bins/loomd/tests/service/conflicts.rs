//! What cannot be done says in which state the task is, and of two who answer one wins.

use crate::support::{ONE_STEP, Service, read};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_approvals_at_once_one_wins_and_the_other_is_told_so() {
    let service = Service::new(ONE_STEP).await;
    let task = service.waiting().await;
    let view = service.engine.reader().task(task).await.unwrap();
    let question = view.questions[0].id;
    let path = format!("/tasks/{task}/approve");
    let yes = || service.post(&path, json!({ "question": question }));
    let (first, second) = tokio::join!(yes(), yes());
    let mut statuses = [first.0.as_u16(), second.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", first.1, second.1);
    let lost = if first.0 == StatusCode::CONFLICT {
        first.1
    } else {
        second.1
    };
    assert!(
        ["not_waiting", "ended"].contains(&lost["error"].as_str().unwrap()),
        "{lost}"
    );
    assert_eq!(lost["task_id"], json!(task));
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ended_task_cannot_do_is_a_conflict_that_names_its_state() {
    let service = Service::new(ONE_STEP).await;
    let task = service.finished().await;
    let asked = |method: Method, path: String, body: Value| {
        read(service.request(method, &path).json(&body))
    };
    for (method, verb, body) in [
        (Method::PATCH, "", json!({"instruction": "x"})),
        (Method::DELETE, "", json!({})),
        (Method::POST, "/approve", json!({})),
        (Method::POST, "/reject", json!({"reason": "x"})),
        (
            Method::POST,
            "/answer",
            json!({"response": {"kind": "text", "text": "x"}}),
        ),
        (Method::POST, "/feedback", json!({"feedback": "x"})),
        (Method::POST, "/pause", json!({})),
        (Method::POST, "/resume", json!({})),
        (Method::PUT, "/plan", json!({"plan": {"subtasks": []}})),
        (Method::POST, "/retry", json!({})),
    ] {
        let (status, problem) = asked(method.clone(), format!("/tasks/{task}{verb}"), body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{method} {verb}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("completed"), "{method} {verb}: {detail}");
        assert_eq!(problem["task_id"], json!(task), "{method} {verb}");
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_running_task_cannot_do_is_a_conflict() {
    let service = Service::new(ONE_STEP).await;
    let task = service.waiting().await;
    for (verb, body) in [
        ("resume", json!({})),
        ("revert", json!({})),
        ("fork", json!({"at": 1, "restore": true})),
        ("approve", json!({"question": 1})),
        ("retry", json!({})),
    ] {
        let (status, problem) = service.post(&format!("/tasks/{task}/{verb}"), body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{verb}: {problem}");
    }
    let wrong = json!({"response": {"kind": "text", "text": "x"}});
    // Which answers a question takes is a matter of the task and not of the request.
    let (status, problem) = service.post(&format!("/tasks/{task}/answer"), wrong).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(problem["error"], "rejected");
    service.end().await;
}
