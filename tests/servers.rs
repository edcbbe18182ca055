//! Whole tasks against a real inference server with random weights: the protocol is real, the work
//! must fail, and it must fail honestly, within its limits, without hanging.

use crate::world::World;
use loom_engine::TaskStatus;
use loom_events::{Limits, Rung};
use loom_router::ModelEntry;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running llama-server; it ends with the test, and by itself after five minutes.
struct LlamaServer {
    script: Child,
    url: String,
}

impl LlamaServer {
    fn start() -> Option<Self> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/model-servers");
        let script = scripts.join("start-llama-server.sh");
        let home = servers_home()?;
        let made = home.join("llama-debian/.installed").exists()
            && home.join("models/tiny/loom-tiny.gguf").exists();
        if !script.exists() || !made {
            return None;
        }
        let probe = std::net::TcpListener::bind("127.0.0.1:0").ok()?;
        let port = probe.local_addr().ok()?.port();
        drop(probe);
        let mut script = command("timeout")
            .args(["300", "bash"])
            .arg(script)
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let output = script.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut ready).unwrap();
        assert!(ready.starts_with("ready "), "{ready}");
        let url = format!("http://127.0.0.1:{port}/v1");
        Some(Self { script, url })
    }
}

impl Drop for LlamaServer {
    fn drop(&mut self) {
        // The script passes a TERM on; a kill would leave the server behind.
        let pid = self.script.id().to_string();
        let _sent = command("kill").arg(pid).status();
        let _ended = self.script.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test starts a peer, not a process of the product"
)]
fn command(program: &str) -> Command {
    Command::new(program)
}

fn servers_home() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    set("LOOM_SERVERS_HOME").or_else(|| {
        let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
        Some(cache?.join("loom-model-servers"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_with_random_weights_makes_a_task_fail_honestly_within_its_limits() {
    let Some(server) = LlamaServer::start() else {
        let said = "\nSKIPPED: no llama-server is installed, so no task ran against a real one\n";
        writeln!(std::io::stderr(), "{said}").unwrap();
        return;
    };
    let mut entry = ModelEntry::new("tiny", &server.url);
    entry.max_tokens = 200;
    entry.context_length = Some(8_192);
    let world = World::at(entry).await;
    world.write("keep.txt", "mine\n");
    let mut new = world.task("write hello into out.txt");
    new.settings.ladder = vec![Rung::Planned, Rung::Feedback];
    new.settings.limits = Limits {
        turns_per_attempt: 4,
        plan_versions: 1,
        iterations: 4,
        ..Limits::default()
    };
    let ended = world.run_task(new).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Failed,
        "noise cannot have done the work"
    );
    assert!(ended.view.reason.is_some());
    assert!(ended.count("model_call_completed") + ended.count("plan_proposed") > 0);
    assert_eq!(ended.count("subtask_completed"), 0);
    assert_eq!(world.read("keep.txt").as_deref(), Some("mine\n"));
    world.assert_replays(ended.id).await;
}
