//! Whether a directory may be a workspace at all: one clear sentence each, with the way out.

use std::io;
use std::path::{Path, PathBuf};

/// Directories that belong to the system with everything in them.
const SYSTEM_TREES: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
    "/System",
    "/Library",
    "/Applications",
    "/private/etc",
    "/private/var",
];

/// Parts of them in which people keep projects.
const USER_PARTS: &[&str] = &[
    "/dev/shm",
    "/run/media",
    "/run/user",
    "/usr/local",
    "/usr/src",
    "/var/folders",
    "/var/home",
    "/var/tmp",
    "/var/www",
    "/private/var/folders",
    "/private/var/tmp",
];

/// Directories that hold other people's or everybody's; a project may lie in them.
const SHARED: &[&str] = &[
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/private",
    "/private/tmp",
    "/root",
    "/srv",
    "/tmp",
    "/Users",
    "/Volumes",
];

/// What a workspace must not touch, and where it may be.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Loom's own data.
    pub data_dir: PathBuf,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// Where workspaces may be; empty means anywhere that is not refused.
    pub roots: Vec<PathBuf>,
}

/// Why a directory cannot be a workspace.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing is there.
    #[error("the workspace {0} does not exist: create it first, or give another directory")]
    Missing(PathBuf),
    /// It is not a directory.
    #[error("the workspace {0} is not a directory: give the directory that it is in")]
    NotADirectory(PathBuf),
    /// It is `/`.
    #[error("the workspace is the root of the file system: give the directory of one project")]
    FilesystemRoot,
    /// It belongs to the operating system.
    #[error("the workspace {0} belongs to the system: give a project directory of your own")]
    System(PathBuf),
    /// It is the home directory or holds it.
    #[error("the workspace {0} is or holds a home directory: give a project directory inside it")]
    Home(PathBuf),
    /// It is, holds or lies in Loom's data directory.
    #[error(
        "the workspace {workspace} overlaps Loom's data directory {data_dir}: give another \
         directory, or move the data directory with LOOM_HOME"
    )]
    DataDirectory {
        /// The workspace.
        workspace: PathBuf,
        /// The data directory.
        data_dir: PathBuf,
    },
    /// The administrator allows other places only.
    #[error("the workspace {workspace} is in none of the allowed places: {allowed}")]
    OutsideRoots {
        /// The workspace.
        workspace: PathBuf,
        /// The allowed places, as text.
        allowed: String,
    },
    /// The operating system refused.
    #[error("the workspace {path} cannot be opened")]
    Io {
        /// The workspace.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
}

impl Bounds {
    /// The real path of a directory that may be a workspace.
    ///
    /// # Errors
    /// [`OpenError`], one clear sentence each.
    pub fn check(&self, dir: &Path) -> Result<PathBuf, OpenError> {
        let path = dir.canonicalize().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => OpenError::Missing(dir.to_owned()),
            io::ErrorKind::NotADirectory => OpenError::NotADirectory(dir.to_owned()),
            _ => OpenError::Io {
                path: dir.to_owned(),
                source,
            },
        })?;
        if !path.is_dir() {
            return Err(OpenError::NotADirectory(path));
        }
        if path == Path::new("/") {
            return Err(OpenError::FilesystemRoot);
        }
        self.check_own(&path)?;
        if is_system(&path) {
            return Err(OpenError::System(path));
        }
        self.check_roots(path)
    }

    /// Whether commands may be given a path beside their workspace, to read or also to write; else
    /// what is wrong with it.
    ///
    /// # Errors
    /// A sentence.
    pub fn check_grant(&self, path: &Path, writes: bool) -> Result<(), String> {
        let real = path.canonicalize();
        let real = real.map_err(|error| format!("it cannot be found ({error})"))?;
        if real == Path::new("/") {
            return Err("that is the whole file system".to_owned());
        }
        match self.check_own(&real) {
            Err(OpenError::Home(_)) => return Err("it is or holds a home directory".to_owned()),
            Err(_) => return Err("it overlaps Loom's data directory".to_owned()),
            Ok(()) => {}
        }
        match writes && is_system(&real) {
            true => Err("it belongs to the system".to_owned()),
            false => Ok(()),
        }
    }

    /// Home and Loom's own data.
    fn check_own(&self, path: &Path) -> Result<(), OpenError> {
        if let Some(home) = &self.home
            && real(home).starts_with(path)
        {
            return Err(OpenError::Home(path.to_owned()));
        }
        let data_dir = real(&self.data_dir);
        let none = self.data_dir.as_os_str().is_empty();
        if !none && (data_dir.starts_with(path) || path.starts_with(&data_dir)) {
            return Err(OpenError::DataDirectory {
                workspace: path.to_owned(),
                data_dir,
            });
        }
        Ok(())
    }

    fn check_roots(&self, path: PathBuf) -> Result<PathBuf, OpenError> {
        let allowed = |root: &PathBuf| path.starts_with(real(root));
        if self.roots.is_empty() || self.roots.iter().any(allowed) {
            return Ok(path);
        }
        let names: Vec<_> = self.roots.iter().map(|r| r.display().to_string()).collect();
        Err(OpenError::OutsideRoots {
            workspace: path,
            allowed: names.join(", "),
        })
    }
}

fn is_system(path: &Path) -> bool {
    let is = |list: &[&str]| list.iter().any(|dir| path == Path::new(dir));
    let below = |list: &[&str]| list.iter().any(|dir| path.starts_with(dir));
    let below_only = below(USER_PARTS) && !is(USER_PARTS);
    is(SHARED) || (below(SYSTEM_TREES) && !below_only)
}

/// With links resolved; as it is when it does not exist yet.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    struct Place {
        _dir: tempfile::TempDir,
        base: PathBuf,
        bounds: Bounds,
    }

    fn place() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for sub in ["home/project", "home/data/tasks", "other"] {
            fs::create_dir_all(base.join(sub)).unwrap();
        }
        fs::write(base.join("file"), "").unwrap();
        let bounds = Bounds {
            data_dir: base.join("home/data"),
            home: Some(base.join("home")),
            roots: Vec::new(),
        };
        Place {
            _dir: dir,
            base,
            bounds,
        }
    }

    #[test]
    fn a_project_is_accepted_also_through_a_link() {
        let p = place();
        std::os::unix::fs::symlink("home/project", p.base.join("link")).unwrap();
        let project = p.base.join("home/project");
        assert_eq!(p.bounds.check(&project).unwrap(), project);
        assert_eq!(p.bounds.check(&p.base.join("link")).unwrap(), project);
    }

    #[test]
    fn what_must_not_be_a_workspace_is_refused_with_its_reason() {
        let p = place();
        let refused = |sub: &str| p.bounds.check(&p.base.join(sub)).unwrap_err();
        assert!(matches!(refused("nowhere"), OpenError::Missing(_)));
        assert!(matches!(refused("file"), OpenError::NotADirectory(_)));
        assert!(matches!(refused("file/x"), OpenError::NotADirectory(_)));
        assert!(matches!(refused("home"), OpenError::Home(_)));
        assert!(matches!(refused(""), OpenError::Home(_)));
        assert!(matches!(
            refused("home/data"),
            OpenError::DataDirectory { .. }
        ));
        assert!(matches!(
            refused("home/data/tasks"),
            OpenError::DataDirectory { .. }
        ));
        assert!(matches!(refused("/"), OpenError::FilesystemRoot));
        for system in ["/etc", "/usr", "/usr/bin", "/proc/self", "/home", "/dev"] {
            assert!(matches!(refused(system), OpenError::System(_)), "{system}");
        }
    }

    #[test]
    fn a_parent_of_the_data_directory_is_refused() {
        let mut p = place();
        p.bounds.home = None;
        let error = p.bounds.check(&p.base.join("home")).unwrap_err();
        assert!(matches!(error, OpenError::DataDirectory { .. }));
    }

    #[test]
    fn only_the_allowed_places_are_accepted_when_there_are_any() {
        let mut p = place();
        p.bounds.roots = vec![p.base.join("other")];
        assert!(p.bounds.check(&p.base.join("other")).is_ok());
        let error = p.bounds.check(&p.base.join("home/project")).unwrap_err();
        assert!(matches!(error, OpenError::OutsideRoots { .. }));
    }
}
