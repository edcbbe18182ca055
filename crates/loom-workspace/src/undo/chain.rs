//! The states that one path went through, as far as changes tell: where one change does not begin
//! with what the one before it left, somebody else was there in between.

use loom_events::FileState;

/// A state of a path; none when nothing is there.
pub(super) type State = Option<FileState>;

/// The states of one path, in runs without a gap. A state that was come back to ends a detour: what
/// lies between is forgotten, since taking it back would end at the same place.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    runs: Vec<Vec<State>>,
}

/// What one run of changes did on balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run<'a> {
    pub(super) first: &'a State,
    pub(super) last: &'a State,
}

impl Chain {
    /// Adds a change.
    pub(super) fn push(&mut self, before: &State, after: &State) {
        // A change that was recorded and not carried out leaves its state before.
        if !self.back_to(before) {
            self.runs.push(vec![before.clone()]);
        }
        if !self.back_to(after)
            && let Some(run) = self.runs.last_mut()
        {
            run.push(after.clone());
        }
    }

    /// Forgets what came after the last time that a state was there; whether it ever was.
    fn back_to(&mut self, state: &State) -> bool {
        let found = self.runs.iter().enumerate().rev().find_map(|(at, run)| {
            let within = run.iter().rposition(|known| known == state)?;
            Some((at, within))
        });
        let Some((at, within)) = found else {
            return false;
        };
        self.runs.truncate(at + 1);
        self.runs[at].truncate(within + 1);
        true
    }

    /// What was there before the first change.
    pub(super) fn original(&self) -> &State {
        let first = self.runs.first().and_then(|run| run.first());
        first.unwrap_or(&None)
    }

    /// What did something, the latest first.
    pub(super) fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        self.runs
            .iter()
            .rev()
            .filter_map(|states| match states.as_slice() {
                [first, .., last] => Some(Run { first, last }),
                _ => None,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash;
    use loom_events::FileKind;

    fn state(content: &str) -> State {
        (!content.is_empty()).then(|| FileState {
            kind: FileKind::File,
            digest: Some(hash(content.as_bytes())),
            mode: 0o644,
            size: content.len() as u64,
        })
    }

    /// The runs of changes such as `a>b`; nothing is nothing.
    fn runs(changes: &[&str]) -> Vec<(State, State)> {
        let mut chain = Chain::default();
        for change in changes {
            let (before, after) = change.split_once('>').unwrap();
            chain.push(&state(before), &state(after));
        }
        let run = |run: Run<'_>| (run.first.clone(), run.last.clone());
        chain.runs().map(run).collect()
    }

    fn run(first: &str, last: &str) -> (State, State) {
        (state(first), state(last))
    }

    #[test]
    fn changes_that_follow_each_other_are_one() {
        assert_eq!(runs(&["a>b", "b>c", "c>"]), [run("a", "")]);
    }

    #[test]
    fn what_somebody_else_did_in_between_is_a_gap() {
        assert_eq!(runs(&["a>b", "u>v"]), [run("u", "v"), run("a", "b")]);
    }

    #[test]
    fn a_change_that_was_not_carried_out_does_not_count() {
        assert_eq!(runs(&["a>b", "b>x", "b>c"]), [run("a", "c")]);
    }

    #[test]
    fn what_comes_back_to_where_it_was_is_nothing() {
        assert_eq!(runs(&["a>b", "x>a"]), []);
        assert_eq!(runs(&["a>b", "b>a", "a>c"]), [run("a", "c")]);
    }
}
