//! The re-exec helper: a program that restricts itself and then becomes the command.
//!
//! What a process may do can only be taken away by itself, between its start and the command's. That
//! is done by a fresh process of the same program, not by code between `fork` and `exec` in a
//! process with threads, where hardly anything is allowed. A program offers itself as the helper by
//! calling [`sandbox_helper`] before anything else in `main`.
//!
//! This module must not read the environment, nor anything that the command can change.

mod profile;

#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod linux;

pub(super) use profile::{Grants, Profile};

use std::ffi::OsString;
use std::process::ExitCode;

/// What a helper that fails says first.
pub(super) const COMPLAINT: &str = "loom-sandbox: ";

/// Its exit code then.
pub(super) const FAILED: u8 = 125;

/// Does the helper's work when the arguments of this process say that it is the helper; `None`
/// means that it is not, and the program goes on. When the command starts, this does not return.
pub fn sandbox_helper(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != profile::MARKER {
        return None;
    }
    let code = Profile::read(arguments)
        .and_then(obey)
        .unwrap_or_else(|why| {
            use std::io::Write as _;
            // Nobody is left to tell.
            writeln!(std::io::stderr(), "{COMPLAINT}{why}").ok();
            FAILED
        });
    Some(ExitCode::from(code))
}

#[cfg(target_os = "linux")]
use linux::obey;

#[cfg(not(target_os = "linux"))]
fn obey(_: Profile) -> Result<u8, String> {
    Err("there is nothing for it to do on this system".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_command_line_is_not_for_the_helper() {
        for words in [&["loom"][..], &[], &["loom", "run", "__loom-sandbox"]] {
            assert_eq!(sandbox_helper(words.iter().map(OsString::from)), None);
        }
    }
}
