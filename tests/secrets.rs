//! Secrets that tools meet: the files keep them to the byte, and nothing else gets to know them.

use crate::world::{HOUSE_KEY, World};
use loom_engine::TaskStatus;
use loom_events::Event;
use loom_sim::{Options, Playbook};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// In two pieces, so that nobody takes this file for a leak.
const TOKEN: [&str; 2] = ["gh", "p_q7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oX"];

/// A model that meets the secrets by every tool, and copies and moves what holds them.
const CURIOUS: &str = r#"
name: curious
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: copy
        title: Copy notes.txt
        description: Copy notes.txt to copy.txt and note it in notes.txt.
        criteria: ["copy.txt is there."]
        checks:
        - {kind: command, command: "cat notes.txt && test -f copy.txt", exit: 0}
- when: {role: executor, not_called: read_file}
  reply: {calls: [{name: read_file, arguments: {path: notes.txt}}]}
- when: {role: executor, not_called: search_files}
  reply: {calls: [{name: search_files, arguments: {pattern: "key"}}]}
- when: {role: executor, not_called: shell_execute}
  reply: {calls: [{name: shell_execute, arguments: {command: "cp notes.txt copy.txt; cat notes.txt; base64 -w0 notes.txt"}}]}
- when: {role: executor, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: notes.txt, content: "key: [redacted: HOUSE_KEY]\n"}}]}
- when: {role: executor, not_called: edit_file}
  reply: {calls: [{name: edit_file, arguments: {path: notes.txt, old_text: "end", new_text: "copied"}}]}
- when: {role: executor}
  reply: {text: "copy.txt is there."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: copy.txt is there, verdict: met, quote: "key: [redacted: HOUSE_KEY]", why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: "copied", why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: "copied", why: only added}
- when: {role: extractor}
  reply: {json: {summary: copied notes.txt, entries: []}}
"#;

fn notes(last: &str) -> String {
    format!("key: {HOUSE_KEY}\ntoken: {}\n{last}\n", TOKEN.concat())
}

/// Forms in which the secrets would stand where they must not.
fn forms() -> [String; 4] {
    [
        HOUSE_KEY.to_owned(),
        TOKEN.concat(),
        "lumen-Orchid%2F91%2Bquartz_77".to_owned(),
        // Of `key: lumen-Orchid/91+quartz_77` in base64, without its ends.
        "bHVtZW4tT3JjaGlkLzkxK3F1YXJ0el83N".to_owned(),
    ]
}

/// Every value of every table, payloads unpacked.
fn assert_nowhere_in(database: &Path) {
    let open = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = open.unwrap();
    // A virtual table holds nothing: what it writes is in tables beside it, which are in the list.
    let mut tables = database
        .prepare(
            "SELECT name FROM sqlite_master \
             WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL %'",
        )
        .unwrap();
    let names: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut values = 0;
    for table in &names {
        let mut all = database
            .prepare(&format!("SELECT * FROM \"{table}\""))
            .unwrap();
        let columns = all.column_count();
        let mut rows = all.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let bytes = match row.get_ref(column).unwrap() {
                    ValueRef::Text(bytes) => bytes.to_vec(),
                    ValueRef::Blob(bytes) => {
                        zstd::decode_all(bytes).unwrap_or_else(|_| bytes.to_vec())
                    }
                    ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => continue,
                };
                values += 1;
                let text = String::from_utf8_lossy(&bytes);
                for form in forms() {
                    assert!(!text.contains(&form), "{table}.{column}: {text}");
                }
            }
        }
    }
    assert!(names.len() > 5 && values > 100, "{names:?} {values}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_in_the_files_and_are_nowhere_else() {
    let world = World::with(Playbook::from_yaml(CURIOUS).unwrap(), Options::default()).await;
    world.write("notes.txt", &notes("end"));
    let mut new = world.task(&format!("copy notes.txt, the key is {HOUSE_KEY}"));
    new.context = Some(format!("see {HOUSE_KEY}"));
    let ended = world.run_task(new).await;
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}",
        ended.view.reason
    );

    // To the byte where they belong.
    assert_eq!(world.read("copy.txt"), Some(notes("end")));
    assert_eq!(world.read("notes.txt"), Some(notes("copied")));
    let refused = ended.records.iter().any(|record| {
        matches!(&record.envelope.event, Event::ToolCallCompleted { result, .. }
            if !result.ok && result.summary.contains("[redacted: HOUSE_KEY]"))
    });
    assert!(refused, "the mark was written in the place of the secret");

    // Nowhere in what was sent, and what was shown had the marks.
    let requests = world.server.requests();
    for record in &requests {
        for form in forms() {
            assert!(!record.request.contains(&form), "{form}");
        }
    }
    let marks = requests
        .iter()
        .filter(|r| r.request.contains("[redacted: github-token]"));
    assert!(marks.count() > 2);
    world.assert_well_formed();
    world.assert_replays(ended.id).await;

    // Nor in what is kept.
    let data = world.home.path().join("data");
    let state = data
        .join("tasks")
        .join(ended.id.to_string())
        .join("state.yaml");
    let state = std::fs::read_to_string(state).unwrap();
    assert!(state.contains("[redacted: HOUSE_KEY]"), "{state}");
    for form in forms() {
        assert!(!state.contains(&form));
    }
    world.engine.shutdown().await;
    assert_nowhere_in(&data.join(loom_state::DATABASE_FILE));
}
