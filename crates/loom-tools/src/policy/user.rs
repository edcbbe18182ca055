//! Rules of the user: commands by the words they start with, and what is to be done with them.
//!
//! A rule is matched against a parsed simple command, never against text. What a rule *allows* must
//! surely be what was meant: the program by the same name or path, its words where no option can
//! have taken them. What it *asks* for or *denies* is matched generously.

use super::Decision;
use super::argv::{Argv, is_option};
use super::command::options_with_value;
use super::place::{OUTPUT, UNKNOWN};
use super::rules::Rule;

/// Stands for any one word.
const ANY: &str = "*";

/// May end a pattern; it says what holds anyway.
const AND_MORE: &str = "...";

/// One rule of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRule {
    program: String,
    words: Vec<String>,
    decision: Decision,
    /// As it is called in a judgement: `user: npm install`.
    name: String,
    /// Why, as the end of a sentence that starts with what was matched.
    why: String,
}

impl UserRule {
    /// A rule for commands that start with these words.
    ///
    /// # Errors
    /// When the words are no plain command.
    pub fn new(
        command: &str,
        decision: Decision,
        reason: Option<&str>,
    ) -> Result<Self, PatternError> {
        let mut words = plain_words(command)?;
        if words.last().is_some_and(|word| word == AND_MORE) {
            words.pop();
        }
        let shown = words.join(" ");
        let mut words = words.into_iter();
        let program = words.next().ok_or(PatternError::Empty)?;
        if program == ANY || is_option(&program) || program.contains('=') {
            return Err(PatternError::NoProgram { word: program });
        }
        let does = match decision {
            Decision::Allow => "allows it",
            Decision::Ask => "asks for it",
            Decision::Deny => "forbids it",
        };
        Ok(Self {
            program,
            words: words.collect(),
            decision,
            why: match reason.map(str::trim).filter(|reason| !reason.is_empty()) {
                Some(reason) => format!("{reason} (your rule `{shown}` {does})"),
                None => format!("your rule `{shown}` {does}"),
            },
            name: format!("user: {shown}"),
        })
    }

    /// What is to be done with what it matches.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        self.decision
    }

    /// As it is called in a judgement: `user: npm install`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same as a rule among the built-in ones.
    pub(super) fn rule(&self) -> Rule<'_> {
        Rule {
            name: &self.name,
            decision: self.decision,
            why: &self.why,
            network: false,
            by_user: true,
        }
    }

    pub(super) fn matches(&self, argv: &Argv) -> bool {
        match self.decision {
            Decision::Allow => argv.word == self.program && self.surely_starts(argv),
            Decision::Ask | Decision::Deny => {
                (argv.word == self.program || argv.program == self.program)
                    && self.may_start(&argv.args)
            }
        }
    }

    /// Whether the first operands are the words, and options among the words are there.
    fn surely_starts(&self, argv: &Argv) -> bool {
        let operands = argv.operands(options_with_value(&argv.program));
        let mut operands = operands.into_iter();
        self.words.iter().all(|word| match is_option(word) {
            true => argv.has(word),
            false => operands.next().is_some_and(|operand| is(word, operand)),
        })
    }

    /// Whether the words may be the first operands: any option may take the word after it, and a
    /// word that is only known when the line runs may be any.
    fn may_start(&self, args: &[String]) -> bool {
        let (options, words): (Vec<&String>, Vec<&String>) =
            self.words.iter().partition(|word| is_option(word));
        let whole = Argv {
            args: args.to_vec(),
            ..Argv::default()
        };
        if !options.iter().all(|option| whole.has(option)) {
            return false;
        }
        // `reached[n]`: the first n words may have been seen before this argument.
        let mut reached = vec![false; words.len() + 1];
        reached[0] = true;
        // The same after an option that took the next argument for its value.
        let mut skipping = vec![false; words.len() + 1];
        for arg in args {
            let mut next = std::mem::replace(&mut skipping, vec![false; words.len() + 1]);
            for (seen, _) in reached.iter().enumerate().filter(|(_, yes)| **yes) {
                let Some(word) = words.get(seen) else {
                    return true;
                };
                if is_option(arg) {
                    next[seen] = true;
                    skipping[seen] = !arg.contains('=');
                } else if is(word, arg) || arg.contains([UNKNOWN, OUTPUT]) {
                    next[seen + 1] = true;
                }
            }
            reached = next;
        }
        reached[words.len()]
    }
}

fn is(word: &str, arg: &str) -> bool {
    word == ANY || word == arg
}

/// Characters that mean something to a shell, and so cannot be in a plain command.
const SPECIAL: &str = "|&;<>()$`\\\"'{}[]?#!\n\r\t";

/// The words of a command in which nothing but words is.
fn plain_words(command: &str) -> Result<Vec<String>, PatternError> {
    if let Some(found) = command
        .chars()
        .find(|c| SPECIAL.contains(*c) || c.is_control())
    {
        return Err(PatternError::NotPlain { found });
    }
    let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    match words.iter().find(|word| word.contains('*') && *word != ANY) {
        Some(word) => Err(PatternError::PartOfWord { word: word.clone() }),
        None => Ok(words),
    }
}

/// The command of a rule cannot be matched. The text follows the command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is nothing in it.
    #[error("is empty: write a program and the words it starts with, such as \"npm install\"")]
    Empty,
    /// It is more than one simple command.
    #[error(
        "is no plain command, it has {found:?}: write one program and the words it starts with, \
         such as \"npm install\"; every command of a line is matched by itself"
    )]
    NotPlain {
        /// What a plain command does not have.
        found: char,
    },
    /// It does not begin with a program.
    #[error("begins with {word:?}, which is no program: begin with its name, such as \"npm\"")]
    NoProgram {
        /// What it begins with.
        word: String,
    },
    /// A star is a part of a word.
    #[error("has {word:?}: `*` stands for one whole word; leave the word out to match any end")]
    PartOfWord {
        /// The word.
        word: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Argv {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Argv::new(&words).unwrap()
    }

    fn rule(command: &str, decision: Decision) -> UserRule {
        UserRule::new(command, decision, None).unwrap()
    }

    #[test]
    fn what_is_allowed_is_surely_the_command() {
        for (pattern, line, fits) in [
            ("npm install", "npm install", true),
            ("npm install ...", "npm install left-pad", true),
            ("npm install", "npm --prefix web install", true),
            ("npm install", "npm run install", false),
            ("npm install *", "npm install", false),
            ("git push", "git -C x push", true),
            ("git push", "git --unknown x push", false),
            ("git push --force", "git push origin --force", true),
            ("git push --force", "git push origin", false),
            ("npm", "./npm install", false),
            ("./gradlew publish", "./gradlew publish", true),
            ("npm run *", "npm run \u{fffc}", true),
            ("npm install", "npm \u{fffc}", false),
        ] {
            let rule = rule(pattern, Decision::Allow);
            assert_eq!(rule.matches(&argv(line)), fits, "{pattern} / {line}");
        }
    }

    #[test]
    fn what_is_denied_is_whatever_may_be_the_command() {
        for (pattern, line, fits) in [
            ("git push", "git -C x push", true),
            ("git push", "git --unknown x push", true),
            ("git push", "git --unknown push", true),
            ("git push", "git \u{fffc}", true),
            ("git push", "git pull push", false),
            ("git push --force", "git push -u origin --force", true),
            ("git push --force", "git push -u origin", false),
            ("npm", "./npm install", true),
            ("npm", "/usr/bin/npm install", true),
            ("make * all", "make x all", true),
            ("make * all", "make all", false),
            ("docker run -v", "docker run -v /:/x alpine", true),
        ] {
            for decision in [Decision::Ask, Decision::Deny] {
                let rule = rule(pattern, decision);
                assert_eq!(rule.matches(&argv(line)), fits, "{pattern} / {line}");
            }
        }
    }

    #[test]
    fn what_is_no_plain_command_is_refused_with_the_way_out() {
        let refused = |command| {
            let error = UserRule::new(command, Decision::Allow, None).unwrap_err();
            error.to_string()
        };
        for empty in ["", "  ", "..."] {
            assert!(refused(empty).starts_with("is empty"), "{empty:?}");
        }
        for (command, found) in [
            ("a | b", "'|'"),
            ("a; b", "';'"),
            ("a $x", "'$'"),
            ("a && b", "'&'"),
            ("a > b", "'>'"),
            ("a 'b c'", "'\\''"),
        ] {
            let said = refused(command);
            assert!(
                said.contains(found) && said.contains("npm install"),
                "{said}"
            );
        }
        for command in ["* x", "-x", "X=1 npm"] {
            assert!(refused(command).contains("is no program"), "{command}");
        }
        assert!(refused("npm run build*").contains("one whole word"));
    }
}
