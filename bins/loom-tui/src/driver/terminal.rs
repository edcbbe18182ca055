//! The terminal: taken over, given back whatever happens, given away while the program is stopped.

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use std::io::{self, Stdout, Write as _};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once};

/// The signal that a terminal sends on Ctrl-Z; the same number wherever Loom runs but on macOS.
#[cfg(target_os = "macos")]
pub(super) const SIGTSTP: i32 = 18;
#[cfg(not(target_os = "macos"))]
pub(super) const SIGTSTP: i32 = 20;

/// What a panic said, in whichever thread it was.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// A terminal that was taken over.
pub(super) struct Terminal {
    screen: ratatui::Terminal<CrosstermBackend<Stdout>>,
}

impl Terminal {
    /// Takes the terminal over.
    pub(super) fn open() -> io::Result<Self> {
        restore_on_panic();
        // From here on whatever fails gives it back.
        let open = || {
            take()?;
            ratatui::Terminal::new(CrosstermBackend::new(io::stdout()))
        };
        open()
            .map(|screen| Self { screen })
            .inspect_err(|_| restore())
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (u16, u16) {
        let size = self.screen.size();
        size.map_or((80, 24), |size| (size.width, size.height))
    }

    /// Draws a picture; only what is different goes to the terminal.
    pub(super) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.screen.draw(picture)?;
        Ok(())
    }

    /// Draws everything anew with the next picture.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.screen.clear()
    }

    /// Rings.
    pub(super) fn bell(&mut self) -> io::Result<()> {
        let mut stdout = io::stdout();
        stdout.write_all(b"\x07")?;
        stdout.flush()
    }

    /// Gives the terminal back, stops until somebody goes on with the program, takes it again.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore();
        // Not SIGTSTP: that is what was caught, and would be caught again.
        let stopped =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        take()?;
        self.screen.clear()?;
        stopped.map_err(io::Error::from)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// What a panic said since the last call, if there was one.
pub(super) fn panicked() -> Option<String> {
    PANIC
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .take()
}

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::Release);
    enable_raw_mode()?;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableMouseCapture,
        EnableBracketedPaste,
        cursor::Hide
    )
}

/// Gives the terminal back, as far as it can be. That it is gone is no reason to stop half way.
fn restore() {
    // A second time would put the cursor back, too, and what was said since be written over.
    if !TAKEN.swap(false, Ordering::AcqRel) {
        return;
    }
    execute!(
        io::stdout(),
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        cursor::Show
    )
    .ok();
    disable_raw_mode().ok();
}

/// A panic message must not be written over a picture, nor be lost with it.
fn restore_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            if let Ok(mut last) = PANIC.lock() {
                last.get_or_insert_with(|| info.to_string());
            }
            before(info);
        }));
    });
}
