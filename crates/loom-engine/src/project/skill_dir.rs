//! The files of one skill, read as a whole: what was agreed to, what is parsed and what a model is
//! shown are the same bytes, whatever happens to the directory meanwhile.

use loom_prompts::{Skill, parse_skill};
use std::collections::BTreeMap;
use std::path::Path;

/// The file that makes a directory a skill.
pub(super) const SKILL_FILE: &str = "SKILL.md";

/// Files of a skill; what has more is a project of its own.
const MAX_FILES: usize = 256;

/// Bytes of a skill: its files are text for models.
const MAX_BYTES: u64 = 2 << 20;

/// Directories inside of directories.
const MAX_LEVELS: usize = 8;

/// All files of a skill, by their path in it.
#[derive(Debug, Default)]
pub(super) struct SkillDir {
    files: BTreeMap<String, Vec<u8>>,
}

impl SkillDir {
    /// Reads it.
    ///
    /// # Errors
    /// Why it cannot be used, in words: a link, too much, unreadable.
    pub(super) fn read(dir: &Path) -> Result<Self, String> {
        let mut read = Self::default();
        let mut bytes = 0;
        read.add(dir, "", 0, &mut bytes)?;
        Ok(read)
    }

    fn add(&mut self, dir: &Path, at: &str, level: usize, bytes: &mut u64) -> Result<(), String> {
        let cannot = |name: &str, error: std::io::Error| format!("{name} cannot be read: {error}");
        if level > MAX_LEVELS {
            return Err(format!("it has more than {MAX_LEVELS} levels"));
        }
        let shown = if at.is_empty() { "it" } else { at };
        for entry in std::fs::read_dir(dir).map_err(|error| cannot(shown, error))? {
            let entry = entry.map_err(|error| cannot(shown, error))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err("a name in it is not UTF-8".to_owned());
            };
            let path = match at.is_empty() {
                true => name.to_owned(),
                false => format!("{at}/{name}"),
            };
            // Of the entry itself: a link is seen as one.
            let kind = entry.file_type().map_err(|error| cannot(&path, error))?;
            if kind.is_dir() {
                self.add(&entry.path(), &path, level + 1, bytes)?;
                continue;
            }
            if !kind.is_file() {
                return Err(format!("{path} is a link or no regular file"));
            }
            let size = entry
                .metadata()
                .map_err(|error| cannot(&path, error))?
                .len();
            *bytes = bytes.saturating_add(size);
            if *bytes > MAX_BYTES || self.files.len() >= MAX_FILES {
                return Err(format!(
                    "it is larger than {MAX_FILES} files or {} MiB",
                    MAX_BYTES >> 20
                ));
            }
            let content = std::fs::read(entry.path()).map_err(|error| cannot(&path, error))?;
            self.files.insert(path, content);
        }
        Ok(())
    }

    /// Names exactly these files with exactly this content.
    pub(super) fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            // With its length, so that no two skills run together into the same bytes.
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for (path, content) in &self.files {
            part(path.as_bytes());
            part(content);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// What it says.
    ///
    /// # Errors
    /// Why it is no skill, in words.
    pub(super) fn skill(&self) -> Result<Skill, String> {
        let text = self
            .files
            .get(SKILL_FILE)
            .ok_or_else(|| format!("it has no {SKILL_FILE}"))?;
        parse_skill(&String::from_utf8_lossy(text)).map_err(|error| error.to_string())
    }

    /// The text of one of its files.
    pub(super) fn text(&self, file: &str) -> Option<String> {
        let file = file.strip_prefix("./").unwrap_or(file);
        let bytes = self.files.get(file)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// Its files other than the one that makes it a skill.
    pub(super) fn others(&self) -> Vec<String> {
        let names = self.files.keys().filter(|name| *name != SKILL_FILE);
        names.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "---\nname: x\ndescription: y\n---\nDo it.";

    fn made(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn every_byte_and_every_name_counts() {
        let hash = |files: &[(&str, &str)]| SkillDir::read(made(files).path()).unwrap().hash();
        let one = hash(&[("SKILL.md", TEXT), ("a/run.sh", "echo")]);
        assert_eq!(one, hash(&[("a/run.sh", "echo"), ("SKILL.md", TEXT)]));
        assert_ne!(one, hash(&[("SKILL.md", TEXT), ("a/run.sh", "echo ")]));
        assert_ne!(one, hash(&[("SKILL.md", TEXT), ("a/run.py", "echo")]));
        assert_ne!(one, hash(&[("SKILL.md", TEXT)]));
        // What git does not look at counts all the same.
        let ignored = [
            ("SKILL.md", TEXT),
            ("a/run.sh", "echo"),
            (".gitignore", "*"),
            (".x", "1"),
        ];
        assert_ne!(hash(&ignored), hash(&ignored[..3]));
    }

    #[test]
    fn its_files_are_those_that_were_read() {
        let dir = made(&[("SKILL.md", TEXT), ("form.md", "One.")]);
        let skill = SkillDir::read(dir.path()).unwrap();
        std::fs::write(dir.path().join("form.md"), "Another.").unwrap();
        assert_eq!(skill.text("./form.md").as_deref(), Some("One."));
        assert_eq!(skill.text("../secret"), None);
        assert_eq!(skill.others(), ["form.md"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_makes_it_unusable() {
        let dir = made(&[("SKILL.md", TEXT)]);
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("form.md")).unwrap();
        let why = SkillDir::read(dir.path()).unwrap_err();
        assert_eq!(why, "form.md is a link or no regular file");
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let dir = made(&[("SKILL.md", TEXT)]);
        let big = std::fs::File::create(dir.path().join("big")).unwrap();
        big.set_len(MAX_BYTES + 1).unwrap();
        assert!(
            SkillDir::read(dir.path())
                .unwrap_err()
                .contains("larger than")
        );
    }
}
