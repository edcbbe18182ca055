//! What became of the results of a task: how sure each was stated to be, and what is known of whether
//! it was right. Only where somebody really looked, or where something was found to be wrong; silence
//! says nothing.

use loom_events::{
    AttemptId, CheckResult, EffectId, Event, QuestionId, Record, Rung, Subject, SubtaskId,
    SubtaskSpec, Verdict, Work,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A result that passed its gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Turnout {
    /// The subtask.
    pub subtask: SubtaskId,
    /// How sure it is by its evidence alone.
    pub evidence: f64,
    /// Whether it is what the task has for its subtask in the end.
    pub counts: bool,
    /// What is known of it by now.
    pub seen: Option<Seen>,
}

/// What is known of whether a result was right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Somebody looked at it and could have said either. 1 is right and 0 is wrong; between them is what
    /// is to be expected where only the whole was said to be wrong.
    Looked(f64),
    /// It was found to be wrong without being looked for: had it been right, nobody would have said so.
    Found,
}

impl Seen {
    /// Whether it is known to be wrong.
    #[must_use]
    pub fn is_wrong(self) -> bool {
        match self {
            Self::Looked(right) => right <= 0.0,
            Self::Found => true,
        }
    }
}

/// The results of a task in the order in which they passed. Those of the user's own hands are left out:
/// nothing is to be learned of how sure a model's are.
#[must_use]
pub fn turnouts(records: &[Record]) -> Vec<Turnout> {
    let mut reading = Reading::default();
    for record in records {
        reading.read(record);
    }
    let results = reading.results.into_iter().filter_map(|attempt| {
        let evidence = *reading.evidence.get(&attempt)?;
        let found = reading.found.contains(&attempt);
        let subtask = reading.of.get(&attempt)?.clone();
        Some(Turnout {
            counts: reading.counts.get(&subtask) == Some(&attempt),
            subtask,
            evidence,
            seen: match (reading.said.get(&attempt), found) {
                (Some(_), true) => Some(Seen::Looked(0.0)),
                (Some(yes), false) => Some(Seen::Looked(f64::from(u8::from(*yes)))),
                (None, true) => Some(Seen::Found),
                (None, false) => None,
            },
        })
    });
    results.collect()
}

/// What a human's word about the whole says of each of its results: where it is right, all of them are.
/// Where it is not, at least one is wrong, and how likely each is that one follows from how sure it is by
/// what is known by now.
#[must_use]
pub fn rated(results: &[Turnout], right: bool, sure: impl Fn(&Turnout) -> f64) -> Vec<Seen> {
    if right {
        return results.iter().map(|_| Seen::Looked(1.0)).collect();
    }
    let known = results
        .iter()
        .any(|result| result.seen.is_some_and(Seen::is_wrong));
    let all_right: f64 = results.iter().map(&sure).product();
    // One that is known to be wrong explains it, and says nothing of the others.
    let wrong = if known { 1.0 } else { 1.0 - all_right };
    let each = 1.0 / f64::from(u32::try_from(results.len().max(1)).unwrap_or(u32::MAX));
    let seen = |result: &Turnout| match result.seen {
        Some(seen) if seen.is_wrong() => seen,
        _ if wrong > f64::EPSILON => {
            Seen::Looked(1.0 - ((1.0 - sure(result)) / wrong).clamp(0.0, 1.0))
        }
        // All of them were certain: one is as likely as another.
        _ => Seen::Looked(1.0 - each),
    };
    results.iter().map(seen).collect()
}

/// What a revert says of a result: it was wrong. Nobody was asked; but who had looked at it before has
/// looked again.
#[must_use]
pub const fn reverted(before: Option<Seen>) -> Seen {
    match before {
        Some(Seen::Looked(_)) => Seen::Looked(0.0),
        Some(Seen::Found) | None => Seen::Found,
    }
}

#[derive(Default)]
struct Reading {
    specs: BTreeMap<SubtaskId, SubtaskSpec>,
    of: BTreeMap<AttemptId, SubtaskId>,
    /// What each gate judges.
    gates: BTreeMap<EffectId, Judged>,
    evidence: BTreeMap<AttemptId, f64>,
    questions: BTreeMap<QuestionId, AttemptId>,
    said: BTreeMap<AttemptId, bool>,
    found: BTreeSet<AttemptId>,
    /// Attempts whose result counted, or that a human would not let count.
    results: Vec<AttemptId>,
    /// The result of each subtask that counts now.
    counts: BTreeMap<SubtaskId, AttemptId>,
}

/// What a gate judges.
#[derive(Clone, Copy)]
enum Judged {
    Attempt(AttemptId),
    Whole,
}

impl Reading {
    fn read(&mut self, record: &Record) {
        let seq = record.envelope.seq;
        match &record.envelope.event {
            Event::TaskPlanReady { plan, .. } => {
                let specs = plan.subtasks.iter();
                self.specs = specs.map(|spec| (spec.id.clone(), spec.clone())).collect();
            }
            Event::SubtaskStarted {
                kind: Rung::ByHand, ..
            } => {}
            Event::SubtaskStarted { subtask, .. } => {
                self.of.insert(AttemptId(seq), subtask.clone());
            }
            Event::VerificationStarted { work } => {
                let judged = match work {
                    Work::Verify { attempt, .. } => Judged::Attempt(*attempt),
                    Work::Final { .. } => Judged::Whole,
                    _ => return,
                };
                self.gates.insert(EffectId(seq), judged);
            }
            Event::VerificationPassed { effect, verdict } => {
                if let Some(Judged::Attempt(attempt)) = self.gates.get(effect) {
                    let evidence = verdict.confidence.evidence();
                    self.evidence.insert(*attempt, evidence);
                }
            }
            Event::VerificationFailed { effect, verdict } => {
                if let Some(Judged::Whole) = self.gates.get(effect) {
                    self.last_gate(verdict);
                }
            }
            Event::ApprovalRequested { question, .. } => {
                if let Subject::Result { attempt } = question.subject {
                    self.questions.insert(QuestionId(seq), attempt);
                }
            }
            Event::ApprovalGranted { question, .. } => {
                if let Some(attempt) = self.questions.get(question) {
                    self.said.insert(*attempt, true);
                }
            }
            Event::ApprovalDenied { question, .. } => {
                if let Some(attempt) = self.questions.get(question) {
                    self.said.insert(*attempt, false);
                    self.results.push(*attempt);
                }
            }
            Event::SubtaskCompleted {
                subtask, attempt, ..
            } => {
                self.results.push(*attempt);
                self.counts.insert(subtask.clone(), *attempt);
            }
            _ => {}
        }
    }

    /// A check that is red at the end names the step whose check it is, where it is of one only.
    fn last_gate(&mut self, verdict: &Verdict) {
        for red in verdict.checks.iter().filter(|check| !check.passed) {
            let mut owners = self.specs.values().filter(|spec| has(spec, red));
            if let (Some(owner), None) = (owners.next(), owners.next())
                && let Some(attempt) = self.counts.get(&owner.id)
            {
                self.found.insert(*attempt);
            }
        }
    }
}

fn has(spec: &SubtaskSpec, seen: &CheckResult) -> bool {
    spec.checks
        .iter()
        .any(|check| check.to_string() == seen.check)
        || spec.held_out.iter().any(|held| held.words() == seen.check)
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{
        Check, CheckPower, Confidence, Envelope, OnExpiry, Plan, Question, Risk, Scope, Seq, Tier,
        Time, Usage, VerdictResult,
    };

    struct Journal(Vec<Record>);

    impl Journal {
        fn new() -> Self {
            let mut journal = Self(Vec::new());
            let specs = ["one", "two"].map(|name| {
                let mut spec = SubtaskSpec::new(id(name), name, "");
                spec.checks = vec![exists(name), exists("both")];
                spec
            });
            journal.add(Event::TaskPlanReady {
                planning: None,
                version: 1,
                plan: Plan {
                    subtasks: specs.to_vec(),
                },
                fallback: false,
            });
            journal
        }

        fn add(&mut self, event: Event) -> Seq {
            let seq = Seq(self.0.len() as u64 + 1);
            self.0.push(Record {
                id: seq.0,
                envelope: Envelope {
                    task_id: "019ac000-0000-7000-8000-000000000001".parse().unwrap(),
                    seq,
                    timestamp: Time::EPOCH,
                    subtask_id: None,
                    attempt: None,
                    correlation_id: seq,
                    event,
                },
            });
            seq
        }

        /// An attempt whose gate passes with this evidence, stated to be surer.
        fn passes(&mut self, name: &str, kind: Rung, evidence: f64) -> AttemptId {
            let attempt = AttemptId(self.add(Event::SubtaskStarted {
                subtask: id(name),
                rung: 0,
                kind,
                ordinal: 1,
                tier: Tier::Small,
                execution: None,
            }));
            let work = Work::Verify {
                attempt,
                gate: 0,
                round: 0,
            };
            let effect = EffectId(self.add(Event::VerificationStarted { work }));
            let mut verdict = verdict(VerdictResult::Pass, &[]);
            verdict.confidence.value = evidence + 0.05;
            verdict.confidence.by_evidence = Some(evidence);
            self.add(Event::VerificationPassed { effect, verdict });
            attempt
        }

        fn completes(&mut self, name: &str, attempt: AttemptId) {
            self.add(Event::SubtaskCompleted {
                subtask: id(name),
                attempt,
                verdict: attempt.0,
            });
        }

        fn asks(&mut self, attempt: AttemptId) -> QuestionId {
            QuestionId(self.add(Event::ApprovalRequested {
                question: Question {
                    subject: Subject::Result { attempt },
                    reason: String::new(),
                    action: String::new(),
                    risk: Risk::Low,
                    rules: Vec::new(),
                    choices: Vec::new(),
                    default: None,
                },
                deadline: None,
                on_expiry: OnExpiry::Proceed,
            }))
        }

        fn last_gate_fails(&mut self, red: &[&str]) {
            let work = Work::Final {
                version: 1,
                round: 0,
            };
            let effect = EffectId(self.add(Event::VerificationStarted { work }));
            let verdict = verdict(VerdictResult::Fail, red);
            self.add(Event::VerificationFailed { effect, verdict });
        }

        fn seen(&self) -> Vec<(String, Option<Seen>)> {
            let all = turnouts(&self.0).into_iter();
            all.map(|one| (one.subtask.to_string(), one.seen)).collect()
        }
    }

    fn id(name: &str) -> SubtaskId {
        SubtaskId::new(name).unwrap()
    }

    fn exists(path: &str) -> Check {
        Check::FileExists {
            path: path.to_owned(),
        }
    }

    fn verdict(result: VerdictResult, red: &[&str]) -> Verdict {
        let checks = red.iter().map(|path| CheckResult {
            check: exists(path).to_string(),
            passed: false,
            power: CheckPower::Discriminating,
            detail: String::new(),
            evidence: None,
        });
        Verdict {
            result,
            tier: 1,
            checks: checks.collect(),
            criteria: Vec::new(),
            confidence: Confidence::default(),
            feedback: String::new(),
            disputed: Vec::new(),
            contested: false,
            votes: Vec::new(),
            tree: None,
            usage: Usage::default(),
            degraded: Vec::new(),
            tampered: Vec::new(),
            product: None,
        }
    }

    fn one(name: &str, seen: Option<Seen>) -> (String, Option<Seen>) {
        (name.to_owned(), seen)
    }

    #[test]
    fn of_a_result_that_nobody_looked_at_nothing_is_known() {
        let mut journal = Journal::new();
        let attempt = journal.passes("one", Rung::Planned, 0.8);
        journal.asks(attempt);
        journal.completes("one", attempt);
        let all = turnouts(&journal.0);
        assert_eq!(all.len(), 1);
        assert!((all[0].evidence - 0.8).abs() < 1e-9);
        assert_eq!(all[0].seen, None, "that nobody objected is no word");
    }

    #[test]
    fn a_yes_and_a_no_of_a_human_are_what_they_say() {
        let mut journal = Journal::new();
        let refused = journal.passes("one", Rung::Planned, 0.8);
        let question = journal.asks(refused);
        journal.add(Event::ApprovalDenied {
            question,
            reason: "no".to_owned(),
            by: "api".to_owned(),
        });
        let agreed = journal.passes("one", Rung::Feedback, 0.7);
        let question = journal.asks(agreed);
        journal.add(Event::ApprovalGranted {
            question,
            scope: Scope::Once,
            by: "api".to_owned(),
        });
        journal.completes("one", agreed);
        assert_eq!(
            journal.seen(),
            [
                one("one", Some(Seen::Looked(0.0))),
                one("one", Some(Seen::Looked(1.0)))
            ]
        );
    }

    #[test]
    fn the_last_gate_speaks_against_the_step_that_alone_has_the_check() {
        let mut journal = Journal::new();
        for name in ["one", "two"] {
            let attempt = journal.passes(name, Rung::Planned, 0.8);
            journal.completes(name, attempt);
        }
        journal.last_gate_fails(&["both"]);
        assert_eq!(journal.seen(), [one("one", None), one("two", None)]);
        journal.last_gate_fails(&["two"]);
        // Done again, it is another result.
        let again = journal.passes("two", Rung::Planned, 0.8);
        journal.completes("two", again);
        assert_eq!(
            journal.seen(),
            [
                one("one", None),
                one("two", Some(Seen::Found)),
                one("two", None)
            ]
        );
    }

    #[test]
    fn what_the_user_did_says_nothing_of_a_model() {
        let mut journal = Journal::new();
        let attempt = journal.passes("one", Rung::ByHand, 0.8);
        journal.completes("one", attempt);
        assert!(journal.seen().is_empty());
    }

    fn results(evidence: &[f64]) -> Vec<Turnout> {
        let result = |evidence: &f64| Turnout {
            subtask: id("one"),
            evidence: *evidence,
            counts: true,
            seen: None,
        };
        evidence.iter().map(result).collect()
    }

    fn rights(seen: &[Seen]) -> Vec<f64> {
        let right = |seen: &Seen| match seen {
            Seen::Looked(right) => *right,
            Seen::Found => 0.0,
        };
        seen.iter().map(right).collect()
    }

    fn told(results: &[Turnout], right: bool) -> Vec<Seen> {
        rated(results, right, |result| result.evidence)
    }

    #[test]
    fn where_the_whole_is_wrong_the_least_sure_is_the_likeliest_cause() {
        assert_eq!(rights(&told(&results(&[0.9, 0.5]), true)), [1.0, 1.0]);
        let wrong = rights(&told(&results(&[0.9, 0.5]), false));
        assert!((wrong[0] - (1.0 - 0.1 / 0.55)).abs() < 1e-9, "{wrong:?}");
        assert!((wrong[1] - (1.0 - 0.5 / 0.55)).abs() < 1e-9, "{wrong:?}");
        assert_eq!(rights(&told(&results(&[0.9]), false)), [0.0]);
        assert_eq!(rights(&told(&results(&[1.0, 1.0]), false)), [0.5, 0.5]);
        assert!(told(&[], false).is_empty());
    }

    #[test]
    fn a_cause_that_is_known_takes_the_blame_from_the_others() {
        let mut results = results(&[0.9, 0.5]);
        results[1].seen = Some(Seen::Found);
        let seen = told(&results, false);
        assert_eq!(seen[1], Seen::Found);
        assert!((rights(&seen)[0] - 0.9).abs() < 1e-9);
    }
}
