//! The imperative shell around the kernel, one loop: step, append in one commit, start and stop
//! effects, wait for an outcome, a command or the wake-up time. It decides nothing.
//!
//! A runner can be dropped at any await point and started again from the journal without losing or
//! repeating an acknowledged effect.

use crate::broken::chain;
use crate::effects::{self, Signals};
use crate::engine::SubmitError;
use crate::ledger::Ledger;
use crate::queue::{Standing, Ticket};
use crate::redact;
use crate::shared::{Shared, TaskPlace};
use loom_events::{Command, EffectId, Failure, FailureClass, Note, Outcome, Seq, TaskId};
use loom_kernel::{Batch, Input, Rejection, Start, StepError};
use loom_state::{AppendError, ReadError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Messages that wait for a runner. Outcomes and notes are at most one or two for each effect in
/// flight, and commands come from people, so this is never full in practice; when it is, senders wait.
pub(crate) const INBOX: usize = 64;

/// Longest wait for effects to end at a shutdown. What has not ended then is in doubt on the next start.
/// With the farewell of a service to its clients it stays below ten seconds.
const DRAIN: Duration = Duration::from_secs(7);

/// Records read at a time while a task is folded.
const PAGE: usize = 1_000;

/// What reaches a runner.
pub(crate) enum Inbox {
    Command(Command, oneshot::Sender<Result<(), CommandRefused>>),
    Note(EffectId, Note, oneshot::Sender<Result<(), NoteRefused>>),
    Outcome(EffectId, Outcome),
    Shutdown,
}

/// A command that the task does not take in its state.
#[derive(Debug, thiserror::Error)]
pub enum CommandRefused {
    /// The kernel says no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The journal could not take it.
    #[error("the task has stopped running: its journal failed")]
    Journal,
}

/// A fact that came too late, or that could not be made durable: the effect must not go on.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("this effect was superseded")]
pub(crate) struct NoteRefused;

/// Why a runner ended before its task did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// The journal did not take a batch.
    #[error("write the journal of task {task}")]
    Append {
        /// The task.
        task: TaskId,
        /// The cause.
        #[source]
        source: AppendError,
    },
    /// The journal could not be read.
    #[error("read the journal of task {task}")]
    Read {
        /// The task.
        task: TaskId,
        /// The cause.
        #[source]
        source: ReadError,
    },
    /// The journal holds what cannot have happened.
    #[error("fold the journal of task {task}: {message}")]
    Impossible {
        /// The task.
        task: TaskId,
        /// What.
        message: String,
    },
    /// A bug of ours: it panicked, and again when it was begun again.
    #[error("run task {task}: {message}")]
    Died {
        /// The task.
        task: TaskId,
        /// What the panic said.
        message: String,
    },
}

/// The way to a running task.
#[derive(Clone)]
pub(crate) struct RunnerHandle {
    pub(crate) inbox: mpsc::Sender<Inbox>,
}

/// One running task.
pub(crate) struct Runner<'a> {
    task: TaskId,
    shared: Arc<Shared>,
    place: Arc<TaskPlace>,
    ledger: Ledger,
    inbox: &'a mut mpsc::Receiver<Inbox>,
    sender: mpsc::Sender<Inbox>,
    running: HashMap<EffectId, CancellationToken>,
    /// The effects themselves: they end with the runner.
    jobs: JoinSet<()>,
    wake_at: Option<loom_events::Time>,
    conversations: effects::Conversations,
}

impl<'a> Runner<'a> {
    /// Makes a runner over a folded journal.
    pub(crate) fn new(
        task: TaskId,
        shared: Arc<Shared>,
        place: Arc<TaskPlace>,
        ledger: Ledger,
        (sender, inbox): (mpsc::Sender<Inbox>, &'a mut mpsc::Receiver<Inbox>),
    ) -> Self {
        Self {
            task,
            shared,
            place,
            ledger,
            inbox,
            sender,
            running: HashMap::new(),
            jobs: JoinSet::new(),
            wake_at: None,
            conversations: effects::Conversations::default(),
        }
    }

    /// Runs the task to its end, or to a shutdown. `first` is the input that begins it here;
    /// `accepted` hears whether it was taken; `turn` is held to the end: two tasks never write one
    /// workspace at the same time.
    pub(crate) async fn run(
        mut self,
        first: Input,
        accepted: Option<oneshot::Sender<Result<(), SubmitError>>>,
        mut turn: Ticket,
    ) -> Result<(), RunnerError> {
        let behind = turn.behind();
        let first = match behind {
            Some(behind) => queued(first, behind),
            None => first,
        };
        match (self.feed(&first).await, accepted) {
            (Ok(taken), Some(accepted)) => {
                // Whoever submitted may have gone; the task is there all the same.
                let _gone = accepted.send(taken.map_err(SubmitError::Rejected));
            }
            (Ok(Ok(())), None) => {}
            (Ok(Err(refused)), None) => {
                tracing::error!(task = %self.task, %refused, "a runner's first input was refused");
            }
            (Err(error), accepted) => return Err(self.stillborn(error, accepted)),
        }
        // A refused creation leaves an empty journal, and nothing to run.
        if self.ledger.state.last_seq() == Seq::ZERO {
            return Ok(());
        }
        if behind.is_some() && !self.come_to_turn(&mut turn).await? {
            return Ok(());
        }
        while !self.ledger.state.is_done() {
            let Some(message) = self.wait().await else {
                self.feed_quietly(&Input::Tick).await?;
                continue;
            };
            match message {
                Inbox::Command(command, reply) => self.obey(command, reply).await?,
                Inbox::Note(id, note, ack) => {
                    let outcome = self.feed(&Input::Note { id, note }).await?;
                    let _gone = ack.send(outcome.map_err(|_| NoteRefused));
                }
                Inbox::Outcome(id, outcome) => {
                    self.running.remove(&id);
                    self.feed_quietly(&Input::Outcome { id, outcome }).await?;
                }
                Inbox::Shutdown => return self.drain().await,
            }
        }
        self.write_state_file().await;
        self.sweep_forks().await;
        if let Err(error) = self.place.clear_scratch() {
            tracing::warn!(task = %self.task, %error, "the scratch directory was not removed");
        }
        // Whoever waits for the directory need not wait for what is learned.
        drop(turn);
        if self.ledger.state.settings().learning {
            self.shared.learning.harvest(&self.shared, self.task).await;
        }
        Ok(())
    }

    /// Waits in the line; commands are taken meanwhile, and nothing runs. Whether its turn came: not
    /// after a shutdown, and not when the task was cancelled and had nothing to put back.
    async fn come_to_turn(&mut self, turn: &mut Ticket) -> Result<bool, RunnerError> {
        while !self.ledger.state.is_done() {
            let message = tokio::select! {
                standing = turn.moved() => {
                    let input = match standing {
                        Standing::Behind(behind) => Input::Queue { first: None, behind },
                        Standing::Admitted => Input::Recover { build: self.shared.build.clone() },
                    };
                    self.feed_quietly(&input).await?;
                    if standing == Standing::Admitted {
                        return Ok(true);
                    }
                    continue;
                }
                message = self.inbox.recv() => message,
            };
            match message {
                Some(Inbox::Command(command, reply)) => self.obey(command, reply).await?,
                // Nothing runs that could say something.
                Some(Inbox::Note(_, _, ack)) => {
                    let _gone = ack.send(Err(NoteRefused));
                }
                Some(Inbox::Outcome(..)) => {}
                Some(Inbox::Shutdown) | None => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn obey(
        &mut self,
        command: Command,
        reply: oneshot::Sender<Result<(), CommandRefused>>,
    ) -> Result<(), RunnerError> {
        let outcome = self.feed(&Input::Command(command)).await;
        let answer = match &outcome {
            Ok(inner) => inner.clone().map_err(CommandRefused::Rejected),
            Err(_) => Err(CommandRefused::Journal),
        };
        // Whoever asked may have gone; the command counts all the same.
        let _gone = reply.send(answer);
        outcome?.ok();
        Ok(())
    }

    /// Tells the submitter why there is no task.
    fn stillborn(
        &self,
        error: RunnerError,
        accepted: Option<oneshot::Sender<Result<(), SubmitError>>>,
    ) -> RunnerError {
        if let Some(accepted) = accepted {
            let said = RunnerError::Impossible {
                task: self.task,
                message: chain(&error),
            };
            let _gone = accepted.send(Err(SubmitError::Runner(said)));
        }
        error
    }

    /// Waits for a message or the wake-up time (then `None`).
    async fn wait(&mut self) -> Option<Inbox> {
        let sleep = self
            .wake_at
            .map(|at| at.since(self.shared.clock.now()).max(MIN_NAP));
        match sleep {
            // The sender that this runner keeps makes `None` from `recv` impossible.
            None => self.inbox.recv().await,
            Some(nap) => tokio::time::timeout(nap, self.inbox.recv())
                .await
                .ok()
                .flatten(),
        }
    }

    /// One turn of the loop: decide, make durable, act.
    async fn feed(&mut self, input: &Input) -> Result<Result<(), Rejection>, RunnerError> {
        let expected = self.ledger.state.last_seq();
        let now = self.shared.clock.now();
        let input = &redact::input(&self.shared.redactor, input.clone());
        let batch = match loom_kernel::step(&mut self.ledger.state, input, now) {
            Ok(batch) => batch,
            Err(StepError::Rejected(rejection)) => return Ok(Err(rejection)),
            Err(StepError::Impossible(bug)) => {
                return Err(RunnerError::Impossible {
                    task: self.task,
                    message: bug.to_string(),
                });
            }
        };
        self.commit(expected, &batch).await?;
        self.wake_at = batch.wake_at;
        for id in &batch.stop {
            if let Some(token) = self.running.get(id) {
                token.cancel();
            }
        }
        for start in batch.start {
            self.start(start);
        }
        Ok(Ok(()))
    }

    /// For outcomes and ticks, whose rejection is normal: the effect belongs to the past.
    async fn feed_quietly(&mut self, input: &Input) -> Result<(), RunnerError> {
        if let Err(rejection) = self.feed(input).await? {
            tracing::debug!(task = %self.task, %rejection, "an outcome came too late");
        }
        Ok(())
    }

    async fn commit(&mut self, expected: Seq, batch: &Batch) -> Result<(), RunnerError> {
        if batch.events.is_empty() {
            return Ok(());
        }
        let callback = self.ledger.callback.as_deref();
        let now = self.shared.clock.now();
        let outbox = self.shared.webhooks.reports(&batch.events, callback, now);
        let tells = !outbox.is_empty();
        let records = self
            .shared
            .journal
            .append_with(self.task, expected, batch.events.clone(), outbox)
            .await
            .map_err(|source| RunnerError::Append {
                task: self.task,
                source,
            })?;
        if tells {
            self.shared.outbox.notify_one();
        }
        let (mut shown, mut vacant) = (false, false);
        for record in &records {
            self.ledger.note(record);
            self.shared.counts.note(&record.envelope.event);
            shown |= changes_state_view(&record.envelope.event);
            vacant |= leaves_a_fork(&record.envelope.event);
        }
        if vacant {
            self.remove_forks();
        }
        if shown {
            self.write_state_file().await;
        }
        Ok(())
    }

    /// Starts an effect. Its input is taken from the ledger now, so it runs on its own.
    fn start(&mut self, start: Start) {
        let token = CancellationToken::new();
        self.running.insert(start.id, token.clone());
        let signals = Signals::new(
            self.task,
            start.id,
            self.sender.clone(),
            Arc::clone(&self.shared),
            token,
        );
        let job = effects::job(
            &self.ledger,
            &start,
            &self.conversations,
            Arc::clone(&self.shared),
            Arc::clone(&self.place),
            signals,
        );
        let sender = self.sender.clone();
        let id = start.id;
        // Two tasks: a panic in an effect is a bug, and even then the effect has an outcome.
        let work = AbortOnDropHandle::new(self.shared.spawn(job));
        while self.jobs.try_join_next().is_some() {}
        self.jobs.spawn(async move {
            let outcome = work.await.unwrap_or_else(|died| {
                Outcome::Failed(Failure {
                    class: FailureClass::Environment,
                    message: format!("BUG: an effect ended without an outcome: {died}"),
                    retry_after_ms: None,
                })
            });
            // No receiver: the runner has ended, and the effect is in doubt on the next start.
            let _gone = sender.send(Inbox::Outcome(id, outcome)).await;
        });
    }

    /// Ends at the next boundary: stops every effect, books those that come to a real end.
    async fn drain(mut self) -> Result<(), RunnerError> {
        for token in self.running.values() {
            token.cancel();
        }
        let deadline = tokio::time::Instant::now() + DRAIN;
        while !self.running.is_empty() {
            let Ok(Some(message)) = tokio::time::timeout_at(deadline, self.inbox.recv()).await
            else {
                break;
            };
            match message {
                // An interrupted effect stays in doubt, which is what it is.
                Inbox::Outcome(id, Outcome::Interrupted { .. }) => {
                    self.running.remove(&id);
                }
                Inbox::Outcome(id, outcome) => {
                    self.running.remove(&id);
                    self.book(&Input::Outcome { id, outcome }).await?;
                }
                Inbox::Note(id, note, ack) => {
                    let taken = self.book(&Input::Note { id, note }).await?;
                    let _gone = ack.send(if taken { Ok(()) } else { Err(NoteRefused) });
                }
                Inbox::Command(_, reply) => {
                    let _gone = reply.send(Err(CommandRefused::Journal));
                }
                Inbox::Shutdown => {}
            }
        }
        Ok(())
    }

    /// Books an input and starts nothing: what would start is in doubt, and asked for again later.
    async fn book(&mut self, input: &Input) -> Result<bool, RunnerError> {
        let expected = self.ledger.state.last_seq();
        let now = self.shared.clock.now();
        let input = &redact::input(&self.shared.redactor, input.clone());
        let Ok(batch) = loom_kernel::step(&mut self.ledger.state, input, now) else {
            return Ok(false);
        };
        self.commit(expected, &batch).await?;
        Ok(true)
    }

    /// Removes the forks that nothing works in any more, beside the work.
    fn remove_forks(&mut self) {
        let Some(workspace) = self.place.workspace.clone() else {
            return;
        };
        let state = &self.ledger.state;
        if state.settings().max_parallel_subtasks <= 1 && !state.may_compare() {
            return;
        }
        let (dead, place) = (self.ledger.dead_forks(), Arc::clone(&self.place));
        self.jobs.spawn(async move {
            if let Err(error) = place.forks.remove(dead, &workspace).await {
                tracing::warn!(error = chain(&error), "a fork was not removed");
            }
        });
    }

    /// Removes every fork: the task has ended, and nothing works in one.
    async fn sweep_forks(&mut self) {
        while self.jobs.join_next().await.is_some() {}
        let store = Arc::clone(&self.shared.store);
        if let Err(error) = self.place.forks.sweep(store, |_| false).await {
            tracing::warn!(task = %self.task, error = chain(&error), "forks were not removed");
        }
    }

    /// Layer 1 as a file, for people: a view, never read back.
    async fn write_state_file(&self) {
        let text = loom_prompts::state_yaml(&effects::task_state(&self.ledger, None));
        if let Err(error) = self.place.write_state(text).await {
            tracing::warn!(task = %self.task, %error, "state.yaml could not be written");
        }
    }
}

/// The input that begins a task whose turn has not come.
fn queued(first: Input, behind: TaskId) -> Input {
    let first = match first {
        Input::Command(command) => Some(command),
        // It is said when its turn comes.
        Input::Recover { .. }
        | Input::Queue { .. }
        | Input::Abandon { .. }
        | Input::Outcome { .. }
        | Input::Note { .. }
        | Input::Tick => None,
    };
    Input::Queue { first, behind }
}

/// A wake-up time in the past must not make the loop spin when the clock of the kernel stands still.
const MIN_NAP: Duration = Duration::from_millis(1);

/// Folds a task's journal.
pub(crate) async fn fold(shared: &Shared, task: TaskId) -> Result<Ledger, RunnerError> {
    let mut ledger = Ledger::new(task);
    loop {
        let after = ledger.state.last_seq();
        let page = shared
            .journal
            .read(task, after, PAGE)
            .await
            .map_err(|source| RunnerError::Read { task, source })?;
        if page.is_empty() {
            return Ok(ledger);
        }
        ledger
            .replay(&page)
            .map_err(|bug| RunnerError::Impossible {
                task,
                message: bug.to_string(),
            })?;
    }
}

/// Whether an event may be the last thing that a fork was needed for.
const fn leaves_a_fork(event: &loom_events::Event) -> bool {
    use loom_events::Event;
    matches!(
        event,
        Event::AttemptEnded { .. } | Event::SubtaskCompleted { .. } | Event::SubtaskSkipped { .. }
    )
}

/// Whether an event changes what `state.yaml` shows.
const fn changes_state_view(event: &loom_events::Event) -> bool {
    use loom_events::Event;
    matches!(
        event,
        Event::TaskPlanReady { .. }
            | Event::SubtaskStarted { .. }
            | Event::ExecutionSetAside { .. }
            | Event::ExecutionsCompared { .. }
            | Event::SubtaskCompleted { .. }
            | Event::SubtaskFailed { .. }
            | Event::SubtaskBlocked { .. }
            | Event::SubtaskSkipped { .. }
            | Event::AttemptEnded { .. }
            | Event::ExtractionFinished { .. }
            | Event::SteerInstruction { .. }
    )
}
