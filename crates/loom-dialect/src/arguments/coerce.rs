//! Values of another type that mean one thing only.

use crate::json;
use crate::names::fold;
use serde_json::{Number, Value};

/// Makes a value fit the declared type where nothing is lost and nothing is guessed.
pub(super) fn coerce(value: &mut Value, schema: &Value) {
    let fitting = match value {
        Value::String(text) if !allows(schema, "string") => from_text(text, schema),
        Value::String(text) => choice(text, schema),
        Value::Number(number) => from_number(number, schema),
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| coerce(item, schema));
            }
            None
        }
        Value::Object(members) => {
            let declared = schema.get("properties").and_then(Value::as_object);
            let others = schema
                .get("additionalProperties")
                .filter(|others| others.is_object());
            let required = schema.get("required").and_then(Value::as_array);
            let is_required = |key: &String| {
                required.is_some_and(|all| all.iter().any(|name| name == key.as_str()))
            };
            let nullable = |key: &String| {
                declared
                    .and_then(|declared| declared.get(key))
                    .is_none_or(|schema| allows(schema, "null"))
            };
            members.retain(|key, member| !member.is_null() || is_required(key) || nullable(key));
            for (key, member) in members {
                if let Some(schema) = declared.and_then(|declared| declared.get(key)).or(others) {
                    coerce(member, schema);
                }
            }
            None
        }
        Value::Bool(_) | Value::Null => None,
    };
    if let Some(fitting) = fitting {
        *value = fitting;
    }
}

/// The one choice of an enumeration that a text is but for case and separators.
fn choice(text: &str, schema: &Value) -> Option<Value> {
    let choices = schema.get("enum")?.as_array()?;
    if choices.iter().any(|choice| choice == text) {
        return None;
    }
    let folded = fold(text);
    let same = |choice: &&Value| choice.as_str().is_some_and(|choice| fold(choice) == folded);
    let mut alike = choices.iter().filter(same);
    let one = alike.next().filter(|_| !folded.is_empty())?;
    alike.next().is_none().then(|| one.clone())
}

/// Whether a value of this schema is text, so that what looks like JSON in it is text as well.
pub(crate) fn kind_is_text(schema: &Value) -> bool {
    allows(schema, "string")
}

/// Whether the schema names a type.
pub(crate) fn allows(schema: &Value, wanted: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(several)) => several.iter().any(|one| one == wanted),
        // Without a type anything goes, so there is nothing to be made to fit.
        _ => true,
    }
}

/// The declared type in words.
pub(super) fn kind(schema: Option<&Value>) -> String {
    match schema.and_then(|schema| schema.get("type")) {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(several)) => {
            let names: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        _ => "any value".to_owned(),
    }
}

fn from_text(text: &str, schema: &Value) -> Option<Value> {
    let trimmed = text.trim();
    if allows(schema, "boolean") {
        match trimmed {
            "true" | "True" => return Some(true.into()),
            "false" | "False" => return Some(false.into()),
            _ => {}
        }
    }
    if allows(schema, "integer") || allows(schema, "number") {
        // Only what would be written the same way again: not 1e3, 007 or 1.10.
        if let Ok(number) = serde_json::from_str::<Number>(trimmed)
            && number.to_string() == trimmed
        {
            return from_number(&number, schema).or(Some(Value::Number(number)));
        }
    }
    if !allows(schema, "array") && !allows(schema, "object") {
        return None;
    }
    let read = json::whole(trimmed).filter(|read| read.notes == json::Notes::default())?;
    let mut nested = read.value;
    coerce(&mut nested, schema);
    let fits = (nested.is_array() && allows(schema, "array"))
        || (nested.is_object() && allows(schema, "object"));
    fits.then_some(nested)
}

fn from_number(number: &Number, schema: &Value) -> Option<Value> {
    if allows(schema, "integer") {
        return whole(number).map(Value::Number);
    }
    if allows(schema, "number") || !allows(schema, "string") {
        return None;
    }
    // A fraction may have been written with zeros that are gone by now.
    (number.is_i64() || number.is_u64()).then(|| number.to_string().into())
}

/// 4.0 is 4.
fn whole(number: &Number) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64().filter(|_| number.is_f64())?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole and below 2^53"
    )]
    let whole = float as i64;
    (float.fract() == 0.0 && float.abs() < EXACT).then(|| whole.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_that_mean_one_thing_only_are_made_to_fit() {
        let table = [
            (json!("5"), "integer", json!(5)),
            (json!(" 5 "), "integer", json!(5)),
            (json!("-5"), "integer", json!(-5)),
            (json!(4.0), "integer", json!(4)),
            (json!("true"), "boolean", json!(true)),
            (json!("False"), "boolean", json!(false)),
            (json!("1.5"), "number", json!(1.5)),
            (json!(404), "string", json!("404")),
            (json!("[1,2]"), "array", json!([1, 2])),
            (json!("{\"a\":1}"), "object", json!({"a": 1})),
        ];
        for (mut value, kind, fitting) in table {
            coerce(&mut value, &json!({"type": kind}));
            assert_eq!(value, fitting, "{kind}");
        }
    }

    #[test]
    fn values_that_would_have_to_be_guessed_stay_as_they_are() {
        let table = [
            (json!("yes"), "boolean"),
            (json!(1), "boolean"),
            (json!(4.5), "integer"),
            (json!("4.5x"), "integer"),
            (json!("007"), "integer"),
            (json!("1e3"), "integer"),
            (json!(1.10), "string"),
            (json!({"a": 1}), "string"),
            (json!({"a": 1}), "array"),
            (json!("a"), "array"),
            (json!("5"), "string"),
            (json!(1e300), "integer"),
        ];
        for (value, kind) in table {
            let mut same = value.clone();
            coerce(&mut same, &json!({"type": kind}));
            assert_eq!(same, value, "{kind}");
        }
    }
}
