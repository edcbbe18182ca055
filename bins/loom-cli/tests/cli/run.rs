//! `loom run` against a playbook.

use crate::support::{Place, Ran, Server, interrupt};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::Duration;

/// Plans one step, writes the file, and judges it.
pub(crate) const WRITES_A_FILE: &str = r#"
rules:
  - name: plan
    when: {role: planner}
    reply:
      json:
        analysis: One file is to be written.
        subtasks:
          - id: write-note
            title: Write the note
            description: Write note.txt with the word hello in it.
            criteria: ["note.txt says hello."]
            depends_on: []
            tier: 1
            outputs: [note.txt]
            checks: [{kind: file_contains, path: note.txt, regex: hello}]
  - name: write
    when: {role: executor, not_called: write_file}
    reply:
      calls: [{name: write_file, arguments: {path: note.txt, content: "hello\n"}}]
  - name: done
    when: {role: executor}
    reply: {text: note.txt is written and says hello.}
  - name: judge
    when: {role: verifier}
    reply:
      verdict:
        criteria:
          - {contains: says hello, verdict: met, quote: hello, why: it is there}
          - {contains: Everything that was asked for, verdict: met, quote: hello, why: it is there}
          - {contains: Nothing that should have stayed, verdict: met, quote: hello, why: nothing else}
  - name: remember
    when: {role: extractor}
    reply: {json: {summary: note.txt says hello, entries: []}}
"#;

const ONLY_SAYS_DONE: &str = "rules: [{name: any, reply: {text: Done.}}]";

pub(crate) fn run(place: &Place, playbook: &str, more: &[&str]) -> Ran {
    let server = Server::start(playbook);
    let mut arguments = vec![
        "run",
        "write a note that says hello",
        "--server",
        &server.url,
    ];
    arguments.extend(more);
    place.loom(&arguments)
}

#[test]
fn a_goal_ends_verified_with_its_files_and_the_way_back() {
    let place = Place::new();
    let ran = run(&place, WRITES_A_FILE, &[]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    let note = std::fs::read_to_string(place.path("work/note.txt")).unwrap();
    assert_eq!(note, "hello\n");
    for said in [
        "✓ completed after",
        "✓ Write the note",
        "A note.txt  +1 −0",
        "loom diff ",
        "loom revert ",
    ] {
        assert!(
            ran.out.contains(said),
            "{said:?} is missing in:\n{}",
            ran.out
        );
    }
    assert!(ran.err.contains("▸ Write the note"), "{}", ran.err);
    assert!(!ran.out.contains('\x1b') && !ran.err.contains('\x1b'));
}

#[test]
fn every_line_of_json_is_a_record_and_the_last_one_the_result() {
    let place = Place::new();
    let ran = run(&place, WRITES_A_FILE, &["--json"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    let lines: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (result, records) = lines.split_last().unwrap();
    assert_eq!(result["result"]["status"], "completed");
    assert_eq!(result["result"]["exit_code"], 0);
    for (at, record) in records.iter().enumerate() {
        assert_eq!(record["seq"], at + 1, "no gap, no duplicate");
        assert!(record["event_type"].is_string());
    }
    assert_eq!(records[0]["event_type"], "task_created");
    assert_eq!(records.last().unwrap()["event_type"], "task_completed");
}

#[test]
fn a_model_that_only_says_done_fails_with_evidence_and_exit_1() {
    let place = Place::new();
    let ran = run(&place, ONLY_SAYS_DONE, &[]);
    assert!(ran.code == 1 || ran.code == 4, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("✗ failed after"), "{}", ran.out);
    assert!(ran.out.contains("not done"), "{}", ran.out);
    assert!(ran.out.contains("loom logs "), "{}", ran.out);
    assert!(!ran.out.contains("✓"), "{}", ran.out);
}

#[test]
fn an_interrupted_task_is_left_unfinished_and_resume_goes_on_with_it() {
    let place = Place::new();
    let slow = Server::paced(WRITES_A_FILE, Duration::from_millis(300));
    let mut child = place
        .command(&[
            "run",
            "write a note that says hello",
            "--json",
            "--server",
            &slow.url,
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let created: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let started =
        |line: &std::io::Result<String>| line.as_ref().unwrap().contains("model_call_started");
    assert!(lines.by_ref().any(|line| started(&line)));
    interrupt(&child);
    let last = lines.map(Result::unwrap).last().unwrap();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["result"]["exit_code"], 3);
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{err}");
    assert!(err.contains("hint: go on with  loom resume "), "{err}");

    let task = created["task_id"].as_str().unwrap();
    let fast = Server::start(WRITES_A_FILE);
    let ran = place.loom(&["resume", task, "--server", &fast.url]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("✓ Write the note"), "{}", ran.out);
    let ran = place.loom(&["replay", task, "--check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn an_unfinished_task_can_be_cancelled_without_any_model() {
    let place = Place::new();
    let slow = Server::paced(WRITES_A_FILE, Duration::from_millis(300));
    let mut child = place
        .command(&[
            "run",
            "write a note that says hello",
            "--json",
            "--server",
            &slow.url,
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let created: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    interrupt(&child);
    lines.for_each(|line| assert!(line.is_ok()));
    child.wait().unwrap();
    drop(slow);
    let task = created["task_id"].as_str().unwrap();
    let ran = place.loom(&["cancel", task]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("is cancelled"), "{ran:?}");
    let again = place.loom(&["cancel", task]);
    assert_eq!(again.code, 2, "{again:?}");
}

#[test]
fn nobody_is_left_behind_by_a_reader_that_goes_away() {
    let place = Place::new();
    let ran = run(&place, WRITES_A_FILE, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut child = place
        .command(&["list", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn no_color_and_a_dumb_terminal_are_honoured() {
    let place = Place::new();
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let output = place
            .command(&["config", "show", "--origin"])
            .env(name, value)
            .output()
            .unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.contains("approval.mode = \"auto\""), "{out}");
        assert!(!out.contains('\x1b'), "{out}");
    }
}
