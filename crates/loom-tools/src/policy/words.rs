//! From words as written to words as the program gets them.

use super::decode;
use super::feed::Feed;
use super::parse::{children, named, source};
use super::place::{OUTPUT, UNKNOWN};
use super::rules;
use super::variables::is_secret_name;
use super::walk::Walk;
use tree_sitter::Node;

/// Values that one word may have, when a variable has several.
const MAX_ALTERNATIVES: usize = 16;

/// Words that braces may make of one.
const MAX_BRACES: usize = 64;

/// A character and whether it was quoted.
type Char = (char, bool);

/// A word as the program gets it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) text: String,
    /// Whether the shell replaces it by names of files.
    pub(super) glob: bool,
}

impl Walk<'_> {
    /// The words that a node becomes; several when it is split, or when a variable has several
    /// values.
    pub(super) fn fields(&mut self, node: Node<'_>, text: &str) -> Vec<Field> {
        let mut fields = Vec::new();
        for word in self.expand(node, text) {
            for part in split(&word) {
                fields.extend(braces(&part).iter().map(|word| field(word)));
            }
        }
        fields
    }

    /// The values that a node may have as one word.
    pub(super) fn values(&mut self, node: Node<'_>, text: &str) -> Vec<String> {
        let words = self.expand(node, text);
        words.iter().map(|word| field(word).text).collect()
    }

    fn expand(&mut self, node: Node<'_>, text: &str) -> Vec<Vec<Char>> {
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
            append(&mut words, &[plain(at, child.start_byte())]);
            let parts = match child.kind() {
                "string_content" => vec![in_double_quotes(source(child, text))],
                _ => self.expand(child, text),
            };
            // All values of an array are so many words, also in quotes.
            let is_list = child.kind() == "expansion" && source(child, text).contains("[@]");
            let parts: Vec<Vec<Char>> = match in_quotes && !is_list {
                true => parts.into_iter().map(protect).collect(),
                false => parts,
            };
            append(&mut words, &parts);
            at = child.end_byte();
        }
        append(&mut words, &[plain(at, end.max(at))]);
        words
    }

    fn variable(&mut self, name: &str) -> Vec<Vec<Char>> {
        let known = |text: &str| vec![unquoted(text)];
        match name {
            "HOME" => known("~"),
            "PWD" => known("."),
            "IFS" => known(" "),
            "$" => known("$$"),
            "!" => known("%!"),
            "?" | "#" => known("0"),
            "PPID" => known("$PPID"),
            "PATH" => known("$PATH"),
            "LOOM_SCRATCH" | "TMPDIR" => known("/tmp"),
            name => match self.variables.get(name) {
                Some(values) => values.iter().map(|value| unquoted(value)).collect(),
                None => {
                    if is_secret_name(name) {
                        self.matched(rules::ENVIRONMENT, format!("${name}"));
                    }
                    vec![vec![(UNKNOWN, false)]]
                }
            },
        }
    }

    /// `${name}`, `${name:-default}` and the like.
    fn parameter(&mut self, node: Node<'_>, text: &str) -> Vec<Vec<Char>> {
        self.inside(node, text);
        let inner = source(node, text);
        let inner = inner.strip_prefix("${").unwrap_or(inner);
        let inner = inner.strip_suffix('}').unwrap_or(inner);
        let end = inner
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(inner.len());
        let (name, operator) = inner.split_at(end);
        if name.is_empty() {
            return vec![vec![(UNKNOWN, false)]];
        }
        let is_known = self.variables.contains_key(name);
        match operator.trim_start_matches(':').chars().next() {
            _ if matches!(name, "HOME" | "PWD" | "IFS") => self.variable(name),
            None => self.variable(name),
            Some('-' | '=') if !is_known => {
                let default = operator.trim_start_matches([':', '-', '=']);
                match default.contains(['$', '`']) {
                    true => vec![vec![(UNKNOWN, false)]],
                    false => vec![literal(default.trim_matches(['"', '\'']))],
                }
            }
            Some('-' | '=' | '?') => self.variable(name),
            // `${x[@]}`: an array is known by all of its values.
            Some('[') => self.variable(name),
            Some(c) if operator.starts_with(':') && c.is_ascii_digit() => {
                let mut values = self.variable(name);
                for value in &mut values {
                    *value = cut(value, operator);
                }
                values
            }
            Some(_) => vec![vec![(UNKNOWN, false)]],
        }
    }

    /// What `$(…)` becomes; all that runs in it is judged.
    fn substitution(&mut self, node: Node<'_>, text: &str) -> String {
        let before = self.cwd.clone();
        let output = self.statements(node, text, &Feed::default());
        // It runs in a shell of its own.
        self.cwd = before;
        match output.text {
            Some(known) => known.trim_end_matches('\n').to_owned(),
            None => OUTPUT.to_string(),
        }
    }

    /// `<(…)` stands for a file; what is in it is kept until somebody reads it.
    fn process(&mut self, node: Node<'_>, text: &str) -> String {
        let output = self.statements(node, text, &Feed::default());
        self.processes.push(output);
        format!("/dev/fd/{}", 1000 + self.processes.len() - 1)
    }

    /// Judges what runs inside of an expression whose value does not matter.
    pub(super) fn inside(&mut self, node: Node<'_>, text: &str) {
        for child in children(node) {
            match child.kind() {
                "command_substitution" | "process_substitution" => {
                    self.statements(child, text, &Feed::default());
                }
                _ => self.inside(child, text),
            }
        }
    }
}

fn append(words: &mut Vec<Vec<Char>>, parts: &[Vec<Char>]) {
    let mut joined = Vec::new();
    for word in words.iter() {
        for part in parts {
            if joined.len() < MAX_ALTERNATIVES {
                joined.push([word.as_slice(), part.as_slice()].concat());
            }
        }
    }
    *words = joined;
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
        if depth == 0 && cuts.len() > 2 {
            let end = cuts[cuts.len() - 1];
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

fn field(word: &[Char]) -> Field {
    let text: String = word.iter().map(|(c, _)| c).collect();
    // A quoted tilde is a name like any other.
    let text = match word.first() {
        Some(('~', true)) => format!("./{text}"),
        _ => text,
    };
    let glob = word
        .iter()
        .any(|(c, quoted)| !quoted && matches!(c, '*' | '?' | '['));
    Field { text, glob }
}

/// `${x:offset:length}`.
fn cut(word: &[Char], operator: &str) -> Vec<Char> {
    let mut numbers = operator
        .trim_start_matches(':')
        .split(':')
        .map(|n| n.trim().parse::<usize>());
    let (Some(Ok(offset)), length) = (numbers.next(), numbers.next()) else {
        return vec![(UNKNOWN, false)];
    };
    let length = match length {
        None => usize::MAX,
        Some(Ok(length)) => length,
        Some(Err(_)) => return vec![(UNKNOWN, false)],
    };
    word.iter().skip(offset).take(length).copied().collect()
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

    #[test]
    fn parts_of_a_value_are_cut_out() {
        assert_eq!(texts(&[cut(&unquoted("abcdef"), ":1:3")]), ["bcd"]);
        assert_eq!(texts(&[cut(&unquoted("abc"), ":5")]), [""]);
    }
}
