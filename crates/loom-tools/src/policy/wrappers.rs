//! Programs that run other programs.

use super::argv::{Argv, is_option};
use super::feed::Feed;
use super::rules;
use super::walk::Walk;

impl Walk<'_> {
    /// When the command only runs another one, judges that; what stays to be said of the wrapper
    /// itself is said here too.
    pub(super) fn wrapped(&mut self, argv: &Argv, stdin: &Feed) -> Option<Feed> {
        if argv.program == "env" || argv.program == "printenv" {
            return self.env(argv, stdin);
        }
        let sub = argv.args.first().map_or("", String::as_str);
        if matches!(
            (argv.program.as_str(), sub),
            ("npm", "exec" | "x") | ("bun", "x")
        ) {
            let mut words = argv.args.clone();
            words[0] = "npx".to_owned();
            words.retain(|word| word != "--");
            return Some(self.run(&words, stdin));
        }
        if let Some(words) = runner(argv) {
            return Some(self.run(words, stdin));
        }
        if matches!(argv.program.as_str(), "npx" | "bunx" | "uvx") {
            // What it runs is judged beside the question where it comes from.
            for line in [argv.values("-c"), argv.values("--call")].concat() {
                self.script(line, stdin);
            }
            if let Some((first, _)) = rest(argv, "-p --package -c --call --from --with", 0) {
                self.run(&argv.args[first..], stdin);
            }
            return None;
        }
        let (_, valued, before) = rules::WRAPPERS
            .iter()
            .find(|(name, ..)| *name == argv.program)?;
        if argv.program == "command"
            && argv
                .args
                .first()
                .is_some_and(|first| first == "-v" || first == "-V")
        {
            return Some(Feed::default());
        }
        if argv.is_help() {
            return None;
        }
        self.wrapper_itself(argv);
        for option in ["-c", "--command", "--session-command"] {
            let is_shell = matches!(argv.program.as_str(), "su" | "runuser" | "script" | "flock");
            for line in argv.values(option).into_iter().filter(|_| is_shell) {
                self.script(line, stdin);
            }
        }
        // `script -qc line`: the last letter of a cluster takes the line.
        let is_cluster = |arg: &&String| {
            is_option(arg) && !arg.starts_with("--") && arg.len() > 2 && arg.ends_with('c')
        };
        if matches!(argv.program.as_str(), "su" | "script")
            && let Some(at) = argv.args.iter().position(|arg| is_cluster(&arg))
            && let Some(line) = argv.args.get(at + 1)
        {
            self.script(line, stdin);
        }
        match rest(argv, valued, *before) {
            Some((at, _)) => Some(self.run(&argv.args[at..], stdin)),
            None => Some(Feed::default()),
        }
    }

    /// What starting something through this program means.
    fn wrapper_itself(&mut self, argv: &Argv) {
        let named =
            |(_, names): &&(rules::Rule<'_>, &str)| names.split(' ').any(|n| n == argv.program);
        if let Some((rule, _)) = rules::PROGRAMS.iter().find(named) {
            self.matched(*rule, argv.shown());
        }
        if matches!(argv.program.as_str(), "strace" | "ltrace" | "perf")
            && argv.has_any(&["-p", "--pid"])
        {
            self.matched(rules::TRACE, argv.shown());
        }
    }

    /// `env`: shows the environment, or sets some of it for a command.
    fn env(&mut self, argv: &Argv, stdin: &Feed) -> Option<Feed> {
        if argv.is_help() {
            return None;
        }
        if argv.program == "printenv" {
            if argv.args.iter().any(|name| {
                matches!(
                    name.as_str(),
                    "PATH" | "HOME" | "PWD" | "LANG" | "SHELL" | "USER"
                )
            }) {
                return Some(Feed::default());
            }
            self.matched(rules::ENVIRONMENT, argv.shown());
            return Some(Feed::local(true));
        }
        // What follows the command is the command's: `env pacman -S x` splits no string.
        let valued = "-u -C -S --unset --chdir --split-string";
        let end = rest(argv, valued, 0).map_or(argv.args.len(), |(at, ())| at);
        let own = Argv {
            args: argv.args[..end].to_vec(),
            ..argv.clone()
        };
        for option in ["-S", "--split-string"] {
            if let Some(line) = own.values(option).first() {
                return Some(self.script(line, stdin));
            }
        }
        let mut start = rest(argv, "-u -C --unset --chdir", 0).map(|(at, _)| at);
        while let Some(at) = start {
            match argv.args.get(at).and_then(|arg| arg.split_once('=')) {
                Some((name, value)) => {
                    let value = value.to_owned();
                    self.check_setting(name, &[value]);
                    start = Some(at + 1).filter(|at| *at < argv.args.len());
                }
                None => {
                    let there = [own.values("-C"), own.values("--chdir")].concat();
                    let there = there.first().map(|dir| self.place(dir));
                    return Some(self.in_subshell(|walk| {
                        if let Some(there) = there {
                            walk.state.enter(there);
                        }
                        walk.run(&argv.args[at..], stdin)
                    }));
                }
            }
        }
        self.matched(rules::ENVIRONMENT, argv.shown());
        Some(Feed::local(true))
    }
}

/// Where the wrapped command starts: after options, their values and some operands.
fn rest(argv: &Argv, valued: &str, before: usize) -> Option<(usize, ())> {
    let mut left = before;
    let mut at = 0;
    while let Some(arg) = argv.args.get(at) {
        if arg == "--" {
            return Some((at + 1, ())).filter(|(at, ())| *at < argv.args.len());
        }
        if is_option(arg) {
            at += 1 + usize::from(valued.split(' ').any(|option| option == arg));
        } else if left > 0 {
            left -= 1;
            at += 1;
        } else {
            return Some((at, ()));
        }
    }
    None
}

/// `uv run x`, `poetry run x`: what follows the subcommand.
fn runner(argv: &Argv) -> Option<&[String]> {
    let (program, sub) = (argv.program.as_str(), argv.args.first()?);
    let known = rules::RUNNERS
        .iter()
        .any(|(name, word)| *name == program && word == sub);
    if !known {
        return None;
    }
    let mut words = &argv.args[1..];
    while let Some((first, more)) = words.split_first() {
        if is_option(first) || matches!((program, first.as_str()), ("git", "run")) {
            words = more;
        } else {
            break;
        }
    }
    // A directory or an environment comes first.
    let words = match program {
        "direnv" | "rustup" => words.get(1..).unwrap_or_default(),
        // `git bisect start` runs nothing.
        "git" if argv.args.get(1).map(String::as_str) != Some("run") => return None,
        _ => words,
    };
    (!words.is_empty()).then_some(words)
}
