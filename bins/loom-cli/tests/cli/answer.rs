//! What a human answers in a shell where no attempt is left: another plan, or their own hands.

use crate::run::WRITES_A_FILE;
use crate::support::{Place, Ran, Server, interrupt};
use futures_util::StreamExt as _;
use loom_client::wire::NewTaskRequest;
use loom_client::{Client, Endpoint, Followed};
use loom_events::{QuestionId, Rung, Seq, Subject, TaskId};
use loom_view::{QuestionView, TaskStatus, TaskView};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

/// A model that writes something else, whatever it is told, and is asked once.
const ONCE: &str = "\
[execution]
ladder = [\"planned\"]
[execution.limits]
plan_versions = 1
nudges = 0
";

/// A `loom serve`, which does not outlive its test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A `loom serve` in a place, and the way in.
fn serving(place: &Place, server: &Server) -> (Serving, Client) {
    std::fs::create_dir_all(place.data_dir()).unwrap();
    let models = format!("{ONCE}[models.one]\nbase_url = \"{}\"\n", server.url);
    place.write("data/loom.toml", &models);
    let mut child = place
        .command(&["serve", "--port", "0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = child.stderr.take().unwrap();
    let serving = Serving(child);
    let mut lines = BufReader::new(stderr).lines();
    let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, url) = line.split_once("listening at ")?;
        Some(url.trim().to_owned())
    });
    // Whoever does not read on makes it wait.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    let token = place.loom(&["token"]).out.trim().to_owned();
    let endpoint = Endpoint {
        url: url.expect("it ended"),
        token: Some(token),
    };
    (serving, Client::new(&endpoint).unwrap())
}

/// Follows a task until something holds of it.
async fn until(client: &Client, task: TaskId, holds: impl Fn(&TaskView) -> bool) -> TaskView {
    let mut view = TaskView::new(task);
    let mut stream = client.follow(task, Seq::ZERO);
    while !holds(&view) {
        match stream.next().await.expect("it ended") {
            Ok(Followed::Record(record)) => view.apply(&record.envelope),
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
    view
}

/// The question that waits, once it is a later one.
async fn asked(client: &Client, task: TaskId, after: Option<QuestionId>) -> QuestionView {
    let later = |open: &&QuestionView| after.is_none_or(|after| open.id.0 > after.0);
    let view = until(client, task, |view| {
        view.status.is_final() || view.questions.iter().any(|open| later(&open))
    })
    .await;
    view.questions.iter().find(later).unwrap().clone()
}

fn taken(ran: &Ran) {
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("is answered"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_planned_otherwise_then_taken_over_and_done_by_hand() {
    let place = Place::new();
    let stubborn = WRITES_A_FILE.replace(r#"content: "hello\n""#, r#"content: "wrong\n""#);
    let server = Server::start(&stubborn);
    let (mut service, client) = serving(&place, &server);
    let request = NewTaskRequest {
        goal: "write a note that says hello".to_owned(),
        workspace: Some(place.path("work").display().to_string()),
        attended: Some(true),
        ..NewTaskRequest::default()
    };
    let task = client.submit(&request, None).await.unwrap().task_id;
    let id = task.to_string();
    let exhausted = asked(&client, task, None).await;

    let early = place.loom(&["answer", &id, "--done"]);
    assert_ne!(early.code, 0, "nothing was taken over: {early:?}");
    let broken = place.write("plan.yaml", "subtasks: [{id: write-note}]\n");
    let broken = place.loom(&["answer", &id, "--plan", broken.to_str().unwrap()]);
    assert_eq!(broken.code, 2, "{broken:?}");
    assert!(
        broken.err.contains("plan.yaml cannot be used as a plan"),
        "{broken:?}"
    );

    let view = client.task(&id).await.unwrap().view;
    let mut spec = view.subtasks[0].spec.clone();
    let file = |spec: &loom_events::SubtaskSpec| {
        let plan = serde_yaml::to_string(&serde_json::json!({ "subtasks": [spec] })).unwrap();
        place.write("plan.yaml", &plan).display().to_string()
    };
    let same = place.loom(&["answer", &id, "--plan", &file(&spec)]);
    assert_ne!(same.code, 0, "it leaves the step as it was: {same:?}");
    spec.title = "Write a greeting".to_owned();
    taken(&place.loom(&["answer", &id, "--plan", &file(&spec)]));
    let again = asked(&client, task, Some(exhausted.id)).await;

    taken(&place.loom(&["answer", &id, "--take-over"]));
    let mine = asked(&client, task, Some(again.id)).await;
    assert!(matches!(mine.question.subject, Subject::ByHand { .. }));
    taken(&place.loom(&["answer", &id, "--done"]));
    let still = asked(&client, task, Some(mine.id)).await;
    assert!(still.question.reason.contains("note.txt"), "{still:?}");
    std::fs::write(place.path("work/note.txt"), "hello\n").unwrap();
    taken(&place.loom(&["answer", &id, "--done"]));

    let view = until(&client, task, |view| view.status.is_final()).await;
    assert_eq!(view.status, TaskStatus::Completed, "{:?}", view.reason);
    let step = &view.subtasks[0];
    assert_eq!(step.spec.title, "Write a greeting");
    assert_eq!(
        step.last_attempt().map(|attempt| attempt.rung),
        Some(Rung::ByHand)
    );
    let logs = place.loom(&["logs", &id]);
    assert_eq!(logs.code, 0, "{logs:?}");
    let check = place.loom(&["replay", &id, "--check"]);
    assert_eq!(check.code, 0, "{check:?}");
    interrupt(&service.0);
    assert!(service.0.wait().unwrap().success());
}

/// A model that writes the file after which a step is called.
const WRITES_EACH: &str = r#"
rules:
  - when: {role: planner}
    reply:
      json:
        subtasks:
          - {id: one, title: Write one, description: Write one.txt., criteria: [one.txt says hello.], checks: [{kind: file_contains, path: one.txt, regex: hello}]}
          - {id: two, title: Write two, description: Write two.txt., criteria: [two.txt says hello.], depends_on: [one], checks: [{kind: file_contains, path: two.txt, regex: hello}]}
          - {id: three, title: Write three, description: Write three.txt., criteria: [three.txt says hello.], depends_on: [two], checks: [{kind: file_contains, path: three.txt, regex: hello}]}
  - when: {role: executor, any: {contains: "Your step: Write four"}, not_called: write_file}
    reply: {calls: [{name: write_file, arguments: {path: four.txt, content: "hello\n"}}]}
  - when: {role: executor, any: {contains: "Your step: Write one"}, not_called: write_file}
    reply: {calls: [{name: write_file, arguments: {path: one.txt, content: "hello\n"}}]}
  - when: {role: executor, any: {contains: "Your step: Write two"}, not_called: write_file}
    reply: {calls: [{name: write_file, arguments: {path: two.txt, content: "hello\n"}}]}
  - when: {role: executor, any: {contains: "Your step: Write three"}, not_called: write_file}
    reply: {calls: [{name: write_file, arguments: {path: three.txt, content: "hello\n"}}]}
  - when: {role: executor}
    reply: {text: It is written.}
  - when: {role: verifier}
    reply:
      verdict:
        criteria:
          - {contains: says hello, verdict: met, quote: hello, why: it is there}
          - {contains: Everything that was asked, verdict: met, quote: hello, why: it is there}
          - {contains: Nothing that should have stayed, verdict: met, quote: hello, why: only added}
  - when: {role: extractor}
    reply: {json: {summary: it is written, entries: []}}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_under_review_is_changed_in_a_shell_and_carried_out_as_changed() {
    let place = Place::new();
    let server = Server::start(WRITES_EACH);
    let (mut service, client) = serving(&place, &server);
    let request = NewTaskRequest {
        goal: "write three files".to_owned(),
        workspace: Some(place.path("work").display().to_string()),
        attended: Some(true),
        review_plan: Some(true),
        ..NewTaskRequest::default()
    };
    let task = client.submit(&request, None).await.unwrap().task_id;
    let id = task.to_string();
    let review = asked(&client, task, None).await;
    assert!(matches!(review.question.subject, Subject::Plan { .. }));
    let status = place.loom(&["status", &id]);
    let hint = format!("loom answer {} --plan FILE", task.short());
    assert!(status.out.contains(&hint), "{status:?}");

    // As it is shown it can be given back.
    let shown = place.loom(&["status", &id, "--json"]).out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let [one, two, three] = [0, 1, 2].map(|at| shown["subtasks"][at].clone());
    let answer = |steps: &[&serde_json::Value]| {
        let plan = serde_json::json!({ "subtasks": steps }).to_string();
        let file = place.write("plan.json", &plan).display().to_string();
        place.loom(&["answer", &id, "--plan", &file])
    };
    let changed = |step: &serde_json::Value, field: &str, to: serde_json::Value| {
        let mut step = step.clone();
        step[field] = to;
        step
    };
    let circle = changed(&one, "depends_on", serde_json::json!(["two"]));
    let nowhere = changed(&one, "depends_on", serde_json::json!(["nowhere"]));
    let mistyped = changed(&one, "dependson", serde_json::json!(["two"]));
    let outside = changed(&one, "outputs", serde_json::json!(["../one.txt"]));
    for (steps, why) in [
        (vec![], "no subtask"),
        (vec![&circle, &two], "circle"),
        (vec![&nowhere], "nowhere"),
        (vec![&one, &one], "more than once"),
        (vec![&mistyped, &two], "dependson"),
        (vec![&outside], ".."),
    ] {
        let refused = answer(&steps);
        assert_eq!(refused.code, 2, "{why}: {refused:?}");
        assert!(refused.err.contains(why), "{why}: {refused:?}");
    }
    let file = place.write(
        "plan.json",
        &serde_json::json!({"subtasks": [one]}).to_string(),
    );
    let file = file.display().to_string();
    let other = place.loom(&["answer", &id, "--plan", &file, "--question", "999"]);
    assert_eq!(other.code, 2, "it is not about this: {other:?}");
    let view = client.task(&id).await.unwrap().view;
    assert_eq!(view.questions[0].id, review.id, "it still waits");

    // One is told otherwise, two is dropped, three comes first, four is new.
    let three = changed(&three, "depends_on", serde_json::json!([]));
    let one = changed(&one, "title", "Write one at last".into());
    let one = changed(&one, "depends_on", serde_json::json!(["three"]));
    let four = serde_json::json!({"id": "four", "title": "Write four", "description": "Write four.txt.",
        "criteria": ["four.txt says hello."], "depends_on": ["one"],
        "checks": [{"kind": "file_contains", "path": "four.txt", "regex": "hello"}]});
    let edited = answer(&[&three, &one, &four]);
    assert_eq!(edited.code, 0, "{edited:?}");

    let view = until(&client, task, |view| view.status.is_final()).await;
    assert_eq!(view.status, TaskStatus::Completed, "{:?}", view.reason);
    let there = ["one", "two", "three", "four"]
        .map(|name| place.path(&format!("work/{name}.txt")).exists());
    assert_eq!(there, [true, false, true, true]);
    let order = place.loom(&["logs", &id]).out;
    let at = |title: &str| order.find(&format!("▸ {title}")).unwrap();
    assert!(at("Write three") < at("Write one at last"), "{order}");
    assert!(at("Write one at last") < at("Write four"), "{order}");
    let check = place.loom(&["replay", &id, "--check"]);
    assert_eq!(check.code, 0, "{check:?}");
    interrupt(&service.0);
    assert!(service.0.wait().unwrap().success());
}
