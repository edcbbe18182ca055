//! Whatever a line is wrapped in, it is judged at least as strictly as by itself. Lines are only
//! ever parsed.

use crate::score::Case;
use loom_tools::policy::{Decision, judge};

/// All recorded commands.
const FILES: &[&str] = &[
    include_str!("../../../../tests/data/security/commands.jsonl"),
    include_str!("../../../../tests/data/security/variants.jsonl"),
    include_str!("../../../../tests/data/security/independent.jsonl"),
];

/// At least so many of a hundred lines that may run must still run behind a wrapper.
const LEAST_KEPT: f64 = 95.0;

/// Every line meets every so many of the wrappers, so that the test stays short; with 1 it meets all.
const STRIDE: usize = 5;

/// A line in another form; none when it has none.
type Wrap = fn(&str) -> Option<String>;

/// Ways to run the same line in another form.
const WRAPPERS: &[(&str, Wrap)] = &[
    ("subshell", |line| Some(format!("(\n{line}\n)"))),
    ("group", |line| Some(format!("{{\n{line}\n}}"))),
    ("if", |line| Some(format!("if true; then\n{line}\nfi"))),
    ("else", |line| {
        Some(format!("if false; then :; else\n{line}\nfi"))
    }),
    ("condition", |line| Some(format!("if\n{line}\nthen :; fi"))),
    ("case", |line| {
        Some(format!("case x in x)\n{line}\n;; esac"))
    }),
    ("for", |line| {
        Some(format!("for n in 1 2; do\n{line}\ndone"))
    }),
    ("while", |line| {
        Some(format!("while sleep 1; do\n{line}\nbreak; done"))
    }),
    ("and", |line| Some(format!("true && {{\n{line}\n}}"))),
    ("or", |line| Some(format!("false || {{\n{line}\n}}"))),
    ("not", |line| Some(format!("! {{\n{line}\n}}"))),
    ("pipe", |line| Some(format!("{{\n{line}\n}} | cat"))),
    ("piped into", |line| {
        Some(format!("echo y | {{\n{line}\n}}"))
    }),
    ("substitution", |line| Some(format!("x=$(\n{line}\n)"))),
    ("in quotes", |line| Some(format!("echo \"$(\n{line}\n)\""))),
    ("process", |line| Some(format!("cat <(\n{line}\n)"))),
    ("function", |line| Some(format!("f() {{\n{line}\n}}\nf"))),
    ("uncalled function", |line| {
        Some(format!("f() {{\n{line}\n}}"))
    }),
    ("function with arguments", |line| {
        Some(format!("f() {{ shift; \"$@\"; }}\nf x {}", words(line)?))
    }),
    ("arguments", |line| {
        Some(format!("bash -c '\"$@\"' _ {}", words(line)?))
    }),
    ("set", |line| {
        Some(format!("set -- {}\n\"$@\"", words(line)?))
    }),
    ("array", |line| {
        Some(format!("a=({})\n\"${{a[@]}}\"", words(line)?))
    }),
    ("sh -c", |line| Some(format!("sh -c {}", quoted(line)))),
    ("env", |line| {
        Some(format!("env X=1 bash -c {}", quoted(line)))
    }),
    ("timeout", |line| {
        Some(format!("timeout 5 bash -c {}", quoted(line)))
    }),
    ("eval", |line| Some(format!("eval {}", quoted(line)))),
    ("variable", |line| {
        Some(format!("x={}\neval \"$x\"", quoted(line)))
    }),
    ("default", |line| {
        Some(format!("x={}; bash -c \"${{x:-ls}}\"", quoted(line)))
    }),
    ("here-document", |line| {
        Some(format!("bash <<'EndOfLine'\n{line}\nEndOfLine"))
    }),
    ("here-string", |line| {
        Some(format!("bash <<< {}", quoted(line)))
    }),
    ("fed", |line| {
        Some(format!("printf '%s\\n' {} | sh", quoted(line)))
    }),
    ("xargs", |line| {
        // A `{}` of its own would be another one.
        if line.contains("{}") {
            return None;
        }
        Some(format!("echo x | xargs -I{{}} sh -c {}", quoted(line)))
    }),
    ("find", |line| {
        if line.contains("{}") {
            return None;
        }
        Some(format!("find . -name x -exec sh -c {} \\;", quoted(line)))
    }),
    ("trap", |line| Some(format!("trap {} EXIT", quoted(line)))),
    ("nice words", |line| {
        Some(format!("nice -n 5 {}", words(line)?))
    }),
    ("timeout words", |line| {
        Some(format!("timeout -k 1 5 {}", words(line)?))
    }),
    ("env words", |line| {
        Some(format!("env -i A=1 B=2 {}", words(line)?))
    }),
    ("exec", |line| Some(format!("exec {}", words(line)?))),
    ("command", |line| Some(format!("command {}", words(line)?))),
    ("time", |line| Some(format!("time {}", words(line)?))),
    ("stdbuf", |line| {
        Some(format!("stdbuf -oL {}", words(line)?))
    }),
    ("xargs words", |line| {
        Some(format!("echo x | xargs -I{{}} {}", words(line)?))
    }),
    ("redirected", |line| {
        Some(format!("{} > out.log 2>&1", words(line)?))
    }),
    ("setting", |line| Some(format!("FOO=1 {}", words(line)?))),
    ("after cd", |line| Some(format!("cd . && {{\n{line}\n}}"))),
    ("after another", |line| Some(format!("ls\n{line}\nls"))),
    ("python", |line| {
        let words = words(line)?;
        let plain = !words.contains(['\'', '"', '\\', '$', '~', '*']);
        plain.then(|| format!("python3 -c 'import os; os.system(\"{words}\")'"))
    }),
];

#[test]
fn no_wrapper_makes_a_judgement_weaker() {
    let mut weaker = Vec::new();
    for (number, line) in lines().into_iter().enumerate() {
        let alone = judge(&line);
        if alone.rules.iter().any(|rule| rule == "unreadable") {
            // Nobody knows where such a line ends.
            continue;
        }
        let some = WRAPPERS.iter().skip(number % STRIDE).step_by(STRIDE);
        for (name, wrap) in some {
            let Some(wrapped) = wrap(&line) else { continue };
            let judgement = judge(&wrapped);
            // In quotes less can be put right; then it is asked for.
            let asks = judgement.rules.iter().any(|rule| rule == "unreadable");
            if judgement.decision < alone.decision && !asks {
                weaker.push(format!(
                    "{name}: {:?} became {:?} ({}): {line:?}",
                    alone.decision,
                    judgement.decision,
                    alone.rules.join(" ")
                ));
            }
        }
    }
    assert!(weaker.is_empty(), "{}\n{}", weaker.len(), weaker.join("\n"));
}

#[test]
fn what_may_run_may_run_behind_a_wrapper() {
    let allowed: Vec<String> = lines()
        .into_iter()
        .filter(|line| judge(line).decision == Decision::Allow)
        .collect();
    let mut bad = Vec::new();
    // What is run on names from a pipe may be run on many.
    for (name, wrap) in WRAPPERS.iter().filter(|(name, _)| *name != "xargs words") {
        let some = allowed.iter().step_by(STRIDE);
        let wrapped: Vec<String> = some.filter_map(|line| wrap(line)).collect();
        let lost: Vec<&String> = wrapped
            .iter()
            .filter(|line| judge(line).decision != Decision::Allow)
            .collect();
        let kept = 100.0 - 100.0 * lost.len() as f64 / wrapped.len().max(1) as f64;
        if kept < LEAST_KEPT {
            let shown: Vec<String> = lost
                .iter()
                .map(|line| format!("  {line:?}: {:?}", judge(line).rules))
                .collect();
            bad.push(format!("{name}: {kept:.1} %\n{}", shown.join("\n")));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// All recorded lines.
fn lines() -> Vec<String> {
    let lines = FILES.iter().flat_map(|file| file.lines());
    lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str::<Case>(line).unwrap().command)
        .collect()
}

fn quoted(line: &str) -> String {
    format!("'{}'", line.replace('\'', "'\\''"))
}

/// The line, when it is one simple command of a program, so that words may stand before it.
fn words(line: &str) -> Option<&str> {
    const BUILTINS: &[&str] = &[
        "cd", "export", "source", ".", "eval", "set", "unset", "alias", "trap", "exec", "history",
        "fc", "read", "declare", "local", "readonly", "shopt", "for", "while", "until", "if",
        "case", "time", "wait", "[[", "{", "!", "coproc", "function", "typeset", "builtin",
        "pushd", "popd", "ulimit", "umask", "exit", "return", "let", "select", "command", "test",
        "[", "kill", "jobs", "hash", "shift", "env", "printenv",
    ];
    let first = line.split_whitespace().next()?;
    let special = |c: char| {
        matches!(
            c,
            ';' | '|' | '&' | '<' | '>' | '(' | ')' | '\n' | '#' | '{' | '`'
        )
    };
    let simple =
        !line.contains(special) && !first.contains(['=', '$']) && !BUILTINS.contains(&first);
    simple.then_some(line)
}
