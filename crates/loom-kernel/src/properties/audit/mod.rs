//! What must hold of every journal, read off the journal alone. It keeps its own books, as simple as
//! they can be, and shares nothing with the state of the kernel.

mod ends;
mod work;

use loom_events::{
    AttemptEnd, AttemptId, Class, Compared, Digest, EffectId, Envelope, Event, GivenAnswer, Limit,
    OnExpiry, PlanReason, QuestionId, Rung, Seq, SkippedBy, Subject, SubtaskId, SubtaskSpec,
    TaskSettings, Time, Work,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is wrong with a journal. `boundaries` are the places at which a batch ended.
pub(super) fn audit(journal: &[Envelope], boundaries: &[usize]) -> Vec<String> {
    let mut books = Books::default();
    for (at, envelope) in journal.iter().enumerate() {
        books.read(envelope);
        if boundaries.contains(&(at + 1)) {
            books.rest(envelope.seq);
        }
    }
    books.faults
}

/// One attempt in the books.
#[derive(Default)]
struct AttemptBook {
    subtask: Option<SubtaskId>,
    prepared: Seq,
    fork: bool,
    by_hand: bool,
    /// Whether the human said that their work is done, and no verdict came since.
    said_done: bool,
    over: bool,
    /// Whether it waits for other executions of its step: then it has no place.
    aside: bool,
    completed: bool,
    passed: bool,
    turns: u32,
    heard: Seq,
    merged: Option<Seq>,
    /// Where the last change of it to its own tree began.
    wrote: Seq,
}

#[derive(Default)]
struct Intent {
    work: Option<Work>,
    class: Option<Class>,
    steer_upto: Seq,
}

#[derive(Default)]
struct Books {
    faults: Vec<String>,
    settings: TaskSettings,
    seq: Seq,
    time: Time,
    stopping: bool,
    ended: bool,
    paused: bool,
    awake: Time,
    runner: Seq,
    version: u32,
    by_hand: u32,
    /// Plannings about nothing but the checks of a subtask.
    about_checks: BTreeMap<Seq, SubtaskId>,
    /// Subtasks that a human began again since.
    asked_again: BTreeSet<SubtaskId>,
    allowed: u32,
    attempts: BTreeMap<AttemptId, AttemptBook>,
    started: u32,
    open: BTreeMap<EffectId, Intent>,
    all: BTreeMap<EffectId, Work>,
    /// Work whose outcome is acknowledged: it must not start again.
    acknowledged: BTreeSet<Work>,
    /// The digest for which a slot was held last.
    held: BTreeMap<Work, Option<Digest>>,
    runs: BTreeMap<Work, (u32, u32)>,
    questions: BTreeMap<QuestionId, (Subject, Option<Time>, OnExpiry)>,
    granted: BTreeMap<QuestionId, Subject>,
    steered: Vec<Seq>,
    heard: Seq,
    waived: Seq,
    too_late: bool,
    /// Landings and takings back, in order.
    landed: Vec<(Seq, AttemptId, bool)>,
    failing: BTreeMap<Work, u32>,
    planned: Vec<SubtaskId>,
    specs: Vec<SubtaskSpec>,
    completed: BTreeSet<SubtaskId>,
    left_out: BTreeMap<SubtaskId, SubtaskSpec>,
    last_completion: Seq,
    final_passed: Seq,
    unclean: bool,
    /// Lost effects of which nobody can say whether they were done, and whose changes are recorded.
    recorded: BTreeSet<EffectId>,
    /// Whether settling was given up.
    given_up: bool,
    starts: BTreeMap<EffectId, Seq>,
    /// Passed gates: by which attempt, where they began, whether over a merged tree.
    judged: BTreeMap<Seq, (AttemptId, Seq, bool)>,
}

impl Books {
    fn fault(&mut self, seq: Seq, what: impl std::fmt::Display) {
        self.faults.push(format!("{seq}: {what}"));
    }

    fn read(&mut self, envelope: &Envelope) {
        let seq = envelope.seq;
        if seq != self.seq.next() {
            self.fault(seq, "the seq has a gap");
        }
        if envelope.timestamp < self.time {
            self.fault(seq, "time steps back");
        }
        if self.ended {
            self.fault(seq, "something follows the end");
        }
        if let Some(attempt) = envelope.event.intent().and_then(Work::attempt)
            && envelope.correlation_id != attempt.0
        {
            self.fault(seq, "an intent of an attempt is not correlated with it");
        }
        (self.seq, self.time) = (seq, envelope.timestamp);
        if let Some(work) = envelope.event.intent() {
            self.intent(seq, work, &envelope.event);
        }
        if let Some(effect) = envelope.event.outcome_of() {
            self.outcome(seq, effect, &envelope.event);
        }
        self.event(seq, envelope);
    }

    /// Between two batches.
    fn rest(&mut self, seq: Seq) {
        let dead: Vec<String> = self
            .questions
            .iter()
            .filter(|(_, (subject, ..))| !self.subject_lives(subject))
            .map(|(id, _)| format!("question {id} is open and its subject is gone"))
            .collect();
        for fault in dead {
            self.fault(seq, fault);
        }
        let running = self.attempts.values();
        let running = running.filter(|a| !a.over && !a.aside).count();
        if running > self.settings.max_parallel_subtasks as usize {
            self.fault(seq, format!("{running} attempts run at once"));
        }
    }

    fn subject_lives(&self, subject: &Subject) -> bool {
        let runs = |attempt| {
            self.attempts
                .get(attempt)
                .is_some_and(|a: &AttemptBook| !a.over)
        };
        !self.stopping
            && match subject {
                Subject::Call { attempt, turn, .. } | Subject::Ask { attempt, turn, .. } => {
                    runs(attempt) && self.attempts[attempt].turns == turn + 1
                }
                Subject::Result { attempt } | Subject::ByHand { attempt } => runs(attempt),
                Subject::Exhausted { subtask } | Subject::Executions { subtask } => {
                    self.planned.contains(subtask) && !self.completed.contains(subtask)
                }
                Subject::Plan { version } | Subject::PlanLimit { version } => {
                    *version == self.version
                }
                Subject::Doubt { effect } => self.open.contains_key(effect),
            }
    }

    fn event(&mut self, seq: Seq, envelope: &Envelope) {
        let time = envelope.timestamp;
        match &envelope.event {
            Event::TaskCreated(task) => {
                self.settings = task.settings.clone();
            }
            Event::RunnerStarted { .. } => (self.runner, self.awake) = (seq, time),
            Event::TaskPaused => self.paused = true,
            Event::TaskResumed => (self.paused, self.awake) = (false, time),
            Event::TaskStopping { end } => self.stopped(seq, end),
            Event::TaskReplanning {
                why: PlanReason::Checks { subtask, .. },
                ..
            } => {
                let asked = self.about_checks.values().any(|asked| asked == subtask);
                let again = asked && !self.asked_again.remove(subtask);
                if again {
                    self.fault(
                        seq,
                        format!("the checks of {subtask} are asked about again"),
                    );
                }
                self.about_checks.insert(seq, subtask.clone());
            }
            Event::TaskPlanReady {
                plan,
                version,
                planning,
                ..
            } => {
                self.version = *version;
                let checks = planning.is_some_and(|p| self.about_checks.contains_key(&p.0));
                self.by_hand += u32::from(planning.is_none() || checks);
                let max = self.settings.limits.plan_versions + self.allowed + self.by_hand;
                if *version > max {
                    self.fault(seq, format!("version {version} of the plan"));
                }
                self.planned = plan.subtasks.iter().map(|s| s.id.clone()).collect();
                let planned = &self.planned;
                let dropped = self.completed.iter().any(|id| !planned.contains(id));
                if dropped {
                    self.fault(seq, "completed work is not in the new plan");
                }
                // What was left out stays so until a plan has it otherwise, also where one between does not
                // have it at all.
                self.left_out.retain(|id, left_out| {
                    let mut named = plan.subtasks.iter().filter(|spec| &spec.id == id);
                    named.all(|spec| spec == left_out)
                });
                self.specs.clone_from(&plan.subtasks);
                self.final_passed = Seq::ZERO;
            }
            Event::PlanningAbandoned { planning, .. } => {
                self.waived = self.waived.max(planning.0);
            }
            Event::LimitReached {
                which: Limit::Reconciliations,
                ..
            } => self.given_up = true,
            Event::Degraded { what } => self.too_late |= what.contains("too late"),
            Event::SteerInstruction { .. } => self.steered.push(seq),
            Event::SubtaskStarted { subtask, kind, .. } => {
                self.attempt_started(seq, subtask, *kind == Rung::ByHand);
            }
            Event::AttemptPrepared {
                attempt, prepared, ..
            } => {
                let book = self.attempts.entry(*attempt).or_default();
                (book.prepared, book.fork) = (seq, prepared.fork.is_some());
            }
            Event::ModelCallStarted {
                work: Work::Model { attempt, turn },
                ..
            } if *turn >= self.settings.limits.turns_per_attempt => {
                self.fault(seq, format!("turn {turn} of attempt {attempt}"));
            }
            Event::ExecutionSetAside { attempt, .. } => {
                self.attempts.entry(*attempt).or_default().aside = true;
            }
            Event::ExecutionsCompared {
                outcome: Compared::Taken { attempt, .. },
                ..
            } => self.attempts.entry(*attempt).or_default().aside = false,
            Event::AttemptEnded { attempt, why, .. } => {
                let book = self.attempts.entry(*attempt).or_default();
                book.passed = *why == AttemptEnd::Passed;
                book.over = !book.passed;
            }
            Event::SubtaskCompleted {
                subtask,
                attempt,
                verdict,
            } => {
                self.subtask_completed(seq, (subtask, *attempt), *verdict);
            }
            Event::SubtaskSkipped {
                subtask,
                by: SkippedBy::Human,
            } => {
                let spec = self.specs.iter().find(|spec| &spec.id == subtask);
                let left_out = spec.map(|spec| (subtask.clone(), spec.clone()));
                self.left_out.extend(left_out);
            }
            Event::SubtaskReset { subtask, .. } => {
                self.asked_again.insert(subtask.clone());
                self.left_out.remove(subtask);
            }
            Event::Merged { effect, .. } => self.landed(seq, *effect, true),
            Event::Unmerged { effect } => self.landed(seq, *effect, false),
            Event::VerificationPassed { effect, .. } => {
                if let Some(work @ (Work::Verify { attempt, .. } | Work::Recheck { attempt })) =
                    self.all.get(effect)
                {
                    let recheck = matches!(work, Work::Recheck { .. });
                    self.judged
                        .insert(seq, (*attempt, self.starts[effect], recheck));
                }
                if let Some(Work::Final { version, .. }) = self.all.get(effect)
                    && *version == self.version
                {
                    self.final_passed = self.starts[effect];
                }
            }
            Event::ApprovalRequested {
                question,
                deadline,
                on_expiry,
            } => {
                if let Subject::Doubt { effect } = &question.subject {
                    self.must_be_recorded(seq, *effect);
                }
                let open = (question.subject.clone(), *deadline, *on_expiry);
                self.questions.insert(QuestionId(seq), open);
            }
            Event::ApprovalGranted { question, .. } => {
                if let Some((subject, ..)) = self.closed(seq, *question) {
                    self.allowed += u32::from(matches!(subject, Subject::PlanLimit { .. }));
                    self.granted.insert(*question, subject);
                }
            }
            Event::QuestionAnswered {
                question, answer, ..
            } => {
                if let Some((Subject::ByHand { attempt }, ..)) = self.closed(seq, *question)
                    && *answer == GivenAnswer::Done
                {
                    self.attempts.entry(attempt).or_default().said_done = true;
                }
            }
            Event::VerificationFailed { effect, .. }
            | Event::VerificationInconclusive { effect, .. } => {
                if let Some(Work::Verify { attempt, .. }) = self.all.get(effect) {
                    self.attempts.entry(*attempt).or_default().said_done = false;
                }
            }
            Event::ApprovalDenied { question, .. } | Event::ApprovalWithdrawn { question } => {
                self.closed(seq, *question);
            }
            Event::ApprovalExpired { question } => self.expired(seq, time, *question),
            Event::TaskCompleted(summary)
            | Event::TaskFailed { summary, .. }
            | Event::TaskCancelled { summary, .. } => {
                self.unclean = summary.unclean;
                self.over(seq, matches!(envelope.event, Event::TaskCompleted(_)));
            }
            _ => {}
        }
    }
}
