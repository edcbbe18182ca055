//! What was noted is found.

use super::{J, suite};
use crate::fixtures::{append, created, entry, remember, subtask, task};
use crate::{MemoryQuery, NewVector, SimilarQuery, Unembedded, Vector, check_projections};
use loom_events::{MemoryKind, SubtaskId};

suite! {
    memory_is_found_by_task_subtask_kind_and_tags
    memory_is_found_by_text_the_best_match_first
    what_is_noted_again_is_one_row_that_counts
    statements_that_differ_about_the_same_are_found_together_the_newest_last
    no_text_of_a_query_is_an_error
    what_means_the_like_is_found_by_the_vectors_of_one_model
}

async fn archive(j: &J) {
    use MemoryKind::{Artifact, Decision, Error};
    let mut elsewhere = entry(Decision, "uses redis for the queue", &["queue"]);
    elsewhere.subtask = Some(subtask("second"));
    let mut detailed = entry(Error, "the build failed", &["build", "Rust"]);
    detailed.detail = "sqlite could not be linked; the bundled feature helps".into();
    let entries = [
        entry(
            Decision,
            "sqlite keeps the sqlite journal",
            &["storage", "sqlite"],
        ),
        detailed,
        entry(Artifact, "made src/reader.rs", &["reader", "storage"]),
        elsewhere,
    ];
    let mut events = vec![created("a")];
    events.extend(entries.into_iter().map(remember));
    append(&**j, task(1), events).await.unwrap();
    let other = vec![created("b"), remember(entry(Decision, "other task", &[]))];
    append(&**j, task(2), other).await.unwrap();
}

async fn found(j: &J, query: MemoryQuery) -> Vec<u64> {
    let rows = j.search_memory(query).await.unwrap();
    rows.into_iter().map(|row| row.seq.0).collect()
}

async fn memory_is_found_by_task_subtask_kind_and_tags(j: J) {
    archive(&j).await;
    let of_one = MemoryQuery {
        task: Some(task(1)),
        ..MemoryQuery::default()
    };
    assert_eq!(found(&j, MemoryQuery::default()).await, [2, 5, 4, 3, 2]);
    assert_eq!(found(&j, of_one.clone()).await, [5, 4, 3, 2]);
    let by_kind = MemoryQuery {
        kinds: vec![MemoryKind::Error, MemoryKind::Artifact],
        ..of_one.clone()
    };
    assert_eq!(found(&j, by_kind).await, [4, 3]);
    let by_tag = |tags: &[&str]| MemoryQuery {
        tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        ..of_one.clone()
    };
    assert_eq!(found(&j, by_tag(&["storage"])).await, [4, 2]);
    assert_eq!(found(&j, by_tag(&["STORAGE", "sqlite"])).await, [2]);
    assert_eq!(found(&j, by_tag(&["rust"])).await, [3]);
    assert_eq!(
        found(&j, by_tag(&["stor", "%", "'"])).await,
        Vec::<u64>::new()
    );
    let by_subtask = MemoryQuery {
        subtask: Some(SubtaskId::new("second").unwrap()),
        ..of_one.clone()
    };
    assert_eq!(found(&j, by_subtask).await, [5]);
    let limited = MemoryQuery {
        limit: 2,
        ..of_one.clone()
    };
    assert_eq!(found(&j, limited).await, [5, 4]);
    let rows = j.search_memory(by_tag(&["rust"])).await.unwrap();
    assert_eq!(rows[0].entry.tags, ["build", "Rust"]);
    assert_eq!(rows[0].task, task(1));
}

async fn memory_is_found_by_text_the_best_match_first(j: J) {
    archive(&j).await;
    let by_text = |text: &str| MemoryQuery {
        text: Some(text.into()),
        ..MemoryQuery::default()
    };
    assert_eq!(found(&j, by_text("sqlite journal")).await, [2, 3]);
    assert_eq!(found(&j, by_text("READ")).await, [4]);
    assert_eq!(found(&j, by_text("zebra")).await, Vec::<u64>::new());
    let with_kind = MemoryQuery {
        kinds: vec![MemoryKind::Error],
        ..by_text("sqlite")
    };
    assert_eq!(found(&j, with_kind).await, [3]);
}

async fn what_is_noted_again_is_one_row_that_counts(j: J) {
    use MemoryKind::{Decision, Discovery};
    let mut events = vec![created("a")];
    for summary in [
        "Tests run with `make`.",
        "the port is 80",
        "tests run with make",
    ] {
        events.push(remember(entry(Discovery, summary, &["build"])));
    }
    events.push(remember(entry(Decision, "tests run with make", &[])));
    append(&*j, task(1), events).await.unwrap();
    let again = vec![
        created("b"),
        remember(entry(Discovery, "tests run with make", &[])),
    ];
    append(&*j, task(2), again).await.unwrap();
    let query = MemoryQuery {
        task: Some(task(1)),
        text: Some("make".to_owned()),
        ..MemoryQuery::default()
    };
    let rows = j.search_memory(query).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.seq.0, row.seen)).collect();
    assert_eq!(seen, [(5, 1), (2, 2)], "of one task and one kind");
    assert_eq!(rows[1].entry.summary, "Tests run with `make`.");
    assert!(rows[1].at < rows[1].last);
    assert!(rows.iter().all(|row| row.about.is_none()));
    for id in [task(1), task(2)] {
        assert_eq!(check_projections(&*j, id).await.unwrap(), []);
    }
}

async fn statements_that_differ_about_the_same_are_found_together_the_newest_last(j: J) {
    use MemoryKind::Discovery;
    let mut events = vec![created("a")];
    for summary in [
        "the server listens on port 80",
        "nothing listens elsewhere",
        "server listens on port 8080 in tests",
        "The server listens on port 80.",
    ] {
        events.push(remember(entry(Discovery, summary, &[])));
    }
    append(&*j, task(1), events).await.unwrap();
    for (text, limit, expected) in [
        ("tests", 9, vec![4, 2]),
        ("tests nothing", 9, vec![4, 2, 3]),
        ("tests", 1, vec![4]),
    ] {
        for of in [None, Some(task(1))] {
            let query = MemoryQuery {
                task: of,
                text: Some(text.to_owned()),
                limit,
                ..MemoryQuery::default()
            };
            let rows = j.search_memory(query).await.unwrap();
            let seqs: Vec<u64> = rows.iter().map(|row| row.seq.0).collect();
            assert_eq!(seqs, expected, "{text}, {of:?}");
            assert!(rows[0].about.is_some());
            assert_eq!(rows[0].about, rows[rows.len().min(2) - 1].about);
        }
    }
    assert_eq!(check_projections(&*j, task(1)).await.unwrap(), []);
}

async fn no_text_of_a_query_is_an_error(j: J) {
    archive(&j).await;
    let hostile = [
        "\"",
        "'",
        "\\",
        "*",
        "^sqlite",
        "a OR",
        "AND",
        "NEAR(",
        "NEAR(a b, 3)",
        "summary:",
        "{summary detail} : x",
        "-x",
        "+",
        "(((",
        ")",
        "a\0b",
        "\0",
        "%",
        "_",
        ";--",
        "é\u{301}",
        "日本語",
        "🦀",
        "\u{202e}",
        "NOT",
        "\" OR 1=1 --",
        "col:\"x\" *",
    ];
    let long = [
        "\"".repeat(100_000),
        "word ".repeat(50_000),
        "x".repeat(1_000_000),
    ];
    for text in hostile.iter().map(|t| (*t).to_owned()).chain(long) {
        let query = MemoryQuery {
            text: Some(text.clone()),
            tags: vec![text.clone()],
            ..MemoryQuery::default()
        };
        j.search_memory(query).await.unwrap();
        let query = MemoryQuery {
            text: Some(format!("{text} sqlite")),
            ..MemoryQuery::default()
        };
        let found = j.search_memory(query).await.unwrap();
        let few_words = text.len() < 100;
        assert!(!few_words || !found.is_empty(), "{text}");
    }
}

async fn what_means_the_like_is_found_by_the_vectors_of_one_model(j: J) {
    archive(&j).await;
    let vector = |raw: &[f32]| Vector::new(raw).unwrap();
    let waiting = j.unembedded("a", 9).await.unwrap();
    let all = j.search_memory(MemoryQuery::default()).await.unwrap();
    let said = |entries: &[Unembedded]| -> Vec<String> {
        entries
            .iter()
            .map(|one| one.entry.summary.clone())
            .collect()
    };
    let expected: Vec<String> = all.iter().map(|row| row.entry.summary.clone()).collect();
    assert_eq!(said(&waiting), expected, "all of them, the newest first");
    assert_eq!(said(&j.unembedded("a", 1).await.unwrap()), expected[..1]);
    let mut vectors: Vec<NewVector> = waiting
        .iter()
        .zip([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
        .map(|(one, raw)| NewVector {
            number: one.number,
            vector: vector(&raw),
        })
        .collect();
    // Of an entry that is not there nothing is kept, and nothing is found.
    vectors.push(NewVector {
        number: 99_999,
        vector: vector(&[1.0, 0.0]),
    });
    j.keep_vectors("a", vectors).await.unwrap();
    assert_eq!(said(&j.unembedded("a", 9).await.unwrap()), expected[3..]);
    let found = async |model: &str, raw: &[f32], least: f32, within: MemoryQuery| {
        let query = SimilarQuery {
            model: model.to_owned(),
            vector: vector(raw),
            least,
            within,
        };
        let rows = j.similar_memory(query).await.unwrap();
        rows.into_iter()
            .map(|row| row.entry.summary)
            .collect::<Vec<_>>()
    };
    let any = MemoryQuery::default;
    let [one, other, between] = [0, 1, 2].map(|at| expected[at].clone());
    assert_eq!(
        found("a", &[1.0, 0.0], -1.0, any()).await,
        [one.clone(), between.clone(), other.clone()]
    );
    assert_eq!(
        found("a", &[1.0, 0.0], 0.5, any()).await,
        [one.clone(), between.clone()]
    );
    let within = MemoryQuery {
        kinds: vec![all[2].entry.kind],
        task: Some(all[2].task),
        subtask: all[2].entry.subtask.clone(),
        tags: all[2].entry.tags.clone(),
        text: Some("no word of it".to_owned()),
        limit: 1,
    };
    assert_eq!(found("a", &[1.0, 0.0], 0.5, within).await, [between]);
    assert!(found("b", &[1.0, 0.0], -1.0, any()).await.is_empty());
    assert!(found("a", &[1.0], -1.0, any()).await.is_empty());

    // Another model makes them anew.
    let number = waiting[1].number;
    let again = vec![NewVector {
        number,
        vector: vector(&[3.0]),
    }];
    j.keep_vectors("b", again).await.unwrap();
    assert_eq!(
        found("b", &[1.0], 0.9, any()).await,
        std::slice::from_ref(&other)
    );
    assert!(!found("a", &[1.0, 0.0], -1.0, any()).await.contains(&other));
    assert!(said(&j.unembedded("a", 9).await.unwrap()).contains(&other));
}
