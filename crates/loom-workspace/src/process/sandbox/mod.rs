//! What stands between a command and the machine, and how a command line is put behind it.
//!
//! In: the system's programs, toolchains that the caller names, the workspace, the scratch
//! directory. Out: the home directory, Loom's data, other processes, the network, and git's hooks
//! and configuration, which would run code outside later. The command policy saves questions; this
//! is the boundary. A further kind is a variant here with an arm in [`Sandbox::wrap`], and a rung in
//! `survey.rs`; a container is no command line, so it has a way of its own: see `docker`.

mod bubblewrap;
mod landlock;
mod places;
mod private;
mod seatbelt;
mod survey;
mod toolchains;

pub use survey::{Rung, RungName, SandboxSurvey, detect_sandbox, survey_sandboxes};
pub use toolchains::toolchains;

use super::{DockerSandbox, RunStatus};
use crate::CommandSpec;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What stands between a command and the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// Its own view of the file system, its own processes, its own network.
    Bubblewrap(Bubblewrap),
    /// The user's own view with rules of the kernel about it. Reduced: see [`Sandbox::weakness`].
    Landlock(Landlock),
    /// The sandbox of macOS.
    Seatbelt,
    /// A container of a Docker or Podman engine for each command, on request only.
    Docker(DockerSandbox),
    /// Nothing, because the user said so.
    None,
    /// Nothing was found that works here: no command runs.
    Missing,
}

/// Bubblewrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bubblewrap {
    /// Its program.
    pub program: PathBuf,
    /// A program that calls [`crate::sandbox_helper`] and gives it a filter of system calls.
    pub helper: Option<PathBuf>,
}

impl<P: Into<PathBuf>> From<P> for Bubblewrap {
    /// Without a helper.
    fn from(program: P) -> Self {
        Self {
            program: program.into(),
            helper: None,
        }
    }
}

/// Landlock with a filter of system calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landlock {
    /// A program that calls [`crate::sandbox_helper`].
    pub helper: PathBuf,
    /// Whether the kernel also keeps signals inside (since Linux 6.12).
    pub signals: bool,
}

impl Sandbox {
    /// Its name, as in the configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bubblewrap(_) => "bubblewrap",
            Self::Landlock(_) => "landlock",
            Self::Seatbelt => "seatbelt",
            Self::Docker(_) => "docker",
            Self::None => "none",
            Self::Missing => "missing",
        }
    }

    /// Whether everything that a command without network changes is in its workspace.
    #[must_use]
    pub const fn is_contained(&self) -> bool {
        match self {
            Self::Bubblewrap(_) | Self::Landlock(_) | Self::Seatbelt | Self::Docker(_) => true,
            Self::None | Self::Missing => false,
        }
    }

    /// What has to be said about it, once for each task; none for the strongest.
    #[must_use]
    pub fn weakness(&self) -> Option<String> {
        let text = match self {
            Self::Bubblewrap(Bubblewrap { helper: Some(_), .. }) | Self::Docker(_) => return None,
            Self::Bubblewrap(_) => {
                "commands run in bubblewrap without a filter of system calls: more of the kernel is in reach than needs to be".to_owned()
            }
            Self::Landlock(landlock) => landlock.weakness(),
            Self::Seatbelt => seatbelt::WEAKNESS.to_owned(),
            Self::None => "commands run without a sandbox, as `sandbox.mode = \"none\"` says".to_owned(),
            Self::Missing => {
                "no sandbox works here, so no command is run; `loom doctor` says how to get one".to_owned()
            }
        };
        Some(text)
    }

    /// The command line that runs another one in it, and variables that it sets.
    pub(super) fn wrap(&self, spec: &CommandSpec, line: Vec<OsString>) -> io::Result<Wrapped> {
        match self {
            Self::Bubblewrap(bubblewrap) => Ok(bubblewrap.wrap(spec, &line)),
            Self::Landlock(landlock) => landlock.wrap(spec, line),
            Self::Seatbelt => seatbelt::wrap(spec, line),
            Self::None => Ok(Wrapped {
                env: vec![("TMPDIR".into(), private::temporary(spec)?.into())],
                line,
                ..Wrapped::default()
            }),
            Self::Docker(_) => Err(io::Error::other("BUG: a container is no command line")),
            Self::Missing => Err(io::Error::other("no sandbox works here")),
        }
    }

    /// The end of a command as it is seen from outside: what reports a signal as shells do is read
    /// as a signal again.
    pub(super) fn status_of(&self, code: i32) -> RunStatus {
        match self {
            Self::Bubblewrap(_) | Self::Landlock(_) if (129..=159).contains(&code) => {
                RunStatus::Signal(code - 128)
            }
            Self::Bubblewrap(_)
            | Self::Landlock(_)
            | Self::Seatbelt
            | Self::Docker(_)
            | Self::None
            | Self::Missing => RunStatus::Exit(code),
        }
    }

    /// Whether an end with this code and output says that the sandbox did not come up.
    pub(super) fn did_not_come_up(&self, code: i32, output: &str) -> bool {
        let helper = || {
            code == i32::from(super::helper::FAILED) && output.starts_with(super::helper::COMPLAINT)
        };
        match self {
            Self::Bubblewrap(_) => {
                helper() || (code == 1 && output.starts_with(bubblewrap::COMPLAINT))
            }
            Self::Landlock(_) => helper(),
            Self::Seatbelt => code != 0 && output.starts_with(seatbelt::COMPLAINT),
            Self::Docker(_) | Self::None | Self::Missing => false,
        }
    }
}

/// A command line behind a sandbox.
#[derive(Debug, Default)]
pub(super) struct Wrapped {
    pub(super) line: Vec<OsString>,
    /// Set on top of the command's environment.
    pub(super) env: Vec<(OsString, OsString)>,
    /// Whether it must hold the end of a pipe as its input, to see when Loom is gone.
    pub(super) watches_input: bool,
}

/// A program in a list of directories such as `PATH`; relative directories do not count, since
/// what they mean would depend on the workspace.
pub(super) fn find_program(path_env: &OsStr, name: &str) -> Option<PathBuf> {
    path_env
        .as_bytes()
        .split(|byte| *byte == b':')
        .map(|dir| Path::new(OsStr::from_bytes(dir)).join(name))
        .find(|path| path.is_absolute() && path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_directories_are_searched() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tool"), "").unwrap();
        let path = format!(".:bin::{}", dir.path().display());
        assert_eq!(
            find_program(OsStr::new(&path), "tool"),
            Some(dir.path().join("tool"))
        );
        assert_eq!(find_program(OsStr::new("."), "Cargo.toml"), None);
    }

    #[test]
    fn only_the_strongest_has_nothing_to_announce() {
        let strongest = Sandbox::Bubblewrap(Bubblewrap {
            program: "/usr/bin/bwrap".into(),
            helper: Some("/usr/bin/loom".into()),
        });
        assert_eq!(strongest.weakness(), None);
        let landlock = Landlock {
            helper: "/usr/bin/loom".into(),
            signals: true,
        };
        for weaker in [
            Sandbox::Bubblewrap("/usr/bin/bwrap".into()),
            Sandbox::Landlock(landlock),
            Sandbox::Seatbelt,
            Sandbox::None,
            Sandbox::Missing,
        ] {
            assert!(weaker.weakness().is_some(), "{weaker:?}");
        }
    }
}
