//! `loom changes`, `loom revert` and `loom gc` after a task that wrote one file.

use crate::run::{WRITES_A_FILE, run};
use crate::support::{Place, Ran};
use serde_json::Value;

/// A task that has ended, and how it is named.
fn ended() -> (Place, String) {
    let place = Place::new();
    let ran = run(&place, WRITES_A_FILE, &["--json"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    let first: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    let task = first["task_id"].as_str().unwrap().to_owned();
    (place, task)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn changes_are_listed_with_the_number_that_takes_one_back() {
    let (place, task) = ended();
    let ran = place.loom(&["changes", &task]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("write-note.1"), "{ran:?}");
    assert!(ran.out.contains("tool   A note.txt  +1 −0"), "{ran:?}");
    let entry = json(&place.loom(&["changes", &task, "note.txt", "--json"]));
    let seq = entry["seq"].as_u64().unwrap().to_string();
    let ran = place.loom(&["revert", &task, "--entry", &seq]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!place.path("work/note.txt").exists());
}

#[test]
fn what_the_user_changed_since_is_shown_left_alone_and_overwritten_only_on_request() {
    let (place, task) = ended();
    place.write("work/note.txt", "hello\nand mine\n");
    let ran = place.loom(&["revert", &task]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.out
            .contains("left alone  note.txt: it was changed since"),
        "{ran:?}"
    );
    assert!(ran.out.contains("+and mine"), "{ran:?}");
    assert!(ran.err.contains("--overwrite note.txt"), "{ran:?}");

    let shown = json(&place.loom(&["revert", &task, "--theirs", "--dry-run", "--json"]));
    assert_eq!(shown["dry_run"], true);
    assert_eq!(shown["settled"][0]["how"], "overwritten");
    assert!(
        place.path("work/note.txt").exists(),
        "a dry run does nothing"
    );

    let ran = place.loom(&["revert", &task, "--overwrite", "note.txt"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!place.path("work/note.txt").exists());
    let text = || std::fs::read_to_string(place.path("work/note.txt")).ok();
    place.loom(&["revert", &task, "--undo"]);
    assert_eq!(text().as_deref(), Some("hello\nand mine\n"));
    let ran = place.loom(&["revert", &task, "--undo"]);
    assert!(ran.err.contains("do it again"), "{ran:?}");
    assert_eq!(text(), None, "undone twice it is done again");
}

#[test]
fn collecting_counts_first_and_removes_when_it_is_told_to() {
    let (place, task) = ended();
    let counted = json(&place.loom(&["gc", "--json"]));
    assert_eq!(counted["removed"], false);
    assert_eq!(counted["found"]["expired"], serde_json::json!([]));
    let ran = place.loom(&["gc", "--remove"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("kept: "), "{ran:?}");
    let ran = place.loom(&["revert", &task]);
    assert_eq!(ran.code, 0, "what is young stays: {ran:?}");
}

#[test]
fn status_says_what_is_protected() {
    let (place, task) = ended();
    let ran = place.loom(&["status", &task]);
    assert!(
        ran.out
            .contains("the directory is empty: all that is done in it can be undone"),
        "{ran:?}"
    );
}
