//! Beginning a task at most once, however often its sender asks: a request has a key of its
//! sender's, and the key is claimed in the journal before the task begins.
//!
//! A crash in between leaves a claim without a task, which counts for nothing: the same request sent
//! again begins the task then.

use crate::engine::{Engine, SubmitError};
use loom_events::{Command, NewTask, TaskId};
use loom_state::{AppendError, Claim};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A task that was asked for by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Begun {
    /// The task.
    pub task: TaskId,
    /// Whether this request began it, and not an earlier one.
    pub is_new: bool,
}

/// Why a task was not begun by its key.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// The key stands for something else.
    #[error("the key was used before, for another request: it began task {0}")]
    OtherRequest(TaskId),
    /// The key could not be claimed.
    #[error("claim the key of a request")]
    Claim(#[from] AppendError),
    /// The task was not taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Engine {
    /// Begins a task unless the same request did before. `digest` says what is asked for: the same
    /// key with another one is refused.
    ///
    /// # Errors
    /// [`OnceError`].
    pub async fn submit_once(
        &self,
        key: &str,
        digest: String,
        new: NewTask,
    ) -> Result<Begun, OnceError> {
        // Two requests with one key: the second waits for what becomes of the first.
        let _turn = self.keys.turn(key).await;
        let task = TaskId::from_uuid(uuid::Uuid::now_v7());
        let claim = Claim {
            key: key.to_owned(),
            digest,
            task,
            at: self.now(),
        };
        let counts = self.claim(claim.clone()).await?;
        if counts.task == task {
            self.begin_as(task, new, Command::Create).await?;
            return Ok(Begun { task, is_new: true });
        }
        match counts.digest == claim.digest {
            true => Ok(Begun {
                task: counts.task,
                is_new: false,
            }),
            false => Err(OnceError::OtherRequest(counts.task)),
        }
    }
}

/// Whose turn it is, by some name. A name that nobody waits for takes no room.
#[derive(Debug)]
pub(crate) struct Turns<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: std::hash::Hash + Eq + Clone> Turns<K> {
    /// Waits for the turn; it is over when the guard is dropped.
    pub(crate) async fn turn<Q>(&self, name: &Q) -> tokio::sync::OwnedMutexGuard<()>
    where
        Q: ToOwned<Owned = K> + std::hash::Hash + Eq + ?Sized,
        K: std::borrow::Borrow<Q>,
    {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Held by the map alone: nobody has it and nobody waits.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(name.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}
