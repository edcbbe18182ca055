//! Removes a tree that an attempt may have left in any state: closed directories, thousands of
//! levels, links to anywhere. Follows no link, and holds a bounded number of handles.

use crate::name;
use crate::root::DIRECTORY;
use crate::spot::{Spot, names};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::Arc;

/// Levels that are held open at once. What lies deeper is moved up to the top first, and has its
/// turn there.
const MAX_OPEN: usize = 64;

/// Names of what was moved up.
const MOVED: &str = ".loom-deep-";

/// Removes what is at a name in an open directory, with everything in it.
pub(super) fn remove(dir: &Arc<OwnedFd>, name: &OsStr) -> io::Result<()> {
    let Some(top) = unlink_or_open(dir, name)? else {
        return Ok(());
    };
    let mut removal = Removal {
        top: Arc::clone(&top),
        moved: 0,
    };
    loop {
        let before = removal.moved;
        removal.empty(&top, 1)?;
        // What was moved up came after the names were read.
        if removal.moved == before {
            break;
        }
    }
    unlink(dir, name, AtFlags::REMOVEDIR)
}

struct Removal {
    top: Arc<OwnedFd>,
    moved: u64,
}

impl Removal {
    fn empty(&mut self, dir: &Arc<OwnedFd>, level: usize) -> io::Result<()> {
        for name in names(dir)? {
            let name = name::to_os(&name);
            let Some(below) = unlink_or_open(dir, &name)? else {
                continue;
            };
            if level >= MAX_OPEN {
                drop(below);
                self.move_up(dir, &name)?;
                continue;
            }
            self.empty(&below, level + 1)?;
            drop(below);
            unlink(dir, &name, AtFlags::REMOVEDIR)?;
        }
        Ok(())
    }

    fn move_up(&mut self, dir: &OwnedFd, name: &OsStr) -> io::Result<()> {
        loop {
            self.moved += 1;
            let new = OsString::from(format!("{MOVED}{}", self.moved));
            match rustix::fs::renameat(dir, name, &*self.top, &new) {
                // The attempt used the name.
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
                done => return Ok(done?),
            }
        }
    }
}

/// Unlinks what is no directory; opens what is one, for us too.
fn unlink_or_open(dir: &Arc<OwnedFd>, name: &OsStr) -> io::Result<Option<Arc<OwnedFd>>> {
    let open = || rustix::fs::openat(&**dir, name, DIRECTORY, Mode::empty());
    let closed = |fd: &OwnedFd| match rustix::fs::fstat(fd) {
        Ok(stat) => stat.st_mode & 0o700 != 0o700,
        Err(_) => true,
    };
    let opened = match open() {
        Ok(fd) if !closed(&fd) => return Ok(Some(Arc::new(fd))),
        Ok(_) | Err(Errno::ACCESS) => {
            let shown = name::to_text(name);
            let spot = Spot::new(Arc::clone(dir), name.to_owned(), shown);
            spot.set_mode(0o700).map_err(io::Error::other)?;
            open()
        }
        Err(error) => Err(error),
    };
    match opened {
        Ok(fd) => Ok(Some(Arc::new(fd))),
        // A file, a link, a pipe; or nothing.
        Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT | Errno::NXIO) => {
            unlink(dir, name, AtFlags::empty())?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn unlink(dir: &OwnedFd, name: &OsStr, flags: AtFlags) -> io::Result<()> {
    match rustix::fs::unlinkat(dir, name, flags) {
        Err(Errno::NOENT) => Ok(()),
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn place() -> (tempfile::TempDir, Arc<OwnedFd>) {
        let dir = tempfile::tempdir().unwrap();
        let fd = Root::open(dir.path()).unwrap().directory("").unwrap();
        (dir, Arc::new(fd))
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let (dir, fd) = place();
        fs::create_dir_all(dir.path().join("outside/sub")).unwrap();
        fs::write(dir.path().join("outside/sub/kept"), "kept").unwrap();
        fs::create_dir_all(dir.path().join("fork/a")).unwrap();
        symlink("../../outside", dir.path().join("fork/a/up")).unwrap();
        symlink(dir.path().join("outside/sub"), dir.path().join("fork/abs")).unwrap();
        symlink("outside", dir.path().join("itself")).unwrap();

        remove(&fd, OsStr::new("fork")).unwrap();
        remove(&fd, OsStr::new("itself")).unwrap();
        assert!(!dir.path().join("fork").exists());
        assert_eq!(
            fs::read(dir.path().join("outside/sub/kept")).unwrap(),
            b"kept"
        );
    }

    #[test]
    fn closed_directories_are_removed() {
        let (dir, fd) = place();
        fs::create_dir_all(dir.path().join("fork/a/b/c")).unwrap();
        fs::write(dir.path().join("fork/a/b/f"), "").unwrap();
        for (path, mode) in [("fork/a/b", 0o500), ("fork/a", 0o000)] {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(dir.path().join(path), mode).unwrap();
        }
        remove(&fd, OsStr::new("fork")).unwrap();
        assert!(!dir.path().join("fork").exists());
    }

    #[test]
    fn thousands_of_levels_are_removed() {
        let (dir, fd) = place();
        fs::create_dir(dir.path().join("fork")).unwrap();
        fs::write(dir.path().join("fork").join(format!("{MOVED}1")), "ours").unwrap();
        let mut here = fd.try_clone().unwrap();
        let mut name = OsStr::new("fork");
        for _ in 0..3000 {
            here = rustix::fs::openat(&here, name, DIRECTORY, Mode::empty()).unwrap();
            name = OsStr::new("d");
            rustix::fs::mkdirat(&here, name, Mode::RWXU).unwrap();
        }
        remove(&fd, OsStr::new("fork")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_there_is_no_error() {
        let (_dir, fd) = place();
        remove(&fd, OsStr::new("nothing")).unwrap();
    }
}
