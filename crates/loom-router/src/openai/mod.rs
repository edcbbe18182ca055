//! OpenAI-compatible servers.

use crate::{
    CallError, ChatReply, ChatRequest, DeltaSink, ListedModel, ModelEntry, Provider, RouterError,
};
use async_trait::async_trait;

/// One model at one OpenAI-compatible server.
pub struct OpenAiCompatible {}

impl OpenAiCompatible {
    /// The provider of an entry; nothing is sent yet.
    ///
    /// # Errors
    /// The address or the key cannot be used.
    pub fn new(_entry: &ModelEntry) -> Result<Self, RouterError> {
        unimplemented!()
    }
}

#[async_trait]
impl Provider for OpenAiCompatible {
    async fn chat(
        &self,
        _request: &ChatRequest,
        _sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError> {
        unimplemented!()
    }

    async fn list(&self) -> Result<Vec<ListedModel>, CallError> {
        unimplemented!()
    }
}
