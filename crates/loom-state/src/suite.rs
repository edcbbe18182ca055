//! What every journal must do, run on both of them.

use crate::fixtures::{
    append, asked, change, completed, created, degraded, entry, granted, number, plan_ready,
    remember, started, subtask, task, whole_task,
};
use crate::{
    AppendError, BlobError, Claim, Closing, DeliveryState, DeliveryTried, Follow, Journal, Lesson,
    MemoryQuery, ModelFacts, NewDelivery, NewVector, RevertRecord, RowStatus, SimilarQuery,
    TaskFilter, Taught, Teacher, Unembedded, Vector, check_projections, subscribe,
};
use futures_util::StreamExt;
use loom_events::{
    AttemptId, BlobId, Event, MemoryKind, Record, Seq, Subject, SubtaskId, TaskId, Time,
};
use std::sync::Arc;

type J = Arc<dyn Journal>;

macro_rules! suite {
    ($($name:ident)*) => {
        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(std::sync::Arc::new(crate::MemoryJournal::new())).await;
            })*
        }
        mod in_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let dir = tempfile::tempdir().unwrap();
                let options = crate::Options { durability: crate::Durability::Normal };
                let journal = crate::SqliteJournal::open(dir.path(), options).unwrap();
                super::$name(std::sync::Arc::new(journal)).await;
            })*
        }
    };
}

suite! {
    what_was_appended_is_read_back_whole_and_in_order
    a_key_is_claimed_once_its_task_exists_and_forgotten_after_its_time
    a_page_begins_after_the_seq_and_ends_at_the_limit
    an_append_that_expects_another_seq_conflicts_and_writes_nothing
    a_batch_with_a_gap_or_of_another_task_is_refused
    of_two_writers_at_the_same_seq_exactly_one_wins
    fifty_concurrent_appenders_leave_no_gap_and_no_double
    a_whole_task_shows_in_the_rows_as_it_goes
    the_rows_are_what_the_events_say_at_every_prefix
    a_question_waits_until_it_is_answered
    a_subtask_that_a_later_plan_leaves_out_is_not_counted
    tasks_are_listed_by_status_and_workspace_newest_first
    a_task_is_found_by_either_end_of_its_id
    only_tasks_without_an_end_are_unfinished
    a_subscriber_from_before_in_the_middle_and_after_gets_everything_once
    a_slow_subscriber_misses_nothing_and_slows_nobody
    a_subscription_resumes_after_what_is_known
    a_subscription_to_an_ended_task_that_is_known_ends_at_once
    closing_ends_subscriptions_after_everything_was_given
    a_closed_journal_takes_nothing_and_can_be_read
    the_tail_grows_with_every_commit
    a_payload_is_kept_once_and_readable_at_once
    memory_is_found_by_task_subtask_kind_and_tags
    memory_is_found_by_text_the_best_match_first
    what_is_noted_again_is_one_row_that_counts
    statements_that_differ_about_the_same_are_found_together_the_newest_last
    no_text_of_a_query_is_an_error
    what_means_the_like_is_found_by_the_vectors_of_one_model
    reverts_have_a_stream_of_their_own
    a_collection_is_noted_once
    a_message_is_there_with_its_batch_and_not_without_it
    messages_wait_until_they_are_delivered_or_given_up
    an_imported_task_is_history_and_never_replaces_one
    the_newest_facts_of_a_model_are_kept
    a_task_teaches_once_and_what_is_forgotten_is_not_learned_again
}

async fn read(journal: &J, task: TaskId) -> Vec<Record> {
    journal.read(task, Seq::ZERO, 10_000).await.unwrap()
}

fn seqs(records: &[Record]) -> Vec<u64> {
    records.iter().map(|r| r.envelope.seq.0).collect()
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

async fn a_whole_task_shows_in_the_rows_as_it_goes(j: J) {
    let mut seen = Vec::new();
    for event in whole_task() {
        append(&*j, task(1), vec![event]).await.unwrap();
        seen.push(j.task(task(1)).await.unwrap().unwrap().status);
    }
    use RowStatus::{Completed, Executing, Pending, Planning, Stopping, WaitingApproval};
    let expected = [
        vec![Pending, Planning],
        vec![Executing; 6],
        vec![WaitingApproval],
        vec![Executing; 8],
        vec![Stopping, Completed],
    ];
    assert_eq!(seen, expected.concat());
    let row = j.task(task(1)).await.unwrap().unwrap();
    assert_eq!(row.goal, "make it work");
    assert_eq!(row.workspace.as_deref(), Some("/home/u/project"));
    assert_eq!((row.subtasks_done, row.subtasks_total), (1, 2));
    assert_eq!((row.tokens, row.waiting, row.last_seq), (118, 0, Seq(19)));
    assert_eq!(row.created, Time::from_millis(1_795_000_000_001));
    assert_eq!(row.updated, Time::from_millis(1_795_000_000_019));
    let rows = j.subtasks(task(1)).await.unwrap();
    let shown: Vec<_> = rows.iter().map(|s| (s.id.as_str(), s.status)).collect();
    let expected = [
        ("third", Pending),
        ("first", Completed),
        ("second", Pending),
    ];
    assert_eq!(shown, expected);
    assert_eq!(rows[1].attempts, 1);
}

async fn the_rows_are_what_the_events_say_at_every_prefix(j: J) {
    for event in whole_task() {
        append(&*j, task(1), vec![event]).await.unwrap();
        assert_eq!(check_projections(&*j, task(1)).await.unwrap(), []);
    }
    append(&*j, task(2), whole_task()).await.unwrap();
    assert_eq!(check_projections(&*j, task(2)).await.unwrap(), []);
    assert_eq!(check_projections(&*j, task(3)).await.unwrap(), []);
}

async fn a_question_waits_until_it_is_answered(j: J) {
    let attempt = AttemptId(Seq(3));
    let events = vec![
        created("a"),
        plan_ready(1, &["first"]),
        started("first", 1),
        asked(Subject::Result { attempt }),
        asked(Subject::Plan { version: 1 }),
    ];
    append(&*j, task(1), events).await.unwrap();
    let open = j.open_approvals().await.unwrap();
    assert_eq!(open, j.approvals(task(1)).await.unwrap());
    assert_eq!(open.len(), 2);
    assert_eq!(open[0].subtask, Some(subtask("first")));
    assert_eq!(open[0].question.action, "rm -r build");
    let status = |j: J| async move {
        let row = j.task(task(1)).await.unwrap().unwrap();
        let first = j.subtasks(task(1)).await.unwrap()[0].status;
        (row.status, row.waiting, first)
    };
    use RowStatus::{Executing, Running, WaitingApproval};
    assert_eq!(
        status(Arc::clone(&j)).await,
        (WaitingApproval, 2, WaitingApproval)
    );

    append(&*j, task(1), vec![granted(4)]).await.unwrap();
    assert_eq!(status(Arc::clone(&j)).await, (WaitingApproval, 1, Running));
    let withdrawn = Event::ApprovalWithdrawn {
        question: open[1].id,
    };
    append(&*j, task(1), vec![withdrawn]).await.unwrap();
    assert_eq!(status(Arc::clone(&j)).await, (Executing, 0, Running));

    assert_eq!(j.open_approvals().await.unwrap(), []);
    let closed = j.approvals(task(1)).await.unwrap();
    let closed: Vec<_> = closed.into_iter().map(|a| a.closed.unwrap()).collect();
    assert_eq!(
        (closed[0].how, closed[0].by.as_str()),
        (Closing::Granted, "cli")
    );
    assert_eq!(
        (closed[1].how, closed[1].by.as_str()),
        (Closing::Withdrawn, "")
    );
}

async fn a_subtask_that_a_later_plan_leaves_out_is_not_counted(j: J) {
    let events = vec![
        created("a"),
        plan_ready(1, &["one", "two", "three"]),
        plan_ready(2, &["four", "one"]),
    ];
    append(&*j, task(1), events).await.unwrap();
    let row = j.task(task(1)).await.unwrap().unwrap();
    assert_eq!(row.subtasks_total, 2);
    let ids = j.subtasks(task(1)).await.unwrap();
    let ids: Vec<_> = ids.iter().map(|s| s.id.as_str().to_owned()).collect();
    assert_eq!(ids, ["four", "one", "two", "three"]);
}

async fn tasks_are_listed_by_status_and_workspace_newest_first(j: J) {
    for n in 1..=5 {
        append(&*j, task(n), vec![created("a")]).await.unwrap();
    }
    append(&*j, task(2), vec![completed()]).await.unwrap();
    let list = |filter: TaskFilter| {
        let j = Arc::clone(&j);
        async move {
            let rows = j.tasks(filter).await.unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        }
    };
    let all = TaskFilter::default();
    assert_eq!(list(all.clone()).await, [5, 4, 3, 2, 1].map(task));
    let done = TaskFilter {
        status: Some(RowStatus::Completed),
        ..all.clone()
    };
    assert_eq!(list(done).await, [task(2)]);
    let page = TaskFilter {
        before: Some(task(4)),
        limit: 2,
        workspace: Some("/home/u/project".into()),
        ..all.clone()
    };
    assert_eq!(list(page).await, [3, 2].map(task));
    let elsewhere = TaskFilter {
        workspace: Some("/".into()),
        ..all
    };
    assert_eq!(list(elsewhere).await, []);
}

async fn a_task_is_found_by_either_end_of_its_id(j: J) {
    for n in [0x10, 0xab_10] {
        append(&*j, task(n), vec![created("a")]).await.unwrap();
    }
    let find = |part: &'static str| {
        let j = Arc::clone(&j);
        async move { j.find_task(part).await.unwrap() }
    };
    assert_eq!(find("AB10").await, [task(0xab_10)]);
    assert_eq!(find("0010").await, [task(0x10)]);
    assert_eq!(find("10").await, [0xab_10, 0x10].map(task));
    assert_eq!(find("01900000-0000-7").await.len(), 2);
    let whole = task(0x10).to_string();
    assert_eq!(j.find_task(&whole).await.unwrap(), [task(0x10)]);
    for nothing in ["", "-", "xyz", "%", "10%", "'; DROP TABLE tasks; --"] {
        assert_eq!(find(nothing).await, [], "{nothing}");
    }
    for n in 0..20 {
        append(&*j, task((n << 8) | 0xfe), vec![created("a")])
            .await
            .unwrap();
    }
    assert_eq!(find("fe").await.len(), crate::MAX_FOUND);
}

async fn only_tasks_without_an_end_are_unfinished(j: J) {
    for n in 1..=4 {
        append(&*j, task(n), vec![created("a")]).await.unwrap();
    }
    append(&*j, task(1), vec![completed()]).await.unwrap();
    let paused = vec![Event::TaskPaused];
    append(&*j, task(3), paused).await.unwrap();
    assert_eq!(j.unfinished().await.unwrap(), [2, 3, 4].map(task));
    let row = j.task(task(3)).await.unwrap().unwrap();
    assert_eq!(row.status, RowStatus::Paused);
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

async fn archive(j: &J) {
    use MemoryKind::{Artifact, Decision, Error};
    let mut elsewhere = entry(Decision, "uses redis for the queue", &["queue"]);
    elsewhere.subtask = Some(subtask("second"));
    let mut detailed = entry(Error, "the build failed", &["build", "Rust"]);
    detailed.detail = "sqlite could not be linked; the bundled feature helps".into();
    let entries = [
        entry(
            Decision,
            "sqlite keeps the sqlite journal",
            &["storage", "sqlite"],
        ),
        detailed,
        entry(Artifact, "made src/reader.rs", &["reader", "storage"]),
        elsewhere,
    ];
    let mut events = vec![created("a")];
    events.extend(entries.into_iter().map(remember));
    append(&**j, task(1), events).await.unwrap();
    let other = vec![created("b"), remember(entry(Decision, "other task", &[]))];
    append(&**j, task(2), other).await.unwrap();
}

async fn found(j: &J, query: MemoryQuery) -> Vec<u64> {
    let rows = j.search_memory(query).await.unwrap();
    rows.into_iter().map(|row| row.seq.0).collect()
}

async fn memory_is_found_by_task_subtask_kind_and_tags(j: J) {
    archive(&j).await;
    let of_one = MemoryQuery {
        task: Some(task(1)),
        ..MemoryQuery::default()
    };
    assert_eq!(found(&j, MemoryQuery::default()).await, [2, 5, 4, 3, 2]);
    assert_eq!(found(&j, of_one.clone()).await, [5, 4, 3, 2]);
    let by_kind = MemoryQuery {
        kinds: vec![MemoryKind::Error, MemoryKind::Artifact],
        ..of_one.clone()
    };
    assert_eq!(found(&j, by_kind).await, [4, 3]);
    let by_tag = |tags: &[&str]| MemoryQuery {
        tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        ..of_one.clone()
    };
    assert_eq!(found(&j, by_tag(&["storage"])).await, [4, 2]);
    assert_eq!(found(&j, by_tag(&["STORAGE", "sqlite"])).await, [2]);
    assert_eq!(found(&j, by_tag(&["rust"])).await, [3]);
    assert_eq!(
        found(&j, by_tag(&["stor", "%", "'"])).await,
        Vec::<u64>::new()
    );
    let by_subtask = MemoryQuery {
        subtask: Some(SubtaskId::new("second").unwrap()),
        ..of_one.clone()
    };
    assert_eq!(found(&j, by_subtask).await, [5]);
    let limited = MemoryQuery {
        limit: 2,
        ..of_one.clone()
    };
    assert_eq!(found(&j, limited).await, [5, 4]);
    let rows = j.search_memory(by_tag(&["rust"])).await.unwrap();
    assert_eq!(rows[0].entry.tags, ["build", "Rust"]);
    assert_eq!(rows[0].task, task(1));
}

async fn memory_is_found_by_text_the_best_match_first(j: J) {
    archive(&j).await;
    let by_text = |text: &str| MemoryQuery {
        text: Some(text.into()),
        ..MemoryQuery::default()
    };
    assert_eq!(found(&j, by_text("sqlite journal")).await, [2, 3]);
    assert_eq!(found(&j, by_text("READ")).await, [4]);
    assert_eq!(found(&j, by_text("zebra")).await, Vec::<u64>::new());
    let with_kind = MemoryQuery {
        kinds: vec![MemoryKind::Error],
        ..by_text("sqlite")
    };
    assert_eq!(found(&j, with_kind).await, [3]);
}

async fn what_is_noted_again_is_one_row_that_counts(j: J) {
    use MemoryKind::{Decision, Discovery};
    let mut events = vec![created("a")];
    for summary in [
        "Tests run with `make`.",
        "the port is 80",
        "tests run with make",
    ] {
        events.push(remember(entry(Discovery, summary, &["build"])));
    }
    events.push(remember(entry(Decision, "tests run with make", &[])));
    append(&*j, task(1), events).await.unwrap();
    let again = vec![
        created("b"),
        remember(entry(Discovery, "tests run with make", &[])),
    ];
    append(&*j, task(2), again).await.unwrap();
    let query = MemoryQuery {
        task: Some(task(1)),
        text: Some("make".to_owned()),
        ..MemoryQuery::default()
    };
    let rows = j.search_memory(query).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.seq.0, row.seen)).collect();
    assert_eq!(seen, [(5, 1), (2, 2)], "of one task and one kind");
    assert_eq!(rows[1].entry.summary, "Tests run with `make`.");
    assert!(rows[1].at < rows[1].last);
    assert!(rows.iter().all(|row| row.about.is_none()));
    for id in [task(1), task(2)] {
        assert_eq!(check_projections(&*j, id).await.unwrap(), []);
    }
}

async fn statements_that_differ_about_the_same_are_found_together_the_newest_last(j: J) {
    use MemoryKind::Discovery;
    let mut events = vec![created("a")];
    for summary in [
        "the server listens on port 80",
        "nothing listens elsewhere",
        "server listens on port 8080 in tests",
        "The server listens on port 80.",
    ] {
        events.push(remember(entry(Discovery, summary, &[])));
    }
    append(&*j, task(1), events).await.unwrap();
    for (text, limit, expected) in [
        ("tests", 9, vec![4, 2]),
        ("tests nothing", 9, vec![4, 2, 3]),
        ("tests", 1, vec![4]),
    ] {
        for of in [None, Some(task(1))] {
            let query = MemoryQuery {
                task: of,
                text: Some(text.to_owned()),
                limit,
                ..MemoryQuery::default()
            };
            let rows = j.search_memory(query).await.unwrap();
            let seqs: Vec<u64> = rows.iter().map(|row| row.seq.0).collect();
            assert_eq!(seqs, expected, "{text}, {of:?}");
            assert!(rows[0].about.is_some());
            assert_eq!(rows[0].about, rows[rows.len().min(2) - 1].about);
        }
    }
    assert_eq!(check_projections(&*j, task(1)).await.unwrap(), []);
}

async fn no_text_of_a_query_is_an_error(j: J) {
    archive(&j).await;
    let hostile = [
        "\"",
        "'",
        "\\",
        "*",
        "^sqlite",
        "a OR",
        "AND",
        "NEAR(",
        "NEAR(a b, 3)",
        "summary:",
        "{summary detail} : x",
        "-x",
        "+",
        "(((",
        ")",
        "a\0b",
        "\0",
        "%",
        "_",
        ";--",
        "é\u{301}",
        "日本語",
        "🦀",
        "\u{202e}",
        "NOT",
        "\" OR 1=1 --",
        "col:\"x\" *",
    ];
    let long = [
        "\"".repeat(100_000),
        "word ".repeat(50_000),
        "x".repeat(1_000_000),
    ];
    for text in hostile.iter().map(|t| (*t).to_owned()).chain(long) {
        let query = MemoryQuery {
            text: Some(text.clone()),
            tags: vec![text.clone()],
            ..MemoryQuery::default()
        };
        j.search_memory(query).await.unwrap();
        let query = MemoryQuery {
            text: Some(format!("{text} sqlite")),
            ..MemoryQuery::default()
        };
        let found = j.search_memory(query).await.unwrap();
        let few_words = text.len() < 100;
        assert!(!few_words || !found.is_empty(), "{text}");
    }
}

async fn what_means_the_like_is_found_by_the_vectors_of_one_model(j: J) {
    archive(&j).await;
    let vector = |raw: &[f32]| Vector::new(raw).unwrap();
    let waiting = j.unembedded("a", 9).await.unwrap();
    let all = j.search_memory(MemoryQuery::default()).await.unwrap();
    let said = |entries: &[Unembedded]| -> Vec<String> {
        entries
            .iter()
            .map(|one| one.entry.summary.clone())
            .collect()
    };
    let expected: Vec<String> = all.iter().map(|row| row.entry.summary.clone()).collect();
    assert_eq!(said(&waiting), expected, "all of them, the newest first");
    assert_eq!(said(&j.unembedded("a", 1).await.unwrap()), expected[..1]);
    let mut vectors: Vec<NewVector> = waiting
        .iter()
        .zip([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
        .map(|(one, raw)| NewVector {
            number: one.number,
            vector: vector(&raw),
        })
        .collect();
    // Of an entry that is not there nothing is kept, and nothing is found.
    vectors.push(NewVector {
        number: 99_999,
        vector: vector(&[1.0, 0.0]),
    });
    j.keep_vectors("a", vectors).await.unwrap();
    assert_eq!(said(&j.unembedded("a", 9).await.unwrap()), expected[3..]);
    let found = async |model: &str, raw: &[f32], least: f32, within: MemoryQuery| {
        let query = SimilarQuery {
            model: model.to_owned(),
            vector: vector(raw),
            least,
            within,
        };
        let rows = j.similar_memory(query).await.unwrap();
        rows.into_iter()
            .map(|row| row.entry.summary)
            .collect::<Vec<_>>()
    };
    let any = MemoryQuery::default;
    let [one, other, between] = [0, 1, 2].map(|at| expected[at].clone());
    assert_eq!(
        found("a", &[1.0, 0.0], -1.0, any()).await,
        [one.clone(), between.clone(), other.clone()]
    );
    assert_eq!(
        found("a", &[1.0, 0.0], 0.5, any()).await,
        [one.clone(), between.clone()]
    );
    let within = MemoryQuery {
        kinds: vec![all[2].entry.kind],
        task: Some(all[2].task),
        subtask: all[2].entry.subtask.clone(),
        tags: all[2].entry.tags.clone(),
        text: Some("no word of it".to_owned()),
        limit: 1,
    };
    assert_eq!(found("a", &[1.0, 0.0], 0.5, within).await, [between]);
    assert!(found("b", &[1.0, 0.0], -1.0, any()).await.is_empty());
    assert!(found("a", &[1.0], -1.0, any()).await.is_empty());

    // Another model makes them anew.
    let number = waiting[1].number;
    let again = vec![NewVector {
        number,
        vector: vector(&[3.0]),
    }];
    j.keep_vectors("b", again).await.unwrap();
    assert_eq!(
        found("b", &[1.0], 0.9, any()).await,
        std::slice::from_ref(&other)
    );
    assert!(!found("a", &[1.0, 0.0], -1.0, any()).await.contains(&other));
    assert!(said(&j.unembedded("a", 9).await.unwrap()).contains(&other));
}

fn revert(scope: &str) -> RevertRecord {
    RevertRecord {
        scope: scope.into(),
        changes: vec![change("src/main.rs")],
        at: Time::from_millis(5),
    }
}

async fn reverts_have_a_stream_of_their_own(j: J) {
    append(&*j, task(1), whole_task()).await.unwrap();
    for scope in ["task", "src/main.rs"] {
        j.record_revert(task(1), revert(scope)).await.unwrap();
    }
    let kept = j.reverts(task(1)).await.unwrap();
    assert_eq!(kept, [revert("task"), revert("src/main.rs")]);
    assert_eq!(j.reverts(task(2)).await.unwrap(), []);
    assert_eq!(read(&j, task(1)).await.len(), 19);
}

async fn a_collection_is_noted_once(j: J) {
    let at = Time::from_millis;
    assert_eq!(j.collected(task(1)).await.unwrap(), None);
    j.record_collection(vec![task(1), task(2)], at(5))
        .await
        .unwrap();
    j.record_collection(vec![task(1), task(3)], at(9))
        .await
        .unwrap();
    let mut seen = Vec::new();
    for n in 1..=4 {
        seen.push(j.collected(task(n)).await.unwrap());
    }
    assert_eq!(seen, [Some(at(5)), Some(at(5)), Some(at(9)), None]);
}

fn facts(server: &str, model: &str, window: u32) -> ModelFacts {
    ModelFacts {
        server: server.into(),
        model: model.into(),
        facts: serde_json::json!({"window": window, "family": null}),
        seen: Time::from_millis(i64::from(window)),
    }
}

async fn the_newest_facts_of_a_model_are_kept(j: J) {
    assert_eq!(j.model_facts().await.unwrap(), []);
    for known in [
        facts("http://b", "m", 1),
        facts("http://a", "m", 2),
        facts("http://b", "m", 3),
        facts("http://b", "a'; --", 4),
    ] {
        j.put_model_facts(known).await.unwrap();
    }
    let kept = [
        facts("http://a", "m", 2),
        facts("http://b", "a'; --", 4),
        facts("http://b", "m", 3),
    ];
    assert_eq!(j.model_facts().await.unwrap(), kept);
    j.close().await;
    let refused = j.put_model_facts(facts("http://a", "m", 5)).await;
    assert!(matches!(refused, Err(AppendError::Closed)), "{refused:?}");
    assert_eq!(j.model_facts().await.unwrap(), kept);
}

fn lesson(section: &str, name: &str, value: u64) -> Lesson {
    Lesson {
        section: section.into(),
        name: name.into(),
        value: serde_json::json!({ "n": value }),
        last: Time::from_millis(i64::try_from(value).unwrap()),
    }
}

async fn a_task_teaches_once_and_what_is_forgotten_is_not_learned_again(j: J) {
    let taught = |n: u128, kept: Vec<Lesson>, forgotten: &[(&str, &str)]| Taught {
        by: Teacher::Task(task(n)),
        at: Time::from_millis(7),
        kept,
        forgotten: forgotten
            .iter()
            .map(|(section, name)| ((*section).to_owned(), (*name).to_owned()))
            .collect(),
    };
    let first = vec![lesson("tally", "b", 1), lesson("plan", "a'; --", 2)];
    assert!(j.keep_lessons(taught(1, first.clone(), &[])).await.unwrap());
    // The same task again, as after a restart.
    let again = vec![lesson("tally", "b", 9)];
    assert!(!j.keep_lessons(taught(1, again, &[])).await.unwrap());
    // The revert of a subtask is another teacher, and one too.
    let revert = || Taught {
        by: Teacher::Revert(task(1), subtask("first")),
        ..taught(1, Vec::new(), &[])
    };
    assert!(j.keep_lessons(revert()).await.unwrap());
    assert!(!j.keep_lessons(revert()).await.unwrap());
    let kept = [first[1].clone(), first[0].clone()];
    assert_eq!(j.lessons().await.unwrap(), kept);
    let second = taught(2, vec![lesson("tally", "b", 3)], &[("plan", "a'; --")]);
    assert!(j.keep_lessons(second).await.unwrap());
    assert_eq!(j.lessons().await.unwrap(), [lesson("tally", "b", 3)]);
    // A human may say something else later.
    for said in [5, 6] {
        let kept = vec![lesson("look", "a", said)];
        let by_a_human = Taught {
            by: Teacher::Human,
            ..taught(1, kept.clone(), &[])
        };
        assert!(j.keep_lessons(by_a_human).await.unwrap());
        assert_eq!(j.lessons().await.unwrap()[..1], kept);
    }
    j.forget_lessons().await.unwrap();
    assert_eq!(j.lessons().await.unwrap(), []);
    let after = taught(1, vec![lesson("tally", "b", 4)], &[]);
    assert!(!j.keep_lessons(after).await.unwrap());
    assert_eq!(j.lessons().await.unwrap(), []);
    j.close().await;
    let refused = j.keep_lessons(taught(3, Vec::new(), &[])).await;
    assert!(matches!(refused, Err(AppendError::Closed)), "{refused:?}");
    let refused = j.forget_lessons().await;
    assert!(matches!(refused, Err(AppendError::Closed)), "{refused:?}");
}

async fn a_key_is_claimed_once_its_task_exists_and_forgotten_after_its_time(j: J) {
    let claim = |n: u128, digest: &str, at: i64| Claim {
        key: "k".into(),
        digest: digest.into(),
        task: task(n),
        at: Time::from_millis(at),
    };
    // A task that never came to be keeps nobody from asking again, also for something else.
    let first = claim(1, "a", 1);
    assert_eq!(j.claim(first.clone()).await.unwrap(), first);
    let second = claim(2, "b", 2);
    assert_eq!(j.claim(second.clone()).await.unwrap(), second);
    append(&*j, task(2), vec![created("b")]).await.unwrap();
    assert_eq!(j.claim(claim(3, "b", 3)).await.unwrap(), second);
    assert_eq!(j.claim(claim(4, "a", 4)).await.unwrap(), second);
    let week = i64::try_from(Claim::KEPT.as_millis()).unwrap();
    let later = claim(5, "c", week + 3);
    assert_eq!(j.claim(later.clone()).await.unwrap(), later);
    j.close().await;
    let refused = j.claim(claim(6, "d", 9)).await;
    assert!(matches!(refused, Err(AppendError::Closed)), "{refused:?}");
}

async fn an_imported_task_is_history_and_never_replaces_one(j: J) {
    let batch = |n| number(task(n), Seq::ZERO, vec![created("told")]);
    let at = Time::from_millis(7);
    let records = j.import(task(1), batch(1), at).await.unwrap();
    assert_eq!(j.read(task(1), Seq::ZERO, 10).await.unwrap(), records);
    assert_eq!(j.imported(task(1)).await.unwrap(), Some(at));
    append(&*j, task(2), vec![created("here")]).await.unwrap();
    assert_eq!(j.imported(task(2)).await.unwrap(), None);
    // It has no end, and nobody goes on with it.
    assert_eq!(j.unfinished().await.unwrap(), [task(2)]);
    for n in [1, 2] {
        let again = j.import(task(n), batch(n), at).await;
        assert!(
            matches!(again, Err(AppendError::Conflict { .. })),
            "{again:?}"
        );
    }
    assert_eq!(j.imported(task(2)).await.unwrap(), None);
    j.close().await;
    let closed = j.import(task(3), batch(3), at).await;
    assert!(matches!(closed, Err(AppendError::Closed)));
}

fn message(id: &str, seq: u64, due: i64) -> NewDelivery {
    NewDelivery {
        id: id.to_owned(),
        seq: Seq(seq),
        url: format!("https://a.example/{id}"),
        due: Time::from_millis(due),
    }
}

async fn a_message_is_there_with_its_batch_and_not_without_it(j: J) {
    let batch = || number(task(1), Seq::ZERO, vec![created("told")]);
    let told = vec![message("a", 1, 5), message("b", 1, 5)];
    let appended = j.append_with(task(1), Seq::ZERO, batch(), told).await;
    assert_eq!(appended.unwrap().len(), 1);
    let late = vec![message("c", 1, 5)];
    let refused = j.append_with(task(1), Seq::ZERO, batch(), late).await;
    assert!(matches!(refused, Err(AppendError::Conflict { .. })));

    let of_task = j.deliveries(task(1)).await.unwrap();
    let ids: Vec<_> = of_task.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(of_task[0].url, "https://a.example/a");
    assert_eq!((of_task[0].seq, of_task[0].tries), (Seq(1), 0));
    assert_eq!(j.deliveries(task(2)).await.unwrap(), []);
}

async fn messages_wait_until_they_are_delivered_or_given_up(j: J) {
    let batch = number(task(1), Seq::ZERO, vec![created("told")]);
    let told = vec![
        message("a", 1, 30),
        message("b", 1, 10),
        message("c", 1, 20),
    ];
    j.append_with(task(1), Seq::ZERO, batch, told)
        .await
        .unwrap();
    let waiting = async |limit| {
        let waiting = j.waiting_deliveries(limit).await.unwrap();
        waiting.into_iter().map(|d| d.id).collect::<Vec<_>>()
    };
    assert_eq!(waiting(10).await, ["b", "c", "a"]);
    assert_eq!(waiting(2).await, ["b", "c"]);
    let tried = |id: &str, state| DeliveryTried {
        id: id.to_owned(),
        state,
        tries: 1,
        due: Time::from_millis(40),
        outcome: "answered 500".to_owned(),
        at: Time::from_millis(11),
    };
    for (id, state) in [
        ("b", DeliveryState::Waiting),
        ("c", DeliveryState::Delivered),
        ("unknown", DeliveryState::Delivered),
    ] {
        j.record_delivery(tried(id, state)).await.unwrap();
    }
    assert_eq!(waiting(10).await, ["a", "b"]);
    j.record_delivery(tried("a", DeliveryState::GivenUp))
        .await
        .unwrap();
    assert_eq!(waiting(10).await, ["b"]);
    let all = j.deliveries(task(1)).await.unwrap();
    let states: Vec<_> = all
        .iter()
        .map(|d| (d.id.as_str(), d.state, d.tries))
        .collect();
    assert_eq!(
        states,
        [
            ("a", DeliveryState::GivenUp, 1),
            ("b", DeliveryState::Waiting, 1),
            ("c", DeliveryState::Delivered, 1)
        ]
    );
    assert_eq!(all[1].outcome, "answered 500");
    assert_eq!(all[1].updated, Time::from_millis(11));
    j.forget_deliveries(Time::from_millis(11)).await.unwrap();
    assert_eq!(j.deliveries(task(1)).await.unwrap().len(), 3);
    j.forget_deliveries(Time::from_millis(12)).await.unwrap();
    let left = j.deliveries(task(1)).await.unwrap();
    let left: Vec<_> = left.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(left, ["b"], "what waits stays, however old it is");
    j.close().await;
    let closed = j
        .record_delivery(tried("b", DeliveryState::Delivered))
        .await;
    assert!(matches!(closed, Err(AppendError::Closed)));
}
