//! Whether a step gives leave to change what judges it.
//!
//! "Make the tests pass" does not: it asks for other work, by which the tests then pass.

use crate::{Step, globs};
use regex::Regex;
use std::sync::LazyLock;

/// Work on something.
static VERB: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(add|writ|creat|updat|adapt|adjust|chang|edit|extend|refactor|renam|remov|delet|mov|port|convert|regenerat|replac|improv|expand|rewrit|format|reformat|translat)\w*\b",
    )
});

/// Work on a file that is no test. "Fix tests/a.py" may as well mean what it tests.
static MEND: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(fix|correct|repair|implement|complet|finish|simplif)\w*\b"));

/// What ends the reach of a verb: what follows is a purpose, a means or another clause.
static BREAK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(so|that|until|till|then|which|pass\w*|succeed\w*|run\w*|make\w*|mak\w*|let|satisf\w*|match\w*|against|without|when|where|if|because|keep\w*|via|by|using|with|for which|required|expected)\b|[.;:!?\n]\s",
    )
});

static TESTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(tests?|specs?|fixtures?|snapshots?|test (file|case|suite)s?)\b")
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("BUG: the pattern is valid")
}

/// Longest way from a verb to what it works on.
const REACH: usize = 60;

/// Whether the step gives leave to change a file.
pub(crate) fn given(step: &Step, path: &str, is_test: bool) -> bool {
    let declared = step
        .edits_tests
        .as_ref()
        .is_some_and(|edits| globs::any(&edits.paths, path));
    // Named as such: a glob over a directory may mean new files.
    let named = step
        .outputs
        .iter()
        .chain(&step.expected_files)
        .any(|output| output == path);
    let text = words(step);
    declared || named || asks_for_file(&text, path, is_test) || (is_test && asks_for_tests(&text))
}

fn words(step: &Step) -> String {
    format!("{}\n{}", step.task, step.criteria.join("\n"))
}

/// Whether the step asks for work on tests in words.
pub(crate) fn asks_for_tests(text: &str) -> bool {
    TESTS
        .find_iter(text)
        .any(|found| is_worked_on(&text[..found.start()], &VERB))
}

/// Whether the step asks for tests to go away.
pub(crate) fn removes_tests(step: &Step) -> bool {
    static REMOVES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)\b(remov|delet|drop|merg|consolidat|split|mov)\w*\b[^.;\n]{0,60}\b(tests?|specs?|cases?)\b",
        )
    });
    REMOVES.is_match(&words(step))
}

fn asks_for_file(text: &str, path: &str, is_test: bool) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    text.match_indices(name).any(|(at, _)| {
        let before = &text[..at];
        is_worked_on(before, &VERB) || (!is_test && is_worked_on(before, &MEND))
    })
}

/// Whether the last verb before the end of a text reaches it.
fn is_worked_on(before: &str, verbs: &Regex) -> bool {
    let start = before
        .char_indices()
        .rev()
        .nth(REACH)
        .map_or(0, |(at, _)| at);
    let window = &before[start..];
    let Some(verb) = verbs.find_iter(window).last() else {
        // "In tests/a.py rename x": the place comes before the verb.
        return false;
    };
    !BREAK.is_match(&window[verb.end()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::step;

    fn asking(task: &str) -> Step {
        Step {
            task: task.to_owned(),
            criteria: Vec::new(),
            ..step(Vec::new())
        }
    }

    #[test]
    fn work_on_tests_is_leave_and_making_them_pass_is_none() {
        for (task, leave) in [
            ("Update the tests to the new name.", true),
            ("Add a test for empty input.", true),
            ("Rename the option and adapt its tests.", true),
            ("Regenerate the snapshots.", true),
            ("Rename x in tests/test_a.py.", true),
            ("Make the tests pass.", false),
            ("Fix the failing tests.", false),
            ("Change parse() so that the tests pass.", false),
            ("Add --json to list.py and run the tests.", false),
            (
                "Write the parser that tests/test_a.py expects. Make tests/test_a.py pass.",
                false,
            ),
            ("Make the parser faster.", false),
            ("Change the code until tests/test_a.py is green.", false),
        ] {
            assert_eq!(
                given(&asking(task), "tests/test_a.py", true),
                leave,
                "{task}"
            );
        }
    }

    #[test]
    fn declared_files_and_outputs_are_leave_for_these_alone() {
        let mut step = asking("Make it work.");
        step.outputs = vec!["tests/new.py".to_owned()];
        step.expected_files = vec!["tests/*.py".to_owned()];
        step.edits_tests = Some(loom_events::EditsTests {
            paths: vec!["tests/old_*.py".to_owned()],
            reason: "the name changes".to_owned(),
        });
        assert!(given(&step, "tests/new.py", true));
        assert!(given(&step, "tests/old_a.py", true));
        assert!(!given(&step, "tests/other.py", true));
        assert!(given(&asking("Fix ci/verify.sh."), "ci/verify.sh", false));
        assert!(!given(
            &asking("Fix tests/test_a.py."),
            "tests/test_a.py",
            true
        ));
    }
}
