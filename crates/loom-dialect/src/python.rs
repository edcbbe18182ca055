//! Calls as Python writes them. Literals only: nothing is computed.

use crate::cursor::Cursor;
use crate::draft::{Draft, Found, Given, Why};
use crate::json::{self, Fault, Notes};
use serde_json::Map;
use std::borrow::Cow;

/// Reads `[f(a=1), g()]`; `None`, without moving, when no list of calls begins here.
pub(crate) fn list<'t>(cursor: &mut Cursor<'t>) -> Option<Vec<Found<'t>>> {
    let mut ahead = *cursor;
    if !ahead.eat("[") {
        return None;
    }
    ahead.space();
    begins_call(&ahead)?;
    *cursor = ahead;
    let mut found = Vec::new();
    loop {
        cursor.space();
        if cursor.eat("]") {
            return Some(found);
        }
        if cursor.is_end() {
            if !found.is_empty() {
                return Some(found);
            }
            found.push(bad(None, cursor.since(0), Why::Truncated));
            return Some(found);
        }
        if begins_call(cursor).is_none() {
            found.push(bad(
                None,
                cursor.rest(),
                Why::Malformed("a call is expected in the list".into()),
            ));
            cursor.finish();
            return Some(found);
        }
        let one = call(cursor);
        let stops = matches!(one, Found::Bad { .. });
        found.push(one);
        if stops {
            cursor.finish();
            return Some(found);
        }
        cursor.space();
        cursor.eat(",");
    }
}

/// Reads one call a line, as far as there are any; what is not a call is refused as code.
pub(crate) fn lines(text: &str) -> Vec<Found<'_>> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    loop {
        cursor.space();
        while cursor.eat(";") {
            cursor.space();
        }
        if cursor.sees("#") {
            cursor.take_while(|c| c != '\n');
            continue;
        }
        if cursor.is_end() {
            return found;
        }
        let printed = cursor.eat("print(");
        if begins_call(&cursor).is_none() {
            let what = "it is code, and only plain calls with literal arguments are run";
            found.push(bad(None, cursor.rest(), Why::Malformed(what.into())));
            return found;
        }
        let one = call(&mut cursor);
        let stops = matches!(one, Found::Bad { .. });
        found.push(one);
        cursor.space();
        if stops || (printed && !cursor.eat(")")) {
            return found;
        }
    }
}

/// The name of the call that begins here, if one does.
pub(crate) fn begins_call<'t>(cursor: &Cursor<'t>) -> Option<&'t str> {
    let mut ahead = *cursor;
    let name = ahead.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let starts = name
        .chars()
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_');
    (starts && ahead.sees("(")).then_some(name)
}

/// Reads the call that begins here.
pub(crate) fn call<'t>(cursor: &mut Cursor<'t>) -> Found<'t> {
    let start = cursor.place();
    let name = cursor.take_while(|c| c != '(');
    cursor.next();
    let (mut positional, mut named, mut notes) = (Vec::new(), Map::new(), Notes::default());
    let fail = |cursor: &Cursor<'t>, fault: Fault| {
        let why = Why::from(fault);
        bad(Some(name), cursor.since(start), why)
    };
    loop {
        cursor.space();
        if cursor.eat(")") {
            break;
        }
        let key = keyword(cursor);
        let value = match json::read(cursor) {
            Ok(read) if read.missing.braces == 0 => {
                note(&mut notes, read.notes);
                read.value
            }
            Ok(_) => return fail(cursor, Fault::Truncated),
            Err(fault) => return fail(cursor, fault),
        };
        match key {
            None => positional.push(value),
            Some(key) => {
                if named.get(key).is_some_and(|earlier| *earlier != value) {
                    notes.ambiguous = Some(format!("`{key}` is given twice with different values"));
                }
                named.insert(key.to_owned(), value);
            }
        }
        cursor.space();
        if cursor.eat(",") || cursor.sees(")") {
            continue;
        }
        let fault = match cursor.is_end() {
            true => Fault::Truncated,
            false => Fault::Malformed {
                at: cursor.place(),
                what: "an argument is not a plain literal".into(),
            },
        };
        return fail(cursor, fault);
    }
    Found::Draft(Draft {
        name: Some(Cow::Borrowed(name)),
        given: Given::Python {
            positional,
            named,
            notes,
        },
        raw: cursor.since(start),
        doubt: None,
    })
}

/// Passes `key=` or `key:`.
fn keyword<'t>(cursor: &mut Cursor<'t>) -> Option<&'t str> {
    let mut ahead = *cursor;
    let key = ahead.take_while(|c| c.is_alphanumeric() || c == '_');
    ahead.space();
    if key.is_empty() || ahead.sees("==") || !(ahead.eat("=") || ahead.eat(":")) {
        return None;
    }
    *cursor = ahead;
    Some(key)
}

fn note(notes: &mut Notes, more: Notes) {
    notes.bracket |= more.bracket;
    notes.odd = notes.odd.take().or(more.odd);
    notes.ambiguous = notes.ambiguous.take().or(more.ambiguous);
    notes.broken = notes.broken.take().or(more.broken);
}

fn bad<'t>(name: Option<&'t str>, raw: &'t str, why: Why) -> Found<'t> {
    Found::Bad {
        name: name.map(Cow::Borrowed),
        raw,
        why,
    }
}
