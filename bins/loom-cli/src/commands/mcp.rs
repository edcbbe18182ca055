//! `loom mcp`: Loom as a server of the Model Context Protocol, for agents.

use crate::cli::ModelChoice;
use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::service::Work;
use clap::Args;
use loom_mcp::{Options, serve_stdio};
use loomd::Held;

/// Arguments of `loom mcp`.
#[derive(Debug, Args)]
#[command(after_help = "\
Speaks on standard input and output; an agent starts it. docs/agents.md has the line for each of them.
Where no service runs it carries one, and its tasks are left unfinished when the agent ends it:
`loom serve` keeps them running.

Examples:
  claude mcp add loom -- loom mcp
  loom mcp --server http://127.0.0.1:8080/v1")]
pub(crate) struct McpArgs {
    #[command(flatten)]
    model: ModelChoice,
    /// Let an agent approve where its client cannot ask you
    #[arg(long)]
    allow_approve: bool,
}

pub(super) async fn run(arguments: McpArgs, context: &mut Context) -> Outcome {
    let data_dir = context.data_dir()?;
    let loaded = context.load(&[])?;
    let mut work = Work::new(loaded, arguments.model, data_dir.clone(), true);
    let held = Held::new(data_dir, work.service(context).await?);
    let options = Options {
        allow_approve: arguments.allow_approve,
    };
    let served = serve_stdio(held.clone(), options).await;
    held.leave().await;
    served.map_err(Fault::cannot)?;
    Ok(Exit::Done)
}
