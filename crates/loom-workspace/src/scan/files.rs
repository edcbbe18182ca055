//! What becomes of one entry that is no directory, and how it is seen that it is as it was.

use super::visit::Opened;
use super::{Found, Listing, Reading, lock};
use crate::spot::{self, Spot, size_of};
use crate::store::{Batch, MAX_KEPT};
use crate::{FsError, WhyLeftOut, name};
use loom_events::{FileKind, FileState};
use rustix::fs::{FileType, Stat};
use std::slice::Iter;
use std::sync::{Arc, Mutex};

/// A stat must be older than this to be remembered: covers file systems with time stamps of two
/// seconds (FAT) and servers whose clock is somewhat behind.
const YOUNG_SECONDS: i64 = 2;

/// Larger files are read by one thread at a time, since their content is held in memory.
const LARGE: u64 = 4 << 20;

/// Something in a directory as it was seen; its state is in the entries.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) name: Box<str>,
    proof: Proof,
    /// Why its content is not kept, if it is not.
    why: Option<WhyLeftOut>,
}

/// What shows that a state is still what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    /// Content and mode are as they were while the stamp is.
    Stamp(Stamp),
    /// There is no content: this is the state.
    Bare(FileState),
    /// Nothing does: the stat was too young, or the content was not looked at.
    Missing,
}

/// The part of a stat that changes when content or mode do. The change time cannot be set back
/// by anybody, unlike the modification time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    mode: u32,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[expect(
    clippy::unnecessary_cast,
    reason = "the widths of these fields differ between systems"
)]
fn stamp_of(stat: &Stat) -> Stamp {
    Stamp {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        mode: stat.st_mode as u32,
        size: size_of(stat),
        modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
    }
}

/// Something in a directory beside what was seen of it last time.
pub(super) enum Now<'a> {
    AsBefore(&'a Seen),
    Fresh(Seen, FileState),
}

impl Now<'_> {
    const fn seen(&self) -> &Seen {
        match self {
            Self::AsBefore(seen) => seen,
            Self::Fresh(seen, _) => seen,
        }
    }
}

pub(super) struct Files<'a, 'b> {
    /// Where content goes; none when files are only counted.
    batch: Option<Mutex<&'a mut Batch<'b>>>,
    /// Stats from this second on are too young.
    young: i64,
}

impl<'a, 'b> Files<'a, 'b> {
    pub(super) fn new(reading: Reading<'a, 'b>, present: i64) -> Self {
        Self {
            batch: match reading {
                Reading::Keep(batch) => Some(Mutex::new(batch)),
                Reading::Count => None,
            },
            young: present - YOUNG_SECONDS,
        }
    }

    /// What is there now; none when it is gone by now, or is nothing that can be kept.
    pub(super) fn look<'s>(
        &self,
        dir: &Opened,
        name: &str,
        stat: &Stat,
        seen: Option<&'s Seen>,
    ) -> Result<Option<Now<'s>>, FsError> {
        let proof = self.proof(stat);
        if let Some(seen) = seen.filter(|seen| seen.proof == proof && proof != Proof::Missing) {
            return Ok(Some(Now::AsBefore(seen)));
        }
        let state = match (&proof, &self.batch) {
            (Proof::Bare(state), _) => state.clone(),
            (_, Some(batch)) => match keep(&dir.spot(name), stat, batch) {
                Ok(state) => state,
                // It vanished or was exchanged while we looked: the next look sees what is there
                // then.
                Err(FsError::NotFound { .. } | FsError::WrongKind { .. }) => return Ok(None),
                Err(error) => return Err(error),
            },
            (_, None) => counted(stat),
        };
        let why = match state.kind {
            // A command that removes it is found out; it cannot be brought back.
            FileKind::Socket => Some(WhyLeftOut::Special),
            FileKind::File | FileKind::Symlink => self.why_not_kept(dir, name, &state),
            FileKind::Pipe | FileKind::Directory => None,
        };
        let name = name.into();
        Ok(Some(Now::Fresh(Seen { name, proof, why }, state)))
    }

    fn proof(&self, stat: &Stat) -> Proof {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Fifo => Proof::Bare(spot::bare_state(FileKind::Pipe, stat)),
            FileType::Socket => Proof::Bare(spot::bare_state(FileKind::Socket, stat)),
            _ if self.batch.is_none() => Proof::Missing,
            _ => Some(stamp_of(stat))
                .filter(|stamp| stamp.changed.0 < self.young)
                .map_or(Proof::Missing, Proof::Stamp),
        }
    }

    fn why_not_kept(&self, dir: &Opened, name: &str, state: &FileState) -> Option<WhyLeftOut> {
        let unreadable = match self.batch {
            Some(_) => state.digest.is_none(),
            None => state.size <= MAX_KEPT && !dir.spot(name).is_readable(),
        };
        match unreadable {
            true => Some(WhyLeftOut::Unreadable),
            false => (state.size > MAX_KEPT).then_some(WhyLeftOut::TooLarge),
        }
    }
}

fn keep(spot: &Spot, stat: &Stat, batch: &Mutex<&mut Batch<'_>>) -> Result<FileState, FsError> {
    if size_of(stat) > LARGE {
        let mut batch = lock(batch);
        return spot.look_at(stat, &mut |bytes| batch.add(bytes));
    }
    spot.look_at(stat, &mut |bytes| lock(batch).add(bytes))
}

/// The state of content that is not looked at.
fn counted(stat: &Stat) -> FileState {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => FileKind::Symlink,
        _ => FileKind::File,
    };
    FileState {
        size: size_of(stat),
        ..spot::bare_state(kind, stat)
    }
}

/// A directory beside what was seen of it last time, both in order of names.
pub(super) struct Compared<'a> {
    listing: Option<&'a Arc<Listing>>,
    before: Iter<'a, Seen>,
    now: Vec<Now<'a>>,
    changed: bool,
}

impl<'a> Compared<'a> {
    pub(super) fn with(listing: Option<&'a Arc<Listing>>, own: Option<&FileState>) -> Self {
        // What was in a closed directory was not seen.
        let listing = listing.filter(|listing| !listing.closed);
        let before = listing.map_or([].as_slice(), |listing| &listing.files);
        Self {
            listing,
            before: before.iter(),
            now: Vec::with_capacity(before.len()),
            changed: listing.is_none_or(|listing| listing.own.as_ref() != own),
        }
    }

    /// What was seen under a name; names come in order.
    pub(super) fn seen(&mut self, name: &str) -> Option<&'a Seen> {
        loop {
            let seen = self.before.as_slice().first()?;
            match (*seen.name).cmp(name) {
                std::cmp::Ordering::Greater => return None,
                std::cmp::Ordering::Equal => return self.before.next(),
                // It is gone.
                std::cmp::Ordering::Less => self.changed |= self.before.next().is_some(),
            }
        }
    }

    pub(super) fn add(&mut self, seen: Option<&Seen>, now: Option<Now<'a>>) {
        self.changed |= match &now {
            Some(Now::AsBefore(_)) => false,
            Some(Now::Fresh(..)) => true,
            None => seen.is_some(),
        };
        self.now.extend(now);
    }

    /// Tells what was found.
    pub(super) fn finish(self, dir: Opened, found: &mut Found) {
        let whys = self
            .now
            .iter()
            .filter_map(|now| Some((now, now.seen().why?)));
        for (now, why) in whys {
            found.leave_out(&name::join(&dir.path, &now.seen().name), why);
        }
        let changed = self.changed || !self.before.as_slice().is_empty();
        if let Some(listing) = self.listing.filter(|_| !changed) {
            return found.add(dir.path, Arc::clone(listing), false);
        }
        let mut files = Vec::with_capacity(self.now.len());
        for now in self.now {
            files.push(match now {
                Now::AsBefore(seen) => seen.clone(),
                Now::Fresh(seen, state) => {
                    let path = name::join(&dir.path, &seen.name);
                    found.fresh.push((path, state));
                    seen
                }
            });
        }
        let listing = Listing {
            own: dir.own,
            files,
            closed: false,
        };
        found.add(dir.path, Arc::new(listing), true);
    }
}
