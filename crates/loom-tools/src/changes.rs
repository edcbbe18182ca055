//! What a call that may touch anything changed in the workspace: the tree before and after it,
//! recorded like any change, so that it can be undone.

use crate::Call;
use crate::files::blocking;
use crate::shell::{listed, note_seen, record};
use crate::tool::{CallOutcome, ToolOutput};
use loom_events::FileChange;
use loom_workspace::{Manifest, Workspace};
use std::sync::Arc;

/// The workspace as it was before a call, where there is one.
pub(crate) struct Watch(Option<(Arc<Workspace>, Manifest)>);

/// What has changed.
#[derive(Default)]
pub(crate) struct Found {
    changes: Vec<FileChange>,
    /// What could not be found out or recorded.
    pub(crate) degraded: Vec<String>,
}

impl Watch {
    /// Saves the workspace; nothing may run when that is not possible.
    pub(crate) async fn begin(call: &Call<'_>) -> Result<Self, CallOutcome> {
        let Some(workspace) = call.context.workspace else {
            return Ok(Self(None));
        };
        let taken = {
            let workspace = Arc::clone(workspace);
            blocking(move || workspace.take_manifest()).await?
        };
        let manifest = taken.map_err(|error| {
            ToolOutput::negative(format!(
                "nothing was called, since the workspace could not be saved first: {error}"
            ))
        })?;
        Ok(Self(Some((Arc::clone(workspace), manifest))))
    }

    /// Finds what has changed since, and records it.
    pub(crate) async fn end(self, call: &Call<'_>) -> Found {
        let mut found = Found::default();
        let Some((workspace, before)) = self.0 else {
            return found;
        };
        let since = blocking(move || workspace.changes_since(&before)).await;
        match since {
            Ok(Ok((_, changes))) => found.changes = changes,
            Ok(Err(error)) => {
                found
                    .degraded
                    .push(format!("what the call changed is not known: {error}"));
            }
            Err(_) => found
                .degraded
                .push("what the call changed is not known".to_owned()),
        }
        record(call, &found.changes, &mut found.degraded).await;
        note_seen(call, &found.changes);
        found
    }
}

impl Found {
    /// A line for the model; empty when there is nothing.
    pub(crate) fn listed(&self) -> String {
        listed(&self.changes)
    }

    pub(crate) fn files_changed(&self) -> u32 {
        crate::files::changed_files(&self.changes)
    }
}
