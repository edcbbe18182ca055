//! Which files usually hold secrets, by name.

/// Files with keys or passwords.
const FILES: &[&str] = &[
    ".env",
    ".envrc",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "authorized_keys",
    "credentials",
    "credentials.json",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "service-account.json",
];

/// Directories in which everything is a secret.
const DIRECTORIES: &[&str] = &[".aws", ".gnupg", ".kube", ".ssh"];

/// What a key file is called at the end.
const ENDINGS: &[&str] = &[".kdbx", ".key", ".p12", ".pem", ".pfx", ".keystore", ".jks"];

/// Endings of files that only show what a secret file looks like.
const SAMPLES: &[&str] = &[
    "example", "sample", "template", "dist", "default", "pub", "test",
];

/// Whether a file by this name usually holds secrets.
pub(crate) fn is_secret(path: &str) -> bool {
    let folded = path.trim_end_matches('/').to_lowercase();
    let mut names = folded.rsplit('/');
    let last = names.next().unwrap_or_default();
    if SAMPLES
        .iter()
        .any(|sample| last.rsplit('.').next() == Some(sample))
    {
        return false;
    }
    let variant = last.strip_prefix(".env.").is_some();
    variant
        || FILES.contains(&last)
        || ENDINGS.iter().any(|ending| last.ends_with(ending))
        || DIRECTORIES.contains(&last)
        || names.any(|name| DIRECTORIES.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for path in [
            ".env",
            "app/.env",
            ".env.production",
            "certs/server.key",
            "a/.ssh/config",
            ".AWS/credentials",
            "deploy/id_ed25519",
        ] {
            assert!(is_secret(path), "{path}");
        }
    }

    #[test]
    fn samples_and_sources_are_no_secrets() {
        for path in [
            ".env.example",
            "src/env.rs",
            "environment.yml",
            "id_ed25519.pub",
            "src/credentials.rs",
            "keyboard.rs",
            ".env.test",
        ] {
            assert!(!is_secret(path), "{path}");
        }
    }
}
