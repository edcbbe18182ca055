//! A tiny world around a task: models that babble, tools that fail, people who answer or do not,
//! and a machine that is switched off now and then.

use super::Random;
use crate::desk::*;
use crate::step::Machine;
use crate::{Input, StepError};
use loom_events::{
    Adjusted, Adjustment, ApprovalMode, Caution, Check, CheckPower, Class, Command, EffectId,
    Event, FailureClass, Note, Outcome, Plan, PlanReason, Product, Proposal, Reconciled, Response,
    Rung, Said, Scope, Subject, TaskSettings, Tier, Unanswered, Verdict, VerdictResult, Voting,
    Work,
};
use std::time::Duration;

/// Inputs after which a run must have ended. The longest seen has a fifth of it.
const MAX_INPUTS: usize = 6_000;

/// Inputs after which people leave the task alone, so that it can end.
const BUSY: usize = 400;

/// Rates of trouble, drawn for each kind anew: most runs have one or two kinds that fail much and
/// others that never do.
const RATES: [u64; 7] = [0, 0, 0, 0, 3, 15, 60];

pub(super) struct World {
    pub(super) desk: Desk,
    random: Random,
    /// Per kind of effect, in percent.
    rates: Vec<(&'static str, u64)>,
    /// The kind of effect that never works, if any, and how it fails.
    broken: Option<(&'static str, FailureClass)>,
    /// What people do, in percent of the inputs.
    meddling: u64,
    crashes: u64,
    ended_effects: Vec<EffectId>,
    lost_effects: Vec<EffectId>,
}

const KINDS: [&str; 11] = [
    "plan",
    "prepare",
    "model",
    "tool",
    "verify",
    "merge",
    "recheck",
    "unmerge",
    "extract",
    "final",
    "reconcile",
];

const CLASSES: [FailureClass; 7] = [
    FailureClass::Transient,
    FailureClass::Model,
    FailureClass::Tool,
    FailureClass::Policy,
    FailureClass::Environment,
    FailureClass::Plan,
    FailureClass::Budget,
];

impl World {
    pub(super) fn new(machine: &'static Machine, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let settings = settings(&mut random);
        let mut desk = Desk::empty(machine);
        desk.command(Command::Create(goal(settings)));
        Self::around(desk, random)
    }

    /// Goes on with a task that another world began.
    pub(super) fn take_up(desk: Desk, seed: u64) -> Self {
        Self::around(desk, Random::new(seed))
    }

    fn around(desk: Desk, mut random: Random) -> Self {
        let rates = KINDS.map(|kind| (kind, *random.pick(&RATES))).to_vec();
        let broken = random
            .percent(15)
            .then(|| (*random.pick(&KINDS), *random.pick(&CLASSES)));
        Self {
            desk,
            rates,
            broken,
            meddling: *random.pick(&[0, 2, 10]),
            crashes: *random.pick(&[0, 1, 5]),
            random,
            ended_effects: Vec::new(),
            lost_effects: Vec::new(),
        }
    }

    /// Runs to the end. An error is a fault that no journal shows.
    pub(super) fn run(&mut self) -> Result<(), String> {
        for input in 0..MAX_INPUTS {
            if self.desk.state.is_done() {
                return self.late();
            }
            let busy = input < BUSY;
            if busy && self.random.percent(self.crashes) {
                self.crash()?;
            } else if busy && self.random.percent(self.meddling) {
                self.meddle()?;
            } else if self.random.percent(3) {
                self.late()?;
            } else {
                self.go_on()?;
            }
        }
        Err(format!("not ended after {MAX_INPUTS} inputs"))
    }

    fn feed(&mut self, input: &Input) -> Result<(), String> {
        match self.desk.try_feed(input) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{input:?}: {error}")),
        }
    }

    /// For commands, whose rejection is normal.
    fn ask(&mut self, command: Command) -> Result<(), String> {
        match self.desk.try_feed(&Input::Command(command)) {
            Ok(_) | Err(StepError::Rejected(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn wait(&mut self, millis: u64) {
        self.desk.now = self.desk.now.after(Duration::from_millis(millis));
    }

    fn crash(&mut self) -> Result<(), String> {
        self.lost_effects.extend(self.desk.running.keys());
        self.desk.running.clear();
        let pause = self.random.below(100_000);
        self.wait(pause);
        self.feed(&Input::Recover {
            build: "test".into(),
        })
    }

    /// Outcomes that come too late must be refused.
    fn late(&mut self) -> Result<(), String> {
        let stale = [self.ended_effects.last(), self.lost_effects.last()];
        for id in stale.into_iter().flatten().copied() {
            if self.desk.running.contains_key(&id) {
                continue;
            }
            let outcome = Outcome::Interrupted { maybe: false };
            if self.desk.try_feed(&Input::Outcome { id, outcome }).is_ok() {
                return Err(format!(
                    "the outcome of effect {id} was taken, and it is of the past"
                ));
            }
        }
        Ok(())
    }

    /// An effect ends, somebody answers, or time passes.
    fn go_on(&mut self) -> Result<(), String> {
        let pause = self.random.below(50);
        self.wait(pause);
        if let Some(id) = self.desk.stop.first().copied()
            && self.random.percent(80)
            && self.desk.running.contains_key(&id)
        {
            return self.interrupt(id);
        }
        let running: Vec<EffectId> = self.desk.running.keys().copied().collect();
        if !running.is_empty() && self.random.percent(95) {
            let id = *self.random.pick(&running);
            return self.end(id);
        }
        if self.random.percent(60) && self.answer()? {
            return Ok(());
        }
        if running.is_empty() && self.desk.wake_at.is_none() {
            self.ask(Command::Resume)?;
            self.answer()?;
            return Ok(());
        }
        // With work under way the next deadline may be hours away: only a moment passes.
        if running.is_empty() {
            let wake = self.desk.wake_at.unwrap_or(self.desk.now);
            self.desk.now = self.desk.now.max(wake);
        } else {
            let moment = self.random.below(5_000);
            self.wait(moment);
        }
        self.feed(&Input::Tick)
    }

    fn interrupt(&mut self, id: EffectId) -> Result<(), String> {
        let (_, class) = &self.desk.running[&id];
        let maybe =
            matches!(class, Class::Unknowable | Class::Restorable) && self.random.percent(30);
        self.ended_effects.push(id);
        self.feed(&Input::Outcome {
            id,
            outcome: Outcome::Interrupted { maybe },
        })
    }

    fn end(&mut self, id: EffectId) -> Result<(), String> {
        let (work, _) = self.desk.running[&id].clone();
        if self.random.percent(5) {
            let note = match &work {
                Work::Plan { round, .. } => Note::Learned(learned(*round)),
                _ => Note::Progress { text: "…".into() },
            };
            self.feed(&Input::Note { id, note })?;
        }
        let outcome = self.outcome(&work);
        self.ended_effects.push(id);
        self.feed(&Input::Outcome { id, outcome })
    }

    fn outcome(&mut self, work: &Work) -> Outcome {
        let kind = kind_of(work);
        if let Some((broken, class)) = self.broken
            && broken == kind
        {
            return broke(class);
        }
        let rate = self
            .rates
            .iter()
            .find(|(k, _)| *k == kind)
            .map_or(0, |(_, r)| *r);
        let trouble = self.random.percent(rate);
        if trouble && self.random.percent(50) {
            return broke(*self.random.pick(&CLASSES));
        }
        match work {
            Work::Plan { .. } => self.plan(trouble),
            Work::Prepare { attempt } => {
                let found = self.desk.state.find_attempt(*attempt);
                if found.is_some_and(|(_, attempt)| attempt.by_hand()) {
                    return prepared(None);
                }
                let votes = found.is_some_and(|(_, attempt)| attempt.votes);
                let apart = votes || self.desk.state.settings().max_parallel_subtasks > 1;
                let fork = apart && !self.random.percent(10);
                self.prepared(fork)
            }
            Work::Model { .. } => self.reply(trouble),
            Work::Tool { .. } => self.tool(work, trouble),
            Work::Verify { .. } | Work::Final { .. } => {
                let result = self.result(trouble);
                let mut verdict = verdict(result);
                verdict.tier = *self.random.pick(&[1, 1, 2]);
                if result == VerdictResult::Fail && self.random.percent(50) {
                    verdict.disputed = vec!["x exists".into()];
                }
                verdict.confidence.value = *self.random.pick(&[0.4, 0.9]);
                if self.random.percent(20) {
                    verdict.confidence.by_evidence = Some(*self.random.pick(&[0.4, 0.9]));
                }
                if result == VerdictResult::Pass {
                    self.describe(&mut verdict);
                }
                Outcome::Verified(verdict)
            }
            Work::Recheck { .. } => Outcome::Rechecked(verdict(self.result(trouble))),
            Work::Merge { attempt } if !trouble => Outcome::Merged {
                base_moved: self.base_moved(*attempt),
            },
            Work::Merge { .. } => Outcome::Conflicted {
                paths: vec!["x".into()],
            },
            Work::Unmerge { .. } => Outcome::Unmerged,
            Work::Extract { .. } => extracted(),
            Work::Reconcile { intent } => self.reconciled(*intent),
        }
    }

    /// Ready, with checks of which one is evidence, or none.
    fn prepared(&mut self, fork: bool) -> Outcome {
        let mut outcome = prepared(fork.then_some("f"));
        if let Outcome::Prepared(ready) = &mut outcome {
            let power = match self.random.percent(20) {
                true => CheckPower::Discriminating,
                false => CheckPower::Guard,
            };
            ready.baseline = vec![power];
        }
        outcome
    }

    /// What executions are compared by: few kinds of work, so that some are alike.
    fn describe(&mut self, verdict: &mut Verdict) {
        if self.random.percent(20) {
            let mut guard = verdict.checks[0].clone();
            guard.power = CheckPower::Guard;
            verdict.checks.push(guard);
        }
        verdict.product = (!self.random.percent(10)).then(|| Product {
            print: blob(self.random.below(3)),
            lines: self.random.below(9),
            files: Vec::new(),
        });
    }

    fn result(&mut self, trouble: bool) -> VerdictResult {
        match (trouble, self.random.percent(50)) {
            (false, _) => VerdictResult::Pass,
            (true, true) => VerdictResult::Fail,
            (true, false) => VerdictResult::Inconclusive,
        }
    }

    fn plan(&mut self, trouble: bool) -> Outcome {
        if trouble {
            let errors = vec!["no JSON".to_owned()];
            return proposal(Proposal::Unreadable { errors });
        }
        let why = self.desk.state.planning().map(|p| p.why.clone());
        if let Some(PlanReason::Checks { .. }) = why {
            return self.checks();
        }
        let mut plan = self.some_plan();
        if self.random.percent(10) {
            // It is not asked for it, and says it all the same.
            plan.subtasks[0].vote = Some(Voting::Executions);
        }
        proposed(plan)
    }

    /// An answer to a question about the checks of one subtask; now and then a whole plan instead.
    fn checks(&mut self) -> Outcome {
        if self.random.percent(10) {
            return proposed(self.some_plan());
        }
        if self.random.percent(40) {
            let why = "they are right".to_owned();
            return proposal(Proposal::Kept { why });
        }
        let path = self.random.pick(&["x", "y"]).to_string();
        proposal(Proposal::Checks {
            checks: vec![Check::FileExists { path }],
        })
    }

    fn some_plan(&mut self) -> Plan {
        let names = ["a", "b", "c", "d", "e"];
        let count = 1 + self.random.below(4);
        let mut text = String::new();
        for at in 0..usize::try_from(count).unwrap() {
            text.push_str(names[at]);
            if at > 0 && self.random.percent(40) {
                text.push('<');
                text.push_str(names[usize::try_from(self.random.below(at as u64)).unwrap()]);
            }
            text.push(' ');
        }
        let mut plan = plan(&text);
        for spec in &mut plan.subtasks {
            if self.random.percent(20) {
                let verb = *self.random.pick(&["do", "remove"]);
                spec.description = format!("{verb} it in way {}", self.random.below(3));
            }
        }
        plan
    }

    fn reply(&mut self, trouble: bool) -> Outcome {
        let words = if trouble {
            [
                Said::Nothing,
                Said::OnlyThought,
                Said::Announced,
                Said::Asked,
            ]
            .map(Some)
            .into_iter()
            .chain([Some(Said::Blocked {
                reason: "stuck".into(),
            })])
            .collect()
        } else {
            vec![None, None, Some(Said::Done), Some(Said::Done)]
        };
        let mut answer = match self.random.pick(&words).clone() {
            Some(words) => reply(Vec::new(), words),
            None => self.calls(),
        };
        answer.unreadable = u32::from(trouble && self.random.percent(20));
        answer.discovery = self.random.percent(5).then(|| "news".to_owned());
        answer.context_percent = *self.random.pick(&[10, 90]);
        Outcome::Replied(answer)
    }

    fn calls(&mut self) -> loom_events::ModelReply {
        let classes = [
            Class::Pure,
            Class::Pure,
            Class::Hashed,
            Class::Restorable,
            Class::Unknowable,
        ];
        let count = 1 + self.random.below(3);
        let calls = (0..count).map(|_| {
            let mut call = call("x", *self.random.pick(&classes));
            call.refusal = self.random.percent(10).then(|| loom_events::Refusal {
                code: "unknown_tool".into(),
                message: "no".into(),
            });
            call
        });
        reply(calls.collect(), Said::Called)
    }

    fn tool(&mut self, work: &Work, trouble: bool) -> Outcome {
        let id = self.desk.state.in_flight(work);
        let granted = id.is_some_and(|id| self.desk.state.grant(id).is_some());
        if trouble && !granted && self.random.percent(20) {
            return asks(work, self.random.percent(50).then_some("blue"));
        }
        if trouble && !granted {
            return hold(work, self.random.below(4));
        }
        ran(self.random.below(3))
    }

    fn reconciled(&mut self, intent: EffectId) -> Outcome {
        let Some(doubt) = self.desk.state.inflight.get(&intent) else {
            return Outcome::Reconciled(Reconciled::Clean);
        };
        if doubt.class == Class::Unknowable {
            return Outcome::Reconciled(Reconciled::Recorded);
        }
        let tool = matches!(doubt.work, Work::Tool { .. });
        if tool && self.random.percent(50) {
            let result = result(1);
            return Outcome::Reconciled(Reconciled::Applied { result });
        }
        Outcome::Reconciled(Reconciled::Clean)
    }

    /// Whether anything landed or was taken back since the fork was made: from the journal, as the
    /// workspace would know it.
    fn base_moved(&self, attempt: loom_events::AttemptId) -> bool {
        let made = self.desk.journal.iter().rev().position(
            |e| matches!(&e.event, Event::AttemptPrepared { attempt: a, .. } if *a == attempt),
        );
        let since = self.desk.journal.iter().rev().take(made.unwrap_or(0));
        let mut since = since.map(|e| &e.event);
        since.any(|e| matches!(e, Event::Merged { .. } | Event::Unmerged { .. }))
    }

    /// Somebody answers a question, if there is one.
    fn answer(&mut self) -> Result<bool, String> {
        let open: Vec<_> = self
            .desk
            .state
            .open_questions()
            .map(|(id, question, _)| (id, question.subject.clone()))
            .collect();
        if open.is_empty() {
            return Ok(false);
        }
        let (question, subject) = self.random.pick(&open).clone();
        let response = self.response(&subject);
        let by = "somebody".to_owned();
        self.ask(Command::Answer {
            question,
            response,
            by,
        })?;
        Ok(true)
    }

    fn response(&mut self, subject: &Subject) -> Response {
        let no = Response::Deny {
            reason: "no".into(),
        };
        let scope = *self.random.pick(&[Scope::Once, Scope::Task]);
        let grant = Response::Grant { scope };
        let guidance = "try this".to_owned();
        let fits = match subject {
            Subject::Ask { .. } => vec![Response::Text { text: "5".into() }, no],
            Subject::Exhausted { .. } => {
                let mut ways = vec![Response::Retry { guidance }, Response::Skip, no];
                ways.extend([Response::TakeOver, Response::TakeOver]);
                if let Command::EditPlan { plan } = self.edit() {
                    ways.push(Response::EditPlan { plan });
                }
                ways
            }
            Subject::Executions { .. } => {
                let words = |text: &&str| Response::Text {
                    text: (*text).into(),
                };
                let said = ["take 1", "take 2", "2", "in red", "skip", "take over", "9"];
                let mut ways: Vec<Response> = said.iter().map(words).collect();
                ways.extend([Response::Retry { guidance }, no]);
                ways
            }
            Subject::ByHand { .. } => {
                vec![Response::Done, Response::Done, Response::Skip, no]
            }
            Subject::Result { .. } => vec![grant.clone(), grant, no, Response::Skip],
            Subject::Call { .. }
            | Subject::Plan { .. }
            | Subject::PlanLimit { .. }
            | Subject::Doubt { .. } => vec![grant.clone(), grant, no],
        };
        if self.random.percent(2) {
            return Response::Abort;
        }
        self.random.pick(&fits).clone()
    }

    fn meddle(&mut self) -> Result<(), String> {
        let text = "differently".to_owned();
        let command = match self.random.below(20) {
            0..=5 => Command::Steer { text },
            6..=8 => Command::Pause,
            9..=12 => Command::Resume,
            13..=15 => self.edit(),
            16..=18 => Command::Retry {
                subtask: id(self.random.pick::<&str>(&["a", "b", "c"])),
                guidance: String::new(),
            },
            _ if self.random.percent(50) => Command::Cancel {
                reason: "enough".into(),
            },
            _ => Command::Resume,
        };
        self.ask(command)
    }

    /// A plan by hand: what is completed stays.
    fn edit(&mut self) -> Command {
        let mut plan = self.some_plan();
        let kept = self.desk.state.kept();
        plan.subtasks
            .retain(|spec| kept.iter().all(|k| k.id != spec.id));
        let whole = self
            .desk
            .state
            .plan()
            .map(|(_, plan)| plan.clone())
            .unwrap_or_default();
        let done = whole
            .subtasks
            .into_iter()
            .filter(|s| kept.iter().any(|k| k.id == s.id));
        for spec in &mut plan.subtasks {
            let said = [None, Some(Voting::Verdicts), Some(Voting::Executions)];
            spec.vote = *self.random.pick(&said);
        }
        plan.subtasks.splice(0..0, done);
        Command::EditPlan { plan }
    }
}

/// What a planning may say of earlier tasks.
fn learned(round: u32) -> Adjustment {
    let what = match round {
        0 => Adjusted::StartingTier {
            subtask: id("a"),
            tier: Tier::Medium,
        },
        _ => Adjusted::Caution(Caution {
            verification_tier: 2,
            threshold: 0.9,
            replan_interval: 5,
            small_steps: true,
        }),
    };
    let why = "seen before".to_owned();
    Adjustment { what, why }
}

fn settings(random: &mut Random) -> TaskSettings {
    let mut settings = TaskSettings::default();
    let ladder = [Rung::Planned, Rung::Feedback, Rung::NextTier, Rung::TopTier];
    settings.ladder = ladder[..usize::try_from(1 + random.below(4)).unwrap()].to_vec();
    settings.approval = *random.pick(&[
        ApprovalMode::Auto,
        ApprovalMode::Auto,
        ApprovalMode::Manual,
        ApprovalMode::Threshold,
    ]);
    settings.attended = random.percent(75);
    settings.review_plan = settings.attended && random.percent(20);
    settings.verification.final_gate = random.percent(80);
    settings.verification.vote = *random.pick(&[Voting::Verdicts, Voting::Executions]);
    settings.verification.votes = *random.pick(&[2, 3, 3]);
    settings.replan_interval = *random.pick(&[0, 0, 1, 2]);
    settings.max_parallel_subtasks = *random.pick(&[1, 1, 2, 3]);
    settings.question_timeout_ms = *random.pick(&[None, None, Some(2_000), Some(50_000)]);
    settings.unanswered = *random.pick(&[
        Unanswered::Default,
        Unanswered::Default,
        Unanswered::Wait,
        Unanswered::Fail,
    ]);
    settings.grace_ms = *random.pick(&[0, 10_000]);
    settings.limits.turns_per_attempt = *random.pick(&[3, 10, 10]);
    settings.limits.transient_retries = *random.pick(&[1, 5]);
    settings.limits.plan_versions = *random.pick(&[1, 3, 5]);
    settings.limits.inconclusive_rounds = *random.pick(&[0, 2]);
    settings.limits.iterations = *random.pick(&[8, 50]);
    settings.limits.tokens = *random.pick(&[400, 1_000_000, 1_000_000]);
    settings.limits.working_time_ms = *random.pick(&[100_000, u64::MAX, u64::MAX]);
    settings
}
