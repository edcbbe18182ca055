//! Which models a command may use: a server that was named, the configured ones, else whatever
//! answers on the usual ports of this machine. Everything that is wrong is said before a task is made.

mod facts;
mod known;

use crate::setup::SetupError;
use loom_engine::Config;
use loom_events::Role;
use loom_router::{
    Absent, BuiltinProviders, CallError, Candidate, Discovered, ListedModel, ModelEntry,
    ProviderFactory as _, ProviderKind, RouterError, Usable, discover, local_candidates, usable,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub use facts::{Facts, Known};
pub use known::Model;

/// How long a server that was named has to say what it has. It answers at once unless it is loading
/// a model, and a user is waiting for the first line.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to do when no model server answers.
pub const HOW_TO_START: &str = "start one (`ollama serve`, `llama-server -m MODEL.gguf --jinja`, or the server of LM Studio) and run this again, or name it with --server URL; `loom demo` needs none";

/// What the user says of models beside the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// A server to use instead of what is configured or found.
    pub server: Option<String>,
    /// Use only this model, for every role.
    pub model: Option<String>,
}

/// The models that are to be used, and why these.
#[derive(Debug)]
pub struct Models {
    /// The models.
    pub models: Vec<Model>,
    /// Why these, in a few words.
    pub why: &'static str,
}

impl Models {
    /// Each with what is known of it.
    #[must_use]
    pub fn usable(self) -> Vec<Usable> {
        let usable = |model: Model| Usable {
            entry: model.entry,
            capabilities: model.known,
        };
        self.models.into_iter().map(usable).collect()
    }
}

/// What a model server was asked, and what it said.
#[derive(Debug)]
pub struct Asked {
    /// The model.
    pub model: Model,
    /// Why it cannot be used.
    pub down: Option<String>,
}

/// The models that are to be used.
///
/// # Errors
/// There is none, or not what is asked for.
pub async fn choose(
    config: &Config,
    choice: &Choice,
    env: &BTreeMap<String, String>,
    facts: &Facts,
) -> Result<Models, SetupError> {
    let (models, why) = match &choice.server {
        Some(server) => (at_server(server).await?, "from --server"),
        None if config.models_that_chat().next().is_none() => {
            let found = anywhere(local_candidates()).await?;
            (found, "found on the usual ports")
        }
        None => {
            let models = reachable(config, env).await?;
            (models, "as configured")
        }
    };
    let models = match &choice.model {
        Some(only) => keep_only(models, only, choice.server.as_deref())?,
        None => models,
    };
    let models = known::learn(models, facts).await;
    match models.iter().all(Model::is_too_small) {
        true => Err(too_small(&models)),
        false => Ok(Models { models, why }),
    }
}

/// The models of one server.
async fn at_server(server: &str) -> Result<Vec<Model>, SetupError> {
    let url = address(server)?;
    let place = Candidate {
        patience: PATIENCE,
        ..Candidate::new(&url, &url)
    };
    let found = discover(&[place]).await;
    for place in &found {
        if let Err(absent) = &place.models {
            return Err(absent_fault(&url, absent));
        }
    }
    let models = models_of(&found);
    match models.is_empty() {
        true => Err(
            SetupError::new(format!("the server at {url} has no model that can chat"))
                .hint("load one into it"),
        ),
        false => Ok(models),
    }
}

fn models_of(found: &[Discovered]) -> Vec<Model> {
    let model = |one: loom_router::Usable| Model::new(one.entry, one.capabilities);
    usable(found).into_iter().map(model).collect()
}

/// The models that answer at any of these places.
async fn anywhere(places: Vec<Candidate>) -> Result<Vec<Model>, SetupError> {
    let found = discover(&places).await;
    let models = models_of(&found);
    if !models.is_empty() {
        return Ok(models);
    }
    let message = format!(
        "no model server was found on this machine: {}",
        looked_at(&found)
    );
    Err(SetupError::new(message).hint(HOW_TO_START))
}

/// Where nothing was, and what else was where.
fn looked_at(found: &[Discovered]) -> String {
    let (silent, others): (Vec<_>, Vec<_>) = found
        .iter()
        .partition(|place| place.models == Err(Absent::NothingListens));
    let name =
        |place: &&Discovered| format!("{} at {}", place.candidate.label, place.candidate.base_url);
    let mut parts: Vec<_> = others.into_iter().map(place_sentence).collect();
    if !silent.is_empty() {
        let silent: Vec<_> = silent.iter().map(name).collect();
        parts.push(format!("nothing listens for {}", silent.join(", ")));
    }
    parts.join("; ")
}

/// What is at a place, in a few words.
#[must_use]
pub fn place_sentence(place: &Discovered) -> String {
    let (label, url) = (&place.candidate.label, place.base_url());
    match &place.models {
        Ok(models) => {
            let server = place.server.as_deref().unwrap_or("a model server");
            let models = match models.len() {
                1 => "1 chat model".to_owned(),
                n => format!("{n} chat models"),
            };
            format!("{} at {url}: {models}", printable(server))
        }
        Err(absent) => format!("{label} at {url}: {absent}"),
    }
}

fn configured(
    config: &Config,
    env: &BTreeMap<String, String>,
) -> Result<Vec<ModelEntry>, SetupError> {
    let entries = config.model_entries(env);
    let entries = entries.map_err(|error| SetupError::of(&error))?;
    for entry in &entries {
        let made = BuiltinProviders.provider(entry);
        made.map_err(|error| SetupError::cannot(&error))?;
    }
    Ok(entries)
}

/// The configured models, unless not one of their servers can be reached, or one would refuse them.
async fn reachable(
    config: &Config,
    env: &BTreeMap<String, String>,
) -> Result<Vec<Model>, SetupError> {
    let entries = configured(config, env)?;
    let looked = look(&entries).await;
    let mut models = Vec::with_capacity(entries.len());
    let mut first_failure = None;
    let mut answers = 0;
    for ((entry, answer), place) in ask_all(entries).await.into_iter().zip(looked) {
        let mut model = with_place(entry, &place);
        match answer {
            // A server that is only slow, or that lists nothing, may do its work all the same.
            Ok(_) | Err(CallError::TimedOut { .. } | CallError::Protocol { .. }) => answers += 1,
            Err(error) => {
                model.notes.push(format!("cannot {error}"));
                first_failure.get_or_insert(error);
            }
        }
        let listed = known::check_listed(&model.entry, &place).map_err(|text| {
            SetupError::new(format!("model {}: {text}", model.entry.name))
                .hint("set `model` to one that it has, or load it there")
        })?;
        model.notes.extend(listed);
        model.notes.extend(known::check_kind(&model.entry, &place));
        models.push(model);
    }
    match first_failure.filter(|_| answers == 0) {
        Some(first) => {
            Err(SetupError::cannot(&first)
                .hint("`loom models` shows what answers and what does not"))
        }
        None => Ok(models),
    }
}

/// Looks at the server of every entry.
async fn look(entries: &[ModelEntry]) -> Vec<Discovered> {
    let places: Vec<_> = entries.iter().map(Candidate::of).collect();
    discover(&places).await
}

fn with_place(entry: ModelEntry, place: &Discovered) -> Model {
    let id = entry.model.as_deref();
    // A llama-server of one model answers with it whatever it is asked for.
    let only = || {
        place
            .model(None)
            .filter(|_| place.kind == ProviderKind::LlamaCpp)
    };
    let known = place.model(id).or_else(only);
    let known = known.map(|model| model.capabilities.clone());
    Model::new(entry, known.unwrap_or_default())
}

/// Every model that a command could use, with what is known of it; nothing is refused here.
///
/// # Errors
/// A server that was named does not answer, or the configuration makes no sense.
pub async fn survey(
    config: &Config,
    choice: &Choice,
    env: &BTreeMap<String, String>,
    facts: &Facts,
) -> Result<(Vec<Asked>, Vec<Discovered>), SetupError> {
    let mut places = Vec::new();
    let asked = match &choice.server {
        Some(server) => up(at_server(server).await?),
        None if config.models_that_chat().next().is_none() => {
            places = discover(&local_candidates()).await;
            up(models_of(&places))
        }
        None => ask_configured(config, env).await?,
    };
    let (models, down): (Vec<_>, Vec<_>) =
        asked.into_iter().map(|one| (one.model, one.down)).unzip();
    let models = match &choice.model {
        Some(only) => keep_only(models, only, choice.server.as_deref())?,
        None => models,
    };
    let models = known::learn(models, facts).await;
    let mut down = down.into_iter();
    let asked = |model| Asked {
        model,
        down: down.next().flatten(),
    };
    Ok((models.into_iter().map(asked).collect(), places))
}

fn up(models: Vec<Model>) -> Vec<Asked> {
    let asked = |model| Asked { model, down: None };
    models.into_iter().map(asked).collect()
}

/// Asks the servers of all configured models what they have.
async fn ask_configured(
    config: &Config,
    env: &BTreeMap<String, String>,
) -> Result<Vec<Asked>, SetupError> {
    let entries = configured(config, env)?;
    let looked = look(&entries).await;
    let asked = ask_all(entries).await.into_iter().zip(looked);
    let asked = asked.map(|((entry, answer), place)| {
        let mut model = with_place(entry, &place);
        let listed = known::check_listed(&model.entry, &place);
        let down = match (answer, listed) {
            (Err(error), _) => Some(format!("cannot {error}")),
            (Ok(_), Err(refused)) => Some(refused),
            (Ok(_), Ok(note)) => {
                model.notes.extend(note);
                None
            }
        };
        model.notes.extend(known::check_kind(&model.entry, &place));
        Asked { model, down }
    });
    Ok(asked.collect())
}

type Answer = Result<Vec<ListedModel>, CallError>;

async fn ask_all(entries: Vec<ModelEntry>) -> Vec<(ModelEntry, Answer)> {
    let asked = entries.into_iter().map(|entry| async {
        let answer = ask(&entry).await;
        (entry, answer)
    });
    futures_util::future::join_all(asked).await
}

async fn ask(entry: &ModelEntry) -> Answer {
    let server = entry.base_url.clone();
    let broken = |error: RouterError| CallError::Protocol {
        server: server.clone(),
        model: entry.name.clone(),
        reason: error.to_string(),
    };
    let provider = BuiltinProviders.provider(entry).map_err(broken)?;
    let timed_out = |_| CallError::TimedOut {
        server: entry.base_url.clone(),
        model: entry.name.clone(),
        deadline: loom_router::Deadline::FirstToken,
        limit: PATIENCE,
        partial: None,
    };
    tokio::time::timeout(PATIENCE, provider.list())
        .await
        .map_err(timed_out)?
}

fn keep_only(
    models: Vec<Model>,
    only: &str,
    server: Option<&str>,
) -> Result<Vec<Model>, SetupError> {
    let names: Vec<_> = models
        .iter()
        .map(|model| model.entry.name.clone())
        .collect();
    let is_meant =
        |model: &Model| model.entry.name == only || model.entry.model.as_deref() == Some(only);
    let mut kept: Vec<_> = models.into_iter().filter(is_meant).collect();
    if kept.is_empty() {
        let who = server.map_or_else(|| "Loom".to_owned(), |url| format!("the server at {url}"));
        return Err(unknown_model(only, &who, &names));
    }
    for model in &mut kept {
        model.entry.roles = Role::ALL.to_vec();
    }
    Ok(kept)
}

/// The name of a server without what a terminal would obey.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// A server as people type it: `localhost:8080` will do.
fn address(server: &str) -> Result<String, SetupError> {
    let url = match server.contains("://") {
        true => server.to_owned(),
        false => format!("http://{server}"),
    };
    let problem = match BuiltinProviders.provider(&ModelEntry::new("--server", &url)) {
        Ok(_) if !server.trim().is_empty() => return Ok(url),
        Ok(_) => "is no address".to_owned(),
        Err(RouterError::BadUrl { reason, .. } | RouterError::Client { reason, .. }) => reason,
        Err(other) => other.to_string(),
    };
    Err(SetupError::new(format!("--server {server:?} {problem}"))
        .hint("give one such as http://127.0.0.1:8080/v1"))
}

fn absent_fault(url: &str, absent: &Absent) -> SetupError {
    match absent {
        Absent::NothingListens => {
            let fault = SetupError::new(format!("no model server answers at {url}"));
            match url.starts_with("https:") {
                true => fault.hint("servers on your own machine mostly speak http, not https; else check the name and the port, and that it has started"),
                false => fault.hint("start the server, or correct the name and the port of --server; `loom models` looks on the usual ports"),
            }
        }
        Absent::Silent(_) => SetupError::new(format!(
            "the server at {url} does not say within {} s what models it has",
            PATIENCE.as_secs()
        ))
        .hint("wait until it has started, or check the address"),
        Absent::Loading => SetupError::new(format!("the server at {url} still loads its model"))
            .hint("run this again in a moment"),
        Absent::NeedsKey => SetupError::new(format!("the server at {url} asks for a key"))
            .hint("configure it under [models.NAME] with `base_url` and `api_key_env`"),
        Absent::SomethingElse(_) => SetupError::new(format!("at {url}: {absent}"))
            .hint("check the port, and the path: most servers have their models below /v1"),
    }
}

fn unknown_model(wanted: &str, who: &str, has: &[String]) -> SetupError {
    let fault = SetupError::new(format!("{who} has no model `{wanted}`"));
    match has.is_empty() {
        true => fault.hint("it has none: load one first"),
        false => fault.hint(format!("it has {}", has.join(", "))),
    }
}

fn too_small(models: &[Model]) -> SetupError {
    let window = |model: &Model| {
        let window = model.window().unwrap_or_default();
        format!("{} has {window} tokens", model.entry.name)
    };
    let windows: Vec<_> = models.iter().map(window).collect();
    let kind = models.first().map(|model| model.entry.provider);
    SetupError::new(format!(
        "no model has a window that Loom's prompts fit into: {}",
        windows.join(", ")
    ))
    .hint(known::larger_window(
        kind.unwrap_or(ProviderKind::OpenaiCompatible),
    ))
}

#[cfg(test)]
mod tests;
