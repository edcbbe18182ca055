//! What came of one task, and of many.

use super::kept;
use loom_engine::{SubtaskStatus, TaskStatus, TaskView};
use loom_events::{Confidence, ConfidencePart, Record, TaskId};
use loom_sim::{DefectKind, Truth};
use std::collections::BTreeMap;
use std::time::Duration;

/// What came of one task.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub task: TaskId,
    pub truth: Truth,
    /// Whether the task ended as completed.
    pub completed: bool,
    /// Why not, when it did not.
    pub reason: String,
    /// Calls of the worker's model.
    pub turns: usize,
    /// How sure it was: the product over its steps.
    pub confidence: f64,
    /// For each completed step how sure it was, and whether it is right at the end.
    pub steps: Vec<(f64, bool)>,
    /// The same as it was stated, where earlier tasks taught how such results turn out; and how sure it
    /// is by its evidence.
    pub stated: Vec<Stated>,
    /// What its verdicts rest on, for those who look closer.
    pub evidence: serde_json::Value,
    pub took: Duration,
}

/// What was stated of a completed step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stated {
    pub evidence: f64,
    pub stated: f64,
    pub right: bool,
}

impl Outcome {
    pub fn of(truth: Truth, seen: (&TaskView, &[Record]), took: Duration) -> Self {
        let (view, records) = seen;
        let done = view
            .subtasks
            .iter()
            .filter(|step| step.status == SubtaskStatus::Completed);
        let verdicts: Vec<(&Confidence, bool)> = done
            .filter_map(|step| {
                let verdict = step.last_attempt()?.verdict.as_ref()?;
                let number = number(&step.spec.title)?;
                Some((&verdict.verdict.confidence, truth.is_right(number)))
            })
            .collect();
        let steps: Vec<(f64, bool)> = verdicts
            .iter()
            .map(|(sure, right)| (as_with_a_sandbox(sure), *right))
            .collect();
        let stated = verdicts.iter().map(|(sure, right)| Stated {
            evidence: sure.evidence(),
            stated: sure.value,
            right: *right,
        });
        let completed = view.status == TaskStatus::Completed;
        let turns = records.iter().filter(|record| {
            use loom_events::Event;
            matches!(&record.envelope.event, Event::ModelCallCompleted { .. })
        });
        Self {
            task: view.id,
            completed,
            reason: view.reason.clone().unwrap_or_default(),
            turns: turns.count(),
            confidence: steps.iter().map(|(sure, _)| sure).product(),
            stated: stated.collect(),
            steps,
            truth,
            evidence: kept::evidence(view),
            took,
        }
    }

    pub const fn finished(&self) -> bool {
        self.truth.finished()
    }
}

/// How sure it would be with a sandbox. These runs have none, for speed, and Loom takes that off its
/// sureness as it does everywhere; the work of a simulated model does not depend on it.
pub(super) fn as_with_a_sandbox(confidence: &Confidence) -> f64 {
    /// What stays while a model has no record, and while something else was degraded.
    const NO_RECORD: f64 = 0.95;
    const DEGRADED: f64 = -0.4;
    let parts = || {
        let parts = confidence.parts.iter();
        parts.filter(|part| !part.why.contains("without a sandbox"))
    };
    let is_cap = |part: &&ConfidencePart| part.why.starts_with("at most");
    let sum: f64 = parts().filter(|p| !is_cap(p)).map(|part| part.delta).sum();
    let degraded = parts().any(|part| (part.delta - DEGRADED).abs() < 1e-9);
    let caps = parts().filter(is_cap);
    let caps = caps.filter(|part| degraded || !part.why.ends_with("something was degraded"));
    let cap = caps.map(|part| part.delta).fold(NO_RECORD, f64::min);
    (1.0 / (1.0 + (-sum).exp())).min(cap)
}

/// The number of the step that a title names.
fn number(title: &str) -> Option<usize> {
    title
        .split_whitespace()
        .find_map(|word| word.strip_suffix(':')?.strip_prefix('s')?.parse().ok())
}

/// What came of many tasks, in percent.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub tasks: usize,
    /// Reported complete, and so it is.
    pub finished: f64,
    /// Reported complete, and it is not.
    pub wrong: f64,
    /// Not reported complete.
    pub stopped: f64,
    /// Of those the share that was finished in truth.
    pub stopped_finished: f64,
    pub turns: f64,
    pub seconds: f64,
    /// Tasks with a defect of this kind left, of those reported complete.
    pub defects: BTreeMap<DefectKind, f64>,
}

impl Tally {
    /// The standard error of the share of finished ones, in points.
    #[expect(clippy::cast_precision_loss, reason = "a number of tasks")]
    pub fn error(&self) -> f64 {
        let share = self.finished / 100.0;
        100.0 * (share * (1.0 - share) / self.tasks.max(1) as f64).sqrt()
    }

    #[expect(clippy::cast_precision_loss, reason = "few tasks")]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let tasks = outcomes.len();
        let percent = |count: usize| 100.0 * count as f64 / tasks.max(1) as f64;
        let share =
            |what: fn(&Outcome) -> bool| percent(outcomes.iter().filter(|o| what(o)).count());
        let mean = |sum: f64| sum / tasks.max(1) as f64;
        let mut defects = BTreeMap::new();
        for kind in DefectKind::ALL {
            let with = outcomes.iter().filter(|outcome| {
                outcome.completed && outcome.truth.defects.iter().any(|d| d.kind == kind)
            });
            defects.insert(kind, percent(with.count()));
        }
        Self {
            tasks,
            finished: share(|o| o.completed && o.finished()),
            wrong: share(|o| o.completed && !o.finished()),
            stopped: share(|o| !o.completed),
            stopped_finished: share(|o| !o.completed && o.finished()),
            turns: mean(outcomes.iter().map(|o| o.turns as f64).sum()),
            seconds: mean(outcomes.iter().map(|o| o.took.as_secs_f64()).sum()),
            defects,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sure(parts: &[(&str, f64)]) -> f64 {
        let parts = parts.iter().map(|(why, delta)| ConfidencePart {
            why: (*why).to_owned(),
            delta: *delta,
        });
        as_with_a_sandbox(&Confidence {
            value: 0.5,
            parts: parts.collect(),
            by_evidence: None,
        })
    }

    #[test]
    fn what_a_missing_sandbox_takes_off_is_left_out_and_nothing_else() {
        let bare = ("commands run without a sandbox, as told", -0.4);
        let cap = ("at most 0.79: something was degraded", 0.79);
        let proven = ("a check was red before the work and is green", 2.3);
        assert!((sure(&[proven, bare, cap]) - 0.909).abs() < 0.001);
        let other = ("the verifier is weaker", -0.4);
        assert!((sure(&[proven, bare, other, cap]) - 0.79).abs() < 0.001);
        assert!((sure(&[("much", 9.0), bare, cap]) - 0.95).abs() < 0.001);
    }
}
