//! Commands that cannot fail prove nothing: what decides the exit status of a line.

use super::line::{Joint, Segment, program, segments};

/// Programs whose exit status does not depend on the workspace.
const CONSTANT: [&str; 11] = [
    "true", "false", ":", "echo", "printf", "exit", "return", "sleep", "pwd", "date", "whoami",
];

/// Programs that hide the exit status of what is piped into them.
const FILTERS: [&str; 11] = [
    "tail", "head", "cat", "tee", "less", "more", "sort", "wc", "tr", "sed", "uniq",
];

/// Flags with which a test runner runs no test.
const RUNS_NOTHING: [&str; 9] = [
    "--no-run",
    "--collect-only",
    "--co",
    "--passWithNoTests",
    "--pass-with-no-tests",
    "--no-tests=pass",
    "--list-tests",
    "--listTests",
    "--if-present",
];

/// Why a command has no power to fail, with what to do instead. With `printed`, its output is
/// matched too, so that a line that prints something variable has power.
pub(super) fn fault(command: &str, printed: bool) -> Option<String> {
    let line = command.trim();
    if line.is_empty() {
        return Some(
            "a check command is empty; give a command that fails when the work is missing"
                .to_owned(),
        );
    }
    let segments = segments(line);
    let powerless = |why: &str| {
        Some(format!(
            "the check command `{line}` {why}; give a command that fails when the work is missing"
        ))
    };
    let words = segments.iter().flat_map(|(words, _)| words);
    if let Some(flag) = words.clone().find(|w| RUNS_NOTHING.contains(&w.as_str())) {
        return powerless(&format!("runs no test because of `{flag}`"));
    }
    for (words, joint) in &segments {
        if words.first().is_some_and(|w| w == "set") && words.iter().any(|w| w == "+e") {
            return powerless("switches failing off with `set +e`");
        }
        if *joint == Joint::Background {
            return powerless("runs in the background, so its exit status is lost");
        }
    }
    let variable = printed && line.contains(['$', '`', '|', '<']);
    if can_fail(&segments) || variable {
        return None;
    }
    let piped = segments.iter().any(|(_, joint)| *joint == Joint::Pipe);
    if piped {
        powerless("pipes into a filter that hides whether it failed")
    } else {
        powerless("cannot fail")
    }
}

/// Whether the exit status of a list depends on anything.
fn can_fail(segments: &[Segment]) -> bool {
    let mut before = Joint::Then;
    let mut decides = false;
    for (words, joint) in segments {
        let here = segment_can_fail(words, before);
        decides = match before {
            Joint::And => decides || here,
            // `a || true`: the right side decides what the left side cannot.
            Joint::Or => decides && here,
            Joint::Then | Joint::Pipe | Joint::Background | Joint::End => here,
        };
        before = *joint;
    }
    decides
}

fn segment_can_fail(words: &[String], before: Joint) -> bool {
    let Some((name, arguments)) = program(words) else {
        // Nothing but assignments, or an empty segment as after a last `;`.
        return words.is_empty() && before == Joint::Then;
    };
    let filtered = before == Joint::Pipe && FILTERS.contains(&name);
    !filtered && !CONSTANT.contains(&name) && !compares_constants(name, arguments)
}

/// Whether a comparison of `test` compares only what stands in the line.
fn compares_constants(name: &str, arguments: &[String]) -> bool {
    const COMPARISONS: [&str; 10] = [
        "=", "==", "!=", "-eq", "-ne", "-gt", "-ge", "-lt", "-le", "-n",
    ];
    matches!(name, "test" | "[" | "[[")
        && arguments.iter().any(|w| COMPARISONS.contains(&w.as_str()))
        && !arguments.iter().any(|w| w.contains(['$', '`', '<']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_without_power_to_fail_are_refused() {
        for line in [
            "true",
            ":",
            "exit 0",
            "echo ok",
            "/bin/true",
            "cargo test || true",
            "cargo test; true",
            "cargo test; exit 0",
            "cargo test | tail -5",
            "cargo test &",
            "set +e; cargo test",
            "true && echo done",
            "X=1 true",
            "cargo test --no-run",
            "npx jest --passWithNoTests",
            "npm run test --if-present",
            "pytest --co -q",
            "make || :",
            "make || exit 0",
            "test 1 = 1",
            "[ a == a ]",
            "",
        ] {
            assert!(fault(line, false).is_some(), "{line}");
        }
    }

    #[test]
    fn commands_with_power_are_accepted() {
        for line in [
            "cargo test",
            "cargo build && cargo test",
            "cargo test 2>&1",
            "test -f a.txt && echo ok",
            "grep -q 'a || true' notes.md",
            "cd sub && make check;",
            "cargo test | grep -q passed",
            "python -c 'import a; print(a.x)'",
            "RUST_LOG=off cargo test",
            "[ -s out.txt ]",
            "test \"$(cat a.txt)\" = x",
            "sleep 1; cargo test",
            "! grep -r TODO src",
        ] {
            assert_eq!(fault(line, false), None, "{line}");
        }
    }

    #[test]
    fn what_is_printed_gives_power_only_when_it_can_vary() {
        assert_eq!(fault("echo $(wc -l < a)", true), None);
        assert_eq!(fault("wc -l a | cat", true), None);
        assert!(fault("echo ok", true).is_some());
    }

    #[test]
    fn the_sentence_says_what_is_wrong() {
        assert_eq!(
            fault("make | tail", false).unwrap(),
            "the check command `make | tail` pipes into a filter that hides whether it failed; \
             give a command that fails when the work is missing"
        );
    }
}
