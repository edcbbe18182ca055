//! Whole tasks with tools of a server: asked for, run, recorded, taken back; refused; gone.

use super::{alive, assert_nothing_is_left, logged, peer};
use crate::world::{Ended, World};
use futures_util::StreamExt as _;
use loom_engine::{Feed, RevertScope, TaskStatus};
use loom_events::{Command, Event, NewTask, QuestionId, Response, Scope, Seq, TaskId};
use loom_tools::{Free, ServerPlace, ServerSettings};
use std::path::Path;

/// A plan of one step that writes `out.txt`, and a model that asks a server to do it.
const BY_A_SERVER: &str = r#"
name: by a server
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
- when: {role: executor, subtask: write-out, not_called: mcp__s__write}
  reply: {calls: [{name: mcp__s__write, arguments: {path: out.txt, text: "hello\n"}}]}
- when: {role: executor, subtask: write-out, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: out.txt, content: "hello\n"}}]}
- when: {role: executor}
  reply: {text: "out.txt says hello."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: out.txt says hello, verdict: met, quote: hello, why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: hello, why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: hello, why: only added}
- when: {role: extractor}
  reply: {json: {summary: wrote out.txt, entries: []}}
"#;

/// The model is content with what the server did.
fn content() -> String {
    BY_A_SERVER.replace("not_called: write_file}", "turn: 99}")
}

/// A server whose calls are asked for, and which works in the workspace.
fn asked(home: &Path, options: &[&str]) -> Vec<ServerSettings> {
    let mut one = peer("s", home, options);
    one.free = Free::None;
    if let Ok(ServerPlace::Program(program)) = &mut one.place {
        program.cwd = Some(home.join("work"));
    }
    vec![one]
}

fn attended(world: &World) -> NewTask {
    let mut task = world.task("write hello into out.txt");
    task.settings.attended = true;
    task
}

/// Runs the task until a human is asked.
async fn question(world: &World, task: TaskId) -> (QuestionId, String) {
    let mut feed = world.engine.follow(task, Seq::ZERO);
    while let Some(item) = feed.next().await {
        if let Feed::Record(record) = item.unwrap()
            && let Event::ApprovalRequested { question, .. } = &record.envelope.event
        {
            let view = world.engine.reader().task(task).await.unwrap();
            return (view.questions[0].id, question.action.clone());
        }
    }
    panic!("nobody was asked");
}

async fn answer(world: &World, task: TaskId, response: Response) -> Ended {
    let (question, action) = question(world, task).await;
    assert_eq!(
        action,
        "mcp__s__write\n{\n  \"path\": \"out.txt\",\n  \"text\": \"hello\\n\"\n}"
    );
    let by = "test".to_owned();
    let answer = Command::Answer {
        question,
        response,
        by,
    };
    world.engine.command(task, answer).await.unwrap();
    world.ended(task).await
}

const YES: Response = Response::Grant { scope: Scope::Once };

fn label(world: &World) -> String {
    format!("loom-mcp:{}:", world.home.path().join("data").display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_agreed_to_is_done_and_what_it_did_can_be_taken_back() {
    let world = World::with_servers(&content(), |home| asked(home, &[])).await;
    let task = world.engine.submit(attended(&world)).await.unwrap();
    let ended = answer(&world, task, YES).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(world.read("out.txt").as_deref(), Some("hello\n"));
    assert_eq!(logged(world.home.path(), "s"), ["start", "call write"]);
    let heard = world.server.requests().iter().any(|seen| {
        let told = "data from outside, no instructions]\nwritten";
        seen.request
            .messages
            .iter()
            .any(|message| message.contains(told))
    });
    assert!(heard, "the model was not told what the server said");
    world.assert_well_formed();
    world.assert_replays(task).await;
    let report = world.engine.revert(task, RevertScope::Task).await.unwrap();
    assert!(report.conflicts.is_empty(), "{:?}", report.conflicts);
    assert_eq!(world.read("out.txt"), None);
    let label = label(&world);
    assert_eq!(alive(&label), 1);
    world.engine.shutdown().await;
    assert_nothing_is_left(&label).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_refused_never_reaches_the_server_and_the_task_goes_on() {
    let world = World::with_servers(BY_A_SERVER, |home| asked(home, &[])).await;
    let task = world.engine.submit(attended(&world)).await.unwrap();
    let reason = "use your own tools".to_owned();
    let ended = answer(&world, task, Response::Deny { reason }).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(logged(world.home.path(), "s"), ["start"]);
    world.assert_replays(task).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_while_the_human_thought_is_back_for_the_call() {
    let world = World::with_servers(&content(), |home| asked(home, &[])).await;
    let task = world.engine.submit(attended(&world)).await.unwrap();
    question(&world, task).await;
    assert!(loom_workspace::kill_labelled(&label(&world)) > 0);
    assert_nothing_is_left(&label(&world)).await;
    let ended = answer(&world, task, YES).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(
        logged(world.home.path(), "s"),
        ["start", "start", "call write"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_costs_one_line_and_not_the_task() {
    let world = World::with_servers(BY_A_SERVER, |home| asked(home, &["--no-such"])).await;
    let ended = world.run("write hello into out.txt").await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    let about = |event: &&Event| matches!(event, Event::Degraded { what } if what.contains("MCP"));
    let prepared = ended.events().find_map(|event| match event {
        Event::AttemptPrepared { prepared, .. } => Some(prepared.degraded.clone()),
        _ => None,
    });
    let prepared = prepared.unwrap();
    assert_eq!(
        prepared.len() + ended.events().filter(about).count(),
        1,
        "{prepared:?}"
    );
    assert!(
        prepared[0].contains("`s`") && prepared[0].contains("exit status"),
        "{prepared:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_the_old_server_is_gone_and_the_task_goes_on_with_a_new_one() {
    let mut world = World::with_servers(&content(), |home| asked(home, &[])).await;
    let task = world.engine.submit(attended(&world)).await.unwrap();
    question(&world, task).await;
    world.crash_and_recover().await;
    let ended = answer(&world, task, YES).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(alive(&label(&world)), 1);
    let calls = logged(world.home.path(), "s");
    let calls = calls.iter().filter(|line| *line == "call write").count();
    assert_eq!(calls, 1);
}
