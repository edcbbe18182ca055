//! One turn of the executor: the conversation rebuilt, the model asked, its calls checked.

use super::answering::Answering;
use super::partial::Partial;
use super::room::{self, Made, Next};
use super::{Conversations, Cx, FrozenPrompt, Slot, Talk};
use crate::Signal;
use crate::broken::Broken;
use crate::conversation::Conversation;
use crate::ledger::Ledger;
use crate::prefix;
use loom_dialect::classify;
use loom_events::{
    AttemptId, BlobId, CallRecord, Class, ModelReply, Outcome, Refusal, Role, Said, TaskId,
    ToolCall,
};
use loom_kernel::Manner;
use loom_redact::Flow;
use loom_router::{CallError, ChatReply, ChatRequest, Delta, DeltaSink, ToolChoice};
use loom_tools::Registry;
use loom_view::Steering;
use std::sync::Arc;

/// What a turn needs to know.
pub(super) struct Task {
    prompt: BlobId,
    model: String,
    steering: Vec<Steering>,
    slot: Arc<Slot>,
    answering: Answering,
    turn: u32,
    task: TaskId,
    manner: Manner,
}

impl Task {
    pub(super) fn new(
        ledger: &Ledger,
        attempt: AttemptId,
        turn: u32,
        conversations: &Conversations,
    ) -> Result<Self, Broken> {
        let unknown = || Broken::damaged(&format!("attempt {attempt}"));
        let log = ledger.attempts.get(&attempt).ok_or_else(unknown)?;
        let prepared = log.prepared.as_ref().ok_or_else(unknown)?;
        let slot = conversations.slot(attempt);
        slot.hand_over(&log.entries);
        Ok(Self {
            prompt: prepared.prompt.clone(),
            model: prepared.model.clone(),
            steering: ledger.view.steering.clone(),
            slot,
            answering: conversations.answering.clone(),
            turn,
            task: ledger.view.id,
            manner: ledger
                .state
                .attempt(attempt)
                .map(|attempt| attempt.manner)
                .unwrap_or_default(),
        })
    }
}

pub(super) async fn run(task: Task, cx: Cx) -> Result<Outcome, Broken> {
    let mut talk = task.slot.talk.lock().await;
    let talk = match &mut *talk {
        Some(talk) => talk,
        empty => empty.insert(begin(&task, &cx).await?),
    };
    while let Some(entry) = task.slot.next() {
        let advanced = talk.conversation.advance(&entry, &task.steering, &cx).await;
        if let Err(broken) = advanced {
            task.slot.put_front(entry);
            return Err(broken);
        }
    }
    let mut refused: Option<CallError> = None;
    loop {
        let next = Next {
            model: &task.model,
            turn: task.turn,
            refused: refused.is_some(),
        };
        match (room::make(talk, next, &cx).await?, &refused) {
            (Made::Nothing, None) | (Made::Trimmed, _) => {}
            (Made::Full(tokens), None) => {
                let error = room::overflow(&task.model, tokens, &cx);
                return Ok(call_failed(&error, false));
            }
            (Made::Nothing | Made::Full(_), Some(error)) => return Ok(call_failed(error, false)),
        }
        match ask(&task, talk, &cx).await {
            Ok(reply) => return replied(&task, reply, &cx).await,
            // Once: what it says now about its window is believed, and if that does not help
            // nothing will.
            Err((error @ CallError::Overflow { .. }, _)) if refused.is_none() => {
                room::believe(talk, &task.model, &error, &cx);
                refused = Some(error);
            }
            Err((error, partial)) => return failed(&error, partial, &cx).await,
        }
    }
}

/// One call of the model, watched by whoever wants to.
async fn ask(task: &Task, talk: &mut Talk, cx: &Cx) -> Result<ChatReply, (CallError, Partial)> {
    let request = ChatRequest {
        messages: talk.conversation.messages().to_vec(),
        tools: talk.prompt.tools.clone(),
        tool_choice: tool_choice(task, cx),
        vary: task.manner.vary,
        think: talk.prompt.think,
        role: Some(Role::Executor),
        task: Some(task.task),
        ..ChatRequest::default()
    };
    let mut sink = Watched {
        model: &task.model,
        partial: Partial::default(),
        text: Flow::default(),
        thought: Flow::default(),
        cx,
    };
    let router = &cx.shared.router;
    if let Ok(budget) = router.budget(&task.model, &request) {
        sink.progress(0, budget.prompt);
    }
    let asked = router
        .chat(&task.model, &request, &mut sink, &cx.signals.cancel)
        .await;
    sink.finish();
    let partial = sink.partial;
    if tracing::enabled!(tracing::Level::DEBUG) {
        let cached = asked.as_ref().map_or(0, |reply| reply.usage.cached);
        prefix::log(task.turn, (&talk.sent, &request.messages), cached);
        talk.sent = request.messages;
    }
    asked.map_err(|error| (error, partial))
}

/// A call is forced where the server is known to be able to: one that is not may ignore it, or refuse all.
fn tool_choice(task: &Task, cx: &Cx) -> ToolChoice {
    let can = || cx.shared.router.capabilities(&task.model)?.forced_calls;
    match task.manner.force_call && can() == Some(true) {
        true => ToolChoice::Required,
        false => ToolChoice::Auto,
    }
}

/// An answer under way, for whoever watches, and for the record should it come to no end.
struct Watched<'a> {
    model: &'a str,
    partial: Partial,
    /// What is shown a few words late, without secrets.
    text: Flow,
    thought: Flow,
    cx: &'a Cx,
}

impl Watched<'_> {
    /// Shows what was held back.
    fn finish(&mut self) {
        let redactor = &self.cx.shared.redactor;
        let thought = self.thought.finish(redactor);
        let text = self.text.finish(redactor);
        self.show(Signal::Thought { piece: thought });
        self.show(Signal::Text { piece: text });
    }

    fn show(&self, signal: Signal) {
        if let Signal::Text { piece } | Signal::Thought { piece } = &signal
            && piece.is_empty()
        {
            return;
        }
        self.cx.signals.live(signal);
    }
}

impl DeltaSink for Watched<'_> {
    fn delta(&mut self, delta: Delta<'_>) {
        self.partial.add(&delta);
        let redactor = &self.cx.shared.redactor;
        match delta {
            Delta::Text(piece) => {
                let piece = self.text.push(redactor, piece);
                self.show(Signal::Text { piece });
            }
            Delta::Thought(piece) => {
                let piece = self.thought.push(redactor, piece);
                self.show(Signal::Thought { piece });
            }
            Delta::Call(name) => {
                self.finish();
                self.show(Signal::Call {
                    name: name.to_owned(),
                });
            }
        }
    }

    fn progress(&mut self, done: u64, total: u64) {
        let left = total.saturating_sub(done);
        let expected = self.cx.shared.router.expect(self.model, left);
        self.cx.signals.live(Signal::Reading {
            done,
            total,
            left_s: expected.map(|time| time.as_secs()),
        });
    }
}

/// The outcome of a call that gave no reply, with what it had given before.
async fn failed(error: &CallError, partial: Partial, cx: &Cx) -> Result<Outcome, Broken> {
    let cancelled = cx.signals.cancel.is_cancelled();
    Ok(match (call_failed(error, cancelled), partial.into_text()) {
        (Outcome::Failed(failure), Some(text)) => Outcome::CallFailed {
            failure,
            partial: Some(cx.put_text(&text).await?),
        },
        (outcome, _) => outcome,
    })
}

/// The outcome of a call that gave no reply.
pub(super) fn call_failed(error: &CallError, cancelled: bool) -> Outcome {
    if cancelled {
        return Outcome::Interrupted { maybe: false };
    }
    Outcome::Failed(error.to_failure())
}

async fn begin(task: &Task, cx: &Cx) -> Result<Talk, Broken> {
    let prompt: FrozenPrompt = cx.get_json(&task.prompt).await?;
    let conversation = Conversation::new(
        prompt.messages.clone(),
        prompt.heard,
        prompt.reminder.clone(),
    );
    Ok(Talk {
        prompt,
        conversation,
        sent: Vec::new(),
    })
}

async fn replied(task: &Task, mut reply: ChatReply, cx: &Cx) -> Result<Outcome, Broken> {
    let changed = task
        .answering
        .heard(&reply.model, reply.reported.as_deref());
    cx.signals.degraded(changed.as_slice()).await?;
    unique_ids(&mut reply.answer.calls, task.turn);
    let registry = task.slot.registry(&task.prompt, cx).await?;
    let calls = reply.answer.calls.iter_mut();
    let calls: Vec<CallRecord> = calls.map(|call| record(call, &registry, cx)).collect();
    let answer = &reply.answer;
    let final_answer = loom_prompts::read_answer(&answer.text);
    let said = match calls.is_empty() {
        true => classify(&answer.text, answer.thought.is_some(), final_answer.blocked),
        false => Said::Called,
    };
    let window = cx.shared.window(&task.model);
    Ok(Outcome::Replied(ModelReply {
        answer: cx.put_answer(answer).await?,
        unreadable: u32::try_from(answer.unreadable.len()).unwrap_or(u32::MAX),
        calls,
        said,
        discovery: final_answer.discovery,
        usage: reply.usage,
        latency: reply.latency,
        model: reply.model,
        finish: reply.finish,
        context_percent: percent(reply.usage.total(), window),
    }))
}

/// Checks a call against the tool's schema; a refused one is not run and carries its answer. The
/// history shows a tool under its proper name only: it is the one on offer.
fn record(call: &mut ToolCall, registry: &Registry, cx: &Cx) -> CallRecord {
    let checked = registry.check(&call.name, call.arguments.clone());
    let (class, summary, refusal): (Class, String, Option<Refusal>) = match checked {
        Ok(checked) => {
            checked.name().clone_into(&mut call.name);
            (checked.class(&cx.shell), checked.summary(), None)
        }
        Err(refusal) => (Class::Pure, call.name.clone(), Some(refusal)),
    };
    CallRecord {
        id: call.id.clone(),
        tool: call.name.clone(),
        summary,
        class,
        refusal,
    }
}

/// Ids must be unique in the conversation; servers number calls anew in each reply, or not at all.
fn unique_ids(calls: &mut [ToolCall], turn: u32) {
    for (at, call) in calls.iter_mut().enumerate() {
        call.id = format!("call_{turn}_{at}");
    }
}

fn percent(tokens: u64, window: Option<u32>) -> u8 {
    let Some(window) = window.filter(|w| *w > 0) else {
        return 0;
    };
    let percent = tokens.saturating_mul(100) / u64::from(window);
    u8::try_from(percent.min(100)).unwrap_or(100)
}
