//! What models say in the place of work.

use super::say::*;
use super::{Row, each, once};
use serde_json::json;

/// A call to a file that no row may make.
const OTHER: &str = r#"{"path":"half.txt","content":"hello"}"#;

pub(super) fn rows() -> Vec<Row> {
    [words_alone(), calls_in_words(), odd_calls(), in_circles()].concat()
}

/// What says nothing new at each level, as deep as nobody writes by hand, and never the same twice.
fn deep(mark: &str) -> String {
    (0..20_000).map(|level| format!("{mark}{level},")).collect()
}

fn words_alone() -> Vec<Row> {
    let thinking: String = (0..20_000).map(|n| format!("{n} or ")).collect();
    let thought = |text: &str| delta(json!({ "reasoning_content": text }));
    let empty = || words("\n \n");
    let chinese = || words("\u{5df2}\u{5b8c}\u{6210}\u{3002}");
    vec![
        once("blanks", empty()),
        once("blanks", empty()).always(),
        once("an open fence", words("```")),
        once("null", words("null")),
        once("done, in Chinese", chinese()),
        once("done, in Chinese", chinese()).always(),
        once(
            "an announcement in German",
            words("Ich werde jetzt die Datei schreiben."),
        ),
        once("a question", words("Shall I go on?")).always(),
        once("the same for ever", words(&"the ".repeat(20_000))),
        once(
            "an open thought",
            words(&format!("<think>{}", &thinking[..40_000])),
        ),
        once(
            "thoughts to the limit",
            chunks(&[thought(&thinking), finish("length")]),
        ),
        once("the file in a fence", words("out.txt:\n```\nhello\n```")),
        once("deep lists", words(&deep("["))),
        once("deep objects", words(&deep("{\"a\":"))),
        once("a refusal", words("I'm sorry, but I can't help with that.")).always(),
    ]
}

fn calls_in_words() -> Vec<Row> {
    let tagged = |arguments: &str| {
        format!("<tool_call>\n{{\"name\":\"write_file\",\"arguments\":{arguments}}}\n</tool_call>")
    };
    let fenced = format!("```json\n{{\"name\":\"write_file\",\"arguments\":{OTHER}}}\n```");
    let cut = tagged(&OTHER[..30]);
    let drafted = format!("<think>{}</think>Done.", tagged(OTHER));
    let decided = format!("<think>I write it.\n{}", tagged(WRITE));
    let made_up = format!("<tool_response>written</tool_response>\n{}", tagged(OTHER));
    let listed = call("list_files", "{\"path\":\".\"}");
    vec![
        once(
            "an example",
            words(&format!("Do this:\n{fenced}\nThat is all.")),
        ),
        once(
            "an example",
            words(&format!("Do this:\n{fenced}\nThat is all.")),
        )
        .always(),
        once("a call that is cut", words(&cut[..cut.len() - 13])).always(),
        once("a draft in a thought", words(&drafted)),
        once("a call that ends an open thought", words(&decided)),
        once("a made-up result", words(&made_up)).always(),
        once(
            "a command in a fence",
            words("```bash\necho hello > half.txt\n```"),
        ),
        once("one call, and one in the text", {
            chunks(&[text(&fenced), listed, finish("tool_calls")])
        }),
    ]
}

fn odd_calls() -> Vec<Row> {
    let to = |path: &str| json!({"path": path, "content": "hello"}).to_string();
    let write = |arguments: &str| calls("write_file", arguments);
    let many = |count: usize| {
        let call = |n| json!({"index": n, "id": format!("c{n}"), "function": {"name": "list_files", "arguments": "{\"path\":\".\"}"}});
        let all: Vec<_> = (0..count).map(call).collect();
        chunks(&[delta(json!({ "tool_calls": all })), finish("tool_calls")])
    };
    let asking = || calls("ask_user", r#"{"question":"Which colour?"}"#);
    vec![
        once("finish", calls("finish", "{}")),
        once("finish", calls("finish", "{}")).always(),
        once("a name with a command", calls("write_file; ls", OTHER)).always(),
        once("a long name", calls(&"w".repeat(10_000), OTHER)),
        once("outside", write(&to("../half.txt"))).always(),
        once("at home", write(&to("~/half.txt"))).always(),
        once("NUL in a path", write(&to("half\u{0}.txt"))),
        once("a long path", write(&to(&"a/".repeat(4000)))),
        once("a long name of a file", write(&to(&"a".repeat(5000)))),
        once("a directory", write(&to("half.txt/"))),
        once("a hook of git", write(&to(".git/hooks/pre-commit"))).always(),
        once(
            "a list as a path",
            write(r#"{"path":["half.txt"],"content":"x"}"#),
        ),
        once(
            "two paths",
            write(r#"{"path":"half.txt","path":"out.txt","content":"x"}"#),
        ),
        once(
            "another argument",
            write(r#"{"path":"half.txt","content":"x","mode":"append"}"#),
        ),
        once("deep arguments", write(&deep("["))),
        once("deep objects as arguments", write(&deep("{\"a\":"))),
        once(
            "a number without bounds",
            calls("read_file", r#"{"path":"out.txt","offset":1e400}"#),
        ),
        once("a question to nobody", asking()),
        once("a question to nobody", asking()).always(),
        once(
            "an elision",
            write(r#"{"path":"out.txt","content":"// ... rest unchanged\n"}"#),
        ),
        once("fifty calls", many(50)),
        once("five hundred calls", many(500)).always(),
    ]
}

fn in_circles() -> Vec<Row> {
    let list = || calls("list_files", "{\"path\":\".\"}");
    let search = || calls("search_files", "{\"pattern\":\"x\"}");
    let read = |name: String| calls("read_file", &json!({ "path": name }).to_string());
    vec![
        each("three calls in turn", move |turn| match turn % 3 {
            0 => list(),
            1 => search(),
            _ => read("out.txt".into()),
        }),
        each("another file in vain each time", move |turn| {
            read(format!("no{turn}.txt"))
        }),
        each("another unknown tool each time", |turn| {
            calls(&format!("tool_{turn}"), "{}")
        }),
        each("a call and then nothing for ever", move |turn| match turn {
            0 => list(),
            _ => chunks(&[finish("stop")]),
        }),
    ]
}
