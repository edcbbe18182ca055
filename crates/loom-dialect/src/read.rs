//! Reads one call strictly: a name and a JSON object of arguments, or a refusal that says what was
//! wrong, where, and what to send instead.

use crate::RawArguments;
use crate::strict::{self, Fault, parse};
use loom_events::{Finish, Refusal, ToolSpec, UnreadableCall};
use serde_json::{Map, Value};

/// How much of an unreadable call is kept: enough for a person to see what went wrong.
const MAX_RAW_BYTES: usize = 4096;

/// How much of the end of a cut-off text the model is shown, to find the place again.
const SHOWN_TAIL: usize = 40;

/// A call that could be read.
#[derive(Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

/// Knows what is needed to judge the calls of one answer.
pub(crate) struct Reader<'a> {
    /// The tools on offer, for the names and examples in refusals.
    pub(crate) tools: &'a [ToolSpec],
    /// Why the model stopped.
    pub(crate) finish: Finish,
}

impl Reader<'_> {
    /// A call that the server had set apart.
    pub(crate) fn structured(
        &self,
        name: String,
        arguments: RawArguments,
    ) -> Result<Call, UnreadableCall> {
        let raw = match &arguments {
            RawArguments::Text(text) | RawArguments::TooLong(text) => text.clone(),
            RawArguments::Value(value) => value.to_string(),
        };
        if name.trim().is_empty() {
            return Err(self.nameless(&raw));
        }
        let value = match arguments {
            // Servers send this for a call without arguments; the tool's schema judges whether it may be.
            RawArguments::Text(text) if matches!(text.trim(), "" | "null") => Ok(empty()),
            RawArguments::Value(Value::Null) => Ok(empty()),
            RawArguments::Text(text) => parse(&text),
            RawArguments::Value(value) => Ok(value),
            RawArguments::TooLong(_) => return Err(self.truncated(Some(&name), &raw)),
        };
        match value {
            Ok(arguments @ Value::Object(_)) => Ok(Call { name, arguments }),
            Ok(other) => Err(self.malformed(
                Some(&name),
                &raw,
                &format!("they are {}, not a JSON object", kind(&other)),
            )),
            Err(fault) => Err(self.fault(Some(&name), &raw, &fault)),
        }
    }

    /// A call as an object with `name` and `arguments`, found in the text.
    pub(crate) fn envelope(&self, value: Value, raw: &str) -> Result<Call, UnreadableCall> {
        let Value::Object(mut fields) = value else {
            return Err(self.malformed(None, raw, &format!("it is {}", kind(&value))));
        };
        let name = match fields.remove("name") {
            Some(Value::String(name)) if !name.trim().is_empty() => name,
            _ => return Err(self.nameless(raw)),
        };
        let arguments = fields.remove("arguments");
        if let Some(other) = fields.keys().next() {
            let what = format!("beside \"name\" and \"arguments\" there is {other:?}");
            return Err(self.malformed(Some(&name), raw, &what));
        }
        match arguments {
            Some(arguments @ Value::Object(_)) => Ok(Call { name, arguments }),
            Some(other) => {
                let what = format!("\"arguments\" is {}, not a JSON object", kind(&other));
                Err(self.malformed(Some(&name), raw, &what))
            }
            None => Err(self.malformed(Some(&name), raw, "there are no \"arguments\"")),
        }
    }

    /// The refusal for JSON that could not be read.
    pub(crate) fn fault(&self, name: Option<&str>, raw: &str, fault: &Fault) -> UnreadableCall {
        match fault {
            Fault::Truncated => self.truncated(name, raw),
            Fault::Malformed { reason } => self.malformed(name, raw, reason),
            Fault::Ambiguous { reason } => unreadable(
                name,
                raw,
                "ambiguous_arguments",
                format!(
                    "the arguments of {} have two meanings and were not run: {reason}. Send the call again with every key once.",
                    called(name)
                ),
            ),
        }
    }

    pub(crate) fn malformed(&self, name: Option<&str>, raw: &str, what: &str) -> UnreadableCall {
        unreadable(
            name,
            raw,
            "malformed_arguments",
            format!(
                "the arguments of {} could not be read and were not run: {what}. Inside of JSON strings write \\\" for a quote, \\n for a new line and \\\\ for a backslash. Send the call again with arguments like {}",
                called(name),
                self.example(name)
            ),
        )
    }

    pub(crate) fn truncated(&self, name: Option<&str>, raw: &str) -> UnreadableCall {
        let tail = &raw[raw.ceil_char_boundary(raw.len().saturating_sub(SHOWN_TAIL))..];
        let limit = match self.finish {
            Finish::Length => " by the limit of tokens for one answer",
            Finish::Stop | Finish::ToolCalls | Finish::Other => "",
        };
        unreadable(
            name,
            raw,
            "truncated_arguments",
            format!(
                "the arguments of {} were cut off{limit} after {} bytes, at {tail:?}, and were not run. Send the call again, complete; when it is long do it in parts, for a file a first part of at most 150 lines and then one edit for each further part.",
                called(name),
                raw.len()
            ),
        )
    }

    fn nameless(&self, raw: &str) -> UnreadableCall {
        let names: Vec<_> = self.tools.iter().map(|tool| tool.name.as_str()).collect();
        unreadable(
            None,
            raw,
            "missing_tool_name",
            format!(
                "a call has no tool name and was not run. Send it again with one of these names: {}.",
                names.join(", ")
            ),
        )
    }

    /// Arguments of the right shape, from the tool's schema.
    pub(crate) fn example(&self, name: Option<&str>) -> String {
        let tool = self
            .tools
            .iter()
            .find(|tool| Some(tool.name.as_str()) == name);
        let required = tool
            .and_then(|tool| tool.parameters.get("required"))
            .and_then(Value::as_array);
        let keys = required.into_iter().flatten().filter_map(Value::as_str);
        let example: Vec<_> = keys.map(|key| format!("{key:?}: …")).collect();
        format!("{{{}}}", example.join(", "))
    }

    /// Whether a tool of this name is on offer.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.name == name)
    }

    /// The name that a damaged `{"name": "…"` begins with, if it is that of a tool on offer.
    pub(crate) fn name_of_damaged<'t>(&self, text: &'t str) -> Option<&'t str> {
        let after = text.trim_start().strip_prefix('{')?.trim_start();
        let value = after.strip_prefix("\"name\"")?.trim_start();
        let quoted = value.strip_prefix(':')?.trim_start().strip_prefix('"')?;
        let (name, _) = quoted.split_once('"')?;
        self.knows(name).then_some(name)
    }
}

/// A call that could not be read, with as much of it as is worth keeping.
pub(crate) fn unreadable(
    name: Option<&str>,
    raw: &str,
    code: &str,
    message: String,
) -> UnreadableCall {
    let kept = raw.floor_char_boundary(MAX_RAW_BYTES);
    let cut = if kept < raw.len() { "…" } else { "" };
    UnreadableCall {
        name: name.map(Into::into),
        raw: format!("{}{cut}", &raw[..kept]),
        refusal: Refusal {
            code: code.into(),
            message,
        },
    }
}

/// Reads one value from the start of a text, for the markings that have an end mark.
pub(crate) fn prefix(text: &str) -> Result<(Value, usize), Fault> {
    strict::parse_prefix(text)
}

fn empty() -> Value {
    Value::Object(Map::new())
}

fn called(name: Option<&str>) -> String {
    name.map_or_else(|| "a call".to_owned(), |name| format!("`{name}`"))
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tools() -> Vec<ToolSpec> {
        let parameters = json!({"type": "object", "required": ["path", "content"]});
        vec![ToolSpec::new("write_file", "", parameters)]
    }

    fn read(
        name: &str,
        arguments: RawArguments,
        finish: Finish,
    ) -> Result<Value, (String, String)> {
        let tools = tools();
        let reader = Reader {
            tools: &tools,
            finish,
        };
        match reader.structured(name.into(), arguments) {
            Ok(call) => Ok(call.arguments),
            Err(call) => Err((call.refusal.code, call.refusal.message)),
        }
    }

    fn text(arguments: &str) -> RawArguments {
        RawArguments::Text(arguments.into())
    }

    fn refused(name: &str, arguments: &str) -> (String, String) {
        read(name, text(arguments), Finish::ToolCalls).unwrap_err()
    }

    #[test]
    fn arguments_are_read_from_text_and_from_an_object() {
        let expected = Ok(json!({"path": "a"}));
        let stop = Finish::Stop;
        assert_eq!(
            read("write_file", text(r#" {"path":"a"} "#), stop),
            expected
        );
        let object = RawArguments::Value(json!({"path": "a"}));
        assert_eq!(read("write_file", object, stop), expected);
    }

    #[test]
    fn no_arguments_are_an_empty_object() {
        for arguments in [
            text(""),
            text("null"),
            text("{}"),
            RawArguments::Value(Value::Null),
        ] {
            assert_eq!(read("write_file", arguments, Finish::Stop), Ok(json!({})));
        }
    }

    #[test]
    fn cut_off_arguments_are_never_completed() {
        for arguments in [
            r#"{"path": "a", "content": "x = 1"#,
            r#"{"path": "a", "content": "x""#,
            r#"{"path": "a", "content":"#,
            r#"{"path": "a","#,
            r#"{"path": ["a""#,
        ] {
            assert_eq!(refused("write_file", arguments).0, "truncated_arguments");
        }
    }

    #[test]
    fn a_cut_by_the_limit_of_tokens_is_named() {
        let arguments = r#"{"path": "a", "content": "first part"#;
        let (code, message) = read("write_file", text(arguments), Finish::Length).unwrap_err();
        assert_eq!(code, "truncated_arguments");
        assert!(
            message.starts_with("the arguments of `write_file` were cut off by the limit of tokens for one answer after 36 bytes, at "),
            "{message}"
        );
    }

    #[test]
    fn malformed_arguments_are_refused_with_the_place_and_an_example() {
        let (code, message) = refused("write_file", r#"{"path": "a", "content": "say "hi""}"#);
        assert_eq!(code, "malformed_arguments");
        assert!(message.contains("line 1 column 32"), "{message}");
        assert!(
            message.ends_with(r#"like {"path": …, "content": …}"#),
            "{message}"
        );
    }

    #[test]
    fn what_is_not_an_object_is_malformed() {
        for arguments in [r#""{\"path\":\"a\"}""#, "[1]", "3", r#"{"a":1}{"a":2}"#] {
            assert_eq!(refused("write_file", arguments).0, "malformed_arguments");
        }
    }

    #[test]
    fn a_call_without_a_name_lists_the_names() {
        let (code, message) = refused(" ", r#"{"path":"a"}"#);
        assert_eq!(code, "missing_tool_name");
        assert!(message.contains("write_file"), "{message}");
    }

    #[test]
    fn of_an_unreadable_call_only_the_start_is_kept() {
        let call = unreadable(None, &"ä".repeat(MAX_RAW_BYTES), "x", String::new());
        assert!(call.raw.len() <= MAX_RAW_BYTES + "…".len());
        assert!(call.raw.ends_with("ä…"));
    }
}
