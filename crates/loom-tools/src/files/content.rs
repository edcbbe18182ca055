//! The content of a file as a model may see it: text, of bounded size, with its hash.

use super::{blocking, missing};
use crate::secrets::is_secret;
use crate::seen::short_hash;
use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, tool::Held};
use loom_events::Risk;
use loom_workspace::{FsError, Location, Scratch, Workspace};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file that is read as text: larger ones are data, and searching finds what is in them.
const MAX_BYTES: u64 = 8 << 20;

/// How much of a file is looked at to tell text from data, as git does.
const BINARY_PROBE: usize = 8000;

/// A text file as it is now.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// What [`crate::Seen`] knows it by: the recorded path.
    pub(super) key: String,
    pub(super) text: String,
    pub(super) hash: String,
}

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoText {
    #[error("{0}")]
    Fs(#[from] FsError),
    #[error("`{path}` is not text ({size} bytes, {kind}): it cannot be shown or edited here")]
    Binary {
        path: String,
        size: usize,
        kind: &'static str,
    },
    #[error("the scratch directory cannot be used: {0}")]
    Scratch(#[from] std::io::Error),
}

impl NoText {
    pub(super) const fn is_missing(&self) -> bool {
        matches!(self, Self::Fs(FsError::NotFound { .. }))
    }
}

/// Where files are, for work in another thread.
#[derive(Clone)]
pub(super) struct Places {
    pub(super) workspace: Arc<Workspace>,
    scratch: PathBuf,
}

impl Places {
    /// None when the task has no workspace, which the registry has refused before.
    pub(super) fn of(call: &Call<'_>) -> Result<Self, CallOutcome> {
        let none = || ToolOutput::negative("this task has no workspace");
        Ok(Self {
            workspace: Arc::clone(call.context.workspace.ok_or_else(none)?),
            scratch: call.context.scratch.to_owned(),
        })
    }

    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Reads a text file.
    pub(super) fn read(&self, path: &str) -> Result<Content, NoText> {
        let (key, bytes) = match Location::of(path) {
            Location::Workspace(path) => (
                self.workspace.resolve(path)?,
                self.workspace.read(path, MAX_BYTES)?,
            ),
            Location::Scratch(name) => (
                path.to_owned(),
                Scratch::open(&self.scratch)?.read(name, MAX_BYTES)?,
            ),
        };
        let hash = short_hash(&bytes);
        let text = as_text(path, bytes)?;
        Ok(Content { key, text, hash })
    }
}

fn as_text(path: &str, bytes: Vec<u8>) -> Result<String, NoText> {
    let binary = |size, kind| NoText::Binary {
        path: path.to_owned(),
        size,
        kind,
    };
    if bytes[..bytes.len().min(BINARY_PROBE)].contains(&0) {
        return Err(binary(bytes.len(), kind_of(&bytes)));
    }
    String::from_utf8(bytes).map_err(|error| binary(error.as_bytes().len(), "not valid UTF-8"))
}

fn kind_of(bytes: &[u8]) -> &'static str {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x89PNG", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or office document"),
        (b"\x1f\x8b", "gzip data"),
        (b"\x7fELF", "a program"),
        (b"SQLite format 3\0", "a SQLite database"),
    ];
    KINDS
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))
        .map_or("binary data", |(_, kind)| kind)
}

/// Reads a text file for a tool that is going to do this with it; what is in the way becomes the outcome
/// of the call.
pub(super) async fn read(
    call: &Call<'_>,
    path: &str,
    action: impl FnOnce() -> String,
) -> Result<Content, CallOutcome> {
    let places = Places::of(call)?;
    let (reader, wanted) = (places.clone(), path.to_owned());
    match blocking(move || reader.read(&wanted)).await? {
        Ok(content) => {
            // Nobody is asked about what is outside or not there.
            ask_for_secrets(call, path, action)?;
            Ok(content)
        }
        Err(error) if error.is_missing() => Err(missing::answer(places, path).await?),
        Err(error) => Err(ToolOutput::negative(error.to_string()).into()),
    }
}

/// Holds a call that concerns a file of secrets. Whoever is asked sees all that would be done.
pub(super) fn ask_for_secrets(
    call: &Call<'_>,
    path: &str,
    action: impl FnOnce() -> String,
) -> Result<(), Held> {
    // The name that was given and the one that a link leads to. What leads outside is refused anyway.
    let resolved = call.context.workspace.and_then(|w| w.resolve(path).ok());
    let secret = resolved.is_some_and(|resolved| is_secret(path) || is_secret(&resolved));
    if !secret || call.is_granted() {
        return Ok(());
    }
    Err(call.hold(
        format!("`{path}` is a file that usually holds secrets"),
        action(),
        Risk::High,
        vec!["secret_file".to_owned()],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_told_from_text() {
        assert!(as_text("a", b"text\n".to_vec()).is_ok());
        assert!(as_text("a", "ünï".as_bytes().to_vec()).is_ok());
        let error = as_text("a.png", b"\x89PNG\0\0".to_vec()).unwrap_err();
        assert!(error.to_string().contains("a PNG image"), "{error}");
        assert!(as_text("a", vec![b'a', 0xff]).is_err());
    }
}
