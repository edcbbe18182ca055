//! `docs/models.md` says what the code does.

use loom_dialect::{Keeps, ThinkingSwitch, Traits};
use loom_router::{CallError, Deadline};
use std::time::Duration;

const DOCS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/models.md"));

/// The cells of a row, with the bars that belong to a cell.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim_matches('|').replace("\\|", "\u{0}");
    let cells = row.split('|');
    cells
        .map(|cell| cell.trim().replace('\u{0}', "|"))
        .collect()
}

#[test]
fn the_families_are_as_the_parser_knows_them() {
    let (_, table) = DOCS.split_once("<!-- families").unwrap();
    let (table, _) = table.split_once("<!-- /families").unwrap();
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .collect();
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows {
        let cells = cells(row);
        let [id, family, form, thinking, history] = cells.as_slice() else {
            panic!("five cells in {row}");
        };
        let traits = Traits::of(id);
        let known = serde_json::to_value(traits.family).unwrap();
        assert_eq!(known, family.as_str(), "{id}");
        assert!(!form.is_empty(), "{id}");
        assert_eq!(thinking, &thinking_words(traits.thinking), "{id}");
        assert_eq!(history, history_words(traits.keeps), "{id}");
    }
}

fn thinking_words(switch: ThinkingSwitch) -> String {
    match switch {
        ThinkingSwitch::None => "none".into(),
        ThinkingSwitch::Always => "always".into(),
        ThinkingSwitch::Template(argument) => format!("template switch `{}`", argument.name()),
        ThinkingSwitch::Effort => "by effort, never off".into(),
        ThinkingSwitch::Words => "words `/think` and `/no_think`".into(),
        ThinkingSwitch::Budget => "by budget".into(),
    }
}

const fn history_words(keeps: Keeps) -> &'static str {
    match keeps {
        Keeps::Nothing => "none",
        Keeps::SinceUser => "since the last message of the user",
        Keeps::WithCalls => "with every call",
    }
}

#[test]
fn every_error_of_a_call_is_explained_by_its_words() {
    let (server, model) = (String::new, String::new);
    let errors = [
        (
            CallError::Unreachable {
                server: server(),
                model: model(),
                reason: String::new(),
            },
            "reach the model server at",
        ),
        (
            CallError::Broken {
                server: server(),
                model: model(),
                reason: String::new(),
                partial: None,
            },
            "get the whole answer of model",
        ),
        (
            CallError::TimedOut {
                server: server(),
                model: model(),
                deadline: Deadline::Stall,
                limit: Duration::ZERO,
                partial: None,
            },
            "in time",
        ),
        (
            CallError::Busy {
                server: server(),
                model: model(),
                status: 503,
                said: String::new(),
                retry_after: None,
            },
            "get an answer of model",
        ),
        (
            CallError::Overflow {
                server: server(),
                model: model(),
                prompt: None,
                window: None,
                said: String::new(),
            },
            "fit the prompt into the context window",
        ),
        (
            CallError::Unauthorized {
                server: server(),
                model: model(),
                status: 401,
                said: String::new(),
            },
            "refused the API key",
        ),
        (
            CallError::NoSuchModel {
                server: server(),
                model: model(),
                asked: None,
                available: Vec::new(),
            },
            "has no model",
        ),
        (
            CallError::NoTools {
                server: server(),
                model: model(),
                said: String::new(),
            },
            "give tools to model",
        ),
        (
            CallError::Refused {
                server: server(),
                model: model(),
                status: 400,
                said: String::new(),
            },
            "refused the request",
        ),
        (
            CallError::Protocol {
                server: server(),
                model: model(),
                reason: String::new(),
            },
            "understand the answer of",
        ),
        (
            CallError::TooLarge {
                model: model(),
                what: "it",
                limit: 1,
                partial: None,
            },
            "take the answer of model",
        ),
        (
            CallError::Repeating {
                model: model(),
                sample: String::new(),
                partial: None,
            },
            "over and over",
        ),
        (
            CallError::Overthinking {
                model: model(),
                limit: 1,
                partial: None,
            },
            "it was still thinking after",
        ),
        (CallError::Cancelled { model: model() }, "it was cancelled"),
        (
            CallError::UnknownEntry { model: model() },
            "there is no such model entry",
        ),
    ];
    for (error, words) in errors {
        assert!(error.to_string().contains(words), "{error}");
        assert!(DOCS.contains(&format!("`{words}`")), "{words}");
    }
}
