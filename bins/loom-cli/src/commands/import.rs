//! `loom import`: a task from one file, as history.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::Tone;
use clap::Args;
use loom_engine::MAX_EXPORT;
use std::path::PathBuf;

/// Arguments of `loom import`.
#[derive(Debug, Args)]
#[command(after_help = "\
The task keeps its id. It can be looked at like any other, and nothing goes on with it: no resume, retry, \
diff or revert. A file that was changed, or is of a newer Loom, is refused, and so is a task that is here.

Example:
  loom import task.ndjson")]
pub(crate) struct ImportArgs {
    /// What `loom export` has written
    file: PathBuf,
    /// Print the task as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ImportArgs, context: &mut Context) -> Outcome {
    let file = context.here.absolute(&arguments.file);
    let cannot = |error| Fault::usage(format!("cannot read {}: {error}", file.display()));
    let size = std::fs::metadata(&file).map_err(cannot)?.len();
    if size > u64::try_from(MAX_EXPORT).unwrap_or(u64::MAX) {
        let text = format!(
            "{} is too long: {size} bytes of at most {MAX_EXPORT}",
            file.display()
        );
        return Err(Fault::usage(text));
    }
    let bytes = std::fs::read(&file).map_err(cannot)?;
    let service = context.any_service().await?;
    let imported = service.client().import(bytes).await;
    service.leave().await;
    let imported = imported.map_err(client_fault)?;
    if arguments.json {
        context
            .ui
            .raw(&format!("{}\n", serde_json::to_string(&imported)?));
        return Ok(Exit::Done);
    }
    let id = imported.task_id.short();
    let text = format!(
        "task {id}, {}, {} events: `loom logs {id}` shows it",
        imported.status.name(),
        imported.events
    );
    context.ui.line(Tone::Plain, &text);
    Ok(Exit::Done)
}
