//! `search_files`: ripgrep's libraries over the walk of the workspace.
//!
//! Here is what a model says and is told; `query` does the work, in all threads of the machine, and
//! `found` puts what they find together in the order of the walk.

mod found;
mod query;

use super::content::Places;
use super::{argument, blocking, count, spec};
use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, ShellSettings, Tool};
use globset::{GlobBuilder, GlobMatcher};
use grep::regex::{RegexMatcher, RegexMatcherBuilder};
use loom_events::{Class, ToolSpec};
use query::Query;
use serde_json::{Value, json};
use std::sync::Arc;

/// Largest program that a pattern may become: repetitions of repetitions take memory.
const MAX_PATTERN: usize = 4 << 20;

pub(super) struct SearchFiles(ToolSpec);

impl Default for SearchFiles {
    fn default() -> Self {
        Self(spec(
            "search_files",
            "Search the content of files for a regular expression, line by line, without what git \
             ignores. With an empty pattern, list the files that match glob.",
            json!({
                "type": "object",
                "properties": {
                    "pattern": {"type": "string"},
                    "path": {"type": "string", "description": "file or directory; default: the workspace"},
                    "glob": {"type": "string", "description": "only such files, e.g. *.rs or src/**/*.py"},
                    "ignore_case": {"type": "boolean"}
                },
                "required": ["pattern"]
            }),
        ).read_only())
    }
}

#[async_trait::async_trait]
impl Tool for SearchFiles {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Pure
    }

    fn summary(&self, arguments: &Value) -> String {
        let pattern = argument(arguments, "pattern");
        match arguments.get("glob").and_then(Value::as_str) {
            Some(glob) if pattern.is_empty() => format!("find {glob}"),
            Some(glob) => format!("search {pattern:?} in {glob}"),
            None => format!("search {pattern:?} in {}", argument(arguments, "path")),
        }
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        match search(call).await {
            Ok(output) => output.into(),
            Err(outcome) => outcome,
        }
    }
}

async fn search(call: &Call<'_>) -> Result<ToolOutput, CallOutcome> {
    let path = match argument(call.arguments, "path") {
        "" => ".",
        path => path,
    };
    let pattern = argument(call.arguments, "pattern");
    let query = Query {
        places: Places::of(call)?,
        path: path.to_owned(),
        glob: match call.text("glob").filter(|glob| !glob.is_empty()) {
            Some(pattern) => Some(glob(pattern, &root_of(call))?),
            None => None,
        },
        matcher: match pattern.is_empty() {
            true => None,
            false => Some(matcher(pattern, call.flag("ignore_case"))?),
        },
        cancel: call.context.cancel.clone(),
        redactor: Arc::clone(call.context.redactor),
    };
    let found = blocking(move || query.run()).await?;
    let found = found.map_err(ToolOutput::negative)?;
    let summary = match query_kind(pattern) {
        Kind::Names => count(found.files, "file"),
        Kind::Lines => format!(
            "{} in {}",
            matches(found.matches),
            count(found.files, "file")
        ),
    };
    let nothing = match query_kind(pattern) {
        Kind::Names => format!("no such files in {path}"),
        Kind::Lines => format!("no line matches {pattern:?} in {path}"),
    };
    Ok(ToolOutput::looked(found.into_text(&nothing), summary))
}

enum Kind {
    Names,
    Lines,
}

const fn query_kind(pattern: &str) -> Kind {
    match pattern.is_empty() {
        true => Kind::Names,
        false => Kind::Lines,
    }
}

fn matches(number: usize) -> String {
    match number {
        1 => "1 match".to_owned(),
        _ => format!("{number} matches"),
    }
}

fn matcher(pattern: &str, ignore_case: bool) -> Result<RegexMatcher, ToolOutput> {
    let mut builder = RegexMatcherBuilder::new();
    builder
        .case_insensitive(ignore_case)
        .line_terminator(Some(b'\n'))
        .size_limit(MAX_PATTERN)
        .dfa_size_limit(MAX_PATTERN);
    builder.build(pattern).map_err(|error| {
        ToolOutput::negative(format!(
            "the pattern is not a valid regular expression: {error}. To search for the text \
             itself, send {:?}",
            regex::escape(pattern)
        ))
    })
}

/// The workspace as models repeat it.
fn root_of(call: &Call<'_>) -> String {
    let path = call.context.workspace.map(|workspace| workspace.path());
    path.map_or(String::new(), |path| path.to_string_lossy().into_owned())
}

/// A pattern without `/` is about the file name, wherever it is. What is walked is the workspace, so
/// a pattern cannot lead out of it; one that means to is told so, as a path is.
fn glob(pattern: &str, root: &str) -> Result<GlobMatcher, ToolOutput> {
    let relative = match pattern.strip_prefix(root) {
        Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => pattern,
    };
    let climbs = |part: &str| part == "..";
    if pattern.contains('\0') {
        let text = "the glob contains a NUL character, which no name has";
        return Err(ToolOutput::negative(text));
    }
    if relative.starts_with('/') || relative.split(['/', '{', '}', ',']).any(climbs) {
        return Err(ToolOutput::negative(format!(
            "the glob {pattern:?} leads outside of the workspace: use one relative to it"
        )));
    }
    let pattern = relative.trim_start_matches("./");
    let anywhere = match pattern.contains('/') {
        true => pattern.to_owned(),
        false => format!("**/{pattern}"),
    };
    GlobBuilder::new(&anywhere)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| ToolOutput::negative(format!("glob is not valid: {error}")))
}
