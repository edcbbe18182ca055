//! Reading JSON that a model wrote: lenient in form, strict in meaning, every fault a sentence.

use serde_json::{Map, Value};

/// A JSON object under a name, with a list that collects what is wrong with it.
pub(crate) struct Fields<'a> {
    name: String,
    map: &'a Map<String, Value>,
    errors: &'a mut Vec<String>,
}

impl<'a> Fields<'a> {
    /// The fields of an object; anything else is an error.
    pub(crate) fn of(
        name: impl Into<String>,
        value: &'a Value,
        errors: &'a mut Vec<String>,
    ) -> Option<Self> {
        let name = name.into();
        match value {
            Value::Object(map) => Some(Self { name, map, errors }),
            other => {
                errors.push(format!("{name} is {}: write an object", kind(other)));
                None
            }
        }
    }

    /// Adds an error about this object.
    pub(crate) fn complain(&mut self, what: impl std::fmt::Display) {
        self.errors.push(format!("{}: {what}", self.name));
    }

    /// A field that says something: null counts as absent.
    pub(crate) fn get(&self, names: &[&str]) -> Option<&'a Value> {
        names
            .iter()
            .find_map(|name| self.map.get(*name).filter(|value| !value.is_null()))
    }

    /// A text; a number or a truth value is taken as written. Empty counts as absent.
    pub(crate) fn text(&mut self, names: &[&str]) -> Option<String> {
        let value = self.get(names)?;
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                self.complain(format!("`{}` is {}: write a text", names[0], kind(value)));
                return None;
            }
        };
        (!text.is_empty()).then_some(text)
    }

    /// A text that must be there; `hint` says what to write.
    pub(crate) fn required(&mut self, names: &[&str], hint: &str) -> Option<String> {
        let errors = self.errors.len();
        let text = self.text(names);
        if text.is_none() && self.errors.len() == errors {
            self.complain(format!("`{}` is missing: {hint}", names[0]));
        }
        text
    }

    /// A list of texts; a single text is a list of one.
    pub(crate) fn texts(&mut self, names: &[&str]) -> Vec<String> {
        let list = match self.get(names) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list.iter().collect(),
            Some(single) => vec![single],
        };
        let mut texts = Vec::new();
        for value in list {
            match value {
                Value::String(text) if text.trim().is_empty() => {}
                Value::String(text) => texts.push(text.trim().to_owned()),
                Value::Number(_) | Value::Bool(_) => texts.push(value.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    let what = kind(value);
                    self.complain(format!(
                        "`{}` holds {what}: write a list of texts",
                        names[0]
                    ));
                }
            }
        }
        texts
    }

    /// The elements of a list field; absent is empty.
    pub(crate) fn list(&mut self, names: &[&str]) -> &'a [Value] {
        match self.get(names) {
            None => &[],
            Some(Value::Array(list)) => list,
            Some(other) => {
                self.complain(format!("`{}` is {}: write a list", names[0], kind(other)));
                &[]
            }
        }
    }

    /// A whole number, also when it was written as a text.
    pub(crate) fn integer(&mut self, names: &[&str]) -> Option<i64> {
        let value = self.get(names)?;
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        if number.is_none() {
            self.complain(format!("`{}` is {value}: write a whole number", names[0]));
        }
        number
    }

    /// A truth value, also when it was written as a text; absent is false.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        match self.get(&[name]) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
            Some(Value::String(text)) if text.is_empty() || text.eq_ignore_ascii_case("false") => {
                false
            }
            Some(other) => {
                self.complain(format!("`{name}` is {other}: write true or false"));
                false
            }
        }
    }

    /// Names of all fields that say something: neither null nor an empty text.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.map
            .iter()
            .filter(|(_, value)| !value.is_null() && value.as_str() != Some(""))
            .map(|(name, _)| name.as_str())
    }

    /// The list that collects errors, for what is inside this object.
    pub(crate) fn errors(&mut self) -> &mut Vec<String> {
        self.errors
    }
}

/// What a value is, for people.
pub(crate) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
