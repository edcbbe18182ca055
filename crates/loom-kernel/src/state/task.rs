//! The state of one task and the questions that several rules ask about it.

use crate::state::{
    Attempt, Backoff, CallState, Debt, InFlight, Last, Open, Owner, Planning, Proposed, Stage,
    Subtask,
};
use loom_events::{
    AttemptId, Class, Digest, EffectId, End, Event, Failure, Limits, NewTask, Plan, QuestionId,
    Seq, Subject, SubtaskId, SubtaskSpec, TaskId, TaskSettings, Tier, Time, Usage, Voting, Work,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Different fallbacks kept for the summary; a task that took more says no more by listing them.
const MAX_DEGRADED: usize = 32;

/// Everything that the kernel knows of a task: a fold of its journal, of constant size per attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State {
    pub(crate) task: TaskId,
    /// The last event.
    pub(crate) seq: Seq,
    /// Its time: no later event has an earlier one.
    pub(crate) floor: Time,
    pub(crate) life: Life,
    pub(crate) new: NewTask,
    pub(crate) paused: bool,
    /// Whether it waits for another task.
    pub(crate) queued: bool,
    /// The last start or resume.
    pub(crate) awake_since: Time,
    /// The version of the plan; 0 while there is none.
    pub(crate) version: u32,
    pub(crate) plan: Plan,
    /// Whether the plan may be worked on: not when it waits for a review.
    pub(crate) agreed: bool,
    pub(crate) planning: Option<Planning>,
    /// Plan versions beyond the limit: allowed by a human, or made of nothing but other checks.
    pub(crate) extra_versions: u32,
    /// Subtasks of this and of earlier plans.
    pub(crate) subs: BTreeMap<SubtaskId, Subtask>,
    /// The least tier that steps begin with, as earlier tasks taught.
    pub(crate) floors: BTreeMap<SubtaskId, Tier>,
    pub(crate) inflight: BTreeMap<EffectId, InFlight>,
    pub(crate) questions: BTreeMap<QuestionId, Open>,
    /// What a human allowed for the whole task.
    pub(crate) grants: BTreeMap<Digest, QuestionId>,
    pub(crate) debts: BTreeMap<AttemptId, Debt>,
    pub(crate) finale: Finale,
    /// The last instruction of the user.
    pub(crate) steered: Seq,
    /// The last one that any completed model call carried.
    pub(crate) heard: Seq,
    /// Completed since the last plan.
    pub(crate) completed: u32,
    /// The first discovery since the last plan.
    pub(crate) discovery: Option<String>,
    /// Why a human did not want the plan.
    pub(crate) unwanted: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) usage: Usage,
    /// Milliseconds of work up to `floor`.
    pub(crate) worked_ms: u64,
    /// Whether something could not be put back.
    pub(crate) unclean: bool,
    /// Whether settling or taking back was given up.
    pub(crate) unsettled: bool,
    /// How a human, or the absence of one, decided the end, until `task_stopping`.
    pub(crate) verdict: Option<End>,
    pub(crate) degraded: Vec<String>,
}

/// Where the task is in its life.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum Life {
    New,
    Active,
    Stopping(End),
    Done(End),
}

/// The gate over the whole goal.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Finale {
    pub(crate) backoff: Backoff,
    /// Of the gate that counts; one over an older tree has a lower one.
    pub(crate) round: u32,
    /// Rounds that could not tell.
    pub(crate) unsure: u32,
    pub(crate) stage: FinaleStage,
}

/// How far the last gate is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) enum FinaleStage {
    /// To be asked.
    #[default]
    Open,
    Passed,
    /// Failed; `answered` once a re-plan because of it came to nothing.
    Failed {
        feedback: String,
        answered: bool,
    },
    Broken(Failure),
}

impl State {
    /// A task of which nothing is known yet.
    #[must_use]
    pub fn new(task: TaskId) -> Self {
        Self {
            task,
            seq: Seq::ZERO,
            floor: Time::EPOCH,
            life: Life::New,
            new: NewTask {
                goal: String::new(),
                workspace: None,
                context: None,
                settings: TaskSettings::default(),
                callback_url: None,
                metadata: None,
            },
            paused: false,
            queued: false,
            awake_since: Time::EPOCH,
            version: 0,
            plan: Plan::default(),
            agreed: false,
            planning: None,
            extra_versions: 0,
            subs: BTreeMap::new(),
            floors: BTreeMap::new(),
            inflight: BTreeMap::new(),
            questions: BTreeMap::new(),
            grants: BTreeMap::new(),
            debts: BTreeMap::new(),
            finale: Finale::default(),
            steered: Seq::ZERO,
            heard: Seq::ZERO,
            completed: 0,
            discovery: None,
            unwanted: None,
            attempts: 0,
            usage: Usage::default(),
            worked_ms: 0,
            unclean: false,
            unsettled: false,
            verdict: None,
            degraded: Vec::new(),
        }
    }

    /// The tier that a step begins with: what the plan says, or more.
    pub(crate) fn starting_tier(&self, spec: &SubtaskSpec) -> Tier {
        let floor = self.floors.get(&spec.id).copied();
        spec.tier.max(floor.unwrap_or_default())
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.new.settings.limits
    }

    pub(crate) const fn active(&self) -> bool {
        matches!(self.life, Life::Active)
    }

    pub(crate) const fn stopping(&self) -> bool {
        matches!(self.life, Life::Stopping(_))
    }

    /// Whether new things may start.
    pub(crate) const fn going(&self) -> bool {
        self.active() && !self.paused && !self.queued
    }

    /// Before this time no question expires.
    pub(crate) fn grace_until(&self) -> Time {
        let grace = Duration::from_millis(self.new.settings.grace_ms);
        self.awake_since.after(grace)
    }

    /// Running attempts in plan order, those that a new plan has dropped last.
    pub(crate) fn running(&self) -> impl Iterator<Item = (&SubtaskId, &Attempt)> {
        let planned = self.plan.subtasks.iter().map(|spec| &spec.id);
        let dropped = self.subs.keys().filter(|id| !self.planned(id));
        planned
            .chain(dropped)
            .filter_map(|id| Some((id, self.subs.get(id)?.attempt()?)))
    }

    /// Executions that wait to be compared.
    pub(crate) fn aside(&self) -> impl Iterator<Item = (&SubtaskId, &Attempt)> {
        let subs = self.subs.iter();
        subs.flat_map(|(id, sub)| sub.round.aside.iter().map(move |a| (id, &a.attempt)))
    }

    /// What each execution of a step made that passed and waits; none where nobody could say.
    pub fn made_by_others(&self, subtask: &SubtaskId) -> impl Iterator<Item = Option<&Digest>> {
        let waiting = self.subs.get(subtask).into_iter();
        let waiting = waiting.flat_map(|sub| &sub.round.aside);
        waiting.map(|aside| Some(&aside.candidate.product.as_ref()?.print))
    }

    /// What votes on a step.
    pub(crate) fn vote(&self, spec: &SubtaskSpec) -> Voting {
        spec.vote.unwrap_or(self.new.settings.verification.vote)
    }

    /// Whether executions of any step of the plan may be compared, in forks of their own.
    #[must_use]
    pub fn may_compare(&self) -> bool {
        let compares = |spec| self.vote(spec) == Voting::Executions;
        self.plan.subtasks.iter().any(compares)
    }

    /// How many executions of a step are compared.
    pub(crate) const fn executions(&self) -> u32 {
        self.new.settings.verification.votes
    }

    /// Whether a subtask is in the current plan.
    pub(crate) fn planned(&self, id: &SubtaskId) -> bool {
        self.plan.subtasks.iter().any(|spec| &spec.id == id)
    }

    /// The subtasks of the current plan with their specs as planned.
    pub(crate) fn current(&self) -> impl Iterator<Item = (&SubtaskId, &Subtask)> {
        let specs = self.plan.subtasks.iter();
        specs.filter_map(|spec| self.subs.get_key_value(&spec.id))
    }

    pub(crate) fn find_attempt(&self, attempt: AttemptId) -> Option<(&SubtaskId, &Attempt)> {
        self.subs.iter().find_map(|(id, sub)| {
            let found = sub.attempt().filter(|a| a.id == attempt)?;
            Some((id, found))
        })
    }

    pub(crate) fn attempt_mut(&mut self, attempt: AttemptId) -> Option<&mut Attempt> {
        self.subs.values_mut().find_map(|sub| match &mut sub.stage {
            Stage::Running(found) if found.id == attempt => Some(found),
            Stage::Running(_)
            | Stage::Pending
            | Stage::Tried { .. }
            | Stage::Completed(_)
            | Stage::Failed
            | Stage::Blocked
            | Stage::Skipped(_) => None,
        })
    }

    /// Whether somebody still waits for what an effect brings.
    pub(crate) fn wanted_by_owner(&self, work: &Work) -> bool {
        match work {
            Work::Plan { planning, round } => self
                .planning
                .as_ref()
                .is_some_and(|p| p.id == *planning && p.round == *round),
            Work::Prepare { attempt }
            | Work::Model { attempt, .. }
            | Work::Tool { attempt, .. }
            | Work::Verify { attempt, .. }
            | Work::Merge { attempt }
            | Work::Recheck { attempt } => self.find_attempt(*attempt).is_some(),
            Work::Unmerge { attempt } => self.debts.contains_key(attempt),
            Work::Extract { subtask, attempt } => self.active()
                && self.subs.get(subtask).is_some_and(
                    |sub| matches!(&sub.stage, Stage::Completed(done) if done.attempt == *attempt),
                ),
            Work::Final { version, round } => {
                self.active() && self.version == *version && self.finale.round == *round
            }
            Work::Reconcile { intent } => self.inflight.contains_key(intent),
        }
    }

    pub(crate) fn in_flight(&self, work: &Work) -> Option<EffectId> {
        let found = self
            .inflight
            .iter()
            .find(|(_, effect)| &effect.work == work);
        found.map(|(id, _)| *id)
    }

    pub(crate) fn owner(&self, attempt: AttemptId) -> Option<Owner> {
        if let Some((subtask, found)) = self.find_attempt(attempt) {
            return Some(Owner {
                subtask: subtask.clone(),
                attempt,
                ordinal: found.ordinal,
            });
        }
        if let Some(debt) = self.debts.get(&attempt) {
            return Some(debt.owner.clone());
        }
        if let Some((subtask, found)) = self.aside().find(|(_, a)| a.id == attempt) {
            return Some(Owner {
                subtask: subtask.clone(),
                attempt,
                ordinal: found.ordinal,
            });
        }
        self.subs
            .iter()
            .find_map(|(subtask, sub)| match &sub.stage {
                Stage::Completed(done) if done.attempt == attempt => Some(Owner {
                    subtask: subtask.clone(),
                    attempt,
                    ordinal: done.ordinal,
                }),
                Stage::Completed(_)
                | Stage::Pending
                | Stage::Running(_)
                | Stage::Tried { .. }
                | Stage::Failed
                | Stage::Blocked
                | Stage::Skipped(_) => None,
            })
    }

    /// Whether a question has still something to decide.
    pub(crate) fn question_lives(&self, id: QuestionId, open: &Open) -> bool {
        let asked = |attempt: &AttemptId, call: &u32| {
            let call = usize::try_from(*call).unwrap_or(usize::MAX);
            let found = self.find_attempt(*attempt);
            found
                .and_then(|(_, attempt)| attempt.acting()?.calls.get(call))
                .is_some_and(|c| c.state == CallState::Asked(id))
        };
        self.active()
            && match &open.question.subject {
                Subject::Call { attempt, call, .. } | Subject::Ask { attempt, call, .. } => {
                    asked(attempt, call)
                }
                Subject::Result { attempt } => self
                    .find_attempt(*attempt)
                    .is_some_and(|(_, found)| matches!(found.last, Last::Passed(_))),
                Subject::ByHand { attempt } => self
                    .find_attempt(*attempt)
                    .is_some_and(|(_, found)| found.in_hand()),
                Subject::Exhausted { subtask } => {
                    self.planned(subtask)
                        && self.subs.get(subtask).is_some_and(|sub| {
                            sub.help.is_none()
                                && matches!(sub.stage, Stage::Tried { .. } | Stage::Blocked)
                        })
                }
                Subject::Executions { subtask } => {
                    self.planned(subtask)
                        && self.subs.get(subtask).is_some_and(|sub| {
                            let round = &sub.round;
                            let open = round.open() && round.diverged && round.chosen.is_none();
                            open && sub.help.is_none() && matches!(sub.stage, Stage::Tried { .. })
                        })
                }
                Subject::Plan { version } => self.version == *version && !self.agreed,
                Subject::PlanLimit { version } => {
                    self.version == *version
                        && matches!(self.finale.stage, FinaleStage::Failed { .. })
                }
                Subject::Doubt { effect } => self.inflight.get(effect).is_some_and(|e| {
                    e.doubt && e.resolved.is_none() && self.wanted_by_owner(&e.work)
                }),
            }
    }

    /// Whether the same thing is already being asked.
    pub(crate) fn asked(&self, subject: &Subject) -> bool {
        let mut open = self.questions.values();
        open.any(|open| &open.question.subject == subject)
    }

    /// Plan versions that may still be made.
    pub(crate) const fn versions_left(&self) -> u32 {
        let allowed = self
            .limits()
            .plan_versions
            .saturating_add(self.extra_versions);
        allowed.saturating_sub(self.version)
    }

    /// Whether an instruction reached no completed model call.
    pub(crate) fn unheard(&self) -> bool {
        self.steered > self.heard
    }

    /// Whether time counts as work: not paused, not queued, not only waiting for a human.
    pub(crate) fn working(&self) -> bool {
        // An effect that only a human can settle is not under way.
        let asked = |effect: &InFlight| effect.doubt && effect.class == Class::Unknowable;
        let idle = self.inflight.values().all(asked) && !self.waits();
        match self.life {
            Life::Active => !self.paused && !self.queued && (!idle || self.questions.is_empty()),
            Life::Stopping(_) => true,
            Life::New | Life::Done(_) => false,
        }
    }

    /// Whether anything waits for the end of a back-off.
    pub(crate) fn waits(&self) -> bool {
        let planning = self.planning.as_ref();
        planning.is_some_and(|p| p.stage == Proposed::Nothing && p.backoff.until.is_some())
            || self.running().any(|(_, a)| a.backoff.until.is_some())
    }

    /// Milliseconds of work up to now.
    pub(crate) fn worked_at(&self, now: Time) -> u64 {
        if !self.working() {
            return self.worked_ms;
        }
        let more = u64::try_from(now.since(self.floor).as_millis()).unwrap_or(u64::MAX);
        self.worked_ms.saturating_add(more)
    }

    /// Completed subtasks of the current plan: a new plan has them as they are. Dependencies that
    /// are not part of it any more are left out, they were met long ago.
    pub(crate) fn kept(&self) -> Vec<SubtaskSpec> {
        let completed = |sub: &&Subtask| matches!(sub.stage, Stage::Completed(_));
        let kept: Vec<&Subtask> = self
            .current()
            .map(|(_, sub)| sub)
            .filter(completed)
            .collect();
        let stays = |id: &SubtaskId| kept.iter().any(|sub| &sub.spec.id == id);
        let prune = |sub: &&Subtask| {
            let mut spec = sub.spec.clone();
            spec.depends_on.retain(stays);
            spec
        };
        kept.iter().map(prune).collect()
    }

    pub(crate) fn degrade(&mut self, what: &str) {
        if self.degraded.len() < MAX_DEGRADED && !self.degraded.iter().any(|d| d == what) {
            self.degraded.push(what.to_owned());
        }
    }

    /// The correlation of everything that belongs to no attempt and no planning.
    pub(crate) const fn first_seq() -> Seq {
        Seq(1)
    }

    /// Whether an event can follow: the life of a task has a beginning and an end.
    pub(crate) const fn takes(&self, event: &Event) -> bool {
        let creates = matches!(event, Event::TaskCreated(_));
        match self.life {
            Life::New => creates,
            Life::Active | Life::Stopping(_) => !creates,
            Life::Done(_) => false,
        }
    }
}
