//! Programs that run another one on many files: `find` and `xargs`.

use super::argv::{Argv, is_option};
use super::feed::Feed;
use super::place::UNKNOWN;
use super::rules;
use super::walk::Walk;

/// Programs that remove what they are given.
const REMOVERS: &str = "rm unlink shred srm rimraf rmdir wipe trash del-cli truncate";

/// Programs that overwrite what they are given.
const REWRITERS: &str = "sed gsed perl ruby mv tee sponge dos2unix prettier chmod chown";

impl Walk<'_> {
    pub(super) fn find(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
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
            self.on_many(&words, &roots, is_fd, stdin);
        }
        Feed {
            piped: true,
            paths: roots,
            ..Feed::default()
        }
    }

    pub(super) fn xargs(&mut self, argv: &Argv, stdin: &Feed) -> Feed {
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
            let ends: &[char] = match (argv.has_any(&["-0", "--null"]), argv.has("-I")) {
                (true, _) => &['\0'],
                (false, true) => &['\n'],
                (false, false) => &['\n', ' ', '\t'],
            };
            let parts = text.trim_end_matches('\n').split(ends);
            targets.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
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
        let appends = !argv.has("-I") && argv.values("-I").is_empty();
        self.on_many(&words, &targets, appends, stdin)
    }

    /// A command that is run on many files below some paths, or on the paths themselves. Without a
    /// mark for them they are put at the end, or nowhere.
    fn on_many(
        &mut self,
        words: &[String],
        targets: &[String],
        appends: bool,
        stdin: &Feed,
    ) -> Feed {
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
        if appends && !in_place {
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
            && (argv.has("-i") || matches!(argv.program.as_str(), "mv" | "tee"))
        {
            self.instead_of_unknown(before, rules::EDIT_MANY, &argv.shown());
        }
        output
    }

    fn instead_of_unknown(&mut self, mark: usize, rule: rules::Rule<'static>, what: &str) {
        self.retain_since(mark, |one| one.rule != rules::UNKNOWN_TARGET);
        self.matched(rule, what);
    }
}
