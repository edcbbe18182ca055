//! What file systems allow and projects rarely have: it is found, and it goes back.

use crate::support::{Place, tree};
use loom_workspace::WhyLeftOut;

/// A tree is made, changed by a command, and taken back: by its changes and as a whole.
fn goes_back(setup: &str, line: &str) -> Place {
    for whole in [false, true] {
        let place = Place::new();
        place.shell(setup, &[]);
        let original = tree(place.path());
        let before = place.workspace.take_manifest().unwrap();
        place.shell(line, &[]);
        assert_ne!(tree(place.path()), original, "`{line}` changes something");
        if whole {
            place.workspace.restore(&before).unwrap();
        } else {
            let changes = place.workspace.changes_since(&before).unwrap().1;
            let plan = place.workspace.undo_plan(&changes).unwrap();
            assert_eq!(plan.conflicts(), [], "{line}");
            place.workspace.undo(&plan).unwrap();
        }
        assert_eq!(tree(place.path()), original, "{line}, as a whole: {whole}");
        if whole {
            return place;
        }
    }
    unreachable!("both ways were tried")
}

#[test]
fn a_file_that_becomes_a_directory_and_one_that_becomes_a_file() {
    goes_back(
        "echo f > f; mkdir -p d/e; echo x > d/e/x",
        "rm f; mkdir f; echo in > f/in; rm -r d; echo d > d",
    );
}

#[test]
fn a_link_to_a_directory_that_points_elsewhere() {
    goes_back(
        "mkdir one two; echo 1 > one/f; echo 2 > two/f; ln -s one l",
        "ln -sfn two l; echo changed > l/f",
    );
}

#[test]
fn a_directory_that_becomes_a_link_to_its_own_content() {
    goes_back(
        "mkdir d; echo x > d/x",
        "mv d real; ln -s real d; echo more >> d/x",
    );
}

#[test]
fn a_write_through_one_name_of_a_file_with_two_is_a_change_of_both() {
    let place = Place::new();
    place.shell("echo one > a; ln a b", &[]);
    let before = place.workspace.take_manifest().unwrap();
    place.shell("echo two > b", &[]);
    let changes = place.workspace.changes_since(&before).unwrap().1;
    let paths: Vec<_> = changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["a", "b"]);
    let plan = place.workspace.undo_plan(&changes).unwrap();
    place.workspace.undo(&plan).unwrap();
    assert_eq!(
        (place.read("a"), place.read("b")),
        ("one\n".into(), "one\n".into())
    );
}

#[test]
fn a_second_change_within_one_tick_and_of_the_same_size() {
    let place = Place::new();
    place.write("f", "aaaa");
    for content in ["bbbb", "cccc", "dddd"] {
        let before = place.workspace.take_manifest().unwrap();
        place.write("f", content);
        assert_eq!(
            place.workspace.changes_since(&before).unwrap().1.len(),
            1,
            "{content}"
        );
    }
}

#[test]
fn a_change_whose_time_was_set_back() {
    let place = Place::new();
    place.shell("echo aaaa > f; touch -d 2001-01-01 f", &[]);
    let before = place.workspace.take_manifest().unwrap();
    place.shell("echo bbbb > f; touch -d 2001-01-01 f", &[]);
    assert_eq!(place.workspace.changes_since(&before).unwrap().1.len(), 1);
}

#[test]
fn names_that_are_no_text_and_names_that_differ_in_case() {
    goes_back(
        "echo x > \"$(printf 'n\\377')\"; echo y > Name; mkdir \"$(printf 'd\\376')\"; echo z > \"$(printf 'd\\376/e')\"",
        "mv Name name; rm \"$(printf 'n\\377')\"; rm -r \"$(printf 'd\\376')\"; echo w > \"$(printf 'new\\375')\"",
    );
}

#[test]
fn modes_of_all_kinds() {
    goes_back(
        "echo f > f; chmod 4755 f; echo g > g; mkdir d; chmod 1777 d; mkdir s; chmod 2755 s",
        "chmod 644 f; chmod 6711 g; chmod 700 d; chmod 755 s",
    );
}

#[test]
fn a_file_with_holes() {
    goes_back("truncate -s 3M f; echo end >> f", "truncate -s 1M f");
}

#[test]
fn pipes_that_a_command_made_go_and_those_that_it_removed_come_back() {
    goes_back(
        "mkfifo -m 640 old; mkfifo -m 600 turned; echo f > was_file; mkdir d",
        "rm old; rm turned; echo t > turned; mkfifo new d/deep; rm was_file; mkfifo was_file; chmod 600 new",
    );
}

#[test]
fn a_pipe_only_changes_its_mode() {
    goes_back("mkfifo -m 600 p", "chmod 644 p");
}

#[test]
fn a_socket_that_a_command_made_goes_and_one_that_it_removed_is_said_to_be_lost() {
    let place = Place::new();
    let bind =
        |name: &str| std::os::unix::net::UnixListener::bind(place.path().join(name)).unwrap();
    let _theirs = bind("theirs");
    let before = place.workspace.take_manifest().unwrap();
    assert!(
        before
            .left_out()
            .iter()
            .any(|left| left.why == WhyLeftOut::Special)
    );
    std::fs::remove_file(place.path().join("theirs")).unwrap();
    let _ours = bind("ours");
    let changes = place.workspace.changes_since(&before).unwrap().1;
    let plan = place.workspace.undo_plan(&changes).unwrap();
    let left: Vec<_> = plan.conflicts().iter().map(|c| c.path.as_str()).collect();
    assert_eq!(left, ["theirs"]);
    place.workspace.undo(&plan).unwrap();
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn what_git_ignores_and_nothing_can_make_again_is_protected() {
    goes_back(
        "git init -q .; printf '.env\\ndata/\\n' > .gitignore; echo secret > .env; mkdir data; echo rows > data/t.csv",
        "rm -r .env data",
    );
}

#[test]
fn a_tree_too_deep_is_left_out_and_said_to_be() {
    let place = Place::new();
    let deep = "for n in $(seq 300); do mkdir d; cd d; done; echo x > f";
    place.shell(deep, &[]);
    let before = place.workspace.take_manifest().unwrap();
    assert!(
        before
            .left_out()
            .iter()
            .any(|left| left.why == WhyLeftOut::TooDeep)
    );
    assert_eq!(place.workspace.changes_since(&before).unwrap().1, []);
    place.shell("rm -r d", &[]);
}
