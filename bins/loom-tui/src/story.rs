//! One event in words: the lines that the log shows of it. Bookkeeping says nothing.

use crate::log::{Kind, LogLine};
use crate::look::Tone;
use crate::text::{clean, count, duration, first_line, plural};
use loom_events::{
    AttemptEnd, CallRecord, EffectId, Envelope, Event, GivenAnswer, LineCount, ModelReply, Nudge,
    Plan, PlanReason, SkippedBy, SubtaskId, Summary, ToolResult, Verdict,
};
use loom_view::{TaskView, describe_compared, describe_end};
use std::time::Duration;

/// Failed checks that one line each is spent on; the trace has all of them.
const MAX_CHECKS: usize = 5;

/// The lines of an event, but for those of tool calls that change a line (`log.rs`).
pub(crate) fn lines(envelope: &Envelope, view: &TaskView) -> Vec<LogLine> {
    let say = |kind, tone, depth, text: &str| line(envelope, kind, tone, depth, text);
    let step = |tone, depth, text: &str| vec![say(Kind::Step, tone, depth, text)];
    let human = |text: &str| vec![say(Kind::Human, Tone::Plain, 1, text)];
    let problem = |depth, text: &str| vec![say(Kind::Problem, Tone::Caught, depth, text)];
    match &envelope.event {
        Event::TaskCreated(new) => step(Tone::Strong, 0, &first_line(&new.goal)),
        Event::TaskContinued { from, .. } => {
            step(Tone::Dim, 0, &format!("goes on from task {}", from.short()))
        }
        Event::TaskQueued { behind } => step(
            Tone::Plain,
            0,
            &format!("waits for task {}", behind.short()),
        ),
        Event::TaskPlanning { .. } => step(Tone::Dim, 0, "planning"),
        Event::TaskReplanning { why, .. } => {
            step(Tone::Plain, 0, &format!("planning again: {}", reason(why)))
        }
        Event::PlanRejected { errors, .. } => {
            let first = errors.first().map_or("it cannot be read", String::as_str);
            problem(
                0,
                &format!("caught: a plan that cannot be followed: {first}"),
            )
        }
        Event::PlanningAbandoned { reason, .. } => problem(
            0,
            &format!("the plan stays as it is: {}", first_line(reason)),
        ),
        Event::TaskPlanReady {
            version,
            plan,
            fallback,
            ..
        } => plan_lines(envelope, *version, plan, *fallback),
        Event::TaskPaused => step(Tone::Plain, 0, "paused"),
        Event::TaskResumed => step(Tone::Plain, 0, "resumed"),
        Event::TaskCompleted(summary) => ended(envelope, Tone::Good, "✓ completed", summary),
        Event::TaskFailed { reason, summary } => {
            ended(envelope, Tone::Bad, &format!("✗ failed: {reason}"), summary)
        }
        Event::TaskCancelled { reason, summary } => ended(
            envelope,
            Tone::Plain,
            &format!("× cancelled: {reason}"),
            summary,
        ),
        Event::LimitReached { which, value } => {
            problem(0, &format!("limit reached: {which:?} ({})", count(*value)))
        }
        Event::LearningApplied { adjustment, .. } => {
            step(Tone::Dim, 0, &format!("learned: {}", adjustment.why))
        }
        Event::Degraded { what } => problem(0, &format!("less than asked for: {what}")),
        Event::SubtaskStarted {
            subtask, ordinal, ..
        } => {
            let title = title(view, subtask);
            let text = match ordinal {
                1 => format!("▸ {title}"),
                n => format!("▸ {title} (attempt {n})"),
            };
            step(Tone::Strong, 0, &text)
        }
        Event::AttemptPrepared { prepared, .. } => {
            vec![say(
                Kind::Model,
                Tone::Dim,
                2,
                &format!("with {}", prepared.model),
            )]
        }
        Event::NudgeGiven { nudge, .. } => vec![nudged(envelope, *nudge)],
        Event::AttemptEnded { why, feedback, .. } => attempt_end(envelope, why, feedback),
        Event::ExecutionSetAside { .. } => step(
            Tone::Dim,
            2,
            "it passed, and waits for other executions of the step",
        ),
        Event::ExecutionsCompared {
            standings, outcome, ..
        } => step(Tone::Plain, 2, &describe_compared(standings, outcome)),
        Event::SubtaskProgress { text, .. } => vec![say(Kind::Tool, Tone::Dim, 2, text)],
        Event::SubtaskCompleted { subtask, .. } => {
            step(Tone::Good, 0, &format!("✓ {}", title(view, subtask)))
        }
        Event::SubtaskKept(kept) => step(
            Tone::Good,
            0,
            &format!("✓ {} (from before)", title(view, &kept.subtask)),
        ),
        Event::SubtaskFailed { subtask, reason } => step(
            Tone::Bad,
            0,
            &format!("✗ {}: {reason}", title(view, subtask)),
        ),
        Event::SubtaskBlocked { subtask, reason } => step(
            Tone::Bad,
            0,
            &format!("✗ {} is blocked: {reason}", title(view, subtask)),
        ),
        Event::SubtaskSkipped { subtask, by } => step(
            Tone::Dim,
            0,
            &format!("- {}: {}", title(view, subtask), skipped(*by)),
        ),
        Event::SubtaskReset {
            subtask,
            by_hand: true,
            ..
        } => human(&format!("{} is done by hand", title(view, subtask))),
        Event::SubtaskReset {
            subtask, guidance, ..
        } => human(
            format!("{} starts again: {guidance}", title(view, subtask)).trim_end_matches(": "),
        ),
        Event::ModelCallCompleted { reply, .. } => replied(envelope, reply),
        Event::ModelCallFailed { failure, .. } | Event::EffectFailed { failure, .. } => {
            vec![say(Kind::Problem, Tone::Bad, 2, &failure.message)]
        }
        Event::ContextTrimmed { elided, .. } => {
            let what = plural(*elided as usize, "old tool result");
            vec![say(
                Kind::Model,
                Tone::Dim,
                2,
                &format!("{what} left out of the context"),
            )]
        }
        Event::ToolCallStarted { summary, .. } => vec![LogLine {
            effect: Some(EffectId(envelope.seq)),
            ..say(Kind::Tool, Tone::Plain, 2, summary)
        }],
        Event::VerificationPassed { verdict, .. } => vec![passed(envelope, verdict)],
        Event::VerificationFailed { verdict, .. } => failed(envelope, verdict),
        Event::VerificationInconclusive { verdict, .. } => {
            let why = first_line(&verdict.feedback);
            let text = format!("the gate cannot tell: {why}");
            vec![say(Kind::Verdict, Tone::Caught, depth(envelope), &text)]
        }
        Event::MergeConflicted { paths, .. } => problem(
            2,
            &format!("does not fit what was merged before: {}", paths.join(", ")),
        ),
        Event::ApprovalRequested { question, .. } => {
            vec![say(
                Kind::Human,
                Tone::Caught,
                1,
                &format!("? {}", question.reason),
            )]
        }
        Event::ApprovalGranted { by, .. } => human(&format!("granted by {by}")),
        Event::ApprovalDenied { reason, by, .. } => {
            human(format!("denied by {by}: {reason}").trim_end_matches(": "))
        }
        Event::QuestionAnswered { answer, by, .. } => {
            human(&format!("{by} answered: {}", given(answer)))
        }
        Event::ApprovalExpired { .. } => problem(1, "nobody answered in time"),
        Event::SteerInstruction { text } => human(&format!("you: {}", first_line(text))),
        Event::MemoryEntryCreated { entry, .. } => {
            vec![say(
                Kind::Step,
                Tone::Dim,
                2,
                &format!("noted: {}", entry.summary),
            )]
        }
        Event::PlanProposed { .. }
        | Event::RunnerStarted { .. }
        | Event::TaskStopping { .. }
        | Event::PrepareStarted { .. }
        | Event::SubtaskRetrying { .. }
        | Event::ModelCallStarted { .. }
        | Event::VerificationStarted { .. }
        | Event::ToolCallCompleted { .. }
        | Event::ToolCallHeld { .. }
        | Event::FileChanged { .. }
        | Event::ForkChanged { .. }
        | Event::SnapshotTaken { .. }
        | Event::WorkspaceSurveyed { .. }
        | Event::EffectInterrupted { .. }
        | Event::ReconcileStarted { .. }
        | Event::EffectReconciled { .. }
        | Event::MergeStarted { .. }
        | Event::Merged { .. }
        | Event::UnmergeStarted { .. }
        | Event::Unmerged { .. }
        | Event::ApprovalWithdrawn { .. }
        | Event::ExtractionStarted { .. }
        | Event::PromptAssembled { .. }
        | Event::ExtractionFinished { .. } => Vec::new(),
    }
}

/// Puts the outcome into the line of a tool call.
pub(crate) fn finish(line: &mut LogLine, result: &ToolResult) {
    let summary = first_line(&result.summary);
    let mark = if result.ok { "→" } else { "✗" };
    if !summary.is_empty() && summary != line.text {
        line.text = format!("{} {mark} {summary}", line.text);
    }
    if result.duration_ms >= 1_000 {
        let took = duration(Duration::from_millis(result.duration_ms));
        line.text.push_str(&format!(" ({took})"));
    }
    line.tone = if result.ok { Tone::Dim } else { Tone::Caught };
    line.effect = None;
}

/// The outcome of a call whose beginning is not in the log.
pub(crate) fn outcome(envelope: &Envelope, result: &ToolResult) -> LogLine {
    let tone = if result.ok { Tone::Dim } else { Tone::Caught };
    line(envelope, Kind::Tool, tone, 2, &first_line(&result.summary))
}

/// A line of an event.
pub(crate) fn line(envelope: &Envelope, kind: Kind, tone: Tone, depth: u8, text: &str) -> LogLine {
    LogLine {
        seq: envelope.seq,
        at: envelope.timestamp,
        kind,
        tone,
        depth,
        text: clean(text),
        effect: None,
        lines: LineCount::default(),
    }
}

/// The title of a subtask, or its id when no plan has it any more.
pub(crate) fn title<'a>(view: &'a TaskView, id: &'a SubtaskId) -> &'a str {
    view.subtask(id)
        .map_or(id.as_str(), |s| s.spec.title.as_str())
}

/// A gate belongs to an attempt, or to the task as a whole.
const fn depth(envelope: &Envelope) -> u8 {
    match envelope.subtask_id {
        Some(_) => 2,
        None => 0,
    }
}

fn reason(why: &PlanReason) -> String {
    match why {
        PlanReason::Initial => "there is no plan yet".to_owned(),
        PlanReason::Exhausted { subtask } => format!("{subtask} could not be done as planned"),
        PlanReason::Interval => "a look at the rest".to_owned(),
        PlanReason::Discovery { text } => format!("discovered: {}", first_line(text)),
        PlanReason::Checks { subtask, .. } => format!("a check of {subtask} may be wrong"),
        PlanReason::FinalGate { feedback } => {
            format!("the whole is not right yet: {}", first_line(feedback))
        }
    }
}

fn plan_lines(envelope: &Envelope, version: u32, plan: &Plan, fallback: bool) -> Vec<LogLine> {
    let name = match version {
        1 => "plan".to_owned(),
        version => format!("plan, version {version}"),
    };
    let how = if fallback { ", made by code" } else { "" };
    let head = format!("{name}: {}{how}", plural(plan.subtasks.len(), "subtask"));
    let mut lines = vec![line(envelope, Kind::Step, Tone::Strong, 0, &head)];
    for (at, subtask) in plan.subtasks.iter().enumerate() {
        let text = format!("{}. {}", at + 1, subtask.title);
        lines.push(line(envelope, Kind::Step, Tone::Plain, 1, &text));
    }
    lines
}

fn ended(envelope: &Envelope, tone: Tone, head: &str, summary: &Summary) -> Vec<LogLine> {
    let rests = format!(
        "{} verified, {} claimed, {} unfinished; about {:.1} of them expected to be wrong{}",
        summary.verified.len(),
        summary.claimed.len(),
        summary.unfinished.len(),
        summary.expected_wrong,
        summary.confidence.map_or(String::new(), |all| format!(
            ", all right with {:.0} %",
            all * 100.0
        ))
    );
    let mut lines = vec![
        line(envelope, Kind::Step, tone, 0, head),
        line(envelope, Kind::Step, Tone::Dim, 1, &rests),
    ];
    if summary.unclean {
        let text = "something could not be put back: look at the workspace";
        lines.push(line(envelope, Kind::Problem, Tone::Caught, 1, text));
    }
    lines
}

/// Calls that could not be read or that may not run.
fn replied(envelope: &Envelope, reply: &ModelReply) -> Vec<LogLine> {
    let caught = |text: &str| line(envelope, Kind::Problem, Tone::Caught, 2, text);
    let mut lines = Vec::new();
    if reply.unreadable > 0 {
        let what = plural(reply.unreadable as usize, "tool call");
        lines.push(caught(&format!(
            "caught: {what} with broken JSON; nothing was guessed, nothing was run"
        )));
    }
    let refused = |call: &CallRecord| {
        let refusal = call.refusal.as_ref()?;
        Some(match refusal.code.as_str() {
            "unknown_tool" => format!("caught: calls `{}`, a tool that does not exist", call.tool),
            _ => format!("caught: {}: {}", call.summary, first_line(&refusal.message)),
        })
    };
    lines.extend(
        reply
            .calls
            .iter()
            .filter_map(refused)
            .map(|text| caught(&text)),
    );
    lines
}

const fn skipped(by: SkippedBy) -> &'static str {
    match by {
        SkippedBy::Human => "left out, as you said",
        SkippedBy::Replan => "the new plan no longer has it",
        SkippedBy::End => "not done, the task ended",
        SkippedBy::Dependency => "not done, what it needs failed",
    }
}

fn attempt_end(envelope: &Envelope, why: &AttemptEnd, feedback: &str) -> Vec<LogLine> {
    match why {
        // The verdict before it has said everything.
        AttemptEnd::Passed
        | AttemptEnd::GateFailed
        | AttemptEnd::Outvoted
        | AttemptEnd::Stopped => Vec::new(),
        other => {
            let text = format!("the attempt ended: {}", describe_end(other, feedback));
            vec![line(envelope, Kind::Problem, Tone::Caught, 2, &text)]
        }
    }
}

fn nudged(envelope: &Envelope, nudge: Nudge) -> LogLine {
    let (kind, tone, text) = match nudge {
        // What is wrong was said by the verdict or the refusal; this is only the way it goes on.
        Nudge::GateFailed => (
            Kind::Model,
            Tone::Dim,
            "told what is missing, in the same context",
        ),
        Nudge::Unreadable => (Kind::Model, Tone::Dim, "told what was unreadable"),
        Nudge::Unheard => (Kind::Human, Tone::Dim, "given your instruction"),
        Nudge::Announced => (
            Kind::Problem,
            Tone::Caught,
            "caught: announces an action and does not take it",
        ),
        Nudge::OnlyThought => (
            Kind::Problem,
            Tone::Caught,
            "caught: thinks and says nothing",
        ),
        Nudge::Nothing => (
            Kind::Problem,
            Tone::Caught,
            "caught: answers nothing at all",
        ),
        Nudge::Asked => (
            Kind::Problem,
            Tone::Caught,
            "caught: asks in plain text, where nobody reads it",
        ),
        Nudge::Loop => (
            Kind::Problem,
            Tone::Caught,
            "caught: repeats the same calls",
        ),
    };
    line(envelope, kind, tone, 2, text)
}

fn passed(envelope: &Envelope, verdict: &Verdict) -> LogLine {
    let green = verdict.checks.iter().filter(|check| check.passed).count();
    let what = match envelope.subtask_id {
        Some(_) => "verified",
        None => "the whole goal is verified",
    };
    let sure = (verdict.confidence.value * 100.0).round();
    let text = format!(
        "✓ {what}: {} passed, {sure:.0} % sure",
        plural(green, "check")
    );
    line(envelope, Kind::Verdict, Tone::Good, depth(envelope), &text)
}

/// What the gate found, with its evidence.
fn failed(envelope: &Envelope, verdict: &Verdict) -> Vec<LogLine> {
    let head = match &envelope.subtask_id {
        Some(_) => "✗ caught: says that it is done, and it is not",
        None => "✗ every step passed, and the whole does not",
    };
    let depth = depth(envelope);
    let mut lines = vec![line(envelope, Kind::Verdict, Tone::Bad, depth, head)];
    let reds = verdict.checks.iter().filter(|check| !check.passed);
    for check in reds.take(MAX_CHECKS) {
        let text = format!("✗ {}: {}", check.check, first_line(&check.detail));
        lines.push(line(envelope, Kind::Verdict, Tone::Plain, depth + 1, &text));
    }
    if lines.len() == 1 {
        let text = format!("✗ {}", first_line(&verdict.feedback));
        lines.push(line(envelope, Kind::Verdict, Tone::Plain, depth + 1, &text));
    }
    lines
}

fn given(answer: &GivenAnswer) -> String {
    match answer {
        GivenAnswer::Text { text } => first_line(text),
        GivenAnswer::Retry { guidance } if guidance.is_empty() => "try again".to_owned(),
        GivenAnswer::Retry { guidance } => format!("try again: {}", first_line(guidance)),
        GivenAnswer::Take { attempt } => format!("take the one of attempt {attempt}"),
        GivenAnswer::Skip => "leave it out".to_owned(),
        GivenAnswer::EditPlan => "go on with another plan".to_owned(),
        GivenAnswer::TakeOver => "I do it by hand".to_owned(),
        GivenAnswer::Done => "it is done".to_owned(),
        GivenAnswer::Abort => "end the task".to_owned(),
    }
}
