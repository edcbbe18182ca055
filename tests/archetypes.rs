//! The four ways in which models fail at long work, and what each meets here. Where a defence has a
//! switch the same model is run with it and without it: it is the defence that makes the difference.
//! Where it has none, the test fails when somebody takes it out.

use crate::world::World;
use loom_engine::TaskStatus;
use loom_events::{Event, TaskSettings};
use loom_tests::lift::{Cell, Class, Place, Tally, Variant, run};

/// What its model says to a verifier's question and to an extractor's.
const REST: &str = r#"
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: the colours, verdict: met, quote: green, why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: green, why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: green, why: only added}
- when: {role: extractor}
  reply: {json: {summary: noted green, entries: []}}
"#;

const PLAN: &str = r#"
name: an archetype
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: note-green
        title: Add green to notes.txt
        description: Add the word green to the colours in notes.txt.
        criteria: ["notes.txt has green among the colours."]
        checks: [{kind: file_contains, path: notes.txt, regex: green}]
        expected_files: [notes.txt]
"#;

const NOTES: &str = "red\nblue\nthe key is under the mat\n";

fn playbook(executor: &str) -> String {
    format!("{PLAN}{executor}{REST}")
}

fn settings(change: impl FnOnce(&mut TaskSettings)) -> TaskSettings {
    let mut settings = TaskSettings {
        learning: false,
        ..TaskSettings::default()
    };
    // The reviewer of these tests says yes to everything: it is not what is looked at.
    settings.limits.plan_versions = 1;
    settings.bands.proceed = 0.0;
    settings.bands.ask = 0.0;
    settings.bands.stop = 0.0;
    change(&mut settings);
    settings
}

/// Writes what it believes the file to be, without a look, and looks only when it has to.
#[tokio::test(flavor = "multi_thread")]
async fn premature_action_what_was_not_read_is_not_overwritten() {
    let hasty = r#"
- when: {role: executor, not_called: read_file, turn: 0}
  reply: {calls: [{name: write_file, arguments: {path: notes.txt, content: "red\nblue\ngreen\n"}}]}
- when: {role: executor, not_called: read_file}
  reply: {calls: [{name: read_file, arguments: {path: notes.txt}}]}
- when: {role: executor, not_called: edit_file}
  reply: {calls: [{name: edit_file, arguments: {path: notes.txt, old_text: "blue\n", new_text: "blue\ngreen\n"}}]}
- when: {role: executor}
  reply: {text: "green is among the colours."}
"#;
    let world = World::new(&playbook(hasty)).await;
    world.write("notes.txt", NOTES);
    let mut new = world.task("add green to the colours in notes.txt");
    new.settings = settings(|_| {});
    let ended = world.run_task(new).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(
        world.read("notes.txt").as_deref(),
        Some("red\nblue\ngreen\nthe key is under the mat\n"),
        "a line that the model had not read is gone"
    );
}

/// Does what was asked for, and also what nobody asked for.
async fn over_helpful(scope: bool) -> (TaskStatus, World) {
    let eager = r##"
- when: {role: executor, not_called: read_file}
  reply: {calls: [{name: read_file, arguments: {path: notes.txt}}]}
- when: {role: executor, not_called: write_file}
  reply:
    calls:
    - {name: edit_file, arguments: {path: notes.txt, old_text: "blue\n", new_text: "blue\ngreen\n"}}
    - {name: write_file, arguments: {path: README.md, content: "# Notes\nAbout colours.\n"}}
    - {name: write_file, arguments: {path: colours.py, content: "COLOURS = ['red', 'blue', 'green']\n"}}
    - {name: write_file, arguments: {path: setup.cfg, content: "[metadata]\nname = notes\n"}}
- when: {role: executor}
  reply: {text: "green is among the colours, and I have set up a project for them."}
"##;
    let world = World::new(&playbook(eager)).await;
    world.write("notes.txt", NOTES);
    let mut new = world.task("add green to the colours in notes.txt");
    new.settings = settings(|settings| settings.defences.scope = scope);
    let ended = world.run_task(new).await;
    let named = |event: &Event| match event {
        Event::VerificationFailed { verdict, .. } => verdict.feedback.contains("colours.py"),
        _ => false,
    };
    assert_eq!(
        ended.events().any(named),
        scope,
        "what was not asked for is named where its defence is on"
    );
    (ended.view.status, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn over_helpfulness_what_nobody_asked_for_does_not_count_as_done() {
    let (status, _) = over_helpful(true).await;
    assert_eq!(status, TaskStatus::Failed);
    let (status, world) = over_helpful(false).await;
    assert_eq!(status, TaskStatus::Completed);
    assert!(world.read("setup.cfg").is_some(), "the difference is real");
}

/// A model that errs more, the more it has erred, on tasks of eight steps.
async fn long_work(variant: Variant) -> Tally {
    let cell = Cell {
        variant,
        class: Class::Middling,
        steps: 8,
        tasks: 16,
        seed: 3,
        trouble: None,
    };
    Tally::of(&run(&cell, &Place::in_memory()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn context_pollution_fresh_contexts_finish_what_one_long_context_does_not() {
    let one_context = Variant::without()
        .into_iter()
        .find(|variant| variant.name.contains("fresh contexts"))
        .expect("there is such a variant");
    let (fresh, polluted) = (
        long_work(Variant::letter('H')).await,
        long_work(one_context).await,
    );
    assert!(
        fresh.finished >= polluted.finished + 10.0,
        "fresh contexts: {fresh:?}, one context: {polluted:?}"
    );
}

/// Says that it is done, and has done nothing.
async fn fragile(tier: u8) -> (TaskStatus, Option<String>) {
    let empty = r#"
- when: {role: executor, not_called: read_file}
  reply: {calls: [{name: read_file, arguments: {path: notes.txt}}]}
- when: {role: executor}
  reply: {text: "Done: green is among the colours now."}
"#;
    let world = World::new(&playbook(empty)).await;
    world.write("notes.txt", NOTES);
    let mut new = world.task("add green to the colours in notes.txt");
    new.settings = settings(|settings| {
        settings.verification.tier = tier;
        settings.verification.final_gate = tier > 0;
    });
    let ended = world.run_task(new).await;
    (ended.view.status, world.read("notes.txt"))
}

#[tokio::test(flavor = "multi_thread")]
async fn fragile_execution_a_claim_is_looked_into_before_it_counts() {
    let (status, notes) = fragile(2).await;
    assert_eq!(status, TaskStatus::Failed);
    assert_eq!(notes.as_deref(), Some(NOTES));
    // A harness that believes its model reports the same nothing as completed.
    let (status, notes) = fragile(0).await;
    assert_eq!(status, TaskStatus::Completed);
    assert_eq!(notes.as_deref(), Some(NOTES));
}
