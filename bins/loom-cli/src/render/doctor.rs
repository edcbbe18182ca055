//! What `loom doctor` found, part by part.

use super::models::finding_line;
use crate::ui::Tone;
use loom_router::Finding;

/// Columns of a sentence when nobody says how wide the screen is.
const SENTENCE: usize = 100;

/// Each part with its findings.
pub(crate) fn examination(
    parts: &[(&'static str, Vec<Finding>)],
    columns: Option<usize>,
) -> Vec<(Tone, String)> {
    let columns = columns.unwrap_or(SENTENCE);
    let mut lines = Vec::new();
    for (name, findings) in parts {
        lines.push((Tone::Strong, (*name).to_owned()));
        for finding in findings {
            lines.extend(finding_line(finding, columns));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_router::Verdict;

    #[test]
    fn each_part_has_a_heading_and_each_problem_its_way_out() {
        let missing = Finding {
            verdict: Verdict::Problem,
            text: "bubblewrap: the program `bwrap` is not there".to_owned(),
            way_out: Some("install it".to_owned()),
        };
        let lines = examination(&[("commands", vec![missing])], Some(80));
        let lines: Vec<_> = lines.into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            lines,
            [
                "commands",
                "  ✗ bubblewrap: the program `bwrap` is not there",
                "    way out: install it",
            ]
        );
    }
}
