//! JSON Schemas of arguments and results, in the plain form that every client takes: nothing is
//! referred to, nothing is null, no keywords beyond the standard.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use std::sync::Arc;

/// What a tool takes.
pub(crate) fn input<T: JsonSchema>() -> Arc<JsonObject> {
    plain::<T>(SchemaSettings::draft2020_12())
}

/// What a tool answers.
pub(crate) fn output<T: JsonSchema>() -> Arc<JsonObject> {
    plain::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn plain<T: JsonSchema>(mut settings: SchemaSettings) -> Arc<JsonObject> {
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut value = schema.to_value();
    simplify(&mut value);
    let Value::Object(mut object) = value else {
        return Arc::default();
    };
    // The words of the type itself are for readers of the code.
    object.remove("title");
    object.remove("description");
    Arc::new(object)
}

fn simplify(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(object) => {
            not_null(object);
            // `uint32` and the like are no formats of JSON Schema, and strict clients say so.
            if object
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|format| format.starts_with("uint") || format.starts_with("int"))
            {
                object.remove("format");
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            object.values_mut().for_each(simplify);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What may be left out is left out; it is never sent as null.
fn not_null(object: &mut JsonObject) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(any)) = object.get_mut("anyOf") {
        any.retain(|one| one.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = any.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|one| !one.is_null());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Sample {
        /// How many.
        count: Option<u32>,
        which: Option<Which>,
    }

    #[derive(JsonSchema)]
    #[schemars(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Which {
        This,
        That,
    }

    #[test]
    fn what_is_optional_is_neither_null_nor_a_reference() {
        let schema = serde_json::to_value(&*input::<Sample>()).unwrap();
        let expected = serde_json::json!({
            "type": "object",
            "properties": {
                "count": { "description": "How many.", "type": "integer", "minimum": 0 },
                "which": { "type": "string", "enum": ["this", "that"] },
            },
        });
        assert_eq!(schema, expected);
    }
}
