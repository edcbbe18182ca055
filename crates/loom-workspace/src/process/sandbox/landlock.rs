//! Landlock from outside: what a command is granted. How it is enforced is the helper's.

use super::places::{CONFIGURATION, DEVICES, MACHINE, MORE_PROGRAMS, PROGRAMS};
use super::{Landlock, Wrapped, private};
use crate::CommandSpec;
use crate::process::helper::{Grants, Profile};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

impl Landlock {
    pub(super) fn weakness(&self) -> String {
        let signals = match self.signals {
            true => "",
            false => ", and send signals to your other programs (not with Linux 6.12)",
        };
        format!(
            "reduced sandbox (Landlock): files outside cannot be read, written or removed and there \
             is no network, but a command can see which files exist and change the mode and times \
             of your own{signals}"
        )
    }

    pub(super) fn wrap(&self, spec: &CommandSpec, line: Vec<OsString>) -> io::Result<Wrapped> {
        let temporary = private::temporary(spec)?;
        let mut env = vec![("TMPDIR".into(), temporary.into())];
        env.extend(private::home(spec)?.map(|home| ("HOME".into(), home.into())));
        Ok(Wrapped {
            line: Profile::Supervise(grants(spec), line).command_line(&self.helper),
            env,
            watches_input: true,
        })
    }
}

fn grants(spec: &CommandSpec) -> Grants {
    let mut read = system();
    read.extend(spec.readable.iter().cloned());
    let mut write: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
    write.extend([spec.workspace.clone(), spec.scratch.clone()]);
    write.extend(spec.writable.iter().cloned());
    Grants {
        read: existing(read),
        write: existing(write),
        network: spec.network,
    }
}

/// What every command may read.
pub(super) fn system() -> Vec<PathBuf> {
    let in_dir = |dir: &'static str| move |name: &&str| Path::new(dir).join(name);
    let mut paths = vec![PathBuf::from("/usr")];
    paths.extend(PROGRAMS.iter().chain(MORE_PROGRAMS).map(PathBuf::from));
    paths.extend(CONFIGURATION.iter().map(in_dir("/etc")));
    paths.extend(MACHINE.iter().map(in_dir("/proc")));
    paths
}

fn existing(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.into_iter().filter(|path| path.exists()).collect()
}
