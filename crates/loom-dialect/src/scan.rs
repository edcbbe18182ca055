//! Finds the marks in a text: where calls begin, where somebody else is made to speak.
//!
//! One pass from left to right. Behind a mark the payload is read by its own grammar, and the mark of
//! its end is looked for only after it, so that nothing in an argument is ever taken for a mark.

use crate::cursor::Cursor;
use crate::draft::{Draft, Found, Given, Why};
use crate::json::{self, Fault};
use crate::marks::{Body, FINDER, MARKS, Mark, NO_MARK};
use crate::offer::Offer;
use crate::tags::{self, M3, Parsed};
use crate::tokens::{self, DEEPSEEK, KIMI};
use crate::{envelope, glm, literal, python};
use aho_corasick::Match;
use std::borrow::Cow;

/// A part of a text.
#[derive(Debug)]
pub(crate) enum Piece<'t> {
    Text(&'t str),
    Call(Box<Found<'t>>),
}

/// Calls that are read in one answer; a model that writes more has lost the thread.
const MAX_CALLS: usize = 100;

/// What a text is made of, up to the end of the model's own turn.
#[derive(Debug, Default)]
pub(crate) struct Scanned<'t> {
    /// A thought that began with the text and ended in it.
    pub(crate) thought: Option<&'t str>,
    /// Whether calls stood in that thought.
    pub(crate) drafts: bool,
    /// The parts of what is said.
    pub(crate) pieces: Vec<Piece<'t>>,
}

/// The parts of a text up to the end of the model's own turn.
pub(crate) fn scan<'t>(text: &'t str, offer: &Offer<'_>) -> Scanned<'t> {
    Scan {
        text,
        offer,
        scanned: Scanned::default(),
        calls: 0,
        open: false,
        said: 0,
        ticks: Ticks::default(),
    }
    .run()
}

struct Scan<'a, 'o, 't> {
    text: &'t str,
    offer: &'a Offer<'o>,
    scanned: Scanned<'t>,
    /// How many calls were found.
    calls: usize,
    /// Whether the last call has no end mark yet.
    open: bool,
    /// Up to where the text was handed over.
    said: usize,
    ticks: Ticks,
}

impl<'t> Scan<'_, '_, 't> {
    fn run(mut self) -> Scanned<'t> {
        let mut at = 0;
        while let Some(found) = FINDER.find(&self.text[at..]) {
            let (start, end) = (at + found.start(), at + found.end());
            let (_, mark) = MARKS[found.pattern().as_usize()];
            self.ticks.pass(self.text, at, start);
            if self.ticks.in_code() {
                // Between backticks a mark is only talked about.
                self.ticks.pass(self.text, start, end);
                at = end;
                continue;
            }
            at = match mark {
                Mark::Turn => {
                    self.say(start);
                    return self.scanned;
                }
                Mark::Reply if self.calls > 0 => {
                    self.say(start);
                    return self.scanned;
                }
                Mark::Calls(Body::Common) if self.is_doubled_end(end) => self.drop_mark(start, end),
                Mark::Calls(body) => match self.read_calls(body, start, end) {
                    Some(place) => place,
                    None => self.mention(start, end),
                },
                Mark::ThoughtStart(close) if self.starts_line(start) => {
                    self.say(start);
                    let Some((thought, rest)) = self.text[end..].split_once(close) else {
                        // It never ends: what follows is thought.
                        return self.scanned;
                    };
                    self.scanned.drafts |= holds_calls(thought);
                    self.said = self.text.len() - rest.len();
                    self.said
                }
                Mark::ThoughtEnd if !self.may_be_data(start) => self.thought_ends(start, end),
                Mark::End if self.is_alone(start, end) && self.is_whole(start) => {
                    self.drop_mark(start, end)
                }
                Mark::ValueEnd if self.is_left_over() => return self.collided(),
                Mark::Reply if !self.text[start..end].starts_with('\n') => {
                    self.drop_mark(start, end)
                }
                Mark::End
                | Mark::ValueEnd
                | Mark::Reply
                | Mark::ThoughtEnd
                | Mark::ThoughtStart(_) => self.mention(start, end),
            };
            if self.calls >= MAX_CALLS {
                return self.scanned;
            }
        }
        if self.open && self.offer.is_cut() && is_cut_mark(&self.text[self.said..]) {
            // The answer was stopped before or in its end mark, so more may have been to come.
            self.cut_last();
            return self.scanned;
        }
        self.say(self.text.len());
        self.scanned
    }

    /// Whether an opening mark stands where the end of the last call should.
    fn is_doubled_end(&self, end: usize) -> bool {
        self.open && !self.offer.is_cut() && self.text[end..].trim().is_empty()
    }

    /// Passes a mark that says nothing.
    fn drop_mark(&mut self, start: usize, end: usize) -> usize {
        self.say(start);
        self.said = end;
        end
    }

    /// Everything so far was thought, and the calls in it were drafts.
    fn thought_ends(&mut self, start: usize, end: usize) -> usize {
        self.scanned.drafts |= self.calls > 0;
        self.scanned.thought = Some(&self.text[..start]);
        self.scanned.pieces.clear();
        (self.calls, self.open, self.said) = (0, false, end);
        end
    }

    /// Whether the end of a thought may stand inside of JSON or of code here.
    fn may_be_data(&self, start: usize) -> bool {
        let before = self.text[..start].trim_start();
        before.starts_with(['{', '[', '`']) || self.ticks.in_fence()
    }

    fn cut_last(&mut self) {
        let last = self.scanned.pieces.last_mut();
        if let Some(Piece::Call(found)) = last {
            cut_off(std::slice::from_mut(found.as_mut()));
        }
    }

    /// Hands over the text up to a place.
    fn say(&mut self, place: usize) {
        if self.said < place {
            self.scanned
                .pieces
                .push(Piece::Text(&self.text[self.said..place]));
        }
        self.said = place;
    }

    fn mention(&mut self, start: usize, end: usize) -> usize {
        self.ticks.pass(self.text, start, end);
        end
    }

    /// Whether a mark that has lost its bracket has really lost it, and is not cut at its end.
    fn is_whole(&self, start: usize) -> bool {
        self.text[start..].starts_with(['<', '[', ']']) || self.starts_line(start)
    }

    /// Whether an end mark stands at the end of its line or behind a bracket, as no mention does.
    fn is_alone(&self, start: usize, end: usize) -> bool {
        let rest = &self.text[end..];
        let line = &rest[..rest.floor_char_boundary(80)];
        let line = line.lines().next().unwrap_or_default();
        line.trim().is_empty()
            || line.starts_with('<')
            || self.text[..start].ends_with(['}', ']', '>'])
    }

    /// Whether the last thing read was a call in tags.
    fn is_left_over(&self) -> bool {
        let mut calls = self
            .scanned
            .pieces
            .iter()
            .rev()
            .filter_map(|piece| match piece {
                Piece::Call(found) => Some(found.as_ref()),
                Piece::Text(_) => None,
            });
        matches!(
            calls.next(),
            Some(Found::Draft(Draft {
                given: Given::Fields(_),
                ..
            }))
        )
    }

    /// The last call's value went on behind what was taken for its end: nothing of it is certain,
    /// nor of what follows.
    fn collided(mut self) -> Scanned<'t> {
        let last = self
            .scanned
            .pieces
            .iter_mut()
            .rev()
            .find(|piece| matches!(piece, Piece::Call(_)));
        if let Some(Piece::Call(found)) = last
            && let Found::Draft(draft) = found.as_mut()
        {
            **found = Found::Bad {
                name: draft.name.take(),
                raw: draft.raw,
                why: Why::Collision,
            };
        }
        self.scanned
    }

    /// Reads the calls behind a mark; `None` when there are none.
    fn read_calls(&mut self, body: Body, start: usize, end: usize) -> Option<usize> {
        let mut cursor = Cursor::at(self.text, end);
        let parsed = self.parse(body, start, &mut cursor)?;
        if parsed.found.is_empty() {
            return None;
        }
        self.say(start);
        self.calls += parsed.found.len();
        self.open = !parsed.closed;
        let calls = parsed.found.into_iter();
        self.scanned
            .pieces
            .extend(calls.map(|one| Piece::Call(Box::new(one))));
        self.said = cursor.place();
        Some(cursor.place())
    }

    /// Whether nothing but white space is in front of a place in its line.
    fn starts_line(&self, start: usize) -> bool {
        let before = self.text[..start].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with(['\n', '>', '`'])
    }

    fn parse(&self, body: Body, start: usize, cursor: &mut Cursor<'t>) -> Option<Parsed<'t>> {
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
}

/// Whether marks of calls stand in a text.
fn holds_calls(text: &str) -> bool {
    let mark = |found: Match| MARKS[found.pattern().as_usize()].1;
    FINDER
        .find_iter(text)
        .any(|found| matches!(mark(found), Mark::Calls(_)))
}

/// Whether nothing follows, or only the start of a mark that ends a call.
fn is_cut_mark(rest: &str) -> bool {
    let rest = rest.trim();
    let ends = |mark: &Mark| matches!(mark, Mark::End | Mark::ValueEnd);
    rest.is_empty()
        || MARKS
            .iter()
            .any(|(text, mark)| ends(mark) && text.starts_with(rest))
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

/// The last call of a cut answer may have had more arguments, or was not meant to be the last.
pub(crate) fn cut_off(found: &mut [Found<'_>]) {
    if let Some(last) = found.last_mut()
        && let Found::Draft(draft) = last
    {
        *last = Found::Bad {
            name: draft.name.take(),
            raw: draft.raw,
            why: Why::Truncated,
        };
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
    use crate::draft::{Doubt, Field};
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

/// Whether a place is between backticks of one line. Three or more are a fence, not code in a line.
#[derive(Default)]
struct Ticks {
    open: bool,
    fence: bool,
    run: usize,
}

impl Ticks {
    /// Takes in the text between two places.
    fn pass(&mut self, text: &str, from: usize, to: usize) {
        for byte in text[from..to].bytes() {
            if byte == b'`' {
                self.run += 1;
                continue;
            }
            self.settle();
            if byte == b'\n' {
                self.open = false;
            }
        }
    }

    fn settle(&mut self) {
        match self.run {
            0 => {}
            1 | 2 => self.open = !self.open,
            _ => self.fence = !self.fence,
        }
        self.run = 0;
    }

    fn in_code(&mut self) -> bool {
        self.settle();
        self.open
    }

    const fn in_fence(&self) -> bool {
        self.fence
    }
}
