//! The languages with a grammar here, and a parsed text.

use tree_sitter::{Node, Parser};

/// Largest text that is parsed: beyond it a file is generated or data.
const MAX_BYTES: usize = 1024 * 1024;

/// A language with a grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Bash,
    C,
    Cpp,
    Css,
    Go,
    Html,
    Java,
    JavaScript,
    Python,
    Ruby,
    Rust,
    Tsx,
    TypeScript,
}

impl Language {
    /// The language of a file by its name, or by the first line of a script.
    pub(crate) fn of(path: &str, text: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let Some((_, extension)) = name.rsplit_once('.') else {
            return Self::of_script(&name, text);
        };
        Some(match extension {
            "sh" | "bash" => Self::Bash,
            "c" => Self::C,
            // A header of C is one of C++ as well, as far as brackets go.
            "h" | "cc" | "cpp" | "cxx" | "hpp" | "hh" | "hxx" => Self::Cpp,
            "css" => Self::Css,
            "go" => Self::Go,
            "html" | "htm" => Self::Html,
            "java" => Self::Java,
            "js" | "mjs" | "cjs" | "jsx" => Self::JavaScript,
            "py" | "pyi" => Self::Python,
            "rb" | "rake" | "gemspec" => Self::Ruby,
            "rs" => Self::Rust,
            "tsx" => Self::Tsx,
            "ts" | "mts" | "cts" => Self::TypeScript,
            _ => return None,
        })
    }

    fn of_script(name: &str, text: &str) -> Option<Self> {
        if matches!(name, "rakefile" | "gemfile") {
            return Some(Self::Ruby);
        }
        let first = text.lines().next()?.strip_prefix("#!")?;
        let program = first.split(['/', ' ']).rfind(|word| !word.is_empty())?;
        match program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
            "sh" | "bash" => Some(Self::Bash),
            "python" => Some(Self::Python),
            "node" => Some(Self::JavaScript),
            "ruby" => Some(Self::Ruby),
            _ => None,
        }
    }

    /// As people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bash => "shell script",
            Self::C => "C",
            Self::Cpp => "C++",
            Self::Css => "CSS",
            Self::Go => "Go",
            Self::Html => "HTML",
            Self::Java => "Java",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Ruby => "Ruby",
            Self::Rust => "Rust",
            Self::Tsx => "TSX",
            Self::TypeScript => "TypeScript",
        }
    }

    fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::Bash => tree_sitter_bash::LANGUAGE.into(),
            Self::C => tree_sitter_c::LANGUAGE.into(),
            Self::Cpp => tree_sitter_cpp::LANGUAGE.into(),
            Self::Css => tree_sitter_css::LANGUAGE.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Html => tree_sitter_html::LANGUAGE.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::Ruby => tree_sitter_ruby::LANGUAGE.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        }
    }

    /// The text as a tree; none when it is too large.
    pub(crate) fn parse(self, text: &str) -> Option<Tree<'_>> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let mut parser = Parser::new();
        parser
            .set_language(&self.grammar())
            .expect("BUG: the grammars fit the library, a test loads each");
        let tree = parser.parse(text, None)?;
        Some(Tree { text, tree })
    }
}

/// A parsed text.
pub(crate) struct Tree<'a> {
    text: &'a str,
    tree: tree_sitter::Tree,
}

impl<'a> Tree<'a> {
    pub(crate) fn root(&self) -> Node<'_> {
        self.tree.root_node()
    }

    /// The text of a node.
    pub(crate) fn text(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// One line of the text, from 1.
    pub(crate) fn line(&self, number: usize) -> &'a str {
        self.text
            .lines()
            .nth(number.saturating_sub(1))
            .unwrap_or_default()
    }

    /// Every node, parents first. Without recursion: a hostile file nests as deep as it is long.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let mut cursor = self.root().walk();
        let mut done = false;
        std::iter::from_fn(move || {
            if done {
                return None;
            }
            let node = cursor.node();
            if !cursor.goto_first_child() {
                while !cursor.goto_next_sibling() {
                    if !cursor.goto_parent() {
                        done = true;
                        break;
                    }
                }
            }
            Some(node)
        })
    }
}

/// The line of a node, from 1.
pub(crate) fn line_of(node: Node<'_>) -> usize {
    node.start_position().row + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grammar_fits_the_library_and_reads_a_text() {
        for (path, text) in [
            ("a.sh", "echo a\n"),
            ("a.c", "int a;\n"),
            ("a.cpp", "class A {};\n"),
            ("a.css", "a { color: red; }\n"),
            ("a.go", "package a\n"),
            ("a.html", "<p>a</p>\n"),
            ("a.java", "class A {}\n"),
            ("a.js", "let a = 1;\n"),
            ("a.py", "a = 1\n"),
            ("a.rb", "a = 1\n"),
            ("a.rs", "fn a() {}\n"),
            ("a.tsx", "const a = <p>a</p>;\n"),
            ("a.ts", "let a: number = 1;\n"),
        ] {
            let language = Language::of(path, text).unwrap();
            let tree = language.parse(text).unwrap();
            assert!(!tree.root().has_error(), "{path}");
            assert!(tree.nodes().count() > 1, "{path}");
        }
    }

    #[test]
    fn a_script_without_an_extension_is_known_by_its_first_line() {
        let of = |text: &str| Language::of("bin/run", text);
        assert_eq!(of("#!/usr/bin/env python3\n"), Some(Language::Python));
        assert_eq!(of("#!/bin/sh -e\n"), None);
        assert_eq!(of("#!/bin/bash\n"), Some(Language::Bash));
        assert_eq!(of("plain text"), None);
    }
}
