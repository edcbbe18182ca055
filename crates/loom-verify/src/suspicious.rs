//! Added lines that may fake a result. None of them is proof: each is a reason for a second look.

use crate::files::{Changed, text};
use crate::protected::is_test;
use crate::syntax::Language;
use loom_events::FileKind;
use loom_workspace::Workspace;
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Ways to end or bend a test run from within.
static FAKES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"\b(?:sys\.exit|process\.exit|process::exit|os\.Exit|System\.exit|exit)\(\s*0?\s*\)\s*;?\s*$",
            "ends the program with success",
        ),
        (r"\bos\._exit\(", "ends the program at once"),
        (
            r"def __(?:eq|ne|bool)__\([^)]*\)[^:\n]*:\s*return (?:True|False)",
            "makes everything equal",
        ),
        (
            r"fn eq\(&self[^{]*\{\s*true\s*\}|boolean equals\([^)]*\)\s*\{\s*return true;",
            "makes everything equal",
        ),
        (
            r"\b(?:unittest|pytest|_pytest)\.[\w.]+\s*=[^=]|setattr\(\s*(?:unittest|pytest)|sys\.modules\[\s*['\x22](?:pytest|unittest)",
            "changes the test framework",
        ),
        (
            r"\b(?:global|globalThis)\.(?:expect|it|test|describe)\s*=[^=]",
            "changes the test framework",
        ),
        (
            r"\b(?:builtins\.\w+|time\.(?:time|sleep|perf_counter|monotonic)|Date\.now|performance\.now)\s*=[^=>]",
            "changes what everything else relies on",
        ),
    ]
    .into_iter()
    .map(|(pattern, what)| {
        let regex = regex::RegexBuilder::new(pattern).multi_line(true).build();
        (regex.expect("BUG: the patterns are valid"), what)
    })
    .collect()
});

/// Lines of code that may fake a result and were not there before.
pub(crate) fn fakes(files: &[Changed]) -> Vec<String> {
    let code = |file: &&Changed| {
        let text = file.after.as_deref().unwrap_or_default();
        Language::of(&file.path, text).is_some_and(|language| language != Language::Bash)
    };
    files
        .iter()
        .filter(code)
        .flat_map(|file| {
            let after = file.after.as_deref().unwrap_or_default();
            let before = file.before.as_deref().unwrap_or_default();
            FAKES.iter().filter_map(move |(pattern, what)| {
                let found = pattern.find(after)?;
                let more = pattern.find_iter(after).count() > pattern.find_iter(before).count();
                more.then(|| {
                    let line = after[..found.start()].matches('\n').count() + 1;
                    format!("a line {what}: {}:{line}", file.path)
                })
            })
        })
        .collect()
}

/// Test files that are read for the values that they expect.
const MAX_TESTS: usize = 60;

/// Entries that are walked to find them.
const MAX_WALKED: usize = 20_000;

/// Occurrences of expected values in new code from which on it is no chance.
const TELLING: usize = 2;

/// Values that tests expect and that product code now holds as they stand. What the step itself says
/// is to be there. Reads files: call it where blocking is allowed.
pub(crate) fn hard_coded(workspace: &Workspace, files: &[Changed], asked_for: &str) -> Vec<String> {
    let product: Vec<&Changed> = files
        .iter()
        .filter(|file| !is_test(&file.path) && Language::of(&file.path, "").is_some())
        .filter(|file| file.after.is_some())
        .collect();
    if product.is_empty() {
        return Vec::new();
    }
    let mut expected: BTreeSet<String> = BTreeSet::new();
    let tests = workspace
        .walk()
        .take(MAX_WALKED)
        .filter(|entry| entry.kind == FileKind::File && is_test(&entry.path))
        .take(MAX_TESTS);
    for entry in tests {
        // A test as it was before: new ones are the attempt's own.
        let before = match files.iter().find(|file| file.path == entry.path) {
            Some(changed) => changed.before.clone(),
            None => text(workspace, &entry.path),
        };
        expected.extend(before.iter().flat_map(|text| values(text)));
    }
    expected.retain(|value| !asked_for.contains(value.as_str()));
    product
        .iter()
        .filter_map(|file| {
            let literals = |text: Option<&str>| text.map(literals).unwrap_or_default();
            let (after, before) = (
                literals(file.after.as_deref()),
                literals(file.before.as_deref()),
            );
            let known: BTreeSet<&String> = before.iter().collect();
            let new: Vec<&String> = after
                .iter()
                .filter(|value| expected.contains(*value) && !known.contains(value))
                .collect();
            (new.len() >= TELLING).then(|| {
                let shown: BTreeSet<&String> = new.into_iter().take(4).collect();
                let shown: Vec<&str> = shown.into_iter().map(String::as_str).collect();
                format!(
                    "{} holds values that tests expect: {}",
                    file.path,
                    shown.join(", ")
                )
            })
        })
        .collect()
}

/// Literals in lines that compare.
fn values(text: &str) -> BTreeSet<String> {
    static COMPARES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)assert|expect|should|==|\bt\.(Error|Fatal)|\bwant\b|test ")
            .expect("BUG: the pattern is valid")
    });
    let lines = text.lines().filter(|line| COMPARES.is_match(line));
    lines.flat_map(literals).collect()
}

/// Texts of four characters and more, numbers of three digits and more.
fn literals(text: &str) -> Vec<String> {
    static LITERAL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#""((?:[^"\\\n]|\\.){4,120})"|'((?:[^'\\\n]|\\.){4,120})'|\b(\d[\d_]{2,}(?:\.\d+)?|\d+\.\d{2,})\b"#)
            .expect("BUG: the pattern is valid")
    });
    LITERAL
        .captures_iter(text)
        .filter_map(|found| found.get(1).or(found.get(2)).or(found.get(3)))
        .map(|found| found.as_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Place;

    fn new(path: &str, after: &str) -> Changed {
        Changed {
            path: path.to_owned(),
            before: None,
            after: Some(after.to_owned()),
            gone: false,
            existed: false,
            base: None,
        }
    }

    #[test]
    fn lines_that_may_fake_a_result_are_flagged_when_they_are_new() {
        for (path, after) in [
            ("a.py", "import sys\nsys.exit(0)\n"),
            ("a.py", "import os\nos._exit(0)\n"),
            (
                "a.py",
                "class A:\n    def __eq__(self, other):\n        return True\n",
            ),
            (
                "a.rs",
                "impl PartialEq for A { fn eq(&self, _: &A) -> bool { true } }\n",
            ),
            (
                "a.py",
                "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n",
            ),
            ("a.js", "globalThis.expect = () => ({});\n"),
            ("a.py", "import time\ntime.time = lambda: 0\n"),
        ] {
            assert_eq!(fakes(&[new(path, after)]).len(), 1, "{after}");
            let old = Changed {
                before: Some(after.to_owned()),
                ..new(path, after)
            };
            assert_eq!(fakes(&[old]), Vec::<String>::new(), "{after}");
        }
        for (path, after) in [
            ("a.py", "sys.exit(main())\n"),
            (
                "a.py",
                "def __eq__(self, other):\n    return self.a == other.a\n",
            ),
            ("a.py", "start = time.time()\n"),
            ("README.md", "Call sys.exit(0)\n"),
        ] {
            assert_eq!(fakes(&[new(path, after)]), Vec::<String>::new(), "{after}");
        }
    }

    #[test]
    fn values_that_tests_expect_are_flagged_in_product_code() {
        let place = Place::with(&[(
            "tests/test_a.py",
            "def test_a():\n    assert f(2) == 1764\n    assert g() == 'the answer'\n",
        )]);
        let flags =
            |text: &str, asked: &str| hard_coded(&place.workspace, &[new("a.py", text)], asked);
        let special = "def f(n):\n    if n == 2: return 1764\ndef g():\n    return 'the answer'\n";
        assert_eq!(flags(special, "Write f and g.").len(), 1);
        assert_eq!(
            flags(special, "g returns 'the answer'."),
            Vec::<String>::new()
        );
        assert_eq!(
            flags("def f(n):\n    return (n * 21) ** 2\n", "Write f."),
            Vec::<String>::new()
        );
        let test = hard_coded(&place.workspace, &[new("tests/test_b.py", special)], "");
        assert_eq!(test, Vec::<String>::new());
    }
}
