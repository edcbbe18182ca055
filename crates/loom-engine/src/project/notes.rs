//! Reading files of instructions from a workspace.

use loom_events::{Check, Counted, SubtaskSpec};
use loom_prompts::{NOTE_FILES, ProjectNote, note_places};
use loom_workspace::Workspace;
use std::io::Read as _;

/// Bytes read of one file: far more than is shown, so that what is said about the rest is true of
/// every file that a person has written.
const MAX_READ: u64 = 1 << 20;

/// The instructions that hold for these files, the root's first, the nearest last. What is not there,
/// leads out of the workspace or cannot be read says nothing. Reads files: call it where blocking is
/// allowed.
pub(crate) fn read_notes(workspace: &Workspace, files: &[String]) -> Vec<ProjectNote> {
    let places = note_places(files.iter().map(String::as_str));
    let paths = places.iter().flat_map(|place| {
        NOTE_FILES.iter().map(move |name| match place.is_empty() {
            true => (*name).to_owned(),
            false => format!("{place}/{name}"),
        })
    });
    paths.filter_map(|path| read(workspace, path)).collect()
}

fn read(workspace: &Workspace, path: String) -> Option<ProjectNote> {
    let file = workspace.open_file(&path).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_READ).read_to_end(&mut bytes).ok()?;
    Some(ProjectNote {
        path,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

/// The files that a step is about, as far as its plan says.
pub(crate) fn files_of(spec: &SubtaskSpec) -> Vec<String> {
    let checked = spec.checks.iter().filter_map(|check| match check {
        Check::FileExists { path }
        | Check::FileAbsent { path }
        | Check::FileContains { path, .. }
        | Check::JsonPath { path, .. }
        | Check::Symbol { path, .. } => Some(path),
        Check::Count {
            of: Counted::Glob(glob),
            ..
        }
        | Check::Unchanged { glob } => Some(glob),
        Check::Command { .. } | Check::Tests { .. } | Check::Count { .. } => None,
    });
    let said = spec.expected_files.iter().chain(&spec.outputs);
    said.chain(checked).cloned().collect()
}
