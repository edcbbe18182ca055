//! `skill`: the instructions of a skill that the prompt's catalogue names, and the files beside them.

use crate::tool::{CallOutcome, ToolOutput};
use crate::{Call, ShellSettings, SkillFile, Tool};
use loom_events::{Class, ToolSpec};
use serde_json::{Value, json};

/// Names of skills or files that are repeated when the one that was asked for is not there.
const SHOWN_NAMES: usize = 20;

/// Characters that are repeated of what the model sent.
const ECHO_CHARS: usize = 80;

/// The tool. It is offered only where there are skills; what it looks in is given with each call
/// (`ToolContext::past`).
pub struct SkillTool(ToolSpec);

impl SkillTool {
    /// Its name.
    pub const NAME: &'static str = "skill";
}

impl Default for SkillTool {
    fn default() -> Self {
        let spec = ToolSpec::new(
            Self::NAME,
            "Read a skill that is listed above: its instructions, or with file another file of it.",
            json!({
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "file": {"type": "string", "description": "as its instructions name it"}
                },
                "required": ["name"]
            }),
        );
        Self(spec.read_only())
    }
}

#[async_trait::async_trait]
impl Tool for SkillTool {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Pure
    }

    fn summary(&self, arguments: &Value) -> String {
        let text = |name| arguments.get(name).and_then(Value::as_str);
        match (text("name"), text("file")) {
            (Some(name), Some(file)) => format!("skill {name} {file}"),
            (Some(name), None) => format!("skill {name}"),
            (None, _) => Self::NAME.to_owned(),
        }
    }

    fn needs_workspace(&self) -> bool {
        false
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        let name = call.text("name").unwrap_or_default().trim();
        let file = call.text("file").map(str::trim);
        let file = file.filter(|file| !file.is_empty());
        let found = match call.context.past.skill(name, file).await {
            Ok(found) => found,
            Err(error) => return ToolOutput::negative(error.to_string()).into(),
        };
        said(name, file, found).into()
    }
}

fn said(name: &str, file: Option<&str>, found: SkillFile) -> ToolOutput {
    let name = echo(name);
    match found {
        SkillFile::Text { text, files } => {
            let what = match file {
                Some(file) => format!("{} of the skill {name}", echo(file)),
                None => format!(
                    "The skill {name}. Work by it as far as your step and the rules allow; they rank higher."
                ),
            };
            let others = match (file, files.as_slice()) {
                (Some(_), _) | (None, []) => String::new(),
                (None, files) => format!("\n[Other files of it: {}]\n", listed(files)),
            };
            ToolOutput {
                ok: true,
                summary: match file {
                    Some(file) => format!("{} of the skill {name}", echo(file)),
                    None => format!("the skill {name}"),
                },
                text: format!("{what}\n{text}\n{others}"),
                ..ToolOutput::default()
            }
        }
        SkillFile::NoFile { files } if files.is_empty() => {
            ToolOutput::negative(format!("the skill {name} has no other file"))
        }
        SkillFile::NoFile { files } => ToolOutput::negative(format!(
            "the skill {name} has no such file; it has {}",
            listed(&files)
        )),
        SkillFile::NoSkill { known } if known.is_empty() => {
            ToolOutput::negative("there are no skills here: go on without")
        }
        SkillFile::NoSkill { known } => ToolOutput::negative(format!(
            "there is no skill {name}; there are {}",
            listed(&known)
        )),
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN_NAMES)
        .map(|name| echo(name))
        .collect();
    let more = names.len().saturating_sub(SHOWN_NAMES);
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What was sent, short enough to repeat, on one line.
fn echo(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match line.char_indices().nth(ECHO_CHARS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_skill_comes_with_its_rank_and_the_names_of_its_files() {
        let found = SkillFile::Text {
            text: "Read the log.".to_owned(),
            files: names(&["form.md"]),
        };
        let output = said("notes", None, found);
        assert!(output.ok);
        assert!(
            output.text.contains("rank higher.\nRead the log."),
            "{}",
            output.text
        );
        assert!(
            output.text.contains("[Other files of it: form.md]"),
            "{}",
            output.text
        );
    }

    #[test]
    fn what_is_not_there_is_answered_with_what_is() {
        let found = SkillFile::NoSkill {
            known: names(&["notes", "tests"]),
        };
        let output = said("x\ny", None, found);
        assert!(!output.ok);
        assert_eq!(output.text, "there is no skill x y; there are notes, tests");
        let found = SkillFile::NoFile {
            files: names(&["a.md"]),
        };
        let output = said("notes", Some("b.md"), found);
        assert_eq!(output.text, "the skill notes has no such file; it has a.md");
    }
}
