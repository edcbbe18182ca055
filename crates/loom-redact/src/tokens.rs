//! Tokens that are known by how they begin: those of the rows, JSON web tokens, bots of Telegram.

use crate::random::{is_random, stands_in};
use crate::rules::{JWT, Rule, TELEGRAM};
use crate::set::Set;
use crate::span::Span;

/// Longest token, and longest first and second part of a web token.
const MAX: usize = 2_048;
const MAX_HEAD: usize = 1_024;
const MAX_BODY: usize = 8_192;

/// A token of a row that begins there.
pub(crate) fn of_rule(rule: &Rule, text: &[u8], start: usize) -> Option<Span<'static>> {
    if !begins_word(text, start) {
        return None;
    }
    let body = start + rule.start.len();
    let mut end = body + rule.set.run(text, body, rule.max.min(MAX) + 1);
    // A full stop or a dash at the end is of the sentence.
    while end > body && matches!(text[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let value = &text[body..end];
    if !(rule.min..=rule.max.min(MAX)).contains(&value.len()) {
        return None;
    }
    let ends = text.get(end).is_none_or(|next| !Set::Alnum.holds(*next));
    let meant = !stands_in(value) && (!rule.random || is_random(value));
    (ends && meant).then_some(Span {
        start,
        end,
        kind: rule.kind,
    })
}

/// Three parts of base64 with dots between, the first two of which are JSON objects.
pub(crate) fn web_token(text: &[u8], start: usize) -> Option<Span<'static>> {
    if !begins_word(text, start) {
        return None;
    }
    let part = |from: usize, most: usize| {
        let length = Set::Token.run(text, from, most + 1);
        (length <= most).then(|| &text[from..from + length])
    };
    let head = part(start, MAX_HEAD).filter(|head| head.len() >= 10)?;
    let body_at = start + head.len() + 1;
    let is_object = |at| {
        let begins = |with: &[u8]| text.get(at..).is_some_and(|rest| rest.starts_with(with));
        begins(b"eyJ") || begins(b"ewog")
    };
    if text.get(body_at - 1) != Some(&b'.') || !is_object(body_at) {
        return None;
    }
    let body = part(body_at, MAX_BODY).filter(|body| body.len() >= 10)?;
    let signature_at = body_at + body.len() + 1;
    if text.get(signature_at - 1) != Some(&b'.') {
        return None;
    }
    let signature = part(signature_at, MAX)?;
    let end = signature_at + signature.len();
    if signature.len() < 16 {
        return None;
    }
    Some(Span {
        start,
        end,
        kind: JWT,
    })
}

/// `123456789:AA…` where `colon` is.
pub(crate) fn telegram(text: &[u8], colon: usize) -> Option<Span<'static>> {
    const LENGTH: usize = 35;
    let before = text[..colon].iter().rev();
    let digits = before
        .take(11)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let start = colon - digits;
    let run = Set::Token.run(text, colon + 1, LENGTH + 1);
    let is_one = (8..=10).contains(&digits) && run == LENGTH && begins_word(text, start);
    is_one.then_some(Span {
        start,
        end: colon + 1 + LENGTH,
        kind: TELEGRAM,
    })
}

/// Whether something that is no letter or digit stands before; `\n` in a text within a text is none.
fn begins_word(text: &[u8], start: usize) -> bool {
    match text[..start] {
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., before] => !before.is_ascii_alphanumeric(),
        [] => true,
    }
}
