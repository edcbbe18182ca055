//! The gates a subtask must pass: a claim is not evidence.
//!
//! Tier 1 is deterministic ([`tier1`]): checks that were tried out before the work ([`baseline`]),
//! declared outputs, well-formed files, nothing elided, nothing lost. Tier 2 asks a verifier model
//! through [`Judge`] and believes only what it can find in the material again. [`gate`] puts them
//! together; it never passes for lack of evidence. What a verdict leads to is decided elsewhere.

#![deny(missing_docs)]

mod asked;
mod baseline;
mod canary;
mod check;
mod command;
mod comments;
mod confidence;
mod detect;
mod entries;
mod evidence;
mod fault;
mod files;
mod gate;
mod globs;
mod gutted;
#[cfg(test)]
mod harness;
mod input;
mod judge;
mod kept;
mod look;
mod lost;
mod markers;
mod material;
mod mistakes;
mod model_judge;
mod needs;
mod panel;
mod parts;
mod product;
mod protected;
mod quote;
mod runner;
mod scope;
#[cfg(test)]
mod second_looks;
mod seeded;
mod suspicious;
mod syntax;
mod tally;
#[cfg(test)]
mod tests;
mod tier1;
mod tier2;
mod wellformed;

pub use baseline::{Baseline, Trial, baseline};
pub use detect::{build_commands, overview, test_commands};
pub use evidence::{EvidenceSink, NoEvidence};
pub use fault::Fault;
pub use gate::{GateTools, gate};
pub use input::{AttemptFacts, Earlier, Execution, GateInput, Scope, Step};
pub use judge::{Judge, JudgeError, JudgeReply, NoJudge, Question, ScriptedJudge};
pub use mistakes::{Astray, blind_steps, forgotten, plan_paths};
pub use model_judge::{ModelJudge, PromptSink};
pub use needs::{with_needs, with_quoted};
pub use runner::{CheckRunner, Ended, Seen};
pub use seeded::{MeasureError, measure_judge};
pub use tier1::{Tier1Report, tier1};
