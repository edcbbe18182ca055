//! What a command ends with: an exit code, or an error with its causes and the way out.

use anyhow::Error;
use std::fmt::Display;

/// Exit codes, as documented in `loom --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for was done; for a task: completed.
    Done = 0,
    /// It was not; for a task: failed.
    Failed = 1,
    /// The command line, the configuration or the input cannot be used.
    Usage = 2,
    /// The task was cancelled, or left unfinished on Ctrl-C.
    Cancelled = 3,
    /// Only a human could have gone on, and none is here.
    NeedsHuman = 4,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error on its way to the screen.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) exit: Exit,
    pub(crate) error: Error,
    pub(crate) hint: Option<String>,
}

/// What every command answers with.
pub(crate) type Outcome = Result<Exit, Fault>;

impl Fault {
    /// The caller's mistake: exit code 2.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self {
            exit: Exit::Usage,
            error: Error::msg(message.to_string()),
            hint: None,
        }
    }

    /// An error whose words continue "cannot": most of the lower crates' are such fragments.
    pub(crate) fn cannot(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = format!("cannot {}", chain(&error));
        Self {
            exit: Exit::Failed,
            error: Error::msg(message),
            hint: None,
        }
    }

    /// Why Loom cannot be set up.
    pub(crate) fn setup(error: loomd::SetupError) -> Self {
        Self {
            hint: error.hint.clone(),
            ..Self::usage(error.message)
        }
    }

    /// With what to do about it.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// With another exit code.
    pub(crate) const fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The lines to print: `error:` with its causes, then `hint:`.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("error", chain(self.error.as_ref()))];
        lines.extend(self.hint.iter().map(|hint| ("hint", hint.clone())));
        lines
    }
}

impl<E: Into<Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self {
            exit: Exit::Failed,
            error: error.into(),
            hint: None,
        }
    }
}

/// An error and its causes in one line; a cause that its effect has quoted is not said twice.
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

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn an_error_is_one_line_with_its_causes_and_a_hint_follows() {
        let source = std::io::Error::other("disk full");
        let error = Err::<(), _>(source)
            .context("write the report")
            .unwrap_err();
        let fault = Fault::from(error).hint("make room");
        let lines = fault.lines();
        assert_eq!(
            lines[0],
            ("error", "write the report: disk full".to_owned())
        );
        assert_eq!(lines[1], ("hint", "make room".to_owned()));
        assert_eq!(fault.exit, Exit::Failed);
    }
}
