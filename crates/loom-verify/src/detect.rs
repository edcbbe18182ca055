//! The project's own tests, and what a planner is shown of a workspace.

use loom_prompts::WorkspaceOverview;
use loom_workspace::Workspace;

/// Commands that run the project's own tests, most specific first. Reads files: call it where
/// blocking is allowed.
#[must_use]
pub fn test_commands(_workspace: &Workspace) -> Vec<String> {
    unimplemented!()
}

/// What a planner is shown of a workspace. Reads files: call it where blocking is allowed.
#[must_use]
pub fn overview(_workspace: &Workspace) -> WorkspaceOverview {
    unimplemented!()
}
