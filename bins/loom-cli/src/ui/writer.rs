//! The one writer: results on standard output, everything else on standard error. A reader that has
//! gone (`loom list | head -1`) is no error; what is left unsaid is simply not said.

use super::{Style, Tone, clean};
use loomd::setup::Surroundings;
use std::io::{self, ErrorKind, IsTerminal as _, Write};

/// Where a command writes.
#[derive(Debug)]
pub(crate) struct Ui {
    /// Colours of standard output.
    pub(crate) out: Style,
    /// Colours of standard error.
    pub(crate) err: Style,
    /// Whether standard output is a terminal that can be drawn on.
    pub(crate) out_screen: bool,
    /// Whether standard error is a terminal that can be drawn on.
    pub(crate) err_screen: bool,
    /// Whether somebody can be asked: keyboard and screen are both there.
    pub(crate) attended: bool,
    /// The first thing that went wrong with standard output.
    broken: Option<io::Error>,
}

impl Ui {
    /// Looks at the streams of this process.
    pub(crate) fn detect(here: &Surroundings) -> Self {
        let dumb = here.var("TERM").is_none_or(|term| term == "dumb");
        let no_colour = here.var("NO_COLOR").is_some();
        let out = io::stdout().is_terminal();
        let err = io::stderr().is_terminal();
        Self {
            out: Style::detect(out, no_colour, dumb),
            err: Style::detect(err, no_colour, dumb),
            out_screen: out && !dumb,
            err_screen: err && !dumb,
            attended: io::stdin().is_terminal() && err,
            broken: None,
        }
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, tone: Tone, text: &str) {
        let painted = self.out.paint(tone, text);
        self.raw(&format!("{painted}\n"));
    }

    /// A part of the result as it is: a patch, JSON.
    pub(crate) fn raw(&mut self, text: &str) {
        if self.broken.is_some() {
            return;
        }
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        self.broken = written.err();
    }

    /// A line beside the result. That nobody can be told is told to nobody.
    pub(crate) fn note(&self, tone: Tone, text: &str) {
        let painted = self.err.paint(tone, text);
        writeln!(io::stderr().lock(), "{painted}").ok();
    }

    /// `error: …`, `hint: …`.
    pub(crate) fn labelled(&self, label: &str, text: &str) {
        let tone = match label {
            "error" => Tone::Bad,
            "hint" => Tone::Hint,
            _ => Tone::Caught,
        };
        let label = self.err.paint(tone, &format!("{label}:"));
        let text = clean(text);
        writeln!(io::stderr().lock(), "{label} {text}").ok();
    }

    /// Rings the bell of the terminal, where there is one.
    pub(crate) fn ring(&self) {
        if self.err_screen {
            let mut screen = io::stderr().lock();
            screen.write_all(b"\x07").and_then(|()| screen.flush()).ok();
        }
    }

    /// Columns of the screen that results are shown on; none when they go elsewhere.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.out_screen.then(|| {
            let (columns, _) = crossterm::terminal::size().unwrap_or((80, 24));
            usize::from(columns)
        })
    }

    /// Whether nobody reads the result any more.
    pub(crate) const fn is_closed(&self) -> bool {
        self.broken.is_some()
    }

    /// What went wrong with the result, unless its reader only left.
    pub(crate) fn failure(self) -> Option<io::Error> {
        self.broken
            .filter(|error| error.kind() != ErrorKind::BrokenPipe)
    }
}

/// Shows the cursor again, whatever happened while it was hidden.
pub(crate) fn restore_cursor() {
    if io::stderr().is_terminal() {
        crossterm::execute!(io::stderr(), crossterm::cursor::Show).ok();
    } else if io::stdout().is_terminal() {
        crossterm::execute!(io::stdout(), crossterm::cursor::Show).ok();
    }
}
