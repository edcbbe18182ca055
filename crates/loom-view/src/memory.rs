//! What a task noted, as one list: notes that say the same are one, and notes that say something else
//! about the same are known to. Pure, so that a replay gives the same.
//!
//! Main type: [`Noted`], the fold; it makes [`Fact`]s. Nothing is ever dropped for being contradicted:
//! which of two statements holds, whoever reads them decides, by their dates.

use loom_events::{Fact, MemoryEntry, MemoryKind, Seq, Time};
use std::collections::BTreeMap;

/// Longest word that is looked for or compared.
const MAX_WORD_CHARS: usize = 64;

/// Longest subject, in words: what comes after so many is no name of a thing any more.
const MAX_SUBJECT: usize = 8;

/// Where the facts of a list are, so that a note finds those that it repeats or speaks against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    by_statement: BTreeMap<String, usize>,
    by_subject: BTreeMap<String, Vec<usize>>,
}

impl Noted {
    /// Folds a note into the list, which only this function changes.
    pub fn note(&mut self, list: &mut Vec<Fact>, entry: &MemoryEntry, seq: Seq, at: Time) {
        let place = list.len();
        let known = *self.by_statement.entry(statement(entry)).or_insert(place);
        if let Some(fact) = list.get_mut(known) {
            fact.seen = fact.seen.saturating_add(1);
            fact.last = fact.last.max(at);
            return;
        }
        list.push(Fact {
            entry: entry.clone(),
            seq,
            at,
            seen: 1,
            last: at,
            about: None,
        });
        let Some(subject) = subject(entry) else {
            return;
        };
        let alike = self.by_subject.entry(subject.clone()).or_default();
        alike.push(place);
        if alike.len() > 1 {
            for place in alike {
                if let Some(fact) = list.get_mut(*place) {
                    fact.about = Some(subject.clone());
                }
            }
        }
    }
}

/// What an entry says, without what differs between two ways to write the same. Two entries of a task
/// with the same statement are one.
///
/// Signs are kept: `x < 5` and `x > 5` are not the same.
#[must_use]
pub fn statement(entry: &MemoryEntry) -> String {
    let plain = |text: &str| -> String {
        let words = text.split_whitespace().map(|word| {
            word.trim_matches(['`', '"', '\'', '“', '”'])
                .trim_end_matches(['.', ',', ';', ':', '!', '?'])
                .trim_matches(['`', '"', '\'', '“', '”'])
                .to_lowercase()
        });
        let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
        words.join(" ")
    };
    let kind = entry.kind.name();
    format!(
        "{kind}\n{}\n{}",
        plain(&entry.summary),
        plain(&entry.detail)
    )
}

/// What an entry is about; none where two entries cannot contradict each other, such as two errors.
/// Two entries of a task with the same subject and other statements are kept, and shown together.
///
/// It is read from the form of the sentence (“the port is …”, “port: …”, “use … for the port”). Where
/// that is wrong two statements are shown beside each other that need not be; nothing is lost.
#[must_use]
pub fn subject(entry: &MemoryEntry) -> Option<String> {
    match entry.kind {
        MemoryKind::Decision
        | MemoryKind::UserInstruction
        | MemoryKind::Discovery
        | MemoryKind::Context => {}
        MemoryKind::Error | MemoryKind::ToolResult | MemoryKind::Artifact => return None,
    }
    let summary = entry.summary.as_str();
    let said: Vec<String> = named(summary);
    let about = labelled(summary)
        .or_else(|| chosen_for(&said))
        .or_else(|| before_verb(&said))
        // The same summary with another detail.
        .unwrap_or_else(|| said.join(" "));
    (!about.is_empty()).then(|| format!("{}: {about}", entry.kind.name()))
}

/// The words of a sentence without articles.
fn named(text: &str) -> Vec<String> {
    words(text)
        .filter(|word| !matches!(word.as_str(), "the" | "a" | "an"))
        .collect()
}

/// `port: 8080`, `port = 8080`.
fn labelled(text: &str) -> Option<String> {
    let (label, value) = [": ", " = ", " := "]
        .into_iter()
        .filter_map(|mark| text.split_once(mark))
        .min_by_key(|(label, _)| label.len())?;
    let label = named(label);
    let fits = (1..=MAX_SUBJECT).contains(&label.len()) && !value.trim().is_empty();
    fits.then(|| label.join(" "))
}

/// `use pytest for the tests`.
fn chosen_for(said: &[String]) -> Option<String> {
    let chosen = matches!(
        said.first()?.as_str(),
        "use" | "used" | "using" | "choose" | "chose" | "prefer" | "pick" | "picked" | "take"
    );
    let at = said.iter().position(|word| word == "for" || word == "as")?;
    let what = said.get(at + 1..)?;
    (chosen && at > 1 && !what.is_empty()).then(|| format!("for {}", what.join(" ")))
}

/// `the server listens on port 8080`.
fn before_verb(said: &[String]) -> Option<String> {
    let verb = |word: &String| -> Option<&'static str> {
        Some(match word.as_str() {
            "is" | "are" | "was" | "were" => "is",
            "has" | "have" | "had" => "has",
            "uses" | "use" | "used" => "uses",
            "must" | "should" | "shall" => "must",
            "needs" | "need" | "requires" | "require" => "needs",
            "does" | "do" | "did" => "does",
            "can" | "cannot" => "can",
            "returns" | "return" => "returns",
            "runs" | "run" => "runs",
            "takes" | "take" => "takes",
            "lives" | "lies" => "lives",
            "listens" | "listen" => "listens",
            "expects" | "expect" => "expects",
            "supports" | "support" => "supports",
            _ => return None,
        })
    };
    let found = said.iter().enumerate().skip(1).take(MAX_SUBJECT);
    let (at, verb) = found
        .filter_map(|(at, word)| Some((at, verb(word)?)))
        .next()?;
    (at + 1 < said.len()).then(|| format!("{} {verb}", said[..at].join(" ")))
}

/// The words of a text as they are compared: in lower case, Latin letters without their accents.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && !is_accent(c))
        .map(|word| {
            word.chars()
                .filter(|c| !is_accent(*c))
                .take(MAX_WORD_CHARS)
                .flat_map(char::to_lowercase)
                .filter(|c| !is_accent(*c))
                .map(without_accent)
                .collect::<String>()
        })
        .filter(|word| !word.is_empty())
}

/// An accent that follows its letter.
const fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// The letters of [`without_accent`], from `ß` on.
const LATIN: &str = "ßaaaaaaæceeeeiiiiðnooooo÷øuuuuyþyaaaaaaccccccccddđđeeeeeeeeeegggggggghhħħiiiiiiiiIıĳĳjjkkĸllllllŀŀłłnnnnnnŉŋŋooooooœœrrrrrrssssssssttttŧŧuuuuuuuuuuuuwwyyyzzzzzzſ";

/// The letter below an accent, for the Latin letters of Europe.
fn without_accent(c: char) -> char {
    match u32::from(c).checked_sub(0xdf) {
        Some(at) if at < 161 => usize::try_from(at)
            .ok()
            .and_then(|at| LATIN.chars().nth(at))
            .unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: MemoryKind, summary: &str) -> MemoryEntry {
        MemoryEntry {
            kind,
            subtask: None,
            summary: summary.to_owned(),
            detail: String::new(),
            tags: Vec::new(),
            relevance_to: String::new(),
        }
    }

    fn folded(entries: &[MemoryEntry]) -> Vec<Fact> {
        let (mut noted, mut list) = (Noted::default(), Vec::new());
        for (n, entry) in (1..).zip(entries) {
            let at = Time::from_millis(i64::try_from(n).unwrap() * 1_000);
            noted.note(&mut list, entry, Seq(n), at);
        }
        list
    }

    #[test]
    fn what_is_noted_again_is_counted_with_its_first_and_its_last_time() {
        use MemoryKind::{Decision, Discovery};
        let list = folded(&[
            entry(Decision, "Tests run with `cargo test`."),
            entry(Discovery, "tests run with cargo test"),
            entry(Decision, "tests  run with cargo test"),
        ]);
        assert_eq!(list.len(), 2, "another kind is another note");
        assert_eq!((list[0].seen, list[0].seq), (2, Seq(1)));
        assert_eq!(list[0].at, Time::from_millis(1_000));
        assert_eq!(list[0].last, Time::from_millis(3_000));
        assert_eq!(list[0].entry.summary, "Tests run with `cargo test`.");
        assert_eq!(list[0].about, None);
    }

    #[test]
    fn two_statements_about_the_same_are_kept_and_know_of_each_other() {
        use MemoryKind::{Context, Decision, Discovery};
        for (kind, one, other) in [
            (
                Discovery,
                "The server listens on port 8080",
                "server listens on port 9090",
            ),
            (
                Discovery,
                "the cache is enabled",
                "The cache is not enabled.",
            ),
            (Discovery, "limit: x < 5", "limit: x > 5"),
            (
                Decision,
                "Use pytest for the tests",
                "use unittest for tests",
            ),
            (Context, "Default port = 80", "default port: 81"),
        ] {
            let list = folded(&[
                entry(kind, one),
                entry(kind, "nothing else"),
                entry(kind, other),
            ]);
            assert_eq!(list.len(), 3, "{one}");
            assert!(
                list[0].about.is_some(),
                "{one}: {:?}",
                subject(&list[0].entry)
            );
            assert_eq!(list[0].about, list[2].about, "{one}");
            assert_eq!(list[1].about, None);
        }
    }

    #[test]
    fn another_detail_is_another_statement_about_the_same() {
        let mut one = entry(MemoryKind::Discovery, "how the build works");
        one.detail = "make all".to_owned();
        let mut other = one.clone();
        other.detail = "ninja all".to_owned();
        let list = folded(&[one, other]);
        assert_eq!(list.len(), 2);
        assert!(list.iter().all(|fact| fact.about.is_some()));
    }

    #[test]
    fn what_is_about_something_else_and_what_cannot_contradict_stands_alone() {
        use MemoryKind::{Artifact, Decision, Discovery, Error};
        let list = folded(&[
            entry(Discovery, "the parser is slow"),
            entry(Discovery, "the parser has no tests"),
            entry(Discovery, "the printer is slow"),
            entry(Decision, "use a table for the states"),
            entry(Decision, "use a list for the errors"),
            entry(Error, "the test is red: 5 of 7"),
            entry(Error, "the test is red: 6 of 7"),
            entry(Artifact, "changed: a.txt"),
            entry(Artifact, "changed: b.txt"),
        ]);
        assert_eq!(list.len(), 9);
        assert!(list.iter().all(|fact| fact.about.is_none()), "{list:#?}");
    }

    #[test]
    fn a_note_of_nothing_but_signs_is_no_other_one() {
        let list =
            folded(&["🦀", "🦀", "+", "-", ""].map(|text| entry(MemoryKind::Discovery, text)));
        assert_eq!(list.len(), 4);
        assert!(list.iter().all(|fact| fact.about.is_none()));
    }

    #[test]
    fn words_are_compared_without_case_and_accents() {
        let all = |text: &str| words(text).collect::<Vec<_>>();
        assert_eq!(
            all("Crème BRÛLÉE, e\u{301}t Žižek"),
            ["creme", "brulee", "et", "zizek"]
        );
        assert_eq!(
            all("a_b/c.rs 日本語 İx"),
            ["a", "b", "c", "rs", "日本語", "ix"]
        );
        assert_eq!(all("🦀 -- \0"), Vec::<String>::new());
        assert_eq!(LATIN.chars().count(), 161);
    }
}
