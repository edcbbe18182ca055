//! Which sessions there are, and which tasks belong to one. A task names its session in its metadata;
//! and each task is a session by itself, under its own id, so that an editor can open what was begun
//! anywhere.

use crate::session::Session;
use agent_client_protocol::Error;
use agent_client_protocol::v1::schema::{
    Error as SchemaError, ListSessionsRequest, ListSessionsResponse, SessionId, SessionInfo,
};
use loom_client::wire::TaskPage;
use loom_client::{ClientError, TaskQuery};
use loom_events::{Event, Seq, TaskId};
use loom_view::text::line;
use loomd::{Way, WayError};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tasks of a directory that are looked through for those of a session; older ones are found by
/// their own id.
const LOOKED_THROUGH: usize = 200;

/// Sessions of a page.
const PAGE: u32 = 50;

/// The sessions of one connection.
#[derive(Default)]
pub(crate) struct Sessions {
    known: Mutex<HashMap<SessionId, Arc<Session>>>,
}

impl Sessions {
    /// Where a task names its session.
    pub(crate) const KEY: &str = "acp_session";

    pub(crate) fn add(
        &self,
        id: SessionId,
        cwd: PathBuf,
        tasks: Option<(TaskId, usize)>,
    ) -> Arc<Session> {
        let session = Arc::new(Session::new(id.clone(), cwd, tasks));
        self.known().insert(id, Arc::clone(&session));
        session
    }

    pub(crate) fn find(&self, id: &SessionId) -> Result<Arc<Session>, Error> {
        let known = self.known().get(id).cloned();
        known.ok_or_else(|| Error::from(SchemaError::session_not_found(id.clone())))
    }

    /// The tasks of a session that is not known here, oldest first.
    pub(crate) async fn tasks(
        &self,
        way: &Way,
        id: &SessionId,
        cwd: &Path,
    ) -> Result<Vec<TaskId>, WayError> {
        let text = id.to_string();
        if let Ok(task) = text.parse::<TaskId>() {
            match way.task(&text).await {
                Ok(_) => return Ok(vec![task]),
                Err(WayError::Client(ClientError::Refused { status: 404, .. })) => {}
                Err(error) => return Err(error),
            }
        }
        let mut found = Vec::new();
        let mut cursor = None;
        let mut looked = 0;
        loop {
            let page = page(way, Some(cwd), cursor).await?;
            for row in &page.tasks {
                looked += 1;
                if session_of(way, row.task_id).await?.as_deref() == Some(text.as_str()) {
                    found.push(row.task_id);
                }
            }
            cursor = page.next_cursor;
            if cursor.is_none() || looked >= LOOKED_THROUGH {
                break;
            }
        }
        found.reverse();
        Ok(found)
    }

    /// A page of the tasks, as sessions.
    pub(crate) async fn list(
        &self,
        way: &Way,
        request: &ListSessionsRequest,
    ) -> Result<ListSessionsResponse, WayError> {
        let page = page(way, request.cwd.as_deref(), request.cursor.clone()).await?;
        let session = |row: &loom_client::wire::TaskSummary| {
            let cwd = row.workspace.as_ref()?;
            let info = SessionInfo::new(row.task_id.to_string(), cwd);
            Some(
                info.title(line(&row.goal))
                    .updated_at(row.updated.to_string()),
            )
        };
        let sessions = page.tasks.iter().filter_map(session).collect();
        Ok(ListSessionsResponse::new(sessions).next_cursor(page.next_cursor))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn page(way: &Way, cwd: Option<&Path>, cursor: Option<String>) -> Result<TaskPage, WayError> {
    let query = TaskQuery {
        workspace: cwd.map(|cwd| cwd.to_string_lossy().into_owned()),
        limit: Some(PAGE),
        cursor,
        ..TaskQuery::default()
    };
    way.call(|client| {
        let query = query.clone();
        async move { client.tasks(&query).await }
    })
    .await
}

/// The session that a task names; the first event says it.
async fn session_of(way: &Way, task: TaskId) -> Result<Option<String>, WayError> {
    let first = way
        .call(|client| async move { client.events_page(task, Seq::ZERO, Some(1)).await })
        .await?;
    let created = first.events.first().map(|record| &record.envelope.event);
    let Some(Event::TaskCreated(new)) = created else {
        return Ok(None);
    };
    let named = new
        .metadata
        .as_ref()
        .and_then(|meta| meta.get(Sessions::KEY));
    Ok(named.and_then(|name| name.as_str()).map(str::to_owned))
}
