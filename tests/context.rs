//! What a model is shown over a long attempt: the prefix stays, old outputs go when the window is
//! near, and what is gone can be recalled.

use crate::world::{Ended, World};
use loom_engine::TaskStatus;
use loom_events::{Event, NewTask, Rung};
use loom_sim::{Fault, Options, Reply, Request, Role, SimModel, Speaker, Stall, ViolationKind};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Says that an output is not there any more.
const LEFT_OUT: &str = "left out to save room";

/// Reads this many pieces of `big.txt` before it writes its result.
const READS: usize = 10;

/// Plans one step, reads piece after piece, recalls what it has lost, writes, and claims to be done.
fn reader(request: &Request) -> Reply {
    let called = |name: &str| request.past_calls().filter(|c| c.name == name).count();
    match request.role {
        Some(Role::Planner | Role::Replanner) => Reply::json(&json!({"subtasks": [{
            "id": "look", "title": "Read it all", "description": "Read big.txt, then write out.txt.",
            "criteria": ["out.txt says done."],
            "checks": [{"kind": "file_contains", "path": "out.txt", "regex": "done"}]}]})),
        Some(Role::Executor) => match lost(request) {
            Some(id) if called("recall") == 0 => Reply::call("recall", &json!({"output": id})),
            _ if called("read_file") < READS => {
                let line = called("read_file") * 30 + 1;
                let piece = json!({"path": "big.txt", "start_line": line, "end_line": line + 29});
                Reply::call("read_file", &piece)
            }
            _ if called("write_file") == 0 => Reply::call(
                "write_file",
                &json!({"path": "out.txt", "content": "done\n"}),
            ),
            _ => Reply::text("out.txt says done."),
        },
        _ => Reply::text("no"),
    }
}

/// The id of the first output that was left out.
fn lost(request: &Request) -> Option<String> {
    let gone = request.messages.iter().find(|m| m.contains(LEFT_OUT))?;
    let how = gone.text.as_ref()?.split("{\"output\":\"").nth(1)?;
    Some(how.split('"').next()?.to_owned())
}

fn big() -> String {
    (1..=900)
        .map(|n| format!("line {n} of a file that is long, {n:060}\n"))
        .collect()
}

/// One attempt, judged by checks alone, with outputs of some eight hundred tokens.
fn task(world: &World) -> NewTask {
    world.write("big.txt", &big());
    let mut new = world.task("read big.txt and write out.txt");
    new.settings.ladder = vec![Rung::Planned];
    new.settings.limits.plan_versions = 1;
    new.settings.limits.tool_output_bytes = 6_000;
    new.settings.verification.tier = 1;
    new
}

fn executor(world: &World) -> Vec<Request> {
    let records = world.server.requests().into_iter();
    let asked = records.map(|record| record.request);
    asked.filter(|r| r.role == Some(Role::Executor)).collect()
}

fn assert_completed(ended: &Ended) {
    let story: Vec<_> = ended.events().map(Event::name).collect();
    let why = &ended.view.reason;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{why:?}\n{story:#?}"
    );
}

/// Nothing is wrong with the requests but that outputs were left out so many times.
fn assert_elided(world: &World, times: usize) {
    let found: Vec<_> = world.server.violations().iter().map(|v| v.kind).collect();
    assert_eq!(found, vec![ViolationKind::ResultsElided; times]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_outgrows_its_window_is_trimmed_once_and_goes_on() {
    let world = World::code_in(reader, Options::default(), Some(16_384)).await;
    let ended = world.run_task(task(&world)).await;
    assert_completed(&ended);
    assert_eq!(ended.count("context_trimmed"), 1);
    assert_elided(&world, 1);
    world.assert_replays(ended.id).await;

    // What was left out was read back as it had been.
    let requests = executor(&world);
    let last = requests.last().unwrap();
    let recall = last.past_calls().find(|c| c.name == "recall").unwrap();
    let answer = last
        .messages
        .iter()
        .find(|m| m.call_id.as_ref() == Some(&recall.id));
    let answer = answer.unwrap().text.clone().unwrap();
    let id = lost(last).unwrap();
    let shown = |request: &Request| {
        let mut messages = request.messages.iter();
        messages
            .find(|m| m.call_id.as_ref() == Some(&id))
            .unwrap()
            .text
            .clone()
            .unwrap()
    };
    let before = requests.iter().find(|r| r.turn() == 1).map(shown).unwrap();
    let output = before.split("\n\n[Reminder").next().unwrap();
    assert!(output.contains("line 30 of"), "{output}");
    assert!(answer.contains(output), "{answer}\n---\n{output}");
    // The newest outputs and the harness's own words stay.
    let trimmed = requests.iter().find(|r| r.contains(LEFT_OUT)).unwrap();
    let tools: Vec<_> = trimmed
        .messages
        .iter()
        .filter(|m| m.speaker == Speaker::Tool)
        .collect();
    let whole = tools
        .iter()
        .rev()
        .take_while(|m| !m.contains(LEFT_OUT))
        .count();
    assert!(
        whole >= 2 && whole < tools.len(),
        "{whole} of {}",
        tools.len()
    );
    assert_eq!(
        tools[0].text.as_ref().unwrap().split("shows it]").nth(1),
        before.split(output).nth(1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_trim_and_the_answer_asks_with_the_same_bytes() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let first = AtomicBool::new(true);
    let respond = move |request: &Request| {
        let reply = reader(request);
        if request.contains(LEFT_OUT) && first.swap(false, Ordering::SeqCst) {
            tell.send(request.number).unwrap();
            let stall = Stall {
                chunks: 0,
                for_ms: None,
            };
            return reply.with_fault(Fault::StallAfter(stall));
        }
        reply
    };
    let mut world = World::code_in(respond, Options::default(), Some(16_384)).await;
    let id = world.engine.submit(task(&world)).await.unwrap();
    told.recv().await.unwrap();
    world.crash_and_recover().await;
    let ended = world.ended(id).await;
    assert_completed(&ended);
    assert_eq!(ended.count("context_trimmed"), 1);
    world.assert_replays(id).await;
    let trimmed: Vec<_> = executor(&world)
        .into_iter()
        .filter(|r| r.contains(LEFT_OUT))
        .collect();
    assert_eq!(trimmed[0].messages, trimmed[1].messages);
    assert_eq!(trimmed[0].tools, trimmed[1].tools);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_a_smaller_window_than_it_is_said_to_have_is_believed_once() {
    let options = Options {
        models: vec![SimModel {
            id: "sim-small".to_owned(),
            context: Some(9_000),
        }],
        ..Options::default()
    };
    let world = World::code_in(reader, options, Some(65_536)).await;
    let ended = world.run_task(task(&world)).await;
    assert_completed(&ended);
    assert_eq!(
        ended.count("model_call_failed"),
        0,
        "it was asked again in the same turn"
    );
    assert!(ended.count("context_trimmed") >= 1);
    let percents = ended.events().filter_map(|event| match event {
        Event::ModelCallCompleted { reply, .. } => Some(reply.context_percent),
        _ => None,
    });
    assert!(percents.max().unwrap() > 25, "it does not know the window");
    world.assert_replays(ended.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_is_left_to_leave_out_the_attempt_fails_with_the_setting() {
    let talk = |request: &Request| match request.role {
        // Its own words fill the window: nothing of them is ever left out.
        Some(Role::Executor) => Reply {
            text: (0..2_000).map(|n| format!("word{n} ")).collect(),
            ..Reply::call(
                "list_directory",
                &json!({"path": format!("./{}", "/".repeat(request.turn()))}),
            )
        },
        _ => reader(request),
    };
    let world = World::code_in(talk, Options::default(), Some(16_384)).await;
    let ended = world.run_task(task(&world)).await;
    assert_eq!(ended.view.status, TaskStatus::Failed);
    let failures: Vec<&str> = ended
        .events()
        .filter_map(|event| match event {
            Event::ModelCallFailed { failure, .. } => Some(failure.message.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        failures.len(),
        1,
        "it is not asked again and again: {failures:?}"
    );
    let attempt = ended.view.subtasks[0].last_attempt().unwrap();
    let reason = ended.view.reason.clone().unwrap();
    for said in [failures[0], &attempt.feedback, &reason] {
        assert!(
            said.contains("`context_length`") && said.contains("16384"),
            "{said}"
        );
    }
    world.assert_replays(ended.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_begins_with_the_one_before_it() {
    let world = World::code(reader).await;
    let ended = world.run_task(task(&world)).await;
    assert_completed(&ended);
    world.assert_well_formed();
    let records = world.server.requests();
    let turns: Vec<_> = records
        .windows(2)
        .filter(|pair| pair.iter().all(|r| r.request.role == Some(Role::Executor)))
        .collect();
    assert!(turns.len() > READS, "{}", turns.len());
    for pair in turns {
        let (before, now) = (pair[0].stats, pair[1].stats);
        assert!(now.continued);
        // All of it but what a template writes to begin an answer.
        assert!(
            now.shared_bytes * 100 >= before.total_bytes * 95,
            "{} of {} bytes",
            now.shared_bytes,
            before.total_bytes
        );
    }
}

/// Long enough to be cut.
const SAID: &str = "I was about to say something of some length, and then the connection was gone, \
                    which is a pity, since it would have been of interest to whoever reads this.";

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_call_failed_is_kept() {
    let broken = AtomicBool::new(true);
    let respond = move |request: &Request| {
        let reply = reader(request);
        let executor = request.role == Some(Role::Executor);
        if executor && broken.swap(false, Ordering::SeqCst) {
            return Reply::text(SAID).with_fault(Fault::DropAfter(3));
        }
        reply
    };
    let world = World::code(respond).await;
    let ended = world.run_task(task(&world)).await;
    assert_completed(&ended);
    let partial = ended.events().find_map(|event| match event {
        Event::ModelCallFailed { partial, .. } => partial.clone(),
        _ => None,
    });
    let kept = world.engine.reader().blob(&partial.unwrap()).await.unwrap();
    let kept = String::from_utf8(kept.unwrap()).unwrap();
    assert!(SAID.starts_with(&kept) && !kept.is_empty(), "{kept:?}");
}

#[tokio::test]
async fn what_is_known_of_models_is_kept_without_an_engine_and_read_beside_one() {
    let dir = tempfile::tempdir().unwrap();
    let facts = loom_engine::ModelFacts {
        server: "http://a".into(),
        model: "m".into(),
        facts: json!({"window": 4096}),
        seen: loom_events::Time::from_millis(7),
    };
    loom_engine::keep_model_facts(dir.path(), vec![facts.clone()])
        .await
        .unwrap();
    let reader = loom_engine::Reader::open(dir.path(), None).unwrap();
    assert_eq!(reader.model_facts().await.unwrap(), [facts]);
}
