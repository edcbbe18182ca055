//! `search_files`: ripgrep's libraries over the walk of the workspace.

use super::content::Places;
use super::{NUMBER_MARK, argument, blocking, count, spec};
use crate::secrets::is_secret;
use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, ShellSettings, Tool};
use globset::{GlobBuilder, GlobMatcher};
use grep::matcher::LineTerminator;
use grep::regex::{RegexMatcher, RegexMatcherBuilder};
use grep::searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkMatch};
use loom_events::{Class, FileKind, ToolSpec};
use loom_workspace::{ListEntry, Walk};
use serde_json::{Value, json};
use std::io;
use tokio_util::sync::CancellationToken;

/// Matches that are shown.
const MAX_MATCHES: usize = 200;

/// Matches in one file that are shown, so that one file does not hide the others.
const MAX_IN_FILE: usize = 50;

/// Bytes of a matching line that are shown.
const MAX_LINE: usize = 300;

/// Larger files are data.
const MAX_FILE: u64 = 32 << 20;

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
        "" | "/" => ".",
        path => path,
    };
    let pattern = argument(call.arguments, "pattern");
    let query = Query {
        places: Places::of(call)?,
        path: path.to_owned(),
        glob: glob(call.text("glob").filter(|glob| !glob.is_empty()))?,
        matcher: match pattern.is_empty() {
            true => None,
            false => Some(matcher(pattern, call.flag("ignore_case"))?),
        },
        cancel: call.context.cancel.clone(),
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
    Ok(ToolOutput::looked(found.into_text(pattern, path), summary))
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

/// A pattern without `/` is about the file name, wherever it is.
fn glob(pattern: Option<&str>) -> Result<Option<GlobMatcher>, ToolOutput> {
    let Some(pattern) = pattern else {
        return Ok(None);
    };
    let pattern = pattern.trim_start_matches("./").trim_start_matches('/');
    let anywhere = match pattern.contains('/') {
        true => pattern.to_owned(),
        false => format!("**/{pattern}"),
    };
    GlobBuilder::new(&anywhere)
        .literal_separator(true)
        .build()
        .map(|glob| Some(glob.compile_matcher()))
        .map_err(|error| ToolOutput::negative(format!("glob is not valid: {error}")))
}

struct Query {
    places: Places,
    path: String,
    glob: Option<GlobMatcher>,
    matcher: Option<RegexMatcher>,
    cancel: CancellationToken,
}

#[derive(Default)]
struct Found {
    text: String,
    matches: usize,
    files: usize,
    secrets: Vec<String>,
    more: bool,
}

/// A directory to walk, or one file.
enum Where {
    Tree(Walk),
    File(String),
}

impl Query {
    fn run(&self) -> Result<Found, String> {
        let mut found = Found::default();
        match self.place()? {
            Where::File(path) => self.search_file(&path, &mut found),
            Where::Tree(walk) => {
                for entry in walk.filter(|entry| self.is_wanted(entry)) {
                    if self.cancel.is_cancelled() || found.matches >= MAX_MATCHES {
                        found.more = true;
                        break;
                    }
                    self.search_file(&entry.path, &mut found);
                }
            }
        }
        Ok(found)
    }

    fn place(&self) -> Result<Where, String> {
        let workspace = &self.places.workspace;
        let path = workspace
            .resolve(&self.path)
            .map_err(|error| error.to_string())?;
        let is_file = !path.is_empty()
            && workspace
                .state(&path)
                .map_err(|error| error.to_string())?
                .is_some_and(|state| state.kind == FileKind::File);
        if is_file {
            return Ok(Where::File(path));
        }
        let walk = workspace.walk_from(&self.path);
        walk.map(Where::Tree).map_err(|error| error.to_string())
    }

    fn is_wanted(&self, entry: &ListEntry) -> bool {
        let fits = |glob: &GlobMatcher| glob.is_match(&entry.path);
        entry.kind == FileKind::File
            && entry.size <= MAX_FILE
            && self.glob.as_ref().is_none_or(fits)
    }

    fn search_file(&self, path: &str, found: &mut Found) {
        let Some(matcher) = &self.matcher else {
            found.text.push_str(&format!("{path}\n"));
            found.files += 1;
            found.matches += 1;
            return;
        };
        if is_secret(path) {
            found.secrets.push(path.to_owned());
            return;
        }
        // A file that is gone by now or cannot be read has no matches.
        let Ok(file) = self.places.workspace.open_file(path) else {
            return;
        };
        let mut lines = Lines {
            path,
            found,
            in_file: 0,
        };
        // An error in the middle of a file leaves what was found before it.
        searcher().search_file(matcher, &file, &mut lines).ok();
        if lines.in_file > 0 {
            found.files += 1;
        }
    }
}

fn searcher() -> Searcher {
    SearcherBuilder::new()
        .binary_detection(BinaryDetection::quit(0))
        .line_terminator(LineTerminator::byte(b'\n'))
        .line_number(true)
        .build()
}

/// Collects the matching lines of one file.
struct Lines<'a> {
    path: &'a str,
    found: &'a mut Found,
    in_file: usize,
}

impl Sink for Lines<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, line: &SinkMatch<'_>) -> Result<bool, io::Error> {
        if self.in_file >= MAX_IN_FILE || self.found.matches >= MAX_MATCHES {
            self.found.more = true;
            return Ok(false);
        }
        let number = line.line_number().unwrap_or_default();
        let text = String::from_utf8_lossy(line.bytes());
        let text = text.trim_end();
        let shown = &text[..text.floor_char_boundary(MAX_LINE)];
        let cut = if shown.len() < text.len() { "…" } else { "" };
        self.found.text.push_str(&format!(
            "{}:{number}{NUMBER_MARK}{shown}{cut}\n",
            self.path
        ));
        self.in_file += 1;
        self.found.matches += 1;
        Ok(true)
    }
}

impl Found {
    fn into_text(self, pattern: &str, path: &str) -> String {
        let mut text = self.text;
        if text.is_empty() {
            let what = match query_kind(pattern) {
                Kind::Names => "no such files".to_owned(),
                Kind::Lines => format!("no line matches {pattern:?}"),
            };
            text = format!("{what} in {path} (what git ignores is not searched)\n");
        }
        if self.more {
            text.push_str("[there is more: narrow it down with path or glob]\n");
        }
        if !self.secrets.is_empty() {
            let names = self.secrets.join(", ");
            text.push_str(&format!(
                "[not searched, since they may hold secrets: {names}]\n"
            ));
        }
        text
    }
}
