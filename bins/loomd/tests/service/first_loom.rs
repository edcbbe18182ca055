//! An agent that was written for the first Loom, in Python, against this one: its requests are those of
//! that one's guide, and only the token is new.

use crate::support::{ONE_STEP, Service, path_env, soon};
use loom_engine::Config;
use loom_events::Seq;
use reqwest::StatusCode;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Takes addresses of this machine, where the agent waits.
async fn service() -> Service {
    let mut config = Config::default();
    config.webhooks.allow_private = true;
    let webhooks = config.webhook_settings(&BTreeMap::new()).unwrap();
    Service::telling(ONE_STEP, |_| webhooks).await
}

async fn does(how: &str) {
    let service = service().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service/first_loom.py");
    let work = service.work();
    let mut command = Command::new("python3");
    command
        .arg(script)
        .args([how, work.to_str().unwrap()])
        .env_clear()
        .env("PATH", path_env())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("LOOM_URL", &service.url)
        .env("LOOM_TOKEN", service.tokens.owner())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    match soon(command.output()).await {
        Ok(ran) => {
            let out = String::from_utf8_lossy(&ran.stdout);
            let err = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{how}: {out}{err}");
            assert!(out.ends_with("done\n"), "{how}: {out}{err}");
        }
        Err(error) => {
            let said = format!("\nSKIPPED: an agent in Python cannot run here: {error}\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
        }
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_that_polls_runs_unchanged() {
    does("poll").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_that_streams_runs_unchanged() {
    does("stream").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_that_is_called_back_runs_unchanged() {
    does("webhook").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_that_talks_with_its_task_runs_unchanged() {
    does("talk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_named_in_two_ways_must_be_the_same_one() {
    let service = Service::new(ONE_STEP).await;
    let asked = json!({
        "goal": "write hello into out.txt",
        "workspace": service.work(),
        "approval_mode": "manual",
    });
    let (_, made) = service.post("/tasks", asked).await;
    let task = made["task_id"].as_str().unwrap().parse().unwrap();
    let view = service.until(task, |view| !view.questions.is_empty()).await;
    let question = view.questions[0].id;
    let path = format!("/tasks/{task}/approve");
    let no_such = Seq(question.0.0 + 1);
    for (body, code) in [
        (
            json!({"question": question, "subtask_id": "other"}),
            "not_waiting",
        ),
        (
            json!({"question": no_such, "subtask_id": "write-out"}),
            "not_waiting",
        ),
        (json!({"subtask_id": "other"}), "not_waiting"),
    ] {
        let (status, problem) = service.post(&path, body.clone()).await;
        assert_eq!(status, StatusCode::CONFLICT, "{body}: {problem}");
        assert_eq!(problem["error"], code, "{body}");
    }
    let words = json!({"feedback": "x", "subtask_id": "other"});
    let (status, problem) = service
        .post(&format!("/tasks/{task}/feedback"), words)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
    let speaker = json!({"message": "x", "role": "assistant"});
    let (status, problem) = service
        .post(&format!("/tasks/{task}/message"), speaker)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let both = json!({"question": question, "subtask_id": "write-out"});
    let (status, taken) = service.post(&path, both).await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    service.until(task, |view| view.status.is_final()).await;
    service.end().await;
}
