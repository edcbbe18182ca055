//! Git's configuration files: what in them is harmless.

/// Keys whose values git never runs, by section; `*` stands for every key of it.
const HARMLESS: &[(&str, &str)] = &[
    ("advice", "*"),
    ("author", "name email"),
    ("branch", "remote merge rebase pushremote description"),
    ("color", "*"),
    ("column", "*"),
    ("commit", "gpgsign verbose"),
    ("committer", "name email"),
    (
        "core",
        "repositoryformatversion filemode bare logallrefupdates ignorecase precomposeunicode symlinks autocrlf eol safecrlf quotepath abbrev compression bigfilethreshold sharedrepository sparsecheckout sparsecheckoutcone",
    ),
    (
        "diff",
        "algorithm renames renamelimit mnemonicprefix noprefix colormoved",
    ),
    (
        "extensions",
        "objectformat refstorage worktreeconfig partialclone compatobjectformat preciousobjects relativeworktrees",
    ),
    ("feature", "*"),
    ("fetch", "prune prunetags parallel"),
    (
        "gc",
        "auto autodetach autopacklimit pruneexpire reflogexpire",
    ),
    ("index", "*"),
    ("init", "defaultbranch"),
    ("lfs", "repositoryformatversion access"),
    ("log", "*"),
    ("maintenance", "auto strategy"),
    ("merge", "ff conflictstyle renames"),
    ("pack", "*"),
    ("pull", "rebase ff"),
    ("push", "default autosetupremote followtags"),
    ("rebase", "autosquash autostash updaterefs"),
    (
        "remote",
        "url fetch push pushurl tagopt prune mirror promisor partialclonefilter",
    ),
    ("status", "*"),
    ("submodule", "active url branch path recurse"),
    ("tag", "gpgsign sort forcesignannotated"),
    ("user", "name email signingkey useconfigonly"),
];

fn is_harmless(section: &str, key: &str) -> bool {
    let keys = HARMLESS.iter().find(|(name, _)| *name == section);
    keys.is_some_and(|(_, keys)| *keys == "*" || keys.split_whitespace().any(|name| name == key))
}

/// The harmless part of a configuration; none when all of it is harmless. What is not understood is
/// not harmless, and then nothing of it stays.
pub(super) fn harmless_part(text: &str) -> Option<String> {
    let mut part = String::new();
    let mut section = String::new();
    let mut is_whole = true;
    for line in text.lines() {
        let keep = match read(line) {
            Some(Line::Section(name)) => {
                section = name;
                true
            }
            Some(Line::Nothing) => true,
            Some(Line::Value(key)) => is_harmless(&section, &key),
            None => return Some(String::new()),
        };
        is_whole &= keep;
        if keep {
            part.push_str(line);
            part.push('\n');
        }
    }
    (!is_whole).then_some(part)
}

enum Line {
    /// Empty, or a comment.
    Nothing,
    /// The beginning of a section; its name.
    Section(String),
    /// A value; its key.
    Value(String),
}

/// Reads one line; none when it is not understood. That is less than git takes: one section header
/// or one value, on one line.
fn read(line: &str) -> Option<Line> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';']) {
        return Some(Line::Nothing);
    }
    if let Some(rest) = line.strip_prefix('[') {
        let name = rest.strip_suffix(']')?;
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let (name, rest) = name.split_at(end.unwrap_or(name.len()));
        // `[a "b"]`, or `[a.b]` in old files; a bracket in it could hide the end of the header.
        let fits = rest.is_empty() || (rest.starts_with([' ', '.']) && !rest.contains(']'));
        return (fits && !name.is_empty()).then(|| Line::Section(name.to_ascii_lowercase()));
    }
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    let key = key.trim();
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // A backslash at the end joins the next line, in which a header could hide.
    (is_key && !value.ends_with('\\')).then(|| Line::Value(key.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE_BY_INIT: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n";

    #[test]
    fn what_git_writes_by_itself_is_harmless() {
        assert_eq!(harmless_part(MADE_BY_INIT), None);
        let cloned = format!(
            "{MADE_BY_INIT}[remote \"origin\"]\n\turl = https://h/x\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n[user]\n\tname = t\n\temail = t@t\n"
        );
        assert_eq!(harmless_part(&cloned), None);
    }

    #[test]
    fn what_runs_a_program_is_taken_out() {
        for line in [
            "[core]\n\tfsmonitor = ./x",
            "[core]\n\thooksPath = ./x",
            "[core]\n\tsshCommand = ./x",
            "[core]\n\tpager = ./x",
            "[alias]\n\tst = !./x",
            "[filter \"f\"]\n\tclean = ./x",
            "[diff]\n\texternal = ./x",
            "[diff \"d\"]\n\ttextconv = ./x",
            "[merge \"m\"]\n\tdriver = ./x",
            "[include]\n\tpath = ../x",
            "[includeIf \"gitdir:/\"]\n\tpath = ../x",
            "[credential]\n\thelper = !./x",
            "[gpg]\n\tprogram = ./x",
            "[protocol \"ext\"]\n\tallow = always",
            "[remote \"o\"]\n\tuploadpack = ./x",
            "[CORE]\n\tFSMONITOR = ./x",
        ] {
            let text = format!("{MADE_BY_INIT}{line}\n");
            let part = harmless_part(&text).unwrap_or_else(|| panic!("{line} stays"));
            assert!(part.starts_with(MADE_BY_INIT), "{line}");
            assert!(!part.contains("./x") && !part.contains("../x"), "{part}");
        }
    }

    #[test]
    fn what_is_not_understood_does_not_stay() {
        for text in [
            "[core] fsmonitor = ./x\n",
            "[user]\n\tname = a\\\n[core]\n\tfsmonitor = ./x\n",
            "[user \"]\"]\n[core]fsmonitor=./x\n",
            "[core\n",
        ] {
            assert_eq!(harmless_part(text).as_deref(), Some(""), "{text}");
        }
        let before_any_section = harmless_part("fsmonitor = ./x\n");
        assert_eq!(before_any_section.as_deref(), Some(""));
    }
}
