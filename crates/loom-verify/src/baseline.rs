//! What the checks say before the work: only what was red can prove anything by being green.

use crate::CheckRunner;
use crate::check::{Look, look};
use loom_events::{Check, CheckPower};
use loom_workspace::Workspace;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What each check said before the work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// One for each check, in their order.
    pub trials: Vec<Trial>,
}

/// What one check said before the work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The check.
    pub check: Check,
    /// What it can prove.
    pub power: CheckPower,
    /// What was seen.
    pub seen: String,
    /// Why it can say nothing here, when that is so: its program is not installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

impl Baseline {
    /// What was seen of a check before the work.
    #[must_use]
    pub fn trial(&self, check: &Check) -> Option<&Trial> {
        self.trials.iter().find(|trial| trial.check == *check)
    }

    /// What a check can prove; unknown when it was not tried.
    #[must_use]
    pub fn power(&self, check: &Check) -> CheckPower {
        self.trial(check)
            .map_or(CheckPower::Unknown, |trial| trial.power)
    }

    /// Whether any check was red before the work: a step without one is weak.
    #[must_use]
    pub fn discriminates(&self) -> bool {
        self.trials
            .iter()
            .any(|trial| trial.power == CheckPower::Discriminating)
    }
}

/// The least time that a command gets; test suites of small projects end within it.
pub(crate) const MIN_TIMEOUT: Duration = Duration::from_secs(60);

/// A command gets so many times what it took before the work.
const TIMEOUT_FACTOR: u64 = 5;

/// How long a command may take before anything is known about it.
const FIRST_TIMEOUT: Duration = Duration::from_secs(300);

/// The time that a check gets after the work.
pub(crate) fn timeout(baseline: &Baseline, check: &Check) -> Duration {
    match baseline.trial(check) {
        Some(trial) => MIN_TIMEOUT.max(Duration::from_millis(
            trial.duration_ms.saturating_mul(TIMEOUT_FACTOR),
        )),
        None => FIRST_TIMEOUT,
    }
}

/// Runs every check before the work. A command that is red is run again: only one that is red
/// twice can prove something by being green.
pub async fn baseline(
    workspace: &Arc<Workspace>,
    checks: &[Check],
    runner: &dyn CheckRunner,
) -> Baseline {
    let mut trials: Vec<Trial> = Vec::new();
    for check in checks {
        trials.push(try_check(workspace, check, runner).await);
    }
    Baseline { trials }
}

async fn try_check(workspace: &Arc<Workspace>, check: &Check, runner: &dyn CheckRunner) -> Trial {
    let first = look(workspace, check, runner, FIRST_TIMEOUT).await;
    let power = match (&first, check) {
        (
            Look {
                unusable: Some(_), ..
            },
            _,
        ) => CheckPower::Unknown,
        (Look { passed: true, .. }, _) => CheckPower::Guard,
        (_, Check::Command { .. }) => {
            let second = look(workspace, check, runner, FIRST_TIMEOUT).await;
            if second.passed || second.unusable.is_some() {
                CheckPower::Unknown
            } else {
                CheckPower::Discriminating
            }
        }
        _ => CheckPower::Discriminating,
    };
    Trial {
        check: check.clone(),
        power,
        seen: first.seen,
        unusable: first.unusable,
        duration_ms: u64::try_from(first.duration.as_millis()).unwrap_or(u64::MAX),
    }
}
