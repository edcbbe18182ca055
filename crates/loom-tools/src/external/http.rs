//! Streamable HTTP over our own client: it goes where it is told (no redirect, no proxy from the
//! environment), reads within bounds, and stops when it is told to.

use super::bounded::{EventSize, MAX_MESSAGE, TOO_LONG};
use super::settings::Secret;
use super::trouble::Trouble;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};
use std::collections::HashMap;
use std::sync::{Arc, Once};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";
const SESSION: &str = "mcp-session-id";
const LAST_EVENT: &str = "last-event-id";

/// Until a connection stands; a server that is there answers at once.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Bytes that are read of a refusal.
const MAX_REFUSAL: usize = 64 << 10;

/// Characters that are shown of it.
const SHOWN_REFUSAL: usize = 200;

/// The client of one connection.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    /// Ends whatever is under way.
    stop: CancellationToken,
    trouble: Arc<Trouble>,
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// The server refused it.
    #[error("it answers HTTP {0}")]
    Refused(String),
    /// It was not reached, or the connection broke.
    #[error("{0}")]
    Lost(String),
    /// It sent too much.
    #[error("{TOO_LONG}")]
    TooLong,
    /// Nobody wants it any more.
    #[error("the connection is closed")]
    Stopped,
}

type Failure = StreamableHttpError<HttpError>;

impl Http {
    /// For one server. The secrets are in every request, and never in an error.
    ///
    /// # Errors
    /// A header that cannot be one, in a sentence.
    pub(super) fn new(
        url: &str,
        token: Option<&Secret>,
        headers: &[(String, Secret)],
        trouble: Arc<Trouble>,
    ) -> Result<Self, String> {
        static TLS: Once = Once::new();
        // Fails when the program has chosen another one, which is as good.
        TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIME)
            .default_headers(secrets(token, headers)?);
        let builder = match url.starts_with("http://") {
            // A machine without certificates can still talk to a server on it.
            true => builder.tls_certs_only([]),
            false => builder,
        };
        Ok(Self {
            client: builder.build().map_err(|error| root_cause(&error))?,
            stop: CancellationToken::new(),
            trouble,
        })
    }

    /// Ends every request of this connection when it is cancelled.
    pub(super) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    async fn send(
        &self,
        mut request: RequestBuilder,
        session: Option<Arc<str>>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Response, Failure> {
        if let Some(session) = session {
            request = request.header(SESSION, session.as_ref());
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let sent = self.unless_stopped(request.send()).await?;
        sent.map_err(|error| self.failed(HttpError::Lost(root_cause(&error))))
    }

    /// The body, or an error when it is larger than a message may be.
    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = self
            .unless_stopped(response.chunk())
            .await?
            .map_err(|error| self.failed(HttpError::Lost(root_cause(&error))))?
        {
            if body.len() + chunk.len() > MAX_MESSAGE {
                return Err(self.failed(HttpError::TooLong));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn events(&self, response: Response) -> BoxStream<'static, Result<Sse, SseError>> {
        let stop = self.stop.clone();
        let trouble = Arc::clone(&self.trouble);
        let mut size = EventSize::default();
        let bytes = response.bytes_stream().map(move |chunk| {
            let chunk = chunk.map_err(|error| HttpError::Lost(root_cause(&error)))?;
            match size.fits(&chunk) {
                true => Ok(chunk),
                false => {
                    trouble.note(TOO_LONG);
                    Err(HttpError::TooLong)
                }
            }
        });
        let bytes = bytes.take_until(stop.cancelled_owned());
        SseStream::from_bytes_stream(bytes).boxed()
    }

    /// Why a request was refused; a refusal in the words of the protocol is an answer.
    async fn refusal(&self, response: Response) -> Result<StreamableHttpPostResponse, Failure> {
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            self.trouble.deny();
        }
        let is_json = is(&response, JSON);
        let body = self.start_of(response).await;
        if is_json
            && let Ok(message @ JsonRpcMessage::Error(_)) =
                serde_json::from_slice::<ServerJsonRpcMessage>(&body)
        {
            return Ok(StreamableHttpPostResponse::Json(message, None));
        }
        let said = super::words::one_line(&String::from_utf8_lossy(&body), SHOWN_REFUSAL);
        Err(self.failed(HttpError::Refused(explained(status, &said))))
    }

    /// As much of the body as is needed to say something about it.
    async fn start_of(&self, mut response: Response) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < MAX_REFUSAL
            && let Ok(Ok(Some(chunk))) = self.unless_stopped(response.chunk()).await
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(MAX_REFUSAL);
        body
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            done = work => Ok(done),
            () = self.stop.cancelled() => Err(Failure::Client(HttpError::Stopped)),
        }
    }

    fn failed(&self, error: HttpError) -> Failure {
        self.trouble.note(error.to_string());
        Failure::Client(error)
    }
}

impl StreamableHttpClient for Http {
    type Error = HttpError;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let had_session = session.is_some();
        let wants_answer = matches!(message, JsonRpcMessage::Request(_));
        let request = self
            .client
            .post(uri.as_ref())
            .header(ACCEPT, format!("{EVENTS}, {JSON}"))
            .header(CONTENT_TYPE, JSON)
            .body(serde_json::to_vec(&message)?);
        let response = self.send(request, session, headers).await?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND && had_session {
            self.trouble.note("it has forgotten the session");
            return Err(Failure::SessionExpired);
        }
        if !status.is_success() {
            return self.refusal(response).await;
        }
        let session = response.headers().get(SESSION);
        let session = session.and_then(|id| Some(id.to_str().ok()?.to_owned()));
        if is(&response, EVENTS) {
            let events = self.events(response);
            return Ok(StreamableHttpPostResponse::Sse(events, session));
        }
        if !wants_answer {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if !is(&response, JSON) {
            let kind = response.headers().get(CONTENT_TYPE);
            let kind = kind
                .and_then(|kind| kind.to_str().ok())
                .unwrap_or("nothing");
            let what = format!("with {kind}, which is not the protocol");
            return Err(self.failed(HttpError::Refused(format!("{status} {what}"))));
        }
        let body = self.body(response).await?;
        let message = serde_json::from_slice(&body).inspect_err(|_| {
            self.trouble.note("its answer is not the protocol");
        })?;
        Ok(StreamableHttpPostResponse::Json(message, session))
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        _: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failure> {
        let mut request = self.client.get(uri.as_ref()).header(ACCEPT, EVENTS);
        if let Some(last_event) = last_event {
            request = request.header(LAST_EVENT, last_event);
        }
        let response = self.send(request, session, headers).await?;
        // A server need not have such a stream, so nothing of this is trouble.
        match response.status() {
            status if status.is_success() && is(&response, EVENTS) => Ok(self.events(response)),
            StatusCode::METHOD_NOT_ALLOWED => Err(Failure::ServerDoesNotSupportSse),
            status => Err(Failure::Client(HttpError::Refused(status.to_string()))),
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        _: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failure> {
        let request = self.client.delete(uri.as_ref());
        // What the server makes of it is its own affair.
        self.send(request, Some(session), headers).await.map(drop)
    }
}

fn is(response: &Response, kind: &str) -> bool {
    let header = response.headers().get(CONTENT_TYPE);
    header.is_some_and(|found| found.as_bytes().starts_with(kind.as_bytes()))
}

/// The status with the way out, where there is one.
fn explained(status: StatusCode, said: &str) -> String {
    let way_out = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            ": it wants other credentials, see `token_env` and `headers_env`"
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            ": is this the address of its MCP endpoint?"
        }
        _ if status.is_redirection() => ": redirects are not followed, name the final address",
        _ => "",
    };
    match said.is_empty() {
        true => format!("{status}{way_out}"),
        false => format!("{status}{way_out} ({said})"),
    }
}

fn secrets(token: Option<&Secret>, headers: &[(String, Secret)]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    if let Some(token) = token {
        let bearer = format!("Bearer {}", token.expose().trim());
        map.insert(AUTHORIZATION, secret("the token", &bearer)?);
    }
    for (name, value) in headers {
        let header = HeaderName::try_from(name.as_str());
        let header = header.map_err(|_| format!("`{name}` cannot be the name of a header"))?;
        map.insert(
            header,
            secret(&format!("the value of `{name}`"), value.expose().trim())?,
        );
    }
    Ok(map)
}

fn secret(what: &str, value: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(value)
        .map_err(|_| format!("{what} has characters that no header has"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The innermost cause: the outer ones only say that something failed, and name the address.
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
    fn a_secret_that_is_no_header_is_refused_without_being_shown() {
        let bad = Secret::new("hunter2\u{1}");
        let client = Http::new("http://a:1", Some(&bad), &[], Arc::default());
        let error = client.err().unwrap();
        assert!(!error.contains("hunter2"), "{error}");
        let headers = [("X-Key".to_owned(), bad)];
        let client = Http::new("http://a:1", None, &headers, Arc::default());
        let error = client.err().unwrap();
        assert!(
            error.contains("X-Key") && !error.contains("hunter2"),
            "{error}"
        );
    }
}
