//! The gate as a whole, on real workspaces: what passes, what fails, and what nobody can tell.

mod gate;
mod parts;
mod project;
mod rules;
mod verdicts;

use crate::harness::{Place, answering, command, step};
use loom_events::CriterionVerdict;

const TEST: &str = "test \"$(sh greet.sh)\" = hello";

/// A judge that would agree to anything, with a quote that is there.
fn agreeable() -> impl crate::Judge {
    answering(CriterionVerdict::Met, "echo hello")
}

fn greeting(place: &Place) {
    place.write("greet.sh", "echo hello\n");
}

/// A workspace whose work is right, and the input for judging it.
async fn right_work() -> (Place, crate::GateInput) {
    let place = Place::with(&[("greet.sh", "echo hallo\n")]);
    let step = step(vec![command(TEST)]);
    let baseline = place.baseline(&step).await;
    greeting(&place);
    let input = place.input(step, baseline);
    (place, input)
}
