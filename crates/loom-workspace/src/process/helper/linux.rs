//! The work of the helper on Linux.

use super::filter::{Filter, Surroundings};
use super::{Grants, Profile, confine, limits};
use crate::process::survivors;
use landlock::LandlockStatus;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, set_child_subreaper};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;

/// This very program, also when another one lies at its path by now.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// As shells say that a program is not there.
const NOT_FOUND: u8 = 127;

/// The bit of a mode that runs a program as its owner.
const SET_USER_ID: u32 = 0o4000;

pub(super) fn obey(profile: Profile) -> Result<u8, String> {
    match profile {
        Profile::Wrap(line) => wrap(&line),
        Profile::Supervise(grants, line) => supervise(grants, line),
        Profile::Confine(grants, line) => confined(&grants, &line),
        Profile::Version => {
            writeln!(io::stdout(), "{}", version()).map_err(|error| error.to_string())?;
            Ok(0)
        }
    }
}

/// Becomes bubblewrap, which loads the filters for the command as the last thing it does.
fn wrap(line: &[OsString]) -> Result<u8, String> {
    limits::set().map_err(|error| format!("limits: {error}"))?;
    // Bubblewrap gives up privileges itself; one that is installed with the set-user-ID bit needs
    // its own until then.
    if !is_set_user_id(&line[0]) {
        confine::scopes().map_err(|error| format!("Landlock: {error}"))?;
    }
    let filter = Filter::for_commands(Surroundings::Namespaces)?;
    // Open until bubblewrap takes the place of this program: it inherits them.
    let files = filter.programs().map(|program| inherited(&program));
    let files: Vec<File> = files
        .collect::<io::Result<_>>()
        .map_err(|error| format!("the filter: {error}"))?;
    let mut words = vec![line[0].clone()];
    for file in &files {
        let number = file.as_raw_fd().to_string();
        words.extend(["--add-seccomp-fd".into(), number.into()]);
    }
    words.extend(line[1..].iter().cloned());
    become_command(&words)
}

fn is_set_user_id(program: &OsStr) -> bool {
    std::fs::metadata(Path::new(program)).is_ok_and(|found| found.mode() & SET_USER_ID != 0)
}

/// A file without a name that the next program inherits.
fn inherited(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("loom-filter", MemfdFlags::empty())?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// Starts the command in a process below this one and ends with it. Whatever leaves its parent
/// becomes a child of this process, so nothing is out of sight, and all of it is ended: at the end
/// of the command, and when Loom, which holds the other end of standard input, is gone.
fn supervise(grants: Grants, line: Vec<OsString>) -> Result<u8, String> {
    let own = Pid::from_raw(i32::try_from(std::process::id()).unwrap_or_default());
    set_child_subreaper(own).map_err(|error| format!("supervision: {error}"))?;
    let words = Profile::Confine(grants, line).command_line(Path::new(THIS_PROGRAM));
    let mut child = command(&words)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("supervision: {error}"))?;
    let (tell, over) = mpsc::channel();
    let ended = tell.clone();
    std::thread::spawn(move || ended.send(child.wait().ok()).ok());
    std::thread::spawn(move || {
        io::stdin().read_to_end(&mut Vec::new()).ok();
        tell.send(None).ok()
    });
    let status = over.recv().ok().flatten();
    survivors::kill_descendants(std::process::id());
    Ok(status.map_or(super::FAILED, code_of))
}

/// As shells report the end of a command.
fn code_of(status: ExitStatus) -> u8 {
    let signal = || 128 + status.signal().unwrap_or_default();
    u8::try_from(status.code().unwrap_or_else(signal)).unwrap_or(super::FAILED)
}

/// Becomes the command.
fn confined(grants: &Grants, line: &[OsString]) -> Result<u8, String> {
    limits::set().map_err(|error| format!("limits: {error}"))?;
    let filter = Filter::for_commands(Surroundings::Shared {
        network: grants.network,
    })?;
    confine::privileges()?;
    confine::files(grants)?;
    filter.apply()?;
    become_command(line)
}

/// Returns only when there is nothing to become.
fn become_command(line: &[OsString]) -> Result<u8, String> {
    let error = command(line).exec();
    let program = line[0].display();
    if error.kind() != io::ErrorKind::NotFound {
        return Err(format!("{program}: {error}"));
    }
    writeln!(io::stderr(), "{program}: not found").ok();
    Ok(NOT_FOUND)
}

fn command(line: &[OsString]) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "this crate starts processes, and here is no runtime"
    )]
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]);
    command
}

/// The version of Landlock; 0 where there is none.
fn version() -> i32 {
    confine::scopes().map_or(0, |status| match status {
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
        LandlockStatus::Available {
            effective_abi,
            kernel_abi,
        } => kernel_abi.unwrap_or(effective_abi as i32),
    })
}
