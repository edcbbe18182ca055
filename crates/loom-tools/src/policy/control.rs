//! Lists, branches and loops: what is known after each of the ways through them.

use super::feed::Feed;
use super::parse::{children, descendants, named, source};
use super::place::UNKNOWN;
use super::rules;
use super::state::State;
use super::walk::Walk;
use tree_sitter::Node;

/// Values of a loop that are gone through one after the other.
const MAX_VALUES: usize = 64;

/// Turns of a loop after which what it does is taken to be known.
const MAX_TURNS: usize = 16;

impl Walk<'_> {
    /// `a && b`, `a || b`: the second may run or not.
    pub(super) fn list(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let mut parts = named(node).into_iter().filter(|n| n.kind() != "comment");
        let mut output = match parts.next() {
            Some(first) => self.statement(first, text, stdin),
            None => return Feed::default(),
        };
        for part in parts {
            let without = self.state.clone();
            output = output.and(self.statement(part, text, stdin));
            self.meet_after_list(without, node, text);
        }
        output
    }

    /// Of a directory that was entered before `&&` it is taken that it exists.
    fn meet_after_list(&mut self, without: State, node: Node<'_>, text: &str) {
        let is_and = children(node)
            .iter()
            .any(|token| source(*token, text) == "&&");
        let here = self.state.cwd.clone();
        let with = std::mem::replace(&mut self.state, State::new());
        self.state = with.or(without);
        if is_and {
            self.state.cwd = here;
        }
    }

    pub(super) fn if_statement(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let mut output = Feed::default();
        let mut ends = Vec::new();
        // The condition and the first branch are children of the statement itself.
        output = output.and(self.branch(node, text, stdin, &mut ends));
        for child in named(node) {
            match child.kind() {
                "elif_clause" => output = output.and(self.branch(child, text, stdin, &mut ends)),
                "else_clause" => output = output.and(self.statements(child, text, stdin)),
                _ => {}
            }
        }
        // Where the state is now: after `else`, or where no condition held.
        for end in ends {
            let here = std::mem::replace(&mut self.state, State::new());
            self.state = end.or(here);
        }
        output
    }

    /// A condition and what follows when it holds; afterwards the state is as after the condition.
    fn branch(&mut self, node: Node<'_>, text: &str, stdin: &Feed, ends: &mut Vec<State>) -> Feed {
        let mut output = Feed::default();
        let mut condition_held = None;
        for child in children(node) {
            match child.kind() {
                "then" => condition_held = Some(self.state.clone()),
                "elif_clause" | "else_clause" => {}
                _ if child.is_named() || child.kind() == "&" => {
                    output = output.and(self.statement_or_mark(child, text, stdin));
                }
                _ => {}
            }
        }
        if let Some(held) = condition_held {
            ends.push(std::mem::replace(&mut self.state, held));
        }
        output
    }

    pub(super) fn case_statement(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let mut output = Feed::default();
        let before = self.state.clone();
        let mut end = before.clone();
        for child in named(node) {
            if child.kind() != "case_item" {
                // The word may be the output of something.
                self.fields(child, text);
                continue;
            }
            self.state = before.clone();
            for part in children(child) {
                let is_pattern = child
                    .children_by_field_name("value", &mut child.walk())
                    .any(|value| value == part);
                if !is_pattern && (part.is_named() || part.kind() == "&") {
                    output = output.and(self.statement_or_mark(part, text, stdin));
                }
            }
            let here = std::mem::replace(&mut self.state, State::new());
            end = here.or(end);
        }
        self.state = end;
        output
    }

    pub(super) fn for_each(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let name = node.child_by_field_name("variable");
        let name = name.map_or("", |name| source(name, text)).to_owned();
        let mut values = self.loop_values(node, text);
        if values.len() > MAX_VALUES {
            self.too_large(source(node, text));
            values.truncate(MAX_VALUES);
        }
        let Some(body) = node.child_by_field_name("body") else {
            return Feed::default();
        };
        let mut output = Feed::default();
        for value in values {
            self.remember(&name, vec![value]);
            output = output.and(self.statements(body, text, stdin));
        }
        output
    }

    /// What a `for` goes through; without a list these are the arguments.
    fn loop_values(&mut self, node: Node<'_>, text: &str) -> Vec<String> {
        let mut cursor = node.walk();
        let given: Vec<Node<'_>> = node.children_by_field_name("value", &mut cursor).collect();
        let mut values: Vec<String> = Vec::new();
        for value in &given {
            values.extend(
                self.fields(*value, text)
                    .into_iter()
                    .map(|field| field.text),
            );
        }
        if given.is_empty() {
            values = self.state.arguments.clone().unwrap_or_default();
        }
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value| seen.insert(value.clone()));
        if values.is_empty() {
            values.push(UNKNOWN.to_string());
        }
        values
    }

    /// `while` and `until`, and loops of numbers: gone through until a turn changes nothing.
    pub(super) fn repeat(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let body = node.child_by_field_name("body");
        let condition = node.child_by_field_name("condition");
        let condition = condition.map_or("", |condition| source(condition, text));
        let endless = matches!(
            condition.trim_end_matches(';').trim(),
            "true" | ":" | "[ 1 ]" | "((1))" | "(( 1 ))"
        );
        if endless && body.is_some_and(has_background) {
            self.matched(rules::FORK_BOMB, source(node, text));
        }
        let never = self.state.clone();
        let mut output = Feed::default();
        for _ in 0..MAX_TURNS {
            let before = self.state.clone();
            output = output.and(self.statements(node, text, stdin));
            if self.state == before {
                break;
            }
        }
        let here = std::mem::replace(&mut self.state, State::new());
        self.state = here.or(never);
        output
    }
}

/// Whether something in a node is put into the background.
pub(super) fn has_background(node: Node<'_>) -> bool {
    descendants(node).any(|inner| inner.kind() == "&")
}
