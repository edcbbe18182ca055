//! Finds the marks in a text: where calls begin, where somebody else is made to speak.
//!
//! One pass from left to right. Behind a mark the payload is read by its own grammar, and the mark of
//! its end is looked for only after it, so that nothing in an argument is ever taken for a mark.

use crate::cursor::Cursor;
use crate::draft::{Draft, Found, Given, Why};
use crate::json::{self, Fault};
use crate::offer::Offer;
use crate::tags::{self, M3, Parsed};
use crate::tokens::{self, DEEPSEEK, KIMI};
use crate::{envelope, glm, literal, python};
use aho_corasick::{AhoCorasick, MatchKind};
use std::borrow::Cow;
use std::sync::LazyLock;

/// A part of a text.
#[derive(Debug)]
pub(crate) enum Piece<'t> {
    Text(&'t str),
    Call(Box<Found<'t>>),
}

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Calls follow, in this form.
    Calls(Body),
    /// An end without a beginning; it says nothing by itself.
    End,
    /// The end of a value: where one is left over a value did not end where it was thought to.
    ValueEnd,
    /// The turn is over, or somebody else's begins.
    Turn,
}

/// The form of what follows a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// `<tool_call>`, which several families use for different things.
    Common,
    /// JSON up to one of these.
    Json(&'static [&'static str]),
    /// JSON that begins with the last byte of the mark.
    JsonFromMark,
    /// Calls in tags up to one of these words.
    Tagged {
        seed: bool,
    },
    /// The mark itself is the tag of a call.
    Tag,
    /// Mistral's token.
    Mistral,
    DeepSeekAll,
    DeepSeekOne,
    KimiAll,
    KimiOne,
    /// Kimi K3.
    Open,
    /// Gemma's literals up to one of these.
    Literal(&'static [&'static str]),
    /// A python list, or lines, up to one of these.
    Python(&'static [&'static str]),
    /// Llama's tag for code.
    PythonTag,
    /// A fence with python.
    PythonFence,
    /// `{tool => "F", args => {--key "value"}}`.
    Arrows,
    /// `>>>F` and JSON in the next line.
    Recipient,
}

const MARKS: &[(&str, Mark)] = {
    use Body::{
        Arrows, Common, DeepSeekAll, DeepSeekOne, Json, JsonFromMark, KimiAll, KimiOne, Literal,
        Mistral, Open, Python, PythonFence, PythonTag, Recipient, Tag, Tagged,
    };
    use Mark::{Calls, End, Turn, ValueEnd};
    const TAGGED: Mark = Calls(Tagged { seed: false });
    &[
        ("<tool_call>", Calls(Common)),
        ("]<]minimax[>[<tool_call>", TAGGED),
        ("<tools>", Calls(Json(&["</tools>"]))),
        ("<tool_calls>", Calls(Json(&["</tool_calls>"]))),
        ("<TOOLCALL>", Calls(Json(&["</TOOLCALL>"]))),
        ("<function_call>", Calls(Json(&["</function_call>"]))),
        ("<functioncall>", Calls(Json(&["</functioncall>"]))),
        (
            "<|tool_call|>",
            Calls(Json(&["<|/tool_call|>", "</|tool_call|>"])),
        ),
        ("<|tools_prefix|>", Calls(Json(&["<|tools_suffix|>"]))),
        (
            "<|action_start|><|plugin|>",
            Calls(Json(&["<|action_end|>"])),
        ),
        (
            "<|action_start|> <|plugin|>",
            Calls(Json(&["<|action_end|>"])),
        ),
        ("<|START_ACTION|>", Calls(Json(&["<|END_ACTION|>"]))),
        ("[TOOL_REQUEST]", Calls(Json(&["[END_TOOL_REQUEST]"]))),
        ("functools[", Calls(JsonFromMark)),
        ("[TOOL_CALLS]", Calls(Mistral)),
        ("<function=", Calls(Tag)),
        ("<function name=", Calls(Tag)),
        ("<invoke name=", Calls(Tag)),
        ("<invoke name =", Calls(Tag)),
        ("<invoke ", Calls(Tag)),
        ("<｜DSML｜invoke ", Calls(Tag)),
        ("<|DSML|invoke ", Calls(Tag)),
        ("<DSML|invoke ", Calls(Tag)),
        ("<minimax:tool_call>", TAGGED),
        ("<｜DSML｜function_calls>", TAGGED),
        ("<｜DSML｜tool_calls>", TAGGED),
        ("<|DSML|function_calls>", TAGGED),
        ("<|DSML|tool_calls>", TAGGED),
        ("<DSML|function_calls>", TAGGED),
        ("<DSML|tool_calls>", TAGGED),
        ("<seed:tool_call>", Calls(Tagged { seed: true })),
        ("<function_calls>", Calls(Python(&["</function_calls>"]))),
        ("<｜tool▁calls▁begin｜>", Calls(DeepSeekAll)),
        ("<|tool▁calls▁begin|>", Calls(DeepSeekAll)),
        ("<｜tool_calls_begin｜>", Calls(DeepSeekAll)),
        ("<|tool_calls_begin|>", Calls(DeepSeekAll)),
        ("<｜tool▁call▁begin｜>", Calls(DeepSeekOne)),
        ("<|tool▁call▁begin|>", Calls(DeepSeekOne)),
        ("<｜tool_call_begin｜>", Calls(DeepSeekOne)),
        ("<|tool_calls_section_begin|>", Calls(KimiAll)),
        ("<|tool_call_section_begin|>", Calls(KimiAll)),
        ("<|tool_call_begin|>", Calls(KimiOne)),
        ("<|open|>call", Calls(Open)),
        ("<|tool_call>", Calls(Literal(&["<tool_call|>"]))),
        (
            "<start_function_call>",
            Calls(Literal(&["<end_function_call>"])),
        ),
        ("<|tool_call_start|>", Calls(Python(&["<|tool_call_end|>"]))),
        ("<|python_start|>", Calls(Python(&["<|python_end|>"]))),
        ("<|python_tag|>", Calls(PythonTag)),
        ("```tool_code", Calls(PythonFence)),
        ("```tool_call\n", Calls(Json(&["```"]))),
        ("```tool_calls\n", Calls(Json(&["```"]))),
        ("[TOOL_CALL]", Calls(Arrows)),
        (">>>", Calls(Recipient)),
        ("</tool_call>", End),
        ("</tool_calls>", End),
        ("</tools>", End),
        ("</function>", End),
        ("</function_calls>", End),
        ("</invoke>", End),
        ("</minimax:tool_call>", End),
        ("]<]minimax[>[</tool_call>", End),
        ("minimax:tool_call", End),
        ("</｜DSML｜function_calls>", End),
        ("</｜DSML｜tool_calls>", End),
        ("</DSML|tool_calls>", End),
        ("</seed:tool_call>", End),
        ("<｜tool▁calls▁end｜>", End),
        ("<｜tool▁call▁end｜>", End),
        ("<|tool_calls_section_end|>", End),
        ("<|tool_call_section_end|>", End),
        ("<|tool_call_end|>", End),
        ("<tool_call|>", End),
        ("<end_function_call>", End),
        ("<|python_end|>", End),
        ("<|action_end|>", End),
        ("<|END_ACTION|>", End),
        ("<|START_RESPONSE|>", End),
        ("<|END_RESPONSE|>", End),
        ("[END_TOOL_REQUEST]", End),
        ("</TOOLCALL>", End),
        ("</parameter>", ValueEnd),
        ("</arg_value>", ValueEnd),
        ("</｜DSML｜parameter>", ValueEnd),
        ("<|im_end|>", Turn),
        ("<|im_start|>", Turn),
        ("<|endoftext|>", Turn),
        ("<|eot_id|>", Turn),
        ("<|eom_id|>", Turn),
        ("<|start_header_id|>", Turn),
        ("<|end_of_text|>", Turn),
        ("<|end_of_role|>", Turn),
        ("<|start_of_role|>", Turn),
        ("<|eot|>", Turn),
        ("<|header_start|>", Turn),
        ("</s>", Turn),
        ("[TOOL_RESULTS]", Turn),
        ("[INST]", Turn),
        ("[e~[", Turn),
        ("]~b]", Turn),
        ("<end_of_turn>", Turn),
        ("<start_of_turn>", Turn),
        ("<turn|>", Turn),
        ("<|turn>", Turn),
        ("<eos>", Turn),
        ("<｜end▁of▁sentence｜>", Turn),
        ("<｜User｜>", Turn),
        ("<｜Assistant｜>", Turn),
        ("<｜tool▁outputs▁begin｜>", Turn),
        ("<｜tool▁output▁begin｜>", Turn),
        ("<function_results>", Turn),
        ("<function_result>", Turn),
        ("<tool_response>", Turn),
        ("<tool_result>", Turn),
        ("<tool_results>", Turn),
        ("<tool_output>", Turn),
        ("<|tool_response>", Turn),
        ("<|tool_response|>", Turn),
        ("<start_function_response>", Turn),
        ("<|observation|>", Turn),
        ("<|user|>", Turn),
        ("<|assistant|>", Turn),
        ("<|system|>", Turn),
        ("<|end|>", Turn),
        ("<|im_user|>", Turn),
        ("<|im_system|>", Turn),
        ("<|END_OF_TURN_TOKEN|>", Turn),
        ("<|START_OF_TURN_TOKEN|>", Turn),
        ("<|START_TOOL_RESULT|>", Turn),
        ("<|action_end|>\n<|im_end|>", Turn),
        ("<seed:eos>", Turn),
        ("<|end_of_msg|>", Turn),
    ]
};

/// For payloads that no mark of their own opens.
const NO_MARK: &str = "<tool_call>";

static FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(MARKS.iter().map(|(mark, _)| mark))
        .expect("BUG: the marks are few and short")
});

/// The parts of a text up to the end of the model's own turn.
pub(crate) fn scan<'t>(text: &'t str, offer: &Offer<'_>) -> Vec<Piece<'t>> {
    Scan {
        text,
        offer,
        pieces: Vec::new(),
        said: 0,
        ticks: Ticks::default(),
    }
    .run()
}

struct Scan<'a, 'o, 't> {
    text: &'t str,
    offer: &'a Offer<'o>,
    pieces: Vec<Piece<'t>>,
    /// Up to where the text was handed over.
    said: usize,
    ticks: Ticks,
}

impl<'t> Scan<'_, '_, 't> {
    fn run(mut self) -> Vec<Piece<'t>> {
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
                    return self.pieces;
                }
                Mark::Calls(body) => match self.calls(body, start, end) {
                    Some(place) => place,
                    None => self.mention(start, end),
                },
                Mark::End if self.is_alone(start, end) => {
                    self.say(start);
                    self.said = end;
                    end
                }
                Mark::ValueEnd if self.is_left_over() => return self.collided(),
                Mark::End | Mark::ValueEnd => self.mention(start, end),
            };
        }
        self.say(self.text.len());
        self.pieces
    }

    /// Hands over the text up to a place.
    fn say(&mut self, place: usize) {
        if self.said < place {
            self.pieces.push(Piece::Text(&self.text[self.said..place]));
        }
        self.said = place;
    }

    fn mention(&mut self, start: usize, end: usize) -> usize {
        self.ticks.pass(self.text, start, end);
        end
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
        let mut calls = self.pieces.iter().rev().filter_map(|piece| match piece {
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
    fn collided(mut self) -> Vec<Piece<'t>> {
        let last = self
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
        self.pieces
    }

    /// Reads the calls behind a mark; `None` when there are none.
    fn calls(&mut self, body: Body, start: usize, end: usize) -> Option<usize> {
        let mut cursor = Cursor::at(self.text, end);
        let parsed = self.parse(body, start, &mut cursor)?;
        if parsed.found.is_empty() {
            return None;
        }
        self.say(start);
        let mut found = parsed.found;
        if !parsed.closed && self.offer.is_cut() && cursor.is_end() {
            // The answer was stopped before its end mark, so more may have been to come.
            cut_off(&mut found);
        }
        self.pieces
            .extend(found.into_iter().map(|one| Piece::Call(Box::new(one))));
        self.said = cursor.place();
        Some(cursor.place())
    }

    fn parse(&self, body: Body, start: usize, cursor: &mut Cursor<'t>) -> Option<Parsed<'t>> {
        let open = &self.text[start..cursor.place()];
        match body {
            Body::Common => self.common(cursor, open),
            Body::Json(ends) => self.json(cursor, ends, open),
            Body::JsonFromMark => {
                *cursor = Cursor::at(self.text, cursor.place() - 1);
                self.json(cursor, &[], open)
            }
            Body::Tagged { seed } => self.tagged(cursor, seed),
            Body::Tag => {
                *cursor = Cursor::at(self.text, start);
                let parsed = tags::call(cursor, false, self.offer)?;
                Some(parsed)
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
            Body::PythonTag => Some(self.python_tag(cursor)),
            Body::PythonFence => Some(python_fence(cursor)),
            Body::Arrows => arrows(cursor),
            Body::Recipient => self.recipient(cursor, start),
        }
    }

    /// `<tool_call>`: JSON, tags, or GLM's keys and values, whatever the family.
    fn common(&self, cursor: &mut Cursor<'t>, open: &str) -> Option<Parsed<'t>> {
        const ENDS: &[&str] = &["</tool_call>", "<|/tool_call|>"];
        let mut ahead = *cursor;
        ahead.space();
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
            && self.is_certain(&parsed)
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
        // Words where a call should be. With an end mark it was meant as one.
        let end = self.end_of_block(ahead, ENDS, open)?;
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

    /// A name alone is a call when it has its end, or is one of the tools.
    fn is_certain(&self, parsed: &Parsed<'_>) -> bool {
        let name = match parsed.found.first() {
            Some(Found::Draft(Draft {
                name,
                given: Given::Fields(fields),
                ..
            })) if fields.is_empty() => name,
            _ => return true,
        };
        parsed.closed || name.as_deref().is_some_and(|name| self.offer.knows(name))
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
        let starts_line = self.text[..start]
            .trim_end_matches(' ')
            .chars()
            .next_back()
            .is_none_or(|c| c == '\n');
        let name = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if !starts_line
            || name.is_empty()
            || name == "all"
            || !cursor.rest().trim_start().starts_with('{')
        {
            return None;
        }
        let begin = cursor.place();
        let read = tokens::fenced_json(cursor);
        let raw = cursor.since(begin);
        let name = Cow::Borrowed(name);
        let found = match read {
            Ok(read) => Found::Draft(Draft {
                name: Some(name),
                given: Given::Json(vec![read]),
                raw,
                doubt: None,
            }),
            Err(fault) => Found::Bad {
                name: Some(name),
                raw,
                why: Why::from(fault),
            },
        };
        Some(Parsed {
            found: vec![found],
            closed: true,
        })
    }
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
fn cut_off(found: &mut [Found<'_>]) {
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
    rest.len() < 200 && rest.starts_with('<') && !rest.contains('>')
}

/// A fence whose inside is python.
fn python_fence<'t>(cursor: &mut Cursor<'t>) -> Parsed<'t> {
    cursor.take_while(|c| c != '\n');
    let rest = cursor.rest();
    let end = rest.find("\n```");
    let body = &rest[..end.unwrap_or(rest.len())];
    cursor.skip(body.len());
    let closed = cursor.eat("\n```");
    Parsed {
        found: python::lines(body),
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
        if matches!(self.run, 1 | 2) {
            self.open = !self.open;
        }
        self.run = 0;
    }

    fn in_code(&mut self) -> bool {
        self.settle();
        self.open
    }
}
