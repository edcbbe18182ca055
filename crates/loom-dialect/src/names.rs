//! Names that are nearly right.

/// How alike two names must be for one to be suggested in place of the other.
const ALIKE: f64 = 0.75;

/// The nearest of some names, if one is near.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(name);
    candidates
        .map(|candidate| (likeness(&folded, &fold(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn likeness(a: &str, b: &str) -> f64 {
    if a.len().min(b.len()) >= 4 && (a.contains(b) || b.contains(a)) {
        return 0.9;
    }
    strsim::jaro_winkler(a, b).min(0.5 + strsim::normalized_damerau_levenshtein(a, b))
}

fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The name without the wrappings that model families put around it.
#[must_use]
pub fn strip(name: &str) -> &str {
    let name = name.trim();
    ["functions.", "tools.", "default_api.", "default_api:"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let names = ["read_file", "write_file", "shell_execute", "list_directory"];
        let near = |name| nearest(name, names.into_iter());
        assert_eq!(near("readFile"), Some("read_file"));
        assert_eq!(near("wrte_file"), Some("write_file"));
        assert_eq!(near("list_dir"), Some("list_directory"));
        assert_eq!(near("shell"), Some("shell_execute"));
        assert_eq!(near("send_email"), None);
    }

    #[test]
    fn wrappings_are_stripped() {
        assert_eq!(strip("functions.read_file"), "read_file");
        assert_eq!(strip(" tools.x "), "x");
        assert_eq!(strip("my.tools.x"), "my.tools.x");
    }
}
