//! Programs whose operands mean something of their own.

use super::argv::{Argv, is_option};
use super::feed::Feed;
use super::network::is_network;
use super::place::UNKNOWN;
use super::walk::Walk;
use super::{rules, sql};

/// Shells of databases.
const DATABASES: &str = "sqlite3 sqlite psql mysql mariadb duckdb clickhouse clickhouse-client cockroach sqlcmd mongosh mongo cqlsh usql litecli pgcli mycli influx bq";

impl Walk<'_> {
    /// What is special about a program; returns what it writes.
    pub(super) fn by_program(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
        if let Some(output) = self.file_program(argv, stdin) {
            return output;
        }
        if is_network(&argv.program) {
            return self.network(argv, stdin);
        }
        if let Some(output) = self.script_program(argv, stdin) {
            return output;
        }
        if let Some(output) = self.text_program(argv, stdin) {
            return output;
        }
        let listed = |list: &str| list.split(' ').any(|name| name == argv.program);
        match argv.program.as_str() {
            "cd" | "pushd" | "chdir" => {
                self.enter(argv);
                return Feed::default();
            }
            "popd" => {
                self.state.pop();
                return Feed::default();
            }
            "find" | "gfind" | "fd" | "fdfind" => return self.find(argv, stdin),
            "xargs" | "gxargs" | "parallel" => return self.xargs(argv, stdin),
            "kill" => self.kill(argv),
            "pkill" | "killall" | "skill" | "slay" => self.kill_by_name(argv),
            "rclone" => self.copies_away(argv, &argv.shown()),
            "hash" if argv.has("-p") => self.matched(rules::SHADOW, argv.shown()),
            "sysctl" if argv.args.iter().any(|arg| arg.contains('=')) => {
                self.matched(rules::KERNEL, argv.shown());
            }
            "go" if goes_for_a_version(argv) => self.matched(rules::INSTALL, argv.shown()),
            "man" => {
                for pager in [argv.values("-P"), argv.values("-H")].concat() {
                    self.script(pager, &Feed::default());
                }
            }
            "ffmpeg"
                if argv
                    .values("-f")
                    .iter()
                    .any(|f| f.contains("grab") || f.contains("foundation")) =>
            {
                self.matched(rules::DESKTOP, argv.shown());
            }
            "enable" if argv.has("-f") => self.matched(rules::INJECTED_CODE, argv.shown()),
            "getent" if argv.args.first().is_some_and(|of| of.contains("hosts")) => {
                return self.network(argv, stdin);
            }
            "locate" | "mlocate" | "plocate" if names_a_secret(argv) => {
                self.matched(rules::SECRET_OUTSIDE, argv.shown());
            }
            "wait" | "fg" => self.reaps = true,
            "shift" => {
                let by = argv.args.first().and_then(|by| by.parse().ok());
                self.state.shift(by.unwrap_or(1));
            }
            "set" if argv.args.iter().any(|arg| arg == "--") => {
                let words = argv.args.iter().skip_while(|arg| *arg != "--").skip(1);
                self.state.arguments = Some(words.cloned().collect());
            }
            "git" => self.git(argv, stdin),
            "tar" | "bsdtar" | "unzip" | "7z" | "cpio" | "ar" | "zip" => self.archive(argv),
            "docker" | "podman" | "nerdctl" => self.container(argv),
            "crontab" if !argv.has("-l") => self.matched(rules::PERSIST, argv.shown()),
            "gdb" | "lldb" | "rr" => self.debugger(argv),
            "trap" => {
                // It runs when the line ends, with what is known then.
                if let Some(line) = argv.operands("").first() {
                    self.later(line);
                }
            }
            "alias" => {
                for (_, line) in argv.args.iter().filter_map(|arg| arg.split_once('=')) {
                    self.script(line, &Feed::default());
                }
            }
            "set" | "declare" | "export" | "typeset" if prints_all(&argv.args) => {
                self.matched(rules::ENVIRONMENT, argv.shown());
            }
            "vim" | "vi" | "nvim" | "ex" | "emacs" | "ed" => self.editor(argv, stdin),
            "openssl" => self.openssl(argv, stdin),
            "make" | "gmake" => {
                self.makefile(argv, stdin);
                for (name, value) in argv.args.iter().filter_map(|arg| arg.split_once('=')) {
                    self.check_setting(name, &[value.to_owned()]);
                }
            }
            _ if listed(DATABASES) => self.database(argv, stdin),
            _ => {}
        }
        self.in_place(argv);
        self.output_options(argv);
        let mut output = stdin.clone().after();
        output.hidden |= stdin.text.is_some();
        output.local |=
            !argv.operands("").is_empty() || listed("ps whoami id hostname uname env set");
        output
    }

    /// A makefile that is a part of the line.
    fn makefile(&mut self, argv: &Argv, stdin: &Feed) {
        let files = [argv.values("-f"), argv.values("--file")].concat();
        let mut texts: Vec<String> = Vec::new();
        for file in files {
            let feed = match file {
                "-" | "/dev/stdin" => Some(stdin.clone()),
                file => self.process_output(file),
            };
            match feed {
                Some(Feed {
                    text: Some(text), ..
                }) => texts.push(text),
                Some(_) => self.matched(rules::UNKNOWN_CODE, argv.shown()),
                None => {}
            }
        }
        texts.extend(argv.values("--eval").into_iter().map(str::to_owned));
        for text in texts {
            self.plants(&text, "mk");
            for line in text.split(['\n', ';']) {
                if let Some(recipe) = line.strip_prefix(['\t', ' ']) {
                    self.script(recipe.trim_start_matches(['@', '-', '+']), &Feed::default());
                }
            }
        }
    }

    fn enter(&mut self, argv: &Argv) {
        let dir = argv.operands("").first().copied().unwrap_or("~");
        let there = match argv.args.first().map_or(dir, String::as_str) {
            "-" => self.state.before(),
            _ => self.place(dir),
        };
        match argv.program.as_str() {
            "pushd" => self.state.push(there),
            _ => self.state.enter(there),
        }
    }

    fn kill(&mut self, argv: &Argv) {
        self.reaps = true;
        // After the signal, `-1` is everybody; alone it is a signal.
        let operands = argv
            .args
            .iter()
            .enumerate()
            .filter(|(at, arg)| !is_option(arg) || (*at > 0 && arg.as_str() == "-1"));
        let ids: Vec<&str> = operands.map(|(_, arg)| arg.as_str()).collect();
        let groups = argv
            .args
            .iter()
            .skip(1)
            .filter_map(|arg| arg.strip_prefix('-'));
        let by_list = |id: &&str| id.strip_prefix("pid:").is_some();
        let all = |id: &str| {
            matches!(id, "-1" | "1" | "0" | "$PPID")
                || id.contains(['*', '['])
                || id
                    .strip_prefix("pid:")
                    .is_some_and(|of| of.is_empty() || of.contains("loom"))
        };
        if ids.iter().any(|id| all(id)) || groups.into_iter().any(|id| id == "$PPID") {
            self.matched(rules::KILL_ALL, argv.shown());
        } else if ids.iter().any(by_list) {
            self.matched(rules::KILL_BY_NAME, argv.shown());
        }
    }

    fn kill_by_name(&mut self, argv: &Argv) {
        self.reaps = true;
        let everybody = argv.has_any(&[
            "-u",
            "-U",
            "--user",
            "--euid",
            "-v",
            "--inverse",
            "-g",
            "-s",
            "-t",
        ]) && !argv
            .operands("")
            .iter()
            .any(|name| name.len() > 2 && argv.args.len() > 3);
        let names = argv.operands("-s --signal -u -U -n -t");
        let whole = names.iter().any(|name| {
            matches!(
                *name,
                "." | ".*"
                    | "*"
                    | "init"
                    | "systemd"
                    | "bash"
                    | "sh"
                    | "zsh"
                    | "sshd"
                    | "Xorg"
                    | "gnome-shell"
            ) || name.contains("loom")
        });
        if everybody || whole {
            self.matched(rules::KILL_ALL, argv.shown());
        }
    }

    fn archive(&mut self, argv: &Argv) {
        let shown = argv.shown();
        for option in ["-C", "--directory", "-d"] {
            for dir in argv.values(option) {
                self.writes(dir, &shown);
            }
        }
        let letters = argv.args.first().filter(|first| !is_option(first));
        let letters = letters.map_or("", String::as_str);
        let absolute = argv.has_any(&["-P", "--absolute-names"]) || letters.contains('P');
        if absolute && (argv.has_any(&["-x", "--extract"]) || letters.contains('x')) {
            self.matched(rules::OUTSIDE_CHANGE, &*shown);
        }
        for command in argv
            .values("-I")
            .into_iter()
            .chain(argv.values("-F"))
            .chain(argv.values("-TT"))
        {
            if command.contains([' ', '/']) {
                self.script(command, &Feed::local(false));
            }
        }
        // `tar c` of something outside reads it; that was seen with the operands.
        if let Some(bundle) = argv
            .args
            .first()
            .filter(|first| !is_option(first) && argv.program == "tar")
            && bundle.contains('f')
            && bundle.contains(['c', 'r', 'u'])
            && let Some(file) = argv.args.get(1)
        {
            self.writes(file, &shown);
        }
    }

    fn container(&mut self, argv: &Argv) {
        let host_options = [
            "--privileged",
            "--pid=host",
            "--net=host",
            "--network=host",
            "--userns=host",
            "--ipc=host",
            "--cap-add",
            "--device",
            "--security-opt",
        ];
        let asks = argv
            .args
            .iter()
            .any(|arg| host_options.iter().any(|option| arg.starts_with(option)));
        let mounts = ["-v", "--volume", "--mount"]
            .iter()
            .flat_map(|option| argv.values(option));
        let host_mount = mounts.into_iter().any(|mount| {
            let source = mount.split(',').find_map(|part| {
                part.strip_prefix("source=")
                    .or_else(|| part.strip_prefix("src="))
            });
            let source = source.unwrap_or_else(|| mount.split(':').next().unwrap_or_default());
            let is_path = source.contains('/') || source.starts_with(['~', '.']);
            is_path && self.place(source).is_outside()
        });
        let elsewhere = argv
            .args
            .iter()
            .take_while(|arg| is_option(arg) || arg.contains("://"));
        let elsewhere = elsewhere
            .into_iter()
            .any(|arg| arg.starts_with("-H") || arg.starts_with("--host"));
        if asks || host_mount || elsewhere {
            self.matched(rules::CONTAINER_HOST, argv.shown());
        }
    }

    fn debugger(&mut self, argv: &Argv) {
        if argv.has_any(&["-p", "--pid", "--attach-pid"])
            || argv.args.iter().any(|arg| arg.starts_with("attach"))
        {
            self.matched(rules::TRACE, argv.shown());
        }
        for option in ["-ex", "-eval-command", "--eval-command", "-o", "-iex"] {
            for command in argv.values(option) {
                let line = command
                    .strip_prefix("shell ")
                    .or_else(|| command.strip_prefix('!'));
                if let Some(line) = line {
                    self.script(line, &Feed::default());
                }
            }
        }
    }

    fn editor(&mut self, argv: &Argv, stdin: &Feed) {
        let shown = argv.shown();
        if argv.program == "emacs" {
            for option in ["--eval", "-eval", "--execute"] {
                for code in argv.values(option) {
                    self.code(code, &shown);
                }
            }
        } else if !argv.has("-R") {
            // Nobody is there to look at it: a file is opened to be changed.
            for path in argv.operands("-c --cmd -S -u") {
                self.writes(path, &shown);
            }
        }
        let mut commands: Vec<String> = Vec::new();
        for option in ["-c", "--cmd", "--eval"] {
            commands.extend(argv.values(option).iter().map(|line| (*line).to_owned()));
        }
        commands.extend(
            argv.args
                .iter()
                .filter_map(|arg| arg.strip_prefix('+'))
                .map(str::to_owned),
        );
        commands.extend(
            stdin
                .text
                .iter()
                .flat_map(|text| text.lines())
                .map(str::to_owned),
        );
        for command in commands {
            let command = command.trim().trim_start_matches(':');
            let (verb, path) = command.split_once(' ').unwrap_or((command, ""));
            if matches!(
                verb,
                "w" | "w!" | "wq" | "wq!" | "x" | "sav" | "saveas" | "write" | "e" | "edit"
            ) {
                self.writes(path.trim(), &shown);
                continue;
            }
            if matches!(verb, "r" | "read") && !path.trim().starts_with('!') {
                self.reads(path.trim(), false, &shown);
                continue;
            }
            if let Some((_, line)) = command.split_once('!') {
                self.script(line.trim_end_matches(['\'', '"', ')']), &Feed::default());
            } else if command.contains("system(") || command.contains("shell-command") {
                self.matched(rules::UNKNOWN_CODE, &*shown);
            }
        }
    }

    fn openssl(&mut self, argv: &Argv, stdin: &Feed) {
        let sub = argv.args.first().map_or("", String::as_str);
        if !matches!(sub, "s_client" | "s_server") {
            return;
        }
        self.matched(rules::NETWORK, argv.shown());
        if stdin.local || stdin.secret {
            self.matched(rules::EXFILTRATE, argv.shown());
        }
    }

    fn database(&mut self, argv: &Argv, stdin: &Feed) {
        let mut texts: Vec<String> = argv.args.clone();
        texts.extend(stdin.text.clone());
        for text in &texts {
            let text = text
                .strip_prefix("--command=")
                .or_else(|| text.strip_prefix("--execute="))
                .unwrap_or(text);
            if sql::is_destructive(text) {
                self.matched(rules::DATABASE, argv.shown());
            }
            for line in sql::shell_lines(text) {
                self.script(line, &Feed::default());
            }
        }
    }

    /// `sed -i`, `perl -pi`: the operands are changed.
    pub(super) fn in_place(&mut self, argv: &Argv) {
        let changes = match argv.program.as_str() {
            "sed" | "gsed" => argv.args.iter().any(|arg| {
                arg.starts_with("-i")
                    || arg.starts_with("--in-place")
                    || (arg.starts_with('-') && !arg.starts_with("--") && arg.ends_with('i'))
            }),
            "perl" | "ruby" => argv.args.iter().any(|arg| {
                arg.starts_with("-i") || arg.starts_with("-pi") || arg.starts_with("-ni")
            }),
            "patch" => true,
            _ => false,
        };
        if changes {
            let shown = argv.shown();
            let is_sed = argv.program.ends_with("sed");
            let skip = usize::from(is_sed && !argv.has_any(&["-e", "--expression", "-f"]));
            let valued = match is_sed {
                true => "-e -f --expression --file",
                false => "-e -f -i -p -d -o",
            };
            for path in argv.operands(valued).into_iter().skip(skip) {
                if path != UNKNOWN.to_string() {
                    self.writes(path, &shown);
                }
            }
        }
    }

    /// Where programs put what they make.
    fn output_options(&mut self, argv: &Argv) {
        const MAKERS: &str = "sort gcc g++ clang clang++ cc c++ ld go rustc javac tsc pandoc ffmpeg convert magick jq yq protoc nasm as wget2 split csplit cmake";
        let short = MAKERS.split(' ').any(|name| name == argv.program);
        let mut paths = argv.values("--output");
        paths.extend(argv.values("--output-file"));
        if short {
            for option in ["-o", "--out-dir", "--outDir"] {
                paths.extend(argv.values(option));
            }
        }
        for path in paths {
            if self.place(path).is_outside() {
                self.matched(rules::OUTSIDE_CHANGE, argv.shown());
            }
        }
    }
}

/// `go run` of a package with a version: it is fetched.
fn goes_for_a_version(argv: &Argv) -> bool {
    let runs = argv.has_any(&["run"]) || argv.args.first().is_some_and(|sub| sub == "run");
    let mut args = argv.args.iter();
    runs && args.any(|arg| arg.contains('@') && !arg.starts_with('-'))
}

fn names_a_secret(argv: &Argv) -> bool {
    let operands = argv.operands("");
    operands.iter().any(|name| crate::secrets::is_secret(name))
}

/// Whether a builtin for variables is called so that it prints them all.
fn prints_all(args: &[String]) -> bool {
    args.is_empty() || args == ["-p"] || args == ["-x"]
}
