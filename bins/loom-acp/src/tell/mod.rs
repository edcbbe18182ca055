//! What of a task is shown in an editor: its plan, its tool calls with what they changed, and what Loom
//! says. Made from records and the view that they fold to; what is not in a record (arguments,
//! outputs, differences) is asked of the service.

mod calls;
mod details;
mod patch;
mod plan;
mod words;

use crate::tell::calls::Calls;
use crate::tell::details::Details;
use agent_client_protocol::v1::schema::{
    ContentBlock, ContentChunk, Plan, PlanEntry, SessionUpdate, StopReason, TextContent,
};
use loom_events::{Envelope, Event, Limit, Subject, TaskId, Work};
use loom_view::{QuestionView, TaskStatus, TaskView};
use loomd::Way;
pub(crate) use words::outcome;

/// Tells one task, record by record.
pub(crate) struct Teller {
    /// Whether what the human said is told as well, which the editor knows otherwise.
    pub(crate) retells: bool,
    details: Details,
    calls: Calls,
    plan: Vec<PlanEntry>,
}

impl Teller {
    pub(crate) fn new(way: Way, task: TaskId) -> Self {
        Self {
            retells: false,
            details: Details::new(way, task),
            calls: Calls::new(task),
            plan: Vec::new(),
        }
    }

    /// What a record tells; `view` has it in already. Of a known one only what must be remembered
    /// is taken.
    pub(crate) async fn tell(
        &mut self,
        envelope: &Envelope,
        view: &TaskView,
        known: bool,
    ) -> Vec<SessionUpdate> {
        let mut updates = Vec::new();
        if let Some(text) = self.heard(&envelope.event) {
            let block = ContentBlock::Text(TextContent::new(text));
            updates.push(SessionUpdate::UserMessageChunk(ContentChunk::new(block)));
        }
        let plan = plan::entries(view);
        if plan != self.plan {
            self.plan.clone_from(&plan);
            updates.push(SessionUpdate::Plan(Plan::new(plan)));
        }
        if let Some(text) = words::narrated(&envelope.event, view) {
            updates.push(say(&text));
        }
        let details = (!known).then_some(&mut self.details);
        updates.extend(self.calls.tell(envelope, view, details).await);
        if !known && let Some(text) = self.said(envelope).await {
            updates.push(text);
        }
        updates
    }

    /// The call that a question holds back, by its name in the protocol.
    pub(crate) fn held_by(&self, question: &QuestionView) -> Option<String> {
        match &question.question.subject {
            Subject::Call {
                attempt,
                turn,
                call,
                ..
            } => Some(self.calls.name(*attempt, *turn, *call)),
            _ => None,
        }
    }

    fn heard(&self, event: &Event) -> Option<String> {
        match event {
            Event::TaskCreated(new) if self.retells => Some(new.goal.clone()),
            Event::SteerInstruction { text } if self.retells => Some(text.clone()),
            _ => None,
        }
    }

    /// What the model said. What goes with calls is a thought; the last word of an attempt is what it
    /// claims, which the gate then looks at.
    async fn said(&mut self, envelope: &Envelope) -> Option<SessionUpdate> {
        let Event::ModelCallCompleted { effect, reply } = &envelope.event else {
            return None;
        };
        let Some(Work::Model { attempt, turn }) = self.calls.work(*effect) else {
            return None;
        };
        let subtask = envelope.subtask_id.as_ref()?;
        let text = self.details.said(subtask, attempt, turn).await?;
        let block = ContentBlock::Text(TextContent::new(format!("{}\n\n", text.trim())));
        let chunk = ContentChunk::new(block);
        Some(match reply.calls.is_empty() {
            true => SessionUpdate::AgentMessageChunk(chunk),
            false => SessionUpdate::AgentThoughtChunk(chunk),
        })
    }
}

/// A paragraph of Loom's own.
pub(crate) fn say(text: &str) -> SessionUpdate {
    let block = ContentBlock::Text(TextContent::new(format!("{text}\n\n")));
    SessionUpdate::AgentMessageChunk(ContentChunk::new(block))
}

/// Why a turn ended, of a task that has.
pub(crate) fn stop_reason(view: &TaskView, limit: Option<Limit>) -> StopReason {
    match (view.status, limit) {
        (TaskStatus::Cancelled, _) => StopReason::Cancelled,
        (TaskStatus::Failed, Some(Limit::Tokens)) => StopReason::MaxTokens,
        (TaskStatus::Failed, Some(Limit::Iterations)) => StopReason::MaxTurnRequests,
        // That it failed is said in words: the protocol has no word for it.
        _ => StopReason::EndTurn,
    }
}
