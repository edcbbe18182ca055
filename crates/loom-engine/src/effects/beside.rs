//! A place of its own for an attempt that works beside others: the fork of the attempt before it, a
//! fresh one, or, where forks cannot be had, the workspace itself. Nothing here writes the workspace.

use super::merge::settled_manifest;
use super::prepare::{Stand, Task, try_checks};
use super::{Cx, FrozenPrompt};
use crate::broken::{Broken, chain};
use crate::ledger::fork_name;
use loom_events::{BlobId, Note};
use loom_verify::{Baseline, Trial};
use loom_workspace::{Fork, Manifest, Workspace};
use std::sync::Arc;

/// Lines about what a fork lacks. More would not be read.
const MAX_LACKS: usize = 5;

/// Where the attempt will work; none when it was interrupted.
pub(super) async fn stand(task: &Task, cx: &Cx) -> Result<Option<Stand>, Broken> {
    let Some(origin) = cx.place.workspace.clone() else {
        return Ok(Some(Stand::default()));
    };
    if let Some(kept) = &task.kept {
        let found = cx.place.forks.get(&kept.name, &origin).await;
        if let Ok(Some(fork)) = found {
            return in_kept(task, fork, cx).await;
        }
        // It was the user's disk to tidy: the attempt begins from what is merged.
        tracing::warn!(fork = kept.name, "a fork that was to be kept is gone");
    }
    let name = fork_name(task.attempt);
    let manifest = match &task.same {
        Some(base) => earlier(&origin, base, cx).await?,
        None => settled_manifest(&origin, cx).await?,
    };
    match cx.place.forks.create(&name, &origin, manifest).await {
        Ok(fork) => in_fresh(task, fork, cx).await,
        // In the workspace it could not be compared with those in forks.
        Err(error) if task.execution.is_some_and(|execution| execution > 1) => {
            Err(Broken::environment("a fork could not be made", &error))
        }
        Err(error) => Ok(Some(in_place(&origin, &chain(&error), cx).await?)),
    }
}

/// A state that was kept.
async fn earlier(origin: &Workspace, base: &BlobId, cx: &Cx) -> Result<Manifest, Broken> {
    let bytes = cx.get(base).await?;
    origin
        .load_manifest(&bytes)
        .map_err(|error| Broken::environment("a snapshot could not be read", &error))
}

async fn in_fresh(task: &Task, fork: Arc<Fork>, cx: &Cx) -> Result<Option<Stand>, Broken> {
    tell(&fork, cx).await?;
    let name = fork.name().to_owned();
    let cx = cx.clone().inside(Arc::clone(&fork)).await?;
    let before = now(&fork, &cx).await?;
    let base = cx.put(fork.workspace().save_manifest(&before)).await?;
    let same = task.tried.iter().filter(|(of, _)| *of == base);
    let prompts: Vec<&BlobId> = same.map(|(_, prompt)| prompt).collect();
    let known = trials(&prompts, &cx).await?;
    let baseline = baseline(task, known, (&fork, before), &cx).await?;
    Ok(baseline.map(|baseline| Stand {
        fork: Some(name),
        base: Some(base),
        baseline,
        degraded: Vec::new(),
    }))
}

/// The same model goes on from its own work; only checks that are new are tried on it.
async fn in_kept(task: &Task, fork: Arc<Fork>, cx: &Cx) -> Result<Option<Stand>, Broken> {
    let Some(kept) = &task.kept else {
        return Ok(None);
    };
    let cx = cx.clone().inside(Arc::clone(&fork)).await?;
    let known = trials(&[&kept.prompt], &cx).await?;
    let before = now(&fork, &cx).await?;
    // What checks leave in it would be merged with the work, so a crash puts it back.
    let manifest = cx.put(fork.workspace().save_manifest(&before)).await?;
    cx.signals.must_note(Note::Snapshot { manifest }).await?;
    let baseline = baseline(task, known, (&fork, before), &cx).await?;
    Ok(baseline.map(|baseline| Stand {
        fork: Some(kept.name.clone()),
        base: Some(kept.base.clone()),
        baseline,
        degraded: Vec::new(),
    }))
}

/// The kernel lets such attempts work one at a time. Its checks are not tried: others may be
/// working in the directory just now, and putting it back would take their work.
async fn in_place(origin: &Arc<Workspace>, why: &str, cx: &Cx) -> Result<Stand, Broken> {
    let manifest = settled_manifest(origin, cx).await?;
    let base = cx.put(origin.save_manifest(&manifest)).await?;
    let what = format!("it works in the workspace itself, since a fork cannot be had: {why}");
    Ok(Stand {
        fork: None,
        base: Some(base),
        baseline: Baseline::default(),
        degraded: vec![what],
    })
}

/// What a fork lacks, for whoever watches.
async fn tell(fork: &Fork, cx: &Cx) -> Result<(), Broken> {
    for left in fork.report().left_out.iter().take(MAX_LACKS) {
        let text = format!("not in its fork: `{}`, {}", left.path, left.why);
        cx.signals.must_note(Note::Progress { text }).await?;
    }
    Ok(())
}

async fn now(fork: &Arc<Fork>, cx: &Cx) -> Result<Manifest, Broken> {
    settled_manifest(fork.workspace(), cx).await
}

/// What checks said before, by the prompts that hold it.
async fn trials(prompts: &[&BlobId], cx: &Cx) -> Result<Vec<Trial>, Broken> {
    let mut trials = Vec::new();
    for prompt in prompts {
        let frozen: FrozenPrompt = cx.get_json(prompt).await?;
        trials.extend(frozen.baseline.trials);
    }
    Ok(trials)
}

/// What is known, and the rest tried in the fork, which is put back. None when it was interrupted.
async fn baseline(
    task: &Task,
    known: Vec<Trial>,
    (fork, before): (&Arc<Fork>, Manifest),
    cx: &Cx,
) -> Result<Option<Baseline>, Broken> {
    let is_known = |check| known.iter().any(|trial| &trial.check == check);
    if task.spec.every_check().all(is_known) {
        return Ok(Some(Baseline { trials: known }));
    }
    let baseline = try_checks(task, fork.workspace(), cx).await;
    cx.files("a fork could not be put back", move |workspace| {
        workspace.restore(&before).map(drop)
    })
    .await?;
    Ok(baseline)
}
