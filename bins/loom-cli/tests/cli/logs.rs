//! What the command says of itself and of tasks has no secrets in it.

use crate::run::WRITES_A_FILE;
use crate::support::{Place, Ran, Server};

/// A value that is known by its name in the environment, and one that looks like what it is.
const KNOWN: &str = "k3Yk3Yk3Y-41";
/// In two pieces, so that nobody takes this file for a leak.
const TOKEN: &str = concat!("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a");

/// The same work by a model that has both in its plan, its words and its call.
fn talking() -> String {
    let said = format!("{TOKEN} and {KNOWN}");
    WRITES_A_FILE
        .replace(
            "analysis: One file",
            &format!("analysis: With {said} one file"),
        )
        .replace(
            "with the word hello in it.",
            &format!("with hello and {said} in it."),
        )
        .replace(r#""hello\n""#, &format!(r#""hello {said}\n""#))
        .replace(
            "is written and says hello.",
            &format!("is written with {said}."),
        )
}

fn ran(place: &Place, arguments: &[&str]) -> Ran {
    let mut command = place.command(arguments);
    command.env("HOUSE_API_KEY", KNOWN);
    Ran::new(&command.output().unwrap())
}

#[test]
fn no_line_of_the_log_and_no_view_of_a_task_has_a_secret_in_it() {
    let place = Place::new();
    let server = Server::start(&talking());
    std::fs::create_dir(place.data_dir()).unwrap();
    place.write(
        "data/loom.toml",
        &format!(
            "[logging]\nlevel = \"trace\"\n[models.one]\nbase_url = \"{}\"\napi_key_env = \"HOUSE_API_KEY\"\n",
            server.url
        ),
    );
    let goal = format!("write a note that says hello, and {TOKEN}, and {KNOWN}");
    let done = ran(&place, &["run", &goal]);
    assert_eq!(done.code, 0, "{}\n{}", done.out, done.err);
    let note = std::fs::read_to_string(place.path("work/note.txt")).unwrap();
    assert_eq!(
        note,
        format!("hello {TOKEN} and {KNOWN}\n"),
        "files are exact"
    );
    assert!(
        done.err.contains("TRACE"),
        "it logs at length: {}",
        done.err
    );
    let listed = ran(&place, &["list", "--json"]);
    let first: serde_json::Value = serde_json::from_str(listed.out.trim()).unwrap();
    let task = first["task_id"].as_str().unwrap().to_owned();
    let said = [
        done,
        listed,
        ran(&place, &["list"]),
        ran(&place, &["status", &task]),
        ran(&place, &["status", &task, "--json"]),
        ran(&place, &["logs", &task]),
        ran(&place, &["logs", &task, "--json"]),
    ];
    for ran in &said {
        assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains(TOKEN) && !text.contains(KNOWN), "{text}");
        }
    }
    let logs = &said[6].out;
    assert!(logs.contains("[redacted: github-token]"), "{logs}");
    assert!(logs.contains("[redacted: HOUSE_API_KEY]"), "{logs}");
}
