//! Reviewing a plan at the keyboard: it is written to a file, edited with whatever the user likes,
//! and read back. What makes a plan acceptable is the kernel's to say.

use loom_engine::{SubtaskStatus, TaskView};
use loom_events::Plan;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What the file begins with.
const HEAD: &str = "\
# The plan of this task. Change, reorder, drop or add steps, save, and take it with `t`.
# id: small letters, digits and hyphens, unique. tier: 1 easy, 2 normal, 3 hard.
# depends_on: ids of steps whose result a step needs. checks: what must hold afterwards.
";

/// The plan that waits for its review, and its file once there is one.
#[derive(Debug)]
pub(crate) struct Review {
    plan: Plan,
    file: PathBuf,
    written: bool,
}

/// Why an edited plan was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReviewError {
    /// Nobody has asked for the file yet.
    #[error("type e first: it writes the plan to a file")]
    NotWritten,
    /// The file cannot be written or read.
    #[error("{} cannot be used: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is no plan any more.
    #[error("{} holds no plan: {source}", file.display())]
    Form {
        /// The file.
        file: PathBuf,
        /// What is wrong, with its line.
        source: NoPlan,
    },
}

/// Why a text is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPlan {
    /// It is not in the form of one.
    #[error(transparent)]
    Form(#[from] serde_yaml::Error),
    /// A step has a field that would be passed over in silence, most likely mistyped.
    #[error("subtasks[{at}] has a field `{field}`, which no step has; there are {}", FIELDS.join(", "))]
    Field {
        /// Which step.
        at: usize,
        /// Its field.
        field: String,
    },
}

/// What can be said of a step.
const FIELDS: [&str; 14] = [
    "id",
    "title",
    "description",
    "criteria",
    "depends_on",
    "tier",
    "checks",
    "held_out",
    "outputs",
    "inspect",
    "expected_files",
    "size",
    "edits_tests",
    "vote",
];

/// What `loom status --json` shows beside it, and an edited copy of that may still have.
const SHOWN: [&str; 6] = [
    "status", "summary", "reason", "guidance", "kept", "attempts",
];

/// A plan as people write one, in YAML or JSON, which is YAML.
pub(crate) fn plan_of(text: &str) -> Result<Plan, NoPlan> {
    let plan: Plan = serde_yaml::from_str(text)?;
    let raw: serde_json::Value = serde_yaml::from_str(text)?;
    let steps = raw["subtasks"].as_array().into_iter().flatten().enumerate();
    for (at, step) in steps {
        let mut fields = step.as_object().into_iter().flat_map(|step| step.keys());
        let known = |field: &str| FIELDS.contains(&field) || SHOWN.contains(&field);
        if let Some(field) = fields.find(|field| !known(field)) {
            let field = field.clone();
            return Err(NoPlan::Field { at, field });
        }
    }
    Ok(plan)
}

impl Review {
    /// The plan of a task as it stands; its file will be in this directory.
    pub(crate) fn of(view: &TaskView, dir: &Path) -> Self {
        let in_plan = |s: &&loom_engine::SubtaskView| s.status != SubtaskStatus::Skipped;
        let steps = view.subtasks.iter().filter(in_plan);
        Self {
            plan: Plan {
                subtasks: steps.map(|s| s.spec.clone()).collect(),
            },
            file: dir.join(format!("plan-{}.yaml", view.id.short())),
            written: false,
        }
    }

    /// Writes the plan to its file, unless the user may have edited it already.
    pub(crate) fn write(&mut self) -> Result<&Path, ReviewError> {
        if !self.written {
            self.try_write().map_err(|source| ReviewError::File {
                file: self.file.clone(),
                source,
            })?;
            self.written = true;
        }
        Ok(&self.file)
    }

    fn try_write(&self) -> std::io::Result<()> {
        let text = serde_yaml::to_string(&self.plan).map_err(std::io::Error::other)?;
        let mut file = std::fs::File::create(&self.file)?;
        file.write_all(HEAD.as_bytes())?;
        file.write_all(text.as_bytes())
    }

    /// The plan as the user left it.
    pub(crate) fn read(&self) -> Result<Plan, ReviewError> {
        if !self.written {
            return Err(ReviewError::NotWritten);
        }
        let file = || self.file.clone();
        let text = std::fs::read_to_string(&self.file).map_err(|source| ReviewError::File {
            file: file(),
            source,
        })?;
        plan_of(&text).map_err(|source| ReviewError::Form {
            file: file(),
            source,
        })
    }

    /// The review is over.
    pub(crate) fn finish(self) {
        if self.written
            && let Err(error) = std::fs::remove_file(&self.file)
        {
            tracing::debug!(%error, file = %self.file.display(), "the plan's file stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{Check, EditsTests, HeldOut, Size, SubtaskId, SubtaskSpec, Tier, Voting};

    fn exists(path: &str) -> Check {
        let check = serde_json::json!({"kind": "file_exists", "path": path});
        serde_json::from_value(check).unwrap()
    }

    fn review(dir: &Path) -> Review {
        let spec: SubtaskSpec = serde_json::from_value(serde_json::json!({
            "id": "one", "title": "One", "description": "do one",
            "checks": [{"kind": "file_exists", "path": "a"}],
        }))
        .unwrap();
        let view = TaskView::new("00000000-0000-7000-8000-000000000000".parse().unwrap());
        Review {
            plan: Plan {
                subtasks: vec![spec],
            },
            ..Review::of(&view, dir)
        }
    }

    #[test]
    fn a_plan_comes_back_from_its_file_as_it_was_and_as_it_was_edited() {
        let dir = tempfile::tempdir().unwrap();
        let mut review = review(dir.path());
        assert!(matches!(review.read(), Err(ReviewError::NotWritten)));
        let file = review.write().unwrap().to_owned();
        assert_eq!(review.read().unwrap(), review.plan);

        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("id: one", "id: other")).unwrap();
        review.write().unwrap();
        let edited = review.read().unwrap();
        assert_eq!(edited.subtasks[0].id, SubtaskId::new("other").unwrap());
        review.finish();
        assert!(!file.exists());
    }

    #[test]
    fn a_mistyped_field_is_named_and_what_status_shows_is_a_plan() {
        let text =
            r#"{"subtasks": [{"id": "a", "title": "A", "description": "do a", "dependson": []}]}"#;
        let error = plan_of(text).unwrap_err().to_string();
        assert!(
            error.starts_with("subtasks[0] has a field `dependson`, which no step has"),
            "{error}"
        );
        // Whoever adds a field to a step has to name it here.
        let spec = SubtaskSpec {
            id: SubtaskId::new("a").unwrap(),
            title: "A".to_owned(),
            description: "do a".to_owned(),
            criteria: vec!["a is there.".to_owned()],
            depends_on: vec![SubtaskId::new("b").unwrap()],
            tier: Tier::default(),
            checks: vec![exists("a")],
            held_out: vec![HeldOut {
                criterion: "a is whole.".to_owned(),
                check: exists("a"),
            }],
            outputs: vec!["a".to_owned()],
            inspect: true,
            expected_files: vec!["*.rs".to_owned()],
            size: Size::L,
            edits_tests: Some(EditsTests {
                paths: vec!["tests/a.rs".to_owned()],
                reason: String::new(),
            }),
            vote: Some(Voting::Executions),
        };
        let plan = Plan {
            subtasks: vec![spec],
        };
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(plan_of(&text).unwrap(), plan);
        let mut shown = serde_json::to_value(&plan).unwrap();
        for field in SHOWN {
            shown["subtasks"][0][field] = serde_json::Value::Null;
        }
        shown["goal"] = "what stands beside it".into();
        assert_eq!(plan_of(&shown.to_string()).unwrap(), plan);
    }

    #[test]
    fn a_file_that_is_no_plan_is_named_with_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut review = review(dir.path());
        let file = review.write().unwrap().to_owned();
        std::fs::write(&file, "subtasks:\n  - id: Not Kebab\n").unwrap();
        let error = review.read().unwrap_err().to_string();
        assert!(
            error.contains("plan-") && error.contains("line 2"),
            "{error}"
        );
    }
}
