//! `move_file`.

use super::change::{Wanted, change, changed_files, never};
use super::{argument, content, spec};
use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, ShellSettings, Tool};
use loom_events::{Class, ToolSpec};
use loom_workspace::Edit;
use serde_json::{Value, json};

pub(super) struct MoveFile(ToolSpec);

impl Default for MoveFile {
    fn default() -> Self {
        Self(spec(
            "move_file",
            "Move or rename a file or directory. Nothing is overwritten.",
            json!({
                "type": "object",
                "properties": {
                    "from": {"type": "string"},
                    "to": {"type": "string", "description": "the new path, with the file name"}
                },
                "required": ["from", "to"]
            }),
        ))
    }
}

#[async_trait::async_trait]
impl Tool for MoveFile {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Hashed
    }

    fn summary(&self, arguments: &Value) -> String {
        let (from, to) = (argument(arguments, "from"), argument(arguments, "to"));
        format!("move {from} to {to}")
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        match relocate(call).await {
            Ok(output) => output.into(),
            Err(outcome) => outcome,
        }
    }
}

async fn relocate(call: &Call<'_>) -> Result<ToolOutput, CallOutcome> {
    let from = argument(call.arguments, "from");
    let to = argument(call.arguments, "to");
    for path in [from, to] {
        content::ask_for_secrets(call, path, || format!("move {from} to {to}"))?;
    }
    let wanted = Wanted {
        edit: Edit::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
        },
        action: format!("move {from} to {to}"),
        ask: never,
        expected: None,
    };
    let changes = change(call, wanted).await?;
    for change in &changes {
        if let Some(new_path) = &change.new_path {
            call.context.seen.moved(&change.path, new_path);
        }
    }
    Ok(ToolOutput {
        ok: true,
        text: format!("{from} is now {to}\n"),
        summary: format!("{from} is now {to}"),
        touched: true,
        files_changed: changed_files(&changes),
        ..ToolOutput::default()
    })
}
