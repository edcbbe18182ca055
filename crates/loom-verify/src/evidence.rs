//! Where the full output behind a check result is kept.

use async_trait::async_trait;
use loom_events::BlobId;

/// Keeps bytes so that a verdict can name them.
#[async_trait]
pub trait EvidenceSink: Send + Sync {
    /// Keeps them; none when that is not possible, which the verdict then says.
    async fn keep(&self, bytes: Vec<u8>) -> Option<BlobId>;
}

/// Keeps nothing: verdicts carry only the short details.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvidence;

#[async_trait]
impl EvidenceSink for NoEvidence {
    async fn keep(&self, _: Vec<u8>) -> Option<BlobId> {
        None
    }
}
