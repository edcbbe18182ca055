//! What follows from the last fact of an attempt, where that is an event and not more work.

use super::ending::{ask, asked_by_model, failed, objections};
use super::lane;
use crate::state::{Acting, Attempt, CallState, Last, Proof, State, digest};
use loom_events::{
    ApprovalMode, AttemptEnd, Event, Failure, FailureClass, Limit, Nudge, OnExpiry, Question, Risk,
    Said, Subject, SubtaskId, SubtaskSpec, Time, Work,
};

/// Above this a nudge costs more than a fresh attempt: half of the window is full of the old one.
const NUDGE_CONTEXT: u8 = 50;

pub(super) fn consequences(state: &State, now: Time) -> Option<Vec<Event>> {
    if !state.active() {
        return None;
    }
    state.running().find_map(|(subtask, attempt)| {
        let one = One {
            state,
            subtask,
            attempt,
            now,
        };
        one.gave_up().or_else(|| one.follows())
    })
}

/// One attempt and what is around it.
struct One<'a> {
    state: &'a State,
    subtask: &'a SubtaskId,
    attempt: &'a Attempt,
    now: Time,
}

impl One<'_> {
    fn follows(&self) -> Option<Vec<Event>> {
        if self.attempt.in_hand() {
            return self.ask_hand();
        }
        match &self.attempt.last {
            Last::Started | Last::Ended(_) => None,
            Last::Prepared | Last::Nudged => self.out_of_turns(),
            Last::Acting(acting) if acting.answered() => self.turn_done(),
            Last::Acting(acting) => self.held(acting),
            Last::Spoke {
                unreadable: true, ..
            } => self.unusable(Nudge::Unreadable),
            Last::Spoke { said, .. } => self.spoke(said),
            Last::Unsure { round, feedback } => self.unsure(*round, feedback),
            Last::GateFailed {
                feedback,
                cheap,
                disputed,
            } => self
                .disputed(disputed, feedback)
                .or_else(|| self.gate_failed(feedback, *cheap)),
            Last::Passed(proof) => self.passed(proof),
            Last::Agreed(_) => self.heard_all().or_else(|| self.in_place()),
            Last::Merged { base_moved, .. } if *base_moved => None,
            Last::Merged { .. } | Last::Rechecked(_) => self.ended_well(),
            Last::Conflict(text) => self.end(AttemptEnd::Conflict, text, false),
            Last::Denied(reason) => self.end(AttemptEnd::Denied, reason, true),
            Last::Failed(failure) => self.failed(failure),
        }
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "the arms of one match have one type"
    )]
    fn end(&self, why: AttemptEnd, feedback: &str, counts: bool) -> Option<Vec<Event>> {
        Some(vec![Event::AttemptEnded {
            attempt: self.attempt.id,
            subtask: self.subtask.clone(),
            why,
            feedback: feedback.to_owned(),
            counts,
        }])
    }

    /// Whoever took the step over says when it is done. They have all the time that they need.
    fn ask_hand(&self) -> Option<Vec<Event>> {
        let subject = Subject::ByHand {
            attempt: self.attempt.id,
        };
        if self.state.asked(&subject) || !lane::may_work_in_place(self.state, self.attempt) {
            return None;
        }
        let id = self.subtask;
        let reason = if let Last::GateFailed { feedback, .. } | Last::Unsure { feedback, .. } =
            &self.attempt.last
        {
            format!("`{id}` is not done yet: {feedback}")
        } else {
            format!("`{id}` is yours: do it in the workspace, then say that it is done")
        };
        let spec = self.state.subs.get(id).map(|sub| &sub.spec);
        let question = Question {
            subject,
            reason,
            action: spec.map(what_to_do).unwrap_or_default(),
            risk: Risk::Low,
            rules: Vec::new(),
            choices: ["done", "skip", "give it back", "abort"]
                .map(str::to_owned)
                .to_vec(),
            default: None,
        };
        Some(vec![Event::ApprovalRequested {
            question,
            deadline: None,
            on_expiry: OnExpiry::Fail,
        }])
    }

    fn ended_well(&self) -> Option<Vec<Event>> {
        self.end(AttemptEnd::Passed, "", false)
    }

    /// A failure of the world uses up a rung, since the next one may have another model. A fault
    /// of the plan does not: no other model would do better (see `ladder`).
    fn failed(&self, failure: &Failure) -> Option<Vec<Event>> {
        let counts = failure.class != FailureClass::Plan;
        let why = AttemptEnd::Failed {
            failure: failure.clone(),
        };
        self.end(why, &failure.message, counts)
    }

    /// Too many transient failures in a row are not transient.
    fn gave_up(&self) -> Option<Vec<Event>> {
        let backoff = &self.attempt.backoff;
        if backoff.failures <= self.state.limits().transient_retries {
            return None;
        }
        self.after_limit(
            Limit::TransientRetries,
            u64::from(backoff.failures),
            self.failed(&backoff.given_up()),
        )
    }

    fn after_limit(
        &self,
        which: Limit,
        value: u64,
        then: Option<Vec<Event>>,
    ) -> Option<Vec<Event>> {
        let mut events = vec![Event::LimitReached { which, value }];
        events.extend(then?);
        Some(events)
    }

    /// Before another turn.
    fn out_of_turns(&self) -> Option<Vec<Event>> {
        let turns = self.attempt.turn;
        if turns < self.state.limits().turns_per_attempt {
            return None;
        }
        let feedback = format!("the attempt used all of its {turns} turns");
        let end = self.end(AttemptEnd::TurnLimit, &feedback, true);
        self.after_limit(Limit::TurnsPerAttempt, u64::from(turns), end)
    }

    /// Something is said, and another turn follows.
    fn nudge(&self, nudge: Nudge, text: &str) -> Option<Vec<Event>> {
        self.out_of_turns().or_else(|| {
            Some(vec![Event::NudgeGiven {
                attempt: self.attempt.id,
                turn: self.attempt.turn,
                nudge,
                text: text.to_owned(),
            }])
        })
    }

    /// Every call of a turn has a result.
    fn turn_done(&self) -> Option<Vec<Event>> {
        if self.attempt.unusable >= self.patience() {
            return self.unusable(Nudge::Unreadable);
        }
        if !self.nudges() || !self.attempt.loops.circling() {
            return self.out_of_turns();
        }
        if self.attempt.loops.warned {
            let feedback = "the same calls with the same results again and again";
            return self.end(AttemptEnd::Looping, feedback, true);
        }
        self.nudge(Nudge::Loop, words(Nudge::Loop))
    }

    /// Held calls: a human is asked before anything happens.
    fn held(&self, acting: &Acting) -> Option<Vec<Event>> {
        let held = acting.calls.iter().find_map(|call| match &call.state {
            CallState::Held(question) if !self.state.granted(call) => Some(question),
            CallState::Held(_)
            | CallState::Waiting
            | CallState::Asked(_)
            | CallState::Granted(..)
            | CallState::Answered => None,
        })?;
        let question = held.as_ref().clone();
        let asks = matches!(question.subject, Subject::Ask { .. });
        Some(vec![if asks {
            asked_by_model(self.state, question, self.now)
        } else {
            ask(self.state, question, OnExpiry::Deny, self.now)
        }])
    }

    /// Whether what a model says in vain is answered. Without that defence it ends the attempt.
    const fn nudges(&self) -> bool {
        self.state.new.settings.defences.nudges
    }

    fn patience(&self) -> u32 {
        if self.nudges() {
            self.state.limits().unusable_answers.max(1)
        } else {
            1
        }
    }

    fn unusable(&self, nudge: Nudge) -> Option<Vec<Event>> {
        let row = self.attempt.unusable;
        if row >= self.patience() {
            let feedback = match row {
                1 => "the answer held nothing that could be used".to_owned(),
                _ => format!("{row} answers in a row held nothing that could be used"),
            };
            return self.end(AttemptEnd::Unusable, &feedback, true);
        }
        self.nudge(nudge, words(nudge))
    }

    fn spoke(&self, said: &Said) -> Option<Vec<Event>> {
        match said {
            Said::Called | Said::Nothing => self.unusable(Nudge::Nothing),
            Said::OnlyThought => self.unusable(Nudge::OnlyThought),
            Said::Announced => self.unusable(Nudge::Announced),
            Said::Asked => self.unusable(Nudge::Asked),
            Said::Done => self.heard_all(),
            Said::Blocked { reason } => self
                .heard_all()
                .or_else(|| self.end(AttemptEnd::Blocked, reason, true)),
        }
    }

    /// An instruction that reached no completed call of this attempt comes before any gate.
    fn heard_all(&self) -> Option<Vec<Event>> {
        // Whoever gives instructions is who works here.
        if self.attempt.by_hand() {
            return None;
        }
        let attempt = self.attempt.id;
        let merging = self.state.in_flight(&Work::Merge { attempt }).is_some();
        let judging = self.state.inflight.values().any(|effect| {
            matches!(effect.work, Work::Verify { attempt: judged, .. } if judged == attempt)
        });
        if merging || judging || self.state.steered <= self.attempt.heard {
            return None;
        }
        self.nudge(Nudge::Unheard, words(Nudge::Unheard))
    }

    fn unsure(&self, round: u32, feedback: &str) -> Option<Vec<Event>> {
        if let Some(unheard) = self.heard_all() {
            return Some(unheard);
        }
        if round < self.state.limits().inconclusive_rounds {
            return None;
        }
        self.end(AttemptEnd::Inconclusive, feedback, true)
    }

    /// A check against which the work itself speaks is the planner's to look at, once. The work is
    /// left as it is, and nothing is held against it.
    fn disputed(&self, checks: &[String], feedback: &str) -> Option<Vec<Event>> {
        let asked = self.state.subs.get(self.subtask).is_none_or(|s| s.disputed);
        if checks.is_empty() || asked || !self.state.new.settings.defences.disputes {
            return None;
        }
        let checks = checks.to_vec();
        self.end(AttemptEnd::Disputed { checks }, feedback, false)
    }

    fn gate_failed(&self, feedback: &str, cheap: bool) -> Option<Vec<Event>> {
        let limits = self.state.limits();
        let worth_it = cheap
            && self.attempt.context < NUDGE_CONTEXT
            && self.attempt.nudges < limits.nudges
            && self.attempt.turn < limits.turns_per_attempt;
        if worth_it {
            return self.nudge(Nudge::GateFailed, feedback);
        }
        self.end(AttemptEnd::GateFailed, feedback, true)
    }

    /// The approval comes before the merge, unlike a reading of the flow that merges first: while a
    /// human thinks, others can merge, and a refusal costs no un-merge.
    fn passed(&self, proof: &Proof) -> Option<Vec<Event>> {
        if let Some(unheard) = self.heard_all() {
            return Some(unheard);
        }
        // Whoever would be asked has just said that it is done.
        if self.attempt.by_hand() {
            return self.in_place();
        }
        // The others are waited for, and nobody is asked about a result that may not be taken.
        if self.attempt.votes {
            return Some(vec![Event::ExecutionSetAside {
                attempt: self.attempt.id,
                subtask: self.subtask.clone(),
            }]);
        }
        let wanted = match self.state.consent(self.attempt, proof) {
            Consent::Given => return self.in_place(),
            Consent::Refused => return Some(vec![self.too_unsure(proof)]),
            wanted @ (Consent::Wanted | Consent::Silence) => wanted,
        };
        let subject = Subject::Result {
            attempt: self.attempt.id,
        };
        if self.state.asked(&subject) {
            return None;
        }
        let asked = self.result_question(subject, proof);
        Some(vec![if wanted == Consent::Wanted {
            ask(self.state, asked, OnExpiry::Fail, self.now)
        } else {
            objections(self.state, asked, self.now)
        }])
    }

    fn too_unsure(&self, proof: &Proof) -> Event {
        failed(format!(
            "the result of `{}` is too unsure to go on: a confidence of {}",
            self.subtask,
            how_sure(proof)
        ))
    }

    fn result_question(&self, subject: Subject, proof: &Proof) -> Question {
        Question {
            subject,
            reason: format!(
                "the result of `{}` passed its gate with a confidence of {}",
                self.subtask,
                how_sure(proof)
            ),
            action: format!("count `{}` as completed", self.subtask),
            risk: if proof.proven {
                Risk::Low
            } else {
                Risk::Medium
            },
            rules: Vec::new(),
            choices: Vec::new(),
            default: None,
        }
    }

    /// Without a fork there is nothing to merge.
    fn in_place(&self) -> Option<Vec<Event>> {
        (!self.attempt.fork).then(|| self.ended_well())?
    }
}

/// A confidence in words, with both of its figures where there are two.
fn how_sure(proof: &Proof) -> String {
    let percent = |share: f64| (share * 100.0).round();
    let (stated, evidence) = (percent(proof.confidence), percent(proof.evidence));
    if (stated - evidence).abs() < f64::EPSILON {
        return format!("{stated} %");
    }
    format!("{evidence} % by its evidence (such results turned out right in {stated} %)")
}

/// A step in words, for whoever does it by hand.
fn what_to_do(spec: &SubtaskSpec) -> String {
    let mut lines = vec![spec.title.clone(), spec.description.clone()];
    lines.extend(spec.criteria.iter().map(|text| format!("- {text}")));
    lines.extend(spec.checks.iter().map(|check| format!("check: {check}")));
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

impl State {
    /// Whether a held call runs under what a human allowed for the whole task. Not twice for the
    /// same call: a tool that holds it in spite of the grant would hold it for ever.
    pub(crate) fn granted(&self, call: &crate::state::Call) -> bool {
        let CallState::Held(question) = &call.state else {
            return false;
        };
        digest(question)
            .is_some_and(|d| self.grants.contains_key(d) && call.used.as_ref() != Some(d))
    }

    /// Whether a result waits for a human's word.
    pub(crate) fn needs_approval(&self, attempt: &Attempt, proof: &Proof) -> bool {
        self.consent(attempt, proof) != Consent::Given
    }

    /// What a passed result needs before it counts. What such results turned out to be can only add a
    /// question, and only where somebody is there to answer it; it ends nothing.
    fn consent(&self, attempt: &Attempt, proof: &Proof) -> Consent {
        let settings = &self.new.settings;
        let sure = match settings.attended {
            true => proof.evidence.min(proof.confidence),
            false => proof.evidence,
        };
        let bands = settings.bands;
        match settings.approval {
            ApprovalMode::Manual => Consent::Wanted,
            ApprovalMode::Threshold if sure < settings.verification.threshold => Consent::Wanted,
            ApprovalMode::Threshold => Consent::Given,
            ApprovalMode::Auto if proof.evidence < bands.stop => Consent::Refused,
            ApprovalMode::Auto if sure < bands.ask => Consent::Wanted,
            // Whoever chose it among others has looked at it.
            ApprovalMode::Auto if attempt.chosen => Consent::Given,
            ApprovalMode::Auto if sure < bands.proceed && settings.attended => Consent::Silence,
            ApprovalMode::Auto => Consent::Given,
        }
    }
}

/// What a passed result needs before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    /// Nothing more.
    Given,
    /// That nobody objects for a while.
    Silence,
    /// Somebody's word.
    Wanted,
    /// It is too unsure for that.
    Refused,
}

/// What the model is told. The engine puts the exact fault of an unreadable call in front of it.
const fn words(nudge: Nudge) -> &'static str {
    match nudge {
        Nudge::GateFailed => "The checks failed.",
        Nudge::Unreadable => {
            "That call could not be read, so nothing was done. Send it again as one complete tool \
             call."
        }
        Nudge::Announced => {
            "You said what you would do and did not do it. Call the tool now, without announcing it."
        }
        Nudge::OnlyThought => {
            "There was no answer after your thoughts. Call a tool, or say in one sentence that the \
             step is done."
        }
        Nudge::Nothing => {
            "The answer was empty. Call a tool, or say in one sentence that the step is done."
        }
        Nudge::Asked => {
            "Nobody reads questions in plain text. Decide with what you have, or use `ask_user` if \
             the decision is the user's."
        }
        Nudge::Unheard => {
            "The user gave an instruction meanwhile. Follow it before you finish this step."
        }
        Nudge::Loop => {
            "You repeat the same calls and get the same results. Try something else, or say that you \
             are blocked and why."
        }
    }
}
