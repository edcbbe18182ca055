//! `loom prompt`: exactly what a model was sent for a step.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::{Tone, clean};
use clap::Args;
use loom_client::wire::AttemptTrace;
use loom_events::{Message, SubtaskId};

/// Arguments of `loom prompt`.
#[derive(Debug, Args)]
#[command(after_help = "\
What follows in the attempt is shown by `loom logs TASK`.

Examples:
  loom prompt 1a2b3c4d fix-parser
  loom prompt 1a2b3c4d fix-parser --attempt 2 --json")]
pub(crate) struct PromptArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// The step, by its name in the plan
    subtask: String,
    /// Which attempt, counted from 1; without it the last one
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Print the messages as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &PromptArgs, context: &mut Context) -> Outcome {
    let subtask = SubtaskId::new(arguments.subtask.as_str())
        .map_err(|error| Fault::from(error).exit(Exit::Usage))?;
    let (service, task) = context.task(&arguments.task).await?;
    let trace = service.client().trace(task.task_id, &subtask).await;
    service.leave().await;
    let trace = trace.map_err(client_fault)?;
    let messages = meant(&trace.attempts, arguments.attempt)?;
    if arguments.json {
        context
            .ui
            .raw(&format!("{}\n", serde_json::to_string(messages)?));
        return Ok(Exit::Done);
    }
    for message in messages {
        let (who, text) = parts(message);
        context.ui.line(Tone::Strong, &format!("── {who}"));
        for line in text.lines() {
            context.ui.line(Tone::Plain, &clean(line));
        }
    }
    Ok(Exit::Done)
}

fn meant(attempts: &[AttemptTrace], ordinal: Option<u32>) -> Result<&[Message], Fault> {
    let found = match ordinal {
        None => attempts.last(),
        Some(n) => attempts.iter().find(|one| one.attempt.ordinal == n),
    };
    let Some(found) = found else {
        let text = match (ordinal, attempts.len()) {
            (_, 0) => "the step was not begun yet".to_owned(),
            (n, many) => format!("the step has no attempt {}: it has {many}", n.unwrap_or(0)),
        };
        return Err(Fault::usage(text));
    };
    let none = || Fault::usage("no prompt of this attempt is kept: it was ended before it had one");
    found.prompt.as_deref().ok_or_else(none)
}

fn parts(message: &Message) -> (&'static str, &str) {
    match message {
        Message::System { text } => ("system", text),
        Message::User { text } => ("user", text),
        Message::Assistant { text, .. } => ("assistant", text),
        Message::Tool { text, .. } => ("tool", text),
    }
}
