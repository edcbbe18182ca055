//! `delete_file`.

use super::change::{Wanted, change, changed_files};
use super::{argument, content, count, spec};
use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, ShellSettings, Tool};
use loom_events::{Class, FileChange, ToolSpec};
use loom_workspace::Edit;
use serde_json::{Value, json};

/// More files than this go only after a question: it can be undone, but it is seldom meant.
const MANY: u32 = 20;

pub(super) struct DeleteFile(ToolSpec);

impl Default for DeleteFile {
    fn default() -> Self {
        Self(spec(
            "delete_file",
            "Delete a file or an empty directory; with recursive, a directory and all that is in it.",
            json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "recursive": {"type": "boolean"}
                },
                "required": ["path"]
            }),
        ))
    }
}

#[async_trait::async_trait]
impl Tool for DeleteFile {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Hashed
    }

    fn summary(&self, arguments: &Value) -> String {
        format!("delete {}", argument(arguments, "path"))
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        match delete(call).await {
            Ok(output) => output.into(),
            Err(outcome) => outcome,
        }
    }
}

async fn delete(call: &Call<'_>) -> Result<ToolOutput, CallOutcome> {
    let path = argument(call.arguments, "path");
    content::ask_for_secrets(call, path, || format!("delete {path}"))?;
    let wanted = Wanted {
        edit: Edit::Delete {
            path: path.to_owned(),
            recursive: call.flag("recursive"),
        },
        action: format!("delete {path}"),
        ask: ask_for_many,
        expected: None,
    };
    let changes = change(call, wanted).await?;
    for change in &changes {
        call.context.seen.forget(&change.path);
    }
    let gone = changed_files(&changes);
    let what = match gone {
        0 | 1 => format!("{path} deleted"),
        _ => format!("{path} deleted with {}", count(gone as usize, "file")),
    };
    Ok(ToolOutput {
        ok: true,
        text: format!("{what}\n"),
        summary: what,
        touched: true,
        files_changed: gone,
        ..ToolOutput::default()
    })
}

fn ask_for_many(changes: &[FileChange]) -> Option<String> {
    let gone = changed_files(changes);
    (gone > MANY).then(|| format!("{gone} files would be deleted"))
}
