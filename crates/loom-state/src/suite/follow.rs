//! Whoever follows gets everything once.

use super::{J, seqs, suite};
use crate::fixtures::{append, completed, created, degraded, number, task, whole_task};
use crate::{Follow, subscribe};
use futures_util::StreamExt;
use loom_events::{Record, Seq};
use std::sync::Arc;

suite! {
    a_subscriber_from_before_in_the_middle_and_after_gets_everything_once
    a_slow_subscriber_misses_nothing_and_slows_nobody
    a_subscription_resumes_after_what_is_known
    a_subscription_to_an_ended_task_that_is_known_ends_at_once
    closing_ends_subscriptions_after_everything_was_given
    the_tail_grows_with_every_commit
}

async fn collect(journal: J, follow: Follow) -> Vec<Record> {
    let all: Vec<_> = subscribe(journal, follow).collect().await;
    all.into_iter()
        .map(|one| Record::clone(&one.unwrap()))
        .collect()
}

async fn a_subscriber_from_before_in_the_middle_and_after_gets_everything_once(j: J) {
    const EVENTS: u64 = 600;
    let follow = Follow::Task {
        task: task(1),
        after: Seq::ZERO,
    };
    let spawn = |follow| tokio::spawn(collect(Arc::clone(&j), follow));
    let mut followers = vec![spawn(follow)];
    let global = spawn(Follow::All { after: 0 });
    // Noise of other tasks at the same time.
    let noise = tokio::spawn({
        let j = Arc::clone(&j);
        async move {
            for n in 2..=100 {
                append(&*j, task(n), vec![created("noise")]).await.unwrap();
            }
        }
    });
    for n in 1..=EVENTS {
        let event = if n == EVENTS {
            completed()
        } else {
            degraded("x")
        };
        append(&*j, task(1), vec![event]).await.unwrap();
        if n % 100 == 0 {
            followers.push(spawn(follow));
        }
    }
    noise.await.unwrap();
    let wanted: Vec<u64> = (1..=EVENTS).collect();
    for follower in followers {
        assert_eq!(seqs(&follower.await.unwrap()), wanted);
    }
    j.close().await;
    let all = global.await.unwrap();
    assert_eq!(all, j.read_all(0, 10_000).await.unwrap());
}

async fn a_slow_subscriber_misses_nothing_and_slows_nobody(j: J) {
    let follow = Follow::Task {
        task: task(1),
        after: Seq::ZERO,
    };
    append(&*j, task(1), vec![created("a")]).await.unwrap();
    let mut slow = Box::pin(subscribe(Arc::clone(&j), follow));
    slow.next().await.unwrap().unwrap();
    // Far more than the ring holds, while nobody takes anything.
    let count = crate::subscribe::RING as u64 + 500;
    for n in 2..=count {
        let at = Seq(n - 1);
        let events = number(task(1), at, vec![degraded("x")]);
        j.append(task(1), at, events).await.unwrap();
    }
    append(&*j, task(1), vec![completed()]).await.unwrap();
    let rest: Vec<_> = slow.map(|one| Record::clone(&one.unwrap())).collect().await;
    assert_eq!(seqs(&rest), (2..=count + 1).collect::<Vec<_>>());
}

async fn a_subscription_resumes_after_what_is_known(j: J) {
    let given = append(&*j, task(1), whole_task()).await.unwrap();
    let follow = Follow::Task {
        task: task(1),
        after: Seq(7),
    };
    assert_eq!(collect(Arc::clone(&j), follow).await, given[7..]);
    j.close().await;
    let follow = Follow::All { after: given[9].id };
    assert_eq!(collect(j, follow).await, given[10..]);
}

async fn a_subscription_to_an_ended_task_that_is_known_ends_at_once(j: J) {
    append(&*j, task(1), whole_task()).await.unwrap();
    for after in [Seq(19), Seq(1000)] {
        let follow = Follow::Task {
            task: task(1),
            after,
        };
        assert_eq!(collect(Arc::clone(&j), follow).await, []);
    }
}

async fn closing_ends_subscriptions_after_everything_was_given(j: J) {
    append(&*j, task(1), vec![created("a")]).await.unwrap();
    let follow = Follow::Task {
        task: task(1),
        after: Seq::ZERO,
    };
    let mut stream = Box::pin(subscribe(Arc::clone(&j), follow));
    stream.next().await.unwrap().unwrap();
    append(&*j, task(1), vec![degraded("x")]).await.unwrap();
    j.close().await;
    assert_eq!(stream.next().await.unwrap().unwrap().envelope.seq, Seq(2));
    assert!(stream.next().await.is_none());
}

async fn the_tail_grows_with_every_commit(j: J) {
    let mut tail = j.tail();
    assert_eq!(*tail.borrow_and_update(), 0);
    let given = append(&*j, task(1), whole_task()).await.unwrap();
    tail.changed().await.unwrap();
    assert_eq!(*tail.borrow_and_update(), given[18].id);
    j.append(
        task(1),
        Seq(3),
        number(task(1), Seq(3), vec![degraded("x")]),
    )
    .await
    .unwrap_err();
    assert!(!tail.has_changed().unwrap());
}
