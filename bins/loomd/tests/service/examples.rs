//! The clients in `docs/examples`, as the processes that a reader starts, and what clients written for
//! the first Loom, in Python, rely on.

use crate::support::{ONE_STEP, Service, http, path_env, soon};
use loom_client::wire::MODEL_DELTA;
use loom_engine::{Config, Webhooks};
use loom_events::Event;
use loomd::Scope;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const GOAL: &str = "write hello into out.txt";
const SECRET: &str = "a secret that two know";

/// A client, the program that runs it, and how one knows that the program is new enough.
struct Kind {
    program: &'static str,
    file: &'static str,
    check: &'static [&'static str],
}

const SHELL: Kind = Kind {
    program: "sh",
    file: "loom.sh",
    check: &["-c", "command -v curl && command -v jq"],
};

const PYTHON: Kind = Kind {
    program: "python3",
    file: "loom.py",
    check: &["-c", "import sys; sys.exit(sys.version_info < (3, 9))"],
};

const TYPESCRIPT: Kind = Kind {
    program: "node",
    file: "loom.ts",
    check: &[
        "-e",
        "const [a, b] = process.versions.node.split('.').map(Number); process.exit(a > 22 || (a === 22 && b >= 18) ? 0 : 1)",
    ],
};

impl Kind {
    /// Whether it can run here. A test that is skipped says so where nobody captures it.
    async fn is_here(&self) -> bool {
        let mut command = Command::new(self.program);
        command.args(self.check).stdin(Stdio::null());
        let here = command.output().await;
        let here = here.is_ok_and(|output| output.status.success());
        if !here {
            let said = format!("\nSKIPPED: docs/examples/{} cannot run here\n", self.file);
            std::io::stderr().write_all(said.as_bytes()).unwrap();
        }
        here
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
        let mut command = Command::new(self.program);
        command
            .arg(docs.join(self.file))
            .args(arguments)
            .env_clear()
            .env("PATH", path_env())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, how: &str, service: &Service, token: &str) -> Output {
        let work = service.work();
        std::fs::remove_file(work.join("out.txt")).ok();
        let mut command = self.command(&[how, GOAL, work.to_str().unwrap()]);
        command.env("LOOM_URL", &service.url);
        soon(command.env("LOOM_TOKEN", token).output())
            .await
            .unwrap()
    }

    /// Begins tasks in each way, and is told no in words.
    async fn follows(&self) {
        if !self.is_here().await {
            return;
        }
        let service = Service::new(ONE_STEP).await;
        let agent = service.tokens.scoped(Scope::Agent).to_owned();
        for how in ["poll", "stream"] {
            let ran = self.run(how, &service, &agent).await;
            let (out, err) = words(&ran);
            assert!(ran.status.success(), "{how}: {out}{err}");
            assert!(out.starts_with("task "), "{how}: {out}");
            assert!(out.contains("\ncompleted\n"), "{how}: {out}");
            assert!(out.contains("\n+hello\n"), "{how}: {out}");
            let told = out.contains("task_completed");
            assert_eq!(told, how == "stream", "{how}: {out}");
        }
        let refused = self.run("poll", &service, "no token of anybody").await;
        assert!(!refused.status.success());
        let (out, err) = words(&refused);
        assert!(err.contains("unauthorized"), "{out}{err}");
        service.end().await;
    }

    /// Is told of the end of a task, once for each message, and of nothing by others.
    async fn receives(&self) {
        if !self.is_here().await {
            return;
        }
        let mut receiver = Receiver::start(self).await;
        let url = receiver.url.clone();
        let service = Service::telling(ONE_STEP, |_| telling(&url)).await;
        let forged = http().post(&url).json(&json!({
            "event_type": "task_completed", "task_id": "forged",
        }));
        let refused = soon(forged.send()).await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        for _ in 0..2 {
            let task = service.finished().await;
            assert_eq!(receiver.line().await, format!("task_completed {task}"));
        }
        service.end().await;
    }
}

fn words(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A receiver of webhooks that runs.
struct Receiver {
    url: String,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Receiver {
    async fn start(kind: &Kind) -> Self {
        let mut command = kind.command(&["webhook", "0"]);
        command.env("LOOM_WEBHOOK_SECRET", SECRET);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = soon(lines.next_line()).await.unwrap().unwrap();
        Self {
            url: first.strip_prefix("listening on ").unwrap().to_owned(),
            lines,
            _child: child,
        }
    }

    async fn line(&mut self) -> String {
        soon(self.lines.next_line()).await.unwrap().unwrap()
    }
}

/// Tells a receiver on this machine.
fn telling(url: &str) -> Webhooks {
    let mut config = Config::default();
    config.webhooks.urls = vec![url.to_owned()];
    config.webhooks.allow_private = true;
    config.webhooks.secret_env = Some("SIGNING".into());
    let env = BTreeMap::from([("SIGNING".to_owned(), SECRET.to_owned())]);
    config.webhook_settings(&env).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_in_curl_polls_and_streams() {
    SHELL.follows().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_in_python_polls_and_streams() {
    PYTHON.follows().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_in_typescript_polls_and_streams() {
    TYPESCRIPT.follows().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_in_python_takes_what_is_signed() {
    PYTHON.receives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_in_typescript_takes_what_is_signed() {
    TYPESCRIPT.receives().await;
}

/// The agents of the first Loom send a context of members, know `confidence_threshold`, and poll
/// `status`.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_loom_was_asked_with_is_taken() {
    let service = Service::new(ONE_STEP).await;
    let context = json!({ "constraints": ["keep the tests"], "focus_dirs": ["src"] });
    for mode in ["auto", "confidence_threshold"] {
        std::fs::remove_file(service.work().join("out.txt")).ok();
        let asked = json!({
            "goal": GOAL,
            "workspace": service.work(),
            "context": context,
            "approval_mode": mode,
            "callback_url": "https://agent.example/done",
            // Before anything is known of its models Loom would ask about more results.
            "learning": false,
        });
        let (status, made) = service.post("/tasks", asked).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let id = made["task_id"].as_str().unwrap();
        let task = id.parse().unwrap();
        let records = service.engine.reader().records(task).await.unwrap();
        let Event::TaskCreated(new) = &records[0].envelope.event else {
            panic!("{records:?}");
        };
        let kept: Value = serde_json::from_str(new.context.as_ref().unwrap()).unwrap();
        assert_eq!(kept, context);
        let polled = async {
            loop {
                let (_, shown) = service.get(&format!("/tasks/{id}")).await;
                let status = shown["status"].as_str().unwrap().to_owned();
                if ["completed", "failed", "cancelled"].contains(&status.as_str()) {
                    break status;
                }
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(soon(polled).await, "completed");
    }
    let listed = json!({ "goal": GOAL, "context": ["neither words", "nor members"] });
    let (status, _) = service.post("/tasks", listed).await;
    assert!(status.is_client_error(), "{status}");
    service.end().await;
}

/// The clients of the first Loom read nothing of a stream but its data, and want a name in each.
#[tokio::test(flavor = "multi_thread")]
async fn every_data_of_a_stream_has_its_name() {
    let service = Service::new(ONE_STEP).await;
    let created = service.submit(&service.new_task(GOAL)).await;
    let path = format!("/tasks/{}/stream", created.task_id);
    let response = soon(service.request(Method::GET, &path).send());
    let text = soon(response.await.unwrap().text()).await.unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let names: Vec<String> = data
        .map(|data| {
            let data: Value = serde_json::from_str(data).unwrap();
            data["event_type"]
                .as_str()
                .expect("each has a name")
                .to_owned()
        })
        .collect();
    assert!(names.iter().any(|name| name == MODEL_DELTA), "{names:?}");
    assert_eq!(names.last().unwrap(), "task_completed");
    service.end().await;
}
