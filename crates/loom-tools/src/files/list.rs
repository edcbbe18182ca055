//! `list_directory`.

use super::content::Places;
use super::{argument, blocking, count, spec};
use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, ShellSettings, Tool};
use loom_events::{Class, FileKind, ToolSpec};
use loom_workspace::{ListEntry, Location, Scratch};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Levels that are shown.
const LEVELS: usize = 2;

/// Entries that are shown: more would fill a context and help nobody.
const MAX_SHOWN: usize = 300;

pub(super) struct ListDirectory(ToolSpec);

impl Default for ListDirectory {
    fn default() -> Self {
        Self(
            spec(
                "list_directory",
                "List a directory, two levels deep, without what git ignores.",
                json!({
                    "type": "object",
                    "properties": {
                        "path": {"type": "string", "description": "default: the workspace"}
                    }
                }),
            )
            .read_only(),
        )
    }
}

#[async_trait::async_trait]
impl Tool for ListDirectory {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Pure
    }

    fn summary(&self, arguments: &Value) -> String {
        format!("list {}", argument(arguments, "path"))
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        match list(call).await {
            Ok(output) => output.into(),
            Err(outcome) => outcome,
        }
    }
}

async fn list(call: &Call<'_>) -> Result<ToolOutput, CallOutcome> {
    let path = match argument(call.arguments, "path") {
        "" => ".",
        path => path,
    };
    let places = Places::of(call)?;
    let wanted = path.to_owned();
    let listed = blocking(move || entries(&places, &wanted)).await?;
    let entries = listed.map_err(ToolOutput::negative)?;
    let summary = format!("{path}: {}", entry_count(entries.len()));
    Ok(ToolOutput::looked(render(path, &entries), summary))
}

fn entries(places: &Places, path: &str) -> Result<Vec<ListEntry>, String> {
    match Location::of(path) {
        Location::Workspace(path) => places
            .workspace
            .list(path, LEVELS)
            .map_err(|error| error.to_string()),
        Location::Scratch(_) => {
            let scratch = Scratch::open(places.scratch()).map_err(|error| error.to_string())?;
            let names = scratch.list().map_err(|error| error.to_string())?;
            let entry = |path| ListEntry {
                path,
                kind: FileKind::File,
                size: 0,
                depth: 0,
            };
            Ok(names.into_iter().map(entry).collect())
        }
    }
}

fn render(path: &str, entries: &[ListEntry]) -> String {
    if entries.is_empty() {
        return format!("{path} is empty (what git ignores is not shown)\n");
    }
    let mut text = format!("{path}: {}\n", entry_count(entries.len()));
    for entry in entries.iter().take(MAX_SHOWN) {
        let name = entry.path.rsplit('/').next().unwrap_or(&entry.path);
        let indent = "  ".repeat(entry.depth + 1);
        let line = match entry.kind {
            FileKind::Directory => writeln!(text, "{indent}{name}/"),
            FileKind::Symlink => writeln!(text, "{indent}{name} (link)"),
            FileKind::File => writeln!(text, "{indent}{name}  {}", size(entry.size)),
            // They are not listed.
            FileKind::Pipe | FileKind::Socket => writeln!(text, "{indent}{name} (special)"),
        };
        line.expect("BUG: text can be written to a string");
    }
    if entries.len() > MAX_SHOWN {
        let rest = entries.len() - MAX_SHOWN;
        text.push_str(&format!("[{rest} more: list a directory further down]\n"));
    }
    text
}

fn entry_count(number: usize) -> String {
    match number {
        1 => "1 entry".to_owned(),
        _ => format!("{number} entries"),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => count(usize::try_from(bytes).unwrap_or(usize::MAX), "byte"),
        10_000..10_000_000 => format!("{} KB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
