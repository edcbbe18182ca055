//! Files put back and set aside, by path. Nothing of the command is alive any more, so nothing races;
//! what is left to look out for are links that it made, and none is followed.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where what was set aside is kept: in its repository, or as the end of its name beside it.
pub(super) const ASIDE: &str = "loom-held";

/// Largest file that is kept in memory; hooks and configurations are small.
const MAX_BYTES: u64 = 4 << 20;

/// What is at a path that is no directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    File {
        bytes: Vec<u8>,
        mode: u32,
    },
    Link(PathBuf),
    /// Too large to be kept, or no file: only that it is there is known.
    Other,
}

impl Item {
    pub(super) fn at(path: &Path) -> Option<Self> {
        let found = fs::symlink_metadata(path).ok()?;
        let kind = found.file_type();
        Some(if kind.is_symlink() {
            fs::read_link(path).map_or(Self::Other, Self::Link)
        } else if kind.is_file() && found.len() <= MAX_BYTES {
            let mode = found.permissions().mode();
            fs::read(path).map_or(Self::Other, |bytes| Self::File { bytes, mode })
        } else {
            Self::Other
        })
    }
}

/// A directory below which files are put back and set aside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a>(pub(super) &'a Path);

impl Place<'_> {
    /// Makes a path what it was before.
    pub(super) fn restore(
        self,
        path: &Path,
        before: &Item,
        modified: Option<SystemTime>,
    ) -> io::Result<()> {
        self.clear_way_to(path)?;
        match before {
            Item::Other => Err(io::Error::other("it was too large to be kept")),
            Item::Link(target) => {
                remove(path)?;
                symlink(target, path)
            }
            Item::File { bytes, mode } => {
                remove(path)?;
                let mut options = File::options();
                let new = options.write(true).create_new(true).mode(0o600);
                let mut file = new.open(path)?;
                file.write_all(bytes)?;
                file.set_permissions(Permissions::from_mode(*mode))?;
                modified.map_or(Ok(()), |time| file.set_modified(time))
            }
        }
    }

    /// Moves it to where git does not look; an earlier one that was there is replaced.
    pub(super) fn set_aside(self, path: &Path, to: &Path) -> io::Result<()> {
        self.clear_way_to(to)?;
        remove(to)?;
        fs::rename(path, to)
    }

    /// Makes every directory above a path a real one: what stands there instead, a link above all,
    /// would lead somewhere else.
    fn clear_way_to(self, path: &Path) -> io::Result<()> {
        let above = path.parent().unwrap_or(self.0);
        let below = above.strip_prefix(self.0).map_err(io::Error::other)?;
        let mut dir = self.0.to_owned();
        for name in below {
            dir.push(name);
            match fs::symlink_metadata(&dir) {
                Ok(found) if found.is_dir() => continue,
                Ok(_) => {
                    let aside = beside(&dir);
                    remove(&aside)?;
                    fs::rename(&dir, aside)?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            fs::create_dir(&dir)?;
        }
        Ok(())
    }
}

/// The same name with an end that git does not look for.
pub(super) fn beside(path: &Path) -> PathBuf {
    path.with_added_extension(ASIDE)
}

fn remove(path: &Path) -> io::Result<()> {
    let done = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match done {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
