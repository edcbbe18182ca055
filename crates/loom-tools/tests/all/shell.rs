//! `shell_execute` and checks, with harmless commands.

use crate::bench::Bench;
use loom_tools::{CheckCommand, CheckRun, run_check};
use loom_workspace::{RunStatus, Sandbox};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn output_and_exit_status_are_returned() {
    let bench = Bench::new(&[("a.txt", "hello\n")]);
    let output = bench
        .done("shell_execute", json!({"command": "cat a.txt"}))
        .await;
    assert!(output.ok && output.touched, "{output:?}");
    assert!(
        output.text.starts_with("hello\n[exit status 0, "),
        "{}",
        output.text
    );
    assert_eq!(output.degraded, [""; 0]);
}

#[tokio::test]
async fn a_command_that_fails_is_a_normal_result() {
    let bench = Bench::new(&[]);
    let output = bench
        .done("shell_execute", json!({"command": "false"}))
        .await;
    assert!(!output.ok);
    assert!(
        output.text.contains("[no output]\n[exit status 1, "),
        "{}",
        output.text
    );
}

#[tokio::test]
async fn files_that_a_command_changed_are_recorded_and_listed() {
    let bench = Bench::new(&[("a.txt", "a\n"), ("old.txt", "content\n")]);
    let command = "echo b >> a.txt; mv old.txt new.txt; echo c > c.txt";
    let output = bench
        .done("shell_execute", json!({"command": command}))
        .await;
    assert!(output.ok, "{}", output.text);
    assert_eq!(
        bench.recorder.take(),
        ["modify a.txt", "create c.txt", "rename old.txt new.txt"]
    );
    assert!(
        output
            .text
            .contains("[changed: a.txt, c.txt (new), old.txt -> new.txt]"),
        "{}",
        output.text
    );
    assert_eq!(output.files_changed, 3);
}

#[tokio::test]
async fn a_command_is_killed_at_its_timeout() {
    let bench = Bench::new(&[]);
    let args = json!({"command": "echo start; sleep 30", "timeout_s": 1});
    let output = bench.done("shell_execute", args).await;
    assert!(!output.ok);
    assert!(output.text.contains("start\n"), "{}", output.text);
    assert!(output.text.contains("killed after 1 s"), "{}", output.text);
}

#[tokio::test]
async fn long_output_is_shown_by_head_and_tail() {
    let mut bench = Bench::new(&[]);
    bench.output_bytes = 1000;
    let args = json!({"command": "for i in $(seq 1 2000); do echo \"row $i\"; done"});
    let output = bench.done("shell_execute", args).await;
    assert!(output.text.len() <= 1000);
    assert!(output.text.starts_with("row 1\n"), "{}", output.text);
    assert!(
        output.text.contains("row 2000\n[exit status 0"),
        "{}",
        output.text
    );
    assert!(output.full.unwrap().contains("row 1000\n"));
}

#[tokio::test]
async fn a_gated_command_is_held_until_it_is_granted() {
    let bench = Bench::new(&[("Makefile", "all:\n")]);
    let args = json!({"command": "npm install left-pad"});
    let held = bench.held("shell_execute", args).await;
    assert_eq!(held.action, "npm install left-pad");
    assert!(
        !held.reason.is_empty() && !held.rules.is_empty(),
        "{held:?}"
    );
}

#[tokio::test]
async fn a_check_runs_under_the_same_policy() {
    let bench = Bench::new(&[("a.txt", "a\n")]);
    let scratch = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    let check = async |line: &str| {
        let command = CheckCommand {
            line,
            workspace: &bench.workspace,
            scratch: scratch.path(),
            timeout: Duration::from_secs(20),
            shell: &bench.shell,
            label: "loom-tools-check",
        };
        run_check(&command, &cancel).await
    };
    let CheckRun::Finished(finished) = check("grep -q a a.txt").await else {
        panic!("not run");
    };
    assert_eq!(finished.status, RunStatus::Exit(0));
    let CheckRun::NotRun(why) = check("npm install left-pad").await else {
        panic!("run");
    };
    assert!(why.contains("needs an approval"), "{why}");
}

#[tokio::test]
async fn with_the_network_of_its_task_an_installation_is_not_asked_for_and_a_publication_is() {
    let mut bench = Bench::new(&[]);
    let install = json!({"command": "pip install --no-index no-such-package"});
    bench.held("shell_execute", install.clone()).await;
    bench.shell.network = true;
    let output = bench.done("shell_execute", install).await;
    assert!(!output.ok, "{}", output.text);
    let publish = json!({"command": "npm publish"});
    bench.held("shell_execute", publish).await;
}

#[tokio::test]
async fn where_no_sandbox_works_a_command_is_refused_with_the_way_out() {
    let mut bench = Bench::new(&[]);
    bench.shell.sandbox = Sandbox::Missing;
    let output = bench
        .done("shell_execute", json!({"command": "touch ran"}))
        .await;
    assert!(!output.ok && !bench.path("ran").exists());
    assert!(output.text.contains("`loom doctor`"), "{}", output.text);
    assert!(output.text.contains("sandbox.mode"), "{}", output.text);
}
