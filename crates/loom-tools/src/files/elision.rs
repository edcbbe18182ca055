//! Lines that stand for text that a model did not write: `// ... rest unchanged`.

use regex::Regex;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Longer lines are content that happens to use such words.
const MAX_CHARS: usize = 120;

const COMMENT: &str = r"(?://+|#+|--+|;+|/\*+|\*+|<!--|%+|\{/\*|\(\*|rem\b|[\[(<{])";
const DOTS: &str = r"(?:\.{3,}|…)";
const WHAT: &str = r"(?:the\s+)?(?:rest|remaind(?:er|ing)|remaining|existing|previous|original|other|unchanged|same|omitted|snipp?(?:ed)?|truncated|all\s+other|everything\s+else|keep|code\s+continues)\b";
const STATE: &str = r"\b(?:unchanged|as\s+(?:before|is|above|it\s+was)|stays?|remains?|same\s+as|omitted|elided|goes\s+here|not\s+shown|continues|(?:code|content|implementation|methods?|functions?|imports?|lines?|file)\s+here)\b";

/// A mark and dots, then what was left out: `// ... existing code ...`. Without a space after the
/// dots it would be the spread of a list: `...rest`.
static DOTTED: LazyLock<Regex> = LazyLock::new(|| {
    compile(&format!(
        r"(?i)^\s*{COMMENT}?\s*{DOTS}(?:\s+\(?|\()\s*{WHAT}"
    ))
});

/// A comment that says that something is as it was: `# rest of the file unchanged`.
static STATED: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!(r"(?i)^\s*{COMMENT}\s*\(?{WHAT}.*{STATE}")));

/// What Loom's own tools say at the end of a line that they cut, and in place of lines.
static OURS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"…\s*\[\d+ more bytes\]\s*$|^\[lines \d+-\d+ not shown: |^\[… \d+ lines, \d+ bytes left out",
    )
});

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("BUG: the pattern is a constant")
}

/// The first line of `new` that stands for left-out text and was not in `old`.
pub(super) fn newly_elided<'a>(old: &str, new: &'a str) -> Option<(usize, &'a str)> {
    let known: HashSet<&str> = old.lines().map(str::trim).collect();
    new.lines()
        .enumerate()
        .find(|(_, line)| is_elision(line) && !known.contains(line.trim()))
        .map(|(at, line)| (at + 1, line.trim()))
}

fn is_elision(line: &str) -> bool {
    OURS.is_match(line)
        || (line.len() <= MAX_CHARS && (DOTTED.is_match(line) || STATED.is_match(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found() {
        for line in [
            "// ... existing code ...",
            "    # ... rest of the code remains unchanged ...",
            "... rest unchanged",
            "/* ... remaining methods ... */",
            "<!-- rest of the page unchanged -->",
            "// rest of the file stays the same",
            "# (rest of file unchanged)",
            "[rest of the file unchanged]",
            "-- … other tables …",
            "// … keep existing imports …",
            "# existing code here",
            "let a = \"xxx… [4711 more bytes]",
            "[lines 40-90 not shown: read_file with start_line 40]",
            "[… 12 lines, 300 bytes left out …]",
        ] {
            assert!(is_elision(line), "{line}");
        }
    }

    #[test]
    fn content_that_uses_such_words_is_not() {
        for line in [
            "The rest of the API remains unchanged.",
            "...",
            "    ...",
            "def f(*args): ...",
            "// The remaining bytes are copied below.",
            "let rest = existing.unchanged();",
            "fn f(..rest)",
            "{...rest}",
            "  ...rest,",
            "# Rest API",
            "// keep in sync with parser.rs",
            "const {a, ...existing} = props",
        ] {
            assert!(!is_elision(line), "{line}");
        }
    }

    #[test]
    fn a_placeholder_that_was_there_before_is_content() {
        let old = "a\n// ... existing code ...\n";
        assert_eq!(newly_elided(old, "b\n  // ... existing code ...\n"), None);
        let found = newly_elided("a\n", "b\n// ... existing code ...\n");
        assert_eq!(found, Some((2, "// ... existing code ...")));
    }
}
