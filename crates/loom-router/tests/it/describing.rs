//! What servers tell of themselves, in the words of each.

use crate::server::{Server, hello};
use loom_router::{
    BuiltinProviders, Calls, Capabilities, Family, ModelEntry, ProviderFactory, ProviderKind,
    Thinking,
};
use serde_json::json;

async fn described(server: &Server, kind: ProviderKind, id: &str) -> Capabilities {
    let entry = ModelEntry {
        model: Some(id.into()),
        ..server.entry_of(kind)
    };
    let provider = BuiltinProviders.provider(&entry).unwrap();
    provider.describe().await.unwrap()
}

async fn counted(server: &Server, kind: ProviderKind) -> Option<u64> {
    let provider = BuiltinProviders.provider(&server.entry_of(kind)).unwrap();
    provider.count(&hello()).await.unwrap()
}

#[tokio::test]
async fn llama_cpp_has_the_window_of_one_slot_and_a_template_that_tells_more() {
    let server = Server::start([]).await.has_list(json!({"data": [
        {"id": "qwen3-8b", "meta": {"n_ctx": 4096, "n_ctx_train": 40960, "n_params": 8_000_000_000_u64}},
    ]}));
    let server = server.has(
        "/props",
        json!({
            "default_generation_settings": {"n_ctx": 4096},
            "total_slots": 2,
            "build_info": "b11669",
            "chat_template": "{% if tools %}{% if enable_thinking %}<think>",
        }),
    );
    let expected = Capabilities {
        server: Some("llama-server b11669".into()),
        window: Some(4096),
        trained_window: Some(40_960),
        slots: Some(2),
        loaded: Some(true),
        parameters: Some(8_000_000_000),
        family: Some(Family::Hermes),
        calls: Calls::Structured,
        thinking: Thinking::Switchable,
        schema: Some(true),
        forced_calls: Some(true),
        counts_tokens: true,
        picks_slot: true,
        ..Capabilities::default()
    };
    assert_eq!(
        described(&server, ProviderKind::LlamaCpp, "qwen3-8b").await,
        expected
    );
}

#[tokio::test]
async fn llama_cpp_as_a_router_tells_of_the_model_that_is_asked_for() {
    let list = json!({"data": [
        {"id": "alpha", "status": {"value": "unloaded"}, "context_length": 8192},
        {"id": "beta", "status": {"value": "loaded"}},
    ]});
    let server = Server::start([])
        .await
        .has_list(list)
        .has("/props", json!({"role": "router"}))
        // That of alpha would load it, and is not there to be asked for.
        .has(
            "/props?model=beta",
            json!({"default_generation_settings": {"n_ctx": 2048}, "total_slots": 1}),
        );
    let beta = described(&server, ProviderKind::LlamaCpp, "beta").await;
    assert_eq!(
        (beta.window, beta.loaded, beta.swaps),
        (Some(2048), Some(true), true)
    );
    let alpha = described(&server, ProviderKind::LlamaCpp, "alpha").await;
    assert_eq!((alpha.window, alpha.loaded), (None, Some(false)));
    assert_eq!(alpha.trained_window, Some(8192));
}

#[tokio::test]
async fn lm_studio_is_read_in_both_of_its_lists() {
    let newer = json!({"models": [{
        "key": "qwen/qwen3-8b", "params_string": "8B", "max_context_length": 40960,
        "capabilities": {"trained_for_tool_use": true},
        "loaded_instances": [{"id": "qwen/qwen3-8b", "config": {"context_length": 8192}}],
    }]});
    let older = json!({"data": [{
        "id": "qwen/qwen3-8b", "state": "loaded", "max_context_length": 40960,
        "loaded_context_length": 8192, "capabilities": ["tool_use"],
    }]});
    let server = Server::start([]).await.has("/api/v1/models", newer);
    let new = described(&server, ProviderKind::LmStudio, "qwen/qwen3-8b").await;
    let server = Server::start([]).await.has("/api/v0/models", older);
    let old = described(&server, ProviderKind::LmStudio, "qwen/qwen3-8b").await;
    assert_eq!(new.parameters, Some(8_000_000_000));
    for told in [new, old] {
        assert_eq!(told.window, Some(8192));
        assert_eq!(told.trained_window, Some(40_960));
        assert_eq!((told.loaded, told.calls), (Some(true), Calls::Structured));
    }
}

#[tokio::test]
async fn vllm_and_mlx_tell_what_their_lists_tell() {
    let list = json!({"data": [{"id": "m", "max_model_len": 32768}]});
    let server = Server::start([]).await.has_list(list);
    let vllm = described(&server, ProviderKind::Vllm, "m").await;
    assert_eq!((vllm.window, vllm.counts_tokens), (Some(32_768), true));
    let server = Server::start([]).await.has_models(&["m"]);
    let mlx = described(&server, ProviderKind::Mlx, "m").await;
    assert_eq!((mlx.window, mlx.counts_tokens), (None, false));
}

#[tokio::test]
async fn tokens_are_counted_by_whichever_path_the_server_has() {
    let whole = Server::start([]).await.has(
        "/v1/chat/completions/input_tokens",
        json!({"input_tokens": 295}),
    );
    assert_eq!(counted(&whole, ProviderKind::LlamaCpp).await, Some(295));
    let steps = Server::start([])
        .await
        .has("/apply-template", json!({"prompt": "<user>hello"}))
        .has("/tokenize", json!({"tokens": [1, 2, 3], "count": 7}));
    assert_eq!(counted(&steps, ProviderKind::LlamaCpp).await, Some(3));
    assert_eq!(counted(&steps, ProviderKind::Vllm).await, Some(7));
    assert_eq!(counted(&steps, ProviderKind::OpenaiCompatible).await, None);
}
