//! Real model servers with a model of noise: the protocol is real even if the words are not.
//!
//! They run where `shared/model-servers` lies beside the repository and its scripts have been run;
//! elsewhere the tests say on standard error that they were skipped.

use loom_router::{ModelEntry, ProviderKind};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

static ALONE: Mutex<()> = Mutex::new(());

/// A server that can be started, and what must be there before: a test never installs anything.
struct Peer {
    kind: ProviderKind,
    script: &'static str,
    needs: [&'static str; 2],
}

const LLAMA: Peer = Peer {
    kind: ProviderKind::LlamaCpp,
    script: "start-llama-server.sh",
    needs: ["llama-debian/llama-server", "models/tiny/loom-tiny.gguf"],
};

const MLX: Peer = Peer {
    kind: ProviderKind::Mlx,
    script: "start-mlx-server.sh",
    needs: ["venv-mlx/.installed", "models/tiny/hf/model.safetensors"],
};

/// A running server; it ends with the test.
pub(crate) struct RealServer {
    kind: ProviderKind,
    script: Child,
    pub(crate) url: String,
    /// Two of them on a small machine spin for each other's cores.
    _alone: MutexGuard<'static, ()>,
}

impl RealServer {
    /// Starts a `llama-server`, where it is installed; elsewhere says that it is not.
    pub(crate) fn llama() -> Option<Self> {
        Self::start(&LLAMA)
    }

    /// Starts a `llama-server` that makes vectors.
    pub(crate) fn llama_vectors() -> Option<Self> {
        Self::start_with(&LLAMA, &["--embeddings", "--pooling", "mean"])
    }

    /// Starts an `mlx_lm.server`, where it is installed; elsewhere says that it is not.
    pub(crate) fn mlx() -> Option<Self> {
        Self::start(&MLX)
    }

    fn start(peer: &Peer) -> Option<Self> {
        Self::start_with(peer, &[])
    }

    fn start_with(peer: &Peer, more: &[&str]) -> Option<Self> {
        let Some(script) = peer.installed() else {
            say_skipped(peer);
            return None;
        };
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();
        let mut server = Self {
            kind: peer.kind,
            script: start_script(&script, port, more),
            url: format!("http://127.0.0.1:{port}/v1"),
            _alone: alone,
        };
        let mut ready = String::new();
        let output = server.script.stdout.take().expect("the output is piped");
        BufReader::new(output).read_line(&mut ready).unwrap();
        assert!(ready.starts_with("ready "), "{ready}");
        Some(server)
    }

    pub(crate) fn entry(&self) -> ModelEntry {
        ModelEntry {
            provider: self.kind,
            max_tokens: 400,
            ..ModelEntry::new("tiny", &self.url)
        }
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // The script passes a TERM on to the server; a kill would leave the server behind.
        let pid = self.script.id().to_string();
        let _sent = command("kill").arg(pid).status();
        let _ended = self.script.wait();
    }
}

impl Peer {
    /// The script, where everything that it would install is there.
    fn installed(&self) -> Option<PathBuf> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/model-servers");
        let script = scripts.join(self.script);
        let home = servers_home()?;
        let installed = self.needs.iter().all(|file| home.join(file).exists());
        (installed && script.exists()).then_some(script)
    }
}

fn servers_home() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    set("LOOM_SERVERS_HOME").or_else(|| {
        let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
        Some(cache?.join("loom-model-servers"))
    })
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The time limit ends the server even when the test itself is killed.
fn start_script(script: &Path, port: u16, more: &[&str]) -> Child {
    command("timeout")
        .arg("300")
        .arg("bash")
        .arg(script)
        .arg(port.to_string())
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test starts a peer, not a process of the product"
)]
fn command(program: &str) -> Command {
    Command::new(program)
}

fn say_skipped(peer: &Peer) {
    let (kind, script) = (peer.kind.name(), peer.script);
    let mut out = std::io::stderr();
    writeln!(
        out,
        "\nSKIPPED: no {kind} server is installed; run shared/model-servers/{script} once to test against a real one\n"
    )
    .unwrap();
}
