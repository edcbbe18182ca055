//! `loom acp` as an editor sees it: the real program, spoken to by a client of the protocol.

use crate::run::WRITES_A_FILE;
use crate::support::{Place, Server};
use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    CancelNotification, ContentBlock, Diff, EmbeddedResource, EmbeddedResourceResource,
    InitializeRequest, ListSessionsRequest, LoadSessionRequest, NewSessionRequest,
    PermissionOptionKind, PlanEntryStatus, PromptRequest, RequestPermissionOutcome,
    RequestPermissionRequest, RequestPermissionResponse, SelectedPermissionOutcome, SessionId,
    SessionNotification, SessionUpdate, StopReason, TextContent, TextResourceContents,
    ToolCallContent, ToolCallStatus, ToolKind,
};
use agent_client_protocol::{
    Agent, ByteStreams, Client, Error, on_receive_notification, on_receive_request,
};
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

/// So long for each piece of an answer that there is time to come in between.
const SLOW: Duration = Duration::from_millis(100);

/// Longest that anything may take before a test says what it hangs in.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the human does with a request for permission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Human {
    #[default]
    Approves,
    Rejects,
    /// Closes it.
    Cancels,
}

/// What an editor was told, and what its human does.
#[derive(Clone, Default)]
struct Editor {
    human: Human,
    updates: Arc<Mutex<Vec<SessionUpdate>>>,
    asked: Arc<Mutex<Vec<RequestPermissionRequest>>>,
    heard: watch::Sender<usize>,
}

impl Editor {
    fn of(human: Human) -> Self {
        Self {
            human,
            ..Self::default()
        }
    }

    fn updates(&self) -> Vec<SessionUpdate> {
        self.updates.lock().unwrap().clone()
    }

    /// What Loom said, and its model.
    fn said(&self) -> String {
        let text = |update: &SessionUpdate| match update {
            SessionUpdate::AgentMessageChunk(chunk) => match &chunk.content {
                ContentBlock::Text(text) => Some(text.text.clone()),
                _ => None,
            },
            _ => None,
        };
        self.updates().iter().filter_map(text).collect()
    }

    fn diffs(&self) -> Vec<Diff> {
        let updates = self.updates();
        let content = updates.iter().filter_map(|update| match update {
            SessionUpdate::ToolCallUpdate(update) => update.fields.content.clone(),
            _ => None,
        });
        let diff = |content| match content {
            ToolCallContent::Diff(diff) => Some(diff),
            _ => None,
        };
        content.flatten().filter_map(diff).collect()
    }

    /// How a call ended, by what its title begins with.
    fn status(&self, title: &str) -> Option<ToolCallStatus> {
        let updates = self.updates();
        let call = updates.iter().find_map(|update| match update {
            SessionUpdate::ToolCall(call) if call.title.starts_with(title) => Some(call.clone()),
            _ => None,
        })?;
        let mut later = updates.iter().filter_map(|update| match update {
            SessionUpdate::ToolCallUpdate(update) if update.tool_call_id == call.tool_call_id => {
                update.fields.status
            }
            _ => None,
        });
        Some(later.next_back().unwrap_or(call.status))
    }

    /// Waits until something was told.
    async fn until(&self, what: &str, holds: impl Fn(&SessionUpdate) -> bool) {
        let mut heard = self.heard.subscribe();
        let there = heard.wait_for(|_| self.updates.lock().unwrap().iter().any(&holds));
        if tokio::time::timeout(PATIENCE, there).await.is_err() {
            panic!("{what} is waited for in vain: {:#?}", self.updates());
        }
    }

    fn answer(&self, request: &RequestPermissionRequest) -> RequestPermissionOutcome {
        let kind = match self.human {
            Human::Cancels => return RequestPermissionOutcome::Cancelled,
            Human::Approves => PermissionOptionKind::AllowOnce,
            Human::Rejects => PermissionOptionKind::RejectOnce,
        };
        let option = request.options.iter().find(|option| option.kind == kind);
        let option = option.unwrap().option_id.clone();
        RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option))
    }
}

/// Starts `loom acp`.
fn start(place: &Place, more: &[&str]) -> Child {
    // Below the home of its user, where agents may work.
    std::fs::create_dir_all(place.path("home/work")).unwrap();
    let arguments = [&["acp"], more].concat();
    Command::from(place.command(&arguments))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Speaks with it as an editor does, and closes its input at the end.
async fn speak<T>(
    agent: &mut Child,
    editor: &Editor,
    then: impl AsyncFnOnce(&ConnectionTo<Agent>) -> Result<T, Error>,
) -> Result<T, Error> {
    let transport = ByteStreams::new(
        agent.stdin.take().unwrap().compat_write(),
        agent.stdout.take().unwrap().compat(),
    );
    let (told, asks) = (editor.clone(), editor.clone());
    let spoken = Client
        .v1()
        .on_receive_notification(
            async move |told_of: SessionNotification, _: ConnectionTo<Agent>| {
                told.updates.lock().unwrap().push(told_of.update);
                told.heard.send_modify(|n| *n += 1);
                Ok(())
            },
            on_receive_notification!(),
        )
        .on_receive_request(
            async move |request: RequestPermissionRequest, responder, _: ConnectionTo<Agent>| {
                let outcome = asks.answer(&request);
                asks.asked.lock().unwrap().push(request);
                responder.respond(RequestPermissionResponse::new(outcome))
            },
            on_receive_request!(),
        )
        .connect_with(transport, async |to: ConnectionTo<Agent>| {
            let hello = InitializeRequest::new(ProtocolVersion::V1);
            let here = to.send_request(hello).block_task().await?;
            assert_eq!(here.protocol_version, ProtocolVersion::V1);
            assert!(here.agent_capabilities.load_session);
            then(&to).await
        });
    let spoken = tokio::time::timeout(PATIENCE, spoken).await;
    spoken.unwrap_or_else(|_| panic!("it hangs: {:#?}", editor.updates()))
}

async fn begin(to: &ConnectionTo<Agent>, place: &Place) -> Result<SessionId, Error> {
    let new = NewSessionRequest::new(place.path("home/work"));
    Ok(to.send_request(new).block_task().await?.session_id)
}

fn words(session: &SessionId, text: &str) -> PromptRequest {
    let text = ContentBlock::Text(TextContent::new(text));
    PromptRequest::new(session.clone(), vec![text])
}

async fn prompt(
    to: &ConnectionTo<Agent>,
    session: &SessionId,
    text: &str,
) -> Result<StopReason, Error> {
    let ended = to.send_request(words(session, text)).block_task().await?;
    Ok(ended.stop_reason)
}

/// Waits for its end, which the end of its input brings about.
async fn ended(mut agent: Child) {
    let status = tokio::time::timeout(PATIENCE, agent.wait()).await;
    assert!(status.unwrap().unwrap().success());
}

/// The ids of the tasks, newest first.
fn tasks(place: &Place) -> Vec<String> {
    let list = place.loom(&["list", "--json"]);
    assert_eq!(list.code, 0, "{}", list.err);
    let rows = list.out.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        row["task_id"].as_str().unwrap().to_owned()
    });
    rows.collect()
}

/// The events of a task.
fn events(place: &Place, task: &str) -> Vec<Value> {
    let logs = place.loom(&["logs", task, "--json"]);
    assert_eq!(logs.code, 0, "{}", logs.err);
    let lines = logs.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn names(place: &Place, task: &str) -> Vec<String> {
    let name = |event: Value| event["event_type"].as_str().unwrap().to_owned();
    events(place, task).into_iter().map(name).collect()
}

fn is_plan(update: &SessionUpdate) -> bool {
    matches!(update, SessionUpdate::Plan(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_a_task_with_its_plan_its_calls_and_its_end_and_is_told_again() {
    let place = Place::new();
    let server = Server::start(WRITES_A_FILE);
    let editor = Editor::default();
    let mut agent = start(&place, &["--server", &server.url]);
    let session = speak(&mut agent, &editor, async |to| {
        let session = begin(to, &place).await?;
        let file = TextResourceContents::new("hello world", "file:///elsewhere/style.txt");
        let file = EmbeddedResourceResource::TextResourceContents(file);
        let blocks = vec![
            ContentBlock::Text(TextContent::new("write a note that says hello, as in ")),
            ContentBlock::Resource(EmbeddedResource::new(file)),
        ];
        let said = PromptRequest::new(session.clone(), blocks);
        let ended = to.send_request(said).block_task().await?;
        assert_eq!(ended.stop_reason, StopReason::EndTurn, "{}", editor.said());
        Ok(session)
    })
    .await
    .unwrap();
    ended(agent).await;
    let note = std::fs::read_to_string(place.path("home/work/note.txt")).unwrap();
    assert_eq!(note, "hello\n");
    shows_the_note(&place, &editor);

    let task = tasks(&place).remove(0);
    let created = &events(&place, &task)[0]["data"];
    assert_eq!(
        created["goal"],
        "write a note that says hello, as in `/elsewhere/style.txt`"
    );
    assert_eq!(created["context"], "`/elsewhere/style.txt`:\nhello world");

    // Another process tells it again, by the session and by the task.
    for id in [session, SessionId::new(task.clone())] {
        let editor = Editor::default();
        let mut agent = start(&place, &["--server", &server.url]);
        let load = LoadSessionRequest::new(id.clone(), place.path("home/work"));
        speak(&mut agent, &editor, async |to| {
            to.send_request(load).block_task().await?;
            let list = ListSessionsRequest::new().cwd(place.path("home/work"));
            let list = to.send_request(list).block_task().await?;
            assert_eq!(list.sessions[0].session_id.to_string(), task);
            Ok(())
        })
        .await
        .unwrap();
        ended(agent).await;
        let heard = |update: &SessionUpdate| matches!(update, SessionUpdate::UserMessageChunk(_));
        assert!(heard(&editor.updates()[0]), "{:?}", editor.updates()[0]);
        shows_the_note(&place, &editor);
    }
}

fn shows_the_note(place: &Place, editor: &Editor) {
    let updates = editor.updates();
    let plans = updates.iter().filter_map(|update| match update {
        SessionUpdate::Plan(plan) => Some(plan.entries[0].clone()),
        _ => None,
    });
    let plans: Vec<_> = plans.collect();
    let first = plans.first().unwrap();
    assert_eq!(first.content, "Write the note");
    assert_eq!(first.status, PlanEntryStatus::Pending);
    assert_eq!(plans.last().unwrap().status, PlanEntryStatus::Completed);
    let write = updates.iter().find_map(|update| match update {
        SessionUpdate::ToolCall(call) if call.kind == ToolKind::Edit => Some(call.clone()),
        _ => None,
    });
    let write = write.unwrap();
    let file = place.path("home/work/note.txt");
    assert_eq!(write.title, "write note.txt (1 line)");
    assert_eq!(write.locations[0].path, file);
    assert_eq!(
        editor.status("write note.txt"),
        Some(ToolCallStatus::Completed)
    );
    let diffs = editor.diffs();
    assert_eq!(diffs.len(), 1, "{diffs:?}");
    assert_eq!(diffs[0].path, file);
    assert_eq!(diffs[0].old_text, None);
    assert_eq!(diffs[0].new_text, "hello\n");
    assert_eq!(
        editor.status("Check: Write the note"),
        Some(ToolCallStatus::Completed)
    );
    let said = editor.said();
    assert!(
        said.contains("note.txt is written and says hello."),
        "{said}"
    );
    assert!(
        said.contains("**Completed.** Checks verified 1 step."),
        "{said}"
    );
}

/// A model that wants to push before it writes.
fn pushes() -> String {
    WRITES_A_FILE.replace(
        "  - name: write\n",
        r#"  - name: push
    when: {role: executor, not_called: shell_execute}
    reply: {calls: [{name: shell_execute, arguments: {command: "git push"}}]}
  - name: write
"#,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_consent_is_asked_for_and_nothing_but_a_yes_grants_it() {
    for (human, granted, denied) in [
        (Human::Approves, true, false),
        (Human::Rejects, false, true),
        (Human::Cancels, false, false),
    ] {
        let place = Place::new();
        let server = Server::start(&pushes());
        let editor = Editor::of(human);
        let mut agent = start(&place, &["--server", &server.url]);
        speak(&mut agent, &editor, async |to| {
            let session = begin(to, &place).await?;
            let stop = prompt(to, &session, "write a note that says hello").await?;
            assert_eq!(stop, StopReason::EndTurn);
            Ok(())
        })
        .await
        .unwrap();
        ended(agent).await;

        let asked = editor.asked.lock().unwrap().clone();
        let shown = serde_json::to_string(&asked[0]).unwrap();
        assert!(shown.contains("git push"), "{human:?}: {shown}");
        let held = &asked[0].tool_call.tool_call_id;
        let known = editor.updates().iter().any(
            |update| matches!(update, SessionUpdate::ToolCall(call) if &call.tool_call_id == held),
        );
        assert!(known, "{human:?}: the request is of a call that was told");
        let names = names(&place, &tasks(&place)[0]);
        let happened = |name: &str| names.iter().any(|one| one == name);
        assert_eq!(happened("approval_granted"), granted, "{human:?}");
        assert_eq!(happened("approval_denied"), denied, "{human:?}");
        assert_eq!(happened("task_completed"), granted || denied, "{human:?}");
        let said = editor.said();
        match human {
            Human::Approves => {}
            Human::Rejects => assert_eq!(
                editor.status("run git push"),
                Some(ToolCallStatus::Failed),
                "{said}"
            ),
            Human::Cancels => assert!(said.contains("Nothing was approved"), "{said}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_turn_ends_its_task_and_says_so() {
    let place = Place::new();
    let server = Server::paced(WRITES_A_FILE, SLOW);
    let editor = Editor::default();
    let mut agent = start(&place, &["--server", &server.url]);
    speak(&mut agent, &editor, async |to| {
        let session = begin(to, &place).await?;
        let turn = to
            .send_request(words(&session, "write a note"))
            .block_task();
        let cancel = async {
            editor.until("a plan", is_plan).await;
            to.send_notification(CancelNotification::new(session.clone()))
        };
        let (ended, cancelled) = tokio::join!(turn, cancel);
        cancelled?;
        assert_eq!(ended?.stop_reason, StopReason::Cancelled);
        Ok(())
    })
    .await
    .unwrap();
    ended(agent).await;
    let names = names(&place, &tasks(&place)[0]);
    assert_eq!(names.last().unwrap(), "task_cancelled", "{names:?}");
    assert!(
        editor.said().contains("**Cancelled.**"),
        "{}",
        editor.said()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_while_a_task_runs_is_an_instruction_and_after_it_a_new_task() {
    let place = Place::new();
    let server = Server::paced(WRITES_A_FILE, SLOW);
    let editor = Editor::default();
    let mut agent = start(&place, &["--server", &server.url]);
    speak(&mut agent, &editor, async |to| {
        let session = begin(to, &place).await?;
        let first = prompt(to, &session, "write a note that says hello");
        let second = async {
            editor.until("a plan", is_plan).await;
            prompt(to, &session, "say it politely").await
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(
            (first?, second?),
            (StopReason::EndTurn, StopReason::EndTurn)
        );
        std::fs::remove_file(place.path("home/work/note.txt")).unwrap();
        assert_eq!(
            prompt(to, &session, "write it again").await?,
            StopReason::EndTurn
        );
        Ok(())
    })
    .await
    .unwrap();
    ended(agent).await;
    let tasks = tasks(&place);
    assert_eq!(tasks.len(), 2, "{tasks:?}");
    let steered = |event: &Value| event["data"]["text"] == "say it politely";
    assert!(events(&place, &tasks[1]).iter().any(steered));
    assert_eq!(editor.said().matches("**Completed.**").count(), 2);
}

/// A model that asks its user first.
const ASKS: &str = r#"  - name: ask
    when: {role: executor, not_called: ask_user}
    reply: {calls: [{name: ask_user, arguments: {question: "Which word?"}}]}
  - name: write
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_wants_words_is_answered_by_the_next_prompt() {
    let place = Place::new();
    let server = Server::start(&WRITES_A_FILE.replace("  - name: write\n", ASKS));
    let editor = Editor::default();
    let mut agent = start(&place, &["--server", &server.url]);
    speak(&mut agent, &editor, async |to| {
        let session = begin(to, &place).await?;
        let stop = prompt(to, &session, "write a note").await?;
        assert_eq!(stop, StopReason::EndTurn);
        let said = editor.said();
        assert!(said.contains("Which word?"), "{said}");
        assert!(!said.contains("**Completed.**"), "{said}");
        let stop = prompt(to, &session, "hello").await?;
        assert_eq!(stop, StopReason::EndTurn);
        Ok(())
    })
    .await
    .unwrap();
    ended(agent).await;
    let said = editor.said();
    assert!(said.contains("**Completed.**"), "{said}");
    let tasks = tasks(&place);
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    let answered = |event: &Value| {
        event["event_type"] == "question_answered" && event["data"]["answer"]["text"] == "hello"
    };
    assert!(events(&place, &tasks[0]).iter().any(answered));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_with_choices_is_answered_by_one_of_them() {
    let place = Place::new();
    let asks = ASKS.replace("Which word?\"", "Which word?\", choices: [hello, bye]");
    let server = Server::start(&WRITES_A_FILE.replace("  - name: write\n", &asks));
    let editor = Editor::default();
    let mut agent = start(&place, &["--server", &server.url]);
    speak(&mut agent, &editor, async |to| {
        let session = begin(to, &place).await?;
        prompt(to, &session, "write a note").await
    })
    .await
    .unwrap();
    ended(agent).await;
    let asked = editor.asked.lock().unwrap()[0].clone();
    let options: Vec<_> = asked.options.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        options,
        ["hello", "bye", "Something else, in my next message"]
    );
    let said = editor.said();
    assert!(said.contains("**Completed.**"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_or_an_agent_that_is_killed_loses_nothing() {
    for kills_the_agent in [true, false] {
        let place = Place::new();
        let server = Server::paced(WRITES_A_FILE, SLOW);
        let editor = Editor::default();
        let mut agent = start(&place, &["--server", &server.url]);
        let pid = agent.id().unwrap();
        let mut session = None;
        let spoken = speak(&mut agent, &editor, async |to| {
            let begun = begin(to, &place).await?;
            session = Some(begun.clone());
            let turn = prompt(to, &begun, "write a note that says hello");
            let kill = async {
                editor.until("a plan", is_plan).await;
                match kills_the_agent {
                    true => kill(pid),
                    // Its end of the pipes is closed with it.
                    false => return,
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                stop = turn => stop,
                () = kill => Ok(StopReason::Cancelled),
            }
        })
        .await;
        assert_eq!(spoken.is_err(), kills_the_agent, "{spoken:?}");
        let status = tokio::time::timeout(PATIENCE, agent.wait()).await;
        let mut said = String::new();
        let err = agent.stderr.as_mut().unwrap();
        tokio::io::AsyncReadExt::read_to_string(err, &mut said)
            .await
            .unwrap();
        assert_eq!(
            status.unwrap().unwrap().success(),
            !kills_the_agent,
            "{said}"
        );
        let task = tasks(&place).remove(0);
        let before = names(&place, &task);
        assert!(!before.iter().any(|name| name == "task_completed"));

        let session = session.unwrap();
        let server = Server::start(WRITES_A_FILE);
        let editor = Editor::default();
        let mut agent = start(&place, &["--server", &server.url]);
        speak(&mut agent, &editor, async |to| {
            let load = LoadSessionRequest::new(session.clone(), place.path("home/work"));
            to.send_request(load).block_task().await?;
            assert!(
                editor.said().contains("takes it up again"),
                "{}",
                editor.said()
            );
            assert_eq!(prompt(to, &session, "go on").await?, StopReason::EndTurn);
            Ok(())
        })
        .await
        .unwrap();
        ended(agent).await;
        assert!(
            editor.said().contains("**Completed.**"),
            "{}",
            editor.said()
        );
        assert_eq!(tasks(&place), std::slice::from_ref(&task));
        let check = place.loom(&["replay", &task, "--check"]);
        assert_eq!(check.code, 0, "{}", check.out);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a signal is sent the way a shell does it"
)]
fn kill(pid: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_carries_the_protocol_and_nothing_else() {
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    let place = Place::new();
    let server = Server::start(WRITES_A_FILE);
    let mut agent = start(&place, &["--server", &server.url]);
    let mut input = agent.stdin.take().unwrap();
    let mut output = BufReader::new(agent.stdout.take().unwrap());
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":1}}"#;
    input
        .write_all(format!("{hello}\n").as_bytes())
        .await
        .unwrap();
    let mut out = String::new();
    output.read_line(&mut out).await.unwrap();
    let lines = [
        "this is nothing",
        r#"{"jsonrpc":"2.0","id":2,"method":"session/new","params":{"cwd":"here","mcpServers":[]}}"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"session/prompt","params":{"sessionId":"none","prompt":[]}}"#,
    ];
    for line in lines {
        input.write_all(line.as_bytes()).await.unwrap();
        input.write_all(b"\n").await.unwrap();
    }
    drop(input);
    output.read_to_string(&mut out).await.unwrap();
    ended(agent).await;
    let answers: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(answers.iter().all(|one| one["jsonrpc"] == "2.0"), "{out}");
    let answer = |id: u64| answers.iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(answer(1)["result"]["agentInfo"]["name"], "loom");
    assert_eq!(answer(2)["error"]["code"], -32602, "{out}");
    assert_eq!(answer(3)["error"]["code"], -32002, "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_finds_no_way_to_say_of_a_task_that_it_is_right() {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let place = Place::new();
    let server = Server::start(WRITES_A_FILE);
    let editor = Editor::default();
    let mut agent = start(&place, &["--server", &server.url]);
    speak(&mut agent, &editor, async |to| {
        let session = begin(to, &place).await?;
        prompt(to, &session, "write a note that says hello").await
    })
    .await
    .unwrap();
    ended(agent).await;
    let task = tasks(&place).remove(0);

    let mut agent = start(&place, &["--server", &server.url]);
    let mut input = agent.stdin.take().unwrap();
    let mut output = BufReader::new(agent.stdout.take().unwrap()).lines();
    let mut ask = async |line: Value| -> Value {
        input
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
        let answer = output.next_line().await.unwrap().unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": 1}});
    let here = ask(hello).await;
    let offered = here["result"]["agentCapabilities"].to_string();
    assert!(offered.contains("loadSession"), "{here}");
    assert!(
        !offered.contains("rat") && !offered.contains("feedback"),
        "{offered}"
    );
    let methods = [
        "session/rate",
        "session/feedback",
        "loom/rate",
        "_loom/rate",
        "_loom/feedback",
        "_rate",
    ];
    for (id, method) in (1..).zip(methods) {
        let params = json!({"sessionId": task, "task_id": task, "right": true});
        let rate = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let answer = ask(rate).await;
        assert_eq!(answer["id"], id, "{method}: {answer}");
        assert_eq!(answer["error"]["code"], -32601, "{method}: {answer}");
    }
    drop(input);
    ended(agent).await;
    let shown: Value = serde_json::from_str(&place.loom(&["status", &task, "--json"]).out).unwrap();
    assert!(
        shown["ratings"].as_array().is_none_or(Vec::is_empty),
        "{shown}"
    );
}
