//! Asking by role: the best model that can be asked now, another one when it fails, and word of it.

use crate::{CallError, ChatReply, ChatRequest, Delta, DeltaSink, NoModel, Router, Tried};
use loom_events::{Failure, Role, Tier};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// An answer of whichever model of a role could give one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleReply {
    /// The reply; it names its model.
    pub reply: ChatReply,
    /// The tier of that model.
    pub tier: Tier,
    /// Fallbacks taken, such as another model; the caller records each as `degraded`.
    pub degraded: Vec<String>,
}

/// Why no model of a role gave an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoleError {
    /// The call failed in a way that another model does not help with.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no model to ask, or none is left.
    #[error(transparent)]
    NoModel(#[from] NoModel),
}

impl RoleError {
    /// The failure as it is journaled.
    #[must_use]
    pub fn to_failure(&self) -> Failure {
        match self {
            Self::Call(error) => error.to_failure(),
            Self::NoModel(error) => error.to_failure(),
        }
    }
}

impl Router {
    /// Asks a model of the role, and the next one when that fails in a way that another model may
    /// not. Once something was delivered nobody else is asked: it would be said twice.
    ///
    /// # Errors
    /// See [`RoleError`].
    pub async fn chat_for(
        &self,
        role: Role,
        min_tier: Tier,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
        cancel: &CancellationToken,
    ) -> Result<RoleReply, RoleError> {
        let request = ChatRequest {
            role: Some(request.role.unwrap_or(role)),
            ..request.clone()
        };
        let mut tried: Vec<Tried> = Vec::new();
        // Ends: every round takes one of the models out of the choice.
        loop {
            let selected = self.select_next(role, min_tier, &tried)?;
            let mut delivered = false;
            let mut watched = |delta: Delta<'_>| {
                delivered = true;
                sink.delta(delta);
            };
            let asked = self
                .chat(&selected.name, &request, &mut watched, cancel)
                .await;
            match asked {
                Ok(reply) => {
                    return Ok(RoleReply {
                        reply,
                        tier: selected.tier,
                        degraded: selected.degraded.into_iter().collect(),
                    });
                }
                Err(error) if error.is_worth_another_model() && !delivered => {
                    tracing::debug!(model = selected.name, %error, "another model is asked");
                    tried.push(Tried {
                        name: selected.name,
                        failure: error.to_failure(),
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
