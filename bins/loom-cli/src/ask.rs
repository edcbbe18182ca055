//! Asks the human at the keyboard. Reading a line cannot be interrupted, so a thread of its own
//! does it, started with the first question and left alone at the end.

use crate::render::{Asking, answer, question};
use crate::review::Review;
use crate::ui::{Tone, Ui, clean};
use loom_engine::{Clock as _, QuestionView, SystemClock, TaskView};
use loom_events::{Plan, QuestionId, Response, Subject};
use std::collections::VecDeque;
use std::io::BufRead as _;
use std::path::PathBuf;
use tokio::sync::mpsc;

/// Lines typed ahead that are kept; nobody answers more questions than that in advance.
const TYPED_AHEAD: usize = 16;

/// What somebody at the keyboard decided.
#[derive(Debug)]
pub(crate) enum Reply {
    /// An answer to a question.
    Answer {
        question: QuestionId,
        response: Response,
    },
    /// Another plan in place of the one under review.
    Plan(Plan),
}

/// The questions that wait for an answer, one shown at a time.
#[derive(Debug)]
pub(crate) struct Asker {
    /// Where a plan under review is written to.
    dir: PathBuf,
    review: Option<Review>,
    waiting: VecDeque<QuestionView>,
    shown: Option<QuestionView>,
    /// The question that was answered last: it stays open until the answer has come through.
    sent: Option<QuestionId>,
    keyboard: Option<mpsc::Receiver<String>>,
}

impl Asker {
    /// Nothing is asked yet.
    pub(crate) const fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            review: None,
            waiting: VecDeque::new(),
            shown: None,
            sent: None,
            keyboard: None,
        }
    }

    /// Takes up what is open now and drops what was closed by somebody else.
    pub(crate) fn update(&mut self, view: &TaskView) {
        let open = &view.questions;
        let plan = |q: &&QuestionView| has_plan(&q.question.subject);
        match (open.iter().find(plan), &self.review) {
            (Some(_), None) => self.review = Some(Review::of(view, &self.dir)),
            (None, Some(_)) => {
                if let Some(review) = self.review.take() {
                    review.finish();
                }
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        let is_open = |id: QuestionId| open.iter().any(|q| q.id == id);
        self.waiting.retain(|q| is_open(q.id));
        if self.shown.as_ref().is_some_and(|q| !is_open(q.id)) {
            self.shown = None;
        }
        for one in open {
            let known = self
                .shown
                .iter()
                .chain(&self.waiting)
                .any(|q| q.id == one.id);
            if !known && self.sent != Some(one.id) {
                self.waiting.push_back(one.clone());
            }
        }
    }

    /// The last answer was not taken: what it was about is asked again.
    pub(crate) const fn refused(&mut self) {
        self.sent = None;
    }

    /// Whether a question stands on the screen, or would if there was room.
    pub(crate) fn is_busy(&self) -> bool {
        self.shown.is_some() || !self.waiting.is_empty()
    }

    /// Puts the next question on the screen, unless one is there.
    pub(crate) fn show_next(&mut self, ui: &Ui) {
        if self.shown.is_some() {
            return;
        }
        let Some(next) = self.waiting.pop_front() else {
            return;
        };
        for (tone, text) in question(&next, SystemClock.now()) {
            ui.note(tone, &text);
        }
        self.prompt(ui, &next);
        self.shown = Some(next);
        if self.keyboard.is_none() {
            self.keyboard = Some(keyboard());
        }
    }

    /// `e` writes the plan to a file, `t` takes it from there.
    fn edited(&mut self, ui: &Ui, line: &str) -> Edit {
        let Some(review) = &mut self.review else {
            return Edit::No;
        };
        match line.trim().to_lowercase().as_str() {
            "e" | "edit" => match review.write() {
                Ok(file) => {
                    let file = clean(&file.to_string_lossy());
                    let text = format!("edit {file} and save it, then type t to take it: ");
                    ui.note(Tone::Hint, &text);
                }
                Err(error) => ui.note(Tone::Caught, &error.to_string()),
            },
            "t" | "take" => match review.read() {
                Ok(plan) => return Edit::Plan(plan),
                Err(error) => ui.note(Tone::Caught, &error.to_string()),
            },
            _ => return Edit::No,
        }
        Edit::Waits
    }

    fn prompt(&self, ui: &Ui, question: &QuestionView) {
        ui.note(Tone::Hint, Asking::of(&question.question.subject).prompt());
    }

    /// Waits for a line that answers the question on the screen. Never ends while there is none.
    pub(crate) async fn answered(&mut self, ui: &Ui) -> Option<Reply> {
        loop {
            let line = match (&self.shown, &mut self.keyboard) {
                (Some(_), Some(keyboard)) => keyboard.recv().await,
                _ => std::future::pending().await,
            };
            let shown = self.shown.as_ref()?;
            // The keyboard is gone: nobody is here any more.
            let line = line?;
            if has_plan(&shown.question.subject) {
                let question = shown.id;
                let stuck = matches!(shown.question.subject, Subject::Exhausted { .. });
                match self.edited(ui, &line) {
                    Edit::Plan(plan) => {
                        self.shown = None;
                        self.sent = Some(question);
                        // A plan under review is put in its place; a step that is stuck is answered.
                        return Some(match stuck {
                            false => Reply::Plan(plan),
                            true => Reply::Answer {
                                question,
                                response: Response::EditPlan { plan },
                            },
                        });
                    }
                    Edit::Waits => continue,
                    Edit::No => {}
                }
            }
            let shown = self.shown.as_ref()?;
            match answer(shown, &line) {
                Ok(response) => {
                    let question = shown.id;
                    self.shown = None;
                    self.sent = Some(question);
                    return Some(Reply::Answer { question, response });
                }
                Err(wanted) => ui.note(Tone::Caught, wanted),
            }
        }
    }
}

/// Whether another plan is among the answers.
const fn has_plan(subject: &Subject) -> bool {
    matches!(subject, Subject::Plan { .. } | Subject::Exhausted { .. })
}

/// What a line means for a plan under review.
enum Edit {
    /// The plan as edited.
    Plan(Plan),
    /// It was dealt with; another line follows.
    Waits,
    /// It is an answer like any other.
    No,
}

fn keyboard() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(TYPED_AHEAD);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{AttemptId, OnExpiry, Question, Risk, Seq};

    fn asked(id: u64) -> QuestionView {
        QuestionView {
            id: QuestionId(Seq(id)),
            question: Question {
                subject: Subject::Result {
                    attempt: AttemptId(Seq(1)),
                },
                reason: "why".into(),
                action: "what".into(),
                risk: Risk::Low,
                rules: Vec::new(),
                choices: Vec::new(),
                default: None,
            },
            deadline: None,
            on_expiry: OnExpiry::Fail,
        }
    }

    #[test]
    fn what_was_answered_is_asked_again_only_when_the_answer_was_not_taken() {
        let mut view = TaskView::new("00000000-0000-7000-8000-000000000000".parse().unwrap());
        view.questions = vec![asked(5)];
        let mut asker = Asker::new(PathBuf::new());
        asker.update(&view);
        assert!(asker.is_busy());

        asker.waiting.clear();
        asker.sent = Some(QuestionId(Seq(5)));
        asker.update(&view);
        assert!(!asker.is_busy(), "the answer is on its way");

        asker.refused();
        asker.update(&view);
        assert!(asker.is_busy());
    }
}
