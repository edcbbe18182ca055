//! `loom tui`: all work at a glance, and every intervention one key away.

use crate::cli::ModelChoice;
use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::log;
use crate::service::Work;
use clap::Args;
use loom_tui::{Look, Options};

/// Arguments of `loom tui`.
#[derive(Debug, Args)]
#[command(after_help = "\
Shows the service that has the data directory. Where none runs it carries one until you leave: what is
unfinished then is taken up by `loom resume`, or by the next service. `?` shows the keys.

Examples:
  loom tui
  loom tui 1a2b3c4d")]
pub(crate) struct TuiArgs {
    /// The task to begin with: its id, or the last digits of it
    task: Option<String>,
    #[command(flatten)]
    model: ModelChoice,
    /// Do not ring when a task asks something or ends
    #[arg(long)]
    quiet: bool,
}

pub(super) async fn run(arguments: TuiArgs, context: &mut Context) -> Outcome {
    if !context.ui.out_screen {
        return Err(Fault::usage("the terminal UI needs a terminal")
            .hint("`loom list`, `loom status` and `loom logs --follow` show the same in a pipe"));
    }
    let loaded = context.load(&[])?;
    let mut work = Work::new(loaded, arguments.model, context.data_dir()?, false);
    let service = work.service(context).await?;
    let task = match &arguments.task {
        None => None,
        Some(task) => match service.client().task(task).await {
            Ok(found) => Some(found.task_id),
            Err(error) => {
                service.leave().await;
                return Err(client_fault(error));
            }
        },
    };
    let options = Options {
        look: Look::detect(|name| context.here.var(name).map(str::to_owned)),
        bell: !arguments.quiet,
        workspace: Some(context.here.cwd.clone()),
        task,
    };
    // What is logged would be written across the picture.
    log::hold(true);
    let shown = loom_tui::run(service.client().clone(), options).await;
    log::hold(false);
    service.leave().await;
    shown.map_err(Fault::cannot)?;
    Ok(Exit::Done)
}
