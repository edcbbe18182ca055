//! OpenAI-compatible servers: llama.cpp, LM Studio, vLLM, MLX, Ollama's `/v1` and many more.
//!
//! `render` writes a request into the words of `body`, `chunk` reads the events, `models` the list,
//! `describe` what each server tells of itself, and `count` has it count tokens. The call itself is
//! that of every protocol.

mod body;
mod chunk;
mod count;
mod describe;
mod models;
mod render;

use crate::assembly::Assembly;
use crate::embed::embed;
use crate::http::{self, Ask, Bad, Framing, Http, Took, Wire};
use crate::{
    CallError, Capabilities, ChatReply, ChatRequest, DeltaSink, ListedModel, ModelEntry, Provider,
    ProviderKind, RouterError,
};
use async_trait::async_trait;
use chunk::{Choice, Chunk, ThoughtName, UsageChunk};
use std::sync::atomic::{AtomicU8, Ordering};

/// One model at one OpenAI-compatible server.
pub struct OpenAiCompatible {
    http: Http,
    kind: ProviderKind,
    /// Place in [`ThoughtName::ALL`] of what the server calls thoughts, by its last answer.
    thoughts: AtomicU8,
}

impl OpenAiCompatible {
    /// The provider of an entry; nothing is sent yet.
    ///
    /// # Errors
    /// The address or the key cannot be used.
    pub fn new(entry: &ModelEntry) -> Result<Self, RouterError> {
        Ok(Self {
            http: Http::new(entry)?,
            kind: entry.provider,
            thoughts: AtomicU8::new(0),
        })
    }

    fn thought_name(&self) -> ThoughtName {
        let place = usize::from(self.thoughts.load(Ordering::Relaxed));
        ThoughtName::ALL.get(place).copied().unwrap_or_default()
    }

    fn remember(&self, name: ThoughtName) {
        self.thoughts.store(name as u8, Ordering::Relaxed);
    }

    fn body_of(&self, ask: &Ask<'_>) -> Vec<u8> {
        serde_json::to_vec(&render::body(ask, self.thought_name()))
            .expect("BUG: the wire types have string keys and finite numbers only")
    }
}

impl Wire for OpenAiCompatible {
    const FRAMING: Framing = Framing::Events;

    fn path(&self) -> &'static str {
        "chat/completions"
    }

    fn body(&self, ask: &Ask<'_>) -> Vec<u8> {
        self.body_of(ask)
    }

    fn take(
        &self,
        data: &[u8],
        assembly: &mut Assembly,
        sink: &mut dyn DeltaSink,
    ) -> Result<Took, Bad> {
        match data.trim_ascii() {
            b"[DONE]" => return Ok(Took::End),
            b"" | b"null" => return Ok(Took::Piece),
            _ => {}
        }
        let chunk: Chunk = serde_json::from_slice(data)?;
        if chunk.is_error() {
            return Err(Bad::Reported);
        }
        let progress = chunk.prompt_progress;
        self.add(chunk, assembly, sink)?;
        Ok(progress.map_or(Took::Piece, |progress| Took::Reading {
            done: progress.processed,
            total: progress.total,
        }))
    }
}

impl OpenAiCompatible {
    fn add(
        &self,
        chunk: Chunk,
        assembly: &mut Assembly,
        sink: &mut dyn DeltaSink,
    ) -> Result<(), Bad> {
        if let Some(usage) = chunk.usage.as_ref().and_then(UsageChunk::figures) {
            assembly.usage(usage);
        }
        assembly.reported(chunk.model);
        let choices = chunk.choices.into_iter().flatten();
        // A second answer was not asked for.
        for choice in choices.filter(Choice::is_first) {
            let reason = choice
                .reason()
                .map(|reason| chunk::finish(reason).ok_or_else(|| reason.to_owned()));
            let delta = choice.into_delta(assembly.written() > 0);
            if let Some((name, thought)) = delta.thought() {
                self.remember(name);
                assembly.thought(&thought, sink)?;
            }
            assembly.text(&delta.text(), sink)?;
            for call in delta.calls() {
                assembly.call(call, sink)?;
            }
            match reason {
                None => {}
                Some(Ok(finish)) => assembly.finished(finish),
                Some(Err(reason)) => return Err(Bad::Interrupted(reason)),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Provider for OpenAiCompatible {
    async fn chat(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError> {
        http::chat(&self.http, self, request, sink).await
    }

    async fn list(&self) -> Result<Vec<ListedModel>, CallError> {
        let body = self.http.get_bytes(self.http.url("models")).await?;
        models::models(&body).map_err(|reason| self.http.protocol(reason))
    }

    async fn describe(&self) -> Result<Capabilities, CallError> {
        match self.kind {
            ProviderKind::LlamaCpp => self.describe_llama_cpp().await,
            ProviderKind::LmStudio => self.describe_lm_studio().await,
            ProviderKind::Vllm => self.describe_vllm().await,
            _ => self.describe_by_list().await,
        }
    }

    async fn embed(&self, texts: &[String]) -> Result<Option<Vec<Vec<f32>>>, CallError> {
        let url = self.http.url("embeddings");
        embed(&self.http, url, texts).await.map(Some)
    }

    async fn count(&self, request: &ChatRequest) -> Result<Option<u64>, CallError> {
        match self.kind {
            ProviderKind::LlamaCpp => self.count_at_llama_cpp(request).await,
            ProviderKind::Vllm => self.count_at_vllm(request).await,
            _ => Ok(None),
        }
    }
}
