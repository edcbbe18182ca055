//! Calls without marks: JSON in the open or in a fence, and a python list.
//!
//! Such a call counts only as the whole message or its last element. With words behind it, it is an
//! example, and examples do not run.

use crate::cursor::{Cursor, is_space, trim};
use crate::draft::{Found, Why};
use crate::json::{self, Fault};
use crate::offer::Offer;
use crate::scan::cut_off;
use crate::{envelope, python};

/// What was found in a text.
pub(crate) struct Bare<'t> {
    /// The words in front.
    pub(crate) said: &'t str,
    pub(crate) found: Vec<Found<'t>>,
    /// Whether words follow, so that it was an example.
    pub(crate) example: bool,
}

/// A stretch of text that is data.
struct Element<'t> {
    start: usize,
    end: usize,
    found: Vec<Found<'t>>,
}

/// Finds calls in the open.
pub(crate) fn find<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    json_calls(text, offer).or_else(|| python_calls(text, offer))
}

fn json_calls<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    let elements = elements(text, offer);
    let last = elements.last()?;
    let words = is_words(&text[last.end..]);
    // Calls next to each other are several calls.
    let mut first = elements.len() - 1;
    while first > 0 && !is_words(&text[elements[first - 1].end..elements[first].start]) {
        first -= 1;
    }
    let start = elements[first].start;
    let mut found: Vec<Found<'t>> = elements
        .into_iter()
        .skip(first)
        .flat_map(|element| element.found)
        .collect();
    // Whether words follow, which would make it an example, is not known of an answer that the limit
    // has cut here.
    if offer.is_cut() && !words {
        for one in &mut found {
            cut_off(std::slice::from_mut(one));
        }
    }
    Some(Bare {
        said: without_fence(&text[..start]),
        found,
        example: words,
    })
}

/// Brackets that are looked at; no answer of a model has so many.
const MAX_LOOKED: usize = 20_000;

/// The JSON values in a text that are calls, in their order.
fn elements<'t>(text: &'t str, offer: &Offer<'_>) -> Vec<Element<'t>> {
    let mut elements = Vec::new();
    let (mut at, mut looked) = (0, 0);
    while let Some(found) = text[at..].find(['{', '['])
        && looked < MAX_LOOKED
    {
        looked += 1;
        let start = at + found;
        let mut cursor = Cursor::at(text, start);
        match json::read(&mut cursor) {
            Ok(read) => {
                let mut end = cursor.place();
                if envelope::is_call(&read.value, offer) {
                    end = past_braces(&mut cursor);
                    elements.push(Element {
                        start,
                        end,
                        found: envelope::calls(read, &text[start..cursor.place()], offer),
                    });
                }
                at = end.max(start + 1);
            }
            Err(fault) => {
                let truncated = fault == Fault::Truncated;
                let end = match &fault {
                    Fault::Truncated => text.len(),
                    Fault::Cut { at } | Fault::Malformed { at, .. } => *at,
                };
                let begins = envelope::name_of_damaged(&text[start..], offer);
                if let Some(name) = begins.filter(|_| truncated || starts_line(text, start)) {
                    let why = Why::from(fault);
                    // A damaged call reaches to the end: what its strings hold is not looked into.
                    elements.push(Element {
                        start,
                        end: text.len(),
                        found: vec![Found::Bad {
                            name: Some(name.into()),
                            raw: &text[start..],
                            why,
                        }],
                    });
                    return elements;
                }
                if truncated {
                    if start == 0 && looks_cut(text) {
                        elements.push(Element {
                            start,
                            end: text.len(),
                            found: vec![Found::Bad {
                                name: None,
                                raw: text,
                                why: Why::Truncated,
                            }],
                        });
                    }
                    return elements;
                }
                at = end.max(start + 1);
                while !text.is_char_boundary(at) {
                    at += 1;
                }
            }
        }
    }
    elements
}

/// Whether a cut object has got as far as the key of a name.
fn looks_cut(text: &str) -> bool {
    let head = trim(text).trim_start_matches('{').trim_start();
    [
        "\"name\"",
        "\"tool\"",
        "\"function\"",
        "\"type\": \"function\"",
        "\"tool_call",
    ]
    .iter()
    .any(|key| head.starts_with(key))
}

fn starts_line(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with(['\n', ':', '`'])
}

/// Passes braces too many.
fn past_braces(cursor: &mut Cursor<'_>) -> usize {
    let mut end = cursor.place();
    let mut ahead = *cursor;
    loop {
        ahead.space();
        if !ahead.eat("}") && !ahead.eat("]") {
            return end;
        }
        *cursor = ahead;
        end = ahead.place();
    }
}

/// Whether there is more than what may stand behind or between calls.
fn is_words(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c| is_space(c) || matches!(c, ';' | ',' | '}' | ']'));
        let Some(inner) = rest.strip_prefix("```") else {
            return !rest.is_empty();
        };
        rest = inner.trim_start_matches(|c: char| c.is_alphanumeric());
    }
}

/// The words in front of a call, without the fence that opens in front of it.
fn without_fence(text: &str) -> &str {
    let text = text.trim_end();
    let line = text.rfind('\n').map_or(0, |at| at + 1);
    match text[line..].trim_start().starts_with("```") {
        true => &text[..line],
        false => text,
    }
}

/// A python list of calls, as the whole message or its last line.
fn python_calls<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    let start = list_start(text)?;
    let mut cursor = Cursor::at(text, start);
    let mut ahead = cursor;
    ahead.eat("[");
    ahead.space();
    let first = python::begins_call(&ahead)?;
    let known = offer.knows(first);
    let mut found = python::list(&mut cursor)?;
    let good = found.iter().all(|found| matches!(found, Found::Draft(_)));
    if !known && !good {
        return None;
    }
    let rest = &text[cursor.place()..];
    if offer.is_cut() && cursor.is_end() && !text.trim_end().ends_with(']') {
        cut_off(&mut found);
    }
    Some(Bare {
        said: without_fence(&text[..start]),
        example: is_words(rest),
        found,
    })
}

/// Where the first line begins that a list of calls may be.
fn list_start(text: &str) -> Option<usize> {
    let body = text.trim_start_matches(is_space);
    if body.starts_with('[') {
        return Some(text.len() - body.len());
    }
    text.match_indices("\n[").map(|(at, _)| at + 1).find(|at| {
        let mut ahead = Cursor::at(text, at + 1);
        ahead.space();
        python::begins_call(&ahead).is_some()
    })
}
