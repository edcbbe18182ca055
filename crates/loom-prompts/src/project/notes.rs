//! Files of instructions (`AGENTS.md`, `CLAUDE.md`): which of them a step hears, in which order, and
//! how much of each.

use crate::tokens::{clip_chars, clip_tokens, estimate_tokens};
use minijinja::{Value, context};

/// Names of such files, in the order in which one directory's are read.
pub const NOTE_FILES: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];

/// Bytes of all of them together: what other tools of this kind read, and a quarter of a window of
/// 32 k tokens.
const MAX_BYTES: usize = 32 << 10;

/// Directories that are looked into for one step: a step that names more files than this has no
/// nearest directory any more.
const MAX_PLACES: usize = 64;

/// One file of instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectNote {
    /// Its path, relative to the workspace.
    pub path: String,
    /// Its text, or the part of it that there is room for.
    pub text: String,
}

/// The directories whose instructions hold for these files: the root first, the nearest to a file
/// last. Paths are relative; a glob counts up to its first directory with a pattern.
#[must_use]
pub fn note_places<'a>(files: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut places = vec![String::new()];
    for file in files {
        let Some((directories, _)) = file.rsplit_once('/') else {
            continue;
        };
        let mut place = String::new();
        for name in directories.split('/') {
            let plain = !name.is_empty() && name != "." && name != "..";
            if !plain || name.contains(['*', '?', '[', '{']) {
                break;
            }
            if !place.is_empty() {
                place.push('/');
            }
            place.push_str(name);
            if !places.contains(&place) {
                places.push(place.clone());
            }
        }
    }
    // Farther ones first; among equals the order of names, so that one step always says the same.
    places.sort_by_cached_key(|place| (depth(place), place.clone()));
    places.truncate(MAX_PLACES);
    places
}

fn depth(place: &str) -> usize {
    match place.is_empty() {
        true => 0,
        false => 1 + place.matches('/').count(),
    }
}

/// The instructions as they are shown, with what was left out. Given root first, nearest last; room
/// is given to the nearest first.
///
/// Two files of the same text are one, and a file that only points to another one beside it says
/// nothing.
#[must_use]
pub fn within(found: Vec<ProjectNote>) -> (Vec<ProjectNote>, Vec<String>) {
    let mut kept: Vec<ProjectNote> = Vec::new();
    let mut left_out = Vec::new();
    let mut room = MAX_BYTES;
    for note in told(found).into_iter().rev() {
        let end = note.text.floor_char_boundary(room.min(note.text.len()));
        if end == 0 {
            left_out.push(format!("project notes: {} left out", note.path));
            continue;
        }
        room -= end;
        let missing = note.text[end..].chars().count();
        if missing == 0 {
            kept.push(note);
            continue;
        }
        left_out.push(format!("project notes: {} cut", note.path));
        let text = format!(
            "{} […{missing} characters cut]",
            note.text[..end].trim_end()
        );
        kept.push(ProjectNote { text, ..note });
    }
    kept.reverse();
    left_out.reverse();
    (kept, left_out)
}

/// Without those that say nothing of their own.
fn told(found: Vec<ProjectNote>) -> Vec<ProjectNote> {
    let mut told: Vec<ProjectNote> = Vec::new();
    for note in found {
        let text = without_pointers(&note.text);
        let text = text.trim();
        let known = told.iter().any(|other| other.text == text);
        if !text.is_empty() && !known {
            told.push(ProjectNote {
                text: text.to_owned(),
                path: note.path,
            });
        }
    }
    told
}

/// Without the lines that include another file of this kind, which is read anyway.
fn without_pointers(text: &str) -> String {
    let points = |line: &&str| {
        let line = line.trim();
        NOTE_FILES.iter().any(|name| {
            line.strip_prefix('@')
                .is_some_and(|to| to.trim_start_matches("./") == *name)
        })
    };
    let lines: Vec<&str> = text.lines().filter(|line| !points(line)).collect();
    lines.join("\n")
}

/// What a template is given of the notes.
pub(crate) fn notes_view(notes: &[ProjectNote]) -> Vec<Value> {
    let view = |note: &ProjectNote| {
        context! {
            // A name of a directory is a stranger's text, too.
            path => crate::fence::mute(&clip_chars(&note.path, 200)),
            text => note.text.as_str(),
        }
    };
    notes.iter().map(view).collect()
}

/// What the notes cost.
pub(crate) fn notes_tokens(notes: &[ProjectNote]) -> u64 {
    let cost = |note: &ProjectNote| estimate_tokens(&note.text) + estimate_tokens(&note.path);
    notes.iter().map(cost).sum()
}

/// Cuts about `excess` tokens off the notes, from the farthest on; none when there are none.
pub(crate) fn shrink_notes(notes: &mut Vec<ProjectNote>, excess: u64) -> Option<String> {
    /// The note about the cut costs this much; below it cutting gains nothing.
    const NOTE: u64 = 12;
    let first = notes.first_mut()?;
    let now = estimate_tokens(&first.text);
    let keep = now.saturating_sub(excess + NOTE);
    if keep > NOTE {
        first.text = clip_tokens(&first.text, keep);
        return Some(format!("project notes: {} cut", first.path));
    }
    let gone = notes.remove(0);
    Some(format!("project notes: {} left out", gone.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(path: &str, text: &str) -> ProjectNote {
        ProjectNote {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn paths(notes: &[ProjectNote]) -> Vec<&str> {
        notes.iter().map(|note| note.path.as_str()).collect()
    }

    #[test]
    fn a_step_hears_the_root_first_and_the_directories_nearest_to_its_files_last() {
        assert_eq!(
            note_places(["web/src/app.ts", "web/test/*.ts", "README.md"]),
            ["", "web", "web/src", "web/test"]
        );
        assert_eq!(note_places([]), [""]);
    }

    #[test]
    fn a_pattern_or_a_climb_ends_the_way_down() {
        assert_eq!(
            note_places(["src/**/x/a.rs", "../../etc/x", "/etc/x"]),
            ["", "src"]
        );
    }

    #[test]
    fn the_number_of_places_is_bounded_and_the_farthest_stay() {
        let files: Vec<String> = (0..500).map(|n| format!("d{n:03}/a")).collect();
        let places = note_places(files.iter().map(String::as_str));
        assert_eq!(places.len(), MAX_PLACES);
        assert_eq!(places[0], "");
    }

    #[test]
    fn the_nearest_gets_room_first_and_every_cut_is_said() {
        let found = vec![
            note("AGENTS.md", &"far ".repeat(10_000)),
            note("a/AGENTS.md", &"nearer ".repeat(2_000)),
            note("a/b/AGENTS.md", &"é".repeat(8_000)),
        ];
        let (kept, left_out) = within(found);
        assert_eq!(paths(&kept), ["AGENTS.md", "a/AGENTS.md", "a/b/AGENTS.md"]);
        assert_eq!(left_out, ["project notes: AGENTS.md cut"]);
        assert!(
            kept[0].text.ends_with("characters cut]"),
            "{}",
            kept[0].text
        );
        let bytes: usize = kept.iter().map(|note| note.text.len()).sum();
        assert!(bytes < MAX_BYTES + 40, "{bytes}");

        let (kept, left_out) = within(vec![
            note("AGENTS.md", "far"),
            note("a/AGENTS.md", &"x".repeat(MAX_BYTES)),
        ]);
        assert_eq!(paths(&kept), ["a/AGENTS.md"]);
        assert_eq!(left_out, ["project notes: AGENTS.md left out"]);
    }

    #[test]
    fn two_files_of_one_text_are_one_and_a_pointer_says_nothing() {
        let (kept, left_out) = within(vec![
            note("AGENTS.md", "Use tabs.\n"),
            note("CLAUDE.md", "@AGENTS.md\n"),
            note("web/AGENTS.md", "Use spaces."),
            note("web/CLAUDE.md", "@./AGENTS.md\nUse spaces."),
        ]);
        assert_eq!(paths(&kept), ["AGENTS.md", "web/AGENTS.md"]);
        assert_eq!(left_out, [""; 0]);
    }

    #[test]
    fn shrinking_begins_with_the_farthest_and_ends() {
        let mut notes = vec![
            note("AGENTS.md", &"far ".repeat(300)),
            note("a/AGENTS.md", &"near ".repeat(300)),
        ];
        let before = notes_tokens(&notes);
        let said = shrink_notes(&mut notes, 100).unwrap();
        assert_eq!(said, "project notes: AGENTS.md cut");
        assert!(notes_tokens(&notes) <= before - 100);
        let mut rounds = 0;
        while shrink_notes(&mut notes, 100).is_some() {
            rounds += 1;
        }
        assert!(rounds < 12, "{rounds}");
    }
}
