//! Content-addressed snapshots: BLAKE3 names, zstd content, durable before acknowledged.
//!
//! An object is written under a temporary name, synced, renamed to `objects/ab/cdef…`, and the
//! directory is synced: a power cut leaves it whole or absent. It is checked against its name
//! whenever it is read.

mod collect;

pub use collect::{Collected, Collecting, Live};

use loom_events::Digest;
use rustix::fs::{Mode, OFlags};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Largest content kept. Beyond it a file is data rather than source, and saving it before every
/// command would cost more than it protects.
pub(crate) const MAX_KEPT: u64 = 256 << 20;

/// Up to this many objects are synced one by one; above it one `syncfs` is cheaper (a single sync
/// costs milliseconds, a first snapshot holds tens of thousands of objects).
const SYNC_EACH: usize = 16;

/// Fast compression: sources shrink to a third, and the disk stays the slower part.
const LEVEL: i32 = 1;

/// Keeps content by its hash.
#[derive(Debug)]
pub struct Store {
    objects: PathBuf,
    temporary: PathBuf,
    counter: AtomicU64,
    /// What this process knows to be durable. An object that merely exists may have been renamed
    /// by somebody whose directory sync never happened. With the time when it was last added:
    /// what is wanted again is not collected.
    durable: Mutex<HashMap<Digest, Instant>>,
}

/// Why the store could not keep or give back content.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was never kept, or was collected.
    #[error("there is no snapshot {0}")]
    Missing(Digest),
    /// What is on the disk is not what was stored.
    #[error("snapshot {0} is damaged")]
    Damaged(Digest),
    /// The operating system refused.
    #[error("the snapshot store cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// Names what was tried, for an error.
fn trying(what: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { what, source }
}

impl Store {
    /// Opens the store in a directory, made if it is missing, and removes what a crash left half
    /// written. Only for the one process that writes: what another one is writing would go, too.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let store = Self::open_shared(dir)?;
        store.sweep().map_err(trying("clean up after a crash"))?;
        Ok(store)
    }

    /// Opens the store beside the process that writes, to read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_shared(dir: &Path) -> Result<Self, StoreError> {
        let objects = dir.join("objects");
        let temporary = objects.join("tmp");
        let mut maker = fs::DirBuilder::new();
        // Snapshots hold whatever the workspace holds, secrets too: the owner alone reads them.
        maker.recursive(true).mode(0o700);
        maker
            .create(&temporary)
            .map_err(trying("make its directories"))?;
        sync_dir(&objects).map_err(trying("sync its directory"))?;
        Ok(Self {
            objects,
            temporary,
            counter: AtomicU64::new(0),
            durable: Mutex::default(),
        })
    }

    /// Keeps content; durable when this returns.
    ///
    /// # Errors
    /// When it could not be made durable; nothing may be changed then.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let mut batch = self.batch();
        let digest = batch.add(bytes)?;
        batch.finish()?;
        Ok(digest)
    }

    /// Gives content back, checked against its name.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn get(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let file = File::open(self.object(digest)).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::Missing(digest.clone()),
            _ => trying("read a snapshot")(source),
        })?;
        let damaged = |_| StoreError::Damaged(digest.clone());
        let decoder = zstd::stream::Decoder::new(file).map_err(damaged)?;
        let mut bytes = Vec::new();
        // The limit guards against a damaged frame that claims to be endless.
        decoder
            .take(MAX_KEPT + 1)
            .read_to_end(&mut bytes)
            .map_err(damaged)?;
        if hash(&bytes) == *digest {
            Ok(bytes)
        } else {
            Err(StoreError::Damaged(digest.clone()))
        }
    }

    /// Whether content is kept.
    #[must_use]
    pub fn contains(&self, digest: &Digest) -> bool {
        self.object(digest).exists()
    }

    /// Bytes that are free where snapshots are kept, as far as that is known.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.objects).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Starts to keep many contents with few syncs.
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            store: self,
            staged: Vec::new(),
            unsure: Vec::new(),
            added: HashSet::new(),
            unsynced: false,
        }
    }

    /// What the file system takes for the present: the time stamp of a file written just now.
    pub(crate) fn present(&self) -> io::Result<(i64, i64)> {
        let (path, mut file) = self.temporary_file()?;
        file.write_all(b".")?;
        let seen = file.metadata()?;
        fs::remove_file(path)?;
        Ok((seen.mtime(), seen.mtime_nsec()))
    }

    fn object(&self, digest: &Digest) -> PathBuf {
        let (fan, rest) = digest.as_str().split_at(2);
        self.objects.join(fan).join(rest)
    }

    fn temporary_file(&self) -> io::Result<(PathBuf, File)> {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let path = self
            .temporary
            .join(format!("{}-{number}", std::process::id()));
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(&path)?;
        Ok((path, file))
    }

    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.temporary)? {
            match fs::remove_file(entry?.path()) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    fn durable(&self) -> MutexGuard<'_, HashMap<Digest, Instant>> {
        // Each entry stands for itself, so it is whole whatever panicked beside it.
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Contents on their way into the store; nothing is acknowledged before [`Batch::finish`].
pub(crate) struct Batch<'a> {
    store: &'a Store,
    staged: Vec<(Digest, PathBuf)>,
    unsure: Vec<Digest>,
    added: HashSet<Digest>,
    unsynced: bool,
}

impl Batch<'_> {
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = hash(bytes);
        if self.added.contains(&digest) || self.store.is_durable(&digest) {
            return Ok(digest);
        }
        if self.store.is_wanted_again(&digest) {
            self.unsure.push(digest.clone());
        } else {
            let path = self.stage(bytes).map_err(trying("write a snapshot"))?;
            self.staged.push((digest.clone(), path));
        }
        self.added.insert(digest.clone());
        Ok(digest)
    }

    /// Whether content is on its way.
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.added.contains(digest)
    }

    fn stage(&mut self, bytes: &[u8]) -> io::Result<PathBuf> {
        let packed = zstd::bulk::compress(bytes, LEVEL)?;
        let (path, mut file) = self.store.temporary_file()?;
        let written = file.write_all(&packed).and_then(|()| {
            if self.staged.len() < SYNC_EACH {
                file.sync_data()
            } else {
                self.unsynced = true;
                Ok(())
            }
        });
        if let Err(error) = written {
            // The write failed and is reported; that the rest of it stays until the next start
            // is harmless.
            fs::remove_file(&path).ok();
            return Err(error);
        }
        Ok(path)
    }

    /// Makes everything that was added durable.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        self.settle().map_err(trying("make a snapshot durable"))?;
        let now = Instant::now();
        let added = self.added.drain().map(|digest| (digest, now));
        self.store.durable().extend(added);
        Ok(())
    }

    /// The directories of what is staged, made where they are missing.
    fn make_fans(&self) -> io::Result<BTreeSet<PathBuf>> {
        let objects = self
            .staged
            .iter()
            .map(|(digest, _)| self.store.object(digest));
        let fans: BTreeSet<PathBuf> = objects
            .filter_map(|object| Some(object.parent()?.to_owned()))
            .collect();
        let mut made = false;
        for fan in &fans {
            match fs::DirBuilder::new().mode(0o700).create(fan) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                done => made |= done.map(|()| true)?,
            }
        }
        if made {
            sync_dir(&self.store.objects)?;
        }
        Ok(fans)
    }

    fn settle(&mut self) -> io::Result<()> {
        let many = self.staged.len() + self.unsure.len() > SYNC_EACH;
        if self.unsynced {
            sync_all_files(
                &self.store.objects,
                self.staged.iter().map(|(_, path)| path),
            )?;
        }
        let mut fans = self.make_fans()?;
        for (digest, path) in self.staged.drain(..) {
            fs::rename(path, self.store.object(&digest))?;
        }
        for digest in &self.unsure {
            let object = self.store.object(digest);
            if !many {
                File::open(&object)?.sync_data()?;
            }
            fans.extend(object.parent().map(Path::to_owned));
        }
        if many {
            let unsure: Vec<_> = self.unsure.iter().map(|d| self.store.object(d)).collect();
            sync_all_files(&self.store.objects, unsure.iter().chain(&fans))
        } else {
            fans.iter().try_for_each(|fan| sync_dir(fan))
        }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for (_, path) in self.staged.drain(..) {
            // Best effort: the next start sweeps what is left.
            fs::remove_file(path).ok();
        }
    }
}

/// The name of content.
pub(crate) fn hash(bytes: &[u8]) -> Digest {
    digest_of(&blake3::hash(bytes))
}

/// The name that content has in a store: equal for equal bytes, and practically for no others.
#[must_use]
pub fn content_hash(bytes: &[u8]) -> Digest {
    hash(bytes)
}

/// The name of content that is too large to be held in memory.
pub(crate) fn hash_reader(reader: impl Read) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(reader)?;
    Ok(digest_of(&hasher.finalize()))
}

fn digest_of(hash: &blake3::Hash) -> Digest {
    Digest::from_hex(hash.to_hex().as_str()).expect("BUG: a BLAKE3 hash is 64 hexadecimal digits")
}

fn sync_dir(path: &Path) -> io::Result<()> {
    rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .and_then(|dir| rustix::fs::fsync(dir.as_fd()))
    .map_err(io::Error::from)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn sync_all_files<'a>(objects: &Path, _paths: impl Iterator<Item = &'a PathBuf>) -> io::Result<()> {
    let dir = File::open(objects)?;
    rustix::fs::syncfs(dir.as_fd()).map_err(io::Error::from)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn sync_all_files<'a>(
    _objects: &Path,
    mut paths: impl Iterator<Item = &'a PathBuf>,
) -> io::Result<()> {
    paths.try_for_each(|path| File::open(path)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    #[test]
    fn content_comes_back_also_after_reopening() {
        let (dir, store) = store();
        let contents: Vec<Vec<u8>> = vec![vec![], b"x".to_vec(), vec![7; 100_000]];
        let digests: Vec<_> = contents.iter().map(|c| store.put(c).unwrap()).collect();
        let again = Store::open(dir.path()).unwrap();
        for (content, digest) in contents.iter().zip(&digests) {
            assert_eq!(&again.get(digest).unwrap(), content);
            assert_eq!(&again.put(content).unwrap(), digest);
        }
    }

    #[test]
    fn a_large_batch_is_kept_and_leaves_no_temporary_file() {
        let (_dir, store) = store();
        let mut batch = store.batch();
        let digests: Vec<_> = (0..3 * SYNC_EACH)
            .map(|n| batch.add(format!("content {n}").as_bytes()).unwrap())
            .collect();
        assert!(!store.contains(&digests[0]), "nothing counts before finish");
        batch.finish().unwrap();
        assert!(digests.iter().all(|d| store.get(d).is_ok()));
        assert_eq!(fs::read_dir(&store.temporary).unwrap().count(), 0);
    }

    #[test]
    fn who_only_reads_leaves_alone_what_is_being_written() {
        let (dir, store) = store();
        let mut batch = store.batch();
        let digest = batch.add(b"on its way").unwrap();
        Store::open_shared(dir.path()).unwrap();
        batch.finish().unwrap();
        assert_eq!(store.get(&digest).unwrap(), b"on its way");
    }

    #[test]
    fn an_abandoned_batch_leaves_nothing() {
        let (_dir, store) = store();
        let mut batch = store.batch();
        let digest = batch.add(b"lost").unwrap();
        drop(batch);
        assert!(!store.contains(&digest));
        assert_eq!(fs::read_dir(&store.temporary).unwrap().count(), 0);
    }

    #[test]
    fn a_flipped_byte_is_found() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, store) = store();
        let digest = store.put(b"something worth keeping").unwrap();
        let path = store.object(&digest);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, damaged).unwrap();
            if let Ok(content) = store.get(&digest) {
                assert_eq!(content, b"something worth keeping", "byte {at}");
            }
        }
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(store.get(&digest), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn what_was_never_kept_is_missing() {
        let (_dir, store) = store();
        let digest = hash(b"never");
        assert!(!store.contains(&digest));
        assert!(matches!(store.get(&digest), Err(StoreError::Missing(_))));
    }
}
