//! Where secrets are in a text.

use crate::rules::{ASSIGNED, AUTHORIZATION, URL_PASSWORD, URL_TOKEN};

/// A part of a text that is not to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<'a> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What it is, as the mark in its place says.
    pub(crate) kind: &'a str,
}

/// Kinds that say where a secret stood, and not what it is.
fn is_general(kind: &str) -> bool {
    [ASSIGNED, AUTHORIZATION, URL_PASSWORD, URL_TOKEN].contains(&kind)
}

/// The spans in order, those that overlap as one: of a secret nothing may be left.
pub(crate) fn merged(mut spans: Vec<Span<'_>>) -> Vec<Span<'_>> {
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    let mut merged: Vec<Span<'_>> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => {
                last.end = last.end.max(span.end);
                if is_general(last.kind) {
                    last.kind = span.kind;
                }
            }
            _ => merged.push(span),
        }
    }
    merged
}
