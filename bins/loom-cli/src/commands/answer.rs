//! `loom answer`: words for a task that waits for some.

use super::acting::{taken, working};
use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use clap::Args;
use loom_client::wire::{AnswerRequest, FeedbackRequest};
use loom_events::{QuestionId, Response, Seq};

/// Arguments of `loom answer`.
#[derive(Debug, Args)]
#[command(after_help = "\
A question of the model is answered with the words. A step that has no attempt left is tried again
with them as guidance; --skip leaves it out, --abort ends the task.

Examples:
  loom answer 1a2b3c4d \"keep both formats\"
  loom answer 1a2b3c4d --skip
  loom answer 1a2b3c4d --question 42 \"use the second one\"")]
pub(crate) struct AnswerArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// The answer
    #[arg(required_unless_present_any = ["skip", "abort"])]
    words: Option<String>,
    /// The number of the question; needed when several wait
    #[arg(long, value_name = "SEQ")]
    question: Option<u64>,
    /// Leave the step out; what depends on it may run
    #[arg(long, conflicts_with_all = ["words", "abort"])]
    skip: bool,
    /// End the task as failed
    #[arg(long, conflicts_with = "words")]
    abort: bool,
    /// Print what was taken as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: AnswerArgs, context: &mut Context) -> Outcome {
    let (service, task) = working(&arguments.task, context).await?;
    let (client, id) = (service.client(), task.task_id);
    let question = arguments.question.map(|seq| QuestionId(Seq(seq)));
    let response = match (arguments.skip, arguments.abort) {
        (true, _) => Some(Response::Skip),
        (_, true) => Some(Response::Abort),
        (false, false) => None,
    };
    let answer = match (response, arguments.words) {
        (Some(response), _) => {
            let request = AnswerRequest { question, response };
            client.answer(id, &request).await
        }
        (None, Some(feedback)) if task.view.questions.is_empty() => {
            let text = format!("task {} asks nothing", id.short());
            let hint = format!(
                "give an instruction: loom steer {} \"{feedback}\"",
                id.short()
            );
            return Err(Fault::usage(text).exit(Exit::Usage).hint(hint));
        }
        (None, words) => {
            let request = FeedbackRequest {
                feedback: words.unwrap_or_default(),
                question,
            };
            client.feedback(id, &request).await
        }
    };
    taken(answer, arguments.json, context)
}
