//! The demo without Loom: a harness of a few lines plays the playbook on the project for real.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

use loom_sim::{Demo, Options, SimServer};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Answers that a subtask of the demo may take: twice what it does take.
const MAX_TURNS: usize = 16;

fn unpack() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in Demo::files() {
        let path = dir.path().join(file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, file.contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode)).unwrap();
    }
    dir
}

#[expect(clippy::disallowed_methods, reason = "the test is the harness here")]
fn shell(dir: &Path, line: &str) -> (bool, String) {
    let mut command = std::process::Command::new("sh");
    let output = command
        .args(["-c", line])
        .current_dir(dir)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Runs the tools that the playbook uses. `Err` is what the model is told.
fn run_tool(dir: &Path, name: &str, arguments: &Value) -> Result<String, String> {
    let path = || dir.join(arguments["path"].as_str().unwrap());
    let text = |key: &str| arguments[key].as_str().unwrap().to_owned();
    match name {
        "read_file" => fs::read_to_string(path()).map_err(|e| e.to_string()),
        "write_file" => {
            fs::write(path(), text("content")).unwrap();
            Ok("written".to_owned())
        }
        "edit_file" => {
            let before = fs::read_to_string(path()).unwrap();
            if before.matches(&text("old_text")).count() != 1 {
                return Err("old_text is not there exactly once".to_owned());
            }
            fs::write(path(), before.replace(&text("old_text"), &text("new_text"))).unwrap();
            Ok("edited".to_owned())
        }
        "shell_execute" => Ok(shell(dir, &text("command")).1),
        unknown => Err(format!("there is no tool {unknown}")),
    }
}

/// A client that talks to loopback. Which TLS there is depends on what else is built.
fn client() -> reqwest::Client {
    static TLS: std::sync::Once = std::sync::Once::new();
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::new()
}

struct Harness {
    server: SimServer,
    client: reqwest::Client,
}

impl Harness {
    async fn start() -> Self {
        let server = SimServer::start(Demo::playbook(), Options::default())
            .await
            .unwrap();
        Self {
            server,
            client: client(),
        }
    }

    async fn ask(&self, messages: &[Value], extra: &Value) -> Value {
        let mut body = json!({"model": "sim-small", "messages": messages});
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        let url = format!("{}/chat/completions", self.server.base_url());
        let response = self
            .client
            .post(url)
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        answer["choices"][0]["message"].clone()
    }

    async fn ask_json(&self, schema: &str, prompt: &str) -> Value {
        let format = json!({"response_format": {"type": "json_schema", "json_schema": {
            "name": schema, "schema": {"type": "object"}}}});
        let answer = self.ask(&opening(prompt), &format).await;
        serde_json::from_str(answer["content"].as_str().unwrap()).unwrap()
    }

    /// Works on a subtask until its checks pass. Gives what went wrong on the way.
    async fn work(&self, dir: &Path, subtask: &Value, prompt: &str) -> Vec<&'static str> {
        let mut mishaps = Vec::new();
        let mut messages = opening(prompt);
        for _ in 0..MAX_TURNS {
            let tool = json!({"type": "function", "function": {"name": "any", "description": "any", "parameters": {"type": "object"}}});
            let answer = self.ask(&messages, &json!({ "tools": [tool] })).await;
            let Some(call) = answer["tool_calls"].get(0) else {
                messages.push(answer.clone());
                let red = red_checks(dir, subtask);
                if red.is_empty() {
                    return mishaps;
                }
                mishaps.push("false claim");
                messages.push(json!({"role": "user", "content": format!("not done: {red:?}")}));
                continue;
            };
            let (name, raw) = (
                call["function"]["name"].as_str().unwrap(),
                call["function"]["arguments"].as_str().unwrap(),
            );
            let Ok(arguments) = serde_json::from_str::<Value>(raw) else {
                mishaps.push("broken JSON");
                messages.push(json!({"role": "assistant", "content": answer["content"]}));
                messages.push(json!({"role": "user", "content": "the arguments are not JSON"}));
                continue;
            };
            messages.push(answer.clone());
            let result = run_tool(dir, name, &arguments).unwrap_or_else(|error| {
                mishaps.push("refused call");
                error
            });
            messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": result}));
        }
        panic!("{} does not come to an end: {messages:#?}", subtask["id"]);
    }
}

fn opening(prompt: &str) -> Vec<Value> {
    vec![
        json!({"role": "system", "content": "Rules."}),
        json!({"role": "user", "content": prompt}),
    ]
}

fn red_checks(dir: &Path, subtask: &Value) -> Vec<String> {
    let checks = subtask["checks"].as_array().unwrap().iter();
    let red = checks.filter(|check| match check["kind"].as_str().unwrap() {
        "command" => !shell(dir, check["command"].as_str().unwrap()).0,
        "file_contains" => {
            let pattern = check["regex"].as_str().unwrap().replace("\\w", "[a-z]");
            let path = check["path"].as_str().unwrap();
            !shell(dir, &format!("grep -E '{pattern}' {path}")).0
        }
        other => panic!("the demo has no check of kind {other}"),
    });
    red.map(Value::to_string).collect()
}

#[test]
fn the_demo_project_fails_its_tests_at_first() {
    let dir = unpack();
    let (passed, output) = shell(dir.path(), "./test.sh");
    assert!(!passed && output.contains("5 tests, 5 failed"), "{output}");
    let (passed, output) = shell(dir.path(), "./test.sh no-such-test");
    assert!(!passed, "a filter without a match must not pass: {output}");
}

#[tokio::test]
async fn the_playbook_makes_its_mistakes_and_then_the_tests_pass() {
    let (harness, dir) = (Harness::start().await, unpack());
    let plan = harness.ask_json("plan", Demo::goal()).await;
    let mut state = String::from("State:");
    let mut mishaps = Vec::new();
    for subtask in plan["subtasks"].as_array().unwrap() {
        assert!(
            !red_checks(dir.path(), subtask).is_empty(),
            "a check must be red before the work"
        );
        // The way a prompt is laid out: every title first, then what is to be done now.
        let prompt = format!(
            "{state}\nNow:\n  {}\nRules: stay inside.",
            subtask["description"].as_str().unwrap()
        );
        state.push_str(&format!("\n- {}", subtask["title"].as_str().unwrap()));
        mishaps.push(harness.work(dir.path(), subtask, &prompt).await);
    }
    assert_eq!(
        mishaps,
        [
            vec!["false claim"],
            vec!["refused call", "broken JSON"],
            vec!["false claim"]
        ]
    );
    let (passed, output) = shell(dir.path(), "./test.sh");
    assert!(passed, "{output}");
    assert_eq!(harness.server.violations(), []);
    assert!(
        harness
            .server
            .requests()
            .iter()
            .all(|record| record.rule.is_some())
    );
}

#[tokio::test]
async fn a_new_attempt_after_feedback_does_not_repeat_the_mistake() {
    let (harness, dir) = (Harness::start().await, unpack());
    assert_eq!(retry_all(&harness, dir.path()).await, Vec::<&str>::new());
}

/// Every subtask with a prompt that carries feedback. Gives what still went wrong.
async fn retry_all(harness: &Harness, dir: &Path) -> Vec<&'static str> {
    let plan = harness.ask_json("plan", Demo::goal()).await;
    let mut mishaps = Vec::new();
    for subtask in plan["subtasks"].as_array().unwrap() {
        let step = subtask["description"].as_str().unwrap();
        let prompt = format!("An earlier attempt was not accepted: red.\n{step}");
        mishaps.extend(harness.work(dir, subtask, &prompt).await);
    }
    mishaps
}

#[tokio::test]
async fn the_verifier_quotes_what_is_in_the_material_and_nothing_else() {
    let (harness, dir) = (Harness::start().await, unpack());
    retry_all(&harness, dir.path()).await;
    let (_, done) = shell(dir.path(), "cat expenses.sh USAGE.md");
    let plan = harness.ask_json("plan", Demo::goal()).await;
    let subtasks = plan["subtasks"].as_array().unwrap().iter();
    let criteria = subtasks.flat_map(|subtask| subtask["criteria"].as_array().unwrap());
    let listed: Vec<_> = (1..)
        .zip(criteria)
        .map(|(number, text)| format!("- c{number}: {}", text.as_str().unwrap()))
        .collect();
    for (material, wanted) in [(done.as_str(), "met"), ("", "cannot_tell")] {
        let prompt = format!(
            "== D1: the files\n{material}\nJudge:\n{}",
            listed.join("\n")
        );
        let verdict = harness.ask_json("verdict", &prompt).await;
        let answers = verdict["criteria"].as_array().unwrap();
        assert_eq!(answers.len(), listed.len());
        let all = answers.iter().all(|answer| answer["verdict"] == wanted);
        assert!(all, "{verdict:#}");
    }
}
