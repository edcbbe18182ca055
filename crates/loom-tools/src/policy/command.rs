//! One command: which rules it falls under by name, and what its operands say.

use super::argv::{Argv, is_option};
use super::feed::Feed;
use super::matched::Matched;
use super::place::{OUTPUT, Place, UNKNOWN};
use super::rules::{self, Rule};
use super::scripts::runs_code;
use super::walk::Walk;
use super::words::Field;

/// Options of a program that stand before its subcommand and take a value.
const GLOBAL_VALUES: &[(&str, &str)] = &[
    ("git", "-C -c --git-dir --work-tree --namespace"),
    ("npm", "--prefix --registry -w --workspace"),
    ("pnpm", "--filter -F -C --dir"),
    ("yarn", "--cwd"),
    ("cargo", "--manifest-path --config --color -Z -C"),
    ("docker", "-H --host --context -c --config"),
    ("kubectl", "-n --namespace --context --kubeconfig"),
    ("make", "-C -f -j -I --directory --file"),
    ("gmake", "-C -f -j -I --directory --file"),
    ("poetry", "-C --directory -P --project"),
    ("uv", "--project --directory --config-file"),
    ("pip", "--proxy --cert --cache-dir"),
    ("just", "-f -d --justfile --working-directory"),
    ("mvn", "-f -s -P -pl"),
    ("gradle", "-p -b"),
    ("aws", "--profile --region --output"),
    ("sqlx", "--database-url"),
    ("redis-cli", "-h -p -a -n -u"),
    ("systemctl", "-H -M -p -t"),
];

/// First operand is a pattern or a program text and no path, unless an option gives it.
const PATTERN_FIRST: &[(&str, &[&str])] = &[
    ("grep", &["-e", "-f", "--regexp", "--file"]),
    ("egrep", &["-e", "-f"]),
    ("fgrep", &["-e", "-f"]),
    ("zgrep", &["-e", "-f"]),
    ("rg", &["-e", "-f", "--regexp", "--file", "--files"]),
    ("ag", &[]),
    ("ack", &[]),
    ("sed", &["-e", "-f", "--expression", "--file"]),
    ("gsed", &["-e", "-f"]),
    ("awk", &["-f", "--file"]),
    ("gawk", &["-f", "--file"]),
    ("mawk", &["-f"]),
    ("jq", &["-f", "--from-file"]),
    ("yq", &[]),
    ("fd", &[]),
    ("locate", &[]),
    ("pgrep", &[]),
    ("chmod", &["--reference"]),
    ("chown", &["--reference"]),
];

/// Programs that say something of a path, but nothing of what is in it.
const NAMES_ONLY: &str = "ls dir ll tree find fd fdfind stat test [ [[ cd pushd popd file du df realpath readlink basename dirname mkdir rmdir touch rm unlink exa eza ncdu namei chmod chown chgrp ln mv";

impl Walk<'_> {
    /// A command as the shell has put it together.
    pub(super) fn command(&mut self, words: &[Field], stdin: &Feed) -> Feed {
        let Some(first) = words.first() else {
            return Feed::default();
        };
        let texts: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
        let is_test = matches!(first.text.as_str(), "[" | "[[");
        if first.text.contains([UNKNOWN, OUTPUT]) || (first.glob && !is_test) {
            self.unknown_program(&texts);
            return stdin.clone().after();
        }
        if first.text.contains(char::is_whitespace) {
            // A whole command in one word: somebody meant it to be split.
            self.script(&texts.join(" "), stdin);
        }
        if let Some(output) = Argv::new(&texts).and_then(|argv| self.call(&argv, stdin)) {
            return output;
        }
        self.run(&texts, stdin)
    }

    /// A command whose words are known as far as they can be.
    pub(super) fn run(&mut self, words: &[String], stdin: &Feed) -> Feed {
        let Some(argv) = Argv::new(words) else {
            return Feed::default();
        };
        if !self.budget.enter() || self.budget.is_spent() {
            self.budget.leave();
            self.too_large(&argv.shown());
            return Feed::default();
        }
        // What runs it may be a part of the shell, for which functions count too.
        self.call(&argv, stdin);
        let around = self.begin(&argv);
        let output = self.started(&argv, stdin);
        self.end(around);
        self.budget.leave();
        output
    }

    fn started(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
        self.command_options(argv, stdin);
        if let Some(output) = self.wrapped(argv, stdin) {
            return output;
        }
        // What runs code does so whatever is said after it.
        let runs_code = runs_code(argv);
        let asks_first = argv
            .args
            .first()
            .is_some_and(|first| first.starts_with("--"));
        if argv.is_help() && argv.program != "loomd" && (!runs_code || asks_first) {
            return Feed::local(false);
        }
        self.note_program(argv);
        self.bare(argv);
        let is_online = self.by_name(argv);
        self.operands(argv, is_online);
        let carries = self.secret_output && argv.args.iter().any(|arg| arg.contains(OUTPUT));
        if is_online && (stdin.secret || carries) {
            self.matched(rules::EXFILTRATE, argv.shown());
        }
        self.by_program(argv, stdin)
    }

    /// What some programs do when nothing else is said.
    fn bare(&mut self, argv: &Argv) {
        if argv.args.is_empty() && matches!(argv.program.as_str(), "yarn" | "bundle" | "composer") {
            self.matched(rules::INSTALL, argv.shown());
        }
    }

    /// Which program it is will only be known when it runs. Where it is sent says enough.
    fn unknown_program(&mut self, words: &[String]) {
        let outside = words.iter().skip(1).any(|word| {
            let place = Place::of(word, &self.state.cwd, self.workspace);
            !is_option(word) && (place.is_outside() || place.holds_home())
        });
        let rule = match outside {
            true => rules::HIDDEN_CODE,
            false => rules::UNKNOWN_PROGRAM,
        };
        self.matched(rule, words.join(" "));
    }

    /// Rules that know a program or a subcommand by name; whether one of them is about the network.
    fn by_name(&mut self, argv: &Argv) -> bool {
        let valued = options_with_value(&argv.program);
        if rules::HARMLESS
            .iter()
            .any(|pattern| argv.fits(pattern, valued))
        {
            return false;
        }
        let mut is_online = false;
        let named = |names: &str| names.split(' ').any(|name| name == argv.program);
        for (rule, names) in rules::PROGRAMS {
            if named(names) {
                is_online |= rule.network;
                // What a program of the network is asked to do is looked at in detail.
                if *rule != rules::NETWORK && !self.is_idle(*rule, argv) {
                    self.matched(*rule, argv.shown());
                }
            }
        }
        if argv.program.starts_with("mkfs.") || argv.program.starts_with("fsck.") {
            self.matched(rules::DISK, argv.shown());
        }
        let mut may_be = false;
        for (rule, pattern) in rules::COMMANDS {
            if argv.fits(pattern, valued) {
                is_online |= rule.network;
                self.matched(*rule, argv.shown());
            } else {
                may_be |= argv.may_fit(pattern, valued);
            }
        }
        if may_be {
            self.matched(rules::UNKNOWN_PROGRAM, argv.shown());
        }
        is_online
    }

    /// Without operands some of these only show something.
    fn is_idle(&self, rule: Rule<'_>, argv: &Argv) -> bool {
        let bare = argv.args.is_empty();
        (bare
            && matches!(
                argv.program.as_str(),
                "mount" | "docker" | "podman" | "systemctl" | "screen"
            ))
            || (rule == rules::PERSIST && argv.program == "at" && argv.has("-l"))
    }

    /// Looks at every operand as a path that is read.
    fn operands(&mut self, argv: &Argv, is_online: bool) {
        let is_listed = |list: &str| list.split(' ').any(|name| name == argv.program);
        // What they run is looked at by itself, and so are its operands.
        let is_shell = argv.program.ends_with("sh") && argv.has("-c");
        if is_shell || is_listed("xargs gxargs parallel eval") {
            return;
        }
        if is_listed(rules::TEXT_ONLY) && !matches!(argv.program.as_str(), "test" | "[" | "[[") {
            return;
        }
        let git_names = ["check-ignore", "check-attr", "ls-files", "status", "rm"];
        let first = argv.args.first().map_or("", String::as_str);
        let names_only =
            is_listed(NAMES_ONLY) || (argv.program == "git" && git_names.contains(&first));
        for path in candidates(argv) {
            let before = self.mark();
            self.reads(&path, names_only, &argv.shown());
            let secret = |one: &Matched<'_>| {
                matches!(
                    one.rule.name,
                    "secret_file" | "secret_outside" | "outside_read" | "home_sweep"
                )
            };
            if is_online && self.rules_since(before).iter().any(secret) {
                self.matched(rules::EXFILTRATE, argv.shown());
            }
        }
    }

    /// Options that name a program to be run.
    fn command_options(&mut self, argv: &Argv, stdin: &Feed) {
        for option in rules::COMMAND_OPTIONS {
            for value in argv.values(option) {
                let command = value.strip_prefix("exec=").unwrap_or(value);
                let is_word = !command.contains(|c: char| c.is_whitespace() || c == '/');
                // A bare name is a usual program (`--pager=less`), or no program at all.
                if !is_word || value.starts_with("exec=") {
                    // It is fed by the program that starts it.
                    let mut feed = Feed::local(stdin.secret);
                    feed.remote = stdin.remote;
                    self.script(command, &feed);
                }
            }
        }
    }
}

/// Options of a program that stand before its subcommand and take a value.
pub(super) fn options_with_value(program: &str) -> &'static str {
    let known = GLOBAL_VALUES.iter().find(|(name, _)| *name == program);
    known.map_or("", |(_, valued)| valued)
}

/// Everything in a command that may be a path.
fn candidates(argv: &Argv) -> Vec<String> {
    let skip_first = PATTERN_FIRST
        .iter()
        .find(|(program, _)| *program == argv.program)
        .is_some_and(|(_, given)| !argv.has_any(given));
    let mut skip = usize::from(skip_first);
    let mut paths = Vec::new();
    let mut text_follows = false;
    for arg in &argv.args {
        if std::mem::take(&mut text_follows) {
            continue;
        }
        if is_option(arg) {
            text_follows = matches!(
                arg.as_str(),
                "-m" | "--message"
                    | "--grep"
                    | "--author"
                    | "-name"
                    | "-iname"
                    | "-path"
                    | "-regex"
                    | "-not"
                    | "--exclude"
                    | "--include"
                    | "--exclude-dir"
                    | "-g"
                    | "--glob"
            );
            let is_text = [
                "--grep=",
                "--message=",
                "--author=",
                "--exclude",
                "--include",
                "--glob=",
            ];
            if let Some((_, value)) = arg.split_once('=')
                && !is_text.iter().any(|text| arg.starts_with(text))
            {
                paths.push(value.trim_start_matches('@').to_owned());
            }
            continue;
        }
        if skip > 0 {
            skip -= 1;
            continue;
        }
        paths.push(arg.clone());
        if let Some(file) = arg.strip_prefix('@') {
            paths.push(file.to_owned());
        }
        // `if=path`, `file=@path`, `HEAD:path`.
        if let Some((_, value)) = arg.split_once('=') {
            paths.push(value.trim_start_matches(['@', '<']).to_owned());
        }
        if let Some((before, path)) = arg.split_once(':') {
            if !before.contains('/') && !path.starts_with("//") {
                paths.push(path.to_owned());
            } else if let Some(rest) = path.strip_prefix("//").filter(|_| before == "file") {
                paths.push(rest.to_owned());
            }
        }
    }
    paths
}
