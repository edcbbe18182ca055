//! Joins what is known of a model: what its server says now, and what a probe found out before.

use super::facts::Facts;
use futures_util::future::join_all;
use loom_router::{
    BuiltinProviders, Capabilities, Discovered, ModelEntry, Probe, ProviderFactory as _,
    ProviderKind,
};
use std::time::Duration;
use tokio::time::timeout;

/// What a server says of itself is at hand; a user is waiting for the first line.
const DESCRIPTION: Duration = Duration::from_secs(2);

/// Loom's own prompts, a tool's output and an answer fit into no less.
const LEAST_WINDOW: u32 = 2048;

/// Below this a task of any size is cut down to scraps.
const GOOD_WINDOW: u32 = 8192;

/// A model that is to be used, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// How it is reached and used.
    pub entry: ModelEntry,
    /// What is known of it.
    pub known: Capabilities,
    /// What the user ought to know before it is used.
    pub notes: Vec<String>,
}

impl Model {
    /// A model of which so much is known.
    #[must_use]
    pub const fn new(entry: ModelEntry, known: Capabilities) -> Self {
        Self {
            entry,
            known,
            notes: Vec::new(),
        }
    }

    /// Whether its window holds Loom's prompts at all.
    #[must_use]
    pub fn is_too_small(&self) -> bool {
        self.window().is_some_and(|window| window < LEAST_WINDOW)
    }

    /// Takes over what a probe has seen just now.
    pub fn saw(&mut self, probe: &Probe) {
        self.known = with_probe(&self.known, &probe.capabilities);
        if !self.known.swaps {
            // It has answered. Where models are swapped the next one may have evicted it since.
            self.known.loaded = Some(true);
        }
    }

    /// Calls that its server works on at once: as stated, else as the server says.
    #[must_use]
    pub fn slots(&self) -> Option<u32> {
        let stated = Some(self.entry.max_concurrency).filter(|slots| *slots > 0);
        stated.or(self.known.slots)
    }

    /// Its window in tokens: as stated, else as its server says.
    #[must_use]
    pub fn window(&self) -> Option<u32> {
        self.entry.context_length.or(self.known.window)
    }
}

/// Asks every server what it says of itself, and adds what was found out before.
pub(super) async fn learn(models: Vec<Model>, facts: &Facts) -> Vec<Model> {
    let learned = models.into_iter().map(|mut model| async {
        let described = describe(&model.entry).await;
        model.known = model.known.updated(&described);
        if let Some(kept) = facts.of(&model.entry) {
            let probed = &kept.probe.capabilities;
            model.notes.extend(other_server(&model.known, probed));
            model.known = with_probe(&model.known, probed);
        }
        fill(model)
    });
    join_all(learned).await
}

async fn describe(entry: &ModelEntry) -> Capabilities {
    let Ok(provider) = BuiltinProviders.provider(entry) else {
        return Capabilities::default();
    };
    let described = timeout(DESCRIPTION, provider.describe()).await;
    described.ok().and_then(Result::ok).unwrap_or_default()
}

/// What was seen of another version of the server may not hold any more.
fn other_server(now: &Capabilities, probed: &Capabilities) -> Option<String> {
    let (now, then) = (now.server.as_ref()?, probed.server.as_ref()?);
    (now != then).then(|| {
        format!("it was probed when its server was {then}, which is {now} now: `loom models --probe` looks again")
    })
}

/// A probe saw what the model does; how it is served is what the server says now, since it may have
/// been started anew in another way.
fn with_probe(now: &Capabilities, probed: &Capabilities) -> Capabilities {
    let served = Capabilities {
        server: now.server.clone(),
        window: now.window,
        trained_window: now.trained_window,
        slots: now.slots,
        loaded: now.loaded,
        ..Capabilities::default()
    };
    now.clone().updated(probed).updated(&served)
}

/// Puts what is known where the configuration leaves room for it.
fn fill(mut model: Model) -> Model {
    let (entry, known) = (&mut model.entry, &model.known);
    // Ollama gives a model the window that it is asked for.
    let window = known
        .window
        .filter(|_| entry.provider != ProviderKind::Ollama);
    match (entry.context_length, window) {
        (None, window) => entry.context_length = window,
        (Some(given), Some(real)) if given > real => {
            model.notes.push(format!(
                "`context_length` is {given}, and its server gives a request {real} tokens; {real} it is"
            ));
            entry.context_length = Some(real);
        }
        (Some(_), _) => {}
    }
    entry.family = entry.family.or(known.family);
    if let Some(window) = model.window().filter(|window| *window < GOOD_WINDOW) {
        let problem = match window < LEAST_WINDOW {
            true => format!(
                "is below the {LEAST_WINDOW} that Loom's prompts need, so no task runs with it"
            ),
            false => "is small for real work".to_owned(),
        };
        model.notes.push(format!(
            "a window of {window} tokens {problem}; {}",
            larger_window(model.entry.provider)
        ));
    }
    model
}

/// How a server is started with a larger window.
pub(super) const fn larger_window(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::LlamaCpp => {
            "start llama-server with a larger `-c`, which is shared by its slots (`-np`)"
        }
        ProviderKind::LmStudio => "load the model with a larger \"Context Length\"",
        ProviderKind::Vllm => "start vLLM with a larger `--max-model-len`",
        ProviderKind::Ollama => "set a larger `context_length` for the model",
        _ => "serve the model with a larger context",
    }
}

/// What is lost when Ollama is spoken to as any other server.
pub(super) fn check_kind(entry: &ModelEntry, place: &Discovered) -> Option<String> {
    if entry.provider == ProviderKind::Ollama
        && place.models.is_ok()
        && place.kind != ProviderKind::Ollama
    {
        let kind = place.kind.name();
        return Some(format!(
            "its server is not Ollama; set `provider = \"{kind}\"`"
        ));
    }
    let plain = entry.provider == ProviderKind::OpenaiCompatible;
    (plain && place.kind == ProviderKind::Ollama).then(|| {
        "its server is Ollama; with `provider = \"ollama\"` Loom asks it for the window that it needs, which Ollama's `/v1` does not allow".to_owned()
    })
}

/// Notes on an entry whose server does not list its model; an error where that server is known to
/// refuse what it does not list.
pub(super) fn check_listed(
    entry: &ModelEntry,
    place: &Discovered,
) -> Result<Option<String>, String> {
    let (Some(id), Ok(models)) = (&entry.model, &place.models) else {
        return Ok(None);
    };
    // For Ollama a name without a tag means the latest.
    let is = |listed: &str| listed == id || listed.strip_suffix(":latest") == Some(id);
    if models.is_empty() || models.iter().any(|model| is(&model.id)) {
        return Ok(None);
    }
    let has: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
    let has = has.join(", ");
    let swaps = models.iter().any(|model| model.capabilities.swaps);
    let text = format!("its server has no `{id}`; it has {has}");
    match place.kind {
        ProviderKind::Ollama | ProviderKind::LmStudio | ProviderKind::Vllm => Err(text),
        ProviderKind::LlamaCpp if swaps => Err(text),
        ProviderKind::LlamaCpp => Ok(Some(format!(
            "llama-server answers for any name with what it has loaded, which is {has} and not `{id}`"
        ))),
        _ => Ok(Some(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_router::{Calls, Candidate, FoundModel};

    fn model(context_length: Option<u32>, known: Capabilities) -> Model {
        let entry = ModelEntry {
            context_length,
            ..ModelEntry::new("m", "http://h/v1")
        };
        Model::new(entry, known)
    }

    fn served(window: u32, slots: u32) -> Capabilities {
        Capabilities {
            window: Some(window),
            slots: Some(slots),
            ..Capabilities::default()
        }
    }

    #[test]
    fn what_is_not_configured_is_filled_in_and_what_cannot_be_is_said() {
        let filled = fill(model(None, served(16384, 4)));
        assert_eq!(filled.entry.context_length, Some(16384));
        assert_eq!(filled.slots(), Some(4));
        assert_eq!(filled.notes, Vec::<String>::new());

        let mut stated = model(Some(8192), served(16384, 4));
        stated.entry.max_concurrency = 1;
        let smaller = fill(stated);
        assert_eq!(smaller.entry.context_length, Some(8192));
        assert_eq!(smaller.slots(), Some(1));

        let larger = fill(model(Some(32768), served(16384, 1)));
        assert_eq!(larger.entry.context_length, Some(16384));
        assert!(
            larger.notes[0].contains("gives a request 16384"),
            "{larger:?}"
        );
    }

    #[test]
    fn ollama_is_asked_for_the_window_that_is_configured() {
        let mut model = model(Some(32768), served(4096, 1));
        model.entry.provider = ProviderKind::Ollama;
        let filled = fill(model);
        assert_eq!(filled.entry.context_length, Some(32768));
        assert_eq!(filled.notes, Vec::<String>::new());
    }

    #[test]
    fn a_probe_tells_what_the_model_does_and_the_server_how_it_is_served_now() {
        let now = Capabilities {
            calls: Calls::Structured,
            ..served(16384, 2)
        };
        let probed = Capabilities {
            calls: Calls::InText,
            decode_per_s: Some(30.0),
            ..served(4096, 1)
        };
        let known = with_probe(&now, &probed);
        assert_eq!((known.window, known.slots), (Some(16384), Some(2)));
        assert_eq!(
            (known.calls, known.decode_per_s),
            (Calls::InText, Some(30.0))
        );
    }

    #[test]
    fn what_was_seen_of_another_version_of_the_server_is_marked_so() {
        let version = |name: &str| Capabilities {
            server: Some(name.into()),
            ..Capabilities::default()
        };
        let (old, new) = (version("llama-server b1"), version("llama-server b2"));
        let note = other_server(&new, &old);
        assert!(note.is_some_and(|note| note.contains("b2 now")));
        assert_eq!(other_server(&new, &new), None);
        assert_eq!(other_server(&Capabilities::default(), &old), None);
    }

    #[test]
    fn a_model_that_is_not_listed_is_refused_only_where_the_server_would() {
        let check = |kind, id: &str| {
            let place = Discovered {
                candidate: Candidate::new("x", "http://h/v1"),
                kind,
                server: None,
                models: Ok(vec![FoundModel {
                    id: "qwen3:latest".into(),
                    capabilities: Capabilities::default(),
                }]),
            };
            let entry = ModelEntry {
                model: Some(id.into()),
                ..ModelEntry::new("m", "http://h/v1")
            };
            check_listed(&entry, &place)
        };
        assert_eq!(check(ProviderKind::Ollama, "qwen3"), Ok(None));
        assert!(check(ProviderKind::Ollama, "qwen4").is_err());
        let note = check(ProviderKind::LlamaCpp, "qwen4").unwrap().unwrap();
        assert!(note.contains("answers for any name"), "{note}");
        assert!(check(ProviderKind::Mlx, "qwen4").unwrap().is_some());
    }
}
