//! Links that would lead from a fork back into the original, through which an attempt that runs
//! without a sandbox would write the user's files.
//!
//! A link that names the original in full is made to name the fork, and named back when a result
//! leaves the fork, so that neither side sees a change. One that comes there in another way (by an
//! alias of the directory, or by climbing) is left out: there is no other text for it that could be
//! turned back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// What becomes of a link in a fork.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it is.
    Kept,
    /// It gets another target.
    Retargeted(Vec<u8>),
    /// It is left out.
    LeftOut,
}

/// The two sides of a fork.
#[derive(Clone, Debug)]
pub(super) struct Links {
    pub(super) origin: PathBuf,
    pub(super) tree: PathBuf,
}

impl Links {
    /// Judges a link; `dir` is the recorded directory that it is in, `tree` where the fork is at
    /// the moment.
    pub(super) fn fate(&self, target: &[u8], dir: &str, tree: &Path) -> Fate {
        if let Some(target) = renamed(target, &self.origin, &self.tree) {
            return Fate::Retargeted(target);
        }
        let target = Path::new(OsStr::from_bytes(target));
        let climbs = target.components().any(|part| part == Component::ParentDir);
        if !target.is_absolute() && !climbs {
            return Fate::Kept;
        }
        let from = tree.join(crate::name::to_os(dir));
        if resolved(&from.join(target)).starts_with(&self.origin) {
            Fate::LeftOut
        } else {
            Fate::Kept
        }
    }

    /// The target of a link of the fork as the original would have it, where they differ.
    pub(super) fn back(&self, target: &[u8]) -> Option<Vec<u8>> {
        renamed(target, &self.tree, &self.origin)
    }
}

/// A target below one directory as the same place below another; only what names it plainly.
fn renamed(target: &[u8], from: &Path, to: &Path) -> Option<Vec<u8>> {
    let rest = target.strip_prefix(from.as_os_str().as_bytes())?;
    let plain = rest.is_empty() || rest.starts_with(b"/");
    let climbs = rest.split(|byte| *byte == b'/').any(|name| name == b"..");
    (plain && !climbs).then(|| [to.as_os_str().as_bytes(), rest].concat())
}

/// Where a path leads: links followed as far as it exists, and plain names after that.
fn resolved(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    for existing in path.ancestors() {
        if let Ok(real) = existing.canonicalize() {
            return missing.iter().rev().fold(real, step);
        }
        missing.extend(existing.components().next_back());
    }
    path.to_owned()
}

fn step(mut path: PathBuf, part: &Component<'_>) -> PathBuf {
    match part {
        Component::ParentDir => {
            path.pop();
        }
        Component::Normal(name) => path.push(name),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Place {
        _dir: tempfile::TempDir,
        base: PathBuf,
        links: Links,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let base = dir.path().canonicalize().unwrap();
            for sub in ["project/src", "data/forks/one/tree/src", "elsewhere"] {
                std::fs::create_dir_all(base.join(sub)).unwrap();
            }
            symlink("project", base.join("alias")).unwrap();
            let links = Links {
                origin: base.join("project"),
                tree: base.join("data/forks/one/tree"),
            };
            Self {
                _dir: dir,
                base,
                links,
            }
        }

        fn fate(&self, target: &str) -> Fate {
            let target = target.replace('@', self.base.to_str().unwrap());
            let tree = &self.links.tree;
            self.links.fate(target.as_bytes(), "src", tree)
        }
    }

    #[test]
    fn a_link_that_names_the_original_names_the_fork_and_comes_back() {
        let place = Place::new();
        for rest in ["", "/", "/src/a", "/not/there"] {
            let Fate::Retargeted(target) = place.fate(&format!("@/project{rest}")) else {
                panic!("{rest} is not retargeted");
            };
            let tree = place.links.tree.to_str().unwrap();
            assert_eq!(target, format!("{tree}{rest}").as_bytes());
            let back = place.links.back(&target).unwrap();
            let origin = place.links.origin.to_str().unwrap();
            assert_eq!(back, format!("{origin}{rest}").as_bytes());
        }
    }

    #[test]
    fn a_link_that_comes_there_in_another_way_is_left_out() {
        let place = Place::new();
        for target in [
            "@/alias",
            "@/alias/src/a",
            "@/alias/not/there/yet",
            "@/elsewhere/../project/src",
            "@/nowhere/../project/src",
            "@/project/src/../src",
            "../../../../../project/src",
        ] {
            assert_eq!(place.fate(target), Fate::LeftOut, "{target}");
        }
        let climb = format!("{}@/project/x", "../".repeat(40));
        assert_eq!(place.fate(&climb.replace("/@", "@")), Fate::LeftOut);
    }

    #[test]
    fn other_links_stay_as_they_are() {
        let place = Place::new();
        for target in [
            "a",
            "../Cargo.toml",
            "/usr/bin/python3",
            "@/elsewhere",
            "@/project2",
            "nowhere",
            "@/nowhere/../x",
        ] {
            assert_eq!(place.fate(target), Fate::Kept, "{target}");
        }
    }
}
