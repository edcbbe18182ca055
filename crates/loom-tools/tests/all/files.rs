//! Reading, writing, deleting, moving, listing and searching.

use crate::bench::{Bench, done};
use serde_json::json;

#[tokio::test]
async fn reading_numbers_the_lines_and_names_the_hash() {
    let bench = Bench::new(&[("a.txt", "one\ntwo\nthree\n")]);
    let text = bench.ok("read_file", json!({"path": "a.txt"})).await;
    let (header, body) = text.split_once('\n').unwrap();
    assert!(
        header.starts_with("a.txt: lines 1-3 of 3, hash "),
        "{header}"
    );
    assert_eq!(body, "1│one\n2│two\n3│three\n");
    let text = bench
        .ok(
            "read_file",
            json!({"path": "./a.txt", "start_line": 2, "end_line": 2}),
        )
        .await;
    assert!(text.ends_with("\n2│two\n"), "{text}");
}

#[tokio::test]
async fn a_long_file_is_cut_and_says_how_to_go_on() {
    let long: String = (1..=5000).map(|n| format!("line number {n}\n")).collect();
    let bench = Bench::new(&[("long.txt", &long)]);
    let output = bench.done("read_file", json!({"path": "long.txt"})).await;
    assert!(output.text.len() <= bench.output_bytes);
    let last = output.text.lines().last().unwrap();
    assert!(
        last.contains("not shown: read_file with start_line"),
        "{last}"
    );
    assert_eq!(output.full, None);
}

#[tokio::test]
async fn a_range_outside_of_the_file_is_explained() {
    let bench = Bench::new(&[("a.txt", "one\n"), ("empty.txt", "")]);
    let read = |args| bench.negative("read_file", args);
    let text = read(json!({"path": "a.txt", "start_line": 5})).await;
    assert!(text.contains("only 1 lines"), "{text}");
    let text = bench.ok("read_file", json!({"path": "empty.txt"})).await;
    assert!(text.contains("empty file"), "{text}");
}

#[tokio::test]
async fn a_missing_file_is_a_normal_answer_with_near_names() {
    let bench = Bench::new(&[("src/parser.rs", "x"), ("src/lexer.rs", "x")]);
    let output = bench
        .done("read_file", json!({"path": "src/parsr.rs"}))
        .await;
    assert!(!output.ok && output.touched);
    assert!(
        output.text.contains("Similar names: src/parser.rs"),
        "{}",
        output.text
    );
    let text = bench
        .negative("read_file", json!({"path": "lib/parser.rs"}))
        .await;
    assert!(text.contains("src/parser.rs"), "{text}");
}

#[tokio::test]
async fn data_is_not_shown() {
    let bench = Bench::new(&[]);
    std::fs::write(bench.path("a.bin"), b"\0\x01\x02").unwrap();
    let text = bench.negative("read_file", json!({"path": "a.bin"})).await;
    assert!(text.contains("not text (3 bytes"), "{text}");
}

#[tokio::test]
async fn nothing_outside_is_read() {
    let bench = Bench::new(&[("a/b", "")]);
    for path in ["/etc/hostname", "../data/token", "a/../../x"] {
        let text = bench.negative("read_file", json!({"path": path})).await;
        assert!(text.contains("outside"), "{text}");
    }
}

#[tokio::test]
async fn a_new_file_is_written_with_its_directories_and_recorded_first() {
    let bench = Bench::new(&[]);
    let args = json!({"path": "src/new/a.rs", "content": "fn a() {}\n"});
    let output = bench.done("write_file", args.clone()).await;
    assert!(output.ok && output.files_changed == 1, "{output:?}");
    assert!(
        output
            .text
            .starts_with("src/new/a.rs created: 1 line, 10 bytes"),
        "{}",
        output.text
    );
    assert_eq!(bench.text("src/new/a.rs"), "fn a() {}\n");
    assert_eq!(
        bench.recorder.take(),
        ["create src", "create src/new", "create src/new/a.rs"]
    );
    let text = bench.ok("write_file", args).await;
    assert!(text.contains("has this content already"), "{text}");
    assert!(bench.recorder.take().is_empty());
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let mut bench = Bench::new(&[("a.txt", "a")]);
    bench.recorder.broken = true;
    let text = bench
        .negative("write_file", json!({"path": "b.txt", "content": "b"}))
        .await;
    assert!(
        text.contains("nothing was changed: the change could not be recorded"),
        "{text}"
    );
    assert!(!bench.path("b.txt").exists());
    bench
        .negative("delete_file", json!({"path": "a.txt"}))
        .await;
    assert_eq!(bench.text("a.txt"), "a");
}

#[tokio::test]
async fn an_existing_file_is_only_replaced_after_it_was_read_as_it_is() {
    let bench = Bench::new(&[("a.txt", "old\n"), ("empty.txt", "")]);
    let write = json!({"path": "a.txt", "content": "new\n"});
    let text = bench.negative("write_file", write.clone()).await;
    assert!(
        text.starts_with("unread_file: ") && text.contains("have not read"),
        "{text}"
    );
    bench.ok("read_file", json!({"path": "a.txt"})).await;
    std::fs::write(bench.path("a.txt"), "by somebody else\n").unwrap();
    let text = bench.negative("write_file", write.clone()).await;
    assert!(text.contains("has changed since"), "{text}");
    assert_eq!(bench.text("a.txt"), "by somebody else\n");
    bench.ok("read_file", json!({"path": "a.txt"})).await;
    bench.ok("write_file", write).await;
    // What it wrote itself it knows.
    bench
        .ok("write_file", json!({"path": "a.txt", "content": "newer\n"}))
        .await;
    bench
        .ok("write_file", json!({"path": "empty.txt", "content": "x"}))
        .await;
    assert_eq!(bench.text("a.txt"), "newer\n");
}

#[tokio::test]
async fn text_with_a_placeholder_is_refused() {
    let bench = Bench::new(&[("a.rs", "fn a() {}\nfn b() {}\n")]);
    bench.ok("read_file", json!({"path": "a.rs"})).await;
    let content = "fn a() { new() }\n// ... rest of the code unchanged ...\n";
    let text = bench
        .negative("write_file", json!({"path": "a.rs", "content": content}))
        .await;
    assert!(text.starts_with("elided_text: line 2"), "{text}");
    assert_eq!(bench.text("a.rs"), "fn a() {}\nfn b() {}\n");
}

#[tokio::test]
async fn a_guarded_path_is_held_and_written_with_the_grant() {
    let bench = Bench::new(&[]);
    let write = json!({"path": ".vscode/tasks.json", "content": "{}"});
    let held = bench.held("write_file", write.clone()).await;
    assert!(held.reason.contains("needs an approval"), "{held:?}");
    assert!(held.action.contains(".vscode/tasks.json:\n{}"), "{held:?}");
    assert!(!bench.path(".vscode").exists());
    let other = json!({"path": ".vscode/tasks.json", "content": "{ }"});
    let other = bench.granted("write_file", other, Some(&held.digest)).await;
    assert!(
        matches!(other, loom_tools::CallOutcome::Held(_)),
        "{other:?}"
    );
    let output = done(bench.granted("write_file", write, Some(&held.digest)).await);
    assert!(output.ok, "{output:?}");
    assert_eq!(bench.text(".vscode/tasks.json"), "{}");
}

#[tokio::test]
async fn git_internals_are_refused_whoever_agrees() {
    let bench = Bench::new(&[(".git/config", "x")]);
    let text = bench
        .negative(
            "write_file",
            json!({"path": ".git/hooks/pre-commit", "content": "x"}),
        )
        .await;
    assert!(text.contains("is protected"), "{text}");
}

#[tokio::test]
async fn secret_files_are_held_and_their_samples_are_not() {
    let bench = Bench::new(&[(".env", "KEY=1\n"), (".env.example", "KEY=\n")]);
    let held = bench.held("read_file", json!({"path": ".env"})).await;
    assert_eq!(held.rules, ["secret_file"]);
    let read = bench
        .granted("read_file", json!({"path": ".env"}), Some(&held.digest))
        .await;
    assert!(done(read).text.contains("KEY=1"));
    // Whoever is asked about a change sees the change, not only where it is.
    let new = json!({"path": ".env", "old_text": "KEY=1", "new_text": "KEY=2"});
    let held = bench.held("edit_file", new).await;
    assert_eq!(held.action, "edit .env:\n- KEY=1\n+ KEY=2");
    let held = bench
        .held(
            "write_file",
            json!({"path": ".env", "content": "A=1\nB=2\n"}),
        )
        .await;
    assert_eq!(held.action, "write .env:\nA=1\nB=2\n");
    bench.ok("read_file", json!({"path": ".env.example"})).await;
    std::os::unix::fs::symlink(".env", bench.path("plain.txt")).unwrap();
    bench.held("read_file", json!({"path": "plain.txt"})).await;
    let text = bench.ok("search_files", json!({"pattern": "KEY"})).await;
    assert!(text.contains(".env.example:1│KEY="), "{text}");
    assert!(
        !text.contains("KEY=1") && text.contains("may hold secrets: .env"),
        "{text}"
    );
}

#[tokio::test]
async fn files_are_deleted_and_many_only_after_a_question() {
    let bench = Bench::new(&[("a.txt", "a"), ("dir/b.txt", "b")]);
    bench.ok("delete_file", json!({"path": "a.txt"})).await;
    assert!(!bench.path("a.txt").exists());
    let text = bench.negative("delete_file", json!({"path": "dir"})).await;
    assert!(text.contains("with something in it"), "{text}");
    let text = bench.negative("delete_file", json!({"path": "nope"})).await;
    assert!(text.contains("does not exist"), "{text}");
    bench
        .ok("delete_file", json!({"path": "dir", "recursive": true}))
        .await;
    assert!(!bench.path("dir").exists());
    assert_eq!(
        bench.recorder.take(),
        ["delete a.txt", "delete dir/b.txt", "delete dir"]
    );
    for n in 0..21 {
        std::fs::create_dir_all(bench.path("many")).unwrap();
        std::fs::write(bench.path(&format!("many/{n}")), "x").unwrap();
    }
    let args = json!({"path": "many", "recursive": true});
    let held = bench.held("delete_file", args.clone()).await;
    assert!(held.reason.contains("21 files"), "{held:?}");
    done(bench.granted("delete_file", args, Some(&held.digest)).await);
    assert!(!bench.path("many").exists());
}

#[tokio::test]
async fn a_file_is_moved_without_overwriting_and_stays_known() {
    let bench = Bench::new(&[("a.txt", "a\n"), ("b.txt", "b\n")]);
    let text = bench
        .negative("move_file", json!({"from": "a.txt", "to": "b.txt"}))
        .await;
    assert!(text.contains("exists already"), "{text}");
    bench.ok("read_file", json!({"path": "a.txt"})).await;
    bench
        .ok("move_file", json!({"from": "a.txt", "to": "sub/c.txt"}))
        .await;
    assert_eq!(bench.text("sub/c.txt"), "a\n");
    assert_eq!(
        bench.recorder.take(),
        ["create sub", "rename a.txt sub/c.txt"]
    );
    bench
        .ok("write_file", json!({"path": "sub/c.txt", "content": "c\n"}))
        .await;
}

#[tokio::test]
async fn a_listing_shows_two_levels_and_not_what_git_ignores() {
    let bench = Bench::new(&[
        (".gitignore", "out\n"),
        ("README.md", "hello\n"),
        ("src/main.rs", "x"),
        ("src/deep/er.rs", "x"),
        ("out/junk", "x"),
    ]);
    let text = bench.ok("list_directory", json!({})).await;
    assert_eq!(
        text,
        ".: 5 entries\n  .gitignore  4 bytes\n  README.md  6 bytes\n  src/\n    deep/\n    main.rs  1 byte\n"
    );
    let text = bench
        .ok("list_directory", json!({"path": "src/deep"}))
        .await;
    assert!(text.contains("er.rs"), "{text}");
    let text = bench
        .negative("list_directory", json!({"path": "nope"}))
        .await;
    assert!(text.contains("does not exist"), "{text}");
}

#[tokio::test]
async fn a_search_finds_lines_by_pattern_and_glob() {
    let bench = Bench::new(&[
        (".gitignore", "out\n"),
        ("src/a.rs", "fn alpha() {}\nfn beta() {}\n"),
        ("src/b.py", "def alpha(): pass\n"),
        ("out/c.rs", "fn alpha() {}\n"),
    ]);
    let text = bench
        .ok("search_files", json!({"pattern": r"\balpha\b"}))
        .await;
    assert_eq!(
        text,
        "src/a.rs:1│fn alpha() {}\nsrc/b.py:1│def alpha(): pass\n"
    );
    let args = json!({"pattern": "ALPHA", "glob": "*.rs", "ignore_case": true});
    let text = bench.ok("search_files", args).await;
    assert_eq!(text, "src/a.rs:1│fn alpha() {}\n");
    let text = bench
        .ok("search_files", json!({"pattern": "", "glob": "src/*.py"}))
        .await;
    assert_eq!(text, "src/b.py\n");
    let text = bench
        .ok(
            "search_files",
            json!({"pattern": "beta", "path": "src/a.rs"}),
        )
        .await;
    assert_eq!(text, "src/a.rs:2│fn beta() {}\n");
    let text = bench.ok("search_files", json!({"pattern": "gamma"})).await;
    assert!(text.starts_with("no line matches"), "{text}");
}

#[tokio::test]
async fn a_bad_pattern_is_explained_with_the_escaped_one() {
    let bench = Bench::new(&[("a", "x")]);
    let text = bench
        .negative("search_files", json!({"pattern": "foo(bar"}))
        .await;
    assert!(text.contains("not a valid regular expression"), "{text}");
    assert!(text.contains(r#""foo\\(bar""#), "{text}");
    let text = bench
        .negative("search_files", json!({"pattern": "x", "glob": "{a"}))
        .await;
    assert!(text.contains("glob is not valid"), "{text}");
}

#[tokio::test]
async fn a_search_is_capped() {
    let many = "hit\n".repeat(500);
    let bench = Bench::new(&[("a.txt", &many), ("b.txt", "hit\n")]);
    let text = bench.ok("search_files", json!({"pattern": "hit"})).await;
    assert_eq!(text.lines().filter(|l| l.starts_with("a.txt:")).count(), 50);
    assert!(text.contains("b.txt:1│hit"), "{text}");
    assert!(text.contains("there is more"), "{text}");
}

#[tokio::test]
async fn the_notepad_is_written_and_read_without_being_recorded() {
    let bench = Bench::new(&[]);
    let write = json!({"path": "scratch://notes.md", "content": "remember\n"});
    bench.ok("write_file", write).await;
    let text = bench
        .ok("read_file", json!({"path": "scratch://notes.md"}))
        .await;
    assert!(text.contains("1│remember"), "{text}");
    let text = bench
        .ok("list_directory", json!({"path": "scratch://"}))
        .await;
    assert!(text.contains("notes.md"), "{text}");
    assert!(bench.recorder.take().is_empty());
}
