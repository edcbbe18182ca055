//! A task as a sequence of lines: one for each event that matters to somebody who watches.

use crate::ui::{Tone, clean, count, duration, first_line, plural};
use loom_engine::{SubtaskStatus, TaskView, describe_compared, describe_end};
use loom_events::{
    AttemptEnd, CallRecord, EffectId, Envelope, Event, GivenAnswer, Limit, ModelReply, Nudge, Plan,
    PlanReason, QuestionId, SkippedBy, SubtaskId, Verdict,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Failed checks that one line each is spent on; the rest is in `loom logs --json`.
const MAX_CHECKS: usize = 3;

/// A line to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it means.
    pub(crate) tone: Tone,
    /// How far it is indented: 0 the task, 1 a subtask, 2 what happens in it.
    pub(crate) depth: usize,
    /// The text, clean.
    pub(crate) text: String,
    /// Whether it stays on the screen above a live picture, which shows the rest itself.
    pub(crate) lasting: bool,
    /// The mistake that it tells of.
    pub(crate) catch: Option<Catch>,
}

/// A mistake of a model that Loom caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Catch {
    /// It said that it was done and was not.
    FalseClaim,
    /// Arguments or a call that could not be read.
    Unreadable,
    /// A tool that does not exist, or arguments that it does not take.
    Refused,
    /// A plan that cannot be followed.
    BadPlan,
    /// It announced, thought, asked or fell silent instead of acting.
    NoAction,
    /// The same calls again and again.
    Loop,
}

/// Turns records into lines, in order.
#[derive(Debug, Default)]
pub(crate) struct Narrator {
    /// What each tool call in flight is.
    calls: BTreeMap<EffectId, String>,
    /// What follows when nobody answers a question.
    expiring: BTreeMap<QuestionId, String>,
}

impl Line {
    fn new(tone: Tone, depth: usize, text: impl AsRef<str>) -> Self {
        Self {
            tone,
            depth,
            text: clean(text.as_ref()),
            ..Self::default()
        }
    }

    fn lasting(mut self) -> Self {
        self.lasting = true;
        self
    }

    /// A mistake that was caught.
    fn caught(catch: Catch, text: impl AsRef<str>) -> Self {
        let text = format!("caught: {}", text.as_ref());
        let catch = Some(catch);
        Self {
            catch,
            ..Self::new(Tone::Caught, 2, text).lasting()
        }
    }

    /// The text with its indentation.
    pub(crate) fn indented(&self) -> String {
        format!("{:width$}{}", "", self.text, width = self.depth * 2)
    }
}

impl Narrator {
    /// The lines of one event; `view` has seen it already.
    pub(crate) fn lines(&mut self, envelope: &Envelope, view: &TaskView) -> Vec<Line> {
        let mut lines = self.told(envelope, view);
        let running = view.subtasks.iter().filter(|s| {
            matches!(
                s.status,
                SubtaskStatus::Running | SubtaskStatus::Verifying | SubtaskStatus::WaitingApproval
            )
        });
        // Of several steps that run, a line says whose it is.
        if let (Some(id), 2..) = (&envelope.subtask_id, running.count()) {
            for line in lines.iter_mut().filter(|line| line.depth > 0) {
                line.text = format!("{id}: {}", line.text);
            }
        }
        lines
    }

    fn told(&mut self, envelope: &Envelope, view: &TaskView) -> Vec<Line> {
        match &envelope.event {
            Event::TaskQueued { behind } => vec![
                Line::new(
                    Tone::Caught,
                    0,
                    format!("waiting for task {}; it goes on by itself", behind.short()),
                )
                .lasting(),
            ],
            Event::TaskPlanning { .. } => vec![Line::new(Tone::Dim, 0, "planning")],
            Event::TaskReplanning { why, .. } => {
                vec![
                    Line::new(Tone::Plain, 0, format!("planning again: {}", reason(why))).lasting(),
                ]
            }
            // An unreadable proposal is rejected in the next event, with the same errors.
            Event::PlanRejected { errors, .. } => vec![bad_plan(errors)],
            Event::PlanningAbandoned { reason, .. } => {
                vec![Line::new(Tone::Caught, 0, format!("no new plan: {reason}")).lasting()]
            }
            Event::TaskPlanReady { version, plan, .. } => plan_lines(*version, plan),
            Event::TaskPaused => vec![Line::new(Tone::Plain, 0, "paused").lasting()],
            Event::TaskResumed => vec![Line::new(Tone::Plain, 0, "resumed").lasting()],
            Event::LimitReached { which, value } => {
                let value = match which {
                    Limit::WorkingTime => duration(Duration::from_millis(*value)),
                    _ => count(*value),
                };
                let text = format!("limit reached: {} ({value})", words(which));
                vec![Line::new(Tone::Bad, 0, text).lasting()]
            }
            Event::WorkspaceSurveyed { survey, .. } => super::survey(survey)
                .into_iter()
                .map(|(tone, text)| Line::new(tone, 0, text).lasting())
                .collect(),
            Event::LearningApplied { adjustment, .. } => {
                let text = format!("learned: {}", adjustment.why);
                vec![Line::new(Tone::Dim, 0, text).lasting()]
            }
            Event::Degraded { what } => {
                vec![Line::new(Tone::Caught, 0, format!("degraded: {what}")).lasting()]
            }
            Event::SteerInstruction { text } => {
                vec![Line::new(Tone::Plain, 0, format!("you said: {text}")).lasting()]
            }
            Event::SubtaskStarted {
                subtask, ordinal, ..
            } => vec![Line::new(
                Tone::Strong,
                0,
                started(title(view, subtask), *ordinal),
            )],
            Event::SubtaskCompleted { subtask, .. } => vec![completed(view, subtask)],
            Event::SubtaskFailed { subtask, reason } => vec![
                Line::new(
                    Tone::Bad,
                    0,
                    format!("✗ {}: {reason}", title(view, subtask)),
                )
                .lasting(),
            ],
            Event::SubtaskBlocked { subtask, reason } => vec![
                Line::new(
                    Tone::Bad,
                    0,
                    format!("✗ {} is blocked: {reason}", title(view, subtask)),
                )
                .lasting(),
            ],
            Event::SubtaskSkipped { subtask, by } => {
                vec![Line::new(
                    Tone::Dim,
                    0,
                    format!("- {}: {}", title(view, subtask), skipped(*by)),
                )]
            }
            Event::SubtaskReset {
                subtask,
                by_hand: true,
                ..
            } => {
                let text = format!("{} is done by hand", title(view, subtask));
                vec![Line::new(Tone::Plain, 0, &text).lasting()]
            }
            Event::SubtaskReset {
                subtask, guidance, ..
            } => {
                let text = format!("{} starts again: {guidance}", title(view, subtask));
                vec![Line::new(Tone::Plain, 0, text.trim_end_matches(": ")).lasting()]
            }
            Event::AttemptEnded {
                subtask,
                why,
                feedback,
                ..
            } => attempt_end(view, subtask, why, feedback),
            Event::ExecutionsCompared {
                standings, outcome, ..
            } => vec![Line::new(Tone::Plain, 2, describe_compared(standings, outcome)).lasting()],
            _ => self.inside(envelope, view),
        }
    }

    /// What happens inside of an attempt, and between the task and people.
    fn inside(&mut self, envelope: &Envelope, view: &TaskView) -> Vec<Line> {
        match &envelope.event {
            Event::ModelCallCompleted { reply, .. } => mistakes(reply),
            Event::ModelCallFailed { failure, .. } | Event::EffectFailed { failure, .. } => {
                vec![Line::new(Tone::Bad, 2, &failure.message).lasting()]
            }
            Event::ToolCallStarted { summary, .. } => {
                let effect = EffectId(envelope.seq);
                self.calls.insert(effect, summary.clone());
                Vec::new()
            }
            Event::ToolCallCompleted { effect, result } => {
                let call = self.calls.remove(effect).unwrap_or_default();
                vec![Line::new(
                    Tone::Dim,
                    2,
                    call_line(&call, &result.summary, result.ok),
                )]
            }
            Event::SubtaskProgress { text, .. } => vec![Line::new(Tone::Dim, 2, text)],
            Event::NudgeGiven { nudge, .. } => nudged(*nudge),
            Event::VerificationPassed { verdict, .. } => vec![passed(verdict, envelope)],
            Event::VerificationFailed { verdict, .. } => failed(verdict, envelope, view),
            Event::VerificationInconclusive { verdict, .. } => {
                let why = first_line(&verdict.feedback);
                let why = why.strip_prefix("cannot tell: ").unwrap_or(&why);
                let text = format!("the gate cannot tell: {why}");
                vec![Line::new(Tone::Caught, depth(envelope), text).lasting()]
            }
            Event::ContextTrimmed { elided, .. } => {
                let what = plural(*elided as usize, "old tool result");
                vec![Line::new(
                    Tone::Dim,
                    2,
                    format!("{what} left out of the context"),
                )]
            }
            Event::MergeConflicted { paths, .. } => {
                let text = format!("does not fit what was merged before: {}", paths.join(", "));
                vec![Line::new(Tone::Caught, 2, text).lasting()]
            }
            // On a screen the question itself follows, in full.
            Event::ApprovalRequested {
                question,
                on_expiry,
                ..
            } => {
                let then = super::on_expiry(question, *on_expiry);
                self.expiring.insert(QuestionId(envelope.seq), then);
                vec![Line::new(
                    Tone::Caught,
                    1,
                    format!("asked: {}", question.reason),
                )]
            }
            Event::ApprovalGranted { by, .. } => {
                vec![Line::new(Tone::Plain, 1, format!("granted by {by}")).lasting()]
            }
            Event::ApprovalDenied { reason, by, .. } => {
                let text = format!("denied by {by}: {reason}");
                vec![Line::new(Tone::Plain, 1, text.trim_end_matches(": ")).lasting()]
            }
            Event::QuestionAnswered { answer, by, .. } => {
                vec![
                    Line::new(Tone::Plain, 1, format!("{by} answered: {}", given(answer)))
                        .lasting(),
                ]
            }
            Event::ApprovalExpired { question } => {
                let then = self.expiring.remove(question);
                let then = then.map(|then| format!(": {then}")).unwrap_or_default();
                let text = format!("nobody answered in time{then}");
                vec![Line::new(Tone::Caught, 1, text).lasting()]
            }
            // Everything else is bookkeeping, or is told by the report at the end.
            _ => Vec::new(),
        }
    }
}

/// The title of a subtask, or its id when no plan has it any more.
fn title<'a>(view: &'a TaskView, id: &'a SubtaskId) -> &'a str {
    view.subtask(id)
        .map_or(id.as_str(), |s| s.spec.title.as_str())
}

fn words(limit: &loom_events::Limit) -> String {
    let name = serde_json::to_value(limit).ok();
    let name = name.as_ref().and_then(|name| name.as_str());
    name.unwrap_or("unknown").replace('_', " ")
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

fn bad_plan(errors: &[String]) -> Line {
    let first = errors.first().map_or("it cannot be read", String::as_str);
    let line = Line::caught(
        Catch::BadPlan,
        format!("a plan that cannot be followed: {first}"),
    );
    Line { depth: 0, ..line }
}

fn plan_lines(version: u32, plan: &Plan) -> Vec<Line> {
    let name = match version {
        1 => "plan".to_owned(),
        version => format!("plan, version {version}"),
    };
    let head = format!("{name}: {}", plural(plan.subtasks.len(), "subtask"));
    let mut lines = vec![Line::new(Tone::Strong, 0, head)];
    for (at, subtask) in plan.subtasks.iter().enumerate() {
        let text = format!("{}. {}", at + 1, subtask.title);
        lines.push(Line::new(Tone::Plain, 1, text));
    }
    lines
}

fn started(title: &str, ordinal: u32) -> String {
    match ordinal {
        1 => format!("▸ {title}"),
        ordinal => format!("▸ {title} (attempt {ordinal})"),
    }
}

fn completed(view: &TaskView, id: &SubtaskId) -> Line {
    let attempts = view.subtask(id).map_or(1, |s| s.attempts.len());
    let tries = match attempts {
        0 | 1 => String::new(),
        n => format!(" after {n} attempts"),
    };
    Line::new(Tone::Good, 0, format!("✓ {}{tries}", title(view, id))).lasting()
}

const fn skipped(by: SkippedBy) -> &'static str {
    match by {
        SkippedBy::Human => "left out, as you said",
        SkippedBy::Replan => "the new plan no longer has it",
        SkippedBy::End => "not done, the task ended",
        SkippedBy::Dependency => "not done, what it needs failed",
    }
}

fn attempt_end(
    view: &TaskView,
    subtask: &SubtaskId,
    why: &AttemptEnd,
    feedback: &str,
) -> Vec<Line> {
    match why {
        // The verdict before it has said everything.
        AttemptEnd::Passed
        | AttemptEnd::GateFailed
        | AttemptEnd::Outvoted
        | AttemptEnd::Stopped => Vec::new(),
        AttemptEnd::Looping => vec![Line::caught(Catch::Loop, "it goes in circles")],
        other => {
            let attempt = view.subtask(subtask).map_or(1, |s| s.attempts.len());
            let text = format!("attempt {attempt} ended: {}", describe_end(other, feedback));
            vec![Line::new(Tone::Caught, 2, text).lasting()]
        }
    }
}

/// Calls that could not be read or that may not run.
fn mistakes(reply: &ModelReply) -> Vec<Line> {
    let mut lines = Vec::new();
    if reply.unreadable > 0 {
        let what = plural(reply.unreadable as usize, "tool call");
        let text = format!("{what} with broken JSON; nothing was guessed, nothing was run");
        lines.push(Line::caught(Catch::Unreadable, text));
    }
    lines.extend(reply.calls.iter().filter_map(refused));
    lines
}

fn refused(call: &CallRecord) -> Option<Line> {
    let refusal = call.refusal.as_ref()?;
    let catch = match refusal.code.contains("malformed") || refusal.code.contains("json") {
        true => Catch::Unreadable,
        false => Catch::Refused,
    };
    let text = match refusal.code.as_str() {
        "unknown_tool" => format!("calls `{}`, a tool that does not exist", call.tool),
        _ => format!("{}: {}", call.summary, first_line(&refusal.message)),
    };
    Some(Line::caught(catch, text))
}

fn call_line(call: &str, result: &str, ok: bool) -> String {
    let mark = if ok { "→" } else { "⇥" };
    match (call.is_empty(), result.is_empty() || call == result) {
        (true, _) => result.to_owned(),
        (false, true) => call.to_owned(),
        (false, false) => format!("{call} {mark} {result}"),
    }
}

fn nudged(nudge: Nudge) -> Vec<Line> {
    let (catch, text) = match nudge {
        // What is wrong was said by the verdict or the refusal; this is only the way it goes on.
        Nudge::GateFailed => {
            return vec![Line::new(
                Tone::Dim,
                2,
                "told what is missing, in the same context",
            )];
        }
        Nudge::Unreadable => return vec![Line::new(Tone::Dim, 2, "told what was unreadable")],
        Nudge::Unheard => return vec![Line::new(Tone::Dim, 2, "given your instruction")],
        Nudge::Announced => (Catch::NoAction, "announces an action and does not take it"),
        Nudge::OnlyThought => (Catch::NoAction, "thinks and says nothing"),
        Nudge::Nothing => (Catch::NoAction, "answers nothing at all"),
        Nudge::Asked => (Catch::NoAction, "asks in plain text, where nobody reads it"),
        Nudge::Loop => (Catch::Loop, "repeats the same calls"),
    };
    vec![Line::caught(catch, text)]
}

fn passed(verdict: &Verdict, envelope: &Envelope) -> Line {
    let green = verdict.checks.iter().filter(|check| check.passed).count();
    let what = match envelope.subtask_id {
        Some(_) => "verified",
        None => "the whole goal is verified",
    };
    let criteria = match verdict.criteria.len() {
        0 => String::new(),
        1 => ", 1 criterion judged".to_owned(),
        n => format!(", {n} criteria judged"),
    };
    let text = format!("{what}: {} passed{criteria}", plural(green, "check"));
    Line::new(Tone::Good, depth(envelope), text)
}

/// A gate belongs to an attempt, or to the task as a whole.
const fn depth(envelope: &Envelope) -> usize {
    match envelope.subtask_id {
        Some(_) => 2,
        None => 0,
    }
}

/// What the gate found, as a mistake and its evidence.
fn failed(verdict: &Verdict, envelope: &Envelope, view: &TaskView) -> Vec<Line> {
    let reds: Vec<_> = verdict
        .checks
        .iter()
        .filter(|check| !check.passed)
        .collect();
    let missing = envelope
        .subtask_id
        .as_ref()
        .and_then(|id| missing_output(view, id, verdict));
    let head = match (&missing, &envelope.subtask_id) {
        (Some(path), _) => format!("claims {path}, which does not exist"),
        (None, Some(_)) => "says that it is done, and it is not".to_owned(),
        (None, None) => "every step passed, and the whole does not".to_owned(),
    };
    let head = Line::caught(Catch::FalseClaim, head);
    let depth = depth(envelope);
    let mut lines = vec![Line { depth, ..head }];
    for check in reds.iter().take(MAX_CHECKS) {
        let text = format!("✗ {}: {}", check.check, first_line(&check.detail));
        lines.push(Line::new(Tone::Plain, depth + 1, text).lasting());
    }
    if reds.is_empty() {
        let text = first_line(&verdict.feedback);
        lines.push(Line::new(Tone::Plain, depth + 1, format!("✗ {text}")).lasting());
    }
    lines
}

/// An output that the plan demands and the gate did not find.
fn missing_output(view: &TaskView, id: &SubtaskId, verdict: &Verdict) -> Option<String> {
    let outputs = &view.subtask(id)?.spec.outputs;
    let mut reds = verdict.checks.iter().filter(|check| !check.passed);
    reds.find_map(|check| {
        let gone = check.detail.ends_with("nothing is there");
        outputs
            .iter()
            .find(|path| gone && check.detail.contains(path.as_str()))
    })
    .cloned()
}

fn given(answer: &GivenAnswer) -> String {
    match answer {
        GivenAnswer::Text { text } => text.clone(),
        GivenAnswer::Retry { guidance } if guidance.is_empty() => "try again".to_owned(),
        GivenAnswer::Retry { guidance } => format!("try again: {guidance}"),
        GivenAnswer::Take { attempt } => format!("take the one of attempt {attempt}"),
        GivenAnswer::Skip => "leave it out".to_owned(),
        GivenAnswer::EditPlan => "go on with another plan".to_owned(),
        GivenAnswer::TakeOver => "I do it by hand".to_owned(),
        GivenAnswer::Done => "it is done".to_owned(),
        GivenAnswer::Abort => "end the task".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::Journal;

    fn told(journal: &Journal) -> Vec<String> {
        let mut narrator = Narrator::default();
        let mut view = TaskView::new(journal.task);
        let mut lines = Vec::new();
        for envelope in &journal.envelopes {
            view.apply(envelope);
            lines.extend(narrator.lines(envelope, &view).iter().map(Line::indented));
        }
        lines
    }

    #[test]
    fn a_question_that_nobody_answered_is_told_with_what_followed() {
        let mut journal = Journal::new();
        journal.create();
        let ask = |on_expiry, default: Option<&str>| Event::ApprovalRequested {
            question: loom_events::Question {
                subject: loom_events::Subject::Plan { version: 1 },
                reason: "why".into(),
                action: "what".into(),
                risk: loom_events::Risk::Low,
                rules: Vec::new(),
                choices: Vec::new(),
                default: default.map(str::to_owned),
            },
            deadline: None,
            on_expiry,
        };
        use loom_events::OnExpiry::{Deny, Fail, Proceed};
        for asked in [ask(Deny, None), ask(Fail, None), ask(Proceed, Some("red"))] {
            let question = QuestionId(journal.add(None, asked));
            journal.add(None, Event::ApprovalExpired { question });
        }
        let told = told(&journal);
        let expired: Vec<_> = told
            .iter()
            .filter(|line| line.contains("in time"))
            .collect();
        assert_eq!(
            expired,
            [
                "  nobody answered in time: it is refused",
                "  nobody answered in time: the task fails",
                "  nobody answered in time: the model goes on with its default: red",
            ]
        );
    }

    #[test]
    fn a_task_reads_as_a_story() {
        assert_eq!(
            told(&Journal::demo_like()),
            [
                "planning",
                "plan: 2 subtasks",
                "  1. Mend the total",
                "  2. Write the page",
                "▸ Mend the total",
                "    read_file sum.sh → 19 lines",
                "    caught: says that it is done, and it is not",
                "      ✗ `./test.sh` exits 0: exited 1",
                "    told what is missing, in the same context",
                "    verified: 1 check passed",
                "✓ Mend the total",
                "▸ Write the page",
                "    caught: calls `open_file`, a tool that does not exist",
                "    caught: claims PAGE.md, which does not exist",
                "      ✗ declared outputs are there: the output PAGE.md is there and not empty: nothing is there",
            ]
        );
    }

    #[test]
    fn only_what_a_picture_does_not_show_stays_above_it() {
        let journal = Journal::demo_like();
        let mut narrator = Narrator::default();
        let mut view = TaskView::new(journal.task);
        let mut lasting = Vec::new();
        for envelope in &journal.envelopes {
            view.apply(envelope);
            let lines = narrator.lines(envelope, &view);
            lasting.extend(lines.into_iter().filter(|line| line.lasting));
        }
        assert!(
            lasting
                .iter()
                .all(|line| !line.text.starts_with("read_file"))
        );
        let catches: Vec<_> = lasting.iter().filter_map(|line| line.catch).collect();
        assert_eq!(
            catches,
            [Catch::FalseClaim, Catch::Refused, Catch::FalseClaim]
        );
    }
}
