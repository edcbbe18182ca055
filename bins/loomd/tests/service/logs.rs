//! What the program writes about itself has no secrets in it.

use crate::support::{http, path_env, soon};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

const KNOWN: &str = "k3Yk3Yk3Y-41";
/// In two pieces, so that nobody takes this file for a leak.
const TOKEN: &str = concat!("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a");

/// Ends the program with the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn start(home: &std::path::Path) -> Ended {
    let config = "[server]\nport = 0\n[logging]\nlevel = \"trace\"\n\
                  [models.none]\nbase_url = \"http://127.0.0.1:9/v1\"\nmodel = \"none\"\n";
    let file = home.join("loom.toml");
    std::fs::write(&file, config).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_loomd"))
        .env_clear()
        .env("PATH", path_env())
        .env("HOME", home)
        .env("LOOM_HOME", home.join("data"))
        .env("HOUSE_API_KEY", KNOWN)
        .arg("--config")
        .arg(&file)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    Ended(child.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_of_the_log_has_a_secret_in_it() {
    let home = tempfile::tempdir().unwrap();
    let mut program = start(home.path());
    let lines = BufReader::new(program.0.stderr.take().unwrap()).lines();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    let mut said = Vec::new();
    let mut next = |what: &str| loop {
        let line = told.recv_timeout(crate::support::PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("no line with {what}: {said:#?}"));
        said.push(line.clone());
        if line.contains(what) {
            return line;
        }
    };
    let listens = next("listens at ");
    let url = listens.split("listens at ").nth(1).unwrap();
    let url = url.split(';').next().unwrap().to_owned();
    for secret in [KNOWN, TOKEN] {
        let asked = http()
            .get(format!("{url}/tasks/{secret}"))
            .bearer_auth(secret);
        soon(asked.send()).await.unwrap();
    }
    let first = next("answered");
    assert!(first.contains("[redacted: HOUSE_API_KEY]"), "{first}");
    let second = next("answered");
    assert!(second.contains("[redacted: github-token]"), "{second}");
    let all = said.join("\n");
    assert!(!all.contains(KNOWN) && !all.contains(TOKEN), "{all}");
}
