//! What a planner is shown of the workspace.

use super::Cx;
use crate::broken::Broken;
use loom_events::FileKind;
use loom_prompts::WorkspaceOverview;

/// Paths shown; enough to see the shape of a project, few enough for a small window.
const FILES_SHOWN: usize = 120;

/// Files counted; a number beyond this says no more than "many".
const FILES_COUNTED: usize = 20_000;

/// Looks at the workspace: shallow paths first, since they tell most.
pub(super) async fn overview(cx: &Cx) -> Result<Option<WorkspaceOverview>, Broken> {
    let shown = cx
        .files("the workspace could not be listed", |workspace| {
            let mut files: Vec<String> = workspace
                .walk()
                .filter(|entry| entry.kind == FileKind::File)
                .take(FILES_COUNTED)
                .map(|entry| entry.path)
                .collect();
            let total_files = files.len();
            files.sort_by_cached_key(|path| (path.matches('/').count(), path.clone()));
            files.truncate(FILES_SHOWN);
            Ok(WorkspaceOverview {
                files,
                total_files,
                test_commands: loom_verify::test_commands(workspace),
            })
        })
        .await?;
    Ok(shown)
}
