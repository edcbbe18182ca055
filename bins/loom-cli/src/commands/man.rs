//! `loom man`: the manual, a page for each command.

use crate::cli::Cli;
use crate::context::Context;
use crate::fault::{Exit, Outcome};
use crate::ui::{Tone, plural};
use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use std::path::PathBuf;

/// Arguments of `loom man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom man | man -l -
  loom man --into ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write a page for each command into this directory, instead of printing the first one
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

pub(super) fn run(arguments: &ManArgs, context: &mut Context) -> Outcome {
    let Some(dir) = &arguments.into else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        context.ui.raw(&String::from_utf8_lossy(&page));
        return Ok(Exit::Done);
    };
    let dir = context.here.absolute(dir);
    let place = || format!("write the manual into {}", dir.display());
    std::fs::create_dir_all(&dir).with_context(place)?;
    clap_mangen::generate_to(Cli::command(), &dir).with_context(place)?;
    let pages = Cli::command().get_subcommands().count() + 1;
    let text = format!("{} in {}", plural(pages, "page"), dir.display());
    context.ui.line(Tone::Plain, &text);
    Ok(Exit::Done)
}
