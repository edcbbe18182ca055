//! What completed steps made is to stay: their checks hold, their files change only where the
//! step at work says so, and so do their entries in files that many steps add to. Such a fault fails a gate of a step once; a worker who was told and did it
//! again may need it, and then it is a flag, and the last gate's to judge.

use crate::check::{Look, Scene, look};
use crate::fault::Fault;
use crate::files::{Changed, blocking};
use crate::mistakes::words;
use crate::{CheckRunner, GateInput, entries, globs};
use loom_events::{Check, FileChange, SubtaskSpec};
use loom_workspace::Workspace;
use std::sync::Arc;
use std::time::Duration;

/// Name of the rule.
pub(crate) const RULE: &str = "what other steps made is as it was";

/// A check of a completed step gets no longer: it was green, and cheap ones are many.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Whether the step was told at an earlier gate.
pub(crate) fn was_told(input: &GateInput) -> bool {
    input.attempt.red_before.iter().any(|words| words == RULE)
}

/// What is not as completed steps left it.
pub(crate) async fn faults(
    input: &GateInput,
    workspace: &Arc<Workspace>,
    files: &[Changed],
    runner: &dyn CheckRunner,
) -> Vec<Fault> {
    let mut faults = strangers(input);
    let (place, files, earlier) = (Arc::clone(workspace), files.to_vec(), input.earlier.clone());
    faults.extend(blocking(move || entries::lost(&place, &files, &earlier)).await);
    let scene = Scene {
        workspace,
        runner,
        changes: &[],
        tests_before: None,
    };
    let mut seen: Vec<&Check> = Vec::new();
    for (step, check) in guards(input) {
        if seen.contains(&check) {
            continue;
        }
        seen.push(check);
        let found = look(scene, check, TIMEOUT).await;
        // Whoever was green may be red by chance.
        if is_red(&found) && is_red(&look(scene, check, TIMEOUT).await) {
            faults.push(Fault {
                what: format!("the step `{}` had made: {check}", step.id),
                expected: found.expected,
                seen: found.seen,
                place: found.place,
            });
        }
    }
    faults
}

const fn is_red(look: &Look) -> bool {
    !look.passed && look.unusable.is_none()
}

/// Checks of completed steps that look at what this step changed. Those that the step has as well are
/// its own.
fn guards(input: &GateInput) -> impl Iterator<Item = (&SubtaskSpec, &Check)> {
    let changed: Vec<&str> = input.changes.iter().flat_map(paths).collect();
    let looks_at_it = move |check: &Check| match (check.command(), check.path()) {
        (Some(line), _) => words(line).any(|word| changed.contains(&word.as_str())),
        (None, Some(path)) => changed.contains(&path),
        // A count or a glob: it is quick, and may be of anything.
        (None, None) => !matches!(check, Check::Unchanged { .. }),
    };
    let all = input.done.iter();
    let all = all.flat_map(|step| step.checks.iter().map(move |check| (step, check)));
    all.filter(move |(_, check)| looks_at_it(check) && !input.step.checks.contains(check))
}

/// Files that only a completed step makes, and of which this step does not speak.
fn strangers(input: &GateInput) -> Vec<Fault> {
    let own = |path: &str| {
        globs::any(&input.step.outputs, path)
            || globs::any(&input.step.expected_files, path)
            || input.step.task.contains(path)
            || input.step.criteria.iter().any(|text| text.contains(path))
    };
    let maker = |path: &str| {
        let makes = |step: &&SubtaskSpec| step.outputs.iter().any(|output| output == path);
        input.done.iter().find(makes)
    };
    let changed = input.changes.iter().flat_map(paths);
    let mut faults: Vec<Fault> = changed
        .filter(|path| !own(path))
        .filter_map(|path| {
            let step = maker(path)?;
            Some(Fault {
                what: format!("{path} is as the step `{}` made it", step.id),
                expected: "no change: this step does not speak of that file. Take it back"
                    .to_owned(),
                seen: "it was changed".to_owned(),
                place: Some(path.to_owned()),
            })
        })
        .collect();
    faults.dedup();
    faults
}

fn paths(change: &FileChange) -> impl Iterator<Item = &str> {
    [Some(change.path.as_str()), change.new_path.as_deref()]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Baseline;
    use crate::files::changed;
    use crate::harness::{Place, command, contains, step};

    fn done(checks: Vec<Check>) -> SubtaskSpec {
        let id = loom_events::SubtaskId::new("first").unwrap();
        SubtaskSpec {
            checks,
            outputs: vec!["a.txt".to_owned(), "LOG".to_owned()],
            ..SubtaskSpec::new(id, "", "x")
        }
    }

    async fn found(change: (&str, &str), task: &str) -> Vec<String> {
        let place = Place::with(&[("a.txt", "one\n"), ("LOG", "first\n"), ("c.txt", "1\n")]);
        place.write(change.0, change.1);
        let mut step = step(Vec::new());
        step.task = task.to_owned();
        step.outputs = vec!["b.txt".to_owned(), "LOG".to_owned()];
        let mut input = place.input(step, Baseline::default());
        input.done = vec![done(vec![
            contains("LOG", "^first$"),
            command("grep -q one a.txt"),
            command("exit 1"),
        ])];
        let files = changed(&place.workspace, &input.changes).await;
        let faults = faults(&input, &place.workspace, &files, &place.shell()).await;
        faults.into_iter().map(|fault| fault.what).collect()
    }

    #[tokio::test]
    async fn what_a_completed_step_made_is_looked_at_again_where_it_was_changed() {
        assert_eq!(
            found(("LOG", "second\n"), "x").await,
            ["the step `first` had made: LOG matches /^first$/"]
        );
        assert_eq!(found(("LOG", "first\nsecond\n"), "x").await, [""; 0]);
        assert_eq!(
            found(("a.txt", "one more\n"), "x").await,
            ["a.txt is as the step `first` made it"]
        );
        assert_eq!(
            found(("a.txt", "one more\n"), "Add to a.txt.").await,
            [""; 0]
        );
        assert_eq!(
            found(("a.txt", "two\n"), "Change a.txt.").await,
            ["the step `first` had made: `grep -q one a.txt` exits 0"]
        );
        assert_eq!(found(("c.txt", "2\n"), "x").await, [""; 0]);
    }
}
