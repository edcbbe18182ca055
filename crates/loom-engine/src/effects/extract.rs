//! Writing down what is worth keeping of a completed subtask: by the utility model where it answers
//! in form, by code otherwise. Never fails a subtask.

use super::Cx;
use crate::broken::Broken;
use crate::ledger::Ledger;
use loom_events::{
    AttemptId, FileChange, MemoryEntry, MemoryKind, Note, Operation, Outcome, Role, SubtaskId,
    SubtaskSpec, TaskId, Tier, Usage,
};
use loom_prompts::{ExtractorInput, clip_chars, memory_schema, parse_memory};
use loom_router::{ChatRequest, JsonSchema};

/// Longest summary, as everywhere where subtasks are listed.
const SUMMARY_CHARS: usize = 100;

/// Entries kept of one subtask: more is noise in every later prompt.
const ENTRIES: usize = 8;

/// Errors among them, where code writes them down.
const ERRORS: usize = 3;

/// Longest list of files in one entry.
const DETAIL_CHARS: usize = 2_000;

/// Tokens an extraction may write: a bounded list of short facts.
const MAX_TOKENS: u32 = 1_000;

/// What an extraction needs to know: recorded facts, never the conversation.
pub(super) struct Task {
    task: TaskId,
    goal: String,
    subtask: SubtaskId,
    spec: Option<SubtaskSpec>,
    steps: Vec<String>,
    changes: Vec<FileChange>,
    checks: Vec<String>,
    errors: Vec<String>,
}

impl Task {
    pub(super) fn new(ledger: &Ledger, subtask: &SubtaskId, attempt: AttemptId) -> Self {
        let shown = ledger.view.subtask(subtask);
        let attempts = shown.map(|s| s.attempts.as_slice()).unwrap_or_default();
        let verdict = attempts.last().and_then(|a| a.verdict.as_ref());
        let checks = verdict.map(|v| v.verdict.checks.as_slice());
        let check_line = |c: &loom_events::CheckResult| {
            let mark = if c.passed { "passed" } else { "failed" };
            format!("{mark}: {}", c.check)
        };
        let log = ledger.attempts.get(&attempt);
        Self {
            task: ledger.view.id,
            goal: ledger.view.goal.clone(),
            subtask: subtask.clone(),
            spec: shown.map(|s| s.spec.clone()),
            steps: log.map(|log| log.steps.clone()).unwrap_or_default(),
            changes: ledger.changes_of(subtask),
            checks: checks.unwrap_or_default().iter().map(check_line).collect(),
            errors: attempts
                .iter()
                .filter(|a| !a.feedback.trim().is_empty())
                .map(|a| a.feedback.clone())
                .collect(),
        }
    }
}

pub(super) async fn run(task: Task, cx: Cx) -> Result<Outcome, Broken> {
    let asked = ask(&task, &cx).await;
    let (summary, entries, fallback, usage) = match asked {
        Ok((summary, entries, usage)) => (summary, entries, false, usage),
        Err(why) => {
            tracing::debug!(%why, subtask = %task.subtask, "extraction fell back to code");
            let (summary, entries) = by_code(&task);
            (summary, entries, true, Usage::default())
        }
    };
    for mut entry in entries.into_iter().take(ENTRIES) {
        entry.subtask = Some(task.subtask.clone());
        entry.summary = clip_chars(&entry.summary, SUMMARY_CHARS);
        cx.signals.must_note(Note::Memory(entry)).await?;
    }
    cx.shared.vectors.wake();
    Ok(Outcome::Extracted {
        summary: clip_chars(&summary, SUMMARY_CHARS),
        fallback,
        usage,
    })
}

/// Asks the utility model. Whatever goes wrong has the same consequence, so it is one text.
async fn ask(task: &Task, cx: &Cx) -> Result<(String, Vec<MemoryEntry>, Usage), String> {
    let spec = task.spec.clone().ok_or("the subtask is not in the plan")?;
    let mut input = ExtractorInput::new(task.goal.clone(), spec);
    input.steps.clone_from(&task.steps);
    input.changes = task.changes.iter().map(change_line).collect();
    input.checks.clone_from(&task.checks);
    input.budget = cx.shared.question_budget(Role::Extractor, Tier::Small);
    let rendered = cx
        .shared
        .prompts
        .extractor(&input)
        .map_err(|error| error.to_string())?;
    let messages = cx.asking(Role::Extractor, rendered, None).await;
    let request = ChatRequest {
        messages: messages.map_err(|broken| broken.to_string())?,
        max_tokens: Some(MAX_TOKENS),
        role: Some(Role::Extractor),
        task: Some(task.task),
        ..ChatRequest::default()
    };
    let schema = JsonSchema {
        name: "memory".to_owned(),
        schema: memory_schema(),
    };
    let reply = cx
        .shared
        .router
        .json_for(
            Role::Extractor,
            Tier::Small,
            &schema,
            &request,
            &cx.signals.cancel,
        )
        .await
        .map_err(|error| error.to_string())?;
    let (summary, entries) = parse_memory(&reply.value).map_err(|errors| errors.join("; "))?;
    Ok((summary, entries, reply.reply.usage))
}

/// What code can tell: files changed and what went wrong on the way.
fn by_code(task: &Task) -> (String, Vec<MemoryEntry>) {
    let mut paths: Vec<&str> = task
        .changes
        .iter()
        .map(|c| c.new_path.as_deref().unwrap_or(&c.path))
        .collect();
    paths.sort_unstable();
    paths.dedup();
    let summary = match paths.as_slice() {
        [] => "done; no file changed".to_owned(),
        paths => format!("changed {}", paths.join(", ")),
    };
    // What went wrong is not crowded out by a long list of files; the last of it says most.
    let errors = &task.errors[task.errors.len().saturating_sub(ERRORS)..];
    let mut entries: Vec<MemoryEntry> = errors
        .iter()
        .map(|error| MemoryEntry {
            kind: MemoryKind::Error,
            subtask: None,
            summary: error.lines().next().unwrap_or_default().to_owned(),
            detail: error.clone(),
            tags: vec!["retry".to_owned()],
            relevance_to: String::new(),
        })
        .collect();
    let changed = |what: String, detail: String| MemoryEntry {
        kind: MemoryKind::Artifact,
        subtask: None,
        summary: format!("changed {what}"),
        detail,
        tags: vec!["file".to_owned()],
        relevance_to: String::new(),
    };
    let room = ENTRIES.saturating_sub(entries.len());
    match paths.get(room.saturating_sub(1)..) {
        Some(rest) if rest.len() > 1 => {
            let listed = &paths[..room.saturating_sub(1)];
            entries.extend(
                listed
                    .iter()
                    .map(|path| changed((*path).to_owned(), String::new())),
            );
            let detail = clip_chars(&rest.join(", "), DETAIL_CHARS);
            entries.push(changed(format!("{} more files", rest.len()), detail));
        }
        _ => entries.extend(
            paths
                .iter()
                .map(|path| changed((*path).to_owned(), String::new())),
        ),
    }
    (summary, entries)
}

fn change_line(change: &FileChange) -> String {
    let verb = match change.operation {
        Operation::Create => "created",
        Operation::Modify => "changed",
        Operation::Delete => "deleted",
        Operation::Rename => "renamed",
    };
    let to = change
        .new_path
        .as_ref()
        .map(|path| format!(" to {path}"))
        .unwrap_or_default();
    let lines = change.lines;
    format!(
        "{verb} {}{to} (+{} -{})",
        change.path, lines.added, lines.removed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::LineCount;

    fn task(files: usize, errors: usize) -> Task {
        let change = |n: usize| FileChange {
            path: format!("f{n:02}.txt"),
            new_path: None,
            operation: Operation::Modify,
            before: None,
            after: None,
            lines: LineCount::default(),
            origin: loom_events::Origin::Tool,
        };
        Task {
            task: "019ac000-0000-7000-8000-000000000001".parse().unwrap(),
            goal: "g".to_owned(),
            subtask: SubtaskId::new("s").unwrap(),
            spec: None,
            steps: Vec::new(),
            changes: (0..files).map(change).collect(),
            checks: Vec::new(),
            errors: (0..errors).map(|n| format!("red {n}\nall of it")).collect(),
        }
    }

    fn summaries(files: usize, errors: usize) -> Vec<String> {
        let (_, entries) = by_code(&task(files, errors));
        assert!(entries.len() <= ENTRIES);
        entries.into_iter().map(|entry| entry.summary).collect()
    }

    #[test]
    fn without_a_model_the_files_and_the_errors_are_written_down() {
        assert_eq!(
            summaries(2, 1),
            ["red 0", "changed f00.txt", "changed f01.txt"]
        );
        assert_eq!(summaries(0, 0), Vec::<String>::new());
        assert_eq!(by_code(&task(0, 0)).0, "done; no file changed");
        assert_eq!(summaries(8, 0).len(), 8);
        assert_eq!(summaries(8, 0)[7], "changed f07.txt");
    }

    #[test]
    fn of_many_files_the_first_are_named_and_the_rest_are_one_entry_beside_the_errors() {
        let noted = summaries(30, 5);
        assert_eq!(noted[..3], ["red 2", "red 3", "red 4"]);
        assert_eq!(noted[3], "changed f00.txt");
        assert_eq!(noted.last().unwrap(), "changed 26 more files");
        let (_, entries) = by_code(&task(30, 5));
        assert!(entries.last().unwrap().detail.ends_with("f29.txt"));
    }
}
