//! One way in: a second front end joins the service of the first, and goes on without it.

use crate::run::WRITES_A_FILE;
use crate::support::{Place, Ran, Server, interrupt};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// So long for each piece of an answer that there is time to come in between.
const SLOW: Duration = Duration::from_millis(300);

/// Longest that anything here may take before the test says what it waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `loom run` that has begun its task, and the task's name.
fn begun(place: &Place, server: Option<&Server>, more: &[&str]) -> (Child, String) {
    let mut arguments = vec!["run", "write a note that says hello"];
    if let Some(server) = server {
        arguments.extend(["--server", &server.url]);
    }
    arguments.extend(more);
    let mut child = place
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    let mut task = None;
    let mut lines = lines.map_while(Result::ok);
    for line in lines.by_ref() {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        said.push(line);
        if let [first, task_id, then, ..] = words.as_slice()
            && first == "task"
            && then == "in"
        {
            task = Some(task_id.clone());
            break;
        }
    }
    // Whoever does not read on makes it wait.
    std::thread::spawn(move || lines.for_each(drop));
    let task = task.unwrap_or_else(|| panic!("no task was begun: {said:?}"));
    (child, task)
}

fn ended(child: Child) -> Ran {
    Ran::new(&child.wait_with_output().unwrap())
}

#[test]
fn a_second_process_looks_steers_and_ends_what_the_first_one_works_on() {
    let place = Place::new();
    let server = Server::paced(WRITES_A_FILE, SLOW);
    let (first, task) = begun(&place, Some(&server), &[]);

    let status = place.loom(&["status", &task, "--json"]);
    assert_eq!(status.code, 0, "{}", status.err);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["running"], true);
    let steered = place.loom(&["steer", &task, "say it politely"]);
    assert_eq!(steered.code, 0, "{}", steered.err);
    let paused = place.loom(&["pause", &task]);
    assert_eq!(paused.code, 0, "{}", paused.err);
    assert!(place.loom(&["list"]).out.contains("paused"));
    let asked = place.loom(&["approve", &task]);
    assert_eq!(asked.code, 2, "{}", asked.err);
    assert!(
        asked.err.contains("nothing waits for an answer"),
        "{}",
        asked.err
    );
    let cancelled = place.loom(&["cancel", &task]);
    assert_eq!(cancelled.code, 0, "{}\n{}", cancelled.out, cancelled.err);

    let first = ended(first);
    assert_eq!(first.code, 3, "{}", first.out);
    let logs = place.loom(&["logs", &task, "--json"]);
    assert!(logs.out.contains("say it politely"), "{}", logs.out);
}

#[test]
fn what_a_killed_process_worked_on_goes_on_in_the_one_that_watched() {
    let place = Place::new();
    let server = Server::paced(WRITES_A_FILE, SLOW);
    std::fs::create_dir(place.data_dir()).unwrap();
    place.write(
        "data/loom.toml",
        &format!("[models.one]\nbase_url = \"{}\"\n", server.url),
    );
    let (mut first, task) = begun(&place, None, &[]);
    let mut watcher = place
        .command(&["resume", &task])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has joined once it says so.
    let mut line = String::new();
    let mut said = BufReader::new(watcher.stderr.take().unwrap());
    while !line.contains("goes on") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended");
    }
    std::thread::spawn(move || said.lines().map_while(Result::ok).for_each(drop));
    first.kill().unwrap();
    first.wait().unwrap();
    let watcher = ended(watcher);
    assert_eq!(watcher.code, 0, "{}\n{}", watcher.out, watcher.err);
    let note = std::fs::read_to_string(place.path("work/note.txt")).unwrap();
    assert_eq!(note, "hello\n");
    let check = place.loom(&["replay", &task, "--check"]);
    assert_eq!(check.code, 0, "{}", check.out);
}

#[test]
fn what_a_task_waits_for_already_is_said_to_who_joins() {
    let place = Place::new();
    let server = Server::paced(WRITES_A_FILE, Duration::ZERO);
    std::fs::create_dir(place.data_dir()).unwrap();
    place.write(
        "data/loom.toml",
        &format!("[models.one]\nbase_url = \"{}\"\n", server.url),
    );
    let (service, said) = speaking(&place, &["serve", "--port", "0"]);
    let url = until(&said, "listening at ");
    let task = waiting(&place, url.split_whitespace().next_back().unwrap());
    let (watcher, said) = speaking(&place, &["resume", &task]);
    until(&said, "? the plan is to be reviewed");
    until(&said, "loom approve");
    let approved = place.loom(&["approve", &task]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    let watcher = ended(watcher);
    assert_eq!(watcher.code, 0, "{}", watcher.out);
    interrupt(&service);
    ended(service);
}

/// A process, and the lines that it says to people.
fn speaking(place: &Place, arguments: &[&str]) -> (Child, Receiver<String>) {
    let mut child = place
        .command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (say, said) = channel();
    // Whoever listens no longer does not stop it.
    std::thread::spawn(move || {
        lines.map_while(Result::ok).for_each(|line| {
            say.send(line).ok();
        });
    });
    (child, said)
}

/// The next line with such words in it.
fn until(said: &Receiver<String>, words: &str) -> String {
    let mut all = Vec::new();
    loop {
        match said.recv_timeout(PATIENCE) {
            Ok(line) if line.contains(words) => return line,
            Ok(line) => all.push(line),
            Err(_) => panic!("{words} is not said: {all:#?}"),
        }
    }
}

/// A task whose plan waits for somebody.
fn waiting(place: &Place, url: &str) -> String {
    let token = std::fs::read_to_string(place.data_dir().join("token")).unwrap();
    let client = loom_client::Client::new(&loom_client::Endpoint {
        url: url.to_owned(),
        token: Some(token.trim().to_owned()),
    });
    let client = client.unwrap();
    let request = loom_client::wire::NewTaskRequest {
        goal: "write a note that says hello".to_owned(),
        workspace: Some(place.path("work").display().to_string()),
        review_plan: Some(true),
        ..loom_client::wire::NewTaskRequest::default()
    };
    let asked = async {
        let task = client.submit(&request, None).await.unwrap().task_id;
        let id = task.to_string();
        while client.task(&id).await.unwrap().view.questions.is_empty() {
            tokio::task::yield_now().await;
        }
        id
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let asked = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
    asked.expect("nothing is asked")
}

#[test]
fn who_joins_a_service_cannot_ask_for_other_models_and_leaves_the_task_running() {
    let place = Place::new();
    let server = Server::paced(WRITES_A_FILE, SLOW);
    let (first, _) = begun(&place, Some(&server), &[]);
    let other = place.loom(&["run", "something else", "--server", &server.url]);
    assert_eq!(other.code, 2, "{}", other.err);
    assert!(
        other.err.contains("--server cannot be used"),
        "{}",
        other.err
    );

    std::fs::create_dir(place.path("other")).unwrap();
    let dir = place.path("other").display().to_string();
    let (second, task) = begun(&place, None, &["-w", &dir]);
    interrupt(&second);
    let second = ended(second);
    assert_eq!(second.code, 3, "{}", second.out);
    let status = place.loom(&["status", &task, "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["running"], true, "{status}");
    assert_eq!(place.loom(&["cancel", &task]).code, 0);
    interrupt(&first);
    ended(first);
}

#[test]
fn where_no_process_works_on_a_task_there_is_nobody_to_ask() {
    let place = Place::new();
    let server = Server::paced(WRITES_A_FILE, SLOW);
    let (first, task) = begun(&place, Some(&server), &[]);
    interrupt(&first);
    ended(first);
    let steered = place.loom(&["steer", &task, "hurry"]);
    assert_eq!(steered.code, 2, "{}", steered.err);
    assert!(
        steered.err.contains("no process works on task"),
        "{}",
        steered.err
    );
    assert!(
        steered.err.contains(&format!("loom resume {task}")),
        "{}",
        steered.err
    );
}

#[test]
fn a_program_that_starts_a_service_reads_where_it_listens() {
    let place = Place::new();
    let server = Server::paced(WRITES_A_FILE, Duration::ZERO);
    let models = format!("[models.one]\nbase_url = \"{}\"\n", server.url);
    let models = place.write("models.toml", &models);
    let mut service = place
        .command(&["serve", "--port", "0", "--json", "--config"])
        .arg(&models)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(service.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    let token = std::fs::read_to_string(said["token_file"].as_str().unwrap()).unwrap();
    let client = loom_client::Client::new(&loom_client::Endpoint {
        url: said["url"].as_str().unwrap().to_owned(),
        token: Some(token.trim().to_owned()),
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(client.unwrap().tools()).unwrap();
    interrupt(&service);
    assert_eq!(ended(service).code, 0);

    let path = place.loom(&["config", "path", "--json"]);
    let path: serde_json::Value = serde_json::from_str(&path.out).unwrap();
    let file = place.data_dir().join("loom.toml");
    assert_eq!(
        (path["path"].as_str(), &path["exists"]),
        (file.to_str(), &serde_json::json!(false))
    );
}

#[test]
fn a_second_service_is_told_who_has_the_directory_before_anything_is_said_of_models() {
    let place = Place::new();
    let server = Server::paced(WRITES_A_FILE, Duration::ZERO);
    let models = format!("[models.one]\nbase_url = \"{}\"\n", server.url);
    let models = place.write("models.toml", &models);
    let models = models.to_str().unwrap();
    let (first, said) = speaking(&place, &["serve", "--port", "0", "--config", models]);
    let url = until(&said, "listening at ");
    let url = url.split_whitespace().next_back().unwrap();
    // It knows no model, and none is to be found here.
    let second = place.loom(&["serve", "--port", "0"]);
    assert_eq!(second.code, 2, "{}", second.err);
    let errors = second.errors();
    let [error] = errors.as_slice() else {
        panic!("one error is said: {}", second.err);
    };
    for part in [&format!("process {}", first.id()), url, "LOOM_HOME"] {
        assert!(error.contains(part), "{part} is not in: {}", second.err);
    }
    assert!(!second.err.contains("model"), "{}", second.err);

    // Nor does the machine start one that could not begin.
    let install = place
        .command(&["service", "install"])
        .env("PATH", place.path("nothing here"))
        .output();
    let install = Ran::new(&install.unwrap());
    assert_eq!(install.code, 2, "{}", install.err);
    assert!(install.err.contains(url), "{}", install.err);
    assert!(!place.path("home/.config").exists());
    interrupt(&first);
    ended(first);
}

#[test]
fn the_token_is_for_its_owner_alone_and_narrower_ones_are_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let token = |whom| place.loom(&["token", "--for", whom]).out;
    let owner = token("owner");
    assert_eq!(token("owner"), owner, "it is kept");
    assert_ne!(token("agent"), owner);
    assert_ne!(token("agent"), token("reader"));
    let file = std::fs::metadata(place.data_dir().join("token")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}
