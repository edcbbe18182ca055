//! Names that say that what they stand for is secret.

/// Whether a variable is called like one that holds a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "CREDENTIAL",
        "API_KEY",
        "APIKEY",
        "PRIVATE_KEY",
        "ACCESS_KEY",
    ];
    let upper = name.to_uppercase();
    PARTS.iter().any(|part| upper.contains(part))
}

/// Whether a variable with such a name holds the secret itself, not where it is or how long.
pub(crate) fn holds_it(name: &str) -> bool {
    const ABOUT: &[&str] = &[
        "FILE", "PATH", "DIR", "URL", "NAME", "ID", "LIFETIME", "TTL", "TYPE", "LIMIT", "MAX",
    ];
    let upper = name.to_uppercase();
    let last = upper.rsplit('_').next().unwrap_or_default();
    is_secret_name(name) && !ABOUT.contains(&last)
}
