//! Progress notifications: numbers that only rise, at most two a second, and a sign of life while
//! nothing happens, since many clients give up on a call that is silent for a minute.

use loom_client::wire::Task;
use loom_view::text::{line, plural};
use loom_view::{SubtaskStatus, TaskStatus};
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use std::time::Duration;
use tokio::time::Instant;

/// At most two a second.
pub(crate) const APART: Duration = Duration::from_millis(500);

/// Well below the minute after which clients give up.
pub(crate) const SILENCE: Duration = Duration::from_secs(10);

/// Notifications until a step that runs counts as half done.
const HALF: f64 = 30.0;

/// The progress of one call.
pub(crate) struct Meter {
    to: Option<(Peer<RoleServer>, ProgressToken)>,
    number: Number,
    pace: Pace,
}

/// What was said last, and when.
#[derive(Debug, Default)]
struct Pace {
    sent: Option<Instant>,
    said: String,
}

impl Pace {
    /// Whether this is to be said now: not too soon, and not again, unless as a sign of life.
    fn says(&mut self, text: &str, now: Instant) -> bool {
        let since = self.sent.map(|sent| now.saturating_duration_since(sent));
        let says = match since {
            None => true,
            Some(since) => since >= SILENCE || (since >= APART && text != self.said),
        };
        if says {
            self.sent = Some(now);
            text.clone_into(&mut self.said);
        }
        says
    }
}

/// A number that only rises: the steps that are done, and a part of the one that runs.
#[derive(Debug, Default)]
struct Number {
    last: f64,
    done: u32,
    within: u32,
}

impl Number {
    fn next(&mut self, done: u32) -> f64 {
        if done != self.done {
            self.done = done;
            self.within = 0;
        }
        self.within += 1;
        let within = f64::from(self.within);
        let value = f64::from(done) + within / (within + HALF);
        // A new plan may have fewer steps that are done.
        self.last = match value > self.last {
            true => value,
            false => self.last + 0.001,
        };
        self.last
    }
}

impl Meter {
    pub(crate) fn new(peer: &Peer<RoleServer>, token: Option<ProgressToken>) -> Self {
        Self {
            to: token.map(|token| (peer.clone(), token)),
            number: Number::default(),
            pace: Pace::default(),
        }
    }

    /// When there should be a sign of life; none when nobody listens.
    pub(crate) fn due(&self) -> Option<Instant> {
        let sent = self.pace.sent?;
        self.to.is_some().then(|| sent + SILENCE)
    }

    /// Tells where the task stands, unless that was just told.
    pub(crate) async fn tell(&mut self, task: &Task) {
        let text = message(task);
        if !self.pace.says(&text, Instant::now()) {
            return;
        }
        let Some((peer, token)) = &self.to else {
            return;
        };
        let (done, total) = (task.progress.done, f64::from(task.progress.total));
        let value = self.number.next(done);
        let mut progress = ProgressNotificationParam::new(token.clone(), value).with_message(text);
        if total >= value {
            progress = progress.with_total(total);
        }
        if let Err(error) = peer.notify_progress(progress).await {
            // The call itself learns in its own way that its client has gone.
            tracing::debug!(%error, "progress was not delivered");
        }
    }
}

/// One line. It begins with the id: whoever loses the call finds the task again.
fn message(task: &Task) -> String {
    let view = &task.view;
    let now = match view.status {
        TaskStatus::Executing | TaskStatus::WaitingApproval if !view.questions.is_empty() => {
            let first = view.questions.first();
            let reason = first.map(|one| line(&one.question.reason));
            format!("waits for an answer: {}", reason.unwrap_or_default())
        }
        TaskStatus::Executing => steps(task),
        status => status.name().replace('_', " "),
    };
    let id = task.task_id;
    match task.progress.total {
        0 => format!("{id}: {now}"),
        total => format!(
            "{id}: {} of {}: {now}",
            task.progress.done,
            plural(total as usize, "step")
        ),
    }
}

fn steps(task: &Task) -> String {
    let running = task.view.subtasks.iter().filter_map(|step| {
        let title = line(&step.spec.title);
        match step.status {
            SubtaskStatus::Verifying => Some(format!("checking “{title}”")),
            SubtaskStatus::Running => {
                let now = step.last_attempt().and_then(|last| last.current.as_deref());
                Some(match now {
                    Some(now) => format!("{title} ({})", line(now)),
                    None => title,
                })
            }
            _ => None,
        }
    });
    let running: Vec<String> = running.collect();
    match running.is_empty() {
        true => "executing".to_owned(),
        false => running.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_two_a_second_are_said_and_a_sign_of_life_in_ten() {
        let begin = Instant::now();
        let mut pace = Pace::default();
        let mut said = Vec::new();
        for millis in (0..40_000).step_by(50) {
            // Something new for ten seconds, then nothing.
            let text = format!("event {}", millis.min(10_000));
            if pace.says(&text, begin + Duration::from_millis(millis)) {
                said.push(millis);
            }
        }
        let busy: Vec<_> = (0..=10_000).step_by(500).collect();
        assert_eq!(said, [busy.as_slice(), &[20_000, 30_000]].concat());
    }

    #[test]
    fn the_number_only_rises_also_when_a_new_plan_has_less_done() {
        let mut number = Number::default();
        let mut last = 0.0;
        for done in std::iter::repeat_n(0, 5_000).chain([1, 2, 1, 1, 0, 3]) {
            let value = number.next(done);
            assert!(value > last, "{value} after {last}");
            last = value;
        }
        assert!((3.0..4.0).contains(&last), "{last}");
    }
}
