//! What somebody changed since is left alone, merged, marked or overwritten: as they choose, and
//! each can be taken back.

use crate::support::{Place, tree};
use loom_events::FileChange;
use loom_workspace::{Choices, ConflictKind, Edit, How, Offer, Settle};

const BEFORE: &str = "one\ntwo\nthree\nfour\nfive\n";
const TOOL: &str = "one\nTOOL\nthree\nfour\nfive\n";
/// The tool's version with an edit elsewhere.
const CLEAN: &str = "one\nTOOL\nthree\nfour\nfive\nmine\n";
/// The tool's version with an edit of what the tool wrote.
const CLASH: &str = "one\nmine\nthree\nfour\nfive\n";

/// A tool writes over a file, then the user edits it.
fn edited(by_user: &str) -> (Place, Vec<FileChange>) {
    let place = Place::new();
    place.write("f", BEFORE);
    let recorded = place.tool(write("f", TOOL));
    place.write("f", by_user);
    (place, recorded)
}

fn write(path: &str, content: &str) -> Edit {
    Edit::Write {
        path: path.into(),
        bytes: content.as_bytes().to_vec(),
    }
}

/// Undoes with conflicts settled so; what was changed.
fn undo(place: &Place, changes: &[FileChange], settle: Settle) -> Vec<FileChange> {
    let choices = Choices::all(settle);
    let plan = place.workspace.undo_plan_with(changes, &choices).unwrap();
    place.workspace.undo(&plan).unwrap()
}

#[test]
fn a_conflict_shows_what_was_changed_since_and_offers_a_merge() {
    let (place, recorded) = edited(CLEAN);
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    let [conflict] = plan.conflicts() else {
        panic!("{:?}", plan.conflicts());
    };
    assert_eq!(
        (conflict.path.as_str(), conflict.kind),
        ("f", ConflictKind::Changed)
    );
    let since = conflict.since.as_ref().unwrap();
    assert_eq!((since.added, since.removed), (1, 0));
    assert!(since.patch.contains("+mine\n"), "{}", since.patch);
    let Offer::Clean { patch } = &conflict.merge else {
        panic!("{:?}", conflict.merge);
    };
    assert!(patch.contains("-TOOL\n+two\n"), "{patch}");
    assert!(conflict.can_overwrite);
    assert!(plan.changes().is_empty());
}

#[test]
fn a_clean_merge_keeps_the_edit_takes_the_tools_change_out_and_can_be_taken_back() {
    let (place, recorded) = edited(CLEAN);
    let done = undo(&place, &recorded, Settle::Merge);
    assert_eq!(place.read("f"), "one\ntwo\nthree\nfour\nfive\nmine\n");
    // Once merged there is nothing left to do.
    assert_eq!(undo(&place, &recorded, Settle::Merge), []);
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    assert_eq!((plan.changes(), plan.conflicts()), (&[][..], &[][..]));

    undo(&place, &done, Settle::Leave);
    assert_eq!(place.read("f"), CLEAN);
}

#[test]
fn marks_are_written_only_when_they_are_asked_for() {
    let (place, recorded) = edited(CLASH);
    for settle in [Settle::Leave, Settle::Merge] {
        let choices = Choices::all(settle);
        let plan = place.workspace.undo_plan_with(&recorded, &choices).unwrap();
        let Offer::Marked { places, text } = &plan.conflicts()[0].merge else {
            panic!("{:?}", plan.conflicts());
        };
        assert_eq!(*places, 1);
        assert!(text.contains("<<<<<<< as it is now\nmine\n"), "{text}");
        place.workspace.undo(&plan).unwrap();
        assert_eq!(place.read("f"), CLASH);
    }
    let choices = Choices::all(Settle::Mark);
    let plan = place.workspace.undo_plan_with(&recorded, &choices).unwrap();
    assert_eq!(plan.settled()[0].how, How::Marked);
    let done = place.workspace.undo(&plan).unwrap();
    assert!(
        place.read("f").contains("=======\ntwo\n"),
        "{}",
        place.read("f")
    );
    undo(&place, &done, Settle::Leave);
    assert_eq!(place.read("f"), CLASH);
}

#[test]
fn an_overwritten_edit_is_kept_and_comes_back() {
    let (place, mut recorded) = edited(CLASH);
    place.write("g", BEFORE);
    recorded.extend(place.tool(write("g", TOOL)));
    place.write("g", CLASH);
    let mut choices = Choices::default();
    choices.paths.insert("f".to_owned(), Settle::Overwrite);
    let plan = place.workspace.undo_plan_with(&recorded, &choices).unwrap();
    let left: Vec<_> = plan.conflicts().iter().map(|c| c.path.as_str()).collect();
    assert_eq!(left, ["g"], "only what was named");
    let done = place.workspace.undo(&plan).unwrap();
    assert_eq!(
        (place.read("f"), place.read("g")),
        (BEFORE.into(), CLASH.into())
    );
    undo(&place, &done, Settle::Leave);
    assert_eq!(place.read("f"), CLASH);
}

#[test]
fn what_is_no_text_is_not_merged_and_can_be_overwritten() {
    let place = Place::new();
    place.write("f", b"\0old");
    let recorded = place.tool(Edit::Write {
        path: "f".into(),
        bytes: b"\0tool".to_vec(),
    });
    place.write("f", b"\0user");
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    assert_eq!(plan.conflicts()[0].merge, Offer::None);
    assert_eq!(undo(&place, &recorded, Settle::Mark), []);
    undo(&place, &recorded, Settle::Overwrite);
    assert_eq!(place.read("f"), "\0old");
}

#[test]
fn a_mode_that_the_user_set_stays_when_the_content_goes_back() {
    let (place, recorded) = edited(TOOL);
    place.shell("chmod 755 f", &[]);
    undo(&place, &recorded, Settle::Merge);
    assert_eq!(place.read("f"), BEFORE);
    let mode = tree(place.path())
        .remove(std::path::Path::new("f"))
        .unwrap()
        .1;
    assert_eq!(mode, 0o755);
}

#[test]
fn a_file_that_was_renamed_and_then_edited_goes_back_to_its_name_with_the_edit() {
    let place = Place::new();
    place.write("old", BEFORE);
    let mut recorded = place.tool(Edit::Rename {
        from: "old".into(),
        to: "new".into(),
    });
    recorded.extend(place.tool(write("new", TOOL)));
    place.write("new", CLEAN);
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    assert!(
        matches!(plan.conflicts()[0].merge, Offer::Clean { .. }),
        "{:?}",
        plan.conflicts()
    );
    let done = undo(&place, &recorded, Settle::Merge);
    assert_eq!(place.names(), ["old"]);
    assert_eq!(place.read("old"), "one\ntwo\nthree\nfour\nfive\nmine\n");
    undo(&place, &done, Settle::Leave);
    assert_eq!(
        (place.names(), place.read("new")),
        (vec!["new".to_owned()], CLEAN.into())
    );
}

#[test]
fn what_the_user_changed_between_two_changes_is_not_lost() {
    let place = Place::new();
    place.write("f", BEFORE);
    let mut recorded = place.tool(write("f", TOOL));
    place.write("f", CLEAN);
    let later = CLEAN.replace("five", "FIVE");
    recorded.extend(place.tool(write("f", &later)));
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    assert_eq!(plan.conflicts()[0].kind, ConflictKind::Between);
    assert!(plan.changes().is_empty());
    undo(&place, &recorded, Settle::Merge);
    assert_eq!(place.read("f"), "one\ntwo\nthree\nfour\nfive\nmine\n");
}

#[test]
fn one_of_several_changes_is_taken_back_alone() {
    let place = Place::new();
    place.write("f", BEFORE);
    let first = place.tool(write("f", TOOL));
    place.tool(write("f", &TOOL.replace("five", "FIVE")));
    undo(&place, &first, Settle::Merge);
    assert_eq!(place.read("f"), "one\ntwo\nthree\nfour\nFIVE\n");
}

#[test]
fn a_removed_file_and_one_that_appeared_are_conflicts_without_a_merge() {
    let place = Place::new();
    place.write("gone", BEFORE);
    place.write("deleted", BEFORE);
    let mut recorded = place.tool(write("gone", TOOL));
    recorded.extend(place.tool(Edit::Delete {
        path: "deleted".into(),
        recursive: false,
    }));
    place.shell("rm gone; echo mine > deleted", &[]);
    let plan = place.workspace.undo_plan(&recorded).unwrap();
    let seen: Vec<_> = plan
        .conflicts()
        .iter()
        .map(|c| (c.kind, &c.merge))
        .collect();
    assert_eq!(
        seen,
        [
            (ConflictKind::Appeared, &Offer::None),
            (ConflictKind::Removed, &Offer::None)
        ]
    );
    undo(&place, &recorded, Settle::Overwrite);
    assert_eq!(
        (place.read("gone"), place.read("deleted")),
        (BEFORE.into(), BEFORE.into())
    );
}

#[test]
fn undo_of_undo_of_undo_goes_to_and_fro() {
    let place = Place::new();
    place.write("f", BEFORE);
    let mut last = place.tool(write("f", TOOL));
    for expected in [BEFORE, TOOL, BEFORE, TOOL] {
        last = undo(&place, &last, Settle::Leave);
        assert_eq!(place.read("f"), expected);
    }
}
