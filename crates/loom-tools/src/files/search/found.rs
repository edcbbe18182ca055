//! What a search found: lines of one file, and all of them within the caps.

use super::super::NUMBER_MARK;
use grep::searcher::{Searcher, Sink, SinkMatch};
use loom_redact::Redactor;
use std::io;
use std::sync::Arc;

/// Matches that are shown.
const MAX_MATCHES: usize = 200;

/// Matches in one file that are shown, so that one file does not hide the others.
const MAX_IN_FILE: usize = 50;

/// Bytes of a matching line that are shown.
const MAX_LINE: usize = 300;

/// What was found in one file.
#[derive(Default)]
pub(super) struct InFile {
    pub(super) path: String,
    lines: Vec<String>,
    secret: bool,
    /// Whether it has more matches than are shown of one file.
    more: bool,
    redactor: Arc<Redactor>,
}

impl InFile {
    pub(super) fn new(path: String) -> Self {
        Self {
            path,
            ..Self::default()
        }
    }

    /// A file whose lines are shown without secrets.
    pub(super) fn shown(path: String, redactor: &Arc<Redactor>) -> Self {
        Self {
            redactor: Arc::clone(redactor),
            ..Self::new(path)
        }
    }

    /// A file that is found by its name.
    pub(super) fn named(path: String) -> Self {
        let lines = vec![format!("{path}\n")];
        Self {
            lines,
            ..Self::new(path)
        }
    }

    /// A file that is not looked into.
    pub(super) fn secret(path: String) -> Self {
        Self {
            secret: true,
            ..Self::new(path)
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Sink for InFile {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, line: &SinkMatch<'_>) -> Result<bool, io::Error> {
        if self.lines.len() >= MAX_IN_FILE {
            self.more = true;
            return Ok(false);
        }
        let number = line.line_number().unwrap_or_default();
        let text = String::from_utf8_lossy(line.bytes());
        let text = self.redactor.text(text.trim_end());
        let shown = &text[..text.floor_char_boundary(MAX_LINE)];
        let cut = if shown.len() < text.len() { "…" } else { "" };
        let path = &self.path;
        self.lines
            .push(format!("{path}:{number}{NUMBER_MARK}{shown}{cut}\n"));
        Ok(true)
    }
}

/// All that is shown.
#[derive(Default)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) matches: usize,
    pub(super) files: usize,
    pub(super) secrets: Vec<String>,
    pub(super) more: bool,
}

impl Found {
    pub(super) fn of(files: impl IntoIterator<Item = InFile>) -> Self {
        let mut found = Self::default();
        let mut files = files.into_iter();
        files.all(|file| found.add(file));
        found
    }

    /// Adds what the next file has; whether more is wanted.
    pub(super) fn add(&mut self, file: InFile) -> bool {
        if file.secret {
            self.secrets.push(file.path);
            return true;
        }
        let room = MAX_MATCHES - self.matches;
        self.more |= file.more || file.lines.len() > room;
        self.files += usize::from(!file.lines.is_empty() && room > 0);
        for line in file.lines.iter().take(room) {
            self.text.push_str(line);
            self.matches += 1;
        }
        file.lines.len() <= room
    }
}

impl Found {
    pub(super) fn into_text(self, nothing: &str) -> String {
        let mut text = self.text;
        if text.is_empty() {
            text = format!("{nothing} (what git ignores is not searched)\n");
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
