//! `edit_file`: replaces a text that occurs once, or a range of lines guarded by the hash.

use super::content::{self, Content, Places};
use super::locate::{Located, locate};
use super::read::numbered;
use super::write::{check_whole, store};
use super::{NUMBER_MARK, argument, count, spec};
use crate::seen::short_hash;
use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, ShellSettings, Tool};
use loom_events::{Class, ToolSpec};
use serde_json::{Value, json};

/// Failed edits of a file after which the other form is suggested.
const SWITCH_AFTER: u32 = 2;

/// Lines of each similar place that are shown.
const SHOWN_LINES: usize = 12;

/// Lines around a change that are shown back.
const CONTEXT: usize = 3;

/// Bytes of a place that are shown back; the model knows most of it.
const SHOWN_BYTES: usize = 3000;

/// Some editors begin a file with it; nobody sees it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Fewest digits of a hash that count as one.
const HASH_DIGITS: usize = 6;

pub(super) struct EditFile(ToolSpec);

impl Default for EditFile {
    fn default() -> Self {
        Self(spec(
            "edit_file",
            "Replace old_text, which must occur exactly once in the file, by new_text. Copy \
             old_text from the file with a few lines around it, without line numbers. Or replace \
             start_line to end_line: then leave old_text out and give the hash that read_file showed.",
            json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "old_text": {"type": "string"},
                    "new_text": {"type": "string"},
                    "start_line": {"type": "integer", "minimum": 1},
                    "end_line": {"type": "integer", "minimum": 0},
                    "hash": {"type": "string"}
                },
                "required": ["path", "new_text"]
            }),
        ))
    }
}

#[async_trait::async_trait]
impl Tool for EditFile {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Hashed
    }

    fn summary(&self, arguments: &Value) -> String {
        format!("edit {}", argument(arguments, "path"))
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        match edit(call).await {
            Ok(output) => output.into(),
            Err(outcome) => outcome,
        }
    }
}

/// A change of some lines that can be made.
struct Edited {
    text: String,
    first_line: usize,
    note: &'static str,
}

async fn edit(call: &Call<'_>) -> Result<ToolOutput, CallOutcome> {
    let path = argument(call.arguments, "path");
    let content = content::read(call, path, || wanted(call, path)).await?;
    let given = call.text("new_text").unwrap_or_default();
    let (edited, new) = match call.text("old_text").filter(|old| !old.is_empty()) {
        Some(old) => {
            let (old, new) = as_meant(&content.text, old, given);
            let at_line = call.number("start_line");
            (by_text(&content, &old, &new, at_line), new)
        }
        None => {
            let new = without_numbers(&content.text, given);
            (by_lines(&content, &new, call), new)
        }
    };
    let edited = match edited {
        Ok(edited) => edited,
        Err(why) => return Err(failed(call, path, &content, &why)),
    };
    if edited.text == content.text {
        return Err(failed(
            call,
            path,
            &content,
            "old and new text are the same",
        ));
    }
    check_whole(&content.text, &edited.text)?;
    let places = Places::of(call)?;
    let changed = store(call, &places, path, Some(&content.hash), &edited.text).await?;
    call.context.seen.edit_worked(&content.key);
    Ok(ToolOutput {
        ok: true,
        text: report(path, &edited, &new),
        summary: format!("{path}: edited at line {}", edited.first_line),
        touched: true,
        files_changed: changed,
        ..ToolOutput::default()
    })
}

/// The whole of what is asked for, for a person who is to agree to it.
fn wanted(call: &Call<'_>, path: &str) -> String {
    let text = |name| call.text(name).unwrap_or_default();
    let line = |name| call.number(name);
    let place = match (line("start_line"), line("end_line")) {
        (None, _) => String::new(),
        (Some(first), None) => format!(" at line {first}"),
        (Some(first), Some(last)) => format!(" in lines {first} to {last}"),
    };
    let lines = [format!("edit {path}{place}:")];
    let old = text("old_text").lines().map(|line| format!("- {line}"));
    let new = text("new_text").lines().map(|line| format!("+ {line}"));
    lines
        .into_iter()
        .chain(old)
        .chain(new)
        .collect::<Vec<_>>()
        .join("\n")
}

fn by_text(
    content: &Content,
    old: &str,
    new: &str,
    at_line: Option<usize>,
) -> Result<Edited, String> {
    match locate(&content.text, old, new, at_line) {
        Located::Once {
            range,
            text,
            tolerant,
        } => {
            let first_line = content.text[..range.start].matches('\n').count() + 1;
            let mut edited = content.text.clone();
            // A removed whole line takes its end along.
            let range = match text.is_empty() && edited[range.end..].starts_with('\n') && tolerant {
                true => range.start..range.end + 1,
                false => range,
            };
            edited.replace_range(range, &text);
            Ok(Edited {
                text: edited,
                first_line,
                note: if tolerant {
                    " (white space adjusted)"
                } else {
                    ""
                },
            })
        }
        Located::Several(count, lines) => Err(format!(
            "old_text occurs {count} times, at lines {}. Add lines around it until it is unique, \
             or give start_line",
            join(&lines, count)
        )),
        Located::Nowhere(lines) if lines.is_empty() => Err(
            "old_text is not in the file, and nothing there is similar. Read the file again"
                .to_owned(),
        ),
        Located::Nowhere(lines) => Err(format!(
            "old_text is not in the file. The most similar places:\n{}Copy old_text from there, \
             without the line numbers",
            similar(&content.text, &lines, old.lines().count())
        )),
    }
}

fn by_lines(content: &Content, new: &str, call: &Call<'_>) -> Result<Edited, String> {
    let total = content.text.lines().count();
    let Some(start) = call.number("start_line") else {
        return Err("give old_text, or start_line with end_line and hash".to_owned());
    };
    let end = call.number("end_line").unwrap_or(start);
    let Some(hash) = call.text("hash") else {
        return Err("a change by lines needs the hash that read_file showed".to_owned());
    };
    let hash = hash.trim().to_lowercase();
    if hash.len() < HASH_DIGITS
        || !(content.hash.starts_with(&hash) || hash.starts_with(&content.hash))
    {
        return Err(format!(
            "the file has changed since: its hash is {} now, not {hash}, so line numbers may be \
             others. Read it again",
            content.hash
        ));
    }
    if start > total + 1 || end > total || end + 1 < start {
        return Err(format!(
            "lines {start}-{end} do not exist: the file has {total}. To insert before line N give \
             start_line N and end_line N-1"
        ));
    }
    Ok(Edited {
        text: replace_lines(&content.text, start, end, new),
        first_line: start,
        note: "",
    })
}

fn replace_lines(text: &str, start: usize, end: usize, new: &str) -> String {
    if let Some(text) = text.strip_prefix(BYTE_ORDER_MARK) {
        let new = new.trim_start_matches(BYTE_ORDER_MARK);
        let edited = replace_lines(text, start, end, new);
        return format!("{BYTE_ORDER_MARK}{edited}");
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut edited: String = lines[..start - 1].concat();
    if !edited.is_empty() && !edited.ends_with('\n') {
        edited.push_str(line_end);
    }
    for line in new.lines() {
        edited.push_str(line);
        edited.push_str(line_end);
    }
    edited.push_str(&lines[end..].concat());
    let ended_without = end == lines.len() && !text.is_empty() && !text.ends_with('\n');
    if ended_without && !new.ends_with('\n') {
        edited.truncate(edited.trim_end_matches(line_end).len());
    }
    edited
}

/// Tells what was wrong, and after some failures to try the other form.
fn failed(call: &Call<'_>, path: &str, content: &Content, why: &str) -> CallOutcome {
    let failures = call.context.seen.edit_failed(&content.key);
    let by_text = call.text("old_text").is_some_and(|old| !old.is_empty());
    let hint = match (failures >= SWITCH_AFTER, by_text) {
        (false, _) => String::new(),
        (true, true) => format!(
            ". This is failed edit {failures} of the file: leave old_text out and give start_line, \
             end_line and hash {}",
            content.hash
        ),
        (true, false) => format!(
            ". This is failed edit {failures} of the file: use old_text in place of line numbers, \
             or write_file for the whole file"
        ),
    };
    let mut output = ToolOutput::negative(format!("{path} was not changed: {why}{hint}"));
    output.touched = true;
    output.into()
}

fn similar(text: &str, places: &[usize], count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = String::new();
    for first in places {
        let end = lines.len().min(first - 1 + count.clamp(1, SHOWN_LINES));
        let (excerpt, _) = numbered(&lines[first - 1..end], *first, SHOWN_BYTES);
        shown.push_str(&excerpt);
        shown.push_str("--\n");
    }
    shown
}

/// The place of the change as it is now, so that nobody has to read the file again.
fn report(path: &str, edited: &Edited, new: &str) -> String {
    let lines: Vec<&str> = edited.text.lines().collect();
    let first = edited.first_line.saturating_sub(CONTEXT).max(1);
    let end = lines
        .len()
        .min(edited.first_line + new.lines().count() + CONTEXT - 1);
    let hash = short_hash(edited.text.as_bytes());
    let total = count(lines.len(), "line");
    let note = edited.note;
    if first > end {
        return format!("{path} edited{note}: {total}, hash {hash}\n");
    }
    let (excerpt, _) = numbered(&lines[first - 1..end], first, SHOWN_BYTES);
    format!("{path} edited{note}: {total}, hash {hash}\n{excerpt}")
}

/// Old and new text, without line numbers that were copied along. What is in the file as it was
/// given is meant as it was given.
fn as_meant(content: &str, old: &str, new: &str) -> (String, String) {
    match content.contains(old) {
        true => (old.to_owned(), new.to_owned()),
        false => (without_numbers(content, old), without_numbers(content, new)),
    }
}

/// Takes off line numbers that were copied from read_file or search_files, when every line has one.
/// In a file that has such lines itself they are content.
fn without_numbers(content: &str, text: &str) -> String {
    if content.contains(NUMBER_MARK) && content.lines().any(|line| numberless(line).is_some()) {
        return text.to_owned();
    }
    let stripped: Option<String> = text.split_inclusive('\n').map(numberless).collect();
    stripped
        .filter(|_| !text.is_empty())
        .unwrap_or_else(|| text.to_owned())
}

/// The line without its number, if it has one: `12│` or `path:12│`.
fn numberless(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once(NUMBER_MARK)?;
    let number = number.rsplit(':').next().unwrap_or(number).trim();
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(rest)
}

fn join(lines: &[usize], count: usize) -> String {
    let shown: Vec<String> = lines.iter().map(usize::to_string).collect();
    let more = if count > lines.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_numbers_are_taken_off_only_when_all_lines_have_them() {
        assert_eq!(without_numbers("", " 9│a\n10│  b\n"), "a\n  b\n");
        assert_eq!(without_numbers("", "a/b.rs:9│a\n"), "a\n");
        assert_eq!(without_numbers("", "9│a\nb\n"), "9│a\nb\n");
        assert_eq!(without_numbers("1│x\n", "2│y\n"), "2│y\n");
        assert_eq!(without_numbers("", ""), "");
    }

    #[test]
    fn lines_are_replaced_inserted_and_removed() {
        let text = "a\nb\nc\n";
        assert_eq!(replace_lines(text, 2, 2, "x\ny"), "a\nx\ny\nc\n");
        assert_eq!(replace_lines(text, 2, 1, "x"), "a\nx\nb\nc\n");
        assert_eq!(replace_lines(text, 1, 2, ""), "c\n");
        assert_eq!(replace_lines(text, 4, 3, "d"), "a\nb\nc\nd\n");
        assert_eq!(replace_lines("a\r\nb\r\n", 1, 1, "x\n"), "x\r\nb\r\n");
        assert_eq!(replace_lines("a\nb", 2, 2, "x"), "a\nx");
        assert_eq!(replace_lines("a\nb", 3, 2, "c\n"), "a\nb\nc\n");
        assert_eq!(replace_lines("", 1, 0, "a"), "a\n");
        assert_eq!(replace_lines("\u{feff}a\nb\n", 1, 1, "x"), "\u{feff}x\nb\n");
    }
}
