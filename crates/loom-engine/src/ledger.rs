//! What the engine remembers of a running task: the kernel's state, the view, and what prompts and
//! conversations are rebuilt from. All of it is a fold of the journal; none of it decides anything.

use crate::{SubtaskStatus, TaskView};
use loom_events::{
    AttemptEnd, AttemptId, BlobId, CriterionResult, CriterionVerdict, Digest, EffectId, Event,
    FileChange, GivenAnswer, ModelReply, PlanReason, PlanningId, Prepared, Proposal, Question,
    QuestionId, Record, Rung, SeenFile, Seq, Subject, SubtaskId, SubtaskSpec, TaskId, Tier, Work,
};
use loom_kernel::{Impossible, State};
use loom_verify::Earlier;
use std::collections::{BTreeMap, BTreeSet};

/// The fold of one task's journal.
pub(crate) struct Ledger {
    pub(crate) state: State,
    pub(crate) view: TaskView,
    /// Who is to be told of this task, beside those who are told of all.
    pub(crate) callback: Option<String>,
    pub(crate) attempts: BTreeMap<AttemptId, AttemptLog>,
    pub(crate) plannings: BTreeMap<PlanningId, PlanningLog>,
    /// Every change of the workspace and of its forks, in order.
    pub(crate) changes: Vec<RecordedChange>,
    /// The newest snapshot that an effect in flight took.
    pub(crate) snapshots: BTreeMap<EffectId, BlobId>,
    /// What reviewers quoted against the whole at a last gate that failed.
    pub(crate) followed_up: Vec<String>,
    works: BTreeMap<EffectId, Work>,
    questions: BTreeMap<QuestionId, Question>,
    /// The digest that a call in flight was granted for.
    grants: BTreeMap<EffectId, Digest>,
}

/// A change with its place.
#[derive(Clone, Debug)]
pub(crate) struct RecordedChange {
    pub(crate) effect: EffectId,
    pub(crate) subtask: Option<SubtaskId>,
    pub(crate) change: FileChange,
    /// Whether it was made in a fork, and not in the workspace.
    pub(crate) in_fork: bool,
}

/// What one attempt was started with and what happened in it.
#[derive(Clone, Debug)]
pub(crate) struct AttemptLog {
    pub(crate) subtask: SubtaskId,
    pub(crate) rung: Rung,
    pub(crate) ordinal: u32,
    pub(crate) tier: Tier,
    /// Which of several executions that are compared, from 1.
    pub(crate) execution: Option<u32>,
    pub(crate) prepared: Option<Prepared>,
    pub(crate) entries: Vec<Entry>,
    /// Tool calls that looked at or changed something.
    pub(crate) touched: u32,
    /// What its calls have read and written, in their order.
    pub(crate) seen: Vec<SeenFile>,
    /// One line a tool call, for the extractor.
    pub(crate) steps: Vec<String>,
    /// What the verdict or the world said at its end.
    pub(crate) feedback: String,
    /// Checks, in words, that were red at a gate of it.
    pub(crate) red: BTreeSet<String>,
    /// What the verifier found at its last failed gate, a line for each criterion.
    pub(crate) findings: Vec<String>,
    /// Whether its result did not fit into the workspace.
    pub(crate) conflicted: bool,
}

impl AttemptLog {
    fn fork(&self) -> Option<KeptFork> {
        let prepared = self.prepared.as_ref()?;
        Some(KeptFork {
            name: prepared.fork.clone()?,
            base: prepared.base.clone()?,
            prompt: prepared.prompt.clone(),
        })
    }
}

/// A fork in which a further attempt goes on.
#[derive(Clone, Debug)]
pub(crate) struct KeptFork {
    pub(crate) name: String,
    /// What it was made from.
    pub(crate) base: BlobId,
    /// A prompt that holds the baseline of its checks.
    pub(crate) prompt: BlobId,
}

/// The name of the fork in which the merged result of an attempt is checked.
pub(crate) fn recheck_name(attempt: AttemptId) -> String {
    format!("recheck-{}", attempt.0.0)
}

/// The name of the fork that is made for an attempt.
pub(crate) fn fork_name(attempt: AttemptId) -> String {
    format!("attempt-{}", attempt.0.0)
}

/// One thing that the model of an attempt said or was told.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// It was asked; every instruction up to this seq had been given.
    Asked { steer_upto: Seq },
    /// It answered.
    Answered { turn: u32, reply: ModelReply },
    /// A call has its result.
    Result { call: u32, text: ResultText },
    /// The harness said something.
    Nudge { text: String },
    /// The outputs of every turn before this one were left out.
    Trimmed { before_turn: u32 },
}

/// The text of a tool result.
#[derive(Clone, Debug)]
pub(crate) enum ResultText {
    /// An output that is kept: what the model was shown, and the whole when that was not all.
    Kept {
        shown: BlobId,
        full: Option<BlobId>,
    },
    Inline(String),
}

/// What one round of planning was about.
#[derive(Clone, Debug)]
pub(crate) struct PlanningLog {
    pub(crate) why: PlanReason,
    /// The last answer of the planner and what was wrong with it.
    pub(crate) refused: Option<(Option<BlobId>, Vec<String>)>,
    last_answer: Option<BlobId>,
}

impl Ledger {
    pub(crate) fn new(task: TaskId) -> Self {
        Self {
            state: State::new(task),
            view: TaskView::new(task),
            callback: None,
            attempts: BTreeMap::new(),
            plannings: BTreeMap::new(),
            changes: Vec::new(),
            snapshots: BTreeMap::new(),
            followed_up: Vec::new(),
            works: BTreeMap::new(),
            questions: BTreeMap::new(),
            grants: BTreeMap::new(),
        }
    }

    /// Folds records that were read from the journal: kernel state and everything else.
    pub(crate) fn replay(&mut self, records: &[Record]) -> Result<(), Impossible> {
        for record in records {
            loom_kernel::apply(&mut self.state, &record.envelope)?;
            self.note(record);
        }
        Ok(())
    }

    /// Adds a record that the kernel's state has already.
    pub(crate) fn note(&mut self, record: &Record) {
        let envelope = &record.envelope;
        let seq = envelope.seq;
        self.view.apply(envelope);
        if let Event::TaskCreated(new) = &envelope.event {
            self.callback.clone_from(&new.callback_url);
        }
        if let Some(work) = envelope.event.intent() {
            self.works.insert(EffectId(seq), work.clone());
        }
        match &envelope.event {
            Event::SubtaskStarted {
                subtask,
                kind,
                ordinal,
                tier,
                execution,
                ..
            } => {
                let log = AttemptLog {
                    subtask: subtask.clone(),
                    rung: *kind,
                    ordinal: *ordinal,
                    tier: *tier,
                    execution: *execution,
                    prepared: None,
                    entries: Vec::new(),
                    touched: 0,
                    seen: Vec::new(),
                    steps: Vec::new(),
                    feedback: String::new(),
                    red: BTreeSet::new(),
                    findings: Vec::new(),
                    conflicted: false,
                };
                self.attempts.insert(AttemptId(seq), log);
            }
            Event::TaskPlanning { why, .. } | Event::TaskReplanning { why, .. } => {
                let log = PlanningLog {
                    why: why.clone(),
                    refused: None,
                    last_answer: None,
                };
                self.plannings.insert(PlanningId(seq), log);
            }
            Event::PlanProposed {
                effect,
                proposal,
                answer,
                ..
            } => self.proposed(*effect, proposal, answer),
            Event::PlanRejected {
                planning, errors, ..
            } => {
                if let Some(log) = self.plannings.get_mut(planning) {
                    log.refused = Some((log.last_answer.clone(), errors.clone()));
                }
            }
            Event::FileChanged { effect, change } | Event::ForkChanged { effect, change } => {
                let subtask = self.subtask_of(*effect);
                self.changes.push(RecordedChange {
                    effect: *effect,
                    subtask,
                    change: change.clone(),
                    in_fork: matches!(envelope.event, Event::ForkChanged { .. }),
                });
            }
            Event::SnapshotTaken { effect, manifest } => {
                self.snapshots.insert(*effect, manifest.clone());
            }
            Event::NudgeGiven { attempt, text, .. } => {
                let text = text.clone();
                self.enter(*attempt, Entry::Nudge { text });
            }
            Event::AttemptEnded {
                attempt,
                why,
                feedback,
                ..
            } => {
                if let Some(log) = self.attempts.get_mut(attempt) {
                    log.conflicted = *why == AttemptEnd::Conflict;
                    log.feedback.clone_from(feedback);
                    log.entries.clear();
                    log.seen.clear();
                }
            }
            Event::ModelCallStarted {
                work: Work::Model { attempt, .. },
                steer_upto,
            } => self.enter(
                *attempt,
                Entry::Asked {
                    steer_upto: *steer_upto,
                },
            ),
            Event::ContextTrimmed {
                effect,
                before_turn,
                ..
            } => {
                if let Some(attempt) = self.works.get(effect).and_then(Work::attempt) {
                    let before_turn = *before_turn;
                    self.enter(attempt, Entry::Trimmed { before_turn });
                }
            }
            Event::ToolCallStarted {
                grant: Some(question),
                ..
            } => {
                if let Some(Subject::Call { digest, .. }) =
                    self.questions.get(question).map(|q| &q.subject)
                {
                    self.grants.insert(EffectId(seq), digest.clone());
                }
            }
            Event::ApprovalRequested { question, .. } => {
                self.questions.insert(QuestionId(seq), question.clone());
            }
            Event::ApprovalDenied {
                question, reason, ..
            } => {
                let said = if reason.is_empty() {
                    "The user refused this call. Do not try it again; find another way.".to_owned()
                } else {
                    format!("The user refused this call: {reason}")
                };
                self.answer_call(*question, said);
            }
            Event::ApprovalExpired { question } => {
                let asked = self.questions.get(question);
                let said = asked.map_or_else(String::new, unanswered);
                self.answer_call(*question, said);
            }
            Event::QuestionAnswered {
                question,
                answer: GivenAnswer::Text { text },
                ..
            } => self.answer_call(*question, format!("The user answered: {text}")),
            other => {
                if let Some(effect) = other.outcome_of() {
                    self.ended(effect, other);
                }
            }
        }
    }

    /// The subtask that an effect works for.
    pub(crate) fn subtask_of(&self, effect: EffectId) -> Option<SubtaskId> {
        match self.works.get(&effect)? {
            Work::Reconcile { intent } => self.subtask_of(*intent),
            Work::Extract { subtask, .. } => Some(subtask.clone()),
            work => Some(self.attempts.get(&work.attempt()?)?.subtask.clone()),
        }
    }

    /// What a tool call runs under, if it was held before.
    pub(crate) fn grant(&self, effect: EffectId) -> Option<&Digest> {
        self.grants.get(&effect)
    }

    /// Whether an attempt is over: nothing will ask for its conversation again.
    pub(crate) fn has_ended(&self, attempt: AttemptId) -> bool {
        let owner = self.view.owner(attempt);
        let subtask = owner.and_then(|id| self.view.subtask(id));
        let shown = subtask.and_then(|s| s.attempts.iter().find(|a| a.id == attempt));
        shown.is_none_or(|a| a.ended.is_some())
    }

    /// The completed steps of the plan.
    pub(crate) fn done(&self) -> impl Iterator<Item = &SubtaskSpec> {
        let steps = self.view.subtasks.iter();
        let done = steps.filter(|step| step.status == SubtaskStatus::Completed);
        done.map(|step| &step.spec)
    }

    /// What completed steps changed, in the order of the attempts that did it.
    pub(crate) fn changed_before(&self) -> Vec<Earlier> {
        let attempt = |spec: &SubtaskSpec| {
            let mut attempts = self.attempts_of(&spec.id).rev();
            let made = attempts.find_map(|(id, _)| {
                let changes = self.changes_by(id);
                (!changes.is_empty()).then_some((id, changes))
            });
            let (id, changes) = made?;
            let step = spec.id.clone();
            Some((id, Earlier { step, changes }))
        };
        let mut earlier: Vec<(AttemptId, Earlier)> = self.done().filter_map(attempt).collect();
        earlier.sort_by_key(|(id, _)| *id);
        earlier.into_iter().map(|(_, earlier)| earlier).collect()
    }

    /// The attempts of a subtask, oldest first.
    pub(crate) fn attempts_of<'a>(
        &'a self,
        subtask: &'a SubtaskId,
    ) -> impl DoubleEndedIterator<Item = (AttemptId, &'a AttemptLog)> {
        self.attempts
            .iter()
            .filter(move |(_, log)| &log.subtask == subtask)
            .map(|(id, log)| (*id, log))
    }

    /// What an effect itself changed, oldest first.
    pub(crate) fn changes_of_effect(&self, effect: EffectId) -> Vec<FileChange> {
        self.changes_where(|by| by == effect)
    }

    /// The same with what is recorded of it by those who looked when it was lost.
    pub(crate) fn recorded_of(&self, effect: EffectId) -> Vec<FileChange> {
        self.changes_where(|by| {
            let work = self.works.get(&by);
            by == effect || work == Some(&Work::Reconcile { intent: effect })
        })
    }

    fn changes_where(&self, of: impl Fn(EffectId) -> bool) -> Vec<FileChange> {
        let changes = self.changes.iter().filter(|c| of(c.effect));
        changes.map(|c| c.change.clone()).collect()
    }

    /// What the attempt of an effect has read and written.
    pub(crate) fn seen_by(&self, effect: EffectId) -> &[SeenFile] {
        let attempt = self.works.get(&effect).and_then(Work::attempt);
        let log = attempt.and_then(|attempt| self.attempts.get(&attempt));
        log.map(|log| log.seen.as_slice()).unwrap_or_default()
    }

    /// Changes of the workspace that belong to a subtask, oldest first.
    pub(crate) fn changes_of(&self, subtask: &SubtaskId) -> Vec<FileChange> {
        self.changes
            .iter()
            .filter(|c| !c.in_fork && c.subtask.as_ref() == Some(subtask))
            .map(|c| c.change.clone())
            .collect()
    }

    /// What an attempt changed in the workspace, oldest first.
    pub(crate) fn changes_by(&self, attempt: AttemptId) -> Vec<FileChange> {
        let by = |c: &&RecordedChange| !c.in_fork && self.attempt_of(c.effect) == Some(attempt);
        let changes = self.changes.iter().filter(by);
        changes.map(|c| c.change.clone()).collect()
    }

    /// The attempt that an effect works for.
    fn attempt_of(&self, effect: EffectId) -> Option<AttemptId> {
        match self.works.get(&effect)? {
            Work::Reconcile { intent } => self.attempt_of(*intent),
            work => work.attempt(),
        }
    }

    /// The fork that a piece of work is done in; none when it is done in the workspace.
    pub(crate) fn fork_of(&self, work: &Work) -> Option<String> {
        match work {
            Work::Reconcile { intent } => self.fork_of(self.works.get(intent)?),
            Work::Prepare { attempt } => Some(self.kept_fork(*attempt)?.name),
            Work::Model { attempt, .. }
            | Work::Tool { attempt, .. }
            | Work::Verify { attempt, .. } => {
                self.attempts.get(attempt)?.prepared.as_ref()?.fork.clone()
            }
            Work::Plan { .. }
            | Work::Merge { .. }
            | Work::Recheck { .. }
            | Work::Unmerge { .. }
            | Work::Extract { .. }
            | Work::Final { .. } => None,
        }
    }

    /// The fork of the attempt before, where an attempt goes on from its work: the same model does,
    /// unless the work did not fit into the workspace. One of several executions never does.
    pub(crate) fn kept_fork(&self, attempt: AttemptId) -> Option<KeptFork> {
        let log = self.attempts.get(&attempt)?;
        let goes_on = matches!(log.rung, Rung::Planned | Rung::Feedback) && log.execution.is_none();
        let mut earlier = self.attempts_of(&log.subtask).rev();
        let (_, last) =
            earlier.find(|(id, log)| goes_on && *id < attempt && log.prepared.is_some())?;
        last.fork().filter(|_| !last.conflicted)
    }

    /// The forks that something may still work in.
    pub(crate) fn live_forks(&self) -> BTreeSet<String> {
        let mut live = BTreeSet::new();
        for (id, log) in &self.attempts {
            let works = |(_, work, _): (EffectId, &Work, _)| work.attempt() == Some(*id);
            if !self.has_ended(*id) || self.state.inflight().any(works) {
                live.extend([fork_name(*id), recheck_name(*id)]);
                live.extend(log.prepared.as_ref().and_then(|p| p.fork.clone()));
                live.extend(self.kept_fork(*id).map(|kept| kept.name));
            }
        }
        let open = self
            .view
            .subtasks
            .iter()
            .filter(|s| !matches!(s.status, SubtaskStatus::Completed | SubtaskStatus::Skipped));
        for subtask in open {
            let mut attempts = self.attempts_of(&subtask.spec.id).rev();
            let last = attempts.find(|(_, log)| log.prepared.is_some());
            live.extend(last.and_then(|(_, log)| Some(log.fork()?.name)));
        }
        live
    }

    /// The forks that attempts had and nothing works in any more.
    pub(crate) fn dead_forks(&self) -> BTreeSet<String> {
        let live = self.live_forks();
        let names = self.attempts.keys();
        let names = names.flat_map(|id| [fork_name(*id), recheck_name(*id)]);
        names.filter(|name| !live.contains(name)).collect()
    }

    fn proposed(&mut self, effect: EffectId, proposal: &Proposal, answer: &BlobId) {
        let Some(Work::Plan { planning, .. }) = self.works.get(&effect) else {
            return;
        };
        if let Some(log) = self.plannings.get_mut(planning) {
            log.last_answer = Some(answer.clone());
            if let Proposal::Unreadable { errors } = proposal {
                log.refused = Some((Some(answer.clone()), errors.clone()));
            }
        }
    }

    /// An outcome: what of it belongs into the attempt's conversation.
    fn ended(&mut self, effect: EffectId, event: &Event) {
        self.snapshots.remove(&effect);
        let Some(work) = self.works.get(&effect).cloned() else {
            return;
        };
        match (event, work) {
            (Event::ModelCallCompleted { reply, .. }, Work::Model { attempt, turn }) => {
                let reply = reply.clone();
                self.enter(attempt, Entry::Answered { turn, reply });
            }
            (Event::AttemptPrepared { prepared, .. }, Work::Prepare { attempt }) => {
                if let Some(log) = self.attempts.get_mut(&attempt) {
                    log.prepared = Some(prepared.clone());
                }
            }
            (Event::VerificationFailed { verdict, .. }, Work::Verify { attempt, .. }) => {
                if let Some(log) = self.attempts.get_mut(&attempt) {
                    let red = verdict.checks.iter().filter(|check| !check.passed);
                    log.red.extend(red.map(|check| check.check.clone()));
                    log.findings = verdict.criteria.iter().map(finding).collect();
                }
            }
            (Event::VerificationFailed { verdict, .. }, Work::Final { .. }) => {
                let criteria = verdict.criteria.iter();
                let against = criteria.filter(|c| c.verdict == CriterionVerdict::NotMet);
                self.followed_up.extend(against.map(|c| c.quote.clone()));
            }
            (Event::ToolCallCompleted { result, .. }, Work::Tool { attempt, call, .. }) => {
                self.tool_result(attempt, call, result);
            }
            (
                Event::EffectReconciled {
                    intent,
                    found: loom_events::Reconciled::Applied { result },
                    ..
                },
                _,
            ) => {
                if let Some(Work::Tool { attempt, call, .. }) = self.works.get(intent) {
                    let (attempt, call) = (*attempt, *call);
                    self.tool_result(attempt, call, result);
                }
            }
            (Event::EffectFailed { failure, .. }, Work::Tool { attempt, call, .. }) => {
                let text = ResultText::Inline(format!("The tool broke: {}", failure.message));
                self.enter(attempt, Entry::Result { call, text });
            }
            (Event::EffectInterrupted { maybe: true, .. }, Work::Tool { attempt, call, .. }) => {
                let said = "This call was interrupted. It may have run, or run in part: look \
                            before you do it again.";
                let text = ResultText::Inline(said.to_owned());
                self.enter(attempt, Entry::Result { call, text });
            }
            _ => {}
        }
    }

    fn tool_result(&mut self, attempt: AttemptId, call: u32, result: &loom_events::ToolResult) {
        if let Some(log) = self.attempts.get_mut(&attempt) {
            log.touched += u32::from(result.touched);
            log.seen.extend_from_slice(&result.seen);
            log.steps.push(result.summary.clone());
        }
        let text = ResultText::Kept {
            shown: result.text.clone(),
            full: result.full.clone(),
        };
        self.enter(attempt, Entry::Result { call, text });
    }

    fn answer_call(&mut self, question: QuestionId, said: String) {
        let Some(question) = self.questions.get(&question) else {
            return;
        };
        if let Subject::Call { attempt, call, .. } | Subject::Ask { attempt, call, .. } =
            &question.subject
        {
            let (attempt, call) = (*attempt, *call);
            let text = ResultText::Inline(said);
            self.enter(attempt, Entry::Result { call, text });
        }
    }

    fn enter(&mut self, attempt: AttemptId, entry: Entry) {
        if let Some(log) = self.attempts.get_mut(&attempt) {
            log.entries.push(entry);
        }
    }
}

/// What a verifier found, with the line that shows it.
fn finding(found: &CriterionResult) -> String {
    let CriterionResult {
        criterion,
        quote,
        why,
        ..
    } = found;
    if quote.is_empty() {
        format!("{criterion} — {why}")
    } else {
        format!("{criterion} — {why} (`{quote}`)")
    }
}

/// What a model is told when nobody answered.
fn unanswered(question: &Question) -> String {
    match (&question.subject, &question.default) {
        (Subject::Ask { .. }, Some(default)) => format!(
            "Nobody answered. Go on with your default: {default}. Say in your report that you \
             assumed it."
        ),
        (Subject::Ask { .. }, None) => {
            "Nobody answered. Decide with what you have, and say in your \
             report what you assumed."
                .to_owned()
        }
        _ => "Nobody answered in time, so this call was not run.".to_owned(),
    }
}
