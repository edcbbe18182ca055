//! What runs code in the repositories of a tree: as it was before a command, and put back after it.

use super::config::harmless_part;
use super::find::{Found, repositories};
use super::place::{ASIDE, Item, Place, beside};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What git runs, or reads to know what to run, in each repository.
pub(super) const CODE: &[&str] = &["hooks", "config", "config.worktree", "commondir"];

/// Levels below a directory of hooks: they may call what lies beside them.
const MAX_LEVELS: usize = 4;

/// What runs code in the repositories of a tree.
#[derive(Debug)]
pub(in crate::process) struct Picture {
    root: PathBuf,
    code: BTreeMap<PathBuf, Code>,
    pointers: BTreeMap<PathBuf, Item>,
    /// Contents that were there before, wherever: a repository may be moved and copied.
    known: BTreeSet<Item>,
}

/// One file that git runs or reads.
#[derive(Debug)]
struct Code {
    repository: PathBuf,
    item: Item,
    modified: Option<SystemTime>,
}

impl Picture {
    /// Takes it.
    pub(in crate::process) fn take(root: &Path) -> Self {
        let found = repositories(root);
        let code = code(&found);
        let pointers = found.pointers.into_iter();
        let pointers = pointers.filter_map(|path| Some((path.clone(), Item::at(&path)?)));
        Self {
            root: root.to_owned(),
            known: code.values().map(|code| code.item.clone()).collect(),
            pointers: pointers.collect(),
            code,
        }
    }

    /// Puts back what is different and sets aside what is new, where git would run it. Says what
    /// was done, a sentence each.
    pub(in crate::process) fn put_back(&self) -> Vec<String> {
        let found = repositories(&self.root);
        let mut done = Vec::new();
        if !found.complete {
            done.push("the tree is too large to look for every repository in it".to_owned());
        }
        for (path, before) in &self.code {
            let is_same = || Item::at(path).as_ref() == Some(&before.item);
            if before.repository.exists() && !is_same() {
                let what = Place(&self.root).restore(path, &before.item, before.modified);
                done.push(self.said(path, "was put back", &what));
            }
        }
        for (path, now) in &code(&found) {
            if !self.code.contains_key(path) && !self.known.contains(&now.item) {
                done.extend(self.judge(path, now, &found));
            }
        }
        for path in &found.pointers {
            let now = Item::at(path);
            // Where a repository was put back, above, there is none any more.
            let is_pointer = now.as_ref().is_some_and(|item| *item != Item::Other);
            let is_known = self.pointers.get(path) == now.as_ref();
            if is_pointer && !is_known && !self.leads_to_one_of(path, &found) {
                let what = Place(&self.root).set_aside(path, &beside(path));
                done.push(self.said(path, "was set aside: it leads out of the workspace", &what));
            }
        }
        done
    }

    /// What is to be done with something new.
    fn judge(&self, path: &Path, now: &Code, found: &Found) -> Option<String> {
        let name = path.strip_prefix(&now.repository).unwrap_or(path);
        let aside = now.repository.join(ASIDE).join(name);
        let place = Place(&self.root);
        match (name.to_str(), &now.item) {
            (Some("commondir"), _) if self.leads_to_one_of(path, found) => None,
            (Some("config" | "config.worktree"), Item::File { bytes, mode }) => {
                // What is no text is no configuration that git would read, either.
                let text = std::str::from_utf8(bytes).unwrap_or("?");
                let kept = Item::File {
                    bytes: harmless_part(text)?.into_bytes(),
                    mode: *mode,
                };
                let what = place.set_aside(path, &aside);
                let what = what.and_then(|()| place.restore(path, &kept, None));
                let how = "was reduced to what runs no program; the whole is in `loom-held`";
                Some(self.said(path, how, &what))
            }
            (_, Item::File { .. }) if !runs(path) => None,
            _ => {
                let what = place.set_aside(path, &aside);
                Some(self.said(path, "was set aside into `loom-held`", &what))
            }
        }
    }

    /// Whether a file or link that says where a repository is names one that was looked at.
    fn leads_to_one_of(&self, pointer: &Path, found: &Found) -> bool {
        let dir = pointer.parent().unwrap_or(&self.root);
        let target = match Item::at(pointer) {
            Some(Item::Link(target)) => target,
            Some(Item::File { bytes, .. }) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let text = text.trim();
                PathBuf::from(text.strip_prefix("gitdir:").unwrap_or(text).trim())
            }
            Some(Item::Other) | None => return false,
        };
        let real = dir.join(target).canonicalize();
        real.is_ok_and(|real| found.directories.contains(&real))
    }

    fn said(&self, path: &Path, what: &str, result: &io::Result<()>) -> String {
        let name = path.strip_prefix(&self.root).unwrap_or(path).display();
        match result {
            Ok(()) => format!("`{name}` {what}"),
            Err(error) => format!("`{name}` must be looked at by hand before git is used: {error}"),
        }
    }
}

/// Everything that runs code in these repositories.
fn code(found: &Found) -> BTreeMap<PathBuf, Code> {
    let mut all = BTreeMap::new();
    for repository in &found.directories {
        for name in CODE {
            collect(&repository.join(name), repository, MAX_LEVELS, &mut all);
        }
    }
    all
}

fn collect(path: &Path, repository: &Path, levels: usize, all: &mut BTreeMap<PathBuf, Code>) {
    let Ok(found) = fs::symlink_metadata(path) else {
        return;
    };
    if !found.is_dir() {
        let code = Item::at(path).map(|item| Code {
            repository: repository.to_owned(),
            item,
            modified: found.modified().ok(),
        });
        all.extend(code.map(|code| (path.to_owned(), code)));
    } else if let Some(deeper) = levels.checked_sub(1) {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), repository, deeper, all);
        }
    }
}

/// Git's own examples are not run: their names say so.
fn runs(path: &Path) -> bool {
    path.extension() != Some(OsStr::new("sample"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Tree {
        root: PathBuf,
        _dir: tempfile::TempDir,
    }

    impl Tree {
        fn new(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().canonicalize().unwrap();
            let tree = Self { root, _dir: dir };
            for (name, text) in files {
                tree.write(name, text);
            }
            tree
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.join(name)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap_or_else(|_| "(nothing)".to_owned())
        }
    }

    const CONFIG: &str = "[core]\n\tbare = false\n";

    fn repository() -> Tree {
        Tree::new(&[
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".git/config", CONFIG),
            (".git/hooks/pre-commit", "#!/bin/sh\nmake check\n"),
            (".git/hooks/pre-push.sample", "#!/bin/sh\n"),
        ])
    }

    #[test]
    fn what_did_not_change_is_left_alone() {
        let tree = repository();
        let picture = Picture::take(&tree.root);
        tree.write(".git/index", "anything");
        tree.write("src/main.rs", "fn main() {}");
        assert_eq!(picture.put_back(), [""; 0]);
    }

    #[test]
    fn hooks_and_configuration_are_what_they_were() {
        let tree = repository();
        let picture = Picture::take(&tree.root);
        tree.write(".git/hooks/pre-commit", "evil");
        tree.write(".git/hooks/post-checkout", "evil");
        tree.write(".git/config", "[core]\n\tfsmonitor = ./evil\n");
        let done = picture.put_back();
        assert_eq!(
            done,
            [
                "`.git/config` was put back",
                "`.git/hooks/pre-commit` was put back",
                "`.git/hooks/post-checkout` was set aside into `loom-held`"
            ]
        );
        assert_eq!(tree.text(".git/config"), CONFIG);
        assert_eq!(
            tree.text(".git/hooks/pre-commit"),
            "#!/bin/sh\nmake check\n"
        );
        assert_eq!(tree.text(".git/hooks/post-checkout"), "(nothing)");
        assert_eq!(tree.text(".git/loom-held/hooks/post-checkout"), "evil");
        assert_eq!(picture.put_back(), [""; 0], "once is enough");
    }

    #[test]
    fn a_forged_repository_in_the_place_of_the_real_one_runs_nothing() {
        let tree = repository();
        let picture = Picture::take(&tree.root);
        fs::rename(tree.path(".git"), tree.path("g2")).unwrap();
        tree.write(".git/HEAD", "ref: refs/heads/main\n");
        tree.write(".git/hooks/pre-commit", "evil");
        picture.put_back();
        assert_eq!(
            tree.text(".git/hooks/pre-commit"),
            "#!/bin/sh\nmake check\n"
        );
        assert_eq!(tree.text(".git/config"), CONFIG);
        // What the user had stays wherever it was moved.
        assert_eq!(tree.text("g2/hooks/pre-commit"), "#!/bin/sh\nmake check\n");
    }

    #[test]
    fn a_new_repository_may_be_made_and_runs_nothing() {
        let tree = Tree::new(&[]);
        let picture = Picture::take(&tree.root);
        let config = format!("{CONFIG}[user]\n\tname = t\n");
        tree.write("a/.git/config", &config);
        tree.write("a/.git/hooks/pre-commit.sample", "#!/bin/sh\n");
        assert_eq!(picture.put_back(), [""; 0]);
        tree.write("a/.git/hooks/pre-commit", "evil");
        tree.write("a/.git/config", &format!("{config}[alias]\n\tst = !evil\n"));
        tree.write("b/HEAD", "");
        tree.write("b/objects/x", "");
        tree.write("b/refs/x", "");
        tree.write("b/config", "[core]\n\tfsmonitor = evil\n");
        picture.put_back();
        assert_eq!(tree.text("a/.git/hooks/pre-commit"), "(nothing)");
        assert!(!tree.text("a/.git/config").contains("evil"));
        assert!(tree.text("a/.git/config").contains("name = t"));
        assert_eq!(tree.text("b/config"), "[core]\n");
    }

    #[test]
    fn a_pointer_out_of_the_workspace_is_set_aside_and_one_inside_is_not() {
        let outside = Tree::new(&[("evil/HEAD", "")]);
        let tree = repository();
        tree.write("old/.git", "gitdir: /somewhere/the/user/has/it\n");
        let picture = Picture::take(&tree.root);
        tree.write(".git/worktrees/w/commondir", "../..\n");
        tree.write(".git/worktrees/w/HEAD", "x");
        tree.write(
            "w/.git",
            &format!("gitdir: {}\n", tree.path(".git/worktrees/w").display()),
        );
        assert_eq!(picture.put_back(), [""; 0], "a worktree as git makes it");
        let evil = outside.path("evil");
        tree.write("sub/.git", &format!("gitdir: {}\n", evil.display()));
        symlink(&evil, tree.path("src.git")).unwrap();
        fs::create_dir(tree.path("x")).unwrap();
        symlink(&evil, tree.path("x/.git")).unwrap();
        tree.write(
            ".git/worktrees/w/commondir",
            &format!("{}\n", evil.display()),
        );
        picture.put_back();
        assert_eq!(tree.text("sub/.git"), "(nothing)");
        assert!(!tree.path("x/.git").is_symlink());
        assert_eq!(tree.text(".git/worktrees/w/commondir"), "(nothing)");
        assert_eq!(
            tree.text("old/.git"),
            "gitdir: /somewhere/the/user/has/it\n"
        );
    }

    #[test]
    fn a_directory_of_hooks_cannot_become_a_link() {
        let outside = Tree::new(&[("pre-commit", "evil")]);
        let tree = repository();
        let picture = Picture::take(&tree.root);
        fs::remove_dir_all(tree.path(".git/hooks")).unwrap();
        symlink(&outside.root, tree.path(".git/hooks")).unwrap();
        picture.put_back();
        assert_eq!(
            tree.text(".git/hooks/pre-commit"),
            "#!/bin/sh\nmake check\n"
        );
        assert_eq!(
            outside.text("pre-commit"),
            "evil",
            "nothing was written through it"
        );
    }

    #[test]
    fn nothing_is_put_back_or_set_aside_through_a_link() {
        let outside = Tree::new(&[("hooks/other", "mine"), ("config", "mine")]);
        let tree = Tree::new(&[
            ("x/.git/HEAD", "ref: refs/heads/main\n"),
            ("x/.git/config", CONFIG),
            ("x/.git/hooks/pre-commit", "make check\n"),
            ("y/.git/HEAD", "ref: refs/heads/main\n"),
        ]);
        let picture = Picture::take(&tree.root);
        fs::rename(tree.path("x/.git"), tree.path("x/old")).unwrap();
        symlink(&outside.root, tree.path("x/.git")).unwrap();
        symlink(&outside.root, tree.path("y/.git/loom-held")).unwrap();
        tree.write("y/.git/hooks/post-checkout", "evil");
        picture.put_back();
        assert_eq!(tree.text("x/.git/hooks/pre-commit"), "make check\n");
        assert_eq!(tree.text("y/.git/hooks/post-checkout"), "(nothing)");
        assert_eq!(outside.text("config"), "mine");
        let there = fs::read_dir(outside.path("hooks")).unwrap().count();
        assert_eq!(there, 1, "nothing came into the directory outside");
    }

    #[test]
    fn what_is_put_back_is_as_old_as_it_was() {
        let tree = repository();
        let config = tree.path(".git/config");
        let time = || fs::metadata(&config).unwrap().modified().unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let file = fs::File::options().write(true).open(&config).unwrap();
        file.set_modified(long_ago).unwrap();
        let (picture, before) = (Picture::take(&tree.root), time());
        tree.write(".git/config", "evil");
        picture.put_back();
        assert_eq!(time(), before);
    }

    #[test]
    fn a_pointer_into_a_part_that_is_not_looked_at_is_set_aside() {
        let tree = repository();
        let picture = Picture::take(&tree.root);
        tree.write(".git/objects/evil/HEAD", "ref: refs/heads/main\n");
        tree.write(".git/objects/evil/config", "[core]\n\tfsmonitor = evil\n");
        tree.write("sub/.git", "gitdir: ../.git/objects/evil\n");
        picture.put_back();
        assert_eq!(tree.text("sub/.git"), "(nothing)");
    }
}
