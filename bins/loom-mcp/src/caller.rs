//! Who calls: what its client can do, and how it is spoken to while a call runs.

use crate::server::Shared;
use loom_events::TaskId;
use loomd::Way;
use rmcp::RoleServer;
use rmcp::model::{InputResponses, ProgressToken, ProtocolVersion, RequestId};
use rmcp::service::{Peer, RequestContext};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How a question reaches the human behind the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// By a request, while the call goes on; until 2025-11-25.
    Now,
    /// The call is answered with the question and made again with the answer; from 2026-07-28.
    Return,
    /// Not at all: it stands in the status.
    Never,
}

/// One call, with everything that a tool needs.
pub(crate) struct Caller {
    pub(crate) shared: Arc<Shared>,
    pub(crate) context: RequestContext<RoleServer>,
    /// The calls whose cancellation means something for a task.
    pub(crate) calls: Calls,
    /// What the human answered, of a call that is made again.
    pub(crate) answers: Option<InputResponses>,
    /// What this server said then.
    pub(crate) state: Option<String>,
}

impl Caller {
    pub(crate) fn service(&self) -> &Way {
        &self.shared.service
    }

    pub(crate) fn peer(&self) -> &Peer<RoleServer> {
        &self.context.peer
    }

    pub(crate) fn progress_token(&self) -> Option<ProgressToken> {
        self.context.meta.get_progress_token()
    }

    pub(crate) fn asking(&self) -> Asking {
        let can = asks(&self.context);
        match (can, modern(&self.context)) {
            (false, _) => Asking::Never,
            (true, true) => Asking::Return,
            (true, false) => Asking::Now,
        }
    }

    /// Whether a call may be answered with the handle of a task.
    pub(crate) fn takes_tasks(&self) -> bool {
        takes_tasks(&self.context)
    }

    /// Whether the end of the call by the client ends the task as well, when that is wished. Over
    /// HTTP, from 2026-07-28 on, a client cancels by closing the stream; everywhere else it says so,
    /// and a connection that merely broke means nothing.
    pub(crate) fn cancelled_by_client(&self) -> bool {
        let http = self
            .context
            .extensions
            .get::<axum::http::request::Parts>()
            .is_some();
        http && modern(&self.context) && !self.shared.stop.is_cancelled()
    }
}

/// Whether the request is of 2026-07-28 or later.
pub(crate) fn modern(context: &RequestContext<RoleServer>) -> bool {
    let version = context.protocol_version();
    version.is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

/// Whether the client can put a form before a human.
pub(crate) fn asks(context: &RequestContext<RoleServer>) -> bool {
    let capabilities = context.client_capabilities();
    capabilities
        .and_then(|can| can.elicitation)
        // Before there were two kinds, a bare word meant forms.
        .is_some_and(|how| how.form.is_some() || how.url.is_none())
}

/// Clients of the older revisions exist that declare the extension and then take the handle for the
/// result.
pub(crate) fn takes_tasks(context: &RequestContext<RoleServer>) -> bool {
    modern(context)
        && context
            .client_capabilities()
            .is_some_and(|can| can.supports_tasks())
}

/// The calls whose task is to end with them. When the client cancels one, rmcp ends the call first and
/// then tells the server; so an entry stays until the call has ended by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<HashMap<RequestId, Entry>>>);

#[derive(Debug)]
enum Entry {
    /// Its task is not made yet.
    Begun,
    /// The task.
    Waits(TaskId),
    /// Cancelled before there was a task.
    Cancelled,
}

impl Calls {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RequestId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins.
    pub(crate) fn begin(&self, call: RequestId) {
        self.lock().insert(call, Entry::Begun);
    }

    /// Its task is there. Whether the call was cancelled meanwhile.
    pub(crate) fn waits(&self, call: RequestId, task: TaskId) -> bool {
        let before = self.lock().insert(call, Entry::Waits(task));
        matches!(before, Some(Entry::Cancelled))
    }

    /// It has ended by itself.
    pub(crate) fn end(&self, call: &RequestId) {
        self.lock().remove(call);
    }

    /// It was cancelled. The task to end, if there is one already.
    pub(crate) fn cancelled(&self, call: &RequestId) -> Option<TaskId> {
        let mut calls = self.lock();
        let entry = calls.get_mut(call)?;
        match std::mem::replace(entry, Entry::Cancelled) {
            Entry::Waits(task) => Some(task),
            Entry::Begun | Entry::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rmcp::model::NumberOrString;

    #[test]
    fn a_call_that_was_cancelled_before_it_had_a_task_still_ends_it() {
        let calls = Calls::default();
        let (call, other) = (NumberOrString::Number(1), NumberOrString::Number(2));
        let task: TaskId = "019ac000-0000-7000-8000-000000000001".parse().unwrap();
        calls.begin(call.clone());
        assert_eq!(calls.cancelled(&other), None);
        assert_eq!(calls.cancelled(&call), None);
        assert!(calls.waits(call.clone(), task));
        calls.end(&call);

        calls.begin(call.clone());
        assert!(!calls.waits(call.clone(), task));
        assert_eq!(calls.cancelled(&call), Some(task));
    }
}
