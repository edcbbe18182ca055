//! What Loom says to models and how it reads their structured answers.
//!
//! Templates (`prompts/*.yaml`, compiled in, overridable), their assembly within a budget of
//! tokens, the bounded YAML view of a task, and the schemas of plan, verdict and memory with the
//! functions that read them. No model is called here and no decision is made; apart from reading
//! override files everything is pure. Start at [`Prompts`].

#![deny(missing_docs)]

mod answer;
mod budget;
mod check;
mod checks;
mod examples;
mod executor;
mod extractor;
mod fence;
mod memory;
mod plan;
mod planning;
mod project;
mod prompts;
mod read;
mod samples;
mod state;
mod template;
mod tokens;
mod verdict;
mod verifier;
mod wordings;

pub use answer::{FinalAnswer, read_answer, tool_reminder};
pub use checks::{ChecksAnswer, ChecksInput, checks_schema, parse_checks};
pub use examples::PlanExample;
pub use executor::ExecutorInput;
pub use extractor::ExtractorInput;
pub use memory::{memory_schema, parse_memory};
pub use plan::{parse_plan, plan_schema};
pub use planning::{Learned, OldStep, PlannerInput, Repair, ReplannerInput, WorkspaceOverview};
pub use project::{
    NOTE_FILES, ProjectNote, Skill, SkillError, SkillLine, note_places, parse_skill, within,
};
pub use prompts::{Prompts, RenderError, Rendered};
pub use state::{ErrorLine, FileLine, StepLine, StepStatus, TaskState, state_yaml};
pub use template::{Place, TemplateError};
pub use tokens::{clip_chars, clip_tokens, estimate_tokens};
pub use verdict::{CriterionAnswer, VerdictAnswer, parse_verdict, verdict_schema};
pub use verifier::{Block, CheckLine, CriterionLine, Part, VerifierInput};
