//! Reads recorded outputs of models and compares what comes out with what should. Shared by the test
//! and by the example that prints it.

use loom_dialect::{
    Interpretation, RawAnswer, RawArguments, RawCall, Reading, classify, read, read_object,
};
use loom_events::{Finish, Said, ToolSpec};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;

/// One recorded output.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) failure: String,
    #[serde(rename = "where")]
    place: String,
    raw: Value,
    call_name: Option<String>,
    content: Option<String>,
    finish_reason: Option<String>,
    #[serde(default)]
    prefilled_think: bool,
    mode: Option<String>,
    tools: Vec<String>,
    expected: Expected,
}

#[derive(Debug, Deserialize)]
struct Expected {
    calls: Option<Vec<Value>>,
    reject: Option<String>,
    rejected: Option<Vec<Rejected>>,
    text: Option<String>,
    reasoning: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Rejected {
    index: usize,
    reason: String,
}

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
    Right,
    /// A call would have run that should not: of a tool that changes something, or of another.
    Wrong {
        mutating: bool,
    },
    /// A call that should have run did not.
    Missed,
    /// Nothing ran, as it should, but for another reason than was expected.
    Code,
    /// The calls are right, and text, thoughts or refusals beside them are not.
    Beside,
}

/// A case with its grade.
pub(crate) struct Graded {
    pub(crate) id: String,
    pub(crate) failure: String,
    pub(crate) grade: Grade,
    pub(crate) seen: String,
}

#[derive(Deserialize)]
struct Tools {
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    #[serde(default)]
    description: String,
    parameters: Value,
    #[serde(rename = "x-readonly", default)]
    read_only: bool,
    #[serde(rename = "x-aliases", default)]
    aliases: Vec<String>,
    #[serde(rename = "x-param-aliases", default)]
    parameter_aliases: BTreeMap<String, Vec<String>>,
}

/// The tools of the cases.
pub(crate) fn tools(text: &str) -> Result<Vec<ToolSpec>, Box<dyn Error>> {
    let tools: Tools = serde_json::from_str(text)?;
    let spec = |tool: Tool| ToolSpec {
        read_only: tool.read_only,
        aliases: tool.aliases,
        parameter_aliases: tool.parameter_aliases,
        ..ToolSpec::new(tool.name, tool.description, tool.parameters)
    };
    Ok(tools.tools.into_iter().map(spec).collect())
}

/// Grades every case of a file.
pub(crate) fn grade_all(cases: &str, tools: &[ToolSpec]) -> Result<Vec<Graded>, Box<dyn Error>> {
    let lines = cases.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let case: Case = serde_json::from_str(line)?;
            let (grade, seen) = grade(&case, tools);
            Ok(Graded {
                id: case.id,
                failure: case.failure,
                grade,
                seen,
            })
        })
        .collect()
}

/// The answer of a case as a provider would have collected it.
pub(crate) fn raw_answer(case: &Case) -> RawAnswer {
    let text = case.raw.as_str().unwrap_or_default().to_owned();
    let finish = match case.finish_reason.as_deref() {
        Some("stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some("tool_calls") => Finish::ToolCalls,
        _ => Finish::Other,
    };
    let empty = RawAnswer {
        text: String::new(),
        thought: String::new(),
        calls: Vec::new(),
        dropped_calls: 0,
        finish,
    };
    let content = case.content.clone().unwrap_or_default();
    match case.place.as_str() {
        "arguments" => RawAnswer {
            calls: vec![RawCall {
                id: Some("id-1".into()),
                name: case.call_name.clone().unwrap_or_default(),
                arguments: match &case.raw {
                    Value::String(text) => RawArguments::Text(text.clone()),
                    other => RawArguments::Value(other.clone()),
                },
            }],
            text: content,
            ..empty
        },
        "reasoning_content" => RawAnswer {
            thought: text,
            text: content,
            ..empty
        },
        _ => RawAnswer { text, ..empty },
    }
}

/// What an answer came to: calls and codes in their order, text, thoughts.
#[derive(Debug, Default)]
struct Seen {
    items: Vec<Result<Value, String>>,
    text: String,
    thought: String,
}

fn interpret(case: &Case, offered: &[ToolSpec]) -> Seen {
    let raw = raw_answer(case);
    if case.mode.as_deref() == Some("json") {
        let form = &offered[0];
        let object = read_object(&raw.text, case.prefilled_think, raw.finish, form);
        let item = object
            .map(|arguments| json!({"name": form.name, "arguments": arguments}))
            .map_err(|refusal| refusal.code);
        return Seen {
            items: vec![item],
            ..Seen::default()
        };
    }
    let reading = Reading {
        tools: offered,
        in_thought: case.prefilled_think,
        may_call: true,
    };
    let Interpretation {
        items,
        text,
        thought,
        ..
    } = read(&raw, &reading);
    let mut seen = Seen {
        text,
        thought: thought.unwrap_or_default(),
        items: Vec::new(),
    };
    for item in items {
        seen.items.push(match item {
            Ok(call) => Ok(json!({"name": call.name, "arguments": call.arguments})),
            Err(refused) => Err(refused.call.refusal.code),
        });
    }
    let said = classify(&seen.text, !seen.thought.is_empty(), None);
    if seen.items.is_empty() && matches!(said, Said::Nothing | Said::OnlyThought | Said::Announced)
    {
        seen.items.push(Err("no_action".into()));
    }
    seen
}

fn grade(case: &Case, tools: &[ToolSpec]) -> (Grade, String) {
    let offered: Vec<ToolSpec> = case
        .tools
        .iter()
        .filter_map(|name| tools.iter().find(|tool| tool.name == *name).cloned())
        .collect();
    let seen = interpret(case, &offered);
    let shown = format!(
        "{:?} text {:?} thought {:?}",
        seen.items, seen.text, seen.thought
    );
    (compare(&case.expected, &seen, tools), shown)
}

fn compare(expected: &Expected, seen: &Seen, tools: &[ToolSpec]) -> Grade {
    let ran: Vec<&Value> = seen
        .items
        .iter()
        .filter_map(|item| item.as_ref().ok())
        .collect();
    let due = expected.calls.clone().unwrap_or_default();
    let wrong: Vec<&&Value> = ran
        .iter()
        .filter(|call| !due.iter().any(|due| same(due, call)))
        .collect();
    let too_many = ran.len() > due.len();
    if !wrong.is_empty() || too_many {
        let changes = |call: &Value| {
            let spec = tools.iter().find(|tool| call["name"] == tool.name.as_str());
            spec.is_none_or(|tool| !tool.read_only)
        };
        let mutating = match too_many && wrong.is_empty() {
            true => ran.iter().any(|call| changes(call)),
            false => wrong.iter().any(|call| changes(call)),
        };
        return Grade::Wrong { mutating };
    }
    let in_order = ran.len() == due.len() && ran.iter().zip(&due).all(|(ran, due)| same(due, ran));
    if !in_order {
        return Grade::Missed;
    }
    if let Some(code) = &expected.reject {
        let first = seen.items.iter().find_map(|item| item.as_ref().err());
        return match first == Some(code) {
            true => Grade::Right,
            false => Grade::Code,
        };
    }
    let refused = |index: usize| seen.items.get(index).and_then(|item| item.as_ref().err());
    let rejected = expected.rejected.iter().flatten();
    let wrong_beside = rejected
        .clone()
        .any(|one| refused(one.index) != Some(&one.reason))
        || seen.items.len() != due.len() + rejected.count();
    let differs = |want: &Option<String>, have: &str| {
        want.as_ref().is_some_and(|want| want.trim() != have.trim())
    };
    if wrong_beside
        || differs(&expected.text, &seen.text)
        || differs(&expected.reasoning, &seen.thought)
    {
        return Grade::Beside;
    }
    Grade::Right
}

/// Equal as JSON values: 4 and 4.0 are.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// The figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) total: usize,
    pub(crate) right: usize,
    pub(crate) wrong_calls: usize,
    pub(crate) wrong_mutating: usize,
    pub(crate) missed: usize,
    pub(crate) wrong_code: usize,
    pub(crate) failed: Vec<String>,
}

impl Figures {
    pub(crate) fn of(graded: &[Graded]) -> Self {
        let mut figures = Self {
            total: graded.len(),
            ..Self::default()
        };
        for one in graded {
            match one.grade {
                Grade::Right => {
                    figures.right += 1;
                    continue;
                }
                Grade::Wrong { mutating } => {
                    figures.wrong_calls += 1;
                    figures.wrong_mutating += usize::from(mutating);
                }
                Grade::Missed => figures.missed += 1,
                Grade::Code | Grade::Beside => figures.wrong_code += 1,
            }
            figures.failed.push(one.id.clone());
        }
        figures
    }

    /// Whether the reach is met: at least 98 of 100 exact, and nothing run that should not.
    pub(crate) const fn is_met(&self) -> bool {
        self.total > 0 && self.right * 100 >= self.total * 98 && self.wrong_calls == 0
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": "corpus",
            "total": self.total,
            "right": self.right,
            "wrong_calls": self.wrong_calls,
            "wrong_mutating": self.wrong_mutating,
            "missed": self.missed,
            "wrong_code": self.wrong_code,
            "failed": self.failed,
            "met": self.is_met(),
        })
    }
}
