//! Toolchains in a home directory: `config/toolchains.toml`, compiled in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static KNOWN: LazyLock<BTreeMap<String, Vec<PathBuf>>> = LazyLock::new(|| {
    let text = include_str!("../../../../../config/toolchains.toml");
    toml::from_str(text).expect("BUG: config/toolchains.toml is a table of lists")
});

/// Toolchains under a home directory that exist, for [`crate::CommandSpec::readable`].
#[must_use]
pub fn toolchains(home: &Path) -> Vec<PathBuf> {
    let paths = KNOWN.values().flatten().map(|name| home.join(name));
    paths.filter(|path| path.exists()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Component;

    #[test]
    fn every_entry_is_a_plain_path_below_the_home() {
        let plain = |path: &PathBuf| {
            let mut parts = path.components();
            parts.all(|part| matches!(part, Component::Normal(_))) && path.components().count() > 0
        };
        for (name, paths) in &*KNOWN {
            assert!(!paths.is_empty() && paths.iter().all(plain), "{name}");
        }
    }

    #[test]
    fn credentials_are_no_toolchain() {
        let home = tempfile::tempdir().unwrap();
        for dir in [".cargo/bin", ".ssh", ".gnupg", ".aws", ".config/gh"] {
            std::fs::create_dir_all(home.path().join(dir)).unwrap();
        }
        for file in [
            ".cargo/credentials.toml",
            ".netrc",
            ".npmrc",
            ".git-credentials",
        ] {
            std::fs::write(home.path().join(file), "").unwrap();
        }
        assert_eq!(toolchains(home.path()), [home.path().join(".cargo/bin")]);
    }
}
