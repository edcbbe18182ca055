//! Waiting for a task: until it ends, nothing goes on without an answer, or time is up. The service
//! may be restarted meanwhile, elsewhere too; the connection to the client may not, and then the task
//! goes on by itself.

use crate::ask;
use crate::caller::{Asking, Caller};
use crate::progress::{APART, Meter};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use loom_client::wire::Task;
use loom_client::{Client, ClientError, Followed};
use loom_events::{Event, QuestionId, TaskId};
use loom_view::TaskStatus;
use loomd::{Clients, ConnectError, WayError};
use rmcp::RoleServer;
use rmcp::model::{ClientResult, ServerRequest};
use rmcp::service::{PeerRequestOptions, RequestHandle};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// How long a service may be away before the caller is told: long enough for a restart.
const AWAY: Duration = Duration::from_secs(60);

/// Why waiting ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The task has ended.
    Ended,
    /// These questions must be put to the human by answering the call with them.
    Ask(Vec<QuestionId>),
    /// Nothing goes on until somebody does something.
    Stuck,
    /// Time is up, and the task goes on.
    Time,
    /// The client cancelled the call or has gone.
    Cancelled,
}

/// What is waited for.
pub(crate) struct Wait {
    pub(crate) task: TaskId,
    /// None means as long as it takes.
    pub(crate) limit: Option<Duration>,
    /// Questions that the human was asked and left open; they are not asked again.
    pub(crate) left: BTreeSet<QuestionId>,
    /// Questions that were answered, and stay open until the answer has come through.
    pub(crate) given: BTreeSet<QuestionId>,
}

impl Wait {
    /// For a task, nothing asked so far.
    pub(crate) fn new(task: TaskId, limit: Option<Duration>) -> Self {
        Self {
            task,
            limit,
            left: BTreeSet::new(),
            given: BTreeSet::new(),
        }
    }
}

/// A form that is before the human.
struct Open {
    question: QuestionId,
    handle: RequestHandle<RoleServer>,
}

/// What happens in the task, as one service tells it.
struct Stream {
    /// The address of that service.
    at: String,
    items: BoxStream<'static, Result<Followed, ClientError>>,
    /// Whether it has nothing more to say.
    ended: bool,
}

impl Stream {
    fn open(client: &Client, task: &Task) -> Self {
        Self {
            at: client.url(),
            items: client.follow(task.task_id, task.view.last_seq).boxed(),
            ended: false,
        }
    }

    async fn next(&mut self) -> Option<Result<Followed, ClientError>> {
        if self.ended {
            return std::future::pending().await;
        }
        let item = self.items.next().await;
        self.ended = item.is_none();
        item
    }
}

/// Waits, and tells the client how it goes.
pub(crate) async fn wait(caller: &Caller, wait: Wait) -> Result<(Task, Stop), WayError> {
    let task = caller.service().task(&wait.task.to_string()).await?;
    let stream = Stream::open(&caller.service().client().await?, &task);
    let mut waiting = Waiting {
        meter: Meter::new(caller.peer(), caller.progress_token()),
        caller,
        left: wait.left,
        given: wait.given,
        task,
        stream,
        open: None,
        look: None,
        gone: None,
    };
    let until = wait.limit.map(|limit| Instant::now() + limit);
    let stop = waiting.run(until).await;
    waiting.withdraw("nobody waits for it any more").await;
    let stop = stop?;
    if stop == Stop::Time {
        waiting.refresh().await?;
    }
    Ok((waiting.task, stop))
}

struct Waiting<'a> {
    caller: &'a Caller,
    meter: Meter,
    task: Task,
    stream: Stream,
    left: BTreeSet<QuestionId>,
    given: BTreeSet<QuestionId>,
    open: Option<Open>,
    /// When the task is to be looked at again, since something happened.
    look: Option<Instant>,
    /// Since when the service is away.
    gone: Option<Instant>,
}

impl Waiting<'_> {
    async fn run(&mut self, until: Option<Instant>) -> Result<Stop, WayError> {
        loop {
            self.meter.tell(&self.task).await;
            if let Some(stop) = self.stands().await {
                return Ok(stop);
            }
            tokio::select! {
                () = self.caller.context.ct.cancelled() => return Ok(Stop::Cancelled),
                () = self.caller.shared.stop.cancelled() => return Ok(Stop::Cancelled),
                () = at(until) => return Ok(Stop::Time),
                () = at(self.meter.due()) => {}
                () = at(self.look) => self.refresh().await?,
                answer = answer(&mut self.open) => self.answered(answer).await,
                item = self.stream.next() => self.happened(item).await?,
            }
        }
    }

    /// Whether there is something to wait for, and whether somebody must be asked.
    async fn stands(&mut self) -> Option<Stop> {
        let status = self.task.view.status;
        if status.is_final() {
            return Some(Stop::Ended);
        }
        if status == TaskStatus::Paused {
            return Some(Stop::Stuck);
        }
        let open = &self.task.view.questions;
        let is_open = |id: QuestionId| open.iter().any(|one| one.id == id);
        if self
            .open
            .as_ref()
            .is_some_and(|form| !is_open(form.question))
        {
            self.withdraw("it was answered elsewhere").await;
        }
        let open = &self.task.view.questions;
        let new: Vec<QuestionId> = open
            .iter()
            .map(|one| one.id)
            .filter(|id| !self.left.contains(id) && !self.given.contains(id))
            .collect();
        let pending = open.iter().any(|one| self.given.contains(&one.id));
        let nothing_goes = status == TaskStatus::WaitingApproval;
        match (self.caller.asking(), new.is_empty()) {
            (Asking::Return, false) => return Some(Stop::Ask(new)),
            (Asking::Now, false) => self.ask(&new).await,
            (Asking::Now | Asking::Return, true) | (Asking::Never, _) => {}
        }
        (nothing_goes && self.open.is_none() && !pending).then_some(Stop::Stuck)
    }

    /// Puts the first question before the human, unless one is there.
    async fn ask(&mut self, new: &[QuestionId]) {
        if self.open.is_some() {
            return;
        }
        let first = self
            .task
            .view
            .questions
            .iter()
            .find(|one| new.contains(&one.id));
        let Some(view) = first else { return };
        let request = ServerRequest::ElicitRequest(ask::request(view));
        let options = PeerRequestOptions::no_options();
        let sent = self
            .caller
            .peer()
            .send_cancellable_request(request, options);
        match sent.await {
            Ok(handle) => {
                let question = view.id;
                self.open = Some(Open { question, handle });
            }
            Err(error) => {
                tracing::warn!(%error, "the client could not be asked");
                self.left.insert(view.id);
            }
        }
    }

    /// Takes a form away again.
    async fn withdraw(&mut self, why: &str) {
        let Some(form) = self.open.take() else { return };
        if let Err(error) = form.handle.cancel(Some(why.to_owned())).await {
            tracing::debug!(%error, "a question could not be withdrawn");
        }
    }

    async fn answered(&mut self, answer: Option<ClientResult>) {
        let Some(form) = self.open.take() else { return };
        let open = &self.task.view.questions;
        let view = open.iter().find(|one| one.id == form.question);
        let decided = match (view, answer) {
            (Some(view), Some(ClientResult::ElicitResult(result))) => ask::decided(view, &result),
            _ => None,
        };
        let Some(response) = decided else {
            self.left.insert(form.question);
            return;
        };
        let service = self.caller.service();
        match ask::give(service, self.task.task_id, form.question, response).await {
            Ok(()) => self.given.insert(form.question),
            Err(error) => {
                // Somebody else may have answered first: the task says how it stands.
                tracing::warn!(error = %error.sentence(), "an answer was not taken");
                self.left.insert(form.question)
            }
        };
        self.look = Some(Instant::now());
    }

    async fn happened(
        &mut self,
        item: Option<Result<Followed, ClientError>>,
    ) -> Result<(), WayError> {
        match item {
            Some(Ok(Followed::Record(record))) => {
                self.gone = None;
                let event = &record.envelope.event;
                let now = event.is_terminal() || matches!(event, Event::ApprovalRequested { .. });
                let wait = if now { Duration::ZERO } else { APART };
                self.look.get_or_insert(Instant::now() + wait);
                if now {
                    self.look = Some(Instant::now());
                }
                Ok(())
            }
            Some(Ok(Followed::Live(_))) => Ok(()),
            Some(Ok(Followed::Online)) => {
                self.gone = None;
                self.look.get_or_insert(Instant::now());
                Ok(())
            }
            Some(Ok(Followed::Offline(error))) => self.away(error.into()).await,
            Some(Err(error)) => match error.may_pass()
                || matches!(error, ClientError::Refused { status: 401, .. })
            {
                true => self.away(error.into()).await,
                false => Err(error.into()),
            },
            // Everything was told; what there is to know is in the task.
            None => {
                self.look = Some(Instant::now());
                Ok(())
            }
        }
    }

    /// The service does not answer: it is looked for, for a while.
    async fn away(&mut self, error: WayError) -> Result<(), WayError> {
        let since = *self.gone.get_or_insert_with(Instant::now);
        if since.elapsed() >= AWAY {
            return Err(error);
        }
        match self.caller.service().look_again().await {
            // It listens elsewhere now.
            Ok(Clients { agent, .. }) if agent.url() != self.stream.at => {
                self.stream = Stream::open(&agent, &self.task);
                self.look = Some(Instant::now());
            }
            Ok(_) => {}
            Err(WayError::Connect(ConnectError::NotRunning(_))) => {}
            Err(error) => tracing::debug!(error = %error.sentence(), "the service was not found"),
        }
        Ok(())
    }

    async fn refresh(&mut self) -> Result<(), WayError> {
        self.look = None;
        match self
            .caller
            .service()
            .task(&self.task.task_id.to_string())
            .await
        {
            Ok(task) => {
                self.gone = None;
                self.task = task;
                if self.stream.ended && !self.task.view.status.is_final() {
                    let client = self.caller.service().client().await?;
                    self.stream = Stream::open(&client, &self.task);
                }
                Ok(())
            }
            Err(WayError::Client(error)) if !error.may_pass() => Err(error.into()),
            // The stream goes on trying, and says when it is back.
            Err(error) => {
                self.look = Some(Instant::now() + APART);
                self.away(error).await
            }
        }
    }
}

/// A point in time; none never comes.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// What the human answered; none when the client could not ask.
async fn answer(open: &mut Option<Open>) -> Option<ClientResult> {
    match open {
        None => std::future::pending().await,
        Some(form) => match (&mut form.handle.rx).await {
            Ok(Ok(result)) => Some(result),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the client could not ask");
                None
            }
            Err(_) => None,
        },
    }
}
