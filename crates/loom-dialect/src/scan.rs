//! Finds the marks in a text: where calls begin, where somebody else is made to speak.
//!
//! One pass from left to right. Behind a mark the payload is read by its own grammar, and the mark of
//! its end is looked for only after it, so that nothing in an argument is ever taken for a mark.

use crate::block::{Block, starts_line};
use crate::cursor::Cursor;
use crate::draft::{Draft, Found, Given, Why};
use crate::marks::{Body, FINDER, MARKS, Mark};
use crate::offer::Offer;
use aho_corasick::Match;

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

impl<'o, 't> Scan<'_, 'o, 't> {
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
                Mark::ThoughtStart(close) if starts_line(self.text, start) => {
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
        let rest = &self.text[self.said..];
        let open = self.open || (rest.trim().is_empty() && !ends_in_mark(self.text));
        if open && self.offer.is_cut() && is_cut_mark(rest) {
            // The answer was stopped before or in its end mark, or in a form that has none, so more
            // may have been to come.
            self.cut_last();
            return self.scanned;
        }
        self.say(self.text.len());
        self.scanned
    }

    const fn block(&self) -> Block<'_, 'o, 't> {
        Block {
            text: self.text,
            offer: self.offer,
        }
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
        self.text[start..].starts_with(['<', '[', ']']) || starts_line(self.text, start)
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
        let parsed = self.block().parse(body, start, &mut cursor)?;
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
}

/// Whether marks of calls stand in a text.
fn holds_calls(text: &str) -> bool {
    let mark = |found: Match| MARKS[found.pattern().as_usize()].1;
    FINDER
        .find_iter(text)
        .any(|found| matches!(mark(found), Mark::Calls(_)))
}

/// Whether a mark that ends calls, or a fence, is the last that is said.
fn ends_in_mark(text: &str) -> bool {
    let text = text.trim_end();
    let ends = |mark: &Mark| matches!(mark, Mark::End | Mark::ValueEnd);
    let marks = MARKS.iter().filter(|(_, mark)| ends(mark));
    text.ends_with("```") || marks.into_iter().any(|(mark, _)| text.ends_with(mark))
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
