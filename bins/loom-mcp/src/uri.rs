//! The addresses of resources: `loom://task/{id}/diff` and `loom://task/{id}/log`.

use loom_events::TaskId;

/// What of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Diff,
    Log,
}

pub(crate) const DIFF_TEMPLATE: &str = "loom://task/{id}/diff";
pub(crate) const LOG_TEMPLATE: &str = "loom://task/{id}/log";

pub(crate) fn diff(id: TaskId) -> String {
    format!("loom://task/{id}/diff")
}

pub(crate) fn log(id: TaskId) -> String {
    format!("loom://task/{id}/log")
}

/// The task and what of it; the id may be a short one.
pub(crate) fn parse(uri: &str) -> Option<(&str, What)> {
    let (id, what) = uri.strip_prefix("loom://task/")?.split_once('/')?;
    match what {
        "diff" => Some((id, What::Diff)),
        "log" => Some((id, What::Log)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let id: TaskId = "019ac000-0000-7000-8000-000000000001".parse().unwrap();
        let text = id.to_string();
        assert_eq!(parse(&diff(id)), Some((text.as_str(), What::Diff)));
        assert_eq!(parse(&log(id)), Some((text.as_str(), What::Log)));
        for wrong in [
            "file:///etc/passwd",
            "loom://task/1",
            "loom://task/1/env",
            "",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
