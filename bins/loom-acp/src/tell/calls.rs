//! Tool calls and gates as tool calls of the protocol, each under one name from its beginning to its
//! end, however often it is held back or made again.

use crate::tell::details::Details;
use crate::tell::patch;
use agent_client_protocol::v1::schema::{
    ContentBlock, SessionUpdate, TextContent, ToolCall, ToolCallContent, ToolCallLocation,
    ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields, ToolKind,
};
use loom_events::{
    AttemptId, EffectId, Envelope, Event, QuestionId, Seq, Subject, SubtaskId, TaskId, ToolResult,
    Verdict, Work,
};
use loom_view::TaskView;
use loom_view::text::{clip, line};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

/// Characters of an output that are shown; the whole is with Loom.
const MAX_OUTPUT: usize = 8_000;

/// Changes of one call whose differences are shown; of the rest only the places are.
const MAX_DIFFS: usize = 20;

/// The calls of one task.
pub(crate) struct Calls {
    task: TaskId,
    /// What is in flight, and what was.
    works: BTreeMap<EffectId, Work>,
    /// Names that the editor knows.
    known: BTreeSet<String>,
    tools: HashMap<String, String>,
    /// Changes of effects that have not ended.
    changes: BTreeMap<EffectId, Vec<(Seq, String)>>,
    /// Calls that a question holds back.
    held: BTreeMap<QuestionId, String>,
}

impl Calls {
    pub(crate) fn new(task: TaskId) -> Self {
        Self {
            task,
            works: BTreeMap::new(),
            known: BTreeSet::new(),
            tools: HashMap::new(),
            changes: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }

    /// A call by its name in the protocol.
    pub(crate) fn name(&self, attempt: AttemptId, turn: u32, call: u32) -> String {
        format!("{}-call-{attempt}-{turn}-{call}", self.task)
    }

    /// What an effect is.
    pub(crate) fn work(&self, effect: EffectId) -> Option<Work> {
        self.works.get(&effect).cloned()
    }

    /// What a record tells of calls; without the details when it is known.
    pub(crate) async fn tell(
        &mut self,
        envelope: &Envelope,
        view: &TaskView,
        details: Option<&mut Details>,
    ) -> Vec<SessionUpdate> {
        let effect = EffectId(envelope.seq);
        if let Some(work) = envelope.event.intent() {
            self.works.insert(effect, work.clone());
        }
        let subtask = envelope.subtask_id.as_ref();
        match &envelope.event {
            Event::ToolCallStarted { tool, summary, .. } => {
                let Some(name) = self.call_of(effect) else {
                    return Vec::new();
                };
                self.tools.insert(name.clone(), tool.clone());
                let place = match details {
                    Some(details) => self.place(effect, subtask, details).await,
                    None => None,
                };
                vec![self.begins(
                    name,
                    line(summary),
                    kind(tool),
                    place.map(|at| root(view).join(at)),
                )]
            }
            Event::VerificationStarted { work } => {
                let step = subtask.and_then(|id| view.subtask(id));
                let title = match (work, step) {
                    (Work::Final { .. }, _) | (_, None) => "Check the whole goal".to_owned(),
                    (_, Some(step)) => format!("Check: {}", line(&step.spec.title)),
                };
                vec![self.begins(self.gate(effect), title, ToolKind::Other, None)]
            }
            Event::MergeStarted { .. } => {
                let title = "Bring the work of a step into the directory".to_owned();
                vec![self.begins(self.gate(effect), title, ToolKind::Edit, None)]
            }
            Event::FileChanged { effect, change } => {
                let path = change.new_path.as_ref().unwrap_or(&change.path);
                let changes = self.changes.entry(*effect).or_default();
                changes.push((envelope.seq, path.clone()));
                Vec::new()
            }
            Event::ApprovalRequested { question, .. } => {
                if let Subject::Call {
                    attempt,
                    turn,
                    call,
                    ..
                } = &question.subject
                {
                    let name = self.name(*attempt, *turn, *call);
                    self.held.insert(QuestionId(envelope.seq), name);
                }
                Vec::new()
            }
            Event::ApprovalDenied {
                question, reason, ..
            } => {
                let text = match reason.trim() {
                    "" => "You said no.".to_owned(),
                    reason => format!("You said no: {reason}"),
                };
                self.not_run(*question, text)
            }
            Event::ApprovalExpired { question } => {
                self.not_run(*question, "Nobody answered in time.".to_owned())
            }
            Event::ToolCallHeld { effect, .. } => {
                let pending = ToolCallUpdateFields::new().status(ToolCallStatus::Pending);
                self.call_of(*effect)
                    .map(|name| update(name, pending))
                    .into_iter()
                    .collect()
            }
            Event::ToolCallCompleted { effect, result } => {
                self.ran(*effect, result, subtask, view, details).await
            }
            Event::VerificationPassed { effect, verdict } => {
                vec![judged(self.gate(*effect), verdict, true)]
            }
            Event::VerificationFailed { effect, verdict }
            | Event::VerificationInconclusive { effect, verdict } => {
                vec![judged(self.gate(*effect), verdict, false)]
            }
            Event::Merged { effect, .. } => {
                let fields = ToolCallUpdateFields::new().status(ToolCallStatus::Completed);
                let fields = self
                    .changed(*effect, fields, Vec::new(), view, details)
                    .await;
                vec![update(self.gate(*effect), fields)]
            }
            Event::MergeConflicted { effect, paths } => {
                let text = format!(
                    "It does not fit what was merged before: {}",
                    paths.join(", ")
                );
                vec![update(self.gate(*effect), failed(text))]
            }
            Event::EffectFailed { effect, failure } => self.stopped(*effect, &failure.message),
            Event::EffectInterrupted { effect, maybe } => {
                let text = match maybe {
                    true => "It was interrupted, and may have run.",
                    false => "It was interrupted.",
                };
                self.stopped(*effect, text)
            }
            _ => Vec::new(),
        }
    }

    /// The name of the call that an effect is.
    fn call_of(&self, effect: EffectId) -> Option<String> {
        match self.works.get(&effect) {
            Some(Work::Tool {
                attempt,
                turn,
                call,
            }) => Some(self.name(*attempt, *turn, *call)),
            _ => None,
        }
    }

    fn gate(&self, effect: EffectId) -> String {
        format!("{}-effect-{effect}", self.task)
    }

    /// Where a call is at work, by its arguments.
    async fn place(
        &self,
        effect: EffectId,
        subtask: Option<&SubtaskId>,
        details: &mut Details,
    ) -> Option<String> {
        let Some(Work::Tool {
            attempt,
            turn,
            call,
        }) = self.works.get(&effect)
        else {
            return None;
        };
        let found = details
            .call(subtask?, *attempt, *turn, *call, false)
            .await?;
        let path = found.call.arguments.get("path")?.as_str()?;
        // The scratch directory of a task is nobody's place.
        (!path.contains("://")).then(|| path.to_owned())
    }

    fn begins(
        &mut self,
        name: String,
        title: String,
        kind: ToolKind,
        place: Option<PathBuf>,
    ) -> SessionUpdate {
        let places = place.map(|path| vec![ToolCallLocation::new(path)]);
        if self.known.insert(name.clone()) {
            let call = ToolCall::new(name, title)
                .kind(kind)
                .status(ToolCallStatus::InProgress);
            return SessionUpdate::ToolCall(call.locations(places.unwrap_or_default()));
        }
        let again = ToolCallUpdateFields::new().status(ToolCallStatus::InProgress);
        update(name, again)
    }

    async fn ran(
        &mut self,
        effect: EffectId,
        result: &ToolResult,
        subtask: Option<&SubtaskId>,
        view: &TaskView,
        mut details: Option<&mut Details>,
    ) -> Vec<SessionUpdate> {
        let Some(name) = self.call_of(effect) else {
            return Vec::new();
        };
        let status = match result.ok {
            true => ToolCallStatus::Completed,
            false => ToolCallStatus::Failed,
        };
        let mut content = Vec::new();
        let tool = self.tools.get(&name).map_or("", String::as_str);
        let is_edit = matches!(
            kind(tool),
            ToolKind::Edit | ToolKind::Delete | ToolKind::Move
        );
        let output = match (&mut details, self.works.get(&effect), subtask) {
            // What an edit did is shown as a difference, unless it did nothing.
            (
                Some(details),
                Some(Work::Tool {
                    attempt,
                    turn,
                    call,
                }),
                Some(subtask),
            ) if !(is_edit && result.ok) => {
                let found = details.call(subtask, *attempt, *turn, *call, true).await;
                found.and_then(|call| call.output)
            }
            _ => None,
        };
        let output = output.unwrap_or_else(|| result.summary.clone());
        content.push(text(&clip(&output, MAX_OUTPUT)));
        let fields = ToolCallUpdateFields::new().status(status);
        let fields = self.changed(effect, fields, content, view, details).await;
        vec![update(name, fields)]
    }

    /// With what an effect changed.
    async fn changed(
        &mut self,
        effect: EffectId,
        fields: ToolCallUpdateFields,
        mut content: Vec<ToolCallContent>,
        view: &TaskView,
        details: Option<&mut Details>,
    ) -> ToolCallUpdateFields {
        let changes = self.changes.remove(&effect).unwrap_or_default();
        let root = root(view);
        if let Some(details) = details {
            for (seq, _) in changes.iter().take(MAX_DIFFS) {
                let diff = details.diff(*seq).await;
                let diffs = diff.map(|diff| patch::diffs(&root, &diff));
                content.extend(diffs.unwrap_or_default().into_iter().map(Into::into));
            }
        }
        let places: BTreeSet<&String> = changes.iter().map(|(_, path)| path).collect();
        let places: Vec<ToolCallLocation> = places
            .into_iter()
            .map(|path| ToolCallLocation::new(root.join(path)))
            .collect();
        let fields = fields.content(content);
        match places.is_empty() {
            true => fields,
            false => fields.locations(places),
        }
    }

    /// A call that was held back and does not run.
    fn not_run(&mut self, question: QuestionId, why: String) -> Vec<SessionUpdate> {
        let held = self.held.remove(&question);
        held.map(|name| update(name, failed(why)))
            .into_iter()
            .collect()
    }

    fn stopped(&mut self, effect: EffectId, why: &str) -> Vec<SessionUpdate> {
        self.changes.remove(&effect);
        let name = self.call_of(effect).unwrap_or_else(|| self.gate(effect));
        match self.known.contains(&name) {
            true => vec![update(name, failed(clip(why, 500)))],
            false => Vec::new(),
        }
    }
}

fn root(view: &TaskView) -> PathBuf {
    PathBuf::from(view.workspace.as_deref().unwrap_or_default())
}

fn update(name: String, fields: ToolCallUpdateFields) -> SessionUpdate {
    SessionUpdate::ToolCallUpdate(ToolCallUpdate::new(name, fields))
}

fn failed(why: String) -> ToolCallUpdateFields {
    let fields = ToolCallUpdateFields::new().status(ToolCallStatus::Failed);
    fields.content(vec![text(&why)])
}

fn text(text: &str) -> ToolCallContent {
    ToolCallContent::from(ContentBlock::Text(TextContent::new(text)))
}

/// The verdict, check by check.
fn judged(name: String, verdict: &Verdict, passed: bool) -> SessionUpdate {
    let mut shown = String::new();
    for check in &verdict.checks {
        let mark = if check.passed { "✓" } else { "✗" };
        shown += &format!("{mark} {}", check.check);
        if !check.passed {
            shown += &format!(": {}", line(&check.detail));
        }
        shown.push('\n');
    }
    if !passed {
        shown += &clip(&verdict.feedback, MAX_OUTPUT);
    }
    let status = match passed {
        true => ToolCallStatus::Completed,
        false => ToolCallStatus::Failed,
    };
    let fields = ToolCallUpdateFields::new().status(status);
    update(name, fields.content(vec![text(shown.trim_end())]))
}

/// What a tool does, in the words of the protocol.
fn kind(tool: &str) -> ToolKind {
    match tool {
        "read_file" | "list_directory" | "recall" => ToolKind::Read,
        "search_files" => ToolKind::Search,
        "write_file" | "edit_file" => ToolKind::Edit,
        "delete_file" => ToolKind::Delete,
        "move_file" => ToolKind::Move,
        "shell_execute" => ToolKind::Execute,
        _ => ToolKind::Other,
    }
}
