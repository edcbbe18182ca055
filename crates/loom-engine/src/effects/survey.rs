//! What is said about the workspace before work starts: how much there is to keep, and what cannot be
//! taken back.

use super::Cx;
use crate::broken::Broken;
use crate::ledger::Ledger;
use loom_events::{AttemptId, FailureClass, Note, Survey as Found};

/// Whether an attempt has to look, and to say what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Survey {
    /// It was done before.
    Done,
    /// Another attempt that is being prepared says what is found.
    Quiet,
    /// Nobody has looked yet.
    Told,
}

impl Survey {
    pub(super) fn due(ledger: &Ledger, attempt: AttemptId) -> Self {
        let open = |id: &&AttemptId| !ledger.has_ended(**id);
        match ledger.attempts.keys().find(open) {
            _ if ledger.view.survey.is_some() => Self::Done,
            Some(first) if *first != attempt => Self::Quiet,
            _ => Self::Told,
        }
    }
}

/// Surveys the workspace and journals what was found.
///
/// What does not fit under the cap is refused here, before a byte is copied: work that could not be
/// undone does not begin. A disk that may be too small is announced; should it be, the snapshot fails,
/// and with it the attempt, before anything changes.
pub(super) async fn run(due: Survey, cx: &Cx) -> Result<(), Broken> {
    if due == Survey::Done {
        return Ok(());
    }
    let found = cx.files("the workspace could not be surveyed", |workspace| {
        workspace.survey()
    });
    let Some(survey) = found.await? else {
        return Ok(());
    };
    let refused = too_large(&survey, cx.shared.max_snapshot);
    let doubts: Vec<String> = too_little_room(&survey).into_iter().collect();
    if due == Survey::Told {
        cx.signals.must_note(Note::Surveyed(survey)).await?;
    }
    match refused {
        Some(reason) => Err(Broken::new(FailureClass::Environment, reason)),
        None if due == Survey::Told => cx.signals.degraded(&doubts).await,
        None => Ok(()),
    }
}

fn too_large(survey: &Found, max: u64) -> Option<String> {
    (survey.bytes > max).then(|| {
        format!(
            "the workspace holds {} that would have to be kept to be able to undo, more than `workspace.max_snapshot` ({}): raise that, name bulky directories that can be made again in `workspace.derived`, or choose a smaller directory",
            size(survey.bytes),
            size(max)
        )
    })
}

fn too_little_room(survey: &Found) -> Option<String> {
    let free = survey.free_bytes.filter(|free| survey.bytes > *free)?;
    Some(format!(
        "the first snapshot may take up to {}, and {} are free where Loom keeps its data",
        size(survey.bytes),
        size(free)
    ))
}

/// Bytes for people: `12.5 GiB`.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = UNITS.iter().find(|(_, unit)| bytes >= *unit);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(name, unit)| {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_says_how_much_it_is_and_what_to_do() {
        let survey = Found {
            bytes: 3 << 30,
            free_bytes: Some(1 << 29),
            ..Found::default()
        };
        let refused = too_large(&survey, 1 << 30).unwrap();
        assert!(refused.contains("holds 3.0 GiB"), "{refused}");
        assert!(
            refused.contains("`workspace.max_snapshot` (1.0 GiB)"),
            "{refused}"
        );
        assert_eq!(too_large(&survey, 3 << 30), None);
        assert_eq!(
            too_little_room(&survey).unwrap(),
            "the first snapshot may take up to 3.0 GiB, and 512.0 MiB are free where Loom keeps its data"
        );
    }

    #[test]
    fn nothing_is_said_about_room_that_is_enough_or_unknown() {
        for free_bytes in [None, Some(10)] {
            let survey = Found {
                bytes: 10,
                free_bytes,
                ..Found::default()
            };
            assert_eq!(too_little_room(&survey), None);
        }
    }
}
