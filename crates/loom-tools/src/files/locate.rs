//! Finding the text that an edit wants to replace.
//!
//! Exact first. A text that differs only in white space counts when there is one place for it and
//! one way to write the new text there; everything else is shown back, never guessed.

use std::collections::HashMap;
use std::ops::Range;

/// Places that are shown when nothing fits.
const MAX_CANDIDATES: usize = 3;

/// Places that are listed when there are several.
const MAX_LISTED: usize = 10;

/// Lines that are compared in full; more candidates than this are not told apart.
const MAX_COMPARED: usize = 8;

/// Bytes of a line that are compared: similarity costs the product of both lengths.
const COMPARED_BYTES: usize = 160;

/// Lines less alike than this are not the ones that were meant.
const ALIKE: f64 = 0.5;

/// What was found.
#[derive(Debug, PartialEq)]
pub(super) enum Located {
    /// One place: these bytes become this text.
    Once {
        range: Range<usize>,
        text: String,
        /// Whether it only fitted with other white space.
        tolerant: bool,
    },
    /// Several places: how many, and the first lines of some.
    Several(usize, Vec<usize>),
    /// None; the most similar places, by their first lines.
    Nowhere(Vec<usize>),
}

/// Finds the one place of `old` in `content`. `at_line` tells several places apart, where only one
/// of them begins there.
pub(super) fn locate(content: &str, old: &str, new: &str, at_line: Option<usize>) -> Located {
    let exact = occurrences(content, old);
    let starting = line_numbers(content, &exact);
    match only(&exact, &starting, at_line) {
        Some(at) => {
            return Located::Once {
                range: at..at + old.len(),
                text: ends_as_in(content, new),
                tolerant: false,
            };
        }
        None if !exact.is_empty() => return Located::Several(exact.len(), shown(starting)),
        None => {}
    }
    let lines = Lines::new(content);
    let searched = trim_blank(old);
    let places = lines.places(&searched);
    let starting: Vec<usize> = places.iter().map(|at| at + 1).collect();
    let chosen = only(&places, &starting, at_line).map_or(places, |at| vec![at]);
    match chosen.as_slice() {
        [] => Located::Nowhere(lines.similar(&searched)),
        [first] => match rewrite(&lines.texts[*first..first + searched.len()], &searched, new) {
            Some(text) => Located::Once {
                range: lines.range(*first, searched.len()),
                text,
                tolerant: true,
            },
            None => Located::Nowhere(vec![first + 1]),
        },
        several => Located::Several(several.len(), shown(starting)),
    }
}

/// Where a text is, also where two places overlap: then nobody knows which is meant.
fn occurrences(content: &str, text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = content.get(from..).and_then(|rest| rest.find(text)) {
        found.push(from + at);
        let step = text.chars().next().map_or(1, char::len_utf8);
        from += at + step;
    }
    found
}

/// The lines in which the places are, in one pass.
fn line_numbers(content: &str, places: &[usize]) -> Vec<usize> {
    let (mut line, mut from) = (1, 0);
    let number = |at: &usize| {
        line += content[from..*at].matches('\n').count();
        from = *at;
        line
    };
    places.iter().map(number).collect()
}

/// The only place, or the only one that is in the line.
fn only(places: &[usize], starting: &[usize], at_line: Option<usize>) -> Option<usize> {
    if let [at] = places {
        return Some(*at);
    }
    let in_line = |(_, line): &(&usize, &usize)| Some(**line) == at_line;
    let mut there = places.iter().zip(starting).filter(in_line);
    match (there.next(), there.next()) {
        (Some((at, _)), None) => Some(*at),
        _ => None,
    }
}

fn shown(mut starting: Vec<usize>) -> Vec<usize> {
    starting.dedup();
    starting.truncate(MAX_LISTED);
    starting
}

/// The text with the line ends of a file in which all are CRLF: models send line feeds.
fn ends_as_in(content: &str, text: &str) -> String {
    let feeds = content.matches('\n').count();
    let all = feeds > 0 && content.matches("\r\n").count() == feeds;
    match all {
        true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => text.to_owned(),
    }
}

/// A text by lines.
struct Lines<'a> {
    /// Without their ends.
    texts: Vec<&'a str>,
    starts: Vec<usize>,
    length: usize,
}

impl<'a> Lines<'a> {
    fn new(content: &'a str) -> Self {
        let (mut texts, mut starts, mut at) = (Vec::new(), Vec::new(), 0);
        for line in content.split_inclusive('\n') {
            texts.push(line.strip_suffix('\n').unwrap_or(line));
            starts.push(at);
            at += line.len();
        }
        Self {
            texts,
            starts,
            length: at,
        }
    }

    /// The bytes of some lines, without the end of the last.
    fn range(&self, first: usize, count: usize) -> Range<usize> {
        let last = first + count - 1;
        let end = self.starts.get(last).copied().unwrap_or(self.length);
        self.starts[first]..end + self.texts[last].len()
    }

    /// Where the lines are the same except for white space at their ends.
    fn places(&self, searched: &[&str]) -> Vec<usize> {
        if searched.is_empty() {
            return Vec::new();
        }
        self.texts
            .windows(searched.len())
            .enumerate()
            .filter(|(_, window)| {
                window
                    .iter()
                    .zip(searched)
                    .all(|(a, b)| a.trim() == b.trim())
            })
            .map(|(at, _)| at)
            .collect()
    }

    /// The first lines of the most similar places, the best first.
    fn similar(&self, searched: &[&str]) -> Vec<usize> {
        let longest = searched
            .iter()
            .enumerate()
            .max_by_key(|(_, l)| l.trim().len());
        let Some((offset, anchor)) = longest else {
            return Vec::new();
        };
        let mut anchors: Vec<(f64, usize)> = self
            .texts
            .iter()
            .enumerate()
            .map(|(at, line)| (alike(line, anchor), at))
            .filter(|(score, _)| *score >= ALIKE)
            .collect();
        anchors.sort_by(|a, b| b.0.total_cmp(&a.0));
        anchors.truncate(MAX_COMPARED);
        let mut places: Vec<(f64, usize)> = anchors
            .iter()
            .map(|(_, at)| at.saturating_sub(offset))
            .map(|first| (self.likeness(first, searched), first + 1))
            .collect();
        places.sort_by(|a, b| b.0.total_cmp(&a.0));
        places.truncate(MAX_CANDIDATES);
        places.into_iter().map(|(_, line)| line).collect()
    }

    fn likeness(&self, first: usize, searched: &[&str]) -> f64 {
        let pairs = self.texts[first..].iter().zip(searched);
        pairs.map(|(a, b)| alike(a, b)).sum::<f64>()
    }
}

fn alike(a: &str, b: &str) -> f64 {
    let cut = |text: &str| {
        let text = text.trim();
        text[..text.floor_char_boundary(COMPARED_BYTES)].to_owned()
    };
    let (a, b) = (cut(a), cut(b));
    if a == b {
        return 1.0;
    }
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    // Texts of very different length are not alike, and need not be compared.
    if short * 3 < long {
        return 0.0;
    }
    strsim::normalized_levenshtein(&a, &b)
}

/// The lines without blank ones at either end.
fn trim_blank(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let is_text = |line: &&str| !line.trim().is_empty();
    let Some(first) = lines.iter().position(&is_text) else {
        return Vec::new();
    };
    let last = lines.iter().rposition(is_text).unwrap_or(first);
    lines[first..=last].to_vec()
}

/// The new text with the white space of the place; none when that cannot be said for sure.
fn rewrite(found: &[&str], searched: &[&str], new: &str) -> Option<String> {
    let crlf = found.iter().any(|line| line.ends_with('\r'));
    let mut indents: HashMap<&str, &str> = HashMap::new();
    for (there, given) in found.iter().zip(searched) {
        if given.trim().is_empty() {
            continue;
        }
        let there = indent(there);
        // The same indentation in the given text would be two different ones in the file.
        if *indents.entry(indent(given)).or_insert(there) != there {
            return None;
        }
    }
    let lines: Option<Vec<String>> = trim_blank(new)
        .into_iter()
        .map(|line| {
            let body = line.trim_start();
            if body.is_empty() {
                return Some(String::new());
            }
            Some(format!("{}{body}", indent_for(indent(line), &indents)?))
        })
        .collect();
    let end = if crlf { "\r\n" } else { "\n" };
    let mut text = lines?.join(end);
    // The last line of a file may end in nothing.
    if found.last().is_some_and(|line| line.ends_with('\r')) && !text.is_empty() {
        text.push('\r');
    }
    Some(text)
}

/// What an indentation of the given text is in the file.
fn indent_for(given: &str, indents: &HashMap<&str, &str>) -> Option<String> {
    if let Some(there) = indents.get(given) {
        return Some((*there).to_owned());
    }
    // Deeper than a known one: what is added stays as it is, if all known ones only shift.
    let (known, there) = indents
        .iter()
        .filter(|(known, _)| given.starts_with(**known))
        .max_by_key(|(known, _)| known.len())?;
    let shifts = indents
        .iter()
        .all(|(k, t)| match there.strip_suffix(*known) {
            Some(shift) => t.strip_prefix(shift) == Some(*k),
            None => {
                k.strip_suffix(*t).is_some() && known.strip_suffix(*there) == k.strip_suffix(*t)
            }
        });
    shifts.then(|| format!("{there}{}", &given[known.len()..]))
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(content: &str, old: &str, new: &str) -> Option<String> {
        match locate(content, old, new, None) {
            Located::Once { range, text, .. } => {
                let mut content = content.to_owned();
                content.replace_range(range, &text);
                Some(content)
            }
            Located::Several(..) | Located::Nowhere(_) => None,
        }
    }

    #[test]
    fn a_text_that_occurs_once_is_replaced_byte_by_byte() {
        assert_eq!(edited("a b c", "b", "B  ").as_deref(), Some("a B   c"));
    }

    #[test]
    fn several_places_are_named_and_a_line_tells_them_apart() {
        let content = "x = 1\ny\nx = 1\n";
        assert_eq!(
            locate(content, "x = 1", "", None),
            Located::Several(2, vec![1, 3])
        );
        let Located::Once { range, .. } = locate(content, "x = 1", "", Some(3)) else {
            panic!("not found");
        };
        assert_eq!(range, 8..13);
    }

    #[test]
    fn white_space_at_line_ends_does_not_matter() {
        let content = "if a:  \n    b()\t\nend\n";
        let found = edited(content, "if a:\n    b()\n", "if a:\n    c()\n");
        assert_eq!(found.as_deref(), Some("if a:\n    c()\nend\n"));
    }

    #[test]
    fn lines_that_end_in_crlf_stay_so() {
        let found = edited("a\r\nb\r\nc\r\n", "a\nb", "x\ny\nz");
        assert_eq!(found.as_deref(), Some("x\r\ny\r\nz\r\nc\r\n"));
    }

    #[test]
    fn other_indentation_is_carried_over() {
        let content = "mod m {\n    fn a() {\n        b();\n    }\n}\n";
        let old = "fn a() {\n    b();\n}";
        let new = "fn a() {\n    if x {\n        c();\n    }\n}";
        let after =
            "mod m {\n    fn a() {\n        if x {\n            c();\n        }\n    }\n}\n";
        assert_eq!(edited(content, old, new).as_deref(), Some(after));
    }

    #[test]
    fn tabs_for_spaces_are_carried_over_where_each_depth_is_known() {
        let content = "\tif a {\n\t\tb();\n\t}\n";
        let old = "    if a {\n        b();\n    }";
        let new = "    if a {\n        c();\n    }";
        assert_eq!(
            edited(content, old, new).as_deref(),
            Some("\tif a {\n\t\tc();\n\t}\n")
        );
    }

    #[test]
    fn an_indentation_that_cannot_be_known_is_not_guessed() {
        let content = "\tif a {\n\t\tb();\n\t}\n";
        let old = "    if a {\n        b();\n    }";
        let new = "    if a {\n            deeper();\n    }";
        assert_eq!(edited(content, old, new), None);
    }

    #[test]
    fn two_tolerant_places_are_ambiguous() {
        let content = "  a\n  b\n    a\n    b\n";
        assert_eq!(
            locate(content, "a\nb\n", "", None),
            Located::Several(2, vec![1, 3])
        );
    }

    #[test]
    fn the_most_similar_place_comes_first() {
        let content = "fn one() {\n    let total = compute(1);\n}\nfn two() {\n    let total = compute(22);\n}\n";
        let found = locate(
            content,
            "fn two() {\n    let total = compute(2);\n}",
            "",
            None,
        );
        assert_eq!(found, Located::Nowhere(vec![4, 1]));
        assert_eq!(
            locate(content, "zzzzzzzzzzzzzzz", "", None),
            Located::Nowhere(vec![])
        );
    }

    #[test]
    fn nothing_breaks_on_empty_or_blank_text() {
        assert_eq!(locate("", "a", "b", None), Located::Nowhere(vec![]));
        assert_eq!(locate("a\n", "\n\n\n", "b", None), Located::Nowhere(vec![]));
        assert_eq!(locate("a", "a\nb\nc", "b", None), Located::Nowhere(vec![]));
    }
}
