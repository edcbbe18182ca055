//! Anthropic's messages, at its own service and at local servers that speak them too.
//!
//! `body` writes a request, `event` reads the events of an answer. The call itself is that of every
//! protocol.

mod body;
mod event;

use crate::assembly::Assembly;
use crate::http::{self, Ask, Bad, Framing, Http, Took, Wire, integer};
use crate::{
    CallError, Calls, Capabilities, ChatReply, ChatRequest, DeltaSink, ListedModel, ModelEntry,
    Provider, RouterError,
};
use async_trait::async_trait;
use event::Event;
use serde_json::Value;

/// One model behind Anthropic's messages.
pub struct Anthropic {
    http: Http,
}

impl Anthropic {
    /// The provider of an entry; nothing is sent yet.
    ///
    /// # Errors
    /// The address or the key cannot be used.
    pub fn new(entry: &ModelEntry) -> Result<Self, RouterError> {
        Ok(Self {
            http: Http::new(entry)?,
        })
    }
}

impl Wire for Anthropic {
    const FRAMING: Framing = Framing::Events;

    fn path(&self) -> &'static str {
        "messages"
    }

    fn body(&self, ask: &Ask<'_>) -> Vec<u8> {
        body::body(ask).to_string().into_bytes()
    }

    fn take(
        &self,
        data: &[u8],
        assembly: &mut Assembly,
        sink: &mut dyn DeltaSink,
    ) -> Result<Took, Bad> {
        Event::read(data)?.add_to(assembly, sink)
    }
}

#[async_trait]
impl Provider for Anthropic {
    async fn chat(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError> {
        http::chat(&self.http, self, request, sink).await
    }

    async fn list(&self) -> Result<Vec<ListedModel>, CallError> {
        let list: Value = self.http.get(self.http.url("models")).await?;
        let lines = list.get("data").and_then(Value::as_array);
        let model = |line: &Value| {
            Some(ListedModel {
                id: line.get("id")?.as_str()?.to_owned(),
                ..ListedModel::default()
            })
        };
        Ok(lines.into_iter().flatten().filter_map(model).collect())
    }

    async fn describe(&self) -> Result<Capabilities, CallError> {
        Ok(Capabilities {
            calls: Calls::Structured,
            schema: Some(false),
            forced_calls: Some(true),
            counts_tokens: true,
            ..Capabilities::default()
        })
    }

    async fn count(&self, request: &ChatRequest) -> Result<Option<u64>, CallError> {
        let question = body::question(&Ask::new(&self.http, request));
        let url = self.http.url("messages/count_tokens");
        let counted: Value = self
            .http
            .post(url, question.to_string().into_bytes())
            .await?;
        Ok(integer(&counted, "input_tokens"))
    }
}
