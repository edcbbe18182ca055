//! What an action does. Keys come to it through `press.rs`, searches are in `search.rs`.

mod press;
mod search;

pub(crate) use press::key;
pub(crate) use search::scanned;

use crate::actions::{self, Action};
use crate::input::Input;
use crate::keys::Move;
use crate::log::Wanted;
use crate::model::{Model, Place};
use crate::msg::{Cmd, Load, Wish};
use crate::overlays::{self, Asked, Confirm, Overlay, Palette, Prompt, Purpose, Rating};
use crate::screens::{DiffScreen, MemoryScreen, Pane, PlanEditor, TraceScreen};
use crate::watched::Watched;
use loom_events::{RevertRequest, RevertScope, Seq, SubtaskId, TaskId};
use loom_view::TaskStatus;
use search::seek;

/// Events fetched at once when older lines are wanted.
const PAGE: u64 = 500;

/// Events from the end that are fetched when somebody goes there from afar.
const TAIL: u64 = 1_500;

/// Moves where the user is.
pub(crate) fn go(model: &mut Model, to: Move) -> Vec<Cmd> {
    let body = model.body();
    let rows = usize::from(body.height.saturating_sub(1));
    match model.place() {
        Place::Dashboard => model.dashboard.go(to, rows),
        Place::Detail => {
            let Some(watched) = &mut model.watched else {
                return Vec::new();
            };
            let wanted = model.detail.go(to, body, watched);
            return wanted.map_or_else(Vec::new, |wanted| fetch(model, wanted, to));
        }
        Place::Diff => model.diff.go(to, body),
        Place::Plan => model.plan.go(to, rows / 2),
        Place::Memory => model.memory.go(to, rows / 2),
        Place::Trace => model.trace.go(to, body),
        Place::Models => model.models.go(to, rows / 2),
        Place::NewTask => {}
    }
    Vec::new()
}

/// Asks for the events that the log lacks, once at a time.
pub(crate) fn fetch(model: &mut Model, wanted: Wanted, to: Move) -> Vec<Cmd> {
    let Some(watched) = &mut model.watched else {
        return Vec::new();
    };
    if watched.log.fetching {
        return Vec::new();
    }
    watched.log.fetching = true;
    let task = watched.id;
    let load = match wanted {
        // Not page by page: what lies between would be thrown away on the way.
        Wanted::Older if to == Move::Home => Load::First(task),
        Wanted::Older => {
            let until = watched.log.after;
            let after = Seq(until.0.saturating_sub(PAGE));
            Load::Events {
                task,
                after,
                until: Some(until),
            }
        }
        Wanted::Newer => {
            if to == Move::End {
                let after = Seq(watched.last_seq().0.saturating_sub(TAIL));
                if after > watched.log.upto {
                    watched.log.restart(after);
                }
            }
            Load::Events {
                task,
                after: watched.log.upto,
                until: None,
            }
        }
    };
    vec![Cmd::Load(load)]
}

/// Does something. What makes no sense now says so, and does nothing.
pub(crate) fn perform(model: &mut Model, action: Action) -> Vec<Cmd> {
    if !actions::can(model, action) {
        if let Some(why) = cannot(action) {
            model.complain(why);
        }
        return Vec::new();
    }
    let subject = model.subject();
    match action {
        Action::Open => return open(model),
        Action::Back | Action::Quit if model.place() == Place::Plan && !model.plan.may_leave() => {
            model.complain("w saves what was edited; once more throws it away");
        }
        Action::Back => return model.back(),
        Action::Quit => return vec![Cmd::Quit],
        Action::Help => model.overlay = Some(Overlay::Help(overlays::help(model.place()))),
        Action::Palette => model.overlay = Some(Overlay::Palette(Palette::default())),
        Action::Refresh => {
            model.in_vain = None;
            let mut cmds = vec![Cmd::Redraw, Cmd::Load(Load::Tasks), Cmd::Load(Load::Ready)];
            cmds.extend(reload(model));
            return cmds;
        }
        Action::New => {
            model.go(Place::NewTask);
            return vec![Cmd::Load(Load::Ready)];
        }
        Action::Models => {
            model.go(Place::Models);
            model.models.asked_at = model.now.as_millis();
            return vec![Cmd::Load(Load::Models)];
        }
        Action::Search => prompt(model, Purpose::Search),
        Action::NextMatch => return seek(model, true),
        Action::PreviousMatch => return seek(model, false),
        Action::Filter => {
            if let Some(watched) = &mut model.watched {
                watched.log.filter = watched.log.filter.next();
            }
        }
        Action::Pane => model.detail.next_pane(),
        Action::Layout => model.diff.other_layout(),
        Action::Next | Action::Previous => return turn(model, action == Action::Next),
        Action::EditPlan => return edit_plan(model),
        Action::Trace => return trace(model, None),
        Action::Add => model.plan.add(),
        Action::Undo => model.plan.undo(),
        Action::Drop => match model.plan.drop_step() {
            Ok(dropped) => model.say(dropped),
            Err(wrong) => model.complain(wrong),
        },
        Action::CarryUp | Action::CarryDown => {
            if let Err(wrong) = model.plan.carry(action == Action::CarryUp) {
                model.complain(wrong);
            }
        }
        Action::Save => return save(model),
        Action::Diff
        | Action::Approve
        | Action::Steer
        | Action::Pause
        | Action::Cancel
        | Action::Revert
        | Action::Rate
        | Action::Retry
        | Action::Memory => {
            return subject.map_or_else(Vec::new, |task| of_task(model, action, task));
        }
    }
    Vec::new()
}

/// Asks anew for what the screen shows: after an interruption the answer may never have come. What
/// follows a stream needs no asking.
pub(crate) fn reload(model: &Model) -> Option<Cmd> {
    let load = match model.place() {
        Place::Diff => Load::Diff(model.diff.task?),
        Place::Memory => match model.memory.task {
            Some(task) => Load::Memory(task),
            None => Load::Search(model.memory.sought.clone()),
        },
        Place::Trace => {
            let (task, step) = model.trace.of.clone()?;
            Load::Trace(task, step)
        }
        Place::Models => Load::Models,
        // What was said of it or taken back since it ended is not in its journal.
        Place::Detail => Load::Task(model.watched.as_ref()?.id),
        Place::Dashboard | Place::Plan | Place::NewTask => return None,
    };
    Some(Cmd::Load(load))
}

/// An action on one task.
fn of_task(model: &mut Model, action: Action, task: TaskId) -> Vec<Cmd> {
    let (status, goal) = model.facts(task);
    match action {
        Action::Diff => {
            let file = match (model.place(), model.detail.pane, &model.watched) {
                (Place::Detail, Pane::Files, Some(watched)) => watched
                    .view
                    .files
                    .get(model.detail.file)
                    .map(|file| file.path.clone()),
                _ => None,
            };
            return show_diff(model, task, file);
        }
        Action::Approve => return answer(model, task),
        Action::Steer => prompt(model, Purpose::Steer(task)),
        Action::Pause => {
            let wish = match status {
                TaskStatus::Paused => Wish::Resume,
                _ => Wish::Pause,
            };
            return vec![Cmd::Ask(task, wish)];
        }
        Action::Cancel => model.overlay = Some(Overlay::Confirm(Confirm::cancel(task, &goal))),
        Action::Revert => {
            let scope = match (model.place(), model.diff.file()) {
                (Place::Diff, Some(file)) => RevertScope::File(file.path.clone()),
                _ => RevertScope::Task,
            };
            let request = RevertRequest {
                dry_run: true,
                ..RevertRequest::from(scope)
            };
            return vec![Cmd::Ask(task, Wish::Revert(request))];
        }
        Action::Rate => return rate(model, task),
        Action::Retry if status.is_final() => {
            model.overlay = Some(Overlay::Confirm(Confirm::again(task, &goal)));
        }
        Action::Retry => {
            let step = match (model.place(), &model.watched) {
                (Place::Detail, Some(watched)) => selected(model, watched),
                _ => None,
            };
            match step {
                Some(step) => prompt(model, Purpose::Guidance(task, step)),
                None => model.complain("open the task and select the step to try again"),
            }
        }
        Action::Memory => {
            model.memory = MemoryScreen::new(Some(task), String::new());
            model.go(Place::Memory);
            return vec![Cmd::Load(Load::Memory(task))];
        }
        _ => {}
    }
    Vec::new()
}

const fn cannot(action: Action) -> Option<&'static str> {
    Some(match action {
        Action::Approve => "no question waits",
        Action::Revert => "the task has not ended: its changes cannot be taken back yet",
        Action::Rate => "the task has not ended: nobody can say yet whether it is right",
        Action::Steer | Action::Pause | Action::Cancel | Action::EditPlan => "the task has ended",
        Action::Trace => "there is no step yet",
        Action::Undo => "nothing was edited",
        _ => return None,
    })
}

fn prompt(model: &mut Model, purpose: Purpose) {
    let unsent = model.unsent.take_if(|(of, _)| *of == purpose);
    let input = unsent.map_or_else(Input::default, |(_, text)| Input::new(text));
    model.overlay = Some(Overlay::Prompt(Prompt { purpose, input }));
}

/// Enter, by where it is pressed.
fn open(model: &mut Model) -> Vec<Cmd> {
    match model.place() {
        Place::Dashboard => {
            let task = model.dashboard.selected().map(|task| task.task_id);
            task.map_or_else(Vec::new, |task| model.watch(task))
        }
        Place::Detail => match (model.detail.pane, &model.watched) {
            (Pane::Plan, Some(watched)) if !watched.view.subtasks.is_empty() => trace(model, None),
            (Pane::Files, _) => perform(model, Action::Diff),
            (Pane::Log, Some(watched)) if !watched.view.questions.is_empty() => {
                perform(model, Action::Approve)
            }
            _ => Vec::new(),
        },
        Place::Plan => {
            if let Err(wrong) = model.plan.edit() {
                model.complain(wrong);
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Shows the first question of a task, as soon as it is known.
fn answer(model: &mut Model, task: TaskId) -> Vec<Cmd> {
    let cmds = model.watch(task);
    let question = model
        .watched
        .as_ref()
        .and_then(|watched| watched.view.questions.first());
    match question {
        Some(question) => {
            model.overlay = Some(Overlay::Question(Box::new(Asked::new(task, question))));
        }
        None => model.wants_question = true,
    }
    cmds
}

/// Asks whether a task is right: of the step where the user is, else of the whole.
fn rate(model: &mut Model, task: TaskId) -> Vec<Cmd> {
    let step = match (model.place(), model.detail.pane, &model.watched) {
        (Place::Detail, Pane::Plan, Some(watched)) => selected(model, watched),
        _ => None,
    };
    model.overlay = Some(Overlay::Rating(Rating::new(task, step)));
    if model.watches(task) {
        // It may have been said elsewhere since the task was opened.
        return vec![Cmd::Load(Load::Task(task))];
    }
    model.watch(task)
}

/// The selected step of the task that is looked at.
fn selected(model: &Model, watched: &Watched) -> Option<SubtaskId> {
    let step = watched.view.subtasks.get(model.detail.step(watched));
    step.map(|step| step.spec.id.clone())
}

fn show_diff(model: &mut Model, task: TaskId, file: Option<String>) -> Vec<Cmd> {
    model.diff = DiffScreen::new(task, file);
    model.go(Place::Diff);
    vec![Cmd::Load(Load::Diff(task))]
}

fn edit_plan(model: &mut Model) -> Vec<Cmd> {
    if let Some(watched) = &model.watched {
        model.plan = PlanEditor::new(&watched.view);
        model.go(Place::Plan);
    }
    Vec::new()
}

fn save(model: &mut Model) -> Vec<Cmd> {
    let Some(task) = model.plan.task else {
        return Vec::new();
    };
    if !model.plan.can_undo() {
        model.complain("nothing was edited");
        return Vec::new();
    }
    let plan = model.plan.plan();
    model.back();
    vec![Cmd::Ask(task, Wish::Edit(plan))]
}

/// The trace of the selected step, or of another one.
fn trace(model: &mut Model, step: Option<usize>) -> Vec<Cmd> {
    let Some(watched) = &model.watched else {
        return Vec::new();
    };
    let at = step.unwrap_or_else(|| model.detail.step(watched));
    let Some(step) = watched.view.subtasks.get(at) else {
        return Vec::new();
    };
    let (task, id) = (watched.id, step.spec.id.clone());
    model.detail.step = Some(at);
    model.trace = TraceScreen::new(task, id.clone());
    model.go(Place::Trace);
    vec![Cmd::Load(Load::Trace(task, id))]
}

/// The next file or step, or the previous one.
fn turn(model: &mut Model, forward: bool) -> Vec<Cmd> {
    if model.place() == Place::Diff {
        model.diff.turn(forward);
        return Vec::new();
    }
    let Some(watched) = &model.watched else {
        return Vec::new();
    };
    let at = model.detail.step(watched);
    let last = watched.view.subtasks.len().saturating_sub(1);
    let to = match forward {
        true => {
            if at == last {
                0
            } else {
                at + 1
            }
        }
        false => at.checked_sub(1).unwrap_or(last),
    };
    trace(model, Some(to))
}
