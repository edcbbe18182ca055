//! A pinned directory, and the one way from a path somebody typed to a file beneath it.
//!
//! Two steps. [`Root::resolve`] turns what was typed into the recorded path: relative, every link
//! and `..` resolved. [`Root::spot`] opens the directory of a recorded path, following no link at
//! all, and everything is then done to a name in that open directory. A tree that is rearranged
//! between the steps makes the second one fail; it cannot make it lead elsewhere.

use crate::resolve::Resolver;
use crate::spot::Spot;
use crate::{FsError, name};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest path taken; what the kernel takes in one call.
const MAX_PATH: usize = 4096;

/// Deepest path taken; deeper trees are mistakes or attacks.
pub(crate) const MAX_DEPTH: usize = 256;

/// How much of a bad path is repeated in an error.
const SHOWN: usize = 120;

pub(crate) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Whether a link at the end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    Follow,
    Keep,
}

#[derive(Debug)]
pub(crate) struct Root {
    fd: OwnedFd,
    /// As it was given: models repeat it.
    given: PathBuf,
    /// With links resolved.
    path: PathBuf,
    resolver: Resolver,
}

impl Root {
    /// Pins a directory. Whatever is put in its place later, this one stays.
    pub(crate) fn open(given: &Path) -> io::Result<Self> {
        let path = given.canonicalize()?;
        let fd = rustix::fs::open(&path, DIRECTORY, Mode::empty())?;
        let resolver = Resolver::detect(&fd);
        Ok(Self {
            fd,
            given: given.to_owned(),
            path,
            resolver,
        })
    }

    #[cfg(test)]
    pub(crate) fn with_resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The recorded path of what was typed; `""` is the root. What does not exist yet is resolved
    /// as far as it exists; the rest must be plain names.
    pub(crate) fn resolve(&self, typed: &str, last: Last) -> Result<String, FsError> {
        let relative = self.relative(typed)?;
        let bare = relative.trim_end_matches('/');
        let plain = |name: &str| !matches!(name, "" | "." | "..");
        let split = match last {
            // `link/` means what the link leads to, as everywhere.
            Last::Keep if bare.len() == relative.len() => name::split(bare),
            Last::Keep | Last::Follow => None,
        };
        if let Some((dir, entry)) = split.filter(|(_, entry)| plain(entry)) {
            // With its slash: a file in the place of the directory is refused.
            let dir = match dir {
                "" => String::new(),
                dir => self.follow(&format!("{dir}/"), typed)?,
            };
            return Ok(name::join(&dir, entry));
        }
        self.follow(relative, typed)
    }

    fn follow(&self, relative: &str, typed: &str) -> Result<String, FsError> {
        let mut existing = relative;
        let mut rest: Vec<&str> = Vec::new();
        loop {
            let start = if existing.is_empty() { "." } else { existing };
            match self.resolver.canonical(&self.fd, &name::to_os(start)) {
                Ok(found) => return self.append(name::to_text(&found), &rest, typed),
                Err(Errno::NOENT) if !existing.is_empty() => {
                    let bare = existing.trim_end_matches('/');
                    let (dir, entry) = name::split(bare).unwrap_or(("", ""));
                    // `missing/..` has no meaning, and cleaning it away is how climbs are hidden.
                    if matches!(entry, "" | "." | "..") || rest.len() > MAX_DEPTH {
                        return Err(FsError::not_found(typed));
                    }
                    rest.push(entry);
                    existing = dir;
                }
                Err(error) => return Err(refusal(typed, error)),
            }
        }
    }

    /// Adds names that do not exist to a directory that does.
    fn append(&self, found: String, rest: &[&str], typed: &str) -> Result<String, FsError> {
        let Some(first) = rest.last() else {
            return Ok(found);
        };
        // Nobody means a new directory of that name, and whoever removes one in a shell loses a home.
        if *first == "~" && found.is_empty() {
            return Err(FsError::outside(typed));
        }
        let dir = self.directory(&found).map_err(|e| FsError::io(typed, e))?;
        // Something there that does not exist when followed is a link to nothing.
        if rustix::fs::statat(&dir, name::to_os(first), AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(FsError::bad(typed, "it is a link that leads nowhere"));
        }
        let path = rest
            .iter()
            .rev()
            .fold(found, |dir, entry| name::join(&dir, entry));
        if path.split('/').count() > MAX_DEPTH {
            return Err(FsError::bad(typed, "it has too many levels"));
        }
        Ok(path)
    }

    /// What was typed as a relative path, or the refusal. Nothing is decoded, expanded or
    /// normalised: `%2e`, `~` and `$HOME` are names like any other.
    fn relative<'a>(&self, typed: &'a str) -> Result<&'a str, FsError> {
        if typed.trim().is_empty() {
            return Err(FsError::bad(
                typed,
                "it is empty; `.` is the workspace itself",
            ));
        }
        if typed.contains('\0') {
            return Err(FsError::bad(typed, "it contains a NUL character"));
        }
        if typed.len() > MAX_PATH {
            return Err(FsError::bad(typed, "it is longer than 4096 bytes"));
        }
        if has_scheme(typed) {
            return Err(FsError::bad(
                typed,
                "it is a URL; give a path in the workspace",
            ));
        }
        if !typed.starts_with('/') {
            return Ok(typed);
        }
        [&self.given, &self.path]
            .iter()
            .filter_map(|root| beneath(typed, root.to_str()?))
            .next()
            .ok_or_else(|| FsError::outside(typed))
    }

    /// The open directory that a recorded path is in, with its name there.
    pub(crate) fn spot(&self, path: &str) -> Result<Spot, FsError> {
        let Some((dir, entry)) = name::split(path) else {
            return Err(FsError::bad(".", "it is the workspace itself"));
        };
        if matches!(entry, "" | "." | "..") {
            return Err(FsError::bad(path, "it does not end in a name"));
        }
        let fd = self
            .directory(dir)
            .map_err(|error| match Errno::from_io_error(&error) {
                // Where a recorded directory was is something else now: the path leads nowhere.
                Some(Errno::NOTDIR | Errno::LOOP) => FsError::not_found(path),
                _ => FsError::io(path, error),
            })?;
        Ok(Spot::new(Arc::new(fd), name::to_os(entry), path.to_owned()))
    }

    /// Opens a recorded directory; a link anywhere in the path is an error.
    pub(crate) fn directory(&self, path: &str) -> io::Result<OwnedFd> {
        if path.is_empty() {
            return Ok(rustix::fs::openat(&self.fd, ".", DIRECTORY, Mode::empty())?);
        }
        Ok(self.resolver.exact(&self.fd, &name::to_os(path))?)
    }
}

/// The part of an absolute path below a root, if it is below. Extra slashes and dots in the way to
/// the root are what models make of joining paths; a `..` there is not looked into.
fn beneath<'a>(typed: &'a str, root: &str) -> Option<&'a str> {
    let mut rest = typed;
    for name in root.split('/').filter(|name| !name.is_empty()) {
        rest = after_slack(rest).strip_prefix(name)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
    }
    match rest.trim_start_matches('/') {
        "" => Some("."),
        relative => Some(relative),
    }
}

fn after_slack(path: &str) -> &str {
    let mut rest = path.trim_start_matches('/');
    while let Some(further) = rest.strip_prefix("./") {
        rest = further.trim_start_matches('/');
    }
    rest
}

fn has_scheme(typed: &str) -> bool {
    if typed
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("file:"))
    {
        return true;
    }
    typed.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
    })
}

fn refusal(typed: &str, error: Errno) -> FsError {
    match error {
        Errno::XDEV => FsError::outside(typed),
        Errno::LOOP => FsError::bad(typed, "its links lead in a circle or are not followed"),
        Errno::NOTDIR => FsError::bad(typed, "a part of it that should be a directory is none"),
        Errno::NAMETOOLONG => FsError::bad(typed, "a name in it is too long"),
        other => FsError::io(typed, other.into()),
    }
}

/// Shortens a path for an error.
pub(crate) fn shown(typed: &str) -> String {
    let mut text: String = typed.chars().take(SHOWN).collect();
    if text.len() < typed.len() {
        text.push('…');
    }
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::beneath;

    #[test]
    fn an_absolute_path_is_inside_when_its_names_begin_with_those_of_the_root() {
        for (typed, inside) in [
            ("/a/b", Some(".")),
            ("/a/b/", Some(".")),
            ("/a/b/c/d", Some("c/d")),
            ("//a/.//b/./c", Some("./c")),
            ("/a/b/../../x", Some("../../x")),
            ("/a/bc", None),
            ("/a", None),
            ("/x/../a/b/c", None),
            ("/a/../a/b/c", None),
            ("/", None),
        ] {
            assert_eq!(beneath(typed, "/a/b"), inside, "{typed}");
        }
    }
}
