//! The words of programming languages: keywords, texts, numbers, comments, line by line.
//!
//! No grammar, on purpose. A patch shows pieces of files, so that a parser begins in the middle of
//! something and is wrong for as long as it does; grammars of a highlighter such as syntect take
//! several MiB of memory and 30 ms at the start, most of what this whole program uses. A line looked
//! at by itself is right but for the inside of long comments, and costs nothing.

use crate::look::{Look, Tone};
use ratatui::style::{Modifier, Style};

/// What is known of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Language {
    comments: &'static [&'static str],
    quotes: &'static str,
    keywords: &'static [&'static str],
}

const C_LIKE: &[&str] = &["//", "/*", "* "];
const HASH: &[&str] = &["#"];

const RUST: Language = Language {
    comments: C_LIKE,
    quotes: "\"",
    keywords: &[
        "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum",
        "extern", "false", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move",
        "mut", "pub", "ref", "return", "self", "Self", "static", "struct", "super", "trait",
        "true", "type", "unsafe", "use", "where", "while",
    ],
};

const PYTHON: Language = Language {
    comments: HASH,
    quotes: "\"'",
    keywords: &[
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
        "elif", "else", "except", "False", "finally", "for", "from", "global", "if", "import",
        "in", "is", "lambda", "None", "nonlocal", "not", "or", "pass", "raise", "return", "self",
        "True", "try", "while", "with", "yield",
    ],
};

const SCRIPT: Language = Language {
    comments: C_LIKE,
    quotes: "\"'`",
    keywords: &[
        "abstract",
        "as",
        "async",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "declare",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "from",
        "function",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "null",
        "of",
        "private",
        "protected",
        "public",
        "readonly",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "type",
        "typeof",
        "undefined",
        "var",
        "void",
        "while",
        "yield",
    ],
};

const C: Language = Language {
    comments: C_LIKE,
    quotes: "\"'",
    keywords: &[
        "abstract",
        "auto",
        "bool",
        "boolean",
        "break",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "constexpr",
        "continue",
        "default",
        "delete",
        "do",
        "double",
        "else",
        "enum",
        "extends",
        "extern",
        "false",
        "final",
        "finally",
        "float",
        "for",
        "goto",
        "if",
        "implements",
        "import",
        "inline",
        "int",
        "interface",
        "internal",
        "long",
        "namespace",
        "new",
        "null",
        "nullptr",
        "operator",
        "override",
        "package",
        "private",
        "protected",
        "public",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "string",
        "struct",
        "switch",
        "template",
        "this",
        "throw",
        "throws",
        "true",
        "try",
        "typedef",
        "typename",
        "union",
        "unsigned",
        "using",
        "var",
        "virtual",
        "void",
        "volatile",
        "while",
    ],
};

const GO: Language = Language {
    comments: C_LIKE,
    quotes: "\"'`",
    keywords: &[
        "break",
        "case",
        "chan",
        "const",
        "continue",
        "default",
        "defer",
        "else",
        "fallthrough",
        "false",
        "for",
        "func",
        "go",
        "goto",
        "if",
        "import",
        "interface",
        "map",
        "nil",
        "package",
        "range",
        "return",
        "select",
        "struct",
        "switch",
        "true",
        "type",
        "var",
    ],
};

const SHELL: Language = Language {
    comments: HASH,
    quotes: "\"'",
    keywords: &[
        "case", "do", "done", "elif", "else", "esac", "exit", "export", "fi", "for", "function",
        "if", "in", "local", "return", "set", "shift", "then", "until", "while",
    ],
};

const RUBY: Language = Language {
    comments: HASH,
    quotes: "\"'",
    keywords: &[
        "and", "begin", "break", "case", "class", "def", "do", "else", "elsif", "end", "ensure",
        "false", "for", "if", "in", "module", "next", "nil", "not", "or", "raise", "require",
        "rescue", "return", "self", "super", "then", "true", "unless", "until", "when", "while",
        "yield",
    ],
};

/// Data: TOML, YAML, JSON, INI.
const DATA: Language = Language {
    comments: HASH,
    quotes: "\"'",
    keywords: &["true", "false", "null"],
};

const SQL: Language = Language {
    comments: &["--"],
    quotes: "'\"",
    keywords: &[
        "and", "as", "by", "create", "delete", "drop", "from", "group", "index", "insert", "into",
        "join", "left", "not", "null", "on", "or", "order", "primary", "select", "set", "table",
        "unique", "update", "values", "where", "AND", "AS", "BY", "CREATE", "DELETE", "DROP",
        "FROM", "GROUP", "INDEX", "INSERT", "INTO", "JOIN", "LEFT", "NOT", "NULL", "ON", "OR",
        "ORDER", "PRIMARY", "SELECT", "SET", "TABLE", "UNIQUE", "UPDATE", "VALUES", "WHERE",
    ],
};

impl Language {
    /// The language of a file, by its name; none is text.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        if matches!(name, "Makefile" | "Dockerfile" | "justfile") {
            return Some(SHELL);
        }
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension {
            "rs" => RUST,
            "py" | "pyi" => PYTHON,
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" => SCRIPT,
            "c" | "h" | "cc" | "cpp" | "hpp" | "java" | "cs" | "kt" | "swift" | "php" => C,
            "go" => GO,
            "sh" | "bash" | "zsh" => SHELL,
            "rb" => RUBY,
            "toml" | "yaml" | "yml" | "json" | "ini" | "cfg" => DATA,
            "sql" => SQL,
            _ => return None,
        })
    }
}

/// A line in pieces, each with its style; `base` is what the line has anyway.
pub(crate) fn paint(
    line: &str,
    language: Option<Language>,
    base: Style,
    look: Look,
) -> Vec<(&str, Style)> {
    let Some(language) = language else {
        return vec![(line, base)];
    };
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let begins_line =
            line.len() == rest.len() || line[..line.len() - rest.len()].trim().is_empty();
        let (length, style) = if comment(rest, language, begins_line) {
            (rest.len(), base.add_modifier(Modifier::DIM))
        } else if language.quotes.contains(first) {
            (quoted(rest, first), base.patch(look.style(Tone::Literal)))
        } else if first.is_ascii_digit() {
            let length = run(rest, |c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
            (length, base.patch(look.style(Tone::Literal)))
        } else if first.is_alphabetic() || first == '_' {
            let length = run(rest, |c| c.is_alphanumeric() || c == '_');
            let style = match language.keywords.contains(&&rest[..length]) {
                true => base.patch(look.style(Tone::Keyword)),
                false => base,
            };
            (length, style)
        } else {
            (first.len_utf8(), base)
        };
        let (piece, after) = rest.split_at(length);
        pieces.push((piece, style));
        rest = after;
    }
    pieces
}

/// Whether a comment begins here. The star of a long one counts only where its line begins.
fn comment(rest: &str, language: Language, begins_line: bool) -> bool {
    let starts = |mark: &&str| rest.starts_with(*mark) && (begins_line || *mark != "* ");
    language.comments.iter().any(starts)
}

fn run(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}

/// Bytes of a text in quotes, the quotes with it; to the end of the line when it is not closed.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces that are not in the base style, with what they are.
    fn marked(path: &str, line: &str) -> Vec<(String, &'static str)> {
        let look = Look::default();
        let pieces = paint(line, Language::of(path), Style::new(), look);
        assert_eq!(
            pieces.iter().map(|(text, _)| *text).collect::<String>(),
            line
        );
        let kind = |style: Style| {
            [
                (Tone::Keyword, "keyword"),
                (Tone::Literal, "literal"),
                (Tone::Dim, "comment"),
            ]
            .into_iter()
            .find(|(tone, _)| look.style(*tone) == style)
            .map(|(_, name)| name)
        };
        pieces
            .iter()
            .filter_map(|(text, style)| Some(((*text).to_owned(), kind(*style)?)))
            .collect()
    }

    #[test]
    fn words_texts_numbers_and_comments_are_told_apart() {
        for (path, line, expected) in [
            (
                "a.rs",
                "let letter = \"a\\\"b\" + 42; // why",
                vec![
                    ("let", "keyword"),
                    ("\"a\\\"b\"", "literal"),
                    ("42", "literal"),
                    ("// why", "comment"),
                ],
            ),
            (
                "a.py",
                "def f(x): # it's",
                vec![("def", "keyword"), ("# it's", "comment")],
            ),
            ("a.go", "x := 'open", vec![("'open", "literal")]),
            (
                "a.c",
                "  * a long comment",
                vec![("* a long comment", "comment")],
            ),
            ("a.c", "a * b", vec![]),
            ("Cargo.toml", "a = true", vec![("true", "keyword")]),
            ("a.txt", "let it be", vec![]),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(text, kind)| (text.to_owned(), kind))
                .collect();
            assert_eq!(marked(path, line), expected, "{line}");
        }
    }

    #[test]
    fn any_line_comes_out_whole() {
        for line in ["\"", "\\", "ü\"日", "'\\", "1.2.3e", "_", ""] {
            for path in ["a.rs", "a.js", "x"] {
                let pieces = paint(line, Language::of(path), Style::new(), Look::default());
                assert_eq!(
                    pieces.iter().map(|(text, _)| *text).collect::<String>(),
                    line
                );
            }
        }
    }
}
