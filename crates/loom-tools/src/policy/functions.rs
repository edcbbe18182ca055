//! Functions of the line: looked at where they are called, with what they are given.

use super::argv::Argv;
use super::control::has_background;
use super::feed::Feed;
use super::parse::{descendants, source};
use super::rules;
use super::walk::Walk;
use tree_sitter::Node;

/// Calls of functions within calls that are followed.
const MAX_CALLS: usize = 8;

/// The functions that a line has made so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Functions {
    made: Vec<Function>,
    /// The bodies around this point, with what each was given.
    calls: Vec<(String, Vec<String>)>,
}

#[derive(Clone, Debug)]
struct Function {
    name: String,
    body: String,
    called: bool,
}

impl Walk<'_> {
    pub(super) fn define(&mut self, node: Node<'_>, text: &str) {
        let name = node.child_by_field_name("name");
        let name = name.map_or("", |name| source(name, text)).to_owned();
        let Some(body) = node.child_by_field_name("body") else {
            return;
        };
        let calls = calls(body, text, &name);
        if calls > 1 || (calls == 1 && has_background(body)) {
            self.matched(rules::FORK_BOMB, source(node, text));
            return;
        }
        // What is redirected goes with every call, so it is a part of the body.
        let body = text.get(body.start_byte()..node.end_byte());
        self.functions.made.push(Function {
            name,
            body: body.unwrap_or_default().to_owned(),
            called: false,
        });
    }

    /// Something that the shell runs when the line is over.
    pub(super) fn later(&mut self, line: &str) {
        self.functions.made.push(Function {
            name: String::new(),
            body: line.to_owned(),
            called: false,
        });
    }

    /// A call of a function of the line, when there is one by that name. All by that name are
    /// looked at: which one is there may depend on what happens before.
    pub(super) fn call(&mut self, argv: &Argv, stdin: &Feed) -> Option<Feed> {
        let named = |one: &Function| one.name == argv.word;
        let mut bodies: Vec<String> = self
            .functions
            .made
            .iter_mut()
            .filter(|one| named(one))
            .map(|one| {
                one.called = true;
                one.body.clone()
            })
            .collect();
        if bodies.is_empty() {
            return None;
        }
        // What is being looked at with the same arguments is not looked at again.
        let calls = &self.functions.calls;
        bodies.retain(|body| {
            let mut around = calls.iter();
            !around.any(|(known, args)| known == body && *args == argv.args)
        });
        if bodies.is_empty() {
            return Some(stdin.clone().after());
        }
        if self.functions.calls.len() >= MAX_CALLS {
            self.too_large(&argv.shown());
            return Some(stdin.clone().after());
        }
        let around = self.state.arguments.replace(argv.args.clone());
        let mut output = Feed::default();
        for body in bodies {
            let call = (body.clone(), argv.args.clone());
            self.functions.calls.push(call);
            output = output.and(self.script(&body, stdin));
            self.functions.calls.pop();
        }
        self.state.arguments = around;
        Some(output)
    }

    /// Functions that nothing has called may be called by what is not followed.
    pub(super) fn uncalled(&mut self) {
        for at in 0.. {
            let Some(one) = self.functions.made.get_mut(at) else {
                return;
            };
            if !std::mem::replace(&mut one.called, true) {
                let body = one.body.clone();
                self.in_subshell(|walk| {
                    walk.state.arguments = None;
                    walk.script(&body, &Feed::default())
                });
            }
        }
    }
}

/// How often a command is called in a node.
fn calls(node: Node<'_>, text: &str, name: &str) -> usize {
    let is_call = |inner: &Node<'_>| inner.kind() == "command_name" && source(*inner, text) == name;
    descendants(node).filter(is_call).count()
}
