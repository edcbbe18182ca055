//! Events for tests.

use crate::{AppendError, Journal};
use loom_events::{
    AttemptId, BlobId, CallClass, Class, EffectId, Envelope, Event, FileChange, Finish, Latency,
    LineCount, MemoryEntry, MemoryKind, ModelReply, NewTask, OnExpiry, Operation, Origin, Plan,
    PlanReason, Question, QuestionId, Record, Risk, Rung, Said, Scope, Seq, Subject, SubtaskId,
    SubtaskSpec, Summary, TaskId, TaskSettings, Tier, Time, ToolResult, Usage, Verdict,
    VerdictResult, Work,
};

/// A task id of its own for each number, in the order of the numbers.
pub(crate) fn task(number: u128) -> TaskId {
    TaskId::from_uuid(uuid::Uuid::from_u128(
        0x0190_0000_0000_7000_8000_0000_0000_0000 + number,
    ))
}

pub(crate) fn subtask(id: &str) -> SubtaskId {
    SubtaskId::new(id).unwrap()
}

pub(crate) fn digest(byte: u8) -> BlobId {
    BlobId::from_hex(format!("{byte:02x}").repeat(32)).unwrap()
}

pub(crate) fn created(goal: &str) -> Event {
    Event::TaskCreated(NewTask {
        goal: goal.into(),
        workspace: Some("/home/u/project".into()),
        context: None,
        settings: TaskSettings::default(),
        callback_url: None,
        metadata: None,
    })
}

pub(crate) fn degraded(what: impl Into<String>) -> Event {
    Event::Degraded { what: what.into() }
}

/// Events as the next of a task, a millisecond apart.
pub(crate) fn number(task: TaskId, after: Seq, events: Vec<Event>) -> Vec<Envelope> {
    (after.0 + 1..)
        .zip(events)
        .map(|(seq, event)| Envelope {
            task_id: task,
            seq: Seq(seq),
            timestamp: Time::from_millis(1_795_000_000_000 + i64::try_from(seq).unwrap()),
            subtask_id: None,
            attempt: None,
            correlation_id: Seq(1),
            event,
        })
        .collect()
}

/// Appends after whatever is last.
pub(crate) async fn append(
    journal: &dyn Journal,
    task: TaskId,
    events: Vec<Event>,
) -> Result<Vec<Record>, AppendError> {
    let row = journal.task(task).await.unwrap();
    let last = row.map_or(Seq::ZERO, |row| row.last_seq);
    journal.append(task, last, number(task, last, events)).await
}

pub(crate) fn entry(kind: MemoryKind, summary: &str, tags: &[&str]) -> MemoryEntry {
    MemoryEntry {
        kind,
        subtask: Some(subtask("first")),
        summary: summary.into(),
        detail: String::new(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        relevance_to: String::new(),
    }
}

pub(crate) fn remember(entry: MemoryEntry) -> Event {
    Event::MemoryEntryCreated {
        effect: EffectId(Seq(1)),
        entry,
    }
}

pub(crate) fn plan(ids: &[&str]) -> Plan {
    Plan {
        subtasks: ids.iter().map(|id| spec(id)).collect(),
    }
}

fn spec(id: &str) -> SubtaskSpec {
    SubtaskSpec::new(subtask(id), format!("Do {id}"), "")
}

pub(crate) fn plan_ready(version: u32, ids: &[&str]) -> Event {
    Event::TaskPlanReady {
        planning: None,
        version,
        plan: plan(ids),
        fallback: false,
    }
}

pub(crate) fn started(id: &str, ordinal: u32) -> Event {
    Event::SubtaskStarted {
        subtask: subtask(id),
        rung: 0,
        kind: Rung::Planned,
        ordinal,
        tier: Tier::Medium,
        execution: None,
    }
}

pub(crate) fn question(subject: Subject) -> Question {
    Question {
        subject,
        reason: "it deletes files".into(),
        action: "rm -r build".into(),
        risk: Risk::High,
        rules: vec!["delete".into()],
        choices: Vec::new(),
        default: None,
    }
}

pub(crate) fn asked(subject: Subject) -> Event {
    Event::ApprovalRequested {
        question: question(subject),
        deadline: Some(Time::from_millis(1_795_000_999_000)),
        on_expiry: OnExpiry::Deny,
    }
}

pub(crate) fn granted(question: u64) -> Event {
    Event::ApprovalGranted {
        question: QuestionId(Seq(question)),
        scope: Scope::Once,
        by: "cli".into(),
    }
}

pub(crate) fn model_started(attempt: u64, turn: u32) -> Event {
    Event::ModelCallStarted {
        work: Work::Model {
            attempt: AttemptId(Seq(attempt)),
            turn,
        },
        steer_upto: Seq(0),
    }
}

pub(crate) fn replied(effect: u64, answer: BlobId) -> Event {
    Event::ModelCallCompleted {
        effect: EffectId(Seq(effect)),
        reply: ModelReply {
            answer,
            calls: Vec::new(),
            unreadable: 0,
            said: Said::Done,
            discovery: None,
            usage: Usage {
                prompt: 100,
                cached: 90,
                completion: 11,
                estimated: false,
            },
            latency: Latency::default(),
            model: "small".into(),
            finish: Finish::Stop,
            context_percent: 5,
        },
    }
}

pub(crate) fn tool_started(attempt: u64, turn: u32) -> Event {
    let class: CallClass = Class::Restorable;
    Event::ToolCallStarted {
        work: Work::Tool {
            attempt: AttemptId(Seq(attempt)),
            turn,
            call: 0,
        },
        tool: "shell_execute".into(),
        summary: "shell_execute cargo test".into(),
        class,
        grant: None,
    }
}

pub(crate) fn tool_done(effect: u64, text: BlobId) -> Event {
    Event::ToolCallCompleted {
        effect: EffectId(Seq(effect)),
        result: ToolResult {
            ok: true,
            text,
            summary: "ok".into(),
            full: None,
            touched: true,
            files_changed: 0,
            seen: Vec::new(),
            duration_ms: 5,
            degraded: Vec::new(),
        },
    }
}

pub(crate) fn verdict(result: VerdictResult) -> Verdict {
    Verdict {
        disputed: Vec::new(),
        contested: false,
        votes: Vec::new(),
        result,
        tier: 1,
        checks: Vec::new(),
        criteria: Vec::new(),
        confidence: loom_events::Confidence::default(),
        feedback: String::new(),
        tree: None,
        usage: Usage {
            prompt: 7,
            ..Usage::default()
        },
        degraded: Vec::new(),
        tampered: Vec::new(),
        product: None,
    }
}

pub(crate) fn change(path: &str) -> FileChange {
    FileChange {
        operation: Operation::Delete,
        path: path.into(),
        new_path: None,
        before: None,
        after: None,
        lines: LineCount::default(),
        origin: Origin::Loom,
    }
}

pub(crate) fn completed() -> Event {
    Event::TaskCompleted(Summary::default())
}

/// A whole task with an answered question and a memory entry: 19 events, the last is terminal.
pub(crate) fn whole_task() -> Vec<Event> {
    let attempt = AttemptId(Seq(4));
    vec![
        created("make it work"),
        Event::TaskPlanning {
            why: PlanReason::Initial,
            steer_upto: Seq(0),
        },
        plan_ready(1, &["first", "second"]),
        started("first", 1), // 4
        model_started(4, 0), // 5
        replied(5, digest(1)),
        tool_started(4, 0), // 7
        Event::ToolCallHeld {
            effect: EffectId(Seq(7)),
            question: question(Subject::Result { attempt }),
        },
        asked(Subject::Result { attempt }), // 9
        granted(9),
        Event::VerificationStarted {
            work: Work::Verify {
                attempt,
                gate: 0,
                round: 0,
            },
        }, // 11
        Event::VerificationPassed {
            effect: EffectId(Seq(11)),
            verdict: verdict(VerdictResult::Pass),
        },
        Event::ExtractionStarted {
            work: Work::Extract {
                subtask: subtask("first"),
                attempt,
            },
        }, // 13
        remember(entry(
            MemoryKind::Decision,
            "uses sqlite for storage",
            &["storage", "SQLite"],
        )),
        Event::ExtractionFinished {
            effect: EffectId(Seq(13)),
            subtask: subtask("first"),
            summary: "done".into(),
            fallback: false,
            usage: Usage::default(),
        },
        Event::SubtaskCompleted {
            subtask: subtask("first"),
            attempt,
            verdict: Seq(12),
        },
        plan_ready(2, &["third", "first"]),
        Event::TaskStopping {
            end: loom_events::End::Completed,
        },
        completed(),
    ]
}
