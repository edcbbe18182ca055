//! `loom token`: what opens the service.

use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::Tone;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use loomd::{Scope, Tokens};
use serde_json::json;
use std::os::unix::fs::DirBuilderExt as _;

/// Arguments of `loom token`.
#[derive(Debug, Args)]
#[command(after_help = "\
The token is made when it is first needed and kept in the data directory, readable by you alone. \
Those of an agent and of a reader are made from it: to replace all three, remove the file and \
restart.

Examples:
  curl -H \"Authorization: Bearer $(loom token)\" http://127.0.0.1:9000/tasks
  loom token --for agent")]
pub(crate) struct TokenArgs {
    /// What its holder may do
    #[arg(long = "for", value_enum, value_name = "WHOM", default_value = "owner")]
    whom: Whom,
    /// Print what it is as one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Whom {
    /// Everything
    Owner,
    /// Begin and steer tasks; not say yes to what is asked of you
    Agent,
    /// Look
    Reader,
}

pub(super) fn run(arguments: &TokenArgs, context: &mut Context) -> Outcome {
    let data_dir = context.data_dir()?;
    let place = || format!("make {}", data_dir.display());
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&data_dir)
        .with_context(place)?;
    let tokens = Tokens::of(&data_dir).map_err(Fault::cannot)?;
    let scope = match arguments.whom {
        Whom::Owner => Scope::Owner,
        Whom::Agent => Scope::Agent,
        Whom::Reader => Scope::Reader,
    };
    let token = tokens.scoped(scope);
    match arguments.json {
        true => {
            let value = json!({ "scope": scope.name(), "token": token });
            context.ui.raw(&format!("{value}\n"));
        }
        false => context.ui.line(Tone::Plain, token),
    }
    Ok(Exit::Done)
}
