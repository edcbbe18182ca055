//! Questions: who is asked, and that only a human approves.

use crate::client::{ERAS, Era, Human, Peer, call, structured, text};
use crate::fake::{HUMAN, World, agent};
use crate::lines::{lines, over, stdio};
use futures_util::future::BoxFuture;
use loom_client::{Client, Endpoint};
use loom_events::{Event, Scope};
use loomd::{Clients, Connect, ConnectError};
use serde_json::json;

const GRANTED: &str = "approval_granted";

#[tokio::test]
async fn a_human_is_asked_while_the_call_waits_and_the_task_goes_on() {
    for nth in 0..4 {
        let world = World::new();
        let service = world.serve().await;
        let line = lines(&service, Human::Approves).await.remove(nth);
        let waits = line.call(call(
            "loom_execute_task",
            json!({"goal": "mend it", "wait": true}),
        ));
        let work = async {
            let task = world.until("task_created").await;
            world.ask(task);
            world.until(GRANTED).await;
            world.complete(task);
        };
        let (result, ()) = tokio::join!(waits, work);
        assert_eq!(structured(&result)["status"], "completed", "{}", line.name);
        let asked = line.peer.asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "{}", line.name);
        assert!(asked[0].contains("npm publish"), "{asked:?}");
        assert_eq!(
            world.tasks().len(),
            1,
            "{}: a call that is made again begins nothing",
            line.name
        );
    }
}

#[tokio::test]
async fn whoever_declines_or_just_presses_the_key_has_approved_nothing() {
    for human in [Human::Declines, Human::Confirms] {
        for nth in 0..4 {
            let world = World::new();
            let service = world.serve().await;
            let line = lines(&service, human).await.remove(nth);
            let waits = line.call(call(
                "loom_execute_task",
                json!({"goal": "mend it", "wait": true}),
            ));
            let work = async {
                let task = world.until("task_created").await;
                world.ask(task);
                task
            };
            let (result, task) = tokio::join!(waits, work);
            let shown = structured(&result);
            assert_eq!(shown["status"], "waiting_approval", "{}", line.name);
            assert_eq!(shown["questions"][0]["action"], "npm publish");
            let names = world.names(task);
            assert_eq!(
                names,
                ["task_created", "approval_requested"],
                "{}",
                line.name
            );
        }
    }
}

#[tokio::test]
async fn a_form_is_withdrawn_when_somebody_else_answers() {
    let world = World::new();
    let service = world.serve().await;
    let line = stdio(&service, Era::Handshake, Peer::new(Human::Waits), &[]).await;
    let waits = line.call(call(
        "loom_execute_task",
        json!({"goal": "mend it", "wait": true}),
    ));
    let work = async {
        let task = world.until("task_created").await;
        let question = world.ask(task);
        line.peer.asked().await;
        let by = "tui".to_owned();
        world.add(
            task,
            Event::ApprovalGranted {
                question,
                scope: Scope::Once,
                by,
            },
        );
        world.complete(task);
    };
    let (result, ()) = tokio::join!(waits, work);
    assert_eq!(structured(&result)["status"], "completed");
}

#[tokio::test]
async fn an_agent_without_a_human_cannot_approve_and_is_told_what_to_do() {
    for nth in 0..4 {
        let world = World::new();
        let service = world.serve().await;
        let line = lines(&service, Human::Absent).await.remove(nth);
        let waits = line.call(call(
            "loom_execute_task",
            json!({"goal": "mend it", "wait": true}),
        ));
        let work = async {
            let task = world.until("task_created").await;
            world.ask(task);
            task
        };
        let (result, task) = tokio::join!(waits, work);
        let shown = structured(&result);
        assert_eq!(shown["status"], "waiting_approval", "{}", line.name);
        let id = task.to_string();
        let refused = line.call(call("loom_approve", json!({"task": id}))).await;
        assert_eq!(refused.is_error, Some(true), "{}", line.name);
        assert!(
            text(&refused).contains("loom approve"),
            "{}",
            text(&refused)
        );
        // Nor by another way: words are no consent.
        let words = json!({"task": id, "answer": "approved"});
        let refused = line.call(call("loom_answer", words)).await;
        assert_eq!(refused.is_error, Some(true), "{}", line.name);
        assert_eq!(world.names(task), ["task_created", "approval_requested"]);
        // It may say no.
        let no = json!({"task": id, "action": "reject", "answer": "not today"});
        structured(&line.call(call("loom_answer", no)).await);
        assert_eq!(*world.names(task).last().unwrap(), "approval_denied");
    }
}

#[tokio::test]
async fn loom_approve_asks_the_human_and_says_what_they_decided() {
    for (human, decision, last) in [
        (Human::Approves, "approved", GRANTED),
        (Human::Declines, "open", "approval_requested"),
        (Human::Confirms, "open", "approval_requested"),
    ] {
        for nth in 0..4 {
            let world = World::new();
            let service = world.serve().await;
            let line = lines(&service, human).await.remove(nth);
            let begun = line
                .call(call("loom_execute_task", json!({"goal": "mend it"})))
                .await;
            let id = structured(&begun)["task_id"].as_str().unwrap().to_owned();
            let task = id.parse().unwrap();
            world.ask(task);
            let decided = structured(&line.call(call("loom_approve", json!({"task": id}))).await);
            assert_eq!(decided["decision"], decision, "{}", line.name);
            assert_eq!(*world.names(task).last().unwrap(), last, "{}", line.name);
        }
    }
}

#[tokio::test]
async fn a_server_that_was_told_so_lets_a_program_approve() {
    for era in ERAS {
        let world = World::new();
        let service = world.serve().await;
        let line = stdio(
            &service,
            era,
            Peer::new(Human::Absent),
            &["--allow-approve"],
        )
        .await;
        let begun = line
            .call(call("loom_execute_task", json!({"goal": "mend it"})))
            .await;
        let id = structured(&begun)["task_id"].as_str().unwrap().to_owned();
        let task = id.parse().unwrap();
        world.ask(task);
        let decided = structured(&line.call(call("loom_approve", json!({"task": id}))).await);
        assert_eq!(decided["decision"], "approved");
        assert_eq!(*world.names(task).last().unwrap(), GRANTED);
    }
}

/// One token for the agent, and another one for the human.
struct TwoTokens(String);

impl Connect for TwoTokens {
    fn connect(&self) -> BoxFuture<'_, Result<Clients, ConnectError>> {
        let client = |token: &str| {
            let (url, token) = (self.0.clone(), Some(token.to_owned()));
            Client::new(&Endpoint { url, token }).map_err(ConnectError::Address)
        };
        Box::pin(async move {
            Ok(Clients {
                agent: client(agent())?,
                human: client(HUMAN)?,
            })
        })
    }
}

#[tokio::test]
async fn only_what_a_human_decided_is_asked_with_the_token_of_one() {
    for era in ERAS {
        let world = World::new();
        let service = world.serve().await;
        let connect = TwoTokens(service.endpoint.url.clone());
        let line = over(connect, era, Peer::new(Human::Approves)).await;
        let waits = line.call(call(
            "loom_execute_task",
            json!({"goal": "mend it", "wait": true}),
        ));
        let work = async {
            let task = world.until("task_created").await;
            world.ask(task);
            world.until(GRANTED).await;
            world.complete(task);
        };
        let (result, ()) = tokio::join!(waits, work);
        let shown = structured(&result);
        assert_eq!(shown["status"], "completed", "{era:?}");
        let id = &shown["task_id"];
        structured(&line.call(call("loom_diff", json!({"task": id}))).await);
        structured(&line.call(call("loom_revert", json!({"task": id}))).await);
    }
}
