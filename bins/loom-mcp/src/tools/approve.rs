//! `loom_approve`: a human's consent. An agent has none to give: the human is asked through the
//! client, or somewhere else.

use super::answer::pick;
use super::{Answer, Hints, Refusal, Tool};
use crate::ask;
use crate::caller::{Asking, Caller};
use crate::extension;
use crate::progress::{Meter, SILENCE};
use crate::shown::Status;
use loom_client::wire::Task;
use loom_events::{QuestionId, Response, Scope};
use loom_view::QuestionView;
use loom_view::Wants;
use rmcp::model::{ClientResult, InputRequiredResult, ServerRequest};
use rmcp::service::PeerRequestOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) struct Approve;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The task's id, or its last digits (at least four).
    task: String,
    /// The number of the question; needed only when several wait.
    #[serde(default)]
    question: Option<u64>,
    /// How far consent reaches that is given without asking (only with `--allow-approve`): `once`
    /// (usual), or `task` for the same thing whenever it comes again.
    #[serde(default)]
    scope: Reach,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Reach {
    #[default]
    Once,
    Task,
}

/// What the human decided.
#[derive(Serialize, JsonSchema)]
pub(super) struct Output {
    /// The task's id.
    task_id: String,
    /// The question.
    question: u64,
    /// Where the task stood when it was asked.
    #[schemars(with = "Status")]
    status: &'static str,
    /// `approved`, `rejected`, or `open` when nothing was decided: then the question still waits.
    decision: &'static str,
    /// The same in a sentence.
    message: String,
}

impl Tool for Approve {
    type Args = Args;
    type Output = Output;
    const NAME: &'static str = "loom_approve";
    const TITLE: &'static str = "Ask the human to approve";
    const ABOUT: &'static str = "Puts a question of a task that wants consent before the human, where the client can ask them, and gives Loom their decision. An agent cannot approve by itself: where the client cannot ask, this is refused (unless the server was started with --allow-approve), and the human uses `loom approve` in a terminal. Declining approves nothing; the question then stays open.";
    const HINTS: Hints = Hints::Destructive {
        again: true,
        open_world: true,
    };

    async fn call(caller: &Caller, args: Args) -> Result<Answer<Output>, Refusal> {
        let task = caller.service().task(&args.task).await?;
        let consent = |view: &QuestionView| matches!(view.wants(), Wants::Consent { .. });
        let view = pick(&task, args.question, consent)?;
        if !consent(view) {
            return Err(Refusal(format!(
                "question {} wants no consent: answer it with loom_answer",
                view.id
            )));
        }
        let decided = match caller.asking() {
            Asking::Now => ask_now(caller, &task, view).await?,
            Asking::Return => match &caller.answers {
                Some(answers) => extension::decided(&task, answers)
                    .into_iter()
                    .find_map(|(question, response)| (question == view.id).then_some(response)),
                None => {
                    return Ok(Answer::Ask(InputRequiredResult::from_input_requests(
                        ask::inputs([view]),
                    )));
                }
            },
            Asking::Never if caller.shared.options.allow_approve => Some(Response::Grant {
                scope: match args.scope {
                    Reach::Once => Scope::Once,
                    Reach::Task => Scope::Task,
                },
            }),
            Asking::Never => return Err(Refusal(refusal(&task, view.id))),
        };
        if let Some(response) = &decided {
            ask::give(caller.service(), task.task_id, view.id, response.clone()).await?;
        }
        Ok(Answer::Done {
            text: sentence(decided.as_ref()).to_owned(),
            output: output(&task, view.id, decided.as_ref()),
            links: Vec::new(),
        })
    }
}

fn refusal(task: &Task, question: QuestionId) -> String {
    let id = task.task_id;
    format!(
        "nothing was approved: your client cannot ask its user, and you may not approve for them. Tell them that question {question} of task {id} waits: `loom approve {id}` in a terminal answers it, or loom_answer with `action` reject."
    )
}

fn output(task: &Task, question: QuestionId, decided: Option<&Response>) -> Output {
    Output {
        task_id: task.task_id.to_string(),
        question: question.0.0,
        status: task.view.status.name(),
        decision: match decided {
            None => "open",
            Some(Response::Grant { .. }) => "approved",
            Some(_) => "rejected",
        },
        message: sentence(decided).to_owned(),
    }
}

const fn sentence(decided: Option<&Response>) -> &'static str {
    match decided {
        None => "Nothing was decided: the question still waits.",
        Some(Response::Grant { .. }) => "Approved; the task goes on.",
        Some(_) => "Rejected; the task goes on without it.",
    }
}

/// Asks while the call goes on; none when nothing was decided.
async fn ask_now(
    caller: &Caller,
    task: &Task,
    view: &QuestionView,
) -> Result<Option<Response>, Refusal> {
    let request = ServerRequest::ElicitRequest(ask::request(view));
    let options = PeerRequestOptions::no_options();
    let sent = caller
        .peer()
        .send_cancellable_request(request, options)
        .await;
    let mut handle = sent.map_err(|error| Refusal(format!("the client could not ask: {error}")))?;
    let mut meter = Meter::new(caller.peer(), caller.progress_token());
    loop {
        meter.tell(task).await;
        tokio::select! {
            answer = &mut handle.rx => return match answer {
                Ok(Ok(ClientResult::ElicitResult(result))) => Ok(ask::decided(view, &result)),
                Ok(Ok(_)) | Err(_) => Ok(None),
                Ok(Err(error)) => Err(Refusal(format!("the client could not ask: {error}"))),
            },
            () = caller.context.ct.cancelled() => {
                if let Err(error) = handle.cancel(Some("the call was cancelled".to_owned())).await {
                    tracing::debug!(%error, "a question could not be withdrawn");
                }
                return Ok(None);
            }
            () = tokio::time::sleep(SILENCE) => {}
        }
    }
}
