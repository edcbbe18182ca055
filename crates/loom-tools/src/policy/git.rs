//! git: what it would run, what it would throw away, whose settings it would change.

use super::argv::{Argv, is_option};
use super::feed::Feed;
use super::rules;
use super::variables::is_harmless;
use super::walk::Walk;

impl Walk<'_> {
    pub(super) fn git(&mut self, argv: &Argv, stdin: &Feed) {
        let shown = argv.shown();
        let sub = self.git_globals(argv, &shown);
        let Some((name, rest)) = sub.split_first() else {
            return;
        };
        const CHANGES: &str = "add am apply branch checkout cherry-pick clean commit config gc init \
                               merge mv pull push rebase reset restore revert rm stash switch tag \
                               worktree";
        let there = ["-C", "--git-dir", "--work-tree"]
            .map(|option| argv.values(option))
            .concat();
        let is_outside = there.iter().any(|dir| self.place(dir).is_outside());
        if is_outside && CHANGES.split_whitespace().any(|change| change == name) {
            self.matched(rules::OUTSIDE_CHANGE, &*shown);
        }
        let starts =
            ["--exec", "--upload-pack", "--receive-pack"].map(|option| argv.values(option));
        let short = if name == "clone" {
            argv.values("-u")
        } else {
            Vec::new()
        };
        let starts = [starts.concat(), short];
        if name != "rebase"
            && starts
                .concat()
                .iter()
                .any(|program| !program.starts_with("git-"))
        {
            self.matched(rules::GIT_CODE, &*shown);
        }
        let mut words = vec![format!("git-{name}")];
        words.extend_from_slice(rest);
        let Some(sub) = Argv::new(&words) else {
            return;
        };
        match name.as_str() {
            "checkout" => self.git_checkout(&sub, &shown),
            "restore" => {
                let staged_only =
                    sub.has_any(&["--staged", "-S"]) && !sub.has_any(&["--worktree", "-W"]);
                if !staged_only {
                    self.matched(rules::DISCARD, shown);
                }
            }
            "rm" => {
                for path in sub
                    .operands("")
                    .into_iter()
                    .filter(|_| !sub.has("--cached"))
                {
                    self.removes(path, sub.has("-r"), &shown);
                }
            }
            "mv" | "init" | "worktree" | "bundle" => {
                for path in sub.operands("-b -B") {
                    if self.place(path).is_outside() {
                        self.matched(rules::OUTSIDE_CHANGE, &*shown);
                    }
                }
            }
            "config" => self.git_config(&sub, &shown),
            "submodule" | "bisect" => {
                let start = rest
                    .iter()
                    .position(|word| matches!(word.as_str(), "foreach" | "run"));
                if let Some(at) = start {
                    let command = rest[at + 1..].iter().filter(|word| !word.starts_with("--"));
                    let line: Vec<String> = command.cloned().collect();
                    self.script(&line.join(" "), stdin);
                }
            }
            "rebase" => {
                for option in ["-x", "--exec"] {
                    for line in sub.values(option) {
                        self.script(line, &Feed::default());
                    }
                }
            }
            "grep" => {
                for option in ["-O", "--open-files-in-pager"] {
                    for line in sub
                        .values(option)
                        .into_iter()
                        .filter(|value| !is_harmless(value))
                    {
                        self.matched(rules::GIT_CODE, line);
                    }
                }
            }
            "difftool" | "mergetool" => {
                for option in ["-x", "--extcmd"] {
                    for line in sub.values(option) {
                        self.script(line, &Feed::default());
                    }
                }
            }
            "filter-branch" => {
                for option in [
                    "--tree-filter",
                    "--index-filter",
                    "--msg-filter",
                    "--env-filter",
                ] {
                    for line in sub.values(option) {
                        self.script(line, &Feed::default());
                    }
                }
            }
            "daemon" | "instaweb" | "http-backend" => self.matched(rules::SERVER, shown),
            "hook" => self.matched(rules::GIT_CODE, shown),
            "clone" | "fetch" | "pull" | "push" | "ls-remote" => {
                if rest
                    .iter()
                    .any(|word| word.starts_with("ext::") || word.starts_with("fd::"))
                {
                    self.matched(rules::GIT_CODE, &*shown);
                }
                if name == "push"
                    && rest
                        .iter()
                        .any(|word| word.contains("://") || word.contains('@'))
                {
                    // A place that the project does not know: nothing but sending away.
                    self.matched(rules::UPLOAD, shown);
                }
            }
            _ => {}
        }
    }

    /// Options before the subcommand; returns the subcommand and what follows.
    fn git_globals<'v>(&mut self, argv: &'v Argv, shown: &str) -> &'v [String] {
        let mut at = 0;
        while let Some(arg) = argv.args.get(at).filter(|arg| is_option(arg)) {
            let value = argv
                .args
                .get(at + 1)
                .map(String::as_str)
                .unwrap_or_default();
            match arg.as_str() {
                "-c" => {
                    self.git_setting(value, shown);
                    at += 1;
                }
                "--config-env" => {
                    self.matched(rules::GIT_CODE, shown);
                    at += 1;
                }
                "-C" | "--git-dir" | "--work-tree" | "--namespace" => at += 1,
                arg if arg.starts_with("--exec-path=") || arg.starts_with("--config-env=") => {
                    self.matched(rules::GIT_CODE, shown);
                }
                _ => {}
            }
            at += 1;
        }
        argv.args.get(at..).unwrap_or_default()
    }

    fn git_setting(&mut self, setting: &str, shown: &str) {
        let (key, value) = setting.split_once('=').unwrap_or((setting, "true"));
        if is_code_key(key) && (value.is_empty() || !is_harmless(value)) {
            self.matched(rules::GIT_CODE, shown);
        }
    }

    fn git_checkout(&mut self, sub: &Argv, shown: &str) {
        if sub.has_any(&["-b", "-B", "--orphan", "--detach", "-t", "--track"]) {
            return;
        }
        let after_dashes = sub.args.iter().skip_while(|arg| *arg != "--").nth(1);
        let operands = sub.operands("");
        let is_file = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
            path == "."
                || path.ends_with('/')
                || extension.starts_with(|c: char| c.is_ascii_alphabetic())
        };
        if after_dashes.is_some()
            || operands.len() > 1
            || operands.iter().copied().any(is_file)
            || sub.has_any(&["-p", "--patch", "--ours", "--theirs"])
        {
            self.matched(rules::DISCARD, shown);
        }
    }

    fn git_config(&mut self, sub: &Argv, shown: &str) {
        let looks = sub.has_any(&[
            "--get",
            "--get-all",
            "--get-regexp",
            "--get-urlmatch",
            "-l",
            "--list",
            "--show-origin",
        ]);
        let operands = sub.operands("--type --default -f --file --blob");
        let operands = match operands.first() {
            Some(&("set" | "unset" | "rename-section" | "remove-section")) => &operands[1..],
            Some(&("get" | "list")) => return,
            _ => operands.as_slice(),
        };
        let removes = sub.has_any(&[
            "--unset",
            "--unset-all",
            "--remove-section",
            "--rename-section",
        ]);
        if looks || (operands.len() < 2 && !removes && !sub.has_any(&["-e", "--edit"])) {
            return;
        }
        if sub.has_any(&["--global", "--system"]) {
            self.matched(rules::GIT_GLOBAL, shown);
        }
        let value = operands.get(1).copied().unwrap_or_default();
        let starts_daemon = operands.first() == Some(&"core.fsmonitor") && value != "false";
        let names_code = operands.first().is_some_and(|key| is_code_key(key));
        if starts_daemon || (names_code && !is_harmless(value)) {
            self.matched(rules::GIT_CODE, shown);
        }
        for path in sub.values("-f").into_iter().chain(sub.values("--file")) {
            self.writes(path, shown);
        }
    }
}

fn is_code_key(key: &str) -> bool {
    let key = key.to_lowercase();
    rules::GIT_CODE_KEYS
        .iter()
        .any(|known| match known.ends_with('.') {
            true => key.starts_with(known),
            false => key == *known,
        })
        || [
            "command", "textconv", "driver", "program", "cmd", "process", "helper",
        ]
        .iter()
        .any(|end| key.rsplit('.').next() == Some(end))
}
