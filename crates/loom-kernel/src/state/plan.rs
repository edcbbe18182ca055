//! Planning under way, and the subtasks with what was made of them.

use crate::state::{Attempt, Backoff, Proof, Round};
use loom_events::{
    AttemptEnd, AttemptId, Check, Failure, Plan, PlanReason, PlanningId, Seq, SkippedBy,
    SubtaskSpec,
};
use serde::Serialize;

/// Rounds of one planning: the proposal, and one repair with the exact errors. A model that cannot
/// repair a plan whose faults are named does not repair it the third time either.
const ROUNDS: u32 = 2;

/// A plan is being made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Planning {
    pub(crate) id: PlanningId,
    pub(crate) why: PlanReason,
    pub(crate) round: u32,
    /// What was wrong with the last proposal.
    pub(crate) errors: Vec<String>,
    pub(crate) steer_upto: Seq,
    pub(crate) backoff: Backoff,
    pub(crate) stage: Proposed,
}

impl Planning {
    /// Whether what is proposed now is not asked for again.
    pub(crate) const fn is_last_round(&self) -> bool {
        self.round + 1 >= ROUNDS
    }

    /// Whether it is about the checks of one subtask and nothing else.
    pub(crate) const fn only_checks(&self) -> bool {
        matches!(self.why, PlanReason::Checks { .. })
    }
}

/// How far planning is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum Proposed {
    /// The planner is to be asked.
    Nothing,
    /// It proposed a plan, not judged yet.
    Plan(Plan),
    /// It proposed other checks for the subtask that it was asked about.
    Checks(Vec<Check>),
    /// It stands by the checks that it was asked about.
    Kept(String),
    /// Its answer held no plan, not booked as rejected yet.
    Unreadable(Vec<String>),
    /// Its last round was rejected.
    Hopeless,
    /// It could not be asked.
    Failed(Failure),
}

/// One subtask and what was made of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Subtask {
    /// The spec that the work was done against. Differs from the plan's when a re-plan changed it
    /// and the running attempt has not been ended yet.
    pub(crate) spec: SubtaskSpec,
    /// Position in the ladder of the next or running attempt.
    pub(crate) rung: u32,
    /// Attempts started under this id, over all plans. Never reset: people read it.
    pub(crate) ordinal: u32,
    pub(crate) last: Option<AttemptId>,
    /// Whether a re-plan was made because of it. Once: the second time a human is better.
    pub(crate) replanned: bool,
    /// Whether the planner was asked about its checks. Once: after that they count.
    pub(crate) disputed: bool,
    /// What a human said to do with it.
    pub(crate) help: Option<Help>,
    /// Whether a human does it, or did and gave it back.
    pub(crate) by_hand: bool,
    /// Whether a check was red before the work; none until that was tried.
    pub(crate) strong: Option<bool>,
    /// What the gate of the last attempt that failed there found, as a fingerprint.
    pub(crate) failed_by: Option<u64>,
    /// Whether two attempts failed at their gates, and not for the same.
    pub(crate) differently: bool,
    /// Its executions, where several are compared.
    pub(crate) round: Round,
    /// Why the last attempt ended, or why it failed, for questions and reasons.
    pub(crate) why: String,
    pub(crate) stage: Stage,
}

impl Subtask {
    pub(crate) fn new(spec: SubtaskSpec) -> Self {
        Self {
            spec,
            rung: 0,
            ordinal: 0,
            last: None,
            replanned: false,
            disputed: false,
            help: None,
            by_hand: false,
            strong: None,
            failed_by: None,
            differently: false,
            round: Round::default(),
            why: String::new(),
            stage: Stage::Pending,
        }
    }

    /// Begins again at the foot of the ladder; numbers that people read go on.
    pub(crate) fn restart(&mut self, spec: SubtaskSpec) {
        self.spec = spec;
        self.rung = 0;
        self.help = None;
        self.by_hand = false;
        self.strong = None;
        self.failed_by = None;
        self.differently = false;
        self.round = Round::default();
        self.stage = Stage::Pending;
    }

    pub(crate) const fn attempt(&self) -> Option<&Attempt> {
        match &self.stage {
            Stage::Running(attempt) => Some(attempt),
            Stage::Pending
            | Stage::Tried { .. }
            | Stage::Completed(_)
            | Stage::Failed
            | Stage::Blocked
            | Stage::Skipped(_) => None,
        }
    }

    /// Whether what depends on it may run.
    pub(crate) const fn satisfied(&self) -> bool {
        match &self.stage {
            Stage::Completed(_) | Stage::Skipped(SkippedBy::Human) => true,
            Stage::Pending
            | Stage::Running(_)
            | Stage::Tried { .. }
            | Stage::Failed
            | Stage::Blocked
            | Stage::Skipped(SkippedBy::Replan | SkippedBy::End | SkippedBy::Dependency) => false,
        }
    }
}

/// Where a subtask is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum Stage {
    /// Waits for its dependencies, a place or its next attempt.
    Pending,
    /// An attempt runs.
    Running(Attempt),
    /// An attempt ended; the ladder decides.
    Tried {
        why: AttemptEnd,
        counts: bool,
    },
    Completed(Done),
    Failed,
    Blocked,
    Skipped(SkippedBy),
}

/// A completed subtask.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Done {
    pub(crate) attempt: AttemptId,
    /// Counts the attempts: not always the last one.
    pub(crate) ordinal: u32,
    pub(crate) proof: Proof,
    pub(crate) extraction: Extraction,
    /// One line of what came of it, from the extraction.
    pub(crate) summary: String,
}

/// Whether what is worth keeping was written down.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum Extraction {
    Owed(Backoff),
    Finished,
}

/// What a human said to do with a subtask, until the event that does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Help {
    Retry(String),
    Skip,
    TakeOver,
    GiveUp(String),
}
