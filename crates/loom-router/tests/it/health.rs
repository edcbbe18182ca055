//! Servers that fail: resting, coming back, and who is asked instead.

use crate::fake::{Does, Fake, ask, busy, entry, unreachable};
use crate::server::hello;
use loom_events::{FailureClass, Role, Tier};
use loom_router::{CallError, Delta, Discard, Health, ModelEntry, RoleError, Router};
use std::time::Duration;
use tokio::time::{Instant, advance};
use tokio_util::sync::CancellationToken;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fails(times: usize) -> Vec<Does> {
    vec![Does::Fails(unreachable()); times]
}

fn health(router: &Router) -> Health {
    router.models().remove(0).health
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_again_and_again_is_left_alone_and_tried_by_one_call() {
    let fake = Fake::new(fails(5));
    let router = fake.router(vec![entry("m", "a")]);
    assert_eq!(health(&router), Health::Unknown);
    for _ in 0..5 {
        let error = ask(&router, "m", &hello()).await.unwrap_err();
        assert!(matches!(error, CallError::Unreachable { .. }));
    }
    assert!(matches!(
        health(&router),
        Health::Resting { for_ms: 2000, .. }
    ));

    let failure = ask(&router, "m", &hello()).await.unwrap_err().to_failure();
    assert_eq!(failure.class, FailureClass::Transient);
    assert_eq!(failure.retry_after_ms, Some(2000));
    assert!(failure.message.contains("refused"), "{}", failure.message);
    assert_eq!(fake.asked().len(), 5, "it was not asked");
    let status = &router.models()[0];
    assert_eq!((status.failed, status.success_rate), (5, Some(0.0)));

    advance(seconds(2)).await;
    fake.then([Does::Takes(seconds(9))]);
    let request = hello();
    let (first, second) = tokio::join!(ask(&router, "m", &request), async {
        tokio::time::sleep(seconds(1)).await;
        assert_eq!(health(&router), Health::Trying);
        ask(&router, "m", &request).await
    });
    assert!(first.is_ok());
    assert!(
        matches!(second, Err(CallError::Resting { .. })),
        "one call is enough"
    );
    assert_eq!(health(&router), Health::Ok);
    assert!(ask(&router, "m", &hello()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn rests_grow_while_a_server_stays_away_and_a_cancelled_trial_does_not_count() {
    let fake = Fake::new(fails(5));
    let router = fake.router(vec![entry("m", "a")]);
    for _ in 0..5 {
        ask(&router, "m", &hello()).await.unwrap_err();
    }
    for expected in [2, 4, 8, 16, 32, 60, 60] {
        let error = ask(&router, "m", &hello()).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(seconds(expected)));
        advance(seconds(expected)).await;
        fake.then([Does::Hangs]);
        let cancel = CancellationToken::new();
        let request = hello();
        let mut sink = Discard;
        let trial = router.chat("m", &request, &mut sink, &cancel);
        let (trial, ()) = tokio::join!(trial, async { cancel.cancel() });
        assert!(matches!(trial, Err(CallError::Cancelled { .. })));
        fake.then(fails(1));
        ask(&router, "m", &hello()).await.unwrap_err();
    }
}

/// N01: waits between tries grow, differ between callers, and end.
#[tokio::test(start_paused = true)]
async fn tries_are_spread_within_their_bounds() {
    let mut took = Vec::new();
    for _ in 0..8 {
        let fake = Fake::new(fails(4));
        let retrying = ModelEntry {
            retries: 3,
            ..entry("m", "a")
        };
        let router = fake.router(vec![retrying]);
        let begun = Instant::now();
        ask(&router, "m", &hello()).await.unwrap_err();
        assert_eq!(fake.asked().len(), 4);
        took.push(begun.elapsed());
    }
    let longest = Duration::from_millis(250 + 500 + 1000 + 10);
    assert!(
        took.iter()
            .all(|took| *took >= longest / 2 - Duration::from_millis(10))
    );
    assert!(took.iter().all(|took| *took <= longest), "{took:?}");
    assert!(took.iter().any(|other| *other != took[0]), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_has_all_its_tries_before_the_server_rests() {
    let fake = Fake::new(fails(8));
    let patient = ModelEntry {
        retries: 8,
        ..entry("m", "a")
    };
    let router = fake.router(vec![patient]);
    assert!(ask(&router, "m", &hello()).await.is_ok());
    assert_eq!(fake.asked().len(), 9);
}

/// N08: a server that says when to come back is left alone exactly so long, by every caller.
#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_rest_gets_it_and_stays_healthy() {
    let fake = Fake::new([Does::Fails(busy(429, Some(seconds(90))))]);
    let router = fake.router(vec![entry("m", "a")]);
    ask(&router, "m", &hello()).await.unwrap_err();
    advance(seconds(89)).await;
    let error = ask(&router, "m", &hello()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(seconds(1)));
    assert_eq!(fake.asked().len(), 1);
    advance(seconds(1)).await;
    assert!(ask(&router, "m", &hello()).await.is_ok());
    assert_eq!(health(&router), Health::Ok);
}

/// Every second call fails: it is asked on, since it answers every second time.
#[tokio::test(start_paused = true)]
async fn a_flapping_server_is_used_for_what_it_answers() {
    let fake = Fake::default();
    let retrying = ModelEntry {
        retries: 1,
        ..entry("m", "a")
    };
    let router = fake.router(vec![retrying]);
    for _ in 0..20 {
        fake.then([Does::Fails(busy(500, None)), Does::Takes(seconds(1))]);
        assert!(ask(&router, "m", &hello()).await.is_ok());
    }
    assert_eq!(health(&router), Health::Ok);
}

/// It begins every answer and ends none.
#[tokio::test(start_paused = true)]
async fn a_server_that_breaks_down_in_every_answer_is_left_alone_too() {
    let broken = CallError::Broken {
        server: "s".into(),
        model: "m".into(),
        reason: "reset".into(),
        partial: None,
    };
    let fake = Fake::new(vec![Does::Breaks(broken); 100]);
    let router = fake.router(vec![entry("m", "a")]);
    let begun = Instant::now();
    while begun.elapsed() < seconds(600) {
        let error = ask(&router, "m", &hello()).await.unwrap_err();
        advance(error.retry_after().unwrap_or(Duration::from_millis(10))).await;
    }
    let asked = fake.asked().len();
    assert!((10..=20).contains(&asked), "{asked} in ten minutes");
}

async fn by_role(router: &Router) -> Result<loom_router::RoleReply, RoleError> {
    let cancel = CancellationToken::new();
    router
        .chat_for(Role::Executor, Tier::Small, &hello(), &mut Discard, &cancel)
        .await
}

fn two(fake: &Fake) -> Router {
    let second = ModelEntry {
        tier: Tier::Large,
        ..entry("second", "b")
    };
    fake.router(vec![entry("first", "a"), second])
}

#[tokio::test(start_paused = true)]
async fn another_model_of_the_role_answers_and_that_is_said() {
    let fake = Fake::new(fails(1));
    let router = two(&fake);
    let reply = by_role(&router).await.unwrap();
    assert_eq!(
        (reply.reply.model.as_str(), reply.tier),
        ("second", Tier::Large)
    );
    assert_eq!(reply.degraded.len(), 1);
    assert!(
        reply.degraded[0]
            .starts_with("role executor is filled by second (tier 3), since first failed to reach"),
        "{:?}",
        reply.degraded
    );
    let again = by_role(&router).await.unwrap();
    assert_eq!(
        (again.reply.model.as_str(), again.degraded),
        ("first", Vec::new())
    );
}

#[tokio::test(start_paused = true)]
async fn a_model_whose_server_rests_is_not_asked_first_and_that_is_said() {
    let fake = Fake::new(fails(5));
    let router = two(&fake);
    for _ in 0..5 {
        ask(&router, "first", &hello()).await.unwrap_err();
    }
    let reply = by_role(&router).await.unwrap();
    assert_eq!(fake.asked()[5..], ["second"]);
    assert!(
        reply.degraded[0].contains("first is left alone"),
        "{:?}",
        reply.degraded
    );
    advance(seconds(2)).await;
    assert_eq!(by_role(&router).await.unwrap().reply.model, "first");
}

#[tokio::test(start_paused = true)]
async fn when_nobody_can_answer_it_is_said_when_to_come_back() {
    let fake = Fake::new([
        Does::Fails(busy(429, Some(seconds(50)))),
        Does::Fails(busy(503, Some(seconds(40)))),
    ]);
    let router = two(&fake);
    for _ in 0..2 {
        let failure = by_role(&router).await.unwrap_err().to_failure();
        assert_eq!(failure.class, FailureClass::Transient);
        assert_eq!(failure.retry_after_ms, Some(40_000));
    }
    assert_eq!(fake.asked().len(), 2, "the second time nobody was asked");
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_not_said_again_by_another_model() {
    let fake = Fake::new([Does::Breaks(busy(500, None))]);
    let router = two(&fake);
    let (cancel, mut pieces) = (CancellationToken::new(), 0);
    let mut sink = |_: Delta<'_>| pieces += 1;
    let request = hello();
    let error = router
        .chat_for(Role::Executor, Tier::Small, &request, &mut sink, &cancel)
        .await
        .unwrap_err();
    assert!(matches!(error, RoleError::Call(CallError::Busy { .. })));
    assert_eq!((pieces, fake.asked().len()), (1, 1));
}
