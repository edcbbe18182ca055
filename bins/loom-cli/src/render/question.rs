//! A question to the human at the keyboard, and what was typed as an answer.

use crate::ui::{Tone, clean};
use loom_engine::QuestionView;
use loom_events::{OnExpiry, Question, Response, Risk, Scope, Subject, Time};

/// Lines of an action that are shown: a screen full. The rest is named by its size; a call is only
/// ever granted for exactly its bytes, which `loom logs --json` has in full.
const MAX_ACTION_LINES: usize = 40;

/// What a question wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Yes or no; for a call also "always".
    Consent { always: bool },
    /// Yes, no, or another plan.
    Plan,
    /// Words.
    Words,
    /// What to do with a step that nobody could do.
    WayOut,
    /// Whether a step that the user does by hand is done.
    Done,
}

impl Asking {
    /// What a question about this wants to hear.
    pub(crate) const fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Call { .. } => Self::Consent { always: true },
            Subject::Plan { .. } => Self::Plan,
            Subject::Result { .. } | Subject::PlanLimit { .. } | Subject::Doubt { .. } => {
                Self::Consent { always: false }
            }
            Subject::Ask { .. } | Subject::Executions { .. } => Self::Words,
            Subject::Exhausted { .. } => Self::WayOut,
            Subject::ByHand { .. } => Self::Done,
        }
    }

    /// The last line, after which the cursor waits.
    pub(crate) const fn prompt(self) -> &'static str {
        match self {
            Self::Consent { always: true } => {
                "[y]es, [n]o, [a]lways in this task, no because [r]eason: "
            }
            Self::Consent { always: false } => "[y]es, [n]o, no because [r]eason: ",
            Self::Plan => "[y]es, [n]o, no because [r]eason, [e]dit it: ",
            Self::Words => "your answer: ",
            Self::WayOut => {
                "[r]etry with guidance, [s]kip it, [e]dit the plan, take it [o]ver, [a]bort the task: "
            }
            Self::Done => "[d]one, [s]kip it, [g]ive it back, [a]bort the task: ",
        }
    }
}

/// The question as it is shown.
pub(crate) fn question(view: &QuestionView, now: Time) -> Vec<(Tone, String)> {
    let question = &view.question;
    let risk = match question.risk {
        Risk::Low => "low risk: it can be undone here",
        Risk::Medium => "medium risk: it takes effort to undo",
        Risk::High => "high risk: it cannot be undone, or leaves the workspace",
    };
    let mut lines = vec![
        (Tone::Plain, String::new()),
        (Tone::Caught, format!("? {}", clean(&question.reason))),
    ];
    // A question of the model risks nothing.
    if !matches!(question.subject, Subject::Ask { .. }) {
        lines.push((Tone::Plain, format!("  {risk}")));
    }
    let action: Vec<_> = question.action.lines().collect();
    for line in action.iter().take(MAX_ACTION_LINES) {
        lines.push((Tone::Strong, format!("  │ {}", clean(line))));
    }
    let more = action.len().saturating_sub(MAX_ACTION_LINES);
    if more > 0 {
        lines.push((Tone::Caught, format!("  │ … {more} more lines")));
    }
    // The ways out are on the last line, with their keys.
    let keyed = matches!(Asking::of(&question.subject), Asking::WayOut | Asking::Done);
    let choices = question.choices.iter().filter(|_| !keyed);
    for (at, choice) in choices.enumerate() {
        lines.push((Tone::Plain, format!("  {}. {}", at + 1, clean(choice))));
    }
    lines.extend(unanswered(view, now).map(|text| (Tone::Plain, format!("  {text}"))));
    lines
}

/// What happens when nobody answers.
fn unanswered(view: &QuestionView, now: Time) -> Option<String> {
    let left = crate::ui::duration(view.deadline?.since(now));
    let then = on_expiry(&view.question, view.on_expiry);
    Some(format!("without an answer in {left} {then}"))
}

/// What follows when nobody answers a question.
pub(crate) fn on_expiry(question: &Question, then: OnExpiry) -> String {
    match (then, &question.default) {
        (OnExpiry::Proceed, Some(default)) => {
            format!("the model goes on with its default: {}", clean(default))
        }
        (OnExpiry::Proceed, None) => match question.subject {
            Subject::Ask { .. } => "the model decides for itself".to_owned(),
            _ => "it counts".to_owned(),
        },
        (OnExpiry::Deny, _) => "it is refused".to_owned(),
        (OnExpiry::Fail, _) => "the task fails".to_owned(),
    }
}

/// What was typed, as an answer; `Err` says what is wanted instead.
pub(crate) fn answer(view: &QuestionView, typed: &str) -> Result<Response, &'static str> {
    let typed = typed.trim();
    let (word, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
    let rest = rest.trim().to_owned();
    match (
        Asking::of(&view.question.subject),
        word.to_lowercase().as_str(),
    ) {
        (Asking::Consent { .. } | Asking::Plan, "y" | "yes") => {
            Ok(Response::Grant { scope: Scope::Once })
        }
        (Asking::Consent { always: true }, "a" | "always") => {
            Ok(Response::Grant { scope: Scope::Task })
        }
        (Asking::Consent { .. } | Asking::Plan, "n" | "no") => Ok(Response::Deny { reason: rest }),
        (Asking::Consent { .. } | Asking::Plan, "r" | "reason") if rest.is_empty() => {
            Err("type r and the reason in one line, such as: r use git mv instead")
        }
        (Asking::Consent { .. } | Asking::Plan, "r" | "reason") => {
            Ok(Response::Deny { reason: rest })
        }
        (Asking::Consent { always: true }, _) => Err("type y, n, a, or r and a reason"),
        (Asking::Consent { always: false }, _) => Err("type y, n, or r and a reason"),
        (Asking::Plan, _) => Err("type y, n, r and a reason, or e"),
        (Asking::Words, "") => Err("type an answer"),
        (Asking::Words, _) => Ok(Response::Text {
            text: chosen(view, typed),
        }),
        (Asking::WayOut, "r" | "retry") => Ok(Response::Retry { guidance: rest }),
        (Asking::WayOut, "s" | "skip") => Ok(Response::Skip),
        (Asking::WayOut, "o" | "over") => Ok(Response::TakeOver),
        (Asking::WayOut, "a" | "abort") => Ok(Response::Abort),
        (Asking::WayOut, _) => Err("type r (and what to do differently), s, e, o or a"),
        (Asking::Done, "d" | "done") => Ok(Response::Done),
        (Asking::Done, "s" | "skip") => Ok(Response::Skip),
        (Asking::Done, "g" | "give") => Ok(Response::Deny { reason: rest }),
        (Asking::Done, "a" | "abort") => Ok(Response::Abort),
        (Asking::Done, _) => Err("type d when it is done, s, g or a"),
    }
}

/// A number chooses, anything else is the answer itself.
fn chosen(view: &QuestionView, typed: &str) -> String {
    let at = typed.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let choice = at.and_then(|at| view.question.choices.get(at));
    choice.cloned().unwrap_or_else(|| typed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{AttemptId, Digest, QuestionId, Seq, SubtaskId};

    fn view(subject: Subject) -> QuestionView {
        QuestionView {
            id: QuestionId(Seq(9)),
            question: Question {
                subject,
                reason: "publishes the package".into(),
                action: "npm publish".into(),
                risk: Risk::High,
                rules: Vec::new(),
                choices: vec!["red".into(), "blue".into()],
                default: Some("red".into()),
            },
            deadline: Some(Time::from_millis(70_000)),
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

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        for typed in ["y", "Y", "yes", " yes "] {
            assert!(matches!(
                answer(&call(), typed),
                Ok(Response::Grant { scope: Scope::Once })
            ));
        }
        for typed in ["", "maybe", "yy", "r"] {
            assert!(answer(&call(), typed).is_err(), "{typed}");
        }
        assert_eq!(
            answer(&call(), "r use git mv"),
            Ok(Response::Deny {
                reason: "use git mv".into()
            })
        );
        assert!(matches!(
            answer(&call(), "a"),
            Ok(Response::Grant { scope: Scope::Task })
        ));
    }

    #[test]
    fn a_step_that_nobody_could_do_has_its_ways_out_and_one_by_hand_its_own() {
        let stuck = view(Subject::Exhausted {
            subtask: loom_events::SubtaskId::new("a").unwrap(),
        });
        assert_eq!(answer(&stuck, "o"), Ok(Response::TakeOver));
        assert_eq!(answer(&stuck, "s"), Ok(Response::Skip));
        assert!(answer(&stuck, "d").is_err() && answer(&stuck, "y").is_err());
        let mine = view(Subject::ByHand {
            attempt: AttemptId(Seq(3)),
        });
        assert_eq!(answer(&mine, "d"), Ok(Response::Done));
        assert!(matches!(answer(&mine, "g"), Ok(Response::Deny { .. })));
        assert!(answer(&mine, "y").is_err() && answer(&mine, "").is_err());
    }

    #[test]
    fn a_result_is_never_granted_for_all_time() {
        let result = view(Subject::Result {
            attempt: AttemptId(Seq(3)),
        });
        assert!(answer(&result, "a").is_err());
    }

    #[test]
    fn a_number_chooses_and_words_are_taken_as_they_are() {
        let ask = view(Subject::Ask {
            attempt: AttemptId(Seq(3)),
            turn: 0,
            call: 0,
        });
        let text = |text: &str| Ok(Response::Text { text: text.into() });
        assert_eq!(answer(&ask, "2"), text("blue"));
        assert_eq!(answer(&ask, "3"), text("3"));
        assert_eq!(answer(&ask, "light green"), text("light green"));
        let which = view(Subject::Executions {
            subtask: SubtaskId::new("tidy").unwrap(),
        });
        assert_eq!(answer(&which, "1"), text("red"));
        let shown = question(&which, Time::from_millis(10_000));
        assert!(shown.iter().any(|(_, text)| text == "  2. blue"));
    }

    #[test]
    fn the_exact_action_is_shown() {
        let shown: Vec<_> = question(&call(), Time::from_millis(10_000))
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert!(shown.contains(&"  │ npm publish".to_owned()), "{shown:?}");
        assert!(shown.iter().any(|line| line.contains("high risk")));
    }
}
