//! Which models a command may use: a server that was named, the configured ones, else whatever
//! answers on the usual ports of this machine. Everything that is wrong is said before a task is made.

use crate::cli::ModelChoice;
use crate::fault::{Exit, Fault};
use loom_engine::Config;
use loom_events::Role;
use loom_router::{
    CallError, Candidate, Discovered, ListedModel, ModelEntry, OpenAiCompatible, Provider as _,
    RouterError, discover, entries, local_candidates,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a server that was named has to say what it has. It answers at once unless it is loading
/// a model, and a user is waiting for the first line.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to do when no model server answers.
pub(crate) const HOW_TO_START: &str = "start one (`ollama serve`, `llama-server -m MODEL.gguf --jinja`, or the server of LM Studio) and run this again, or name it with --server URL; `loom demo` needs none";

/// What a model server was asked, and what it said.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The entry.
    pub(crate) entry: ModelEntry,
    /// Its server's list, or why there is none.
    pub(crate) answer: Result<Vec<ListedModel>, CallError>,
}

/// The models that are to be used.
pub(crate) async fn choose(
    config: &Config,
    choice: &ModelChoice,
    env: &BTreeMap<String, String>,
) -> Result<Vec<ModelEntry>, Fault> {
    if let Some(server) = &choice.server {
        return at_server(server, choice.model.as_deref()).await;
    }
    let entries = match config.models.is_empty() {
        true => anywhere(local_candidates()).await?,
        false => configured(config, env)?,
    };
    let entries = match &choice.model {
        Some(only) => keep_only(entries, only)?,
        None => entries,
    };
    match config.models.is_empty() {
        true => Ok(entries),
        false => reachable(entries).await,
    }
}

/// The models of one server, or the one that was named, with every role.
async fn at_server(server: &str, model: Option<&str>) -> Result<Vec<ModelEntry>, Fault> {
    let url = address(server)?;
    let probe = ModelEntry::new("--server", &url);
    let listed = ask(&probe)
        .await
        .map_err(|error| unreachable_fault(&url, error))?;
    let mut found = discover(&[Candidate::new(&url, &url)]).await;
    if let Some(id) = model {
        if listed.iter().all(|model| model.id != id) {
            let who = format!("the server at {url}");
            return Err(unknown_model(id, &who, &ids(&listed)));
        }
        for models in found
            .iter_mut()
            .filter_map(|place| place.models.as_mut().ok())
        {
            models.retain(|model| model.id == id);
        }
    }
    let entries = entries(&found);
    match entries.is_empty() {
        true => Err(
            Fault::usage(format!("the server at {url} has no model that can chat"))
                .hint("load one into it"),
        ),
        false => Ok(entries),
    }
}

/// The models that answer at any of these places.
async fn anywhere(places: Vec<Candidate>) -> Result<Vec<ModelEntry>, Fault> {
    let entries = entries(&discover(&places).await);
    if !entries.is_empty() {
        return Ok(entries);
    }
    let tried: Vec<_> = places
        .iter()
        .map(|place| format!("{} at {}", place.label, place.base_url))
        .collect();
    let tried = tried.join(", ");
    let message = format!("no model server was found on this machine (tried {tried})");
    Err(Fault::usage(message).hint(HOW_TO_START))
}

fn configured(config: &Config, env: &BTreeMap<String, String>) -> Result<Vec<ModelEntry>, Fault> {
    let entries = config.model_entries(env);
    let entries = entries.map_err(|error| Fault::from(error).exit(Exit::Usage))?;
    for entry in &entries {
        let made = OpenAiCompatible::new(entry);
        made.map_err(|error| Fault::cannot(error).exit(Exit::Usage))?;
    }
    Ok(entries)
}

/// The same entries, unless not one of their servers can be reached.
async fn reachable(entries: Vec<ModelEntry>) -> Result<Vec<ModelEntry>, Fault> {
    let mut failures = Vec::new();
    for one in ask_all(entries.clone()).await {
        match one.answer {
            // A server that is only slow, or that lists nothing, may do its work all the same.
            Ok(_) | Err(CallError::TimedOut { .. } | CallError::Protocol { .. }) => {
                return Ok(entries);
            }
            Err(error) => failures.push(error),
        }
    }
    match failures.into_iter().next() {
        Some(first) => Err(Fault::cannot(first)
            .exit(Exit::Usage)
            .hint("`loom models` shows what answers and what does not")),
        None => Ok(entries),
    }
}

/// Asks the servers of all configured models what they have.
pub(crate) async fn ask_configured(
    config: &Config,
    env: &BTreeMap<String, String>,
) -> Result<Vec<Asked>, Fault> {
    Ok(ask_all(configured(config, env)?).await)
}

async fn ask_all(entries: Vec<ModelEntry>) -> Vec<Asked> {
    let asked = entries.into_iter().map(|entry| async {
        Asked {
            answer: ask(&entry).await,
            entry,
        }
    });
    futures_util::future::join_all(asked).await
}

/// What there is to use when nothing is configured; possibly nothing.
pub(crate) async fn find_local() -> Vec<Discovered> {
    discover(&local_candidates()).await
}

async fn ask(entry: &ModelEntry) -> Result<Vec<ListedModel>, CallError> {
    let server = entry.base_url.clone();
    let broken = |error: RouterError| CallError::Protocol {
        server: server.clone(),
        model: entry.name.clone(),
        reason: error.to_string(),
    };
    let provider = OpenAiCompatible::new(entry).map_err(broken)?;
    let timed_out = |_| CallError::TimedOut {
        server: entry.base_url.clone(),
        model: entry.name.clone(),
        deadline: loom_router::Deadline::FirstToken,
        limit: PATIENCE,
    };
    tokio::time::timeout(PATIENCE, provider.list())
        .await
        .map_err(timed_out)?
}

fn keep_only(mut entries: Vec<ModelEntry>, only: &str) -> Result<Vec<ModelEntry>, Fault> {
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    entries.retain(|entry| entry.name == only || entry.model.as_deref() == Some(only));
    if entries.is_empty() {
        return Err(unknown_model(only, "Loom", &names));
    }
    for entry in &mut entries {
        entry.roles = Role::ALL.to_vec();
    }
    Ok(entries)
}

/// A server as people type it: `localhost:8080` will do.
fn address(server: &str) -> Result<String, Fault> {
    let url = match server.contains("://") {
        true => server.to_owned(),
        false => format!("http://{server}"),
    };
    let problem = match OpenAiCompatible::new(&ModelEntry::new("--server", &url)) {
        Ok(_) if !server.trim().is_empty() => return Ok(url),
        Ok(_) => "is no address".to_owned(),
        Err(RouterError::BadUrl { reason, .. } | RouterError::Client { reason, .. }) => reason,
        Err(other @ RouterError::DuplicateName { .. }) => other.to_string(),
    };
    Err(Fault::usage(format!("--server {server:?} {problem}"))
        .hint("give one such as http://127.0.0.1:8080/v1"))
}

fn unreachable_fault(url: &str, error: CallError) -> Fault {
    match error {
        CallError::Unreachable { reason, .. } => {
            Fault::usage(format!("no model server answers at {url}: {reason}")).hint(HOW_TO_START)
        }
        CallError::TimedOut { .. } => Fault::usage(format!(
            "the server at {url} does not say within {} s what models it has",
            PATIENCE.as_secs()
        ))
        .hint("wait until it has started, or check the address"),
        CallError::Unauthorized { .. } => {
            Fault::usage(format!("the server at {url} asks for a key"))
                .hint("configure it under [models.NAME] with `base_url` and `api_key_env`")
        }
        other => Fault::cannot(other).exit(Exit::Usage),
    }
}

fn unknown_model(wanted: &str, who: &str, has: &[String]) -> Fault {
    let fault = Fault::usage(format!("{who} has no model `{wanted}`"));
    match has.is_empty() {
        true => fault.hint("it has none: load one first"),
        false => fault.hint(format!("it has {}", has.join(", "))),
    }
}

fn ids(listed: &[ListedModel]) -> Vec<String> {
    listed.iter().map(|model| model.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_no_scheme_and_must_make_sense() {
        assert_eq!(address("127.0.0.1:80").unwrap(), "http://127.0.0.1:80");
        assert_eq!(address("http://h/v1").unwrap(), "http://h/v1");
        for bad in ["", "https://h/v1", "ftp://h", "http://", "not a server"] {
            assert_eq!(address(bad).unwrap_err().exit, Exit::Usage, "{bad}");
        }
    }

    #[tokio::test]
    async fn with_no_server_anywhere_the_sentence_says_where_was_looked_and_how_to_start_one() {
        // Port 9 is the discard protocol: nothing listens there.
        let place = Candidate::new("Ollama", "http://127.0.0.1:9/v1");
        let fault = anywhere(vec![place]).await.unwrap_err();
        let lines = fault.lines();
        assert!(
            lines[0].1.contains("Ollama at http://127.0.0.1:9/v1"),
            "{lines:?}"
        );
        assert!(lines[1].1.contains("loom demo"), "{lines:?}");
        assert_eq!(fault.exit, Exit::Usage);
    }

    #[test]
    fn the_only_model_has_every_role() {
        let entry = |name: &str| ModelEntry {
            roles: vec![Role::Executor],
            ..ModelEntry::new(name, "http://h/v1")
        };
        let only = keep_only(vec![entry("big"), entry("small")], "small").unwrap();
        assert_eq!(only.len(), 1);
        assert_eq!(only[0].roles, Role::ALL);
        let fault = keep_only(only, "huge").unwrap_err();
        assert!(fault.hint.is_some_and(|hint| hint.contains("small")));
    }
}
