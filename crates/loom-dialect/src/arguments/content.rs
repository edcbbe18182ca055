//! Values that fit the schema and are still not what was meant: escaped once too often, with a piece
//! of a mark at the end, with a backspace where a word boundary was meant.
//!
//! Nothing is decoded here. Decoding would be a guess, and writing the value as it is would break the
//! user's file, so the model is asked.

use crate::refuse::{self, code, refusal};
use loom_events::{Refusal, ToolSpec};
use serde_json::{Map, Value};

/// Files in which every angle bracket and every `\n` outside of quotes is code.
const SOURCE: &[&str] = &[
    "py", "rs", "c", "h", "cc", "cpp", "cxx", "hpp", "go", "js", "mjs", "cjs", "ts", "java", "kt",
    "swift", "sh", "bash", "zsh", "rb", "pl", "lua", "cs", "scala", "zig", "sql", "toml", "ini",
    "php", "ex", "exs", "hs", "ml", "r", "jl", "dart", "groovy", "gradle", "ps1", "bat", "cmake",
    "proto", "css", "scss", "json", "yaml", "yml",
];

/// Files in which an entity or a CDATA section may be meant.
const MARKUP: &[&str] = &[
    "xml", "svg", "xhtml", "html", "htm", "xsl", "xslt", "plist", "rss", "atom", "xaml", "kml",
];

/// Entities that stand for characters of code.
const ENTITIES: [&str; 3] = ["&lt;", "&gt;", "&amp;"];

/// Names of marks that leak into values, beside the key itself.
const LEAKED: [&str; 8] = [
    "parameter",
    "parameters",
    "arg_value",
    "arg_key",
    "function",
    "tool_call",
    "invoke",
    "arguments",
];

/// Whether the path is of a file in which markup is content.
pub(crate) fn is_markup_file(path: &str) -> bool {
    has_extension(path, MARKUP)
}

fn has_extension(path: &str, extensions: &[&str]) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_lowercase());
    extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
        || matches!(name, "Makefile" | "Dockerfile") && extensions == SOURCE
}

/// The value without the closing tag that leaked into its end; `None` when there is none. A tag that
/// the value itself opens belongs to it.
pub(super) fn without_leaked_tag<'t>(key: &str, text: &'t str) -> Option<&'t str> {
    let trimmed = text.trim_end();
    let (before, tag) = trimmed.strip_suffix('>')?.rsplit_once("</")?;
    let leaked = tag == key || (LEAKED.contains(&tag) && !before.contains('<'));
    let is_all = before.trim().is_empty();
    (leaked && !is_all && !before.contains(&format!("<{tag}")))
        .then(|| before.trim_end_matches(['\n', '\r']))
}

/// Refuses what was escaped once too often, and control characters that nobody means.
pub(super) fn check(spec: &ToolSpec, arguments: &Value) -> Result<(), Refusal> {
    let Value::Object(arguments) = arguments else {
        return Ok(());
    };
    let target = target(arguments);
    for (key, value) in arguments {
        let Value::String(text) = value else { continue };
        if text.contains('\u{8}') || (text.contains('\u{c}') && !is_content(key)) {
            let what = format!(
                "`{key}` has a backspace or a form feed, where \\b or \\f with a backslash was probably meant; write \\\\b in JSON"
            );
            return Err(refuse::ambiguous(Some(spec), &what));
        }
        let is_command = matches!(key.as_str(), "command" | "cmd" | "script");
        let is_source = is_content(key) && target.is_some_and(|path| has_extension(path, SOURCE));
        if (is_command || is_source) && is_all_entities(text) {
            return Err(escaping(
                spec,
                key,
                "every `<`, `>` and `&` in it is an HTML entity; send the characters themselves",
            ));
        }
        if is_source && has_escaped_lines(text) {
            return Err(escaping(
                spec,
                key,
                "it is one line with \\n written out in it; send real line breaks (\\n once in JSON)",
            ));
        }
    }
    Ok(())
}

fn escaping(spec: &ToolSpec, key: &str, what: &str) -> Refusal {
    let message = format!(
        "`{key}` of `{}` looks as if it was escaped once too often and was not used: {what}.",
        spec.name
    );
    refusal(code::ESCAPING, message)
}

/// The file that the call is about.
fn target(arguments: &Map<String, Value>) -> Option<&str> {
    let keys = ["path", "file_path", "file", "filename", "destination"];
    keys.iter().find_map(|key| arguments.get(*key)?.as_str())
}

/// Whether a parameter names a place, whose end is never a tag.
pub(super) fn is_path(key: &str) -> bool {
    let names = [
        "path",
        "file",
        "dir",
        "folder",
        "source",
        "destination",
        "src",
        "dst",
    ];
    let key = key.to_lowercase();
    names.iter().any(|name| key.contains(name)) && !is_content(&key)
}

/// Whether a parameter holds text of a file. Paths and patterns do not.
fn is_content(key: &str) -> bool {
    let names = [
        "content", "text", "string", "str", "body", "code", "replace", "insert",
    ];
    let key = key.to_lowercase();
    names.iter().any(|name| key.contains(name))
}

fn is_all_entities(text: &str) -> bool {
    let mut entities = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '<' | '>' => return false,
            '&' if ENTITIES.iter().any(|entity| text[at..].starts_with(entity)) => entities += 1,
            '&' if text[at..].starts_with("&quot;")
                || text[at..].starts_with("&#39;")
                || text[at..].starts_with("&apos;") => {}
            '&' => return false,
            _ => {}
        }
    }
    entities > 0
}

/// Whether `\n` stands outside of quotes in what has no line break of its own.
fn has_escaped_lines(text: &str) -> bool {
    if text.trim_end_matches('\n').contains('\n') {
        return false;
    }
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None) if chars.peek() == Some(&'n') => return true,
            ('\\', Some(_)) => {
                chars.next();
            }
            ('"' | '\'' | '`', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(arguments: Value) -> Option<String> {
        let spec = ToolSpec::new("write_file", "", json!({"type": "object"}));
        check(&spec, &arguments).err().map(|refusal| refusal.code)
    }

    #[test]
    fn source_that_was_escaped_once_too_often_is_asked_about() {
        let escaped = Some("suspected_escaping".to_owned());
        for content in ["if a &lt; b &amp;&amp; c:", r"import os\nprint(os.name)\n"] {
            assert_eq!(
                code(json!({"path": "a.py", "content": content})),
                escaped,
                "{content}"
            );
        }
        assert_eq!(code(json!({"command": "a &amp;&amp; b"})), escaped);
        for (path, content) in [
            ("a.md", "Use &lt;br&gt;"),
            ("a.html", "&lt;b&gt;"),
            ("a.py", r"print('a\n')"),
            ("a.py", "import os\nprint('a\\n')"),
            ("a.py", "a < b &amp; c"),
            ("a.txt", r"one\ntwo"),
        ] {
            assert_eq!(
                code(json!({"path": path, "content": content})),
                None,
                "{path} {content}"
            );
        }
    }

    #[test]
    fn a_backspace_is_never_meant() {
        assert_eq!(
            code(json!({"pattern": "\u{8}main\u{8}"})).as_deref(),
            Some("ambiguous_arguments")
        );
        assert_eq!(
            code(json!({"path": "a.txt", "content": "page\u{c}two"})),
            None
        );
    }

    #[test]
    fn a_leaked_tag_is_found_at_the_end_unless_it_was_opened() {
        let clean = |key: &str, text| without_leaked_tag(key, text);
        assert_eq!(clean("path", "a.md</path>"), Some("a.md"));
        assert_eq!(clean("path", "a.md</parameter>\n"), Some("a.md"));
        assert_eq!(clean("content", "<content>x</content>"), None);
        assert_eq!(clean("content", "<b>x</b>"), None);
        assert_eq!(clean("path", "a.md"), None);
    }
}
