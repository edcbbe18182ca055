//! Programs whose operands mean something of their own.

use super::argv::{Argv, is_option};
use super::feed::Feed;
use super::network::is_network;
use super::place::{Place, UNKNOWN};
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
            "cd" | "pushd" | "chdir" => self.enter(argv),
            "popd" => self.cwd = Place::Unknown,
            "find" | "gfind" | "fd" | "fdfind" => return self.find(argv, stdin),
            "xargs" | "gxargs" | "parallel" => return self.xargs(argv, stdin),
            "kill" => self.kill(argv),
            "pkill" | "killall" => self.kill_by_name(argv),
            "wait" | "fg" => self.reaps = true,
            "git" => self.git(argv, stdin),
            "tar" | "bsdtar" | "unzip" | "7z" | "cpio" | "ar" | "zip" => self.archive(argv),
            "docker" | "podman" | "nerdctl" => self.container(argv),
            "crontab" if !argv.has("-l") => self.matched(rules::PERSIST, argv.shown()),
            "gdb" | "lldb" | "rr" => self.debugger(argv),
            "trap" => {
                if let Some(line) = argv.args.first().filter(|line| line.contains(' ')) {
                    self.script(line, &Feed::default());
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

    fn enter(&mut self, argv: &Argv) {
        let dir = argv.operands("").first().copied().unwrap_or("~");
        self.cwd = match dir {
            "-" => Place::Unknown,
            dir => self.place(dir),
        };
    }

    fn kill(&mut self, argv: &Argv) {
        self.reaps = true;
        // After the signal, `-1` is everybody; alone it is a signal.
        let operands = argv
            .args
            .iter()
            .enumerate()
            .filter(|(at, arg)| !is_option(arg) || (*at > 0 && arg.as_str() == "-1"));
        let all = operands
            .map(|(_, arg)| arg.as_str())
            .any(|id| matches!(id, "-1" | "1" | "0" | "$PPID"));
        if all {
            self.matched(rules::KILL_ALL, argv.shown());
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
        if argv.has_any(&["-P", "--absolute-names"]) && argv.has("-x") {
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
        if asks || host_mount {
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
    fn in_place(&mut self, argv: &Argv) {
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
            let skip = usize::from(
                argv.program.ends_with("sed") && !argv.has_any(&["-e", "--expression", "-f"]),
            );
            for path in argv.operands("-e -f -i -p -d -o").into_iter().skip(skip) {
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

/// Whether a builtin for variables is called so that it prints them all.
fn prints_all(args: &[String]) -> bool {
    args.is_empty() || args == ["-p"] || args == ["-x"]
}
