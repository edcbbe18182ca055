//! Which directories are left out of a manifest: derived from the rest, and bulky.
//!
//! What git ignores is no reason: an ignored `.env` or `data/` is often the only copy there is.
//! A name alone is not enough where people use it for sources too: then there must be evidence.

use loom_events::WhyLeftOut;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::Read;

/// What a user says about directories, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trees {
    /// Left out wherever they are.
    pub derived: Vec<String>,
    /// Never left out, whatever is known of them.
    pub keep: Vec<String>,
}

/// Names that nobody uses for sources.
const ALWAYS: &[&str] = &[
    "node_modules",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
    ".gradle",
    ".parcel-cache",
    ".turbo",
];

/// Build files that make a `target` beside them a build directory.
const TARGET_MAKERS: &[&str] = &["Cargo.toml", "pom.xml", "build.sbt"];

/// Start of the mark that caches carry by convention (bford.info/cachedir).
const CACHE_MARK: &[u8; 43] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Why a directory is left out, if it is. `siblings` are the names beside it, sorted.
pub(crate) fn why_left_out(
    name: &str,
    siblings: &[String],
    dir: &OwnedFd,
    children: &[String],
    trees: &Trees,
) -> Option<WhyLeftOut> {
    let has = |list: &[String], name: &str| list.binary_search_by(|n| n.as_str().cmp(name)).is_ok();
    if name == ".git" {
        return Some(WhyLeftOut::Git);
    }
    let named = |names: &[String]| names.iter().any(|one| one == name);
    if named(&trees.keep) {
        return None;
    }
    let build = name == "target" && TARGET_MAKERS.iter().any(|maker| has(siblings, maker));
    let derived = ALWAYS.contains(&name)
        || named(&trees.derived)
        || build
        || has(children, "pyvenv.cfg")
        || (has(children, "CACHEDIR.TAG") && is_marked(dir));
    derived.then_some(WhyLeftOut::Derived)
}

fn is_marked(dir: &OwnedFd) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(fd) = rustix::fs::openat(dir, "CACHEDIR.TAG", flags, Mode::empty()) else {
        return false;
    };
    let mut start = [0; CACHE_MARK.len()];
    File::from(fd).read_exact(&mut start).is_ok() && start == *CACHE_MARK
}
