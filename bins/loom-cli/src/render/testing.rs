//! Journals made by hand, for the tests of what is shown.

use loom_engine::TaskView;
use loom_events::{
    AttemptId, CallRecord, CheckPower, CheckResult, Class, Confidence, EffectId, Envelope, Event,
    FileChange, Finish, Latency, LineCount, ModelReply, NewTask, Nudge, Operation, Origin, Plan,
    PlanReason, PlanningId, Prepared, Refusal, Rung, Said, Seq, SubtaskId, SubtaskSpec, Summary,
    TaskId, TaskSettings, Tier, Time, ToolResult, Usage, Verdict, VerdictResult, Work,
};

/// A task's journal in the making: seqs and times count by themselves.
pub(super) struct Journal {
    pub(super) task: TaskId,
    pub(super) envelopes: Vec<Envelope>,
}

fn blob() -> loom_events::BlobId {
    loom_events::BlobId::from_hex("0".repeat(64)).unwrap()
}

pub(super) fn id(text: &str) -> SubtaskId {
    SubtaskId::new(text).unwrap()
}

impl Journal {
    pub(super) fn new() -> Self {
        Self {
            task: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            envelopes: Vec::new(),
        }
    }

    pub(super) fn view(&self) -> TaskView {
        TaskView::fold(self.task, &self.envelopes)
    }

    /// Adds an event, one second after the one before.
    pub(super) fn add(&mut self, subtask: Option<&str>, event: Event) -> Seq {
        let seq = Seq(self.envelopes.len() as u64 + 1);
        self.envelopes.push(Envelope {
            task_id: self.task,
            seq,
            timestamp: Time::from_millis(i64::try_from(seq.0).unwrap() * 1000),
            subtask_id: subtask.map(id),
            attempt: None,
            correlation_id: seq,
            event,
        });
        seq
    }

    pub(super) fn create(&mut self) {
        self.add(
            None,
            Event::TaskCreated(NewTask {
                goal: "Mend the total and write the page".into(),
                workspace: Some("/home/me/sums".into()),
                context: None,
                settings: TaskSettings::default(),
                callback_url: None,
                metadata: None,
            }),
        );
    }

    pub(super) fn plan(&mut self, subtasks: Vec<SubtaskSpec>) {
        let planning = PlanningId(self.add(
            None,
            Event::TaskPlanning {
                why: PlanReason::Initial,
                steer_upto: Seq::ZERO,
            },
        ));
        self.add(
            None,
            Event::TaskPlanReady {
                planning: Some(planning),
                version: 1,
                plan: Plan { subtasks },
                fallback: false,
            },
        );
    }

    pub(super) fn start(&mut self, subtask: &str, ordinal: u32) -> AttemptId {
        let attempt = AttemptId(self.add(
            Some(subtask),
            Event::SubtaskStarted {
                subtask: id(subtask),
                rung: 0,
                kind: Rung::Planned,
                ordinal,
                tier: Tier::Small,
                execution: None,
            },
        ));
        let work = Work::Prepare { attempt };
        let effect = EffectId(self.add(Some(subtask), Event::PrepareStarted { work }));
        let prepared = Prepared {
            fork: None,
            base: None,
            prompt: blob(),
            model: "sim-small".into(),
            template: "executor@0".into(),
            baseline: Vec::new(),
            trimmed: Vec::new(),
            parts: Vec::new(),
            sandbox: None,
            degraded: Vec::new(),
        };
        self.add(
            Some(subtask),
            Event::AttemptPrepared {
                effect,
                attempt,
                prepared,
            },
        );
        attempt
    }

    pub(super) fn ask_model(&mut self, subtask: &str, attempt: AttemptId) -> EffectId {
        let work = Work::Model { attempt, turn: 0 };
        EffectId(self.add(
            Some(subtask),
            Event::ModelCallStarted {
                work,
                steer_upto: Seq::ZERO,
            },
        ))
    }

    pub(super) fn reply(&mut self, subtask: &str, effect: EffectId, calls: Vec<CallRecord>) {
        let reply = ModelReply {
            answer: blob(),
            said: if calls.is_empty() {
                Said::Done
            } else {
                Said::Called
            },
            calls,
            unreadable: 0,
            discovery: None,
            usage: Usage {
                prompt: 1000,
                completion: 50,
                ..Usage::default()
            },
            latency: Latency {
                first_token_ms: 500,
                total_ms: 1500,
            },
            model: "sim-small".into(),
            finish: Finish::Stop,
            context_percent: 3,
        };
        self.add(Some(subtask), Event::ModelCallCompleted { effect, reply });
    }

    pub(super) fn call(&mut self, subtask: &str, attempt: AttemptId, summary: &str) -> EffectId {
        let work = Work::Tool {
            attempt,
            turn: 0,
            call: 0,
        };
        EffectId(self.add(
            Some(subtask),
            Event::ToolCallStarted {
                work,
                tool: "read_file".into(),
                summary: summary.into(),
                class: Class::Pure,
                grant: None,
            },
        ))
    }

    pub(super) fn called(&mut self, subtask: &str, effect: EffectId, summary: &str) {
        let result = ToolResult {
            ok: true,
            text: blob(),
            summary: summary.into(),
            full: None,
            touched: true,
            files_changed: 0,
            seen: Vec::new(),
            duration_ms: 3,
            degraded: Vec::new(),
        };
        self.add(Some(subtask), Event::ToolCallCompleted { effect, result });
    }

    pub(super) fn change(&mut self, subtask: &str, path: &str) {
        let change = FileChange {
            operation: Operation::Modify,
            path: path.into(),
            new_path: None,
            before: None,
            after: None,
            lines: LineCount {
                added: 3,
                removed: 1,
            },
            origin: Origin::Tool,
        };
        let effect = EffectId(Seq(1));
        self.add(Some(subtask), Event::FileChanged { effect, change });
    }

    pub(super) fn verdict(&mut self, subtask: &str, attempt: AttemptId, checks: Vec<CheckResult>) {
        let work = Work::Verify {
            attempt,
            gate: 0,
            round: 0,
        };
        let effect = EffectId(self.add(Some(subtask), Event::VerificationStarted { work }));
        let pass = checks.iter().all(|check| check.passed);
        let verdict = Verdict {
            result: if pass {
                VerdictResult::Pass
            } else {
                VerdictResult::Fail
            },
            tier: 1,
            checks,
            criteria: Vec::new(),
            confidence: Confidence::default(),
            feedback: "not yet".into(),
            disputed: Vec::new(),
            contested: false,
            votes: Vec::new(),
            tree: None,
            usage: Usage::default(),
            degraded: Vec::new(),
            tampered: Vec::new(),
            product: None,
        };
        let event = match pass {
            true => Event::VerificationPassed { effect, verdict },
            false => Event::VerificationFailed { effect, verdict },
        };
        self.add(Some(subtask), event);
    }

    pub(super) fn complete(&mut self, subtask: &str, attempt: AttemptId) {
        let verdict = Seq(self.envelopes.len() as u64);
        let subtask_id = id(subtask);
        self.add(
            Some(subtask),
            Event::SubtaskCompleted {
                subtask: subtask_id,
                attempt,
                verdict,
            },
        );
    }

    pub(super) fn fail(&mut self, reason: &str, summary: Summary) {
        let reason = reason.to_owned();
        self.add(None, Event::TaskFailed { reason, summary });
    }

    /// Two subtasks: the first is completed after a nudge, the second has just been caught.
    pub(super) fn demo_like() -> Self {
        let mut journal = Self::new();
        journal.create();
        let page = SubtaskSpec {
            outputs: vec!["PAGE.md".into()],
            ..spec("page", "Write the page")
        };
        journal.plan(vec![spec("total", "Mend the total"), page]);
        let attempt = journal.start("total", 1);
        let effect = journal.ask_model("total", attempt);
        journal.reply(
            "total",
            effect,
            vec![call("read_file", "read_file sum.sh", None)],
        );
        let effect = journal.call("total", attempt, "read_file sum.sh");
        journal.called("total", effect, "19 lines");
        journal.verdict(
            "total",
            attempt,
            vec![check("`./test.sh` exits 0", "exited 1", false)],
        );
        journal.add(
            Some("total"),
            Event::NudgeGiven {
                attempt,
                turn: 1,
                nudge: Nudge::GateFailed,
                text: "not yet".into(),
            },
        );
        journal.change("total", "sum.sh");
        journal.verdict(
            "total",
            attempt,
            vec![check("`./test.sh` exits 0", "exited 0", true)],
        );
        journal.complete("total", attempt);
        let attempt = journal.start("page", 1);
        let effect = journal.ask_model("page", attempt);
        journal.reply(
            "page",
            effect,
            vec![call("open_file", "open_file", Some("unknown_tool"))],
        );
        let missing = "the output PAGE.md is there and not empty: nothing is there";
        journal.verdict(
            "page",
            attempt,
            vec![check("declared outputs are there", missing, false)],
        );
        journal
    }
}

pub(super) fn spec(name: &str, title: &str) -> SubtaskSpec {
    SubtaskSpec::new(id(name), title, "do it")
}

pub(super) fn check(check: &str, detail: &str, passed: bool) -> CheckResult {
    CheckResult {
        check: check.into(),
        passed,
        power: CheckPower::Discriminating,
        detail: detail.into(),
        evidence: None,
    }
}

fn call(tool: &str, summary: &str, refusal: Option<&str>) -> CallRecord {
    CallRecord {
        id: "c1".into(),
        tool: tool.into(),
        summary: summary.into(),
        class: Class::Pure,
        refusal: refusal.map(|code| Refusal {
            code: code.into(),
            message: "no".into(),
        }),
    }
}
