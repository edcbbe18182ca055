//! Turn 1,000 costs what turn 20 costs: by then the last rounds that are remembered are full.

use crate::desk::*;
use loom_events::Class;

/// Bytes of the state as JSON, and events of the turn.
fn turn(desk: &mut Desk, n: u64) -> (usize, usize) {
    let before = desk.journal.len();
    desk.done(
        "model",
        called(&[("read_file", Class::Pure), ("write_file", Class::Hashed)]),
    );
    desk.done("tool", ran(n));
    desk.done("tool", ran(n));
    // Numbers of equal width, so that only structure is compared.
    let text = serde_json::to_string(&desk.state).unwrap();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (text.len() - digits, desk.journal.len() - before)
}

#[test]
fn turn_1_000_costs_what_turn_20_costs() {
    let mut desk = Desk::acting(|s| s.limits.turns_per_attempt = u32::MAX);
    let costs: Vec<_> = (1..=1_000).map(|n| turn(&mut desk, n)).collect();
    assert_eq!(costs[19], costs[999]);
    assert_eq!(
        costs[19].1, 6,
        "two intents and outcomes of calls, one of the model"
    );
    assert!(serde_json::to_string(&desk.state).unwrap().len() < 4_096);
}
