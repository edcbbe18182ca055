//! Calls in tags: `<function=F><parameter=K>…`, `<invoke name="F"><parameter name="K">…`, and what
//! DSML and MiniMax make of these.
//!
//! A value is exact. It ends at the closing tag behind which the grammar can go on; a closing tag
//! anywhere else is part of it.

use crate::cursor::{Cursor, is_space};
use crate::draft::{Doubt, Draft, Field, Found, Given, Why};
use crate::offer::Offer;
use crate::tokens::fenced_json;
use loom_events::ToolSpec;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The token that `MiniMax` M3 puts in front of every tag.
pub(crate) const M3: &str = "]<]minimax[>[";

/// What may stand between `<` and the word of a tag.
const PREFIXES: [&str; 6] = [
    "｜DSML｜",
    "|DSML|",
    "DSML|",
    "DSML｜",
    "antml:",
    "minimax:",
];

const CALLS: &[&str] = &["function", "invoke"];
const PARAMETERS: &[&str] = &["parameter", "param", "argument"];

/// Words of the tags around calls; a closing one ends a value's call as well.
const OUTER: &[&str] = &[
    "tool_call",
    "function_calls",
    "tool_calls",
    "seed:tool_call",
    "function_call",
];

/// How values are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One newline at each end is not part of the value.
    Lines,
    /// Everything is part of the value.
    Inline,
}

/// What came of reading calls at a mark.
pub(crate) struct Parsed<'t> {
    pub(crate) found: Vec<Found<'t>>,
    /// Whether the last call has its end. When it has not and the answer was cut by its limit, it
    /// may have gone on.
    pub(crate) closed: bool,
}

/// An opening tag with a name or key.
struct Open<'t> {
    value: &'t str,
    is_json: bool,
    /// Whether its end had to be inferred.
    damaged: bool,
}

/// Reads one call; nothing moves when none begins here.
pub(crate) fn call<'t>(
    cursor: &mut Cursor<'t>,
    seed: bool,
    offer: &Offer<'_>,
) -> Option<Parsed<'t>> {
    let start = cursor.place();
    let mut ahead = *cursor;
    ahead.eat(M3);
    let layout = match sees_word(&ahead, &["function"]) && !seed {
        true => Layout::Lines,
        false => Layout::Inline,
    };
    let open = open(&mut ahead, CALLS)?;
    *cursor = ahead;
    let mut reader = Reader {
        cursor,
        start,
        layout,
        offer,
        name: open.value,
        doubt: open
            .damaged
            .then_some(Doubt::malformed("the tag with the tool's name has no end")),
        fields: Vec::new(),
    };
    Some(reader.body())
}

/// Reads the parameters of a call whose name is elsewhere.
pub(crate) fn parameters<'t>(
    cursor: &mut Cursor<'t>,
    name: &'t str,
    offer: &Offer<'_>,
) -> Option<Parsed<'t>> {
    if !sees_open(cursor, PARAMETERS) {
        return None;
    }
    let start = cursor.place();
    let mut reader = Reader {
        cursor,
        start,
        layout: Layout::Lines,
        offer,
        name,
        doubt: Some(Doubt::markup(
            "its arguments are in tags where JSON should be",
        )),
        fields: Vec::new(),
    };
    Some(reader.body())
}

struct Reader<'a, 'o, 't> {
    cursor: &'a mut Cursor<'t>,
    start: usize,
    layout: Layout,
    offer: &'a Offer<'o>,
    name: &'t str,
    doubt: Option<Doubt>,
    fields: Vec<Field<'t>>,
}

/// Where a value ends.
enum End {
    /// At its closing tag.
    Closed,
    /// Its closing tag is missing, and this many bytes of it are certain.
    Inferred(usize),
    /// Nowhere.
    Cut,
}

impl<'t> Reader<'_, '_, 't> {
    fn body(&mut self) -> Parsed<'t> {
        self.cursor.space();
        if self.cursor.sees("{") {
            return self.json();
        }
        loop {
            self.cursor.space();
            if sees_open(self.cursor, PARAMETERS) {
                match self.parameter() {
                    Ok(()) => continue,
                    Err(why) => return self.bad(why),
                }
            }
            if close(self.cursor, CALLS) {
                return self.draft(true);
            }
            if self.element() {
                continue;
            }
            break;
        }
        // A mark, or nothing more: what was read is complete, and only its end is missing.
        if self.cursor.is_end() && self.cut_in_tag() {
            return self.bad(Why::Truncated);
        }
        let is_mark = self.cursor.is_end()
            || self.cursor.sees("<")
            || self.cursor.sees(M3)
            || self.cursor.sees("```");
        match is_mark {
            true => self.draft(false),
            false => self.bad(Why::Malformed(
                "there is text between its parameters".into(),
            )),
        }
    }

    /// Whether nothing at all was read behind an opening tag that has no end.
    fn cut_in_tag(&self) -> bool {
        self.fields.is_empty() && self.doubt.is_some()
    }

    fn json(&mut self) -> Parsed<'t> {
        match fenced_json(self.cursor) {
            Ok(reads) => {
                self.cursor.space();
                let closed = close(self.cursor, CALLS);
                Parsed {
                    found: vec![Found::Draft(Draft {
                        name: Some(Cow::Borrowed(self.name)),
                        given: Given::Json(reads),
                        raw: self.cursor.since(self.start),
                        doubt: self.doubt,
                    })],
                    closed,
                }
            }
            Err(fault) => self.bad(Why::from(fault)),
        }
    }

    fn parameter(&mut self) -> Result<(), Why> {
        self.cursor.eat(M3);
        let Some(open) = open(self.cursor, PARAMETERS) else {
            return Err(Why::Truncated);
        };
        if open.damaged {
            self.doubt = Some(Doubt::malformed("the tag of a parameter has no end"));
        }
        let begin = self.cursor.place();
        let (end, nested) = self.value_end(open.value);
        let length = match end {
            End::Closed => self.cursor.place() - begin,
            End::Inferred(length) => length,
            End::Cut => return Err(Why::Truncated),
        };
        let value = self.cursor.since(begin);
        let value = &value[..length.min(value.len())];
        match end {
            End::Closed => {
                let consumed = close(self.cursor, PARAMETERS);
                debug_assert!(consumed, "the end of a value is where its closing tag is");
            }
            _ => self.doubt = Some(Doubt::malformed("a parameter has no end")),
        }
        if nested {
            self.cursor.finish();
            return Err(Why::Collision);
        }
        self.fields.push(Field {
            key: open.value,
            text: Cow::Borrowed(match self.layout {
                Layout::Lines => without_layout(value),
                Layout::Inline => value,
            }),
            is_json: open.is_json,
        });
        Ok(())
    }

    /// Goes to the end of the value that begins here. Tells, too, whether a call of this dialect
    /// stands in it.
    fn value_end(&mut self, key: &str) -> (End, bool) {
        let begin = self.cursor.place();
        let (mut nested, mut inner) = (false, None);
        let mut call_end = None;
        loop {
            let rest = self.cursor.rest();
            let Some(at) = rest.find(['<', ']']) else {
                break;
            };
            self.cursor.skip(at);
            let here = self.cursor.place();
            if self.ends_value() {
                // A parameter that opens in a value is another parameter whose place was missed.
                return match inner.filter(|_| !nested) {
                    Some(inner) => {
                        self.cursor.rewind(inner);
                        (End::Inferred(inner - begin), false)
                    }
                    None => (End::Closed, nested),
                };
            }
            if sees_open(self.cursor, CALLS) {
                nested |= call_follows(self.cursor);
                if nested && call_end.is_some() {
                    // The next call begins: looking further would be looking for its end.
                    break;
                }
            } else if inner.is_none() && self.opens_declared(key) {
                inner = Some(here);
            } else if call_end.is_none() && closes(self.cursor, CALLS) {
                call_end = Some(here);
            }
            self.cursor.next();
        }
        let inferred = match (inner, call_end) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match inferred {
            Some(place) => {
                self.cursor.rewind(place);
                (End::Inferred(place - begin), nested)
            }
            None => {
                self.cursor.finish();
                (End::Cut, nested)
            }
        }
    }

    /// Whether a parameter opens here that the tool declares and that was not given yet.
    fn opens_declared(&self, key: &str) -> bool {
        let mut ahead = *self.cursor;
        ahead.eat(M3);
        let Some(open) = open(&mut ahead, PARAMETERS) else {
            return false;
        };
        let before = self.cursor.since(0).chars().next_back();
        let Some(tool) = self.offer.spec(Some(self.name)) else {
            return false;
        };
        // A parameter is given once, and its tag begins a line.
        let given = self.fields.iter().any(|field| field.key == open.value);
        before == Some('\n') && open.value != key && !given && declares(tool, open.value)
    }

    /// Whether the value ends here: its closing tag, with something behind it that may follow.
    fn ends_value(&self) -> bool {
        let mut ahead = *self.cursor;
        if !close(&mut ahead, PARAMETERS) {
            return false;
        }
        ahead.space();
        ahead.is_end()
            || sees_open(&ahead, PARAMETERS)
            || closes(&ahead, CALLS)
            || closes(&ahead, OUTER)
            || ahead.sees("<tool_call>")
            || ahead.sees("<|im_end|>")
            || ahead.sees("<|eot_id|>")
            || ahead.sees("[e~[")
            || ahead.sees("```")
    }

    /// A parameter as an element of its own name, as `MiniMax` M3 has them.
    fn element(&mut self) -> bool {
        let mut ahead = *self.cursor;
        if !ahead.eat(M3) || !ahead.eat("<") {
            return false;
        }
        let key = ahead.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if key.is_empty() || !ahead.eat(">") {
            return false;
        }
        let Some(value) = ahead.until(&format!("{M3}</{key}>")) else {
            return false;
        };
        self.fields.push(Field {
            key,
            text: children(value, 0)
                .map_or(Cow::Borrowed(value), |value| Cow::Owned(value.to_string())),
            is_json: false,
        });
        *self.cursor = ahead;
        true
    }

    fn draft(&self, closed: bool) -> Parsed<'t> {
        Parsed {
            found: vec![Found::Draft(Draft {
                name: Some(Cow::Borrowed(self.name)),
                given: Given::Fields(self.fields.iter().map(Field::again).collect()),
                raw: self.cursor.since(self.start),
                doubt: self.doubt,
            })],
            closed,
        }
    }

    fn bad(&self, why: Why) -> Parsed<'t> {
        Parsed {
            found: vec![Found::Bad {
                name: Some(Cow::Borrowed(self.name)),
                raw: self.cursor.since(self.start),
                why,
            }],
            closed: true,
        }
    }
}

impl<'t> Field<'t> {
    fn again(&self) -> Self {
        Self {
            key: self.key,
            text: self.text.clone(),
            is_json: self.is_json,
        }
    }
}

/// Elements in an element as JSON: a list when all are `<item>`, otherwise an object.
fn children(value: &str, depth: u32) -> Option<Value> {
    let mut cursor = Cursor::new(value);
    let (mut items, mut members) = (Vec::new(), Map::new());
    if depth >= MAX_NESTED {
        return None;
    }
    loop {
        cursor.space();
        if cursor.is_end() {
            return match (items.is_empty(), members.is_empty()) {
                (false, true) => Some(Value::Array(items)),
                (true, false) => Some(Value::Object(members)),
                _ => None,
            };
        }
        if !cursor.eat(M3) || !cursor.eat("<") {
            return None;
        }
        let key = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if key.is_empty() || !cursor.eat(">") {
            return None;
        }
        let inner = cursor.until(&format!("{M3}</{key}>"))?;
        let inner = children(inner, depth + 1).unwrap_or_else(|| Value::from(inner));
        match key {
            "item" => items.push(inner),
            _ => {
                members.insert(key.to_owned(), inner);
            }
        }
    }
}

/// Elements that stand in each other; no schema of a tool is deeper.
const MAX_NESTED: u32 = 8;

fn declares(tool: &ToolSpec, key: &str) -> bool {
    let properties = tool.parameters.get("properties");
    let mut aliases = tool.parameter_aliases.values().flatten();
    properties.is_some_and(|all| all.get(key).is_some()) || aliases.any(|alias| alias == key)
}

/// Without the one newline at each end that is layout.
fn without_layout(value: &str) -> &str {
    let value = value
        .strip_prefix("\r\n")
        .or_else(|| value.strip_prefix('\n'))
        .unwrap_or(value);
    value
        .strip_suffix("\r\n")
        .or_else(|| value.strip_suffix('\n'))
        .unwrap_or(value)
}

/// Passes `<` or `</` and what may stand in front of a word.
fn begin(cursor: &mut Cursor<'_>, tag: &str) -> bool {
    if !cursor.eat(tag) {
        return false;
    }
    cursor.eat_any(&PREFIXES);
    true
}

/// Whether a tag with one of these words opens here.
pub(crate) fn sees_word(cursor: &Cursor<'_>, words: &[&str]) -> bool {
    let mut ahead = *cursor;
    begin(&mut ahead, "<")
        && words.iter().any(|word| {
            let mut word_ahead = ahead;
            word_ahead.eat(word) && word_ahead.peek().is_some_and(|c| c == '=' || is_space(c))
        })
}

fn sees_open(cursor: &Cursor<'_>, words: &[&str]) -> bool {
    let mut ahead = *cursor;
    ahead.eat(M3);
    sees_word(&ahead, words)
}

/// Whether the call that opens here has anything of a call in it, and is not only named.
fn call_follows(cursor: &Cursor<'_>) -> bool {
    let mut ahead = *cursor;
    ahead.eat(M3);
    if open(&mut ahead, CALLS).is_none() {
        return false;
    }
    ahead.space();
    sees_open(&ahead, PARAMETERS) || closes(&ahead, CALLS) || ahead.sees("{")
}

/// Whether a closing tag with one of these words is next.
pub(crate) fn closes(cursor: &Cursor<'_>, words: &[&str]) -> bool {
    let mut ahead = *cursor;
    close(&mut ahead, words)
}

/// Passes the closing tag with one of these words, if it is next.
pub(crate) fn close(cursor: &mut Cursor<'_>, words: &[&str]) -> bool {
    let mut ahead = *cursor;
    ahead.eat(M3);
    if !begin(&mut ahead, "</") {
        return false;
    }
    words.iter().any(|word| {
        let mut after = ahead;
        let fits = after.eat(word) && {
            after.space();
            after.eat(">")
        };
        if fits {
            *cursor = after;
        }
        fits
    })
}

/// Passes the opening tag with one of these words.
fn open<'t>(cursor: &mut Cursor<'t>, words: &[&str]) -> Option<Open<'t>> {
    let mut ahead = *cursor;
    if !begin(&mut ahead, "<") || !ahead.eat_any(words) {
        return None;
    }
    ahead.space();
    let open = match ahead.peek()? {
        '=' => {
            ahead.next();
            bare_value(&mut ahead)
        }
        _ => attributes(&mut ahead)?,
    };
    *cursor = ahead;
    Some(open)
}

/// `NAME>` or `"NAME">`; without its end, up to the end of the line or the next tag.
fn bare_value<'t>(cursor: &mut Cursor<'t>) -> Open<'t> {
    cursor.take_while(|c| c == ' ');
    let value = cursor.take_while(|c| !matches!(c, '>' | '<' | '\n' | '{'));
    let damaged = !cursor.eat(">");
    let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    Open {
        value: value.trim_matches(quotes),
        is_json: false,
        damaged,
    }
}

/// `name="NAME" string="true">`, in any order and either kind of quotes.
fn attributes<'t>(cursor: &mut Cursor<'t>) -> Option<Open<'t>> {
    let mut open = Open {
        value: "",
        is_json: false,
        damaged: false,
    };
    loop {
        cursor.space();
        if cursor.eat(">") {
            return (!open.value.is_empty()).then_some(open);
        }
        let key = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if key.is_empty() || !cursor.eat("=") {
            return None;
        }
        let quote = cursor.peek()?;
        let value = match quote {
            '"' | '\'' => {
                cursor.next();
                let value = cursor.take_while(|c| c != quote && c != '\n');
                if !cursor.eat(if quote == '"' { "\"" } else { "'" }) {
                    return None;
                }
                value
            }
            _ => cursor.take_while(|c| !is_space(c) && c != '>'),
        };
        match key {
            "name" | "key" => open.value = value,
            "string" => open.is_json = value == "false",
            _ => {}
        }
    }
}
