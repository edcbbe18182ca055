//! Bubblewrap: a view of the file system of the command's own, with everything named that is in it.

use super::places::{CONFIGURATION, MORE_PROGRAMS, PROGRAMS};
use super::{Bubblewrap, Wrapped, private};
use crate::CommandSpec;
use crate::process::git;
use crate::process::helper::Profile;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What it says first when it does not come up.
pub(super) const COMPLAINT: &str = "bwrap: ";

impl Bubblewrap {
    pub(super) fn wrap(&self, spec: &CommandSpec, line: &[OsString]) -> Wrapped {
        self.line(arguments(spec, line))
    }

    /// A command line that only shows that a sandbox like ours comes up: the program may be there
    /// and namespaces forbidden.
    pub(super) fn probe(&self) -> Vec<OsString> {
        let mut arguments = Arguments::default();
        arguments.isolate(false);
        arguments.system();
        arguments.add(["--", "/bin/sh", "-c", "exit 0"]);
        self.line(arguments.0).line
    }

    fn line(&self, arguments: Vec<OsString>) -> Wrapped {
        let mut line: Vec<OsString> = vec![self.program.clone().into()];
        line.extend(arguments);
        Wrapped {
            line: match &self.helper {
                Some(helper) => Profile::Wrap(line).command_line(helper),
                None => line,
            },
            ..Wrapped::default()
        }
    }
}

/// The arguments of bubblewrap for a command.
fn arguments(spec: &CommandSpec, command: &[OsString]) -> Vec<OsString> {
    let mut arguments = Arguments::default();
    arguments.isolate(spec.network);
    arguments.system();
    if let Some(home) = private::home_of(&spec.env) {
        arguments.add([OsStr::new("--tmpfs"), home]);
    }
    for path in &spec.readable {
        arguments.bind("--ro-bind-try", path);
    }
    for path in &spec.writable {
        arguments.bind("--bind-try", path);
    }
    arguments.bind("--bind", &spec.workspace);
    arguments.bind("--bind", &spec.scratch);
    arguments.protect_git(&spec.workspace);
    arguments.add(["--setenv", "TMPDIR", "/tmp"]);
    arguments.add([
        OsStr::new("--chdir"),
        spec.cwd.as_os_str(),
        OsStr::new("--"),
    ]);
    arguments.add(command);
    arguments.0
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn add<T: AsRef<OsStr>>(&mut self, arguments: impl IntoIterator<Item = T>) {
        let owned = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned());
        self.0.extend(owned);
    }

    fn bind(&mut self, how: &str, path: &Path) {
        self.add([OsStr::new(how), path.as_os_str(), path.as_os_str()]);
    }

    /// Own users, processes, network and the rest; no way to get more, and no way to outlive us.
    fn isolate(&mut self, network: bool) {
        self.add([
            "--unshare-user",
            "--disable-userns",
            "--unshare-ipc",
            "--unshare-pid",
        ]);
        self.add([
            "--unshare-uts",
            "--unshare-cgroup-try",
            "--hostname",
            "loom",
        ]);
        if !network {
            self.add(["--unshare-net"]);
        }
        // A new session, or characters could be pushed into the user's terminal.
        self.add(["--die-with-parent", "--new-session", "--cap-drop", "ALL"]);
    }

    fn system(&mut self) {
        self.add(["--ro-bind", "/usr", "/usr"]);
        for path in PROGRAMS {
            match std::fs::read_link(path) {
                Ok(target) => self.add([
                    OsStr::new("--symlink"),
                    target.as_os_str(),
                    OsStr::new(path),
                ]),
                Err(_) => self.bind("--ro-bind-try", Path::new(path)),
            }
        }
        for path in MORE_PROGRAMS {
            self.bind("--ro-bind-try", Path::new(path));
        }
        for name in CONFIGURATION {
            self.bind("--ro-bind-try", &Path::new("/etc").join(name));
        }
        self.add([
            "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp",
        ]);
    }

    /// The repository stays where it is, and what git would run stays as it is.
    fn protect_git(&mut self, workspace: &Path) {
        for kept in git::kept(workspace) {
            let how = if kept.writable { "--bind" } else { "--ro-bind" };
            self.bind(how, &kept.path);
        }
    }
}
