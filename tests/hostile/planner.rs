//! Plans that are none, and planners that cannot be asked.

use super::say::*;
use super::{Row, once};
use serde_json::{Value, json};

fn step(id: &str, depends_on: &[&str]) -> Value {
    json!({"id": id, "title": "Write out.txt", "description": "Write the word hello into out.txt.",
           "criteria": ["out.txt says hello."], "depends_on": depends_on,
           "checks": [{"kind": "file_contains", "path": "out.txt", "regex": "hello"}]})
}

/// A plan whose only step has this in a field.
fn with(field: &str, value: Value) -> String {
    let mut step = step("write-out", &[]);
    step[field] = value;
    plan(&[step])
}

fn plan(steps: &[Value]) -> String {
    json!({ "subtasks": steps }).to_string()
}

pub(super) fn rows() -> Vec<Row> {
    let rows = [of_form(), of_content(), of_servers()].concat();
    rows.into_iter().map(|row| row.of("planner")).collect()
}

fn of_form() -> Vec<Row> {
    let good = plan(&[step("write-out", &[])]);
    let other = plan(&[step("a", &["b"])]);
    let deep: String = (0..20_000).map(|n| format!("[{n},")).collect();
    let tagged =
        format!("<tool_call>{{\"name\":\"write_file\",\"arguments\":{WRITE}}}</tool_call>");
    vec![
        once("nothing", words("")),
        once("nothing", words("")).always(),
        once(
            "prose",
            words("First I would look, then I would write out.txt."),
        )
        .always(),
        once(
            "steps alone",
            words(&json!([step("write-out", &[])]).to_string()),
        ),
        once("a plan in a plan", words(&format!("{{\"plan\":{good}}}"))),
        once(
            "a plan in a fence",
            words(&format!("Here it is:\n```json\n{good}\n```\nGood luck!")),
        ),
        once("a plan twice", words(&format!("{good}\n{good}"))),
        once("two plans", words(&format!("{other}\n{good}"))),
        once("half a plan", words(&good[..120])),
        once("half a plan", words(&good[..120])).always(),
        once("a plan in a text", words(&json!(good).to_string())),
        once("deep lists", words(&format!("{{\"subtasks\":{deep}"))),
        once("the same for ever", words(&"[".repeat(40_000))),
        once("the same for ever", words(&"[".repeat(40_000))).always(),
        once("a call", calls("write_file", WRITE)).always(),
        once("a call in the text", words(&tagged)).always(),
    ]
}

fn of_content() -> Vec<Row> {
    let many: Vec<_> = (0..500).map(|n| step(&format!("s{n}"), &[])).collect();
    let circle: Vec<_> = (0..30)
        .map(|n| step(&format!("s{n}"), &[&format!("s{}", (n + 1) % 30)]))
        .collect();
    let command = |line: &str| with("checks", json!([{"kind": "command", "command": line}]));
    let by_name = json!({"subtasks": {"write-out": step("write-out", &[])}});
    vec![
        once("no steps", words(&plan(&[]))),
        once("no steps", words(&plan(&[]))).always(),
        once("500 steps", words(&plan(&many))),
        once("500 steps", words(&plan(&many))).always(),
        once("a circle", words(&plan(&circle))),
        once("a circle", words(&plan(&circle))).always(),
        once(
            "the same step twice",
            words(&plan(&[step("a", &[]), step("a", &[])])),
        ),
        once("steps by their names", words(&by_name.to_string())),
        once(
            "letters that look alike",
            words(&with("id", json!("writ\u{435}-out"))),
        ),
        once(
            "a description without end",
            words(&with("description", json!("x ".repeat(50_000)))),
        ),
        once("tier 9", words(&with("tier", json!(9)))),
        once(
            "an unknown check",
            words(&with("checks", json!([{"kind": "looks_good"}]))),
        ),
        once(
            "a check that destroys",
            words(&command("rm -rf . ; test -f out.txt")),
        ),
        once(
            "a check that does the work",
            words(&command("echo hello > out.txt")),
        ),
        once("a check that waits", words(&command("sleep 100000"))),
        once(
            "an output outside",
            words(&with("outputs", json!(["../out.txt"]))),
        ),
    ]
}

fn of_servers() -> Vec<Row> {
    let refused = |words: &str| once(words, says("400 Bad Request", words));
    let thought = delta(json!({"reasoning_content": "hm"}));
    let mut thrice = once("503 three times", says("503 Unavailable", "Loading model"));
    thrice.times = 3;
    vec![
        thrice,
        once("500", says("500 Oops", "boom")).always(),
        once("only thoughts", chunks(&[thought, finish("stop")])).always(),
        refused("response_format is not supported"),
        refused("Failed to parse grammar"),
    ]
}
