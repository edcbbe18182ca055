//! Follows a line through lists, pipes, substitutions and control flow.

use super::argv::Argv;
use super::feed::Feed;
use super::matched::{CommandId, Findings, Matched, Program};
use super::parse::{children, named, parse, source};
use super::place::Place;
use super::repair;
use super::rules::{self, Rule};
use super::user::UserRule;
use super::words::Field;
use std::collections::HashMap;
use tree_sitter::Node;

/// Longest line that is followed; a longer one is a program that somebody should look at.
const MAX_TEXT: usize = 64 << 10;

/// Scripts in scripts and statements in statements that are followed.
const MAX_DEPTH: usize = 48;

/// Commands of one line that are looked at, those of functions and loops counted once.
const MAX_COMMANDS: usize = 2000;

/// What is known at one point of a line.
pub(super) struct Walk<'a> {
    pub(super) workspace: Option<&'a str>,
    /// What the user says of commands.
    pub(super) rules: &'a [UserRule],
    /// Where the line is now.
    pub(super) cwd: Place,
    /// The values that a variable may have.
    pub(super) variables: HashMap<String, Vec<String>>,
    /// What `<(…)` yields, in order.
    pub(super) processes: Vec<Feed>,
    /// Whether this line ends or awaits what it started in the background.
    pub(super) reaps: bool,
    findings: Findings<'a>,
    /// The simple command that is looked at, and how many there were.
    command: Option<CommandId>,
    ids: CommandId,
    in_background: Option<String>,
    functions: Vec<String>,
    depth: usize,
    commands: usize,
}

/// Where a command reads from or writes to.
#[derive(Clone, Debug)]
pub(super) enum Redirect {
    /// From a file.
    Read(String),
    /// From text in the line.
    Text(Feed),
    /// Into a file.
    Write(String),
    /// From or into another descriptor.
    Other,
}

impl<'a> Walk<'a> {
    pub(super) fn new(workspace: Option<&'a str>, rules: &'a [UserRule]) -> Self {
        Self {
            workspace,
            rules,
            cwd: Place::root(),
            variables: HashMap::new(),
            processes: Vec::new(),
            reaps: false,
            findings: Findings::default(),
            command: None,
            ids: 0,
            in_background: None,
            functions: Vec::new(),
            depth: 0,
            commands: 0,
        }
    }

    /// A rule applies.
    pub(super) fn matched(&mut self, rule: Rule<'a>, what: impl Into<String>) {
        self.findings.matched.push(Matched {
            rule,
            what: what.into(),
            command: self.command,
        });
    }

    /// What applied since a mark.
    pub(super) fn rules_since(&self, mark: usize) -> &[Matched<'a>] {
        self.findings.matched.get(mark..).unwrap_or_default()
    }

    /// How many rules applied so far.
    pub(super) const fn mark(&self) -> usize {
        self.findings.matched.len()
    }

    /// Takes back what applied since a mark and should not have.
    pub(super) fn retain_since(&mut self, mark: usize, keep: impl Fn(&Matched<'a>) -> bool) {
        let mark = mark.min(self.mark());
        let since = self.findings.matched.split_off(mark);
        self.findings.matched.extend(since.into_iter().filter(keep));
    }

    /// The simple command that is looked at.
    pub(super) const fn current(&self) -> Option<CommandId> {
        self.command
    }

    /// A simple command begins, with what the user says of it; gives back the one around it.
    pub(super) fn begin(&mut self, argv: &Argv) -> Option<CommandId> {
        let id = self.ids;
        self.ids += 1;
        let around = self.command.replace(id);
        for rule in self.rules.iter().filter(|rule| rule.matches(argv)) {
            self.matched(rule.rule(), argv.shown());
        }
        around
    }

    /// A simple command ends.
    pub(super) fn end(&mut self, around: Option<CommandId>) {
        self.command = around;
    }

    /// Remembers a program that may use the network if it is there.
    pub(super) fn note_program(&mut self, argv: &Argv) {
        let listed = |list: &str| list.split(' ').any(|name| name == argv.word);
        if self.rules.is_empty() || listed(rules::TEXT_ONLY) || listed(rules::OFFLINE) {
            return;
        }
        self.findings
            .programs
            .extend(self.command.map(|id| Program {
                id,
                shown: argv.shown(),
            }));
    }

    pub(super) fn finish(mut self) -> Findings<'a> {
        if let Some(what) = self.in_background.take().filter(|_| !self.reaps) {
            self.matched(rules::OUTLIVES, what);
        }
        self.findings
    }

    /// The line itself.
    pub(super) fn line(&mut self, text: &str) {
        self.script(text, &Feed::default());
    }

    /// A script, in a line or in a script; returns what it writes.
    pub(super) fn script(&mut self, text: &str, stdin: &Feed) -> Feed {
        // What is wrong with the text as a whole is not one command's.
        let around = self.command.take();
        let output = self.parsed(text, stdin);
        self.end(around);
        output
    }

    fn parsed(&mut self, text: &str, stdin: &Feed) -> Feed {
        if text.len() > MAX_TEXT || self.depth >= MAX_DEPTH {
            self.matched(rules::TOO_LARGE, text);
            return Feed::default();
        }
        let Some(tree) = parse(text) else {
            self.matched(rules::UNREADABLE, text);
            return Feed::default();
        };
        if tree.root_node().has_error() {
            let readable = repair::without_quirks(text);
            if readable != text {
                return self.parsed(&readable, stdin);
            }
            self.matched(rules::UNREADABLE, text);
            self.pieces(text, stdin);
        }
        self.depth += 1;
        let output = self.statements(tree.root_node(), text, stdin);
        self.depth -= 1;
        output
    }

    /// The parts of a line that cannot be parsed as a whole: it is asked for in any case, and
    /// refused when one part alone would be.
    fn pieces(&mut self, text: &str, stdin: &Feed) {
        for piece in repair::pieces(text) {
            let Some(tree) = parse(piece).filter(|tree| !tree.root_node().has_error()) else {
                continue;
            };
            self.depth += 1;
            self.statements(tree.root_node(), piece, stdin);
            self.depth -= 1;
        }
    }

    /// All statements in a node, one after the other.
    pub(super) fn statements(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let mut output = Feed::default();
        for child in children(node) {
            if child.kind() == "&" {
                let what = child.prev_sibling().map_or("", |last| source(last, text));
                self.in_background.get_or_insert_with(|| what.to_owned());
            } else if child.is_named() {
                output = output.and(self.statement(child, text, stdin));
            }
        }
        output
    }

    pub(super) fn statement(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        if self.depth >= MAX_DEPTH {
            self.matched(rules::TOO_LARGE, source(node, text));
            return Feed::default();
        }
        self.depth += 1;
        let output = self.by_kind(node, text, stdin);
        self.depth -= 1;
        output
    }

    fn by_kind(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        match node.kind() {
            "command" => self.simple(node, text, stdin),
            "redirected_statement" => self.redirected(node, text, stdin),
            "pipeline" => self.pipeline(node, text, stdin),
            "subshell" => {
                let before = self.cwd.clone();
                let output = self.statements(node, text, stdin);
                self.cwd = before;
                output
            }
            "variable_assignment" => {
                self.assignment(node, text);
                Feed::default()
            }
            "declaration_command" => {
                self.declaration(node, text);
                Feed::default()
            }
            "function_definition" => {
                self.function(node, text);
                Feed::default()
            }
            "for_statement" => self.for_each(node, text, stdin),
            "while_statement" => self.repeat(node, text, stdin),
            "test_command" | "c_style_for_statement" | "arithmetic_expansion" => {
                self.inside(node, text);
                match node.child_by_field_name("body") {
                    Some(body) => self.statements(body, text, stdin),
                    None => Feed::default(),
                }
            }
            "case_item" => {
                let body = named(node).into_iter().skip(1);
                body.fold(Feed::default(), |output, child| {
                    output.and(self.statement(child, text, stdin))
                })
            }
            "comment" | "word" | "string" | "raw_string" | "heredoc_body" | "heredoc_end"
            | "number" | "variable_name" | "unset_command" => Feed::default(),
            // Lists, groups, branches, and what the parser could not place.
            _ => self.statements(node, text, stdin),
        }
    }

    fn pipeline(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let mut feed = stdin.clone();
        for child in named(node) {
            if child.kind() != "comment" {
                feed = self.statement(child, text, &feed);
                feed.piped = true;
            }
        }
        feed
    }

    fn simple(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        self.commands += 1;
        if self.commands > MAX_COMMANDS {
            self.matched(rules::TOO_LARGE, "more commands than are looked at");
            return Feed::default();
        }
        let mut words: Vec<Field> = Vec::new();
        let mut redirects = Vec::new();
        let mut stdin = stdin.clone();
        for child in children(node) {
            match child.kind() {
                "variable_assignment" => self.setting(child, text),
                "file_redirect" | "herestring_redirect" | "heredoc_redirect" => {
                    redirects.extend(self.redirect(child, text, &mut words));
                }
                "subshell" => {
                    self.statement(child, text, &stdin);
                }
                _ => words.extend(self.fields(child, text)),
            }
        }
        self.apply_input(&redirects, &mut stdin);
        let output = self.command(&words, &stdin);
        self.apply_output(&redirects, output)
    }

    fn redirected(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let mut redirects = Vec::new();
        let mut more: Vec<Field> = Vec::new();
        let (mut body, mut then) = (None, Vec::new());
        for child in named(node) {
            match child.kind() {
                "file_redirect" | "herestring_redirect" => {
                    redirects.extend(self.redirect(child, text, &mut more));
                }
                "heredoc_redirect" => {
                    redirects.extend(self.redirect(child, text, &mut more));
                    // The grammar hangs what follows the mark (`<<E | sh`) below the redirection.
                    then.extend(named(child).into_iter().filter(|inner| {
                        matches!(
                            inner.kind(),
                            "pipeline" | "command" | "list" | "redirected_statement" | "subshell"
                        )
                    }));
                }
                _ => body = Some(child),
            }
        }
        let mut stdin = stdin.clone();
        self.apply_input(&redirects, &mut stdin);
        let output = match body {
            Some(body) if body.kind() == "command" && !more.is_empty() => {
                self.with_more(body, text, &stdin, more)
            }
            Some(body) => self.statement(body, text, &stdin),
            None => Feed::default(),
        };
        let mut output = self.apply_output(&redirects, output);
        for next in then {
            output = self.statement(next, text, &output);
        }
        output
    }

    /// A command some of whose words stand after a redirection.
    fn with_more(&mut self, node: Node<'_>, text: &str, stdin: &Feed, more: Vec<Field>) -> Feed {
        let mut words: Vec<Field> = Vec::new();
        for child in children(node) {
            match child.kind() {
                "variable_assignment" => self.setting(child, text),
                _ => words.extend(self.fields(child, text)),
            }
        }
        words.extend(more);
        self.command(&words, stdin)
    }

    fn redirect(&mut self, node: Node<'_>, text: &str, more: &mut Vec<Field>) -> Vec<Redirect> {
        match node.kind() {
            "herestring_redirect" => {
                let value = named(node).into_iter().next_back();
                let values = value
                    .map(|value| self.values(value, text))
                    .unwrap_or_default();
                vec![Redirect::Text(known(values.join("\n")))]
            }
            "heredoc_redirect" => {
                let body = named(node).into_iter().find(|n| n.kind() == "heredoc_body");
                if let Some(body) = body {
                    self.inside(body, text);
                }
                let mut redirects = vec![Redirect::Text(Feed::text(
                    body.map_or("", |body| source(body, text)),
                ))];
                for child in named(node) {
                    match child.kind() {
                        "file_redirect" | "herestring_redirect" => {
                            redirects.extend(self.redirect(child, text, more));
                        }
                        "word" | "string" | "raw_string" | "concatenation" => {
                            more.extend(self.fields(child, text));
                        }
                        _ => {}
                    }
                }
                redirects
            }
            _ => self.file_redirect(node, text, more),
        }
    }

    fn file_redirect(
        &mut self,
        node: Node<'_>,
        text: &str,
        more: &mut Vec<Field>,
    ) -> Vec<Redirect> {
        let operator = children(node)
            .into_iter()
            .find(|child| !child.is_named())
            .map_or("", |token| source(token, text));
        let mut targets: Vec<Field> = Vec::new();
        for child in named(node).iter().filter(|c| c.kind() != "file_descriptor") {
            targets.extend(self.fields(*child, text));
        }
        let mut targets = targets.into_iter();
        let target = targets.next().map(|field| field.text).unwrap_or_default();
        // The grammar takes words after the target for more of them.
        more.extend(targets);
        let is_number =
            !target.is_empty() && target.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        vec![match operator {
            "<" => Redirect::Read(target),
            ">&" | "<&" | ">&-" | "<&-" if is_number || target.is_empty() => Redirect::Other,
            "<&" => Redirect::Read(target),
            _ => Redirect::Write(target),
        }]
    }

    fn apply_input(&mut self, redirects: &[Redirect], stdin: &mut Feed) {
        for redirect in redirects {
            match redirect {
                Redirect::Text(feed) => *stdin = feed.clone(),
                Redirect::Read(path) => *stdin = self.read_file(path, path),
                Redirect::Write(_) | Redirect::Other => {}
            }
        }
    }

    fn apply_output(&mut self, redirects: &[Redirect], mut output: Feed) -> Feed {
        for redirect in redirects {
            if let Redirect::Write(path) = redirect {
                self.write_file(path, &output);
                // What goes into a file is not piped on; errors alone are not worth following.
                if path != "/dev/stdout" && path != "/dev/stderr" && path != "/dev/null" {
                    output = Feed::default();
                }
            }
        }
        output
    }

    fn function(&mut self, node: Node<'_>, text: &str) {
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
        self.functions.push(name);
        let before = self.cwd.clone();
        self.statement(body, text, &Feed::default());
        self.cwd = before;
    }

    /// Whether the line has made a function of this name; its body was judged there.
    pub(super) fn is_function(&self, name: &str) -> bool {
        self.functions.iter().any(|known| known == name)
    }

    fn for_each(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let name = node.child_by_field_name("variable");
        let mut cursor = node.walk();
        let given: Vec<Node<'_>> = node.children_by_field_name("value", &mut cursor).collect();
        let mut values = Vec::new();
        for value in given {
            values.extend(self.fields(value, text).into_iter().map(|field| field.text));
        }
        if let Some(name) = name
            && !values.is_empty()
        {
            self.variables.insert(source(name, text).to_owned(), values);
        }
        match node.child_by_field_name("body") {
            Some(body) => self.statements(body, text, stdin),
            None => Feed::default(),
        }
    }

    fn repeat(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
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
        self.statements(node, text, stdin)
    }
}

/// Text of which a part may not be known.
fn known(text: String) -> Feed {
    if text.contains([super::place::UNKNOWN, super::place::OUTPUT]) {
        return Feed {
            piped: true,
            ..Feed::default()
        };
    }
    Feed::text(text)
}

/// How often a command is called in a node.
fn calls(node: Node<'_>, text: &str, name: &str) -> usize {
    let here = usize::from(node.kind() == "command_name" && source(node, text) == name);
    here + children(node)
        .into_iter()
        .map(|child| calls(child, text, name))
        .sum::<usize>()
}

/// Whether something in a node is put into the background.
fn has_background(node: Node<'_>) -> bool {
    children(node)
        .into_iter()
        .any(|child| child.kind() == "&" || has_background(child))
}
