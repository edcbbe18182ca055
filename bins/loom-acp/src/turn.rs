//! A task that is watched: what happens is told, and what Loom asks is put before the human, until the
//! task ends or nothing goes on without the human. The service may be restarted meanwhile, elsewhere
//! too; the connection to the editor may not, and then the task goes on by itself.

use crate::ask;
use crate::session::Session;
use crate::tell::{Teller, outcome, say, stop_reason};
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    RequestPermissionRequest, RequestPermissionResponse, SessionNotification, SessionUpdate,
    StopReason,
};
use agent_client_protocol::{Client as Editor, Error};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use loom_client::wire::AnswerRequest;
use loom_client::{Client, ClientError, Followed};
use loom_events::{Limit, QuestionId, Record, TaskId};
use loom_view::{QuestionView, TaskStatus, TaskView};
use loomd::{ConnectError, Way, WayError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a service may be away before the human is told: long enough for a restart.
const AWAY: Duration = Duration::from_secs(60);

/// How often it is looked for, when its stream says nothing of it.
const LOOK: Duration = Duration::from_millis(500);

/// A task that is watched.
pub(crate) struct Turn {
    way: Way,
    session: Arc<Session>,
    to: ConnectionTo<Editor>,
    view: TaskView,
    teller: Teller,
    /// Questions that the human was asked and left open; they are not asked again in this turn.
    left: BTreeSet<QuestionId>,
    /// Questions that were answered, and stay open until the answer has come through.
    given: BTreeSet<QuestionId>,
    open: Option<Open>,
    /// The limit that was reached last, which says why it stopped.
    limit: Option<Limit>,
    /// Since when the service is away.
    gone: Option<Instant>,
}

/// A question that is before the human. Dropped, it is taken away again.
struct Open {
    question: QuestionId,
    answer: BoxFuture<'static, Result<RequestPermissionResponse, Error>>,
}

/// What happens in the task, as one service tells it.
struct Stream {
    /// The address of that service.
    at: String,
    items: BoxStream<'static, Result<Followed, ClientError>>,
}

impl Stream {
    fn open(client: &Client, view: &TaskView) -> Self {
        Self {
            at: client.url(),
            items: client.follow(view.id, view.last_seq).boxed(),
        }
    }
}

impl Turn {
    pub(crate) fn new(
        way: Way,
        session: Arc<Session>,
        to: ConnectionTo<Editor>,
        task: TaskId,
    ) -> Self {
        Self {
            teller: Teller::new(way.clone(), task),
            way,
            session,
            to,
            view: TaskView::new(task),
            left: BTreeSet::new(),
            given: BTreeSet::new(),
            open: None,
            limit: None,
            gone: None,
        }
    }

    /// Tells everything that happened so far, what the human said included. Whether it goes on by
    /// itself.
    pub(crate) async fn retold(mut self) -> Result<bool, WayError> {
        self.teller.retells = true;
        self.catch_up().await?;
        if let Some(outcome) = outcome(&self.view) {
            self.send(say(&outcome));
            return Ok(false);
        }
        let now = self.way.task(&self.view.id.to_string()).await?;
        if !now.running {
            self.send(say(
                "No process works on this task: it was left when its service ended. Your next message takes it up again, and is an instruction.",
            ));
        }
        Ok(now.running)
    }

    /// Watches until the turn ends.
    pub(crate) async fn run(mut self) -> StopReason {
        match self.watched().await {
            Ok(stop) => stop,
            Err(error) => {
                let task = self.view.id;
                let text = format!(
                    "{} The task is kept: `loom status {task}`, or your next message, shows how it stands.",
                    sentence(&error)
                );
                self.send(say(&text));
                StopReason::EndTurn
            }
        }
    }

    async fn watched(&mut self) -> Result<StopReason, WayError> {
        self.catch_up().await?;
        let mut stream = Stream::open(&self.way.client().await?, &self.view);
        loop {
            if let Some(stop) = self.stands().await {
                return Ok(stop);
            }
            tokio::select! {
                () = self.session.given_up() => return Ok(StopReason::Cancelled),
                answer = answer(&mut self.open) => self.answered(answer).await,
                item = stream.items.next() => self.happened(item, &mut stream).await?,
            }
        }
    }

    /// Folds the journal, and tells what was not told yet.
    async fn catch_up(&mut self) -> Result<(), WayError> {
        let task = self.view.id;
        loop {
            let after = self.view.last_seq;
            let page = self
                .way
                .call(|client| async move { client.events(task, after).await })
                .await?;
            for record in &page.events {
                self.record(record).await;
            }
            if page.next_after.is_none() {
                return Ok(());
            }
        }
    }

    async fn record(&mut self, record: &Record) {
        let envelope = &record.envelope;
        self.view.apply(envelope);
        if let loom_events::Event::LimitReached { which, .. } = &envelope.event {
            self.limit = Some(*which);
        }
        let known = envelope.seq <= self.session.told(self.view.id);
        let updates = self.teller.tell(envelope, &self.view, known).await;
        if !known {
            for update in updates {
                self.send(update);
            }
            self.session.tells(self.view.id, envelope.seq);
        }
    }

    /// Whether there is something to wait for, and whether somebody must be asked.
    async fn stands(&mut self) -> Option<StopReason> {
        if let Some(outcome) = outcome(&self.view) {
            self.open = None;
            self.send(say(&outcome));
            return Some(stop_reason(&self.view, self.limit));
        }
        let still = |id: QuestionId| self.view.questions.iter().any(|one| one.id == id);
        if self.open.as_ref().is_some_and(|open| !still(open.question)) {
            // It was answered elsewhere.
            self.open = None;
        }
        if self.session.is_cancelled() {
            // The end of the task is on its way; nothing more is asked.
            self.open = None;
            return None;
        }
        let new: Vec<QuestionView> = self
            .view
            .questions
            .iter()
            .filter(|one| !self.left.contains(&one.id) && !self.given.contains(&one.id))
            .cloned()
            .collect();
        for question in new {
            self.ask(&question);
        }
        if self.view.status == TaskStatus::Paused {
            self.send(say(
                "The task is paused. Your next message lets it go on, and is an instruction.",
            ));
            return Some(StopReason::EndTurn);
        }
        let pending = self
            .view
            .questions
            .iter()
            .any(|one| self.given.contains(&one.id));
        let stuck = self.view.status == TaskStatus::WaitingApproval;
        if stuck && self.open.is_none() && !pending {
            self.waits();
            return Some(StopReason::EndTurn);
        }
        None
    }

    /// Puts a question before the human: one request at a time, words at once.
    fn ask(&mut self, question: &QuestionView) {
        let options = ask::options(question);
        if options.is_empty() {
            let text = format!(
                "**Loom asks:** {}\nYour next message is the answer.",
                ask::text(question)
            );
            self.send(say(&text));
            self.left.insert(question.id);
            return;
        }
        if self.open.is_some() {
            return;
        }
        let call = ask::as_call(question, self.teller.held_by(question).as_deref());
        let request = RequestPermissionRequest::new(self.session.id().clone(), call, options);
        let answer = self.to.send_request(request).block_task();
        self.open = Some(Open {
            question: question.id,
            answer: Box::pin(answer),
        });
    }

    /// Says that nothing goes on, and what would change that.
    fn waits(&mut self) {
        let task = self.view.id;
        let consent = self
            .view
            .questions
            .iter()
            .any(|one| one.wants() != loom_view::Wants::Words);
        if consent {
            let text = format!(
                "Nothing was approved, and the task waits. Your next message is an instruction, and the question is put again; or answer with `loom approve {task}` or `loom reject {task}` in a terminal."
            );
            self.send(say(&text));
        }
    }

    async fn answered(&mut self, answer: Result<RequestPermissionResponse, Error>) {
        let Some(open) = self.open.take() else { return };
        let questions = &self.view.questions;
        let view = questions.iter().find(|one| one.id == open.question);
        let decided = match (view, answer) {
            (Some(view), Ok(response)) => ask::decided(view, &response),
            (_, Err(error)) => {
                tracing::warn!(%error, "the editor could not ask");
                None
            }
            (None, Ok(_)) => None,
        };
        let Some(response) = decided else {
            self.left.insert(open.question);
            return;
        };
        let task = self.view.id;
        let answer = AnswerRequest {
            question: Some(open.question),
            response,
        };
        let given = self.way.call_for_human(|client| {
            let answer = answer.clone();
            async move { client.answer(task, &answer).await }
        });
        match given.await {
            Ok(_) => self.given.insert(open.question),
            Err(error) => {
                // Somebody else may have answered first: the journal says how it stands.
                tracing::warn!(error = error.sentence(), "an answer was not taken");
                self.left.insert(open.question)
            }
        };
    }

    async fn happened(
        &mut self,
        item: Option<Result<Followed, ClientError>>,
        stream: &mut Stream,
    ) -> Result<(), WayError> {
        match item {
            Some(Ok(Followed::Record(record))) => {
                self.gone = None;
                self.record(&record).await;
                Ok(())
            }
            Some(Ok(Followed::Live(_))) => Ok(()),
            Some(Ok(Followed::Online)) => {
                self.gone = None;
                Ok(())
            }
            Some(Ok(Followed::Offline(error))) => self.away(error.into(), stream).await,
            Some(Err(error)) => {
                // Another program has its port, or it has another token.
                let other = matches!(error, ClientError::Refused { status: 401, .. });
                match error.may_pass() || other {
                    true => self.away(error.into(), stream).await,
                    false => Err(error.into()),
                }
            }
            // The service has told all there is.
            None => {
                self.catch_up().await?;
                if outcome(&self.view).is_none() {
                    tokio::time::sleep(LOOK).await;
                    *stream = Stream::open(&self.way.client().await?, &self.view);
                }
                Ok(())
            }
        }
    }

    /// The service does not answer: it is looked for, for a while.
    async fn away(&mut self, error: WayError, stream: &mut Stream) -> Result<(), WayError> {
        let since = *self.gone.get_or_insert_with(Instant::now);
        if since.elapsed() >= AWAY {
            return Err(error);
        }
        match self.way.look_again().await {
            // It listens elsewhere now.
            Ok(clients) if clients.agent.url() != stream.at => {
                *stream = Stream::open(&clients.agent, &self.view);
                self.take_up().await
            }
            Ok(_) => Ok(()),
            Err(WayError::Connect(ConnectError::NotRunning(_))) => {
                tokio::time::sleep(LOOK).await;
                Ok(())
            }
            Err(error) => {
                tracing::debug!(error = error.sentence(), "the service was not found");
                tokio::time::sleep(LOOK).await;
                Ok(())
            }
        }
    }

    /// A service that came after another one may leave the task alone until it is asked for.
    async fn take_up(&mut self) -> Result<(), WayError> {
        let task = self.view.id;
        let now = self.way.task(&task.to_string()).await?;
        if now.running || now.view.status.is_final() {
            return Ok(());
        }
        let resumed = self
            .way
            .call(|client| async move { client.resume(task).await });
        match resumed.await {
            // It was taken up in between.
            Err(WayError::Client(ClientError::Refused { status: 409, .. })) => Ok(()),
            resumed => resumed.map(drop),
        }
    }

    fn send(&self, update: SessionUpdate) {
        let told = SessionNotification::new(self.session.id().clone(), update);
        if let Err(error) = self.to.send_notification(told) {
            tracing::debug!(%error, "the editor is gone");
        }
    }
}

/// What the human chose.
async fn answer(open: &mut Option<Open>) -> Result<RequestPermissionResponse, Error> {
    match open {
        None => std::future::pending().await,
        Some(open) => (&mut open.answer).await,
    }
}

fn sentence(error: &WayError) -> String {
    let text = error.sentence();
    let mut letters = text.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let rest = letters.as_str();
    let point = if rest.ends_with('.') { "" } else { "." };
    format!("{first}{rest}{point}")
}
