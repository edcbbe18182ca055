//! A question that waits for an answer: why it is asked, what is at stake, exactly what would be
//! done, and how much time is left.

use super::{keys, window};
use crate::input::Input;
use crate::keys::Key;
use crate::look::Tone;
use crate::model::Model;
use crate::msg::{Cmd, Wish};
use crate::pager::Pager;
use crate::screens::put;
use crate::text::{clean, clean_lines, duration, wrap};
use loom_events::{OnExpiry, Question, QuestionId, Response, Risk, Scope, Subject, TaskId, Time};
use loom_view::{QuestionView, Wants};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Columns of the window, where the screen has them.
const COLUMNS: u16 = 110;

/// A question that is being answered.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its task.
    pub(crate) task: TaskId,
    /// Which one.
    pub(crate) view: QuestionView,
    /// What would be done.
    pub(crate) action: Pager,
    /// What is being typed, and for what.
    typing: Option<(Typing, Input)>,
}

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typing {
    /// Why not.
    Reason,
    /// The answer to a question of the model.
    Answer,
    /// What to do differently.
    Guidance,
}

/// What a key led to.
#[derive(Debug, PartialEq)]
pub(crate) enum Reply {
    /// Nothing more.
    Stay,
    /// The question stays open, its window goes.
    Close,
    /// An answer.
    Answer(Cmd),
    /// The plan is to be edited.
    EditPlan,
    /// What changed is to be shown.
    Diff,
    /// Something else is wanted.
    Complain(&'static str),
}

impl Asked {
    /// A question, not answered yet.
    pub(crate) fn new(task: TaskId, view: &QuestionView) -> Self {
        let typing = view.wants() == Wants::Words;
        Self {
            task,
            view: view.clone(),
            action: Pager::new(action(&view.question)),
            typing: typing.then(|| (Typing::Answer, Input::default())),
        }
    }

    /// The question's id.
    pub(crate) const fn id(&self) -> QuestionId {
        self.view.id
    }

    /// A key.
    pub(crate) fn key(&mut self, key: Key) -> Reply {
        if let Some((typing, input)) = &mut self.typing {
            let typing = *typing;
            return match key {
                Key::Esc if typing == Typing::Answer => Reply::Close,
                Key::Esc => {
                    self.typing = None;
                    Reply::Stay
                }
                Key::Enter => {
                    let text = input.text().trim().to_owned();
                    self.typed(typing, text)
                }
                Key::AltEnter | Key::Ctrl('j') => {
                    input.insert("\n");
                    Reply::Stay
                }
                key => {
                    input.key(key);
                    Reply::Stay
                }
            };
        }
        let subject = &self.view.question.subject;
        let way_out = matches!(subject, Subject::Exhausted { .. });
        let by_hand = matches!(subject, Subject::ByHand { .. });
        match key {
            Key::Esc | Key::Char('q') => Reply::Close,
            Key::Char('r') => {
                let typing = if way_out {
                    Typing::Guidance
                } else {
                    Typing::Reason
                };
                self.typing = Some((typing, Input::default()));
                Reply::Stay
            }
            Key::Char('y') if by_hand => self.answer(Response::Done),
            Key::Char('s') if way_out || by_hand => self.answer(Response::Skip),
            Key::Char('x') if way_out || by_hand => self.answer(Response::Abort),
            Key::Char('o') if way_out => self.answer(Response::TakeOver),
            Key::Char('e') if way_out => Reply::EditPlan,
            Key::Char('d')
                if matches!(
                    subject,
                    Subject::Result { .. } | Subject::Exhausted { .. } | Subject::ByHand { .. }
                ) =>
            {
                Reply::Diff
            }
            _ if way_out => Reply::Stay,
            Key::Char('y') => self.answer(Response::Grant { scope: Scope::Once }),
            Key::Char('t') if matches!(subject, Subject::Call { .. }) => {
                self.answer(Response::Grant { scope: Scope::Task })
            }
            Key::Char('n') => self.answer(Response::Deny {
                reason: String::new(),
            }),
            Key::Char('e') if matches!(subject, Subject::Plan { .. }) => Reply::EditPlan,
            _ => Reply::Stay,
        }
    }

    /// Adds a pasted text.
    pub(crate) fn paste(&mut self, text: &str) {
        if let Some((_, input)) = &mut self.typing {
            input.insert(text);
        }
    }

    fn typed(&self, typing: Typing, text: String) -> Reply {
        match typing {
            Typing::Reason if text.is_empty() => {
                Reply::Complain("type why not, or press Esc and n")
            }
            Typing::Reason => self.answer(Response::Deny { reason: text }),
            Typing::Guidance => self.answer(Response::Retry { guidance: text }),
            Typing::Answer => {
                // A number chooses, anything else is the answer itself.
                let at = text.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                let choice = at
                    .and_then(|at| self.view.question.choices.get(at))
                    .cloned();
                match choice.unwrap_or(text) {
                    text if text.is_empty() => Reply::Complain("type an answer"),
                    text => self.answer(Response::Text { text }),
                }
            }
        }
    }

    fn answer(&self, response: Response) -> Reply {
        Reply::Answer(Cmd::Ask(self.task, Wish::Answer(self.id(), response)))
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        if let Some((typing, _)) = &self.typing {
            let enter = match typing {
                Typing::Reason => "says no, because of this",
                Typing::Answer if self.view.question.choices.is_empty() => "answers",
                Typing::Answer => "answers; a number chooses",
                Typing::Guidance => "tries again, told this",
            };
            let esc = if *typing == Typing::Answer {
                "later"
            } else {
                "back"
            };
            return vec![("Enter", enter), ("Esc", esc)];
        }
        let mut hints = match self.view.question.subject {
            Subject::ByHand { .. } => vec![
                ("y", "it is done"),
                ("s", "leave it out"),
                ("n", "give it back"),
                ("x", "end the task"),
                ("d", "diff"),
            ],
            Subject::Exhausted { .. } => vec![
                ("r", "try again"),
                ("s", "leave it out"),
                ("e", "edit the plan"),
                ("o", "do it by hand"),
                ("x", "end the task"),
                ("d", "diff"),
            ],
            Subject::Call { .. } => vec![
                ("y", "yes"),
                ("t", "yes, in this task"),
                ("n", "no"),
                ("r", "no, because"),
            ],
            Subject::Plan { .. } => vec![
                ("y", "yes"),
                ("n", "no"),
                ("r", "no, because"),
                ("e", "edit it"),
            ],
            Subject::Result { .. } => vec![
                ("y", "yes"),
                ("n", "no"),
                ("r", "no, because"),
                ("d", "diff"),
            ],
            Subject::Ask { .. }
            | Subject::Executions { .. }
            | Subject::PlanLimit { .. }
            | Subject::Doubt { .. } => {
                vec![("y", "yes"), ("n", "no"), ("r", "no, because")]
            }
        };
        hints.push(("Esc", "later"));
        hints
    }
}

/// Exactly what would be done, with the choices; a patch as one knows it.
fn action(question: &Question) -> Vec<(Tone, String)> {
    let patch = question.action.lines().any(|line| line.starts_with("@@ -"));
    let tone = |line: &str| match line.as_bytes() {
        _ if !patch => Tone::Strong,
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] | [b'd', b'i', b'f', b'f', ..] => {
            Tone::Strong
        }
        [b'+', ..] => Tone::Good,
        [b'-', ..] => Tone::Bad,
        [b'@', b'@', ..] => Tone::Hint,
        _ => Tone::Plain,
    };
    let mut lines: Vec<_> = clean_lines(&question.action)
        .map(|line| (tone(&line), line))
        .collect();
    for (at, choice) in question.choices.iter().enumerate() {
        lines.push((Tone::Plain, format!("{}. {}", at + 1, clean(choice))));
    }
    lines
}

/// The risk in words; a question of the model risks nothing.
fn risk(question: &Question) -> Option<(Tone, &'static str)> {
    if matches!(question.subject, Subject::Ask { .. }) {
        return None;
    }
    Some(match question.risk {
        Risk::Low => (Tone::Plain, "low risk: it can be undone here"),
        Risk::Medium => (Tone::Caught, "! medium risk: it takes effort to undo"),
        Risk::High => (
            Tone::Bad,
            "!! high risk: it cannot be undone, or leaves the workspace",
        ),
    })
}

/// What happens when nobody answers, and when.
pub(crate) fn unanswered(view: &QuestionView, now: Time) -> Option<String> {
    let left = duration(view.deadline?.since(now));
    let then = match (view.on_expiry, &view.question.default) {
        (OnExpiry::Proceed, Some(default)) => {
            format!("the model goes on with its default: {}", clean(default))
        }
        (OnExpiry::Proceed, None) if matches!(view.question.subject, Subject::Ask { .. }) => {
            "the model decides for itself".to_owned()
        }
        (OnExpiry::Proceed, None) => "it counts".to_owned(),
        (OnExpiry::Deny, _) => "it is refused".to_owned(),
        (OnExpiry::Fail, _) => "the task fails".to_owned(),
    };
    Some(format!("without an answer in {left} {then}"))
}

/// Draws it; gives the place of the cursor while something is typed.
pub(super) fn draw(model: &Model, asked: &Asked, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let question = &asked.view.question;
    let columns = usize::from(COLUMNS.min(buffer.area.width.saturating_sub(6)));
    let mut head: Vec<_> = wrap(&clean(&question.reason), columns, 4)
        .into_iter()
        .map(|row| (Tone::Strong, row))
        .collect();
    head.extend(risk(question).map(|(tone, words)| (tone, words.to_owned())));
    if !question.rules.is_empty() {
        head.push((
            Tone::Dim,
            format!("rules: {}", clean(&question.rules.join(", "))),
        ));
    }
    if let Some(text) = unanswered(&asked.view, model.now) {
        head.push((Tone::Plain, text));
    }
    let typing = usize::from(asked.typing.is_some());
    let rows = u16::try_from(head.len() + asked.action.len() + 3 + typing).unwrap_or(u16::MAX);
    let area = window(look, buffer, "a question", COLUMNS, rows);
    let mut y = area.y;
    for (tone, row) in &head {
        put(buffer, area, area.x, y, row, look.style(*tone));
        y += 1;
    }
    let foot = area.bottom().saturating_sub(1);
    let typing_row = u16::from(asked.typing.is_some());
    let body = Rect {
        x: area.x,
        y: y + 1,
        width: area.width,
        height: foot.saturating_sub(typing_row + 1).saturating_sub(y + 1),
    };
    asked.action.draw(look, body, buffer);
    let more = asked
        .action
        .len()
        .saturating_sub(asked.action.top + usize::from(body.height));
    if more > 0 {
        let text = format!("↓ {more} more");
        let x = area.right().saturating_sub(12);
        put(
            buffer,
            area,
            x,
            body.bottom(),
            &text,
            look.style(Tone::Hint),
        );
    }
    keys(look, buffer, area, foot, &asked.hints());
    let (_, input) = asked.typing.as_ref()?;
    let y = foot.saturating_sub(1);
    let x = put(buffer, area, area.x, y, "> ", look.style(Tone::Strong));
    let (text, column) = input.window(usize::from(area.right().saturating_sub(x)));
    put(buffer, area, x, y, &text, look.style(Tone::Plain));
    Some(Position::new(x + column, y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{AttemptId, Digest, Seq, SubtaskId};

    fn asked(subject: Subject) -> Asked {
        let view = QuestionView {
            id: QuestionId(Seq(9)),
            question: Question {
                subject,
                reason: "publishes the package".into(),
                action: "npm publish".into(),
                risk: Risk::High,
                rules: Vec::new(),
                choices: vec!["red".into(), "blue".into()],
                default: None,
            },
            deadline: None,
            on_expiry: OnExpiry::Deny,
        };
        Asked::new(
            "019ac000-0000-7000-8000-000000000001".parse().unwrap(),
            &view,
        )
    }

    fn call() -> Asked {
        asked(Subject::Call {
            attempt: AttemptId(Seq(3)),
            turn: 0,
            call: 0,
            digest: Digest::from_hex("0".repeat(64)).unwrap(),
        })
    }

    fn typed(asked: &mut Asked, text: &str) -> Reply {
        for c in text.chars() {
            asked.key(Key::Char(c));
        }
        asked.key(Key::Enter)
    }

    fn response(reply: Reply) -> Response {
        match reply {
            Reply::Answer(Cmd::Ask(_, Wish::Answer(QuestionId(Seq(9)), response))) => response,
            other => panic!("no answer: {other:?}"),
        }
    }

    #[test]
    fn only_a_clear_key_is_an_answer() {
        let once = Response::Grant { scope: Scope::Once };
        assert_eq!(response(call().key(Key::Char('y'))), once);
        let task = Response::Grant { scope: Scope::Task };
        assert_eq!(response(call().key(Key::Char('t'))), task);
        for key in [
            Key::Enter,
            Key::Char(' '),
            Key::Char('Y'),
            Key::Tab,
            Key::Char('s'),
        ] {
            assert_eq!(call().key(key), Reply::Stay, "{key:?}");
        }
        let mut result = asked(Subject::Result {
            attempt: AttemptId(Seq(3)),
        });
        assert_eq!(
            result.key(Key::Char('t')),
            Reply::Stay,
            "a result is never granted for all time"
        );
    }

    #[test]
    fn a_no_with_a_reason_needs_one() {
        let mut call = call();
        call.key(Key::Char('r'));
        assert!(matches!(typed(&mut call, ""), Reply::Complain(_)));
        let reason = "use git mv".to_owned();
        assert_eq!(
            response(typed(&mut call, &reason)),
            Response::Deny { reason }
        );
    }

    #[test]
    fn a_number_chooses_and_words_are_taken_as_they_are() {
        for (text, answer) in [("2", "blue"), ("3", "3"), ("light green", "light green")] {
            let mut ask = asked(Subject::Ask {
                attempt: AttemptId(Seq(3)),
                turn: 0,
                call: 0,
            });
            let text_given = response(typed(&mut ask, text));
            assert_eq!(
                text_given,
                Response::Text {
                    text: answer.to_owned()
                }
            );
        }
    }

    #[test]
    fn a_step_that_nobody_could_do_has_its_own_ways_out() {
        let exhausted = || {
            asked(Subject::Exhausted {
                subtask: SubtaskId::new("a").unwrap(),
            })
        };
        assert_eq!(exhausted().key(Key::Char('y')), Reply::Stay);
        assert_eq!(response(exhausted().key(Key::Char('s'))), Response::Skip);
        assert_eq!(response(exhausted().key(Key::Char('x'))), Response::Abort);
        let mut retry = exhausted();
        retry.key(Key::Char('r'));
        assert_eq!(
            response(typed(&mut retry, "")),
            Response::Retry {
                guidance: String::new()
            }
        );
    }
}
