//! A step that the user does with their own hands: handed over with a snapshot of the workspace, and
//! looked at when they say that it is done. What they changed is journaled as theirs; nothing of it
//! is ever put back.

use super::merge::settled_manifest;
use super::prepare::Task;
use super::{Cx, FrozenPrompt};
use crate::broken::Broken;
use loom_events::{BlobId, CheckPower, FileChange, Note, Operation, Origin, Outcome, Prepared};
use loom_verify::{Baseline, Trial};

/// Stands where an attempt names its model.
pub(super) const NOBODY: &str = "by hand";

/// Hands the workspace over. Checks are not tried: what they said before the first attempt counts,
/// and the tree as it is now holds the work of those that failed.
pub(super) async fn prepare(task: &Task, cx: &Cx) -> Result<Outcome, Broken> {
    let base = match &cx.workspace {
        Some(workspace) => {
            let now = settled_manifest(workspace, cx).await?;
            Some(cx.put(workspace.save_manifest(&now)).await?)
        }
        None => None,
    };
    let frozen = FrozenPrompt {
        messages: Vec::new(),
        tools: Vec::new(),
        think: false,
        heard: task.heard,
        reminder: String::new(),
        baseline: baseline(task, cx).await?,
    };
    let powers: Vec<CheckPower> = frozen.baseline.trials.iter().map(|t| t.power).collect();
    Ok(Outcome::Prepared(Prepared {
        fork: None,
        base,
        prompt: cx.put_json(&frozen).await?,
        model: NOBODY.to_owned(),
        template: NOBODY.to_owned(),
        baseline: powers,
        parts: Vec::new(),
        trimmed: Vec::new(),
        sandbox: None,
        degraded: Vec::new(),
    }))
}

/// What the checks of the step said before any work; of a check that was tried twice the first counts.
async fn baseline(task: &Task, cx: &Cx) -> Result<Baseline, Broken> {
    let mut trials: Vec<Trial> = Vec::new();
    for (_, prompt) in &task.tried {
        let frozen: FrozenPrompt = cx.get_json(prompt).await?;
        for trial in frozen.baseline.trials {
            let new = trials.iter().all(|known| known.check != trial.check);
            if new && task.spec.every_check().any(|check| *check == trial.check) {
                trials.push(trial);
            }
        }
    }
    Ok(Baseline { trials })
}

/// Journals what the user changed since the workspace was handed to them, but for what is known.
pub(super) async fn record(base: &BlobId, known: &[FileChange], cx: &Cx) -> Result<(), Broken> {
    let what = "what was done by hand could not be found out";
    let net = cx.changes_since(base, what).await?;
    for change in news(known, net) {
        cx.signals.must_note(Note::FileChanged(change)).await?;
    }
    Ok(())
}

/// What is new of a tree's whole difference from its base, when some of it was told before: each path
/// goes on from where it was told to be.
fn news(known: &[FileChange], net: Vec<FileChange>) -> Vec<FileChange> {
    let told = |path: &str| known.iter().rev().find(|change| change.path == path);
    let first = |path: &str| known.iter().find(|change| change.path == path);
    let net: Vec<FileChange> = net.into_iter().flat_map(split).collect();
    let mut news = Vec::new();
    for change in &known_paths(known) {
        let gone = net.iter().all(|now| now.path != *change);
        if let (true, Some(last), Some(first)) = (gone, told(change), first(change))
            && last.after != first.before
        {
            news.push(FileChange {
                before: last.after.clone(),
                after: first.before.clone(),
                ..last.clone()
            });
        }
    }
    for mut change in net {
        if let Some(last) = told(&change.path) {
            if last.after == change.after {
                continue;
            }
            change.before.clone_from(&last.after);
        }
        news.push(change);
    }
    news.into_iter().filter_map(as_the_users).collect()
}

fn known_paths(known: &[FileChange]) -> Vec<String> {
    let mut paths: Vec<String> = known.iter().map(|change| change.path.clone()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// A rename as what it is for each of its paths.
fn split(change: FileChange) -> Vec<FileChange> {
    let Some(to) = change.new_path.clone() else {
        return vec![change];
    };
    let gone = FileChange {
        new_path: None,
        after: None,
        ..change.clone()
    };
    let made = FileChange {
        path: to,
        new_path: None,
        before: None,
        ..change
    };
    vec![gone, made]
}

/// What its two sides make of a change; none when they are the same.
fn as_the_users(change: FileChange) -> Option<FileChange> {
    let operation = match (&change.before, &change.after) {
        (None, None) => return None,
        (None, Some(_)) => Operation::Create,
        (Some(_), None) => Operation::Delete,
        (Some(_), Some(_)) => Operation::Modify,
    };
    Some(FileChange {
        operation,
        origin: Origin::User,
        ..change
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::{Digest, FileKind, FileState, LineCount};

    fn state(content: u8) -> Option<FileState> {
        (content > 0).then(|| FileState {
            kind: FileKind::File,
            digest: Digest::from_hex(format!("{content:064x}")).ok(),
            mode: 0o644,
            size: 1,
        })
    }

    /// 0 stands for nothing there.
    fn change(path: &str, before: u8, after: u8) -> FileChange {
        FileChange {
            operation: Operation::Modify,
            path: path.to_owned(),
            new_path: None,
            before: state(before),
            after: state(after),
            lines: LineCount::default(),
            origin: Origin::Shell,
        }
    }

    fn told(known: &[FileChange], net: Vec<FileChange>) -> Vec<(String, Operation)> {
        let news = news(known, net).into_iter();
        news.inspect(|change| assert_eq!(change.origin, Origin::User))
            .map(|change| (change.path, change.operation))
            .collect()
    }

    #[test]
    fn the_first_time_everything_is_new() {
        let net = vec![change("a", 0, 1), change("b", 1, 2), change("c", 1, 0)];
        let expected = [
            ("a".to_owned(), Operation::Create),
            ("b".to_owned(), Operation::Modify),
            ("c".to_owned(), Operation::Delete),
        ];
        assert_eq!(told(&[], net), expected);
    }

    #[test]
    fn what_was_told_is_not_told_again_and_each_path_goes_on_from_there() {
        let known = news(
            &[],
            vec![change("a", 0, 1), change("b", 1, 2), change("c", 1, 2)],
        );
        // `a` stayed, `b` went on, `c` is as it was at first.
        let net = vec![change("a", 0, 1), change("b", 1, 3)];
        let fresh = news(&known, net);
        let sides: Vec<_> = fresh
            .iter()
            .map(|c| (c.path.as_str(), c.before.clone(), c.after.clone()))
            .collect();
        assert_eq!(
            sides,
            [("c", state(2), state(1)), ("b", state(2), state(3))]
        );
    }

    #[test]
    fn a_rename_is_told_of_both_paths() {
        let mut renamed = change("old", 1, 1);
        renamed.new_path = Some("new".to_owned());
        let expected = [
            ("old".to_owned(), Operation::Delete),
            ("new".to_owned(), Operation::Create),
        ];
        assert_eq!(told(&[], vec![renamed]), expected);
    }
}
