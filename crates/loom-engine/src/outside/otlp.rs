//! [`Exporter`]: sends spans to a collector, as OTLP over HTTP in its JSON form. Spans wait for each
//! other a moment; what a collector that is down does not take waits within a bound, and then goes.

use super::Watcher;
use super::settings::Collector;
use super::spans::{Span, Spans, Value};
use crate::broken::chain;
use crate::shared::Shared;
use async_trait::async_trait;
use loom_events::{Record, TaskId, Time};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::sync::{Arc, Once};

/// Spans of one message.
const BATCH: usize = 256;

/// Spans that wait for a collector that is down: a few busy minutes. Then the oldest go.
const MAX_WAITING: usize = 4_096;

/// Records read at a time of a task that an earlier process began.
const PAGE: usize = 1_000;

/// Follows tasks and tells a collector.
pub(super) struct Exporter {
    collector: Collector,
    shared: Arc<Shared>,
    http: Option<Client>,
    tasks: HashMap<TaskId, Spans>,
    waiting: Vec<Span>,
    /// Whether the last message was not taken, which is said once.
    is_down: bool,
    /// Spans that were left out since then.
    lost: usize,
}

impl Exporter {
    pub(super) fn new(collector: Collector, shared: Arc<Shared>) -> Self {
        let http = client(&collector);
        if let Err(error) = &http {
            tracing::error!(error = chain(error), "telemetry cannot be sent");
        }
        Self {
            collector,
            shared,
            http: http.ok(),
            tasks: HashMap::new(),
            waiting: Vec::new(),
            is_down: false,
            lost: 0,
        }
    }

    /// What of a task was before this process. Its spans were sent then, or never are.
    async fn before(&self, record: &Record) -> Spans {
        let (task, seq) = (record.envelope.task_id, record.envelope.seq);
        let mut spans = Spans::new(task);
        while spans.last().next() < seq {
            let page = self.shared.journal.read(task, spans.last(), PAGE).await;
            let page = page.unwrap_or_default();
            let earlier = page.iter().filter(|one| one.envelope.seq < seq);
            let before = spans.last();
            earlier.for_each(|one| drop(spans.note(one)));
            if spans.last() == before {
                break;
            }
        }
        spans
    }

    /// Sends what waits, as far as it is taken.
    async fn send(&mut self) {
        while !self.waiting.is_empty() {
            let batch = self.waiting.len().min(BATCH);
            match self.post(&self.waiting[..batch]).await {
                Sent::Taken => {
                    self.is_down = false;
                    let lost = std::mem::take(&mut self.lost);
                    if lost > 0 {
                        tracing::warn!(lost, "the collector is back; so many spans are left out");
                    }
                }
                Sent::Refused(why) => {
                    tracing::warn!(
                        why,
                        spans = batch,
                        "the collector refuses spans; they are left out"
                    );
                }
                Sent::Later(why) => {
                    if !std::mem::replace(&mut self.is_down, true) {
                        tracing::warn!(why, "telemetry waits for its collector");
                    }
                    self.bound();
                    return;
                }
            }
            self.waiting.drain(..batch);
        }
    }

    /// Leaves out the oldest of more than may wait, which is said once and then counted.
    fn bound(&mut self) {
        let over = self.waiting.len().saturating_sub(MAX_WAITING);
        if over > 0 && self.lost == 0 {
            tracing::warn!("too many spans wait for the collector; the oldest are left out");
        }
        self.lost += over;
        self.waiting.drain(..over);
    }

    async fn post(&self, spans: &[Span]) -> Sent {
        let Some(http) = &self.http else {
            return Sent::Refused("there is no client".to_owned());
        };
        let body = message(
            &self.collector.service,
            &self.shared.build,
            spans,
            &|model| {
                let entry = self.shared.router.entry(model)?;
                Some(entry.provider.name().to_owned())
            },
        );
        let request = http.post(self.collector.url.clone()).json(&body);
        match request.send().await {
            Err(error) => Sent::Later(chain(&error.without_url())),
            Ok(answer) => match answer.status() {
                status if status.is_success() => Sent::Taken,
                status @ (StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT) => Sent::Later(format!("answered {status}")),
                status => Sent::Refused(format!("answered {status}")),
            },
        }
    }
}

/// What became of a message.
enum Sent {
    Taken,
    /// It may be taken later.
    Later(String),
    /// It never will be.
    Refused(String),
}

#[async_trait]
impl Watcher for Exporter {
    async fn note(&mut self, record: &Record) {
        let task = record.envelope.task_id;
        let mut spans = match self.tasks.remove(&task) {
            Some(spans) => spans,
            None => self.before(record).await,
        };
        self.waiting.extend(spans.note(record));
        if !record.envelope.event.is_terminal() {
            self.tasks.insert(task, spans);
        }
        if self.waiting.len() >= BATCH && !self.is_down {
            self.send().await;
        }
        self.bound();
    }

    async fn pause(&mut self) {
        self.send().await;
    }

    async fn finish(&mut self) {
        self.send().await;
    }
}

fn client(collector: &Collector) -> Result<Client, reqwest::Error> {
    static TLS: Once = Once::new();
    // Fails when the program has chosen another one, which is as good.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let mut headers = HeaderMap::new();
    for (name, value) in &collector.headers {
        let name = HeaderName::try_from(name.as_str());
        let value = HeaderValue::try_from(value.as_str());
        if let (Ok(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .default_headers(headers)
        .timeout(collector.timeout);
    match collector.url.scheme() {
        // A machine without certificates can still tell its neighbour.
        "http" => builder.tls_certs_only([]).build(),
        _ => builder.build(),
    }
}

/// A message of OTLP. `provider` says what serves a model.
fn message(
    service: &str,
    build: &str,
    spans: &[Span],
    provider: &dyn Fn(&str) -> Option<String>,
) -> Json {
    let spans: Vec<Json> = spans.iter().map(|one| span(one, provider)).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            attribute("service.name", &Value::from(service)),
            attribute("service.version", &Value::from(build)),
        ]},
        "scopeSpans": [{ "scope": { "name": "loom" }, "spans": spans }],
    }]})
}

fn span(span: &Span, provider: &dyn Fn(&str) -> Option<String>) -> Json {
    let mut attributes: Vec<Json> = span
        .attributes
        .iter()
        .map(|(name, value)| attribute(name, value))
        .collect();
    let model = span
        .attributes
        .iter()
        .find_map(|(name, value)| match value {
            Value::Text(model) if *name == "gen_ai.request.model" => provider(model),
            _ => None,
        });
    attributes.extend(model.map(|name| attribute("gen_ai.provider.name", &Value::Text(name))));
    let mut json = json!({
        "traceId": span.trace.to_string().replace('-', ""),
        "spanId": format!("{:016x}", span.id),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanos(span.begin),
        "endTimeUnixNano": nanos(span.end),
        "attributes": attributes,
        // 0 says nothing: whether all is well is for the reader to say.
        "status": { "code": if span.error.is_some() { 2 } else { 0 } },
    });
    if let Some(parent) = span.parent {
        json["parentSpanId"] = json!(format!("{parent:016x}"));
    }
    json
}

/// Numbers of 64 bits are texts in the JSON form.
fn nanos(at: Time) -> String {
    (i128::from(at.as_millis()) * 1_000_000).to_string()
}

fn attribute(name: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Whole(n) => json!({ "intValue": n.to_string() }),
        Value::Number(n) => json!({ "doubleValue": n }),
        Value::Switch(on) => json!({ "boolValue": on }),
        Value::Texts(texts) => {
            let values: Vec<Json> = texts
                .iter()
                .map(|text| json!({ "stringValue": text }))
                .collect();
            json!({ "arrayValue": { "values": values } })
        }
    };
    json!({ "key": name, "value": value })
}
