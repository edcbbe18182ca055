//! What receivers are told: by a real receiver over real HTTP, over failures and restarts.

use crate::tasks::ONE_STEP;
use crate::world::World;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse as _;
use loom_engine::{Config, SubmitError, TaskStatus, Webhooks};
use loom_events::{ApprovalMode, Command, Event, QuestionId, Response, Scope, Seq, TaskId};
use loom_state::{Delivery, DeliveryState};
use ring::hmac;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

const SECRET: &str = "a secret that two know";

/// What a receiver got.
struct Got {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn assert_signed(&self) {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let signed = [self.header("loom-timestamp").as_bytes(), b".", &self.body].concat();
        let tag = hmac::sign(&key, &signed);
        let digits: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(self.header("loom-signature"), format!("sha256={digits}"));
    }
}

/// A receiver on this machine that answers what it is told to.
struct Receiver {
    url: String,
    got: mpsc::UnboundedReceiver<Got>,
    answer: Arc<Mutex<StatusCode>>,
}

#[derive(Clone)]
struct Desk(mpsc::UnboundedSender<Got>, Arc<Mutex<StatusCode>>);

async fn receive(
    State(Desk(tell, answer)): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let path = uri.path().to_owned();
    // The test may have seen enough.
    tell.send(Got {
        path,
        headers,
        body,
    })
    .ok();
    let status = *answer.lock().unwrap();
    match status.is_redirection() {
        true => (status, [("location", "/elsewhere")]).into_response(),
        false => status.into_response(),
    }
}

impl Receiver {
    async fn start(answer: StatusCode) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (tell, got) = mpsc::unbounded_channel();
        let answer = Arc::new(Mutex::new(answer));
        let desk = Desk(tell, Arc::clone(&answer));
        let app = axum::Router::new().fallback(receive).with_state(desk);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, got, answer }
    }

    fn answers(&self, status: StatusCode) {
        *self.answer.lock().unwrap() = status;
    }

    async fn next(&mut self) -> Got {
        let got = tokio::time::timeout(Duration::from_secs(60), self.got.recv()).await;
        got.expect("a message").unwrap()
    }
}

/// Receivers on this machine are allowed, and tries follow each other at once.
fn webhooks() -> Webhooks {
    let mut config = Config::default();
    config.webhooks.allow_private = true;
    config.webhooks.secret_env = Some("SIGNING".to_owned());
    config.webhooks.retry_ms = 2;
    config.webhooks.tries = 20;
    let env = BTreeMap::from([("SIGNING".to_owned(), SECRET.to_owned())]);
    let webhooks = config.webhook_settings(&env).unwrap();
    webhooks.with_base_url("http://127.0.0.1:9000")
}

async fn world() -> World {
    World::telling(ONE_STEP, webhooks()).await
}

/// Waits until the outbox says so.
async fn settled(world: &World, task: TaskId, state: DeliveryState) -> Vec<Delivery> {
    for _ in 0..6_000 {
        let all = world.engine.reader().deliveries(task).await.unwrap();
        if !all.is_empty() && all.iter().all(|delivery| delivery.state == state) {
            return all;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the outbox does not come to {state:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_and_the_end_are_told_once_each_signed_and_without_secrets() {
    let mut receiver = Receiver::start(StatusCode::NO_CONTENT).await;
    // In two pieces, so that nobody takes this file for a leak.
    let token = format!("gh{}", "p_q7RtYx2LmZ9cVbN4wKsJ8hGfD3pQaE6uT1oX");
    let playbook = ONE_STEP.replace("title: Write out.txt", &format!("title: Write {token}"));
    let world = World::telling(&playbook, webhooks()).await;
    let mut new = world.task("write hello into out.txt");
    new.callback_url = Some(receiver.url.clone());
    new.settings.attended = true;
    new.settings.review_plan = true;
    // One question is enough.
    new.settings.approval = ApprovalMode::Threshold;
    new.settings.verification.threshold = 0.0;
    let task = world.engine.submit(new).await.unwrap();

    let asked = receiver.next().await;
    asked.assert_signed();
    let body = asked.json();
    assert_eq!(body["event_type"], "approval_requested");
    assert_eq!(asked.header("loom-event"), "approval_requested");
    assert_eq!(body["task_id"], task.to_string());
    assert_eq!(
        body["links"]["task"],
        format!("http://127.0.0.1:9000/tasks/{task}")
    );
    // Whoever answers has to see the plan as it is, and whoever is told of it does not.
    let records = world.engine.reader().records(task).await.unwrap();
    let action = records
        .iter()
        .find_map(|record| match &record.envelope.event {
            Event::ApprovalRequested { question, .. } => Some(question.action.clone()),
            _ => None,
        });
    assert!(action.unwrap().contains(&token));
    let told = body["data"]["question"]["action"].as_str().unwrap();
    assert!(told.contains("[redacted: github-token]"), "{told}");
    assert!(!body.to_string().contains(&token));
    let question = QuestionId(Seq(body["seq"].as_u64().unwrap()));
    let response = Response::Grant { scope: Scope::Once };
    let by = "test".to_owned();
    let answer = Command::Answer {
        question,
        response,
        by,
    };
    world.engine.command(task, answer).await.unwrap();

    let ended = world.ended(task).await;
    assert_eq!(ended.view.status, TaskStatus::Completed);
    let told = receiver.next().await;
    told.assert_signed();
    let body = told.json();
    assert_eq!(body["event_type"], "task_completed");
    assert_eq!(body["status"], "completed");
    assert!(body["data"]["verified"].is_array(), "{body}");
    // What the receivers of the first Loom read.
    assert_eq!(body["data"]["status"], "completed");
    assert_eq!(body["data"]["goal"], "write hello into out.txt");
    assert_eq!(body["data"]["subtasks_completed"], 1);
    assert_eq!(body["data"]["subtasks_failed"], 0);
    assert_ne!(told.header("loom-delivery"), asked.header("loom-delivery"));
    let outbox = settled(&world, task, DeliveryState::Delivered).await;
    assert_eq!(outbox.len(), 2);
    assert!(
        outbox
            .iter()
            .all(|d| d.tries == 1 && d.outcome.contains("204"))
    );
    // Nothing of it is in the stream, and what is there can be folded again.
    let last = ended.records.last().unwrap();
    assert_eq!(last.envelope.event.name(), "task_completed");
    world.assert_replays(task).await;
    assert!(receiver.got.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_comes_again_under_its_id_also_from_the_next_process() {
    let mut receiver = Receiver::start(StatusCode::INTERNAL_SERVER_ERROR).await;
    let mut world = world().await;
    let mut new = world.task("write hello into out.txt");
    new.callback_url = Some(receiver.url.clone());
    let ended = world.run_task(new).await;

    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        ids.insert(receiver.next().await.header("loom-delivery").to_owned());
    }
    world.abandon_and_reopen_after(0).await;
    let again = receiver.next().await;
    again.assert_signed();
    ids.insert(again.header("loom-delivery").to_owned());
    receiver.answers(StatusCode::OK);
    let outbox = settled(&world, ended.id, DeliveryState::Delivered).await;
    let known: BTreeSet<String> = outbox.iter().map(|delivery| delivery.id.clone()).collect();
    assert_eq!(ids, known);
    assert_eq!(known.len(), 1);
    assert!(outbox[0].tries >= 3, "{outbox:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let mut receiver = Receiver::start(StatusCode::TEMPORARY_REDIRECT).await;
    let world = world().await;
    let mut new = world.task("write hello into out.txt");
    new.callback_url = Some(receiver.url.clone());
    let ended = world.run_task(new).await;
    for _ in 0..2 {
        assert_eq!(receiver.next().await.path, "/hook");
    }
    receiver.answers(StatusCode::GONE);
    let outbox = settled(&world, ended.id, DeliveryState::GivenUp).await;
    assert!(outbox[0].outcome.contains("410"), "{outbox:?}");
    while let Ok(got) = receiver.got.try_recv() {
        assert_eq!(got.path, "/hook");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_on_this_machine_is_refused_unless_that_is_allowed() {
    let mut receiver = Receiver::start(StatusCode::INTERNAL_SERVER_ERROR).await;
    let mut world = world().await;
    let mut new = world.task("write hello into out.txt");
    new.callback_url = Some(receiver.url.clone());
    let ended = world.run_task(new.clone()).await;
    receiver.next().await;

    // What waits when it is forbidden is not sent any more.
    world.tell(Webhooks::default());
    world.abandon_and_reopen_after(0).await;
    let outbox = settled(&world, ended.id, DeliveryState::GivenUp).await;
    assert!(outbox[0].outcome.contains("allow_private"), "{outbox:?}");

    let refused = world.engine.submit(new).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Callback(_)), "{refused:?}");
    assert!(
        refused.to_string().contains("webhooks.allow_private"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_holds_up_nothing() {
    // It takes connections, since the machine does, and nobody ever looks at them.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut receiver = Receiver::start(StatusCode::NO_CONTENT).await;
    let world = world().await;
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let mut new = world.task("write hello into out.txt");
        new.callback_url = Some(url.clone());
        tasks.push(world.run_task(new).await);
    }
    // The later ones find the work done, which is another end.
    assert_eq!(tasks[0].view.status, TaskStatus::Completed);
    // Another receiver hears of its task although the first one is still waited for.
    let mut new = world.task("write hello into out.txt");
    new.callback_url = Some(receiver.url.clone());
    let heard = world.run_task(new).await;
    let told = receiver.next().await.json();
    assert_eq!(told["task_id"], heard.id.to_string());
    let stuck = world.engine.reader().deliveries(tasks[0].id).await.unwrap();
    assert_ne!(stuck[0].state, DeliveryState::Delivered);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_says_first_what_it_has_to_say() {
    let mut receiver = Receiver::start(StatusCode::NO_CONTENT).await;
    let world = world().await;
    let mut new = world.task("write hello into out.txt");
    new.callback_url = Some(receiver.url.clone());
    world.run_task(new).await;
    world.engine.shutdown().await;
    let told = receiver.got.try_recv().expect("it was told");
    assert_eq!(told.json()["event_type"], "task_completed");
}
