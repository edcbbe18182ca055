//! What stands in front of every route, for each row of the table: the table is read from the
//! description of the API, which is made from it.

use crate::support::{ONE_STEP, Service, read, soon};
use loomd::{Limits, Scope};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// One route of the description.
struct Described {
    method: Method,
    /// With something in the place of what varies; no task has this id.
    path: String,
    scope: Option<Scope>,
    takes_body: bool,
}

impl Described {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

async fn described(service: &Service) -> Vec<Described> {
    let (_, document) = read(service.bare(Method::GET, "/openapi.json")).await;
    let mut routes = Vec::new();
    for (path, at) in document["paths"].as_object().unwrap() {
        for (method, operation) in at.as_object().unwrap() {
            routes.push(Described {
                method: method.to_uppercase().parse().unwrap(),
                path: path
                    .replace("{id}", "01890a5d-ac96-774b-bcce-b302099a8057")
                    .replace("{sid}", "step")
                    .replace("{seq}", "1")
                    .replace("{path}", "a%2Fb.txt"),
                scope: match operation["x-loom-scope"].as_str().unwrap() {
                    "none" => None,
                    "reader" => Some(Scope::Reader),
                    "agent" => Some(Scope::Agent),
                    "owner" => Some(Scope::Owner),
                    other => panic!("{other}"),
                },
                takes_body: operation.get("requestBody").is_some(),
            });
        }
    }
    assert!(
        routes.len() > 30,
        "the table has only {} rows",
        routes.len()
    );
    routes
}

async fn status(request: RequestBuilder) -> u16 {
    let response = soon(request.send()).await.unwrap();
    let id = response.headers().get("x-request-id");
    assert!(id.is_some(), "every answer names its request");
    response.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_its_token_and_for_no_wider_one() {
    let service = Service::new(ONE_STEP).await;
    for route in described(&service).await {
        let name = route.name();
        let bare = || service.bare(route.method.clone(), &route.path);
        let Some(needed) = route.scope else {
            assert!(status(bare()).await < 400, "{name}");
            continue;
        };
        let response = soon(bare().send()).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        assert!(
            response.headers().contains_key("www-authenticate"),
            "{name}"
        );
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["error"], "unauthorized", "{name}");
        for wrong in ["", "wrong", &service.tokens.owner()[1..]] {
            assert_eq!(status(bare().bearer_auth(wrong)).await, 401, "{name}");
        }
        let basic = bare().basic_auth("loom", Some(service.tokens.owner()));
        assert_eq!(status(basic).await, 401, "{name}");
        for scope in [Scope::Reader, Scope::Agent, Scope::Owner] {
            // A stream that is let in would go on.
            if route.path == "/events/stream" && scope >= needed {
                continue;
            }
            let asked = service.as_scope(scope, route.method.clone(), &route.path);
            let status = status(asked).await;
            let refused = status == 401 || status == 403;
            assert_eq!(
                refused,
                scope < needed,
                "{name} as {}: {status}",
                scope.name()
            );
        }
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_closed_to_pages_of_other_sites_and_to_other_names_also_with_the_token() {
    let service = Service::new(ONE_STEP).await;
    for route in described(&service).await {
        let name = route.name();
        for (header, value) in [
            ("host", "evil.example"),
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let asked = service.request(route.method.clone(), &route.path);
            let status = status(asked.header(header, value)).await;
            assert_eq!(status, 403, "{name} with {header}: {value}");
        }
        if route.method != Method::GET {
            for form in ["text/plain", "application/x-www-form-urlencoded"] {
                let asked = service.request(route.method.clone(), &route.path);
                let asked = asked.header("content-type", form).body("{}");
                assert_eq!(status(asked).await, 415, "{name} with {form}");
            }
        }
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_body_is_bounded_and_every_other_method_is_refused_with_what_is_allowed() {
    let limits = Limits {
        body: 1_000,
        ..Limits::default()
    };
    let service = Service::with(ONE_STEP, limits).await;
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    for route in described(&service).await {
        let name = route.name();
        if route.takes_body {
            let send = |body: String| {
                let asked = service.request(route.method.clone(), &route.path);
                asked.header("content-type", "application/json").body(body)
            };
            if route.path == "/import" {
                // It has a form and a bound of its own.
                assert_eq!(status(send("{".to_owned())).await, 415, "{name}");
                continue;
            }
            assert_eq!(status(send("x".repeat(1_001))).await, 413, "{name}");
            assert_eq!(status(send(deep.clone())).await, 400, "{name}");
            assert_eq!(status(send("{".to_owned())).await, 400, "{name}");
            let unknown = json!({"no such field": 1}).to_string();
            assert_eq!(status(send(unknown)).await, 422, "{name}");
        }
        for other in [Method::OPTIONS, Method::TRACE, Method::PUT] {
            let asked = service.request(other.clone(), &route.path);
            let response = soon(asked.send()).await.unwrap();
            if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                let allow = response.headers()["allow"].to_str().unwrap().to_owned();
                assert!(allow.contains(route.method.as_str()), "{name}: {allow}");
                assert!(!allow.contains(other.as_str()), "{name}: {allow}");
                let problem: Value = response.json().await.unwrap();
                assert_eq!(problem["error"], "method", "{name}");
            } else {
                assert_eq!(other, Method::PUT, "{name}: {}", response.status());
            }
        }
    }
    let (status, problem) = service.get("/no/such/path").await;
    assert_eq!(
        (status.as_u16(), &problem["error"]),
        (404, &json!("not_found"))
    );
    let nobody = read(service.bare(Method::GET, "/no/such/path")).await;
    assert_eq!(nobody.0, StatusCode::UNAUTHORIZED);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_get_changes_anything() {
    let service = Service::new(ONE_STEP).await;
    let done = service.finished().await;
    let waiting = service.waiting().await;
    let before = service.engine.last_record();
    for task in [done, waiting] {
        for route in described(&service).await {
            if route.method != Method::GET || route.path == "/events/stream" {
                continue;
            }
            let path = route
                .path
                .replace("01890a5d-ac96-774b-bcce-b302099a8057", &task.to_string())
                .replace("/step", "/write-out")
                .replace("a%2Fb.txt", "out.txt");
            // The stream of a task that waits goes on.
            if path.ends_with("/stream") {
                continue;
            }
            let path = match path.as_str() {
                "/memory/search" => "/memory/search?q=greeting".to_owned(),
                _ => path,
            };
            let status = status(service.request(Method::GET, &path)).await;
            // What has not ended has no difference to show yet, or has one: both are answers.
            assert!(status < 400 || status == 404, "{path}: {status}");
        }
    }
    assert_eq!(service.engine.last_record(), before);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_bad_tokens_do_not_disturb_a_good_one() {
    let service = Service::new(ONE_STEP).await;
    let bad = async {
        let client = crate::support::http();
        for n in 0..2_000_u32 {
            let url = format!("{}/tasks", service.url);
            let asked = client.get(url).bearer_auth(format!("loom_{n}"));
            let response = asked.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        }
    };
    let good = service.finished();
    let ((), task) = tokio::join!(bad, good);
    assert!(service.engine.reader().row(task).await.unwrap().is_some());
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_told_to_come_again() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let service = Service::with(ONE_STEP, limits).await;
    let address = service.url.strip_prefix("http://").unwrap().to_owned();
    let mut first = tokio::net::TcpStream::connect(&address).await.unwrap();
    let mut second = tokio::net::TcpStream::connect(&address).await.unwrap();
    // Answered, so that both are known to be open.
    for one in [&mut first, &mut second] {
        let asked = format!("GET /health HTTP/1.1\r\nhost: {address}\r\n\r\n");
        one.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        soon(one.read_exact(&mut answer)).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
    let mut third = tokio::net::TcpStream::connect(&address).await.unwrap();
    let mut answer = String::new();
    soon(third.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\"error\":\"connections\""), "{answer}");
    service.end().await;
}

/// What comes back for raw bytes, sent in parts, until the service ends the connection.
async fn raw(service: &Service, parts: &[&[u8]]) -> String {
    let address = service.url.strip_prefix("http://").unwrap();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    for part in parts {
        // It may have ended the connection before it has read all of it.
        if connection.write_all(part).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    // A reset after the answer is an end, too.
    soon(connection.read_to_end(&mut answer)).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request whose head has so many bytes.
fn head_of(service: &Service, bytes: usize) -> String {
    let host = service.url.strip_prefix("http://").unwrap();
    let head = |filling: &str| {
        format!(
            "GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nx-filling: {filling}\r\n\r\n"
        )
    };
    let filling = bytes - head("").len();
    head(&"x".repeat(filling))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_may_have_as_many_bytes_as_is_stated_and_not_one_more() {
    const MOST: usize = 32 * 1024;
    let service = Service::new(ONE_STEP).await;
    // One that comes bit by bit is measured the same way as one that is there at once.
    for piece in [usize::MAX, 1_000] {
        let ask = async |bytes: usize| {
            let head = head_of(&service, bytes);
            assert_eq!(head.len(), bytes);
            let parts: Vec<&[u8]> = head.as_bytes().chunks(piece.min(bytes)).collect();
            raw(&service, &parts).await
        };
        let fits = ask(MOST).await;
        assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
        for more in [MOST + 1, 40 * 1024, 60 * 1024] {
            let refused = ask(more).await;
            assert!(refused.starts_with("HTTP/1.1 431 "), "{more}: {refused}");
            assert!(refused.contains("application/problem+json"), "{refused}");
            assert!(refused.contains("x-request-id"), "{refused}");
            let body = refused.split_once("\r\n\r\n").unwrap().1;
            let problem: Value = serde_json::from_str(body).unwrap();
            assert_eq!(problem["error"], "head");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&MOST.to_string()), "{detail}");
            assert!(detail.contains(&more.to_string()), "{detail}");
        }
        // Nobody reads on and on: this is cut off where twice as much has come.
        let cut = ask(200 * 1024).await;
        assert!(cut.is_empty() || cut.starts_with("HTTP/1.1 431 "), "{cut}");
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_at_most_so_many_headers() {
    let service = Service::new(ONE_STEP).await;
    let host = service.url.strip_prefix("http://").unwrap();
    let ask = async |headers: usize| {
        // `host` and `connection` are two of them.
        let more: String = (2..headers).map(|n| format!("x-{n}: y\r\n")).collect();
        let head =
            format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n");
        raw(&service, &[head.as_bytes()]).await
    };
    let fits = ask(64).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    let refused = ask(65).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    assert!(refused.contains("\"error\":\"head\""), "{refused}");
    let cut = ask(1_000).await;
    assert!(cut.starts_with("HTTP/1.1 431 "), "{cut}");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_begins_with_http_2_is_not_kept_waiting() {
    let service = Service::new(ONE_STEP).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let answer = raw(&service, &[preface]).await;
    assert!(!answer.contains("200"), "{answer}");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_begins_and_ends_tasks_and_answers_nothing() {
    let service = Service::new(ONE_STEP).await;
    let task = service.waiting().await;
    let as_agent = |method: Method, path: String, body: Value| {
        read(service.as_scope(Scope::Agent, method, &path).json(&body))
    };
    for verb in ["approve", "reject"] {
        let asked = as_agent(Method::POST, format!("/tasks/{task}/{verb}"), json!({}));
        assert_eq!(asked.await.0, StatusCode::FORBIDDEN, "{verb}");
    }
    let fewer = json!({"goal": "g", "workspace": service.work(), "network": true});
    let refused = as_agent(Method::POST, "/tasks".into(), fewer).await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN, "{}", refused.1);
    let steered = json!({"instruction": "be brief"});
    let steered = as_agent(Method::PATCH, format!("/tasks/{task}"), steered).await;
    assert_eq!(steered.0, StatusCode::OK, "{}", steered.1);
    let ended = as_agent(Method::DELETE, format!("/tasks/{task}"), json!({})).await;
    assert_eq!(ended.0, StatusCode::OK, "{}", ended.1);
    service.until(task, |view| view.status.is_final()).await;
    service.end().await;
}
