//! What a planner is told, first and later.

use crate::budget::{Input, drop_last, shorten};
use crate::examples::PlanExample;
use crate::project::{
    ProjectNote, SkillLine, notes_view, shrink_notes, shrink_skills, skills_view,
};
use crate::state::{Detail, StepStatus, TaskState, goal_beyond_view, state_yaml_at};
use crate::tokens::{clip_chars, estimate_tokens};
use loom_events::{Role, SubtaskSpec};
use minijinja::value::Serde;
use minijinja::{Value, context};

/// Everything that goes into the prompt for the first plan.
#[derive(Clone, Debug, Default)]
pub struct PlannerInput {
    /// The goal.
    pub goal: String,
    /// More about the goal; data of lower rank.
    pub context: Option<String>,
    /// What the user said since, oldest first.
    pub instructions: Vec<String>,
    /// The workspace, when there is one.
    pub workspace: Option<WorkspaceOverview>,
    /// The project's own files of instructions, the nearest last; data of low rank.
    pub notes: Vec<ProjectNote>,
    /// The skills that a worker may ask for.
    pub skills: Vec<SkillLine>,
    /// An example of a plan for work of this kind.
    pub example: Option<PlanExample>,
    /// Most subtasks accepted.
    pub max_subtasks: u32,
    /// What earlier tasks taught; data of lower rank.
    pub learned: Learned,
    /// When this is the repair of a refused plan.
    pub repair: Option<Repair>,
    /// Tokens that the prompt may cost; none means no bound.
    pub budget: Option<u64>,
}

/// What earlier tasks taught a planner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Plans that brought goals like this one about, the most alike first.
    pub plans: Vec<String>,
    /// What the user asked for in earlier tasks, word for word.
    pub preferences: Vec<String>,
    /// Whether little is known of the models yet, so that steps are better small.
    pub small_steps: bool,
}

/// Everything that goes into the prompt for a later plan.
#[derive(Clone, Debug)]
pub struct ReplannerInput {
    /// The task as it stands: goal, errors, decisions, changes.
    pub state: TaskState,
    /// More about the goal; data of lower rank.
    pub context: Option<String>,
    /// Why a new plan is wanted, in a sentence.
    pub reason: String,
    /// The plan so far, in its order.
    pub old_plan: Vec<OldStep>,
    /// What executors found that nobody knew, oldest first.
    pub discoveries: Vec<String>,
    /// The workspace, when there is one.
    pub workspace: Option<WorkspaceOverview>,
    /// The project's own files of instructions, the nearest last; data of low rank.
    pub notes: Vec<ProjectNote>,
    /// The skills that a worker may ask for.
    pub skills: Vec<SkillLine>,
    /// Most subtasks accepted.
    pub max_subtasks: u32,
    /// What the user asked for in earlier tasks, word for word; data of lower rank.
    pub preferences: Vec<String>,
    /// When this is the repair of a refused plan.
    pub repair: Option<Repair>,
    /// Tokens that the prompt may cost; none means no bound.
    pub budget: Option<u64>,
    detail: Detail,
}

impl ReplannerInput {
    /// An input with only what is always there.
    #[must_use]
    pub fn new(state: TaskState, reason: impl Into<String>, max_subtasks: u32) -> Self {
        Self {
            state,
            context: None,
            reason: reason.into(),
            old_plan: Vec::new(),
            discoveries: Vec::new(),
            workspace: None,
            notes: Vec::new(),
            skills: Vec::new(),
            max_subtasks,
            preferences: Vec::new(),
            repair: None,
            budget: None,
            detail: Detail::Full,
        }
    }
}

/// What a planner is shown of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceOverview {
    /// Relative paths, most telling first; may be a selection.
    pub files: Vec<String>,
    /// How many files there are in all.
    pub total_files: usize,
    /// Commands that run the project's own tests.
    pub test_commands: Vec<String>,
    /// Commands that build it or look it over without running it.
    pub build_commands: Vec<String>,
}

/// A refused plan with what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// The planner's answer, word for word.
    pub answer: String,
    /// Every error, exactly.
    pub errors: Vec<String>,
}

/// One step of the plan that is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldStep {
    /// The step as planned.
    pub spec: SubtaskSpec,
    /// How it stands.
    pub status: StepStatus,
    /// What came of it, in a line; may be empty.
    pub summary: String,
}

/// Longest list of files shown: at 12 tokens a path it costs less than a tenth of a 32 k window.
const MAX_FILES: usize = 200;

/// Longest list of errors in a repair: beyond it the plan is better written anew.
const MAX_ERRORS: usize = 20;

impl Input for PlannerInput {
    const ROLE: Role = Role::Planner;
    const NAME: &'static str = "planner";
    const PARTS: &'static [&'static str] = &[
        "role",
        "constraints",
        "output_format",
        "workspace",
        "goal",
        "errors",
    ];
    const STABLE: &'static [&'static str] = &["max_subtasks"];

    fn context(&self) -> Value {
        context! {
            workspace => workspace(self.workspace.as_ref()),
            notes => notes_view(&self.notes),
            skills => skills_view(&self.skills),
            example => self.example.as_ref().map_or_else(|| Value::from(()), example),
            goal => self.goal.as_str(),
            background => self.context.as_deref().unwrap_or_default(),
            instructions => self.instructions.clone(),
            max_subtasks => self.max_subtasks,
            plans => self.learned.plans.clone(),
            preferences => self.learned.preferences.clone(),
            small_steps => self.learned.small_steps,
            errors => errors(self.repair.as_ref()),
        }
    }

    fn budget(&self) -> Option<u64> {
        self.budget
    }

    fn shrink(&mut self, excess: u64) -> Option<String> {
        self.example
            .take()
            .map(|_| "example of a plan: left out".to_owned())
            .or_else(|| shrink_files(&mut self.workspace, excess))
            .or_else(|| shrink_texts("earlier plans", &mut self.learned.plans, excess))
            .or_else(|| shrink_texts("preferences", &mut self.learned.preferences, excess))
            .or_else(|| shrink_skills(&mut self.skills, excess))
            .or_else(|| shrink_notes(&mut self.notes, excess))
            .or_else(|| shrink_text("context", &mut self.context, excess))
            .or_else(|| shrink_answer(self.repair.as_mut(), excess))
    }

    fn refused_answer(&self) -> Option<&str> {
        self.repair.as_ref().map(|repair| repair.answer.as_str())
    }

    fn samples() -> [Self; 2] {
        [crate::samples::planner(), crate::samples::bare_planner()]
    }
}

impl Input for ReplannerInput {
    const ROLE: Role = Role::Replanner;
    const NAME: &'static str = "replanner";
    const PARTS: &'static [&'static str] = &[
        "role",
        "constraints",
        "output_format",
        "workspace",
        "task_state",
        "old_plan",
        "reason",
        "errors",
    ];
    const STABLE: &'static [&'static str] = &["max_subtasks"];

    fn context(&self) -> Value {
        let old_plan: Vec<Value> = self.old_plan.iter().map(old_step).collect();
        context! {
            old_plan,
            workspace => workspace(self.workspace.as_ref()),
            notes => notes_view(&self.notes),
            skills => skills_view(&self.skills),
            goal => goal_beyond_view(&self.state).unwrap_or_default(),
            state => state_yaml_at(&self.state_without_steps(), self.detail),
            background => self.context.as_deref().unwrap_or_default(),
            discoveries => self.discoveries.clone(),
            reason => self.reason.as_str(),
            max_subtasks => self.max_subtasks,
            preferences => self.preferences.clone(),
            errors => errors(self.repair.as_ref()),
        }
    }

    fn budget(&self) -> Option<u64> {
        self.budget
    }

    fn shrink(&mut self, excess: u64) -> Option<String> {
        if let Some(what) = shrink_files(&mut self.workspace, excess)
            .or_else(|| shrink_texts("preferences", &mut self.preferences, excess))
            .or_else(|| shrink_skills(&mut self.skills, excess))
            .or_else(|| shrink_notes(&mut self.notes, excess))
            .or_else(|| shrink_text("context", &mut self.context, excess))
        {
            return Some(what);
        }
        if let Some(less) = self.detail.less() {
            self.detail = less;
            return Some("task state: shown with less detail".to_owned());
        }
        self.forget_done_steps()
            .or_else(|| shrink_answer(self.repair.as_mut(), excess))
    }

    fn refused_answer(&self) -> Option<&str> {
        self.repair.as_ref().map(|repair| repair.answer.as_str())
    }

    fn samples() -> [Self; 2] {
        [
            crate::samples::replanner(),
            crate::samples::bare_replanner(),
        ]
    }
}

impl ReplannerInput {
    /// The old plan is shown as such, so the state need not list the steps a second time.
    fn state_without_steps(&self) -> TaskState {
        TaskState {
            steps: Vec::new(),
            ..self.state.clone()
        }
    }

    /// Completed steps keep their id and title, which the new plan may depend on.
    fn forget_done_steps(&mut self) -> Option<String> {
        let mut forgotten = 0;
        for step in &mut self.old_plan {
            if step.status == StepStatus::Completed && !step.spec.description.is_empty() {
                step.spec.description.clear();
                step.summary.clear();
                forgotten += 1;
            }
        }
        (forgotten > 0)
            .then(|| format!("old plan: details of {forgotten} completed steps left out"))
    }
}

fn example(example: &PlanExample) -> Value {
    context! {
        purpose => example.purpose(),
        plan => example.text(),
    }
}

fn workspace(overview: Option<&WorkspaceOverview>) -> Value {
    let Some(overview) = overview else {
        return Value::from(());
    };
    let files: Vec<String> = overview.files.iter().take(MAX_FILES).cloned().collect();
    let hidden = overview.total_files.saturating_sub(files.len());
    context! {
        files,
        hidden,
        test_commands => overview.test_commands.clone(),
        build_commands => overview.build_commands.clone(),
    }
}

/// What is repaired is the last to go: a plan of hundreds of steps is better made anew than shown.
pub(crate) fn shrink_answer(repair: Option<&mut Repair>, excess: u64) -> Option<String> {
    let answer = &mut repair?.answer;
    *answer = shorten(answer, excess)?;
    Some("refused answer: cut".to_owned())
}

pub(crate) fn errors(repair: Option<&Repair>) -> Vec<String> {
    repair
        .map(|repair| repair.errors.iter().take(MAX_ERRORS).cloned().collect())
        .unwrap_or_default()
}

fn old_step(step: &OldStep) -> Value {
    let depends_on: Vec<String> = step
        .spec
        .depends_on
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut checks: Vec<String> = step.spec.checks.iter().map(ToString::to_string).collect();
    let held_out = step.spec.held_out.iter();
    checks.extend(held_out.map(|held| format!("{} ({})", held.words(), held.check)));
    context! {
        id => step.spec.id.as_str(),
        title => step.spec.title.as_str(),
        description => step.spec.description.as_str(),
        depends_on,
        checks,
        status => Value::from(Serde(step.status)),
        done => step.status == StepStatus::Completed,
        summary => clip_chars(&step.summary, 200),
    }
}

fn shrink_files(overview: &mut Option<WorkspaceOverview>, excess: u64) -> Option<String> {
    let overview = overview.as_mut()?;
    overview.files.truncate(MAX_FILES);
    let dropped = drop_last(&mut overview.files, excess, |path| {
        estimate_tokens(path) + 1
    })?;
    Some(format!("list of files: {dropped} left out"))
}

/// Leaves out the last of some texts.
pub(crate) fn shrink_texts(name: &str, texts: &mut Vec<String>, excess: u64) -> Option<String> {
    let all = texts.len();
    let dropped = drop_last(texts, excess, |text| estimate_tokens(text) + 1)?;
    Some(format!("{name}: {dropped} of {all} left out"))
}

fn shrink_text(name: &str, text: &mut Option<String>, excess: u64) -> Option<String> {
    let now = text.take()?;
    *text = shorten(&now, excess);
    let what = if text.is_some() { "cut" } else { "left out" };
    Some(format!("{name}: {what}"))
}

#[cfg(test)]
mod tests {
    use crate::{Prompts, samples};
    use loom_events::Message;

    #[test]
    fn a_repair_keeps_the_first_question_as_its_prefix() {
        let prompts = Prompts::builtin().unwrap();
        let mut input = samples::planner();
        let repair = prompts.planner(&input).unwrap().messages;
        input.repair = None;
        let first = prompts.planner(&input).unwrap().messages;
        assert_eq!(repair[..2], first[..]);
        assert!(matches!(&repair[2], Message::Assistant { .. }));
        let Message::User { text } = &repair[3] else {
            panic!("{repair:?}");
        };
        assert!(
            text.contains("the plan has no subtasks: write at least one"),
            "{text}"
        );
    }

    #[test]
    fn the_repair_of_an_empty_answer_has_no_empty_message() {
        let mut input = samples::planner();
        input.repair.as_mut().unwrap().answer = "\n".to_owned();
        let messages = Prompts::builtin()
            .unwrap()
            .planner(&input)
            .unwrap()
            .messages;
        assert_eq!(messages.len(), 2);
    }

    #[test]
    fn the_planner_is_told_files_tests_and_limits() {
        let rendered = Prompts::builtin()
            .unwrap()
            .planner(&samples::planner())
            .unwrap();
        let text = format!("{:?}", rendered.messages);
        for needle in ["cli.py", "sh test.sh", "40", "9 more", "British spelling"] {
            assert!(text.contains(needle), "{needle} in {text}");
        }
    }

    #[test]
    fn a_long_list_of_files_shrinks_before_anything_else() {
        let mut input = samples::planner();
        let files = (0..5_000)
            .map(|n| format!("src/module_{n}/file_{n}.rs"))
            .collect();
        input.workspace.as_mut().unwrap().files = files;
        input.budget = Some(2_500);
        let rendered = Prompts::builtin().unwrap().planner(&input).unwrap();
        assert!(
            rendered.trimmed[1].starts_with("list of files"),
            "{:?}",
            rendered.trimmed
        );
        assert!(format!("{rendered:?}").contains("British spelling"));
    }

    #[test]
    fn what_earlier_tasks_taught_goes_before_the_words_of_this_one() {
        let mut input = samples::planner();
        let prompts = Prompts::builtin().unwrap();
        let whole = prompts.planner(&input).unwrap();
        let needed: u64 = whole.parts.iter().map(|part| part.tokens).sum();
        // The example of a plan and the list of files go first; then these.
        let cut = (1..needed).map(|less| {
            input.budget = Some(needed - less);
            prompts.planner(&input).unwrap()
        });
        let mut cut = cut.filter(|rendered| {
            let trimmed = rendered.trimmed.join("; ");
            trimmed.contains("preferences: 1 of 1 left out")
        });
        let rendered = cut.next().unwrap();
        let trimmed = rendered.trimmed.join("; ");
        assert!(
            trimmed.contains("earlier plans: 1 of 1 left out"),
            "{trimmed}"
        );
        assert!(format!("{rendered:?}").contains("Rename the option"));
    }

    #[test]
    fn the_replanner_sees_statuses_discoveries_and_what_failed() {
        let rendered = Prompts::builtin()
            .unwrap()
            .replanner(&samples::replanner())
            .unwrap();
        let text = format!("{:?}", rendered.messages);
        for needle in [
            "failed",
            "completed",
            "test.sh still calls",
            "in every attempt",
        ] {
            assert!(text.contains(needle), "{needle} in {text}");
        }
    }
}
