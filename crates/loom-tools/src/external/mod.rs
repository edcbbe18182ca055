//! Tools of external servers that speak the Model Context Protocol, as `mcp__server__tool`.
//!
//! Start at [`Servers`]. A `Server` (`server.rs`) keeps one `Connection` (`connection.rs`) and brings
//! it back; what it lists is sorted out in `listing.rs`; a call is `tool.rs`. Nothing that a server
//! says is believed: its words are bounded and named as its own, its promises change no rule.
//!
//! Servers run **outside of the sandbox**, since the user configured them; so each call is asked for
//! unless the user said otherwise, and what it changes in the workspace is recorded like any change.

mod bounded;
mod connection;
mod handler;
mod http;
mod listing;
mod name;
mod place;
mod result;
mod schema;
mod server;
mod servers;
mod settings;
mod tool;
mod trouble;
mod words;

pub use name::{LONGEST_SERVER_NAME, is_server_name};
pub use place::Surroundings;
pub use server::{ServerState, ServerStatus, ServerTool};
pub use servers::{Offer, Servers};
pub use settings::{Free, Secret, ServerPlace, ServerProgram, ServerSettings};

pub(crate) use tool::External;

use std::fmt;

/// Why a server cannot be asked, in words that follow its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotThere {
    why: String,
    /// What its program wrote on standard error.
    last_words: String,
}

impl NotThere {
    fn because(why: impl fmt::Display) -> Self {
        Self {
            why: why.to_string(),
            last_words: String::new(),
        }
    }
}

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        match self.last_words.lines().last() {
            Some(line) => write!(f, " (it said: {})", words::one_line(line, 200)),
            None => Ok(()),
        }
    }
}
