//! What an embedder adds of its own: tools that are code of the program, and other ways to talk to
//! models. Both are handed to [`Engine::open_with`](crate::Engine::open_with); nothing is registered
//! anywhere else.

use loom_router::{BuiltinProviders, ProviderFactory};
use loom_tools::Tool;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What an engine has beyond its own.
#[derive(Clone)]
pub struct Extensions {
    /// Tools that every attempt is offered. They run in this process with its rights, so what they
    /// touch is theirs to guard: neither the sandbox nor the changelog knows of it. An attempt that
    /// was begun with a tool, and goes on in a program without it, is told that there is none.
    pub tools: Vec<Arc<dyn Tool>>,
    /// Makes the provider of each model entry.
    pub providers: Arc<dyn ProviderFactory>,
    /// Where tasks are worked on: prompts, answers, checks and files take time of the processor. With a
    /// runtime of its own nobody who asks something waits in line behind that, nor that behind a
    /// thousand who read along. It must live as long as the engine. Without one tasks run where the
    /// engine does.
    pub work: Option<Handle>,
}

impl Default for Extensions {
    /// Nothing.
    fn default() -> Self {
        Self {
            tools: Vec::new(),
            providers: Arc::new(BuiltinProviders),
            work: None,
        }
    }
}
