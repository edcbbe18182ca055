//! File names as text, without loss.
//!
//! Names are bytes; the journal and the model need text. Valid UTF-8 stays as it is; every other
//! byte becomes one character of a private range, and characters of that range that stand in a
//! name themselves are taken apart the same way, so that the way back is always the only one.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Byte `b` is written as the character `BASE + b`; only bytes from 0x80 on ever are, so neither
/// `/` nor `.` nor NUL can be smuggled in.
const BASE: u32 = 0xEF00;

/// First byte of every character that is escaped, or stands for an escaped byte.
const LEAD: u8 = 0xEE;

pub(crate) fn to_text(name: &OsStr) -> String {
    // Almost every name is text that needs no escape.
    if let Some(text) = name.to_str().filter(|text| is_plain(text)) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(name.len());
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if escaped(c).is_some() {
                let mut bytes = [0; 4];
                text.extend(c.encode_utf8(&mut bytes).bytes().map(escape));
            } else {
                text.push(c);
            }
        }
        text.extend(chunk.invalid().iter().copied().map(escape));
    }
    text
}

pub(crate) fn to_os(text: &str) -> OsString {
    as_os(text).into_owned()
}

/// As [`to_os`], without a copy where the text is the name.
pub(crate) fn as_os(text: &str) -> Cow<'_, OsStr> {
    if is_plain(text) {
        return Cow::Borrowed(OsStr::new(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match escaped(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(OsString::from_vec(bytes))
}

fn is_plain(text: &str) -> bool {
    !text.as_bytes().contains(&LEAD)
}

fn escape(byte: u8) -> char {
    char::from_u32(BASE + u32::from(byte)).expect("BUG: the private range holds every byte")
}

fn escaped(c: char) -> Option<u8> {
    u8::try_from(u32::from(c).checked_sub(BASE)?)
        .ok()
        .filter(|byte| *byte >= 0x80)
}

/// The directory of a recorded path and its last name; none for the root.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    match path.rsplit_once('/') {
        Some(parts) => Some(parts),
        None if path.is_empty() => None,
        None => Some(("", path)),
    }
}

/// A recorded path below a recorded directory.
pub(crate) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() {
        name.to_owned()
    } else {
        format!("{dir}/{name}")
    }
}

/// The recorded directories above a path, the nearest last; the root is not among them.
pub(crate) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Whether a recorded path lies below a recorded directory.
pub(crate) fn is_below(path: &str, dir: &str) -> bool {
    dir.is_empty()
        || path
            .strip_prefix(dir)
            .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_name_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let name = OsString::from_vec(bytes);
            prop_assert_eq!(to_os(&to_text(&name)), name);
        }

        #[test]
        fn text_never_becomes_a_separator(text in "\\PC{0,20}") {
            let slashes = |s: &[u8]| s.iter().filter(|b| matches!(b, b'/' | b'.' | 0)).count();
            prop_assert_eq!(slashes(to_os(&text).as_bytes()), slashes(text.as_bytes()));
        }
    }

    #[test]
    fn a_name_that_looks_escaped_comes_back() {
        let name = OsString::from("a\u{ef80}b\u{efff}");
        assert_eq!(to_os(&to_text(&name)), name);
        assert_eq!(to_text(OsStr::new("grün 🚀")), "grün 🚀");
    }

    #[test]
    fn paths_split_and_join() {
        assert_eq!(split("a/b/c"), Some(("a/b", "c")));
        assert_eq!(split("c"), Some(("", "c")));
        assert_eq!(split(""), None);
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(is_below("a/b", "a") && !is_below("ab", "a") && !is_below("a", "a"));
    }
}
