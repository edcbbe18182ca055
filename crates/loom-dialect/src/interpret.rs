//! Where an answer is interpreted: what of it is thought, what is text, what is a call.
//!
//! A provider collects a [`RawAnswer`] without judging it; [`read`] judges it without knowing the
//! server. The order is fixed: thoughts are split off, then marks are looked for, then calls in the
//! open, then descriptions of calls; what is left is text. Whatever the form, a call passes through
//! `draft`: either it is exactly what the model meant, or it is refused with a reason.

use crate::bare::Bare;
use crate::draft::{Draft, Found, Given, Item, Refused, Why, judge};
use crate::ids::Ids;
use crate::json::{self, Fault};
use crate::offer::Offer;
use crate::scan::{Piece, scan};
use crate::thought::{self, Split};
use crate::{
    Family, RawAnswer, RawArguments, RawCall, bare, cursor, glm, harmony, refuse, renderings, tags,
};
use loom_events::{Answer, Message, ToolCall, ToolSpec};
use serde_json::Value;
use std::borrow::Cow;

/// Calls found in the text of one answer; a model that sends more has lost the thread.
const MAX_CALLS: usize = 64;

/// What is known of the question when its answer is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading<'a> {
    /// The tools that were offered.
    pub tools: &'a [ToolSpec],
    /// The conversation so far; ids of calls are unique in it.
    pub history: &'a [Message],
    /// The form that the model is known to use; others are tried all the same.
    pub family: Family,
    /// Whether the prompt ended inside of a thought that the template had opened.
    pub in_thought: bool,
    /// Whether the answer may hold calls at all. JSON that was asked for is an answer, not a call.
    pub may_call: bool,
}

/// What an answer is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interpretation {
    /// The calls in their order, each to be run or refused.
    pub items: Vec<Item>,
    /// Visible text.
    pub text: String,
    /// Thoughts; never an answer.
    pub thought: Option<String>,
    /// Whether calls stood in the text, where the server had left them.
    pub calls_in_text: bool,
}

/// Reads an answer for its conversation: calls with ids, refused ones apart.
///
/// A call whose arguments could be read stays a call even when it must not run: the conversation
/// shows it with its refusal as the result. What could not be read is never sent back as a call.
#[must_use]
pub fn interpret(raw: RawAnswer, reading: &Reading<'_>) -> Answer {
    let read = read(&raw, reading);
    let mut ids = Ids::of(reading.history);
    let mut answer = Answer {
        text: read.text,
        thought: read.thought,
        ..Answer::default()
    };
    for item in read.items {
        match item {
            Ok(call) => answer.calls.push(ToolCall {
                id: ids.next(call.id.as_deref()),
                name: call.name,
                arguments: call.arguments,
            }),
            Err(refused) => match *refused {
                Refused {
                    id,
                    call,
                    arguments: Some(arguments),
                } if call.name.is_some() => answer.calls.push(ToolCall {
                    id: ids.next(id.as_deref()),
                    name: call.name.unwrap_or_default(),
                    arguments,
                }),
                refused => answer.unreadable.push(refused.call),
            },
        }
    }
    if raw.dropped_calls > 0 {
        let refusal = refuse::too_many(raw.dropped_calls);
        answer
            .unreadable
            .push(refuse::unreadable(None, "", refusal));
    }
    answer
}

/// Reads an answer.
#[must_use]
pub fn read(raw: &RawAnswer, reading: &Reading<'_>) -> Interpretation {
    let offer = Offer::new(reading.tools, raw.finish);
    if !raw.calls.is_empty() {
        return structured(raw, reading, &offer);
    }
    let mut read = in_text(raw, reading, &offer);
    collapse(&mut read.items);
    if read.items.len() > MAX_CALLS {
        let dropped = read.items.len() - MAX_CALLS;
        read.items.truncate(MAX_CALLS);
        read.items.push(Err(Box::new(Refused {
            id: None,
            call: refuse::unreadable(None, "", refuse::too_many(dropped)),
            arguments: None,
        })));
    }
    read
}

/// The answer of a server that had set the calls apart.
fn structured(raw: &RawAnswer, reading: &Reading<'_>, offer: &Offer<'_>) -> Interpretation {
    let (thought, body) = apart(raw, reading);
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
                    Some(crate::draft::Doubt::malformed("its arguments are not JSON"))
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
        cursor.take_while(|c| cursor::is_space(c) || matches!(c, ';' | ','));
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
            Err(_) if !reads.is_empty() && !begin.rest().starts_with(['{', '[', '"']) => {
                doubt = true;
                break;
            }
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
                None if !begin.rest().contains(['"', '\'', '=']) => {
                    return Ok(Given::Bare(body));
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
    let doubt = Some(crate::draft::Doubt::markup(
        "the marks of another form are in its name",
    ));
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

/// The answer of a server that left everything in the text.
fn in_text(raw: &RawAnswer, reading: &Reading<'_>, offer: &Offer<'_>) -> Interpretation {
    if raw.thought.trim().is_empty()
        && let Some(harmony) = harmony::read(&raw.text)
    {
        return from_harmony(
            &harmony.thought,
            harmony.pieces,
            &harmony.last_words,
            reading,
            offer,
        );
    }
    if !raw.thought.trim().is_empty() {
        let read = spoken(&raw.text, reading, offer);
        if read.items.is_empty() && read.text.is_empty() {
            return only_thought(&raw.thought, reading, offer);
        }
        return Interpretation {
            thought: Some(trimmed(&raw.thought)),
            ..read
        };
    }
    let split = thought::split(&raw.text, reading.in_thought);
    if split.open {
        let last = split.thoughts.last().copied().unwrap_or_default();
        let mut read = only_thought(last, reading, offer);
        let earlier = &split.thoughts[..split.thoughts.len().saturating_sub(1)];
        read.thought = joined(earlier.iter().copied().chain(read.thought.as_deref()));
        return read;
    }
    let mut read = spoken(split.body, reading, offer);
    if read.items.is_empty() && read.text.is_empty() && reading.may_call && drafts_in(&split, offer)
    {
        let last = split.thoughts.last().copied().unwrap_or_default();
        read.items.push(in_reasoning(last));
    }
    read.thought = joined(split.thoughts.iter().copied());
    read
}

/// Whether calls stand in closed thoughts. They are drafts.
fn drafts_in(split: &Split<'_>, offer: &Offer<'_>) -> bool {
    let holds = |thought: &&str| {
        scan(thought, offer)
            .iter()
            .any(|piece| matches!(piece, Piece::Call(_)))
    };
    split.thoughts.iter().any(holds)
}

fn in_reasoning(raw: &str) -> Item {
    Err(Box::new(Refused {
        id: None,
        call: refuse::unreadable(None, raw, refuse::in_reasoning()),
        arguments: None,
    }))
}

/// An answer that is nothing but an open thought. A complete call as its last words was meant as the
/// answer; one in its middle is a draft.
fn only_thought(thought: &str, reading: &Reading<'_>, offer: &Offer<'_>) -> Interpretation {
    let mut read = Interpretation::default();
    if !reading.may_call {
        read.thought = joined(std::iter::once(thought));
        return read;
    }
    let mut pieces = scan(thought, offer);
    let is_blank =
        |piece: &Piece<'_>| matches!(piece, Piece::Text(text) if cursor::trim(text).is_empty());
    let any = pieces.iter().any(|piece| matches!(piece, Piece::Call(_)));
    while pieces.last().is_some_and(is_blank) {
        pieces.pop();
    }
    let mut first = pieces.len();
    while first > 0 && (matches!(pieces[first - 1], Piece::Call(_)) || is_blank(&pieces[first - 1]))
    {
        first -= 1;
    }
    let calls = pieces.split_off(first);
    let thoughts: Vec<&str> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(*text),
            Piece::Call(_) => None,
        })
        .collect();
    let ends_in_calls = calls.iter().any(|piece| matches!(piece, Piece::Call(_)));
    if ends_in_calls {
        read.thought = joined(thoughts.into_iter());
        read.calls_in_text = true;
        for piece in calls {
            if let Piece::Call(found) = piece {
                read.items.extend(judge(*found, offer));
            }
        }
        return read;
    }
    read.thought = joined(std::iter::once(thought));
    if any {
        read.items.push(in_reasoning(thought));
    }
    read
}

/// The part of an answer that is not thought.
fn spoken(body: &str, reading: &Reading<'_>, offer: &Offer<'_>) -> Interpretation {
    if !reading.may_call {
        return Interpretation {
            text: trimmed(body),
            ..Interpretation::default()
        };
    }
    let pieces = scan(body, offer);
    if pieces.iter().any(|piece| matches!(piece, Piece::Call(_))) {
        return marked(body, pieces, offer);
    }
    let said: String = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(*text),
            Piece::Call(_) => None,
        })
        .collect();
    match bare::find(&said, offer).or_else(|| renderings::find(&said, offer)) {
        Some(bare) => in_the_open(bare, &said, offer),
        None => Interpretation {
            text: trimmed(&said),
            ..Interpretation::default()
        },
    }
}

/// Calls between marks. They count with text on both sides, unless they stand in a fence that the
/// text goes on behind.
fn marked(body: &str, pieces: Vec<Piece<'_>>, offer: &Offer<'_>) -> Interpretation {
    let mut read = Interpretation {
        calls_in_text: true,
        ..Interpretation::default()
    };
    if is_example(&pieces) {
        let name = pieces.iter().find_map(|piece| match piece {
            Piece::Call(found) => found.name(),
            Piece::Text(_) => None,
        });
        read.text = trimmed(body);
        read.items.push(Err(example(name, body, offer)));
        return read;
    }
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(said) => text.push_str(said),
            Piece::Call(found) => read.items.extend(judge(*found, offer)),
        }
    }
    read.text = trimmed(&without_empty_fences(&text));
    read
}

/// Whether the calls stand in a code fence with words behind it.
fn is_example(pieces: &[Piece<'_>]) -> bool {
    let mut fenced = false;
    let (mut all_fenced, mut words_after) = (true, false);
    for piece in pieces {
        match piece {
            Piece::Call(_) => {
                all_fenced &= fenced;
                words_after = false;
            }
            Piece::Text(text) => {
                let fences = text.matches("```").count();
                fenced ^= fences % 2 == 1;
                let behind = text.rsplit("```").next().unwrap_or(text);
                words_after = !fenced && fences > 0 && !cursor::trim(behind).is_empty();
            }
        }
    }
    all_fenced && words_after
}

fn example(name: Option<&str>, raw: &str, offer: &Offer<'_>) -> Box<Refused> {
    let refusal = refuse::example_only(offer.spec(name));
    Box::new(Refused {
        id: None,
        call: refuse::unreadable(name, raw, refusal),
        arguments: None,
    })
}

/// Calls without marks.
fn in_the_open(bare: Bare<'_>, whole: &str, offer: &Offer<'_>) -> Interpretation {
    if bare.example {
        let name = bare.found.iter().find_map(Found::name);
        return Interpretation {
            text: trimmed(whole),
            items: vec![Err(example(name, whole, offer))],
            ..Interpretation::default()
        };
    }
    Interpretation {
        text: trimmed(bare.said),
        items: bare
            .found
            .into_iter()
            .flat_map(|found| judge(found, offer))
            .collect(),
        thought: None,
        calls_in_text: true,
    }
}

fn from_harmony(
    thoughts: &[&str],
    pieces: Vec<Piece<'_>>,
    last_words: &[&str],
    reading: &Reading<'_>,
    offer: &Offer<'_>,
) -> Interpretation {
    let mut read = Interpretation::default();
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(said) => text.push_str(said),
            Piece::Call(found) if reading.may_call => {
                read.calls_in_text = true;
                read.items.extend(judge(*found, offer));
            }
            Piece::Call(_) => {}
        }
    }
    let words = last_words.concat();
    // The final channel speaks to the user: a call in it is an example, however it looks.
    if reading.may_call
        && read.items.is_empty()
        && let Some(bare) = bare::find(&words, offer)
    {
        let name = bare.found.iter().find_map(Found::name);
        read.items.push(Err(example(name, &words, offer)));
    }
    text.push_str(&words);
    read.text = trimmed(&text);
    read.thought = joined(thoughts.iter().copied());
    read
}

/// The thoughts that the server set apart, or those in the text; and the rest.
fn apart<'t>(raw: &'t RawAnswer, reading: &Reading<'_>) -> (Option<String>, &'t str) {
    if !raw.thought.trim().is_empty() {
        return (Some(trimmed(&raw.thought)), &raw.text);
    }
    let split = thought::split(&raw.text, false);
    let _ = reading;
    (joined(split.thoughts.iter().copied()), split.body)
}

/// The words of the model's own turn, without marks of its end.
fn own_words(text: &str) -> String {
    let offer = Offer::new(&[], loom_events::Finish::Stop);
    let pieces = scan(text, &offer);
    let said = pieces.iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(*text),
        Piece::Call(_) => None,
    });
    said.collect()
}

/// The same call several times in a row is one.
fn collapse(items: &mut Vec<Item>) {
    items.dedup_by(|later, earlier| match (later, earlier) {
        (Ok(later), Ok(earlier)) => {
            later.name == earlier.name && later.arguments == earlier.arguments
        }
        _ => false,
    });
}

/// The text without fences that hold nothing any more.
fn without_empty_fences(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("```") {
        let (before, fence) = rest.split_at(at);
        out.push_str(before);
        let inner = &fence[3..];
        let line = inner.find('\n').map_or(inner, |end| &inner[..end]);
        let after_line = &inner[line.len()..];
        let closes = after_line.trim_start().strip_prefix("```");
        rest = match closes {
            Some(after) if line.trim().chars().all(char::is_alphanumeric) => after,
            // An opening fence whose end was eaten together with the call in it.
            None if after_line.trim().is_empty()
                && line.trim().chars().all(char::is_alphanumeric) =>
            {
                ""
            }
            _ => {
                out.push_str("```");
                inner
            }
        };
    }
    out.push_str(rest);
    out
}

fn trimmed(text: &str) -> String {
    cursor::trim(text).to_owned()
}

fn joined<'t>(thoughts: impl Iterator<Item = &'t str>) -> Option<String> {
    let thoughts: Vec<&str> = thoughts
        .map(cursor::trim)
        .filter(|text| !text.is_empty())
        .collect();
    (!thoughts.is_empty()).then(|| thoughts.join("\n\n"))
}
