//! `loom models`: what Loom would use, and whether it answers.

use crate::context::Context;
use crate::fault::{Exit, Outcome};
use crate::models::{HOW_TO_START, ask_configured, find_local};
use crate::render::model_lines;
use crate::ui::Tone;
use clap::Args;
use loom_router::{Discovered, ModelEntry, entries};
use serde_json::json;

/// Arguments of `loom models`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom models
  loom models --json")]
pub(crate) struct ModelsArgs {
    /// Print each model as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ModelsArgs, context: &mut Context) -> Outcome {
    let config = context.load(&[])?.config;
    let models = match config.models.is_empty() {
        true => found(context, &find_local().await, arguments.json),
        false => configured(ask_configured(&config, &context.here.env).await?),
    };
    for (entry, answer) in &models {
        if arguments.json {
            context.ui.raw(&format!("{}\n", as_json(entry, answer)));
            continue;
        }
        for (tone, text) in model_lines(entry, answer) {
            context.ui.line(tone, &text);
        }
    }
    if models.iter().any(|(_, answer)| answer.is_ok()) {
        return Ok(Exit::Done);
    }
    context.ui.labelled("error", "no model answers");
    context.ui.labelled("hint", HOW_TO_START);
    Ok(Exit::Failed)
}

type Answers = Vec<(ModelEntry, Result<(), String>)>;

fn configured(asked: Vec<crate::models::Asked>) -> Answers {
    let answer = |one: crate::models::Asked| {
        let answer = one
            .answer
            .map(|_| ())
            .map_err(|error| format!("cannot {error}"));
        (one.entry, answer)
    };
    asked.into_iter().map(answer).collect()
}

fn found(context: &Context, places: &[Discovered], json: bool) -> Answers {
    if !json {
        context.ui.note(
            Tone::Dim,
            "no models are configured; looked on the usual ports:",
        );
        for place in places {
            let state = match &place.models {
                Ok(models) => crate::ui::plural(models.len(), "model"),
                Err(_) => "nothing answers".to_owned(),
            };
            let place = &place.candidate;
            let text = format!("  {} at {}: {state}", place.label, place.base_url);
            context.ui.note(Tone::Dim, &text);
        }
    }
    entries(places)
        .into_iter()
        .map(|entry| (entry, Ok(())))
        .collect()
}

fn as_json(entry: &ModelEntry, answer: &Result<(), String>) -> serde_json::Value {
    json!({
        "name": entry.name,
        "provider": entry.provider,
        "base_url": entry.base_url,
        "model": entry.model,
        "tier": entry.tier,
        "roles": entry.roles,
        "context_length": entry.context_length,
        "answers": answer.is_ok(),
        "error": answer.as_ref().err(),
    })
}
