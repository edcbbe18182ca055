//! An answer that must be one JSON object of a given schema: a plan, a verdict, facts to remember.

use crate::arguments::Arguments;
use crate::cursor::Cursor;
use crate::json::{self, Fault, Notes};
use crate::refuse::{self, code, refusal};
use crate::thought::{self, Stray};
use loom_events::{Finish, Refusal, ToolSpec};
use serde_json::Value;

/// Reads the object that an answer is. Thoughts, fences and words around it do not matter; two
/// different objects that both fit do.
///
/// # Errors
/// A refusal that says what was wrong and what to send instead.
pub fn read_object(
    text: &str,
    in_thought: bool,
    finish: Finish,
    form: &ToolSpec,
) -> Result<Value, Refusal> {
    let split = thought::split(text, in_thought, Stray::Ends);
    let arguments = Arguments::new(form);
    let encoded = encoded(split.body);
    let body = encoded.as_deref().unwrap_or(split.body);
    let (objects, fault) = objects(body, finish);
    if let Some(Fault::Truncated | Fault::Cut { .. }) = fault {
        return Err(cut(finish));
    }
    let mut fitting: Vec<Value> = Vec::new();
    let mut last = None;
    for (object, notes) in objects {
        match sound(&notes, form).and_then(|()| arguments.fit(object)) {
            Ok(value) if fitting.contains(&value) => {}
            Ok(value) => fitting.push(value),
            Err(refusal) => last = Some(refusal),
        }
    }
    match (fitting.len(), last, fault) {
        (1, _, _) => Ok(fitting.remove(0)),
        (0, _, Some(Fault::Malformed { what, .. })) => Err(no_object(&what)),
        (0, Some(refusal), _) => Err(refusal),
        (0, None, _) => Err(no_object("there is none in it")),
        _ => Err(refusal(
            code::CONFLICTING,
            "the answer has several different objects that fit. Send only the one that counts.",
        )),
    }
}

fn cut(finish: Finish) -> Refusal {
    let limit = match finish {
        Finish::Length => " by the limit of tokens",
        Finish::Stop | Finish::ToolCalls | Finish::Other => "",
    };
    let message = format!("the answer was cut off{limit}: be much shorter");
    refusal(code::TRUNCATED, message)
}

fn no_object(what: &str) -> Refusal {
    refusal(
        code::MALFORMED,
        format!("the answer is not one JSON object: {what}"),
    )
}

/// The text that a whole answer is the JSON string of.
fn encoded(body: &str) -> Option<String> {
    let body = body.trim();
    let read = json::whole(body).filter(|_| body.starts_with('"'))?;
    read.value.as_str().map(str::to_owned)
}

/// Whether an object begins with a key, as data does and a brace in a sentence does not.
fn looks_meant(text: &str) -> bool {
    text[1..].trim_start().starts_with(['"', '\''])
}

fn sound(notes: &Notes, form: &ToolSpec) -> Result<(), Refusal> {
    if let Some(what) = &notes.broken {
        return Err(no_object(what));
    }
    if let Some(what) = &notes.ambiguous {
        return Err(refuse::ambiguous(Some(form), what));
    }
    match &notes.odd {
        Some(lexeme) => Err(refusal(
            code::SCHEMA,
            format!("{lexeme:?} is not a number that JSON has"),
        )),
        None => Ok(()),
    }
}

/// Objects of one answer that are looked at; one that has more is no answer.
const MAX_OBJECTS: usize = 50;

/// Braces that are looked at; no answer of a model has so many.
const MAX_LOOKED: usize = 20_000;

/// The objects of a text, and the fault that ended the search or the last one in it.
fn objects(text: &str, finish: Finish) -> (Vec<(Value, Notes)>, Option<Fault>) {
    let mut objects = Vec::new();
    let mut fault = None;
    let (mut at, mut looked) = (0, 0);
    let allowed = u32::from(finish != Finish::Length);
    while let Some(found) = text[at..].find('{')
        && objects.len() < MAX_OBJECTS
        && looked < MAX_LOOKED
    {
        looked += 1;
        let start = at + found;
        let mut cursor = Cursor::at(text, start);
        match json::read(&mut cursor) {
            Ok(read) if read.missing.braces > allowed || read.notes.bracket => {
                return (objects, Some(Fault::Truncated));
            }
            Ok(read) => objects.push((read.value, read.notes)),
            Err(Fault::Truncated) => return (objects, Some(Fault::Truncated)),
            Err(malformed) if looks_meant(&text[start..]) => fault = Some(malformed),
            // Braces in a sentence.
            Err(_) => {}
        }
        at = cursor.place().max(start + 1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    (objects, fault)
}
