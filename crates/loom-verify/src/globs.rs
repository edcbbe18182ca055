//! Globs over paths of a workspace.

use globset::{GlobBuilder, GlobMatcher};

/// One pattern. A plain directory stands for everything in it.
pub(crate) struct Glob {
    exact: GlobMatcher,
    below: Option<String>,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let plain = pattern.trim_start_matches("./").trim_end_matches('/');
        let exact = GlobBuilder::new(plain)
            .literal_separator(true)
            .build()
            .map_err(|error| format!("`{pattern}` is no glob: {error}"))?
            .compile_matcher();
        let is_plain = !plain.contains(['*', '?', '[', '{']);
        Ok(Self {
            exact,
            below: is_plain.then(|| format!("{plain}/")),
        })
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        self.exact.is_match(path)
            || self
                .below
                .as_ref()
                .is_some_and(|dir| path.starts_with(dir.as_str()))
    }
}

/// Whether any of the patterns matches; one that cannot be read matches nothing.
pub(crate) fn any(patterns: &[String], path: &str) -> bool {
    patterns
        .iter()
        .filter_map(|pattern| Glob::new(pattern).ok())
        .any(|glob| glob.matches(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_directory_and_a_directory_means_what_is_in_it() {
        let matches = |pattern: &str, path: &str| Glob::new(pattern).unwrap().matches(path);
        assert!(matches("docs/*.md", "docs/a.md"));
        assert!(!matches("docs/*.md", "docs/b/a.md"));
        assert!(matches("docs/**/*.md", "docs/b/a.md"));
        assert!(matches("./docs/", "docs/b/a.md"));
        assert!(matches("*.{rs,toml}", "a.toml"));
        assert!(!matches("src/a.rs", "src/a.rs.bak"));
        assert!(Glob::new("[").is_err());
    }
}
