//! What the service says of itself.

use crate::fault::Fault;
use crate::http::{Answer, Call, Json, Kind, Text};
use crate::shown::Shown;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use loom_client::wire::{ConfigShown, Health, ModelInfo, ModelList, Ready, ToolInfo, ToolList};
use loom_events::ToolSpec;
use loom_router::{Health as ServerHealth, ModelStatus};
use schemars::SchemaGenerator;
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::LazyLock;

pub(crate) async fn health(call: Call) -> Result<Json<Health>, Fault> {
    Ok(Json(Health {
        status: "ok".to_owned(),
        version: call.app.version.to_owned(),
        carried: call.app.carried,
    }))
}

/// Whether tasks are taken: 200, or 503 with what is missing.
pub(crate) struct Readiness(Ready);

impl Answer for Readiness {
    const STATUS: u16 = 200;
    const ALSO: &'static [(u16, &'static str)] = &[(503, "Not ready; `missing` says why.")];

    fn forms(generator: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
        Json::<Ready>::forms(generator)
    }

    fn into_response(self, shown: &Shown) -> Response {
        let ready = self.0.ready;
        let mut response = Json(self.0).into_response(shown);
        if !ready {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    }
}

pub(crate) async fn ready(call: Call) -> Result<Readiness, Fault> {
    let mut missing = Vec::new();
    if call.app.stop.is_cancelled() {
        missing.push("the service stops".to_owned());
    }
    if !call.app.is_recovered() {
        missing.push("unfinished tasks are being taken up".to_owned());
    }
    missing.extend(call.app.engine.missing_model());
    if call.app.engine.reader().unfinished().await.is_err() {
        missing.push("the journal cannot be read".to_owned());
    }
    Ok(Readiness(Ready {
        ready: missing.is_empty(),
        missing,
    }))
}

pub(crate) async fn models(call: Call) -> Result<Json<ModelList>, Fault> {
    let models = call.app.engine.models();
    let models = models.into_iter().map(model).collect();
    Ok(Json(ModelList { models }))
}

fn model(status: ModelStatus) -> ModelInfo {
    let health = match status.health {
        ServerHealth::Unknown => "unknown",
        ServerHealth::Ok => "ok",
        ServerHealth::Resting { .. } => "resting",
        ServerHealth::Trying => "trying",
    };
    ModelInfo {
        name: status.name,
        provider: status.provider.to_owned(),
        base_url: without_credentials(&status.base_url),
        model: status.model,
        tier: status.tier,
        roles: status
            .roles
            .iter()
            .map(|role| role.name().to_owned())
            .collect(),
        context_length: status.context_length,
        health: health.to_owned(),
        last_error: status.last_error,
        capabilities: status
            .capabilities
            .and_then(|c| serde_json::to_value(c).ok()),
        succeeded: status.succeeded,
        failed: status.failed,
        in_flight: status.in_flight,
        waiting: status.waiting,
        slots: status.slots,
        first_token_ms: status.speed.first_token_ms,
        prefill_per_s: status.speed.prefill_per_s,
        decode_per_s: status.speed.decode_per_s,
    }
}

/// An address without a name and a password in it.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

pub(crate) async fn tools(call: Call) -> Result<Json<ToolList>, Fault> {
    let tools = call.app.engine.tools().await;
    let tools = tools.into_iter().map(tool).collect();
    Ok(Json(ToolList { tools }))
}

fn tool(spec: ToolSpec) -> ToolInfo {
    ToolInfo {
        name: spec.name,
        description: spec.description,
        parameters: spec.parameters,
        read_only: spec.read_only,
    }
}

pub(crate) async fn config(call: Call) -> Result<Json<ConfigShown>, Fault> {
    Ok(Json(ConfigShown {
        values: call.app.config.clone(),
    }))
}

/// Text for Prometheus.
pub(crate) struct Prometheus;

impl Kind for Prometheus {
    const MEDIA: &'static str = "text/plain; version=0.0.4; charset=utf-8";
}

pub(crate) async fn metrics(call: Call) -> Result<Text<Prometheus>, Fault> {
    let app = &call.app;
    if !app.figures {
        return Err(Fault::forbidden(
            "off",
            "figures are off: `telemetry.prometheus = true` in the configuration gives them"
                .to_owned(),
        ));
    }
    // What the service itself knows comes behind what the engine counted.
    let mut text = app.engine.metrics().prometheus();
    let streams = app.streams();
    let open = [(String::new(), streams.to_string())];
    family(&mut text, "loom_streams", "Open streams of events.", &open);
    let models = app.engine.models();
    let sample = |model: &ModelStatus| {
        let labels = format!("{{model=\"{}\"}}", label(&model.name));
        (labels, model.in_flight.to_string())
    };
    let in_flight: Vec<_> = models.iter().map(sample).collect();
    let help = "Model calls that run or wait for a slot.";
    family(&mut text, "loom_model_calls_in_flight", help, &in_flight);
    Ok(Text::new(text))
}

/// Adds the samples of something that goes up and down.
fn family(text: &mut String, name: &str, help: &str, samples: &[(String, String)]) {
    // Writing to a string cannot fail.
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge").ok();
    for (labels, value) in samples {
        writeln!(text, "{name}{labels} {value}").ok();
    }
}

/// The value of a label, with what would end it escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// The description of the API.
pub(crate) struct OpenApi;

impl Kind for OpenApi {
    const MEDIA: &'static str = "application/json";
}

/// Made when it is first asked for: it is large, and most services are never asked.
pub(crate) async fn openapi(_: Call) -> Result<Text<OpenApi>, Fault> {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| crate::openapi().into());
    Ok(Text::new(DOCUMENT.clone()))
}

/// A page.
pub(crate) struct Html;

impl Kind for Html {
    const MEDIA: &'static str = "text/html; charset=utf-8";
    // It is text and its own style, and loads and runs nothing.
    const HEADERS: &'static [(&'static str, &'static str)] = &[
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("referrer-policy", "no-referrer"),
    ];
}

pub(crate) async fn docs(_: Call) -> Result<Text<Html>, Fault> {
    static PAGE: LazyLock<Bytes> =
        LazyLock::new(|| crate::docs::page(&crate::table::table()).into());
    Ok(Text::new(PAGE.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        for (url, shown) in [
            ("http://me:secret@host:1/v1", "http://host:1/v1"),
            ("http://host:1/v1", "http://host:1/v1"),
            ("http://host/a@b", "http://host/a@b"),
            ("https://me@host", "https://host"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
