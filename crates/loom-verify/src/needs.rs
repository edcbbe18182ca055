//! What a planner said in words and not in the fields that count: that a step needs what another one
//! makes, and that a file holds a text. Both are read from the plan alone, and only where they are plain.

use crate::mistakes::words;
use loom_events::{Check, Plan, SubtaskId, SubtaskSpec};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The plan with the dependencies that its words and checks ask for: who speaks of a file that one
/// other step makes comes after that step, which may be one of those that are done. Left as they are:
/// files that several steps make, steps that speak of each other's files, and whatever would go in a
/// circle.
#[must_use]
pub fn with_needs(mut plan: Plan, done: &[SubtaskSpec]) -> Plan {
    let count = plan.subtasks.len();
    let known = |spec: &&SubtaskSpec| plan.subtasks.iter().all(|new| new.id != spec.id);
    let done: Vec<SubtaskSpec> = done.iter().filter(known).cloned().collect();
    plan.subtasks.extend(done);
    let mut makers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (at, spec) in plan.subtasks.iter().enumerate() {
        for output in &spec.outputs {
            makers.entry(output).or_default().insert(at);
        }
    }
    let single = |(path, at): (&&str, &BTreeSet<usize>)| match at.len() {
        1 => at.first().map(|at| ((*path).to_owned(), *at)),
        _ => None,
    };
    let made: Vec<(String, usize)> = makers.iter().filter_map(single).collect();
    let speaks: Vec<BTreeSet<usize>> = plan
        .subtasks
        .iter()
        .map(|spec| spoken_of(spec, &made))
        .collect();
    for (at, named) in speaks.iter().enumerate().take(count) {
        for maker in named.iter().filter(|maker| **maker != at) {
            let each_other = speaks[*maker].contains(&at);
            if each_other || after(&plan, at, *maker) || after(&plan, *maker, at) {
                continue;
            }
            let id = plan.subtasks[*maker].id.clone();
            plan.subtasks[at].depends_on.push(id);
        }
    }
    plan.subtasks.truncate(count);
    plan
}

/// The steps whose files a step speaks of, in its words or its checks.
fn spoken_of(spec: &SubtaskSpec, made: &[(String, usize)]) -> BTreeSet<usize> {
    let said = [&spec.title, &spec.description].into_iter();
    let said = said.chain(&spec.criteria).map(String::as_str);
    let read = spec.checks.iter().flat_map(|check| {
        let command = check.command().map(words).into_iter().flatten();
        command.chain(check.path().map(str::to_owned))
    });
    let mut named: BTreeSet<String> = read.collect();
    named.extend(said.flat_map(words).map(|word| {
        let word = word.trim_end_matches(['.', ',', ':', '!', '?']);
        word.to_owned()
    }));
    made.iter()
        .filter(|(path, _)| named.contains(path))
        .map(|(_, at)| *at)
        .collect()
}

/// Whether a step comes after another one by what the plan says.
fn after(plan: &Plan, step: usize, other: usize) -> bool {
    let place = |id: &SubtaskId| plan.subtasks.iter().position(|spec| spec.id == *id);
    let mut seen = BTreeSet::new();
    let mut open = vec![step];
    while let Some(at) = open.pop() {
        if at == other && at != step {
            return true;
        }
        if seen.insert(at) {
            open.extend(plan.subtasks[at].depends_on.iter().filter_map(place));
        }
    }
    false
}

/// A criterion that says of one file which line or text it has.
static QUOTES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^`?([\w@./-]+)`? (contains|has|holds|includes|ends with|ends in|starts with|begins with) (?:the |a |an )?(?:(line|text|heading|word|words|sentence|string) )`([^`]+)`\.?$",
    )
    .expect("BUG: the pattern is valid")
});

/// The plan with a check for every criterion that quotes what a file of its step is to hold: what a
/// program can see need not be left to a reviewer.
#[must_use]
pub fn with_quoted(mut plan: Plan) -> Plan {
    for spec in &mut plan.subtasks {
        let quoted: Vec<Check> = spec
            .criteria
            .iter()
            .filter_map(|text| quoted(spec, text))
            .collect();
        spec.checks.extend(quoted);
    }
    plan
}

/// What a criterion quotes of a file of its step.
struct Quoted {
    path: String,
    text: String,
    regex: String,
}

impl Quoted {
    fn read(spec: &SubtaskSpec, criterion: &str) -> Option<Self> {
        let parts = QUOTES.captures(criterion.trim())?;
        let (path, verb, kind, text) = (&parts[1], &parts[2], &parts[3], &parts[4]);
        // What stands for something else is no text to look for.
        let placeholder = text.contains(['<', '>', '…', '{', '}', '*']) || text.contains("...");
        if placeholder || !spec.outputs.iter().any(|output| output == path) {
            return None;
        }
        let (mut before, mut after) = match kind {
            "line" | "heading" => ("^", "$"),
            _ => ("", ""),
        };
        match verb {
            "ends with" | "ends in" => after = r"\s*\z",
            "starts with" | "begins with" => before = r"\A",
            _ => {}
        }
        Some(Self {
            path: path.to_owned(),
            regex: format!("{before}{}{after}", regex::escape(text)),
            text: text.to_owned(),
        })
    }

    /// Whether a check looks for just this.
    fn is_seen_by(&self, check: &Check) -> bool {
        match check {
            Check::FileContains { path, regex } => {
                let written = regex.contains(&self.text);
                *path == self.path && (written || regex.contains(&regex::escape(&self.text)))
            }
            _ => false,
        }
    }
}

fn quoted(spec: &SubtaskSpec, criterion: &str) -> Option<Check> {
    let quoted = Quoted::read(spec, criterion)?;
    let known = spec.checks.iter().any(|check| quoted.is_seen_by(check));
    (!known).then(|| Check::FileContains {
        path: quoted.path,
        regex: quoted.regex,
    })
}

/// Whether a check sees what one criterion quotes, and so nothing of the others.
pub(crate) fn sees_a_quote(spec: &SubtaskSpec, check: &Check) -> bool {
    let quotes: Vec<Option<Quoted>> = spec
        .criteria
        .iter()
        .map(|text| Quoted::read(spec, text))
        .collect();
    let others = quotes.iter().any(Option::is_none);
    let mut quotes = quotes.iter().flatten();
    others && quotes.any(|quoted| quoted.is_seen_by(check))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(json: serde_json::Value) -> Plan {
        serde_json::from_value(serde_json::json!({ "subtasks": json })).unwrap()
    }

    fn needs(plan: &Plan) -> Vec<Vec<&str>> {
        let of = |spec: &'_ SubtaskSpec| spec.depends_on.len();
        assert!(plan.subtasks.iter().map(of).sum::<usize>() < 10);
        plan.subtasks
            .iter()
            .map(|spec| spec.depends_on.iter().map(SubtaskId::as_str).collect())
            .collect()
    }

    #[test]
    fn who_speaks_of_a_file_comes_after_the_step_that_makes_it() {
        let plan = with_needs(
            plan(serde_json::json!([
                {"id": "use", "title": "", "description": "Read the keys in data/keys.json.",
                 "outputs": ["LOG"]},
                {"id": "test", "title": "", "description": "x", "outputs": ["LOG"],
                 "checks": [{"kind": "command", "command": "sh run.sh 'data/keys.json'"}]},
                {"id": "make", "title": "", "description": "x", "outputs": ["data/keys.json", "LOG"]},
                {"id": "log", "title": "", "description": "Look at LOG and data/keys.json.bak."},
            ])),
            &[],
        );
        assert_eq!(
            needs(&plan),
            [vec!["make"], vec!["make"], vec![], vec![]],
            "one maker, whole names"
        );
    }

    #[test]
    fn an_order_that_the_plan_has_is_never_turned_round() {
        let plan = with_needs(
            plan(serde_json::json!([
                {"id": "a", "title": "", "description": "b.rs will use it", "outputs": ["a.rs"]},
                {"id": "between", "title": "", "description": "x", "depends_on": ["a"]},
                {"id": "b", "title": "", "description": "x", "depends_on": ["between"], "outputs": ["b.rs"]},
                {"id": "c", "title": "", "description": "d.rs calls it", "outputs": ["c.rs"]},
                {"id": "d", "title": "", "description": "calls c.rs", "outputs": ["d.rs"]},
            ])),
            &[],
        );
        assert_eq!(
            needs(&plan),
            [vec![], vec!["a"], vec!["between"], vec![], vec![]]
        );
    }

    #[test]
    fn what_a_criterion_quotes_of_a_file_is_a_check() {
        let checks = |criterion: &str| {
            let plan = with_quoted(plan(serde_json::json!([
                {"id": "a", "title": "", "description": "x", "outputs": ["a.md"],
                 "criteria": [criterion],
                 "checks": [{"kind": "file_contains", "path": "a.md", "regex": "^known$"}]},
            ])));
            let words = plan.subtasks[0].checks.iter().skip(1);
            words.map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            checks("a.md ends with the line `by: me (1)`."),
            [r"a.md matches /^by: me \(1\)\s*\z/"]
        );
        assert_eq!(checks("`a.md` contains the text `x`"), ["a.md matches /x/"]);
        for none in [
            "a.md has the line `known`.",
            "b.md has the line `x`.",
            "a.md no longer has the line `x`.",
            "a.md has the line `x` only when asked.",
            "a.md has the line `version <n>`.",
            "`x` is in a.md",
        ] {
            assert_eq!(checks(none), Vec::<String>::new(), "{none}");
        }
    }
}
