//! A form: named fields one below the other, of which one has the cursor.

use crate::input::Input;
use crate::keys::{Key, Move};

/// A form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// Its fields, from top to bottom.
    pub(crate) fields: Vec<Field>,
    /// The one with the cursor.
    pub(crate) focus: usize,
}

/// A field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// What it is called.
    pub(crate) label: &'static str,
    /// What it is for.
    pub(crate) hint: &'static str,
    /// What is in it.
    pub(crate) value: Value,
}

/// What is in a field.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Words.
    Text(Input),
    /// The path of a directory.
    Path(Input),
    /// One of several.
    Choice {
        /// What can be chosen.
        of: &'static [&'static str],
        /// What is.
        at: usize,
    },
}

impl Field {
    /// A field for words.
    pub(crate) fn text(label: &'static str, hint: &'static str, text: impl Into<String>) -> Self {
        Self {
            label,
            hint,
            value: Value::Text(Input::new(text)),
        }
    }

    /// A field for a directory.
    pub(crate) fn path(label: &'static str, hint: &'static str, text: impl Into<String>) -> Self {
        Self {
            label,
            hint,
            value: Value::Path(Input::new(text)),
        }
    }

    /// A field with a choice, the first one to begin with.
    pub(crate) const fn choice(
        label: &'static str,
        hint: &'static str,
        of: &'static [&'static str],
    ) -> Self {
        Self {
            label,
            hint,
            value: Value::Choice { of, at: 0 },
        }
    }

    /// A field with a choice, of which something was chosen before.
    pub(crate) fn chosen(
        label: &'static str,
        hint: &'static str,
        of: &'static [&'static str],
        at: Option<usize>,
    ) -> Self {
        let at = at.unwrap_or(0);
        let value = Value::Choice { of, at };
        Self { label, hint, value }
    }

    /// What was typed or chosen.
    pub(crate) fn text_value(&self) -> &str {
        match &self.value {
            Value::Text(input) | Value::Path(input) => input.text(),
            Value::Choice { of, at } => of[*at],
        }
    }
}

impl Form {
    /// The field with the cursor.
    pub(crate) fn focused(&mut self) -> Option<&mut Field> {
        self.fields.get_mut(self.focus)
    }

    /// What was typed or chosen in the field of that name.
    pub(crate) fn value(&self, label: &str) -> &str {
        let field = self.fields.iter().find(|field| field.label == label);
        field.map_or("", Field::text_value)
    }

    /// Moves between fields and edits the one with the cursor; whether the key was for that.
    pub(crate) fn key(&mut self, key: Key) -> bool {
        let last = self.fields.len().saturating_sub(1);
        match key {
            Key::Tab | Key::Go(Move::Down) => {
                self.focus = if self.focus == last {
                    0
                } else {
                    self.focus + 1
                }
            }
            Key::BackTab | Key::Go(Move::Up) => {
                self.focus = self.focus.checked_sub(1).unwrap_or(last);
            }
            key => {
                let Some(field) = self.focused() else {
                    return false;
                };
                return match &mut field.value {
                    Value::Text(input) if matches!(key, Key::AltEnter | Key::Ctrl('j')) => {
                        input.insert("\n");
                        true
                    }
                    Value::Text(input) | Value::Path(input) => input.key(key),
                    Value::Choice { of, at } => choose(of.len(), at, key),
                };
            }
        }
        true
    }

    /// Adds a pasted text where text is typed.
    pub(crate) fn paste(&mut self, text: &str) {
        match self.focused().map(|field| &mut field.value) {
            Some(Value::Text(input)) => input.insert(text),
            // A path has one line.
            Some(Value::Path(input)) => {
                input.insert(text.trim().lines().next().unwrap_or_default());
            }
            Some(Value::Choice { .. }) | None => {}
        }
    }
}

const fn choose(of: usize, at: &mut usize, key: Key) -> bool {
    match key {
        Key::Go(Move::Right) | Key::Char(' ' | 'l') => *at = (*at + 1) % of,
        Key::Go(Move::Left) | Key::Char('h') => *at = (*at + of - 1) % of,
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_to_the_field_with_the_cursor() {
        let mut form = Form {
            fields: vec![
                Field::text("goal", "", "a"),
                Field::choice("approval", "", &["auto", "manual"]),
            ],
            focus: 0,
        };
        form.key(Key::Char('b'));
        form.key(Key::Ctrl('j'));
        form.key(Key::Tab);
        form.key(Key::Char(' '));
        assert!(!form.key(Key::Enter), "Enter is for whoever shows the form");
        assert_eq!(
            (form.value("goal"), form.value("approval")),
            ("ab\n", "manual")
        );
        form.key(Key::Tab);
        form.paste("c");
        assert_eq!(form.value("goal"), "ab\nc");
    }
}
