//! What finished tasks teach, and what later ones make of it.

use crate::tasks::ONE_STEP;
use crate::world::{Ended, World};
use futures_util::StreamExt as _;
use loom_engine::{Feed, RateError, Rating, RevertScope, TaskStatus};
use loom_events::{
    Adjusted, Adjustment, ApprovalMode, Command, Confidence, Event, NewTask, QuestionId, Response,
    Scope, Seq, TaskId, Tier,
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
    assert_eq!(lessons.len(), 3, "{lessons:?}");
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

/// Of results with this evidence: all, right, wrong, found.
async fn turned(world: &World) -> Vec<(String, [i64; 4])> {
    let lessons = world.engine.lessons().await.unwrap();
    let turned = lessons.iter().filter(|one| one.section == "turned");
    let counts = turned.map(|one| {
        let counts = ["results", "right", "wrong", "found"];
        // They fade, a little even in a test.
        let whole = |count: &str| one.value[count].as_f64().unwrap().round() as i64;
        (one.name.clone(), counts.map(whole))
    });
    counts.collect()
}

fn right(right: bool) -> Rating {
    Rating {
        right,
        subtasks: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_human_says_of_a_task_counts_and_a_revert_speaks_against_it() {
    let world = World::new(ONE_STEP).await;
    let ended = run(&world, GOAL).await;
    let of = |counts: &[(String, [i64; 4])]| counts[0].1;
    assert_eq!(of(&turned(&world).await), [1, 0, 0, 0], "nobody has looked");
    for _ in 0..2 {
        let said = world.engine.rate(ended.id, &right(true)).await.unwrap();
        assert_eq!(said, 1);
        assert_eq!(of(&turned(&world).await), [1, 1, 0, 0]);
    }
    world
        .engine
        .revert(ended.id, RevertScope::Task)
        .await
        .unwrap();
    assert_eq!(of(&turned(&world).await), [1, 0, 1, 0]);

    // Where nobody had looked it was found.
    let other = run(&world, GOAL).await;
    world
        .engine
        .revert(other.id, RevertScope::Task)
        .await
        .unwrap();
    assert_eq!(of(&turned(&world).await), [2, 0, 1, 1]);

    // Without learning nobody would read it.
    undone(&world);
    let silent = world.run(GOAL).await;
    let refused = world.engine.rate(silent.id, &right(true)).await;
    assert!(
        matches!(refused, Err(RateError::NotLearning(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_of_a_human_to_a_result_is_a_look_at_it() {
    let world = World::new(ONE_STEP).await;
    undone(&world);
    let mut new = task(&world, GOAL);
    new.settings.attended = true;
    new.settings.approval = ApprovalMode::Manual;
    let id = world.engine.submit(new).await.unwrap();
    let mut feed = world.engine.follow(id, Seq::ZERO);
    while let Some(item) = feed.next().await {
        if let Feed::Record(record) = item.unwrap()
            && let Event::ApprovalRequested { .. } = record.envelope.event
        {
            let answer = Command::Answer {
                question: QuestionId(record.envelope.seq),
                response: Response::Grant { scope: Scope::Once },
                by: "test".to_owned(),
            };
            world.engine.command(id, answer).await.unwrap();
        }
    }
    kept(&world, id).await;
    assert_eq!(turned(&world).await[0].1, [1, 1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_results_turned_out_to_be_is_a_fact_of_the_next_task_and_stated_in_its_verdicts() {
    let mut world = World::new(ONE_STEP).await;
    let mut last = None;
    for _ in 0..50 {
        let ended = run(&world, GOAL).await;
        assert!(calibrated(&ended).is_none(), "too little is known");
        world.engine.rate(ended.id, &right(true)).await.unwrap();
        last = Some(ended);
    }
    let before = confidence(&last.unwrap());
    assert_eq!(before.by_evidence, None);
    // What was learned is kept.
    world.reopen_after(0).await;
    let ended = run(&world, GOAL).await;
    let why = calibrated(&ended).expect("enough is known");
    assert!(why.starts_with("as 50 results turned out: "), "{why}");
    let stated = confidence(&ended);
    assert_eq!(stated.by_evidence, Some(before.value));
    assert!(stated.value > before.value, "{stated:?}");
    let part = stated.parts.last().unwrap();
    assert!(
        part.why.contains("50 looked at") && part.delta > 0.0,
        "{part:?}"
    );
    let summary = ended.view.summary.clone().unwrap();
    assert_eq!(summary.confidence, Some(stated.value));
    let shown = world.engine.learned().await.adjustments;
    assert!(
        shown.iter().any(|(about, _)| about == "confidence"),
        "{shown:?}"
    );
    world.assert_replays(ended.id).await;

    // A task of its own mind, and then nothing is known any more.
    undone(&world);
    let without = world.run(GOAL).await;
    assert_eq!(confidence(&without).by_evidence, None);
    world.engine.forget_lessons().await.unwrap();
    let ended = run(&world, GOAL).await;
    assert!(calibrated(&ended).is_none());
    assert_eq!(confidence(&ended).value, before.value);
}

/// What the task was told of how results turned out.
fn calibrated(ended: &Ended) -> Option<String> {
    let said = adjustments(ended).into_iter();
    let mut said = said.filter(|one| matches!(one.what, Adjusted::Calibration(_)));
    said.next().map(|one| one.why.clone())
}

fn confidence(ended: &Ended) -> Confidence {
    let attempt = ended.view.subtasks[0].last_attempt().unwrap();
    attempt.verdict.as_ref().unwrap().verdict.confidence.clone()
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
    assert_eq!(world.engine.forget_lessons().await.unwrap(), 3);
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
