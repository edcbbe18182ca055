//! Steps side by side: each in a fork, brought back one at a time, and out again when it does not fit.

use crate::world::{Ended, World};
use loom_engine::{Feed, RevertScope, TaskStatus};
use loom_events::{AttemptEnd, Command, Event, NewTask, Seq, TaskId};
use loom_sim::{Options, Reply, Request, Role};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

/// A step that leaves a word in a file of its own.
fn step(id: &str) -> Value {
    json!({"id": id, "title": format!("Write {id}.txt"),
        "description": format!("Put the word {id} into {id}.txt."),
        "criteria": [format!("{id}.txt says {id}.")],
        "checks": [{"kind": "file_contains", "path": format!("{id}.txt"), "regex": id}]})
}

/// What every role but the executor says to a plan.
fn others(request: &Request, plan: &[Value]) -> Reply {
    match request.role {
        Some(Role::Planner | Role::Replanner) => Reply::json(&json!({"subtasks": plan})),
        Some(Role::Extractor) => Reply::json(&json!({"summary": "done", "entries": []})),
        _ => Reply::text("no"),
    }
}

/// The step that an executor is asked for: only its own is described to it.
fn own(request: &Request) -> String {
    let said = request.opening().iter().filter_map(|m| m.text.as_deref());
    let mut said = said.filter_map(|text| text.rsplit_once("Put the word "));
    let word = said.next_back().map(|(_, rest)| rest.split(' ').next());
    word.flatten().unwrap_or("nothing").to_owned()
}

/// Where steps look around until all of them have begun: then their forks are of one state.
struct Meeting {
    of: usize,
    seen: Mutex<BTreeSet<String>>,
}

impl Meeting {
    fn of(of: usize) -> Self {
        let seen = Mutex::default();
        Self { of, seen }
    }

    fn wait(&self, request: &Request) -> Option<Reply> {
        let mut seen = self.seen.lock().unwrap();
        seen.insert(own(request));
        let path = format!("nothing-{}.txt", request.turn());
        (seen.len() < self.of).then(|| Reply::call("read_file", &json!({"path": path})))
    }
}

fn has_written(request: &Request) -> bool {
    request.past_calls().any(|call| call.name == "write_file")
}

/// Writes the file of the step, then says so.
fn write_own(request: &Request) -> Reply {
    let id = own(request);
    match has_written(request) {
        false => Reply::call(
            "write_file",
            &json!({"path": format!("{id}.txt"), "content": format!("{id}\n")}),
        ),
        true => Reply::text(format!("{id}.txt says {id}.")),
    }
}

/// Tasks that may work on so many steps at once, judged by checks alone.
fn parallel(world: &World, steps: u32) -> NewTask {
    let mut new = world.task("write the files");
    new.settings.max_parallel_subtasks = steps;
    // Who waits for the others takes turns, many of them on a machine with more to do.
    new.settings.limits.turns_per_attempt = 2_000;
    new.settings.verification.tier = 1;
    new.settings.verification.final_gate = false;
    new
}

/// Paths and content of a directory, to the byte.
pub(crate) fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(at) = todo.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_string_lossy();
                found.insert(name.into_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// No fork is left of a task that has ended, once its runner has.
pub(crate) async fn assert_swept(world: &World, task: TaskId) {
    for _ in 0..500 {
        if !world.engine.is_running(task) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let forks = world.home.path().join(format!("data/tasks/{task}/forks"));
    let left = std::fs::read_dir(&forks).map(|left| left.flatten().collect::<Vec<_>>());
    assert!(left.is_err(), "{left:?} is left");
}

pub(crate) fn completed(ended: &Ended) {
    let story: Vec<_> = ended.events().map(Event::name).collect();
    let status = ended.view.status;
    assert_eq!(
        status,
        TaskStatus::Completed,
        "{:?}\n{story:#?}",
        ended.view.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn four_steps_work_side_by_side_and_a_revert_takes_all_of_them_back() {
    let ids = ["alpha", "beta", "gamma", "delta"];
    let plan: Vec<Value> = ids.map(step).into();
    let respond = move |request: &Request| match request.role {
        Some(Role::Executor) => write_own(request),
        _ => others(request, &plan),
    };
    let world = World::code_in(respond, Options::default(), None).await;
    world.write("src/keep.txt", "mine\n");
    let before = tree(&world.work());
    let ended = world.run_task(parallel(&world, 4)).await;
    completed(&ended);

    let started: Vec<_> = ended.events().map(Event::name).collect();
    let at = |name: &str| started.iter().position(|n| *n == name).unwrap();
    let begun = started[..at("attempt_prepared")]
        .iter()
        .filter(|n| **n == "subtask_started");
    assert_eq!(begun.count(), 4, "they did not begin at once: {started:#?}");
    let forks = ended.events().filter(
        |e| matches!(e, Event::AttemptPrepared { prepared, .. } if prepared.fork.is_some()),
    );
    assert_eq!(forks.count(), 4);
    assert_eq!(ended.count("merged"), 4);
    let moved = |e: &&Event| {
        matches!(
            e,
            Event::Merged {
                base_moved: true,
                ..
            }
        )
    };
    assert_eq!(ended.events().filter(moved).count(), 3);
    for id in ids {
        assert_eq!(world.read(&format!("{id}.txt")), Some(format!("{id}\n")));
    }
    let files: Vec<_> = ended.view.files.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    world.assert_well_formed();
    world.assert_replays(ended.id).await;
    assert_swept(&world, ended.id).await;

    let report = world.engine.revert(ended.id, RevertScope::Task).await;
    assert!(report.unwrap().conflicts.is_empty());
    assert_eq!(tree(&world.work()), before);
}

/// Both rewrite the one line of a file, so only the first can be brought back.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_does_not_fit_is_told_and_the_next_attempt_stands_on_the_other_one() {
    let both = |id: &str| {
        json!({"id": id, "title": format!("Name {id}"),
            "description": format!("Put the word {id} into names.txt, beside what is there."),
            "criteria": ["names.txt has it."],
            "checks": [{"kind": "file_contains", "path": "names.txt", "regex": "first"}]})
    };
    let plan = vec![both("alpha"), both("beta")];
    let meeting = Meeting::of(2);
    let respond = move |request: &Request| {
        if request.role != Some(Role::Executor) {
            return others(request, &plan);
        }
        if let Some(wait) = meeting.wait(request) {
            return wait;
        }
        let mut outputs = request.messages.iter().filter(|m| m.call_id.is_some());
        let second = outputs.any(|m| m.contains(" first"));
        let looked = request.past_calls().any(|call| call.contains("names.txt"));
        match (looked, has_written(request)) {
            (false, _) => Reply::call("read_file", &json!({"path": "names.txt"})),
            (true, false) => {
                let line = match second {
                    true => "second first\n".to_owned(),
                    false => format!("{} first\n", own(request)),
                };
                Reply::call("write_file", &json!({"path": "names.txt", "content": line}))
            }
            (true, true) => Reply::text("It is there."),
        }
    };
    let world = World::code_in(respond, Options::default(), None).await;
    world.write("names.txt", "nobody\n");
    let ended = world.run_task(parallel(&world, 2)).await;
    completed(&ended);
    assert_eq!(ended.count("merge_conflicted"), 1);
    let conflict = ended.events().find_map(|e| match e {
        Event::AttemptEnded {
            why: AttemptEnd::Conflict,
            counts,
            feedback,
            ..
        } => Some((*counts, feedback.clone())),
        _ => None,
    });
    let (counts, feedback) = conflict.expect("no attempt ended as a conflict");
    assert!(!counts && feedback.contains("names.txt"), "{feedback}");
    assert_eq!(world.read("names.txt").as_deref(), Some("second first\n"));
    world.assert_replays(ended.id).await;
    let report = world.engine.revert(ended.id, RevertScope::Task).await;
    assert!(report.unwrap().conflicts.is_empty());
    assert_eq!(world.read("names.txt").as_deref(), Some("nobody\n"));
}

/// Each passes alone; together they break the checks of both.
fn quarrel() -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let alone = |id: &str, other: &str| {
        json!({"id": id, "title": format!("Write {id}.txt"),
            "description": format!("Put the word {id} into {id}.txt."),
            "criteria": [format!("{id}.txt says {id}.")],
            "checks": [{"kind": "command", "command": format!("test -e {id}.txt && test ! -e {other}.txt")}]})
    };
    let plan = vec![alone("alpha", "beta"), alone("beta", "alpha")];
    let meeting = Meeting::of(2);
    move |request: &Request| match request.role {
        Some(Role::Executor) => meeting.wait(request).unwrap_or_else(|| write_own(request)),
        _ => others(request, &plan),
    }
}

/// What is left of the quarrel: one result, and what was there before.
fn assert_one(world: &World, how: &str) {
    let left = tree(&world.work());
    let names: Vec<_> = left.keys().map(String::as_str).collect();
    let one = names == ["alpha.txt", "keep.txt"] || names == ["beta.txt", "keep.txt"];
    assert!(one, "{how}: {names:?}");
    assert_eq!(left["keep.txt"], b"mine\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_red_on_the_merged_tree_is_taken_out_again_to_the_byte() {
    let world = World::code_in(quarrel(), Options::default(), None).await;
    world.write("keep.txt", "mine\n");
    let mut new = parallel(&world, 2);
    new.settings.limits.plan_versions = 1;
    new.settings.ladder = vec![loom_events::Rung::Planned];
    new.settings.limits.iterations = 4;
    let ended = world.run_task(new).await;
    assert_eq!(ended.view.status, TaskStatus::Failed);
    assert!(ended.count("unmerged") >= 1, "{:?}", ended.view.reason);
    let red = ended.events().any(|e| {
        matches!(
            e,
            Event::AttemptEnded {
                why: AttemptEnd::Conflict,
                counts: false,
                ..
            }
        )
    });
    assert!(red, "the recheck cost a rung, or was none");
    assert_one(&world, "at the end");
    world.assert_replays(ended.id).await;
    assert_swept(&world, ended.id).await;
    let report = world.engine.revert(ended.id, RevertScope::Task).await;
    assert!(report.unwrap().conflicts.is_empty());
    assert_eq!(tree(&world.work()).len(), 1);
}

/// Follows a task until an event, whatever it takes.
pub(crate) async fn until(world: &World, task: TaskId, after: Seq, name: &str) -> Option<Seq> {
    let mut feed = world.engine.follow(task, after);
    while let Some(Ok(item)) = futures_util::StreamExt::next(&mut feed).await {
        if let Feed::Record(record) = item
            && record.envelope.event.name() == name
        {
            return Some(record.envelope.seq);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_any_event_around_a_merge_leaves_all_of_it_or_nothing() {
    for name in [
        "prepare_started",
        "fork_changed",
        "merge_started",
        "file_changed",
        "merged",
        "unmerge_started",
        "unmerged",
    ] {
        let mut world = World::code_in(quarrel(), Options::default(), None).await;
        world.write("keep.txt", "mine\n");
        let mut new = parallel(&world, 2);
        new.settings.limits.plan_versions = 1;
        new.settings.ladder = vec![loom_events::Rung::Planned];
        new.settings.limits.iterations = 4;
        let id = world.engine.submit(new).await.unwrap();
        let seen = until(&world, id, Seq::ZERO, name).await;
        assert!(seen.is_some(), "{name} never came");
        world.crash_and_recover().await;
        let ended = world.ended(id).await;
        assert_one(&world, &format!("killed at {name}"));
        assert!(!ended.view.summary.clone().unwrap().unclean, "{name}");
        world.assert_replays(id).await;
        assert_swept(&world, id).await;
        let report = world.engine.revert(id, RevertScope::Task).await.unwrap();
        assert!(
            report.conflicts.is_empty(),
            "{name}: {:?}",
            report.conflicts
        );
        assert_eq!(tree(&world.work()).len(), 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_cancelled_while_it_merges_leaves_no_unjudged_result() {
    let world = World::code_in(quarrel(), Options::default(), None).await;
    world.write("keep.txt", "mine\n");
    let id = world.engine.submit(parallel(&world, 2)).await.unwrap();
    until(&world, id, Seq::ZERO, "merge_started").await.unwrap();
    let reason = "enough".to_owned();
    // Its last instant may have come before the command.
    let _late = world.engine.command(id, Command::Cancel { reason }).await;
    let ended = world.ended(id).await;
    assert_eq!(ended.view.status, TaskStatus::Cancelled);
    let summary = ended.view.summary.clone().unwrap();
    assert!(!summary.unclean);
    let kept = ended.count("subtask_completed");
    assert_eq!(tree(&world.work()).len(), 1 + kept, "{summary:?}");
    assert_eq!(ended.count("merged"), kept + ended.count("unmerged"));
    world.assert_replays(id).await;
    assert_swept(&world, id).await;
}

/// The first attempt fails its check, and the second finds what the first wrote.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_model_goes_on_in_its_fork_and_another_begins_in_a_fresh_one() {
    let plan = vec![step("alpha"), step("beta")];
    let respond = move |request: &Request| {
        if request.role != Some(Role::Executor) || own(request) != "alpha" {
            return match request.role {
                Some(Role::Executor) => write_own(request),
                _ => others(request, &plan),
            };
        }
        let found = request
            .messages
            .iter()
            .any(|m| m.call_id.is_some() && m.contains("half"));
        match (request.turn(), found) {
            (0, _) => Reply::call("read_file", &json!({"path": "draft.txt"})),
            (1, false) => Reply::call(
                "write_file",
                &json!({"path": "draft.txt", "content": "half\n"}),
            ),
            (1, true) => Reply::call(
                "write_file",
                &json!({"path": "alpha.txt", "content": "alpha\n"}),
            ),
            _ => Reply::text("Done."),
        }
    };
    let world = World::code_in(respond, Options::default(), None).await;
    let mut new = parallel(&world, 2);
    new.settings.limits.nudges = 0;
    let ended = world.run_task(new).await;
    completed(&ended);
    let forks: Vec<_> = ended
        .records
        .iter()
        .filter(|r| {
            r.envelope
                .subtask_id
                .as_ref()
                .is_some_and(|s| s.as_str() == "alpha")
        })
        .filter_map(|r| match &r.envelope.event {
            Event::AttemptPrepared { prepared, .. } => prepared.fork.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(forks.len(), 2, "{forks:?}");
    assert_eq!(forks[0], forks[1], "the second attempt lost the draft");
    assert_eq!(world.read("draft.txt").as_deref(), Some("half\n"));
    assert_eq!(world.read("alpha.txt").as_deref(), Some("alpha\n"));
    world.assert_replays(ended.id).await;
}

/// A copy is never named: not to the model, not in what a command finds.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_fork_everything_is_named_as_in_the_workspace() {
    let plan = vec![step("alpha"), step("beta")];
    let respond = move |request: &Request| match (request.role, request.turn()) {
        (Some(Role::Executor), 0) => Reply::call("shell_execute", &json!({"command": "pwd"})),
        (Some(Role::Executor), 1) => {
            // What it was told is where it goes on.
            let said = request
                .last()
                .and_then(|m| m.text.clone())
                .unwrap_or_default();
            let here = said
                .lines()
                .find(|l| l.starts_with('/'))
                .unwrap_or("/nowhere");
            let id = own(request);
            let command = format!("cd {here} && echo {id} > {id}.txt");
            Reply::call("shell_execute", &json!({"command": command}))
        }
        (Some(Role::Executor), _) => Reply::text("Done."),
        _ => others(request, &plan),
    };
    let world = World::code_in(respond, Options::default(), None).await;
    let ended = world.run_task(parallel(&world, 2)).await;
    completed(&ended);
    assert_eq!(world.read("alpha.txt").as_deref(), Some("alpha\n"));
    assert_eq!(world.read("beta.txt").as_deref(), Some("beta\n"));
    let requests = world.server.requests();
    let work = world.work().canonicalize().unwrap();
    let named = |text: &str| requests.iter().any(|r| r.request.contains(text));
    assert!(
        named(&work.to_string_lossy()),
        "no command said where it was"
    );
    assert!(!named("/forks/"), "a copy was named");
    world.assert_replays(ended.id).await;
}
