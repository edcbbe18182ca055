//! Arguments against the schema of a tool: what is lossless is made to fit, everything else is
//! refused in words that a model can act on.

mod coerce;
mod content;
mod explain;

pub(crate) use coerce::{allows, kind_is_text};
pub(crate) use content::is_markup_file;

use crate::names;
use crate::refuse::{self, code, refusal};
use jsonschema::Validator;
use loom_events::{Refusal, ToolSpec};
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// What models add to explain themselves; it changes nothing, so it is dropped.
pub(crate) const CHATTER: &[&str] = &["explanation", "description", "reason", "thought", "comment"];

/// Keys that models put around all arguments.
pub(crate) const WRAPPERS: &[&str] = &[
    "arguments",
    "parameters",
    "args",
    "input",
    "params",
    "kwargs",
    "tool_input",
    "action_input",
    "properties",
];

/// Violations that are told at once: more would not be read.
const MAX_TOLD: usize = 4;

/// A tool with the schema of its arguments, which is compiled when it is first called: most tools of most
/// engines never are.
pub struct Arguments {
    spec: ToolSpec,
    validator: OnceLock<Option<Validator>>,
}

impl Arguments {
    /// Takes a tool.
    #[must_use]
    pub fn new(spec: &ToolSpec) -> Self {
        Self {
            spec: spec.clone(),
            validator: OnceLock::new(),
        }
    }

    /// None when the schema of a foreign tool cannot be compiled: then the tool itself must check.
    fn validator(&self) -> Option<&Validator> {
        let compile = || jsonschema::validator_for(&self.spec.parameters).ok();
        self.validator.get_or_init(compile).as_ref()
    }

    /// The tool.
    #[must_use]
    pub const fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    /// The arguments as the tool gets them. What fits already stays as it is.
    ///
    /// # Errors
    /// A refusal that says what was wrong and what to send instead.
    pub fn fit(&self, arguments: Value) -> Result<Value, Refusal> {
        let Value::Object(arguments) = self.unwrapped(arguments)? else {
            let message = format!("the arguments must be one JSON object: {}", self.form());
            return Err(refusal(code::SCHEMA, message));
        };
        let mut arguments = self.canonical(arguments)?;
        self.sort_out_unknown(&mut arguments)?;
        self.coerce(&mut arguments);
        self.clean(&mut arguments)?;
        let arguments = Value::Object(arguments);
        self.validate(&arguments)?;
        content::check(&self.spec, &arguments)?;
        Ok(arguments)
    }

    /// Whether the arguments fit.
    pub(crate) fn fits(&self, arguments: &Value) -> bool {
        self.fit(arguments.clone()).is_ok()
    }

    pub(crate) fn declared(&self) -> Option<&Map<String, Value>> {
        self.spec.parameters.get("properties")?.as_object()
    }

    pub(crate) fn is_declared(&self, key: &str) -> bool {
        let is_alias = || {
            let aliases = self.spec.parameter_aliases.values();
            aliases.flatten().any(|alias| alias == key)
        };
        self.declared()
            .is_some_and(|declared| declared.contains_key(key))
            || is_alias()
    }

    fn required(&self) -> impl Iterator<Item = &str> {
        let required = self
            .spec
            .parameters
            .get("required")
            .and_then(Value::as_array);
        required.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The parameter that a single value must be for, where there is only one: the sole required
    /// one, or the sole one at all.
    pub(crate) fn sole(&self) -> Option<&str> {
        let mut required = self.required();
        match (required.next(), required.next()) {
            (Some(one), None) => Some(one),
            (Some(_), Some(_)) => None,
            (None, _) => {
                let mut all = self.declared()?.keys();
                all.next()
                    .filter(|_| all.next().is_none())
                    .map(String::as_str)
            }
        }
    }

    /// The arguments without an object or a text around them.
    fn unwrapped(&self, mut arguments: Value) -> Result<Value, Refusal> {
        // Each round takes one layer off, and no model wraps deeper.
        for _ in 0..4 {
            arguments = match arguments {
                Value::String(text) => match crate::json::whole(&text) {
                    Some(read) if read.notes == crate::json::Notes::default() => read.value,
                    _ => return Ok(Value::String(text)),
                },
                Value::Array(mut items) if items.len() == 1 && items[0].is_object() => {
                    items.remove(0)
                }
                Value::Object(map) => match self.inner(map)? {
                    Ok(inner) => inner,
                    Err(same) => return Ok(Value::Object(same)),
                },
                other => return Ok(other),
            };
        }
        Ok(arguments)
    }

    /// What is inside of a wrapper, or the same object when it is none.
    fn inner(
        &self,
        mut map: Map<String, Value>,
    ) -> Result<Result<Value, Map<String, Value>>, Refusal> {
        let is_wrapper = |key: &String| WRAPPERS.contains(&key.as_str()) && !self.is_declared(key);
        let wrapped = |value: &Value| match value {
            Value::Object(_) => true,
            Value::String(text) => text.trim_start().starts_with('{'),
            _ => false,
        };
        let Some(wrapper) = map
            .iter()
            .find(|(key, value)| is_wrapper(key) && wrapped(value))
        else {
            return Ok(Err(map));
        };
        let wrapper = wrapper.0.clone();
        let beside = |key: &&String| **key != wrapper && !CHATTER.contains(&key.as_str());
        let others: Vec<&String> = map.keys().filter(beside).collect();
        match others[..] {
            [] => {}
            [name] if name == "name" && !self.is_declared("name") => {
                let named = map.get("name").and_then(Value::as_str).unwrap_or_default();
                let same = names::resolve(named, std::slice::from_ref(&self.spec)).is_ok();
                if !same {
                    let message = format!(
                        "the call names `{}` and inside of its arguments `{}`; it was not run. Send one call with one name.",
                        self.spec.name,
                        named.chars().take(64).collect::<String>()
                    );
                    return Err(refusal(code::AMBIGUOUS_NAME, message));
                }
            }
            _ => return Ok(Err(map)),
        }
        Ok(Ok(map.remove(&wrapper).unwrap_or_default()))
    }

    /// The same arguments under the declared names.
    fn canonical(&self, arguments: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
        let mut named = Map::new();
        for (key, value) in arguments {
            let name = self.name_of(&key)?;
            match named.get(&name) {
                Some(earlier) if *earlier != value => {
                    let what = format!("`{name}` is given twice with different values");
                    return Err(refuse::ambiguous(Some(&self.spec), &what));
                }
                _ => {
                    named.insert(name, value);
                }
            }
        }
        Ok(named)
    }

    /// The declared name that a key stands for; the key itself when there is none.
    fn name_of(&self, key: &str) -> Result<String, Refusal> {
        let declares = |key: &str| self.declared().is_some_and(|all| all.contains_key(key));
        if declares(key) {
            return Ok(key.to_owned());
        }
        let aliases = self.spec.parameter_aliases.iter();
        for (name, all) in aliases {
            if all.iter().any(|alias| alias == key) {
                return Ok(name.clone());
            }
        }
        if !key.contains(['<', '>']) {
            return Ok(key.to_owned());
        }
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let mut words = key.split(|c| !word(c)).filter(|word| !word.is_empty());
        match words.find(|word| declares(word)) {
            Some(name) if self.spec.read_only => Ok(name.to_owned()),
            _ => Err(refuse::markup(
                Some(&self.spec),
                &format!("the key {key:?} holds a piece of a mark"),
            )),
        }
    }

    fn sort_out_unknown(&self, arguments: &mut Map<String, Value>) -> Result<(), Refusal> {
        let Some(declared) = self.declared() else {
            return Ok(());
        };
        let open = self.spec.parameters.get("additionalProperties");
        if open.is_some_and(|open| *open != Value::Bool(false)) {
            return Ok(());
        }
        let given = arguments.len();
        arguments.retain(|key, _| declared.contains_key(key) || !CHATTER.contains(&key.as_str()));
        let Some(unknown) = arguments.keys().find(|key| !declared.contains_key(*key)) else {
            return Ok(());
        };
        // An object that has nothing of what is required is not this tool's at all.
        let required: Vec<&str> = self.required().collect();
        if !required.is_empty() && arguments.keys().all(|key| !declared.contains_key(key)) {
            let message = format!("{} is missing. Send {}", quoted(&required), self.form());
            // One unknown key is a wrong name; several are another shape.
            let code = match given {
                1 => code::UNKNOWN_PARAMETER,
                _ => code::SCHEMA,
            };
            return Err(refusal(code, message));
        }
        let missing = declared.keys().filter(|key| !arguments.contains_key(*key));
        let near = names::nearest(unknown, missing.map(String::as_str));
        let hint = near.map_or(String::new(), |near| format!(" Did you mean `{near}`?"));
        let shown: String = unknown.chars().take(64).collect();
        let message = format!(
            "there is no parameter `{shown}`.{hint} Send {}",
            self.form()
        );
        Err(refusal(code::UNKNOWN_PARAMETER, message))
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

    /// Takes a closing tag off the end of a value, where nothing can go wrong.
    fn clean(&self, arguments: &mut Map<String, Value>) -> Result<(), Refusal> {
        for (key, value) in arguments {
            let Value::String(text) = value else { continue };
            let Some(clean) = content::without_leaked_tag(key, text) else {
                continue;
            };
            if self.spec.read_only && !content::is_path(key) {
                continue;
            }
            if !self.spec.read_only {
                let what = format!("`{key}` ends in a piece of a mark");
                return Err(refuse::markup(Some(&self.spec), &what));
            }
            *text = clean.to_owned();
        }
        Ok(())
    }

    fn validate(&self, arguments: &Value) -> Result<(), Refusal> {
        let Some(validator) = self.validator() else {
            return Ok(());
        };
        let told: Vec<String> = validator
            .iter_errors(arguments)
            .take(MAX_TOLD)
            .map(|error| explain::explain(&error, &self.spec.parameters))
            .collect();
        if told.is_empty() {
            return Ok(());
        }
        let message = format!("{}. Send {}", told.join("; "), self.form());
        Err(refusal(code::SCHEMA, message))
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

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(" and ")
}
