//! `loom models`: what Loom would use, whether it answers, and what it can do.

use crate::cli::ModelChoice;
use crate::context::Context;
use crate::fault::{Exit, Outcome, chain};
use crate::models::{Asked, Facts, HOW_TO_START, Known, Model, facts, place_sentence, survey};
use crate::render::{finding_lines, judging_line, model_table};
use crate::ui::{Tone, clean};
use clap::Args;
use loom_engine::{Clock as _, SystemClock, measure_verifier};
use loom_events::Role;
use loom_router::{
    BuiltinProviders, Canary, Discovered, ModelEntry, Probe, ProviderFactory as _, Stage, Subject,
    ThinkingSetting, Usable, probe,
};
use serde_json::json;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Changes shown to a verifier between two words of how far it is.
const SAID_EVERY: usize = 6;

/// Arguments of `loom models`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom models
  loom models --probe
  loom models --probe qwen3:8b --server http://127.0.0.1:11434
  loom models --judge
  loom models --json

A probe asks a model six short questions and shows what it and its server really do: how calls \
arrive, whether thinking can be switched, how fast it is. What it finds is kept and used by later \
runs. docs/models.md explains each finding. A verifier that tells right from wrong no better than a coin \
is not asked any more.")]
pub(crate) struct ModelsArgs {
    /// Ask each model, or only NAME, a few short questions to find out what it really does
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    probe: Option<String>,
    /// Show each verifier 24 small changes, half of them wrong, to find out what its verdicts are worth
    #[arg(long)]
    judge: bool,
    #[command(flatten)]
    choice: ModelChoice,
    /// Print each model as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &ModelsArgs, context: &mut Context) -> Outcome {
    let config = context.load(&[])?.config;
    let mut facts = facts(context).await;
    let mut choice = arguments.choice.clone();
    let name = arguments.probe.as_ref().filter(|name| !name.is_empty());
    choice.model = choice.model.or_else(|| name.cloned());
    let (mut asked, places) = survey(&config, &choice, context, &facts).await?;
    if !arguments.json {
        say_places(context, &places);
    }
    if arguments.probe.is_some() {
        for one in &mut asked {
            probe_one(context, one, &mut facts, arguments.json).await;
        }
    }
    if arguments.judge {
        for one in &mut asked {
            judge_one(context, one, &mut facts, config.prompts.as_deref()).await;
        }
    }
    show(context, &asked, &facts, arguments.json);
    if let Err(error) = facts.store(&context.data_dir()?).await {
        let text = format!(
            "what was found out is not kept, so probe again later: cannot {}",
            chain(&error)
        );
        context.ui.labelled("note", &text);
    }
    if asked.iter().any(|one| one.down.is_none()) {
        return Ok(Exit::Done);
    }
    let error = match arguments.probe {
        Some(_) => "no model could be probed",
        None => "no model answers",
    };
    context.ui.labelled("error", error);
    if asked.is_empty() {
        // Otherwise each model has said what is wrong with it.
        context.ui.labelled("hint", HOW_TO_START);
    }
    Ok(Exit::Failed)
}

fn say_places(context: &Context, places: &[Discovered]) {
    if places.is_empty() {
        return;
    }
    context.ui.note(
        Tone::Dim,
        "no models are configured; looked on the usual ports:",
    );
    for place in places {
        let text = format!("  {}", place_sentence(place));
        context.ui.note(Tone::Dim, &text);
    }
}

fn show(context: &mut Context, asked: &[Asked], facts: &Facts, json: bool) {
    if json {
        for one in asked {
            let line = as_json(one, facts.of(&one.model.entry));
            context.ui.raw(&format!("{line}\n"));
        }
        return;
    }
    for (tone, text) in model_table(asked, context.ui.columns()) {
        context.ui.line(tone, &text);
    }
    let unknown = |one: &&Asked| one.down.is_none() && facts.of(&one.model.entry).is_none();
    if asked.iter().any(|one| unknown(&one)) {
        let text = "`loom models --probe` finds out what `?` stands for";
        context.ui.labelled("hint", text);
    }
}

/// Probes a model that answers, and says what was seen.
async fn probe_one(context: &mut Context, one: &mut Asked, facts: &mut Facts, json: bool) {
    if one.down.is_some() || !one.model.entry.provider.is_probed() {
        return;
    }
    let name = clean(&one.model.entry.name);
    let ui = &context.ui;
    let mut progress = |stage: Stage| {
        let at = Stage::ALL.iter().position(|other| *other == stage);
        let at = at.map_or(0, |at| at + 1);
        let text = format!("probing {name}: {at}/{} {}", Stage::ALL.len(), stage.name());
        ui.note(Tone::Dim, &text);
    };
    match ask(&one.model, &mut progress).await {
        Ok(known) => {
            if !json {
                let columns = context.ui.columns();
                for (tone, text) in finding_lines(&one.model.entry.name, &known.probe, columns) {
                    context.ui.line(tone, &text);
                }
                context.ui.line(Tone::Plain, "");
            }
            one.model.saw(&known.probe);
            facts.put(&one.model.entry, known);
        }
        Err(error) => one.down = Some(error),
    }
}

/// Measures a verifier that answers, and says what came of it.
async fn judge_one(
    context: &mut Context,
    one: &mut Asked,
    facts: &mut Facts,
    prompts: Option<&Path>,
) {
    if one.down.is_some() || !one.model.entry.roles.contains(&Role::Verifier) {
        return;
    }
    let name = clean(&one.model.entry.name);
    let ui = &context.ui;
    let mut progress = |shown: usize, of: usize| {
        if shown.is_multiple_of(SAID_EVERY) {
            let text = format!("judging {name}: {shown}/{of} changes shown");
            ui.note(Tone::Dim, &text);
        }
    };
    let model = Usable {
        entry: one.model.entry.clone(),
        capabilities: one.model.known.clone(),
    };
    match measure_verifier(model, prompts, &mut progress).await {
        Ok(judging) => {
            let (tone, text) = judging_line(&name, judging);
            ui.note(tone, &text);
            let mut known = facts.of(&one.model.entry).cloned().unwrap_or(Known {
                at: SystemClock.now(),
                probe: Probe {
                    capabilities: one.model.known.clone(),
                    seen: Vec::new(),
                    canary: Canary::Unclear,
                },
            });
            known.probe.capabilities.judging = Some(judging);
            one.model.known.judging = Some(judging);
            facts.put(&one.model.entry, known);
        }
        Err(error) => one.down = Some(format!("cannot {}", chain(&error))),
    }
}

async fn ask(model: &Model, progress: &mut (dyn FnMut(Stage) + Send)) -> Result<Known, String> {
    let entry = ModelEntry {
        // What the switch does is to be seen, whatever is configured.
        thinking: ThinkingSetting::Auto,
        ..model.entry.clone()
    };
    let provider = BuiltinProviders
        .provider(&entry)
        .map_err(|error| format!("cannot {error}"))?;
    let at = SystemClock.now();
    let subject = Subject {
        provider: provider.as_ref(),
        entry: &entry,
        salt: at.as_millis().unsigned_abs(),
    };
    let mut probe = probe(&subject, progress, &CancellationToken::new())
        .await
        .map_err(|error| format!("cannot {error}"))?;
    // What the server says of the model stands where the probe saw nothing.
    probe.capabilities = model.known.clone().updated(&probe.capabilities);
    Ok(Known { at, probe })
}

fn as_json(one: &Asked, kept: Option<&Known>) -> serde_json::Value {
    let entry = &one.model.entry;
    json!({
        "name": entry.name,
        "provider": entry.provider,
        "base_url": entry.base_url,
        "model": entry.model,
        "tier": entry.tier,
        "roles": entry.roles,
        "context_length": one.model.window(),
        "max_concurrency": one.model.slots(),
        "answers": one.down.is_none(),
        "error": one.down,
        "notes": one.model.notes,
        "capabilities": one.model.known,
        "probed_at": kept.map(|kept| kept.at),
        "canary": kept.map(|kept| kept.probe.canary),
        "findings": kept.map(|kept| &kept.probe.seen),
    })
}
