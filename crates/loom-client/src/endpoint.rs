//! Where a service is, and what opens it.

/// The file in the data directory that holds the token.
pub const TOKEN_FILE: &str = "token";

/// Where a service is, and what opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its base address, such as `http://127.0.0.1:9000`.
    pub url: String,
    /// The bearer token; none for a service that asks for none.
    pub token: Option<String>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "…");
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("token", &token)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let endpoint = Endpoint {
            url: "http://127.0.0.1:9000".to_owned(),
            token: Some("secret".to_owned()),
        };
        assert!(!format!("{endpoint:?}").contains("secret"));
    }
}
