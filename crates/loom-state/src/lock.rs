//! The lock that keeps a second process off a data directory.
//!
//! The lock is the operating system's lock on `loom.lock`, so it ends with the process that holds
//! it, however that ends: a file left behind by a dead process is simply taken. Its content, a pid
//! and where the holder listens, is for people and front ends and is never trusted as the lock.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Name of the lock file in the data directory.
pub const LOCK_FILE: &str = "loom.lock";

/// Longest content read from a lock file: a pid and an address fit many times over, and a file
/// that somebody else put there must not be read into memory whole.
const MAX_CONTENT: u64 = 1024;

/// Sole use of a data directory, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct DataDirLock {
    file: File,
    path: PathBuf,
}

/// Who holds a data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process, once it has written it.
    pub pid: Option<u32>,
    /// Where it listens, if it does.
    pub address: Option<String>,
}

impl DataDirLock {
    /// Takes the directory, making it (readable by its owner only) when it is not there.
    ///
    /// # Errors
    /// [`LockError::Held`] names the process that has it and how to go on.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join(LOCK_FILE);
        let failed = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        make_private_dir(dir).map_err(failed)?;
        let file = open(&path, true).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    dir: dir.to_owned(),
                    holder: read_holder(&file).unwrap_or_default(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let lock = Self { file, path };
        lock.write(&format!("{}\n", std::process::id()))?;
        Ok(lock)
    }

    /// Says where the holder listens, so that a second front end can join it.
    ///
    /// # Errors
    /// [`LockError::Io`] when the file cannot be written; the lock is held all the same.
    pub fn publish(&self, address: &str) -> Result<(), LockError> {
        self.write(&format!("{}\n{address}\n", std::process::id()))
    }

    /// Who holds the directory now; none when it is free.
    ///
    /// # Errors
    /// [`LockError::Io`] when the file is there and cannot be read.
    pub fn holder(dir: &Path) -> Result<Option<Holder>, LockError> {
        let path = dir.join(LOCK_FILE);
        let failed = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let file = match open(&path, false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => read_holder(&file).map(Some).map_err(failed),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    fn write(&self, content: &str) -> Result<(), LockError> {
        // One write of the whole content after the truncation: a reader sees nothing or all of it.
        let mut file = &self.file;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(content.as_bytes()))
            .map_err(|source| LockError::Io {
                path: self.path.clone(),
                source,
            })
    }
}

impl Drop for DataDirLock {
    fn drop(&mut self) {
        // The file stays: removing it would let two processes lock two files of the same name.
        // That its content goes is a courtesy, so a failure does not matter.
        self.file.set_len(0).ok();
    }
}

/// A data directory that could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "use the data directory {}: {holder}; stop that process, or set LOOM_HOME to another directory",
        dir.display()
    )]
    Held {
        /// The directory.
        dir: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// The lock file cannot be made, locked or written.
    #[error("lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "it is in use by process {pid}")?,
            None => write!(f, "it is in use by a process that is just starting")?,
        }
        match &self.address {
            Some(address) => write!(f, ", which can be reached at {address}"),
            None => Ok(()),
        }
    }
}

/// Makes a directory that only its owner can enter; one that is there keeps its mode.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn open(path: &Path, create: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(create).create(create);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn read_holder(mut file: &File) -> io::Result<Holder> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MAX_CONTENT).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().map(str::trim);
    Ok(Holder {
        pid: lines.next().and_then(|line| line.parse().ok()),
        address: lines.next().filter(|a| !a.is_empty()).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_has_the_directory_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let held = DataDirLock::acquire(dir.path()).unwrap();
        held.publish("http://127.0.0.1:9000").unwrap();

        let refused = DataDirLock::acquire(dir.path()).unwrap_err().to_string();

        let pid = format!("process {}", std::process::id());
        for part in [&pid, "http://127.0.0.1:9000", "LOOM_HOME"] {
            assert!(refused.contains(part), "{part} is not in: {refused}");
        }
    }

    #[test]
    fn the_holder_can_be_found_and_is_gone_when_the_lock_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(DataDirLock::holder(dir.path()).unwrap(), None);
        let held = DataDirLock::acquire(dir.path()).unwrap();
        held.publish("http://127.0.0.1:1").unwrap();
        let holder = DataDirLock::holder(dir.path()).unwrap().unwrap();
        assert_eq!(holder.pid, Some(std::process::id()));
        assert_eq!(holder.address.as_deref(), Some("http://127.0.0.1:1"));
        drop(held);
        assert_eq!(DataDirLock::holder(dir.path()).unwrap(), None);
    }

    #[test]
    fn what_a_dead_process_left_behind_is_simply_taken() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LOCK_FILE), "4194304999\nhttp://nowhere\n").unwrap();
        let lock = DataDirLock::acquire(dir.path()).unwrap();
        let holder = DataDirLock::holder(dir.path()).unwrap().unwrap();
        assert_eq!(holder.pid, Some(std::process::id()));
        assert_eq!(holder.address, None);
        drop(lock);
    }

    #[test]
    fn a_file_of_nonsense_is_no_reason_to_fail() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK_FILE);
        std::fs::write(&path, [0xff; 5000]).unwrap();
        let holder = read_holder(&File::open(&path).unwrap()).unwrap();
        assert_eq!(holder.pid, None);
    }
}
