//! [`Beside`]: threads for the work of tasks, beside those that answer. A hundred tasks have so much to
//! compute that whoever asks something would wait in line behind it; on threads of their own the
//! machine shares itself out between both.

use std::io;
use tokio::runtime::{Builder, Handle, Runtime};

/// The threads, for as long as it lives.
pub(crate) struct Beside(Option<Runtime>);

impl Beside {
    /// Starts them.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("loom-work")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// The way to them.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(|runtime| runtime.handle().clone())
    }
}

/// Nobody waits for what is left of the work: the engine has stopped it, and the next start takes it up.
impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
