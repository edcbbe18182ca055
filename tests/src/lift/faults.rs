//! A faultless model and one class of faults at a time: every task ends truly finished or honestly
//! failed.

use super::cell::{Cell, Place, run};
use super::score::{heading, say};
use super::spoiled::Trouble;
use super::variant::{Class, Variant};
use loom_sim::DefectKind;

/// Steps of a task: enough that one comes after another.
const STEPS: usize = 3;

/// Tasks for each class of faults.
const TASKS: usize = 3;

/// Runs them all, or those that need no waiting. Returns what went wrong: none when all is well.
pub async fn matrix(all: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    if all {
        heading(
            "A faultless model with one class of faults: truly finished / honestly failed / silently wrong",
        );
    }
    let troubles = Trouble::all().into_iter();
    for trouble in troubles.filter(|trouble| all || !trouble.is_slow()) {
        let name = format!(
            "{}, {}",
            trouble.name,
            if trouble.always {
                "always"
            } else {
                "once a step"
            }
        );
        let cell = Cell {
            variant: Variant::letter('H'),
            class: Class::Faultless,
            steps: STEPS,
            tasks: TASKS,
            seed: 9,
            trouble: Some(trouble.clone()),
        };
        let outcomes = run(&cell, &Place::in_memory()).await;
        let count = |what: &dyn Fn(&super::outcome::Outcome) -> bool| {
            outcomes.iter().filter(|o| what(o)).count()
        };
        let finished = count(&|o| o.completed && o.finished());
        let failed = count(&|o| !o.completed);
        let silent = count(&|o| o.completed && !o.finished());
        // What was cut off or could not be read has left nothing in a file.
        let half = count(&|o| {
            o.truth
                .defects
                .iter()
                .any(|d| !matches!(d.kind, DefectKind::Missing | DefectKind::NotNoted))
        });
        if all {
            let why = outcomes
                .iter()
                .find(|o| !o.completed)
                .map_or("", |o| o.reason.as_str());
            let why: String = why.chars().take(90).collect();
            say(&format!(
                "{name:34} {finished} / {failed} / {silent}  {why}"
            ));
        }
        if silent > 0 || half > 0 {
            wrong.push(format!(
                "{name}: {silent} silently wrong, {half} with half a result"
            ));
        }
        if !trouble.always && !trouble.is_final() && finished < outcomes.len() {
            wrong.push(format!(
                "{name}: only {finished} of {} finished",
                outcomes.len()
            ));
        }
    }
    wrong
}
