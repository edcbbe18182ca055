//! Asks the human at the keyboard. Reading a line cannot be interrupted, so a thread of its own
//! does it, started with the first question and left alone at the end.

use crate::render::{Asking, answer, question};
use crate::ui::{Tone, Ui};
use loom_engine::QuestionView;
use loom_events::{Command, QuestionId};
use std::collections::VecDeque;
use std::io::BufRead as _;
use tokio::sync::mpsc;

/// Who answers, as the journal names it.
const BY: &str = "cli";

/// Lines typed ahead that are kept; nobody answers more questions than that in advance.
const TYPED_AHEAD: usize = 16;

/// The questions that wait for an answer, one shown at a time.
#[derive(Debug, Default)]
pub(crate) struct Asker {
    waiting: VecDeque<QuestionView>,
    shown: Option<QuestionView>,
    keyboard: Option<mpsc::Receiver<String>>,
}

impl Asker {
    /// Takes up what is open now and drops what was closed by somebody else.
    pub(crate) fn update(&mut self, open: &[QuestionView]) {
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
            if !known {
                self.waiting.push_back(one.clone());
            }
        }
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
        for (tone, text) in question(&next) {
            ui.note(tone, &text);
        }
        self.prompt(ui, &next);
        self.shown = Some(next);
        if self.keyboard.is_none() {
            self.keyboard = Some(keyboard());
        }
    }

    fn prompt(&self, ui: &Ui, question: &QuestionView) {
        ui.note(Tone::Hint, Asking::of(&question.question.subject).prompt());
    }

    /// Waits for a line that answers the question on the screen. Never ends while there is none.
    pub(crate) async fn answered(&mut self, ui: &Ui) -> Option<Command> {
        loop {
            let line = match (&self.shown, &mut self.keyboard) {
                (Some(_), Some(keyboard)) => keyboard.recv().await,
                _ => std::future::pending().await,
            };
            let shown = self.shown.as_ref()?;
            // The keyboard is gone: nobody is here any more.
            let line = line?;
            match answer(shown, &line) {
                Ok(response) => {
                    let question = shown.id;
                    self.shown = None;
                    return Some(Command::Answer {
                        question,
                        response,
                        by: BY.to_owned(),
                    });
                }
                Err(wanted) => ui.note(Tone::Caught, wanted),
            }
        }
    }
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
