//! The life of one container, from its making to its removal.

use super::connect::{DockerSandbox, Engine};
use super::container;
use crate::process::capture::Capture;
use crate::process::survivors::kill_survivors;
use crate::process::{CommandLine, CommandSpec, Finished, RunError, RunStatus};
use bollard::Docker;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    AttachContainerOptions, CreateContainerOptions, KillContainerOptions, RemoveContainerOptions,
    WaitContainerOptions,
};
use futures_util::{Stream, StreamExt};
use std::fmt::Write as _;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long an engine may take for one request. Making a container takes tens of milliseconds, and
/// seconds on a slow disk with a storage driver that copies.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// How long what was written before the end is still read. Nobody can hold the output open, since
/// all processes are gone; the engine itself may be slow.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// What the engine sends of a container's output.
type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

impl DockerSandbox {
    /// Runs a command in a container of its own. When this future is dropped, the container is
    /// ended all the same: its life is a task of its own.
    pub(in crate::process) async fn run(
        &self,
        spec: &CommandSpec,
        cancel: &CancellationToken,
    ) -> Result<Finished, RunError> {
        let started = Instant::now();
        let life = Life {
            request: container::describe(self.engine(), spec)?,
            docker: self.clone(),
            name: name(),
            program: program(spec),
            label: spec.label.clone(),
            timeout: spec.timeout,
            output_cap: spec.output_cap,
        };
        let died = |source| RunError::Watch {
            program: program(spec),
            source,
        };
        let stop = cancel.child_token();
        let _stop_with_this_future = stop.clone().drop_guard();
        let lived = tokio::spawn(life.live(stop)).await;
        let (status, capture) = lived.map_err(|error| died(io::Error::other(error)))??;
        let omitted = capture.omitted();
        Ok(Finished {
            status,
            output: capture.into_text(),
            omitted,
            duration: started.elapsed(),
            // Whoever asked for the run looks after that.
            put_back: Vec::new(),
        })
    }
}

struct Life {
    request: ContainerCreateBody,
    docker: DockerSandbox,
    name: String,
    program: String,
    label: String,
    timeout: Duration,
    output_cap: usize,
}

impl Life {
    fn client(&self) -> &Docker {
        &self.docker.engine().client
    }

    async fn live(self, stop: CancellationToken) -> Result<(RunStatus, Capture), RunError> {
        let ended = self.work(&stop).await;
        let Err(why) = end(self.client(), &self.name).await else {
            return ended;
        };
        // What the host can see of it.
        kill_survivors(&self.label);
        match ended {
            Ok((RunStatus::TimedOut | RunStatus::Cancelled, _)) => Err(self.lost(&why)),
            // One that ended by itself does nothing any more; it is removed by its label later.
            ended => ended,
        }
    }

    async fn work(&self, stop: &CancellationToken) -> Result<(RunStatus, Capture), RunError> {
        let mut capture = Capture::new(self.output_cap);
        if stop.is_cancelled() {
            return Ok((RunStatus::Cancelled, capture));
        }
        let not_up = |complaint| RunError::Sandbox { complaint };
        let client = self.client();
        let options = CreateContainerOptions {
            name: Some(self.name.clone()),
            ..CreateContainerOptions::default()
        };
        let create = client.create_container(Some(options), self.request.clone());
        in_time(REQUEST_TIME, create).await.map_err(not_up)?;
        // Before the start, so that nothing of the output is missed.
        let mut output = self.attach().await.map_err(not_up)?;
        if stop.is_cancelled() {
            return Ok((RunStatus::Cancelled, capture));
        }
        self.start().await?;
        let status = tokio::select! {
            biased;
            () = stop.cancelled() => RunStatus::Cancelled,
            () = tokio::time::sleep(self.timeout) => RunStatus::TimedOut,
            ended = self.watch(&mut output, &mut capture) => ended.map_err(|why| self.lost(&why))?,
        };
        if matches!(status, RunStatus::Cancelled | RunStatus::TimedOut) {
            kill(client, &self.name).await.ok();
        }
        drain(&mut output, &mut capture).await;
        Ok((status, capture))
    }

    async fn start(&self) -> Result<(), RunError> {
        let start = self.client().start_container(&self.name, None);
        match tokio::time::timeout(REQUEST_TIME, start).await {
            Ok(Ok(())) => Ok(()),
            // Only when the engine says so, it did not run.
            Ok(Err(error @ Error::DockerResponseServerError { .. })) => Err(RunError::Sandbox {
                complaint: complaint(&error),
            }),
            Ok(Err(error)) => Err(self.lost(&complaint(&error))),
            Err(_) => Err(self.lost("it does not answer")),
        }
    }

    async fn attach(&self) -> Result<Output, String> {
        let options = AttachContainerOptions {
            stream: true,
            stdout: true,
            ..AttachContainerOptions::default()
        };
        let attach = self.client().attach_container(&self.name, Some(options));
        let AttachContainerResults { output, .. } = in_time(REQUEST_TIME, attach).await?;
        Ok(output)
    }

    /// Reads output until the container ends. Reads on when a limit is reached, so that it never
    /// waits for us.
    async fn watch(&self, output: &mut Output, capture: &mut Capture) -> Result<RunStatus, String> {
        let options = WaitContainerOptions::default();
        let mut exit = pin!(self.client().wait_container(&self.name, Some(options)));
        let mut open = true;
        loop {
            tokio::select! {
                ended = exit.next() => {
                    let code = exit_code(ended)?;
                    return Ok(self.status(code).await);
                }
                piece = output.next(), if open => match piece {
                    Some(Ok(piece)) => take(capture, &piece),
                    Some(Err(error)) => return Err(complaint(&error)),
                    None => open = false,
                },
            }
        }
    }

    /// How it ended, by the code that the first process made of it.
    async fn status(&self, code: i32) -> RunStatus {
        if code != 0 && self.docker.engine().memory.is_some() && self.ran_out_of_memory().await {
            return RunStatus::OutOfMemory;
        }
        match code {
            129..=159 => RunStatus::Signal(code - 128),
            _ => RunStatus::Exit(code),
        }
    }

    async fn ran_out_of_memory(&self) -> bool {
        let inspect = self.client().inspect_container(&self.name, None);
        let seen = in_time(REQUEST_TIME, inspect).await;
        let state = seen.ok().and_then(|seen| seen.state);
        state.and_then(|state| state.oom_killed).unwrap_or(false)
    }

    fn lost(&self, why: &str) -> RunError {
        let Engine { socket, kind, .. } = self.docker.engine();
        let message = format!(
            "the engine at {} failed ({why}); if its container still runs, `{} rm --force {}` ends it",
            socket.display(),
            kind.program(),
            self.name
        );
        RunError::Watch {
            program: self.program.clone(),
            source: io::Error::other(message),
        }
    }
}

/// Kills a container and removes it; one that is not there is no error.
pub(super) async fn end(client: &Docker, name: &str) -> Result<(), String> {
    // First: a removal alone may ask the processes to end, and wait.
    kill(client, name).await.ok();
    let options = RemoveContainerOptions {
        force: true,
        // Those that the image declares, made for this container alone.
        v: true,
        ..RemoveContainerOptions::default()
    };
    let remove = client.remove_container(name, Some(options));
    match tokio::time::timeout(REQUEST_TIME, remove).await {
        Ok(Err(Error::DockerResponseServerError {
            status_code: 404, ..
        }))
        | Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(complaint(&error)),
        Err(_) => Err("it does not answer".to_owned()),
    }
}

async fn kill(client: &Docker, name: &str) -> Result<(), String> {
    let options = KillContainerOptions::default();
    in_time(REQUEST_TIME, client.kill_container(name, Some(options))).await
}

/// The answer to a request, or what is wrong.
pub(super) async fn in_time<T>(
    time: Duration,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, String> {
    match tokio::time::timeout(time, request).await {
        Ok(answer) => answer.map_err(|error| complaint(&error)),
        Err(_) => Err(format!("no answer in {} s", time.as_secs())),
    }
}

/// What the engine said, or the whole chain of what went wrong on the way to it.
pub(super) fn complaint(error: &Error) -> String {
    if let Error::DockerResponseServerError { message, .. } = error {
        return message.trim().to_owned();
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        write!(text, ": {error}").ok();
        cause = error.source();
    }
    text
}

fn exit_code(
    ended: Option<Result<bollard::models::ContainerWaitResponse, Error>>,
) -> Result<i32, String> {
    let code = match ended {
        Some(Ok(answer)) => answer.status_code,
        Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
        Some(Err(error)) => return Err(complaint(&error)),
        None => return Err("it hung up".to_owned()),
    };
    match i32::try_from(code) {
        Ok(code @ 0..) => Ok(code),
        _ => Err(format!("it reports the exit status {code}")),
    }
}

/// Only the standard output is the command's: see [`container`].
fn take(capture: &mut Capture, piece: &LogOutput) {
    if let LogOutput::StdOut { message } = piece {
        capture.push(message);
    }
}

/// Reads what was written before the end.
async fn drain(output: &mut Output, capture: &mut Capture) {
    let rest = async {
        while let Some(Ok(piece)) = output.next().await {
            take(capture, &piece);
        }
    };
    tokio::time::timeout(DRAIN_TIME, rest).await.ok();
}

/// A name that no other container has, also none that a crash has left.
fn name() -> String {
    let random = std::hash::RandomState::new().build_hasher().finish();
    format!("loom-{random:016x}")
}

fn program(spec: &CommandSpec) -> String {
    match &spec.command {
        CommandLine::Shell(_) => "sh".to_owned(),
        CommandLine::Program(words) => words
            .first()
            .map_or_else(String::new, |program| program.display().to_string()),
    }
}
