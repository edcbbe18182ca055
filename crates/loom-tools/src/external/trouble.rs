//! What went wrong on a connection, in words for people.
//!
//! A failure comes back through several layers of the protocol, and what arrives at the caller says
//! that something failed. Whoever sees the cause notes it here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The last thing that went wrong.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    last: Mutex<Option<String>>,
    denied: AtomicBool,
}

impl Trouble {
    pub(super) fn note(&self, what: impl Into<String>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.into());
    }

    /// Forgets it: something new begins.
    pub(super) fn clear(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn told(&self) -> Option<String> {
        let told = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone()
    }

    /// The server does not let us in: nothing is gained by asking otherwise.
    pub(super) fn deny(&self) {
        self.denied.store(true, Ordering::Release);
    }

    pub(super) fn is_denied(&self) -> bool {
        self.denied.load(Ordering::Acquire)
    }
}
