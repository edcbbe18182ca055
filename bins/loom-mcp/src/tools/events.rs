//! `loom_task_events`: what happened in a task.

use super::{Answer, Hints, Refusal, Tool};
use crate::caller::Caller;
use crate::resources;
use crate::story::Told;
use loom_events::Seq;
use rmcp::model::ContentBlock;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const USUAL: usize = 50;
const MOST: usize = 200;

/// Pages of the journal that one call reads: bookkeeping may fill some.
const MAX_PAGES: usize = 20;

pub(super) struct Events;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The task's id, or its last digits (at least four).
    task: String,
    /// Only what came after this event: `next_after` of the previous call.
    #[serde(default)]
    after: Option<u64>,
    /// How many at most; 50 when left out, at most 200.
    #[serde(default)]
    limit: Option<u32>,
}

/// What happened.
#[derive(Serialize, JsonSchema)]
pub(super) struct Output {
    /// The task's id.
    task_id: String,
    /// The events that matter, oldest first.
    events: Vec<Told>,
    /// `after` of the next call.
    next_after: u64,
    /// Whether there is more already.
    more: bool,
}

impl Tool for Events {
    type Args = Args;
    type Output = Output;
    const NAME: &'static str = "loom_task_events";
    const TITLE: &'static str = "Show what happened";
    const ABOUT: &'static str = "Shows what happened in a task, oldest first, one line an event: attempts, tool calls, verdicts, questions. To find out why something failed.";
    const HINTS: Hints = Hints::ReadOnly;

    async fn call(caller: &Caller, args: Args) -> Result<Answer<Output>, Refusal> {
        let id = caller.service().id(&args.task).await?;
        let limit = args
            .limit
            .map_or(USUAL, |limit| (limit as usize).clamp(1, MOST));
        let mut after = Seq(args.after.unwrap_or_default());
        let mut events = Vec::new();
        let mut more = true;
        'pages: for _ in 0..MAX_PAGES {
            let page = caller
                .service()
                .call(|client| async move { client.events(id, after).await })
                .await?;
            for record in &page.events {
                if events.len() == limit {
                    break 'pages;
                }
                after = record.envelope.seq;
                events.extend(Told::new(&record.envelope));
            }
            more = page.next_after.is_some();
            if !more {
                break;
            }
        }
        let output = Output {
            task_id: id.to_string(),
            events,
            next_after: after.0,
            more,
        };
        Ok(Answer::Done {
            text: text(&output),
            output,
            links: vec![ContentBlock::resource_link(resources::log(id))],
        })
    }
}

fn text(output: &Output) -> String {
    let mut text: String = output
        .events
        .iter()
        .map(|told| told.line() + "\n")
        .collect();
    if output.events.is_empty() {
        "Nothing more has happened.\n".clone_into(&mut text);
    }
    if output.more {
        text += &format!("More with after {}\n", output.next_after);
    }
    text
}
