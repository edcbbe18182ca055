//! Questions of Loom as requests for permission, and what a choice means. Only a clear yes to exactly
//! this question is a yes: what is cancelled, withdrawn or not understood leaves the question open
//! and grants nothing.

use agent_client_protocol::v1::schema::{
    ContentBlock, PermissionOption, PermissionOptionKind, RequestPermissionOutcome,
    RequestPermissionResponse, TextContent, ToolCallContent, ToolCallStatus, ToolCallUpdate,
    ToolCallUpdateFields, ToolKind,
};
use loom_events::{Response, Risk, Scope, Subject};
use loom_view::text::{clean, clip, line};
use loom_view::{QuestionView, Wants};

/// Characters of an action that are put before a human; the rest is named by its size. A grant
/// covers exactly the bytes that Loom holds.
const MAX_ACTION: usize = 8_000;

const APPROVE: &str = "approve";
const APPROVE_TASK: &str = "approve-for-this-task";
const REJECT: &str = "reject";
const RETRY: &str = "retry";
const SKIP: &str = "skip";
const ABORT: &str = "abort";
const TAKE_OVER: &str = "take-over";
const DONE: &str = "done";
const GIVE_BACK: &str = "give-back";
const CHOICE: &str = "choice-";
const IN_WORDS: &str = "in-words";

/// The choices of a question; none when it wants words that only the human has.
pub(crate) fn options(view: &QuestionView) -> Vec<PermissionOption> {
    let option = |name: &str, title: String, kind| {
        PermissionOption::new(format!("{}:{name}", view.id), title, kind)
    };
    use PermissionOptionKind::{AllowAlways, AllowOnce, RejectOnce};
    match view.wants() {
        Wants::Consent { task } => {
            let mut options = vec![option(APPROVE, "Approve, this once".into(), AllowOnce)];
            if task {
                let title = "Approve, also when it comes again in this task".into();
                options.push(option(APPROVE_TASK, title, AllowAlways));
            }
            options.push(option(REJECT, "Reject".into(), RejectOnce));
            options
        }
        Wants::WayOut => vec![
            option(RETRY, "Try the step again".into(), AllowOnce),
            option(SKIP, "Leave the step out".into(), RejectOnce),
            option(TAKE_OVER, "Do it by hand".into(), AllowOnce),
            option(ABORT, "End the task".into(), RejectOnce),
        ],
        Wants::Done => vec![
            option(DONE, "It is done: run its checks".into(), AllowOnce),
            option(SKIP, "Leave the step out".into(), RejectOnce),
            option(GIVE_BACK, "Give it back".into(), RejectOnce),
            option(ABORT, "End the task".into(), RejectOnce),
        ],
        Wants::Words if view.question.choices.is_empty() => Vec::new(),
        Wants::Words => {
            let choices = view.question.choices.iter().enumerate();
            let mut options: Vec<PermissionOption> = choices
                .map(|(at, choice)| option(&format!("{CHOICE}{at}"), line(choice), AllowOnce))
                .collect();
            let title = "Something else, in my next message".into();
            options.push(option(IN_WORDS, title, RejectOnce));
            options
        }
    }
}

/// The question as a tool call: of the call that it holds back, if it does.
pub(crate) fn as_call(view: &QuestionView, held: Option<&str>) -> ToolCallUpdate {
    let question = &view.question;
    let fields = ToolCallUpdateFields::new()
        .title(line(&view.question.reason))
        .status(ToolCallStatus::Pending)
        .content(vec![ToolCallContent::from(ContentBlock::Text(
            TextContent::new(text(view)),
        ))]);
    match (&question.subject, held) {
        (Subject::Call { .. }, Some(held)) => ToolCallUpdate::new(held.to_owned(), fields),
        _ => {
            let fields = fields.kind(ToolKind::Other);
            ToolCallUpdate::new(format!("question-{}", view.id), fields)
        }
    }
}

/// All that a human must know to decide.
pub(crate) fn text(view: &QuestionView) -> String {
    let question = &view.question;
    let risk = match (view.wants(), question.risk) {
        (Wants::Words, _) => "",
        (_, Risk::Low) => "Low risk: it can be undone.\n",
        (_, Risk::Medium) => "Medium risk: it takes effort to undo.\n",
        (_, Risk::High) => "High risk: it cannot be undone, or leaves the workspace.\n",
    };
    let reason = clip(&question.reason, 500);
    let action = clip(&question.action, MAX_ACTION);
    let mut text = format!("{reason}\n{risk}\n{action}\n");
    for (at, choice) in question.choices.iter().enumerate() {
        text += &format!("{}. {}\n", at + 1, clip(choice, 200));
    }
    text
}

/// What a human decided; none when nothing was.
pub(crate) fn decided(
    view: &QuestionView,
    response: &RequestPermissionResponse,
) -> Option<Response> {
    let RequestPermissionOutcome::Selected(selected) = &response.outcome else {
        return None;
    };
    let chosen = selected.option_id.to_string();
    let (question, name) = chosen.split_once(':')?;
    if question != view.id.to_string() {
        return None;
    }
    // Only what was offered.
    let offered = options(view);
    offered
        .iter()
        .find(|one| one.option_id == selected.option_id)?;
    Some(match name {
        APPROVE => Response::Grant { scope: Scope::Once },
        APPROVE_TASK => Response::Grant { scope: Scope::Task },
        REJECT | GIVE_BACK => Response::Deny {
            reason: String::new(),
        },
        RETRY => Response::Retry {
            guidance: String::new(),
        },
        SKIP => Response::Skip,
        TAKE_OVER => Response::TakeOver,
        DONE => Response::Done,
        ABORT => Response::Abort,
        name => {
            let at = name.strip_prefix(CHOICE)?.parse::<usize>().ok()?;
            let text = view.question.choices.get(at)?.clone();
            Response::Text { text }
        }
    })
}

/// The next message of the human as the answer: a number chooses, anything else is the answer itself.
pub(crate) fn in_words(view: &QuestionView, said: &str) -> Response {
    let answer = clean(said).trim().to_owned();
    let at = answer.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let choice = at.and_then(|at| view.question.choices.get(at));
    Response::Text {
        text: choice.cloned().unwrap_or(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_client_protocol::v1::schema::SelectedPermissionOutcome;
    use loom_events::{AttemptId, Digest, OnExpiry, Question, QuestionId, Seq, SubtaskId};

    fn view(subject: Subject) -> QuestionView {
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

    fn call() -> QuestionView {
        view(Subject::Call {
            attempt: AttemptId(Seq(3)),
            turn: 0,
            call: 0,
            digest: Digest::from_hex("0".repeat(64)).unwrap(),
        })
    }

    fn words() -> QuestionView {
        view(Subject::Ask {
            attempt: AttemptId(Seq(3)),
            turn: 0,
            call: 0,
        })
    }

    fn choose(id: &str) -> RequestPermissionResponse {
        let selected = SelectedPermissionOutcome::new(id.to_owned());
        RequestPermissionResponse::new(RequestPermissionOutcome::Selected(selected))
    }

    #[test]
    fn only_a_clear_yes_to_this_very_question_grants() {
        let once = Some(Response::Grant { scope: Scope::Once });
        assert_eq!(decided(&call(), &choose("12:approve")), once);
        for unclear in [
            choose("11:approve"),
            choose("approve"),
            choose("12:"),
            choose("12:yes"),
            choose("12:choice-0"),
            RequestPermissionResponse::new(RequestPermissionOutcome::Cancelled),
        ] {
            assert_eq!(decided(&call(), &unclear), None, "{unclear:?}");
        }
    }

    #[test]
    fn a_result_is_not_granted_for_the_whole_task() {
        let result = view(Subject::Result {
            attempt: AttemptId(Seq(3)),
        });
        assert_eq!(decided(&result, &choose("12:approve-for-this-task")), None);
        assert_eq!(options(&result).len(), 2);
    }

    #[test]
    fn a_question_with_choices_can_be_answered_by_one_or_in_words() {
        let text = |text: &str| Response::Text { text: text.into() };
        assert_eq!(
            decided(&words(), &choose("12:choice-1")),
            Some(text("blue"))
        );
        assert_eq!(decided(&words(), &choose("12:choice-7")), None);
        assert_eq!(decided(&words(), &choose("12:in-words")), None);
        assert_eq!(in_words(&words(), "2\n"), text("blue"));
        assert_eq!(in_words(&words(), "light green"), text("light green"));
    }

    #[test]
    fn a_step_that_could_not_be_done_has_three_ways_out() {
        let stuck = view(Subject::Exhausted {
            subtask: SubtaskId::new("step").unwrap(),
        });
        assert_eq!(decided(&stuck, &choose("12:skip")), Some(Response::Skip));
        assert_eq!(decided(&stuck, &choose("12:approve")), None);
    }

    #[test]
    fn the_request_shows_exactly_what_would_be_done() {
        let shown = serde_json::to_value(as_call(&call(), Some("held"))).unwrap();
        assert_eq!(shown["toolCallId"], "held");
        let text = shown["content"][0]["content"]["text"].as_str().unwrap();
        assert!(text.contains("npm publish"), "{text}");
        assert!(text.contains("High risk"), "{text}");
    }
}
