//! What happens in a task, as it happens, and a question that is answered by the program:
//! `events SERVER DIR GOAL`.

#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example says what came of it")
)]

use futures_util::StreamExt as _;
use loom_engine::events::{Command, Event, NewTask, QuestionId, Response, Scope, Seq, Subject};
use loom_engine::router::ModelEntry;
use loom_engine::{Engine, Feed, Setup, Signal, TaskView};
use std::error::Error;
use std::path::Path;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [server, dir, goal] = given.as_slice() else {
        return Err("usage: events SERVER DIR GOAL".into());
    };
    let goal = NewTask::new(goal).within(dir);
    let data = Path::new("target/events-data");
    let ended = run(data, server, goal, |line| println!("{line}")).await?;
    println!("{}", ended.status.name());
    Ok(())
}

/// Tells every event of a task, and what a model writes in between.
pub async fn run(
    data: &Path,
    server: &str,
    mut goal: NewTask,
    mut tell: impl FnMut(String),
) -> Result<TaskView, Box<dyn Error>> {
    let model = ModelEntry::new("mine", server);
    let engine = Engine::open(Setup::new(data, vec![model.into()])).await?;
    // Somebody answers: this program.
    goal.settings.attended = true;
    let task = engine.submit(goal).await?;
    let mut view = TaskView::new(task);
    let mut feed = engine.follow(task, Seq::ZERO);
    while let Some(next) = feed.next().await {
        match next? {
            Feed::Record(record) => {
                let envelope = &record.envelope;
                view.apply(envelope);
                tell(format!("{} {}", envelope.seq, envelope.event.name()));
                if let Event::ApprovalRequested { question, .. } = &envelope.event {
                    tell(format!("asks: {} {}", question.reason, question.action));
                    let answer = Command::Answer {
                        question: QuestionId(envelope.seq),
                        response: answer(&question.subject),
                        by: "events".to_owned(),
                    };
                    engine.command(task, answer).await?;
                }
            }
            // Not journaled: it may be missed, and means nothing.
            Feed::Live(live) => {
                if let Signal::Text { piece } = &live.signal {
                    tell(format!("the model writes: {piece:?}"));
                }
            }
        }
    }
    engine.stop().await;
    Ok(view)
}

/// A human would be asked here. This program takes a result whose checks passed, and says no to
/// everything that wants leave.
fn answer(subject: &Subject) -> Response {
    match subject {
        Subject::Result { .. } => Response::Grant { scope: Scope::Once },
        _ => Response::Deny {
            reason: "nobody is here to say yes".to_owned(),
        },
    }
}
