//! Values that are known to be secret, in every form in which tools show them.

use crate::base64;
use crate::mark::{MAX_KIND, mark};
use crate::names::holds_it;
use crate::span::Span;
use aho_corasick::{AhoCorasick, MatchKind};
use std::fmt::{self, Write as _};

/// Shorter values are in every other text: to hide them would hide that.
const MIN: usize = 8;

/// Of a word without digits and capitals so many characters are needed: `EMPTY`, `not-needed` and
/// `lm-studio` are what people give as a key to a server that wants none.
const MIN_PLAIN: usize = 20;

/// Lines of a value, and values in base64, that are shorter stand for too little.
const MIN_PART: usize = 16;

/// A value that is known to be secret.
#[derive(Clone)]
pub struct Secret {
    name: String,
    value: String,
}

/// The value is not shown.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}

impl Secret {
    /// A value, and what it is called where it is left out: mostly the variable that has it.
    #[must_use]
    pub fn new(name: &str, value: &str) -> Self {
        let of_name = |c: &char| c.is_ascii_alphanumeric() || "_-. ".contains(*c);
        Self {
            name: name.chars().filter(of_name).take(MAX_KIND).collect(),
            value: value.trim().to_owned(),
        }
    }

    /// Those of an environment: what is called like a secret, and passwords in addresses.
    pub fn of_environment<'a>(
        variables: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Vec<Self> {
        let secret = |(name, value): (&String, &String)| match holds_it(name) {
            true => Some(Self::new(name, value)),
            false => {
                let separator = value.find("://")?;
                let span = crate::url::find(value.as_bytes(), separator)?;
                Some(Self::new(name, value.get(span.start..span.end)?))
            }
        };
        variables.into_iter().filter_map(secret).collect()
    }

    fn is_worth_it(&self) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || "-_. ".contains(c);
        let least = match self.value.chars().all(plain) {
            true => MIN_PLAIN,
            false => MIN,
        };
        !self.name.is_empty()
            && self.value.len() >= least
            && !mark(&self.name).contains(&self.value)
    }

    fn forms(&self) -> Vec<String> {
        let value = &self.value;
        let mut forms = vec![value.clone(), json(value), percent(value)];
        if value.len() >= MIN_PART {
            forms.extend(base64::inside(value.as_bytes()));
        }
        if value.contains('\n') {
            let lines = value.lines().map(str::trim);
            let of_value = lines.filter(|l| l.len() >= MIN_PART && !l.starts_with("-----"));
            forms.extend(of_value.map(str::to_owned));
        }
        forms.sort_unstable();
        forms.dedup();
        forms
    }
}

/// As it stands in JSON.
fn json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As it stands in an address.
fn percent(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            true => text.push(char::from(byte)),
            false => write!(text, "%{byte:02X}").expect("BUG: text can be written to a string"),
        }
        text
    })
}

/// The search for all of them at once.
#[derive(Clone, Default)]
pub(crate) struct Known {
    search: Option<AhoCorasick>,
    /// The name of each form.
    names: Vec<String>,
}

impl Known {
    pub(crate) fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut forms: Vec<(String, String)> = Vec::new();
        for secret in secrets.into_iter().filter(Secret::is_worth_it) {
            for form in secret.forms() {
                if !forms.iter().any(|(known, _)| *known == form) {
                    forms.push((form, secret.name.clone()));
                }
            }
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms.iter().map(|(form, _)| form));
        Self {
            search: (!forms.is_empty())
                .then(|| search.expect("BUG: a handful of values fits into a search")),
            names: forms.into_iter().map(|(_, name)| name).collect(),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(crate) fn find<'a>(&'a self, text: &str, into: &mut Vec<Span<'a>>) {
        let Some(search) = &self.search else {
            return;
        };
        into.extend(search.find_iter(text).map(|found| Span {
            start: found.start(),
            end: found.end(),
            kind: &self.names[found.pattern().as_usize()],
        }));
    }
}
