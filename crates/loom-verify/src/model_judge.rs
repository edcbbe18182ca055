//! The verifier behind the router.

use crate::{Judge, JudgeError, JudgeReply, Question};
use async_trait::async_trait;
use loom_prompts::Prompts;
use loom_router::Router;
use std::sync::Arc;

/// Asks a verifier model, another one than the executor's if there is one.
pub struct ModelJudge {
    router: Arc<Router>,
    prompts: Arc<Prompts>,
}

impl ModelJudge {
    /// A judge over these models.
    #[must_use]
    pub const fn new(router: Arc<Router>, prompts: Arc<Prompts>) -> Self {
        Self { router, prompts }
    }
}

#[async_trait]
impl Judge for ModelJudge {
    async fn judge(&self, _question: &Question) -> Result<JudgeReply, JudgeError> {
        let _ = (&self.router, &self.prompts);
        unimplemented!()
    }
}
