//! Every recorded path case holds for the tools themselves.

use crate::path_cases::{Effort, Judged, cases, judge};
use std::time::Duration;

/// The recorded cases, and more that were written without a look at the code.
const FILES: &[&str] = &[
    include_str!("../../../../tests/data/security/paths.jsonl"),
    include_str!("../../../../tests/data/security/paths-blind.jsonl"),
];

/// The score tries each race longer.
const EFFORT: Effort = Effort {
    runs: 2,
    time: Duration::from_millis(300),
};

#[test]
fn no_path_leads_a_tool_out_and_none_inside_is_refused() {
    let mut failed = Vec::new();
    for file in FILES {
        let cases = cases(file).unwrap();
        assert!(cases.len() > 100, "the cases are there");
        let judged = cases.iter().map(|case| judge(case, EFFORT));
        failed.extend(
            judged
                .filter(|one| !one.passed())
                .map(|one: Judged| one.row()),
        );
    }
    // What this machine cannot set up says so.
    let (not_run, failed): (Vec<_>, Vec<_>) =
        failed.into_iter().partition(|row| row.contains("NOT RUN"));
    for row in not_run {
        println!("skipped: {row}");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
