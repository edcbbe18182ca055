//! The events of a task as lines for somebody who reads: what matters, without bookkeeping.

use loom_events::{Envelope, Event, GivenAnswer, Operation, Plan, Verdict};
use loom_view::text::{line, plural};
use loom_view::{describe_compared, describe_end};
use schemars::JsonSchema;
use serde::Serialize;

/// Failed checks that are named.
const MAX_CHECKS: usize = 3;

/// An event.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Told {
    /// Its number; `after` of the next call.
    pub(crate) seq: u64,
    /// When.
    pub(crate) at: String,
    /// Its type, such as `subtask_completed`.
    pub(crate) event: &'static str,
    /// The step it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// What happened, in a line.
    pub(crate) text: String,
}

impl Told {
    /// What an event says; none of one that is bookkeeping.
    pub(crate) fn new(envelope: &Envelope) -> Option<Self> {
        let text = told(&envelope.event)?;
        Some(Self {
            seq: envelope.seq.0,
            at: envelope.timestamp.to_string(),
            event: envelope.event.name(),
            step: envelope.subtask_id.as_ref().map(ToString::to_string),
            text: line(&text),
        })
    }

    /// The same in a line.
    pub(crate) fn line(&self) -> String {
        let step = match &self.step {
            Some(step) => format!("[{step}] "),
            None => String::new(),
        };
        format!("{} {} {step}{}", self.seq, self.at, self.text)
    }
}

fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::TaskCreated(new) => format!("the task: {}", new.goal),
        Event::TaskContinued { from, at } => format!("begins where task {from} was at event {at}"),
        Event::TaskQueued { behind } => format!("waits for task {behind}"),
        Event::TaskPlanning { .. } => "planning".to_owned(),
        Event::TaskReplanning { .. } => "planning again".to_owned(),
        Event::PlanRejected { errors, .. } => {
            format!("a plan that cannot be followed: {}", errors.join("; "))
        }
        Event::PlanningAbandoned { reason, .. } => format!("no new plan: {reason}"),
        Event::TaskPlanReady { version, plan, .. } => planned(*version, plan),
        Event::TaskPaused => "paused".to_owned(),
        Event::TaskResumed => "resumed".to_owned(),
        Event::TaskStopping { .. } => "stopping".to_owned(),
        Event::TaskCompleted(summary) => {
            let claimed = summary.claimed.len();
            format!(
                "completed: {} verified, {claimed} claimed",
                summary.verified.len()
            )
        }
        Event::TaskFailed { reason, .. } => format!("failed: {reason}"),
        Event::TaskCancelled { reason, .. } => format!("cancelled: {reason}"),
        Event::LimitReached { which, value } => {
            let name = serde_json::to_value(which).ok();
            let name = name
                .as_ref()
                .and_then(|name| name.as_str())
                .unwrap_or("unknown");
            format!("limit reached: {} ({value})", name.replace('_', " "))
        }
        Event::Degraded { what } => format!("degraded: {what}"),
        Event::SteerInstruction { text } => format!("an instruction: {text}"),
        _ => return of_step(event).or_else(|| of_attempt(event)),
    })
}

fn of_step(event: &Event) -> Option<String> {
    Some(match event {
        Event::SubtaskStarted { ordinal, .. } => format!("attempt {ordinal} begins"),
        Event::AttemptEnded { why, feedback, .. } => {
            format!("the attempt ended: {}", describe_end(why, feedback))
        }
        Event::ExecutionSetAside { .. } => {
            "it passed its gate and waits for other executions of the step".to_owned()
        }
        Event::ExecutionsCompared {
            standings, outcome, ..
        } => describe_compared(standings, outcome),
        Event::SubtaskCompleted { .. } => "the step is completed".to_owned(),
        Event::SubtaskKept(kept) => format!("the step counts as it was: {}", kept.summary),
        Event::SubtaskFailed { reason, .. } => format!("the step failed: {reason}"),
        Event::SubtaskBlocked { reason, .. } => format!("the step is blocked: {reason}"),
        Event::SubtaskSkipped { .. } => "the step is left out".to_owned(),
        Event::SubtaskReset { by_hand: true, .. } => "the user does the step by hand".to_owned(),
        Event::SubtaskReset { guidance, .. } => format!("the step starts again: {guidance}"),
        Event::ApprovalRequested { question, .. } => {
            format!("asks: {} — {}", question.reason, question.action)
        }
        Event::ApprovalGranted { question, by, .. } => {
            format!("question {question}: granted by {by}")
        }
        Event::ApprovalDenied {
            question,
            reason,
            by,
        } => {
            format!("question {question}: denied by {by}: {reason}")
        }
        Event::QuestionAnswered {
            question,
            answer,
            by,
        } => {
            format!("question {question}: {by} answered: {}", given(answer))
        }
        Event::ApprovalExpired { question } => {
            format!("question {question}: nobody answered in time")
        }
        Event::ApprovalWithdrawn { question } => format!("question {question}: withdrawn"),
        _ => return None,
    })
}

fn of_attempt(event: &Event) -> Option<String> {
    Some(match event {
        Event::ModelCallCompleted { reply, .. } => {
            let calls: Vec<&str> = reply
                .calls
                .iter()
                .map(|call| call.summary.as_str())
                .collect();
            match (calls.is_empty(), reply.unreadable) {
                (true, 0) => "the model answered".to_owned(),
                (true, n) => format!("{} could not be read", plural(n as usize, "tool call")),
                (false, _) => format!("the model calls {}", calls.join(", ")),
            }
        }
        Event::ModelCallFailed { failure, .. } => format!("no answer: {}", failure.message),
        Event::EffectFailed { failure, .. } => failure.message.clone(),
        Event::ToolCallCompleted { result, .. } => match result.ok {
            true => format!("done: {}", result.summary),
            false => format!("not done: {}", result.summary),
        },
        Event::FileChanged { change, .. } => {
            let what = match change.operation {
                Operation::Create => "creates",
                Operation::Modify => "changes",
                Operation::Delete => "deletes",
                Operation::Rename => "renames",
            };
            let to = match &change.new_path {
                Some(path) => format!(" to {path}"),
                None => String::new(),
            };
            format!("{what} {}{to}", change.path)
        }
        Event::NudgeGiven { text, .. } => format!("told: {text}"),
        Event::SubtaskProgress { text, .. } => text.clone(),
        Event::VerificationPassed { verdict, .. } => {
            let green = verdict.checks.iter().filter(|check| check.passed).count();
            format!("verified: {} passed", plural(green, "check"))
        }
        Event::VerificationFailed { verdict, .. } => format!("the gate: {}", missing(verdict)),
        Event::VerificationInconclusive { verdict, .. } => {
            format!("the gate cannot tell: {}", missing(verdict))
        }
        Event::MergeConflicted { paths, .. } => {
            format!("does not fit what was merged before: {}", paths.join(", "))
        }
        // Everything else is bookkeeping.
        _ => return None,
    })
}

fn planned(version: u32, plan: &Plan) -> String {
    let titles: Vec<&str> = plan.subtasks.iter().map(|one| one.title.as_str()).collect();
    format!("plan, version {version}: {}", titles.join("; "))
}

fn missing(verdict: &Verdict) -> String {
    let red = verdict.checks.iter().filter(|check| !check.passed);
    let red: Vec<String> = red
        .take(MAX_CHECKS)
        .map(|check| format!("{}: {}", check.check, line(&check.detail)))
        .collect();
    match red.is_empty() {
        true => line(&verdict.feedback),
        false => red.join("; "),
    }
}

fn given(answer: &GivenAnswer) -> String {
    match answer {
        GivenAnswer::Text { text } => text.clone(),
        GivenAnswer::Retry { guidance } => format!("try again {guidance}"),
        GivenAnswer::Take { attempt } => format!("take the one of attempt {attempt}"),
        GivenAnswer::Skip => "leave it out".to_owned(),
        GivenAnswer::EditPlan => "go on with another plan".to_owned(),
        GivenAnswer::TakeOver => "I do it by hand".to_owned(),
        GivenAnswer::Done => "it is done".to_owned(),
        GivenAnswer::Abort => "end the task".to_owned(),
    }
}
