//! Programs of the network: what they send, and what they let in.

use super::argv::Argv;
use super::feed::Feed;
use super::local::is_loom;
use super::place::{OUTPUT, Place, is_all};
use super::rules;
use super::walk::Walk;

/// Addresses at which a machine in a data centre gets its credentials.
const METADATA: &[&str] = &[
    "169.254.169.254",
    "169.254.170.2",
    "metadata.google.internal",
    "metadata.azure",
    "100.100.100.200",
    "fd00:ec2::254",
    "[fd00:ec2",
    "0xa9fea9fe",
    "2852039166",
    "metadata/v1",
    "latest/meta-data",
];

/// Hosts that are this machine; the sandbox has them for itself.
const LOOPBACK: &[&str] = &["localhost", "127.", "[::1]", "0.0.0.0", "::1"];

/// Programs that open a connection both ways.
const SOCKETS: &str = "nc ncat netcat socat telnet websocat wscat";

/// Options with which something is sent.
const SENDS: &[&str] = &[
    "-d",
    "--data",
    "--data-binary",
    "--data-raw",
    "--data-urlencode",
    "--data-ascii",
    "-F",
    "--form",
    "-T",
    "--upload-file",
    "--post-file",
    "--body-file",
    "--post-data",
    "--json",
];

/// Whether a program is of no use without the network.
pub(super) fn is_network(program: &str) -> bool {
    rules::PROGRAMS
        .iter()
        .filter(|(rule, _)| *rule == rules::NETWORK)
        .any(|(_, names)| names.split(' ').any(|name| name == program))
}

impl Walk<'_> {
    pub(super) fn network(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
        let shown = argv.shown();
        let is_socket = SOCKETS.split(' ').any(|name| name == argv.program);
        let output = Feed {
            piped: true,
            remote: true,
            socket: is_socket,
            ..Feed::default()
        };
        if argv.args.is_empty() || (argv.program == "ssh" && argv.args == ["-V"]) {
            return output;
        }
        self.forbidden_hosts(argv, &shown);
        self.options_from_elsewhere(argv, stdin);
        self.local_service(argv, is_socket, &shown);
        // A name that is only known when it runs may carry what was read here.
        if argv.args.iter().any(|arg| arg.contains(OUTPUT)) {
            self.matched(rules::EXFILTRATE, &*shown);
        }
        if is_socket {
            self.socket(argv, stdin, &shown);
        } else {
            self.transfer(argv, stdin, &shown);
        }
        self.downloads(argv, &shown);
        if !is_local(argv) {
            self.matched(rules::NETWORK, shown);
        }
        output
    }

    /// `curl -K file`: more options stand there.
    fn options_from_elsewhere(&mut self, argv: &Argv, stdin: &Feed) {
        let files = [argv.values("-K"), argv.values("--config")].concat();
        for file in files.iter().filter(|_| argv.program == "curl") {
            let feed = match *file {
                "-" => Some(stdin.clone()),
                file => self.process_output(file),
            };
            let Some(text) = feed.and_then(|feed| feed.text) else {
                self.matched(rules::UNKNOWN_CODE, argv.shown());
                continue;
            };
            let mut words = vec![argv.program.clone()];
            for line in text.lines() {
                let (option, value) = line.split_once(['=', ' ', ':']).unwrap_or((line, ""));
                let (option, value) = (option.trim().trim_start_matches('-'), value.trim());
                words.push(format!("--{option}"));
                words.push(value.trim_matches('"').to_owned());
            }
            if let Some(more) = Argv::new(&words) {
                self.transfer(&more, &Feed::default(), &argv.shown());
                let mut all = argv.clone();
                all.args.extend(more.args);
                self.local_service(&all, false, &argv.shown());
            }
        }
    }

    fn forbidden_hosts(&mut self, argv: &Argv, shown: &str) {
        let names = |host: &&str| argv.args.iter().any(|arg| arg.contains(*host));
        if METADATA.iter().any(names) {
            self.matched(rules::METADATA, shown);
        }
        let to_loom = |arg: &String| {
            let named = arg.contains(":9000") && LOOPBACK.iter().any(|host| arg.contains(host));
            named || is_loom(arg)
        };
        if argv.args.iter().any(to_loom) {
            self.matched(rules::LOOM, shown);
        }
        for socket in argv
            .values("--unix-socket")
            .into_iter()
            .chain(argv.values("--abstract-unix-socket"))
        {
            self.matched(rules::CONTAINER_HOST, socket);
        }
    }

    fn socket(&mut self, argv: &Argv, stdin: &Feed, shown: &str) {
        let runs = argv.has_any(&["-e", "-c", "--exec", "--sh-exec"])
            || argv.args.iter().any(|arg| {
                let arg = arg.to_uppercase();
                arg.starts_with("EXEC:") || arg.starts_with("SYSTEM:") || arg.starts_with("SHELL:")
            });
        if runs {
            self.matched(rules::REMOTE_SHELL, shown);
        } else if stdin.local || stdin.secret || (stdin.piped && stdin.text.is_none()) {
            self.matched(rules::EXFILTRATE, shown);
        }
    }

    fn transfer(&mut self, argv: &Argv, stdin: &Feed, shown: &str) {
        let values: Vec<&str> = SENDS
            .iter()
            .flat_map(|option| argv.values(option))
            .collect();
        for value in &values {
            let file = value.split_once('@').map(|(_, file)| file);
            let path = file.unwrap_or(value);
            let path = path.split(';').next().unwrap_or(path);
            let before = self.mark();
            if file.is_some() || !is_data_option(argv, value) {
                self.reads(path, false, shown);
            }
            if self.mark() > before {
                self.matched(rules::EXFILTRATE, shown);
            } else if path == "-" {
                self.sends_input(stdin, shown);
            } else if file.is_some() {
                self.matched(rules::UPLOAD, shown);
            }
        }
        let takes_input = matches!(
            argv.program.as_str(),
            "ssh" | "mosh" | "sshpass" | "ftp" | "sftp" | "http" | "https" | "rsh" | "mail"
        );
        if takes_input && stdin.piped {
            self.sends_input(stdin, shown);
        }
        if matches!(argv.program.as_str(), "ssh" | "mosh" | "rsh" | "rlogin")
            && is_this_machine(argv)
        {
            self.matched(rules::LOCAL_LOGIN, shown);
        }
        if matches!(argv.program.as_str(), "rsync" | "scp" | "rclone") {
            self.copies_away(argv, shown);
        }
        if argv.program == "sftp" {
            let text = stdin.text.clone().unwrap_or_default();
            let words = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("put "));
            for path in words.flat_map(str::split_whitespace) {
                self.sends_file(path, shown);
            }
        }
        let tunnel = ["-R", "-D", "-L", "-w"]
            .iter()
            .any(|option| argv.program == "ssh" && argv.has(option));
        let proxy = argv.values("-o").into_iter().any(|value| {
            let value = value.to_lowercase();
            [
                "proxycommand",
                "localcommand",
                "permitlocalcommand",
                "knownhostscommand",
            ]
            .iter()
            .any(|o| value.starts_with(o))
        });
        if tunnel || proxy {
            self.matched(rules::REMOTE_SHELL, shown);
        }
    }

    /// Copies to another machine: what is listed by name is asked for, everything is too much.
    pub(super) fn copies_away(&mut self, argv: &Argv, shown: &str) {
        let operands = argv.operands("-i -P -F -o -e --rsh --exclude --include");
        let Some((_, sources)) = operands.split_last().filter(|(to, _)| to.contains(':')) else {
            return;
        };
        for source in sources.iter().filter(|source| !source.contains(':')) {
            self.sends_file(source, shown);
        }
    }

    fn sends_file(&mut self, path: &str, shown: &str) {
        let before = self.mark();
        self.reads(path, false, shown);
        let is_everything = matches!(self.place(path), Place::Workspace(p) if is_all(&p));
        if self.mark() > before || is_everything {
            self.matched(rules::EXFILTRATE, shown);
        }
    }

    fn sends_input(&mut self, stdin: &Feed, shown: &str) {
        match stdin.text {
            Some(_) => self.matched(rules::UPLOAD, shown),
            None => self.matched(rules::EXFILTRATE, shown),
        }
    }

    /// Where a download would be put.
    fn downloads(&mut self, argv: &Argv, shown: &str) {
        for option in [
            "-o",
            "--output",
            "-O",
            "--output-document",
            "-P",
            "--directory-prefix",
            "-c",
        ] {
            if option == "-O" && argv.program == "curl"
                || (option == "-c" && argv.program != "curl")
            {
                continue;
            }
            if argv.program == "ssh" {
                continue;
            }
            for path in argv.values(option).into_iter().filter(|path| *path != "-") {
                if !matches!(self.place(path), Place::Unknown) {
                    self.writes(path, shown);
                }
            }
        }
        if matches!(argv.program.as_str(), "scp" | "rsync" | "rclone") {
            let operands = argv.operands("-i -P -F -o -e --rsh --exclude --include");
            if let Some(target) = operands.last().filter(|target| !target.contains(':')) {
                self.writes(target, shown);
            }
            for shell in argv.values("-e") {
                if shell.contains(['/', ' ']) && !shell.starts_with("ssh") {
                    self.script(shell, &Feed::local(false));
                }
            }
        }
    }
}

/// Whether the value belongs to an option that takes text, with `@` for a file.
fn is_data_option(argv: &Argv, value: &str) -> bool {
    !["-T", "--upload-file", "--post-file", "--body-file"]
        .iter()
        .any(|option| argv.values(option).contains(&value))
}

/// Whether a login is one to this machine.
fn is_this_machine(argv: &Argv) -> bool {
    let operands = argv.operands("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w");
    operands.first().is_some_and(|target| {
        let host = target.rsplit_once('@').map_or(*target, |(_, host)| host);
        let host = host.strip_prefix("ssh://").unwrap_or(host);
        LOOPBACK.iter().any(|local| host.starts_with(local))
    })
}

/// Whether every address in the command is this machine.
fn is_local(argv: &Argv) -> bool {
    if matches!(argv.program.as_str(), "rsync" | "scp") {
        return !argv.args.iter().any(|arg| arg.contains(':'));
    }
    let valued = "-o -O -d -H -X -w -m -b -c -u -A -e --data --header --request --max-time --retry --retry-delay --output -p -z";
    let operands: Vec<&str> = argv.operands(valued);
    let hosts = operands
        .iter()
        .filter(|operand| !operand.chars().all(|c| c.is_ascii_digit()));
    let mut any = false;
    for operand in hosts {
        any = true;
        let host = operand.split_once("://").map_or(*operand, |(_, rest)| rest);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        if !LOOPBACK.iter().any(|local| host.starts_with(local))
            || host.starts_with("localhost.") && !host.starts_with("localhost.localdomain")
        {
            return false;
        }
        if host.starts_with("127.")
            && !host
                .split(['/', ':'])
                .next()
                .unwrap_or_default()
                .chars()
                .all(|c| c.is_ascii_digit() || c == '.')
        {
            return false;
        }
    }
    any
}
