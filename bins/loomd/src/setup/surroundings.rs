//! What the process finds around itself, read once: environment, home, current directory.

use super::SetupError;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment of this process. Nothing else reads it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Variables with readable names and values.
    pub env: BTreeMap<String, String>,
    /// The search path for programs.
    pub path_env: OsString,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// This program, to be started again as the helper of sandboxes.
    pub helper: Option<PathBuf>,
    /// Where the command was given.
    pub cwd: PathBuf,
}

impl Surroundings {
    /// Reads them.
    ///
    /// # Errors
    /// There is no current directory.
    pub fn read() -> std::io::Result<Self> {
        let all: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        let get = |name: &str| all.get(std::ffi::OsStr::new(name)).cloned();
        let home = get("HOME")
            .map(PathBuf::from)
            .filter(|home| home.is_absolute());
        let path_env = get("PATH").unwrap_or_default();
        let readable = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Ok(Self {
            env: all.into_iter().filter_map(readable).collect(),
            path_env,
            home,
            helper: own_program(),
            cwd: std::env::current_dir()?,
        })
    }

    /// A path as the user means it: relative to where the command was given.
    #[must_use]
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.cwd.join(path)
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Where Loom keeps its data: the flag, else `LOOM_HOME`, else the platform's place.
    ///
    /// # Errors
    /// None of them says where.
    pub fn data_dir(&self, flag: Option<&Path>) -> Result<PathBuf, SetupError> {
        if let Some(dir) = flag {
            return Ok(self.absolute(dir));
        }
        if let Some(dir) = self.var("LOOM_HOME") {
            return Ok(self.absolute(Path::new(dir)));
        }
        platform_dir(self.var("XDG_DATA_HOME"), self.home.as_deref()).ok_or_else(|| {
            SetupError::new("no place for Loom's data: HOME is not set")
                .hint("give one with --data-dir DIR or LOOM_HOME")
        })
    }
}

/// On Linux by a name that means this very program also when another version was installed over it
/// since it started.
fn own_program() -> Option<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    match running.exists() {
        true => Some(running),
        false => std::env::current_exe().ok(),
    }
}

/// `~/Library/Application Support/loom` on macOS, else by the XDG base directories.
fn platform_dir(xdg: Option<&str>, home: Option<&Path>) -> Option<PathBuf> {
    if cfg!(target_os = "macos") {
        return Some(home?.join("Library/Application Support/loom"));
    }
    // The XDG specification says that a relative path is invalid and must be ignored.
    match xdg.map(PathBuf::from).filter(|dir| dir.is_absolute()) {
        Some(dir) => Some(dir.join("loom")),
        None => Some(home?.join(".local/share/loom")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(env: &[(&str, &str)]) -> Surroundings {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Surroundings {
            env: env.iter().map(pair).collect(),
            path_env: OsString::new(),
            home: Some("/home/me".into()),
            cwd: "/srv".into(),
            helper: None,
        }
    }

    #[test]
    fn the_flag_wins_over_loom_home_and_both_are_relative_to_the_current_directory() {
        let here = surroundings(&[("LOOM_HOME", "data"), ("XDG_DATA_HOME", "/xdg")]);
        assert_eq!(
            here.data_dir(Some(Path::new("d"))).unwrap(),
            Path::new("/srv/d")
        );
        assert_eq!(here.data_dir(None).unwrap(), Path::new("/srv/data"));
    }

    #[cfg(not(target_os = "macos"))]
    #[test]
    fn without_both_it_is_where_the_platform_says() {
        let xdg = surroundings(&[("XDG_DATA_HOME", "/xdg")]);
        assert_eq!(xdg.data_dir(None).unwrap(), Path::new("/xdg/loom"));
        let relative = surroundings(&[("XDG_DATA_HOME", "xdg")]);
        let plain = relative.data_dir(None).unwrap();
        assert_eq!(plain, Path::new("/home/me/.local/share/loom"));
    }

    #[test]
    fn without_a_home_it_is_asked_for() {
        let mut here = surroundings(&[]);
        here.home = None;
        assert!(here.data_dir(None).is_err());
    }
}
