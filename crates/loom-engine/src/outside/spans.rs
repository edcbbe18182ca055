//! [`Spans`]: the spans of a task, as a fold of its journal. Names and attributes are those of
//! OpenTelemetry's conventions for generative AI where there are any; nothing that a user or a model
//! wrote is in them.
//!
//! A trace is a task and has its id; the id of a span is made from the seq of the event that began it.
//! So the same journal gives the same spans, in whichever process it is folded.

use loom_events::{
    AttemptId, EffectId, Event, Finish, ModelReply, Record, Seq, SubtaskId, TaskId, Tier, Time,
    Usage, Verdict, Work,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) trace: TaskId,
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) begin: Time,
    pub(super) end: Time,
    pub(super) attributes: Vec<(&'static str, Value)>,
    /// What went wrong, in a word.
    pub(super) error: Option<String>,
}

/// OpenTelemetry's number for what a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something inside of Loom.
    Internal = 1,
    /// A call of something else.
    Client = 3,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(u64),
    Number(f64),
    Switch(bool),
    Texts(Vec<String>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Whole(n)
    }
}

/// The open spans of one task.
#[derive(Debug)]
pub(super) struct Spans {
    task: TaskId,
    root: Option<Span>,
    subtasks: BTreeMap<SubtaskId, Span>,
    attempts: BTreeMap<AttemptId, Span>,
    /// The model of each attempt, for calls that give no reply.
    models: BTreeMap<AttemptId, String>,
    effects: BTreeMap<EffectId, Span>,
    last: Seq,
}

/// What a span id is made from, beside the seq: several spans begin with one event.
#[derive(Clone, Copy)]
enum Of {
    Task = 1,
    Subtask = 2,
    Attempt = 3,
    Effect = 4,
}

impl Spans {
    pub(super) const fn new(task: TaskId) -> Self {
        Self {
            task,
            root: None,
            subtasks: BTreeMap::new(),
            attempts: BTreeMap::new(),
            models: BTreeMap::new(),
            effects: BTreeMap::new(),
            last: Seq::ZERO,
        }
    }

    /// The last event that was folded.
    pub(super) const fn last(&self) -> Seq {
        self.last
    }

    /// Folds an event, and gives the spans that ended with it.
    pub(super) fn note(&mut self, record: &Record) -> Vec<Span> {
        let envelope = &record.envelope;
        let (seq, at) = (envelope.seq, envelope.timestamp);
        self.last = seq;
        if let Some(work) = envelope.event.intent() {
            self.begin(seq, at, work, &envelope.event);
        }
        let mut ended = self.outcome(&envelope.event, at);
        match &envelope.event {
            Event::TaskCreated(_) => {
                let mut root = self.span(Of::Task, seq, at, "invoke_agent loom");
                root.attributes = vec![
                    ("gen_ai.operation.name", "invoke_agent".into()),
                    ("gen_ai.agent.name", "loom".into()),
                    ("gen_ai.conversation.id", self.task.to_string().into()),
                    ("loom.task.id", self.task.to_string().into()),
                ];
                self.root = Some(root);
            }
            Event::SubtaskStarted {
                subtask,
                ordinal,
                tier,
                ..
            } => self.attempt(seq, at, subtask, *ordinal, *tier),
            Event::AttemptPrepared {
                attempt, prepared, ..
            } => {
                self.models.insert(*attempt, prepared.model.clone());
            }
            Event::AttemptEnded { attempt, why, .. } => {
                let word = word(why);
                ended.extend(self.attempts.remove(attempt).map(|mut span| {
                    span.attributes
                        .push(("loom.attempt.ended", word.clone().into()));
                    let failed = !matches!(
                        word.as_str(),
                        "passed" | "outvoted" | "superseded" | "stopped"
                    );
                    span.closed(at, failed.then_some(word))
                }));
            }
            Event::SubtaskCompleted { subtask, .. } => ended.extend(self.leave(subtask, at, None)),
            Event::SubtaskFailed { subtask, .. } => {
                ended.extend(self.leave(subtask, at, Some("failed")));
            }
            Event::SubtaskBlocked { subtask, .. } => {
                ended.extend(self.leave(subtask, at, Some("blocked")));
            }
            Event::SubtaskSkipped { subtask, .. } => {
                ended.extend(self.leave(subtask, at, Some("skipped")));
            }
            Event::TaskCompleted(summary) => {
                ended.extend(self.close(at, "completed", summary.usage));
            }
            Event::TaskFailed { summary, .. } => {
                ended.extend(self.close(at, "failed", summary.usage));
            }
            Event::TaskCancelled { summary, .. } => {
                ended.extend(self.close(at, "cancelled", summary.usage));
            }
            _ => {}
        }
        ended
    }

    fn span(&self, of: Of, seq: Seq, at: Time, name: impl Into<String>) -> Span {
        Span {
            trace: self.task,
            id: id(self.task, of, seq),
            parent: self.root.as_ref().map(|root| root.id),
            name: name.into(),
            kind: Kind::Internal,
            begin: at,
            end: at,
            attributes: Vec::new(),
            error: None,
        }
    }

    fn attempt(&mut self, seq: Seq, at: Time, subtask: &SubtaskId, ordinal: u32, tier: Tier) {
        let tier: u64 = match tier {
            Tier::Small => 1,
            Tier::Medium => 2,
            Tier::Large => 3,
        };
        let mut of_subtask = self.span(Of::Subtask, seq, at, format!("subtask {subtask}"));
        of_subtask
            .attributes
            .push(("loom.subtask.id", subtask.to_string().into()));
        let parent = self
            .subtasks
            .entry(subtask.clone())
            .or_insert(of_subtask)
            .id;
        let mut span = self.span(Of::Attempt, seq, at, format!("attempt {ordinal}"));
        span.parent = Some(parent);
        span.attributes = vec![
            ("loom.subtask.id", subtask.to_string().into()),
            ("loom.attempt.ordinal", u64::from(ordinal).into()),
            ("loom.attempt.tier", tier.into()),
        ];
        self.attempts.insert(AttemptId(seq), span);
    }

    /// An effect begins.
    fn begin(&mut self, seq: Seq, at: Time, work: &Work, event: &Event) {
        let (name, kind) = match (work, event) {
            (Work::Model { .. } | Work::Plan { .. }, _) => ("chat".to_owned(), Kind::Client),
            (Work::Tool { .. }, Event::ToolCallStarted { tool, .. }) => {
                (format!("execute_tool {tool}"), Kind::Internal)
            }
            (Work::Verify { .. } | Work::Recheck { .. } | Work::Final { .. }, _) => {
                ("verify".to_owned(), Kind::Internal)
            }
            (Work::Extract { .. }, _) => ("extract memory".to_owned(), Kind::Internal),
            // Preparing, merging and settling are quick, and of interest to nobody outside.
            _ => return,
        };
        let mut span = self.span(Of::Effect, seq, at, name);
        span.kind = kind;
        let attempt = work.attempt();
        if let Some(of) = attempt.and_then(|attempt| self.attempts.get(&attempt)) {
            span.parent = Some(of.id);
        }
        match (work, event) {
            (Work::Plan { .. }, _) => {
                span.attributes = vec![
                    ("gen_ai.operation.name", "chat".into()),
                    ("loom.role", "planner".into()),
                ];
            }
            (Work::Model { turn, .. }, _) => {
                span.attributes = vec![
                    ("gen_ai.operation.name", "chat".into()),
                    ("loom.role", "executor".into()),
                ];
                span.attributes
                    .push(("loom.turn", u64::from(turn + 1).into()));
                let model = attempt.and_then(|attempt| self.models.get(&attempt));
                if let Some(model) = model.cloned() {
                    span.model(&model);
                }
            }
            (Work::Tool { .. }, Event::ToolCallStarted { tool, .. }) => {
                span.attributes = vec![
                    ("gen_ai.operation.name", "execute_tool".into()),
                    ("gen_ai.tool.name", tool.as_str().into()),
                    ("gen_ai.tool.type", "function".into()),
                ];
            }
            _ => {}
        }
        self.effects.insert(EffectId(seq), span);
    }

    /// An effect has its outcome.
    fn outcome(&mut self, event: &Event, at: Time) -> Vec<Span> {
        let effect = event.settles().or_else(|| event.outcome_of());
        let Some(mut span) = effect.and_then(|effect| self.effects.remove(&effect)) else {
            return Vec::new();
        };
        let error = match event {
            Event::ModelCallCompleted { reply, .. } => {
                span.replied(reply);
                None
            }
            Event::PlanProposed { usage, model, .. } => {
                span.model(model);
                span.response(model, *usage);
                None
            }
            Event::ModelCallFailed { failure, .. } | Event::EffectFailed { failure, .. } => {
                Some(word(&failure.class))
            }
            Event::ToolCallCompleted { result, .. } => {
                let changed = u64::from(result.files_changed);
                span.attributes
                    .push(("loom.tool.files_changed", changed.into()));
                (!result.ok).then(|| "tool_error".to_owned())
            }
            Event::ToolCallHeld { .. } => {
                span.attributes
                    .push(("loom.tool.held", Value::Switch(true)));
                None
            }
            Event::VerificationPassed { verdict, .. } => {
                span.verdict(verdict, "pass");
                None
            }
            Event::VerificationFailed { verdict, .. } => {
                span.verdict(verdict, "fail");
                None
            }
            Event::VerificationInconclusive { verdict, .. } => {
                span.verdict(verdict, "inconclusive");
                None
            }
            Event::EffectInterrupted { .. } | Event::EffectReconciled { .. } => {
                Some("interrupted".to_owned())
            }
            _ => None,
        };
        vec![span.closed(at, error)]
    }

    fn leave(&mut self, subtask: &SubtaskId, at: Time, error: Option<&str>) -> Option<Span> {
        let span = self.subtasks.remove(subtask)?;
        Some(span.closed(at, error.map(str::to_owned)))
    }

    /// The task has ended, and so has everything of it.
    fn close(&mut self, at: Time, how: &str, usage: Usage) -> Vec<Span> {
        let effects = std::mem::take(&mut self.effects).into_values();
        let attempts = std::mem::take(&mut self.attempts).into_values();
        let subtasks = std::mem::take(&mut self.subtasks).into_values();
        let cut = effects.chain(attempts).chain(subtasks);
        let mut ended: Vec<Span> = cut
            .map(|span| span.closed(at, Some("interrupted".to_owned())))
            .collect();
        ended.extend(self.root.take().map(|mut root| {
            root.attributes.push(("loom.task.status", how.into()));
            root.usage(usage);
            let error = (how != "completed").then(|| how.to_owned());
            root.closed(at, error)
        }));
        ended
    }
}

impl Span {
    fn closed(mut self, at: Time, error: Option<String>) -> Self {
        self.end = at;
        if let Some(error) = &error {
            self.attributes.push(("error.type", error.as_str().into()));
        }
        self.error = error;
        self
    }

    /// Names the model that is asked: the name of the span has it, too.
    fn model(&mut self, model: &str) {
        self.name = format!("chat {model}");
        self.attributes
            .retain(|(name, _)| !name.starts_with("gen_ai.request"));
        self.attributes.push(("gen_ai.request.model", model.into()));
    }

    fn response(&mut self, model: &str, usage: Usage) {
        self.attributes
            .push(("gen_ai.response.model", model.into()));
        self.usage(usage);
    }

    fn usage(&mut self, usage: Usage) {
        self.attributes.extend([
            ("gen_ai.usage.input_tokens", usage.prompt.into()),
            ("gen_ai.usage.output_tokens", usage.completion.into()),
            ("gen_ai.usage.cache_read.input_tokens", usage.cached.into()),
        ]);
    }

    fn replied(&mut self, reply: &ModelReply) {
        self.model(&reply.model);
        self.response(&reply.model, reply.usage);
        let finish = match reply.finish {
            Finish::Stop => "stop",
            Finish::ToolCalls => "tool_calls",
            Finish::Length => "length",
            Finish::Other => "other",
        };
        let finish = Value::Texts(vec![finish.to_owned()]);
        self.attributes
            .push(("gen_ai.response.finish_reasons", finish));
        // In seconds, which is the unit of the conventions.
        let first = Duration::from_millis(reply.latency.first_token_ms).as_secs_f64();
        self.attributes
            .push(("loom.time_to_first_token", Value::Number(first)));
    }

    fn verdict(&mut self, verdict: &Verdict, result: &str) {
        self.attributes.push(("loom.verdict.result", result.into()));
        self.attributes
            .push(("loom.verdict.tier", u64::from(verdict.tier).into()));
        let confidence = Value::Number(verdict.confidence.value);
        self.attributes
            .push(("loom.verdict.confidence", confidence));
        self.usage(verdict.usage);
    }
}

/// The id of a span: the same in every process, and never zero, which would be none.
fn id(task: TaskId, of: Of, seq: Seq) -> u64 {
    let named = format!("{task}/{}/{seq}", of as u8);
    let hash = blake3::hash(named.as_bytes());
    let (first, _) = hash.as_bytes().split_at(8);
    first.try_into().map_or(1, u64::from_be_bytes).max(1)
}

/// The word of the journal for something.
fn word(of: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(of).unwrap_or_default();
    let word = value.get("kind").unwrap_or(&value);
    word.as_str().unwrap_or("other").to_owned()
}
