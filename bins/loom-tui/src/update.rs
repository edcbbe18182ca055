//! What happens to what is known: the only place that changes the model.

use crate::keys::{Key, Move};
use crate::log::Wanted;
use crate::model::{Link, Model, Place};
use crate::msg::{Cmd, Load, Loaded, Msg, Tried, Wish};
use crate::overlays::{Asked, Confirm, Overlay, Purpose};
use crate::perform;
use loom_client::wire::Reverted;
use loom_events::{RevertRequest, TaskId};

/// The list of tasks is asked for again this long after the last time, however much happens.
const LIST_EVERY_MS: i64 = 1_000;

/// The same while another screen hides it.
const HIDDEN_LIST_EVERY_MS: i64 = 5_000;

/// The models are asked for again this often while they are looked at.
const MODELS_EVERY_MS: i64 = 3_000;

/// Takes what happened into what is known; says what is to be done about it.
pub(crate) fn update(model: &mut Model, msg: Msg) -> Vec<Cmd> {
    match msg {
        Msg::Clock(now) => {
            model.now = now;
            if model
                .notice
                .as_ref()
                .is_some_and(|notice| notice.until <= now)
            {
                model.notice = None;
            }
            due(model)
        }
        Msg::Key(key) => perform::key(model, key),
        Msg::Paste(text) => paste(model, &text),
        Msg::Click(column, row) => click(model, column, row),
        Msg::Wheel(lines) => wheel(model, lines),
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Msg::Stirred { calls } => {
            online(model);
            model.dashboard.stale = true;
            let mut cmds = due(model);
            if calls && model.bell {
                cmds.push(Cmd::Bell);
            }
            cmds
        }
        Msg::Offline(why) => {
            if !matches!(model.link, Link::Offline(..)) {
                model.link = Link::Offline(model.now, crate::text::clean(&why));
            }
            Vec::new()
        }
        Msg::Online => {
            model.link = Link::Online;
            model.in_vain = None;
            model.dashboard.stale = true;
            let mut cmds = due(model);
            cmds.push(Cmd::Load(Load::Ready));
            cmds.extend(perform::reload(model));
            cmds
        }
        Msg::Records(task, records) => {
            online(model);
            let Some(watched) = model.watched.as_mut().filter(|watched| watched.id == task) else {
                return Vec::new();
            };
            for record in &records {
                watched.apply(record);
            }
            questions(model)
        }
        Msg::Live(live) => {
            if let Some(watched) = &mut model.watched {
                watched.hear(&live);
            }
            Vec::new()
        }
        Msg::Unwatchable(task, why) => {
            if let Some(watched) = model.watched.as_mut().filter(|watched| watched.id == task) {
                watched.broken = Some(crate::text::clean(&why));
            }
            Vec::new()
        }
        Msg::Loaded(loaded) => take(model, *loaded),
        Msg::Done(text) => {
            model.say(text);
            model.dashboard.stale = true;
            due(model)
        }
        Msg::Rated(task, text) => {
            model.say(text);
            vec![Cmd::Load(Load::Task(task))]
        }
        Msg::Begun(task, text) => {
            model.say(text);
            model.dashboard.stale = true;
            model.new_task.clear();
            if model.place() == Place::NewTask {
                model.stack.pop();
            }
            let mut cmds = model.watch(task);
            cmds.extend(due(model));
            cmds
        }
        Msg::Failed { what, why, tried } => {
            let offline = matches!(model.link, Link::Offline(..));
            match tried {
                // The head says that nobody is there; what somebody wanted is not to be pushed away by it.
                Tried::Poll if offline => return Vec::new(),
                Tried::Poll | Tried::Submit => {}
                Tried::Load(load) => {
                    if let Some(watched) = &mut model.watched {
                        watched.log.fetching = false;
                        watched.log.scan = None;
                    }
                    let why = crate::text::clean(&format!("failed to {what}: {why}"));
                    model.in_vain = Some((load, why));
                }
                Tried::Wish(task, wish) => unsent(model, task, *wish),
            }
            model.complain(format!("failed to {what}: {why}"));
            Vec::new()
        }
    }
}

/// What was typed for a request that failed is not to be typed again.
fn unsent(model: &mut Model, task: TaskId, wish: Wish) {
    match wish {
        Wish::Steer(text) => model.unsent = Some((Purpose::Steer(task), text)),
        Wish::Retry(Some(step), text) => {
            model.unsent = Some((Purpose::Guidance(task, step), text));
        }
        Wish::Edit(_) if model.plan.task == Some(task) => {
            if model.watches(task) && model.place() == Place::Detail {
                model.go(Place::Plan);
            }
        }
        Wish::Edit(_)
        | Wish::Retry(None, _)
        | Wish::Cancel(_)
        | Wish::Pause
        | Wish::Resume
        | Wish::Answer(..)
        | Wish::Revert(_)
        | Wish::Rate(..) => {}
    }
}

/// Whatever comes from the service shows that it is there.
fn online(model: &mut Model) {
    if model.link == Link::Connecting {
        model.link = Link::Online;
    }
}

/// What is to be asked for because time has passed.
fn due(model: &mut Model) -> Vec<Cmd> {
    let now = model.now.as_millis();
    let mut cmds = Vec::new();
    let hidden = model.place() != Place::Dashboard;
    let every = if hidden {
        HIDDEN_LIST_EVERY_MS
    } else {
        LIST_EVERY_MS
    };
    if model.dashboard.stale && now - model.dashboard.asked_at >= every {
        model.dashboard.stale = false;
        model.dashboard.asked_at = now;
        cmds.push(Cmd::Load(Load::Tasks));
    }
    if model.place() == Place::Models && now - model.models.asked_at >= MODELS_EVERY_MS {
        model.models.asked_at = now;
        cmds.push(Cmd::Load(Load::Models));
    }
    cmds
}

/// A question that is gone is not to be answered; one that was waited for is shown.
fn questions(model: &mut Model) -> Vec<Cmd> {
    let Some(watched) = &model.watched else {
        return Vec::new();
    };
    if let Some(Overlay::Question(asked)) = &model.overlay
        && asked.task == watched.id
        && !watched
            .view
            .questions
            .iter()
            .any(|question| question.id == asked.id())
    {
        model.overlay = None;
        model.say("the question is answered, or has lost its subject");
    }
    let Some(watched) = &model.watched else {
        return Vec::new();
    };
    if model.wants_question
        && model.overlay.is_none()
        && let Some(question) = watched.view.questions.first()
    {
        let asked = Box::new(Asked::new(watched.id, question));
        model.overlay = Some(Overlay::Question(asked));
        model.wants_question = false;
    }
    Vec::new()
}

fn take(model: &mut Model, loaded: Loaded) -> Vec<Cmd> {
    online(model);
    match loaded {
        Loaded::Tasks(page) => model.dashboard.take(page),
        Loaded::Task(task) => {
            if let Some(watched) = watched(model, task.task_id) {
                watched.taken_back = task.reverts.last().map(Reverted::words);
                watched.ratings = task.ratings;
            }
        }
        Loaded::Older(task, after, page) => {
            if let Some(watched) = watched(model, task) {
                watched.log.older(after, &page.events, &watched.view);
                // Somebody asked for the end while this was on its way.
                if watched.log.lacks_end() {
                    return perform::fetch(model, Wanted::Newer, Move::End);
                }
            }
        }
        Loaded::First(task, page) => {
            let Some(watched) = watched(model, task) else {
                return Vec::new();
            };
            if watched.log.follows() {
                // Somebody has gone to the end since.
                watched.log.fetching = false;
                if watched.log.lacks_end() {
                    return perform::fetch(model, Wanted::Newer, Move::End);
                }
                return Vec::new();
            }
            watched.log.beginning(&page.events, &watched.view);
            if model.place() == Place::Detail {
                return perform::go(model, Move::Home);
            }
        }
        Loaded::Newer(task, page) => {
            let Some(watched) = watched(model, task) else {
                return Vec::new();
            };
            let live = watched.log.newer(&page.events, &watched.view);
            // Who waits for the end is not to ask for it page by page.
            if !live && watched.log.follows() && !page.events.is_empty() {
                watched.log.fetching = true;
                let after = watched.log.upto;
                return vec![Cmd::Load(Load::Events {
                    task,
                    after,
                    until: None,
                })];
            }
        }
        Loaded::Scanned(task, scan, page) => return perform::scanned(model, task, scan, &page),
        Loaded::Diff(task, diff) => {
            if model.diff.task == Some(task) {
                model.diff.take(diff);
            }
        }
        Loaded::Memory(task, page) => {
            if model.memory.task == task {
                model.memory.take(page);
            }
        }
        Loaded::Trace(task, trace) => {
            let of = (task, trace.subtask.spec.id.clone());
            if model.trace.of.as_ref() == Some(&of) {
                model.trace.take(&trace);
            }
        }
        Loaded::Models(list) => model.models.take(list),
        Loaded::Ready(ready) => model.missing = ready.missing,
        Loaded::Revert(task, request, report) => return reverted(model, task, &request, &report),
        Loaded::Paths(of, paths) => model.new_task.take(&of, paths),
    }
    Vec::new()
}

fn watched(model: &mut Model, task: TaskId) -> Option<&mut crate::watched::Watched> {
    model.watched.as_mut().filter(|watched| watched.id == task)
}

fn reverted(
    model: &mut Model,
    task: TaskId,
    request: &RevertRequest,
    report: &loom_events::RevertReport,
) -> Vec<Cmd> {
    if request.dry_run {
        if model.overlay.is_none() {
            model.overlay = Some(Overlay::Confirm(Confirm::revert(
                task,
                request.clone(),
                report,
            )));
        }
        return Vec::new();
    }
    model.say(crate::overlays::reverted(report));
    let mut cmds = vec![Cmd::Load(Load::Task(task))];
    if model.diff.task == Some(task) {
        cmds.push(Cmd::Load(Load::Diff(task)));
    }
    cmds
}

fn paste(model: &mut Model, text: &str) -> Vec<Cmd> {
    match &mut model.overlay {
        Some(Overlay::Question(asked)) => asked.paste(text),
        Some(Overlay::Prompt(prompt)) => prompt.input.insert(text),
        Some(Overlay::Palette(palette)) => palette.input.insert(text),
        Some(Overlay::Confirm(_) | Overlay::Rating(_) | Overlay::Help(_)) => {}
        None => match model.place() {
            Place::NewTask => return model.new_task.paste(text),
            Place::Plan => model.plan.paste(text),
            // Elsewhere letters are keys, and a text is not to press them.
            _ => {}
        },
    }
    Vec::new()
}

fn click(model: &mut Model, column: u16, row: u16) -> Vec<Cmd> {
    if model.overlay.is_some() {
        return Vec::new();
    }
    let body = model.body();
    let again = match model.place() {
        Place::Dashboard => model.dashboard.click(body, column, row),
        Place::Detail => match &model.watched {
            Some(watched) => model.detail.click(body, watched, column, row),
            None => false,
        },
        Place::Diff => {
            model.diff.click(body, column, row);
            false
        }
        Place::Plan if model.plan.form.is_none() => model.plan.click(body, column, row),
        Place::Memory => {
            model.memory.click(body, column, row);
            false
        }
        Place::Models => {
            model.models.click(body, column, row);
            false
        }
        Place::Plan | Place::Trace | Place::NewTask => false,
    };
    match again {
        true => perform::key(model, Key::Enter),
        false => Vec::new(),
    }
}

fn wheel(model: &mut Model, lines: i32) -> Vec<Cmd> {
    use crate::keys::Move;
    let rows = usize::from(model.size.1.saturating_sub(6));
    match &mut model.overlay {
        Some(Overlay::Question(asked)) => asked.action.scroll(lines, rows.min(10)),
        Some(Overlay::Confirm(confirm)) => confirm.what.scroll(lines, rows),
        Some(Overlay::Help(pager)) => pager.scroll(lines, rows),
        Some(Overlay::Prompt(_) | Overlay::Palette(_) | Overlay::Rating(_)) => {}
        None => {
            let to = if lines < 0 { Move::Up } else { Move::Down };
            let mut cmds = Vec::new();
            for _ in 0..lines.unsigned_abs().min(50) {
                cmds.extend(perform::go(model, to));
            }
            return cmds;
        }
    }
    Vec::new()
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
