//! One try: the message over the wire, within its time, to the address that was judged.

use super::Webhooks;
use super::address::{NoWay, check, resolve};
use loom_events::Time;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Url, redirect};
use std::sync::Once;
use std::time::Duration;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);

/// Bytes of a receiver's answer that are read: nothing in it matters, and it may never end.
const MAX_ANSWER: usize = 16 * 1024;

/// What is sent.
pub(super) struct Message<'a> {
    /// The id of the delivery, the same over all tries.
    pub(super) id: &'a str,
    /// The name of the event.
    pub(super) event: &'static str,
    pub(super) url: &'a str,
    pub(super) body: Vec<u8>,
    pub(super) at: Time,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The receiver has it.
    Delivered(String),
    /// Not now.
    Failed(String),
    /// Not now, and not later.
    Hopeless(String),
}

impl Webhooks {
    /// Sends a message once.
    pub(super) async fn send(&self, message: Message<'_>) -> Sent {
        match tokio::time::timeout(self.timeout, self.try_to_send(message)).await {
            Ok(sent) => sent,
            Err(_) => Sent::Failed(format!("no answer within {} ms", self.timeout.as_millis())),
        }
    }

    async fn try_to_send(&self, message: Message<'_>) -> Sent {
        // Asked again: the settings may have changed since the message was made.
        let url = match check(message.url, self.allow_private) {
            Ok(url) => url,
            Err(why) => return Sent::Hopeless(why),
        };
        let (host, addresses) = match resolve(&url, self.allow_private).await {
            Ok(found) => found,
            Err(NoWay::Forbidden(why)) => return Sent::Hopeless(why),
            Err(NoWay::Unknown(why)) => return Sent::Failed(why),
        };
        let client = match client(&url, &host, &addresses) {
            Ok(client) => client,
            Err(error) => return Sent::Failed(root_cause(error)),
        };
        let request = client
            .post(url)
            .headers(self.headers(&message))
            .body(message.body);
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Sent::Failed(root_cause(error)),
        };
        let status = response.status();
        let mut read = 0;
        // So that the receiver can end its answer in peace; what is wrong with it does not matter.
        while read < MAX_ANSWER
            && let Ok(Some(chunk)) = response.chunk().await
        {
            read += chunk.len();
        }
        match status.as_u16() {
            200..=299 => Sent::Delivered(format!("answered {status}")),
            300..=399 => Sent::Failed(format!("answered {status}, and redirects are not followed")),
            410 => Sent::Hopeless(format!("answered {status}")),
            _ => Sent::Failed(format!("answered {status}")),
        }
    }

    fn headers(&self, message: &Message<'_>) -> HeaderMap {
        let timestamp = (message.at.as_millis() / 1_000).to_string();
        let signature = self
            .key
            .as_ref()
            .map(|key| key.sign(&timestamp, &message.body));
        let named = [
            ("loom-delivery", Some(message.id.to_owned())),
            ("loom-event", Some(message.event.to_owned())),
            ("loom-timestamp", Some(timestamp)),
            ("loom-signature", signature),
        ];
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("loom-webhook"));
        for (name, value) in named {
            let value = value.and_then(|value| HeaderValue::try_from(value).ok());
            if let Some(value) = value {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers
    }
}

/// A client for one address: no proxy, which would look the name up again, and no redirect.
fn client(
    url: &Url,
    host: &str,
    addresses: &[std::net::SocketAddr],
) -> Result<Client, reqwest::Error> {
    static TLS: Once = Once::new();
    // Fails when the program has chosen another one, which is as good.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .resolve_to_addrs(host, addresses);
    match url.scheme() {
        // A machine without certificates can still tell its neighbour.
        "http" => builder.tls_certs_only([]).build(),
        _ => builder.build(),
    }
}

/// The innermost cause, without the address: there may be a secret in it.
fn root_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
