//! Kills the command at a chosen system call, by strace.
//!
//! `when=` counts calls by thread, so a point is "the first thread that makes its n-th such call".
//! The command dies before the call is made. Its children are let go at their `execve`: they are
//! not what is tested.

use crate::support::Ran;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The calls by which anything durable, any name and any child comes about.
pub(super) const CALLS: &[&str] = &[
    "chmod",
    "fchmod",
    "fchmodat",
    "fchown",
    "fdatasync",
    "fsync",
    "ftruncate",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "symlink",
    "symlinkat",
    "syncfs",
    "unlink",
    "unlinkat",
    "wait4",
    "waitid",
    "write",
];

/// Just before a thread makes this call for the n-th time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) call: &'static str,
    pub(super) at: usize,
}

/// Whether processes can be traced here.
pub(super) fn is_here() -> bool {
    let mut probe = strace(&["-e", "trace=none", "true"]);
    probe.output().is_ok_and(|output| output.status.success())
}

/// Runs it to its end and counts the calls: the most that any thread made of each.
pub(super) fn count(command: &Command, log: &Path) -> (Ran, BTreeMap<&'static str, usize>) {
    let ran = run(command, &["-e", &format!("trace={}", CALLS.join(","))], log);
    let text = std::fs::read_to_string(log).unwrap();
    let mut by_thread: BTreeMap<(&str, &'static str), usize> = BTreeMap::new();
    for (thread, rest) in text.lines().filter_map(|line| line.split_once(' ')) {
        let called = rest.trim_start().split_once('(').map(|(name, _)| name);
        if let Some(call) = CALLS.iter().find(|call| Some(**call) == called) {
            *by_thread.entry((thread, *call)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((_, call), number) in by_thread {
        let known = most.entry(call).or_insert(0);
        *known = number.max(*known);
    }
    (ran, most)
}

/// Runs it and kills it at the point.
pub(super) fn kill(command: &Command, point: Point, log: &Path) -> Ran {
    let Point { call, at } = point;
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:signal=KILL:when={at}");
    run(command, &["-e", &trace, "-e", &inject], log)
}

fn run(command: &Command, how: &[&str], log: &Path) -> Ran {
    let mut traced = strace(how);
    traced.arg("-o").arg(log);
    traced.arg(command.get_program()).args(command.get_args());
    traced.env_clear();
    let env = command.get_envs().filter_map(|(k, v)| Some((k, v?)));
    traced.envs(env);
    if let Some(dir) = command.get_current_dir() {
        traced.current_dir(dir);
    }
    Ran::new(&traced.output().unwrap())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command is run as a person runs it"
)]
fn strace(how: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-b", "execve"]).args(how);
    strace.stdin(std::process::Stdio::null());
    strace
}
