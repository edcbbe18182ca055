//! Text that nobody meant well: pieces of every form in any order, cut anywhere. Nothing panics, the
//! pieces of a stream may end anywhere, and what runs always fits its tool.
//!
//! `PROPTEST_CASES` sets how long this goes on; `just fuzz` makes it long.

use crate::score::{Case, raw_answer, tools};
use loom_dialect::{
    Arguments, Delta, Interpretation, RawAnswer, RawArguments, RawCall, Reading, Watcher, read,
    read_object,
};
use loom_events::{Finish, ToolSpec};
use proptest::prelude::*;
use std::sync::LazyLock;

const CASES: &str = include_str!("../../../../tests/data/model-failures/corpus.jsonl");
const VARIANTS: &str = include_str!("../../../../tests/data/model-failures/variants.jsonl");
const TOOLS: &str = include_str!("../../../../tests/data/model-failures/tools.json");

static OFFERED: LazyLock<Vec<ToolSpec>> = LazyLock::new(|| tools(TOOLS).unwrap());

/// Recorded texts, to be cut up and mixed.
static RECORDED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let lines = CASES.lines().chain(VARIANTS.lines());
    lines
        .map(|line| {
            let answer = raw_answer(&serde_json::from_str::<Case>(line).unwrap());
            let arguments = answer.calls.into_iter().next().map(|call| call.arguments);
            match arguments {
                Some(RawArguments::Text(text)) => text,
                _ => answer.text + &answer.thought,
            }
        })
        .collect()
});

/// What forms are made of.
const FRAGMENTS: &[&str] = &[
    "<tool_call>",
    "</tool_call>",
    "<function=read_file>",
    "</function>",
    "<parameter=path>",
    "</parameter>",
    "<invoke name=\"shell\">",
    "</invoke>",
    "<parameter name=\"command\">",
    "<minimax:tool_call>",
    "]<]minimax[>[",
    "<think>",
    "</think>",
    "[THINK]",
    "[TOOL_CALLS]",
    "[ARGS]",
    "<|channel|>",
    "commentary to=functions.shell",
    "<|message|>",
    "<|call|>",
    "<|tool_call>call:read_file{",
    "<|\"|>",
    "<tool_call|>",
    "<arg_key>",
    "</arg_key>",
    "<arg_value>",
    "</arg_value>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁sep｜>",
    "```json\n",
    "```",
    "```tool_code\n",
    "{\"name\": \"read_file\", \"arguments\": ",
    "{\"path\": \"a.md\"}",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "\\",
    "\\u12",
    "\\ud83e",
    ",",
    ":",
    "read_file",
    "write_file(",
    "path=\"a\")",
    "Action: shell\nAction Input: ",
    "Observation:",
    "[TOOL_CALL]\n{tool => \"shell\", args => {--command \"x\"",
    ">>>read_file\n",
    "/*",
    "//",
    "#",
    "\"\"\"",
    "`",
    "\u{feff}",
    "é",
    "🦀",
    "\n",
    " ",
    "\r\n",
    "\u{0}",
    "-",
    "010",
    "NaN",
    "analysis",
    "assistantfinal",
    "<read_file>",
    "<path>",
    "<|open|>call tool=\"",
    "<|sep|>",
];

fn text() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(FRAGMENTS).prop_map(str::to_owned);
    let recorded = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(which, from, to)| {
            let text = &RECORDED[which.index(RECORDED.len())];
            let place =
                |at: prop::sample::Index| text.floor_char_boundary(at.index(text.len() + 1));
            let (a, b) = (place(from), place(to));
            text[a.min(b)..a.max(b)].to_owned()
        });
    let piece = prop_oneof![4 => fragment, 2 => recorded, 1 => "[ -~\\n]{0,12}"];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn finish() -> impl Strategy<Value = Finish> {
    prop::sample::select(vec![
        Finish::Stop,
        Finish::Length,
        Finish::ToolCalls,
        Finish::Other,
    ])
}

fn reading(in_thought: bool) -> Reading<'static> {
    Reading {
        tools: &OFFERED,
        in_thought,
        may_call: true,
    }
}

fn answer(text: &str, finish: Finish) -> RawAnswer {
    RawAnswer {
        text: text.to_owned(),
        thought: String::new(),
        calls: Vec::new(),
        dropped_calls: 0,
        finish,
    }
}

/// Every call that would run fits its tool, as the tool itself would say.
fn assert_fits(read: &Interpretation) {
    for call in read.items.iter().flatten() {
        let spec = OFFERED.iter().find(|tool| tool.name == call.name).unwrap();
        let fitted = Arguments::new(spec).fit(call.arguments.clone()).unwrap();
        assert_eq!(fitted, call.arguments, "fitting once is enough");
    }
}

/// Thoughts, words and names as somebody sees them who watches the stream in such pieces.
fn watched(text: &str, cuts: &[usize]) -> (String, String, Vec<String>) {
    let (mut thought, mut said, mut calls) = (String::new(), String::new(), Vec::new());
    let mut sink = |delta: Delta<'_>| match delta {
        Delta::Thought(piece) => thought.push_str(piece),
        Delta::Text(piece) => said.push_str(piece),
        Delta::Call(name) => calls.push(name.to_owned()),
    };
    let mut watcher = Watcher::default();
    let mut at = 0;
    for cut in cuts.iter().copied().chain([text.len()]) {
        watcher.piece(&text[at..cut], &mut sink);
        at = cut;
    }
    watcher.finish(&mut sink);
    (thought, said, calls)
}

/// Found by the property below: the whole answer went on with words, and was an example.
#[test]
fn what_the_limit_leaves_in_an_open_fence_may_be_an_example_and_does_not_run() {
    let call = "{\"name\": \"shell\", \"parameters\": {\"command\": \"ls\"}}";
    for text in [
        format!("Example:\n```json\n{call}"),
        format!("Like this: {call}"),
    ] {
        let cut = read(&answer(&text, Finish::Length), &reading(false));
        assert!(
            cut.items.iter().all(Result::is_err),
            "{text:?}: {:?}",
            cut.items
        );
        let whole = read(&answer(&text, Finish::Stop), &reading(false));
        assert!(
            whole.items.iter().any(Result::is_ok),
            "{text:?}: {:?}",
            whole.items
        );
    }
}

/// Servers take the token at the end of a call away, so its absence says nothing, but where the limit of tokens
/// came before it: then more may have followed.
#[test]
fn a_call_of_gpt_oss_that_the_limit_left_without_its_end_does_not_run() {
    let ran = |text: &str, finish| {
        let read = read(&answer(text, finish), &reading(false));
        read.items.iter().flatten().count()
    };
    let call =
        r#"<|channel|>commentary to=functions.shell <|constrain|>json<|message|>{"command": "a"}"#;
    let stripped = r#"assistantcommentary to=functions.read_file json{"path": "a"}"#;
    let stripped = format!("analysisI look.{stripped}");
    for text in [call, &stripped] {
        assert_eq!(ran(text, Finish::Stop), 1, "{text}");
        assert_eq!(ran(text, Finish::Length), 0, "{text}");
        assert_eq!(ran(&format!("{text} "), Finish::Length), 0, "{text}");
    }
    let ended = format!("{call}<|call|>");
    assert_eq!(ran(&ended, Finish::Length), 1);
    // Of two only the last one is open.
    assert_eq!(ran(&format!("{ended}{call}"), Finish::Length), 1);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic_and_what_runs_fits(text in text(), finish in finish(), in_thought in any::<bool>()) {
        let read = read(&answer(&text, finish), &reading(in_thought));
        assert_fits(&read);
        let form = OFFERED.iter().find(|tool| tool.name == "submit_plan").unwrap();
        let _refused_or_fitting = read_object(&text, in_thought, finish, form);
    }

    #[test]
    fn any_structured_call_is_read_without_a_panic_and_what_runs_fits(name in text(), arguments in text(), finish in finish(), known in any::<prop::sample::Index>()) {
        for name in [name.as_str(), OFFERED[known.index(OFFERED.len())].name.as_str()] {
            let call = RawCall {
                id: Some("a".into()),
                name: name.to_owned(),
                arguments: RawArguments::Text(arguments.clone()),
            };
            let raw = RawAnswer { calls: vec![call], ..answer("", finish) };
            assert_fits(&read(&raw, &reading(false)));
        }
    }

    /// A cut answer never runs a call that the whole one would not have run.
    #[test]
    fn what_is_cut_off_never_runs_otherwise_than_whole(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let text = &RECORDED[which.index(RECORDED.len())];
        // What was a thought is only known by its end.
        prop_assume!(!text.contains("</think>") && !text.contains("[/THINK]"));
        let cut = &text[..text.floor_char_boundary(at.index(text.len() + 1))];
        let whole = read(&answer(text, Finish::Stop), &reading(false));
        let part = read(&answer(cut, Finish::Length), &reading(false));
        // Nor is a value that goes on behind what looks like its end.
        let collides = whole.items.iter().filter_map(|item| item.as_ref().err());
        prop_assume!(collides.map(|one| &one.call.refusal.code).all(|code| code != "delimiter_collision"));
        for call in part.items.iter().flatten() {
            let spec = OFFERED.iter().find(|tool| tool.name == call.name).unwrap();
            let also_whole = whole.items.iter().flatten().any(|other| other.name == call.name && other.arguments == call.arguments);
            prop_assert!(spec.read_only || also_whole, "{cut:?} ran {call:?}");
        }
    }

    #[test]
    fn watching_does_not_depend_on_where_the_pieces_end(text in text(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).collect();
        cuts.sort_unstable();
        prop_assert_eq!(watched(&text, &cuts), watched(&text, &[]));
    }
}
