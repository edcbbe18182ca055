//! The seam to a kind of server: one trait, and the factory that makes an implementation for an entry.

use crate::kind::Protocol;
use crate::{
    Anthropic, CallError, Capabilities, ChatReply, ChatRequest, DeltaSink, ModelEntry, Ollama,
    OpenAiCompatible, RouterError,
};
use async_trait::async_trait;
use std::sync::Arc;

/// One model at one server. Retries, queueing and bookkeeping are the router's, not the provider's.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Asks once. Dropping the future ends the call at the server.
    ///
    /// # Errors
    /// What the server or the way to it did. A useless answer is not an error.
    async fn chat(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError>;

    /// The models that the server has.
    ///
    /// # Errors
    /// As for [`Provider::chat`].
    async fn list(&self) -> Result<Vec<ListedModel>, CallError>;

    /// What the server says of itself and of this model, without asking the model anything.
    ///
    /// # Errors
    /// As for [`Provider::chat`].
    async fn describe(&self) -> Result<Capabilities, CallError> {
        Ok(Capabilities::default())
    }

    /// Vectors of texts, one each and in their order; `None` where servers of this kind make none.
    ///
    /// # Errors
    /// As for [`Provider::chat`].
    async fn embed(&self, _texts: &[String]) -> Result<Option<Vec<Vec<f32>>>, CallError> {
        Ok(None)
    }

    /// The tokens of the prompt that this request would be, counted by the server; `None` where it
    /// does not count.
    ///
    /// # Errors
    /// As for [`Provider::chat`].
    async fn count(&self, _request: &ChatRequest) -> Result<Option<u64>, CallError> {
        Ok(None)
    }
}

/// A model in a server's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedModel {
    /// The id to ask for.
    pub id: String,
    /// Number of parameters, when the server says it.
    pub parameters: Option<u64>,
    /// Context window of one request in tokens, when the server says it.
    pub context_length: Option<u32>,
}

/// Makes the provider of an entry. Tests hand in their own.
pub trait ProviderFactory: Send + Sync {
    /// The provider of `entry`.
    ///
    /// # Errors
    /// The entry makes no sense, such as an address that is none.
    fn provider(&self, entry: &ModelEntry) -> Result<Arc<dyn Provider>, RouterError>;
}

/// The providers that are built in.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltinProviders;

impl ProviderFactory for BuiltinProviders {
    fn provider(&self, entry: &ModelEntry) -> Result<Arc<dyn Provider>, RouterError> {
        Ok(match entry.provider.defaults().protocol {
            Protocol::ChatCompletions => Arc::new(OpenAiCompatible::new(entry)?),
            Protocol::Ollama => Arc::new(Ollama::new(entry)?),
            Protocol::Messages => Arc::new(Anthropic::new(entry)?),
        })
    }
}
