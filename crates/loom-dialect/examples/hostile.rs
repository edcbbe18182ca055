//! Reads ten megabytes of text that was made to be slow, in every form, and prints how long each took
//! beside plain text of the same length: `hostile [MEGABYTES]`. The reader must be linear.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use loom_dialect::{Discard, RawAnswer, Reading, Watcher, read, read_object};
use loom_events::{Finish, ToolSpec};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// A second for ten megabytes: what the reach asks for.
const PER_MEGABYTE: Duration = Duration::from_millis(100);

/// One line of text that is nothing but itself, to compare with.
const PLAIN: &str = "The quick brown fox jumps over the lazy dog, and nothing comes of it.\n";

/// Each is repeated until the text is long enough.
const UNITS: &[&str] = &[
    PLAIN,
    "<tool_call>",
    "<tool_call>{",
    "<tool_call>{\"a",
    "<tool_call>{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}} x",
    "<tool_call>{\"name\": \"",
    "<tool_call>{/*",
    "<tool_call>{\"\"\"",
    "<tool_call>x ",
    "<tool_call>read_file<arg_key>",
    "<tool_call>read_file<arg_key>path</arg_key><arg_value>a</arg_value> ",
    "<tools>{} x",
    "<tools>{x",
    "</tool_call> ",
    "</parameter>",
    "<function=read_file><parameter=path>a</function>",
    "<function=read_file><parameter=path>",
    "<function=read_file\n",
    "<invoke name=\"read_file\"><parameter name=\"path\">a</invoke>",
    "<parameter=path>",
    "[TOOL_CALLS]",
    "[TOOL_CALLS]read_file[ARGS]{",
    "[TOOL_CALL]\n{tool => \"a\", args => {",
    "<|channel|>",
    "<|message|>",
    "<|channel|>commentary to=functions.read_file<|message|>{",
    "analysisassistantanalysis",
    "<｜tool▁call▁begin｜>a<｜tool▁sep｜>{x",
    "<|tool_call_begin|>a",
    "<|open|>call",
    "<|tool_call>call:a{",
    "<think>",
    "</think>",
    "`</think>",
    "[",
    "{",
    "[[",
    "{\"a\":[",
    "{'a':1}",
    "\n[a(",
    "[a(b=1),",
    "```",
    "```json\n{",
    "```tool_code\na(",
    "<",
    "<a>",
    "<read_file>",
    "Action: x\n",
    "Tool: read_file\n",
    ">>>read_file\n",
    "functools[",
    "<|python_tag|>",
    "]<]minimax[>[",
    "\u{200b}",
    "`",
    "\\",
    "\"",
];

fn main() -> ExitCode {
    let megabytes: usize = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(10);
    let parameters =
        json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let tools = [ToolSpec::new("read_file", "", parameters).read_only()];
    let mut worst = (Duration::ZERO, "");
    let mut measure = |what: &'static str, unit: &str, took: Duration| {
        if took > PER_MEGABYTE.mul_f64(megabytes as f64 / 2.0) {
            println!("{what:<8} {took:>10.1?}  {unit:?}");
        }
        if took > worst.0 {
            worst = (took, what);
        }
    };
    let mut plain = Duration::ZERO;
    for unit in UNITS {
        let text = unit.repeat((megabytes << 20) / unit.len());
        let raw = RawAnswer {
            text: text.clone(),
            thought: String::new(),
            calls: Vec::new(),
            dropped_calls: 0,
            finish: Finish::Stop,
        };
        let reading = Reading {
            tools: &tools,
            in_thought: false,
            may_call: true,
        };
        let took = timed(|| read(&raw, &reading).items.len());
        if *unit == PLAIN {
            plain = took;
        }
        measure("read", unit, took);
        measure(
            "object",
            unit,
            timed(|| read_object(&text, false, Finish::Stop, &tools[0]).is_ok()),
        );
        measure(
            "watch",
            unit,
            timed(|| {
                let mut watcher = Watcher::default();
                for piece in text.as_bytes().chunks(64 << 10) {
                    watcher.piece(&String::from_utf8_lossy(piece), &mut Discard);
                }
                watcher.finish(&mut Discard);
            }),
        );
    }
    let met = worst.0 <= PER_MEGABYTE * u32::try_from(megabytes).unwrap_or(u32::MAX);
    println!("plain text of {megabytes} MiB    {plain:.1?}");
    println!("the slowest text           {:.1?} ({})", worst.0, worst.1);
    println!(
        "{}",
        json!({"name": "hostile", "megabytes": megabytes, "plain_ms": plain.as_millis(), "worst_ms": worst.0.as_millis(), "met": met})
    );
    match met {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let started = std::time::Instant::now();
    std::hint::black_box(work());
    started.elapsed()
}
