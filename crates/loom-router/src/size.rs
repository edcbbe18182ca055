//! The number of parameters, as servers write it.

/// The number in words such as `8.0B`, `7B` or `360M`.
pub(crate) fn parameters(words: &str) -> Option<u64> {
    let words = words.trim();
    let unit = match words.chars().last()?.to_ascii_lowercase() {
        'b' => 1e9,
        'm' => 1e6,
        'k' => 1e3,
        _ => return None,
    };
    let number: f64 = words[..words.len() - 1].trim().parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and a size is only compared with others"
    )]
    let count = (number * unit).round() as u64;
    Some(count).filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_servers_write_them() {
        assert_eq!(parameters("8.0B"), Some(8_000_000_000));
        assert_eq!(parameters("360M"), Some(360_000_000));
        for words in ["", "large", "B", "-1B", "ä"] {
            assert_eq!(parameters(words), None, "{words}");
        }
    }
}
