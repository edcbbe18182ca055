//! The command of `[notify]` and the collector of `[telemetry]`, as real processes and real HTTP.

use crate::support::{ONE_STEP, PATIENCE, Service, path_env};
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use loom_engine::{Config, Webhooks};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

fn settings(config: &Config, more: &[(&str, &str)]) -> Webhooks {
    let path = path_env().into_string().unwrap();
    let mut env = BTreeMap::from([("PATH".to_owned(), path)]);
    env.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    config.webhook_settings(&env).unwrap()
}

/// A program that writes down what it is told, in files named by event.
fn script(dir: &Path, more: &str) -> PathBuf {
    let file = dir.join("hook.sh");
    let text = format!(
        "#!/bin/sh\ncd '{}'\n{more}\n\
         {{ echo \"$# $1\"; echo \"$LOOM_TASK_ID\"; echo \"$LOOM_GOAL\"; echo \"$LOOM_MESSAGE\"; echo \"$MY_OWN\"; cat; }} \
         > \"$LOOM_EVENT.new\" && mv \"$LOOM_EVENT.new\" \"$LOOM_EVENT.txt\"\n",
        dir.display()
    );
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file
}

async fn written(file: &Path) -> String {
    let appeared = async {
        while !file.exists() {
            tokio::task::yield_now().await;
        }
        std::fs::read_to_string(file).unwrap()
    };
    let appeared = tokio::time::timeout(PATIENCE, appeared).await;
    appeared.unwrap_or_else(|_| panic!("{} does not appear", file.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_run_for_a_question_and_for_the_end_and_no_shell_reads_it() {
    let mut dir = PathBuf::new();
    let service = Service::telling(ONE_STEP, |home| {
        home.clone_into(&mut dir);
        let program = script(home, "").to_string_lossy().into_owned();
        let mut config = Config::default();
        config.notify.command = vec![program, "$(touch pwned); `id`".to_owned()];
        settings(&config, &[("MY_OWN", "inherited")])
    })
    .await;
    let task = service.waiting().await;
    let asked = written(&dir.join("approval_requested.txt")).await;
    let lines: Vec<&str> = asked.lines().collect();
    assert_eq!(lines[0], "1 $(touch pwned); `id`");
    assert_eq!(lines[1], task.to_string());
    assert_eq!(lines[2], "write hello into out.txt");
    assert!(lines[3].starts_with("asks: "), "{asked}");
    assert_eq!(lines[4], "inherited");
    let body: Value = serde_json::from_str(lines[5]).unwrap();
    assert_eq!(body["event_type"], "approval_requested");
    assert_eq!(body["links"]["task"], format!("/tasks/{task}"));
    service
        .client()
        .approve(task, &loom_client::wire::ApproveRequest::default())
        .await
        .unwrap();
    let ended = written(&dir.join("task_completed.txt")).await;
    assert_eq!(ended.lines().nth(3), Some("completed"));
    assert!(!dir.join("pwned").exists() && !service.work().join("pwned").exists());
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_hangs_holds_up_no_task_and_is_ended_with_what_it_started() {
    let mut dir = PathBuf::new();
    let service = Service::telling(ONE_STEP, |home| {
        home.clone_into(&mut dir);
        // It takes the signal, and has a child.
        let more = "trap '' TERM; echo $$ > pid; sleep 600 & echo $! >> pid; wait; sleep 600";
        let mut config = Config::default();
        config.notify.command = vec![script(home, more).to_string_lossy().into_owned()];
        config.notify.timeout_ms = 50;
        settings(&config, &[])
    })
    .await;
    for _ in 0..3 {
        service.finished().await;
    }
    let pids = written(&dir.join("pid")).await;
    service.end().await;
    for pid in pids.split_whitespace() {
        let gone = !Path::new("/proc").join(pid).exists()
            || std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|s| s.contains(") Z "));
        assert!(gone, "process {pid} is still there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_not_there_is_no_reason_to_fail() {
    let service = Service::telling(ONE_STEP, |_| {
        let mut config = Config::default();
        config.notify.command = vec!["no-such-program-of-mine".to_owned()];
        settings(&config, &[])
    })
    .await;
    service.finished().await;
    service.end().await;
}

/// A collector that keeps what it is sent.
struct Collector {
    url: String,
    got: mpsc::UnboundedReceiver<(HeaderMap, Value)>,
}

impl Collector {
    async fn start() -> Self {
        let (tell, got) = mpsc::unbounded_channel();
        let take = move |headers: HeaderMap, Json(body): Json<Value>| {
            tell.send((headers, body)).unwrap();
            std::future::ready(Json(serde_json::json!({})))
        };
        let app = Router::new().route("/v1/traces", post(take));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, got }
    }

    fn settings(&self) -> Webhooks {
        let mut config = Config::default();
        config.telemetry.endpoint = Some(self.url.clone());
        let header = ("x-api-key".to_owned(), "COLLECTOR".to_owned());
        config.telemetry.headers_env = BTreeMap::from([header]);
        settings(&config, &[("COLLECTOR", "let-me-in")])
    }

    /// Every span that came.
    fn spans(&mut self) -> Vec<Value> {
        let mut spans = Vec::new();
        while let Ok((headers, body)) = self.got.try_recv() {
            assert_eq!(headers["x-api-key"], "let-me-in");
            let resource = &body["resourceSpans"][0];
            assert_eq!(attribute(&resource["resource"], "service.name"), "loom");
            spans.extend(
                resource["scopeSpans"][0]["spans"]
                    .as_array()
                    .unwrap()
                    .clone(),
            );
        }
        spans
    }
}

fn attribute(of: &Value, name: &str) -> Value {
    let found = of["attributes"].as_array().unwrap().iter();
    let mut found = found.filter(|one| one["key"] == name);
    let value = found.next().map(|one| one["value"].clone());
    assert!(found.next().is_none(), "{name} is there twice: {of}");
    let value = value.unwrap_or_default();
    let inner = value.as_object().and_then(|value| value.values().next());
    inner.cloned().unwrap_or_default()
}

fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let found = spans.iter().find(|span| span["name"] == name);
    found.unwrap_or_else(|| panic!("no span {name}: {spans:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_a_trace_with_its_calls_and_without_any_content() {
    let mut collector = Collector::start().await;
    let service = Service::telling(ONE_STEP, |_| collector.settings()).await;
    let task = service.finished().await;
    service.end().await;
    let spans = collector.spans();
    let root = named(&spans, "invoke_agent loom");
    assert_eq!(root["traceId"], task.to_string().replace('-', ""));
    assert!(root.get("parentSpanId").is_none());
    assert_eq!(attribute(root, "gen_ai.operation.name"), "invoke_agent");
    assert_eq!(attribute(root, "gen_ai.conversation.id"), task.to_string());
    assert_eq!(attribute(root, "loom.task.status"), "completed");
    let subtask = named(&spans, "subtask write-out");
    let attempt = named(&spans, "attempt 1");
    let tool = named(&spans, "execute_tool write_file");
    assert_eq!(subtask["parentSpanId"], root["spanId"]);
    assert_eq!(attempt["parentSpanId"], subtask["spanId"]);
    assert_eq!(tool["parentSpanId"], attempt["spanId"]);
    assert_eq!(attribute(tool, "gen_ai.operation.name"), "execute_tool");
    assert_eq!(attribute(tool, "gen_ai.tool.name"), "write_file");

    let chats: Vec<&Value> = spans
        .iter()
        .filter(|span| span["name"] == "chat sim")
        .collect();
    let roles: Vec<Value> = chats
        .iter()
        .map(|chat| attribute(chat, "loom.role"))
        .collect();
    assert_eq!(roles.iter().filter(|role| *role == "planner").count(), 1);
    assert_eq!(
        roles.iter().filter(|role| *role == "executor").count(),
        2,
        "{spans:#?}"
    );
    for chat in chats {
        assert_eq!(chat["kind"], 3);
        assert_eq!(attribute(chat, "gen_ai.operation.name"), "chat");
        assert_eq!(attribute(chat, "gen_ai.request.model"), "sim");
        assert!(attribute(chat, "gen_ai.provider.name").is_string());
        let tokens = attribute(chat, "gen_ai.usage.input_tokens");
        assert!(tokens.as_str().unwrap().parse::<u64>().unwrap() > 0);
        let parent = match attribute(chat, "loom.role").as_str() {
            Some("planner") => root,
            _ => attempt,
        };
        assert_eq!(chat["parentSpanId"], parent["spanId"]);
    }
    let ids: BTreeSet<&str> = spans
        .iter()
        .map(|s| s["spanId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), spans.len(), "each id once");
    for span in &spans {
        let time = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
        assert!(
            time("startTimeUnixNano") <= time("endTimeUnixNano"),
            "{span}"
        );
        let parent = span["parentSpanId"].as_str();
        assert!(parent.is_none_or(|parent| ids.contains(parent)), "{span}");
        let text = span.to_string();
        assert!(
            !text.contains("hello") && !text.contains("out.txt"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_restart_it_is_the_same_trace() {
    let mut collector = Collector::start().await;
    let service = Service::telling(ONE_STEP, |_| collector.settings()).await;
    let task = service.waiting().await;
    let ground = service.end().await;
    let before = collector.spans();
    let service = Service::on(ground, loomd::Limits::default()).await;
    service.until(task, |view| !view.questions.is_empty()).await;
    service
        .client()
        .approve(task, &loom_client::wire::ApproveRequest::default())
        .await
        .unwrap();
    service.until(task, |view| view.status.is_final()).await;
    service.end().await;
    let after = collector.spans();
    let root = named(&after, "invoke_agent loom");
    let tool = named(&before, "execute_tool write_file");
    let attempt = named(&after, "attempt 1");
    assert_eq!(tool["parentSpanId"], attempt["spanId"]);
    assert_eq!(tool["traceId"], root["traceId"]);
    let both: Vec<&Value> = before.iter().chain(&after).collect();
    let ids: BTreeSet<&str> = both.iter().map(|s| s["spanId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), both.len(), "no span was sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_is_no_reason_to_wait() {
    let service = Service::telling(ONE_STEP, |_| {
        let mut config = Config::default();
        config.telemetry.endpoint = Some("http://127.0.0.1:9".to_owned());
        settings(&config, &[])
    })
    .await;
    service.finished().await;
    service.end().await;
}
