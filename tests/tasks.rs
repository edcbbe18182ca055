//! Whole tasks: what must hold from a goal to its verified result.

use crate::world::World;
use loom_engine::{RevertScope, TaskStatus};
use loom_events::{
    Command, Event, Limits, QuestionId, Record, Response, Scope, Seq, SubtaskId, TaskId,
    TaskSettings,
};
use loom_sim::{Demo, Options, Playbook, Reply, Request};
use serde_json::json;

/// A plan of one step that writes `out.txt`, and a model that does it properly.
pub(crate) const ONE_STEP: &str = r#"
name: one step
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

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_becomes_a_verified_result_that_can_be_taken_back() {
    let world = World::new(ONE_STEP).await;
    world.write("keep.txt", "mine\n");
    let ended = world.run("write hello into out.txt").await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    let summary = ended.view.summary.clone().unwrap();
    assert_eq!(summary.verified.len(), 1, "{summary:?}");
    assert_eq!(world.read("out.txt").as_deref(), Some("hello\n"));
    world.assert_well_formed();
    world.assert_replays(ended.id).await;

    let report = world
        .engine
        .revert(ended.id, RevertScope::Task)
        .await
        .unwrap();
    assert!(report.conflicts.is_empty(), "{:?}", report.conflicts);
    assert_eq!(world.read("out.txt"), None);
    assert_eq!(world.read("keep.txt").as_deref(), Some("mine\n"));
    let redone = world.engine.revert(ended.id, RevertScope::LastRevert).await;
    assert!(redone.unwrap().conflicts.is_empty());
    assert_eq!(world.read("out.txt").as_deref(), Some("hello\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_a_workspace_whose_model_would_write_ends_soon_and_says_why() {
    let insists = ONE_STEP.replace(", not_called: write_file", "");
    // Of a step without checks nobody knows before that it is for files.
    let unchecked = insists.replace(
        "        checks: [{kind: file_contains, path: out.txt, regex: hello}]\n",
        "",
    );
    for (playbook, planned, most) in [
        (ONE_STEP, true, 2),
        (&insists, true, 2),
        (&unchecked, false, 40),
    ] {
        let world = World::new(playbook).await;
        let mut new = world.task("write hello into out.txt");
        new.workspace = None;
        let ended = world.run_task(new).await;
        let names: Vec<_> = ended.events().map(|event| event.name()).collect();
        assert_eq!(ended.view.status, TaskStatus::Failed, "{names:?}");
        let reason = ended.view.reason.clone().unwrap_or_default();
        let named = reason.contains("this task has no workspace");
        assert_eq!(named, planned, "{reason}");
        let asked = world.server.requests().len();
        assert!(asked <= most, "{asked} requests: {names:?}");
        world.assert_replays(ended.id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_prompt_of_a_small_task_is_under_ten_kilobytes_with_its_tools() {
    let world = World::new(ONE_STEP).await;
    world.write("keep.txt", "mine\n");
    world.run("write hello into out.txt").await;
    let requests = world.server.requests();
    let first = requests
        .iter()
        .find(|r| r.request.role == Some(loom_sim::Role::Executor))
        .expect("the executor was asked");
    let words = first
        .request
        .messages
        .iter()
        .filter_map(|m| m.text.as_ref());
    let tools = &first.request.tools;
    assert_eq!(tools.len(), 10, "the tools were not offered");
    let bytes = words.map(String::len).sum::<usize>()
        + tools
            .iter()
            .map(|t| t.definition.to_string().len())
            .sum::<usize>();
    assert!(bytes < 10_000, "{bytes} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_only_says_done_fails_with_evidence() {
    let world = World::with(Playbook::always("Done."), Options::default()).await;
    let ended = world.run("write hello into out.txt").await;
    assert_eq!(ended.view.status, TaskStatus::Failed);
    assert!(ended.count("verification_failed") > 0, "no gate said no");
    assert_eq!(ended.count("subtask_completed"), 0);
    let feedback = ended.view.subtasks[0]
        .last_attempt()
        .unwrap()
        .feedback
        .clone();
    assert!(!feedback.is_empty(), "the evidence is not there");
    world.assert_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_that_answers_in_prose_never_completes_a_task() {
    let prose = ONE_STEP.replace(
        "- when: {role: verifier}\n  reply:\n    verdict:\n      criteria:",
        "- when: {role: verifier}\n  reply: {text: \"Looks good to me, ship it!\"}\n- when: {role: replanner, turn: 99}\n  reply:\n    verdict:\n      criteria:",
    );
    let world = World::new(&prose).await;
    let ended = world.run("write hello into out.txt").await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Failed,
        "{:?}",
        ended.view.reason
    );
    assert!(ended.count("verification_inconclusive") > 0);
    world.assert_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_in_vain_is_normal_work() {
    let looking = ONE_STEP.replace(
        "- when: {role: executor, subtask: write-out, not_called: write_file}",
        r#"- when: {role: executor, subtask: write-out, turn: 0}
  reply:
    calls:
    - {name: read_file, arguments: {path: nowhere.txt}}
    - {name: search_files, arguments: {pattern: no such words}}
    - {name: shell_execute, arguments: {command: "grep -q hello out.txt"}}
- when: {role: executor, subtask: write-out, not_called: write_file}"#,
    );
    let world = World::new(&looking).await;
    let ended = world.run("write hello into out.txt").await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(
        ended.view.subtasks[0].attempts.len(),
        1,
        "it cost an attempt"
    );
    world.assert_well_formed();
}

/// Every fault once in one subtask. Each spoils the first request that it strikes.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_every_fault_in_a_subtask_does_not_stop_the_task() {
    let faults = r#"
- {name: premature, times: 1, when: {role: executor}, reply: {text: "I will write the file now."}}
- {name: claim, times: 1, when: {role: executor}, reply: {text: "out.txt is written. Done."}}
- {name: malformed, times: 1, when: {role: executor}, reply: {calls: [{name: write_file, raw: '{"path": "out.txt", "content": "hel'}]}}
- {name: unknown, times: 1, when: {role: executor}, reply: {calls: [{name: create_document, arguments: {path: out.txt}}]}}
- {name: refused, times: 1, when: {role: executor}, fault: {http: {status: 500}}}
- {name: dropped, times: 1, when: {role: executor}, reply: {text: "hello hello hello hello"}, fault: {drop_after: 2}}
"#;
    let playbook = ONE_STEP.replace(
        "- when: {role: executor, subtask: write-out, not_called: write_file}",
        &format!("{}\n- when: {{role: executor, subtask: write-out, not_called: {{name: write_file, with: hello}}}}", faults.trim()),
    );
    let world = World::new(&playbook).await;
    let ended = world.run("write hello into out.txt").await;
    let story: Vec<_> = ended.events().map(Event::name).collect();
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}\n{story:#?}",
        ended.view.reason
    );
    let used: Vec<_> = world
        .server
        .requests()
        .iter()
        .filter_map(|r| r.rule.clone())
        .collect();
    for name in [
        "premature",
        "claim",
        "malformed",
        "unknown",
        "refused",
        "dropped",
    ] {
        assert!(
            used.iter().any(|u| u == name),
            "{name} never struck: {used:?}"
        );
    }
    assert!(ended.count("nudge_given") > 0 && ended.count("verification_failed") > 0);
    world.assert_well_formed();
    world.assert_replays(ended.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_catches_each_mistake_and_its_tests_pass_in_the_end() {
    let world = World::with(Demo::playbook(), Options::default()).await;
    for file in Demo::files() {
        world.write(file.path, file.contents);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(file.mode);
        std::fs::set_permissions(world.work().join(file.path), mode).unwrap();
    }
    let ended = world.run(Demo::goal()).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    // Slips are told in the same context, what a check saw in a fresh one.
    let caught = ended.count("nudge_given") + ended.count("subtask_retrying");
    assert!(caught >= 3, "only {caught} mistakes were caught");
    world.assert_well_formed();
    world.assert_replays(ended.id).await;
    world
        .engine
        .revert(ended.id, RevertScope::Task)
        .await
        .unwrap();
    for file in Demo::files() {
        assert_eq!(
            world.read(file.path).as_deref(),
            Some(file.contents),
            "{}",
            file.path
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_killed_again_and_again_goes_on_where_it_was() {
    let mut world = World::with(Demo::playbook(), Options::default()).await;
    for file in Demo::files() {
        world.write(file.path, file.contents);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(file.mode);
        std::fs::set_permissions(world.work().join(file.path), mode).unwrap();
    }
    let id = world.engine.submit(world.task(Demo::goal())).await.unwrap();
    for at in [8, 20, 35, 50, 70, 95] {
        let mut feed = world.engine.follow(id, Seq(at));
        let next = futures_util::StreamExt::next(&mut feed);
        // Once it has ended there is nothing more to follow, and nothing to kill.
        let _reached = tokio::time::timeout(std::time::Duration::from_secs(60), next).await;
        drop(feed);
        world.crash_and_recover().await;
    }
    let ended = world.ended(id).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert!(ended.count("runner_started") >= 1);
    world.assert_replays(ended.id).await;
}

/// A command that is killed half way has changed files that nobody has recorded yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_command_left_is_put_back_and_a_revert_ends_where_the_task_began() {
    let slow = ONE_STEP.replace(
        "- when: {role: executor, subtask: write-out, not_called: write_file}",
        r#"- when: {role: executor, subtask: write-out, not_called: shell_execute}
  reply: {calls: [{name: shell_execute, arguments: {command: "echo half > partial.txt; echo theirs >> keep.txt; sleep 1; rm partial.txt"}}]}
- when: {role: executor, subtask: write-out, not_called: write_file}"#,
    );
    let mut world = World::new(&slow).await;
    world.write("keep.txt", "mine\n");
    let id = world
        .engine
        .submit(world.task("write hello"))
        .await
        .unwrap();
    for _ in 0..500 {
        if world.read("partial.txt").is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(
        world.read("partial.txt").is_some(),
        "the command never began"
    );
    world.crash_and_recover().await;
    let ended = world.ended(id).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(ended.count("effect_reconciled"), 1);
    assert_eq!(
        world.read("keep.txt").as_deref(),
        Some("mine\ntheirs\n"),
        "it ran once"
    );
    let shown: Vec<_> = ended.view.files.iter().map(|f| f.path.as_str()).collect();
    assert!(!shown.contains(&"partial.txt"), "{shown:?}");
    world.assert_replays(id).await;
    let report = world.engine.revert(id, RevertScope::Task).await.unwrap();
    assert!(report.conflicts.is_empty(), "{:?}", report.conflicts);
    assert_eq!(world.read("keep.txt").as_deref(), Some("mine\n"));
    assert_eq!(
        (world.read("out.txt"), world.read("partial.txt")),
        (None, None)
    );
}

/// Whether a command with the network was done nobody can look up, but what it changed is there to
/// be seen: recorded before anybody is asked, and once, however often Loom dies then.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_command_changed_is_recorded_before_anybody_is_asked_and_can_be_taken_back() {
    let slow = ONE_STEP.replace(
        "- when: {role: executor, subtask: write-out, not_called: write_file}",
        r#"- when: {role: executor, subtask: write-out, not_called: shell_execute}
  reply: {calls: [{name: shell_execute, arguments: {command: "echo half > partial.txt; echo theirs >> keep.txt; rm gone.txt; sleep 2; rm partial.txt"}}]}
- when: {role: executor, subtask: write-out, not_called: write_file}"#,
    );
    let again = Response::Grant { scope: Scope::Once };
    let leave = Response::Deny {
        reason: String::new(),
    };
    for (response, keeps) in [(again, "mine\ntheirs\ntheirs\n"), (leave, "mine\ntheirs\n")] {
        let mut world = World::new(&slow).await;
        world.write("keep.txt", "mine\n");
        world.write("gone.txt", "gone\n");
        let mut task = world.task("write hello");
        task.settings.network = true;
        task.settings.attended = true;
        let id = world.engine.submit(task).await.unwrap();
        while world.read("gone.txt").is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        world.crash_and_recover().await;
        asked(&world, id).await;
        world.crash_and_recover().await;
        let question = asked(&world, id).await;
        let changed = |path: &'static str| {
            move |record: &&Record| match &record.envelope.event {
                Event::FileChanged { change, .. } => change.path == path,
                _ => false,
            }
        };
        let records = world.engine.reader().records(id).await.unwrap();
        for path in ["partial.txt", "keep.txt", "gone.txt"] {
            let found: Vec<_> = records.iter().filter(changed(path)).collect();
            assert_eq!(found.len(), 1, "{path}");
            assert!(found[0].envelope.seq < question.0, "{path}");
            assert_eq!(found[0].envelope.attempt, Some(1), "{path}");
        }
        let by = "test".to_owned();
        let answer = Command::Answer {
            question,
            response,
            by,
        };
        world.engine.command(id, answer).await.unwrap();
        let ended = world.ended(id).await;
        assert_eq!(
            ended.view.status,
            TaskStatus::Completed,
            "{:?}",
            ended.view.reason
        );
        assert_eq!(world.read("keep.txt").as_deref(), Some(keeps));
        world.assert_replays(id).await;
        let subtask = RevertScope::Subtask(SubtaskId::new("write-out").unwrap());
        let report = world.engine.revert(id, subtask).await.unwrap();
        assert!(report.conflicts.is_empty(), "{:?}", report.conflicts);
        let files = ["keep.txt", "gone.txt", "partial.txt", "out.txt"].map(|f| world.read(f));
        let start = [
            Some("mine\n".to_owned()),
            Some("gone\n".to_owned()),
            None,
            None,
        ];
        assert_eq!(files, start);
    }
}

/// A file that was read before Loom died need not be read again to be replaced.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_a_crash_may_be_written_after_it() {
    let reads = ONE_STEP.replace(
        "- when: {role: executor, subtask: write-out, not_called: write_file}",
        r#"- when: {role: executor, subtask: write-out, not_called: read_file}
  reply: {calls: [{name: read_file, arguments: {path: out.txt}}]}
- when: {role: executor, subtask: write-out, not_called: shell_execute}
  reply: {calls: [{name: shell_execute, arguments: {command: "git push"}}]}
- when: {role: executor, subtask: write-out, not_called: write_file}"#,
    );
    let mut world = World::new(&reads).await;
    world.write("out.txt", "old\n");
    let mut task = world.task("write hello");
    task.settings.attended = true;
    let id = world.engine.submit(task).await.unwrap();
    asked(&world, id).await;
    world.crash_and_recover().await;
    let answer = Command::Answer {
        question: asked(&world, id).await,
        response: Response::Deny {
            reason: String::new(),
        },
        by: "test".to_owned(),
    };
    world.engine.command(id, answer).await.unwrap();
    let ended = world.ended(id).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(ended.count("subtask_started"), 1);
    assert_eq!(ended.count("nudge_given"), 0, "the write was refused");
    assert_eq!(world.read("out.txt").as_deref(), Some("hello\n"));
    world.assert_replays(id).await;
}

/// Waits until a human is asked.
async fn asked(world: &World, task: TaskId) -> QuestionId {
    let mut feed = world.engine.follow(task, Seq::ZERO);
    loop {
        let view = world.engine.reader().task(task).await.unwrap();
        if let Some(open) = view.questions.first() {
            return open.id;
        }
        let next = futures_util::StreamExt::next(&mut feed).await;
        next.expect("it ended and nobody was asked").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn turn_one_thousand_costs_what_turn_ten_costs() {
    let settings = TaskSettings {
        limits: Limits {
            turns_per_attempt: 1_000,
            tokens: u64::MAX,
            ..Limits::default()
        },
        learning: false,
        ..TaskSettings::default()
    };
    let respond = |request: &Request| match request.role {
        Some(loom_sim::Role::Planner) => Reply::json(&json!({"subtasks": [{
            "id": "look", "title": "Look", "description": "Look at a.txt many times.",
            "criteria": ["b.txt is there."],
            "checks": [{"kind": "file_exists", "path": "b.txt"}]}]})),
        Some(loom_sim::Role::Executor) => {
            // Never the same call twice in a row, so that it is not a loop.
            Reply::call(
                "read_file",
                &json!({"path": "a.txt", "start_line": request.turn() % 7 + 1}),
            )
        }
        _ => Reply::text("no"),
    };
    // A thousand turns do not fit into any usual window.
    let world = World::code_in(respond, Options::default(), None).await;
    world.write("a.txt", &"a line\n".repeat(20));
    let mut new = world.task("look at a.txt");
    new.settings = settings;
    new.settings.ladder = vec![loom_events::Rung::Planned];
    new.settings.limits.plan_versions = 1;
    let ended = world.run_task(new).await;
    let bytes = |from: u32, to: u32| -> usize {
        let in_turns = ended.records.iter().filter(|r| match &r.envelope.event {
            Event::ModelCallStarted {
                work: loom_events::Work::Model { turn, .. },
                ..
            }
            | Event::ToolCallStarted {
                work: loom_events::Work::Tool { turn, .. },
                ..
            } => (from..to).contains(turn),
            _ => false,
        });
        in_turns
            .map(|r| serde_json::to_string(r).unwrap().len())
            .sum()
    };
    let (early, late) = (bytes(10, 60), bytes(900, 950));
    assert!(
        early > 0 && late > 0,
        "it did not get to turn 950: {:?}",
        ended.view.reason
    );
    assert!(
        late < early * 11 / 10,
        "{early} bytes for 50 turns became {late}"
    );
    assert_eq!(ended.view.status, TaskStatus::Failed);
    assert_eq!(ended.count("limit_reached"), 1);
    world.assert_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_the_task_and_nothing_more_happens() {
    let slow = ONE_STEP.replace(
        "reply: {calls: [{name: write_file,",
        "fault: {stall_after: {chunks: 0}}\n  reply: {calls: [{name: write_file,",
    );
    let world = World::new(&slow).await;
    let id = world
        .engine
        .submit(world.task("write hello"))
        .await
        .unwrap();
    let mut feed = world.engine.follow(id, Seq::ZERO);
    while let Some(Ok(item)) = futures_util::StreamExt::next(&mut feed).await {
        if let loom_engine::Feed::Record(record) = item
            && matches!(record.envelope.event, Event::AttemptPrepared { .. })
        {
            break;
        }
    }
    let reason = "changed my mind".to_owned();
    world
        .engine
        .command(id, Command::Cancel { reason })
        .await
        .unwrap();
    let ended = world.ended(id).await;
    assert_eq!(ended.view.status, TaskStatus::Cancelled);
    assert_eq!(world.read("out.txt"), None);
    world.assert_replays(ended.id).await;
    let again = Command::Cancel {
        reason: String::new(),
    };
    let refused = world.engine.command(id, again).await.unwrap_err();
    assert!(refused.to_string().contains("has ended"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instruction_reaches_the_next_call_of_the_model() {
    let world = World::new(ONE_STEP).await;
    let id = world
        .engine
        .submit(world.task("write hello"))
        .await
        .unwrap();
    let text = "use lower case only".to_owned();
    // It may be over before the instruction arrives; then it says so.
    let steered = world.engine.command(id, Command::Steer { text }).await;
    let ended = world.ended(id).await;
    if steered.is_ok() {
        let heard = world.server.requests().iter().any(|r| {
            r.request
                .messages
                .iter()
                .any(|m| m.contains("use lower case only"))
        });
        assert!(
            heard,
            "the instruction was never sent: {:?}",
            ended.view.status
        );
    }
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    world.assert_well_formed();
}
