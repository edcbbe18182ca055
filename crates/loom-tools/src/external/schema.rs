//! The schema of a server's tool, as it is shown to a model and as arguments are checked by it.
//!
//! It is passed on as it is, but for what cannot be seen. One that cannot be passed on is replaced by
//! “any object”: the tool stays, and the server checks what it is sent.

use super::words::{hides, visible};
use serde_json::{Map, Value, json};

/// Bytes of one schema. The largest of the usual servers has about 6,000.
const MAX_BYTES: usize = 16 << 10;

/// Objects and lists in each other. More is no description of arguments that a model could follow.
const MAX_DEPTH: usize = 24;

/// Characters of a description inside of a schema.
const MAX_WORDS: usize = 400;

/// What is said of an argument for people and models; everything else has a meaning.
const WORDS: [&str; 3] = ["description", "title", "$comment"];

/// The schema to show, and why it is not the server's own, if so.
pub(super) fn shown(schema: &Map<String, Value>) -> (Value, Option<&'static str>) {
    match passed_on(schema) {
        Ok(schema) => (schema, None),
        Err(why) => (json!({"type": "object"}), Some(why)),
    }
}

fn passed_on(schema: &Map<String, Value>) -> Result<Value, &'static str> {
    let mut schema = schema.clone();
    // It names a dialect and says nothing to a model.
    schema.shift_remove("$schema");
    match schema.get("type") {
        None => drop(schema.insert("type".to_owned(), "object".into())),
        Some(Value::String(kind)) if kind == "object" => {}
        Some(_) => return Err("its arguments are no object"),
    }
    let mut schema = Value::Object(schema);
    clean(&mut schema, 0)?;
    match schema.to_string().len() {
        0..=MAX_BYTES => Ok(schema),
        _ => Err("it is larger than 16 KiB"),
    }
}

fn clean(value: &mut Value, depth: usize) -> Result<(), &'static str> {
    if depth > MAX_DEPTH {
        return Err("it is nested too deeply");
    }
    match value {
        Value::Object(members) => members.iter_mut().try_for_each(|(key, member)| {
            if hides(key) {
                return Err("a name in it has characters that cannot be seen");
            }
            match member {
                Value::String(text) if WORDS.contains(&key.as_str()) => {
                    *text = visible(text, MAX_WORDS);
                    Ok(())
                }
                Value::String(place) if key == "$ref" && !place.starts_with('#') => {
                    Err("it refers to another document")
                }
                other => clean(other, depth + 1),
            }
        }),
        Value::Array(items) => items.iter_mut().try_for_each(|item| clean(item, depth + 1)),
        Value::String(text) if hides(text) => {
            Err("a value in it has characters that cannot be seen")
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(schema: Value) -> (Value, Option<&'static str>) {
        let Value::Object(schema) = schema else {
            panic!("a schema is an object");
        };
        shown(&schema)
    }

    #[test]
    fn a_schema_is_passed_on_in_its_own_order_without_what_hides_in_its_words() {
        let (schema, why) = told(json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"b": {"type": "string", "description": "what\u{e0041} to do"}, "a": {}},
            "required": ["b"]
        }));
        assert_eq!(why, None);
        assert_eq!(
            schema.to_string(),
            r#"{"properties":{"b":{"type":"string","description":"what to do"},"a":{}},"required":["b"],"type":"object"}"#
        );
    }

    #[test]
    fn one_that_cannot_be_passed_on_becomes_any_object() {
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({"properties": {"a": deep}});
        }
        for (hostile, said) in [
            (deep, "nested"),
            (
                json!({"description": "x", "default": "y".repeat(20_000)}),
                "larger",
            ),
            (json!({"type": "array"}), "no object"),
            (json!({"type": ["object", "null"]}), "no object"),
            (
                json!({"$ref": "https://example.com/a.json"}),
                "another document",
            ),
            (json!({"properties": {"a\u{200b}": {}}}), "a name"),
            (
                json!({"properties": {"a": {"enum": ["x\u{202e}"]}}}),
                "a value",
            ),
        ] {
            let (schema, why) = told(hostile);
            assert_eq!(schema, json!({"type": "object"}));
            assert!(why.is_some_and(|why| why.contains(said)), "{why:?}");
        }
    }
}
