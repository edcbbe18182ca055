//! The ladder: which sandboxes there are, which of them work here, and how to get the others.
//!
//! Each is tried, not guessed at: a program may be there and what it needs forbidden.

use super::{Bubblewrap, Landlock, Sandbox, find_program, seatbelt};
use crate::process::helper::{Grants, Profile};
use serde::Serialize;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

/// How long one try may take; it takes some 20 ms.
const PROBE_TIME: Duration = Duration::from_secs(5);

/// The version of Landlock that keeps signals inside.
const SIGNALS: u32 = 6;

/// Every rung of the ladder with what was found, the strongest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxSurvey {
    /// The rungs.
    pub rungs: Vec<Rung>,
}

/// One rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Which.
    pub name: RungName,
    /// The sandbox, when it works here.
    pub sandbox: Option<Sandbox>,
    /// What was found, in a sentence.
    pub found: String,
    /// How to get it, or more of it; empty when there is nothing to do.
    pub way_out: String,
}

/// The name of a rung, as `sandbox.mode` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RungName {
    /// Bubblewrap.
    Bubblewrap,
    /// Landlock.
    Landlock,
    /// The sandbox of macOS.
    Seatbelt,
    /// Containers; looked for only on request, so no survey of this module has them.
    Docker,
}

impl RungName {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bubblewrap => "bubblewrap",
            Self::Landlock => "landlock",
            Self::Seatbelt => "seatbelt",
            Self::Docker => "docker",
        }
    }
}

impl SandboxSurvey {
    /// The strongest that works; [`Sandbox::Missing`] when none does.
    #[must_use]
    pub fn strongest(&self) -> Sandbox {
        let working = self.rungs.iter().find_map(|rung| rung.sandbox.clone());
        working.unwrap_or(Sandbox::Missing)
    }

    /// One rung.
    #[must_use]
    pub fn rung(&self, name: RungName) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.name == name)
    }
}

/// Tries every sandbox there is on this system once, which takes some 50 ms and blocks. The helper
/// is a program that calls [`crate::sandbox_helper`].
#[must_use]
pub fn survey_sandboxes(path_env: &OsStr, helper: Option<&Path>) -> SandboxSurvey {
    let rungs = match std::env::consts::OS {
        "macos" => vec![seatbelt_rung()],
        "linux" => vec![bubblewrap_rung(path_env, helper), landlock_rung(helper)],
        _ => Vec::new(),
    };
    SandboxSurvey { rungs }
}

/// The strongest sandbox that works here for a caller without a helper.
#[must_use]
pub fn detect_sandbox(path_env: &OsStr) -> Sandbox {
    survey_sandboxes(path_env, None).strongest()
}

fn bubblewrap_rung(path_env: &OsStr, helper: Option<&Path>) -> Rung {
    let rung = |sandbox, found: String, way_out: &str| Rung {
        name: RungName::Bubblewrap,
        sandbox,
        found,
        way_out: way_out.to_owned(),
    };
    let Some(program) = find_program(path_env, "bwrap") else {
        let way_out = "install it: the package is called `bubblewrap`";
        return rung(None, "the program `bwrap` is not there".to_owned(), way_out);
    };
    let mut complaint = String::new();
    for helper in [helper, None].into_iter().flatten().map(Some).chain([None]) {
        let bubblewrap = Bubblewrap {
            program: program.clone(),
            helper: helper.map(Path::to_owned),
        };
        match try_out(&bubblewrap.probe()) {
            Ok(_) if helper.is_some() => {
                let found = "own view of files, own processes, no network, system calls filtered";
                return rung(Some(Sandbox::Bubblewrap(bubblewrap)), found.to_owned(), "");
            }
            Ok(_) => {
                let found = match complaint.is_empty() {
                    true => "own view of files, own processes, no network; system calls are not filtered".to_owned(),
                    false => format!("it works, but not with a filter of system calls: {complaint}"),
                };
                let way_out = "a program that embeds Loom gives the path of its helper in `Setup`";
                return rung(Some(Sandbox::Bubblewrap(bubblewrap)), found, way_out);
            }
            Err(why) => complaint = why,
        }
    }
    let way_out = bubblewrap_way_out(&complaint);
    rung(None, complaint, way_out)
}

/// What helps, by what it complained about.
fn bubblewrap_way_out(complaint: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| complaint.contains(word));
    if says(&["Unknown option", "unknown option"]) {
        "it is older than 0.8: install a newer one"
    } else if says(&["uid map", "RTM_NEWADDR", "loopback"]) {
        "user namespaces are restricted (Ubuntu does so by AppArmor): give `bwrap` a profile with `userns,` in /etc/apparmor.d, or run `sysctl kernel.apparmor_restrict_unprivileged_userns=0` as root"
    } else if says(&["namespace", "not permitted", "Permission denied"]) {
        "allow user namespaces: `sysctl user.max_user_namespaces=15000` as root (older Debian: `kernel.unprivileged_userns_clone=1`); in a container they must be allowed from outside"
    } else {
        "run `bwrap --unshare-all --ro-bind / / true` to see more"
    }
}

fn landlock_rung(helper: Option<&Path>) -> Rung {
    let rung = |sandbox, found: String, way_out: &str| Rung {
        name: RungName::Landlock,
        sandbox,
        found,
        way_out: way_out.to_owned(),
    };
    let Some(helper) = helper else {
        let found = "the helper that sets it up is not known".to_owned();
        let way_out = "a program that embeds Loom gives the path of its helper in `Setup`";
        return rung(None, found, way_out);
    };
    match landlock(helper) {
        Ok(landlock) => {
            let way_out = match landlock.signals {
                true => "",
                false => "Linux 6.12 or newer keeps signals inside, too",
            };
            let found = landlock.weakness();
            rung(Some(Sandbox::Landlock(landlock)), found, way_out)
        }
        Err(why) => rung(
            None,
            why,
            "it needs Linux 5.13 or newer with `landlock` in the kernel's `lsm=` list",
        ),
    }
}

fn landlock(helper: &Path) -> Result<Landlock, String> {
    let version = try_out(&Profile::Version.command_line(helper))?;
    let version: u32 = version.trim().parse().unwrap_or_default();
    let grants = Grants {
        read: super::landlock::system(),
        ..Grants::default()
    };
    let line = ["/bin/sh", "-c", "exit 0"].map(OsString::from);
    let works = Profile::Confine(grants, line.to_vec());
    try_out(&works.command_line(helper))?;
    Ok(Landlock {
        helper: helper.to_owned(),
        signals: version >= SIGNALS,
    })
}

fn seatbelt_rung() -> Rung {
    let profile = "(version 1)(allow default)(deny network*)(deny file-write*)";
    let line = [seatbelt::PROGRAM, "-p", profile, "/bin/sh", "-c", "exit 0"];
    let tried = try_out(&line.map(OsString::from));
    Rung {
        name: RungName::Seatbelt,
        sandbox: tried.is_ok().then_some(Sandbox::Seatbelt),
        found: tried.map_or_else(|why| why, |_| seatbelt::WEAKNESS.to_owned()),
        way_out: String::new(),
    }
}

/// Runs a command line to its end; what it printed, or what it complained about in a line.
fn try_out(line: &[OsString]) -> Result<String, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this crate starts processes; the try is over before any runtime is needed"
    )]
    let mut command = std::process::Command::new(&line[0]);
    command.args(&line[1..]).env_clear().stdin(Stdio::null());
    let program = PathBuf::from(&line[0]);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more when it took too long.
        sender.send(command.output()).ok();
    });
    let output = match receiver.recv_timeout(PROBE_TIME) {
        Err(_) => return Err(format!("it did not come up in {} s", PROBE_TIME.as_secs())),
        Ok(Err(error)) => return Err(format!("{}: {error}", program.display())),
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| !line.trim().is_empty());
    Err(first.map_or_else(|| output.status.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_program_and_a_helper_no_command_runs() {
        let survey = survey_sandboxes(OsStr::new("/nowhere"), None);
        assert_eq!(survey.strongest(), Sandbox::Missing);
        assert!(survey.rungs.iter().all(|rung| !rung.found.is_empty()));
    }

    #[test]
    fn the_first_rung_that_works_is_taken() {
        let rung = |name, sandbox| Rung {
            name,
            sandbox,
            found: String::new(),
            way_out: String::new(),
        };
        let landlock = Sandbox::Landlock(Landlock {
            helper: "/helper".into(),
            signals: true,
        });
        let survey = SandboxSurvey {
            rungs: vec![
                rung(RungName::Bubblewrap, None),
                rung(RungName::Landlock, Some(landlock.clone())),
            ],
        };
        assert_eq!(survey.strongest(), landlock);
    }

    #[test]
    fn each_complaint_leads_to_a_way_out() {
        for (complaint, part) in [
            ("bwrap: Unknown option --disable-userns", "newer"),
            ("bwrap: setting up uid map: Permission denied", "AppArmor"),
            (
                "bwrap: No permissions to create new namespace",
                "max_user_namespaces",
            ),
            (
                "bwrap: Creating new namespace failed: Operation not permitted",
                "max_user_namespaces",
            ),
            ("?", "bwrap --unshare-all"),
        ] {
            let way_out = bubblewrap_way_out(complaint);
            assert!(way_out.contains(part), "{complaint}: {way_out}");
        }
    }
}
