//! The bounded YAML view of a task (layer 1 of memory): what every prompt shows and what
//! `state.yaml` holds. It never grows with the task.

use crate::tokens::{clip_chars, clip_tokens, estimate_tokens};
use loom_events::SubtaskId;
use serde::Serialize;
use std::collections::BTreeMap;

/// A task as models and people are shown it. Lists are oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskState {
    /// The goal, in full; the view shows its beginning.
    pub goal: String,
    /// Version of the plan; 0 while there is none.
    pub plan_version: u32,
    /// All subtasks in plan order.
    pub steps: Vec<StepLine>,
    /// The subtask that the view is made for.
    pub current: Option<SubtaskId>,
    /// What the user said since the start; the view keeps the newest.
    pub instructions: Vec<String>,
    /// What was decided, and why.
    pub decisions: Vec<String>,
    /// What went wrong.
    pub errors: Vec<ErrorLine>,
    /// Files changed so far.
    pub changes: Vec<FileLine>,
}

/// One subtask in the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepLine {
    /// Its id in the plan.
    pub id: SubtaskId,
    /// Its title.
    pub title: String,
    /// How it stands.
    pub status: StepStatus,
    /// What came of it; empty before it ended. Shown to at most 100 characters.
    pub summary: String,
}

/// How a subtask stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// An attempt is at work.
    Running,
    /// Its gate runs.
    Verifying,
    /// A human is asked.
    WaitingApproval,
    /// Its gate passed.
    Completed,
    /// Every attempt failed.
    Failed,
    /// It cannot go on.
    Blocked,
    /// It was left out.
    Skipped,
}

/// One error in the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorLine {
    /// What happened.
    pub what: String,
    /// How it was resolved; none while it is not.
    pub resolution: Option<String>,
}

/// One changed file in the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLine {
    /// Relative path.
    pub path: String,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
}

/// The view costs at most this, whatever the task: a fifth of the smallest window in use, 8 k.
const MAX_TOKENS: u64 = 1_500;

/// Plans up to this size are listed in full; beyond it counts say more than lists.
const LISTED_STEPS: usize = 15;

/// How many steps after the current one are shown in a long plan.
const NEXT_STEPS: usize = 3;

/// How much the view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Everything within the bounds.
    Full,
    /// Shorter texts and fewer of them.
    Brief,
    /// Goal, counts, the current step and the user's last words.
    Minimal,
}

impl Detail {
    /// The next level that shows less.
    pub(crate) const fn less(self) -> Option<Self> {
        match self {
            Self::Full => Some(Self::Brief),
            Self::Brief => Some(Self::Minimal),
            Self::Minimal => None,
        }
    }

    const fn bounds(self) -> Bounds {
        match self {
            Self::Full => Bounds {
                goal_tokens: 300,
                listed: LISTED_STEPS,
                next: NEXT_STEPS,
                chars: 100,
                instructions: 5,
                decisions: 10,
                errors: 5,
                changes: 12,
            },
            Self::Brief => Bounds {
                goal_tokens: 200,
                listed: 8,
                next: NEXT_STEPS,
                chars: 60,
                instructions: 3,
                decisions: 4,
                errors: 3,
                changes: 6,
            },
            Self::Minimal => Bounds {
                goal_tokens: 150,
                listed: 0,
                next: 0,
                chars: 60,
                instructions: 2,
                decisions: 0,
                errors: 0,
                changes: 0,
            },
        }
    }
}

/// What one level of detail allows.
#[derive(Clone, Copy)]
struct Bounds {
    goal_tokens: u64,
    listed: usize,
    next: usize,
    chars: usize,
    instructions: usize,
    decisions: usize,
    errors: usize,
    changes: usize,
}

/// The view as YAML, at most about 1,500 tokens whatever the size of the task.
#[must_use]
pub fn state_yaml(state: &TaskState) -> String {
    state_yaml_at(state, Detail::Full)
}

/// The view with at most this much detail, and less if it would be too long.
pub(crate) fn state_yaml_at(state: &TaskState, most: Detail) -> String {
    let mut detail = most;
    loop {
        let yaml = render(state, detail.bounds());
        match detail.less() {
            Some(less) if estimate_tokens(&yaml) > MAX_TOKENS => detail = less,
            _ => return yaml,
        }
    }
}

/// The goal when the view does not show all of it.
pub(crate) fn goal_beyond_view(state: &TaskState) -> Option<&str> {
    let shown = Detail::Full.bounds().goal_tokens;
    (estimate_tokens(&state.goal) > shown).then_some(&state.goal)
}

#[derive(Serialize)]
struct View {
    goal: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user_instructions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    decisions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files_changed: Vec<String>,
}

#[derive(Serialize)]
struct PlanView {
    version: u32,
    done: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<BTreeMap<StepStatus, usize>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<StepView>,
}

#[derive(Serialize)]
struct StepView {
    id: String,
    title: String,
    status: StepStatus,
    #[serde(skip_serializing_if = "String::is_empty")]
    summary: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    current: bool,
}

#[derive(Serialize)]
struct ErrorView {
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<String>,
}

fn render(state: &TaskState, bounds: Bounds) -> String {
    let clip = |text: &String| clip_chars(text, bounds.chars);
    let view = View {
        goal: clip_tokens(&state.goal, bounds.goal_tokens),
        user_instructions: last(&state.instructions, bounds.instructions, |text| {
            // What the user said outranks all else here, so it may be longer than other lines.
            clip_chars(text, 2 * bounds.chars)
        }),
        plan: plan_view(state, bounds),
        decisions: last(&state.decisions, bounds.decisions, clip),
        errors: last(&state.errors, bounds.errors, |error| ErrorView {
            what: clip(&error.what),
            resolution: error.resolution.as_ref().map(clip),
        }),
        files_changed: changes_view(&state.changes, bounds),
    };
    serde_yaml::to_string(&view).expect("BUG: a view of strings and numbers is YAML")
}

/// The newest `max` elements, oldest first.
fn last<T, U>(list: &[T], max: usize, show: impl Fn(&T) -> U) -> Vec<U> {
    list[list.len().saturating_sub(max)..]
        .iter()
        .map(show)
        .collect()
}

fn plan_view(state: &TaskState, bounds: Bounds) -> Option<PlanView> {
    if state.steps.is_empty() {
        return None;
    }
    let mut counts = BTreeMap::new();
    for step in &state.steps {
        *counts.entry(step.status).or_insert(0_usize) += 1;
    }
    let done = counts.get(&StepStatus::Completed).copied().unwrap_or(0);
    let long = state.steps.len() > bounds.listed;
    let shown: Vec<&StepLine> = if long {
        around_current(state, bounds.next)
    } else {
        state.steps.iter().collect()
    };
    Some(PlanView {
        version: state.plan_version,
        done: format!("{done} of {}", state.steps.len()),
        counts: long.then_some(counts),
        steps: shown
            .into_iter()
            .map(|step| step_view(state, step, bounds))
            .collect(),
    })
}

/// The current step (the first pending one when there is none) and the next ones that wait.
fn around_current(state: &TaskState, next: usize) -> Vec<&StepLine> {
    let is_current = |step: &&StepLine| Some(&step.id) == state.current.as_ref();
    let current = state.steps.iter().find(is_current);
    let waiting = state
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Pending && !is_current(step));
    current.into_iter().chain(waiting.take(next)).collect()
}

fn step_view(state: &TaskState, step: &StepLine, bounds: Bounds) -> StepView {
    StepView {
        id: step.id.to_string(),
        title: clip_chars(&step.title, bounds.chars),
        status: step.status,
        summary: clip_chars(&step.summary, bounds.chars),
        current: Some(&step.id) == state.current.as_ref(),
    }
}

fn changes_view(changes: &[FileLine], bounds: Bounds) -> Vec<String> {
    let shown = |file: &FileLine| {
        let path = clip_chars(&file.path, bounds.chars);
        format!("{path} (+{} −{})", file.added, file.removed)
    };
    let mut lines = last(changes, bounds.changes, shown);
    let hidden = changes.len() - lines.len();
    if hidden > 0 && bounds.changes > 0 {
        lines.insert(0, format!("{hidden} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn task(steps: usize, completed: usize) -> TaskState {
        let step = |n: usize| StepLine {
            id: SubtaskId::new(format!("step-{n}")).unwrap(),
            title: format!("Do part {n} of the work"),
            status: match n.cmp(&completed) {
                std::cmp::Ordering::Less => StepStatus::Completed,
                std::cmp::Ordering::Equal => StepStatus::Running,
                std::cmp::Ordering::Greater => StepStatus::Pending,
            },
            summary: if n < completed {
                format!("Part {n} is done. {}", "It went well. ".repeat(20))
            } else {
                String::new()
            },
        };
        TaskState {
            goal: "Make the parser faster without changing what it accepts.".to_owned(),
            plan_version: 2,
            steps: (0..steps).map(step).collect(),
            current: Some(SubtaskId::new(format!("step-{completed}")).unwrap()),
            instructions: vec!["Keep the public API.".to_owned()],
            decisions: (0..40)
                .map(|n| format!("Decision {n}: use a table."))
                .collect(),
            errors: (0..40)
                .map(|n| ErrorLine {
                    what: format!("Test {n} failed."),
                    resolution: Some("Fixed the index.".to_owned()),
                })
                .collect(),
            changes: (0..40)
                .map(|n| FileLine {
                    path: format!("src/file_{n}.rs"),
                    added: 10,
                    removed: 2,
                })
                .collect(),
        }
    }

    #[test]
    fn the_view_stays_within_its_tokens_for_any_plan() {
        for steps in [5, 15, 16, 50, 500] {
            for completed in [0, steps / 2, steps - 1] {
                let yaml = state_yaml(&task(steps, completed));
                let tokens = estimate_tokens(&yaml);
                assert!(
                    tokens <= MAX_TOKENS,
                    "{steps} steps: {tokens} tokens\n{yaml}"
                );
            }
        }
    }

    #[test]
    fn the_view_stays_within_its_tokens_when_every_text_is_as_long_as_it_can_be() {
        let mut task = task(500, 250);
        let long = "日本語 ".repeat(10_000);
        task.goal.clone_from(&long);
        task.instructions = vec![long.clone(); 20];
        task.decisions = vec![long.clone(); 20];
        for step in &mut task.steps {
            step.title.clone_from(&long);
            step.summary.clone_from(&long);
        }
        for error in &mut task.errors {
            error.what.clone_from(&long);
        }
        for file in &mut task.changes {
            file.path.clone_from(&long);
        }
        assert!(estimate_tokens(&state_yaml(&task)) <= MAX_TOKENS);
        task.steps.truncate(LISTED_STEPS);
        assert!(estimate_tokens(&state_yaml(&task)) <= MAX_TOKENS);
    }

    /// Any text, and those that YAML has to quote, escape or fold.
    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z ]{0,300}",
            any::<String>(),
            "[日本語🦀é\u{202e}]{0,400}",
            "[\"'\\\\:#&*!|>%@`{}\\[\\],\\-? \n\t\r\u{0}\u{85}\u{2028}\u{feff}]{0,400}",
            "(- [a-z]{1,5}: \n){0,60}",
            "[0-9]{0,200}",
        ]
    }

    fn any_status() -> impl Strategy<Value = StepStatus> {
        prop::sample::select(vec![
            StepStatus::Pending,
            StepStatus::Running,
            StepStatus::Verifying,
            StepStatus::WaitingApproval,
            StepStatus::Completed,
            StepStatus::Failed,
            StepStatus::Blocked,
            StepStatus::Skipped,
        ])
    }

    fn any_state() -> impl Strategy<Value = TaskState> {
        let steps = prop_oneof![0_usize..16, 16_usize..60, Just(500)].prop_flat_map(|count| {
            let step = ("[a-z0-9-]{1,64}", any_text(), any_status(), any_text());
            prop::collection::vec(step, count)
        });
        let texts = || prop::collection::vec(any_text(), 0..30);
        let errors = prop::collection::vec((any_text(), prop::option::of(any_text())), 0..20);
        let changes = prop::collection::vec((any_text(), any::<u32>(), any::<u32>()), 0..40);
        let current = any::<prop::sample::Index>();
        (
            any_text(),
            steps,
            current,
            texts(),
            texts(),
            errors,
            changes,
        )
            .prop_map(
                |(goal, steps, current, instructions, decisions, errors, changes)| {
                    let steps: Vec<StepLine> = (0..)
                        .zip(steps)
                        .map(|(n, (id, title, status, summary))| StepLine {
                            id: SubtaskId::new(
                                format!("{n}{id}").chars().take(64).collect::<String>(),
                            )
                            .unwrap_or_else(|_| SubtaskId::new(format!("s{n}")).unwrap()),
                            title,
                            status,
                            summary,
                        })
                        .collect();
                    TaskState {
                        goal,
                        plan_version: 3,
                        current: (!steps.is_empty())
                            .then(|| steps[current.index(steps.len())].id.clone()),
                        steps,
                        instructions,
                        decisions,
                        errors: errors
                            .into_iter()
                            .map(|(what, resolution)| ErrorLine { what, resolution })
                            .collect(),
                        changes: changes
                            .into_iter()
                            .map(|(path, added, removed)| FileLine {
                                path,
                                added,
                                removed,
                            })
                            .collect(),
                    }
                },
            )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_view_of_any_task_stays_within_its_tokens_and_can_be_read(state in any_state()) {
            let yaml = state_yaml(&state);
            let tokens = estimate_tokens(&yaml);
            prop_assert!(tokens <= MAX_TOKENS, "{tokens} tokens\n{yaml}");
            let view: serde_yaml::Value = serde_yaml::from_str(&yaml)
                .map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
            prop_assert!(view["goal"].is_string());
            if let Some(current) = &state.current {
                let steps = view["plan"]["steps"].as_sequence().unwrap();
                let shown = steps.iter().any(|step| step["id"] == current.as_str());
                prop_assert!(shown, "the current step is not shown\n{yaml}");
            }
        }
    }

    #[test]
    fn a_short_plan_is_listed_with_summaries_of_at_most_a_hundred_characters() {
        let yaml = state_yaml(&task(5, 3));
        let view: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
        let steps = view["plan"]["steps"].as_sequence().unwrap();
        assert_eq!(steps.len(), 5);
        let summary = steps[0]["summary"].as_str().unwrap();
        assert_eq!(summary.chars().count(), 100);
        assert_eq!(steps[3]["current"], true);
        assert_eq!(view["plan"]["done"], "3 of 5");
    }

    #[test]
    fn a_long_plan_is_counted_with_the_current_step_and_the_next_three() {
        let yaml = state_yaml(&task(50, 20));
        let view: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
        assert_eq!(view["plan"]["counts"]["completed"], 20);
        assert_eq!(view["plan"]["counts"]["pending"], 29);
        let ids: Vec<_> = view["plan"]["steps"]
            .as_sequence()
            .unwrap()
            .iter()
            .map(|step| step["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["step-20", "step-21", "step-22", "step-23"]);
    }

    #[test]
    fn ten_decisions_and_five_errors_are_kept_the_newest() {
        let yaml = state_yaml(&task(3, 1));
        let view: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
        let decisions = view["decisions"].as_sequence().unwrap();
        assert_eq!(decisions.len(), 10);
        assert!(decisions[9].as_str().unwrap().starts_with("Decision 39"));
        assert_eq!(view["errors"].as_sequence().unwrap().len(), 5);
        assert_eq!(view["files_changed"][0], "28 more");
    }

    #[test]
    fn hostile_text_stays_a_string() {
        let mut task = task(1, 0);
        task.goal = "a: b\nplan: {version: 9}\n- x".to_owned();
        let view: serde_yaml::Value = serde_yaml::from_str(&state_yaml(&task)).unwrap();
        assert_eq!(view["goal"].as_str().unwrap(), task.goal);
        assert_eq!(view["plan"]["version"], 2);
    }

    #[test]
    fn a_task_without_a_plan_shows_its_goal() {
        let task = TaskState {
            goal: "Do it.".to_owned(),
            ..TaskState::default()
        };
        assert_eq!(state_yaml(&task), "goal: Do it.\n");
    }
}
