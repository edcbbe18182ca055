//! Tables of answers and what they must mean, the noise of an untrained model among them.

use super::*;
use crate::probe::questions;
use loom_events::{Answer, Latency, ToolCall, Usage};
use serde_json::json;

fn heard(text: &str, finish: Finish) -> Heard {
    Heard {
        reply: ChatReply {
            answer: Answer {
                text: text.into(),
                ..Answer::default()
            },
            usage: Usage {
                prompt: 700,
                cached: 0,
                completion: 41,
                estimated: false,
            },
            latency: Latency {
                first_token_ms: 1000,
                total_ms: 3000,
            },
            finish,
            model: "m".into(),
            reported: None,
        },
        text: text.into(),
        calls: 0,
    }
}

fn says(text: &str) -> Heard {
    heard(text, Finish::Stop)
}

fn thinks(thought: &str) -> Heard {
    let mut heard = says("yes");
    heard.reply.answer.thought = Some(thought.into());
    heard
}

/// A call with this content; set apart by the server, or in this text.
fn calls(content: &str, in_text: Option<&str>) -> Heard {
    let mut heard = says("");
    let arguments = json!({"path": "hello.py", "content": content});
    heard.reply.answer.calls.push(ToolCall {
        id: "call_1".into(),
        name: "write_file".into(),
        arguments: arguments.as_object().cloned().unwrap_or_default().into(),
    });
    heard.calls = usize::from(in_text.is_none());
    heard.text = in_text.unwrap_or_default().into();
    heard
}

fn about(kind: ProviderKind, id: &str) -> About {
    About {
        kind,
        traits: Traits::of(id),
    }
}

const NOISE: &str = "the the file of w8 zz a lamp {";

#[test]
fn the_canary_is_lost_only_when_the_other_word_was_seen() {
    let words = Words::of(3);
    for (answer, expected) in [
        (format!("{} {}", words.canary, words.control), Canary::Found),
        (words.canary.clone(), Canary::Found),
        (format!("unknown {}", words.control), Canary::Lost),
        (NOISE.to_owned(), Canary::Unclear),
        (String::new(), Canary::Unclear),
    ] {
        assert_eq!(canary(&says(&answer), &words), expected, "{answer}");
    }
    let lost = canary_finding(Canary::Lost, about(ProviderKind::Ollama, "qwen3:8b")).unwrap();
    assert!(lost.way_out.unwrap().contains("context_length"));
}

#[test]
fn a_prompt_that_was_cut_without_a_word_is_seen_in_the_count() {
    let request = questions::plain(&Words::of(1), false);
    let ollama = about(ProviderKind::Ollama, "qwen3:8b");
    assert_eq!(counted(&says(""), &request, ollama), None);
    let mut cut = says("");
    cut.reply.usage.prompt = 60;
    let finding = counted(&cut, &request, ollama).unwrap();
    assert_eq!(finding.verdict, Verdict::Problem);
    assert!(finding.text.contains("read 60 tokens"), "{finding:?}");
    cut.reply.usage.estimated = true;
    assert_eq!(
        counted(&cut, &request, ollama).unwrap().verdict,
        Verdict::Note
    );
}

#[test]
fn thinking_is_judged_by_what_came_with_the_switch_on_and_off() {
    let silent = || says("yes");
    let empty = || heard("", Finish::Length);
    let table = [
        (
            silent(),
            thinks("hm"),
            "qwen3:8b",
            Thinking::Switchable,
            Verdict::Good,
        ),
        (
            thinks("hm"),
            thinks("hm"),
            "qwen3:8b",
            Thinking::Always,
            Verdict::Problem,
        ),
        (
            thinks("hm"),
            thinks("hm"),
            "minimax-m2",
            Thinking::Always,
            Verdict::Note,
        ),
        (silent(), silent(), "llama3", Thinking::None, Verdict::Note),
        (silent(), empty(), "x", Thinking::Unknown, Verdict::Unclear),
        (
            thinks("hm"),
            silent(),
            "x",
            Thinking::Unknown,
            Verdict::Unclear,
        ),
    ];
    for (off, on, id, expected, verdict) in table {
        let (thinking, finding) = thinking(&off, &on, true, about(ProviderKind::LlamaCpp, id));
        assert_eq!((thinking, finding.verdict), (expected, verdict), "{id}");
    }
    let stray = || thinks(NOISE);
    let (found, finding) = thinking(&stray(), &stray(), false, about(ProviderKind::Mlx, "x"));
    assert_eq!(
        (found, finding.verdict),
        (Thinking::Unknown, Verdict::Unclear)
    );
}

#[test]
fn a_call_is_structured_in_the_text_or_not_there() {
    let vllm = about(ProviderKind::Vllm, "qwen3:8b");
    let (found, family, findings) = call(&calls(CONTENT, None), true, vllm);
    assert_eq!((found, family), (Calls::Structured, None));
    assert!(
        findings.iter().all(|f| f.verdict == Verdict::Good),
        "{findings:?}"
    );

    let in_text = calls(CONTENT, Some("<tool_call>\n<function=write_file>"));
    let (found, family, findings) = call(&in_text, true, vllm);
    assert_eq!((found, family), (Calls::InText, Some(Family::Qwen3Coder)));
    let way_out = findings[0].way_out.as_deref().unwrap();
    assert!(
        way_out.ends_with("--tool-call-parser qwen3_coder`"),
        "{way_out}"
    );

    let (found, _, findings) = call(&says("I will write it."), true, vllm);
    assert_eq!(
        (found, findings[0].verdict),
        (Calls::None, Verdict::Problem)
    );
}

#[test]
fn noise_settles_nothing() {
    let vllm = about(ProviderKind::Vllm, "x");
    let (found, family, findings) = call(&says(NOISE), false, vllm);
    assert_eq!((found, family), (Calls::Unknown, None));
    assert_eq!(findings[0].verdict, Verdict::Unclear);
    let (_, _, findings) = call(&calls(NOISE, None), false, vllm);
    assert_eq!(findings[1].verdict, Verdict::Unclear);
    assert_eq!(two_calls(&says(NOISE)).verdict, Verdict::Unclear);
    assert_eq!(forced(&heard(NOISE, Finish::Length)).0, None);
    assert_eq!(schema(&heard(NOISE, Finish::Length)).0, None);
}

#[test]
fn what_happened_to_an_argument_is_named() {
    let spoilt = |content: &str| arguments(Some(&json!(content)));
    let no_indentation = CONTENT.replace("    ", "");
    let no_entity = CONTENT.replace("&amp;", "&");
    let table = [
        (CONTENT.to_owned(), Verdict::Good, "byte for byte"),
        (
            CONTENT.trim_end().to_owned(),
            Verdict::Note,
            "line break at the end",
        ),
        (
            CONTENT.trim().to_owned(),
            Verdict::Problem,
            "at the start or end",
        ),
        (no_indentation, Verdict::Problem, "indentation"),
        (no_entity, Verdict::Problem, "marks such as"),
        (CONTENT.replace('\n', "\\n"), Verdict::Problem, "escaped"),
        (NOISE.to_owned(), Verdict::Unclear, "did not copy"),
    ];
    for (content, verdict, said) in table {
        let finding = spoilt(&content);
        assert_eq!(finding.verdict, verdict, "{content:?}: {finding:?}");
        assert!(finding.text.contains(said), "{content:?}: {finding:?}");
    }
    assert_eq!(arguments(None).verdict, Verdict::Unclear);
}

#[test]
fn force_and_schema_are_honoured_or_not() {
    assert_eq!(forced(&calls("x", None)).0, Some(true));
    assert_eq!(forced(&says("Hello!")).0, Some(false));
    assert_eq!(schema(&says(r#" {"answer": "yes"} "#)).0, Some(true));
    for other in ["The sea is wet.", r#"{"answer": "maybe"}"#, "yes"] {
        assert_eq!(schema(&says(other)).0, Some(false), "{other}");
    }
}

#[test]
fn speed_needs_enough_to_measure_and_a_burst_is_no_measure() {
    let slow = {
        let mut slow = says("");
        slow.reply.latency.first_token_ms = 60_000;
        slow.reply.latency.total_ms = 70_000;
        slow
    };
    assert_eq!(speed(&[slow, says("")]), (Some(700.0), Some(20.0)));
    let mut short = says("");
    short.reply.usage.cached = 690;
    short.reply.usage.completion = 3;
    assert_eq!(speed(&[short]), (None, None));
    let mut burst = says("");
    burst.reply.latency.total_ms = 1001;
    assert_eq!(speed(&[burst]), (Some(700.0), None));
}

#[test]
fn every_mark_names_its_family() {
    for (mark, family) in MARKS {
        assert_eq!(family_of(&format!("so: {mark} x")), Some(*family), "{mark}");
    }
    assert_eq!(family_of("plain words"), None);
}
