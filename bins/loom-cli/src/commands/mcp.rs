//! `loom mcp`: Loom as a server of the Model Context Protocol, for agents.

use crate::cli::ModelChoice;
use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome, chain};
use crate::service::Work;
use clap::Args;
use futures_util::future::BoxFuture;
use loom_client::{Client, Endpoint};
use loom_mcp::{Clients, Connect, ConnectError, Options, serve_stdio};
use loomd::{Scope, Service, Tokens};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

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
    let service = work.service(context).await?;
    let ours = Arc::new(Mutex::new(Some(service)));
    let way = Way {
        data_dir,
        service: Arc::clone(&ours),
    };
    let options = Options {
        allow_approve: arguments.allow_approve,
    };
    let served = serve_stdio(way, options).await;
    if let Some(service) = ours.lock().await.take() {
        service.leave().await;
    }
    served.map_err(Fault::cannot)?;
    Ok(Exit::Done)
}

/// The service of this process, else whichever has the data directory now.
struct Way {
    data_dir: PathBuf,
    service: Arc<Mutex<Option<Service>>>,
}

impl Connect for Way {
    fn connect(&self) -> BoxFuture<'_, Result<Clients, ConnectError>> {
        Box::pin(async move {
            let mut service = self.service.lock().await;
            let carried = service.as_ref().is_some_and(Service::is_carried);
            if !carried {
                let there = Service::join(&self.data_dir).await.map_err(other)?;
                *service =
                    Some(there.ok_or_else(|| ConnectError::NotRunning(self.data_dir.clone()))?);
            }
            let Some(service) = service.as_ref() else {
                return Err(ConnectError::NotRunning(self.data_dir.clone()));
            };
            let tokens = Tokens::of(&self.data_dir).map_err(other)?;
            let agent = Client::new(&Endpoint {
                url: service.client().url(),
                token: Some(tokens.scoped(Scope::Agent).to_owned()),
            });
            Ok(Clients {
                agent: agent.map_err(ConnectError::Address)?,
                human: service.client().clone(),
            })
        })
    }
}

fn other(error: impl std::error::Error) -> ConnectError {
    ConnectError::Other(format!("cannot {}", chain(&error)))
}
