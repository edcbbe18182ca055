//! The service: whether one runs, of which version, who may read its token, and whether this build
//! reads the journal. Looking makes nothing.

use super::{finding, problem};
use crate::context::Context;
use crate::fault::chain;
use loom_client::{Client, ClientError, Endpoint, TOKEN_FILE};
use loom_engine::{OpenError, Reader};
use loom_router::{Finding, Verdict};
use loom_state::DataDirLock;
use loomd::VERSION;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What belongs to the service.
pub(super) async fn findings(context: &Context) -> Vec<Finding> {
    let dir = match context.data_dir() {
        Ok(dir) => dir,
        Err(fault) => return vec![problem(&fault)],
    };
    let mut findings = running(&dir).await;
    findings.push(token(&dir));
    findings.push(journal(&dir, context));
    findings
}

/// The one that has the data directory.
async fn running(dir: &Path) -> Vec<Finding> {
    let version = finding(Verdict::Good, format!("this is {VERSION}"), "");
    let running = match DataDirLock::holder(dir) {
        Err(error) => finding(Verdict::Problem, error.to_string(), ""),
        Ok(None) => finding(
            Verdict::Note,
            "no service runs; each command carries its own",
            "`loom service install` lets the machine keep one running",
        ),
        Ok(Some(holder)) => {
            let pid = holder
                .pid
                .map_or_else(String::new, |pid| format!(", process {pid}"));
            match &holder.address {
                None => finding(
                    Verdict::Note,
                    format!("something has the data directory and serves nobody{pid}"),
                    "wait for it or end it",
                ),
                Some(url) => answers(url, &pid).await,
            }
        }
    };
    vec![version, running]
}

async fn answers(url: &str, pid: &str) -> Finding {
    let endpoint = Endpoint {
        url: url.to_owned(),
        // Whether it is well is told to everybody.
        token: None,
    };
    let health = match Client::new(&endpoint) {
        Ok(client) => client.health().await,
        Err(error) => Err(error),
    };
    match health {
        Ok(health) if health.version == VERSION => {
            finding(Verdict::Good, format!("a service runs at {url}{pid}"), "")
        }
        Ok(health) => finding(
            Verdict::Note,
            format!("a service runs at {url}{pid}, and it is {}", health.version),
            "start it anew, so that it is the version that is installed",
        ),
        Err(error @ ClientError::Unreachable { .. }) => finding(
            Verdict::Problem,
            format!("a service is said to run at {url}{pid}, and cannot be reached: {error}"),
            "end it and start it again",
        ),
        Err(error) => finding(Verdict::Problem, format!("at {url}{pid}: {error}"), ""),
    }
}

/// The file of the owner's token: whoever reads it may do everything.
fn token(dir: &Path) -> Finding {
    let file = dir.join(TOKEN_FILE);
    let shown = file.display();
    let Ok(metadata) = std::fs::metadata(&file) else {
        let text = "there is no token yet; the first start makes one";
        return finding(Verdict::Note, text, "");
    };
    let mode = metadata.permissions().mode() & 0o777;
    match (mode & 0o077, metadata.len()) {
        (0, 1..) => finding(Verdict::Good, "the token is for you alone", ""),
        (0, 0) => finding(
            Verdict::Problem,
            format!("the token in {shown} is empty"),
            "remove the file; the next start makes a new one",
        ),
        (_, _) => finding(
            Verdict::Problem,
            format!("others can read the token in {shown} (mode {mode:o})"),
            "remove the file and restart the service, which makes a new token for you alone",
        ),
    }
}

/// Whether this build reads what is there.
fn journal(dir: &Path, context: &Context) -> Finding {
    match Reader::open(dir, context.here.home.clone()) {
        Ok(_) => finding(Verdict::Good, "the journal can be read", ""),
        Err(OpenError::Journal(error)) => match error {
            loom_state::OpenError::Missing { .. } => finding(
                Verdict::Note,
                "there is no journal yet; the first task makes one",
                "",
            ),
            loom_state::OpenError::Older { .. } => {
                let way = "the next start of a service or task migrates it, after a copy";
                finding(Verdict::Note, error.to_string(), way)
            }
            loom_state::OpenError::Newer { .. } => {
                let way = "use the newer Loom, or another data directory";
                finding(Verdict::Problem, error.to_string(), way)
            }
            other => finding(Verdict::Problem, chain(&other), ""),
        },
        Err(other) => finding(Verdict::Problem, chain(&other), ""),
    }
}
