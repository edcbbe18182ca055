//! What this agent answers to each request of the protocol. A handler runs in the loop that takes
//! messages, so whatever waits for the service is a task of its own.

use crate::output::Output;
use crate::prompt::{self, Said};
use crate::session::Session;
use crate::sessions::Sessions;
use crate::turn::Turn;
use agent_client_protocol::v1::schema::{
    AgentCapabilities, CancelNotification, Implementation, InitializeRequest, InitializeResponse,
    ListSessionsRequest, ListSessionsResponse, LoadSessionRequest, LoadSessionResponse,
    NewSessionRequest, NewSessionResponse, PromptCapabilities, PromptRequest, PromptResponse,
    SessionCapabilities, SessionId, SessionListCapabilities, StopReason,
};
use agent_client_protocol::v1::{ConnectionTo, Responder};
use agent_client_protocol::{
    Agent, ByteStreams, Client, ConnectTo, Error, ErrorCode, on_receive_notification,
    on_receive_request,
};
use loom_client::ClientError;
use loom_client::wire::{AnswerRequest, CancelRequest, NewTaskRequest, SteerRequest, Task};
use loom_events::TaskId;
use loom_view::{QuestionView, TaskStatus, Wants};
use loomd::{Connect, Way, WayError};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

/// How often it is looked whether a task has stopped: what is half done is put back in seconds.
const STOPPING: usize = 100;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Why it ended other than by its client.
#[derive(Debug, thiserror::Error)]
#[error("serve the editor")]
pub struct AcpError(#[source] Error);

/// Serves the editor that started this process, until it closes its end. Standard output carries the
/// protocol and nothing else.
///
/// # Errors
/// The connection broke down.
pub async fn serve_stdio(connect: impl Connect) -> Result<(), AcpError> {
    let output = Output(tokio::io::stdout()).compat_write();
    let input = tokio::io::stdin().compat();
    serve(connect, ByteStreams::new(output, input)).await
}

/// Serves whoever is at the other end of a transport, until that end is closed. Tasks go on then.
///
/// # Errors
/// The connection broke down.
pub async fn serve(
    connect: impl Connect,
    transport: impl ConnectTo<Agent>,
) -> Result<(), AcpError> {
    let front = Front {
        way: Way::new(Arc::new(connect)),
        sessions: Sessions::default(),
    };
    let front = Arc::new(front);
    let [begins, loads, lists, prompts, cancels] = std::array::from_fn(|_| Arc::clone(&front));
    let serving = Agent
        .v1()
        .name("loom")
        .on_receive_request(
            async move |request: InitializeRequest,
                        responder: Responder<InitializeResponse>,
                        _: ConnectionTo<Client>| {
                responder.respond(initialize(&request))
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: NewSessionRequest,
                        responder: Responder<NewSessionResponse>,
                        _: ConnectionTo<Client>| {
                responder.respond_with_result(begins.begin(request))
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: LoadSessionRequest,
                        responder: Responder<LoadSessionResponse>,
                        to: ConnectionTo<Client>| {
                let front = Arc::clone(&loads);
                to.clone().spawn(async move {
                    responder.respond_with_result(front.load(request, to).await)
                })
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: ListSessionsRequest,
                        responder: Responder<ListSessionsResponse>,
                        to: ConnectionTo<Client>| {
                let front = Arc::clone(&lists);
                to.spawn(async move {
                    let list = front.sessions.list(&front.way, &request).await;
                    responder.respond_with_result(list.map_err(|error| failed(&error)))
                })
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: PromptRequest,
                        responder: Responder<PromptResponse>,
                        to: ConnectionTo<Client>| {
                let front = Arc::clone(&prompts);
                let session = match front.sessions.find(&request.session_id) {
                    Ok(session) => session,
                    Err(error) => return responder.respond_with_error(error),
                };
                // Here, where messages are in order: what is cancelled after it is cancelled.
                session.begins();
                to.clone().spawn(async move {
                    responder.respond_with_result(front.prompt(session, request, to).await)
                })
            },
            on_receive_request!(),
        )
        .on_receive_notification(
            async move |request: CancelNotification, to: ConnectionTo<Client>| {
                let front = Arc::clone(&cancels);
                let Ok(session) = front.sessions.find(&request.session_id) else {
                    return Ok(());
                };
                session.cancels();
                to.spawn(async move {
                    front.cancel(&session).await;
                    Ok(())
                })
            },
            on_receive_notification!(),
        )
        .connect_to(transport);
    serving.await.map_err(AcpError)
}

fn initialize(request: &InitializeRequest) -> InitializeResponse {
    if let Some(client) = &request.client_info {
        tracing::info!(client = %client.name, version = %client.version, "an editor is here");
    }
    let prompts = PromptCapabilities::new().embedded_context(true);
    let sessions = SessionCapabilities::new().list(SessionListCapabilities::new());
    let can = AgentCapabilities::new()
        .load_session(true)
        .prompt_capabilities(prompts)
        .session_capabilities(sessions);
    let me = Implementation::new("loom", env!("CARGO_PKG_VERSION")).title("Loom".to_owned());
    InitializeResponse::new(request.protocol_version)
        .agent_capabilities(can)
        .agent_info(me)
}

/// What all sessions share.
struct Front {
    way: Way,
    sessions: Sessions,
}

impl Front {
    fn begin(&self, request: NewSessionRequest) -> Result<NewSessionResponse, Error> {
        if !request.mcp_servers.is_empty() {
            // Which programs may run is the user's to configure, not the editor's.
            tracing::warn!(
                "the servers of tools that the editor offers are not used: `loom.toml` names those of Loom"
            );
        }
        let id = SessionId::new(uuid::Uuid::now_v7().to_string());
        self.sessions
            .add(id.clone(), directory(&request.cwd)?, None);
        Ok(NewSessionResponse::new(id))
    }

    /// Tells the tasks of a session again, from the first one on.
    async fn load(
        &self,
        request: LoadSessionRequest,
        to: ConnectionTo<Client>,
    ) -> Result<LoadSessionResponse, Error> {
        let cwd = directory(&request.cwd)?;
        let id = &request.session_id;
        let tasks = self.sessions.tasks(&self.way, id, &cwd).await;
        let tasks = tasks.map_err(|error| failed(&error))?;
        let Some(newest) = tasks.last().copied() else {
            return Err(Error::from(
                agent_client_protocol::v1::schema::Error::session_not_found(id.clone()),
            ));
        };
        let session = self
            .sessions
            .add(id.clone(), cwd, Some((newest, tasks.len())));
        for task in tasks {
            let turn = Turn::new(self.way.clone(), Arc::clone(&session), to.clone(), task);
            let told = turn.retold().await;
            let goes_on = told.map_err(|error| failed(&error))?;
            if goes_on && task == newest {
                // What happens from now on is told as well, also before anybody says something.
                drop(session.watch(&self.way, &to)?);
            }
        }
        Ok(LoadSessionResponse::new())
    }

    /// What the human said: an answer, an instruction, or a new task. Ends when the task does, or
    /// nothing goes on without the human.
    async fn prompt(
        &self,
        session: Arc<Session>,
        request: PromptRequest,
        to: ConnectionTo<Client>,
    ) -> Result<PromptResponse, Error> {
        let said = prompt::said(request.prompt, session.cwd())
            .map_err(|why| Error::new(ErrorCode::INVALID_PARAMS, why))?;
        let ended = {
            // A second prompt is heard after the first one has its task.
            let _one_at_a_time = session.hearing().await;
            let task = self.hear(&session, &said).await;
            let task = task.map_err(|error| failed(&error))?;
            if session.is_cancelled() {
                // It was cancelled before there was anything to cancel.
                self.end(task).await.map_err(|error| failed(&error))?;
            }
            session.watch(&self.way, &to)?
        };
        let stop = ended.await;
        Ok(PromptResponse::new(match session.is_cancelled() {
            true => StopReason::Cancelled,
            false => stop,
        }))
    }

    async fn hear(&self, session: &Session, said: &Said) -> Result<TaskId, WayError> {
        if let Some(task) = session.task() {
            let now = self.way.task(&task.to_string()).await?;
            if !now.view.status.is_final() {
                match self.tell(&now, said).await {
                    // It ended meanwhile, or is about to: then this is a new piece of work.
                    Err(WayError::Client(ClientError::Refused { status: 409, .. }))
                        if self.ends(task).await? => {}
                    told => return told.map(|()| task),
                }
            }
        }
        let new = NewTaskRequest {
            goal: said.goal.clone(),
            workspace: Some(session.cwd().to_string_lossy().into_owned()),
            context: said.context.clone(),
            metadata: Some(json!({ Sessions::KEY: session.id().to_string() })),
            ..NewTaskRequest::default()
        };
        // Sent again after a connection broke, it is the same task.
        let key = session.key();
        let made = self.way.call(|client| {
            let (new, key) = (new.clone(), key.clone());
            async move { client.submit(&new, Some(&key)).await }
        });
        let task = made.await?.task_id;
        session.has(task);
        Ok(task)
    }

    /// Says something to a task that has not ended.
    async fn tell(&self, now: &Task, said: &Said) -> Result<(), WayError> {
        let task = now.task_id;
        if !now.running || now.view.status == TaskStatus::Paused {
            self.way
                .call(|client| async move { client.resume(task).await })
                .await?;
        }
        let words = |question: &&QuestionView| question.wants() == Wants::Words;
        if let Some(question) = now.view.questions.iter().find(words) {
            let answer = AnswerRequest {
                question: Some(question.id),
                response: crate::ask::in_words(question, &said.whole()),
            };
            let given = self.way.call_for_human(|client| {
                let answer = answer.clone();
                async move { client.answer(task, &answer).await }
            });
            return given.await.map(drop);
        }
        let steer = SteerRequest {
            instruction: said.whole(),
        };
        let steered = self.way.call(|client| {
            let steer = steer.clone();
            async move { client.steer(task, &steer).await }
        });
        steered.await.map(drop)
    }

    /// Whether a task has ended; of one that is being stopped the end is waited for.
    async fn ends(&self, task: TaskId) -> Result<bool, WayError> {
        for _ in 0..STOPPING {
            let status = self.way.task(&task.to_string()).await?.view.status;
            if status != TaskStatus::Stopping {
                return Ok(status.is_final());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(false)
    }

    async fn cancel(&self, session: &Session) {
        let Some(task) = session.task() else { return };
        match self.end(task).await {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(%task, error = error.sentence(), "not cancelled");
                session.gives_up();
            }
        }
    }

    async fn end(&self, task: TaskId) -> Result<(), WayError> {
        let request = CancelRequest {
            reason: Some("cancelled in the editor".to_owned()),
        };
        let ended = self.way.call(|client| {
            let request = request.clone();
            async move { client.cancel(task, &request).await }
        });
        match ended.await {
            // It has ended by itself.
            Err(WayError::Client(ClientError::Refused { status: 409, .. })) => Ok(()),
            ended => ended.map(drop),
        }
    }
}

fn directory(cwd: &Path) -> Result<std::path::PathBuf, Error> {
    match cwd.is_absolute() {
        true => Ok(cwd.to_owned()),
        false => Err(Error::new(
            ErrorCode::INVALID_PARAMS,
            "the directory of a session must be a whole path",
        )),
    }
}

/// What the service says, as an error of the protocol; its sentence is for people.
fn failed(error: &WayError) -> Error {
    let code = match error {
        WayError::Client(ClientError::Refused { status, .. }) if (400..500).contains(status) => {
            ErrorCode::INVALID_PARAMS
        }
        WayError::NotATask(_) => ErrorCode::INVALID_PARAMS,
        WayError::Connect(_) | WayError::Client(_) => ErrorCode::INTERNAL_ERROR,
    };
    Error::new(code, error.sentence())
}
