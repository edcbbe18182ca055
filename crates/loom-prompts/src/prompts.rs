//! The entry point: all templates, and one method for each role.

use crate::budget::{Input, assemble};
use crate::examples::{PlanExample, PlanExamples};
use crate::template::{Rules, Source, Template};
use crate::wordings::wordings;
use crate::{
    ChecksInput, ExecutorInput, ExtractorInput, PlannerInput, ReplannerInput, TemplateError,
    VerifierInput,
};
use loom_events::{Message, PromptPart, Role};
use std::collections::BTreeMap;
use std::path::Path;

/// The templates of all roles, checked.
#[derive(Debug)]
pub struct Prompts {
    planner: Template,
    replanner: Template,
    checks: Template,
    executor: Template,
    verifier: Template,
    extractor: Template,
    /// Other wordings of the executor's, by name.
    wordings: BTreeMap<String, Template>,
    examples: PlanExamples,
}

/// A prompt, ready to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The messages, the stable ones first.
    pub messages: Vec<Message>,
    /// Template and its hash: `executor@1f2e3d4c5b6a`.
    pub template: String,
    /// What each part costs, in the order in which it is sent; parts with nothing to say are absent.
    pub parts: Vec<PromptPart>,
    /// What had to be left out to fit the budget, in words.
    pub trimmed: Vec<String>,
}

/// Says why a prompt could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The template failed on this input.
    #[error("render part `{part}` of template {template}")]
    Template {
        /// Template with hash.
        template: String,
        /// Part.
        part: String,
        /// The reason.
        #[source]
        source: minijinja::Error,
    },
    /// Even without everything that may be left out it is too long.
    #[error(
        "fit the {role} prompt into {budget} tokens: what must be said takes {needed}; the context window of \
         the model is too small for it: serve the model with a larger context, or set its `context_length` to what it has"
    )]
    TooLong {
        /// The role.
        role: Role,
        /// Tokens allowed.
        budget: u64,
        /// Tokens needed at least.
        needed: u64,
    },
}

/// File name and text of everything that is compiled in.
const BUILTIN: [(&str, &str); 7] = [
    (RULES, include_str!("../../../prompts/rules.yaml")),
    (
        "planner.yaml",
        include_str!("../../../prompts/planner.yaml"),
    ),
    (
        "replanner.yaml",
        include_str!("../../../prompts/replanner.yaml"),
    ),
    (
        "executor.yaml",
        include_str!("../../../prompts/executor.yaml"),
    ),
    (
        "verifier.yaml",
        include_str!("../../../prompts/verifier.yaml"),
    ),
    (
        "extractor.yaml",
        include_str!("../../../prompts/extractor.yaml"),
    ),
    ("checks.yaml", include_str!("../../../prompts/checks.yaml")),
];

/// The constraint library.
const RULES: &str = "rules.yaml";

impl Prompts {
    /// The templates that are compiled in.
    ///
    /// # Errors
    /// [`TemplateError`] when one is faulty; a test proves that none is.
    pub fn builtin() -> Result<Self, TemplateError> {
        Self::load(None)
    }

    /// The built-in templates, each replaced by the file of the same name in `dir` if there is one.
    ///
    /// # Errors
    /// [`TemplateError`] naming file and place of the fault.
    pub fn with_overrides(dir: &Path) -> Result<Self, TemplateError> {
        Self::load(Some(dir))
    }

    fn load(dir: Option<&Path>) -> Result<Self, TemplateError> {
        let rules = Template::rules(&source(RULES, dir)?)?;
        Ok(Self {
            planner: load::<PlannerInput>(&rules, dir)?,
            replanner: load::<ReplannerInput>(&rules, dir)?,
            checks: load::<ChecksInput>(&rules, dir)?,
            executor: load::<ExecutorInput>(&rules, dir)?,
            verifier: load::<VerifierInput>(&rules, dir)?,
            extractor: load::<ExtractorInput>(&rules, dir)?,
            wordings: wordings(dir, &rules)?,
            examples: PlanExamples::load(dir)?,
        })
    }

    /// The example of a plan that fits a goal, if one does.
    #[must_use]
    pub fn example(&self, goal: &str) -> Option<&PlanExample> {
        self.examples.choose(goal)
    }

    /// Every example of a plan.
    pub fn examples(&self) -> impl Iterator<Item = &PlanExample> {
        self.examples.iter()
    }

    /// Name and hash of a role's template, as in [`Rendered::template`].
    #[must_use]
    pub fn version(&self, role: Role) -> &str {
        let template = match role {
            Role::Planner => &self.planner,
            Role::Replanner => &self.replanner,
            Role::Executor => &self.executor,
            Role::Verifier => &self.verifier,
            Role::Extractor => &self.extractor,
        };
        &template.version
    }

    /// Asks for the first plan.
    ///
    /// # Errors
    /// [`RenderError`] when the template fails or the budget is too small.
    pub fn planner(&self, input: &PlannerInput) -> Result<Rendered, RenderError> {
        assemble(&self.planner, input)
    }

    /// Asks for a later plan.
    ///
    /// # Errors
    /// As [`Self::planner`].
    pub fn replanner(&self, input: &ReplannerInput) -> Result<Rendered, RenderError> {
        assemble(&self.replanner, input)
    }

    /// Asks about the checks of one step.
    ///
    /// # Errors
    /// As [`Self::planner`].
    pub fn checks(&self, input: &ChecksInput) -> Result<Rendered, RenderError> {
        assemble(&self.checks, input)
    }

    /// Starts an attempt.
    ///
    /// # Errors
    /// As [`Self::planner`].
    pub fn executor(&self, input: &ExecutorInput) -> Result<Rendered, RenderError> {
        assemble(&self.executor, input)
    }

    /// Other wordings of the executor's template: name, and name with hash as in
    /// [`Rendered::template`].
    pub fn wordings(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.wordings.iter();
        all.map(|(name, template)| (name.as_str(), template.version.as_str()))
    }

    /// Starts an attempt in another wording, or in the usual one where that is none of
    /// [`Self::wordings`] any more.
    ///
    /// # Errors
    /// As [`Self::planner`].
    pub fn executor_as(
        &self,
        wording: Option<&str>,
        input: &ExecutorInput,
    ) -> Result<Rendered, RenderError> {
        let other = wording.and_then(|name| self.wordings.get(name));
        assemble(other.unwrap_or(&self.executor), input)
    }

    /// Asks for a verdict.
    ///
    /// # Errors
    /// As [`Self::planner`].
    pub fn verifier(&self, input: &VerifierInput) -> Result<Rendered, RenderError> {
        assemble(&self.verifier, input)
    }

    /// Asks for memory entries.
    ///
    /// # Errors
    /// As [`Self::planner`].
    pub fn extractor(&self, input: &ExtractorInput) -> Result<Rendered, RenderError> {
        assemble(&self.extractor, input)
    }
}

fn load<I: Input>(rules: &Rules, dir: Option<&Path>) -> Result<Template, TemplateError> {
    Template::load::<I>(&source(&format!("{}.yaml", I::NAME), dir)?, rules)
}

/// The override if there is one, else what is compiled in.
fn source(name: &str, dir: Option<&Path>) -> Result<Source, TemplateError> {
    if let Some(path) = dir.map(|dir| dir.join(name))
        && let Some(Override { file, text }) = read_override(&path)?
    {
        return Ok(Source { file, text });
    }
    let text = BUILTIN
        .iter()
        .find_map(|(file, text)| (*file == name).then_some(*text))
        .expect("BUG: every role has a template that is compiled in");
    Ok(Source {
        file: format!("built-in {name}"),
        text: text.to_owned(),
    })
}

/// A file that takes the place of what is compiled in.
pub(crate) struct Override {
    pub(crate) file: String,
    pub(crate) text: String,
}

/// Reads such a file; none when it is not there.
pub(crate) fn read_override(path: &Path) -> Result<Option<Override>, TemplateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Override {
            file: path.display().to_string(),
            text,
        })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TemplateError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_templates_are_faultless_and_named_by_role() {
        let prompts = Prompts::builtin().unwrap();
        for role in Role::ALL {
            assert!(prompts.version(role).starts_with(&format!("{role}@")));
        }
    }

    #[test]
    fn a_file_in_the_directory_replaces_one_template_and_changes_its_version() {
        let dir = tempfile::tempdir().unwrap();
        let text = BUILTIN[3].1.replace("You are", "You may be");
        std::fs::write(dir.path().join("executor.yaml"), text).unwrap();
        let ours = Prompts::builtin().unwrap();
        let theirs = Prompts::with_overrides(dir.path()).unwrap();
        assert_ne!(theirs.version(Role::Executor), ours.version(Role::Executor));
        assert_eq!(theirs.version(Role::Planner), ours.version(Role::Planner));
    }

    #[test]
    fn a_changed_rule_changes_the_version_of_every_template() {
        let dir = tempfile::tempdir().unwrap();
        let text = BUILTIN[0].1.replace("First look", "Look first");
        std::fs::write(dir.path().join("rules.yaml"), text).unwrap();
        let ours = Prompts::builtin().unwrap();
        let theirs = Prompts::with_overrides(dir.path()).unwrap();
        for role in Role::ALL {
            assert_ne!(theirs.version(role), ours.version(role));
        }
    }

    #[test]
    fn a_file_with_a_name_of_its_own_is_another_wording_and_changes_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let ours = Prompts::builtin().unwrap();
        assert_eq!(ours.wordings().count(), 0);
        let text = BUILTIN[3].1.replace("You are", "You may be");
        std::fs::write(dir.path().join("executor.perhaps.yaml"), text).unwrap();
        let theirs = Prompts::with_overrides(dir.path()).unwrap();
        for role in Role::ALL {
            assert_eq!(theirs.version(role), ours.version(role));
        }
        let [(name, version)] = theirs.wordings().collect::<Vec<_>>()[..] else {
            panic!("one wording");
        };
        assert_eq!(name, "perhaps");
        assert!(version.starts_with("executor.perhaps@"), "{version}");
        let input = crate::samples::executor();
        let said = |wording| {
            let rendered = theirs.executor_as(wording, &input).unwrap();
            (rendered.template, format!("{:?}", rendered.messages))
        };
        let (template, messages) = said(Some("perhaps"));
        assert_eq!(template, version);
        assert!(messages.contains("You may be"), "{messages}");
        for usual in [None, Some("gone")] {
            let (template, messages) = said(usual);
            assert_eq!(template, ours.version(Role::Executor));
            assert!(messages.contains("You are"), "{messages}");
        }
    }

    #[test]
    fn a_wording_must_be_of_the_executor_have_a_name_and_be_faultless() {
        for (file, text, part) in [
            ("planner.short.yaml", BUILTIN[1].1, "only the executor's"),
            ("executor.Short One.yaml", BUILTIN[3].1, "small letters"),
            ("executor.short.yaml", "system: [", "executor.short.yaml"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(file), text).unwrap();
            let error = Prompts::with_overrides(dir.path()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "executor.short.yaml.bak",
            ".executor.x.yaml",
            "notes.on.yaml",
        ] {
            std::fs::write(dir.path().join(file), "no template").unwrap();
        }
        assert_eq!(
            Prompts::with_overrides(dir.path())
                .unwrap()
                .wordings()
                .count(),
            0
        );
    }

    #[test]
    fn an_override_that_cannot_be_read_is_an_error_not_a_fallback() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("planner.yaml")).unwrap();
        let error = Prompts::with_overrides(dir.path()).unwrap_err();
        assert!(error.to_string().contains("planner.yaml"), "{error}");
    }

    #[test]
    fn a_faulty_override_is_named_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("verifier.yaml"), "system: [").unwrap();
        let error = Prompts::with_overrides(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&dir.path().display().to_string()), "{error}");
    }
}
