//! Programs whose output follows from the line itself: what hides in them is read like the line.

use super::argv::Argv;
use super::decode;
use super::feed::Feed;
use super::place::{OUTPUT, Place, UNKNOWN};
use super::rules;
use super::walk::Walk;

impl Walk<'_> {
    /// Programs whose output follows from the line itself.
    pub(super) fn text_program(&mut self, argv: &Argv, stdin: &Feed) -> Option<Feed> {
        let known = |text: String| match text.contains([UNKNOWN, OUTPUT]) {
            true => Feed::local(false),
            false => Feed::text(text),
        };
        match argv.program.as_str() {
            "echo" => Some(known(echo(argv))),
            "printf" if argv.args.first().is_some_and(|arg| arg == "-v") => {
                let words = argv.args.get(2..).unwrap_or_default().to_vec();
                let text = printf(&Argv {
                    args: words,
                    ..argv.clone()
                });
                if let Some(name) = argv.args.get(1) {
                    self.remember(name, vec![text]);
                }
                Some(Feed::default())
            }
            "printf" => Some(known(printf(argv))),
            "read" | "mapfile" | "readarray" => {
                let values = lines(stdin);
                let names = argv.operands("-d -n -N -p -t -u -i -C -c -O -s");
                let names = match names.is_empty() {
                    true => vec!["REPLY", "MAPFILE"],
                    false => names,
                };
                for name in names {
                    self.remember(name, values.clone());
                }
                Some(Feed::default())
            }
            "yes" => Some(Feed::endless()),
            "pidof" | "pgrep" => Some(Feed::text(format!("pid:{}", argv.args.join(" ")))),
            "ps" => Some(Feed::text("pid:")),
            "gunzip" | "bunzip2" | "unxz" | "unzstd" | "zcat" | "bzcat" | "xzcat" | "zstdcat"
            | "uncompress" | "uudecode" => Some(Feed {
                hidden: true,
                ..Feed::local(false)
            }),
            "cat" | "tac" | "less" | "more" | "head" | "tail" | "bat" => {
                let files: Vec<&str> = argv
                    .operands("-n -c")
                    .into_iter()
                    .filter(|f| *f != "-")
                    .collect();
                if files.is_empty() {
                    let ends = argv.program == "head";
                    return Some(Feed {
                        endless: stdin.endless && !ends,
                        ..stdin.clone()
                    });
                }
                if argv.program != "head"
                    && argv.program != "cat"
                    && files.iter().any(|f| is_endless(f))
                {
                    // It keeps what it reads until there is no more.
                    self.matched(rules::EXHAUST, argv.shown());
                }
                let mut output = Feed::default();
                for file in files {
                    output = output.and(match self.process_output(file) {
                        Some(feed) => feed,
                        None if is_endless(file) && argv.program != "head" => Feed::endless(),
                        None => Feed::local(crate::secrets::is_secret(file)),
                    });
                }
                Some(output)
            }
            "pwd" => Some(known(self.state.cwd.path())),
            "realpath" | "readlink" => argv
                .operands("")
                .first()
                .map(|path| known(self.place(path).path())),
            "git" => match argv.args.as_slice() {
                [sub, what] if sub == "rev-parse" => match what.as_str() {
                    "--show-toplevel" => Some(Feed::text(Place::root().path())),
                    "--git-dir" | "--git-common-dir" | "--absolute-git-dir" => {
                        Some(Feed::text(format!("{}.git", Place::root().path())))
                    }
                    _ => None,
                },
                _ => None,
            },
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
                (None, _) => Feed {
                    endless: stdin.endless,
                    ..stdin.clone().after()
                },
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
}

/// Devices that give bytes for as long as somebody reads.
pub(super) fn is_endless(file: &str) -> bool {
    matches!(
        file,
        "/dev/zero" | "/dev/urandom" | "/dev/random" | "/dev/full"
    )
}

/// What `read` may get: any of the lines, or names of files.
fn lines(stdin: &Feed) -> Vec<String> {
    let mut lines: Vec<String> = match &stdin.text {
        Some(text) => text.lines().map(str::to_owned).collect(),
        None => stdin
            .paths
            .iter()
            .map(|dir| format!("{dir}/{UNKNOWN}"))
            .collect(),
    };
    if lines.is_empty() {
        lines.push(UNKNOWN.to_string());
    }
    lines
}

fn echo(argv: &Argv) -> String {
    let mut words = argv.args.as_slice();
    let (mut interpret, mut without_newline) = (false, false);
    while let Some((first, rest)) = words.split_first() {
        let is_flag = first.len() > 1
            && first.starts_with('-')
            && first[1..].chars().all(|c| matches!(c, 'n' | 'e' | 'E'));
        if !is_flag {
            break;
        }
        interpret |= first.contains('e');
        without_newline |= first.contains('n');
        words = rest;
    }
    let mut text = words.join(" ");
    if !without_newline {
        text.push('\n');
    }
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
