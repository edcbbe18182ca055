//! Inputs that use every variable, and inputs that use as few as possible. Templates are tried out
//! on them when they are loaded, and the snapshots show the full ones.

use crate::state::{ErrorLine, FileLine, StepLine, StepStatus, TaskState};
use crate::{
    Block, CheckLine, ChecksInput, CriterionLine, ExecutorInput, ExtractorInput, Learned, OldStep,
    Part, PlannerInput, ProjectNote, Repair, ReplannerInput, SkillLine, VerifierInput,
    WorkspaceOverview,
};
use loom_events::{
    Check, Fact, HeldOut, MemoryEntry, MemoryKind, Seq, SubtaskId, SubtaskSpec, Tier, Time,
    ToolSpec,
};
use serde_json::json;

const GOAL: &str = "Rename the option --colour to --color in the command line tool and its manual.";

fn id(text: &str) -> SubtaskId {
    SubtaskId::new(text).expect("BUG: sample ids are kebab case")
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn subtask() -> SubtaskSpec {
    SubtaskSpec {
        criteria: strings(&[
            "cli.py accepts --color.",
            "cli.py no longer accepts --colour.",
        ]),
        depends_on: vec![id("find-uses")],
        tier: Tier::Small,
        checks: vec![
            Check::FileContains {
                path: "cli.py".to_owned(),
                regex: "--color\\b".to_owned(),
            },
            Check::Command {
                command: "sh test.sh".to_owned(),
                exit: 0,
                stdout_regex: None,
            },
        ],
        held_out: vec![HeldOut {
            criterion: "cli.py knows one spelling of the option only.".to_owned(),
            check: Check::Command {
                command: "! python3 cli.py --colour=never".to_owned(),
                exit: 0,
                stdout_regex: None,
            },
        }],
        outputs: strings(&["cli.py"]),
        ..SubtaskSpec::new(
            id("rename-option"),
            "Rename the option in cli.py",
            "In cli.py rename the option --colour to --color. Keep its default.",
        )
    }
}

fn bare_subtask() -> SubtaskSpec {
    SubtaskSpec {
        criteria: Vec::new(),
        depends_on: Vec::new(),
        checks: Vec::new(),
        held_out: Vec::new(),
        outputs: Vec::new(),
        inspect: true,
        ..subtask()
    }
}

fn state() -> TaskState {
    let step = |name: &str, title: &str, status, summary: &str| StepLine {
        id: id(name),
        title: title.to_owned(),
        status,
        summary: summary.to_owned(),
    };
    TaskState {
        goal: GOAL.to_owned(),
        plan_version: 1,
        steps: vec![
            step(
                "find-uses",
                "Find every use",
                StepStatus::Completed,
                "Used in cli.py and README.md only.",
            ),
            step(
                "rename-option",
                "Rename the option in cli.py",
                StepStatus::Running,
                "",
            ),
            step("update-manual", "Update README.md", StepStatus::Pending, ""),
        ],
        current: Some(id("rename-option")),
        instructions: strings(&["Do not touch the tests."]),
        decisions: strings(&["No alias for the old spelling: the user wants it gone."]),
        errors: vec![ErrorLine {
            what: "README.md was not found under docs/.".to_owned(),
            resolution: Some("It is in the root.".to_owned()),
        }],
        changes: vec![FileLine {
            path: "cli.py".to_owned(),
            added: 1,
            removed: 1,
        }],
    }
}

fn bare_state() -> TaskState {
    TaskState {
        goal: GOAL.to_owned(),
        ..TaskState::default()
    }
}

fn overview() -> WorkspaceOverview {
    WorkspaceOverview {
        files: strings(&["README.md", "cli.py", "test.sh"]),
        total_files: 12,
        test_commands: strings(&["sh test.sh"]),
        build_commands: strings(&["make lint"]),
    }
}

fn notes() -> Vec<ProjectNote> {
    let note = |path: &str, text: &str| ProjectNote {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    vec![
        note(
            "AGENTS.md",
            "Use four spaces.\nRun sh test.sh before you finish.",
        ),
        note("docs/AGENTS.md", "One sentence a line."),
    ]
}

fn skills() -> Vec<SkillLine> {
    vec![SkillLine {
        name: "manual-pages".to_owned(),
        description: "How manual pages of this project are written.".to_owned(),
    }]
}

fn repair() -> Repair {
    Repair {
        answer: "{\"subtasks\":[]}".to_owned(),
        errors: strings(&["the plan has no subtasks: write at least one"]),
    }
}

pub(crate) fn executor() -> ExecutorInput {
    let mut input = ExecutorInput::new(state(), subtask());
    input.memory = vec![Fact {
        entry: MemoryEntry {
            kind: MemoryKind::Discovery,
            subtask: Some(id("find-uses")),
            summary: "The option is declared in build_parser() in cli.py.".to_owned(),
            detail: "Line 14: parser.add_argument(\"--colour\", default=\"auto\").".to_owned(),
            tags: strings(&["cli"]),
            relevance_to: "renaming the option".to_owned(),
        },
        seq: Seq(7),
        at: Time::EPOCH,
        seen: 1,
        last: Time::EPOCH,
        about: None,
    }];
    input.feedback = Some("cli.py does not match /--color\\b/: no line matches.".to_owned());
    input.notes = notes();
    input.skills = skills();
    input.preferences = strings(&["Use British spelling in prose."]);
    input.tools_in_text = vec![ToolSpec::new(
        "read_file",
        "Read a text file.",
        json!({"type": "object", "properties": {"path": {"type": "string"}}}),
    )];
    input
}

pub(crate) fn bare_executor() -> ExecutorInput {
    ExecutorInput::new(bare_state(), bare_subtask())
}

pub(crate) fn planner() -> PlannerInput {
    PlannerInput {
        goal: GOAL.to_owned(),
        context: Some("British spelling came in by accident.".to_owned()),
        instructions: strings(&["Do not touch the tests."]),
        workspace: Some(overview()),
        notes: notes(),
        skills: skills(),
        example: Some(crate::examples::sample()),
        max_subtasks: 40,
        learned: Learned {
            plans: strings(&[
                "Goal: rename the option --size\n1. Find every use (inspect python)\n2. Rename it (rework python), checked by tests, after 1",
            ]),
            preferences: strings(&["Use British spelling in prose."]),
            small_steps: true,
        },
        repair: Some(repair()),
        budget: None,
    }
}

pub(crate) fn bare_planner() -> PlannerInput {
    PlannerInput {
        goal: GOAL.to_owned(),
        max_subtasks: 40,
        ..PlannerInput::default()
    }
}

pub(crate) fn replanner() -> ReplannerInput {
    let old = |spec: SubtaskSpec, status, summary: &str| OldStep {
        spec,
        status,
        summary: summary.to_owned(),
    };
    let mut input = bare_replanner();
    input.context = Some("British spelling came in by accident.".to_owned());
    input.old_plan = vec![
        old(
            SubtaskSpec {
                id: id("find-uses"),
                title: "Find every use".to_owned(),
                ..bare_subtask()
            },
            StepStatus::Completed,
            "Used in cli.py and README.md only.",
        ),
        old(
            subtask(),
            StepStatus::Failed,
            "test.sh still calls --colour.",
        ),
    ];
    input.discoveries = strings(&["test.sh calls the tool with --colour."]);
    input.preferences = strings(&["Use British spelling in prose."]);
    input.workspace = Some(overview());
    input.notes = notes();
    input.skills = skills();
    input.repair = Some(repair());
    input
}

pub(crate) fn bare_replanner() -> ReplannerInput {
    ReplannerInput::new(state(), "A step failed in every attempt.", 40)
}

pub(crate) fn checks() -> ChecksInput {
    ChecksInput {
        step: subtask(),
        instructions: strings(&["Keep the old spelling in the changelog."]),
        disputed: vec![subtask().checks[1].to_string()],
        reason: "expected: exit 0\nseen: exit 2, cannot open test.sh".to_owned(),
        evidence: strings(&["cli.py accepts --color. (parser.add_argument(\"--color\"))"]),
        repair: Some(Repair {
            answer: "{\"verdict\": \"maybe\"}".to_owned(),
            errors: strings(&["`verdict` is `maybe`: write right or wrong"]),
        }),
        budget: None,
    }
}

pub(crate) fn bare_checks() -> ChecksInput {
    ChecksInput {
        step: bare_subtask(),
        instructions: Vec::new(),
        evidence: Vec::new(),
        repair: None,
        ..checks()
    }
}

pub(crate) fn verifier() -> VerifierInput {
    let criterion = |name: &str, text: &str| CriterionLine {
        id: name.to_owned(),
        text: text.to_owned(),
    };
    VerifierInput {
        task: subtask().description,
        criteria: vec![
            criterion("c1", "cli.py accepts --color."),
            criterion("c2", "cli.py no longer accepts --colour."),
        ],
        checks: vec![CheckLine {
            check: "`sh test.sh` exits 0".to_owned(),
            passed: true,
            detail: "exit 0".to_owned(),
        }],
        material: vec![Block {
            label: "D1".to_owned(),
            title: "diff of cli.py".to_owned(),
            text: "@@ -14 +14 @@\n-    parser.add_argument(\"--colour\")\n+    parser.add_argument(\"--color\")"
                .to_owned(),
        }],
        part: Some(Part {
            number: 1,
            of: 2,
            elsewhere: strings(&["README.md"]),
        }),
        left_out: strings(&["test.sh as it is now"]),
        budget: None,
    }
}

pub(crate) fn bare_verifier() -> VerifierInput {
    VerifierInput::default()
}

pub(crate) fn extractor() -> ExtractorInput {
    let mut input = ExtractorInput::new(GOAL, subtask());
    input.steps = strings(&["read_file cli.py: ok", "edit_file cli.py: 1 line changed"]);
    input.changes = strings(&["cli.py (+1 −1)"]);
    input.checks = strings(&["`sh test.sh` exits 0: passed"]);
    input.answer = "Renamed the option in cli.py. README.md still has the old spelling.".to_owned();
    input
}

pub(crate) fn bare_extractor() -> ExtractorInput {
    ExtractorInput::new(GOAL, bare_subtask())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Prompts, Rendered};
    use loom_events::Message;

    /// The prompt as a person reads it in a review: every message under a line that names its role.
    fn readable(rendered: &Rendered) -> String {
        let mut lines = Vec::new();
        for message in &rendered.messages {
            let (role, text) = match message {
                Message::System { text } => ("system", text),
                Message::User { text } => ("user", text),
                Message::Assistant { text, .. } => ("assistant", text),
                Message::Tool { text, .. } => ("tool", text),
            };
            lines.push(format!("=== {role}\n{text}\n"));
        }
        for part in &rendered.parts {
            lines.push(format!("{}: {} tokens", part.name, part.tokens));
        }
        lines.join("\n")
    }

    #[test]
    fn the_rendered_prompts_are_as_reviewed() {
        let prompts = Prompts::builtin().unwrap();
        for (name, rendered) in [
            ("planner", prompts.planner(&planner())),
            ("replanner", prompts.replanner(&replanner())),
            ("checks", prompts.checks(&checks())),
            ("executor", prompts.executor(&executor())),
            ("executor_bare", prompts.executor(&bare_executor())),
            ("verifier", prompts.verifier(&verifier())),
            ("extractor", prompts.extractor(&extractor())),
        ] {
            insta::assert_snapshot!(name, readable(&rendered.unwrap()));
        }
    }

    #[test]
    fn no_prompt_shows_what_is_internal_to_loom() {
        let prompts = Prompts::builtin().unwrap();
        let all = [
            prompts.planner(&planner()),
            prompts.replanner(&replanner()),
            prompts.checks(&checks()),
            prompts.executor(&executor()),
            prompts.verifier(&verifier()),
            prompts.extractor(&extractor()),
        ];
        for rendered in all {
            let text = readable(&rendered.unwrap()).to_lowercase();
            for word in [
                "loom",
                "/tmp",
                "/home",
                "attempt_id",
                "task_id",
                "telemetry",
            ] {
                assert!(!text.contains(word), "{word} in {text}");
            }
        }
    }
}
