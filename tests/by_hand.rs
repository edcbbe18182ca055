//! Steps that no model could do: taken over by the user, or planned otherwise by them.

use crate::tasks::ONE_STEP;
use crate::world::World;
use loom_engine::{QuestionView, SubtaskStatus, TaskStatus};
use loom_events::{
    Command, Event, Origin, Plan, Response, RevertScope, Rung, Seq, Subject, TaskId,
};
use loom_sim::Role;

/// A model that writes something else, whatever it is told.
fn stubborn() -> String {
    ONE_STEP.replace(r#"content: "hello\n""#, r#"content: "wrong\n""#)
}

/// A task whose one step has no attempt left.
async fn stuck(world: &World) -> TaskId {
    let mut new = world.task("write hello into out.txt");
    new.settings.attended = true;
    new.settings.ladder = vec![Rung::Planned];
    new.settings.limits.plan_versions = 1;
    new.settings.limits.nudges = 0;
    world.engine.submit(new).await.unwrap()
}

/// Waits for a question that is not this one.
pub(crate) async fn asked(
    world: &World,
    task: TaskId,
    other_than: Option<&QuestionView>,
) -> QuestionView {
    let mut feed = world.engine.follow(task, Seq::ZERO);
    loop {
        let view = world.engine.reader().task(task).await.unwrap();
        let known = |q: &&QuestionView| other_than.is_none_or(|other| other.id != q.id);
        if let Some(open) = view.questions.iter().find(known) {
            return open.clone();
        }
        let next = futures_util::StreamExt::next(&mut feed).await;
        next.expect("it ended and nobody was asked").unwrap();
    }
}

pub(crate) async fn answer(world: &World, task: TaskId, to: &QuestionView, response: Response) {
    let answer = Command::Answer {
        question: to.id,
        response,
        by: "test".to_owned(),
    };
    world.engine.command(task, answer).await.unwrap();
}

/// Another step beside the one that nobody can do, which works.
fn with_another_step() -> String {
    let other = r#"
      - id: write-more
        title: Write more.txt
        description: Write the word hello into more.txt.
        criteria: ["more.txt says hello."]
        checks: [{kind: file_contains, path: more.txt, regex: hello}]
- when: {role: executor, subtask: write-more, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: more.txt, content: "hello\n"}}]}
- when: {role: executor, subtask: write-out, not_called: write_file}"#;
    stubborn()
        .replace(
            "\n- when: {role: executor, subtask: write-out, not_called: write_file}",
            other,
        )
        .replace("{contains: out.txt says", "{contains: .txt says")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_the_user_leaves_out_is_not_held_against_the_rest() {
    let world = World::new(&with_another_step()).await;
    let id = stuck(&world).await;
    let exhausted = asked(&world, id, None).await;
    answer(&world, id, &exhausted, Response::Skip).await;
    let ended = world.ended(id).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(world.read("more.txt").as_deref(), Some("hello\n"));
    let statuses: Vec<_> = ended.view.subtasks.iter().map(|s| s.status).collect();
    assert_eq!(statuses, [SubtaskStatus::Skipped, SubtaskStatus::Completed]);
    // Who judges the whole knows of it.
    let requests = world.server.requests();
    let told = requests.iter().any(|record| {
        let mut texts = record
            .request
            .messages
            .iter()
            .filter_map(|m| m.text.as_ref());
        record.request.role == Some(Role::Verifier)
            && texts
                .any(|text| text.contains("left these steps out") && text.contains("Write out.txt"))
    });
    assert!(told, "the last gate was not told what was left out");
    world.assert_replays(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_a_step_up_without_a_word_is_told_why_the_task_failed() {
    let world = World::new(&stubborn()).await;
    let id = stuck(&world).await;
    let exhausted = asked(&world, id, None).await;
    let reason = String::new();
    answer(&world, id, &exhausted, Response::Deny { reason }).await;
    let ended = world.ended(id).await;
    assert_eq!(
        ended.view.reason.as_deref(),
        Some("`write-out` failed: it is not to be tried again")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_does_by_hand_is_judged_by_the_checks_and_stays_theirs() {
    let mut world = World::new(&stubborn()).await;
    world.write("mine.txt", "mine\n");
    let id = stuck(&world).await;
    let exhausted = asked(&world, id, None).await;
    answer(&world, id, &exhausted, Response::TakeOver).await;
    let mine = asked(&world, id, Some(&exhausted)).await;
    assert!(matches!(mine.question.subject, Subject::ByHand { .. }));
    assert!(mine.question.action.contains("Write the word hello"));
    let calls = || {
        let requests = world.server.requests();
        let of_worker = |r: &&loom_sim::Record| r.request.role == Some(Role::Executor);
        requests.iter().filter(of_worker).count()
    };
    let before = calls();

    // Not there yet: the red check is named, and what was done so far is noted.
    world.write("half.txt", "half\n");
    answer(&world, id, &mine, Response::Done).await;
    let again = asked(&world, id, Some(&mine)).await;
    assert!(again.question.reason.contains("out.txt"), "{again:?}");
    assert_eq!(calls(), before, "a model worked in the user's step");

    // A crash takes nothing of it back.
    world.write("out.txt", "hello\n");
    world.crash_and_recover().await;
    let again = asked(&world, id, None).await;
    answer(&world, id, &again, Response::Done).await;
    let ended = world.ended(id).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );
    assert_eq!(world.read("out.txt").as_deref(), Some("hello\n"));
    let by_user: Vec<&str> = ended
        .events()
        .filter_map(|event| match event {
            Event::FileChanged { change, .. } if change.origin == Origin::User => {
                Some(change.path.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(by_user, ["half.txt", "out.txt"]);
    let verdict = ended.view.subtasks[0].last_attempt().unwrap();
    let verdict = &verdict.verdict.as_ref().unwrap().verdict;
    assert_eq!(verdict.confidence.parts[0].why, "done by hand");
    world.assert_replays(id).await;

    // Taking the task back leaves the user's own work alone.
    let report = world.engine.revert(id, RevertScope::Task).await.unwrap();
    assert_eq!(world.read("half.txt").as_deref(), Some("half\n"));
    assert_eq!(world.read("out.txt").as_deref(), Some("hello\n"));
    assert!(report.changes.is_empty(), "{report:?}");
    world.assert_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_goes_on_with_the_plan_that_the_user_writes() {
    let world = World::new(&stubborn()).await;
    let id = stuck(&world).await;
    let exhausted = asked(&world, id, None).await;
    let view = world.engine.reader().task(id).await.unwrap();
    let mut spec = view.subtasks[0].spec.clone();
    let plan = |spec: loom_events::SubtaskSpec| Plan {
        subtasks: vec![spec],
    };
    let same = Command::Answer {
        question: exhausted.id,
        response: Response::EditPlan {
            plan: plan(spec.clone()),
        },
        by: "test".to_owned(),
    };
    assert!(world.engine.command(id, same).await.is_err());
    spec.checks = serde_json::from_value(serde_json::json!([
        {"kind": "file_contains", "path": "out.txt", "regex": "wrong"}
    ]))
    .unwrap();
    spec.criteria = vec!["out.txt says something.".to_owned()];
    let response = Response::EditPlan { plan: plan(spec) };
    let mut settled = world.engine.follow(id, Seq::ZERO);
    answer(&world, id, &exhausted, response).await;
    while let Some(item) = futures_util::StreamExt::next(&mut settled).await {
        if let loom_engine::Feed::Record(record) = item.unwrap()
            && let Event::TaskPlanReady { version: 2, .. } = record.envelope.event
        {
            break;
        }
    }
    let view = world.engine.reader().task(id).await.unwrap();
    assert_eq!(view.plan_version, 2);
    assert!(view.questions.iter().all(|q| q.id != exhausted.id));
    assert_ne!(view.subtasks[0].status, SubtaskStatus::Failed);
    let reason = String::new();
    // It may have ended by itself meanwhile.
    drop(world.engine.command(id, Command::Cancel { reason }).await);
    world.ended(id).await;
    world.assert_replays(id).await;
}
