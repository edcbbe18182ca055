//! What the checks say before the work: only what was red can prove anything by being green.

use crate::check::{Look, Scene, look};
use crate::files::blocking;
use crate::{CheckRunner, Step, mistakes};
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
    /// Why it can say nothing here, when that is so: its program is not installed, it names what is
    /// not there and nothing makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
    /// How many tests were run, by the runner's own report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<u64>,
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

    /// What is wrong with these checks themselves, for the planner.
    #[must_use]
    pub fn mistakes(&self, of: &[Check]) -> Vec<String> {
        self.trials
            .iter()
            .filter(|t| of.contains(&t.check))
            .filter_map(|t| t.unusable.clone())
            .collect()
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

/// Beyond this a green run is not repeated before the work: a suite of minutes is not run twice to
/// find out whether it is stable.
const SLOW: Duration = Duration::from_secs(60);

/// Runs of a check that was not the same twice, in all.
const RUNS: usize = 5;

/// Runs every check before the work, commands twice. One that is red and then green, or the other
/// way round, is looked at three times more, to say how often, and decides nothing.
pub async fn baseline(
    workspace: &Arc<Workspace>,
    step: &Step,
    runner: &dyn CheckRunner,
) -> Baseline {
    let scene = Scene {
        workspace,
        runner,
        changes: &[],
        tests_before: None,
    };
    let mut trials: Vec<Trial> = Vec::new();
    for check in step.every_check() {
        trials.push(try_check(scene, step, check).await);
    }
    Baseline { trials }
}

async fn try_check(scene: Scene<'_>, step: &Step, check: &Check) -> Trial {
    let first = look(scene, check, FIRST_TIMEOUT).await;
    let unusable = match &first.unusable {
        Some(why) => Some(why.clone()),
        None => mistake(scene, step, check, &first).await,
    };
    let mut trial = Trial {
        check: check.clone(),
        power: power(first.passed),
        seen: first.seen,
        unusable,
        tests: first.tests,
        duration_ms: u64::try_from(first.duration.as_millis()).unwrap_or(u64::MAX),
    };
    if trial.unusable.is_some() {
        trial.power = CheckPower::Unknown;
        return trial;
    }
    let slow_and_green = first.passed && first.duration > SLOW;
    if check.command().is_none() || slow_and_green {
        return trial;
    }
    let second = look(scene, check, FIRST_TIMEOUT).await;
    if second.passed == first.passed {
        return trial;
    }
    let mut green = 1;
    for _ in 2..RUNS {
        green += usize::from(look(scene, check, FIRST_TIMEOUT).await.passed);
    }
    trial.power = CheckPower::Quarantined;
    trial.seen = format!("unstable before the work: green in {green} of {RUNS} runs");
    trial
}

const fn power(green: bool) -> CheckPower {
    if green {
        CheckPower::Guard
    } else {
        CheckPower::Discriminating
    }
}

async fn mistake(scene: Scene<'_>, step: &Step, check: &Check, look: &Look) -> Option<String> {
    let (workspace, step) = (Arc::clone(scene.workspace), step.clone());
    let (check, look) = (check.clone(), look.clone());
    blocking(move || mistakes::mistake(&check, &look, &step, &workspace)).await
}
