//! What a command reads, writes and removes.

use super::argv::Argv;
use super::feed::Feed;
use super::output::is_endless;
use super::place::{OUTPUT, Place, UNKNOWN, is_all};
use super::rules;
use super::walk::Walk;
use crate::secrets::is_secret;
use loom_workspace::{Guard, guard};

impl Walk<'_> {
    pub(super) fn place(&self, path: &str) -> Place {
        Place::of(path, &self.state.cwd, self.workspace)
    }

    /// A path that a command reads, or of which it shows names.
    pub(super) fn reads(&mut self, path: &str, names_only: bool, what: &str) {
        if rules::SOCKETS.iter().any(|socket| path.ends_with(socket)) {
            self.matched(rules::CONTAINER_HOST, what);
            return;
        }
        if is_loom(path) {
            self.matched(rules::LOOM, what);
            return;
        }
        if path.starts_with("/dev/tcp/") || path.starts_with("/dev/udp/") {
            self.matched(rules::REMOTE_SHELL, what);
            return;
        }
        match self.place(path) {
            Place::Workspace(inside) => {
                if !names_only && is_secret(&inside) {
                    self.matched(rules::SECRET, what);
                }
            }
            Place::Home(inside) => self.reads_home(&inside, names_only, what),
            Place::System(path) => self.reads_system(&path, names_only, what),
            Place::Parent(inside) => {
                if is_secret(&inside) || is_loom(&inside) {
                    self.matched(rules::SECRET_OUTSIDE, what);
                } else if !names_only {
                    self.matched(rules::OUTSIDE_READ, what);
                }
            }
            Place::Temporary | Place::Stream | Place::Unknown => {}
        }
    }

    fn reads_home(&mut self, inside: &str, names_only: bool, what: &str) {
        let listed = rules::HOME_SECRETS
            .iter()
            .any(|secret| inside.starts_with(secret));
        let secret = listed || is_secret(inside) || inside.ends_with("_history");
        if secret && (!names_only || inside.contains('/')) {
            self.matched(rules::SECRET_OUTSIDE, what);
        } else if names_only {
            if secret {
                self.matched(rules::OUTSIDE_READ, what);
            }
        } else if is_all(inside) {
            self.matched(rules::HOME_SWEEP, what);
        } else if !is_toolchain(inside) {
            self.matched(rules::OUTSIDE_READ, what);
        }
    }

    fn reads_system(&mut self, path: &str, names_only: bool, what: &str) {
        if rules::SYSTEM_SECRETS
            .iter()
            .any(|secret| path.starts_with(secret))
            && !names_only
        {
            self.matched(rules::SECRET_OUTSIDE, what);
        } else if let Some(process) = path.strip_prefix("/proc/") {
            let (owner, file) = process.split_once('/').unwrap_or((process, ""));
            let opens = [
                "environ",
                "mem",
                "root",
                "fd",
                "maps",
                "cwd",
                "task",
                "map_files",
            ];
            let is_own = matches!(owner, "self" | "thread-self" | "$$");
            if owner == "kcore" || (!is_own && opens.iter().any(|name| file.starts_with(name))) {
                self.matched(rules::SECRET_OUTSIDE, what);
            } else if file.starts_with("environ") {
                self.matched(rules::ENVIRONMENT, what);
            } else if file.starts_with("root") || file.starts_with("mem") {
                self.matched(rules::TRACE, what);
            }
        } else if is_disk(path) {
            self.matched(rules::DISK, what);
        } else if !names_only
            && (path == "/"
                || path == "/*"
                || path == "/home"
                || path == "/Users"
                || path == "/etc")
        {
            self.matched(rules::HOME_SWEEP, what);
        } else if is_secret(path)
            && !names_only
            && !path.starts_with("/usr/")
            && !path.starts_with("/etc/ssl/certs")
        {
            self.matched(rules::SECRET_OUTSIDE, what);
        }
    }

    /// A path that a command makes or changes.
    pub(super) fn writes(&mut self, path: &str, what: &str) {
        if rules::SOCKETS.iter().any(|socket| path.ends_with(socket)) {
            self.matched(rules::CONTAINER_HOST, what);
        } else if is_loom(path) {
            self.matched(rules::LOOM, what);
        } else if path.starts_with("/dev/tcp/") || path.starts_with("/dev/udp/") {
            self.matched(rules::REMOTE_SHELL, what);
        } else {
            self.writes_place(&self.place(path), what);
        }
    }

    fn writes_place(&mut self, place: &Place, what: &str) {
        match place {
            Place::Workspace(inside) => match guard(inside) {
                Guard::Never(_) => self.matched(rules::GIT_INTERNALS, what),
                Guard::Ask(_) => self.matched(rules::RUN_LATER, what),
                Guard::Free if is_secret(inside) => self.matched(rules::SECRET, what),
                Guard::Free => {}
            },
            Place::System(path) if is_disk(path) => self.matched(rules::DISK, what),
            Place::Parent(_) | Place::Home(_) | Place::System(_) => {
                self.matched(rules::OUTSIDE_CHANGE, what);
            }
            Place::Unknown => self.matched(rules::UNKNOWN_TARGET, what),
            Place::Temporary | Place::Stream => {}
        }
    }

    /// A path that a command removes.
    pub(super) fn removes(&mut self, path: &str, recursive: bool, what: &str) {
        let Place::Workspace(inside) = self.place(path) else {
            self.writes(path, what);
            return;
        };
        let first = inside.split('/').next().unwrap_or_default();
        let is_listed = |list: &str| list.split(' ').any(|name| name == inside);
        if is_loom(path) {
            self.matched(rules::LOOM, what);
        } else if recursive && first.starts_with([UNKNOWN, OUTPUT]) {
            // It may be empty, and then this is everything.
            self.matched(rules::UNKNOWN_TARGET, what);
        } else if first == ".git" {
            self.matched(rules::DELETE_HISTORY, what);
        } else if is_all(&inside) || (recursive && is_listed(rules::SOURCES)) {
            self.matched(rules::DELETE_MANY, what);
        } else {
            self.writes_place(&Place::Workspace(inside), what);
        }
    }

    /// What a redirection reads.
    pub(super) fn read_file(&mut self, path: &str, what: &str) -> Feed {
        if let Some(feed) = self.process_output(path) {
            return feed;
        }
        let before = self.mark();
        self.reads(path, false, what);
        let secret = !self.rules_since(before).is_empty();
        match self.place(path) {
            Place::Stream if is_endless(path) => Feed::endless(),
            Place::Stream => Feed::default(),
            _ => Feed::local(secret),
        }
    }

    /// What a redirection or `tee` writes; text for a file that runs is judged as what it is.
    pub(super) fn write_file(&mut self, path: &str, content: &Feed) {
        self.writes(path, &format!("> {path}"));
        let extension = path
            .rsplit('/')
            .next()
            .and_then(|name| name.rsplit_once('.'));
        let extension = extension.map_or("", |(_, extension)| extension);
        if let Some(text) = content
            .text
            .as_ref()
            .filter(|_| !rules::DOCUMENTS.contains(&extension))
        {
            let text = text.clone();
            self.plants(&text, extension);
        }
    }

    /// What a `<(…)` yields, by the name of its file.
    pub(super) fn process_output(&self, path: &str) -> Option<Feed> {
        let number: usize = path.strip_prefix("/dev/fd/")?.parse().ok()?;
        self.processes.get(number.checked_sub(1000)?).cloned()
    }

    /// Programs that make, change, copy and remove files. None when it is another program.
    pub(super) fn file_program(&mut self, argv: &Argv, stdin: &Feed) -> Option<Feed> {
        let shown = argv.shown();
        match argv.program.as_str() {
            "rm" | "rmdir" | "unlink" | "shred" | "srm" | "rimraf" | "trash" | "trash-put"
            | "del-cli" | "wipe" => {
                let recursive =
                    argv.has_any(&["-r", "-R", "--recursive"]) || argv.program == "rimraf";
                for path in argv.operands("-n -s --iterations --size") {
                    self.removes(path, recursive, &shown);
                }
            }
            "install" => {
                let modes = [argv.values("-m"), argv.values("--mode")].concat();
                if modes.into_iter().any(sets_id) {
                    self.matched(rules::SET_ID, &*shown);
                }
                self.copies(argv);
            }
            "mknod"
                if argv
                    .args
                    .iter()
                    .any(|arg| matches!(arg.as_str(), "b" | "c" | "u")) =>
            {
                self.matched(rules::DISK, shown);
            }
            "mv" => self.moves(argv),
            "cp" | "ditto" | "gcp" => self.copies(argv),
            "ln" => self.links(argv),
            "gunzip" | "bunzip2" | "unxz" | "unzstd" if argv.has_any(&["-c", "--stdout"]) => {
                return None;
            }
            "fallocate" if argv.values("-l").into_iter().any(|l| size(l) > MOST_BYTES) => {
                self.matched(rules::EXHAUST, shown);
            }
            "touch" | "mkdir" | "mkfifo" | "mknod" | "truncate" | "sponge" | "setfacl" | "gzip"
            | "gunzip" | "bzip2" | "bunzip2" | "xz" | "unxz" | "zstd" | "fallocate"
            | "dos2unix" | "unix2dos" => {
                for path in argv.operands("-s --size -m --mode -d -r -t --date --reference -l -o") {
                    self.writes(path, &shown);
                }
            }
            "chmod" | "chown" | "chgrp" | "chattr" => self.changes_modes(argv),
            "tee" => {
                for path in argv.operands("") {
                    self.writes(path, &shown);
                    self.write_file(path, stdin);
                }
                if stdin.endless
                    && argv
                        .operands("")
                        .iter()
                        .any(|p| self.place(p) != Place::Stream)
                {
                    self.matched(rules::EXHAUST, shown);
                }
                return Some(stdin.clone());
            }
            "dd" => {
                if fills(argv) {
                    self.matched(rules::EXHAUST, &*shown);
                }
                for path in argv.args.iter().filter_map(|arg| arg.strip_prefix("of=")) {
                    self.writes(path, &shown);
                }
            }
            _ => return None,
        }
        Some(Feed::default())
    }

    fn moves(&mut self, argv: &Argv) {
        let shown = argv.shown();
        for target in argv
            .values("-t")
            .into_iter()
            .chain(argv.values("--target-directory"))
        {
            self.writes(target, &shown);
        }
        let paths = argv.operands("-t -S --target-directory --suffix");
        let Some((target, sources)) = paths.split_last() else {
            return;
        };
        for source in sources {
            self.removes(source, false, &shown);
        }
        self.writes(target, &shown);
    }

    fn copies(&mut self, argv: &Argv) {
        let shown = argv.shown();
        let targets = argv
            .values("-t")
            .into_iter()
            .chain(argv.values("--target-directory"));
        for target in targets {
            self.writes(target, &shown);
        }
        let paths = argv.operands("-t -S -m -o -g --target-directory --mode --owner --group");
        let Some((target, sources)) = paths.split_last() else {
            return;
        };
        // `cp .env.example .env`: nothing secret is in it yet.
        let from_sample = sources.len() == 1 && is_sample(sources[0]) && is_secret(target);
        if !(from_sample && matches!(self.place(target), Place::Workspace(_))) {
            self.writes(target, &shown);
        } else {
            self.forget(rules::SECRET);
        }
    }

    fn links(&mut self, argv: &Argv) {
        let shown = argv.shown();
        let paths = argv.operands("-t -S");
        let Some((name, targets)) = paths.split_last() else {
            return;
        };
        let symbolic = argv.has_any(&["-s", "--symbolic"]);
        let targets = if targets.is_empty() {
            std::slice::from_ref(name)
        } else {
            targets
        };
        for target in targets {
            match self.place(target) {
                // Beside the workspace there is nothing in the sandbox; the link leads nowhere.
                Place::Parent(rest)
                    if symbolic && !is_all(&rest) && !is_secret(&rest) && !is_loom(target) =>
                {
                    self.forget(rules::OUTSIDE_READ);
                }
                Place::Parent(_) | Place::Home(_) => self.matched(rules::LINK_OUT, &*shown),
                Place::System(path) if !path.starts_with("/usr/") && !path.starts_with("/opt/") => {
                    self.matched(rules::LINK_OUT, &*shown);
                }
                _ => {}
            }
        }
        if paths.len() > 1 {
            self.writes(name, &shown);
        }
    }

    fn changes_modes(&mut self, argv: &Argv) {
        let shown = argv.shown();
        let operands = argv.operands("--reference");
        let (mode, paths) = match operands.split_first() {
            Some((mode, paths)) if !argv.has("--reference") => (*mode, paths),
            _ => ("", operands.as_slice()),
        };
        for path in paths {
            // A mode of a secret file is no secret.
            match self.place(path) {
                Place::Workspace(inside) if !inside.split('/').any(|name| name == ".git") => {}
                place => self.writes_place(&place, &shown),
            }
        }
        let recursive = argv.has_any(&["-R", "--recursive"]);
        let wide = recursive && matches!(mode, "777" | "0777" | "a+rwx" | "ugo+rwx" | "000" | "0");
        if argv.program == "chmod" && sets_id(mode) {
            self.matched(rules::SET_ID, &*shown);
        }
        if argv.program == "chmod" && wide {
            self.matched(rules::WIDE_MODE, &*shown);
        }
        if argv.program == "chattr" || (argv.program != "chmod" && recursive) {
            self.matched(rules::WIDE_MODE, shown);
        }
    }

    /// Takes back what was only suspected of the last command.
    fn forget(&mut self, rule: rules::Rule<'static>) {
        let here = self.current();
        self.retain_since(0, |one| one.rule != rule || one.command != here);
    }
}

/// Loom's own data and settings.
pub(super) fn is_loom(path: &str) -> bool {
    let names: Vec<&str> = path.split('/').collect();
    names.iter().any(|name| {
        matches!(*name, "loom-data" | ".loom" | "loom.toml" | "loom.lock")
            || name.starts_with("loom.db")
    }) || ["share/loom", "config/loom", "Support/loom", "lib/loom"]
        .iter()
        .any(|dir| path.ends_with(dir) || path.contains(&format!("{dir}/")))
}

/// Whether a mode lets a program run with the rights of its owner or group.
fn sets_id(mode: &str) -> bool {
    let symbolic = mode.split(',').any(|part| {
        part.split_once(['+', '='])
            .is_some_and(|(_, what)| what.contains('s'))
    });
    let is_octal = mode.len() >= 4 && mode.chars().all(|c| c.is_digit(8));
    let special = mode.trim_start_matches('0');
    symbolic
        || (is_octal && special.len() == 4 && special.starts_with(['2', '4', '6', '3', '5', '7']))
}

/// Bytes of one file that no usual work needs.
const MOST_BYTES: u64 = 64 << 30;

/// Whether `dd` writes a file from an endless source without an end that is near.
fn fills(argv: &Argv) -> bool {
    let value = |name: &str| argv.args.iter().find_map(|arg| arg.strip_prefix(name));
    let to_file = value("of=").is_some_and(|path| !path.starts_with("/dev/"));
    let whole = value("count=").map_or(u64::MAX, size);
    let bytes = whole.saturating_mul(value("bs=").map_or(512, size));
    to_file && value("if=").is_some_and(is_endless) && bytes > MOST_BYTES
}

/// A number with a unit, as `dd` and `fallocate` read it.
fn size(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = match text[digits.len()..].chars().next() {
        None | Some('c' | 'B') => 1,
        Some('k' | 'K') => 1 << 10,
        Some('M') => 1 << 20,
        Some('G') => 1 << 30,
        Some(_) => 1_u64 << 40,
    };
    digits.parse::<u64>().unwrap_or(1).saturating_mul(unit)
}

fn is_sample(path: &str) -> bool {
    [".example", ".sample", ".template", ".dist", ".default"]
        .iter()
        .any(|end| path.ends_with(end))
}

/// Programs that the user has installed may be read and run.
fn is_toolchain(inside: &str) -> bool {
    [
        ".cargo/",
        ".rustup/",
        ".nvm/",
        ".local/bin/",
        ".pyenv/",
        ".rbenv/",
        "go/",
        ".bun/",
        ".deno/",
        ".asdf/",
        ".volta/",
        ".local/share/mise/",
    ]
    .iter()
    .any(|dir| inside.starts_with(dir))
}

fn is_disk(path: &str) -> bool {
    let Some(device) = path.strip_prefix("/dev/") else {
        return false;
    };
    [
        "sd", "hd", "vd", "xvd", "nvme", "disk", "mapper", "loop", "md", "dm-", "mem", "kmem",
        "port", "mtd", "mmcblk", "rdisk", "zd", "input", "kvm", "fuse", "block",
    ]
    .iter()
    .any(|start| device.starts_with(start))
}
