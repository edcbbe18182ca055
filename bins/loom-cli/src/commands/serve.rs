//! `loom serve`: the service, in the foreground. `loomd` is the same as a program of its own.

use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::interrupt::Interrupts;
use crate::ui::Tone;
use clap::Args;
use loom_client::TOKEN_FILE;
use loom_engine::Flag;
use serde_json::json;
use std::io::Write as _;
use tokio_util::sync::CancellationToken;

/// Arguments of `loom serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Other commands join it and no longer work on tasks themselves. Ctrl-C ends it in order: unfinished \
tasks are taken up by the next start. docs/http.md describes the API, and so does /docs.

Examples:
  loom serve
  loom serve --port 0
  curl -H \"Authorization: Bearer $(loom token)\" http://127.0.0.1:9000/tasks")]
pub(crate) struct ServeArgs {
    /// The address to listen at [default: `server.host`, 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// The port; 0 takes any that is free [default: `server.port`, 9000]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Let every program on this machine in, without a token
    #[arg(long)]
    no_auth: bool,
    /// Print where it listens as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: ServeArgs, context: &mut Context) -> Outcome {
    let host = arguments.host.map(|value| Flag {
        name: "--host",
        key: "server.host",
        value,
    });
    let port = arguments.port.map(|port| Flag {
        name: "--port",
        key: "server.port",
        value: port.to_string(),
    });
    let flags: Vec<Flag> = host.into_iter().chain(port).collect();
    let loaded = context.load(&flags)?;
    let data_dir = context.data_dir()?;
    let mut interrupts = Interrupts::catch()?;
    let stop = CancellationToken::new();
    let auth = !arguments.no_auth;
    let ui = &context.ui;
    let token_file = auth.then(|| data_dir.join(TOKEN_FILE));
    let listening = |url: &str| {
        if arguments.json {
            let value = json!({ "url": url, "token_file": token_file });
            // Whoever does not read it does not stop the service.
            writeln!(std::io::stdout().lock(), "{value}").ok();
            return;
        }
        ui.note(Tone::Good, &format!("listening at {url}"));
        let open = match auth {
            true => "`loom token` prints what opens it; Ctrl-C ends it",
            false => "every program on this machine may use it; Ctrl-C ends it",
        };
        ui.note(Tone::Dim, open);
    };
    let served = loomd::run(
        &context.here,
        &data_dir,
        loaded,
        auth,
        stop.clone(),
        listening,
    );
    tokio::pin!(served);
    let served = tokio::select! {
        served = &mut served => served,
        () = interrupts.next() => {
            ui.note(Tone::Caught, "stopping; Ctrl-C again ends at once");
            stop.cancel();
            interrupts.guard(served).await
        }
    };
    served.map_err(Fault::setup)?;
    Ok(Exit::Done)
}
