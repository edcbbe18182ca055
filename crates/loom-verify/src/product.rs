//! What an execution made, so that it can be compared with others that began from the same state.
//!
//! Two are equal when the files that they changed end up the same but for what nobody means anything
//! by: blank lines, space at the end of a line, lines that are nothing but a comment, and what tools
//! make. That is all that is folded: another order of lines may be another meaning.

use crate::GateInput;
use crate::comments::is_comment;
use crate::files::{blocking, text};
use crate::scope::is_generated;
use loom_events::{FileDiff, Product, ProductFile};
use loom_redact::Redactor;
use loom_workspace::{Workspace, content_hash};
use std::sync::Arc;

/// Files that are shown. More are compared, and nobody would read them.
const MAX_FILES: usize = 30;

/// Characters of the change of one file that are shown, and of all of them: a question holds several.
const MAX_PATCH: usize = 2_000;
const MAX_PATCHES: usize = 6_000;

/// What the judged attempt made. None when its changes cannot be read: then it is like no other.
pub(crate) async fn product(input: &GateInput) -> Option<Product> {
    let workspace = Arc::clone(input.workspace.as_ref()?);
    let (changes, redactor) = (input.changes.clone(), Arc::clone(&input.redactor));
    blocking(move || {
        let mut diffs = workspace.diff(&changes).ok()?;
        diffs.retain(|diff| !is_generated(&diff.path));
        diffs.sort_by(|one, other| one.path.cmp(&other.path));
        Some(described(&workspace, &diffs, &redactor))
    })
    .await
}

fn described(workspace: &Workspace, diffs: &[FileDiff], redactor: &Redactor) -> Product {
    let mut whole = Vec::new();
    let (mut lines, mut files, mut room) = (0, Vec::new(), MAX_PATCHES);
    for diff in diffs {
        let content = content(workspace, diff);
        whole.extend_from_slice(&content);
        lines += u64::from(diff.added) + u64::from(diff.removed);
        if files.len() < MAX_FILES {
            let patch = redactor.text(&diff.patch);
            let patch = shown(&patch, diff, &mut room);
            files.push(ProductFile {
                path: diff.path.clone(),
                print: content_hash(&content),
                patch,
            });
        }
    }
    Product {
        print: content_hash(&whole),
        lines,
        files,
    }
}

/// The path, what it was called before, and what is there now, in a form in which two can be told apart
/// by their bytes.
fn content(workspace: &Workspace, diff: &FileDiff) -> Vec<u8> {
    let mut content = format!("{}\0{:?}\0", diff.path, diff.old_path).into_bytes();
    let state = workspace.state(&diff.path).ok().flatten();
    let Some(state) = state else {
        content.extend_from_slice(b"gone\0");
        return content;
    };
    let runs = state.mode & 0o111 != 0;
    content.extend_from_slice(format!("{:?} {runs}\0", state.kind).as_bytes());
    match text(workspace, &diff.path).filter(|_| !diff.binary) {
        Some(text) => content.extend_from_slice(normalised(&diff.path, &text).as_bytes()),
        None => content.extend_from_slice(format!("{:?}", state.digest).as_bytes()),
    }
    content.push(0);
    content
}

fn normalised(path: &str, text: &str) -> String {
    let lines = text.lines().map(str::trim_end);
    let mut kept = String::with_capacity(text.len());
    for line in lines.filter(|line| !line.is_empty() && !is_comment(path, line)) {
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// A patch as far as there is room; the rest is named by its size.
fn shown(patch: &str, diff: &FileDiff, room: &mut usize) -> String {
    let most = MAX_PATCH.min(*room);
    let kept: String = patch.chars().take(most).collect();
    *room -= kept.chars().count();
    match kept.len() == patch.len() {
        true => kept,
        false => format!("{kept}\n… +{} −{} lines in all", diff.added, diff.removed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Place, step};

    async fn made(files: &[(&str, &str)]) -> Product {
        let place = Place::with(&[("a.py", "x = 1\n"), ("old.txt", "old\n")]);
        for (path, text) in files {
            place.write(path, text);
        }
        let baseline = crate::Baseline::default();
        product(&place.input(step(Vec::new()), baseline))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_nobody_means_anything_by_does_not_tell_two_apart() {
        let one = made(&[("a.py", "x = 2\ny = 3\n")]).await;
        let other = made(&[
            ("a.py", "# the answer\nx = 2  \n\ny = 3"),
            ("__pycache__/a.pyc", "whatever"),
        ])
        .await;
        assert_eq!(one.print, other.print);
        assert!(
            one.lines < other.lines,
            "the size is that of the whole change"
        );
    }

    #[tokio::test]
    async fn whatever_may_mean_something_does() {
        let one = made(&[("a.py", "x = 2\ny = 3\n")]).await;
        for other in [
            &[("a.py", "y = 3\nx = 2\n")][..],
            &[("a.py", "x = 2\n  y = 3\n")],
            &[("a.py", "x = 2\ny = 3\n"), ("b.py", "")],
            &[("b.py", "x = 2\ny = 3\n")],
            &[],
        ] {
            assert_ne!(one.print, made(other).await.print, "{other:?}");
        }
    }

    #[tokio::test]
    async fn a_heading_is_no_comment_and_a_file_that_is_gone_is_told_from_one_that_stays() {
        let one = made(&[("a.md", "# One\n")]).await;
        let other = made(&[("a.md", "# Other\n")]).await;
        assert_ne!(one.print, other.print);

        let place = Place::with(&[("a.py", "x = 1\n")]);
        place.remove("a.py");
        let baseline = crate::Baseline::default();
        let gone = product(&place.input(step(Vec::new()), baseline))
            .await
            .unwrap();
        assert_eq!(gone.files[0].path, "a.py");
        assert_ne!(gone.print, made(&[]).await.print);
    }

    #[tokio::test]
    async fn much_is_compared_whole_and_shown_in_part() {
        let long = "word\n".repeat(5_000);
        let one = made(&[("a.txt", &format!("{long}red\n"))]).await;
        let other = made(&[("a.txt", &format!("{long}blue\n"))]).await;
        assert_ne!(one.print, other.print);
        assert!(
            one.files[0].patch.len() < 2_200,
            "{}",
            one.files[0].patch.len()
        );
        assert!(one.files[0].patch.ends_with("+5001 −0 lines in all"));
    }
}
