//! The tokens of a prompt, counted by the servers that can: from the very bytes of the request, so
//! that template and tools are in the figure.

use super::OpenAiCompatible;
use crate::http::{Ask, integer};
use crate::{CallError, ChatRequest};
use serde_json::{Value, json};

impl OpenAiCompatible {
    /// By the path that counts whole requests; older versions have only the two steps of it.
    pub(super) async fn count_at_llama_cpp(
        &self,
        request: &ChatRequest,
    ) -> Result<Option<u64>, CallError> {
        let body = self.question(request);
        let url = self.http.url("chat/completions/input_tokens");
        let counted: Result<Value, _> = self.http.post(url, body.clone()).await;
        match counted {
            Ok(counted) => Ok(integer(&counted, "input_tokens")),
            Err(CallError::Refused { status: 404, .. }) => self.count_in_two_steps(body).await,
            Err(error) => Err(error),
        }
    }

    async fn count_in_two_steps(&self, body: Vec<u8>) -> Result<Option<u64>, CallError> {
        let url = self.http.root_url("apply-template");
        let rendered: Value = self.http.post(url, body).await?;
        let Some(prompt) = rendered.get("prompt").and_then(Value::as_str) else {
            return Ok(None);
        };
        let question = json!({"content": prompt, "add_special": true, "model": self.http.place.id});
        let url = self.http.root_url("tokenize");
        let tokens: Value = self
            .http
            .post(url, question.to_string().into_bytes())
            .await?;
        let tokens = tokens.get("tokens").and_then(Value::as_array);
        Ok(tokens.map(|tokens| tokens.len() as u64))
    }

    /// vLLM's tokenizer takes the messages themselves.
    pub(super) async fn count_at_vllm(
        &self,
        request: &ChatRequest,
    ) -> Result<Option<u64>, CallError> {
        let url = self.http.root_url("tokenize");
        let counted: Value = self.http.post(url, self.question(request)).await?;
        Ok(integer(&counted, "count"))
    }

    fn question(&self, request: &ChatRequest) -> Vec<u8> {
        self.body_of(&Ask {
            stream: false,
            ..Ask::new(&self.http, request)
        })
    }
}
