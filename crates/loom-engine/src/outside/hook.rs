//! The user's own command: run for the end of a task and for a question, with what it is about in its
//! environment and, whole, on its standard input.
//!
//! No shell reads the command, so nothing that a model wrote is ever a part of one. It runs outside of
//! the sandbox: the user named it, and no model can change that.

use super::Watcher;
use super::settings::Hook;
use crate::shared::Shared;
use async_trait::async_trait;
use loom_events::{Event, Record, Seq, TaskId};
use loom_workspace::{Service, ServiceSpec};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

/// Commands at once: one that hangs holds up a few others at most until its time is over.
const AT_ONCE: usize = 4;

/// Characters of a text in a variable: a window of a desktop shows no more.
const MAX_TEXT: usize = 500;

/// How long a command that was told to end has for it.
const GRACE: Duration = Duration::from_millis(200);

/// Runs the command.
pub(super) struct Hooks {
    hook: Arc<Hook>,
    shared: Arc<Shared>,
    jobs: JoinSet<()>,
}

impl Hooks {
    pub(super) fn new(hook: Hook, shared: Arc<Shared>) -> Self {
        Self {
            hook: Arc::new(hook),
            shared,
            jobs: JoinSet::new(),
        }
    }
}

#[async_trait]
impl Watcher for Hooks {
    async fn note(&mut self, record: &Record) {
        let name = record.envelope.event.name();
        if !self.hook.events.iter().any(|event| event == name) {
            return;
        }
        while self.jobs.len() >= AT_ONCE {
            self.jobs.join_next().await;
        }
        let facts = facts(record, &self.shared).await;
        let hook = Arc::clone(&self.hook);
        self.jobs.spawn(async move {
            if let Err(why) = run(&hook, &facts).await {
                tracing::warn!(
                    why,
                    command = hook.command[0],
                    "the command of `notify.command` failed"
                );
            }
        });
    }

    async fn pause(&mut self) {
        while self.jobs.try_join_next().is_some() {}
    }

    async fn finish(&mut self) {
        while self.jobs.join_next().await.is_some() {}
    }
}

/// What a command is told.
struct Facts {
    variables: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

async fn facts(record: &Record, shared: &Shared) -> Facts {
    let envelope = &record.envelope;
    let (goal, workspace) = task(shared, envelope.task_id).await;
    let mut body = serde_json::to_value(record).unwrap_or(Value::Null);
    let link = format!("{}/tasks/{}", shared.base_url(), envelope.task_id);
    if let Some(members) = body.as_object_mut() {
        members.insert("goal".to_owned(), json!(goal));
        members.insert("links".to_owned(), json!({ "task": link }));
    }
    // What leaves Loom has no secrets in it; see decision 0017.
    shared.redactor.value(&mut body);
    let shown = |text: &str| short(&shared.redactor.text(text));
    let variables = vec![
        ("LOOM_EVENT", envelope.event.name().to_owned()),
        ("LOOM_TASK_ID", envelope.task_id.to_string()),
        ("LOOM_GOAL", shown(&goal)),
        ("LOOM_WORKSPACE", workspace.unwrap_or_default()),
        ("LOOM_MESSAGE", shown(&message(&envelope.event))),
        ("LOOM_URL", link),
    ];
    Facts {
        variables,
        // With its end, as the `read` of a shell wants a line.
        body: format!("{body}\n").into_bytes(),
    }
}

/// The goal and the directory of a task; nothing when they cannot be read, which is no reason not to
/// tell that it ended.
async fn task(shared: &Shared, task: TaskId) -> (String, Option<String>) {
    let first = shared.journal.read(task, Seq::ZERO, 1).await;
    let first = first.ok().and_then(|records| records.into_iter().next());
    match first.map(|record| record.envelope.event) {
        Some(Event::TaskCreated(new)) => (new.goal, new.workspace),
        _ => (String::new(), None),
    }
}

/// What happened, in a sentence.
fn message(event: &Event) -> String {
    match event {
        Event::TaskCompleted(summary) => match summary.unclean || !summary.degraded.is_empty() {
            true => "completed, with a fallback: have a look".to_owned(),
            false => "completed".to_owned(),
        },
        Event::TaskFailed { reason, .. } => format!("failed: {reason}"),
        Event::TaskCancelled { reason, .. } => format!("cancelled: {reason}"),
        Event::ApprovalRequested { question, .. } => format!("asks: {}", question.reason),
        other => other.name().replace('_', " "),
    }
}

/// One line of bounded length, without what a terminal would act on.
fn short(text: &str) -> String {
    let text = text
        .split(char::is_whitespace)
        .filter(|word| !word.is_empty());
    let text: Vec<&str> = text.collect();
    let text: String = text.join(" ").chars().filter(|c| !c.is_control()).collect();
    match text.char_indices().nth(MAX_TEXT) {
        None => text,
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

async fn run(hook: &Hook, facts: &Facts) -> Result<(), String> {
    let (service, pipes) = Service::start(&spec(hook, facts)).map_err(|error| error.to_string())?;
    let mut service = service;
    let (mut input, mut output) = (pipes.input, pipes.output);
    let body = facts.body.clone();
    // A command that reads nothing closes its end, which is no failure.
    let told = tokio::spawn(async move {
        input.write_all(&body).await.ok();
        drop(input);
        // Nobody looks at what it writes; a full pipe would make it wait.
        let mut unread = [0; 4096];
        while let Ok(1..) = output.read(&mut unread).await {}
    });
    let ended = service.wait(hook.timeout).await;
    told.abort();
    let words = service.last_words();
    let outcome = match ended.as_deref() {
        Some("exit status 0") => Ok(()),
        Some(how) if words.is_empty() => Err(how.to_owned()),
        Some(how) => Err(format!("{how}: {words}")),
        None => Err(format!(
            "it did not end within {} ms",
            hook.timeout.as_millis()
        )),
    };
    service.stop(GRACE).await;
    outcome
}

fn spec(hook: &Hook, facts: &Facts) -> ServiceSpec {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let of_hook = hook
        .env
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    let of_facts = facts.variables.iter();
    let of_facts = of_facts.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let home = hook.env.get("HOME").map_or("/", String::as_str);
    ServiceSpec {
        program: hook.command[0].clone().into(),
        args: hook.command[1..].iter().map(Into::into).collect(),
        cwd: PathBuf::from(home),
        env: of_hook.chain(of_facts).collect(),
        label: format!("loom-notify:{}:{run}", std::process::id()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_a_variable_is_one_bounded_line_without_control() {
        assert_eq!(short("a\n b\u{1b}[31m\tc\0"), "a b[31m c");
        let long = short(&"ö".repeat(2 * MAX_TEXT));
        assert_eq!(long.chars().count(), MAX_TEXT + 1);
    }
}
