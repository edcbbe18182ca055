//! Whether what the harness says of its sureness is so.

use super::outcome::Outcome;

/// One bin of stated sureness.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bin {
    pub from: f64,
    pub count: usize,
    /// Mean of what was stated, and share of what was so, in percent.
    pub stated: f64,
    pub so: f64,
}

/// Fewer observations say nothing about a bin: of a hundred the share of right ones has a standard error of three
/// points where nine in ten are right, and of five where one in two is, so that five points off are chance.
pub(super) const FEWEST: usize = 100;

impl Bin {
    pub(super) fn error(&self) -> f64 {
        (self.stated - self.so).abs()
    }
}

/// Stated sureness against truth, in tenths; empty bins are left out.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares between 0 and 1, and counts of tasks"
)]
pub(super) fn deciles(observations: &[(f64, bool)]) -> Vec<Bin> {
    let mut sums = [(0_usize, 0.0, 0_usize); 10];
    for (stated, so) in observations {
        let at = ((stated * 10.0) as usize).min(9);
        sums[at].0 += 1;
        sums[at].1 += stated;
        sums[at].2 += usize::from(*so);
    }
    let bins = sums.iter().enumerate().filter(|(_, sum)| sum.0 > 0);
    bins.map(|(at, (count, stated, so))| Bin {
        from: at as f64 / 10.0,
        count: *count,
        stated: 100.0 * stated / *count as f64,
        so: 100.0 * *so as f64 / *count as f64,
    })
    .collect()
}

/// Every completed step of every task.
pub(super) fn of_steps(outcomes: &[Outcome]) -> Vec<(f64, bool)> {
    outcomes
        .iter()
        .flat_map(|outcome| outcome.steps.clone())
        .collect()
}

/// Every task that was reported complete.
pub(super) fn of_tasks(outcomes: &[Outcome]) -> Vec<(f64, bool)> {
    let complete = outcomes.iter().filter(|outcome| outcome.completed);
    complete
        .map(|outcome| (outcome.confidence, outcome.finished()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_what_was_stated_and_what_was_so() {
        let bins = deciles(&[(0.91, true), (0.95, false), (0.2, false), (1.0, true)]);
        assert_eq!(bins.len(), 2);
        assert_eq!((bins[0].from, bins[0].count, bins[0].so), (0.2, 1, 0.0));
        assert_eq!(bins[1].count, 3);
        assert!((bins[1].so - 66.67).abs() < 0.01);
    }
}
