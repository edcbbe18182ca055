//! What kind of work a subtask is: what is done, to what. Derived from what the plan says of it, so
//! that it is known before the work and is the same afterwards; two steps with nothing but their
//! kind in common are what a record of earlier ones is worth something for.

use loom_events::{Check, Counted, SubtaskSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A kind of work, such as `fix rust`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Kind {
    /// What is done.
    pub action: Action,
    /// To what.
    pub material: Material,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vdoc])* $variant),+
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in tables and in storage.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

words! {
    /// What is done.
    Action {
        /// Looks and reports; changes nothing.
        Inspect = "inspect",
        /// Makes something that is wrong right.
        Fix = "fix",
        /// Writes tests.
        Test = "test",
        /// Writes for people.
        Document = "document",
        /// Moves, renames, removes, sorts.
        Organise = "organise",
        /// Changes how something is written, not what it does; or brings it to another form.
        Rework = "rework",
        /// Sets something up: build, packages, configuration.
        Configure = "configure",
        /// Adds something new.
        Add = "add",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// What it is done to, by its files.
    Material {
        /// Rust.
        Rust = "rust",
        /// Python.
        Python = "python",
        /// JavaScript, TypeScript, HTML, CSS.
        Web = "web",
        /// Go.
        Go = "go",
        /// Java, Kotlin, Scala.
        Jvm = "jvm",
        /// C and C++.
        C = "c",
        /// Ruby.
        Ruby = "ruby",
        /// Shell scripts.
        Shell = "shell",
        /// Settings and structured data: JSON, YAML, TOML, XML.
        Settings = "settings",
        /// Tables: CSV, SQL.
        Tables = "tables",
        /// Text for people.
        Prose = "prose",
        /// Several, or nobody can tell.
        Mixed = "mixed",
    }
}

/// Words that name an action, in the form in which plans use them. The first word of the title
/// decides, since that is what a step is called by.
const ACTIONS: &[(Action, &[&str])] = &[
    (
        Action::Fix,
        &[
            "fix", "repair", "correct", "debug", "resolve", "solve", "patch", "mend", "handle",
        ],
    ),
    (
        Action::Test,
        &["test", "tests", "cover", "verify", "assert"],
    ),
    (
        Action::Document,
        &[
            "document",
            "describe",
            "explain",
            "comment",
            "summarise",
            "summarize",
            "note",
            "notes",
            "readme",
            "changelog",
            "docs",
            "documentation",
        ],
    ),
    (
        Action::Organise,
        &[
            "move", "rename", "organise", "organize", "sort", "delete", "remove", "archive",
            "clean", "group", "collect",
        ],
    ),
    (
        Action::Rework,
        &[
            "refactor", "rework", "rewrite", "extract", "split", "simplify", "migrate", "convert",
            "port", "upgrade", "replace", "update", "change", "adapt", "edit", "merge", "format",
        ],
    ),
    (
        Action::Configure,
        &[
            "configure",
            "install",
            "setup",
            "enable",
            "disable",
            "set",
            "pin",
            "bump",
            "build",
        ],
    ),
    (
        Action::Inspect,
        &[
            "inspect",
            "look",
            "find",
            "list",
            "read",
            "analyse",
            "analyze",
            "review",
            "investigate",
            "research",
            "compare",
            "check",
            "identify",
            "survey",
        ],
    ),
    (
        Action::Add,
        &[
            "add",
            "create",
            "write",
            "implement",
            "make",
            "introduce",
            "support",
            "generate",
            "provide",
            "define",
            "build",
            "produce",
            "draft",
            "extend",
            "print",
        ],
    ),
];

const EXTENSIONS: &[(Material, &[&str])] = &[
    (Material::Rust, &["rs"]),
    (Material::Python, &["py", "pyi", "ipynb"]),
    (
        Material::Web,
        &[
            "js", "jsx", "mjs", "cjs", "ts", "tsx", "html", "css", "scss", "vue", "svelte",
        ],
    ),
    (Material::Go, &["go"]),
    (Material::Jvm, &["java", "kt", "kts", "scala", "groovy"]),
    (Material::C, &["c", "h", "cc", "cpp", "cxx", "hpp", "hh"]),
    (Material::Ruby, &["rb"]),
    (Material::Shell, &["sh", "bash", "zsh", "fish"]),
    (
        Material::Settings,
        &[
            "json", "yaml", "yml", "toml", "xml", "ini", "cfg", "conf", "lock",
        ],
    ),
    (Material::Tables, &["csv", "tsv", "sql", "parquet", "xlsx"]),
    (
        Material::Prose,
        &["md", "txt", "rst", "adoc", "tex", "org", "docx", "pdf"],
    ),
];

impl Kind {
    /// The kind of a step, by what its plan says.
    #[must_use]
    pub fn of(spec: &SubtaskSpec) -> Self {
        let material = material(spec);
        Self {
            action: action(spec, material),
            material,
        }
    }
}

fn action(spec: &SubtaskSpec, material: Material) -> Action {
    if spec.inspect {
        return Action::Inspect;
    }
    let named = words(&spec.title).chain(words(spec.id.as_str()));
    let said = named.chain(words(&spec.description)).find_map(|word| {
        let has = |(_, names): &&(Action, &[&str])| names.contains(&word.as_str());
        ACTIONS.iter().find(has).map(|(action, _)| *action)
    });
    let makes = |part: fn(&str) -> bool| {
        let mut files = spec.outputs.iter().chain(&spec.expected_files).peekable();
        files.peek().is_some() && files.all(|file| part(file))
    };
    match said {
        // "Add tests for the parser" is about tests, "add a chapter" about prose.
        Some(Action::Add | Action::Rework) | None if makes(is_test) || says_tests(spec) => {
            Action::Test
        }
        Some(Action::Add) | None if material == Material::Prose => Action::Document,
        Some(action) => action,
        None => Action::Other,
    }
}

/// Whether the first few words of the title name tests as what is made.
fn says_tests(spec: &SubtaskSpec) -> bool {
    words(&spec.title)
        .take(4)
        .any(|word| matches!(word.as_str(), "test" | "tests"))
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    lower.starts_with("test")
        || lower.contains("_test.")
        || lower.contains(".test.")
        || lower.contains(".spec.")
        || path.starts_with("tests/")
        || path.contains("/tests/")
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
}

/// The material of most files that the plan names. What is to be made and changed counts most, then
/// what checks read, then what the text mentions.
fn material(spec: &SubtaskSpec) -> Material {
    let made = spec.outputs.iter().chain(&spec.expected_files);
    let made = most(made.map(String::as_str));
    let read = || most(spec.checks.iter().filter_map(path));
    let mentioned = || {
        let texts = [spec.title.as_str(), spec.description.as_str()];
        most(texts.into_iter().flat_map(|text| {
            let end = |c: char| {
                c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '`' | '"' | '\'')
            };
            text.split(end)
                .map(|word| word.trim_end_matches(['.', ':']))
        }))
    };
    made.or_else(read)
        .or_else(mentioned)
        .unwrap_or(Material::Mixed)
}

fn path(check: &Check) -> Option<&str> {
    match check {
        Check::FileExists { path }
        | Check::FileAbsent { path }
        | Check::FileContains { path, .. }
        | Check::JsonPath { path, .. }
        | Check::Symbol { path, .. } => Some(path),
        Check::Count {
            of: Counted::Glob(glob),
            ..
        } => Some(glob),
        Check::Count { .. }
        | Check::Command { .. }
        | Check::Tests { .. }
        | Check::Unchanged { .. } => None,
    }
}

/// The most frequent material among paths; two that are equally frequent are mixed.
fn most<'a>(paths: impl Iterator<Item = &'a str>) -> Option<Material> {
    let mut counts: BTreeMap<Material, usize> = BTreeMap::new();
    for path in paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        let Some((stem, extension)) = name.rsplit_once('.') else {
            continue;
        };
        if stem.is_empty() {
            continue;
        }
        let extension = extension.to_ascii_lowercase();
        let has = |(_, known): &&(Material, &[&str])| known.contains(&extension.as_str());
        if let Some((material, _)) = EXTENSIONS.iter().find(has) {
            *counts.entry(*material).or_default() += 1;
        }
    }
    let top = *counts.values().max()?;
    let mut tops = counts.iter().filter(|(_, count)| **count == top);
    let (first, _) = tops.next()?;
    Some(match tops.next() {
        None => *first,
        Some(_) => Material::Mixed,
    })
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action.word(), self.material.word())
    }
}

/// Says that a text names no kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a kind of work")]
pub struct NoKind(pub String);

impl FromStr for Kind {
    type Err = NoKind;

    fn from_str(text: &str) -> Result<Self, NoKind> {
        let kind = || {
            let (action, material) = text.split_once(' ')?;
            let action = Action::ALL.iter().find(|one| one.word() == action)?;
            let material = Material::ALL.iter().find(|one| one.word() == material)?;
            Some(Self {
                action: *action,
                material: *material,
            })
        };
        kind().ok_or_else(|| NoKind(text.to_owned()))
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.to_string()
    }
}

impl TryFrom<String> for Kind {
    type Error = NoKind;

    fn try_from(text: String) -> Result<Self, NoKind> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::SubtaskId;

    fn spec(title: &str, outputs: &[&str]) -> SubtaskSpec {
        let mut spec = SubtaskSpec::new(SubtaskId::new("one").unwrap(), title, "");
        spec.outputs = outputs.iter().map(|&path| path.to_owned()).collect();
        spec
    }

    #[test]
    fn a_kind_is_what_is_done_and_to_what() {
        let cases = [
            (
                "Fix the off-by-one in pages()",
                &["src/pages.rs"][..],
                "fix rust",
            ),
            (
                "Add tests for the parser",
                &["tests/parser.py"],
                "test python",
            ),
            ("Add --json to list.py", &["list.py"], "add python"),
            (
                "Write the chapter on setup",
                &["docs/setup.md"],
                "document prose",
            ),
            ("Rename the modules", &["a.ts", "b.ts"], "organise web"),
            ("Migrate the settings", &["config.yaml"], "rework settings"),
            (
                "Pin the tool chain",
                &["rust-toolchain.toml"],
                "configure settings",
            ),
            (
                "Extend the importer",
                &["import.py", "load.sql"],
                "add mixed",
            ),
            ("Ponder", &[], "other mixed"),
        ];
        for (title, outputs, kind) in cases {
            assert_eq!(Kind::of(&spec(title, outputs)).to_string(), kind, "{title}");
        }
    }

    #[test]
    fn a_step_that_only_looks_is_an_inspection_whatever_it_is_called() {
        let mut step = spec("Fix nothing yet", &[]);
        step.inspect = true;
        assert_eq!(Kind::of(&step).action, Action::Inspect);
    }

    #[test]
    fn files_that_are_only_mentioned_tell_the_material_too() {
        let mut step = spec("Correct the total", &[]);
        step.description = "In `shop/cart.go`, total() leaves out the last item.".to_owned();
        assert_eq!(Kind::of(&step).to_string(), "fix go");
    }

    #[test]
    fn every_kind_is_read_back_from_its_words() {
        for action in Action::ALL {
            for material in Material::ALL {
                let kind = Kind {
                    action: *action,
                    material: *material,
                };
                assert_eq!(kind.to_string().parse(), Ok(kind));
            }
        }
        assert!("fix".parse::<Kind>().is_err());
    }
}
