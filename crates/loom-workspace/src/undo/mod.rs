//! Taking changes back without overwriting what somebody else changed since.
//!
//! For each path the changes are a [`chain`] of states, and taking it back walks that chain from its
//! end. Where what is there is not what the walk expects, somebody else was at work: that is a
//! [`Conflict`], with a three-way [`merge`] on offer.

mod chain;
mod merge;

use crate::apply::OPEN;
use crate::changes::{Net, Step, net, to_changes};
use crate::diff::one;
use crate::edit::new_directory;
use crate::patch::Side;
use crate::store::Batch;
use crate::{FsError, Workspace, lines, name};
use chain::{Chain, State};
use loom_events::{
    Choices, Conflict, ConflictKind, FileChange, FileDiff, FileKind, FileState, How, Offer,
    Operation, Origin, Settle, Settled,
};
use merge::{Merged, Version, merge};
use std::collections::BTreeMap;

/// What an undo will do, and what it leaves alone.
#[derive(Clone, Debug, Default)]
pub struct UndoPlan {
    steps: Vec<Step>,
    changes: Vec<FileChange>,
    conflicts: Vec<Conflict>,
    settled: Vec<Settled>,
}

impl UndoPlan {
    /// What [`Workspace::undo`] will change; the content before each is safe already.
    #[must_use]
    pub fn changes(&self) -> &[FileChange] {
        &self.changes
    }

    /// What it will leave alone.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// The conflicts that are settled by it.
    #[must_use]
    pub fn settled(&self) -> &[Settled] {
        &self.settled
    }
}

impl Workspace {
    /// Plans to take changes back; `changes` in the order in which they were made.
    ///
    /// A path goes back to what it was before the first of them, if it is still what the last of
    /// them made of it. The content that is there now is safe when this returns.
    ///
    /// # Errors
    /// When the present state cannot be looked at or saved.
    pub fn undo_plan(&self, changes: &[FileChange]) -> Result<UndoPlan, FsError> {
        self.undo_plan_with(changes, &Choices::default())
    }

    /// As [`Self::undo_plan`], with conflicts settled as chosen.
    ///
    /// # Errors
    /// As [`Self::undo_plan`].
    pub fn undo_plan_with(
        &self,
        changes: &[FileChange],
        choices: &Choices,
    ) -> Result<UndoPlan, FsError> {
        let mut planner = Planner {
            workspace: self,
            choices,
            batch: self.store().batch(),
            steps: BTreeMap::new(),
            conflicts: Vec::new(),
            settled: Vec::new(),
            edited: BTreeMap::new(),
        };
        for (path, history) in histories(changes) {
            planner.path(&path, &history)?;
        }
        planner.follow_renames(&net(changes))?;
        planner.find_parents()?;
        planner.keep_occupied()?;
        planner.finish()
    }

    /// Carries a plan out; returns what it changed, which can be undone in turn.
    ///
    /// # Errors
    /// When a path changed since the plan, or an operation fails; planning again goes on.
    pub fn undo(&self, plan: &UndoPlan) -> Result<Vec<FileChange>, FsError> {
        self.put_back(&plan.steps)?;
        Ok(plan.changes.clone())
    }
}

/// What changes did to one path, in order: before and after each.
type History = Vec<(State, State)>;

fn histories(changes: &[FileChange]) -> BTreeMap<String, History> {
    let mut by_path: BTreeMap<String, History> = BTreeMap::new();
    let mut touch = |path: &str, before: State, after: State| {
        let history = by_path.entry(path.to_owned()).or_default();
        history.push((before, after));
    };
    for change in changes {
        match (&change.operation, &change.new_path) {
            (Operation::Rename, Some(to)) => {
                touch(&change.path, change.before.clone(), None);
                touch(to, None, change.after.clone());
            }
            (Operation::Delete, _) => touch(&change.path, change.before.clone(), None),
            (Operation::Create | Operation::Modify | Operation::Rename, _) => {
                touch(&change.path, change.before.clone(), change.after.clone());
            }
        }
    }
    by_path
}

/// The chain of a history. What is there now may be what was there before the last change: then that
/// was recorded and not carried out.
fn chain_of(history: &History, now: &State) -> Chain {
    let done = match history.split_last() {
        Some(((before, after), rest)) if now == before && now != after => rest,
        _ => history,
    };
    let mut chain = Chain::default();
    for (before, after) in done {
        chain.push(before, after);
    }
    chain
}

/// Whether what is there is what Loom itself leaves for a moment, and so for ever when it is killed
/// then: a directory that was opened to work in it, or nothing between a directory and something else
/// in its place.
fn is_in_passing(now: &State, history: &History) -> bool {
    let opened = |known: &State| is_open_form(now, known);
    let (Some((original, _)), Some((before, after))) = (history.first(), history.last()) else {
        return false;
    };
    let between = now.is_none() && changes_kind(before, after);
    between || [original, before, after].into_iter().any(opened)
}

/// Whether a directory gives way to something else, or something else to it: not in one step.
fn changes_kind(from: &State, to: &State) -> bool {
    let is_dir = |state: &FileState| state.kind == FileKind::Directory;
    match (from, to) {
        (Some(from), Some(to)) => is_dir(from) != is_dir(to),
        _ => false,
    }
}

/// Whether a directory is one that we opened to work in it, and then were killed.
fn is_open_form(now: &State, known: &State) -> bool {
    match (now, known) {
        (Some(now), Some(known)) => {
            now.kind == FileKind::Directory
                && known.kind == FileKind::Directory
                && now.mode != known.mode
                && now.mode == known.mode | OPEN
        }
        _ => false,
    }
}

/// Where the walk along a chain ends.
enum Walk {
    /// Nobody else was there.
    Straight(State),
    /// Somebody was.
    Diverged(Diverged),
}

struct Diverged {
    kind: ConflictKind,
    since: Option<FileDiff>,
    merged: Option<Merged>,
}

struct Planner<'a> {
    workspace: &'a Workspace,
    choices: &'a Choices,
    batch: Batch<'a>,
    steps: BTreeMap<String, Step>,
    conflicts: Vec<Conflict>,
    settled: Vec<Settled>,
    /// What somebody edited: where it had been renamed, the edit may belong to the old name.
    edited: BTreeMap<String, Version>,
}

impl Planner<'_> {
    fn path(&mut self, path: &str, history: &History) -> Result<(), FsError> {
        let now = match self.look(path) {
            Ok(now) => now,
            Err(error) => match out_of_reach(&error) {
                Some(kind) => {
                    self.conflict(path, kind);
                    return Ok(());
                }
                None => return Err(error),
            },
        };
        let state = state_of(now.as_ref());
        let chain = chain_of(history, &state);
        if state == *chain.original() {
            return Ok(());
        }
        if is_in_passing(&state, history) {
            self.step(path, state, chain.original().clone());
            return Ok(());
        }
        if chain.runs().next().is_none() {
            return Ok(());
        }
        match self.walk(path, &chain, now.clone()) {
            Walk::Straight(target) => {
                self.step(path, state, target);
                Ok(())
            }
            Walk::Diverged(diverged) => self.settle(path, now, chain.original(), diverged),
        }
    }

    /// What is there now, kept.
    fn look(&mut self, path: &str) -> Result<Option<Version>, FsError> {
        let (batch, mut content) = (&mut self.batch, None);
        let state = self.workspace.look(path, &mut |bytes| {
            content = (bytes.len() as u64 <= lines::MAX_COMPARED).then(|| bytes.to_vec());
            batch.add(bytes)
        })?;
        Ok(state.map(|state| Version { state, content }))
    }

    /// Walks from what is there now to what was there before the first change.
    fn walk(&self, path: &str, chain: &Chain, now: Option<Version>) -> Walk {
        let mut here = now;
        let mut diverged: Option<(ConflictKind, Option<FileDiff>)> = None;
        let mut places = 0;
        for (back, run) in chain.runs().enumerate() {
            let state = state_of(here.as_ref());
            if state == *run.last {
                here = self.kept(run.first);
                continue;
            }
            if state == *run.first {
                continue;
            }
            let last = self.kept(run.last);
            let (kind, since) = diverged.take().unwrap_or_else(|| {
                let kind = match back {
                    0 => changed_since(&state, run.last),
                    _ => ConflictKind::Between,
                };
                (kind, difference(path, last.as_ref(), here.as_ref()))
            });
            let merged = match (&last, &here, &self.kept(run.first)) {
                (Some(base), Some(ours), Some(theirs)) => merge(base, ours, theirs),
                _ => None,
            };
            here = match merged {
                Some(Merged::Clean(version)) => Some(version),
                Some(Merged::Marked(version, marks)) => {
                    places += marks;
                    Some(version)
                }
                None => {
                    let merged = None;
                    return Walk::Diverged(Diverged {
                        kind,
                        since,
                        merged,
                    });
                }
            };
            diverged = Some((kind, since));
        }
        let Some((kind, since)) = diverged else {
            return Walk::Straight(state_of(here.as_ref()));
        };
        let merged = here.map(|version| match places {
            0 => Merged::Clean(version),
            marks => Merged::Marked(version, marks),
        });
        Walk::Diverged(Diverged {
            kind,
            since,
            merged,
        })
    }

    /// A recorded state with its content.
    fn kept(&self, state: &State) -> Option<Version> {
        let state = state.clone()?;
        let readable = state.size <= lines::MAX_COMPARED;
        let digest = state.digest.as_ref().filter(|_| readable);
        let content = digest.and_then(|digest| self.workspace.store().get(digest).ok());
        Some(Version { state, content })
    }

    fn settle(
        &mut self,
        path: &str,
        now: Option<Version>,
        original: &State,
        diverged: Diverged,
    ) -> Result<(), FsError> {
        let Diverged {
            kind,
            since,
            merged,
        } = diverged;
        let state = state_of(now.as_ref());
        if let Some(Merged::Clean(version)) = &merged
            && Some(&version.state) == state.as_ref()
        {
            return Ok(());
        }
        match (self.choices.of(path), merged) {
            (Settle::Overwrite, _) => {
                let target = original.clone();
                self.settled_step(path, state, target, How::Overwritten);
            }
            (Settle::Merge | Settle::Mark, Some(Merged::Clean(version))) => {
                let target = self.keep(path, version)?;
                self.settled_step(path, state, Some(target), How::Merged);
            }
            (Settle::Mark, Some(Merged::Marked(version, _))) => {
                let target = self.keep(path, version)?;
                self.settled_step(path, state, Some(target), How::Marked);
            }
            (_, merged) => {
                let can_overwrite = self.blocked(state.as_ref(), original.as_ref()).is_none();
                self.conflicts.push(Conflict {
                    since,
                    merge: offer((path, path), now.as_ref(), merged.as_ref()),
                    can_overwrite,
                    ..kind.at(path)
                });
                self.edited.extend(now.map(|now| (path.to_owned(), now)));
            }
        }
        Ok(())
    }

    /// Puts what a merge made into the store.
    fn keep(&mut self, path: &str, version: Version) -> Result<FileState, FsError> {
        if let Some(content) = &version.content {
            let added = self.batch.add(content);
            added.map_err(|source| FsError::store(path, source))?;
        }
        Ok(version.state)
    }

    fn settled_step(&mut self, path: &str, from: State, to: State, how: How) {
        if self.step(path, from, to) {
            let path = path.to_owned();
            self.settled.push(Settled { path, how });
        }
    }

    /// Plans a step, if nothing that is there now or comes back would be lost.
    fn step(&mut self, path: &str, from: State, to: State) -> bool {
        match self.blocked(from.as_ref(), to.as_ref()) {
            Some(kind) => {
                self.conflict(path, kind);
                false
            }
            None => {
                let step = Step::new(path, from, to);
                self.steps.insert(path.to_owned(), step);
                true
            }
        }
    }

    fn blocked(&self, from: Option<&FileState>, to: Option<&FileState>) -> Option<ConflictKind> {
        // What is in the batch is not in the store yet.
        let coming = |state: &FileState| {
            let digest = state.digest.as_ref();
            digest.is_some_and(|digest| self.batch.has(digest))
        };
        let kept = |state: &FileState| self.workspace.is_kept(state) || coming(state);
        // The name of a socket is nothing that could be lost.
        let spare = |state: &FileState| state.kind == FileKind::Socket;
        if to.is_some_and(|state| !kept(state)) {
            Some(ConflictKind::NotKept)
        } else if from.is_some_and(|state| !kept(state) && !spare(state)) {
            Some(ConflictKind::CannotBeKept)
        } else {
            None
        }
    }

    fn conflict(&mut self, path: &str, kind: ConflictKind) {
        self.conflicts.push(kind.at(path));
    }

    /// A file that was renamed and then edited by somebody: merged, it goes back to its old name with
    /// the edit.
    fn follow_renames(&mut self, nets: &BTreeMap<String, Net>) -> Result<(), FsError> {
        for (path, now) in std::mem::take(&mut self.edited) {
            let net = nets.get(&path).filter(|net| net.original.is_none());
            let Some(from) = net.and_then(|net| net.came_from.as_ref()) else {
                continue;
            };
            let back = self.steps.get(from).filter(|step| step.from.is_none());
            let Some(old) = back.and_then(|step| self.kept(&step.to)) else {
                continue;
            };
            let base = net.and_then(|net| self.kept(&net.latest));
            let merged = base.and_then(|base| merge(&base, &now, &old));
            self.settle_rename((from, &path), now, merged)?;
        }
        Ok(())
    }

    fn settle_rename(
        &mut self,
        (from, path): (&str, &str),
        now: Version,
        merged: Option<Merged>,
    ) -> Result<(), FsError> {
        let (version, how) = match (self.choices.of(path), merged) {
            (Settle::Merge | Settle::Mark, Some(Merged::Clean(version))) => (version, How::Merged),
            (Settle::Mark, Some(Merged::Marked(version, _))) => (version, How::Marked),
            (_, merged) => {
                let merge = offer((path, from), Some(&now), merged.as_ref());
                let mut conflicts = self.conflicts.iter_mut();
                if let Some(conflict) = conflicts.find(|c| c.path == path) {
                    conflict.merge = merge;
                }
                return Ok(());
            }
        };
        let target = self.keep(path, version)?;
        self.conflicts.retain(|conflict| conflict.path != path);
        if let Some(step) = self.steps.get_mut(from) {
            step.to = Some(target);
        }
        self.settled_step(path, Some(now.state), None, how);
        Ok(())
    }

    /// What comes back needs its directories.
    fn find_parents(&mut self) -> Result<(), FsError> {
        let coming: Vec<String> = self
            .steps
            .values()
            .filter(|step| step.to.is_some())
            .map(|step| step.path.clone())
            .collect();
        for path in coming {
            for dir in name::ancestors(&path) {
                if !self.find_parent(dir)? {
                    self.steps.remove(&path);
                    self.conflict(&path, ConflictKind::NoDirectory);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether a directory is there or will be.
    fn find_parent(&mut self, dir: &str) -> Result<bool, FsError> {
        let is_dir = |state: &FileState| state.kind == FileKind::Directory;
        if let Some(step) = self.steps.get(dir) {
            return Ok(step.to.as_ref().is_some_and(is_dir));
        }
        let now = self
            .workspace
            .look(dir, &mut |bytes| Ok(crate::store::hash(bytes)));
        match now {
            Ok(Some(state)) => Ok(is_dir(&state)),
            Ok(None) => {
                self.steps.insert(dir.to_owned(), new_directory(dir));
                Ok(true)
            }
            Err(FsError::WrongKind { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A directory that holds something of the user's stays.
    fn keep_occupied(&mut self) -> Result<(), FsError> {
        let steps: Vec<Step> = self.steps.values().cloned().collect();
        for path in self.workspace.occupied(&steps)? {
            self.steps.remove(&path);
            self.conflict(&path, ConflictKind::Occupied);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<UndoPlan, FsError> {
        let finished = self.batch.finish();
        finished.map_err(|source| FsError::store(".", source))?;
        let steps: Vec<Step> = self.steps.into_values().collect();
        // What lost its step on the way was not settled.
        let planned = |one: &Settled| steps.iter().any(|step| step.path == one.path);
        self.settled.retain(planned);
        Ok(UndoPlan {
            changes: to_changes(&steps, Origin::Loom, self.workspace.store()),
            steps,
            conflicts: self.conflicts,
            settled: self.settled,
        })
    }
}

fn state_of(version: Option<&Version>) -> State {
    version.map(|version| version.state.clone())
}

fn out_of_reach(error: &FsError) -> Option<ConflictKind> {
    match error {
        FsError::WrongKind { .. } => Some(ConflictKind::Special),
        error if error.is_denied() => Some(ConflictKind::Closed),
        _ => None,
    }
}

fn changed_since(now: &State, left: &State) -> ConflictKind {
    match (now, left) {
        (None, _) => ConflictKind::Removed,
        (Some(_), None) => ConflictKind::Appeared,
        (Some(_), Some(_)) => ConflictKind::Changed,
    }
}

fn side(version: &Version) -> Option<Side> {
    lines::has_content(version.state.kind)
        .then(|| Side::new(version.state.clone(), version.content.clone()))
}

fn difference(path: &str, old: Option<&Version>, new: Option<&Version>) -> Option<FileDiff> {
    let (old, new) = (old.and_then(side), new.and_then(side));
    one(path, None, old.as_ref(), new.as_ref())
}

fn offer((path, to): (&str, &str), now: Option<&Version>, merged: Option<&Merged>) -> Offer {
    match merged {
        None => Offer::None,
        Some(Merged::Clean(version)) => {
            let (old, new) = (now.and_then(side), side(version));
            let patch = crate::patch::between(path, to, old.as_ref(), new.as_ref());
            Offer::Clean { patch: patch.text }
        }
        Some(Merged::Marked(version, places)) => Offer::Marked {
            places: *places,
            text: String::from_utf8_lossy(version.content.as_deref().unwrap_or_default())
                .into_owned(),
        },
    }
}
