use crate::keys::Key;
use crate::msg::{Loaded, Msg};
use crate::testing::{Journal, POOR, ended, model, picture, press, task, watching};
use crate::update::update;
use loom_client::wire::{DiffList, MemoryItem, MemoryPage, ModelInfo, ModelList};
use loom_events::{DiffStatus, FileDiff, MemoryEntry, MemoryKind, Seq, Subject, Tier};

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 60)];

/// A snapshot at both sizes, in colours and characters of a good terminal.
macro_rules! snapshots {
    ($name:ident, $made:expr) => {
        #[test]
        fn $name() {
            for (columns, rows) in SIZES {
                let made: crate::model::Model = $made(columns, rows);
                insta::assert_snapshot!(
                    format!("{}_{columns}x{rows}", stringify!($name)),
                    picture(&made)
                );
            }
        }
    };
}

snapshots!(dashboard, model);
snapshots!(detail, watching);
snapshots!(question, |columns, rows| {
    let mut model = watching(columns, rows);
    press(&mut model, "a");
    model
});
snapshots!(question_of_the_model, |columns, rows| {
    let mut model = model(columns, rows);
    model.watch(task(1));
    let mut journal = Journal::new();
    journal.create();
    journal.plan(&["total"]);
    let attempt = journal.start("total");
    journal.ask(
        "total",
        Subject::Ask {
            attempt,
            turn: 0,
            call: 0,
        },
        "Which of the two?",
    );
    if let Some(loom_events::Event::ApprovalRequested { question, .. }) =
        journal.envelopes.last_mut().map(|e| &mut e.event)
    {
        question.choices = vec!["the red one".into(), "the blue one".into()];
        question.default = Some("the red one".into());
    }
    update(&mut model, Msg::Records(task(1), journal.records()));
    press(&mut model, "a2");
    model
});
snapshots!(diff, |columns, rows| {
    let mut model = watching(columns, rows);
    press(&mut model, "d");
    let patch = "--- a/src/sum.rs\n+++ b/src/sum.rs\n@@ -1,4 +1,5 @@\n fn sum(all: &[u32]) -> u32 {\n-    all.iter().count() as u32 // wrong\n+    // The sum, not the number.\n+    all.iter().sum::<u32>()\n }\n\n";
    let file = |path: &str, status, patch: &str| FileDiff {
        path: path.into(),
        old_path: None,
        status,
        added: 2,
        removed: 1,
        binary: false,
        patch: patch.into(),
    };
    let files = vec![
        file("src/sum.rs", DiffStatus::Modified, patch),
        file(
            "docs/PAGE.md",
            DiffStatus::Added,
            "@@ -0,0 +1 @@\n+# Page\n",
        ),
    ];
    update(
        &mut model,
        Msg::Loaded(Box::new(Loaded::Diff(task(1), DiffList { files }))),
    );
    model
});
snapshots!(plan, |columns, rows| {
    let mut model = watching(columns, rows);
    press(&mut model, "e\n");
    model
});
snapshots!(new_task, |columns, rows| {
    let mut model = model(columns, rows);
    press(&mut model, "nWrite the page\t/ho");
    let paths = vec!["/home".to_owned(), "/hosts".to_owned()];
    update(
        &mut model,
        Msg::Loaded(Box::new(Loaded::Paths("/ho".into(), paths))),
    );
    model
});
snapshots!(memory, |columns, rows| {
    let mut model = watching(columns, rows);
    press(&mut model, "m");
    let entry = |kind, summary: &str| MemoryItem {
        task_id: task(1),
        seq: Seq(20),
        at: crate::testing::at(20),
        entry: MemoryEntry {
            kind,
            subtask: Some(crate::testing::id("total")),
            summary: summary.into(),
            detail: "The script summed the lines, and not what is in them.".into(),
            tags: vec!["sum".into(), "shell".into()],
            relevance_to: "the page".into(),
        },
        seen: 1,
        last: None,
        about: None,
    };
    let entries = vec![
        entry(MemoryKind::Discovery, "sum.sh counts lines"),
        entry(MemoryKind::ToolResult, "tests pass"),
    ];
    update(
        &mut model,
        Msg::Loaded(Box::new(Loaded::Memory(
            Some(task(1)),
            MemoryPage { entries },
        ))),
    );
    model
});
snapshots!(models, |columns, rows| {
    let mut model = model(columns, rows);
    press(&mut model, "M");
    let models = vec![ModelInfo {
        name: "coder".into(),
        provider: "ollama".into(),
        base_url: "http://127.0.0.1:11434".into(),
        model: Some("qwen3-coder:30b".into()),
        tier: Tier::Medium,
        roles: vec!["executor".into(), "planner".into()],
        context_length: Some(32_768),
        health: "ok".into(),
        last_error: None,
        capabilities: None,
        succeeded: 41,
        failed: 1,
        in_flight: 3,
        waiting: 1,
        slots: 2,
        first_token_ms: Some(840),
        prefill_per_s: Some(812.4),
        decode_per_s: Some(31.6),
    }];
    update(
        &mut model,
        Msg::Loaded(Box::new(Loaded::Models(ModelList { models }))),
    );
    model
});
snapshots!(help, |columns, rows| {
    let mut model = model(columns, rows);
    press(&mut model, "?");
    model
});
snapshots!(rating, |columns, rows| {
    let mut model = ended(columns, rows, true);
    press(&mut model, "o");
    model
});
snapshots!(palette, |columns, rows| {
    let mut model = watching(columns, rows);
    press(&mut model, ":pl");
    model
});
snapshots!(poor_terminal, |columns, rows| {
    let mut model = watching(columns, rows);
    model.look = POOR;
    press(&mut model, "a");
    model
});
snapshots!(offline, |columns, rows| {
    let mut model = model(columns, rows);
    update(
        &mut model,
        Msg::Offline("reach the service at http://127.0.0.1:9000: refused".into()),
    );
    update(&mut model, Msg::Clock(crate::testing::at(212)));
    model
});

#[test]
fn a_terminal_with_ascii_only_gets_ascii_only() {
    for keys in ["", "a", "d", "e", "?", ":", "m", "M"] {
        let mut model = watching(80, 24);
        model.look = POOR;
        press(&mut model, keys);
        let picture = picture(&model);
        assert!(picture.is_ascii(), "{keys}: {picture}");
    }
}

#[test]
fn every_screen_survives_every_size() {
    for keys in [
        "", "a", "d", "e", "e\n", "t", "?", ":", "m", "M", "n", "c", "s", "\t", "\t\t", "o", "ojj",
    ] {
        for columns in [0, 1, 7, 39, 40, 41, 79, 80, 119, 120, 139, 140, 300] {
            for rows in [0, 1, 2, 9, 10, 11, 24, 100] {
                let mut model = match keys.starts_with('o') {
                    true => ended(columns, rows, true),
                    false => watching(columns, rows),
                };
                press(&mut model, keys);
                picture(&model);
                update(&mut model, Msg::Wheel(3));
                update(&mut model, Msg::Wheel(-3));
                update(&mut model, Msg::Click(columns / 2, rows / 2));
                update(&mut model, Msg::Key(Key::Go(crate::keys::Move::PageDown)));
                picture(&model);
            }
        }
    }
}
