//! Finding out what became of an effect whose outcome was lost, and settling it.

use super::{Cx, Known};
use crate::broken::Broken;
use crate::ledger::Ledger;
use loom_events::{
    BlobId, Class, EffectId, FailureClass, FileChange, Outcome, Reconciled, ToolResult,
};
use loom_tools::Seen;
use loom_workspace::Applied;

/// What a reconciliation needs to know.
pub(super) struct Task {
    class: Option<Class>,
    /// What the effect announced before it was lost.
    changes: Vec<FileChange>,
    /// The same with what reconciliations of it recorded before they were lost, too.
    recorded: Vec<FileChange>,
    snapshot: Option<BlobId>,
    /// What its attempt had read and written before.
    seen: Seen,
}

impl Task {
    pub(super) fn new(ledger: &Ledger, intent: EffectId) -> Self {
        let class = ledger
            .state
            .inflight()
            .find(|(id, ..)| *id == intent)
            .map(|(_, _, class)| class);
        Self {
            class,
            changes: ledger.changes_of_effect(intent),
            recorded: ledger.recorded_of(intent),
            snapshot: ledger.snapshots.get(&intent).cloned(),
            seen: Seen::of(ledger.seen_by(intent)),
        }
    }
}

pub(super) async fn run(task: Task, cx: Cx) -> Result<Outcome, Broken> {
    let found = match task.class {
        Some(Class::Hashed) => by_hash(&task, &cx).await?,
        Some(Class::Restorable) => {
            if let Some(snapshot) = &task.snapshot {
                cx.put_back(snapshot, Known::Snapshot(&task.changes))
                    .await?;
            }
            Reconciled::Clean
        }
        Some(Class::Unknowable) => {
            if let Some(snapshot) = &task.snapshot {
                cx.record_since(snapshot, &task.recorded).await?;
            }
            Reconciled::Recorded
        }
        // Nothing to look at: it changed nothing.
        Some(Class::Pure) | None => Reconciled::Clean,
    };
    Ok(Outcome::Reconciled(found))
}

/// A call of several changes was killed between them: what was done is taken back, and the call is
/// made again as a whole.
async fn take_back(task: &Task, cx: &Cx) -> Result<(), Broken> {
    let what = "a half done call could not be taken back";
    let changes = task.changes.clone();
    let plan = cx.files(what, move |workspace| workspace.undo_plan(&changes));
    let Some(plan) = plan.await? else {
        return Ok(());
    };
    for change in plan.changes() {
        cx.signals.must_change(change.clone()).await?;
    }
    let undone = cx.files(what, move |workspace| workspace.undo(&plan));
    undone.await.map(drop)
}

/// A file tool journals each change before it makes it, so the file itself is the answer.
async fn by_hash(task: &Task, cx: &Cx) -> Result<Reconciled, Broken> {
    let changes = task.changes.clone();
    let states = cx
        .files("the workspace could not be looked at", move |workspace| {
            changes
                .iter()
                .map(|change| loom_workspace::applied(workspace, change))
                .collect::<Result<Vec<_>, _>>()
        })
        .await?
        .unwrap_or_default();
    if states.is_empty() || states.iter().all(|state| *state == Applied::No) {
        return Ok(Reconciled::Clean);
    }
    if states.contains(&Applied::Neither) {
        let paths: Vec<&str> = task.changes.iter().map(|c| c.path.as_str()).collect();
        return Err(Broken::new(
            FailureClass::Environment,
            format!(
                "{} was changed by somebody else while Loom was down",
                paths.join(", ")
            ),
        ));
    }
    if states.contains(&Applied::No) {
        take_back(task, cx).await?;
        return Ok(Reconciled::Clean);
    }
    for change in &task.changes {
        task.seen.made(change);
    }
    let text = "This call was done just before an interruption; its change is in place.";
    Ok(Reconciled::Applied {
        result: ToolResult {
            ok: true,
            text: cx.put_text(text).await?,
            summary: "done before an interruption".to_owned(),
            full: None,
            touched: true,
            files_changed: u32::try_from(states.len()).unwrap_or(u32::MAX),
            seen: task.seen.news(),
            duration_ms: 0,
            degraded: Vec::new(),
        },
    })
}
