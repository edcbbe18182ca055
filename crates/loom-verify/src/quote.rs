//! Whether a quote is in the material: the only thing that a verifier says which can be checked.

use loom_prompts::{Block, CheckLine};

/// A quote needs so many letters or digits: a bracket is in every file.
const MIN_SIGNIFICANT: usize = 4;

/// Longest quote looked for; the prompt asks for 200 characters.
const MAX_CHARS: usize = 400;

/// Where quotes and searched texts are looked for.
pub(crate) struct Material<'a> {
    /// What was shown.
    pub(crate) blocks: &'a [Block],
    /// What there is besides, shown apart: what is in it is not absent.
    pub(crate) everything: &'a [&'a Block],
    pub(crate) checks: &'a [CheckLine],
}

impl Material<'_> {
    /// Whether the quote is a part of some line, white space aside, or of neighbouring lines.
    pub(crate) fn holds(&self, quote: &str) -> bool {
        let wanted = folded(quote);
        if wanted.chars().count() > MAX_CHARS {
            return false;
        }
        let bare = folded(unmarked(quote));
        let whole_line = |text: &str| text.lines().any(|line| folded(unmarked(line)) == bare);
        let significant = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
        if significant(&bare) < MIN_SIGNIFICANT {
            // So short a quote counts only as a whole line.
            return significant(&bare) > 0
                && self.blocks.iter().any(|block| whole_line(&block.text));
        }
        let texts = self.blocks.iter().map(|block| block.text.clone());
        let checks = self
            .checks
            .iter()
            .map(|line| format!("{} ({})", line.check, line.detail));
        texts
            .chain(checks)
            .any(|text| folded(&text).contains(&wanted) || contains_lines(&text, &bare))
    }

    /// Whether a text is in what is there now: lines that a diff removes do not count.
    pub(crate) fn has_now(&self, text: &str) -> bool {
        let wanted = folded(text);
        self.everything.iter().any(|block| {
            let diff = block.title.starts_with("diff of ");
            block
                .text
                .lines()
                .filter(|line| !(diff && line.starts_with('-')))
                .any(|line| folded(line).contains(&wanted))
        })
    }
}

/// Whether the quote is in the text when line numbers and marks of a diff are taken away.
fn contains_lines(text: &str, bare: &str) -> bool {
    let lines: Vec<String> = text.lines().map(|line| folded(unmarked(line))).collect();
    lines.join(" ").contains(bare)
}

/// One space between words, none at the ends.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without the `12| ` of the numbering and the `+` or `-` of a diff, which models copy along.
fn unmarked(line: &str) -> &str {
    let line = line.trim();
    let line = match line.split_once('|') {
        Some((number, rest))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            rest.trim_start()
        }
        _ => line,
    };
    line.strip_prefix(['+', '-']).unwrap_or(line).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn material() -> (Vec<Block>, Vec<CheckLine>) {
        let blocks = vec![Block {
            label: "D1".to_owned(),
            title: "diff of shapes.py".to_owned(),
            text: "@@ -1,3 +1,3 @@\n-def area(self):\n+def surface(self):\n     return self.w  *  self.h\n }\n x1"
                .to_owned(),
        }];
        let checks = vec![CheckLine {
            check: "`sh test.sh` exits 0".to_owned(),
            passed: true,
            detail: "exit 0".to_owned(),
        }];
        (blocks, checks)
    }

    fn holds(quote: &str) -> bool {
        let (blocks, checks) = material();
        Material {
            blocks: &blocks,
            everything: &[],
            checks: &checks,
        }
        .holds(quote)
    }

    #[test]
    fn a_quote_is_found_with_any_white_space_numbering_or_diff_mark() {
        for quote in [
            "def surface(self):",
            "+def surface(self):",
            "3| +def surface(self):",
            "return self.w * self.h",
            "  return   self.w * self.h ",
            "surface(self): return self.w",
            "`sh test.sh` exits 0",
        ] {
            assert!(holds(quote), "{quote}");
        }
    }

    #[test]
    fn what_is_not_there_or_in_every_file_is_no_quote() {
        for quote in [
            "",
            "}",
            "def volume(self):",
            "Looks good to me",
            "def",
            "+",
            "the code is right",
        ] {
            assert!(!holds(quote), "{quote}");
        }
    }

    #[test]
    fn a_short_quote_counts_when_it_is_a_whole_line() {
        assert!(holds("x1"));
        assert!(!holds("x"));
    }

    #[test]
    fn removed_lines_are_not_there_any_more() {
        let (blocks, checks) = material();
        let everything: Vec<&Block> = blocks.iter().collect();
        let material = Material {
            blocks: &blocks,
            everything: &everything,
            checks: &checks,
        };
        assert!(!material.has_now("def area"));
        assert!(material.has_now("def surface"));
    }
}
