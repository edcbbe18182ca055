//! Names under which a model knows the tools of servers: `mcp__server__tool`.

/// What every such name begins with; no tool of ours does.
pub(crate) const PREFIX: &str = "mcp__";

/// What stands between the parts.
const BETWEEN: &str = "__";

/// The longest name that every kind of model server takes.
const LONGEST: usize = 64;

/// Hexadecimal digits that tell names apart which would else be the same.
const MARK: usize = 6;

/// The longest name of a server: most of the room is for its tools.
pub const LONGEST_SERVER_NAME: usize = 24;

/// Whether a name can be that of a server: letters, digits, `-` and single `_`, so that where it ends
/// in the name of a tool is never a question.
#[must_use]
pub fn is_server_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=LONGEST_SERVER_NAME).contains(&name.len())
        && name.bytes().all(fits)
        && !name.contains(BETWEEN)
        && !name.starts_with('_')
        && !name.ends_with('_')
}

/// The name of a tool. One that had to be changed to be written by a model, or to fit, ends in a mark
/// made from the original: which tool has which name never depends on what else there is.
pub(super) fn offered(server: &str, tool: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let plain: String = tool
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    let whole = format!("{PREFIX}{server}{BETWEEN}{plain}");
    if plain == tool && whole.len() <= LONGEST {
        return whole;
    }
    let mark = blake3::hash(tool.as_bytes()).to_hex();
    let room = LONGEST - MARK - 1;
    format!("{}_{}", &whole[..whole.len().min(room)], &mark[..MARK])
}

/// The server in the name of a tool, if it is one of a server's.
pub(crate) fn server_in(name: &str) -> Option<&str> {
    let (server, _) = name.strip_prefix(PREFIX)?.split_once(BETWEEN)?;
    Some(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_models_can_write_stays_as_it_is() {
        assert_eq!(offered("git", "read_graph"), "mcp__git__read_graph");
        assert_eq!(offered("git", "a__b-C9"), "mcp__git__a__b-C9");
        assert_eq!(server_in("mcp__git__a__b"), Some("git"));
        assert_eq!(server_in("read_file"), None);
    }

    #[test]
    fn another_name_is_made_to_fit_and_stays_apart_from_all_others() {
        let long = "x".repeat(200);
        let names = [
            "a.b",
            "a b",
            "a/b",
            "a_b",
            "ä_b",
            "",
            "日本",
            &long,
            &long[1..],
        ];
        let mut offered: Vec<String> = names.iter().map(|name| offered("s", name)).collect();
        for name in &offered {
            assert!(name.len() <= LONGEST, "{name}");
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)),
                "{name}"
            );
        }
        offered.sort();
        offered.dedup();
        assert_eq!(offered.len(), names.len());
    }

    #[test]
    fn where_the_name_of_a_server_ends_is_never_a_question() {
        for good in ["git", "my-files", "a_b", "X9"] {
            assert!(is_server_name(good), "{good}");
            assert_eq!(server_in(&offered(good, "_x")), Some(good));
        }
        let long = "x".repeat(LONGEST_SERVER_NAME + 1);
        for bad in ["", "a__b", "_a", "a_", "a.b", "a b", "ä", &long] {
            assert!(!is_server_name(bad), "{bad}");
        }
    }
}
