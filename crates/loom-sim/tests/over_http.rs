//! The server as an HTTP client sees it: shapes, faults, records.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use loom_sim::{
    At, Fault, Faults, Options, Playbook, Refused, Reply, Request, SimModel, SimServer, Stall,
    ViolationKind,
};
use serde_json::{Value, json};
use std::time::Duration;

const BRIEFLY: Duration = Duration::from_millis(150);

/// What a client made of a stream.
#[derive(Debug, Default)]
struct Seen {
    chunks: Vec<Value>,
    done: bool,
    broken: bool,
}

impl Seen {
    fn text(&self, key: &str) -> String {
        let deltas = self.chunks.iter().map(|c| &c["choices"][0]["delta"][key]);
        deltas.filter_map(Value::as_str).collect()
    }

    fn arguments(&self) -> String {
        let deltas = self
            .chunks
            .iter()
            .map(|c| &c["choices"][0]["delta"]["tool_calls"][0]);
        let pieces = deltas.filter_map(|call| call["function"]["arguments"].as_str());
        pieces.collect()
    }

    fn call(&self) -> &Value {
        let mut calls = self
            .chunks
            .iter()
            .map(|c| &c["choices"][0]["delta"]["tool_calls"][0]);
        calls.find(|call| call["id"].is_string()).unwrap()
    }

    fn finish(&self) -> Option<&str> {
        let mut reasons = self
            .chunks
            .iter()
            .map(|c| &c["choices"][0]["finish_reason"]);
        reasons.find_map(Value::as_str)
    }
}

fn tool() -> Value {
    json!({"type": "function", "function": {"name": "write_file", "description": "Writes.",
           "parameters": {"type": "object", "properties": {}}}})
}

fn ask(messages: &[(&str, &str)]) -> Value {
    let messages: Vec<_> = messages
        .iter()
        .map(|(role, text)| json!({"role": role, "content": text}))
        .collect();
    json!({"model": "sim-small", "messages": messages, "tools": [tool()], "stream": true,
           "stream_options": {"include_usage": true}})
}

/// A client that talks to loopback. Which TLS there is depends on what else is built.
fn client() -> reqwest::Client {
    static TLS: std::sync::Once = std::sync::Once::new();
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::new()
}

async fn post(server: &SimServer, body: &Value) -> reqwest::Response {
    let url = format!("{}/chat/completions", server.base_url());
    let post = client().post(url).body(body.to_string());
    post.send().await.unwrap()
}

async fn get(server: &SimServer, path: &str) -> Value {
    let response = client()
        .get(format!("{}{path}", server.url()))
        .send()
        .await
        .unwrap();
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

async fn stream(server: &SimServer, body: &Value) -> Seen {
    read(&mut post(server, body).await).await
}

async fn read(response: &mut reqwest::Response) -> Seen {
    let (mut bytes, mut seen) = (Vec::new(), Seen::default());
    loop {
        match response.chunk().await {
            Ok(Some(more)) => bytes.extend_from_slice(&more),
            Ok(None) => break,
            Err(_) => {
                seen.broken = true;
                break;
            }
        }
    }
    for line in String::from_utf8(bytes).unwrap().split_terminator("\n\n") {
        match line.strip_prefix("data: ").unwrap() {
            "[DONE]" => seen.done = true,
            chunk => seen.chunks.push(serde_json::from_str(chunk).unwrap()),
        }
    }
    seen
}

async fn writing(fault: Option<Fault>) -> SimServer {
    let kinds: Vec<Fault> = fault.into_iter().collect();
    let options = Options {
        faults: Faults::in_turn(&At::default(), kinds),
        ..Options::default()
    };
    let write = |_: &Request| {
        let arguments = json!({"path": "notes.txt", "content": "a text that needs several chunks to get across"});
        Reply {
            text: "I am writing it.".to_owned(),
            ..Reply::call("write_file", &arguments)
        }
    };
    SimServer::with_responder(write, options).await.unwrap()
}

async fn saying(text: &str) -> SimServer {
    SimServer::start(Playbook::always(text), Options::default())
        .await
        .unwrap()
}

/// The client's view of a stream that this fault struck.
async fn struck(fault: Fault) -> Seen {
    stream(&writing(Some(fault)).await, &ask(&[("user", "go")])).await
}

#[tokio::test]
async fn a_stream_has_the_shape_of_llama_server() {
    let seen = stream(&writing(None).await, &ask(&[("user", "go")])).await;
    let first = &seen.chunks[0]["choices"][0]["delta"];
    assert_eq!(*first, json!({"role": "assistant", "content": null}));
    assert_eq!(seen.text("content"), "I am writing it.");
    assert_eq!(seen.call()["function"]["name"], "write_file");
    let arguments: Value = serde_json::from_str(&seen.arguments()).unwrap();
    assert_eq!(arguments["path"], "notes.txt");
    assert_eq!(seen.finish(), Some("tool_calls"));
    let usage = seen.chunks.last().unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    assert!(seen.done && !seen.broken);
}

#[tokio::test]
async fn without_include_usage_no_usage_is_sent() {
    let mut body = ask(&[("user", "go")]);
    body["stream_options"] = Value::Null;
    let seen = stream(&saying("Done.").await, &body).await;
    assert!(seen.chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    assert!(seen.done);
}

#[tokio::test]
async fn an_answer_in_one_piece_says_the_same() {
    let mut body = ask(&[("user", "go")]);
    body["stream"] = json!(false);
    let answer: Value = serde_json::from_str(
        &post(&writing(None).await, &body)
            .await
            .text()
            .await
            .unwrap(),
    )
    .unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], "I am writing it.");
    assert!(choice["message"]["tool_calls"][0]["function"]["arguments"].is_string());
    assert!(answer["usage"]["total_tokens"].as_u64() > Some(2));
}

#[tokio::test]
async fn health_models_and_unknown_paths_are_answered() {
    let options = Options {
        models: vec![
            SimModel::new("a"),
            SimModel {
                context: Some(32_768),
                ..SimModel::new("b")
            },
        ],
        ..Options::default()
    };
    let server = SimServer::start(Playbook::default(), options)
        .await
        .unwrap();
    assert_eq!(get(&server, "/health").await, json!({"status": "ok"}));
    let models = get(&server, "/v1/models").await;
    assert_eq!(models["data"][1]["id"], "b");
    assert_eq!(models["data"][1]["meta"]["n_ctx"], 32_768);
    assert!(models["data"][0].get("meta").is_none());
    assert_eq!(get(&server, "/api/tags").await["error"]["code"], 404);
}

#[tokio::test]
async fn a_dropped_stream_closes_the_connection_without_an_end() {
    let seen = struck(Fault::DropAfter(2)).await;
    assert_eq!(seen.chunks.len(), 2);
    assert!(seen.broken && !seen.done && seen.finish().is_none());
}

#[tokio::test]
async fn a_dropped_answer_in_one_piece_breaks_too() {
    let server = writing(Some(Fault::DropAfter(0))).await;
    let mut body = ask(&[("user", "go")]);
    body["stream"] = json!(false);
    assert!(post(&server, &body).await.text().await.is_err());
}

#[tokio::test]
async fn a_stalled_stream_stays_open_and_silent() {
    let fault = Fault::stall_after(1);
    let server = writing(Some(fault)).await;
    let mut response = post(&server, &ask(&[("user", "go")])).await;
    assert!(response.chunk().await.unwrap().is_some());
    let silence = tokio::time::timeout(BRIEFLY, response.chunk()).await;
    assert!(silence.is_err());
}

#[tokio::test]
async fn a_stall_before_the_first_chunk_withholds_the_headers() {
    let fault = Fault::stall_after(0);
    let server = writing(Some(fault)).await;
    let body = ask(&[("user", "go")]);
    assert!(
        tokio::time::timeout(BRIEFLY, post(&server, &body))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_stall_with_an_end_goes_on_to_the_end() {
    for chunks in [0, 1] {
        let seen = struck(Fault::StallAfter(Stall {
            chunks,
            for_ms: Some(20),
        }))
        .await;
        assert!(seen.done && !seen.broken);
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_counted() {
    let server = writing(Some(Fault::stall_after(1))).await;
    let mut response = post(&server, &ask(&[("user", "go")])).await;
    response.chunk().await.unwrap();
    drop(response);
    let left = async {
        while server.abandoned() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), left)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_refusal_has_its_status_and_says_when_to_come_back() {
    let fault = Fault::Http(Refused {
        status: 429,
        message: None,
        retry_after: Some(7),
    });
    let server = writing(Some(fault)).await;
    let refused = post(&server, &ask(&[("user", "go")])).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "7");
    let body: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(body["error"]["type"], "rate_limit_error");
    assert_eq!(post(&server, &ask(&[("user", "go")])).await.status(), 200);
}

#[tokio::test]
async fn broken_arguments_arrive_as_they_were_written() {
    let malformed = struck(Fault::MalformedArguments(r#"{"path": "a"#.into())).await;
    assert_eq!(malformed.arguments(), r#"{"path": "a"#);
    let truncated = struck(Fault::TruncatedArguments(30)).await;
    assert_eq!(
        (truncated.arguments().len(), truncated.finish()),
        (30, Some("length"))
    );
    let wrong: Value = serde_json::from_str(&struck(Fault::WrongTypes).await.arguments()).unwrap();
    assert!(wrong["path"].is_object());
    let unknown = struck(Fault::UnknownTool("no_such_tool".into())).await;
    assert_eq!(unknown.call()["function"]["name"], "no_such_tool");
}

#[tokio::test]
async fn a_model_can_stop_claim_say_nothing_or_only_think() {
    for fault in [
        Fault::PrematureStop("Next I will.".into()),
        Fault::FalseClaim("Next I will.".into()),
    ] {
        let seen = struck(fault).await;
        assert_eq!(
            (seen.text("content").as_str(), seen.finish()),
            ("Next I will.", Some("stop"))
        );
        assert_eq!(seen.arguments(), "");
    }
    let empty = struck(Fault::Empty).await;
    assert_eq!((empty.text("content").as_str(), empty.done), ("", true));
    let thought = struck(Fault::ThoughtOnly("Hm.".into())).await;
    assert_eq!(thought.text("reasoning_content"), "Hm.");
    assert_eq!(thought.text("content"), "");
}

#[tokio::test]
async fn prose_comes_where_json_was_asked_for() {
    let playbook = Playbook::from_yaml(
        "rules: [{when: {role: planner}, fault: {prose: Looks good.}, times: 1}, {when: {role: planner}, reply: {json: {subtasks: []}}}]",
    );
    let server = SimServer::start(playbook.unwrap(), Options::default())
        .await
        .unwrap();
    let mut body = ask(&[("user", "plan it")]);
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "plan", "schema": {"type": "object"}}});
    assert_eq!(stream(&server, &body).await.text("content"), "Looks good.");
    assert_eq!(
        stream(&server, &body).await.text("content"),
        r#"{"subtasks":[]}"#
    );
}

#[tokio::test]
async fn a_gap_in_the_playbook_is_a_clear_refusal() {
    let server = SimServer::start(Playbook::default(), Options::default())
        .await
        .unwrap();
    let executor = stream(&server, &ask(&[("user", "go")])).await;
    assert_eq!(executor.text("content"), "Done.");
    let mut body = ask(&[("user", "hello")]);
    body["tools"] = Value::Null;
    let refused = post(&server, &body).await;
    assert_eq!(refused.status(), 400);
    assert!(
        refused
            .text()
            .await
            .unwrap()
            .contains("no rule for this request")
    );
    assert!(server.requests().iter().all(|record| record.rule.is_none()));
}

#[tokio::test]
async fn every_request_is_recorded_with_its_rule_fault_and_shared_prefix() {
    let server = writing(Some(Fault::Empty)).await;
    let opening = [("system", "rules"), ("user", "go")];
    let grown = [opening[0], opening[1], ("assistant", "a"), ("user", "on")];
    for messages in [&opening[..], &grown] {
        stream(&server, &ask(messages)).await;
    }
    let records = server.requests();
    assert_eq!(records[0].fault, Some(Fault::Empty));
    assert_eq!(
        (records[1].request.number, records[1].request.turn()),
        (2, 1)
    );
    assert_eq!(records[1].stats.shared_bytes, records[0].stats.total_bytes);
    assert!(records[1].stats.cached_tokens > 0 && records[1].stats.shared_ratio() > 0.5);
    assert_eq!(server.violations(), []);
}

#[tokio::test]
async fn malformed_requests_are_answered_and_reported() {
    let server = saying("Done.").await;
    let kinds = || {
        server
            .violations()
            .iter()
            .map(|v| (v.request, v.kind))
            .collect::<Vec<_>>()
    };
    stream(&server, &ask(&[("user", "go"), ("user", "on")])).await;
    assert_eq!(kinds(), [(1, ViolationKind::NotAlternating)]);
    let mut unnamed = ask(&[("user", "go")]);
    unnamed["model"] = Value::Null;
    assert_eq!(post(&server, &unnamed).await.status(), 200);
    let mut other = ask(&[("user", "go")]);
    other["model"] = json!("unheard-of");
    assert_eq!(post(&server, &other).await.status(), 200);
    assert_eq!(kinds()[1..], [(3, ViolationKind::UnknownModel)]);
    assert_eq!(post(&server, &json!("no object")).await.status(), 200);
    let url = format!("{}/v1/chat/completions", server.url());
    let cut = client().post(url).body("{").send().await.unwrap();
    assert_eq!(cut.status(), 400);
    assert!(kinds().contains(&(5, ViolationKind::NotJson)));
}

#[tokio::test]
async fn a_prompt_beyond_the_window_is_refused_with_both_figures() {
    let options = Options {
        models: vec![SimModel {
            id: "sim-small".into(),
            context: Some(100),
        }],
        ..Options::default()
    };
    let server = SimServer::start(Playbook::always("Done."), options)
        .await
        .unwrap();
    let refused = post(&server, &ask(&[("user", &"word ".repeat(200))])).await;
    assert_eq!(refused.status(), 400);
    let body: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(body["error"]["type"], "exceed_context_size_error");
    assert_eq!(body["error"]["n_ctx"], 100);
}

#[tokio::test]
async fn a_stopped_server_closes_what_is_open_and_refuses_what_comes() {
    let mut server = writing(Some(Fault::stall_after(1))).await;
    let mut open = post(&server, &ask(&[("user", "go")])).await;
    tokio::time::timeout(Duration::from_secs(10), server.stop())
        .await
        .unwrap();
    assert!(read(&mut open).await.broken);
    assert!(
        client()
            .get(format!("{}/health", server.url()))
            .send()
            .await
            .is_err()
    );
    assert_eq!(server.request_count(), 1);
}

#[tokio::test]
async fn faults_can_be_read_from_a_file() {
    let faults = Faults::from_yaml("plan: [{at: {role: executor, nth: 2}, kind: {drop_after: 1}}]");
    let options = Options {
        faults: faults.unwrap(),
        ..Options::default()
    };
    let server = SimServer::start(Playbook::always("Done."), options)
        .await
        .unwrap();
    let mut ends = Vec::new();
    for _ in 0..3 {
        ends.push(stream(&server, &ask(&[("user", "go")])).await.broken);
    }
    assert_eq!(ends, [false, true, false]);
}

#[tokio::test]
async fn hundreds_of_turns_are_answered_and_kept() {
    let server = SimServer::with_responder(
        |request: &Request| Reply::text(format!("answer {}", request.turn())),
        Options::default(),
    )
    .await
    .unwrap();
    let client = client();
    let mut body = ask(&[("system", "rules"), ("user", "go")]);
    for turn in 0..300 {
        let url = format!("{}/v1/chat/completions", server.url());
        let answer = client
            .post(url)
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert!(
            answer
                .text()
                .await
                .unwrap()
                .contains(&format!("answer {turn}")[..6])
        );
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": format!("answer {turn}")}));
        messages.push(json!({"role": "user", "content": "go on"}));
    }
    assert_eq!(server.violations(), []);
    assert_eq!(server.requests().last().unwrap().request.turn(), 299);
}
