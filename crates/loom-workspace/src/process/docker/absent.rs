//! The sandbox in a build without containers: it can be named, and never made.

use super::super::{CommandSpec, Finished, RunError};
use super::{DockerError, DockerSettings};
use std::convert::Infallible;
use tokio_util::sync::CancellationToken;

/// An engine and an image. This build cannot use them: the feature `docker` is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerSandbox(Infallible);

impl DockerSandbox {
    /// Never succeeds in this build.
    ///
    /// # Errors
    /// Always [`DockerError::NotBuiltIn`].
    pub const fn connect(_settings: &DockerSettings) -> Result<Self, DockerError> {
        Err(DockerError::NotBuiltIn)
    }

    /// What is used, in words.
    #[must_use]
    pub const fn describe(&self) -> String {
        match self.0 {}
    }

    /// Removes what a crash has left.
    ///
    /// # Errors
    /// None: there is no such value.
    pub async fn remove_labelled(&self, _prefix: &str) -> Result<usize, DockerError> {
        match self.0 {}
    }

    pub(in crate::process) async fn run(
        &self,
        _spec: &CommandSpec,
        _cancel: &CancellationToken,
    ) -> Result<Finished, RunError> {
        match self.0 {}
    }
}
