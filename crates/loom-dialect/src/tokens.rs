//! Calls between special tokens: DeepSeek, Kimi and Mistral, whose bodies are JSON.

use crate::cursor::{Cursor, is_space};
use crate::draft::{Doubt, Draft, Field, Found, Given, Why};
use crate::json::{self, Fault, Read};
use crate::tags::Parsed;
use std::borrow::Cow;

/// The tokens of one family, in every spelling that was seen.
pub(crate) struct Tokens {
    pub(crate) begin: &'static [&'static str],
    /// Between the name and its arguments; some put it between a word and the name.
    pub(crate) separator: &'static [&'static str],
    pub(crate) end: &'static [&'static str],
    pub(crate) all_end: &'static [&'static str],
}

/// DeepSeek V3, R1 and V3.1.
pub(crate) const DEEPSEEK: Tokens = Tokens {
    begin: &[
        "<｜tool▁call▁begin｜>",
        "<|tool▁call▁begin|>",
        "<｜tool_call_begin｜>",
        "<|tool_call_begin|>",
    ],
    separator: &[
        "<｜tool▁sep｜>",
        "<|tool▁sep|>",
        "<｜tool_sep｜>",
        "<|tool_sep|>",
    ],
    end: &[
        "<｜tool▁call▁end｜>",
        "<|tool▁call▁end|>",
        "<｜tool_call_end｜>",
        "<|tool_call_end|>",
    ],
    all_end: &[
        "<｜tool▁calls▁end｜>",
        "<|tool▁calls▁end|>",
        "<｜tool_calls_end｜>",
        "<|tool_calls_end|>",
    ],
};

/// Kimi K2.
pub(crate) const KIMI: Tokens = Tokens {
    begin: &["<|tool_call_begin|>"],
    separator: &["<|tool_call_argument_begin|>"],
    end: &["<|tool_call_end|>"],
    all_end: &["<|tool_calls_section_end|>", "<|tool_call_section_end|>"],
};

/// Calls that are read; a model that writes more has lost the thread.
const MAX_CALLS: usize = 100;

/// Reads the calls behind the token that opens all of them; or behind that of the first.
pub(crate) fn calls<'t>(cursor: &mut Cursor<'t>, tokens: &Tokens, begun: bool) -> Parsed<'t> {
    let (mut found, mut closed, mut begun) = (Vec::new(), true, begun);
    while found.len() < MAX_CALLS {
        cursor.space();
        if !begun && !cursor.eat_any(tokens.begin) {
            break;
        }
        begun = false;
        let start = cursor.place();
        let Some(one) = call(cursor, tokens) else {
            break;
        };
        let stops = cursor.is_end() && matches!(one, Found::Bad { .. });
        found.push(one);
        if stops {
            return Parsed {
                found,
                closed: true,
            };
        }
        cursor.space();
        closed = cursor.eat_any(tokens.end);
        if !closed && matches!(found.last(), Some(Found::Bad { .. })) {
            // Where a damaged one ends is where the next token is.
            skip_to(cursor, tokens);
            closed = cursor.eat_any(tokens.end);
        }
        if cursor.place() == start {
            break;
        }
    }
    cursor.space();
    cursor.eat_any(tokens.all_end);
    Parsed { found, closed }
}

fn skip_to(cursor: &mut Cursor<'_>, tokens: &Tokens) {
    loop {
        cursor.take_while(|c| c != '<');
        let mut ends = [tokens.end, tokens.begin, tokens.all_end]
            .into_iter()
            .flatten();
        if cursor.is_end() || ends.any(|end| cursor.sees(end)) {
            return;
        }
        cursor.next();
    }
}

fn call<'t>(cursor: &mut Cursor<'t>, tokens: &Tokens) -> Option<Found<'t>> {
    let start = cursor.place();
    let mut ahead = *cursor;
    let mut name = header(&mut ahead);
    ahead.space();
    let mut separated = ahead.eat_any(tokens.separator);
    if separated && (name == "function" || name.is_empty()) {
        name = header(&mut ahead);
        ahead.space();
        ahead.eat_any(tokens.separator);
    }
    // With its word and its name the arguments follow at once.
    separated |= ahead.sees("```");
    let ends = |cursor: &Cursor<'_>| tokens.end.iter().any(|end| cursor.sees(end));
    let cut = ahead.is_end() && !name.contains(' ');
    if !separated && !ahead.sees("{") && !cut && !ends(&ahead) {
        return None;
    }
    *cursor = ahead;
    if separated && ends(cursor) {
        return Some(draft(name, Given::Nothing, cursor.since(start), None));
    }
    let doubt = (!separated).then_some(NO_SEPARATOR);
    Some(with_json(name, cursor, start, doubt))
}

/// A name in front of its arguments. Names are short; what is longer is none.
fn header<'t>(cursor: &mut Cursor<'t>) -> &'t str {
    let rest = cursor.rest();
    let rest = &rest[..rest.floor_char_boundary(MAX_NAME_BYTES)];
    let end = rest.find(['<', '{', '\n', '`']).unwrap_or(rest.len());
    cursor.skip(end);
    rest[..end].trim()
}

/// No tool has a longer name.
const MAX_NAME_BYTES: usize = 200;

const NO_SEPARATOR: Doubt = Doubt::markup("the mark between its name and its arguments is missing");

fn draft<'t>(name: &'t str, given: Given<'t>, raw: &'t str, doubt: Option<Doubt>) -> Found<'t> {
    Found::Draft(Draft {
        name: Some(Cow::Borrowed(name)),
        given,
        raw,
        doubt,
    })
}

/// A call of this name with the JSON that is next, or why there is none.
pub(crate) fn with_json<'t>(
    name: &'t str,
    cursor: &mut Cursor<'t>,
    raw_from: usize,
    doubt: Option<Doubt>,
) -> Found<'t> {
    let reads = fenced_json(cursor);
    let raw = cursor.since(raw_from);
    match reads {
        Ok(reads) => draft(name, Given::Json(reads), raw, doubt),
        Err(fault) => Found::Bad {
            name: Some(Cow::Borrowed(name)),
            raw,
            why: Why::from(fault),
        },
    }
}

/// Reads JSON that may stand in a fence; several values when several stand there. Goes to the end when
/// it is cut.
pub(crate) fn fenced_json(cursor: &mut Cursor<'_>) -> Result<Vec<Read>, Fault> {
    cursor.space();
    let fenced = cursor.eat("```");
    if fenced {
        cursor.take_while(|c| c.is_alphanumeric());
    }
    let mut reads = Vec::new();
    loop {
        let read = json::read(cursor);
        if matches!(read, Err(Fault::Truncated)) {
            cursor.finish();
        }
        reads.push(read?);
        let mut ahead = *cursor;
        // Braces too many, and what stands between objects.
        ahead.take_while(|c| is_space(c) || matches!(c, '}' | ';' | ','));
        if !ahead.sees("{") {
            break;
        }
        *cursor = ahead;
    }
    if fenced {
        cursor.space();
        cursor.eat("```");
    }
    Ok(reads)
}

/// Reads what follows Mistral's token: an array of calls is not its business, a name with arguments
/// is. `None` when neither follows, as where the token is only mentioned.
pub(crate) fn named<'t>(cursor: &mut Cursor<'t>) -> Option<Found<'t>> {
    let start = cursor.place();
    let mut ahead = *cursor;
    let rest = ahead.rest();
    let rest = &rest[..rest.floor_char_boundary(MAX_NAME_BYTES)];
    let end = rest.find(|c| is_space(c) || matches!(c, '[' | '{' | '<'))?;
    let name = &rest[..end];
    ahead.skip(end);
    ahead.space();
    if ahead.eat("[CALL_ID]") {
        ahead.take_while(|c| c != '[' && c != '{');
    }
    let marked = ahead.eat("[ARGS]");
    ahead.space();
    if name.is_empty() || !(marked || ahead.sees("{")) {
        return None;
    }
    *cursor = ahead;
    let doubt = (!marked).then_some(NO_SEPARATOR);
    Some(with_json(name, cursor, start, doubt))
}

/// Kimi K3: `<|open|>call tool="F"<|sep|>` and arguments of the same kind. Behind `<|open|>call`.
pub(crate) fn open_call<'t>(cursor: &mut Cursor<'t>) -> Parsed<'t> {
    let start = cursor.place();
    let cut = |cursor: &mut Cursor<'t>, name: Option<&'t str>| {
        cursor.finish();
        Parsed {
            found: vec![Found::Bad {
                name: name.map(Cow::Borrowed),
                raw: cursor.since(start),
                why: Why::Truncated,
            }],
            closed: true,
        }
    };
    let Some(header) = cursor.until("<|sep|>") else {
        return cut(cursor, None);
    };
    let name = attribute(header, "tool").unwrap_or_default();
    let mut fields = Vec::new();
    loop {
        cursor.space();
        if !cursor.eat("<|open|>argument") {
            break;
        }
        let Some(header) = cursor.until("<|sep|>") else {
            return cut(cursor, Some(name));
        };
        let Some(text) = cursor.until("<|close|>argument<|sep|>") else {
            return cut(cursor, Some(name));
        };
        if text.contains("<|open|>call") {
            cursor.finish();
            return Parsed {
                found: vec![Found::Bad {
                    name: Some(Cow::Borrowed(name)),
                    raw: cursor.since(start),
                    why: Why::Collision,
                }],
                closed: true,
            };
        }
        fields.push(Field {
            key: attribute(header, "key").unwrap_or_default(),
            text: Cow::Borrowed(text),
            is_json: false,
        });
    }
    let closed = cursor.eat("<|close|>call<|sep|>");
    Parsed {
        found: vec![Found::Draft(Draft {
            name: Some(Cow::Borrowed(name)),
            given: Given::Fields(fields),
            raw: cursor.since(start),
            doubt: None,
        })],
        closed,
    }
}

fn attribute<'t>(header: &'t str, name: &str) -> Option<&'t str> {
    let (_, after) = header.split_once(&format!("{name}=\""))?;
    after.split_once('"').map(|(value, _)| value)
}
