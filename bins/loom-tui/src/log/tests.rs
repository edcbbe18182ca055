use super::draw::clock;
use super::*;
use crate::keys::Move;
use crate::testing::{Journal, at};
use loom_events::Event;
use ratatui::layout::Rect;

const AREA: Rect = Rect {
    x: 0,
    y: 0,
    width: 60,
    height: 10,
};

/// A journal whose every event has one line, and the log that followed it.
fn followed(events: usize) -> (Journal, TaskView, Log) {
    let mut journal = Journal::new();
    journal.create();
    for n in 1..events {
        journal.add(
            None,
            Event::Degraded {
                what: format!("n{n}"),
            },
        );
    }
    let mut view = TaskView::new(journal.task);
    let mut log = Log::default();
    for envelope in &journal.envelopes {
        view.apply(envelope);
        log.follow(envelope, &view);
    }
    (journal, view, log)
}

/// The numbers of the lines on the screen.
fn shown(log: &Log) -> Vec<u64> {
    log.shown(AREA).iter().map(|(line, _)| line.seq.0).collect()
}

#[test]
fn a_call_is_one_line_with_its_outcome_and_its_counts() {
    let journal = Journal::busy();
    let view = journal.view();
    let mut log = Log::default();
    for envelope in &journal.envelopes {
        log.follow(envelope, &view);
    }
    assert_eq!(
        log.texts(),
        [
            "Mend the total and write the page",
            "planning",
            "plan: 3 subtasks",
            "  1. Do total",
            "  2. Do page",
            "  3. Do index",
            "▸ Do total",
            "    with sim-small",
            "    edit_file sum.sh → 1 place changed +3 −1",
            "    ✗ caught: says that it is done, and it is not",
            "      ✗ `./test.sh` exits 0: exited 1",
            "    ✓ verified: 1 check passed, 90 % sure",
            "✓ Do total",
            "▸ Do page",
            "    with sim-small",
            "    write_file docs/PAGE.md → 12 lines +12 −0",
            "    run_command curl https://example.org",
            "  ? the command leaves the workspace",
        ]
    );
}

#[test]
fn memory_is_bounded_and_the_end_is_shown() {
    let (_, _, log) = followed(MAX_LINES + 500);
    assert_eq!(log.lines.len(), MAX_LINES);
    assert_eq!(log.after, Seq(500));
    let last = MAX_LINES as u64 + 500;
    assert_eq!(shown(&log), (last - 9..=last).collect::<Vec<_>>());
}

#[test]
fn who_scrolls_back_sees_each_line_once_and_in_order_up_to_the_first() {
    let (journal, view, mut log) = followed(MAX_LINES + 1_200);
    let records = journal.records();
    let mut wanted = 0;
    let mut top = shown(&log)[0];
    for _ in 0..20_000 {
        if log.go(Move::Up, AREA) == Some(Wanted::Older) {
            wanted += 1;
            let until = log.after.0;
            let after = until.saturating_sub(500);
            let page = &records[usize::try_from(after).unwrap()..usize::try_from(until).unwrap()];
            log.older(Seq(after), page, &view);
        } else {
            let now = shown(&log)[0];
            assert!(now == top || now == top - 1, "{top} then {now}");
            if now == top {
                break;
            }
            top = now;
        }
        assert!(log.lines.len() <= MAX_LINES);
    }
    assert_eq!(top, 1, "the first line is reached");
    assert_eq!(wanted, 3);
    // And down again, to the end.
    let mut bottom = *shown(&log).last().unwrap();
    for _ in 0..20_000 {
        if log.go(Move::Down, AREA) == Some(Wanted::Newer) {
            let after = usize::try_from(log.upto.0).unwrap();
            let page = &records[after..(after + 500).min(records.len())];
            log.newer(page, &view);
        }
        let now = *shown(&log).last().unwrap();
        assert!(now == bottom || now == bottom + 1, "{bottom} then {now}");
        bottom = now;
        if log.follows() {
            break;
        }
    }
    assert_eq!(bottom, view.last_seq.0);
}

#[test]
fn new_lines_do_not_move_what_somebody_reads() {
    let (mut journal, mut view, mut log) = followed(MAX_LINES);
    log.go(Move::PageUp, AREA);
    let reads = shown(&log);
    for n in 0..MAX_LINES {
        journal.add(
            None,
            Event::Degraded {
                what: format!("new {n}"),
            },
        );
        let envelope = journal.envelopes.last().unwrap();
        view.apply(envelope);
        log.follow(envelope, &view);
    }
    assert_eq!(shown(&log), reads);
    assert_eq!(log.go(Move::End, AREA), Some(Wanted::Newer));
    log.restart(Seq(view.last_seq.0 - 100));
    assert!(log.newer(&journal.records()[view.last_seq.0 as usize - 100..], &view));
    assert_eq!(shown(&log).last(), Some(&view.last_seq.0));
}

#[test]
fn a_page_that_leaves_a_gap_is_not_taken() {
    let (journal, view, mut log) = followed(MAX_LINES + 100);
    log.older(Seq(0), &journal.records()[..50], &view);
    assert_eq!(log.after, Seq(100));
}

#[test]
fn home_shows_the_first_lines() {
    let (_, _, mut log) = followed(50);
    log.go(Move::Home, AREA);
    assert_eq!(shown(&log), (1..=10).collect::<Vec<_>>());
    log.go(Move::End, AREA);
    assert_eq!(shown(&log), (41..=50).collect::<Vec<_>>());
}

#[test]
fn a_filter_shows_what_it_names_and_a_search_finds_only_that() {
    let journal = Journal::busy();
    let view = journal.view();
    let mut log = Log::default();
    for envelope in &journal.envelopes {
        log.follow(envelope, &view);
    }
    log.filter = Filter::Tools;
    let texts: Vec<_> = log
        .shown(AREA)
        .iter()
        .map(|(line, _)| line.text.clone())
        .collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    log.sought = "SUM.SH".to_owned();
    assert!(log.seek(false));
    log.sought = "planning".to_owned();
    assert!(!log.seek(false));
}

#[test]
fn the_time_of_a_line_is_since_the_beginning() {
    assert_eq!(clock(at(65), at(0)), "    1:05");
    assert_eq!(clock(at(3_700), at(0)), " 1:01:40");
}
