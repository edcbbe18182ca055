//! Private keys between `-----BEGIN …-----` and `-----END …-----`. Lines stay lines: a key may be shown
//! with numbers before its lines, or as a part of a difference.

use crate::rules::PRIVATE_KEY;
use crate::set::Set;
use crate::span::Span;

pub(crate) const BEGIN: &str = "-----BEGIN ";
pub(crate) const END: &str = "-----END ";

/// Longest line that begins one.
pub(crate) const MAX_HEADER: usize = 64;

/// How far a key reaches whose end is not shown: longer than any.
const MAX_OPEN: usize = 16 * 1024;

/// Shorter runs are words and numbers of lines; the last line of a key may be as short as it likes.
const MIN_RUN: usize = 16;

/// Whether the block that begins there is of a private key.
pub(crate) fn is_private(text: &[u8], begin: usize) -> bool {
    let rest = &text[begin + BEGIN.len()..];
    let header = &rest[..rest.len().min(MAX_HEADER)];
    let header = header
        .split(|byte| *byte == b'-')
        .next()
        .unwrap_or_default();
    header.windows(11).any(|part| part == b"PRIVATE KEY")
}

/// What is secret in a block. `end` is where its end line is, if it has one; `next` where another block
/// begins.
pub(crate) fn spans(
    text: &[u8],
    (begin, next): (usize, usize),
    end: Option<usize>,
    into: &mut Vec<Span<'_>>,
) {
    let after = begin + BEGIN.len();
    let rest = &text[after..];
    // Behind the name of the block and its dashes.
    let name = rest.iter().position(|byte| *byte == b'-').unwrap_or(0);
    let mut at = after + name;
    let stop = end.unwrap_or(text.len().min(begin + MAX_OPEN).min(next));
    let mut last: Option<Span<'_>> = None;
    while at < stop {
        // The `+` of a difference is no part of the key.
        if text[at] == b'+' && text[at - 1] == b'\n' {
            at += 1;
        }
        let run = Set::Base64.run(&text[..stop], at, usize::MAX);
        if run == 0 {
            at += 1;
            continue;
        }
        let span = Span {
            start: at,
            end: at + run,
            kind: PRIVATE_KEY,
        };
        at = span.end;
        if run >= MIN_RUN {
            into.push(span);
            last = None;
        } else if run >= 4 {
            last = Some(span);
        }
    }
    // The rest of a key before its end line.
    if end.is_some() {
        into.extend(last);
    }
}
