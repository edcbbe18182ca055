//! `loom_list_tasks`: the tasks there are.

use super::{Answer, Hints, Refusal, Tool};
use crate::caller::Caller;
use crate::shown::{Status, TaskRow};
use loom_client::TaskQuery;
use loom_view::TaskStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const USUAL: u32 = 20;
const MOST: u32 = 100;

pub(super) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// Only tasks with this status.
    #[serde(default)]
    #[schemars(with = "Option<Status>")]
    status: Option<TaskStatus>,
    /// Only tasks of this directory.
    #[serde(default)]
    workspace: Option<String>,
    /// How many at most; 20 when left out, at most 100.
    #[serde(default)]
    limit: Option<u32>,
    /// Where the previous page ended: its `next_cursor`.
    #[serde(default)]
    cursor: Option<String>,
}

/// Tasks, newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Output {
    /// The tasks, newest first.
    tasks: Vec<TaskRow>,
    /// `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl Tool for List {
    type Args = Args;
    type Output = Output;
    const NAME: &'static str = "loom_list_tasks";
    const TITLE: &'static str = "List tasks";
    const ABOUT: &'static str = "Lists Loom's tasks, newest first, with their ids: to find one again after a restart or a lost call.";
    const HINTS: Hints = Hints::ReadOnly;

    async fn call(caller: &Caller, args: Args) -> Result<Answer<Output>, Refusal> {
        let query = TaskQuery {
            status: args.status,
            workspace: args.workspace,
            limit: Some(args.limit.unwrap_or(USUAL).clamp(1, MOST)),
            cursor: args.cursor,
        };
        let listed = caller.service().call(|client| {
            let query = query.clone();
            async move { client.tasks(&query).await }
        });
        let page = listed.await?;
        let output = Output {
            tasks: page.tasks.iter().map(TaskRow::from).collect(),
            next_cursor: page.next_cursor,
        };
        Ok(Answer::Done {
            text: text(&output),
            output,
            links: Vec::new(),
        })
    }
}

fn text(output: &Output) -> String {
    if output.tasks.is_empty() {
        return "There is no such task.".to_owned();
    }
    let mut text = String::new();
    for task in &output.tasks {
        let (id, status, goal) = (&task.task_id, task.status, &task.goal);
        let (done, total) = (task.steps_done, task.steps_total);
        text += &format!("- {id} [{status}, {done} of {total} steps] {goal}\n");
    }
    if let Some(next) = &output.next_cursor {
        text += &format!("More with cursor {next}\n");
    }
    text
}
