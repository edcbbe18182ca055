//! What must hold of executions that are compared, read off the journal alone, with books of its own.

use loom_events::{
    AttemptEnd, AttemptId, CheckPower, Compared, Digest, EffectId, Envelope, Event, GivenAnswer,
    Seq, SubtaskId, TakenBy, TaskSettings, Verdict, Voting, Work,
};
use std::collections::BTreeMap;

/// Everything that is wrong with the executions of a journal.
pub(super) fn audit(journal: &[Envelope]) -> Vec<String> {
    let mut books = Books::default();
    for envelope in journal {
        books.read(envelope);
    }
    let waiting = books.attempts.values().any(|book| book.waits());
    if waiting && books.ended {
        books
            .faults
            .push("an execution waits at the end".to_owned());
    }
    books.faults
}

#[derive(Default)]
struct Book {
    subtask: Option<SubtaskId>,
    /// Which execution it is, while it is one.
    execution: Option<u32>,
    aside: bool,
    taken: bool,
    over: bool,
    passed: Option<Passed>,
}

/// What a passed gate said.
#[derive(Clone, PartialEq)]
struct Passed {
    checks: (usize, usize),
    print: Option<Digest>,
}

impl Passed {
    fn new(verdict: &Verdict) -> Self {
        let green = |power| {
            let green = |c: &&loom_events::CheckResult| c.passed && c.power == power;
            verdict.checks.iter().filter(green).count()
        };
        Self {
            checks: (green(CheckPower::Discriminating), green(CheckPower::Guard)),
            print: verdict
                .product
                .as_ref()
                .map(|product| product.print.clone()),
        }
    }
}

impl Book {
    const fn waits(&self) -> bool {
        self.aside && !self.over
    }
}

#[derive(Default)]
struct Books {
    faults: Vec<String>,
    settings: TaskSettings,
    /// What is said of each step of the plan.
    votes: BTreeMap<SubtaskId, Option<Voting>>,
    attempts: BTreeMap<AttemptId, Book>,
    works: BTreeMap<EffectId, Work>,
    /// Executions of each step that were begun in its last round.
    made: BTreeMap<SubtaskId, u32>,
    /// What humans chose.
    chosen: Vec<AttemptId>,
    ended: bool,
}

impl Books {
    fn fault(&mut self, seq: Seq, what: impl std::fmt::Display) {
        self.faults.push(format!("{seq}: {what}"));
    }

    fn read(&mut self, envelope: &Envelope) {
        let seq = envelope.seq;
        if let Some(work) = envelope.event.intent() {
            self.works.insert(EffectId(seq), work.clone());
            self.intent(seq, work);
        }
        match &envelope.event {
            Event::TaskCreated(task) => self.settings = task.settings.clone(),
            Event::TaskPlanReady { planning, plan, .. } => {
                let said = plan
                    .subtasks
                    .iter()
                    .map(|spec| (spec.id.clone(), spec.vote));
                let said: BTreeMap<_, _> = said.collect();
                for (id, vote) in said.iter().filter(|_| planning.is_some()) {
                    if *vote != self.votes.get(id).copied().flatten() {
                        self.fault(seq, format!("a planner says {vote:?} of `{id}`"));
                    }
                }
                self.votes = said;
            }
            Event::SubtaskStarted {
                subtask, execution, ..
            } => self.started(seq, subtask, *execution),
            Event::AttemptPrepared {
                attempt, prepared, ..
            } => {
                let strong = prepared.baseline.contains(&CheckPower::Discriminating);
                let book = self.attempts.entry(*attempt).or_default();
                let first = book.execution == Some(1);
                if prepared.fork.is_none() || (first && strong) {
                    book.execution = None;
                }
            }
            Event::VerificationPassed { effect, verdict } => {
                if let Some(Work::Verify { attempt, .. }) = self.works.get(effect) {
                    let passed = Some(Passed::new(verdict));
                    self.attempts.entry(*attempt).or_default().passed = passed;
                }
            }
            Event::NudgeGiven { attempt, .. } => {
                self.attempts.entry(*attempt).or_default().passed = None;
            }
            Event::ExecutionSetAside { attempt, .. } => {
                let book = self.attempts.entry(*attempt).or_default();
                let fits = book.execution.is_some() && book.passed.is_some() && !book.over;
                book.aside = true;
                if !fits || book.taken {
                    self.fault(seq, format!("attempt {attempt} is set aside"));
                }
            }
            Event::ExecutionsCompared {
                subtask, outcome, ..
            } => self.compared(seq, subtask, outcome),
            Event::QuestionAnswered {
                answer: GivenAnswer::Take { attempt },
                ..
            } => self.chosen.push(*attempt),
            Event::AttemptEnded { attempt, why, .. } => {
                let book = self.attempts.entry(*attempt).or_default();
                let waited = book.waits();
                book.over |= *why != AttemptEnd::Passed;
                if (*why == AttemptEnd::Outvoted) != waited && !ends_all(why) {
                    self.fault(seq, format!("attempt {attempt} ended as {why:?}"));
                }
            }
            Event::SubtaskCompleted { attempt, .. } => self.counts(seq, *attempt),
            event if event.is_terminal() => self.ended = true,
            _ => {}
        }
    }

    fn started(&mut self, seq: Seq, subtask: &SubtaskId, execution: Option<u32>) {
        let of_step = |book: &&Book| book.subtask.as_ref() == Some(subtask);
        let waiting = self.attempts.values().filter(of_step).any(Book::waits);
        let made = self.made.entry(subtask.clone()).or_default();
        let follows = match execution {
            None | Some(1) => !waiting,
            Some(further) => further == *made + 1 && further <= self.settings.verification.votes,
        };
        *made = execution.unwrap_or(0);
        let vote = self.votes.get(subtask).copied().flatten();
        let vote = vote.unwrap_or(self.settings.verification.vote);
        let asked = vote == Voting::Executions || execution.is_none();
        if !follows || !asked {
            let what = format!("execution {execution:?} of `{subtask}`, others wait: {waiting}");
            self.fault(seq, what);
        }
        let book = Book {
            subtask: Some(subtask.clone()),
            execution,
            ..Book::default()
        };
        self.attempts.insert(AttemptId(seq), book);
    }

    fn intent(&mut self, seq: Seq, work: &Work) {
        let Some(attempt) = work.attempt() else {
            return;
        };
        if self.attempts.get(&attempt).is_some_and(Book::waits) {
            self.fault(seq, format!("{work:?} for an execution that waits"));
        }
        if matches!(work, Work::Merge { .. }) {
            self.counts(seq, attempt);
        }
    }

    /// Nothing of an execution counts before it was compared with the others.
    fn counts(&mut self, seq: Seq, attempt: AttemptId) {
        let book = self.attempts.entry(attempt).or_default();
        if book.execution.is_some() && !book.taken {
            self.fault(
                seq,
                format!("execution {attempt} counts and was not compared"),
            );
        }
    }

    fn compared(&mut self, seq: Seq, subtask: &SubtaskId, outcome: &Compared) {
        let of_step = |book: &&Book| book.subtask.as_ref() == Some(subtask) && book.waits();
        let waiting = self.attempts.values().filter(of_step);
        let waiting: Vec<Passed> = waiting.filter_map(|book| book.passed.clone()).collect();
        let all = self.made.get(subtask) == Some(&self.settings.verification.votes);
        match outcome {
            Compared::Diverged => {
                let clear = waiting.iter().any(|one| is_clear(one, &waiting));
                if clear || waiting.len() < 2 || !all {
                    self.fault(seq, format!("`{subtask}` diverged, with {}", waiting.len()));
                }
            }
            Compared::Taken { attempt, by } => {
                let human = self.chosen.contains(attempt);
                let votes = self.settings.verification.votes;
                let book = self.attempts.entry(*attempt).or_default();
                let was_waiting = book.waits();
                (book.aside, book.taken) = (false, true);
                let one = book.passed.clone();
                let right = one.is_some_and(|one| match by {
                    TakenBy::Human => human,
                    TakenBy::Alone => waiting.len() == 1 && all,
                    TakenBy::Checks | TakenBy::Agreement if all => is_clear(&one, &waiting),
                    // Before the last one only what most of all made.
                    TakenBy::Agreement => 2 * like(&one, &waiting) > votes as usize,
                    TakenBy::Checks => false,
                });
                if !was_waiting || !right {
                    self.fault(
                        seq,
                        format!("attempt {attempt} of `{subtask}` is taken by {by:?}"),
                    );
                }
            }
        }
    }
}

/// What ends whatever there is.
const fn ends_all(why: &AttemptEnd) -> bool {
    matches!(why, AttemptEnd::Stopped | AttemptEnd::Superseded)
}

fn like(one: &Passed, among: &[Passed]) -> usize {
    let same = |other: &&Passed| other.print.is_some() && other.print == one.print;
    among.iter().filter(same).count().max(1)
}

/// Whether nothing has more green checks, and nothing with as many was made as often.
fn is_clear(one: &Passed, among: &[Passed]) -> bool {
    let rivals = among.iter().filter(|other| *other != one);
    let rivals: Vec<&Passed> = rivals.filter(|other| other.print != one.print).collect();
    let alone = like(one, among) == 1;
    let equal_unknown = among.iter().filter(|other| *other == one).count() > like(one, among);
    among.iter().all(|other| other.checks <= one.checks)
        && !equal_unknown
        && rivals.iter().all(|other| {
            other.checks < one.checks || (!alone && like(other, among) < like(one, among))
        })
}
