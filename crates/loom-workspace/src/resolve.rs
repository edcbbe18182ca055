//! The two ways to resolve a path beneath a directory: by the kernel, or name by name.
//!
//! Both refuse `..` above the root, absolute links and magic links, and give `EXDEV` for the first
//! two. The kernel's way takes one call; the other works where `openat2` or `/proc` is missing
//! (older kernels, some containers, macOS).

use crate::root::{DIRECTORY, MAX_DEPTH};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::{Errno, Result};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Links followed in one path; the kernel's own limit.
const MAX_LINKS: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolver {
    #[cfg(target_os = "linux")]
    Kernel,
    Walking,
}

impl Resolver {
    /// The kernel's, where it works.
    pub(crate) fn detect(root: &OwnedFd) -> Self {
        #[cfg(target_os = "linux")]
        if kernel::canonical(root.as_fd(), OsStr::new(".")).is_ok_and(|path| path.is_empty()) {
            return Self::Kernel;
        }
        let _unused_elsewhere = root;
        Self::Walking
    }

    /// Where an existing path leads, relative to the root, without links and dots.
    pub(crate) fn canonical(self, root: &OwnedFd, path: &OsStr) -> Result<OsString> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Kernel => kernel::canonical(root.as_fd(), path),
            Self::Walking => walking::canonical(root.as_fd(), path),
        }
    }

    /// Opens a directory by its canonical path; any link in it is an error.
    pub(crate) fn exact(self, root: &OwnedFd, path: &OsStr) -> Result<OwnedFd> {
        let plain = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
        if !path.as_bytes().split(|b| *b == b'/').all(plain) {
            return Err(Errno::INVAL);
        }
        match self {
            #[cfg(target_os = "linux")]
            Self::Kernel => kernel::exact(root.as_fd(), path),
            Self::Walking => walking::exact(root.as_fd(), path),
        }
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use super::{BorrowedFd, DIRECTORY, Errno, Mode, OsStr, OsStrExt, OsString, OwnedFd, Result};
    use rustix::fd::{AsFd, AsRawFd};
    use rustix::fs::{CWD, OFlags, ResolveFlags};
    use std::os::unix::ffi::OsStringExt;

    /// The kernel gives up when the tree is rearranged while it walks; this often it may.
    const MAX_RACES: usize = 64;

    const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

    pub(super) fn canonical(root: BorrowedFd<'_>, path: &OsStr) -> Result<OsString> {
        let found = open(root, path, OFlags::PATH | OFlags::CLOEXEC, BENEATH)?;
        let base = location(root)?;
        let here = location(found.as_fd())?;
        // It may have been moved out since it was opened: then it is outside.
        let rest = here
            .as_bytes()
            .strip_prefix(base.as_bytes())
            .ok_or(Errno::XDEV)?;
        match rest {
            [] => Ok(OsString::new()),
            [b'/', relative @ ..] => Ok(OsStr::from_bytes(relative).to_owned()),
            relative if base.as_bytes() == b"/" => Ok(OsStr::from_bytes(relative).to_owned()),
            _ => Err(Errno::XDEV),
        }
    }

    pub(super) fn exact(root: BorrowedFd<'_>, path: &OsStr) -> Result<OwnedFd> {
        open(root, path, DIRECTORY, BENEATH | ResolveFlags::NO_SYMLINKS)
    }

    fn open(
        root: BorrowedFd<'_>,
        path: &OsStr,
        flags: OFlags,
        how: ResolveFlags,
    ) -> Result<OwnedFd> {
        for _ in 0..MAX_RACES {
            match rustix::fs::openat2(root, path, flags, Mode::empty(), how) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                done => return done,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Where an open file is now.
    fn location(fd: BorrowedFd<'_>) -> Result<OsString> {
        let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let target = rustix::fs::readlinkat(CWD, link, Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()))
    }
}

mod walking {
    use super::{
        AsFd, AtFlags, BorrowedFd, DIRECTORY, Errno, FileType, MAX_DEPTH, MAX_LINKS, Mode, OsStr,
        OsStrExt, OsString, OsStringExt, OwnedFd, Result, VecDeque,
    };

    /// The walk so far: each directory entered stays open, so that `..` means the one we came
    /// from, wherever it has been moved meanwhile.
    struct Path<'a> {
        root: BorrowedFd<'a>,
        entered: Vec<(OwnedFd, OsString)>,
    }

    impl Path<'_> {
        fn top(&self) -> BorrowedFd<'_> {
            self.entered.last().map_or(self.root, |(fd, _)| fd.as_fd())
        }

        fn text(&self, last: Option<OsString>) -> OsString {
            let names = self
                .entered
                .iter()
                .map(|(_, name)| name)
                .chain(last.as_ref());
            let bytes: Vec<&[u8]> = names.map(|name| name.as_bytes()).collect();
            OsString::from_vec(bytes.join(&b'/'))
        }
    }

    pub(super) fn canonical(root: BorrowedFd<'_>, path: &OsStr) -> Result<OsString> {
        let mut walked = Path {
            root,
            entered: Vec::new(),
        };
        let mut todo = names(path.as_bytes())?;
        let mut links = 0;
        while let Some(name) = todo.pop_front() {
            match name.as_bytes() {
                b"" | b"." => continue,
                b".." => {
                    walked.entered.pop().ok_or(Errno::XDEV)?;
                    continue;
                }
                _ => {}
            }
            let stat = rustix::fs::statat(walked.top(), &name, AtFlags::SYMLINK_NOFOLLOW)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory if walked.entered.len() < MAX_DEPTH => {
                    let fd = rustix::fs::openat(walked.top(), &name, DIRECTORY, Mode::empty())?;
                    walked.entered.push((fd, name));
                }
                FileType::Directory => return Err(Errno::NAMETOOLONG),
                FileType::Symlink => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = rustix::fs::readlinkat(walked.top(), &name, Vec::new())?;
                    let mut ahead = names(target.as_bytes())?;
                    ahead.extend(todo);
                    todo = ahead;
                }
                // Even `file/` and `file/.` are refused: what is not a directory is the end.
                _ if todo.is_empty() => return Ok(walked.text(Some(name))),
                _ => return Err(Errno::NOTDIR),
            }
        }
        Ok(walked.text(None))
    }

    pub(super) fn exact(root: BorrowedFd<'_>, path: &OsStr) -> Result<OwnedFd> {
        let mut here: Option<OwnedFd> = None;
        for name in names(path.as_bytes())? {
            let top = here.as_ref().map_or(root, AsFd::as_fd);
            here = Some(rustix::fs::openat(top, &name, DIRECTORY, Mode::empty())?);
        }
        here.ok_or(Errno::INVAL)
    }

    /// The names of a path; an absolute one leads out.
    fn names(path: &[u8]) -> Result<VecDeque<OsString>> {
        if path.starts_with(b"/") {
            return Err(Errno::XDEV);
        }
        let owned = |name: &[u8]| OsStr::from_bytes(name).to_owned();
        Ok(path.split(|b| *b == b'/').map(owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::FsError;
    use crate::resolve::Resolver;
    use crate::root::{Last, Root};
    use std::fs;
    use std::os::unix::fs::symlink;

    /// Runs a check over both resolvers on the same tree.
    fn both(check: impl Fn(&Root)) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/c.txt"), "c").unwrap();
        fs::write(root.join("f"), "f").unwrap();
        fs::write(dir.path().join("outside"), "o").unwrap();
        for (target, link) in [
            ("a", "la"),
            ("a/b/c.txt", "lc"),
            ("../outside", "out"),
            ("/etc", "abs"),
            ("loop2", "loop1"),
            ("loop1", "loop2"),
            ("nowhere", "dangling"),
            ("../root/f", "round"),
            ("b/../../f", "a/up"),
            ("/proc/self/cwd", "magic"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        for resolver in [Resolver::detect_kernel(), Resolver::Walking] {
            check(&Root::open(&root).unwrap().with_resolver(resolver));
        }
    }

    impl Resolver {
        const fn detect_kernel() -> Self {
            #[cfg(target_os = "linux")]
            return Self::Kernel;
            #[cfg(not(target_os = "linux"))]
            return Self::Walking;
        }
    }

    #[test]
    fn paths_inside_get_their_recorded_form() {
        both(|root| {
            for (typed, recorded) in [
                (".", ""),
                ("./a/..", ""),
                ("f", "f"),
                ("a//b/./c.txt", "a/b/c.txt"),
                ("a/../f", "f"),
                ("la/b/c.txt", "a/b/c.txt"),
                ("lc", "a/b/c.txt"),
                ("a/up", "f"),
                ("la/", "a"),
                ("new", "new"),
                ("la/new/deep.txt", "a/new/deep.txt"),
                ("a/new/", "a/new"),
                ("...", "..."),
            ] {
                let found = root.resolve(typed, Last::Follow);
                assert_eq!(found.as_deref().ok(), Some(recorded), "{typed} by {root:?}");
            }
        });
    }

    #[test]
    fn the_last_link_is_kept_when_asked() {
        both(|root| {
            for (typed, recorded) in [
                ("lc", "lc"),
                ("la/up", "a/up"),
                ("dangling", "dangling"),
                ("la/", "a"),
                ("a/b/..", "a"),
            ] {
                let found = root.resolve(typed, Last::Keep);
                assert_eq!(found.as_deref().ok(), Some(recorded), "{typed} by {root:?}");
            }
            for typed in ["f/x", "nope/../x", "out/x"] {
                assert!(
                    root.resolve(typed, Last::Keep).is_err(),
                    "{typed} by {root:?}"
                );
            }
        });
    }

    #[test]
    fn paths_that_lead_out_are_outside() {
        both(|root| {
            for typed in [
                "..",
                "../outside",
                "a/../../outside",
                "out",
                "abs",
                "abs/passwd",
                "round",
                "magic/x",
                "/etc/passwd",
                "a/b/../../../root/f",
            ] {
                let found = root.resolve(typed, Last::Follow);
                assert!(
                    matches!(found, Err(FsError::Outside { .. })),
                    "{typed}: {found:?} by {root:?}"
                );
            }
        });
    }

    #[test]
    fn paths_that_mean_nothing_are_refused() {
        both(|root| {
            for typed in [
                "",
                " ",
                "f/",
                "f/.",
                "f/x",
                "loop1",
                "dangling",
                "dangling/x",
                "nope/../f",
                "nope/../../outside",
                "a\0b",
                "file:a",
                "http://a/b",
            ] {
                assert!(
                    root.resolve(typed, Last::Follow).is_err(),
                    "{typed} by {root:?}"
                );
            }
        });
    }

    #[test]
    fn a_recorded_path_follows_no_link() {
        both(|root| {
            assert!(root.directory("a/b").is_ok());
            for path in ["la", "la/b", "f", "a/..", "nope"] {
                assert!(root.directory(path).is_err(), "{path} by {root:?}");
            }
        });
    }
}
