//! What is announced, and what comes of it.

use super::{Books, Intent};
use loom_events::{
    AttemptId, Class, EffectId, Event, FailureClass, QuestionId, Reconciled, Seq, Subject, Work,
};

impl Books {
    pub(super) fn intent(&mut self, seq: Seq, work: &Work, event: &Event) {
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
    pub(super) fn in_hand(&mut self, seq: Seq, work: &Work) {
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

    pub(super) fn call_started(
        &mut self,
        seq: Seq,
        work: &Work,
        class: Class,
        grant: Option<QuestionId>,
    ) {
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
    pub(super) fn one_writer(&mut self, seq: Seq, work: &Work) {
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

    pub(super) fn outcome(&mut self, seq: Seq, effect: EffectId, event: &Event) {
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
    pub(super) fn carried(&mut self, effect: EffectId, intent: &Intent, event: &Event) {
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

    pub(super) fn interrupted(
        &mut self,
        seq: Seq,
        (effect, maybe): (EffectId, bool),
        intent: &Intent,
    ) {
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
    pub(super) fn must_be_recorded(&mut self, seq: Seq, effect: EffectId) {
        if !self.recorded.contains(&effect) && !self.given_up {
            self.fault(seq, format!("what effect {effect} changed is not recorded"));
        }
    }

    pub(super) fn reconciled(&mut self, seq: Seq, intent: EffectId, found: &Reconciled) {
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
}
