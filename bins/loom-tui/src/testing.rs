//! For tests: journals made by hand, and pictures as text.

use crate::look::Look;
use crate::model::Model;
use crate::msg::{Cmd, Msg};
use crate::options::Options;
use crate::update::update;
use crate::view::view;
use loom_client::wire::{Progress, TaskPage, TaskSummary};
use loom_events::{
    AttemptId, CheckPower, CheckResult, Class, Confidence, EffectId, Envelope, Event, FileChange,
    Finish, Latency, LineCount, ModelReply, NewTask, OnExpiry, Operation, Origin, Plan, PlanReason,
    PlanningId, Prepared, Question, Record, Risk, Rung, Said, Seq, Subject, SubtaskId, SubtaskSpec,
    TaskId, TaskSettings, Tier, Time, ToolResult, Usage, Verdict, VerdictResult, Work,
};
use loom_view::{TaskStatus, TaskView};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

/// A task's journal in the making: seqs and times count by themselves.
pub(crate) struct Journal {
    pub(crate) task: TaskId,
    pub(crate) envelopes: Vec<Envelope>,
}

fn blob() -> loom_events::BlobId {
    loom_events::BlobId::from_hex("0".repeat(64)).unwrap()
}

pub(crate) fn id(text: &str) -> SubtaskId {
    SubtaskId::new(text).unwrap()
}

/// The nth task.
pub(crate) fn task(n: u64) -> TaskId {
    format!("019ac000-0000-7000-8000-{n:012}").parse().unwrap()
}

/// So many seconds after the first event.
pub(crate) fn at(seconds: i64) -> Time {
    Time::from_millis(1_795_000_000_000 + seconds * 1000)
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            task: task(1),
            envelopes: Vec::new(),
        }
    }

    pub(crate) fn view(&self) -> TaskView {
        TaskView::fold(self.task, &self.envelopes)
    }

    /// All of it, as it goes over the wire.
    pub(crate) fn records(&self) -> Vec<Record> {
        let record = |envelope: &Envelope| Record {
            id: envelope.seq.0,
            envelope: envelope.clone(),
        };
        self.envelopes.iter().map(record).collect()
    }

    /// Adds an event, one second after the one before.
    pub(crate) fn add(&mut self, subtask: Option<&str>, event: Event) -> Seq {
        let seq = Seq(self.envelopes.len() as u64 + 1);
        self.envelopes.push(Envelope {
            task_id: self.task,
            seq,
            timestamp: at(i64::try_from(seq.0).unwrap()),
            subtask_id: subtask.map(id),
            attempt: None,
            correlation_id: seq,
            event,
        });
        seq
    }

    pub(crate) fn create(&mut self) {
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

    pub(crate) fn plan(&mut self, names: &[&str]) {
        let why = PlanReason::Initial;
        let steer_upto = Seq::ZERO;
        let planning = self.add(None, Event::TaskPlanning { why, steer_upto });
        let subtasks = names.iter().enumerate().map(|(at, name)| SubtaskSpec {
            criteria: vec![format!("{name} is done")],
            depends_on: at
                .checked_sub(1)
                .map(|at| id(names[at]))
                .into_iter()
                .collect(),
            ..SubtaskSpec::new(
                id(name),
                format!("Do {name}"),
                format!("All there is to do about {name}."),
            )
        });
        let plan = Plan {
            subtasks: subtasks.collect(),
        };
        let planning = Some(PlanningId(planning));
        self.add(
            None,
            Event::TaskPlanReady {
                planning,
                version: 1,
                plan,
                fallback: false,
            },
        );
    }

    pub(crate) fn start(&mut self, subtask: &str) -> AttemptId {
        let started = Event::SubtaskStarted {
            subtask: id(subtask),
            rung: 0,
            kind: Rung::Planned,
            ordinal: 1,
            tier: Tier::Small,
            execution: None,
        };
        let attempt = AttemptId(self.add(Some(subtask), started));
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
        let prepared = Event::AttemptPrepared {
            effect,
            attempt,
            prepared,
        };
        self.add(Some(subtask), prepared);
        attempt
    }

    pub(crate) fn ask_model(&mut self, subtask: &str, attempt: AttemptId) -> EffectId {
        let work = Work::Model { attempt, turn: 0 };
        let steer_upto = Seq::ZERO;
        EffectId(self.add(Some(subtask), Event::ModelCallStarted { work, steer_upto }))
    }

    pub(crate) fn reply(&mut self, subtask: &str, effect: EffectId) {
        let reply = ModelReply {
            answer: blob(),
            said: Said::Called,
            calls: Vec::new(),
            unreadable: 0,
            discovery: None,
            usage: Usage {
                prompt: 1_000,
                cached: 950,
                completion: 50,
                estimated: false,
            },
            latency: Latency {
                first_token_ms: 500,
                total_ms: 1_500,
            },
            model: "sim-small".into(),
            finish: Finish::ToolCalls,
            context_percent: 42,
        };
        self.add(Some(subtask), Event::ModelCallCompleted { effect, reply });
    }

    pub(crate) fn call(&mut self, subtask: &str, attempt: AttemptId, summary: &str) -> EffectId {
        let work = Work::Tool {
            attempt,
            turn: 0,
            call: 0,
        };
        let started = Event::ToolCallStarted {
            work,
            tool: summary.split(' ').next().unwrap().to_owned(),
            summary: summary.into(),
            class: Class::Hashed,
            grant: None,
        };
        EffectId(self.add(Some(subtask), started))
    }

    pub(crate) fn change(
        &mut self,
        subtask: &str,
        effect: EffectId,
        path: &str,
        added: u32,
        removed: u32,
    ) {
        let change = FileChange {
            operation: Operation::Modify,
            path: path.into(),
            new_path: None,
            before: None,
            after: None,
            lines: LineCount { added, removed },
            origin: Origin::Tool,
        };
        self.add(Some(subtask), Event::FileChanged { effect, change });
    }

    pub(crate) fn called(&mut self, subtask: &str, effect: EffectId, ok: bool, summary: &str) {
        let result = ToolResult {
            ok,
            text: blob(),
            summary: summary.into(),
            full: None,
            touched: true,
            files_changed: 1,
            seen: Vec::new(),
            duration_ms: 3,
            degraded: Vec::new(),
        };
        self.add(Some(subtask), Event::ToolCallCompleted { effect, result });
    }

    pub(crate) fn gate(&mut self, subtask: &str, attempt: AttemptId, passed: bool) -> Seq {
        let work = Work::Verify {
            attempt,
            gate: 0,
            round: 0,
        };
        let effect = EffectId(self.add(Some(subtask), Event::VerificationStarted { work }));
        let verdict = Verdict {
            result: if passed {
                VerdictResult::Pass
            } else {
                VerdictResult::Fail
            },
            tier: 1,
            checks: vec![CheckResult {
                check: "`./test.sh` exits 0".into(),
                passed,
                power: CheckPower::Discriminating,
                detail: if passed { "exited 0" } else { "exited 1" }.into(),
                evidence: None,
            }],
            criteria: Vec::new(),
            contested: false,
            confidence: Confidence {
                value: 0.9,
                ..Confidence::default()
            },
            feedback: String::new(),
            disputed: Vec::new(),
            votes: Vec::new(),
            tree: None,
            usage: Usage::default(),
            degraded: Vec::new(),
            tampered: Vec::new(),
            product: None,
        };
        self.add(
            Some(subtask),
            match passed {
                true => Event::VerificationPassed { effect, verdict },
                false => Event::VerificationFailed { effect, verdict },
            },
        )
    }

    pub(crate) fn complete(&mut self, subtask: &str, attempt: AttemptId, verdict: Seq) {
        let subtask_id = id(subtask);
        let completed = Event::SubtaskCompleted {
            subtask: subtask_id,
            attempt,
            verdict,
        };
        self.add(Some(subtask), completed);
    }

    pub(crate) fn ask(&mut self, subtask: &str, subject: Subject, action: &str) -> Seq {
        let question = Question {
            subject,
            reason: "the command leaves the workspace".into(),
            action: action.into(),
            risk: Risk::High,
            rules: vec!["network".into()],
            choices: Vec::new(),
            default: None,
        };
        let deadline = Some(at(600));
        let on_expiry = OnExpiry::Deny;
        self.add(
            Some(subtask),
            Event::ApprovalRequested {
                question,
                deadline,
                on_expiry,
            },
        )
    }

    /// A task in the middle of its second step, with a call that waits for an answer.
    pub(crate) fn busy() -> Self {
        let mut journal = Self::new();
        journal.create();
        journal.plan(&["total", "page", "index"]);
        let attempt = journal.start("total");
        let effect = journal.ask_model("total", attempt);
        journal.reply("total", effect);
        let call = journal.call("total", attempt, "edit_file sum.sh");
        journal.change("total", call, "sum.sh", 3, 1);
        journal.called("total", call, true, "1 place changed");
        journal.gate("total", attempt, false);
        let verdict = journal.gate("total", attempt, true);
        journal.complete("total", attempt, verdict);
        let attempt = journal.start("page");
        let effect = journal.ask_model("page", attempt);
        journal.reply("page", effect);
        let call = journal.call("page", attempt, "write_file docs/PAGE.md");
        journal.change("page", call, "docs/PAGE.md", 12, 0);
        journal.called("page", call, true, "12 lines");
        journal.call("page", attempt, "run_command curl https://example.org");
        let digest = loom_events::Digest::from_hex("0".repeat(64)).unwrap();
        let subject = Subject::Call {
            attempt,
            turn: 1,
            call: 0,
            digest,
        };
        journal.ask("page", subject, "curl https://example.org -o page.html");
        journal
    }
}

/// A row of the list.
pub(crate) fn row(n: u64, status: TaskStatus, goal: &str) -> TaskSummary {
    TaskSummary {
        task_id: task(n),
        goal: goal.to_owned(),
        workspace: Some("/home/me/sums".to_owned()),
        status,
        created: at(0),
        updated: at(100),
        last_seq: Seq(10),
        progress: Progress { done: 1, total: 3 },
        tokens: 12_345,
        waiting: u32::from(status == TaskStatus::WaitingApproval),
    }
}

/// The list of tasks.
pub(crate) fn page() -> TaskPage {
    TaskPage {
        tasks: vec![
            row(
                1,
                TaskStatus::WaitingApproval,
                "Mend the total and write the page",
            ),
            row(
                2,
                TaskStatus::Executing,
                "Port the parser to the new syntax tree, with its tests",
            ),
            row(3, TaskStatus::Paused, "日本語の説明書を書く"),
            row(4, TaskStatus::Completed, "Add a --json flag"),
            row(5, TaskStatus::Failed, "Make it faster"),
        ],
        next_cursor: None,
    }
}

/// A model on a screen of that size, with the list of tasks.
pub(crate) fn model(columns: u16, rows: u16) -> Model {
    let (mut model, _) = Model::new(&Options::default(), (columns, rows), at(200));
    update(
        &mut model,
        Msg::Loaded(Box::new(crate::msg::Loaded::Tasks(page()))),
    );
    model
}

/// The same, looking at the task that is busy.
pub(crate) fn watching(columns: u16, rows: u16) -> Model {
    let mut model = model(columns, rows);
    model.watch(task(1));
    update(&mut model, Msg::Records(task(1), Journal::busy().records()));
    model
}

/// The same after its end: two of its steps were completed, and the whole, if that is said.
pub(crate) fn ended(columns: u16, rows: u16, completed: bool) -> Model {
    let mut journal = Journal::busy();
    let attempt = journal.start("index");
    let verdict = journal.gate("index", attempt, true);
    journal.complete("index", attempt, verdict);
    let summary = loom_events::Summary::default();
    let reason = "no attempt is left".to_owned();
    let end = match completed {
        true => Event::TaskCompleted(summary),
        false => Event::TaskFailed { reason, summary },
    };
    journal.add(None, end);
    let mut model = model(columns, rows);
    model.watch(task(1));
    update(&mut model, Msg::Records(task(1), journal.records()));
    model
}

/// Presses keys one after the other; gives what is to be done.
pub(crate) fn press(model: &mut Model, keys: &str) -> Vec<Cmd> {
    use crate::keys::Key;
    let mut cmds = Vec::new();
    for c in keys.chars() {
        let key = match c {
            '\n' => Key::Enter,
            '\x1b' => Key::Esc,
            '\t' => Key::Tab,
            c => Key::Char(c),
        };
        cmds.extend(update(model, Msg::Key(key)));
    }
    cmds
}

/// The picture as text, without spaces at the ends of lines.
pub(crate) fn picture(model: &Model) -> String {
    let backend = TestBackend::new(model.size.0, model.size.1);
    let mut terminal = Terminal::new(backend).unwrap();
    terminal.draw(|frame| view(model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            line.push_str(symbol);
            skip = crate::text::width(symbol).saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Without colours and in ASCII.
pub(crate) const POOR: Look = Look {
    colour: false,
    light: false,
    unicode: false,
};
