//! `loom run --parallel`, `loom retry` and `loom fork`.

use super::run::WRITES_A_FILE;
use super::support::{Place, Server};
use serde_json::Value;

/// Events of a `--json` run, and its result.
fn lines(out: &str) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let result = lines.pop().unwrap();
    (lines, result["result"].clone())
}

fn of_type<'a>(records: &'a [Value], name: &str) -> Vec<&'a Value> {
    let of = |record: &&Value| record["event_type"] == name;
    records.iter().filter(of).collect()
}

#[test]
fn a_task_is_tried_again_and_forked_with_what_it_had_done() {
    let place = Place::new();
    let server = Server::start(WRITES_A_FILE);
    let goal = "write a note that says hello";
    let ran = place.loom(&[
        "run",
        goal,
        "--json",
        "--parallel",
        "2",
        "--server",
        &server.url,
    ]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    let (records, result) = lines(&ran.out);
    let prepared = of_type(&records, "attempt_prepared");
    assert!(
        prepared[0]["data"]["prepared"]["fork"].is_string(),
        "no fork"
    );
    let task = result["task_id"].as_str().unwrap().to_owned();
    let note = place.path("work/note.txt");
    assert!(note.exists());

    // Nothing is left to do, and it says what can be done.
    let server_args = ["--server", server.url.as_str()];
    let mut arguments = vec!["retry", task.as_str()];
    arguments.extend(server_args);
    let ran = place.loom(&arguments);
    assert_eq!(ran.code, 2, "{}\n{}", ran.out, ran.err);
    assert!(ran.errors()[0].contains("name the subtask"), "{}", ran.err);

    let started = of_type(&records, "subtask_started");
    let subtask = started[0]["data"]["subtask"].as_str().unwrap().to_owned();
    let mut arguments = vec!["retry", &task, "--from", &subtask, "--restore", "--json"];
    arguments.extend(server_args);
    let ran = place.loom(&arguments);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    let (records, result) = lines(&ran.out);
    assert_eq!(of_type(&records, "task_continued").len(), 1);
    assert_eq!(
        of_type(&records, "task_planning").len(),
        0,
        "it was planned anew"
    );
    let retried = result["task_id"].as_str().unwrap().to_owned();
    assert!(note.exists());

    let last = records.last().unwrap()["seq"].to_string();
    let mut arguments = vec!["fork", &retried, "--at", &last, "--json"];
    arguments.extend(server_args);
    let ran = place.loom(&arguments);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    let (records, _) = lines(&ran.out);
    assert_eq!(of_type(&records, "subtask_kept").len(), 1);
    assert_eq!(of_type(&records, "subtask_started").len(), 0);

    let mut arguments = vec!["fork", &retried, "--at", "100000"];
    arguments.extend(server_args);
    let ran = place.loom(&arguments);
    assert_eq!(ran.code, 2, "{}\n{}", ran.out, ran.err);
    assert!(ran.errors()[0].contains("its last one is"), "{}", ran.err);
    for task in [task, retried] {
        let ran = place.loom(&["replay", &task, "--check"]);
        assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    }
}
