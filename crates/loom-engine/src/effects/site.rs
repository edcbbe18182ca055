//! Where an effect works: the user's directory, or the fork of its attempt. In a fork everything is
//! said as if it were the directory itself: a model, a check and the user never see the copy's path.

use super::Cx;
use crate::broken::Broken;
use loom_events::{FailureClass, Outcome};
use loom_tools::ShellSettings;
use loom_workspace::Fork;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// Arguments that name places. What goes into a file is never touched: it would name the copy there.
const PLACES: [&str; 4] = ["path", "from", "to", "command"];

/// The two names of a fork's directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// As the user knows it.
    outside: String,
    /// As it is on disk.
    inside: String,
}

impl Names {
    /// None when one of them is no text; then it is not translated.
    fn new(outside: &Path, inside: &Path) -> Option<Self> {
        Some(Self {
            outside: outside.to_str()?.to_owned(),
            inside: inside.to_str()?.to_owned(),
        })
    }

    /// Text of a command as it means the fork.
    fn inward(&self, text: &str) -> String {
        renamed(text, &self.outside, &self.inside)
    }

    /// Text from the fork as it means the user's directory.
    pub(super) fn outward(&self, text: &str) -> String {
        renamed(text, &self.inside, &self.outside)
    }
}

/// A text with one directory's name in the place of another's, where it is named whole.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        out.push_str(before);
        let whole = !out.ends_with(is_name) && !goes_on(after);
        out.push_str(if whole { to } else { from });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a name goes on in what follows it.
fn goes_on(after: &str) -> bool {
    let mut chars = after.chars();
    match chars.next() {
        // The end of a sentence, or the beginning of `.bak`.
        Some('.') => chars.next().is_some_and(is_name),
        Some(first) => is_name(first),
        None => false,
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

impl Cx {
    /// The same effect in a fork that was made before.
    pub(super) async fn enter(self, name: &str) -> Result<Self, Broken> {
        let gone = || {
            Broken::new(
                FailureClass::Environment,
                format!("the fork {name} is gone, and what was done in it with it"),
            )
        };
        let origin = self.place.workspace.clone().ok_or_else(gone)?;
        let found = self.place.forks.get(name, &origin).await;
        let fork = found
            .map_err(|error| Broken::environment("a fork could not be opened", &error))?
            .ok_or_else(gone)?;
        self.inside(fork).await
    }

    /// The same effect in a fork.
    pub(super) async fn inside(mut self, fork: Arc<Fork>) -> Result<Self, Broken> {
        let origin = self.place.workspace.as_ref();
        let names = origin.and_then(|o| Names::new(o.path(), fork.workspace().path()));
        // What two attempts leave behind for themselves is not to meet.
        let scratch = self.place.scratch.join(fork.name());
        tokio::fs::create_dir_all(&scratch).await.map_err(|error| {
            Broken::environment("a scratch directory could not be made", &error)
        })?;
        self.scratch = scratch;
        let mut readable = self.shell.readable.clone();
        readable.extend(fork.readable());
        self.shell = Arc::new(ShellSettings {
            readable,
            ..ShellSettings::clone(&self.shell)
        });
        self.workspace = Some(Arc::clone(fork.workspace()));
        self.signals.in_fork = true;
        self.signals.names = names.map(Arc::new);
        Ok(self)
    }

    /// The arguments of a call as they mean the place where it runs.
    pub(super) fn inward(&self, mut arguments: Value) -> Value {
        let Some(names) = &self.signals.names else {
            return arguments;
        };
        for place in PLACES {
            if let Some(Value::String(text)) = arguments.get_mut(place) {
                *text = names.inward(text);
            }
        }
        arguments
    }

    /// The line of a check, likewise.
    pub(super) fn inward_line(&self, line: &str) -> String {
        let names = self.signals.names.as_ref();
        names.map_or_else(|| line.to_owned(), |names| names.inward(line))
    }

    /// What was said there, as it means the user's directory.
    pub(super) fn outward(&self, text: String) -> String {
        self.signals.outward(text)
    }
}

/// Does work in a fork, when it has one.
pub(super) async fn within<W>(
    fork: Option<String>,
    cx: Cx,
    work: impl FnOnce(Cx) -> W,
) -> Result<Outcome, Broken>
where
    W: Future<Output = Result<Outcome, Broken>>,
{
    let cx = match fork {
        Some(name) => cx.enter(&name).await?,
        None => cx,
    };
    work(cx).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_gets_its_other_name_only_where_it_is_named_whole() {
        let names = Names {
            outside: "/home/u/proj".to_owned(),
            inside: "/data/forks/a/tree".to_owned(),
        };
        let there = "cd /home/u/proj && cat /home/u/proj/a.txt '/home/u/proj'; in /home/u/proj.";
        let here = names.inward(there);
        assert_eq!(
            here,
            "cd /data/forks/a/tree && cat /data/forks/a/tree/a.txt '/data/forks/a/tree'; in /data/forks/a/tree."
        );
        assert_eq!(names.outward(&here), there);
        for other in [
            "/home/u/proj2",
            "/home/u/proj-x",
            "/home/u/proj.bak",
            "/x/home/u/proj",
        ] {
            assert_eq!(names.inward(other), other);
        }
    }
}
