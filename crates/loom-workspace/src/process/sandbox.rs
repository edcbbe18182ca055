//! The sandbox around a child process: bubblewrap, with everything named that is let in.
//!
//! In: the system's programs, toolchains that the caller names, the workspace, the scratch
//! directory. Out: the home directory, Loom's data, other processes, the network, and git's hooks
//! and configuration, which would run code outside later. The command policy saves questions; this
//! is the boundary.

use super::DockerSandbox;
use crate::CommandSpec;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

/// How long the first try may take; it takes some 20 ms.
const PROBE_TIME: Duration = Duration::from_secs(5);

/// Where programs and libraries are; a link is made again as a link.
const PROGRAMS: &[&str] = &["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// More programs, where a system keeps them.
const MORE_PROGRAMS: &[&str] = &["/opt", "/nix/store", "/gnu/store", "/run/current-system"];

/// What programs need of the configuration; nothing in it is secret.
const CONFIGURATION: &[&str] = &[
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "default/locale",
    "fonts",
    "gitconfig",
    "group",
    "hosts",
    "inputrc",
    "java",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki/ca-trust",
    "pki/tls/certs",
    "pki/tls/cert.pem",
    "profile",
    "protocols",
    "python3",
    "resolv.conf",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "static",
    "terminfo",
    "timezone",
];

/// Toolchains under a home directory. Of cargo not all: its credentials lie beside its programs.
const TOOLCHAINS: &[&str] = &[
    ".asdf",
    ".bun/bin",
    ".cargo/bin",
    ".cargo/config.toml",
    ".cargo/env",
    ".cargo/git",
    ".cargo/registry",
    ".deno/bin",
    ".ghcup",
    ".goenv",
    ".jenv",
    ".juliaup",
    ".local/bin",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pnpm",
    ".local/share/uv",
    ".nodenv",
    ".nvm",
    ".opam",
    ".pyenv",
    ".rbenv",
    ".rustup",
    ".sdkman",
    ".volta",
    "go",
];

/// What stands between a command and the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// Bubblewrap, at this path: own file system view, processes and network.
    Bubblewrap(PathBuf),
    /// A container of a Docker or Podman engine for each command, on request only.
    Docker(DockerSandbox),
    /// Nothing. The caller must announce it as degraded.
    None,
}

/// The strongest sandbox that works here. Tries it once, which takes some 20 ms and blocks.
#[must_use]
pub fn detect_sandbox(path_env: &OsStr) -> Sandbox {
    match find_program(path_env, "bwrap") {
        Some(bwrap) if works(&bwrap) => Sandbox::Bubblewrap(bwrap),
        _ => Sandbox::None,
    }
}

/// Toolchains under a home directory that exist, for [`CommandSpec::readable`].
#[must_use]
pub fn toolchains(home: &Path) -> Vec<PathBuf> {
    let there = |path: &PathBuf| path.exists();
    TOOLCHAINS
        .iter()
        .map(|name| home.join(name))
        .filter(there)
        .collect()
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

/// Whether a sandbox like ours comes up: the program may be there and namespaces forbidden.
fn works(bwrap: &Path) -> bool {
    let mut arguments = Arguments::default();
    arguments.isolate(false);
    arguments.system();
    arguments.add(["--", "/bin/sh", "-c", "exit 0"]);
    #[expect(
        clippy::disallowed_methods,
        reason = "this crate starts processes; the probe is over before any runtime is needed"
    )]
    let mut command = std::process::Command::new(bwrap);
    command.args(arguments.0).env_clear();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more when it took too long.
        sender.send(command.status()).ok();
    });
    matches!(receiver.recv_timeout(PROBE_TIME), Ok(Ok(status)) if status.success())
}

/// The arguments of bubblewrap for a command.
pub(super) fn bubblewrap(spec: &CommandSpec, command: &[OsString]) -> Vec<OsString> {
    let mut arguments = Arguments::default();
    arguments.isolate(spec.network);
    arguments.system();
    let home = spec.env.iter().find(|(name, _)| name == "HOME");
    if let Some((_, home)) = home.filter(|(_, home)| Path::new(home).parent().is_some()) {
        arguments.add([OsStr::new("--tmpfs"), home]);
    }
    for path in &spec.readable {
        arguments.bind("--ro-bind-try", path);
    }
    arguments.bind("--bind", &spec.workspace);
    arguments.bind("--bind", &spec.scratch);
    arguments.protect_git(&spec.workspace);
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
        for kept in super::git::kept(workspace) {
            let how = if kept.writable { "--bind" } else { "--ro-bind" };
            self.bind(how, &kept.path);
        }
    }
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
    fn without_the_program_there_is_no_sandbox() {
        assert_eq!(detect_sandbox(OsStr::new("/nowhere")), Sandbox::None);
    }

    #[test]
    fn credentials_are_no_toolchain() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".cargo/bin")).unwrap();
        std::fs::write(home.path().join(".cargo/credentials.toml"), "").unwrap();
        assert_eq!(toolchains(home.path()), [home.path().join(".cargo/bin")]);
    }
}
