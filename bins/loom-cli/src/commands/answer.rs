//! `loom answer`: words for a task that waits for some.

use super::acting::{taken, working};
use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::review::plan_of;
use clap::Args;
use loom_client::wire::{AnswerRequest, FeedbackRequest, PlanRequest};
use loom_engine::{QuestionView, TaskView};
use loom_events::{Plan, QuestionId, Response, Seq, Subject};
use std::path::{Path, PathBuf};

/// Arguments of `loom answer`.
#[derive(Debug, Args)]
#[command(after_help = "\
A question of the model is answered with the words. A step that has no attempt left is tried again \
with them as guidance; --skip leaves it out, --plan goes on with another plan, --take-over lets you do \
it by hand (--done when it is done, then its checks are run), --abort ends the task. A plan that waits \
for its review, or is being carried out, is replaced by --plan, which goes on with it at once.

Examples:
  loom answer 1a2b3c4d \"keep both formats\"
  loom answer 1a2b3c4d --skip
  loom answer 1a2b3c4d --take-over
  loom answer 1a2b3c4d --done
  loom status 1a2b3c4d --json > plan.json
  loom answer 1a2b3c4d --plan plan.json
  loom answer 1a2b3c4d --question 42 \"use the second one\"")]
pub(crate) struct AnswerArgs {
    /// The task: its id, or the last digits of it
    task: String,
    /// The answer
    #[arg(required_unless_present_any = ["skip", "abort", "take_over", "done", "plan"])]
    words: Option<String>,
    /// The number of the question; needed when several wait
    #[arg(long, value_name = "SEQ")]
    question: Option<u64>,
    /// Leave the step out; what depends on it may run
    #[arg(long, conflicts_with_all = ["words", "abort"])]
    skip: bool,
    /// Do the step yourself, in the workspace
    #[arg(long, conflicts_with_all = ["words", "abort", "skip"])]
    take_over: bool,
    /// The step that you took over is done: its checks are run
    #[arg(long, conflicts_with_all = ["words", "abort", "skip", "take_over"])]
    done: bool,
    /// Go on with the plan in this file (YAML or JSON: a list `subtasks`, as in
    /// `loom status TASK --json`; what is completed stays in it as it is)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["words", "abort", "skip", "take_over", "done"])]
    plan: Option<PathBuf>,
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
    let response = chosen(&arguments)?;
    let answer = match (response, arguments.words) {
        (Some(Response::EditPlan { plan }), _) if !answers(&task.view, question) => {
            client.edit_plan(id, &PlanRequest { plan }).await
        }
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
                subtask_id: None,
            };
            client.feedback(id, &request).await
        }
    };
    taken(answer, arguments.json, context)
}

/// Whether a plan is the answer to what is asked, as for a step that has no attempt left. Otherwise it
/// takes the place of the one that is there, which a question about that one does not survive.
fn answers(view: &TaskView, question: Option<QuestionId>) -> bool {
    let open = &view.questions;
    let of_plan = |asked: &QuestionView| matches!(asked.question.subject, Subject::Plan { .. });
    let stuck = |asked: &QuestionView| matches!(asked.question.subject, Subject::Exhausted { .. });
    match question {
        Some(id) => !open.iter().any(|asked| asked.id == id && of_plan(asked)),
        None => open.iter().any(stuck),
    }
}

/// What was chosen, if it was not words.
fn chosen(arguments: &AnswerArgs) -> Result<Option<Response>, Fault> {
    if let Some(file) = &arguments.plan {
        let plan = plan_in(file)?;
        return Ok(Some(Response::EditPlan { plan }));
    }
    let ways = [
        (arguments.skip, Response::Skip),
        (arguments.take_over, Response::TakeOver),
        (arguments.done, Response::Done),
        (arguments.abort, Response::Abort),
    ];
    Ok(ways.into_iter().find_map(|(on, way)| on.then_some(way)))
}

fn plan_in(file: &Path) -> Result<Plan, Fault> {
    let unusable = |why: String| {
        let text = format!("{} cannot be used as a plan: {why}", file.display());
        Fault::usage(text).exit(Exit::Usage)
    };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    plan_of(&text).map_err(|error| unusable(error.to_string()))
}
