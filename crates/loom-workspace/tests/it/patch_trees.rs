//! Any tree and any other: the patch between them is one that git applies, forwards and back.

use crate::support::{Files, Place, files, git_apply, sh};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Names that git quotes and names that it does not; a file may be where a directory was.
const NAMES: &[&[u8]] = &[
    b"a",
    b"b.txt",
    b"-dash",
    b"--",
    b"sp ace",
    b"q\"uote",
    b"back\\slash",
    b"tab\there",
    b"new\nline",
    b"gr\xc3\xbcn",
    b"bad\xff",
    b"d",
    b"d/x",
    b"d/e/y",
    b"d e/-z",
    b"n/only",
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    File(Vec<u8>, bool),
    Link(Vec<u8>),
}

type Tree = BTreeMap<&'static [u8], Node>;

/// Texts that are mostly alike, so that renamed and edited files are found, and what is no text.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let text = (0..3usize, 0..3usize, any::<bool>(), 0..4u8).prop_map(|(kind, at, tail, odd)| {
        let mut text: String = (0..12).map(|n| format!("{kind} line {n}\n")).collect();
        let edits = ["", "an edited line\n", "with \r\n carriage \r returns\r\n"];
        text.insert_str(text.len() / 2, edits[at]);
        if odd == 0 {
            text = text.replace('\n', "\r\n");
        }
        if tail {
            text.pop();
        }
        text.into_bytes()
    });
    prop_oneof![
        5 => text,
        1 => Just(Vec::new()),
        1 => Just(b"\n".to_vec()),
        1 => Just(b"x".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => Just(b"latin \xe4\xf6\n".to_vec()),
    ]
}

/// No link leads to itself by way of a directory that it replaced: git cannot see past it, in its own
/// patch neither.
fn node() -> impl Strategy<Value = Node> {
    prop_oneof![
        6 => (content(), any::<bool>()).prop_map(|(content, exec)| Node::File(content, exec)),
        1 => prop_oneof![Just("a"), Just("b.txt"), Just("no where"), Just("/dev/null")]
            .prop_map(|to| Node::Link(to.as_bytes().to_vec())),
    ]
}

fn trees() -> impl Strategy<Value = Tree> {
    proptest::collection::vec((0..NAMES.len(), node()), 0..10).prop_map(|nodes| {
        let mut tree = Tree::new();
        for (name, node) in nodes {
            let name = NAMES[name];
            let below = |one: &[u8], dir: &[u8]| {
                one.strip_prefix(dir)
                    .is_some_and(|rest| rest.starts_with(b"/"))
            };
            // A name cannot be a file and a directory at once.
            if tree
                .keys()
                .all(|other| !below(other, name) && !below(name, other))
            {
                tree.insert(name, node);
            }
        }
        tree
    })
}

fn make(root: &Path, tree: &Tree) {
    for (name, node) in tree {
        let path = root.join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match node {
            Node::Link(to) => std::os::unix::fs::symlink(OsStr::from_bytes(to), path).unwrap(),
            Node::File(content, exec) => {
                fs::write(&path, content).unwrap();
                let mode = if *exec { 0o755 } else { 0o644 };
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    }
}

/// `git apply -R` does not bring a link back that became a file, of git's own patch neither.
fn is_beyond_git(before: &Tree, after: &Tree) -> bool {
    let kind = |node: &Node| matches!(node, Node::Link(_));
    before
        .iter()
        .any(|(name, old)| after.get(name).is_some_and(|new| kind(old) != kind(new)))
}

/// Some versions of git forget what a deleted file was when `git apply -R` brings it back, link or
/// executable, with git's own patch too: of those only the content counts.
fn as_git_brings_back(gone: &Tree, files: Files) -> Files {
    let is_gone = |path: &Path| gone.contains_key(path.as_os_str().as_bytes());
    files
        .into_iter()
        .map(|(path, kind, mode, content)| match is_gone(&path) {
            true => (path, 'f', 0, content),
            false => (path, kind, mode, content),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn git_takes_the_patch_from_any_tree_to_any_other(before in trees(), after in trees()) {
        let place = Place::new();
        make(place.path(), &before);
        let copy = place.beside("copy");
        make(&copy, &before);
        let (original, manifest) = (files(&copy), place.workspace.take_manifest().unwrap());

        sh(place.path(), "find . -mindepth 1 -delete", &[]);
        make(place.path(), &after);
        let changes = place.workspace.changes_since(&manifest).unwrap().1;
        let diffs = place.workspace.diff(&changes).unwrap();
        let recorded = place.workspace.diff_recorded(&changes).unwrap();
        prop_assert_eq!(&diffs, &recorded);
        let patch: Vec<u8> = diffs.iter().flat_map(|diff| diff.patch.bytes()).collect();
        fs::write(copy.with_extension("patch"), &patch).unwrap();

        git_apply(&copy, "");
        prop_assert_eq!(files(&copy), files(place.path()), "{}", String::from_utf8_lossy(&patch));
        if !is_beyond_git(&before, &after) {
            git_apply(&copy, "-R");
            let mut gone = before.clone();
            gone.retain(|name, _| !after.contains_key(name));
            prop_assert_eq!(
                as_git_brings_back(&gone, files(&copy)),
                as_git_brings_back(&gone, original),
                "-R {}",
                String::from_utf8_lossy(&patch)
            );
        }
    }
}
