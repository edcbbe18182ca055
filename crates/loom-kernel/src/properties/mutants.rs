//! Planted faults. Each is the machine with one function replaced: the real one over a doctored
//! copy of the state, or the rules without one. So no switch is compiled into the kernel.

use super::{SEEDS, run};
use crate::desk::decide_with;
use crate::state::{Last, Stage};
use crate::step::{LOOM, Machine};
use crate::{Decision, Input, Rejection, State, decide, handle};
use loom_events::{Compared, Event, Outcome, Time};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Says that a mutant is found within the default number of runs. A panic of the desk counts: its
/// checks are properties too.
fn is_found(machine: &'static Machine) {
    let found = (0..SEEDS).any(|seed| {
        catch_unwind(AssertUnwindSafe(|| run(machine, seed).1)).map_or(true, |f| !f.is_empty())
    });
    assert!(found, "no property noticed");
}

/// The state as a mutant sees it.
fn doctored(state: &State, change: impl FnOnce(&mut State)) -> State {
    let mut copy = state.clone();
    change(&mut copy);
    copy
}

#[test]
fn questions_about_dead_subjects_that_stay_open_are_noticed() {
    const MUTANT: Machine = Machine {
        decide: |state, now| decide_with(state, now, "withdraw", None),
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn an_attempt_that_starts_before_the_dead_one_is_drained_is_noticed() {
    fn eager(state: &State, now: Time) -> Option<Vec<Event>> {
        let blind = doctored(state, |s| {
            s.inflight.clear();
            s.debts.clear();
        });
        let (_, schedule) = crate::decide::RULES
            .iter()
            .find(|(name, _)| *name == "schedule")?;
        schedule(&blind, now)
    }
    const MUTANT: Machine = Machine {
        decide: |state, now| decide_with(state, now, "schedule", Some(eager)),
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn a_gate_in_spite_of_an_unheard_instruction_is_noticed() {
    fn deaf(state: &State, now: Time) -> Decision {
        let deaf = doctored(state, |s| {
            s.heard = s.steered;
            let steered = s.steered;
            for sub in s.subs.values_mut() {
                if let Stage::Running(attempt) = &mut sub.stage {
                    attempt.heard = steered;
                }
            }
        });
        decide(&deaf, now)
    }
    const MUTANT: Machine = Machine {
        decide: deaf,
        ..LOOM
    };
    is_found(&MUTANT);
}

/// The guard in `apply` refuses a completion on a moved base, so the fault is planted where the
/// guard cannot see it: the merge is booked as if nothing had moved.
#[test]
fn a_merge_onto_a_moved_base_without_a_recheck_is_noticed() {
    fn blind(state: &State, input: &Input, now: Time) -> Result<Vec<Event>, Rejection> {
        match input {
            Input::Outcome {
                id,
                outcome: Outcome::Merged { .. },
            } => {
                let outcome = Outcome::Merged { base_moved: false };
                handle(state, &Input::Outcome { id: *id, outcome }, now)
            }
            _ => handle(state, input, now),
        }
    }
    const MUTANT: Machine = Machine {
        handle: blind,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn taking_an_earlier_runners_outcome_is_noticed() {
    fn credulous(state: &State, input: &Input, now: Time) -> Result<Vec<Event>, Rejection> {
        let trusting = doctored(state, |s| {
            for effect in s.inflight.values_mut() {
                effect.doubt = false;
            }
        });
        handle(&trusting, input, now)
    }
    const MUTANT: Machine = Machine {
        handle: credulous,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn refusing_a_dead_owners_outcome_is_noticed() {
    fn strict(state: &State, input: &Input, now: Time) -> Result<Vec<Event>, Rejection> {
        if let Input::Outcome { id, .. } = input
            && let Some(effect) = state.inflight.get(id)
            && !state.wanted_by_owner(&effect.work)
        {
            return Err(Rejection::OwnerGone { effect: *id });
        }
        handle(state, input, now)
    }
    const MUTANT: Machine = Machine {
        handle: strict,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn expiry_within_the_grace_is_noticed() {
    fn hasty(state: &State, now: Time) -> Decision {
        let hasty = doctored(state, |s| {
            s.awake_since = Time::EPOCH;
            s.new.settings.grace_ms = 0;
        });
        decide(&hasty, now)
    }
    const MUTANT: Machine = Machine {
        decide: hasty,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn retrying_for_ever_is_noticed() {
    fn stubborn(state: &State, now: Time) -> Decision {
        let stubborn = doctored(state, |s| {
            s.new.settings.limits.transient_retries = u32::MAX;
        });
        decide(&stubborn, now)
    }
    const MUTANT: Machine = Machine {
        decide: stubborn,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn starting_while_paused_is_noticed() {
    fn restless(state: &State, now: Time) -> Decision {
        decide(&doctored(state, |s| s.paused = false), now)
    }
    const MUTANT: Machine = Machine {
        decide: restless,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn running_an_unknowable_call_again_is_noticed() {
    fn reckless(state: &State, now: Time) -> Decision {
        match decide(state, now) {
            Decision::Record(events) => Decision::Record(
                events
                    .into_iter()
                    .map(|event| match event {
                        Event::EffectInterrupted { effect, .. } => Event::EffectInterrupted {
                            effect,
                            maybe: false,
                        },
                        other => other,
                    })
                    .collect(),
            ),
            quiet @ Decision::Quiet { .. } => quiet,
        }
    }
    const MUTANT: Machine = Machine {
        decide: reckless,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn going_on_before_the_changes_of_a_lost_call_are_recorded_is_noticed() {
    fn careless(state: &State, now: Time) -> Decision {
        let careless = doctored(state, |s| {
            for effect in s.inflight.values_mut() {
                effect.recorded = true;
            }
        });
        decide(&careless, now)
    }
    const MUTANT: Machine = Machine {
        decide: careless,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn forgetting_to_take_a_merge_back_is_noticed() {
    fn forgetful(state: &State, now: Time) -> Decision {
        let forgetful = doctored(state, |s| s.debts.clear());
        decide(&forgetful, now)
    }
    const MUTANT: Machine = Machine {
        decide: forgetful,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn a_model_at_work_in_a_step_that_a_human_does_is_noticed() {
    fn busy(state: &State, now: Time) -> Decision {
        let busy = doctored(state, |s| {
            for sub in s.subs.values_mut() {
                if let Stage::Running(attempt) = &mut sub.stage
                    && attempt.last == Last::Prepared
                {
                    attempt.kind = loom_events::Rung::Planned;
                }
            }
        });
        decide(&busy, now)
    }
    const MUTANT: Machine = Machine {
        decide: busy,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn a_held_call_that_runs_without_a_grant_is_noticed() {
    fn lax(state: &State, now: Time) -> Decision {
        let lax = doctored(state, |s| {
            for sub in s.subs.values_mut() {
                if let Stage::Running(attempt) = &mut sub.stage
                    && let Last::Acting(acting) = &mut attempt.last
                {
                    for call in &mut acting.calls {
                        if matches!(call.state, crate::state::CallState::Held(_)) {
                            call.state = crate::state::CallState::Waiting;
                        }
                    }
                }
            }
        });
        decide(&lax, now)
    }
    const MUTANT: Machine = Machine {
        decide: lax,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn an_execution_that_is_merged_without_being_compared_is_noticed() {
    fn eager(state: &State, now: Time) -> Decision {
        let eager = doctored(state, |s| {
            for sub in s.subs.values_mut() {
                if let Stage::Running(attempt) = &mut sub.stage {
                    attempt.votes = false;
                }
            }
        });
        decide(&eager, now)
    }
    const MUTANT: Machine = Machine {
        decide: eager,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn taking_another_execution_than_most_agree_on_is_noticed() {
    fn fickle(state: &State, now: Time) -> Decision {
        let Decision::Record(mut events) = decide(state, now) else {
            return decide(state, now);
        };
        for event in &mut events {
            if let Event::ExecutionsCompared {
                standings,
                outcome: Compared::Taken { attempt, .. },
                ..
            } = event
            {
                *attempt = standings.last().map_or(*attempt, |worst| worst.attempt);
            }
        }
        Decision::Record(events)
    }
    const MUTANT: Machine = Machine {
        decide: fickle,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn comparing_before_enough_executions_were_made_is_noticed() {
    fn hasty(state: &State, now: Time) -> Decision {
        let hasty = doctored(state, |s| {
            let votes = s.executions();
            for sub in s.subs.values_mut() {
                if sub.round.made > 0 {
                    sub.round.made = votes;
                }
            }
        });
        decide(&hasty, now)
    }
    const MUTANT: Machine = Machine {
        decide: hasty,
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn forgetting_the_executions_that_were_not_taken_is_noticed() {
    const MUTANT: Machine = Machine {
        decide: |state, now| decide_with(state, now, "executions", None),
        ..LOOM
    };
    is_found(&MUTANT);
}

#[test]
fn a_planner_that_forgets_what_a_human_said_of_a_step_is_noticed() {
    fn forgetful(state: &State, now: Time) -> Decision {
        let Decision::Record(mut events) = decide(state, now) else {
            return decide(state, now);
        };
        for event in &mut events {
            if let Event::TaskPlanReady { planning, plan, .. } = event
                && planning.is_some()
            {
                plan.subtasks.iter_mut().for_each(|spec| spec.vote = None);
            }
        }
        Decision::Record(events)
    }
    const MUTANT: Machine = Machine {
        decide: forgetful,
        ..LOOM
    };
    is_found(&MUTANT);
}
