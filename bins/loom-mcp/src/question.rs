//! A question of a task, as a model is shown it, and what kind of answer it wants.

use loom_events::{OnExpiry, Risk};
use loom_view::QuestionView;
use loom_view::text::{clip, line};
use schemars::JsonSchema;
use serde::Serialize;

/// Characters of a reason.
const MAX_REASON: usize = 300;

/// Characters of what is asked for consent; the whole is with Loom itself.
const MAX_ACTION: usize = 4_000;

/// A question that waits.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct QuestionShown {
    /// Its number; what answers it takes it.
    pub(crate) question: u64,
    /// What it wants: `consent` (only a human may give it), `words`, a `way_out` of a step that
    /// could not be done, or `done` from the human who does a step by hand.
    #[schemars(with = "WantsWord")]
    pub(crate) wants: &'static str,
    /// Why it is asked.
    pub(crate) reason: String,
    /// Exactly what would be done, or what is asked.
    pub(crate) action: String,
    /// How much is at stake: `low`, `medium` or `high`.
    pub(crate) risk: &'static str,
    /// What can be chosen, where there are choices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(crate) choices: Vec<String>,
    /// What happens when nobody answers, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unanswered: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum WantsWord {
    Consent,
    Words,
    WayOut,
    Done,
}

impl From<&QuestionView> for QuestionShown {
    fn from(view: &QuestionView) -> Self {
        let question = &view.question;
        Self {
            question: view.id.0.0,
            wants: view.wants().name(),
            reason: clip(&question.reason, MAX_REASON),
            action: clip(&question.action, MAX_ACTION),
            risk: match question.risk {
                Risk::Low => "low",
                Risk::Medium => "medium",
                Risk::High => "high",
            },
            choices: question.choices.iter().map(|one| line(one)).collect(),
            unanswered: unanswered(view),
        }
    }
}

fn unanswered(view: &QuestionView) -> Option<String> {
    let deadline = view.deadline?;
    let then = match (view.on_expiry, &view.question.default) {
        (OnExpiry::Proceed, Some(default)) => format!("it goes on with: {}", line(default)),
        (OnExpiry::Proceed, None) => "it goes on".to_owned(),
        (OnExpiry::Deny, _) => "it is refused".to_owned(),
        (OnExpiry::Fail, _) => "the task fails".to_owned(),
    };
    Some(format!("without an answer until {deadline} {then}"))
}

impl QuestionShown {
    /// The same for somebody who reads.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "Question {} ({}, {} risk): {}\n{}\n",
            self.question, self.wants, self.risk, self.reason, self.action
        );
        for choice in &self.choices {
            text += &format!("- {choice}\n");
        }
        if let Some(then) = &self.unanswered {
            text += &format!("({then})\n");
        }
        text
    }
}
