//! Every key there is, with its form and its field. This table is the schema: what is not in it
//! does not exist, and `config/loom.toml` is tested against it.

use super::error::most_like;
use super::form::Form;
use super::webhooks::EVENTS;
use super::{Config, ModelConfig, ServerConfig};
use loom_events::Role;
use loom_router::ProviderKind;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A field that takes and gives canonical values.
pub(super) trait Slot {
    /// Takes a value; what does not fit is said as serde says it.
    fn put(&mut self, value: Value) -> Result<(), serde_json::Error>;
    /// Gives its value; null when unset.
    fn get(&self) -> Value;
}

impl<T: Serialize + DeserializeOwned> Slot for T {
    fn put(&mut self, value: Value) -> Result<(), serde_json::Error> {
        *self = serde_json::from_value(value)?;
        Ok(())
    }

    fn get(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

/// A key of `Of`: the whole configuration, one model, or one server.
pub(super) struct Key<Of> {
    /// Dotted.
    pub(super) path: &'static str,
    /// What it accepts.
    pub(super) form: Form,
    /// Where its value is.
    pub(super) slot: fn(&mut Of) -> &mut dyn Slot,
}

const fn key<Of>(path: &'static str, form: Form, slot: fn(&mut Of) -> &mut dyn Slot) -> Key<Of> {
    Key { path, form, slot }
}

/// A count that may be anything a `u32` holds; limits have their own upper end only where a larger
/// value cannot work.
const COUNT: Form = Form::Whole(1, u32::MAX as u64);
const COUNT_OR_ZERO: Form = Form::Whole(0, u32::MAX as u64);
/// JSON and TOML numbers are exact up to here.
const BIG: Form = Form::Whole(1, i64::MAX as u64);

/// All keys but those of models and servers, in the order in which they are shown.
pub(super) const KEYS: &[Key<Config>] = &[
    key("server.host", Form::Text, |c| &mut c.service.host),
    key("server.port", Form::Whole(0, u16::MAX as u64), |c| {
        &mut c.service.port
    }),
    key("server.names", Form::Texts, |c| &mut c.service.names),
    key("server.max_body", Form::Bytes, |c| &mut c.service.max_body),
    key("server.max_tasks", COUNT, |c| &mut c.service.max_tasks),
    key("server.max_connections", COUNT, |c| {
        &mut c.service.max_connections
    }),
    key("server.max_subscribers", COUNT, |c| {
        &mut c.service.max_subscribers
    }),
    key("workspace.roots", Form::Paths, |c| &mut c.workspace.roots),
    key("workspace.derived", Form::Names, |c| {
        &mut c.workspace.derived
    }),
    key("workspace.keep", Form::Names, |c| &mut c.workspace.keep),
    key("workspace.max_snapshot", Form::Bytes, |c| {
        &mut c.workspace.max_snapshot
    }),
    key("execution.max_parallel_tasks", Form::Whole(1, 1000), |c| {
        &mut c.max_parallel_tasks
    }),
    key("execution.max_parallel_subtasks", Form::Whole(1, 64), |c| {
        &mut c.task.max_parallel_subtasks
    }),
    key(
        "execution.ladder",
        Form::Choices(&["planned", "feedback", "next_tier", "top_tier"]),
        |c| &mut c.task.ladder,
    ),
    key("execution.replan_interval", COUNT_OR_ZERO, |c| {
        &mut c.task.replan_interval
    }),
    key("execution.prompts", Form::Path, |c| &mut c.prompts),
    key("execution.project_notes", Form::Switch, |c| {
        &mut c.project.notes
    }),
    key("execution.skills", Form::Switch, |c| &mut c.project.skills),
    key("execution.limits.iterations", COUNT, |c| {
        &mut c.task.limits.iterations
    }),
    key("execution.limits.turns_per_attempt", COUNT, |c| {
        &mut c.task.limits.turns_per_attempt
    }),
    key("execution.limits.plan_versions", COUNT, |c| {
        &mut c.task.limits.plan_versions
    }),
    key("execution.limits.max_subtasks", COUNT, |c| {
        &mut c.task.limits.max_subtasks
    }),
    key("execution.limits.tokens", BIG, |c| {
        &mut c.task.limits.tokens
    }),
    key("execution.limits.working_time", Form::Duration, |c| {
        &mut c.task.limits.working_time_ms
    }),
    key("execution.limits.nudges", COUNT_OR_ZERO, |c| {
        &mut c.task.limits.nudges
    }),
    key("execution.limits.unusable_answers", COUNT, |c| {
        &mut c.task.limits.unusable_answers
    }),
    key("execution.limits.transient_retries", COUNT_OR_ZERO, |c| {
        &mut c.task.limits.transient_retries
    }),
    key("execution.limits.inconclusive_rounds", COUNT_OR_ZERO, |c| {
        &mut c.task.limits.inconclusive_rounds
    }),
    key("execution.limits.reconciliations", COUNT, |c| {
        &mut c.task.limits.reconciliations
    }),
    key("verification.tier", Form::Whole(1, 3), |c| {
        &mut c.task.verification.tier
    }),
    key("verification.votes", Form::Whole(1, 7), |c| {
        &mut c.task.verification.votes
    }),
    key(
        "verification.vote",
        Form::Choice(&["verdicts", "executions"]),
        |c| &mut c.task.verification.vote,
    ),
    key("verification.final_gate", Form::Switch, |c| {
        &mut c.task.verification.final_gate
    }),
    key("verification.checks", Form::Texts, |c| {
        &mut c.task.verification.checks
    }),
    key(
        "approval.mode",
        Form::Choice(&["auto", "manual", "threshold"]),
        |c| &mut c.task.approval,
    ),
    key("approval.threshold", Form::Number(0.0, 1.0), |c| {
        &mut c.task.verification.threshold
    }),
    key("approval.proceed", Form::Number(0.0, 1.0), |c| {
        &mut c.task.bands.proceed
    }),
    key("approval.ask", Form::Number(0.0, 1.0), |c| {
        &mut c.task.bands.ask
    }),
    key("approval.stop", Form::Number(0.0, 1.0), |c| {
        &mut c.task.bands.stop
    }),
    key("approval.objection", Form::Duration, |c| {
        &mut c.task.bands.objection_ms
    }),
    key("approval.review_plan", Form::Switch, |c| {
        &mut c.task.review_plan
    }),
    key("approval.question_timeout", Form::DurationOrNever, |c| {
        &mut c.task.question_timeout_ms
    }),
    key(
        "approval.unanswered",
        Form::Choice(&["wait", "default", "fail"]),
        |c| &mut c.task.unanswered,
    ),
    key("approval.grace", Form::Duration, |c| &mut c.task.grace_ms),
    key("memory.embedding", Form::Text, |c| &mut c.memory.embedding),
    key("learning.enabled", Form::Switch, |c| &mut c.task.learning),
    key("state.durability", Form::Choice(&["full", "normal"]), |c| {
        &mut c.state.durability
    }),
    key("state.keep_snapshots", Form::DurationOrNever, |c| {
        &mut c.state.keep_snapshots_ms
    }),
    key("state.max_snapshots", Form::Bytes, |c| {
        &mut c.state.max_snapshots
    }),
    key("tools.shell_timeout", Form::Duration, |c| {
        &mut c.tools.shell_timeout_ms
    }),
    key("tools.output_bytes", Form::Whole(512, 1_048_576), |c| {
        &mut c.task.limits.tool_output_bytes
    }),
    key("policy.rules", Form::Rules, |c| &mut c.policy.rules),
    key(
        "sandbox.mode",
        Form::Choice(&[
            "auto",
            "bubblewrap",
            "landlock",
            "seatbelt",
            "docker",
            "none",
        ]),
        |c| &mut c.sandbox.mode,
    ),
    key("sandbox.image", Form::Text, |c| &mut c.sandbox.image),
    key("sandbox.socket", Form::Text, |c| &mut c.sandbox.socket),
    // Below this not even a shell with a pipe runs well.
    key(
        "sandbox.memory_mib",
        Form::Whole(16, u32::MAX as u64),
        |c| &mut c.sandbox.memory_mib,
    ),
    key("sandbox.network", Form::Switch, |c| &mut c.task.network),
    key("sandbox.read", Form::Paths, |c| &mut c.sandbox.read),
    key("sandbox.write", Form::Paths, |c| &mut c.sandbox.write),
    key("webhooks.urls", Form::Texts, |c| &mut c.webhooks.urls),
    key("webhooks.secret_env", Form::Variable, |c| {
        &mut c.webhooks.secret_env
    }),
    key("webhooks.events", Form::Choices(EVENTS), |c| {
        &mut c.webhooks.events
    }),
    key("webhooks.allow_private", Form::Switch, |c| {
        &mut c.webhooks.allow_private
    }),
    // Fewer would not outlast the restart of a receiver.
    key("webhooks.tries", Form::Whole(5, 20), |c| {
        &mut c.webhooks.tries
    }),
    key("webhooks.retry", Form::Duration, |c| {
        &mut c.webhooks.retry_ms
    }),
    key("webhooks.timeout", Form::Duration, |c| {
        &mut c.webhooks.timeout_ms
    }),
    key("notify.command", Form::Texts, |c| &mut c.notify.command),
    key("notify.events", Form::Choices(EVENTS), |c| {
        &mut c.notify.events
    }),
    key("notify.timeout", Form::Duration, |c| {
        &mut c.notify.timeout_ms
    }),
    key("notify.bell", Form::Switch, |c| &mut c.notify.bell),
    key("telemetry.endpoint", Form::Url, |c| {
        &mut c.telemetry.endpoint
    }),
    key("telemetry.headers_env", Form::Variables, |c| {
        &mut c.telemetry.headers_env
    }),
    key("telemetry.service_name", Form::Text, |c| {
        &mut c.telemetry.service_name
    }),
    key("telemetry.timeout", Form::Duration, |c| {
        &mut c.telemetry.timeout_ms
    }),
    key("telemetry.prometheus", Form::Switch, |c| {
        &mut c.telemetry.prometheus
    }),
    key(
        "logging.level",
        Form::Choice(&["off", "error", "warn", "info", "debug", "trace"]),
        |c| &mut c.logging.level,
    ),
];

const ROLES: [&str; Role::ALL.len()] = {
    let mut names = [""; Role::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Role::ALL[at].name();
        at += 1;
    }
    names
};

const PROVIDERS: [&str; ProviderKind::ALL.len()] = {
    let mut names = [""; ProviderKind::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = ProviderKind::ALL[at].name();
        at += 1;
    }
    names
};

/// The families of [`loom_router::Family`], as they are written in a file; a test compares.
const FAMILIES: &[&str] = &[
    "hermes",
    "qwen3_coder",
    "mini_max",
    "glm",
    "deep_seek",
    "kimi",
    "llama",
    "mistral",
    "gpt_oss",
    "gemma",
    "granite",
    "phi",
    "command",
    "nemotron",
    "seed",
    "lfm",
    "olmo",
    "intern_lm",
    "unknown",
];

/// The keys of one `[models.NAME]`.
pub(super) const MODEL_KEYS: &[Key<ModelConfig>] = &[
    key("provider", Form::Choice(&PROVIDERS), |m| &mut m.provider),
    key("base_url", Form::Url, |m| &mut m.base_url),
    key("model", Form::Text, |m| &mut m.model),
    key("roles", Form::Choices(&ROLES), |m| &mut m.roles),
    key("tier", Form::Whole(1, 3), |m| &mut m.tier),
    key("max_tokens", COUNT, |m| &mut m.max_tokens),
    key("temperature", Form::Number(0.0, 2.0), |m| {
        &mut m.temperature
    }),
    key("context_length", Form::Whole(512, u32::MAX as u64), |m| {
        &mut m.context_length
    }),
    key("max_concurrency", Form::Whole(1, 1024), |m| {
        &mut m.max_concurrency
    }),
    key("retries", Form::Whole(0, 20), |m| &mut m.retries),
    key("thinking", Form::Choice(&["auto", "on", "off"]), |m| {
        &mut m.thinking
    }),
    key("reasoning_budget", COUNT, |m| &mut m.reasoning_budget),
    key("family", Form::Choice(FAMILIES), |m| &mut m.family),
    key("keep_alive", Form::KeepAlive, |m| &mut m.keep_alive),
    key("api_key_env", Form::Variable, |m| &mut m.api_key_env),
    key("timeouts.connect", Form::Duration, |m| {
        &mut m.timeouts.connect_ms
    }),
    key("timeouts.first_token", Form::Duration, |m| {
        &mut m.timeouts.first_token_ms
    }),
    key("timeouts.stall", Form::Duration, |m| {
        &mut m.timeouts.stall_ms
    }),
    key("timeouts.total", Form::Duration, |m| {
        &mut m.timeouts.total_ms
    }),
];

/// The keys of one `[mcp.servers.NAME]`.
pub(super) const SERVER_KEYS: &[Key<ServerConfig>] = &[
    key("command", Form::Text, |s| &mut s.command),
    key("args", Form::Texts, |s| &mut s.args),
    key("env", Form::Table, |s| &mut s.env),
    key("cwd", Form::Path, |s| &mut s.cwd),
    key("url", Form::Url, |s| &mut s.url),
    key("token_env", Form::Variable, |s| &mut s.token_env),
    key("headers_env", Form::Variables, |s| &mut s.headers_env),
    key("tools", Form::Texts, |s| &mut s.tools),
    key("approval", Form::Choice(&["ask", "allow"]), |s| {
        &mut s.approval
    }),
    key("allow", Form::Texts, |s| &mut s.allow),
    key("timeout", Form::Duration, |s| &mut s.timeout_ms),
    key("startup_timeout", Form::Duration, |s| {
        &mut s.startup_timeout_ms
    }),
    key("enabled", Form::Switch, |s| &mut s.enabled),
];

/// What a path in the configuration leads to.
pub(super) enum Place {
    /// One value.
    Key(&'static Key<Config>),
    /// One value of a model.
    ModelKey(String, &'static Key<ModelConfig>),
    /// One value of a server of tools.
    ServerKey(String, &'static Key<ServerConfig>),
    /// A table with more below it.
    Section,
    /// Nothing; the nearest valid key, when there is one.
    Nothing(Option<String>),
}

/// Finds what a path leads to. A model's name may contain dots, so a path comes in parts.
pub(super) fn find(parts: &[String]) -> Place {
    if parts[0] == "models" {
        return find_in_models(&parts[1..]);
    }
    if parts[0] == "mcp" {
        return find_in_servers(&parts[1..]);
    }
    let path = parts.join(".");
    if let Some(key) = KEYS.iter().find(|key| key.path == path) {
        return Place::Key(key);
    }
    if KEYS.iter().any(|key| is_below(key.path, &path)) {
        return Place::Section;
    }
    Place::Nothing(suggest(&path))
}

fn find_in_models(parts: &[String]) -> Place {
    let Some((name, rest)) = parts.split_first() else {
        return Place::Section;
    };
    let path = rest.join(".");
    if path.is_empty() || MODEL_KEYS.iter().any(|key| is_below(key.path, &path)) {
        return Place::Section;
    }
    match MODEL_KEYS.iter().find(|key| key.path == path) {
        Some(key) => Place::ModelKey(name.clone(), key),
        None => {
            let near = most_like(&path, MODEL_KEYS.iter().map(|key| key.path));
            Place::Nothing(near.map(|near| format!("models.{name}.{near}")))
        }
    }
}

fn find_in_servers(parts: &[String]) -> Place {
    let [servers, rest @ ..] = parts else {
        return Place::Section;
    };
    if servers != "servers" {
        return Place::Nothing(Some("mcp.servers".to_owned()));
    }
    let [name, rest @ ..] = rest else {
        return Place::Section;
    };
    let path = rest.join(".");
    if path.is_empty() {
        return Place::Section;
    }
    match SERVER_KEYS.iter().find(|key| key.path == path) {
        Some(key) => Place::ServerKey(name.clone(), key),
        None => {
            let near = most_like(&path, SERVER_KEYS.iter().map(|key| key.path));
            Place::Nothing(near.map(|near| format!("mcp.servers.{name}.{near}")))
        }
    }
}

fn is_below(key: &str, section: &str) -> bool {
    key.strip_prefix(section)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// The nearest key: the most alike in the same section, or the one that has this last name in
/// another, or the most alike anywhere.
fn suggest(path: &str) -> Option<String> {
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let names = |key: &Key<Config>| key.path.rsplit_once('.').map_or("", |(_, name)| name);
    if let Some(same) = KEYS.iter().find(|key| names(key) == name) {
        return Some(same.path.to_owned());
    }
    let siblings = KEYS
        .iter()
        .filter(|key| is_below(key.path, section))
        .map(|key| key.path);
    if let Some(near) = most_like(path, siblings) {
        return Some(near.to_owned());
    }
    let sections = KEYS
        .iter()
        .filter_map(|key| key.path.split('.').next())
        .chain(["mcp", "models"]);
    match path.contains('.') {
        true => most_like(path, KEYS.iter().map(|key| key.path)).map(str::to_owned),
        false => most_like(path, sections).map(str::to_owned),
    }
}

/// Names of the sections that exist, for the environment.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter()
        .filter_map(|key| key.path.split('.').next())
        .chain(["mcp", "models"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::form::Raw;

    const NO_DEFAULT: &[&str] = &[
        "execution.prompts",
        "memory.embedding",
        "sandbox.image",
        "sandbox.socket",
        "sandbox.memory_mib",
        "webhooks.secret_env",
        "telemetry.endpoint",
    ];

    #[test]
    fn every_default_has_the_form_of_its_key_and_fits_its_field() {
        let mut config = Config::default();
        for key in KEYS {
            let before = (key.slot)(&mut config).get();
            let Some(toml) = key.form.toml(&before) else {
                assert!(NO_DEFAULT.contains(&key.path), "{}", key.path);
                continue;
            };
            let parsed: toml::Table = format!("x = {toml}").parse().unwrap();
            let raw = Raw::Typed(serde_json::to_value(&parsed["x"]).unwrap());
            let read = key
                .form
                .read(&raw)
                .unwrap_or_else(|e| panic!("{}: {e}", key.path));
            (key.slot)(&mut config).put(read).unwrap();
        }
        assert_eq!(config, Config::default());
    }

    #[test]
    fn the_families_are_those_that_the_parser_knows() {
        let said = serde_json::from_value::<loom_router::Family>(Value::from("?"))
            .unwrap_err()
            .to_string();
        let names: Vec<_> = FAMILIES.iter().map(|name| format!("`{name}`")).collect();
        assert!(
            said.ends_with(&format!("one of {}", names.join(", "))),
            "{said}"
        );
    }

    #[test]
    fn a_misspelt_key_finds_its_nearest() {
        for (wrong, right) in [
            (
                "execution.max_paralel_tasks",
                "execution.max_parallel_tasks",
            ),
            ("execution.iterations", "execution.limits.iterations"),
            ("aproval.mode", "approval.mode"),
            ("exection", "execution"),
            ("model", "models"),
        ] {
            assert_eq!(suggest(wrong).as_deref(), Some(right), "{wrong}");
        }
        assert_eq!(suggest("zzz"), None);
    }
}
