//! The form of a new task, with the directories that complete its path.

use super::{heading, put};
use crate::form::{Field, Form, Value};
use crate::keys::Key;
use crate::look::{Look, Tone};
use crate::model::Model;
use crate::msg::Cmd;
use crate::text::{clean, clip, fit, wrap};
use loom_client::wire::{Approval, NewTaskRequest};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Directories shown that complete a path.
const MAX_SHOWN: usize = 5;

/// Rows of the text that is being typed, at most.
const MAX_ROWS: usize = 8;

/// Columns of the labels.
const LABELS: u16 = 13;

/// A new task.
#[derive(Debug)]
pub(crate) struct NewTask {
    form: Form,
    /// Whether the directory was typed in since it has the cursor.
    typing: bool,
    /// Directories that complete the path.
    paths: Vec<String>,
    workspace: Option<String>,
}

impl NewTask {
    /// An empty form, with the directory that is proposed.
    pub(crate) fn new(workspace: Option<String>) -> Self {
        let form = Form {
            fields: vec![
                Field::text("goal", "in plain language; Ctrl-J begins a new line", ""),
                Field::path(
                    "directory",
                    "to work in; Tab completes, empty for none",
                    workspace.clone().unwrap_or_default(),
                ),
                Field::text("context", "more about the goal", ""),
                Field::choice(
                    "approval",
                    "when you must agree to a result (arrows)",
                    &["as configured", "auto", "threshold", "manual"],
                ),
                Field::choice(
                    "plan",
                    "whether it is shown to you before anything runs",
                    &["as configured", "show it first", "just begin"],
                ),
                Field::choice(
                    "network",
                    "whether commands may use it without asking",
                    &["as configured", "no", "yes"],
                ),
            ],
            focus: 0,
        };
        Self {
            form,
            typing: false,
            paths: Vec::new(),
            workspace,
        }
    }

    /// An empty form again.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.workspace.take());
    }

    /// A key; `Err` says what is missing.
    pub(crate) fn key(&mut self, key: Key) -> Result<Vec<Cmd>, String> {
        if key == Key::Enter {
            let request = self.request()?;
            return Ok(vec![Cmd::Submit(Box::new(request))]);
        }
        // Who only passes by is not to end up in another directory.
        if key == Key::Tab && self.typing && self.complete() {
            return Ok(self.look());
        }
        let (at, before) = (self.form.focus, self.form.value("directory").to_owned());
        self.form.key(key);
        let typed = self.form.value("directory") != before;
        self.typing = self.form.focus == at && (self.typing || typed);
        Ok(self.look())
    }

    /// Adds a pasted text.
    pub(crate) fn paste(&mut self, text: &str) -> Vec<Cmd> {
        self.form.paste(text);
        self.typing = true;
        self.look()
    }

    /// Takes the directories that complete a path, if it is still that one.
    pub(crate) fn take(&mut self, of: &str, paths: Vec<String>) {
        let typed = matches!(
            self.form.focused().map(|field| &field.value),
            Some(Value::Path(_))
        );
        if typed && self.form.value("directory") == of {
            self.paths = paths;
        }
    }

    /// Completes the path as far as it is certain; whether there was something to complete.
    fn complete(&mut self) -> bool {
        let Some(Value::Path(input)) = self.form.focused().map(|field| &mut field.value) else {
            return false;
        };
        let Some(common) = common(&self.paths) else {
            return false;
        };
        let longer = common.len() > input.text().len();
        if longer {
            *input = crate::input::Input::new(common);
        }
        longer
    }

    /// Asks for what completes the path, while it has the cursor.
    fn look(&mut self) -> Vec<Cmd> {
        match self.form.focused().map(|field| &field.value) {
            Some(Value::Path(input)) => vec![Cmd::Complete(input.text().to_owned())],
            _ => {
                self.paths.clear();
                Vec::new()
            }
        }
    }

    fn request(&self) -> Result<NewTaskRequest, String> {
        let some =
            |label| Some(self.form.value(label).trim().to_owned()).filter(|text| !text.is_empty());
        let goal = some("goal").ok_or("a task needs a goal")?;
        let workspace = some("directory");
        if workspace
            .as_ref()
            .is_some_and(|path| !path.starts_with('/'))
        {
            return Err("the directory must be an absolute path: it begins with /".to_owned());
        }
        let choice = |label, yes| match self.form.value(label) {
            "as configured" => None,
            chosen => Some(chosen == yes),
        };
        Ok(NewTaskRequest {
            goal,
            workspace,
            context: some("context"),
            approval_mode: match self.form.value("approval") {
                "auto" => Some(Approval::Auto),
                "threshold" => Some(Approval::ConfidenceThreshold),
                "manual" => Some(Approval::Manual),
                _ => None,
            },
            attended: Some(true),
            review_plan: choice("plan", "show it first"),
            network: choice("network", "yes"),
            ..NewTaskRequest::default()
        })
    }
}

/// What all paths begin with; of a single one, all of it and a slash.
fn common(paths: &[String]) -> Option<String> {
    let first = paths.first()?;
    if paths.len() == 1 {
        return Some(format!("{first}/"));
    }
    let length = paths.iter().skip(1).fold(first.len(), |length, path| {
        let same = first.chars().zip(path.chars()).take_while(|(a, b)| a == b);
        length.min(same.map(|(c, _)| c.len_utf8()).sum())
    });
    Some(first[..length].to_owned())
}

/// Draws it; gives the place of the cursor.
pub(crate) fn draw(model: &Model, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (look, new) = (model.look, &model.new_task);
    let area = heading(
        look,
        buffer,
        body,
        "new task (Enter begins it, Esc goes back)",
        true,
    );
    let cursor = draw_form(look, &new.form, area, buffer);
    let below = area.y + u16::try_from(new.form.fields.len() * 2).unwrap_or(0);
    for (y, path) in (below..area.bottom()).zip(new.paths.iter().take(MAX_SHOWN)) {
        put(
            buffer,
            area,
            area.x + LABELS,
            y,
            &clean(path),
            look.style(Tone::Dim),
        );
    }
    if let Some(missing) = model.missing.first() {
        let rows = wrap(
            &format!("! {}", clean(missing)),
            usize::from(area.width.saturating_sub(2)),
            2,
        );
        for (y, row) in (area.bottom().saturating_sub(2)..).zip(rows) {
            put(buffer, area, area.x, y, &row, look.style(Tone::Caught));
        }
    }
    cursor
}

/// Draws a form, two rows a field; the text that is being typed takes what room there is. Gives the
/// place of the cursor.
pub(crate) fn draw_form(
    look: Look,
    form: &Form,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let mut cursor = None;
    let spare = usize::from(area.height).saturating_sub(2 * form.fields.len());
    let mut y = area.y;
    for (at, field) in form.fields.iter().enumerate() {
        if y >= area.bottom() {
            break;
        }
        let focused = at == form.focus;
        let (mark, tone) = if focused {
            ("▸", Tone::Strong)
        } else {
            (" ", Tone::Dim)
        };
        let label = format!("{mark} {} ", fit(field.label, usize::from(LABELS) - 3));
        let x = put(buffer, area, area.x, y, &label, look.style(tone));
        let room = usize::from(area.right().saturating_sub(x));
        let mut line = |y, text: &str, tone| put(buffer, area, x, y, text, look.style(tone));
        match &field.value {
            Value::Text(input) if focused && !input.text().is_empty() => {
                let (rows, row, column) = input.rows(room);
                let height = rows.len().min(spare + 1).min(MAX_ROWS);
                // The row with the cursor is the last one shown, unless all before it fit.
                let first = (row + 1).saturating_sub(height);
                for text in rows.iter().skip(first).take(height) {
                    line(y, text, Tone::Plain);
                    y += 1;
                }
                let below = u16::try_from(first + height - row).unwrap_or(1);
                cursor = Some(Position::new(x + column, y - below));
                y += 1;
                continue;
            }
            Value::Text(input) | Value::Path(input) => {
                let (text, column) = input.window(room);
                match input.text() {
                    "" => line(y, field.hint, Tone::Dim),
                    _ if focused => line(y, &text, Tone::Plain),
                    text => line(y, &clip(&clean(text), room), Tone::Plain),
                };
                if focused {
                    cursor = Some(Position::new(x + column, y));
                }
            }
            Value::Choice { of, at } => {
                let x = line(y, &format!("‹ {} ›", of[*at]), Tone::Plain);
                put(buffer, area, x + 2, y, field.hint, look.style(Tone::Dim));
            }
        }
        y += 2;
    }
    cursor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Move;

    fn filled(keys: &[Key]) -> NewTask {
        let mut new = NewTask::new(Some("/home/me".to_owned()));
        for key in keys {
            new.key(*key).ok();
        }
        new
    }

    #[test]
    fn enter_begins_the_task_as_the_form_says() {
        let mut new = filled(&[
            Key::Char('x'),
            Key::Tab,
            Key::Tab,
            Key::Tab,
            Key::Go(Move::Left),
        ]);
        let cmds = new.key(Key::Enter).unwrap();
        let expected = NewTaskRequest {
            goal: "x".to_owned(),
            workspace: Some("/home/me".to_owned()),
            approval_mode: Some(Approval::Manual),
            attended: Some(true),
            ..NewTaskRequest::default()
        };
        assert_eq!(cmds, [Cmd::Submit(Box::new(expected))]);
    }

    #[test]
    fn a_task_without_a_goal_is_not_begun() {
        filled(&[]).key(Key::Enter).unwrap_err();
    }

    #[test]
    fn tab_completes_a_path_as_far_as_it_is_certain_and_then_goes_on() {
        let mut new = filled(&[Key::Tab, Key::Backspace, Key::Char('e')]);
        new.take(
            "/home/me",
            vec!["/home/me-too".into(), "/home/me-not".into()],
        );
        new.key(Key::Tab).unwrap();
        assert_eq!(new.form.value("directory"), "/home/me-");
        new.take("/home/me-", vec!["/home/me-too".into()]);
        new.key(Key::Tab).unwrap();
        assert_eq!(new.form.value("directory"), "/home/me-too/");
        new.take("/home/me-too/", Vec::new());
        new.key(Key::Tab).unwrap();
        assert_eq!(new.form.focus, 2);
    }

    #[test]
    fn tab_in_a_directory_that_nobody_typed_in_only_goes_on() {
        let mut new = filled(&[Key::Tab]);
        new.take("/home/me", vec!["/home/me".into()]);
        new.key(Key::Tab).unwrap();
        assert_eq!(
            (new.form.value("directory"), new.form.focus),
            ("/home/me", 2)
        );
        new.key(Key::BackTab).unwrap();
        new.take("/home/me", vec!["/home/me/data".into()]);
        new.key(Key::Tab).unwrap();
        assert_eq!(
            (new.form.value("directory"), new.form.focus),
            ("/home/me", 2)
        );
    }

    #[test]
    fn an_answer_about_an_older_path_completes_nothing() {
        let mut new = filled(&[Key::Tab, Key::Char('x')]);
        new.take("/home/me", vec!["/home/me-too".into()]);
        assert!(new.paths.is_empty());
        // Nor one that comes when the cursor is elsewhere.
        let mut new = filled(&[Key::Tab, Key::Tab]);
        new.take("/home/me", vec!["/home/me-too".into()]);
        assert!(new.paths.is_empty());
    }
}
