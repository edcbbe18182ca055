//! The fold behind [`TaskView`]: one event in, the view changed.

use crate::{
    AttemptView, ErrorRow, FileRow, QuestionView, Steering, SubtaskStatus, SubtaskView, TaskStatus,
    TaskView, VerdictView,
};
use loom_events::{
    AttemptEnd, AttemptId, Compared, EffectId, End, Envelope, Event, Operation, Plan, PlanReason,
    Question, QuestionId, Rung, Standing, SubtaskId, Summary, TakenBy, Tier, Work,
};

impl TaskView {
    /// Adds one event. Events of another task, or that were seen, are left out.
    pub fn apply(&mut self, envelope: &Envelope) {
        if envelope.task_id != self.id || envelope.seq <= self.last_seq {
            return;
        }
        self.last_seq = envelope.seq;
        self.updated = envelope.timestamp;
        if let Some(effect) = envelope.event.outcome_of() {
            self.outcome(effect, &envelope.event);
        }
        if let Some(work) = envelope.event.intent() {
            self.intent(EffectId(envelope.seq), work.clone(), &envelope.event);
        }
        self.fact(envelope);
        self.status = self.derive();
    }

    fn derive(&self) -> TaskStatus {
        if self.status.is_final() {
            return self.status;
        }
        if self.inner.stopping {
            return TaskStatus::Stopping;
        }
        if self.inner.paused {
            return TaskStatus::Paused;
        }
        if self.behind.is_some() {
            return TaskStatus::Queued;
        }
        if self.inner.works.is_empty() && !self.questions.is_empty() {
            return TaskStatus::WaitingApproval;
        }
        match (self.inner.planning, self.plan_version) {
            (true, _) if self.inner.open.is_empty() => TaskStatus::Planning,
            (false, 0) => TaskStatus::Pending,
            _ => TaskStatus::Executing,
        }
    }

    fn intent(&mut self, effect: EffectId, work: Work, event: &Event) {
        if let Some(attempt) = work.attempt() {
            let verifying = matches!(work, Work::Verify { .. } | Work::Recheck { .. });
            let extracting = matches!(work, Work::Extract { .. });
            self.with_subtask_of(attempt, |subtask| {
                if !extracting && !matches!(subtask.status, SubtaskStatus::Completed) {
                    subtask.status = match verifying {
                        true => SubtaskStatus::Verifying,
                        false => SubtaskStatus::Running,
                    };
                }
            });
            if let Event::ToolCallStarted { summary, .. } = event {
                self.with_attempt(attempt, |a| a.current = Some(summary.clone()));
            }
        }
        self.inner.works.insert(effect, work);
    }

    fn outcome(&mut self, effect: EffectId, event: &Event) {
        let work = self.inner.works.remove(&effect);
        if let Some(intent) = event.settles() {
            self.inner.works.remove(&intent);
        }
        let attempt = work.as_ref().and_then(Work::attempt);
        match event {
            Event::ModelCallCompleted { reply, .. } => {
                self.usage = self.usage.plus(reply.usage);
                if let Some(text) = &reply.discovery {
                    self.discoveries.push(text.clone());
                }
                self.with_attempt_of(attempt, |a| {
                    a.turns += 1;
                    a.context_percent = reply.context_percent;
                });
            }
            Event::PlanProposed { usage, .. } | Event::ExtractionFinished { usage, .. } => {
                self.usage = self.usage.plus(*usage);
            }
            Event::ToolCallCompleted { result, .. } => {
                self.degrade(&result.degraded);
                self.with_attempt_of(attempt, |a| {
                    a.calls += 1;
                    a.current = None;
                });
            }
            Event::VerificationPassed { verdict, .. }
            | Event::VerificationFailed { verdict, .. }
            | Event::VerificationInconclusive { verdict, .. } => {
                self.usage = self.usage.plus(verdict.usage);
                self.degrade(&verdict.degraded);
                let shown = VerdictView {
                    seq: self.last_seq,
                    verdict: verdict.clone(),
                };
                match attempt {
                    Some(_) => self.with_attempt_of(attempt, |a| a.verdict = Some(shown)),
                    None => self.final_verdict = Some(shown),
                }
            }
            Event::AttemptPrepared { prepared, .. } => {
                self.degrade(&prepared.degraded);
                if prepared.sandbox.is_some() {
                    self.sandbox.clone_from(&prepared.sandbox);
                }
                self.with_attempt_of(attempt, |a| a.model = Some(prepared.model.clone()));
            }
            _ => self.with_attempt_of(attempt, |a| a.current = None),
        }
    }

    fn fact(&mut self, envelope: &Envelope) {
        match &envelope.event {
            Event::TaskCreated(new) => {
                self.goal.clone_from(&new.goal);
                self.context.clone_from(&new.context);
                self.workspace.clone_from(&new.workspace);
                self.approval = new.settings.approval;
                self.network = new.settings.network;
                self.created = envelope.timestamp;
            }
            Event::TaskContinued { from, at } => self.continues = Some((*from, *at)),
            Event::TaskQueued { behind } => self.behind = Some(*behind),
            Event::RunnerStarted { .. } => self.behind = None,
            Event::TaskPaused => self.inner.paused = true,
            Event::TaskResumed => self.inner.paused = false,
            Event::TaskPlanReady { version, plan, .. } => self.take_plan(*version, plan),
            Event::TaskPlanning { .. } => self.inner.planning = true,
            Event::PlanningAbandoned { .. } => self.inner.planning = false,
            Event::TaskReplanning { why, .. } => {
                self.inner.planning = true;
                if let PlanReason::FinalGate { feedback } = why {
                    self.error(None, first_line(feedback));
                }
            }
            Event::SubtaskStarted {
                subtask,
                kind,
                ordinal,
                tier,
                ..
            } => self.start_attempt(AttemptId(envelope.seq), subtask, *kind, *ordinal, *tier),
            Event::ExecutionSetAside { attempt, subtask } => {
                self.inner.open.remove(attempt);
                self.set_status(subtask, SubtaskStatus::Pending, None);
            }
            Event::ExecutionsCompared {
                subtask,
                outcome: Compared::Taken { attempt, .. },
                ..
            } => {
                self.inner.open.insert(*attempt);
                self.set_status(subtask, SubtaskStatus::Verifying, None);
            }
            Event::NudgeGiven { attempt, nudge, .. } => {
                self.with_attempt(*attempt, |a| a.nudges.push(*nudge));
            }
            Event::AttemptEnded {
                attempt,
                subtask,
                why,
                feedback,
                ..
            } => self.end_attempt(*attempt, subtask, why, feedback),
            Event::SubtaskCompleted { subtask, .. } => {
                self.set_status(subtask, SubtaskStatus::Completed, None);
                for error in &mut self.errors {
                    if error.subtask.as_ref() == Some(subtask) && error.resolution.is_empty() {
                        "a later attempt passed".clone_into(&mut error.resolution);
                    }
                }
            }
            Event::SubtaskKept(kept) => {
                self.set_status(&kept.subtask, SubtaskStatus::Completed, None);
                if let Some(s) = self.subtask_mut(&kept.subtask) {
                    s.summary.clone_from(&kept.summary);
                    s.kept = Some(kept.clone());
                }
            }
            Event::SubtaskFailed { subtask, reason } => {
                self.set_status(subtask, SubtaskStatus::Failed, Some(reason.clone()));
            }
            Event::SubtaskBlocked { subtask, reason } => {
                self.set_status(subtask, SubtaskStatus::Blocked, Some(reason.clone()));
            }
            Event::SubtaskSkipped { subtask, .. } => {
                self.set_status(subtask, SubtaskStatus::Skipped, None);
            }
            Event::SubtaskReset {
                subtask, guidance, ..
            } => {
                self.set_status(subtask, SubtaskStatus::Pending, None);
                if let Some(s) = self.subtask_mut(subtask) {
                    s.guidance
                        .extend((!guidance.is_empty()).then(|| guidance.clone()));
                }
            }
            Event::ExtractionFinished {
                subtask, summary, ..
            } => {
                if let Some(s) = self.subtask_mut(subtask) {
                    s.summary.clone_from(summary);
                }
            }
            Event::MemoryEntryCreated { entry, .. } => {
                let noted = &mut self.inner.noted;
                noted.note(&mut self.memory, entry, envelope.seq, envelope.timestamp);
            }
            Event::FileChanged { change, .. } => self.changed(change),
            Event::SteerInstruction { text } => self.steering.push(Steering {
                seq: envelope.seq,
                text: text.clone(),
            }),
            Event::ApprovalRequested {
                question,
                deadline,
                on_expiry,
            } => self.asked(QuestionView {
                id: QuestionId(envelope.seq),
                question: question.clone(),
                deadline: *deadline,
                on_expiry: *on_expiry,
            }),
            Event::ApprovalGranted { question, .. }
            | Event::ApprovalDenied { question, .. }
            | Event::ApprovalExpired { question }
            | Event::ApprovalWithdrawn { question }
            | Event::QuestionAnswered { question, .. } => self.close(*question),
            Event::WorkspaceSurveyed { survey, .. } => self.survey = Some(survey.clone()),
            Event::LearningApplied { adjustment, .. } => self.learned.push(adjustment.clone()),
            Event::Degraded { what } => self.degrade(std::slice::from_ref(what)),
            Event::TaskStopping { end } => {
                self.inner.stopping = true;
                match end {
                    End::Completed => {}
                    End::Failed { reason, .. } | End::Cancelled { reason } => {
                        self.reason = Some(reason.clone());
                    }
                }
            }
            Event::TaskCompleted(summary) => self.finish(TaskStatus::Completed, None, summary),
            Event::TaskFailed { reason, summary } => {
                self.finish(TaskStatus::Failed, Some(reason), summary);
            }
            Event::TaskCancelled { reason, summary } => {
                self.finish(TaskStatus::Cancelled, Some(reason), summary);
            }
            // Intents and outcomes are handled above; the rest changes nothing that is shown.
            _ => {}
        }
    }

    fn take_plan(&mut self, version: u32, plan: &Plan) {
        self.plan_version = version;
        self.inner.planning = false;
        let mut old = std::mem::take(&mut self.subtasks);
        self.subtasks = plan
            .subtasks
            .iter()
            .map(|spec| {
                match old.iter().position(|s| s.spec.id == spec.id) {
                    Some(at) => {
                        let mut kept = old.swap_remove(at);
                        // A failed or skipped step that a new plan names again starts afresh.
                        if kept.status != SubtaskStatus::Completed && kept.spec != *spec
                            || matches!(
                                kept.status,
                                SubtaskStatus::Failed
                                    | SubtaskStatus::Blocked
                                    | SubtaskStatus::Skipped
                            )
                        {
                            kept.status = SubtaskStatus::Pending;
                            kept.reason = None;
                        }
                        kept.spec = spec.clone();
                        kept
                    }
                    None => SubtaskView::new(spec.clone()),
                }
            })
            .collect();
    }

    fn start_attempt(
        &mut self,
        id: AttemptId,
        subtask: &SubtaskId,
        rung: Rung,
        ordinal: u32,
        tier: Tier,
    ) {
        self.inner.owners.insert(id, subtask.clone());
        self.inner.open.insert(id);
        if let Some(s) = self.subtask_mut(subtask) {
            s.status = SubtaskStatus::Running;
            s.reason = None;
            s.attempts.push(AttemptView {
                id,
                ordinal,
                rung,
                tier,
                model: None,
                turns: 0,
                calls: 0,
                nudges: Vec::new(),
                context_percent: 0,
                current: None,
                verdict: None,
                ended: None,
                feedback: String::new(),
            });
        }
    }

    fn end_attempt(
        &mut self,
        attempt: AttemptId,
        subtask: &SubtaskId,
        why: &AttemptEnd,
        feedback: &str,
    ) {
        self.inner.open.remove(&attempt);
        self.with_attempt(attempt, |a| {
            a.ended = Some(why.clone());
            a.current = None;
            feedback.clone_into(&mut a.feedback);
        });
        // It did nothing wrong, and what its step is doing is another attempt's.
        if matches!(why, AttemptEnd::Passed | AttemptEnd::Outvoted) {
            return;
        }
        self.error(Some(subtask.clone()), describe_end(why, feedback));
        if let Some(s) = self.subtask_mut(subtask)
            && matches!(
                s.status,
                SubtaskStatus::Running | SubtaskStatus::Verifying | SubtaskStatus::WaitingApproval
            )
        {
            s.status = SubtaskStatus::Pending;
        }
    }

    fn asked(&mut self, asked: QuestionView) {
        let attempt = attempt_of(&asked.question);
        self.questions.push(asked);
        if let Some(attempt) = attempt {
            self.with_subtask_of(attempt, |s| s.status = SubtaskStatus::WaitingApproval);
        }
    }

    fn close(&mut self, id: QuestionId) {
        let Some(at) = self.questions.iter().position(|q| q.id == id) else {
            return;
        };
        let closed = self.questions.remove(at);
        if let Some(attempt) = attempt_of(&closed.question) {
            self.with_subtask_of(attempt, |s| {
                if s.status == SubtaskStatus::WaitingApproval {
                    s.status = SubtaskStatus::Running;
                }
            });
        }
    }

    fn changed(&mut self, change: &loom_events::FileChange) {
        let path = change.new_path.as_ref().unwrap_or(&change.path);
        let made_here = |row: &FileRow| row.operation == Operation::Create;
        if change.operation == Operation::Delete
            && let Some(at) = self.files.iter().position(|row| &row.path == path)
            && self.files.get(at).is_some_and(made_here)
        {
            // Made in this task and gone again: there is nothing to show.
            self.files.remove(at);
            return;
        }
        match self.files.iter_mut().find(|row| &row.path == path) {
            Some(row) => {
                // Made in this task and changed again: it is still a new file.
                if row.operation != Operation::Create || change.operation != Operation::Modify {
                    row.operation = change.operation;
                }
                row.lines.added = row.lines.added.saturating_add(change.lines.added);
                row.lines.removed = row.lines.removed.saturating_add(change.lines.removed);
            }
            None => self.files.push(FileRow {
                path: path.clone(),
                operation: change.operation,
                lines: change.lines,
            }),
        }
    }

    fn finish(&mut self, status: TaskStatus, reason: Option<&String>, summary: &Summary) {
        self.status = status;
        self.behind = None;
        self.reason = reason.cloned();
        // What only the kernel adds up, such as a question that nobody answered.
        self.degrade(&summary.degraded);
        self.summary = Some(summary.clone());
        self.questions.clear();
        self.inner.works.clear();
    }

    fn degrade(&mut self, what: &[String]) {
        for line in what {
            if !self.degraded.contains(line) {
                self.degraded.push(line.clone());
            }
        }
    }

    fn error(&mut self, subtask: Option<SubtaskId>, what: String) {
        self.errors.push(ErrorRow {
            subtask,
            what,
            resolution: String::new(),
        });
    }

    fn set_status(&mut self, id: &SubtaskId, status: SubtaskStatus, reason: Option<String>) {
        if let Some(s) = self.subtask_mut(id) {
            s.status = status;
            s.reason = reason;
        }
    }

    fn subtask_mut(&mut self, id: &SubtaskId) -> Option<&mut SubtaskView> {
        self.subtasks.iter_mut().find(|s| &s.spec.id == id)
    }

    fn with_subtask_of(&mut self, attempt: AttemptId, then: impl FnOnce(&mut SubtaskView)) {
        if let Some(id) = self.inner.owners.get(&attempt).cloned()
            && let Some(subtask) = self.subtask_mut(&id)
        {
            then(subtask);
        }
    }

    fn with_attempt(&mut self, attempt: AttemptId, then: impl FnOnce(&mut AttemptView)) {
        self.with_subtask_of(attempt, |subtask| {
            if let Some(a) = subtask.attempts.iter_mut().find(|a| a.id == attempt) {
                then(a);
            }
        });
    }

    fn with_attempt_of(&mut self, attempt: Option<AttemptId>, then: impl FnOnce(&mut AttemptView)) {
        if let Some(attempt) = attempt {
            self.with_attempt(attempt, then);
        }
    }
}

fn attempt_of(question: &Question) -> Option<AttemptId> {
    use loom_events::Subject;
    match &question.subject {
        Subject::Call { attempt, .. }
        | Subject::Ask { attempt, .. }
        | Subject::Result { attempt }
        | Subject::ByHand { attempt } => Some(*attempt),
        Subject::Exhausted { .. }
        | Subject::Executions { .. }
        | Subject::Plan { .. }
        | Subject::PlanLimit { .. }
        | Subject::Doubt { .. } => None,
    }
}

/// One line that says why an attempt ended.
#[must_use]
pub fn describe_end(why: &AttemptEnd, feedback: &str) -> String {
    let head = match why {
        AttemptEnd::Passed => "passed".to_owned(),
        AttemptEnd::GateFailed => "the gate failed".to_owned(),
        AttemptEnd::Inconclusive => "the gate could not tell".to_owned(),
        AttemptEnd::Disputed { .. } => "its checks are in dispute".to_owned(),
        AttemptEnd::Blocked => "the model says that it is blocked".to_owned(),
        AttemptEnd::TurnLimit => "too many turns".to_owned(),
        AttemptEnd::Unusable => "too many unusable answers".to_owned(),
        AttemptEnd::Looping => "it went in circles".to_owned(),
        AttemptEnd::Failed { failure } => return failure.message.clone(),
        AttemptEnd::Denied => "a human said no".to_owned(),
        AttemptEnd::Superseded => "the plan changed".to_owned(),
        AttemptEnd::Conflict => "its result did not fit what was merged before".to_owned(),
        AttemptEnd::Outvoted => "it passed, and was not taken".to_owned(),
        AttemptEnd::Stopped => "the task was stopped".to_owned(),
    };
    match first_line(feedback) {
        line if line.is_empty() => head,
        line => format!("{head}: {line}"),
    }
}

/// One line that says what came of comparing executions.
#[must_use]
pub fn describe_compared(standings: &[Standing], outcome: &Compared) -> String {
    let all = standings.len();
    match outcome {
        Compared::Diverged => {
            format!("{all} executions passed and made different things")
        }
        Compared::Taken { attempt, by } => match by {
            TakenBy::Alone => "the only execution that passed is taken".to_owned(),
            TakenBy::Checks => {
                format!("of {all} executions the one with the most green checks is taken")
            }
            TakenBy::Agreement => {
                let taken = standings.iter().find(|one| one.attempt == *attempt);
                let agree = taken.map_or(0, |one| one.agree);
                format!("of {all} executions {agree} made the same: it is taken")
            }
            TakenBy::Human => format!("of {all} executions the one that was chosen is taken"),
        },
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().find(|l| !l.trim().is_empty()).unwrap_or("");
    line.trim().chars().take(160).collect()
}
