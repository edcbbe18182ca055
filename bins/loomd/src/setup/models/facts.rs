//! What probes have found out, kept between runs with everything else that Loom keeps.
//!
//! What cannot be read is not known: the next probe finds it out anew.

use loom_engine::{ModelFacts, OpenError, Reader, keep_model_facts};
use loom_events::Time;
use loom_router::{ModelEntry, Probe};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// All that is known, by server and model.
#[derive(Debug, Default)]
pub struct Facts {
    known: BTreeMap<(String, String), Known>,
    /// What was found out since, to be kept.
    new: Vec<ModelFacts>,
}

/// What is known of one model at one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// When it was probed.
    pub at: Time,
    /// What came of it.
    pub probe: Probe,
}

impl Facts {
    /// What is kept in a data directory; nothing where there is no journal yet.
    pub async fn load(reader: Option<&Reader>) -> Self {
        let Some(reader) = reader else {
            return Self::default();
        };
        match reader.model_facts().await {
            Ok(kept) => Self::of_kept(kept),
            Err(error) => {
                tracing::warn!(%error, "what probes found out cannot be read");
                Self::default()
            }
        }
    }

    fn of_kept(kept: Vec<ModelFacts>) -> Self {
        let mut facts = Self::default();
        for one in kept {
            match serde_json::from_value(one.facts) {
                Ok(probe) => {
                    let known = Known {
                        at: one.seen,
                        probe,
                    };
                    facts.known.insert((one.server, one.model), known);
                }
                Err(error) => {
                    tracing::warn!(one.server, one.model, %error, "what a probe found out cannot be read; `loom models --probe` finds it out again");
                }
            }
        }
        facts
    }

    /// Keeps what was found out since it was loaded.
    ///
    /// # Errors
    /// [`OpenError`], when the data directory cannot be used.
    pub async fn store(self, data_dir: &Path) -> Result<(), OpenError> {
        match self.new.is_empty() {
            true => Ok(()),
            false => keep_model_facts(data_dir, self.new).await,
        }
    }

    /// What is known of the model of an entry.
    #[must_use]
    pub fn of(&self, entry: &ModelEntry) -> Option<&Known> {
        self.known.get(&key(entry))
    }

    /// Adds what is known now.
    pub fn put(&mut self, entry: &ModelEntry, known: Known) {
        let (server, model) = key(entry);
        self.new.push(ModelFacts {
            server: server.clone(),
            model: model.clone(),
            facts: serde_json::json!(known.probe),
            seen: known.at,
        });
        self.known.insert((server, model), known);
    }
}

/// A model at a server; the name that its entry has is the user's and may change.
fn key(entry: &ModelEntry) -> (String, String) {
    let server = entry.base_url.trim_end_matches('/');
    let server = server.trim_end_matches("/v1");
    let model = entry.model.as_deref().unwrap_or("(loaded)");
    (server.to_owned(), model.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_router::{Canary, Capabilities};

    fn known() -> Known {
        Known {
            at: Time::from_millis(5),
            probe: Probe {
                capabilities: Capabilities {
                    window: Some(4096),
                    decode_per_s: Some(31.5),
                    ..Capabilities::default()
                },
                seen: Vec::new(),
                canary: Canary::Found,
            },
        }
    }

    #[test]
    fn what_was_kept_is_found_under_any_name_of_the_entry() {
        let mut facts = Facts::default();
        facts.put(&ModelEntry::new("a", "http://h:1/v1"), known());
        let again = Facts::of_kept(facts.new);
        let found = again.of(&ModelEntry::new("b", "http://h:1/"));
        assert_eq!(found, Some(&known()));
        assert_eq!(again.of(&ModelEntry::new("a", "http://h:2")), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        let kept = ModelFacts {
            server: "http://h:1".into(),
            model: "(loaded)".into(),
            facts: serde_json::json!({"of": "another version"}),
            seen: Time::from_millis(5),
        };
        let facts = Facts::of_kept(vec![kept]);
        assert_eq!(facts.of(&ModelEntry::new("a", "http://h:1")), None);
    }
}
