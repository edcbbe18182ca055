//! Why Loom cannot be set up. Nothing was begun then, and the user can do something about it.

use crate::fault::chain;
use std::error::Error;
use std::fmt;

/// What is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupError {
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl SetupError {
    /// An error in these words.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// An error with its causes.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        Self::new(chain(error))
    }

    /// An error whose words continue "cannot".
    #[must_use]
    pub fn cannot(error: &(dyn Error + 'static)) -> Self {
        Self::new(format!("cannot {}", chain(error)))
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
