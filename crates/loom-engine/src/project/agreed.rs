//! Which skills of projects their owner has agreed to: a small file in Loom's own data, by content.

use loom_events::Time;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file could not be read or written, so nothing is agreed to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgreedError {
    /// It cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// It is not what Loom has written.
    #[error("read {}: remove it, and agree again", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: serde_json::Error,
    },
    /// It cannot be written.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
}

/// What was agreed to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Agreed {
    skills: Vec<One>,
}

/// One skill that was agreed to. Only its hash counts; the rest is for people.
#[derive(Debug, Serialize, Deserialize)]
struct One {
    hash: String,
    name: String,
    project: PathBuf,
    at: Time,
}

impl Agreed {
    /// Reads the file; one that is not there agrees to nothing.
    pub(super) fn read(path: &Path) -> Result<Self, AgreedError> {
        let bytes = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            read => read.map_err(|source| AgreedError::Read {
                path: path.to_owned(),
                source,
            })?,
        };
        serde_json::from_slice(&bytes).map_err(|source| AgreedError::Form {
            path: path.to_owned(),
            source,
        })
    }

    /// Replaces the file.
    pub(super) fn write(&self, path: &Path) -> Result<(), AgreedError> {
        self.replace(path).map_err(|source| AgreedError::Write {
            path: path.to_owned(),
            source,
        })
    }

    fn replace(&self, path: &Path) -> std::io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir)?;
        let temporary = path.with_extension(format!("new.{}", std::process::id()));
        let mut file = std::fs::File::create(&temporary)?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        std::fs::File::open(dir)?.sync_all()
    }

    pub(super) fn has(&self, hash: &str) -> bool {
        self.skills.iter().any(|one| one.hash == hash)
    }

    /// Whether a skill of that name in that project was agreed to with other content.
    pub(super) fn had(&self, name: &str, project: &Path) -> bool {
        let mut skills = self.skills.iter();
        skills.any(|one| one.name == name && one.project == project)
    }

    /// Agrees; what the project's skill of that name was before is not agreed to any more.
    pub(super) fn add(&mut self, hash: &str, name: &str, project: &Path, at: Time) {
        self.remove(hash, name, project);
        self.skills.push(One {
            hash: hash.to_owned(),
            name: name.to_owned(),
            project: project.to_owned(),
            at,
        });
    }

    /// Takes it back, also for what the skill was before.
    pub(super) fn remove(&mut self, hash: &str, name: &str, project: &Path) {
        self.skills
            .retain(|one| one.hash != hash && !(one.name == name && one.project == project));
    }
}
