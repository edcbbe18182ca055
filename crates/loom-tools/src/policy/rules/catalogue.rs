//! Every rule: its name, what it leads to, and why.

use crate::policy::Decision::{self, Ask, Deny};

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule<'a> {
    /// Stable name, recorded with the question.
    pub(crate) name: &'a str,
    /// What it leads to.
    pub(crate) decision: Decision,
    /// Why, as the end of a sentence that starts with what was matched.
    pub(crate) why: &'a str,
    /// Whether what it matches is of no use without the network.
    pub(crate) network: bool,
    /// Whether the user made it.
    pub(crate) by_user: bool,
}

const fn rule(name: &'static str, decision: Decision, why: &'static str) -> Rule<'static> {
    Rule {
        name,
        decision,
        why,
        network: false,
        by_user: false,
    }
}

const fn online(name: &'static str, decision: Decision, why: &'static str) -> Rule<'static> {
    Rule {
        name,
        decision,
        why,
        network: true,
        by_user: false,
    }
}

// What cannot be judged.
pub(crate) const UNREADABLE: Rule = rule("unreadable", Ask, "the line cannot be parsed as bash");
pub(crate) const TOO_LARGE: Rule = rule("too_large", Ask, "it is too long or too deeply nested");
pub(crate) const UNKNOWN_PROGRAM: Rule = rule(
    "unknown_program",
    Ask,
    "which program runs is only known when it runs",
);
pub(crate) const UNKNOWN_CODE: Rule = rule(
    "unknown_code",
    Ask,
    "what is run is only known when it runs",
);
pub(crate) const UNKNOWN_TARGET: Rule = rule(
    "unknown_target",
    Ask,
    "what is removed or changed is only known when it runs",
);
pub(crate) const HIDDEN_TEXT: Rule = rule(
    "hidden_text",
    Deny,
    "it has invisible, misleading or control characters, so that nobody can review it",
);
pub(crate) const HIDDEN_CODE: Rule = rule(
    "hidden_code",
    Deny,
    "it hides what is run behind an encoding",
);

// Damage.
pub(crate) const OUTSIDE_CHANGE: Rule = rule(
    "outside_change",
    Deny,
    "it changes what is outside of the workspace",
);
pub(crate) const DISK: Rule = rule("disk", Deny, "it works on disks or devices");
pub(crate) const FORK_BOMB: Rule = rule("fork_bomb", Deny, "it starts processes without end");
pub(crate) const EXHAUST: Rule = rule("exhaust", Deny, "it fills the disk or uses up the machine");
pub(crate) const KILL_ALL: Rule = rule(
    "kill_all",
    Deny,
    "it ends processes that are not the task's own",
);
pub(crate) const KILL_BY_NAME: Rule = rule(
    "kill_by_name",
    Ask,
    "it ends processes by name, whoever started them",
);
pub(crate) const POWER: Rule = rule("power", Deny, "it stops the machine or its services");
pub(crate) const KERNEL: Rule = rule("kernel", Deny, "it changes settings of the kernel");
pub(crate) const SERVICES: Rule = rule("services", Ask, "it controls services of the machine");
pub(crate) const DELETE_MANY: Rule = rule(
    "delete_many",
    Ask,
    "it deletes many files of the workspace at once",
);
pub(crate) const DELETE_HISTORY: Rule = rule(
    "delete_history",
    Ask,
    "it removes the history of the project",
);
pub(crate) const EDIT_MANY: Rule = rule(
    "edit_many",
    Ask,
    "it rewrites many files of the workspace at once",
);
pub(crate) const WIDE_MODE: Rule = rule("wide_mode", Ask, "it opens permissions for everybody");
pub(crate) const SET_ID: Rule = rule(
    "set_id",
    Deny,
    "it lets a program run with the rights of its owner, whoever starts it",
);
pub(crate) const DATABASE: Rule =
    rule("database", Ask, "it removes or rewrites data in a database");

// Version control.
pub(crate) const DISCARD: Rule = rule(
    "discard_work",
    Ask,
    "it throws away changes that are not committed",
);
pub(crate) const REWRITE: Rule = rule("rewrite_history", Ask, "it rewrites or removes history");
pub(crate) const GIT_CODE: Rule =
    rule("git_code", Deny, "it makes git run a program, now or later");
pub(crate) const GIT_GLOBAL: Rule = rule(
    "git_global",
    Deny,
    "it changes git's settings for everything the user does",
);
pub(crate) const TOOL_SETTINGS: Rule = rule(
    "tool_settings",
    Deny,
    "it changes settings of a tool for everything the user does",
);
pub(crate) const GIT_INTERNALS: Rule = rule(
    "git_internals",
    Deny,
    "git's own files run code outside of the sandbox",
);

// The network.
pub(crate) const NETWORK: Rule = online("network", Ask, "it needs the network");
pub(crate) const INSTALL: Rule = online(
    "install",
    Ask,
    "it downloads software, which may run code of its own",
);
pub(crate) const SYSTEM_PACKAGES: Rule = online(
    "system_packages",
    Ask,
    "it changes the packages of the machine",
);
pub(crate) const PUBLISH: Rule = online("publish", Ask, "it publishes or sends something");
pub(crate) const REMOTE_STATE: Rule = online(
    "remote_state",
    Ask,
    "it works on systems outside of this machine",
);
pub(crate) const REMOTE_CODE: Rule = online(
    "remote_code",
    Ask,
    "it runs a program that was just downloaded",
);
pub(crate) const UPLOAD: Rule = online("upload", Ask, "it sends files of the workspace away");
pub(crate) const EXFILTRATE: Rule = rule(
    "exfiltrate",
    Deny,
    "it sends what it read here to somewhere else",
);
pub(crate) const REMOTE_SHELL: Rule = rule(
    "remote_shell",
    Deny,
    "it gives a shell to somebody on the network",
);
pub(crate) const LOCAL_LOGIN: Rule = rule(
    "local_login",
    Deny,
    "it logs in to this machine, outside of the sandbox",
);
pub(crate) const METADATA: Rule = rule(
    "metadata",
    Deny,
    "the address hands out credentials of the machine",
);
pub(crate) const LOCAL_SERVICE: Rule = rule(
    "local_service",
    Ask,
    "it may change something through a service of this machine",
);
pub(crate) const SHARED_NETWORK: Rule = rule(
    "shared_network",
    Ask,
    "it would use the network that another command of the line is allowed",
);
pub(crate) const SERVER: Rule = rule("server", Ask, "it serves files to the network");

// Secrets.
pub(crate) const SECRET: Rule = rule("secret_file", Ask, "the file usually holds secrets");
pub(crate) const SECRET_OUTSIDE: Rule =
    rule("secret_outside", Deny, "the file holds secrets of the user");
pub(crate) const CREDENTIALS: Rule = rule(
    "credentials",
    Deny,
    "it shows stored passwords, keys or tokens",
);
pub(crate) const HISTORY: Rule = rule(
    "shell_history",
    Deny,
    "what the user typed may hold secrets",
);
pub(crate) const DESKTOP: Rule = rule(
    "desktop",
    Deny,
    "it takes what the user has copied, has on the screen or says",
);
pub(crate) const HOME_SWEEP: Rule =
    rule("home_sweep", Deny, "it reads everything that the user has");
pub(crate) const OUTSIDE_READ: Rule = rule(
    "outside_read",
    Ask,
    "it reads a file of the user outside of the workspace",
);
pub(crate) const ENVIRONMENT: Rule = rule(
    "environment",
    Ask,
    "it shows the environment, in which secrets are often kept",
);

// Ways out.
pub(crate) const PRIVILEGE: Rule = rule(
    "privilege",
    Deny,
    "it takes the rights of another user, and nobody can enter a password",
);
pub(crate) const NAMESPACE: Rule =
    rule("namespace", Deny, "it changes what the sandbox is made of");
pub(crate) const CONTAINER: Rule = rule(
    "container",
    Ask,
    "who controls containers controls the machine",
);
pub(crate) const CONTAINER_HOST: Rule = rule(
    "container_host",
    Deny,
    "it reaches the machine through a container",
);
pub(crate) const TRACE: Rule = rule("trace", Deny, "it takes control of another process");
pub(crate) const PERSIST: Rule = rule(
    "persist",
    Deny,
    "it arranges for something to run later, outside of the sandbox",
);
pub(crate) const OUTLIVES: Rule = rule(
    "outlives",
    Ask,
    "it leaves a process running after the command",
);
pub(crate) const LINK_OUT: Rule = rule("link_out", Deny, "the link leads out of the workspace");
pub(crate) const SHADOW: Rule = rule(
    "shadowed_programs",
    Deny,
    "programs would be taken from a directory that a task can write",
);
pub(crate) const INJECTED_CODE: Rule = rule(
    "injected_code",
    Deny,
    "the setting makes other programs run code",
);
pub(crate) const RUN_LATER: Rule = rule(
    "runs_elsewhere",
    Ask,
    "editors, shells or agents run what stands there",
);
pub(crate) const PLANTED: Rule = rule(
    "planted",
    Deny,
    "it hides in a file what would not be allowed here",
);
pub(crate) const LOOM: Rule = rule(
    "loom",
    Deny,
    "a task must not reach Loom's own controls or data",
);
