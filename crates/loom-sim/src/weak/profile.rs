//! How often a class of models errs, and in what way: every rate a field, so that each can be changed.
//!
//! The three profiles are those of the project's note on verification (B2), whose sources and
//! confidence are given there. What that note leaves open is in [`Nature`], with the choice explained.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rates of one class of models.
///
/// Per turn at a fresh context unless said otherwise; a step has six turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, which is also that of its family: what it errs in is its own to 30 %.
    pub name: String,
    /// Log-odds of right logic at a step of average difficulty.
    pub logic: f64,
    /// How much they vary between steps.
    pub spread: f64,
    /// Says what it will do, and stops there.
    pub premature_stop: f64,
    /// A call that is no JSON, but plain what is meant.
    pub malformed_call: f64,
    /// A call of which nobody can tell what is meant.
    pub broken_call: f64,
    /// A call of a tool that is not on offer.
    pub unknown_tool: f64,
    /// Begins to repeat itself.
    pub loop_start: f64,
    /// Says that a step is done, having done nothing; per step.
    pub false_claim: f64,
    /// Says that it is done rather than blocked when it could not do it.
    pub claims_anyway: f64,
    /// Works on another file than was asked for; per step.
    pub wrong_file: f64,
    /// Forgets what was said once for all steps; per step.
    pub forgotten_constraint: f64,
    /// Leaves out what is to stay when it writes a file anew; per such rewrite.
    pub elided_rewrite: f64,
    /// Changes a test before any of it was red; per step.
    pub tampering_before: f64,
    /// Changes a test after a red check was shown; per step.
    pub tampering: f64,
    /// Breaks what an earlier step had made; per step.
    pub regression: f64,
    /// Leaves a step out of a plan; per step.
    pub missing_step: f64,
    /// Does not say that a step needs an earlier one, and puts it first; per step.
    pub missing_dependency: f64,
    /// Plans a check that passes whatever is done; per step.
    pub trivial_check: f64,
    /// Plans a check that passes whatever is not done; per step.
    pub impossible_check: f64,
    /// Share of wrong logic that a check of its making sees.
    pub check_catches: f64,
    /// Judges right work as wrong.
    pub false_fail: f64,
    /// Judges work as right that is wrong for all to see.
    pub false_pass_obvious: f64,
    /// Judges work as right that is wrong in a detail.
    pub false_pass_subtle: f64,
    /// Agrees to a statement that is plainly false.
    pub fooled: f64,
    /// Sees at the end that a step is missing.
    pub final_sees_missing: f64,
    /// Sees at the end that a detail is wrong.
    pub final_sees_subtle: f64,
    /// Log-odds of right logic lost when all that it sees of its work is wrong.
    pub contagion: f64,
    /// Log-odds lost, and hazards gained, for each 16 k tokens of context.
    pub length: f64,
    /// Tokens of its window.
    pub window: f64,
    /// Log-odds of right logic gained or lost at a trade, by its verb.
    #[serde(default)]
    pub aptitudes: BTreeMap<String, f64>,
}

/// What all models have in common: correlations, and the shape of what they do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nature {
    /// Share of the variance of difficulty that is the step's and not the model's.
    pub shared_difficulty: f64,
    /// Correlation of two verdicts of one model on one artefact.
    pub votes_of_one_model: f64,
    /// Correlation of the verdicts of two models on one artefact.
    pub votes_of_two_models: f64,
    /// Exponent of the hazards when all that a model sees of its work is wrong.
    pub contagious_hazards: f64,
    /// Tokens of a turn. The worlds' files are small; a turn counts as if they were not.
    pub tokens_per_turn: f64,
    /// Share of the window at which a context is made shorter, and share that is left.
    pub compaction: (f64, f64),
    /// Of the rate of forgetting a constraint, what each such shortening adds.
    pub compaction_forgets: f64,
    /// Log-odds gained from a reason that names what was expected and seen.
    pub feedback_check: f64,
    /// Log-odds gained from a reviewer's prose.
    pub feedback_prose: f64,
    /// Most that feedback gives.
    pub feedback_most: f64,
    /// Leaves a loop when it is told that it is in one. (Not in the note: our choice.)
    pub heeds: f64,
    /// Puts a test back, or another step's entry, when it is told that it changed one. (Our choice.)
    pub puts_back: f64,
    /// Share of steps that write a file anew which is there already.
    pub rewrites: f64,
    /// A planned step has a check for the constraint. (From the note's simulation: rules see 0.45 of
    /// forgotten constraints.)
    pub constraint_checked: f64,
    /// Of trivial checks: constant commands, and checks that were green before. The rest passes once
    /// the file is there. (Our choice.)
    pub trivial_forms: (f64, f64),
    /// Of impossible checks: those that look for a file that nobody makes. The rest expects a wrong
    /// value. (Our choice.)
    pub impossible_path: f64,
    /// Words its work as it did at another try at the step, and as any other model does. (Our choice, and
    /// never by default: nobody measured it.)
    pub worded_alike: f64,
    /// How much a part of a large change tires its reviewer as the whole would: 0 by what it shows, 1 by
    /// all of it. The note knows only reviews of the whole. (Our choice.)
    pub parts_tire: f64,
}

impl Default for Nature {
    fn default() -> Self {
        Self {
            shared_difficulty: 0.7,
            votes_of_one_model: 0.6,
            votes_of_two_models: 0.35,
            contagious_hazards: 1.1,
            tokens_per_turn: 800.0,
            compaction: (0.8, 0.35),
            compaction_forgets: 0.8,
            feedback_check: 0.7,
            feedback_prose: 0.4,
            feedback_most: 1.2,
            heeds: 0.8,
            puts_back: 0.9,
            rewrites: 0.4,
            constraint_checked: 0.45,
            trivial_forms: (0.4, 0.4),
            impossible_path: 0.33,
            worded_alike: 0.0,
            parts_tire: 0.0,
        }
    }
}

impl Profile {
    /// Up to 9 billion weights.
    #[must_use]
    pub fn weak() -> Self {
        Self {
            name: "weak".to_owned(),
            logic: 2.7,
            spread: 2.4,
            premature_stop: 0.020,
            malformed_call: 0.05,
            broken_call: 0.015,
            unknown_tool: 0.012,
            loop_start: 0.010,
            false_claim: 0.035,
            claims_anyway: 0.95,
            wrong_file: 0.035,
            forgotten_constraint: 0.09,
            elided_rewrite: 0.06,
            tampering_before: 0.003,
            tampering: 0.05,
            regression: 0.025,
            missing_step: 0.025,
            missing_dependency: 0.04,
            trivial_check: 0.35,
            impossible_check: 0.10,
            check_catches: 0.45,
            false_fail: 0.15,
            false_pass_obvious: 0.40,
            false_pass_subtle: 0.75,
            fooled: 0.04,
            final_sees_missing: 0.45,
            final_sees_subtle: 0.15,
            contagion: 1.4,
            length: 0.50,
            window: 32_768.0,
            aptitudes: BTreeMap::new(),
        }
    }

    /// About 30 billion weights.
    #[must_use]
    pub fn middling() -> Self {
        Self {
            name: "middling".to_owned(),
            logic: 4.7,
            spread: 2.8,
            premature_stop: 0.006,
            malformed_call: 0.02,
            broken_call: 0.005,
            unknown_tool: 0.006,
            loop_start: 0.003,
            false_claim: 0.015,
            claims_anyway: 0.93,
            wrong_file: 0.020,
            forgotten_constraint: 0.04,
            elided_rewrite: 0.02,
            tampering_before: 0.003,
            tampering: 0.08,
            regression: 0.015,
            missing_step: 0.012,
            missing_dependency: 0.02,
            trivial_check: 0.20,
            impossible_check: 0.05,
            check_catches: 0.55,
            false_fail: 0.10,
            false_pass_obvious: 0.25,
            false_pass_subtle: 0.60,
            fooled: 0.02,
            final_sees_missing: 0.60,
            final_sees_subtle: 0.20,
            contagion: 1.4,
            length: 0.35,
            window: 65_536.0,
            aptitudes: BTreeMap::new(),
        }
    }

    /// A large mixture of experts, which thinks.
    #[must_use]
    pub fn strong() -> Self {
        Self {
            name: "strong".to_owned(),
            logic: 5.9,
            spread: 3.1,
            premature_stop: 0.002,
            malformed_call: 0.006,
            broken_call: 0.0015,
            unknown_tool: 0.001,
            loop_start: 0.001,
            false_claim: 0.006,
            claims_anyway: 0.85,
            wrong_file: 0.008,
            forgotten_constraint: 0.025,
            elided_rewrite: 0.005,
            tampering_before: 0.003,
            tampering: 0.12,
            regression: 0.008,
            missing_step: 0.006,
            missing_dependency: 0.008,
            trivial_check: 0.10,
            impossible_check: 0.02,
            check_catches: 0.62,
            false_fail: 0.07,
            false_pass_obvious: 0.15,
            false_pass_subtle: 0.45,
            fooled: 0.01,
            final_sees_missing: 0.75,
            final_sees_subtle: 0.25,
            contagion: 0.7,
            length: 0.20,
            window: 131_072.0,
            aptitudes: BTreeMap::new(),
        }
    }

    /// One that never errs: whatever goes wrong with it is the harness's doing, or a fault's.
    #[must_use]
    pub fn faultless() -> Self {
        Self {
            name: "faultless".to_owned(),
            logic: 1_000.0,
            spread: 0.0,
            premature_stop: 0.0,
            malformed_call: 0.0,
            broken_call: 0.0,
            unknown_tool: 0.0,
            loop_start: 0.0,
            false_claim: 0.0,
            claims_anyway: 0.0,
            wrong_file: 0.0,
            forgotten_constraint: 0.0,
            elided_rewrite: 0.0,
            tampering_before: 0.0,
            tampering: 0.0,
            regression: 0.0,
            missing_step: 0.0,
            missing_dependency: 0.0,
            trivial_check: 0.0,
            impossible_check: 0.0,
            check_catches: 1.0,
            false_fail: 0.0,
            false_pass_obvious: 0.0,
            false_pass_subtle: 0.0,
            fooled: 0.0,
            final_sees_missing: 1.0,
            final_sees_subtle: 1.0,
            contagion: 0.0,
            length: 0.0,
            window: 131_072.0,
            aptitudes: BTreeMap::new(),
        }
    }
}
