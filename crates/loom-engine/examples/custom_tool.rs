//! A tool that is code of the program: models look prices up in it. `custom_tool SERVER DIR GOAL`.

#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example says what came of it")
)]

use futures_util::StreamExt as _;
use loom_engine::events::{Class, NewTask, Seq, ToolSpec};
use loom_engine::router::ModelEntry;
use loom_engine::tools::{Call, CallOutcome, ShellSettings, Tool, ToolOutput};
use loom_engine::{Engine, Extensions, Setup, TaskView};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// Prices, as a program may have them in memory or behind a connection.
pub struct Prices {
    spec: ToolSpec,
    known: BTreeMap<String, u32>,
}

impl Prices {
    pub fn new(known: BTreeMap<String, u32>) -> Self {
        let parameters = json!({
            "type": "object",
            "properties": {"article": {"type": "string"}},
            "required": ["article"],
        });
        let about = "Look up what an article costs, in cents.";
        Self {
            // Read-only: a mistake in the form of a call may be put right, and nothing is asked.
            spec: ToolSpec::new("look_up_price", about, parameters).read_only(),
            known,
        }
    }
}

#[async_trait::async_trait]
impl Tool for Prices {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    /// What is done when a crash loses the outcome: it changes nothing, so it is just run again.
    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Pure
    }

    fn summary(&self, arguments: &Value) -> String {
        format!("look up the price of {}", arguments["article"])
    }

    fn needs_workspace(&self) -> bool {
        false
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        let article = call.text("article").unwrap_or_default();
        match self.known.get(article) {
            Some(cents) => {
                let text = format!("{article} costs {cents} cents");
                ToolOutput::looked(text.clone(), text).into()
            }
            // A result, not an error: the model can go on with it.
            None => {
                let known: Vec<&str> = self.known.keys().map(String::as_str).collect();
                let known = known.join(", ");
                ToolOutput::negative(format!("no article `{article}`; there are: {known}")).into()
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [server, dir, goal] = given.as_slice() else {
        return Err("usage: custom_tool SERVER DIR GOAL".into());
    };
    let data = Path::new("target/custom-tool-data");
    let ended = run(data, server, dir, goal).await?;
    println!("{}: {:?}", ended.status.name(), ended.files);
    Ok(())
}

pub async fn run(
    data: &Path,
    server: &str,
    dir: &str,
    goal: &str,
) -> Result<TaskView, Box<dyn Error>> {
    let known = [("tea", 350), ("cake", 480)];
    let known = known.map(|(article, cents)| (article.to_owned(), cents));
    let extensions = Extensions {
        tools: vec![Arc::new(Prices::new(known.into()))],
        ..Extensions::default()
    };
    let model = ModelEntry::new("mine", server);
    let engine = Engine::open_with(Setup::new(data, vec![model.into()]), extensions).await?;
    let task = engine.submit(NewTask::new(goal).within(dir)).await?;
    let mut feed = engine.follow(task, Seq::ZERO);
    while feed.next().await.transpose()?.is_some() {}
    let ended = engine.reader().task(task).await?;
    engine.stop().await;
    Ok(ended)
}
