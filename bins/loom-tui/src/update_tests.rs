use super::*;
use crate::actions::Action;
use crate::keys::Move;
use crate::msg::Wish;
use crate::testing::{Journal, at, ended, model, page, press, task, watching};
use loom_client::wire::{DiffList, EventPage, Reverted, Task};
use loom_events::{DiffStatus, FileDiff, RevertReport, RevertScope, Scope, Seq, Time};
use loom_events::{QuestionId, Response};

/// A table: where one is, the keys, what is then asked for.
#[test]
fn keys_ask_for_what_they_name() {
    let question = QuestionId(Seq(Journal::busy().envelopes.len() as u64));
    let answer = |response| vec![Cmd::Ask(task(1), Wish::Answer(question, response))];
    let revert = |scope| RevertRequest {
        dry_run: true,
        ..RevertRequest::from(scope)
    };
    let watch = |n| vec![Cmd::Watch(task(n)), Cmd::Load(Load::Task(task(n)))];
    // On the list of tasks, of which the first one waits.
    let list: Vec<(&str, Vec<Cmd>)> = vec![
        ("q", vec![Cmd::Quit]),
        ("\n", watch(1)),
        ("l", watch(1)),
        ("j\n", watch(2)),
        ("jjk\n", watch(2)),
        ("G\n", watch(5)),
        ("a", watch(1)),
        ("ja", vec![]),
        ("p", vec![Cmd::Ask(task(1), Wish::Pause)]),
        ("jjp", vec![Cmd::Ask(task(3), Wish::Resume)]),
        (
            "sgo on\n",
            vec![Cmd::Ask(task(1), Wish::Steer("go on".into()))],
        ),
        ("s\n", vec![]),
        ("sx\x1b", vec![]),
        ("Gs", vec![]),
        ("c", vec![]),
        ("cn", vec![]),
        ("c\x1b", vec![]),
        (
            "cy",
            vec![Cmd::Ask(
                task(1),
                Wish::Cancel("cancelled in the terminal UI".into()),
            )],
        ),
        ("r", vec![]),
        (
            "Gr",
            vec![Cmd::Ask(task(5), Wish::Revert(revert(RevertScope::Task)))],
        ),
        ("GR", vec![]),
        (
            "GRy",
            vec![Cmd::Ask(task(5), Wish::Retry(None, String::new()))],
        ),
        ("d", vec![Cmd::Load(Load::Diff(task(1)))]),
        ("o", vec![]),
        ("Go", watch(5)),
        ("m", vec![Cmd::Load(Load::Memory(task(1)))]),
        (
            "m/cache\n",
            vec![
                Cmd::Load(Load::Memory(task(1))),
                Cmd::Load(Load::Search("cache".into())),
            ],
        ),
        ("M", vec![Cmd::Load(Load::Models)]),
        ("n", vec![Cmd::Load(Load::Ready)]),
        ("/faster\n\n", watch(5)),
        (
            ":can\ny",
            vec![Cmd::Ask(
                task(1),
                Wish::Cancel("cancelled in the terminal UI".into()),
            )],
        ),
        (":nothing is called that\n", vec![]),
        ("?q", vec![]),
    ];
    for (keys, expected) in list {
        let mut model = model(80, 24);
        assert_eq!(press(&mut model, keys), expected, "{keys:?} on the list");
    }
    // In the task that waits.
    let detail: Vec<(&str, Vec<Cmd>)> = vec![
        ("ay", answer(Response::Grant { scope: Scope::Once })),
        ("at", answer(Response::Grant { scope: Scope::Task })),
        (
            "an",
            answer(Response::Deny {
                reason: String::new(),
            }),
        ),
        (
            "aruse the cache\n",
            answer(Response::Deny {
                reason: "use the cache".into(),
            }),
        ),
        ("a\x1by", vec![]),
        (
            "t",
            vec![Cmd::Load(Load::Trace(task(1), crate::testing::id("page")))],
        ),
        (
            "\tk\n",
            vec![Cmd::Load(Load::Trace(task(1), crate::testing::id("total")))],
        ),
        (
            "t]",
            vec![
                Cmd::Load(Load::Trace(task(1), crate::testing::id("page"))),
                Cmd::Load(Load::Trace(task(1), crate::testing::id("index"))),
            ],
        ),
        ("r", vec![]),
        ("\x1b", vec![Cmd::Unwatch, Cmd::Load(Load::Tasks)]),
    ];
    for (keys, expected) in detail {
        let mut model = watching(80, 24);
        assert_eq!(press(&mut model, keys), expected, "{keys:?} in a task");
    }
}

#[test]
fn nothing_is_cancelled_or_taken_back_without_a_yes() {
    let mut model = model(80, 24);
    assert!(press(&mut model, "c").is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Confirm(_))));
    let request = RevertRequest {
        dry_run: true,
        ..RevertRequest::from(RevertScope::Task)
    };
    press(&mut model, "\x1b");
    let report = RevertReport {
        changes: vec![loom_events::FileChange {
            operation: loom_events::Operation::Delete,
            path: "new.txt".into(),
            new_path: None,
            before: None,
            after: None,
            lines: loom_events::LineCount::default(),
            origin: loom_events::Origin::Loom,
        }],
        ..RevertReport::default()
    };
    let loaded = Loaded::Revert(task(5), request.clone(), report);
    assert!(update(&mut model, Msg::Loaded(Box::new(loaded))).is_empty());
    let real = RevertRequest {
        dry_run: false,
        ..request
    };
    let cmds = press(&mut model, "y");
    assert_eq!(cmds, [Cmd::Ask(task(5), Wish::Revert(real))]);
    assert!(model.overlay.is_none());
}

#[test]
fn a_task_that_was_taken_back_says_so() {
    let mut model = watching(80, 24);
    let mut shown = Task::new(Journal::busy().view(), false, None);
    let taken_back = |model: &Model| crate::testing::picture(model).contains("was taken back");
    update(
        &mut model,
        Msg::Loaded(Box::new(Loaded::Task(Box::new(shown.clone())))),
    );
    assert!(!taken_back(&model));
    shown.reverts.push(Reverted {
        scope: "task".to_owned(),
        files: 2,
        at: Time::EPOCH,
    });
    let loaded = Msg::Loaded(Box::new(Loaded::Task(Box::new(shown))));
    update(&mut model, loaded);
    assert!(taken_back(&model));
}

fn asked_again() -> Cmd {
    Cmd::Load(Load::Task(task(1)))
}

fn rated(right: bool, steps: &[&str]) -> Cmd {
    let steps = steps.iter().map(|step| crate::testing::id(step)).collect();
    Cmd::Ask(task(1), Wish::Rate(right, steps))
}

#[test]
fn a_task_that_has_ended_is_rated_as_a_whole_or_step_by_step() {
    let whole = |right| vec![asked_again(), rated(right, &[])];
    let of_completed: Vec<(&str, Vec<Cmd>)> = vec![
        ("oy", whole(true)),
        ("on", whole(false)),
        // The window stays: one step after the other, and another word for the same one.
        (
            "ojyjny",
            vec![
                asked_again(),
                rated(true, &["total"]),
                rated(false, &["index"]),
                rated(true, &["index"]),
            ],
        ),
        // Where the plan has the focus it is the selected step.
        ("\tkoy", vec![asked_again(), rated(true, &["total"])]),
        ("o\x1by", vec![asked_again()]),
        ("oxhl\ty", whole(true)),
    ];
    for (keys, expected) in of_completed {
        assert_eq!(press(&mut ended(80, 24, true), keys), expected, "{keys:?}");
    }
    // Of what was not completed the whole cannot be right, and a step that has no result neither.
    let cmds = press(&mut ended(80, 24, false), "oykyjjjn");
    let expected = [
        asked_again(),
        rated(true, &["total"]),
        rated(true, &["total"]),
        rated(false, &["index"]),
    ];
    assert_eq!(cmds, expected);
}

#[test]
fn a_task_that_runs_is_not_rated() {
    let mut model = watching(80, 24);
    assert_eq!(press(&mut model, "oy"), []);
    assert!(model.notice.unwrap().text.contains("has not ended"));
}

#[test]
fn a_task_is_rated_from_the_list_and_from_its_diff() {
    let mut model = model(80, 24);
    let watch = vec![Cmd::Watch(task(4)), Cmd::Load(Load::Task(task(4)))];
    // Nothing can be said before it is known what it has.
    assert_eq!(press(&mut model, "jjjoy"), watch);
    assert!(matches!(model.overlay, Some(Overlay::Rating(_))));
    let mut model = ended(80, 24, true);
    let cmds = press(&mut model, "don");
    let expected = [
        Cmd::Load(Load::Diff(task(1))),
        asked_again(),
        rated(false, &[]),
    ];
    assert_eq!(cmds, expected);
    press(&mut model, "\x1b");
    assert_eq!(model.place(), Place::Diff);
}

#[test]
fn what_was_said_is_asked_for_shown_and_a_refusal_says_why() {
    let mut model = ended(80, 24, true);
    press(&mut model, "on");
    let kept = "what you say of 2 results is kept".to_owned();
    assert_eq!(
        update(&mut model, Msg::Rated(task(1), kept)),
        [asked_again()]
    );
    let mut shown = Task::new(Journal::busy().view(), false, None);
    let rated = |step, right| loom_client::wire::Rated {
        subtask: crate::testing::id(step),
        right,
        at: Time::EPOCH,
    };
    shown.ratings = vec![rated("index", 0.0), rated("total", 0.7)];
    let loaded = Msg::Loaded(Box::new(Loaded::Task(Box::new(shown))));
    update(&mut model, loaded);
    let picture = crate::testing::picture(&model);
    for words in [
        "rated: 1 wrong, 1 may be wrong",
        "? 1. Do total  may be wrong",
        "✗ 3. Do index  rated wrong",
        "what you say of 2 results is kept",
    ] {
        assert!(picture.contains(words), "{words}:\n{picture}");
    }
    let (what, why) = ("keep what you say of it", "learning is off".to_owned());
    let tried = Tried::Wish(task(1), Box::new(Wish::Rate(false, Vec::new())));
    update(&mut model, Msg::Failed { what, why, tried });
    let picture = crate::testing::picture(&model);
    let words = "! failed to keep what you say of it: learning is off";
    assert!(picture.contains(words), "{picture}");
    press(&mut model, "\x1b");
    let picture = crate::testing::picture(&model);
    assert!(picture.contains("rated wrong"), "{picture}");
}

#[test]
fn a_question_that_is_answered_elsewhere_is_not_answered_here() {
    let mut model = watching(80, 24);
    press(&mut model, "a");
    assert!(matches!(model.overlay, Some(Overlay::Question(_))));
    let mut journal = Journal::busy();
    let question = QuestionId(Seq(journal.envelopes.len() as u64));
    let by = "cli".to_owned();
    journal.add(
        Some("page"),
        loom_events::Event::ApprovalGranted {
            question,
            scope: Scope::Once,
            by,
        },
    );
    let record = journal.records().pop().unwrap();
    update(&mut model, Msg::Records(task(1), vec![record]));
    assert!(model.overlay.is_none());
    assert_eq!(press(&mut model, "y"), []);
}

#[test]
fn a_question_asked_for_from_the_list_is_shown_as_soon_as_it_is_known() {
    let mut model = model(80, 24);
    press(&mut model, "a");
    assert!(model.overlay.is_none());
    update(&mut model, Msg::Records(task(1), Journal::busy().records()));
    assert!(matches!(model.overlay, Some(Overlay::Question(_))));
}

#[test]
fn records_of_a_task_that_was_left_are_not_taken() {
    let mut model = watching(80, 24);
    press(&mut model, "\x1b");
    update(&mut model, Msg::Records(task(1), Journal::busy().records()));
    assert!(model.watched.is_none());
}

#[test]
fn the_list_is_asked_for_once_a_second_however_much_happens() {
    let mut model = model(80, 24);
    let mut asked = 0;
    for n in 0..100 {
        let mut cmds = update(&mut model, Msg::Clock(at(300 + n / 50)));
        cmds.extend(update(&mut model, Msg::Stirred { calls: false }));
        asked += cmds
            .iter()
            .filter(|cmd| **cmd == Cmd::Load(Load::Tasks))
            .count();
    }
    assert_eq!(asked, 2);
}

#[test]
fn the_bell_rings_when_somebody_is_called_and_wants_it() {
    let mut model = model(80, 24);
    for (bell, calls, rings) in [
        (true, true, true),
        (true, false, false),
        (false, true, false),
    ] {
        model.bell = bell;
        let cmds = update(&mut model, Msg::Stirred { calls });
        assert_eq!(cmds.contains(&Cmd::Bell), rings);
    }
}

fn failed(model: &mut Model, what: &'static str, tried: Tried) {
    let why = "nobody is there".to_owned();
    update(model, Msg::Failed { what, why, tried });
}

#[test]
fn what_was_typed_for_a_request_that_failed_is_there_again() {
    let mut model = watching(80, 24);
    let mut cmds = press(&mut model, "sgo on\n");
    let Some(Cmd::Ask(of, wish)) = cmds.pop() else {
        panic!("{cmds:?}");
    };
    failed(
        &mut model,
        "give the instruction",
        Tried::Wish(of, Box::new(wish)),
    );
    // It is no guidance for a step, and is there once.
    press(&mut model, "R\x1b");
    let cmds = press(&mut model, "s!\n");
    assert_eq!(cmds, [Cmd::Ask(task(1), Wish::Steer("go on!".into()))]);
    assert_eq!(press(&mut model, "s\n"), []);
}

#[test]
fn an_edited_plan_that_was_not_taken_is_still_there() {
    let mut model = watching(80, 24);
    let mut cmds = press(&mut model, "ejxw");
    let Some(Cmd::Ask(of, wish)) = cmds.pop() else {
        panic!("{cmds:?}");
    };
    failed(
        &mut model,
        "change the plan",
        Tried::Wish(of, Box::new(wish.clone())),
    );
    assert_eq!(model.place(), Place::Plan);
    assert!(crate::testing::picture(&model).contains("failed to change the plan"));
    assert_eq!(press(&mut model, "w"), [Cmd::Ask(of, wish)]);
}

#[test]
fn a_screen_that_gets_nothing_says_why_and_waits_no_more() {
    for (keys, load) in [
        ("d", Load::Diff(task(1))),
        ("m", Load::Memory(task(1))),
        ("t", Load::Trace(task(1), crate::testing::id("page"))),
    ] {
        let mut model = watching(80, 24);
        press(&mut model, keys);
        let shows = |model: &Model, words| crate::testing::picture(model).contains(words);
        assert!(shows(&model, "asking"), "{keys}");
        // Of something else.
        failed(
            &mut model,
            "read the task",
            Tried::Load(Load::Task(task(1))),
        );
        assert!(shows(&model, "asking"), "{keys}");
        failed(&mut model, "read it", Tried::Load(load));
        model.notice = None;
        assert!(
            shows(&model, "failed to read it: nobody is there; Ctrl-L"),
            "{keys}"
        );
        perform::perform(&mut model, Action::Refresh);
        assert!(shows(&model, "asking"), "{keys}");
    }
}

#[test]
fn what_is_asked_for_by_itself_says_nothing_while_nobody_is_there() {
    let mut model = watching(80, 24);
    update(&mut model, Msg::Offline("nobody is there".into()));
    let pause = Tried::Wish(task(1), Box::new(Wish::Pause));
    failed(&mut model, "pause the task", pause);
    failed(&mut model, "list the tasks", Tried::Poll);
    let said = model.notice.clone().unwrap().text;
    assert_eq!(said, "failed to pause the task: nobody is there");
    update(&mut model, Msg::Online);
    failed(&mut model, "list the tasks", Tried::Poll);
    let said = model.notice.unwrap().text;
    assert_eq!(said, "failed to list the tasks: nobody is there");
}

#[test]
fn offline_is_shown_until_it_is_over_and_nothing_is_lost_by_it() {
    let mut model = watching(80, 24);
    let before = model.watched.as_ref().unwrap().log.texts();
    update(&mut model, Msg::Offline("reach the service".into()));
    update(&mut model, Msg::Offline("again".into()));
    assert_eq!(
        model.link,
        Link::Offline(at(200), "reach the service".into())
    );
    let cmds = update(&mut model, Msg::Online);
    assert!(cmds.contains(&Cmd::Load(Load::Ready)));
    assert_eq!(model.link, Link::Online);
    // The stream resumes with what was seen already.
    update(&mut model, Msg::Records(task(1), Journal::busy().records()));
    assert_eq!(model.watched.as_ref().unwrap().log.texts(), before);
}

#[test]
fn the_selected_task_stays_selected_when_the_list_changes() {
    let mut model = model(80, 24);
    press(&mut model, "jj");
    let mut page = page();
    page.tasks.insert(
        0,
        crate::testing::row(9, loom_view::TaskStatus::Planning, "new"),
    );
    update(&mut model, Msg::Loaded(Box::new(Loaded::Tasks(page))));
    assert_eq!(model.dashboard.selected().unwrap().task_id, task(3));
}

#[test]
fn a_pasted_text_presses_no_keys() {
    let mut model = model(80, 24);
    assert!(update(&mut model, Msg::Paste("cyq".into())).is_empty());
    assert!(model.overlay.is_none());
    press(&mut model, "s");
    update(&mut model, Msg::Paste("two\nlines".into()));
    let cmds = press(&mut model, "\n");
    assert_eq!(cmds, [Cmd::Ask(task(1), Wish::Steer("two\nlines".into()))]);
}

#[test]
fn what_was_asked_for_before_an_interruption_is_asked_for_again_after_it() {
    for (keys, load) in [
        ("Gd", Load::Diff(task(5))),
        ("Gm", Load::Memory(task(5))),
        ("M", Load::Models),
    ] {
        let wanted = Cmd::Load(load);
        let mut model = model(80, 24);
        assert!(press(&mut model, keys).contains(&wanted), "{keys}");
        update(&mut model, Msg::Offline("nobody is there".into()));
        let again = update(&mut model, Msg::Online);
        assert!(again.contains(&wanted), "{keys}: {again:?}");
        let again = perform::perform(&mut model, Action::Refresh);
        assert!(again.contains(&wanted), "{keys}: {again:?}");
    }
}

#[test]
fn a_file_is_taken_back_from_its_diff() {
    let mut model = model(80, 24);
    press(&mut model, "Gd");
    let file = |path: &str| FileDiff {
        path: path.into(),
        old_path: None,
        status: DiffStatus::Modified,
        added: 1,
        removed: 1,
        binary: false,
        patch: "@@ -1 +1 @@\n-a\n+b\n".into(),
    };
    let files = vec![file("a.txt"), file("b.txt")];
    update(
        &mut model,
        Msg::Loaded(Box::new(Loaded::Diff(task(5), DiffList { files }))),
    );
    let cmds = press(&mut model, "]r");
    let request = RevertRequest {
        dry_run: true,
        ..RevertRequest::from(RevertScope::File("b.txt".into()))
    };
    assert_eq!(cmds, [Cmd::Ask(task(5), Wish::Revert(request))]);
}

#[test]
fn an_edited_plan_is_sent_whole_and_only_when_it_is_saved() {
    let mut model = watching(80, 24);
    assert!(press(&mut model, "ejx").is_empty());
    let cmds = press(&mut model, "w");
    let [Cmd::Ask(of, Wish::Edit(plan))] = &cmds[..] else {
        panic!("{cmds:?}");
    };
    assert_eq!(*of, task(1));
    let ids: Vec<_> = plan.subtasks.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["total", "page"]);
    assert_eq!(model.place(), Place::Detail);
}

#[test]
fn edits_are_not_thrown_away_by_one_key() {
    let mut model = watching(80, 24);
    press(&mut model, "ejx\x1b");
    assert_eq!(model.place(), Place::Plan);
    press(&mut model, "\x1b");
    assert_eq!(model.place(), Place::Detail);
}

#[test]
fn older_lines_are_asked_for_once_at_a_time() {
    let mut model = model(80, 24);
    model.watch(task(1));
    let mut journal = Journal::new();
    journal.create();
    for n in 0..crate::log::MAX_LINES + 100 {
        journal.add(
            None,
            loom_events::Event::Degraded {
                what: format!("n{n}"),
            },
        );
    }
    update(&mut model, Msg::Records(task(1), journal.records()));
    let up = |model: &mut Model| {
        let mut pages = (0..crate::log::MAX_LINES).map(|_| crate::perform::go(model, Move::PageUp));
        pages.find(|cmds| !cmds.is_empty()).unwrap_or_default()
    };
    let load = Load::Events {
        task: task(1),
        after: Seq::ZERO,
        until: Some(Seq(101)),
    };
    assert_eq!(up(&mut model), [Cmd::Load(load)]);
    assert_eq!(up(&mut model), []);

    // The end is wanted before they come, and they push it out of the window: it is asked for again.
    assert_eq!(crate::perform::go(&mut model, Move::End), []);
    let page = EventPage {
        events: journal.records()[..101].to_vec(),
        next_after: None,
    };
    let cmds = update(
        &mut model,
        Msg::Loaded(Box::new(Loaded::Older(task(1), Seq::ZERO, page))),
    );
    let upto = model.watched.as_ref().unwrap().log.upto;
    assert!(upto < journal.envelopes.last().unwrap().seq);
    let load = Load::Events {
        task: task(1),
        after: upto,
        until: None,
    };
    assert_eq!(cmds, [Cmd::Load(load)]);
}

/// A task of `n` events that say `n1`, `n2`, …, looked at from its end.
fn long(n: usize) -> (Model, Journal) {
    let mut model = model(80, 24);
    model.watch(task(1));
    let mut journal = Journal::new();
    journal.create();
    for n in 1..n {
        let what = format!("n{n} says");
        journal.add(None, loom_events::Event::Degraded { what });
    }
    update(&mut model, Msg::Records(task(1), journal.records()));
    (model, journal)
}

#[test]
fn the_beginning_is_one_key_away_and_so_is_the_end_from_there() {
    let (mut model, journal) = long(3 * crate::log::MAX_LINES);
    let first = vec![Cmd::Load(Load::First(task(1)))];
    assert_eq!(press(&mut model, "g"), first);
    let page = || {
        let events = journal.records()[..300].to_vec();
        let next_after = Some(Seq(300));
        EventPage { events, next_after }
    };
    let first_page = |model: &mut Model| {
        let loaded = Loaded::First(task(1), page());
        update(model, Msg::Loaded(Box::new(loaded)))
    };
    assert_eq!(first_page(&mut model), []);
    let picture = crate::testing::picture(&model);
    assert!(
        picture.contains("n1 says") && picture.contains("n9 says"),
        "{picture}"
    );
    assert_eq!(press(&mut model, "g"), [], "it is there already");
    let cmds = press(&mut model, "G");
    assert!(
        matches!(cmds[..], [Cmd::Load(Load::Events { until: None, .. })]),
        "{cmds:?}"
    );
    // Who has gone to the end before the beginning came stays there.
    let (mut model, _) = long(3 * crate::log::MAX_LINES);
    let end = crate::testing::picture(&model);
    press(&mut model, "gG");
    assert_eq!(first_page(&mut model), []);
    assert_eq!(crate::testing::picture(&model), end);
}

/// Answers every page that is asked for; says how many there were.
fn answer_scans(model: &mut Model, journal: &Journal, mut cmds: Vec<Cmd>) -> usize {
    let records = journal.records();
    let mut pages = 0;
    while let [Cmd::Load(Load::Scan(of, scan))] = cmds[..] {
        pages += 1;
        let until = scan.until.unwrap_or(Seq(scan.after.0 + 300));
        let within = |seq: Seq| seq > scan.after && seq <= until;
        let events = records.iter().filter(|one| within(one.envelope.seq));
        let page = EventPage {
            events: events.cloned().collect(),
            next_after: None,
        };
        cmds = update(
            model,
            Msg::Loaded(Box::new(Loaded::Scanned(of, scan, page))),
        );
    }
    pages
}

#[test]
fn a_search_goes_through_the_whole_journal() {
    let (mut model, journal) = long(3 * crate::log::MAX_LINES);
    let end = crate::testing::picture(&model);
    // Far before the window.
    let cmds = press(&mut model, "/n17 says\n");
    assert!(answer_scans(&mut model, &journal, cmds) > 10);
    assert!(crate::testing::picture(&model).contains("n17 says"));
    // And far behind it, from there.
    press(&mut model, "/n11000 says\n");
    let cmds = perform::perform(&mut model, Action::NextMatch);
    assert!(answer_scans(&mut model, &journal, cmds) > 10);
    assert!(crate::testing::picture(&model).contains("n11000 says"));
    // What is nowhere leaves the screen as it was, and says so.
    let (mut model, journal) = long(2 * crate::log::MAX_LINES);
    let before = crate::testing::picture(&model);
    let cmds = press(&mut model, "/nowhere\n");
    answer_scans(&mut model, &journal, cmds);
    let after = crate::testing::picture(&model);
    assert!(after.contains("“nowhere” is not further up"), "{after}");
    let lines = |picture: &str| {
        let says = picture.lines().filter(|line| line.contains(" says"));
        says.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&before), lines(&after));
    assert_ne!(lines(&end), Vec::<String>::new());
}

#[test]
fn a_key_ends_a_search_and_what_it_finds_later_moves_nothing() {
    let (mut model, journal) = long(2 * crate::log::MAX_LINES);
    let cmds = press(&mut model, "/n17 says\n");
    let [Cmd::Load(Load::Scan(of, scan))] = cmds[..] else {
        panic!("{cmds:?}");
    };
    press(&mut model, "k");
    let before = crate::testing::picture(&model);
    let page = EventPage {
        events: journal.records()[..50].to_vec(),
        next_after: None,
    };
    let late = Msg::Loaded(Box::new(Loaded::Scanned(of, scan, page)));
    assert_eq!(update(&mut model, late), []);
    assert_eq!(crate::testing::picture(&model), before);
}

#[test]
fn every_action_that_can_be_chosen_can_be_performed_anywhere() {
    for binding in crate::actions::BINDINGS {
        for mut model in [
            model(80, 24),
            watching(200, 60),
            Model::new(&Default::default(), (80, 24), at(0)).0,
        ] {
            perform::perform(&mut model, binding.action);
            if binding.action != Action::Quit {
                crate::testing::picture(&model);
            }
        }
    }
}

#[test]
fn a_click_selects_and_a_second_one_opens() {
    let mut model = model(80, 24);
    assert!(update(&mut model, Msg::Click(10, 3)).is_empty());
    assert_eq!(model.dashboard.selected().unwrap().task_id, task(2));
    let opened = update(&mut model, Msg::Click(10, 3));
    assert_eq!(opened[0], Cmd::Watch(task(2)));
}
