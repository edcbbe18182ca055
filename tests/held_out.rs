//! Checks that are held out: they decide, and nothing of them reaches whoever works.

use crate::world::World;
use loom_engine::TaskStatus;
use loom_events::{Event, Rung};
use loom_sim::Role;

/// A planner that holds a check back, and a worker that first makes what fits the shown one only.
const HELD: &str = r#"
name: held out
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: double
        title: Write double.sh
        description: Write double.sh, which prints twice its argument.
        criteria: ["double.sh prints twice the number that it is given."]
        checks:
        - {kind: command, command: "sh double.sh 2", stdout_regex: "^4$"}
        - {kind: command, command: "sh double.sh 3417", stdout_regex: "^6834$", held_out: true, criterion: "It works for numbers of any length."}
        outputs: [double.sh]
- when: {role: executor, subtask: double, prompt: {contains: "numbers of any length"}, not_called: read_file}
  reply: {calls: [{name: read_file, arguments: {path: double.sh}}]}
- when: {role: executor, subtask: double, prompt: {contains: "numbers of any length"}, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: double.sh, content: "echo $(($1 * 2))\n"}}]}
- when: {role: executor, subtask: double, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: double.sh, content: "echo 4\n"}}]}
- when: {role: executor}
  reply: {text: "double.sh is written."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: double.sh prints twice, verdict: met, quote: echo, why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: echo, why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: echo, why: only added}
- when: {role: extractor}
  reply: {json: {summary: wrote double.sh, entries: []}}
"#;

/// What only the held-out check has.
const SECRETS: [&str; 2] = ["3417", "6834"];

#[tokio::test(flavor = "multi_thread")]
async fn work_that_fits_only_the_inputs_shown_does_not_pass_and_no_prompt_of_a_worker_names_the_others()
 {
    let world = World::new(HELD).await;
    let mut new = world.task("write double.sh");
    new.settings.ladder = vec![Rung::Planned, Rung::Feedback];
    new.settings.limits.nudges = 0;
    let ended = world.run_task(new).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    let attempts = ended.count("subtask_started");
    assert_eq!(attempts, 2, "the first attempt only echoes 4");
    let verdicts: Vec<String> = ended
        .events()
        .filter_map(|event| match event {
            Event::VerificationFailed { verdict, .. } => Some(verdict.feedback.clone()),
            _ => None,
        })
        .collect();
    assert!(
        verdicts[0].contains("It works for numbers of any length."),
        "{verdicts:?}"
    );

    let requests = world.server.requests();
    let mut seen = 0;
    for record in &requests {
        let text = format!("{:?}", record.request.messages);
        let told = SECRETS.iter().any(|secret| text.contains(secret));
        match record.request.role {
            Some(Role::Planner | Role::Replanner) => {}
            _ => {
                seen += 1;
                assert!(!told, "{:?} was told: {text}", record.request.role);
            }
        }
    }
    assert!(seen >= 4, "{seen} requests");
    // Whatever is noted for people in words that workers also read.
    for verdict in &verdicts {
        assert!(SECRETS.iter().all(|secret| !verdict.contains(secret)));
    }
    let sure = ended.view.subtasks[0].last_attempt().unwrap();
    let parts = &sure.verdict.as_ref().unwrap().verdict.confidence.parts;
    assert!(
        parts.iter().any(|part| part.why.contains("held out")),
        "{parts:?}"
    );
    world.assert_replays(ended.id).await;
    world.assert_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_out_check_that_cannot_run_says_nothing_and_is_not_named() {
    let lost = HELD
        .replace("sh double.sh 3417", "no-such-program-6834 3417")
        .replace("not_called: write_file}\n  reply: {calls: [{name: write_file, arguments: {path: double.sh, content: \"echo 4\\n\"}}]}", "not_called: write_file}\n  reply: {calls: [{name: write_file, arguments: {path: double.sh, content: \"echo $(($1 * 2))\\n\"}}]}");
    let world = World::new(&lost).await;
    let ended = world.run("write double.sh").await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    for what in &ended.view.degraded {
        assert!(SECRETS.iter().all(|s| !what.contains(s)), "{what}");
    }
    for record in &world.server.requests() {
        if record.request.role == Some(Role::Executor) {
            let text = format!("{:?}", record.request.messages);
            assert!(SECRETS.iter().all(|s| !text.contains(s)), "{text}");
        }
    }
}
