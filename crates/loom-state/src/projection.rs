//! The rows of one task as a fold of its events. Every back end uses this fold and only stores its
//! result, so the same events give the same rows everywhere.
//!
//! It is for display: nothing may decide by it. What cannot be seen in a list is not kept.

use crate::{ApprovalRow, Closed, Closing, RowStatus, SubtaskRow, TaskRow};
use loom_events::{
    AttemptEnd, AttemptId, Compared, EffectId, Envelope, Event, Plan, Question, QuestionId, Seq,
    Subject, SubtaskId, TaskId, Tier, Time, Usage, Work,
};
use std::collections::{BTreeMap, BTreeSet};

/// The rows of one task, and the little that is needed to fold on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Projection {
    /// The row of the task; its status is derived after each event.
    pub(crate) task: TaskRow,
    /// Status without pause and questions: pending, planning, executing, stopping or an end.
    pub(crate) phase: RowStatus,
    /// Whether it is paused.
    pub(crate) paused: bool,
    /// Whether it waits for another task.
    pub(crate) queued: bool,
    /// Version of the newest plan; 0 before the first.
    pub(crate) plan_version: u32,
    /// Intents without an outcome.
    pub(crate) in_flight: BTreeSet<EffectId>,
    /// Every subtask of every plan.
    pub(crate) subtasks: BTreeMap<SubtaskId, SubtaskState>,
    /// Every question.
    pub(crate) approvals: BTreeMap<QuestionId, ApprovalRow>,
}

/// A subtask's row, and the little that is needed to fold on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubtaskState {
    /// The row; its status is derived after each event.
    pub(crate) row: SubtaskRow,
    /// Status without questions.
    pub(crate) phase: RowStatus,
    /// The last attempt.
    pub(crate) attempt: Option<AttemptId>,
}

/// What an event changed besides the row of the task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// Subtasks to store again.
    pub(crate) subtasks: BTreeSet<SubtaskId>,
    /// Questions to store again.
    pub(crate) approvals: BTreeSet<QuestionId>,
}

impl Projection {
    /// A task without events.
    pub(crate) fn new(id: TaskId) -> Self {
        Self {
            task: TaskRow {
                id,
                goal: String::new(),
                workspace: None,
                status: RowStatus::Pending,
                created: Time::EPOCH,
                updated: Time::EPOCH,
                last_seq: Seq::ZERO,
                subtasks_done: 0,
                subtasks_total: 0,
                tokens: 0,
                waiting: 0,
            },
            phase: RowStatus::Pending,
            paused: false,
            queued: false,
            plan_version: 0,
            in_flight: BTreeSet::new(),
            subtasks: BTreeMap::new(),
            approvals: BTreeMap::new(),
        }
    }

    /// Folds one event in and adds what it changed to `touched`.
    pub(crate) fn apply(&mut self, envelope: &Envelope, touched: &mut Touched) {
        self.task.last_seq = envelope.seq;
        self.task.updated = envelope.timestamp;
        self.track(envelope, touched);
        self.fact(envelope, touched);
        self.derive(touched);
    }

    /// The subtasks, those of the newest plan first and in its order.
    pub(crate) fn subtask_rows(&self) -> Vec<SubtaskRow> {
        let mut rows: Vec<_> = self.subtasks.values().map(|s| s.row.clone()).collect();
        rows.sort_by(|a, b| {
            (b.plan_version, a.position, &a.id).cmp(&(a.plan_version, b.position, &b.id))
        });
        rows
    }

    fn track(&mut self, envelope: &Envelope, touched: &mut Touched) {
        if let Some(work) = envelope.event.intent() {
            self.in_flight.insert(EffectId(envelope.seq));
            self.works(work, envelope.timestamp, touched);
        }
        if let Some(effect) = envelope.event.outcome_of() {
            self.in_flight.remove(&effect);
        }
        if let Event::EffectReconciled { intent, .. } = &envelope.event {
            self.in_flight.remove(intent);
        }
    }

    /// An intent shows whether its subtask runs or is judged.
    fn works(&mut self, work: &Work, at: Time, touched: &mut Touched) {
        let phase = match work {
            Work::Verify { .. } | Work::Recheck { .. } => RowStatus::Verifying,
            Work::Prepare { .. } | Work::Model { .. } | Work::Tool { .. } => RowStatus::Running,
            Work::Plan { .. }
            | Work::Merge { .. }
            | Work::Unmerge { .. }
            | Work::Extract { .. }
            | Work::Final { .. }
            | Work::Reconcile { .. } => return,
        };
        let owner = work.attempt().and_then(|attempt| self.owner(attempt));
        if let Some(id) = owner {
            self.change(&id, at, touched, |s| s.phase = phase);
        }
    }

    fn fact(&mut self, envelope: &Envelope, touched: &mut Touched) {
        let at = envelope.timestamp;
        match &envelope.event {
            Event::TaskCreated(new) => {
                self.task.goal.clone_from(&new.goal);
                self.task.workspace.clone_from(&new.workspace);
                self.task.created = at;
            }
            Event::TaskPlanning { .. } | Event::TaskReplanning { .. } => self.planning(),
            Event::TaskPlanReady { version, plan, .. } => self.plan(*version, plan, at, touched),
            Event::TaskQueued { .. } => self.queued = true,
            Event::RunnerStarted { .. } => self.queued = false,
            Event::TaskPaused => self.paused = true,
            Event::TaskResumed => self.paused = false,
            Event::TaskStopping { .. } => self.phase = RowStatus::Stopping,
            Event::TaskCompleted(_) => self.phase = RowStatus::Completed,
            Event::TaskFailed { .. } => self.phase = RowStatus::Failed,
            Event::TaskCancelled { .. } => self.phase = RowStatus::Cancelled,
            Event::SubtaskStarted {
                subtask,
                ordinal,
                tier,
                ..
            } => self.change(subtask, at, touched, |s| {
                s.begin(AttemptId(envelope.seq), *ordinal, *tier);
            }),
            // Another attempt of its step is at work, or none.
            Event::AttemptEnded {
                why: AttemptEnd::Outvoted,
                ..
            } => {}
            Event::ExecutionSetAside { subtask, .. } => {
                self.change(subtask, at, touched, |s| s.be(RowStatus::Pending, ""));
            }
            Event::ExecutionsCompared {
                subtask,
                outcome: Compared::Taken { attempt, .. },
                ..
            } => self.change(subtask, at, touched, |s| {
                s.attempt = Some(*attempt);
                s.be(RowStatus::Verifying, "");
            }),
            Event::ExecutionsCompared {
                outcome: Compared::Diverged,
                ..
            } => {}
            Event::AttemptEnded { subtask, .. } => {
                self.change(subtask, at, touched, |s| s.end_attempt());
            }
            Event::SubtaskRetrying { subtask, .. } | Event::SubtaskReset { subtask, .. } => {
                self.change(subtask, at, touched, |s| s.be(RowStatus::Pending, ""));
            }
            Event::SubtaskCompleted { subtask, .. } => {
                self.change(subtask, at, touched, |s| s.be(RowStatus::Completed, ""));
            }
            Event::SubtaskKept(kept) => {
                self.change(&kept.subtask, at, touched, |s| {
                    s.be(RowStatus::Completed, "");
                });
            }
            Event::SubtaskFailed { subtask, reason } => {
                self.change(subtask, at, touched, |s| s.be(RowStatus::Failed, reason));
            }
            Event::SubtaskBlocked { subtask, reason } => {
                self.change(subtask, at, touched, |s| s.be(RowStatus::Blocked, reason));
            }
            Event::SubtaskSkipped { subtask, .. } => {
                self.change(subtask, at, touched, |s| s.be(RowStatus::Skipped, ""));
            }
            Event::ApprovalRequested {
                question,
                deadline,
                on_expiry,
            } => {
                let row = ApprovalRow {
                    task: self.task.id,
                    id: QuestionId(envelope.seq),
                    subtask: self.subject(question).or(envelope.subtask_id.clone()),
                    question: question.clone(),
                    asked: at,
                    deadline: *deadline,
                    on_expiry: *on_expiry,
                    closed: None,
                };
                self.ask(row, touched);
            }
            Event::ApprovalGranted { question, by, .. } => {
                self.close(*question, Closing::Granted, by, at, touched);
            }
            Event::ApprovalDenied { question, by, .. } => {
                self.close(*question, Closing::Denied, by, at, touched);
            }
            Event::QuestionAnswered { question, by, .. } => {
                self.close(*question, Closing::Answered, by, at, touched);
            }
            Event::ApprovalExpired { question } => {
                self.close(*question, Closing::Expired, "", at, touched);
            }
            Event::ApprovalWithdrawn { question } => {
                self.close(*question, Closing::Withdrawn, "", at, touched);
            }
            Event::ModelCallCompleted { reply, .. } => self.spend(reply.usage),
            Event::PlanProposed { usage, .. } | Event::ExtractionFinished { usage, .. } => {
                self.spend(*usage);
            }
            Event::VerificationPassed { verdict, .. }
            | Event::VerificationFailed { verdict, .. }
            | Event::VerificationInconclusive { verdict, .. } => self.spend(verdict.usage),
            // These show in no list, or were seen as an intent or an outcome.
            Event::TaskContinued { .. }
            | Event::PlanRejected { .. }
            | Event::PlanningAbandoned { .. }
            | Event::LimitReached { .. }
            | Event::Degraded { .. }
            | Event::PrepareStarted { .. }
            | Event::AttemptPrepared { .. }
            | Event::NudgeGiven { .. }
            | Event::PromptAssembled { .. }
            | Event::SubtaskProgress { .. }
            | Event::ModelCallStarted { .. }
            | Event::ModelCallFailed { .. }
            | Event::ContextTrimmed { .. }
            | Event::ToolCallStarted { .. }
            | Event::ToolCallCompleted { .. }
            | Event::ToolCallHeld { .. }
            | Event::FileChanged { .. }
            | Event::ForkChanged { .. }
            | Event::SnapshotTaken { .. }
            | Event::WorkspaceSurveyed { .. }
            | Event::LearningApplied { .. }
            | Event::EffectFailed { .. }
            | Event::EffectInterrupted { .. }
            | Event::ReconcileStarted { .. }
            | Event::EffectReconciled { .. }
            | Event::VerificationStarted { .. }
            | Event::MergeStarted { .. }
            | Event::Merged { .. }
            | Event::MergeConflicted { .. }
            | Event::UnmergeStarted { .. }
            | Event::Unmerged { .. }
            | Event::SteerInstruction { .. }
            | Event::ExtractionStarted { .. }
            | Event::MemoryEntryCreated { .. } => {}
        }
    }

    /// A later plan is made while the old one is worked on.
    fn planning(&mut self) {
        if self.plan_version == 0 {
            self.phase = RowStatus::Planning;
        }
    }

    fn spend(&mut self, usage: Usage) {
        self.task.tokens = self.task.tokens.saturating_add(usage.total());
    }

    fn plan(&mut self, version: u32, plan: &Plan, at: Time, touched: &mut Touched) {
        self.plan_version = version;
        if self.phase != RowStatus::Stopping {
            self.phase = RowStatus::Executing;
        }
        for (position, spec) in (0..).zip(&plan.subtasks) {
            let state = self
                .subtasks
                .entry(spec.id.clone())
                .or_insert_with(|| SubtaskState::new(spec.id.clone(), spec.tier));
            state.row.position = position;
            state.row.plan_version = version;
            state.row.title.clone_from(&spec.title);
            state.row.updated = at;
            // What an older plan left out and this one brings back is to be done.
            if state.phase == RowStatus::Skipped {
                state.be(RowStatus::Pending, "");
            }
            touched.subtasks.insert(spec.id.clone());
        }
    }

    fn ask(&mut self, row: ApprovalRow, touched: &mut Touched) {
        let id = row.id;
        touched.subtasks.extend(row.subtask.clone());
        touched.approvals.insert(id);
        self.approvals.insert(id, row);
    }

    fn subject(&self, question: &Question) -> Option<SubtaskId> {
        match &question.subject {
            Subject::Call { attempt, .. }
            | Subject::Ask { attempt, .. }
            | Subject::Result { attempt }
            | Subject::ByHand { attempt } => self.owner(*attempt),
            Subject::Exhausted { subtask } | Subject::Executions { subtask } => {
                Some(subtask.clone())
            }
            Subject::Plan { .. } | Subject::PlanLimit { .. } | Subject::Doubt { .. } => None,
        }
    }

    fn close(&mut self, id: QuestionId, how: Closing, by: &str, at: Time, touched: &mut Touched) {
        let Some(row) = self.approvals.get_mut(&id) else {
            return;
        };
        row.closed = Some(Closed {
            how,
            by: by.to_owned(),
            at,
        });
        touched.subtasks.extend(row.subtask.clone());
        touched.approvals.insert(id);
    }

    fn owner(&self, attempt: AttemptId) -> Option<SubtaskId> {
        let mut all = self.subtasks.iter();
        all.find(|(_, s)| s.attempt == Some(attempt))
            .map(|(id, _)| id.clone())
    }

    fn change(
        &mut self,
        id: &SubtaskId,
        at: Time,
        touched: &mut Touched,
        change: impl FnOnce(&mut SubtaskState),
    ) {
        let Some(state) = self.subtasks.get_mut(id) else {
            return;
        };
        change(state);
        state.row.updated = at;
        touched.subtasks.insert(id.clone());
    }

    /// Brings everything that is derived up to date.
    fn derive(&mut self, touched: &Touched) {
        let open = self.approvals.values().filter(|a| a.closed.is_none());
        self.task.waiting = count(open.clone().count());
        for id in &touched.subtasks {
            let asked = open.clone().any(|a| a.subtask.as_ref() == Some(id));
            if let Some(state) = self.subtasks.get_mut(id) {
                state.row.status = state.derive(asked);
            }
        }
        if !touched.subtasks.is_empty() {
            let done = |s: &&SubtaskState| s.phase == RowStatus::Completed;
            let listed = |s: &&SubtaskState| done(s) || s.row.plan_version == self.plan_version;
            self.task.subtasks_done = count(self.subtasks.values().filter(done).count());
            self.task.subtasks_total = count(self.subtasks.values().filter(listed).count());
        }
        self.task.status = self.status();
    }

    fn status(&self) -> RowStatus {
        if self.phase.is_final() || self.phase == RowStatus::Stopping {
            self.phase
        } else if self.paused {
            RowStatus::Paused
        } else if self.queued {
            RowStatus::Queued
        } else if self.task.waiting > 0 && self.in_flight.is_empty() {
            RowStatus::WaitingApproval
        } else {
            self.phase
        }
    }
}

impl SubtaskState {
    fn new(id: SubtaskId, tier: Tier) -> Self {
        Self {
            row: SubtaskRow {
                id,
                position: 0,
                plan_version: 0,
                title: String::new(),
                status: RowStatus::Pending,
                attempts: 0,
                tier,
                updated: Time::EPOCH,
                reason: String::new(),
            },
            phase: RowStatus::Pending,
            attempt: None,
        }
    }

    fn begin(&mut self, attempt: AttemptId, ordinal: u32, tier: Tier) {
        self.attempt = Some(attempt);
        self.row.attempts = ordinal;
        self.row.tier = tier;
        self.be(RowStatus::Running, "");
    }

    /// Between two attempts nothing runs; what follows says more.
    fn end_attempt(&mut self) {
        if matches!(self.phase, RowStatus::Running | RowStatus::Verifying) {
            self.phase = RowStatus::Pending;
        }
    }

    fn be(&mut self, phase: RowStatus, reason: &str) {
        self.phase = phase;
        reason.clone_into(&mut self.row.reason);
    }

    fn derive(&self, asked: bool) -> RowStatus {
        match self.phase {
            RowStatus::Completed | RowStatus::Skipped => self.phase,
            _ if asked => RowStatus::WaitingApproval,
            phase => phase,
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
