//! What the user said about a server of tools.

use super::name;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// One server: where it is, what of it is offered, and what it may do without asking.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Its name: a part of the names of its tools.
    pub name: String,
    /// Where it is; or why that is not known, such as a variable that is not set.
    pub place: Result<ServerPlace, String>,
    /// The tools that are offered, by the server's own names; none offers all.
    pub tools: Option<BTreeSet<String>>,
    /// The calls that need no approval.
    pub free: Free,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// How long it may take until its tools are known.
    pub start_timeout: Duration,
}

/// Calls that run without an approval.
///
/// What a server says about its own tools (`readOnlyHint`) never counts here: it is a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Free {
    /// No call.
    #[default]
    None,
    /// Calls of these tools, by the server's own names.
    These(BTreeSet<String>),
    /// Every call.
    All,
}

impl ServerSettings {
    /// Whether a tool, by the name under which it is offered, runs without an approval.
    pub(super) fn runs_freely(&self, offered: &str) -> bool {
        match &self.free {
            Free::None => false,
            Free::These(tools) => {
                let mut names = tools.iter().map(|tool| name::offered(&self.name, tool));
                names.any(|name| name == offered)
            }
            Free::All => true,
        }
    }
}

/// Where a server is.
#[derive(Clone, Debug)]
pub enum ServerPlace {
    /// A program that is started, and spoken to over its standard input and output.
    Program(ServerProgram),
    /// An address that speaks streamable HTTP.
    Http {
        /// The address.
        url: String,
        /// Sent as `Authorization: Bearer …`.
        token: Option<Secret>,
        /// More headers.
        headers: Vec<(String, Secret)>,
    },
}

/// The program of a server.
#[derive(Clone, Debug)]
pub struct ServerProgram {
    /// Its name on the search path, or its absolute path.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables that it gets beside `PATH`, `HOME` and `LANG`.
    pub env: Vec<(String, Secret)>,
    /// Where it runs; none is the user's home directory. Never a workspace by itself: many programs
    /// take code from where they are started.
    pub cwd: Option<PathBuf>,
}

impl fmt::Display for ServerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(program) => {
                f.write_str(&program.command)?;
                program.args.iter().try_for_each(|arg| write!(f, " {arg}"))
            }
            Self::Http { url, .. } => f.write_str(url),
        }
    }
}

/// A text that cannot be printed, logged or serialised by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the server and nothing else.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_place_nor_its_debug_form_shows_a_secret() {
        let places = [
            ServerPlace::Program(ServerProgram {
                command: "npx".to_owned(),
                args: vec!["-y".to_owned(), "server".to_owned()],
                env: vec![("TOKEN".to_owned(), Secret::new("hunter2"))],
                cwd: None,
            }),
            ServerPlace::Http {
                url: "https://host/mcp".to_owned(),
                token: Some(Secret::new("hunter2")),
                headers: vec![("x-key".to_owned(), Secret::new("hunter2"))],
            },
        ];
        for place in places {
            let shown = format!("{place} {place:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn what_runs_freely_is_what_was_named() {
        let mut settings = ServerSettings {
            name: "s".to_owned(),
            place: Err(String::new()),
            tools: None,
            free: Free::These(BTreeSet::from(["read".to_owned(), "a.b".to_owned()])),
            call_timeout: Duration::ZERO,
            start_timeout: Duration::ZERO,
        };
        let runs =
            |settings: &ServerSettings, tool| settings.runs_freely(&name::offered("s", tool));
        assert!(runs(&settings, "read") && runs(&settings, "a.b"));
        assert!(!runs(&settings, "write") && !runs(&settings, "a_b"));
        settings.free = Free::All;
        assert!(runs(&settings, "write"));
        settings.free = Free::None;
        assert!(!runs(&settings, "read"));
    }
}
