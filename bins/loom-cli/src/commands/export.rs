//! `loom export`: a task in one file.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::Tone;
use clap::Args;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;

/// Arguments of `loom export`.
#[derive(Debug, Args)]
#[command(after_help = "\
The file has the journal of the task with its prompts, answers and outputs, without secrets, and none of \
your files. A file that is there is not replaced.

Examples:
  loom export 1a2b3c4d task.ndjson
  loom export 1a2b3c4d - | zstd > task.ndjson.zst")]
pub(crate) struct ExportArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// Where it is written to; `-` is standard output
    file: PathBuf,
    /// Print what was written as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ExportArgs, context: &mut Context) -> Outcome {
    let (service, task) = context.task(&arguments.task).await?;
    let exported = service.client().export(task.task_id).await;
    service.leave().await;
    let bytes = exported.map_err(client_fault)?;
    if arguments.file.as_os_str() == "-" {
        context.ui.raw(&String::from_utf8_lossy(&bytes));
        return Ok(Exit::Done);
    }
    let file = context.here.absolute(&arguments.file);
    let shown = file.display().to_string();
    let made = std::fs::File::create_new(&file).and_then(|mut made| {
        made.write_all(&bytes)?;
        made.sync_all()
    });
    made.map_err(|error| {
        let fault = Fault::usage(format!("cannot write {shown}: {error}"));
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => fault.hint("name a file that is not there yet"),
            _ => fault,
        }
    })?;
    if arguments.json {
        let said = json!({ "task_id": task.task_id, "file": shown, "bytes": bytes.len() });
        context.ui.raw(&format!("{said}\n"));
        return Ok(Exit::Done);
    }
    let id = task.task_id.short();
    let text = format!("task {id} is in {shown}, {} bytes", bytes.len());
    context.ui.line(Tone::Plain, &text);
    Ok(Exit::Done)
}
