//! The words of the HTTP API: bodies of requests and answers, nothing else. What is journaled keeps
//! the words of `loom-events`, what is shown those of `loom-view`; only what exists nowhere else is
//! here. Decoding is tolerant in answers, so that an older client reads a newer service, and strict
//! in requests, so that a mistyped field is named.
//!
//! # Streams
//!
//! `GET /tasks/{id}/stream` and `GET /events/stream` are server-sent events. A record has its type as
//! `event:`, itself as `data:`, and as `id:` its seq (of a task) or its id (of all). `Last-Event-ID`,
//! or `?after=`, goes on after it. A task's stream ends after the terminal event; one that is opened
//! after that is answered with 204, which tells every client not to come again. The stream of all
//! tasks begins with [`STREAM_OPEN`], so that a client knows where it is before anything happens.

mod control;
mod info;
mod learning;
mod problem;
mod task;
mod trace;

pub use control::{
    AnswerRequest, ApproveRequest, CancelRequest, FeedbackRequest, ForkRequest, MessageRequest,
    PlanRequest, RateRequest, RejectRequest, RetryRequest, RevertOptions, Said, Speaker,
    SteerRequest, Taken,
};
pub use info::{
    ConfigShown, ConfigValue, Health, MemoryItem, MemoryPage, ModelInfo, ModelList, Ready,
    ToolInfo, ToolList,
};
pub use learning::{
    Forgotten, LearnedAdjustment, LearnedPlan, LearnedPreference, LearnedRecord, LearningExport,
    LearningShown, LessonShown,
};
pub use problem::Problem;
pub use task::{
    Approval, Changes, DiffList, EventPage, FileList, NewTaskRequest, Progress, Rated, Reverted,
    SubtaskList, Task, TaskCreated, TaskImported, TaskPage, TaskSummary,
};
pub use trace::{AttemptTrace, CallTrace, PromptTrace, SubtaskTrace, TurnTrace};

/// The header by which a repeated `POST /tasks` is known to be the same one.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The header in which each answer names its request.
pub const REQUEST_ID: &str = "x-request-id";

/// The header of a page of tasks with the `cursor` of the next one; missing when there is none.
pub const NEXT_CURSOR: &str = "x-next-cursor";

/// The header with which a stream goes on where it was cut.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// The name of a live signal in a stream; it has no id, since it is no record.
pub const MODEL_DELTA: &str = "model_delta";

/// The name of a piece of text in `GET /tasks/{id}/tokens`.
pub const TOKEN: &str = "token";

/// The name of the first word of the stream of all tasks: its id is that of the last record which is
/// not in it.
pub const STREAM_OPEN: &str = "stream_open";

/// The name of a stream's last word when it ends before the task: the reader was too slow, or the
/// service stops. Its data is a [`Problem`]; the stream is resumed with the last id.
pub const STREAM_CUT: &str = "stream_cut";
