//! Layers from TOML files. The spans of the parser give every value its line.

use super::error::{ConfigError, Origin};
use super::form::{Form, Raw};
use super::keys::{self, Place};
use super::load::Loaded;
use serde_json::Value;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Reads a file that need not be there.
pub(super) fn read_if_there(path: &Path, into: &mut Loaded) -> Result<(), ConfigError> {
    match read(path, into) {
        Err(ConfigError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Ok(())
        }
        other => other,
    }
}

/// Reads a file.
pub(super) fn read(path: &Path, into: &mut Loaded) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let layer = Layer { path, text: &text };
    let table = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
        origin: layer.origin(error.span().unwrap_or_default()),
        message: error.message().lines().collect::<Vec<_>>().join(", "),
    })?;
    layer.table(&mut Vec::new(), table.get_ref(), into)
}

struct Layer<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Layer<'_> {
    /// Sets what is in a table. Recursion is as deep as keys are: what leads to no key is refused
    /// before it is entered.
    fn table(
        &self,
        parts: &mut Vec<String>,
        table: &DeTable<'_>,
        into: &mut Loaded,
    ) -> Result<(), ConfigError> {
        for (key, value) in table {
            parts.push(key.get_ref().to_string());
            self.entry(parts, key.span(), value.get_ref(), into)?;
            parts.pop();
        }
        Ok(())
    }

    fn entry(
        &self,
        parts: &mut Vec<String>,
        at: Range<usize>,
        value: &DeValue<'_>,
        into: &mut Loaded,
    ) -> Result<(), ConfigError> {
        let origin = self.origin(at);
        match (value, keys::find(parts)) {
            (DeValue::Table(below), Place::Section) => {
                match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    ["models", name] => into.name_model(name, origin),
                    ["mcp", "servers", name] => into.name_server(name, origin),
                    _ => {}
                }
                self.table(parts, below, into)
            }
            // Each rule for itself, so that what is wrong in one is said at its own line.
            (DeValue::Array(rules), Place::Key(key)) if key.form == Form::Rules => {
                for rule in rules {
                    let one = Value::Array(vec![json(rule.get_ref())]);
                    into.set(parts, &Raw::Typed(one), self.origin(rule.span()))?;
                }
                Ok(())
            }
            _ => into.set(parts, &Raw::Typed(json(value)), origin),
        }
    }

    fn origin(&self, at: Range<usize>) -> Origin {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        Origin::File {
            path: self.path.to_owned(),
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
        }
    }
}

/// The value as JSON. What JSON has no word for (dates, `nan`) becomes text, which no key of
/// another form accepts.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix())
            .map_or_else(|_| Value::from(whole.as_str()), Value::from),
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Value::from(number),
            _ => Value::from(number.as_str()),
        },
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())))
            .collect(),
    }
}
