//! One turn of the executor: the conversation rebuilt, the model asked, its calls checked.

use super::{Conversations, Cx, FrozenPrompt, Slot, Talk};
use crate::Signal;
use crate::broken::Broken;
use crate::conversation::Conversation;
use crate::ledger::Ledger;
use crate::view::Steering;
use loom_dialect::classify;
use loom_events::{
    Answer, AttemptId, BlobId, CallRecord, Class, ModelReply, Outcome, Refusal, Said, ToolCall,
};
use loom_router::{CallError, ChatReply, ChatRequest, Delta};
use std::sync::Arc;

/// What a turn needs to know.
pub(super) struct Task {
    prompt: BlobId,
    model: String,
    steering: Vec<Steering>,
    slot: Arc<Slot>,
    turn: u32,
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
            turn,
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
    let request = ChatRequest {
        messages: talk.conversation.messages().to_vec(),
        tools: talk.prompt.tools.clone(),
        think: talk.prompt.think,
        ..ChatRequest::default()
    };
    let signals = cx.signals.clone();
    let mut sink = move |delta: Delta<'_>| {
        signals.live(match delta {
            Delta::Text(piece) => Signal::Text {
                piece: piece.to_owned(),
            },
            Delta::Thought(piece) => Signal::Thought {
                piece: piece.to_owned(),
            },
            Delta::Call(name) => Signal::Call {
                name: name.to_owned(),
            },
        });
    };
    let cancel = &cx.signals.cancel;
    let asked = cx
        .shared
        .router
        .chat(&task.model, &request, &mut sink, cancel)
        .await;
    match asked {
        Ok(reply) => replied(&task, reply, &cx).await,
        Err(error) => Ok(call_failed(&error, cancel.is_cancelled())),
    }
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
    })
}

async fn replied(task: &Task, mut reply: ChatReply, cx: &Cx) -> Result<Outcome, Broken> {
    unique_ids(&mut reply.answer.calls, task.turn);
    let answer = &reply.answer;
    let calls: Vec<CallRecord> = answer.calls.iter().map(|call| record(call, cx)).collect();
    let final_answer = loom_prompts::read_answer(&answer.text);
    let said = match calls.is_empty() {
        true => classify(&answer.text, answer.thought.is_some(), final_answer.blocked),
        false => Said::Called,
    };
    let window = cx.shared.router.entry(&task.model);
    let window = window.and_then(|entry| entry.context_length);
    Ok(Outcome::Replied(ModelReply {
        answer: cx.put_json::<Answer>(answer).await?,
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

/// Checks a call against the tool's schema; a refused one is not run and carries its answer.
fn record(call: &ToolCall, cx: &Cx) -> CallRecord {
    let checked = cx.shared.registry.check(&call.name, call.arguments.clone());
    let (class, summary, refusal): (Class, String, Option<Refusal>) = match checked {
        Ok(checked) => (checked.class(&cx.shared.shell), checked.summary(), None),
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
