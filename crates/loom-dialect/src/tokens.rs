//! Calls between special tokens: DeepSeek, Kimi and Mistral, whose bodies are JSON.

use crate::cursor::{Cursor, is_space};
use crate::draft::{Draft, Field, Found, Given, Why};
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

/// Reads the calls behind the token that opens all of them; or behind that of the first.
pub(crate) fn calls<'t>(cursor: &mut Cursor<'t>, tokens: &Tokens, begun: bool) -> Parsed<'t> {
    let (mut found, mut closed, mut begun) = (Vec::new(), true, begun);
    loop {
        cursor.space();
        if !begun && !cursor.eat_any(tokens.begin) {
            break;
        }
        begun = false;
        let start = cursor.place();
        let one = call(cursor, tokens);
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

fn call<'t>(cursor: &mut Cursor<'t>, tokens: &Tokens) -> Found<'t> {
    let start = cursor.place();
    let header = |c: char| !matches!(c, '<' | '{' | '\n' | '`');
    let mut name = cursor.take_while(header).trim();
    cursor.space();
    if cursor.eat_any(tokens.separator) && (name == "function" || name.is_empty()) {
        name = cursor.take_while(header).trim();
        cursor.space();
        cursor.eat_any(tokens.separator);
    }
    let arguments = fenced_json(cursor);
    let raw = cursor.since(start);
    let bad = |why| Found::Bad {
        name: Some(Cow::Borrowed(name)),
        raw,
        why,
    };
    match arguments {
        Ok(read) => Found::Draft(Draft {
            name: Some(Cow::Borrowed(name)),
            given: Given::Json(vec![read]),
            raw,
            doubt: None,
        }),
        Err(fault) => bad(Why::from(fault)),
    }
}

/// Reads JSON that may stand in a fence; goes to the end when it is cut.
pub(crate) fn fenced_json(cursor: &mut Cursor<'_>) -> Result<Read, Fault> {
    cursor.space();
    let fenced = cursor.eat("```");
    if fenced {
        cursor.take_while(|c| c.is_alphanumeric());
    }
    let read = json::read(cursor);
    if matches!(read, Err(Fault::Truncated)) {
        cursor.finish();
    }
    if fenced && read.is_ok() {
        cursor.space();
        cursor.eat("```");
    }
    read
}

/// Reads what follows Mistral's token: an array of calls is not its business, a name with arguments
/// is. `None` when neither follows, as where the token is only mentioned.
pub(crate) fn named<'t>(cursor: &mut Cursor<'t>) -> Option<Found<'t>> {
    let start = cursor.place();
    let mut ahead = *cursor;
    let name = ahead.take_while(|c| !is_space(c) && !matches!(c, '[' | '{'));
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
    let read = fenced_json(cursor);
    let raw = cursor.since(start);
    let name = Some(Cow::Borrowed(name));
    Some(match read {
        Ok(read) => Found::Draft(Draft {
            name,
            given: Given::Json(vec![read]),
            raw,
            doubt: None,
        }),
        Err(fault) => Found::Bad {
            name,
            raw,
            why: Why::from(fault),
        },
    })
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
