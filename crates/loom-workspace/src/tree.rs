//! Manifests in the store: one object for each directory, as git does with trees, so that saving a
//! tree again costs only the directories that changed, and equal trees have equal names.

use crate::scan::Entries;
use crate::store::Batch;
use crate::{Live, ManifestError, Store, StoreError, name};
use loom_events::{Digest, FileKind, FileState};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Serialize, Deserialize)]
struct Child<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    state: Cow<'a, FileState>,
    /// For a directory: what is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tree: Option<Digest>,
}

/// Puts the objects of a tree into the batch; the root's name.
pub(crate) fn save(entries: &Entries, batch: &mut Batch<'_>) -> Result<Digest, StoreError> {
    let mut open: HashMap<&str, Vec<Child<'_>>> = HashMap::new();
    // In reverse order every entry comes before the directory that it is in.
    for (path, state) in entries.iter().rev() {
        let (dir, name) = name::split(path).expect("BUG: the root is not an entry");
        let tree = match state.kind {
            FileKind::Directory => {
                let children = open.remove(path.as_str()).unwrap_or_default();
                Some(save_one(children, batch)?)
            }
            FileKind::File | FileKind::Symlink | FileKind::Pipe | FileKind::Socket => None,
        };
        let (name, state) = (Cow::Borrowed(name), Cow::Borrowed(state));
        open.entry(dir)
            .or_default()
            .push(Child { name, state, tree });
    }
    save_one(open.remove("").unwrap_or_default(), batch)
}

fn save_one(children: Vec<Child<'_>>, batch: &mut Batch<'_>) -> Result<Digest, StoreError> {
    batch.add(&serde_json::to_vec(&children).expect("BUG: text and numbers can be encoded"))
}

/// Adds everything that a saved tree refers to, itself included.
pub(crate) fn mark(root: &Digest, store: &Store, live: &mut Live) -> Result<(), ManifestError> {
    let mut todo = vec![root.clone()];
    while let Some(tree) = todo.pop() {
        // Equal directories are one object: what is marked already is marked with all below.
        if !live.trees.insert(tree.clone()) {
            continue;
        }
        let bytes = store.get(&tree)?;
        live.all.insert(tree);
        let children: Vec<Child<'_>> =
            serde_json::from_slice(&bytes).map_err(ManifestError::Unreadable)?;
        for child in children {
            live.all.extend(child.state.into_owned().digest);
            todo.extend(child.tree);
        }
    }
    Ok(())
}

/// The entries of a saved tree.
pub(crate) fn load(root: &Digest, store: &Store) -> Result<Entries, ManifestError> {
    let mut entries = Entries::new();
    let mut todo = vec![(String::new(), root.clone())];
    while let Some((dir, tree)) = todo.pop() {
        let bytes = store.get(&tree)?;
        let children: Vec<Child<'_>> =
            serde_json::from_slice(&bytes).map_err(ManifestError::Unreadable)?;
        for child in children {
            let path = name::join(&dir, &child.name);
            todo.extend(child.tree.map(|tree| (path.clone(), tree)));
            entries.insert(path, child.state.into_owned());
        }
    }
    Ok(entries)
}
