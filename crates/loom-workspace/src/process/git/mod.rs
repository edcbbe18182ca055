//! What git would run outside of the sandbox, later, without anybody meaning to: a shell prompt or an
//! editor asks every repository that it sees for its state, and `core.fsmonitor` or a hook answers.
//!
//! The rule, for every repository in the workspace, nested ones, submodules and worktrees included:
//!
//! * what was there before a command stays as it was: its `hooks`, `config`, `config.worktree` and
//!   `commondir`. The workspace's own repository cannot even be changed in bubblewrap and in
//!   containers, where these are mounted read-only; everywhere else a change is put back when the
//!   command has ended.
//! * what is new may not run anything: a new hook is moved to `loom-held` in its repository, a new
//!   configuration keeps the keys that name no program, and a `.git` that leads to a place which was
//!   not looked at is moved aside.
//!
//! So `git init`, `clone`, `commit`, branches, tags and stashes work; `git config` and `git remote
//! add` in a repository of the user's do not. Each correction is reported, with the output of the
//! command. Files of the working tree that hooks call (`.husky/`, a `Makefile`) are files like any
//! other: what changes in them is in the diff. Why so: `docs/decisions/0007`.

mod config;
mod find;
mod mounts;
mod picture;
mod place;

pub(super) use mounts::kept;
pub(super) use picture::Picture;

use std::path::{Path, PathBuf};

/// Everything of the workspace's own repository, its submodules and worktrees that runs code.
pub(super) fn runs_code(workspace: &Path) -> Vec<PathBuf> {
    let found = find::repositories(&workspace.join(".git"));
    let of_each = found.directories.iter();
    of_each
        .flat_map(|dir| picture::CODE.iter().map(|name| dir.join(name)))
        .collect()
}
