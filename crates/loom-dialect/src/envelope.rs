//! A call as a JSON object: a name and arguments, under whatever keys, in whatever wrapping.

use crate::arguments::CHATTER;
use crate::draft::{Doubt, Draft, Found, Given, Why};
use crate::json::{Missing, Notes, Read};
use crate::offer::Offer;
use serde_json::{Map, Value};
use std::borrow::Cow;

const NAMES: &[&str] = &[
    "name",
    "tool_name",
    "tool",
    "function_name",
    "function",
    "action",
    "recipient_name",
];

const ARGUMENTS: &[&str] = &[
    "arguments",
    "parameters",
    "args",
    "input",
    "params",
    "kwargs",
    "tool_input",
    "action_input",
    "tool_args",
    "function_args",
    "tool_arguments",
    "parameter",
];

/// One call inside of an object of its own.
const AROUND_ONE: &[&str] = &["tool_call", "function_call", "function", "tool_use", "call"];

/// Several calls inside of an object.
const AROUND_MANY: &[&str] = &[
    "tool_calls",
    "function_calls",
    "calls",
    "tool_uses",
    "actions",
];

/// What stands beside a call and means nothing to the tool.
const BESIDE: &[&str] = &["id", "type", "tool_call_id", "call_id", "index"];

/// Wrappings that are taken off; no model wraps deeper.
const MAX_WRAPPED: u32 = 4;

/// The calls that a value is, where it must be one: inside of marks.
pub(crate) fn calls<'t>(read: Read, raw: &'t str, offer: &Offer<'_>) -> Vec<Found<'t>> {
    let Read {
        value,
        missing,
        notes,
    } = read;
    let end = End { missing, notes };
    let mut found = Vec::new();
    collect(value, raw, &end, offer, MAX_WRAPPED, &mut found);
    found
}

/// Whether a value that stands in the open is meant as a call: it has a name and arguments and
/// nothing else, or the name of a tool.
pub(crate) fn is_call(value: &Value, offer: &Offer<'_>) -> bool {
    match value {
        Value::Array(items) => !items.is_empty() && items.iter().all(|item| is_call(item, offer)),
        Value::Object(map) => {
            if let Some(inner) = wrapped(map) {
                return is_call(inner, offer);
            }
            let Some(name) = name_in(map) else {
                return by_tool_name(map, offer).is_some();
            };
            let has_arguments = ARGUMENTS.iter().any(|key| {
                map.get(*key)
                    .is_some_and(|value| value.is_object() || value.is_string())
            });
            let others = map.keys().filter(|key| !is_known(key)).count();
            if offer.knows(name) {
                // A tool without parameters may be called by its name alone.
                return has_arguments
                    || others > 0
                    || map.len() > 1
                    || without_parameters(name, offer);
            }
            has_arguments && others == 0
        }
        _ => false,
    }
}

fn without_parameters(name: &str, offer: &Offer<'_>) -> bool {
    let required = offer
        .spec(Some(name))
        .and_then(|tool| tool.parameters.get("properties")?.as_object())
        .is_some_and(|properties| !properties.is_empty());
    !required
}

fn is_known(key: &str) -> bool {
    [NAMES, ARGUMENTS, BESIDE, CHATTER]
        .iter()
        .any(|keys| keys.contains(&key))
}

/// How the value ended, which holds for every call in it.
struct End {
    missing: Missing,
    notes: Notes,
}

impl End {
    fn read(&self, value: Value) -> Read {
        Read {
            value,
            missing: self.missing,
            notes: self.notes.clone(),
        }
    }
}

fn collect<'t>(
    value: Value,
    raw: &'t str,
    end: &End,
    offer: &Offer<'_>,
    wrapped_in: u32,
    found: &mut Vec<Found<'t>>,
) {
    let malformed = |name: Option<String>, what: &str| Found::Bad {
        name: name.map(Cow::Owned),
        raw,
        why: Why::Malformed(what.to_owned()),
    };
    match value {
        Value::Array(items) => {
            for item in items {
                collect(item, raw, end, offer, wrapped_in, found);
            }
        }
        Value::String(text) if wrapped_in > 0 => match crate::json::whole(&text) {
            Some(read) => collect(read.value, raw, end, offer, wrapped_in - 1, found),
            None => found.push(malformed(None, "a text stands where a call should")),
        },
        Value::Object(mut map) => {
            if wrapped_in > 0 && wrapped(&map).is_some() {
                let inner = unwrap(&mut map);
                collect(inner, raw, end, offer, wrapped_in - 1, found);
                return;
            }
            found.push(one(map, raw, end, offer));
        }
        _ => found.push(malformed(None, "it is no object with a name and arguments")),
    }
}

/// The call or calls that an object is only a wrapping of.
fn wrapped(map: &Map<String, Value>) -> Option<&Value> {
    let (_, inner) = map.iter().find(|(key, value)| is_wrapper(key, value))?;
    let others = map.iter().filter(|(key, value)| {
        !is_wrapper(key, value)
            && !BESIDE.contains(&key.as_str())
            && !CHATTER.contains(&key.as_str())
    });
    (others.count() == 0).then_some(inner)
}

fn is_wrapper(key: &str, value: &Value) -> bool {
    (AROUND_ONE.contains(&key) && value.is_object())
        || (AROUND_MANY.contains(&key) && value.is_array())
}

fn unwrap(map: &mut Map<String, Value>) -> Value {
    let key = map
        .iter()
        .find(|(key, value)| is_wrapper(key, value))
        .map(|(key, _)| key.clone());
    key.and_then(|key| map.remove(&key)).unwrap_or_default()
}

fn name_in(map: &Map<String, Value>) -> Option<&str> {
    NAMES.iter().find_map(|key| map.get(*key)?.as_str())
}

/// An object whose one key is a tool's name: `{"read_file": {"path": "a"}}`.
fn by_tool_name<'m>(
    map: &'m Map<String, Value>,
    offer: &Offer<'_>,
) -> Option<(&'m String, &'m Value)> {
    let (key, value) = map.iter().next().filter(|_| map.len() == 1)?;
    (value.is_object() && offer.knows(key)).then_some((key, value))
}

/// The call that an object is.
fn one<'t>(mut map: Map<String, Value>, raw: &'t str, end: &End, offer: &Offer<'_>) -> Found<'t> {
    let draft = |name: Option<String>, given, doubt| {
        Found::Draft(Draft {
            name: name.map(Cow::Owned),
            given,
            raw,
            doubt,
        })
    };
    let Some(key) = NAMES
        .iter()
        .find(|key| map.get(**key).is_some_and(Value::is_string))
    else {
        let by_name = by_tool_name(&map, offer).map(|(name, value)| (name.clone(), value.clone()));
        return match by_name {
            Some((name, value)) => draft(
                Some(name),
                Given::Json(vec![end.read(value)]),
                Some(Doubt::markup("the tool's name is the key of an object")),
            ),
            None => Found::Bad {
                name: None,
                raw,
                why: Why::Nameless,
            },
        };
    };
    let name = match map.remove(*key) {
        Some(Value::String(name)) => name,
        _ => String::new(),
    };
    let tool = offer.spec(Some(&name)).map(|tool| offer.arguments(tool));
    let declares = |key: &str| tool.as_ref().is_some_and(|tool| tool.is_declared(key));
    let is_arguments = |key: &str| matches!(key, "arguments" | "parameters") || !declares(key);
    let keys: Vec<&str> = ARGUMENTS
        .iter()
        .copied()
        .filter(|key| map.contains_key(*key) && is_arguments(key))
        .collect();
    let mut given: Vec<Value> = keys.iter().filter_map(|key| map.remove(*key)).collect();
    if given.len() > 1 {
        given.retain(|value| !is_empty(value));
        given.dedup();
    }
    map.retain(|key, _| !BESIDE.contains(&key.as_str()) || declares(key));
    map.retain(|key, _| !CHATTER.contains(&key.as_str()) || declares(key));
    match (given.len(), map.is_empty()) {
        (0, true) => draft(Some(name), Given::Json(vec![end.read(Value::Null)]), None),
        (0, false) => draft(
            Some(name),
            Given::Json(vec![end.read(Value::Object(map))]),
            None,
        ),
        (1, true) => {
            let value = given.remove(0);
            draft(Some(name), Given::Json(vec![end.read(value)]), None)
        }
        (1, false) => Found::Bad {
            why: Why::Malformed(format!(
                "beside its name and arguments there is {:?}",
                map.keys().next().map_or("", String::as_str)
            )),
            name: Some(Cow::Owned(name)),
            raw,
        },
        _ => {
            let reads = given.into_iter().map(|value| end.read(value)).collect();
            draft(Some(name), Given::Json(reads), None)
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// The name that a damaged object begins with, if it is that of a tool.
pub(crate) fn name_of_damaged(text: &str, offer: &Offer<'_>) -> Option<String> {
    // A name stands near the start or not at all.
    let head = &text[..text.floor_char_boundary(200)];
    let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '“' | '”');
    NAMES.iter().find_map(|key| {
        let (before, after) = head.split_once(key)?;
        let starts = before.trim_end_matches(quotes).ends_with(['{', ',']);
        let value = after.trim_start_matches(quotes).strip_prefix(':')?;
        let name = value.trim_start_matches(quotes);
        let end = name.find(|c: char| quotes(c) || matches!(c, ',' | '}'))?;
        (starts && offer.knows(&name[..end])).then(|| name[..end].to_owned())
    })
}
