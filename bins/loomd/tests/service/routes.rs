//! Each route once, as a program uses it.

use crate::support::{ONE_STEP, Service, read, soon};
use loom_client::wire::{ApproveRequest, NEXT_CURSOR, SteerRequest, TaskSummary};
use loom_events::{RevertRequest, Seq, SubtaskId};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_begun_listed_shown_and_looked_into() {
    let service = Service::new(ONE_STEP).await;
    let body = json!({
        "goal": "write hello into out.txt", "workspace": service.work(),
        "context": "in English", "approval_mode": "auto", "metadata": {"ticket": 7},
    });
    let asked = service.request(Method::POST, "/tasks").json(&body);
    let response = soon(asked.send()).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let created: serde_json::Value = response.json().await.unwrap();
    let id = created["task_id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/tasks/{id}"));
    assert!(created["message"].is_string() && created["status"].is_string());
    let task = id.parse().unwrap();
    service.until(task, |view| view.status.is_final()).await;

    let client = service.client();
    let shown = client.task(&id[id.len() - 8..]).await.unwrap();
    assert_eq!(
        shown.view.status.name(),
        "completed",
        "{:?}",
        shown.view.reason
    );
    assert_eq!((shown.progress.done, shown.progress.total), (1, 1));
    assert!(!shown.running);

    let (status, events) = service.get(&format!("/tasks/{id}/events?limit=3")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(events["events"].as_array().unwrap().len(), 3);
    assert_eq!(events["next_after"], json!(3));
    let all = service.engine.reader().records(task).await.unwrap();
    let (_, lines) = service
        .get(&format!("/tasks/{id}/events?format=ndjson"))
        .await;
    let lines = lines.as_str().unwrap().lines();
    let exported: Vec<loom_events::Record> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(exported, all);

    let (_, two) = service
        .get(&format!("/tasks/{id}/events?format=ndjson&after=1&limit=2"))
        .await;
    assert_eq!(two.as_str().unwrap().lines().count(), 2);

    let subtask = SubtaskId::new("write-out").unwrap();
    let trace = client.trace(task, &subtask).await.unwrap();
    let attempt = &trace.attempts[0];
    assert!(
        attempt
            .prompt
            .as_ref()
            .is_some_and(|prompt| !prompt.is_empty())
    );
    assert_eq!(attempt.turns.len(), 2, "{attempt:#?}");
    let call = &attempt.turns[0].calls[0];
    assert_eq!(
        (call.call.name.as_str(), call.success),
        ("write_file", Some(true))
    );
    assert!(call.output.is_some());
    assert_eq!(attempt.turns[1].text, "out.txt says hello.");

    let found = client.search_memory("greeting").await.unwrap();
    assert_eq!(found.entries.len(), 1, "{found:?}");
    let (_, of_task) = service
        .get(&format!("/tasks/{id}/memory?kind=discovery"))
        .await;
    assert_eq!(of_task["entries"].as_array().unwrap().len(), 1);
    let (status, one) = service
        .get(&format!("/tasks/{id}/subtasks/write-out"))
        .await;
    assert_eq!(
        (status, &one["status"]),
        (StatusCode::OK, &json!("completed"))
    );
    let (_, list) = service.get(&format!("/tasks/{id}/subtasks")).await;
    assert_eq!(list["subtasks"].as_array().unwrap().len(), 1);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_shown_and_taken_back_by_encoded_path_subtask_and_task() {
    let service = Service::new(&ONE_STEP.replace("out.txt", "a dir/ö.txt")).await;
    let task = service.finished().await;
    let file = service.work().join("a dir/ö.txt");
    assert!(file.exists());
    let encoded = "a%20dir%2F%C3%B6.txt";
    let (_, files) = service.get(&format!("/tasks/{task}/files")).await;
    let files = files["files"].as_array().unwrap();
    assert!(
        files.iter().any(|row| row["path"] == "a dir/ö.txt"),
        "{files:?}"
    );
    let (_, changes) = service.get(&format!("/tasks/{task}/changes")).await;
    assert!(!changes["changes"].as_array().unwrap().is_empty());
    let client = service.client();
    let diff = client.diff(task).await.unwrap();
    assert_eq!(diff.files.len(), 1);
    let changes = changes["changes"].as_array().unwrap();
    let written = changes.iter().find(|one| one["path"] == "a dir/ö.txt");
    let seq = Seq(written.unwrap()["seq"].as_u64().unwrap());
    let change = client.change_diff(task, seq).await.unwrap();
    assert_eq!(change, diff.files[0], "it is the only change of the file");
    let none = client.change_diff(task, Seq(1)).await.unwrap_err();
    assert_eq!(none.code(), Some("not_found"), "{none}");
    let one = client.file_diff(task, "a dir/ö.txt").await.unwrap();
    assert_eq!(one, diff.files[0]);

    let looked = RevertRequest {
        dry_run: true,
        ..RevertRequest::default()
    };
    client.revert(task, &looked).await.unwrap();
    assert!(file.exists(), "only looked at");
    let (status, report) = service
        .post(&format!("/tasks/{task}/files/{encoded}/revert"), json!({}))
        .await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert!(!file.exists());
    let undone = json!({"scope": {"kind": "last_revert"}});
    let (status, report) = service.post(&format!("/tasks/{task}/revert"), undone).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert!(file.exists());
    let (status, _) = service
        .post(
            &format!("/tasks/{task}/subtasks/write-out/revert"),
            json!({}),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(!file.exists());
    // Whoever looks at the task is told, and a look before is no revert.
    let (_, shown) = service.get(&format!("/tasks/{task}")).await;
    let reverts = shown["reverts"].as_array().unwrap().iter();
    let scopes: Vec<_> = reverts.map(|revert| &revert["scope"]).collect();
    assert_eq!(scopes, ["a dir/ö.txt", "last revert", "subtask write-out"]);
    let (status, problem) = service
        .get(&format!("/tasks/{task}/files/..%2F..%2Fetc%2Fpasswd/diff"))
        .await;
    assert_eq!(
        (status, &problem["error"]),
        (StatusCode::NOT_FOUND, &json!("not_changed"))
    );
    assert_eq!(problem["task_id"], json!(task));
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_paused_steered_resumed_and_agreed_to() {
    let service = Service::new(ONE_STEP).await;
    let client = service.client();
    let task = service.waiting().await;
    client.pause(task).await.unwrap();
    let said = SteerRequest {
        instruction: "say it in capitals".into(),
    };
    client.steer(task, &said).await.unwrap();
    client.resume(task).await.unwrap();
    let view = service.until(task, |view| !view.questions.is_empty()).await;
    let yes = ApproveRequest {
        question: Some(view.questions[0].id),
        ..ApproveRequest::default()
    };
    let taken = client.approve(task, &yes).await.unwrap();
    assert_eq!(taken.task_id, task);
    let (status, words) = service
        .post(
            &format!("/tasks/{task}/feedback"),
            json!({"feedback": "go on"}),
        )
        .await;
    assert!(
        status == StatusCode::OK || status == StatusCode::CONFLICT,
        "{words}"
    );
    service
        .until(task, |view| {
            view.steering.iter().any(|s| s.text.contains("capitals"))
        })
        .await;
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_result_becomes_feedback_and_an_ended_task_is_continued() {
    let service = Service::new(ONE_STEP).await;
    let task = service.waiting().await;
    let (status, taken) = service
        .post(
            &format!("/tasks/{task}/reject"),
            json!({"reason": "not like that"}),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    service
        .until(task, |view| {
            view.subtasks
                .iter()
                .flat_map(|s| &s.attempts)
                .any(|a| a.feedback.contains("not like that"))
        })
        .await;
    let ended = service.request(Method::DELETE, &format!("/tasks/{task}"));
    assert_eq!(read(ended).await.0, StatusCode::OK);
    service.until(task, |view| view.status.is_final()).await;

    let (status, again) = service
        .post(&format!("/tasks/{task}/retry"), json!({"attended": false}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{again}");
    let new = again["task_id"].as_str().unwrap().parse().unwrap();
    let view = service.until(new, |view| view.status.is_final()).await;
    assert_eq!(view.continues.map(|(from, _)| from), Some(task));
    let (status, forked) = service
        .post(&format!("/tasks/{task}/fork"), json!({"at": 1}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{forked}");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_paged_without_gap_or_double_and_filtered() {
    let service = Service::new(ONE_STEP).await;
    let mut begun = Vec::new();
    for n in 0..5 {
        begun.push(
            service
                .submit(&service.new_task(&format!("goal {n}")))
                .await
                .task_id
                .to_string(),
        );
    }
    let mut listed = Vec::new();
    let mut path = "/tasks?limit=2".to_owned();
    loop {
        let asked = service.request(Method::GET, &path);
        let response = soon(asked.send()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let cursor = response.headers().get(NEXT_CURSOR).cloned();
        let page: Vec<TaskSummary> = response.json().await.unwrap();
        listed.extend(page.iter().map(|task| task.task_id.to_string()));
        let Some(cursor) = cursor else {
            break;
        };
        path = format!("/tasks?limit=2&cursor={}", cursor.to_str().unwrap());
    }
    begun.reverse();
    assert_eq!(listed, begun);
    let (_, none) = service.get("/tasks?status=failed&workspace=/nowhere").await;
    assert_eq!(none, json!([]));
    for bad in [
        "limit=0",
        "limit=501",
        "limit=x",
        "status=odd",
        "cursor=x",
        "no_such=1",
    ] {
        let (status, problem) = service.get(&format!("/tasks?{bad}")).await;
        assert_eq!(
            (status, &problem["error"]),
            (StatusCode::BAD_REQUEST, &json!("query")),
            "{bad}"
        );
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_task_is_refused_with_the_reason() {
    let service = Service::new(ONE_STEP).await;
    let work = service.work();
    for (body, code) in [
        (json!({"goal": " "}), "goal"),
        (json!({"goal": "g".repeat(70_000)}), "goal"),
        (
            json!({"goal": "g", "workspace": "/no/such/dir"}),
            "workspace",
        ),
        (json!({"goal": "g", "workspace": "relative"}), "workspace"),
        (json!({"goal": "g", "workspace": "/"}), "workspace"),
        (
            json!({"goal": "g", "workspace": work.join("../data")}),
            "workspace",
        ),
        (
            json!({"goal": "g", "workspace": work.join("..")}),
            "workspace",
        ),
        (
            json!({"goal": "g", "max_parallel_subtasks": 0}),
            "max_parallel_subtasks",
        ),
        (json!({"goal": "g", "goals": 1}), "body"),
        (json!({"workspace": work}), "body"),
    ] {
        let (status, problem) = service.post("/tasks", body.clone()).await;
        assert_eq!(
            status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{body}: {problem}"
        );
        assert_eq!(problem["error"], code, "{body}: {problem}");
        assert!(problem["detail"].is_string());
    }
    assert_eq!(service.engine.last_record(), 0, "nothing was left behind");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_says_how_it_is() {
    let service = Service::new(ONE_STEP).await;
    service.finished().await;
    let client = service.client();
    assert_eq!(client.health().await.unwrap().status, "ok");
    assert!(client.ready().await.unwrap().ready);
    let models = client.models().await.unwrap();
    assert_eq!(
        (models.models[0].name.as_str(), models.models[0].failed),
        ("sim", 0)
    );
    let tools = client.tools().await.unwrap();
    assert!(
        tools
            .tools
            .iter()
            .any(|tool| tool.name == "read_file" && tool.read_only)
    );
    client.config().await.unwrap();
    let (_, metrics) = service.get("/metrics").await;
    let metrics = metrics.as_str().unwrap();
    assert!(
        metrics.contains("loom_tasks_ended_total{outcome=\"completed\"} 1\n"),
        "{metrics}"
    );
    let families = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let mut families: Vec<_> = families.collect();
    let announced = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), announced, "each family once: {metrics}");
    let docs = soon(service.bare(Method::GET, "/docs").send())
        .await
        .unwrap();
    let policy = docs.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"));
    assert!(docs.text().await.unwrap().contains("/tasks/{id}/stream"));
    let (_, page) = service.get("/tasks/1").await;
    assert_eq!(page["error"], "no_such_task");
    assert_eq!(Seq::ZERO.0, 0);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_works_below_the_home_of_its_user_and_the_user_where_they_like() {
    let service = Service::at_home(ONE_STEP).await;
    let post = |scope, dir: std::path::PathBuf| {
        let body = json!({"goal": "write hello into out.txt", "workspace": dir});
        read(service.as_scope(scope, Method::POST, "/tasks").json(&body))
    };
    let (status, problem) = post(loomd::Scope::Agent, service.work()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`workspace.roots`"), "{detail}");
    let project = service.work().with_file_name("user").join("project");
    // A link out of it is where it leads to.
    let link = project.with_file_name("link");
    std::os::unix::fs::symlink(service.work(), &link).unwrap();
    assert_eq!(
        post(loomd::Scope::Agent, link).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    for (scope, dir) in [
        (loomd::Scope::Agent, project),
        (loomd::Scope::Owner, service.work()),
    ] {
        let (status, created) = post(scope, dir).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let task = created["task_id"].as_str().unwrap().parse().unwrap();
        service.until(task, |view| view.status.is_final()).await;
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_for_prometheus_are_off_until_they_are_switched_on() {
    assert!(!loom_engine::Config::default().telemetry.prometheus);
    let off = |config: &mut loom_engine::Config| config.telemetry.prometheus = false;
    let service = Service::configured(ONE_STEP, off).await;
    let (status, problem) = service.get("/metrics").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(problem["error"], "off");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`telemetry.prometheus = true`"), "{detail}");
    service.end().await;
}
