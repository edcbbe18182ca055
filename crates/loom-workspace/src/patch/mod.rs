//! Patches in git's format.

mod binary;
mod sha1;

use crate::{lines, name};
use loom_events::{FileKind, FileState, LineCount};
use similar::DiffOp;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

/// Lines of context around a change, as git shows.
const CONTEXT: usize = 3;

/// Binary content beyond this is marked instead of shown.
const MAX_BINARY: usize = 1 << 20;

const NO_NEWLINE: &str = "\\ No newline at end of file\n";

/// What git writes for the hash of nothing.
const NO_OBJECT: &str = "0000000000000000000000000000000000000000";

/// One side of a difference.
#[derive(Debug)]
pub(crate) struct Side {
    state: FileState,
    /// None when it is too large or cannot be read.
    content: Option<Vec<u8>>,
}

/// A difference.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    pub(crate) text: String,
    pub(crate) lines: LineCount,
    pub(crate) binary: bool,
}

impl Side {
    pub(crate) const fn new(state: FileState, content: Option<Vec<u8>>) -> Self {
        Self { state, content }
    }

    pub(crate) const fn state(&self) -> &FileState {
        &self.state
    }

    /// Whether both are the same kind with the same content, and there is some.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        let (one, other) = (&self.state, &other.state);
        one.kind == other.kind && one.size > 0 && one.digest.is_some() && one.digest == other.digest
    }

    /// The mode as git knows it.
    const fn mode(&self) -> &'static str {
        match self.state.kind {
            FileKind::Symlink => "120000",
            FileKind::File if self.state.mode & 0o100 != 0 => "100755",
            FileKind::File | FileKind::Directory | FileKind::Pipe | FileKind::Socket => "100644",
        }
    }

    fn text(&self) -> Option<&str> {
        lines::as_text(self.content.as_deref()?)
    }

    fn object(&self) -> String {
        let content = self.content.as_deref().unwrap_or_default();
        sha1::blob(content)
    }
}

/// The difference of two sides; `from` and `to` are their paths.
pub(crate) fn between(from: &str, to: &str, old: Option<&Side>, new: Option<&Side>) -> Patch {
    if let (Some(old), Some(new)) = (old, new)
        && old.state.kind != new.state.kind
    {
        // A file that becomes a link: git takes the one away and makes the other.
        let mut gone = between(from, from, Some(old), None);
        let made = between(to, to, None, Some(new));
        gone.text.push_str(&made.text);
        gone.lines.added += made.lines.added;
        gone.binary |= made.binary;
        return gone;
    }
    let mut patch = Patch {
        text: header(from, to, old, new),
        ..Patch::default()
    };
    let content = |side: Option<&Side>| side.map(|side| side.content.clone());
    if old.is_some() && new.is_some() && content(old) == content(new) {
        if old.map(Side::mode) == new.map(Side::mode) && from == to {
            patch.text.clear();
        }
        return patch;
    }
    let text =
        |side: Option<&Side>| side.map_or(Some(String::new()), |s| s.text().map(str::to_owned));
    let objects = [old, new].map(|side| side.map_or_else(|| NO_OBJECT.to_owned(), Side::object));
    index_line(&mut patch.text, &objects, old, new);
    match (text(old), text(new)) {
        (Some(before), Some(after)) => {
            let names = [old.map(|_| ("a", from)), new.map(|_| ("b", to))];
            write_text(&mut patch, names, &before, &after);
        }
        _ => {
            patch.binary = true;
            write_binary(&mut patch.text, (from, to), old, new);
        }
    }
    patch
}

fn header(from: &str, to: &str, old: Option<&Side>, new: Option<&Side>) -> String {
    let mut text = format!("diff --git {} {}\n", quoted("a", from), quoted("b", to));
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    match (old, new) {
        (None, Some(new)) => line(format!("new file mode {}", new.mode())),
        (Some(old), None) => line(format!("deleted file mode {}", old.mode())),
        (Some(old), Some(new)) if old.mode() != new.mode() => {
            line(format!("old mode {}", old.mode()));
            line(format!("new mode {}", new.mode()));
        }
        _ => {}
    }
    if from != to {
        line(format!("similarity index {}%", similarity(old, new)));
        line(format!("rename from {}", quoted("", from)));
        line(format!("rename to {}", quoted("", to)));
    }
    text
}

/// Names both contents in full: git checks a binary patch against them, and `--3way` finds them.
fn index_line(text: &mut String, objects: &[String; 2], old: Option<&Side>, new: Option<&Side>) {
    let [before, after] = objects;
    text.push_str(&format!("index {before}..{after}"));
    if let (Some(old), Some(new)) = (old, new)
        && old.mode() == new.mode()
    {
        text.push_str(&format!(" {}", new.mode()));
    }
    text.push('\n');
}

/// Per cent of the lines that are the same.
pub(crate) fn similarity(old: Option<&Side>, new: Option<&Side>) -> usize {
    let (Some(old), Some(new)) = (old, new) else {
        return 0;
    };
    if old.content == new.content {
        return 100;
    }
    let (Some(before), Some(after)) = (old.text(), new.text()) else {
        return 0;
    };
    let (before, after) = (lines::split(before), lines::split(after));
    let changed = lines::count(&lines::compare(&before, &after));
    let all = before.len().max(after.len()).max(1);
    let different = changed.added.max(changed.removed) as usize;
    // 100 is for what is equal.
    (all.saturating_sub(different) * 100 / all).min(99)
}

fn write_text(patch: &mut Patch, names: [Option<(&str, &str)>; 2], before: &str, after: &str) {
    let (old, new) = (lines::split(before), lines::split(after));
    let ops = lines::compare(&old, &new);
    patch.lines = lines::count(&ops);
    let groups = similar::group_diff_ops(ops, CONTEXT);
    if groups.is_empty() {
        return;
    }
    for (mark, name) in ["---", "+++"].iter().zip(names) {
        let name = name.map_or("/dev/null".to_owned(), |(side, path)| {
            let name = quoted(side, path);
            // Without the tab, a name with spaces could not be told from a time stamp after it.
            let end = if name.contains(' ') && !name.starts_with('"') {
                "\t"
            } else {
                ""
            };
            format!("{name}{end}")
        });
        patch.text.push_str(&format!("{mark} {name}\n"));
    }
    for group in groups {
        write_hunk(&mut patch.text, &group, &old, &new);
    }
}

fn write_hunk(text: &mut String, ops: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (ops.first(), ops.last()) else {
        return;
    };
    let old_range = first.old_range().start..last.old_range().end;
    let new_range = first.new_range().start..last.new_range().end;
    // An empty range is named by the line before it.
    let start = |range: &std::ops::Range<usize>| range.start + usize::from(!range.is_empty());
    text.push_str(&format!(
        "@@ -{},{} +{},{} @@\n",
        start(&old_range),
        old_range.len(),
        start(&new_range),
        new_range.len(),
    ));
    let mut put = |mark: char, lines: &[&str]| {
        for line in lines {
            text.push(mark);
            text.push_str(line);
            if !line.ends_with('\n') {
                text.push('\n');
                text.push_str(NO_NEWLINE);
            }
        }
    };
    for op in ops {
        match op {
            DiffOp::Equal { .. } => put(' ', &old[op.old_range()]),
            DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => {
                put('-', &old[op.old_range()]);
                put('+', &new[op.new_range()]);
            }
        }
    }
}

fn write_binary(
    text: &mut String,
    (from, to): (&str, &str),
    old: Option<&Side>,
    new: Option<&Side>,
) {
    let content = |side: Option<&Side>| match side {
        None => Some(Vec::new()),
        Some(side) => side
            .content
            .clone()
            .filter(|bytes| bytes.len() <= MAX_BINARY),
    };
    if let (Some(before), Some(after)) = (content(old), content(new)) {
        text.push_str("GIT binary patch\n");
        binary::write_literal(text, &after);
        binary::write_literal(text, &before);
        return;
    }
    let name = |side: Option<&Side>, mark, path| {
        side.map_or("/dev/null".to_owned(), |_| quoted(mark, path))
    };
    text.push_str(&format!(
        "Binary files {} and {} differ\n",
        name(old, "a", from),
        name(new, "b", to)
    ));
}

/// A path as git writes it: as it is where that is unambiguous, else quoted as in C.
fn quoted(side: &str, path: &str) -> String {
    let path = name::join(side, path);
    let name = name::to_os(&path);
    let plain = |c: char| !c.is_ascii_control() && !matches!(c, '"' | '\\');
    match name.to_str() {
        Some(text) if text.chars().all(plain) => text.to_owned(),
        _ => quote(name.as_bytes()),
    }
}

fn quote(name: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in name {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => write!(text, "\\{byte:03o}").expect("BUG: writing to a string cannot fail"),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash;

    fn side(content: &[u8], mode: u32) -> Side {
        let state = FileState {
            kind: FileKind::File,
            digest: Some(hash(content)),
            mode,
            size: content.len() as u64,
        };
        Side::new(state, Some(content.to_vec()))
    }

    #[test]
    fn a_modified_file_is_shown_as_git_shows_it() {
        let (old, new) = (side(b"a\nb\nc", 0o644), side(b"a\nB\nc\n", 0o755));
        let patch = between("f", "f", Some(&old), Some(&new));
        assert_eq!(
            patch.text,
            "diff --git a/f b/f\nold mode 100644\nnew mode 100755\n\
             index OLD..NEW\n\
             --- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n-c\n\\ No newline at end of file\n+B\n+c\n"
                .replace("OLD", &old.object())
                .replace("NEW", &new.object())
        );
        assert_eq!((patch.lines.added, patch.lines.removed), (2, 2));
    }

    #[test]
    fn names_are_quoted_only_where_they_must_be() {
        assert_eq!(quoted("a", "grün b.txt"), "a/grün b.txt");
        assert_eq!(quoted("a", "tab\there"), "\"a/tab\\011here\"");
        assert_eq!(quoted("", "q\"\\"), "\"q\\\"\\\\\"");
        assert_eq!(quoted("", "\u{efff}"), "\"\\377\"");
    }

    #[test]
    fn equal_content_and_mode_is_no_patch() {
        let (old, new) = (side(b"a", 0o644), side(b"a", 0o600));
        assert_eq!(between("f", "f", Some(&old), Some(&new)).text, "");
    }
}
