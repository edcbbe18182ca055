//! Addresses with a password or a token before the host.

use crate::random::{is_random, stands_in};
use crate::rules::{URL_PASSWORD, URL_TOKEN};
use crate::span::Span;

/// Longest part before the host that is looked at.
const MAX: usize = 512;

/// Passwords that everybody knows, of examples and of databases on one's own machine.
const KNOWN: &[&str] = &[
    "admin", "guest", "mysql", "pass", "passwd", "password", "postgres", "pw", "pwd", "root",
    "secret", "test", "user",
];

/// What is secret in the address whose `://` is there.
pub(crate) fn find(text: &[u8], separator: usize) -> Option<Span<'static>> {
    let has_scheme = separator > 0 && text[separator - 1].is_ascii_alphanumeric();
    if !has_scheme {
        return None;
    }
    let start = separator + 3;
    let rest = text.get(start..)?;
    let rest = &rest[..rest.len().min(MAX)];
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace() || b"/?#\"'`<>\\[](){}|^".contains(byte) || !byte.is_ascii()
    };
    let authority = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    let user = &authority[..at];
    match user.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            let password = &user[colon + 1..];
            let known = KNOWN.iter().any(|known| known.as_bytes() == password);
            let variable = password.starts_with(b"$") || password.starts_with(b"%(");
            let same = *password == user[..colon];
            let shown = password.len() < 3 || known || variable || same || stands_in(password);
            (!shown).then_some(Span {
                start: start + colon + 1,
                end: start + at,
                kind: URL_PASSWORD,
            })
        }
        None => is_random(user).then_some(Span {
            start,
            end: start + at,
            kind: URL_TOKEN,
        }),
    }
}
