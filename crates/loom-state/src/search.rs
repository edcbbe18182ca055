//! How well an entry fits the words that are sought. One measure for every back end: what differs
//! between them is only how they come by the entries that may fit.
//!
//! What a person or a model types is taken as words; none of it can be syntax of a query language.

use loom_events::MemoryEntry;
use loom_view::memory::words;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Most words of a query that are looked for: more never make a result better, and each costs a look
/// at every entry.
const MAX_WORDS: usize = 32;

/// What a word counts in summary, detail, tags and relevance: the first is one line that says what the
/// entry is about, the second is long and says everything.
const WEIGHTS: [u8; 4] = [4, 1, 3, 2];

/// What a word counts that only begins like the one that is sought.
const BEGINS: f64 = 0.5;

/// How much of an entry's weight for a word is reached at half: in summary and tags is little more
/// than in the summary alone.
const HALF: f64 = 1.5;

/// Least letters of a word that also finds those that begin like it: `a` begins half of all. Scripts
/// without spaces have no such short words.
const MIN_BEGINNING: usize = 3;

/// Statements about the same that are shown together: what was said before those is history.
pub(crate) const TOLD: usize = 4;

/// A tag in the form in which tags are compared.
pub(crate) fn tag(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The digits of a part of a task id, in lower case and without hyphens; none when the text cannot
/// be a part of one.
pub(crate) fn id_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| digits.to_ascii_lowercase())
}

/// Whether a word also finds those that begin like it.
pub(crate) fn finds_beginnings(word: &str) -> bool {
    !word.is_ascii() || word.len() >= MIN_BEGINNING
}

/// The words of an entry, each once, with the parts of the entry that it is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Indexed(BTreeMap<String, u8>);

impl Indexed {
    /// Of an entry.
    pub(crate) fn of(entry: &MemoryEntry) -> Self {
        let tags = entry.tags.join(" ");
        let parts = [&entry.summary, &entry.detail, &tags, &entry.relevance_to];
        let mut all = BTreeMap::new();
        for (at, part) in parts.into_iter().enumerate() {
            for word in words(part) {
                *all.entry(word).or_default() |= 1 << at;
            }
        }
        Self(all)
    }

    /// The words alone.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// As it is stored and as [`Sought::look`] reads it: words with a digit in front, which says in
    /// which parts they are.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (word, parts) in &self.0 {
            write!(text, "{parts:x}{word} ").expect("BUG: text can be written to a string");
        }
        text
    }
}

/// What is sought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sought {
    words: Vec<String>,
    /// Places in `words` by how the word begins: most words of an entry need no more than a look here.
    by_start: Vec<Vec<usize>>,
    /// Places of those that are shorter than that and find beginnings: a letter of another script.
    short: Vec<usize>,
}

/// Places of [`Sought::by_start`]: so many that two words seldom share one.
const STARTS: usize = 1 << 12;

/// The place of a word by its first three bytes; a shorter one ends with spaces.
fn start(word: &[u8]) -> usize {
    let at = |place: usize| word.get(place).map_or(b' ', |byte| *byte);
    let (first, second) = (at(0), at(1));
    let third = if second == b' ' { b' ' } else { at(2) };
    let bytes = [first, second, third];
    let mixed = bytes
        .iter()
        .fold(0, |sum: usize, byte| sum * 61 + usize::from(*byte));
    mixed % STARTS
}

/// What an entry has of one word that is sought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hit {
    /// Which word.
    word: usize,
    /// Its best weight.
    weight: f64,
    /// How many words of the entry are or begin like it.
    count: u64,
}

/// What an entry has of what is sought, a hit for each word that it has.
pub(crate) type Hits = Vec<Hit>;

/// In how many entries of how many the words are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rarity {
    /// Entries.
    pub(crate) entries: u64,
    /// For each word that is sought: the entries that have it, added up over all words that begin so.
    pub(crate) with: Vec<u64>,
}

impl Sought {
    /// The words of a text, each once; none when it has none.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut seen = BTreeSet::new();
        let words: Vec<String> = words(text)
            .filter(|word| seen.insert(word.clone()))
            .take(MAX_WORDS)
            .collect();
        let mut by_start = vec![Vec::new(); STARTS];
        let mut short = Vec::new();
        for (at, word) in words.iter().enumerate() {
            match word.len() < MIN_BEGINNING && finds_beginnings(word) {
                true => short.push(at),
                false => by_start.get_mut(start(word.as_bytes()))?.push(at),
            }
        }
        (!words.is_empty()).then_some(Self {
            words,
            by_start,
            short,
        })
    }

    /// The words.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// Looks at an entry's words, as [`Indexed::text`] wrote them; none when none of them is sought.
    ///
    /// Bytes, since thousands of entries are looked at for one query.
    pub(crate) fn look(&self, text: &[u8]) -> Option<Hits> {
        let mut hits: Hits = Vec::new();
        let mut rest = text;
        while let [parts, words @ ..] = rest {
            let end = words.iter().position(|byte| *byte == b' ');
            let end = end.unwrap_or(words.len());
            let word = &words[..end];
            for at in self.by_start[start(words)].iter().chain(&self.short) {
                self.compare(*at, word, *parts, &mut hits);
            }
            rest = words.get(end + 1..).unwrap_or_default();
        }
        (!hits.is_empty()).then_some(hits)
    }

    /// Adds a word of an entry to its hits, if it is the one that is sought or begins like it.
    fn compare(&self, at: usize, word: &[u8], parts: u8, hits: &mut Hits) {
        let sought = &self.words[at];
        let share = match word == sought.as_bytes() {
            true => 1.0,
            false if finds_beginnings(sought) && word.starts_with(sought.as_bytes()) => BEGINS,
            false => return,
        };
        let weight = share * weight(parts);
        match hits.iter_mut().find(|hit| hit.word == at) {
            Some(hit) => {
                hit.weight = hit.weight.max(weight);
                hit.count += 1;
            }
            None => hits.push(Hit {
                word: at,
                weight,
                count: 1,
            }),
        }
    }

    /// How rare the words are among entries that were looked at.
    pub(crate) fn rarity<'a>(
        &self,
        entries: usize,
        hits: impl Iterator<Item = &'a Hits>,
    ) -> Rarity {
        let mut with = vec![0; self.words.len()];
        for hit in hits.flatten() {
            with[hit.word] += hit.count;
        }
        Rarity {
            entries: u64::try_from(entries).unwrap_or(u64::MAX),
            with,
        }
    }
}

impl Rarity {
    /// What each word says: a rare one more than a frequent one.
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 entries")]
    pub(crate) fn worths(&self) -> Vec<f64> {
        let each = self.with.iter().map(|with| {
            let with = (*with).min(self.entries) as f64;
            (1.0 + (self.entries as f64 - with + 0.5) / (with + 0.5)).ln()
        });
        each.collect()
    }
}

/// How well an entry fits: a word says more in the summary than in the detail.
pub(crate) fn score(worths: &[f64], hits: &[Hit]) -> f64 {
    let each = hits
        .iter()
        .map(|hit| worths[hit.word] * hit.weight / (hit.weight + HALF));
    each.sum()
}

/// The entries by their scores, the best first; among equals the newest.
pub(crate) fn best(mut scored: Vec<(f64, i64)>) -> Vec<i64> {
    scored.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(other.cmp(one)));
    scored.into_iter().map(|(_, number)| number).collect()
}

/// What was found, at most so much, with what the same task noted about the same: such statements come
/// together where the best of them is, the newest last, also those in which nothing is sought.
///
/// `alike` gives the newest [`TOLD`] of them, the oldest first; none for what stands alone.
pub(crate) fn together<E>(
    found: &[i64],
    most: usize,
    mut alike: impl FnMut(i64) -> Result<Vec<i64>, E>,
) -> Result<Vec<i64>, E> {
    let mut shown: Vec<i64> = Vec::new();
    for number in found {
        let room = most.saturating_sub(shown.len());
        if room == 0 {
            break;
        }
        if shown.contains(number) {
            continue;
        }
        let mut group = alike(*number)?;
        if !group.contains(number) {
            group.insert(0, *number);
        }
        // Where not all fit, the older ones go, but not the one that was found.
        while group.len() > room.min(TOLD) {
            let oldest = group.iter().position(|other| other != number);
            group.remove(oldest.unwrap_or_default());
        }
        shown.extend(group);
    }
    Ok(shown)
}

/// What a word counts that is in these parts, which are a hexadecimal digit.
fn weight(parts: u8) -> f64 {
    let parts = char::from(parts).to_digit(16).unwrap_or_default();
    let all = WEIGHTS.into_iter().enumerate();
    let sum: u8 = all
        .filter(|(at, _)| parts >> at & 1 == 1)
        .map(|(_, weight)| weight)
        .sum();
    f64::from(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::entry;
    use loom_events::MemoryKind;

    fn score(sought: &str, summaries: &[&str]) -> Vec<usize> {
        let sought = Sought::of(sought).unwrap();
        let texts = summaries
            .iter()
            .map(|summary| Indexed::of(&entry(MemoryKind::Context, summary, &[])).text());
        let hits: Vec<_> = texts.map(|text| sought.look(text.as_bytes())).collect();
        let worths = sought.rarity(hits.len(), hits.iter().flatten()).worths();
        let mut fits: Vec<_> = hits
            .iter()
            .enumerate()
            .filter_map(|(at, hits)| Some((at, super::score(&worths, hits.as_ref()?))))
            .collect();
        fits.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        fits.into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn nothing_in_a_text_is_syntax() {
        let words = |text| Sought::of(text).map(|sought| sought.words);
        assert_eq!(
            words("a\" OR b* NEAR(c) -d:e").unwrap(),
            ["a", "or", "b", "near", "c", "d", "e"]
        );
        assert_eq!(words("\"'*^():;--\0"), None);
        assert_eq!(words(""), None);
    }

    #[test]
    fn the_number_of_words_is_bounded() {
        let text = (0..1000).map(|i| format!("w{i} ")).collect::<String>();
        assert_eq!(Sought::of(&text).unwrap().words.len(), MAX_WORDS);
    }

    #[test]
    fn a_rare_word_counts_more_than_a_frequent_one_and_a_whole_word_more_than_a_beginning() {
        let all = [
            "parser of dates",
            "parser of times",
            "parser",
            "printers",
            "printer of dates",
        ];
        assert_eq!(score("parser printers", &all)[0], 3);
        assert_eq!(score("print", &all), [3, 4]);
        assert_eq!(score("pr", &all), Vec::<usize>::new());
    }

    #[test]
    fn words_are_found_however_they_begin() {
        let all = [
            "a b",
            "ab",
            "abc",
            "abcd",
            "я",
            "яма",
            "я б",
            "日本語",
            "日",
            "ß",
        ];
        for (sought, expected) in [
            ("a", vec![0]),
            ("ab", vec![1]),
            ("abc", vec![2, 3]),
            ("abcd", vec![3]),
            ("я", vec![4, 5, 6]),
            ("ям", vec![5]),
            ("日", vec![7, 8]),
            ("日本", vec![7]),
            ("s", vec![]),
        ] {
            let mut found = score(sought, &all);
            found.sort_unstable();
            assert_eq!(found, expected, "{sought}");
        }
    }

    #[test]
    fn statements_about_the_same_come_together_within_the_bound_and_the_newest_stays() {
        let alike = |number: i64| -> Result<Vec<i64>, ()> {
            Ok(match number {
                1..=3 => vec![1, 2, 3],
                10..=19 => (16..=19).collect(),
                _ => Vec::new(),
            })
        };
        assert_eq!(
            together(&[7, 2, 8, 3, 1], 9, alike),
            Ok(vec![7, 1, 2, 3, 8])
        );
        assert_eq!(together(&[2, 7], 2, alike), Ok(vec![2, 3]));
        assert_eq!(together(&[3, 7], 1, alike), Ok(vec![3]));
        assert_eq!(together(&[11, 7], 9, alike), Ok(vec![11, 17, 18, 19, 7]));
    }

    #[test]
    fn a_word_counts_more_in_the_summary_than_in_the_detail() {
        let sought = Sought::of("cache").unwrap();
        let mut one = entry(MemoryKind::Context, "cache", &[]);
        let in_summary = sought.look(Indexed::of(&one).text().as_bytes()).unwrap();
        std::mem::swap(&mut one.summary, &mut one.detail);
        let in_detail = sought.look(Indexed::of(&one).text().as_bytes()).unwrap();
        assert!(in_summary[0].weight > in_detail[0].weight);
    }
}
