//! What Loom writes about itself, on standard error. While a picture is drawn there, lines are kept
//! back and written between two pictures.

use loom_engine::LogLevel;
use loom_redact::Redactor;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing_subscriber::filter::LevelFilter;

/// Lines kept back. A picture is redrawn ten times a second, so this is only full when something
/// floods the log; then the oldest stay, since they say how it began.
const MAX_LINES: usize = 200;

static HOLDING: AtomicBool = AtomicBool::new(false);
/// What lines lose their secrets by.
static REDACTOR: OnceLock<Redactor> = OnceLock::new();
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Begins to log. A second time, such as for a second configuration, changes nothing.
pub(crate) fn start(level: LogLevel, redactor: Redactor) {
    REDACTOR.set(redactor).ok();
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| LogLine)
        .with_ansi(false)
        .without_time()
        .try_init()
        .ok();
}

/// From now on lines are kept back, or no more.
pub(crate) fn hold(holding: bool) {
    HOLDING.store(holding, Ordering::Relaxed);
}

/// The lines kept back so far.
pub(crate) fn take() -> Vec<String> {
    std::mem::take(&mut *HELD.lock().unwrap_or_else(PoisonError::into_inner))
}

struct LogLine;

impl Write for LogLine {
    /// Takes a whole line: the formatter hands over one at a time.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len();
        let bytes = match REDACTOR.get() {
            Some(redactor) => redactor.bytes(bytes.to_vec()),
            None => bytes.to_vec(),
        };
        if HOLDING.load(Ordering::Relaxed) {
            let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
            if held.len() < MAX_LINES {
                let text = String::from_utf8_lossy(&bytes);
                held.extend(text.lines().map(str::to_owned));
            }
        } else {
            io::stderr().lock().write_all(&bytes)?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
