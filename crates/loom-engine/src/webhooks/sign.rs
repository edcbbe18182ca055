//! The signature of a message: HMAC-SHA256 over its time stamp and its body.

use ring::hmac;
use std::fmt::Write as _;

/// A secret that is shared with receivers. It is not shown.
#[derive(Clone)]
pub(super) struct Key(hmac::Key);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Key {
    pub(super) fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// `sha256=` and the digits of the HMAC of `TIMESTAMP.BODY`. The time stamp is a part of it, so that
    /// an old message cannot be sent again as a new one.
    pub(super) fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(timestamp.as_bytes());
        context.update(b".");
        context.update(body);
        let tag = context.sign();
        let digits = tag.as_ref().iter();
        digits.fold("sha256=".to_owned(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("BUG: text can be written to a string");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_signature_that_others_compute() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let signed = Key::new("0123456789abcdef").sign("1700000000", br#"{"a":1}"#);
        assert_eq!(
            signed,
            "sha256=9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23"
        );
        assert!(!format!("{:?}", Key::new("0123456789abcdef")).contains("0123"));
    }
}
