//! Follows a line through lists, pipes, substitutions and control flow.

use super::argv::Argv;
use super::budget::Budget;
use super::feed::Feed;
use super::functions::Functions;
use super::matched::{CommandId, Findings, Matched, Program};
use super::parse::{children, named, parse, source};
use super::place::Place;
use super::repair;
use super::rules::{self, Rule};
use super::state::State;
use super::user::UserRule;
use super::words::Field;
use tree_sitter::Node;

/// Longest line that is followed; a longer one is a program that somebody should look at.
const MAX_TEXT: usize = 64 << 10;

/// Bars in one script. When a pipeline has no end, the parser copies it once for each of its parts.
const MAX_PIPES: usize = 1_000;

/// Longest part of a line that is kept to say what a rule is about.
const MAX_WHAT: usize = 256;

/// Commands that one command with several values of its variables is looked at as.
const MAX_WAYS: usize = 16;

/// One walk along a line, and what it found so far.
pub(super) struct Walk<'a> {
    pub(super) workspace: Option<&'a str>,
    /// What the user says of commands.
    pub(super) rules: &'a [UserRule],
    /// What is known at this point of the line.
    pub(super) state: State,
    /// What may still be spent on looking.
    pub(super) budget: Budget,
    /// What `<(…)` yields, in order.
    pub(super) processes: Vec<Feed>,
    /// Whether this line ends or awaits what it started in the background.
    pub(super) reaps: bool,
    /// Whether what a `$(…)` became may have secrets in it.
    pub(super) secret_output: bool,
    findings: Findings<'a>,
    /// The simple command that is looked at, and how many there were.
    command: Option<CommandId>,
    ids: CommandId,
    in_background: Option<String>,
    pub(super) functions: Functions,
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
            state: State::new(),
            budget: Budget::default(),
            processes: Vec::new(),
            reaps: false,
            secret_output: false,
            findings: Findings::default(),
            command: None,
            ids: 0,
            in_background: None,
            functions: Functions::default(),
        }
    }

    /// A rule applies.
    pub(super) fn matched(&mut self, rule: Rule<'a>, what: impl Into<String>) {
        let mut what = what.into();
        if let Some((end, _)) = what.char_indices().nth(MAX_WHAT) {
            what.truncate(end);
        }
        self.findings.matched.push(Matched {
            rule,
            what,
            command: self.command,
        });
    }

    /// There is more than is looked at. Said once: it may be found at every turn.
    pub(super) fn too_large(&mut self, what: &str) {
        let said = self.findings.matched.iter();
        if !said.into_iter().any(|one| one.rule == rules::TOO_LARGE) {
            self.matched(rules::TOO_LARGE, what);
        }
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
        self.uncalled();
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
        let is_long = text.len() > MAX_TEXT || text.matches('|').count() > MAX_PIPES;
        if is_long || !self.budget.parse(text.len()) {
            self.too_large(text);
            return Feed::default();
        }
        // Some of what the grammar does not know it takes for something else, without an error.
        let readable = repair::without_quirks(text);
        let tree = parse(&readable);
        if let Some(tree) = tree.as_ref().filter(|tree| !tree.root_node().has_error()) {
            return self.deeper(
                |walk| walk.statements(tree.root_node(), &readable, stdin),
                text,
            );
        }
        let tree = match readable == text {
            true => tree,
            false => parse(text),
        };
        let Some(tree) = tree else {
            self.matched(rules::UNREADABLE, text);
            return Feed::default();
        };
        if tree.root_node().has_error() {
            self.matched(rules::UNREADABLE, text);
            self.pieces(text, stdin);
        }
        self.deeper(|walk| walk.statements(tree.root_node(), text, stdin), text)
    }

    /// One level deeper, unless that is too deep.
    pub(super) fn deeper(&mut self, go: impl FnOnce(&mut Self) -> Feed, what: &str) -> Feed {
        let output = match self.budget.enter() {
            true => go(self),
            false => {
                self.too_large(what);
                Feed::default()
            }
        };
        self.budget.leave();
        output
    }

    /// The parts of a line that cannot be parsed as a whole: it is asked for in any case, and
    /// refused when one part alone would be.
    fn pieces(&mut self, text: &str, stdin: &Feed) {
        for piece in repair::pieces(text) {
            // A parser costs more than the few bytes that it is given here.
            if !self.budget.step() || !self.budget.parse(piece.len()) {
                return self.too_large(text);
            }
            let Some(tree) = parse(piece).filter(|tree| !tree.root_node().has_error()) else {
                continue;
            };
            self.deeper(
                |walk| walk.statements(tree.root_node(), piece, stdin),
                piece,
            );
        }
    }

    /// All statements in a node, one after the other.
    pub(super) fn statements(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let mut output = Feed::default();
        for child in children(node) {
            output = output.and(self.statement_or_mark(child, text, stdin));
        }
        output
    }

    /// A statement, or the mark that puts the one before it into the background.
    pub(super) fn statement_or_mark(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        if node.kind() == "&" {
            let what = node.prev_sibling().map_or("", |last| source(last, text));
            self.in_background.get_or_insert_with(|| what.to_owned());
        }
        match node.is_named() {
            true => self.statement(node, text, stdin),
            false => Feed::default(),
        }
    }

    pub(super) fn statement(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        if !self.budget.step() {
            self.too_large(source(node, text));
            return Feed::default();
        }
        self.deeper(|walk| walk.by_kind(node, text, stdin), source(node, text))
    }

    /// What a shell of its own leaves behind stays there.
    pub(super) fn in_subshell<T>(&mut self, go: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.state.clone();
        let output = go(self);
        self.state = before;
        output
    }

    fn by_kind(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        match node.kind() {
            "command" => self.simple(node, text, stdin),
            "redirected_statement" => self.redirected(node, text, stdin),
            "pipeline" => self.pipeline(node, text, stdin),
            "subshell" => self.in_subshell(|walk| walk.statements(node, text, stdin)),
            "list" => self.list(node, text, stdin),
            "if_statement" => self.if_statement(node, text, stdin),
            "case_statement" => self.case_statement(node, text, stdin),
            "variable_assignment" => {
                self.assignment(node, text);
                Feed::default()
            }
            "declaration_command" => {
                self.declaration(node, text);
                Feed::default()
            }
            "function_definition" => {
                self.define(node, text);
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
            "unset_command" => {
                for name in named(node) {
                    self.state.unset(source(name, text));
                }
                Feed::default()
            }
            "comment" | "word" | "string" | "raw_string" | "heredoc_body" | "heredoc_end"
            | "number" | "variable_name" => Feed::default(),
            // Lists, groups, branches, and what the parser could not place.
            _ => self.statements(node, text, stdin),
        }
    }

    /// Each part of a pipeline is a shell of its own.
    fn pipeline(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        let mut feed = stdin.clone();
        for child in named(node) {
            if child.kind() != "comment" {
                feed = self.in_subshell(|walk| walk.statement(child, text, &feed));
                feed.piped = true;
            }
        }
        feed
    }

    fn simple(&mut self, node: Node<'_>, text: &str, stdin: &Feed) -> Feed {
        self.simple_with(node, text, stdin, Vec::new())
    }

    /// A command, and words of it that stand somewhere else.
    fn simple_with(&mut self, node: Node<'_>, text: &str, stdin: &Feed, more: Vec<Field>) -> Feed {
        let mut words: Vec<Vec<Vec<Field>>> = Vec::new();
        let mut redirects = Vec::new();
        let mut after: Vec<Field> = Vec::new();
        let mut stdin = stdin.clone();
        for child in children(node) {
            match child.kind() {
                "variable_assignment" => self.setting(child, text),
                "file_redirect" | "herestring_redirect" | "heredoc_redirect" => {
                    redirects.extend(self.redirect(child, text, &mut after));
                }
                "subshell" => {
                    self.statement(child, text, &stdin);
                }
                _ => words.push(self.alternatives(child, text)),
            }
        }
        words.push(vec![after]);
        words.push(vec![more]);
        self.apply_input(&redirects, &mut stdin);
        let output = self.every_way(&words, &stdin, source(node, text));
        self.apply_output(&redirects, output)
    }

    /// The command that the words make; with several values of a variable all that they may make.
    fn every_way(&mut self, words: &[Vec<Vec<Field>>], stdin: &Feed, shown: &str) -> Feed {
        let (ways, all) = ways(words);
        if !all {
            self.too_large(shown);
        }
        let before = self.state.clone();
        let mut output: Option<Feed> = None;
        let mut after: Option<State> = None;
        for way in &ways {
            self.state = before.clone();
            let wrote = self.command(way, stdin);
            output = Some(match output {
                Some(output) => output.and(wrote),
                None => wrote,
            });
            let here = std::mem::replace(&mut self.state, State::new());
            after = Some(match after {
                Some(after) => after.or(here),
                None => here,
            });
        }
        self.state = after.unwrap_or(before);
        output.unwrap_or_default()
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
                self.simple_with(body, text, &stdin, more)
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
        let mut targets: Vec<String> = Vec::new();
        for child in named(node).iter().filter(|c| c.kind() != "file_descriptor") {
            let mut values = self.alternatives(*child, text).into_iter();
            if !targets.is_empty() {
                // The grammar takes words after the target for more of them.
                more.extend(values.next().unwrap_or_default());
                continue;
            }
            targets.extend(values.filter_map(|fields| fields.into_iter().next().map(|f| f.text)));
        }
        if targets.is_empty() {
            targets.push(String::new());
        }
        targets
            .into_iter()
            .map(|target| to_or_from(operator, target))
            .collect()
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
                if output.endless && !matches!(self.place(path), Place::Stream) {
                    self.matched(rules::EXHAUST, path);
                }
                self.write_file(path, &output);
                // What goes into a file is not piped on; errors alone are not worth following.
                if path != "/dev/stdout" && path != "/dev/stderr" && path != "/dev/null" {
                    output = Feed::default();
                }
            }
        }
        output
    }
}

/// What an operator does with a file.
fn to_or_from(operator: &str, target: String) -> Redirect {
    let is_number = target.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    match operator {
        "<" => Redirect::Read(target),
        ">&" | "<&" | ">&-" | "<&-" if is_number => Redirect::Other,
        "<&" => Redirect::Read(target),
        _ => Redirect::Write(target),
    }
}

/// Commands that words with several values may make; and whether these are all of them.
fn ways(words: &[Vec<Vec<Field>>]) -> (Vec<Vec<Field>>, bool) {
    let mut ways: Vec<Vec<Field>> = vec![Vec::new()];
    let mut all = true;
    for values in words {
        if let [only] = values.as_slice() {
            ways.iter_mut().for_each(|way| way.extend_from_slice(only));
            continue;
        }
        if ways.len() * values.len() <= MAX_WAYS {
            let with = |way: &Vec<Field>| {
                let more = values.iter();
                more.map(|value| [way.as_slice(), value].concat())
                    .collect::<Vec<_>>()
            };
            ways = ways.iter().flat_map(with).collect();
        } else {
            // All values are seen, though not in all combinations.
            all = false;
            let every = values.iter().flatten();
            ways.iter_mut()
                .for_each(|way| way.extend(every.clone().cloned()));
        }
    }
    (ways, all)
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
