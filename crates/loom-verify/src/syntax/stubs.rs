//! Functions whose body became a stub.

use super::language::{Language, Tree, line_of};
use std::collections::HashMap;
use tree_sitter::Node;

/// A function that had a body before and is a stub now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stub {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// What its body is now, in one line.
    pub(crate) body: String,
}

/// The functions that did something before and do nothing now. Of functions with the same name only
/// those count of which no other does something.
pub(crate) fn stubs(language: Language, before: &str, after: &str) -> Vec<Stub> {
    let (Some(before), Some(after)) = (language.parse(before), language.parse(after)) else {
        return Vec::new();
    };
    let mut did: HashMap<String, usize> = HashMap::new();
    for (name, _, body) in functions(&before) {
        if !is_stub(&body) {
            *did.entry(name).or_default() += 1;
        }
    }
    let now: Vec<(String, usize, String)> = functions(&after);
    for (name, _, body) in &now {
        if !is_stub(body)
            && let Some(count) = did.get_mut(name)
        {
            *count = count.saturating_sub(1);
        }
    }
    now.into_iter()
        .filter(|(name, _, body)| is_stub(body) && did.get(name).is_some_and(|left| *left > 0))
        .map(|(name, line, body)| Stub { name, line, body })
        .collect()
}

/// Name, line and body of each function, the body without comments and in one line.
fn functions(tree: &Tree<'_>) -> Vec<(String, usize, String)> {
    tree.nodes()
        .filter_map(|node| {
            let kind = node.kind();
            let is_function = kind.contains("function")
                || kind.contains("method")
                || kind.contains("constructor_declaration");
            let body = node.child_by_field_name("body").filter(|_| is_function)?;
            let name = node
                .child_by_field_name("name")
                .or_else(|| node.child_by_field_name("declarator"))?;
            Some((tree.text(name).to_owned(), line_of(node), code(tree, body)))
        })
        .collect()
}

/// The statements of a body: comments and a documentation string say nothing.
fn code(tree: &Tree<'_>, body: Node<'_>) -> String {
    let mut cursor = body.walk();
    let statements: Vec<&str> = body
        .named_children(&mut cursor)
        .filter(|node| !node.kind().contains("comment"))
        .filter(|node| !is_text(*node))
        .map(|node| tree.text(node).trim())
        .collect();
    statements.join(" ")
}

/// A statement that is nothing but a text: a documentation string of Python.
fn is_text(node: Node<'_>) -> bool {
    node.kind() == "expression_statement"
        && node.named_child_count() == 1
        && node
            .named_child(0)
            .is_some_and(|only| only.kind() == "string")
}

fn is_stub(body: &str) -> bool {
    let body = body.trim().trim_end_matches(';').trim();
    let starts = [
        "raise NotImplementedError",
        "todo!(",
        "unimplemented!(",
        "throw new Error(\"Not implemented",
        "throw new Error('Not implemented",
        "throw new Error(\"not implemented",
        "throw new Error('not implemented",
        "throw new UnsupportedOperationException(",
        "panic(\"not implemented",
        "panic!(\"not implemented",
    ];
    matches!(body, "" | "pass" | "..." | "nil")
        || starts
            .iter()
            .any(|start| body.starts_with(start) && !body.contains('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, before: &str, after: &str) -> Vec<String> {
        let language = Language::of(path, after).unwrap();
        let stubs = stubs(language, before, after);
        stubs.into_iter().map(|stub| stub.name).collect()
    }

    #[test]
    fn a_function_that_did_something_and_is_a_stub_now_is_found() {
        for (path, before, after) in [
            ("a.py", "def f():\n    return 1\n", "def f():\n    pass\n"),
            (
                "a.py",
                "def f():\n    return 1\n",
                "def f():\n    \"\"\"Does it.\"\"\"\n    ...\n",
            ),
            (
                "a.py",
                "class A:\n    def f(self):\n        return 1\n",
                "class A:\n    def f(self):\n        raise NotImplementedError(\"later\")\n",
            ),
            ("a.rs", "fn f() -> u8 { 1 }\n", "fn f() -> u8 { todo!() }\n"),
            (
                "a.js",
                "function f() { return 1; }\n",
                "function f() { /* later */ }\n",
            ),
            (
                "a.ts",
                "class A { f(): number { return 1; } }\n",
                "class A { f(): number { throw new Error('Not implemented'); } }\n",
            ),
            (
                "a.go",
                "package a\nfunc f() int { return 1 }\n",
                "package a\nfunc f() int { panic(\"not implemented\") }\n",
            ),
            (
                "a.java",
                "class A { int f() { return 1; } }\n",
                "class A { int f() { throw new UnsupportedOperationException(); } }\n",
            ),
            ("a.c", "int f(void) { return 1; }\n", "int f(void) { }\n"),
            ("a.rb", "def f\n  1\nend\n", "def f\n  nil\nend\n"),
        ] {
            assert_eq!(found(path, before, after).len(), 1, "{path} {after}");
        }
    }

    #[test]
    fn what_was_a_stub_or_still_does_something_is_not_found() {
        for (path, before, after) in [
            ("a.py", "def f():\n    pass\n", "def f():\n    ...\n"),
            (
                "a.py",
                "def f():\n    return 1\n",
                "def f():\n    return 2\n",
            ),
            ("a.py", "x = 1\n", "class A:\n    def f(self): ...\n"),
            ("a.py", "def f():\n    return 1\n", "def g():\n    pass\n"),
            (
                "a.py",
                "class A:\n    def f(self): return 1\nclass B:\n    def f(self): pass\n",
                "class A:\n    def f(self): return 2\nclass B:\n    def f(self): pass\n",
            ),
        ] {
            assert_eq!(found(path, before, after), Vec::<String>::new(), "{after}");
        }
    }
}
