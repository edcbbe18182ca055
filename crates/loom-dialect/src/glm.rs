//! GLM's calls: the name, then keys and values in tags of their own.

use crate::cursor::{Cursor, is_space};
use crate::draft::{Doubt, Draft, Field, Found, Given, Why};
use crate::tags::Parsed;
use std::borrow::Cow;

const KEY: (&str, &str) = ("<arg_key>", "</arg_key>");
const VALUE: (&str, &str) = ("<arg_value>", "</arg_value>");
const CLOSE: &str = "</tool_call>";

/// No tool has a longer name.
const MAX_NAME_BYTES: usize = 200;

/// Reads the body of a call up to and with its end; `None` when it is not one.
pub(crate) fn body<'t>(cursor: &mut Cursor<'t>) -> Option<Parsed<'t>> {
    let start = cursor.place();
    let mut ahead = *cursor;
    let rest = ahead.rest();
    let rest = &rest[..rest.floor_char_boundary(MAX_NAME_BYTES)];
    let end = rest.find(|c| is_space(c) || matches!(c, '<' | '{' | '('));
    let name = &rest[..end.unwrap_or(rest.len())];
    ahead.skip(name.len());
    ahead.space();
    let begins = ahead.sees(KEY.0) || ahead.sees(CLOSE) || ahead.is_end();
    if name.is_empty() || !begins {
        return None;
    }
    *cursor = ahead;
    let (mut fields, mut doubt) = (Vec::new(), None);
    let bad = |cursor: &Cursor<'t>, why| Parsed {
        found: vec![Found::Bad {
            name: Some(Cow::Borrowed(name)),
            raw: cursor.since(start),
            why,
        }],
        closed: true,
    };
    loop {
        cursor.space();
        if !cursor.eat(KEY.0) {
            break;
        }
        cursor.space();
        if cursor.sees(KEY.0) {
            doubt = Some(Doubt::markup("a mark stands in its name"));
            continue;
        }
        let Some(key) = cursor.until(KEY.1) else {
            cursor.finish();
            return Some(bad(cursor, Why::Truncated));
        };
        cursor.space();
        if !cursor.eat(VALUE.0) {
            let why = match cursor.is_end() {
                true => Why::Truncated,
                false => Why::Malformed(format!("the key {:?} has no value", key.trim())),
            };
            return Some(bad(cursor, why));
        }
        let Some(value) = value(cursor) else {
            cursor.finish();
            return Some(bad(cursor, Why::Truncated));
        };
        if value.contains("<tool_call>") && value.contains(KEY.0) {
            cursor.finish();
            return Some(bad(cursor, Why::Collision));
        }
        fields.push(Field {
            key: key.trim(),
            text: Cow::Borrowed(value),
            is_json: false,
        });
    }
    let closed = cursor.eat(CLOSE);
    if !closed && !cursor.is_end() && !cursor.sees("<") {
        return Some(bad(
            cursor,
            Why::Malformed("there is text between its arguments".into()),
        ));
    }
    Some(Parsed {
        found: vec![Found::Draft(Draft {
            name: Some(Cow::Borrowed(name)),
            given: Given::Fields(fields),
            raw: cursor.since(start),
            doubt,
        })],
        closed,
    })
}

/// The value up to the closing tag behind which the grammar can go on.
fn value<'t>(cursor: &mut Cursor<'t>) -> Option<&'t str> {
    let start = cursor.place();
    loop {
        let before = cursor.until(VALUE.1)?;
        let end = cursor.place() - VALUE.1.len();
        let mut ahead = *cursor;
        ahead.space();
        if ahead.is_end()
            || ahead.sees(KEY.0)
            || ahead.sees(CLOSE)
            || ahead.sees("<|")
            || ahead.sees("<tool_call>")
        {
            let passed = cursor.since(start);
            return Some(&passed[..end - start]);
        }
        debug_assert!(before.len() <= end, "a value lies in front of its end");
    }
}
