//! Planned checks without power to fail.

use loom_events::{Check, Plan};

/// Everything that is wrong with the checks of a plan, as sentences for its repair.
#[must_use]
pub fn lint_plan(_plan: &Plan) -> Vec<String> {
    unimplemented!()
}

/// Why a check proves nothing or cannot be run; none when it may be used.
#[must_use]
pub fn lint_check(_check: &Check) -> Option<String> {
    unimplemented!()
}
