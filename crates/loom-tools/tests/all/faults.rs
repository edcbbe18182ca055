//! When a system call fails in the middle of a change, the tool says so and the tree is as it was.
//!
//! The test runs itself again under strace, which makes one call fail: the n-th of its kind in a
//! thread, whatever it is for. Then the tool either worked and everything is as it was to become,
//! or it answers with an error and everything is as it was before.

use crate::bench::Bench;
use crate::undoing::{Tree, tree};
use loom_tools::CallOutcome;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// Says to the second process where to work.
const PLACE: &str = "LOOM_TEST_FAULTS_IN";

/// Says to it what to do: the number of a change.
const CHANGE: &str = "LOOM_TEST_FAULTS_CHANGE";

/// Asks for every call of every kind to fail once, not for the first few.
const ALL: &str = "LOOM_TEST_FAULTS_ALL";

/// What the second process prints before what the tool answered.
const ANSWER: &str = "answered: ";

/// How an answer says that what was done could not be put back.
const HALF_DONE: &str = "a part of it is in place";

/// The changes that are made.
fn changes() -> [(&'static str, Value); 5] {
    [
        (
            "write_file",
            json!({"path": "new/deep/file.txt", "content": "new\n"}),
        ),
        (
            "edit_file",
            json!({"path": "a.txt", "old_text": "two", "new_text": "2"}),
        ),
        ("delete_file", json!({"path": "dir", "recursive": true})),
        ("move_file", json!({"from": "dir", "to": "other/place"})),
        ("delete_file", json!({"path": "a.txt"})),
    ]
}

/// Kinds of calls, and how each fails.
const FAULTS: &[(&str, &[&str])] = &[
    ("write", &["ENOSPC", "EINTR"]),
    ("fsync", &["EIO"]),
    ("fdatasync", &["EIO"]),
    ("fchmod", &["EPERM"]),
    ("fchown", &["EPERM"]),
    ("mkdirat", &["ENOSPC", "EDQUOT"]),
    ("unlinkat", &["EIO", "EROFS"]),
    ("renameat", &["EIO", "ENOSPC"]),
    ("renameat2", &["EIO", "EINTR"]),
    ("openat2", &["EINTR", "EMFILE"]),
];

/// As many calls of one kind as are made to fail by default; the others are much like them.
const FEW: usize = 3;

/// More calls than any thread makes of a kind.
const MANY: usize = 40;

#[test]
fn a_call_that_fails_leaves_everything_as_it_was_and_is_said() {
    if !can_trace() {
        println!("skipped: strace cannot trace processes here");
        return;
    }
    let most = match std::env::var_os(ALL) {
        Some(_) => MANY,
        None => FEW,
    };
    let (mut struck, mut wrong) = (0, Vec::new());
    for change in 0..changes().len() {
        let after = run(change, None).after;
        for (call, errors) in FAULTS {
            for error in *errors {
                for at in 1..=most {
                    let ran = run(change, Some((call, error, at)));
                    if !ran.failed {
                        break;
                    }
                    struck += 1;
                    let expected = match ran.answer.starts_with("ok") {
                        true => &after,
                        false => &ran.before,
                    };
                    let honest = ran.after == *expected || ran.answer.contains(HALF_DONE);
                    if !honest {
                        let answer = &ran.answer;
                        wrong.push(format!("change {change}, {call} {at} {error}: {answer}"));
                    }
                }
            }
        }
    }
    println!("{struck} calls were made to fail");
    assert!(struck > 20, "the faults do not strike: {struck}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What became of one change.
struct Ran {
    before: Tree,
    after: Tree,
    answer: String,
    /// Whether the fault struck.
    failed: bool,
}

fn run(change: usize, fault: Option<(&str, &str, usize)>) -> Ran {
    let place = tempfile::tempdir().unwrap();
    let work = place.path().join("work");
    fs::create_dir_all(work.join("dir/sub")).unwrap();
    fs::create_dir_all(place.path().join("scratch")).unwrap();
    for (name, text) in [
        ("a.txt", "one\ntwo\n"),
        ("dir/b.txt", "b\n"),
        ("dir/sub/c.sh", "c\n"),
    ] {
        fs::write(work.join(name), text).unwrap();
    }
    fs::set_permissions(work.join("dir/sub/c.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("b.txt", work.join("dir/link")).unwrap();
    let before = tree(&work);
    let log = place.path().join("strace.log");
    let output = second(change, fault, place.path(), &log).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer = text.split_once(ANSWER).map(|(_, rest)| rest.to_owned());
    let log = fs::read_to_string(log).unwrap_or_default();
    Ran {
        before,
        after: tree(&work),
        answer: answer.unwrap_or_else(|| format!("no answer: {text}")),
        failed: log.contains("(INJECTED)"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test runs itself, with a system that fails"
)]
fn second(change: usize, fault: Option<(&str, &str, usize)>, place: &Path, log: &Path) -> Command {
    let own = std::env::current_exe().unwrap();
    let mut command = match fault {
        None => Command::new(own),
        Some((call, error, at)) => {
            let mut strace = Command::new("strace");
            strace.args(["-f", "-qq", "--seccomp-bpf", "-e", &format!("trace={call}")]);
            strace.args(["-e", &format!("inject={call}:error={error}:when={at}")]);
            strace.arg("-o").arg(log).arg(own);
            strace
        }
    };
    command
        .args([
            "--exact",
            "faults::the_second_process_makes_one_change",
            "--nocapture",
        ])
        .env(PLACE, place)
        .env(CHANGE, change.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[expect(clippy::disallowed_methods, reason = "asks whether strace works")]
fn can_trace() -> bool {
    let mut probe = Command::new("strace");
    probe.args(["-f", "-qq", "--seccomp-bpf", "-e", "trace=none", "true"]);
    probe.output().is_ok_and(|output| output.status.success())
}

/// Does nothing unless the test above asks for it.
#[test]
fn the_second_process_makes_one_change() {
    let (Some(place), Some(change)) = (std::env::var_os(PLACE), std::env::var_os(CHANGE)) else {
        return;
    };
    let at: usize = change.to_str().unwrap().parse().unwrap();
    let (name, arguments) = changes()[at].clone();
    let bench = Bench::at(Path::new(&place));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let answer = match runtime.block_on(bench.call(name, arguments)) {
        CallOutcome::Done(output) if output.ok => format!("ok {}", output.text),
        CallOutcome::Done(output) => format!("failed {}", output.text),
        other => format!("failed {other:?}"),
    };
    println!("{ANSWER}{answer}");
}
