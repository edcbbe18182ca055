//! Whose turn it is, and which slot a call uses.

use crate::fake::{Does, Fake, ask, entry, of, slots};
use futures_util::future::join_all;
use loom_events::Role;
use loom_router::{Capabilities, ChatRequest, ModelEntry};
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Calls that each take a second, all at once; gives the seconds they took together.
async fn all(fake: &Fake, entries: Vec<ModelEntry>, calls: &[(&str, ChatRequest)]) -> u64 {
    fake.then(calls.iter().map(|_| Does::Takes(SECOND)));
    let router = fake.router(entries);
    let begun = Instant::now();
    let asked = calls
        .iter()
        .map(|(model, request)| ask(&router, model, request));
    assert!(join_all(asked).await.iter().all(Result::is_ok));
    begun.elapsed().as_secs()
}

fn tasks(fake: &Fake) -> String {
    let requests = fake.requests();
    let task = |request: &ChatRequest| request.task.unwrap().short().pop().unwrap();
    requests.iter().map(task).collect()
}

#[tokio::test(start_paused = true)]
async fn tasks_take_turns_at_a_server_with_one_slot() {
    let fake = Fake::default();
    let calls: Vec<_> = [1, 1, 1, 1, 2, 2, 3]
        .map(|task| ("m", of(task, Role::Executor)))
        .into();
    assert_eq!(all(&fake, vec![entry("m", "a")], &calls).await, 7);
    assert_eq!(tasks(&fake), "1123121");
}

#[tokio::test(start_paused = true)]
async fn an_extractor_lets_work_go_first() {
    let fake = Fake::default();
    let calls: Vec<_> = [
        (1, Role::Executor),
        (2, Role::Extractor),
        (3, Role::Executor),
        (4, Role::Verifier),
    ]
    .map(|(task, role)| ("m", of(task, role)))
    .into();
    all(&fake, vec![entry("m", "a")], &calls).await;
    assert_eq!(tasks(&fake), "1342");
}

#[tokio::test(start_paused = true)]
async fn two_models_at_one_server_do_not_evict_each_other_in_turn() {
    let fake = Fake::default();
    let at = |name: &str| ModelEntry {
        model: Some(name.into()),
        ..entry(name, "a")
    };
    let calls: Vec<_> = ["x", "y", "x", "y", "x", "y"]
        .map(|name| (name, of(1, Role::Executor)))
        .into();
    all(&fake, vec![at("x"), at("y")], &calls).await;
    assert_eq!(fake.asked().concat(), "xxxyyy");
}

#[tokio::test(start_paused = true)]
async fn slots_that_a_server_is_seen_to_have_are_used_unless_an_entry_states_them() {
    for (stated, expected) in [(0, 2), (1, 6), (6, 1)] {
        let entry = ModelEntry {
            max_concurrency: stated,
            ..entry("m", "a")
        };
        let fake = Fake::new((0..6).map(|_| Does::Takes(SECOND)));
        let router = fake.router(vec![entry]);
        let request = of(1, Role::Executor);
        let begun = Instant::now();
        let learn = async { assert!(router.learn("m", slots(3))) };
        let (replies, ()) =
            tokio::join!(join_all((0..6).map(|_| ask(&router, "m", &request))), learn);
        assert!(replies.iter().all(Result::is_ok));
        assert_eq!(begun.elapsed().as_secs(), expected, "{stated}");
    }
    let router = Fake::default().router(Vec::new());
    assert!(!router.learn("nobody", slots(2)));
}

#[tokio::test(start_paused = true)]
async fn a_server_with_slots_that_swaps_models_finishes_one_before_the_other() {
    let at = |name: &str| ModelEntry {
        model: Some(name.into()),
        max_concurrency: 2,
        ..entry(name, "a")
    };
    let swapping = |swaps| Capabilities {
        swaps,
        ..Capabilities::default()
    };
    for (swaps, expected) in [(false, "xyxy"), (true, "xxyy")] {
        let fake = Fake::new((0..4).map(|_| Does::Takes(SECOND)));
        let router = fake.router(vec![at("x"), at("y")]);
        router.learn("x", swapping(swaps));
        let request = of(1, Role::Executor);
        let asked = ["x", "y", "x", "y"].map(|model| ask(&router, model, &request));
        assert!(join_all(asked).await.iter().all(Result::is_ok));
        assert_eq!(fake.asked().concat(), expected);
    }
}

#[tokio::test]
async fn questions_on_the_side_do_not_use_the_slot_of_the_executor() {
    let table: [(u32, [Option<u32>; 4]); 3] = [
        (1, [None, None, None, None]),
        (2, [Some(0), Some(1), Some(1), Some(0)]),
        (4, [Some(0), Some(3), Some(3), Some(0)]),
    ];
    for (count, expected) in table {
        let fake = Fake::default();
        let router = fake.router(vec![entry("m", "a")]);
        router.learn("m", slots(count));
        for role in [
            Role::Executor,
            Role::Verifier,
            Role::Extractor,
            Role::Executor,
        ] {
            ask(&router, "m", &of(1, role)).await.unwrap();
        }
        let used: Vec<_> = fake.requests().iter().map(|request| request.slot).collect();
        assert_eq!(used, expected);
    }
}

#[tokio::test]
async fn a_server_that_does_not_let_choose_is_not_told_a_slot() {
    let fake = Fake::default();
    let router = fake.router(vec![entry("m", "a")]);
    router.learn(
        "m",
        Capabilities {
            picks_slot: false,
            ..slots(4)
        },
    );
    ask(&router, "m", &of(1, Role::Executor)).await.unwrap();
    assert_eq!(fake.requests()[0].slot, None);
    assert_eq!(router.models()[0].slots, 4);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_shown() {
    let fake = Fake::new([Does::Hangs]);
    let router = fake.router(vec![entry("m", "a")]);
    let request = of(1, Role::Executor);
    let calls = async {
        let calls = (ask(&router, "m", &request), ask(&router, "m", &request));
        let _ended = tokio::join!(calls.0, calls.1);
    };
    let look = async {
        // Both calls have been taken up by now.
        tokio::task::yield_now().await;
        let status = &router.models()[0];
        (status.in_flight, status.waiting, status.slots)
    };
    tokio::select! {
        biased;
        () = calls => panic!("one hangs and one waits"),
        seen = look => assert_eq!(seen, (2, 1, 1)),
    }
    let status = &router.models()[0];
    assert_eq!((status.in_flight, status.waiting), (0, 0));
}

/// Every second call is taken back at some moment: while it waits, when its turn has just come, or
/// while it runs. No slot is lost by it.
#[tokio::test(start_paused = true)]
async fn calls_that_are_taken_back_at_any_moment_lose_no_slot() {
    const CALLS: u32 = 60;
    let fake = Fake::new((0..CALLS).map(|_| Does::Takes(SECOND)));
    let router = fake.router(vec![ModelEntry {
        max_concurrency: 3,
        ..entry("m", "a")
    }]);
    let begun = Instant::now();
    let calls = (0..CALLS).map(|number| {
        let router = &router;
        async move {
            let request = of(u8::try_from(number % 5).unwrap(), Role::Executor);
            let patience = match number % 2 {
                0 => SECOND * CALLS,
                _ => Duration::from_millis(u64::from(number) * 250),
            };
            tokio::time::timeout(patience, ask(router, "m", &request)).await
        }
    });
    let ended = join_all(calls).await;
    assert!(
        ended
            .iter()
            .step_by(2)
            .all(|reply| matches!(reply, Ok(Ok(_))))
    );
    assert!(ended.iter().any(Result::is_err), "some were taken back");
    let status = &router.models()[0];
    assert_eq!((status.in_flight, status.waiting), (0, 0));
    assert!(
        begun.elapsed() <= SECOND * (CALLS / 3),
        "{:?}",
        begun.elapsed()
    );
    let last =
        join_all((0..3).map(|_| async { ask(&router, "m", &of(9, Role::Executor)).await.is_ok() }));
    assert_eq!(last.await, [true; 3]);
}
