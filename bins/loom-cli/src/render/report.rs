//! What is said when a task has ended: composed from evidence. A model's word is marked as such.

use crate::fault::Exit;
use crate::ui::{Tone, clean, count, duration, first_line, plural};
use loom_engine::{FileRow, SubtaskView, TaskStatus, TaskView};
use loom_events::{CheckPower, CheckResult, Operation, SubtaskId, Summary, Verdict, VerdictResult};
use serde_json::{Value, json};

/// Checks named for one subtask; more are counted.
const MAX_CHECKS: usize = 4;

/// Files named; more are counted.
const MAX_FILES: usize = 20;

/// The exit code that a task's end stands for. One that has not ended was left unfinished.
pub(crate) fn exit(view: &TaskView) -> Exit {
    let needs_human = view.summary.as_ref().is_some_and(|s| s.needs_human);
    match view.status {
        TaskStatus::Completed => Exit::Done,
        TaskStatus::Failed if needs_human => Exit::NeedsHuman,
        TaskStatus::Failed => Exit::Failed,
        TaskStatus::Pending
        | TaskStatus::Queued
        | TaskStatus::Planning
        | TaskStatus::Executing
        | TaskStatus::WaitingApproval
        | TaskStatus::Paused
        | TaskStatus::Stopping
        | TaskStatus::Cancelled => Exit::Cancelled,
    }
}

/// The last line of `--json`.
pub(crate) fn result_json(view: &TaskView) -> Value {
    json!({ "result": {
        "task_id": view.id,
        "status": view.status,
        "exit_code": exit(view) as u8,
        "reason": view.reason,
        "summary": view.summary,
        "sandbox": view.sandbox,
        "network": view.network,
        "degraded": view.degraded,
        "files": view.files,
    }})
}

/// The report, line by line.
pub(crate) fn report(view: &TaskView) -> Vec<(Tone, String)> {
    let mut lines = head(view);
    let Some(summary) = &view.summary else {
        return lines;
    };
    section(
        &mut lines,
        Tone::Good,
        "verified",
        verified(view, &summary.verified),
    );
    let claimed = "claimed only: a gate passed, and nothing in it proves the work";
    section(
        &mut lines,
        Tone::Caught,
        claimed,
        titles(view, &summary.claimed),
    );
    section(
        &mut lines,
        Tone::Bad,
        "not done",
        unfinished(view, &summary.unfinished),
    );
    section(&mut lines, Tone::Plain, "how sure", how_sure(summary));
    section(&mut lines, Tone::Bad, "the whole goal", final_gate(view));
    let degraded = view
        .degraded
        .iter()
        .map(|what| format!("! {}", clean(what)));
    section(&mut lines, Tone::Caught, "degraded", degraded.collect());
    section(&mut lines, Tone::Strong, "files", files(&view.files));
    if summary.unclean {
        let text = "something could not be put back: look at the directory before you go on";
        lines.push((Tone::Bad, text.to_owned()));
    }
    lines.push((Tone::Plain, String::new()));
    lines.extend(next(view));
    lines
}

/// A product of twenty 0.93s is 0.23, and whoever reads the result should know it.
fn how_sure(summary: &Summary) -> Vec<String> {
    let done = summary.verified.len() + summary.claimed.len();
    let Some(all) = summary.confidence.filter(|_| done > 0) else {
        return Vec::new();
    };
    let (all, wrong) = ((all * 100.0).round(), summary.expected_wrong);
    vec![format!(
        "all of it right: {all} %; expected to be wrong: {wrong:.1} of {done}"
    )]
}

fn section(lines: &mut Vec<(Tone, String)>, tone: Tone, name: &str, body: Vec<String>) {
    if body.is_empty() {
        return;
    }
    lines.push((Tone::Plain, String::new()));
    lines.push((tone, name.to_owned()));
    lines.extend(
        body.into_iter()
            .map(|text| (Tone::Plain, format!("  {text}"))),
    );
}

fn head(view: &TaskView) -> Vec<(Tone, String)> {
    let took = duration(view.updated.since(view.created));
    let tokens = count(view.usage.total());
    let about = match view.usage.estimated {
        true => "about ",
        false => "",
    };
    let (tone, word) = match view.status {
        TaskStatus::Completed => (Tone::Good, "✓ completed"),
        TaskStatus::Failed => (Tone::Bad, "✗ failed"),
        TaskStatus::Cancelled => (Tone::Caught, "- cancelled"),
        _ => (Tone::Caught, "… unfinished"),
    };
    let mut lines = vec![(tone, format!("{word} after {took}, {about}{tokens} tokens"))];
    if let Some(reason) = &view.reason {
        lines.push((Tone::Plain, format!("  {}", clean(reason))));
    }
    if view.network {
        let text = "  its commands could use the network";
        lines.push((Tone::Caught, text.to_owned()));
    }
    lines
}

fn subtasks<'a>(view: &'a TaskView, ids: &'a [SubtaskId]) -> impl Iterator<Item = &'a SubtaskView> {
    ids.iter().filter_map(|id| view.subtask(id))
}

fn titles(view: &TaskView, ids: &[SubtaskId]) -> Vec<String> {
    subtasks(view, ids)
        .map(|s| format!("~ {}", clean(&s.spec.title)))
        .collect()
}

fn last_verdict(subtask: &SubtaskView) -> Option<&Verdict> {
    let mut attempts = subtask.attempts.iter().rev();
    attempts
        .find_map(|a| a.verdict.as_ref())
        .map(|shown| &shown.verdict)
}

fn verified(view: &TaskView, ids: &[SubtaskId]) -> Vec<String> {
    let mut lines = Vec::new();
    for subtask in subtasks(view, ids) {
        lines.push(format!("✓ {}", clean(&subtask.spec.title)));
        let Some(verdict) = last_verdict(subtask) else {
            continue;
        };
        let proof =
            |check: &&CheckResult| check.passed && check.power == CheckPower::Discriminating;
        let proofs: Vec<_> = verdict.checks.iter().filter(proof).collect();
        for check in proofs.iter().take(MAX_CHECKS) {
            lines.push(format!("    {}, and did not before", clean(&check.check)));
        }
        let more = proofs.len().saturating_sub(MAX_CHECKS);
        if more > 0 {
            lines.push(format!("    and {}", plural(more, "more check")));
        }
    }
    lines
}

fn unfinished(view: &TaskView, ids: &[SubtaskId]) -> Vec<String> {
    let mut lines = Vec::new();
    for subtask in subtasks(view, ids) {
        lines.push(format!("✗ {}", clean(&subtask.spec.title)));
        if let Some(reason) = &subtask.reason {
            lines.push(format!("    {}", first_line(reason)));
        }
        if let Some(verdict) = last_verdict(subtask) {
            lines.extend(reds(verdict).into_iter().map(|red| format!("    {red}")));
        }
    }
    lines
}

fn final_gate(view: &TaskView) -> Vec<String> {
    let verdict = view.final_verdict.as_ref().map(|shown| &shown.verdict);
    match verdict {
        Some(verdict) if view.status == TaskStatus::Failed => match reds(verdict) {
            reds if reds.is_empty() && verdict.result != VerdictResult::Pass => {
                vec![first_line(&verdict.feedback)]
            }
            reds => reds,
        },
        _ => Vec::new(),
    }
}

/// The evidence: what was checked and what was seen.
fn reds(verdict: &Verdict) -> Vec<String> {
    let red = |check: &&CheckResult| !check.passed;
    let reds: Vec<_> = verdict.checks.iter().filter(red).collect();
    let line =
        |check: &&CheckResult| format!("{}: {}", clean(&check.check), first_line(&check.detail));
    let mut lines: Vec<_> = reds.iter().take(MAX_CHECKS).map(line).collect();
    let more = reds.len().saturating_sub(MAX_CHECKS);
    if more > 0 {
        lines.push(format!("and {}", plural(more, "more failed check")));
    }
    lines
}

fn files(rows: &[FileRow]) -> Vec<String> {
    let mut lines: Vec<_> = rows.iter().take(MAX_FILES).map(file).collect();
    let more = rows.len().saturating_sub(MAX_FILES);
    if more > 0 {
        lines.push(format!("and {}", plural(more, "more file")));
    }
    lines
}

/// `M src/main.rs  +3 −1`.
pub(super) fn file(row: &FileRow) -> String {
    let letter = match row.operation {
        Operation::Create => "A",
        Operation::Modify => "M",
        Operation::Delete => "D",
        Operation::Rename => "R",
    };
    let path = clean(&row.path);
    let lines = row.lines;
    format!("{letter} {path}  +{} −{}", lines.added, lines.removed)
}

/// What can be done now.
fn next(view: &TaskView) -> Vec<(Tone, String)> {
    let task = view.id.short();
    let mut lines = Vec::new();
    if !view.files.is_empty() {
        lines.push((Tone::Hint, format!("see the changes   loom diff {task}")));
        lines.push((Tone::Hint, format!("take them back    loom revert {task}")));
    }
    if view.status != TaskStatus::Completed {
        lines.push((Tone::Hint, format!("what happened     loom logs {task}")));
    }
    let needs_human = view.summary.as_ref().is_some_and(|s| s.needs_human);
    match view.status {
        TaskStatus::Failed if needs_human => {
            let text = "it needs an answer: run it again on a terminal";
            lines.push((Tone::Hint, text.to_owned()));
        }
        TaskStatus::Failed => {
            let text = "try a smaller goal, or a larger model (`loom models`, --model NAME)";
            lines.push((Tone::Hint, text.to_owned()));
        }
        _ => {}
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{Journal, id};
    use loom_events::Event;

    fn text(view: &TaskView) -> String {
        let lines: Vec<_> = report(view).into_iter().map(|(_, text)| text).collect();
        lines.join("\n")
    }

    #[test]
    fn a_failure_names_its_reason_its_evidence_and_the_way_on() {
        let mut journal = Journal::demo_like();
        let summary = Summary {
            verified: vec![id("total")],
            unfinished: vec![id("page")],
            ..Summary::default()
        };
        journal.fail("page could not be done", summary);
        let view = journal.view();
        assert_eq!(exit(&view), Exit::Failed);
        assert_eq!(
            text(&view),
            "\
✗ failed after 24 s, 2,100 tokens
  page could not be done

verified
  ✓ Mend the total
      `./test.sh` exits 0, and did not before

not done
  ✗ Write the page
      declared outputs are there: the output PAGE.md is there and not empty: nothing is there

files
  M sum.sh  +3 −1

see the changes   loom diff 099a8057
take them back    loom revert 099a8057
what happened     loom logs 099a8057
try a smaller goal, or a larger model (`loom models`, --model NAME)"
        );
    }

    #[test]
    fn that_the_network_was_open_is_said() {
        let mut journal = Journal::demo_like();
        journal.fail("page could not be done", Summary::default());
        let mut view = journal.view();
        assert!(!text(&view).contains("network"));
        view.network = true;
        assert!(text(&view).contains("its commands could use the network"));
    }

    #[test]
    fn what_is_only_claimed_is_not_called_verified() {
        let mut journal = Journal::demo_like();
        let summary = Summary {
            claimed: vec![id("total")],
            ..Summary::default()
        };
        journal.add(None, Event::TaskCompleted(summary));
        let text = text(&journal.view());
        assert!(text.contains("claimed only"), "{text}");
        assert!(!text.contains("verified\n"), "{text}");
        assert_eq!(exit(&journal.view()), Exit::Done);
    }

    #[test]
    fn what_only_the_sum_of_a_task_says_of_its_quality_is_told() {
        let mut journal = Journal::demo_like();
        let what = "a question of the model was not answered";
        let summary = Summary {
            degraded: vec![what.to_owned()],
            ..Summary::default()
        };
        journal.fail("no attempt is left", summary);
        let view = journal.view();
        let told = report(&view);
        let line = format!("  ! {what}");
        assert!(told.iter().any(|(_, text)| *text == line), "{told:?}");
        assert_eq!(result_json(&view)["result"]["degraded"][0], what);
    }

    #[test]
    fn a_task_that_needs_a_human_has_its_own_exit_code() {
        let mut journal = Journal::demo_like();
        let summary = Summary {
            needs_human: true,
            ..Summary::default()
        };
        journal.fail("nobody to ask", summary);
        let view = journal.view();
        assert_eq!(exit(&view), Exit::NeedsHuman);
        assert_eq!(result_json(&view)["result"]["exit_code"], 4);
        assert_eq!(result_json(&view)["result"]["status"], "failed");
    }
}
