//! One name in one open directory, and everything that is done to it.
//!
//! Nothing here follows a link, blocks on a pipe, or writes into an existing file: content is
//! replaced by renaming a synced temporary file over the name, so a hard link elsewhere keeps its
//! content and a crash leaves the old file or the new one.

use crate::root::DIRECTORY;
use crate::store::{self, MAX_KEPT, StoreError};
use crate::{FsError, name};
use loom_events::{Digest, FileKind, FileState};
use rustix::fd::OwnedFd;
use rustix::fs::{Access, AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// Temporary files are named so that they are recognised after a crash.
const TEMPORARY: &str = ".loom-tmp-";

/// Hexadecimal digits after it.
const TEMPORARY_DIGITS: usize = 16;

/// Mode of a directory that Loom makes.
pub(crate) const NEW_DIRECTORY: u32 = 0o755;

/// Mode of a file that Loom makes. Not the process's umask: what a change will be is recorded
/// before it happens, so it must not depend on the surroundings.
pub(crate) const NEW_FILE: u32 = 0o644;

const REGULAR: &str = "a regular file";

/// What is done with content that is read.
pub(crate) type Keep<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Digest, StoreError>;

#[derive(Debug)]
pub(crate) struct Spot {
    dir: Arc<OwnedFd>,
    name: OsString,
    path: String,
}

/// A written file that has no name yet.
pub(crate) struct Staged(OsString);

impl Spot {
    pub(crate) const fn new(dir: Arc<OwnedFd>, name: OsString, path: String) -> Self {
        Self { dir, name, path }
    }

    fn failed(&self, error: impl Into<io::Error>) -> FsError {
        FsError::io(&self.path, error.into())
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Opens the directory that is here.
    pub(crate) fn open_dir(&self) -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat(
            &*self.dir,
            &self.name,
            DIRECTORY,
            Mode::empty(),
        )?)
    }

    pub(crate) fn stat(&self) -> Result<Option<Stat>, FsError> {
        stat_in(&self.dir, &self.name).map_err(|e| self.failed(e))
    }

    /// Whether we may read what is here; of a link its target is there to be read always.
    pub(crate) fn is_readable(&self) -> bool {
        let flags = AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::accessat(&*self.dir, &self.name, Access::READ_OK, flags) != Err(Errno::ACCESS)
    }

    /// Opens a regular file. The check comes after the open and on what was opened, and the open
    /// does not wait: a pipe or a device put there cannot stop it.
    pub(crate) fn open_file(&self) -> Result<(File, Stat), FsError> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&*self.dir, &self.name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            // A socket, a device without driver, a link.
            Err(Errno::NXIO | Errno::NODEV | Errno::LOOP) => {
                return Err(FsError::wrong_kind(&self.path, REGULAR));
            }
            Err(error) => return Err(self.failed(error)),
        };
        let stat = rustix::fs::fstat(&file).map_err(|e| self.failed(e))?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            Ok((file, stat))
        } else {
            Err(FsError::wrong_kind(&self.path, REGULAR))
        }
    }

    pub(crate) fn read(&self, max: u64) -> Result<Vec<u8>, FsError> {
        let (file, stat) = self.open_file()?;
        let size = size_of(&stat);
        let too_large = |size| FsError::TooLarge {
            path: self.path.clone(),
            size,
            max,
        };
        if size > max {
            return Err(too_large(size));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.take(max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|e| self.failed(e))?;
        if bytes.len() as u64 > max {
            return Err(too_large(bytes.len() as u64));
        }
        Ok(bytes)
    }

    pub(crate) fn link_target(&self) -> Result<Vec<u8>, FsError> {
        rustix::fs::readlinkat(&*self.dir, &self.name, Vec::new())
            .map(std::ffi::CString::into_bytes)
            .map_err(|e| self.failed(e))
    }

    /// The state of what is there; content goes through `keep`.
    pub(crate) fn look(&self, keep: Keep<'_>) -> Result<Option<FileState>, FsError> {
        let Some(stat) = self.stat()? else {
            return Ok(None);
        };
        self.look_at(&stat, keep).map(Some)
    }

    /// As [`Self::look`], when the kind is known already.
    pub(crate) fn look_at(&self, stat: &Stat, keep: Keep<'_>) -> Result<FileState, FsError> {
        let kept = |result: Result<Digest, StoreError>| {
            result.map_err(|source| FsError::store(&self.path, source))
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Ok(bare_state(FileKind::Directory, stat)),
            FileType::Fifo => Ok(bare_state(FileKind::Pipe, stat)),
            FileType::Socket => Ok(bare_state(FileKind::Socket, stat)),
            FileType::Symlink => {
                let target = self.link_target()?;
                Ok(FileState {
                    kind: FileKind::Symlink,
                    digest: Some(kept(keep(&target))?),
                    mode: 0o777,
                    size: target.len() as u64,
                })
            }
            FileType::RegularFile => self.look_at_file(keep),
            _ => Err(FsError::wrong_kind(
                &self.path,
                "a file, a link, a directory or a pipe",
            )),
        }
    }

    fn look_at_file(&self, keep: Keep<'_>) -> Result<FileState, FsError> {
        let (file, stat) = match self.open_file() {
            // Its content cannot be known, but it is there.
            Err(FsError::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
                let stat = self.stat()?.ok_or_else(|| FsError::not_found(&self.path))?;
                return Ok(file_state(None, &stat, size_of(&stat)));
            }
            opened => opened?,
        };
        if size_of(&stat) > MAX_KEPT {
            let digest = store::hash_reader(file).map_err(|e| self.failed(e))?;
            return Ok(file_state(Some(digest), &stat, size_of(&stat)));
        }
        let bytes = self.read(MAX_KEPT)?;
        let digest = keep(&bytes).map_err(|source| FsError::store(&self.path, source))?;
        Ok(file_state(Some(digest), &stat, bytes.len() as u64))
    }

    /// Writes content beside the name. `owner` is whose it shall be, as far as we may.
    pub(crate) fn stage(
        &self,
        bytes: &[u8],
        mode: u32,
        owner: Option<&Stat>,
        sync: bool,
    ) -> Result<Staged, FsError> {
        let staged = Staged(temporary_name(&self.path, bytes));
        let write = || -> io::Result<()> {
            let mut file = self.create(&staged.0)?;
            file.write_all(bytes)?;
            if let Some(old) = owner {
                let (uid, gid) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
                // Only root can give files away; for anybody else the file becomes theirs.
                rustix::fs::fchown(&file, Some(uid), Some(gid)).ok();
            }
            // After the owner: a change of owner clears the set-user-id bit.
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
            if sync { file.sync_all() } else { Ok(()) }
        };
        write().map_err(|error| {
            self.discard(&staged);
            self.failed(error)
        })?;
        Ok(staged)
    }

    fn create(&self, name: &OsStr) -> rustix::io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&*self.dir, name, flags, Mode::RUSR | Mode::WUSR);
        match open() {
            // Left over by a crash in the middle of this very write.
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&*self.dir, name, AtFlags::empty())?;
                open().map(File::from)
            }
            done => done.map(File::from),
        }
    }

    /// Makes a link beside the name.
    pub(crate) fn stage_link(&self, target: &[u8]) -> Result<Staged, FsError> {
        let staged = Staged(temporary_name(&self.path, target));
        let target = OsStr::from_bytes(target);
        let link = || rustix::fs::symlinkat(target, &*self.dir, &staged.0);
        match link() {
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&*self.dir, &staged.0, AtFlags::empty()).and_then(|()| link())
            }
            done => done,
        }
        .map_err(|e| self.failed(e))?;
        Ok(staged)
    }

    /// Gives what was staged its name: in place of what is there, or only where nothing is.
    pub(crate) fn place(&self, staged: &Staged, replace: bool) -> Result<(), FsError> {
        let (dir, from) = (&*self.dir, &staged.0);
        let placed = if replace {
            rustix::fs::renameat(dir, from, dir, &self.name)
        } else {
            rename_to_nothing(dir, from, dir, &self.name)
        };
        placed.map_err(|error| {
            self.discard(staged);
            match error {
                Errno::EXIST | Errno::ISDIR | Errno::NOTDIR => FsError::changed(&self.path),
                other => self.failed(other),
            }
        })
    }

    pub(crate) fn discard(&self, staged: &Staged) {
        // The failure that led here is reported; a leftover is removed at the next start.
        rustix::fs::unlinkat(&*self.dir, &staged.0, AtFlags::empty()).ok();
    }

    /// Makes a directory. It gets its name when it has its mode: a crash leaves none, or this one.
    pub(crate) fn make_dir(&self, mode: u32) -> Result<(), FsError> {
        let staged = Staged(temporary_name(&self.path, b"a directory"));
        match rustix::fs::mkdirat(&*self.dir, &staged.0, Mode::RWXU) {
            // Left over by a crash in the middle of this very call, and so empty.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(self.failed(error)),
        }
        let temporary = Self::new(Arc::clone(&self.dir), staged.0.clone(), self.path.clone());
        let placed = temporary
            .set_mode(mode)
            .and_then(|()| self.place(&staged, false));
        if placed.is_err() {
            // The failure is reported; a leftover is removed at the next start.
            temporary.remove(FileKind::Directory).ok();
        }
        placed
    }

    /// Makes a named pipe, where nothing is.
    #[cfg(target_os = "linux")]
    pub(crate) fn make_pipe(&self, mode: u32) -> Result<(), FsError> {
        let wanted = Mode::from_raw_mode(mode);
        match rustix::fs::mknodat(&*self.dir, &self.name, FileType::Fifo, wanted, 0) {
            Err(Errno::EXIST) => return Err(FsError::changed(&self.path)),
            done => done.map_err(|e| self.failed(e))?,
        }
        self.set_mode_unopened(mode)
    }

    /// Makes a named pipe; there is no safe call for it on this system.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn make_pipe(&self, _mode: u32) -> Result<(), FsError> {
        Err(self.failed(Errno::NOTSUP))
    }

    /// Sets the mode of what must not be opened: it would wake up who waits at a pipe.
    pub(crate) fn set_mode_unopened(&self, mode: u32) -> Result<(), FsError> {
        self.set_mode_of_closed(Mode::from_raw_mode(mode))
            .map_err(|e| self.failed(e))
    }

    /// Sets the mode of a file or directory.
    pub(crate) fn set_mode(&self, mode: u32) -> Result<(), FsError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let wanted = Mode::from_raw_mode(mode);
        match rustix::fs::openat(&*self.dir, &self.name, flags, Mode::empty()) {
            Ok(fd) => rustix::fs::fchmod(&fd, wanted),
            Err(Errno::ACCESS) => self.set_mode_of_closed(wanted),
            Err(error) => Err(error),
        }
        .map_err(|e| self.failed(e))
    }

    /// Sets the mode of what we may not even open, by a handle that needs no permission.
    #[cfg(target_os = "linux")]
    fn set_mode_of_closed(&self, mode: Mode) -> rustix::io::Result<()> {
        use std::os::fd::AsRawFd;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&*self.dir, &self.name, flags, Mode::empty())?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode);
        if !matches!(
            kind,
            FileType::RegularFile | FileType::Directory | FileType::Fifo
        ) {
            return Err(Errno::LOOP);
        }
        rustix::fs::chmod(format!("/proc/self/fd/{}", fd.as_raw_fd()), mode)
    }

    #[cfg(not(target_os = "linux"))]
    fn set_mode_of_closed(&self, _mode: Mode) -> rustix::io::Result<()> {
        Err(Errno::ACCESS)
    }

    pub(crate) fn remove(&self, kind: FileKind) -> Result<(), FsError> {
        let flags = match kind {
            FileKind::Directory => AtFlags::REMOVEDIR,
            FileKind::File | FileKind::Symlink | FileKind::Pipe | FileKind::Socket => {
                AtFlags::empty()
            }
        };
        rustix::fs::unlinkat(&*self.dir, &self.name, flags).map_err(|e| self.failed(e))
    }

    /// Removes a pipe, a socket or a device, if it is one still.
    pub(crate) fn remove_special(&self) -> Result<(), FsError> {
        let Some(stat) = self.stat()? else {
            return Ok(());
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::Directory | FileType::Symlink => {
                Err(FsError::changed(&self.path))
            }
            _ => self.remove(FileKind::File),
        }
    }

    /// Gives what is here the other name, where nothing is yet.
    pub(crate) fn rename(&self, to: &Self) -> Result<(), FsError> {
        rename_to_nothing(&self.dir, &self.name, &to.dir, &to.name).map_err(|error| match error {
            Errno::EXIST | Errno::NOTEMPTY => FsError::exists(&to.path),
            Errno::INVAL => FsError::bad(&to.path, "a directory cannot be moved into itself"),
            other => self.failed(other),
        })
    }

    /// Makes what was done to the name durable.
    pub(crate) fn sync(&self) -> Result<(), FsError> {
        rustix::fs::fsync(&*self.dir).map_err(|e| self.failed(e))
    }
}

/// Renames, refusing to replace anything: by the kernel, or by a hard link where it cannot.
/// `EINVAL` is how some file systems (NFS, some FUSE) say that they cannot.
fn rename_to_nothing(
    from_dir: &OwnedFd,
    from: &OsStr,
    to_dir: &OwnedFd,
    to: &OsStr,
) -> rustix::io::Result<()> {
    match rustix::fs::renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        Err(Errno::NOSYS | Errno::NOTSUP | Errno::INVAL) => {}
        done => return done,
    }
    match rustix::fs::linkat(from_dir, from, to_dir, to, AtFlags::empty()) {
        Ok(()) => rustix::fs::unlinkat(from_dir, from, AtFlags::empty()),
        // A directory, or a file system without hard links: looking first is all that is left.
        Err(Errno::PERM | Errno::NOTSUP) => {
            match rustix::fs::statat(to_dir, to, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => rustix::fs::renameat(from_dir, from, to_dir, to),
                Ok(_) => Err(Errno::EXIST),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

fn temporary_name(path: &str, bytes: &[u8]) -> OsString {
    let digest = store::hash(&[path.as_bytes(), bytes].concat());
    format!("{TEMPORARY}{}", &digest.as_str()[..TEMPORARY_DIGITS]).into()
}

/// Whether a name is that of a temporary file of ours.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.strip_prefix(TEMPORARY).is_some_and(|digits| {
        digits.len() == TEMPORARY_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

pub(crate) fn mode_of(stat: &Stat) -> u32 {
    Mode::from_raw_mode(stat.st_mode).as_raw_mode() & 0o7777
}

pub(crate) fn size_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// The state of what has no content.
pub(crate) fn bare_state(kind: FileKind, stat: &Stat) -> FileState {
    FileState {
        kind,
        digest: None,
        mode: mode_of(stat),
        size: 0,
    }
}

fn file_state(digest: Option<Digest>, stat: &Stat, size: u64) -> FileState {
    FileState {
        kind: FileKind::File,
        digest,
        mode: mode_of(stat),
        size,
    }
}

/// The stat of a name in an open directory, a link not followed; none when nothing is there.
pub(crate) fn stat_in(dir: &OwnedFd, name: &OsStr) -> rustix::io::Result<Option<Stat>> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names in an open directory, in order, as recorded.
pub(crate) fn names(dir: &OwnedFd) -> io::Result<Vec<String>> {
    Ok(entries(dir)?.into_iter().map(|(name, _)| name).collect())
}

/// As [`names`], with what the directory says that each is; it may not know.
pub(crate) fn entries(dir: &OwnedFd) -> io::Result<Vec<(String, FileType)>> {
    let mut entries = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            entries.push((name::to_text(name), entry.file_type()));
        }
    }
    entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        (dir, root)
    }

    #[test]
    fn a_written_file_has_content_and_mode_and_no_temporary_beside_it() {
        let (dir, root) = root();
        let spot = root.spot("f").unwrap();
        let staged = spot.stage(b"one", 0o640, None, true).unwrap();
        spot.place(&staged, false).unwrap();
        assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"one");
        let mode = fs::metadata(dir.path().join("f"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_never_replaces_one_that_appeared() {
        let (dir, root) = root();
        let spot = root.spot("f").unwrap();
        let staged = spot.stage(b"ours", NEW_FILE, None, true).unwrap();
        fs::write(dir.path().join("f"), "theirs").unwrap();
        let placed = spot.place(&staged, false);
        assert!(matches!(placed, Err(FsError::ChangedMeanwhile { .. })));
        assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_leftover_of_a_crash_does_not_stop_the_same_write() {
        let (dir, root) = root();
        let spot = root.spot("f").unwrap();
        for _ in 0..2 {
            let Staged(name) = spot.stage(b"same", NEW_FILE, None, true).unwrap();
            assert!(is_temporary(name.to_str().unwrap()));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let (dir, root) = root();
        fs::write(dir.path().join("f"), "12345").unwrap();
        let spot = root.spot("f").unwrap();
        assert_eq!(spot.read(5).unwrap(), b"12345");
        assert!(matches!(
            spot.read(4),
            Err(FsError::TooLarge { size: 5, .. })
        ));
    }
}
