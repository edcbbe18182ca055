//! What is not in a record: what a model said, the arguments and outputs of calls, the differences of
//! files. What cannot be had is left out; nothing depends on it.

use loom_client::wire::{CallTrace, SubtaskTrace, TurnTrace};
use loom_events::{AttemptId, FileDiff, Seq, SubtaskId, TaskId};
use loomd::Way;
use std::collections::HashMap;

/// Asks the service, and keeps what was last said of each step.
pub(crate) struct Details {
    way: Way,
    task: TaskId,
    traces: HashMap<SubtaskId, SubtaskTrace>,
}

impl Details {
    pub(crate) fn new(way: Way, task: TaskId) -> Self {
        Self {
            way,
            task,
            traces: HashMap::new(),
        }
    }

    /// What the model said in a turn, without its thoughts; none when it said nothing.
    pub(crate) async fn said(
        &mut self,
        subtask: &SubtaskId,
        attempt: AttemptId,
        turn: u32,
    ) -> Option<String> {
        let answered = |found: &TurnTrace| found.usage.is_some();
        let found = self.turn(subtask, attempt, turn, answered).await?;
        let text = found.text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A call; with its output, once it has one.
    pub(crate) async fn call(
        &mut self,
        subtask: &SubtaskId,
        attempt: AttemptId,
        turn: u32,
        call: u32,
        ended: bool,
    ) -> Option<CallTrace> {
        let at = usize::try_from(call).ok()?;
        let there = |found: &TurnTrace| {
            let call = found.calls.get(at);
            call.is_some_and(|call| !ended || call.output.is_some())
        };
        let found = self.turn(subtask, attempt, turn, there).await?;
        found.calls.get(at).cloned()
    }

    /// What a change did.
    pub(crate) async fn diff(&self, change: Seq) -> Option<FileDiff> {
        let task = self.task;
        let diff = self
            .way
            .call(|client| async move { client.change_diff(task, change).await });
        match diff.await {
            Ok(diff) => Some(diff),
            Err(error) => {
                tracing::debug!(%change, error = error.sentence(), "a difference is not shown");
                None
            }
        }
    }

    /// A turn, asked for again when what is known of it does not have what is wanted.
    async fn turn(
        &mut self,
        subtask: &SubtaskId,
        attempt: AttemptId,
        turn: u32,
        enough: impl Fn(&TurnTrace) -> bool,
    ) -> Option<&TurnTrace> {
        let known = self.traces.get(subtask);
        let known = known.and_then(|trace| find(trace, attempt, turn));
        if !known.is_some_and(enough) {
            let task = self.task;
            let trace = self.way.call(|client| {
                let subtask = subtask.clone();
                async move { client.trace(task, &subtask).await }
            });
            match trace.await {
                Ok(trace) => self.traces.insert(subtask.clone(), trace),
                Err(error) => {
                    tracing::debug!(%subtask, error = error.sentence(), "a step is shown without its details");
                    return None;
                }
            };
        }
        find(self.traces.get(subtask)?, attempt, turn)
    }
}

fn find(trace: &SubtaskTrace, attempt: AttemptId, turn: u32) -> Option<&TurnTrace> {
    let found = trace
        .attempts
        .iter()
        .find(|one| one.attempt.id == attempt)?;
    // Counted from 1 there.
    found.turns.iter().rev().find(|one| one.turn == turn + 1)
}
