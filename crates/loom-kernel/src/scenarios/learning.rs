//! What earlier tasks taught is a fact of the journal, and only ever adds.

use crate::desk::*;
use crate::{Batch, Input};
use loom_events::{
    Adjusted, Adjustment, Caution, Event, Note, Outcome, Rung, Said, Tier, VerdictResult,
};

fn learned(desk: &mut Desk, what: Adjusted) -> Batch {
    let id = desk.effect("plan");
    let why = "of 9 attempts 8 failed".to_owned();
    let note = Note::Learned(Adjustment { what, why });
    desk.feed(&Input::Note { id, note })
}

fn begins_at(subtask: &str, tier: Tier) -> Adjusted {
    let subtask = id(subtask);
    Adjusted::StartingTier { subtask, tier }
}

fn planned_for(tier: Tier, text: &str) -> Outcome {
    let mut plan = plan(text);
    for spec in &mut plan.subtasks {
        spec.tier = tier;
    }
    proposed(plan)
}

fn tiers(desk: &Desk) -> Vec<(Rung, Tier)> {
    let started = desk.journal.iter().filter_map(|e| match &e.event {
        Event::SubtaskStarted { kind, tier, .. } => Some((*kind, *tier)),
        _ => None,
    });
    started.collect()
}

fn fail(desk: &mut Desk) {
    desk.done("prepare", prepared(None));
    desk.done("model", said(Said::Done));
    let mut judged = verdict(VerdictResult::Fail);
    judged.tier = 2;
    desk.done("verify", Outcome::Verified(judged));
}

#[test]
fn a_step_begins_at_the_tier_that_was_learned_and_climbs_from_there() {
    let mut desk = Desk::new(|_| {});
    learned(&mut desk, begins_at("a", Tier::Medium));
    desk.plan("a");
    for _ in 0..3 {
        fail(&mut desk);
    }
    assert_eq!(
        tiers(&desk),
        [
            (Rung::Planned, Tier::Medium),
            (Rung::Feedback, Tier::Medium),
            (Rung::NextTier, Tier::Large),
            (Rung::TopTier, Tier::Large),
        ]
    );
}

#[test]
fn no_step_begins_with_less_than_its_plan_says() {
    let mut desk = Desk::new(|_| {});
    learned(&mut desk, begins_at("a", Tier::Small));
    desk.done("plan", planned_for(Tier::Large, "a"));
    assert_eq!(tiers(&desk), [(Rung::Planned, Tier::Large)]);
}

#[test]
fn what_was_learned_of_a_step_is_not_taken_back_by_less() {
    let mut desk = Desk::new(|_| {});
    learned(&mut desk, begins_at("a", Tier::Large));
    learned(&mut desk, begins_at("a", Tier::Medium));
    desk.plan("a");
    assert_eq!(tiers(&desk), [(Rung::Planned, Tier::Large)]);
}

#[test]
fn caution_adds_to_the_settings_and_takes_nothing_from_them() {
    let bold = Caution {
        verification_tier: 1,
        threshold: 0.1,
        replan_interval: 90,
        small_steps: false,
    };
    let careful = Caution {
        verification_tier: 2,
        threshold: 0.9,
        replan_interval: 5,
        small_steps: true,
    };
    for (caution, gates, threshold, interval) in [(bold, 3, 0.8, 10), (careful, 3, 0.9, 5)] {
        let mut desk = Desk::new(|s| s.verification.tier = 3);
        learned(&mut desk, Adjusted::Caution(caution));
        let settings = desk.state.settings();
        assert_eq!(settings.verification.tier, gates);
        assert!((settings.verification.threshold - threshold).abs() < 1e-9);
        assert_eq!(settings.replan_interval, interval);
    }
}

#[test]
fn caution_leaves_alone_what_is_switched_off() {
    let mut desk = Desk::new(|s| {
        s.verification.tier = 0;
        s.replan_interval = 0;
    });
    learned(
        &mut desk,
        Adjusted::Caution(Caution {
            verification_tier: 2,
            threshold: f64::NAN,
            replan_interval: 5,
            small_steps: true,
        }),
    );
    let settings = desk.state.settings();
    assert_eq!(
        (settings.verification.tier, settings.replan_interval),
        (0, 0)
    );
    assert!((settings.verification.threshold - 0.8).abs() < 1e-9);
}
