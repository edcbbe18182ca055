//! How attempts, questions, steps and the task itself begin and end.

use super::{AttemptBook, Books};
use loom_events::{
    AttemptId, Class, EffectId, End, OnExpiry, QuestionId, Seq, Subject, SubtaskId, Time, Work,
};
use std::time::Duration;

impl Books {
    pub(super) fn closed(
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

    pub(super) fn expired(&mut self, seq: Seq, time: Time, question: QuestionId) {
        let Some((_, deadline, _)) = self.closed(seq, question) else {
            return;
        };
        let grace = Duration::from_millis(self.settings.grace_ms);
        if deadline.is_none_or(|at| time < at) || time < self.awake.after(grace) || self.paused {
            self.fault(seq, format!("question {question} expired too early"));
        }
    }

    pub(super) fn stopped(&mut self, seq: Seq, end: &End) {
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

    pub(super) fn attempt_started(&mut self, seq: Seq, subtask: &SubtaskId, by_hand: bool) {
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

    pub(super) fn landed(&mut self, seq: Seq, effect: EffectId, inwards: bool) {
        let Some(attempt) = self.all.get(&effect).and_then(Work::attempt) else {
            return;
        };
        self.landed.push((seq, attempt, inwards));
        let book = self.attempts.entry(attempt).or_default();
        book.merged = inwards.then_some(seq);
    }

    /// A completion rests on a passed verdict about the tree as it is now.
    pub(super) fn subtask_completed(
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

    pub(super) fn over(&mut self, seq: Seq, completed: bool) {
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
