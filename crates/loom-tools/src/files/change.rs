//! The one way in which file tools change something: intend, record, commit.

use super::blocking;
use super::content::Places;
use crate::Call;
use crate::tool::{CallOutcome, ToolOutput};
use loom_events::{FileChange, Risk};
use loom_workspace::{Edit, FsError};

/// A change and how it is put to a human, should one have to be asked.
pub(super) struct Wanted {
    pub(super) edit: Edit,
    /// Exactly what would be done.
    pub(super) action: String,
    /// Why a human is asked because of what the change turns out to be, if so.
    pub(super) ask: fn(&[FileChange]) -> Option<String>,
    /// The first digits of the hash of what must be in the file still, for a change that was made
    /// from it; inside none when there must be no file.
    pub(super) expected: Option<Option<String>>,
}

/// Makes a change; returns what was recorded.
pub(super) async fn change(
    call: &Call<'_>,
    wanted: Wanted,
) -> Result<Vec<FileChange>, CallOutcome> {
    let workspace = Places::of(call)?.workspace;
    let granted = call.is_granted();
    let (edit, expected) = (wanted.edit, wanted.expected);
    let intent = blocking(move || {
        let pending = match granted {
            true => workspace.intend_approved(edit),
            false => workspace.intend(edit),
        };
        (pending, workspace)
    });
    let (pending, workspace) = intent.await?;
    let pending = match pending {
        Ok(pending) => pending,
        Err(FsError::NeedsApproval { path, why }) => {
            let reason = format!("changing `{path}` needs an approval: {why}");
            let rules = vec!["guarded_path".to_owned()];
            return Err(call.hold(reason, wanted.action, Risk::High, rules).into());
        }
        Err(error) => return Err(failed(&error)),
    };
    if let Some(reason) = (wanted.ask)(pending.changes()).filter(|_| !granted) {
        let rules = vec!["many_files".to_owned()];
        return Err(call.hold(reason, wanted.action, Risk::Medium, rules).into());
    }
    let changes = pending.changes().to_vec();
    if let (Some(expected), Some(last)) = (&expected, changes.last())
        && !is_before(last, expected.as_deref())
    {
        let path = &last.path;
        let text = format!("`{path}` was changed by somebody else just now: read it again");
        return Err(ToolOutput::negative(text).into());
    }
    for change in &changes {
        let recorded = call.context.recorder.changing(change.clone()).await;
        recorded.map_err(|error| ToolOutput::negative(format!("nothing was changed: {error}")))?;
    }
    match blocking(move || workspace.commit(pending)).await? {
        Ok(()) => Ok(changes),
        Err(error) => Err(failed(&error)),
    }
}

/// Whether a change starts from the content of which these are the first digits of the hash.
fn is_before(change: &FileChange, expected: Option<&str>) -> bool {
    let digest = change.before.as_ref().map(|state| state.digest.as_ref());
    match (digest, expected) {
        (None, None) => true,
        (Some(Some(digest)), Some(expected)) => digest.as_str().starts_with(expected),
        _ => false,
    }
}

fn failed(error: &FsError) -> CallOutcome {
    let mut text = error.to_string();
    let cause = std::error::Error::source(error).filter(|_| !matches!(error, FsError::Io { .. }));
    if let Some(cause) = cause {
        text = format!("{text}: {cause}");
    }
    ToolOutput::negative(text).into()
}

/// For changes that never need a question because of what they are.
pub(super) const fn never(_: &[FileChange]) -> Option<String> {
    None
}

/// How many files, not counting directories.
pub(crate) fn changed_files(changes: &[FileChange]) -> u32 {
    let is_file = |change: &&FileChange| {
        let state = change.after.as_ref().or(change.before.as_ref());
        state.is_none_or(|state| state.kind != loom_events::FileKind::Directory)
    };
    u32::try_from(changes.iter().filter(is_file).count()).unwrap_or(u32::MAX)
}
