//! How a model is asked otherwise when its answers were of no use, as it is on the wire.

use crate::tasks::ONE_STEP;
use crate::world::World;
use loom_engine::TaskStatus;
use loom_router::Capabilities;
use loom_sim::Role;
use serde_json::{Value, json};

/// A model whose first answers are these, and which then does its work.
fn at_first(answers: &str) -> String {
    let work = "- when: {role: executor, subtask: write-out, not_called: write_file}";
    ONE_STEP.replacen(work, &format!("{answers}{work}"), 1)
}

/// Of each request to the worker whether a call was forced, its temperature and its seed.
fn asked(world: &World) -> Vec<(Option<Value>, Option<f64>, Option<u64>)> {
    let requests = world.server.requests().into_iter();
    let of_worker = requests.filter(|record| record.request.role == Some(Role::Executor));
    let asked = of_worker.map(|record| {
        let temperature = record.request.temperature;
        let percent = temperature.map(|temperature| (temperature * 100.0).round());
        (record.request.tool_choice, percent, record.request.seed)
    });
    asked.collect()
}

fn can(forced_calls: Option<bool>) -> Capabilities {
    Capabilities {
        forced_calls,
        ..Capabilities::default()
    }
}

async fn run(world: &World) {
    let ended = world.run("write hello into out.txt").await;
    let reason = ended.view.reason;
    assert_eq!(ended.view.status, TaskStatus::Completed, "{reason:?}");
    world.assert_replays(ended.id).await;
    world.assert_well_formed();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_announces_a_call_must_make_it_where_the_server_can_see_to_that() {
    let announces = at_first(
        "- when: {role: executor}\n  times: 1\n  reply: {text: I will now write the file.}\n",
    );
    for (forced_calls, choice) in [
        (Some(true), Some(json!("required"))),
        (Some(false), None),
        (None, None),
    ] {
        let world = World::knowing(&announces, can(forced_calls)).await;
        run(&world).await;
        let usual = (None, None, None);
        assert_eq!(
            asked(&world),
            [usual.clone(), (choice, None, None), usual],
            "{forced_calls:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_twice_is_asked_in_another_way() {
    let empty = at_first("- when: {role: executor}\n  times: 2\n  reply: {text: \"\"}\n");
    let world = World::knowing(&empty, can(Some(true))).await;
    run(&world).await;
    let usual = (None, None, None);
    let other = (Some(json!("required")), Some(100.0), Some(1));
    assert_eq!(asked(&world), [usual.clone(), usual.clone(), other, usual]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_round_in_a_circle_is_asked_with_another_sampling() {
    let circles = at_first(
        r#"
- when: {role: executor, last: {contains: You repeat the same calls}, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: out.txt, content: "hello\n"}}]}
- when: {role: executor, not_called: write_file}
  reply: {calls: [{name: read_file, arguments: {path: keep.txt}}]}
"#,
    );
    let world = World::knowing(&circles, can(Some(true))).await;
    world.write("keep.txt", "mine\n");
    run(&world).await;
    let asked = asked(&world);
    let usual = (None, None, None);
    let [before @ .., nudged, last] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(nudged, &(None, Some(100.0), Some(1)));
    assert_eq!(last, &usual);
    assert!(
        before.len() >= 3 && before.iter().all(|one| *one == usual),
        "{asked:?}"
    );
}
