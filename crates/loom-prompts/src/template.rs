//! Reading, checking and rendering of templates.
//!
//! A template is a YAML file with sections (`system`, `user`, `repair`) of named parts. All that
//! can be wrong with it is found when it is loaded: form, missing parts, unknown variables, a
//! system part that would change within a task, and whatever fails on the sample inputs.

use crate::budget::Input;
use crate::fence;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where in a template a fault is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file; `built-in executor.yaml` for one that is compiled in.
    pub file: String,
    /// The part, when it is inside one.
    pub part: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        match &self.part {
            Some(part) => write!(f, ", part `{part}`"),
            None => Ok(()),
        }
    }
}

/// Says why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// An override file is there and cannot be read.
    #[error("read template {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// It is not YAML of the right form.
    #[error("read template {place}: {source}")]
    Form {
        /// Where.
        place: Place,
        /// The reason, with line and column.
        source: serde_yaml::Error,
    },
    /// A part is not there.
    #[error("template {place} has no part `{missing}`")]
    Missing {
        /// Where.
        place: Place,
        /// Name of the part.
        missing: &'static str,
    },
    /// Two parts have one name.
    #[error("template {place} has the part twice")]
    Twice {
        /// Where.
        place: Place,
    },
    /// It uses a variable that it is not given.
    #[error("template {place} uses `{name}`, which is none of: {known}")]
    Unknown {
        /// Where.
        place: Place,
        /// The variable.
        name: String,
        /// What there is.
        known: String,
    },
    /// A system part uses a variable that changes within a task, which would break the prefix.
    #[error("template {place} uses `{name}` in the system message, which must not change")]
    Unstable {
        /// Where.
        place: Place,
        /// The variable.
        name: String,
    },
    /// An example of a plan cannot be one.
    #[error("example of a plan {file}: {why}")]
    Example {
        /// The file, or the name.
        file: String,
        /// The reason.
        why: String,
    },
    /// A file that cannot be another wording of a template.
    #[error("wording of a template {file}: {why}")]
    Wording {
        /// The file.
        file: String,
        /// The reason.
        why: String,
    },
    /// It does not compile, or fails on a sample input.
    #[error("template {place}: {}", explain(source))]
    Broken {
        /// Where.
        place: Place,
        /// The reason, with the line inside the part.
        source: minijinja::Error,
    },
}

fn explain(error: &minijinja::Error) -> String {
    let what = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    match error.line() {
        Some(line) => format!("{what} (line {line} of the part)"),
        None => what,
    }
}

/// The sections of a template, in the order in which they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Byte-identical for the whole task.
    System,
    /// What changes, most stable first.
    User,
    /// Follows the model's refused answer.
    Repair,
}

/// The text of a template with the name that errors give it.
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn place(&self, part: Option<&str>) -> Place {
        Place {
            file: self.file.clone(),
            part: part.map(str::to_owned),
        }
    }
}

/// Named sentences that templates share: the constraint library.
pub(crate) type Rules = BTreeMap<String, String>;

/// A checked template.
#[derive(Debug)]
pub(crate) struct Template {
    /// `executor@1f2e3d4c5b6a`.
    pub(crate) version: String,
    env: Environment<'static>,
    parts: Vec<(Section, String)>,
    rules: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    system: Vec<PartText>,
    user: Vec<PartText>,
    #[serde(default)]
    repair: Vec<PartText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartText {
    name: String,
    text: String,
}

impl Template {
    /// Reads the constraint library.
    pub(crate) fn rules(source: &Source) -> Result<Rules, TemplateError> {
        serde_yaml::from_str(&source.text).map_err(|error| TemplateError::Form {
            place: source.place(None),
            source: error,
        })
    }

    /// Reads and checks a template for inputs of type `I`.
    pub(crate) fn load<I: Input>(source: &Source, rules: &Rules) -> Result<Self, TemplateError> {
        Self::load_as::<I>(I::NAME, source, rules)
    }

    /// The same under a name of its own.
    pub(crate) fn load_as<I: Input>(
        name: &str,
        source: &Source,
        rules: &Rules,
    ) -> Result<Self, TemplateError> {
        let file: File =
            serde_yaml::from_str(&source.text).map_err(|error| TemplateError::Form {
                place: source.place(None),
                source: error,
            })?;
        let mut template = Self {
            version: version(name, &source.text, rules),
            env: environment(),
            parts: Vec::new(),
            rules: Value::from(Serde(rules)),
        };
        for (section, parts) in [
            (Section::System, file.system),
            (Section::User, file.user),
            (Section::Repair, file.repair),
        ] {
            for part in parts {
                template.add(source, section, part)?;
            }
        }
        template.require(source, I::PARTS)?;
        template.check_variables::<I>(source, rules)?;
        template.try_out::<I>(source)?;
        Ok(template)
    }

    fn add(
        &mut self,
        source: &Source,
        section: Section,
        part: PartText,
    ) -> Result<(), TemplateError> {
        let place = source.place(Some(&part.name));
        if self.parts.iter().any(|(_, name)| *name == part.name) {
            return Err(TemplateError::Twice { place });
        }
        self.env
            .add_template_owned(part.name.clone(), part.text)
            .map_err(|source| TemplateError::Broken { place, source })?;
        self.parts.push((section, part.name));
        Ok(())
    }

    fn require(&self, source: &Source, parts: &[&'static str]) -> Result<(), TemplateError> {
        let missing = parts
            .iter()
            .find(|part| !self.parts.iter().any(|(_, name)| name == *part));
        match missing {
            Some(missing) => Err(TemplateError::Missing {
                place: source.place(None),
                missing,
            }),
            None => Ok(()),
        }
    }

    fn check_variables<I: Input>(
        &self,
        source: &Source,
        rules: &Rules,
    ) -> Result<(), TemplateError> {
        let known = variables::<I>();
        for (section, part) in &self.parts {
            let place = || source.place(Some(part));
            for name in self.used(part) {
                let root = name.split('.').next().unwrap_or(&name);
                let exists = match name.strip_prefix("rules.") {
                    Some(rule) => rules.contains_key(rule),
                    None => known.iter().any(|k| k == root),
                };
                if !exists {
                    return Err(TemplateError::Unknown {
                        place: place(),
                        known: known_names(&name, &known, rules),
                        name,
                    });
                }
                let stable = root == "rules" || I::STABLE.contains(&root);
                if *section == Section::System && !stable {
                    return Err(TemplateError::Unstable {
                        place: place(),
                        name,
                    });
                }
            }
        }
        Ok(())
    }

    /// Variables that a part uses, sorted so that the first error is always the same.
    fn used(&self, part: &str) -> Vec<String> {
        let Ok(template) = self.env.get_template(part) else {
            return Vec::new();
        };
        let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        names.sort();
        names
    }

    fn try_out<I: Input>(&self, source: &Source) -> Result<(), TemplateError> {
        for sample in I::samples() {
            let context = self.context(&sample);
            for (_, part) in &self.parts {
                self.render_part(part, &context)
                    .map_err(|error| TemplateError::Broken {
                        place: source.place(Some(part)),
                        source: error,
                    })?;
            }
        }
        Ok(())
    }

    /// The variables of an input and the rules.
    pub(crate) fn context<I: Input>(&self, input: &I) -> Value {
        let rules = minijinja::context! { rules => self.rules.clone() };
        minijinja::value::merge_maps([input.context(), rules])
    }

    /// Names of the parts of a section, in order.
    pub(crate) fn parts(&self, section: Section) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .filter(move |(of, _)| *of == section)
            .map(|(_, name)| name.as_str())
    }

    /// One part, without surrounding blank lines; empty when it has nothing to say.
    pub(crate) fn render_part(
        &self,
        part: &str,
        context: &Value,
    ) -> Result<String, minijinja::Error> {
        let text = self.env.get_template(part)?.render(context.clone())?;
        Ok(text.trim().to_owned())
    }
}

/// The names of an input's variables, taken from a sample: its context always has them all.
fn variables<I: Input>() -> Vec<String> {
    let mut names = vec!["rules".to_owned()];
    for sample in I::samples() {
        let context = sample.context();
        if context.kind() == ValueKind::Map
            && let Ok(keys) = context.try_iter()
        {
            names.extend(keys.map(|key| key.to_string()));
        }
    }
    names.sort();
    names.dedup();
    names
}

fn known_names(name: &str, variables: &[String], rules: &Rules) -> String {
    if name.starts_with("rules.") {
        let names: Vec<String> = rules.keys().map(|rule| format!("rules.{rule}")).collect();
        return names.join(", ");
    }
    variables.join(", ")
}

/// Twelve digits of a hash: 48 bits tell the few versions apart that one journal ever sees.
fn version(name: &str, text: &str, rules: &Rules) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    for (rule_name, rule) in rules {
        hasher.update(b"\0");
        hasher.update(rule_name.as_bytes());
        hasher.update(b"\0");
        hasher.update(rule.as_bytes());
    }
    format!("{name}@{}", &hasher.finalize().to_hex()[..12])
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax = minijinja::syntax::SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("BUG: the default delimiters are valid");
    env.set_syntax(syntax);
    env.add_filter("quoted", |text: &str| fence::quoted(text));
    env.add_filter("numbered", |text: &str| fence::numbered(text));
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExecutorInput;

    const GOOD: &str = "
system:
  - {name: role, text: 'You work.'}
  - {name: constraints, text: '{{ rules.look }}'}
  - {name: output_format, text: 'Answer.'}
  - {name: tools, text: '{% for tool in tools %}{{ tool.name }}{% endfor %}'}
user:
  - {name: task_state, text: '{{ state }}'}
  - {name: memory, text: '{% for fact in memory %}{{ fact.summary }}{% endfor %}'}
  - {name: subtask, text: '{{ title }}'}
";

    fn load(text: &str) -> Result<Template, TemplateError> {
        let rules = Rules::from([("look".to_owned(), "First look.".to_owned())]);
        let source = Source {
            file: "my/executor.yaml".to_owned(),
            text: text.to_owned(),
        };
        Template::load::<ExecutorInput>(&source, &rules)
    }

    fn complaint(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        load(&GOOD.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn a_good_template_loads_under_a_name_with_twelve_digits() {
        let version = load(GOOD).unwrap().version;
        let digits = version.strip_prefix("executor@").unwrap();
        assert_eq!(digits.len(), 12);
        assert_ne!(
            load(&GOOD.replace("You work", "Work")).unwrap().version,
            version
        );
    }

    #[test]
    fn bad_yaml_is_an_error_with_file_line_and_column() {
        let text = complaint("name: subtask,", "name: subtask, nmae: x,");
        assert!(
            text.contains("my/executor.yaml") && text.contains("nmae"),
            "{text}"
        );
        assert!(text.contains("line 10"), "{text}");
    }

    #[test]
    fn an_unknown_variable_is_an_error_that_lists_the_known_ones() {
        let text = complaint("{{ title }}", "{{ titel }}");
        assert!(
            text.contains("my/executor.yaml, part `subtask` uses `titel`"),
            "{text}"
        );
        assert!(text.contains("title"), "{text}");
    }

    #[test]
    fn an_unknown_rule_is_an_error() {
        let text = complaint("rules.look", "rules.lok");
        assert!(
            text.contains("`rules.lok`") && text.contains("rules.look"),
            "{text}"
        );
    }

    #[test]
    fn a_misspelled_field_inside_a_loop_is_found_by_trying_it_out() {
        let text = complaint("fact.summary", "fact.sumary");
        assert!(
            text.contains("part `memory`") && text.contains("line 1"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_part_is_an_error_that_names_it() {
        let text = complaint("name: memory", "name: memories");
        assert_eq!(text, "template my/executor.yaml has no part `memory`");
    }

    #[test]
    fn a_part_may_be_there_only_once() {
        let text = complaint("name: memory", "name: subtask");
        assert!(text.contains("part `subtask` has the part twice") || text.contains("twice"));
    }

    #[test]
    fn a_syntax_error_names_part_and_line() {
        let text = complaint("'You work.'", "\"You\\n\\n{{ work\"");
        assert!(
            text.contains("part `role`") && text.contains("line 3"),
            "{text}"
        );
    }

    #[test]
    fn what_changes_within_a_task_may_not_be_in_the_system_message() {
        let text = complaint("'Answer.'", "'{{ title }}'");
        assert!(text.contains("part `output_format` uses `title`"), "{text}");
    }
}
