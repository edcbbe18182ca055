//! `loom-mcp`: the arguments, and which service is spoken to.
#![deny(missing_docs)]

use anyhow::Context as _;
use clap::Parser;
use loom_client::Endpoint;
use loom_mcp::{Options, PATH, serve_http, serve_stdio};
use loomd::{Connect, DataDir, Tokens};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Loom as an MCP server, for agents. Speaks on standard input and output; `--http` serves streamable
/// HTTP instead.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where Loom keeps its data; whoever serves it is spoken to.
    #[arg(long, env = "LOOM_HOME", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address of the service, instead of the one that the data directory names.
    #[arg(long, value_name = "URL", requires = "token_file")]
    url: Option<String>,
    /// File with the token of that service.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Serve streamable HTTP on this address of this machine, such as 127.0.0.1:8733. Clients need
    /// the token of an agent: `loom token --for agent`.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Let `loom_approve` approve without a human, where the client cannot ask one.
    #[arg(long)]
    allow_approve: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("LOOM_LOG");
    tracing_subscriber::fmt()
        // Standard output belongs to the protocol.
        .with_writer(std::io::stderr)
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("warn,loom_mcp=info")))
        .with_ansi(false)
        .init();
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(run(arguments));
    // A read of standard input may still be under way, which nothing can interrupt.
    runtime.shutdown_background();
    served
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let options = Options {
        allow_approve: arguments.allow_approve,
    };
    let data_dir = data_dir(arguments.data_dir);
    if let Some(url) = arguments.url {
        let token = arguments.token_file.as_deref().map(read_token);
        let endpoint = Endpoint {
            url,
            token: token.transpose()?,
        };
        return with(endpoint, options, arguments.http, data_dir.as_deref()).await;
    }
    let dir =
        data_dir.context("no place for Loom's data: give one with --data-dir or LOOM_HOME")?;
    with(DataDir(dir.clone()), options, arguments.http, Some(&dir)).await
}

async fn with(
    connect: impl Connect,
    options: Options,
    http: Option<SocketAddr>,
    data_dir: Option<&Path>,
) -> anyhow::Result<()> {
    let Some(address) = http else {
        return Ok(serve_stdio(connect, options).await?);
    };
    let dir = data_dir.context("no data directory, and so no token for clients")?;
    let tokens = Tokens::of(dir)?;
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("listen on {address}"))?;
    tracing::info!("serving on http://{}{PATH}", listener.local_addr()?);
    let stop = CancellationToken::new();
    let ended = stop.clone();
    tokio::spawn(async move {
        interrupted().await;
        ended.cancel();
    });
    Ok(serve_http(connect, options, listener, Some(tokens), stop).await?)
}

/// An empty token would let everybody in.
fn read_token(file: &Path) -> anyhow::Result<String> {
    let read = std::fs::read_to_string(file);
    let text = read.with_context(|| format!("read the token in {}", file.display()))?;
    let token = text.trim().to_owned();
    anyhow::ensure!(!token.is_empty(), "there is no token in {}", file.display());
    Ok(token)
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        // Without a handler the signal ends the process by itself.
        Ok(()) = tokio::signal::ctrl_c() => {}
    }
}

/// The flag or `LOOM_HOME`, else the platform's place, as the `loom` command has it.
fn data_dir(given: Option<PathBuf>) -> Option<PathBuf> {
    if let Some(dir) = given {
        return Some(dir);
    }
    let set = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
    };
    let home = set("HOME");
    if cfg!(target_os = "macos") {
        return Some(home?.join("Library/Application Support/loom"));
    }
    match set("XDG_DATA_HOME") {
        Some(dir) => Some(dir.join("loom")),
        None => Some(home?.join(".local/share/loom")),
    }
}
