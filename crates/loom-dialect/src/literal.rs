//! Gemma's own literals: `call:F{k:<|"|>v<|"|>,n:3}`, strings between tokens instead of quotes.

use crate::cursor::Cursor;
use crate::draft::{Draft, Found, Given, Why};
use crate::json::{self, Fault, Missing, Notes, Read};
use serde_json::{Map, Value};
use std::borrow::Cow;

const QUOTES: [&str; 2] = ["<|\"|>", "<escape>"];

/// Deeper values are refused; the reader calls itself.
const MAX_DEPTH: u32 = 50;

/// Reads `call:F{…}`; `None` when it is not one.
pub(crate) fn call<'t>(cursor: &mut Cursor<'t>) -> Option<Found<'t>> {
    let start = cursor.place();
    let mut ahead = *cursor;
    ahead.space();
    if !ahead.eat("call:") && !starts_call(&ahead) {
        return None;
    }
    let name = ahead.take_while(|c| !matches!(c, '{' | '<' | '\n'));
    *cursor = ahead;
    let mut reader = Reader {
        cursor,
        depth: 0,
        notes: Notes::default(),
        missing: Missing::default(),
    };
    let read = match reader.cursor.is_end() {
        true => Err(Fault::Truncated),
        false => reader.object(),
    };
    let (notes, missing) = (reader.notes, reader.missing);
    let found = match read {
        Ok(value) => Found::Draft(Draft {
            name: Some(Cow::Borrowed(name)),
            given: Given::Json(vec![Read {
                value,
                missing,
                notes,
            }]),
            raw: cursor.since(start),
            doubt: None,
        }),
        Err(fault) => {
            let why = Why::from(fault);
            if matches!(why, Why::Truncated) {
                cursor.finish();
            }
            Found::Bad {
                name: Some(Cow::Borrowed(name)),
                raw: cursor.since(start),
                why,
            }
        }
    };
    Some(found)
}

struct Reader<'a, 't> {
    cursor: &'a mut Cursor<'t>,
    depth: u32,
    notes: Notes,
    missing: Missing,
}

/// Whether a name and its arguments follow without the word in front.
fn starts_call(cursor: &Cursor<'_>) -> bool {
    let mut ahead = *cursor;
    let name = ahead.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    !name.is_empty() && ahead.sees("{")
}

/// The tokens that end a call.
const ENDS: [&str; 2] = ["<tool_call|>", "<end_function_call>"];

impl Reader<'_, '_> {
    fn object(&mut self) -> Result<Value, Fault> {
        self.enter()?;
        if !self.cursor.eat("{") {
            return Err(self.expected("an opening brace"));
        }
        let mut members = Map::new();
        loop {
            self.cursor.space();
            if self.cursor.eat("}") {
                break;
            }
            let key = self.key()?;
            let value = self.value()?;
            if members.get(&key).is_some_and(|earlier| *earlier != value) {
                self.notes.ambiguous =
                    Some(format!("`{key}` is given twice with different values"));
            }
            let is_text = value.is_string();
            members.insert(key, value);
            if self.missing.braces > 0 {
                self.missing.braces += 1;
                break;
            }
            self.cursor.space();
            let by_mark = ENDS.iter().any(|end| self.cursor.sees(end));
            if by_mark || (self.cursor.is_end() && is_text) {
                self.missing = Missing { braces: 1, by_mark };
                break;
            }
            if !self.cursor.eat(",") && !self.cursor.sees("}") {
                return Err(self.expected("a comma or a closing brace"));
            }
        }
        self.depth -= 1;
        Ok(Value::Object(members))
    }

    fn array(&mut self) -> Result<Value, Fault> {
        self.enter()?;
        self.cursor.next();
        let mut items = Vec::new();
        loop {
            self.cursor.space();
            if self.cursor.eat("]") {
                break;
            }
            items.push(self.value()?);
            self.cursor.space();
            if !self.cursor.eat(",") && !self.cursor.sees("]") {
                return Err(self.expected("a comma or a closing bracket"));
            }
        }
        self.depth -= 1;
        Ok(Value::Array(items))
    }

    fn key(&mut self) -> Result<String, Fault> {
        let key = match self.quoted()? {
            Some(key) => key,
            None => {
                let key = self
                    .cursor
                    .take_while(|c| !matches!(c, ':' | ',' | '{' | '}' | '\n'));
                key.trim().trim_matches('"').to_owned()
            }
        };
        self.cursor.space();
        match self.cursor.eat(":") && !key.is_empty() {
            true => Ok(key),
            false => Err(self.expected("a key and a colon")),
        }
    }

    fn value(&mut self) -> Result<Value, Fault> {
        self.cursor.space();
        if let Some(text) = self.quoted()? {
            return Ok(Value::from(text));
        }
        match self.cursor.peek() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            _ => {
                let read = json::read(self.cursor)?;
                self.notes.odd = self.notes.odd.take().or(read.notes.odd);
                self.notes.ambiguous = self.notes.ambiguous.take().or(read.notes.ambiguous);
                self.notes.broken = self.notes.broken.take().or(read.notes.broken);
                Ok(read.value)
            }
        }
    }

    /// A string between two tokens of one kind; there are no escapes in it.
    fn quoted(&mut self) -> Result<Option<String>, Fault> {
        let Some(quote) = QUOTES.iter().find(|quote| self.cursor.sees(quote)) else {
            return Ok(None);
        };
        self.cursor.eat(quote);
        match self.cursor.until(quote) {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Fault::Truncated),
        }
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        match self.depth > MAX_DEPTH {
            true => Err(self.expected("less depth")),
            false => Ok(()),
        }
    }

    fn expected(&self, what: &str) -> Fault {
        match self.cursor.is_end() {
            true => Fault::Truncated,
            false => Fault::Malformed {
                at: self.cursor.place(),
                what: format!("{what} is expected"),
            },
        }
    }
}
