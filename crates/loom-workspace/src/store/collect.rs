//! Removing what nothing refers to any more.
//!
//! An object is removed only when it is in no set of what is referred to and has not been added for a
//! while: what was added a moment ago may be about to be referred to. Adding something that is there
//! already makes it young again, under the same lock under which it would be removed.

use super::{Store, StoreError, trying};
use loom_events::{Digest, FileChange};
use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// What is referred to.
#[derive(Clone, Debug, Default)]
pub struct Live {
    pub(crate) all: HashSet<Digest>,
    /// The trees among them that were walked. A set of its own: a file may have the very content of a
    /// tree, and then nothing below that tree is marked by marking the file.
    pub(crate) trees: HashSet<Digest>,
}

impl Live {
    /// Adds the states before and after a change.
    pub fn add(&mut self, change: &FileChange) {
        let states = change.before.iter().chain(&change.after);
        self.all
            .extend(states.filter_map(|state| state.digest.clone()));
    }

    /// Adds what another set has.
    pub fn extend(&mut self, other: Self) {
        self.all.extend(other.all);
        self.trees.extend(other.trees);
    }

    /// What it has beyond another set.
    pub fn beyond<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Digest> {
        self.all.difference(&other.all)
    }
}

/// How a collection is done.
#[derive(Clone, Copy, Debug)]
pub struct Collecting {
    /// What the time is.
    pub now: SystemTime,
    /// Objects younger than this stay, whether something refers to them or not.
    pub grace: Duration,
    /// Whether objects are removed, not only counted.
    pub remove: bool,
}

/// What a collection found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// Objects that were removed, or would be.
    pub removed: u64,
    /// Their bytes on disk.
    pub removed_bytes: u64,
    /// Objects that stay.
    pub kept: u64,
    /// Their bytes on disk.
    pub kept_bytes: u64,
}

impl Store {
    /// Removes the objects that are not among those referred to. A collection that is cut off has
    /// removed a part; the next one goes on.
    ///
    /// # Errors
    /// When the store cannot be listed or an object cannot be removed.
    pub fn collect(&self, live: &Live, how: Collecting) -> Result<Collected, StoreError> {
        let failed = trying("be cleared of what is not needed any more");
        let mut found = Collected::default();
        for (digest, path) in self.objects().map_err(&failed)? {
            let Some(size) = size_on_disk(&path).map_err(&failed)? else {
                continue;
            };
            let gone =
                !live.all.contains(&digest) && self.remove_old(&digest, how).map_err(&failed)?;
            let (count, bytes) = match gone {
                true => (&mut found.removed, &mut found.removed_bytes),
                false => (&mut found.kept, &mut found.kept_bytes),
            };
            *count += 1;
            *bytes += size;
        }
        Ok(found)
    }

    /// Bytes on disk of one object; none when it is not there.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn bytes_of(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        size_on_disk(&self.object(digest)).map_err(trying("look at a snapshot"))
    }

    /// Everything that is kept. What does not look like an object is none of ours.
    fn objects(&self) -> io::Result<Vec<(Digest, std::path::PathBuf)>> {
        let mut found = Vec::new();
        for fan in fs::read_dir(&self.objects)? {
            let fan = fan?;
            let name = fan.file_name();
            let Some(start) = name.to_str().filter(|name| name.len() == 2) else {
                continue;
            };
            for entry in fs::read_dir(fan.path())? {
                let entry = entry?;
                let rest = entry.file_name();
                let digest = rest.to_str().map(|rest| format!("{start}{rest}"));
                if let Some(digest) = digest.and_then(|hex| Digest::from_hex(&hex).ok()) {
                    found.push((digest, entry.path()));
                }
            }
        }
        Ok(found)
    }

    /// Removes an object unless it was added lately; whether it is gone, or would be.
    fn remove_old(&self, digest: &Digest, how: Collecting) -> io::Result<bool> {
        // Held over the look and the removal: nobody adds it again in between.
        let mut durable = self.durable();
        let path = self.object(digest);
        let used = durable
            .get(digest)
            .is_some_and(|at| at.elapsed() < how.grace);
        if used || is_young(&fs::symlink_metadata(&path)?, how) {
            return Ok(false);
        }
        if how.remove {
            // Forgotten first: whatever becomes of the removal, it is not taken to be there.
            durable.remove(digest);
            fs::remove_file(path)?;
        }
        Ok(true)
    }

    /// Whether content is there and durable; if so it is in use from now on.
    pub(super) fn is_durable(&self, digest: &Digest) -> bool {
        match self.durable().get_mut(digest) {
            Some(at) => {
                *at = Instant::now();
                true
            }
            None => false,
        }
    }

    /// Whether content is there; if so it is young again.
    pub(super) fn is_wanted_again(&self, digest: &Digest) -> bool {
        let _removals_wait = self.durable();
        make_young(&self.object(digest)).is_ok()
    }
}

fn make_young(path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW};
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)
}

fn is_young(found: &Metadata, how: Collecting) -> bool {
    let age = found
        .modified()
        .ok()
        .and_then(|at| how.now.duration_since(at).ok());
    // A time stamp in the future says nothing: such an object stays.
    age.is_none_or(|age| age < how.grace)
}

fn size_on_disk(path: &Path) -> io::Result<Option<u64>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(3600);

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    /// A collection as it would be in some hours.
    #[expect(
        clippy::disallowed_methods,
        reason = "files get their times from the system"
    )]
    fn in_hours(hours: u32, remove: bool) -> Collecting {
        Collecting {
            now: SystemTime::now() + GRACE * hours,
            grace: GRACE,
            remove,
        }
    }

    #[test]
    fn only_what_nothing_refers_to_is_removed_and_forgotten() {
        let (dir, store) = store();
        let kept = store.put(b"kept").unwrap();
        let gone = store.put(b"gone").unwrap();
        let live = Live {
            all: HashSet::from([kept.clone()]),
            ..Live::default()
        };
        // Another process: nothing was added in it lately.
        let later = Store::open(dir.path()).unwrap();
        let counted = later.collect(&live, in_hours(2, false)).unwrap();
        assert_eq!((counted.removed, counted.kept), (1, 1));
        assert!(later.contains(&gone), "it was only counted");
        assert_eq!(later.collect(&live, in_hours(2, true)).unwrap(), counted);
        assert!(!later.contains(&gone) && later.contains(&kept));
        assert_eq!(later.put(b"gone").unwrap(), gone);
        assert_eq!(later.get(&gone).unwrap(), b"gone");
    }

    #[test]
    fn what_was_added_lately_stays_whether_something_refers_to_it_or_not() {
        let (_dir, store) = store();
        let young = store.put(b"young").unwrap();
        store.collect(&Live::default(), in_hours(0, true)).unwrap();
        assert!(store.contains(&young));
        // By the clock of the files it is old; it was added in this process a moment ago.
        store.collect(&Live::default(), in_hours(2, true)).unwrap();
        assert!(store.contains(&young));
    }

    #[test]
    fn what_is_added_again_is_young_again() {
        let (dir, first) = store();
        let digest = first.put(b"content").unwrap();
        let path = first.object(&digest);
        let old = fs::File::open(&path).unwrap();
        old.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let again = Store::open(dir.path()).unwrap();
        again.put(b"content").unwrap();
        let other = Store::open(dir.path()).unwrap();
        other.collect(&Live::default(), in_hours(0, true)).unwrap();
        assert!(other.contains(&digest));
    }

    #[test]
    fn an_object_that_is_on_its_way_is_not_seen() {
        let (_dir, store) = store();
        let mut batch = store.batch();
        let digest = batch.add(b"on its way").unwrap();
        store.collect(&Live::default(), in_hours(2, true)).unwrap();
        batch.finish().unwrap();
        assert_eq!(store.get(&digest).unwrap(), b"on its way");
    }
}
