//! [`Redactor`]: one pass over a text for known values, one for patterns.

use crate::block;
use crate::known::{Known, Secret};
use crate::mark::{mark, places};
use crate::rules::{ASSIGNED, NAMES, OTHER_KINDS, RULES};
use crate::span::{Span, merged};
use crate::{assigned, tokens, url};
use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What was hidden may have hidden something itself: a token right behind another one. The text gets
/// poorer with every pass, and so many are enough for any text that nobody made up against this.
const MAX_PASSES: usize = 8;

/// Beginnings of the rows, in their order, and then what is looked at by code.
static STARTS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let of_rules = RULES.iter().map(|rule| rule.start);
    search(of_rules.chain(LOOKED_AT), false)
});

/// Words of names, in their order, and then `bearer`.
static WORDS: LazyLock<AhoCorasick> =
    LazyLock::new(|| search(NAMES.iter().copied().chain(["bearer"]), true));

const LOOKED_AT: [&str; 5] = ["eyJ", ":AA", "://", block::BEGIN, block::END];

fn search(words: impl Iterator<Item = &'static str>, any_case: bool) -> AhoCorasick {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(any_case)
        .build(words)
        .expect("BUG: the words are constants")
}

/// Leaves secrets out of texts; a mark says what stood there. A text without any is not copied, what
/// was redacted once stays as it is, and lines stay lines.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Known,
}

/// No value is shown.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: BTreeSet<&str> = self.known.names().collect();
        f.debug_tuple("Redactor").field(&names).finish()
    }
}

impl Redactor {
    /// One that knows these values. Those that are too short or too plain are in every other text and
    /// are not looked for. [`Redactor::default`] knows patterns alone.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        Self {
            known: Known::new(secrets),
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redact(text, true)
    }

    /// The text without values that are known: for what somebody has to see as it is, such as a command
    /// that waits for consent. A pattern could be made up there to hide a part of it.
    #[must_use]
    pub fn known<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redact(text, false)
    }

    /// The same in place, and only where there is something to leave out.
    pub fn string(&self, text: &mut String) {
        if let Cow::Owned(redacted) = self.text(text) {
            *text = redacted;
        }
    }

    /// Bytes that are text as far as they can be read as such; all others stay.
    #[must_use]
    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let bytes = match String::from_utf8(bytes) {
            Ok(mut text) => {
                self.string(&mut text);
                return text.into_bytes();
            }
            Err(mixed) => mixed.into_bytes(),
        };
        let mut redacted = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            redacted.extend_from_slice(self.text(chunk.valid()).as_bytes());
            redacted.extend_from_slice(chunk.invalid());
        }
        redacted
    }

    /// Every text in a value, those under a name of a secret as what is assigned to it.
    pub fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.string(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) => self.member(name, text),
                        other => self.value(other),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A text under a name, as in JSON: under that of a secret it is what is assigned to it.
    pub fn member(&self, name: &str, text: &mut String) {
        match is_assigned(name, text) {
            true => *text = mark(ASSIGNED),
            false => self.string(text),
        }
    }

    fn redact<'a>(&self, text: &'a str, patterns: bool) -> Cow<'a, str> {
        let mut redacted = Cow::Borrowed(text);
        for _ in 0..MAX_PASSES {
            match self.pass(&redacted, patterns) {
                Some(next) => redacted = Cow::Owned(next),
                None => break,
            }
        }
        redacted
    }

    /// One pass; none when there is nothing to leave out.
    fn pass(&self, text: &str, patterns: bool) -> Option<String> {
        let mut spans = Vec::new();
        if patterns {
            find_patterns(text.as_bytes(), &mut spans);
            if !spans.is_empty() {
                let of_rules = RULES.iter().map(|rule| rule.kind);
                let kinds = of_rules.chain(OTHER_KINDS.iter().copied());
                let marks = places(text, &kinds.chain(self.known.names()).collect());
                // They are in order and apart.
                let touches = |span: &Span<'_>| {
                    let next = marks.partition_point(|mark| mark.end <= span.start);
                    marks.get(next).is_some_and(|mark| mark.start < span.end)
                };
                spans.retain(|span| !touches(span));
            }
        }
        self.known.find(text, &mut spans);
        if spans.is_empty() {
            return None;
        }
        let mut redacted = String::with_capacity(text.len());
        let mut done = 0;
        for span in merged(spans) {
            redacted.push_str(&text[done..span.start]);
            redacted.push_str(&mark(span.kind));
            done = span.end;
        }
        redacted.push_str(&text[done..]);
        Some(redacted)
    }
}

/// Whether it is a secret because of the name that it has in JSON.
fn is_assigned(name: &str, text: &str) -> bool {
    let assigned = format!("{name}: '{text}'");
    let found = WORDS
        .find_iter(&assigned)
        .filter(|found| found.end() <= name.len());
    found
        .filter_map(|found| assigned::find(assigned.as_bytes(), found.start(), found.end()))
        .any(|span| span.end + 1 == assigned.len())
}

fn find_patterns<'a>(text: &[u8], into: &mut Vec<Span<'a>>) {
    let (mut keys, mut ends) = (Vec::new(), Vec::new());
    // Of what is left out already nothing more is looked at.
    let mut done = 0;
    for found in STARTS.find_iter(text) {
        if found.start() < done {
            continue;
        }
        let known = into.len();
        let index = found.pattern().as_usize();
        match LOOKED_AT
            .get(index.wrapping_sub(RULES.len()))
            .copied()
            .unwrap_or_default()
        {
            "" => into.extend(tokens::of_rule(&RULES[index], text, found.start())),
            "eyJ" => into.extend(tokens::web_token(text, found.start())),
            ":AA" => into.extend(tokens::telegram(text, found.start())),
            "://" => into.extend(url::find(text, found.start())),
            block::END => ends.push(found.start()),
            _ if block::is_private(text, found.start()) => keys.push(found.start()),
            _ => {}
        }
        done = into[known..].last().map_or(done, |span| span.end);
    }
    for (at, begin) in keys.iter().enumerate() {
        let next = keys.get(at + 1).copied().unwrap_or(usize::MAX);
        let end = ends.get(ends.partition_point(|end| end < begin)).copied();
        block::spans(text, (*begin, next), end.filter(|end| *end < next), into);
    }
    let mut done = 0;
    for found in WORDS.find_iter(text) {
        if found.start() < done {
            continue;
        }
        let known = into.len();
        into.extend(match found.pattern().as_usize() < NAMES.len() {
            true => assigned::find(text, found.start(), found.end()),
            false => assigned::bearer(text, found.end()),
        });
        done = into[known..].last().map_or(done, |span| span.end);
    }
}
