//! What surrounds a command: the environment, the sandbox, the limits.

use crate::ShellSettings;
use crate::policy::{Judgement, Where};
use loom_workspace::{CommandLine, CommandSpec, Sandbox, Workspace, toolchains};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of output that are kept of one command; what is shown of it is much less.
const KEPT_OUTPUT: usize = 1 << 20;

/// Said to everything that asks: nobody is here to answer, and no terminal to draw on.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("CARGO_TERM_COLOR", "never"),
    ("GIT_EDITOR", "true"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LANG", "C.UTF-8"),
    ("NO_COLOR", "1"),
    ("PAGER", "cat"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("TERM", "dumb"),
];

/// One line for the shell, and where it runs.
pub(super) struct Line<'a> {
    pub(super) line: &'a str,
    pub(super) workspace: &'a Workspace,
    pub(super) scratch: &'a Path,
    pub(super) timeout: Duration,
    pub(super) network: bool,
    pub(super) label: &'a str,
}

/// Everything that a run needs; nothing is inherited from Loom's own surroundings.
pub(super) fn spec(line: &Line<'_>, shell: &ShellSettings) -> CommandSpec {
    let home = shell.home.as_deref().unwrap_or(line.scratch);
    let mut env: Vec<(OsString, OsString)> = ENVIRONMENT
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    env.push(("PATH".into(), shell.path_env.clone()));
    env.push(("HOME".into(), home.into()));
    env.push(("LOOM_SCRATCH".into(), line.scratch.into()));
    CommandSpec {
        command: CommandLine::Shell(line.line.to_owned()),
        workspace: line.workspace.path().to_owned(),
        cwd: line.workspace.path().to_owned(),
        env,
        timeout: line.timeout,
        output_cap: KEPT_OUTPUT,
        sandbox: shell.sandbox.clone(),
        scratch: line.scratch.to_owned(),
        readable: readable(shell),
        writable: shell.writable.clone(),
        network: line.network || shell.network,
        label: unique(line.label),
    }
}

/// The user's toolchains, and what is granted beside them; a container has the toolchains of its image.
fn readable(shell: &ShellSettings) -> Vec<PathBuf> {
    let home = shell.home.as_deref();
    let own = home.filter(|_| !matches!(shell.sandbox, Sandbox::Docker(_)));
    let mut readable = own.map(toolchains).unwrap_or_default();
    readable.extend(shell.readable.iter().cloned());
    readable
}

/// A label of its own for each run, below the one that was given: the end of one run also ends what
/// it left behind, and must not end another run of the same task.
fn unique(label: &str) -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    format!("{label}/{}", RUNS.fetch_add(1, Ordering::Relaxed))
}

/// What the policy says about a line of this task.
pub(super) fn judged(
    line: &str,
    workspace: Option<&Workspace>,
    shell: &ShellSettings,
) -> Judgement {
    let place = Where {
        workspace: workspace.map(Workspace::path),
        network: shell.network,
    };
    shell.policy.judge(line, &place)
}
