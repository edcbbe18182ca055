//! Secrets in files: what a model is shown, and what it cannot write.

use crate::bench::Bench;
use loom_redact::{Redactor, Secret};
use loom_tools::CallOutcome;
use serde_json::json;
use std::sync::Arc;

const KEY: &str = "lumen-Orchid/91+quartz_77";

fn bench(files: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::new(files);
    bench.redactor = Arc::new(Redactor::new([Secret::new("HOUSE_KEY", KEY)]));
    bench
}

#[tokio::test]
async fn a_secret_is_not_shown_in_part_where_a_long_line_is_cut() {
    // For every place of the cut within the secret.
    for before in (960..1_000).step_by(7) {
        let line = format!("{}{KEY} and more text after it\n", "x".repeat(before));
        let bench = bench(&[("a.txt", &line)]);
        let read = bench.ok("read_file", json!({"path": "a.txt"})).await;
        assert!(!read.contains("lumen"), "{before}: {read}");
        let line = format!("find {}{KEY} and more text\n", "x".repeat(before - 720));
        std::fs::write(bench.path("a.txt"), line).unwrap();
        let found = bench.ok("search_files", json!({"pattern": "find"})).await;
        assert!(!found.contains("lumen"), "{before}: {found}");
    }
}

#[tokio::test]
async fn lines_of_a_key_keep_their_numbers() {
    let body = "q7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oXiB5yCvM0nHgF";
    let text = format!(
        "first\n-----BEGIN {0}-----\n{body}\n{body}\n-----END {0}-----\nlast\n",
        "PRIVATE KEY"
    );
    let bench = bench(&[("notes.txt", &text)]);
    let read = bench.ok("read_file", json!({"path": "notes.txt"})).await;
    assert!(!read.contains(&body[..20]), "{read}");
    assert!(read.contains("6│last"), "{read}");
    // Also where the beginning of the key is not a part of what is asked for.
    let part = json!({"path": "notes.txt", "start_line": 4, "end_line": 6});
    let read = bench.ok("read_file", part).await;
    assert!(!read.contains(&body[..20]), "{read}");
    assert!(read.contains("6│last"), "{read}");
}

#[tokio::test]
async fn a_mark_is_not_written_in_the_place_of_a_secret() {
    let text = format!("key = {KEY}\nmode = old\n");
    let bench = bench(&[("a.conf", &text)]);
    bench.ok("read_file", json!({"path": "a.conf"})).await;
    let marked = "key = [redacted: HOUSE_KEY]\nmode = new\n";
    for (tool, arguments) in [
        ("write_file", json!({"path": "a.conf", "content": marked})),
        ("write_file", json!({"path": "b.conf", "content": marked})),
        (
            "edit_file",
            json!({"path": "a.conf", "old_text": "mode = old", "new_text": "[redacted: HOUSE_KEY]"}),
        ),
        (
            "shell_execute",
            json!({"command": "echo 'key = [redacted: HOUSE_KEY]' > a.conf"}),
        ),
    ] {
        let CallOutcome::Refused(refusal) = bench.call(tool, arguments).await else {
            panic!("{tool} wrote a mark");
        };
        assert_eq!(refusal.code, "redacted_text");
        assert!(refusal.message.contains("[redacted: HOUSE_KEY]"));
    }
    assert_eq!(bench.text("a.conf"), text);
    // The line beside it can be changed, and the secret is what it was.
    let edit = json!({"path": "a.conf", "old_text": "mode = old", "new_text": "mode = new"});
    let shown = bench.ok("edit_file", edit).await;
    assert!(!shown.contains("lumen"), "{shown}");
    assert_eq!(bench.text("a.conf"), text.replace("old", "new"));
}

#[tokio::test]
async fn a_file_that_speaks_of_marks_can_be_written() {
    let text = "A mark looks like [redacted: HOUSE_KEY].\n";
    let bench = bench(&[("doc.md", text)]);
    bench.ok("read_file", json!({"path": "doc.md"})).await;
    let more = format!("# Marks\n{text}");
    let write = json!({"path": "doc.md", "content": more});
    bench.ok("write_file", write).await;
    assert_eq!(bench.text("doc.md"), more);
}
