//! The steps of a task, and everything that was said and done in one.

use crate::app::App;
use crate::fault::Fault;
use crate::http::{Call, Json};
use loom_client::wire::{
    AttemptTrace, CallTrace, PromptTrace, SubtaskList, SubtaskTrace, TurnTrace,
};
use loom_events::{
    Answer, AttemptId, BlobId, EffectId, Event, ModelReply, Prepared, Record, TaskId, ToolCall,
    ToolResult, Work,
};
use loom_view::{SubtaskView, TaskView};
use std::collections::BTreeMap;

pub(crate) async fn list(call: Call) -> Result<Json<SubtaskList>, Fault> {
    let task = call.task().await?;
    let view = call.app.engine.reader().task(task).await?;
    Ok(Json(SubtaskList {
        plan_version: view.plan_version,
        subtasks: view.subtasks,
    }))
}

pub(crate) async fn one(call: Call) -> Result<Json<SubtaskView>, Fault> {
    let task = call.task().await?;
    let view = call.app.engine.reader().task(task).await?;
    of(&call, &view).map(Json)
}

fn of(call: &Call, view: &TaskView) -> Result<SubtaskView, Fault> {
    let id = call.subtask()?;
    let none = || Fault::not_found(format!("the plan has no subtask `{id}`")).of(view.id);
    view.subtask(&id).cloned().ok_or_else(none)
}

pub(crate) async fn trace(call: Call) -> Result<Json<SubtaskTrace>, Fault> {
    let task = call.task().await?;
    let records = call.app.engine.reader().records(task).await?;
    let view = TaskView::fold(task, records.iter().map(|record| &record.envelope));
    let subtask = of(&call, &view)?;
    let found = Found::in_records(&records);
    let mut attempts = Vec::with_capacity(subtask.attempts.len());
    for attempt in &subtask.attempts {
        let mut turns = Vec::new();
        for turn in found.turns.get(&attempt.id).into_iter().flatten() {
            turns.push(turn_trace(&call.app, task, turn, &found).await?);
        }
        let mut prompt = None;
        let mut made_of = None;
        if let Some(prepared) = found.prepared.get(&attempt.id)
            && let Some((messages, tools)) =
                call.app.engine.reader().prompt(&prepared.prompt).await?
        {
            prompt = Some(messages);
            made_of = Some(PromptTrace {
                model: prepared.model.clone(),
                template: prepared.template.clone(),
                tools,
                parts: prepared.parts.clone(),
                trimmed: prepared.trimmed.clone(),
            });
        }
        attempts.push(AttemptTrace {
            attempt: attempt.clone(),
            prompt,
            made_of,
            turns,
        });
    }
    Ok(Json(SubtaskTrace { subtask, attempts }))
}

/// A model call in the journal.
struct Turn<'a> {
    attempt: AttemptId,
    turn: u32,
    began: &'a Record,
    reply: Option<&'a ModelReply>,
    failure: Option<String>,
}

/// What the journal says of calls, by what they belong to.
#[derive(Default)]
struct Found<'a> {
    prepared: BTreeMap<AttemptId, &'a Prepared>,
    turns: BTreeMap<AttemptId, Vec<Turn<'a>>>,
    /// By attempt, turn and position in the reply; the last one counts, since a call that was in
    /// doubt is made again.
    results: BTreeMap<(AttemptId, u32, u32), &'a ToolResult>,
}

impl<'a> Found<'a> {
    fn in_records(records: &'a [Record]) -> Self {
        let mut found = Self::default();
        let mut works: BTreeMap<EffectId, &Work> = BTreeMap::new();
        for record in records {
            let id = EffectId(record.envelope.seq);
            match &record.envelope.event {
                Event::ModelCallStarted { work, .. } => {
                    works.insert(id, work);
                    if let Work::Model { attempt, turn } = work {
                        found.turns.entry(*attempt).or_default().push(Turn {
                            attempt: *attempt,
                            turn: *turn,
                            began: record,
                            reply: None,
                            failure: None,
                        });
                    }
                }
                Event::ToolCallStarted { work, .. } => {
                    works.insert(id, work);
                }
                Event::AttemptPrepared {
                    attempt, prepared, ..
                } => {
                    found.prepared.insert(*attempt, prepared);
                }
                Event::ModelCallCompleted { effect, reply } => {
                    if let Some(turn) = found.turn(&works, *effect) {
                        turn.reply = Some(reply);
                    }
                }
                Event::ModelCallFailed {
                    effect, failure, ..
                }
                | Event::EffectFailed { effect, failure } => {
                    if let Some(turn) = found.turn(&works, *effect) {
                        turn.failure = Some(failure.message.clone());
                    }
                }
                Event::EffectInterrupted { effect, .. } => {
                    if let Some(turn) = found.turn(&works, *effect) {
                        turn.failure = Some("it was interrupted".to_owned());
                    }
                }
                Event::ToolCallCompleted { effect, result } => {
                    if let Some(Work::Tool {
                        attempt,
                        turn,
                        call,
                    }) = works.get(effect)
                    {
                        found.results.insert((*attempt, *turn, *call), result);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The turn that an effect is.
    fn turn(
        &mut self,
        works: &BTreeMap<EffectId, &Work>,
        effect: EffectId,
    ) -> Option<&mut Turn<'a>> {
        let Some(Work::Model { attempt, .. }) = works.get(&effect) else {
            return None;
        };
        let turns = self.turns.get_mut(attempt)?;
        turns
            .iter_mut()
            .find(|turn| turn.began.envelope.seq == effect.0)
    }
}

async fn turn_trace(
    app: &App,
    task: TaskId,
    turn: &Turn<'_>,
    found: &Found<'_>,
) -> Result<TurnTrace, Fault> {
    let answer = match turn.reply {
        Some(reply) => answer(app, reply).await?,
        None => None,
    };
    let mut calls = Vec::new();
    for (at, record) in turn
        .reply
        .into_iter()
        .flat_map(|r| r.calls.iter())
        .enumerate()
    {
        let position = u32::try_from(at).unwrap_or(u32::MAX);
        let result = found.results.get(&(turn.attempt, turn.turn, position));
        let said = answer.as_ref().and_then(|answer| answer.calls.get(at));
        // Without the answer there is still what the journal says of the call.
        let call = said.cloned().unwrap_or_else(|| ToolCall {
            id: record.id.clone(),
            name: record.tool.clone(),
            arguments: serde_json::json!({}),
        });
        let output = match (result, &record.refusal) {
            (Some(result), _) => text(app, &result.text).await?,
            (None, Some(_)) => Some(record.summary.clone()),
            (None, None) => None,
        };
        calls.push(CallTrace {
            call,
            output,
            full: result.and_then(|result| result.full.clone()),
            success: result.map(|result| result.ok),
        });
    }
    tracing::trace!(%task, turn = turn.turn, "traced");
    Ok(TurnTrace {
        turn: turn.turn + 1,
        seq: turn.began.envelope.seq,
        at: turn.began.envelope.timestamp,
        text: answer.as_ref().map(|a| a.text.clone()).unwrap_or_default(),
        thoughts: answer.and_then(|a| a.thought).unwrap_or_default(),
        usage: turn.reply.map(|reply| reply.usage),
        failure: turn.failure.clone(),
        calls,
    })
}

async fn answer(app: &App, reply: &ModelReply) -> Result<Option<Answer>, Fault> {
    let bytes = app.engine.reader().blob(&reply.answer).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

async fn text(app: &App, id: &BlobId) -> Result<Option<String>, Fault> {
    let bytes = app.engine.reader().blob(id).await?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}
