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
