//! A real `llama-server` again: what it tells of itself, its slots and caches, its second protocol.

use crate::llama_server::file_tool;
use crate::real_server::RealServer;
use crate::server::{Delivered, hello};
use loom_events::{Message, Usage};
use loom_router::{
    BuiltinProviders, CallError, Calls, ChatRequest, Delta, Discard, ModelEntry, Provider,
    ProviderFactory, ProviderKind, Router, Thinking,
};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_real_llama_server_describes_counts_keeps_slots_and_stops_when_it_is_left() {
    let Some(server) = RealServer::llama() else {
        return;
    };
    let provider = provider(&server, ProviderKind::LlamaCpp);
    describes_itself(provider.as_ref()).await;
    counts_what_it_then_reports(provider.as_ref()).await;
    reports_its_reading(provider.as_ref()).await;
    works_in_the_slot_that_is_named(&server, provider.as_ref()).await;
    stops_when_it_is_left(&server).await;
    appended_conversations_stay_cached(provider.as_ref()).await;
    let messages = self::provider(&server, ProviderKind::Anthropic);
    counts_what_it_then_reports(messages.as_ref()).await;
    appended_conversations_stay_cached(messages.as_ref()).await;
}

fn provider(server: &RealServer, kind: ProviderKind) -> Arc<dyn Provider> {
    let entry = ModelEntry {
        provider: kind,
        max_tokens: 8,
        ..server.entry()
    };
    BuiltinProviders.provider(&entry).unwrap()
}

async fn describes_itself(provider: &dyn Provider) {
    let told = provider.describe().await.unwrap();
    assert!(told.server.unwrap().starts_with("llama-server b"));
    assert_eq!((told.window, told.slots), (Some(4096), Some(2)));
    assert_eq!(told.trained_window, Some(8192));
    assert_eq!(told.calls, Calls::Structured);
    assert_eq!(told.thinking, Thinking::Switchable);
    assert!(told.parameters.unwrap() > 1_000_000);
}

async fn counts_what_it_then_reports(provider: &dyn Provider) {
    for tools in [vec![], vec![file_tool()]] {
        let request = ChatRequest { tools, ..hello() };
        let counted = provider.count(&request).await.unwrap();
        let usage = provider.chat(&request, &mut Discard).await.unwrap().usage;
        assert_eq!(counted, Some(usage.prompt));
        assert!(!usage.estimated);
    }
}

async fn reports_its_reading(provider: &dyn Provider) {
    let mut delivered = Delivered::default();
    let request = ChatRequest::new(vec![Message::User {
        text: "word ".repeat(500),
    }]);
    provider.chat(&request, &mut delivered).await.unwrap();
    let (done, total) = *delivered.progress.last().unwrap();
    assert!(done == total && total > 500, "{:?}", delivered.progress);
}

async fn works_in_the_slot_that_is_named(server: &RealServer, provider: &dyn Provider) {
    for slot in [0, 1, 0] {
        let before = slots(server).await;
        let request = ChatRequest {
            slot: Some(slot),
            ..hello()
        };
        provider.chat(&request, &mut Discard).await.unwrap();
        let after = slots(server).await;
        let worked: Vec<_> = (0_u32..2)
            .filter(|slot| {
                let task = |slots: &[Value]| slots[*slot as usize]["id_task"].clone();
                task(&before) != task(&after)
            })
            .collect();
        assert_eq!(worked, [slot]);
    }
}

/// A model of noise may end by itself before it is left; in ten tries it does not.
async fn stops_when_it_is_left(server: &RealServer) {
    let entry = ModelEntry {
        max_tokens: 3000,
        ..server.entry()
    };
    let router = Router::new(vec![entry]).unwrap();
    for _ in 0..10 {
        let cancel = CancellationToken::new();
        let mut leave = |_: Delta<'_>| cancel.cancel();
        let reply = router.chat("tiny", &hello(), &mut leave, &cancel).await;
        if matches!(reply, Err(CallError::Cancelled { .. })) {
            return becomes_idle(server).await;
        }
    }
    unreachable!("the model never spoke twice");
}

/// Polls until no slot works: at most two seconds, in which 3000 tokens would not be written.
async fn becomes_idle(server: &RealServer) {
    for _ in 0..40 {
        let works = |slot: &Value| slot["is_processing"] == true;
        let slots = slots(server).await;
        if !slots.iter().any(works) {
            let written = |slot: &Value| slot["next_token"][0]["n_decoded"].as_u64();
            assert!(slots.iter().filter_map(written).all(|tokens| tokens < 2900));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("a slot still works for nobody");
}

async fn slots(server: &RealServer) -> Vec<Value> {
    let url = server.url.replace("/v1", "/slots");
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

async fn appended_conversations_stay_cached(provider: &dyn Provider) {
    let mut request = ChatRequest {
        tools: vec![file_tool()],
        slot: Some(0),
        ..ChatRequest::new(vec![Message::System {
            text: "Follow the rules. ".repeat(150),
        }])
    };
    for turn in 0..5 {
        request.messages.push(Message::User {
            text: format!("step {turn}"),
        });
        let reply = provider.chat(&request, &mut Discard).await.unwrap();
        let Usage { prompt, cached, .. } = reply.usage;
        if turn > 0 {
            assert!(
                cached * 100 >= prompt * 95,
                "turn {turn}: {cached} of {prompt}"
            );
        }
        request.messages.push(Message::Assistant {
            text: reply.answer.text,
            thought: reply.answer.thought,
            calls: reply.answer.calls,
        });
    }
}
