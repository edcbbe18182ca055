//! What probes have found out, kept between runs: one file in the data directory.
//!
//! The file is a cache. One that is missing or cannot be read means that nothing is known, and the
//! next probe writes it anew.

use loom_events::Time;
use loom_router::{ModelEntry, Probe};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Its name in the data directory.
const FILE: &str = "models.json";

/// All that is known, by server and model.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    models: BTreeMap<String, Known>,
}

/// What is known of one model at one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// When it was probed.
    pub(crate) at: Time,
    /// What came of it.
    pub(crate) probe: Probe,
}

impl Facts {
    /// What is kept in this directory.
    pub(crate) fn load(data_dir: &Path) -> Self {
        let path = data_dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "what probes found out cannot be read");
                return Self::default();
            }
        };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "what probes found out cannot be read; `loom models --probe` finds it out again");
            Self::default()
        })
    }

    /// Keeps it, whole or not at all: the file is written beside its place and moved there.
    pub(crate) fn store(&self, data_dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(data_dir)?;
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.persist(data_dir.join(FILE))?;
        Ok(())
    }

    /// What is known of the model of an entry.
    pub(crate) fn of(&self, entry: &ModelEntry) -> Option<&Known> {
        self.models.get(&key(entry))
    }

    /// Adds what is known now.
    pub(crate) fn put(&mut self, entry: &ModelEntry, known: Known) {
        self.models.insert(key(entry), known);
    }
}

/// A model at a server; the name that its entry has is the user's and may change.
fn key(entry: &ModelEntry) -> String {
    let server = entry.base_url.trim_end_matches('/');
    let server = server.trim_end_matches("/v1");
    let model = entry.model.as_deref().unwrap_or("(loaded)");
    format!("{server} {model}")
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
    fn what_was_put_is_there_the_next_time_under_any_name_of_the_entry() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("not/yet");
        let mut facts = Facts::load(&data_dir);
        facts.put(&ModelEntry::new("a", "http://h:1/v1"), known());
        facts.store(&data_dir).unwrap();
        let facts = Facts::load(&data_dir);
        let found = facts.of(&ModelEntry::new("b", "http://h:1/"));
        assert_eq!(found, Some(&known()));
        assert_eq!(facts.of(&ModelEntry::new("a", "http://h:2")), None);
    }

    #[test]
    fn a_broken_file_is_as_good_as_none() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "{broken").unwrap();
        let facts = Facts::load(dir.path());
        assert_eq!(facts.of(&ModelEntry::new("a", "http://h:1")), None);
    }
}
