//! `loom completions`: what a shell needs to complete the command line.

use crate::cli::Cli;
use crate::context::Context;
use crate::fault::{Exit, Outcome};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// Arguments of `loom completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom completions bash > ~/.local/share/bash-completion/completions/loom
  loom completions zsh > ~/.zfunc/_loom
  loom completions fish > ~/.config/fish/completions/loom.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArgs, context: &mut Context) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "loom", &mut text);
    context.ui.raw(&String::from_utf8_lossy(&text));
    Ok(Exit::Done)
}
