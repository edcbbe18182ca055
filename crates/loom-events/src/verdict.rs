//! What a gate concluded, and on what evidence.

use crate::{BlobId, Digest, Usage};
use serde::{Deserialize, Serialize};

/// Conclusion of a gate over one state of the workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verdict {
    /// Pass, fail or inconclusive.
    pub result: VerdictResult,
    /// The highest tier that had a say: 1 deterministic, 2 model, 3 vote; 0 when nothing was judged.
    pub tier: u8,
    /// Every check with what was seen.
    pub checks: Vec<CheckResult>,
    /// Every criterion that a model judged.
    #[serde(default)]
    pub criteria: Vec<CriterionResult>,
    /// How sure, with the parts it is made of.
    pub confidence: Confidence,
    /// For the next attempt, word for word: which check, expected, seen, where.
    pub feedback: String,
    /// Checks, in words, that are red again although the verifier found every criterion met. Only
    /// in a failed verdict, and only when nothing else failed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disputed: Vec<String>,
    /// Whether the views of the verifiers differ: one has evidence against the work that another does
    /// not see. Only in a failed verdict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contested: bool,
    /// What each of several verifiers said, when more than one was asked (tier 3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// Hash over the tree that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<BlobId>,
    /// Tokens of tiers 2 and 3.
    #[serde(default)]
    pub usage: Usage,
    /// Fallbacks taken, such as a missing verifier.
    #[serde(default)]
    pub degraded: Vec<String>,
    /// Files that the work is judged by and that it changed without leave. The checks ran with what
    /// these were before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tampered: Vec<String>,
    /// What was made, where it is compared with other executions. Only in a passed verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Product>,
}

/// What an execution made of its step, to be compared with others that began from the same state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Product {
    /// Hash over the normalised change: equal when two executions made the same.
    pub print: Digest,
    /// Lines added and removed.
    pub lines: u64,
    /// The files that it changed, in the order of their paths.
    pub files: Vec<ProductFile>,
}

/// One file that an execution changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProductFile {
    /// Its path.
    pub path: String,
    /// Hash over its normalised change.
    pub print: Digest,
    /// The change for people, as far as there is room.
    pub patch: String,
}

/// Pass, fail or inconclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerdictResult {
    /// All evidence that was asked for is there.
    Pass,
    /// Something is missing or broken.
    Fail,
    /// Nobody could tell; never treated as a pass.
    Inconclusive,
}

/// One check with what was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckResult {
    /// The check in words.
    pub check: String,
    /// Whether it holds.
    pub passed: bool,
    /// What it can prove.
    pub power: CheckPower,
    /// Expected and seen, in one or a few lines.
    pub detail: String,
    /// Full output, when there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<BlobId>,
}

/// What a check can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckPower {
    /// Was red before the work: green now is evidence.
    Discriminating,
    /// Was green before: proves no harm, not the work. Also the harness's own sanity checks.
    Guard,
    /// Not known: there was no baseline.
    Unknown,
    /// Was red and green on one and the same tree: informs, and decides nothing.
    Quarantined,
}

/// One criterion as a verifier model judged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CriterionResult {
    /// The criterion.
    pub criterion: String,
    /// What the model said, after the quote was checked.
    pub verdict: CriterionVerdict,
    /// Copied by the model from the material; empty when it gave none or it was not found there.
    #[serde(default)]
    pub quote: String,
    /// In its words.
    #[serde(default)]
    pub why: String,
}

/// What one of several verifiers said about the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Vote {
    /// Name of the model entry.
    pub model: String,
    /// What follows from its answers alone.
    pub result: VerdictResult,
}

/// Met, not met, or cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CriterionVerdict {
    /// The material shows it.
    Met,
    /// The material shows the opposite, with a quote.
    NotMet,
    /// The material does not say, or the quote was not found.
    CannotTell,
}

/// A probability that the work is right, composed of parts that can be shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confidence {
    /// Between 0 and 1.
    pub value: f64,
    /// Log-odds, in the order in which they were added, and caps.
    #[serde(default)]
    pub parts: Vec<ConfidencePart>,
    /// What the evidence alone says, where `value` is what such results turned out to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_evidence: Option<f64>,
}

impl Confidence {
    /// What the evidence alone says, whatever earlier results turned out to be.
    #[must_use]
    pub fn evidence(&self) -> f64 {
        self.by_evidence.unwrap_or(self.value)
    }
}

/// One term of a confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfidencePart {
    /// Why.
    pub why: String,
    /// Log-odds added; for a cap, the cap.
    pub delta: f64,
}
