//! Taking back what a task did, in parts and as a whole, to and fro, with the user at work in between.

use crate::world::{Ended, World};
use loom_engine::{CollectError, QueryError, RevertRequest, RevertScope};
use loom_events::{Operation, Seq, SubtaskId};
use loom_workspace::{Choices, How, Offer, Settle};

/// Two steps: the first writes a file and changes one, the second changes the same one by a command.
const TWO_STEPS: &str = r#"
name: two steps
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: first
        title: Begin
        description: Write new.txt and change list.txt.
        criteria: ["new.txt is there."]
        checks: [{kind: file_exists, path: new.txt}]
      - id: second
        title: Go on
        description: Change list.txt once more.
        criteria: ["list.txt says END."]
        depends_on: [first]
        checks: [{kind: file_contains, path: list.txt, regex: END}]
- when: {role: executor, subtask: first, not_called: write_file}
  reply:
    calls:
    - {name: write_file, arguments: {path: new.txt, content: "new\n"}}
    - {name: edit_file, arguments: {path: list.txt, old_text: "two", new_text: "TWO"}}
- when: {role: executor, subtask: second, not_called: shell_execute}
  reply: {calls: [{name: shell_execute, arguments: {command: "echo END >> list.txt"}}]}
- when: {role: executor}
  reply: {text: "It is done."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: new.txt is there, verdict: met, quote: new, why: it is there}
      - {contains: list.txt says END, verdict: met, quote: END, why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: END, why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: END, why: only added}
- when: {role: extractor}
  reply: {json: {summary: done, entries: []}}
"#;

const BEFORE: &str = "one\ntwo\nthree\nfour\n";
const AFTER: &str = "one\nTWO\nthree\nfour\nEND\n";

async fn ran() -> (World, Ended) {
    let world = World::new(TWO_STEPS).await;
    world.write("list.txt", BEFORE);
    let ended = world.run("work on list.txt").await;
    assert_eq!(
        world.read("list.txt").as_deref(),
        Some(AFTER),
        "{:?}: {:?}",
        ended.view.status,
        ended.view.reason
    );
    (world, ended)
}

fn list(world: &World) -> String {
    world.read("list.txt").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_changelog_lists_every_change_and_each_can_be_taken_back_alone() {
    let (world, ended) = ran().await;
    let reader = world.engine.reader();
    let log = reader.changelog(ended.id).await.unwrap();
    let seen: Vec<_> = log
        .iter()
        .map(|e| {
            (
                e.change.path.as_str(),
                e.change.operation,
                e.subtask.as_ref().map(SubtaskId::as_str),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("new.txt", Operation::Create, Some("first")),
            ("list.txt", Operation::Modify, Some("first")),
            ("list.txt", Operation::Modify, Some("second")),
        ]
    );
    let entry = |at: usize| RevertScope::Entry(log[at].seq.unwrap());

    // A later change stands on it, so it is a conflict, and a merge takes out this one alone.
    let report = world.engine.revert(ended.id, entry(1)).await.unwrap();
    let [conflict] = report.conflicts.as_slice() else {
        panic!("{:?}", report.conflicts);
    };
    assert!(
        conflict.why.contains("later change of the task"),
        "{}",
        conflict.why
    );
    assert!(
        matches!(conflict.merge, Offer::Clean { .. }),
        "{conflict:?}"
    );
    assert_eq!(list(&world), AFTER);
    let merged = RevertRequest {
        choices: Choices::all(Settle::Merge),
        ..entry(1).into()
    };
    let report = world.engine.revert(ended.id, merged).await.unwrap();
    assert_eq!(report.settled[0].how, How::Merged);
    assert_eq!(list(&world), "one\ntwo\nthree\nfour\nEND\n");
    assert_eq!(
        world.read("new.txt").as_deref(),
        Some("new\n"),
        "the others stay"
    );

    world
        .engine
        .revert(ended.id, RevertScope::LastRevert)
        .await
        .unwrap();
    assert_eq!(list(&world), AFTER);
    let log = world.engine.reader().changelog(ended.id).await.unwrap();
    let reverts: Vec<_> = log.iter().filter_map(|e| e.revert.as_deref()).collect();
    assert_eq!(reverts.len(), 2, "{reverts:?}");
    let nothing = world
        .engine
        .revert(ended.id, RevertScope::Entry(Seq(1)))
        .await;
    assert!(
        matches!(nothing, Err(QueryError::NotChanged(_))),
        "{nothing:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reverts_of_all_scopes_follow_each_other_and_undo_goes_to_and_fro() {
    let (world, ended) = ran().await;
    let revert = |scope: RevertScope| world.engine.revert(ended.id, scope);
    let subtask = |id: &str| RevertScope::Subtask(SubtaskId::new(id).unwrap());

    revert(subtask("second")).await.unwrap();
    assert_eq!(list(&world), "one\nTWO\nthree\nfour\n");
    revert(RevertScope::File("list.txt".into())).await.unwrap();
    assert_eq!(list(&world), BEFORE);
    assert!(world.read("new.txt").is_some());
    // Undo takes the last revert back, and again does it again: no step further.
    for expected in ["one\nTWO\nthree\nfour\n", BEFORE, "one\nTWO\nthree\nfour\n"] {
        let report = revert(RevertScope::LastRevert).await.unwrap();
        assert_eq!(
            (list(&world).as_str(), report.conflicts.len()),
            (expected, 0)
        );
    }
    let report = revert(RevertScope::Task).await.unwrap();
    assert!(report.conflicts.is_empty(), "{:?}", report.conflicts);
    assert_eq!(
        (list(&world).as_str(), world.read("new.txt")),
        (BEFORE, None)
    );
    let again = revert(RevertScope::Task).await.unwrap();
    assert_eq!(again.changes, [], "there is nothing left");
    revert(RevertScope::LastRevert).await.unwrap();
    assert_eq!(list(&world), "one\nTWO\nthree\nfour\n");
    assert_eq!(world.read("new.txt").as_deref(), Some("new\n"));

    world.write("list.txt", "mine\n");
    let report = revert(RevertScope::LastRevert).await.unwrap();
    assert_eq!((report.changes.len(), report.conflicts.len()), (0, 1));
    assert!(world.read("new.txt").is_some(), "as a whole or not at all");
    world.assert_replays(ended.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_wrote_since_is_merged_overwritten_and_brought_back_as_asked() {
    let (world, ended) = ran().await;
    let mine = AFTER.replace("one", "one of mine");
    world.write("list.txt", &mine);
    let request = |settle: Settle, dry_run: bool| RevertRequest {
        scope: RevertScope::Task,
        choices: Choices::all(settle),
        dry_run,
    };
    let shown = world
        .engine
        .revert(ended.id, request(Settle::Leave, true))
        .await
        .unwrap();
    assert_eq!((shown.changes.len(), shown.conflicts.len()), (1, 1));
    assert!(world.read("new.txt").is_some(), "a dry run does nothing");
    let reader = world.engine.reader();
    assert_eq!(
        reader.changelog(ended.id).await.unwrap().len(),
        3,
        "and records nothing"
    );

    // The edit touches what the first step changed: marks would be needed.
    let merged = world
        .engine
        .revert(ended.id, request(Settle::Merge, false))
        .await
        .unwrap();
    assert!(
        matches!(merged.conflicts[0].merge, Offer::Marked { .. }),
        "{:?}",
        merged.conflicts
    );
    assert_eq!((list(&world), world.read("new.txt")), (mine.clone(), None));
    let taken = world
        .engine
        .revert(ended.id, request(Settle::Overwrite, false))
        .await
        .unwrap();
    assert_eq!(taken.settled[0].how, How::Overwritten);
    assert_eq!(list(&world), BEFORE);
    world
        .engine
        .revert(ended.id, RevertScope::LastRevert)
        .await
        .unwrap();
    assert_eq!(list(&world), mine, "what was overwritten was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workspace_is_surveyed_once_before_any_work() {
    let (world, ended) = ran().await;
    assert_eq!(ended.count("workspace_surveyed"), 1);
    let place = |name: &str| ended.events().position(|e| e.name() == name).unwrap();
    assert!(place("workspace_surveyed") < place("snapshot_taken"));
    let survey = ended.view.survey.clone().unwrap();
    assert_eq!((survey.files, survey.bytes), (1, BEFORE.len() as u64));
    world.assert_replays(ended.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_of_an_ended_task_are_kept_for_a_while_and_then_it_says_that_they_are_gone() {
    let (mut world, ended) = ran().await;
    world.reopen_after(1).await;
    let soon = world.engine.collect(true).await.unwrap();
    assert_eq!(soon.expired, []);
    assert!(soon.objects.removed > 0, "the trees of its snapshots");
    world
        .engine
        .revert(ended.id, RevertScope::Task)
        .await
        .unwrap();
    assert_eq!(list(&world), BEFORE);
    world
        .engine
        .revert(ended.id, RevertScope::LastRevert)
        .await
        .unwrap();
    assert_eq!(list(&world), AFTER);

    world.reopen_after(40).await;
    let counted = world.engine.collect(false).await.unwrap();
    assert_eq!(counted.expired, [ended.id]);
    world
        .engine
        .reader()
        .diff(ended.id, None)
        .await
        .expect("nothing was removed yet");
    let late = world.engine.collect(true).await.unwrap();
    assert_eq!((late.expired, late.objects.kept), (vec![ended.id], 0));
    let refused = world
        .engine
        .revert(ended.id, RevertScope::Task)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, QueryError::Collected { .. }),
        "{refused:?}"
    );
    assert!(
        refused.to_string().contains("was removed on 20"),
        "{refused}"
    );
    assert_eq!(world.engine.collect(true).await.unwrap().expired, []);
    assert_eq!(list(&world), AFTER);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_collected_while_a_task_runs_and_an_unfinished_one_keeps_everything() {
    let slow = TWO_STEPS.replace("echo END >> list.txt", "sleep 1; echo END >> list.txt");
    let mut world = World::new(&slow).await;
    world.write("list.txt", BEFORE);
    let id = world
        .engine
        .submit(world.task("work on list.txt"))
        .await
        .unwrap();
    let running = world.engine.collect(true).await.unwrap_err();
    assert!(
        matches!(running, CollectError::Running(task) if task == id),
        "{running:?}"
    );
    let mut feed = world.engine.follow(id, Seq::ZERO);
    while let Some(Ok(item)) = futures_util::StreamExt::next(&mut feed).await {
        if let loom_engine::Feed::Record(record) = item
            && record.envelope.event.name() == "file_changed"
        {
            break;
        }
    }
    drop(feed);
    world.abandon_and_reopen_after(400).await;
    world.engine.collect(true).await.unwrap();
    world.engine.recover().await.unwrap();
    let ended = world.ended(id).await;
    assert_eq!(list(&world), AFTER, "{:?}", ended.view.reason);
    let report = world.engine.revert(id, RevertScope::Task).await.unwrap();
    assert_eq!((list(&world).as_str(), report.conflicts), (BEFORE, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_takes_back_speaks_once_against_the_model_that_did_it() {
    let world = World::new(TWO_STEPS).await;
    world.write("list.txt", BEFORE);
    let mut new = world.task("work on list.txt");
    new.settings.learning = true;
    let ended = world.run_task(new).await;
    while world.engine.is_running(ended.id) {
        tokio::task::yield_now().await;
    }
    let passed = async || {
        let learned = world.engine.learned().await;
        let counts = learned.records.iter().map(|one| (one.seen, one.passed));
        counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    };
    assert_eq!(passed().await, (2, 2));
    // A single file says nothing of a step.
    let file = RevertScope::File("new.txt".to_owned());
    world.engine.revert(ended.id, file).await.unwrap();
    world
        .engine
        .revert(ended.id, RevertScope::LastRevert)
        .await
        .unwrap();
    assert_eq!(passed().await, (2, 2));
    let second = RevertScope::Subtask(SubtaskId::new("second").unwrap());
    world.engine.revert(ended.id, second.clone()).await.unwrap();
    assert_eq!(passed().await, (2, 1));
    // To and fro is one opinion.
    world
        .engine
        .revert(ended.id, RevertScope::LastRevert)
        .await
        .unwrap();
    world.engine.revert(ended.id, second).await.unwrap();
    assert_eq!(passed().await, (2, 1));
}
