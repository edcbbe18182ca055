//! Each side is killed in the middle, and it goes on by the id.

use crate::client::{ERAS, Human, Peer, call, start, structured};
use crate::fake::World;
use serde_json::json;

#[tokio::test]
async fn the_service_may_be_started_again_somewhere_else_while_a_call_waits() {
    for era in ERAS {
        let world = World::new();
        let service = world.serve().await;
        let mut program = start(&service, &[]).await;
        let peer = Peer::new(Human::Absent);
        let session = program.speak(era, peer.clone()).await;
        let waits = session.call_tool(call(
            "loom_execute_task",
            json!({"goal": "mend it", "wait": true}),
        ));
        let work = async {
            let task = world.until("task_created").await;
            peer.progress(1).await;
            drop(service);
            let other = world.serve().await;
            program.moved(&other);
            world.complete(task);
            other
        };
        let (result, _other) = tokio::join!(waits, work);
        assert_eq!(
            structured(&result.unwrap())["status"],
            "completed",
            "{era:?}"
        );
    }
}

#[tokio::test]
async fn a_new_server_goes_on_by_the_id_where_the_old_one_was_killed() {
    for era in ERAS {
        let world = World::new();
        let service = world.serve().await;
        let mut program = start(&service, &[]).await;
        let peer = Peer::new(Human::Absent);
        let session = program.speak(era, peer.clone()).await;
        let goal = json!({"goal": "mend it", "wait": true, "on_cancel": "cancel"});
        let waits = session.call_tool(call("loom_execute_task", goal));
        let kill = async {
            let task = world.until("task_created").await;
            peer.progress(1).await;
            program.child.kill().await.unwrap();
            task
        };
        let (lost, task) = tokio::join!(waits, kill);
        assert!(lost.is_err(), "{era:?}: nobody is there to answer");

        let mut program = start(&service, &[]).await;
        let session = program.speak(era, Peer::new(Human::Absent)).await;
        let waits = session.call_tool(call(
            "loom_wait",
            json!({"task": task.to_string(), "seconds": 600}),
        ));
        let work = async { world.complete(task) };
        let (result, ()) = tokio::join!(waits, work);
        assert_eq!(
            structured(&result.unwrap())["status"],
            "completed",
            "{era:?}"
        );
        // A connection that breaks is no cancellation.
        assert!(!world.names(task).contains(&"task_cancelled"));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_server_and_not_the_task() {
    for era in ERAS {
        let world = World::new();
        let service = world.serve().await;
        let mut program = start(&service, &[]).await;
        let peer = Peer::new(Human::Absent);
        let session = program.speak(era, peer.clone()).await;
        let goal = json!({"goal": "mend it", "wait": true, "on_cancel": "cancel"});
        let waits = session.call_tool(call("loom_execute_task", goal));
        let leave = async {
            let task = world.until("task_created").await;
            peer.progress(1).await;
            task
        };
        let task = tokio::select! {
            _ = waits => panic!("the task has not ended"),
            task = leave => task,
        };
        session.cancel().await.unwrap();
        assert!(program.child.wait().await.unwrap().success(), "{era:?}");
        assert_eq!(world.names(task), ["task_created"], "{era:?}");
    }
}
