//! Arguments against the schema of a tool.

mod coerce;
mod explain;

use crate::names;
use jsonschema::Validator;
use loom_events::Refusal;
use serde_json::{Map, Value};

/// What models add to explain themselves; it changes nothing, so it is dropped.
const CHATTER: &[&str] = &["explanation", "description", "reason", "thought", "comment"];

/// Violations that are told at once: more would not be read.
const MAX_TOLD: usize = 4;

/// The compiled schema of a tool's arguments.
pub struct Arguments {
    schema: Value,
    /// None when the schema of a foreign tool cannot be compiled: then the tool itself must check.
    validator: Option<Validator>,
}

impl Arguments {
    /// Compiles a schema.
    #[must_use]
    pub fn new(schema: &Value) -> Self {
        Self {
            validator: jsonschema::validator_for(schema).ok(),
            schema: schema.clone(),
        }
    }

    /// The arguments as the tool gets them.
    ///
    /// # Errors
    /// A refusal that says what was wrong and what to send instead.
    pub fn fit(&self, arguments: Value) -> Result<Value, Refusal> {
        let Value::Object(mut arguments) = arguments else {
            let message = format!("the arguments must be one JSON object: {}", self.form());
            return Err(refusal("schema_violation", message));
        };
        self.sort_out_unknown(&mut arguments)?;
        self.coerce(&mut arguments);
        let arguments = Value::Object(arguments);
        self.validate(&arguments)?;
        Ok(arguments)
    }

    fn declared(&self) -> Option<&Map<String, Value>> {
        self.schema.get("properties")?.as_object()
    }

    fn required(&self) -> impl Iterator<Item = &str> {
        let required = self.schema.get("required").and_then(Value::as_array);
        required.into_iter().flatten().filter_map(Value::as_str)
    }

    fn sort_out_unknown(&self, arguments: &mut Map<String, Value>) -> Result<(), Refusal> {
        let Some(declared) = self.declared() else {
            return Ok(());
        };
        let open = self.schema.get("additionalProperties");
        if open.is_some_and(|open| *open != Value::Bool(false)) {
            return Ok(());
        }
        arguments.retain(|key, _| declared.contains_key(key) || !CHATTER.contains(&key.as_str()));
        let Some(unknown) = arguments.keys().find(|key| !declared.contains_key(*key)) else {
            return Ok(());
        };
        let missing = declared.keys().filter(|key| !arguments.contains_key(*key));
        let near = names::nearest(unknown, missing.map(String::as_str));
        let hint = near.map_or(String::new(), |near| format!(" Did you mean `{near}`?"));
        let shown: String = unknown.chars().take(64).collect();
        Err(refusal(
            "unknown_parameter",
            format!(
                "there is no parameter `{shown}`.{hint} Send {}",
                self.form()
            ),
        ))
    }

    fn coerce(&self, arguments: &mut Map<String, Value>) {
        let Some(declared) = self.declared() else {
            return;
        };
        // A null for something that need not be given is the same as not giving it.
        arguments.retain(|key, value| {
            let optional = !self.required().any(|name| name == key);
            let nullable = declared.get(key).is_some_and(|s| coerce::allows(s, "null"));
            !value.is_null() || !optional || nullable
        });
        for (key, value) in arguments {
            if let Some(schema) = declared.get(key) {
                coerce::coerce(value, schema);
            }
        }
    }

    fn validate(&self, arguments: &Value) -> Result<(), Refusal> {
        let Some(validator) = &self.validator else {
            return Ok(());
        };
        let told: Vec<String> = validator
            .iter_errors(arguments)
            .take(MAX_TOLD)
            .map(|error| explain::explain(&error, &self.schema))
            .collect();
        if told.is_empty() {
            return Ok(());
        }
        let message = format!("{}. Send {}", told.join("; "), self.form());
        Err(refusal("schema_violation", message))
    }

    /// What the arguments look like: `{"path": string, "end_line"?: integer}`.
    fn form(&self) -> String {
        let Some(declared) = self.declared() else {
            return "{}".to_owned();
        };
        let mut members: Vec<String> = self
            .required()
            .map(|name| format!("\"{name}\": {}", coerce::kind(declared.get(name))))
            .collect();
        let optional = |name: &&String| !self.required().any(|required| required == *name);
        members.extend(
            declared
                .keys()
                .filter(optional)
                .map(|name| format!("\"{name}\"?: {}", coerce::kind(declared.get(name)))),
        );
        format!("{{{}}}", members.join(", "))
    }
}

fn refusal(code: &str, message: String) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message,
    }
}
