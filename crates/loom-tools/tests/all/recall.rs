//! Looking up what was left out.

use crate::bench::Bench;
use loom_events::{Fact, MemoryEntry, MemoryKind, Seq, Time};
use loom_tools::Recall;
use serde_json::json;
use std::sync::Arc;

fn bench() -> Bench {
    let mut bench = Bench::new(&[]);
    bench
        .registry
        .register(Arc::new(Recall::default()))
        .unwrap();
    bench
        .past
        .outputs
        .push(("call_3_0", "0123456789é".repeat(100)));
    bench
}

#[tokio::test]
async fn an_output_is_read_in_parts_until_its_end() {
    let mut bench = bench();
    bench.output_bytes = 800;
    let (mut offset, mut read) = (0, String::new());
    loop {
        let arguments = json!({"output": "call_3_0", "offset": offset});
        let text = bench.ok("recall", arguments).await;
        assert!(text.len() <= bench.output_bytes, "{}", text.len());
        let body = text.lines().nth(1).unwrap();
        read.push_str(body);
        let Some(next) = text.split("\"offset\":").nth(1) else {
            break;
        };
        offset = next.split('}').next().unwrap().parse::<usize>().unwrap();
    }
    assert_eq!(read, bench.past.outputs[0].1);
}

#[tokio::test]
async fn a_part_may_be_small_and_begins_between_characters() {
    let bench = bench();
    let part = json!({"output": "call_3_0", "offset": 11, "limit": 1});
    let text = bench.ok("recall", part).await;
    assert!(text.contains("bytes 10 to 12 of 1200\né\n"), "{text}");
    let beyond = json!({"output": "call_3_0", "offset": 5000});
    let text = bench.negative("recall", beyond).await;
    assert!(text.contains("has only 1200 bytes"), "{text}");
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_is() {
    let bench = bench();
    let text = bench
        .negative("recall", json!({"output": "call_9_9\n\"x"}))
        .await;
    assert_eq!(
        text,
        r#"there is no output "call_9_9\n\"x"; some that there are: call_3_0"#
    );
    let text = bench
        .negative("recall", json!({"query": "x\" OR \n1"}))
        .await;
    assert!(text.contains(r#"a word of "x\" OR \n1":"#), "{text}");
    let text = bench.negative("recall", json!({})).await;
    assert!(text.starts_with("send output"), "{text}");
    let both = json!({"output": "call_3_0", "query": "x"});
    let text = bench.negative("recall", both).await;
    assert!(text.contains("not both"), "{text}");
}

fn fact(summary: &str, detail: &str) -> Fact {
    Fact {
        entry: MemoryEntry {
            kind: MemoryKind::Decision,
            subtask: None,
            summary: summary.into(),
            detail: detail.into(),
            tags: Vec::new(),
            relevance_to: String::new(),
        },
        seq: Seq(1),
        at: Time::EPOCH,
        seen: 1,
        last: Time::EPOCH,
        about: None,
    }
}

#[tokio::test]
async fn facts_are_shown_with_their_details() {
    let mut bench = bench();
    bench
        .past
        .facts
        .push(fact("tabs", "since the file has them"));
    let text = bench.ok("recall", json!({"query": "tabs or spaces"})).await;
    assert!(
        text.contains("- decision: tabs\n  since the file has them\n"),
        "{text}"
    );
    assert!(!text.contains("dated"), "{text}");
}

#[tokio::test]
async fn facts_that_differ_about_the_same_are_shown_with_their_dates() {
    let mut bench = bench();
    for (summary, seen, minute) in [("tabs", 2, 0), ("spaces", 1, 5)] {
        bench.past.facts.push(Fact {
            seen,
            last: Time::from_millis(minute * 60_000),
            about: Some("decision: indentation".into()),
            ..fact(summary, "")
        });
    }
    let text = bench.ok("recall", json!({"query": "tabs or spaces"})).await;
    assert!(
        text.contains(
            "- decision: tabs (noted 2 times, last 1970-01-01 00:00)\n\
             - decision: spaces (noted 1970-01-01 00:05)\n"
        ),
        "{text}"
    );
    assert!(text.contains("go by the newest"), "{text}");
}

#[tokio::test]
async fn a_long_output_says_how_to_read_the_rest() {
    let mut bench = bench();
    bench.output_bytes = 1000;
    let long = json!({"command": "seq 1 2000"});
    let output = bench.done("shell_execute", long).await;
    assert!(
        output
            .text
            .contains(r#"recall {"output":"call_7_0","offset":"#),
        "{}",
        output.text
    );
    assert!(output.full.is_some());
}
