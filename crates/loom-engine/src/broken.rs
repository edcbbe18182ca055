//! What ends an effect early: a failure of the world, with its class.

use loom_events::{Failure, FailureClass};

/// The effect cannot go on; becomes its outcome.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(crate) struct Broken(pub(crate) Failure);

impl Broken {
    pub(crate) fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self(Failure {
            class,
            message: message.into(),
            retry_after_ms: None,
        })
    }

    /// The machine's fault, with the whole chain of causes.
    pub(crate) fn environment(what: &str, error: &dyn std::error::Error) -> Self {
        Self::new(
            FailureClass::Environment,
            format!("{what}: {}", chain(error)),
        )
    }

    /// Ours: stored data that is not what was written.
    pub(crate) fn damaged(what: &str) -> Self {
        Self::new(
            FailureClass::Environment,
            format!("the journal names {what}, which is not there: restore the data directory"),
        )
    }
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}
