//! Elisions: text in place of the content that was asked for.

use crate::Fault;
use crate::files::Changed;
use regex::Regex;
use std::sync::LazyLock;

/// Ways in which models leave content out, each tried on one line.
static MARKERS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // "... rest of the file", "… existing code …"
        r"(?i)(\.\.\.|…)\s*[\[(]?\s*(the\s+)?(rest|remaining|remainder|existing|other|previous|unchanged|omitted|same as (before|above))\b",
        // "rest of the code remains unchanged"
        r"(?i)\b(rest of (the |this )?(file|code|function|class|method|content|text|implementation|document|section)|remaining (code|lines|content|methods|functions))\b.{0,40}\b(unchanged|here|same|remains?|stays?|omitted|as before)\b",
        // "existing code here", "unchanged lines omitted"
        r"(?i)\b(unchanged|existing|previous) (code|lines|content|text) (omitted|here|goes here|remains?|stays?)\b",
        // "TODO: implement this"
        r"(?i)\b(TODO|FIXME)\b\s*[:(-]?\s*(implement|fill in|complete|write|add (the )?(code|logic|implementation))\b",
        // "your code here"
        r"(?i)\b(your|add|insert|put) (the )?(code|implementation|logic) (here|goes here)\b",
        // Rust's own words for "not written yet"
        r"\b(todo|unimplemented)!\s*[(\[{]",
        // a comment of nothing but dots
        r"^\s*(//|#|--|/\*|<!--|;)\s*(\.\.\.|…)\s*(\*/|-->)?\s*$",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("BUG: the marker patterns are valid"))
    .collect()
});

/// A fault for each file that has more elisions than before. What the step itself asks for in these
/// words is not one.
pub(crate) fn elided(files: &[Changed], asked_for: &str) -> Vec<Fault> {
    files
        .iter()
        .filter_map(|file| {
            let after = marked_lines(file.after.as_deref()?);
            let before = file.before.as_deref().map(marked_lines).unwrap_or_default();
            let (number, line) = first_new(&after, &before, asked_for)?;
            Some(Fault {
                what: format!("{} is written in full", file.path),
                expected: "the content itself, nothing left out".to_owned(),
                seen: format!("| {line}"),
                place: Some(format!("{}:{number}", file.path)),
            })
        })
        .collect()
}

/// Lines with a marker, numbered from 1.
fn marked_lines(text: &str) -> Vec<(usize, &str)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| MARKERS.iter().any(|marker| marker.is_match(line)))
        .map(|(at, line)| (at + 1, line.trim()))
        .collect()
}

/// The first marked line that was not there as often before.
fn first_new<'a>(
    after: &[(usize, &'a str)],
    before: &[(usize, &str)],
    asked_for: &str,
) -> Option<(usize, &'a str)> {
    let mut left: Vec<&str> = before.iter().map(|(_, line)| *line).collect();
    after
        .iter()
        .copied()
        .find(|(_, line)| match left.iter().position(|old| old == line) {
            Some(at) => {
                left.swap_remove(at);
                false
            }
            None => !asked_for.contains(line),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(before: Option<&str>, after: &str, asked_for: &str) -> Vec<Fault> {
        let file = Changed {
            path: "a.py".to_owned(),
            before: before.map(str::to_owned),
            after: Some(after.to_owned()),
            gone: false,
            existed: before.is_some(),
            base: None,
        };
        elided(&[file], asked_for)
    }

    #[test]
    fn elisions_are_found_in_the_forms_that_models_use() {
        for line in [
            "# ... rest of the file unchanged",
            "// ... existing code ...",
            "    // … remaining methods",
            "/* rest of the implementation stays the same */",
            "# TODO: implement the parser",
            "    todo!()",
            "unimplemented!(\"later\")",
            "// your code here",
            "# ...",
            "<!-- ... -->",
            "[unchanged lines omitted]",
        ] {
            let found = faults(None, &format!("a\n{line}\nb"), "");
            assert_eq!(found.len(), 1, "{line}");
            assert_eq!(found[0].place.as_deref(), Some("a.py:2"));
        }
    }

    #[test]
    fn ordinary_text_with_dots_or_todo_is_no_elision() {
        for line in [
            "print('Loading...')",
            "for x in range(3): ...",
            "# TODO(anna): the cache is slow with large trees",
            "The rest of the week was quiet.",
            "def f(*args, **rest): return args[...]",
            "todo_list = []",
            "// see the existing code in parser.rs",
        ] {
            assert_eq!(faults(None, line, ""), [], "{line}");
        }
    }

    #[test]
    fn only_new_elisions_count() {
        let line = "# TODO: implement caching";
        assert_eq!(faults(Some(line), &format!("x = 1\n{line}"), ""), []);
        assert_eq!(faults(Some(line), &format!("{line}\n{line}"), "").len(), 1);
    }

    #[test]
    fn what_the_step_asks_for_is_no_elision() {
        assert_eq!(
            faults(None, "todo!()", "Add a stub whose body is todo!() for now."),
            []
        );
    }
}
