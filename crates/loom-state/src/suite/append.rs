//! What is appended, and read again.

use super::{J, read, revert, seqs, suite};
use crate::fixtures::{append, created, degraded, number, task, whole_task};
use crate::{AppendError, BlobError};
use loom_events::{BlobId, Event, Record, Seq};
use std::sync::Arc;

suite! {
    what_was_appended_is_read_back_whole_and_in_order
    a_page_begins_after_the_seq_and_ends_at_the_limit
    an_append_that_expects_another_seq_conflicts_and_writes_nothing
    a_batch_with_a_gap_or_of_another_task_is_refused
    of_two_writers_at_the_same_seq_exactly_one_wins
    fifty_concurrent_appenders_leave_no_gap_and_no_double
    a_closed_journal_takes_nothing_and_can_be_read
    a_payload_is_kept_once_and_readable_at_once
}

async fn what_was_appended_is_read_back_whole_and_in_order(j: J) {
    let given = append(&*j, task(1), whole_task()).await.unwrap();
    append(&*j, task(2), vec![created("other")]).await.unwrap();
    assert_eq!(read(&j, task(1)).await, given);
    assert_eq!(seqs(&given), (1..=19).collect::<Vec<_>>());
    let all = j.read_all(0, 100).await.unwrap();
    assert_eq!(all.len(), 20);
    assert!(all.is_sorted_by_key(|r| r.id));
    assert_eq!(all[..19], given);
    assert_eq!(read(&j, task(3)).await, []);
}

async fn a_page_begins_after_the_seq_and_ends_at_the_limit(j: J) {
    let given = append(&*j, task(1), whole_task()).await.unwrap();
    assert_eq!(j.read(task(1), Seq(3), 2).await.unwrap(), given[3..5]);
    assert_eq!(j.read(task(1), Seq(19), 2).await.unwrap(), []);
    assert_eq!(j.read_all(given[4].id, 3).await.unwrap(), given[5..8]);
    assert_eq!(j.read_all(u64::MAX, 3).await.unwrap(), []);
    assert_eq!(j.read(task(1), Seq(u64::MAX), 3).await.unwrap(), []);
}

async fn an_append_that_expects_another_seq_conflicts_and_writes_nothing(j: J) {
    append(&*j, task(1), vec![created("a")]).await.unwrap();
    for expected in [Seq(0), Seq(2)] {
        let events = number(task(1), expected, vec![degraded("x")]);
        let refused = j.append(task(1), expected, events).await.unwrap_err();
        assert!(
            matches!(refused, AppendError::Conflict { expected: e, found: Seq(1) } if e == expected),
            "{refused:?}"
        );
    }
    assert_eq!(read(&j, task(1)).await.len(), 1);
    append(&*j, task(1), vec![degraded("y")]).await.unwrap();
}

async fn a_batch_with_a_gap_or_of_another_task_is_refused(j: J) {
    let mut gap = number(task(1), Seq(0), vec![created("a"), degraded("b")]);
    gap[1].seq = Seq(3);
    let other = number(task(2), Seq(0), vec![created("a")]);
    for events in [gap, other] {
        let refused = j.append(task(1), Seq(0), events).await.unwrap_err();
        assert!(
            matches!(refused, AppendError::Misnumbered { .. }),
            "{refused:?}"
        );
    }
    assert_eq!(j.append(task(1), Seq(0), vec![]).await.unwrap(), []);
    assert_eq!(j.task(task(1)).await.unwrap(), None);
}

async fn of_two_writers_at_the_same_seq_exactly_one_wins(j: J) {
    append(&*j, task(1), vec![created("a")]).await.unwrap();
    for round in 1..=20 {
        let events = |who: &str| number(task(1), Seq(round), vec![degraded(who)]);
        let at = Seq(round);
        let (a, b) = tokio::join!(
            j.append(task(1), at, events("a")),
            j.append(task(1), at, events("b")),
        );
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    }
    assert_eq!(seqs(&read(&j, task(1)).await), (1..=21).collect::<Vec<_>>());
}

async fn fifty_concurrent_appenders_leave_no_gap_and_no_double(j: J) {
    const EACH: u64 = 20;
    let own = (1..=40u128).map(|n| (task(n), n as u64));
    // Ten more fight over one task and take the next seq when they lose.
    let shared = (0..10u64).map(|n| (task(99), n));
    let writers: Vec<_> = own
        .chain(shared)
        .map(|(id, who)| {
            let j = Arc::clone(&j);
            tokio::spawn(async move {
                let mut at = Seq::ZERO;
                for n in 0..EACH {
                    let events = |at| number(id, at, vec![degraded(format!("{who} {n}"))]);
                    loop {
                        match j.append(id, at, events(at)).await {
                            Ok(records) => {
                                at = records[0].envelope.seq;
                                break;
                            }
                            Err(AppendError::Conflict { found, .. }) => at = found,
                            Err(other) => panic!("{other}"),
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for (id, count) in (1..=40)
        .map(|n| (task(n), EACH))
        .chain([(task(99), 10 * EACH)])
    {
        assert_eq!(seqs(&read(&j, id).await), (1..=count).collect::<Vec<_>>());
    }
    let all = j.read_all(0, 10_000).await.unwrap();
    assert_eq!(all.len() as u64, 50 * EACH);
    assert!(all.is_sorted_by(|a, b| a.id < b.id));
    let said = |r: &Record| match &r.envelope.event {
        Event::Degraded { what } if r.envelope.task_id == task(99) => Some(what.clone()),
        _ => None,
    };
    let mut said: Vec<_> = all.iter().filter_map(said).collect();
    said.sort();
    said.dedup();
    assert_eq!(
        said.len() as u64,
        10 * EACH,
        "every event of every writer once"
    );
}

async fn a_closed_journal_takes_nothing_and_can_be_read(j: J) {
    append(&*j, task(1), vec![created("a")]).await.unwrap();
    let kept = j.put_blob(b"kept".to_vec()).await.unwrap();
    j.close().await;
    j.close().await;
    let refused = append(&*j, task(1), vec![degraded("x")]).await.unwrap_err();
    assert!(matches!(refused, AppendError::Closed), "{refused:?}");
    let refused = j.put_blob(b"late".to_vec()).await.unwrap_err();
    assert!(matches!(refused, BlobError::Closed), "{refused:?}");
    let refused = j.record_revert(task(1), revert("late")).await.unwrap_err();
    assert!(matches!(refused, AppendError::Closed), "{refused:?}");
    assert_eq!(read(&j, task(1)).await.len(), 1);
    assert_eq!(j.blob(&kept).await.unwrap(), Some(b"kept".to_vec()));
    let mut tail = j.tail();
    tail.mark_unchanged();
    assert!(tail.changed().await.is_err());
}

async fn a_payload_is_kept_once_and_readable_at_once(j: J) {
    let bytes = "a prompt, ".repeat(10_000).into_bytes();
    let id = j.put_blob(bytes.clone()).await.unwrap();
    assert_eq!(id.as_str(), blake3::hash(&bytes).to_hex().as_str());
    assert_eq!(j.blob(&id).await.unwrap(), Some(bytes.clone()));
    assert_eq!(j.put_blob(bytes.clone()).await.unwrap(), id);
    append(&*j, task(1), vec![created("a")]).await.unwrap();
    assert_eq!(j.put_blob(bytes.clone()).await.unwrap(), id);
    assert_eq!(j.blob(&id).await.unwrap(), Some(bytes));
    let empty = j.put_blob(Vec::new()).await.unwrap();
    assert_eq!(j.blob(&empty).await.unwrap(), Some(Vec::new()));
    let unknown = BlobId::from_hex("0".repeat(64)).unwrap();
    assert_eq!(j.blob(&unknown).await.unwrap(), None);
}
