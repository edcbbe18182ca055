//! `edit_file` against real files.

use crate::bench::Bench;
use serde_json::json;

const SOURCE: &str = "fn area(w: u32, h: u32) -> u32 {\n    w * h\n}\n\nfn main() {\n    println!(\"{}\", area(2, 3));\n}\n";

#[tokio::test]
async fn a_text_that_occurs_once_is_replaced_and_the_place_shown() {
    let bench = Bench::new(&[("a.rs", SOURCE)]);
    let args =
        json!({"path": "a.rs", "old_text": "    w * h\n", "new_text": "    w.saturating_mul(h)\n"});
    let text = bench.ok("edit_file", args).await;
    assert!(text.contains("2│    w.saturating_mul(h)"), "{text}");
    assert!(bench.text("a.rs").contains("    w.saturating_mul(h)\n}"));
    assert_eq!(bench.recorder.take(), ["modify a.rs"]);
}

#[tokio::test]
async fn a_text_with_other_white_space_is_replaced_and_said() {
    let bench = Bench::new(&[("a.rs", SOURCE)]);
    let args = json!({
        "path": "a.rs",
        "old_text": "fn main() {\nprintln!(\"{}\", area(2, 3));\n}",
        "new_text": "fn main() {}",
    });
    // Two indentations in the file are one in the text: shown, not guessed.
    let text = bench.negative("edit_file", args).await;
    assert!(text.contains("5│fn main() {"), "{text}");
    let args = json!({"path": "a.rs", "old_text": "w * h   ", "new_text": "w + h"});
    let text = bench.ok("edit_file", args).await;
    assert!(text.contains("white space adjusted"), "{text}");
    assert!(bench.text("a.rs").contains("\n    w + h\n"));
}

#[tokio::test]
async fn copied_line_numbers_do_not_matter() {
    let bench = Bench::new(&[("a.rs", SOURCE)]);
    let args = json!({"path": "a.rs", "old_text": "2│    w * h", "new_text": "2│    h * w"});
    bench.ok("edit_file", args).await;
    assert!(bench.text("a.rs").contains("\n    h * w\n"));
}

#[tokio::test]
async fn several_places_are_listed_and_the_line_decides() {
    let bench = Bench::new(&[("a.txt", "x\ny\nx\n")]);
    let args = json!({"path": "a.txt", "old_text": "x", "new_text": "z"});
    let text = bench.negative("edit_file", args).await;
    assert!(text.contains("occurs 2 times, at lines 1, 3"), "{text}");
    let args = json!({"path": "a.txt", "old_text": "x", "new_text": "z", "start_line": 3});
    bench.ok("edit_file", args).await;
    assert_eq!(bench.text("a.txt"), "x\ny\nz\n");
}

#[tokio::test]
async fn after_two_failures_the_other_form_is_suggested() {
    let bench = Bench::new(&[("a.rs", SOURCE)]);
    let args = json!({"path": "a.rs", "old_text": "    w * hh", "new_text": "x"});
    let first = bench.negative("edit_file", args.clone()).await;
    assert!(
        first.contains("2│    w * h") && !first.contains("failed edit"),
        "{first}"
    );
    let second = bench.negative("edit_file", args).await;
    assert!(
        second.contains("failed edit 2") && second.contains("give start_line"),
        "{second}"
    );
}

#[tokio::test]
async fn lines_are_replaced_under_the_right_hash_only() {
    let bench = Bench::new(&[("a.txt", "a\nb\nc\n")]);
    let text = bench.ok("read_file", json!({"path": "a.txt"})).await;
    let header = text.lines().next().unwrap();
    let hash = header.rsplit(' ').next().unwrap();
    let edit = |hash: &str| json!({"path": "a.txt", "new_text": "B", "start_line": 2, "end_line": 2, "hash": hash});
    let text = bench.negative("edit_file", edit("00000000")).await;
    assert!(text.contains("the file has changed since"), "{text}");
    bench.ok("edit_file", edit(hash)).await;
    assert_eq!(bench.text("a.txt"), "a\nB\nc\n");
    let text = bench.negative("edit_file", edit(hash)).await;
    assert!(text.contains("the file has changed since"), "{text}");
    let missing = json!({"path": "a.txt", "new_text": "B", "start_line": 2});
    let text = bench.negative("edit_file", missing).await;
    assert!(text.contains("needs the hash"), "{text}");
    let text = bench
        .negative("edit_file", json!({"path": "a.txt", "new_text": "B"}))
        .await;
    assert!(text.contains("give old_text, or start_line"), "{text}");
}

#[tokio::test]
async fn an_edit_that_changes_nothing_or_elides_is_refused() {
    let bench = Bench::new(&[("a.rs", SOURCE)]);
    let same = json!({"path": "a.rs", "old_text": "w * h", "new_text": "w * h"});
    let text = bench.negative("edit_file", same).await;
    assert!(text.contains("the same"), "{text}");
    let elided = json!({"path": "a.rs", "old_text": "    w * h", "new_text": "    // ... existing code ..."});
    let text = bench.negative("edit_file", elided).await;
    assert!(text.starts_with("elided_text"), "{text}");
    assert_eq!(bench.text("a.rs"), SOURCE);
}

#[tokio::test]
async fn a_missing_file_is_not_made_by_an_edit() {
    let bench = Bench::new(&[("a.rs", SOURCE)]);
    let args = json!({"path": "b.rs", "old_text": "x", "new_text": "y"});
    let text = bench.negative("edit_file", args).await;
    assert!(text.contains("does not exist"), "{text}");
}

/// What comes of one edit.
enum Comes {
    /// The file is this now.
    To(&'static str),
    /// It was not changed, and the answer says this.
    Refused(&'static str),
}
use Comes::{Refused, To};

/// Content, old text, new text: what weak models send.
const HOSTILE: &[(&str, &str, &str, Comes)] = &[
    // White space.
    (
        "\tif a:\n\t\tb()\n",
        "    if a:\n        b()",
        "    if a:\n        c()",
        To("\tif a:\n\t\tc()\n"),
    ),
    (
        "if a:  \n\tb()\n",
        "if a:\n\tb()",
        "if a:\n\tc()",
        To("if a:\n\tc()\n"),
    ),
    ("a = 1\n", "  a = 1", "  a = 2", To("a = 2\n")),
    // The same indentation stands for two others.
    (
        "\tif a:\n\t\tb()\n",
        "if a:\nb()",
        "if a:\nc()",
        Refused("most similar"),
    ),
    ("\n\n\n", "\n\n", "\n", Refused("occurs 2 times")),
    // Line ends.
    ("a\r\nb\r\nc\r\n", "b", "x\ny", To("a\r\nx\r\ny\r\nc\r\n")),
    ("a\r\nb\r\nc\r\n", "a\nb\n", "x\n", To("x\r\nc\r\n")),
    ("a\r\nb", "a\nb ", "x\ny", To("x\r\ny")),
    ("a\r\nb\r\n", "b\r\n", "x\n", To("a\r\nx\r\n")),
    ("a\r\nb\nc\n", "b\n", "x\ny\n", To("a\r\nx\ny\nc\n")),
    // Look-alikes are no matches.
    (
        "say(“hi”)\n",
        "say(\"hi\")",
        "say(\"ho\")",
        Refused("most similar"),
    ),
    ("a – b\n", "a - b", "a + b", Refused("most similar")),
    ("с = 1\n", "c = 1", "c = 2", Refused("most similar")),
    (
        "e\u{301}t\u{e9}\n",
        "\u{e9}t\u{e9}",
        "x",
        Refused("not in the file"),
    ),
    // Ambiguity, also where places overlap or stand in one line.
    ("}\n}\n}\n", "}\n}\n", "}\n", Refused("occurs 2 times")),
    ("aaa\n", "aa", "b", Refused("occurs 2 times")),
    (
        "f()\ng()\n\nf()\ng()\n",
        "f()\ng()",
        "h()",
        Refused("at lines 1, 4"),
    ),
    ("  f()\n    f()\n", "f() ", "g()", Refused("occurs 2 times")),
    // Line numbers and marks that were copied along.
    ("a\nb\nc\n", "1│a\n2│b", "1│a\n2│x", To("a\nx\nc\n")),
    ("a\nb\nc\n", "f.txt:2│b", "x", To("a\nx\nc\n")),
    ("a\nb\nc\n", "2│b\n3│c", "x\ny", To("a\nx\ny\n")),
    ("1│one\n", "1│one", "2│two", To("2│two\n")),
    ("1│one\nx\n", "x", "3│three", To("1│one\n3│three\n")),
    (
        "a\nb\nc\n",
        "a\n// ... existing code ...\nc",
        "x",
        Refused("not in the file"),
    ),
    (
        "a\nb\nc\n",
        "b",
        "// ... rest unchanged",
        Refused("placeholder"),
    ),
    (
        "a\nb\nc\n",
        "b",
        "b… [120 more bytes]",
        Refused("placeholder"),
    ),
    // Edges.
    ("", "a", "b", Refused("not in the file")),
    ("a\nb", "b", "c", To("a\nc")),
    ("a\nb", "b\n", "c\n", To("a\nc")),
    ("\u{feff}a\nb\n", "a\n", "x\n", To("\u{feff}x\nb\n")),
    ("a\n", "   ", "b", Refused("not in the file")),
    ("a\n", "a\n", "a\n", Refused("the same")),
];

#[tokio::test]
async fn what_weak_models_send_is_done_as_meant_or_not_at_all() {
    for (before, old, new, comes) in HOSTILE {
        let bench = Bench::new(&[("f.txt", before)]);
        let args = json!({"path": "f.txt", "old_text": old, "new_text": new});
        let case = format!("{old:?} in {before:?}");
        match comes {
            To(after) => {
                bench.ok("edit_file", args).await;
                assert_eq!(bench.text("f.txt"), *after, "{case}");
            }
            Refused(why) => {
                let text = bench.negative("edit_file", args).await;
                assert!(text.contains(why), "{case}: {text}");
                assert_eq!(bench.text("f.txt"), *before, "{case}");
                assert!(bench.recorder.take().is_empty(), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_line_tells_places_apart_only_when_one_of_them_begins_there() {
    let bench = Bench::new(&[("f.txt", "x x\ny\nx\n  z\n    z\n")]);
    let edit = |old: &str, line: u32| json!({"path": "f.txt", "old_text": old, "new_text": "w", "start_line": line});
    let text = bench.negative("edit_file", edit("x", 1)).await;
    assert!(text.contains("occurs 3 times, at lines 1, 3"), "{text}");
    bench.ok("edit_file", edit("x", 3)).await;
    bench.ok("edit_file", edit("z ", 5)).await;
    assert_eq!(bench.text("f.txt"), "x x\ny\nw\n  z\n    w\n");
}

#[tokio::test]
async fn the_mark_at_the_start_of_a_file_survives_a_change_of_its_first_line() {
    let bench = Bench::new(&[("f.txt", "\u{feff}a\nb\n")]);
    for (start, end, after) in [(1, 1, "\u{feff}x\nb\n"), (1, 0, "\u{feff}x\nx\nb\n")] {
        let read = bench.ok("read_file", json!({"path": "f.txt"})).await;
        let hash = read.lines().next().unwrap().rsplit(' ').next().unwrap();
        let args = json!({"path": "f.txt", "new_text": "x", "start_line": start, "end_line": end, "hash": hash});
        bench.ok("edit_file", args).await;
        assert_eq!(bench.text("f.txt"), after);
    }
}

/// Five megabytes in one line, of which each byte is a place.
#[tokio::test]
async fn a_file_of_one_long_line_is_no_trouble() {
    let long = "a".repeat(5 << 20);
    let bench = Bench::new(&[("f.txt", &long)]);
    let edit = |old: &str| json!({"path": "f.txt", "old_text": old, "new_text": "b"});
    let text = bench.negative("edit_file", edit("a")).await;
    assert!(
        text.contains("occurs 5242880 times, at lines 1, …"),
        "{text}"
    );
    let text = bench.negative("edit_file", edit(&"b".repeat(1000))).await;
    assert!(
        text.contains("not in the file") && text.len() < 10_000,
        "{text}"
    );
    bench.ok("edit_file", edit(&long)).await;
    assert_eq!(bench.text("f.txt"), "b");
}
