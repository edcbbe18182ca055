//! The real program, and the simulated model that it works with.

use crate::{Fault, PATIENCE, TURNS};
use loom_client::wire::NewTaskRequest;
use loom_client::{Client, Endpoint, TOKEN_FILE};
use loom_sim::{Options, Playbook, SimServer};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The simulated model, on threads of its own: what it computes is not to delay those who ask the
/// service, since that is what is measured.
pub(crate) struct Model {
    pub(crate) url: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Model {
    pub(crate) async fn start() -> Result<Self, Fault> {
        let playbook = playbook()?;
        let (tell, told) = tokio::sync::oneshot::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let serve = async {
                let server = SimServer::start(playbook, Options::default()).await?;
                // Nobody to tell, nobody to serve.
                if tell.send(server.url().to_owned()).is_ok() {
                    stopped.await.ok();
                }
                Ok::<_, Fault>(())
            };
            tokio::runtime::Runtime::new().map(|runtime| runtime.block_on(serve))
        });
        let url = told.await?;
        Ok(Self { url, _stop: stop })
    }
}

/// A real `loomd` in a directory of its own.
pub(crate) struct Daemon {
    /// None once it has ended.
    child: Option<Child>,
    pub(crate) home: PathBuf,
    pub(crate) url: String,
    pub(crate) token: String,
    began: Instant,
}

impl Daemon {
    #[expect(
        clippy::disallowed_methods,
        reason = "the program itself is measured, as a process of its own"
    )]
    pub(crate) async fn start(home: &Path, sim: &Model) -> Result<Self, Fault> {
        let program = std::env::current_exe()?;
        let program = program
            .ancestors()
            .nth(2)
            .ok_or("no target directory")?
            .join("loomd");
        let config = home.join("score.toml");
        std::fs::write(
            &config,
            format!(
                "[telemetry]\nprometheus = true\n[execution]\nmax_parallel_tasks = 200\n[execution.limits]\nturns_per_attempt = 100\niterations = 1000\n[models.sim]\nbase_url = \"{}\"\ncontext_length = 32768\nmax_concurrency = 64\n",
                sim.url
            ),
        )?;
        let data = home.join("data");
        let began = Instant::now();
        let mut child = Command::new(program)
            .args(["--port", "0", "--config"])
            .arg(&config)
            .arg("--data-dir")
            .arg(&data)
            .env("HOME", home)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let url = address(&mut child)?;
        let token = std::fs::read_to_string(data.join(TOKEN_FILE))?;
        Ok(Self {
            child: Some(child),
            home: home.to_owned(),
            url,
            token: token.trim().to_owned(),
            began,
        })
    }

    pub(crate) fn client(&self) -> Result<Client, Fault> {
        Ok(Client::new(&Endpoint {
            url: self.url.clone(),
            token: Some(self.token.clone()),
        })?)
    }

    pub(crate) fn task(&self, name: &str) -> Result<NewTaskRequest, Fault> {
        let dir = self.home.join("work").join(name);
        std::fs::create_dir_all(&dir)?;
        Ok(NewTaskRequest {
            goal: format!("write the files of {name}"),
            workspace: Some(dir.to_string_lossy().into_owned()),
            ..NewTaskRequest::default()
        })
    }

    pub(crate) async fn ready(&self) -> Result<Duration, Fault> {
        let client = self.client()?;
        until(|| async { client.ready().await.ok().filter(|ready| ready.ready) }).await?;
        Ok(self.began.elapsed())
    }

    pub(crate) fn memory_mib(&self) -> u64 {
        let id = self.child.as_ref().map_or(0, Child::id);
        let path = format!("/proc/{id}/status");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmRSS:"));
        let digits = line.and_then(|line| line.split_whitespace().nth(1));
        digits.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    pub(crate) async fn end(mut self) -> Result<Duration, Fault> {
        let began = Instant::now();
        let mut child = self.child.take().ok_or("it has ended")?;
        let pid = i32::try_from(child.id())?;
        let pid = rustix::process::Pid::from_raw(pid).ok_or("no process")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        tokio::task::spawn_blocking(move || child.wait()).await??;
        Ok(began.elapsed())
    }
}

/// Whatever breaks off, the program goes with it.
impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Where a service listens, as it says. The rest of what it says is read and forgotten.
pub(crate) fn address(child: &mut Child) -> Result<String, Fault> {
    let said = child.stderr.take().ok_or("it has no standard error")?;
    let mut lines = BufReader::new(said).lines();
    while let Some(line) = lines.next().transpose()? {
        if let Some((_, rest)) = line.split_once("listens at ") {
            let url = rest.split(';').next().unwrap_or(rest).to_owned();
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(url);
        }
    }
    Err("it ended before it listened".into())
}

/// Asks again and again until there is an answer.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    ask: impl Fn() -> F,
) -> Result<T, Fault> {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    Ok(tokio::time::timeout(PATIENCE, asking).await?)
}

/// A model that writes a file a turn.
pub(crate) fn playbook() -> Result<Playbook, Fault> {
    let mut text = String::from(
        "name: many turns\nrules:\n- when: {role: planner}\n  reply:\n    json:\n      subtasks:\n      - {id: write, title: Write, description: Write the files., criteria: [\"The files are there.\"], checks: [{kind: file_exists, path: f0.txt}]}\n",
    );
    for turn in 0..TURNS {
        let last = if turn == 0 {
            String::new()
        } else {
            format!(", called: {{name: write_file, with: f{}.txt}}", turn - 1)
        };
        writeln!(
            text,
            "- when: {{role: executor, not_called: {{name: write_file, with: f{turn}.txt}}{last}}}\n  reply: {{calls: [{{name: write_file, arguments: {{path: f{turn}.txt, content: \"{turn}\\n\"}}}}]}}"
        )?;
    }
    text.push_str("- when: {role: executor}\n  reply: {text: \"The files are there.\"}\n- when: {role: verifier}\n  reply:\n    verdict:\n      criteria:\n      - {contains: The files are there, verdict: met, quote: '0', why: it is there}\n      - {contains: Everything that was asked, verdict: met, quote: '0', why: it is there}\n      - {contains: Nothing that should have stayed, verdict: met, quote: '0', why: only added}\n- when: {role: extractor}\n  reply: {json: {summary: wrote files, entries: []}}\n");
    Ok(Playbook::from_yaml(&text)?)
}
