//! What verifiers said of some work, and what follows from several of their views. The harness derives
//! the verdict; the model never says pass or fail.

use crate::look::weigh;
use crate::quote::Material;
use crate::{JudgeError, JudgeReply};
use loom_events::{CriterionResult, CriterionVerdict, Tier, Usage, VerdictResult, Vote};
use loom_prompts::CriterionLine;

/// What tier 2 found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tier2 {
    /// There is nobody to ask.
    Missing(String),
    /// Asked and answered, usably or not.
    Asked(Asked),
}

/// What came of asking.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    /// In the order of the step.
    pub(crate) criteria: Vec<CriterionResult>,
    pub(crate) usage: Usage,
    pub(crate) degraded: Vec<String>,
    /// Why nothing that was answered counts, when that is so.
    pub(crate) void: Option<String>,
    /// Who answered.
    pub(crate) verifier: Option<(String, Tier)>,
    /// Changes that the verifier thinks nobody asked for; a note.
    pub(crate) unrequested: Vec<String>,
    /// What each of several verifiers said; empty when one was asked.
    pub(crate) votes: Vec<Vote>,
    /// Whether one view has evidence against the work and another finds the same criterion met.
    pub(crate) contested: bool,
}

impl Asked {
    /// All met is a pass, one not met with a valid quote is a fail, all else is neither.
    pub(crate) fn result(&self) -> VerdictResult {
        let any = |verdict| self.criteria.iter().any(|c| c.verdict == verdict);
        if self.void.is_some() || self.criteria.is_empty() {
            VerdictResult::Inconclusive
        } else if any(CriterionVerdict::NotMet) {
            VerdictResult::Fail
        } else if any(CriterionVerdict::CannotTell) {
            VerdictResult::Inconclusive
        } else {
            VerdictResult::Pass
        }
    }

    /// How many criteria could not be told.
    pub(crate) fn untold(&self) -> usize {
        let untold = |c: &&CriterionResult| c.verdict == CriterionVerdict::CannotTell;
        self.criteria.iter().filter(untold).count()
    }

    /// Criteria that are not met, it says.
    pub(crate) fn against(&self) -> Vec<String> {
        let not_met = |c: &&CriterionResult| c.verdict == CriterionVerdict::NotMet;
        let not_met = self.criteria.iter().filter(not_met);
        not_met.map(|c| c.criterion.clone()).collect()
    }

    /// Who answered.
    pub(crate) fn model(&self) -> Option<String> {
        self.verifier.as_ref().map(|(name, _)| name.clone())
    }

    /// Another view. What either of them has evidence against is not met; where nothing of that is
    /// seen by both, it is contested.
    pub(crate) fn compare(&mut self, second: Self) {
        self.usage = self.usage.plus(second.usage);
        if second.void.is_some() {
            return;
        }
        let mut confirmed = false;
        for again in second.criteria {
            let same = |c: &&mut CriterionResult| c.criterion == again.criterion;
            let Some(first) = self.criteria.iter_mut().find(same) else {
                continue;
            };
            match (first.verdict, again.verdict) {
                (CriterionVerdict::NotMet, CriterionVerdict::NotMet) => confirmed = true,
                (CriterionVerdict::Met, CriterionVerdict::NotMet) => *first = again,
                _ => {}
            }
        }
        self.contested = !confirmed && !self.against().is_empty();
    }

    /// A doubt that was followed up and is still not shared is none any more: else one reviewer's
    /// fancy would have right work done again for ever.
    pub(crate) fn settle(&mut self, followed_up: &[String]) {
        if !self.contested {
            return;
        }
        for criterion in &mut self.criteria {
            let known = !criterion.quote.is_empty() && followed_up.contains(&criterion.quote);
            if criterion.verdict == CriterionVerdict::NotMet && known {
                criterion.verdict = CriterionVerdict::Met;
                criterion.why = format!("followed up before, and not shared: {}", criterion.why);
            }
        }
        self.contested = !self.against().is_empty();
    }

    pub(crate) fn take(
        &mut self,
        reply: JudgeReply,
        lines: &[CriterionLine],
        control: &CriterionLine,
        material: &Material<'_>,
    ) {
        self.usage = self.usage.plus(reply.usage);
        for what in reply.degraded {
            if !self.degraded.contains(&what) {
                self.degraded.push(what);
            }
        }
        let answers = &reply.answer.criteria;
        let answer_to = |line: &CriterionLine| {
            answers
                .iter()
                .find(|answer| answer.id.trim().eq_ignore_ascii_case(&line.id))
        };
        if answer_to(control).is_some_and(|answer| answer.verdict == CriterionVerdict::Met) {
            self.void = Some(format!(
                "the verifier {} said met to a control question that is false",
                reply.model
            ));
        }
        for line in lines {
            self.add(weigh(line, answer_to(line), material));
        }
        self.unrequested.extend(reply.answer.unrequested_changes);
        self.verifier = Some((reply.model, reply.tier));
    }

    /// What was said of a criterion by what one sheet shows. Where another sheet was about the same one,
    /// evidence against it counts most, and that a sheet does not show it counts least.
    fn add(&mut self, said: CriterionResult) {
        const fn weight(verdict: CriterionVerdict) -> u8 {
            match verdict {
                CriterionVerdict::NotMet => 2,
                CriterionVerdict::Met => 1,
                CriterionVerdict::CannotTell => 0,
            }
        }
        let known = |c: &&mut CriterionResult| c.criterion == said.criterion;
        match self.criteria.iter_mut().find(known) {
            None => self.criteria.push(said),
            Some(known) if weight(said.verdict) > weight(known.verdict) => *known = said,
            Some(_) => {}
        }
    }

    pub(crate) fn unusable(&mut self, error: &JudgeError) {
        if let JudgeError::Unusable { usage, .. } = error {
            self.usage = self.usage.plus(*usage);
        }
        self.void = Some(error.to_string());
    }
}
