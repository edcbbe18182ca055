//! What a finished task has to teach: a fold of its journal. Only what says something about a model,
//! a kind of work or a wish of the user is kept; the world's faults teach nothing.

use crate::kind::Kind;
use crate::tally::{Observation, Turn};
use crate::turnout::{Turnout, turnouts};
use loom_events::{
    Adjusted, AttemptEnd, AttemptId, Event, FailureClass, Plan, Record, Rung, Seq, SubtaskId,
    SubtaskSpec, TaskId, Tier, Time, Usage,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a finished task has to teach.
#[derive(Clone, Debug, PartialEq)]
pub struct Harvest {
    /// The task.
    pub task: TaskId,
    /// When it ended.
    pub at: Time,
    /// Whether it was completed.
    pub completed: bool,
    /// Its goal.
    pub goal: String,
    /// Attempts, in the order in which they ended.
    pub attempts: Vec<Attempted>,
    /// What a human had to say, word for word, in order.
    pub corrections: Vec<String>,
    /// The plan that brought the whole goal about; none when it did not come to that.
    pub plan: Option<Plan>,
    /// Results that passed their gates, in order.
    pub results: Vec<Turnout>,
}

/// An attempt, as far as it says something about its model.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempted {
    /// The subtask.
    pub subtask: SubtaskId,
    /// Its kind.
    pub kind: Kind,
    /// The model entry that worked on it.
    pub model: String,
    /// The tier that was asked for.
    pub tier: Tier,
    /// The template that it was told with, with its hash, where there were several to choose from.
    pub wording: Option<String>,
    /// What came of it.
    pub seen: Observation,
}

/// An attempt while it runs.
struct Open {
    subtask: SubtaskId,
    tier: Tier,
    began: Time,
    model: Option<String>,
    wording: Option<String>,
    tokens: u64,
}

impl Harvest {
    /// Reads the journal of a task; none when it has not ended.
    #[must_use]
    pub fn of(records: &[Record]) -> Option<Self> {
        let last = &records.last()?.envelope;
        let completed = match &last.event {
            Event::TaskCompleted(_) => true,
            Event::TaskFailed { .. } | Event::TaskCancelled { .. } => false,
            _ => return None,
        };
        let mut reading = Reading::default();
        for record in records {
            reading.read(record);
        }
        let plan = reading.plan.filter(|_| completed && !reading.fallback);
        Some(Self {
            task: last.task_id,
            at: last.timestamp,
            completed,
            goal: reading.goal,
            attempts: reading.ended,
            corrections: reading.corrections,
            plan,
            results: turnouts(records),
        })
    }
}

impl Harvest {
    /// The results that count in the end, one of each completed subtask.
    pub fn that_count(&self) -> impl Iterator<Item = &Turnout> {
        self.results.iter().filter(|result| result.counts)
    }

    /// The attempt at a subtask that was accepted: what a human takes back speaks against it.
    #[must_use]
    pub fn accepted(&self, subtask: &SubtaskId) -> Option<&Attempted> {
        let of = |one: &&Attempted| &one.subtask == subtask && one.seen.passed;
        self.attempts.iter().rev().find(of)
    }
}

#[derive(Default)]
struct Reading {
    goal: String,
    plan: Option<Plan>,
    fallback: bool,
    /// The newest words of each step.
    specs: BTreeMap<SubtaskId, SubtaskSpec>,
    open: BTreeMap<Seq, Open>,
    ended: Vec<Attempted>,
    /// Steps and models for which a wording was chosen.
    chosen: BTreeSet<(SubtaskId, String)>,
    /// The models that have failed at each step as it is.
    tried: BTreeMap<SubtaskId, Vec<String>>,
    corrections: Vec<String>,
}

impl Reading {
    fn read(&mut self, record: &Record) {
        let envelope = &record.envelope;
        match &envelope.event {
            Event::TaskCreated(new) => self.goal.clone_from(&new.goal),
            Event::TaskPlanReady { plan, fallback, .. } => {
                for spec in &plan.subtasks {
                    let before = self.specs.insert(spec.id.clone(), spec.clone());
                    // With other words it is another step.
                    if before.is_some_and(|before| before != *spec) {
                        self.tried.remove(&spec.id);
                    }
                }
                self.plan = Some(plan.clone());
                self.fallback = *fallback;
            }
            // Nobody learns of a model from what the user did.
            Event::SubtaskStarted {
                kind: Rung::ByHand, ..
            } => {}
            Event::SubtaskStarted { subtask, tier, .. } => {
                let open = Open {
                    subtask: subtask.clone(),
                    tier: *tier,
                    began: envelope.timestamp,
                    model: None,
                    wording: None,
                    tokens: 0,
                };
                self.open.insert(envelope.seq, open);
            }
            Event::AttemptPrepared {
                attempt, prepared, ..
            } => {
                if let Some(open) = self.open.get_mut(&attempt.0) {
                    let of = (open.subtask.clone(), prepared.model.clone());
                    let chosen = self.chosen.contains(&of);
                    open.wording = chosen.then(|| prepared.template.clone());
                    open.model = Some(prepared.model.clone());
                }
            }
            Event::LearningApplied { adjustment, .. } => {
                if let Adjusted::Wording { subtask, model, .. } = &adjustment.what {
                    self.chosen.insert((subtask.clone(), model.clone()));
                }
            }
            Event::ModelCallCompleted { reply, .. } => {
                if let Some(open) = self.open.get_mut(&envelope.correlation_id) {
                    let Usage {
                        prompt, completion, ..
                    } = reply.usage;
                    open.tokens = open
                        .tokens
                        .saturating_add(prompt.saturating_add(completion));
                }
            }
            Event::AttemptEnded { attempt, why, .. } => self.end(*attempt, why, envelope.timestamp),
            Event::SteerInstruction { text } => self.said(text),
            Event::ApprovalDenied { reason, .. } => self.said(reason),
            Event::SubtaskReset { guidance, .. } => self.said(guidance),
            _ => {}
        }
    }

    fn end(&mut self, attempt: AttemptId, why: &AttemptEnd, at: Time) {
        let Some(open) = self.open.remove(&attempt.0) else {
            return;
        };
        let (Some(passed), Some(model)) = (verdict_on_the_model(why), open.model) else {
            return;
        };
        let Some(spec) = self.specs.get(&open.subtask) else {
            return;
        };
        let tried = self.tried.entry(open.subtask.clone()).or_default();
        let turn = match tried.as_slice() {
            [] => Turn::First,
            others if others.contains(&model) => Turn::Again,
            _ => Turn::Rescue,
        };
        if !tried.contains(&model) {
            tried.push(model.clone());
        }
        let millis = at.since(open.began).as_millis();
        self.ended.push(Attempted {
            kind: Kind::of(spec),
            subtask: open.subtask,
            model,
            tier: open.tier,
            wording: open.wording,
            seen: Observation {
                turn,
                passed,
                millis: u64::try_from(millis).unwrap_or(u64::MAX),
                tokens: open.tokens,
                at,
            },
        });
    }

    fn said(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() && !self.corrections.iter().any(|known| known == text) {
            self.corrections.push(text.to_owned());
        }
    }
}

/// Whether the end of an attempt speaks for its model or against it; none when it does neither.
const fn verdict_on_the_model(why: &AttemptEnd) -> Option<bool> {
    match why {
        AttemptEnd::Passed => Some(true),
        AttemptEnd::GateFailed
        | AttemptEnd::TurnLimit
        | AttemptEnd::Unusable
        | AttemptEnd::Looping
        | AttemptEnd::Denied => Some(false),
        AttemptEnd::Failed { failure } => match failure.class {
            FailureClass::Model => Some(false),
            FailureClass::Transient
            | FailureClass::Tool
            | FailureClass::Policy
            | FailureClass::Environment
            | FailureClass::Plan
            | FailureClass::Budget => None,
        },
        // Of the gate, the plan, another step or a human, not of this model.
        AttemptEnd::Inconclusive
        | AttemptEnd::Disputed { .. }
        | AttemptEnd::Blocked
        | AttemptEnd::Superseded
        | AttemptEnd::Conflict
        | AttemptEnd::Outvoted
        | AttemptEnd::Stopped => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{Envelope, Failure, NewTask, Rung, Summary, TaskSettings};

    struct Journal(Vec<Record>);

    impl Journal {
        fn new() -> Self {
            let mut journal = Self(Vec::new());
            journal.add(Event::TaskCreated(NewTask {
                goal: "mend the parser".to_owned(),
                workspace: None,
                context: None,
                settings: TaskSettings::default(),
                callback_url: None,
                metadata: None,
            }));
            let spec = SubtaskSpec::new(step(), "Fix the parser in parse.rs", "");
            journal.add(Event::TaskPlanReady {
                planning: None,
                version: 1,
                plan: Plan {
                    subtasks: vec![spec],
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
                    timestamp: Time::from_millis(i64::try_from(seq.0).unwrap() * 1_000),
                    subtask_id: None,
                    attempt: None,
                    correlation_id: seq,
                    event,
                },
            });
            seq
        }

        fn attempt(&mut self, why: AttemptEnd) {
            let seq = self.add(Event::SubtaskStarted {
                subtask: step(),
                rung: 0,
                kind: Rung::Planned,
                ordinal: 1,
                tier: Tier::Small,
                execution: None,
            });
            let attempt = AttemptId(seq);
            let prepared = serde_json::from_value(serde_json::json!({
                "prompt": "0".repeat(64), "model": "qwen", "template": "executor@1"
            }));
            self.add(Event::AttemptPrepared {
                effect: loom_events::EffectId(seq),
                attempt,
                prepared: prepared.unwrap(),
            });
            self.add(Event::AttemptEnded {
                attempt,
                subtask: step(),
                why,
                feedback: String::new(),
                counts: true,
            });
        }

        fn harvest(mut self) -> Harvest {
            self.add(Event::TaskCompleted(Summary::default()));
            Harvest::of(&self.0).unwrap()
        }
    }

    fn step() -> SubtaskId {
        SubtaskId::new("one").unwrap()
    }

    #[test]
    fn a_task_that_has_not_ended_teaches_nothing_yet() {
        assert_eq!(Harvest::of(&Journal::new().0), None);
        assert_eq!(Harvest::of(&[]), None);
    }

    #[test]
    fn each_attempt_of_a_model_is_seen_with_its_kind_and_its_time() {
        let mut journal = Journal::new();
        journal.attempt(AttemptEnd::GateFailed);
        journal.attempt(AttemptEnd::Passed);
        let harvest = journal.harvest();
        let seen: Vec<_> = harvest
            .attempts
            .iter()
            .map(|one| {
                (
                    one.kind.to_string(),
                    one.model.as_str(),
                    one.seen.passed,
                    one.seen.millis,
                )
            })
            .collect();
        let kind = || "fix rust".to_owned();
        assert_eq!(
            seen,
            [
                (kind(), "qwen", false, 2_000),
                (kind(), "qwen", true, 2_000)
            ]
        );
        assert!(harvest.plan.is_some());
    }

    #[test]
    fn what_was_accepted_in_the_end_is_known_by_its_subtask() {
        let mut journal = Journal::new();
        journal.attempt(AttemptEnd::GateFailed);
        assert_eq!(Journal(journal.0.clone()).harvest().accepted(&step()), None);
        journal.attempt(AttemptEnd::Passed);
        let harvest = journal.harvest();
        assert_eq!(harvest.accepted(&step()).unwrap().model, "qwen");
        assert_eq!(harvest.accepted(&SubtaskId::new("two").unwrap()), None);
    }

    #[test]
    fn what_is_not_the_fault_of_the_model_is_not_held_against_it() {
        let mut journal = Journal::new();
        journal.attempt(AttemptEnd::Failed {
            failure: Failure {
                class: FailureClass::Environment,
                message: "the disk is full".to_owned(),
                retry_after_ms: None,
            },
        });
        journal.attempt(AttemptEnd::Superseded);
        journal.attempt(AttemptEnd::Conflict);
        assert!(journal.harvest().attempts.is_empty());
    }

    #[test]
    fn what_a_human_said_is_kept_once() {
        let mut journal = Journal::new();
        for _ in 0..2 {
            journal.add(Event::SteerInstruction {
                text: "use British spelling ".to_owned(),
            });
        }
        assert_eq!(journal.harvest().corrections, ["use British spelling"]);
    }
}
