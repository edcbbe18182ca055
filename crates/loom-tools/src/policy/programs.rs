//! Programs whose operands mean something of their own.

use super::argv::{Argv, is_option};
use super::feed::Feed;
use super::network::is_network;
use super::place::{OUTPUT, Place, UNKNOWN};
use super::walk::Walk;
use super::{decode, rules, sql};

/// Programs that remove what they are given.
const REMOVERS: &str = "rm unlink shred srm rimraf rmdir wipe trash del-cli truncate";

/// Programs that overwrite what they are given.
const REWRITERS: &str = "sed gsed perl ruby mv cp tee sponge dos2unix prettier chmod chown";

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
            "crontab" => {
                if !argv.has("-l") {
                    self.matched(rules::PERSIST, argv.shown());
                }
            }
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
            "set" | "declare" | "export" | "typeset" => {
                if argv.args.is_empty() || argv.args == ["-p"] || argv.args == ["-x"] {
                    self.matched(rules::ENVIRONMENT, argv.shown());
                }
            }
            "vim" | "vi" | "nvim" | "ex" | "emacs" | "ed" => self.editor(argv, stdin),
            "openssl" => self.openssl(argv),
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

    /// Programs whose output follows from the line itself.
    fn text_program(&mut self, argv: &Argv, stdin: &Feed) -> Option<Feed> {
        let known = |text: String| match text.contains([UNKNOWN, OUTPUT]) {
            true => Feed::local(false),
            false => Feed::text(text),
        };
        match argv.program.as_str() {
            "echo" => Some(known(echo(argv))),
            "printf" => Some(known(printf(argv))),
            "cat" | "tac" | "less" | "more" | "head" | "tail" | "bat" => {
                let files: Vec<&str> = argv
                    .operands("-n -c")
                    .into_iter()
                    .filter(|f| *f != "-")
                    .collect();
                if files.is_empty() {
                    return Some(stdin.clone());
                }
                let mut output = Feed::default();
                for file in files {
                    output = output.and(match self.process_output(file) {
                        Some(feed) => feed,
                        None => Feed::local(crate::secrets::is_secret(file)),
                    });
                }
                Some(output)
            }
            "pwd" => Some(Feed::text(".")),
            "which" => argv.operands("").first().map(|name| Feed::text(*name)),
            "mktemp" => Some(Feed::text("/tmp/tmp.x")),
            "ls" => Some(Feed {
                piped: true,
                paths: argv
                    .operands("")
                    .iter()
                    .map(|path| (*path).to_owned())
                    .collect(),
                ..Feed::default()
            }),
            "dirname" => argv
                .args
                .first()
                .map(|path| Feed::text(path.rsplit_once('/').map_or(".", |(dir, _)| dir))),
            "basename" => argv
                .args
                .first()
                .map(|path| Feed::text(path.rsplit('/').next().unwrap_or_default())),
            "seq" => Some(Feed::text("1")),
            "base64" | "gbase64" if argv.has_any(&["-d", "-D", "--decode"]) => {
                Some(self.decoded(argv, stdin, decode::base64))
            }
            "xxd" if argv.has("-r") || argv.args.iter().any(|arg| arg == "-r") => {
                Some(self.decoded(argv, stdin, decode::hex))
            }
            "rev" => Some(match &stdin.text {
                Some(text) => {
                    let lines = text
                        .lines()
                        .map(|line| line.chars().rev().collect::<String>());
                    Feed::text(lines.collect::<Vec<_>>().join("\n"))
                }
                None => stdin.clone().after(),
            }),
            "tr" => Some(match (&stdin.text, argv.operands("").as_slice()) {
                (Some(text), [from, to]) if !argv.has("-d") => {
                    Feed::text(translate(text, from, to))
                }
                (Some(text), [gone]) if argv.has("-d") => {
                    Feed::text(text.replace(|c| decode::escapes(gone).contains(c), ""))
                }
                (Some(_), _) => Feed {
                    hidden: true,
                    ..stdin.clone().after()
                },
                (None, _) => stdin.clone().after(),
            }),
            _ => None,
        }
    }

    fn decoded(&self, argv: &Argv, stdin: &Feed, decode: fn(&str) -> Option<String>) -> Feed {
        let files = argv.operands("-w -c -l -s");
        if !files.is_empty() && files != ["-"] {
            return Feed {
                hidden: true,
                ..Feed::local(false)
            };
        }
        match stdin.text.as_ref().and_then(|text| decode(text)) {
            Some(text) => Feed::text(text),
            None => Feed {
                hidden: true,
                ..stdin.clone().after()
            },
        }
    }

    fn enter(&mut self, argv: &Argv) {
        let dir = argv.operands("").first().copied().unwrap_or("~");
        self.cwd = match dir {
            "-" => Place::Unknown,
            dir => self.place(dir),
        };
    }

    fn find(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
        let shown = argv.shown();
        let is_fd = argv.program.starts_with("fd");
        let start = |arg: &&String| !is_option(arg) && *arg != "(" && *arg != "!";
        let mut roots: Vec<String> = match is_fd {
            true => argv
                .operands("-e -t -d -E -x -X")
                .into_iter()
                .skip(1)
                .map(str::to_owned)
                .collect(),
            false => argv
                .args
                .iter()
                .skip_while(|a| matches!(a.as_str(), "-L" | "-P" | "-H"))
                .take_while(start)
                .cloned()
                .collect(),
        };
        if roots.is_empty() {
            roots.push(".".to_owned());
        }
        for root in &roots {
            let place = self.place(root);
            if argv.has("-delete") {
                let rule = if place.is_outside() {
                    rules::OUTSIDE_CHANGE
                } else {
                    rules::DELETE_MANY
                };
                self.matched(rule, &*shown);
            }
            let names = ["-name", "-iname", "-path", "-wholename"];
            let wants_secret = names.iter().any(|option| {
                argv.values(option)
                    .iter()
                    .any(|name| crate::secrets::is_secret(&name.replace('*', "x")))
            });
            if wants_secret && (place.is_outside() || place.holds_home()) {
                self.matched(rules::SECRET_OUTSIDE, &*shown);
            }
        }
        for option in ["-fprint", "-fprintf", "-fls", "-fprint0"] {
            for path in argv.values(option) {
                self.writes(path, &shown);
            }
        }
        let runs = [
            "-exec",
            "-execdir",
            "-ok",
            "-okdir",
            "-x",
            "-X",
            "--exec",
            "--exec-batch",
        ];
        for (at, _) in argv
            .args
            .iter()
            .enumerate()
            .filter(|(_, arg)| runs.contains(&arg.as_str()))
        {
            let end = |arg: &&String| !matches!(arg.as_str(), ";" | "+" | "\\;");
            let words: Vec<String> = argv.args[at + 1..]
                .iter()
                .take_while(end)
                .cloned()
                .collect();
            self.on_many(&words, &roots, stdin);
        }
        Feed {
            piped: true,
            paths: roots,
            ..Feed::default()
        }
    }

    fn xargs(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
        let valued = "-n -I -P -L -d -s -a -E -i -l --max-args --max-procs --replace --delimiter --arg-file -j --jobs";
        let mut words: Vec<String> = Vec::new();
        let mut args = argv.args.iter();
        while let Some(arg) = args.next() {
            if !is_option(arg) {
                words.push(arg.clone());
                words.extend(args.cloned());
                break;
            }
            if valued.split(' ').any(|option| option == arg) {
                args.next();
            }
        }
        let mut targets: Vec<String> = stdin.paths.clone();
        if let Some(text) = &stdin.text {
            targets.extend(
                text.split(['\n', '\0', ' ', '\t'])
                    .filter(|w| !w.is_empty())
                    .map(str::to_owned),
            );
        }
        if targets.is_empty() {
            targets.push(UNKNOWN.to_string());
        }
        if words.is_empty() {
            return stdin.clone();
        }
        if words.len() == 1 && argv.program == "parallel" {
            // One word is a line for the shell.
            let line = words[0].replace("{}", &targets[0]);
            return self.script(&line, &Feed::default());
        }
        if argv.has("-I") || !argv.values("-I").is_empty() {
            let mark = argv
                .values("-I")
                .first()
                .map_or("{}", |mark| mark)
                .to_owned();
            for word in &mut words {
                *word = word.replace(&mark, "{}");
            }
        }
        self.on_many(&words, &targets, stdin)
    }

    /// A command that is run on many files below some paths, or on the paths themselves.
    fn on_many(&mut self, words: &[String], targets: &[String], stdin: &Feed) -> Feed {
        let mut command: Vec<String> = Vec::new();
        let in_place = words.iter().any(|word| word.contains("{}"));
        for word in words {
            if word == "{}" {
                command.extend(targets.iter().cloned());
            } else if word.contains("{}") {
                command.push(word.replace("{}", targets.first().map_or("", String::as_str)));
            } else {
                command.push(word.clone());
            }
        }
        if !in_place {
            command.extend(targets.iter().cloned());
        }
        let before = self.mark();
        let output = self.run(&command, &Feed::default());
        let Some(argv) = Argv::new(&command) else {
            return output;
        };
        let listed = |list: &str| list.split(' ').any(|name| name == argv.program);
        // Of a name in the input nobody knows where it leads; the question is the same for all.
        let mut output = output;
        output.secret |= stdin.secret;
        if listed(REMOVERS) {
            self.instead_of_unknown(before, rules::DELETE_MANY, &argv.shown());
        } else if listed(REWRITERS)
            && (argv.has("-i") || matches!(argv.program.as_str(), "mv" | "cp" | "tee"))
        {
            self.instead_of_unknown(before, rules::EDIT_MANY, &argv.shown());
        }
        output
    }

    fn instead_of_unknown(&mut self, mark: usize, rule: rules::Rule, what: &str) {
        let kept: Vec<_> = self
            .rules_since(mark)
            .iter()
            .filter(|(matched, _)| *matched != rules::UNKNOWN_TARGET)
            .cloned()
            .collect();
        self.forget_since(mark);
        for (rule, what) in kept {
            self.matched(rule, what);
        }
        self.matched(rule, what);
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
            && bundle.contains('f') && bundle.contains(['c', 'r', 'u'])
                && let Some(file) = argv.args.get(1) {
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

    fn openssl(&mut self, argv: &Argv) {
        if argv
            .args
            .first()
            .is_some_and(|sub| matches!(sub.as_str(), "s_client" | "s_server"))
        {
            self.matched(rules::NETWORK, argv.shown());
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

    /// `-o file`: where programs put what they make.
    fn output_options(&mut self, argv: &Argv) {
        const MAKERS: &str = "sort gcc g++ clang clang++ cc c++ ld go rustc javac tsc pandoc ffmpeg convert magick jq yq protoc nasm as wget2 split csplit cmake";
        if !MAKERS.split(' ').any(|name| name == argv.program) {
            return;
        }
        let shown = argv.shown();
        for option in ["-o", "--output", "--out-dir", "--outDir"] {
            for path in argv.values(option) {
                let place = self.place(path);
                if place.is_outside() {
                    self.matched(rules::OUTSIDE_CHANGE, &*shown);
                }
            }
        }
    }
}

fn echo(argv: &Argv) -> String {
    let mut words = argv.args.as_slice();
    let mut interpret = false;
    while let Some((first, rest)) = words.split_first() {
        let is_flag = first.len() > 1
            && first.starts_with('-')
            && first[1..].chars().all(|c| matches!(c, 'n' | 'e' | 'E'));
        if !is_flag {
            break;
        }
        interpret |= first.contains('e');
        words = rest;
    }
    let text = words.join(" ");
    match interpret {
        true => decode::escapes(&text),
        false => text,
    }
}

fn printf(argv: &Argv) -> String {
    let Some((format, values)) = argv.args.split_first() else {
        return String::new();
    };
    let format = decode::escapes(format);
    let mut values = values.iter();
    let mut text = String::new();
    loop {
        let before = values.len();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let kind = chars.find(|c| c.is_ascii_alphabetic() || *c == '%');
            match kind {
                Some('%') | None => text.push('%'),
                Some('b') => {
                    text.push_str(&decode::escapes(values.next().map_or("", String::as_str)));
                }
                Some('c') => text.extend(values.next().and_then(|value| value.chars().next())),
                Some(_) => text.push_str(values.next().map_or("", String::as_str)),
            }
        }
        // The format is used again while it takes values.
        if values.len() == 0 || values.len() == before {
            return text;
        }
    }
}

/// `tr a-z n-za-m`, for sets of the same length.
fn translate(text: &str, from: &str, to: &str) -> String {
    let set = |text: &str| -> Vec<char> {
        let chars: Vec<char> = decode::escapes(text).chars().collect();
        let mut set = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            if at + 2 < chars.len() && chars[at + 1] == '-' && chars[at] <= chars[at + 2] {
                set.extend(chars[at]..=chars[at + 2]);
                at += 3;
            } else {
                set.push(chars[at]);
                at += 1;
            }
        }
        set
    };
    let (from, to) = (set(from), set(to));
    text.chars()
        .map(|c| match from.iter().position(|known| *known == c) {
            Some(at) => to.get(at).or(to.last()).copied().unwrap_or(c),
            None => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> Argv {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Argv::new(&words).unwrap()
    }

    #[test]
    fn known_output_is_computed() {
        assert_eq!(echo(&argv(&["echo", "-ne", "a\\x62", "c"])), "ab c");
        assert_eq!(
            printf(&argv(&["printf", "%s-%s\\n", "a", "b", "c"])),
            "a-b\nc-\n"
        );
        assert_eq!(printf(&argv(&["printf", "100%%"])), "100%");
        assert_eq!(translate("uryyb", "a-z", "n-za-m"), "hello");
    }
}
