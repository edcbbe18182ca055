//! A home and a directory for temporary files of a command's own, where no view of the file system
//! hides the user's: below the scratch directory.

use crate::CommandSpec;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Makes the directory for temporary files.
pub(super) fn temporary(spec: &CommandSpec) -> io::Result<PathBuf> {
    let dir = spec.scratch.join(".tmp");
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Makes a home in which the granted parts of the user's own are linked, and nothing else is.
pub(super) fn home(spec: &CommandSpec) -> io::Result<Option<PathBuf>> {
    let Some(real) = home_of(&spec.env).map(Path::new) else {
        return Ok(None);
    };
    let dir = spec.scratch.join(".home");
    fs::create_dir_all(&dir)?;
    for granted in spec.readable.iter().chain(&spec.writable) {
        let Ok(name) = granted.strip_prefix(real) else {
            continue;
        };
        let link = dir.join(name);
        // What the command put there meanwhile is its own.
        if link.ancestors().any(|above| above.is_symlink()) {
            continue;
        }
        link.parent().map_or(Ok(()), fs::create_dir_all)?;
        match symlink(granted, &link) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(Some(dir))
}

/// The home that a command's environment names.
pub(super) fn home_of(env: &[(OsString, OsString)]) -> Option<&OsStr> {
    let home = env.iter().find(|(name, _)| name == "HOME");
    home.map(|(_, home)| home.as_os_str())
        .filter(|home| Path::new(home).parent().is_some())
}
