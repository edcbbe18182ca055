use super::*;
use crate::testing::{Journal, at};

fn watched(journal: &Journal) -> Watched {
    let mut watched = Watched::new(journal.task);
    for record in journal.records() {
        watched.apply(&record);
    }
    watched
}

fn live(journal: &Journal, effect: EffectId, signal: Signal) -> Live {
    Live {
        task_id: journal.task,
        effect,
        signal,
    }
}

fn text(piece: &str) -> Signal {
    Signal::Text {
        piece: piece.to_owned(),
    }
}

/// A task whose first step has asked a model.
fn asking() -> (Journal, EffectId) {
    let mut journal = Journal::new();
    journal.create();
    journal.plan(&["total", "page"]);
    let attempt = journal.start("total");
    let effect = journal.ask_model("total", attempt);
    (journal, effect)
}

#[test]
fn a_record_that_comes_twice_changes_nothing() {
    let journal = Journal::busy();
    let mut watched = watched(&journal);
    let (texts, usage) = (watched.log.texts(), watched.view.usage);
    for record in journal.records() {
        watched.apply(&record);
    }
    assert_eq!((watched.log.texts(), watched.view.usage), (texts, usage));
}

#[test]
fn what_a_model_says_is_shown_while_it_says_it_and_stays_in_the_log() {
    let (mut journal, effect) = asking();
    let mut watched = watched(&journal);
    watched.hear(&live(&journal, effect, text("I look\nat the ")));
    watched.hear(&live(&journal, effect, text("file\x1b[2J")));
    let tail: Vec<_> = watched.tail().into_iter().map(|(_, line)| line).collect();
    assert_eq!(
        tail,
        [
            "    I look",
            "    at the file\u{fffd}[2J",
            "    ● the model writes"
        ]
    );
    journal.reply("total", effect);
    watched.apply(journal.records().last().unwrap());
    assert!(watched.tail().is_empty());
    let texts = watched.log.texts();
    assert_eq!(
        texts[texts.len() - 2..],
        ["    I look", "    at the file\u{fffd}[2J"]
    );
}

#[test]
fn a_signal_that_was_overtaken_by_its_record_is_not_shown() {
    let (mut journal, effect) = asking();
    journal.reply("total", effect);
    let mut watched = watched(&journal);
    watched.hear(&live(&journal, effect, text("late")));
    assert!(watched.tail().is_empty());
}

#[test]
fn a_long_prompt_says_how_far_it_is_read() {
    let (journal, effect) = asking();
    let mut watched = watched(&journal);
    let reading = Signal::Reading {
        done: 4_000,
        total: 10_000,
        left_s: Some(70),
    };
    watched.hear(&live(&journal, effect, reading));
    let tail = watched.tail();
    assert_eq!(
        tail[0].1,
        "    ● the model reads the prompt: 40 % of 10.0k tokens, about 1m 10s left"
    );
}

#[test]
fn what_is_said_is_bounded() {
    let (journal, effect) = asking();
    let mut watched = watched(&journal);
    for _ in 0..10_000 {
        watched.hear(&live(&journal, effect, text("日本語 ")));
    }
    assert!(watched.spoken[&effect].text.len() <= MAX_SPOKEN);
}

#[test]
fn the_pace_of_what_was_done_says_how_long_the_rest_takes() {
    let journal = Journal::busy();
    let watched = watched(&journal);
    assert_eq!(watched.pace.decode, Some(50.0));
    assert_eq!(watched.pace.cached, Some(95));
    let begun = |name: &str| {
        let started = |e: &&loom_events::Envelope| matches!(&e.event, Event::SubtaskStarted { subtask, .. } if subtask.as_str() == name);
        journal.envelopes.iter().find(started).unwrap().timestamp
    };
    let completed = journal
        .envelopes
        .iter()
        .find(|e| e.event.name() == "subtask_completed")
        .unwrap();
    let each = completed.timestamp.since(begun("total"));
    assert_eq!(watched.left(begun("page")), Some(each * 2));
    assert_eq!(
        watched.left(at(10_000)),
        Some(each),
        "a slow step leaves the others"
    );
}
