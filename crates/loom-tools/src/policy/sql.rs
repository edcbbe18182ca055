//! Statements for a database: which of them lose data.

/// Whether a text has a statement that removes or rewrites rows or tables.
pub(super) fn is_destructive(text: &str) -> bool {
    let bare = without_literals(text).to_lowercase();
    bare.split(';').any(|statement| {
        // A plan alone changes nothing; with `analyze` it is carried out.
        let statement = match statement.trim().strip_prefix("explain") {
            Some(plan) if !plan.contains("analyze") => return false,
            Some(plan) => plan.trim().trim_start_matches("analyze").trim(),
            None => statement,
        };
        let words: Vec<&str> = statement.split_whitespace().collect();
        let has = |word: &str| words.contains(&word);
        let starts = |word: &str| words.first() == Some(&word);
        starts("drop")
            || starts("truncate")
            || (has("delete") && has("from"))
            || (starts("update") && has("set"))
            || (starts("alter") && has("drop"))
            || starts(".restore")
            || statement.contains("dropdatabase(")
            || statement.contains(".drop(")
            || statement.contains("deletemany(")
            || statement.contains("remove({")
            || ["-c", "-e"].iter().any(|lead| {
                statement
                    .trim()
                    .strip_prefix(lead)
                    .is_some_and(|rest| rest.trim().starts_with("drop"))
            })
    })
}

/// Lines that a database shell hands to the shell.
pub(super) fn shell_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        [".shell ", ".system ", "\\! ", "\\!", ".once |", ".output |"]
            .iter()
            .find_map(|start| line.strip_prefix(start))
    })
}

/// The text without comments and without what is between quotes.
fn without_literals(text: &str) -> String {
    let mut bare = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' | '`' => {
                while chars.next().is_some_and(|inner| inner != c) {}
                bare.push_str("x ");
            }
            '-' if chars.peek() == Some(&'-') => while chars.next().is_some_and(|c| c != '\n') {},
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
                bare.push(' ');
            }
            c => bare.push(c),
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_lose_data_are_told_from_text_that_names_them() {
        for text in [
            "drop table users",
            "DELETE FROM a",
            "/* x */ Truncate t",
            "select 1; drop table a",
            "update a set b = 1",
        ] {
            assert!(is_destructive(text), "{text}");
        }
        for text in [
            ".schema",
            "select * from a where b like '%drop table%'",
            "-- drop table a\nselect 1",
            "insert into a values ('delete from b')",
        ] {
            assert!(!is_destructive(text), "{text}");
        }
    }
}
