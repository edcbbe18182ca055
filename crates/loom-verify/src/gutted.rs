//! Work taken out instead of done: functions that became stubs, failures that are swallowed, lints
//! that are switched off.

use crate::Fault;
use crate::files::Changed;
use crate::syntax::{self, Language};
use regex::Regex;
use std::sync::LazyLock;

/// A fault for each function that did something before and is a stub now.
pub(crate) fn stubs(files: &[Changed], asked_for: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files {
        let (Some(before), Some(after)) = (&file.before, &file.after) else {
            continue;
        };
        let Some(language) = Language::of(&file.path, after) else {
            continue;
        };
        let found = syntax::stubs(language, before, after);
        let unasked = found
            .into_iter()
            .filter(|stub| !(asked_for.contains(&stub.name) && asks_for_stubs(asked_for)));
        faults.extend(unasked.map(|stub| Fault {
            what: format!("{} in {} still does its work", stub.name, file.path),
            expected: "a body that does what the function did or should do".to_owned(),
            seen: match stub.body.as_str() {
                "" => "its body is empty now".to_owned(),
                body => format!("its body is only this now\n| {body}"),
            },
            place: Some(format!("{}:{}", file.path, stub.line)),
        }));
    }
    faults
}

fn asks_for_stubs(asked_for: &str) -> bool {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(stub|empty|no-?op|placeholder|remov|abstract|disabl|do(es)? nothing)")
            .expect("BUG: the pattern is valid")
    });
    WORDS.is_match(asked_for)
}

/// Handlers that swallow what was caught, over lines.
static SWALLOWED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        // Python: a narrow type that is let pass may well be right
        r"except(?:\s+\(?(?:Base)?Exception\)?(?:\s+as\s+\w+)?)?\s*:\s*(?:#[^\n]*\n\s*)*(?:pass|\.\.\.)\s*(?:#[^\n]*)?(?:\n|$)",
        // JavaScript, TypeScript, Java, C++
        r"\bcatch\s*(?:\([^)]*\))?\s*\{\s*(?://[^\n]*\s*|/\*[^*]*\*/\s*)*\}",
        r"\.catch\(\s*(?:\(\w*\)|\w+)\s*=>\s*\{\s*\}\s*\)",
        // Ruby
        r"\brescue\b[^\n]*\n\s*end\b",
        r"\brescue nil\b",
    ])
});

/// Directives that switch a lint, a type check or a measurement off.
static SWITCHED_OFF: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        r"#\s*(?:noqa|type:\s*ignore|pylint:\s*disable|pragma:\s*no cover|mypy:\s*ignore)",
        r"(?://|/\*)\s*(?:eslint-disable|@ts-ignore|@ts-nocheck|@ts-expect-error|istanbul ignore|biome-ignore|prettier-ignore)",
        r"#!?\[\s*(?:allow|expect)\s*\(",
        r"//\s*nolint\b",
        r"@SuppressWarnings\b",
        r"#\s*rubocop:disable",
        r"#\s*shellcheck disable",
        r"//\s*NOLINT\b",
    ])
});

fn patterns(texts: &[&str]) -> Vec<Regex> {
    let all = texts.iter().map(|text| Regex::new(text));
    all.map(|regex| regex.expect("BUG: the patterns are valid"))
        .collect()
}

/// A fault for each file that swallows more failures than before, or switches more checks off,
/// unless the step speaks of it.
pub(crate) fn silenced(files: &[Changed], asked_for: &str) -> Vec<Fault> {
    let words = asked_for.to_ascii_lowercase();
    let speaks = |of: &[&str]| of.iter().any(|word| words.contains(word));
    let swallowing = speaks(&["ignore", "swallow", "suppress", "best effort", "silent"]);
    let switching = swallowing || speaks(&["lint", "noqa", "warning", "disable", "allow("]);
    files
        .iter()
        .filter(|file| Language::of(&file.path, file.after.as_deref().unwrap_or("")).is_some())
        .flat_map(|file| {
            let swallowed = (!swallowing)
                .then(|| first_new(file, &SWALLOWED))
                .flatten()
                .map(|seen| {
                    fault(
                        file,
                        seen,
                        (
                            "every failure is handled",
                            "a handler that does something, or none",
                        ),
                    )
                });
            let off = (!switching)
                .then(|| first_new(file, &SWITCHED_OFF))
                .flatten()
                .map(|seen| {
                    fault(
                        file,
                        seen,
                        ("no lint is switched off", "code that the lint accepts"),
                    )
                });
            swallowed.into_iter().chain(off)
        })
        .collect()
}

fn fault(file: &Changed, (line, seen): (usize, String), (what, expected): (&str, &str)) -> Fault {
    Fault {
        what: format!("in {} {what}", file.path),
        expected: expected.to_owned(),
        seen: format!("| {seen}"),
        place: Some(format!("{}:{line}", file.path)),
    }
}

/// The first match that was not there as often before, with its line.
fn first_new(file: &Changed, patterns: &[Regex]) -> Option<(usize, String)> {
    let after = file.after.as_deref()?;
    let before = file.before.as_deref().unwrap_or("");
    patterns.iter().find_map(|pattern| {
        let mut old: Vec<&str> = pattern
            .find_iter(before)
            .map(|m| m.as_str().trim())
            .collect();
        let new = pattern.find_iter(after).find(|found| {
            match old.iter().position(|old| *old == found.as_str().trim()) {
                Some(at) => {
                    old.swap_remove(at);
                    false
                }
                None => true,
            }
        })?;
        let line = after[..new.start()].matches('\n').count() + 1;
        let first = new.as_str().trim().lines().next().unwrap_or_default();
        Some((line, first.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, before: Option<&str>, after: &str) -> Changed {
        Changed {
            path: path.to_owned(),
            before: before.map(str::to_owned),
            after: Some(after.to_owned()),
            gone: false,
            existed: before.is_some(),
            base: None,
        }
    }

    #[test]
    fn catch_all_handlers_and_switched_off_lints_are_faults() {
        for (path, after) in [
            ("a.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
            (
                "a.py",
                "try:\n    f()\nexcept:\n    # never mind\n    pass\n",
            ),
            ("a.js", "try { f(); } catch (e) {}\n"),
            ("a.ts", "try { f(); } catch {\n  // ignored\n}\n"),
            ("a.js", "f().catch(() => {});\n"),
            (
                "a.java",
                "class A { void f() { try { g(); } catch (Exception e) { } } }\n",
            ),
            ("a.rb", "begin\n  f\nrescue => e\nend\n"),
            ("a.py", "x = f()  # type: ignore\n"),
            ("a.rs", "#[allow(dead_code)]\nfn f() {}\n"),
            ("a.ts", "// @ts-ignore\nf();\n"),
            ("a.go", "package a\nfunc f() {} //nolint\n"),
        ] {
            assert_eq!(
                silenced(&[file(path, None, after)], "Make it work.").len(),
                1,
                "{after}"
            );
            assert_eq!(
                silenced(&[file(path, Some(after), after)], "Make it work."),
                [],
                "{after}"
            );
        }
    }

    #[test]
    fn handlers_that_do_something_and_what_was_asked_for_are_none() {
        for (path, after) in [
            (
                "a.py",
                "try:\n    f()\nexcept ValueError:\n    return None\n",
            ),
            ("a.js", "try { f(); } catch (e) { log(e); }\n"),
            ("a.py", "try:\n    f()\nexcept KeyError:\n    pass\n"),
            ("README.md", "Write `# noqa` beside it.\n"),
        ] {
            assert_eq!(
                silenced(&[file(path, None, after)], "Make it work."),
                [],
                "{after}"
            );
        }
        let ignoring = file("a.py", None, "try:\n    f()\nexcept Exception:\n    pass\n");
        assert_eq!(silenced(&[ignoring], "Ignore a missing file."), []);
    }

    #[test]
    fn a_stub_in_the_place_of_a_body_is_a_fault_unless_asked_for() {
        let files = [file(
            "a.py",
            Some("def f():\n    return 1\n"),
            "def f():\n    pass\n",
        )];
        let faults = stubs(&files, "Make f faster.");
        assert_eq!(faults[0].place.as_deref(), Some("a.py:1"));
        assert_eq!(faults[0].seen, "its body is only this now\n| pass");
        assert_eq!(stubs(&files, "Make f a no-op."), []);
    }
}
