//! The tools, one file each: what a model is told, what it gives, what it gets, and what is done.

mod answer;
mod approve;
mod cancel;
mod diff;
mod events;
mod execute;
mod list;
mod revert;
mod status;
mod steer;
mod wait;

use crate::caller::Caller;
use crate::resources;
use crate::schema;
use crate::shown::{Taken, TaskShown};
use loom_client::wire::Task;
use loomd::WayError;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, CreateTaskResult, InputRequiredResult,
    JsonObject, ToolAnnotations,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::LazyLock;

/// A tool.
trait Tool {
    /// What it takes.
    type Args: DeserializeOwned + JsonSchema + Send;
    /// What it gives.
    type Output: Serialize + JsonSchema;
    const NAME: &'static str;
    const TITLE: &'static str;
    /// What a model is told.
    const ABOUT: &'static str;
    const HINTS: Hints;

    fn call(
        caller: &Caller,
        args: Self::Args,
    ) -> impl Future<Output = Result<Answer<Self::Output>, Refusal>> + Send;
}

/// What a client may know before it calls.
enum Hints {
    /// Changes nothing.
    ReadOnly,
    /// Changes something of Loom's, which can be taken back or does no harm.
    Harmless { again: bool },
    /// Changes files, or what cannot be taken back; `again` when twice is the same as once.
    Destructive { again: bool, open_world: bool },
}

/// What a tool answers.
enum Answer<T> {
    /// The result, and the same for somebody who reads.
    Done {
        output: T,
        text: String,
        links: Vec<ContentBlock>,
    },
    /// The human must be asked first.
    Ask(InputRequiredResult),
    /// A task of the extension.
    Task(CreateTaskResult),
}

/// Why a tool did not do what it was asked to; a model reads it.
struct Refusal(String);

impl From<WayError> for Refusal {
    fn from(error: WayError) -> Self {
        Self(error.sentence())
    }
}

impl Answer<TaskShown> {
    /// A task as it stands.
    fn task(task: &Task) -> Self {
        let output = TaskShown::new(task);
        let text = output.text();
        Self::Done {
            output,
            text,
            links: resources::links(task.task_id),
        }
    }
}

impl Answer<Taken> {
    /// What was taken.
    fn taken(taken: loom_client::wire::Taken) -> Self {
        let output = Taken::from(taken);
        let text = format!(
            "Task {}: {}. {}",
            output.task_id, output.status, output.message
        );
        Self::Done {
            output,
            text,
            links: Vec::new(),
        }
    }
}

impl Hints {
    fn annotations(&self, title: &str) -> ToolAnnotations {
        let hints = ToolAnnotations::with_title(title);
        match self {
            Self::ReadOnly => hints
                .read_only(true)
                .destructive(false)
                .idempotent(true)
                .open_world(false),
            Self::Harmless { again } => hints
                .read_only(false)
                .destructive(false)
                .idempotent(*again)
                .open_world(false),
            Self::Destructive { again, open_world } => hints
                .read_only(false)
                .destructive(true)
                .idempotent(*again)
                .open_world(*open_world),
        }
    }
}

macro_rules! tools {
    ($($tool:ty),* $(,)?) => {
        static TOOLS: LazyLock<Vec<rmcp::model::Tool>> = LazyLock::new(|| vec![$(describe::<$tool>()),*]);

        /// Calls one.
        pub(crate) async fn call(
            name: &str,
            caller: &Caller,
            arguments: JsonObject,
        ) -> Result<CallToolResponse, ErrorData> {
            $(
                if name == <$tool>::NAME {
                    return Box::pin(run::<$tool>(caller, arguments)).await;
                }
            )*
            Err(ErrorData::invalid_params(format!("there is no tool `{}`", loom_view::text::line(name)), None))
        }
    };
}

tools!(
    execute::Execute,
    status::Status,
    wait::Wait,
    list::List,
    steer::Steer,
    answer::Answered,
    approve::Approve,
    cancel::Cancel,
    diff::Diff,
    revert::Revert,
    events::Events,
);

/// All tools, always in the same order.
pub(crate) fn list() -> &'static [rmcp::model::Tool] {
    &TOOLS
}

fn describe<T: Tool>() -> rmcp::model::Tool {
    let tool = rmcp::model::Tool::new(T::NAME, T::ABOUT, schema::input::<T::Args>());
    tool.with_title(T::TITLE)
        .with_raw_output_schema(schema::output::<T::Output>())
        .with_annotations(T::HINTS.annotations(T::TITLE))
}

async fn run<T: Tool>(
    caller: &Caller,
    arguments: JsonObject,
) -> Result<CallToolResponse, ErrorData> {
    let args = match serde_json::from_value(serde_json::Value::Object(arguments)) {
        Ok(args) => args,
        // For the model, which can mend it.
        Err(error) => {
            let text = format!("{} cannot be called like that: {error}", T::NAME);
            return Ok(refused(text).into());
        }
    };
    match T::call(caller, args).await {
        Ok(Answer::Done {
            output,
            text,
            links,
        }) => Ok(done(&output, text, links)?.into()),
        Ok(Answer::Ask(input)) => Ok(input.into()),
        Ok(Answer::Task(task)) => Ok(task.into()),
        Err(Refusal(text)) => Ok(refused(text).into()),
    }
}

fn refused(text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

fn done(
    output: &impl Serialize,
    text: String,
    links: Vec<ContentBlock>,
) -> Result<CallToolResult, ErrorData> {
    let value = serde_json::to_value(output)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.content.extend(links);
    result.structured_content = Some(value);
    Ok(result)
}

/// A task as the result of the call that made it.
pub(crate) fn shown(task: &Task) -> Result<CallToolResult, ErrorData> {
    let shown = TaskShown::new(task);
    let text = shown.text();
    done(&shown, text, resources::links(task.task_id))
}
