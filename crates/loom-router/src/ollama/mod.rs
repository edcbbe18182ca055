//! Ollama's own protocol: the one that can set the context size and say that nothing may be cut.
//!
//! `body` writes a request, `line` reads the lines of an answer, `shown` what the server tells of a
//! model. The call itself is that of every protocol.

mod body;
mod line;
mod shown;

use crate::assembly::{Assembly, BYTES_PER_TOKEN};
use crate::embed::embed;
use crate::http::{self, Ask, Bad, Framing, Http, Took, Wire};
use crate::size::parameters;
use crate::{
    CallError, Calls, Capabilities, ChatReply, ChatRequest, DeltaSink, ListedModel, ModelEntry,
    Provider, RouterError, Thinking,
};
use async_trait::async_trait;
use line::Line;
use loom_dialect::Family;
use serde_json::{Value, json};
use shown::Shown;
use tokio::sync::OnceCell;

/// The window where neither the user nor the server says one. Ollama's own default depends on the
/// video memory and begins at four thousand, which the first file that is read would fill.
const FALLBACK_WINDOW: u32 = 8192;

/// The most that is asked for unless the user asks for more: models claim windows of a million
/// tokens, and the memory for the whole window is taken when the model is loaded.
const LARGEST_OWN_WINDOW: u32 = 32_768;

/// One model at one Ollama.
pub struct Ollama {
    http: Http,
    /// What `/api/show` said. Asked once: another window in a later request would have the server
    /// load the model anew, and forget what it has read.
    shown: OnceCell<Shown>,
}

impl Ollama {
    /// The provider of an entry; nothing is sent yet.
    ///
    /// # Errors
    /// The address or the key cannot be used.
    pub fn new(entry: &ModelEntry) -> Result<Self, RouterError> {
        Ok(Self {
            http: Http::new(entry)?,
            shown: OnceCell::new(),
        })
    }

    async fn shown(&self) -> Result<&Shown, CallError> {
        let ask = async || {
            let question = json!({"model": self.http.place.id});
            let url = self.http.url("api/show");
            let shown: Value = self
                .http
                .post(url, question.to_string().into_bytes())
                .await?;
            Ok(Shown::read(&shown))
        };
        self.shown.get_or_try_init(ask).await
    }

    /// The window that every request asks for.
    fn window(&self) -> u32 {
        let trained = self.shown.get().and_then(|shown| shown.window);
        let own = trained.map_or(FALLBACK_WINDOW, |window| window.min(LARGEST_OWN_WINDOW));
        self.http.settings.context_length.unwrap_or(own)
    }
}

impl Wire for Ollama {
    const FRAMING: Framing = Framing::Lines;

    fn path(&self) -> &'static str {
        "api/chat"
    }

    fn body(&self, ask: &Ask<'_>) -> Vec<u8> {
        let thinks = self.shown.get().and_then(|shown| shown.thinks);
        body::body(ask, self.window(), thinks.unwrap_or(true))
            .to_string()
            .into_bytes()
    }

    fn take(
        &self,
        data: &[u8],
        assembly: &mut Assembly,
        sink: &mut dyn DeltaSink,
    ) -> Result<Took, Bad> {
        let line: Line = serde_json::from_slice(data)?;
        if line.is_error() {
            return Err(Bad::Reported);
        }
        line.add_to(assembly, sink)
    }
}

#[async_trait]
impl Provider for Ollama {
    /// The figures of the prompt: Ollama counts cached tokens as prompt tokens, but versions before
    /// 0.9 left them out and gave only what was evaluated. A figure below a quarter of what the bytes
    /// make likely is such a one, and is replaced by the estimate, marked as such.
    async fn chat(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError> {
        // Without an answer the fallback holds; a model that is missing is reported by the call.
        let _asked = self.shown().await.is_ok();
        let mut reply = http::chat(&self.http, self, request, sink).await?;
        let likely = bytes_of(&Ask::new(&self.http, request)) / BYTES_PER_TOKEN;
        if reply.usage.prompt < likely / 4 {
            reply.usage.prompt = likely;
            reply.usage.estimated = true;
        }
        Ok(reply)
    }

    async fn list(&self) -> Result<Vec<ListedModel>, CallError> {
        let tags: Value = self.http.get(self.http.url("api/tags")).await?;
        let models = tags.get("models").and_then(Value::as_array);
        let model = |line: &Value| {
            let id = line.get("name").or_else(|| line.get("model"))?.as_str()?;
            let size = line.pointer("/details/parameter_size");
            Some(ListedModel {
                id: id.to_owned(),
                parameters: size.and_then(Value::as_str).and_then(parameters),
                // The window that it was trained with is not the one that it would be loaded with.
                context_length: None,
            })
        };
        Ok(models.into_iter().flatten().filter_map(model).collect())
    }

    async fn embed(&self, texts: &[String]) -> Result<Option<Vec<Vec<f32>>>, CallError> {
        // The same words as everywhere, which its own protocol has in addition.
        let url = self.http.url("v1/embeddings");
        embed(&self.http, url, texts).await.map(Some)
    }

    async fn describe(&self) -> Result<Capabilities, CallError> {
        let version: Value = self.http.get(self.http.url("api/version")).await?;
        let shown = self.shown().await?;
        let running: Value = self.http.get(self.http.url("api/ps")).await?;
        let running = running.get("models").and_then(Value::as_array);
        let loaded = running.is_some_and(|lines| lines.iter().any(|line| self.is_own(line)));
        let version = version.get("version").and_then(Value::as_str);
        let traits = self.http.settings.traits;
        Ok(Capabilities {
            server: version.map(|version| format!("Ollama {version}")),
            window: Some(self.window()),
            trained_window: shown.window,
            loaded: Some(loaded),
            parameters: shown.parameters,
            family: Some(traits.family).filter(|family| *family != Family::Unknown),
            calls: match shown.calls {
                None => Calls::Unknown,
                Some(true) => Calls::Structured,
                Some(false) => Calls::InText,
            },
            thinking: match shown.thinks {
                None => Thinking::Unknown,
                Some(true) => Thinking::Switchable,
                Some(false) => Thinking::None,
            },
            schema: Some(true),
            forced_calls: Some(false),
            swaps: true,
            ..Capabilities::default()
        })
    }
}

impl Ollama {
    /// Whether a line of a list is about the model of the entry; a name without a tag means `latest`.
    fn is_own(&self, line: &Value) -> bool {
        let Some(id) = &self.http.place.id else {
            return true;
        };
        let name = line.get("name").or_else(|| line.get("model"));
        name.and_then(Value::as_str)
            .is_some_and(|name| name == id || name.strip_suffix(":latest") == Some(id))
    }
}

/// What is text in a request: the keys and quotes around it are no tokens.
fn bytes_of(ask: &Ask<'_>) -> u64 {
    use loom_events::Message;
    let message = |message: &Message| match message {
        Message::System { text } | Message::User { text } | Message::Tool { text, .. } => {
            text.len()
        }
        Message::Assistant { text, .. } => text.len(),
    };
    ask.messages.iter().map(message).sum::<usize>() as u64
}
