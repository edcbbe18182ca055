//! Names that a file of code defines.

use super::language::{Language, Tree};
use tree_sitter::Node;

/// Whether the text defines the name; none when its language has no grammar here. A dotted name is
/// defined when its last part is, inside something of the name before it.
pub(crate) fn defines(path: &str, text: &str, name: &str) -> Option<bool> {
    let language = Language::of(path, text)?;
    if matches!(language, Language::Html | Language::Css) {
        return None;
    }
    let tree = language.parse(text)?;
    let parts: Vec<&str> = name
        .split(['.', ':', '#'])
        .filter(|part| !part.is_empty())
        .collect();
    let (last, around) = parts.split_last()?;
    let found = tree
        .nodes()
        .filter(|node| defined(&tree, *node).is_some_and(|found| found == *last))
        .any(|node| {
            around
                .last()
                .is_none_or(|outer| is_inside(&tree, node, outer))
        });
    Some(found)
}

/// The name that a node defines, if it defines one.
fn defined<'a>(tree: &Tree<'a>, node: Node<'_>) -> Option<&'a str> {
    let kind = node.kind();
    if kind == "assignment" || kind == "short_var_declaration" {
        return node.child_by_field_name("left").map(|left| tree.text(left));
    }
    let defines = [
        "definition",
        "declaration",
        "declarator",
        "item",
        "spec",
        "signature",
    ];
    let of_ruby = ["method", "singleton_method", "class", "module"];
    let is_one = defines.iter().any(|word| kind.contains(word))
        || of_ruby.contains(&kind)
        || matches!(
            kind,
            "struct_specifier" | "enum_specifier" | "class_specifier" | "enum_variant"
        );
    if !is_one {
        return None;
    }
    let name = node.child_by_field_name("name").or_else(|| {
        // In C the name is wrapped in what is said about it.
        let mut at = node.child_by_field_name("declarator")?;
        while let Some(inner) = at.child_by_field_name("declarator") {
            at = inner;
        }
        at.kind().contains("identifier").then_some(at)
    })?;
    Some(tree.text(name))
}

/// Whether a node is part of something of that name: a class, a module, a block of methods.
fn is_inside(tree: &Tree<'_>, node: Node<'_>, outer: &str) -> bool {
    // Go says it at the function itself.
    let receiver = node.child_by_field_name("receiver");
    if receiver.is_some_and(|receiver| tree.text(receiver).contains(outer)) {
        return true;
    }
    let mut at = node.parent();
    while let Some(parent) = at {
        let of_impl = parent
            .child_by_field_name("type")
            .filter(|_| parent.kind() == "impl_item");
        let name = of_impl.map_or_else(|| defined(tree, parent), |name| Some(tree.text(name)));
        if name.is_some_and(|name| name.split('<').next() == Some(outer)) {
            return true;
        }
        at = parent.parent();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_defined_where_it_is_defined_and_not_where_it_is_used() {
        for (path, text, name) in [
            ("a.py", "class P:\n    def parse(self): pass\n", "P.parse"),
            ("a.py", "LIMIT = 3\n", "LIMIT"),
            ("a.js", "const parse = () => 1;\n", "parse"),
            ("a.js", "class P { parse() {} }\n", "P.parse"),
            ("a.ts", "export interface P { a: string }\n", "P"),
            ("a.ts", "export type P = string;\n", "P"),
            (
                "a.rs",
                "struct P<T>(T);\nimpl<T> P<T> { fn parse() {} }\n",
                "P::parse",
            ),
            ("a.rs", "pub const LIMIT: u8 = 3;\n", "LIMIT"),
            (
                "a.go",
                "package a\ntype P struct{}\nfunc (p *P) Parse() {}\n",
                "P.Parse",
            ),
            (
                "a.java",
                "class P { int parse() { return 1; } }\n",
                "P.parse",
            ),
            ("a.c", "int *parse(char *s) { return 0; }\n", "parse"),
            ("a.rb", "class P\n  def parse\n  end\nend\n", "P#parse"),
            ("a.sh", "parse() { echo a; }\n", "parse"),
        ] {
            assert_eq!(defines(path, text, name), Some(true), "{path} {name}");
        }
        for (path, text, name) in [
            ("a.py", "parse()\n# def parse(): pass\n", "parse"),
            ("a.py", "class P:\n    pass\ndef parse(): pass\n", "P.parse"),
            ("a.js", "call(parse);\n", "parse"),
            ("a.rs", "struct P;\nfn parse() {}\n", "P::parse"),
        ] {
            assert_eq!(defines(path, text, name), Some(false), "{path} {name}");
        }
        assert_eq!(defines("a.txt", "parse", "parse"), None);
    }
}
