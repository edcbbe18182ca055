//! What cannot work is said in one clear sentence, and leaves nothing behind.

use crate::support::{Place, Ran, Server, tree};

const SERVER: &str = "rules: [{name: any, reply: {text: Done.}}]";

/// One error line that says this, exit 2, no data directory and an untouched workspace.
fn refused(place: &Place, arguments: &[&str], said: &str) -> Ran {
    let ran = place.loom(arguments);
    assert_eq!(ran.code, 2, "{ran:?}");
    let errors = ran.errors();
    assert_eq!(errors.len(), 1, "{ran:?}");
    assert!(errors[0].contains(said), "{said:?} is missing in {ran:?}");
    assert_eq!(ran.out, "", "nothing on standard output");
    assert!(!place.data_dir().exists(), "{:?}", tree(&place.data_dir()));
    assert_eq!(tree(&place.path("work")), Vec::<String>::new());
    ran
}

#[test]
fn an_empty_goal_is_asked_for() {
    refused(&Place::new(), &["run", "  "], "the goal is empty");
}

#[test]
fn a_directory_that_cannot_be_a_workspace_is_refused_by_name() {
    let place = Place::new();
    let server = Server::start(SERVER);
    let file = place.write("file.txt", "x").to_string_lossy().into_owned();
    let home = place.path("home").to_string_lossy().into_owned();
    for (dir, said) in [
        ("missing", "does not exist"),
        (file.as_str(), "is not a directory"),
        ("/", "root of the file system"),
        ("/etc", "belongs to the system"),
        (home.as_str(), "home directory"),
    ] {
        refused(
            &place,
            &["run", "x", "-w", dir, "--server", &server.url],
            said,
        );
    }
}

#[test]
fn a_server_that_does_not_answer_is_named_with_the_way_out() {
    let place = Place::new();
    let ran = refused(
        &place,
        &["run", "x", "--server", "http://127.0.0.1:9/v1"],
        "no model server answers at http://127.0.0.1:9/v1",
    );
    assert!(
        ran.err.contains("hint: start the server, or correct"),
        "{ran:?}"
    );
    let ran = refused(
        &place,
        &["models", "--server", "https://127.0.0.1:9/v1"],
        "no model server answers at https://127.0.0.1:9/v1",
    );
    assert!(ran.err.contains("mostly speak http"), "{ran:?}");
    refused(
        &place,
        &["run", "x", "--server", "nonsense url"],
        "is no address",
    );
}

#[test]
fn an_unknown_model_is_answered_with_the_known_ones() {
    let place = Place::new();
    let server = Server::start(SERVER);
    let arguments = ["run", "x", "--server", &server.url, "--model", "gpt-9"];
    let ran = refused(&place, &arguments, "has no model `gpt-9`");
    assert!(ran.err.contains("hint: it has sim-small"), "{ran:?}");
}

#[test]
fn a_broken_configuration_is_refused_with_file_line_and_key() {
    let place = Place::new();
    for (toml, said) in [
        ("execution = [", "c.toml:1: not valid TOML"),
        (
            "[execution]\nmax_paralel_tasks = 2",
            "c.toml:2: unknown key `execution.max_paralel_tasks`; did you mean `execution.max_parallel_tasks`?",
        ),
        (
            "approval.threshold = 7",
            "c.toml:1: `approval.threshold` must be a number from 0 to 1, not 7",
        ),
    ] {
        let file = place.write("c.toml", toml).to_string_lossy().into_owned();
        refused(&place, &["run", "x", "--config", &file], said);
        refused(&place, &["config", "show", "--config", &file], said);
    }
    refused(
        &place,
        &["run", "x", "--config", "none.toml"],
        "cannot read the configuration file",
    );
}

#[test]
fn a_configured_server_that_is_down_is_missed_before_a_task_is_made() {
    let place = Place::new();
    let toml = "[models.local]\nbase_url = 'http://127.0.0.1:9/v1'";
    let file = place.write("c.toml", toml).to_string_lossy().into_owned();
    refused(
        &place,
        &["run", "x", "--config", &file],
        "cannot reach the model server at http://127.0.0.1:9/v1",
    );
}

#[test]
fn a_task_that_does_not_exist_is_said_to_be_missing() {
    let place = Place::new();
    for command in [
        "status", "logs", "diff", "revert", "cancel", "resume", "replay",
    ] {
        refused(&place, &[command, "1a2b3c4d"], "no task `1a2b3c4d`");
    }
}

#[test]
fn without_any_task_lists_are_empty_and_make_nothing() {
    let place = Place::new();
    for arguments in [&["list"][..], &["list", "--json"], &["status"]] {
        let ran = place.loom(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    }
    assert!(!place.data_dir().exists());
}

/// What is left of a first start that was killed before it made its tables.
#[test]
fn a_journal_that_was_never_begun_is_like_none() {
    let place = Place::new();
    std::fs::create_dir(place.data_dir()).unwrap();
    let journal = place.data_dir().join("loom.db");
    std::fs::write(&journal, "").unwrap();
    for arguments in [&["list"][..], &["list", "--json"], &["status"]] {
        let ran = place.loom(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    }
    for command in ["status", "logs", "diff", "changes", "replay"] {
        let ran = place.loom(&[command, "1a2b3c4d"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("no task `1a2b3c4d`"), "{ran:?}");
    }
    assert_eq!(std::fs::metadata(&journal).unwrap().len(), 0, "it was made");
}

#[test]
fn a_wrong_command_line_is_exit_2_and_help_is_a_result() {
    let place = Place::new();
    assert_eq!(place.loom(&["fly"]).code, 2);
    assert_eq!(
        place
            .loom(&["revert", "abcd", "--undo", "--file", "x"])
            .code,
        2
    );
    let help = place.loom(&["run", "--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.contains("Examples:"), "{help:?}");
}
