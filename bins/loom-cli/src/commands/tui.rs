//! `loom tui`: all work at a glance, and every intervention one key away.

use crate::cli::ModelChoice;
use crate::context::{Context, client_fault};
use crate::fault::{Exit, Fault, Outcome};
use crate::log;
use crate::service::Work;
use clap::Args;
use loom_client::Client;
use loom_tui::{Look, Options};
use loomd::Service;
use std::convert::Infallible;
use std::time::Duration;

/// How often it is looked who has the data directory.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Arguments of `loom tui`.
#[derive(Debug, Args)]
#[command(after_help = "\
Shows the service that has the data directory, and the next one when that one is restarted. Where none \
runs, or only another command carried it and has ended, it carries one until you leave: what is unfinished \
then is taken up by `loom resume`, or by the next service. `?` shows the keys.

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
    let (mut work, mut service) = (work.quietly(), service);
    let client = service.client().clone();
    let shown = tokio::select! {
        shown = loom_tui::run(client.clone(), options) => shown,
        never = keep(&mut work, context, &mut service, &client) => match never {},
    };
    log::hold(false);
    service.leave().await;
    shown.map_err(Fault::cannot)?;
    Ok(Exit::Done)
}

/// Looks who has the data directory, for as long as it is another process, and lets `client` talk to
/// whoever that is. The end of a command that carried the service is not the end of looking at its
/// work; a service that was started for itself comes back, and nobody is to stand in its place.
async fn keep(
    work: &mut Work,
    context: &Context,
    service: &mut Service,
    client: &Client,
) -> Infallible {
    let mut carried = is_carried(client).await;
    while !service.is_carried() {
        tokio::time::sleep(LOOK_AGAIN).await;
        let there = match context.joined().await {
            Ok(Some(there)) if there.client().url() == client.url() => continue,
            Ok(Some(there)) => there,
            Ok(None) if carried => match work.service(context).await {
                Ok(there) => there,
                Err(fault) => {
                    tracing::debug!(error = %fault.error, "no service can be carried");
                    continue;
                }
            },
            Ok(None) | Err(_) => continue,
        };
        *service = there;
        client.retarget(service.client());
        carried = is_carried(client).await;
    }
    std::future::pending().await
}

/// Whether a service ends with the command that carries it; one that does not answer may come back.
async fn is_carried(client: &Client) -> bool {
    client.health().await.is_ok_and(|health| health.carried)
}
