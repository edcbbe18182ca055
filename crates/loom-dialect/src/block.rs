//! What stands at a mark: the payload read by its own grammar, then its end mark.

use crate::cursor::Cursor;
use crate::draft::{Doubt, Draft, Field, Found, Given, Why};
use crate::json::{self, Fault};
use crate::marks::{Body, NO_MARK};
use crate::offer::Offer;
use crate::scan::cut_off;
use crate::tags::{self, M3, Parsed};
use crate::tokens::{self, DEEPSEEK, KIMI};
use crate::{envelope, glm, literal, python};
use std::borrow::Cow;

/// A text in which calls stand behind marks.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a, 'o, 't> {
    pub(crate) text: &'t str,
    pub(crate) offer: &'a Offer<'o>,
}

impl<'t> Block<'_, '_, 't> {
    /// Reads the calls behind the mark that stands between `start` and the cursor; `None` when there
    /// are none.
    pub(crate) fn parse(
        &self,
        body: Body,
        start: usize,
        cursor: &mut Cursor<'t>,
    ) -> Option<Parsed<'t>> {
        let open = &self.text[start..cursor.place()];
        match body {
            Body::Common => self.common(cursor, open, start),
            Body::Json(ends) => self.json(cursor, ends, open),
            Body::JsonFromMark => {
                if !cursor.rest().trim_start().starts_with(['{', ']']) {
                    return None;
                }
                *cursor = Cursor::at(self.text, cursor.place() - 1);
                self.json(cursor, &[], open)
            }
            Body::Tagged { seed } => self.tagged(cursor, seed),
            Body::Tag => {
                *cursor = Cursor::at(self.text, start);
                let parsed = tags::call(cursor, false, self.offer)?;
                (self.is_meant(&parsed) || self.starts_line(start)).then_some(parsed)
            }
            Body::Mistral => self.mistral(cursor),
            Body::DeepSeekAll => Some(tokens::calls(cursor, &DEEPSEEK, false)),
            Body::DeepSeekOne => Some(tokens::calls(cursor, &DEEPSEEK, true)),
            Body::KimiAll => Some(tokens::calls(cursor, &KIMI, false)),
            Body::KimiOne => Some(tokens::calls(cursor, &KIMI, true)),
            Body::Open => Some(tokens::open_call(cursor)),
            Body::Literal(ends) => {
                let found = vec![literal::call(cursor)?];
                cursor.space();
                let closed = cursor.eat_any(ends);
                Some(Parsed { found, closed })
            }
            Body::Python(ends) => self.python(cursor, ends),
            Body::PythonTag => {
                let parsed = self.python_tag(cursor);
                (self.is_meant(&parsed) || self.starts_line(start)).then_some(parsed)
            }
            Body::PythonFence => {
                let mut ahead = *cursor;
                ahead.take_while(|c| c != '\n');
                ahead.space();
                if ahead.sees("{") || ahead.sees("[{") {
                    *cursor = ahead;
                    return self.json(cursor, &["```"], NO_MARK);
                }
                Some(python_fence(cursor))
            }
            Body::Arrows => arrows(cursor),
            Body::Recipient => self.recipient(cursor, start),
        }
    }

    /// `<tool_call>`: JSON, tags, or GLM's keys and values, whatever the family.
    fn common(&self, cursor: &mut Cursor<'t>, open: &str, start: usize) -> Option<Parsed<'t>> {
        const ENDS: &[&str] = &["</tool_call>", "<|/tool_call|>"];
        let mut ahead = *cursor;
        ahead.space();
        // Some begin twice.
        while ahead.eat(open) {
            ahead.space();
            *cursor = ahead;
        }
        if ahead.is_end() {
            *cursor = ahead;
            return Some(one_bad(cursor.since(cursor.place()), None, Why::Truncated));
        }
        if ahead.sees("<function") || ahead.sees("<invoke") {
            return self.tagged(cursor, false);
        }
        if ahead.sees("{") || ahead.sees("[") || ahead.sees("```") || ahead.sees("\"") {
            return self.json(cursor, ENDS, open);
        }
        let mut glm = ahead;
        if let Some(parsed) = glm::body(&mut glm)
            && (self.is_meant(&parsed) || (parsed.closed && self.starts_line(start)))
        {
            *cursor = glm;
            return Some(parsed);
        }
        let mut named = ahead;
        if let Some(found) = tokens::named(&mut named) {
            *cursor = named;
            cursor.space();
            let closed = cursor.eat_any(ENDS);
            return Some(Parsed {
                found: vec![found],
                closed,
            });
        }
        if python::begins_call(&ahead).is_some_and(|name| self.offer.knows(name)) {
            *cursor = ahead;
            return self.python(cursor, ENDS);
        }
        // Words where a call should be. At the start of a line and with an end it was meant as one.
        let end = self
            .end_of_block(ahead, ENDS, open)
            .filter(|_| self.starts_line(start))?;
        let raw = &self.text[ahead.place()..end];
        *cursor = Cursor::at(self.text, end);
        cursor.eat_any(ENDS);
        let why = match raw.trim_start().starts_with("<parameter")
            || raw.trim_start().starts_with("<arg_key")
        {
            true => Why::Nameless,
            false => Why::Malformed("there are words where a call should be".into()),
        };
        Some(one_bad(raw, None, why))
    }

    /// Whether this is more than a name in a sentence: it has arguments, or names a tool.
    fn is_meant(&self, parsed: &Parsed<'_>) -> bool {
        match parsed.found.first() {
            Some(Found::Draft(Draft {
                name,
                given: Given::Fields(fields),
                ..
            })) if fields.is_empty() => name.as_deref().is_some_and(|name| self.offer.knows(name)),
            Some(Found::Draft(Draft {
                given: Given::Bare(_),
                ..
            })) => false,
            Some(Found::Bad {
                name: Some(name), ..
            }) => self.offer.knows(name),
            _ => true,
        }
    }

    /// JSON up to its end mark.
    fn json(
        &self,
        cursor: &mut Cursor<'t>,
        ends: &'static [&'static str],
        open: &str,
    ) -> Option<Parsed<'t>> {
        let start = cursor.place();
        let mut found = Vec::new();
        loop {
            cursor.space();
            if cursor.eat("```") {
                cursor.take_while(char::is_alphanumeric);
                cursor.space();
            }
            if cursor.eat_any(ends) {
                return Some(Parsed {
                    found: self.or_nameless(found, cursor.since(start)),
                    closed: true,
                });
            }
            if !(cursor.sees("{") || cursor.sees("[") || cursor.sees("\"")) {
                break;
            }
            let begin = cursor.place();
            match json::read(cursor) {
                Ok(read) => found.extend(envelope::calls(read, cursor.since(begin), self.offer)),
                Err(Fault::Truncated) => {
                    cursor.finish();
                    let raw = cursor.since(begin);
                    let name = envelope::name_of_damaged(raw, self.offer);
                    found.push(bad(name, raw, Why::Truncated));
                    return Some(Parsed {
                        found,
                        closed: true,
                    });
                }
                Err(fault) => {
                    self.recover(cursor, begin, ends, Why::from(fault), &mut found);
                    return Some(Parsed {
                        found,
                        closed: true,
                    });
                }
            }
            cursor.space();
            // Braces too many, and what stands between several objects.
            while cursor.eat("}")
                || (!cursor.sees("[/") && cursor.eat("]"))
                || cursor.eat(";")
                || cursor.eat(",")
            {
                cursor.space();
            }
        }
        if found.is_empty() {
            return self.without_json(cursor, ends);
        }
        let rest_is_mark =
            cursor.is_end() || cursor.sees("<") || cursor.sees("[") || ends.is_empty();
        if !rest_is_mark && let Some(end) = self.end_of_block(*cursor, ends, open) {
            let raw = &self.text[start..end];
            *cursor = Cursor::at(self.text, end);
            cursor.eat_any(ends);
            let what = "there is text between the JSON and its end mark".to_owned();
            let name = envelope::name_of_damaged(raw, self.offer);
            return Some(Parsed {
                found: vec![bad(name, raw, Why::Malformed(what))],
                closed: true,
            });
        }
        Some(Parsed {
            found,
            closed: ends.is_empty(),
        })
    }

    /// A block that closes without a call in it.
    fn or_nameless(&self, found: Vec<Found<'t>>, raw: &'t str) -> Vec<Found<'t>> {
        match found.is_empty() {
            true => vec![bad(None, raw, Why::Nameless)],
            false => found,
        }
    }

    /// Something else than JSON behind a mark for JSON: tags, a python list, or only words.
    fn without_json(
        &self,
        cursor: &mut Cursor<'t>,
        ends: &'static [&'static str],
    ) -> Option<Parsed<'t>> {
        if cursor.sees("<function") || cursor.sees("<invoke") || cursor.sees("<tool_call>") {
            return None;
        }
        if cursor.is_end() {
            return Some(one_bad(cursor.rest(), None, Why::Truncated));
        }
        if python::begins_call(cursor).is_some_and(|name| self.offer.knows(name)) {
            return self.python(cursor, ends);
        }
        let mut named = *cursor;
        let found = tokens::named(&mut named)?;
        *cursor = named;
        cursor.space();
        let closed = cursor.eat_any(ends);
        Some(Parsed {
            found: vec![found],
            closed,
        })
    }

    /// Refuses a damaged block, and finds its end where that is certain.
    fn recover(
        &self,
        cursor: &mut Cursor<'t>,
        begin: usize,
        ends: &'static [&'static str],
        why: Why,
        found: &mut Vec<Found<'t>>,
    ) {
        to_any(cursor, ends);
        let raw = cursor.since(begin);
        let name = envelope::name_of_damaged(raw, self.offer);
        cursor.eat_any(ends);
        // Marks inside of an argument, or a call that was begun twice: which block ends where is
        // unknown, so what follows may be part of an argument and must not run.
        let collides = raw.contains("<tool_call>") && !ends.is_empty();
        if collides {
            cursor.finish();
        }
        let why = match collides {
            true => Why::Collision,
            false => why,
        };
        found.push(bad(name, raw, why));
    }

    /// Where the block ends that goes on here: at its end mark, unless another block opens before.
    fn end_of_block(&self, cursor: Cursor<'t>, ends: &[&str], open: &str) -> Option<usize> {
        let mut ahead = cursor;
        to_any(&mut ahead, &[ends, &[open]].concat());
        let ends_here = ends.iter().any(|end| ahead.sees(end));
        ends_here.then(|| ahead.place())
    }

    /// Calls in tags, one behind the other.
    fn tagged(&self, cursor: &mut Cursor<'t>, seed: bool) -> Option<Parsed<'t>> {
        const OUTER: &[&str] = &[
            "tool_call",
            "tool_calls",
            "function_calls",
            "seed:tool_call",
        ];
        let (mut found, mut closed) = (Vec::new(), false);
        loop {
            let before = cursor.place();
            cursor.space();
            let mut end = *cursor;
            end.eat(M3);
            if tags::close(&mut end, OUTER) {
                *cursor = end;
                return Some(Parsed {
                    found,
                    closed: true,
                });
            }
            let Some(parsed) = tags::call(cursor, seed, self.offer) else {
                if found.is_empty() && cursor.is_end() {
                    return Some(one_bad(cursor.rest(), None, Why::Truncated));
                }
                if found.is_empty()
                    || (self.offer.is_cut() && cursor.sees("<") && is_cut_tag(cursor))
                {
                    return self.cut_tag(cursor, found);
                }
                *cursor = Cursor::at(self.text, before);
                return Some(Parsed { found, closed });
            };
            closed = false;
            let stops = parsed
                .found
                .iter()
                .any(|found| matches!(found, Found::Bad { .. }));
            found.extend(parsed.found);
            if stops {
                self.past_damage(cursor);
                return Some(Parsed {
                    found,
                    closed: true,
                });
            }
        }
    }

    /// The start of a tag at the very end.
    fn cut_tag(&self, cursor: &mut Cursor<'t>, mut found: Vec<Found<'t>>) -> Option<Parsed<'t>> {
        if !is_cut_tag(cursor) {
            return None;
        }
        let raw = cursor.rest();
        cursor.finish();
        found.push(bad(None, raw, Why::Truncated));
        Some(Parsed {
            found,
            closed: true,
        })
    }

    /// Goes behind the end mark of a damaged call.
    fn past_damage(&self, cursor: &mut Cursor<'t>) {
        const ENDS: &[&str] = &[
            "</tool_call>",
            "</minimax:tool_call>",
            "</function_calls>",
            "</seed:tool_call>",
        ];
        to_any(cursor, ENDS);
        cursor.eat_any(ENDS);
    }

    fn mistral(&self, cursor: &mut Cursor<'t>) -> Option<Parsed<'t>> {
        cursor.space();
        if cursor.sees("[") || cursor.sees("{") {
            return self.json(cursor, &[], NO_MARK);
        }
        if cursor.is_end() {
            return None;
        }
        let found = tokens::named(cursor);
        match found {
            Some(found) => Some(Parsed {
                found: vec![found],
                closed: true,
            }),
            None => {
                // A name without arguments at the very end was cut.
                let name = cursor.rest();
                let is_name = self.offer.knows(name.trim());
                let mut ahead = *cursor;
                ahead.take_while(|c| c != '[' && !crate::cursor::is_space(c));
                (is_name || ahead.sees("[ARGS") || ahead.sees("[CALL_ID")).then(|| {
                    cursor.finish();
                    one_bad(name, None, Why::Truncated)
                })
            }
        }
    }

    /// A python list, calls line by line, or calls in tags.
    fn python(&self, cursor: &mut Cursor<'t>, ends: &'static [&'static str]) -> Option<Parsed<'t>> {
        cursor.space();
        if cursor.sees("<") {
            return self.tagged(cursor, false);
        }
        if cursor.sees("{") || cursor.sees("[{") {
            return self.json(cursor, ends, NO_MARK);
        }
        if let Some(mut found) = python::list(cursor) {
            cursor.space();
            let closed = cursor.eat_any(ends);
            let last_is_open = !closed && cursor.is_end() && self.offer.is_cut();
            if last_is_open {
                cut_off(&mut found);
            }
            return Some(Parsed { found, closed });
        }
        python::begins_call(cursor)?;
        let begin = cursor.place();
        to_any(cursor, ends);
        let body = cursor.since(begin);
        let closed = cursor.eat_any(ends);
        Some(Parsed {
            found: python::lines(body),
            closed,
        })
    }

    /// Behind Llama's tag: an object, a call, or code for an interpreter that nobody offered.
    fn python_tag(&self, cursor: &mut Cursor<'t>) -> Parsed<'t> {
        cursor.space();
        if cursor.sees("{") || cursor.sees("[") {
            let mut ahead = *cursor;
            let parsed = match cursor.sees("[") && !cursor.sees("[{") {
                true => self.python(&mut ahead, &[]),
                false => self.json(&mut ahead, &[], NO_MARK),
            };
            if let Some(parsed) = parsed {
                *cursor = ahead;
                return parsed;
            }
        }
        if python::begins_call(cursor).is_some() {
            let found = vec![python::call(cursor)];
            return Parsed {
                found,
                closed: true,
            };
        }
        let start = cursor.place();
        let rest = cursor.rest();
        let code = rest.find("<|").unwrap_or(rest.len());
        cursor.skip(code);
        Parsed {
            found: vec![Found::Draft(Draft {
                name: Some(Cow::Borrowed("python")),
                given: Given::Bare(cursor.since(start)),
                raw: cursor.since(start),
                doubt: None,
            })],
            closed: true,
        }
    }

    /// `>>>F` at the start of a line, and JSON in the next.
    fn recipient(&self, cursor: &mut Cursor<'t>, start: usize) -> Option<Parsed<'t>> {
        // Once a text has recipients they may stand anywhere.
        let starts_line = self.starts_line(start) || self.text.trim_start().starts_with(">>>");
        let name = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if !starts_line
            || name.is_empty()
            || name == "all"
            || !cursor.rest().trim_start().starts_with('{')
        {
            return None;
        }
        let begin = cursor.place();
        Some(Parsed {
            found: vec![tokens::with_json(name, cursor, begin, None)],
            closed: true,
        })
    }
    fn starts_line(&self, start: usize) -> bool {
        starts_line(self.text, start)
    }
}

/// Whether nothing but white space, a mark or a fence is in front of a place in its line.
pub(crate) fn starts_line(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with(['\n', '>', '`'])
}

/// Goes to the first of these marks, or to the end. All at once: looking for each in turn would read
/// the rest of the text again at every call.
fn to_any(cursor: &mut Cursor<'_>, marks: &[&str]) {
    loop {
        cursor.take_while(|c| !matches!(c, '<' | '[' | '`' | ']'));
        if cursor.is_end() || marks.iter().any(|mark| cursor.sees(mark)) {
            return;
        }
        cursor.next();
    }
}

/// Whether all that is left is the start of a tag.
fn is_cut_tag(cursor: &Cursor<'_>) -> bool {
    let rest = cursor.rest();
    rest.len() < 200 && rest.starts_with('<') && !rest.starts_with("</") && !rest.contains('>')
}

/// A fence whose inside is python.
fn python_fence<'t>(cursor: &mut Cursor<'t>) -> Parsed<'t> {
    cursor.take_while(|c| c != '\n');
    let rest = cursor.rest();
    let end = rest.find("\n```");
    let body = &rest[..end.unwrap_or(rest.len())];
    cursor.skip(body.len());
    let closed = cursor.eat("\n```");
    let mut inner = Cursor::new(body);
    inner.space();
    let found = match inner.sees("[") {
        true => python::list(&mut inner),
        false => None,
    };
    Parsed {
        found: found.unwrap_or_else(|| python::lines(body)),
        closed,
    }
}

/// `{tool => "F", args => { --key "value" }}`: its quoting has no rules, so it is only inferred.
fn arrows<'t>(cursor: &mut Cursor<'t>) -> Option<Parsed<'t>> {
    cursor.space();
    let start = cursor.place();
    if !cursor.eat("{") {
        return None;
    }
    cursor.space();
    if !cursor.eat("tool") {
        return None;
    }
    cursor.space();
    if !cursor.eat("=>") {
        return None;
    }
    cursor.space();
    let mut fields = Vec::new();
    let quoted = |cursor: &mut Cursor<'t>| {
        let begin = cursor.place();
        json::string(cursor).ok().map(|_| {
            let text = cursor.since(begin);
            &text[1..text.len() - 1]
        })
    };
    let name = match cursor.sees("\"") {
        true => quoted(cursor),
        false => None,
    };
    let cut = |cursor: &mut Cursor<'t>| {
        cursor.finish();
        Some(one_bad(
            cursor.since(start),
            name.map(str::to_owned),
            Why::Truncated,
        ))
    };
    loop {
        let Some(at) = cursor.rest().find(['-', ']', '[']) else {
            return cut(cursor);
        };
        cursor.skip(at);
        if cursor.eat("[/TOOL_CALL]") || cursor.sees("[") || cursor.eat("]") {
            break;
        }
        if !cursor.eat("--") {
            cursor.next();
            continue;
        }
        let key = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
        cursor.space();
        let text = match cursor.sees("\"") {
            true => quoted(cursor),
            false => Some(cursor.take_while(|c| !crate::cursor::is_space(c) && c != '}')),
        };
        let Some(text) = text else {
            return cut(cursor);
        };
        fields.push(Field {
            key,
            text: Cow::Borrowed(text),
            is_json: false,
        });
    }
    Some(Parsed {
        found: vec![Found::Draft(Draft {
            name: name.map(Cow::Borrowed),
            given: Given::Fields(fields),
            raw: cursor.since(start),
            doubt: Some(Doubt::malformed(
                "arrows and dashes stand where JSON should",
            )),
        })],
        closed: true,
    })
}

fn bad<'t>(name: Option<String>, raw: &'t str, why: Why) -> Found<'t> {
    Found::Bad {
        name: name.map(Cow::Owned),
        raw,
        why,
    }
}

fn one_bad<'t>(raw: &'t str, name: Option<String>, why: Why) -> Parsed<'t> {
    Parsed {
        found: vec![bad(name, raw, why)],
        closed: true,
    }
}
