//! Who may come in, and what comes out.

use crate::client::{Era, Human, Peer, start};
use crate::fake::{TOKEN, TOKENS, World, agent};
use crate::lines::{http, serve, stdio};
use loom_mcp::{Options, serve_http};
use loomd::Scope;
use rmcp::model::ReadResourceRequestParams;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_util::sync::CancellationToken;

fn hello() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "raw", "version": "1"},
        },
    })
}

#[tokio::test]
async fn over_http_only_the_token_opens_and_no_foreign_page_gets_in() {
    let service = World::new().serve().await;
    let (url, _server) = serve(service.endpoint.clone()).await;
    // Makes the choice of cryptography that every client needs, also where there is none.
    drop(loom_client::Client::new(&service.endpoint).unwrap());
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let right = format!("Bearer {}", agent());
    let owner = format!("Bearer {TOKEN}");
    let reader = format!("Bearer {}", TOKENS.scoped(Scope::Reader));
    for (token, host, origin, status) in [
        (Some(right.as_str()), None, None, 200),
        (
            Some(right.as_str()),
            None,
            Some("http://localhost:6274"),
            200,
        ),
        (Some(owner.as_str()), None, None, 200),
        (Some(reader.as_str()), None, None, 401),
        (None, None, None, 401),
        (Some("Bearer wrong"), None, None, 401),
        (Some(right.as_str()), Some("evil.example"), None, 403),
        (
            Some(right.as_str()),
            None,
            Some("https://evil.example"),
            403,
        ),
        (Some(right.as_str()), None, Some("null"), 403),
    ] {
        let mut request = http
            .post(&url)
            .header("accept", "application/json, text/event-stream")
            .json(&hello());
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        if let Some(host) = host {
            request = request.header("host", host);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(
            answer.status().as_u16(),
            status,
            "{token:?} {host:?} {origin:?}"
        );
    }
}

#[tokio::test]
async fn it_does_not_serve_where_others_could_reach_it() {
    let service = World::new().serve().await;
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let stop = CancellationToken::new();
    let served = serve_http(
        service.endpoint.clone(),
        Options::default(),
        listener,
        None,
        stop,
    )
    .await;
    assert!(served.is_err());
}

#[tokio::test]
async fn it_ends_when_it_is_told_to_also_while_a_client_is_there() {
    let service = World::new().serve().await;
    let line = http(&service, Era::Handshake, Peer::new(Human::Absent)).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let serving = serve_http(
        service.endpoint.clone(),
        Options::default(),
        listener,
        None,
        stop.clone(),
    );
    stop.cancel();
    serving.await.unwrap();
    drop(line);
}

#[tokio::test]
async fn standard_output_carries_the_protocol_and_nothing_else() {
    let service = World::new().serve().await;
    let mut program = start(&service, &[]).await;
    let mut input = program.child.stdin.take().unwrap();
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let odd = json!({"jsonrpc": "2.0", "id": 3, "method": "no/such/method"});
    for line in [
        hello().to_string(),
        ready.to_string(),
        "not json {".to_owned(),
        odd.to_string(),
        list.to_string(),
    ] {
        input
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }
    let mut lines = BufReader::new(program.child.stdout.take().unwrap()).lines();
    let mut answered = Vec::new();
    while answered.len() < 3 {
        let line = lines.next_line().await.unwrap().expect("three answers");
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(message["jsonrpc"], "2.0");
        if message["id"].is_number() {
            answered.push(message["id"].as_u64().unwrap());
        }
    }
    drop(input);
    while let Some(line) = lines.next_line().await.unwrap() {
        serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("{line}"));
    }
    assert!(program.child.wait().await.unwrap().success());
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3]);
}

#[tokio::test]
async fn the_diff_and_the_log_of_a_task_are_resources() {
    let world = World::new();
    let service = world.serve().await;
    for era in crate::client::ERAS {
        let line = stdio(&service, era, Peer::new(Human::Absent), &[]).await;
        let goal = json!({"goal": "mend it", "key": "one"});
        line.call(crate::client::call("loom_execute_task", goal))
            .await;
        let listed = line.session.list_all_resources().await.unwrap();
        assert_eq!(listed.len(), 2);
        let templates = line.session.list_all_resource_templates().await.unwrap();
        assert_eq!(templates.len(), 2);
        let mut read = String::new();
        for resource in listed {
            let wanted = ReadResourceRequestParams::new(resource.uri);
            let contents = line.session.read_resource(wanted).await.unwrap().contents;
            read += &serde_json::to_string(&contents).unwrap();
        }
        assert!(
            read.contains("+b") && read.contains("the task: mend it"),
            "{read}"
        );
        for missing in [
            "loom://task/ffff/diff",
            "loom://other",
            "file:///etc/passwd",
        ] {
            let wanted = ReadResourceRequestParams::new(missing);
            let error = line
                .session
                .read_resource(wanted)
                .await
                .unwrap_err()
                .to_string();
            let code = if era == Era::Stateless {
                "-32602"
            } else {
                "-32002"
            };
            assert!(error.contains(code), "{missing}: {error}");
        }
    }
}
