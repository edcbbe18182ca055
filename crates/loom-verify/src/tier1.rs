//! Tier 1: what code can see in the final state.
//!
//! Only the final state is judged. A missing file that was looked for, a test that was red on the
//! way, a `grep` without a match are normal work and appear nowhere here.

use crate::baseline::timeout;
use crate::check::{Look, Scene, look};
use crate::fault::feedback;
use crate::files::{Changed, blocking, changed, text};
use crate::protected::Tampered;
use crate::{
    Fault, GateInput, GateTools, Scope, gutted, kept, lost, markers, protected, scope, suspicious,
    wellformed,
};
use loom_events::{Check, CheckPower, CheckResult, Digest, HeldOut};
use loom_workspace::Workspace;
use std::sync::Arc;

/// What tier 1 found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tier1Report {
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
    /// Every check and rule with what was seen.
    pub checks: Vec<CheckResult>,
    /// Suspicions that do not fail the attempt and lower the confidence.
    pub flags: Vec<String>,
    /// Fallbacks taken.
    pub degraded: Vec<String>,
    /// Files that the work is judged by and that it changed without leave.
    pub tampered: Vec<String>,
    /// Whether a held-out check was red before the work and is green.
    pub held_out: bool,
    /// Hash over the tree that was judged.
    pub tree: Option<Digest>,
}

impl Tier1Report {
    /// Whether nothing is wrong. That alone proves nothing.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether a check that was red before the work is green now.
    #[must_use]
    pub fn proves(&self) -> bool {
        self.checks
            .iter()
            .any(|check| check.passed && check.power == CheckPower::Discriminating)
    }

    /// All faults in the words that the next attempt is told.
    #[must_use]
    pub fn feedback(&self) -> String {
        feedback(&self.faults)
    }

    /// Records one rule of the harness: green when it found nothing.
    fn rule(&mut self, name: &str, found: Vec<Fault>) {
        let detail = match found.first() {
            None => "nothing found".to_owned(),
            Some(fault) => format!("{}: {}", fault.what, fault.seen),
        };
        self.checks.push(CheckResult {
            check: name.to_owned(),
            passed: found.is_empty(),
            power: CheckPower::Guard,
            detail,
            evidence: None,
        });
        self.faults.extend(found);
    }
}

/// With a cheap fault found, commands that take longer than this are not run any more.
const PATIENCE_MS: u64 = 10_000;

/// Shortest report that says anything: "Done." does not.
const MIN_REPORT_CHARS: usize = 40;

/// Judges the final state by rules and checks: cheap ones first, and all their faults together.
pub async fn tier1(input: &GateInput, tools: &GateTools<'_>) -> Tier1Report {
    let mut report = Tier1Report::default();
    let Some(workspace) = &input.workspace else {
        report.rule("something was done", nothing_done(input, false));
        let nowhere = nothing_without_workspace(input);
        if !nowhere.is_empty() {
            report.rule("what is to be checked can be", nowhere);
        }
        return report;
    };
    report.tree = tree(workspace).await;
    let files = changed(workspace, &input.changes).await;
    change_rules(input, &files, &mut report);
    report.rule(
        "declared outputs are there",
        missing_outputs(workspace, input).await,
    );
    if input.step.scope == Scope::Subtask {
        if input.defences.protection {
            protect(input, workspace, &files, &mut report).await;
        }
        suspicions(input, workspace, &files, &mut report).await;
    }
    checks(input, workspace, tools, &mut report).await;
    kept_by_others(input, workspace, &files, tools, &mut report).await;
    let proven = report.proves();
    report.rule("something was done", nothing_done(input, proven));
    report
}

async fn tree(workspace: &Arc<Workspace>) -> Option<Digest> {
    let workspace = Arc::clone(workspace);
    blocking(move || workspace.tree_hash().ok()).await
}

/// Checks without a workspace to look at cannot be run, and outputs cannot be there. No plan has any; what
/// has them all the same must not pass for want of a look.
fn nothing_without_workspace(input: &GateInput) -> Vec<Fault> {
    let step = &input.step;
    let checks = step.checks.iter().map(|check| format!("\"{check}\""));
    let held_out = step.held_out.iter().map(HeldOut::words);
    let outputs = step.outputs.iter().map(|path| format!("the output {path}"));
    let fault = |what: String| Fault {
        what: format!("{what} can be looked at"),
        expected: "a workspace".to_owned(),
        seen: "this task has none: nothing can be told of files".to_owned(),
        place: None,
    };
    checks.chain(held_out).chain(outputs).map(fault).collect()
}

/// Rules on the change itself.
fn change_rules(input: &GateInput, files: &[Changed], report: &mut Tier1Report) {
    if !input.defences.scope {
        return;
    }
    let words = in_words(input);
    // A step that names a test among its outputs may write it.
    let asked_for = format!("{words}\n{}", input.step.outputs.join("\n"));
    report.rule("changed files are well-formed", wellformed::broken(files));
    report.rule("nothing is left out", markers::elided(files, &asked_for));
    if input.step.scope == Scope::Subtask {
        report.rule("no content is lost", lost::lost(files, &words));
        report.rule("functions still do something", gutted::stubs(files, &words));
        report.rule("failures are not hidden", gutted::silenced(files, &words));
        report.rule("the change stays within its step", scope::faults(input));
        report.flags.extend(scope::flags(input));
    }
}

/// Looks for changes of what judges the work, and puts back what it was before the checks run.
async fn protect(
    input: &GateInput,
    workspace: &Arc<Workspace>,
    files: &[Changed],
    report: &mut Tier1Report,
) {
    let tampered = tampered(input, workspace, files).await;
    let faults = tampered.iter().map(Tampered::fault).collect();
    report.rule("what judges the work is as it was", faults);
    let weakened = protected::weakened(files, &tampered, &input.step);
    report.rule("tests test as much as before", weakened);
    report.flags.extend(protected::flags(files, &tampered));
    report.tampered = tampered.iter().map(|one| one.path.clone()).collect();
    if tampered.is_empty() {
        return;
    }
    let (workspace, states) = (Arc::clone(workspace), protected::to_put_back(&tampered));
    let put_back = blocking(move || workspace.restore_paths(&states)).await;
    if let Err(error) = put_back {
        let what = format!("what judges the work could not be put back: {error}");
        report.degraded.push(what);
    }
}

async fn tampered(
    input: &GateInput,
    workspace: &Arc<Workspace>,
    files: &[Changed],
) -> Vec<Tampered> {
    let (workspace, files, step) = (Arc::clone(workspace), files.to_vec(), input.step.clone());
    blocking(move || {
        let before = |path: &str| match files.iter().find(|file| file.path == path) {
            Some(changed) => changed.before.clone(),
            None => text(&workspace, path),
        };
        let checks: Vec<Check> = step.every_check().cloned().collect();
        let scripts = protected::run_by_checks(&checks, before);
        protected::tampered(&files, &scripts, &step)
    })
    .await
}

/// Looks again at what completed steps made.
async fn kept_by_others(
    input: &GateInput,
    workspace: &Arc<Workspace>,
    files: &[Changed],
    tools: &GateTools<'_>,
    report: &mut Tier1Report,
) {
    if !input.defences.scope || input.step.scope != Scope::Subtask {
        return;
    }
    let found = kept::faults(input, workspace, files, tools.runner).await;
    if kept::was_told(input) {
        let said = found
            .iter()
            .map(|fault| format!("in spite of a warning, not so any more: {}", fault.what));
        report.flags.extend(said);
    } else {
        report.rule(kept::RULE, found);
    }
}

/// What is no fault and worth a second look.
async fn suspicions(
    input: &GateInput,
    workspace: &Arc<Workspace>,
    files: &[Changed],
    report: &mut Tier1Report,
) {
    report.flags.extend(suspicious::fakes(files));
    let (workspace, files, words) = (Arc::clone(workspace), files.to_vec(), in_words(input));
    let values = blocking(move || suspicious::hard_coded(&workspace, &files, &words)).await;
    report.flags.extend(values);
}

/// What the step says, for rules with an exception for what was asked for.
fn in_words(input: &GateInput) -> String {
    format!("{}\n{}", input.step.task, input.step.criteria.join("\n"))
}

/// A claim without any work behind it.
fn nothing_done(input: &GateInput, proven: bool) -> Vec<Fault> {
    // Whoever says what is wanted also says when it is there.
    if input.step.scope == Scope::Goal || input.attempt.by_hand {
        return Vec::new();
    }
    let fault = |expected: &str, seen: &str| {
        vec![Fault {
            what: "work was done".to_owned(),
            expected: expected.to_owned(),
            seen: seen.to_owned(),
            place: None,
        }]
    };
    if !input.attempt.touched && input.workspace.is_some() {
        return fault(
            "files looked at and changed with tools; only that counts",
            "no tool call of this attempt looked at or changed anything",
        );
    }
    if input.step.inspect {
        let long_enough = input.attempt.answer.trim().chars().count() >= MIN_REPORT_CHARS;
        return if long_enough {
            Vec::new()
        } else {
            fault(
                "a report that names and quotes what was found",
                "an answer without a report",
            )
        };
    }
    // Checks that were green all along leave open that it was done already: tier 2 is asked.
    let open = proven || !input.step.checks.is_empty() || !input.step.outputs.is_empty();
    if input.changes.is_empty() && input.workspace.is_some() && !open {
        return fault("a changed or new file", "nothing was changed");
    }
    Vec::new()
}

async fn missing_outputs(workspace: &Arc<Workspace>, input: &GateInput) -> Vec<Fault> {
    let (workspace, outputs) = (Arc::clone(workspace), input.step.outputs.clone());
    blocking(move || {
        outputs
            .into_iter()
            .filter_map(|path| {
                let seen = match workspace.state(&path) {
                    Ok(Some(state)) if state.digest.is_none() || state.size > 0 => return None,
                    Ok(Some(_)) => "it is empty".to_owned(),
                    Ok(None) => "nothing is there".to_owned(),
                    Err(error) => error.to_string(),
                };
                Some(Fault {
                    what: format!("the output {path} is there and not empty"),
                    expected: "a file with content".to_owned(),
                    seen,
                    place: Some(path),
                })
            })
            .collect()
    })
    .await
}

/// Runs the plan's checks: files first, so that they see the tree before any command could change
/// it. Putting back what commands leave behind is the caller's part.
async fn checks(
    input: &GateInput,
    workspace: &Arc<Workspace>,
    tools: &GateTools<'_>,
    report: &mut Tier1Report,
) {
    let is_command = |check: &&Check| check.command().is_some();
    for check in input.step.checks.iter().filter(|check| !is_command(check)) {
        run_check(input, workspace, tools, check, report).await;
    }
    for held in &input.step.held_out {
        run_held_out(input, workspace, tools, held, report).await;
    }
    for check in input.step.checks.iter().filter(is_command) {
        if too_slow_after_a_fault(input, check, report) {
            report.checks.push(CheckResult {
                check: check.to_string(),
                passed: false,
                power: power(input, check),
                detail: "not run: the other faults come first".to_owned(),
                evidence: None,
            });
            continue;
        }
        run_check(input, workspace, tools, check, report).await;
    }
}

fn too_slow_after_a_fault(input: &GateInput, check: &Check, report: &Tier1Report) -> bool {
    let slow = input
        .baseline
        .trial(check)
        .is_some_and(|trial| trial.duration_ms > PATIENCE_MS);
    slow && !report.faults.is_empty()
}

async fn run_check(
    input: &GateInput,
    workspace: &Arc<Workspace>,
    tools: &GateTools<'_>,
    check: &Check,
    report: &mut Tier1Report,
) {
    let power = power(input, check);
    let timeout = timeout(&input.baseline, check);
    let scene = Scene {
        workspace,
        runner: tools.runner,
        changes: &input.changes,
        tests_before: input.baseline.trial(check).and_then(|trial| trial.tests),
    };
    let mut seen = look(scene, check, timeout).await;
    // A check that was green may fail by chance; one that was red twice has no need of luck.
    let was_green = power != CheckPower::Discriminating && check.command().is_some();
    if !seen.passed && seen.unusable.is_none() && was_green {
        let again = look(scene, check, timeout).await;
        if again.passed {
            report.degraded.push(format!(
                "the check \"{check}\" was red, then green: it is unstable"
            ));
            seen = again;
        }
    }
    record(check, power, seen, tools, report).await;
}

/// Runs a check that whoever works is not to know: the report names what it is about, and neither the
/// check nor what it saw.
async fn run_held_out(
    input: &GateInput,
    workspace: &Arc<Workspace>,
    tools: &GateTools<'_>,
    held: &HeldOut,
    report: &mut Tier1Report,
) {
    let mut own = Tier1Report::default();
    run_check(input, workspace, tools, &held.check, &mut own).await;
    let Some(seen) = own.checks.pop() else {
        return;
    };
    let decides = !own.faults.is_empty();
    if !seen.passed && !decides {
        let what = format!("a check could not say anything: {}", held.words());
        report.degraded.push(what);
    }
    report.held_out |= seen.passed && seen.power == CheckPower::Discriminating;
    report.checks.push(CheckResult {
        check: held.words(),
        detail: String::new(),
        // Its output is for people who look at the verdict; no prompt is made from it.
        ..seen
    });
    if decides {
        report.faults.push(Fault {
            what: held.words(),
            expected: held.criterion.clone(),
            seen:
                "a check that you are not shown says that it is not so; go through the criteria of \
                   the step with other inputs than those you tried"
                    .to_owned(),
            place: None,
        });
    }
}

/// What a check can prove. With the rules for checks off it counts as planned.
fn power(input: &GateInput, check: &Check) -> CheckPower {
    match input.baseline.power(check) {
        CheckPower::Unknown if !input.defences.check_rules => CheckPower::Discriminating,
        power => power,
    }
}

async fn record(
    check: &Check,
    power: CheckPower,
    seen: Look,
    tools: &GateTools<'_>,
    report: &mut Tier1Report,
) {
    for what in seen.degraded {
        if !report.degraded.contains(&what) {
            report.degraded.push(what);
        }
    }
    let evidence = match seen.output {
        Some(output) if !output.is_empty() => tools.evidence.keep(output.into_bytes()).await,
        _ => None,
    };
    report.checks.push(CheckResult {
        check: check.to_string(),
        passed: seen.passed,
        power: if seen.unusable.is_some() {
            CheckPower::Unknown
        } else {
            power
        },
        detail: seen.seen.clone(),
        evidence,
    });
    if let Some(why) = seen.unusable {
        // Nobody can repair the work so that this check passes: it says nothing, either way.
        report
            .degraded
            .push(format!("a check cannot say anything: {why}"));
    } else if power == CheckPower::Quarantined {
        // It was red and green on one tree: it may inform, and it may not decide.
        report.degraded.push(format!(
            "the check \"{check}\" is unstable and decides nothing"
        ));
    } else if !seen.passed {
        report.faults.push(Fault {
            what: check.to_string(),
            expected: seen.expected,
            seen: seen.seen,
            place: seen.place,
        });
    }
}
