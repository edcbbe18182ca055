//! What becomes of a task when what runs it panics.

use crate::support::{ONE_STEP, Service};
use loom_engine::{Clock, SystemClock};
use loom_events::{Event, TaskId, Time};
use loom_view::TaskView;
use reqwest::StatusCode;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A clock that panics so many times. While a task waits for a human, whoever runs it is the only one
/// that asks for the time.
#[derive(Default)]
struct Deadly(AtomicU32);

impl Clock for Deadly {
    fn now(&self) -> Time {
        let left = self
            .0
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        assert!(left.is_err(), "a clock that panics");
        SystemClock.now()
    }
}

async fn waiting(clock: &Arc<Deadly>) -> (Service, TaskId) {
    let service = Service::at(ONE_STEP, Arc::<Deadly>::clone(clock)).await;
    let task = service.waiting().await;
    (service, task)
}

/// Says yes, to a runner that dies of it.
async fn agree(service: &Service, task: TaskId) {
    let (status, problem) = service
        .post(&format!("/tasks/{task}/approve"), json!({}))
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
}

async fn starts(service: &Service, task: TaskId) -> usize {
    let records = service.engine.reader().records(task).await.unwrap();
    let started = records
        .iter()
        .filter(|r| matches!(r.envelope.event, Event::RunnerStarted { .. }));
    started.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_dies_begins_again_where_the_task_was() {
    let clock = Arc::new(Deadly::default());
    let (service, task) = waiting(&clock).await;
    let before = starts(&service, task).await;
    clock.0.store(1, Ordering::SeqCst);
    agree(&service, task).await;
    let is_back = |view: &TaskView| !view.questions.is_empty();
    service.until(task, is_back).await;
    // Taken by whoever runs it now: it waits for the same answer.
    let (status, taken) = service
        .post(&format!("/tasks/{task}/approve"), json!({}))
        .await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    let view = service.until(task, |view| view.status.is_final()).await;
    assert_eq!(view.status.name(), "completed", "{:?}", view.reason);
    assert_eq!(starts(&service, task).await, before + 1);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_runner_dies_again_and_again_fails_and_says_of_what() {
    let clock = Arc::new(Deadly::default());
    let (service, task) = waiting(&clock).await;
    clock.0.store(3, Ordering::SeqCst);
    agree(&service, task).await;
    let view = service.until(task, |view| view.status.is_final()).await;
    assert_eq!(view.status.name(), "failed");
    let reason = view.reason.unwrap_or_default();
    assert!(
        reason.contains("died 3 times") && reason.contains("a clock that panics"),
        "{reason}"
    );
    let report = service.engine.reader().replay_check(task).await.unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    service.end().await;
}
