//! What a service over an engine needs besides: all tasks in one stream, the tools, and an end that
//! does not need the engine to itself.

use crate::broken::chain;
use crate::engine::{Engine, own_tools};
use futures_util::Stream;
use loom_events::{Record, ToolSpec};
use loom_state::{AppendError, Claim, Follow, ReadError, subscribe};
use std::sync::Arc;

impl Engine {
    /// Follows all tasks: every record after `after` exactly once, in the order in which they were
    /// committed. Ends only with the journal.
    pub fn follow_all(
        &self,
        after: u64,
    ) -> impl Stream<Item = Result<Arc<Record>, ReadError>> + Send + 'static {
        subscribe(Arc::clone(&self.shared.journal), Follow::All { after })
    }

    /// Id of the newest record of all tasks.
    #[must_use]
    pub fn last_record(&self) -> u64 {
        *self.shared.journal.tail().borrow()
    }

    /// The tools that a model may be offered: our own, then those of each server that is there.
    pub async fn tools(&self) -> Vec<ToolSpec> {
        let mut tools = own_tools();
        for server in self.shared.servers.status().await {
            tools.extend(server.tools.into_iter().map(|tool| tool.spec));
        }
        tools
    }

    /// What is missing when a role that every task needs has no model.
    #[must_use]
    pub fn missing_model(&self) -> Option<String> {
        let missing = self.shared.check_roles().err();
        missing.map(|missing| missing.to_string())
    }

    /// Stops every task at its next boundary and closes the journal, while others may still hold the
    /// engine. The data directory is free when the last of them lets go.
    pub async fn stop(&self) {
        for running in self.end_runners().await {
            if let Ok(Err(error)) = running.await {
                tracing::error!(error = chain(&error), "a task stopped with an error");
            }
        }
        self.embedding.stop().await;
        self.worker.stop().await;
        self.shared.servers.shutdown().await;
        self.shared.journal.close().await;
        self.watchers.stop().await;
    }

    pub(crate) async fn claim(&self, claim: Claim) -> Result<Claim, AppendError> {
        self.shared.journal.claim(claim).await
    }
}
