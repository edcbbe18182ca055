//! What finished tasks teach, and what later ones make of it.

use crate::tasks::ONE_STEP;
use crate::world::{Ended, World};
use futures_util::StreamExt as _;
use loom_engine::{Feed, TaskStatus};
use loom_events::{
    Adjusted, Adjustment, Command, Event, NewTask, QuestionId, Response, Scope, Seq, TaskId, Tier,
};
use loom_sim::{Role, Trade};
use loom_tests::learning::{Bench, Step};
use loom_tests::lift::{Class, Place};

const GOAL: &str = "write the word hello into out.txt";

fn task(world: &World, goal: &str) -> NewTask {
    let mut new = world.task(goal);
    new.settings.learning = true;
    new
}

/// Runs a task and waits until what it teaches is kept.
async fn run(world: &World, goal: &str) -> Ended {
    undone(world);
    let ended = world.run_task(task(world, goal)).await;
    kept(world, ended.id).await;
    ended
}

/// What the task before has left would be done already.
fn undone(world: &World) {
    if world.read("out.txt").is_some() {
        std::fs::remove_file(world.work().join("out.txt")).unwrap();
    }
}

async fn kept(world: &World, task: TaskId) {
    while world.engine.is_running(task) {
        tokio::task::yield_now().await;
    }
}

fn adjustments(ended: &Ended) -> Vec<&Adjustment> {
    let events = ended.events();
    let adjustments = events.filter_map(|event| match event {
        Event::LearningApplied { adjustment, .. } => Some(adjustment),
        _ => None,
    });
    adjustments.collect()
}

/// Everything that was sent to a role since so many requests.
fn sent(world: &World, since: usize, role: Role) -> String {
    let requests = world.server.requests();
    let of_role = requests[since..]
        .iter()
        .filter(|r| r.request.role == Some(role));
    let texts = of_role.flat_map(|r| r.request.messages.iter().filter_map(|m| m.text.clone()));
    texts.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_task_is_seen_once_and_remembered_by_the_next_process() {
    let mut world = World::new(ONE_STEP).await;
    let ended = run(&world, GOAL).await;
    assert_eq!(ended.view.status, TaskStatus::Completed);
    let learned = world.engine.learned().await;
    assert_eq!(learned.attempts, 1);
    let record = &learned.records[0];
    assert_eq!(
        (record.kind.as_str(), record.model.as_str(), record.passed),
        ("document prose", "sim", 1)
    );
    assert_eq!(learned.plans[0].goal, GOAL);
    let lessons = world.engine.lessons().await.unwrap();
    assert_eq!(lessons.len(), 2, "{lessons:?}");
    world.reopen_after(0).await;
    // It is taken up like every task after a start, and has nothing more to say.
    world.engine.recover().await.unwrap();
    assert_eq!(world.engine.learned().await.attempts, 1);
    assert_eq!(world.engine.lessons().await.unwrap(), lessons);
    world.assert_replays(ended.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_worked_is_shown_to_the_planner_of_a_goal_like_it() {
    let world = World::new(ONE_STEP).await;
    let first = run(&world, GOAL).await;
    let asked = world.server.requests().len();
    assert!(!sent(&world, 0, Role::Planner).contains("goals like this one"));
    let second = run(&world, "write the word hello into out.txt again").await;
    let prompt = sent(&world, asked, Role::Planner);
    assert!(
        prompt.contains("| Goal: write the word hello into out.txt\n| 1. Write out.txt"),
        "{prompt}"
    );
    let plans = |ended: &Ended| {
        let said = adjustments(ended).into_iter();
        said.filter(|one| matches!(one.what, Adjusted::Plans { .. }))
            .map(|one| one.why.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(plans(&first), Vec::<String>::new());
    assert_eq!(
        plans(&second),
        [format!(
            "the planner is shown how goals like this one were reached: “{GOAL}” (once)"
        )]
    );
    world.assert_well_formed();
    world.assert_replays(second.id).await;
}

/// A task whose plan is held until the user has said something.
async fn steered(world: &World, words: &str) {
    undone(world);
    let mut new = task(world, GOAL);
    new.settings.attended = true;
    new.settings.review_plan = true;
    // Nothing else is asked.
    new.settings.bands.proceed = 0.0;
    let id = world.engine.submit(new).await.unwrap();
    let mut feed = world.engine.follow(id, Seq::ZERO);
    while let Some(Ok(item)) = feed.next().await {
        if let Feed::Record(record) = item
            && matches!(record.envelope.event, Event::ApprovalRequested { .. })
        {
            let text = words.to_owned();
            let steer = Command::Steer { text };
            world.engine.command(id, steer).await.unwrap();
            let answer = Command::Answer {
                question: QuestionId(record.envelope.seq),
                response: Response::Grant { scope: Scope::Once },
                by: "test".to_owned(),
            };
            world.engine.command(id, answer).await.unwrap();
        }
    }
    kept(world, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_says_again_and_again_is_said_to_every_model_as_data() {
    let world = World::new(ONE_STEP).await;
    for _ in 0..2 {
        steered(&world, "Use lower case only").await;
    }
    let asked = world.server.requests().len();
    let ended = run(&world, "compose a poem").await;
    for role in [Role::Planner, Role::Executor] {
        let prompt = sent(&world, asked, role);
        assert!(prompt.contains("| Use lower case only"), "{prompt}");
    }
    let whys: Vec<_> = adjustments(&ended)
        .into_iter()
        .map(|one| one.why.as_str())
        .collect();
    assert!(
        whys.contains(
            &"models are told what you asked for in earlier tasks: “Use lower case only”"
        ),
        "{whys:?}"
    );
    let shown = world.engine.learned().await.adjustments;
    assert!(
        shown.contains(&(
            "“Use lower case only”".to_owned(),
            "you asked for this in 2 tasks".to_owned()
        )),
        "{shown:?}"
    );
    world.assert_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_beginning_there_is_more_care_which_is_said_and_a_crash_does_not_repeat_it() {
    let mut world = World::new(ONE_STEP).await;
    let id = world.engine.submit(task(&world, GOAL)).await.unwrap();
    let mut feed = world.engine.follow(id, Seq::ZERO);
    while let Some(Ok(item)) = feed.next().await {
        if let Feed::Record(record) = item
            && matches!(record.envelope.event, Event::LearningApplied { .. })
        {
            break;
        }
    }
    drop(feed);
    world.crash_and_recover().await;
    let ended = world.ended(id).await;
    let said = adjustments(&ended);
    assert_eq!(said.len(), 1, "{said:?}");
    let Adjusted::Caution(caution) = &said[0].what else {
        panic!("{said:?}");
    };
    assert_eq!((caution.replan_interval, caution.small_steps), (5, true));
    assert_eq!(
        said[0].why,
        "sim is new here (seen in 0 of 60 attempts): the plan is looked at again after 5 steps, steps \
         are kept small"
    );
    assert_eq!(ended.view.learned.len(), 1);
    assert!(sent(&world, 0, Role::Planner).contains("rather two small steps than one large one"));
    assert_eq!(ended.view.status, TaskStatus::Completed);
    world.assert_replays(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_learning_uses_nothing_and_leaves_nothing() {
    let world = World::new(ONE_STEP).await;
    let mut new = task(&world, GOAL);
    new.settings.learning = false;
    let ended = world.run_task(new).await;
    kept(&world, ended.id).await;
    assert_eq!(ended.count("learning_applied"), 0);
    assert_eq!(world.engine.lessons().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_stays_forgotten() {
    let mut world = World::new(ONE_STEP).await;
    run(&world, GOAL).await;
    assert_eq!(world.engine.forget_lessons().await.unwrap(), 2);
    assert_eq!(world.engine.learned().await.attempts, 0);
    world.reopen_after(0).await;
    world.engine.recover().await.unwrap();
    assert_eq!(world.engine.lessons().await.unwrap(), []);
    // Further tasks teach again.
    run(&world, GOAL).await;
    assert_eq!(world.engine.learned().await.attempts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_once_is_forgotten_after_ninety_days_by_the_next_task() {
    let mut world = World::new(ONE_STEP).await;
    run(&world, "write the word hello into out.txt").await;
    world.reopen_after(100).await;
    run(&world, "compose a poem").await;
    let goals: Vec<String> = world
        .engine
        .lessons()
        .await
        .unwrap()
        .into_iter()
        .filter(|lesson| lesson.section == "plan")
        .map(|lesson| lesson.name)
        .collect();
    assert_eq!(goals, ["compose a poem"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_not_among_what_is_kept() {
    let world = World::new(ONE_STEP).await;
    let key = crate::world::HOUSE_KEY;
    run(&world, &format!("write hello, not {key}, into out.txt")).await;
    let lessons = world.engine.lessons().await.unwrap();
    let kept = serde_json::to_string(&lessons).unwrap();
    assert!(!kept.contains(key), "{kept}");
}

/// A little of `just score learning`.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_weak_model_is_known_to_fail_at_is_begun_with_a_stronger_one() {
    let place = Place::in_memory();
    let bad_at = [Trade::Convert];
    let (mut off, mut on) = (
        Bench::new(1, false, (Class::Middling, &bad_at), &place),
        Bench::new(1, true, (Class::Middling, &bad_at), &place),
    );
    let (mut without, mut with): (Vec<Step>, Vec<Step>) = (Vec::new(), Vec::new());
    let mut last = None;
    for number in 0..4 {
        without.extend(off.run(number, Trade::Convert).await.1);
        let (id, steps) = on.run(number, Trade::Convert).await;
        with.extend(steps);
        last = Some(id);
    }
    let attempts = |steps: &[Step]| steps.iter().map(|step| step.attempts).sum::<u32>();
    assert!(
        attempts(&with) < attempts(&without),
        "{with:?} without learning {without:?}"
    );
    assert!(without.iter().all(|step| step.began == Tier::Small));
    assert_eq!(with.first().map(|step| step.began), Some(Tier::Small));
    assert_eq!(with.last().map(|step| step.began), Some(Tier::Medium));
    let reader = on.engine().await.reader();
    let records = reader.records(last.unwrap()).await.unwrap();
    let why = records.iter().find_map(|r| match &r.envelope.event {
        Event::LearningApplied { adjustment, .. }
            if matches!(adjustment.what, Adjusted::StartingTier { .. }) =>
        {
            Some(adjustment.why.clone())
        }
        _ => None,
    });
    let why = why.unwrap();
    assert!(
        why.contains(
            "begins at tier 2 instead of 1: of steps of `rework tables`, at the first attempt small passed"
        ),
        "{why}"
    );
    let report = reader.replay_check(last.unwrap()).await.unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    off.close().await;
    on.close().await;
}
