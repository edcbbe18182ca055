//! Everything that is known: what the service said, and where the user is. Changed by `update` only.

use crate::look::Look;
use crate::msg::{Cmd, Load};
use crate::options::Options;
use crate::overlays::{Overlay, Purpose};
use crate::screens::{
    Dashboard, Detail, DiffScreen, MemoryScreen, ModelsScreen, NewTask, PlanEditor, TraceScreen,
};
use crate::text::first_line;
use crate::watched::Watched;
use loom_events::{TaskId, Time};
use loom_view::TaskStatus;
use ratatui::layout::Rect;

/// How long a message stays, in milliseconds; a line is read in less.
const NOTICE_MS: i64 = 8_000;

/// Everything that is known.
#[derive(Debug)]
pub(crate) struct Model {
    /// What the terminal can show.
    pub(crate) look: Look,
    /// Whether the bell rings.
    pub(crate) bell: bool,
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    /// The time.
    pub(crate) now: Time,
    /// Whether the service is there.
    pub(crate) link: Link,
    /// What the service lacks to take tasks, one sentence each.
    pub(crate) missing: Vec<String>,
    /// Where the user is, and the way back.
    pub(crate) stack: Vec<Place>,
    /// What is in front of it.
    pub(crate) overlay: Option<Overlay>,
    /// A message.
    pub(crate) notice: Option<Notice>,
    /// The task that is looked at.
    pub(crate) watched: Option<Watched>,
    /// Whether its question is to be shown as soon as it is known.
    pub(crate) wants_question: bool,
    /// What was typed last for a request that failed.
    pub(crate) unsent: Option<(Purpose, String)>,
    /// What was asked for in vain, and why.
    pub(crate) in_vain: Option<(Load, String)>,
    /// The screens.
    pub(crate) dashboard: Dashboard,
    pub(crate) detail: Detail,
    pub(crate) diff: DiffScreen,
    pub(crate) plan: PlanEditor,
    pub(crate) memory: MemoryScreen,
    pub(crate) trace: TraceScreen,
    pub(crate) models: ModelsScreen,
    pub(crate) new_task: NewTask,
}

/// Where the user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The list of tasks.
    Dashboard,
    /// One task.
    Detail,
    /// What it changed.
    Diff,
    /// Its plan, to be edited.
    Plan,
    /// What it noted.
    Memory,
    /// What was said and done in a step.
    Trace,
    /// The models.
    Models,
    /// The form of a new task.
    NewTask,
}

/// Whether the service is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    /// Nobody knows yet.
    #[default]
    Connecting,
    /// It is.
    Online,
    /// It is not, since then, for that reason.
    Offline(Time, String),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// What it says.
    pub(crate) text: String,
    /// Whether something went wrong.
    pub(crate) bad: bool,
    /// When it goes.
    pub(crate) until: Time,
}

impl Model {
    /// At the start, with what to ask for first.
    pub(crate) fn new(options: &Options, size: (u16, u16), now: Time) -> (Self, Vec<Cmd>) {
        let workspace = options.workspace.as_ref();
        let mut model = Self {
            look: options.look,
            bell: options.bell,
            size,
            now,
            link: Link::Connecting,
            missing: Vec::new(),
            stack: vec![Place::Dashboard],
            overlay: None,
            notice: None,
            watched: None,
            wants_question: false,
            unsent: None,
            in_vain: None,
            dashboard: Dashboard::default(),
            detail: Detail::default(),
            diff: DiffScreen::default(),
            plan: PlanEditor::default(),
            memory: MemoryScreen::default(),
            trace: TraceScreen::default(),
            models: ModelsScreen::default(),
            new_task: NewTask::new(workspace.map(|path| path.display().to_string())),
        };
        let mut cmds = vec![Cmd::Load(Load::Tasks), Cmd::Load(Load::Ready)];
        if let Some(task) = options.task {
            cmds.extend(model.watch(task));
        }
        (model, cmds)
    }

    /// Where the user is.
    pub(crate) fn place(&self) -> Place {
        self.stack.last().copied().unwrap_or(Place::Dashboard)
    }

    /// What Enter does in the form where the user types; none where there is no form.
    pub(crate) fn form_takes(&self) -> Option<&'static str> {
        match self.place() {
            Place::NewTask => Some("begin"),
            Place::Plan if self.plan.form.is_some() => Some("take it"),
            _ => None,
        }
    }

    /// Goes somewhere.
    pub(crate) fn go(&mut self, place: Place) {
        self.in_vain = None;
        if self.place() != place {
            self.stack.push(place);
        }
    }

    /// What a screen says that has nothing yet: that it waits, or why it waits no more.
    pub(crate) fn awaits(&self, words: &str) -> String {
        match (&self.in_vain, crate::perform::reload(self)) {
            (Some((load, why)), Some(Cmd::Load(wanted))) if *load == wanted => {
                format!("{why}; Ctrl-L asks again")
            }
            _ => words.to_owned(),
        }
    }

    /// Goes back. The list of tasks is as far as that goes.
    pub(crate) fn back(&mut self) -> Vec<Cmd> {
        if self.stack.len() > 1 {
            self.stack.pop();
        }
        if self.place() == Place::Dashboard && self.watched.take().is_some() {
            return vec![Cmd::Unwatch, Cmd::Load(Load::Tasks)];
        }
        Vec::new()
    }

    /// Looks at a task.
    pub(crate) fn watch(&mut self, task: TaskId) -> Vec<Cmd> {
        self.go(Place::Detail);
        if self.watches(task) {
            return Vec::new();
        }
        self.detail = Detail::default();
        self.watched = Some(Watched::new(task));
        vec![Cmd::Watch(task), Cmd::Load(Load::Task(task))]
    }

    /// Whether that task is the one that is looked at.
    pub(crate) fn watches(&self, task: TaskId) -> bool {
        self.watched.as_ref().is_some_and(|one| one.id == task)
    }

    /// Status and goal of a task, as far as they are known.
    pub(crate) fn facts(&self, task: TaskId) -> (TaskStatus, String) {
        if let Some(watched) = self.watched.as_ref().filter(|one| one.id == task) {
            return (watched.view.status, first_line(&watched.view.goal));
        }
        let row = self.dashboard.tasks.iter().find(|row| row.task_id == task);
        row.map_or_else(Default::default, |row| (row.status, first_line(&row.goal)))
    }

    /// The task that an action is about.
    pub(crate) fn subject(&self) -> Option<TaskId> {
        match self.place() {
            Place::Dashboard => self.dashboard.selected().map(|task| task.task_id),
            Place::Diff => self.diff.task,
            _ => self.watched.as_ref().map(|watched| watched.id),
        }
    }

    /// The area between the head and the foot.
    pub(crate) fn body(&self) -> Rect {
        let (columns, rows) = self.size;
        Rect::new(0, 1, columns, rows.saturating_sub(3))
    }

    /// Says something.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) {
        self.notify(text.as_ref(), false);
    }

    /// Says that something went wrong.
    pub(crate) fn complain(&mut self, text: impl AsRef<str>) {
        self.notify(text.as_ref(), true);
    }

    fn notify(&mut self, text: &str, bad: bool) {
        self.notice = Some(Notice {
            text: crate::text::clean(text),
            bad,
            until: Time::from_millis(self.now.as_millis() + NOTICE_MS),
        });
    }

    /// Whether the picture changes by itself, so that a clock is worth its power.
    pub(crate) fn moves(&self) -> bool {
        self.notice.is_some()
            || self.dashboard.stale
            || self.place() == Place::Models
            || matches!(self.link, Link::Offline(..))
            || self.watched.as_ref().is_some_and(Watched::moves)
            || self
                .dashboard
                .tasks
                .iter()
                .any(|task| !task.status.is_final())
    }
}
