//! Values that are given to names of secrets: `API_KEY=…`, `"password": "…"`, `--token …`,
//! `Authorization: Bearer …`. Only what looks drawn at random counts; see [`crate::random`].

use crate::base64::decode;
use crate::random::{is_random, stands_in};
use crate::rules::{ASSIGNED, AUTHORIZATION};
use crate::set::Set;
use crate::span::Span;

/// Longest part of a name before or after the word that is looked for.
const MAX_NAME: usize = 64;

/// Most characters between a name and its value.
const MAX_GAP: usize = 12;

/// Longest type between a name and its value: `API_KEY: &'static str = "…"`.
const MAX_TYPE: usize = 32;

/// Longest value that is looked at.
const MAX_VALUE: usize = 1_100;

/// What may stand in a name behind the word that says that it is secret.
const ENDINGS: &[&str] = &[
    "",
    "s",
    "key",
    "keys",
    "keybase",
    "value",
    "string",
    "base64",
    "b64",
    "prod",
    "production",
    "dev",
    "staging",
    "live",
    "test",
    "main",
    "old",
    "new",
    "primary",
    "secondary",
    "header",
];

/// Words before a credential, in the header and wherever it is copied to.
const SCHEMES: &[&str] = &["bearer ", "basic ", "token ", "bot ", "apikey "];

/// What ends a value, quoted or not, by byte.
static QUOTED_ENDS: [bool; 256] = table(b" \t\n\r\x0b\x0c\"'`\\");
static ENDS: [bool; 256] = table(b" \t\n\r\x0b\x0c\"'`\\,;&()[]{}<>|");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// The value of the name in which the word was found at `start..end`.
pub(crate) fn find(text: &[u8], start: usize, end: usize) -> Option<Span<'static>> {
    let before = text[..start].iter().rev().take(MAX_NAME);
    let name_start = start - before.take_while(|byte| Set::Dotted.holds(**byte)).count();
    let after = text[end..].iter().take(MAX_NAME);
    let name_end = end + after.take_while(|byte| Set::Dotted.holds(**byte)).count();
    let ending: String = text[end..name_end]
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let name = text[name_start..name_end].to_ascii_lowercase();
    if !ENDINGS.contains(&ending.as_str()) || name.windows(6).any(|part| part == b"public") {
        return None;
    }
    let is_flag = name.starts_with(b"-");
    let value = gap(text, name_end, is_flag)?;
    let header = name.ends_with(b"authorization");
    value_at(text, value, if header { AUTHORIZATION } else { ASSIGNED })
}

/// A credential behind the word `bearer`, wherever it stands.
pub(crate) fn bearer(text: &[u8], end: usize) -> Option<Span<'static>> {
    let spaces = spaces(text, end);
    let at = end + spaces;
    (spaces > 0)
        .then(|| value_at(text, at, AUTHORIZATION))
        .flatten()
}

/// Where the value begins that belongs to a name which ends there.
fn gap(text: &[u8], name_end: usize, is_flag: bool) -> Option<usize> {
    let rest = text.get(name_end..)?;
    let is_gap = |byte: &u8| b" \t=:>|?~\"'`\\]),(".contains(byte);
    let length = rest.iter().take(MAX_GAP).take_while(|b| is_gap(b)).count();
    let gap = &rest[..length];
    let joins = gap.iter().any(|byte| b"=:>|,(".contains(byte));
    let next = name_end + length;
    if !joins {
        let spaced = is_flag && !gap.is_empty() && gap.iter().all(|b| matches!(b, b' ' | b'\t'));
        return spaced.then_some(next);
    }
    // What is called with the value, or stands in a list with it, must be quoted.
    let quoted = gap.last().is_some_and(|last| b"\"'`".contains(last));
    if gap.iter().any(|byte| b",(".contains(byte)) && !quoted {
        return None;
    }
    if !quoted && let Some(typed) = behind_type(text, next) {
        return Some(typed);
    }
    Some(next)
}

/// Behind a type and its `=`, when that is what stands there.
fn behind_type(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let of_type = |byte: &u8| byte.is_ascii_alphanumeric() || b"_&'<>:[]*? ".contains(byte);
    let length = rest
        .iter()
        .take(MAX_TYPE)
        .take_while(|b| of_type(b))
        .count();
    let is_equals = rest.get(length) == Some(&b'=');
    let value = length + 1 + spaces(rest, length + 1);
    let quote = rest.get(value).filter(|byte| b"\"'`".contains(byte))?;
    is_equals.then(|| at + value + usize::from(*quote != 0))
}

fn spaces(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.iter()
        .take(4)
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count()
}

/// The value at a place, if it is a secret.
fn value_at(text: &[u8], at: usize, kind: &'static str) -> Option<Span<'static>> {
    let (at, scheme) = behind_scheme(text, at);
    let quoted = at > 0 && b"\"'`".contains(&text[at - 1]);
    let rest = text.get(at..)?;
    let rest = &rest[..rest.len().min(MAX_VALUE)];
    let ends = if quoted { &QUOTED_ENDS } else { &ENDS };
    let ends = |byte: &u8| ends[usize::from(*byte)];
    let mut length = rest.iter().position(ends).unwrap_or(rest.len());
    // An expression, but for the end of an element.
    let after = rest.get(length..).unwrap_or_default();
    let expression = after.first().is_some_and(|next| b"([{<".contains(next));
    if !quoted && expression && !after.starts_with(b"</") {
        return None;
    }
    if !quoted {
        while length > 0 && b".:!?*".contains(&rest[length - 1]) {
            length -= 1;
        }
    }
    let value = &rest[..length];
    let expression = value.starts_with(b"$") || value.starts_with(b"/") || value.starts_with(b"~/");
    let secret = match scheme {
        Some("basic ") => is_basic(value),
        _ => !expression && !stands_in(value) && is_random(value),
    };
    secret.then_some(Span {
        start: at,
        end: at + length,
        kind,
    })
}

/// Behind the word before a credential, if there is one.
fn behind_scheme(text: &[u8], at: usize) -> (usize, Option<&'static str>) {
    let rest = text.get(at..).unwrap_or_default();
    let found = SCHEMES.iter().find(|scheme| {
        let start = rest.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    });
    match found {
        Some(scheme) => (at + scheme.len(), Some(scheme)),
        None => (at, None),
    }
}

/// Base64 of a name and a password.
fn is_basic(value: &[u8]) -> bool {
    let decoded = (value.len() >= 8).then(|| decode(value)).flatten();
    decoded.is_some_and(|decoded| decoded.contains(&b':') && decoded.is_ascii())
}
