//! A recorder that records nothing and a past in which nothing was; shared with the examples.

use loom_events::{Fact, FileChange};
use loom_tools::{Found, Past, PastError, RecordError, Recorder};

pub(crate) struct Nowhere;

#[async_trait::async_trait]
impl Recorder for Nowhere {
    async fn changing(&self, _: FileChange) -> Result<(), RecordError> {
        Ok(())
    }

    async fn progress(&self, _: String) {}
}

#[async_trait::async_trait]
impl Past for Nowhere {
    async fn output(&self, _: &str) -> Result<Found, PastError> {
        Ok(Found::Nothing { known: Vec::new() })
    }

    async fn memory(&self, _: &str, _: usize) -> Result<Vec<Fact>, PastError> {
        Ok(Vec::new())
    }
}
