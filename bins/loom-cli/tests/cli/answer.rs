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
