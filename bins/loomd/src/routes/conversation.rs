//! What is said to a task while it runs, and what its models write meanwhile, for programs that talk with
//! a task. Other routes give the same and more; the clients of the first Loom ask for it here.

use super::command;
use super::gather::Gather;
use super::stream::{Streamed, open, place};
use super::word::Word;
use crate::fault::Fault;
use crate::http::{Call, Given, Json, sse};
use crate::shown::Shown;
use futures_util::StreamExt as _;
use loom_client::wire::{MessageRequest, Said, TOKEN, Taken};
use loom_engine::Feed;
use loom_events::{AttemptId, Command, EffectId, Event, Record, Seq, TaskId};
use loom_view::{Live, Signal, SubtaskView, TaskView};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) async fn say(call: Call<(), Given<MessageRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let steer = Command::Steer {
        text: call.body.0.message,
    };
    let message = "the next model call hears it";
    Ok(Json(command(&call.app, task, steer, message).await?))
}

pub(crate) async fn said(call: Call) -> Result<Json<Vec<Said>>, Fault> {
    let task = call.task().await?;
    let records = call.app.engine.reader().records(task).await?;
    let said = records.into_iter().filter_map(|record| {
        let envelope = record.envelope;
        match envelope.event {
            Event::SteerInstruction { text } => Some(Said {
                id: envelope.seq,
                message: text,
                timestamp: envelope.timestamp,
            }),
            _ => None,
        }
    });
    Ok(Json(said.collect()))
}

pub(crate) async fn tokens(call: Call) -> Result<Streamed, Fault> {
    let task = call.task().await?;
    let row = call.app.engine.reader().row(task).await?;
    if row.is_some_and(|row| row.status.is_final()) {
        return Ok(Streamed::Over);
    }
    let place = place(&call.app)?;
    // From the beginning: who writes is in the records.
    let feed = call.app.engine.follow(task, Seq::ZERO);
    let app = Arc::clone(&call.app);
    let mut writers = Writers::new(task);
    let words = feed.filter_map(move |item| {
        let word = match item {
            Ok(Feed::Record(record)) => {
                writers.note(&record);
                let is_last = record.envelope.event.is_terminal();
                is_last.then(|| Ok(Word::of_task(&record, &app.shown)))
            }
            Ok(Feed::Live(live)) => writers.token(&live, &app.shown).map(Ok),
            Err(error) => Some(Err(error)),
        };
        std::future::ready(word)
    });
    let app = Arc::clone(&call.app);
    let words = Gather::new(words.boxed(), move |bytes| app.pause(bytes));
    Ok(open(&call.app, words, place, Some(task)))
}

/// Who writes what comes in pieces.
struct Writers {
    view: TaskView,
    /// The calls that may run.
    calls: HashMap<EffectId, AttemptId>,
}

impl Writers {
    fn new(task: TaskId) -> Self {
        Self {
            view: TaskView::new(task),
            calls: HashMap::new(),
        }
    }

    fn note(&mut self, record: &Record) {
        self.view.apply(&record.envelope);
        if let Event::ModelCallStarted { work, .. } = &record.envelope.event
            && let Some(attempt) = work.attempt()
        {
            // An attempt makes one call after the other.
            self.calls.retain(|_, other| *other != attempt);
            self.calls.insert(EffectId(record.envelope.seq), attempt);
        }
    }

    /// A piece of visible text of a step.
    fn token(&self, live: &Live, shown: &Shown) -> Option<Word> {
        let Signal::Text { piece } = &live.signal else {
            return None;
        };
        let attempt = self.calls.get(&live.effect)?;
        let (subtask, model) = self
            .view
            .subtasks
            .iter()
            .find_map(|subtask: &SubtaskView| {
                let attempt = subtask.attempts.iter().find(|one| one.id == *attempt)?;
                Some((&subtask.spec.id, attempt.model.as_deref()))
            })?;
        let data = shown.text(&json!({
            "token": piece,
            "subtask_id": subtask,
            "model": model.unwrap_or_default(),
        }));
        Some(Word::passing(sse::event(TOKEN, None, &data.ok()?)))
    }
}
