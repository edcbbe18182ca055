//! gpt-oss: messages with channels and recipients, whole or with their tokens stripped.

use crate::cursor::Cursor;
use crate::draft::{Doubt, Draft, Found, Given};
use crate::scan::Piece;
use crate::tokens::with_json;
use std::borrow::Cow;

/// An answer in harmony's form.
#[derive(Debug, Default)]
pub(crate) struct Harmony<'t> {
    /// The analysis channel.
    pub(crate) thought: Vec<&'t str>,
    /// What is visible, and the calls.
    pub(crate) pieces: Vec<Piece<'t>>,
    /// What was said on the final channel: it is for the user, never a call.
    pub(crate) last_words: Vec<&'t str>,
    /// Whether the answer ends in a call that has not got its end: a server takes the token away when
    /// the model has come to it, and the limit of tokens comes before it.
    pub(crate) open: bool,
}

const START: &str = "<|start|>";
const CHANNEL: &str = "<|channel|>";
const MESSAGE: &str = "<|message|>";
const CONSTRAIN: &str = "<|constrain|>";
const ENDS: [&str; 3] = ["<|end|>", "<|call|>", "<|return|>"];

/// Reads an answer in harmony's form; `None` when it is not one.
pub(crate) fn read(text: &str) -> Option<Harmony<'_>> {
    let body = text.trim_start();
    if body.starts_with(START) || body.starts_with(CHANNEL) || text.contains(MESSAGE) {
        return Some(messages(text));
    }
    stripped(body)
}

fn messages(text: &str) -> Harmony<'_> {
    let mut harmony = Harmony::default();
    let mut cursor = Cursor::new(text);
    loop {
        cursor.space();
        if cursor.is_end() {
            return harmony;
        }
        if cursor.eat_any(&ENDS) {
            continue;
        }
        let header = header(&mut cursor);
        let Some(header) = header else {
            // Words without a header in front of the first message.
            let start = cursor.place();
            cursor.next();
            to_next(&mut cursor);
            harmony.pieces.push(Piece::Text(cursor.since(start)));
            continue;
        };
        if header.is_foreign() {
            return harmony;
        }
        if let Some(recipient) = header.recipient {
            let doubt =
                (!header.complete).then_some(Doubt::markup("the tokens of its head are missing"));
            let found = call(&mut cursor, recipient, doubt);
            let stops = matches!(found, Found::Bad { .. });
            harmony.pieces.push(Piece::Call(Box::new(found)));
            if stops {
                to_next(&mut cursor);
            }
            cursor.space();
            harmony.open = cursor.is_end();
            continue;
        }
        let start = cursor.place();
        to_next(&mut cursor);
        let said = cursor.since(start);
        match header.channel {
            "analysis" => harmony.thought.push(said.trim()),
            "final" => harmony.last_words.push(said),
            _ => harmony.pieces.push(Piece::Text(said)),
        }
    }
}

/// The head of a message, up to its body.
#[derive(Debug, Default)]
struct Header<'t> {
    role: &'t str,
    channel: &'t str,
    recipient: Option<&'t str>,
    /// Whether its body has its mark.
    complete: bool,
}

impl Header<'_> {
    /// Whether somebody else is made to speak.
    fn is_foreign(&self) -> bool {
        !self.role.is_empty() && self.role != "assistant"
    }
}

fn header<'t>(cursor: &mut Cursor<'t>) -> Option<Header<'t>> {
    let mut ahead = *cursor;
    let mut header = Header::default();
    if ahead.eat(START) {
        header.role = word(&mut ahead);
        header.recipient = recipient(&mut ahead);
    }
    if ahead.eat(CHANNEL) {
        header.channel = word(&mut ahead);
    } else if header.role.is_empty() {
        // The prompt may have ended in the token itself.
        header.channel = ["analysis", "commentary", "final"]
            .into_iter()
            .find(|channel| ahead.eat(channel))?;
    }
    header.recipient = header.recipient.or_else(|| recipient(&mut ahead));
    ahead.space();
    if ahead.eat(CONSTRAIN) {
        word(&mut ahead);
    }
    header.recipient = header.recipient.or_else(|| recipient(&mut ahead));
    // What the body is said to be, with or without its token.
    ahead.take_while(|c| c.is_ascii_lowercase() || crate::cursor::is_space(c));
    header.complete = ahead.eat(MESSAGE);
    if !header.complete && !ahead.sees("{") {
        // A head that never gets to a body is cut, or not a head.
        if !ahead.is_end() || header.channel.is_empty() {
            return (!header.role.is_empty()).then(|| {
                *cursor = ahead;
                header
            });
        }
    }
    *cursor = ahead;
    Some(header)
}

fn word<'t>(cursor: &mut Cursor<'t>) -> &'t str {
    cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ':'))
}

fn recipient<'t>(cursor: &mut Cursor<'t>) -> Option<&'t str> {
    let mut ahead = *cursor;
    ahead.space();
    if !ahead.eat("to=") {
        return None;
    }
    let recipient = word(&mut ahead);
    *cursor = ahead;
    Some(recipient)
}

fn call<'t>(cursor: &mut Cursor<'t>, recipient: &'t str, doubt: Option<Doubt>) -> Found<'t> {
    let start = cursor.place();
    match ENDS.iter().any(|end| cursor.sees(end)) {
        true => draft(recipient, Given::Nothing, cursor.since(start), None),
        false => {
            let mut found = with_json(recipient, cursor, start, doubt);
            cursor.space();
            if let Found::Draft(draft) = &mut found
                && !cursor.is_end()
                && !cursor.sees("<|")
            {
                draft.doubt = Some(Doubt::malformed("there are words behind its arguments"));
            }
            found
        }
    }
}

fn draft<'t>(name: &'t str, given: Given<'t>, raw: &'t str, doubt: Option<Doubt>) -> Found<'t> {
    Found::Draft(Draft {
        name: Some(Cow::Borrowed(name)),
        given,
        raw,
        doubt,
    })
}

/// Goes to the end of a message, or the head of the next.
fn to_next(cursor: &mut Cursor<'_>) {
    loop {
        cursor.take_while(|c| c != '<');
        let ends = ENDS.iter().any(|end| cursor.sees(end));
        if cursor.is_end() || ends || cursor.sees(START) || cursor.sees(CHANNEL) {
            return;
        }
        cursor.next();
    }
}

/// The words that are left of a head when a server strips its tokens.
const STRIPPED: [&str; 3] = ["assistantanalysis", "assistantcommentary", "assistantfinal"];

/// Goes to the next of these words, or to the end.
fn to_head(cursor: &mut Cursor<'_>) {
    while let Some(at) = cursor.rest().find("assistant") {
        cursor.skip(at);
        if STRIPPED.iter().any(|head| cursor.sees(head)) {
            return;
        }
        cursor.next();
    }
    cursor.finish();
}

/// `analysis…assistantcommentary to=functions.F json{…}`: the tokens are gone, the words are left.
fn stripped(text: &str) -> Option<Harmony<'_>> {
    let first = ["analysis", "commentary to="]
        .iter()
        .any(|head| text.starts_with(head));
    if !first
        || !(text.starts_with("commentary to=") || STRIPPED.iter().any(|head| text.contains(head)))
    {
        return None;
    }
    let mut harmony = Harmony::default();
    let mut cursor = Cursor::new(text);
    while !cursor.is_end() {
        cursor.eat("assistant");
        let channel = ["analysis", "commentary", "final"]
            .into_iter()
            .find(|channel| cursor.eat(channel));
        if let Some(recipient) = recipient(&mut cursor) {
            cursor.space();
            // Glued: `to=functions.list_dir json{…}` or `to=functions.list_dirjson{…}`.
            cursor.eat("json");
            let recipient = recipient.strip_suffix("json").unwrap_or(recipient);
            let start = cursor.place();
            let doubt = Doubt::markup("the tokens of its channel are missing");
            let found = with_json(recipient, &mut cursor, start, Some(doubt));
            let stops = matches!(found, Found::Bad { .. });
            harmony.pieces.push(Piece::Call(Box::new(found)));
            if stops {
                return Some(harmony);
            }
        }
        let start = cursor.place();
        to_head(&mut cursor);
        let said = cursor.since(start);
        harmony.open = said.trim().is_empty() && channel != Some("analysis");
        match channel {
            Some("analysis") => harmony.thought.push(said.trim()),
            Some("final") => harmony.last_words.push(said),
            _ => harmony.pieces.push(Piece::Text(said)),
        }
    }
    Some(harmony)
}
