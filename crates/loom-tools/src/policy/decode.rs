//! Encodings in which a line may hide what it runs.

/// Longest text that is decoded; what is longer is not a command line.
const MAX_TEXT: usize = 64 << 10;

/// Base64, white space ignored; none when it is anything else.
pub(super) fn base64(text: &str) -> Option<String> {
    let mut bits = 0_u32;
    let mut held = 0_u32;
    let mut bytes = Vec::new();
    for c in text
        .bytes()
        .take(MAX_TEXT)
        .filter(|c| !c.is_ascii_whitespace())
    {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(((held >> bits) & 0xff) as u8);
        }
    }
    readable(bytes)
}

/// Pairs of hexadecimal digits.
pub(super) fn hex(text: &str) -> Option<String> {
    let digits: Vec<u32> = text
        .chars()
        .take(MAX_TEXT)
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair.get(1)?).ok();
    readable(digits.chunks(2).map(byte).collect::<Option<_>>()?)
}

/// Escapes as `$'…'`, `printf` and `echo -e` know them.
pub(super) fn escapes(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            decoded.push(c);
            continue;
        }
        let Some(escape) = chars.next() else {
            decoded.push('\\');
            break;
        };
        let (radix, most) = match escape {
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => (8, 3),
            other => {
                match other {
                    'n' => decoded.push('\n'),
                    't' => decoded.push('\t'),
                    'r' => decoded.push('\r'),
                    'a' | 'b' | 'f' | 'v' | 'e' | 'E' => decoded.push('\u{1b}'),
                    '\\' | '\'' | '"' | '?' => decoded.push(other),
                    other => decoded.extend(['\\', other]),
                }
                continue;
            }
        };
        let mut number = if radix == 8 {
            escape.to_digit(8).unwrap_or(0)
        } else {
            0
        };
        let mut taken = usize::from(radix == 8);
        while let Some(digit) = chars
            .peek()
            .and_then(|c| c.to_digit(radix))
            .filter(|_| taken < most)
        {
            number = number.saturating_mul(radix).saturating_add(digit);
            taken += 1;
            chars.next();
        }
        decoded.push(char::from_u32(number).unwrap_or('\u{fffd}'));
    }
    decoded
}

fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let is_text = |c: char| !c.is_control() || c.is_whitespace();
    (!text.is_empty() && text.chars().all(is_text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read() {
        assert_eq!(base64("aGVsbG8gd29ybGQ=").as_deref(), Some("hello world"));
        assert_eq!(base64("not base64!"), None);
        assert_eq!(hex("68 65 6c6c6f").as_deref(), Some("hello"));
        assert_eq!(hex("zz"), None);
        assert_eq!(hex("abc"), None);
        assert_eq!(escapes(r"\x68\145l\u006co\n\\"), "hello\n\\");
    }
}
