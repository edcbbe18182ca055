//! What a human can answer where no attempt is left, over HTTP; and a journal of such answers that was
//! kept, which every later Loom must read as it was.

use crate::support::{ONE_STEP, Service};
use loom_client::wire::NewTaskRequest;
use loom_events::{
    Event, GivenAnswer, Operation, Origin, QuestionId, Record, Rung, Seq, Subject, SubtaskId,
    TaskId,
};
use loom_view::{QuestionView, SubtaskStatus, TaskStatus};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A task of the test below, as `loom export` wrote it when these answers were new. It is never made
/// anew: it stands for the journals that are on people's disks.
const KEPT: &[u8] = include_bytes!("../../../../tests/data/journals/answers.jsonl");

/// A service whose model writes something else, whatever it is told, and is asked once.
async fn stuck() -> (Service, TaskId) {
    let playbook = ONE_STEP.replace(r#"content: "hello\n""#, r#"content: "wrong\n""#);
    let service = Service::configured(&playbook, |config| {
        config.task.ladder = vec![Rung::Planned];
        config.task.limits.plan_versions = 1;
        config.task.limits.nudges = 0;
    })
    .await;
    let request = NewTaskRequest {
        attended: Some(true),
        ..service.new_task("write hello into out.txt")
    };
    let task = service.submit(&request).await.task_id;
    (service, task)
}

/// Waits for a question that is not this one.
async fn asked(service: &Service, task: TaskId, other_than: Option<QuestionId>) -> QuestionView {
    let other = |open: &&QuestionView| Some(open.id) != other_than;
    let view = service
        .until(task, |view| view.questions.iter().any(|open| other(&open)))
        .await;
    view.questions.iter().find(other).unwrap().clone()
}

async fn answer(service: &Service, task: TaskId, response: Value) -> (StatusCode, Value) {
    let body = json!({ "response": response });
    service.post(&format!("/tasks/{task}/answer"), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_planned_otherwise_then_taken_over_and_done_by_hand() {
    let (service, task) = stuck().await;
    let exhausted = asked(&service, task, None).await;
    assert!(matches!(
        exhausted.question.subject,
        Subject::Exhausted { .. }
    ));

    // The same plan once more is none; nor is a yes an answer to this.
    let shown = service.engine.reader().task(task).await.unwrap();
    let mut spec = serde_json::to_value(&shown.subtasks[0].spec).unwrap();
    let edited = |spec: &Value| json!({"kind": "edit_plan", "plan": {"subtasks": [spec]}});
    let (status, problem) = answer(&service, task, edited(&spec)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let (status, problem) = service
        .post(&format!("/tasks/{task}/approve"), json!({}))
        .await;
    assert_eq!(
        (status, &problem["error"]),
        (StatusCode::CONFLICT, &json!("rejected"))
    );
    // Only the owner answers.
    let asked_by_agent = service
        .as_scope(
            loomd::Scope::Agent,
            Method::POST,
            &format!("/tasks/{task}/answer"),
        )
        .json(&json!({"response": {"kind": "take_over"}}));
    assert_eq!(
        crate::support::read(asked_by_agent).await.0,
        StatusCode::FORBIDDEN
    );

    spec["title"] = json!("Write the greeting");
    let (status, taken) = answer(&service, task, edited(&spec)).await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    let again = asked(&service, task, Some(exhausted.id)).await;
    assert!(matches!(again.question.subject, Subject::Exhausted { .. }));

    let (status, taken) = answer(&service, task, json!({"kind": "take_over"})).await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    let mine = asked(&service, task, Some(again.id)).await;
    assert!(matches!(mine.question.subject, Subject::ByHand { .. }));
    // Not there yet.
    let (status, taken) = answer(&service, task, json!({"kind": "done"})).await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    let still = asked(&service, task, Some(mine.id)).await;
    assert!(still.question.reason.contains("out.txt"), "{still:?}");

    std::fs::write(service.work().join("out.txt"), "hello\n").unwrap();
    let (status, taken) = answer(&service, task, json!({"kind": "done"})).await;
    assert_eq!(status, StatusCode::OK, "{taken}");
    let view = service.until(task, |view| view.status.is_final()).await;
    assert_eq!(view.status, TaskStatus::Completed, "{:?}", view.reason);
    let events = service.engine.reader().records(task).await.unwrap();
    told(&events);
    let report = service.engine.reader().replay_check(task).await.unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    let (status, problem) = answer(&service, task, json!({"kind": "done"})).await;
    assert_eq!(
        (status, &problem["error"]),
        (StatusCode::CONFLICT, &json!("ended"))
    );
    service.end().await;
}

/// What is in the journal of such a task.
fn told(records: &[Record]) {
    let events = || records.iter().map(|record| &record.envelope.event);
    let answers: Vec<&str> = events()
        .filter_map(|event| match event {
            Event::QuestionAnswered { answer, .. } => Some(match answer {
                GivenAnswer::EditPlan => "edit_plan",
                GivenAnswer::TakeOver => "take_over",
                GivenAnswer::Done => "done",
                _ => "other",
            }),
            _ => None,
        })
        .collect();
    assert_eq!(answers, ["edit_plan", "take_over", "done", "done"]);
    let begun: Vec<Rung> = events()
        .filter_map(|event| match event {
            Event::SubtaskStarted { kind, .. } => Some(*kind),
            _ => None,
        })
        .collect();
    assert_eq!(begun, [Rung::Planned, Rung::Planned, Rung::ByHand]);
    let by_user: Vec<(Operation, &str)> = events()
        .filter_map(|event| match event {
            Event::FileChanged { change, .. } if change.origin == Origin::User => {
                Some((change.operation, change.path.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(by_user, [(Operation::Modify, "out.txt")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_journal_of_such_answers_is_read_as_it_was() {
    let service = Service::new(ONE_STEP).await;
    let imported = service.client().import(KEPT.to_vec()).await.unwrap();
    let task = imported.task_id;
    let reader = service.engine.reader();
    let records = reader.records(task).await.unwrap();
    told(&records);
    let report = reader.replay_check(task).await.unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    let view = reader.task(task).await.unwrap();
    assert_eq!(view.status, TaskStatus::Completed);
    assert_eq!(view.plan_version, 2);
    assert_eq!(view.last_seq, Seq(records.len() as u64));
    let step = view.subtask(&SubtaskId::new("write-out").unwrap()).unwrap();
    assert_eq!(step.status, SubtaskStatus::Completed);
    assert_eq!(step.spec.title, "Write the greeting");
    assert_eq!(step.attempts.len(), 3);
    let verdict = step.last_attempt().unwrap().verdict.as_ref().unwrap();
    let confidence = &verdict.verdict.confidence;
    assert_eq!(confidence.parts[0].why, "done by hand");
    service.end().await;
}
