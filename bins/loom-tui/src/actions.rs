//! Every action, with its key and its words, in one table: keys, the foot of each screen, the help
//! and the command palette are made from it.

use crate::model::{Model, Place};
use loom_view::TaskStatus;

/// Something that a user can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Go into what is selected.
    Open,
    /// Go back.
    Back,
    /// Show what changed.
    Diff,
    /// Answer a question.
    Approve,
    /// Give an instruction.
    Steer,
    /// Pause, or go on.
    Pause,
    /// End the task.
    Cancel,
    /// Take changes back.
    Revert,
    /// Say whether it is right.
    Rate,
    /// Try again.
    Retry,
    /// Begin a task.
    New,
    /// Change the plan.
    EditPlan,
    /// Show what was noted.
    Memory,
    /// Show what was said and done.
    Trace,
    /// Show the models.
    Models,
    /// Show other lines of the log.
    Filter,
    /// Show the diff in another way.
    Layout,
    /// Go to another pane.
    Pane,
    /// The next file, or step.
    Next,
    /// The previous file, or step.
    Previous,
    /// Search.
    Search,
    /// Go to the next match.
    NextMatch,
    /// Go to the previous match.
    PreviousMatch,
    /// Add a step.
    Add,
    /// Drop a step.
    Drop,
    /// Carry a step up.
    CarryUp,
    /// Carry a step down.
    CarryDown,
    /// Take the last edit back.
    Undo,
    /// Send what was edited.
    Save,
    /// Choose by name.
    Palette,
    /// Show all keys.
    Help,
    /// Ask for everything again.
    Refresh,
    /// Leave.
    Quit,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Binding {
    /// The key, as it is written.
    pub(crate) key: &'static str,
    /// What it does.
    pub(crate) action: Action,
    /// In a word or two, for the foot.
    pub(crate) label: &'static str,
    /// In a sentence, for help and palette.
    pub(crate) help: &'static str,
    /// Where.
    places: &'static [Place],
}

use Place::{Dashboard, Detail, Diff, Memory, Models, NewTask, Plan, Trace};

const ALL: &[Place] = &[Dashboard, Detail, Diff, Plan, Memory, Trace, Models];
const TASK: &[Place] = &[Dashboard, Detail];
const READ: &[Place] = &[Dashboard, Detail, Diff, Memory, Trace];

const fn row(
    key: &'static str,
    action: Action,
    label: &'static str,
    help: &'static str,
    places: &'static [Place],
) -> Binding {
    Binding {
        key,
        action,
        label,
        help,
        places,
    }
}

/// In the order in which the foot names them.
pub(crate) const BINDINGS: &[Binding] = &[
    row(
        "a",
        Action::Approve,
        "answer",
        "answer the question that waits",
        TASK,
    ),
    row(
        "Enter",
        Action::Open,
        "open",
        "open what is selected",
        &[Dashboard, Detail, Plan],
    ),
    row("d", Action::Diff, "diff", "what the task changed", TASK),
    row(
        "s",
        Action::Steer,
        "steer",
        "give the task an instruction",
        TASK,
    ),
    row(
        "p",
        Action::Pause,
        "pause",
        "pause the task, or go on with it",
        TASK,
    ),
    row(
        "c",
        Action::Cancel,
        "cancel",
        "end the task; asks first",
        TASK,
    ),
    row(
        "r",
        Action::Revert,
        "revert",
        "take changes back; shows first what that does",
        &[Dashboard, Detail, Diff],
    ),
    row(
        "o",
        Action::Rate,
        "rate",
        "say of a task that has ended, or of a step, whether it is right",
        &[Dashboard, Detail, Diff],
    ),
    row(
        "R",
        Action::Retry,
        "retry",
        "try again what was not brought about",
        TASK,
    ),
    row(
        "e",
        Action::EditPlan,
        "edit plan",
        "edit, reorder, drop and add steps",
        &[Detail],
    ),
    row(
        "t",
        Action::Trace,
        "trace",
        "prompts, answers and calls of the selected step",
        &[Detail],
    ),
    row("m", Action::Memory, "memory", "what was noted", TASK),
    row(
        "f",
        Action::Filter,
        "filter",
        "show other lines of the log",
        &[Detail],
    ),
    row(
        "Tab",
        Action::Pane,
        "pane",
        "go to the next pane",
        &[Detail],
    ),
    row(
        "v",
        Action::Layout,
        "view",
        "side by side, or one below the other",
        &[Diff],
    ),
    row(
        "]",
        Action::Next,
        "next",
        "the next file, or step",
        &[Diff, Trace],
    ),
    row(
        "[",
        Action::Previous,
        "previous",
        "the previous file, or step",
        &[Diff, Trace],
    ),
    row("w", Action::Save, "save", "send the edited plan", &[Plan]),
    row(
        "+",
        Action::Add,
        "add",
        "add a step after the selected one",
        &[Plan],
    ),
    row("x", Action::Drop, "drop", "drop the selected step", &[Plan]),
    row(
        "K",
        Action::CarryUp,
        "up",
        "carry the step up (or shift and arrow)",
        &[Plan],
    ),
    row(
        "J",
        Action::CarryDown,
        "down",
        "carry the step down (or shift and arrow)",
        &[Plan],
    ),
    row(
        "u",
        Action::Undo,
        "undo",
        "take the last edit back",
        &[Plan],
    ),
    row("n", Action::New, "new", "begin a task", TASK),
    row(
        "M",
        Action::Models,
        "models",
        "the models and their slots",
        &[Dashboard, Detail, Diff, Plan, Memory, Trace],
    ),
    row("/", Action::Search, "search", "search here", READ),
    row(
        "Ctrl-N",
        Action::NextMatch,
        "next match",
        "the next match of the search",
        &[Detail, Diff, Trace],
    ),
    row(
        "Ctrl-P",
        Action::PreviousMatch,
        "last match",
        "the previous match of the search",
        &[Detail, Diff, Trace],
    ),
    row(
        "Ctrl-L",
        Action::Refresh,
        "refresh",
        "draw and ask for everything again",
        ALL,
    ),
    row(
        ":",
        Action::Palette,
        "commands",
        "choose a command by its name",
        ALL,
    ),
    row(
        "Esc",
        Action::Back,
        "back",
        "go back",
        &[Detail, Diff, Plan, Memory, Trace, Models, NewTask],
    ),
    row("?", Action::Help, "help", "all keys", ALL),
    row("q", Action::Quit, "quit", "leave; the work goes on", ALL),
];

impl Binding {
    /// Whether it is for a place.
    pub(crate) fn is_for(&self, place: Place) -> bool {
        self.places.contains(&place)
    }
}

/// The action of a key at a place.
pub(crate) fn of_key(key: &str, place: Place) -> Option<Action> {
    let found = BINDINGS.iter().find(|b| b.key == key && b.is_for(place));
    found.map(|binding| binding.action)
}

/// The rows of a place that can be used now.
pub(crate) fn usable(model: &Model) -> impl Iterator<Item = &'static Binding> + '_ {
    let place = model.place();
    let here = BINDINGS.iter().filter(move |binding| binding.is_for(place));
    here.filter(|binding| can(model, binding.action))
}

/// Whether an action makes sense now.
pub(crate) fn can(model: &Model, action: Action) -> bool {
    let status = match model.place() {
        Place::Dashboard => model.dashboard.selected().map(|task| task.status),
        Place::Diff => model.diff.task.map(|task| model.facts(task).0),
        _ => model.watched.as_ref().map(|watched| watched.view.status),
    };
    let ended = status.is_some_and(TaskStatus::is_final);
    match action {
        Action::Steer | Action::Pause | Action::Cancel | Action::EditPlan => {
            status.is_some() && !ended
        }
        Action::Approve => match model.place() {
            Place::Dashboard => model
                .dashboard
                .selected()
                .is_some_and(|task| task.waiting > 0),
            _ => model
                .watched
                .as_ref()
                .is_some_and(|watched| !watched.view.questions.is_empty()),
        },
        Action::Revert if model.place() == Place::Diff => model.diff.task.is_some(),
        Action::Revert | Action::Rate => ended,
        Action::Retry | Action::Diff | Action::Memory => status.is_some(),
        Action::Trace => model
            .watched
            .as_ref()
            .is_some_and(|watched| !watched.view.subtasks.is_empty()),
        Action::Open => model.place() != Place::Dashboard || status.is_some(),
        Action::Undo => model.plan.can_undo(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_at_one_place() {
        for place in ALL {
            let mut keys: Vec<_> = BINDINGS
                .iter()
                .filter(|b| b.is_for(*place))
                .map(|b| b.key)
                .collect();
            let all = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), all, "{place:?}");
        }
    }

    #[test]
    fn no_action_takes_the_keys_that_move() {
        for binding in BINDINGS {
            assert!(
                !["h", "j", "k", "l", "g", "G"].contains(&binding.key),
                "{}",
                binding.key
            );
        }
    }
}
