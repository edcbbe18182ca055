//! `loom learning`: what finished tasks have taught, why something is done otherwise because of it,
//! and forgetting it.

use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::{Tone, clean, count, plural};
use clap::{Args, Subcommand};
use loom_client::ClientError;
use loom_client::wire::{
    Forgotten, LearnedAdjustment, LearnedRecord, LearningExport, LearningShown,
};
use loomd::Service;
use serde_json::json;

/// Preferences and plans that are listed; `--json` has all of them.
const LISTED: usize = 10;

/// Arguments of `loom learning`.
#[derive(Debug, Args)]
#[command(after_help = "\
`learning.enabled = false` in the configuration, or `loom run --no-learning` for one task, switches it \
off. docs/learning.md says what is kept and how it is used.

Examples:
  loom learning show
  loom learning export > learned.json
  loom learning reset --yes")]
pub(crate) struct LearningArgs {
    #[command(subcommand)]
    command: LearningCommand,
}

#[derive(Debug, Subcommand)]
enum LearningCommand {
    /// Show what is done otherwise because of earlier tasks, and why
    Show {
        /// Print all that is known as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print everything that was learned, as it is stored, as one line of JSON
    Export,
    /// Forget everything that was learned
    Reset(ResetArgs),
}

/// Arguments of `loom learning reset`, and of `loom reset-learning`.
#[derive(Debug, Args)]
#[command(after_help = "\
What was learned is forgotten for good; `loom learning export` keeps a copy to look at. Tasks that have \
ended teach no second time.

Example:
  loom reset-learning --yes")]
pub(crate) struct ResetArgs {
    /// Yes, forget it
    #[arg(long)]
    yes: bool,
    /// Print how much was forgotten as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: LearningArgs, context: &mut Context) -> Outcome {
    match arguments.command {
        LearningCommand::Show { json } => show(json, context).await,
        LearningCommand::Export => export(context).await,
        LearningCommand::Reset(arguments) => reset(&arguments, context).await,
    }
}

pub(super) async fn reset(arguments: &ResetArgs, context: &mut Context) -> Outcome {
    if !arguments.yes {
        let text = "what was learned would be forgotten for good";
        return Err(Fault::usage(text).hint(
            "keep a copy with  loom learning export  and forget it with  loom learning reset --yes",
        ));
    }
    let forgotten = match context.looking().await? {
        None => 0,
        Some(service) => {
            let answer = service.client().forget_learning().await;
            let Forgotten { forgotten } = left(service, answer).await?;
            forgotten
        }
    };
    if arguments.json {
        let line = json!({ "forgotten": forgotten });
        context.ui.raw(&format!("{line}\n"));
    } else {
        let things = plural(usize::try_from(forgotten).unwrap_or(usize::MAX), "thing");
        context
            .ui
            .line(Tone::Plain, &format!("forgotten: {things}"));
    }
    Ok(Exit::Done)
}

async fn export(context: &mut Context) -> Outcome {
    let export = match context.looking().await? {
        None => LearningExport::default(),
        Some(service) => {
            let answer = service.client().export_learning().await;
            left(service, answer).await?
        }
    };
    let line = serde_json::to_string(&export).map_err(anyhow::Error::from)?;
    context.ui.raw(&format!("{line}\n"));
    Ok(Exit::Done)
}

async fn show(json: bool, context: &mut Context) -> Outcome {
    let shown = match context.looking().await? {
        None => {
            let learned = loom_engine::Learned::nothing(&context.load(&[])?.config.task);
            LearningShown {
                enabled: learned.enabled,
                adjustments: learned
                    .adjustments
                    .into_iter()
                    .map(|(about, why)| LearnedAdjustment { about, why })
                    .collect(),
                ..LearningShown::default()
            }
        }
        Some(service) => {
            let answer = service.client().learning().await;
            left(service, answer).await?
        }
    };
    if json {
        let line = serde_json::to_string(&shown).map_err(anyhow::Error::from)?;
        context.ui.raw(&format!("{line}\n"));
        return Ok(Exit::Done);
    }
    for (tone, text) in lines(&shown) {
        context.ui.line(tone, &text);
    }
    Ok(Exit::Done)
}

/// The answer, once the service that was only asked is left.
async fn left<T>(service: Service, answer: Result<T, ClientError>) -> Result<T, Fault> {
    service.leave().await;
    answer.map_err(client_fault)
}

fn lines(shown: &LearningShown) -> Vec<(Tone, String)> {
    let mut lines = Vec::new();
    if !shown.enabled {
        let text = "learning is switched off: nothing of this is used, and nothing is added";
        lines.push((Tone::Caught, text.to_owned()));
    }
    if shown.records.is_empty() && shown.preferences.is_empty() && shown.plans.is_empty() {
        let text = "nothing was learned yet: no task has ended since";
        lines.push((Tone::Plain, text.to_owned()));
    }
    let mut section = |title: &str, texts: Vec<(Tone, String)>| {
        if !texts.is_empty() {
            lines.push((Tone::Strong, title.to_owned()));
            lines.extend(
                texts
                    .into_iter()
                    .map(|(tone, text)| (tone, format!("  {}", clean(&text)))),
            );
        }
    };
    let adjustments = shown.adjustments.iter();
    let adjustments = adjustments.map(|one| (Tone::Plain, format!("{}: {}", one.about, one.why)));
    section("done otherwise", adjustments.collect());
    let changes = shown.changes.iter();
    section(
        "changed",
        changes.map(|why| (Tone::Caught, why.clone())).collect(),
    );
    section("seen", shown.records.iter().map(record).collect());
    let preferences = shown.preferences.iter().map(|one| {
        let text = format!("“{}”, {}", one.text, times(one.seen));
        (Tone::Plain, text)
    });
    section("asked for", some(preferences.collect()));
    let plans = shown.plans.iter().map(|one| {
        let steps = plural(one.steps.len(), "step");
        let text = format!("“{}”: {steps}, {}", one.goal, times(one.seen));
        (Tone::Plain, text)
    });
    section("plans that worked", some(plans.collect()));
    lines
}

fn some(mut lines: Vec<(Tone, String)>) -> Vec<(Tone, String)> {
    let more = lines.len().saturating_sub(LISTED);
    lines.truncate(LISTED);
    if more > 0 {
        lines.push((Tone::Dim, format!("… and {more} more")));
    }
    lines
}

fn record(one: &LearnedRecord) -> (Tone, String) {
    let text = format!(
        "{}, {} (tier {}): {} of {} at the first attempt, {:.0} % expected now; {} tokens an attempt",
        one.kind,
        one.model,
        u8::from(one.tier),
        one.passed,
        one.seen,
        one.expected * 100.0,
        count(one.tokens),
    );
    (Tone::Plain, text)
}

fn times(seen: u32) -> String {
    match seen {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_client::wire::{LearnedAdjustment, LearnedPreference};
    use loom_events::{Tier, Time};

    #[test]
    fn each_adjustment_is_a_line_with_its_evidence() {
        let shown = LearningShown {
            enabled: true,
            attempts: 14,
            adjustments: vec![LearnedAdjustment {
                about: "fix rust".to_owned(),
                why: "begins at tier 2 instead of 1: small passed 1 of 8; large passed 6 of 6"
                    .to_owned(),
            }],
            records: vec![LearnedRecord {
                kind: "fix rust".to_owned(),
                model: "small".to_owned(),
                tier: Tier::Small,
                seen: 8,
                passed: 1,
                again: 3,
                expected: 0.31,
                millis: 5,
                tokens: 1_200,
                last: Time::EPOCH,
            }],
            preferences: vec![LearnedPreference {
                text: "tabs,\u{1b}[2J please".to_owned(),
                seen: 2,
                last: Time::EPOCH,
            }],
            ..LearningShown::default()
        };
        let texts: Vec<String> = lines(&shown).into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            texts[..4],
            [
                "done otherwise",
                "  fix rust: begins at tier 2 instead of 1: small passed 1 of 8; large passed 6 of 6",
                "seen",
                "  fix rust, small (tier 1): 1 of 8 at the first attempt, 31 % expected now; 1,200 tokens an attempt",
            ]
        );
        assert!(!texts[5].contains('\u{1b}'), "{texts:?}");
    }

    #[test]
    fn where_nothing_was_learned_that_is_what_is_said() {
        let texts = lines(&LearningShown::default());
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].1.contains("switched off"));
    }
}
