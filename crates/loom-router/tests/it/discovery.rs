//! Finding servers without configuration: one scripted server for each kind, and what is none.

use crate::server::Server;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use futures_util::stream;
use loom_events::Role;
use loom_router::{
    Absent, Calls, Candidate, Discovered, ProviderKind, Router, Thinking, discover, entries,
    local_candidates, usable,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a server says at each path; the rest is 404.
type Says = Vec<(&'static str, Page)>;

#[derive(Clone)]
enum Page {
    Json(Value),
    Html,
    Elsewhere,
    /// One byte, and then never another.
    Drip,
}

/// A server that says this, with this `Server` header; the origin of it.
async fn serve(header: &'static str, says: Says) -> String {
    let answer = move |State(says): State<Arc<Says>>, request: Request| async move {
        let path = request.uri().path();
        let page = says.iter().find(|(at, _)| *at == path);
        page_response(page.map(|(_, page)| page.clone()), header)
    };
    let app = axum::Router::new()
        .fallback(answer)
        .with_state(Arc::new(says));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    // Ends with the runtime of the test.
    drop(tokio::spawn(
        async move { axum::serve(listener, app).await },
    ));
    origin
}

fn page_response(page: Option<Page>, header: &str) -> Response<Body> {
    let response = Response::builder().header("server", header);
    let (status, body) = match page {
        None => (404, Body::from("Not Found")),
        Some(Page::Json(json)) => (200, Body::from(json.to_string())),
        Some(Page::Html) => (200, Body::from("<!doctype html><title>hello</title>")),
        Some(Page::Elsewhere) => {
            let response = response.status(302).header("location", "/v1/models");
            return response.body(Body::empty()).unwrap();
        }
        Some(Page::Drip) => {
            use futures_util::StreamExt as _;
            let byte = stream::once(async { Ok::<_, std::io::Error>("{") });
            (200, Body::from_stream(byte.chain(stream::pending())))
        }
    };
    response.status(status).body(body).unwrap()
}

async fn look(origin: &str) -> Discovered {
    let place = Candidate::new("x", format!("{origin}/v1"));
    discover(&[place]).await.remove(0)
}

fn list(models: &Value) -> (&'static str, Page) {
    let list = json!({"object": "list", "data": models});
    ("/v1/models", Page::Json(list))
}

#[tokio::test]
async fn servers_that_answer_become_entries_and_the_others_say_why_not() {
    let many = Server::start([])
        .await
        .has_models(&["qwen3:8b", "nomic-embed-text", "qwen3:32b"]);
    let none = Server::start([]).await;
    let places = [
        Candidate::new("x", &none.url),
        Candidate::new("x", &many.url),
        Candidate::new("x", "http://127.0.0.1:1/v1"),
    ];
    let found = discover(&places).await;
    let worked: Vec<_> = found.iter().map(|found| found.models.is_ok()).collect();
    assert_eq!(worked, [false, true, false]);
    assert_eq!(found[2].models, Err(Absent::NothingListens));

    let entries = entries(&found);
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["qwen3:8b", "qwen3:32b"]);
    let router = Router::new(entries).unwrap();
    for role in Role::ALL {
        let selected = router.select(role, loom_events::Tier::Small).unwrap();
        assert_eq!(selected.degraded, None, "{role}");
    }
}

#[test]
fn the_usual_ports_are_looked_at() {
    let urls: Vec<_> = local_candidates()
        .into_iter()
        .map(|place| place.base_url)
        .collect();
    let expected = [11434, 1234, 8080, 8000].map(|port| format!("http://127.0.0.1:{port}/v1"));
    assert_eq!(urls, expected);
}

#[tokio::test]
async fn llama_server_is_known_by_its_props() {
    let props = json!({"default_generation_settings": {"n_ctx": 8192}, "total_slots": 4, "build_info": "b1"});
    let says = vec![list(&json!([{"id": "m"}])), ("/props", Page::Json(props))];
    let found = look(&serve("llama.cpp", says).await).await;
    assert_eq!(found.kind, ProviderKind::LlamaCpp);
    assert_eq!(found.server.as_deref(), Some("llama-server b1"));
    let model = usable(&[found]).remove(0);
    assert_eq!(model.entry.context_length, Some(8192));
    assert_eq!(model.capabilities.slots, Some(4));
}

#[tokio::test]
async fn ollama_is_asked_in_its_own_protocol() {
    let model =
        json!({"name": "qwen3:8b", "model": "qwen3:8b", "details": {"parameter_size": "8.2B"}});
    let shown = json!({"capabilities": ["completion", "tools", "thinking"], "model_info":
        {"general.architecture": "qwen3", "qwen3.context_length": 40960}});
    let says = vec![
        list(&json!([{"id": "qwen3:8b", "owned_by": "library"}])),
        ("/api/version", Page::Json(json!({"version": "0.12.3"}))),
        ("/api/tags", Page::Json(json!({"models": [model]}))),
        ("/api/ps", Page::Json(json!({"models": []}))),
        ("/api/show", Page::Json(shown)),
    ];
    let found = look(&serve("", says).await).await;
    assert_eq!(found.kind, ProviderKind::Ollama);
    assert!(!found.base_url().ends_with("/v1"), "{}", found.base_url());
    let known = &found.model(Some("qwen3:8b")).unwrap().capabilities;
    assert_eq!(known.trained_window, Some(40960));
    assert_eq!(known.loaded, Some(false));
    assert_eq!(
        (known.calls, known.thinking),
        (Calls::Structured, Thinking::Switchable)
    );
}

#[tokio::test]
async fn lm_studio_vllm_and_mlx_are_told_apart() {
    let loaded = json!({"type": "llm", "key": "a", "loaded_instances": [{"id": "a", "config": {"context_length": 4096}}]});
    let studio = vec![
        list(&json!([{"id": "a"}, {"id": "b"}])),
        (
            "/api/v1/models",
            Page::Json(
                json!({"models": [loaded, {"type": "llm", "key": "b", "loaded_instances": []}]}),
            ),
        ),
    ];
    let found = look(&serve("", studio).await).await;
    assert_eq!(found.kind, ProviderKind::LmStudio);
    let names: Vec<_> = entries(&[found])
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names, ["a"], "what is not loaded is left alone");

    let vllm = vec![
        list(&json!([{"id": "m", "owned_by": "vllm", "max_model_len": 65536}])),
        ("/version", Page::Json(json!({"version": "0.11.0"}))),
    ];
    let found = look(&serve("uvicorn", vllm).await).await;
    assert_eq!(found.kind, ProviderKind::Vllm);
    assert_eq!(entries(&[found])[0].context_length, Some(65536));

    let mlx = serve(
        "BaseHTTP/0.6 Python/3.11.7",
        vec![list(&json!([{"id": "/m/qwen3/hf"}]))],
    );
    let found = look(&mlx.await).await;
    assert_eq!(found.kind, ProviderKind::Mlx);
    assert_eq!(entries(&[found])[0].name, "qwen3/hf");
}

#[tokio::test]
async fn something_else_on_a_usual_port_confuses_nobody_for_long() {
    let places = [
        serve("nginx", vec![("/v1/models", Page::Html)]).await,
        serve("nginx", vec![("/v1/models", Page::Elsewhere)]).await,
        serve("nginx", vec![]).await,
        serve("nginx", vec![("/v1/models", Page::Drip)]).await,
    ];
    for (index, origin) in places.iter().enumerate() {
        let found = look(origin).await;
        let models = found.models.unwrap_err();
        let expected = match index {
            3 => matches!(models, Absent::Silent(_)),
            _ => matches!(models, Absent::SomethingElse(_)),
        };
        assert!(expected, "{index}: {models:?}");
    }
}

#[tokio::test]
async fn a_model_server_that_is_slow_in_telling_its_kind_is_used_all_the_same() {
    let says = vec![list(&json!([{"id": "m"}])), ("/props", Page::Drip)];
    let found = look(&serve("", says).await).await;
    assert_eq!(found.kind, ProviderKind::OpenaiCompatible);
    assert_eq!(found.models.map(|models| models.len()), Ok(1));
}
