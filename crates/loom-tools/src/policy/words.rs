//! From words as written to words as the program gets them.

use super::decode;
use super::feed::Feed;
use super::parse::{children, named, source};
use super::pattern;
use super::place::{INNER_SPACE, OUTPUT, UNKNOWN};
use super::rules;
use super::variables::usual;
use super::walk::Walk;
use loom_redact::is_secret_name;
use tree_sitter::Node;

/// Values that one word may have, when a variable has several.
const MAX_ALTERNATIVES: usize = 16;

/// Longest word that is put together.
const MAX_WORD: usize = 16 << 10;

/// Words that braces may make of one.
const MAX_BRACES: usize = 64;

/// A character and whether it was quoted.
pub(super) type Char = (char, bool);

/// A word as the program gets it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) text: String,
    /// Whether the shell replaces it by names of files.
    pub(super) glob: bool,
}

impl Walk<'_> {
    /// The words that a node becomes, for each of the values that it may have.
    pub(super) fn alternatives(&mut self, node: Node<'_>, text: &str) -> Vec<Vec<Field>> {
        // Quotes make an empty word; without them an empty value is no word at all.
        let may_vanish = !source(node, text).contains(['\'', '"']);
        let mut ways = Vec::new();
        for word in self.expand(node, text) {
            let mut fields = Vec::new();
            if !(word.is_empty() && may_vanish) {
                for part in split(&word) {
                    fields.extend(braces(&part).iter().map(|word| field(word)));
                }
            }
            ways.push(fields);
        }
        ways
    }

    /// The words that a node becomes, whatever values it has.
    pub(super) fn fields(&mut self, node: Node<'_>, text: &str) -> Vec<Field> {
        self.alternatives(node, text)
            .into_iter()
            .flatten()
            .collect()
    }

    /// The values that a node may have as one word.
    pub(super) fn values(&mut self, node: Node<'_>, text: &str) -> Vec<String> {
        let words = self.expand(node, text);
        let is_array = node.kind() == "array";
        let value = |word: &Vec<Char>| match is_array {
            true => word.iter().map(element).collect(),
            false => field(word).text,
        };
        words.iter().map(value).collect()
    }

    fn expand(&mut self, node: Node<'_>, text: &str) -> Vec<Vec<Char>> {
        let words = match self.budget.enter() && !self.budget.is_spent() {
            true => self.expanded(node, text),
            false => Vec::new(),
        };
        self.budget.leave();
        let chars = words.iter().map(Vec::len).sum();
        if words.is_empty() || !self.budget.expand(chars) {
            self.too_large(source(node, text));
            return vec![vec![(UNKNOWN, false)]];
        }
        words
    }

    fn expanded(&mut self, node: Node<'_>, text: &str) -> Vec<Vec<Char>> {
        match node.kind() {
            "raw_string" => {
                let inner = source(node, text).trim_start_matches('\'');
                vec![quoted(inner.strip_suffix('\'').unwrap_or(inner))]
            }
            "ansi_c_string" => {
                let inner = source(node, text).trim_start_matches("$'");
                let inner = inner.strip_suffix('\'').unwrap_or(inner);
                vec![quoted(&decode::escapes(inner))]
            }
            "string" => self.joined(node, text, true),
            "translated_string" | "concatenation" | "command_name" | "array" => {
                self.joined(node, text, false)
            }
            "simple_expansion" => {
                let name = source(node, text).trim_start_matches('$');
                self.variable(name)
            }
            "expansion" => self.parameter(node, text),
            "command_substitution" => {
                let output = self.substitution(node, text);
                vec![unquoted(&output)]
            }
            "process_substitution" => vec![unquoted(&self.process(node, text))],
            "arithmetic_expansion" => {
                self.inside(node, text);
                vec![unquoted("0")]
            }
            "brace_expression" => vec![unquoted(source(node, text))],
            _ if node.named_child_count() > 0 => self.joined(node, text, false),
            _ => vec![literal(source(node, text))],
        }
    }

    /// The children one after the other; what is between them is text.
    fn joined(&mut self, node: Node<'_>, text: &str, in_quotes: bool) -> Vec<Vec<Char>> {
        let range = node.byte_range();
        let (mut at, end) = match in_quotes {
            true => {
                let start = source(node, text).find('"').map_or(0, |quote| quote + 1);
                let closed = source(node, text).len() > start && source(node, text).ends_with('"');
                (range.start + start, range.end - usize::from(closed))
            }
            false => (range.start, range.end),
        };
        let is_array = node.kind() == "array";
        let plain = |from: usize, to: usize| match (text.get(from..to), in_quotes) {
            (Some(part), true) => in_double_quotes(part),
            (Some(_), false) if is_array => unquoted(" "),
            (Some(part), false) => literal(part),
            (None, _) => Vec::new(),
        };
        let mut words = vec![Vec::new()];
        for child in named(node) {
            if child.start_byte() < at {
                continue;
            }
            self.append(&mut words, &[plain(at, child.start_byte())]);
            let parts = match child.kind() {
                "string_content" => vec![in_double_quotes(source(child, text))],
                _ => self.expand(child, text),
            };
            // All values of an array are so many words, also in quotes.
            let is_list = source(child, text).contains("[@]") || is_arguments(child, text);
            let parts: Vec<Vec<Char>> = match in_quotes && !is_list {
                true => parts.into_iter().map(protect).collect(),
                false => parts,
            };
            self.append(&mut words, &parts);
            at = child.end_byte();
        }
        self.append(&mut words, &[plain(at, end.max(at))]);
        if is_array {
            words.iter_mut().for_each(trim);
        }
        words
    }

    fn variable(&mut self, name: &str) -> Vec<Vec<Char>> {
        let known = |text: &str| vec![unquoted(text)];
        if name.starts_with("LOOM_") && name != "LOOM_SCRATCH" {
            self.matched(rules::LOOM, format!("${name}"));
        }
        match name {
            "PWD" => known(&self.state.cwd.path()),
            "OLDPWD" => known(&self.state.before().path()),
            "?" | "#" => known("0"),
            "@" | "*" => vec![self.arguments()],
            name => match (self.state.values(name), name.parse::<usize>()) {
                (Some(values), _) => {
                    let separators = self.separators();
                    let split = |c: char| if separators.contains(c) { ' ' } else { c };
                    let word = |value: &String| value.chars().map(|c| (split(c), false)).collect();
                    values.iter().map(word).collect()
                }
                (None, Ok(number)) => vec![self.argument(number)],
                (None, Err(_)) => {
                    if let Some(usual) = usual(name) {
                        return known(usual);
                    }
                    if is_secret_name(name) {
                        self.matched(rules::ENVIRONMENT, format!("${name}"));
                    }
                    vec![vec![(UNKNOWN, false)]]
                }
            },
        }
    }

    /// What separates words beside white space: `IFS=,`.
    fn separators(&self) -> String {
        self.state
            .values("IFS")
            .map_or_else(String::new, <[String]>::concat)
    }

    fn argument(&self, number: usize) -> Vec<Char> {
        match (number.checked_sub(1), &self.state.arguments) {
            (None, _) => unquoted("bash"),
            (Some(at), Some(arguments)) => unquoted(arguments.get(at).map_or("", String::as_str)),
            (Some(_), None) => vec![(UNKNOWN, false)],
        }
    }

    /// `"$@"`: as many words as there are arguments.
    fn arguments(&self) -> Vec<Char> {
        let Some(arguments) = &self.state.arguments else {
            return vec![(UNKNOWN, false)];
        };
        let words: Vec<Vec<Char>> = arguments
            .iter()
            .map(|argument| protect(unquoted(argument)))
            .collect();
        words.join(&(' ', false))
    }

    /// `${name}`, `${name:-default}` and the like.
    fn parameter(&mut self, node: Node<'_>, text: &str) -> Vec<Vec<Char>> {
        self.inside(node, text);
        let inner = source(node, text);
        let inner = inner.strip_prefix("${").unwrap_or(inner);
        let inner = inner.strip_suffix('}').unwrap_or(inner);
        let end = match inner.starts_with(['@', '*']) {
            true => 1,
            false => inner
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(inner.len()),
        };
        let (name, operator) = inner.split_at(end);
        if name.is_empty() {
            return vec![vec![(UNKNOWN, false)]];
        }
        let is_known = name == "PWD" || usual(name).is_some() || self.state.values(name).is_some();
        match operator.trim_start_matches(':').chars().next() {
            None => self.variable(name),
            Some('-' | '=') if !is_known => {
                let default = operator.trim_start_matches([':', '-', '=']);
                match default.contains(['$', '`']) {
                    true => vec![vec![(UNKNOWN, false)]],
                    false => vec![literal(default.trim_matches(['"', '\'']))],
                }
            }
            Some('+') if is_known => match operator.contains(['$', '`']) {
                true => vec![vec![(UNKNOWN, false)]],
                false => vec![literal(operator.trim_start_matches([':', '+']))],
            },
            Some('-' | '=' | '?') => self.variable(name),
            // `${x[@]}`: an array is known by all of its values.
            Some('[') if operator.starts_with("[@]") || operator.starts_with("[*]") => {
                self.variable(name)
            }
            // Which of them `${x[n]}` is does not matter: it may be any.
            Some('[') => {
                let values = self.variable(name);
                let each = values.iter().flat_map(|value| split(value));
                each.take(MAX_ALTERNATIVES).collect()
            }
            _ => {
                let values = self.variable(name);
                values
                    .iter()
                    .map(|value| pattern::applied(value, name, operator))
                    .collect()
            }
        }
    }

    /// What `$(…)` becomes; all that runs in it is judged.
    fn substitution(&mut self, node: Node<'_>, text: &str) -> String {
        let output = self.in_subshell(|walk| walk.statements(node, text, &Feed::default()));
        self.secret_output |= output.secret;
        match output.text {
            Some(known) => known.trim_end_matches('\n').to_owned(),
            None => OUTPUT.to_string(),
        }
    }

    /// `<(…)` stands for a file; what is in it is kept until somebody reads it.
    fn process(&mut self, node: Node<'_>, text: &str) -> String {
        let output = self.in_subshell(|walk| walk.statements(node, text, &Feed::default()));
        self.processes.push(output);
        format!("/dev/fd/{}", 1000 + self.processes.len() - 1)
    }

    /// Judges what runs inside of an expression whose value does not matter.
    pub(super) fn inside(&mut self, node: Node<'_>, text: &str) {
        let mut open = vec![node];
        while let Some(next) = open.pop() {
            for child in children(next) {
                match child.kind() {
                    "command_substitution" | "process_substitution" => {
                        self.in_subshell(|walk| walk.statements(child, text, &Feed::default()));
                    }
                    _ => open.push(child),
                }
            }
        }
    }

    fn append(&mut self, words: &mut Vec<Vec<Char>>, parts: &[Vec<Char>]) {
        let all = words.len() * parts.len();
        let mut joined = Vec::new();
        for (word, part) in words.iter().flat_map(|w| parts.iter().map(move |p| (w, p))) {
            if joined.len() < MAX_ALTERNATIVES && word.len() + part.len() <= MAX_WORD {
                joined.push([word.as_slice(), part.as_slice()].concat());
            }
        }
        if joined.len() < all {
            self.too_large("more values than are looked at");
        }
        *words = joined;
    }
}

/// Whether a node is `$@` or `${@…}`.
fn is_arguments(node: Node<'_>, text: &str) -> bool {
    source(node, text)
        .trim_start_matches(['$', '{'])
        .starts_with('@')
}

/// Without the space around it.
fn trim(word: &mut Vec<Char>) {
    let is_space = |c: &Char| *c == (' ', false);
    while word.last().is_some_and(is_space) {
        word.pop();
    }
    let start = word.iter().take_while(|c| is_space(c)).count();
    word.drain(..start);
}

/// Space within an element of an array does not separate it from the next.
const fn element(char: &Char) -> char {
    match char {
        (' ' | '\t' | '\n', true) => INNER_SPACE,
        (c, _) => *c,
    }
}

fn quoted(text: &str) -> Vec<Char> {
    text.chars().map(|c| (c, true)).collect()
}

fn unquoted(text: &str) -> Vec<Char> {
    text.chars().map(|c| (c, false)).collect()
}

/// An expansion in double quotes is not split; a home directory stays one.
fn protect(word: Vec<Char>) -> Vec<Char> {
    word.into_iter()
        .map(|(c, quoted)| (c, quoted || c != '~'))
        .collect()
}

/// Text outside of quotes: a backslash quotes what follows.
fn literal(text: &str) -> Vec<Char> {
    let mut word = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(c) => word.push((c, true)),
            },
            c => word.push((c, false)),
        }
    }
    word
}

fn in_double_quotes(text: &str) -> Vec<Char> {
    let mut word = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('"' | '\\' | '$' | '`')) => word.extend(chars.next().map(|c| (c, true))),
            ('\\', Some('\n')) => {
                chars.next();
            }
            _ => word.push((c, true)),
        }
    }
    word
}

/// At white space that no quote protects.
fn split(word: &[Char]) -> Vec<Vec<Char>> {
    if word.is_empty() {
        return vec![Vec::new()];
    }
    word.split(|(c, quoted)| !quoted && c.is_whitespace())
        .filter(|part| !part.is_empty())
        .map(<[Char]>::to_vec)
        .collect()
}

/// `{a,b}c` is `ac bc`.
fn braces(word: &[Char]) -> Vec<Vec<Char>> {
    let mut done = Vec::new();
    let mut todo = vec![word.to_vec()];
    while let Some(word) = todo.pop() {
        match brace(&word) {
            Some(parts) if done.len() + todo.len() + parts.len() < MAX_BRACES => {
                todo.extend(parts.into_iter().rev());
            }
            _ => done.push(word),
        }
    }
    done
}

/// Resolves the first pair of braces with a comma in it.
fn brace(word: &[Char]) -> Option<Vec<Vec<Char>>> {
    let is = |at: usize, wanted: char| word.get(at) == Some(&(wanted, false));
    let starts = (0..word.len()).filter(|at| is(*at, '{'));
    for start in starts {
        let (mut depth, mut cuts) = (0_usize, vec![start]);
        for at in start..word.len() {
            if is(at, '{') {
                depth += 1;
            } else if is(at, '}') {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    cuts.push(at);
                    break;
                }
            } else if is(at, ',') && depth == 1 {
                cuts.push(at);
            }
        }
        let end = cuts[cuts.len() - 1];
        if depth == 0 && cuts.len() == 2 {
            let inner: String = word[start + 1..end].iter().map(|(c, _)| c).collect();
            let whole =
                |middle: String| [&word[..start], &unquoted(&middle), &word[end + 1..]].concat();
            if let Some(steps) = range(&inner) {
                return Some(steps.into_iter().map(whole).collect());
            }
        }
        if depth == 0 && cuts.len() > 2 {
            let part = |pair: &[usize]| {
                [
                    &word[..start],
                    &word[pair[0] + 1..pair[1]],
                    &word[end + 1..],
                ]
                .concat()
            };
            return Some(cuts.windows(2).map(part).collect());
        }
    }
    None
}

/// What `{1..9}` and `{a..e}` count through. Of a long one only the ends: what is between them is
/// like them.
fn range(inner: &str) -> Option<Vec<String>> {
    const ENDS: i64 = 8;
    let mut parts = inner.split("..");
    let (first, last) = (parts.next()?, parts.next()?);
    let number = |text: &str| text.parse::<i64>().ok().filter(|n| n.abs() < 1 << 32);
    let letter = |text: &str| match text.as_bytes() {
        [one] if one.is_ascii_alphabetic() => Some(i64::from(*one)),
        _ => None,
    };
    let (from, to, is_number) = match (number(first), number(last)) {
        (Some(from), Some(to)) => (from, to, true),
        _ => (letter(first)?, letter(last)?, false),
    };
    let (low, high) = (from.min(to), from.max(to));
    let shown = |n: i64| match is_number {
        true => n.to_string(),
        false => u8::try_from(n).map_or_else(|_| String::new(), |n| char::from(n).to_string()),
    };
    let steps = (low..=high).filter(|n| n - low < ENDS || high - n < ENDS || !is_number);
    match high - low > 4 * ENDS && is_number {
        true => Some(
            (low..low + ENDS)
                .chain(high - ENDS..=high)
                .map(shown)
                .collect(),
        ),
        false => Some(steps.map(shown).collect()),
    }
}

fn field(word: &[Char]) -> Field {
    let text: String = word.iter().map(|(c, _)| c).collect();
    let text = text.replace(INNER_SPACE, " ");
    let text = match (word.first(), text.get(1..2)) {
        // A quoted tilde is a name like any other.
        (Some(('~', true)), _) => format!("./{text}"),
        (Some(('~', false)), Some("+")) => format!(".{}", &text[2..]),
        (Some(('~', false)), Some("-")) => UNKNOWN.to_string(),
        _ => text,
    };
    let glob = word
        .iter()
        .any(|(c, quoted)| !quoted && matches!(c, '*' | '?' | '['));
    Field { text, glob }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[Vec<Char>]) -> Vec<String> {
        words
            .iter()
            .map(|word| word.iter().map(|(c, _)| c).collect())
            .collect()
    }

    #[test]
    fn braces_make_several_words() {
        assert_eq!(texts(&braces(&unquoted("a{b,c}d"))), ["abd", "acd"]);
        assert_eq!(texts(&braces(&unquoted("{a,-b,/c}"))), ["a", "-b", "/c"]);
        assert_eq!(texts(&braces(&unquoted("{}"))), ["{}"]);
        assert_eq!(texts(&braces(&quoted("{a,b}"))), ["{a,b}"]);
        assert_eq!(texts(&braces(&unquoted("{a,{b,c}}"))), ["a", "b", "c"]);
    }

    #[test]
    fn only_unquoted_space_splits() {
        let word = [unquoted("a b"), quoted(" c")].concat();
        assert_eq!(texts(&split(&word)), ["a", "b c"]);
    }
}
