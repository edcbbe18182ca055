//! The sandbox of macOS: a profile in its own language, for `sandbox-exec`.
//!
//! Written from the documentation that there is and never run on a Mac by its author. The survey
//! tries it before it is used, so what does not work there is refused, not run bare.

use super::{Wrapped, private};
use crate::CommandSpec;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// What it says first when it does not come up.
pub(super) const COMPLAINT: &str = "sandbox-exec: ";

pub(super) const PROGRAM: &str = "/usr/bin/sandbox-exec";

pub(super) const WEAKNESS: &str = "the sandbox of macOS: files, network and signals are confined, but a process that leaves its group and clears its environment may outlive its command";

/// Where programs, libraries and their data are.
const SYSTEM: &[&str] = &[
    "/System",
    "/Library/Developer",
    "/Library/Frameworks",
    "/Library/Java",
    "/Applications/Xcode.app",
    "/bin",
    "/opt/homebrew",
    "/opt/local",
    "/private/etc/localtime",
    "/private/etc/hosts",
    "/private/etc/paths",
    "/private/etc/paths.d",
    "/private/etc/profile",
    "/private/etc/protocols",
    "/private/etc/resolv.conf",
    "/private/etc/services",
    "/private/etc/shells",
    "/private/etc/ssl",
    "/private/var/db/timezone",
    "/private/var/select",
    "/sbin",
    "/usr",
];

const DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/dev/dtracehelper",
];

/// Services of the system that the C library asks for users and zones, and no service that starts
/// programs.
const SERVICES: &[&str] = &[
    "com.apple.system.opendirectoryd.libinfo",
    "com.apple.system.notification_center",
    "com.apple.system.logger",
];

/// More of them for names and certificates.
const NETWORK_SERVICES: &[&str] = &[
    "com.apple.dnssd.service",
    "com.apple.trustd.agent",
    "com.apple.SystemConfiguration.configd",
    "com.apple.networkd",
];

pub(super) fn wrap(spec: &CommandSpec, line: Vec<OsString>) -> io::Result<Wrapped> {
    let temporary = private::temporary(spec)?;
    let mut env = vec![("TMPDIR".into(), temporary.into())];
    env.extend(private::home(spec)?.map(|home| ("HOME".into(), home.into())));
    let mut words: Vec<OsString> = vec![PROGRAM.into(), "-p".into(), profile(spec)?.into()];
    words.extend(line);
    Ok(Wrapped {
        line: words,
        env,
        watches_input: false,
    })
}

/// The profile: everything is denied but what is named, and of two rules the later one holds.
pub(super) fn profile(spec: &CommandSpec) -> io::Result<String> {
    let mut rules = Rules::default();
    rules.add("(version 1)\n(deny default)");
    rules.add("(allow process-fork)\n(allow process-exec)");
    rules.add("(allow signal (target same-sandbox))\n(allow process-info* (target same-sandbox))");
    rules.add("(allow sysctl-read)\n(allow file-read-metadata)");
    rules.add("(allow ipc-posix-sem)\n(allow ipc-posix-shm*)");
    for service in SERVICES {
        rules.add(&format!("(allow mach-lookup (global-name \"{service}\"))"));
    }
    if spec.network {
        rules.add("(allow network-outbound)\n(allow network-inbound (local ip \"localhost:*\"))");
        rules.add("(deny network-outbound (remote unix-socket))\n(allow system-socket)");
        for service in NETWORK_SERVICES {
            rules.add(&format!("(allow mach-lookup (global-name \"{service}\"))"));
        }
    }
    rules.paths("allow file-read*", SYSTEM.iter().map(Path::new))?;
    rules.paths(
        "allow file-read* file-write* file-ioctl",
        DEVICES.iter().map(Path::new),
    )?;
    rules.paths(
        "allow file-read*",
        spec.readable.iter().map(PathBuf::as_path),
    )?;
    let own = [&spec.workspace, &spec.scratch].into_iter();
    let write = own.chain(&spec.writable).map(PathBuf::as_path);
    rules.paths("allow file-read* file-write*", write)?;
    // What git would run outside later stays as it is.
    let git = spec.workspace.join(".git");
    let kept = ["hooks", "config", "config.worktree"].map(|name| git.join(name));
    rules.paths("deny file-write*", kept.iter().map(PathBuf::as_path))?;
    rules.literal("deny file-write-unlink", &git)?;
    Ok(rules.0)
}

#[derive(Default)]
struct Rules(String);

impl Rules {
    fn add(&mut self, rule: &str) {
        self.0.push_str(rule);
        self.0.push('\n');
    }

    /// One rule for each path and everything below it.
    fn paths<'a>(&mut self, what: &str, paths: impl Iterator<Item = &'a Path>) -> io::Result<()> {
        for path in paths {
            let quoted = quoted(path)?;
            self.add(&format!("({what} (subpath {quoted}))"));
        }
        Ok(())
    }

    fn literal(&mut self, what: &str, path: &Path) -> io::Result<()> {
        let quoted = quoted(path)?;
        self.add(&format!("({what} (literal {quoted}))"));
        Ok(())
    }
}

/// A path as a string of the profile's language. On macOS a name is UTF-8; what is not, and what
/// would end the string in a way nobody wrote down, has no rule.
fn quoted(path: &Path) -> io::Result<String> {
    let name: &OsStr = path.as_os_str();
    let text = name
        .to_str()
        .filter(|text| !text.chars().any(char::is_control));
    let text = text
        .ok_or_else(|| io::Error::other(format!("no rule can name the path {}", path.display())))?;
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!("\"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommandLine, Sandbox};
    use std::time::Duration;

    fn spec(workspace: &str, network: bool) -> CommandSpec {
        CommandSpec {
            command: CommandLine::Shell(String::new()),
            workspace: workspace.into(),
            cwd: workspace.into(),
            env: Vec::new(),
            timeout: Duration::from_secs(1),
            output_cap: 1,
            sandbox: Sandbox::Seatbelt,
            scratch: "/data/scratch".into(),
            readable: vec!["/Users/me/.rustup".into()],
            writable: Vec::new(),
            network,
            label: String::new(),
        }
    }

    #[test]
    fn everything_is_denied_but_what_is_named() {
        let text = profile(&spec("/Users/me/project", false)).unwrap();
        let rules: Vec<_> = text.lines().collect();
        assert_eq!(rules[..2], ["(version 1)", "(deny default)"]);
        assert!(rules.contains(&"(allow file-read* file-write* (subpath \"/Users/me/project\"))"));
        assert!(rules.contains(&"(allow file-read* (subpath \"/Users/me/.rustup\"))"));
        assert!(!text.contains("network"), "{text}");
        assert!(!text.contains("(subpath \"/Users/me\")"), "{text}");
    }

    #[test]
    fn what_git_runs_is_denied_after_the_workspace_is_allowed() {
        let text = profile(&spec("/w", false)).unwrap();
        let at = |rule: &str| text.find(rule).unwrap_or_else(|| panic!("{rule}: {text}"));
        let allowed = at("(allow file-read* file-write* (subpath \"/w\"))");
        assert!(at("(deny file-write* (subpath \"/w/.git/hooks\"))") > allowed);
        assert!(at("(deny file-write* (subpath \"/w/.git/config\"))") > allowed);
    }

    #[test]
    fn the_network_is_there_only_when_it_is_granted_and_local_services_never() {
        let text = profile(&spec("/w", true)).unwrap();
        assert!(text.contains("(allow network-outbound)"), "{text}");
        assert!(
            text.contains("(deny network-outbound (remote unix-socket))"),
            "{text}"
        );
    }

    #[test]
    fn a_path_cannot_end_its_string() {
        let text = profile(&spec("/w\") (allow default) (\"\\", false)).unwrap();
        assert!(
            text.contains(r#"(subpath "/w\") (allow default) (\"\\")"#),
            "{text}"
        );
        assert!(
            !text.lines().any(|rule| rule == "(allow default)"),
            "{text}"
        );
        assert!(profile(&spec("/w\n(allow default)", false)).is_err());
    }
}
