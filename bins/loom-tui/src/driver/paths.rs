//! Directories that complete a path. They are those of this machine, on which the service usually
//! runs as well; where it does not, nothing is completed and anything can be typed.

use crate::msg::{Loaded, Msg};
use std::path::Path;
use tokio::sync::mpsc::Sender;

/// Entries of one directory looked at.
const MAX_ENTRIES: usize = 10_000;

/// Directories offered.
const MAX_OFFERED: usize = 200;

/// Looks which directories complete a path.
pub(super) fn complete(path: String, outbox: Sender<Msg>) {
    tokio::task::spawn_blocking(move || {
        let found = completions(&path);
        outbox
            .blocking_send(Msg::Loaded(Box::new(Loaded::Paths(path, found))))
            .ok();
    });
}

fn completions(path: &str) -> Vec<String> {
    let Some((parent, start)) = path.rsplit_once('/') else {
        return Vec::new();
    };
    let directory = if parent.is_empty() { "/" } else { parent };
    // A directory that cannot be read completes nothing.
    let Ok(entries) = std::fs::read_dir(Path::new(directory)) else {
        return Vec::new();
    };
    let mut found: Vec<String> = entries
        .take(MAX_ENTRIES)
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(start))
        // Hidden ones only for whoever types the dot.
        .filter(|name| start.starts_with('.') || !name.starts_with('.'))
        .map(|name| format!("{parent}/{name}"))
        .collect();
    found.sort_unstable();
    found.truncate(MAX_OFFERED);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_complete_a_path() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["one", "only", ".hidden", "two"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::fs::write(dir.path().join("on-file"), "").unwrap();
        let root = dir.path().display().to_string();
        let names = |start: &str| {
            let found = completions(&format!("{root}/{start}"));
            found
                .iter()
                .map(|path| path[root.len() + 1..].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names("on"), ["one", "only"]);
        assert_eq!(names(""), ["one", "only", "two"]);
        assert_eq!(names(".h"), [".hidden"]);
        assert!(completions("no path").is_empty());
        assert!(completions("/does/not/exist/").is_empty());
    }
}
