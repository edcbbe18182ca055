//! Questions about tasks, answered from the journal alone: with an engine or without one, also
//! while another process runs the task.

use crate::broken::chain;
use crate::engine::OpenError;
use crate::ledger::Ledger;
use crate::{TaskStatus, TaskView};
use loom_events::{
    BlobId, Event, FileChange, Message, Record, Seq, SubtaskId, TaskId, Time, ToolSpec,
};
use loom_state::{
    Delivery, Journal, MemoryQuery, MemoryRow, ModelFacts, RevertRecord, RowStatus, SqliteJournal,
    TaskFilter, TaskRow,
};
use loom_workspace::{Bounds, FileDiff, Store, Workspace};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Records read at a time.
const PAGE: usize = 1_000;

/// Digits that name a task among others; fewer would be a guess.
const MIN_DIGITS: usize = 4;

/// Reads tasks.
pub struct Reader {
    journal: Arc<dyn Journal>,
    store: Arc<Store>,
    bounds: Bounds,
}

/// A question that could not be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Nothing of that name.
    #[error("no task `{0}`: `loom list` shows what there is")]
    NoSuchTask(String),
    /// More than one.
    #[error("`{text}` could be {candidates}: give more of its digits")]
    Ambiguous {
        /// As given.
        text: String,
        /// What it could be.
        candidates: String,
    },
    /// The task works without files.
    #[error("task {0} has no workspace")]
    NoWorkspace(TaskId),
    /// The workspace is gone.
    #[error(transparent)]
    Workspace(#[from] loom_workspace::OpenError),
    /// A file of it cannot be read.
    #[error(transparent)]
    Files(#[from] loom_workspace::FsError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] loom_state::ReadError),
    /// A payload cannot be read.
    #[error(transparent)]
    Blob(#[from] loom_state::BlobError),
    /// A payload that the journal names cannot be used.
    #[error("{0}")]
    Payload(String),
    /// Something was never changed by the task.
    #[error("the task did not change `{0}`")]
    NotChanged(String),
    /// A revert could not be recorded.
    #[error(transparent)]
    Append(#[from] loom_state::AppendError),
    /// What is needed to undo it is gone.
    #[error(
        "what is needed to undo task {task} was removed on {} (see `state.keep_snapshots` and `state.max_snapshots`)",
        day(*.at)
    )]
    Collected {
        /// The task.
        task: TaskId,
        /// When it was removed.
        at: Time,
    },
    /// It is history of another data directory.
    #[error("task {0} was imported: it can be looked at, and nothing is done with it here")]
    Imported(TaskId),
    /// The task still runs.
    #[error("task {0} is not finished: cancel it or let it end first")]
    StillRunning(TaskId),
}

/// What a replay found.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct ReplayReport {
    /// The task.
    pub task: TaskId,
    /// Events folded.
    pub events: u64,
    /// Where the stored views differ from the fold, one line each; empty when they agree.
    pub differences: Vec<String>,
}

impl Reader {
    /// Opens a data directory for reading; other processes are not disturbed.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(data_dir: &Path, home: Option<PathBuf>) -> Result<Self, OpenError> {
        let journal = SqliteJournal::open_read_only(data_dir)?;
        let store = Store::open_shared(&data_dir.join("objects"))?;
        let bounds = Bounds {
            data_dir: data_dir.to_owned(),
            home,
            roots: Vec::new(),
        };
        Ok(Self::over(Arc::new(journal), Arc::new(store), bounds))
    }

    pub(crate) const fn over(journal: Arc<dyn Journal>, store: Arc<Store>, bounds: Bounds) -> Self {
        Self {
            journal,
            store,
            bounds,
        }
    }

    /// The task that a text names: its id, or at least four of its last digits.
    ///
    /// # Errors
    /// None or several fit.
    pub async fn find(&self, text: &str) -> Result<TaskId, QueryError> {
        if text.len() < MIN_DIGITS {
            return Err(QueryError::NoSuchTask(text.to_owned()));
        }
        let found = self.journal.find_task(text).await?;
        match found.as_slice() {
            [] => Err(QueryError::NoSuchTask(text.to_owned())),
            [one] => Ok(*one),
            many => Err(QueryError::Ambiguous {
                text: text.to_owned(),
                candidates: many
                    .iter()
                    .map(TaskId::short)
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// What earlier probes have found out about models.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn model_facts(&self) -> Result<Vec<ModelFacts>, QueryError> {
        Ok(self.journal.model_facts().await?)
    }

    /// The list, newest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn tasks(&self, limit: usize) -> Result<Vec<TaskRow>, QueryError> {
        let filter = TaskFilter {
            limit,
            ..TaskFilter::default()
        };
        Ok(self.journal.tasks(filter).await?)
    }

    /// A page of the list, newest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn list(&self, filter: TaskFilter) -> Result<Vec<TaskRow>, QueryError> {
        Ok(self.journal.tasks(filter).await?)
    }

    /// A page of the journal of a task.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn page(
        &self,
        task: TaskId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, QueryError> {
        Ok(self.journal.read(task, after, limit).await?)
    }

    /// Memory entries, the best match first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn search_memory(&self, query: MemoryQuery) -> Result<Vec<MemoryRow>, QueryError> {
        Ok(self.journal.search_memory(query).await?)
    }

    /// The messages and tools that an attempt began with; none when they are not kept or another build
    /// wrote them.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn prompt(
        &self,
        id: &BlobId,
    ) -> Result<Option<(Vec<Message>, Vec<ToolSpec>)>, QueryError> {
        #[derive(serde::Deserialize)]
        struct Prompt {
            messages: Vec<Message>,
            #[serde(default)]
            tools: Vec<ToolSpec>,
        }
        let bytes = self.blob(id).await?;
        let prompt = bytes.and_then(|bytes| serde_json::from_slice::<Prompt>(&bytes).ok());
        Ok(prompt.map(|prompt| (prompt.messages, prompt.tools)))
    }

    /// The row of one task.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn row(&self, task: TaskId) -> Result<Option<TaskRow>, QueryError> {
        Ok(self.journal.task(task).await?)
    }

    /// Tasks without an end, oldest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn unfinished(&self) -> Result<Vec<TaskId>, QueryError> {
        Ok(self.journal.unfinished().await?)
    }

    /// Everything that happened in a task.
    ///
    /// # Errors
    /// There is no such task, or its journal cannot be read.
    pub async fn records(&self, task: TaskId) -> Result<Vec<Record>, QueryError> {
        let mut records: Vec<Record> = Vec::new();
        loop {
            let after = records.last().map_or(Seq::ZERO, |r| r.envelope.seq);
            let page = self.journal.read(task, after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            records.extend(page);
        }
        match records.is_empty() {
            true => Err(QueryError::NoSuchTask(task.to_string())),
            false => Ok(records),
        }
    }

    /// A task as it stands.
    ///
    /// # Errors
    /// There is no such task, or its journal cannot be read.
    pub async fn task(&self, task: TaskId) -> Result<TaskView, QueryError> {
        let records = self.records(task).await?;
        Ok(TaskView::fold(task, records.iter().map(|r| &r.envelope)))
    }

    /// A stored payload: a prompt, an answer, an output.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn blob(&self, id: &BlobId) -> Result<Option<Vec<u8>>, QueryError> {
        Ok(self.journal.blob(id).await?)
    }

    /// What a task changed, on balance, against what is on disk now.
    ///
    /// # Errors
    /// The workspace is gone, or the path was never changed.
    pub async fn diff(
        &self,
        task: TaskId,
        path: Option<&str>,
    ) -> Result<Vec<FileDiff>, QueryError> {
        let records = self.records(task).await?;
        let mut changes = changes(&records, None);
        for revert in self.journal.reverts(task).await? {
            changes.extend(revert.changes);
        }
        if let Some(path) = path {
            let touches = |c: &FileChange| c.path == path || c.new_path.as_deref() == Some(path);
            if !changes.iter().any(touches) {
                return Err(QueryError::NotChanged(path.to_owned()));
            }
        }
        self.must_be_kept(task).await?;
        let workspace = self.workspace(task, &records)?;
        let mut diffs = blocking(move || workspace.diff(&changes)).await?;
        if let Some(path) = path {
            diffs.retain(|d| d.path == path || d.old_path.as_deref() == Some(path));
        }
        Ok(diffs)
    }

    /// What one change of the changelog did to its file; none when there is no such change, or git
    /// would see no difference.
    ///
    /// # Errors
    /// What is needed for it is gone.
    pub async fn change_diff(
        &self,
        task: TaskId,
        seq: Seq,
    ) -> Result<Option<FileDiff>, QueryError> {
        let records = self.records(task).await?;
        let changes = changes_where(&records, |record| record.envelope.seq == seq);
        if changes.is_empty() {
            return Ok(None);
        }
        self.must_be_kept(task).await?;
        let workspace = self.workspace(task, &records)?;
        let diffs = blocking(move || workspace.diff_recorded(&changes)).await?;
        Ok(diffs.into_iter().next())
    }

    /// Folds the journal of a task again and compares with what is stored.
    ///
    /// # Errors
    /// There is no such task, or its journal cannot be read.
    pub async fn replay_check(&self, task: TaskId) -> Result<ReplayReport, QueryError> {
        let records = self.records(task).await?;
        let mut ledger = Ledger::new(task);
        let mut differences = Vec::new();
        if let Err(bug) = ledger.replay(&records) {
            differences.push(format!("the journal cannot have happened: {}", chain(&bug)));
        }
        let folded = task_status(loom_kernel::status(&ledger.state));
        if folded != ledger.view.status {
            differences.push(format!(
                "status: the kernel says {}, the view says {}",
                folded.name(),
                ledger.view.status.name()
            ));
        }
        let mismatches = loom_state::check_projections(self.journal.as_ref(), task).await?;
        differences.extend(mismatches.iter().map(ToString::to_string));
        Ok(ReplayReport {
            task,
            events: u64::try_from(records.len()).unwrap_or(u64::MAX),
            differences,
        })
    }

    pub(crate) fn workspace(
        &self,
        task: TaskId,
        records: &[Record],
    ) -> Result<Workspace, QueryError> {
        let dir = records.iter().find_map(|r| match &r.envelope.event {
            Event::TaskCreated(new) => new.workspace.clone(),
            _ => None,
        });
        let dir = dir.ok_or(QueryError::NoWorkspace(task))?;
        let store = Arc::clone(&self.store);
        Ok(Workspace::open(Path::new(&dir), &self.bounds, store)?)
    }

    /// Refuses a task whose snapshots were collected.
    pub(crate) async fn must_be_kept(&self, task: TaskId) -> Result<(), QueryError> {
        self.must_be_ours(task).await?;
        match self.collected(task).await? {
            Some(at) => Err(QueryError::Collected { task, at }),
            None => Ok(()),
        }
    }

    /// Refuses a task that was imported.
    pub(crate) async fn must_be_ours(&self, task: TaskId) -> Result<(), QueryError> {
        match self.imported(task).await? {
            Some(_) => Err(QueryError::Imported(task)),
            None => Ok(()),
        }
    }

    /// When a task was imported, if it was: then it is history, and nothing goes on with it.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn imported(&self, task: TaskId) -> Result<Option<Time>, QueryError> {
        Ok(self.journal.imported(task).await?)
    }

    /// The messages that report events of a task, and what became of each.
    ///
    /// # Errors
    /// [`QueryError::Journal`] when the journal cannot be read.
    pub async fn deliveries(&self, task: TaskId) -> Result<Vec<Delivery>, QueryError> {
        Ok(self.journal.deliveries(task).await?)
    }

    /// What was taken back of a task, oldest first.
    ///
    /// # Errors
    /// [`QueryError::Journal`] when the journal cannot be read.
    pub async fn reverts(&self, task: TaskId) -> Result<Vec<RevertRecord>, QueryError> {
        Ok(self.journal.reverts(task).await?)
    }

    /// When the snapshots of a task were collected, if they were: then it cannot be undone any more.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn collected(&self, task: TaskId) -> Result<Option<Time>, QueryError> {
        Ok(self.journal.collected(task).await?)
    }

    pub(crate) async fn has_ended(&self, task: TaskId) -> Result<bool, QueryError> {
        let row = self.row(task).await?;
        Ok(row.is_some_and(|row| {
            matches!(
                row.status,
                RowStatus::Completed | RowStatus::Failed | RowStatus::Cancelled
            )
        }))
    }
}

/// The day of a time, as `2026-11-28`.
fn day(at: Time) -> String {
    let text = at.to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// The changes in a journal, of one subtask or all, oldest first.
pub(crate) fn changes(records: &[Record], only: Option<&SubtaskId>) -> Vec<FileChange> {
    changes_where(records, |r| {
        only.is_none() || r.envelope.subtask_id.as_ref() == only
    })
}

/// The changes in some records of a journal, oldest first.
pub(crate) fn changes_where(
    records: &[Record],
    which: impl Fn(&Record) -> bool,
) -> Vec<FileChange> {
    let change = |r: &Record| match &r.envelope.event {
        Event::FileChanged { change, .. } => Some(change.clone()),
        _ => None,
    };
    records
        .iter()
        .filter(|r| which(r))
        .filter_map(change)
        .collect()
}

/// Runs file work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, loom_workspace::FsError> + Send + 'static,
) -> Result<T, QueryError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|died| {
        Err(loom_workspace::FsError::Io {
            path: ".".to_owned(),
            source: std::io::Error::other(died),
        })
    });
    Ok(done?)
}

/// The view's word for the kernel's status: the two must always agree.
const fn task_status(status: loom_kernel::TaskStatus) -> TaskStatus {
    use loom_kernel::TaskStatus as Kernel;
    match status {
        Kernel::Pending => TaskStatus::Pending,
        Kernel::Queued => TaskStatus::Queued,
        Kernel::Planning => TaskStatus::Planning,
        Kernel::Executing => TaskStatus::Executing,
        Kernel::WaitingApproval => TaskStatus::WaitingApproval,
        Kernel::Paused => TaskStatus::Paused,
        Kernel::Stopping => TaskStatus::Stopping,
        Kernel::Completed => TaskStatus::Completed,
        Kernel::Failed => TaskStatus::Failed,
        Kernel::Cancelled => TaskStatus::Cancelled,
    }
}
