//! Requests to the service, each in a task of its own; what comes of it is a message.

use super::streams::told;
use crate::msg::{Load, Loaded, Msg, Tried, Wish};
use crate::text::count;
use loom_client::wire::{
    AnswerRequest, CancelRequest, EventPage, NewTaskRequest, PlanRequest, RateRequest,
    RetryRequest, SteerRequest, Taken,
};
use loom_client::{Client, ClientError, TaskQuery};
use loom_events::{Seq, TaskId};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::Sender;

/// Tasks listed: more than anybody scrolls through; a search narrows them down.
const LISTED: u32 = 200;

/// Pages of events fetched for one wish: the service may have smaller ones than are wanted.
const MAX_PAGES: usize = 20;

/// Who asks.
pub(super) struct Requests {
    client: Client,
    outbox: Sender<Msg>,
    /// A task that was submitted without an answer, with its key: sent again, it is the same one.
    unsure: Arc<Mutex<Option<(NewTaskRequest, String)>>>,
}

impl Requests {
    pub(super) fn new(client: Client, outbox: Sender<Msg>) -> Self {
        Self {
            client,
            outbox,
            unsure: Arc::default(),
        }
    }

    /// Asks for something.
    pub(super) fn load(&self, load: Load) {
        let (client, outbox) = (self.client.clone(), self.outbox.clone());
        tokio::spawn(async move {
            let what = words(&load);
            let tried = match &load {
                Load::Tasks | Load::Ready | Load::Models => Tried::Poll,
                Load::Task(_)
                | Load::Events { .. }
                | Load::First(_)
                | Load::Scan(..)
                | Load::Diff(_)
                | Load::Memory(_)
                | Load::Search(_)
                | Load::Trace(..) => Tried::Load(load.clone()),
            };
            let msg = match fetch(&client, load).await {
                Ok(loaded) => Msg::Loaded(Box::new(loaded)),
                Err(error) => failed(what, &error, tried),
            };
            outbox.send(msg).await.ok();
        });
    }

    /// Asks something of a task.
    pub(super) fn ask(&self, task: TaskId, wish: Wish) {
        let (client, outbox) = (self.client.clone(), self.outbox.clone());
        tokio::spawn(async move {
            let what = wish.words();
            let tried = Tried::Wish(task, Box::new(wish.clone()));
            let msg = grant(&client, task, wish).await;
            outbox
                .send(msg.unwrap_or_else(|error| failed(what, &error, tried)))
                .await
                .ok();
        });
    }

    /// Begins a task.
    pub(super) fn submit(&self, request: NewTaskRequest) {
        let (client, outbox) = (self.client.clone(), self.outbox.clone());
        let unsure = Arc::clone(&self.unsure);
        let key = match unsure.lock().ok().and_then(|mut unsure| unsure.take()) {
            Some((same, key)) if same == request => key,
            _ => uuid::Uuid::now_v7().to_string(),
        };
        tokio::spawn(async move {
            let msg = match client.submit(&request, Some(&key)).await {
                Ok(created) => Msg::Begun(created.task_id, created.message),
                Err(error) => {
                    let msg = failed("begin the task", &error, Tried::Submit);
                    if let (true, Ok(mut unsure)) = (error.may_pass(), unsure.lock()) {
                        *unsure = Some((request, key));
                    }
                    msg
                }
            };
            outbox.send(msg).await.ok();
        });
    }
}

fn failed(what: &'static str, error: &ClientError, tried: Tried) -> Msg {
    let why = told(error);
    Msg::Failed { what, why, tried }
}

const fn words(load: &Load) -> &'static str {
    match load {
        Load::Tasks => "list the tasks",
        Load::Task(_) => "read the task",
        Load::Events { .. } | Load::First(_) | Load::Scan(..) => "read the journal",
        Load::Diff(_) => "compare the files",
        Load::Memory(_) | Load::Search(_) => "read what was noted",
        Load::Trace(..) => "read the trace",
        Load::Models => "list the models",
        Load::Ready => "ask whether the service is ready",
    }
}

async fn fetch(client: &Client, load: Load) -> Result<Loaded, ClientError> {
    Ok(match load {
        Load::Tasks => {
            let query = TaskQuery {
                limit: Some(LISTED),
                ..TaskQuery::default()
            };
            Loaded::Tasks(client.tasks(&query).await?)
        }
        Load::Task(task) => Loaded::Task(Box::new(client.task(&task.to_string()).await?)),
        Load::Events { task, after, until } => {
            let page = events(client, task, after, until).await?;
            match until {
                Some(_) => Loaded::Older(task, after, page),
                None => Loaded::Newer(task, page),
            }
        }
        Load::First(task) => Loaded::First(task, client.events(task, Seq::ZERO).await?),
        Load::Scan(task, scan) => {
            let page = events(client, task, scan.after, scan.until).await?;
            Loaded::Scanned(task, scan, page)
        }
        Load::Diff(task) => Loaded::Diff(task, client.diff(task).await?),
        Load::Memory(task) => Loaded::Memory(Some(task), client.memory(task).await?),
        Load::Search(text) => Loaded::Memory(None, client.search_memory(&text).await?),
        Load::Trace(task, step) => Loaded::Trace(task, client.trace(task, &step).await?),
        Load::Models => Loaded::Models(client.models().await?),
        Load::Ready => Loaded::Ready(client.ready().await?),
    })
}

/// The events from after one to another one, however small the pages are; or else one page.
async fn events(
    client: &Client,
    task: TaskId,
    after: Seq,
    until: Option<Seq>,
) -> Result<EventPage, ClientError> {
    let mut all = client.events(task, after).await?;
    let Some(until) = until else {
        return Ok(all);
    };
    for _ in 1..MAX_PAGES {
        let last = all
            .events
            .last()
            .map_or(after, |record| record.envelope.seq);
        let Some(next) = all.next_after.filter(|_| last < until) else {
            break;
        };
        let page = client.events(task, next).await?;
        all.events.extend(page.events);
        all.next_after = page.next_after;
    }
    all.events.retain(|record| record.envelope.seq <= until);
    Ok(all)
}

async fn grant(client: &Client, task: TaskId, wish: Wish) -> Result<Msg, ClientError> {
    let done = |taken: Taken| Msg::Done(taken.message);
    Ok(match wish {
        Wish::Steer(instruction) => done(client.steer(task, &SteerRequest { instruction }).await?),
        Wish::Cancel(reason) => {
            let request = CancelRequest {
                reason: Some(reason),
            };
            done(client.cancel(task, &request).await?)
        }
        Wish::Pause => done(client.pause(task).await?),
        Wish::Resume => done(client.resume(task).await?),
        Wish::Answer(question, response) => {
            let request = AnswerRequest {
                question: Some(question),
                response,
            };
            done(client.answer(task, &request).await?)
        }
        Wish::Edit(plan) => {
            let steps = plan.subtasks.len() as u64;
            let taken = client.edit_plan(task, &PlanRequest { plan }).await?;
            Msg::Done(format!("{} ({} steps)", taken.message, count(steps)))
        }
        Wish::Retry(subtask, guidance) => {
            let request = RetryRequest {
                subtask,
                guidance: Some(guidance).filter(|text| !text.is_empty()),
                ..RetryRequest::default()
            };
            let created = client.retry(task, &request).await?;
            match created.task_id == task {
                true => Msg::Done(created.message),
                false => Msg::Begun(created.task_id, created.message),
            }
        }
        Wish::Rate(right, subtasks) => {
            let taken = client.rate(task, &RateRequest { right, subtasks }).await?;
            Msg::Rated(task, taken.message)
        }
        Wish::Revert(request) => {
            let report = client.revert(task, &request).await?;
            Msg::Loaded(Box::new(Loaded::Revert(task, request, report)))
        }
    })
}
