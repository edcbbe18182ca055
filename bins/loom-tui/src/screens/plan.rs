//! The plan, to be edited: steps are changed, moved, dropped and added, and nothing is sent before it
//! is saved. What is completed stays as it is. `plan_view.rs` draws it.

use super::plan_view::areas;
use crate::form::{Field, Form};
use crate::keys::{Key, Move};
use crate::text::plural;
use loom_events::{Plan, SubtaskId, SubtaskSpec, TaskId, Voting};
use loom_view::{SubtaskStatus, TaskView};
use ratatui::layout::Rect;
use std::collections::BTreeSet;

/// Edits that can be taken back.
const MAX_UNDO: usize = 50;

/// Whether a step is executed several times, in words.
const VOTED: [&str; 3] = [VOTES[0].0, VOTES[1].0, VOTES[2].0];

/// What each of the words says.
const VOTES: [(&str, Option<Voting>); 3] = [
    ("as configured", None),
    ("several times, compared", Some(Voting::Executions)),
    ("once", Some(Voting::Verdicts)),
];

/// The plan of a task, in the making.
#[derive(Debug, Default)]
pub(crate) struct PlanEditor {
    /// Whose.
    pub(crate) task: Option<TaskId>,
    pub(super) steps: Vec<SubtaskSpec>,
    /// Steps that cannot be changed any more.
    pub(super) fixed: BTreeSet<SubtaskId>,
    pub(super) at: usize,
    undo: Vec<Vec<SubtaskSpec>>,
    /// The step that is being edited.
    pub(crate) form: Option<Form>,
    /// Whether it was said that leaving throws the edits away.
    warned: bool,
}

impl PlanEditor {
    /// The plan as it is.
    pub(crate) fn new(view: &TaskView) -> Self {
        let fixed = view
            .subtasks
            .iter()
            .filter(|step| step.status == SubtaskStatus::Completed);
        Self {
            task: Some(view.id),
            steps: view.subtasks.iter().map(|step| step.spec.clone()).collect(),
            fixed: fixed.map(|step| step.spec.id.clone()).collect(),
            at: view
                .subtasks
                .iter()
                .position(|step| step.status != SubtaskStatus::Completed)
                .unwrap_or(0),
            undo: Vec::new(),
            form: None,
            warned: false,
        }
    }

    /// Whether it may be left: with edits, only by the second word.
    pub(crate) fn may_leave(&mut self) -> bool {
        !self.is_edited() || std::mem::replace(&mut self.warned, true)
    }

    /// The plan as edited.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            subtasks: self.steps.clone(),
        }
    }

    /// Whether it differs from the plan as it was; a step that is only looked at does not.
    pub(crate) fn is_edited(&self) -> bool {
        self.undo.first().is_some_and(|first| *first != self.steps)
    }

    /// Whether there is an edit to take back.
    pub(crate) const fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Takes the last edit back.
    pub(crate) fn undo(&mut self) {
        if let Some(steps) = self.undo.pop() {
            self.steps = steps;
            self.at = self.at.min(self.steps.len().saturating_sub(1));
        }
    }

    /// Moves in the list.
    pub(crate) fn go(&mut self, to: Move, rows: usize) {
        self.at = to.within(self.at, self.steps.len(), rows);
    }

    /// Selects what was clicked on.
    pub(crate) fn click(&mut self, body: Rect, column: u16, row: u16) -> bool {
        match super::clicked(areas(body).0, column, row, self.at, self.steps.len()) {
            Some(at) => std::mem::replace(&mut self.at, at) == at,
            None => false,
        }
    }

    /// Carries the selected step over the one beside it.
    pub(crate) fn carry(&mut self, up: bool) -> Result<(), String> {
        let to = match up {
            true => self.at.checked_sub(1),
            false => Some(self.at + 1).filter(|to| *to < self.steps.len()),
        };
        let Some(to) = to else {
            return Ok(());
        };
        for at in [self.at, to] {
            self.may_change(at)?;
        }
        let (first, second) = (self.at.min(to), self.at.max(to));
        if self.steps[second]
            .depends_on
            .contains(&self.steps[first].id)
        {
            return Err(format!(
                "“{}” needs “{}” first",
                self.steps[second].title, self.steps[first].title
            ));
        }
        self.remember();
        self.steps.swap(self.at, to);
        self.at = to;
        Ok(())
    }

    /// Drops the selected step, and the need for it.
    pub(crate) fn drop_step(&mut self) -> Result<String, String> {
        if self.steps.is_empty() {
            return Err("there is no step".to_owned());
        }
        self.may_change(self.at)?;
        self.remember();
        let dropped = self.steps.remove(self.at);
        let mut needed = 0;
        for step in &mut self.steps {
            if step.depends_on.contains(&dropped.id) {
                needed += 1;
                // What the dropped one had needed is needed in its place.
                step.depends_on.retain(|id| *id != dropped.id);
                for id in &dropped.depends_on {
                    if !step.depends_on.contains(id) {
                        step.depends_on.push(id.clone());
                    }
                }
            }
        }
        self.at = self.at.min(self.steps.len().saturating_sub(1));
        Ok(match needed {
            0 => format!("dropped “{}”", dropped.title),
            n => format!(
                "dropped “{}”; {} no longer wait for it",
                dropped.title,
                plural(n, "step")
            ),
        })
    }

    /// Adds a step after the selected one, to be edited.
    pub(crate) fn add(&mut self) {
        self.remember();
        let number = self.steps.len() + 1;
        let id = (number..).find_map(|n| {
            let id = SubtaskId::new(format!("step-{n}")).ok()?;
            self.steps.iter().all(|step| step.id != id).then_some(id)
        });
        let Some(id) = id else {
            return;
        };
        let mut step = SubtaskSpec::new(id, "", "");
        let after = self.steps.get(self.at).map(|step| step.id.clone());
        step.depends_on.extend(after);
        self.at = (self.at + 1).min(self.steps.len());
        self.steps.insert(self.at, step);
        self.form = self
            .steps
            .get(self.at)
            .map(|step| form_of(step, &self.steps));
    }

    /// Edits the selected step.
    pub(crate) fn edit(&mut self) -> Result<(), String> {
        self.may_change(self.at)?;
        if let Some(step) = self.steps.get(self.at) {
            let form = form_of(step, &self.steps);
            self.remember();
            self.form = Some(form);
        }
        Ok(())
    }

    /// A key while a step is edited.
    pub(crate) fn form_key(&mut self, key: Key) -> Result<(), String> {
        let Some(form) = &mut self.form else {
            return Ok(());
        };
        match key {
            Key::Esc => {
                self.form = None;
                self.undo();
                Ok(())
            }
            Key::Enter => {
                self.apply()?;
                self.form = None;
                Ok(())
            }
            key => {
                form.key(key);
                Ok(())
            }
        }
    }

    /// Adds a pasted text to the step that is edited.
    pub(crate) fn paste(&mut self, text: &str) {
        if let Some(form) = &mut self.form {
            form.paste(text);
        }
    }

    /// Takes the form into the step.
    fn apply(&mut self) -> Result<(), String> {
        let Some(form) = &self.form else {
            return Ok(());
        };
        let title = form.value("title").trim().to_owned();
        if title.is_empty() {
            return Err("a step needs a title".to_owned());
        }
        let mut needs = Vec::new();
        for word in form
            .value("after")
            .split([',', ' '])
            .filter(|word| !word.is_empty())
        {
            let number: usize = word
                .parse()
                .map_err(|_| format!("“{word}” is no number of a step"))?;
            let step = number.checked_sub(1).and_then(|at| self.steps.get(at));
            let step = step.ok_or_else(|| format!("there is no step {number}"))?;
            if number > self.at {
                return Err(format!("step {number} is not before this one"));
            }
            needs.push(step.id.clone());
        }
        let description = form.value("what to do").trim().to_owned();
        let criteria = form
            .value("done when")
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        let criteria: Vec<_> = criteria.map(str::to_owned).collect();
        let said = form.value("how often");
        let vote = VOTES.into_iter().find(|(words, _)| *words == said);
        let vote = vote.and_then(|(_, vote)| vote);
        if let Some(step) = self.steps.get_mut(self.at) {
            step.description = if description.is_empty() {
                title.clone()
            } else {
                description
            };
            step.title = title;
            step.criteria = criteria;
            step.depends_on = needs;
            step.vote = vote;
        }
        Ok(())
    }

    fn may_change(&self, at: usize) -> Result<(), String> {
        match self.steps.get(at) {
            Some(step) if self.fixed.contains(&step.id) => {
                Err(format!("“{}” is completed and stays as it is", step.title))
            }
            _ => Ok(()),
        }
    }

    fn remember(&mut self) {
        if self.undo.len() == MAX_UNDO {
            self.undo.remove(0);
        }
        self.undo.push(self.steps.clone());
    }
}

fn form_of(step: &SubtaskSpec, steps: &[SubtaskSpec]) -> Form {
    let number = |id: &SubtaskId| steps.iter().position(|step| step.id == *id);
    let after: Vec<_> = step
        .depends_on
        .iter()
        .filter_map(number)
        .map(|at| (at + 1).to_string())
        .collect();
    Form {
        fields: vec![
            Field::text("title", "a few words", step.title.as_str()),
            Field::text(
                "what to do",
                "complete enough for somebody who knows nothing else",
                step.description.as_str(),
            ),
            Field::text(
                "done when",
                "what must be true at the end, one sentence a line (Ctrl-J)",
                step.criteria.join("\n"),
            ),
            Field::text(
                "after",
                "numbers of the steps that must be completed first",
                after.join(", "),
            ),
            Field::chosen(
                "how often",
                "several results are compared where no check can judge one",
                &VOTED,
                VOTES.iter().position(|(_, vote)| *vote == step.vote),
            ),
        ],
        focus: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::testing::Journal;

    fn editor() -> PlanEditor {
        let mut journal = Journal::new();
        journal.create();
        journal.plan(&["one", "two", "three"]);
        let mut editor = PlanEditor::new(&journal.view());
        editor.steps[2].depends_on = vec![editor.steps[1].id.clone()];
        editor.steps[1].depends_on = vec![editor.steps[0].id.clone()];
        editor.fixed.insert(editor.steps[0].id.clone());
        editor.at = 1;
        editor
    }

    fn titles(editor: &PlanEditor) -> Vec<&str> {
        editor
            .steps
            .iter()
            .map(|step| step.title.as_str())
            .collect()
    }

    #[test]
    fn what_is_completed_stays_and_what_needs_another_stays_behind_it() {
        let mut editor = editor();
        assert!(editor.carry(true).unwrap_err().contains("completed"));
        assert!(editor.carry(false).unwrap_err().contains("needs"));
        editor.at = 0;
        editor.drop_step().unwrap_err();
        editor.edit().unwrap_err();
        assert!(!editor.can_undo());
    }

    #[test]
    fn a_dropped_step_is_needed_by_none() {
        let mut editor = editor();
        editor.drop_step().unwrap();
        assert_eq!(titles(&editor), ["Do one", "Do three"]);
        assert_eq!(editor.steps[1].depends_on, [editor.steps[0].id.clone()]);
        editor.undo();
        assert_eq!(titles(&editor), ["Do one", "Do two", "Do three"]);
    }

    #[test]
    fn a_step_is_added_after_the_selected_one_or_not_at_all() {
        let mut editor = editor();
        editor.add();
        for c in "Check it".chars() {
            editor.form_key(Key::Char(c)).unwrap();
        }
        editor.form_key(Key::Enter).unwrap();
        assert_eq!(
            titles(&editor),
            ["Do one", "Do two", "Check it", "Do three"]
        );
        let added = &editor.plan().subtasks[2];
        assert_eq!(added.depends_on, [editor.steps[1].id.clone()]);
        assert_eq!(added.description, "Check it");
        editor.add();
        editor.form_key(Key::Esc).unwrap();
        assert_eq!(editor.steps.len(), 4);
    }

    #[test]
    fn a_step_that_is_only_looked_at_is_no_edit() {
        let mut editor = editor();
        editor.edit().unwrap();
        assert!(!editor.is_edited());
        editor.form_key(Key::Enter).unwrap();
        assert!(!editor.is_edited(), "what was taken is what was there");
        assert!(editor.may_leave());
        editor.carry(false).unwrap_err();
        editor.drop_step().unwrap();
        assert!(editor.is_edited());
        assert!(!editor.may_leave());
    }

    #[test]
    fn a_step_that_needs_a_later_one_is_not_taken() {
        let mut editor = editor();
        editor.edit().unwrap();
        for _ in 0..2 {
            editor.form_key(Key::BackTab).unwrap();
        }
        for key in [Key::Backspace, Key::Char('3')] {
            editor.form_key(key).unwrap();
        }
        assert!(
            editor
                .form_key(Key::Enter)
                .unwrap_err()
                .contains("not before")
        );
        assert!(editor.form.is_some(), "what was typed is still there");
    }

    #[test]
    fn how_often_a_step_is_done_is_chosen_and_stays_chosen() {
        let mut editor = editor();
        for expected in [Some(Voting::Executions), Some(Voting::Verdicts), None] {
            editor.edit().unwrap();
            for key in [Key::BackTab, Key::Char(' '), Key::Enter] {
                editor.form_key(key).unwrap();
            }
            assert_eq!(editor.plan().subtasks[1].vote, expected);
        }
    }

    #[test]
    fn the_empty_text_is_no_title() {
        let mut editor = editor();
        editor.edit().unwrap();
        if let Some(form) = &mut editor.form {
            form.fields[0].value = crate::form::Value::Text(Input::default());
        }
        editor.form_key(Key::Enter).unwrap_err();
    }
}
