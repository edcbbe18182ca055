//! Examples of plans for common kinds of work (`prompts/plans/*.yaml`, compiled in, overridable), and
//! which of them fits a goal. Shown to the planner as an example only; what it plans is its own.

use crate::prompts::{Override, read_override};
use crate::template::{Place, Source, TemplateError};
use loom_events::Plan;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Every built-in example.
const BUILTIN: [(&str, &str); 8] = [
    (
        "add-tests.yaml",
        include_str!("../../../prompts/plans/add-tests.yaml"),
    ),
    (
        "fix-bug.yaml",
        include_str!("../../../prompts/plans/fix-bug.yaml"),
    ),
    (
        "migrate.yaml",
        include_str!("../../../prompts/plans/migrate.yaml"),
    ),
    (
        "organise-files.yaml",
        include_str!("../../../prompts/plans/organise-files.yaml"),
    ),
    (
        "process-documents.yaml",
        include_str!("../../../prompts/plans/process-documents.yaml"),
    ),
    (
        "refactor.yaml",
        include_str!("../../../prompts/plans/refactor.yaml"),
    ),
    (
        "research-notes.yaml",
        include_str!("../../../prompts/plans/research-notes.yaml"),
    ),
    (
        "write-docs.yaml",
        include_str!("../../../prompts/plans/write-docs.yaml"),
    ),
];

/// Where overrides are, beneath the directory of templates.
const DIR: &str = "plans";

/// Points from which on an example fits: one word that says it plainly.
const ENOUGH: u32 = 2;

/// Words of a goal that are looked at: what is wanted stands at its beginning, and a long text has
/// words of everything.
const GOAL_WORDS: usize = 120;

/// One example.
#[derive(Clone, Debug)]
pub struct PlanExample {
    name: String,
    purpose: String,
    words: Vec<Phrase>,
    plan: Plan,
    text: String,
    version: String,
}

/// All examples, checked.
#[derive(Clone, Debug)]
pub(crate) struct PlanExamples(Vec<PlanExample>);

/// Stems that must all be in a goal, in this order.
#[derive(Clone, Debug)]
struct Phrase {
    stems: Vec<String>,
    points: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(rename = "for")]
    purpose: String,
    words: Vec<String>,
    plan: Value,
}

impl PlanExample {
    /// Its name: `fix-bug`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of work it is for, in a few words.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Name and hash: `fix-bug@1f2e3d4c5b6a`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The plan, with a plain word for each placeholder.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The plan as a planner writes one, with placeholders `<…>` for what is different each time.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The placeholders that stand in a plan as they stand in the example: nobody has said what is
    /// meant.
    #[must_use]
    pub fn left_over(&self, plan: &Value) -> Vec<String> {
        let plan = plan.to_string();
        let stands = |word: &&str| plan.contains(*word);
        placeholders(&self.text)
            .into_iter()
            .filter(stands)
            .map(|word| format!("the plan has `{word}` from the example: write what is meant here"))
            .collect()
    }

    fn points(&self, goal: &[String]) -> Option<(u32, usize)> {
        let hits = self.words.iter().filter_map(|phrase| {
            let mut words = goal.iter();
            // One after the other: `to json` is not in `add json to the list`.
            for stem in &phrase.stems {
                words.find(|word| begins(word, stem))?;
            }
            let stem = phrase.stems.first()?;
            let first = goal.iter().position(|word| begins(word, stem))?;
            Some((phrase.points, first))
        });
        hits.reduce(|(points, first), (more, at)| (points + more, first.min(at)))
            .filter(|(points, _)| *points >= ENOUGH)
    }
}

/// One to try templates out with.
pub(crate) fn sample() -> PlanExample {
    PlanExample {
        name: "rename".to_owned(),
        purpose: "giving something another name".to_owned(),
        words: Vec::new(),
        plan: Plan::default(),
        text: "{\"subtasks\":[{\"id\":\"rename\",\"title\":\"Rename <old> to <new>\"}]}".to_owned(),
        version: "rename@000000000000".to_owned(),
    }
}

/// Everything in `<…>`, each once.
fn placeholders(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some(begin) = rest.find('<') {
        let after = &rest[begin + 1..];
        match after.find(['<', '>']) {
            Some(end) if after[end..].starts_with('>') && end > 0 => {
                found.insert(&rest[begin..begin + end + 2]);
                rest = &after[end + 1..];
            }
            _ => rest = after,
        }
    }
    found
}

/// Whether a word has a stem. A short one takes only the usual endings: `fix` is not in `fixture`.
fn begins(word: &str, stem: &str) -> bool {
    const ENDINGS: [&str; 5] = ["", "s", "es", "ed", "ing"];
    match (word.strip_prefix(stem), stem.chars().count()) {
        (None, _) => false,
        (Some(rest), 0..=2) => rest.is_empty(),
        (Some(rest), 3) => ENDINGS.contains(&rest),
        (Some(_), _) => true,
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .take(GOAL_WORDS)
        .collect()
}

impl PlanExamples {
    /// The built-in examples, each replaced by the file of the same name in `plans/` of `dir` if there
    /// is one, and the further ones that are there.
    pub(crate) fn load(dir: Option<&Path>) -> Result<Self, TemplateError> {
        let dir = dir.map(|dir| dir.join(DIR));
        let mut examples = Vec::new();
        for (file, text) in BUILTIN {
            let own = match &dir {
                Some(dir) => read_override(&dir.join(file))?,
                None => None,
            };
            let source = match own {
                Some(Override { file, text }) => Source { file, text },
                None => Source {
                    file: format!("built-in plans/{file}"),
                    text: text.to_owned(),
                },
            };
            examples.push(example(&source)?);
        }
        for path in dir.iter().flat_map(|dir| further(dir)) {
            if let Some(Override { file, text }) = read_override(&path)? {
                examples.push(example(&Source { file, text })?);
            }
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = examples.iter().find(|one| !names.insert(one.name.clone())) {
            return Err(TemplateError::Example {
                file: twice.name.clone(),
                why: "there are two examples of this name".to_owned(),
            });
        }
        Ok(Self(examples))
    }

    /// The example that fits a goal best; none when none fits well enough. Of two that fit equally
    /// well the one counts of which the goal speaks first.
    pub(crate) fn choose(&self, goal: &str) -> Option<&PlanExample> {
        let goal = words(goal);
        let fits = |example: &&PlanExample| {
            let (points, first) = example.points(&goal)?;
            Some((points, std::cmp::Reverse(first)))
        };
        let mut best: Option<&PlanExample> = None;
        for example in &self.0 {
            let better = best.is_none_or(|best| fits(&example) > fits(&best));
            if better && fits(&example).is_some() {
                best = Some(example);
            }
        }
        best
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PlanExample> {
        self.0.iter()
    }
}

/// Files of examples that are not built in, in order of names.
fn further(dir: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let is_builtin = |name: &str| BUILTIN.iter().any(|(file, _)| *file == name);
    let mut paths: Vec<_> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|name| name.ends_with(".yaml") && !is_builtin(name))
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

fn example(source: &Source) -> Result<PlanExample, TemplateError> {
    let wrong = |why: String| TemplateError::Example {
        file: source.file.clone(),
        why,
    };
    let file: File = serde_yaml::from_str(&source.text).map_err(|error| TemplateError::Form {
        place: Place {
            file: source.file.clone(),
            part: None,
        },
        source: error,
    })?;
    let words: Vec<Phrase> = file.words.iter().map(|text| phrase(text)).collect();
    if words.is_empty() || words.iter().any(|phrase| phrase.stems.is_empty()) {
        return Err(wrong("`words` must name at least one word each".to_owned()));
    }
    let plan = crate::parse_plan(&filled(&file.plan)).map_err(|errors| wrong(errors.join("; ")))?;
    let hash = blake3::hash(source.text.as_bytes()).to_hex();
    Ok(PlanExample {
        version: format!("{}@{}", file.name, &hash[..12]),
        text: file.plan.to_string(),
        name: file.name,
        purpose: file.purpose,
        words,
        plan,
    })
}

/// The plan with a plain word for each placeholder: what has a form, such as a name, can be checked.
fn filled(plan: &Value) -> Value {
    let mut text = plan.to_string();
    let words: Vec<String> = placeholders(&text).into_iter().map(str::to_owned).collect();
    for (at, word) in words.iter().enumerate() {
        text = text.replace(word, &format!("word{at}"));
    }
    serde_json::from_str(&text).unwrap_or_else(|_| plan.clone())
}

/// Stems that must all be there; `+` after a single one makes it count as much as two.
fn phrase(text: &str) -> Phrase {
    let stems = words(text);
    let strong = text.contains('+') || stems.len() > 1;
    Phrase {
        stems,
        points: if strong { 3 } else { 2 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(goal: &str) -> Option<String> {
        let examples = PlanExamples::load(None).unwrap();
        examples.choose(goal).map(|example| example.name.clone())
    }

    #[test]
    fn a_goal_gets_the_example_of_its_kind() {
        for (goal, name) in [
            ("Refactor the parser into smaller functions", "refactor"),
            (
                "Extract a helper function for reading dates from report.py",
                "refactor",
            ),
            ("Rename the function area to surface everywhere", "refactor"),
            ("Add tests for the date parser", "add-tests"),
            ("Write unit tests for shapes.py", "add-tests"),
            ("Increase the coverage of utils", "add-tests"),
            ("Fix the crash when the list is empty", "fix-bug"),
            (
                "The total is a wrong result for empty carts. Make it zero.",
                "fix-bug",
            ),
            ("Fix the failing tests in test_cli.py", "fix-bug"),
            ("Migrate from unittest to pytest", "migrate"),
            ("Upgrade the project to Python 3.12", "migrate"),
            ("Replace requests with httpx in the client", "migrate"),
            (
                "Organise the files in this folder by type",
                "organise-files",
            ),
            ("Sort my downloads into folders", "organise-files"),
            (
                "Extract the totals from these invoices into a CSV",
                "process-documents",
            ),
            (
                "Summarise the reports and put the figures into a table",
                "process-documents",
            ),
            ("Write a README for this library", "write-docs"),
            (
                "Document the command line options in docs/usage.md",
                "write-docs",
            ),
            (
                "Compare the options for a job queue and write a report on them",
                "research-notes",
            ),
            (
                "Research which of the licences here allow resale",
                "research-notes",
            ),
        ] {
            assert_eq!(chosen(goal).as_deref(), Some(name), "{goal}");
        }
    }

    #[test]
    fn a_goal_of_no_kind_gets_none() {
        for goal in [
            "",
            "Write hello into out.txt",
            "Add a --json option to list.py",
            "Add a fixture to the setup",
            "Schreibe ein Gedicht",
            "日本語のファイルを作る",
        ] {
            assert_eq!(chosen(goal), None, "{goal}");
        }
    }

    #[test]
    fn every_example_is_small_and_has_placeholders() {
        for example in PlanExamples::load(None).unwrap().iter() {
            let tokens = crate::estimate_tokens(&example.text);
            assert!(tokens < 700, "{}: {tokens}", example.name);
            assert!(placeholders(&example.text).len() > 3, "{}", example.name);
        }
    }

    #[test]
    fn what_is_left_of_the_example_in_a_plan_is_an_error() {
        let examples = PlanExamples::load(None).unwrap();
        let example = examples.choose("fix the bug").unwrap();
        let plan: Value = serde_json::from_str(example.text()).unwrap();
        assert!(!example.left_over(&plan).is_empty());
        let own = serde_json::json!({"subtasks": [{"description": "if a < b and c > d: x <T>"}]});
        assert_eq!(example.left_over(&own), [""; 0]);
    }

    #[test]
    fn placeholders_are_found_between_their_marks() {
        let found: Vec<&str> = placeholders("a <b c> d << <e> <> < f")
            .into_iter()
            .collect();
        assert_eq!(found, ["<b c>", "<e>"]);
    }

    #[test]
    fn a_file_replaces_an_example_and_another_adds_one() {
        let dir = tempfile::tempdir().unwrap();
        let plans = dir.path().join("plans");
        std::fs::create_dir(&plans).unwrap();
        let own = |name: &str, word: &str| {
            format!(
                "name: {name}\nfor: testing\nwords: [{word}+]\nplan:\n  subtasks:\n  - {{id: a, title: A, description: Do <it>., criteria: [Done.], checks: []}}\n"
            )
        };
        std::fs::write(plans.join("fix-bug.yaml"), own("fix-bug", "mend")).unwrap();
        std::fs::write(plans.join("bake.yaml"), own("bake", "bake")).unwrap();
        let examples = PlanExamples::load(Some(dir.path())).unwrap();
        let name = |goal: &str| examples.choose(goal).map(|e| e.name.as_str());
        assert_eq!(name("mend it"), Some("fix-bug"));
        assert_eq!(name("bake a cake"), Some("bake"));
        assert_eq!(examples.iter().count(), BUILTIN.len() + 1);

        std::fs::write(
            plans.join("bake.yaml"),
            own("bake", "bake").replace("title", "titel"),
        )
        .unwrap();
        assert!(
            PlanExamples::load(Some(dir.path())).is_ok(),
            "a title may be missing"
        );
        std::fs::write(plans.join("bake.yaml"), "name: bake\nfro: x").unwrap();
        let error = PlanExamples::load(Some(dir.path()))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("bake.yaml") && error.contains("fro"),
            "{error}"
        );
        std::fs::write(
            plans.join("bake.yaml"),
            own("bake", "bake")
                .replace("id: a", "id: a, checks: [{kind: magic}]")
                .replace(", checks: []", ""),
        )
        .unwrap();
        let error = PlanExamples::load(Some(dir.path()))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("bake.yaml") && error.contains("magic"),
            "{error}"
        );
    }
}
