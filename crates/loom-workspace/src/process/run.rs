//! Runs one command to its end.

use super::capture::Capture;
use super::docker::DockerSandbox;
use super::git::Picture;
use super::sandbox::{Sandbox, Wrapped, find_program};
use super::survivors::{LABEL, kill_descendants, kill_survivors};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How long a killed process may take to be gone; longer only in a broken driver.
const DEATH_TIME: Duration = Duration::from_secs(5);

/// How long what was written before the end is still read; somebody who escaped us may hold the
/// pipe open for ever.
const DRAIN_TIME: Duration = Duration::from_millis(300);

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// A line for `sh -c` (`bash -c` where there is one).
    Shell(String),
    /// A program and its arguments.
    Program(Vec<OsString>),
}

/// A command and its surroundings. Everything is said here; nothing is inherited.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// What to run.
    pub command: CommandLine,
    /// The workspace: writable, also in the sandbox.
    pub workspace: PathBuf,
    /// Where to run it: the workspace or a directory in it.
    pub cwd: PathBuf,
    /// The whole environment; `PATH` should be in it, `HOME` names what the sandbox hides.
    pub env: Vec<(OsString, OsString)>,
    /// When it is killed.
    pub timeout: Duration,
    /// Bytes of output kept: the first and the last half.
    pub output_cap: usize,
    /// What stands between it and the machine.
    pub sandbox: Sandbox,
    /// The task's scratch directory: writable.
    pub scratch: PathBuf,
    /// More that may be read in the sandbox, such as [`crate::toolchains`].
    pub readable: Vec<PathBuf>,
    /// More that may be written in the sandbox. Nothing of it is put back.
    pub writable: Vec<PathBuf>,
    /// Whether it may use the network, in the sandbox.
    pub network: bool,
    /// Marks every process of this run, so that survivors are found; unique in this machine.
    pub label: String,
}

/// How a command ended, and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub status: RunStatus,
    /// Standard output and error as they came, with a mark where the middle was left out.
    pub output: String,
    /// Bytes left out of the middle.
    pub omitted: u64,
    /// How long it took.
    pub duration: Duration,
    /// What git would have run later, outside of the sandbox, and was put back or set aside: a
    /// sentence each.
    pub put_back: Vec<String>,
}

impl Finished {
    /// Whether a part of the output was left out.
    #[must_use]
    pub const fn truncated(&self) -> bool {
        self.omitted > 0
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// Killed at its timeout.
    TimedOut,
    /// Killed because it was cancelled.
    Cancelled,
    /// A process of it was killed at the limit of its memory, and it failed.
    OutOfMemory,
}

/// Why a command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no program in it.
    #[error("the command is empty")]
    Empty,
    /// Nothing here can contain it; the command did not run.
    #[error(
        "no sandbox works here, and nothing runs without one: `loom doctor` says how to get one; `sandbox.mode = \"none\"` runs commands without"
    )]
    NoSandbox,
    /// The sandbox did not come up; the command did not run.
    #[error("the sandbox does not come up: {complaint}")]
    Sandbox {
        /// What it said.
        complaint: String,
    },
    /// It could not be started.
    #[error("`{program}` cannot be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// It was lost from sight while it ran.
    #[error("`{program}` cannot be watched: {source}")]
    Watch {
        /// The program.
        program: String,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

/// Runs a command in its own process group and, when it ends, is cancelled, times out or the future
/// is dropped, ends everything it started.
///
/// # Errors
/// When it cannot be started. A command that fails is not an error.
pub async fn run(spec: &CommandSpec, cancel: &CancellationToken) -> Result<Finished, RunError> {
    let started = Instant::now();
    if spec.sandbox == Sandbox::Missing {
        return Err(RunError::NoSandbox);
    }
    if let Sandbox::Docker(docker) = &spec.sandbox {
        return in_container(docker, spec, cancel).await;
    }
    let line = command_line(spec)?;
    if cancel.is_cancelled() {
        return Ok(Finished {
            status: RunStatus::Cancelled,
            output: String::new(),
            omitted: 0,
            duration: started.elapsed(),
            put_back: Vec::new(),
        });
    }
    let program = line[0].display().to_string();
    let failed = |source| RunError::Start {
        program: program.clone(),
        source,
    };
    let lost = |source| RunError::Watch {
        program: program.clone(),
        source,
    };
    let wrapped = spec.sandbox.wrap(spec, line).map_err(failed)?;
    let before = picture(spec).await;
    let (output, ends, command) = prepare(spec, &wrapped).map_err(failed)?;
    let mut running = Running::start(command, spec.label.clone(), ends)
        .await
        .map_err(failed)?;
    let mut output = receiver(output).map_err(lost)?;
    let mut capture = Capture::new(spec.output_cap);
    let status = tokio::select! {
        biased;
        () = cancel.cancelled() => RunStatus::Cancelled,
        () = tokio::time::sleep(spec.timeout) => RunStatus::TimedOut,
        ended = watch(&mut running.child, &mut output, &mut capture) => {
            status_of(ended.map_err(lost)?, &spec.sandbox)
        }
    };
    running.end().await;
    drain(&mut output, &mut capture).await;
    let put_back = put_back(before).await;
    let omitted = capture.omitted();
    let finished = Finished {
        status,
        output: capture.into_text(),
        omitted,
        duration: started.elapsed(),
        put_back,
    };
    sandbox_failure(spec, &finished).map_or(Ok(finished), Err)
}

/// A container is no child of ours; git is looked after as everywhere, also when the command is lost
/// from sight.
async fn in_container(
    docker: &DockerSandbox,
    spec: &CommandSpec,
    cancel: &CancellationToken,
) -> Result<Finished, RunError> {
    let before = picture(spec).await;
    let ran = docker.run(spec, cancel).await;
    let put_back = put_back(before).await;
    ran.map(|finished| Finished {
        put_back,
        ..finished
    })
}

/// The program with its arguments.
fn command_line(spec: &CommandSpec) -> Result<Vec<OsString>, RunError> {
    let path = spec.env.iter().find(|(name, _)| name == "PATH");
    let path = path.map_or(OsStr::new(""), |(_, path)| path);
    let line = match &spec.command {
        CommandLine::Program(words) => words.clone(),
        CommandLine::Shell(line) => {
            let bash = find_program(path, "bash");
            let shell = bash.unwrap_or_else(|| PathBuf::from("/bin/sh"));
            vec![shell.into(), "-c".into(), line.into()]
        }
    };
    match line.first().is_none_or(|program| program.is_empty()) {
        true => Err(RunError::Empty),
        false => Ok(line),
    }
}

/// What git would run in the workspace, before the command; nothing is kept for one that the user
/// wants to run without a sandbox.
async fn picture(spec: &CommandSpec) -> Option<Picture> {
    if !spec.sandbox.is_contained() {
        return None;
    }
    let workspace = spec.workspace.clone();
    let taken = tokio::task::spawn_blocking(move || Picture::take(&workspace));
    taken.await.ok()
}

async fn put_back(before: Option<Picture>) -> Vec<String> {
    let Some(before) = before else {
        return Vec::new();
    };
    let done = tokio::task::spawn_blocking(move || before.put_back());
    done.await.unwrap_or_default()
}

/// Ends of pipes that stay with us while the command runs.
type Ends = Option<PipeWriter>;

fn prepare(spec: &CommandSpec, wrapped: &Wrapped) -> io::Result<(PipeReader, Ends, Command)> {
    // One pipe for both, so that the output stays in the order in which it was written.
    let (reader, writer) = io::pipe()?;
    let (input, ends) = match wrapped.watches_input {
        true => {
            let (input, end) = io::pipe()?;
            (Stdio::from(input), Some(end))
        }
        false => (Stdio::null(), None),
    };
    let mut command = Command::new(&wrapped.line[0]);
    let env = spec.env.iter().chain(&wrapped.env);
    command
        .args(&wrapped.line[1..])
        .env_clear()
        .envs(env.map(|(name, value)| (name, value)))
        .env(LABEL, &spec.label)
        .current_dir(&spec.cwd)
        .stdin(input)
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .kill_on_drop(true);
    Ok((reader, ends, command))
}

fn receiver(reader: PipeReader) -> io::Result<Receiver> {
    Receiver::from_owned_fd(OwnedFd::from(reader))
}

/// A process and everything it started; ends with this value.
struct Running {
    child: Child,
    group: Option<Pid>,
    label: String,
    /// When they close, a supervisor knows that we are gone.
    _ends: Ends,
    /// Keeps the thread that started it.
    _thread: mpsc::Sender<()>,
}

impl Running {
    /// Starts it in a thread of its own that stays until the run is over: the sandbox dies with
    /// the *thread* that started it, and threads of a pool come and go.
    async fn start(mut command: Command, label: String, ends: Ends) -> io::Result<Self> {
        let (started, child) = oneshot::channel();
        let (thread, stay) = mpsc::channel::<()>();
        let runtime = tokio::runtime::Handle::current();
        let work = move || {
            let _inside = runtime.enter();
            let running = command.spawn().map(|child| Self {
                group: child
                    .id()
                    .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)),
                child,
                label,
                _ends: ends,
                _thread: thread,
            });
            // The command holds our end of the pipe.
            drop(command);
            // When nobody waits any more, the process is dropped here, and so ended.
            started.send(running).ok();
            stay.recv().ok();
        };
        std::thread::Builder::new()
            .name("loom-child".to_owned())
            .spawn(work)?;
        child.await.map_err(io::Error::other)?
    }

    /// Ends what is still there and takes note of its death.
    async fn end(&mut self) {
        self.kill();
        // A process that cannot die within the time is left to the system.
        tokio::time::timeout(DEATH_TIME, self.child.wait())
            .await
            .ok();
    }

    /// Ends the group, also after its leader is gone: its number stays taken while it has members.
    fn kill(&self) {
        if let Some(id) = self.child.id() {
            if let Some(group) = self.group {
                // Or a shell would still report the death of its children.
                kill_process_group(group, Signal::STOP).ok();
            }
            // First what is below it: what has left the group is still among these.
            kill_descendants(id);
        }
        if let Some(group) = self.group {
            // No such group: all of it is gone.
            kill_process_group(group, Signal::KILL).ok();
        }
        kill_survivors(&self.label);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads output until the process ends. Reads on when a limit is reached, so that it never waits
/// for us.
async fn watch(
    child: &mut Child,
    output: &mut Receiver,
    capture: &mut Capture,
) -> io::Result<ExitStatus> {
    let mut buffer = vec![0; 64 << 10];
    let mut open = true;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            read = output.read(&mut buffer), if open => match read? {
                0 => open = false,
                length => capture.push(&buffer[..length]),
            },
        }
    }
}

/// Reads what was written before the end.
async fn drain(output: &mut Receiver, capture: &mut Capture) {
    let mut buffer = vec![0; 64 << 10];
    let rest = async {
        while let Ok(length @ 1..) = output.read(&mut buffer).await {
            capture.push(&buffer[..length]);
        }
    };
    tokio::time::timeout(DRAIN_TIME, rest).await.ok();
}

fn status_of(status: ExitStatus, sandbox: &Sandbox) -> RunStatus {
    match (status.code(), status.signal()) {
        (Some(code), _) => sandbox.status_of(code),
        (None, signal) => RunStatus::Signal(signal.unwrap_or_default()),
    }
}

fn sandbox_failure(spec: &CommandSpec, finished: &Finished) -> Option<RunError> {
    let code = match finished.status {
        RunStatus::Exit(code) => code,
        RunStatus::Signal(_)
        | RunStatus::TimedOut
        | RunStatus::Cancelled
        | RunStatus::OutOfMemory => return None,
    };
    let failed = spec.sandbox.did_not_come_up(code, &finished.output);
    failed.then(|| RunError::Sandbox {
        complaint: finished
            .output
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    })
}
