//! Violations of a schema in words that a model can act on.

use super::coerce;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// Characters of a value that are shown back.
const SHOWN_CHARS: usize = 60;

/// Which field, what was sent, what is wanted.
pub(super) fn explain(error: &ValidationError<'_>, schema: &Value) -> String {
    let path = error.instance_path().to_string();
    let field = path.trim_start_matches('/').replace('/', ".");
    if let ValidationErrorKind::Required { property } = error.kind() {
        let name = property.as_str().unwrap_or_default();
        let declared = schema.get("properties").and_then(|all| all.get(name));
        return format!("`{name}` ({}) is missing", coerce::kind(declared));
    }
    let sent = shown(error.instance());
    let declared = schema.get("properties").and_then(|all| all.get(&field));
    match error.kind() {
        ValidationErrorKind::Type { .. } => {
            let wanted = coerce::kind(declared);
            format!("`{field}` must be {}, not {sent}", with_article(&wanted))
        }
        _ if field.is_empty() => error.to_string(),
        _ => format!("`{field}`: {error}"),
    }
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

fn shown(value: &Value) -> String {
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("the {kind} {}…", &text[..at]),
        None => format!("the {kind} {text}"),
    }
}
