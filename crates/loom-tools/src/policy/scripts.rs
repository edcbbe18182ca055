//! Programs that run text: shells, interpreters, filters with a language of their own.

use super::argv::{Argv, is_option};
use super::feed::Feed;
use super::place::{OUTPUT, UNKNOWN};
use super::rules;
use super::walk::Walk;

const SHELLS: &str = "sh bash zsh dash ksh mksh fish ash csh tcsh pwsh rbash";

/// Programs that print settings for the shell that calls them.
const SETTERS: &str = "direnv brew pyenv rbenv nodenv goenv opam starship zoxide fnm mise asdf dircolors lesspipe minikube docker-machine luarocks conda register-python-argcomplete vcvars thefuck atuin";

/// Interpreters and the options that give them code.
const INTERPRETERS: &[(&str, &[&str])] = &[
    ("python", &["-c"]),
    ("node", &["-e", "--eval", "-p", "--print"]),
    ("deno", &["eval"]),
    ("bun", &["-e", "--eval"]),
    ("perl", &["-e", "-E"]),
    ("ruby", &["-e"]),
    ("php", &["-r"]),
    ("lua", &["-e"]),
    ("Rscript", &["-e"]),
    ("R", &["-e"]),
    ("tclsh", &[]),
    ("expect", &["-c"]),
    ("pypy", &["-c"]),
    ("julia", &["-e"]),
    ("elixir", &["-e"]),
    ("groovy", &["-e"]),
    ("scala", &["-e"]),
    ("swift", &["-e"]),
    ("guile", &["-c"]),
    ("ghc", &["-e"]),
    ("irb", &[]),
    ("ipython", &["-c"]),
    ("ts-node", &["-e"]),
    ("tsx", &["-e"]),
];

impl Walk<'_> {
    /// What a program that runs text does with it. None when it is another program.
    pub(super) fn script_program(&mut self, argv: &Argv, stdin: &Feed) -> Option<Feed> {
        if SHELLS.split(' ').any(|shell| shell == argv.program) {
            return Some(self.in_subshell(|walk| walk.shell(argv, stdin)));
        }
        match argv.program.as_str() {
            "eval" => return Some(self.eval(argv, stdin)),
            "source" | "." => return Some(self.source(argv, stdin)),
            "awk" | "gawk" | "mawk" | "nawk" => self.awk(argv),
            "sed" | "gsed" => self.sed(argv),
            _ => {}
        }
        if SETTERS.split(' ').any(|name| name == argv.program) {
            // What it prints is for this very shell; known to be settings only.
            return Some(Feed::text(""));
        }
        let (_, options) = INTERPRETERS.iter().find(|(name, _)| {
            argv.program == *name
                || argv.program.strip_prefix(name).is_some_and(|version| {
                    !version.is_empty() && version.chars().all(|c| c.is_ascii_digit() || c == '.')
                })
        })?;
        match self.interpreter(argv, options, stdin) {
            // What other code puts together cannot be reviewed by reading the line.
            true => {
                self.in_place(argv);
                Some(Feed {
                    hidden: true,
                    local: true,
                    ..stdin.clone().after()
                })
            }
            false => None,
        }
    }

    fn shell(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
        if argv.has("-n") && !argv.has("-c") {
            // It only checks the syntax.
            return Feed::default();
        }
        let c = argv
            .args
            .iter()
            .position(|arg| is_option(arg) && !arg.starts_with("--") && arg.ends_with('c'));
        if let Some(at) = c {
            let Some(line) = argv.args.get(at + 1) else {
                return Feed::default();
            };
            // The word after the line is its `$0`.
            let arguments = argv.args.get(at + 3..).unwrap_or_default();
            self.state.arguments = Some(arguments.to_vec());
            return self.code_line(line, argv, stdin);
        }
        self.state.arguments = None;
        let operands = argv.operands("-o -O --rcfile --init-file");
        for file in argv
            .values("--rcfile")
            .into_iter()
            .chain(argv.values("--init-file"))
        {
            self.matched(rules::INJECTED_CODE, file);
        }
        match operands.first() {
            Some(file) if *file != "-" && !argv.has("-s") => match self.process_output(file) {
                Some(feed) => self.fed(&feed, argv),
                None if is_input(file) => self.fed(stdin, argv),
                None if file.starts_with([UNKNOWN, OUTPUT]) => {
                    self.matched(rules::UNKNOWN_CODE, argv.shown());
                    Feed::default()
                }
                None => Feed::default(),
            },
            _ if stdin.piped => self.fed(stdin, argv),
            _ => Feed::default(),
        }
    }

    /// A line for a shell, all of which may not be known.
    fn code_line(&mut self, line: &str, argv: &Argv, stdin: &Feed) -> Feed {
        if line.trim() == OUTPUT.to_string() || line.trim() == UNKNOWN.to_string() {
            self.matched(rules::UNKNOWN_CODE, argv.shown());
            return Feed::default();
        }
        let known: String = line.replace([OUTPUT, UNKNOWN], "$UNKNOWN");
        self.script(&known, stdin)
    }

    /// Text that is piped into a shell or an interpreter.
    fn fed(&mut self, feed: &Feed, argv: &Argv) -> Feed {
        if let Some(text) = &feed.text {
            return self.script(&text.clone(), &Feed::default());
        }
        self.fed_unknown(feed, argv);
        Feed::default()
    }

    fn fed_unknown(&mut self, feed: &Feed, argv: &Argv) {
        let rule = if feed.socket {
            rules::REMOTE_SHELL
        } else if feed.remote {
            rules::REMOTE_CODE
        } else if feed.hidden {
            rules::HIDDEN_CODE
        } else {
            rules::UNKNOWN_CODE
        };
        self.matched(rule, argv.shown());
    }

    fn eval(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
        let line = argv.args.join(" ");
        self.code_line(&line, argv, stdin)
    }

    fn source(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
        let Some(file) = argv.args.first() else {
            return Feed::default();
        };
        if let Some(feed) = self.process_output(file) {
            return self.fed(&feed, argv);
        }
        if is_input(file) {
            return self.fed(stdin, argv);
        }
        if file.starts_with([UNKNOWN, OUTPUT]) {
            self.matched(rules::UNKNOWN_CODE, argv.shown());
        }
        Feed::default()
    }

    /// Judges the code that an interpreter is given on the line; whether there is any.
    fn interpreter(&mut self, argv: &Argv, options: &[&str], stdin: &Feed) -> bool {
        if self.module(argv, stdin) {
            return false;
        }
        let mut given = false;
        for option in options {
            for code in argv.values(option) {
                given = true;
                match argv.program.as_str() {
                    "expect" => self.tcl(code),
                    _ => self.code(code, &argv.shown()),
                }
            }
        }
        // `perl -pe`, `perl -lne`: the last letter of a cluster takes the code.
        if matches!(argv.program.as_str(), "perl" | "ruby" | "node") && !given {
            let cluster = argv.args.iter().position(|arg| {
                is_option(arg)
                    && !arg.starts_with("--")
                    && arg.len() > 2
                    && arg.ends_with(['e', 'E'])
            });
            if let Some(code) = cluster.and_then(|at| argv.args.get(at + 1)) {
                given = true;
                self.code(code, &argv.shown());
            }
        }
        let operands = argv.operands("-c -e -m -W -X -I -r --require");
        let from_input = operands
            .first()
            .is_none_or(|file| *file == "-" || is_input(file));
        if given {
            return true;
        }
        if let Some(feed) = operands.first().and_then(|file| self.process_output(file)) {
            self.input_code(&feed, argv);
        } else if from_input && stdin.piped {
            self.input_code(stdin, argv);
        }
        false
    }

    fn input_code(&mut self, feed: &Feed, argv: &Argv) {
        match &feed.text {
            Some(text) if matches!(argv.program.as_str(), "tclsh" | "expect" | "wish") => {
                self.tcl(text);
            }
            Some(text) => self.code(&text.clone(), &argv.shown()),
            None => self.fed_unknown(feed, argv),
        }
    }

    /// `exec`, `spawn` and `system` run what follows.
    fn tcl(&mut self, text: &str) {
        for command in text.split(['\n', ';', '[']) {
            let command = command.trim();
            let starts = ["exec ", "spawn ", "system "];
            if let Some(line) = starts.iter().find_map(|start| command.strip_prefix(start)) {
                self.script(line.trim_end_matches(']'), &Feed::default());
            }
        }
    }

    /// `python -m pip install x` is `pip install x`.
    fn module(&mut self, argv: &Argv, stdin: &Feed) -> bool {
        if !argv.program.starts_with("py") && !argv.program.starts_with("ipython") {
            return false;
        }
        let Some(at) = argv.args.iter().position(|arg| arg == "-m") else {
            return false;
        };
        let words = &argv.args[at + 1..];
        let known = [
            "pip",
            "pipx",
            "poetry",
            "uv",
            "twine",
            "venv",
            "ensurepip",
            "conda",
            "build",
        ];
        if words
            .first()
            .is_some_and(|module| known.contains(&module.as_str()))
        {
            self.run(words, stdin);
        }
        true
    }

    /// `system("…")`, `print | "…"`, `"…" | getline` and `print > "…"`.
    fn awk(&mut self, argv: &Argv) {
        let Some(program) = argv
            .operands("-F -v -f")
            .first()
            .map(|text| (*text).to_owned())
        else {
            return;
        };
        if argv.has("-f") {
            return;
        }
        let literals = super::code::literals(&program);
        let bare = super::code::bare(&program);
        let runs = bare.contains("system(")
            || bare.contains("system (")
            || bare.contains("getline")
            || bare.contains("|");
        let is_or =
            bare.contains("||") && bare.matches('|').count() == 2 * bare.matches("||").count();
        if runs && !(is_or && !bare.contains("system") && !bare.contains("getline")) {
            if literals.is_empty() {
                self.matched(rules::UNKNOWN_CODE, argv.shown());
            }
            for literal in &literals {
                self.script(literal, &Feed::local(false));
            }
        }
        if literals.iter().any(|text| text.starts_with("/inet")) {
            self.matched(rules::REMOTE_SHELL, argv.shown());
        }
        if bare.contains('>') {
            for literal in literals
                .iter()
                .filter(|text| text.contains('/') || text.starts_with('~'))
            {
                if self.place(literal).is_outside() && literal.len() > 1 {
                    self.writes(literal, &argv.shown());
                }
            }
        }
    }

    /// The `e` command and flag run a program, `w` writes and `r` reads a file.
    fn sed(&mut self, argv: &Argv) {
        let mut scripts: Vec<&str> = argv.values("-e");
        scripts.extend(argv.values("--expression"));
        if scripts.is_empty() {
            scripts.extend(argv.operands("-f -i -l").first());
        }
        for script in scripts {
            for command in script.split(['\n', ';']) {
                self.sed_command(command, &argv.shown());
            }
        }
    }

    fn sed_command(&mut self, command: &str, shown: &str) {
        let command = without_address(command.trim_start_matches(['{', ' ', '\t']));
        let (letter, rest) = match command.chars().next() {
            Some(letter) => (letter, command[letter.len_utf8()..].trim()),
            None => return,
        };
        match letter {
            'e' => {
                if rest.is_empty() {
                    self.matched(rules::UNKNOWN_CODE, shown);
                } else {
                    self.script(rest, &Feed::default());
                }
            }
            'w' | 'W' => self.writes(rest, shown),
            'r' | 'R' => self.reads(rest, false, shown),
            's' => {
                let delimiter = rest.chars().next().unwrap_or('/');
                let flags = rest.rsplit(delimiter).next().unwrap_or_default();
                let (flags, file) = flags.split_once('w').unwrap_or((flags, ""));
                if flags.contains('e') && flags.chars().all(|c| "gpiIemM0123456789".contains(c)) {
                    self.matched(rules::HIDDEN_CODE, shown);
                }
                if !file.trim().is_empty() {
                    self.writes(file.trim(), shown);
                }
            }
            _ => {}
        }
    }
}

/// Whether a program runs code that it is given, with what follows as arguments of that code.
pub(super) fn runs_code(argv: &Argv) -> bool {
    let listed = |list: &str| list.split(' ').any(|name| name == argv.program);
    let given = argv.has_any(&["-c", "-e", "-E", "-r", "-p", "--eval", "--print"]);
    listed(SHELLS)
        || listed("eval source . ssh xargs parallel find fd awk gawk mawk nawk env make")
        || (given
            && INTERPRETERS
                .iter()
                .any(|(name, _)| argv.program.starts_with(name)))
}

/// Other names of standard input.
fn is_input(file: &str) -> bool {
    matches!(file, "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0")
}

/// A sed command without the lines that it is for.
fn without_address(command: &str) -> &str {
    let mut rest = command;
    loop {
        let start = rest;
        rest = rest.trim_start_matches(|c: char| {
            c.is_ascii_digit() || matches!(c, '$' | ',' | '!' | '~' | '+' | ' ')
        });
        if let Some(pattern) = rest.strip_prefix('/') {
            rest = pattern.find('/').map_or("", |end| &pattern[end + 1..]);
        }
        if rest.len() == start.len() {
            return rest;
        }
    }
}
