//! What a gate judges, and what it may know about the attempt.

use crate::Baseline;
use crate::confidence::Beside;
use loom_events::{
    Check, Defences, Digest, EditsTests, FileChange, HeldOut, Plan, Size, SubtaskId, SubtaskSpec,
    Tier, Verification,
};
use loom_redact::Redactor;
use loom_workspace::Workspace;
use std::sync::Arc;

/// Everything that a gate judges.
#[derive(Clone, Debug)]
pub struct GateInput {
    /// What was asked for.
    pub step: Step,
    /// Where the work was done; none for a task without a workspace.
    pub workspace: Option<Arc<Workspace>>,
    /// Every change since the base of the subtask (of the task, for the whole goal), in order.
    pub changes: Vec<FileChange>,
    /// About the attempt.
    pub attempt: AttemptFacts,
    /// What the checks said before the work.
    pub baseline: Baseline,
    /// Steps of the plan that are completed: what they made is to stay.
    pub done: Vec<SubtaskSpec>,
    /// What completed steps changed, in the order in which they did.
    pub earlier: Vec<Earlier>,
    /// Which tiers are wanted.
    pub settings: Verification,
    /// Which rules are on.
    pub defences: Defences,
    /// Counts repetitions of an inconclusive gate: a later round shows the verifier more.
    pub round: u32,
    /// Leaves secrets out of what the verifier is shown.
    pub redactor: Arc<Redactor>,
}

/// What a completed step changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// The step.
    pub step: SubtaskId,
    /// Its changes, in order.
    pub changes: Vec<FileChange>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// One subtask, or the whole goal.
    pub scope: Scope,
    /// In words.
    pub task: String,
    /// What must be true, one sentence each.
    pub criteria: Vec<String>,
    /// Deterministic conditions.
    pub checks: Vec<Check>,
    /// More of them, of which nothing is said but what they are about.
    pub held_out: Vec<HeldOut>,
    /// Files that must exist and be non-empty.
    pub outputs: Vec<String>,
    /// Whether only looking and reporting was asked for.
    pub inspect: bool,
    /// Globs of the files that are expected to change; none: nobody said.
    pub expected_files: Vec<String>,
    /// How large a change is expected.
    pub size: Size,
    /// Leave to change what judges the work.
    pub edits_tests: Option<EditsTests>,
}

/// One subtask, or the whole goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One subtask.
    Subtask,
    /// The whole goal, at the end.
    Goal,
}

impl Step {
    /// Every check, those that are held out last.
    pub fn every_check(&self) -> impl Iterator<Item = &Check> {
        let held_out = self.held_out.iter().map(|held| &held.check);
        self.checks.iter().chain(held_out)
    }

    /// One subtask. Without criteria its description is the criterion.
    #[must_use]
    pub fn of_subtask(spec: &SubtaskSpec) -> Self {
        let criteria = if spec.criteria.is_empty() {
            vec![format!("This was done: {}", spec.description)]
        } else {
            spec.criteria.clone()
        };
        Self {
            scope: Scope::Subtask,
            task: format!("{}\n{}", spec.title, spec.description),
            criteria,
            checks: spec.checks.clone(),
            held_out: spec.held_out.clone(),
            outputs: spec.outputs.clone(),
            inspect: spec.inspect,
            expected_files: spec.expected_files.clone(),
            size: spec.size,
            edits_tests: spec.edits_tests.clone(),
        }
    }

    /// The whole goal: the user's own checks, then all checks and outputs of the plan once more.
    #[must_use]
    pub fn of_goal(goal: &str, plan: &Plan, own: &[String]) -> Self {
        let mut checks: Vec<Check> = own.iter().map(|line| succeeds(line)).collect();
        let mut outputs: Vec<String> = Vec::new();
        let held_out = plan.subtasks.iter().flat_map(|spec| &spec.held_out);
        let held_out: Vec<HeldOut> = held_out.cloned().collect();
        for spec in &plan.subtasks {
            checks.extend(
                spec.checks
                    .iter()
                    .filter(|c| !checks.contains(c))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            outputs.extend(
                spec.outputs
                    .iter()
                    .filter(|o| !outputs.contains(o))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        Self {
            scope: Scope::Goal,
            task: goal.to_owned(),
            criteria: vec![
                "Everything that was asked for is there.".to_owned(),
                "Nothing that should have stayed was removed or broken.".to_owned(),
            ],
            checks,
            held_out,
            outputs,
            inspect: plan.subtasks.iter().all(|spec| spec.inspect),
            // Each step was held to its own.
            expected_files: Vec::new(),
            size: Size::L,
            edits_tests: None,
        }
    }
}

/// A command line that must end with status 0.
fn succeeds(line: &str) -> Check {
    Check::Command {
        command: line.to_owned(),
        exit: 0,
        stdout_regex: None,
    }
}

/// What is known of the other executions of a step when one of them is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// What each of those made that passed its gate before; none where nobody could say.
    pub others: Vec<Option<Digest>>,
}

impl Execution {
    /// How many of them made this, and how many something else.
    pub(crate) fn beside(&self, print: &Digest) -> Beside {
        let (alike, different): (Vec<_>, Vec<_>) = self
            .others
            .iter()
            .partition(|other| other.as_ref() == Some(print));
        Beside {
            alike: count(alike.len()),
            different: count(different.len()),
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What a gate may know about the attempt. Nothing of this reaches the verifier, except the report
/// of a step that only looks, which is its product.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptFacts {
    /// Whether the user did the work with their own hands.
    pub by_hand: bool,
    /// If it is one of several executions that are compared, the others.
    pub execution: Option<Execution>,
    /// Whether any call looked at or changed something.
    pub touched: bool,
    /// The executor's last words: a claim.
    pub answer: String,
    /// Name of the model entry that did the work.
    pub model: String,
    /// Its tier.
    pub tier: Tier,
    /// Which attempt at the subtask it is, from 1.
    pub ordinal: u32,
    /// Checks of the step, in words, that were red at an earlier gate of it. For the whole goal: what
    /// reviewers quoted against it at an earlier last gate.
    pub red_before: Vec<String>,
    /// Fallbacks taken during the attempt.
    pub degraded: Vec<String>,
    /// Orders the questions to the verifier and picks the control question; the attempt's id.
    pub seed: u64,
}
