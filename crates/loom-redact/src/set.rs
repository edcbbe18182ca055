//! The characters that tokens are made of.

/// A set of bytes, all of them ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// `0-9 a-f A-F`.
    Hex,
    /// `0-9 A-Z`.
    Upper,
    /// `0-9 A-Z a-z`.
    Alnum,
    /// With `_`.
    Word,
    /// With `_` and `-`.
    Token,
    /// With `_`, `-` and `.`.
    Dotted,
    /// With `/`, `+` and `=`.
    Base64,
    /// With `/`, `_` and `-`.
    Path,
    /// With `%`, `/`, `+`, `=`, `_` and `-`: a value of a query.
    Query,
}

impl Set {
    pub(crate) const fn holds(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Token => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'='),
            Self::Path => byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-'),
            Self::Query => {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'%' | b'/' | b'+' | b'=' | b'_' | b'-')
            }
        }
    }

    /// How many bytes of the set follow from there, counted up to `most`: what is longer is looked at in
    /// vain, and from every place in it.
    pub(crate) fn run(self, text: &[u8], from: usize, most: usize) -> usize {
        let rest = text.get(from..).unwrap_or_default();
        let rest = &rest[..rest.len().min(most)];
        let end = rest.iter().position(|byte| !self.holds(*byte));
        end.unwrap_or(rest.len())
    }
}
