//! A file that is not there: a normal answer, with the names that may have been meant.

use super::blocking;
use super::content::Places;
use crate::tool::{CallOutcome, ToolOutput};
use loom_events::FileKind;
use loom_workspace::{Location, Scratch, Workspace};

/// Files that are looked at for a similar name: a whole project, but not a whole disk.
const MAX_LOOKED_AT: usize = 20_000;

/// Names that are suggested.
const MAX_SUGGESTED: usize = 5;

/// How alike a suggested name must be.
const ALIKE: f64 = 0.7;

pub(super) async fn answer(places: Places, path: &str) -> Result<CallOutcome, CallOutcome> {
    let wanted = path.to_owned();
    let near = blocking(move || near(&places, &wanted)).await?;
    let hint = match near.is_empty() {
        true => "Nothing in the workspace has a similar name; list_directory shows what is there."
            .to_owned(),
        false => format!("Similar names: {}", near.join(", ")),
    };
    let mut output = ToolOutput::negative(format!("`{path}` does not exist. {hint}"));
    output.touched = true;
    Ok(output.into())
}

fn near(places: &Places, path: &str) -> Vec<String> {
    match Location::of(path) {
        Location::Workspace(path) => near_in(&places.workspace, path),
        Location::Scratch(_) => Scratch::open(places.scratch())
            .ok()
            .and_then(|scratch| scratch.list().ok())
            .into_iter()
            .flatten()
            .take(MAX_SUGGESTED)
            .map(|name| format!("scratch://{name}"))
            .collect(),
    }
}

fn near_in(workspace: &Workspace, path: &str) -> Vec<String> {
    let wanted = path.trim_start_matches("./").to_lowercase();
    let name = last(&wanted).to_owned();
    let mut scored: Vec<(f64, String)> = workspace
        .walk()
        .take(MAX_LOOKED_AT)
        .filter(|entry| entry.kind != FileKind::Directory)
        .filter_map(|entry| {
            let folded = entry.path.to_lowercase();
            let score = if last(&folded) == name {
                2.0
            } else {
                strsim::jaro_winkler(last(&folded), &name)
                    .max(strsim::jaro_winkler(&folded, &wanted))
            };
            (score >= ALIKE).then_some((score, entry.path))
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    scored.truncate(MAX_SUGGESTED);
    scored.into_iter().map(|(_, path)| path).collect()
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
