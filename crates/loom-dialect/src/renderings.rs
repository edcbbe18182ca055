//! Calls as text that only describes them: a thought with an action, a record of an earlier call, a
//! name in front of its arguments, an element named like a tool.
//!
//! Most of these may be a recital as well as a wish, so they run only where nothing is changed.

use crate::arguments::WRAPPERS;
use crate::bare::Bare;
use crate::cursor::{Cursor, is_space};
use crate::draft::{Doubt, Draft, Field, Found, Given, Why};
use crate::json;
use crate::names;
use crate::offer::Offer;
use crate::tokens::{fenced_json, with_json};
use std::borrow::Cow;

const RECITAL: Doubt = Doubt::markup("it is the description of a call in words");
const STRIPPED: Doubt = Doubt::markup("the marks of its form are missing");

/// Finds a call that is only described.
pub(crate) fn find<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    react(text, offer)
        .or_else(|| record(text, offer))
        .or_else(|| narrated(text, offer))
        .or_else(|| glm_without_marks(text, offer))
        .or_else(|| named(text, offer))
        .or_else(|| element(text, offer))
}

fn draft<'t>(name: &'t str, given: Given<'t>, raw: &'t str, doubt: Option<Doubt>) -> Found<'t> {
    Found::Draft(Draft {
        name: Some(Cow::Borrowed(name)),
        given,
        raw,
        doubt,
    })
}

fn alone<'t>(said: &'t str, found: Found<'t>) -> Bare<'t> {
    Bare {
        said,
        found: vec![found],
        example: false,
    }
}

/// `Action: F`, `Action Input: …`; everything from an invented observation on is dropped.
fn react<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    let start = line_with(text, "Action:")?;
    let mut cursor = Cursor::at(text, start + "Action:".len());
    let ticks = |c: char| c == '`' || c == '*';
    cursor.take_while(|c| c == ' ' || c == '*');
    if cursor.sees("```") || cursor.sees("{") || cursor.sees("\n```") || cursor.sees("[{") {
        return envelope_action(text, start, cursor, offer);
    }
    let name = cursor.take_while(|c| c != '\n').trim().trim_matches(ticks);
    let name = name.trim_matches(|c| c == '[' || c == ']');
    cursor.space();
    cursor.take_while(|c| c == '*');
    if !cursor.eat("Action Input:") && !cursor.eat("Action input:") && !cursor.eat("Input:") {
        let none = offer.knows(name) && (cursor.is_end() || cursor.sees("Observation:"));
        return none.then(|| alone(&text[..start], draft(name, Given::Nothing, name, None)));
    }
    cursor.take_while(|c| c == ' ' || c == '*' || c == '\n');
    let begin = cursor.place();
    let found = if cursor.sees("{") || cursor.sees("```") || cursor.sees("[") {
        with_json(name, &mut cursor, begin, None)
    } else {
        let rest = cursor.rest();
        let end = rest.find("\nObservation:").unwrap_or(rest.len());
        let input = rest[..end].trim().trim_matches(|c| c == '"' || c == '`');
        match input.is_empty() {
            true => draft(name, Given::Nothing, name, None),
            false => draft(name, Given::Bare(input), &rest[..end], None),
        }
    };
    Some(alone(&text[..start], found))
}

/// `Action:` and the whole call as JSON, as older Command models have it.
fn envelope_action<'t>(
    text: &'t str,
    start: usize,
    mut cursor: Cursor<'t>,
    offer: &Offer<'_>,
) -> Option<Bare<'t>> {
    cursor.space();
    let begin = cursor.place();
    let read = fenced_json(&mut cursor);
    let raw = cursor.since(begin);
    let found = match read {
        Ok(reads) => reads
            .into_iter()
            .flat_map(|read| crate::envelope::calls(read, raw, offer))
            .collect(),
        Err(fault) => vec![Found::Bad {
            name: None,
            raw,
            why: Why::from(fault),
        }],
    };
    Some(Bare {
        said: &text[..start],
        found,
        example: false,
    })
}

/// Where a line begins with these words.
fn line_with(text: &str, words: &str) -> Option<usize> {
    text.match_indices(words).map(|(at, _)| at).find(|at| {
        let before = text[..*at].trim_end_matches([' ', '*']);
        before.is_empty() || before.ends_with('\n')
    })
}

/// `Tool: F` and `Input: {…}` in lines of their own: an earlier call as some clients write it down.
fn record<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    let start = line_with(text, "Tool:")?;
    let mut cursor = Cursor::at(text, start + "Tool:".len());
    let name = cursor.take_while(|c| c != '\n').trim().trim_matches('`');
    if !offer.knows(name) {
        return None;
    }
    cursor.space();
    let labels = ["Input:", "Arguments:", "Args:", "Parameters:"];
    if !cursor.eat_any(&labels) {
        return None;
    }
    let begin = cursor.place();
    let found = with_json(name, &mut cursor, begin, Some(RECITAL));
    Some(alone(&text[..start], found))
}

/// `[Calling tool: F({…})]` and its like.
fn narrated<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    let heads = [
        "[Calling tool:",
        "[Called tool:",
        "[Tool call:",
        "[Tool use:",
        "[tool_use:",
        "Calling tool:",
        "[Calling:",
    ];
    let start = heads
        .iter()
        .find_map(|head| line_with(text, head).map(|at| (at, head.len())));
    let (start, length) = start?;
    let mut cursor = Cursor::at(text, start + length);
    cursor.space();
    let name = cursor.take_while(|c| !is_space(c) && !matches!(c, '(' | '{' | ']'));
    if !offer.knows(name) {
        return None;
    }
    cursor.take_while(|c| is_space(c) || matches!(c, '(' | ':'));
    if cursor.sees("with") {
        cursor.take_while(|c| c != '{' && c != '\n');
    }
    let begin = cursor.place();
    let found = match cursor.sees("{") {
        true => with_json(name, &mut cursor, begin, Some(RECITAL)),
        false => draft(name, Given::Nothing, name, Some(RECITAL)),
    };
    Some(alone(&text[..start], found))
}

/// A tool's name and its keys and values in GLM's tags, whose outer mark is missing.
fn glm_without_marks<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    let at = text.find("<arg_key>")?;
    let before = text[..at].trim_end_matches(is_space);
    let start = before.rfind(is_space).map_or(0, |at| at + 1);
    let start = (start..=before.len()).find(|at| before.is_char_boundary(*at))?;
    if !offer.knows(&before[start..]) {
        return None;
    }
    let mut cursor = Cursor::at(text, start);
    let parsed = crate::glm::body(&mut cursor)?;
    Some(Bare {
        said: &text[..start],
        found: parsed.found,
        example: false,
    })
}

/// `F{…}`, `F {…}`, `F[ARGS]{…}`, `call:F{…}`, `F(…)` as the whole message.
fn named<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    let mut cursor = Cursor::new(text);
    cursor.space();
    let start = cursor.place();
    if cursor.sees("call:") {
        let found = crate::literal::call(&mut cursor)?;
        return offer.knows(found.name()?).then(|| Bare {
            said: "",
            example: !cursor.rest().trim().is_empty(),
            found: vec![found],
        });
    }
    let name = cursor.take_while(|c| !is_space(c) && !matches!(c, '{' | '[' | '(' | '<'));
    if name.is_empty() || !offer.knows(name) || names::strip(name).is_empty() {
        return None;
    }
    if cursor.sees("(") {
        return python_call(text, start, offer);
    }
    cursor.space();
    cursor.eat("[ARGS]");
    cursor.space();
    cursor.eat("```json");
    cursor.space();
    if !cursor.sees("{") {
        return None;
    }
    let found = with_json(name, &mut cursor, start, Some(STRIPPED));
    cursor.take_while(|c| is_space(c) || c == '`' || c == '}');
    Some(Bare {
        said: "",
        found: vec![found],
        example: !cursor.is_end(),
    })
}

/// One call in Python's form without a list around it.
fn python_call<'t>(text: &'t str, start: usize, _offer: &Offer<'_>) -> Option<Bare<'t>> {
    let mut cursor = Cursor::at(text, start);
    let mut found = vec![crate::python::call(&mut cursor)];
    loop {
        cursor.space();
        cursor.eat(";");
        cursor.space();
        if crate::python::begins_call(&cursor).is_none() {
            break;
        }
        found.push(crate::python::call(&mut cursor));
        if matches!(found.last(), Some(Found::Bad { .. })) {
            cursor.finish();
        }
    }
    for one in &mut found {
        if let Found::Draft(draft) = one {
            draft.doubt = Some(STRIPPED);
        }
    }
    Some(Bare {
        said: "",
        example: !cursor.rest().trim().is_empty()
            && found.iter().all(|f| matches!(f, Found::Draft(_))),
        found,
    })
}

/// `<F><key>value</key></F>`: an element named like a tool.
fn element<'t>(text: &'t str, offer: &Offer<'_>) -> Option<Bare<'t>> {
    let (start, name) = opening(text, offer)?;
    let mut cursor = Cursor::at(text, start);
    cursor.next();
    cursor.eat(name);
    if !cursor.eat(">") {
        return attributes(text, start, name);
    }
    let end = format!("</{name}>");
    let inner_from = cursor.place();
    let Some(inner) = cursor.until(&end) else {
        let found = Found::Bad {
            name: Some(Cow::Borrowed(name)),
            raw: &text[start..],
            why: Why::Truncated,
        };
        return Some(alone(&text[..start], found));
    };
    let raw = &text[start..cursor.place()];
    let given = match inner.trim_start().starts_with('{') {
        true => json::whole(inner).map(|read| Given::Json(vec![read])),
        false => fields(&text[inner_from..inner_from + inner.len()]).map(Given::Fields),
    };
    let found = match given {
        Some(given) => draft(
            name,
            given,
            raw,
            Some(Doubt::markup("it is an element named like a tool")),
        ),
        None => Found::Bad {
            name: Some(Cow::Borrowed(name)),
            raw,
            why: Why::Malformed("its inside is neither elements nor JSON".into()),
        },
    };
    let rest = cursor.rest().trim_start().trim_start_matches('`');
    let said = text[..start].trim_end();
    let said =
        said.rsplit_once("```")
            .map_or(said, |(before, language)| match language.contains('\n') {
                true => said,
                false => before,
            });
    Some(Bare {
        said,
        found: vec![found],
        example: !rest.trim().is_empty(),
    })
}

/// Where the first element begins that is named like a tool.
fn opening<'t>(text: &'t str, offer: &Offer<'_>) -> Option<(usize, &'t str)> {
    text.match_indices('<').find_map(|(at, _)| {
        let mut cursor = Cursor::at(text, at + 1);
        let name = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        let is_tag = cursor.sees(">") || cursor.sees(" ");
        let known = !name.is_empty()
            && is_tag
            && offer
                .tools
                .iter()
                .any(|tool| tool.name == name || tool.aliases.iter().any(|alias| alias == name));
        (known && !WRAPPERS.contains(&name)).then_some((at, name))
    })
}

/// `<F key="value"/>`.
fn attributes<'t>(text: &'t str, start: usize, name: &'t str) -> Option<Bare<'t>> {
    let mut cursor = Cursor::at(text, start + 1 + name.len());
    let mut fields = Vec::new();
    loop {
        cursor.space();
        if cursor.eat("/>") {
            break;
        }
        let key = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if key.is_empty() || !cursor.eat("=\"") {
            return None;
        }
        let value = cursor.until("\"")?;
        fields.push(Field {
            key,
            text: Cow::Borrowed(value),
            is_json: false,
        });
    }
    let raw = &text[start..cursor.place()];
    let found = draft(
        name,
        Given::Fields(fields),
        raw,
        Some(Doubt::markup("it is an element named like a tool")),
    );
    Some(Bare {
        said: &text[..start],
        found: vec![found],
        example: !cursor.rest().trim().is_empty(),
    })
}

/// The children of an element.
fn fields(inner: &str) -> Option<Vec<Field<'_>>> {
    let mut cursor = Cursor::new(inner);
    let mut fields = Vec::new();
    loop {
        cursor.space();
        if cursor.is_end() {
            return Some(fields);
        }
        if !cursor.eat("<") {
            return None;
        }
        let key = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if key.is_empty() || !cursor.eat(">") {
            return None;
        }
        let value = cursor.until(&format!("</{key}>"))?;
        let value = value.strip_prefix('\n').unwrap_or(value);
        fields.push(Field {
            key,
            text: Cow::Borrowed(value.strip_suffix('\n').unwrap_or(value)),
            is_json: false,
        });
    }
}
