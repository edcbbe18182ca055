//! What the helper is told: its command line. Words and paths as they are, so that no name is lost.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The first argument that makes a program the helper. Nobody types it.
pub(super) const MARKER: &str = "__loom-sandbox";

/// What the helper is to do, and the command it does it for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::process) enum Profile {
    /// Become bubblewrap, with a filter of system calls for what runs in it.
    Wrap(Vec<OsString>),
    /// Stay, start the command confined, and end all of it at the end.
    Supervise(Grants, Vec<OsString>),
    /// Become the command, confined.
    Confine(Grants, Vec<OsString>),
    /// Say which version of Landlock there is.
    Version,
}

/// What a confined command may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::process) struct Grants {
    /// Files and directories to read and run.
    pub(in crate::process) read: Vec<PathBuf>,
    /// Files and directories to do anything with.
    pub(in crate::process) write: Vec<PathBuf>,
    /// Whether it may use the network.
    pub(in crate::process) network: bool,
}

impl Profile {
    /// The command line of a helper at this path.
    pub(in crate::process) fn command_line(&self, helper: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![helper.into(), MARKER.into()];
        let (verb, grants, line): (&str, Option<&Grants>, &[OsString]) = match self {
            Self::Wrap(line) => ("wrap", None, line),
            Self::Supervise(grants, line) => ("supervise", Some(grants), line),
            Self::Confine(grants, line) => ("confine", Some(grants), line),
            Self::Version => ("version", None, &[]),
        };
        words.push(verb.into());
        if let Some(grants) = grants {
            grants.write_to(&mut words);
        }
        words.push("--".into());
        words.extend(line.iter().cloned());
        words
    }

    /// The profile in a command line without its program and marker.
    pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let verb = words.next().unwrap_or_default();
        let grants = Grants::read_from(&mut words)?;
        let line: Vec<OsString> = words.collect();
        match verb.to_str() {
            Some("version") => return Ok(Self::Version),
            _ if line.is_empty() => return Err("there is no command".to_owned()),
            _ => {}
        }
        match verb.to_str() {
            Some("wrap") => Ok(Self::Wrap(line)),
            Some("supervise") => Ok(Self::Supervise(grants, line)),
            Some("confine") => Ok(Self::Confine(grants, line)),
            _ => Err(format!("`{}` is nothing it can do", verb.display())),
        }
    }
}

impl Grants {
    fn write_to(&self, words: &mut Vec<OsString>) {
        for (option, paths) in [("--read", &self.read), ("--write", &self.write)] {
            for path in paths {
                words.extend([OsStr::new(option).to_owned(), path.into()]);
            }
        }
        if self.network {
            words.push("--network".into());
        }
    }

    /// Reads options up to `--`.
    fn read_from(words: &mut impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut grants = Self::default();
        loop {
            let option = words.next().ok_or("there is no `--`")?;
            let list = match option.to_str() {
                Some("--") => return Ok(grants),
                Some("--network") => {
                    grants.network = true;
                    continue;
                }
                Some("--read") => &mut grants.read,
                Some("--write") => &mut grants.write,
                _ => return Err(format!("`{}` is no option", option.display())),
            };
            list.push(words.next().ok_or("an option has no path")?.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt as _;

    #[test]
    fn a_profile_comes_back_from_its_command_line_with_any_path() {
        let grants = Grants {
            read: vec!["/usr".into(), "--".into()],
            write: vec![OsString::from_vec(b"/w\xff --network".to_vec()).into()],
            network: true,
        };
        let line: Vec<OsString> = vec!["sh".into(), "-c".into(), "--read".into()];
        for profile in [
            Profile::Wrap(line.clone()),
            Profile::Supervise(grants.clone(), line.clone()),
            Profile::Confine(grants, line),
            Profile::Version,
        ] {
            let words = profile.command_line(Path::new("/loom"));
            assert_eq!(words[..2], ["/loom", MARKER]);
            let read = Profile::read(words.into_iter().skip(2));
            assert_eq!(read, Ok(profile));
        }
    }

    #[test]
    fn what_is_no_profile_is_refused() {
        for words in [
            &["wrap", "--"][..],
            &["wrap"],
            &["run", "--", "x"],
            &["confine", "--read"],
        ] {
            let words = words.iter().map(OsString::from);
            assert!(Profile::read(words).is_err());
        }
    }
}
