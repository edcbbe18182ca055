//! What commands run in: the sandbox that was asked for, if it works here.

use super::form::duration;
use super::{Config, SandboxMode};
use loom_tools::ShellSettings;
use loom_tools::policy::PatternError;
use loom_workspace::{Bounds, RungName, Sandbox, SandboxSurvey, survey_sandboxes};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How far a model may raise the timeout of one command: a long build or test run fits, and a
/// command that hangs still costs less than the working time of a task.
const MAX_RAISE: u32 = 6;

/// The settings of the shell that the configuration asks for cannot be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShellConfigError {
    /// Commands must be contained by one sandbox, and that one does not work here.
    #[error(
        "`sandbox.mode` is \"{name}\", and that does not work here: {found}; `loom doctor` says more, and \"auto\" takes what works"
    )]
    Missing {
        /// The sandbox.
        name: &'static str,
        /// What was found.
        found: String,
    },
    /// A path may not be given to commands.
    #[error("`{key}` names {path}: {why}")]
    Path {
        /// The setting.
        key: &'static str,
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A rule of the command policy cannot be matched.
    #[error("the `command` of a rule in `policy.rules` {0}")]
    Rule(#[from] PatternError),
}

/// Where Loom runs, as far as commands are concerned.
#[derive(Clone, Copy, Debug)]
pub struct ShellPlace<'a> {
    /// Where programs are looked for.
    pub path_env: &'a OsStr,
    /// The user's home directory.
    pub home: Option<&'a Path>,
    /// Loom's own data, which no command may see.
    pub data_dir: &'a Path,
    /// A program that calls [`loom_workspace::sandbox_helper`] first thing in `main`.
    pub helper: Option<&'a Path>,
}

impl Config {
    /// Looks for the sandbox and says how commands are run. It is tried once, here, which takes
    /// some 50 ms, with containers some 500 ms, and blocks.
    ///
    /// # Errors
    /// A required sandbox is missing, a path may not be given to commands, or a rule of the policy
    /// cannot be matched.
    pub fn shell_settings(
        &self,
        place: &ShellPlace<'_>,
    ) -> Result<ShellSettings, ShellConfigError> {
        self.check_paths(place)?;
        let timeout = duration(self.tools.shell_timeout_ms);
        Ok(ShellSettings {
            sandbox: match self.sandbox.mode {
                SandboxMode::None => Sandbox::None,
                _ => self.sandbox_of(&self.survey(place))?,
            },
            path_env: place.path_env.to_owned(),
            home: place.home.map(Path::to_owned),
            readable: self.sandbox.read.clone(),
            writable: self.sandbox.write.clone(),
            network: false,
            timeout,
            max_timeout: timeout.saturating_mul(MAX_RAISE),
            policy: self.policy()?,
        })
    }

    /// Every sandbox with what was found, which blocks. Containers are among them only when they are
    /// asked for: to try them makes one.
    #[must_use]
    pub fn survey(&self, place: &ShellPlace<'_>) -> SandboxSurvey {
        let mut survey = survey_sandboxes(place.path_env, place.helper);
        if self.sandbox.mode == SandboxMode::Docker {
            survey.rungs.push(self.containers(place));
        }
        survey
    }

    /// The sandbox that is asked for, of those that were found by [`Config::survey`].
    ///
    /// # Errors
    /// [`ShellConfigError::Missing`].
    pub fn sandbox_of(&self, survey: &SandboxSurvey) -> Result<Sandbox, ShellConfigError> {
        let name = match self.sandbox.mode {
            SandboxMode::Auto => return Ok(survey.strongest()),
            SandboxMode::None => return Ok(Sandbox::None),
            SandboxMode::Bubblewrap => RungName::Bubblewrap,
            SandboxMode::Landlock => RungName::Landlock,
            SandboxMode::Seatbelt => RungName::Seatbelt,
            SandboxMode::Docker => RungName::Docker,
        };
        let rung = survey.rung(name);
        let missing = || ShellConfigError::Missing {
            name: name.word(),
            found: rung
                .map_or("it is not for this system", |rung| &rung.found)
                .to_owned(),
        };
        rung.and_then(|rung| rung.sandbox.clone())
            .ok_or_else(missing)
    }

    /// What is added to the sandbox must not take it away: not all of the file system, not a whole
    /// home directory, not Loom's own data; and what is written is no part of the system.
    fn check_paths(&self, place: &ShellPlace<'_>) -> Result<(), ShellConfigError> {
        let bounds = Bounds {
            data_dir: place.data_dir.to_owned(),
            home: place.home.map(Path::to_owned),
            roots: Vec::new(),
        };
        for (key, paths, writes) in [
            ("sandbox.read", &self.sandbox.read, false),
            ("sandbox.write", &self.sandbox.write, true),
        ] {
            for path in paths {
                bounds
                    .check_grant(path, writes)
                    .map_err(|why| ShellConfigError::Path {
                        key,
                        path: path.clone(),
                        why,
                    })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_workspace::Rung;

    fn rung(name: RungName, sandbox: Option<Sandbox>) -> Rung {
        Rung {
            name,
            sandbox,
            found: "the program is not there".to_owned(),
            way_out: String::new(),
        }
    }

    fn bwrap() -> Sandbox {
        Sandbox::Bubblewrap("/usr/bin/bwrap".into())
    }

    fn config(mode: SandboxMode) -> Config {
        let mut config = Config::default();
        config.sandbox.mode = mode;
        config
    }

    #[test]
    fn a_sandbox_that_is_required_and_missing_is_an_error_not_another_one() {
        let survey = SandboxSurvey {
            rungs: vec![
                rung(RungName::Bubblewrap, None),
                rung(RungName::Landlock, Some(Sandbox::None)),
            ],
        };
        let missing = config(SandboxMode::Bubblewrap)
            .sandbox_of(&survey)
            .unwrap_err();
        assert!(
            missing.to_string().contains("the program is not there"),
            "{missing}"
        );
        let missing = config(SandboxMode::Seatbelt)
            .sandbox_of(&survey)
            .unwrap_err();
        assert!(
            missing.to_string().contains("not for this system"),
            "{missing}"
        );
    }

    #[test]
    fn auto_takes_the_strongest_and_runs_nothing_when_there_is_none() {
        let survey = SandboxSurvey {
            rungs: vec![rung(RungName::Bubblewrap, Some(bwrap()))],
        };
        let auto = config(SandboxMode::Auto);
        assert_eq!(auto.sandbox_of(&survey), Ok(bwrap()));
        let nothing = SandboxSurvey { rungs: Vec::new() };
        assert_eq!(auto.sandbox_of(&nothing), Ok(Sandbox::Missing));
        assert_eq!(
            config(SandboxMode::None).sandbox_of(&nothing),
            Ok(Sandbox::None)
        );
    }

    #[test]
    fn what_would_undo_the_sandbox_cannot_be_granted() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for name in ["home/cache", "data"] {
            std::fs::create_dir_all(base.join(name)).unwrap();
        }
        let (home, data_dir) = (base.join("home"), base.join("data"));
        let place = ShellPlace {
            path_env: OsStr::new(""),
            home: Some(&home),
            data_dir: &data_dir,
            helper: None,
        };
        let refused = |read: &[&Path], write: &[&Path]| {
            let mut config = config(SandboxMode::None);
            let owned = |paths: &[&Path]| paths.iter().map(|path| (*path).to_owned()).collect();
            config.sandbox.read = owned(read);
            config.sandbox.write = owned(write);
            config.shell_settings(&place).is_err()
        };
        let cache = home.join("cache");
        assert!(!refused(&[&cache, Path::new("/etc")], &[&cache]));
        for path in [
            Path::new("/"),
            &base,
            &home,
            &data_dir,
            &base.join("nowhere"),
        ] {
            assert!(refused(&[path], &[]), "{} can be read", path.display());
            assert!(refused(&[], &[path]), "{} can be written", path.display());
        }
        assert!(refused(&[], &[Path::new("/etc")]));
    }
}
