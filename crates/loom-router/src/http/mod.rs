//! What every server over HTTP has in common: the client, the sending of a request under its
//! deadlines, the reading of a stream within bounds, and what a refusal means.
//!
//! A protocol is a [`Wire`]: which bytes ask, and what the bytes of an answer say. `call` makes one
//! call of it, `stream` frames the answer, `clock` keeps the deadlines, `refusal` turns what a server
//! says instead into a [`CallError`], and `field` remembers which optional fields it does not want.

mod address;
mod call;
mod clock;
mod field;
mod reading;
mod refusal;
mod refused_words;
mod rest;
mod stream;

pub(crate) use call::chat;
pub(crate) use field::{Field, Fields};
pub(crate) use reading::{Ask, Bad, Framing, Took, Wire, integer};

use crate::history::Style;
use crate::kind::Protocol;
use crate::thinking::Switch;
use crate::{ApiKey, CallError, ChatRequest, Deadline, Deadlines, ModelEntry, RouterError};
use clock::Clock;
use field::RefusedFields;
use loom_dialect::Traits;
use refusal::Refused;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, Response, Url, redirect};
use serde::de::DeserializeOwned;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// A question about a server needs no model: one that takes longer to answer it is of no use.
const LIST_DEADLINE: Duration = Duration::from_secs(10);

/// Room for a list of thousands of models or an error that quotes its request.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Room for an answer in one piece.
const MAX_ANSWER_BODY_BYTES: usize = 16 << 20;

/// One model at one server, and what was learned about it.
pub(crate) struct Http {
    client: Client,
    base: Url,
    pub(crate) place: Place,
    pub(crate) settings: Settings,
    refused_fields: RefusedFields,
    /// Whether the model's template has refused calls in its history.
    plain_history: AtomicBool,
    /// Whether calls were found in the text, which is said once.
    calls_in_text: AtomicBool,
}

/// Who is asked, for requests and for errors.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Address, as the user wrote it.
    pub(crate) server: String,
    /// Name of the entry.
    pub(crate) model: String,
    /// The model's id at the server.
    pub(crate) id: Option<String>,
}

/// What the entry says about a call.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_tokens: u32,
    pub(crate) temperature: Option<f32>,
    pub(crate) context_length: Option<u32>,
    pub(crate) reasoning_budget: Option<u32>,
    pub(crate) traits: Traits,
    pub(crate) keep_alive: Option<String>,
    thinking: crate::ThinkingSetting,
    schema_in_prompt: bool,
    deadlines: Deadlines,
}

impl Settings {
    pub(crate) fn of(entry: &ModelEntry) -> Self {
        Self {
            // An answer as long as the window leaves no room for the question, and some servers
            // refuse the request for it.
            max_tokens: entry
                .context_length
                .map_or(entry.max_tokens, |window| entry.max_tokens.min(window / 2)),
            temperature: entry.temperature,
            context_length: entry.context_length,
            reasoning_budget: entry.reasoning_budget,
            traits: entry.traits(),
            keep_alive: entry.keep_alive.clone(),
            thinking: entry.thinking,
            schema_in_prompt: entry.provider.defaults().schema_in_prompt,
            deadlines: entry.deadlines,
        }
    }

    /// How the model is told whether to think.
    pub(crate) fn switch(&self, request: &ChatRequest) -> Switch {
        Switch::new(
            &self.traits,
            self.thinking,
            request.think,
            self.reasoning_budget,
        )
    }
}

impl Http {
    /// For this entry; nothing is sent yet.
    ///
    /// # Errors
    /// The address or the key cannot be used.
    pub(crate) fn new(entry: &ModelEntry) -> Result<Self, RouterError> {
        let defaults = entry.provider.defaults();
        let base = address::base_url(&entry.base_url, defaults.protocol, defaults.path);
        let base = base.map_err(|reason| RouterError::BadUrl {
            name: entry.name.clone(),
            base_url: entry.base_url.clone(),
            reason,
        })?;
        let client = client(entry, &base).map_err(|reason| RouterError::Client {
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
            settings: Settings::of(entry),
            refused_fields: RefusedFields::except(defaults.takes),
            plain_history: AtomicBool::new(false),
            calls_in_text: AtomicBool::new(false),
        })
    }

    /// How the history of a request is to be rendered now.
    pub(crate) fn style(&self, request: &ChatRequest) -> Style {
        Style::new(
            &self.settings.traits,
            self.settings.switch(request).word(),
            self.plain_history.load(Ordering::Relaxed),
        )
    }

    /// What the server is known not to want.
    pub(crate) fn without(&self) -> Fields {
        self.refused_fields.known()
    }

    /// An address below the one of the entry.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// An address below the server's root, where servers keep what is theirs alone.
    pub(crate) fn root_url(&self, path: &str) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        format!("{}/{path}", base.strip_suffix("/v1").unwrap_or(base))
    }

    /// What the server says at an address that needs no model.
    pub(crate) async fn get<T: DeserializeOwned>(&self, url: String) -> Result<T, CallError> {
        let body = self.ask(Method::GET, url, None).await?;
        self.parse(&body)
    }

    /// The same, with a question.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        url: String,
        body: Vec<u8>,
    ) -> Result<T, CallError> {
        let body = self.ask(Method::POST, url, Some(body)).await?;
        self.parse(&body)
    }

    /// The same, where the model has to work for the answer.
    pub(crate) async fn post_within<T: DeserializeOwned>(
        &self,
        url: String,
        body: Vec<u8>,
        deadline: Duration,
    ) -> Result<T, CallError> {
        let (deadline, room) = (
            deadline.min(self.settings.deadlines.total),
            MAX_ANSWER_BODY_BYTES,
        );
        let body = self.ask_within(Method::POST, url, Some(body), deadline, room);
        self.parse(&body.await?)
    }

    /// The bytes of it.
    pub(crate) async fn get_bytes(&self, url: String) -> Result<Vec<u8>, CallError> {
        self.ask(Method::GET, url, None).await
    }

    async fn ask(
        &self,
        method: Method,
        url: String,
        body: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, CallError> {
        self.ask_within(method, url, body, LIST_DEADLINE, MAX_BODY_BYTES)
            .await
    }

    async fn ask_within(
        &self,
        method: Method,
        url: String,
        body: Option<Vec<u8>>,
        deadline: Duration,
        room: usize,
    ) -> Result<Vec<u8>, CallError> {
        let asked = async {
            let mut request = self.client.request(method, url);
            if let Some(body) = body {
                request = request.header(CONTENT_TYPE, "application/json").body(body);
            }
            let response = request.send().await.map_err(|error| self.lost(&error))?;
            if !response.status().is_success() {
                return Err(self.refusal(response).await.error());
            }
            let body = read_capped(response, room).await;
            body.map_err(|error| self.lost(&error))
        };
        timeout(deadline, asked)
            .await
            .unwrap_or_else(|_| Err(self.timed_out(Deadline::FirstToken)))
    }

    fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, CallError> {
        serde_json::from_slice(body)
            .map_err(|error| self.protocol(format!("it is not the expected JSON ({error})")))
    }

    async fn send(&self, url: String, body: Vec<u8>, clock: &Clock) -> Result<Response, CallError> {
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream, application/json, */*;q=0.1")
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
        let retry_after = rest::asked(response.headers());
        // Without its body a refusal still has a status.
        let body = timeout(LIST_DEADLINE, read_capped(response, MAX_BODY_BYTES)).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        Refused::new(&self.place, status, &body, retry_after)
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
            (false, _) => self.broken(format!("the connection was lost ({reason})")),
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
            partial: None,
        }
    }

    fn broken(&self, reason: String) -> CallError {
        CallError::Broken {
            server: self.place.server.clone(),
            model: self.place.model.clone(),
            reason,
            partial: None,
        }
    }

    /// What came is not the protocol.
    pub(crate) fn protocol(&self, reason: String) -> CallError {
        CallError::Protocol {
            server: self.place.server.clone(),
            model: self.place.model.clone(),
            reason,
        }
    }
}

/// A client that goes where it is told: no proxy from the environment, and no redirect, which would
/// carry prompt and key to somewhere else.
fn client(entry: &ModelEntry, base: &Url) -> Result<Client, String> {
    client_builder(base)
        .connect_timeout(entry.deadlines.connect)
        .default_headers(headers(entry)?)
        .build()
        .map_err(|error| root_cause(&error))
}

/// What every client of this crate has in common.
pub(crate) fn client_builder(base: &Url) -> ClientBuilder {
    static TLS: Once = Once::new();
    // Fails when the program has chosen another one, which is as good.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none());
    match base.scheme() {
        // A machine without certificates can still talk to a server on it.
        "http" => builder.tls_certs_only([]),
        _ => builder,
    }
}

fn headers(entry: &ModelEntry) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let messages = entry.provider.defaults().protocol == Protocol::Messages;
    if messages {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    if let Some(key) = &entry.api_key {
        let (name, prefix) = if messages {
            ("x-api-key", "")
        } else {
            ("authorization", "Bearer ")
        };
        headers.insert(name, secret(prefix, key)?);
    }
    Ok(headers)
}

fn secret(prefix: &str, key: &ApiKey) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(format!("{prefix}{}", key.expose()))
        .map_err(|_| "the API key has characters that no key has".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read_capped(mut response: Response, limit: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while body.len() < limit
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(limit);
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
    fn a_key_that_is_no_header_is_refused_without_being_shown() {
        let entry = ModelEntry {
            api_key: Some(ApiKey::new("sk-\u{1}secret")),
            ..ModelEntry::new("m", "http://a:1")
        };
        let error = Http::new(&entry).err().unwrap().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn what_a_server_keeps_for_itself_is_beside_its_v1() {
        let url = |base| {
            let http = Http::new(&ModelEntry::new("m", base)).unwrap();
            (http.url("models"), http.root_url("props"))
        };
        let both = |models: &str, props: &str| (models.to_owned(), props.to_owned());
        assert_eq!(
            url("http://a:1"),
            both("http://a:1/v1/models", "http://a:1/props")
        );
        assert_eq!(
            url("http://a:1/x/v1/"),
            both("http://a:1/x/v1/models", "http://a:1/x/props")
        );
    }
}
