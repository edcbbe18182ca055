//! `loom acp`: Loom as an agent of the Agent Client Protocol, for editors.

use crate::cli::ModelChoice;
use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::service::Work;
use clap::Args;
use loomd::Held;

/// Arguments of `loom acp`.
#[derive(Debug, Args)]
#[command(after_help = "\
Speaks on standard input and output; an editor starts it. docs/agents.md says how each of them is told.
Where no service runs it carries one, and its tasks are left unfinished when the editor ends it:
`loom serve` keeps them running.

Examples:
  loom acp
  loom acp --server http://127.0.0.1:8080/v1")]
pub(crate) struct AcpArgs {
    #[command(flatten)]
    model: ModelChoice,
}

pub(super) async fn run(arguments: AcpArgs, context: &mut Context) -> Outcome {
    let data_dir = context.data_dir()?;
    let loaded = context.load(&[])?;
    let mut work = Work::new(loaded, arguments.model, data_dir.clone(), true);
    let held = Held::new(data_dir, work.service(context).await?);
    let served = loom_acp::serve_stdio(held.clone()).await;
    held.leave().await;
    served.map_err(Fault::cannot)?;
    Ok(Exit::Done)
}
