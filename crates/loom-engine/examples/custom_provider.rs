//! A model that is asked in some other way than over HTTP: here it is a few lines of code, elsewhere
//! an engine for inference in the same process. `custom_provider DIR`.

#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example says what came of it")
)]

use futures_util::StreamExt as _;
use loom_engine::events::{Answer, Finish, Latency, Message, NewTask, Role, Seq, ToolCall, Usage};
use loom_engine::router::{
    CallError, ChatReply, ChatRequest, DeltaSink, ListedModel, ModelEntry, Provider,
    ProviderFactory, RouterError,
};
use loom_engine::{Engine, Extensions, Setup, TaskView};
use serde_json::json;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// A model that can do one thing.
pub struct Greeter {
    name: String,
}

impl Greeter {
    fn answer(request: &ChatRequest) -> Answer {
        let text = |text: String| Answer {
            text,
            ..Answer::default()
        };
        let is_result = |message: &Message| matches!(message, Message::Tool { .. });
        match request.role {
            Some(Role::Planner | Role::Replanner) => text(
                json!({"subtasks": [{
                    "id": "greet",
                    "title": "Write the greeting",
                    "description": "Write hello into greeting.txt.",
                    "criteria": ["greeting.txt says hello."],
                    "checks": [{"kind": "file_contains", "path": "greeting.txt", "regex": "hello"}],
                }]})
                .to_string(),
            ),
            Some(Role::Executor) if !request.messages.iter().any(is_result) => Answer {
                calls: vec![ToolCall {
                    id: "call-1".to_owned(),
                    name: "write_file".to_owned(),
                    arguments: json!({"path": "greeting.txt", "content": "hello\n"}),
                }],
                ..Answer::default()
            },
            Some(Role::Extractor) => text(json!({"summary": "greeted", "entries": []}).to_string()),
            _ => text("greeting.txt says hello.".to_owned()),
        }
    }
}

#[async_trait::async_trait]
impl Provider for Greeter {
    async fn chat(
        &self,
        request: &ChatRequest,
        _sink: &mut dyn DeltaSink,
    ) -> Result<ChatReply, CallError> {
        let answer = Self::answer(request);
        let finish = match answer.calls.is_empty() {
            true => Finish::Stop,
            false => Finish::ToolCalls,
        };
        Ok(ChatReply {
            answer,
            usage: Usage::default(),
            latency: Latency::default(),
            finish,
            model: self.name.clone(),
            reported: None,
        })
    }

    async fn list(&self) -> Result<Vec<ListedModel>, CallError> {
        Ok(Vec::new())
    }
}

/// Makes the provider of each entry; the entry says which model is meant.
pub struct Greeters;

impl ProviderFactory for Greeters {
    fn provider(&self, entry: &ModelEntry) -> Result<Arc<dyn Provider>, RouterError> {
        Ok(Arc::new(Greeter {
            name: entry.name.clone(),
        }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args()
        .nth(1)
        .ok_or("usage: custom_provider DIR")?;
    let ended = run(Path::new("target/custom-provider-data"), &dir).await?;
    println!("{}: {:?}", ended.status.name(), ended.files);
    Ok(())
}

pub async fn run(data: &Path, dir: &str) -> Result<TaskView, Box<dyn Error>> {
    // No address is asked; it only tells servers apart.
    let model = ModelEntry::new("greeter", "in-process");
    let extensions = Extensions {
        providers: Arc::new(Greeters),
        ..Extensions::default()
    };
    let engine = Engine::open_with(Setup::new(data, vec![model.into()]), extensions).await?;
    let mut goal = NewTask::new("Greet me in greeting.txt").within(dir);
    // This model judges nothing, so the checks alone decide.
    goal.settings.verification.tier = 1;
    let task = engine.submit(goal).await?;
    let mut feed = engine.follow(task, Seq::ZERO);
    while feed.next().await.transpose()?.is_some() {}
    let ended = engine.reader().task(task).await?;
    engine.stop().await;
    Ok(ended)
}
