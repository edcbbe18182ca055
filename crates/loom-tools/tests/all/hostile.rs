//! Whatever a line is, the judge comes back, soon. Lines are only ever parsed.

use loom_tools::policy::{Decision, judge};

/// Steps of a generator that always gives the same lines.
struct Lines(u64);

impl Lines {
    const fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn line(&mut self, words: u64) -> String {
        let count = self.next(words) + 1;
        let mut line = String::new();
        for _ in 0..count {
            let at = self.next(PIECES.len() as u64);
            let at = usize::try_from(at).unwrap();
            line.push_str(PIECES[at]);
            if self.next(3) > 0 {
                line.push(' ');
            }
        }
        line
    }
}

/// What lines are made of.
const PIECES: &[&str] = &[
    "a",
    "rm",
    "-rf",
    "~",
    "/",
    "..",
    "*",
    "git",
    "push",
    "echo",
    "cat",
    "sh",
    "-c",
    "'",
    "\"",
    "`",
    "$",
    "${",
    "}",
    "$(",
    ")",
    "((",
    "))",
    "<(",
    ">",
    ">>",
    "<",
    "<<E\n",
    "E\n",
    "<<<",
    "|",
    "||",
    "&",
    "&&",
    ";",
    ";;",
    "\n",
    "{",
    "{a,b}",
    "{1..9}",
    "[[",
    "]]",
    "if",
    "then",
    "else",
    "fi",
    "for x in",
    "do",
    "done",
    "while",
    "case x in",
    "esac",
    "f()",
    "function f",
    "x=",
    "x=(1 2)",
    "${x[@]}",
    "${x:-",
    "${x%/*}",
    "${!x}",
    "$x",
    "$1",
    "$@",
    "\\",
    "#",
    "!",
    "coproc",
    "select",
    "eval",
    "exec",
    "trap",
    "xargs",
    "find . -exec",
    "\\;",
    "-",
    "--",
    "=",
    "\u{e9}",
    "\u{1f600}",
    "\u{fffc}",
    "\u{0}",
    "\r",
    "$'\\x41'",
    "sed -e",
    "s/a/b/e",
    "awk",
    "{print}",
    "python3 -c",
    "os.system(",
    "base64 -d",
    "tr a b",
    "printf %s",
    "export",
    "declare -a",
    "unset",
    "$((",
    "1+1",
    "set --",
    "shift",
    "source",
    ".",
    "bash",
    "env",
    "-S",
    "timeout 1",
    "nohup",
    ">&2",
    "2>&1",
];

#[test]
fn no_line_of_random_pieces_is_too_much() {
    let mut lines = Lines(0x5eed_1234_abcd_0001);
    for _ in 0..3_000 {
        let line = lines.line(24);
        assert!(judge(&line).decision <= Decision::Deny, "{line:?}");
    }
    for _ in 0..20 {
        let line = lines.line(4_000);
        assert!(judge(&line).decision <= Decision::Deny);
    }
}

#[test]
fn no_random_text_is_too_much() {
    let mut lines = Lines(0x0bad_cafe_0000_0007);
    for _ in 0..1_000 {
        let line: String = (0..lines.next(200))
            .filter_map(|_| char::from_u32(u32::try_from(lines.next(0x250)).unwrap()))
            .filter(|c| !c.is_control() || *c == '\n')
            .collect();
        assert!(judge(&line).decision <= Decision::Deny, "{line:?}");
    }
}

/// Small lines that would grow, nest or repeat without an end.
fn bombs() -> Vec<(&'static str, String)> {
    let many = |text: &str, times: usize| text.repeat(times);
    vec![
        (
            "doubled value",
            format!("x=aaaaaaaa;{}echo $x", many("x=$x$x;", 60)),
        ),
        (
            "many uses",
            format!("x={};cat {}", many("a", 9_000), many("$x ", 15_000)),
        ),
        (
            "many values",
            format!("{}rm $x$x$x$x", many("if a; then x=b$x; fi;", 400)),
        ),
        ("braces", many("{a,b}", 400)),
        (
            "nested braces",
            format!("{}a,b{}", many("{a,", 400), many("}", 400)),
        ),
        ("ranges", many("{1..999999999}", 300)),
        (
            "nested loops",
            format!(
                "{}ls;{}",
                many("for i in {1..16}; do ", 20),
                many("done;", 20)
            ),
        ),
        (
            "nested turns",
            format!(
                "{}y=$y/a;{}",
                many("while x=$x/a; do ", 20),
                many("done;", 20)
            ),
        ),
        ("calls of calls", calls(40)),
        ("a call of itself", "f() { f \"$1/x\"; }; f a".to_owned()),
        (
            "two that call each other",
            "f() { g x$1; }; g() { f y$1; }; f a".to_owned(),
        ),
        (
            "variables",
            (0..4_000).map(|n| format!("v{n}={n};")).collect::<String>() + &many("(:);", 2_000),
        ),
        ("operands", format!("cat {}", many("~/a ", 15_000))),
        ("words of eval", many("eval ", 10_000)),
        (
            "words of wrappers",
            format!("{}rm x", many("env nice timeout 1 ", 3_000)),
        ),
        (
            "scripts in scripts",
            format!("{}echo{}", many("$(sh -c \"", 60), many("\")", 60)),
        ),
        (
            "plants",
            format!(
                "x='{}';{}",
                many("ls;", 2_000),
                many("echo \"$x\" > a.sh;", 1_500)
            ),
        ),
        (
            "code",
            format!(
                "x='{}';{}",
                many("import os;", 800),
                many("python -c \"$x\";", 2_000)
            ),
        ),
        (
            "patterns",
            format!(
                "x={};{}",
                many("ab", 45),
                many("echo ${x%%*a*b*c*d*e};", 2_000)
            ),
        ),
        ("here-documents", many("cat <<E\nx\nE\n", 4_000)),
        (
            "nested tests",
            format!("[[ {}a{} ]]", many("( ", 6_000), many(" )", 6_000)),
        ),
        (
            "nested arithmetic",
            format!("echo $(({}1{}))", many("(", 8_000), many(")", 8_000)),
        ),
        (
            "nested defaults",
            format!("echo {}x{}", many("${x:-", 6_000), many("}", 6_000)),
        ),
        (
            "nested quotes",
            format!("{}x{}", many("\"$(", 8_000), many(")\"", 8_000)),
        ),
        (
            "nested functions",
            format!("{}:;{}", many("f() { ", 5_000), many("}; ", 5_000)),
        ),
        (
            "nested groups",
            format!("{}:;{}", many("{ ", 9_000), many("};", 9_000)),
        ),
        (
            "nested ifs",
            format!("{}:;{}", many("if a; then ", 3_000), many("fi;", 3_000)),
        ),
        ("arrays", format!("a=({})", many("$(ls) ", 8_000))),
        ("coprocesses", many("coproc a { ls; }; ", 3_000)),
        ("backticks", many("`", 60_000)),
        ("dollars", many("$", 60_000)),
        ("unclosed", format!("'{}", many("a ", 30_000))),
        ("unclosed braces", many("{", 60_000)),
        ("unclosed here-documents", many("<<a ", 15_000)),
        ("pipes", many("a|", 30_000)),
        ("backslashes", many("\\", 60_000)),
        ("a megabyte", many("rm a; ", 180_000)),
        ("a megabyte of one word", many("a", 1 << 20)),
    ]
}

/// Functions each of which calls the one before twice.
fn calls(levels: usize) -> String {
    let mut line = "f0() { ls \"$1\"; }; ".to_owned();
    for level in 1..levels {
        let below = level - 1;
        line.push_str(&format!(
            "f{level}() {{ f{below} \"a$1\"; f{below} \"b$1\"; }}; "
        ));
    }
    line + &format!("f{} x", levels - 1)
}

/// Those in which more would run than is looked at. The others are long, but do nothing.
const TOO_MUCH: &[&str] = &[
    "doubled value",
    "many uses",
    "many values",
    "nested loops",
    "nested turns",
    "calls of calls",
    "a call of itself",
    "two that call each other",
    "variables",
    "words of eval",
    "words of wrappers",
    "scripts in scripts",
    "plants",
    "code",
    "a megabyte",
];

#[test]
fn lines_that_grow_without_end_are_asked_for() {
    for (name, line) in bombs() {
        let judgement = judge(&line);
        let is_too_much = TOO_MUCH.contains(&name);
        assert!(
            !is_too_much || judgement.decision >= Decision::Ask,
            "{name}: {:?}",
            judgement.rules
        );
        assert!(judgement.reason.len() < 1_000, "{name}");
    }
}

#[test]
fn more_values_than_are_looked_at_are_asked_for() {
    let words: String = (0..80).map(|n| format!(" d{n}")).collect();
    for line in [
        format!("for d in{words} ~; do rm -rf \"$d\"; done"),
        format!("a=({words} ~); for d in \"${{a[@]}}\"; do rm -rf \"$d\"; done"),
    ] {
        assert!(judge(&line).decision >= Decision::Ask, "{line}");
    }
    let few: String = (0..40).map(|n| format!(" d{n}")).collect();
    let line = format!("for d in{few} ~; do rm -rf \"$d\"; done");
    assert_eq!(judge(&line).decision, Decision::Deny);
    let line = format!("for d in{few}; do rm -rf \"$d\"; done");
    assert_eq!(judge(&line).decision, Decision::Allow);
}
