//! Questions of Loom as forms for the human behind the client, and what a filled-in form means.
//! Only a clear yes is a yes: whatever is declined, left alone or not understood leaves the question
//! open and grants nothing.

use loom_client::wire::AnswerRequest;
use loom_events::{QuestionId, Response, Risk, Scope, TaskId};
use loom_view::QuestionView;
use loom_view::Wants;
use loom_view::text::{clean, clip};
use loomd::{Way, WayError};
use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema,
    EnumSchema, InputRequest, PrimitiveSchemaDefinition, StringSchema,
};
use std::collections::BTreeMap;

/// Characters of an action that fit a dialog; the rest is named by its size. A grant covers exactly
/// the bytes that Loom holds.
const MAX_ACTION: usize = 3_000;

/// What is preselected: nothing is decided.
const LATER: &str = "decide_later";
const APPROVE: &str = "approve";
const APPROVE_TASK: &str = "approve_for_this_task";
const REJECT: &str = "reject";
const RETRY: &str = "retry";
const SKIP: &str = "skip_the_step";
const ABORT: &str = "abort_the_task";
const TAKE_OVER: &str = "do_it_by_hand";
const DONE: &str = "it_is_done";
const GIVE_BACK: &str = "give_it_back";

/// The name of a question among the inputs of a call.
pub(crate) fn key(question: QuestionId) -> String {
    format!("question-{question}")
}

/// The question that a name means.
pub(crate) fn of_key(key: &str) -> Option<QuestionId> {
    let seq = key.strip_prefix("question-")?.parse().ok()?;
    Some(QuestionId(loom_events::Seq(seq)))
}

/// A question as a request of the protocol.
pub(crate) fn request(view: &QuestionView) -> ElicitRequest {
    ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message(view),
        requested_schema: form(view),
    })
}

/// Several, for a call that is answered with them.
pub(crate) fn inputs<'a>(
    questions: impl IntoIterator<Item = &'a QuestionView>,
) -> BTreeMap<String, InputRequest> {
    let input = |view: &QuestionView| (key(view.id), InputRequest::Elicitation(request(view)));
    questions.into_iter().map(input).collect()
}

fn message(view: &QuestionView) -> String {
    let question = &view.question;
    let mut text = format!("Loom asks: {}\n", clip(&question.reason, 500));
    if !matches!(view.wants(), Wants::Words) {
        text += match question.risk {
            Risk::Low => "Low risk: it can be undone.\n",
            Risk::Medium => "Medium risk: it takes effort to undo.\n",
            Risk::High => "High risk: it cannot be undone, or leaves the workspace.\n",
        };
    }
    text += &format!("\n{}\n", clip(&question.action, MAX_ACTION));
    for (at, choice) in question.choices.iter().enumerate() {
        text += &format!("{}. {}\n", at + 1, clip(choice, 200));
    }
    text
}

fn form(view: &QuestionView) -> ElicitationSchema {
    let words = |title: &'static str, about: &'static str| {
        PrimitiveSchemaDefinition::String(StringSchema::new().title(title).description(about))
    };
    let decision = |title: &str, options: &[(&str, &str)]| {
        PrimitiveSchemaDefinition::Enum(choice(title, options))
    };
    let mut fields = BTreeMap::new();
    let required = match view.wants() {
        Wants::Consent { task } => {
            let mut options = vec![
                (LATER, "Decide later: it keeps waiting"),
                (APPROVE, "Approve, this once"),
            ];
            if task {
                options.push((
                    APPROVE_TASK,
                    "Approve, also when it comes again in this task",
                ));
            }
            options.push((REJECT, "Reject"));
            fields.insert("decision".to_owned(), decision("Decision", &options));
            let about = "Why not, and what to do instead; only when you reject.";
            fields.insert("reason".to_owned(), words("Reason", about));
            "decision"
        }
        Wants::WayOut => {
            let options = [
                (LATER, "Decide later: it keeps waiting"),
                (RETRY, "Try the step again"),
                (SKIP, "Leave the step out"),
                (TAKE_OVER, "Do it by hand"),
                (ABORT, "End the task"),
            ];
            fields.insert("decision".to_owned(), decision("Decision", &options));
            let about = "What to do differently; only when it is tried again.";
            fields.insert("guidance".to_owned(), words("Guidance", about));
            "decision"
        }
        Wants::Done => {
            let options = [
                (LATER, "Not yet"),
                (DONE, "It is done: run its checks"),
                (SKIP, "Leave the step out"),
                (GIVE_BACK, "Give it back"),
                (ABORT, "End the task"),
            ];
            fields.insert("decision".to_owned(), decision("Decision", &options));
            "decision"
        }
        Wants::Words => {
            let about = match view.question.choices.is_empty() {
                true => "Your answer.",
                false => "The number of a choice, or your own words.",
            };
            fields.insert("answer".to_owned(), words("Answer", about));
            "answer"
        }
    };
    ElicitationSchema::new(fields).with_required(vec![required.to_owned()])
}

/// A choice with [`LATER`] preselected: whoever just presses the key grants nothing.
fn choice(title: &str, options: &[(&str, &str)]) -> EnumSchema {
    let owned = |pick: fn(&(&str, &str)) -> String| options.iter().map(pick).collect::<Vec<_>>();
    let values = owned(|(value, _)| (*value).to_owned());
    let titles = owned(|(_, title)| (*title).to_owned());
    let builder = EnumSchema::builder(values).title(title.to_owned());
    builder
        .enum_titles(titles)
        .and_then(|builder| builder.with_default(LATER))
        .expect("BUG: there are as many titles as values, and the default is one of them")
        .build()
}

/// What a human decided; none when nothing was.
pub(crate) fn decided(view: &QuestionView, result: &ElicitResult) -> Option<Response> {
    if !matches!(result.action, ElicitationAction::Accept) {
        return None;
    }
    let field = |name: &str| {
        let value = result.content.as_ref()?.get(name)?.as_str()?;
        Some(clean(value).trim().to_owned())
    };
    let wants = view.wants();
    let Wants::Words = wants else {
        let decision = field("decision")?;
        return match (wants, decision.as_str()) {
            (Wants::Consent { .. }, APPROVE) => Some(Response::Grant { scope: Scope::Once }),
            (Wants::Consent { task: true }, APPROVE_TASK) => {
                Some(Response::Grant { scope: Scope::Task })
            }
            (Wants::Consent { .. }, REJECT) => Some(Response::Deny {
                reason: field("reason").unwrap_or_default(),
            }),
            (Wants::WayOut, RETRY) => Some(Response::Retry {
                guidance: field("guidance").unwrap_or_default(),
            }),
            (Wants::WayOut, TAKE_OVER) => Some(Response::TakeOver),
            (Wants::Done, DONE) => Some(Response::Done),
            (Wants::Done, GIVE_BACK) => Some(Response::Deny {
                reason: String::new(),
            }),
            (Wants::WayOut | Wants::Done, SKIP) => Some(Response::Skip),
            (Wants::WayOut | Wants::Done, ABORT) => Some(Response::Abort),
            _ => None,
        };
    };
    let answer = field("answer").filter(|answer| !answer.is_empty())?;
    Some(Response::Text {
        text: chosen(view, answer),
    })
}

/// A number chooses, anything else is the answer itself.
pub(crate) fn chosen(view: &QuestionView, answer: String) -> String {
    let at = answer.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let choice = at.and_then(|at| view.question.choices.get(at));
    choice.cloned().unwrap_or(answer)
}

/// Gives Loom what a human decided. A question that is answered already needs nothing more.
pub(crate) async fn give(
    service: &Way,
    task: TaskId,
    question: QuestionId,
    response: Response,
) -> Result<(), WayError> {
    let answer = AnswerRequest {
        question: Some(question),
        response,
    };
    let given = service
        .call_for_human(|client| {
            let answer = answer.clone();
            async move { client.answer(task, &answer).await }
        })
        .await;
    match given {
        Ok(taken) => {
            tracing::info!(%task, %question, status = taken.status.name(), "answered");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use loom_events::{AttemptId, Digest, OnExpiry, Question, Seq, Subject};
    use serde_json::json;

    pub(crate) fn question(subject: Subject) -> QuestionView {
        QuestionView {
            id: QuestionId(Seq(12)),
            question: Question {
                subject,
                reason: "it publishes the package".to_owned(),
                action: "npm publish".to_owned(),
                risk: Risk::High,
                rules: Vec::new(),
                choices: vec!["red".to_owned(), "blue".to_owned()],
                default: None,
            },
            deadline: None,
            on_expiry: OnExpiry::Deny,
        }
    }

    pub(crate) fn call() -> QuestionView {
        question(Subject::Call {
            attempt: AttemptId(Seq(3)),
            turn: 0,
            call: 0,
            digest: Digest::from_hex("0".repeat(64)).unwrap(),
        })
    }

    fn accept(content: serde_json::Value) -> ElicitResult {
        ElicitResult::new(ElicitationAction::Accept).with_content(content)
    }

    #[test]
    fn only_a_clear_yes_grants() {
        let yes = accept(json!({"decision": APPROVE}));
        let once = Some(Response::Grant { scope: Scope::Once });
        assert_eq!(decided(&call(), &yes), once);
        for unclear in [
            accept(json!({})),
            accept(json!({"decision": LATER})),
            accept(json!({"decision": "Approve"})),
            accept(json!({"decision": true})),
            accept(json!({"answer": APPROVE})),
            ElicitResult::new(ElicitationAction::Accept),
            ElicitResult::new(ElicitationAction::Cancel),
            ElicitResult::new(ElicitationAction::Decline)
                .with_content(json!({"decision": APPROVE})),
        ] {
            assert_eq!(decided(&call(), &unclear), None, "{unclear:?}");
        }
    }

    #[test]
    fn a_result_is_not_granted_for_the_whole_task() {
        let result = question(Subject::Result {
            attempt: AttemptId(Seq(3)),
        });
        assert_eq!(
            decided(&result, &accept(json!({"decision": APPROVE_TASK}))),
            None
        );
        let form = serde_json::to_string(&form(&result)).unwrap();
        assert!(!form.contains(APPROVE_TASK), "{form}");
    }

    #[test]
    fn a_number_chooses_and_words_are_taken_as_they_are() {
        let ask = question(Subject::Ask {
            attempt: AttemptId(Seq(3)),
            turn: 0,
            call: 0,
        });
        let text = |text: &str| Some(Response::Text { text: text.into() });
        let answer = |typed: &str| decided(&ask, &accept(json!({"answer": typed})));
        assert_eq!(answer("2"), text("blue"));
        assert_eq!(answer("light green"), text("light green"));
        assert_eq!(answer(" "), None);
    }

    #[test]
    fn the_form_shows_exactly_what_would_be_done_and_preselects_nothing() {
        let request = serde_json::to_value(request(&call())).unwrap();
        let message = request["params"]["message"].as_str().unwrap();
        assert!(message.contains("npm publish"), "{message}");
        assert!(message.contains("High risk"), "{message}");
        let schema = &request["params"]["requestedSchema"];
        assert_eq!(
            schema["properties"]["decision"]["default"], LATER,
            "{schema}"
        );
        assert_eq!(schema["required"], json!(["decision"]));
    }
}
