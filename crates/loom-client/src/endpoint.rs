//! Where a service is found: the holder of a data directory publishes its address there, beside the
//! token, and both are for the owner's eyes only.

use serde::{Deserialize, Serialize};
use std::io::{self, Write as _};
use std::path::Path;

/// The file in the data directory that holds the token.
pub const TOKEN_FILE: &str = "token";

/// The file in the data directory that holds the address.
const PUBLISHED_FILE: &str = "server.json";

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

/// What the service of a data directory says of itself while it runs. It may be left over from one
/// that was killed: only an answer says that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its base address.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// Its build.
    pub version: String,
}

/// Why what was published could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A file cannot be read.
    #[error("read {file}")]
    Read {
        /// The file.
        file: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The address file holds something else.
    #[error("understand {file}")]
    Content {
        /// The file.
        file: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

impl Published {
    /// Says where a service is. Others read the old text or the new one, never a part.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, data_dir: &Path) -> io::Result<()> {
        // Made with mode 0600, which is what it keeps.
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.persist(data_dir.join(PUBLISHED_FILE))?;
        Ok(())
    }

    /// What is published in a data directory; none when nothing is.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, EndpointError> {
        let path = data_dir.join(PUBLISHED_FILE);
        let file = || path.display().to_string();
        match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(EndpointError::Read {
                file: file(),
                source,
            }),
            Ok(text) => {
                serde_json::from_slice(&text)
                    .map(Some)
                    .map_err(|source| EndpointError::Content {
                        file: file(),
                        source,
                    })
            }
        }
    }

    /// Takes it back, if it is still ours.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn withdraw(&self, data_dir: &Path) -> io::Result<()> {
        match Self::read(data_dir) {
            Ok(Some(there)) if there == *self => {}
            // Another one's, or gone.
            _ => return Ok(()),
        }
        match std::fs::remove_file(data_dir.join(PUBLISHED_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Endpoint {
    /// The service that a data directory names, with the token that is kept there.
    ///
    /// # Errors
    /// What is there cannot be read.
    pub fn published(data_dir: &Path) -> Result<Option<(Self, Published)>, EndpointError> {
        let Some(published) = Published::read(data_dir)? else {
            return Ok(None);
        };
        let path = data_dir.join(TOKEN_FILE);
        let token = match std::fs::read_to_string(&path) {
            Ok(token) => Some(token.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => {
                return Err(EndpointError::Read {
                    file: path.display().to_string(),
                    source,
                });
            }
        };
        let url = published.url.clone();
        Ok(Some((Self { url, token }, published)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn service(pid: u32) -> Published {
        Published {
            url: "http://127.0.0.1:9000".to_owned(),
            pid,
            version: "loom 0.1.0".to_owned(),
        }
    }

    #[test]
    fn what_is_published_is_found_with_its_token_and_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Endpoint::published(dir.path()).unwrap().is_none());
        service(7).write(dir.path()).unwrap();
        std::fs::write(dir.path().join(TOKEN_FILE), "secret\n").unwrap();
        let (endpoint, published) = Endpoint::published(dir.path()).unwrap().unwrap();
        assert_eq!(published, service(7));
        assert_eq!(endpoint.token.as_deref(), Some("secret"));
        let mode = std::fs::metadata(dir.path().join(PUBLISHED_FILE)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        assert!(!format!("{endpoint:?}").contains("secret"));
    }

    #[test]
    fn a_service_takes_back_only_its_own_address() {
        let dir = tempfile::tempdir().unwrap();
        service(7).write(dir.path()).unwrap();
        service(8).write(dir.path()).unwrap();
        service(7).withdraw(dir.path()).unwrap();
        assert_eq!(Published::read(dir.path()).unwrap(), Some(service(8)));
        service(8).withdraw(dir.path()).unwrap();
        assert_eq!(Published::read(dir.path()).unwrap(), None);
    }

    #[test]
    fn an_address_file_that_holds_something_else_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(PUBLISHED_FILE), "{").unwrap();
        let error = Published::read(dir.path()).unwrap_err();
        assert!(error.to_string().contains(PUBLISHED_FILE), "{error}");
    }
}
