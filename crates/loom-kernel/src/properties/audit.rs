//! What must hold of every journal, read off the journal alone. It keeps its own books, as simple as
//! they can be, and shares nothing with the state of the kernel.

use loom_events::{
    AttemptEnd, AttemptId, Class, Compared, Digest, EffectId, End, Envelope, Event, FailureClass,
    GivenAnswer, Limit, OnExpiry, PlanReason, QuestionId, Reconciled, Rung, Seq, SkippedBy,
    Subject, SubtaskId, SubtaskSpec, TaskSettings, Time, Work,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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

    fn intent(&mut self, seq: Seq, work: &Work, event: &Event) {
        let undoing = matches!(work, Work::Reconcile { .. } | Work::Unmerge { .. });
        if self.paused && !self.stopping {
            self.fault(seq, format!("{work:?} starts while paused"));
        }
        if self.stopping && !undoing {
            self.fault(seq, format!("{work:?} starts while stopping"));
        }
        if self.acknowledged.contains(work) {
            self.fault(seq, format!("{work:?} starts again after its outcome"));
        }
        if self
            .open
            .values()
            .any(|intent| intent.work.as_ref() == Some(work))
        {
            self.fault(seq, format!("{work:?} starts twice at once"));
        }
        let attempt = work
            .attempt()
            .filter(|_| !matches!(work, Work::Extract { .. }));
        if let Some(attempt) = attempt
            && !undoing
            && self.attempts.get(&attempt).is_none_or(|a| a.over)
        {
            self.fault(seq, format!("{work:?} starts for an attempt that is over"));
        }
        let (class, steer_upto) = match event {
            Event::ToolCallStarted { class, .. } => (*class, Seq::ZERO),
            Event::ModelCallStarted { steer_upto, .. } => (Class::Pure, *steer_upto),
            Event::ExtractionStarted { .. } | Event::ReconcileStarted { .. } => {
                (Class::Pure, Seq::ZERO)
            }
            _ => (Class::Restorable, Seq::ZERO),
        };
        if let Event::ToolCallStarted { grant, .. } = event {
            self.call_started(seq, work, class, *grant);
        }
        if class != Class::Pure {
            self.one_writer(seq, work);
        }
        self.in_hand(seq, work);
        if let Work::Verify { attempt, .. } | Work::Merge { attempt } = work
            && self.attempts.get(attempt).is_none_or(|a| !a.by_hand)
        {
            let heard = self.attempts.get(attempt).map_or(Seq::ZERO, |a| a.heard);
            if self.steered.last().is_some_and(|last| *last > heard) {
                self.fault(seq, format!("{work:?} in spite of an unheard instruction"));
            }
        }
        let intent = Intent {
            work: Some(work.clone()),
            class: Some(class),
            steer_upto,
        };
        self.open.insert(EffectId(seq), intent);
        self.all.insert(EffectId(seq), work.clone());
        self.starts.insert(EffectId(seq), seq);
    }

    /// What a human does is no model's, is judged on their word, and nobody writes beside it.
    fn in_hand(&mut self, seq: Seq, work: &Work) {
        let fault = match work {
            Work::Model { attempt, .. } | Work::Tool { attempt, .. } => {
                let book = self.attempts.get(attempt);
                book.is_some_and(|a| a.by_hand)
                    .then(|| format!("{work:?} in a step that is done by hand"))
            }
            Work::Verify { attempt, .. } => {
                let book = self.attempts.get(attempt);
                book.is_some_and(|a| a.by_hand && !a.said_done)
                    .then(|| format!("{work:?} before the human said that it is done"))
            }
            Work::Merge { .. } => {
                let mut books = self.attempts.values();
                books
                    .any(|a| a.by_hand && a.prepared > Seq::ZERO && !a.over)
                    .then(|| format!("{work:?} while a human works in the workspace"))
            }
            _ => None,
        };
        if let Some(fault) = fault {
            self.fault(seq, fault);
        }
    }

    fn call_started(&mut self, seq: Seq, work: &Work, class: Class, grant: Option<QuestionId>) {
        if let Some(wanted) = self.held.get(work) {
            let given = grant.and_then(|q| self.granted.get(&q));
            let fits = match given {
                Some(Subject::Call { digest, .. }) => Some(digest) == wanted.as_ref(),
                _ => false,
            };
            if !fits {
                self.fault(seq, format!("{work:?} was held and runs without its grant"));
            }
        }
        let (runs, licences) = self.runs.entry(work.clone()).or_default();
        *runs += 1;
        if class == Class::Unknowable && *runs > 1 + *licences {
            self.fault(
                seq,
                format!("{work:?} runs again and nobody can say what it did"),
            );
        }
        if class != Class::Pure
            && let Work::Tool { attempt, .. } = work
            && let Some(book) = self.attempts.get_mut(attempt)
        {
            book.wrote = seq;
        }
    }

    /// The workspace itself has one owner: an attempt in place, or a merge until it is judged.
    fn one_writer(&mut self, seq: Seq, work: &Work) {
        let in_place = |attempt: &AttemptId| {
            self.attempts
                .get(attempt)
                .is_some_and(|a| a.prepared > Seq::ZERO && !a.fork)
        };
        let writer = |work: &Work| match work {
            Work::Tool { attempt, .. } | Work::Verify { attempt, .. } if in_place(attempt) => {
                Some(*attempt)
            }
            Work::Merge { attempt } | Work::Recheck { attempt } | Work::Unmerge { attempt } => {
                Some(*attempt)
            }
            _ => None,
        };
        let Some(mine) = writer(work) else {
            return;
        };
        let mut others = self
            .open
            .values()
            .filter(|intent| intent.class != Some(Class::Pure));
        let clash = others.find_map(|intent| {
            let other = intent
                .work
                .as_ref()
                .filter(|w| writer(w).is_some_and(|a| a != mine))?;
            Some(format!("{work:?} writes beside {other:?}"))
        });
        if let Some(clash) = clash {
            self.fault(seq, clash);
        }
    }

    fn outcome(&mut self, seq: Seq, effect: EffectId, event: &Event) {
        let Some(intent) = self.open.remove(&effect) else {
            self.fault(seq, format!("effect {effect} has a second outcome"));
            return;
        };
        let work = intent.work.clone().unwrap();
        let settled = matches!(
            event,
            Event::EffectInterrupted { .. } | Event::EffectReconciled { .. }
        );
        if effect.0 < self.runner && !settled {
            self.fault(
                seq,
                format!("an outcome of an earlier runner was taken: {work:?}"),
            );
        }
        match event {
            Event::EffectInterrupted { maybe, .. } => {
                self.interrupted(seq, (effect, *maybe), &intent);
            }
            Event::EffectFailed { failure, .. } | Event::ModelCallFailed { failure, .. } => {
                let row = self.failing.entry(work.clone()).or_default();
                *row = if failure.class == FailureClass::Transient {
                    *row + 1
                } else {
                    0
                };
                let (row, max) = (*row, self.settings.limits.transient_retries + 1);
                let bounded = !matches!(work, Work::Unmerge { .. } | Work::Reconcile { .. });
                if bounded && row > max {
                    self.fault(
                        seq,
                        format!("{work:?} failed {row} times in a row and goes on"),
                    );
                }
            }
            Event::EffectReconciled { intent, found, .. } => self.reconciled(seq, *intent, found),
            Event::ToolCallHeld { question, .. } => {
                self.runs.entry(work.clone()).or_default().1 += 1;
                let digest = match &question.subject {
                    Subject::Call { digest, .. } => Some(digest.clone()),
                    _ => None,
                };
                self.held.insert(work, digest);
            }
            _ => {
                // Whatever works in between, as a turn after an instruction does, ends the row.
                let attempt = work.attempt();
                self.failing.retain(|failed, _| {
                    failed != &work && (attempt.is_none() || failed.attempt() != attempt)
                });
                self.acknowledged.insert(work);
            }
        }
        self.carried(effect, &intent, event);
    }

    /// What a completed call carried is heard, by an attempt that still runs or by a planner.
    fn carried(&mut self, effect: EffectId, intent: &Intent, event: &Event) {
        match (event, self.all.get(&effect)) {
            (Event::ModelCallCompleted { .. }, Some(Work::Model { attempt, .. })) => {
                let book = self.attempts.entry(*attempt).or_default();
                book.turns += 1;
                book.heard = book.heard.max(intent.steer_upto);
                if !book.over {
                    self.heard = self.heard.max(intent.steer_upto);
                }
            }
            (Event::PlanProposed { .. }, _) => self.heard = self.heard.max(intent.steer_upto),
            _ => {}
        }
    }

    fn interrupted(&mut self, seq: Seq, (effect, maybe): (EffectId, bool), intent: &Intent) {
        let work = intent.work.clone().unwrap();
        let lost = effect.0 < self.runner;
        if lost && intent.class == Some(Class::Unknowable) {
            self.must_be_recorded(seq, effect);
        }
        if intent.class == Some(Class::Unknowable) && !maybe {
            let asked = self
                .granted
                .values()
                .any(|s| matches!(s, Subject::Doubt { effect: e } if *e == effect));
            if lost && !asked {
                self.fault(seq, format!("{work:?} may run again and nobody was asked"));
            }
            self.runs.entry(work).or_default().1 += 1;
        } else if maybe && matches!(work, Work::Tool { .. }) {
            // The model was told that it may have run: that is its result.
            self.acknowledged.insert(work);
        }
    }

    /// Nobody is asked and nothing goes on before what a lost effect changed is recorded.
    fn must_be_recorded(&mut self, seq: Seq, effect: EffectId) {
        if !self.recorded.contains(&effect) && !self.given_up {
            self.fault(seq, format!("what effect {effect} changed is not recorded"));
        }
    }

    fn reconciled(&mut self, seq: Seq, intent: EffectId, found: &Reconciled) {
        if *found == Reconciled::Recorded {
            self.recorded.insert(intent);
            return;
        }
        let Some(settled) = self.open.remove(&intent) else {
            self.fault(seq, format!("effect {intent} was settled and is not open"));
            return;
        };
        if matches!(found, Reconciled::Applied { .. }) {
            self.acknowledged.insert(settled.work.unwrap());
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

    fn closed(
        &mut self,
        seq: Seq,
        question: QuestionId,
    ) -> Option<(Subject, Option<Time>, OnExpiry)> {
        let open = self.questions.remove(&question);
        if open.is_none() {
            self.fault(seq, format!("question {question} is closed twice"));
        }
        open
    }

    fn expired(&mut self, seq: Seq, time: Time, question: QuestionId) {
        let Some((_, deadline, _)) = self.closed(seq, question) else {
            return;
        };
        let grace = Duration::from_millis(self.settings.grace_ms);
        if deadline.is_none_or(|at| time < at) || time < self.awake.after(grace) || self.paused {
            self.fault(seq, format!("question {question} expired too early"));
        }
    }

    fn stopped(&mut self, seq: Seq, end: &End) {
        if self.stopping {
            self.fault(seq, "it stops twice");
        }
        self.stopping = true;
        let heard = self.heard.max(self.waived);
        let unheard = self.steered.last().is_some_and(|last| *last > heard);
        if *end == End::Completed && unheard && !self.too_late {
            self.fault(
                seq,
                "it completes and nobody has heard the last instruction",
            );
        }
    }

    fn attempt_started(&mut self, seq: Seq, subtask: &SubtaskId, by_hand: bool) {
        self.started += 1;
        if self.started > self.settings.limits.iterations {
            self.fault(seq, format!("{} attempts", self.started));
        }
        if self.stopping || self.paused {
            self.fault(seq, "an attempt starts while paused or stopping");
        }
        if self.completed.contains(subtask) {
            self.fault(seq, format!("`{subtask}` is completed and starts again"));
        }
        let undrained = self.open.values().find(|intent| {
            let attempt = intent.work.as_ref().and_then(Work::attempt);
            let dead = attempt
                .and_then(|a| self.attempts.get(&a))
                .is_some_and(|a| a.over);
            intent.class != Some(Class::Pure) && dead
        });
        if let Some(intent) = undrained {
            let what = format!("an attempt starts beside {:?} of a dead one", intent.work);
            self.fault(seq, what);
        }
        let book = AttemptBook {
            subtask: Some(subtask.clone()),
            by_hand,
            ..AttemptBook::default()
        };
        self.attempts.insert(AttemptId(seq), book);
    }

    fn landed(&mut self, seq: Seq, effect: EffectId, inwards: bool) {
        let Some(attempt) = self.all.get(&effect).and_then(Work::attempt) else {
            return;
        };
        self.landed.push((seq, attempt, inwards));
        let book = self.attempts.entry(attempt).or_default();
        book.merged = inwards.then_some(seq);
    }

    /// A completion rests on a passed verdict about the tree as it is now.
    fn subtask_completed(
        &mut self,
        seq: Seq,
        (subtask, attempt): (&SubtaskId, AttemptId),
        verdict: Seq,
    ) {
        self.completed.insert(subtask.clone());
        self.last_completion = seq;
        let book = self.attempts.entry(attempt).or_default();
        let (fork, merged, prepared, wrote) = (book.fork, book.merged, book.prepared, book.wrote);
        (book.completed, book.over) = (true, true);
        let wrong = book.subtask.as_ref() != Some(subtask) || !book.passed;
        if wrong {
            self.fault(seq, format!("`{subtask}` completed by attempt {attempt}"));
        }
        let moved = merged.is_some_and(|at| {
            self.landed
                .iter()
                .any(|(landed, by, _)| *by != attempt && *landed > prepared && *landed < at)
        });
        let after = self
            .landed
            .iter()
            .any(|(landed, by, _)| *by != attempt && merged.is_some_and(|at| *landed > at));
        // The verdict's own seq is in the journal as a passed gate of this attempt.
        let judged = self
            .judged
            .get(&verdict)
            .filter(|(by, ..)| *by == attempt)
            .copied();
        let Some((_, began, recheck)) = judged else {
            self.fault(
                seq,
                format!("`{subtask}` completed without a passed gate at {verdict}"),
            );
            return;
        };
        if began < wrote {
            self.fault(seq, format!("`{subtask}` changed after its verdict began"));
        }
        if fork && merged.is_none() {
            self.fault(
                seq,
                format!("`{subtask}` completed and its fork was not merged"),
            );
        }
        if moved && (!recheck || merged.is_some_and(|at| began < at)) {
            self.fault(
                seq,
                format!("`{subtask}` landed on a moved base without a recheck"),
            );
        }
        if after {
            self.fault(
                seq,
                format!("something landed between the merge and the completion of `{subtask}`"),
            );
        }
    }

    fn over(&mut self, seq: Seq, completed: bool) {
        self.ended = true;
        if !self.stopping {
            self.fault(seq, "it ends without stopping");
        }
        if !self.open.is_empty() {
            self.fault(seq, "effects are in flight at the end");
        }
        if !self.questions.is_empty() {
            self.fault(seq, "questions are open at the end");
        }
        let left = self
            .attempts
            .values()
            .any(|a| a.merged.is_some() && !a.completed);
        if left && !self.unclean {
            self.fault(
                seq,
                "something merged remains of an attempt that did not complete",
            );
        }
        if self.attempts.values().any(|a| !a.over) {
            self.fault(seq, "an attempt runs at the end");
        }
        if completed {
            let done =
                |id: &&SubtaskId| !self.completed.contains(*id) && !self.left_out.contains_key(*id);
            if self.planned.iter().any(|id| done(&id)) {
                self.fault(seq, "it completed with subtasks that are not done");
            }
            if self.settings.verification.judges_the_whole()
                && self.final_passed < self.last_completion
            {
                self.fault(seq, "it completed without a last gate over the last tree");
            }
        }
    }
}
