//! Whether a value was drawn and not written: what people write changes the kind of its characters
//! seldom, and repeats itself.

use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Shorter values are too often words to be judged by their characters.
const MIN: usize = 16;

/// Longer values are data: an image, a certificate, a text.
const MAX: usize = 1_024;

/// Words that stand where a secret is to be put.
const STAND_INS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "replace",
    "dummy",
    "your-",
    "your_",
    "xxxx",
    "****",
    "....",
    "0000000000",
    "<",
    "${",
    "{{",
    "$(",
    "%(",
    "://",
];

static STANDING_IN: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(STAND_INS)
        .expect("BUG: the words are constants")
});

/// Whether a value looks drawn at random. What costs least is asked first: text can be made of such
/// values.
pub(crate) fn is_random(value: &[u8]) -> bool {
    if !(MIN..=MAX).contains(&value.len()) {
        return false;
    }
    let digits = value.iter().any(u8::is_ascii_digit);
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    if !letters || value.iter().any(u8::is_ascii_whitespace) {
        return false;
    }
    // Of drawn letters and digits every second one is of another kind than the one before; of a name
    // with a number in it one of ten. Without a digit it has to be surer.
    let wanted = if digits { 22 } else { 40 };
    if changes(value) * 100 < wanted * (value.len() - 1) {
        return false;
    }
    let hex = value.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    let least = match (hex, value.len()) {
        (true, _) => 2.6,
        (false, ..24) => 3.0,
        (false, _) => 3.4,
    };
    entropy(value) >= least && !names_an_algorithm(value) && !stands_in(value)
}

/// Whether it stands for a secret that somebody is to put there, or names where one is.
pub(crate) fn stands_in(value: &[u8]) -> bool {
    STANDING_IN.is_match(value)
}

/// `sha256:…` and its like are of something that is not secret.
fn names_an_algorithm(value: &[u8]) -> bool {
    let names = ["sha1", "sha2", "sha3", "sha5", "md5", "blake", "h1:"];
    names.iter().any(|name| {
        let start = value.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// How often a character is of another kind than the one before, where the dashes and dots between
/// words do not count.
fn changes(value: &[u8]) -> usize {
    let kind = |byte: &u8| match byte {
        b'0'..=b'9' => Some(0),
        b'a'..=b'z' => Some(1),
        b'A'..=b'Z' => Some(2),
        b'_' | b'-' | b'.' | b':' | b'/' => None,
        _ => Some(3),
    };
    let mut kinds = value.iter().filter_map(kind);
    let mut last = kinds.next();
    kinds
        .filter(|kind| last.replace(*kind) != Some(*kind))
        .count()
}

/// Bits a character, by how often each one is there.
fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    let all = f64::from(u32::try_from(value.len()).unwrap_or(u32::MAX));
    let share = |count: u32| f64::from(count) / all;
    let bits = |count: u32| -share(count) * share(count).log2();
    counts.iter().filter(|c| **c > 0).map(|c| bits(*c)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_values_are_random_and_written_ones_are_not() {
        for drawn in [
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzA9sQpLmN2",
            "9f86d081884c7d659a2feaa0c55ad015",
            "aB3xK9mQ2pL7vR4t",
            "550e8400-e29b-41d4-a716-446655440000",
            "Tq7!zR$2mW@9xK#4",
        ] {
            assert!(is_random(drawn.as_bytes()), "{drawn}");
        }
        for written in [
            "password123",
            "my_super_secret_password1",
            "test-token-for-user-1",
            "process.env.API_KEY_V2",
            "correct-horse-battery-staple",
            "com.example.auth.Token2Factory",
            "src/auth/token_store_v2.rs",
            "20240101000000000000",
            "sha256:9f86d081884c7d659a2feaa0c55ad015",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "${SECRET_9f86d081884c7d659a2f}",
        ] {
            assert!(!is_random(written.as_bytes()), "{written}");
        }
    }
}
