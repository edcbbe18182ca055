//! Names of tools: the wrappings that come off, what counts as the same name, what is only near.

use crate::refuse::{self, code, refusal};
use loom_events::{Refusal, ToolSpec};

/// How alike two names must be for one to be suggested in place of the other.
const ALIKE: f64 = 0.75;

/// Wrappings in front of a name that families put there.
const PREFIXES: [&str; 6] = [
    "functions.",
    "function.",
    "tools.",
    "tool.",
    "default_api.",
    "default_api:",
];

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

/// A name without case and separators.
pub(crate) fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The name without the wrappings that model families put around it: namespaces, harmony's channel,
/// the index of Kimi, Llama's `.call`, quotes, empty parentheses.
#[must_use]
pub fn strip(name: &str) -> &str {
    let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '*');
    let mut name = name.split("<|").next().unwrap_or(name);
    name = name.trim_matches(quotes);
    while let Some(inner) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = inner;
    }
    if let Some((before, index)) = name.rsplit_once(':')
        && !index.is_empty()
        && index.bytes().all(|b| b.is_ascii_digit())
    {
        name = before;
    }
    let name = name.strip_suffix("()").unwrap_or(name);
    name.strip_suffix(".call")
        .unwrap_or(name)
        .trim_matches(quotes)
}

/// The tool of this name: its own name, a declared alias, or the same but for case and separators,
/// where that is only one tool.
///
/// # Errors
/// A refusal that names what there is.
pub(crate) fn resolve<'a>(name: &str, tools: &'a [ToolSpec]) -> Result<&'a ToolSpec, Refusal> {
    let bare = strip(name);
    if bare.is_empty() || is_id(bare) {
        return Err(refuse::nameless(tools));
    }
    let exact = |tool: &&ToolSpec| tool.name == bare || tool.name == name.trim();
    let alias = |tool: &&ToolSpec| tool.aliases.iter().any(|alias| alias == bare);
    if let Some(tool) = tools
        .iter()
        .find(exact)
        .or_else(|| tools.iter().find(alias))
    {
        return Ok(tool);
    }
    let folded = fold(bare);
    let same = |tool: &&ToolSpec| {
        let mut names = std::iter::once(&tool.name).chain(&tool.aliases);
        names.any(|name| fold(name) == folded)
    };
    let mut alike = tools.iter().filter(same);
    match (alike.next(), alike.next()) {
        (Some(tool), None) => Ok(tool),
        (Some(one), Some(other)) => Err(refusal(
            code::AMBIGUOUS_NAME,
            format!(
                "`{}` may be `{}` or `{}` and was not run. Send the exact name.",
                shown(bare),
                one.name,
                other.name
            ),
        )),
        (None, _) => Err(unknown(bare, tools)),
    }
}

/// The refusal of a name that no tool has. A near one is suggested, never assumed.
pub(crate) fn unknown(name: &str, tools: &[ToolSpec]) -> Refusal {
    let all = tools.iter().map(|tool| tool.name.as_str());
    let hint = nearest(name, all).map_or(String::new(), |near| format!(" Did you mean `{near}`?"));
    let message = format!(
        "there is no tool `{}`.{hint} The tools are: {}",
        shown(name),
        refuse::names(tools)
    );
    refusal(code::UNKNOWN_TOOL, message)
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// Ids that stand where a name should, as servers and clients make them.
fn is_id(name: &str) -> bool {
    let prefixes = ["call_", "call-", "chatcmpl-", "toolu_", "tool_call_"];
    let rest = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    let is_code = |rest: &str| {
        !rest.is_empty()
            && rest.chars().any(|c| c.is_ascii_digit())
            && rest
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    rest.is_some_and(is_code) || name.bytes().all(|b| b.is_ascii_digit())
}

/// One name several times in a row, as a server makes it that joins what belongs to several calls.
pub(crate) fn repeated<'a>(name: &str, tools: &'a [ToolSpec]) -> Option<(&'a ToolSpec, usize)> {
    let bare = strip(name);
    tools.iter().find_map(|tool| {
        let times = bare.len() / tool.name.len().max(1);
        let joined = times > 1 && bare.len() == times * tool.name.len();
        (joined && bare == tool.name.repeat(times)).then_some((tool, times))
    })
}

/// Whether a name is made of two or more names of tools.
pub(crate) fn is_joined(name: &str, tools: &[ToolSpec]) -> bool {
    let bare = strip(name);
    tools.iter().any(|first| {
        let rest = bare.strip_prefix(first.name.as_str());
        rest.is_some_and(|rest| {
            tools
                .iter()
                .any(|tool| rest.starts_with(tool.name.as_str()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tools() -> Vec<ToolSpec> {
        ["read_file", "write_file", "shell", "list_dir"]
            .map(|name| ToolSpec::new(name, "", json!({"type": "object"})))
            .to_vec()
    }

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
        for (name, bare) in [
            ("functions.read_file", "read_file"),
            (" tools.x ", "x"),
            ("my.tools.x", "my.tools.x"),
            ("functions.read_file:12", "read_file"),
            ("read_file<|channel|>commentary", "read_file"),
            ("`read_file()`", "read_file"),
            ("default_api:x", "x"),
        ] {
            assert_eq!(strip(name), bare, "{name}");
        }
    }

    #[test]
    fn a_name_is_the_same_without_case_and_separators_and_never_a_near_one() {
        let tools = tools();
        let found = |name: &str| resolve(name, &tools).map(|tool| tool.name.clone());
        let code = |name: &str| found(name).unwrap_err().code;
        assert_eq!(found("Read-File").unwrap(), "read_file");
        assert_eq!(found("readfile").unwrap(), "read_file");
        assert_eq!(code("read_fil"), "unknown_tool");
        assert_eq!(code("fs.read_file"), "unknown_tool");
        assert_eq!(code(""), "missing_tool_name");
        assert_eq!(code("call_8f2a"), "missing_tool_name");
        assert_eq!(code("functions.call_8f2a:0"), "missing_tool_name");
    }

    #[test]
    fn joined_names_are_noticed() {
        let tools = tools();
        assert_eq!(
            repeated("read_fileread_file", &tools).map(|(_, n)| n),
            Some(2)
        );
        assert!(is_joined("read_fileshell", &tools));
        assert!(!is_joined("read_files", &tools));
    }
}
