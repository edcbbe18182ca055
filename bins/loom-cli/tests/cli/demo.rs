//! `loom demo` in a pipe.

use crate::support::{Place, tree};

#[test]
fn the_demo_in_a_pipe_catches_mistakes_and_puts_everything_back() {
    let place = Place::new();
    let temporary = place.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let output = place
        .command(&["demo"])
        .env("TMPDIR", &temporary)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    assert!(out.starts_with("SIMULATED MODEL"), "{out}");
    for said in [
        "caught: says that it is done, and it is not",
        "caught: calls `open_file`, a tool that does not exist",
        "broken JSON",
        "caught: claims USAGE.md, which does not exist",
        "5 tests, 5 failed",
        "5 tests, 0 failed",
        "diff --git a/expenses.sh b/expenses.sh",
        "every file is byte for byte what it was before",
        "loom run \"",
    ] {
        assert!(out.contains(said), "{said:?} is missing in:\n{out}\n{err}");
    }
    assert!(!out.contains('\x1b'), "no escape sequences in a pipe");
    assert_eq!(err, "");
    assert_eq!(
        tree(&temporary),
        Vec::<String>::new(),
        "nothing is left behind"
    );
    assert!(!place.data_dir().exists());
}

#[test]
fn what_the_demo_keeps_can_be_looked_at_and_reverted() {
    let place = Place::new();
    let temporary = place.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let output = place
        .command(&["demo", "--keep"])
        .env("TMPDIR", &temporary)
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{out}");
    let kept = std::fs::read_dir(&temporary)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert!(kept.join("expenses/USAGE.md").exists());
    let data_dir = kept.join("loom").to_string_lossy().into_owned();
    let list = place.loom(&["--data-dir", &data_dir, "list", "--json"]);
    let row: serde_json::Value = serde_json::from_str(list.out.trim()).unwrap();
    let task = row["task_id"].as_str().unwrap();
    for (arguments, said) in [
        (&["logs", task][..], "caught:"),
        (&["status", task], "completed"),
        (&["diff", task], "+++ b/USAGE.md"),
        (
            &["replay", task, "--check"],
            "fold to exactly what is stored",
        ),
        (&["revert", task], "gone again  USAGE.md"),
    ] {
        let all: Vec<_> = ["--data-dir", &data_dir]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let ran = place.loom(&all);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains(said), "{said:?} is missing in {ran:?}");
    }
    assert!(!kept.join("expenses/USAGE.md").exists());
    let again = place.loom(&["--data-dir", &data_dir, "revert", task, "--undo"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(kept.join("expenses/USAGE.md").exists());
}
