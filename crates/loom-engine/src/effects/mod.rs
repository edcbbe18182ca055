//! The effects: one file each. A job takes what it needs from the ledger when it is made and then
//! runs on its own; it reports facts through [`Signals`] and ends in exactly one outcome.

mod answering;
mod beside;
mod by_hand;
mod checks;
mod extract;
mod judge;
mod merge;
mod model;
mod partial;
mod past;
mod plan;
mod prepare;
mod reconcile;
mod room;
mod site;
mod state;
mod survey;
mod tool;

pub(crate) use state::task_state;

use crate::broken::Broken;
use crate::conversation::{Conversation, Texts};
use crate::ledger::{AttemptLog, Entry, Ledger, ResultText};
use crate::runner::{Inbox, NoteRefused};
use crate::shared::{Shared, TaskPlace};
use crate::{Live, Signal};
use answering::Answering;
use loom_events::{
    Answer, AttemptId, BlobId, EffectId, FailureClass, FileChange, LineCount, Message, ModelReply,
    Note, Operation, Origin, Outcome, PromptRecord, Role, Seq, TaskId, ToolSpec, Work,
};
use loom_kernel::Start;
use loom_prompts::Rendered;
use loom_tools::{Registry, Seen, ShellSettings};
use loom_workspace::{FsError, Manifest, Workspace};
use serde::{Deserialize, Serialize};
use site::within;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::{OnceCell, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// A job under way.
pub(crate) type Job = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What every job has at hand.
#[derive(Clone)]
pub(crate) struct Cx {
    pub(crate) shared: Arc<Shared>,
    pub(crate) place: Arc<TaskPlace>,
    /// Where this effect works: the user's directory, or a fork of it.
    pub(crate) workspace: Option<Arc<Workspace>>,
    /// What it may write beside that.
    pub(crate) scratch: PathBuf,
    /// How commands of this task are run.
    pub(crate) shell: Arc<ShellSettings>,
    pub(crate) signals: Signals,
}

/// Makes the job for a piece of work.
pub(crate) fn job(
    ledger: &Ledger,
    start: &Start,
    conversations: &Conversations,
    shared: Arc<Shared>,
    place: Arc<TaskPlace>,
    signals: Signals,
) -> Job {
    let cx = Cx {
        shell: Arc::new(ShellSettings {
            network: ledger.state.settings().network,
            ..shared.shell.clone()
        }),
        workspace: place.workspace.clone(),
        scratch: place.scratch.clone(),
        shared,
        place,
        signals,
    };
    let fork = ledger.fork_of(&start.work);
    match &start.work {
        Work::Plan { planning, .. } => settle(plan::run(plan::Task::new(ledger, *planning), cx)),
        Work::Prepare { attempt } => {
            conversations.forget_ended(ledger);
            match prepare::Task::new(ledger, *attempt) {
                Ok(task) => settle(prepare::run(task, cx)),
                Err(broken) => failed(broken),
            }
        }
        Work::Model { attempt, turn } => {
            match model::Task::new(ledger, *attempt, *turn, conversations) {
                Ok(task) => settle(model::run(task, cx)),
                Err(broken) => failed(broken),
            }
        }
        Work::Tool { attempt, call, .. } => {
            match tool::Task::new(ledger, start, *attempt, *call, conversations) {
                Ok(task) => settle(within(fork, cx, |cx| tool::run(task, cx))),
                Err(broken) => failed(broken),
            }
        }
        Work::Verify { attempt, .. } | Work::Recheck { attempt } => {
            match judge::Task::of_attempt(ledger, start, *attempt) {
                Ok(task) => settle(within(fork, cx, |cx| judge::run(task, cx))),
                Err(broken) => failed(broken),
            }
        }
        Work::Final { .. } => settle(judge::run(judge::Task::of_goal(ledger, start), cx)),
        Work::Extract { subtask, attempt } => settle(extract::run(
            extract::Task::new(ledger, subtask, *attempt),
            cx,
        )),
        Work::Reconcile { intent } => {
            let task = reconcile::Task::new(ledger, *intent);
            settle(within(fork, cx, |cx| reconcile::run(task, cx)))
        }
        Work::Merge { attempt } => settle(merge::merge(merge::Merge::new(ledger, *attempt), cx)),
        Work::Unmerge { attempt } => {
            settle(merge::unmerge(merge::Unmerge::new(ledger, *attempt), cx))
        }
    }
}

fn settle(work: impl Future<Output = Result<Outcome, Broken>> + Send + 'static) -> Job {
    Box::pin(async move {
        work.await
            .unwrap_or_else(|Broken(failure)| Outcome::Failed(failure))
    })
}

fn failed(Broken(failure): Broken) -> Job {
    Box::pin(std::future::ready(Outcome::Failed(failure)))
}

/// The way of an effect to its runner and to whoever watches.
#[derive(Clone)]
pub(crate) struct Signals {
    task: TaskId,
    effect: EffectId,
    inbox: mpsc::Sender<Inbox>,
    shared: Arc<Shared>,
    pub(crate) cancel: CancellationToken,
    /// Whether its changes are those of a fork, and none of the user's files.
    in_fork: bool,
    /// The two names of the fork.
    names: Option<Arc<site::Names>>,
    /// The changes that this effect has recorded.
    recorded: Arc<Mutex<Vec<FileChange>>>,
}

impl Signals {
    pub(crate) fn new(
        task: TaskId,
        effect: EffectId,
        inbox: mpsc::Sender<Inbox>,
        shared: Arc<Shared>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            task,
            effect,
            inbox,
            shared,
            cancel,
            in_fork: false,
            names: None,
            recorded: Arc::default(),
        }
    }

    /// The changes that this effect has recorded so far.
    pub(crate) fn recorded(&self) -> Vec<FileChange> {
        let recorded = self.recorded.lock();
        recorded.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a fact durable; the effect goes on only when this succeeds.
    pub(crate) async fn note(&self, note: Note) -> Result<(), NoteRefused> {
        let (ack, acked) = oneshot::channel();
        let change = match &note {
            Note::FileChanged(change) | Note::ForkChanged(change) => Some(change.clone()),
            _ => None,
        };
        self.inbox
            .send(Inbox::Note(self.effect, note, ack))
            .await
            .map_err(|_| NoteRefused)?;
        acked.await.unwrap_or(Err(NoteRefused))?;
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.extend(change);
        Ok(())
    }

    /// The same for a job whose only answer to a refusal is to stop.
    pub(crate) async fn must_note(&self, note: Note) -> Result<(), Broken> {
        self.note(note)
            .await
            .map_err(|refused| Broken::new(FailureClass::Transient, refused.to_string()))
    }

    /// A change of the place where this effect works.
    pub(crate) const fn change(&self, change: FileChange) -> Note {
        match self.in_fork {
            true => Note::ForkChanged(change),
            false => Note::FileChanged(change),
        }
    }

    pub(crate) async fn must_change(&self, change: FileChange) -> Result<(), Broken> {
        self.must_note(self.change(change)).await
    }

    /// What was said in a fork, as it means the user's directory.
    pub(crate) fn outward(&self, text: String) -> String {
        match &self.names {
            Some(names) => names.outward(&text),
            None => text,
        }
    }

    pub(crate) async fn degraded(&self, lines: &[String]) -> Result<(), Broken> {
        for what in lines {
            self.must_note(Note::Degraded { what: what.clone() })
                .await?;
        }
        Ok(())
    }

    /// Shows something to those who watch; nobody may be.
    pub(crate) fn live(&self, signal: Signal) {
        let live = Live {
            task_id: self.task,
            effect: self.effect,
            signal,
        };
        let _nobody_watches = self.shared.live.send(Arc::new(live));
    }
}

impl Cx {
    /// Marks the processes of this effect: of this run alone, and found by the task's own label.
    pub(crate) fn label(&self) -> String {
        format!("{}:{}", self.place.label, self.signals.effect)
    }

    /// Keeps bytes as they are: what is acted on.
    pub(crate) async fn put(&self, bytes: Vec<u8>) -> Result<BlobId, Broken> {
        self.shared
            .journal
            .put_blob(bytes)
            .await
            .map_err(|error| Broken::environment("a payload could not be kept", &error))
    }

    /// Keeps a text that is shown.
    pub(crate) async fn put_text(&self, text: &str) -> Result<BlobId, Broken> {
        let shown = self.shared.redactor.text(text);
        self.put(shown.into_owned().into_bytes()).await
    }

    /// Keeps an answer.
    pub(crate) async fn put_answer(&self, answer: &Answer) -> Result<BlobId, Broken> {
        let kept = crate::redact::answer(&self.shared.redactor, answer.clone());
        self.put_json(&kept).await
    }

    /// Journals what a model is about to be asked, and gives it as it is sent.
    pub(crate) async fn asking(
        &self,
        role: Role,
        rendered: Rendered,
        example: Option<String>,
    ) -> Result<Vec<Message>, Broken> {
        let messages = self.shown(rendered.messages);
        let prompt = PromptRecord {
            role,
            template: rendered.template,
            example,
            prompt: self.put_json(&messages).await?,
            parts: rendered.parts,
            trimmed: rendered.trimmed,
        };
        self.signals.must_note(Note::Prompt(prompt)).await?;
        Ok(messages)
    }

    /// The messages of a prompt without secrets: much of it comes from the workspace.
    pub(crate) fn shown(&self, mut messages: Vec<Message>) -> Vec<Message> {
        crate::redact::messages(&self.shared.redactor, &mut messages);
        messages
    }

    pub(crate) async fn put_json<T: Serialize + Sync>(&self, value: &T) -> Result<BlobId, Broken> {
        let bytes = serde_json::to_vec(value)
            .map_err(|error| Broken::environment("a payload could not be written", &error))?;
        self.put(bytes).await
    }

    pub(crate) async fn get(&self, id: &BlobId) -> Result<Vec<u8>, Broken> {
        let found = self
            .shared
            .journal
            .blob(id)
            .await
            .map_err(|error| Broken::environment("a payload could not be read", &error))?;
        found.ok_or_else(|| Broken::damaged(&format!("payload {id}")))
    }

    pub(crate) async fn get_text(&self, id: &BlobId) -> Result<String, Broken> {
        Ok(String::from_utf8_lossy(&self.get(id).await?).into_owned())
    }

    pub(crate) async fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        id: &BlobId,
    ) -> Result<T, Broken> {
        serde_json::from_slice(&self.get(id).await?)
            .map_err(|error| Broken::environment("a stored payload is not what it was", &error))
    }

    /// Runs file work where this effect works off the async threads; `None` when there is no workspace.
    pub(crate) async fn files<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Workspace) -> Result<T, FsError> + Send + 'static,
    ) -> Result<Option<T>, Broken> {
        let Some(workspace) = self.workspace.clone() else {
            return Ok(None);
        };
        let done = tokio::task::spawn_blocking(move || work(&workspace)).await;
        match done {
            Ok(Ok(value)) => Ok(Some(value)),
            Ok(Err(error)) => Err(Broken::environment(what, &error)),
            Err(died) => Err(Broken::environment(what, &died)),
        }
    }

    /// How the tree differs from a manifest that was kept; nothing where there is no workspace.
    pub(crate) async fn changes_since(
        &self,
        base: &BlobId,
        what: &'static str,
    ) -> Result<Vec<FileChange>, Broken> {
        let changed = |workspace: &Workspace, base: &Manifest| Ok(workspace.changes_since(base)?.1);
        self.since(what, base, changed).await
    }

    /// Journals the tree as it is now, so that a reconciliation can put it back.
    pub(crate) async fn snapshot(&self) -> Result<Option<BlobId>, Broken> {
        let taken = self
            .files("the workspace could not be snapshotted", |workspace| {
                let manifest = workspace.take_manifest()?;
                Ok(workspace.save_manifest(&manifest))
            })
            .await?;
        let Some(bytes) = taken else {
            return Ok(None);
        };
        let manifest = self.put(bytes).await?;
        self.signals
            .must_note(Note::Snapshot {
                manifest: manifest.clone(),
            })
            .await?;
        Ok(Some(manifest))
    }

    /// Puts the tree back to a journaled snapshot and journals what that changed.
    pub(crate) async fn put_back(&self, snapshot: &BlobId, known: Known<'_>) -> Result<(), Broken> {
        let what = "the workspace could not be put back";
        let restored = self.since(what, snapshot, Workspace::restore).await?;
        for change in known.unrecorded(&restored) {
            self.signals.must_change(change).await?;
        }
        for change in restored {
            self.signals.must_change(change).await?;
        }
        Ok(())
    }

    /// Leaves the tree as it is and journals how it differs from a journaled snapshot, but for what
    /// is recorded already.
    pub(crate) async fn record_since(
        &self,
        snapshot: &BlobId,
        recorded: &[FileChange],
    ) -> Result<(), Broken> {
        let what = "what a lost call changed could not be found out";
        let found = |workspace: &Workspace, before: &_| Ok(workspace.changes_since(before)?.1);
        for change in self.since(what, snapshot, found).await? {
            if !is_recorded(recorded, &change) {
                self.signals.must_note(Note::FileChanged(change)).await?;
            }
        }
        Ok(())
    }

    /// Works on the tree and a journaled snapshot of it; nothing comes of that without a workspace.
    async fn since(
        &self,
        what: &'static str,
        snapshot: &BlobId,
        work: impl FnOnce(&Workspace, &Manifest) -> Result<Vec<FileChange>, FsError> + Send + 'static,
    ) -> Result<Vec<FileChange>, Broken> {
        let bytes = self.get(snapshot).await?;
        let Some(workspace) = self.workspace.clone() else {
            return Ok(Vec::new());
        };
        let work = move || {
            let manifest = workspace
                .load_manifest(&bytes)
                .map_err(|error| Broken::environment("a snapshot could not be read", &error))?;
            work(&workspace, &manifest).map_err(|error| Broken::environment(what, &error))
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|died| Broken::environment(what, &died))?
    }
}

/// What the journal knows of the tree that is put back.
#[derive(Clone, Copy)]
pub(crate) enum Known<'a> {
    /// The tree as it is: everything that led to it is recorded.
    Now,
    /// The snapshot, and these changes since. Whatever else is there now was made by a command that
    /// was killed, by a check, or by the user meanwhile.
    Snapshot(&'a [FileChange]),
}

impl Known<'_> {
    /// The changes that led to what was found and are in no journal yet: the opposites of what was
    /// restored, in reverse. With them the record is whole, so that undoing all of it ends where the
    /// task began, and content that the user wrote in between can still be found.
    fn unrecorded(self, restored: &[FileChange]) -> Vec<FileChange> {
        let Self::Snapshot(recorded) = self else {
            return Vec::new();
        };
        let restored = restored.iter().rev();
        let missing = restored.filter(|change| !is_recorded(recorded, change));
        missing.map(opposite).collect()
    }
}

/// Whether a change of that path is among those recorded.
fn is_recorded(recorded: &[FileChange], change: &FileChange) -> bool {
    recorded
        .iter()
        .any(|known| known.path == change.path || known.new_path.as_ref() == Some(&change.path))
}

fn opposite(change: &FileChange) -> FileChange {
    let (path, new_path) = match &change.new_path {
        Some(to) => (to.clone(), Some(change.path.clone())),
        None => (change.path.clone(), None),
    };
    FileChange {
        operation: match change.operation {
            Operation::Create => Operation::Delete,
            Operation::Delete => Operation::Create,
            Operation::Modify => Operation::Modify,
            Operation::Rename => Operation::Rename,
        },
        path,
        new_path,
        before: change.after.clone(),
        after: change.before.clone(),
        lines: LineCount {
            added: change.lines.removed,
            removed: change.lines.added,
        },
        origin: Origin::Shell,
    }
}

#[async_trait::async_trait]
impl Texts for Cx {
    async fn answer(&self, reply: &ModelReply) -> Result<Answer, Broken> {
        self.get_json(&reply.answer).await
    }

    async fn result(&self, text: &ResultText) -> Result<String, Broken> {
        match text {
            ResultText::Inline(text) => Ok(text.clone()),
            ResultText::Kept { shown, .. } => self.get_text(shown).await,
        }
    }
}

/// The frozen start of an attempt, as stored in its prompt blob.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FrozenPrompt {
    pub(crate) messages: Vec<Message>,
    pub(crate) tools: Vec<ToolSpec>,
    /// Whether a model that can think aloud should.
    pub(crate) think: bool,
    /// Instructions up to this seq are in the messages.
    pub(crate) heard: Seq,
    /// Ends every tool message.
    pub(crate) reminder: String,
    /// What the checks of the subtask said before any work.
    pub(crate) baseline: loom_verify::Baseline,
}

/// Caches of the attempts under way: what is in them can be rebuilt from the journal.
#[derive(Clone, Default)]
pub(crate) struct Conversations {
    slots: Arc<Mutex<BTreeMap<AttemptId, Arc<Slot>>>>,
    answering: Answering,
}

/// One attempt's cache.
#[derive(Default)]
pub(crate) struct Slot {
    inbox: Mutex<Pending>,
    pub(crate) talk: tokio::sync::Mutex<Option<Talk>>,
    /// Paths that were read or written in this attempt.
    seen: OnceLock<Seen>,
    registry: OnceCell<Arc<Registry>>,
}

/// A conversation with what it was frozen with.
pub(crate) struct Talk {
    pub(crate) prompt: FrozenPrompt,
    pub(crate) conversation: Conversation,
    /// What was sent last, while somebody wants to see how much of it is sent again.
    pub(crate) sent: Vec<Message>,
}

#[derive(Default)]
struct Pending {
    taken: usize,
    entries: VecDeque<Entry>,
}

impl Conversations {
    fn slot(&self, attempt: AttemptId) -> Arc<Slot> {
        let mut map = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(map.entry(attempt).or_default())
    }

    fn forget_ended(&self, ledger: &Ledger) {
        let mut map = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        map.retain(|attempt, _| !ledger.has_ended(*attempt));
    }
}

impl Slot {
    /// What the attempt has read and written: of an earlier process what its journal says.
    fn seen(&self, log: &AttemptLog) -> &Seen {
        self.seen.get_or_init(|| Seen::of(&log.seen))
    }

    /// The tools that the attempt was frozen with, those of servers among them.
    async fn registry(&self, prompt: &BlobId, cx: &Cx) -> Result<Arc<Registry>, Broken> {
        let frozen = || async {
            let prompt: FrozenPrompt = cx.get_json(prompt).await?;
            let own = &cx.shared.registry;
            Ok(Arc::new(
                own.with_external(&prompt.tools, &cx.shared.servers),
            ))
        };
        self.registry.get_or_try_init(frozen).await.cloned()
    }

    /// Hands over the entries that the conversation does not have yet: each is copied once.
    fn hand_over(&self, entries: &[Entry]) {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = entries.get(inbox.taken..).unwrap_or_default();
        inbox.entries.extend(fresh.iter().cloned());
        inbox.taken = entries.len();
    }

    fn next(&self) -> Option<Entry> {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.entries.pop_front()
    }

    fn put_front(&self, entry: Entry) {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.entries.push_front(entry);
    }
}
