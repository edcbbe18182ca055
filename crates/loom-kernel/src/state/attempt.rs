//! One attempt: counters, and the last fact of it. `decide` maps that fact to the next work, so
//! there is no field that says what is to be done.

use crate::compare::Candidate;
use crate::state::{Backoff, Manner};
use loom_events::{AttemptId, Class, Digest, Failure, Question, QuestionId, Rung, Said, Seq, Tier};
use serde::Serialize;
use std::collections::VecDeque;

/// A running attempt. No messages: the engine rebuilds the conversation from the journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Attempt {
    pub(crate) id: AttemptId,
    pub(crate) ordinal: u32,
    pub(crate) kind: Rung,
    pub(crate) tier: Tier,
    /// Model calls completed: also the number of the next turn.
    pub(crate) turn: u32,
    /// Gates that failed and were answered with a nudge: also the number of the next gate.
    pub(crate) gate: u32,
    /// Nudges after a failed gate.
    pub(crate) nudges: u32,
    /// Answers in a row that held nothing usable.
    pub(crate) unusable: u32,
    /// How the next call is made.
    pub(crate) manner: Manner,
    /// The highest instruction that a *completed* model call carried.
    pub(crate) heard: Seq,
    /// How full the context was at the last answer, in percent.
    pub(crate) context: u8,
    /// Whether it works in a fork; otherwise in the workspace itself.
    pub(crate) fork: bool,
    /// When it was prepared. Among attempts in the workspace itself the earliest owns it: its id
    /// does not say, since one that was started earlier may be prepared later.
    pub(crate) prepared: Seq,
    /// Whether its fork is, or may be, in the workspace. Apart from `last`, which later facts
    /// overwrite: a failed recheck must not make us forget the merge.
    pub(crate) merged: bool,
    /// Whether it is one of several executions: when it passes, it waits for the others.
    pub(crate) votes: bool,
    /// Whether a human chose it among others: then nobody is given a while to object.
    pub(crate) chosen: bool,
    /// What it is compared by, once its gate passed.
    pub(crate) candidate: Option<Box<Candidate>>,
    /// What its last gate that failed found, as a fingerprint.
    pub(crate) failed_by: Option<u64>,
    pub(crate) backoff: Backoff,
    pub(crate) loops: Loops,
    pub(crate) last: Last,
}

impl Attempt {
    /// The calls of the last reply, while they are being worked on.
    pub(crate) const fn acting(&self) -> Option<&Acting> {
        if let Last::Acting(acting) = &self.last {
            Some(acting)
        } else {
            None
        }
    }

    pub(crate) const fn acting_mut(&mut self) -> Option<&mut Acting> {
        if let Last::Acting(acting) = &mut self.last {
            Some(acting)
        } else {
            None
        }
    }

    /// Whether a human does the work.
    pub(crate) fn by_hand(&self) -> bool {
        self.kind == Rung::ByHand
    }

    /// Whether it waits for a human to say that their work is done.
    pub(crate) fn in_hand(&self) -> bool {
        self.by_hand()
            && match &self.last {
                Last::Prepared | Last::GateFailed { .. } | Last::Unsure { .. } => true,
                Last::Started
                | Last::Acting(_)
                | Last::Spoke { .. }
                | Last::Nudged
                | Last::Passed(_)
                | Last::Agreed(_)
                | Last::Merged { .. }
                | Last::Rechecked(_)
                | Last::Conflict(_)
                | Last::Denied(_)
                | Last::Failed(_)
                | Last::Ended(_) => false,
            }
    }

    /// Whether its fork is on the way into the workspace, or there and not judged yet.
    pub(crate) const fn merging(&self) -> bool {
        self.merged || matches!(self.last, Last::Merged { .. } | Last::Rechecked(_))
    }
}

/// The last fact of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum Last {
    Started,
    Prepared,
    /// The model answered with calls.
    Acting(Acting),
    /// The model answered without calls that could be read.
    Spoke {
        said: Said,
        unreadable: bool,
    },
    /// It was told something; another turn follows.
    Nudged,
    /// A gate could not tell.
    Unsure {
        round: u32,
        feedback: String,
    },
    /// A gate failed.
    GateFailed {
        feedback: String,
        /// Whether a word is enough: rules failed it and no check of the content, or reviewers do not
        /// agree.
        cheap: bool,
        /// Checks that the verifier's findings speak against.
        disputed: Vec<String>,
    },
    /// A gate passed.
    Passed(Proof),
    /// And a human agreed.
    Agreed(Proof),
    /// Its fork is in the workspace.
    Merged {
        proof: Proof,
        base_moved: bool,
    },
    /// The checks hold on the merged tree.
    Rechecked(Proof),
    /// The merge did not fit, or broke a check.
    Conflict(String),
    /// A human said no to the result.
    Denied(String),
    /// The world failed.
    Failed(Failure),
    /// It is over and passed; the subtask is about to be completed.
    Ended(Proof),
}

/// What a completion rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Proof {
    /// The seq of the passed verdict over the tree that counts.
    pub(crate) verdict: Seq,
    /// What is stated.
    pub(crate) confidence: f64,
    /// What the evidence alone says: nobody is asked less because of what was learned.
    pub(crate) evidence: f64,
    /// Whether at least one check that was red before the work is green now.
    pub(crate) proven: bool,
}

/// The calls of a reply and what became of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Acting {
    pub(crate) calls: Vec<Call>,
    /// Fingerprint of the calls and of their results so far.
    pub(crate) print: u64,
}

impl Acting {
    pub(crate) fn answered(&self) -> bool {
        self.calls.iter().all(|c| c.state == CallState::Answered)
    }
}

/// One call of a reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Call {
    pub(crate) tool: String,
    pub(crate) summary: String,
    pub(crate) class: Class,
    pub(crate) state: CallState,
    /// The digest under whose grant it was last started. When it is held for the same digest
    /// again, the remembered grant is not used again by itself: that would never end.
    pub(crate) used: Option<Digest>,
}

/// What became of a call. Running is not among them: that is a matter of what is in flight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum CallState {
    Waiting,
    /// The tool did nothing: a human must be asked.
    Held(Box<Question>),
    /// A human has been asked.
    Asked(QuestionId),
    /// A human agreed to exactly these bytes.
    Granted(QuestionId, Digest),
    /// The model has a result to be shown, which may be a refusal.
    Answered,
}

/// Guards against going in circles: fingerprints of the last turns with calls. Results are in the
/// fingerprint, so that polling something that changes is not taken for a circle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Loops {
    prints: VecDeque<u64>,
    /// Whether it was told. The second time ends the attempt.
    pub(crate) warned: bool,
}

/// Turns that must be equal before it is a circle: twice happens in honest work (look, then look
/// again), three times with equal results does not.
const SAME: usize = 3;

/// Longest round: look, change, test, look again is work of four calls, repeated it is a circle.
const PERIOD: usize = 4;

/// Turns remembered: three rounds of the longest.
const REMEMBERED: usize = PERIOD * SAME;

impl Loops {
    pub(crate) fn push(&mut self, print: u64) {
        if self.prints.len() == REMEMBERED {
            self.prints.pop_front();
        }
        self.prints.push_back(print);
    }

    /// A turn without calls breaks the row; so does a warning.
    pub(crate) fn forget(&mut self) {
        self.prints.clear();
    }

    /// Whether the last turns were the same round three times.
    pub(crate) fn circling(&self) -> bool {
        let last: Vec<u64> = self.prints.iter().rev().copied().collect();
        (1..=PERIOD).any(|period| {
            let rounds = last.get(..period * SAME);
            rounds.is_some_and(|rounds| {
                let mut pairs = rounds.iter().zip(&rounds[period..]);
                pairs.all(|(one, before)| one == before)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circling(prints: &[u64]) -> bool {
        let mut loops = Loops::default();
        for print in prints {
            loops.push(*print);
        }
        loops.circling()
    }

    #[test]
    fn a_round_of_up_to_four_turns_is_a_circle_the_third_time() {
        assert!(circling(&[7, 1, 1, 1]));
        assert!(circling(&[9, 1, 2, 1, 2, 1, 2]));
        assert!(!circling(&[1, 1]));
        assert!(!circling(&[1, 1, 2, 1, 1]));
        assert!(!circling(&[2, 1, 2, 1, 2]));
        assert!(!circling(&[1, 2, 3, 1, 2, 3]));
        assert!(circling(&[1, 2, 3, 1, 2, 3, 1, 2, 3]));
        assert!(circling(&[9, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]));
        assert!(!circling(&[1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3]));
        assert!(!circling(&[1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5]));
    }
}
