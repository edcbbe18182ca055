//! A command's words: the program, its options and its operands.

use super::place::{OUTPUT, UNKNOWN};

/// Bytes of a command that are enough to know it by.
const MAX_SHOWN: usize = 256;

/// The words of one command, expanded.
#[derive(Clone, Debug, Default)]
pub(super) struct Argv {
    /// The program without its directory.
    pub(super) program: String,
    /// The program as it was given.
    pub(super) word: String,
    pub(super) args: Vec<String>,
}

impl Argv {
    /// None when there is no program.
    pub(super) fn new(words: &[String]) -> Option<Self> {
        let (program, args) = words.split_first()?;
        let program = program.trim_start_matches('\\');
        let name = program.rsplit('/').next().unwrap_or(program);
        Some(Self {
            program: name.to_owned(),
            word: program.to_owned(),
            args: args.to_vec(),
        })
    }

    /// Words that are no options: all after `--`, and none that is the value of `valued`.
    pub(super) fn operands(&self, valued: &str) -> Vec<&str> {
        let mut operands = Vec::new();
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                operands.extend(args.map(String::as_str));
                break;
            }
            if !is_option(arg) {
                operands.push(arg.as_str());
            } else if takes_next(arg, valued) {
                args.next();
            }
        }
        operands
    }

    /// Whether an option is there, alone, in a cluster (`-rf`) or with a value (`--x=y`).
    pub(super) fn has(&self, option: &str) -> bool {
        let before_end = self.args.iter().take_while(|arg| *arg != "--");
        before_end
            .into_iter()
            .any(|arg| matches_option(arg, option))
    }

    /// Whether any of them is there.
    pub(super) fn has_any(&self, options: &[&str]) -> bool {
        options.iter().any(|option| self.has(option))
    }

    /// The values of an option: the next word, after `=`, or glued to a short one.
    pub(super) fn values(&self, option: &str) -> Vec<&str> {
        let mut values = Vec::new();
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            if arg == option {
                values.extend(args.next().map(String::as_str));
            } else if let Some(rest) = arg.strip_prefix(option) {
                if let Some(value) = rest.strip_prefix('=') {
                    values.push(value);
                } else if option.len() == 2 && !rest.is_empty() {
                    values.push(rest);
                }
            }
        }
        values
    }

    /// Whether it only asks for help or a version.
    pub(super) fn is_help(&self) -> bool {
        let asks = |arg: &String| matches!(arg.as_str(), "--help" | "-help" | "--version");
        let short = |arg: &String| {
            matches!(
                arg.as_str(),
                "-h" | "-V" | "-v" | "-version" | "version" | "help"
            )
        };
        match self.args.as_slice() {
            [only] => asks(only) || short(only),
            args => {
                args.len() <= 4 && (args.first().is_some_and(asks) || args.last().is_some_and(asks))
            }
        }
    }

    /// The whole command as text, for messages.
    pub(super) fn shown(&self) -> String {
        let mut text = self.program.clone();
        for arg in &self.args {
            if text.len() > MAX_SHOWN {
                break;
            }
            text.push(' ');
            text.push_str(arg);
        }
        text
    }

    /// Whether the command fits a pattern of the rules.
    pub(super) fn fits(&self, pattern: &str, valued: &str) -> bool {
        self.fits_by(pattern, valued, either)
    }

    /// The same, where a word that is only known when the line runs may be any word.
    pub(super) fn may_fit(&self, pattern: &str, valued: &str) -> bool {
        self.fits_by(pattern, valued, |alternatives, word| {
            word.starts_with([UNKNOWN, OUTPUT]) || either(alternatives, word)
        })
    }

    fn fits_by(&self, pattern: &str, valued: &str, is: impl Fn(&str, &str) -> bool) -> bool {
        let mut parts = pattern.split(' ');
        if !parts
            .next()
            .is_some_and(|program| either(program, &self.program))
        {
            return false;
        }
        let mut operands = self.operands(valued).into_iter();
        parts.all(|part| match part.starts_with('-') {
            true => part
                .split('|')
                .any(|option| match option.strip_suffix('*') {
                    Some(start) => self.args.iter().any(|arg| arg.starts_with(start)),
                    None => self.has(option),
                }),
            false => operands.next().is_some_and(|operand| is(part, operand)),
        })
    }
}

fn either(alternatives: &str, word: &str) -> bool {
    alternatives
        .split('|')
        .any(|one| match one.strip_suffix('*') {
            Some(start) => word.starts_with(start),
            None => match one.split_once('*') {
                Some((start, end)) => word.starts_with(start) && word.ends_with(end),
                None => one == word,
            },
        })
}

pub(super) fn is_option(arg: &str) -> bool {
    arg.len() > 1 && arg.starts_with('-')
}

fn takes_next(arg: &str, valued: &str) -> bool {
    valued.split(' ').any(|option| option == arg)
}

fn matches_option(arg: &str, option: &str) -> bool {
    if arg == option {
        return true;
    }
    if option.starts_with("--") {
        return arg
            .strip_prefix(option)
            .is_some_and(|rest| rest.starts_with('='));
    }
    // One letter in a cluster of letters.
    let letter = option
        .strip_prefix('-')
        .filter(|letters| letters.len() == 1);
    let cluster = arg.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    match (letter, cluster) {
        (Some(letter), Some(cluster)) => {
            cluster.chars().all(char::is_alphabetic) && cluster.contains(letter)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Argv {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Argv::new(&words).unwrap()
    }

    #[test]
    fn options_and_operands_are_told_apart() {
        let argv = argv("/usr/bin/tool -rf --level=3 -o out a -- -b");
        assert_eq!(argv.program, "tool");
        assert_eq!(argv.operands("-o"), ["a", "-b"]);
        assert!(argv.has("-r") && argv.has("-f") && argv.has("--level") && !argv.has("-b"));
        assert_eq!(argv.values("-o"), ["out"]);
        assert_eq!(argv.values("--level"), ["3"]);
    }

    #[test]
    fn patterns_fit_operands_in_order_and_options_anywhere() {
        assert!(argv("git reset --hard HEAD").fits("git reset --hard|--keep", ""));
        assert!(!argv("git reset HEAD").fits("git reset --hard", ""));
        assert!(argv("git -C x push").fits("git push", "-C"));
        assert!(!argv("git commit push").fits("git push", ""));
        assert!(argv("npm run release:all").fits("npm|yarn run deploy*|release*", ""));
        assert!(argv("git clean -fdx").fits("git clean -f|--force", ""));
    }
}
