//! Serves a playbook until it is interrupted: `cargo run -p loom-sim --example serve -- FILE`.
//! Then `loom run … --server URL`, with the URL that it prints.

use loom_sim::{Options, Playbook, SimServer};
use std::io::Write as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os()
        .nth(1)
        .ok_or("usage: serve PLAYBOOK.yaml")?;
    let playbook = Playbook::from_yaml(&std::fs::read_to_string(path)?)?;
    let server = SimServer::start(playbook, Options::default()).await?;
    writeln!(std::io::stdout(), "{}", server.url())?;
    tokio::signal::ctrl_c().await?;
    for violation in server.violations() {
        writeln!(std::io::stderr(), "{violation:?}")?;
    }
    Ok(())
}
