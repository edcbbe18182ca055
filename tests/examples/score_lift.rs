//! Measures what the harness makes of a weak model: `just score lift`.
//!
//! `score_lift` runs the whole table, `score_lift everything` with as many tasks in every cell as in those
//! of which something is promised, `score_lift quick` a part of it, `score_lift faults` the faults,
//! and `score_lift cell LETTERS CLASS STEPS TASKS` single cells (I is H with executions that vote); `LETTERS`
//! may be the name of an ablation. `score_lift taught LETTER CLASS STEPS BEFORE TASKS` runs so many tasks before
//! with a person who looks at some, in a sandbox, and says how far what is stated of others is so; `score_lift
//! reckoned FILE PERCENT [CUTS]` reckons the same from lines that were kept, with so many cuts into halves.
//! `LOOM_LIFT_SHOW=DIR` keeps the journal of each task there, `LOOM_LIFT_KEEP=FILE`
//! adds a line for each task of a cell to that file, and `LOOM_LIFT_PLACE=DIR` is where data and workspaces
//! are, if not in memory.

use loom_tests::lift::{
    Cell, Class, Extent, Person, Place, Tally, Variant, look, matrix, measure, reckoned, run, say,
    taught,
};
use std::path::Path;
use std::process::ExitCode;

/// Where the picture goes.
const PICTURE: &str = "target/lift.svg";

/// The worlds and every draw follow from it.
const SEED: u64 = 1;

/// Of a hundred finished tasks the number that a person looks at.
const LOOKS_AT: u64 = 30;

fn main() -> ExitCode {
    // Where commands run in a sandbox this program is what puts them there.
    if let Some(code) = loom_workspace::sandbox_helper(std::env::args_os()) {
        return code;
    }
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(scored())
}

async fn scored() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let passed = match words.as_slice() {
        ["cell", letters, class, steps, tasks] => {
            let mut others = Variant::without();
            others.extend(Variant::voting());
            others.push(Variant::tiring());
            let named = others.into_iter().find(|v| v.name == **letters);
            let variants: Vec<Variant> = match named {
                Some(variant) => vec![variant],
                None => letters.chars().map(variant).collect(),
            };
            for variant in variants {
                cell(variant, class, (steps, tasks)).await;
            }
            true
        }
        ["taught", letter, class, steps, before, tasks] => {
            let person = Person {
                looks_at: LOOKS_AT,
                before: before.parse().expect("a number"),
            };
            let letter = letter.chars().next().expect("a letter");
            let cell = cell_of(variant(letter), class, (steps, tasks));
            let helper = std::env::current_exe().expect("a program");
            taught(&cell, person, &place(), Some(helper)).await;
            true
        }
        ["reckoned", file, share, cuts @ ..] => {
            let number = |text: &str| text.parse::<u64>().expect("a number");
            let cuts = SEED..=cuts.first().map_or(SEED, |cuts| number(cuts));
            let path = Path::new(file);
            reckoned(path, number(share), cuts).expect("a file that can be read");
            true
        }
        ["faults"] => faults().await,
        ["quick"] => measure(Extent::QUICK, SEED, Path::new(PICTURE)).await,
        ["everything"] => {
            faults().await & measure(Extent::EVERYTHING, SEED, Path::new(PICTURE)).await
        }
        _ => faults().await & measure(Extent::FULL, SEED, Path::new(PICTURE)).await,
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn faults() -> bool {
    let wrong = matrix(true).await;
    for line in &wrong {
        say(&format!("WRONG {line}"));
    }
    wrong.is_empty()
}

/// H with a strong planner and verifier goes by the letter S.
fn variant(letter: char) -> Variant {
    match letter {
        'S' => Variant::letter('H').headed_by(Class::Strong),
        letter => Variant::letter(letter),
    }
}

/// Where data and workspaces are.
fn place() -> Place {
    let place = std::env::var_os("LOOM_LIFT_PLACE").map(|dir| Place(dir.into()));
    place.unwrap_or_else(Place::in_memory)
}

fn cell_of(variant: Variant, class: &str, (steps, tasks): (&str, &str)) -> Cell {
    let number = |text: &str| text.parse().expect("a number");
    let class = [
        Class::Weak,
        Class::Middling,
        Class::Strong,
        Class::Faultless,
    ]
    .into_iter()
    .find(|c| c.name() == class)
    .expect("a class");
    Cell {
        variant,
        class,
        steps: number(steps),
        tasks: number(tasks),
        seed: SEED,
        trouble: None,
    }
}

/// For whoever looks into one cell.
async fn cell(variant: Variant, class: &str, (steps, tasks): (&str, &str)) {
    let cell = cell_of(variant, class, (steps, tasks));
    let (class, begun) = (cell.class, std::time::Instant::now());
    let outcomes = run(&cell, &place()).await;
    let t = Tally::of(&outcomes);
    let defects = t.defects.iter().filter(|(_, share)| **share > 0.0);
    let defects: Vec<String> = defects
        .map(|(k, share)| format!("{} {share:.0}", k.name()))
        .collect();
    say(&format!(
        "{} {} {steps} x {}: {:.1} / {:.1} / {:.1} ({:.1}), turns {:.1}, {:.2} s a task, {:.1} s in all | {}",
        class.name(),
        cell.variant.name,
        t.tasks,
        t.finished,
        t.wrong,
        t.stopped,
        t.stopped_finished,
        t.turns,
        t.seconds,
        begun.elapsed().as_secs_f64(),
        defects.join(", ")
    ));
    look(&outcomes);
    let mut why: Vec<String> = outcomes
        .iter()
        .filter(|o| !o.completed)
        .map(|o| o.reason.chars().take(150).collect())
        .collect();
    why.sort();
    for line in why.iter().take(12) {
        say(&format!("  stopped: {}", line.replace('\n', " ")));
    }
}
