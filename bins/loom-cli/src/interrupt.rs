//! Ctrl-C and the request to end: the first one stops in order, the second one at once.

use crate::ui::restore_cursor;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code of a process that was ended by Ctrl-C, by convention.
const INTERRUPTED: i32 = 130;

/// Both signals.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Begins to catch them.
    pub(crate) fn catch() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Finishes the work, unless one more signal comes: then the process ends here and now. The
    /// journal is written before anything is acted on, so nothing is lost by that.
    pub(crate) async fn guard<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            () = self.next() => leave(),
        }
    }
}

#[expect(
    clippy::exit,
    reason = "the user asked twice; waiting for anything would be disobedience"
)]
fn leave() -> ! {
    restore_cursor();
    std::process::exit(INTERRUPTED)
}
