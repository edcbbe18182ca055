//! A task from its goal to its verified result: `embed SERVER DIR GOAL`, with the address of a model
//! server such as `http://127.0.0.1:8080/v1`.

#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example says what came of it")
)]

use futures_util::StreamExt as _;
use loom_engine::events::{NewTask, Seq};
use loom_engine::router::ModelEntry;
use loom_engine::{Engine, Setup, TaskView};
use std::error::Error;
use std::path::Path;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [server, dir, goal] = given.as_slice() else {
        return Err("usage: embed SERVER DIR GOAL".into());
    };
    let data = Path::new("target/embed-data");
    let ended = run(data, server, dir, goal).await?;
    println!("{}: {:?}", ended.status.name(), ended.files);
    Ok(())
}

/// Works on a goal in a directory until it is reached, or says honestly why not.
pub async fn run(
    data: &Path,
    server: &str,
    dir: &str,
    goal: &str,
) -> Result<TaskView, Box<dyn Error>> {
    let model = ModelEntry::new("mine", server);
    let engine = Engine::open(Setup::new(data, vec![model.into()])).await?;
    let task = engine.submit(NewTask::new(goal).within(dir)).await?;
    let mut feed = engine.follow(task, Seq::ZERO);
    while feed.next().await.transpose()?.is_some() {}
    let ended = engine.reader().task(task).await?;
    engine.stop().await;
    Ok(ended)
}
