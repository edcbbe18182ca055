//! What a command of a model can reach of the service: neither its port nor its token.

use crate::support::{Service, path_env, soon};
use loomd::Limits;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A model that runs a script of the project.
const PROBE: &str = r#"
name: probe
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: probe
        title: Run the probe
        description: Run ./probe.sh.
        criteria: ["found.txt says looked."]
        checks: [{kind: file_contains, path: found.txt, regex: looked}]
- when: {role: executor, not_called: shell_execute}
  reply: {calls: [{name: shell_execute, arguments: {command: ./probe.sh}}]}
- when: {role: executor}
  reply: {text: "found.txt says looked."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: found.txt says looked, verdict: met, quote: looked, why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: looked, why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: looked, why: only added}
- when: {role: extractor}
  reply: {json: {summary: probed, entries: []}}
"#;

/// Writes down what it reaches.
fn script(service: &Service) -> String {
    let token = service.data_dir().join("token");
    let port = service.url.rsplit(':').next().unwrap().to_owned();
    format!(
        "#!/bin/bash\necho looked > found.txt\ncat '{}' > /dev/null 2>&1 && echo token >> found.txt\n\
         (exec 3<> /dev/tcp/127.0.0.1/{port}) 2> /dev/null && echo port >> found.txt\nexit 0\n",
        token.display()
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the same script without a sandbox, for comparison"
)]
fn run_outside(dir: &Path) {
    let ran = std::process::Command::new("./probe.sh")
        .current_dir(dir)
        .status();
    assert!(ran.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_a_task_reaches_neither_the_port_nor_the_token() {
    let helper = Path::new(env!("CARGO_BIN_EXE_loomd"));
    let strongest = loom_workspace::survey_sandboxes(&path_env(), Some(helper)).strongest();
    if !strongest.is_contained() {
        println!("SKIPPED: no sandbox works here");
        return;
    }
    let service = Service::with(PROBE, Limits::default()).await;
    let probe = service.work().join("probe.sh");
    std::fs::write(&probe, script(&service)).unwrap();
    std::fs::set_permissions(&probe, std::fs::Permissions::from_mode(0o755)).unwrap();
    let found = || std::fs::read_to_string(service.work().join("found.txt")).unwrap();
    let work = service.work();
    soon(tokio::task::spawn_blocking(move || run_outside(&work)))
        .await
        .unwrap();
    assert_eq!(
        found(),
        "looked\ntoken\nport\n",
        "the probe finds what can be found"
    );
    std::fs::remove_file(service.work().join("found.txt")).unwrap();

    let request = loom_client::wire::NewTaskRequest {
        attended: Some(false),
        ..service.new_task("run the probe")
    };
    let task = service.submit(&request).await.task_id;
    let view = service.until(task, |view| view.status.is_final()).await;
    assert_eq!(found(), "looked\n", "in {:?}", view.sandbox);
    service.end().await;
}
