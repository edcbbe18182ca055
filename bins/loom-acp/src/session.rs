//! A session: the directory it works in, its newest task, and the turn that is under way. None of it
//! is kept: what matters is with the service, and a session that is loaded is made again from there.

use crate::turn::Turn;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{SessionId, StopReason};
use agent_client_protocol::{Client, Error};
use loom_events::{Seq, TaskId};
use loomd::Way;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// A session of an editor.
pub(crate) struct Session {
    id: SessionId,
    cwd: PathBuf,
    state: Mutex<State>,
    /// Held while a prompt is heard.
    hearing: tokio::sync::Mutex<()>,
    /// Told when a task that was cancelled cannot be reached any more.
    gives_up: Notify,
}

#[derive(Default)]
struct State {
    /// The newest task, and the last of its events that was told.
    task: Option<(TaskId, Seq)>,
    /// How many tasks there were.
    made: usize,
    /// Whether the client cancelled the turn.
    cancelled: bool,
    /// The end of the turn that is under way, for everybody who waits for it.
    turn: Option<watch::Receiver<Option<StopReason>>>,
}

impl Session {
    /// One that may have tasks already: the newest of them, and how many there are.
    pub(crate) fn new(id: SessionId, cwd: PathBuf, tasks: Option<(TaskId, usize)>) -> Self {
        let state = State {
            task: tasks.map(|(newest, _)| (newest, Seq::ZERO)),
            made: tasks.map_or(0, |(_, count)| count),
            ..State::default()
        };
        Self {
            id,
            cwd,
            state: Mutex::new(state),
            hearing: tokio::sync::Mutex::default(),
            gives_up: Notify::new(),
        }
    }

    pub(crate) const fn id(&self) -> &SessionId {
        &self.id
    }

    pub(crate) fn cwd(&self) -> &Path {
        &self.cwd
    }

    pub(crate) async fn hearing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.hearing.lock().await
    }

    /// The newest task.
    pub(crate) fn task(&self) -> Option<TaskId> {
        self.state().task.map(|(task, _)| task)
    }

    /// The name of the next task among all tasks, the same until the session has it.
    pub(crate) fn key(&self) -> String {
        format!("acp-{}-{}", self.id, self.state().made)
    }

    pub(crate) fn has(&self, task: TaskId) {
        let mut state = self.state();
        state.task = Some((task, Seq::ZERO));
        state.made += 1;
    }

    /// The last event of a task that was told.
    pub(crate) fn told(&self, task: TaskId) -> Seq {
        let told = self.state().task;
        told.filter(|(of, _)| *of == task)
            .map_or(Seq::ZERO, |(_, seq)| seq)
    }

    pub(crate) fn tells(&self, task: TaskId, seq: Seq) {
        if let Some((of, told)) = &mut self.state().task
            && *of == task
        {
            *told = seq;
        }
    }

    /// A prompt begins: what was cancelled before is over.
    pub(crate) fn begins(&self) {
        self.state().cancelled = false;
    }

    pub(crate) fn cancels(&self) {
        self.state().cancelled = true;
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    pub(crate) fn gives_up(&self) {
        self.gives_up.notify_one();
    }

    pub(crate) async fn given_up(&self) {
        self.gives_up.notified().await;
    }

    /// Watches the newest task, unless that is done already; what comes back is the end of the turn.
    pub(crate) fn watch(
        self: &Arc<Self>,
        way: &Way,
        to: &ConnectionTo<Client>,
    ) -> Result<impl Future<Output = StopReason> + Send + use<>, Error> {
        let mut state = self.state();
        let running = state.turn.clone();
        let mut ended = match (running, state.task) {
            (Some(ended), _) => ended,
            (None, None) => watch::channel(Some(StopReason::EndTurn)).1,
            (None, Some((task, _))) => {
                let (ends, ended) = watch::channel(None);
                state.turn = Some(ended.clone());
                let turn = Turn::new(way.clone(), Arc::clone(self), to.clone(), task);
                let session = Arc::clone(self);
                to.spawn(async move {
                    let stop = turn.run().await;
                    session.state().turn = None;
                    ends.send_replace(Some(stop));
                    Ok(())
                })?;
                ended
            }
        };
        Ok(async move {
            match ended.wait_for(Option::is_some).await {
                Ok(stop) => stop.unwrap_or(StopReason::EndTurn),
                // The connection ends, and nobody is there to hear it.
                Err(_) => StopReason::Cancelled,
            }
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
