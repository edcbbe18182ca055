//! `loom config`: what is in effect, and where it comes from.

use crate::context::Context;
use crate::fault::{Exit, Outcome};
use crate::ui::{Tone, fit, width};
use clap::{Args, Subcommand};
use loom_engine::{Config, show};
use serde_json::json;

/// Arguments of `loom config`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom config show --origin
  loom config path")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every effective value, in the form of the file
    Show {
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
        /// Print each value as a line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print where the configuration file is, or would be
    Path {
        /// Print it as one line of JSON, with whether it is there
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(arguments: &ConfigArgs, context: &mut Context) -> Outcome {
    match arguments.command {
        ConfigCommand::Show { origin, json } => print(context, origin, json),
        ConfigCommand::Path { json } => {
            let path = context.data_dir()?.join(Config::FILE_NAME);
            if json {
                let value = json!({ "path": path, "exists": path.exists() });
                context.ui.raw(&format!("{value}\n"));
                return Ok(Exit::Done);
            }
            context.ui.line(Tone::Plain, &path.to_string_lossy());
            Ok(Exit::Done)
        }
    }
}

fn print(context: &mut Context, origin: bool, json: bool) -> Outcome {
    let values = show(&context.load(&[])?);
    let line = |shown: &loom_engine::Shown| match &shown.value {
        Some(value) => format!("{} = {value}", shown.key),
        None => format!("# {} is not set", shown.key),
    };
    let widest = values
        .iter()
        .map(|shown| width(&line(shown)))
        .max()
        .unwrap_or(0);
    for shown in &values {
        if json {
            let origin = shown.origin.to_string();
            let value = json!({ "key": shown.key, "value": shown.value, "origin": origin });
            context.ui.raw(&format!("{value}\n"));
            continue;
        }
        let text = match origin {
            false => line(shown),
            true => format!("{}  # {}", fit(&line(shown), widest), shown.origin),
        };
        context.ui.line(Tone::Plain, &text);
    }
    Ok(Exit::Done)
}
