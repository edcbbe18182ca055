//! What a human says of a task that has ended: that it is right, or that it is not. Nothing of the task
//! changes by it; it teaches how sure results are that are stated to be so and so sure.

use crate::engine::Engine;
use crate::reader::QueryError;
use crate::revert::learns;
use loom_events::{SubtaskId, TaskId, Time};
use loom_learning::{Book, Harvest, Seen, Turnout, rated};

/// What a human says of a task that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    /// Whether it is right.
    pub right: bool,
    /// The steps that are meant; none means the whole, which is right when each of its steps is.
    pub subtasks: Vec<SubtaskId>,
}

/// What was said of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Rated {
    /// The step.
    pub subtask: SubtaskId,
    /// How likely it is right by what was said: 1 and 0 where it was said of the step, or of a whole that
    /// is right; between them where only the whole was said to be wrong.
    pub right: f64,
    /// When it was said.
    pub at: Time,
}

/// A word of which nothing comes.
#[derive(Debug, thiserror::Error)]
pub enum RateError {
    /// The task cannot be looked at, or has not ended.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// There is nothing of which it could be said.
    #[error("{0} was not completed: name the steps that are meant")]
    NotCompleted(TaskId),
    /// The step has no result by a model.
    #[error(
        "the task has no result of a step `{subtask}` that a model brought about; it has those of: {known}"
    )]
    NoResult {
        /// The step that was named.
        subtask: SubtaskId,
        /// Those that could be.
        known: String,
    },
    /// Nobody would learn of it.
    #[error(
        "task {0} ran with learning switched off, so nothing is learned from what you say of it"
    )]
    NotLearning(TaskId),
    /// It could not be kept.
    #[error(transparent)]
    Append(#[from] loom_state::AppendError),
}

impl Engine {
    /// Learns from what a human says of a task that has ended, and answers of how many results it says
    /// something. What they say later of the same results counts in its place.
    ///
    /// # Errors
    /// [`RateError`]; then nothing is learned.
    pub async fn rate(&self, task: TaskId, rating: &Rating) -> Result<usize, RateError> {
        let reader = self.reader();
        let records = reader.records(task).await?;
        reader.must_be_ours(task).await?;
        let (Some(harvest), true) = (Harvest::of(&records), reader.has_ended(task).await?) else {
            return Err(QueryError::StillRunning(task).into());
        };
        if !learns(&records) {
            return Err(RateError::NotLearning(task));
        }
        if rating.subtasks.is_empty() && !harvest.completed {
            return Err(RateError::NotCompleted(task));
        }
        let has = |subtask: &&SubtaskId| harvest.that_count().any(|one| one.subtask == **subtask);
        if let Some(unknown) = rating.subtasks.iter().find(|subtask| !has(subtask)) {
            let mut known: Vec<&str> = harvest
                .that_count()
                .map(|one| one.subtask.as_str())
                .collect();
            known.dedup();
            return Err(RateError::NoResult {
                subtask: unknown.clone(),
                known: match known.is_empty() {
                    true => "no step".to_owned(),
                    false => known.join(", "),
                },
            });
        }
        let said = |book: &Book, now| of_results((book, now), &harvest, rating);
        let learning = &self.shared.learning;
        Ok(learning.looked_at(&self.shared, &harvest, said).await?)
    }

    /// What was said of the results of a task, as far as it is still kept.
    pub async fn ratings(&self, task: TaskId) -> Vec<Rated> {
        self.shared.learning.said_of(task).await
    }
}

/// What it says of each result.
fn of_results(
    (book, now): (&Book, Time),
    harvest: &Harvest,
    rating: &Rating,
) -> Vec<(Turnout, Seen)> {
    let known = harvest.that_count().map(|result| Turnout {
        seen: book.known_of(harvest.task, result),
        ..result.clone()
    });
    if rating.subtasks.is_empty() {
        let results: Vec<Turnout> = known.collect();
        let seen = rated(&results, rating.right, book.sure(now));
        // The book knows what was known before; a result says what its task says.
        let results = harvest.that_count().cloned();
        return results.zip(seen).collect();
    }
    let seen = Seen::Looked(f64::from(u8::from(rating.right)));
    let named = harvest
        .that_count()
        .filter(|result| rating.subtasks.contains(&result.subtask));
    named.map(|result| (result.clone(), seen)).collect()
}
