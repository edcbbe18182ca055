//! A private directory of a task, addressed as `scratch://name`.

use crate::root::{MAX_DEPTH, Root};
use crate::spot::{NEW_DIRECTORY, NEW_FILE};
use crate::{FsError, name, spot};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// What a path of the scratch directory starts with.
const SCHEME: &str = "scratch://";

const PLAIN: &str = "in scratch:// use plain names of letters, digits, `.`, `_`, `-` and spaces";

/// Where a path given by a model leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location<'a> {
    /// Into the workspace.
    Workspace(&'a str),
    /// Into the scratch directory: the part after `scratch://`.
    Scratch(&'a str),
}

impl<'a> Location<'a> {
    /// Tells the two apart; other schemes are left to be refused by the workspace.
    #[must_use]
    pub fn of(path: &'a str) -> Self {
        path.strip_prefix(SCHEME)
            .map_or(Self::Workspace(path), Self::Scratch)
    }
}

/// A task's scratch directory.
#[derive(Debug)]
pub struct Scratch {
    root: Root,
}

impl Scratch {
    /// Opens it; made when missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: &Path) -> Result<Self, io::Error> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let root = Root::open(dir)?;
        Ok(Self { root })
    }

    /// Its absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Reads a note.
    ///
    /// # Errors
    /// When the name is not plain, or it is missing, no regular file or larger than `max_bytes`.
    pub fn read(&self, name: &str, max_bytes: u64) -> Result<Vec<u8>, FsError> {
        self.root.spot(plain(name)?)?.read(max_bytes)
    }

    /// Writes a note; not recorded, since it is not the user's.
    ///
    /// # Errors
    /// When the name is not plain or the write fails.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FsError> {
        let name = plain(name)?;
        for dir in name::ancestors(name) {
            let spot = self.root.spot(dir)?;
            if spot.stat()?.is_none() {
                spot.make_dir(NEW_DIRECTORY)?;
            }
        }
        let spot = self.root.spot(name)?;
        let staged = spot.stage(bytes, NEW_FILE, None, false)?;
        spot.place(&staged, true)
    }

    /// Names of what is directly in it, in order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> Result<Vec<String>, FsError> {
        let read = || spot::names(&self.root.directory("")?);
        read().map_err(|error| FsError::io(SCHEME, error))
    }

    /// Removes it with everything in it.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove(self) -> Result<(), io::Error> {
        std::fs::remove_dir_all(self.root.path())
    }
}

/// Notes are named by the model for itself: no links, no climbs, nothing to resolve.
fn plain(name: &str) -> Result<&str, FsError> {
    let word = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ' '))
    };
    if name.split('/').all(word) && name.split('/').count() <= MAX_DEPTH {
        Ok(name)
    } else {
        Err(FsError::bad(&format!("{SCHEME}{name}"), PLAIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_written_read_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(&dir.path().join("tasks/1/scratch")).unwrap();
        scratch.write("plan.md", b"one").unwrap();
        scratch.write("plan.md", b"two").unwrap();
        scratch.write("sub dir/note.txt", b"n").unwrap();
        assert_eq!(scratch.read("plan.md", 10).unwrap(), b"two");
        assert_eq!(scratch.list().unwrap(), ["plan.md", "sub dir"]);
        let path = scratch.path().to_owned();
        scratch.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(dir.path()).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("etc")).unwrap();
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "../x",
            "a/../../x",
            "..%2fx",
            "a\0b",
            "etc/passwd",
        ] {
            assert!(scratch.read(bad, 10).is_err(), "{bad}");
            assert!(scratch.write(bad, b"").is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_exact_scheme_is_scratch() {
        assert_eq!(Location::of("scratch://a"), Location::Scratch("a"));
        assert_eq!(
            Location::of("scratch:/a"),
            Location::Workspace("scratch:/a")
        );
    }
}
