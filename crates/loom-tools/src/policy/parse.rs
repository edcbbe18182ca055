//! From text to a syntax tree.

use tree_sitter::{Node, Parser, Tree};

/// Parses a script; none when the parser gives up.
pub(super) fn parse(text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    let language = tree_sitter_bash::LANGUAGE.into();
    parser.set_language(&language).ok()?;
    parser.parse(text, None)
}

/// The source of a node.
pub(super) fn source<'t>(node: Node<'_>, text: &'t str) -> &'t str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// All children, tokens such as `&` included.
pub(super) fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// Children that are more than tokens.
pub(super) fn named<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// A node and all that is in it, however deep.
pub(super) fn descendants<'t>(node: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    let mut open = vec![node];
    std::iter::from_fn(move || {
        let next = open.pop()?;
        open.extend(children(next).into_iter().rev());
        Some(next)
    })
}
