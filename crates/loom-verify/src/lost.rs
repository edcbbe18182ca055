//! Files that lost most of their content in a rewrite without anybody asking for it.

use crate::Fault;
use crate::files::Changed;
use regex::Regex;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Shorter files are rewritten as a whole without harm.
const MIN_LINES: usize = 10;

/// A file may lose this share of its lines, in percent, before somebody must have asked for it.
const MAX_LOST_PERCENT: usize = 50;

/// Words with which a step announces that something goes away.
static SAYS_SO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(remov|delet|drop|shorten|replac|rewrit|re-writ|simplif|split|mov|trim|clean|truncat|empt|strip|reduc|extract|condens|summari|migrat|convert|renam|regenerat|from scratch|overwrit|clear)",
    )
    .expect("BUG: the pattern is valid")
});

/// A fault for each file that lost most of its lines, unless the step says so. Lines that are now
/// in another changed file were moved, not lost.
pub(crate) fn lost(files: &[Changed], asked_for: &str) -> Vec<Fault> {
    if SAYS_SO.is_match(asked_for) {
        return Vec::new();
    }
    files
        .iter()
        .filter_map(|file| lost_in(file, files))
        .collect()
}

fn lost_in(file: &Changed, all: &[Changed]) -> Option<Fault> {
    let before: Vec<&str> = lines(file.before.as_deref()?).collect();
    if before.len() < MIN_LINES {
        return None;
    }
    let left = file.after.as_deref().map_or(0, |text| lines(text).count());
    if !file.gone && left * 100 >= before.len() * (100 - MAX_LOST_PERCENT) {
        return None;
    }
    let mut now: HashMap<&str, usize> = HashMap::new();
    for line in all
        .iter()
        .filter_map(|file| file.after.as_deref())
        .flat_map(lines)
    {
        *now.entry(line).or_default() += 1;
    }
    let missing = before
        .iter()
        .filter(|line| match now.get_mut(**line) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .count();
    if missing * 100 <= before.len() * MAX_LOST_PERCENT {
        return None;
    }
    let seen = if file.gone {
        format!("the file is gone, with {} lines", before.len())
    } else {
        format!(
            "{missing} of {} lines are gone, {left} are left",
            before.len()
        )
    };
    Some(Fault {
        what: format!("{} keeps its content", file.path),
        expected: "only what the step names is changed; the step does not speak of removing"
            .to_owned(),
        seen,
        place: Some(file.path.clone()),
    })
}

/// Lines that carry something: a closing bracket is in every file.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| line.len() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, before: Option<&str>, after: Option<&str>) -> Changed {
        Changed {
            path: path.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            gone: after.is_none(),
            existed: before.is_some(),
            base: None,
        }
    }

    fn long() -> String {
        (0..40).map(|n| format!("line number {n}\n")).collect()
    }

    #[test]
    fn a_rewrite_that_loses_most_lines_is_a_fault_with_numbers() {
        let faults = lost(
            &[file("a.py", Some(&long()), Some("line number 1\n"))],
            "Add a flag.",
        );
        assert_eq!(faults[0].seen, "39 of 40 lines are gone, 1 are left");
    }

    #[test]
    fn a_step_that_says_so_may_remove() {
        let files = [file("a.py", Some(&long()), Some("x = 1\n"))];
        for task in [
            "Remove the old parser.",
            "Rewrite a.py",
            "Split a.py in two",
        ] {
            assert_eq!(lost(&files, task), [], "{task}");
        }
    }

    #[test]
    fn lines_that_are_in_another_changed_file_were_moved() {
        let files = [
            file("a.py", Some(&long()), Some("import b\n")),
            file("b.py", None, Some(&long())),
        ];
        assert_eq!(lost(&files, "Put the lines into b.py."), []);
    }

    #[test]
    fn a_deleted_file_that_nobody_spoke_of_is_a_fault() {
        assert_eq!(
            lost(&[file("a.py", Some(&long()), None)], "Add a flag.").len(),
            1
        );
    }

    #[test]
    fn small_files_and_small_losses_are_no_fault() {
        let shorter: String = long()
            .lines()
            .take(30)
            .map(|line| format!("{line}\n"))
            .collect();
        let files = [
            file("small.py", Some("one\ntwo\nthree\n"), Some("")),
            file("a.py", Some(&long()), Some(&shorter)),
            file("new.py", None, Some("x = 1")),
        ];
        assert_eq!(lost(&files, "Add a flag."), []);
    }

    #[test]
    fn a_rewrite_of_the_same_length_is_judged_by_its_checks() {
        let other: String = (0..40).map(|n| format!("another line {n}\n")).collect();
        assert_eq!(
            lost(&[file("a.py", Some(&long()), Some(&other))], "Add a flag."),
            []
        );
    }
}
