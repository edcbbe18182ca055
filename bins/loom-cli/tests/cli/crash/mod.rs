//! The command killed at any system call: nothing is lost, nothing is half done, and everything can
//! still be taken back.
//!
//! The real binary, because that is what people run: a task that changes files in every way is
//! killed, resumed and reverted; reverts are killed too. A handful of points by default; with
//! `LOOM_CRASH_POINTS=all` every one (`just score crash`), which takes some minutes.

mod story;
mod strace;

use std::collections::BTreeMap;
use std::process::Command;
use story::{Story, Tree, difference};
use strace::Point;

/// Points of each call that a plain test run tries.
const A_FEW: usize = 1;

/// What was found at one point.
struct Found {
    what: &'static str,
    point: Point,
    killed: bool,
    faults: Vec<String>,
}

impl Found {
    /// Prints what was found; all points together take minutes.
    fn told(self) -> Self {
        let Point { call, at } = self.point;
        let (what, struck) = (
            self.what,
            if self.killed { "killed" } else { "not reached" },
        );
        println!("{what} {call} {at}: {struck}, {} faults", self.faults.len());
        for fault in &self.faults {
            println!("    {fault}");
        }
        self
    }
}

#[test]
fn what_is_killed_at_any_call_goes_on_whole_and_can_be_taken_back() {
    if !strace::is_here() {
        println!("skipped: strace cannot trace processes here");
        return;
    }
    let (end, points) = reference();
    let mut found = Vec::new();
    for point in chosen(&points) {
        found.push(killed_run(point, &end).told());
    }
    found.extend(killed_recoveries(&end));
    found.extend(killed_reverts(&end));
    let violations = report(&found);
    assert_eq!(violations, 0);
}

/// How the task ends when nobody kills it, and how often it makes each call.
fn reference() -> (Tree, BTreeMap<&'static str, usize>) {
    let story = Story::new();
    let (ran, counts) = strace::count(&story.run(), &story.log());
    assert_eq!(ran.code, 0, "{ran:?}");
    (story.tree(), counts)
}

/// All points, or a few of each call.
fn chosen(counts: &BTreeMap<&'static str, usize>) -> Vec<Point> {
    let all = std::env::var_os("LOOM_CRASH_POINTS").is_some();
    let mut points = Vec::new();
    for (call, most) in counts {
        let few = if all { *most } else { A_FEW.min(*most) };
        // Spread over the whole run: one is in its middle, and all are all.
        points.extend((1..=few).map(|n| Point {
            call,
            at: ((2 * n - 1) * most).div_ceil(2 * few),
        }));
    }
    points
}

/// Kills the task, takes it up again, and takes everything back.
fn killed_run(point: Point, end: &Tree) -> Found {
    let story = Story::new();
    let ran = strace::kill(&story.run(), point, &story.log());
    let mut faults = story.mixed(end);
    if let Some((task, ended)) = story.task() {
        if !ended {
            expect(&mut faults, "resume", &mut story.resume(&task));
        }
        faults.extend(after(&story, &task, end));
    } else {
        faults.extend(difference(&story.start, &story.tree()));
        expect(&mut faults, "another run", &mut story.run());
        match story.task() {
            Some((task, _)) => faults.extend(after(&story, &task, end)),
            None => faults.push("another run left no task".to_owned()),
        }
    }
    Found {
        what: "run",
        point,
        killed: ran.code == KILLED,
        faults,
    }
}

/// How a shell and strace report a process that was killed; a test sees no code at all.
const KILLED: i32 = -1;

/// What must hold when a task has ended, however often it was killed.
fn after(story: &Story, task: &str, end: &Tree) -> Vec<String> {
    let mut faults = difference(end, &story.tree());
    faults.extend(story.damaged());
    faults.extend(story.survivors(task));
    let replayed = story.replays(task);
    if replayed.code != 0 {
        faults.push(format!("it does not replay: {}", replayed.err));
    }
    expect(&mut faults, "revert", &mut story.revert(task, &[]));
    faults.extend(difference(&story.start, &story.tree()));
    faults
}

fn expect(faults: &mut Vec<String>, what: &str, command: &mut Command) {
    let output = command.output().unwrap();
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let last: Vec<&str> = text.lines().rev().take(3).collect();
        faults.push(format!("{what} fails: {last:?}"));
    }
}

/// Kills a task in the middle of a tool, then kills its recovery.
fn killed_recoveries(end: &Tree) -> Vec<Found> {
    let middle = Point {
        call: "unlinkat",
        at: 2,
    };
    let begun = || {
        let story = Story::new();
        strace::kill(&story.run(), middle, &story.log());
        let task = story.task().filter(|(_, ended)| !ended);
        task.map(|(task, _)| (story, task))
    };
    let Some((story, task)) = begun() else {
        return Vec::new();
    };
    let (_, counts) = strace::count(&story.resume(&task), &story.log());
    let killed = |point| {
        let (story, task) = begun()?;
        let ran = strace::kill(&story.resume(&task), point, &story.log());
        let mut faults = story.mixed(end);
        if story.task().is_some_and(|(_, ended)| !ended) {
            expect(&mut faults, "resume", &mut story.resume(&task));
        }
        faults.extend(after(&story, &task, end));
        Some(Found {
            what: "recovery",
            point,
            killed: ran.code == KILLED,
            faults,
        })
    };
    let found = chosen(&counts).into_iter().filter_map(killed);
    found.map(Found::told).collect()
}

/// Kills the revert of a task, and the undo of that revert.
fn killed_reverts(end: &Tree) -> Vec<Found> {
    let mut found = Vec::new();
    for what in ["revert", "undo of a revert"] {
        let (story, task) = reverted(what);
        let counts = strace::count(&last(&story, &task, what), &story.log()).1;
        let killed = chosen(&counts).into_iter();
        found.extend(killed.map(|point| killed_revert(what, point, end).told()));
    }
    found
}

/// A task that ended; its revert, or the undo of it, comes next.
fn reverted(what: &str) -> (Story, String) {
    let story = Story::new();
    let ran = story.run().output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let (task, _) = story.task().unwrap();
    if what != "revert" {
        let reverted = story.revert(&task, &[]).output().unwrap();
        assert!(reverted.status.success(), "{reverted:?}");
    }
    (story, task)
}

fn last(story: &Story, task: &str, what: &str) -> Command {
    let how: &[&str] = if what == "revert" { &[] } else { &["--undo"] };
    story.revert(task, how)
}

fn killed_revert(what: &'static str, point: Point, end: &Tree) -> Found {
    let (story, task) = reverted(what);
    let ran = strace::kill(&last(&story, &task, what), point, &story.log());
    let mut faults = story.mixed(end);
    let between = story.tree_without_temporary();
    // Whatever was killed, a revert of the task ends where the task began.
    expect(&mut faults, "revert", &mut story.revert(&task, &[]));
    faults.extend(difference(&story.start, &story.tree()));
    // And that can be taken back: to the end, or to where the kill had left it.
    expect(&mut faults, "undo", &mut story.revert(&task, &["--undo"]));
    let now = story.tree();
    let back = difference(end, &now);
    if !back.is_empty() && !difference(&between, &now).is_empty() {
        faults.extend(back);
    }
    faults.extend(story.damaged());
    Found {
        what,
        point,
        killed: ran.code == KILLED,
        faults,
    }
}

/// Prints a table and one line of JSON; the number of violations.
fn report(found: &[Found]) -> usize {
    let mut rows: BTreeMap<(&str, &str), (usize, usize, usize)> = BTreeMap::new();
    for one in found {
        let row = rows.entry((one.what, one.point.call)).or_default();
        row.0 += 1;
        row.1 += usize::from(one.killed);
        row.2 += usize::from(!one.faults.is_empty());
    }
    println!(
        "{:<18} {:<12} {:>7} {:>7} {:>10}",
        "killed", "at", "points", "struck", "violations"
    );
    for ((what, call), (points, struck, violations)) in &rows {
        println!("{what:<18} {call:<12} {points:>7} {struck:>7} {violations:>10}");
    }
    let struck: usize = rows.values().map(|row| row.1).sum();
    let violations: usize = rows.values().map(|row| row.2).sum();
    println!(
        r#"{{"name":"crash","points":{},"struck":{struck},"violations":{violations},"passed":{}}}"#,
        found.len(),
        violations == 0 && struck > 0
    );
    violations
}
