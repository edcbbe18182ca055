//! Memory entries as an extractor writes them: schema and reading.

use crate::read::{Fields, kind};
use crate::tokens::clip_chars;
use loom_events::{MemoryEntry, MemoryKind};
use serde_json::{Value, json};

/// Every kind, the usual ones first: a constrained model leans to what comes first.
const KINDS: [MemoryKind; 7] = [
    MemoryKind::Discovery,
    MemoryKind::Decision,
    MemoryKind::Error,
    MemoryKind::Artifact,
    MemoryKind::ToolResult,
    MemoryKind::UserInstruction,
    MemoryKind::Context,
];

/// Most entries kept of one extraction: more than this is a retelling, not memory.
const MAX_ENTRIES: usize = 12;

/// Most tags kept of one entry.
const MAX_TAGS: usize = 8;

/// Longest detail kept: a few paragraphs.
const MAX_DETAIL_CHARS: usize = 2_000;

/// Longest summary, as everywhere.
const MAX_SUMMARY_CHARS: usize = 100;

/// JSON schema of an extraction.
#[must_use]
pub fn memory_schema() -> Value {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
    json!({
        "type": "object",
        "properties": {
            "summary": {"type": "string"},
            "entries": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "type": {"type": "string", "enum": kinds},
                        "summary": {"type": "string"},
                        "detail": {"type": "string"},
                        "tags": {"type": "array", "items": {"type": "string"}},
                        "relevance_to": {"type": "string"},
                    },
                    "required": ["type", "summary"],
                },
            },
        },
        "required": ["entries"],
    })
}

/// Reads an extraction: the summary of the subtask, and the entries without their subtask.
///
/// Texts beyond their bounds are clipped, since a long note is still a note.
///
/// # Errors
/// Every fault as a sentence.
pub fn parse_memory(value: &Value) -> Result<(String, Vec<MemoryEntry>), Vec<String>> {
    let mut errors = Vec::new();
    let Some(list) = value.get("entries").and_then(Value::as_array) else {
        return Err(vec![format!(
            "the answer has no list `entries`: write {{\"summary\": …, \"entries\": [ … ]}}, not {}",
            kind(value)
        )]);
    };
    let summary = value
        .get("summary")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let entries = list
        .iter()
        .take(MAX_ENTRIES)
        .enumerate()
        .filter_map(|(at, value)| entry(at + 1, value, &mut errors))
        .collect();
    if errors.is_empty() {
        Ok((clip_chars(summary, MAX_SUMMARY_CHARS), entries))
    } else {
        Err(errors)
    }
}

fn entry(number: usize, value: &Value, errors: &mut Vec<String>) -> Option<MemoryEntry> {
    let mut fields = Fields::of(format!("entry {number}"), value, errors)?;
    let word = fields.required(&["type", "kind"], "write what kind of fact it is")?;
    let known = KINDS
        .iter()
        .find(|kind| kind.name() == word.to_ascii_lowercase());
    let Some(kind) = known else {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
        fields.complain(format!(
            "`type` is `{word}`: write one of {}",
            names.join(", ")
        ));
        return None;
    };
    let summary = fields.required(&["summary"], "write at most 100 characters")?;
    let detail = fields.text(&["detail"]).unwrap_or_default();
    let tags = fields.texts(&["tags"]);
    Some(MemoryEntry {
        kind: *kind,
        subtask: None,
        summary: clip_chars(&summary, MAX_SUMMARY_CHARS),
        detail: detail.chars().take(MAX_DETAIL_CHARS).collect(),
        tags: tags
            .iter()
            .take(MAX_TAGS)
            .map(|tag| clip_chars(&tag.to_lowercase(), 40))
            .collect(),
        relevance_to: clip_chars(&fields.text(&["relevance_to"]).unwrap_or_default(), 200),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_lower_case_tags_and_clipped_summaries() {
        let (summary, entries) = parse_memory(&json!({
            "summary": "Found it.",
            "entries": [{"type": "discovery", "summary": "x".repeat(300), "detail": "d",
                         "tags": ["Parser"], "relevance_to": "later"}],
        }))
        .unwrap();
        assert_eq!(summary, "Found it.");
        assert_eq!(entries[0].kind, MemoryKind::Discovery);
        assert_eq!(entries[0].summary.chars().count(), 100);
        assert_eq!(entries[0].tags, ["parser"]);
    }

    #[test]
    fn no_entries_is_an_answer() {
        assert!(
            parse_memory(&json!({"summary": "s", "entries": []}))
                .unwrap()
                .1
                .is_empty()
        );
    }

    #[test]
    fn an_unknown_kind_is_an_error_that_lists_the_known_ones() {
        let errors =
            parse_memory(&json!({"entries": [{"type": "fun", "summary": "s"}]})).unwrap_err();
        assert!(
            errors[0].contains("`fun`") && errors[0].contains("tool_result"),
            "{errors:?}"
        );
        assert!(parse_memory(&json!("nothing to note")).is_err());
    }
}
