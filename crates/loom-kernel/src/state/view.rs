//! Reading a state from outside: nothing here can change it.

use crate::state::{Life, Manner, Stage, State, Subtask};
use crate::{SubtaskStatus, subtask_status};
use loom_events::{
    AttemptId, Class, Digest, EffectId, End, Plan, PlanReason, PlanningId, Question, QuestionId,
    Rung, Seq, SubtaskId, SubtaskSpec, TaskId, TaskSettings, Tier, Time, Usage, Work,
};

/// A subtask as seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct SubtaskView<'a> {
    /// What is to be done.
    pub spec: &'a SubtaskSpec,
    /// Where it is.
    pub status: SubtaskStatus,
    /// Attempts started.
    pub ordinal: u32,
    /// Position in the ladder.
    pub rung: u32,
    /// Why the last attempt ended, or why it failed.
    pub why: &'a str,
    /// One line of what came of it, once it is completed and extracted.
    pub summary: &'a str,
    /// Its last attempt.
    pub attempt: Option<AttemptId>,
}

/// A running attempt as seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptView<'a> {
    /// Its subtask.
    pub subtask: &'a SubtaskId,
    /// Counts the attempts of this subtask, from 1.
    pub ordinal: u32,
    /// How it differs from the first.
    pub kind: Rung,
    /// The tier of model it asks for.
    pub tier: Tier,
    /// Model calls completed.
    pub turn: u32,
    /// How its next model call is made.
    pub manner: Manner,
    /// Whether it works in a fork.
    pub fork: bool,
}

/// A planning under way as seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanningView<'a> {
    /// Its id.
    pub id: PlanningId,
    /// Why a plan is made.
    pub why: &'a PlanReason,
    /// 0, then 1 after the errors of the first round.
    pub round: u32,
    /// What was wrong with the last proposal.
    pub errors: &'a [String],
}

impl State {
    /// The task.
    #[must_use]
    pub const fn task(&self) -> TaskId {
        self.task
    }

    /// The place of the last event.
    #[must_use]
    pub const fn last_seq(&self) -> Seq {
        self.seq
    }

    /// The tier that a step would begin with: what the plan says, or what earlier tasks taught.
    #[must_use]
    pub fn begins_at(&self, spec: &SubtaskSpec) -> Tier {
        self.starting_tier(spec)
    }

    /// What is wanted.
    #[must_use]
    pub fn goal(&self) -> &str {
        &self.new.goal
    }

    /// The user's directory, if there is one.
    #[must_use]
    pub fn workspace(&self) -> Option<&str> {
        self.new.workspace.as_deref()
    }

    /// Bounds and modes.
    #[must_use]
    pub const fn settings(&self) -> &TaskSettings {
        &self.new.settings
    }

    /// The current plan and its version.
    #[must_use]
    pub fn plan(&self) -> Option<(u32, &Plan)> {
        (self.version > 0).then_some((self.version, &self.plan))
    }

    /// Whether the terminal event has been booked.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.life, Life::Done(_))
    }

    /// How the task ends or ended, once that is decided.
    #[must_use]
    pub const fn end(&self) -> Option<&End> {
        match &self.life {
            Life::Stopping(end) | Life::Done(end) => Some(end),
            Life::New | Life::Active => None,
        }
    }

    /// Questions that wait for a human, with the time at which they expire.
    pub fn open_questions(&self) -> impl Iterator<Item = (QuestionId, &Question, Option<Time>)> {
        self.questions
            .iter()
            .map(|(id, open)| (*id, &open.question, open.expires_at(self)))
    }

    /// Effects whose outcome is not known yet.
    pub fn inflight(&self) -> impl Iterator<Item = (EffectId, &Work, Class)> {
        let effects = self.inflight.iter();
        effects.map(|(id, effect)| (*id, &effect.work, effect.class))
    }

    /// The digest that a human granted, for a tool call in flight that was held before.
    #[must_use]
    pub fn grant(&self, effect: EffectId) -> Option<&Digest> {
        self.inflight.get(&effect)?.grant.as_ref()
    }

    /// The subtasks of the current plan, in its order.
    pub fn subtasks(&self) -> impl Iterator<Item = SubtaskView<'_>> {
        self.current().filter_map(|(id, sub)| self.view(id, sub))
    }

    /// One subtask of this or an earlier plan.
    #[must_use]
    pub fn subtask(&self, id: &SubtaskId) -> Option<SubtaskView<'_>> {
        let (id, sub) = self.subs.get_key_value(id)?;
        self.view(id, sub)
    }

    /// Whether a step may be given back to the planner before it was tried: once, and not with the
    /// last plan that is allowed, which is for steps that failed.
    #[must_use]
    pub fn may_give_back(&self, id: &SubtaskId) -> bool {
        let fresh = self.subs.get(id).is_some_and(|sub| !sub.replanned);
        fresh && self.versions_left() > 1
    }

    fn view<'a>(&'a self, id: &SubtaskId, sub: &'a Subtask) -> Option<SubtaskView<'a>> {
        let summary = match &sub.stage {
            Stage::Completed(done) => done.summary.as_str(),
            Stage::Pending
            | Stage::Running(_)
            | Stage::Tried { .. }
            | Stage::Failed
            | Stage::Blocked
            | Stage::Skipped(_) => "",
        };
        Some(SubtaskView {
            spec: &sub.spec,
            status: subtask_status(self, id)?,
            ordinal: sub.ordinal,
            rung: sub.rung,
            why: &sub.why,
            summary,
            attempt: sub.last,
        })
    }

    /// A running attempt.
    #[must_use]
    pub fn attempt(&self, id: AttemptId) -> Option<AttemptView<'_>> {
        let (subtask, attempt) = self.find_attempt(id)?;
        Some(AttemptView {
            subtask,
            ordinal: attempt.ordinal,
            kind: attempt.kind,
            tier: attempt.tier,
            turn: attempt.turn,
            manner: attempt.manner,
            fork: attempt.fork,
        })
    }

    /// The planning under way.
    #[must_use]
    pub fn planning(&self) -> Option<PlanningView<'_>> {
        self.planning.as_ref().map(|planning| PlanningView {
            id: planning.id,
            why: &planning.why,
            round: planning.round,
            errors: &planning.errors,
        })
    }

    /// Tokens of the whole task so far.
    #[must_use]
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// Fallbacks taken so far.
    #[must_use]
    pub fn degraded(&self) -> &[String] {
        &self.degraded
    }
}
