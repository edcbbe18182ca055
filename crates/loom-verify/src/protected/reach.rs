//! The scripts that checks run, and what these run in turn.

use super::kinds::{is_test, judges};
use crate::mistakes::words;
use loom_events::Check;
use std::collections::BTreeSet;

/// Scripts are followed so deep: beyond it somebody hides something.
const MAX_DEPTH: usize = 4;

/// Most scripts that are followed.
const MAX_SCRIPTS: usize = 100;

/// Every file that judges because a check runs it. `text` gives a file as it was before the work.
///
/// A check may well run the program that the step is about: only what looks like something that
/// judges, by its name or its directory, is one.
pub(crate) fn run_by_checks(
    checks: &[Check],
    text: impl Fn(&str) -> Option<String>,
) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut lines: Vec<String> = checks
        .iter()
        .filter_map(Check::command)
        .map(str::to_owned)
        .collect();
    for _ in 0..MAX_DEPTH {
        let mut next = Vec::new();
        for line in &lines {
            for word in words(line).filter(|word| may_judge(word)) {
                if found.len() >= MAX_SCRIPTS || found.contains(&word) {
                    continue;
                }
                if let Some(script) = text(&word) {
                    found.insert(word);
                    next.push(script);
                }
            }
            next.extend(named_scripts(line, &text));
        }
        if next.is_empty() {
            break;
        }
        lines = next;
    }
    found
}

fn may_judge(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let in_tools = path
        .split('/')
        .next()
        .is_some_and(|dir| matches!(dir, "scripts" | "ci" | "tools" | ".ci" | "hack"));
    (judges(name) || is_test(path) || (in_tools && path.contains('/'))) && !path.starts_with('-')
}

/// The line behind `npm test`, `npm run x` and their like.
fn named_scripts(line: &str, text: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let words: Vec<String> = words(line).collect();
    let at = words
        .iter()
        .position(|word| matches!(word.as_str(), "npm" | "pnpm" | "yarn" | "bun"))?;
    let name = words[at + 1..]
        .iter()
        .find(|word| !word.starts_with('-') && *word != "run")?;
    let json: serde_json::Value = serde_json::from_str(&text("package.json")?).ok()?;
    json.pointer(&format!("/scripts/{name}"))?
        .as_str()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_followed_through_what_they_run_and_the_product_is_not_among_them() {
        let text = |path: &str| {
            let text = match path {
                "ci/all.sh" => "sh scripts/lint.sh\npython3 app.py\nsh ci/all.sh\n",
                "scripts/lint.sh" => "node tools/rules.js src\n",
                "tools/rules.js" => "// rules\n",
                "package.json" => r#"{"scripts": {"test": "node check-all.mjs"}}"#,
                "check-all.mjs" | "app.py" | "list.py" => "",
                _ => return None,
            };
            Some(text.to_owned())
        };
        let of = |line: &str| -> Vec<String> {
            let check = Check::Command {
                command: line.to_owned(),
                exit: 0,
                stdout_regex: None,
            };
            run_by_checks(&[check], text).into_iter().collect()
        };
        assert_eq!(
            of("sh ./ci/all.sh && true"),
            ["ci/all.sh", "scripts/lint.sh", "tools/rules.js"]
        );
        assert_eq!(of("npm test"), ["check-all.mjs"]);
        assert_eq!(of("python3 list.py --json"), Vec::<String>::new());
    }
}
