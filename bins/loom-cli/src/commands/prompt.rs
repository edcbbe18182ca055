//! `loom prompt`: exactly what a model was sent for a step.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::{Tone, clean, count};
use clap::Args;
use loom_client::wire::{AttemptTrace, PromptTrace};
use loom_events::{Message, SubtaskId};
use serde_json::json;

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
    /// Print messages, tools and parts as one line of JSON
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
    let attempt = meant(&trace.attempts, arguments.attempt)?;
    let none = || Fault::usage("no prompt of this attempt is kept: it was ended before it had one");
    let messages = attempt.prompt.as_deref().ok_or_else(none)?;
    if arguments.json {
        let value = json!({"messages": messages, "made_of": attempt.made_of});
        context.ui.raw(&format!("{value}\n"));
        return Ok(Exit::Done);
    }
    for message in messages {
        let (who, text) = parts(message);
        context.ui.line(Tone::Strong, &format!("── {who}"));
        for line in text.lines() {
            context.ui.line(Tone::Plain, &clean(line));
        }
    }
    if let Some(made_of) = &attempt.made_of {
        print_made_of(made_of, context)?;
    }
    Ok(Exit::Done)
}

fn print_made_of(made_of: &PromptTrace, context: &mut Context) -> Result<(), Fault> {
    if !made_of.tools.is_empty() {
        context.ui.line(Tone::Strong, "── tools");
    }
    for tool in &made_of.tools {
        let line = format!(
            "{}: {} {}",
            tool.name,
            tool.description,
            serde_json::to_string(&tool.parameters)?
        );
        context.ui.line(Tone::Plain, &clean(&line));
    }
    let head = format!("── {} for {}", made_of.template, made_of.model);
    context.ui.line(Tone::Strong, &clean(&head));
    let total = made_of.parts.iter().map(|part| part.tokens).sum();
    let parts = made_of.parts.iter();
    let parts = parts.map(|part| (part.name.as_str(), part.tokens));
    for (name, tokens) in parts.chain([("together", total)]) {
        let line = format!("{:>7} tokens (estimated)  {name}", count(tokens));
        context.ui.line(Tone::Plain, &clean(&line));
    }
    for what in &made_of.trimmed {
        let line = format!("left out for room: {what}");
        context.ui.line(Tone::Caught, &clean(&line));
    }
    Ok(())
}

fn meant(attempts: &[AttemptTrace], ordinal: Option<u32>) -> Result<&AttemptTrace, Fault> {
    let found = match ordinal {
        None => attempts.last(),
        Some(n) => attempts.iter().find(|one| one.attempt.ordinal == n),
    };
    found.ok_or_else(|| {
        let text = match (ordinal, attempts.len()) {
            (_, 0) => "the step was not begun yet".to_owned(),
            (n, many) => format!("the step has no attempt {}: it has {many}", n.unwrap_or(0)),
        };
        Fault::usage(text)
    })
}

fn parts(message: &Message) -> (&'static str, &str) {
    match message {
        Message::System { text } => ("system", text),
        Message::User { text } => ("user", text),
        Message::Assistant { text, .. } => ("assistant", text),
        Message::Tool { text, .. } => ("tool", text),
    }
}
