//! What only a database on disk must do: outlive its process, fail closed, refuse what it cannot
//! read, and stay small.

use super::{DATABASE_FILE, Durability, Options, SqliteJournal, schema};
use crate::fixtures::{
    append, created, degraded, digest, entry, model_started, number, plan_ready, remember, replied,
    started, task, tool_done, tool_started, whole_task,
};
use crate::{
    AppendError, BlobError, Follow, Journal, MemoryJournal, MemoryQuery, ReadError,
    check_projections, subscribe,
};
use futures_util::StreamExt;
use loom_events::{MemoryKind, Record, Seq, SubtaskId};
use rusqlite::Connection;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

const FAST: Options = Options {
    durability: Durability::Normal,
};

fn open(dir: &Path) -> SqliteJournal {
    SqliteJournal::open(dir, FAST).unwrap()
}

/// A connection beside the journal's own, for looking and for tampering.
fn beside(dir: &Path) -> Connection {
    Connection::open(dir.join(DATABASE_FILE)).unwrap()
}

fn count(dir: &Path, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    beside(dir).query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_journal_that_was_dropped_and_opened_again_has_everything() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    let given = append(&j, task(1), whole_task()).await.unwrap();
    append(&j, task(2), vec![created("b")]).await.unwrap();
    let row = j.task(task(1)).await.unwrap();
    // No append follows: what was put last is kept all the same.
    let blob = j.put_blob(b"payload".to_vec()).await.unwrap();
    drop(j);

    let j = open(dir.path());
    assert_eq!(j.read(task(1), Seq::ZERO, 100).await.unwrap(), given);
    assert_eq!(j.task(task(1)).await.unwrap(), row);
    assert_eq!(j.blob(&blob).await.unwrap(), Some(b"payload".to_vec()));
    assert_eq!(*j.tail().borrow(), 20);
    let next = append(&j, task(2), vec![degraded("x")]).await.unwrap();
    assert_eq!((next[0].id, next[0].envelope.seq), (21, Seq(2)));
    for id in [task(1), task(2)] {
        assert_eq!(check_projections(&j, id).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_reader_beside_the_writer_sees_commits_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    append(&j, task(1), vec![created("a")]).await.unwrap();
    let reader = Arc::new(SqliteJournal::open_read_only(dir.path()).unwrap());
    append(&j, task(1), vec![degraded("x")]).await.unwrap();
    let seen = reader.read(task(1), Seq::ZERO, 10).await.unwrap();
    assert_eq!(seen.len(), 2);
    let refused = append(&*reader, task(1), vec![degraded("y")]).await;
    assert!(matches!(refused, Err(AppendError::Closed)), "{refused:?}");
    let given: Vec<_> = subscribe(Arc::clone(&reader) as _, Follow::All { after: 0 })
        .map(|one| Record::clone(&one.unwrap()))
        .collect()
        .await;
    assert_eq!(given, seen);
    reader.close().await;
    append(&j, task(1), vec![degraded("z")]).await.unwrap();
}

#[tokio::test]
async fn a_payload_is_on_disk_when_a_later_append_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    let id = j.put_blob(vec![7; 5000]).await.unwrap();
    j.put_blob(vec![7; 5000]).await.unwrap();
    assert_eq!(j.blob(&id).await.unwrap(), Some(vec![7; 5000]));
    assert_eq!(count(dir.path(), "blobs"), 0, "held back for the append");
    append(&j, task(1), vec![created("a")]).await.unwrap();
    assert_eq!(count(dir.path(), "blobs"), 1);
}

#[tokio::test]
async fn payloads_without_an_append_do_not_pile_up_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    for n in 0..2000u32 {
        j.put_blob(n.to_le_bytes().to_vec()).await.unwrap();
    }
    // The writer waits for a full group, so all but the last group are committed in time.
    let bound = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while count(dir.path(), "blobs") < 1700 {
        assert!(std::time::Instant::now() < bound);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_damaged_payload_is_an_error_and_not_another_payload() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    let id = j.put_blob(b"true".to_vec()).await.unwrap();
    append(&j, task(1), vec![created("a")]).await.unwrap();
    let other = super::Packed::new(b"fals").unwrap().zstd;
    beside(dir.path())
        .execute("UPDATE blobs SET zstd = ?1, size = ?2", (other, i64::MAX))
        .unwrap();
    let error = j.blob(&id).await.unwrap_err();
    assert!(matches!(error, BlobError::Damaged(_)), "{error:?}");
}

#[tokio::test]
async fn an_event_of_an_unknown_type_refuses_its_task_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let j = Arc::new(open(dir.path()));
    for n in 1..=3 {
        append(&*j, task(n), vec![created("a"), degraded("x")])
            .await
            .unwrap();
    }
    beside(dir.path())
        .execute("UPDATE events SET type = 'task_exploded' WHERE id = 4", [])
        .unwrap();

    let error = j.read(task(2), Seq::ZERO, 10).await.unwrap_err();
    let ReadError::Undecodable {
        task: t,
        seq,
        source,
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((*t, *seq), (task(2), Seq(2)));
    assert!(source.to_string().contains("task_exploded"), "{source}");
    let follow = Follow::Task {
        task: task(2),
        after: Seq::ZERO,
    };
    let given: Vec<_> = subscribe(Arc::clone(&j) as _, follow).collect().await;
    assert!(matches!(given[..], [Err(_)]), "{given:?}");

    assert_eq!(j.read(task(1), Seq::ZERO, 10).await.unwrap().len(), 2);
    assert_eq!(j.unfinished().await.unwrap().len(), 3);
    let all = j.read_all(0, 4).await.unwrap();
    assert_eq!(all.iter().map(|r| r.id).collect::<Vec<_>>(), [1, 2, 3, 5]);
    append(&*j, task(2), vec![degraded("y")]).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_fails_the_append_and_closes_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let conn = schema::open(dir.path(), Durability::Full).unwrap();
    let pages: i64 = conn
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    conn.pragma_update_and_check(None, "max_page_count", pages + 20, |_| Ok(()))
        .unwrap();
    let j = Arc::new(SqliteJournal::start(dir.path(), conn).unwrap());
    let follower = tokio::spawn(
        subscribe(Arc::clone(&j) as _, Follow::All { after: 0 })
            .map(|one| Record::clone(&one.unwrap()))
            .collect::<Vec<_>>(),
    );

    let mut acknowledged = Vec::new();
    let failure = loop {
        match append(&*j, task(1), vec![degraded("x".repeat(3000))]).await {
            Ok(records) => acknowledged.extend(records),
            Err(failure) => break failure,
        }
    };

    assert!(matches!(failure, AppendError::Storage(_)), "{failure:?}");
    assert!(!acknowledged.is_empty());
    let small = append(&*j, task(2), vec![created("a")]).await.unwrap_err();
    assert!(matches!(small, AppendError::Closed), "{small:?}");
    let blob = j.put_blob(b"x".to_vec()).await.unwrap_err();
    assert!(matches!(blob, BlobError::Closed), "{blob:?}");
    // Reading goes on, followers get everything that was acknowledged and then end.
    assert_eq!(j.read(task(1), Seq::ZERO, 100).await.unwrap(), acknowledged);
    assert_eq!(follower.await.unwrap(), acknowledged);
    j.close().await;
    drop(j);
    // Opened again (with room) it goes on where the acknowledged part ended.
    let j = open(dir.path());
    assert_eq!(j.read(task(1), Seq::ZERO, 100).await.unwrap(), acknowledged);
    assert_eq!(check_projections(&j, task(1)).await.unwrap(), []);
    append(&j, task(1), vec![degraded("y")]).await.unwrap();
}

#[tokio::test]
async fn a_group_is_committed_together_and_a_conflict_in_it_hurts_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    let first = |n| number(task(n), Seq::ZERO, vec![created("a")]);
    let wrong = number(task(9), Seq(5), vec![degraded("x")]);
    let (a, b, c) = tokio::join!(
        j.append(task(1), Seq::ZERO, first(1)),
        j.append(task(9), Seq(5), wrong),
        j.append(task(2), Seq::ZERO, first(2)),
    );
    assert!(a.is_ok() && c.is_ok());
    assert!(matches!(b, Err(AppendError::Conflict { .. })), "{b:?}");
    assert_eq!(count(dir.path(), "tasks"), 2);
}

#[tokio::test]
async fn a_changed_row_is_found_by_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    append(&j, task(1), whole_task()).await.unwrap();
    beside(dir.path())
        .execute_batch("UPDATE tasks SET tokens = 1; UPDATE subtasks SET title = 'x';")
        .unwrap();
    let found = check_projections(&j, task(1)).await.unwrap();
    let what: Vec<_> = found.iter().map(|m| m.what.as_str()).collect();
    assert_eq!(what, ["task", "subtasks"]);
}

#[tokio::test]
async fn a_damaged_row_is_an_error_and_not_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    append(&j, task(1), whole_task()).await.unwrap();
    beside(dir.path())
        .execute_batch("UPDATE tasks SET status = 'x'; UPDATE events SET seq = -1 WHERE id = 2;")
        .unwrap();
    j.task(task(1)).await.unwrap_err();
    j.read_all(0, 10).await.unwrap_err();
}

#[tokio::test]
async fn more_tasks_than_are_remembered_are_no_matter() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    for round in 0..2 {
        for n in 0..400 {
            let event = if round == 0 {
                created("a")
            } else {
                degraded("x")
            };
            append(&j, task(n), vec![event]).await.unwrap();
        }
    }
    assert_eq!(check_projections(&j, task(0)).await.unwrap(), []);
    assert_eq!(count(dir.path(), "events"), 800);
}

/// One turn as the engine journals it: two payloads, four events.
async fn turn(j: &SqliteJournal, n: u32) {
    let answer = format!("answer {n} {}", digest(n as u8))
        .repeat(40)
        .into_bytes();
    let output = format!("output {n} {}", digest(n as u8))
        .repeat(80)
        .into_bytes();
    let at = j.task(task(1)).await.unwrap().unwrap().last_seq;
    let answer = j.put_blob(answer).await.unwrap();
    let events = number(
        task(1),
        at,
        vec![
            model_started(3, n),
            replied(at.0 + 1, answer),
            tool_started(3, n),
            tool_done(at.0 + 3, j.put_blob(output).await.unwrap()),
        ],
    );
    j.append(task(1), at, events).await.unwrap();
}

#[tokio::test]
async fn a_thousand_turns_grow_the_database_by_the_same_bytes_each() {
    let dir = tempfile::tempdir().unwrap();
    let size = || {
        std::fs::metadata(dir.path().join(DATABASE_FILE))
            .unwrap()
            .len()
    };
    let mut sizes = Vec::new();
    let begin = vec![
        created("a"),
        plan_ready(1, &["first"]),
        started("first", 1),
        remember(entry(MemoryKind::Context, "a", &[])),
    ];
    append(&open(dir.path()), task(1), begin).await.unwrap();
    for part in 0..4 {
        let j = open(dir.path());
        for n in 0..250 {
            turn(&j, part * 250 + n).await;
        }
        // Closing copies the log into the database, so the size is all there is.
        drop(j);
        sizes.push(size());
    }
    let grown: Vec<_> = sizes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (least, most) = (grown.iter().min().unwrap(), grown.iter().max().unwrap());
    assert!(most * 10 <= least * 11, "{sizes:?}");
}

const CHILD_DIR: &str = "LOOM_STATE_TEST_CHILD_DIR";

/// Not a test by itself: the child that [`a_process_that_is_killed_loses_nothing_acknowledged`]
/// starts appends for ever and says each seq when it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let j = Arc::new(SqliteJournal::open(Path::new(&dir), Options::default()).unwrap());
    let writers = (1..=4u128).map(|n| {
        let j = Arc::clone(&j);
        tokio::spawn(async move {
            let mut at = Seq::ZERO;
            loop {
                let blob = j.put_blob(format!("{n} {at}").into_bytes()).await.unwrap();
                let events = number(task(n), at, vec![replied(1, blob), degraded("x")]);
                at = j.append(task(n), at, events).await.unwrap()[1].envelope.seq;
                writeln!(std::io::stdout(), "acknowledged {n} {at}").unwrap();
            }
        })
    });
    futures_util::future::join_all(writers).await;
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "a death is only real when a process of its own dies"
)]
async fn a_process_that_is_killed_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let home = dir.path().join(round.to_string());
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::tests::child_appends_until_it_is_killed"])
            .arg("--nocapture")
            .env(CHILD_DIR, &home)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = std::collections::BTreeMap::new();
        let mut left = 40 * round;
        // What is in the pipe when it dies was acknowledged too.
        for line in lines.map_while(Result::ok) {
            let Some(said) = line.split_once("acknowledged ").map(|(_, said)| said) else {
                continue;
            };
            let Some((n, seq)) = said.split_once(' ') else {
                continue;
            };
            // A line that its death cut short says less than is known, never more.
            let Ok(seq) = seq.parse::<u64>() else {
                continue;
            };
            acknowledged.insert(n.parse::<u128>().unwrap(), seq);
            left -= 1;
            if left == 0 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(left <= 0, "the child ended by itself");

        let j = open(&home);
        for (n, seq) in acknowledged {
            let records = j.read(task(n), Seq::ZERO, 100_000).await.unwrap();
            assert!(records.len() as u64 >= seq, "task {n} lost events");
            for record in &records {
                if let loom_events::Event::ModelCallCompleted { reply, .. } = &record.envelope.event
                {
                    let blob = j.blob(&reply.answer).await.unwrap();
                    assert!(blob.is_some(), "an event names a payload that is gone");
                }
            }
            assert_eq!(check_projections(&j, task(n)).await.unwrap(), []);
        }
    }
}

/// Draws that are the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most).unwrap()).unwrap()
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn words(&mut self, least: usize, more: usize) -> String {
        const WORDS: &[&str] = &[
            "parser",
            "parse",
            "port",
            "is",
            "the",
            "80",
            "81",
            "cache",
            "caches",
            "Crème",
            "creme",
            "日本",
            "日本語",
            "x",
            "xy",
            "xylophone",
            "use",
            "for",
            "tests",
            "=kind=error",
            "\"",
            "kind",
        ];
        let count = least + self.below(more);
        let words: Vec<&str> = (0..count).map(|_| self.of(WORDS)).collect();
        words.join(" ")
    }
}

const KINDS: [MemoryKind; 3] = [
    MemoryKind::Decision,
    MemoryKind::Error,
    MemoryKind::Discovery,
];

#[tokio::test]
async fn a_quick_search_finds_what_a_look_at_everything_finds_in_the_same_order() {
    let dir = tempfile::tempdir().unwrap();
    let (quick, slow) = (open(dir.path()), MemoryJournal::new());
    let mut draw = Draw(7);
    let tags = ["api", "Build", "two words", "ü", "a\"b"];
    // Few enough that no word is so frequent that only the newest entries with it are ranked.
    for n in 0..28 {
        let id = task(1 + n % 7);
        let mut events = Vec::new();
        for _ in 0..8 {
            let tags: Vec<&str> = (0..draw.below(3)).map(|_| draw.of(&tags)).collect();
            let mut one = entry(KINDS[draw.below(3)], &draw.words(1, 5), &tags);
            one.detail = draw.words(0, 4);
            one.subtask = SubtaskId::new(draw.of(&["one", "two"])).ok();
            events.push(remember(one));
        }
        append(&quick, id, events.clone()).await.unwrap();
        append(&slow, id, events).await.unwrap();
    }
    let mut found = 0;
    for _ in 0..400 {
        let query = MemoryQuery {
            task: (draw.below(2) == 0).then(|| task(1 + u128::try_from(draw.below(7)).unwrap())),
            subtask: (draw.below(5) == 0).then(|| SubtaskId::new("one").unwrap()),
            kinds: KINDS[..draw.below(3)].to_vec(),
            tags: (0..draw.below(3) / 2)
                .map(|_| draw.of(&tags).to_owned())
                .collect(),
            text: (draw.below(6) > 0).then(|| draw.words(0, 4)),
            limit: 1 + draw.below(30),
        };
        let rows = quick.search_memory(query.clone()).await.unwrap();
        found += rows.len();
        assert_eq!(
            rows,
            slow.search_memory(query.clone()).await.unwrap(),
            "{query:?}"
        );
    }
    assert!(found > 1_000, "the queries are about nothing: {found}");
    for n in 1..=7 {
        assert_eq!(check_projections(&quick, task(n)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn among_very_many_entries_those_with_a_rare_word_are_found_and_the_newest_with_a_frequent_one()
 {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    let mut made = 0;
    for n in 1..=60 {
        let events = (0..50).map(|_| {
            made += 1;
            let rare = match made {
                3 => "needle",
                5 | 7 => "haystack barn",
                _ => "haystack",
            };
            let parity = if made % 2 == 0 { "even" } else { "odd" };
            let tags: &[&str] = match made {
                4 | 9 => &["rare", "often"],
                _ => &["often"],
            };
            remember(entry(
                MemoryKind::Context,
                &format!("{rare} {parity} {made}"),
                tags,
            ))
        });
        append(&j, task(n), events.collect()).await.unwrap();
    }
    let first = async |text: &str, limit: usize| {
        let query = MemoryQuery {
            text: Some(text.to_owned()),
            limit,
            ..MemoryQuery::default()
        };
        let rows = j.search_memory(query).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(first("haystack even needle", 1).await, [3]);
    assert_eq!(first("barn", 9).await, [7, 5]);
    assert_eq!(first("haystack", 3).await, [3000, 2999, 2998]);
    assert_eq!(first("odd even", 2).await, [3000, 2999]);
    // Each of both is frequent; both together are not, and old.
    assert_eq!(first("hay barn", 2).await, [7, 5]);
    let tagged = async |text: &str, tags: &[&str], limit: usize| {
        let query = MemoryQuery {
            text: Some(text.to_owned()),
            kinds: vec![MemoryKind::Context],
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            limit,
            ..MemoryQuery::default()
        };
        let rows = j.search_memory(query).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    // Everything else is frequent, and the tag old.
    assert_eq!(tagged("haystack", &["rare"], 9).await, [9, 4]);
    assert_eq!(tagged("haystack even", &["Rare", "often"], 1).await, [4]);
    assert_eq!(tagged("barn", &["often"], 9).await, [7, 5]);
    assert_eq!(tagged("haystack", &["often"], 2).await, [3000, 2999]);
    assert!(tagged("haystack", &["never"], 9).await.is_empty());
}

#[tokio::test]
async fn notes_of_an_older_database_are_found_and_merged() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    let one = entry(MemoryKind::Discovery, "the port is 80", &["Net"]);
    let mut other = one.clone();
    other.summary = "the port is 81".to_owned();
    let events = vec![
        created("a"),
        remember(one.clone()),
        remember(other),
        remember(one),
    ];
    append(&j, task(1), events).await.unwrap();
    j.close().await;
    drop(j);
    // As the schema before had it.
    let conn = beside(dir.path());
    conn.execute_batch(
        "DROP TABLE memory; DROP TABLE memory_tags; DROP TABLE memory_words; DROP TABLE memory_fts; DROP TABLE memory_vectors;
         CREATE TABLE memory (id INTEGER PRIMARY KEY REFERENCES events (id), task_id TEXT NOT NULL,
           subtask_id TEXT, kind TEXT NOT NULL) STRICT;
         CREATE INDEX memory_by_task ON memory (task_id);
         CREATE TABLE memory_tags (tag TEXT NOT NULL, memory_id INTEGER NOT NULL REFERENCES memory (id),
           PRIMARY KEY (tag, memory_id)) STRICT, WITHOUT ROWID;
         CREATE VIRTUAL TABLE memory_fts USING fts5 (summary, detail, tags, relevance_to,
           content = '', tokenize = 'unicode61 remove_diacritics 2');
         INSERT INTO memory SELECT id, task_id, 'first', 'discovery' FROM events
           WHERE type = 'memory_entry_created';
         INSERT INTO memory_tags SELECT 'net', id FROM memory;
         PRAGMA user_version = 8;",
    )
    .unwrap();
    drop(conn);

    let j = open(dir.path());
    assert_eq!(check_projections(&j, task(1)).await.unwrap(), []);
    let query = MemoryQuery {
        text: Some("port".to_owned()),
        tags: vec!["net".to_owned()],
        ..MemoryQuery::default()
    };
    let rows = j.search_memory(query).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.seq.0, row.seen)).collect();
    assert_eq!(seen, [(3, 1), (2, 2)]);
    assert!(dir.path().join("loom.db.schema-8.bak").exists());
}

#[tokio::test]
async fn entries_of_an_older_database_are_counted_as_new_ones_are() {
    let dir = tempfile::tempdir().unwrap();
    let j = open(dir.path());
    for n in 1..=3 {
        // One has a mark in its name that no token has. Of some nobody said in which step.
        let kinds = [
            MemoryKind::Discovery,
            MemoryKind::Decision,
            MemoryKind::Error,
            MemoryKind::ToolResult,
            MemoryKind::Context,
        ];
        let events = kinds.iter().zip(["the-port", "b", "", "the-port", ""]);
        let tags: &[&str] = &["Net", "two words", "\u{fc}ber", "a\"b"];
        let events = events.enumerate().map(|(at, (kind, step))| {
            let mut one = entry(*kind, &format!("{kind:?} of {n}"), &tags[..at]);
            one.subtask = SubtaskId::new(step).ok();
            remember(one)
        });
        append(&j, task(n), events.collect()).await.unwrap();
    }
    j.close().await;
    drop(j);
    let counts = |dir: &Path| -> Vec<(String, i64)> {
        let conn = beside(dir);
        let mut counts = conn
            .prepare("SELECT word, entries FROM memory_words ORDER BY word")
            .unwrap();
        let rows = counts
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        rows.map(Result::unwrap).collect()
    };
    let as_new = counts(dir.path());
    let no_words = as_new.iter().filter(|(word, _)| word.starts_with('='));
    assert_eq!(
        no_words.count(),
        5 + 2 + 4,
        "kinds, steps, tags: {as_new:?}"
    );
    // As the schema before had it: words were counted, and nothing else.
    let conn = beside(dir.path());
    conn.execute_batch(
        "DELETE FROM memory_words WHERE word LIKE '=%'; DROP TABLE memory_vectors;
         PRAGMA user_version = 9;",
    )
    .unwrap();
    drop(conn);

    let j = open(dir.path());
    assert!(dir.path().join("loom.db.schema-9.bak").exists());
    assert_eq!(counts(dir.path()), as_new);
    // And a new one is counted on top of them.
    append(
        &j,
        task(4),
        vec![remember(entry(MemoryKind::ToolResult, "more", &["net"]))],
    )
    .await
    .unwrap();
    j.close().await;
    let more = |word: &str| {
        let of = |counts: Vec<(String, i64)>| counts.into_iter().find(|(one, _)| one == word);
        of(counts(dir.path())).unwrap().1 - of(as_new.clone()).map_or(0, |(_, count)| count)
    };
    assert_eq!(
        ["=kind=tool=result", "=tag=6e6574", "more"].map(more),
        [1, 1, 1]
    );
}
