//! `loom export` and `loom import`.

use super::run::WRITES_A_FILE;
use super::support::{Place, Server};
use serde_json::Value;

#[test]
fn a_task_goes_to_another_machine_in_a_file_and_is_looked_at_there() {
    let place = Place::new();
    let server = Server::start(WRITES_A_FILE);
    let goal = "write a note that says hello";
    let ran = place.loom(&["run", goal, "--json", "--server", &server.url]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    let last: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    let task = last["result"]["task_id"].as_str().unwrap();

    let written = place.loom(&["export", task, "task.ndjson", "--json"]);
    assert_eq!(written.code, 0, "{}", written.err);
    let said: Value = serde_json::from_str(&written.out).unwrap();
    let file = place.path("work/task.ndjson");
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(said["bytes"], bytes.len());
    let again = place.loom(&["export", task, "task.ndjson"]);
    assert_eq!(again.code, 2, "{}", again.err);
    assert!(
        again
            .err
            .contains("hint: name a file that is not there yet"),
        "{}",
        again.err
    );
    let printed = place.loom(&["export", task, "-"]);
    assert_eq!(
        printed.out.lines().count(),
        bytes.iter().filter(|b| **b == b'\n').count()
    );

    let there = Place::new();
    let path = file.to_string_lossy().into_owned();
    let taken = there.loom(&["import", &path, "--json"]);
    assert_eq!(taken.code, 0, "{}", taken.err);
    let taken: Value = serde_json::from_str(&taken.out).unwrap();
    assert_eq!(
        (&taken["task_id"], &taken["status"]),
        (&Value::from(task), &Value::from("completed"))
    );
    let logs = (place.loom(&["logs", task]), there.loom(&["logs", task]));
    assert_eq!(logs.0.out, logs.1.out);
    let checked = there.loom(&["replay", task, "--check"]);
    assert_eq!(checked.code, 0, "{}\n{}", checked.out, checked.err);
    let diff = there.loom(&["diff", task]);
    assert_eq!(diff.code, 2, "{}", diff.err);
    assert!(diff.errors()[0].contains("was imported"), "{}", diff.err);
    let status = there.loom(&["status", task]);
    assert!(status.out.contains("\nimported "), "{}", status.out);
    assert!(!status.out.contains("can be undone"), "{}", status.out);
    let twice = there.loom(&["import", &path]);
    assert_eq!(twice.code, 2, "{}", twice.err);
    assert!(
        twice.errors()[0].contains("is here already"),
        "{}",
        twice.err
    );

    std::fs::write(&file, &bytes[..bytes.len() - 100]).unwrap();
    let cut = Place::new().loom(&["import", &path]);
    assert_eq!(cut.code, 2, "{}", cut.err);
    assert!(
        cut.errors()[0].contains("changed or cut off"),
        "{}",
        cut.err
    );
}
