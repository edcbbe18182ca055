//! A look at the whole tree before any work: how much there is to keep, and what is not protected.

use crate::scan::{Part, Reading};
use crate::store::MAX_KEPT;
use crate::{FsError, Workspace, lines};
use loom_events::{FileState, LeftOutGroup, Survey, WhyLeftOut};
use std::collections::BTreeMap;

impl Workspace {
    /// Counts what a snapshot would keep and what it would leave out. No file is opened.
    ///
    /// # Errors
    /// When the tree cannot be walked.
    pub fn survey(&self) -> Result<Survey, FsError> {
        let seen = self.look_around("", Part::Sources(None), Reading::Count)?;
        let kept = |state: &&FileState| lines::has_content(state.kind) && state.size <= MAX_KEPT;
        let (mut files, mut bytes) = (0, 0);
        for state in seen.entries.values().filter(kept) {
            files += 1;
            bytes += state.size;
        }
        let mut groups: BTreeMap<WhyLeftOut, LeftOutGroup> = BTreeMap::new();
        for left in seen.left_out {
            let group = groups.entry(left.why).or_insert_with(|| LeftOutGroup {
                why: left.why,
                count: 0,
                paths: Vec::new(),
            });
            group.count += 1;
            if group.paths.len() < LeftOutGroup::NAMED {
                group.paths.push(left.path);
            }
        }
        Ok(Survey {
            files,
            bytes,
            free_bytes: self.store().free_bytes(),
            left_out: groups.into_values().collect(),
        })
    }
}
