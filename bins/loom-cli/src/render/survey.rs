//! What a task found in its workspace: what is protected, and what is not.

use crate::ui::{Tone, clean, count, plural, size};
use loom_events::{LeftOutGroup, Survey, WhyLeftOut};

/// One line of what is protected, and one of what is not, when there is any.
pub(crate) fn survey(survey: &Survey) -> Vec<(Tone, String)> {
    let kept = match (survey.files, survey.left_out.is_empty()) {
        (0, true) => {
            Some("the directory is empty: all that is done in it can be undone".to_owned())
        }
        (0, false) => None,
        (files, _) => Some(format!(
            "what changes can be undone: {}, {}",
            plural(usize::try_from(files).unwrap_or(usize::MAX), "file"),
            size(survey.bytes)
        )),
    };
    let cannot = match kept {
        Some(_) => "what cannot",
        None => "what changes cannot be undone",
    };
    let mut lines: Vec<_> = kept.into_iter().map(|kept| (Tone::Dim, kept)).collect();
    if !survey.left_out.is_empty() {
        let groups: Vec<String> = survey.left_out.iter().map(group).collect();
        let expected =
            |one: &LeftOutGroup| matches!(one.why, WhyLeftOut::Derived | WhyLeftOut::Git);
        let tone = match survey.left_out.iter().all(expected) {
            true => Tone::Dim,
            false => Tone::Caught,
        };
        lines.push((tone, format!("{cannot}: {}", groups.join("; "))));
    }
    lines
}

/// `derived: target, node_modules and 3 more`.
fn group(group: &LeftOutGroup) -> String {
    let why = match group.why {
        WhyLeftOut::Derived => "derived",
        WhyLeftOut::Git => "git's own",
        WhyLeftOut::Special => "sockets and devices",
        WhyLeftOut::Unreadable => "unreadable",
        WhyLeftOut::TooLarge => "too large",
        WhyLeftOut::TooDeep => "too deep",
    };
    let named: Vec<String> = group.paths.iter().map(|path| clean(path)).collect();
    let named_count = u64::try_from(named.len()).unwrap_or(u64::MAX);
    let more = match group.count.saturating_sub(named_count) {
        0 => String::new(),
        more => format!(" and {} more", count(more)),
    };
    format!("{why}: {}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(why: WhyLeftOut, count: u64, paths: &[&str]) -> LeftOutGroup {
        LeftOutGroup {
            why,
            count,
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_left_out_is_named_and_only_the_unexpected_stands_out() {
        let mut found = Survey {
            files: 1234,
            bytes: 5 << 20,
            left_out: vec![left(WhyLeftOut::Derived, 5, &["a/target", "node_modules"])],
            ..Survey::default()
        };
        assert_eq!(
            survey(&found),
            [
                (
                    Tone::Dim,
                    "what changes can be undone: 1,234 files, 5.0 MiB".to_owned()
                ),
                (
                    Tone::Dim,
                    "what cannot: derived: a/target, node_modules and 3 more".to_owned()
                )
            ]
        );
        found
            .left_out
            .push(left(WhyLeftOut::TooLarge, 1, &["data.bin"]));
        let (tone, text) = survey(&found).remove(1);
        assert_eq!(tone, Tone::Caught);
        assert!(text.ends_with("; too large: data.bin"), "{text}");
    }

    #[test]
    fn a_directory_without_files_is_told_of_as_one() {
        let text = |found: &Survey| {
            let lines = survey(found).into_iter().map(|(_, text)| text);
            lines.collect::<Vec<_>>()
        };
        let mut found = Survey::default();
        assert_eq!(
            text(&found),
            ["the directory is empty: all that is done in it can be undone"]
        );
        found.left_out = vec![left(WhyLeftOut::Git, 1, &[".git"])];
        assert_eq!(
            text(&found),
            ["what changes cannot be undone: git's own: .git"]
        );
        found = Survey {
            files: 1,
            bytes: 3,
            ..Survey::default()
        };
        assert_eq!(
            text(&found),
            ["what changes can be undone: 1 file, 3 bytes"]
        );
    }
}
