//! Base64, as far as secrets are written in it.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The digits of the value wherever it stands in something that was encoded: one text for each of its
/// three places in a group, without the digits that depend on its neighbours.
pub(crate) fn inside(value: &[u8]) -> impl Iterator<Item = String> + '_ {
    (0..3).map(|place| {
        let mut bytes = vec![0; place];
        bytes.extend_from_slice(value);
        let digits = encode(&bytes);
        let first = (place * 8).div_ceil(6);
        let last = bytes.len() * 8 / 6;
        digits.get(first..last).unwrap_or_default().to_owned()
    })
}

/// Standard digits without padding.
fn encode(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or(0));
        }
        for at in 0..=group.len() {
            let digit = bits >> (18 - 6 * at) & 0b11_1111;
            digits.push(char::from(STANDARD[digit as usize]));
        }
    }
    digits
}

/// The bytes of standard digits; none where there are others.
pub(crate) fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for digit in digits.iter().take_while(|digit| **digit != b'=') {
        let value = STANDARD.iter().position(|known| known == digit)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_at_each_of_its_places() {
        let value = b"s3cr3t-value-9";
        let forms: Vec<String> = inside(value).collect();
        for (place, before) in ["", "x", "xy"].iter().enumerate() {
            for after in ["", "z", "zz"] {
                let whole = [before.as_bytes(), value, after.as_bytes()].concat();
                let digits = encode(&whole);
                assert!(digits.contains(&forms[place]), "{place} {after}: {digits}");
                assert_eq!(decode(digits.as_bytes()), Some(whole));
            }
        }
    }

    #[test]
    fn other_characters_are_no_digits() {
        assert_eq!(decode(b"a-b"), None);
        assert_eq!(decode(b"dXNlcjpwYXNz").as_deref(), Some(&b"user:pass"[..]));
    }
}
