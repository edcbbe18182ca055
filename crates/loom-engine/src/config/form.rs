//! The forms that values have: what is accepted, in which canonical JSON it is kept, how it is
//! shown. A [`Form`] knows nothing about which key it belongs to.

use super::error::most_like;
use super::policy;
use serde_json::Value;
use std::time::Duration;

/// A value as it was given.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    /// With a type, as TOML has it.
    Typed(Value),
    /// A bare word from the environment or the command line; the key says what it means.
    Word(String),
}

/// What a key accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// A whole number in a range, both ends included.
    Whole(u64, u64),
    /// Any number in a range, both ends included.
    Number(f64, f64),
    /// `true` or `false`.
    Switch,
    /// Such as `"30s"`; kept in milliseconds.
    Duration,
    /// The same, or `"never"`.
    DurationOrNever,
    /// The same, or `"forever"`; kept as it was written.
    KeepAlive,
    /// Such as `"20GiB"`; kept in bytes.
    Bytes,
    /// A list of names of directories.
    Names,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of these words without repetition, at least one.
    Choices(&'static [&'static str]),
    /// An absolute path.
    Path,
    /// A list of absolute paths.
    Paths,
    /// Some text, not empty.
    Text,
    /// A list of texts.
    Texts,
    /// Texts by names.
    Table,
    /// Names of variables by names.
    Variables,
    /// `http://…` or `https://…`, without a secret in it.
    Url,
    /// The name of a variable of the environment.
    Variable,
    /// A list of rules for commands; those of a further layer are added to it.
    Rules,
}

impl Form {
    /// The canonical value, or what is wrong in words that follow the key.
    pub(super) fn read(self, raw: &Raw) -> Result<Value, String> {
        let value = match raw {
            Raw::Typed(value) => value.clone(),
            Raw::Word(word) => self.typed(word),
        };
        if self == Self::Rules {
            return policy::read_rules(&value);
        }
        self.accept(&value).ok_or_else(|| {
            let meant = self.nearest(&value);
            let meant =
                meant.map_or_else(String::new, |word| format!("; did you mean \"{word}\"?"));
            format!("must be {}, not {}{meant}", self.expected(), shown(&value))
        })
    }

    /// The word of a choice that was probably meant.
    fn nearest(self, value: &Value) -> Option<&'static str> {
        match self {
            Self::Choice(words) => most_like(value.as_str()?, words.iter().copied()),
            _ => None,
        }
    }

    /// A word in the type that this form wants; what does not parse stays text and is refused.
    fn typed(self, word: &str) -> Value {
        let text = || Value::from(word);
        match self {
            Self::Whole(..) | Self::Number(..) | Self::Switch => {
                serde_json::from_str(word).unwrap_or_else(|_| text())
            }
            Self::Choices(_) | Self::Paths | Self::Names | Self::Texts => word
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(Value::from)
                .collect(),
            Self::Duration
            | Self::DurationOrNever
            | Self::KeepAlive
            | Self::Bytes
            | Self::Choice(_)
            | Self::Path
            | Self::Text
            | Self::Table
            | Self::Variables
            | Self::Url
            | Self::Variable
            | Self::Rules => text(),
        }
    }

    fn accept(self, value: &Value) -> Option<Value> {
        match self {
            Self::Whole(min, max) => value
                .as_u64()
                .filter(|n| (min..=max).contains(n))
                .map(Value::from),
            Self::Number(min, max) => value
                .as_f64()
                .filter(|n| (min..=max).contains(n))
                .map(Value::from),
            Self::Switch => value.as_bool().map(Value::from),
            Self::Duration => milliseconds(value.as_str()?).map(Value::from),
            Self::DurationOrNever if value == "never" => Some(Value::Null),
            Self::DurationOrNever => Self::Duration.accept(value),
            Self::KeepAlive => text_where(value, |text| {
                text == "forever" || milliseconds(text).is_some()
            }),
            Self::Bytes => bytes(value.as_str()?).map(Value::from),
            Self::Names => {
                let name = |item: &Value| item.as_str().is_some_and(is_name);
                value.as_array()?.iter().all(name).then(|| value.clone())
            }
            Self::Choice(words) => one_of(words, value),
            Self::Choices(words) => {
                let list = value.as_array().filter(|list| !list.is_empty())?;
                let distinct = |(at, item): (usize, &Value)| !list[..at].contains(item);
                let all = list.iter().all(|item| one_of(words, item).is_some());
                (all && list.iter().enumerate().all(distinct)).then(|| value.clone())
            }
            Self::Path => text_where(value, is_absolute),
            Self::Paths => {
                let absolute = |item: &Value| item.as_str().is_some_and(is_absolute);
                value
                    .as_array()?
                    .iter()
                    .all(absolute)
                    .then(|| value.clone())
            }
            Self::Text => text_where(value, |text| !text.trim().is_empty()),
            Self::Texts => {
                let all = value.as_array()?.iter().all(Value::is_string);
                all.then(|| value.clone())
            }
            Self::Table => table_where(value, |_| true),
            Self::Variables => table_where(value, is_variable),
            Self::Url => text_where(value, is_server_address),
            Self::Variable => text_where(value, is_variable),
            Self::Rules => policy::read_rules(value).ok(),
        }
    }

    /// What a key has when a layer sets this value on top of another.
    pub(super) fn on_top_of(self, below: &Value, value: Value) -> Value {
        match (self, below, value) {
            // A layer must not drop what another one forbids.
            (Self::Rules, Value::Array(below), Value::Array(more)) => {
                below.iter().cloned().chain(more).collect()
            }
            (_, _, value) => value,
        }
    }

    /// What is accepted, in words that follow "must be".
    pub(super) fn expected(self) -> String {
        match self {
            Self::Whole(min, u64::MAX) => format!("a whole number of at least {min}"),
            Self::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Self::Number(min, max) => format!("a number from {min} to {max}"),
            Self::Switch => "true or false".into(),
            Self::Duration => "a duration above zero such as \"30s\", \"5m\" or \"2h\"".into(),
            Self::DurationOrNever => "a duration such as \"5m\" or \"2h\", or \"never\"".into(),
            Self::KeepAlive => "a duration such as \"30m\" or \"2h\", or \"forever\"".into(),
            Self::Bytes => "a size such as \"500MiB\" or \"20GiB\"".into(),
            Self::Names => "a list of names of directories, without `/`".into(),
            Self::Choice(words) => format!("one of {}", quoted(words)),
            Self::Choices(words) => format!("a list of different words out of {}", quoted(words)),
            Self::Path => "an absolute path".into(),
            Self::Paths => "a list of absolute paths".into(),
            Self::Text => "text that is not empty".into(),
            Self::Texts => "a list of texts".into(),
            Self::Table => {
                "a table of texts such as { LEVEL = \"debug\", TOKEN = \"$MY_TOKEN\" }".into()
            }
            Self::Variables => {
                "a table of names of environment variables such as { X-Api-Key = \"MY_API_KEY\" }"
                    .into()
            }
            Self::Url => {
                "an address such as \"http://127.0.0.1:8080/v1\", with no user or password in it"
                    .into()
            }
            Self::Variable => "the name of an environment variable such as \"MY_API_KEY\"".into(),
            Self::Rules => "a list of rules".into(),
        }
    }

    /// A canonical value as it would stand in a file; `None` when nothing would.
    pub(super) fn toml(self, canonical: &Value) -> Option<String> {
        match (self, canonical) {
            (Self::DurationOrNever, Value::Null) => Some("\"never\"".into()),
            (_, Value::Null) => None,
            (Self::Duration | Self::DurationOrNever, value) => {
                Some(format!("\"{}\"", duration_text(value.as_u64()?)))
            }
            (Self::Bytes, value) => Some(format!("\"{}\"", bytes_text(value.as_u64()?))),
            (Self::Rules, rules) => policy::rules_toml(rules),
            (_, Value::Object(members)) => {
                let members = members.iter();
                let members: Vec<_> = members
                    .map(|(name, value)| format!("{} = {value}", Value::from(name.as_str())))
                    .collect();
                Some(format!("{{ {} }}", members.join(", ")))
            }
            (_, value) => Some(value.to_string().replace("\",\"", "\", \"")),
        }
    }
}

/// The value as the user wrote it, short enough for one line.
fn shown(value: &Value) -> String {
    /// Enough to recognise the value; the line number leads to the rest.
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}

fn one_of(words: &[&str], value: &Value) -> Option<Value> {
    text_where(value, |text| words.contains(&text))
}

fn text_where(value: &Value, accept: impl FnOnce(&str) -> bool) -> Option<Value> {
    value.as_str().filter(|text| accept(text)).map(Value::from)
}

fn table_where(value: &Value, accept: impl Fn(&str) -> bool) -> Option<Value> {
    let members = value.as_object()?;
    let fits =
        |(name, value): (&String, &Value)| !name.is_empty() && value.as_str().is_some_and(&accept);
    members.iter().all(fits).then(|| value.clone())
}

fn is_variable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_absolute(path: &str) -> bool {
    std::path::Path::new(path).is_absolute()
}

/// Whether this is an `http` address with a host and without a secret.
pub(super) fn is_server_address(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
    else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let port_fits = match port {
        Some(port) if !port.ends_with(']') => port.parse::<u16>().is_ok_and(|port| port > 0),
        _ => true,
    };
    let host = authority.split(':').next().unwrap_or_default();
    !host.is_empty()
        && port_fits
        && !authority.contains('@')
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Units, largest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads `1h30m`, `90s`, `250ms`: whole numbers with units, each unit at most once, above zero.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    let mut above = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..letters])?;
        if *unit >= above {
            return None;
        }
        above = *unit;
        total = total.checked_add(count.checked_mul(*unit)?)?;
        rest = rest[letters..].trim_start();
    }
    (total > 0).then_some(total)
}

/// The shortest text that [`milliseconds`] reads back.
fn duration_text(millis: u64) -> String {
    let mut rest = millis;
    let mut text = String::new();
    for (name, unit) in UNITS {
        if rest / unit > 0 {
            text.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    text
}

/// Units, largest first, in bytes.
const BYTE_UNITS: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

/// Reads `20GiB`, `500 MiB`: a whole number above zero with its unit.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let count: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let (_, unit) = BYTE_UNITS.iter().find(|(name, _)| *name == unit)?;
    count.checked_mul(*unit).filter(|bytes| *bytes > 0)
}

/// The shortest text that [`bytes`] reads back.
fn bytes_text(bytes: u64) -> String {
    let whole = |(_, unit): &&(&str, u64)| bytes.is_multiple_of(*unit);
    let (name, unit) = BYTE_UNITS.iter().find(whole).unwrap_or(&("KiB", 1 << 10));
    format!("{}{name}", bytes.div_ceil(*unit))
}

/// Whether this can be the name of a directory.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '\0']) && text != "." && text != ".."
}

/// Milliseconds of a canonical duration as a [`Duration`].
pub(super) const fn duration(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(milliseconds(text), Some(millis), "{text}");
        }
        for bad in [
            "",
            "10",
            "0s",
            "s",
            "5 minutes",
            "-1s",
            "1m1h",
            "1s1s",
            "1.5h",
            "99999999999999999999d",
        ] {
            assert_eq!(milliseconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_shown_duration_reads_back_to_itself() {
        for millis in [1, 250, 1000, 61_000, 5_400_000, 86_400_001] {
            assert_eq!(milliseconds(&duration_text(millis)), Some(millis));
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them_and_shown_so_that_they_read_back() {
        for (text, size) in [("20GiB", 20 << 30), ("500 MiB", 500 << 20), ("1KiB", 1024)] {
            assert_eq!(bytes(text), Some(size), "{text}");
            assert_eq!(bytes(&bytes_text(size)), Some(size), "{text}");
        }
        for bad in [
            "",
            "20",
            "0GiB",
            "GiB",
            "20 GB",
            "-1GiB",
            "1.5GiB",
            "99999999999TiB",
        ] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_of_a_directory_is_no_path() {
        assert!(
            Form::Names
                .read(&Raw::Typed(json!(["build", "dist"])))
                .is_ok()
        );
        for bad in [json!(["a/b"]), json!([""]), json!([".."]), json!("build")] {
            assert!(Form::Names.read(&Raw::Typed(bad.clone())).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_what_to_be_and_what_it_is() {
        let refused = Form::Whole(1, 64)
            .read(&Raw::Typed(json!("four")))
            .unwrap_err();
        assert_eq!(refused, "must be a whole number from 1 to 64, not \"four\"");
        let refused = Form::Choice(&["auto", "none"])
            .read(&Raw::Typed(json!("off")))
            .unwrap_err();
        assert_eq!(refused, "must be one of \"auto\", \"none\", not \"off\"");
    }

    #[test]
    fn a_word_takes_the_type_of_its_key() {
        let word = |text: &str| Raw::Word(text.into());
        assert_eq!(Form::Whole(0, 9).read(&word("4")), Ok(json!(4)));
        assert_eq!(Form::Switch.read(&word("true")), Ok(json!(true)));
        assert_eq!(Form::Text.read(&word("4")), Ok(json!("4")));
        assert_eq!(
            Form::Choices(&["a", "b"]).read(&word("b, a")),
            Ok(json!(["b", "a"]))
        );
        assert!(Form::Whole(0, 9).read(&word("many")).is_err());
    }

    #[test]
    fn an_address_has_a_host_a_port_that_fits_and_no_password() {
        for good in [
            "http://127.0.0.1:8080/v1",
            "https://box.lan",
            "http://[::1]:9000",
        ] {
            assert!(is_server_address(good), "{good}");
        }
        for bad in [
            "127.0.0.1:8080",
            "ftp://x",
            "http://",
            "http://:80",
            "http://a:99999",
            "http://u:p@h",
            "http://a b",
        ] {
            assert!(!is_server_address(bad), "{bad}");
        }
    }
}
