//! The bytes of one file, from the original into a fork: blocks shared where the file system can,
//! else copied, with holes left as holes.
//!
//! Everything works on open files and on names in open directories. A library that clones by path
//! would open both sides a second time, and somebody may have exchanged them.

use super::Strategy;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, SeekFrom, Stat, Timespec, Timestamps};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};

/// Makes a file with the content of another.
pub(super) fn copied(
    from: &File,
    dir: &OwnedFd,
    name: &OsStr,
    strategy: Strategy,
) -> io::Result<File> {
    if strategy == Strategy::Reflink
        && let Ok(clone) = cloned(from, dir, name)
    {
        return Ok(clone);
    }
    let to = create(dir, name)?;
    copy_data(from, &to)?;
    Ok(to)
}

/// Makes an empty file; nobody else knows of the place, so whatever is there is a mistake.
pub(super) fn create(dir: &OwnedFd, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    Ok(File::from(rustix::fs::openat(dir, name, flags, mode)?))
}

/// Makes a file that shares its blocks with another.
#[cfg(target_os = "linux")]
pub(super) fn cloned(from: &File, dir: &OwnedFd, name: &OsStr) -> io::Result<File> {
    let to = create(dir, name)?;
    match rustix::fs::ioctl_ficlone(&to, from) {
        Ok(()) => Ok(to),
        Err(error) => {
            rustix::fs::unlinkat(dir, name, AtFlags::empty())?;
            Err(error.into())
        }
    }
}

/// Makes a file that shares its blocks with another.
#[cfg(target_vendor = "apple")]
pub(super) fn cloned(from: &File, dir: &OwnedFd, name: &OsStr) -> io::Result<File> {
    rustix::fs::fclonefileat(from, dir, name, rustix::fs::CloneFlags::NOOWNERCOPY)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(dir, name, flags, Mode::empty());
    if opened.is_err() {
        // Its mode came along and closes it to us.
        rustix::fs::unlinkat(dir, name, AtFlags::empty())?;
    }
    Ok(File::from(opened?))
}

/// Makes a file that shares its blocks with another.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(super) fn cloned(_from: &File, _dir: &OwnedFd, _name: &OsStr) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Copies what is not a hole. The library uses `copy_file_range` where there is one.
fn copy_data(from: &File, to: &File) -> io::Result<()> {
    let size = from.metadata()?.len();
    let mut at = 0;
    while at < size {
        let start = match rustix::fs::seek(from, SeekFrom::Data(at)) {
            Ok(start) => start,
            // Nothing but a hole is left.
            Err(Errno::NXIO) => break,
            // This file system does not tell.
            Err(_) => at,
        };
        let end = rustix::fs::seek(from, SeekFrom::Hole(start)).unwrap_or(size);
        rustix::fs::seek(from, SeekFrom::Start(start))?;
        rustix::fs::seek(to, SeekFrom::Start(start))?;
        let copied = io::copy(&mut from.take(end.saturating_sub(start)), &mut &*to)?;
        if copied == 0 {
            break;
        }
        at = start + copied;
    }
    to.set_len(size)
}

/// The time stamps of a file, for its copy: builds compare them.
pub(super) fn times(stat: &Stat) -> Timestamps {
    let stamp = |seconds, nanoseconds| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    Timestamps {
        last_access: stamp(stat.st_atime as _, stat.st_atime_nsec as _),
        last_modification: stamp(stat.st_mtime as _, stat.st_mtime_nsec as _),
    }
}

/// Gives a file or directory its mode and, if it is known, its time.
pub(super) fn finish(file: &OwnedFd, mode: u32, times: Option<&Timestamps>) -> io::Result<()> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?;
    if let Some(times) = times {
        rustix::fs::futimens(file, times)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;
    use std::io::{Seek, Write};
    use std::os::unix::fs::MetadataExt;

    fn copy_of(content: impl FnOnce(&mut File)) -> (tempfile::TempDir, File) {
        let dir = tempfile::tempdir().unwrap();
        let mut from = File::create_new(dir.path().join("from")).unwrap();
        content(&mut from);
        let from = File::open(dir.path().join("from")).unwrap();
        let fd = Root::open(dir.path()).unwrap().directory("").unwrap();
        drop(copied(&from, &fd, OsStr::new("to"), Strategy::Reflink).unwrap());
        let to = File::open(dir.path().join("to")).unwrap();
        (dir, to)
    }

    #[test]
    fn holes_stay_holes_and_bytes_stay_where_they_are() {
        let (dir, mut to) = copy_of(|from| {
            from.seek(io::SeekFrom::Start(8 << 20)).unwrap();
            from.write_all(b"middle").unwrap();
            from.set_len(32 << 20).unwrap();
        });
        let mut bytes = Vec::new();
        to.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, std::fs::read(dir.path().join("from")).unwrap());
        let blocks = |name| std::fs::metadata(dir.path().join(name)).unwrap().blocks();
        assert!(blocks("to") <= blocks("from") + 64, "{}", blocks("to"));
    }

    #[test]
    fn empty_and_small_files_are_copied() {
        for content in [&b""[..], b"x", &[7; 70_000]] {
            let (_dir, mut to) = copy_of(|from| from.write_all(content).unwrap());
            let mut bytes = Vec::new();
            to.read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, content);
        }
    }

    #[test]
    fn a_name_that_is_taken_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("taken"), "theirs").unwrap();
        let fd = Root::open(dir.path()).unwrap().directory("").unwrap();
        assert!(create(&fd, OsStr::new("taken")).is_err());
        assert_eq!(std::fs::read(dir.path().join("taken")).unwrap(), b"theirs");
    }
}
