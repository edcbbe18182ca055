//! The terminal UI as a program of its own: where the service is, and what the terminal can show.

use anyhow::Context as _;
use clap::Parser;
use loom_client::{Client, Endpoint};
use loom_events::TaskId;
use loom_tui::{Look, Options};
use loomd::Service;
use std::path::PathBuf;
use std::process::ExitCode;

/// Shows all work of a Loom service.
#[derive(Parser)]
#[command(name = "loom-tui", version)]
struct Args {
    /// Data directory; whoever serves it is spoken to.
    #[arg(long, env = "LOOM_HOME", value_name = "DIR")]
    home: Option<PathBuf>,
    /// Address of the service, instead of a data directory.
    #[arg(long, env = "LOOM_URL", value_name = "URL")]
    url: Option<String>,
    /// File with the token, for an address.
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// The task to begin with.
    task: Option<TaskId>,
    /// Do not ring when a task asks something or ends.
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    match begin() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn begin() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = runtime.block_on(client(&args))?;
    let options = Options {
        look: Look::detect(variable),
        bell: !args.quiet,
        workspace: std::env::current_dir().ok(),
        task: args.task,
    };
    let ended = runtime.block_on(loom_tui::run(client, options));
    // A request that is still under way is not waited for.
    runtime.shutdown_background();
    Ok(ended?)
}

async fn client(args: &Args) -> anyhow::Result<Client> {
    if let Some(url) = &args.url {
        let read = |path: &PathBuf| {
            let token = std::fs::read_to_string(path);
            token.with_context(|| format!("failed to read {}", path.display()))
        };
        let token = args.token_file.as_ref().map(read).transpose()?;
        return Ok(Client::new(&Endpoint {
            url: url.clone(),
            token: token.map(|token| token.trim().to_owned()),
        })?);
    }
    let home = args
        .home
        .as_ref()
        .context("say where the service is: --home DIR, or --url URL")?;
    let service = Service::join(home).await;
    let service = service.context("failed to join the service")?;
    let none = || format!("nobody serves {}: `loomd` starts a service", home.display());
    Ok(service.with_context(none)?.client().clone())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the binary reads the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::print_stderr, reason = "a binary says what went wrong")]
fn report(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
