//! Calls that a server set apart: their names and arguments, which servers join, wrap and cut.

use crate::draft::{Doubt, Draft, Found, Given, Item, Why};
use crate::interpret::{Interpretation, joined, trimmed};
use crate::json::{self, Fault};
use crate::judge::judge;
use crate::offer::Offer;
use crate::scan::{Piece, scan};
use crate::thought::{self, Stray};
use crate::{RawAnswer, RawArguments, RawCall, cursor, glm, tags};
use serde_json::Value;
use std::borrow::Cow;

/// The answer of a server that had set the calls apart.
pub(crate) fn read(raw: &RawAnswer, offer: &Offer<'_>) -> Interpretation {
    let (thought, body) = apart(raw);
    let mut last = None;
    let mut items = Vec::new();
    for call in &raw.calls {
        // Some servers send a call twice under one id; it is meant once.
        let same = call.id.as_ref().is_some_and(|id| !id.is_empty()) && last == Some(call);
        last = Some(call);
        if same {
            continue;
        }
        items.extend(
            structured_call(call, offer)
                .into_iter()
                .map(|item| with_id(item, call)),
        );
    }
    Interpretation {
        items,
        text: trimmed(&own_words(body)),
        thought,
        calls_in_text: false,
    }
}

fn with_id(item: Item, call: &RawCall) -> Item {
    match item {
        Ok(mut done) => {
            done.id.clone_from(&call.id);
            Ok(done)
        }
        Err(mut refused) => {
            refused.id.clone_from(&call.id);
            Err(refused)
        }
    }
}

/// The calls that one structured call is; servers join what belongs to several.
fn structured_call(call: &RawCall, offer: &Offer<'_>) -> Vec<Item> {
    let (raw, given) = match &call.arguments {
        RawArguments::Text(text) => (text.as_str(), structured_text(text, call, offer)),
        RawArguments::Value(value) => ("", Ok(Given::Json(vec![plain(value.clone())]))),
        RawArguments::TooLong(text) => (text.as_str(), Err(Why::Truncated)),
    };
    if call.name.contains(['<', '|', '[']) && crate::strip(&call.name).contains('<') {
        return marked_name(call, offer);
    }
    let name = Cow::Borrowed(call.name.as_str());
    let found = match given {
        Ok(given) => {
            let doubt = match &given {
                Given::Bare(_) | Given::Python { .. } => {
                    Some(Doubt::malformed("its arguments are not JSON"))
                }
                _ => None,
            };
            Found::Draft(Draft {
                name: Some(name),
                given,
                raw,
                doubt,
            })
        }
        Err(_) if crate::strip(&call.name).is_empty() => Found::Bad {
            name: None,
            raw,
            why: Why::Nameless,
        },
        Err(why) => Found::Bad {
            name: Some(name),
            raw,
            why,
        },
    };
    judge(found, offer)
}

fn plain(value: Value) -> json::Read {
    json::Read {
        value,
        missing: json::Missing::default(),
        notes: json::Notes::default(),
    }
}

/// Arguments as text: one object, usually.
fn structured_text<'t>(
    text: &'t str,
    call: &'t RawCall,
    offer: &Offer<'_>,
) -> Result<Given<'t>, Why> {
    let body = without_end_tokens(cursor::trim(text));
    if matches!(body, "" | "null" | "None") {
        return Ok(Given::Nothing);
    }
    let mut cursor = cursor::Cursor::new(body);
    if let Some(parsed) = tags::parameters(&mut cursor, &call.name, offer) {
        return from_tags(parsed);
    }
    let fenced = cursor.eat("```");
    if fenced {
        cursor.take_while(char::is_alphanumeric);
    }
    let mut reads = Vec::new();
    let mut doubt = false;
    loop {
        past_comments(&mut cursor);
        if !reads.is_empty() {
            // Braces too many.
            cursor.take_while(|c| cursor::is_space(c) || matches!(c, '}' | '`'));
        }
        if cursor.is_end() {
            break;
        }
        let begin = cursor;
        match json::read(&mut cursor) {
            Ok(read) => reads.push(read),
            // Words behind an object; behind anything else they show that it was none.
            Err(_)
                if reads.iter().any(|read: &json::Read| read.value.is_object())
                    && !begin.rest().starts_with(['{', '[', '"']) =>
            {
                doubt = true;
                break;
            }
            Err(_) if reads.is_empty() && is_bare(begin.rest()) => return Ok(Given::Bare(body)),
            Err(Fault::Truncated) if scalar(begin.rest()).is_none() => return Err(Why::Truncated),
            Err(Fault::Truncated) => {
                reads.extend(scalar(begin.rest()));
                break;
            }
            Err(fault) => match begin.rest().find('{') {
                // Words in front of the object, or behind it.
                Some(at) if at > 0 && reads.is_empty() && !begin.sees("{") && !begin.sees("[") => {
                    doubt = true;
                    cursor = begin;
                    cursor.skip(at);
                }
                _ => return Err(Why::from(fault)),
            },
        }
    }
    if doubt {
        for read in &mut reads {
            // Treated like a bracket that does not fit: certain enough for looking, not for changing.
            read.notes.bracket = true;
        }
    }
    Ok(Given::Json(reads))
}

/// Passes what may stand between values: separators and comments.
fn past_comments(cursor: &mut cursor::Cursor<'_>) {
    loop {
        cursor.take_while(|c| cursor::is_space(c) || matches!(c, ';' | ','));
        if cursor.eat("//") || cursor.sees("#") {
            cursor.take_while(|c| c != '\n');
        } else if !cursor.eat("/*") || cursor.until("*/").is_none() {
            return;
        }
    }
}

/// Whether arguments are plain words, in which nothing was meant to be JSON.
fn is_bare(text: &str) -> bool {
    !text.contains(['{', '[', '"', '\'', '=', '<'])
        && !text.contains(": ")
        && scalar(text).is_none()
}

/// A number or word that is all there is.
fn scalar(text: &str) -> Option<json::Read> {
    let text = text.trim();
    let value = match text {
        "true" | "True" => Value::Bool(true),
        "false" | "False" => Value::Bool(false),
        _ => json::number(text)?,
    };
    Some(plain(value))
}

fn from_tags(parsed: tags::Parsed<'_>) -> Result<Given<'_>, Why> {
    match parsed.found.into_iter().next() {
        Some(Found::Draft(draft)) => match draft.given {
            Given::Fields(fields) => Ok(Given::Tagged(fields)),
            other => Ok(other),
        },
        Some(Found::Bad { why, .. }) => Err(why),
        None => Err(Why::Truncated),
    }
}

/// A name with marks in it: the server took more for the name than is one.
fn marked_name(call: &RawCall, offer: &Offer<'_>) -> Vec<Item> {
    let mut cursor = cursor::Cursor::new(&call.name);
    cursor.eat("<tool_call>");
    cursor.space();
    let doubt = Some(Doubt::markup("the marks of another form are in its name"));
    let block = glm::body(&mut cursor);
    let found = match block.and_then(|parsed| parsed.found.into_iter().next()) {
        Some(Found::Draft(mut draft)) => {
            if let Given::Fields(fields) = &draft.given
                && fields.is_empty()
                && let RawArguments::Text(text) = &call.arguments
                && let Some(read) = json::whole(text)
            {
                draft.given = Given::Json(vec![read]);
            }
            draft.doubt = doubt;
            Found::Draft(draft)
        }
        Some(bad) => bad,
        None => {
            let name = call.name.split('<').next().unwrap_or_default();
            let given = match &call.arguments {
                RawArguments::Text(text) => json::whole(text).map(|read| Given::Json(vec![read])),
                RawArguments::Value(value) => Some(Given::Json(vec![plain(value.clone())])),
                RawArguments::TooLong(_) => None,
            };
            Found::Draft(Draft {
                name: Some(Cow::Borrowed(name)),
                given: given.unwrap_or(Given::Nothing),
                raw: &call.name,
                doubt,
            })
        }
    };
    judge(found, offer)
}

/// The text without special tokens that a server left at its end.
fn without_end_tokens(text: &str) -> &str {
    let ends = [
        "<|im_end|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "</s>",
        "<|call|>",
        "<|end|>",
        "<|endoftext|>",
        "[e~[",
        "</tool_call>",
        "<|tool_call_end|>",
        "<｜tool▁call▁end｜>",
        "<end_of_turn>",
    ];
    let mut text = text;
    while let Some(shorter) = ends.iter().find_map(|end| text.strip_suffix(end)) {
        text = shorter.trim_end();
    }
    text
}

/// The thoughts that the server set apart, or those in the text; and the rest.
fn apart(raw: &RawAnswer) -> (Option<String>, &str) {
    if !raw.thought.trim().is_empty() {
        return (Some(trimmed(&raw.thought)), &raw.text);
    }
    let split = thought::split(&raw.text, false, Stray::Ends);
    (joined(split.thoughts.iter().copied()), split.body)
}

/// The words of the model's own turn, without marks of its end.
fn own_words(text: &str) -> String {
    let offer = Offer::new(&[], loom_events::Finish::Stop);
    let scanned = scan(text, &offer);
    let said = scanned.pieces.iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(*text),
        Piece::Call(_) => None,
    });
    said.collect()
}
