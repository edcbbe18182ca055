//! [`Sideline`]: work of an engine that goes on beside its tasks until the engine ends.

use std::sync::{Mutex, PoisonError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Running work; it dies when it is dropped.
pub(crate) struct Sideline {
    name: &'static str,
    ending: CancellationToken,
    job: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Sideline {
    /// Starts what ends soon after its token is cancelled.
    pub(crate) fn start<F>(name: &'static str, work: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let ending = CancellationToken::new();
        let job = AbortOnDropHandle::new(tokio::spawn(work(ending.clone())));
        Self {
            name,
            ending,
            job: Mutex::new(Some(job)),
        }
    }

    /// Ends it, and waits until it has.
    pub(crate) async fn stop(&self) {
        self.ending.cancel();
        let job = self
            .job
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(job) = job
            && let Err(died) = job.await
        {
            tracing::error!(%died, "{} died", self.name);
        }
    }
}
