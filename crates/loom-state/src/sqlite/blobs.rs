//! Payloads: named by the hash of their bytes, compressed, each kept once. A payload is readable
//! from the moment it is put, and on disk no later than the append that names it.

use crate::journal::blob_id;
use loom_events::BlobId;
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Level of compression: zstd's default. Prompts shrink to a fifth, and higher levels cost more
/// time than they save bytes.
const LEVEL: i32 = 3;

/// A compressed payload.
#[derive(Debug)]
pub(super) struct Packed {
    /// Its size before compression.
    pub(super) size: usize,
    /// The compressed bytes.
    pub(super) zstd: Vec<u8>,
}

impl Packed {
    /// Compresses a payload.
    pub(super) fn new(bytes: &[u8]) -> io::Result<Self> {
        Ok(Self {
            size: bytes.len(),
            zstd: zstd::bulk::compress(bytes, LEVEL)?,
        })
    }

    /// The payload, if it is the one of that name; none when it is damaged.
    pub(super) fn unpack(&self, id: &BlobId) -> Option<Vec<u8>> {
        // The stored size is a bound and not a promise: nothing is allocated on its word.
        let most = u64::try_from(self.size).ok()?;
        let mut bytes = Vec::new();
        zstd::Decoder::new(self.zstd.as_slice())
            .and_then(|decoder| decoder.take(most).read_to_end(&mut bytes))
            .ok()?;
        (blob_id(&bytes) == *id).then_some(bytes)
    }
}

/// Payloads that were put and are not committed yet.
#[derive(Debug, Default)]
pub(super) struct PendingBlobs(Mutex<HashMap<BlobId, Arc<Packed>>>);

impl PendingBlobs {
    /// Makes a payload readable.
    pub(super) fn put(&self, id: BlobId, packed: Arc<Packed>) {
        self.lock().insert(id, packed);
    }

    /// A payload that waits.
    pub(super) fn get(&self, id: &BlobId) -> Option<Arc<Packed>> {
        self.lock().get(id).cloned()
    }

    /// A payload was committed: from here on it is read from the database.
    pub(super) fn stored(&self, id: &BlobId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BlobId, Arc<Packed>>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_was_changed_on_disk_is_noticed() {
        let bytes = b"a payload".repeat(50);
        let id = blob_id(&bytes);
        let packed = Packed::new(&bytes).unwrap();
        assert_eq!(packed.unpack(&id), Some(bytes));
        for at in 0..packed.zstd.len() {
            let mut zstd = packed.zstd.clone();
            zstd[at] ^= 1;
            let size = packed.size;
            let read = Packed { size, zstd }.unpack(&id);
            // A few bits of a frame carry no content; what is given is right or nothing.
            assert!(read.is_none_or(|read| blob_id(&read) == id), "byte {at}");
        }
    }

    #[test]
    fn an_empty_payload_is_a_payload() {
        let packed = Packed::new(b"").unwrap();
        assert_eq!(packed.unpack(&blob_id(b"")), Some(Vec::new()));
    }
}
