//! A task on a desk, for tests: feeds inputs by hand, keeps the journal, and checks on every step
//! what must hold of every step.

use crate::decide::decide_by;
use crate::step::{LOOM, Machine};
use crate::{Batch, Decision, Input, State, StepError, apply};
use loom_events::{
    BlobId, CallRecord, CheckPower, CheckResult, Class, Command, Confidence, Digest, EffectId,
    Envelope, Event, Failure, FailureClass, Finish, Latency, ModelReply, NewTask, Outcome, Plan,
    Prepared, Proposal, Question, Risk, Said, Subject, SubtaskId, TaskId, TaskSettings, Time,
    ToolResult, Usage, Verdict, VerdictResult, Work,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// A task with its journal and the effects that a runner would be running.
pub(crate) struct Desk {
    pub(crate) state: State,
    pub(crate) journal: Vec<Envelope>,
    /// Places at which a batch ended.
    pub(crate) boundaries: Vec<usize>,
    pub(crate) now: Time,
    pub(crate) running: BTreeMap<EffectId, (Work, Class)>,
    pub(crate) stop: Vec<EffectId>,
    pub(crate) wake_at: Option<Time>,
    machine: &'static Machine,
    marked: usize,
}

pub(crate) fn task_id() -> TaskId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

pub(crate) fn goal(settings: TaskSettings) -> NewTask {
    NewTask {
        goal: "make it work".into(),
        workspace: Some("/work".into()),
        context: None,
        settings,
        callback_url: None,
        metadata: None,
    }
}

impl Desk {
    /// A desk with nothing on it.
    pub(crate) fn empty(machine: &'static Machine) -> Self {
        Self {
            state: State::new(task_id()),
            journal: Vec::new(),
            boundaries: Vec::new(),
            now: Time::from_millis(1_000_000),
            running: BTreeMap::new(),
            stop: Vec::new(),
            wake_at: None,
            machine,
            marked: 0,
        }
    }

    /// A task that has just been created.
    pub(crate) fn new(change: impl FnOnce(&mut TaskSettings)) -> Self {
        let mut settings = TaskSettings::default();
        change(&mut settings);
        let mut desk = Self::empty(&LOOM);
        desk.command(Command::Create(goal(settings)));
        desk
    }

    /// A task whose plan has been accepted.
    pub(crate) fn planned(plan: &str, change: impl FnOnce(&mut TaskSettings)) -> Self {
        let mut desk = Self::new(change);
        desk.plan(plan);
        desk.mark();
        desk
    }

    /// A task with one subtask `a`, whose model is being asked for its first turn.
    pub(crate) fn acting(change: impl FnOnce(&mut TaskSettings)) -> Self {
        let mut desk = Self::planned("a", change);
        desk.done("prepare", prepared(None));
        desk.mark();
        desk
    }

    /// Continues a journal, as a runner does after a start; what it held in flight is in doubt.
    pub(crate) fn resume(machine: &'static Machine, journal: &[Envelope]) -> Self {
        let mut desk = Self::empty(machine);
        for envelope in journal {
            apply(&mut desk.state, envelope).unwrap();
        }
        desk.journal = journal.to_vec();
        desk.now = desk.state.floor;
        desk
    }

    pub(crate) fn try_feed(&mut self, input: &Input) -> Result<Batch, StepError> {
        let before = self.state.clone();
        let batch = self.machine.step(&mut self.state, input, self.now);
        let batch = match batch {
            Err(StepError::Rejected(why)) => {
                assert_eq!(self.state, before, "a rejection changed something");
                return Err(StepError::Rejected(why));
            }
            other => other?,
        };
        self.check(before, &batch);
        self.journal.extend(batch.events.iter().cloned());
        self.boundaries.push(self.journal.len());
        for envelope in &batch.events {
            if let Some(effect) = envelope.event.outcome_of() {
                self.running.remove(&effect);
            }
        }
        for start in &batch.start {
            let effect = (start.work.clone(), start.class);
            self.running.insert(start.id, effect);
        }
        self.stop.clone_from(&batch.stop);
        self.wake_at = batch.wake_at;
        Ok(batch)
    }

    /// What holds of every step: the state is the fold of its events, and nothing more follows.
    fn check(&self, mut before: State, batch: &Batch) {
        for envelope in &batch.events {
            apply(&mut before, envelope).unwrap();
        }
        assert_eq!(
            before, self.state,
            "the state is not the fold of its events"
        );
        let again = (self.machine.decide)(&self.state, self.now.max(self.state.floor));
        match again {
            Decision::Quiet { start, stop, .. } => {
                assert_eq!(start, [], "a step left something to start");
                assert_eq!(stop, batch.stop);
            }
            Decision::Record(events) => unreachable!("a step left something to say: {events:?}"),
        }
    }

    pub(crate) fn feed(&mut self, input: &Input) -> Batch {
        self.try_feed(input).unwrap()
    }

    pub(crate) fn command(&mut self, command: Command) -> Batch {
        self.feed(&Input::Command(command))
    }

    /// The one effect of a kind that is running.
    pub(crate) fn effect(&self, kind: &str) -> EffectId {
        let of_kind = |(_, (work, _)): &(&EffectId, &(Work, Class))| kind_of(work) == kind;
        let mut found = self.running.iter().filter(of_kind);
        let (id, _) = found.next().unwrap_or_else(|| {
            unreachable!("no {kind} is running, but {:?}", self.running_kinds())
        });
        *id
    }

    pub(crate) fn running_kinds(&self) -> Vec<&'static str> {
        self.running
            .values()
            .map(|(work, _)| kind_of(work))
            .collect()
    }

    /// Reports the outcome of the first running effect of a kind.
    pub(crate) fn done(&mut self, kind: &str, outcome: Outcome) -> Batch {
        let id = self.effect(kind);
        self.feed(&Input::Outcome { id, outcome })
    }

    pub(crate) fn later(&mut self, millis: u64) -> Batch {
        self.now = self.now.after(Duration::from_millis(millis));
        self.feed(&Input::Tick)
    }

    /// The process died and another one takes the task up.
    pub(crate) fn crash(&mut self) -> Batch {
        self.running.clear();
        self.feed(&Input::Recover {
            build: "test".into(),
        })
    }

    /// Proposes a plan, written as `a b<a c<a,b`.
    pub(crate) fn plan(&mut self, text: &str) -> Batch {
        self.done("plan", proposed(plan(text)))
    }

    /// Takes an attempt from its first turn to a passed gate.
    pub(crate) fn pass(&mut self) -> Batch {
        self.done("model", said(Said::Done));
        self.done("verify", verified(VerdictResult::Pass))
    }

    pub(crate) fn mark(&mut self) {
        self.marked = self.journal.len();
    }

    /// Names of the events since the mark, which moves to the end.
    pub(crate) fn names(&mut self) -> Vec<&'static str> {
        let names = self.journal[self.marked..].iter().map(|e| e.event.name());
        let names = names.collect();
        self.mark();
        names
    }

    pub(crate) fn last(&self) -> &Event {
        &self.journal.last().unwrap().event
    }

    pub(crate) fn find<T>(&self, find: impl Fn(&Event) -> Option<T>) -> T {
        let mut events = self.journal.iter().rev();
        events.find_map(|e| find(&e.event)).unwrap()
    }
}

/// Decides by all rules but one, or with one replaced.
pub(crate) fn decide_with(
    state: &State,
    now: Time,
    name: &str,
    by: Option<crate::decide::Rule>,
) -> Decision {
    let rules = crate::decide::RULES.iter();
    let rules: Vec<_> = rules
        .filter_map(|(known, rule)| {
            let kept = (*known, *rule);
            if *known == name {
                by.map(|by| (*known, by))
            } else {
                Some(kept)
            }
        })
        .collect();
    decide_by(&rules, state, now)
}

pub(crate) const fn kind_of(work: &Work) -> &'static str {
    match work {
        Work::Plan { .. } => "plan",
        Work::Prepare { .. } => "prepare",
        Work::Model { .. } => "model",
        Work::Tool { .. } => "tool",
        Work::Verify { .. } => "verify",
        Work::Merge { .. } => "merge",
        Work::Recheck { .. } => "recheck",
        Work::Unmerge { .. } => "unmerge",
        Work::Extract { .. } => "extract",
        Work::Final { .. } => "final",
        Work::Reconcile { .. } => "reconcile",
    }
}

pub(crate) fn blob(n: u64) -> BlobId {
    Digest::from_hex(format!("{n:064x}")).unwrap()
}

pub(crate) fn id(text: &str) -> SubtaskId {
    SubtaskId::new(text).unwrap()
}

pub(crate) fn plan(text: &str) -> Plan {
    let subtasks = text.split_whitespace().map(|word| {
        let (name, dependencies) = word.split_once('<').unwrap_or((word, ""));
        let depends_on: Vec<&str> = dependencies.split(',').filter(|d| !d.is_empty()).collect();
        serde_json::from_value(serde_json::json!({
            "id": name, "title": name, "description": format!("do {name}"), "depends_on": depends_on,
        }))
        .unwrap()
    });
    Plan {
        subtasks: subtasks.collect(),
    }
}

pub(crate) fn proposed(plan: Plan) -> Outcome {
    proposal(Proposal::Plan { plan })
}

pub(crate) fn proposal(proposal: Proposal) -> Outcome {
    Outcome::Planned {
        proposal,
        answer: blob(1),
        usage: usage(),
        model: "m".into(),
    }
}

pub(crate) const fn usage() -> Usage {
    Usage {
        prompt: 10,
        cached: 0,
        completion: 1,
        estimated: false,
    }
}

pub(crate) fn prepared(fork: Option<&str>) -> Outcome {
    Outcome::Prepared(Prepared {
        fork: fork.map(str::to_owned),
        base: None,
        baseline: Vec::new(),
        prompt: blob(2),
        model: "m".into(),
        template: "executor@0".into(),
        trimmed: Vec::new(),
        parts: Vec::new(),
        sandbox: None,
        degraded: Vec::new(),
    })
}

pub(crate) fn call(tool: &str, class: Class) -> CallRecord {
    CallRecord {
        id: "c".into(),
        tool: tool.into(),
        summary: tool.into(),
        class,
        refusal: None,
    }
}

pub(crate) fn reply(calls: Vec<CallRecord>, said: Said) -> ModelReply {
    ModelReply {
        answer: blob(3),
        calls,
        unreadable: 0,
        said,
        discovery: None,
        usage: usage(),
        latency: Latency::default(),
        model: "m".into(),
        finish: Finish::Stop,
        context_percent: 10,
    }
}

pub(crate) fn called(calls: &[(&str, Class)]) -> Outcome {
    let calls = calls.iter().map(|(tool, class)| call(tool, *class));
    Outcome::Replied(reply(calls.collect(), Said::Called))
}

pub(crate) fn said(said: Said) -> Outcome {
    Outcome::Replied(reply(Vec::new(), said))
}

pub(crate) fn ran(text: u64) -> Outcome {
    Outcome::ToolDone(result(text))
}

pub(crate) fn result(text: u64) -> ToolResult {
    ToolResult {
        ok: true,
        text: blob(text),
        summary: "ran".into(),
        full: None,
        touched: true,
        files_changed: 0,
        seen: Vec::new(),
        duration_ms: 1,
        degraded: Vec::new(),
    }
}

/// What is green was red before the work; what is red is a rule, and of nothing that is thought.
pub(crate) fn verdict(result: VerdictResult) -> Verdict {
    Verdict {
        disputed: Vec::new(),
        contested: false,
        votes: Vec::new(),
        result,
        tier: 1,
        checks: vec![CheckResult {
            check: "c".into(),
            passed: result == VerdictResult::Pass,
            power: match result {
                VerdictResult::Pass => CheckPower::Discriminating,
                VerdictResult::Fail | VerdictResult::Inconclusive => CheckPower::Guard,
            },
            detail: String::new(),
            evidence: None,
        }],
        criteria: Vec::new(),
        confidence: Confidence {
            value: 0.75,
            ..Confidence::default()
        },
        feedback: "the check is red".into(),
        tree: None,
        usage: usage(),
        degraded: Vec::new(),
        tampered: Vec::new(),
        product: None,
    }
}

pub(crate) fn verified(result: VerdictResult) -> Outcome {
    Outcome::Verified(verdict(result))
}

pub(crate) fn extracted() -> Outcome {
    Outcome::Extracted {
        summary: "it is there".into(),
        fallback: false,
        usage: usage(),
    }
}

pub(crate) fn broke(class: FailureClass) -> Outcome {
    Outcome::Failed(Failure {
        class,
        message: format!("{class:?} trouble"),
        retry_after_ms: None,
    })
}

/// The question of a held call.
pub(crate) fn hold(work: &Work, digest: u64) -> Outcome {
    let Work::Tool {
        attempt,
        turn,
        call,
    } = work
    else {
        unreachable!("only calls are held");
    };
    Outcome::ToolHeld(question(Subject::Call {
        attempt: *attempt,
        turn: *turn,
        call: *call,
        digest: blob(digest),
    }))
}

/// A question that the model puts through a tool.
pub(crate) fn asks(work: &Work, default: Option<&str>) -> Outcome {
    let Work::Tool {
        attempt,
        turn,
        call,
    } = work
    else {
        unreachable!("only calls ask");
    };
    let subject = Subject::Ask {
        attempt: *attempt,
        turn: *turn,
        call: *call,
    };
    Outcome::ToolHeld(Question {
        default: default.map(str::to_owned),
        ..question(subject)
    })
}

pub(crate) fn question(subject: Subject) -> Question {
    Question {
        subject,
        reason: "it deletes files".into(),
        action: "rm -r target".into(),
        risk: Risk::High,
        rules: Vec::new(),
        choices: Vec::new(),
        default: None,
    }
}
