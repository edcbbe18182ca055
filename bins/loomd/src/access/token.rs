//! The token file, and whose token one is.
//!
//! One secret is kept, readable by its owner only. The tokens of narrower scopes are derived from it
//! by a one-way function: they need no file of their own, they cannot be turned back into it, and a
//! new secret replaces all of them.

use super::Scope;
use loom_client::TOKEN_FILE;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Random bytes of a secret: nobody guesses 256 bits.
const SECRET_BYTES: usize = 32;

/// Shortest secret taken from a file. A person may put one there, but not "1234".
const SHORTEST: usize = 32;

/// Longest secret read: a file that somebody else put there must not be read into memory whole.
const LONGEST: u64 = 512;

/// The tokens of one service.
#[derive(Clone)]
pub struct Tokens {
    by_scope: [(Scope, Token); 3],
}

#[derive(Clone)]
struct Token {
    text: String,
    /// Compared instead of the text: `blake3::Hash` compares in constant time, and hashing what was
    /// presented takes as long for a wrong token as for a right one.
    hash: blake3::Hash,
}

/// A token file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read or made.
    #[error("use the token file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What is in it is no secret.
    #[error(
        "use the token file {}: it must hold one line of at least {SHORTEST} letters, digits and punctuation; remove it, and a new one is made",
        path.display()
    )]
    NoSecret {
        /// The file.
        path: PathBuf,
    },
    /// There is no randomness.
    #[error("make a token: {0}")]
    Random(String),
}

impl Tokens {
    /// The tokens of a data directory; the first start makes them.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn of(data_dir: &Path) -> Result<Self, TokenError> {
        let path = data_dir.join(TOKEN_FILE);
        let failed = |source| TokenError::Io {
            path: path.clone(),
            source,
        };
        match read(&path).map_err(failed)? {
            Some(text) => {
                let secret = text.trim();
                let usable =
                    secret.len() >= SHORTEST && secret.bytes().all(|b| b.is_ascii_graphic());
                match usable {
                    true => Ok(Self::from_secret(secret)),
                    false => Err(TokenError::NoSecret { path: path.clone() }),
                }
            }
            None => {
                let tokens = Self::fresh()?;
                make(&path, tokens.owner()).map_err(failed)?;
                Ok(tokens)
            }
        }
    }

    /// New tokens that are kept nowhere, for a service that only its own process knows of.
    ///
    /// # Errors
    /// [`TokenError::Random`].
    pub fn fresh() -> Result<Self, TokenError> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| TokenError::Random(error.to_string()))?;
        let hash = blake3::Hash::from_bytes(bytes);
        Ok(Self::from_secret(&format!("loom_{}", hash.to_hex())))
    }

    fn from_secret(secret: &str) -> Self {
        let derived = |scope: Scope| {
            let context = format!("loom 2026 token {}", scope.name());
            let key = blake3::Hash::from_bytes(blake3::derive_key(&context, secret.as_bytes()));
            Token::new(format!("loom_{}_{}", scope.name(), key.to_hex()))
        };
        Self {
            by_scope: [
                (Scope::Owner, Token::new(secret.to_owned())),
                (Scope::Agent, derived(Scope::Agent)),
                (Scope::Reader, derived(Scope::Reader)),
            ],
        }
    }

    /// The token that may do everything.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.scoped(Scope::Owner)
    }

    /// The token of a scope.
    #[must_use]
    pub fn scoped(&self, scope: Scope) -> &str {
        let found = self.by_scope.iter().find(|(of, _)| *of == scope);
        found.map_or("", |(_, token)| &token.text)
    }

    /// Whose token this is. Every one is compared, whatever the first comparison says.
    #[must_use]
    pub fn scope_of(&self, presented: &str) -> Option<Scope> {
        let hash = blake3::hash(presented.as_bytes());
        let matches = self.by_scope.iter().filter(|(_, token)| token.hash == hash);
        matches.fold(None, |_, (scope, _)| Some(*scope))
    }
}

impl Token {
    fn new(text: String) -> Self {
        let hash = blake3::hash(text.as_bytes());
        Self { text, hash }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// The content of the file, after it was made private where it was not; none when there is no file.
fn read(path: &Path) -> io::Result<Option<String>> {
    // A symlink or a pipe that somebody put there is not followed and not waited for.
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(io::Error::other)?;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if about.mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the token file was readable by others; it is private now");
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    let mut text = String::new();
    (&file).take(LONGEST).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Makes the file whole or not at all: a crash in between must not leave half a token.
fn make(path: &Path, secret: &str) -> io::Result<()> {
    let half = path.with_extension("new");
    match std::fs::remove_file(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&half)?;
    file.write_all(format!("{secret}\n").as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&half, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_private_file_and_later_ones_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Tokens::of(dir.path()).unwrap();
        let mode = std::fs::metadata(dir.path().join(TOKEN_FILE))
            .unwrap()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = Tokens::of(dir.path()).unwrap();
        for scope in [Scope::Owner, Scope::Agent, Scope::Reader] {
            assert_eq!(again.scoped(scope), first.scoped(scope));
            assert_eq!(again.scope_of(first.scoped(scope)), Some(scope));
        }
        assert_ne!(first.owner(), Tokens::fresh().unwrap().owner());
    }

    #[test]
    fn what_is_not_a_token_is_nobodys() {
        let tokens = Tokens::fresh().unwrap();
        let owner = tokens.owner();
        for wrong in [
            "",
            "loom_",
            &owner[1..],
            &format!("{owner} "),
            &owner.to_uppercase(),
        ] {
            assert_eq!(tokens.scope_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_made_private_and_a_weak_secret_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TOKEN_FILE);
        std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let tokens = Tokens::of(dir.path()).unwrap();
        assert_eq!(tokens.owner(), "0123456789abcdef0123456789abcdef");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);

        std::fs::write(&path, "secret\n").unwrap();
        let refused = Tokens::of(dir.path()).unwrap_err();
        assert!(matches!(refused, TokenError::NoSecret { .. }));
        assert!(!refused.to_string().contains("secret\n"));
    }

    #[test]
    fn a_link_in_the_place_of_the_token_file_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = dir.path().join("elsewhere");
        std::fs::write(&elsewhere, "0123456789abcdef0123456789abcdef").unwrap();
        std::os::unix::fs::symlink(&elsewhere, dir.path().join(TOKEN_FILE)).unwrap();
        assert!(matches!(Tokens::of(dir.path()), Err(TokenError::Io { .. })));
    }
}
