//! The gate: tier 1, then tier 2, then one verdict with its confidence.

use crate::asked::{Asked, Tier2};
use crate::confidence::{Evidence, compose};
use crate::fault::feedback;
use crate::files::blocking;
use crate::panel::panel;
use crate::product::product;
use crate::tier2::{check_lines, tier2};
use crate::{
    CheckRunner, EvidenceSink, Fault, GateInput, Judge, Scope, Tier1Report, test_commands, tier1,
};
use loom_events::{
    CheckPower, CriterionVerdict, Failure, Product, Tier, Usage, Verdict, VerdictResult,
};
use std::sync::Arc;

/// What a gate works with.
#[derive(Clone, Copy)]
pub struct GateTools<'a> {
    /// Runs the commands of checks.
    pub runner: &'a dyn CheckRunner,
    /// The verifier.
    pub judge: &'a dyn Judge,
    /// Keeps full outputs.
    pub evidence: &'a dyn EvidenceSink,
}

/// Judges the work. The future may be dropped at any point; asking again starts afresh. What the
/// commands of checks leave behind in the workspace is for the caller to put back.
///
/// # Errors
/// [`Failure`] when the verifier could not be asked, which is not the work's fault.
pub async fn gate(input: &GateInput, tools: &GateTools<'_>) -> Result<Verdict, Failure> {
    if input.settings.tier == 0 {
        let draft = Draft::new(input, Tier1Report::default(), false).await;
        return Ok(draft.verdict(0, VerdictResult::Pass, String::new(), Asked::default()));
    }
    let report = tier1(input, tools).await;
    let own_tests = proven_by_own_tests(input, &report).await;
    let draft = Draft::new(input, report, own_tests).await;
    if !draft.report.passed() {
        let disputed = disputable(input, &draft.report);
        if !disputed.is_empty()
            && let Some(asked) = speaks_for_the_work(input, &draft.report, &disputed, tools).await?
        {
            return Ok(draft.disputed(disputed, asked));
        }
        let feedback = draft.report.feedback();
        return Ok(draft.verdict(1, VerdictResult::Fail, feedback, Asked::default()));
    }
    if input.settings.tier < 2 {
        return Ok(draft.verdict(1, VerdictResult::Pass, String::new(), Asked::default()));
    }
    let checks = check_lines(&draft.report, &input.redactor);
    let asked = if input.settings.tier < 3 {
        tier2(input, &checks, tools.judge).await?
    } else {
        panel(input, &checks, tools.judge).await?
    };
    Ok(match asked {
        Tier2::Missing(why) => draft.without_verifier(&why),
        Tier2::Asked(asked) => draft.with_verifier(asked),
    })
}

/// Checks that may themselves be wrong: red at an earlier gate of the step and again, with nothing
/// else to be said against the work.
fn disputable(input: &GateInput, report: &Tier1Report) -> Vec<String> {
    let on = input.defences.disputes && input.settings.tier >= 2;
    let again = |words: &String| input.attempt.red_before.contains(words);
    let planned = |words: &String| {
        let step = &input.step;
        step.checks.iter().any(|c| c.to_string() == *words)
            || step.held_out.iter().any(|held| held.words() == *words)
    };
    let red: Vec<String> = report
        .faults
        .iter()
        .map(|fault| fault.what.clone())
        .collect();
    let only_those = red.iter().all(|words| planned(words) && again(words));
    if on && input.step.scope == Scope::Subtask && only_those {
        red
    } else {
        Vec::new()
    }
}

/// What the verifier found, if that is that every criterion is met. It is not shown the checks in
/// question, which would answer for it.
async fn speaks_for_the_work(
    input: &GateInput,
    report: &Tier1Report,
    disputed: &[String],
    tools: &GateTools<'_>,
) -> Result<Option<Asked>, Failure> {
    let mut checks = check_lines(report, &input.redactor);
    checks.retain(|line| !disputed.contains(&line.check));
    Ok(match tier2(input, &checks, tools.judge).await? {
        Tier2::Asked(asked) if asked.result() == VerdictResult::Pass => Some(asked),
        Tier2::Asked(_) | Tier2::Missing(_) => None,
    })
}

/// Whether a test command of the project itself was red before the work and is green now.
async fn proven_by_own_tests(input: &GateInput, report: &Tier1Report) -> bool {
    let Some(workspace) = input.workspace.as_ref().map(Arc::clone) else {
        return false;
    };
    if !report.proves() {
        return false;
    }
    let commands = blocking(move || test_commands(&workspace)).await;
    input.step.checks.iter().any(|check| {
        let words = check.to_string();
        let green = |power| {
            report
                .checks
                .iter()
                .any(|seen| seen.check == words && seen.passed && seen.power == power)
        };
        let Some(command) = check.command() else {
            return false;
        };
        commands.iter().any(|own| command.contains(own.as_str()))
            && green(CheckPower::Discriminating)
    })
}

/// A verdict in the making.
struct Draft<'a> {
    input: &'a GateInput,
    report: Tier1Report,
    own_tests: bool,
    /// What was made, where executions are compared and this one may pass.
    product: Option<Product>,
}

impl<'a> Draft<'a> {
    async fn new(input: &'a GateInput, report: Tier1Report, own_tests: bool) -> Self {
        let compared = input.attempt.execution.is_some() && report.passed();
        let product = match compared {
            true => product(input).await,
            false => None,
        };
        Self {
            input,
            report,
            own_tests,
            product,
        }
    }

    /// Without a verifier only a check that was red before the work can carry a pass.
    fn without_verifier(self, why: &str) -> Verdict {
        let degraded = vec![format!("verifier missing: {why}")];
        let (result, feedback) = if self.report.proves() {
            (VerdictResult::Pass, String::new())
        } else {
            let text = "No check was red before the work, and there is no verifier model to judge it. \
                        Give a model the role verifier, or look at the changes yourself.";
            (VerdictResult::Inconclusive, text.to_owned())
        };
        let asked = Asked {
            degraded,
            ..Asked::default()
        };
        self.verdict(1, result, feedback, asked)
    }

    /// The work fails its checks, and a verifier speaks for the work.
    fn disputed(self, disputed: Vec<String>, asked: Asked) -> Verdict {
        let feedback = self.report.feedback();
        Verdict {
            disputed,
            ..self.verdict(2, VerdictResult::Fail, feedback, asked)
        }
    }

    fn with_verifier(self, asked: Asked) -> Verdict {
        let tier = self.input.settings.tier.min(3);
        let result = asked.result();
        let feedback = match result {
            VerdictResult::Pass => String::new(),
            VerdictResult::Fail => not_met(&asked),
            VerdictResult::Inconclusive => untold(&asked),
        };
        self.verdict(tier, result, feedback, asked)
    }

    fn verdict(self, tier: u8, result: VerdictResult, feedback: String, asked: Asked) -> Verdict {
        let attempt = &self.input.attempt;
        let mut degraded = self.report.degraded;
        for what in &asked.degraded {
            if !degraded.contains(what) {
                degraded.push(what.clone());
            }
        }
        let all: Vec<String> = attempt.degraded.iter().chain(&degraded).cloned().collect();
        let passed_by = asked
            .verifier
            .as_ref()
            .filter(|_| result == VerdictResult::Pass);
        let verifier: Option<(Tier, bool)> =
            passed_by.map(|(model, tier)| (*tier, *model == attempt.model));
        let others = attempt.execution.as_ref();
        // Who passed and waits was no try that failed before this one.
        let waiting = others.map_or(0, |execution| execution.others.len());
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let beside = others.zip(self.product.as_ref());
        let beside = beside.map(|(execution, product)| execution.beside(&product.print));
        let confidence = compose(&Evidence {
            result,
            executor: attempt.tier,
            by_hand: attempt.by_hand,
            ordinal: attempt.ordinal.saturating_sub(waiting).max(1),
            beside: beside.unwrap_or_default(),
            checks: &self.report.checks,
            own_tests: self.own_tests,
            held_out: self.report.held_out,
            verifier,
            votes: &asked.votes,
            untold: asked.untold(),
            flags: &self.report.flags,
            degraded: &all,
        });
        let usage: Usage = asked.usage;
        Verdict {
            result,
            tier,
            checks: self.report.checks,
            criteria: asked.criteria,
            confidence,
            feedback,
            disputed: Vec::new(),
            contested: asked.contested,
            votes: asked.votes,
            tree: self.report.tree,
            usage,
            degraded,
            tampered: self.report.tampered,
            product: self.product.filter(|_| result == VerdictResult::Pass),
        }
    }
}

/// What is wrong, with the place that shows it.
fn not_met(asked: &Asked) -> String {
    let mut faults: Vec<Fault> = asked
        .criteria
        .iter()
        .filter(|criterion| criterion.verdict == CriterionVerdict::NotMet)
        .map(|criterion| Fault {
            what: format!("not met: {}", criterion.criterion),
            expected: criterion.criterion.clone(),
            seen: if criterion.quote.is_empty() {
                criterion.why.clone()
            } else {
                format!("{}\n| {}", criterion.why, criterion.quote)
            },
            place: None,
        })
        .collect();
    faults.extend(asked.unrequested.iter().map(|change| Fault {
        what: "a change that nobody asked for, a reviewer thinks".to_owned(),
        expected: "only what the step needs".to_owned(),
        seen: change.clone(),
        place: None,
    }));
    feedback(&faults)
}

/// Why nobody could tell: read by people, since such a verdict goes to them in the end.
fn untold(asked: &Asked) -> String {
    let mut lines: Vec<String> = asked.void.iter().cloned().collect();
    lines.extend(
        asked
            .criteria
            .iter()
            .filter(|criterion| criterion.verdict == CriterionVerdict::CannotTell)
            .map(|criterion| format!("cannot tell: {} ({})", criterion.criterion, criterion.why)),
    );
    lines.join("\n")
}
