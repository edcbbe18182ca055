//! What the API says has no secrets in it, and what Loom acts on is exact all the same.

use crate::support::{PATIENCE, Service, read, soon};
use loom_client::wire::{Approval, NewTaskRequest};
use loom_events::TaskId;
use loom_redact::Secret;
use loom_view::SubtaskView;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A value that is known, and one that a model made up and that looks like a token.
const KNOWN: &str = "k3Yk3Yk3Y-41";
/// In two pieces, so that nobody takes this file for a leak.
const TOKEN: &str = concat!("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a");

/// A model that has a token in its plan, its words and its call.
const TALKS: &str = r#"
name: a model with a token
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: write-out
        title: Write out.txt
        description: Write the token TOKEN into out.txt.
        criteria: ["out.txt has the token."]
        checks: [{kind: file_contains, path: out.txt, regex: TOKEN}]
- when: {role: executor, subtask: write-out, not_called: write_file}
  reply: {text: "I write TOKEN, as asked.", calls: [{name: write_file, arguments: {path: out.txt, content: "TOKEN k3Yk3Yk3Y-41\n"}}]}
- when: {role: executor}
  reply: {text: "out.txt has TOKEN now."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: out.txt has the token, verdict: met, quote: out.txt, why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: out.txt, why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: out.txt, why: only added}
- when: {role: extractor}
  reply: {json: {summary: wrote out.txt, entries: [{type: discovery, summary: the token is TOKEN, detail: in out.txt, tags: [token], relevance_to: tokens}]}}
"#;

/// A model that wants to run a command which is asked about.
const ASKS: &str = r#"
name: a model that pushes
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: push
        title: Push it
        description: Push the branch.
        criteria: ["It is pushed."]
        checks: [{kind: file_absent, path: nothing.txt}]
- when: {role: executor, subtask: push, not_called: shell_execute}
  reply: {calls: [{name: shell_execute, arguments: {command: "git push --force https://x:TOKEN@localhost/r main # k3Yk3Yk3Y-41"}}]}
- when: {role: executor}
  reply: {text: "Done."}
"#;

async fn knowing(playbook: &str) -> Service {
    let playbook = playbook.replace("TOKEN", TOKEN);
    Service::knowing(&playbook, [Secret::new("HOUSE_KEY", KNOWN)]).await
}

async fn text(service: &Service, path: &str) -> String {
    let sent = service.request(Method::GET, path).send();
    let response = soon(sent).await.unwrap();
    assert!(
        response.status().is_success(),
        "{path}: {}",
        response.status()
    );
    soon(response.text()).await.unwrap()
}

async fn ended(service: &Service, request: &NewTaskRequest) -> TaskId {
    let task = service.submit(request).await.task_id;
    let view = service.until(task, |view| view.status.is_final()).await;
    assert_eq!(view.status.name(), "completed", "{:?}", view.reason);
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_and_no_stream_says_a_secret_and_the_work_is_exact() {
    let service = knowing(TALKS).await;
    let request = NewTaskRequest {
        metadata: Some(json!({"auth": TOKEN, "ticket": KNOWN})),
        ..service.new_task("write a token into out.txt")
    };
    let task = ended(&service, &request).await;
    let written = std::fs::read_to_string(service.work().join("out.txt")).unwrap();
    assert_eq!(written, format!("{TOKEN} {KNOWN}\n"), "files are exact");
    let records = service.engine.reader().records(task).await.unwrap();
    let journal = serde_json::to_string(&records).unwrap();
    assert!(
        journal.contains(TOKEN),
        "what is acted on is exact, or this test tests nothing"
    );

    for path in [
        "",
        "/events?limit=1000",
        "/events?format=ndjson",
        "/stream",
        "/subtasks",
        "/subtasks/write-out",
        "/subtasks/write-out/trace",
        "/memory",
        "/files",
        "/changes",
    ] {
        let said = text(&service, &format!("/tasks/{task}{path}")).await;
        assert!(
            !said.contains(TOKEN) && !said.contains(KNOWN),
            "{path}: {said}"
        );
    }
    let said = text(&service, "/tasks").await;
    assert!(!said.contains(TOKEN) && !said.contains(KNOWN), "{said}");
    let trace = text(&service, &format!("/tasks/{task}/subtasks/write-out/trace")).await;
    let trace: Value = serde_json::from_str(&trace).unwrap();
    let call = &trace["attempts"][0]["turns"][0]["calls"][0]["call"];
    let shown =
        json!({"path": "out.txt", "content": "[redacted: github-token] [redacted: HOUSE_KEY]\n"});
    assert_eq!(call["arguments"], shown);
    let diff = text(&service, &format!("/tasks/{task}/diff")).await;
    assert!(diff.contains(TOKEN), "a patch can be applied: {diff}");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_writes_is_without_secrets_while_it_is_written() {
    let service = knowing(TALKS).await;
    let open = service
        .request(Method::GET, "/events/stream?after=0")
        .send();
    let mut all = soon(open).await.unwrap();
    let request = NewTaskRequest {
        approval_mode: Some(Approval::Manual),
        ..service.new_task("write a token into out.txt")
    };
    let task = service.submit(&request).await.task_id;
    let open = service.request(Method::GET, &format!("/tasks/{task}/stream"));
    let mut stream = soon(open.send()).await.unwrap();
    let mut said = String::new();
    let read = async {
        while !said.contains("approval_requested") {
            let piece = stream.chunk().await.unwrap().expect("it goes on");
            said.push_str(&String::from_utf8_lossy(&piece));
        }
        let mut of_all = String::new();
        while !of_all.contains("approval_requested") {
            let piece = all.chunk().await.unwrap().expect("it goes on");
            of_all.push_str(&String::from_utf8_lossy(&piece));
        }
        of_all
    };
    let of_all = tokio::time::timeout(PATIENCE, read).await.unwrap();
    for said in [&said, &of_all] {
        assert!(said.contains("write_file"), "{said}");
        assert!(!said.contains(TOKEN) && !said.contains(KNOWN), "{said}");
        // Not cut in two by the pieces in which it came either.
        assert!(
            !said.contains("ghp_") && !said.contains("Ae178B4a"),
            "{said}"
        );
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_shows_all_of_a_command_but_known_values_and_the_consent_is_for_its_bytes() {
    let service = knowing(ASKS).await;
    let task = service.submit(&service.new_task("push it")).await.task_id;
    service.until(task, |view| !view.questions.is_empty()).await;
    let (_, shown) = service.get(&format!("/tasks/{task}")).await;
    let question = &shown["questions"][0];
    let action = question["action"].as_str().unwrap();
    assert!(
        action.contains(TOKEN),
        "a pattern hides nothing of it: {action}"
    );
    assert!(
        !action.contains(KNOWN) && action.contains("[redacted: HOUSE_KEY]"),
        "{action}"
    );
    let digest = question["subject"]["digest"].as_str().unwrap();
    assert_eq!(digest.len(), 64, "what is agreed to has a name: {question}");
    let (status, taken) = service
        .post(&format!("/tasks/{task}/reject"), json!({"reason": "no"}))
        .await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_comes_back_as_it_was_shown_is_the_plan_and_a_mark_is_no_secret() {
    let service = knowing(TALKS).await;
    let request = NewTaskRequest {
        review_plan: Some(true),
        ..service.new_task("write a token into out.txt")
    };
    let task = service.submit(&request).await.task_id;
    service.until(task, |view| !view.questions.is_empty()).await;
    let (_, list) = service.get(&format!("/tasks/{task}/subtasks")).await;
    let view: SubtaskView = serde_json::from_value(list["subtasks"][0].clone()).unwrap();
    let spec = serde_json::to_value(view.spec).unwrap();
    assert!(
        spec.to_string().contains("[redacted: github-token]"),
        "{spec}"
    );

    let mut changed = spec.clone();
    changed["title"] = json!("Another title");
    let put = |spec: &Value| {
        let body = json!({"plan": {"subtasks": [spec]}});
        service
            .request(Method::PUT, &format!("/tasks/{task}/plan"))
            .json(&body)
    };
    let (status, problem) = read(put(&changed)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert_eq!(problem["error"], "redacted");

    let (status, taken) = read(put(&spec)).await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    let view = service.until(task, |view| view.status.is_final()).await;
    assert_eq!(view.status.name(), "completed", "{:?}", view.reason);
    let exact = service.engine.reader().task(task).await.unwrap();
    let exact = serde_json::to_value(&exact.subtasks[0].spec).unwrap();
    assert!(
        exact.to_string().contains(TOKEN),
        "the check is the one it was: {exact}"
    );
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_does_not_repeat_a_secret() {
    let service = knowing(TALKS).await;
    let (status, problem) = service.get(&format!("/tasks/{KNOWN}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        !detail.contains(KNOWN) && detail.contains("[redacted: HOUSE_KEY]"),
        "{detail}"
    );
    service.end().await;
}
