//! OpenAI-compatible servers: llama.cpp, LM Studio, vLLM, MLX, Ollama's `/v1` and many more.
//!
//! One call goes through these files in order: `render` writes the request, `stream` reads the
//! events under the deadlines, `assemble` joins them into a raw answer, [`loom_dialect`] says what
//! it means. `refusal` turns what a server says instead into a [`CallError`], and `field` remembers
//! which optional fields a server does not want.

mod assemble;
mod field;
mod refusal;
mod render;
mod stream;
mod wire;

use crate::{
    ApiKey, CallError, ChatReply, ChatRequest, Deadline, Deadlines, DeltaSink, ListedModel,
    ModelEntry, Provider, RouterError,
};
use assemble::Assembly;
use async_trait::async_trait;
use field::RefusedFields;
use loom_events::{Latency, Usage};
use refusal::{Meaning, Refused};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url, redirect};
use std::time::Duration;
use stream::Clock;
use tokio::time::timeout;

/// A list of models is small and needs no model: a server that takes longer is of no use.
const LIST_DEADLINE: Duration = Duration::from_secs(10);

/// Room for a list of thousands of models or an error that quotes its request.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Bytes of prompt for a token, where the server does not count: between code and prose.
const BYTES_PER_TOKEN: u64 = 4;

/// One model at one OpenAI-compatible server.
pub struct OpenAiCompatible {
    client: Client,
    base: Url,
    place: Place,
    settings: Settings,
    refused_fields: RefusedFields,
}

/// Who is asked, for requests and for errors.
#[derive(Clone, Debug)]
struct Place {
    /// Address, as the user wrote it.
    server: String,
    /// Name of the entry.
    model: String,
    /// The model's id at the server.
    id: Option<String>,
}

/// What the entry says about a call.
#[derive(Clone, Debug)]
struct Settings {
    max_tokens: u32,
    temperature: Option<f32>,
    deadlines: Deadlines,
}

impl OpenAiCompatible {
    /// The provider of an entry; nothing is sent yet.
    ///
    /// # Errors
    /// The address or the key cannot be used.
    pub fn new(entry: &ModelEntry) -> Result<Self, RouterError> {
        let base = base_url(&entry.base_url).map_err(|reason| RouterError::BadUrl {
            name: entry.name.clone(),
            base_url: entry.base_url.clone(),
            reason,
        })?;
        let client = client(entry).map_err(|reason| RouterError::Client {
            name: entry.name.clone(),
            reason,
        })?;
        Ok(Self {
            client,
            place: Place {
                server: entry.base_url.clone(),
                model: entry.name.clone(),
                id: entry.model.clone(),
            },
            base,
            settings: Settings {
                // An answer as long as the window leaves no room for the question, and some servers
                // refuse the request for it.
                max_tokens: entry
                    .context_length
                    .map_or(entry.max_tokens, |window| entry.max_tokens.min(window / 2)),
                temperature: entry.temperature,
                deadlines: entry.deadlines,
            },
            refused_fields: RefusedFields::default(),
        })
    }

    /// Sends the request once more for every optional field that the server turns out not to want.
    async fn open(
        &self,
        request: &ChatRequest,
        clock: &Clock,
    ) -> Result<(Response, u64), CallError> {
        loop {
            let without = self.refused_fields.known();
            let body = render::body(request, &self.place, &self.settings, without);
            let body = serde_json::to_vec(&body)
                .expect("BUG: the wire types have string keys and finite numbers only");
            let length = body.len() as u64;
            let response = self.send(body, clock).await?;
            if response.status().is_success() {
                return Ok((response, length));
            }
            match self.refusal(response).await.meaning(without) {
                // Ends: a field is new only once.
                Meaning::Field(field) if self.refused_fields.add(field) => {
                    tracing::debug!(
                        model = self.place.model,
                        ?field,
                        "the server refuses a field, which is left out from now on"
                    );
                }
                Meaning::Field(_) => {}
                Meaning::NoModel => return Err(self.no_such_model().await),
                Meaning::NoPath(refused) => return Err(self.no_path(refused).await),
                Meaning::Error(error) => return Err(error),
            }
        }
    }

    async fn send(&self, body: Vec<u8>, clock: &Clock) -> Result<Response, CallError> {
        let request = self
            .client
            .post(self.url("chat/completions"))
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .header(reqwest::header::ACCEPT, "text/event-stream")
            .body(body);
        match clock.until_first_token(request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.lost(&error)),
            Err(deadline) => Err(self.timed_out(deadline)),
        }
    }

    /// Reads why a request was refused.
    async fn refusal(&self, response: Response) -> Refused<'_> {
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        // Without its body a refusal still has a status.
        let body = timeout(LIST_DEADLINE, read_capped(response)).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        Refused::new(&self.place, status, &body, retry_after)
    }

    /// The model is not there: says which ones are.
    async fn no_such_model(&self) -> CallError {
        let listed = self.list().await.unwrap_or_default();
        CallError::NoSuchModel {
            server: self.place.server.clone(),
            model: self.place.model.clone(),
            asked: self.place.id.clone(),
            available: listed.into_iter().map(|model| model.id).collect(),
        }
    }

    /// A 404 without a reason: either the model is unknown or the address is wrong. The list tells.
    async fn no_path(&self, refused: CallError) -> CallError {
        let Ok(listed) = self.list().await else {
            return CallError::Protocol {
                server: self.place.server.clone(),
                model: self.place.model.clone(),
                reason: format!("there is nothing at {}", self.url("chat/completions")),
            };
        };
        match &self.place.id {
            Some(id) if listed.iter().all(|model| model.id != *id) => self.no_such_model().await,
            _ => refused,
        }
    }

    /// What an error of the HTTP client means.
    fn lost(&self, error: &reqwest::Error) -> CallError {
        let (server, model) = (self.place.server.clone(), self.place.model.clone());
        let reason = root_cause(error);
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => self.timed_out(Deadline::Connect),
            (true, false) => CallError::Unreachable {
                server,
                model,
                reason,
            },
            (false, _) => CallError::Broken {
                server,
                model,
                reason: format!("the connection was lost ({reason})"),
            },
        }
    }

    fn timed_out(&self, deadline: Deadline) -> CallError {
        let deadlines = &self.settings.deadlines;
        CallError::TimedOut {
            server: self.place.server.clone(),
            model: self.place.model.clone(),
            deadline,
            limit: match deadline {
                Deadline::Connect => deadlines.connect,
                Deadline::FirstToken => deadlines.first_token,
                Deadline::Stall => deadlines.stall,
                Deadline::Total => deadlines.total,
            },
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base.as_str().trim_end_matches('/'))
    }
}

#[async_trait]
impl Provider for OpenAiCompatible {
    async fn chat(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError> {
        let mut clock = Clock::start(request.deadlines(self.settings.deadlines));
        let (response, sent) = self.open(request, &clock).await?;
        let assembly = self.read(response, &mut clock, sink).await?;
        Ok(reply(assembly, request, &self.place, sent, clock.latency()))
    }

    async fn list(&self) -> Result<Vec<ListedModel>, CallError> {
        let asked = async {
            let response = self.client.get(self.url("models")).send().await;
            let response = response.map_err(|error| self.lost(&error))?;
            if !response.status().is_success() {
                return Err(self.refusal(response).await.error());
            }
            let body = read_capped(response).await;
            body.map_err(|error| self.lost(&error))
        };
        let body = timeout(LIST_DEADLINE, asked)
            .await
            .unwrap_or_else(|_| Err(self.timed_out(Deadline::FirstToken)))?;
        wire::models(&body).map_err(|reason| CallError::Protocol {
            server: self.place.server.clone(),
            model: self.place.model.clone(),
            reason,
        })
    }
}

fn reply(
    assembly: Assembly,
    request: &ChatRequest,
    place: &Place,
    sent: u64,
    latency: Latency,
) -> ChatReply {
    let written = assembly.written();
    let done = assembly.finish();
    let estimated = Usage {
        prompt: sent.div_ceil(BYTES_PER_TOKEN),
        cached: 0,
        completion: written.div_ceil(BYTES_PER_TOKEN),
        estimated: true,
    };
    ChatReply {
        usage: done.usage.unwrap_or(estimated),
        latency,
        finish: done.answer.finish,
        answer: loom_dialect::interpret(done.answer, &request.reading()),
        model: place.model.clone(),
        reported: done.reported,
    }
}

/// The address that paths are put behind.
fn base_url(given: &str) -> Result<Url, String> {
    let mut url = Url::parse(given).map_err(|error| format!("is no address: {error}"))?;
    match url.scheme() {
        "http" => {}
        "https" => {
            return Err(
                "needs TLS, which this build has not; use an http address of a local server".into(),
            );
        }
        other => return Err(format!("begins with {other}: where http: is expected")),
    }
    if !url.has_host() || url.query().is_some() {
        return Err("must be like http://127.0.0.1:8080/v1".into());
    }
    if matches!(url.path(), "" | "/") {
        url.set_path("/v1");
    }
    Ok(url)
}

/// A client that goes where it is told: no proxy from the environment, and no redirect, which would
/// carry prompt and key to somewhere else.
fn client(entry: &ModelEntry) -> Result<Client, String> {
    let mut headers = HeaderMap::new();
    if let Some(key) = &entry.api_key {
        headers.insert(AUTHORIZATION, bearer(key)?);
    }
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(entry.deadlines.connect)
        .default_headers(headers)
        .build()
        .map_err(|error| root_cause(&error))
}

fn bearer(key: &ApiKey) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose()))
        .map_err(|_| "the API key has characters that no key has".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read_capped(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while body.len() < MAX_BODY_BYTES
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MAX_BODY_BYTES);
    Ok(body)
}

/// The innermost cause: the outer ones only say that something failed.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_means_v1_and_nonsense_is_refused() {
        let base = |given| base_url(given).map(|url| url.to_string());
        assert_eq!(base("http://a:1").unwrap(), "http://a:1/v1");
        assert_eq!(base("http://a:1/").unwrap(), "http://a:1/v1");
        assert_eq!(base("http://a:1/api/v1").unwrap(), "http://a:1/api/v1");
        for given in [
            "",
            "a:1",
            "localhost",
            "file:///x",
            "https://a",
            "http://a?b",
        ] {
            assert!(base(given).is_err(), "{given}");
        }
    }

    #[test]
    fn a_key_that_is_no_header_is_refused_without_being_shown() {
        let entry = ModelEntry {
            api_key: Some(ApiKey::new("sk-\u{1}secret")),
            ..ModelEntry::new("m", "http://a:1")
        };
        let error = OpenAiCompatible::new(&entry).err().unwrap().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
