//! `loom learning` after a task that wrote one file.

use crate::run::{WRITES_A_FILE, run};
use crate::support::{Place, Ran};
use serde_json::{Value, json};

fn json_of(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn what_a_task_taught_is_shown_with_its_reason_given_away_and_forgotten_on_request() {
    let place = Place::new();
    let ran = run(&place, WRITES_A_FILE, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("learned: "), "{ran:?}");

    // Nothing runs any more, and it is told all the same what the next task is done with.
    let ran = place.loom(&["learning", "show"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for said in [
        "is not well known yet (seen in 1 of 60 attempts)",
        "document prose",
        "1 of 1 at the first attempt",
        "“write a note that says hello”: 1 step, once",
    ] {
        assert!(ran.out.contains(said), "{said:?} is missing in {ran:?}");
    }
    let shown = json_of(&place.loom(&["learning", "show", "--json"]));
    assert_eq!(
        (&shown["enabled"], &shown["attempts"]),
        (&json!(true), &json!(1))
    );
    let export = json_of(&place.loom(&["learning", "export"]));
    assert_eq!(
        export["lessons"].as_array().map(Vec::len),
        Some(3),
        "{export}"
    );

    let ran = place.loom(&["learning", "reset"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("--yes"), "{ran:?}");
    assert_eq!(json_of(&place.loom(&["learning", "export"])), export);

    let forgotten = json_of(&place.loom(&["reset-learning", "--yes", "--json"]));
    assert_eq!(forgotten, json!({ "forgotten": 3 }));
    let ran = place.loom(&["learning", "show"]);
    assert!(ran.out.contains("nothing was learned yet"), "{ran:?}");
}

#[test]
fn before_the_first_task_it_is_told_what_that_is_done_with() {
    let place = Place::new();
    let ran = place.loom(&["learning", "show"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("nothing was learned yet"), "{ran:?}");
    let told = "caution: the model is new here (seen in 0 of 60 attempts)";
    assert!(ran.out.contains(told), "{ran:?}");
}

#[test]
fn a_task_without_learning_is_told_nothing_and_teaches_nothing() {
    let place = Place::new();
    let ran = run(&place, WRITES_A_FILE, &["--no-learning"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.err.contains("learned: "), "{ran:?}");
    let export = json_of(&place.loom(&["learning", "export"]));
    assert_eq!(export, json!({ "lessons": [] }));
}

#[test]
fn what_a_human_says_of_a_finished_task_is_kept() {
    let place = Place::new();
    let ran = run(&place, WRITES_A_FILE, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let listed = json_of(&place.loom(&["list", "--json"]));
    let task = listed["task_id"].as_str().unwrap().to_owned();
    let rated = place.loom(&["rate", &task, "good"]);
    assert_eq!(rated.code, 0, "{rated:?}");
    assert!(
        rated.out.contains("what you say of 1 result is kept"),
        "{rated:?}"
    );
    let rated = place.loom(&["rate", &task, "bad", "--step", "write-note", "--json"]);
    assert_eq!(json_of(&rated)["status"], "completed");
    let shown = place.loom(&["status", &task]);
    assert!(shown.out.contains("rated: 1 wrong"), "{shown:?}");
    let other = place.loom(&["rate", &task, "bad", "--step", "other"]);
    assert_ne!(other.code, 0, "{other:?}");
    let export = json_of(&place.loom(&["learning", "export"]));
    let lessons = export["lessons"].as_array().unwrap();
    let look = lessons.iter().find(|one| one["section"] == "look").unwrap();
    assert_eq!(look["value"]["seen"], json!({"looked": 0.0}));
}
