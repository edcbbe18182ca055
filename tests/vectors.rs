//! Memory by meaning: what an embedding model adds to what words find, and that it costs nothing else.

use crate::tasks::ONE_STEP;
use crate::world::HOUSE_KEY;
use futures_util::StreamExt as _;
use loom_engine::{Config, Engine, Feed, OpenError, Setup, TaskStatus};
use loom_events::{NewTask, Seq, TaskId, TaskSettings};
use loom_redact::{Redactor, Secret};
use loom_router::{Deadlines, ModelEntry};
use loom_sim::{Embeddings, Options, Playbook, Reply, Request, Responder, Role, SimServer};
use loom_state::MemoryQuery;
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than a busy machine takes, and shorter than a test hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Name of the entry that makes vectors.
const VECTORS: &str = "vectors";

/// A note that has no word of [`SOUGHT`], and nearly its letters.
const NOTE: &str = "database migration locked";
const SOUGHT: &str = "databases, migrations";

/// An engine whose memory has an embedding model.
struct Place {
    server: SimServer,
    home: tempfile::TempDir,
    engine: Engine,
}

impl Place {
    /// At a server that answers so; chat and vectors come from the same one.
    async fn new(responder: impl Responder + 'static, embeddings: Embeddings) -> Self {
        let options = Options {
            embeddings,
            ..Options::default()
        };
        let server = SimServer::with_responder(responder, options).await.unwrap();
        let url = server.url().to_owned();
        Self::at(server, &url).await
    }

    /// With vectors from elsewhere.
    async fn at(server: SimServer, vectors: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        let engine = open(&home, &server, entry(VECTORS, vectors)).await;
        Self {
            server,
            home,
            engine,
        }
    }

    /// Closes the engine and opens another one with another embedding model.
    async fn reopen(self, entry: ModelEntry) -> Self {
        self.engine.shutdown().await;
        let engine = open(&self.home, &self.server, entry).await;
        Self { engine, ..self }
    }

    /// Runs a task to its end. Only its checks decide.
    async fn run(&self) -> TaskId {
        let settings = TaskSettings {
            learning: false,
            ..TaskSettings::default()
        };
        let work = self.home.path().join("work");
        let mut new = NewTask::new("write files").within(work.to_string_lossy());
        new.settings = settings;
        new.settings.verification.tier = 1;
        new.settings.verification.final_gate = false;
        let id = self.engine.submit(new).await.unwrap();
        self.ended(id).await;
        id
    }

    async fn ended(&self, id: TaskId) {
        let mut feed = self.engine.follow(id, Seq::ZERO);
        let end = async {
            while let Some(item) = feed.next().await {
                let Feed::Record(_) = item.unwrap() else {
                    continue;
                };
            }
        };
        tokio::time::timeout(PATIENCE, end).await.unwrap();
        let view = self.engine.reader().task(id).await.unwrap();
        assert_eq!(view.status, TaskStatus::Completed, "{:?}", view.reason);
    }

    async fn found(&self, text: &str) -> Vec<String> {
        let query = MemoryQuery {
            text: Some(text.to_owned()),
            ..MemoryQuery::default()
        };
        let rows = self.engine.search_memory(query).await.unwrap();
        rows.into_iter().map(|row| row.entry.summary).collect()
    }

    /// Waits until something is found; its vector is made beside everything.
    async fn finds(&self, text: &str, note: &str) {
        let found = async {
            while !self.found(text).await.iter().any(|one| one == note) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap();
    }

    /// Waits until the server was asked for vectors so often.
    async fn asked(&self, times: usize) {
        let asked = async {
            while self.server.embedded().len() < times {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap();
    }

    async fn replays(&self, id: TaskId) {
        let report = self.engine.reader().replay_check(id).await.unwrap();
        assert_eq!(report.differences, Vec::<String>::new());
    }
}

fn entry(name: &str, url: &str) -> ModelEntry {
    let mut entry = ModelEntry::new(name, url);
    entry.context_length = Some(32_768);
    entry.max_concurrency = 4;
    entry.retries = 0;
    entry.deadlines = Deadlines {
        connect: PATIENCE,
        first_token: PATIENCE,
        stall: PATIENCE,
        total: PATIENCE,
    };
    entry
}

/// Opens an engine. A child process of another test that is between its fork and its exec still has the
/// lock of one that is gone, for microseconds.
async fn open(home: &tempfile::TempDir, server: &SimServer, vectors: ModelEntry) -> Engine {
    for _ in 0..100 {
        let mut config = Config::default();
        config.memory.embedding = Some(vectors.name.clone());
        let models = vec![entry("sim", server.url()).into(), vectors.clone().into()];
        let mut setup = Setup::new(home.path().join("data"), models);
        setup.config = config;
        setup.redactor = Arc::new(Redactor::new([Secret::new("HOUSE_KEY", HOUSE_KEY)]));
        match Engine::open(setup).await {
            Err(OpenError::Locked(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            opened => return opened.unwrap(),
        }
    }
    panic!("the lock of an engine that is gone is still held");
}

/// What a step is called; the third one is about what is sought.
fn title(id: &str) -> String {
    match id {
        "three" => SOUGHT.to_owned(),
        _ => format!("Write {id}.txt"),
    }
}

fn description(id: &str) -> String {
    match id {
        "three" => SOUGHT.to_owned(),
        _ => format!("Put the word {id} into {id}.txt."),
    }
}

/// Three steps; the first one notes `notes`, and the second waits until it may go on.
fn three(
    notes: Vec<Value>,
    go_on: Option<Receiver<()>>,
) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let go_on = Mutex::new(go_on);
    move |request: &Request| match request.role {
        Some(Role::Planner | Role::Replanner) => {
            let step = |id: &str, needs: &[&str]| {
                json!({"id": id, "title": title(id), "description": description(id),
                    "criteria": [format!("{id}.txt says {id}.")], "depends_on": needs,
                    "checks": [{"kind": "file_contains", "path": format!("{id}.txt"), "regex": id}]})
            };
            Reply::json(&json!({"subtasks": [
                step("one", &[]), step("two", &["one"]), step("three", &["two"])]}))
        }
        Some(Role::Extractor) => {
            let of_one = request.contains(&description("one"));
            let entries = if of_one { notes.clone() } else { Vec::new() };
            Reply::json(&json!({"summary": "done", "entries": entries}))
        }
        Some(Role::Executor) => {
            let step = |id: &&&str| request.contains(&format!("Your step: {}", title(id)));
            let id = ["one", "two", "three"].iter().find(step).copied();
            let id = id.unwrap_or("nothing");
            if id == "two"
                && let Some(go_on) = go_on.lock().unwrap().take()
            {
                go_on.recv_timeout(PATIENCE).ok();
            }
            match request.turn() {
                0 => Reply::call(
                    "write_file",
                    &json!({"path": format!("{id}.txt"), "content": format!("{id}\n")}),
                ),
                _ => Reply::text("Done."),
            }
        }
        _ => Reply::text("no"),
    }
}

fn note(summary: &str) -> Value {
    json!({"type": "discovery", "summary": summary})
}

/// The first prompt of a step.
fn prompt(place: &Place, step: &str) -> String {
    let title = format!("Your step: {}", title(step));
    let requests = place.server.requests();
    let of_step = requests.iter().find(|record| {
        record.request.role == Some(Role::Executor) && record.request.contains(&title)
    });
    let messages = &of_step.unwrap().request.messages;
    let texts = messages.iter().filter_map(|message| message.text.clone());
    texts.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_no_word_finds_is_found_by_its_meaning_in_prompts_and_searches() {
    let (go_on, wait): (Sender<()>, Receiver<()>) = channel();
    let notes = vec![note(NOTE), note("lunch is served at noon")];
    let place = Place::new(three(notes, Some(wait)), Embeddings::Letters).await;
    let running = place.run();
    let found = async {
        place.finds(SOUGHT, NOTE).await;
        go_on.send(()).unwrap();
    };
    let (id, ()) = tokio::join!(running, found);
    let prompt = prompt(&place, "three");
    assert!(prompt.contains(NOTE), "{prompt}");
    assert!(!prompt.contains("lunch"), "{prompt}");
    place.replays(id).await;

    // Words alone find nothing of it; what they do find comes first.
    let words = MemoryQuery {
        text: Some(SOUGHT.to_owned()),
        ..MemoryQuery::default()
    };
    let rows = place.engine.reader().search_memory(words).await.unwrap();
    assert_eq!(rows, []);
    let both = format!("lunch {SOUGHT}");
    assert_eq!(place.found(&both).await[0], "lunch is served at noon");
    assert!(place.found(&both).await.contains(&NOTE.to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_model_that_makes_no_usable_vectors_costs_nothing_but_them() {
    let vector = |numbers: &str| {
        let item = format!(r#"{{"index": 0, "embedding": {numbers}}}"#);
        Embeddings::Bytes(format!(r#"{{"data": [{item}]}}"#))
    };
    for embeddings in [
        Embeddings::Status(501),
        Embeddings::Status(404),
        Embeddings::Bytes("<html>".to_owned()),
        Embeddings::Bytes(r#"{"data": []}"#.to_owned()),
        vector("[NaN, 1]"),
        vector("[0, 0]"),
        vector("[1e300]"),
        vector("[]"),
    ] {
        let place = Place::new(three(vec![note(NOTE)], None), embeddings.clone()).await;
        let id = place.run().await;
        assert_eq!(place.found("locked").await, [NOTE], "{embeddings:?}");
        place.asked(1).await;
        assert_eq!(place.found(SOUGHT).await, Vec::<String>::new());
        let records = place.engine.reader().records(id).await.unwrap();
        let names = records.iter().map(|record| record.envelope.event.name());
        assert_eq!(names.filter(|name| *name == "degraded").count(), 0);
        // It is left alone after that: neither prompts nor searches go on asking.
        assert!(place.server.embedded().len() <= 4, "{embeddings:?}");
        place.engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_away_or_silent_stops_no_task_and_no_search() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let chat = SimServer::with_responder(three(vec![note(NOTE)], None), Options::default());
    let place = Place::at(chat.await.unwrap(), &nowhere).await;
    place.run().await;
    assert_eq!(place.found("locked").await, [NOTE]);
    assert_eq!(place.found(SOUGHT).await, Vec::<String>::new());
    place.engine.shutdown().await;

    let options = Options {
        embeddings: Embeddings::Silence,
        ..Options::default()
    };
    let playbook = Playbook::always("unused");
    let silent = SimServer::start(playbook, options).await.unwrap();
    let chat = SimServer::with_responder(three(vec![note(NOTE)], None), Options::default());
    let mut place = Place::at(chat.await.unwrap(), silent.url()).await;
    let mut short = entry(VECTORS, silent.url());
    short.deadlines.total = Duration::from_millis(50);
    place = place.reopen(short).await;
    place.run().await;
    assert_eq!(place.found("locked").await, [NOTE]);
    place.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_model_makes_its_own_vectors_of_what_was_noted_before() {
    let place = Place::new(three(vec![note(NOTE)], None), Embeddings::Letters).await;
    place.run().await;
    place.finds(SOUGHT, NOTE).await;
    let noted = |place: &Place| {
        let all = place.server.embedded().into_iter().flatten();
        all.filter(|text| text == NOTE).count()
    };
    assert_eq!(noted(&place), 1);
    // The same model again: nothing is made anew.
    let same = entry(VECTORS, place.server.url());
    let place = place.reopen(same).await;
    place.finds(SOUGHT, NOTE).await;
    assert_eq!(noted(&place), 1);
    let mut other = entry(VECTORS, place.server.url());
    other.model = Some("another".to_owned());
    let place = place.reopen(other).await;
    place.finds(SOUGHT, NOTE).await;
    assert_eq!(noted(&place), 2);
    place.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_note_that_is_too_long_for_the_model_is_embedded_in_part_and_hinders_no_other() {
    let mut long = note("settings of the scheduler");
    long["detail"] = json!("interval ".repeat(60));
    let notes = vec![long, note(NOTE)];
    let place = Place::new(three(notes, None), Embeddings::UpTo(200)).await;
    place.run().await;
    place.finds(SOUGHT, NOTE).await;
    place
        .finds("schedulers, setting", "settings of the scheduler")
        .await;
    place.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_secret_is_not_sent_to_the_model() {
    let playbook = Playbook::from_yaml(ONE_STEP).unwrap();
    let server = SimServer::start(playbook, Options::default())
        .await
        .unwrap();
    let url = server.url().to_owned();
    let place = Place::at(server, &url).await;
    place
        .found(&format!("the key {HOUSE_KEY} of the house"))
        .await;
    let asked: Vec<String> = place.server.embedded().into_iter().flatten().collect();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].contains(HOUSE_KEY), "{asked:?}");
    assert!(asked[0].contains("of the house"), "{asked:?}");
    place.engine.shutdown().await;
}

#[tokio::test]
async fn a_name_that_no_model_has_is_said_at_once() {
    let home = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(home.path().join("data"), Vec::new());
    setup.config.memory.embedding = Some("nobody".to_owned());
    let Err(error) = Engine::open(setup).await else {
        panic!("there is no such model");
    };
    assert!(error.to_string().contains("nobody"), "{error}");
}
