//! What a caller is told when something is not done: the only place where an error of the engine
//! becomes a status, a stable code and a sentence. What is nobody's business goes to the log.

use crate::shown::Shown;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use loom_client::wire::Problem;
use loom_engine::{
    AgainError, CommandError, CommandRefused, ImportError, QueryError, RateError, ResumeError,
    SubmitError,
};
use loom_events::TaskId;
use std::error::Error;

/// The media type of errors (RFC 9457).
pub(crate) const PROBLEM: &str = "application/problem+json";

/// A request that is not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    /// For programs; never changes.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) detail: String,
    task: Option<TaskId>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Fault {
    pub(crate) const fn new(status: StatusCode, code: &'static str, detail: String) -> Self {
        Self {
            status,
            code,
            detail,
            task: None,
            header: None,
        }
    }

    /// 400: the request itself is wrong.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail.into())
    }

    /// 401: no token, or nobody's.
    pub(crate) fn unauthorized() -> Self {
        let detail =
            "this needs the header `Authorization: Bearer TOKEN`; `loom token` prints the token";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail.to_owned())
            .with(header::WWW_AUTHENTICATE, "Bearer realm=\"loom\"")
    }

    /// 403: not from there, or not with this token.
    pub(crate) const fn forbidden(code: &'static str, detail: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail.into())
    }

    /// 405, with what would be allowed.
    pub(crate) fn not_allowed(allowed: &str) -> Self {
        let detail = format!("this path takes {allowed}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail).with(header::ALLOW, allowed)
    }

    /// 409: not in this state.
    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail.into())
    }

    /// 413.
    pub(crate) fn too_large(limit: usize) -> Self {
        let detail = format!(
            "a body of at most {limit} bytes is taken: put long material into a file of the workspace"
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body", detail)
    }

    /// 415.
    pub(crate) fn media_type(wanted: &str) -> Self {
        let detail = format!("the body must be `Content-Type: {wanted}`");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", detail)
    }

    /// 422: readable, and it makes no sense.
    pub(crate) fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail.into())
    }

    /// 429: not now.
    pub(crate) fn too_many(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail.into()).with(header::RETRY_AFTER, "5")
    }

    /// 431.
    pub(crate) const fn large_head(detail: String) -> Self {
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head", detail)
    }

    /// 503: the service is starting or stopping.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            detail.into(),
        )
        .with(header::RETRY_AFTER, "1")
    }

    /// 500: what broke is in the log, and not in the answer.
    pub(crate) fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "a request failed");
        let detail = "something in Loom broke; its log says what";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            detail.to_owned(),
        )
    }

    /// The task that it is about.
    pub(crate) const fn of(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// The same without secrets: it may quote what was sent.
    pub(crate) fn shown(mut self, shown: &Shown) -> Self {
        self.detail = shown.sentence(self.detail);
        self
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).ok();
        self.header = value.map(|value| Box::new((name, value)));
        self
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let problem = Problem {
            error: self.code.to_owned(),
            detail: Some(self.detail),
            task_id: self.task,
        };
        // A problem is made of text: it always has a form.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        headers.extend(self.header.map(|header| *header));
        response
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        let said = chain(&error);
        match error {
            QueryError::NoSuchTask(_) => Self::new(StatusCode::NOT_FOUND, "no_such_task", said),
            QueryError::Ambiguous { .. } => Self::conflict("ambiguous", said),
            QueryError::NotChanged(_) => Self::new(StatusCode::NOT_FOUND, "not_changed", said),
            QueryError::NoWorkspace(task) => Self::conflict("no_workspace", said).of(task),
            QueryError::Workspace(_) => Self::conflict("workspace", said),
            QueryError::Collected { task, .. } => Self::conflict("collected", said).of(task),
            QueryError::Imported(task) => Self::conflict("imported", said).of(task),
            QueryError::StillRunning(task) => Self::conflict("unfinished", said).of(task),
            QueryError::Files(_) => Self::conflict("files", said),
            _ => Self::internal(&error),
        }
    }
}

impl From<RateError> for Fault {
    fn from(error: RateError) -> Self {
        let said = chain(&error);
        match error {
            RateError::Query(error) => error.into(),
            RateError::NotCompleted(task) => Self::conflict("state", said).of(task),
            RateError::NoResult { .. } => Self::conflict("no_such_subtask", said),
            RateError::NotLearning(task) => Self::conflict("not_learning", said).of(task),
            RateError::Append(_) => Self::internal(&error),
        }
    }
}

impl From<SubmitError> for Fault {
    fn from(error: SubmitError) -> Self {
        let said = chain(&error);
        match error {
            SubmitError::EmptyGoal | SubmitError::LongGoal(_) => Self::invalid("goal", said),
            SubmitError::Callback(_) => Self::invalid("callback_url", said),
            SubmitError::Workspace(_) => Self::invalid("workspace", said),
            SubmitError::NoModel(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_model", said),
            SubmitError::Rejected(_) => Self::invalid("rejected", said),
            SubmitError::Place(_) | SubmitError::Runner(_) => Self::internal(&error),
        }
    }
}

impl From<CommandError> for Fault {
    fn from(error: CommandError) -> Self {
        let said = chain(&error);
        match error {
            CommandError::NoSuchTask(task) => {
                Self::new(StatusCode::NOT_FOUND, "no_such_task", said).of(task)
            }
            CommandError::Ended { task, .. } => Self::conflict("ended", said).of(task),
            CommandError::Refused(refused) => refused.into(),
            CommandError::Resume(error) => error.into(),
            CommandError::Query(error) => error.into(),
        }
    }
}

impl From<CommandRefused> for Fault {
    fn from(error: CommandRefused) -> Self {
        use loom_engine::Rejection;
        let said = chain(&error);
        match error {
            CommandRefused::Rejected(rejection) => match rejection {
                Rejection::NoQuestion { .. } => Self::conflict("not_waiting", said),
                Rejection::NoSubtask { .. } => Self::conflict("no_such_subtask", said),
                // Which answers a question takes is not in the request.
                Rejection::WrongAnswer { .. } => Self::conflict("rejected", said),
                Rejection::Instruction { .. }
                | Rejection::Goal { .. }
                | Rejection::Check { .. }
                | Rejection::Plan { .. } => Self::invalid("rejected", said),
                _ => Self::conflict("state", said),
            },
            CommandRefused::Journal => Self::unavailable(said),
        }
    }
}

impl From<ResumeError> for Fault {
    fn from(error: ResumeError) -> Self {
        let said = chain(&error);
        match error {
            ResumeError::Workspace { task, .. } => Self::conflict("workspace", said).of(task),
            ResumeError::Containers { task, .. } => Self::conflict("containers", said).of(task),
            ResumeError::Query(error) => error.into(),
            _ => Self::internal(&error),
        }
    }
}

impl From<ImportError> for Fault {
    fn from(error: ImportError) -> Self {
        let said = chain(&error);
        match error {
            ImportError::NoExport | ImportError::Damaged(_) => Self::invalid("export", said),
            ImportError::Newer { .. } | ImportError::Event { .. } => Self::invalid("newer", said),
            ImportError::Exists(task) => Self::conflict("exists", said).of(task),
            _ => Self::internal(&error),
        }
    }
}

impl From<AgainError> for Fault {
    fn from(error: AgainError) -> Self {
        let said = chain(&error);
        match error {
            AgainError::Unfinished(task) => Self::conflict("unfinished", said).of(task),
            // The task is there: what a body names in it is a matter of its state.
            AgainError::NoEvent { task, .. } => Self::conflict("no_such_event", said).of(task),
            AgainError::NoSubtask { task, .. } => Self::conflict("no_such_subtask", said).of(task),
            AgainError::NothingLeft(task) => Self::conflict("nothing_left", said).of(task),
            AgainError::Conflicts(_) => Self::conflict("conflicts", said),
            AgainError::Impossible { .. } => Self::internal(&error),
            AgainError::Query(error) => error.into(),
            AgainError::Submit(error) => error.into(),
        }
    }
}

/// An error and its causes in one line; a cause that its effect has quoted is not said twice.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}
