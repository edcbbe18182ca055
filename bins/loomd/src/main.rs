//! `loomd`: flags, signals, a log; everything else is the library's.

use clap::Parser;
use loom_engine::{Flag, LogLevel};
use loom_redact::Redactor;
use loomd::SetupError;
use loomd::setup::{Surroundings, load, redactor};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::LevelFilter;

/// The service of Loom: works on goals with models on your own machine, for programs that ask over
/// HTTP.
#[derive(Debug, Parser)]
#[command(
    name = "loomd",
    version,
    after_help = "\
Examples:
  loomd
  loomd --port 0 --data-dir /srv/loom
  curl -H \"Authorization: Bearer $(cat ~/.local/share/loom/token)\" http://127.0.0.1:9000/tasks

The token is in the file `token` of the data directory, for its owner alone. SIGTERM and Ctrl-C end it \
in order: unfinished tasks are taken up by the next start."
)]
struct Arguments {
    /// Where Loom keeps its own data [default: $LOOM_HOME, else the platform's place]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A configuration file on top of the one in the data directory
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen at [default: `server.host`, 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// The port; 0 takes any that is free [default: `server.port`, 9000]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Let every program on this machine in, without a token
    #[arg(long)]
    no_auth: bool,
    /// Print the description of the API (OpenAPI 3.1) and end
    #[arg(long)]
    openapi: bool,
}

fn main() -> ExitCode {
    // Loom starts itself again to put a sandbox around a command: that process is nothing else.
    if let Some(code) = loom_workspace::sandbox_helper(std::env::args_os()) {
        return code;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A pipe that was closed cannot be told so.
            error.print().ok();
            return if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {}", error.message));
            if let Some(hint) = &error.hint {
                say(&format!("hint: {hint}"));
            }
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), SetupError> {
    if arguments.openapi {
        let text = loomd::openapi();
        return writeln!(std::io::stdout(), "{text}").map_err(|error| SetupError::of(&error));
    }
    let here = Surroundings::read().map_err(|error| SetupError::of(&error))?;
    let data_dir = here.data_dir(arguments.data_dir.as_deref())?;
    let flag = |name, key, value: Option<String>| value.map(|value| Flag { name, key, value });
    let host = flag("--host", "server.host", arguments.host);
    let port = arguments.port.map(|port| port.to_string());
    let flags: Vec<Flag> = host
        .into_iter()
        .chain(flag("--port", "server.port", port))
        .collect();
    let loaded = load(&here, &data_dir, arguments.config.as_deref(), &flags)?;
    log(
        loaded.config.logging.level,
        redactor(&here, &loaded.config, &data_dir),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| SetupError::of(&error))?;
    let token = data_dir.join(loom_client::TOKEN_FILE);
    let auth = !arguments.no_auth;
    runtime.block_on(Box::pin(async {
        let stop = CancellationToken::new();
        end_on_signal(stop.clone()).map_err(|error| SetupError::of(&error))?;
        let listening = |url: &str| match auth {
            true => say(&format!(
                "loomd listens at {url}; its token is in {}",
                token.display()
            )),
            false => say(&format!(
                "loomd listens at {url} and lets everybody on this machine in"
            )),
        };
        loomd::run(&here, &data_dir, loaded, auth, stop, listening).await
    }))
}

/// The first signal ends it in order, the second one at once.
fn end_on_signal(stop: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_cancelled() {
                leave();
            }
            stop.cancel();
        }
    });
    Ok(())
}

#[expect(
    clippy::exit,
    reason = "asked twice; the journal is written before anything is acted on, so nothing is lost"
)]
fn leave() -> ! {
    std::process::exit(130)
}

fn log(level: LogLevel, redactor: Redactor) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(move || LogLine(redactor.clone()))
        .with_ansi(false)
        .init();
}

/// A line of the log on its way out, where it loses its secrets.
struct LogLine(Redactor);

impl std::io::Write for LogLine {
    /// Takes a whole line: the formatter hands over one at a time.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = self.0.bytes(bytes.to_vec());
        std::io::stderr().lock().write_all(&line)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Nobody can be told that nobody can be told.
fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}
