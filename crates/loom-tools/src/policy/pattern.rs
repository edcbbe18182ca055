//! What `${name%pattern}`, `${name:2:3}` and the like leave of a value.

use super::place::{OUTPUT, UNKNOWN};
use super::words::Char;

/// Longest value and operator that are worked out; patterns are matched at every place of a value.
const MAX_TEXT: usize = 100;

/// A value after an operator; text that is not known where the operator is not followed.
pub(super) fn applied(value: &[Char], name: &str, operator: &str) -> Vec<Char> {
    let text: String = value.iter().map(|(c, _)| c).collect();
    let plain = |text: &str| text.chars().map(|c| (c, false)).collect();
    if let Some(place) = climbed(name, operator) {
        return plain(place);
    }
    let is_long = text.len() > MAX_TEXT || operator.len() > MAX_TEXT;
    if is_long || text.contains([UNKNOWN, OUTPUT]) || operator.contains(['$', '`']) {
        return vec![(UNKNOWN, false)];
    }
    let known = match operator.chars().next() {
        Some(':') => part(&text, operator),
        Some('%') => {
            let pattern = operator.trim_start_matches('%');
            without_end(&text, pattern, operator.starts_with("%%"))
        }
        Some('#') => {
            let pattern = operator.trim_start_matches('#');
            without_start(&text, pattern, operator.starts_with("##"))
        }
        Some('/') => replaced(&text, operator),
        Some('^') => Some(text.to_uppercase()),
        Some(',') => Some(text.to_lowercase()),
        Some('@') => Some(text),
        _ => None,
    };
    known.map_or_else(|| vec![(UNKNOWN, false)], |text| plain(&text))
}

/// The directory above a well-known one: `${PWD%/*}`.
fn climbed(name: &str, operator: &str) -> Option<&'static str> {
    let ends = operator.starts_with("%/") || operator.starts_with("%%/");
    match (name, operator) {
        ("PWD", _) if ends => Some(".."),
        ("HOME", _) if ends => Some("/home"),
        // However it is cut and folded, it leads to where the user's files are.
        ("HOME", _) => Some("~"),
        ("PWD", "##*/" | "#*/") => Some("workspace"),
        _ => None,
    }
}

/// `${x:offset:length}`.
fn part(text: &str, operator: &str) -> Option<String> {
    let mut numbers = operator.trim_start_matches(':').split(':').map(str::trim);
    let offset: i64 = numbers.next()?.parse().ok()?;
    let all = i64::try_from(text.chars().count()).ok()?;
    let start = if offset < 0 {
        (all + offset).max(0)
    } else {
        offset
    };
    let length = match numbers.next() {
        None => all,
        Some(length) => length.parse().ok()?,
    };
    let length = if length < 0 {
        (all + length - start).max(0)
    } else {
        length
    };
    let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
    Some(text.chars().skip(start).take(length).collect())
}

fn without_end(text: &str, pattern: &str, longest: bool) -> Option<String> {
    let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    if !longest {
        ends.reverse();
    }
    let found = ends.into_iter().find(|at| matches(pattern, &text[*at..]));
    Some(text[..found.unwrap_or(text.len())].to_owned())
}

fn without_start(text: &str, pattern: &str, longest: bool) -> Option<String> {
    let mut ends: Vec<usize> = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .collect();
    if longest {
        ends.reverse();
    }
    let found = ends.into_iter().find(|at| matches(pattern, &text[..*at]));
    Some(text[found.unwrap_or(0)..].to_owned())
}

/// `${x/old/new}`, `${x//old/new}`: for text without wildcards.
fn replaced(text: &str, operator: &str) -> Option<String> {
    let all = operator.starts_with("//");
    let rest = operator.trim_start_matches('/');
    let (old, new) = rest.split_once('/').unwrap_or((rest, ""));
    if old.is_empty() || old.contains(['*', '?', '[', '\\', '"', '\'']) {
        return None;
    }
    Some(match all {
        true => text.replace(old, new),
        false => text.replacen(old, new, 1),
    })
}

/// Whether the whole text fits a pattern of letters, `?` and `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            p = at + 1;
            t = from + 1;
            star = Some((at, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str, operator: &str) -> String {
        let value: Vec<Char> = value.chars().map(|c| (c, false)).collect();
        applied(&value, "x", operator)
            .iter()
            .map(|(c, _)| c)
            .collect()
    }

    #[test]
    fn parts_of_a_value_are_cut_out() {
        assert_eq!(of("abcdef", ":1:3"), "bcd");
        assert_eq!(of("abc", ":5"), "");
        assert_eq!(of("abcdef", ": -2"), "ef");
        assert_eq!(of("a/b/c.tar.gz", "%/*"), "a/b");
        assert_eq!(of("a/b/c.tar.gz", "%%/*"), "a");
        assert_eq!(of("a/b/c.tar.gz", "##*/"), "c.tar.gz");
        assert_eq!(of("a/b/c.tar.gz", "#*/"), "b/c.tar.gz");
        assert_eq!(of("c.txt", "%.txt"), "c");
        assert_eq!(of("c.txt", "%.md"), "c.txt");
        assert_eq!(of("xmx", "//x/r"), "rmr");
        assert_eq!(of("Rm", ",,"), "rm");
        assert_eq!(of("a", "/$y/z"), UNKNOWN.to_string());
    }
}
