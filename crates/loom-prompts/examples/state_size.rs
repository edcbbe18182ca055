//! What the view of a task costs in every prompt, for plans of 5, 50 and 500 subtasks, as a table and one
//! line of JSON. Promised is at most 1,500 tokens, estimated as everywhere in Loom.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use loom_events::SubtaskId;
use loom_prompts::{
    ErrorLine, FileLine, StepLine, StepStatus, TaskState, estimate_tokens, state_yaml,
};
use std::process::ExitCode;

/// The promise.
const MOST: u64 = 1_500;

/// Sizes of plans.
const PLANS: [usize; 3] = [5, 50, 500];

/// A text as long as the place that it is for, made of something.
type Text = fn(usize) -> String;

/// What the texts are made of. The last two cost most: a token for each character, and escapes.
const TEXTS: [(&str, Text); 4] = [
    ("ordinary sentences", |n| {
        format!("The reader of dates takes {n} forms, and the tests say which. ").repeat(2)
    }),
    ("long sentences", |n| {
        format!(
            "Part {n} of the importer was moved to a module of its own, see src/import/{n}.rs. "
        )
        .repeat(20)
    }),
    ("another script", |n| {
        format!("{n}日本語の説明文です。").repeat(60)
    }),
    ("signs that YAML escapes", |n| {
        format!("{n}\u{0}\u{85}\"'\\:\u{202e}\u{feff}# ").repeat(60)
    }),
];

fn main() -> ExitCode {
    println!(
        "{:<28} {:>7} {:>7} {:>7}",
        "tokens of the state", 5, 50, 500
    );
    let mut most = 0;
    for (name, text) in TEXTS {
        let tokens = PLANS.map(|steps| {
            // At the beginning, in the middle and at the end.
            let of = [0, steps / 2, steps - 1].map(|done| {
                let yaml = state_yaml(&state(steps, done, text));
                estimate_tokens(&yaml)
            });
            of.into_iter().fold(0, u64::max)
        });
        println!(
            "{name:<28} {:>7} {:>7} {:>7}",
            tokens[0], tokens[1], tokens[2]
        );
        most = tokens.into_iter().fold(most, u64::max);
    }
    let passed = most <= MOST;
    println!(
        "{{\"name\":\"state\",\"plans\":[5,50,500],\"most_tokens\":{most},\"passed\":{passed}}}"
    );
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// A task with a plan of so many steps of which so many are done, and with much of everything else.
fn state(steps: usize, done: usize, text: Text) -> TaskState {
    let id = |n: usize| SubtaskId::new(format!("step-{n}")).expect("BUG: an id");
    let step = |n: usize| StepLine {
        id: id(n),
        title: text(n),
        status: match n.cmp(&done) {
            std::cmp::Ordering::Less => StepStatus::Completed,
            std::cmp::Ordering::Equal => StepStatus::Running,
            std::cmp::Ordering::Greater => StepStatus::Pending,
        },
        summary: if n < done { text(n) } else { String::new() },
    };
    TaskState {
        goal: text(0),
        plan_version: 3,
        steps: (0..steps).map(step).collect(),
        current: Some(id(done)),
        instructions: (0..8).map(text).collect(),
        decisions: (0..done.min(40)).map(text).collect(),
        errors: (0..done.min(20))
            .map(|n| ErrorLine {
                what: text(n),
                resolution: Some(text(n + 1)),
            })
            .collect(),
        changes: (0..done)
            .map(|n| FileLine {
                path: format!("src/part_{n}/{}.rs", text(n)),
                added: 120,
                removed: 7,
            })
            .collect(),
    }
}
