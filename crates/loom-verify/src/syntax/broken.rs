//! Whether a text can be read by the grammar of its language.
//!
//! A grammar is not the language: it lags behind new syntax, and C with its macros or HTML with
//! templates inside are not what it was made for. Where that is known, only a structure that is not
//! finished or not balanced counts.

use super::language::{Language, Tree, line_of};
use std::collections::BTreeSet;
use tree_sitter::Node;

/// The first thing that the grammar cannot read: its line, and what is wrong there.
pub(crate) fn error(language: Language, text: &str) -> Option<(usize, String)> {
    let tree = language.parse(text)?;
    if !tree.root().has_error() {
        return None;
    }
    match language {
        Language::C | Language::Cpp => unbalanced(&tree),
        Language::Html => unfinished_html(&tree),
        Language::Bash
        | Language::Css
        | Language::Go
        | Language::Java
        | Language::JavaScript
        | Language::Python
        | Language::Ruby
        | Language::Rust
        | Language::Tsx
        | Language::TypeScript => first_error(&tree),
    }
}

fn first_error(tree: &Tree<'_>) -> Option<(usize, String)> {
    let node = tree
        .nodes()
        .find(|node| node.is_missing() || node.is_error())?;
    let line = line_of(node);
    Some((line, words(tree, node, line)))
}

fn words(tree: &Tree<'_>, node: Node<'_>, line: usize) -> String {
    let shown = tree.line(line).trim();
    if node.is_missing() {
        return format!("line {line}: `{}` is missing after\n| {shown}", node.kind());
    }
    format!("line {line}: this cannot be read\n| {shown}")
}

/// Braces that do not match, outside of what the grammar sees as texts and comments. Macros may
/// hold half a statement, but hardly half a pair of braces. Where branches of a condition open or
/// close more than the other, nobody can tell.
fn unbalanced(tree: &Tree<'_>) -> Option<(usize, String)> {
    let conditional = conditional_lines(tree.text(tree.root()));
    let mut open: Vec<usize> = Vec::new();
    let mut in_conditions = 0_i64;
    let mut stray = None;
    for node in tree.nodes().filter(|node| node.child_count() == 0) {
        let line = line_of(node);
        let opens = match node.kind() {
            "{" if !node.is_missing() => true,
            "}" if !node.is_missing() => false,
            _ => continue,
        };
        if conditional.contains(&line) {
            in_conditions += if opens { 1 } else { -1 };
        } else if opens {
            open.push(line);
        } else if open.pop().is_none() && stray.is_none() {
            stray = Some((line, format!("line {line}: `}}` closes nothing")));
        }
    }
    if in_conditions != 0 {
        return None;
    }
    stray.or_else(|| {
        let line = open.pop()?;
        let shown = tree.line(line).trim();
        Some((
            line,
            format!("line {line}: `{{` is never closed\n| {shown}"),
        ))
    })
}

/// The lines between `#if` and `#endif`.
fn conditional_lines(text: &str) -> BTreeSet<usize> {
    let mut depth = 0_usize;
    let mut found = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        let directive = line.trim_start().strip_prefix('#').map(str::trim_start);
        if directive.is_some_and(|d| d.starts_with("endif")) {
            depth = depth.saturating_sub(1);
        }
        if depth > 0 {
            found.insert(at + 1);
        }
        if directive.is_some_and(|d| d.starts_with("if")) {
            depth += 1;
        }
    }
    found
}

/// Text that ends within a tag, a comment or a script.
fn unfinished_html(tree: &Tree<'_>) -> Option<(usize, String)> {
    let end = tree.text(tree.root()).trim_end();
    if let Some(at) = end.rfind("<!--")
        && !end[at..].contains("-->")
    {
        let line = end[..at].matches('\n').count() + 1;
        return Some((line, format!("line {line}: the comment is never closed")));
    }
    for name in ["script", "style"] {
        let opened = end
            .to_ascii_lowercase()
            .matches(&format!("<{name}"))
            .count();
        let closed = end
            .to_ascii_lowercase()
            .matches(&format!("</{name}"))
            .count();
        if opened > closed {
            let line = end.lines().count();
            return Some((line, format!("line {line}: `<{name}>` is never closed")));
        }
    }
    let tail = end.rfind('<').map(|at| &end[at..])?;
    let line = end.lines().count();
    let is_tag = tail[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    (is_tag && !tail.contains('>')).then(|| {
        (
            line,
            format!("line {line}: the tag is never closed\n| {tail}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(path: &str, text: &str) -> Option<(usize, String)> {
        error(Language::of(path, text).unwrap(), text)
    }

    #[test]
    fn what_a_language_cannot_read_is_found_with_its_line() {
        for (path, text, line) in [
            ("a.py", "def f():\n    return (1\n", 2),
            ("a.py", "x = 1\ndef f(:\n    pass\n", 2),
            ("a.js", "function f() {\n  return 1;\n", 2),
            ("a.ts", "const a: = 1;\n", 1),
            ("a.tsx", "const a = <p>a</p;\n", 1),
            ("a.rs", "fn a() {\n    let x = ;\n}\n", 2),
            ("a.go", "package a\nfunc f() {\n", 2),
            ("a.java", "class A {\n  int f( { }\n}\n", 2),
            ("a.c", "int f(void) {\n  if (1) {\n  return 1;\n}\n", 1),
            ("a.cpp", "class A {\n};\n}\n", 3),
            ("a.rb", "def f\n  1\n", 1),
            ("a.sh", "if true; then\n  echo a\n", 2),
            ("a.css", "a { color: red;\n", 1),
            ("a.html", "<p>a</p>\n<div class=\"b", 2),
            ("a.html", "<script>\nlet a;\n", 2),
        ] {
            let (at, why) = seen(path, text).unwrap_or_default();
            assert!(at >= 1 && at <= line + 1, "{path} {text:?}: {at} {why}");
            assert!(why.starts_with(&format!("line {at}: ")), "{why}");
        }
    }

    #[test]
    fn what_a_grammar_is_not_made_for_is_no_error() {
        for (path, text) in [
            ("a.c", "#define BEGIN {\nFOREACH(x, list) { f(x); }\n"),
            (
                "a.c",
                "#ifdef A\nint f(int a) {\n#else\nint f(void) {\n#endif\n  return 1;\n}\n",
            ),
            ("a.h", "EXPORT_API int f(void) NOEXCEPT;\n"),
            (
                "a.html",
                "<ul>{% for a in b %}<li {{ a }}>{% endfor %}</ul>\n",
            ),
            ("a.html", "<p>a<p>b\n"),
            (
                "a.py",
                "match x:\n    case [a, *_]:\n        print(f'{a!r:>{10}}')\n",
            ),
            ("a.rs", "fn a() { let Some(x) = y else { return }; }\n"),
            (
                "a.sh",
                "cat <<EOF\n(\nEOF\n[[ a == b* ]] && echo \"${a[@]}\"\n",
            ),
        ] {
            assert_eq!(seen(path, text), None, "{path}: {text}");
        }
    }
}
