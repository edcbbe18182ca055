//! What a call can recall: the outputs of its own attempt, by the ids that the model saw, and what
//! the task has noted. No output of another attempt: its model never saw those ids, and a fresh
//! context stays one.

use super::Cx;
use crate::broken::{Broken, chain};
use crate::ledger::{Entry, ResultText};
use crate::vectors::ADDED;
use loom_events::{BlobId, Fact, TaskId};
use loom_state::MemoryQuery;
use loom_tools::{Found, Past, PastError, SkillFile};

/// The tool whose calls look here.
const RECALL: &str = "recall";

/// An output that is kept.
pub(super) struct Earlier {
    id: String,
    call: String,
    content: BlobId,
}

/// The outputs that a call may ask for; none unless it is one that can ask, since a list for every
/// call would make late turns dearer than early ones.
pub(super) fn outputs(entries: &[Entry], turn: u32, call: u32) -> Vec<Earlier> {
    let asks = entries.iter().rev().find_map(|entry| match entry {
        Entry::Answered { turn: of, reply } if *of == turn => {
            let record = reply.calls.get(usize::try_from(call).ok()?)?;
            Some(record.tool == RECALL)
        }
        Entry::Answered { .. }
        | Entry::Asked { .. }
        | Entry::Result { .. }
        | Entry::Nudge { .. }
        | Entry::Trimmed { .. } => None,
    });
    match asks {
        Some(true) => kept(entries),
        Some(false) | None => Vec::new(),
    }
}

fn kept(entries: &[Entry]) -> Vec<Earlier> {
    let mut calls: &[loom_events::CallRecord] = &[];
    let mut found = Vec::new();
    for entry in entries {
        match entry {
            Entry::Answered { reply, .. } => calls = &reply.calls,
            Entry::Result {
                call,
                text: ResultText::Kept { shown, full },
            } => {
                let record = usize::try_from(*call).ok().and_then(|at| calls.get(at));
                found.extend(record.map(|record| Earlier {
                    id: record.id.clone(),
                    call: record.summary.clone(),
                    content: full.as_ref().unwrap_or(shown).clone(),
                }));
            }
            Entry::Asked { .. }
            | Entry::Result { .. }
            | Entry::Nudge { .. }
            | Entry::Trimmed { .. } => {}
        }
    }
    found
}

/// Looks in the journal.
pub(super) struct Remembered<'a> {
    pub(super) cx: &'a Cx,
    pub(super) task: TaskId,
    pub(super) outputs: &'a [Earlier],
}

#[async_trait::async_trait]
impl Past for Remembered<'_> {
    async fn output(&self, id: &str) -> Result<Found, PastError> {
        let Some(earlier) = self.outputs.iter().rev().find(|one| one.id == id) else {
            let known = self.outputs.iter().map(|one| one.id.clone()).collect();
            return Ok(Found::Nothing { known });
        };
        let text = self.cx.get_text(&earlier.content).await;
        Ok(Found::Output {
            call: earlier.call.clone(),
            text: text.map_err(|Broken(failure)| PastError::new(failure.message))?,
        })
    }

    async fn memory(&self, text: &str, limit: usize) -> Result<Vec<Fact>, PastError> {
        let query = MemoryQuery {
            task: Some(self.task),
            text: Some(text.to_owned()),
            limit,
            ..MemoryQuery::default()
        };
        let shared = &self.cx.shared;
        let rows = shared.vectors.search(shared, query, |_| ADDED).await;
        let rows = rows.map_err(|error| PastError::new(chain(&error)))?;
        Ok(rows.into_iter().map(Fact::from).collect())
    }

    async fn skill(&self, name: &str, file: Option<&str>) -> Result<SkillFile, PastError> {
        if !self.cx.shared.project.skills {
            return Ok(SkillFile::NoSkill { known: Vec::new() });
        }
        let skills = self.cx.shared.skills.clone();
        let workspace = self.cx.place.workspace.as_ref();
        let project = workspace.map(|workspace| workspace.path().to_owned());
        let (name, file) = (name.to_owned(), file.map(str::to_owned));
        let found = tokio::task::spawn_blocking(move || {
            skills.file(project.as_deref(), &name, file.as_deref())
        });
        found.await.map_err(|died| PastError::new(died.to_string()))
    }
}
