//! `read_file`.

use super::{NUMBER_MARK, argument, content, spec};
use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, ShellSettings, Tool};
use loom_events::{Class, ToolSpec};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Characters of one line that are shown: minified files have lines that fill a context.
const MAX_LINE_CHARS: usize = 1000;

/// Room for the header and for the line that says how to go on.
const FRAME_BYTES: usize = 400;

pub(super) struct ReadFile(ToolSpec);

impl Default for ReadFile {
    fn default() -> Self {
        Self(spec(
            "read_file",
            "Read a text file, whole or a range of lines. Each line is shown as NUMBER│CONTENT; \
             the hash in the header is for edit_file. Paths are relative to the workspace; \
             scratch://NAME is your notepad.",
            json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "start_line": {"type": "integer", "minimum": 1},
                    "end_line": {"type": "integer", "minimum": 1}
                },
                "required": ["path"]
            }),
        ).read_only())
    }
}

#[async_trait::async_trait]
impl Tool for ReadFile {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Pure
    }

    fn summary(&self, arguments: &Value) -> String {
        let range = match (arguments.get("start_line"), arguments.get("end_line")) {
            (None, None) => String::new(),
            (start, end) => format!(
                ":{}-{}",
                start.map_or("1".to_owned(), Value::to_string),
                end.map_or(String::new(), Value::to_string)
            ),
        };
        format!("read {}{range}", argument(arguments, "path"))
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        match read(call).await {
            Ok(output) => output.into(),
            Err(outcome) => outcome,
        }
    }
}

async fn read(call: &Call<'_>) -> Result<ToolOutput, CallOutcome> {
    let path = argument(call.arguments, "path");
    let content = content::read(call, path, || format!("show {path}")).await?;
    call.context.seen.note(&content.key, &content.hash);
    // Before it is cut into lines: half of a key is not known for one. No line is lost by it.
    let text = call.context.redactor.text(&content.text);
    let lines: Vec<&str> = text.lines().collect();
    let first = call.number("start_line").unwrap_or(1);
    let last = call
        .number("end_line")
        .unwrap_or(usize::MAX)
        .min(lines.len());
    let hash = &content.hash;
    if lines.is_empty() {
        let text = format!("{path}: empty file, hash {hash}\n");
        return Ok(ToolOutput::looked(text, format!("{path}: empty")));
    }
    if first > lines.len() {
        let text = format!(
            "{path} has only {} lines: use a smaller start_line",
            lines.len()
        );
        return Ok(ToolOutput::negative(text));
    }
    if first > last {
        let text = format!("end_line {last} is before start_line {first}: swap them");
        return Ok(ToolOutput::negative(text));
    }
    let room = call.context.output_bytes.saturating_sub(FRAME_BYTES);
    let (body, shown) = numbered(&lines[first - 1..last], first, room);
    let end = first + shown - 1;
    let mut text = format!(
        "{path}: lines {first}-{end} of {}, hash {hash}\n{body}",
        lines.len()
    );
    if end < last {
        let next = end + 1;
        text.push_str(&format!(
            "[lines {next}-{last} not shown: read_file with start_line {next}]\n"
        ));
    }
    let summary = format!("{path}: lines {first}-{end} of {}", lines.len());
    Ok(ToolOutput::looked(text, summary))
}

/// Numbers as many lines as there is room for, but at least one.
pub(super) fn numbered(lines: &[&str], first: usize, room: usize) -> (String, usize) {
    let width = (first + lines.len()).to_string().len();
    let mut text = String::new();
    for (shown, line) in lines.iter().enumerate() {
        let (start, cut) = match line.char_indices().nth(MAX_LINE_CHARS) {
            Some((at, _)) => (&line[..at], format!("… [{} more bytes]", line.len() - at)),
            None => (*line, String::new()),
        };
        let number = first + shown;
        let needed = width + NUMBER_MARK.len_utf8() + start.len() + cut.len() + 1;
        if shown > 0 && text.len() + needed > room {
            return (text, shown);
        }
        writeln!(text, "{number:>width$}{NUMBER_MARK}{start}{cut}")
            .expect("BUG: text can be written to a string");
    }
    (text, lines.len())
}
