//! Why a request was not answered as asked.

use crate::wire::Problem;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers, or the answer broke off.
    #[error("reach the service at {url}")]
    Unreachable {
        /// Its address.
        url: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// Somebody takes the connection and says nothing.
    #[error("wait for an answer of the service at {url}: none comes")]
    Silent {
        /// Its address.
        url: String,
    },
    /// The service refused, and says why.
    #[error("{problem}")]
    Refused {
        /// Status of the answer.
        status: u16,
        /// What it says.
        problem: Problem,
    },
    /// The answer is not one of this API: something else listens there, or it is another version.
    #[error("understand the answer of {url}: {what}")]
    Strange {
        /// The address.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// The address is none.
    #[error("use `{url}` as the address of a service: {what}")]
    Address {
        /// As given.
        url: String,
        /// What is wrong with it.
        what: String,
    },
}

impl ClientError {
    /// The word for programs, when the service gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { problem, .. } => Some(&problem.error),
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::Strange { .. }
            | Self::Address { .. } => None,
        }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Refused { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            Self::Strange { .. } | Self::Address { .. } => false,
        }
    }
}
