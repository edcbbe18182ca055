//! Properties over random runs and over every prefix of their journals, and planted faults that
//! show that the properties notice.
//!
//! A run is a [`world`] that answers, fails, crashes and commands at random from a seed, with rates
//! that differ from run to run: with uniform ones most faults survive. What must hold is read off
//! the journal alone by [`audit`], never off the state, which could be wrong in the same way.

mod audit;
mod mutants;
mod random;
mod votes;
mod world;

use crate::desk::Desk;
use crate::step::{LOOM, Machine};
use audit::audit;
use loom_events::Envelope;
use random::Random;
use world::World;

/// Runs of the default test: a few seconds of a small machine. Every mutant is found within this.
const SEEDS: u64 = 1_000;

/// Every so many prefixes of a journal one is continued to the end; all are recovered.
const CONTINUED: usize = 29;

/// How many runs, `LOOM_KERNEL_SEEDS` of the test's environment if it is set.
fn seeds() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "a larger run by hand: LOOM_KERNEL_SEEDS=100000 cargo test -p loom-kernel --release"
    )]
    let asked = std::env::var("LOOM_KERNEL_SEEDS");
    asked.ok().and_then(|n| n.parse().ok()).unwrap_or(SEEDS)
}

/// One random run to its end, and what was wrong with it.
fn run(machine: &'static Machine, seed: u64) -> (Vec<Envelope>, Vec<String>) {
    let mut world = World::new(machine, seed);
    let mut faults = world.run().err().into_iter().collect::<Vec<_>>();
    faults.extend(audit(&world.desk.journal, &world.desk.boundaries));
    faults.extend(votes::audit(&world.desk.journal));
    (world.desk.journal, faults)
}

#[test]
fn random_runs_end_and_keep_every_property() {
    for seed in 0..seeds() {
        let (journal, faults) = run(&LOOM, seed);
        assert!(
            faults.is_empty(),
            "seed {seed}: {faults:#?}\n{}",
            tail(&journal)
        );
    }
}

#[test]
fn every_prefix_of_a_journal_can_be_taken_up() {
    for seed in 0..seeds() / 5 {
        let (journal, _) = run(&LOOM, seed);
        for cut in 1..journal.len() {
            let mut desk = Desk::resume(&LOOM, &journal[..cut]);
            desk.crash();
            if cut % CONTINUED != usize::try_from(seed).unwrap() % CONTINUED {
                continue;
            }
            let mut world = World::take_up(desk, seed ^ 0x5eed);
            let ended = world.run();
            assert_eq!(ended, Ok(()), "seed {seed} cut at {cut}");
            let mut faults = audit(&world.desk.journal, &world.desk.boundaries);
            faults.extend(votes::audit(&world.desk.journal));
            assert!(
                faults.is_empty(),
                "seed {seed} cut at {cut}: {faults:#?}\n{}",
                tail(&world.desk.journal)
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    assert_eq!(run(&LOOM, 7).0, run(&LOOM, 7).0);
}

/// The runs are worth something only if they get everywhere.
#[test]
fn random_runs_reach_every_event_that_can_happen() {
    let mut seen: std::collections::BTreeSet<&str> = std::collections::BTreeSet::new();
    for seed in 0..SEEDS {
        seen.extend(run(&LOOM, seed).0.iter().map(|e| e.event.name()));
    }
    let missing: Vec<&str> = EVENTS
        .into_iter()
        .filter(|name| !seen.contains(name))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Every event that the kernel writes by itself or for an outcome.
const EVENTS: [&str; 56] = [
    "task_created",
    "runner_started",
    "task_planning",
    "task_replanning",
    "plan_rejected",
    "planning_abandoned",
    "task_plan_ready",
    "task_paused",
    "task_resumed",
    "task_stopping",
    "task_completed",
    "task_failed",
    "task_cancelled",
    "limit_reached",
    "degraded",
    "subtask_started",
    "prepare_started",
    "attempt_prepared",
    "nudge_given",
    "attempt_ended",
    "execution_set_aside",
    "executions_compared",
    "subtask_retrying",
    "subtask_progress",
    "subtask_completed",
    "subtask_failed",
    "subtask_blocked",
    "subtask_skipped",
    "subtask_reset",
    "model_call_started",
    "model_call_completed",
    "plan_proposed",
    "model_call_failed",
    "tool_call_started",
    "tool_call_completed",
    "tool_call_held",
    "effect_failed",
    "effect_interrupted",
    "reconcile_started",
    "effect_reconciled",
    "verification_started",
    "verification_passed",
    "verification_failed",
    "verification_inconclusive",
    "merge_started",
    "merged",
    "merge_conflicted",
    "unmerge_started",
    "unmerged",
    "approval_requested",
    "approval_granted",
    "approval_denied",
    "question_answered",
    "approval_expired",
    "approval_withdrawn",
    "steer_instruction",
];

/// The end of a journal, for a failing test.
fn tail(journal: &[Envelope]) -> String {
    let from = journal.len().saturating_sub(60);
    let lines = journal[from..]
        .iter()
        .map(|e| format!("{} {:?}", e.seq, e.event));
    lines.collect::<Vec<_>>().join("\n")
}
