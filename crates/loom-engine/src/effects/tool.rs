//! One tool call: the arguments taken from the journaled answer, policy and tool run, changes
//! journaled before they happen.

use super::past::{Earlier, Remembered, outputs};
use super::{Conversations, Cx, Known, Slot};
use crate::broken::Broken;
use crate::ledger::{Entry, Ledger};
use loom_events::{
    Answer, AttemptId, BlobId, Class, Digest, FileChange, Note, Outcome, Question, SeenFile,
    Subject, TaskId, ToolResult,
};
use loom_kernel::Start;
use loom_tools::{Ask, CallOutcome, Held, RecordError, Recorder, Seen, ToolContext, ToolOutput};
use std::sync::Arc;
use std::time::Instant;

/// What a call needs to know.
pub(super) struct Task {
    answer: BlobId,
    attempt: AttemptId,
    turn: u32,
    call: u32,
    class: Class,
    grant: Option<Digest>,
    slot: Arc<Slot>,
    seen: Seen,
    prompt: BlobId,
    output_bytes: u32,
    /// What can be recalled: the outputs of this attempt.
    outputs: Vec<Earlier>,
    task: TaskId,
}

impl Task {
    pub(super) fn new(
        ledger: &Ledger,
        start: &Start,
        attempt: AttemptId,
        call: u32,
        conversations: &Conversations,
    ) -> Result<Self, Broken> {
        let unknown = || Broken::damaged(&format!("attempt {attempt}"));
        let log = ledger.attempts.get(&attempt).ok_or_else(unknown)?;
        let turn = match &start.work {
            loom_events::Work::Tool { turn, .. } => *turn,
            _ => 0,
        };
        let answer = log.entries.iter().rev().find_map(|entry| match entry {
            Entry::Answered { reply, .. } => Some(reply.answer.clone()),
            Entry::Asked { .. }
            | Entry::Result { .. }
            | Entry::Nudge { .. }
            | Entry::Trimmed { .. } => None,
        });
        let prepared = log.prepared.as_ref().ok_or_else(unknown)?;
        let slot = conversations.slot(attempt);
        Ok(Self {
            seen: slot.seen(log).for_call(),
            prompt: prepared.prompt.clone(),
            answer: answer.ok_or_else(unknown)?,
            attempt,
            turn,
            call,
            class: start.class,
            grant: ledger.grant(start.id).cloned(),
            slot,
            output_bytes: ledger.state.settings().limits.tool_output_bytes,
            outputs: outputs(&log.entries, turn, call),
            task: ledger.view.id,
        })
    }
}

pub(super) async fn run(task: Task, cx: Cx) -> Result<Outcome, Broken> {
    let answer: Answer = cx.get_json(&task.answer).await?;
    let at = usize::try_from(task.call).unwrap_or(usize::MAX);
    let call = answer
        .calls
        .get(at)
        .ok_or_else(|| Broken::damaged(&format!("call {at} of an answer")))?;
    let registry = task.slot.registry(&task.prompt, &cx).await?;
    let checked = match registry.check(&call.name, cx.inward(call.arguments.clone())) {
        Ok(checked) => checked,
        // Only when the tools changed between the answer and now, in another build.
        Err(refusal) => {
            let said = ToolOutput::negative(refusal.message);
            return done(&cx, said, (Instant::now(), Vec::new())).await;
        }
    };
    let before = match task.class {
        Class::Restorable | Class::Unknowable => cx.snapshot().await?,
        Class::Pure | Class::Hashed => None,
    };
    let started = Instant::now();
    let label = cx.label();
    let context = ToolContext {
        workspace: cx.workspace.as_ref(),
        scratch: &cx.scratch,
        recorder: &cx.signals,
        cancel: &cx.signals.cancel,
        seen: &task.seen,
        grant: task.grant.as_ref(),
        output_bytes: usize::try_from(task.output_bytes).unwrap_or(usize::MAX),
        shell: &cx.shell,
        label: &label,
        call_id: &call.id,
        past: &Remembered {
            cx: &cx,
            task: task.task,
            outputs: &task.outputs,
        },
        redactor: &cx.shared.redactor,
    };
    let outcome = registry.call(&checked, &context).await;
    if cx.signals.cancel.is_cancelled() {
        match task.class {
            Class::Pure => return Ok(Outcome::Interrupted { maybe: false }),
            Class::Restorable => {
                if let Some(before) = &before {
                    let known = cx.signals.recorded();
                    cx.put_back(before, Known::Snapshot(&known)).await?;
                }
                return Ok(Outcome::Interrupted { maybe: false });
            }
            Class::Unknowable => return Ok(Outcome::Interrupted { maybe: true }),
            // A file tool is one rename: it has happened or not, and its output says which.
            Class::Hashed => {}
        }
    }
    match outcome {
        CallOutcome::Done(output) => done(&cx, output, (started, task.seen.news())).await,
        CallOutcome::Held(held) => Ok(Outcome::ToolHeld(question(&task, held, &cx))),
        CallOutcome::Refused(refusal) => {
            let said = ToolOutput::negative(refusal.message);
            done(&cx, said, (started, task.seen.news())).await
        }
    }
}

async fn done(
    cx: &Cx,
    output: ToolOutput,
    (started, seen): (Instant, Vec<SeenFile>),
) -> Result<Outcome, Broken> {
    let full = match &output.full {
        Some(text) => Some(cx.put_text(&cx.outward(text.clone())).await?),
        None => None,
    };
    let degraded = output.degraded.into_iter();
    Ok(Outcome::ToolDone(ToolResult {
        ok: output.ok,
        text: cx.put_text(&cx.outward(output.text)).await?,
        summary: cx.outward(output.summary),
        full,
        touched: output.touched,
        files_changed: output.files_changed,
        seen,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        degraded: degraded.map(|what| cx.outward(what)).collect(),
    }))
}

fn question(task: &Task, held: Held, cx: &Cx) -> Question {
    let (attempt, turn, call) = (task.attempt, task.turn, task.call);
    let (subject, ask) = match held.ask {
        Some(ask) => (
            Subject::Ask {
                attempt,
                turn,
                call,
            },
            *ask,
        ),
        None => (
            Subject::Call {
                attempt,
                turn,
                call,
                digest: held.digest,
            },
            Ask::default(),
        ),
    };
    Question {
        subject,
        reason: cx.outward(held.reason),
        action: cx.outward(held.action),
        risk: held.risk,
        rules: held.rules,
        choices: ask.choices,
        default: ask.default,
    }
}

#[async_trait::async_trait]
impl Recorder for super::Signals {
    async fn changing(&self, change: FileChange) -> Result<(), RecordError> {
        self.note(self.change(change))
            .await
            .map_err(|refused| RecordError::new(refused.to_string()))
    }

    async fn progress(&self, text: String) {
        // Something to show: the work goes on without it.
        let text = self.outward(text);
        if let Err(refused) = self.note(Note::Progress { text }).await {
            tracing::debug!(%refused, "progress came too late");
        }
    }
}
