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
        source: serde_yaml::Error,
    },
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
        serde_yaml::from_str(&text).map_err(|source| ReviewError::Form {
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
    use loom_events::{SubtaskId, SubtaskSpec};

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
