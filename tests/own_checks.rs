//! The user's own checks of the whole result: what must hold whatever a plan says.

use crate::tasks::ONE_STEP;
use crate::world::World;
use loom_engine::{SubmitError, TaskStatus};
use loom_events::Event;

/// A planner that forgets half of the goal, and plans it when it is told what fails.
const FORGETFUL: &str = r#"
name: forgetful
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: write-out
        title: Write out.txt
        description: Write the word hello into out.txt.
        criteria: ["out.txt says hello."]
        checks: [{kind: file_contains, path: out.txt, regex: hello}]
- when: {role: replanner}
  reply:
    json:
      subtasks:
      - id: write-more
        title: Write more.txt
        description: Write the word more into more.txt.
        criteria: ["more.txt says more."]
        checks: [{kind: file_contains, path: more.txt, regex: more}]
- when: {role: executor, subtask: write-out, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: out.txt, content: "hello\n"}}]}
- when: {role: executor, subtask: write-more, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: more.txt, content: "more\n"}}]}
- when: {role: executor}
  reply: {text: "It is written."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: out.txt says hello, verdict: met, quote: hello, why: it is there}
      - {contains: more.txt says more, verdict: met, quote: more, why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: hello, why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: hello, why: only added}
- when: {role: extractor}
  reply: {json: {summary: wrote it, entries: []}}
"#;

const OWN: &str = "grep -q more more.txt";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_users_own_check_finds_missing_is_planned_and_done() {
    let world = World::new(FORGETFUL).await;
    let mut new = world.task("write hello into out.txt and more into more.txt");
    new.settings.verification.checks = vec![OWN.to_owned()];
    // Own checks decide at the end, whatever else is looked at there.
    new.settings.verification.final_gate = false;
    let ended = world.run_task(new).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(world.read("more.txt").as_deref(), Some("more\n"));
    assert_eq!(ended.view.plan_version, 2);
    let told = |role| {
        let requests = world.server.requests();
        let of_role = |r: &&loom_sim::Record| r.request.role == Some(role);
        let first = requests.iter().find(of_role).expect("it was asked");
        let texts = first.request.messages.iter();
        texts.filter_map(|m| m.text.clone()).collect::<String>()
    };
    assert!(
        told(loom_sim::Role::Planner).contains(OWN),
        "the planner was not told"
    );
    world.assert_replays(ended.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_passes_everything_but_the_users_own_check_is_no_completion() {
    let world = World::new(ONE_STEP).await;
    let mut new = world.task("write hello into out.txt and more into more.txt");
    new.settings.verification.checks = vec![OWN.to_owned()];
    new.settings.limits.plan_versions = 1;
    let ended = world.run_task(new).await;
    assert_eq!(ended.view.status, TaskStatus::Failed);
    let reason = ended.view.reason.clone().unwrap_or_default();
    assert!(reason.contains(OWN), "{reason}");
    let passed = |event: &&Event| matches!(event, Event::SubtaskCompleted { .. });
    assert_eq!(ended.events().filter(passed).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_check_that_cannot_fail_is_refused_before_anything_is_done() {
    let world = World::new(ONE_STEP).await;
    for line in ["true", "cargo test || true", "  "] {
        let mut new = world.task("write hello into out.txt");
        new.settings.verification.checks = vec![line.to_owned()];
        let refused = world.engine.submit(new).await;
        assert!(
            matches!(refused, Err(SubmitError::Rejected(_))),
            "{line}: {refused:?}"
        );
    }
    assert!(world.server.requests().is_empty());
}
