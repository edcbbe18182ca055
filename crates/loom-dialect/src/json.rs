//! Reads JSON as models write it: one reading, or none.
//!
//! What is tolerated has one meaning only: comments, trailing commas, other quotes, python literals,
//! raw control characters, keys without quotes. What would have to be guessed is not: where a string
//! ends, what a cut value was to be. [`Notes`] says what a reader must know before it uses a value.

use crate::cursor::Cursor;
use serde_json::{Map, Number, Value};

/// Deeper values are refused; the reader calls itself.
const MAX_DEPTH: u32 = 100;

/// How the marks begin that end a block. No JSON goes on like this.
const BLOCK_ENDS: [&str; 10] = [
    "</", "<|", "<｜", "```", "[/", "[END", "[TOOL", "[e~[", "<tool_", "<end_",
];

/// A value that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// The value.
    pub(crate) value: Value,
    /// Braces that were missing at its end, after a complete member.
    pub(crate) missing: Missing,
    /// What is odd about it.
    pub(crate) notes: Notes,
}

/// Closing braces that never came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// How many.
    pub(crate) braces: u32,
    /// Whether a mark came in their place, so that the model had meant to end.
    pub(crate) by_mark: bool,
}

/// What is odd about a value that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    /// A bracket that does not fit was taken for the one that does.
    pub(crate) bracket: bool,
    /// A number that has no one meaning, such as 010 or NaN.
    pub(crate) odd: Option<String>,
    /// Something with two meanings.
    pub(crate) ambiguous: Option<String>,
    /// Something that has no meaning at all, although the value has an end.
    pub(crate) broken: Option<String>,
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text ends inside of it.
    Truncated,
    /// A mark ends its block here, inside of it.
    Cut {
        /// Byte at which the mark stands.
        at: usize,
    },
    /// It breaks the grammar here.
    Malformed {
        /// Byte at which it does.
        at: usize,
        /// In words.
        what: String,
    },
}

/// Reads the value that is next, and moves behind it; on a fault, to the fault.
pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Read, Fault> {
    let mut reader = Reader {
        cursor: *cursor,
        notes: Notes::default(),
        missing: Missing::default(),
        depth: 0,
    };
    let value = reader.value();
    *cursor = reader.cursor;
    Ok(Read {
        value: value?,
        missing: reader.missing,
        notes: reader.notes,
    })
}

/// The one value that a whole text is.
pub(crate) fn whole(text: &str) -> Option<Read> {
    let mut cursor = Cursor::new(text);
    let read = read(&mut cursor).ok()?;
    cursor.space();
    (cursor.is_end() && read.missing.braces == 0).then_some(read)
}

struct Reader<'t> {
    cursor: Cursor<'t>,
    notes: Notes,
    missing: Missing,
    depth: u32,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Value, Fault> {
        self.space()?;
        let Some(next) = self.cursor.peek() else {
            return Err(Fault::Truncated);
        };
        match next {
            '{' => self.object(),
            '[' => self.array(),
            '(' => self.array(),
            _ if opens_string(next) => self.string().map(Value::String),
            '0'..='9' | '-' | '+' | '.' => self.number(),
            _ if next.is_alphabetic() || next == '_' => self.word(),
            _ => Err(self.malformed("no value begins like this")),
        }
    }

    fn object(&mut self) -> Result<Value, Fault> {
        self.enter()?;
        self.cursor.next();
        self.space()?;
        // Models that fill in templates double the outer braces; a key is never an object.
        if self.cursor.sees("{") {
            let inner = self.object();
            self.depth -= 1;
            let inner = inner?;
            self.space_or_end();
            self.cursor.eat("}");
            return Ok(inner);
        }
        let mut members = Map::new();
        loop {
            self.space()?;
            if self.cursor.is_end() {
                // Just opened, or after a comma: another member was to come.
                return Err(Fault::Truncated);
            }
            if self.closes(Bracket::Brace) {
                break;
            }
            let key = self.key()?;
            self.space()?;
            if !self.cursor.eat(":") {
                return Err(self.missing_token("a colon"));
            }
            let value = self.value()?;
            self.insert(&mut members, key, value);
            if self.missing.braces > 0 {
                self.missing.braces += 1;
                break;
            }
            self.space_or_end();
            if self.cursor.eat(",") {
                continue;
            }
            if self.closes(Bracket::Brace) {
                break;
            }
            if self.ends_early() {
                if !self.cursor.is_end() {
                    self.missing.by_mark = true;
                }
                self.missing.braces = 1;
                break;
            }
            return Err(self.malformed("a comma or a closing brace is expected"));
        }
        self.depth -= 1;
        Ok(Value::Object(members))
    }

    fn array(&mut self) -> Result<Value, Fault> {
        self.enter()?;
        let bracket = match self.cursor.next() {
            Some('(') => Bracket::Round,
            _ => Bracket::Square,
        };
        let mut items = Vec::new();
        loop {
            self.space()?;
            if self.closes(bracket) {
                break;
            }
            let item = self.value()?;
            if self.missing.braces > 0 {
                // A list that is open at the end may have had more.
                return Err(self.missing_token("a closing bracket"));
            }
            items.push(item);
            self.space()?;
            if self.cursor.eat(",") {
                continue;
            }
            if self.closes(bracket) {
                break;
            }
            return Err(self.missing_token("a comma or a closing bracket"));
        }
        self.depth -= 1;
        Ok(Value::Array(items))
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.malformed("it is nested too deep"));
        }
        Ok(())
    }

    /// Passes the closing bracket, or a wrong one in its place, which is noted.
    fn closes(&mut self, bracket: Bracket) -> bool {
        if self.cursor.eat(bracket.close()) {
            return true;
        }
        let wrong = match bracket {
            Bracket::Brace => self.cursor.eat_any(&["]", ")"]),
            Bracket::Square => self.cursor.eat_any(&["}", ")"]),
            Bracket::Round => false,
        };
        self.notes.bracket |= wrong;
        wrong
    }

    fn insert(&mut self, members: &mut Map<String, Value>, key: String, value: Value) {
        if let Some(earlier) = members.get(&key)
            && *earlier != value
        {
            let what = format!("key {key:?} is there twice with different values");
            self.notes.ambiguous.get_or_insert(what);
        }
        members.insert(key, value);
    }

    fn key(&mut self) -> Result<String, Fault> {
        match self.cursor.peek() {
            None => Err(Fault::Truncated),
            Some(next) if opens_string(next) => self.string(),
            Some(next) if next.is_alphabetic() || matches!(next, '_' | '$') => {
                let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-');
                let key = self.cursor.take_while(word).to_owned();
                if self.cursor.is_end() {
                    return Err(Fault::Truncated);
                }
                Ok(key)
            }
            Some(_) => Err(self.malformed("a key is expected")),
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let text = string(&mut self.cursor)?;
        if let Some(what) = text.ambiguous {
            self.notes.ambiguous.get_or_insert(what);
        }
        if let Some(what) = text.broken {
            self.notes.broken.get_or_insert(what);
        }
        Ok(text.text)
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let body = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_');
        let start = self.cursor;
        let lexeme = self.cursor.take_while(body);
        if self.cursor.is_end() {
            // 1, or the start of 100.
            return Err(Fault::Truncated);
        }
        if lexeme.chars().all(|c| matches!(c, '.' | '-' | '+' | '_')) {
            self.cursor = start;
            return Err(self.malformed("no value begins like this"));
        }
        Ok(number(lexeme).unwrap_or_else(|| {
            self.notes.odd.get_or_insert_with(|| lexeme.to_owned());
            Value::Null
        }))
    }

    fn word(&mut self) -> Result<Value, Fault> {
        let start = self.cursor;
        let word = self.cursor.take_while(|c| c.is_alphanumeric() || c == '_');
        match word {
            "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
            "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
            "null" | "None" | "NULL" => Ok(Value::Null),
            "NaN" | "Infinity" | "inf" | "nan" => {
                self.notes.odd.get_or_insert_with(|| word.to_owned());
                Ok(Value::Null)
            }
            "r" | "R" if self.cursor.peek().is_some_and(opens_string) => {
                raw_string(&mut self.cursor).map(Value::String)
            }
            _ if self.cursor.is_end() => Err(Fault::Truncated),
            _ => {
                self.cursor = start;
                Err(self.malformed("it is not quoted"))
            }
        }
    }

    /// Passes white space and comments; what ends inside of a comment is cut.
    fn space(&mut self) -> Result<(), Fault> {
        loop {
            self.cursor.space();
            let closed = if self.cursor.eat("//") || self.cursor.sees("#") {
                self.cursor.take_while(|c| c != '\n');
                true
            } else if self.cursor.eat("/*") {
                self.cursor.until("*/").is_some()
            } else {
                return Ok(());
            };
            if !closed {
                self.cursor.finish();
                return Err(Fault::Truncated);
            }
        }
    }

    /// The same where an end is looked for: a comment that is cut shows at the next step.
    fn space_or_end(&mut self) {
        let _cut_shows_as_the_end = self.space();
    }

    /// Whether the text or its block ends here, in the middle of a value.
    fn ends_early(&self) -> bool {
        self.cursor.is_end() || BLOCK_ENDS.iter().any(|mark| self.cursor.sees(mark))
    }

    fn missing_token(&self, what: &str) -> Fault {
        if self.cursor.is_end() {
            return Fault::Truncated;
        }
        self.malformed(&format!("{what} is expected"))
    }

    fn malformed(&self, what: &str) -> Fault {
        if self.depth > 0 && !self.cursor.is_end() && self.ends_early() {
            return Fault::Cut {
                at: self.cursor.place(),
            };
        }
        let rest = self.cursor.rest();
        let shown = &rest[..rest.floor_char_boundary(24)];
        let what = match shown.is_empty() {
            true => what.to_owned(),
            false => format!("{what}, at {shown:?}"),
        };
        Fault::Malformed {
            at: self.cursor.place(),
            what,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Brace,
    Square,
    Round,
}

impl Bracket {
    const fn close(self) -> &'static str {
        match self {
            Self::Brace => "}",
            Self::Square => "]",
            Self::Round => ")",
        }
    }
}

/// The number that this is, if it is one and has one meaning only.
pub(crate) fn number(lexeme: &str) -> Option<Value> {
    let digits = lexeme.strip_prefix('+').unwrap_or(lexeme);
    let separators = |c: char| c == '_';
    let plain = if digits.contains(separators) {
        let between = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits
            .trim_start_matches('-')
            .split(separators)
            .all(between)
        {
            return None;
        }
        digits.replace('_', "")
    } else {
        digits.to_owned()
    };
    let plain = match plain.strip_prefix('.') {
        Some(_) => format!("0{plain}"),
        None => plain,
    };
    serde_json::from_str::<Number>(&plain)
        .ok()
        .map(Value::Number)
}

/// A string that was read.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) ambiguous: Option<String>,
    pub(crate) broken: Option<String>,
}

const fn opens_string(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '“' | '”' | '„' | '‘' | '’')
}

/// Passes a string in any quotes. Its end is the first quote of its kind: it is never looked for.
pub(crate) fn string(cursor: &mut Cursor<'_>) -> Result<Text, Fault> {
    let closing = opening_quote(cursor);
    let mut text = Text::default();
    let mut escapes = Escapes::default();
    loop {
        if closing.iter().any(|close| cursor.eat(close)) {
            break;
        }
        let Some(next) = cursor.next() else {
            return Err(Fault::Truncated);
        };
        match next {
            '\\' => escapes.read(cursor, &mut text.text)?,
            _ => text.text.push(next),
        }
    }
    if closing == ["`"] && text.text.contains("${") {
        text.broken =
            Some("a template in backticks has parts that would have to be computed".into());
    }
    if escapes.unknown && escapes.control {
        text.ambiguous = Some(
            "a string mixes backslashes that are escapes with backslashes that are not".to_owned(),
        );
    }
    if escapes.lone_surrogate {
        text.broken = Some("a string has half of a surrogate pair".into());
    }
    Ok(text)
}

/// Passes a string in which a backslash is a backslash.
fn raw_string(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    let closing = opening_quote(cursor);
    let mut text = String::new();
    while !closing.iter().any(|close| cursor.eat(close)) {
        text.push(cursor.next().ok_or(Fault::Truncated)?);
    }
    Ok(text)
}

/// Passes the quotes that open a string, and gives those that close it.
fn opening_quote(cursor: &mut Cursor<'_>) -> &'static [&'static str] {
    if cursor.eat("\"\"\"") {
        return &["\"\"\""];
    }
    if cursor.eat("'''") {
        return &["'''"];
    }
    match cursor.next() {
        Some('\'') => &["'"],
        Some('`') => &["`"],
        Some('“' | '”' | '„') => &["”", "“"],
        Some('‘' | '’') => &["’"],
        _ => &["\""],
    }
}

/// The escapes of one string, and whether they make sense together.
#[derive(Default)]
struct Escapes {
    /// One that JSON does not have: a backslash was meant.
    unknown: bool,
    /// One that stands for a control character.
    control: bool,
    lone_surrogate: bool,
}

impl Escapes {
    /// Reads what follows a backslash.
    fn read(&mut self, cursor: &mut Cursor<'_>, text: &mut String) -> Result<(), Fault> {
        let next = cursor.peek().ok_or(Fault::Truncated)?;
        let plain = match next {
            '"' | '\\' | '/' | '\'' | '`' => Some(next),
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'u' => return self.unicode(cursor, text),
            _ => None,
        };
        if let Some(plain) = plain {
            self.control |= plain.is_control();
            cursor.next();
            text.push(plain);
        } else {
            self.unknown = true;
            text.push('\\');
        }
        Ok(())
    }

    /// Reads the `u` of an escape and what follows.
    fn unicode(&mut self, cursor: &mut Cursor<'_>, text: &mut String) -> Result<(), Fault> {
        let Some(first) = hex4(&cursor.rest()[1..])? else {
            self.unknown = true;
            text.push('\\');
            return Ok(());
        };
        cursor.skip(5);
        if let Some(c) = char::from_u32(first) {
            text.push(c);
            return Ok(());
        }
        let low = match cursor.rest().strip_prefix("\\u") {
            Some(rest) if first < 0xdc00 => {
                hex4(rest)?.filter(|low| (0xdc00..0xe000).contains(low))
            }
            _ => None,
        };
        let pair = low
            .and_then(|low| char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00)));
        match pair {
            Some(c) => {
                cursor.skip(6);
                text.push(c);
            }
            None => {
                self.lone_surrogate = true;
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Ok(())
    }
}

/// Four hexadecimal digits, if they are there; a fault when the text ends before it is known.
fn hex4(text: &str) -> Result<Option<u32>, Fault> {
    let digits = text
        .bytes()
        .take(4)
        .take_while(u8::is_ascii_hexdigit)
        .count();
    if digits == 4 {
        return Ok(u32::from_str_radix(&text[..4], 16).ok());
    }
    match text.len() == digits {
        true => Err(Fault::Truncated),
        false => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ok(text: &str) -> Value {
        let read = whole(text).unwrap_or_else(|| panic!("{text} must be read"));
        assert_eq!(read.notes, Notes::default(), "{text}");
        read.value
    }

    fn fault(text: &str) -> Fault {
        read(&mut Cursor::new(text))
            .map(|read| read.value)
            .unwrap_err()
    }

    #[test]
    fn what_has_one_meaning_is_read() {
        let table = [
            (
                r#" {"a":[1,-2,3.5,true,null,"ü\n"],"b":{"c":18446744073709551615}} "#,
                json!({"a": [1, -2, 3.5, true, null, "ü\n"], "b": {"c": 18_446_744_073_709_551_615_u64}}),
            ),
            ("{'a': True, 'b': None,}", json!({"a": true, "b": null})),
            (
                "{a: 'x', /* no */ b: [1, 2,], // end\n}",
                json!({"a": "x", "b": [1, 2]}),
            ),
            ("{“a”: “b”}", json!({"a": "b"})),
            ("{\"a\": \"\"\"x \"1\"\n\"\"\"}", json!({"a": "x \"1\"\n"})),
            (
                "{\"a\": `let b = \"1\";\n`}",
                json!({"a": "let b = \"1\";\n"}),
            ),
            (
                "{\"a\": 60_000, \"b\": +5, \"c\": .5}",
                json!({"a": 60000, "b": 5, "c": 0.5}),
            ),
            ("{{\"a\": 1}}", json!({"a": 1})),
            (
                r#"{"a": "docs\my.md", "b": "\d+\.\w"}"#,
                json!({"a": "docs\\my.md", "b": "\\d+\\.\\w"}),
            ),
            (
                r#"{"a": "it\'s", "b": "\ud83e\udd80"}"#,
                json!({"a": "it's", "b": "🦀"}),
            ),
            ("{\"a\": \"x\ty\n\"}", json!({"a": "x\ty\n"})),
            ("{'a': r'\\n'}", json!({"a": "\\n"})),
        ];
        for (text, expected) in table {
            assert_eq!(ok(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_open_at_the_end_is_cut() {
        for text in [
            "",
            "{",
            r#"{"a"#,
            r#"{"a""#,
            r#"{"a":"#,
            r#"{"a":"x"#,
            r#"{"a":1"#,
            r#"{"a":tr"#,
            r#"{"a":["x""#,
            r#"{"a":"x","#,
            r#"{"a":"\u12"#,
            "{\"a\": /* ",
            r#"[{"a":"b""#,
        ] {
            assert_eq!(fault(text), Fault::Truncated, "{text}");
        }
    }

    #[test]
    fn a_missing_brace_after_a_complete_member_is_counted() {
        let missing = |text: &str| read(&mut Cursor::new(text)).unwrap().missing;
        let of = |braces, by_mark| Missing { braces, by_mark };
        assert_eq!(missing(r#"{"a":"x""#), of(1, false));
        assert_eq!(missing(r#"{"a":{"b":"x""#), of(2, false));
        assert_eq!(missing(r#"{"a":{"b":"x"}"#), of(1, false));
        assert_eq!(missing(r#"{"a":{"b":1}</tool_call>"#), of(1, true));
        assert_eq!(missing(r#"{"a":true"#), of(1, false));
    }

    #[test]
    fn the_end_of_a_string_is_never_guessed() {
        for text in [
            r#"{"a": "print("hi")"}"#,
            r#"{"a": 'it's'}"#,
            r#"{"a": "x" "b": "y"}"#,
            r#"{"a": ...}"#,
            r#"{"a": x + 1}"#,
            r#"[1, ...]"#,
        ] {
            assert!(matches!(fault(text), Fault::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn what_has_two_meanings_is_noted() {
        let notes = |text: &str| whole(text).unwrap().notes;
        assert!(notes(r#"{"a":1,"a":2}"#).ambiguous.is_some());
        assert!(notes(r#"{"a":"C:\Users\new"}"#).ambiguous.is_some());
        assert!(notes(r#"{"a":"\ud83e x"}"#).broken.is_some());
        assert_eq!(notes(r#"{"a":010}"#).odd.as_deref(), Some("010"));
        assert_eq!(notes(r#"{"a":NaN}"#).odd.as_deref(), Some("NaN"));
        assert!(notes(r#"{"a":"x"]"#).bracket);
        assert_eq!(notes(r#"{"a":1,"a":1}"#), Notes::default());
    }

    #[test]
    fn depth_without_end_is_refused_and_not_followed() {
        assert!(matches!(
            fault(&"[".repeat(100_000)),
            Fault::Malformed { .. }
        ));
        assert!(matches!(
            fault(&"{".repeat(100_000)),
            Fault::Malformed { .. }
        ));
    }
}
